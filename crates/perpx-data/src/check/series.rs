//! One table of one venue, read whole, in one pass and constant memory.

use crate::TapeError;
use crate::identity::{Prints, Seen};
use crate::loader::funding::unsettled;
use crate::loader::source::check_partition;
use crate::loader::spec::{GAP, Gap};
use crate::loader::stream::other_print;
use crate::store::*;
use perpx_core::tape::rows::{DepthRow, FundingKind, FundingRow};
use perpx_core::units::{HOUR, MINUTE, SECOND, Time, TimeDelta};
use serde::Serialize;
use std::any::Any;
use std::collections::BTreeMap;
use std::path::Path;

/// The strategy's default for stale quotes. Exchange time standing still for so long while rows keep arriving makes a stale
/// run; a row received so long after its stamp is late.
pub const STALE: TimeDelta = SECOND.times(5);

/// Gaps and stale runs that are listed one by one.
const LISTED: usize = 5;

/// Something that a replay refuses.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Problem {
    /// The name under which such rows are counted.
    pub rule: String,
    /// How many break it.
    pub rows: u64,
    /// The refusal of the first of them.
    pub first: String,
}

/// `recv_ts - exch_ts`. Quantiles are of every n-th row once there are more than a million.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Delays {
    /// The smallest.
    pub least: TimeDelta,
    /// The 50 % quantile.
    pub median: TimeDelta,
    /// The 99 % quantile.
    pub p99: TimeDelta,
    /// The largest.
    pub most: TimeDelta,
    /// Above the age at which a quote is stale.
    pub late: u64,
    /// Exactly zero: a recorder ahead of the venue, or times that were raised at import.
    pub zero: u64,
}

/// The exchange time stood still over these receive times.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct StaleRun {
    /// Receive time of its first row.
    pub from: Time,
    /// Receive time of its last row.
    pub to: Time,
    /// How many rows bear the one exchange time.
    pub rows: u64,
}

impl StaleRun {
    /// How long the clock stood.
    pub fn length(&self) -> TimeDelta {
        self.to.since(self.from)
    }
}

/// What was found in one table of one venue and coin.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct TableCheck {
    /// The store's name of it.
    pub venue: String,
    /// The store's name of the coin.
    pub symbol: String,
    /// quotes, trades, depth, marks, funding or bars.
    pub table: &'static str,
    /// How many it is made of.
    pub files: u64,
    /// In all files.
    pub rows: u64,
    /// Receive times.
    pub first: Option<Time>,
    /// Receive time of the last row.
    pub last: Option<Time>,
    /// What a replay refuses, by rule.
    pub problems: Vec<Problem>,
    /// Above [`GAP`] between rows (funding: settlements missing).
    pub gaps: u64,
    /// All of them together.
    pub gaps_ns: TimeDelta,
    /// The longest of them.
    pub longest_gaps: Vec<Gap>,
    /// Stretches in which rows arrive and the venue's clock stands.
    pub stale_runs: u64,
    /// All of them together.
    pub stale_ns: TimeDelta,
    /// The longest of them.
    pub longest_stale: Vec<StaleRun>,
    /// Rows that repeat the one before in every column.
    pub doubled: u64,
    /// Prints that were there before on the same day, by trade_id: a replay drops them.
    pub repeated: u64,
    /// Rows whose exchange time stands before an earlier row's.
    pub exch_backwards: u64,
    /// Quotes with bid = ask.
    pub locked: u64,
    /// Of funding rows, which are published ahead, all zero.
    pub delays: Delays,
}

impl TableCheck {
    fn place(&self) -> String {
        format!("{}/{} {}", self.venue, self.symbol, self.table)
    }

