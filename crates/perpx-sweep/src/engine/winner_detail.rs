//! What the winner did, from its second pass: transitions, trades, funding, legging, what its funding guard saved and cost.

use crate::engine::course;
use crate::engine::market_view::{MarketView, market_view};
use crate::engine::run::Sweep;
use crate::error::SweepError;
use crate::report::{
    GuardAction, Legging, Settled, StateSpan, Step, Stretch, Trade, Transition, WinnerDetail, money, shown,
};
use crate::results::ledgers::Rerun;
use crate::results::spool::Row;
use crate::symbol_run::SymbolRun;
use perpx_core::ledger::Lines;
use perpx_core::market::{EventBody, Role};
use perpx_core::stats::{FullRecord, TradeRow, TransitionRow};
use perpx_core::strategy::{Reason, reason_name, state_name};
use perpx_core::units::{MINUTE, SECOND, Time};
use std::collections::BTreeMap;

/// Buckets of the whole range, and of one trade.
const WHOLE: usize = 1_200;
const CLOSE: usize = 160;

/// `row` is the winner's in its ranking world, `best` its second pass.
pub fn winner_detail(
    sweep: &Sweep<'_>,
    symbol_run: &SymbolRun,
    best: &Rerun,
    row: &Row,
) -> Result<WinnerDetail, SweepError> {
    let (mut trades, outside) = trades(symbol_run, best);
    let close = shown(&trades);
    let mut windows = vec![(symbol_run.spans.inside.0, symbol_run.data.to, WHOLE)];
    windows.extend(close.iter().map(|&i| around(symbol_run, &trades[i])));
    let timeline = timeline(symbol_run, best);
    let mut view = market_view(&sweep.grid, symbol_run, row, &windows, &timeline)?;
    let venue_fees = course::venue_fees(sweep, symbol_run, row)?;
    let mut views = view.stretches.drain(..);
    let market = views.next();
    close.iter().zip(views).for_each(|(&i, view)| trades[i].view = Some(view));
    Ok(WinnerDetail {
        intervals: course::intervals(symbol_run, best, &view),
        fills: course::fills(best, &view, &venue_fees),
        net_at_venue_fees: course::run_at_venue_fees(sweep, symbol_run, row, &venue_fees)?,
        tiers: venue_fees.map(|fees| fees.map(|fees| format!("{} of {}", fees.tier, fees.date))),
        idle: std::mem::take(&mut view.idle),
        transitions: transitions(best),
        timeline,
        funding: funding(best),
        legging: legging(best),
        guards: guards(best, &view, market.as_ref()),
        market,
        trades,
        outside,
    })
}

/// A trade with some time before and after it.
fn around(symbol_run: &SymbolRun, trade: &Trade) -> (Time, Time, usize) {
    let room = (trade.closed.since(trade.opened) / 6).max(2 * MINUTE);
    (trade.opened.plus(-room).max(symbol_run.spans.inside.0), trade.closed.plus(room).min(symbol_run.data.to), CLOSE)
}

fn transitions(best: &Rerun) -> Vec<Transition> {
    let mut counts: BTreeMap<(u8, u8, u8), u64> = BTreeMap::new();
    for row in best.records.iter().flat_map(|record| &record.transitions) {
        let t = &row.transition;
        *counts.entry((t.from, t.to, t.reason)).or_insert(0) += 1;
    }
    let all = counts.into_iter().map(|((from, to, reason), count)| Transition {
        from: state_name(from).to_string(),
        to: state_name(to).to_string(),
        reason: reason_name(reason).to_string(),
        count,
        pnl: None,
    });
    all.collect()
}

fn timeline(symbol_run: &SymbolRun, best: &Rerun) -> Vec<StateSpan> {
    let mut spans = vec![StateSpan { from: symbol_run.spans.inside.0, state: 0 }];
    for (run, record) in best.records.iter().enumerate() {
        if let Some(span) = symbol_run.spans.run(run) {
            // every run begins idle
            spans.extend((run > 0).then_some(StateSpan { from: span.0, state: 0 }));
        }
        spans.extend(record.transitions.iter().map(|row| StateSpan { from: row.at, state: row.transition.to }));
        if let Some(span) = symbol_run.spans.run(run) {
            spans.push(StateSpan { from: span.1, state: 0 });
        }
    }
    spans.retain(|span| span.from < symbol_run.data.to);
    spans
}

