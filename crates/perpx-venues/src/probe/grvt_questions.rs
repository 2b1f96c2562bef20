//! What GRVT is asked. Each question leaves the account as it found it, or is cleaned up behind.

use super::answers::{Notes, Probed};
use super::grvt::{Grvt, Wanted};
use super::line::{Leaves, Why};
use super::progress::{Group, Progress};
use crate::client::Host;
use crate::grvt::client::session_of;
use crate::grvt::trade::{OrderState, OrderStatus, RejectReason};
use crate::net::socket::Socket;
use crate::venue::Venue;
use perpx_core::market::{Delays, SelfTrade, Side};
use perpx_core::units::{MS, Price, Qty, TimeDelta};
use serde_json::{Value, json};
use std::time::{Duration, Instant};

/// In the order in which they are asked.
pub const GROUPS: [Group; 7] = [
    ("G5: sessions", 10, 1),
    ("G3, G17: orders sent twice, what is left of one that takes", 47, 7),
    ("G1, G13, G14: closing the rest, margin, fees", 64, 9),
    ("G4: a line that is cut", 26, 6),
    ("G10: own orders against each other", 20, 4),
    ("G8: delays", 134, 16),
    ("G6: limits", 206, 15),
];
/// Times that each delay is measured; the least counts.
const DELAYS: usize = 8;
/// Delays are told to this step.
const STEP: TimeDelta = MS.times(5);
const HEARD: Duration = Duration::from_millis(1_500);
/// After a line was cut orders are looked at once more.
const AFTER_THE_CUT_MS: u64 = 2_000;
/// Orders that are opened, and reads that are sent, to meet a limit.
const MOST_ORDERS: usize = 60;
const MOST_READS: usize = 60;
/// Tries to meet a spread that is wide enough.
const SPREADS: usize = 60;

/// Asks everything, on an account that is flat.
pub fn ask(mut grvt: Grvt, progress: &mut Progress<'_>) -> Probed {
    let mut notes = Notes::default();
    progress.next();
    sessions(&mut grvt, &mut notes);
    progress.next();
    notes.take(("G3", "alive"), ("not relied on", ""), sent_twice(&mut grvt, false));
    notes.take(("G3", "ended"), ("not relied on", ""), sent_twice(&mut grvt, true));
    notes.take(("G3", "asked for at once"), ("may be unknown", ""), known_at_once(&mut grvt));
    notes.take(("G17", "remainder"), ("either way is read", ""), remainder(&mut grvt));
    progress.next();
    notes.take(("G1", "last close"), ("not held to the least value", ""), last_close(&mut grvt));
    let (margin, fee) = held(&mut grvt);
    notes.take(("G13", "initial margin"), ("one over the leverage", ""), margin);
    notes.take(("G14", "fee of a fill"), ("the tier's rate of its value", ""), fee);
    progress.next();
    cut(&mut grvt, &mut notes);
    progress.next();
    let self_trade = self_trade(&mut grvt);
    let said = self_trade.clone().map(|which| match which {
        SelfTrade::CancelMaker => "the one that rests goes".to_owned(),
        SelfTrade::CancelTaker => "the one that comes goes".to_owned(),
    });
    notes.take(("G10", "self-trade"), ("the one that comes goes", "self_trade"), said);
    progress.next();
    let delays = grvt.then_clean(measure);
    let keys = ["taker_ms", "maker_ms", "cancel_ms"];
    for (n, (part, key)) in ["takers", "post-only", "cancels"].into_iter().zip(keys).enumerate() {
        let said = delays.clone().map(|times| format!("{} ms", times[n] / MS));
        notes.take(("G8", part), ("those of the tier", key), said);
    }
    progress.next();
    notes.take(("G6", "open orders"), ("not modelled", ""), most_orders(&mut grvt));
    notes.take(("G6", "reads"), ("5 a second", ""), most_reads(&mut grvt));
    grvt.line.sleep(1_500);
    let left = grvt.clean().err();
    let delays = delays.ok().map(|[taker, maker, cancel]| Delays { taker, maker, cancel });
    let Grvt { line, said, .. } = grvt;
    let (findings, kept, self_trade) = (notes.findings, line.questions.kept, self_trade.ok());
    Probed { venue: Venue::Grvt, said, findings, delays, band: None, self_trade, left, kept }
}