    /// What a user should know of this table.
    pub(super) fn warnings(&self, stale: TimeDelta) -> Vec<String> {
        let place = self.place();
        let seconds = |time: TimeDelta| time.as_f64(SECOND);
        let mut out = Vec::new();
        if self.gaps > 0 && self.table == "funding" {
            out.push(format!(
                "{place}: {} settlements are missing, the first after {}",
                self.gaps, self.longest_gaps[0].from
            ));
        } else if self.gaps > 0 && self.table == "quotes" {
            let total = seconds(self.gaps_ns);
            out.push(format!("{place}: {} holes above {} s, {total:.0} s in all", self.gaps, GAP / SECOND));
        }
        if self.stale_runs > 0 && self.table == "quotes" {
            let total = seconds(self.stale_ns);
            out.push(format!(
                "{place}: {} stale runs (rows arrive, the venue's clock stands) of {} s or more, {total:.0} s in all",
                self.stale_runs,
                stale / SECOND
            ));
        }
        if self.delays.late > 0 {
            let (late, limit) = (self.delays.late, stale / SECOND);
            let most = seconds(self.delays.most);
            out.push(format!(
                "{place}: {late} rows were received more than {limit} s after their stamp, at most {most:.1} s"
            ));
        }
        let share = |n: u64| 100.0 * n as f64 / self.rows.max(1) as f64;
        if share(self.locked) > 1.0 {
            out.push(format!("{place}: {:.1} % of the quotes are locked (bid = ask)", share(self.locked)));
        }
        if share(self.doubled) > 1.0 {
            out.push(format!("{place}: {:.1} % of the rows repeat the row before", share(self.doubled)));
        }
        if self.repeated > 0 {
            let n = self.repeated;
            out.push(format!("{place}: {n} prints were there before (same trade_id and content); a replay drops them"));
        }
        if self.exch_backwards > 0 {
            let n = self.exch_backwards;
            out.push(format!("{place}: {n} rows have an exchange time before an earlier row's; a replay raises them"));
        }
        out
    }
}

/// Checks one table; `None` when it has no file.
pub(super) fn check_table<R: StoredRow + PartialEq>(
    store: &StorePath,
    venue: &str,
    symbol: &str,
    stale: TimeDelta,
) -> Result<Option<TableCheck>, TapeError> {
    let found = store.files(R::TABLE, venue, symbol)?;
    if found.is_empty() {
        return Ok(None);
    }
    let mut pass = CheckPass::<R>::new(venue, symbol, stale);
    let mut files: Vec<(Partition, StoreFile)> = Vec::new();
    let (backfilled, found): (Vec<_>, Vec<_>) =
        found.into_iter().partition(|(_, path)| R::TABLE == Table::Funding && store.is_backfilled(path));
    for (partition, path) in found {
        match StoreFile::open::<R>(&path).and_then(|file| check_partition(&file, partition).map(|()| file)) {
            Ok(file) => files.push((partition, file)),
            Err(e) => pass.problem("file", 1, e.to_string()),
        }
    }
    // those of a recorder are in its order: a settlement may have been read in a later hour
    if store.recorded().is_none() {
        files.sort_by_key(|(partition, file)| (*partition, file.span()));
    }
    let files: Vec<StoreFile> = files.into_iter().map(|f| f.1).collect();
    if !R::TABLE.by_year()
        && let Err(e) = crate::loader::source::check_overlap(&files)
    {
        pass.problem("overlap", 1, e.to_string());
    }
    for file in &files {
        pass.file(file)?;
    }
    for (_, path) in &backfilled {
        pass.backfilled(path);
    }
    pass.result.files = (files.len() + backfilled.len()) as u64;
    Ok(Some(pass.finish()))
}

struct CheckPass<R> {
    result: TableCheck,
    stale: TimeDelta,
    problems: BTreeMap<&'static str, Problem>,
    before: Option<R>,
    top_exch: Time,
    run: Option<StaleRun>,
    delays: Sample,
    settled: BTreeMap<Time, FundingRow>,
    /// Of a day.
    prints: Prints,
    /// Depth that is being put together.
    snapshots: Vec<DepthRow>,
}

impl<R: StoredRow + PartialEq> CheckPass<R> {
    fn new(venue: &str, symbol: &str, stale: TimeDelta) -> CheckPass<R> {
        let result = TableCheck {
            venue: venue.to_string(),
            symbol: symbol.to_string(),
            table: R::TABLE.name(),
            files: 0,
            rows: 0,
            first: None,
            last: None,
            problems: Vec::new(),
            gaps: 0,
            gaps_ns: TimeDelta::ZERO,
            longest_gaps: Vec::new(),
            stale_runs: 0,
            stale_ns: TimeDelta::ZERO,
            longest_stale: Vec::new(),
            doubled: 0,
            repeated: 0,
            exch_backwards: 0,
            locked: 0,
            delays: Delays::default(),
        };
        CheckPass {
            result,
            stale,
            problems: BTreeMap::new(),
            before: None,
            top_exch: Time::MIN,
            run: None,
            delays: Sample::default(),
            settled: BTreeMap::new(),
            prints: Prints::new(true),
            snapshots: Vec::new(),
        }
    }