/// The transitions of a trade: `rows` are those of its run, in order of time.
fn of_trade<'a>(rows: &'a [TransitionRow], trade: &TradeRow) -> &'a [TransitionRow] {
    let start = rows.partition_point(|row| row.at < trade.opened);
    let end = rows.partition_point(|row| row.at <= trade.closed);
    &rows[start..end]
}

/// Every trade of both runs, those that the end of the data cut off too, and by run what is left.
fn trades(symbol_run: &SymbolRun, best: &Rerun) -> (Vec<Trade>, [Lines; 2]) {
    let (mut out, mut outside) = (Vec::new(), [Lines::default(); 2]);
    for (run, (record, total)) in best.records.iter().zip(&best.lines).enumerate() {
        let end = symbol_run.spans.run(run).map_or(symbol_run.data.to, |span| span.1);
        let open = record.open_trade(total, end);
        outside[run] = *total;
        for (trade, open_at_end) in
            record.trades.iter().map(|trade| (trade, false)).chain(open.iter().map(|t| (t, true)))
        {
            let step = |row: &TransitionRow| Step {
                at: row.at,
                from: row.transition.from,
                to: row.transition.to,
                reason: reason_name(row.transition.reason).to_string(),
            };
            outside[run] = outside[run].minus(&trade.lines);
            out.push(Trade {
                number: out.len() as u64 + 1,
                opened: trade.opened,
                closed: trade.closed,
                steps: of_trade(&record.transitions, trade).iter().map(step).collect(),
                lines: trade.lines,
                open_at_end,
                view: None,
            });
        }
    }
    (out, outside)
}

fn funding(best: &Rerun) -> Vec<Settled> {
    let mut by_time: BTreeMap<Time, [f64; 2]> = BTreeMap::new();
    for entry in best.records.iter().flat_map(|record| &record.entries) {
        if let EventBody::Funding { amount, .. } = entry.event.body {
            by_time.entry(entry.event.venue_time).or_default()[entry.event.venue.ix()] += amount.as_f64();
        }
    }
    by_time.into_iter().map(|(at, amounts)| Settled { at, amounts }).collect()
}

fn legging(best: &Rerun) -> Vec<Legging> {
    let rows = best.records.iter().flat_map(|record| &record.legging);
    rows.map(|row| Legging {
        from: row.from,
        ending: row.ending,
        seconds: row.lasted().as_f64(SECOND),
        qty_sec: row.qty_ns as f64 * 1e-9 / SECOND.0 as f64,
        worst_bp: row.worst_bp(),
        worst: money(-row.worst),
        notional: money(row.notional()),
        amount: money(row.amount),
    })
    .collect()
}

fn guards(best: &Rerun, view: &MarketView, market: Option<&Stretch>) -> Vec<GuardAction> {
    let mut out = Vec::new();
    let mut before = 0;
    for (record, total) in best.records.iter().zip(&best.lines) {
        let last = record.equity.last().map_or(Time::MIN, |last| last.0);
        let open = record.open_trade(total, last);
        for (i, row) in record.transitions.iter().enumerate() {
            if row.transition.reason != Reason::Guard as u8 {
                continue;
            }
            let mut trades = record.trades.iter().chain(&open);
            let trade = trades.find(|trade| trade.opened <= row.at && trade.closed >= row.at);
            let end = trade.map_or(last, |trade| trade.closed);
            let closing = record.transitions[i..].iter().take_while(|later| later.at <= end).last().unwrap_or(row);
            let since = i.checked_sub(1).map_or(Time::MIN, |i| record.transitions[i].at);
            let closed = closed(record, since, row.at);
            out.push(GuardAction {
                at: row.at,
                trade: trade.map_or(0, |trade| u64::from(trade.number) + before),
                from: row.transition.from,
                to: row.transition.to,
                avoided: Role::BOTH.iter().map(|&role| avoided(role, closed, (row.at, end), view, market)).sum(),
                after: money(closing.equity - row.equity),
            });
        }
        before += record.trades.len() as u64 + u64::from(open.is_some());
    }
    out
}

