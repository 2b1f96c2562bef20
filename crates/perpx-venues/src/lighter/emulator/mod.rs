//! Lighter as emulated: one market (BTC, number 1), one account with its API keys.
//!
//! | file | noun |
//! | --- | --- |
//! | `tx` | signed transactions: what is refused and with which code, what is queued |
//! | `orders` | the account's orders, and what events make of them |
//! | `show` | orders, trades, positions, markets as Lighter writes them |
//! | `rest` | the endpoints |
//! | `pages` | trades, candles and funding of the past |
//! | `stream` | channels, frames, the sequence of the book |
//! | `limits` | requests a minute |
//! | `intrude` | what somebody else does to the account |
//! | `dialect` | its words for scripted faults |

mod dialect;
mod intrude;
mod limits;
mod orders;
mod pages;
mod rest;
mod show;
mod stream;
mod tx;

use crate::emulate::faults::{Condition, Dialect, Strike};
use crate::emulate::habits::LighterHabits;
use crate::emulate::history::History;
use crate::emulate::http::{HttpReply, HttpRequest};
use crate::emulate::serve::{Emulated, Out};
use crate::emulate::venue_core::VenueCore;
use crate::emulate::views::keep;
use crate::emulate::{COIN, EmulateError};
use crate::lighter::sign::{AuthToken, PublicKey};
use crate::wall::MarketClock;
pub use dialect::LighterDialect;

use limits::Limits;
use orders::Order;
use perpx_core::ledger::NetAccount;
use perpx_core::market::{EventBody, OrderId, VolumeQuota};
use perpx_core::sim::QuotaUse;
use perpx_core::units::{Rate, Time, TimeDelta};
use serde_json::Value;
use std::collections::{BTreeMap, VecDeque};
use stream::Sockets;

/// The market's number, its decimals, and the decimals of money.
pub const MARKET: i64 = 1;
/// Of sizes.
pub const SIZE_DECIMALS: u32 = 5;
/// Of prices.
pub const PRICE_DECIMALS: u32 = 1;
/// Initial margin of a position that nobody changed: twenty times.
pub const INITIAL: Rate = Rate(50_000_000_000);

/// The address of nobody.
pub const NO_OWNER: &str = "0x0000000000000000000000000000000000000000";

/// Frames of a client on one stream a minute, as the venue counts them.
pub const FRAMES_PER_MINUTE: usize = 200;

/// How the venue takes nonces, where it is not known.
#[derive(Clone, Copy, Debug, Default)]
pub struct Nonces {
    /// Two transactions of one nonce are both carried out.
    pub one_serves_two: bool,
    /// A cancel of an order that there is not is queued, and uses its nonce.
    pub cancels_of_nothing: bool,
}

/// What a user may choose of an emulated Lighter.
pub struct Settings {
    /// Number of the account.
    pub account_index: i64,
    /// Public keys by the number of the API key.
    pub keys: BTreeMap<i64, PublicKey>,
    /// The wallet that owns the account.
    pub l1_address: String,
    /// The chain that signatures are for.
    pub chain_id: u32,
    /// Its name, as it is shown.
    pub tier: String,
    /// Transactions a minute.
    pub sends_per_minute: u32,
    /// Weight of requests a minute.
    pub weight_per_minute: i64,
    /// Frames of a client on one stream a minute, transactions apart.
    pub frames_per_minute: usize,
    /// Of sends; `None`: as many as the minute allows.
    pub quota: Option<VolumeQuota>,
    /// Orders priced further through the mark are refused; the venue's own width is not published.
    pub price_band: Rate,
    /// They are taken and then cancelled, instead of being refused.
    pub band_is_late: bool,
    /// What is not known of the venue's nonces.
    pub nonces: Nonces,
    /// Market seconds a second.
    pub speed: f64,
    /// Between frames of the book, market time, 0: at each change; `None`: the venue's way, at most one a beat.
    pub frame_every: Option<TimeDelta>,
    /// What no document settles.
    pub habits: LighterHabits,
}

