//! What was before: trades by cursor, candles, settlements by window. All of it is the market's own and ours.

use super::rest::{cursor, invalid, ms, page, with_next};
use super::{LighterEmulator, MARKET, Refusal, show};
use crate::emulate::history::{Bar, Print, Series};
use crate::emulate::http::HttpRequest;
use crate::lighter::rest::any_time;
use perpx_core::units::{Cash, MINUTE, MS, Qty, Rate, SECOND, Time};
use serde_json::{Value, json};

/// Any time.
const ALWAYS: (Time, Time) = (Time(i64::MIN), Time(i64::MAX));
/// Rows of one answer.
const MOST_CANDLES: usize = 500;
const MOST_SETTLEMENTS: i64 = 100;
/// A coin.
const ONE: Qty = Qty(1_000_000_000);

impl LighterEmulator {
    pub(super) fn newest_trades(&self, most: usize) -> Vec<Value> {
        self.history.newest(None, ALWAYS).take(most).map(|print| self.trade_json(print)).collect()
    }

    /// Trades of the market; with `account_index` ours alone, for the holder of a token. `from` is taken for the earliest time:
    /// what the venue makes of it is not known.
    pub(super) fn trade_page(&self, request: &HttpRequest, now: Time) -> Result<Value, Refusal> {
        let account = request.number("account_index");
        if account.is_some() {
            self.authorize(request.header("authorization").or(request.field("auth")), now)?;
            self.named_account(request)?;
        }
        let market = request.number("market_id").filter(|market| *market != 255);
        if account.is_none() && market.is_none() {
            return Err(invalid("market_id"));
        }
        if !matches!(request.field("sort_by"), Some("block_height" | "timestamp" | "trade_id")) {
            return Err(invalid("sort_by: block_height, timestamp or trade_id"));
        }
        let rises = match request.field("sort_dir") {
            None | Some("desc") => false,
            Some("asc") => true,
            _ => return Err(invalid("sort_dir: asc or desc")),
        };
        let (after, most) = (cursor(request)?, page(request)?);
        let from = request.number("from").filter(|from| *from > 0).map_or(ALWAYS.0, |ms| Time::at(ms * MS));
        let fits = |trade: &Value| fits(request, trade, self.settings.account_index);
        let own = |id: &u64| self.own_trades.get(id).cloned();
        // by number, which is the order of time
        let trades: Box<dyn Iterator<Item = (u64, Value)>> =
            match (market.is_none_or(|market| market == MARKET), account, rises) {
                (false, ..) => Box::new(std::iter::empty()),
                (_, Some(_), rises) => {
                    let is_next =
                        move |id: &u64| after.is_none_or(|after| if rises { *id > after } else { *id < after });
                    let ids = self.own_trades.keys().copied();
                    let ids: Box<dyn Iterator<Item = u64>> = if rises { Box::new(ids) } else { Box::new(ids.rev()) };
                    let begun = from.steps(MS);
                    let rows = ids.filter(is_next).filter_map(move |id| Some((id, own(&id)?)));
                    Box::new(rows.filter(move |(_, trade)| trade["timestamp"].as_i64() >= Some(begun)))
                }
                (_, None, false) => {
                    Box::new(self.history.newest(after, (from, ALWAYS.1)).map(|print| self.numbered(print)))
                }
                (_, None, true) => {
                    Box::new(self.history.oldest(after.unwrap_or(0), from).map(|print| self.numbered(print)))
                }
            };
        let mut trades = trades.filter(|(_, trade)| fits(trade)).peekable();
        let rows: Vec<(u64, Value)> = trades.by_ref().take(most).collect();
        let next = rows.last().filter(|_| trades.peek().is_some()).map(|(id, _)| *id);
        Ok(with_next("trades", rows.into_iter().map(|(_, trade)| trade).collect(), next))
    }

    fn numbered(&self, print: &Print) -> (u64, Value) {
        (print.id, self.trade_json(print))
    }

