//! How often each condition of the gate held: the share of bar closes of the first run at which it did, whatever the state,
//! judged from the signals alone. Equal comparisons of many configurations are judged once.
//!
//! A bar's close is seen by the first tick at or after it; the values of that tick count. Of a configuration that trades
//! both directions the long gate is taken.

use perpx_core::signals::TileSignals;
use perpx_core::strategy::Plan;
use perpx_core::tape::Tile;
use perpx_core::units::{Time, TimeDelta};
use perpx_core::watch::{Cmp, EvalCtx, holds};
use std::collections::BTreeMap;

/// One comparison, or the two of the volatility band, on bars of one length.
#[derive(Clone, Debug)]
struct Condition {
    bar_length: TimeDelta,
    all: Vec<Cmp>,
    held: u64,
}

/// Everything that is counted for a chunk's configurations on one feed.
#[derive(Clone, Debug, Default)]
pub struct ConditionCounts {
    conditions: Vec<Condition>,
    known: BTreeMap<String, usize>,
    /// Bar closes seen, by bar length.
    closes: BTreeMap<TimeDelta, u64>,
}

/// A configuration's conditions: trend, target return, funding, volatility.
pub type ConditionIx = [usize; 4];

/// What a checkpoint keeps of the counts.
#[derive(Clone, Debug, Default, serde::Serialize, serde::Deserialize)]
pub struct ConditionState {
    held: Vec<u64>,
    closes: Vec<(TimeDelta, u64)>,
}

impl ConditionCounts {
    pub fn add(&mut self, plan: &Plan) -> ConditionIx {
        let bar_length = plan.strategy.bar_length;
        self.closes.entry(bar_length).or_insert(0);
        let Some((_, rule)) = plan.gates.first() else { return [usize::MAX; 4] };
        let vote = |i: usize| rule.votes.get(i).copied().into_iter().collect::<Vec<Cmp>>();
        // the gate's first two further comparisons are the volatility band
        let band = rule.all.iter().take(2).copied().collect();
        // as the gate lists them: target return, funding, trend
        [vote(2), vote(0), vote(1), band].map(|all| {
            let name = format!("{bar_length:?} {all:?}");
            let next = self.conditions.len();
            *self.known.entry(name).or_insert_with(|| {
                self.conditions.push(Condition { bar_length, all, held: 0 });
                next
            })
        })
    }

    /// Counts the bar closes within `[from, to)` whose first tick lies in the tile.
    pub fn count(&mut self, tile: &Tile, signals: &TileSignals, from: Time, to: Time) {
        let ctx = EvalCtx { local: &tile.local, signals };
        for (&bar_length, closes) in &mut self.closes {
            each_close(&tile.local.time, bar_length, (from, to), |row, now, passed| {
                *closes += passed;
                for condition in self.conditions.iter_mut().filter(|c| c.bar_length == bar_length) {
                    if condition.all.iter().all(|cmp| holds(cmp, ctx, row, now, None)) {
                        condition.held += passed;
                    }
                }
            });
        }
    }

    /// Shares from 0 to 1; `None` when no bar closed.
    pub fn shares(&self, conditions: &ConditionIx) -> [Option<f64>; 4] {
        conditions.map(|ix| {
            let condition = self.conditions.get(ix)?;
            let closes = self.closes.get(&condition.bar_length).filter(|closes| **closes > 0)?;
            Some(condition.held as f64 / *closes as f64)
        })
    }

    pub fn state(&self) -> ConditionState {
        ConditionState {
            held: self.conditions.iter().map(|condition| condition.held).collect(),
            closes: self.closes.iter().map(|(bar, n)| (*bar, *n)).collect(),
        }
    }

    pub fn restore(&mut self, state: &ConditionState) {
        self.conditions.iter_mut().zip(&state.held).for_each(|(condition, held)| condition.held = *held);
        self.closes = state.closes.iter().copied().collect();
    }
}

/// Calls `seen` with the first tick at or after bar closes within `[from, to)`: its row, its time, and of how many closes.
/// `time` is a tile's, the tick before it first.
pub fn each_close(
    time: &[i64],
    bar_length: TimeDelta,
    (from, to): (Time, Time),
    mut seen: impl FnMut(usize, Time, u64),
) {
    let bar = |t: i64| Time(t).steps(bar_length);
    let mut row = 1 + time[1..].partition_point(|&t| t < from.0);
    while row < time.len() && time[row] < to.0 {
        // closes after the tick before this one, up to this one, and not before the run
        let earlier = if row > 1 { time[row - 1] } else { time[0] }.max(from.0 - 1);
        let passed = bar(time[row]) - bar(earlier);
        if passed > 0 {
            seen(row, Time(time[row]), passed as u64);
        }
        // on to the first tick of the next bar
        let next = ((bar(time[row]) + 1) * bar_length).0;
        row += 1 + time[row + 1..].partition_point(|&t| t < next);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use perpx_core::market::{Bbo, Role};
    use perpx_core::tape::rows::{QuoteRow, VenueTables};
    use perpx_core::tape::{Carry, align};
    use perpx_core::units::{Price, Qty, SECOND};
    use perpx_core::watch::{Level, Op, Series};

    const BAR: TimeDelta = SECOND.times(10);

    fn quotes(ticks: &[(i64, i64)]) -> VenueTables {
        let quote = |&(second, px): &(i64, i64)| {
            let (bid, at) = (Price(px * 1_000_000_000), Time::at(second * SECOND));
            let ask = Price(bid.0 + 1);
            QuoteRow { exch: at, recv: at, bbo: Bbo { bid, bid_qty: Qty(1), ask, ask_qty: Qty(1) } }
        };
        VenueTables { quotes: ticks.iter().map(quote).collect(), ..Default::default() }
    }

    /// Bars close at 10, 20, 30 and 40 s. The first tick at or after 10 is that at 12 (bid 105); that of 20 and of 30 is at
    /// 30 (bid 130); 40 s has none. So a bid of at least 106 held at 2 of 3 closes, wherever the tape is cut.
    #[test]
    fn closes_are_seen_by_the_first_tick_after_them() {
        let tables = [quotes(&[(1, 100), (12, 105), (19, 110), (30, 130), (39, 120)]), quotes(&[(0, 100)])];
        let bid = Cmp { series: Series::Bid(Role::Long), op: Op::Ge, level: Level::Int(106_000_000_000) };
        for cuts in [vec![0, 41], vec![0, 12, 25, 41], vec![0, 13, 30, 31, 41]] {
            let condition = Condition { bar_length: BAR, all: vec![bid], held: 0 };
            let mut counts = ConditionCounts {
                conditions: vec![condition],
                known: BTreeMap::new(),
                closes: BTreeMap::from([(BAR, 0)]),
            };
            let mut carry = Carry::default();
            for cut in cuts.windows(2) {
                let (start, end) = (Time::at(cut[0] * SECOND), Time::at(cut[1] * SECOND));
                let tile = align([&tables[0], &tables[1]], start, end, &mut carry);
                counts.count(&tile, &TileSignals::default(), Time::at(5 * SECOND), Time::at(41 * SECOND));
            }
            assert_eq!((counts.conditions[0].held, counts.closes[&BAR]), (2, 3), "{cuts:?}");
            assert_eq!(counts.shares(&[0, 0, 0, usize::MAX])[0], Some(2.0 / 3.0));
            assert_eq!(counts.shares(&[usize::MAX; 4])[3], None);
        }
    }
}
