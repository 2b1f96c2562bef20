//! The sockets of market data and trades: subscriptions, and frames that are numbered by stream and selector, whoever listens.
//! A subscription begins with snapshots that carry the number 0; each later frame names the one before it.

use super::session::Cookie;
use super::{GrvtEmulator, INSTRUMENT, MARKET_DATA, Refusal, TRADES};
use crate::emulate::serve::Out;
use crate::emulate::views::{Levels, changed};
use perpx_core::market::Side;
use perpx_core::units::{MS, Price, Qty, Time, TimeDelta};
use serde_json::{Map, Value, json};
use std::collections::{BTreeMap, BTreeSet};

/// The first number of every stream and selector.
const FIRST: u64 = 1_061_214;

/// Of a ticker: when it was so.
const TIME: &str = "event_time";

/// Between frames of the fastest book.
const FASTEST_MS: i64 = 50;

type Name = (String, String);

#[derive(Default)]
pub(super) struct Sockets {
    open: BTreeMap<u64, Socket>,
    channels: BTreeMap<Name, Channel>,
}

struct Socket {
    host: usize,
    cookie: Cookie,
    /// When its session ends.
    until: Time,
    out: Out,
    heard: BTreeSet<Name>,
}

/// One stream with one selector.
struct Channel {
    /// Of the last frame.
    number: u64,
    /// Between frames, market time; zero: as it happens.
    every: TimeDelta,
    /// Of the market's time.
    next: Time,
    /// As published: levels of both sides.
    book: [Levels; 2],
    /// As published: fields of a ticker.
    fields: Map<String, Value>,
}

/// What a selector asks for, if it is legal: milliseconds between frames, levels or trades of before.
fn selected(stream: &str, selector: &str, sub_account: u64) -> Result<(i64, usize), Refusal> {
    let malformed = || Refusal::new(1101, "Feed Format must be in the format of <primary>@<secondary>");
    let (primary, secondary) = selector.split_once('@').unwrap_or((selector, ""));
    let private = matches!(stream, "v1.order" | "v1.state" | "v1.cancel" | "v1.fill" | "v1.position");
    let sub = sub_account.to_string();
    if private {
        let (account, instrument) = primary.split_once('-').unwrap_or((primary, INSTRUMENT));
        let own = account == sub && instrument == INSTRUMENT;
        return if own {
            Ok((0, 0))
        } else {
            Err(Refusal::new(1001, "You are not authorized to access this functionality"))
        };
    }
    if primary != INSTRUMENT {
        return Err(Refusal::new(3000, "Instrument is invalid"));
    }
    let among = |list: &[i64]| {
        let rate = secondary.split('-').next().and_then(|rate| rate.parse().ok());
        rate.filter(|rate| list.contains(rate)).ok_or_else(|| Refusal::new(3030, "Feed rate is invalid"))
    };
    match stream {
        "v1.mini.s" => Ok((among(&[200, 500, 1000, 5000])?, 0)),
        "v1.mini.d" => Ok((among(&[0, 50, 100, 200, 500, 1000, 5000])?, 0)),
        "v1.ticker.s" => Ok((among(&[500, 1000, 5000])?, 0)),
        "v1.ticker.d" => Ok((among(&[100, 200, 500, 1000, 5000])?, 0)),
        "v1.book.d" => Ok((among(&[50, 100, 250, 500, 1000])?, 0)),
        "v1.book.s" => {
            let depth = secondary.split_once('-').and_then(|(_, depth)| depth.parse().ok());
            let depth = depth.filter(|depth| [10, 50, 100, 500].contains(depth));
            Ok((among(&[500, 1000])?, depth.ok_or_else(|| Refusal::new(3031, "Depth is invalid"))?))
        }
        "v1.trade" if secondary.is_empty() => Ok((0, 50)),
        "v1.trade" => Ok((0, among(&[50, 200, 500, 1000])? as usize)),
        _ => Err(malformed()),
    }
}

impl Sockets {
    pub fn open(&mut self, socket: u64, host: usize, (cookie, until): (Cookie, Time), out: Out) {
        self.open.insert(socket, Socket { host, cookie, until, out, heard: BTreeSet::new() });
    }

    /// No session of before is good any more; what is public goes on.
    pub fn logged_out(&mut self) {
        let private = self.open.values_mut().filter(|socket| socket.host == TRADES);
        private.for_each(|socket| socket.heard.clear());
    }

