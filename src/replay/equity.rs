//! The equity of a run, sampled at whole minutes from what the trader believes (strategy.md 9, sweep.md "Metrics,
//! exactly"), with the limits that halt a trader.
//!
//! Samples are made in arrears: [`Equity::catch_up`] makes all that lie before a moment, and the position is constant
//! between two ledger entries, so nobody has to visit the ticks in between. Returns are taken at every multiple of the
//! statistics step (UTC) inside `[from, to]`; drawdown at every whole minute, and at the end; limits at both and after
//! every ledger entry. A limit is breached when the loss *reaches* it.

use super::record::Recorder;
use crate::ledger::Belief;
use crate::signals::TileSignals;
use crate::trader::{Breach, Limits};
use crate::units::{Cash, DAY_NS, MINUTE_NS, Rate, Time};
use serde::{Deserialize, Serialize};

/// Sums of returns as fractions of C0.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Moments {
    pub n: u32,
    pub sum: f64,
    pub sum_sq: f64,
    /// Sum of min(r, 0)^2.
    pub down_sq: f64,
}

impl Moments {
    fn add(&mut self, r: f64) {
        self.n += 1;
        self.sum += r;
        self.sum_sq += r * r;
        self.down_sq += r.min(0.0) * r.min(0.0);
    }
}

/// Money is doubled (half of 1e-18 quote), as mids are.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Equity {
    /// The next whole minute to sample.
    next: i64,
    /// Step of the returns in minutes.
    step: i64,
    initial2: i128,
    /// Equity at the newest return step.
    last2: Option<i128>,
    pub moments: Moments,
    peak2: i128,
    pub drawdown2: i128,
    halt_peak2: i128,
    day_base2: i128,
    /// The midnight that ends the day of `day_base2`.
    day_end: Time,
    /// Daily halt until then.
    daily_until: Time,
    /// When the drawdown limit was breached; final.
    pub halted_at: Option<Time>,
}

impl Equity {
    pub fn new(from: Time, initial: Cash, step_ns: i64) -> Equity {
        let initial2 = 2 * initial.as_notional().0;
        Equity {
            next: from.0.div_euclid(MINUTE_NS) + i64::from(from.0.rem_euclid(MINUTE_NS) > 0),
            step: (step_ns / MINUTE_NS).max(1),
            initial2,
            last2: None,
            moments: Moments::default(),
            peak2: initial2,
            drawdown2: 0,
            halt_peak2: initial2,
            day_base2: initial2,
            day_end: Time::of_day(from.day() + 1),
            daily_until: Time::MIN,
            halted_at: None,
        }
    }

    /// C0, doubled.
    pub fn initial2(&self) -> i128 {
        self.initial2
    }

    /// The breach that holds at `now`.
    pub fn breach(&self, now: Time) -> Option<Breach> {
        match self.halted_at {
            Some(_) => Some(Breach::Drawdown),
            None if now < self.daily_until => Some(Breach::DailyLoss),
            None => None,
        }
    }

    /// When the daily halt that holds at `now` ends.
    pub fn daily_end(&self, now: Time) -> Option<Time> {
        (now < self.daily_until).then_some(self.daily_until)
    }

    /// Makes all samples before `to`; stops after the first that newly breaches a limit and returns its time. All of them
    /// must lie in the tile of `signals`.
    pub fn catch_up<R: Recorder>(
        &mut self,
        to: Time,
        belief: &Belief,
        signals: &TileSignals,
        limits: &Limits,
        rec: &mut R,
    ) -> Option<Time> {
        // minutes before `to`
        let end = (to.0 - 1).div_euclid(MINUTE_NS) + 1;
        let flat = belief.is_flat();
        while self.next < end {
            let mids = match flat {
                true => [0; 2],
                false => signals.minute_mid2[(self.next - signals.first_minute) as usize],
            };
            let equity2 = belief.equity2(mids);
            let at = Time(self.next * MINUTE_NS);
            if self.sample(equity2, limits, rec) {
                return Some(at);
            }
            if flat && !R::KEEPS {
                self.repeat(equity2, end);
            }
        }
        None
    }

    /// The sample of minute `next`; true when it newly breaches a limit.
    fn sample<R: Recorder>(&mut self, equity2: i128, limits: &Limits, rec: &mut R) -> bool {
        let at = Time(self.next * MINUTE_NS);
        rec.equity(at, equity2);
        if self.next.rem_euclid(self.step) == 0 {
            if let Some(last2) = self.last2 {
                self.moments.add((equity2 - last2) as f64 / self.initial2 as f64);
            }
            self.last2 = Some(equity2);
        }
        self.peak2 = self.peak2.max(equity2);
        self.drawdown2 = self.drawdown2.max(self.peak2 - equity2);
        self.next += 1;
        let breached = self.judge(at, equity2, limits);
        if at >= self.day_end {
            self.day_base2 = equity2;
            self.day_end = at.plus(DAY_NS - at.0.rem_euclid(DAY_NS));
        }
        breached
    }

    /// Repeats the newest sample at every minute up to `end` (exclusive): nothing is held, so nothing moves. A return of
    /// zero changes no sum but the count, and the newest sample has judged the limits.
    fn repeat(&mut self, equity2: i128, end: i64) {
        if self.next >= end {
            return;
        }
        let steps = (end - 1).div_euclid(self.step) - (self.next - 1).div_euclid(self.step);
        if steps > 0 {
            // the first step of a run begins the first interval and ends none
            if let Some(last2) = self.last2.replace(equity2) {
                self.moments.add((equity2 - last2) as f64 / self.initial2 as f64);
            }
            self.moments.n += (steps - 1) as u32;
        }
        let last = Time((end - 1) * MINUTE_NS);
        if last >= self.day_end {
            self.day_base2 = equity2;
            self.day_end = last.plus(DAY_NS - last.0.rem_euclid(DAY_NS));
        }
        self.next = end;
    }

    /// After a ledger entry at `at`: true when it newly breaches a limit.
    pub fn after_entry(&mut self, at: Time, equity2: i128, limits: &Limits) -> bool {
        self.judge(at, equity2, limits)
    }

    /// The sample at the end of the run, after its last entry.
    pub fn finish<R: Recorder>(&mut self, to: Time, equity2: i128, rec: &mut R) {
        if to.0 == self.next * MINUTE_NS {
            self.sample(equity2, &Limits::default(), rec);
        } else {
            rec.equity(to, equity2);
            self.drawdown2 = self.drawdown2.max(self.peak2 - equity2);
        }
    }

    fn judge(&mut self, at: Time, equity2: i128, limits: &Limits) -> bool {
        self.halt_peak2 = self.halt_peak2.max(equity2);
        let before = self.breach(at);
        let limit2 = |limit: Rate| scaled(self.initial2, limit);
        if self.halted_at.is_none() && limits.drawdown.is_some_and(|limit| self.halt_peak2 - equity2 >= limit2(limit)) {
            self.halted_at = Some(at);
        }
        if limits.daily_loss.is_some_and(|limit| self.day_base2 - equity2 >= limit2(limit)) {
            self.daily_until = self.day_end;
        }
        self.breach(at) != before
    }
}

/// `money * rate`, rounded down.
fn scaled(money: i128, rate: Rate) -> i128 {
    let one = i128::from(Rate::ONE);
    money / one * i128::from(rate.0) + money % one * i128::from(rate.0) / one
}
