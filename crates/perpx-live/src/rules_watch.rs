//! What the venues take and what they charge, read again while a run goes on: soon after the start, each hour, and when one of them has
//! refused an order by a rule, or takes no order that closes a leg whole. Rules or fees that are worse than those which the strategy was swept with let nothing open until an operator
//! has looked; closes are made in the newest steps at once.

use perpx_core::config::{VenueWorld, World};
use perpx_core::market::{Event, EventBody, FeeSchedule, Instrument, Reject};
use perpx_core::units::{Rate, format_scaled};
use perpx_venues::asking::Asking;
use perpx_venues::net::reach::Reach;
use perpx_venues::refresh::ask::Questions;
use perpx_venues::refresh::said::{self, Said};
use perpx_venues::registry::AccountNumbers;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::time::{Duration, Instant};

/// The first reading comes so long after the start: a login and the account's truth come first.
const FIRST: Duration = Duration::from_secs(10);
/// Between two readings.
const EVERY: Duration = Duration::from_secs(3_600);
/// A reading that failed comes again after so long, at most that long after the one before where a refusal asks for it.
const AGAIN: Duration = Duration::from_secs(60);
/// A refusal asks for a reading so long after the one before, and where that showed nothing new after twice as long each time.
const SOON: Duration = Duration::from_secs(5);
/// What closes both legs of a locked position waits so long at most for a reading.
const BEFORE_CLOSES: Duration = Duration::from_secs(2);
/// Whatever the run itself asks for leaves little room at times.
const TRIES: u32 = 4;
/// A fee that is higher by more is worse.
pub const WORSE: Rate = Rate(Rate::ONE / 100_000);

/// Orders, as fees tell them apart.
const KINDS: [&str; 2] = ["taker", "maker"];

/// One reading of a venue; why not, if it failed.
pub type Told = Result<Said, String>;

/// Reads venue `v`.
pub type Reader = Box<dyn FnMut(usize) -> Told + Send>;

/// What a run goes by at one venue.
struct Taken {
    instrument: Instrument,
    /// What taking and resting orders cost, as a share of their value; `None`: it is what is charged first.
    fees: [Option<Rate>; 2],
    /// What is taken off a fee that a fill pays, as [`FeeSchedule`] has it; a venue's tier tells the whole rate.
    referral: Rate,
    /// `None`: nobody has read it yet.
    interval_hours: Option<u32>,
}

/// Both venues' rules.
pub struct RulesWatch {
    /// By role: the venue is to be read now.
    asks: Sender<usize>,
    readings: Receiver<(usize, Told)>,
    /// When a venue is read next, by role; `None`: it is being read.
    due: [Option<Instant>; 2],
    /// When it was asked for last.
    asked: [Option<Instant>; 2],
    /// What a refusal waits for after that.
    patience: [Duration; 2],
    /// As swept; fees and interval as an operator took them.
    taken: [Taken; 2],
    newest: [Option<Said>; 2],
    /// By role: the most that taking and resting orders paid, as a share of their value, where that was worse.
    paid: [[Option<Rate>; 2]; 2],
    /// By role: what is worse, in words; it stays until an operator has looked.
    worse: [Vec<String>; 2],
    /// By role: what nobody was told of it yet.
    unsaid: [Vec<String>; 2],
    /// By role: why the last reading failed.
    failed: [Option<String>; 2],
    /// By role: when it was read last.
    read_at: [Option<Instant>; 2],
    /// Since when somebody waits for both to have been read.
    wanted: Option<Instant>,
}

impl RulesWatch {
    /// Reads in a thread of its own. `world`: what the strategy was swept with; `has_swept_fees`: its fees are what is charged as well, which
    /// an emulator's tier decides.
    ///
    /// # Errors
    /// The system gives no thread.
    pub fn start(world: &World, has_swept_fees: bool, mut reader: Reader) -> std::io::Result<RulesWatch> {
        let ((asks, wanted), (tell, readings)) = (channel(), channel());
        // it ends with the run, or a request later
        std::thread::Builder::new().name("rules".to_owned()).spawn(move || {
            for v in wanted {
                if tell.send((v, reader(v))).is_err() {
                    return;
                }
            }
        })?;
        let taken = |VenueWorld { instrument, fees, .. }: &VenueWorld| Taken {
            instrument: instrument.clone(),
            fees: [fees.taker, fees.maker].map(|fee| has_swept_fees.then_some(fee)),
            referral: if has_swept_fees { fees.referral } else { Rate(0) },
            interval_hours: None,
        };
        Ok(RulesWatch {
            asks,
            readings,
            due: [Some(Instant::now() + FIRST); 2],
            asked: [None; 2],
            patience: [SOON; 2],
            taken: world.venues.each_ref().map(taken),
            newest: [None, None],
            paid: [[None; 2]; 2],
            worse: [Vec::new(), Vec::new()],
            unsaid: [Vec::new(), Vec::new()],
            failed: [None, None],
            read_at: [None; 2],
            wanted: None,
        })
    }

