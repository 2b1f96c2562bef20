//! The first pass over a range: every row is read and judged once, so that a replay meets no surprise; ticks are counted,
//! tiles cut, and the quality of the data counted. While the rows are at hand, the tiles are built too, if a cache can
//! keep them: half of the cost of a tile is reading its rows. Memory: the rows of a tile and an hour.

use crate::TapeError;
use crate::loader::cache::Cache;
use crate::loader::source::{Source, VenueRows, first_carry};
use crate::loader::spec::{GAP, Gap, MARKS_HOLE, TapeSpec, VenueQuality};
use crate::store::StorePath;
use perpx_core::config::Missing;
use perpx_core::tape::Tile;
use perpx_core::tape::align::{self, Carry, LocalBuilder, Merge, built};
use perpx_core::tape::rows::{MarkRow, QuoteRow, VenueTables};
use perpx_core::units::{HOUR, MINUTE, Time, TimeDelta};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Gaps that are kept one by one.
const LONGEST_GAPS: usize = 10;

/// What the first pass finds out.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Plan {
    /// First instant of each tile.
    pub starts: Vec<Time>,
    pub ticks: u64,
    pub venues: [VenueQuality; 2],
}

pub(crate) fn scan(
    store: &StorePath,
    spec: &TapeSpec,
    sources: &[Source; 2],
    cache: Option<&Cache>,
) -> Result<Plan, TapeError> {
    let mut pass = Pass {
        spec,
        venues: [0, 1].map(|v| VenueScan::new(&sources[v], spec.warm_from)),
        gaps: Default::default(),
        judged: spec.warm_from,
        ticks: 0,
    };
    let stored: u64 = sources.iter().map(Source::most_times).sum();
    let most = spec.tile_rows.min(usize::try_from(stored).unwrap_or(usize::MAX));
    let (mut starts, mut carry) = (Vec::new(), first_carry(spec, sources));
    let mut start = Some(spec.warm_from);
    while let Some(from) = start {
        start = match cache.filter(|cache| !cache.is_full()) {
            Some(cache) => {
                let fill = |carry: &mut Carry, build: &mut LocalBuilder<'_>| pass.cut(from, Some((carry, build)));
                let (local, next) = built(most, &mut carry, fill);
                let next = next?;
                let end = next.unwrap_or(spec.to);
                let [long, short] = pass.venues.each_ref().map(|venue| venue.feed.venue(from, end));
                let venues = align::venue_timelines([&long, &short], from, end, &mut carry.venues);
                cache.keep(starts.len(), &Tile { start: from, end, local, venues });
                next
            }
            None => pass.cut(from, None)?,
        };
        starts.push(from);
    }
    let (ticks, mut finished) = (pass.ticks, Vec::new());
    for (v, (scan, gaps)) in pass.venues.into_iter().zip(pass.gaps).enumerate() {
        finished.push(scan.finish(store, spec, v, gaps)?);
    }
    Ok(Plan { starts, ticks, venues: finished.try_into().unwrap_or_default() })
}

/// What a sweep over the whole of `spec` says of its first venue, without a tape.
///
/// # Errors
/// What the sweep would refuse.
pub(crate) fn judge(store: &StorePath, spec: &TapeSpec) -> Result<VenueQuality, TapeError> {
    let source = Source::open(store, spec, 0)?;
    let (mut venue, mut gaps) = (VenueScan::new(&source, spec.warm_from), Gaps::default());
    let mut start = spec.warm_from;
    while start < spec.to {
        let end = start.plus(HOUR).min(spec.to);
        venue.hour(start, (start, end), &mut gaps)?;
        start = end;
    }
    venue.finish(store, spec, 0, gaps)
}

struct Pass<'a> {
    spec: &'a TapeSpec,
    venues: [VenueScan<'a>; 2],
    gaps: [Gaps; 2],
    /// Rows received before this are judged, and at hand back to the tile's start.
    judged: Time,
    ticks: u64,
}

