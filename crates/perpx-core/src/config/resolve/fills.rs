//! What the market does to an order on one venue (fills.md).

use crate::config::keys::{F, Unit, number, time, what};
use crate::config::values::Values;
use crate::config::words::QueueModel;
use crate::config::{Burst, ConfigError, Fills, KeyIx, Latency, Outage, OutageWhen, Queue, Value};
use crate::units::{Rate, SECOND, TimeDelta};

/// The simulation's rules of a venue: its own keys first, then those of all venues.
pub(super) fn fills(v: &Values<'_>, venue: usize) -> Result<Fills, ConfigError> {
    let key = |key: F| v.fill(venue, key);
    Ok(Fills {
        order_latency: latency(v, venue, ORDER)?,
        response_latency: latency(v, venue, RESPONSE)?,
        burst: Burst { slope: v.float(key(F::BurstSlope)), calm_rows: v.count(key(F::BurstRows)) },
        clock_ahead: v.time_delta(key(F::ClockAhead)),
        feed_latency: v.time_delta(key(F::FeedConstant)),
        queue: queue(v, venue)?,
        queue_ahead: v.rate(key(F::QueueAhead)),
        impact: Rate(v.int(key(F::Impact))),
        assume_qty: v.some_qty(key(F::AssumeQty)),
        reject_rate: v.float(key(F::RejectRate)),
        timeout_rate: v.float(key(F::TimeoutRate)),
        cancel_fail_rate: v.float(key(F::CancelFailRate)),
        outages: outages(v.get(key(F::Outages))),
        max_book_age: v.time_delta(key(F::MaxBookAgeMs)),
    })
}

/// Keys of a latency: median, sigma, constant, quantiles, recorded.
const ORDER: [F; 5] = [F::OrderMedian, F::OrderSigma, F::OrderConstant, F::OrderQuantiles, F::OrderRecorded];
/// Keys of the response latency, in the order of those of the order latency.
const RESPONSE: [F; 5] =
    [F::ResponseMedian, F::ResponseSigma, F::ResponseConstant, F::ResponseQuantiles, F::ResponseRecorded];

/// Two of the four forms in one layer are a contradiction; a venue's own layer goes before the common one.
fn latency(v: &Values<'_>, venue: usize, of: [F; 5]) -> Result<Latency, ConfigError> {
    let [median, sigma, constant, quantiles, _] = of;
    for layer in [Some(venue), None] {
        let key = |form: F| v.file.schema.fills(layer, form);
        // `recorded: false` says nothing
        let is_written = |key: &KeyIx| v.given(*key).is_some_and(|value| *value != Value::Bool(false));
        let written: Vec<KeyIx> = of.map(key).into_iter().filter(is_written).collect();
        let drawn = |ix: &KeyIx| *ix == key(median) || *ix == key(sigma);
        match written[..] {
            [] => {}
            _ if written.iter().all(drawn) => break,
            [one] if one == key(constant) => return Ok(Latency::Constant(v.time_delta(one))),
            [one] if one == key(quantiles) => return Ok(Latency::Quantiles(milliseconds(v.get(one)))),
            [_] => return Ok(Latency::Recorded),
            [one, other, ..] => {
                return Err(v
                    .conflict(&[other, one], format!("found {} beside {}", v.describe(other), v.describe(one)))
                    .accepted("{median_ms, sigma}, {constant_ms}, {quantiles_ms} or {recorded: true}")
                    .remedy(
                        "write one of the four forms; an axis over one form needs a base file without the others",
                    ));
            }
        }
    }
    Ok(Latency::Lognormal { median: v.time_delta(v.fill(venue, median)), sigma: v.float(v.fill(venue, sigma)) })
}

/// Of a list of milliseconds.
fn milliseconds(value: Option<&Value>) -> Vec<TimeDelta> {
    let Some(Value::List(items)) = value else { return Vec::new() };
    items.iter().filter_map(Value::num).map(|ms| TimeDelta((ms.0 / Unit::Ms.grain()) as i64)).collect()
}

/// The queue model, with the exponent that one of them needs.
fn queue(v: &Values<'_>, venue: usize) -> Result<Queue, ConfigError> {
    let n = v.fill(venue, F::QueueN);
    Ok(match v.choice(v.fill(venue, F::Queue)) {
        QueueModel::RiskAverse => Queue::RiskAverse,
        QueueModel::Proportional => Queue::Proportional,
        QueueModel::TradesOnly => Queue::TradesOnly,
        QueueModel::Power if v.get(n).is_none() => return Err(v.missing(n)),
        QueueModel::Power => Queue::Power { n: v.float(n) },
    })
}

/// Fixed and drawn ones, as written.
fn outages(value: Option<&Value>) -> Vec<Outage> {
    let Some(Value::List(items)) = value else { return Vec::new() };
    let outage = |item: &Value| {
        let Value::Map(entries) = item else { return None };
        let what = what(entries)?;
        let when = match (time(entries, "from"), time(entries, "to")) {
            (Some(from), Some(to)) => OutageWhen::Fixed { from, to },
            _ => {
                let mean = number(entries, "mean_sec")?.0 / (crate::config::Num::ONE / i128::from(SECOND.0));
                OutageWhen::Drawn { per_day: number(entries, "per_day")?.as_f64(), mean: TimeDelta(mean as i64) }
            }
        };
        Some(Outage { when, what })
    };
    items.iter().filter_map(outage).collect()
}
