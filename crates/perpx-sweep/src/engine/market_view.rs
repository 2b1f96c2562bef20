//! The market that the winner traded in, folded to what a screen can show: its tape is read once more, with its signals.

use crate::engine::condition_stats::each_close;
use crate::error::SweepError;
use crate::grid::Grid;
use crate::report::{Bucket, Idle, MissingCondition, StateSpan, Stretch};
use crate::results::spool::Row;
use crate::symbol_run::SymbolRun;
use perpx_core::ledger::Mids;
use perpx_core::market::Role;
use perpx_core::signals::{BandRule, SignalSet, TileSignals, bar_before};
use perpx_core::strategy::Plan;
use perpx_core::tape::{Local, Settlement, Tile};
use perpx_core::units::{HOUR, MINUTE, Time};
use perpx_core::watch::{Cmp, EvalCtx, holds};
use perpx_data::backtest::{Binder, Bound, RUNS, Reader};
use std::collections::BTreeMap;

/// What one reading of the tape gives.
#[derive(Default)]
pub struct MarketView {
    pub stretches: Vec<Stretch>,
    /// By role: what every position would have settled at, over the whole range.
    pub settlements: [Vec<Settlement>; 2],
    /// By whole minute since 1970: the mids by role, zero = not quoted.
    pub minutes: BTreeMap<i64, Mids>,
    /// By hour since 1970, then role: the sum of the best sizes of all ticks, base units, and how many.
    pub sizes: BTreeMap<i64, [(f64, u64); 2]>,
    pub idle: Idle,
    /// What was run.
    pub bound: Option<Bound>,
}

/// Folds each window (from, to, buckets) of the tape that `row` was run on; `timeline`: the states of that run.
pub fn market_view(
    grid: &Grid,
    symbol_run: &SymbolRun,
    row: &Row,
    windows: &[(Time, Time, usize)],
    timeline: &[StateSpan],
) -> Result<MarketView, SweepError> {
    let feed = grid.feed_of(&symbol_run.grid_feeds, row.point, u64::from(row.world)).unwrap_or(0);
    let strategy = grid.strategy_point(row.point).unwrap_or_default();
    let config = grid.resolve(&symbol_run.data.symbol, &strategy, &symbol_run.worlds[row.world as usize])?;
    let mut signals = SignalSet::default();
    let bound = Binder::new(&symbol_run.data).bind(&config, feed, row.world, &mut signals);
    let empty = |&(from, to, count): &(Time, Time, usize)| {
        let buckets = vec![Bucket::default(); count];
        Stretch { from, to, buckets }
    };
    let mut out = MarketView { stretches: windows.iter().map(empty).collect(), ..MarketView::default() };
    let mut reader = Reader::new(&symbol_run.data.feeds[feed].tape, &signals, symbol_run.data.from);
    while let Some((tile, signals)) = reader.next()? {
        for stretch in out.stretches.iter_mut().filter(|s| s.from < tile.end && s.to > tile.start) {
            fold(stretch, &tile, &signals, &bound.plan.band);
        }
        for (kept, venue) in out.settlements.iter_mut().zip(&tile.venues) {
            kept.extend(&venue.settlements);
        }
        out.minutes.extend((signals.first_minute..).zip(signals.minute_mids.iter().copied()));
        sizes(&mut out.sizes, &tile.local);
        for span in (0..RUNS.len()).filter_map(|run| symbol_run.spans.run(run)) {
            idle(&mut out.idle, &bound.plan, (&tile.local, &signals), span, timeline);
        }
    }
    out.bound = Some(bound);
    Ok(out)
}

fn sizes(sizes: &mut BTreeMap<i64, [(f64, u64); 2]>, local: &Local) {
    let hour = |time: &i64| Time(*time).steps(HOUR);
    let mut row = 1;
    for part in local.time[1..].chunk_by(|a, b| hour(a) == hour(b)) {
        let kept = sizes.entry(hour(&part[0])).or_default();
        for at in row..row + part.len() {
            for (kept, role) in kept.iter_mut().zip(Role::BOTH) {
                let bbo = local.bbo(at, role);
                if bbo.is_quoted() {
                    *kept = (kept.0 + (bbo.bid_qty.as_f64() + bbo.ask_qty.as_f64()) / 2.0, kept.1 + 1);
                }
            }
        }
        row += part.len();
    }
}

