//! Metrics of one run (sweep.md, "Metrics, exactly"): a fixed list, then the trader's own states, reasons and counters.
//!
//! A metric without a value is `None`, never NaN: too few intervals, no variance, no trade, no loss to divide by.

use super::{Ending, Tally};
use crate::ledger::{Belief, Line};
use crate::market::Reject;
use crate::port::Trader;
use crate::sim::SimStats;
use crate::stats::Equity;
use crate::units::{DAY, Mid, MidValue, SECOND, Time, TimeDelta, YEAR};
use serde::{Deserialize, Serialize};
use std::borrow::Cow;

/// What a column of the results is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MetricInfo {
    /// The column's name.
    pub name: Cow<'static, str>,
    /// "quote", "%", "bp", "s", "ms", "ns", "count" or "" for a plain number.
    pub unit: &'static str,
    /// For ranking; where neither is better, true.
    pub higher_is_better: bool,
    /// What it says; a column of the results has it as its metadata, and docs/reference/results.md.
    pub doc: Cow<'static, str>,
}

impl MetricInfo {
    /// Its values are whole numbers.
    pub fn is_whole(&self) -> bool {
        matches!(self.unit, "count" | "ns")
    }
}

/// Fewer return intervals give no Sharpe and no Sortino.
const LEAST_INTERVALS: u32 = 30;
/// Shorter runs give no CAGR.
const LEAST_CAGR: TimeDelta = DAY.times(90);

/// What a run left behind, for its metrics.
#[derive(Clone, Copy, Debug)]
pub struct Outcome<'a> {
    /// Inclusive.
    pub from: Time,
    /// Exclusive.
    pub to: Time,
    /// Step of the return series.
    pub stats_interval: TimeDelta,
    /// Both accounts at the end, everything closed.
    pub belief: &'a Belief,
    /// The samples of equity.
    pub equity: &'a Equity,
    /// The running counts.
    pub tally: &'a Tally,
    /// What the venues counted, by role.
    pub sims: [&'a SimStats; 2],
    /// By the trader's names of counters.
    pub counters: &'a [u64],
}

/// Values in the order of [`metric_table`].
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Metrics(pub Vec<Option<f64>>);

