//! The winner interval by interval, and its fills: what its second pass wrote down, laid over the prices of the tape.

use crate::engine::market_view::{MarketView, mids_at};
use crate::engine::run::Sweep;
use crate::error::SweepError;
use crate::report::{Fill, Interval, money};
use crate::results::ledgers::Rerun;
use crate::results::spool::Row;
use crate::symbol_run::SymbolRun;
use perpx_core::config::VenueFees;
use perpx_core::ledger::VenueBook;
use perpx_core::market::{EventBody, Role};
use perpx_core::stats::{EntryRow, FullRecord};
use perpx_core::units::{HOUR, MINUTE, NS, Price, Time, TimeDelta};
use perpx_data::backtest::{Bound, RUNS};

/// Minutes around a settlement that belong to it.
const AROUND: TimeDelta = MINUTE.times(10);

/// Every interval of both runs, in order.
pub fn intervals(symbol_run: &SymbolRun, best: &Rerun, view: &MarketView) -> Vec<Interval> {
    let Some(bound) = &view.bound else { return Vec::new() };
    let mut settled: Vec<Time> = view.settlements.iter().flatten().map(|settlement| settlement.ts).collect();
    settled.sort_unstable();
    let mut out = Vec::new();
    for (run, record) in best.records.iter().enumerate().take(RUNS.len()) {
        let Some(span) = symbol_run.spans.run(run) else { continue };
        let job = bound.job(span);
        let mut walk = RunWalk {
            record,
            bound,
            view,
            settled: &settled,
            books: Role::BOTH.map(|role| job.book(role)),
            entry: 0,
            opener: None,
        };
        let first = out.len();
        walk.run(span.0, money(job.initial().into()), &mut out);
        out[first..].iter_mut().for_each(|interval| interval.is_held_out = run == 1);
    }
    out
}

/// One run, minute by minute.
struct RunWalk<'a> {
    record: &'a FullRecord,
    bound: &'a Bound,
    view: &'a MarketView,
    settled: &'a [Time],
    books: [VenueBook; 2],
    /// The next entry to be booked.
    entry: usize,
    /// The trade that is open, and the leg that it opened first.
    opener: Option<(u32, Role)>,
}