/// By role: how much less is held at `at` than at its most since `since`, base units.
fn closed(record: &FullRecord, since: Time, at: Time) -> [f64; 2] {
    let (mut held, mut most) = ([0i64; 2], [0i64; 2]);
    for entry in record.entries.iter().filter(|entry| entry.event.at <= at) {
        let r = entry.event.venue.ix();
        match entry.event.body {
            EventBody::Fill { side, qty, .. } if side == entry.event.venue.opening() => held[r] += qty.0,
            EventBody::Fill { qty, .. } | EventBody::Liquidated { qty, .. } => held[r] -= qty.0,
            _ => {}
        }
        if entry.event.at <= since {
            most[r] = held[r];
        }
        most[r] = most[r].max(held[r]);
    }
    [0, 1].map(|r: usize| (most[r] - held[r]) as f64 * 1e-9)
}

/// What the closed quantity of a leg would have paid from `after` to `end`, at least at the next settlement.
fn avoided(
    role: Role,
    closed: [f64; 2],
    (after, end): (Time, Time),
    view: &MarketView,
    market: Option<&Stretch>,
) -> f64 {
    let all = &view.settlements[role.ix()];
    let start = all.partition_point(|settlement| settlement.ts <= after);
    let due = all[start..].iter().enumerate().take_while(|(i, settlement)| *i == 0 || settlement.ts <= end);
    due.map(|(_, settlement)| {
        let price = market.and_then(|market| market.mid_at(role, settlement.ts)).unwrap_or(0.0);
        closed[role.ix()] * settlement.rate.as_f64() * price * f64::from(role.opening().sign() as i32)
    })
    .sum()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::Bucket;
    use perpx_core::market::{Event, OrderId, Side};
    use perpx_core::stats::EntryRow;
    use perpx_core::tape::Settlement;
    use perpx_core::units::{Cash, Mid, MidValue, Price, Qty, Rate};

    fn fill(at: i64, venue: Role, side: Side, qty: i64) -> EntryRow {
        let body = EventBody::Fill { id: OrderId(1), side, px: Price(1), qty: Qty(qty), maker: false, fee: Cash(0) };
        let event = Event { at: Time(at), venue_time: Time(at), venue, body, met: Mid::ZERO };
        EntryRow { trade: 1, state: 1, event, mid: Mid::ZERO, equity: MidValue::ZERO, end: false }
    }

    #[test]
    fn what_a_guard_closed_is_what_was_held_before() {
        let mut record = FullRecord::default();
        record.entries = vec![
            fill(10, Role::Long, Side::Buy, 3_000_000_000),
            fill(20, Role::Short, Side::Sell, 3_000_000_000),
            fill(30, Role::Short, Side::Buy, 3_000_000_000),
            fill(40, Role::Long, Side::Sell, 3_000_000_000),
        ];
        assert_eq!(closed(&record, Time(20), Time(30)), [0.0, 3.0], "cut: the short leg");
        assert_eq!(closed(&record, Time(30), Time(40)), [3.0, 0.0], "then the long one");
        assert_eq!(closed(&record, Time(0), Time(20)), [0.0, 0.0]);
    }

    #[test]
    fn avoided_funding_is_due_until_the_end_and_at_least_once() {
        let settlement = |ts, rate| Settlement { ts: Time(ts), rate: Rate(rate) };
        let rate = 1_000_000_000; // 0.001
        let all = vec![settlement(10, rate), settlement(20, rate), settlement(30, -rate)];
        let view = MarketView { settlements: [all.clone(), all], ..MarketView::default() };
        let bucket = Bucket { mids: [Some([90.0, 110.0]), Some([200.0, 200.0])], ..Bucket::default() };
        let market = Stretch { from: Time(0), to: Time(40), buckets: vec![bucket; 4] };
        let of = |role, after, end| avoided(role, [2.0, 2.0], (Time(after), Time(end)), &view, Some(&market));
        assert!((of(Role::Long, 5, 25) - 0.4).abs() < 1e-12, "two settlements of 2 * 100 * 0.001");
        assert!((of(Role::Long, 5, 6) - 0.2).abs() < 1e-12, "the next one at least");
        assert!((of(Role::Short, 25, 26) - 0.4).abs() < 1e-12, "a short pays when the rate is negative");
        assert_eq!(of(Role::Long, 35, 39), 0.0);
    }
}
