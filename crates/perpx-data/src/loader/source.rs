//! Where the rows of a tape come from: the files of one venue that a range needs, and a moving window over them.

use crate::TapeError;
use crate::loader::funding::{self, FundingPlan};
use crate::loader::gap_trades::GapTrades;
use crate::loader::spec::{OnBadRows, TapeSpec};
use crate::loader::stream::{DepthStream, Stream, Timed, TradeStream, Wanted};
use crate::store::{DepthLevelRow, GroupSpan, NumberedTrade, Partition, StoreFile, StorePath, StoredRow, Table};
use perpx_core::config::Missing;
use perpx_core::market::Side;
use perpx_core::tape::rows::*;
use perpx_core::tape::{Carry, NEVER};
use perpx_core::units::{HOUR, Price, Qty, SECOND, Time, TimeDelta};
use std::borrow::Cow;
use std::sync::Arc;

/// How the marks of a venue come about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum MarksRule {
    AsStored,
    /// Marks are there, index prices are not: the mark stands for both.
    IndexFromMark,
    /// Neither is there: the mid of the first quote of each second of the venue's clock.
    Mid,
}

/// One venue's files for a range; cheap to hold.
#[derive(Clone, Debug)]
pub(crate) struct Source {
    pub venue: String,
    quotes: Arc<[StoreFile]>,
    trades: Arc<[StoreFile]>,
    depth: Arc<[StoreFile]>,
    marks: Arc<[StoreFile]>,
    gap_trades: GapTrades,
    pub funding: Arc<FundingPlan>,
    pub marks_rule: MarksRule,
    /// What `marks.missing` did; "" when nothing was missing.
    pub marks_filled: &'static str,
    wanted: Wanted,
    outages: Vec<(Time, Time)>,
    stale: Vec<(Time, Time)>,
}

impl Source {
    pub fn open(store: &StorePath, spec: &TapeSpec, v: usize) -> Result<Source, TapeError> {
        let latency = spec.feed_latency[v];
        let (from, to, ahead) = (spec.warm_from, spec.to, spec.clock_ahead[v]);
        let wanted = Wanted { from, to, latency, ahead, on_bad_rows: spec.on_bad_rows };
        let venue = &spec.venues[v];
        let quotes = files::<QuoteRow>(store, venue, &spec.symbol, wanted)?;
        if groups_within(&quotes, wanted).next().is_none() {
            return Err(no_quotes(store, spec, v)?);
        }
        let marks = files::<MarkRow>(store, venue, &spec.symbol, wanted)?;
        let (marks_rule, marks_filled) = marks_rule(store, spec, v, (&marks, wanted))?;
        let spans = || groups_within(&quotes, wanted).filter_map(|g| g.span);
        let quoted = spans().map(|s| s.0).min().zip(spans().map(|s| s.1).max());
        let funding = Arc::new(funding::load(store, spec, v, quoted)?);
        Ok(Source {
            venue: venue.clone(),
            quotes,
            trades: files::<NumberedTrade>(store, venue, &spec.symbol, wanted)?,
            depth: files::<DepthLevelRow>(store, venue, &spec.symbol, wanted)?,
            marks,
            gap_trades: GapTrades::load(store, spec, v)?,
            funding,
            marks_rule,
            marks_filled,
            wanted,
            outages: spec.feed_outages[v].clone(),
            stale: spec.feed_stale[v].clone(),
        })
    }

    /// As [`Source::open`], of a store to which rows are still added: what it lacks may come. Marks and rates are taken as they
    /// come.
    pub fn growing(store: &StorePath, spec: &TapeSpec, v: usize) -> Result<Source, TapeError> {
        let (from, to, ahead) = (spec.warm_from, spec.to, spec.clock_ahead[v]);
        let wanted = Wanted { from, to, latency: spec.feed_latency[v], ahead, on_bad_rows: OnBadRows::Drop };
        let venue = &spec.venues[v];
        Ok(Source {
            venue: venue.clone(),
            quotes: files::<QuoteRow>(store, venue, &spec.symbol, wanted)?,
            trades: files::<NumberedTrade>(store, venue, &spec.symbol, wanted)?,
            depth: files::<DepthLevelRow>(store, venue, &spec.symbol, wanted)?,
            marks: files::<MarkRow>(store, venue, &spec.symbol, wanted)?,
            gap_trades: GapTrades::default(),
            funding: Arc::new(funding::load_growing(store, spec, v)?),
            marks_rule: MarksRule::AsStored,
            marks_filled: "",
            wanted,
            outages: spec.feed_outages[v].clone(),
            stale: spec.feed_stale[v].clone(),
        })
    }

