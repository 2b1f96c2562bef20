//! Transactions: which key signs them, in which order, and what becomes of those that were not answered.
//!
//! A key has one transaction under way: nonces go up by one and a refused one is not used up. One that was not answered is *in doubt*.
//! Until it is not, nothing that opens leaves, and the key's next transaction, a cancel or a close, is signed with the same nonce: at
//! most one of both can be carried out. Where none waits, a cancel of an order that never was takes its place.

use super::{LighterClient, ORDER_LIFE_MS, is_of_key};
use crate::client::{
    About, AccountUpdate, Answer, Body, Host, Outbound, Output, Reply, Request, RunNumber, VenueError,
};
use crate::lighter::rest::ApiError;
use crate::lighter::sign::{
    Attributes, Head, NewOrder as WireOrder, PrivateKey, SignedTx, Tx, order_type, time_in_force,
};
use crate::wire::parse;
use perpx_core::market::{EventBody, NewOrder, OrderId, OrderKind, Reject, Side};
use perpx_core::units::{MS, SECOND, Time, TimeDelta};
use std::collections::VecDeque;

/// Life of a transaction that is of no order.
const SETTING_LIFE: TimeDelta = SECOND.times(8);
/// Nonces refused in a row, after which the key rests.
const MOST_STALE: u32 = 3;
/// How long it rests then.
const REST: TimeDelta = SECOND.times(5);
/// The second nonce in a row is asked for so much later, the third twice as late.
const STALE_WAIT: TimeDelta = MS.times(200);

/// A key that signs transactions.
pub struct ApiKey {
    /// Its number.
    pub number: i64,
    /// Signs.
    pub key: PrivateKey,
}

/// The transactions of one key.
#[derive(Default)]
pub(super) struct Lane {
    /// The next one to use; `None` while it is asked for.
    pub(super) nonce: Option<i64>,
    pub(super) waiting: VecDeque<(About, Tx)>,
    pub(super) flying: Option<Flying>,
    /// Not answered, all with the nonce that is next; by when each can land no more.
    doubt: Vec<(About, Time)>,
    /// When a transaction that does nothing is signed with their nonce, if no other was before.
    probe_at: Option<Time>,
    /// Nonces refused in a row.
    stale: u32,
    /// Nothing leaves before.
    rests_until: Time,
}

/// A transaction under way.
pub(super) struct Flying {
    pub(super) about: About,
    tx: Tx,
    /// It can land no more from then on.
    until: Time,
}

impl LighterClient {
    /// The venue's clock may be ahead of ours by as much.
    pub(super) fn margin(&self) -> TimeDelta {
        TimeDelta(self.access.fence.0 / 9)
    }

    /// Life of a transaction that has not arrived.
    fn life(&self) -> TimeDelta {
        self.access.fence - self.margin()
    }

    /// The key that signs a cancel or a close.
    fn exit_lane(&self) -> usize {
        self.lanes.len() - 1
    }

    /// A cancel goes after its order.
    pub(super) fn lane_of_cancel(&self, id: OrderId) -> usize {
        let place = About::Place(id);
        let is_here = |lane: &Lane| {
            lane.flying.as_ref().is_some_and(|flying| flying.about == place)
                || lane.waiting.iter().any(|(about, _)| *about == place)
        };
        self.lanes.iter().position(is_here).unwrap_or(self.exit_lane())
    }

    pub(super) fn lane_of_order(&self, order: &NewOrder) -> usize {
        if order.reduce_only { self.exit_lane() } else { 0 }
    }

    /// Something that was sent may still be carried out.
    fn is_in_doubt(&self) -> bool {
        self.orders.is_any_in_doubt() || self.lanes.iter().any(|lane| !lane.doubt.is_empty())
    }

    /// Signs and sends what waits, at each key that has nothing under way.
    pub(super) fn pump(&mut self, wall: Time, out: &mut Output) -> Result<(), VenueError> {
        for n in 0..self.lanes.len() {
            self.forget_what_ended(n, wall, out);
            while let Some((about, tx, nonce)) = self.next(n, wall, out)? {
                self.sign(n, (about, tx, nonce), wall, out)?;
            }
        }
        Ok(())
    }

    /// What the key sends next, if it may send now.
    fn next(&mut self, n: usize, wall: Time, out: &mut Output) -> Result<Option<(About, Tx, i64)>, VenueError> {
        let market = self.market()?.id;
        loop {
            let is_in_doubt = self.is_in_doubt();
            let lane = &mut self.lanes[n];
            let Some(nonce) = lane.nonce.filter(|_| lane.flying.is_none() && lane.rests_until <= wall) else {
                return Ok(None);
            };
            let Some((about, tx)) = lane.waiting.pop_front() else {
                let is_due = lane.probe_at.is_some_and(|at| at <= wall);
                return Ok(is_due.then(|| {
                    lane.probe_at = None;
                    let index = self.access.number.at_lighter(OrderId(0));
                    (About::Fence(n), Tx::CancelOrder { market, index }, nonce)
                }));
            };
            match about {
                About::Place(id) if is_in_doubt && opens(&tx) => {
                    self.orders.rejected(id, Reject::Gate, wall, &mut out.account);
                }
                _ => {
                    lane.probe_at = None;
                    return Ok(Some((about, tx, nonce)));
                }
            }
        }
    }

