//! What a session writes down, and what a command waits for before it leaves.

use super::crash::Crashing;
use super::folder::{Journal, JournalError, Writer};
use super::record::{Kind, Stamp};
use super::rows::SeenRows;
use super::thread::{JournalThread, Mark, Need, Sink, Waited};
use crate::LiveError;
use crate::control::reload::Change;
use crate::limits::gate::Refusal;
use crate::monitor::snapshot::JournalHealth;
use crate::reconcile::Watch;
use crate::recovery::{Lost, Past, tag};
use perpx_core::market::{Class, Command, Event, Role};
use perpx_core::port::Mandate;
use perpx_core::units::{Cash, Time};
use perpx_venues::client::{About, Holding, Reply, RunNumber};
use perpx_venues::record::feed::Row;
use perpx_venues::recorder::clock::Reading;
use perpx_venues::recorder::writer::Writer as RowWriter;
use serde::Serialize;
use serde_json::json;
use std::path::Path;
use std::time::Duration;

/// A command that opens leaves when it is durable; it is refused if that takes longer, and never sent later.
const DURABLE: Duration = Duration::from_millis(250);
/// Any other one leaves when it is written, or after so long all the same: a close that is forgotten can be found again, and makes
/// no position larger.
const WRITTEN: Duration = Duration::from_millis(50);

/// Who begins to trade: the first record of a process.
#[derive(Clone, Debug, Serialize)]
pub struct Start {
    /// The code that runs.
    pub code: String,
    /// The best.yml, whole.
    pub best: String,
    /// The live.toml, whole.
    pub live: String,
    /// The network that both venues are on.
    pub network: String,
    /// By role: the venue, and the numbers of the account. No key.
    pub accounts: [String; 2],
    /// Why it is to do nothing but close what is held.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub closing: Option<String>,
}

/// The journal of a session.
pub struct Log {
    thread: JournalThread,
    seen: Option<SeenRows>,
    /// Closes and cancels that left before they were written.
    pub unwritten: u64,
    /// Openings that were refused because the disk was late.
    pub refused: u64,
}

impl Log {
    /// Goes on with the journal in a run folder, as it was read; nothing is connected before [`Log::start`] is durable. `run`: of a
    /// journal that begins; `starts`: how often this one was begun; `rows`: where what is seen goes. With it what numbers the orders of this process, as nothing
    /// did before.
    ///
    /// # Errors
    /// A disk that fails, a journal that has no numbers left.
    pub fn open(
        folder: &Path,
        (journal, starts): (&Journal, usize),
        run: [u8; 16],
        rows: Option<(SeenRows, RowWriter)>,
    ) -> Result<(Log, RunNumber), LiveError> {
        let epoch = u16::try_from(starts + 1).ok().filter(|epoch| *epoch <= RunNumber::MOST_EPOCHS);
        let Some(epoch) = epoch else { return Err(LiveError::Starts { path: folder.to_path_buf(), starts }) };
        let (writer, _) = Writer::open(&folder.join("journal"), journal, run)?;
        let (sink, seq) = (Crashing::by_environment(writer), journal.next_seq());
        let log = Log::over(sink, rows, seq).map_err(LiveError::Threads)?;
        Ok((log, RunNumber { tag: tag(journal.run.unwrap_or(run)), epoch }))
    }

    /// Writes down what was said to a run that no process has, durable; one without a journal needs none.
    ///
    /// # Errors
    /// A damaged journal, a disk that does not take it.
    pub fn note(run: &Path, verb: &str, who: &str, reason: &str) -> Result<(), LiveError> {
        let (past, journal) = Past::read(&run.join("journal"))?;
        if journal.run.is_none() {
            return Ok(());
        }
        let (mut log, _) = Log::open(run, (&journal, past.starts), [0; 16], None)?;
        log.operator(perpx_venues::wall::now(), verb, who, reason);
        log.leave().map_or(Ok(()), |why| Err(LiveError::JournalLost { why }))
    }

    fn over(sink: impl Sink, rows: Option<(SeenRows, RowWriter)>, next_seq: u64) -> std::io::Result<Log> {
        let (seen, writer) = rows.unzip();
        Ok(Log { thread: JournalThread::start(sink, writer, next_seq)?, seen, unwritten: 0, refused: 0 })
    }

