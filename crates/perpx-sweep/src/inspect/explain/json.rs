//! A blotter for machines. Prices, quantities and money are decimal text, exact.

use super::blotter::{Episode, Item, Reading, What};
use super::text::kind_name;
use perpx_core::ledger::{Line, Lines};
use perpx_core::market::{Bbo, Command, Event, EventBody, Role};
use perpx_core::sim::OrderOutcome;
use perpx_core::stats::LeggingRow;
use perpx_core::strategy::{also_names, reason_name, state_name};
use perpx_core::units::{MS, MidValue, format_scaled};
use serde_json::{Value as Json, json};

fn book(best: &Bbo) -> Json {
    json!({
        "bid": best.bid.to_string(), "bid_qty": best.bid_qty.to_string(),
        "ask": best.ask.to_string(), "ask_qty": best.ask_qty.to_string(),
    })
}

fn reading(reading: &Reading) -> Json {
    json!({
        "series": format!("{:?}", reading.cmp.series), "need": format!("{:?}", reading.need),
        "value": reading.value, "op": format!("{:?}", reading.cmp.op), "level": reading.level, "holds": reading.holds,
    })
}

fn answer(event: &Event) -> Json {
    let cash = |cash: perpx_core::units::Cash| format_scaled(cash.0, 12);
    match event.body {
        EventBody::Accepted { id } => json!({ "event": "accepted", "order": id.0 }),
        EventBody::Rejected { id, reason } => {
            json!({ "event": "rejected", "order": id.0, "reason": format!("{reason:?}") })
        }
        EventBody::Fill { id, side, px, qty, maker, fee } => json!({
            "event": "fill", "order": id.0, "side": side.name(), "price": px.to_string(), "qty": qty.to_string(),
            "maker": maker, "fee": cash(fee),
        }),
        EventBody::Done { id, filled } => json!({ "event": "done", "order": id.0, "filled": filled.to_string() }),
        EventBody::CancelRejected { id } => json!({ "event": "cancel_rejected", "order": id.0 }),
        EventBody::Status { id, state } => {
            json!({ "event": "status", "order": id.0, "state": format!("{state:?}") })
        }
        EventBody::Funding { amount, rate, px } => json!({
            "event": "funding", "amount": cash(amount), "rate": format_scaled(rate.0.into(), 12), "price": px.to_string(),
        }),
        EventBody::Liquidated { px, qty, fee, lost } => json!({
            "event": "liquidation", "price": px.to_string(), "qty": qty.to_string(), "fee": cash(fee), "lost": cash(lost),
        }),
        EventBody::Transferred { amount, fee } => {
            json!({ "event": "transfer", "amount": cash(amount), "fee": cash(fee) })
        }
    }
}

