//! Rows of text to rows of the store.

use super::map::{FileMap, Numbers, RateUnit, ReadMap, TimeUnit, table_of};
use super::source::SourceFile;
use crate::market::{Bbo, Side};
use crate::tape::TapeError;
use crate::tape::rows::*;
use crate::tape::store::{DepthLevelRow, Fault, NumberedTrade, Table, float_to_scaled};
use crate::units::{MS_NS, Price, Qty, Rate, Time, parse_scaled};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// The rows of one file, clocks as recorded.
pub struct ParsedFile {
    pub path: PathBuf,
    /// Which clocks the file has.
    pub clocks: Clocks,
    pub rows: ParsedRows,
    /// Place of each of them in the file, from 1.
    pub places: Vec<u64>,
    /// What places count: "line" or "row".
    pub unit: &'static str,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Clocks {
    Both,
    /// The receive time was made: exchange time plus the map's latency.
    ExchOnly,
    /// The exchange time was made: receive time minus the map's latency.
    RecvOnly,
}

pub enum ParsedRows {
    Quotes(Vec<QuoteRow>),
    Trades(Vec<NumberedTrade>),
    Depth(Vec<DepthLevelRow>),
    Marks(Vec<MarkRow>),
    Funding(Vec<FundingRow>),
}

/// Reads one file of the map, which lies below `from`.
pub fn parse_file(map: &ReadMap, file: &FileMap, from: &Path) -> Result<ParsedFile, TapeError> {
    let columns = map.columns(file);
    let path = from.join(&file.path);
    let sources: Vec<&str> = columns.values().copied().collect();
    let index = columns.iter().enumerate().map(|(i, (store, _))| (*store, i)).collect();
    let mut source = SourceFile::open(&path, &sources)?;
    let table = table_of(&file.table).unwrap_or(Table::Quotes);
    let has = |name: &str| columns.contains_key(name);
    let exch = if table == Table::Funding { has("ts") } else { has("exch_ts") };
    let clocks = match (exch, has("recv_ts")) {
        (true, true) => Clocks::Both,
        (true, false) => Clocks::ExchOnly,
        _ => Clocks::RecvOnly,
    };
    let latency = (file.feed_latency_ms.unwrap_or(0.0) * MS_NS as f64).round() as i64;
    let unit = source.unit();
    let mut parsed = ParsedFile { path: path.clone(), clocks, rows: empty(table), places: Vec::new(), unit };
    let mut cells = Vec::new();
    while let Some(place) = source.next(&mut cells)? {
        let row = Row { file, columns: &columns, index: &index, cells: &cells, clocks, latency };
        let failed = |fault: Fault| TapeError::ImportRow {
            path: path.clone(),
            place: format!("{unit} {place}"),
            fault: fault.into(),
        };
        match &mut parsed.rows {
            ParsedRows::Quotes(rows) => rows.push(row.quote().map_err(failed)?),
            ParsedRows::Trades(rows) => rows.push(row.trade().map_err(failed)?),
            ParsedRows::Depth(rows) => rows.push(row.depth().map_err(failed)?),
            ParsedRows::Marks(rows) => rows.push(row.mark().map_err(failed)?),
            ParsedRows::Funding(rows) => rows.push(row.funding().map_err(failed)?),
        }
        parsed.places.push(place);
    }
    Ok(parsed)
}

fn empty(table: Table) -> ParsedRows {
    match table {
        Table::Quotes => ParsedRows::Quotes(Vec::new()),
        Table::Trades => ParsedRows::Trades(Vec::new()),
        Table::Depth => ParsedRows::Depth(Vec::new()),
        Table::Marks => ParsedRows::Marks(Vec::new()),
        Table::Funding => ParsedRows::Funding(Vec::new()),
    }
}