    /// Every file that this source reads, in a fixed order.
    pub fn files(&self) -> impl Iterator<Item = &StoreFile> {
        let gap_trades = &self.gap_trades.files;
        let tables = [&self.quotes, &self.trades, &self.depth, &self.marks, gap_trades, &self.funding.files];
        tables.into_iter().flat_map(|files| files.iter())
    }

    /// No more times than this are received: made-up marks share those of quotes.
    pub fn most_times(&self) -> u64 {
        self.files().map(StoreFile::rows).sum::<u64>() + self.funding.len() as u64
    }

    /// Nothing of what was recorded is lost on the way or repeats what came before.
    pub fn hears_all(&self) -> bool {
        self.outages.is_empty() && self.stale.is_empty()
    }

    /// A window that gives every row received from `start` on.
    pub fn feed(&self, start: Time) -> VenueRows {
        // a made-up mark looks at the quote before it, so that the feed begins a little earlier; rows before a tile's
        // start are ignored
        let look_back = if self.marks_rule == MarksRule::Mid { HOUR } else { TimeDelta::ZERO };
        let wanted = Wanted { from: start.plus(-look_back).max(self.wanted.from), ..self.wanted };
        let marks_files = if self.marks_rule == MarksRule::Mid { Vec::new().into() } else { self.marks.clone() };
        VenueRows {
            quotes: Stream::new(self.quotes.clone(), wanted),
            trades: TradeStream::new(self.trades.clone(), wanted),
            depth: DepthStream::new(self.depth.clone(), wanted),
            marks: Stream::new(marks_files, wanted),
            gap_trades: self.gap_trades.clone(),
            funding: self.funding.clone(),
            marks_rule: self.marks_rule,
            outages: self.outages.clone(),
            stale: self.stale.clone(),
            ended: [false; 4],
            quote_second: NEVER,
            window: VenueTables::default(),
        }
    }
}

/// What the first tile of a range begins with.
pub(crate) fn first_carry(spec: &TapeSpec, sources: &[Source; 2]) -> Carry {
    let mut carry = Carry::first(spec.paced);
    for (v, source) in sources.iter().enumerate() {
        source.funding.before.iter().for_each(|row| carry.know(v, row));
    }
    carry
}

fn no_quotes(store: &StorePath, spec: &TapeSpec, v: usize) -> Result<TapeError, TapeError> {
    let span = stored_span::<QuoteRow>(store, &spec.venues[v], &spec.symbol)?;
    no_data(store, spec, v, span)
}

/// The refusal of a venue without quotes in the range.
pub(crate) fn no_data(
    store: &StorePath,
    spec: &TapeSpec,
    v: usize,
    span: Option<(Time, Time)>,
) -> Result<TapeError, TapeError> {
    Ok(TapeError::NoData {
        store: store.root().to_path_buf(),
        table: "quotes",
        series: format!("{}/{}", spec.venues[v], spec.symbol),
        from: spec.warm_from,
        to: spec.to,
        have: match span {
            Some((first, last)) => format!("the store has them from {first} to {last}"),
            None => store.in_place_of(&spec.venues[v], &spec.symbol)?,
        },
    })
}

/// First and last stored time of a series by its statistics.
pub(crate) fn stored_span<R: StoredRow>(
    store: &StorePath,
    venue: &str,
    symbol: &str,
) -> Result<Option<(Time, Time)>, TapeError> {
    let files = store.files(R::TABLE, venue, symbol)?;
    let spans = |path: &std::path::Path| Ok::<_, TapeError>(StoreFile::open::<R>(path)?.span());
    let (Some(first), Some(last)) = (files.first(), files.last()) else { return Ok(None) };
    Ok(spans(&first.1)?.zip(spans(&last.1)?).map(|(a, b)| (a.0, b.1)))
}

