//! What the market does to an order on one venue (fill-model.md).

use crate::config::keys::{F, Unit, number, time, what};
use crate::config::values::Values;
use crate::config::{ConfigError, Fills, KeyIx, Latency, Outage, OutageWhat, OutageWhen, Queue, Value};
use crate::units::{Rate, SECOND_NS};

pub(super) fn fills(v: &Values<'_>, venue: usize) -> Result<Fills, ConfigError> {
    let key = |key: F| v.fill(venue, key);
    Ok(Fills {
        order_latency: latency(v, venue, [F::OrderMedian, F::OrderSigma, F::OrderConstant, F::OrderQuantiles])?,
        response_latency: latency(
            v,
            venue,
            [F::ResponseMedian, F::ResponseSigma, F::ResponseConstant, F::ResponseQuantiles],
        )?,
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

/// Two of the three forms in one layer are a contradiction; a venue's own layer goes before the common one.
fn latency(v: &Values<'_>, venue: usize, of: [F; 4]) -> Result<Latency, ConfigError> {
    let [median, sigma, constant, _] = of;
    for layer in [Some(venue), None] {
        let key = |form: F| v.file.schema.fills(layer, form);
        let written: Vec<KeyIx> = of.map(key).into_iter().filter(|key| v.given(*key).is_some()).collect();
        let drawn = |ix: &KeyIx| *ix == key(median) || *ix == key(sigma);
        match written[..] {
            [] => {}
            _ if written.iter().all(drawn) => break,
            [one] if one == key(constant) => return Ok(Latency::Constant { ns: v.int(one) }),
            [one] => return Ok(Latency::Quantiles { ns: quantiles_ns(v.get(one)) }),
            [one, other, ..] => {
                return Err(v
                    .conflict(&[other, one], format!("found {} beside {}", v.say(other), v.say(one)))
                    .accepted("{median_ms, sigma}, {constant_ms} or {quantiles_ms}")
                    .remedy(
                        "write one of the three forms; an axis over one form needs a base file without the others",
                    ));
            }
        }
    }
    Ok(Latency::Lognormal { median_ns: v.int(v.fill(venue, median)), sigma: v.float(v.fill(venue, sigma)) })
}

fn quantiles_ns(value: Option<&Value>) -> Vec<i64> {
    let Some(Value::List(items)) = value else { return Vec::new() };
    items.iter().filter_map(Value::num).map(|ms| (ms.0 / Unit::Ms.grain()) as i64).collect()
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
