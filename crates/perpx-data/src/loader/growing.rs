//! A tape that grows: rows of a store first, then those that are received while it is read. What is cut off as a tile is what a
//! [`Tape`](super::Tape) over the same rows, stored, gives for the same time: every row passes through the same streams.

use crate::TapeError;
use crate::loader::source::{Source, VenueRows, first_carry};
use crate::loader::spec::TapeSpec;
use crate::store::{NumberedTrade, StorePath};
use perpx_core::market::Role;
use perpx_core::tape::rows::{DepthRow, FundingKind, FundingRow, MarkRow, QuoteRow};
use perpx_core::tape::{Carry, Tile, align};
use perpx_core::units::Time;

/// Market data of one symbol at two venues, from `spec.warm_from` on, with no end yet.
pub struct GrowingTape {
    spec: TapeSpec,
    feeds: [VenueRows; 2],
    carry: Carry,
    /// Of the next tile, inclusive.
    start: Time,
    late: u64,
}

impl GrowingTape {
    /// The rows of `spec.store` where it holds some of the range (`spec.to` is far ahead), and then those that are received.
    ///
    /// # Errors
    /// Files that cannot be read.
    pub fn open(spec: TapeSpec) -> Result<GrowingTape, TapeError> {
        spec.validate()?;
        let store = StorePath::open(&spec.store)?;
        let sources = [Source::growing(&store, &spec, 0)?, Source::growing(&store, &spec, 1)?];
        let mut feeds = [sources[0].feed(spec.warm_from), sources[1].feed(spec.warm_from)];
        for feed in &mut feeds {
            // all that is stored: what is received comes after it
            feed.advance(spec.warm_from, Time::MAX)?;
        }
        let (carry, start) = (first_carry(&spec, &sources), spec.warm_from);
        Ok(GrowingTape { spec, feeds, carry, start, late: 0 })
    }

    /// What it was opened with.
    pub fn spec(&self) -> &TapeSpec {
        &self.spec
    }

    /// When the venue that is behind the other was last quoted. `None`: one of them has not been, as far as the tape goes back.
    pub fn newest_quote(&self) -> Option<Time> {
        let newest = self.feeds.each_ref().map(|feed| feed.received().quotes.last().map(|row| row.recv));
        newest[0].zip(newest[1]).map(|(long, short)| long.min(short))
    }

    /// When a venue was first quoted, as far as the tape goes back and what is stored.
    pub fn first_quote(&self, role: Role) -> Option<Time> {
        self.feeds[role.ix()].received().quotes.first().map(|row| row.recv)
    }

    /// Where the next tile begins: everything before it has been given.
    pub fn start(&self) -> Time {
        self.start
    }

    /// Rows that came after the tile that they belong to.
    pub fn late(&self) -> u64 {
        self.late
    }

    /// The venue's rows of this role, and whether one that happened, or was received, at such times comes too late.
    fn feed(&mut self, role: Role, exch: Time, recv: Time) -> &mut VenueRows {
        let (feed, ahead) = (&mut self.feeds[role.ix()], self.spec.clock_ahead[role.ix()]);
        let recv = recv.plus(self.spec.feed_latency[role.ix()]);
        let is_cut = self.start > self.spec.warm_from;
        self.late += u64::from(is_cut && exch.plus(-ahead).min(recv) < self.start);
        feed
    }

    /// A quote, received now.
    ///
    /// # Errors
    /// Of the rows that were stored before it.
    pub fn quote(&mut self, role: Role, row: QuoteRow) -> Result<(), TapeError> {
        self.feed(role, row.exch, row.recv).receive_quote(row)
    }

    /// A print, received now.
    ///
    /// # Errors
    /// As [`GrowingTape::quote`].
    pub fn trade(&mut self, role: Role, print: NumberedTrade) -> Result<(), TapeError> {
        self.feed(role, print.row.exch, print.row.recv).receive_trade(print)
    }

    /// A snapshot of the book, received now.
    ///
    /// # Errors
    /// As [`GrowingTape::quote`].
    pub fn depth(&mut self, role: Role, row: &DepthRow) -> Result<(), TapeError> {
        self.feed(role, row.exch, row.recv).receive_depth(row)
    }

    /// Mark and index, received now.
    ///
    /// # Errors
    /// As [`GrowingTape::quote`].
    pub fn marks(&mut self, role: Role, row: MarkRow) -> Result<(), TapeError> {
        self.feed(role, row.exch, row.recv).receive_marks(row)
    }

    /// A rate, received now. A settlement is late when the time that it settles has been given.
    pub fn funding(&mut self, role: Role, row: FundingRow) {
        let v = role.ix();
        let latency = self.spec.feed_latency[v];
        let received = FundingRow { recv: row.recv.plus(latency), ..row };
        if received.recv < self.spec.warm_from {
            let is_lost =
                self.spec.feed_outages[v].iter().any(|span| received.recv >= span.0 && received.recv < span.1);
            if !is_lost {
                self.carry.know(v, &received);
            }
            return;
        }
        // settlements of before the run begins are delivered when it begins
        let is_due = row.kind == FundingKind::Settled && row.ts >= self.spec.from;
        let happened = if is_due { row.ts.plus(self.spec.clock_ahead[v]) } else { Time::MAX };
        self.feed(role, happened, row.recv).receive_funding(received);
    }

    /// The newest settlement that is known at a venue.
    pub fn settled(&self, role: Role) -> Option<FundingRow> {
        self.feeds[role.ix()].settled()
    }

    /// The tile `[start, end)`, its end exclusive, and what follows begins there.
    ///
    /// # Errors
    /// Stored rows that cannot be read.
    pub fn cut(&mut self, end: Time) -> Result<Tile, TapeError> {
        let start = self.start;
        for feed in &mut self.feeds {
            feed.advance(start, end)?;
        }
        let [long, short] = &self.feeds;
        let (a, b) = (long.local(start, end), short.local(start, end));
        let local = align::local_timeline([&a, &b], start, end, &mut self.carry);
        let venues = align::venue_timelines([long.received(), short.received()], start, end, &mut self.carry.venues);
        self.start = end;
        Ok(Tile { start, end, local, venues })
    }
}
