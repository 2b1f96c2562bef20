//! What is in force, what the trader may do by it, and when the run ends. It knows no file and no socket.

use perpx_core::market::Role;
use perpx_core::port::Mandate;
use perpx_core::strategy::State;
use perpx_core::units::{Time, TimeDelta};
use serde::{Deserialize, Serialize};

/// What an operator can say.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Verb {
    /// Nothing opens; everything else goes on.
    Pause,
    /// As a pause, by whoever looks at a difference.
    Hold,
    /// Ends a pause, a hold and a loss limit that acted.
    Resume,
    /// Ends the process as soon as nothing is left but a locked position.
    Park,
    /// Closes everything, then as a pause; of one leg: `--leg`.
    Flatten,
    /// Closes everything, ends the process, and lets nothing start before `clear-kill`.
    Kill,
    /// Ends at once and leaves what is open.
    Quit,
}

impl Verb {
    /// All of them.
    pub const ALL: [Verb; 7] =
        [Verb::Pause, Verb::Hold, Verb::Resume, Verb::Park, Verb::Flatten, Verb::Kill, Verb::Quit];

    /// As it is said.
    pub fn name(self) -> &'static str {
        match self {
            Verb::Pause => "pause",
            Verb::Hold => "hold",
            Verb::Resume => "resume",
            Verb::Park => "park",
            Verb::Flatten => "flatten",
            Verb::Kill => "kill",
            Verb::Quit => "quit",
        }
    }
}

/// What an operator can say that a difference between a venue and the belief comes to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Settling {
    /// The venue's position is right: the belief is made to agree by one entry.
    Adopt,
    /// The balance's difference is no result of the run: somebody paid in, or out.
    ExplainBalance,
}

impl Settling {
    /// All of them.
    pub const ALL: [Settling; 2] = [Settling::Adopt, Settling::ExplainBalance];

    /// As it is said.
    pub fn name(self) -> &'static str {
        match self {
            Settling::Adopt => "adopt",
            Settling::ExplainBalance => "explain-balance",
        }
    }

    /// As it is written down, of a venue.
    pub fn of(self, venue: &str) -> String {
        format!("{} {venue}", self.name())
    }

    /// What [`Settling::of`] has written down, and of which venue.
    pub fn read(written: &str) -> Option<(Settling, &str)> {
        let (name, venue) = written.split_once(' ')?;
        Settling::ALL.into_iter().find(|settling| settling.name() == name).map(|settling| (settling, venue))
    }
}

/// What an operator has said of a venue while no process had the run.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SaidBefore {
    /// What the difference comes to.
    pub settling: Settling,
    /// Whose word is taken.
    pub venue: String,
    /// Why.
    pub reason: String,
}

/// Who said it, when and why.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct By {
    /// `ctl by uid 1000`, `SIGTERM`, `the file KILL`, `max_loss_day`.
    pub who: String,
    /// As given; empty: none.
    pub reason: String,
    /// On the clock that the trader goes by.
    pub since: Time,
}

/// Where the trader stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Standing {
    /// S0 to S5.
    pub state: State,
    /// No order works and nothing is under way.
    pub is_quiet: bool,
    /// Neither leg is open.
    pub is_flat: bool,
}

/// How a run ends by what was said.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Ending {
    /// Nothing is open.
    Flat,
    /// A locked position stays.
    Parked,
    /// Nothing is open, and nothing starts again.
    Killed,
    /// Whatever is open stays.
    Left,
}

/// What is in force.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Verbs {
    pause: Option<By>,
    hold: Option<By>,
    park: Option<By>,
    flatten: Option<(By, [bool; 2])>,
    kill: Option<By>,
    quit: Option<By>,
    /// What is held is closed, nothing else is done, and then the run ends.
    only_closes: bool,
    /// When everything is to be closed, where nobody holds it.
    later: Option<(Time, By)>,
}

/// How a run that does nothing but close what it holds does that.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Closes {
    /// By the strategy's own exits.
    ByExits,
    /// All of it, from then on: a `hold` that is said before keeps it until `resume`.
    From(Time),
}

