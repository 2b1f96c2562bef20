//! The two runs of a configuration: in sample, and held out after an embargo.

use super::BacktestError;
use perpx_core::config::Num;
use perpx_core::units::{MINUTE, NS, SECOND, Time, TimeDelta};

/// What the runs are called.
pub const RUNS: [&str; 2] = ["in sample", "held out"];

/// `[from, to)` of each run; they do not overlap.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Spans {
    /// The part that ranks.
    pub inside: (Time, Time),
    /// The part that never ranks; `None`: there is none.
    pub held_out: Option<(Time, Time)>,
}

impl Spans {
    /// Cuts `[from, to)`: the last `holdout` of it, from a whole minute on, never ranks; of that the first
    /// `embargo` are not traded at all, so that no position of the first part could reach into the second.
    pub fn cut(from: Time, to: Time, holdout: Num, embargo: TimeDelta) -> Result<Spans, BacktestError> {
        if holdout.0 <= 0 {
            return Ok(Spans { inside: (from, to), held_out: None });
        }
        let kept = TimeDelta((i128::from(to.since(from).0) * (Num::ONE - holdout.0) / Num::ONE) as i64);
        let split = from.plus(kept).floor_to(MINUTE).max(from.plus(NS));
        let begin = split.plus(embargo);
        if begin >= to {
            return Err(BacktestError::NoHoldout { holdout, split, embargo_sec: embargo / SECOND, to });
        }
        Ok(Spans { inside: (from, split), held_out: Some((begin, to)) })
    }

    /// Run 0 or 1.
    pub fn run(&self, number: usize) -> Option<(Time, Time)> {
        match number {
            0 => Some(self.inside),
            1 => self.held_out,
            _ => None,
        }
    }

    /// The end of the last run.
    pub fn end(&self) -> Time {
        self.held_out.unwrap_or(self.inside).1
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use perpx_core::units::{DAY, HOUR};

    #[test]
    fn the_held_out_part_begins_after_the_embargo() {
        let from: Time = "2026-01-05".parse().expect("a date");
        let to = from.plus(10 * DAY);
        let share = |text: &str| Num::parse(text).expect("a decimal");
        let spans = Spans::cut(from, to, share("0.3"), 5 * HOUR).expect("room enough");
        assert_eq!(spans.inside, (from, from.plus(7 * DAY)));
        assert_eq!(spans.held_out, Some((from.plus(7 * DAY + 5 * HOUR), to)));
        assert_eq!(Spans::cut(from, to, share("0"), HOUR).expect("whole").held_out, None);
        let text = Spans::cut(from, to, share("0.1"), 24 * HOUR).expect_err("no room").to_string();
        assert!(text.contains("embargo of 86400 s") && text.contains("2026-01-14T00:00:00Z"), "{text}");
    }

    /// Whole minutes are met exactly: in floats 1 - 0.9 is a little less than 0.1, which would end a day's tenth at 02:23.
    #[test]
    fn the_bound_is_a_decimal_share_of_the_range() {
        let from: Time = "2026-01-05".parse().expect("a date");
        for (share, minutes) in [("0.9", 144), ("0.8", 288), ("0.7", 432), ("0.3", 1_008), ("0.123456789", 1_262)] {
            let holdout = Num::parse(share).expect("a decimal");
            let spans = Spans::cut(from, from.plus(DAY), holdout, TimeDelta::ZERO).expect("room enough");
            assert_eq!(spans.inside.1.since(from), minutes * MINUTE, "{share}");
        }
    }
}
