//! Rows of one table of one venue over the files of a range, cleaned: unfit rows refused or dropped, receive times shifted
//! by the feed latency, exchange times made non-decreasing.

use crate::TapeError;
use crate::identity::{Prints, Seen};
use crate::loader::spec::OnBadRows;
use crate::store::*;
use perpx_core::tape::NEVER;
use perpx_core::tape::rows::*;
use perpx_core::units::{Time, TimeDelta};
use std::collections::BTreeMap;
use std::sync::Arc;

/// Both stamps of a row.
pub(crate) trait Timed {
    fn exch(&self) -> Time;
    fn recv(&self) -> Time;
}

macro_rules! timed {
    ($($row:ty),*) => {$(
        impl Timed for $row {
            fn exch(&self) -> Time {
                self.exch
            }
            fn recv(&self) -> Time {
                self.recv
            }
        }
    )*};
}
timed!(QuoteRow, TradeRow, DepthRow, MarkRow);

/// What is wanted of a stream.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Wanted {
    /// Rows received (latency included) before this are not given.
    pub from: Time,
    /// The first row with an exchange time at or after this ends the stream: both clocks have passed it.
    pub to: Time,
    /// Added to receive times.
    pub latency: TimeDelta,
    /// How far the venue's clock is ahead: taken off exchange times.
    pub ahead: TimeDelta,
    pub on_bad_rows: OnBadRows,
}

/// Counts of what was put right.
#[derive(Clone, Debug, Default)]
pub(crate) struct Repairs {
    pub dropped: BTreeMap<&'static str, u64>,
    pub raised: u64,
}

pub(crate) struct Stream<R> {
    files: Arc<[StoreFile]>,
    wanted: Wanted,
    next_file: usize,
    batches: Option<Batches<R>>,
    /// As stored, without latency.
    last_recv: Time,
    top_exch: Time,
    ended: bool,
    /// The prints of the day, where rows have numbers.
    prints: Option<Prints>,
    /// Rows that came after those of the files.
    pushed: u64,
    pub repairs: Repairs,
}

impl<R: StoredRow> Stream<R> {
    /// A stream that holds every row received from `start` on (`start >= wanted.from`); it begins at the row group before
    /// the first that can hold one. Where rows have numbers it begins with the day's first file, so that a row repeats
    /// another of its day wherever the stream begins.
    pub fn new(files: Arc<[StoreFile]>, wanted: Wanted) -> Stream<R> {
        let (last_recv, top_exch) = (Time(NEVER), Time(NEVER));
        let mut stream = Stream {
            files,
            wanted,
            next_file: 0,
            batches: None,
            last_recv,
            top_exch,
            ended: false,
            prints: R::NUMBERED.then(|| Prints::new(true)),
            pushed: 0,
            repairs: Repairs::default(),
        };
        if R::NUMBERED {
            let files = &stream.files;
            let first = files.iter().position(|f| !f.groups().iter().all(|g| stream.passed(g))).unwrap_or(files.len());
            let day = |i: usize| files.get(i).and_then(|f| f.path().parent());
            stream.next_file = (0..=first).find(|&i| day(i) == day(first)).unwrap_or(first);
        }
        stream
    }

    /// No row of the group is wanted.
    fn passed(&self, group: &GroupSpan) -> bool {
        group.span.is_some_and(|s| s.1.plus(self.wanted.latency) < self.wanted.from)
    }

    /// Adds the next rows in receive order, maybe none; false at the end.
    pub fn pull(&mut self, out: &mut Vec<R>) -> Result<bool, TapeError> {
        while !self.ended {
            let Some(batches) = &mut self.batches else {
                self.open_next()?;
                continue;
            };
            let before = out.len();
            match batches.add_to(out) {
                Some(added) => {
                    let kept = self.clean(&mut out[before..], added?)?;
                    out.truncate(before + kept);
                    return Ok(true);
                }
                None => self.batches = None,
            }
        }
        Ok(false)
    }

    /// A row that is received while the stream is read, after its files: it is put right, and added, as theirs are.
    pub fn push(&mut self, row: R, out: &mut Vec<R>) -> Result<(), TapeError> {
        let mut row = [row];
        let faults = row[0].fault().map(|fault| (0, fault)).into_iter().collect();
        if self.clean(&mut row, (self.pushed, faults))? == 1 {
            out.extend(row);
        }
        self.pushed += 1;
        Ok(())
    }