impl Verbs {
    /// From here on the run does nothing but close what it holds, and ends then.
    pub fn only_close(&mut self, by: By, how: Closes) {
        self.only_closes = true;
        match how {
            Closes::ByExits => self.say(Verb::Hold, by, None),
            Closes::From(at) => self.later = Some((at, by)),
        }
    }

    /// Time has passed: what was to be closed from some moment on is.
    pub fn pass(&mut self, now: Time) {
        if let Some((_, by)) = self.later.take_if(|(at, _)| *at <= now && self.hold.is_none()) {
            self.say(Verb::Flatten, by, None);
        }
    }

    /// Something was said. `leg`: of `flatten`.
    pub fn say(&mut self, verb: Verb, by: By, leg: Option<Role>) {
        match verb {
            Verb::Pause => drop(self.pause.get_or_insert(by)),
            Verb::Hold => drop(self.hold.get_or_insert(by)),
            Verb::Resume => {
                (self.pause, self.hold) = (None, None);
                // a run that does nothing but close goes on with that
                self.flatten.take_if(|_| !self.only_closes);
            }
            Verb::Park => drop(self.park.get_or_insert(by)),
            Verb::Flatten => {
                let legs = leg.map_or([true; 2], |leg| Role::BOTH.map(|role| role == leg));
                self.flatten = Some((by, legs));
            }
            Verb::Kill => drop(self.kill.get_or_insert(by)),
            Verb::Quit => drop(self.quit.get_or_insert(by)),
        }
    }

    /// A file that said it is gone.
    pub fn unsay(&mut self, verb: Verb, who: &str) {
        if verb == Verb::Pause && self.pause.as_ref().is_some_and(|by| by.who == who) {
            self.pause = None;
        }
    }

    /// All that is in force, the strictest first.
    pub fn in_force(&self) -> impl Iterator<Item = (Verb, &By)> {
        let all = [
            (Verb::Quit, self.quit.as_ref()),
            (Verb::Kill, self.kill.as_ref()),
            (Verb::Flatten, self.flatten.as_ref().map(|(by, _)| by)),
            (Verb::Park, self.park.as_ref()),
            (Verb::Hold, self.hold.as_ref()),
            (Verb::Pause, self.pause.as_ref()),
        ];
        all.into_iter().filter_map(|(verb, by)| Some((verb, by?)))
    }

    /// It is in force.
    pub fn is(&self, verb: Verb) -> bool {
        self.in_force().any(|(other, _)| other == verb)
    }

    /// A stop was asked for: from here on the run is on its way to its end.
    pub fn is_ending(&self) -> bool {
        self.only_closes || self.park.is_some() || self.kill.is_some() || self.quit.is_some()
    }

    /// What the trader may do. `patience`: how long a park lets a lock complete by itself.
    pub fn mandate(&self, standing: Standing, now: Time, patience: TimeDelta) -> Mandate {
        let may_open = self.in_force().next().is_none() && !self.only_closes;
        if self.kill.is_some() {
            return Mandate { may_open: false, may_cover: false, closes: [true; 2], ..Mandate::FULL };
        }
        if let Some((_, closes)) = self.flatten {
            return Mandate { may_open: false, closes, ..Mandate::FULL };
        }
        let Some(park) = &self.park else {
            return Mandate { may_open, may_cover: !self.only_closes, ..Mandate::FULL };
        };
        let waits = now.since(park.since) < patience;
        let (may_cover, closes) = match standing.state {
            State::Idle | State::Locked => (false, false),
            // it completes or rolls back by its own rules, in its time
            State::Locking if waits => (true, false),
            // a venue that is lost is hedged meanwhile
            _ => (true, true),
        };
        Mandate { may_open: false, may_cover, closes: [closes; 2], ..Mandate::FULL }
    }