/// Files that can hold a wanted row, checked: columns, partitions, overlap. In receive order.
fn files<R: StoredRow>(
    store: &StorePath,
    venue: &str,
    symbol: &str,
    wanted: Wanted,
) -> Result<Arc<[StoreFile]>, TapeError> {
    let first_day = wanted.from.plus(-wanted.latency).day();
    let mut found: Vec<(Partition, StoreFile)> = Vec::new();
    let mut is_past = false;
    for (partition, path, rows) in store.files_until(R::TABLE, venue, symbol, Some(wanted.to))? {
        let is_before = partition < Partition::Day(first_day);
        let file = match StoreFile::open::<R>(&path).and_then(|file| file.first_rows(rows)) {
            Ok(file) => file,
            // of no use here, unless it hides rows of the range, which cannot be known
            Err(_) if is_before || is_past => continue,
            Err(error) => return Err(error),
        };
        // a file in the wrong day may hold rows of the range, wherever it lies
        check_partition(&file, partition)?;
        // the rows of the first later file may still carry exchange times before the end
        let first_exch = file.groups().iter().filter_map(|g| g.first_exch).min();
        is_past |= partition.span().0 >= wanted.to && first_exch.is_some_and(|t| t >= wanted.to);
        if !is_before && !is_past {
            found.push((partition, file));
        }
    }
    found.sort_by_key(|(partition, file)| (*partition, file.span()));
    let files: Vec<StoreFile> = found.into_iter().map(|f| f.1).filter(|f| f.rows() > 0).collect();
    check_overlap(&files)?;
    Ok(files.into())
}

pub(crate) fn check_partition(file: &StoreFile, partition: Partition) -> Result<(), TapeError> {
    let (start, end) = partition.span();
    match file.span() {
        Some((first, last)) if first < start || last >= end => Err(TapeError::WrongPartition {
            path: file.path().to_path_buf(),
            partition: partition.folder(),
            first,
            last,
        }),
        _ => Ok(()),
    }
}

pub(crate) fn check_overlap(files: &[StoreFile]) -> Result<(), TapeError> {
    for pair in files.windows(2) {
        let (Some(first), Some(second)) = (pair[0].span(), pair[1].span()) else { continue };
        if second.0 < first.1 {
            return Err(TapeError::Overlap {
                first: pair[0].path().to_path_buf(),
                second: pair[1].path().to_path_buf(),
                first_end: first.1,
                second_begin: second.0,
            });
        }
    }
    Ok(())
}

/// Row groups that may hold a row received within the range.
fn groups_within(files: &[StoreFile], wanted: Wanted) -> impl Iterator<Item = &GroupSpan> {
    let inside = move |s: (Time, Time)| s.1.plus(wanted.latency) >= wanted.from && s.0 < wanted.to;
    files.iter().flat_map(|f| f.groups()).filter(move |g| g.rows > 0 && g.span.is_none_or(inside))
}

fn marks_rule(
    store: &StorePath,
    spec: &TapeSpec,
    v: usize,
    (files, wanted): (&[StoreFile], Wanted),
) -> Result<(MarksRule, &'static str), TapeError> {
    let groups = || groups_within(files, wanted);
    let missing = |what: &str, choices| TapeError::MarksMissing {
        store: store.root().to_path_buf(),
        series: format!("{}/{}", spec.venues[v], spec.symbol),
        what: format!("{what} between {} and {}", spec.warm_from, spec.to),
        choices,
    };
    if groups().next().is_none() {
        return match spec.marks_missing {
            Missing::Refuse => Err(missing("there is none", "zero (unknown) or mid (made up from the quotes)")),
            Missing::CarryLast => Err(missing("there is none to carry", "zero (unknown) or mid (from the quotes)")),
            Missing::Zero => Ok((MarksRule::AsStored, "zero")),
            Missing::Mid => Ok((MarksRule::Mid, "mid")),
        };
    }
    if groups().all(|g| g.no_index) {
        let what = "no index price is there, on which this venue pays funding,";
        return match spec.marks_missing {
            Missing::Mid => Ok((MarksRule::IndexFromMark, "index from mark")),
            _ if !spec.needs_index[v] => Ok((MarksRule::AsStored, "")),
            Missing::Zero => Ok((MarksRule::AsStored, "zero")),
            _ => Err(missing(what, "zero (unknown) or mid (the mark stands for the index)")),
        };
    }
    Ok((MarksRule::AsStored, ""))
}

