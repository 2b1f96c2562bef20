//! Rows of text to rows of the store.

use super::book::{Book, Change, Changes, Level, Made};
use super::factor::{Factor, Unfit, scaled};
use super::map::{FileMap, Numbers, RateUnit, ReadMap, WIDE, Words, table_of};
use super::source::{MOST_LEVELS, SourceFile};
use super::time::{self, Cell};
use crate::TapeError;
use crate::store::{DECIMAL_LIMIT, DepthLevelRow, Fault, NumberedTrade, Table};
use perpx_core::market::{Bbo, Side};
use perpx_core::tape::rows::*;
use perpx_core::units::{MS, Price, Qty, Rate, Time, TimeDelta, parse_scaled};
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
    /// Rows that the map's `where` leaves out.
    pub passed_over: u64,
    /// Rows of which the map's `skip_empty` finds a column empty.
    pub empty: u64,
    /// Messages that left a book crossed or with one side only.
    pub unfit_books: u64,
}

impl ParsedFile {
    /// Adds what a message left of a book.
    fn put(&mut self, made: Made) {
        let before = self.rows.len();
        match &mut self.rows {
            ParsedRows::Quotes(rows) => rows.push(made.quote),
            ParsedRows::Depth(rows) => rows.extend(made.depth),
            _ => {}
        }
        self.places.extend((before..self.rows.len()).map(|_| made.place));
    }

    /// The refusal of row `i`.
    pub fn refused(&self, i: usize, fault: Fault) -> TapeError {
        TapeError::ImportRow { path: self.path.clone(), place: self.place(i), fault: fault.into() }
    }

    pub fn place(&self, i: usize) -> String {
        format!("{} {}", self.unit, self.places.get(i).copied().unwrap_or_default())
    }
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

impl ParsedRows {
    /// Adds what a row says: the levels of a whole book, or one row.
    fn push(&mut self, row: &Row<'_>) -> Result<(), Fault> {
        match self {
            ParsedRows::Quotes(rows) => rows.push(row.quote()?),
            ParsedRows::Trades(rows) => rows.push(row.trade()?),
            ParsedRows::Depth(rows) if row.layout.levels > 0 => row.book(rows)?,
            ParsedRows::Depth(rows) => rows.push(row.depth()?),
            ParsedRows::Marks(rows) => rows.push(row.mark()?),
            ParsedRows::Funding(rows) => rows.push(row.funding()?),
        }
        Ok(())
    }