    /// Something happened to the account: a refusal by a rule asks for the rules, a fill tells what it cost.
    pub fn hear(&mut self, event: &Event) {
        let v = event.venue.ix();
        match event.body {
            EventBody::Rejected { reason: Reject::Rules, .. } => self.read_soon(v),
            EventBody::Fill { px, qty, maker, fee, .. } if qty.0 > 0 => {
                let Taken { instrument, fees, referral, .. } = &mut self.taken[v];
                let (grid, value) = (instrument.money_grid, px.of(qty));
                let paid = Rate((-fee.as_f64() / value.as_f64() * Rate::ONE as f64) as i64);
                let taker = *fees[usize::from(maker)].get_or_insert(paid);
                let swept = FeeSchedule { taker, referral: *referral, ..FeeSchedule::default() }.rate(false);
                let dearer = FeeSchedule { taker: Rate(swept.0 + WORSE.0), ..FeeSchedule::default() };
                // the venue may round by a step more than we do
                if fee < dearer.fee(value, false, grid) - grid {
                    self.note(
                        v,
                        format!("{} fee {:.2} bp paid, was {}", KINDS[usize::from(maker)], paid.bps(), swept.bps()),
                    );
                    let most = &mut self.paid[v][usize::from(maker)];
                    *most = Some(most.map_or(paid, |most| Rate(most.0.max(paid.0))));
                }
            }
            _ => {}
        }
    }

    /// Reads venue `v` again, not before a while has gone by since the last time.
    pub fn read_soon(&mut self, v: usize) {
        let soon = self.asked[v].map_or_else(Instant::now, |asked| asked + self.patience[v]);
        self.due[v] = self.due[v].map(|due| due.min(soon));
    }

    /// Both venues were read within the last minute, or do not tell in time. What is older is read now, where somebody waits for it.
    pub fn are_young(&mut self, is_wanted: bool) -> bool {
        if !is_wanted {
            self.wanted = None;
            return true;
        }
        let now = Instant::now();
        let is_young = |at: &Option<Instant>| at.is_some_and(|at| now.duration_since(at) < AGAIN);
        if self.read_at.iter().all(is_young) {
            return true;
        }
        // what a reading that failed a moment ago would find is not asked for: the venue's room is for the closes
        for v in (0..2).filter(|&v| !is_young(&self.read_at[v]) && !is_young(&self.asked[v])) {
            self.due[v] = self.due[v].map(|due| due.min(now));
        }
        now.duration_since(*self.wanted.get_or_insert(now)) > BEFORE_CLOSES
    }

    fn note(&mut self, v: usize, words: String) {
        if !self.worse[v].contains(&words) {
            self.unsaid[v].push(format!("{words}; nothing opens until `resume`"));
            self.worse[v].push(words);
        }
    }

    /// Takes in what was read, and asks for what is due; by role: what the venue says now, if it is another thing than before.
    pub fn look(&mut self) -> [Option<&Said>; 2] {
        let now = Instant::now();
        let mut is_news = [false; 2];
        while let Ok((v, reading)) = self.readings.try_recv() {
            self.due[v] = Some(now + if reading.is_ok() { EVERY } else { AGAIN });
            let said = match reading {
                Ok(said) => said,
                Err(why) => {
                    if self.failed[v].as_ref() != Some(&why) {
                        self.unsaid[v].push(format!("what it takes and charges cannot be read: {why}"));
                    }
                    self.failed[v] = Some(why);
                    self.patience[v] = (self.patience[v] * 2).min(AGAIN);
                    continue;
                }
            };
            (self.failed[v], self.read_at[v]) = (None, Some(now));
            let taken = &mut self.taken[v];
            taken.interval_hours = taken.interval_hours.or(said.interval_hours);
            for (fee, newest) in taken.fees.iter_mut().zip(fees(&said)) {
                *fee = fee.or(newest);
            }
            worse(taken, &said).into_iter().for_each(|words| self.note(v, words));
            is_news[v] = self.newest[v].as_ref() != Some(&said);
            self.patience[v] = if is_news[v] { SOON } else { (self.patience[v] * 2).min(AGAIN) };
            self.newest[v] = Some(said);
        }
        for v in 0..2 {
            if self.due[v].is_some_and(|due| due <= now) && self.asks.send(v).is_ok() {
                (self.due[v], self.asked[v]) = (None, Some(now));
            }
        }
        [0, 1].map(|v: usize| self.newest[v].as_ref().filter(|_| is_news[v]))
    }