    fn open_next(&mut self) -> Result<(), TapeError> {
        let Some(file) = self.files.get(self.next_file) else {
            self.ended = true;
            return Ok(());
        };
        let before = self.next_file.checked_sub(1).and_then(|i| self.files[i].path().parent());
        self.next_file += 1;
        let groups = file.groups();
        let mut first = groups.iter().position(|g| !self.passed(g)).unwrap_or(groups.len());
        if let Some(prints) = &mut self.prints {
            first = 0;
            if before != file.path().parent() {
                *prints = Prints::new(true);
            }
        }
        if first < groups.len() {
            self.batches = Some(file.read(first..groups.len())?);
        }
        Ok(())
    }

    /// Moves the wanted rows of a batch to its front and says how many they are.
    fn clean(&mut self, rows: &mut [R], (first_row, faults): Added) -> Result<usize, TapeError> {
        let repeats = self.repeats(rows, first_row);
        if self.wanted.ahead != TimeDelta::ZERO {
            let ours = |row: &R| row.exch().plus(-self.wanted.ahead).min(row.recv());
            rows.iter_mut().for_each(|row| row.set_times(ours(row), row.recv()));
        }
        let (Some(first), Some(last)) = (rows.first(), rows.last()) else { return Ok(0) };
        let is_inside = first.recv().plus(self.wanted.latency) >= self.wanted.from && last.exch() < self.wanted.to;
        if !(faults.is_empty() && repeats.is_empty() && is_inside && self.follow(rows)) {
            return self.clean_each(rows, (first_row, faults), &repeats);
        }
        (self.last_recv, self.top_exch) = (last.recv(), last.exch());
        if self.wanted.latency != TimeDelta::ZERO {
            rows.iter_mut().for_each(|row| row.set_times(row.exch(), row.recv().plus(self.wanted.latency)));
        }
        Ok(rows.len())
    }

    /// Neither clock goes backwards, from the row before them on: then the whole batch is taken as it is, as nearly all are.
    fn follow(&self, rows: &[R]) -> bool {
        let before = (true, self.last_recv, self.top_exch);
        let rise = |(rise, recv, exch): (bool, Time, Time), row: &R| {
            (rise & (row.recv() >= recv) & (row.exch() >= exch), row.recv(), row.exch())
        };
        rows.iter().fold(before, rise).0
    }

    /// Places in a batch of prints of the day that were there before, and their numbers with other content.
    fn repeats(&mut self, rows: &[R], first_row: u64) -> Vec<(usize, Option<Fault>)> {
        let Some(prints) = &mut self.prints else { return Vec::new() };
        let mut found = Vec::new();
        for (i, row) in rows.iter().enumerate() {
            match row.numbered().map_or(Seen::New, |print| prints.see(print, first_row + i as u64)) {
                Seen::New => {}
                Seen::Repeat => found.push((i, None)),
                Seen::Other(at) => found.push((i, row.numbered().map(|print| other_print(print, at)))),
            }
        }
        found
    }

    fn clean_each(
        &mut self,
        rows: &mut [R],
        (first_row, faults): Added,
        repeats: &[(usize, Option<Fault>)],
    ) -> Result<usize, TapeError> {
        let (mut kept, mut faults, mut repeats) = (0, faults.into_iter().peekable(), repeats.iter().peekable());
        for i in 0..rows.len() {
            let row = &mut rows[i];
            let recv = row.recv().plus(self.wanted.latency);
            if let Some((_, other)) = repeats.next_if(|repeat| repeat.0 == i) {
                faults.next_if(|fault| fault.0 == i);
                match other {
                    _ if recv < self.wanted.from => {}
                    Some(fault) => self.refuse(first_row + i as u64, fault.clone())?,
                    None => *self.repairs.dropped.entry(REPEATED).or_default() += 1,
                }
                continue;
            }
            let is_faulty = faults.peek().is_some_and(|fault| fault.0 == i);
            if is_faulty || row.recv() < self.last_recv {
                let fault = if is_faulty { faults.next().map(|fault| fault.1) } else { None };
                let unreadable_time = fault.as_ref().is_some_and(|f| f.column.ends_with("_ts"));
                if recv >= self.wanted.from || unreadable_time {
                    let fault = fault.unwrap_or_else(|| backwards(row.recv(), self.last_recv));
                    self.refuse(first_row + i as u64, fault)?;
                }
                continue;
            }
            if recv < self.wanted.from {
                continue;
            }
            self.last_recv = row.recv();
            let exch = row.exch().max(self.top_exch);
            self.repairs.raised += u64::from(exch > row.exch());
            self.top_exch = exch;
            if exch >= self.wanted.to {
                self.ended = true;
                break;
            }
            row.set_times(exch, recv);
            if kept < i {
                rows.swap(kept, i);
            }
            kept += 1;
        }
        Ok(kept)
    }

