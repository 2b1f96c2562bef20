//! The winner interval by interval, and its fills: what its second pass wrote down, laid over the prices of the tape.

use crate::engine::market_view::{MarketView, mids_at};
use crate::engine::rerun::recorded;
use crate::engine::run::Sweep;
use crate::error::SweepError;
use crate::report::{Fill, Interval, money};
use crate::results::ledgers::Rerun;
use crate::results::spool::Row;
use crate::symbol_run::SymbolRun;
use perpx_core::config::VenueFees;
use perpx_core::ledger::VenueBook;
use perpx_core::market::{EventBody, FeeSchedule, MarginSchedule, Role};
use perpx_core::replay::Drive;
use perpx_core::stats::{EntryRow, FullRecord, NoRecord};
use perpx_core::units::{Cash, HOUR, MINUTE, NS, Price, Time, TimeDelta};
use perpx_data::backtest::RUNS;

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
            length: bound.stats_interval,
            leverage: bound.plan.strategy.leverage.as_f64(),
            schedules: Role::BOTH.map(|role| &bound.plan.instrument(role).margin),
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
    /// Of an interval.
    length: TimeDelta,
    leverage: f64,
    /// By role.
    schedules: [&'a MarginSchedule; 2],
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
        let length = self.length;
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
            let used = value / self.leverage / equity;
            open.margin[r] = Some(open.margin[r].map_or(used, |most: f64| most.max(used)));
            let level = margin.liquidation_level(self.schedules[r]).map(Price::as_f64);
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
        let r = row.event.venue.ix();
        let venue = &bound.plan.world.venues[r];
        let own = venue_fees[r].as_ref().map(|own| (&own.fees, venue.instrument.money_grid));
        let hour = view.sizes.get(&row.event.at.steps(HOUR)).map(|hour| hour[r]);
        let impact_bp = venue.fills.impact.bps();
        fill(row, own, hour).map(|fill| Fill { is_held_out: run == 1, impact_bp, ..fill })
    };
    let records = best.records.iter().enumerate();
    records.flat_map(|(run, record)| record.entries.iter().filter_map(move |row| one(run, row))).collect()
}

/// An entry that is a fill. `own`: what its venue takes in its own tier, and the grid of its money; `hour`: sum and number of the
/// best sizes of its hour.
fn fill(row: &EntryRow, own: Option<(&FeeSchedule, Cash)>, hour: Option<(f64, u64)>) -> Option<Fill> {
    let EventBody::Fill { px, qty, maker, fee, .. } = row.event.body else { return None };
    let size = hour.filter(|(sum, _)| *sum > 0.0).map(|(sum, ticks)| sum / ticks as f64);
    Some(Fill {
        is_held_out: false,
        notional: px.of(qty).as_f64(),
        fee: fee.as_f64(),
        venue_fee: own.map(|(fees, grid)| fees.fee(px.of(qty), maker, grid).as_f64()),
        depths: size.map(|size| qty.as_f64() / size),
        impact_bp: 0.0,
    })
}