/// A refusal: the venue's code and its words.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// The venue's code.
    pub code: i64,
    /// Its words.
    pub message: String,
}

impl Refusal {
    fn new(code: i64, message: impl Into<String>) -> Refusal {
        Refusal { code, message: message.into() }
    }
}

/// Lighter with one account.
pub struct LighterEmulator {
    core: VenueCore,
    settings: Settings,
    clock: MarketClock,
    /// The last nonce used, by API key.
    nonces: BTreeMap<i64, i64>,
    orders: BTreeMap<OrderId, Order>,
    /// Counters of order numbers: bids, asks.
    counters: [u64; 2],
    /// The account as far as its events were published: what trades say of the position before them.
    reported: NetAccount,
    history: History,
    /// Those of the trades that are ours too, by number.
    own_trades: BTreeMap<u64, Value>,
    /// Newest first.
    fundings: VecDeque<Value>,
    /// Taken transactions, newest first.
    txs: VecDeque<Value>,
    sequence: i64,
    cancel_all_at: Option<i64>,
    limits: Limits,
    quota: QuotaUse,
    sockets: Sockets,
    /// What faults have made of the venue.
    condition: Condition,
    /// The transaction at hand is held to no price band.
    is_unprotected: bool,
}

impl LighterEmulator {
    /// For tests: what is not known of the venue's nonces.
    #[cfg(test)]
    pub fn set_nonces(&mut self, nonces: Nonces) {
        self.settings.nonces = nonces;
    }

    /// `wall` is now: the market's time `core.now()` is shown as it.
    pub fn new(mut core: VenueCore, settings: Settings, wall: Time) -> LighterEmulator {
        let clock = MarketClock { wall, market: core.now(), speed: settings.speed };
        core.account_mut().isolated = settings.habits.isolated_alone;
        LighterEmulator {
            reported: core.account().clone(),
            clock,
            nonces: settings.keys.keys().map(|&key| (key, 0)).collect(),
            orders: BTreeMap::new(),
            counters: [0, 0],
            history: History::begun(core.take_news(), &clock),
            own_trades: BTreeMap::new(),
            fundings: VecDeque::new(),
            txs: VecDeque::new(),
            sequence: 0,
            cancel_all_at: None,
            limits: Limits::new(
                settings.tier == "standard",
                settings.sends_per_minute,
                settings.weight_per_minute,
                settings.frames_per_minute,
            ),
            quota: QuotaUse::default(),
            sockets: Sockets::default(),
            condition: Condition::default(),
            is_unprotected: false,
            core,
            settings,
        }
    }

    fn is_account(&self, index: i64) -> bool {
        index == self.settings.account_index
    }

    /// The holder of `token` may read the account, until when.
    fn authorize(&self, token: Option<&str>, now: Time) -> Result<Time, Refusal> {
        let none = "invalid param : auth query param and Authorization header are empty";
        let text = token.filter(|text| !text.is_empty()).ok_or_else(|| Refusal::new(20001, none))?;
        let invalid = |why: &str| Refusal::new(20001, format!("invalid param : auth: {why}"));
        let token = AuthToken::parse(text).map_err(|_| invalid("not deadline:account:key:signature"))?;
        let seconds = now.steps(perpx_core::units::SECOND);
        if token.deadline <= seconds || token.deadline > seconds + 8 * 3600 {
            return Err(invalid("the deadline has passed, or lies more than 8 hours ahead"));
        }
        let key = self.settings.keys.get(&token.api_key_index).filter(|_| self.is_account(token.account_index));
        let key = key.ok_or_else(|| Refusal::new(21109, "api key not found"))?;
        let until = Time::at(token.deadline * perpx_core::units::SECOND);
        if token.verify(key) { Ok(until) } else { Err(invalid("the signature is not the key's")) }
    }

