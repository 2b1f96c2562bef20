//! The thread that writes the journal, and two marks of how far it has come: *written* holds against a process that dies, *durable*
//! against a machine that loses its power. The one who decides puts records into a queue and waits for a mark only where
//! something must not leave before it.
//!
//! What the trader has seen goes the same way: rows are in their files before a state or a batch that rests on them is in the journal.

use super::crash::Cut;
use super::folder::Writer;
use super::record::{Kind, Record, Stamp};
use perpx_venues::record::RawFrame;
use perpx_venues::recorder::writer::Writer as RowWriter;
use serde::Serialize;
use std::io;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

/// Records that wait to be written.
const QUEUE: usize = 4_096;
/// Looks at the market that wait to be written: what comes then is lost, so that no record ever waits for rows.
const MOST_ROWS: usize = QUEUE / 2;
/// Whether a block of rows is old is looked at so often.
const LOOK: Duration = Duration::from_millis(250);
/// What nobody waits for is durable after so long.
const SOON: Duration = Duration::from_millis(250);

/// Where records end up.
pub trait Sink: Send + 'static {
    /// Writes them: a process that dies afterwards does not lose them.
    ///
    /// # Errors
    /// A disk that fails.
    fn append(&mut self, records: &[Record]) -> io::Result<()>;

    /// Makes durable what was written.
    ///
    /// # Errors
    /// A disk that fails: nobody knows what of it is there.
    fn sync(&mut self) -> io::Result<()>;
}

impl Cut for Writer {
    fn half(&mut self, record: &Record) -> io::Result<()> {
        Writer::half(self, record)
    }
}

impl Sink for Writer {
    fn append(&mut self, records: &[Record]) -> io::Result<()> {
        Writer::append(self, records)
    }

    fn sync(&mut self) -> io::Result<()> {
        Writer::sync(self)
    }
}

/// How soon a record must be durable.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Need {
    /// Within a fraction of a second.
    Soon,
    /// At once: something waits for it.
    Now,
}

/// What is waited for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mark {
    /// A process that dies does not lose it.
    Written,
    /// A machine that loses its power does not lose it.
    Durable,
}

/// What came of a wait.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Waited {
    /// The mark is there.
    Reached,
    /// It is not, in the time given.
    Late,
    /// It never will be: the journal is lost.
    Lost,
}

/// How often the disk was asked to make what is written durable.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Syncs {
    /// Because a record had to be at once.
    pub asked: u64,
    /// Because what nobody waits for had been written long enough ago.
    pub by_time: u64,
}

#[derive(Default)]
struct Progress {
    /// Records below this are written.
    written: u64,
    /// Records below this are durable.
    durable: u64,
    /// Since when there is something that is not durable and the mark stands still.
    stands_since: Option<Instant>,
    syncs: Syncs,
    lost: Option<String>,
}

#[derive(Default)]
struct Marks {
    progress: Mutex<Progress>,
    moved: Condvar,
}

impl Marks {
    fn lock(&self) -> MutexGuard<'_, Progress> {
        self.progress.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What the thread is given.
enum Message {
    Record(Record, Need),
    /// Seen by the trader before what comes next.
    Rows(Vec<RawFrame>),
}

/// The journal of a run, to the one that decides.
pub struct JournalThread {
    queue: Option<SyncSender<Message>>,
    /// Looks whose rows wait.
    waiting: Arc<AtomicUsize>,
    marks: Arc<Marks>,
    thread: Option<JoinHandle<()>>,
    next_seq: u64,
}

impl JournalThread {
    /// Begins to write with record `next_seq`. `rows`: where what the trader has seen goes.
    ///
    /// # Errors
    /// The system gives no thread.
    pub fn start(sink: impl Sink, rows: Option<RowWriter>, next_seq: u64) -> io::Result<JournalThread> {
        let marks = Arc::new(Marks::default());
        (marks.lock().written, marks.lock().durable) = (next_seq, next_seq);
        let (queue, messages) = sync_channel(QUEUE);
        let (shared, waiting) = (marks.clone(), Arc::new(AtomicUsize::new(0)));
        let mut rows = Rows { writer: rows, waiting: waiting.clone() };
        let thread = std::thread::Builder::new().name("journal".to_owned()).spawn(move || {
            let written = write(sink, &mut rows, &messages, &shared);
            rows.writer.iter_mut().for_each(RowWriter::close_all);
            if let Err(error) = written {
                shared.lock().lost = Some(error.to_string());
                shared.moved.notify_all();
            }
        })?;
        Ok(JournalThread { queue: Some(queue), waiting, marks, thread: Some(thread), next_seq })
    }