    /// It is at the host of accounts.
    pub fn is_private(&self, socket: u64) -> bool {
        self.open.get(&socket).is_some_and(|socket| socket.host == TRADES)
    }

    pub fn close(&mut self, socket: u64) {
        self.open.remove(&socket);
    }

    fn send_frame(&self, socket: u64, frame: &Value) {
        if let Some(socket) = self.open.get(&socket) {
            socket.out.send(&frame.to_string().into());
        }
    }

    fn is_heard(&self, name: &Name) -> bool {
        self.open.values().any(|socket| socket.heard.contains(name))
    }

    /// The next frame of a channel, to all who listen.
    fn publish(&mut self, name: &Name, feed: &Value) {
        let Some(channel) = self.channels.get_mut(name) else { return };
        let before = channel.number;
        channel.number += 1;
        let text: std::sync::Arc<str> = frame(name, channel.number, before, feed).to_string().into();
        self.open.values().filter(|socket| socket.heard.contains(name)).for_each(|socket| socket.out.send(&text));
    }
}

fn frame((stream, selector): &Name, number: u64, before: u64, feed: &Value) -> Value {
    json!({
        "stream": stream, "selector": selector, "sequence_number": number.to_string(),
        "prev_sequence_number": before.to_string(), "feed": feed,
    })
}

impl GrvtEmulator {
    /// A client has sent a text; the code of the answer, 0 for a good one.
    pub(super) fn on_frame(&mut self, socket: u64, text: &str, now: Time) -> i64 {
        let Some((host, cookie)) = self.sockets.open.get(&socket).map(|socket| (socket.host, socket.cookie.clone()))
        else {
            return 0;
        };
        let request = serde_json::from_str::<Value>(text).ok().filter(Value::is_object);
        let (id, method) = match &request {
            Some(request) => (request["id"].as_u64().unwrap_or(0), request["method"].as_str().unwrap_or_default()),
            None => (0, ""),
        };
        let params = request.as_ref().map_or(&Value::Null, |request| &request["params"]);
        let mut snapshots = Vec::new();
        let answer = match if host == TRADES { self.authorize(&cookie, now) } else { Ok(()) } {
            Err(refusal) => Err(refusal),
            Ok(()) if request.is_none() => {
                Err(Refusal::new(1003, "Request could not be processed due to malformed syntax"))
            }
            Ok(()) => match method {
                "subscribe" => self.subscribe(socket, params, &mut snapshots, now),
                "unsubscribe" => self.unsubscribe(socket, params),
                route => self.call(host, route, params, now),
            },
        };
        let code = answer.as_ref().err().map_or(0, |refusal| i64::from(refusal.code));
        let reply = match answer {
            Ok(result) => json!({ "jsonrpc": "2.0", "result": result, "id": id, "method": method }),
            Err(Refusal { code, message, .. }) => {
                json!({ "jsonrpc": "2.0", "error": { "code": code, "message": message }, "id": id, "method": method })
            }
        };
        self.sockets.send_frame(socket, &reply);
        for (name, feed) in snapshots {
            self.sockets.send_frame(socket, &frame(&name, 0, 0, &feed));
        }
        code
    }

