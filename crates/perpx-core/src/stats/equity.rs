//! The equity of a run, sampled at whole minutes from what the trader believes (strategy.md 9, sweep.md "Metrics,
//! exactly"), with the limits that halt a trader.
//!
//! Samples are made in arrears: [`Equity::catch_up`] makes all that lie before a moment, and the position is constant
//! between two ledger entries, so nobody has to visit the ticks in between. Returns are taken at every multiple of the
//! statistics step (UTC) inside `[from, to]`; drawdown at every whole minute, and at the end; limits at both and after
//! every ledger entry. A limit is breached when the loss *reaches* it.

use super::Recorder;
use super::atoms::{Atoms, return_units};
use crate::ledger::Belief;
use crate::market::Role;
use crate::port::{Breach, Limits};
use crate::signals::TileSignals;
use crate::units::{Cash, DAY, MINUTE, Mid, MidValue, NS, Rate, Time, TimeDelta};
use serde::{Deserialize, Serialize};

/// Sums of returns in units of 1e-12 of C0 ([`return_units`](super::return_units)): exact, in any order.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Moments {
    /// Returns, those of zero too.
    pub n: u32,
    /// Sum of r.
    pub sum: i128,
    /// Sum of r^2.
    pub sum_sq: i128,
    /// Sum of min(r, 0)^2.
    pub down_sq: i128,
}

impl Moments {
    /// One return more, in units of 1e-12 of C0.
    fn add(&mut self, r: i64) {
        let square = i128::from(r) * i128::from(r);
        self.n += 1;
        self.sum += i128::from(r);
        self.sum_sq += square;
        self.down_sq += if r < 0 { square } else { 0 };
    }
}

/// The samples of one run so far: sums of its returns, its peak and drawdown, and what its limits have halted.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Equity {
    /// The next whole minute to sample.
    next: i64,
    /// Step of the returns in minutes.
    step: i64,
    /// The capital that the run began with.
    initial: MidValue,
    /// Equity at the newest return step.
    last: Option<MidValue>,
    /// Of the returns.
    pub moments: Moments,
    /// The highest sample, or the capital.
    peak: MidValue,
    /// Deepest fall of the samples from their peak; not negative.
    pub drawdown: MidValue,
    /// The highest of samples and entries, for the drawdown limit.
    halt_peak: MidValue,
    /// Equity at 00:00 UTC, before anything booked at that instant.
    day_base: MidValue,
    /// The midnight that ends the day of `day_base`.
    day_end: Time,
    /// Daily halt until then.
    daily_until: Time,
    /// When the drawdown limit was breached, or a halt was asked for; final.
    pub halted_at: Option<Time>,
    /// Of a stretch of the run.
    #[serde(skip)]
    span: Span,
}

/// What a stretch of samples came to beside its sums.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
struct Span {
    /// Equity at its first return step.
    first: Option<MidValue>,
    /// Of its samples.
    lowest: Option<MidValue>,
    /// Of its samples and entries.
    highest: Option<MidValue>,
    /// A day began in it.
    is_new_day: bool,
}

impl Span {
    fn add(&mut self, equity: MidValue) {
        self.highest = Some(self.highest.map_or(equity, |highest| highest.max(equity)));
    }

    fn sample(&mut self, equity: MidValue) {
        self.lowest = Some(self.lowest.map_or(equity, |lowest| lowest.min(equity)));
    }
}

/// [`Limits`] as money.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Caps {
    /// Fall from the peak that halts for good.
    drawdown: Option<MidValue>,
    /// Fall from the day's base that halts until midnight.
    daily_loss: Option<MidValue>,
}

impl Caps {
    /// Nothing can be breached.
    pub fn are_none(&self) -> bool {
        *self == Caps::default()
    }
}

impl Equity {
    /// No sample is made yet: the first is at the first whole minute at or after `from`. `step`: between returns, whole
    /// minutes.
    pub fn new(from: Time, initial: Cash, step: TimeDelta) -> Equity {
        let initial = initial.into();
        Equity {
            next: from.steps(MINUTE) + i64::from(from.into_step(MINUTE) > TimeDelta::ZERO),
            step: (step / MINUTE).max(1),
            initial,
            last: None,
            moments: Moments::default(),
            peak: initial,
            drawdown: MidValue::ZERO,
            halt_peak: initial,
            day_base: initial,
            day_end: Time::of_day(from.day() + 1),
            daily_until: Time::MIN,
            halted_at: None,
            span: Span::default(),
        }
    }