    /// Rows that the trader is about to see, before it does.
    pub fn rows(&mut self, rows: Vec<(Role, Row)>) {
        let Some(seen) = self.seen.as_mut().filter(|_| !rows.is_empty()) else { return };
        let frames = seen.frames(rows);
        seen.dropped += u64::from(!self.thread.keep(frames));
    }

    /// What the trader has seen and the disk has not taken.
    pub fn rows_lost(&self) -> Option<String> {
        self.seen.as_ref().and_then(SeenRows::lost)
    }

    fn put(&mut self, engine: Time, kind: Kind, body: &impl Serialize, need: Need) -> u64 {
        self.push(engine, kind, serde_json::to_vec(body).unwrap_or_default(), need)
    }

    fn push(&mut self, engine: Time, kind: Kind, body: Vec<u8>, need: Need) -> u64 {
        let Reading { wall_ns, mono_ns } = Reading::now();
        self.thread.push(Stamp { wall_ns, mono_ns, engine }, kind, body, need)
    }

    /// The machine as it stands after a step ([`crate::recovery::state_bytes`]).
    pub fn state(&mut self, engine: Time, bytes: Vec<u8>) {
        self.push(engine, Kind::State, bytes, Need::Soon);
    }

    /// The run goes on: so many events were heard again, so many orders of before are asked for.
    pub fn resumed(&mut self, engine: Time, heard: usize, asked: usize) {
        self.put(engine, Kind::Resumed, &json!({ "heard": heard, "asked": asked }), Need::Soon);
    }

    /// A process begins; durable when it returns.
    ///
    /// # Errors
    /// A disk that does not take it.
    pub fn start(&mut self, engine: Time, start: &Start) -> Result<(), LiveError> {
        let seq = self.put(engine, Kind::Start, start, Need::Now);
        match self.thread.wait(Mark::Durable, seq, DURABLE * 40) {
            Waited::Reached => Ok(()),
            _ => Err(LiveError::JournalLost { why: self.why() }),
        }
    }

    /// What a venue answered to a request, `about` of venue `venue`; of its words the status alone, since bodies are private.
    pub fn answer(&mut self, engine: Time, venue: &str, about: About, reply: &Reply) {
        let class = match reply {
            Ok(answer) => json!(answer.status),
            Err(_) => json!("unknown"),
        };
        self.put(
            engine,
            Kind::Answer,
            &json!({ "venue": venue, "about": format!("{about:?}"), "answer": class }),
            Need::Soon,
        );
    }

