//! What Lighter is asked. Each question leaves the account as it found it, or is cleaned up behind.

use super::answers::{Notes, Probed};
use super::lighter::{Lighter, Sent, cash_of};
use super::line::{Leaves, Why};
use super::progress::{Group, Progress};
use crate::lighter::rest::{Order, OrderStatus};
use crate::lighter::sign::{Tx, cancel_all, time_in_force};
use crate::venue::Venue;
use crate::wall::now;
use perpx_core::market::Delays;
use perpx_core::units::{MS, Price, Rate, TimeDelta};
use serde_json::{Value, json};
use std::time::Duration;

/// In the order in which they are asked.
pub const GROUPS: [Group; 6] = [
    ("L7, L8, L12, L14: channels, batches, what an answer holds", 33, 1),
    ("L5, L15: nonces", 39, 1),
    ("L1, L9, L10: scheduled cancel-all, margin modes, quota", 28, 1),
    ("L2: prices away from the mark", 59, 2),
    ("L4: margin of what rests", 32, 1),
    ("L11: delays", 127, 8),
];
/// How far from the mark the venue may stop taking prices, basis points.
const BANDS: [i64; 10] = [50, 100, 150, 200, 300, 500, 1_000, 2_000, 3_000, 5_000];
/// Times that each delay is measured; the least counts.
const DELAYS: usize = 5;
/// Delays are told to this step.
const STEP: TimeDelta = MS.times(10);
/// What a margin is tried with: so many parts of what is free, each so large.
const PARTS: (usize, f64) = (5, 0.45);
const CHANNELS: [&str; 4] = ["account_all", "account_all_positions", "account_all_trades", "user_stats"];
const HEARD: Duration = Duration::from_millis(1_500);
const BATCHES: [usize; 2] = [16, 50];

/// Asks everything, on an account that is flat.
pub fn ask(mut lighter: Lighter, progress: &mut Progress<'_>) -> Probed {
    let mut notes = Notes::default();
    let note = &mut notes;
    progress.next();
    channels(&mut lighter, note);
    note.take(("L8", "id"), ("echoed", ""), over_the_socket(&mut lighter));
    note.take(("L8", "batch"), ("15", ""), batch(&mut lighter));
    let (predicted, created) = what_answers_hold(&mut lighter);
    note.take(("L12", "predicted_execution_time_ms"), ("a time of day", ""), predicted);
    note.take(("L14", "created_at"), ("told by magnitude", ""), created);
    progress.next();
    note.take(("L5", "failed"), ("uses its nonce", ""), failed_nonce(&mut lighter));
    note.take(("L5", "refused"), ("does not use its nonce", ""), refused_nonce(&mut lighter));
    note.take(("L15", "same nonce"), ("not relied on", ""), same_nonce(&mut lighter));
    progress.next();
    note.take(("L1", "second schedule"), ("refused", ""), second_schedule(&mut lighter));
    note.take(("L9", "margin modes"), ("cross and isolated", ""), margin_modes(&mut lighter));
    note.take(("L10", "cancel-all"), ("costs a unit of quota", ""), quota(&mut lighter));
    progress.next();
    let band = band(&mut lighter, note);
    progress.next();
    let deep = band.map_or(100, |bp| (bp / 2).min(500));
    note.take(("L4", "resting orders"), ("take margin", ""), resting_margin(&mut lighter, deep));
    progress.next();
    let delays = delays(&mut lighter, note);
    let left = lighter.clean().err();
    let Lighter { line, said, .. } = lighter;
    let band = band.map(Rate::from_bps);
    let kept = line.questions.kept;
    let findings = notes.findings;
    Probed { venue: Venue::Lighter, said, findings, delays, band, self_trade: None, left, kept }
}