/// The gate's conditions in words, by their votes; then the volatility band, then what else it asks for.
const CONDITIONS: [&str; 5] = [
    "target return after fees",
    "funding difference",
    "trend",
    "volatility band",
    "fresh quotes, time to a settlement",
];

/// Looks at the bar closes of a run at which nothing is held: which conditions of the first gate are missing.
fn idle(
    idle: &mut Idle,
    plan: &Plan,
    (local, signals): (&Local, &TileSignals),
    span: (Time, Time),
    timeline: &[StateSpan],
) {
    let Some((_, gate)) = plan.gates.first() else { return };
    let ctx = EvalCtx { local, signals };
    idle.missing.resize_with(CONDITIONS.len(), MissingCondition::default);
    each_close(&local.time, plan.strategy.bar_length, span, |row, now, passed| {
        idle.all += passed;
        let state = timeline.partition_point(|state| state.from <= now).checked_sub(1).map(|i| timeline[i].state);
        if state != Some(0) {
            return;
        }
        idle.bars += passed;
        let does = |cmp: &Cmp| holds(cmp, ctx, row, now, None);
        let votes: Vec<bool> = gate.votes.iter().map(does).collect();
        let enough = |more: usize| votes.iter().filter(|held| **held).count() + more >= usize::from(gate.needed);
        // the first two comparisons are the volatility band
        let (band, rest) = gate.all.split_at(gate.all.len().min(2));
        let others = [band.iter().all(does), rest.iter().all(does)];
        idle.open += passed * u64::from(enough(0) && others == [true; 2]);
        for (i, missing) in idle.missing.iter_mut().enumerate() {
            let (held, alone) = match i.checked_sub(votes.len()) {
                None => (votes[i], !enough(0) && enough(1) && others == [true; 2]),
                Some(i) => (
                    others.get(i).is_none_or(|held| *held),
                    enough(0) && others.iter().filter(|held| !**held).count() == 1,
                ),
            };
            missing.bars += passed * u64::from(!held);
            missing.alone += passed * u64::from(!held && alone);
        }
    });
    idle.missing.iter_mut().zip(CONDITIONS).for_each(|(missing, name)| missing.condition = name.to_string());
}

/// The last mids known at a minute; zero before the first.
pub fn mids_at(minutes: &BTreeMap<i64, Mids>, at: Time) -> Mids {
    minutes.range(..=at.steps(MINUTE)).next_back().map_or_else(Default::default, |(_, mids)| *mids)
}

fn fold(stretch: &mut Stretch, tile: &Tile, signals: &TileSignals, rule: &BandRule) {
    let local = &tile.local;
    let times: &[i64] = &local.time;
    let start = 1 + times[1..].partition_point(|&t| t < stretch.from.0);
    let end = 1 + times[1..].partition_point(|&t| t < stretch.to.0);
    for (row, time) in times.iter().enumerate().take(end).skip(start) {
        let time = Time(*time);
        let Some(place) = stretch.bucket(time) else { continue };
        let bucket = &mut stretch.buckets[place];
        for role in Role::BOTH {
            widen(&mut bucket.mids[role.ix()], mid(local, row, role));
        }
        widen(&mut bucket.spread, signals.spread.get(row).copied().unwrap_or(f64::NAN));
        let (lower, upper) = signals.band(rule, bar_before(time, rule.bar_length));
        bucket.band = (!lower.is_nan()).then_some([lower, upper]);
    }
}

fn mid(local: &Local, row: usize, role: Role) -> f64 {
    perpx_core::signals::mid(&local.bbo(row, role))
}

fn widen(range: &mut Option<[f64; 2]>, value: f64) {
    if value.is_nan() {
        return;
    }
    let [lo, hi] = range.unwrap_or([value, value]);
    *range = Some([lo.min(value), hi.max(value)]);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_range_grows_by_what_is_known() {
        let mut range = None;
        [f64::NAN, 2.0, -1.0, f64::NAN, 1.0].into_iter().for_each(|value| widen(&mut range, value));
        assert_eq!(range, Some([-1.0, 2.0]));
    }
}