    /// Puts rows that the trader is about to see into the queue, without waiting; false: too many wait, and these are lost.
    pub fn keep(&mut self, frames: Vec<RawFrame>) -> bool {
        let Some(queue) = &self.queue else { return false };
        if self.waiting.load(Ordering::Relaxed) >= MOST_ROWS {
            return false;
        }
        self.waiting.fetch_add(1, Ordering::Relaxed);
        queue.try_send(Message::Rows(frames)).is_ok()
    }

    /// Puts a record into the queue, without waiting; its number. A queue that is full is a journal that is lost.
    pub fn push(&mut self, stamp: Stamp, kind: Kind, body: Vec<u8>, need: Need) -> u64 {
        let seq = self.next_seq;
        self.next_seq += 1;
        self.marks.lock().stands_since.get_or_insert_with(Instant::now);
        let sent =
            self.queue.as_ref().map(|queue| queue.try_send(Message::Record(Record { seq, stamp, kind, body }, need)));
        if !matches!(sent, Some(Ok(()))) {
            let mut progress = self.marks.lock();
            progress.lost.get_or_insert_with(|| format!("{QUEUE} records wait for the disk"));
            self.queue = None;
        }
        seq
    }

    /// Waits until record `seq` has the mark, but not longer than `patience`.
    pub fn wait(&self, mark: Mark, seq: u64, patience: Duration) -> Waited {
        let until = Instant::now() + patience;
        let mut progress = self.marks.lock();
        loop {
            let reached = match mark {
                Mark::Written => progress.written,
                Mark::Durable => progress.durable,
            };
            let left = until.saturating_duration_since(Instant::now());
            match () {
                () if reached > seq => return Waited::Reached,
                () if progress.lost.is_some() => return Waited::Lost,
                () if left.is_zero() => return Waited::Late,
                () => {}
            }
            let moved = self.marks.moved.wait_timeout(progress, left);
            progress = moved.unwrap_or_else(PoisonError::into_inner).0;
        }
    }

    /// How long the durable mark has stood still with records before it.
    pub fn stands_for(&self) -> Duration {
        self.marks.lock().stands_since.map_or(Duration::ZERO, |since| since.elapsed())
    }

    /// How often the disk was asked to make what is written durable.
    pub fn syncs(&self) -> Syncs {
        self.marks.lock().syncs
    }

    /// Why nothing can be written any more, if that is so.
    pub fn lost(&self) -> Option<String> {
        self.marks.lock().lost.clone()
    }

    /// Writes what waits, makes it durable and ends; why not, if not.
    pub fn close(mut self) -> Option<String> {
        self.end();
        self.lost()
    }