/// A bid that rests, and its cancel.
pub fn one_order(lighter: &mut Lighter) -> Result<String, Why> {
    lighter.then_clean(|lighter| {
        let price = below(lighter, 80)?;
        let (index, tx) = lighter.rest(price);
        lighter.send(tx)?.taken()?;
        let rested = lighter.arrived(index)?.status;
        let market = lighter.market;
        let cancelled = lighter.send(Tx::CancelOrder { market, index })?;
        let ended = lighter.look(index, |order| order.status == OrderStatus::Canceled)?.status;
        match (&rested, &ended) {
            (OrderStatus::Open, OrderStatus::Canceled) => Ok(format!("order {index} rested and was cancelled")),
            _ => Err(format!("order {index} was {}, then {} ({})", rested.as_str(), ended.as_str(), cancelled.code)),
        }
    })
}

/// A price below the market at which nothing fills, and which every band takes.
fn below(lighter: &mut Lighter, bp: i64) -> Result<i64, Why> {
    let mark = lighter.mark()?;
    let [bid, _] = lighter.best()?;
    Ok(lighter.at_bp(Price(mark.0.min(bid.0)), -bp))
}

// ---- L7, L8: over the stream

fn channels(lighter: &mut Lighter, notes: &mut Notes) {
    let account = lighter_account_of(lighter);
    for name in CHANNELS {
        let answer = account.clone().and_then(|account| {
            let mut socket = lighter.line.open(crate::client::Host::Main, "/stream", &[])?;
            let text = json!({ "type": "subscribe", "channel": format!("{name}/{account}") }).to_string();
            lighter.line.say(&mut socket, &text)?;
            let heard = lighter.line.wait(&mut socket, HEARD, |text| {
                let frame: Value = serde_json::from_str(text).ok()?;
                let kind = frame["type"].as_str().unwrap_or_default();
                match frame["error"]["code"].as_i64() {
                    Some(_) => Some("wants a token"),
                    None => (kind == format!("subscribed/{name}")).then_some("open to all"),
                }
            })?;
            heard.map(str::to_owned).ok_or_else(|| "the venue says nothing".to_owned())
        });
        notes.take(("L7", name), ("open to all", ""), answer);
    }
}

fn lighter_account_of(lighter: &mut Lighter) -> Result<i64, Why> {
    let account = lighter.account()?;
    account.account_index.or(account.index).map(|index| index.0).ok_or_else(|| "the account has no number".to_owned())
}

fn over_the_socket(lighter: &mut Lighter) -> Result<String, Why> {
    let nonce = lighter.nonce()?;
    let (kind, info) = lighter.signed(nonce, Tx::CancelAll { time_in_force: cancel_all::NOW, time: 0 })?;
    let info: Value = serde_json::from_str(&info).map_err(|error| error.to_string())?;
    let mut socket = lighter.line.open(crate::client::Host::Main, "/stream", &[])?;
    let text = json!({ "type": "jsonapi/sendtx", "data": { "id": "probe-1", "tx_type": kind, "tx_info": info } });
    lighter.line.say(&mut socket, &text.to_string())?;
    let answer = lighter.line.wait(&mut socket, HEARD, |text| {
        let frame: Value = serde_json::from_str(text).ok()?;
        let is_answer = frame["tx_hash"].is_string() || frame["error"].is_object();
        is_answer.then(|| frame["id"] == "probe-1")
    })?;
    match answer {
        Some(true) => Ok("echoed".to_owned()),
        Some(false) => Ok("not echoed".to_owned()),
        None => Err("the venue does not answer over the socket".to_owned()),
    }
}

/// How many transactions a batch may hold.
fn batch(lighter: &mut Lighter) -> Result<String, Why> {
    lighter.then_clean(|lighter| {
        let price = below(lighter, 80)?;
        let mut most = 15;
        for count in BATCHES {
            let all = (0..count).map(|n| lighter.rest(price - n as i64).1).collect();
            let sent = lighter.send_batch(all)?;
            match sent.code {
                200 => most = count,
                21513 | 21514 => return Ok(most.to_string()),
                _ => return Err(format!("{count} at once: {} {}", sent.code, sent.message)),
            }
            lighter.cancel_all()?;
        }
        Ok(most.to_string())
    })
}