    /// The sums so far; from here on they are those of another stretch, which [`Equity::book`] puts behind them. Returns too where the
    /// limits look from: the highest equity, and that of the day's beginning.
    pub(crate) fn take_span(&mut self) -> (Equity, [MidValue; 2]) {
        let taken = *self;
        let from = [self.halt_peak, self.day_base];
        (self.last, self.moments, self.drawdown) = (None, Moments::default(), MidValue::ZERO);
        (self.peak, self.halt_peak, self.day_base) = (MidValue::LEAST, MidValue::ZERO, MidValue::ZERO);
        self.span = Span::default();
        (taken, from)
    }

    /// Where the limits look from.
    pub(crate) fn look_from(&mut self, [halt_peak, day_base]: [MidValue; 2]) {
        (self.halt_peak, self.day_base) = (halt_peak, day_base);
    }

    /// The stretch `next`, which began as [`Equity::take_span`] leaves it, follows; equity in it was less by `shift`. Returns the return of the
    /// interval that it has ended first.
    pub(crate) fn book(&mut self, next: &Equity, shift: MidValue) -> Option<i64> {
        let ended = next.span.first.zip(self.last).map(|(first, last)| {
            let r = return_units((first + shift - last).digits(), self.initial.digits());
            self.moments.add(r);
            r
        });
        self.moments.n += next.moments.n;
        self.moments.sum += next.moments.sum;
        self.moments.sum_sq += next.moments.sum_sq;
        self.moments.down_sq += next.moments.down_sq;
        self.last = next.last.map(|last| last + shift).or(self.last);
        if let Some(lowest) = next.span.lowest {
            self.drawdown = self.drawdown.max(next.drawdown).max(self.peak - (lowest + shift));
            self.peak = self.peak.max(next.peak + shift);
        }
        if let Some(highest) = next.span.highest {
            self.halt_peak = self.halt_peak.max(highest + shift);
        }
        if next.span.is_new_day {
            self.day_base = next.day_base + shift;
        }
        (self.next, self.day_end) = (next.next, next.day_end);
        (self.daily_until, self.halted_at) = (next.daily_until, next.halted_at);
        ended
    }

    /// The limits as money, computed once for many samples.
    pub fn caps(&self, limits: &Limits) -> Caps {
        let money = |limit: Option<Rate>| limit.map(|limit| self.initial.times(limit));
        Caps { drawdown: money(limits.drawdown), daily_loss: money(limits.daily_loss) }
    }

    /// C0, the capital that the run began with.
    pub fn initial(&self) -> MidValue {
        self.initial
    }

    /// The breach that holds at `now`.
    pub fn breach(&self, now: Time) -> Option<Breach> {
        match self.halted_at {
            Some(_) => Some(Breach::Drawdown),
            None if now < self.daily_until => Some(Breach::DailyLoss),
            None => None,
        }
    }

    /// Ends trading as a breached drawdown limit does: for a stop that is asked for from outside.
    pub fn halt(&mut self, at: Time) {
        self.halted_at.get_or_insert(at);
    }

    /// When the daily halt that holds at `now` ends.
    pub fn daily_end(&self, now: Time) -> Option<Time> {
        (now < self.daily_until).then_some(self.daily_until)
    }

    /// No sample lies before `to` that is not made.
    #[inline]
    pub fn is_caught_up(&self, to: Time) -> bool {
        Time::at(self.next * MINUTE) >= to
    }

    /// Makes all samples before `to`, with their returns in `atoms` too; stops after the first that newly breaches a limit and returns its time. All of them
    /// must lie in the tile of `signals`.
    pub fn catch_up<R: Recorder>(
        &mut self,
        to: Time,
        belief: &Belief,
        signals: &TileSignals,
        caps: &Caps,
        mut atoms: Option<&mut Atoms>,
        rec: &mut R,
    ) -> Option<Time> {
        // minutes before `to`
        let end = to.plus(-NS).steps(MINUTE) + 1;
        let flat = belief.is_flat();
        let (base, positions) =
            (belief.equity([Mid::ZERO; 2]), Role::BOTH.map(|role| belief.books[role.ix()].position()));
        while self.next < end {
            let equity = match flat {
                true => base,
                false => {
                    let mids = signals.minute_mids[(self.next - signals.first_minute) as usize];
                    base + mids[0].of(positions[0]) + mids[1].of(positions[1])
                }
            };
            let at = Time::at(self.next * MINUTE);
            if self.sample(equity, caps, atoms.as_deref_mut(), rec) {
                return Some(at);
            }
            if flat && !rec.keeps() {
                self.repeat(equity, end, atoms.as_deref_mut());
            }
        }
        None
    }

