//! How far a probe is, and how long the rest takes: the venue's limits decide that, and it may be minutes.

use crate::refresh::said::Said;
use crate::venue::Venue;
use perpx_core::config::Profile;
use perpx_core::units::{MINUTE, TimeDelta};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::time::Duration;

/// Questions that are asked together: their name, the requests that they make, and the seconds that they wait where nothing is limited and
/// the venue is near. Counted at emulators, at Lighter's premium and standard tiers and at GRVT: they differ by what is drawn there.
pub type Group = (&'static str, u32, u32);

/// At Lighter, from one address.
const ANYBODY: u32 = 60;
/// A minute: more are never asked.
const PLENTY: u32 = 600;
/// So much of a limit goes into questions: some of it is kept for taking back what was placed.
const SHARE_PCT: u32 = 75;

/// Says each group of questions before it is asked.
pub struct Progress<'a> {
    say: &'a mut dyn FnMut(&str),
    groups: &'static [Group],
    /// Requests that may be made in a minute; `None`: more than are asked.
    limit: Option<u32>,
    /// There and back.
    way: Duration,
    stop: Arc<AtomicBool>,
    at: usize,
}

/// The requests that an account may make in a minute, where that is what holds a probe up. At an emulator its tier decides; elsewhere
/// there are not more than anybody may make.
pub fn limit(venue: Venue, said: &Said, is_played: bool) -> Option<u32> {
    if !is_played && venue == Venue::Lighter {
        return Some(ANYBODY);
    }
    let (tier, ..) = said.fees.as_ref().ok()?;
    let shipped = Profile::shipped().ok()?;
    let profile = shipped.iter().find(|profile| profile.name == venue.name())?;
    let limit = profile.tier(tier)?.rate_limit;
    let a_minute = i128::from(limit.requests) * i128::from(MINUTE.0) / i128::from(limit.window.0.max(1));
    u32::try_from(a_minute).ok().filter(|a_minute| *a_minute < PLENTY)
}

impl<'a> Progress<'a> {
    pub fn new(
        say: &'a mut dyn FnMut(&str),
        groups: &'static [Group],
        (limit, way): (Option<u32>, Duration),
        stop: Arc<AtomicBool>,
    ) -> Progress<'a> {
        Progress { say, groups, limit, way, stop, at: 0 }
    }

    /// Before anything is asked.
    pub fn begin(&mut self) {
        let requests: u32 = self.groups.iter().map(|(_, requests, _)| requests).sum();
        let limit = self.limit.map_or(String::new(), |most| format!(" at {most} a minute"));
        let left = in_words(self.left());
        (self.say)(&format!(
            "{} groups of questions, about {requests} requests{limit}: about {left}",
            self.groups.len()
        ));
    }

    /// The next group is asked; nothing is said when an end is wanted, since it is not.
    pub fn next(&mut self) {
        if let Some((name, ..)) = self.groups.get(self.at).filter(|_| !self.stop.load(Relaxed)) {
            let (number, all, left) = (self.at + 1, self.groups.len(), in_words(self.left()));
            (self.say)(&format!("{number} of {all}, about {left} left: {name}"));
        }
        self.at += 1;
    }

    /// How long the groups take that were not asked.
    fn left(&self) -> Duration {
        let one = |(_, requests, seconds): &Group| {
            let near = Duration::from_secs((*seconds).into()) + self.way * *requests;
            let held = self.limit.map(|most| requests * 60 * 100 / (most * SHARE_PCT).max(1));
            near.max(Duration::from_secs(held.unwrap_or(0).into()))
        };
        self.groups.iter().skip(self.at).map(one).sum()
    }
}

fn in_words(time: Duration) -> String {
    match time.as_secs() {
        seconds @ ..90 => format!("{seconds} s"),
        seconds => format!("{} min", seconds.div_ceil(60)),
    }
}

/// A rolling window of so many requests, for an account that may make no more.
pub fn window(limit: Option<u32>) -> Option<(i64, TimeDelta)> {
    limit.map(|most| (i64::from(most), MINUTE))
}

#[cfg(test)]
mod tests {
    use super::*;

    const GROUPS: [Group; 2] = [("A: one", 60, 5), ("B: two", 90, 400)];

    fn said(limit: Option<u32>, way_ms: u64) -> Vec<String> {
        let mut all = Vec::new();
        let mut say = |what: &str| all.push(what.to_owned());
        let stop = Arc::new(AtomicBool::new(false));
        let mut progress = Progress::new(&mut say, &GROUPS, (limit, Duration::from_millis(way_ms)), stop.clone());
        progress.begin();
        progress.next();
        progress.next();
        stop.store(true, Relaxed);
        progress.next();
        all
    }

    /// 60 requests at three quarters of 60 a minute are 80 s, 90 are 120 s, and the second group waits 400 s anyhow.
    #[test]
    fn how_long_it_takes_is_said_beforehand_and_meanwhile() {
        let limited = said(Some(60), 0);
        let want = [
            "2 groups of questions, about 150 requests at 60 a minute: about 8 min",
            "1 of 2, about 8 min left: A: one",
            "2 of 2, about 7 min left: B: two",
        ];
        assert_eq!(limited, want);
        assert_eq!(said(None, 0)[0], "2 groups of questions, about 150 requests: about 7 min");
        // half a second there and back
        assert_eq!(said(None, 500)[2], "2 of 2, about 8 min left: B: two");
    }
}