// ---- L12, L14: what an answer holds

fn what_answers_hold(lighter: &mut Lighter) -> (Result<String, Why>, Result<String, Why>) {
    let sent = lighter.then_clean(|lighter| {
        let price = below(lighter, 80)?;
        let (index, tx) = lighter.rest(price);
        let sent = lighter.send(tx)?.taken()?;
        Ok((sent, lighter.arrived(index)?))
    });
    let (sent, order) = match sent {
        Ok(both) => both,
        Err(why) => return (Err(why.clone()), Err(why)),
    };
    let predicted = sent.body["predicted_execution_time_ms"].as_i64().ok_or("it is not told").and_then(|ms| {
        let from_now = ms - sent.asked.steps(MS);
        match (from_now.abs() < 600_000, ms.abs() < 600_000) {
            (true, _) => Ok("a time of day"),
            (_, true) => Ok("the time from now"),
            _ => Err("it is neither near now nor near 0"),
        }
    });
    let created = order.created_at.ok_or("it is not told").map(|at| match at.0 {
        ..100_000_000_000 => "seconds",
        100_000_000_000..100_000_000_000_000 => "milliseconds",
        _ => "finer than milliseconds",
    });
    (predicted.map(str::to_owned).map_err(str::to_owned), created.map(str::to_owned).map_err(str::to_owned))
}

// ---- L5, L15: nonces

fn used(before: i64, after: i64) -> Result<String, Why> {
    match after - before {
        0 => Ok("does not use its nonce".to_owned()),
        1 => Ok("uses its nonce".to_owned()),
        more => Err(format!("the nonce has moved by {more}: something else uses this key")),
    }
}

/// A post-only that crosses: taken, then cancelled.
fn failed_nonce(lighter: &mut Lighter) -> Result<String, Why> {
    lighter.then_clean(|lighter| {
        let [_, ask] = lighter.best()?;
        let price = lighter.at_bp(ask, 20);
        let before = lighter.nonce()?;
        let (index, tx) = lighter.rest(price);
        lighter.send_as(before, tx, None)?.taken()?;
        let order = lighter.arrived(index)?;
        match order.status {
            OrderStatus::CanceledPostOnly => used(before, lighter.nonce()?),
            other => Err(format!("the order did not fail: {}", other.as_str())),
        }
    })
}

/// One below the least size: refused.
fn refused_nonce(lighter: &mut Lighter) -> Result<String, Why> {
    lighter.then_clean(|lighter| {
        let price = below(lighter, 80)?;
        let before = lighter.nonce()?;
        let (_, tx) = lighter.order(false, (1, price), time_in_force::POST_ONLY, false);
        let sent = lighter.send_as(before, tx, None)?;
        match sent.is_taken() {
            true => Err("an order below the least size was taken".to_owned()),
            false => used(before, lighter.nonce()?),
        }
    })
}

/// Two orders signed with one nonce.
fn same_nonce(lighter: &mut Lighter) -> Result<String, Why> {
    lighter.then_clean(|lighter| {
        let price = below(lighter, 80)?;
        let nonce = lighter.nonce()?;
        let (first, tx) = lighter.rest(price);
        let (second, other) = lighter.rest(price - 1);
        lighter.send_as(nonce, tx, None)?.taken()?;
        let code = lighter.send_as(nonce, other, None)?.code;
        lighter.arrived(first)?;
        let is_alive = |order: Option<Order>| order.is_some_and(|order| order.status == OrderStatus::Open);
        let second = lighter.find(second)?;
        let alive = [is_alive(lighter.find(first)?), is_alive(second)];
        match alive {
            [true, false] => Ok(format!("excludes: the second is refused ({code})")),
            [false, true] => Ok("replaces: the second counts".to_owned()),
            [true, true] => Ok("does not exclude: both are carried out".to_owned()),
            [false, false] => Err("neither order rests".to_owned()),
        }
    })
}