/// A bid that rests, and its cancel.
pub fn one_order(grvt: &mut Grvt) -> Result<String, Why> {
    grvt.then_clean(|grvt| {
        let far = grvt.far()?;
        let (client, sent) = grvt.place(far)?;
        sent.taken()?;
        let rested = grvt.arrived(client)?.status;
        grvt.cancel(client)?;
        let ended = grvt.ended(client)?.status;
        match (&rested, &ended) {
            (OrderStatus::Open, OrderStatus::Cancelled) => Ok(format!("order {client} rested and was cancelled")),
            _ => Err(format!("order {client} was {}, then {}", rested.as_str(), ended.as_str())),
        }
    })
}

// ---- G5

fn sessions(grvt: &mut Grvt, notes: &mut Notes) {
    let answer = grvt.log_in();
    let lives = answer.clone().and_then(|answer| {
        let cookie = answer.session.iter().find(|(name, _)| name == "set-cookie").map(|(_, value)| value.clone());
        let cookie = cookie.ok_or("the login sets no cookie")?;
        let age = cookie.split(';').find_map(|part| part.trim().strip_prefix("Max-Age=").map(str::to_owned));
        age.map(|seconds| format!("{seconds} s")).ok_or_else(|| "the cookie has no Max-Age".to_owned())
    });
    notes.take(("G5", "life"), ("what the cookie says", ""), lives);
    // the session of before is still the one that asks
    let first = answer.and_then(|answer| {
        let code = grvt.code_of("positions");
        grvt.session = session_of(&answer).map_err(|error| error.to_string())?.0;
        match code? {
            0 => Ok("leaves the first one open".to_owned()),
            1000 => Ok("ends the first one".to_owned()),
            other => Err(format!("the first session answers {other}")),
        }
    });
    notes.take(("G5", "second login"), ("not known", ""), first);
}

// ---- G3

/// The same signed order twice: while it rests, or after it has filled.
fn sent_twice(grvt: &mut Grvt, ended: bool) -> Result<String, Why> {
    grvt.then_clean(|grvt| {
        let wanted = match ended {
            false => grvt.far()?,
            true => {
                let [_, ask] = grvt.best()?;
                let qty = grvt.least(ask);
                grvt.taking(Side::Buy, qty, false)?
            }
        };
        let client = grvt.client();
        let order = grvt.order(client, wanted)?;
        grvt.create(order.clone())?.taken()?;
        let state = if ended { grvt.ended(client)? } else { grvt.arrived(client)? };
        let expected = if ended { OrderStatus::Filled } else { OrderStatus::Open };
        if state.status != expected {
            return Err(format!("the first is {}", state.status.as_str()));
        }
        let again = grvt.create(order)?;
        grvt.line.sleep(600);
        let twice = match ended {
            false => grvt.open_orders()?.len() > 1,
            true => grvt.position()?.0 > wanted.qty.0,
        };
        match (again.code, twice) {
            (0, true) => Ok("taken again".to_owned()),
            (0, false) => Ok("acknowledged, carried out once".to_owned()),
            (2012, _) => Ok("refused".to_owned()),
            (code, _) => Ok(format!("refused ({code})")),
        }
    })
}

fn known_at_once(grvt: &mut Grvt) -> Result<String, Why> {
    grvt.then_clean(|grvt| {
        let far = grvt.far()?;
        // nothing may hold up the question
        grvt.line.sleep(1_500);
        let (client, sent) = grvt.place(far)?;
        sent.taken()?;
        let known = grvt.find(client)?.is_some();
        grvt.arrived(client)?;
        Ok(if known { "known" } else { "not known yet" }.to_owned())
    })
}