fn item(item: &Item, venues: [&str; 2]) -> Json {
    let venue = |role: Role| venues[role.ix()];
    let mut out = match &item.what {
        What::Gate { first, needed, readings } => json!({
            "kind": "gate", "first": venue(*first), "needed": needed,
            "conditions": readings.iter().map(reading).collect::<Vec<_>>(),
        }),
        What::Transition(row) => json!({
            "kind": "transition", "state": state_name(row.transition.from), "to_state": state_name(row.transition.to),
            "reason": reason_name(row.transition.reason), "also": also_names(row.transition.also),
            "books": row.bbo.iter().map(book).collect::<Vec<_>>(), "spread_bp": row.spread, "edge": row.edge,
            "equity": row.equity.to_string(),
        }),
        What::Command { command, best } => match command {
            Command::Place(order) => json!({
                "kind": "order", "order": order.id.0, "venue": venue(order.venue), "side": order.side.name(),
                "qty": order.qty.to_string(), "limit": order.limit.to_string(), "type": kind_name(order.kind),
                "reduce_only": order.reduce_only, "book": book(best),
            }),
            Command::Cancel { id, .. } => json!({ "kind": "cancel", "order": id.0, "venue": venue(command.venue()) }),
            Command::Modify { id, qty, limit, .. } => json!({
                "kind": "change", "order": id.0, "venue": venue(command.venue()), "qty": qty.to_string(),
                "limit": limit.to_string(),
            }),
            Command::Query { id, .. } => json!({ "kind": "query", "order": id.0, "venue": venue(command.venue()) }),
        },
        What::Trace(trace) => {
            let out = match trace.outcome {
                OrderOutcome::Lost => json!({ "met": "nothing" }),
                OrderOutcome::Waits { seen } => json!({ "met": "an old book", "seen": seen.to_string() }),
                OrderOutcome::Silent => json!({ "met": "silence" }),
                OrderOutcome::Book { best, seen, delay } => json!({
                    "met": "a book", "book": book(&best), "seen": seen.to_string(),
                    "venue_delay_ms": delay.as_f64(MS),
                }),
                OrderOutcome::Rests { ahead } => json!({ "met": "a queue", "ahead": ahead.map(|qty| qty.to_string()) }),
                OrderOutcome::Cancel { open } => json!({ "met": if open { "its order" } else { "no order" } }),
            };
            joined(json!({ "kind": "arrival", "order": trace.id.0, "venue": venue(trace.venue) }), out)
        }
        What::Answer { event, end } => {
            let at_venue = event.venue_time.to_string();
            let out = json!({ "kind": "answer", "venue": venue(event.venue), "venue_time": at_venue, "at_end": end });
            joined(out, answer(event))
        }
        What::Legging(row) => joined(json!({ "kind": "legging" }), legging(row, venues)),
    };
    if let Json::Object(out) = &mut out {
        out.insert("time".to_string(), json!(item.at.to_string()));
    }
    out
}

fn legging(row: &LeggingRow, venues: [&str; 2]) -> Json {
    json!({
        "ending": row.ending.name(), "began": row.from.to_string(), "ended": row.to.to_string(),
        "exposed": venues[row.role.ix()], "state": state_name(row.state), "qty": row.peak.to_string(),
        "qty_sec": format_scaled(row.qty_ns, 18), "worst_bp": row.worst_bp(), "worst": (-row.worst).to_string(),
        "cost_bp": row.cost_bp(), "cost": (-row.amount).to_string(),
    })
}

/// Where the money came from: every line that is not nought, by leg and in all, then the total.
fn money(lines: &Lines) -> Json {
    let row = |name: &str, amounts: [MidValue; 2]| {
        let all = amounts[0] + amounts[1];
        json!({ "line": name, "long": amounts[0].to_string(), "short": amounts[1].to_string(), "both": all.to_string() })
    };
    let out = Line::ALL.iter().map(|&line| (line.name(), Role::BOTH.map(|role| lines.get(role, line))));
    let out = out.filter(|(_, amounts)| *amounts != [MidValue::ZERO; 2]).map(|(name, amounts)| row(name, amounts));
    out.chain([row("total", Role::BOTH.map(|role| lines.of(role)))]).collect()
}

fn joined(mut a: Json, b: Json) -> Json {
    if let (Json::Object(a), Json::Object(b)) = (&mut a, b) {
        a.extend(b);
    }
    a
}

/// A trade without its items.
pub fn summary(trade: &Episode, venues: [&str; 2]) -> Json {
    json!({
        "trade": trade.trade, "opened": trade.opened.to_string(), "closed": trade.closed.map(|at| at.to_string()),
        "opened_by": reason_name(trade.reasons[0]), "ended_by": trade.closed.map(|_| reason_name(trade.reasons[1])),
        "fills": trade.fills, "pnl": trade.lines.total().to_string(), "money": money(&trade.lines),
        "legging": trade.legging().map(|row| legging(row, venues)).collect::<Vec<_>>(),
    })
}

/// A trade with all that happened.
pub fn life(trade: &Episode, venues: [&str; 2]) -> Json {
    let items: Vec<Json> = trade.items.iter().map(|what| item(what, venues)).collect();
    joined(summary(trade, venues), json!({ "items": items }))
}