    /// What an operator is to be told, by role, once each.
    pub fn take_unsaid(&mut self) -> [Vec<String>; 2] {
        std::mem::take(&mut self.unsaid)
    }

    /// Why nothing may open, by role.
    pub fn worse(&self) -> &[Vec<String>; 2] {
        &self.worse
    }

    /// An operator has looked: what is charged now is what the run goes by from here on. What no order of the strategy fits into holds on for
    /// as long as it is so: a leg would open that nothing can lock.
    pub fn looked_at(&mut self) {
        for (v, taken) in self.taken.iter_mut().enumerate() {
            let newest = self.newest[v].as_ref();
            self.worse[v] = newest.map_or(Vec::new(), |said| steps(said, &taken.instrument));
            taken.interval_hours = newest.and_then(|said| said.interval_hours).or(taken.interval_hours);
            let charged = newest.map_or([None; 2], fees);
            for ((fee, newest), paid) in taken.fees.iter_mut().zip(charged).zip(std::mem::take(&mut self.paid[v])) {
                let paid = paid.map(|paid| Rate(paid.0 + taken.referral.0));
                *fee = paid.or(newest).or(*fee);
            }
            self.due[v] = self.due[v].map(|_| Instant::now());
        }
    }
}

/// Orders in `ours` are none in the venue's steps, or may be below its least.
pub fn is_coarser(said: &Said, ours: &Instrument) -> bool {
    !steps(said, ours).is_empty()
}

/// What of a venue's steps and least sizes is worse.
fn steps(said: &Said, ours: &Instrument) -> Vec<String> {
    let mut all = Vec::new();
    let mut add = |is_worse: bool, name: &str, is: String, was: String| {
        if is_worse {
            all.push(format!("{name} {is}, swept {was}"));
        }
    };
    let value = |value: perpx_core::units::Notional| format_scaled(value.0, 18);
    let is_multiple = |ours: i64, theirs: i64| theirs > 0 && ours % theirs == 0;
    add(!is_multiple(ours.tick.0, said.tick.0), "tick", said.tick.to_string(), ours.tick.to_string());
    add(!is_multiple(ours.lot.0, said.lot.0), "lot", said.lot.to_string(), ours.lot.to_string());
    add(said.min_qty > ours.min_qty, "least size", said.min_qty.to_string(), ours.min_qty.to_string());
    let (least, swept) = (said.min_notional, ours.min_notional);
    add(least.0 > swept.0, "least value", value(least), value(swept));
    all
}

/// A fee is worse than the one that was swept with.
pub fn is_dearer(is: Rate, swept: Rate) -> bool {
    is.0 - swept.0 > WORSE.0
}

/// What taking and resting orders cost, if it was told.
fn fees(said: &Said) -> [Option<Rate>; 2] {
    said.fees.as_ref().map_or([None; 2], |(_, maker, taker)| [Some(*taker), Some(*maker)])
}

/// What is worse than what the run goes by.
fn worse(taken: &Taken, now: &Said) -> Vec<String> {
    let mut all = steps(now, &taken.instrument);
    if let (Some(was), Some(is)) = (taken.interval_hours, now.interval_hours)
        && was != is
    {
        all.push(format!("funding each {is} h, was {was} h"));
    }
    for ((name, is), was) in KINDS.iter().zip(fees(now)).zip(taken.fees) {
        if let (Some(is), Some(was)) = (is, was)
            && is_dearer(is, was)
        {
            all.push(format!("{name} fee {} bp, was {}", is.bps(), was.bps()));
        }
    }
    all
}