    fn end(&mut self) {
        self.queue = None;
        if let Some(thread) = self.thread.take()
            && thread.join().is_err()
        {
            self.marks.lock().lost.get_or_insert_with(|| "its thread has died".to_owned());
        }
    }
}

impl Drop for JournalThread {
    fn drop(&mut self) {
        self.end();
    }
}

/// Where rows go.
struct Rows {
    writer: Option<RowWriter>,
    waiting: Arc<AtomicUsize>,
}

impl Rows {
    fn take(&mut self, frames: &[RawFrame]) {
        self.waiting.fetch_sub(1, Ordering::Relaxed);
        self.writer.iter_mut().for_each(|writer| frames.iter().for_each(|frame| writer.take(frame)));
    }
}

/// Until the queue is closed, or the disk fails: a write or a sync that failed is never tried again on the same file, since nobody
/// knows what of it is there.
fn write(mut sink: impl Sink, rows: &mut Rows, queue: &Receiver<Message>, marks: &Marks) -> io::Result<()> {
    let mut due: Option<Instant> = None;
    loop {
        let patience = due.map_or(LOOK, |due| due.saturating_duration_since(Instant::now()));
        let mut is_needed = false;
        match queue.recv_timeout(patience) {
            Ok(first) => {
                let mut records = Vec::new();
                for message in std::iter::once(first).chain(queue.try_iter()) {
                    match message {
                        Message::Rows(frames) => rows.take(&frames),
                        Message::Record(record, need) => {
                            is_needed |= need == Need::Now;
                            records.push(record);
                        }
                    }
                }
                if records.iter().any(|record| matches!(record.kind, Kind::State | Kind::Batch)) {
                    rows.writer.iter_mut().for_each(RowWriter::flush_all);
                }
                if !records.is_empty() {
                    sink.append(&records)?;
                    due.get_or_insert_with(|| Instant::now() + SOON);
                    let mut progress = marks.lock();
                    progress.written += records.len() as u64;
                    marks.moved.notify_all();
                }
            }
            Err(RecvTimeoutError::Timeout) => {}
            Err(RecvTimeoutError::Disconnected) => {
                if due.is_some() {
                    sync(&mut sink, marks, false)?;
                }
                return Ok(());
            }
        }
        if is_needed || due.is_some_and(|due| due <= Instant::now()) {
            sync(&mut sink, marks, is_needed)?;
            due = None;
        }
        rows.writer.iter_mut().for_each(RowWriter::look);
    }
}

fn sync(sink: &mut impl Sink, marks: &Marks, is_needed: bool) -> io::Result<()> {
    sink.sync()?;
    let mut progress = marks.lock();
    progress.syncs.asked += u64::from(is_needed);
    progress.syncs.by_time += u64::from(!is_needed);
    progress.durable = progress.written;
    progress.stands_since = None;
    marks.moved.notify_all();
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use perpx_core::units::{Price, Qty, Time};
    use perpx_data::store::NumberedTrade;
    use perpx_venues::record::Decided;
    use perpx_venues::record::raw_file::{RawReader, raw_path};
    use perpx_venues::venue::Venue;

    const STAMP: Stamp = Stamp { wall_ns: 1, mono_ns: 2, engine: Time(3) };
    const LONG: Duration = Duration::from_secs(20);

    /// A disk on whose every act a test decides.
    struct Disk {
        calls: SyncSender<String>,
        answers: Receiver<io::Result<()>>,
    }

    impl Disk {
        fn call(&self, what: String) -> io::Result<()> {
            self.calls.send(what).expect("the test listens");
            self.answers.recv().expect("the test answers")
        }
    }

    impl Sink for Disk {
        fn append(&mut self, records: &[Record]) -> io::Result<()> {
            let all: Vec<String> = records.iter().map(|record| record.seq.to_string()).collect();
            self.call(format!("append {}", all.join(" ")))
        }

        fn sync(&mut self) -> io::Result<()> {
            self.call("sync".to_owned())
        }
    }

    struct Bench {
        journal: JournalThread,
        calls: Receiver<String>,
        answers: SyncSender<io::Result<()>>,
    }

    impl Bench {
        fn new() -> Bench {
            let ((send, calls), (answers, answered)) = (sync_channel(0), sync_channel(0));
            let journal = JournalThread::start(Disk { calls: send, answers: answered }, None, 5).expect("a thread");
            Bench { journal, calls, answers }
        }

        fn push(&mut self, need: Need) -> u64 {
            self.journal.push(STAMP, Kind::Gate, Vec::new(), need)
        }

        fn expect(&self, call: &str) {
            assert_eq!(self.calls.recv_timeout(LONG).as_deref(), Ok(call));
        }

        fn answer(&self, answer: io::Result<()>) {
            self.answers.send(answer).expect("the disk waits");
        }
    }

    /// An opening waits for the disk; what needs no sync gets it soon, and with the first that does.
    #[test]
    fn marks_move_as_the_disk_answers() {
        let mut bench = Bench::new();
        assert_eq!(bench.push(Need::Soon), 5);
        bench.expect("append 5");
        assert_eq!(bench.push(Need::Now), 6);
        assert_eq!(bench.journal.wait(Mark::Written, 5, Duration::ZERO), Waited::Late);
        bench.answer(Ok(()));
        assert_eq!(bench.journal.wait(Mark::Written, 5, LONG), Waited::Reached);
        bench.expect("append 6");
        assert_eq!(bench.journal.wait(Mark::Durable, 5, Duration::from_millis(1)), Waited::Late);
        bench.answer(Ok(()));
        bench.expect("sync");
        assert_eq!(bench.journal.wait(Mark::Written, 6, LONG), Waited::Reached);
        assert_eq!(bench.journal.wait(Mark::Durable, 6, Duration::from_millis(1)), Waited::Late);
        assert!(bench.journal.stands_for() > Duration::ZERO);
        bench.answer(Ok(()));
        assert_eq!(bench.journal.wait(Mark::Durable, 6, LONG), Waited::Reached);
        assert_eq!(bench.journal.stands_for(), Duration::ZERO);
        // nobody waits for the next one
        assert_eq!(bench.push(Need::Soon), 7);
        bench.expect("append 7");
        bench.answer(Ok(()));
        bench.expect("sync");
        bench.answer(Ok(()));
        let Bench { journal, calls, answers } = bench;
        assert_eq!((journal.close(), calls.try_recv().ok()), (None, None));
        drop(answers);
    }

    /// A disk that failed is not asked again, and everyone who waits is answered.
    #[test]
    fn a_disk_that_fails_is_a_journal_that_is_lost() {
        let mut bench = Bench::new();
        let seq = bench.push(Need::Now);
        bench.expect("append 5");
        bench.answer(Ok(()));
        bench.expect("sync");
        bench.answer(Err(io::Error::other("no space left")));
        assert_eq!(bench.journal.wait(Mark::Durable, seq, LONG), Waited::Lost);
        assert_eq!(bench.journal.wait(Mark::Written, seq, LONG), Waited::Reached, "that much is known");
        let later = bench.push(Need::Now);
        assert_eq!(bench.journal.wait(Mark::Written, later, LONG), Waited::Lost);
        assert_eq!(bench.journal.lost().as_deref(), Some("no space left"));
    }

    fn rows(at: i64) -> Vec<RawFrame> {
        use perpx_core::market::Side;
        use perpx_core::tape::rows::TradeRow;
        use perpx_venues::record::{RowFrames, feed::Row};
        let (exch, recv) = (Time(at), Time(at));
        let row = TradeRow { exch, recv, px: Price(1), qty: Qty(1), taker: Side::Buy, consumed_book: true };
        let row = Row::Trade(NumberedTrade { id: None, row });
        RowFrames::new(Venue::Grvt, "BTC", true).frames(vec![row], (at, at))
    }

    /// What the trader saw is in its file before the batch that rests on it is in the journal; what comes after it may wait.
    #[test]
    fn rows_are_written_before_what_was_decided_on_them() {
        let dir = tempfile::tempdir().expect("a folder");
        let (send, calls) = sync_channel(0);
        let (answers, answered) = sync_channel(0);
        let writer = RowWriter::new(dir.path().to_path_buf(), Arc::default());
        let disk = Disk { calls: send, answers: answered };
        let mut journal = JournalThread::start(disk, Some(writer), 0).expect("a thread");
        assert!(journal.keep(rows(1)));
        journal.push(STAMP, Kind::Batch, Vec::new(), Need::Soon);
        assert_eq!(calls.recv_timeout(LONG).as_deref(), Ok("append 0"));
        let path = raw_path(dir.path(), Venue::Grvt, 0);
        let mut reader = RawReader::open(&path, Venue::Grvt).expect("a file");
        let block = reader.next_block().expect("a disk").expect("a block");
        assert_eq!(block.iter().filter_map(Decided::of).map(|decided| decided.rows.len()).sum::<usize>(), 1);
        drop((answers, calls));
        journal.close();
    }

    /// Rows that a slow disk does not take are lost, and never what the journal must keep.
    #[test]
    fn rows_leave_room_for_records() {
        let mut bench = Bench::new();
        bench.push(Need::Soon);
        bench.expect("append 5");
        let kept = (0..QUEUE).filter(|_| bench.journal.keep(rows(1))).count();
        assert_eq!(kept, MOST_ROWS);
        for _ in 0..QUEUE - MOST_ROWS {
            bench.push(Need::Soon);
        }
        assert_eq!(bench.journal.lost(), None);
        drop((bench.answers, bench.calls));
    }

    /// A disk that stands does not hold up the one that decides.
    #[test]
    fn a_full_queue_is_a_journal_that_is_lost() {
        let mut bench = Bench::new();
        bench.push(Need::Soon);
        bench.expect("append 5");
        for _ in 0..QUEUE {
            bench.push(Need::Soon);
        }
        assert_eq!(bench.journal.lost(), None);
        let seq = bench.push(Need::Soon);
        assert_eq!(bench.journal.lost().as_deref(), Some("4096 records wait for the disk"));
        assert_eq!(bench.journal.wait(Mark::Written, seq, LONG), Waited::Lost);
        drop((bench.answers, bench.calls));
    }
}