// ---- L1, L9, L10

fn second_schedule(lighter: &mut Lighter) -> Result<String, Why> {
    lighter.then_clean(|lighter| {
        let at = |minutes: i64| now().steps(MS) + minutes * 60_000;
        let [first, second] = [at(6), at(10)];
        let schedule = |time| Tx::CancelAll { time_in_force: cancel_all::SCHEDULED, time };
        lighter.send(schedule(first))?.taken()?;
        let sent = lighter.send(schedule(second))?;
        let counts = lighter.account()?.cancel_all_time.map_or(0, |time| time.0);
        match (sent.is_taken(), counts) {
            (false, _) => Ok("refused".to_owned()),
            (true, counts) if counts == second => Ok("replaces the first".to_owned()),
            (true, counts) if counts == first => Ok("taken, and the first counts".to_owned()),
            (true, counts) => Err(format!("the account says {counts}")),
        }
    })
}

/// Which margin modes the market takes; the mode and the margin of before are set again.
fn margin_modes(lighter: &mut Lighter) -> Result<String, Why> {
    let account = lighter.account()?;
    let own = account.positions.iter().flatten().find(|one| one.market_id.0 == lighter.market);
    let percent = own.and_then(|one| one.initial_margin_fraction).and_then(|one| one.percent().ok());
    let fraction = percent.map_or(500, |fraction| fraction.0 / 100_000_000);
    let before = own.and_then(|one| one.margin_mode).map_or(0, |mode| mode.0);
    let market = lighter.market;
    let set = |mode| Tx::UpdateLeverage { market, initial_margin_fraction: fraction, margin_mode: mode };
    let other = 1 - before;
    let takes_other = lighter.send(set(other))?.is_taken();
    lighter.line.questions.asking().undo(true);
    let set_back = lighter.send(set(before));
    lighter.line.questions.asking().undo(false);
    let takes_before = set_back?.is_taken();
    let takes = |mode| if mode == before { takes_before } else { takes_other };
    let number =
        lighter.details()?.market_config.and_then(|config| config.market_margin_mode).map_or(-1, |mode| mode.0);
    let modes = match (takes(0), takes(1)) {
        (true, true) => "cross and isolated",
        (true, false) => "cross alone",
        (false, true) => "isolated alone",
        (false, false) => return Err("neither mode is taken".to_owned()),
    };
    Ok(format!("{modes} (market_margin_mode {number})"))
}

fn quota(lighter: &mut Lighter) -> Result<String, Why> {
    lighter.then_clean(|lighter| {
        let left = |body: &Value| body["volume_quota_remaining"].as_i64();
        let price = below(lighter, 80)?;
        let (_, tx) = lighter.rest(price);
        let before = left(&lighter.send(tx)?.taken()?.body);
        let after = left(&lighter.cancel_all()?.taken()?.body);
        match (before, after) {
            (Some(before), Some(after)) if before > 0 && before - after == 1 => Ok("costs a unit of quota".to_owned()),
            (Some(before), Some(after)) if before > 0 && before == after => Ok("is free".to_owned()),
            (Some(before), Some(after)) if before > 0 => Err(format!("the quota went from {before} to {after}")),
            _ => Err("the account's tier has no quota".to_owned()),
        }
    })
}

// ---- L2: the band

/// What became of a bid through the mark.
#[derive(Clone, Copy, PartialEq)]
enum Reach {
    Taken,
    Refused,
    Late,
}