impl Pass<'_> {
    /// Passes the ticks of the tile that begins at `start`, and makes them its rows if so wished. The tick that does not fit
    /// begins the next tile; `None` at the end of the range.
    fn cut(
        &mut self,
        start: Time,
        mut build: Option<(&mut Carry, &mut LocalBuilder<'_>)>,
    ) -> Result<Option<Time>, TapeError> {
        let (mut from, mut in_tile) = (start, 0);
        loop {
            let to = self.judged;
            let [long, short] = self.venues.each_ref().map(|venue| venue.feed.local(from, to));
            let mut merge = Merge::new([&long, &short], from, to);
            while let Some(time) = merge.time() {
                if in_tile == self.spec.tile_rows {
                    return Ok(Some(Time(time)));
                }
                in_tile += 1;
                self.ticks += 1;
                for ((gaps, next), venue) in self.gaps.iter_mut().zip(merge.next).zip(&self.venues) {
                    if next == time && venue.source.hears_all() {
                        gaps.row_at(Time(time));
                    }
                }
                match &mut build {
                    Some((carry, build)) => merge.tick(time, carry, build),
                    None => merge.pass(time),
                }
            }
            drop((long, short));
            if self.judged >= self.spec.to {
                return Ok(None);
            }
            from = self.judged;
            self.judge_hour(start)?;
        }
    }

    /// Reads and judges another hour; rows from `kept_from` on stay at hand.
    fn judge_hour(&mut self, kept_from: Time) -> Result<(), TapeError> {
        let hour = (self.judged, self.judged.plus(HOUR).min(self.spec.to));
        let ([long, short], [long_gaps, short_gaps]) = (&mut self.venues, &mut self.gaps);
        let (a, b) = rayon::join(|| long.hour(kept_from, hour, long_gaps), || short.hour(kept_from, hour, short_gaps));
        self.judged = hour.1;
        a.and(b)
    }
}

/// Stretches without any row.
#[derive(Default)]
struct Gaps {
    last_row: Option<Time>,
    count: u64,
    time: TimeDelta,
    longest: Vec<Gap>,
}

impl Gaps {
    #[inline]
    fn row_at(&mut self, t: Time) {
        if let Some(from) = self.last_row.replace(t).filter(|last| t.since(*last) > GAP) {
            self.note(Gap { from, to: t });
        }
    }

    #[cold]
    fn note(&mut self, gap: Gap) {
        self.count += 1;
        self.time += gap.length();
        self.longest.push(gap);
        if self.longest.len() > LONGEST_GAPS {
            // the shortest goes, the earliest of equals stays
            let shortest = (0..self.longest.len()).rev().min_by_key(|&i| self.longest[i].length());
            self.longest.remove(shortest.unwrap_or(0));
        }
    }
}

struct VenueScan<'a> {
    source: &'a Source,
    feed: VenueRows,
    quality: VenueQuality,
    marks: MarkHoles,
}

/// Quotes that go on without marks.
#[derive(Default)]
struct MarkHoles {
    last_mark: Option<Time>,
    is_in_one: bool,
    first: Option<Gap>,
}

impl MarkHoles {
    fn look(&mut self, quotes: &[QuoteRow], marks: &[MarkRow], holes: &mut u64) {
        let mut next = marks.iter().map(|mark| mark.recv).peekable();
        for quote in quotes.iter().map(|quote| quote.recv) {
            while let Some(mark) = next.next_if(|mark| *mark <= quote) {
                self.last_mark = Some(mark);
                self.is_in_one = false;
            }
            let since = *self.last_mark.get_or_insert(quote);
            if quote.since(since) > MARKS_HOLE && !self.is_in_one {
                self.is_in_one = true;
                *holes += 1;
                self.first.get_or_insert(Gap { from: since, to: quote });
            }
        }
        if let Some(last) = marks.last() {
            self.last_mark = Some(last.recv);
            self.is_in_one = false;
        }
    }
}