    fn sign(
        &mut self,
        n: usize,
        (about, tx, nonce): (About, Tx, i64),
        wall: Time,
        out: &mut Output,
    ) -> Result<(), VenueError> {
        // what sets the leverage does no harm when it comes late
        let life = if about == About::Leverage { SETTING_LIFE } else { self.life() };
        let until = self.begun(about, wall).plus(life);
        let key = self.access.key_of(n);
        let head = Head {
            account_index: self.access.account,
            api_key_index: key.0,
            expired_at: until.plus(self.ahead).steps(MS),
            nonce,
            attributes: Attributes::new(),
        };
        match SignedTx::sign(key.1, self.access.chain_id, head, tx.clone()) {
            Ok((signed, _)) => {
                let body = vec![("tx_type", tx.kind().to_string()), ("tx_info", signed.to_json())];
                let is_exit = !opens(&tx);
                self.lanes[n].flying = Some(Flying { about, tx, until });
                let (host, path, body) = (Host::Main, "/api/v1/sendTx".to_owned(), Body::Form(body));
                out.requests.push(Outbound::Request(Request { about, host, path, body, headers: vec![], is_exit }));
            }
            Err(error) => self.refused(about, None, &error.to_string(), wall, out)?,
        }
        Ok(())
    }

    /// When the life of a transaction begins: an order's with its decision, however long it waited for a nonce, so that it
    /// can land no more when its fence ends.
    fn begun(&self, about: About, wall: Time) -> Time {
        let decided = if let About::Place(id) = about { self.orders.sent_at(id) } else { None };
        decided.unwrap_or(wall)
    }

    /// Transactions in doubt that can land no more: where the nonce stands is asked.
    fn forget_what_ended(&mut self, n: usize, wall: Time, out: &mut Output) {
        let margin = self.margin();
        let lane = &mut self.lanes[n];
        if lane.doubt.is_empty() || lane.flying.is_some() {
            return;
        }
        lane.doubt.retain(|(_, until)| wall < until.plus(margin));
        if lane.doubt.is_empty() && lane.nonce.take().is_some() {
            out.requests.push(self.ask_nonce(n));
        }
    }

    /// A transaction was not taken: by the venue (with its code) or by our own signer.
    fn refused(
        &mut self,
        about: About,
        code: Option<i64>,
        message: &str,
        wall: Time,
        out: &mut Output,
    ) -> Result<(), VenueError> {
        match about {
            About::Place(id) => {
                let reason = match code {
                    Some(21739 | 21508) => Reject::NoMargin,
                    Some(21740) => Reject::ReduceOnly,
                    Some(21733..=21735) => Reject::PriceBand,
                    Some(23000) => Reject::RateLimit,
                    // the market takes no such orders; it came after its own end
                    Some(21605 | 21711) => Reject::Unavailable,
                    Some(code) if (21600..21800).contains(&code) => Reject::Rules,
                    None => Reject::Rules,
                    Some(_) => Reject::Unavailable,
                };
                if code == Some(21605) {
                    self.market_refused(wall, out);
                }
                self.orders.rejected(id, reason, wall, &mut out.account);
            }
            About::Cancel(id) => out.account.push(AccountUpdate::event(wall, EventBody::CancelRejected { id })),
            // that there is no such order is what it is for
            About::Fence(_) => {}
            About::Leverage => {
                let why = format!("{} {message}", code.map_or("no code".to_owned(), |code| code.to_string()));
                out.account.push(AccountUpdate::Leverage(Some(why)));
            }
            _ => return Err(VenueError::Refused { about, code: code.unwrap_or(0), message: message.to_owned() }),
        }
        Ok(())
    }

    /// The reply to a transaction.
    pub(super) fn sent(&mut self, about: About, reply: Reply, wall: Time, out: &mut Output) -> Result<(), VenueError> {
        let is_it = |lane: &Lane| lane.flying.as_ref().is_some_and(|flying| flying.about == about);
        let Some(n) = self.lanes.iter().position(is_it) else { return Ok(()) };
        let Some(flying) = self.lanes[n].flying.take() else { return Ok(()) };
        let refusal = match reply {
            Ok(Answer { status: 200, .. }) => {
                self.taken(n, about, out);
                return self.pump(wall, out);
            }
            // what is no word of the venue's says nothing
            Ok(Answer { body, .. }) => parse::<ApiError>("refusal", &body).ok(),
            Err(_) => None,
        };
        match refusal {
            Some(error) if is_of_key(error.code.0) => self.nonce_refused(n, flying, wall, out)?,
            // it came too late, as after a while of 429: it is signed anew
            Some(error) if about == About::Leverage && error.code.0 == 21711 => {
                self.lanes[n].waiting.push_front((about, flying.tx))
            }
            Some(error) => {
                self.lanes[n].stale = 0;
                let message = error.message.unwrap_or_default();
                self.refused(about, Some(error.code.0), &message, wall, out)?;
            }
            None => self.unanswered(n, flying, wall, out),
        }
        self.pump(wall, out)
    }