// ---- G17

fn listen(grvt: &mut Grvt, streams: &[&str]) -> Result<Socket, Why> {
    let headers = grvt.session.clone();
    let mut socket = grvt.line.open(Host::Main, "/ws/full", &headers)?;
    for (id, stream) in (1..).zip(streams) {
        let params = json!({ "stream": stream, "selectors": [grvt.sub_account.to_string()] });
        let text = json!({ "jsonrpc": "2.0", "method": "subscribe", "params": params, "id": id }).to_string();
        grvt.line.say(&mut socket, &text)?;
    }
    Ok(socket)
}

/// One that takes and finds nothing: which states the stream tells.
fn remainder(grvt: &mut Grvt) -> Result<String, Why> {
    grvt.then_clean(|grvt| {
        let mut socket = listen(grvt, &["v1.order"])?;
        let [bid, _] = grvt.best()?;
        let px = grvt.at_bp(bid, -40);
        let (side, qty) = (Side::Buy, grvt.least(px));
        let client = grvt.client();
        let order = grvt.order(client, Wanted { side, qty, px, rests: false, reduce_only: false })?;
        grvt.create(order)?.taken()?;
        let wanted = client.to_string();
        let mut opened = false;
        let ended = grvt.line.wait(&mut socket, HEARD, |text| {
            let frame: Value = serde_json::from_str(text).ok()?;
            let feed = &frame["feed"];
            if feed["metadata"]["client_order_id"].as_str() != Some(&wanted) {
                return None;
            }
            let status = feed["state"]["status"].as_str().unwrap_or_default();
            opened |= status == "OPEN";
            (!matches!(status, "OPEN" | "PENDING")).then_some(())
        })?;
        match ended {
            Some(()) if opened => Ok("is told as OPEN first".to_owned()),
            Some(()) => Ok("is told as ended".to_owned()),
            None => Err("the stream does not tell its end".to_owned()),
        }
    })
}

// ---- G1, G13, G14

/// A buy of so much, filled.
fn bought(grvt: &mut Grvt, qty: Qty) -> Result<(), Why> {
    let wanted = grvt.taking(Side::Buy, qty, false)?;
    let (client, sent) = grvt.place(wanted)?;
    sent.taken()?;
    match grvt.ended(client)?.status {
        OrderStatus::Filled => Ok(()),
        other => Err(format!("a buy of {qty} is {}", other.as_str())),
    }
}

fn last_close(grvt: &mut Grvt) -> Result<String, Why> {
    grvt.then_clean(|grvt| {
        let [bid, _] = grvt.best()?;
        let step = grvt.said.lot;
        if bid.of(step).0 >= grvt.said.min_notional.0 {
            return Err("a step is worth more than the least value".to_owned());
        }
        let least = grvt.least(bid);
        bought(grvt, least + step)?;
        let first = grvt.taking(Side::Sell, least, true)?;
        let (client, sent) = grvt.place(first)?;
        sent.taken()?;
        grvt.ended(client)?;
        let rest = grvt.taking(Side::Sell, step, true)?;
        match grvt.place(rest)?.1.code {
            0 => Ok("not held to the least value".to_owned()),
            2067 | 2066 => Ok("held to the least value".to_owned()),
            2062 => Ok("held to the least size".to_owned()),
            code => Err(format!("the rest is refused: {code}")),
        }
    })
}

/// Of the least position: its initial margin over its value, and the fee of its fill.
fn held(grvt: &mut Grvt) -> (Result<String, Why>, Result<String, Why>) {
    let asked = grvt.then_clean(|grvt| {
        let [_, ask] = grvt.best()?;
        let qty = grvt.least(ask);
        bought(grvt, qty)?;
        Ok((margin(grvt, qty), fee(grvt)))
    });
    asked.unwrap_or_else(|why| (Err(why.clone()), Err(why)))
}

