//! What a venue can be asked of its past: how, and the rows of an answer. Text in, values out.

use crate::client::{Body, FetchCall, Host};
use crate::grvt::rest as grvt;
use crate::lighter::rest as lighter;
use crate::record::{Row, grvt as grvt_feed, lighter as lighter_feed};
use crate::venue::Venue;
use crate::wire::{Dec, WireError, parse};
use perpx_core::tape::rows::{FundingKind, FundingRow};
use perpx_core::units::{DAY, HOUR, MINUTE, MS, NS, Price, Qty, SECOND, Time, TimeDelta};
use perpx_data::store::{BarKind, BarRow, NumberedTrade};
use serde_json::json;

/// Rows of one answer.
const CANDLES: u32 = 500;
const SETTLEMENTS: u32 = 100;
const TRADES: u32 = 100;
const GRVT_ROWS: u32 = 1_000;
/// Of every bar.
const STEP: TimeDelta = MINUTE;
/// Digits of a price or a size in a store.
const DIGITS: u32 = 9;

/// What is wanted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, clap::ValueEnum)]
pub enum What {
    /// Settlements.
    Funding,
    /// Bars of a minute.
    Candles,
    /// Prints.
    Trades,
}

impl What {
    /// As the user says it.
    pub fn word(self) -> &'static str {
        match self {
            What::Funding => "funding",
            What::Candles => "candles",
            What::Trades => "trades",
        }
    }
}

/// One thing that a venue tells of its past.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Endpoint {
    /// Settlements of Lighter.
    LighterFundings,
    /// Its bars of trades.
    LighterCandles,
    /// Its bars of marks.
    LighterMarkCandles,
    /// Its prints, from the newest down.
    LighterTrades,
    /// Settlements of GRVT.
    GrvtFunding,
    /// Its bars.
    GrvtKline(BarKind),
    /// Its prints.
    GrvtTradeHistory,
}

/// A row of the past, by the venue's clock.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PastRow {
    /// A settlement.
    Funding(FundingRow),
    /// A bar.
    Bar(BarRow),
    /// A print.
    Trade(NumberedTrade),
}

impl PastRow {
    /// When it happened; of a bar, where it begins.
    pub fn at(&self) -> Time {
        match self {
            PastRow::Funding(row) => row.ts,
            PastRow::Bar(row) => row.open_ts,
            PastRow::Trade(row) => row.row.exch,
        }
    }

    /// By what it stands in order, and by what one that is there twice is known.
    pub fn key(&self) -> (Time, i64) {
        match self {
            PastRow::Funding(row) => (row.ts, 0),
            PastRow::Bar(row) => (row.open_ts, row.kind as i64),
            PastRow::Trade(row) => (row.row.exch, row.id.unwrap_or(0)),
        }
    }
}

/// What an answer holds.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Page {
    /// In the venue's order.
    pub rows: Vec<PastRow>,
    /// Where the list goes on.
    pub next: Option<String>,
    /// Settlements of the time when funding accrued by the minute: they have no interval.
    pub without_interval: u64,
    /// Bars without a price.
    pub without_price: u64,
}

impl Endpoint {
    /// Those that tell what is wanted.
    pub fn of(venue: Venue, what: What) -> Vec<Endpoint> {
        match (venue, what) {
            (Venue::Lighter, What::Funding) => vec![Endpoint::LighterFundings],
            (Venue::Lighter, What::Candles) => vec![Endpoint::LighterCandles, Endpoint::LighterMarkCandles],
            (Venue::Lighter, What::Trades) => vec![Endpoint::LighterTrades],
            (Venue::Grvt, What::Funding) => vec![Endpoint::GrvtFunding],
            (Venue::Grvt, What::Candles) => BarKind::ALL.map(Endpoint::GrvtKline).to_vec(),
            (Venue::Grvt, What::Trades) => vec![Endpoint::GrvtTradeHistory],
        }
    }

    /// As provenance and folders name it.
    pub fn name(self) -> String {
        match self {
            Endpoint::LighterFundings => "fundings".to_owned(),
            Endpoint::LighterCandles => "candles".to_owned(),
            Endpoint::LighterMarkCandles => "markPriceCandles".to_owned(),
            Endpoint::LighterTrades => "trades".to_owned(),
            Endpoint::GrvtFunding => "funding".to_owned(),
            Endpoint::GrvtKline(kind) => format!("kline-{}", kind.word()),
            Endpoint::GrvtTradeHistory => "trade_history".to_owned(),
        }
    }