    fn problem(&mut self, rule: &'static str, rows: u64, first: String) {
        let known = self.problems.entry(rule).or_insert(Problem { rule: rule.to_string(), rows: 0, first });
        known.rows += rows;
    }

    fn file(&mut self, file: &StoreFile) -> Result<(), TapeError> {
        // a replay knows the prints of a day by their numbers
        if self.before.as_ref().map(|row| row.recv().day()) != file.span().map(|span| span.0.day()) {
            self.prints = Prints::new(true);
        }
        for batch in file.read::<R>(0..file.groups().len())? {
            match batch {
                Ok(batch) => self.batch(file, batch),
                Err(e) => self.problem("file", 1, e.to_string()),
            }
        }
        Ok(())
    }

    /// Backfilled settlements: those that are recorded too are passed over.
    fn backfilled(&mut self, path: &Path) {
        let read = StoreFile::open::<FundingRow>(path).and_then(|file| {
            file.each_batch::<FundingRow>(0..file.groups().len(), |batch| {
                for row in batch.iter().filter(|row| unsettled(&self.settled, row).is_none()).collect::<Vec<_>>() {
                    self.settled.insert(row.ts, *row);
                    self.result.rows += 1;
                    self.result.first = Some(self.result.first.map_or(row.recv, |first| first.min(row.recv)));
                    self.result.last = self.result.last.max(Some(row.recv));
                }
            })
        });
        if let Err(error) = read {
            self.problem("file", 1, error.to_string());
        }
    }

    fn batch(&mut self, file: &StoreFile, batch: Batch<R>) {
        let mut faults = batch.faults.into_iter().peekable();
        self.result.rows += batch.rows.len() as u64;
        for (i, row) in batch.rows.into_iter().enumerate() {
            let mut fault = faults.next_if(|f| f.0 == i).map(|f| f.1);
            if let Some(before) = self.before.as_ref().filter(|b| fault.is_none() && row.recv() < b.recv()) {
                let wanted = format!("no earlier than the row before it, {}", before.recv());
                fault = Some(Fault::new("recv_ts", row.recv(), wanted).of("recv_ts goes backwards"));
            }
            match fault {
                Some(fault) => {
                    let rule = fault.rule;
                    self.problem(rule, 1, file.bad_row(batch.first_row + i as u64, fault).to_string());
                }
                None => {
                    self.print(&row, batch.first_row + i as u64);
                    self.row(row);
                }
            }
        }
    }

    fn row(&mut self, row: R) {
        let (exch, recv) = (row.exch(), row.recv());
        self.result.first.get_or_insert(recv);
        self.result.last = Some(recv);
        self.result.doubled += u64::from(self.before.as_ref() == Some(&row));
        self.depth(&row);
        if R::TABLE.by_year() {
            self.funding(&row);
        } else {
            self.locked(&row);
            self.times(exch, recv);
        }
        self.before = Some(row);
    }

    fn locked(&mut self, row: &R) {
        if let Some(quote) = (row as &dyn Any).downcast_ref::<perpx_core::tape::rows::QuoteRow>() {
            self.result.locked += u64::from(quote.bbo.bid == quote.bbo.ask);
        }
    }

    /// Snapshots are judged once the next one has begun.
    fn depth(&mut self, row: &R) {
        let Some(level) = (row as &dyn Any).downcast_ref::<DepthLevelRow>() else { return };
        assemble_depth(&[*level], &mut self.snapshots);
        while self.snapshots.len() > 1 {
            let whole = self.snapshots.remove(0);
            self.snapshot(&whole);
        }
    }

    fn snapshot(&mut self, row: &DepthRow) {
        if let Some(fault) = depth_fault(row) {
            let first = format!("{}: the snapshot received {}: {fault}", self.result.place(), row.recv);
            self.problem(fault.rule, 1, first);
        }
    }

    fn funding(&mut self, row: &R) {
        let Some(row) = (row as &dyn Any).downcast_ref::<FundingRow>().filter(|r| r.kind == FundingKind::Settled)
        else {
            return;
        };
        if let Some(fault) = unsettled(&self.settled, row) {
            self.problem(fault.rule, 1, format!("{}: {fault}", self.result.place()));
        }
        self.settled.entry(row.ts).or_insert(*row);
    }