fn margin(grvt: &mut Grvt, qty: Qty) -> Result<String, Why> {
    let (leverage, mark, summary) = (grvt.leverage()?, grvt.mark()?, grvt.summary()?);
    let margin = summary.initial_margin.ok_or("no initial margin is told")?;
    let margin = margin.cash().map_err(|error| error.to_string())?.as_f64();
    let share = margin / mark.of(qty).as_f64();
    match (share * leverage - 1.0).abs() < 0.02 {
        true => Ok("one over the leverage".to_owned()),
        false => Ok(format!("{:.0} % of the value", share * 100.0)),
    }
}

fn fee(grvt: &mut Grvt) -> Result<String, Why> {
    let (_, _, taker) = grvt.said.fees.clone()?;
    let fill = grvt.last_fill()?;
    let failed = |error: crate::wire::WireError| error.to_string();
    let (px, qty) = (fill.price.price().map_err(failed)?, fill.size.qty().map_err(failed)?);
    let paid = fill.fee.cash().map_err(failed)?.as_f64();
    let by_tier = px.of(qty).as_f64() * taker.as_f64();
    match (paid - by_tier).abs() <= 2e-6 {
        true => Ok("the tier's rate of its value".to_owned()),
        false => Ok(format!("{paid} where the tier says {by_tier:.6}")),
    }
}

// ---- G4

fn cut(grvt: &mut Grvt, notes: &mut Notes) {
    let asked = grvt.then_clean(|grvt| {
        let [_, ask] = grvt.best()?;
        let qty = grvt.least(ask);
        bought(grvt, qty)?;
        let far = grvt.far()?;
        let (client, sent) = grvt.place(far)?;
        sent.taken()?;
        grvt.arrived(client)?;
        let mut socket = listen(grvt, &["v1.order", "v1.position"])?;
        let mut shown = [false; 2];
        grvt.line.wait(&mut socket, HEARD, |text| {
            let frame: Value = serde_json::from_str(text).ok()?;
            if frame["feed"].is_object() {
                shown[0] |= frame["stream"] == "v1.order";
                shown[1] |= frame["stream"] == "v1.position";
            }
            None::<()>
        })?;
        // no goodbye
        drop(socket);
        grvt.line.sleep(AFTER_THE_CUT_MS);
        Ok((shown, grvt.open_orders()?.is_empty()))
    });
    let parts = [
        ("v1.order", "begins without a snapshot"),
        ("v1.position", "begins without a snapshot"),
        ("orders of a cut line", "stay"),
    ];
    for (n, (part, assumed)) in parts.into_iter().enumerate() {
        let answer = asked.clone().map(|(shown, gone)| match (n, shown.get(n)) {
            (_, Some(true)) => "begins with a snapshot",
            (_, Some(false)) => "begins without a snapshot",
            _ if gone => "are cancelled",
            _ => "stay",
        });
        notes.take(("G4", part), (assumed, ""), answer.map(str::to_owned));
    }
}

// ---- G10

