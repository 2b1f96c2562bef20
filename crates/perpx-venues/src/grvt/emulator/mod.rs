//! GRVT as emulated: one perpetual (BTC_USDT_Perp), one sub-account, three hosts: login, market data, trades.
//!
//! | file | noun |
//! | --- | --- |
//! | `session` | login, cookies, who may call what |
//! | `rpc` | the routes, over REST and over the socket |
//! | `pages` | trades, candles and funding of the past |
//! | `create` | a new order: what is refused and with which code |
//! | `orders` | the account's orders, cancels, and what events make of them |
//! | `show` | instruments, tickers, orders, fills, positions as GRVT writes them |
//! | `stream` | subscriptions, frames and their numbers |
//! | `limits` | calls a second |
//! | `intrude` | what somebody else does to the account |
//! | `dialect` | its words for scripted faults |

mod create;
mod dialect;
mod intrude;
mod limits;
mod orders;
mod pages;
mod rpc;
mod session;
mod show;
mod stream;

use crate::emulate::EmulateError;
use crate::emulate::faults::{Condition, Dialect, MarketStatus, Strike};
use crate::emulate::habits::GrvtHabits;
use crate::emulate::history::History;
use crate::emulate::http::{HttpReply, HttpRequest};
use crate::emulate::serve::{Emulated, Out};
use crate::emulate::venue_core::VenueCore;
use crate::grvt::rest::{Instrument, InstrumentStatus};
use crate::grvt::sign::{Address, Assets};
use crate::grvt::trade::AuthorizeBuilder;
use crate::secret::Hidden;
use crate::wall::MarketClock;
pub use dialect::GrvtDialect;

use limits::Limits;
use orders::Order;
use perpx_core::ledger::NetAccount;
use perpx_core::market::{EventBody, OrderId, Side};
use perpx_core::units::{Rate, Time, TimeDelta};
use serde_json::Value;
use session::Sessions;
use std::collections::{BTreeMap, VecDeque};
use stream::Sockets;

/// The hosts, by the place of their port.
pub const LOGIN: usize = 0;
/// Public data, over REST and a stream.
pub const MARKET_DATA: usize = 1;
/// Everything of an account.
pub const TRADES: usize = 2;
const HOSTS: [&str; 3] = ["login", "market_data", "trades"];

/// The one instrument.
pub const INSTRUMENT: &str = "BTC_USDT_Perp";
/// Initial margin of a position that nobody changed: ten times.
pub const INITIAL: Rate = Rate(100_000_000_000);

/// What a user may choose of an emulated GRVT.
pub struct Settings {
    /// Number of the sub-account.
    pub sub_account: u64,
    /// Opens sessions.
    pub api_key: Hidden,
    /// Whose signatures are taken.
    pub signer: Address,
    /// The chain that signatures are for.
    pub chain_id: u64,
    /// Life of a session, wall time.
    pub session: TimeDelta,
    /// Units of calls a second; the venue's own numbers are not published.
    pub calls_per_second: i64,
    /// Limits further through the mark are refused; the venue's own width is not published.
    pub price_band: Rate,
    /// Orders that may be open.
    pub most_open_orders: usize,
    /// Hours between settlements.
    pub interval_hours: u32,
    /// Market seconds a second.
    pub speed: f64,
    /// Between frames of the fastest book, market time, 0: at each change; `None`: the venue's way, at most one a beat.
    pub frame_every: Option<TimeDelta>,
    /// What no document settles.
    pub habits: GrvtHabits,
}

/// A refusal: the venue's code, the status of HTTP, its words.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// The venue's code.
    pub code: u32,
    /// The status of HTTP.
    pub status: u16,
    /// Its words.
    pub message: String,
}

impl Refusal {
    fn new(code: u32, message: impl Into<String>) -> Refusal {
        let status = match code {
            1000 | 1008 => 401,
            1001 | 1400 | 2000..=2008 => 403,
            1004 => 404,
            1006 | 2090 => 429,
            1002 | 1005 => 500,
            _ => 400,
        };
        Refusal { code, status, message: message.into() }
    }
}

/// GRVT with one sub-account.
pub struct GrvtEmulator {
    core: VenueCore,
    settings: Settings,
    clock: MarketClock,
    assets: Assets,
    instrument: Instrument,
    sessions: Sessions,
    orders: BTreeMap<OrderId, Order>,
    /// Client numbers whose orders are killed on arrival, and until when.
    killed: Vec<(u64, Time)>,
    /// The dead man's switch.
    countdown: Option<Time>,
    leverage: Rate,
    /// The account as far as its events were published.
    reported: NetAccount,
    history: History,
    /// Newest first.
    fills: VecDeque<Value>,
    payments: VecDeque<Value>,
    /// Who may take fees.
    builders: Vec<AuthorizeBuilder>,
    limits: Limits,
    sockets: Sockets,
    /// What faults have made of the venue.
    condition: Condition,
}