    /// The end of an interval of the statistics.
    fn add_return(&mut self, change: MidValue, atoms: Option<&mut Atoms>) {
        let r = return_units(change.digits(), self.initial.digits());
        self.moments.add(r);
        if let Some(atoms) = atoms {
            atoms.add(r);
        }
    }

    /// The sample of minute `next`; true when it newly breaches a limit.
    fn sample<R: Recorder>(&mut self, equity: MidValue, caps: &Caps, atoms: Option<&mut Atoms>, rec: &mut R) -> bool {
        let at = Time::at(self.next * MINUTE);
        rec.equity(at, equity);
        if self.next.rem_euclid(self.step) == 0 {
            match self.last {
                Some(last) => self.add_return(equity - last, atoms),
                None => self.begin_interval(equity, atoms),
            }
            self.last = Some(equity);
        }
        self.span.sample(equity);
        self.peak = self.peak.max(equity);
        self.drawdown = self.drawdown.max(self.peak - equity);
        self.next += 1;
        let breached = self.judge(at, equity, caps);
        if at >= self.day_end {
            self.day_base = equity;
            self.day_end = at.plus(DAY - at.into_step(DAY));
            self.span.is_new_day = true;
        }
        breached
    }

    /// The first return step of a stretch: it ends the interval before it, if there was one.
    fn begin_interval(&mut self, equity: MidValue, atoms: Option<&mut Atoms>) {
        self.span.first = Some(equity);
        if let Some(atoms) = atoms {
            atoms.begin_interval();
        }
    }

    /// Repeats the newest sample at every minute up to `end` (exclusive): nothing is held, so nothing moves. A return of
    /// zero changes no sum but the count, and the newest sample has judged the limits.
    fn repeat(&mut self, equity: MidValue, end: i64, mut atoms: Option<&mut Atoms>) {
        if self.next >= end {
            return;
        }
        let steps = (end - 1).div_euclid(self.step) - (self.next - 1).div_euclid(self.step);
        if steps > 0 {
            // the first step of a run begins the first interval and ends none
            match self.last.replace(equity) {
                Some(last) => self.add_return(equity - last, atoms.as_deref_mut()),
                None => self.begin_interval(equity, atoms.as_deref_mut()),
            }
            self.moments.n += (steps - 1) as u32;
            if let Some(atoms) = atoms {
                atoms.add_flat((steps - 1) as u32);
            }
        }
        let last = Time::at((end - 1) * MINUTE);
        if last >= self.day_end {
            self.day_base = equity;
            self.day_end = last.plus(DAY - last.into_step(DAY));
            self.span.is_new_day = true;
        }
        self.next = end;
    }

    /// Before a ledger entry at `at`, whose earlier samples are made: an entry at midnight is the new day's, whose base is
    /// the equity without it, at the mids of that minute.
    pub fn begin_day(&mut self, at: Time, belief: &Belief, signals: &TileSignals) {
        if at == self.day_end {
            let minute = at.steps(MINUTE) - signals.first_minute;
            self.day_base = belief.equity(signals.minute_mids[minute as usize]);
            self.day_end = at.plus(DAY);
            self.span.is_new_day = true;
        }
    }

    /// After a ledger entry at `at`: true when it newly breaches a limit.
    pub fn after_entry(&mut self, at: Time, equity: MidValue, caps: &Caps) -> bool {
        self.judge(at, equity, caps)
    }

    /// The sample at the end of the run, after its last entry.
    pub fn finish<R: Recorder>(&mut self, to: Time, equity: MidValue, atoms: Option<&mut Atoms>, rec: &mut R) {
        if to == Time::at(self.next * MINUTE) {
            self.sample(equity, &Caps::default(), atoms, rec);
        } else {
            rec.equity(to, equity);
            self.drawdown = self.drawdown.max(self.peak - equity);
        }
    }