/// One row of cells being read.
struct Row<'a> {
    file: &'a FileMap,
    columns: &'a BTreeMap<&'a str, &'a str>,
    index: &'a BTreeMap<&'a str, usize>,
    cells: &'a [String],
    clocks: Clocks,
    latency: i64,
}

impl Row<'_> {
    fn cell(&self, column: &str) -> Option<&str> {
        let text = self.cells.get(*self.index.get(column)?)?.as_str();
        (!text.is_empty()).then_some(text)
    }

    fn fault(&self, column: &'static str, wanted: impl Into<String>) -> Fault {
        let found = self.cell(column).map_or("empty".to_string(), |text| format!("'{text}'"));
        let source = self.columns.get(column).map_or(String::new(), |s| format!(" (column '{s}')"));
        Fault::new(column, found + &source, wanted)
    }

    fn scaled(&self, column: &'static str, scale: u32) -> Result<i64, Fault> {
        let read = |text: &str| match self.file.numbers {
            Numbers::Decimal => i64::try_from(parse_scaled(text, scale)?).ok(),
            Numbers::Float => {
                let value: f64 = text.parse().ok().filter(|v: &f64| v.is_finite())?;
                float_to_scaled(value, scale).or_else(|| {
                    let near = (value * 10f64.powi(scale as i32)).round();
                    (near.abs() < 9.0e18).then_some(near as i64)
                })
            }
        };
        self.cell(column).and_then(read).ok_or_else(|| {
            let hint = if self.file.numbers == Numbers::Decimal { " (numbers = \"float\" rounds)" } else { "" };
            self.fault(column, format!("a number with at most {scale} decimals{hint}"))
        })
    }

    fn time(&self, column: &'static str) -> Result<Time, Fault> {
        let unit = self.file.time_unit;
        let read = |text: &str| match unit {
            TimeUnit::Rfc3339 => text.parse::<Time>().ok(),
            _ => {
                let scale = match unit {
                    TimeUnit::S => 9,
                    TimeUnit::Ms => 6,
                    TimeUnit::Us => 3,
                    _ => 0,
                };
                i64::try_from(parse_scaled(text, scale)?).ok().map(Time)
            }
        };
        let wanted = || match unit {
            TimeUnit::Rfc3339 => "a UTC time such as 2026-01-05T10:30:00Z".to_string(),
            _ => format!("a time in {unit:?} since 1970-01-01 UTC (time_unit)").to_lowercase(),
        };
        let time = self.cell(column).and_then(read).ok_or_else(|| self.fault(column, wanted()))?;
        // 2000 to 2200: anything else is another unit
        let plausible = 946_684_800_000_000_000..7_258_118_400_000_000_000;
        if plausible.contains(&time.0) { Ok(time) } else { Err(self.fault(column, wanted() + ", 2000 to 2200")) }
    }

    /// (exch, recv), one made from the other where the file has one.
    fn times(&self) -> Result<(Time, Time), Fault> {
        Ok(match self.clocks {
            Clocks::Both => (self.time("exch_ts")?, self.time("recv_ts")?),
            Clocks::ExchOnly => {
                let exch = self.time("exch_ts")?;
                (exch, exch.plus(self.latency))
            }
            Clocks::RecvOnly => {
                let recv = self.time("recv_ts")?;
                (recv.plus(-self.latency), recv)
            }
        })
    }

    /// A size in coins; zero (not known) where the file has none.
    fn size(&self, column: &'static str, px: Price) -> Result<Qty, Fault> {
        if !self.columns.contains_key(column) {
            return Ok(Qty(0));
        }
        let size = self.scaled(column, 9)?;
        let Some(face) = &self.file.contract_face else { return Ok(Qty(size)) };
        let face = parse_scaled(face, 9).filter(|f| *f > 0);
        let coins = face.and_then(|f| (i128::from(size) * f).checked_div(i128::from(px.0)));
        let wanted = "contracts of a positive contract_face at a positive price";
        coins.and_then(|c| i64::try_from(c).ok()).map(Qty).ok_or_else(|| self.fault(column, wanted))
    }

    fn side(&self, column: &'static str) -> Result<Side, Fault> {
        let word = self.cell(column).unwrap_or("");
        if self.file.buy.iter().any(|w| w == word) {
            return Ok(Side::Buy);
        }
        if self.file.sell.iter().any(|w| w == word) {
            return Ok(Side::Sell);
        }
        let (buy, sell) = (self.file.buy.join(", "), self.file.sell.join(", "));
        Err(self.fault(column, format!("one of {buy} (buy) or {sell} (sell)")))
    }

    fn quote(&self) -> Result<QuoteRow, Fault> {
        let (exch, recv) = self.times()?;
        let (bid, ask) = (Price(self.scaled("bid_px", 9)?), Price(self.scaled("ask_px", 9)?));
        let (bid_qty, ask_qty) = (self.size("bid_qty", bid)?, self.size("ask_qty", ask)?);
        Ok(QuoteRow { exch, recv, bbo: Bbo { bid, bid_qty, ask, ask_qty } })
    }

    fn trade(&self) -> Result<NumberedTrade, Fault> {
        let (exch, recv) = self.times()?;
        let px = Price(self.scaled("px", 9)?);
        let (qty, taker) = (self.size("qty", px)?, self.side("taker_side")?);
        let consumed_book = match self.cell("consumed_book") {
            None => self.file.consumed_book,
            Some("true" | "True" | "1") => true,
            Some("false" | "False" | "0") => false,
            Some(_) => return Err(self.fault("consumed_book", "true or false")),
        };
        let id = match self.cell("trade_id").map(str::parse::<i64>) {
            None => None,
            Some(Ok(id)) => Some(id),
            Some(Err(_)) => return Err(self.fault("trade_id", "a whole number (or leave trade_id out of the map)")),
        };
        Ok(NumberedTrade { row: TradeRow { exch, recv, px, qty, taker, consumed_book }, id })
    }

    fn depth(&self) -> Result<DepthLevelRow, Fault> {
        let (exch, recv) = self.times()?;
        let px = Price(self.scaled("px", 9)?);
        let level = self.cell("level").and_then(|t| t.parse().ok());
        let level = level.ok_or_else(|| self.fault("level", "a level counted from 0 (the best)"))?;
        Ok(DepthLevelRow { exch, recv, side: self.side("side")?, level, px, qty: self.size("qty", px)? })
    }

    fn mark(&self) -> Result<MarkRow, Fault> {
        let (exch, recv) = self.times()?;
        let price = |column| if self.cell(column).is_some() { self.scaled(column, 9).map(Price) } else { Ok(Price(0)) };
        Ok(MarkRow { exch, recv, mark: price("mark_px")?, index: price("index_px")? })
    }

    fn funding(&self) -> Result<FundingRow, Fault> {
        let ts = self.time("ts")?;
        let recv = if self.clocks == Clocks::Both { self.time("recv_ts")? } else { ts.plus(self.latency) };
        let rate = match self.file.rate_unit {
            RateUnit::Fraction => self.scaled("rate", 12)?,
            RateUnit::Percent => self.scaled("rate", 10)?,
        };
        let hours = match self.cell("interval_hours") {
            Some(text) => parse_scaled(text, 0).and_then(|h| u32::try_from(h).ok()),
            None => self.file.interval_hours,
        };
        let interval_hours = hours.ok_or_else(|| self.fault("interval_hours", "1, 2, 3, 4, 6, 8, 12 or 24"))?;
        let kind = match self.cell("kind") {
            None | Some("settled") => FundingKind::Settled,
            Some("predicted") => FundingKind::Predicted,
            Some(_) => return Err(self.fault("kind", "settled or predicted")),
        };
        Ok(FundingRow { ts, recv, rate: Rate(rate), interval_hours, kind })
    }
}