    /// It is queued, and its nonce used: whatever else had that nonce is not carried out.
    fn taken(&mut self, n: usize, about: About, out: &mut Output) {
        let lane = &mut self.lanes[n];
        lane.nonce = lane.nonce.map(|nonce| nonce + 1);
        (lane.stale, lane.probe_at) = (0, None);
        lane.doubt.clear();
        if about == About::Leverage {
            out.account.push(AccountUpdate::Leverage(None));
        }
    }

    /// The nonce was used before: by one that was in doubt, or by somebody else. The transaction itself is signed anew with the next.
    fn nonce_refused(&mut self, n: usize, flying: Flying, wall: Time, out: &mut Output) -> Result<(), VenueError> {
        let lane = &mut self.lanes[n];
        (lane.nonce, lane.probe_at) = (None, None);
        let doubt = std::mem::take(&mut lane.doubt);
        if !matches!(flying.about, About::Fence(_)) {
            lane.waiting.push_front((flying.about, flying.tx));
        }
        lane.stale = if doubt.is_empty() { lane.stale + 1 } else { 0 };
        let wait = match lane.stale {
            0 | 1 => TimeDelta::ZERO,
            MOST_STALE.. => REST,
            times => STALE_WAIT.times(1 << (times - 2)),
        };
        if lane.stale >= MOST_STALE {
            lane.stale = 0;
            let why = format!(
                "{MOST_STALE} nonces in a row were refused: something else uses API key {}",
                self.access.key_of(n).0
            );
            out.account.push(AccountUpdate::Trouble(why));
        }
        self.lanes[n].rests_until = wall.plus(wait);
        if wait > TimeDelta::ZERO {
            self.later.insert(About::Nonce(n), wall.plus(wait));
        } else {
            out.requests.push(self.ask_nonce(n));
        }
        for (about, _) in doubt {
            // it was carried out, if it was it that used the nonce
            if let About::Place(id) = about {
                self.ask_orders(id, wall, out)?;
            }
        }
        Ok(())
    }

    /// Nobody knows whether it was carried out.
    fn unanswered(&mut self, n: usize, flying: Flying, wall: Time, out: &mut Output) {
        if flying.about == About::Leverage {
            // nothing else is under way on this key: it is set again
            self.lanes[n].nonce = None;
            self.lanes[n].waiting.push_front((flying.about, flying.tx));
            out.requests.push(self.ask_nonce(n));
            return;
        }
        if let About::Place(id) = flying.about {
            self.orders.in_doubt(id);
        }
        let margin = self.margin();
        let lane = &mut self.lanes[n];
        lane.probe_at = Some(if matches!(flying.about, About::Fence(_)) { wall.plus(margin) } else { wall });
        lane.doubt.push((flying.about, flying.until));
    }

    pub(super) fn wire_order(&self, order: &NewOrder, wall: Time) -> Result<Option<Tx>, VenueError> {
        let market = self.market()?;
        let rests_until = wall.plus(self.ahead).steps(MS) + ORDER_LIFE_MS;
        let (kind, tif, expiry) = match order.kind {
            OrderKind::PostOnly => (order_type::LIMIT, time_in_force::POST_ONLY, rests_until),
            OrderKind::Limit => (order_type::LIMIT, time_in_force::GOOD_TILL_TIME, rests_until),
            OrderKind::Ioc => (order_type::LIMIT, time_in_force::IMMEDIATE_OR_CANCEL, 0),
            OrderKind::Market => (order_type::MARKET, time_in_force::IMMEDIATE_OR_CANCEL, 0),
            OrderKind::Fok => return Ok(None),
        };
        if order.id.0 > RunNumber::LAST_AT_LIGHTER.0 {
            return Ok(None);
        }
        if order.qty.0 % market.size_unit != 0 || order.limit.0 % market.price_unit != 0 {
            return Ok(None);
        }
        Ok(Some(Tx::CreateOrder(WireOrder {
            market_index: market.id,
            client_order_index: self.client_index(order.id),
            base_amount: order.qty.0 / market.size_unit,
            price: order.limit.0 / market.price_unit,
            is_ask: i64::from(order.side == Side::Sell),
            order_type: kind,
            time_in_force: tif,
            reduce_only: i64::from(order.reduce_only),
            trigger_price: 0,
            order_expiry: expiry,
        })))
    }
}

/// It can make a position larger.
fn opens(tx: &Tx) -> bool {
    match tx {
        Tx::CreateOrder(order) => order.reduce_only == 0,
        Tx::CancelOrder { .. } | Tx::CancelAll { .. } => false,
        _ => true,
    }
}