/// A bid of the least size that takes, so far through the mark.
fn reach(lighter: &mut Lighter, bp: i64, protection: Option<bool>) -> Result<Reach, Why> {
    let mark = lighter.mark()?;
    let price = lighter.at_bp(mark, bp);
    let base = lighter.least(price);
    let (index, tx) = lighter.order(false, (base, price), time_in_force::IMMEDIATE_OR_CANCEL, false);
    let nonce = lighter.nonce()?;
    let sent = lighter.send_as(nonce, tx, protection)?;
    match sent.code {
        21733..=21735 => Ok(Reach::Refused),
        200 => Ok(match lighter.arrived(index)?.status {
            OrderStatus::CanceledTooMuchSlippage => Reach::Late,
            _ => Reach::Taken,
        }),
        code => Err(format!("{bp} bp through the mark: {code} {}", sent.message)),
    }
}

/// Its width in basis points, where one was met.
fn band(lighter: &mut Lighter, notes: &mut Notes) -> Option<i64> {
    let width = lighter.then_clean(width);
    let said = width.clone().map(|(bp, _)| format!("{bp} bp"));
    notes.take(("L2", "width"), ("200 bp", "price_band_bp"), said);
    let Ok((bp, how)) = width else {
        let why = "the band was not met";
        for part in ["when", "sides", "price_protection"] {
            notes.take(("L2", part), ("", ""), Err(why.to_owned()));
        }
        return None;
    };
    let when = if how == Reach::Late { "taken, then cancelled" } else { "refused at once" };
    notes.take(("L2", "when"), ("refused at once", ""), Ok(when.to_owned()));
    let sides = lighter.then_clean(|lighter| {
        let mark = lighter.mark()?;
        let price = lighter.at_bp(mark, -bp * 3 / 2);
        let (index, tx) = lighter.rest(price);
        let sent = lighter.send(tx)?;
        match sent.code {
            21733..=21735 => Ok("both sides of the mark"),
            200 if lighter.arrived(index)?.status == OrderStatus::CanceledTooMuchSlippage => {
                Ok("both sides of the mark")
            }
            200 => Ok("through the mark alone"),
            code => Err(format!("{code} {}", sent.message)),
        }
    });
    notes.take(("L2", "sides"), ("both sides of the mark", ""), sides.map(str::to_owned));
    let protection = lighter.then_clean(|lighter| reach(lighter, bp * 3 / 2, Some(false)));
    let lifts =
        protection.map(|reach| if reach == Reach::Taken { "false lifts the band" } else { "false changes nothing" });
    notes.take(("L2", "price_protection"), ("left out", ""), lifts.map(str::to_owned));
    Some(bp)
}

/// The width, among those that a venue would choose, else the widest that was taken; and how what lies further ends.
fn width(lighter: &mut Lighter) -> Result<(i64, Reach), Why> {
    let between = |at: usize| ((BANDS[at] * BANDS[at + 1]) as f64).sqrt() as i64;
    let mut met = None;
    for at in 0..BANDS.len() - 1 {
        let how = reach(lighter, between(at), None)?;
        if how != Reach::Taken {
            met = Some((at, how));
            break;
        }
    }
    let (at, how) = met.ok_or_else(|| format!("{} bp through the mark are taken", between(BANDS.len() - 2)))?;
    let bp = BANDS[at];
    let inside = reach(lighter, bp * 97 / 100, None)? == Reach::Taken;
    let outside = reach(lighter, bp * 103 / 100 + 1, None)? != Reach::Taken;
    let taken = if at > 0 { between(at - 1) } else { 0 };
    Ok((
        if inside && outside {
            bp
        } else if inside {
            bp * 97 / 100
        } else {
            taken
        },
        how,
    ))
}

// ---- L4, L11