impl GrvtEmulator {
    /// `wall` is now: the market's time `core.now()` is shown as it.
    pub fn new(mut core: VenueCore, settings: Settings, wall: Time) -> GrvtEmulator {
        let instrument = show::instrument(&core.world.instrument, &settings);
        let mut assets = Assets::default();
        // the hash is a constant of ours
        let _ = assets.add(&instrument);
        let clock = MarketClock { wall, market: core.now(), speed: settings.speed };
        let leverage = times(core.account().initial);
        core.account_mut().initial = core.account().initial.max(settings.habits.least_initial);
        GrvtEmulator {
            reported: core.account().clone(),
            leverage,
            clock,
            assets,
            instrument,
            sessions: Sessions::default(),
            orders: BTreeMap::new(),
            killed: Vec::new(),
            countdown: None,
            history: History::begun(core.take_news(), &clock),
            fills: VecDeque::new(),
            payments: VecDeque::new(),
            builders: Vec::new(),
            limits: Limits::new(settings.calls_per_second),
            sockets: Sockets::default(),
            condition: Condition::default(),
            core,
            settings,
        }
    }

    /// Books what happened up to `to` of the market's time, and publishes it.
    fn happened(&mut self, to: Time) -> Result<(), EmulateError> {
        let events = self.core.advance(to)?;
        let news = self.core.take_news();
        self.history.take(&news, &self.clock);
        let mut market = news.trades.into_iter().peekable();
        for event in events {
            let at = self.clock.wall(event.venue_time);
            while let Some(trade) = market.next_if(|trade| trade.at <= event.venue_time) {
                self.market_trade(trade);
            }
            let (realized, position) = (self.reported.realized, self.reported.position);
            self.reported.apply(&event.body);
            match event.body {
                EventBody::Fill { id, side, px, qty, maker, fee } => {
                    let gain = self.reported.realized - realized;
                    self.own_fill((id, side), (px, qty), (maker, fee, gain), at);
                }
                EventBody::Funding { amount, .. } => self.own_payment(amount, at),
                EventBody::Liquidated { px, qty, .. } => {
                    let side = if position.0 > 0 { Side::Sell } else { Side::Buy };
                    self.taken_over(side, (px, qty), at);
                }
                _ => {}
            }
            if let Some(id) = event.body.order() {
                self.order_event(id, &event, at);
            }
        }
        market.for_each(|trade| self.market_trade(trade));
        Ok(())
    }
}

/// The leverage of an initial margin.
fn times(initial: Rate) -> Rate {
    let one = i128::from(Rate::ONE);
    Rate(i64::try_from(one * one / i128::from(initial.0.max(1))).unwrap_or(i64::MAX))
}

impl Emulated for GrvtEmulator {
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

    fn request(&mut self, host: usize, request: &HttpRequest, now: Time) -> HttpReply {
        self.route(host, request, now)
    }

    fn open(&mut self, socket: u64, host: usize, handshake: &HttpRequest, out: Out, _now: Time) {
        let cookie = session::cookie(handshake);
        let until = self.sessions.end(&cookie).unwrap_or(Time::MIN);
        self.sockets.open(socket, host, (cookie, until), out);
    }

    fn text(&mut self, socket: u64, text: &str, now: Time) -> i64 {
        self.on_frame(socket, text, now)
    }

    fn closed(&mut self, socket: u64) {
        if self.settings.habits.cut_cancels && self.sockets.is_private(socket) {
            self.cancel_everything();
        }
        self.sockets.close(socket);
    }

    fn halt(&mut self, spans: &[(Time, Time)]) {
        self.core.halt(&self.clock.market_spans(spans));
    }

    fn suffer(&mut self, condition: Condition) {
        // the market goes on as before, only the time that is reported differs
        self.clock.wall = self.clock.wall.plus(condition.ahead - self.condition.ahead);
        self.core.hold_book(condition.is_stale);
        if self.core.change_rules(condition.rules, true) {
            self.instrument = show::instrument(&self.core.world.instrument, &self.settings);
        }
        self.instrument.status = Some(match condition.market {
            MarketStatus::Open => InstrumentStatus::Active,
            MarketStatus::ReduceOnly => InstrumentStatus::ReduceOnly,
            MarketStatus::Paused => InstrumentStatus::Halted,
        });
        self.condition = condition;
    }

    fn strike(&mut self, strike: Strike, now: Time) {
        match strike {
            // no number of GRVT's follows another
            Strike::ForeignNonce => {}
            Strike::LoggedOut => self.sockets.logged_out(),
            Strike::Intrude(what) => self.intrude(what, now),
            Strike::Deleverage(percent) => self.core.deleverage(percent),
        }
    }

    fn dialect(&self) -> &'static dyn Dialect {
        &GrvtDialect
    }

    fn market_clock(&self) -> MarketClock {
        self.clock
    }

    fn summary(&self, ports: &[u16], s: &str) -> String {
        let at = |host: usize| ports.get(host).map_or(String::new(), |port| format!("127.0.0.1:{port}"));
        let (login, market, trades) = (at(LOGIN), at(MARKET_DATA), at(TRADES));
        format!(
            "grvt, {INSTRUMENT}, sub-account {}: login http{s}://{login}, market data http{s}://{market}, trades http{s}://{trades}, \
             streams at /ws/full of the last two",
            self.settings.sub_account
        )
    }

    fn hosts(&self) -> &'static [&'static str] {
        &HOSTS
    }

    fn stream_path(&self, host: usize) -> Option<&'static str> {
        (host != LOGIN).then_some("/ws/full")
    }
}
