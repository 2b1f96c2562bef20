//! From an hour's raw frames to the rows of the store. A pure function of the frames: whoever makes it, and however often, gets
//! the same bytes.

use super::decided::Decided;
use super::feed::{FeedConfig, FeedNews, PublicFeed, Row, step};
use super::public_feed;
use super::raw_frame::{FrameKind, RawFrame};
use crate::venue::Venue;
use perpx_core::units::Time;
use perpx_data::TapeError;
use perpx_data::store::{FoundGap, HourWriter, Table};
use std::collections::BTreeMap;
use std::path::Path;

/// `clock` of a store whose times are those of a market that is played.
pub const PLAYED: &str = "of_the_played_market";

/// What an hour came to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Compacted {
    /// Frames of the hour.
    pub frames: u64,
    /// Rows of all tables; a depth snapshot is one.
    pub rows: u64,
    /// Gaps that were found.
    pub gaps: usize,
    /// Texts that could not be read, and rows that could not be stamped.
    pub unreadable: u64,
}

/// Writes the rows of the hour `hour` (since 1970-01-01 UTC) of `venue` into the store at `root`: all frames of its raw file, in
/// order. An hour that is there is replaced. Without frames nothing is written.
///
/// # Errors
/// A folder that is no recorded store; a file that cannot be written or read back.
pub fn compact_hour(
    root: &Path,
    venue: Venue,
    hour: i64,
    frames: impl IntoIterator<Item = RawFrame>,
) -> Result<Compacted, TapeError> {
    let mut frames = frames.into_iter().peekable();
    let Some(first) = frames.peek().map(|frame| frame.engine) else { return Ok(Compacted::default()) };
    let mut compaction = Compaction {
        feed: public_feed(venue, FeedConfig::new(&[])),
        writer: HourWriter::create(root, venue.name(), hour)?,
        gaps: Gaps::default(),
        expected: None,
        wants_state: true,
        unknown: None,
        decided: None,
        is_played: false,
        done: Compacted::default(),
    };
    let mut last = first;
    for frame in frames {
        last = frame.engine;
        compaction.take(&frame)?;
    }
    let Compaction { feed, writer, gaps, mut done, is_played, .. } = compaction;
    let gaps = gaps.finish(last);
    let made_by = serde_json::json!({
        "tool": concat!("perpx-data record ", env!("CARGO_PKG_VERSION")),
        "clock": if is_played || feed.config().clock.is_some() { PLAYED } else { "as_recorded" },
    });
    done.gaps = writer.commit((first, last, done.frames), done.unreadable, gaps, made_by)?;
    Ok(done)
}

struct Compaction {
    feed: Box<dyn PublicFeed>,
    writer: HourWriter,
    gaps: Gaps,
    /// The number of the next frame; `None` before the first.
    expected: Option<u64>,
    /// What the feed knows is of no use: the next state is taken over.
    wants_state: bool,
    /// Why rows that a trader decided on are missing before the next of them.
    unknown: Option<&'static str>,
    /// When the newest of them in this hour was received.
    decided: Option<Time>,
    /// So such rows say.
    is_played: bool,
    done: Compacted,
}

/// Of rows that a trader decided on: a funding row comes seldom, and its absence tells nothing.
const TABLES: [Table; 4] = [Table::Quotes, Table::Depth, Table::Trades, Table::Marks];

impl Compaction {
    fn take(&mut self, frame: &RawFrame) -> Result<(), TapeError> {
        let mut news = Vec::new();
        self.done.frames += 1;
        let is_first = frame.kind == FrameKind::Restarted;
        if self.expected.is_some_and(|expected| expected != frame.seq) && !is_first {
            self.feed.lost("raw frames are missing", &mut news);
            self.wants_state = true;
            self.unknown = Some("raw frames are missing");
        }
        if is_first {
            self.unknown = Some("nothing was recorded");
        }
        self.expected = Some(frame.seq + 1);
        match frame.kind {
            FrameKind::State => {
                step(self.feed.as_mut(), frame, &mut news);
                self.wants_state = false;
                self.news(news)?;
                let symbols = &self.feed.config().symbols;
                let missing: Vec<(String, Table)> =
                    self.feed.missing().into_iter().map(|(symbol, table)| (symbols[symbol].clone(), table)).collect();
                self.gaps.restored(missing, frame.engine);
                return Ok(());
            }
            FrameKind::Rows => return self.decided(frame),
            _ => {
                self.wants_state |= is_first;
                step(self.feed.as_mut(), frame, &mut news);
            }
        }
        self.news(news)
    }