/// What `row`'s configuration makes in sample where its venues take what they take in their own tiers, run again: its gate knows
/// of it, so that it trades otherwise. None where nothing is known of a venue.
///
/// # Errors
/// Of the tape; a stop.
pub fn run_at_venue_fees(
    sweep: &Sweep<'_>,
    symbol_run: &SymbolRun,
    row: &Row,
    venue_fees: &[Option<VenueFees>; 2],
) -> Result<Option<f64>, SweepError> {
    let [Some(long), Some(short)] = venue_fees else { return Ok(None) };
    let by = (sweep.options.driver, &*sweep.options.stop);
    let found = recorded(
        &sweep.grid,
        symbol_run,
        std::slice::from_ref(row),
        by,
        (&Drive::UNRECORDED, |_| NoRecord),
        |config| {
            config.world.venues.iter_mut().zip([long, short]).for_each(|(venue, own)| venue.fees = own.fees);
        },
    )?;
    let net = sweep.table.iter().position(|info| info.name == "net_pnl");
    Ok(net.and_then(|net| found.first()?.runs.first()?.get(net)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use perpx_core::market::{Event, OrderId, Side};
    use perpx_core::units::{Mid, MidValue, Qty, Rate, SECOND};

    const ONE: i64 = 1_000_000_000;

    /// One unit at a price of 100.
    fn entry(at: Time, venue: Role, side: Side, fee: Cash) -> EntryRow {
        let body = EventBody::Fill { id: OrderId(1), side, px: Price(100 * ONE), qty: Qty(ONE), maker: false, fee };
        let event = Event { at, venue_time: at, venue, body, met: Mid::ZERO };
        EntryRow { trade: 1, state: 1, event, mid: Mid::ZERO, equity: MidValue::ZERO, end: false }
    }

    /// Intervals of two minutes; a leg bought in the first minute, its hedge sold in the second.
    #[test]
    fn an_interval_is_made_of_its_minutes() {
        let minute = |number: i64| Time::default().plus(number * MINUTE);
        let half_past = |number: i64| minute(number).plus(30 * SECOND);
        let mut record = FullRecord::default();
        record.entries = vec![
            entry(half_past(0), Role::Long, Side::Buy, Cash::ZERO),
            entry(half_past(1), Role::Short, Side::Sell, Cash::ZERO),
        ];
        let equity = [2_000, 2_001, 2_003, 2_002, 2_004];
        record.equity = (0..).zip(equity).map(|(at, equity)| (minute(at), Cash::units(equity).into())).collect();
        let mid = |price: i64| Mid::at(Price(price * ONE));
        let minutes = (0..).zip([100, 102, 104, 101, 101]).map(|(at, long)| (at, [mid(long), mid(100)]));
        let view = MarketView { minutes: minutes.collect(), ..MarketView::default() };
        let schedule = MarginSchedule::flat(Rate(0));
        let book = |role| VenueBook::new(role, Cash(1), Rate(10 * Rate::ONE), true, Cash::units(1_000));
        let mut walk = RunWalk {
            record: &record,
            length: 2 * MINUTE,
            leverage: 10.0,
            schedules: [&schedule; 2],
            view: &view,
            settled: &[half_past(13)],
            books: Role::BOTH.map(book),
            entry: 0,
            opener: None,
        };
        let mut found = Vec::new();
        walk.run(minute(0), 2_000.0, &mut found);
        let [first, second] = found.as_slice() else { panic!("{found:?}") };
        assert_eq!((first.end, first.made, first.near), (minute(2), 3.0, 0.0));
        assert_eq!((second.end, second.made, second.near), (minute(4), 1.0, 2.0), "ten minutes before a settlement");
        assert_eq!((first.held, second.held), ([1.0, -0.5], [1.0, -1.0]), "on average");
        assert_eq!((first.first, second.first), ([1.0, 0.0], [1.0, 0.0]), "the long leg was opened first");
        assert_eq!((first.mids[0], second.mids[0]), (Some([100.0, 104.0]), Some([104.0, 101.0])));
        let near =
            |found: Option<f64>, wanted: f64| assert!((found.expect("a figure") - wanted).abs() < 1e-9, "{found:?}");
        near(Some(first.range_bp), 1e4 * (104.0 / 102.0 - 1.0));
        // 10.4 of margin at the second minute, of 1,000 and the 4 that the leg is ahead
        near(first.margin[0], 10.4 / 1_004.0);
        // bought at 100 with a margin of 10: gone at 90, nearest at 102; sold at 100: gone at 110
        near(first.distance[0], (102.0 - 90.0) / 102.0);
        near(first.distance[1], 0.1);
    }

    /// 100 at 2 bp of the venue's own, 1 paid; a quarter of what stood at the best.
    #[test]
    fn a_fill_knows_the_venues_own_fee_and_the_size_beside_it() {
        let row = entry(Time::default(), Role::Long, Side::Buy, -Cash::units(1));
        let fees = FeeSchedule { taker: Rate(200_000_000), maker: Rate(0), referral: Rate(0) };
        let found = fill(&row, Some((&fees, Cash(1))), Some((40.0, 10))).expect("a fill");
        assert_eq!((found.fee, found.venue_fee), (-1.0, Some(-0.02)));
        assert!((found.notional - 100.0).abs() < 1e-9, "{found:?}");
        assert_eq!(found.depths, Some(0.25));
        let unknown = fill(&row, None, Some((0.0, 10))).expect("a fill");
        assert_eq!((unknown.venue_fee, unknown.depths), (None, None));
        let moved = EventBody::Transferred { amount: Cash::units(1), fee: Cash::ZERO };
        assert_eq!(fill(&EntryRow { event: Event { body: moved, ..row.event }, ..row }, None, None), None);
    }
}
