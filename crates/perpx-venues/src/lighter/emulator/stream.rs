//! The stream: a snapshot on subscription, then what changed. The book is published every 50 ms, or as it is chosen; each of
//! its frames begins at the nonce of the one before, whoever listens.

use super::rest::ms;
use super::show::{SYMBOL, cash, price, size, value};
use super::{LighterEmulator, MARKET, Refusal};
use crate::emulate::feed::PublicTrade;
use crate::emulate::habits::DOUBTFUL_CHANNELS;
use crate::emulate::serve::Out;
use crate::emulate::views::{self, Levels, changed};
use perpx_core::market::{Bbo, OrderId, Side};
use perpx_core::units::{MS, Price, Qty, SECOND, Time, TimeDelta};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::sync::Arc;

const BOOK_EVERY: TimeDelta = MS.times(50);
const STATS_EVERY: TimeDelta = SECOND;
/// The statistics of every market.
const ALL_STATS: &str = "market_stats:all";
const ACCOUNT_CHANNELS: [&str; 8] = [
    "account_all",
    "account_all_orders",
    "account_all_positions",
    "account_all_trades",
    "account_all_assets",
    "account_tx",
    "notification",
    "user_stats",
];
const NEED_TOKEN: [&str; 5] =
    ["account_orders", "account_all_orders", "account_all_assets", "account_tx", "notification"];

#[derive(Default)]
pub(super) struct Sockets {
    /// By channel: when its token ends.
    open: BTreeMap<u64, (Out, BTreeMap<String, Time>)>,
    /// As published: bids, asks.
    book: [Levels; 2],
    nonce: u64,
    offset: u64,
    /// Of the market's time.
    next_book: Time,
    next_stats: Time,
}

impl Sockets {
    pub fn open(&mut self, socket: u64, out: Out) {
        let hello = json!({ "session_id": format!("emulated-{socket}"), "type": "connected" });
        out.send(&hello.to_string().into());
        self.open.insert(socket, (out, BTreeMap::new()));
    }

    /// No token of before is good any more; what is public goes on.
    pub fn logged_out(&mut self) {
        self.open.values_mut().for_each(|(_, channels)| channels.retain(|_, until| *until == Time::MAX));
    }

    pub fn close(&mut self, socket: u64) {
        self.open.remove(&socket);
    }

    fn send_frame(&self, socket: u64, frame: &Value) {
        if let Some((out, _)) = self.open.get(&socket) {
            out.send(&frame.to_string().into());
        }
    }

    /// To all who listen to `channel` (with a colon).
    fn publish(&self, channel: &str, frame: &Value) {
        let mut text: Option<Arc<str>> = None;
        for (out, channels) in self.open.values() {
            if channels.contains_key(channel) {
                out.send(text.get_or_insert_with(|| frame.to_string().into()));
            }
        }
    }

    fn is_heard(&self, channel: &str) -> bool {
        self.open.values().any(|(_, channels)| channels.contains_key(channel))
    }
}

fn row((px, qty): (&Price, &Qty)) -> Value {
    json!({ "price": price(*px), "size": size(*qty) })
}

fn error(code: i64, message: String) -> Value {
    json!({ "error": { "code": code, "message": message } })
}

impl LighterEmulator {
    /// A client has sent a frame; the code of the answer, 0 where it has none.
    pub(super) fn on_frame(&mut self, socket: u64, text: &str, now: Time) -> i64 {
        let answer = self.answer_to(socket, text, now).unwrap_or_else(|Refusal { code, message }| error(code, message));
        if !answer.is_null() {
            self.sockets.send_frame(socket, &answer);
        }
        answer["error"]["code"].as_i64().or(answer["code"].as_i64()).unwrap_or(0)
    }

    fn answer_to(&mut self, socket: u64, text: &str, now: Time) -> Result<Value, Refusal> {
        let frame: Value = serde_json::from_str(text).map_err(|_| Refusal::new(30000, "Invalid JSON"))?;
        let channel = frame["channel"].as_str().unwrap_or_default().replace('/', ":");
        let kind = frame["type"].as_str().unwrap_or_default();
        if !kind.starts_with("jsonapi/") && !self.limits.hear(socket, now) {
            return Err(Refusal::new(30009, "Too Many Websocket Messages!"));
        }
        Ok(match kind {
            "ping" => json!({ "type": "pong" }),
            "pong" => Value::Null,
            "subscribe" => self.subscribe(socket, channel, frame["auth"].as_str(), now)?,
            "unsubscribe" => {
                let channels = self.sockets.open.get_mut(&socket).map(|(_, channels)| channels);
                if channels.and_then(|channels| channels.remove(&channel)).is_none() {
                    return Err(Refusal::new(30002, format!("Not Subscribed to : {channel}")));
                }
                json!({ "type": "unsubscribed", "channel": channel })
            }
            kind @ ("jsonapi/sendtx" | "jsonapi/sendtxbatch") => self.sent_over_socket(kind, &frame["data"], now),
            other => return Err(Refusal::new(30001, format!("Invalid Type: {other}"))),
        })
    }