fn resting_margin(lighter: &mut Lighter, deep: i64) -> Result<String, Why> {
    lighter.then_clean(|lighter| {
        let account = lighter.account()?;
        let own = account.positions.iter().flatten().find(|one| one.market_id.0 == lighter.market);
        let fraction = own.and_then(|one| one.initial_margin_fraction).and_then(|one| one.percent().ok());
        let fraction = fraction.map_or(0.05, Rate::as_f64);
        let free = cash_of(account.available_balance)?;
        let price = below(lighter, deep)?;
        let coins = PARTS.1 * free / fraction / (price as f64 * lighter.price_unit as f64 * 1e-9);
        let base = (coins * 1e9 / lighter.size_unit as f64) as i64;
        for n in 0..PARTS.0 {
            let (index, tx) = lighter.order(false, (base, price - n as i64), time_in_force::POST_ONLY, false);
            let sent = lighter.send(tx)?;
            match sent.code {
                200 if lighter.arrived(index)?.status == OrderStatus::CanceledMarginNotAllowed && n > 0 => {
                    return Ok("take margin".to_owned());
                }
                200 => {}
                21739 if n > 0 => return Ok("take margin".to_owned()),
                code => return Err(format!("order {} of {}: {code} {}", n + 1, PARTS.0, sent.message)),
            }
        }
        Ok("take none".to_owned())
    })
}

/// From when the venue took a transaction to when it says that it happened.
fn took(lighter: &mut Lighter, sent: &Sent, order: &Order) -> Result<i64, Why> {
    let micro = order.transaction_time.ok_or("the order has no transaction_time")?.0;
    Ok(micro.saturating_mul(1_000) - lighter.queued(sent).0)
}

/// The least of several, to the step.
fn least_of(times: &[i64]) -> TimeDelta {
    let least = times.iter().copied().min().unwrap_or_default().max(0);
    (least + STEP.0 / 2) / STEP.0 * STEP
}

fn delays(lighter: &mut Lighter, notes: &mut Notes) -> Option<Delays> {
    let measured = lighter.then_clean(measure);
    let (assumed, keys) = ("those of the tier", ["taker_ms", "maker_ms", "cancel_ms"]);
    for (n, (part, key)) in ["takers", "post-only", "cancels"].into_iter().zip(keys).enumerate() {
        let said = measured.clone().map(|times| format!("{} ms", times[n] / MS));
        notes.take(("L11", part), (assumed, key), said);
    }
    let changed = measured.clone().map(|times| format!("{} ms", times[3] / MS));
    notes.take(("L11", "modify"), ("the post-only's", ""), changed);
    measured.ok().map(|[taker, maker, cancel, _]| Delays { taker, maker, cancel })
}

/// Delays of takers, post-only orders, cancels and changes: by the venue's own clock, where it tells when it took them.
fn measure(lighter: &mut Lighter) -> Result<[TimeDelta; 4], Why> {
    let mut times: [Vec<i64>; 4] = Default::default();
    for _ in 0..DELAYS {
        let price = below(lighter, 80)?;
        let (index, tx) = lighter.rest(price);
        let sent = lighter.send(tx)?.taken()?;
        let order = lighter.arrived(index)?;
        times[1].push(took(lighter, &sent, &order)?);
        let (market, base_amount) = (lighter.market, lighter.least(price));
        let change = Tx::ModifyOrder { market, index, base_amount, price: price - 10, trigger_price: 0 };
        let sent = lighter.send(change)?.taken()?;
        let wanted = Price((price - 10) * lighter.price_unit);
        let order = lighter.look(index, |order| order.price.price() == Ok(wanted))?;
        times[3].push(took(lighter, &sent, &order)?);
        let sent = lighter.send(Tx::CancelOrder { market, index })?.taken()?;
        let order = lighter.look(index, |order| order.status != OrderStatus::Open)?;
        times[2].push(took(lighter, &sent, &order)?);
        let [_, ask] = lighter.best()?;
        let price = lighter.at_bp(ask, 20);
        let base = lighter.least(price);
        let (index, tx) = lighter.order(false, (base, price), time_in_force::IMMEDIATE_OR_CANCEL, false);
        let sent = lighter.send(tx)?.taken()?;
        let order = lighter.arrived(index)?;
        times[0].push(took(lighter, &sent, &order)?);
    }
    Ok(times.map(|times| least_of(&times)))
}