    fn subscribe(
        &mut self,
        socket: u64,
        params: &Value,
        snapshots: &mut Vec<(Name, Value)>,
        now: Time,
    ) -> Result<Value, Refusal> {
        let (stream, selectors) = named(params)?;
        let host = self.sockets.open.get(&socket).map_or(MARKET_DATA, |socket| socket.host);
        let is_private = matches!(stream.as_str(), "v1.order" | "v1.state" | "v1.cancel" | "v1.fill" | "v1.position");
        if is_private != (host == TRADES) {
            return Err(Refusal::new(1101, "Feed Format: there is no such stream at this host"));
        }
        let (mut counts, mut firsts, mut latest, mut ended) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
        for selector in &selectors {
            let (every_ms, most) = selected(&stream, selector, self.settings.sub_account)?;
            let name: Name = (stream.clone(), selector.clone());
            if !self.sockets.channels.contains_key(&name) {
                let fastest = self.settings.frame_every.filter(|_| stream == "v1.book.d" && every_ms == FASTEST_MS);
                let every = fastest.unwrap_or(every_ms * MS);
                let (book, fields) = Default::default();
                let channel = Channel { number: FIRST - 1, every, next: Time(0), book, fields };
                self.sockets.channels.insert(name.clone(), channel);
            }
            // nobody listened: what was published last is old
            if !self.sockets.is_heard(&name) {
                self.refresh(&name, now);
            }
            let feeds = self.snapshot(&name, most, now);
            counts.push(feeds.len());
            snapshots.extend(feeds.into_iter().map(|feed| (name.clone(), feed)));
            let number = self.sockets.channels.get(&name).map_or(FIRST - 1, |channel| channel.number);
            firsts.push((number + 1).to_string());
            latest.push(number.to_string());
            // one rate and depth an instrument, stream and connection
            if let Some(socket) = self.sockets.open.get_mut(&socket) {
                let primary = selector.split('@').next().unwrap_or_default().to_owned();
                let same = |(other, selected): &&Name| {
                    *other == stream && *selected != *selector && selected.split('@').next() == Some(&primary)
                };
                let replaced: Vec<Name> = socket.heard.iter().filter(same).cloned().collect();
                for name in replaced {
                    socket.heard.remove(&name);
                    ended.push(name.1);
                }
                socket.heard.insert(name);
            }
        }
        Ok(json!({
            "stream": stream, "subs": selectors, "unsubs": ended, "num_snapshots": counts,
            "first_sequence_number": firsts, "latest_sequence_number": latest,
        }))
    }

    fn unsubscribe(&mut self, socket: u64, params: &Value) -> Result<Value, Refusal> {
        let (stream, selectors) = named(params)?;
        let mut ended = Vec::new();
        if let Some(socket) = self.sockets.open.get_mut(&socket) {
            for selector in selectors {
                if socket.heard.remove(&(stream.clone(), selector.clone())) {
                    ended.push(selector);
                }
            }
        }
        Ok(json!({ "stream": stream, "subs": [], "unsubs": ended, "num_snapshots": [],
            "first_sequence_number": [], "latest_sequence_number": [] }))
    }

    /// Takes the present for what was published.
    fn refresh(&mut self, name: &Name, now: Time) {
        let book = [self.book(Side::Buy), self.book(Side::Sell)];
        let fields = self.fields(&name.0, now);
        if let Some(channel) = self.sockets.channels.get_mut(name) {
            (channel.book, channel.fields) = (book, fields);
        }
    }

    fn fields(&self, stream: &str, now: Time) -> Map<String, Value> {
        let value = match stream {
            "v1.mini.s" | "v1.mini.d" => self.mini_json(now),
            "v1.ticker.s" | "v1.ticker.d" => self.ticker_json(now),
            _ => Value::Null,
        };
        value.as_object().cloned().unwrap_or_default()
    }

    /// The frames that a subscription begins with.
    fn snapshot(&self, name: &Name, most: usize, now: Time) -> Vec<Value> {
        let Some(channel) = self.sockets.channels.get(name) else { return Vec::new() };
        match name.0.as_str() {
            "v1.book.d" | "v1.book.s" => vec![levels(&channel.book, if most == 0 { usize::MAX } else { most }, now)],
            "v1.mini.s" | "v1.mini.d" | "v1.ticker.s" | "v1.ticker.d" => vec![Value::Object(channel.fields.clone())],
            "v1.trade" => {
                let mut trades = self.newest_trades(most);
                trades.reverse();
                trades
            }
            "v1.position" if self.settings.habits.shows_position => self.positions(now),
            "v1.order" if self.settings.habits.shows_orders => {
                let open = self.orders.values().filter(|order| order.is_open());
                open.map(|order| serde_json::to_value(self.order_wire(order)).unwrap_or_default()).collect()
            }
            _ => Vec::new(),
        }
    }

    /// Something of a stream without a rate, published as it happens.
    pub(super) fn publish_feed(&mut self, stream: &str, feed: Value) {
        let names: Vec<Name> = self.sockets.channels.keys().filter(|(other, _)| other == stream).cloned().collect();
        for name in names {
            self.sockets.publish(&name, &feed);
        }
    }