    /// Looks at both limits; true when one is newly breached.
    fn judge(&mut self, at: Time, equity: MidValue, caps: &Caps) -> bool {
        self.span.add(equity);
        self.halt_peak = self.halt_peak.max(equity);
        let before = self.breach(at);
        if self.halted_at.is_none() && caps.drawdown.is_some_and(|most| self.halt_peak - equity >= most) {
            self.halted_at = Some(at);
        }
        if caps.daily_loss.is_some_and(|most| self.day_base - equity >= most) {
            self.daily_until = self.day_end;
        }
        self.breach(at) != before
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ledger::{Line, VenueBook};
    use crate::market::{Event, EventBody, OrderId, Role, Side};
    use crate::stats::AtomPlan;
    use crate::stats::{FullRecord, NoRecord};
    use crate::units::{HOUR, Price, Qty};

    /// Days since 1970.
    const TODAY: i64 = 20_000;

    fn at(minute: i64) -> Time {
        Time::of_day(TODAY).plus(minute * MINUTE)
    }

    /// 1,000 on each venue; `qty` whole coins bought on the long venue at 100, free of charge.
    fn belief(qty: i64) -> Belief {
        let book = |role| VenueBook::new(role, Cash(1), Rate(10 * Rate::ONE), true, Cash::units(1_000));
        let mut belief = Belief::new(Role::BOTH.map(book));
        let one = 1_000_000_000;
        let body = EventBody::Fill {
            id: OrderId(1),
            side: Side::Buy,
            px: Price(100 * one),
            qty: Qty(qty * one),
            maker: false,
            fee: Cash::ZERO,
        };
        if qty > 0 {
            belief.apply(
                &Event { at: at(0), venue_time: at(0), venue: Role::Long, body, met: Mid::ZERO },
                [Mid::at(Price(100 * one)); 2],
                Line::Price,
            );
        }
        belief
    }

    /// Mids of the long venue at minutes from midnight on.
    fn minutes(mids: &[i64]) -> TileSignals {
        TileSignals {
            first_minute: at(0).steps(MINUTE),
            minute_mids: mids.iter().map(|mid| [Mid::at(Price(mid * 1_000_000_000)); 2]).collect(),
            ..TileSignals::default()
        }
    }

    /// One coin at 100 on a capital of 2,000; step 2 minutes.
    /// | minute | mid | equity | drawdown | return |
    /// | 0 | 100 | 2,000 | 0 | first |
    /// | 1 | 120 | 2,020 | 0 | |
    /// | 2 | 90 | 1,990 | 30 | -10 / 2,000 |
    /// | 3 | 130 | 2,030 | 30 | |
    /// | 4 | 110 | 2,010 | 30 | 20 / 2,000 |
    #[test]
    fn samples_by_hand() {
        let signals = minutes(&[100, 120, 90, 130, 110]);
        let mut equity = Equity::new(at(0), Cash::units(2_000), 2 * MINUTE);
        let mut record = FullRecord::default();
        // in two pieces, the cut on a sample: that one belongs to the second
        for to in [at(2), at(4).plus(NS)] {
            assert_eq!(equity.catch_up(to, &belief(1), &signals, &Caps::default(), None, &mut record), None);
        }
        assert_eq!(equity.moments.n, 2);
        let (down, up) = (-5_000_000_000i128, 10_000_000_000i128);
        assert_eq!(equity.moments.sum, down + up);
        assert_eq!(equity.moments.sum_sq, down * down + up * up);
        assert_eq!(equity.moments.down_sq, down * down);
        assert_eq!(equity.drawdown, Cash::units(30).into());
        assert_eq!(record.equity.len(), 5);
        assert_eq!(record.equity[2], (at(2), Cash::units(1_990).into()));
        // the end on a whole minute is a sample like any other
        equity.finish(at(5), Cash::units(1_995).into(), None, &mut record);
        assert_eq!(equity.drawdown, Cash::units(35).into());
        assert_eq!(equity.moments.n, 2);
    }

    /// Nothing held: samples added at once are those made one by one, over steps, days and a run's beginning.
    #[test]
    fn flat_minutes_at_once() {
        for start in [0, 1, 59, 60, 61] {
            for end in [start, start + 1, 60, 61, 120, 1_439, 1_440, 1_441, 3_000] {
                let mut once = Equity::new(at(start), Cash::units(2_000), HOUR);
                let mut singly = once;
                let atoms = || Atoms::new(AtomPlan { intervals: 50, atoms: 24 });
                let (mut atoms_once, mut atoms_singly) = (atoms(), atoms());
                let none = TileSignals::default();
                once.catch_up(at(end), &belief(0), &none, &Caps::default(), Some(&mut atoms_once), &mut NoRecord);
                let (caps, rec) = (Caps::default(), &mut FullRecord::default());
                singly.catch_up(at(end), &belief(0), &none, &caps, Some(&mut atoms_singly), rec);
                assert_eq!((once, atoms_once), (singly, atoms_singly), "{start} to {end}");
            }
        }
    }

    /// A limit of 1 % of 2,000 from the peak: 2,030 - 2,010 reaches it at minute 4, where the samples stop.
    #[test]
    fn a_drawdown_is_found_at_its_first_sample() {
        let signals = minutes(&[100, 120, 130, 111, 110, 200]);
        let limits = Limits { drawdown: Some(Rate::from_bps(100)), daily_loss: None };
        let mut equity = Equity::new(at(0), Cash::units(2_000), HOUR);
        let caps = equity.caps(&limits);
        let catch_up = |equity: &mut Equity| equity.catch_up(at(6), &belief(1), &signals, &caps, None, &mut NoRecord);
        assert_eq!(catch_up(&mut equity), Some(at(4)));
        assert_eq!((equity.halted_at, equity.breach(at(4))), (Some(at(4)), Some(Breach::Drawdown)));
        assert_eq!(catch_up(&mut equity), None, "final, and reported once");
        assert_eq!(equity.next, at(6).steps(MINUTE));
    }

    /// A loss of 1 % of 2,000 since midnight halts until the next midnight, and is counted anew from there.
    #[test]
    fn a_daily_loss_ends_at_midnight() {
        let mut mids = vec![100; 1_500];
        mids[10] = 80;
        mids[1_440] = 70;
        mids[1_450] = 51;
        mids[1_460] = 50;
        let signals = minutes(&mids);
        let limits = Limits { drawdown: None, daily_loss: Some(Rate::from_bps(100)) };
        let mut equity = Equity::new(at(0), Cash::units(2_000), HOUR);
        let caps = equity.caps(&limits);
        let mut next = || {
            let found = equity.catch_up(at(1_500), &belief(1), &signals, &caps, None, &mut NoRecord);
            found.map(|found| (found.since(at(0)) / MINUTE, equity.daily_end(found)))
        };
        assert_eq!(next(), Some((10, Some(at(1_440)))));
        assert_eq!(next(), Some((1_460, Some(at(2_880)))));
        assert_eq!(next(), None);
        assert_eq!(equity.breach(at(2_879)), Some(Breach::DailyLoss));
        assert_eq!(equity.breach(at(2_880)), None);
    }

    /// A coin at 100 falls to 70 at midnight, where 19 are lost by a fill at 51: within the new day's limit of 20. Another
    /// fill of that instant reaches it, and the halt lasts until the next midnight.
    #[test]
    fn what_is_booked_at_midnight_belongs_to_the_new_day() {
        let mut mids = vec![100; 1_500];
        mids[1_440..].fill(70);
        let signals = minutes(&mids);
        let limits = Limits { drawdown: None, daily_loss: Some(Rate::from_bps(100)) };
        let mut equity = Equity::new(at(0), Cash::units(2_000), HOUR);
        let caps = equity.caps(&limits);
        let midnight = at(1_440);
        assert_eq!(equity.catch_up(midnight, &belief(1), &signals, &caps, None, &mut NoRecord), None);
        let booked = |equity: &mut Equity, money: i64| {
            equity.begin_day(midnight, &belief(1), &signals);
            equity.after_entry(midnight, Cash::units(money).into(), &caps)
        };
        assert!(!booked(&mut equity, 1_951), "19 below 1,970");
        assert!(booked(&mut equity, 1_950));
        assert_eq!(equity.daily_end(midnight), Some(at(2_880)));
        // the sample of midnight itself, which counts both, moves no base
        assert_eq!(equity.catch_up(at(1_441), &belief(0), &signals, &caps, None, &mut NoRecord), None);
        assert_eq!((equity.day_base, equity.day_end), (Cash::units(1_970).into(), at(2_880)));
    }
}