/// A post-only sale inside the spread, and a buy that would take it.
fn self_trade(grvt: &mut Grvt) -> Result<SelfTrade, Why> {
    let mut last = "the spread was never two ticks wide".to_owned();
    for _ in 0..SPREADS {
        let [bid, ask] = grvt.best()?;
        let px = Price(ask.0 - grvt.said.tick.0);
        if px.0 <= bid.0 {
            grvt.line.sleep(300);
            continue;
        }
        let which = grvt.then_clean(|grvt| {
            let qty = grvt.least(px);
            let (resting, sent) = grvt.place(Wanted { side: Side::Sell, qty, px, rests: true, reduce_only: false })?;
            sent.taken()?;
            if grvt.arrived(resting)?.status != OrderStatus::Open {
                return Err("the sale did not rest".to_owned());
            }
            let (taking, sent) = grvt.place(Wanted { side: Side::Buy, qty, px, rests: false, reduce_only: false })?;
            let came = if sent.is_taken() { Some(grvt.ended(taking)?) } else { None };
            let rested = grvt.find(resting)?.and_then(|order| order.state).ok_or("the sale is not known any more")?;
            let is_own = |state: &OrderState| {
                matches!(state.reject_reason, RejectReason::SelfTradeProtection | RejectReason::SelfMatchedSubaccount)
            };
            match (rested.status.clone(), came) {
                (OrderStatus::Open, Some(state)) if is_own(&state) => Ok(SelfTrade::CancelTaker),
                (OrderStatus::Cancelled | OrderStatus::Rejected, _) if is_own(&rested) => Ok(SelfTrade::CancelMaker),
                (rested, came) => {
                    let came = came.map_or("refused".to_owned(), |state| state.status.as_str().to_owned());
                    Err(format!("the sale is {}, the buy {came}", rested.as_str()))
                }
            }
        });
        match which {
            Ok(which) => return Ok(which),
            Err(why) => last = why,
        }
    }
    Err(last)
}

// ---- G8

fn took(asked: perpx_core::units::Time, state: &OrderState) -> i64 {
    state.update_time.0 - asked.0
}

fn least_of(times: &[i64]) -> TimeDelta {
    let least = times.iter().copied().min().unwrap_or_default().max(0);
    (least + STEP.0 / 2) / STEP.0 * STEP
}

/// Delays of takers and post-only orders, by the venue's own clock where it tells when it received them, and of cancels, from sending by ours.
fn measure(grvt: &mut Grvt) -> Result<[TimeDelta; 3], Why> {
    let mut times: [Vec<i64>; 3] = Default::default();
    for _ in 0..DELAYS {
        let far = grvt.far()?;
        let (client, sent) = grvt.place(far)?;
        let asked = sent.taken()?.asked;
        let state = grvt.arrived(client)?;
        times[1].push(took(grvt.received(client, asked)?, &state));
        let asked = grvt.cancel(client)?;
        times[2].push(took(asked, &grvt.ended(client)?));
        let [bid, _] = grvt.best()?;
        let px = grvt.at_bp(bid, -40);
        let (side, qty) = (Side::Buy, grvt.least(px));
        let (client, sent) = grvt.place(Wanted { side, qty, px, rests: false, reduce_only: false })?;
        let asked = sent.taken()?.asked;
        let state = grvt.ended(client)?;
        times[0].push(took(grvt.received(client, asked)?, &state));
    }
    Ok(times.map(|times| least_of(&times)))
}

// ---- G6

fn most_orders(grvt: &mut Grvt) -> Result<String, Why> {
    grvt.then_clean(|grvt| {
        for open in 0..MOST_ORDERS {
            let mut far = grvt.far()?;
            far.px = Price(far.px.0 - open as i64 * grvt.said.tick.0);
            far.qty += grvt.said.lot;
            match grvt.place(far)?.1.code {
                0 => {}
                2090 => return Ok(open.to_string()),
                code => return Err(format!("order {}: {code}", open + 1)),
            }
        }
        Ok(format!("more than {MOST_ORDERS}"))
    })
}

fn most_reads(grvt: &mut Grvt) -> Result<String, Why> {
    // what was asked before counts no more
    grvt.line.sleep(1_500);
    let begun = Instant::now();
    for read in 0..MOST_READS {
        match grvt.code_of("open_orders")? {
            1006 => return Ok(format!("{read} a second")),
            0 if begun.elapsed() < Duration::from_secs(1) => {}
            0 => return Err(format!("{} reads took a second: no limit was met", read + 1)),
            code => return Err(format!("{code}")),
        }
    }
    Ok(format!("more than {MOST_READS} a second"))
}
