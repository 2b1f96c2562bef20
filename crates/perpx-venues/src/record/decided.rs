//! Rows that a trader decided on, as raw frames: what it has seen, at the times at which it saw it, and nothing is to be made of them.

use super::feed::Row;
use super::raw_file::hour;
use super::raw_frame::{FrameKind, RawFrame};
use crate::venue::Venue;
use perpx_core::units::Time;
use serde::{Deserialize, Serialize};

impl Row {
    /// When it was received.
    pub fn received(&self) -> Time {
        match self {
            Row::Quote(row) => row.recv,
            Row::Depth(row) => row.recv,
            Row::Trade(print) | Row::GapTrade(print) => print.row.recv,
            Row::Marks(row) => row.recv,
            Row::Funding(row) => row.recv,
        }
    }
}

/// The text of a [`FrameKind::Rows`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Decided {
    /// As in the store.
    pub symbol: String,
    /// The times are those of a market that is played.
    pub is_played: bool,
    /// In the order in which they were seen, of one hour.
    pub rows: Vec<Row>,
}

impl Decided {
    /// As it is written.
    pub fn bytes(&self) -> Vec<u8> {
        // nothing in it can fail to be written
        postcard::to_stdvec(self).unwrap_or_default()
    }

    /// Of a frame; `None`: of one of another kind, or of another program's rows.
    pub fn of(frame: &RawFrame) -> Option<Decided> {
        (frame.kind == FrameKind::Rows).then(|| postcard::from_bytes(&frame.text).ok())?
    }
}

/// One venue's rows of one process, on their way to the files.
pub struct RowFrames {
    venue: Venue,
    symbol: String,
    is_played: bool,
    seq: u64,
}

impl RowFrames {
    /// Of a process that begins: nothing was seen before, or it is a gap.
    pub fn new(venue: Venue, symbol: &str, is_played: bool) -> RowFrames {
        RowFrames { venue, symbol: symbol.to_owned(), is_played, seq: 0 }
    }

    /// Frames of rows that were just seen, one an hour; `wall_ns`, `mono_ns`: what the machine's clocks say.
    pub fn frames(&mut self, rows: Vec<Row>, (wall_ns, mono_ns): (i64, i64)) -> Vec<RawFrame> {
        let mut frames = Vec::new();
        let mut frame = |seq: &mut u64, engine, kind, text| {
            let (venue, conn) = (self.venue, 0);
            frames.push(RawFrame { venue, conn, seq: *seq, wall_ns, mono_ns, engine, kind, text });
            *seq += 1;
        };
        for of_hour in rows.chunk_by(|a, b| hour(a.received()) == hour(b.received())) {
            let Some(engine) = of_hour.last().map(Row::received) else { continue };
            if self.seq == 0 {
                frame(&mut self.seq, of_hour[0].received(), FrameKind::Restarted, Vec::new());
            }
            let decided = Decided { symbol: self.symbol.clone(), is_played: self.is_played, rows: of_hour.to_vec() };
            frame(&mut self.seq, engine, FrameKind::Rows, decided.bytes());
        }
        frames
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::record::raw_file::RawWriter;
    use crate::recorder::compaction::compact;
    use perpx_core::market::{Bbo, DepthLevel};
    use perpx_core::tape::rows::{DepthRow, QuoteRow};
    use perpx_core::units::{HOUR, NS, Price, Qty, SECOND};
    use perpx_data::store::Dataset;
    use std::path::Path;

    fn quote(recv: Time, bid: i64) -> Row {
        let [bid, ask] = [bid, 101].map(|units| Price(units * 1_000_000_000));
        let bbo = Bbo { bid, bid_qty: Qty(1_000_000), ask, ask_qty: Qty(1_000_000) };
        Row::Quote(QuoteRow { exch: recv.plus(-NS), recv, bbo })
    }

    fn write(run: &Path, frames: Vec<RawFrame>) {
        for frame in frames {
            let mut writer = RawWriter::open(run, frame.venue, hour(frame.engine)).expect("a file");
            writer.push(&frame);
            writer.flush().expect("a disk");
        }
    }

    /// Rows are kept as they were seen, an hour a file; a store has those that it can keep, and says where nobody was there.
    #[test]
    fn what_was_decided_on_becomes_a_store() {
        let dir = tempfile::tempdir().expect("a folder");
        let midnight = Time::of_day(20_000);
        let rows = |from: Time, count: i64| -> Vec<Row> {
            let level = |px: i64| vec![DepthLevel { px: Price(px * 1_000_000_000), qty: Qty(1_000_000) }];
            let one = |n: i64| {
                let recv = from.plus(n * SECOND);
                let depth = DepthRow { exch: recv.plus(-NS), recv, bids: level(100), asks: level(101) };
                [quote(recv, 100), Row::Depth(depth)]
            };
            (0..count).flat_map(one).collect()
        };
        let mut seen = rows(midnight.plus(HOUR - 2 * SECOND), 4);
        // crossed: the trader saw it, and no store keeps it
        seen.push(quote(midnight.plus(HOUR + 3 * SECOND), 102));
        let mut first = RowFrames::new(Venue::Grvt, "BTC", true);
        let frames = first.frames(seen.clone(), (1, 2));
        let kinds: Vec<&FrameKind> = frames.iter().map(|frame| &frame.kind).collect();
        assert_eq!(kinds, [&FrameKind::Restarted, &FrameKind::Rows, &FrameKind::Rows]);
        let back: Vec<Row> = frames.iter().filter_map(Decided::of).flat_map(|decided| decided.rows).collect();
        assert_eq!(back, seen);
        write(dir.path(), frames);
        let mut second = RowFrames::new(Venue::Grvt, "BTC", true);
        write(dir.path(), second.frames(rows(midnight.plus(HOUR + 60 * SECOND), 2), (3, 4)));
        let done = compact(dir.path(), None).expect("a store");
        assert_eq!((done.rows, done.unreadable), (12, 1));
        let dataset = Dataset::read(&dir.path().join("store")).expect("a file").expect("a store");
        let recorded = dataset.recorded.expect("recorded");
        let gaps = recorded.gaps.iter().filter(|gap| gap.table == "quotes");
        let spans: Vec<i64> = gaps.map(|gap| gap.to.since(gap.from).0 / SECOND.0).collect();
        assert_eq!(spans, [57], "{:?}", recorded.gaps);
    }
}