    /// So much time is asked for at once; a day is a whole number of these, or they of days. `None`: the venue has a list without
    /// times, newest first.
    pub fn window(self) -> Option<TimeDelta> {
        match self {
            // 97 settlements: whether an answer has 100 or 750 rows is not known
            Endpoint::LighterFundings => Some(4 * DAY),
            Endpoint::LighterCandles | Endpoint::LighterMarkCandles => Some(8 * HOUR),
            Endpoint::LighterTrades => None,
            Endpoint::GrvtFunding => Some(64 * DAY),
            Endpoint::GrvtKline(_) => Some(12 * HOUR),
            Endpoint::GrvtTradeHistory => Some(DAY),
        }
    }

    /// Where no row is for longer than that, some are missing. When a print is due nobody knows.
    pub fn least_step(self) -> TimeDelta {
        match self {
            Endpoint::LighterFundings | Endpoint::LighterTrades | Endpoint::GrvtTradeHistory => HOUR,
            Endpoint::GrvtFunding => 8 * HOUR,
            Endpoint::LighterCandles | Endpoint::LighterMarkCandles | Endpoint::GrvtKline(_) => STEP,
        }
    }

    /// How a page is asked for. `market`: as the venue names it.
    pub fn call(self, market: &str, (from, to): (Time, Time), cursor: Option<&str>) -> FetchCall {
        let last = |step: TimeDelta| to.plus(-NS).steps(step);
        let lighter =
            |query: String| FetchCall { host: Host::Main, path: format!("/api/v1/{query}"), body: Body::None };
        let candles = |route: &str| {
            let (first, last) = (from.steps(MS), last(MS));
            lighter(format!(
                "{route}?market_id={market}&resolution=1m&start_timestamp={first}&end_timestamp={last}&count_back={CANDLES}"
            ))
        };
        let grvt = |route: &str, mut query: serde_json::Value| {
            query["instrument"] = json!(market);
            query["limit"] = json!(GRVT_ROWS);
            query["start_time"] = json!(from.0.to_string());
            query["end_time"] = json!(last(NS).to_string());
            if let Some(cursor) = cursor {
                query["cursor"] = json!(cursor);
            }
            FetchCall { host: Host::MarketData, path: format!("/full/v1/{route}"), body: Body::Json(query.to_string()) }
        };
        match self {
            // both ends, so that two windows overlap by a row
            Endpoint::LighterFundings => lighter(format!(
                "fundings?market_id={market}&resolution=1h&start_timestamp={}&end_timestamp={}&count_back={SETTLEMENTS}",
                from.steps(SECOND),
                to.steps(SECOND)
            )),
            Endpoint::LighterCandles => candles("candles"),
            Endpoint::LighterMarkCandles => candles("markPriceCandles"),
            Endpoint::LighterTrades => {
                let after = cursor.map(|cursor| format!("&cursor={cursor}")).unwrap_or_default();
                lighter(format!("trades?market_id={market}&sort_by=trade_id&sort_dir=desc&limit={TRADES}{after}"))
            }
            Endpoint::GrvtFunding => grvt("funding", json!({})),
            Endpoint::GrvtKline(kind) => {
                grvt("kline", json!({ "interval": "CI_1_M", "type": kind.word().to_ascii_uppercase() }))
            }
            Endpoint::GrvtTradeHistory => grvt("trade_history", json!({})),
        }
    }