    /// Where time stops for a frame of a book before it goes on: where frames do not go by the beat, and someone listens.
    pub(super) fn next_frame(&self) -> Option<Time> {
        self.settings.frame_every?;
        let change = self.core.next_change();
        let books =
            self.sockets.channels.iter().filter(|(name, _)| name.0 == "v1.book.d" && self.sockets.is_heard(name));
        books.map(|(_, channel)| change.max(channel.next)).min()
    }

    /// What is due on the streams with a rate.
    pub(super) fn publish(&mut self, now: Time) {
        // nothing is said when a session ends: its frames stay away, and calls are refused
        let ended = self.sockets.open.values_mut().filter(|socket| socket.host == TRADES && socket.until <= now);
        ended.for_each(|socket| socket.heard.clear());
        let at = self.core.now();
        let due = |(name, channel): (&Name, &Channel)| {
            let rated = matches!(name.0.as_str(), "v1.book.d" | "v1.book.s") || !channel.fields.is_empty();
            (rated && channel.next <= at).then(|| name.clone())
        };
        let due: Vec<Name> = self.sockets.channels.iter().filter_map(due).collect();
        for name in due.into_iter().filter(|name| self.sockets.is_heard(name)).collect::<Vec<_>>() {
            let feed = match name.0.as_str() {
                "v1.book.d" | "v1.book.s" => self.book_frame(&name, now),
                _ => self.ticker_frame(&name, now),
            };
            if let Some(channel) = self.sockets.channels.get_mut(&name) {
                channel.next = at.plus(channel.every);
            }
            if let Some(feed) = feed {
                self.sockets.publish(&name, &feed);
            }
        }
    }

    /// Levels that changed, or all of them.
    fn book_frame(&mut self, name: &Name, now: Time) -> Option<Value> {
        let (_, most) = selected(&name.0, &name.1, self.settings.sub_account).ok()?;
        let book = [self.book(Side::Buy), self.book(Side::Sell)];
        let channel = self.sockets.channels.get_mut(name)?;
        let old = std::mem::replace(&mut channel.book, book);
        if name.0 == "v1.book.s" {
            return Some(levels(&channel.book, most, now));
        }
        let changes = [0, 1].map(|side| changed(&channel.book[side], &old[side]).collect::<Levels>());
        (!changes[0].is_empty() || !changes[1].is_empty()).then(|| levels(&changes, usize::MAX, now))
    }

    /// Fields that changed, or all of them.
    fn ticker_frame(&mut self, name: &Name, now: Time) -> Option<Value> {
        let fields = self.fields(&name.0, now);
        let channel = self.sockets.channels.get_mut(name)?;
        let old = std::mem::replace(&mut channel.fields, fields);
        if name.0.ends_with(".s") {
            return Some(Value::Object(channel.fields.clone()));
        }
        // the time alone is no news, and no frame is without it
        let is_news = |(field, value): &(&String, &Value)| field.as_str() != TIME && old.get(*field) != Some(value);
        let mut changed: Map<String, Value> =
            channel.fields.iter().filter(is_news).map(|(field, value)| (field.clone(), value.clone())).collect();
        if changed.is_empty() {
            return None;
        }
        changed.extend(channel.fields.get(TIME).map(|at| (TIME.to_owned(), at.clone())));
        Some(Value::Object(changed))
    }
}

fn named(params: &Value) -> Result<(String, Vec<String>), Refusal> {
    let stream = params["stream"].as_str().unwrap_or_default().to_owned();
    let selectors: Vec<String> = params["selectors"]
        .as_array()
        .into_iter()
        .flatten()
        .filter_map(|one| one.as_str().map(str::to_owned))
        .collect();
    if selectors.is_empty() {
        return Err(Refusal::new(1102, "Feed Format must have one primary selector at least"));
    }
    Ok((stream, selectors))
}

/// Best first; a size of 0 removes.
fn levels([bids, asks]: &[Levels; 2], most: usize, now: Time) -> Value {
    let row = |(px, qty): (&Price, &Qty)| {
        let orders = i32::from(!qty.is_zero());
        json!({ "price": super::show::price(*px), "size": super::show::size(*qty), "num_orders": orders })
    };
    let bids: Vec<Value> = bids.iter().rev().take(most).map(row).collect();
    let asks: Vec<Value> = asks.iter().take(most).map(row).collect();
    json!({ "event_time": now.0.to_string(), "instrument": INSTRUMENT, "bids": bids, "asks": asks })
}