macro_rules! metrics {
    ($($(#[doc = $doc:literal])* $name:literal, $unit:literal, $better:literal, $value:expr;)*) => {
        /// The metrics that every trader has, in the order of the results.
        pub const METRICS: &[MetricInfo] = &[$(MetricInfo {
            name: Cow::Borrowed($name),
            unit: $unit,
            higher_is_better: $better,
            doc: Cow::Borrowed(concat!($($doc),*).trim_ascii()),
        }),*];

        /// In the order of the table.
        fn fixed(run: &Outcome<'_>) -> Vec<Option<f64>> {
            let values: [fn(&Outcome<'_>) -> Option<f64>; METRICS.len()] = [$($value),*];
            values.iter().map(|value| value(run)).collect()
        }
    };
}

metrics! {
    // money
    /// Final equity less the capital, everything closed.
    "net_pnl", "quote", true, |run| Some(run.net().as_f64());
    /// `net_pnl` over the capital.
    "return_pct", "%", true, |run| Some(100.0 * run.growth());
    /// `net_pnl` over the largest margin posted; none without margin.
    "return_on_margin_pct", "%", true, |run| ratio(100.0 * run.net().as_f64(), run.tally.peak_margin.as_f64());
    /// Deepest fall of equity from its peak, over the capital, sampled each minute; positive. `risk.max_drawdown_pct`
    /// is a fraction.
    "max_drawdown_pct", "%", false, |run| Some(100.0 * run.drawdown());
    // of the return series
    /// Mean over deviation (n - 1) of the returns at `stats.interval_sec`, a year's, risk-free rate 0; none below 30
    /// intervals or without variance.
    "sharpe", "", true, sharpe;
    /// One standard error of `sharpe`, for returns that are independent of each other.
    "sharpe_error", "", false, sharpe_error;
    /// Mean over the root mean square of the returns below 0, a year's; none below 30 intervals or without such a
    /// return.
    "sortino", "", true, sortino;
    /// Simple return a year over `max_drawdown_pct`; none without a drawdown.
    "calmar", "", true, |run| ratio(run.growth() * YEAR.0 as f64 / run.span().0 as f64, run.drawdown());
    /// Compound growth a year; none below 90 days.
    "cagr_pct", "%", true, cagr;
    /// Returns that `sharpe` and `sortino` are made of.
    "intervals", "count", true, |run| count(run.equity.moments.n);
    // trades
    /// Positions with a fill, from leaving S0 to the next S0.
    "trades", "count", true, |run| Some(run.tally.pnls.len() as f64);
    /// Trades in which both legs were locked once.
    "round_trips", "count", true, |run| count(run.tally.round_trips);
    /// Share of the trades that made money, net.
    "win_rate_pct", "%", true, |run| ratio(100.0 * f64::from(run.tally.wins), run.tally.pnls.len() as f64);
    /// What winning trades made over what losing ones lost; none without a loss.
    "profit_factor", "", true, |run| positive(-run.tally.lost, |lost| run.tally.won.fraction_of(lost));
    /// Mean net pnl of a trade.
    "avg_trade", "quote", true, |run| ratio(run.tally.pnls.iter().sum(), run.tally.pnls.len() as f64);
    /// Median net pnl of a trade.
    "median_trade", "quote", true, |run| median(&run.tally.pnls);
    /// Largest net pnl of a trade.
    "best_trade", "quote", true, |run| run.tally.pnls.iter().copied().reduce(f64::max);
    /// Smallest net pnl of a trade.
    "worst_trade", "quote", true, |run| run.tally.pnls.iter().copied().reduce(f64::min);
    /// Mean length of a trade.
    "avg_trade_sec", "s", false, |run| ratio(run.tally.trade_time.as_f64(SECOND), run.tally.pnls.len() as f64);
    // where the money came from
    /// Made by the price on a leg that stood alone by intention (S1, S4, S5), at mids.
    "pnl_price", "quote", true, |run| Some(run.belief.lines.as_f64(Line::Price));
    /// Made by the difference of the two venues' prices on what stood on both legs, at mids.
    "pnl_spread", "quote", true, |run| Some(run.belief.lines.as_f64(Line::Spread));
    /// Made by the price on what stood alone without intention, at mids.
    "pnl_legging", "quote", true, |run| Some(run.belief.lines.as_f64(Line::Legging));
    /// Fills against the venue's mid at the match; a cost is negative.
    "pnl_slippage", "quote", true, |run| Some(run.belief.lines.as_f64(Line::Slippage));
    /// Fees of fills; negative.
    "fees", "quote", true, |run| Some(run.belief.lines.as_f64(Line::Fees));
    /// Rebates of fills; positive.
    "rebates", "quote", true, |run| Some(run.belief.lines.as_f64(Line::Rebates));
    /// Funding received, less funding paid.
    "funding", "quote", true, |run| Some(run.belief.lines.as_f64(Line::Funding));
    /// Of liquidations: distance from the mid, fee, margin forfeited; negative.
    "pnl_liquidation", "quote", true, |run| Some(run.belief.lines.as_f64(Line::Liquidation));
    /// Fees of transfers between the venues' accounts; negative.
    "pnl_transfer", "quote", true, |run| Some(run.belief.lines.as_f64(Line::Transfer));
    /// What rounding each ledger entry to the venue's grid of money made.
    "pnl_rounding", "quote", true, |run| Some(run.belief.lines.as_f64(Line::Rounding));
    // execution
    /// Value of all fills.
    "turnover", "quote", true, |run| Some(run.tally.turnover.as_f64());
    /// Share of `turnover` that was filled as maker.
    "maker_share_pct", "%", true, |run| ratio(100.0 * run.tally.maker_turnover.as_f64(), run.tally.turnover.as_f64());
    /// Fills against the opposite best at their order's decision; a cost is positive.
    "slippage_at_decision_bp", "bp", false,
        |run| ratio(1e4 * run.tally.decision_cost.as_f64(), run.tally.decision_value.as_f64());
    /// Orders sent, both venues.
    "orders", "count", false, |run| count(run.tally.orders);
    /// Cancels sent, both venues.
    "cancels", "count", false, |run| count(run.tally.cancels);
    /// Fills heard, each at one price.
    "fills", "count", true, |run| count(run.tally.fills);
    /// Events heard from the venues: acceptances, fills, ends, rejects, settlements.
    "answers", "count", true, |run| count(run.tally.answers);
    /// Requests that the venues refused, whether or not the answer arrived (`rejects_heard`: those that did, of
    /// orders).
    "rejects", "count", false, |run| run.sims(|sim| sim.rejects.iter().sum());
    /// Of `rejects`: post-only orders that would have taken.
    "rejects_post_only", "count", false, |run| run.sims(|sim| sim.rejected(Reject::PostOnlyCross));
    /// Of `rejects`: for want of margin.
    "rejects_no_margin", "count", false, |run| run.sims(|sim| sim.rejected(Reject::NoMargin));
    /// Of `rejects`: over the tier's rate.
    "rejects_rate_limit", "count", false, |run| run.sims(|sim| sim.rejected(Reject::RateLimit));
    /// Of `rejects`: a limit further from the mark than the venue's price band.
    "rejects_price_band", "count", false, |run| run.sims(|sim| sim.rejected(Reject::PriceBand));
    /// Orders that were never answered, by draw, whether they reached the venue or not.
    "timeouts", "count", false, |run| run.sims(|sim| sim.timeouts_lost + sim.timeouts_reached);
    /// Liquidations by a venue.
    "liquidations", "count", false, |run| run.sims(|sim| sim.liquidations);
    /// Funding settlements with a position open, both venues.
    "settlements", "count", true, |run| run.sims(|sim| sim.settlements);
    /// Orders that waited for a quote, the book being too old, and then filled.
    "filled_after_gap", "count", false, |run| run.sims(|sim| sim.filled_after_gap);
    /// Legs closed at the end of the data beyond the recorded depth, at prices that `fills.impact_bp` makes up.
    "closed_past_depth", "count", false, |run| run.sims(|sim| sim.closed_past_depth);
    /// Largest margin posted at once, both venues.
    "peak_margin", "quote", false, |run| Some(run.tally.peak_margin.as_f64());
    // locks
    /// Times both legs were locked.
    "locks", "count", true, |run| count(run.tally.locks);
    /// Share of the locks held under 60 s.
    "short_locks_pct", "%", false,
        |run| ratio(100.0 * f64::from(run.tally.short_locks), f64::from(run.tally.locks));
    // legging
    /// Times a leg stood alone where it should not.
    "legging_episodes", "count", false, |run| count(run.tally.legging.episodes());
    /// Episodes that ended with the other leg filled.
    "legging_matched", "count", false, |run| run.ended(Ending::Matched);
    /// Episodes that ended with the exposed leg closed again.
    "legging_rolled_back", "count", false, |run| run.ended(Ending::RolledBack);
    /// Episodes that ended with what had filled of the other leg bought back.
    "legging_bought_back", "count", false, |run| run.ended(Ending::BoughtBack);
    /// Episodes that ended with the other leg opened because the exposed leg's venue refused or was silent.
    "legging_hedged", "count", false, |run| run.ended(Ending::Hedged);
    /// Episodes that ended with the excess closed.
    "legging_trimmed", "count", false, |run| run.ended(Ending::Trimmed);
    /// Episodes that ended with a lock let go.
    "legging_unlocked", "count", false, |run| run.ended(Ending::Unlocked);
    /// Episodes of dust that the next trade took up.
    "legging_netted", "count", false, |run| run.ended(Ending::Netted);
    /// Episodes that ended with a venue's liquidation of the exposed leg.
    "legging_liquidated", "count", false, |run| run.ended(Ending::Liquidated);
    /// Episodes that were open as the data ended.
    "legging_open_at_end", "count", false, |run| run.ended(Ending::OpenAtEnd);
    /// Length of all episodes together.
    "legging_sec", "s", false, |run| Some(run.tally.legging.time.as_f64(SECOND));
    /// Longest episode.
    "legging_worst_sec", "s", false, |run| Some(run.tally.legging.longest.as_f64(SECOND));
    /// Exposed coins times seconds, all episodes together.
    "legging_qty_sec", "", false, |run| Some(run.tally.legging.qty_sec());
    /// What the costliest episode made (`cost` of legging.parquet with the sign turned); a cost is negative.
    "legging_worst", "quote", true, |run| Some(run.tally.legging.costliest.as_f64());
    /// Furthest move of the mid against an exposed leg (largest `worst_bp` of legging.parquet).
    "legging_worst_bp", "bp", false, |run| Some(run.tally.legging.worst_bp.bp());
    /// Cost of all episodes over their notional, as `cost_bp` of legging.parquet; negative: a gain.
    "legging_cost_bp", "bp", false,
        |run| positive(run.tally.legging.notional, |whole| (-run.tally.legging.amount).bp_of(whole));
    // ends
    /// 1 when a position was open as the data ended.
    "open_at_end", "count", false, |run| count(u32::from(run.tally.open_at_end));
    /// 1 when a limit of `risk` halted the run.
    "halted", "count", false, |run| count(u32::from(run.equity.halted_at.is_some()));
}

/// Every column of a trader's results: [`METRICS`], then `sec_<state>`, `n_<reason>`, `unlock_<reason>`, `<counter>`.
pub fn metric_table<T: Trader>() -> Vec<MetricInfo> {
    let named = |prefix: &'static str, name: &str, unit, higher_is_better, doc: String| {
        let name = format!("{prefix}{}", name.to_lowercase().replace([' ', '-'], "_")).into();
        MetricInfo { name, unit, higher_is_better, doc: doc.into() }
    };
    let doc = |docs: &'static [&'static str], at: usize| docs.get(at).map_or("", |doc| doc.trim());
    let mut all = METRICS.to_vec();
    for (at, state) in T::STATES.iter().enumerate() {
        let doc = format!("Time in {}: {}", state.name, doc(T::STATE_DOCS, at));
        all.push(named("sec_", state.name, "s", true, doc));
    }
    for (at, reason) in T::REASONS.iter().enumerate() {
        let doc = format!("Transitions by {reason}: {}", doc(T::REASON_DOCS, at));
        all.push(named("n_", reason, "count", true, doc));
    }
    for (at, reason) in T::REASONS.iter().enumerate() {
        let reason_doc = doc(T::REASON_DOCS, at);
        let doc = format!("Pnl from the value frozen at the lock, of locks that ended by {reason}: {reason_doc}");
        all.push(named("unlock_", reason, "quote", true, doc));
    }
    for (at, counter) in T::COUNTERS.iter().enumerate() {
        let unit = if counter.ends_with("_ns") { "ns" } else { "count" };
        all.push(named("", counter, unit, true, doc(T::COUNTER_DOCS, at).to_string()));
    }
    all
}

impl Metrics {
    /// The metrics of a run that is over.
    pub fn of(run: &Outcome<'_>) -> Metrics {
        let mut values = fixed(run);
        values.extend(run.tally.state_times.iter().map(|time| Some(time.as_f64(SECOND))));
        values.extend(run.tally.reasons.iter().map(|&n| count(n)));
        values.extend(run.tally.unlock.iter().map(|money| Some(money.as_f64())));
        values.extend(run.counters.iter().map(|&n| Some(n as f64)));
        debug_assert!(values.iter().flatten().all(|value| value.is_finite()));
        Metrics(values)
    }

    /// A fixed metric by name; `None` when it has no value or there is none of that name.
    pub fn get(&self, name: &str) -> Option<f64> {
        let place = METRICS.iter().position(|info| info.name == name)?;
        self.0.get(place).copied().flatten()
    }
}

impl Outcome<'_> {
    /// Net pnl. Everything is closed when it is asked for.
    fn net(&self) -> MidValue {
        self.belief.equity([Mid::ZERO; 2]) - self.equity.initial()
    }

    /// Net pnl over C0.
    fn growth(&self) -> f64 {
        self.net().fraction_of(self.equity.initial())
    }

    /// Deepest fall of the minute samples from their peak, over C0.
    fn drawdown(&self) -> f64 {
        self.equity.drawdown.fraction_of(self.equity.initial())
    }

    /// Length of the run.
    fn span(&self) -> TimeDelta {
        self.to.since(self.from)
    }

    /// A count of both venues.
    fn sims(&self, pick: fn(&SimStats) -> u32) -> Option<f64> {
        Some(self.sims.iter().map(|sim| f64::from(pick(sim))).sum())
    }

    /// Episodes that ended so.
    fn ended(&self, ending: Ending) -> Option<f64> {
        count(self.tally.legging.endings[ending as usize])
    }

    /// Return intervals in a year.
    fn per_year(&self) -> f64 {
        YEAR.as_f64(self.stats_interval)
    }
}

/// A count as a metric.
fn count(n: u32) -> Option<f64> {
    Some(f64::from(n))
}

/// `None` where the divisor is not positive.
fn positive(whole: MidValue, value: impl FnOnce(MidValue) -> f64) -> Option<f64> {
    (whole > MidValue::ZERO).then(|| value(whole))
}

/// `value / over`; none where `over` is not positive.
fn ratio(value: f64, over: f64) -> Option<f64> {
    (over > 0.0).then(|| value / over)
}

/// mean / std(n - 1) * sqrt(intervals a year), risk-free rate 0. The sums are exact; each is rounded once, which leaves the
/// variance about 1e-16 of the mean square: below 1e-12 of it there is no variance.
fn sharpe(run: &Outcome<'_>) -> Option<f64> {
    let m = &run.equity.moments;
    if m.n < LEAST_INTERVALS {
        return None;
    }
    let (n, sum_sq) = (f64::from(m.n), m.sum_sq as f64);
    let mean = m.sum as f64 / n;
    let spread = sum_sq - n * mean * mean;
    (spread > 1e-12 * sum_sq).then(|| mean / (spread / (n - 1.0)).sqrt() * run.per_year().sqrt())
}

/// One standard error of the Sharpe ratio, for returns that are independent of each other: sqrt((intervals a year +
/// sharpe^2 / 2) / n) (A. Lo, The Statistics of Sharpe Ratios, 2002).
fn sharpe_error(run: &Outcome<'_>) -> Option<f64> {
    let sharpe = sharpe(run)?;
    Some(((run.per_year() + sharpe * sharpe / 2.0) / f64::from(run.equity.moments.n)).sqrt())
}

/// mean / sqrt(mean of min(r, 0)^2 over all intervals) * sqrt(intervals a year).
fn sortino(run: &Outcome<'_>) -> Option<f64> {
    let m = &run.equity.moments;
    let n = f64::from(m.n);
    let down = (m.n >= LEAST_INTERVALS).then(|| (m.down_sq as f64 / n).sqrt())?;
    ratio(m.sum as f64 / n * run.per_year().sqrt(), down)
}

/// Compound growth a year, from 90 days up; -100 % when nothing is left.
fn cagr(run: &Outcome<'_>) -> Option<f64> {
    if run.to.since(run.from) < LEAST_CAGR {
        return None;
    }
    let left = (1.0 + run.growth()).max(0.0);
    Some(100.0 * (libm::pow(left, YEAR.as_f64(run.span())) - 1.0))
}

/// None without values; the mean of the middle two of an even number.
pub fn median(values: &[f64]) -> Option<f64> {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    let middle = sorted.len() / 2;
    match sorted.len() {
        0 => None,
        n if n % 2 == 1 => Some(sorted[middle]),
        _ => Some((sorted[middle - 1] + sorted[middle]) / 2.0),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ledger::VenueBook;
    use crate::market::{Event, EventBody, OrderId, Role, Side};
    use crate::port::{StateInfo, Transition};
    use crate::signals::TileSignals;
    use crate::stats::At;
    use crate::stats::{Caps, NoRecord};
    use crate::units::{Cash, HOUR, MINUTE, Price, Qty, Rate};

    const STATES: &[StateInfo] = &[
        StateInfo { name: "idle", unmatched: Line::Legging, locked: false },
        StateInfo { name: "one", unmatched: Line::Price, locked: false },
        StateInfo { name: "two", unmatched: Line::Legging, locked: true },
    ];
    const ONE: i64 = 1_000_000_000;

    fn at(second: i64) -> Time {
        Time::at(second * SECOND)
    }

    struct Ledger {
        belief: Belief,
        tally: Tally,
        state: u8,
    }

    impl Ledger {
        fn new() -> Ledger {
            let book = |role| VenueBook::new(role, Cash(1), Rate(10 * Rate::ONE), true, Cash::units(1_000));
            Ledger { belief: Belief::new(Role::BOTH.map(book)), tally: Tally::new(at(0), 3, 4), state: 0 }
        }

        /// A fill of one coin at the mid, `maker` free, taker for 0.5.
        fn fill(&mut self, second: i64, venue: Role, side: Side, px: i64, maker: bool) {
            let fee = if maker { Cash::ZERO } else { Cash(-500_000_000_000) };
            let body = EventBody::Fill { id: OrderId(1), side, px: Price(px * ONE), qty: Qty(ONE), maker, fee };
            let event = Event { at: at(second), venue_time: at(second), venue, body, met: Mid::ZERO };
            self.tally.event(&event);
            self.belief.apply(&event, [Mid::at(Price(px * ONE)); 2], STATES[usize::from(self.state)].unmatched);
            let now = At { now: at(second), row: 0, belief: &self.belief, mids: [Mid::at(Price(px * ONE)); 2] };
            self.tally.booked(&now, &event, false, STATES);
        }

        fn go(&mut self, second: i64, to: u8, reason: u8, px: i64) {
            let step = Transition { from: self.state, to, reason, also: 0 };
            let mids = [Mid::at(Price(px * ONE)); 2];
            self.belief.value_at(mids, STATES[usize::from(self.state)].unmatched);
            self.tally.transition(&At { now: at(second), row: 0, belief: &self.belief, mids }, &step, STATES);
            self.state = to;
        }

        fn metrics(&self, equity: &Equity, days: i64) -> Metrics {
            let sim = SimStats::default();
            Metrics::of(&Outcome {
                from: at(0),
                to: Time::at(days * DAY),
                stats_interval: HOUR,
                belief: &self.belief,
                equity,
                tally: &self.tally,
                sims: [&sim, &sim],
                counters: &[],
            })
        }
    }

    /// Two trades by hand. First: long at 100, locked at 110 with a short, the short closed at 104 after 30 s of lock
    /// (reason 2), the long sold at 108: +8 +6 - 2 in fees. Second: long at 100, sold at 99 by a maker: -1 - 0.5.
    #[test]
    fn two_trades_by_hand() {
        let mut run = Ledger::new();
        run.go(10, 1, 0, 100);
        run.fill(10, Role::Long, Side::Buy, 100, false);
        run.fill(20, Role::Short, Side::Sell, 110, false);
        run.go(20, 2, 1, 110);
        run.go(50, 1, 2, 106);
        run.fill(50, Role::Short, Side::Buy, 104, false);
        run.fill(70, Role::Long, Side::Sell, 108, false);
        run.go(70, 0, 3, 108);
        // nothing filled: no trade
        run.go(80, 1, 0, 100);
        run.go(85, 0, 3, 100);
        run.go(90, 1, 0, 100);
        run.fill(90, Role::Long, Side::Buy, 100, false);
        run.fill(100, Role::Long, Side::Sell, 99, true);
        run.go(100, 0, 3, 99);
        run.tally.finish(&At { now: at(200), row: 0, belief: &run.belief, mids: [Mid::at(Price(99 * ONE)); 2] });
        let equity = Equity::new(at(0), Cash::units(2_000), HOUR);
        let metrics = run.metrics(&equity, 1);
        let get = |name| metrics.get(name);
        assert_eq!(run.tally.pnls, [12.0, -1.5]);
        assert_eq!((get("trades"), get("round_trips"), get("locks")), (Some(2.0), Some(1.0), Some(1.0)));
        assert_eq!((get("net_pnl"), get("return_pct")), (Some(10.5), Some(0.525)));
        assert_eq!((get("win_rate_pct"), get("profit_factor")), (Some(50.0), Some(8.0)));
        assert_eq!((get("avg_trade"), get("median_trade")), (Some(5.25), Some(5.25)));
        assert_eq!((get("best_trade"), get("worst_trade")), (Some(12.0), Some(-1.5)));
        assert_eq!((get("avg_trade_sec"), get("short_locks_pct")), (Some(35.0), Some(100.0)));
        assert_eq!((get("fees"), get("turnover"), get("fills")), (Some(-2.5), Some(621.0), Some(6.0)));
        assert_eq!(get("maker_share_pct"), Some(100.0 * 99.0 / 621.0));
        // posted margin: 10 on the long, 11 on the short
        assert_eq!((get("peak_margin"), get("return_on_margin_pct")), (Some(21.0), Some(50.0)));
        // frozen at the lock with 110: 2,000 + 10 - 2 x 0.5; the end of the trade is 2,012
        assert_eq!(run.tally.unlock[2], Cash::units(3).into());
        assert_eq!(run.tally.state_times, [125, 45, 30].map(|s| s * SECOND));
        assert_eq!(run.tally.reasons, [3, 1, 1, 3]);
        let table = METRICS.len() + 3 + 4 + 4;
        assert_eq!(metrics.0.len(), table);
        for null in ["sharpe", "sharpe_error", "sortino", "calmar", "cagr_pct", "slippage_at_decision_bp"] {
            assert_eq!(get(null), None, "{null}");
        }
    }

    /// Hourly returns of +1 % and -0.5 % of C0 in turn, 40 intervals over 100 days.
    #[test]
    fn ratios_of_the_return_series() {
        let mut run = Ledger::new();
        let mut equity = Equity::new(at(0), Cash::units(2_000), HOUR);
        let mut cash = 2_000;
        for hour in 0..=40 {
            let amount = if hour == 0 {
                0
            } else if hour % 2 == 1 {
                20
            } else {
                -10
            };
            cash += amount;
            run.belief.books[0].cash += Cash::units(amount);
            let none = TileSignals::default();
            let to = Time::at(hour * HOUR + MINUTE);
            equity.catch_up(to, &run.belief, &none, &Caps::default(), None, &mut NoRecord);
        }
        assert_eq!((cash, equity.moments.n), (2_200, 40));
        let metrics = run.metrics(&equity, 100);
        let near = |name, want: f64| {
            let got = metrics.get(name).unwrap_or(f64::NAN);
            assert!((got / want - 1.0).abs() < 1e-9, "{name}: {got}, not {want}");
        };
        let year = (365.0f64 * 24.0).sqrt();
        // mean 0.0025; each return is 0.0075 from it
        near("sharpe", 0.0025 / (40.0f64 * 0.0075 * 0.0075 / 39.0).sqrt() * year);
        // 1/3 an interval: sqrt((1 + 1/18) / 40) of it, with 39 in place of 40 where the spread is a sample's
        near("sharpe_error", ((1.0 + 39.0 / 40.0 / 18.0) / 40.0f64).sqrt() * year);
        near("sortino", 0.0025 / (0.5f64 * 0.005 * 0.005).sqrt() * year);
        near("max_drawdown_pct", 0.5);
        near("calmar", 0.1 * 3.65 / 0.005);
        near("cagr_pct", 100.0 * (1.1f64.powf(3.65) - 1.0));
    }
}