/// Reads the venues of a run, by role. A login could end the session that the run trades in, so where one is needed fees are known by
/// what fills pay alone.
pub fn reader(reaches: &[Reach; 2], numbers: [AccountNumbers; 2], symbol: &str) -> Reader {
    let (reaches, symbol) = (reaches.clone(), symbol.to_owned());
    Box::new(move |v| {
        let reach = reaches[v].clone();
        let begun = Asking::begin(1.0, Arc::default(), async { Ok(reach) });
        let (asking, reach) = begun.map_err(|error| error.to_string())?;
        let account = match numbers[v] {
            AccountNumbers::Lighter { index, api_key, .. } => Some((index, api_key)),
            AccountNumbers::Grvt { .. } => None,
        };
        let said = said::without_login(&mut Questions::new(asking.tries(TRIES)), &reach, &symbol, account);
        said.map_err(|error| error.to_string())
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use perpx_core::config::ConfigFile;
    use perpx_core::market::{OrderId, Role, Side};
    use perpx_core::units::{Cash, Mid, Notional, Price, Qty, Time};
    use perpx_venues::refresh::said::Trading;
    use std::sync::Mutex;

    fn world() -> World {
        let file = ConfigFile::parse("example.yml", include_str!("../../../configs/example.yml")).expect("the example");
        file.with(&[]).expect("a configuration").world
    }

    fn taken() -> Taken {
        let VenueWorld { instrument, .. } = world().venues[1].clone();
        let fees = [Some(Rate::from_bps(4)), Some(Rate::from_bps(0))];
        Taken { instrument, fees, referral: Rate(0), interval_hours: Some(8) }
    }

    fn said() -> Said {
        let Taken { instrument, fees, interval_hours, .. } = taken();
        Said {
            market: "1".to_owned(),
            trading: Trading::Open,
            symbol: "BTC".to_owned(),
            tick: instrument.tick,
            lot: instrument.lot,
            min_qty: instrument.min_qty,
            min_notional: instrument.min_notional,
            brackets: Vec::new(),
            interval_hours,
            fees: Ok(("1".to_owned(), fees[1].expect("told"), fees[0].expect("told"))),
        }
    }

    /// A fee that is 0.1 bp higher is not worse, one above it is; a lower one never is. Steps are worse where orders in ours are none.
    #[test]
    fn what_is_worse_than_swept() {
        let ours = taken();
        assert_eq!(worse(&ours, &said()), [""; 0]);
        let taker = |more: i64| Said {
            fees: Ok(("2".to_owned(), Rate::from_bps(0), Rate(Rate::from_bps(4).0 + more))),
            ..said()
        };
        assert_eq!(worse(&ours, &taker(WORSE.0)), [""; 0]);
        assert_eq!(worse(&ours, &taker(-5 * WORSE.0)), [""; 0]);
        assert_eq!(worse(&ours, &taker(5 * WORSE.0)), ["taker fee 4.5 bp, was 4"]);
        let tick = |times: i64, by: i64| Said { tick: Price(said().tick.0 * times / by), ..said() };
        assert_eq!(worse(&ours, &tick(1, 2)), [""; 0], "half a step: ours are steps still");
        assert_eq!(worse(&ours, &tick(2, 5)), ["tick 0.04, swept 0.1"], "ours are none of its steps");
        let other = Said { interval_hours: Some(4), ..tick(10, 1) };
        assert_eq!(worse(&ours, &other), ["tick 1, swept 0.1", "funding each 4 h, was 8 h"]);
        let least = Said { min_notional: Notional(said().min_notional.0 + 1_000_000_000_000_000_000), ..said() };
        assert_eq!(worse(&ours, &least).len(), 1);
        // what is not told is no change
        assert_eq!(worse(&ours, &Said { interval_hours: None, fees: Err("no".to_owned()), ..said() }), [""; 0]);
    }

    fn at(body: EventBody) -> Event {
        Event { at: Time(1), venue_time: Time(1), met: Mid::ZERO, venue: Role::Short, body }
    }

    fn watch(told: Vec<Told>) -> (RulesWatch, Arc<Mutex<Vec<Told>>>) {
        let tells = Arc::new(Mutex::new(told));
        let given = tells.clone();
        let reader = move |v: usize| {
            let mut given = given.lock().expect("a lock");
            if v == 1 && !given.is_empty() { given.remove(0) } else { Ok(said()) }
        };
        let mut watch = RulesWatch::start(&world(), true, Box::new(reader)).expect("a thread");
        watch.taken = [taken(), taken()];
        (watch, tells)
    }

    /// While somebody waits for it, a venue that cannot be read is asked once, and not again and again.
    #[test]
    fn what_cannot_be_read_is_not_asked_for_again_at_once() {
        let failing = || (0..100).map(|_| Err("no answer".to_owned())).collect::<Vec<_>>();
        let (mut watch, tells) = watch(failing());
        assert!(!watch.are_young(true), "nothing was read yet");
        while watch.failed[1].is_none() || watch.read_at[0].is_none() {
            watch.look();
            std::thread::yield_now();
        }
        for _ in 0..100 {
            assert!(!watch.are_young(true));
            watch.look();
            std::thread::sleep(Duration::from_millis(1));
        }
        assert_eq!(tells.lock().expect("a lock").len(), 99);
        watch.wanted = watch.wanted.and_then(|since| since.checked_sub(BEFORE_CLOSES * 2));
        assert!(watch.are_young(true), "it is waited for no longer");
    }

    /// It is read at once and not before a while has gone by again, whatever is refused; what is worse stays until somebody has looked,
    /// though it may be gone.
    #[test]
    fn what_is_worse_stays_until_somebody_has_looked() {
        let lot = |times: i64| Ok(Said { lot: Qty(said().lot.0 * times), ..said() });
        let (mut watch, tells) = watch(vec![Ok(said()), Err("no answer".to_owned()), lot(2), lot(1), lot(2), lot(1)]);
        let read = |watch: &mut RulesWatch| {
            let left = tells.lock().expect("a lock").len();
            watch.due[1] = Some(Instant::now());
            while tells.lock().expect("a lock").len() == left || watch.due[1].is_none() {
                watch.look();
                std::thread::yield_now();
            }
            watch.worse()[1].len()
        };
        assert_eq!(read(&mut watch), 0);
        watch.hear(&at(EventBody::Rejected { id: OrderId(1), reason: Reject::Rules }));
        assert!(watch.due[1].is_some_and(|due| due > Instant::now() + SOON / 2), "nothing has gone by");
        assert_eq!([read(&mut watch), read(&mut watch), read(&mut watch), read(&mut watch)], [0, 1, 1, 1]);
        watch.looked_at();
        assert_eq!(read(&mut watch), 1, "its orders fit no better for that");
        watch.looked_at();
        assert!(watch.worse()[1].is_empty(), "and do again");
    }

    /// 40 of 100,000 are the 4 bp that were swept, 42 are 4.2 bp; what rests costs nothing. Somebody who has looked takes what was paid.
    #[test]
    fn what_fills_pay_is_known_without_a_login() {
        let (mut watch, _) = watch(Vec::new());
        let fill = |fee, maker| {
            let (px, qty) = (Price(100_000_000_000_000), Qty(1_000_000_000));
            at(EventBody::Fill { id: OrderId(1), side: Side::Buy, px, qty, maker, fee: Cash::units(fee) })
        };
        for (fee, maker, notes) in [(-40, false, 0), (-41, false, 0), (0, true, 0), (-42, false, 1), (-30, false, 1)] {
            watch.hear(&fill(fee, maker));
            assert_eq!(watch.worse()[1].len(), notes, "{fee}");
        }
        watch.hear(&fill(-2, true));
        assert_eq!(watch.worse()[1], ["taker fee 4.20 bp paid, was 4", "maker fee 0.20 bp paid, was 0"]);
        watch.looked_at();
        watch.hear(&fill(-42, false));
        watch.hear(&fill(-2, true));
        assert!(watch.worse()[1].is_empty());
        // what is referred is taken off what a fill pays, not off what the tier says
        watch.taken[1] = Taken { referral: Rate::from_bps(1), ..taken() };
        assert_eq!(worse(&watch.taken[1], &said()), [""; 0]);
        for (fee, notes) in [(-31, 0), (-32, 1)] {
            watch.hear(&fill(fee, false));
            assert_eq!(watch.worse()[1].len(), notes, "{fee}");
        }
        watch.looked_at();
        watch.hear(&fill(-32, false));
        assert!(watch.worse()[1].is_empty());
        watch.taken[1] = taken();
        // of an emulator the first fill tells
        watch.taken[1].fees = [None; 2];
        for (fee, notes) in [(-50, 0), (-51, 0), (-53, 1)] {
            watch.hear(&fill(fee, false));
            assert_eq!(watch.worse()[1].len(), notes, "{fee}");
        }
    }
}
