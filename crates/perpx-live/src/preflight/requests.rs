//! The busiest minute of a configuration: what it asks of one venue when nothing fills.

use perpx_core::config::{EntryMode, Strategy, Taking};
use perpx_core::units::{MINUTE, SECOND, TimeDelta};

/// Behind the end of an order the account is read anew, at most so often, by so many reads.
const TRUTH: (TimeDelta, i64) = (SECOND.times(2), 3);
/// Nothing is sent faster than its answer comes.
const ANSWER: TimeDelta = TimeDelta(SECOND.0 / 10);

/// Requests of one minute, and which part of the strategy makes them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct WorstMinute {
    /// Orders and cancels.
    pub sends: i64,
    /// Reads behind their ends.
    pub reads: i64,
    /// Where.
    pub part: &'static str,
}

impl WorstMinute {
    /// All of them.
    pub fn all(&self) -> i64 {
        self.sends + self.reads
    }
}

/// How often `taking` sends in a minute, an attempt each `retry`: a resting order has a cancel, and may be taken for by another.
fn sends(taking: &Taking, retry: TimeDelta) -> i64 {
    let rests = if taking.style.may_make() { taking.passive_timeout } else { TimeDelta::ZERO };
    let attempt = TimeDelta((rests + retry).0.max(ANSWER.0));
    let each = if taking.style.may_make() { 2 } else { 0 } + i64::from(taking.style.may_take());
    (MINUTE.0 / attempt.0 + 1) * each
}

/// The worst minute at one venue.
pub fn worst_minute(strategy: &Strategy) -> WorstMinute {
    let Strategy { entry, locking, exit, unlock, execution, .. } = strategy;
    let attempts = i64::from(locking.max_retries) + 1;
    let lock = sends(&locking.taking, locking.retry).min(attempts * i64::from(locking.batches) * 3);
    let urgent = MINUTE.0 / execution.close_retry.0.max(ANSWER.0) + 1;
    let parts = [
        ("entry", sends(&entry.taking, entry.retry)),
        ("locking", lock),
        ("exit", sends(&exit.taking, execution.close_retry)),
        ("unlock", sends(unlock, execution.close_retry)),
        ("urgent closes", urgent),
    ];
    let (part, sends) = parts.into_iter().max_by_key(|(_, sends)| *sends).unwrap_or_default();
    let reads = (MINUTE.0 / TRUTH.0.0).min(sends) * TRUTH.1;
    WorstMinute { sends, reads, part }
}

/// Why Lighter's standard tier, sixty requests a minute of all kinds, is too little: what of the strategy needs more.
pub fn beyond_standard(strategy: &Strategy) -> Option<&'static str> {
    let Strategy { entry, locking, exit, unlock, .. } = strategy;
    let rests = |taking: &Taking| taking.style.may_make();
    match entry.mode {
        EntryMode::Pair => Some("entry.mode: pair"),
        EntryMode::FirstLeg if rests(&entry.taking) => Some("entry.style rests"),
        _ if rests(&locking.taking) => Some("locking.style rests"),
        _ if rests(&exit.taking) => Some("exit.style rests"),
        _ if rests(unlock) => Some("unlock.style rests"),
        EntryMode::FirstLeg => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use perpx_core::config::{ConfigFile, Style};

    fn strategy() -> Strategy {
        let text = include_str!("../../../../configs/example.yml");
        ConfigFile::parse("example.yml", text).and_then(|file| file.with(&[])).expect("legal").strategy
    }

    #[test]
    fn the_busiest_part_is_counted() {
        let mut strategy = strategy();
        for taking in
            [&mut strategy.entry.taking, &mut strategy.locking.taking, &mut strategy.exit.taking, &mut strategy.unlock]
        {
            taking.style = Style::Taker;
        }
        (strategy.entry.retry, strategy.execution.close_retry) = (SECOND.times(10), SECOND);
        strategy.locking.max_retries = 2;
        // a close a second, and one more at the edge of the minute; three reads each two seconds
        let worst = worst_minute(&strategy);
        assert_eq!((worst.sends, worst.reads, worst.all()), (61, 90, 151));
        assert_eq!(
            beyond_standard(&strategy),
            if strategy.entry.mode == EntryMode::Pair { Some("entry.mode: pair") } else { None }
        );
        strategy.entry.mode = EntryMode::FirstLeg;
        strategy.exit.taking.style = Style::MakerThenTaker;
        strategy.exit.taking.passive_timeout = SECOND;
        // each two seconds an order, its cancel and the one that takes
        assert_eq!((worst_minute(&strategy).sends, worst_minute(&strategy).part), (93, "exit"));
        assert_eq!(beyond_standard(&strategy), Some("exit.style rests"));
    }
}