    /// Prints that were there before, and numbers with other content.
    fn print(&mut self, row: &R, at: u64) {
        let Some(print) = row.numbered() else { return };
        match self.prints.see(print, at) {
            Seen::New => {}
            Seen::Repeat => self.result.repeated += 1,
            Seen::Other(at) => {
                let fault = other_print(print, at);
                self.problem(fault.rule, 1, format!("{}: {fault}", self.result.place()));
            }
        }
    }

    fn times(&mut self, exch: Time, recv: Time) {
        let r = &mut self.result;
        if let Some(before) = &self.before {
            let gap = Gap { from: before.recv(), to: recv };
            if gap.length() > GAP {
                r.gaps += 1;
                r.gaps_ns += gap.length();
                keep_longest(&mut r.longest_gaps, gap, Gap::length);
            }
        }
        self.delays.push(recv.since(exch));
        r.delays.late += u64::from(recv.since(exch) > self.stale);
        r.delays.zero += u64::from(recv == exch);
        r.exch_backwards += u64::from(exch < self.top_exch);
        match &mut self.run {
            Some(run) if exch <= self.top_exch => (run.to, run.rows) = (recv, run.rows + 1),
            _ => {
                self.end_run();
                self.run = Some(StaleRun { from: recv, to: recv, rows: 1 });
            }
        }
        self.top_exch = self.top_exch.max(exch);
    }

    fn end_run(&mut self) {
        let stale = self.stale;
        let Some(run) = self.run.take().filter(|run| run.length() >= stale) else { return };
        self.result.stale_runs += 1;
        self.result.stale_ns += run.length();
        keep_longest(&mut self.result.longest_stale, run, StaleRun::length);
    }

    fn finish(mut self) -> TableCheck {
        self.end_run();
        for last in std::mem::take(&mut self.snapshots) {
            self.snapshot(&last);
        }
        let settled: Vec<FundingRow> = std::mem::take(&mut self.settled).into_values().collect();
        for pair in settled.windows(2) {
            let gap = Gap { from: pair[0].ts, to: pair[1].ts };
            let step = i64::from(pair[1].interval_hours) * HOUR;
            if gap.length() > step + MINUTE {
                self.result.gaps += ((gap.length() - MINUTE) / step) as u64;
                self.result.gaps_ns += gap.length() - step;
                self.result.longest_gaps.push(gap);
            }
        }
        let listed = self.result.longest_gaps.len().min(LISTED);
        self.result.longest_gaps.truncate(listed);
        let mut result = self.result;
        result.delays = Delays { late: result.delays.late, zero: result.delays.zero, ..self.delays.quantiles() };
        result.problems = self.problems.into_values().collect();
        result
    }
}

/// Keeps the longest, in time order.
fn keep_longest<T>(kept: &mut Vec<T>, new: T, length: impl Fn(&T) -> TimeDelta) {
    kept.push(new);
    if kept.len() > LISTED {
        let shortest = (0..kept.len()).rev().min_by_key(|&i| length(&kept[i]));
        kept.remove(shortest.unwrap_or(0));
    }
}

/// Every n-th value, n doubling as values come: at most a million are held.
#[derive(Default)]
struct Sample {
    kept: Vec<TimeDelta>,
    /// Values are kept when their ordinal is a multiple of `2^doublings`.
    doublings: u32,
    seen: u64,
    least: TimeDelta,
    most: TimeDelta,
}

impl Sample {
    const MOST: usize = 1 << 20;

    fn push(&mut self, value: TimeDelta) {
        (self.least, self.most) = match self.seen {
            0 => (value, value),
            _ => (self.least.min(value), self.most.max(value)),
        };
        if self.seen.is_multiple_of(1 << self.doublings) {
            self.kept.push(value);
        }
        self.seen += 1;
        if self.kept.len() > Sample::MOST {
            let mut even = false;
            self.kept.retain(|_| {
                even = !even;
                even
            });
            self.doublings += 1;
        }
    }

    fn quantiles(mut self) -> Delays {
        self.kept.sort_unstable();
        let at = |per_cent: usize| self.kept.get((self.kept.len() * per_cent).div_ceil(100).saturating_sub(1));
        let of = |per_cent| at(per_cent).copied().unwrap_or_default();
        Delays { least: self.least, median: of(50), p99: of(99), most: self.most, late: 0, zero: 0 }
    }
}