    fn len(&self) -> usize {
        match self {
            ParsedRows::Quotes(rows) => rows.len(),
            ParsedRows::Trades(rows) => rows.len(),
            ParsedRows::Depth(rows) => rows.len(),
            ParsedRows::Marks(rows) => rows.len(),
            ParsedRows::Funding(rows) => rows.len(),
        }
    }
}

/// Reads one file of the map, which lies below `from`.
pub fn parse_file(map: &ReadMap, file: &FileMap, from: &Path) -> Result<ParsedFile, TapeError> {
    let columns = map.columns(file);
    let path = from.join(&file.path);
    let mut sources: Vec<&str> = columns.values().copied().chain(file.filter.keys().map(String::as_str)).collect();
    sources.sort_unstable();
    sources.dedup();
    let of_preset = |what: String| match file.preset {
        Some(preset) => format!("it has not the layout of the preset {preset}, {}: {what}", file.table),
        None => what,
    };
    let mut source = SourceFile::open(&path, file, &sources).map_err(|error| match error {
        TapeError::ImportFile { path, what } => TapeError::ImportFile { path, what: of_preset(what) },
        other => other,
    })?;
    let midnight = midnight(file, &path)?;
    let table = table_of(&file.table).unwrap_or(Table::Quotes);
    let layout = Layout::of(&columns, source.columns());
    let place_of = |name: &str| source.columns().iter().position(|c| c == name);
    let filter: Vec<_> = file.filter.iter().filter_map(|(name, words)| Some((place_of(name)?, words))).collect();
    let clocks = clocks(&columns, table);
    let latency = TimeDelta((file.feed_latency_ms.unwrap_or(0.0) * MS.0 as f64).round() as i64);
    let unit = source.unit();
    let (rows, places) = (empty(table), Vec::new());
    let mut parsed =
        ParsedFile { path: path.clone(), clocks, rows, places, unit, passed_over: 0, empty: 0, unfit_books: 0 };
    let depth = |changes: &Changes| if table == Table::Depth { changes.levels } else { 0 };
    let mut book = file.changes.as_ref().map(|changes| Book::new(depth(changes)));
    let (mut cells, mut lacking) = (Vec::new(), 0);
    while let Some(place) = source.next(&mut cells)? {
        let wanted = |(at, words): &(usize, &Words)| matches!(&cells[*at], Cell::Text(t) if words.hold(t));
        if !filter.iter().all(wanted) {
            let lacks = |(at, _): &(usize, _)| cells[*at] == Cell::Text(String::new());
            lacking += u64::from(filter.iter().any(lacks));
            parsed.passed_over += 1;
            continue;
        }
        let row = Row { file, columns: &columns, layout: &layout, cells: &cells, clocks, latency, midnight };
        if file.skip_empty.iter().any(|column| row.is_empty(column)) {
            parsed.empty += 1;
            continue;
        }
        let is_first = parsed.places.is_empty();
        let failed = |fault: Fault| match file.preset.filter(|_| is_first) {
            Some(_) => {
                TapeError::ImportFile { path: path.clone(), what: of_preset(format!("{unit} {place}: {fault}")) }
            }
            None => TapeError::ImportRow { path: path.clone(), place: format!("{unit} {place}"), fault: fault.into() },
        };
        if let (Some(book), Some(changes)) = (&mut book, &file.changes) {
            let level = row.level(changes, place).map_err(failed)?;
            let made = book.take(level, !file.rows.is_empty());
            made.into_iter().for_each(|made| parsed.put(made));
            continue;
        }
        let before = parsed.rows.len();
        parsed.rows.push(&row).map_err(failed)?;
        parsed.places.extend((before..parsed.rows.len()).map(|_| place));
    }
    if let Some(book) = &mut book {
        let made = book.end();
        made.into_iter().for_each(|made| parsed.put(made));
        parsed.unfit_books = book.unfit;
    }
    match nothing(file, &parsed, lacking, source.values()) {
        Some(what) => Err(TapeError::ImportFile { path, what: of_preset(what) }),
        None => Ok(parsed),
    }
}

/// Why a file of which no row is taken is not what the map thinks. (An hour of a whole venue may have none of one instrument.)
fn nothing(file: &FileMap, parsed: &ParsedFile, lacking: u64, values: u64) -> Option<String> {
    if !parsed.places.is_empty() || parsed.empty > 0 || parsed.unfit_books > 0 {
        return None;
    }
    let words = |(name, words): (&String, &Words)| format!("{name} = {}", words.all().join(" or "));
    let words: Vec<String> = file.filter.iter().map(words).collect();
    let rows = parsed.passed_over;
    if rows > 0 && (file.preset.is_none() || lacking == rows) {
        return Some(format!("none of its {rows} rows has {}, which where asks for", words.join(" and ")));
    }
    let lists = file.rows.join(" or ");
    (rows == 0 && values > 0).then(|| format!("none of its {values} values has an element of {lists}"))
}

fn clocks(columns: &BTreeMap<&str, &str>, table: Table) -> Clocks {
    let has = |name: &str| columns.contains_key(name);
    let exch = if table == Table::Funding { has("ts") } else { has("exch_ts") };
    match (exch, has("recv_ts")) {
        (true, true) => Clocks::Both,
        (true, false) => Clocks::ExchOnly,
        _ => Clocks::RecvOnly,
    }
}

/// Midnight of the date in the name of a file whose times count from it.
fn midnight(file: &FileMap, path: &Path) -> Result<Option<Time>, TapeError> {
    if !file.day_in_name {
        return Ok(None);
    }
    let name = path.file_name().and_then(|name| name.to_str()).unwrap_or("");
    let dates = name.split(|c: char| !c.is_ascii_digit()).filter(|digits| digits.len() == 8);
    let date = |digits: &str| {
        Time::from_civil(digits[..4].parse().ok()?, digits[4..6].parse().ok()?, digits[6..].parse().ok()?)
    };
    match dates.filter_map(date).next() {
        Some(midnight) => Ok(Some(midnight)),
        None => Err(TapeError::ImportFile {
            path: path.to_path_buf(),
            what: "its times count from midnight of the date in its name, which has none (wanted: 20260105)"
                .to_string(),
        }),
    }
}

/// Where the store's columns stand among the cells of a row.
struct Layout<'a> {
    /// Of wide depth, the column of a level: "bid_px" of level 3.
    places: BTreeMap<(&'a str, usize), usize>,
    /// Levels of wide depth that may be there; 0 of everything else.
    levels: usize,
}

impl<'a> Layout<'a> {
    fn of(columns: &BTreeMap<&'a str, &'a str>, cells: &[String]) -> Layout<'a> {
        let mut layout = Layout { places: BTreeMap::new(), levels: 0 };
        for (store, source) in columns {
            if WIDE.contains(store) && source.contains("{n}") {
                let named = |n: usize| source.replace("{n}", &n.to_string());
                let there = (0..=MOST_LEVELS + 1).filter_map(|n| cells.iter().position(|cell| *cell == named(n)));
                for (level, place) in there.enumerate() {
                    layout.places.insert((store, level), place);
                    layout.levels = layout.levels.max(level + 1);
                }
            } else if let Some(place) = cells.iter().position(|cell| cell == source) {
                layout.places.insert((store, 0), place);
            }
        }
        layout
    }
}