    /// What happened to an order or to the account; `name`: the venue's own name of a fill or payment.
    pub fn event(&mut self, event: &Event, name: Option<&str>) {
        #[derive(Serialize)]
        struct Named<'a> {
            #[serde(flatten)]
            event: &'a Event,
            #[serde(skip_serializing_if = "Option::is_none")]
            name: Option<&'a str>,
        }
        self.put(event.at, Kind::Event, &Named { event, name }, Need::Soon);
    }

    /// What both venues say of the accounts, by role.
    pub fn accounts(&mut self, engine: Time, holdings: &[Holding; 2]) {
        let said = holdings.each_ref().map(|Holding { cash, position, orders, .. }| {
            json!({ "cash": cash.to_string(), "position": position.to_string(), "open_orders": orders.len() })
        });
        self.put(engine, Kind::Recon, &json!({ "venues": said }), Need::Soon);
    }

    /// What one venue's account was found to be beside what is believed; `fill`: the venue's name of one that is not ours.
    pub fn compared(&mut self, engine: Time, (role, venue): (Role, &str), watch: &Watch, fill: Option<&str>) {
        let body = json!({
            "role": role.ix(),
            "venue": venue,
            "differs": watch.seen(),
            "holds": watch.holds(),
            "latched": watch.latched(),
            "explained": watch.explained().0.to_string(),
            "transfers": watch.transfers(),
            "fill": fill,
        });
        self.put(engine, Kind::Recon, &body, Need::Now);
    }

    /// A stream is open, for the first time or again.
    pub fn feed(&mut self, engine: Time, venue: &str, stream: usize) {
        self.put(engine, Kind::Feed, &json!({ "venue": venue, "stream": stream, "is": "open" }), Need::Soon);
    }

    /// Something went wrong at a venue that ends nothing.
    pub fn trouble(&mut self, engine: Time, venue: &str, why: &str) {
        self.put(engine, Kind::Feed, &json!({ "venue": venue, "trouble": why }), Need::Soon);
    }

    /// The commands of one step, before any of them leaves; `made`: as they were decided, and when, before limits had their say. By
    /// command: whether it may leave.
    pub fn batch(&mut self, engine: Time, commands: &[Command], made: &[(Time, Command)]) -> Vec<bool> {
        let is_untouched = made.iter().map(|(_, command)| command).eq(commands);
        let body = match is_untouched {
            true => json!({ "commands": commands, "at": made.iter().map(|(at, _)| at).collect::<Vec<_>>() }),
            false => json!({ "commands": commands, "made": made }),
        };
        if commands.is_empty() {
            if !made.is_empty() {
                self.put(engine, Kind::Batch, &body, Need::Soon);
            }
            return Vec::new();
        }
        let opens: Vec<bool> = commands.iter().map(|command| command.class() != Class::Close).collect();
        let need = if opens.contains(&true) { Need::Now } else { Need::Soon };
        let seq = self.put(engine, Kind::Batch, &body, need);
        let is_written = self.thread.wait(Mark::Written, seq, WRITTEN) == Waited::Reached;
        let is_durable = need == Need::Now && self.thread.wait(Mark::Durable, seq, DURABLE) == Waited::Reached;
        for &opens in &opens {
            self.unwritten += u64::from(!opens && !is_written);
            self.refused += u64::from(opens && !is_durable);
        }
        opens.into_iter().map(|opens| !opens || is_durable).collect()
    }

    /// What the gate refused.
    pub fn gate(&mut self, engine: Time, command: &Command, refusal: &Refusal) {
        self.put(engine, Kind::Gate, &json!({ "command": command, "refused": refusal }), Need::Soon);
    }

    /// A day begins, with so much by both measures of losses.
    pub fn day(&mut self, engine: Time, base: [Cash; 2]) {
        let exact = base.map(|base| base.0.to_string());
        let body =
            json!({ "day": engine.date(), "equity": base[0].to_string(), "number": engine.day(), "base": exact });
        self.put(engine, Kind::Gate, &body, Need::Soon);
    }

    /// What the trader may do from here on, and why not everything.
    pub fn may_open(&mut self, engine: Time, mandate: Mandate, why_not: &[String]) {
        self.put(engine, Kind::MayOpen, &json!({ "mandate": mandate, "why_not": why_not }), Need::Soon);
    }

    /// live.toml reads otherwise, key by key.
    pub fn reload(&mut self, engine: Time, who: &str, changes: &[Change], is_taken: bool) {
        self.put(engine, Kind::Reload, &json!({ "by": who, "taken": is_taken, "changes": changes }), Need::Now);
    }

    /// Somebody, or a limit, said something.
    pub fn operator(&mut self, engine: Time, verb: &str, who: &str, reason: &str) {
        self.put(engine, Kind::Operator, &json!({ "verb": verb, "by": who, "reason": reason }), Need::Now);
    }

    /// Nothing can be written any more.
    pub fn is_lost(&self) -> bool {
        self.thread.lost().is_some()
    }

    /// How it is, for those who watch.
    pub fn health(&self) -> JournalHealth {
        JournalHealth {
            waits: self.thread.stands_for().as_secs_f64(),
            unwritten: self.unwritten,
            refused: self.refused,
            lost: self.thread.lost(),
        }
    }

    fn why(&self) -> String {
        self.thread.lost().unwrap_or_else(|| "the disk does not answer".to_owned())
    }

    /// Ends without a last record: nothing was begun.
    pub fn leave(self) -> Option<String> {
        self.thread.close()
    }

    /// The process ends by itself: the last record; why nothing could be written, if that was so. `flat`: both venues hold nothing. How
    /// often the disk was asked before stands in it.
    pub fn stop(mut self, engine: Time, why: &str, flat: bool, lost: Option<Lost>) -> Option<String> {
        let syncs = self.thread.syncs();
        let lost = lost.map(|Lost { day, of_day, in_all }| (day, of_day.0.to_string(), in_all.0.to_string()));
        let body = json!({ "why": why, "flat": flat, "syncs": syncs, "lost": lost });
        self.put(engine, Kind::Stop, &body, Need::Now);
        self.thread.close()
    }
}