    /// Candles that open within the window; the newest of them where there are more than may be answered or are asked for.
    pub(super) fn candles(&self, request: &HttpRequest, of_mark: bool) -> Result<Value, Refusal> {
        self.named_market(request)?;
        let resolution = request.field("resolution").unwrap_or_default();
        let minutes = match resolution {
            "1m" => 1,
            "5m" => 5,
            "15m" => 15,
            "30m" => 30,
            "1h" => 60,
            "4h" => 240,
            "12h" => 720,
            "1d" => 1_440,
            "1w" => 10_080,
            _ => return Err(invalid("resolution: 1m, 5m, 15m, 30m, 1h, 4h, 12h, 1d or 1w")),
        };
        let (step, window) = (minutes * MINUTE, window(request)?);
        if window.0 > window.1 {
            return Err(Refusal::new(22400, "invalid candle time range"));
        }
        let back = request.number("count_back").filter(|back| *back > 0).map_or(MOST_CANDLES, |back| back as usize);
        let series = if of_mark { Series::Mark } else { Series::Trade };
        let bars = self.history.bars(series, step, window).take(back.min(MOST_CANDLES));
        let at_end = request.field("set_timestamp_to_end") == Some("true");
        let mut candles: Vec<Value> = bars
            .map(|Bar { open_time, prices, traded }| {
                let open = if at_end { open_time.plus(step) } else { open_time };
                let mut candle = json!({
                    "t": ms(open), "o": prices.open.as_f64(), "h": prices.high.as_f64(), "l": prices.low.as_f64(),
                    "c": prices.close.as_f64(),
                });
                match of_mark {
                    true => candle["sc"] = json!(prices.samples),
                    false => {
                        candle["v"] = json!(traded.base_sum() as f64 / 1e9);
                        candle["V"] = json!(traded.quote_sum() as f64 / 1e18);
                        candle["i"] = json!(traded.last);
                    }
                }
                candle
            })
            .collect();
        candles.reverse();
        Ok(json!({ "r": resolution, "c": candles }))
    }

    /// Settlements within the window, oldest first; percent per hour, unsigned.
    pub(super) fn settlements(&self, request: &HttpRequest) -> Result<Value, Refusal> {
        self.named_market(request)?;
        if request.field("resolution") != Some("1h") {
            return Err(invalid("resolution: the emulator has 1h; what the venue puts into 1d is not known"));
        }
        let back = request.number("count_back").map_or(MOST_SETTLEMENTS, |back| back.clamp(1, MOST_SETTLEMENTS));
        let mut rows: Vec<Value> = self
            .history
            .settled(window(request)?)
            .rev()
            .take(back as usize)
            .map(|settled| {
                let size = Rate(settled.rate.0.abs());
                json!({
                    "timestamp": settled.at.steps(SECOND), "value": show::cash(settled.marks.1.of(ONE).times(size, Cash(1))),
                    "rate": show::hourly(size), "direction": if settled.rate.0 < 0 { "short" } else { "long" },
                })
            })
            .collect();
        rows.reverse();
        Ok(json!({ "resolution": "1h", "fundings": rows }))
    }

    /// The rate of the last settlement, as a fraction per eight hours.
    pub(super) fn funding_rates(&self, now: Time) -> Value {
        let newest = self.history.settled((ALWAYS.0, now)).next_back();
        let rate = newest.map_or(0.0, |settled| settled.rate.as_f64() * 8.0);
        json!({ "funding_rates": [{ "market_id": MARKET, "exchange": "lighter", "symbol": show::SYMBOL, "rate": rate }] })
    }
}

/// The window that is asked for; the clients write seconds or milliseconds.
fn window(request: &HttpRequest) -> Result<(Time, Time), Refusal> {
    let time = |name: &str| request.number(name).map(any_time).ok_or_else(|| invalid(name));
    Ok((time("start_timestamp")?, time("end_timestamp")?))
}

/// What is asked of a trade besides its market.
fn fits(request: &HttpRequest, trade: &Value, account: i64) -> bool {
    let kind = request.field("type").unwrap_or("all");
    let of_ours = |side: &str| trade[format!("{side}_account_id")] == account;
    let maker = if trade["is_maker_ask"] == true { "ask" } else { "bid" };
    let role = match request.field("role") {
        Some("maker") => of_ours(maker),
        Some("taker") => !of_ours(maker),
        _ => true,
    };
    let side = match request.number("ask_filter") {
        Some(0) => of_ours("bid"),
        Some(1) => of_ours("ask"),
        _ => true,
    };
    let order = request.number("order_index").filter(|index| *index > 0);
    let order = order.is_none_or(|index| trade["ask_id"] == index || trade["bid_id"] == index);
    (kind == "all" || trade["type"] == kind) && role && side && order
}