/// Rows of one venue around the present tile. Both clocks move forward only.
pub(crate) struct VenueRows {
    pub quotes: Stream<QuoteRow>,
    pub trades: TradeStream,
    pub depth: DepthStream,
    pub marks: Stream<MarkRow>,
    gap_trades: GapTrades,
    funding: Arc<FundingPlan>,
    marks_rule: MarksRule,
    outages: Vec<(Time, Time)>,
    stale: Vec<(Time, Time)>,
    ended: [bool; 4],
    /// Second of the venue's clock of the last quote given, for made-up marks.
    quote_second: i64,
    window: VenueTables,
}

impl VenueRows {
    /// Moves the window to `[start, end)`: afterwards it holds every row with either clock inside.
    pub fn advance(&mut self, start: Time, end: Time) -> Result<(), TapeError> {
        let window = &mut self.window;
        trim(&mut window.quotes, start);
        trim(&mut window.trades, start);
        trim(&mut window.depth, start);
        trim(&mut window.marks, start);
        let (rule, second, made_up) = (self.marks_rule, &mut self.quote_second, &mut window.marks);
        fill(&mut window.quotes, &mut self.ended[0], end, |rows| {
            let before = rows.len();
            let is_more = self.quotes.pull(rows)?;
            if rule == MarksRule::Mid {
                made_up.extend(rows[before..].iter().filter_map(|row| mid_mark(row, second)));
            }
            Ok(is_more)
        })?;
        fill(&mut window.trades, &mut self.ended[1], end, |rows| self.trades.pull(rows))?;
        fill(&mut window.depth, &mut self.ended[2], end, |rows| self.depth.pull(rows))?;
        if rule != MarksRule::Mid {
            fill(&mut window.marks, &mut self.ended[3], end, |rows| {
                let before = rows.len();
                let is_more = self.marks.pull(rows)?;
                if rule == MarksRule::IndexFromMark {
                    rows[before..].iter_mut().for_each(|row| row.index = row.mark);
                }
                Ok(is_more)
            })?;
        }
        window.funding = self.funding.around(start, end);
        Ok(())
    }

    /// A row that is received now; every stored one was read before.
    pub fn receive_quote(&mut self, row: QuoteRow) -> Result<(), TapeError> {
        self.quotes.push(row, &mut self.window.quotes)
    }

    /// As [`VenueRows::receive_quote`].
    pub fn receive_trade(&mut self, print: NumberedTrade) -> Result<(), TapeError> {
        self.trades.push(print, &mut self.window.trades)
    }

    /// As [`VenueRows::receive_quote`].
    pub fn receive_depth(&mut self, row: &DepthRow) -> Result<(), TapeError> {
        self.depth.push(row, &mut self.window.depth)
    }

    /// As [`VenueRows::receive_quote`].
    pub fn receive_marks(&mut self, row: MarkRow) -> Result<(), TapeError> {
        self.marks.push(row, &mut self.window.marks)
    }

    /// A rate that is received now, feed latency included.
    pub fn receive_funding(&mut self, row: FundingRow) {
        Arc::make_mut(&mut self.funding).receive(row);
    }

    /// The newest settlement that is known.
    pub fn settled(&self) -> Option<FundingRow> {
        self.funding.settled()
    }

    /// All rows as they were received.
    pub fn received(&self) -> &VenueTables {
        &self.window
    }

