//! The market: latent price, basis and two venues, moved in steps of 100 ms and handed out a day at a time.

use super::arrivals::Mood;
use super::basis::Basis;
use super::price::Efficient;
use super::spec::{STEP, SpecError, SynthSpec};
use super::venue::{Plan, STEPS_A_SECOND, Venue};
use crate::tape::rows::VenueTables;
use crate::units::Time;

const STEPS_A_DAY: i64 = 86_400 * STEPS_A_SECOND;

/// One day of both venues: the rows received in it, in the order of `SynthSpec::venues`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SynthDay {
    /// Days since 1970-01-01 UTC.
    pub day: i64,
    /// By venue; rows in the order of their receive times.
    pub venues: [VenueTables; 2],
}

/// An iterator over the days of a synthetic market. Memory is that of one day, whatever the range.
pub struct Market {
    /// What both venues follow.
    price: Efficient,
    /// How far each is from it.
    basis: Basis,
    /// How busy both are.
    mood: Mood,
    /// In the order of the specification.
    venues: [Venue; 2],
    martingale: bool,
    /// Of the next step, since 1970-01-01 UTC.
    step: i64,
    /// Exclusive.
    end: i64,
    /// What each step does.
    plan: Plan,
}

impl Market {
    /// Errors: a knob out of its range, see [`SynthSpec::check`].
    pub fn new(spec: &SynthSpec) -> Result<Market, SpecError> {
        spec.check()?;
        let price = Efficient::new(spec);
        let mut basis = Basis::new(spec);
        basis.second();
        let venues = [0, 1].map(|v| Venue::new(spec, v, price.ago(0) * basis.factor(v)));
        Ok(Market {
            price,
            basis,
            mood: Mood::new(spec.seed),
            venues,
            martingale: spec.martingale,
            step: spec.first_day * STEPS_A_DAY,
            end: (spec.first_day + i64::from(spec.days)) * STEPS_A_DAY,
            plan: Plan::new(),
        })
    }

    /// What both venues have stamped before `end`, as far as it was not handed out; and a little more: what follows a row of
    /// the last step is stamped with it. `None` at the end of the market.
    pub fn stamped_before(&mut self, end: Time) -> Option<[VenueTables; 2]> {
        if self.step >= self.end {
            return None;
        }
        self.play_until(end);
        Some(self.take_before(Time::MAX))
    }

    fn play_until(&mut self, end: Time) {
        let end = end.steps(STEP).min(self.end);
        while self.step < end {
            self.play_step();
            self.step += 1;
        }
    }

    /// Rows received before `end`.
    fn take_before(&mut self, end: Time) -> [VenueTables; 2] {
        self.venues.each_mut().map(|venue| venue.take_before(end))
    }

    /// Moves the latent prices and lets both venues act.
    fn play_step(&mut self) {
        let step = self.step;
        let now = Time::at(step * STEP);
        if step % STEPS_A_SECOND == 0 {
            let index = self.price.ago(0) * self.basis.index_factor();
            for venue in &mut self.venues {
                venue.second(now, index);
            }
            self.price.second();
            self.basis.second();
            self.mood.second(self.price.heat());
        }
        self.price.step();
        self.basis.step();
        let heat = self.price.heat();
        for (v, venue) in self.venues.iter_mut().enumerate() {
            let fair = self.price.ago(venue.lag_steps) * self.basis.factor(v);
            // in a martingale market the second venue moves exactly when the first does: neither is ever behind
            if v == 0 || !self.martingale {
                venue.plan(now, fair, self.mood.level, heat, &mut self.plan);
            }
            venue.play(now, fair, &self.plan);
        }
    }
}

impl Iterator for Market {
    type Item = SynthDay;

    fn next(&mut self) -> Option<SynthDay> {
        if self.step >= self.end {
            return None;
        }
        let day = self.step / STEPS_A_DAY;
        let end = Time::of_day(day + 1);
        self.play_until(end);
        Some(SynthDay { day, venues: self.take_before(end) })
    }
}