/// Some venues number their prints by texts: 63 bits of a hash know them as well.
fn number_of(text: &str) -> i64 {
    let hash = blake3::hash(text.as_bytes());
    let start = hash.as_bytes()[..8].try_into().unwrap_or_default();
    i64::from_le_bytes(start) & i64::MAX
}

fn empty(table: Table) -> ParsedRows {
    match table {
        Table::Quotes => ParsedRows::Quotes(Vec::new()),
        Table::Trades | Table::GapTrades => ParsedRows::Trades(Vec::new()),
        Table::Depth => ParsedRows::Depth(Vec::new()),
        // no map brings bars in
        Table::Marks | Table::Bars => ParsedRows::Marks(Vec::new()),
        Table::Funding => ParsedRows::Funding(Vec::new()),
    }
}

/// One row of cells being read.
struct Row<'a> {
    file: &'a FileMap,
    columns: &'a BTreeMap<&'a str, &'a str>,
    layout: &'a Layout<'a>,
    cells: &'a [Cell],
    clocks: Clocks,
    latency: TimeDelta,
    midnight: Option<Time>,
}

impl Row<'_> {
    /// No text, or a price of zero.
    fn is_empty(&self, column: &str) -> bool {
        self.cell(column).is_none_or(|text| column.ends_with("px") && parse_scaled(&text, 9) == Some(0))
    }

    /// A change of a book.
    fn level(&self, changes: &Changes, place: u64) -> Result<Level, Fault> {
        let (exch, recv) = self.times()?;
        let word = self.cell("change").unwrap_or_default();
        let change = match () {
            () if changes.snapshot.contains(&word) => Change::Snapshot,
            () if changes.clear.contains(&word) => Change::Clear,
            () => Change::Update,
        };
        let side = match self.side("side") {
            Err(_) if change == Change::Clear => None,
            side => Some(side?),
        };
        let px = if side.is_some() { self.price("px", 0)? } else { Price(0) };
        let qty = if change == Change::Clear { Qty(0) } else { self.size("qty", 0, px)? };
        Ok(Level { exch, recv, change, side, px, qty, place })
    }

    /// The text of a cell that is not empty. (A typed time where a word or a number belongs shows as its number.)
    fn cell(&self, column: &str) -> Option<String> {
        self.level_cell(column, 0)
    }

    fn level_cell(&self, column: &str, level: usize) -> Option<String> {
        match self.cells.get(*self.layout.places.get(&(column, level))?)? {
            Cell::Text(text) => (!text.is_empty()).then(|| text.clone()),
            Cell::Time { ns, .. } => Some(ns.to_string()),
        }
    }

    fn fault(&self, column: &'static str, wanted: impl Into<String>) -> Fault {
        self.level_fault(column, 0, wanted)
    }

    fn level_fault(&self, column: &'static str, level: usize, wanted: impl Into<String>) -> Fault {
        let place = self.layout.places.get(&(column, level));
        let found = match place.and_then(|at| self.cells.get(*at)) {
            None => "empty".to_string(),
            Some(Cell::Text(text)) if text.is_empty() => "empty".to_string(),
            Some(Cell::Text(text)) => format!("'{text}'"),
            Some(Cell::Time { ns, naive: false }) => format!("'{}'", Time(*ns)),
            Some(Cell::Time { ns, naive: true }) => format!("'{}'", Time(*ns).to_string().trim_end_matches('Z')),
        };
        let named = |source: &&str| format!(" (column '{}')", source.replace("{n}", &level.to_string()));
        let source = self.columns.get(column).map_or(String::new(), named);
        Fault::new(column, found + &source, wanted)
    }

    fn scaled(&self, column: &'static str, level: usize, scale: u32, factor: Factor) -> Result<i64, Fault> {
        let (numbers, is_rate) = (self.file.numbers, column == "rate");
        let wanted = format!("a number with at most {scale} decimals");
        let Some(text) = self.level_cell(column, level) else { return Err(self.level_fault(column, level, wanted)) };
        let found = match scaled(&text, scale, factor, numbers, is_rate) {
            Ok(value) => match i64::try_from(value) {
                Ok(value) if is_rate || value.abs() < DECIMAL_LIMIT => return Ok(value),
                _ => Unfit::TooLarge,
            },
            Err(unfit) => unfit,
        };
        let is_size = column.ends_with("qty");
        // the digits of a binary float go on and on: 99.60000000000001
        let is_float = numbers == Numbers::Decimal
            && text.bytes().filter(u8::is_ascii_digit).count() > 15
            && scaled(&text, scale, factor, Numbers::Float, is_rate).is_ok();
        let hint = match found {
            Unfit::NotANumber => "",
            Unfit::TooLarge if is_size => {
                " below 1e9; larger ones need a larger coin: qty_factor = 0.001 with price_factor = 1000"
            }
            Unfit::TooLarge => " below 1e9",
            Unfit::TooFine if is_float => " (numbers = \"float\" takes the nearest of a binary float)",
            Unfit::TooFine if is_rate || is_size => "",
            Unfit::TooFine => "; finer ones need a larger coin: price_factor = 1000 with qty_factor = 0.001",
        };
        Err(self.level_fault(column, level, wanted + hint))
    }

    fn price(&self, column: &'static str, level: usize) -> Result<Price, Fault> {
        self.scaled(column, level, 9, self.file.price_factor).map(Price)
    }

    fn time(&self, column: &'static str) -> Result<Time, Fault> {
        let unit = self.file.time_unit.of(column);
        let empty = Cell::Text(String::new());
        let cell = self.layout.places.get(&(column, 0)).and_then(|at| self.cells.get(*at)).unwrap_or(&empty);
        let shift = if column == "ts" { TimeDelta::ZERO } else { self.file.time_shift_ms * MS };
        let found = match self.midnight {
            Some(midnight) => time::since(cell, unit, midnight),
            None => time::read(cell, unit, self.file.time_zone),
        };
        Ok(found.map_err(|wanted| self.fault(column, wanted))?.plus(shift))
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
    fn size(&self, column: &'static str, level: usize, px: Price) -> Result<Qty, Fault> {
        if !self.columns.contains_key(column) {
            return Ok(Qty(0));
        }
        let Some(face) = self.file.contract_face else {
            return self.scaled(column, level, 9, self.file.qty_factor).map(Qty);
        };
        // contracts of so much money each: money of 1e-18 by a price of 1e-9
        let money = self.level_cell(column, level);
        let money = money.and_then(|text| scaled(&text, 18, face, self.file.numbers, true).ok());
        let coins = money.and_then(|m| m.checked_div(i128::from(px.0)));
        let wanted = "contracts of contract_face at a positive price";
        coins.and_then(|c| i64::try_from(c).ok()).map(Qty).ok_or_else(|| self.level_fault(column, level, wanted))
    }

    fn side(&self, column: &'static str) -> Result<Side, Fault> {
        let word = self.cell(column).unwrap_or_default();
        if self.file.buy.contains(&word) {
            return Ok(Side::Buy);
        }
        if self.file.sell.contains(&word) {
            return Ok(Side::Sell);
        }
        let (buy, sell) = (self.file.buy.join(", "), self.file.sell.join(", "));
        Err(self.fault(column, format!("one of {buy} (buy) or {sell} (sell)")))
    }

    fn quote(&self) -> Result<QuoteRow, Fault> {
        let (exch, recv) = self.times()?;
        let (bid, ask) = (self.price("bid_px", 0)?, self.price("ask_px", 0)?);
        let (bid_qty, ask_qty) = (self.size("bid_qty", 0, bid)?, self.size("ask_qty", 0, ask)?);
        Ok(QuoteRow { exch, recv, bbo: Bbo { bid, bid_qty, ask, ask_qty } })
    }

    fn trade(&self) -> Result<NumberedTrade, Fault> {
        let (exch, recv) = self.times()?;
        let px = self.price("px", 0)?;
        let (qty, taker) = (self.size("qty", 0, px)?, self.side("taker_side")?);
        let consumed_book = match self.cell("consumed_book").as_deref() {
            None => self.file.consumed_book,
            Some("true" | "True" | "1") => true,
            Some("false" | "False" | "0") => false,
            Some(_) => return Err(self.fault("consumed_book", "true or false")),
        };
        let id = self.cell("trade_id").map(|text| text.parse().unwrap_or_else(|_| number_of(&text)));
        Ok(NumberedTrade { row: TradeRow { exch, recv, px, qty, taker, consumed_book }, id })
    }

    fn depth(&self) -> Result<DepthLevelRow, Fault> {
        let (exch, recv) = self.times()?;
        let px = self.price("px", 0)?;
        let level = self.cell("level").and_then(|t| t.parse().ok());
        let level = level.ok_or_else(|| self.fault("level", "a level counted from 0 (the best)"))?;
        Ok(DepthLevelRow { exch, recv, side: self.side("side")?, level, px, qty: self.size("qty", 0, px)? })
    }

    /// The levels of a row that holds a whole book, best first. A level without a price, or with price zero, is not there.
    fn book(&self, rows: &mut Vec<DepthLevelRow>) -> Result<(), Fault> {
        let (exch, recv) = self.times()?;
        for (side, px_of, qty_of) in [(Side::Buy, "bid_px", "bid_qty"), (Side::Sell, "ask_px", "ask_qty")] {
            let mut level = 0;
            // lists begin at 0, names of columns at 0 or 1
            for at in 0..self.layout.levels {
                let is_there = self.level_cell(px_of, at).is_some_and(|px| parse_scaled(&px, 9) != Some(0));
                if !is_there {
                    continue;
                }
                if level as usize != at {
                    return Err(self.level_fault(px_of, at, format!("no level after the {level}, which is empty")));
                }
                if at >= MOST_LEVELS {
                    return Err(self.level_fault(px_of, at, format!("at most {MOST_LEVELS} levels")));
                }
                let px = self.price(px_of, at)?;
                rows.push(DepthLevelRow { exch, recv, side, level, px, qty: self.size(qty_of, at, px)? });
                level += 1;
            }
        }
        Ok(())
    }

    fn mark(&self) -> Result<MarkRow, Fault> {
        let (exch, recv) = self.times()?;
        let price = |column| if self.cell(column).is_some() { self.price(column, 0) } else { Ok(Price(0)) };
        Ok(MarkRow { exch, recv, mark: price("mark_px")?, index: price("index_px")? })
    }

    fn funding(&self) -> Result<FundingRow, Fault> {
        let ts = self.time("ts")?;
        let recv = if self.clocks == Clocks::Both { self.time("recv_ts")? } else { ts.plus(self.latency) };
        let scale = match self.file.rate_unit {
            RateUnit::Fraction => 12,
            RateUnit::Percent => 10,
        };
        let rate = self.scaled("rate", 0, scale, Factor::default())?;
        let hours = match self.cell("interval_hours") {
            Some(text) => parse_scaled(&text, 0).and_then(|h| u32::try_from(h).ok()),
            None => self.file.interval_hours,
        };
        let interval_hours = hours.ok_or_else(|| self.fault("interval_hours", "1, 2, 3, 4, 6, 8, 12 or 24"))?;
        let kind = match self.cell("kind").as_deref() {
            None | Some("settled") => FundingKind::Settled,
            Some("predicted") => FundingKind::Predicted,
            Some(_) => return Err(self.fault("kind", "settled or predicted")),
        };
        Ok(FundingRow { ts, recv, rate: Rate(rate), interval_hours, kind })
    }
}