    /// Takes note of where the trader stands: a flatten that has come to its end is a pause. How the run ends, if it does now.
    pub fn look(&mut self, standing: Standing) -> Option<Ending> {
        let Standing { state, is_quiet, is_flat } = standing;
        let is_idle = state == State::Idle && is_quiet;
        if is_idle && let Some((by, _)) = self.flatten.take() {
            self.pause.get_or_insert(by);
        }
        match () {
            () if self.quit.is_some() => Some(if is_idle && is_flat { Ending::Flat } else { Ending::Left }),
            () if self.kill.is_some() => is_idle.then_some(Ending::Killed),
            () if self.only_closes && is_idle => Some(Ending::Flat),
            () if self.park.is_none() => None,
            () if is_idle => Some(Ending::Flat),
            () if state == State::Locked && is_quiet && self.flatten.is_none() => Some(Ending::Parked),
            () => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use perpx_core::units::SECOND;

    const PATIENCE: TimeDelta = SECOND.times(45);

    fn by(who: &str, seconds: i64) -> By {
        By { who: who.to_owned(), reason: String::new(), since: Time::at(seconds * SECOND) }
    }

    fn at(state: State, is_quiet: bool) -> Standing {
        Standing { state, is_quiet, is_flat: state == State::Idle }
    }

    /// May open, may cover, closes, after `seconds`.
    fn may(verbs: &Verbs, state: State, seconds: i64) -> (bool, bool, bool) {
        let mandate = verbs.mandate(at(state, false), Time::at(seconds * SECOND), PATIENCE);
        (mandate.may_open, mandate.may_cover, mandate.closes == [true; 2])
    }

    #[test]
    fn a_pause_and_a_hold_open_nothing_until_they_end() {
        let mut verbs = Verbs::default();
        assert_eq!(may(&verbs, State::Idle, 0), (true, true, false));
        verbs.say(Verb::Pause, by("the file PAUSE", 0), None);
        verbs.say(Verb::Hold, by("ctl", 0), None);
        assert_eq!(may(&verbs, State::FirstLeg, 0), (false, true, false));
        verbs.unsay(Verb::Pause, "SIGUSR1");
        assert!(verbs.is(Verb::Pause));
        verbs.unsay(Verb::Pause, "the file PAUSE");
        assert!(!verbs.is(Verb::Pause) && verbs.is(Verb::Hold) && verbs.look(at(State::Idle, true)).is_none());
        verbs.say(Verb::Resume, by("ctl", 0), None);
        assert_eq!(may(&verbs, State::Idle, 0), (true, true, false));
    }

    /// | state | nothing more than | ends |
    #[test]
    fn a_park_ends_flat_or_locked_and_leaves_nothing_else() {
        let mut verbs = Verbs::default();
        verbs.say(Verb::Park, by("SIGTERM", 0), None);
        assert!(verbs.is_ending());
        for (state, at_once, later, ends) in [
            (State::Idle, (false, false), (false, false), Some(Ending::Flat)),
            (State::FirstLeg, (true, true), (true, true), None),
            (State::Locking, (true, false), (true, true), None),
            (State::Locked, (false, false), (false, false), Some(Ending::Parked)),
            (State::LongOnly, (true, true), (true, true), None),
            (State::ShortOnly, (true, true), (true, true), None),
        ] {
            for (seconds, (may_cover, closes)) in [(1, at_once), (46, later)] {
                assert_eq!(may(&verbs, state, seconds), (false, may_cover, closes), "{state:?}");
            }
            assert_eq!(verbs.look(at(state, true)), ends, "{state:?}");
            assert_eq!(verbs.look(at(state, false)), None, "{state:?}: something is under way");
        }
        // said again, and resumed: it still ends
        verbs.say(Verb::Park, by("SIGTERM", 40), None);
        verbs.say(Verb::Resume, by("ctl", 41), None);
        assert_eq!(may(&verbs, State::Locking, 46), (false, true, true));
    }

    /// A start that is refused though something is held: nothing opens and nothing covers, whatever is said, and it ends flat.
    #[test]
    fn a_run_that_only_closes_ends_when_nothing_is_held() {
        for (how, closes) in [(Closes::ByExits, false), (Closes::From(Time(0)), true)] {
            let mut verbs = Verbs::default();
            verbs.only_close(by("live.toml", 0), how);
            verbs.pass(Time(0));
            assert_eq!(may(&verbs, State::Locking, 0), (false, closes, closes), "{how:?}");
            verbs.say(Verb::Resume, by("ctl", 0), None);
            assert_eq!(may(&verbs, State::Locking, 0), (false, closes, closes), "{how:?}");
            assert!(verbs.is_ending() && verbs.look(at(State::Locked, true)).is_none());
            assert_eq!(verbs.look(at(State::Idle, true)), Some(Ending::Flat));
        }
    }

    /// Who looks at what nobody knows has a while for it, and as long as he holds it.
    #[test]
    fn what_is_closed_later_can_be_held() {
        let mut verbs = Verbs::default();
        verbs.only_close(by("the start", 0), Closes::From(Time::at(60 * SECOND)));
        let mut closes = |seconds: i64, verb: Option<Verb>| {
            verb.into_iter().for_each(|verb| verbs.say(verb, by("ctl", seconds), None));
            verbs.pass(Time::at(seconds * SECOND));
            may(&verbs, State::Locked, seconds)
        };
        assert_eq!(closes(59, None), (false, false, false));
        assert_eq!(closes(59, Some(Verb::Hold)), (false, false, false));
        assert_eq!(closes(90, None), (false, false, false));
        assert_eq!(closes(91, Some(Verb::Resume)), (false, true, true));
        // once begun it goes on, whatever is said
        assert_eq!(closes(92, Some(Verb::Hold)), (false, true, true));
        assert_eq!(closes(93, Some(Verb::Resume)), (false, true, true));
    }

    #[test]
    fn a_flatten_becomes_a_pause_and_names_a_leg() {
        let mut verbs = Verbs::default();
        verbs.say(Verb::Flatten, by("SIGUSR2", 0), None);
        assert_eq!(may(&verbs, State::Locked, 0), (false, true, true));
        assert_eq!(verbs.look(at(State::Locked, true)), None);
        verbs.say(Verb::Flatten, by("ctl", 0), Some(Role::Short));
        assert_eq!(verbs.mandate(at(State::Locked, true), Time(0), PATIENCE).closes, [false, true]);
        assert_eq!(verbs.look(at(State::Idle, true)), None);
        assert!(verbs.is(Verb::Pause) && !verbs.is(Verb::Flatten) && !verbs.is_ending());
        // under a park it closes what the park would leave
        verbs.say(Verb::Park, by("SIGTERM", 0), None);
        verbs.say(Verb::Flatten, by("ctl", 0), None);
        assert_eq!(may(&verbs, State::Locked, 0), (false, true, true));
        assert_eq!(verbs.look(at(State::Locked, true)), None);
        assert_eq!(verbs.look(at(State::Idle, true)), Some(Ending::Flat));
    }

    #[test]
    fn a_kill_covers_nothing_and_is_not_resumed() {
        let mut verbs = Verbs::default();
        verbs.say(Verb::Kill, by("the file KILL", 0), None);
        verbs.say(Verb::Resume, by("ctl", 0), None);
        for state in [State::FirstLeg, State::Locking, State::Locked, State::ShortOnly] {
            assert_eq!(may(&verbs, state, 0), (false, false, true), "{state:?}");
            assert_eq!(verbs.look(at(state, true)), None);
        }
        assert_eq!(verbs.look(at(State::Idle, false)), None);
        assert_eq!(verbs.look(at(State::Idle, true)), Some(Ending::Killed));
        verbs.say(Verb::Quit, by("ctl", 0), None);
        assert_eq!(verbs.look(at(State::FirstLeg, false)), Some(Ending::Left));
        assert_eq!(verbs.look(at(State::Idle, true)), Some(Ending::Flat));
    }
}