    fn sent_over_socket(&mut self, kind: &str, data: &Value, now: Time) -> Value {
        let sent = match (self.limits.take("sendTx", now), kind) {
            (false, _) => Err(Refusal::new(23000, "Too Many Requests!")),
            (true, "jsonapi/sendtx") => {
                let info = &data["tx_info"];
                let info = info.as_str().map_or_else(|| info.to_string(), str::to_owned);
                self.send(data["tx_type"].as_i64().unwrap_or(-1), &info, now)
            }
            _ => {
                let part = |name: &str| data[name].as_str().unwrap_or_default().to_owned();
                self.send_batch(&part("tx_types"), &part("tx_infos"), now)
            }
        };
        let mut answer = match sent {
            Ok(mut answer) => {
                answer["type"] = json!(kind);
                answer
            }
            Err(Refusal { code, message }) => error(code, message),
        };
        if !data["id"].is_null() && self.settings.habits.echoes_id {
            answer["id"] = data["id"].clone();
        }
        answer
    }

    /// The frame that a subscription begins with.
    fn subscribe(&mut self, socket: u64, channel: String, auth: Option<&str>, now: Time) -> Result<Value, Refusal> {
        let mut parts = channel.split(':');
        let name = parts.next().unwrap_or_default();
        let numbers: Vec<i64> = parts.map(|part| part.parse().unwrap_or(-1)).collect();
        let account = self.settings.account_index;
        let known = match name {
            "market_stats" => numbers == [MARKET] || channel == ALL_STATS,
            "order_book" | "ticker" | "trade" => numbers == [MARKET],
            "account_orders" => numbers == [MARKET, account],
            name => ACCOUNT_CHANNELS.contains(&name) && numbers == [account],
        };
        if !known {
            return Err(Refusal::new(30005, format!("Invalid Channel: {channel}")));
        }
        let doubtful = DOUBTFUL_CHANNELS.iter().position(|other| *other == name);
        let wants = doubtful.is_some_and(|n| self.settings.habits.wants_token[n]) || NEED_TOKEN.contains(&name);
        if wants && auth.is_none_or(str::is_empty) {
            return Err(Refusal::new(20001, format!("auth field is required: {channel}")));
        }
        // an account's frames end with the token that they were asked for with
        let until = auth.map_or(Ok(Time::MAX), |_| self.authorize(auth, now))?;
        if let Some((_, channels)) = self.sockets.open.get_mut(&socket) {
            // with whatever token: the one of before holds on
            if channels.contains_key(&channel) {
                return Err(Refusal::new(30003, format!("Already Subscribed to : {channel}")));
            }
            channels.insert(channel.clone(), until);
        }
        let mut frame = match name {
            "order_book" => self.book_snapshot(now),
            "ticker" => self.ticker(now),
            "trade" => {
                let trades = self.newest_trades(50);
                json!({ "trades": trades, "liquidation_trades": [], "nonce": self.sockets.nonce })
            }
            "market_stats" => self.stats(channel == ALL_STATS, now),
            "user_stats" => self.user_stats(),
            "account_all_positions" => json!({ "positions": { MARKET.to_string(): self.position_json() } }),
            "account_all_trades" => self.volumes(now),
            "account_all_assets" => self.assets(now),
            "account_tx" => json!({ "txs": [] }),
            "notification" => json!({ "notifs": [] }),
            "account_all" => self.account_all(Vec::new()),
            _ => {
                let open: Vec<OrderId> =
                    self.orders.values().filter(|order| order.is_open()).map(|order| order.id).collect();
                self.orders_frame(&open)
            }
        };
        frame["type"] = json!(format!("subscribed/{name}"));
        frame["channel"] = json!(channel);
        Ok(frame)
    }