impl RunWalk<'_> {
    fn run(&mut self, from: Time, capital: f64, out: &mut Vec<Interval>) {
        let length = self.bound.stats_interval;
        let mut before = (from, capital);
        let mut minutes = 0.0;
        let mut open = Interval::default();
        let mut low_high = [f64::INFINITY, f64::NEG_INFINITY];
        for (i, (at, equity)) in self.record.equity.iter().enumerate() {
            let equity = money(*equity);
            if *at <= from {
                before = (*at, equity);
                continue;
            }
            let ends = at.plus(-NS).steps(length);
            if minutes == 0.0 {
                open.mids = self.mids(before.0).map(|mid| mid.map(|mid| [mid, mid]));
            }
            self.book_until(*at);
            self.minute(*at, equity - before.1, &mut open, &mut low_high);
            minutes += 1.0;
            before = (*at, equity);
            let next = self.record.equity.get(i + 1);
            if next.is_none_or(|next| next.0.plus(-NS).steps(length) != ends) {
                open.end = *at;
                open.held.iter_mut().chain(&mut open.first).for_each(|sum| *sum /= minutes);
                if low_high[0] <= low_high[1] {
                    open.range_bp = 1e4 * (low_high[1] / low_high[0] - 1.0);
                }
                out.push(open);
                (open, minutes, low_high) = (Interval::default(), 0.0, [f64::INFINITY, f64::NEG_INFINITY]);
            }
        }
    }

    fn mids(&self, at: Time) -> [Option<f64>; 2] {
        mids_at(&self.view.minutes, at).map(|mid| mid.is_quoted().then(|| mid.as_f64()))
    }

    fn book_until(&mut self, at: Time) {
        while let Some(row) = self.record.entries.get(self.entry).filter(|row| row.event.at <= at) {
            self.books[row.event.venue.ix()].apply(&row.event.body);
            let opens = matches!(row.event.body, EventBody::Fill { .. }) && row.trade > 0;
            if opens && self.opener.is_none_or(|(trade, _)| trade != row.trade) {
                self.opener = Some((row.trade, row.event.venue));
            }
            self.entry += 1;
        }
    }

    /// Adds a minute that ends at `at` to an interval.
    fn minute(&self, at: Time, made: f64, open: &mut Interval, low_high: &mut [f64; 2]) {
        open.made += made;
        let next = self.settled.partition_point(|settled| *settled < at);
        let close = |i: usize| self.settled.get(i).is_some_and(|settled| at.since(*settled).abs() <= AROUND);
        if close(next) || next > 0 && close(next - 1) {
            open.near += made;
        }
        for (role, mid) in Role::BOTH.into_iter().zip(self.mids(at)) {
            let (r, book) = (role.ix(), &self.books[role.ix()]);
            let held = book.position().as_f64();
            open.held[r] += held;
            if self.opener.is_some_and(|(_, first)| first == role) {
                open.first[r] += held;
            }
            let Some(mid) = mid else { continue };
            open.mids[r] = Some([open.mids[r].map_or(mid, |mids| mids[0]), mid]);
            if role == Role::Long {
                *low_high = [low_high[0].min(mid), low_high[1].max(mid)];
            }
            let Some(margin) = book.leg_margin() else { continue };
            let quote = mids_at(&self.view.minutes, at)[r];
            let (value, equity) = (held.abs() * mid, money(book.equity(quote)));
            let used = value / self.bound.plan.strategy.leverage.as_f64() / equity;
            open.margin[r] = Some(open.margin[r].map_or(used, |most: f64| most.max(used)));
            let schedule = &self.bound.plan.instrument(role).margin;
            let level = margin.liquidation_level(schedule).map(Price::as_f64);
            let far = level
                .map_or(1.0, |level| ((mid - level) / mid * f64::from(role.opening().sign() as i32)).clamp(0.0, 1.0));
            open.distance[r] = Some(open.distance[r].map_or(far, |least: f64| least.min(far)));
        }
    }
}

/// What `row`'s venues take in their own tiers.
///
/// # Errors
/// None but of a configuration that did not resolve when it was run.
pub fn venue_fees(sweep: &Sweep<'_>, symbol_run: &SymbolRun, row: &Row) -> Result<[Option<VenueFees>; 2], SweepError> {
    let strategy = sweep.grid.strategy_point(row.point).unwrap_or_default();
    let world = &symbol_run.worlds[row.world as usize];
    let overrides = sweep.grid.overrides(&symbol_run.data.symbol, &strategy, world);
    Ok(sweep.grid.base.venue_fees(&overrides)?)
}

/// Every fill of both runs.
pub fn fills(best: &Rerun, view: &MarketView, venue_fees: &[Option<VenueFees>; 2]) -> Vec<Fill> {
    let Some(bound) = &view.bound else { return Vec::new() };
    let one = |run: usize, row: &EntryRow| {
        let EventBody::Fill { px, qty, maker, fee, .. } = row.event.body else { return None };
        let role = row.event.venue;
        let venue = &bound.plan.world.venues[role.ix()];
        let own = venue_fees[role.ix()].as_ref();
        let hour = view.sizes.get(&row.event.at.steps(HOUR)).map(|hour| hour[role.ix()]);
        let size = hour.filter(|(sum, _)| *sum > 0.0).map(|(sum, ticks)| sum / ticks as f64);
        Some(Fill {
            is_held_out: run == 1,
            notional: px.of(qty).as_f64(),
            fee: fee.as_f64(),
            venue_fee: own.map(|own| own.fees.fee(px.of(qty), maker, venue.instrument.money_grid).as_f64()),
            depths: size.map(|size| qty.as_f64() / size),
            impact_bp: venue.fills.impact.bps(),
        })
    };
    let records = best.records.iter().enumerate();
    records.flat_map(|(run, record)| record.entries.iter().filter_map(move |row| one(run, row))).collect()
}
