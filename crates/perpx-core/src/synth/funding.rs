//! Mark prices and funding of one venue, from where its mid stands over the index.

use super::feed::Feed;
use super::spec::{FundingMode, SynthSpec};
use crate::tape::rows::{FundingKind, FundingRow};
use crate::units::{HOUR, MINUTE, Price, Rate, SECOND, Time, TimeDelta};

/// The mark follows the mid within this time, s.
const MARK_MEMORY_SEC: f64 = 10.0;
/// A rate is published every five minutes.
const PUBLISH: TimeDelta = MINUTE.times(5);
/// Rates of eight hours: the base, how far the premium may pull before the rate leaves it, and the cap.
const BASE: f64 = 1e-4;
/// How far the premium may lie from the base before the rate leaves it.
const CLAMP: f64 = 5e-4;
/// Most that a rate is, of either sign.
const CAP: f64 = 3e-3;

/// Marks and funding rates of a venue.
pub(super) struct Funding {
    /// Where the rates come from.
    mode: FundingMode,
    /// Between marks; `None`: no marks.
    marks_every: Option<TimeDelta>,
    /// Hours between settlements.
    hours: u32,
    /// Step of marks.
    tick: Price,
    /// Weight of the newest second in the two averages of the mid over the index.
    weights: [f64; 2],
    /// Mid - index smoothed for the mark (ticks), and the premium (fraction) that funding averages; `None` at the start.
    averages: Option<[f64; 2]>,
}

impl Funding {
    /// Of venue `v`, before its first mark.
    pub(super) fn new(spec: &SynthSpec, v: usize) -> Funding {
        let hours = spec.venues[v].funding_hours;
        // an exponential average with half the interval as its memory has the mean age of the interval's plain average
        let memory = f64::from(hours) * 1800.0;
        Funding {
            mode: spec.funding,
            marks_every: spec.marks_every_sec.map(|s| i64::from(s) * SECOND),
            hours,
            tick: spec.tick,
            weights: [MARK_MEMORY_SEC, memory].map(|seconds| 1.0 - libm::exp(-1.0 / seconds)),
            averages: None,
        }
    }

    /// Once a second. `mid` and `index` in ticks.
    pub(super) fn second(&mut self, now: Time, mid: f64, index: f64, feed: &mut Feed) {
        let seen = [mid - index, mid / index - 1.0];
        let mut averages = self.averages.unwrap_or(seen);
        for i in 0..2 {
            averages[i] += self.weights[i] * (seen[i] - averages[i]);
        }
        self.averages = Some(averages);
        if self.marks_every.is_some_and(|every| now.floor_to(every) == now) {
            let price = |ticks: f64| Price((ticks.round() as i64).max(1) * self.tick.0);
            feed.mark(now, price(index + averages[0]), price(index));
        }
        self.publish(now, averages[1], feed);
    }

    /// Publishes the rate of the present interval.
    fn publish(&mut self, now: Time, premium: f64, feed: &mut Feed) {
        let interval = i64::from(self.hours) * HOUR;
        if self.mode == FundingMode::Off || now.floor_to(PUBLISH) != now {
            return;
        }
        let rate = match self.mode {
            FundingMode::Premium => rate_of(premium, self.hours),
            _ => Rate::ZERO,
        };
        let mut row = FundingRow { ts: now, recv: now, rate, interval_hours: self.hours, kind: FundingKind::Settled };
        if now.floor_to(interval) == now {
            feed.funding(now, row);
        }
        row.ts = Time::at((now.steps(interval) + 1) * interval);
        row.kind = FundingKind::Predicted;
        feed.funding(now, row);
    }
}

/// Rate of one interval: for eight hours the premium, pulled to the base by at most the clamp, and capped; a shorter
/// interval pays its share. On a grid of 1e-9. Source of the formula: Hyperliquid's documentation ("Funding"), which the
/// younger venues follow: F = P + clamp(base - P, -0.05 %, 0.05 %).
fn rate_of(premium: f64, hours: u32) -> Rate {
    let eight = (premium + (BASE - premium).clamp(-CLAMP, CLAMP)).clamp(-CAP, CAP);
    Rate((eight * f64::from(hours) / 8.0 * 1e9).round() as i64 * 1000)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rates_rest_at_the_base_and_follow_the_premium_beyond_the_clamp() {
        for (premium, hours, want) in [
            (0.0, 8, "0.0001"),
            (0.0, 1, "0.0000125"),
            (-3.9e-4, 1, "0.0000125"),
            (-6.0e-4, 8, "-0.0001"),
            (8.0e-4, 8, "0.0003"),
            (-6.0e-4, 1, "-0.0000125"),
            (1.0, 8, "0.003"),
        ] {
            assert_eq!(rate_of(premium, hours).to_string(), want, "{premium} {hours}");
        }
    }
}