    /// What the venue itself had within `[start, end)`, at least.
    pub fn venue(&self, start: Time, end: Time) -> Cow<'_, VenueTables> {
        self.gap_trades.among(&self.window, start, end)
    }

    /// The rows of `[start, end)` on the receive clock that outages let through, at least. What a stale feed sends is a sign
    /// of life without news, as a trade is to the local timeline.
    pub fn local(&self, start: Time, end: Time) -> Cow<'_, VenueTables> {
        if self.outages.is_empty() && self.stale.is_empty() {
            return Cow::Borrowed(&self.window);
        }
        let within = |spans: &[(Time, Time)], t: Time| spans.iter().any(|span| t >= span.0 && t < span.1);
        let received = |t: Time| t >= start && t < end && !within(&self.outages, t);
        let fresh = |t: Time| received(t) && !within(&self.stale, t);
        let w = &self.window;
        let mut trades: Vec<TradeRow> = w.trades.iter().filter(|r| received(r.recv)).copied().collect();
        if !self.stale.is_empty() {
            let quotes = w.quotes.iter().map(|r| r.recv);
            let others = w.depth.iter().map(|r| r.recv).chain(w.marks.iter().map(|r| r.recv));
            let repeats = quotes.chain(others).filter(|&t| received(t) && !fresh(t));
            trades.extend(repeats.map(sign_of_life));
            trades.sort_by_key(|row| row.recv);
        }
        Cow::Owned(VenueTables {
            quotes: w.quotes.iter().filter(|r| fresh(r.recv)).copied().collect(),
            trades,
            depth: w.depth.iter().filter(|r| fresh(r.recv)).cloned().collect(),
            marks: w.marks.iter().filter(|r| fresh(r.recv)).copied().collect(),
            funding: w.funding.iter().filter(|r| received(r.recv)).copied().collect(),
        })
    }
}

/// A row of the local timeline that changes nothing but the venue's age.
fn sign_of_life(recv: Time) -> TradeRow {
    TradeRow { exch: recv, recv, px: Price(0), qty: Qty(0), taker: Side::Buy, consumed_book: false }
}

/// Drops rows received before `start`, which the venue stamped before that, too; once they are the greater part, so that
/// each row is moved about once.
fn trim<T: Timed>(rows: &mut Vec<T>, start: Time) {
    let passed = rows.partition_point(|r| r.recv() < start);
    if passed > rows.len() / 2 {
        rows.drain(..passed);
    }
}

/// Lets `pull` add rows until the last is past `end` on both clocks (`recv >= exch`, both non-decreasing).
fn fill<T: Timed>(
    rows: &mut Vec<T>,
    ended: &mut bool,
    end: Time,
    mut pull: impl FnMut(&mut Vec<T>) -> Result<bool, TapeError>,
) -> Result<(), TapeError> {
    while !*ended && rows.last().is_none_or(|row| row.exch() < end) {
        *ended = !pull(rows)?;
    }
    Ok(())
}

/// The mark that stands for a missing one: the mid of the first quote of a second, rounded down to 1e-9.
fn mid_mark(row: &QuoteRow, second: &mut i64) -> Option<MarkRow> {
    let this = row.exch.steps(SECOND);
    if std::mem::replace(second, this) == this {
        return None;
    }
    let mid = row.bbo.mid().price();
    Some(MarkRow { exch: row.exch, recv: row.recv, mark: mid, index: mid })
}

/// Files of a venue's funding.
#[derive(Default)]
pub(crate) struct FundingFiles {
    /// As they were received, or imported.
    pub received: Vec<StoreFile>,
    /// Backfilled beside a recording.
    pub backfilled: Vec<StoreFile>,
}

impl FundingFiles {
    /// Those that were received first.
    pub fn all(self) -> Vec<StoreFile> {
        self.received.into_iter().chain(self.backfilled).collect()
    }
}

/// Files of the funding table for years that touch `[from, to)`; of a recorded store as far as the hour in which `until` lies.
pub(crate) fn funding_files(
    store: &StorePath,
    (venue, symbol): (&str, &str),
    (from, to): (Time, Time),
    until: Time,
) -> Result<FundingFiles, TapeError> {
    let mut found = FundingFiles::default();
    for (partition, path, rows) in store.files_until(Table::Funding, venue, symbol, Some(until))? {
        let (start, end) = partition.span();
        if start < to && end > from {
            let file = StoreFile::open::<FundingRow>(&path)?.first_rows(rows)?;
            check_partition(&file, partition)?;
            let files = if store.is_backfilled(&path) { &mut found.backfilled } else { &mut found.received };
            files.push(file);
        }
    }
    Ok(found)
}