    /// Books what happened up to `to` of the market's time, and publishes it.
    fn happened(&mut self, to: Time) -> Result<(), EmulateError> {
        let events = self.core.advance(to)?;
        let news = self.core.take_news();
        self.history.take(&news, &self.clock);
        let mut market = news.trades.into_iter().peekable();
        let (mut changed, mut trades, mut money) = (Vec::new(), Vec::new(), false);
        for event in events {
            let at = self.clock.wall(event.venue_time);
            while let Some(trade) = market.next_if(|trade| trade.at <= event.venue_time) {
                self.market_trade(trade);
            }
            match event.body {
                EventBody::Fill { id, side, px, qty, maker, .. } => {
                    let trade = self.own_trade((id, side), (px, qty), maker, at);
                    if let Some(quota) = &self.settings.quota {
                        self.quota.earn(quota, px.of(qty));
                    }
                    self.public_trade(&trade);
                    trades.push(trade);
                    money = true;
                }
                EventBody::Funding { amount, rate, .. } => {
                    let row = self.own_funding(amount, rate, at);
                    keep(&mut self.fundings, row);
                    money = true;
                }
                EventBody::Liquidated { .. } => money = true,
                _ => {}
            }
            self.reported.apply(&event.body);
            if let Some(id) = event.body.order()
                && self.order_event(id, &event, at)
            {
                changed.push(id);
            }
        }
        market.for_each(|trade| self.market_trade(trade));
        self.publish_account(&changed, trades, money);
        Ok(())
    }
}

impl Emulated for LighterEmulator {
    fn pass(&mut self, now: Time) -> Result<(), EmulateError> {
        let to = self.clock.market(now);
        while let Some(at) = self.next_frame().filter(|at| *at < to) {
            self.happened(at)?;
            self.publish(self.clock.wall(at));
        }
        self.happened(to)?;
        self.expire(now);
        self.publish(now);
        Ok(())
    }

    fn request(&mut self, _host: usize, request: &HttpRequest, now: Time) -> HttpReply {
        self.route(request, now)
    }

    fn open(&mut self, socket: u64, _host: usize, _handshake: &HttpRequest, out: Out, _now: Time) {
        self.sockets.open(socket, out);
    }

    fn text(&mut self, socket: u64, text: &str, now: Time) -> i64 {
        self.on_frame(socket, text, now)
    }

    fn closed(&mut self, socket: u64) {
        self.sockets.close(socket);
        self.limits.forget(socket);
    }

    fn halt(&mut self, spans: &[(Time, Time)]) {
        self.core.halt(&self.clock.market_spans(spans));
    }

    fn suffer(&mut self, condition: Condition) {
        // the market goes on as before, only the time that is reported differs
        self.clock.wall = self.clock.wall.plus(condition.ahead - self.condition.ahead);
        self.core.hold_book(condition.is_stale);
        self.core.change_rules(condition.rules, false);
        self.condition = condition;
    }

    fn strike(&mut self, strike: Strike, now: Time) {
        match strike {
            Strike::ForeignNonce => self.nonces.values_mut().for_each(|nonce| *nonce += 1),
            Strike::LoggedOut => self.sockets.logged_out(),
            Strike::Intrude(what) => self.intrude(what, now),
            Strike::Deleverage(percent) => self.core.deleverage(percent),
        }
    }

    fn dialect(&self) -> &'static dyn Dialect {
        &LighterDialect
    }

    fn market_clock(&self) -> MarketClock {
        self.clock
    }

    fn summary(&self, ports: &[u16], s: &str) -> String {
        let at = ports.first().map_or(String::new(), |port| format!("127.0.0.1:{port}"));
        let account = self.settings.account_index;
        format!("lighter, market {MARKET} ({COIN}), account {account}: http{s}://{at}, ws{s}://{at}/stream")
    }

    fn hosts(&self) -> &'static [&'static str] {
        &["api"]
    }

    fn stream_path(&self, _host: usize) -> Option<&'static str> {
        Some("/stream")
    }
}