    /// Rows that a trader decided on. A book that is crossed or lacks a side is none that a store keeps.
    fn decided(&mut self, frame: &RawFrame) -> Result<(), TapeError> {
        let Some(Decided { symbol, is_played, rows }) = Decided::of(frame) else {
            self.done.unreadable += 1;
            return Ok(());
        };
        self.is_played = is_played;
        if let (Some(why), Some(first)) = (self.unknown.take(), rows.first()) {
            for table in TABLES {
                self.gaps.open(symbol.clone(), table, self.decided, why.to_string());
                self.gaps.close(&symbol, table, first.received());
            }
        }
        self.decided = Some(frame.engine);
        for row in rows {
            if matches!(&row, Row::Quote(row) if !row.bbo.is_quoted() || row.bbo.bid > row.bbo.ask) {
                self.done.unreadable += 1;
                continue;
            }
            self.done.rows += 1;
            write(&mut self.writer, &symbol, row)?;
        }
        Ok(())
    }

    fn news(&mut self, news: Vec<FeedNews>) -> Result<(), TapeError> {
        let symbols = &self.feed.config().symbols;
        for one in news {
            match one {
                FeedNews::Row(place, row) => {
                    self.done.rows += 1;
                    write(&mut self.writer, &symbols[place], row)?;
                }
                FeedNews::Gap { symbol, table, from, reason } => {
                    self.gaps.open(symbols[symbol].clone(), table, Some(from), reason);
                }
                FeedNews::Whole { symbol, table, at } => self.gaps.close(&symbols[symbol], table, at),
                FeedNews::Recovered(symbol) => self.gaps.recovered(&symbols[symbol]),
                FeedNews::Unreadable(_) => self.done.unreadable += 1,
                FeedNews::Ask(_) | FeedNews::Fetch(_) | FeedNews::Reconnect { .. } => {}
            }
        }
        Ok(())
    }
}

fn write(writer: &mut HourWriter, symbol: &str, row: Row) -> Result<(), TapeError> {
    match row {
        Row::Quote(row) => writer.quote(symbol, row),
        Row::Depth(row) => writer.depth(symbol, row),
        Row::Trade(row) => writer.trade(symbol, row),
        Row::GapTrade(row) => writer.gap_trade(symbol, row),
        Row::Marks(row) => writer.marks(symbol, row),
        Row::Funding(row) => writer.funding(symbol, row),
    }
}

/// The gaps of an hour.
#[derive(Default)]
struct Gaps {
    open: BTreeMap<(String, Table), (Option<Time>, String)>,
    closed: Vec<FoundGap>,
}

impl Gaps {
    fn open(&mut self, symbol: String, table: Table, from: Option<Time>, reason: String) {
        self.open.entry((symbol, table)).or_insert((from, reason));
    }

    fn close(&mut self, symbol: &str, table: Table, at: Time) {
        if let Some((from, reason)) = self.open.remove(&(symbol.to_string(), table)) {
            let symbol = symbol.to_string();
            self.closed.push(FoundGap { symbol, table, from, to: at, reason, known: false });
        }
    }

    /// The trades of the last gap are all there.
    fn recovered(&mut self, symbol: &str) {
        let gap = self.closed.iter_mut().rfind(|gap| gap.symbol == symbol && gap.table == Table::Trades);
        gap.into_iter().for_each(|gap| gap.known = true);
    }

    /// A state was taken over: what it lacks is in a gap, what it has is whole.
    fn restored(&mut self, missing: Vec<(String, Table)>, at: Time) {
        let whole: Vec<(String, Table)> = self.open.keys().filter(|key| !missing.contains(key)).cloned().collect();
        whole.iter().for_each(|(symbol, table)| self.close(symbol, *table, at));
        for (symbol, table) in missing {
            self.open(symbol, table, None, "nothing was recorded".to_string());
        }
    }

    /// A gap that is open at the end lasts up to the last frame: the next hour goes on with it.
    fn finish(self, last: Time) -> Vec<FoundGap> {
        let Gaps { open, mut closed } = self;
        let rest = open.into_iter().map(|((symbol, table), (from, reason))| FoundGap {
            symbol,
            table,
            from,
            to: last,
            reason,
            known: false,
        });
        closed.extend(rest);
        closed
    }
}