    fn ours(&self, side: Side) -> impl Iterator<Item = (Price, Qty)> + '_ {
        let ask = side == Side::Sell;
        let ours = self.orders.values().filter(move |order| order.is_open() && (order.asked.is_ask == 1) == ask);
        ours.map(|order| (order.limit, order.left()))
    }

    /// The market's levels and our orders.
    fn book(&self) -> [Levels; 2] {
        [Side::Buy, Side::Sell].map(|side| views::book(&self.core, side, self.ours(side)))
    }

    /// The best of it.
    pub(super) fn best(&self) -> Bbo {
        views::best(&self.core, [Side::Buy, Side::Sell].map(|side| self.ours(side)))
    }

    fn book_frame(&self, sides: [Vec<Value>; 2], begin: u64, now: Time) -> Value {
        let [bids, asks] = sides;
        let (nonce, offset, engine) = (self.sockets.nonce, self.sockets.offset, now.0 / 1_000);
        json!({
            "offset": offset, "timestamp": ms(now), "last_updated_at": engine,
            "order_book": {
                "code": 0, "asks": asks, "bids": bids, "offset": offset, "nonce": nonce, "begin_nonce": begin,
                "last_updated_at": engine,
            },
        })
    }

    fn book_snapshot(&mut self, now: Time) -> Value {
        if self.sockets.nonce == 0 {
            self.next_book(now);
        }
        let [bids, asks] = &self.sockets.book;
        self.book_frame([bids.iter().rev().map(row).collect(), asks.iter().map(row).collect()], 0, now)
    }

    /// Takes the book as it is now for the published one; the frame of what changed.
    fn next_book(&mut self, now: Time) -> Option<Value> {
        let book = self.book();
        let changes = [0, 1].map(|side| {
            let changed = changed(&book[side], &self.sockets.book[side]);
            changed.map(|(px, qty)| row((&px, &qty))).collect::<Vec<Value>>()
        });
        let count = changes[0].len() + changes[1].len();
        if count == 0 {
            return None;
        }
        let begin = self.sockets.nonce;
        // both jump, as the venue's do
        self.sockets.nonce += 7 * count as u64 + 1;
        self.sockets.offset += 1 + count as u64;
        self.sockets.book = book;
        Some(self.book_frame(changes, begin, now))
    }

    fn ticker(&self, now: Time) -> Value {
        let best = self.best();
        json!({
            "nonce": self.sockets.nonce, "last_updated_at": now.0 / 1_000, "timestamp": ms(now),
            "ticker": {
                "s": SYMBOL, "last_updated_at": now.0 / 1_000, "a": { "price": price(best.ask), "size": size(best.ask_qty) },
                "b": { "price": price(best.bid), "size": size(best.bid_qty) },
            },
        })
    }

    fn stats(&self, all: bool, now: Time) -> Value {
        let stats = self.stats_json(now);
        let stats = if all { json!({ MARKET.to_string(): stats }) } else { stats };
        json!({ "timestamp": ms(now), "market_stats": stats })
    }

    fn user_stats(&self) -> Value {
        let (account, mark) = (self.core.account(), self.core.mark());
        let equity = account.equity(mark).as_f64();
        let share = |money: f64| if equity > 0.0 { format!("{:.2}", money / equity) } else { "0.00".to_owned() };
        let held = mark.of(account.position.abs()).as_f64();
        let stats = json!({
            "collateral": cash(account.cash), "portfolio_value": value(account.equity(mark)),
            "available_balance": cash(account.available(mark)), "leverage": share(held),
            "margin_usage": share(account.initial_margin(mark).as_f64() * 100.0),
            "buying_power": cash(account.available(mark)),
        });
        let (mut all, mode) = (stats.clone(), json!(0));
        (all["cross_stats"], all["total_stats"], all["account_trading_mode"]) = (stats.clone(), stats, mode);
        json!({ "timestamp": ms(self.clock.wall(self.core.now())), "stats": all })
    }

    fn assets(&self, now: Time) -> Value {
        json!({ "timestamp": ms(now), "assets": { super::show::USDC.to_string(): self.usdc_json() } })
    }

    /// What we traded, quote money.
    fn volumes(&self, now: Time) -> Value {
        let since = |days: i64| {
            let from = ms(now) - days * 86_400_000;
            let own = self.own_trades.values().filter(|trade| trade["timestamp"].as_i64() >= Some(from));
            own.filter_map(|trade| trade["usd_amount"].as_str()?.parse::<f64>().ok()).sum::<f64>()
        };
        json!({
            "trades": {}, "total_volume": since(100_000), "monthly_volume": since(30), "weekly_volume": since(7),
            "daily_volume": since(1),
        })
    }

    fn account_all(&self, trades: Vec<Value>) -> Value {
        json!({
            "account": self.settings.account_index, "positions": { MARKET.to_string(): self.position_json() },
            "trades": { MARKET.to_string(): trades }, "assets": { super::show::USDC.to_string(): self.usdc_json() },
            "funding_histories": {}, "shares": [],
        })
    }

    fn orders_frame(&self, ids: &[OrderId]) -> Value {
        let orders: Vec<Value> =
            ids.iter().filter_map(|id| self.orders.get(id)).map(|order| self.order_json(order)).collect();
        let nonce = self.sockets.nonce;
        json!({ "account": self.settings.account_index, "nonce": nonce, "orders": { MARKET.to_string(): orders } })
    }

    fn update(&self, channel: &str, mut frame: Value) {
        let name = channel.split(':').next().unwrap_or_default();
        frame["type"] = json!(format!("update/{name}"));
        frame["channel"] = json!(channel);
        self.sockets.publish(channel, &frame);
    }

    /// Publishes on the account's channels what happened to it.
    pub(super) fn publish_account(&mut self, changed: &[OrderId], trades: Vec<Value>, money: bool) {
        let account = self.settings.account_index;
        if !changed.is_empty() {
            self.update(&format!("account_all_orders:{account}"), self.orders_frame(changed));
            self.update(&format!("account_orders:{MARKET}:{account}"), self.orders_frame(changed));
        }
        if !trades.is_empty() {
            let frame = json!({ "trades": { MARKET.to_string(): &trades } });
            self.update(&format!("account_all_trades:{account}"), frame);
        }
        if money {
            let positions = json!({ "positions": { MARKET.to_string(): self.position_json() } });
            self.update(&format!("account_all_positions:{account}"), positions);
            self.update(&format!("account_all:{account}"), self.account_all(trades));
            self.update(&format!("user_stats:{account}"), self.user_stats());
            self.update(&format!("account_all_assets:{account}"), self.assets(self.clock.wall(self.core.now())));
        }
    }

    /// A transaction was taken.
    pub(super) fn publish_tx(&self, record: &Value) {
        self.update(&format!("account_tx:{}", self.settings.account_index), json!({ "txs": [record] }));
    }

    /// A trade, shown to everybody.
    pub(super) fn public_trade(&self, trade: &Value) {
        let frame = json!({ "trades": [trade], "liquidation_trades": [], "nonce": self.sockets.nonce });
        self.update(&format!("trade:{MARKET}"), frame);
    }

    /// A trade of others.
    pub(super) fn market_trade(&mut self, trade: PublicTrade) {
        let PublicTrade { at, what, taker, consumed_book, marks } = trade;
        let print = self.history.print(self.clock.wall(at), what, (taker, consumed_book), marks);
        self.public_trade(&self.trade_json(&print));
    }

    /// Where time stops for a frame of the book before it goes on: where frames do not go by the beat, and someone listens.
    pub(super) fn next_frame(&self) -> Option<Time> {
        self.settings.frame_every?;
        let is_heard = ["order_book", "ticker"].iter().any(|name| self.sockets.is_heard(&format!("{name}:{MARKET}")));
        is_heard.then(|| self.core.next_change().max(self.sockets.next_book))
    }

    /// What is due on the market's channels.
    pub(super) fn publish(&mut self, now: Time) {
        // the venue does not say that a token has ended: its frames stay away
        self.sockets.open.values_mut().for_each(|(_, channels)| channels.retain(|_, until| *until > now));
        let at = self.core.now();
        if at >= self.sockets.next_book {
            self.sockets.next_book = at.plus(self.settings.frame_every.unwrap_or(BOOK_EVERY));
            if let Some(frame) = self.next_book(now) {
                self.update(&format!("order_book:{MARKET}"), frame);
                let ticker = format!("ticker:{MARKET}");
                if self.sockets.is_heard(&ticker) {
                    self.update(&ticker, self.ticker(now));
                }
            }
        }
        if at >= self.sockets.next_stats {
            self.sockets.next_stats = at.plus(STATS_EVERY);
            for channel in [ALL_STATS, &format!("market_stats:{MARKET}")] {
                if self.sockets.is_heard(channel) {
                    self.update(channel, self.stats(channel == ALL_STATS, now));
                }
            }
        }
    }
}