impl From<JournalError> for LiveError {
    fn from(error: JournalError) -> LiveError {
        LiveError::Journal(Box::new(error))
    }
}

#[cfg(test)]
mod tests {
    use super::super::record::Record;
    use super::*;
    use perpx_core::market::{NewOrder, OrderId, OrderKind, Role, Side};
    use perpx_core::units::{Price, Qty};
    use std::io;
    use std::sync::mpsc::{Receiver, channel};

    /// Writes at once; a sync waits until the test lets it.
    struct SlowDisk(Receiver<io::Result<()>>);

    impl Sink for SlowDisk {
        fn append(&mut self, _records: &[Record]) -> io::Result<()> {
            Ok(())
        }

        fn sync(&mut self) -> io::Result<()> {
            self.0.recv().unwrap_or(Ok(()))
        }
    }

    fn place(reduce_only: bool) -> Command {
        Command::Place(NewOrder {
            id: OrderId(1),
            venue: Role::Long,
            side: Side::Buy,
            qty: Qty(1),
            limit: Price(1),
            kind: OrderKind::Ioc,
            reduce_only,
            covers: false,
        })
    }

    /// A slow disk refuses an opening and holds up no close; the next opening passes when the disk is well again.
    #[test]
    fn an_opening_waits_for_the_disk_and_a_close_does_not() {
        let (let_go, syncs) = channel();
        let mut log = Log::over(SlowDisk(syncs), None, 0).expect("a thread");
        let close = Command::Cancel { venue: Role::Long, id: OrderId(1) };
        assert_eq!(log.batch(Time(1), &[place(true), close], &[]), [true, true]);
        assert_eq!(log.batch(Time(2), &[place(false), close], &[]), [false, true]);
        assert_eq!((log.refused, log.is_lost()), (1, false));
        drop(let_go);
        assert_eq!(log.batch(Time(3), &[place(false)], &[]), [true]);
        assert_eq!(log.stop(Time(4), "asked to", true, None), None);
    }

    /// Each start has a number of its own under the run's, until there are none left.
    #[test]
    fn no_start_has_the_number_of_another() {
        let dir = tempfile::tempdir().expect("a folder");
        let start = Start {
            code: String::new(),
            best: String::new(),
            live: String::new(),
            network: String::new(),
            accounts: Default::default(),
            closing: None,
        };
        let open = |run: u8| {
            let (past, journal) = Past::read(&dir.path().join("journal")).expect("a journal");
            Log::open(dir.path(), (&journal, past.starts), [run; 16], None)
        };
        for epoch in 1..4 {
            let (mut log, number) = open(epoch as u8).expect("a journal");
            assert_eq!(number, RunNumber { tag: 0x0101, epoch });
            log.start(Time(1), &start).expect("a disk");
            assert_eq!(log.stop(Time(2), "asked to", true, None), None);
        }
        let (mut log, _) = open(9).expect("a journal");
        for _ in 4..=RunNumber::MOST_EPOCHS {
            let seq = log.put(Time(1), Kind::Start, &(), Need::Soon);
            assert_eq!(log.thread.wait(Mark::Written, seq, DURABLE * 40), Waited::Reached);
        }
        assert_eq!(log.stop(Time(2), "asked to", true, None), None);
        let refused = open(9).err().expect("none is left").to_string();
        assert!(refused.contains("begun 4000 times") && refused.contains("--run DIR"), "{refused}");
    }

    #[test]
    fn a_journal_that_is_lost_lets_closes_go_and_nothing_else() {
        let (let_go, syncs) = channel();
        let_go.send(Err(io::Error::other("no space left"))).expect("the disk waits");
        let mut log = Log::over(SlowDisk(syncs), None, 0).expect("a thread");
        assert_eq!(log.batch(Time(1), &[place(false), place(true)], &[]), [false, true]);
        assert!(log.is_lost());
        assert_eq!(log.batch(Time(2), &[place(false), place(true)], &[]), [false, true]);
        assert_eq!(log.stop(Time(3), "lost", false, None).as_deref(), Some("no space left"));
    }
}
