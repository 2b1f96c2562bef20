//! What the market does to an order on one venue (fill-model.md).

use crate::config::keys::F;
use crate::config::keys::{number, time, what};
use crate::config::values::Values;
use crate::config::{ConfigError, Fills, Latency, Outage, OutageWhat, OutageWhen, Queue, Value};
use crate::units::{Rate, SECOND_NS};

pub(super) fn fills(v: &Values<'_>, venue: usize) -> Result<Fills, ConfigError> {
    let key = |key: F| v.fill(venue, key);
    Ok(Fills {
        order_latency: latency(v, venue, F::OrderMedian, F::OrderSigma, F::OrderConstant)?,
        response_latency: latency(v, venue, F::ResponseMedian, F::ResponseSigma, F::ResponseConstant)?,
        feed_latency_ns: v.int(key(F::FeedConstant)),
        queue: queue(v, venue)?,
        queue_ahead: v.rate(key(F::QueueAhead)),
        impact: Rate(v.int(key(F::Impact))),
        assume_qty: v.some_qty(key(F::AssumeQty)),
        reject_rate: v.float(key(F::RejectRate)),
        timeout_rate: v.float(key(F::TimeoutRate)),
        cancel_fail_rate: v.float(key(F::CancelFailRate)),
        outages: outages(v.get(key(F::Outages))),
        max_book_age_ns: v.int(key(F::MaxBookAgeMs)),
    })
}

/// A constant beside a median in one layer is a contradiction; a venue's own layer goes before the common one.
fn latency(v: &Values<'_>, venue: usize, median: F, sigma: F, constant: F) -> Result<Latency, ConfigError> {
    let schema = &v.file.schema;
    for layer in [Some(venue), None] {
        let keys = [schema.fills(layer, constant), schema.fills(layer, median), schema.fills(layer, sigma)];
        let drawn = v.given(keys[1]).or(v.given(keys[2])).is_some();
        match (v.given(keys[0]).is_some(), drawn) {
            (true, true) => {
                let other = if v.given(keys[1]).is_some() { keys[1] } else { keys[2] };
                return Err(v
                    .conflict(&[keys[0], other], format!("found {} beside {}", v.say(keys[0]), v.say(other)))
                    .accepted("{constant_ms} or {median_ms, sigma}")
                    .remedy("write one of the two forms; an axis over one form needs a base file without the other"));
            }
            (true, false) => return Ok(Latency::Constant { ns: v.int(keys[0]) }),
            (false, true) => break,
            (false, false) => {}
        }
    }
    Ok(Latency::Lognormal { median_ns: v.int(v.fill(venue, median)), sigma: v.float(v.fill(venue, sigma)) })
}

fn queue(v: &Values<'_>, venue: usize) -> Result<Queue, ConfigError> {
    let n = v.fill(venue, F::QueueN);
    Ok(match v.word(v.fill(venue, F::Queue)) {
        "proportional" => Queue::Proportional,
        "trades_only" => Queue::TradesOnly,
        "power" if v.get(n).is_none() => return Err(v.missing(n)),
        "power" => Queue::Power { n: v.float(n) },
        _ => Queue::RiskAverse,
    })
}

fn outages(value: Option<&Value>) -> Vec<Outage> {
    let Some(Value::List(items)) = value else { return Vec::new() };
    let outage = |item: &Value| {
        let Value::Map(entries) = item else { return None };
        let what = match what(entries)? {
            "orders" => OutageWhat::Orders,
            "feed" => OutageWhat::Feed,
            "refuse" => OutageWhat::Refuse,
            "stale" => OutageWhat::Stale,
            "halt" => OutageWhat::Halt,
            _ => OutageWhat::Both,
        };
        let when = match (time(entries, "from"), time(entries, "to")) {
            (Some(from), Some(to)) => OutageWhen::Fixed { from, to },
            _ => {
                let mean = number(entries, "mean_sec")?.0 / (crate::config::Num::ONE / i128::from(SECOND_NS));
                OutageWhen::Drawn { per_day: number(entries, "per_day")?.as_f64(), mean_ns: mean as i64 }
            }
        };
        Some(Outage { when, what })
    };
    items.iter().filter_map(outage).collect()
}