    /// Counts an unfit row, or fails by it.
    #[cold]
    fn refuse(&mut self, row: u64, fault: Fault) -> Result<(), TapeError> {
        if self.wanted.on_bad_rows == OnBadRows::Fail {
            return Err(self.files[self.next_file - 1].bad_row(row, fault));
        }
        *self.repairs.dropped.entry(fault.rule).or_default() += 1;
        Ok(())
    }
}

/// The rule under which prints that were there before are counted.
const REPEATED: &str = "repeated print";

/// Why a print cannot have the number that one before it has.
pub(crate) fn other_print(print: &NumberedTrade, at: u64) -> Fault {
    let wanted = format!("one print for each number; row {} of that day has it with other content", at + 1);
    Fault::new("trade_id", print.id.unwrap_or_default(), wanted).of("trade_id with other content")
}

#[cold]
fn backwards(recv: Time, before: Time) -> Fault {
    let wanted = format!("no earlier than the row before it, {before}");
    Fault::new("recv_ts", recv, wanted).of("recv_ts goes backwards")
}

/// Depth snapshots out of their stored levels.
pub(crate) struct DepthStream {
    levels: Stream<DepthLevelRow>,
    /// The last snapshot, which the next rows may continue.
    held: Vec<DepthRow>,
}

impl DepthStream {
    pub fn new(files: Arc<[StoreFile]>, wanted: Wanted) -> DepthStream {
        DepthStream { levels: Stream::new(files, wanted), held: Vec::new() }
    }

    /// As [`Stream::pull`].
    pub fn pull(&mut self, out: &mut Vec<DepthRow>) -> Result<bool, TapeError> {
        let mut levels = Vec::new();
        let is_more = self.levels.pull(&mut levels)?;
        assemble_depth(&levels, &mut self.held);
        // the last one may go on
        let last = if is_more { self.held.pop() } else { None };
        let whole = std::mem::take(&mut self.held);
        self.held.extend(last);
        let any = !whole.is_empty();
        out.extend(self.fit(whole)?);
        Ok(is_more || any)
    }

    /// As [`Stream::push`]; the snapshot is whole.
    pub fn push(&mut self, row: &DepthRow, out: &mut Vec<DepthRow>) -> Result<(), TapeError> {
        let mut levels = Vec::with_capacity(row.bids.len() + row.asks.len());
        for level in flatten_depth(std::slice::from_ref(row)) {
            self.levels.push(level, &mut levels)?;
        }
        let mut whole = Vec::with_capacity(1);
        assemble_depth(&levels, &mut whole);
        out.extend(self.fit(whole)?);
        Ok(())
    }

    /// Refuses or drops snapshots that are no book.
    fn fit(&mut self, mut rows: Vec<DepthRow>) -> Result<Vec<DepthRow>, TapeError> {
        let Some((row, fault)) = rows.iter().find_map(|row| Some((row, depth_fault(row)?))) else { return Ok(rows) };
        if self.levels.wanted.on_bad_rows == OnBadRows::Fail {
            let path = self.levels.files[self.levels.next_file - 1].path().to_path_buf();
            let recv = row.recv.plus(-self.levels.wanted.latency);
            return Err(TapeError::BadSnapshot { path, exch: row.exch, recv, fault: fault.into(), remedy: REMEDY });
        }
        let dropped = &mut self.levels.repairs.dropped;
        rows.retain(|row| {
            let fault = depth_fault(row);
            if let Some(fault) = &fault {
                *dropped.entry(fault.rule).or_default() += 1;
            }
            fault.is_none()
        });
        Ok(rows)
    }

    pub fn repairs(&self) -> &Repairs {
        &self.levels.repairs
    }
}

/// Trades without their numbers, which the stream has used up.
pub(crate) struct TradeStream {
    numbered: Stream<NumberedTrade>,
    pulled: Vec<NumberedTrade>,
}

impl TradeStream {
    pub fn new(files: Arc<[StoreFile]>, wanted: Wanted) -> TradeStream {
        TradeStream { numbered: Stream::new(files, wanted), pulled: Vec::new() }
    }

    /// As [`Stream::pull`].
    pub fn pull(&mut self, out: &mut Vec<TradeRow>) -> Result<bool, TapeError> {
        self.pulled.clear();
        let is_more = self.numbered.pull(&mut self.pulled)?;
        out.extend(self.pulled.iter().map(|print| print.row));
        Ok(is_more)
    }

    /// As [`Stream::push`].
    pub fn push(&mut self, print: NumberedTrade, out: &mut Vec<TradeRow>) -> Result<(), TapeError> {
        self.pulled.clear();
        self.numbered.push(print, &mut self.pulled)?;
        out.extend(self.pulled.iter().map(|print| print.row));
        Ok(())
    }

    pub fn repairs(&self) -> &Repairs {
        &self.numbered.repairs
    }
}
