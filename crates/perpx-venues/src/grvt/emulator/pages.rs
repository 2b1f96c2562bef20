//! What was before: trades, candles, settlements, and what was ours. A page goes from `end_time` down to `start_time`, both
//! inclusive; its cursor is where the next one begins.

use super::rpc::malformed;
use super::show::{decimal, percent, price, value};
use super::{GrvtEmulator, INSTRUMENT, Refusal};
use crate::emulate::history::{Bar, Series};
use crate::grvt::QUOTE;
use crate::grvt::rest::{CandleQuery, TradeHistoryQuery};
use crate::grvt::trade::HistoryQuery;
use crate::wire::{Num, Quoted};
use perpx_core::units::{MINUTE, Notional, Time};
use serde_json::{Value, json};

/// Any time.
const ALWAYS: (Time, Time) = (Time(i64::MIN), Time(i64::MAX));

fn window(start: Option<Quoted<i64>>, end: Option<Quoted<i64>>) -> (Time, Time) {
    (start.map_or(ALWAYS.0, |time| Time(time.0)), end.map_or(ALWAYS.1, |time| Time(time.0)))
}

/// Rows that a page has, and the number of the row that the page before it ended with.
struct Page {
    most: usize,
    before: Option<u64>,
}

impl Page {
    fn read(limit: Option<Num<u32>>, cursor: Option<&str>) -> Result<Page, Refusal> {
        let most = limit.map_or(500, |limit| limit.0.clamp(1, 1_000) as usize);
        let cursor = cursor.filter(|text| !text.is_empty());
        let before = cursor.map(|text| text.strip_prefix("before-").and_then(|number| number.parse().ok()));
        match before {
            Some(None) => Err(malformed("cursor")),
            before => Ok(Page { most, before: before.flatten() }),
        }
    }

    /// `rows`: newest first, each with its number.
    fn cut(self, rows: impl Iterator<Item = (u64, Value)>) -> Value {
        let mut rows = rows.skip_while(|(number, _)| self.before.is_some_and(|before| *number >= before)).peekable();
        let (mut list, mut last) = (Vec::new(), 0);
        for (number, row) in rows.by_ref().take(self.most) {
            list.push(row);
            last = number;
        }
        let next = if rows.peek().is_some() { format!("before-{last}") } else { String::new() };
        json!({ "result": list, "next": next })
    }
}

/// Of the account's own rows, newest first: number, time, row.
pub(super) fn own_page(query: &HistoryQuery, rows: impl Iterator<Item = (u64, i64, Value)>) -> Result<Value, Refusal> {
    let (from, to) = window(query.start_time, query.end_time);
    let fits = |list: &Option<Vec<String>>, word: &str| {
        list.as_ref().is_none_or(|list| list.is_empty() || list.iter().any(|other| other == word))
    };
    let here = fits(&query.kind, "PERPETUAL")
        && fits(&query.base, crate::emulate::COIN)
        && fits(&query.quote, QUOTE)
        && query.instrument.as_ref().is_none_or(|name| name == INSTRUMENT);
    let inside = rows.filter(|(_, at, _)| here && *at >= from.0 && *at <= to.0);
    let page = Page::read(query.limit, query.cursor.as_deref())?;
    Ok(page.cut(inside.map(|(number, _, row)| (number, row))))
}

impl GrvtEmulator {
    pub(super) fn newest_trades(&self, most: usize) -> Vec<Value> {
        self.history.newest(None, ALWAYS).take(most).map(|print| self.trade_json(print)).collect()
    }

    pub(super) fn trade_page(&self, query: &TradeHistoryQuery) -> Result<Value, Refusal> {
        let page = Page::read(query.limit, query.cursor.as_deref())?;
        let trades = self.history.newest(page.before, window(query.start_time, query.end_time));
        Ok(page.cut(trades.map(|print| (print.id, self.trade_json(print)))))
    }

    /// One row a settlement.
    pub(super) fn funding_page(&self, query: &TradeHistoryQuery, kind: Option<&str>) -> Result<Value, Refusal> {
        if kind.is_some_and(|kind| kind != "FUNDING_INTERVAL") {
            return Err(malformed("agg_type: the emulator has FUNDING_INTERVAL"));
        }
        let rows = self.history.settled(window(query.start_time, query.end_time)).rev().map(|settled| {
            let row = json!({
                "instrument": INSTRUMENT, "funding_rate": percent(settled.rate),
                "funding_time": settled.at.0.to_string(), "mark_price": price(settled.marks.0),
                "funding_rate_8_h_avg": percent(settled.rate),
                "funding_interval_hours": self.settings.interval_hours,
            });
            (settled.at.0.unsigned_abs(), row)
        });
        Ok(Page::read(query.limit, query.cursor.as_deref())?.cut(rows))
    }

    pub(super) fn candle_page(&self, query: &CandleQuery) -> Result<Value, Refusal> {
        let series = match query.kind.as_str() {
            "TRADE" => Series::Trade,
            "MARK" => Series::Mark,
            "INDEX" => Series::Index,
            "MID" => Series::Mid,
            _ => return Err(malformed("type: TRADE, MARK, INDEX or MID")),
        };
        let step = interval(&query.interval).ok_or_else(|| malformed("interval"))? * MINUTE;
        let rows = self.history.bars(series, step, window(query.start_time, query.end_time)).map(|bar| {
            let Bar { open_time, prices, traded } = bar;
            let (traded, trades) = if series == Series::Trade { (traded, prices.samples) } else { Default::default() };
            let row = json!({
                "open_time": open_time.0.to_string(), "close_time": open_time.plus(step).0.to_string(),
                "open": price(prices.open), "close": price(prices.close), "high": price(prices.high),
                "low": price(prices.low), "volume_b": decimal(traded.base_sum(), 9),
                "volume_q": value(Notional(traded.quote_sum())), "trades": trades, "instrument": INSTRUMENT,
            });
            (open_time.0.unsigned_abs(), row)
        });
        Ok(Page::read(query.limit, query.cursor.as_deref())?.cut(rows))
    }
}

/// Minutes of "CI_5_M".
fn interval(name: &str) -> Option<i64> {
    let (count, unit) = name.strip_prefix("CI_")?.split_once('_')?;
    let count: i64 = count.parse().ok()?;
    let (unit, legal): (i64, &[i64]) = match unit {
        "M" => (1, &[1, 3, 5, 15, 30]),
        "H" => (60, &[1, 2, 4, 6, 8, 12]),
        "D" => (1_440, &[1, 3, 5]),
        "W" => (10_080, &[1, 2, 3, 4]),
        _ => return None,
    };
    legal.contains(&count).then_some(count * unit)
}