    /// Reads an answer.
    ///
    /// # Errors
    /// A text that is no such answer.
    pub fn read(self, body: &str) -> Result<Page, WireError> {
        match self {
            Endpoint::LighterFundings => {
                let answer: lighter::Fundings = parse("fundings", body)?;
                let rows = answer.fundings.iter().flatten().map(|row| Ok(settled(row.time(), row.rate()?, 1)));
                Ok(Page { rows: rows.collect::<Result<_, WireError>>()?, ..Page::default() })
            }
            Endpoint::LighterCandles => lighter_candles(body, BarKind::Trade),
            Endpoint::LighterMarkCandles => lighter_candles(body, BarKind::Mark),
            Endpoint::LighterTrades => {
                let answer: lighter::Trades = parse("trades", body)?;
                let rows = answer.trades.iter().flatten().map(|trade| {
                    let trade = lighter_feed::public_trade(trade)?;
                    Ok(PastRow::Trade(NumberedTrade { id: trade.id, row: trade.row }))
                });
                let rows = rows.collect::<Result<_, WireError>>()?;
                Ok(Page { rows, next: answer.next_cursor.filter(|next| !next.is_empty()), ..Page::default() })
            }
            Endpoint::GrvtFunding => {
                let answer: grvt::Reply<Vec<grvt::Funding>> = parse("funding", body)?;
                let mut page = Page { next: answer.next_page().map(str::to_owned), ..Page::default() };
                for row in &answer.result {
                    match row.funding_interval_hours.map_or(0, |hours| hours.0) {
                        0 => page.without_interval += 1,
                        hours => page.rows.push(settled(Time(row.funding_time.0), row.rate()?, hours)),
                    }
                }
                Ok(page)
            }
            Endpoint::GrvtKline(kind) => {
                let answer: grvt::Reply<Vec<grvt::Candle>> = parse("kline", body)?;
                let mut page = Page { next: answer.next_page().map(str::to_owned), ..Page::default() };
                for row in &answer.result {
                    let prices = [row.open, row.high, row.low, row.close].map(Some);
                    let volume = row.volume_b.filter(|_| kind == BarKind::Trade);
                    page.bar((Time(row.open_time.0), Time(row.close_time.0)), kind, prices, volume)?;
                }
                Ok(page)
            }
            Endpoint::GrvtTradeHistory => {
                let answer: grvt::Reply<Vec<grvt::Trade>> = parse("trade_history", body)?;
                let rows = answer.result.iter().map(|trade| {
                    let trade = grvt_feed::public_trade(trade)?;
                    Ok(PastRow::Trade(NumberedTrade { id: trade.id, row: trade.row }))
                });
                let next = answer.next_page().map(str::to_owned);
                Ok(Page { rows: rows.collect::<Result<_, WireError>>()?, next, ..Page::default() })
            }
        }
    }
}

impl Page {
    /// Adds a bar; one without a price is counted.
    fn bar(
        &mut self,
        (open_ts, close_ts): (Time, Time),
        kind: BarKind,
        prices: [Option<Dec>; 4],
        volume: Option<Dec>,
    ) -> Result<(), WireError> {
        let mut read = [0; 4];
        for (read, price) in read.iter_mut().zip(prices) {
            *read = price.map_or(Ok(0), rounded)?;
        }
        if read.contains(&0) {
            self.without_price += 1;
            return Ok(());
        }
        let [open, high, low, close] = read.map(Price);
        let volume = Qty(volume.map_or(Ok(0), rounded)?);
        self.rows.push(PastRow::Bar(BarRow { open_ts, close_ts, kind, open, high, low, close, volume }));
        Ok(())
    }
}

fn settled(ts: Time, rate: perpx_core::units::Rate, interval_hours: u32) -> PastRow {
    PastRow::Funding(FundingRow { ts, recv: ts, rate, interval_hours, kind: FundingKind::Settled })
}

/// Fields that are zero may be absent.
fn lighter_candles(body: &str, kind: BarKind) -> Result<Page, WireError> {
    let answer: lighter::Candles = parse("candles", body)?;
    let mut page = Page::default();
    for row in answer.c.iter().flatten() {
        let open = Time::at(row.t.0 * MS);
        page.bar((open, open.plus(STEP)), kind, [row.o, row.h, row.l, row.c], row.v)?;
    }
    Ok(page)
}

/// As an integer of 1e-9. Candles are written as floats, whose sums have noise in their last digits.
fn rounded(value: Dec) -> Result<i64, WireError> {
    match value.value() {
        None => Ok(0),
        Some(value) => Dec::new(value.round_dp(DIGITS)).qty().map(|qty| qty.0),
    }
}

/// A row in the time of a market that is played.
pub fn to_market(clock: &crate::wall::MarketClock, row: PastRow) -> PastRow {
    let moved = |mut row: Row| {
        crate::record::market_time::row_to_market(clock, &mut row);
        row
    };
    match row {
        PastRow::Bar(bar) => {
            PastRow::Bar(BarRow { open_ts: clock.market(bar.open_ts), close_ts: clock.market(bar.close_ts), ..bar })
        }
        PastRow::Funding(funding) => match moved(Row::Funding(funding)) {
            // received when it was settled: nobody was there
            Row::Funding(row) => PastRow::Funding(FundingRow { recv: row.ts, ..row }),
            _ => row,
        },
        PastRow::Trade(trade) => match moved(Row::Trade(trade)) {
            Row::Trade(trade) => PastRow::Trade(trade),
            _ => row,
        },
    }
}