impl VenueScan<'_> {
    fn new(source: &Source, start: Time) -> VenueScan<'_> {
        let quality = VenueQuality { venue: source.venue.clone(), ..VenueQuality::default() };
        let feed = source.feed(start);
        VenueScan { source, feed, quality, marks: MarkHoles::default() }
    }

    /// Judges what was received within `[start, end)`; rows from `kept_from` on stay at hand. Holes are those of the
    /// recording: what a simulated outage of the feed hides is none.
    fn hour(&mut self, kept_from: Time, (start, end): (Time, Time), gaps: &mut Gaps) -> Result<(), TapeError> {
        self.feed.advance(kept_from, end)?;
        let all = count_received(self.feed.received(), start, end);
        let local = self.feed.local(start, end);
        let counts = count_received(&local, start, end);
        let sum = |counts: &BTreeMap<&str, u64>| counts.values().sum::<u64>();
        self.quality.never_received += sum(&all) - sum(&counts);
        for (table, rows) in counts {
            *self.quality.rows.entry(table.to_string()).or_default() += rows;
        }
        let quotes = within(&local.quotes, start, end, |r| r.recv);
        self.quality.locked += quotes.iter().filter(|q| q.bbo.bid == q.bbo.ask).count() as u64;
        self.quality.unsized_quotes +=
            quotes.iter().filter(|q| q.bbo.bid_qty.0 <= 0 || q.bbo.ask_qty.0 <= 0).count() as u64;
        if let (Some(first), Some(last)) = (quotes.first(), quotes.last()) {
            self.quality.first_quote.get_or_insert(first.recv);
            self.quality.last_quote = Some(last.recv);
        }
        let recorded = self.feed.received();
        let quotes = within(&recorded.quotes, start, end, |r| r.recv);
        let marks = within(&recorded.marks, start, end, |r| r.recv);
        self.marks.look(quotes, marks, &mut self.quality.mark_holes);
        if !self.source.hears_all() {
            received(recorded, start, end).into_iter().for_each(|time| gaps.row_at(time));
        }
        Ok(())
    }

    fn finish(self, store: &StorePath, spec: &TapeSpec, v: usize, gaps: Gaps) -> Result<VenueQuality, TapeError> {
        let mut q = self.quality;
        (q.gaps, q.gaps_ns, q.longest_gaps) = (gaps.count, gaps.time, gaps.longest);
        if q.first_quote.is_none() {
            let span =
                crate::loader::source::stored_span::<perpx_core::tape::rows::QuoteRow>(store, &q.venue, &spec.symbol)?;
            return Err(crate::loader::source::no_data(store, spec, v, span)?);
        }
        let feed = &self.feed;
        let repairs = [
            ("quotes", &feed.quotes.repairs),
            ("trades", feed.trades.repairs()),
            ("depth", feed.depth.repairs()),
            ("marks", &feed.marks.repairs),
        ];
        for (table, repairs) in repairs {
            q.exch_raised += repairs.raised;
            q.dropped.extend(repairs.dropped.iter().map(|(rule, n)| (format!("{table}: {rule}"), *n)));
        }
        let funding = &self.source.funding;
        if funding.dropped > 0 {
            q.dropped.insert("funding".to_string(), funding.dropped);
        }
        q.funding_missing = funding.missing;
        q.funding_filled = funding.filled.to_string();
        q.marks_filled = self.source.marks_filled.to_string();
        let marked = q.rows.get("marks").is_some_and(|n| *n > 0);
        if let Some(hole) = self.marks.first.filter(|_| marked && q.marks_filled.is_empty()) {
            if spec.marks_missing == Missing::Refuse {
                return Err(TapeError::MarksMissing {
                    store: store.root().to_path_buf(),
                    series: format!("{}/{}", spec.venues[v], spec.symbol),
                    what: format!(
                        "{} holes above {} minutes while quotes go on, the first from {} to {} at least",
                        q.mark_holes,
                        MARKS_HOLE / MINUTE,
                        hole.from,
                        hole.to
                    ),
                    choices: "carry_last (the last mark stands)",
                });
            }
            q.marks_filled = "carry_last".to_string();
        }
        Ok(q)
    }
}

/// Rows of a table received within `[start, end)`.
fn within<T>(rows: &[T], start: Time, end: Time, recv: impl Fn(&T) -> Time) -> &[T] {
    let low = rows.partition_point(|r| recv(r) < start);
    let high = rows.partition_point(|r| recv(r) < end);
    &rows[low..high.max(low)]
}

/// When anything was received within `[start, end)`, in order.
fn received(t: &VenueTables, start: Time, end: Time) -> Vec<Time> {
    let mut times = Vec::new();
    macro_rules! note {
        ($($table:ident)*) => {$( times.extend(within(&t.$table, start, end, |r| r.recv).iter().map(|r| r.recv)); )*};
    }
    note!(quotes trades depth marks funding);
    times.sort_unstable();
    times
}

/// Rows received within `[start, end)` by table.
fn count_received(t: &VenueTables, start: Time, end: Time) -> BTreeMap<&'static str, u64> {
    let mut counts = BTreeMap::new();
    macro_rules! count {
        ($($table:ident)*) => {$(
            counts.insert(stringify!($table), within(&t.$table, start, end, |r| r.recv).len() as u64);
        )*};
    }
    count!(quotes trades depth marks funding);
    counts
}
