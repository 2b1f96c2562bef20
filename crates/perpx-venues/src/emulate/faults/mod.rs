//! Scripted faults: what goes wrong between a venue and its clients, and when. They stand between the connections and the
//! venue, and are the same for every venue but for its words.
//!
//! | file | noun |
//! | --- | --- |
//! | `read` | the file that a user writes |
//! | `answers` | requests: refused, failed, unanswered, logged out, held up |
//! | `wire` | frames of one socket: lost, late, twice, out of turn |
//! | `dialect` | what they must know of a venue |

mod answers;
mod dialect;
mod read;
mod wire;

pub use answers::Outcome;
pub use dialect::{Dialect, Wrong};
pub use read::FaultPlan;
pub use wire::Wire;

use crate::venue::Venue;
use answers::Logins;
use perpx_core::units::Time;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};

/// One fault as written; times of the wall, after the start.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    /// `None`: at every venue.
    pub venue: Option<Venue>,
    pub at_ns: i64,
    pub for_ns: Option<i64>,
    /// Frames or answers that it hits at most.
    pub count: Option<u64>,
    /// What a frame, or the path of a request, contains that is hit; `None`: frames of the book, calls that send or cancel orders.
    pub containing: Option<String>,
    pub kind: FaultKind,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FaultKind {
    /// Sockets are cut, and those that open while it lasts.
    DropSocket,
    /// Frames vanish.
    SkipSequence,
    Delay {
        by_ns: i64,
    },
    Duplicate,
    /// A frame goes out after the next one.
    Reorder,
    /// Refused, not executed.
    TooMany,
    Failed {
        status: u16,
        executed: bool,
    },
    /// Executed; the connection ends without an answer.
    LostAnswer,
    /// Logins and tokens seen before are no longer good.
    ExpiredLogin,
    /// Nothing is matched or published; what is asked waits for the end.
    Halt,
}

/// The faults of one venue of one run.
pub struct Faults {
    dialect: &'static dyn Dialect,
    armed: Vec<Armed>,
    /// Requests and calls take their turns in the order in which they came: the lock is fair.
    backlog: tokio::sync::Mutex<()>,
    logins: Mutex<Logins>,
}

struct Armed {
    from: Time,
    /// Exclusive; a moment when the fault has no length.
    to: Time,
    left: AtomicU64,
    containing: Option<String>,
    kind: FaultKind,
}

impl Armed {
    fn is_on(&self, now: Time) -> bool {
        self.from <= now && now < self.to
    }

    /// One hit more, if it is due and not the last one is behind.
    fn take(&self, now: Time) -> bool {
        let one_less = |left: u64| left.checked_sub(1);
        self.is_on(now) && self.left.fetch_update(Ordering::Relaxed, Ordering::Relaxed, one_less).is_ok()
    }
}

impl Faults {
    /// Those of `plan` that this venue has, counted from `wall`.
    pub fn new(plan: &FaultPlan, dialect: &'static dyn Dialect, wall: Time) -> Faults {
        let here = plan.0.iter().filter(|fault| fault.venue.is_none_or(|venue| venue == dialect.venue()));
        let arm = |fault: &Fault| {
            let from = wall.plus(fault.at_ns);
            // counted faults last until the last one; of the others a moment is enough
            let open_ended =
                fault.for_ns.is_none() && !matches!(fault.kind, FaultKind::DropSocket | FaultKind::ExpiredLogin);
            let once = open_ended && fault.count.is_none();
            Armed {
                from,
                to: if open_ended { Time::MAX } else { from.plus(fault.for_ns.unwrap_or(0)) },
                left: AtomicU64::new(fault.count.unwrap_or(if once { 1 } else { u64::MAX })),
                containing: fault.containing.clone(),
                kind: fault.kind,
            }
        };
        let armed = here.map(arm).collect();
        Faults { dialect, armed, backlog: tokio::sync::Mutex::default(), logins: Mutex::default() }
    }

    fn of(&self, kind: FaultKind) -> impl Iterator<Item = &Armed> {
        self.armed.iter().filter(move |armed| armed.kind == kind)
    }

    /// Times of the wall at which the venue matches nothing.
    pub fn halts(&self) -> Vec<(Time, Time)> {
        self.of(FaultKind::Halt).map(|armed| (armed.from, armed.to)).collect()
    }

    pub fn is_halted(&self, now: Time) -> bool {
        self.of(FaultKind::Halt).any(|armed| armed.is_on(now))
    }

    /// A socket that opened at `opened` is cut by `now`.
    pub fn is_cut(&self, opened: Time, now: Time) -> bool {
        self.of(FaultKind::DropSocket).any(|armed| armed.from <= now && opened <= armed.to)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use perpx_core::units::SECOND_NS;
    use std::sync::Arc;

    fn faults(text: &str) -> Faults {
        Faults::new(
            &FaultPlan::parse("f.toml", text).expect("legal"),
            &crate::lighter::emulator::LighterDialect,
            Time(0),
        )
    }

    fn sent(wire: &mut Wire, faults: &Faults, text: &str, ms: i64) -> Vec<String> {
        let mut out = Vec::new();
        let now = Time(ms * 1_000_000);
        wire.due(now, &mut out);
        if !text.is_empty() {
            wire.pass(faults, Arc::from(text), now, &mut out);
        }
        out.iter().map(|text| text.to_string()).collect()
    }

    /// Late frames stay in their order, and later ones of the kind do not overtake them; others do.
    #[test]
    fn late_frames_keep_their_order() {
        let faults =
            faults("[[fault]]\nat = \"1s\"\nkind = \"delay\"\nby = \"2s\"\nfor = \"1s\"\ncontaining = \"book\"\n");
        let mut wire = Wire::default();
        assert_eq!(sent(&mut wire, &faults, "book 1", 999), ["book 1"]);
        assert!(sent(&mut wire, &faults, "book 2", 1_000).is_empty());
        assert_eq!(sent(&mut wire, &faults, "other", 1_500), ["other"]);
        assert!(sent(&mut wire, &faults, "book 3", 1_999).is_empty());
        assert!(
            sent(&mut wire, &faults, "book 4", 2_500).is_empty(),
            "the fault is over, but 2 and 3 are on their way"
        );
        assert_eq!(sent(&mut wire, &faults, "", 3_000), ["book 2"]);
        assert_eq!(sent(&mut wire, &faults, "book 5", 4_000), ["book 3", "book 4", "book 5"]);
    }

    #[test]
    fn frames_vanish_come_twice_and_out_of_turn() {
        let each =
            |kind: &str| faults(&format!("[[fault]]\nat = \"0s\"\nkind = \"{kind}\"\ncontaining = \"b\"\ncount = 2\n"));
        for (kind, want) in [
            ("skip-sequence", vec!["a", "b3", "b4", "b5"]),
            ("duplicate", vec!["b1", "b1", "a", "b2", "b2", "b3", "b4", "b5"]),
            ("reorder", vec!["a", "b2", "b1", "b4", "b3", "b5"]),
        ] {
            let (faults, mut wire) = (each(kind), Wire::default());
            let got: Vec<String> =
                ["b1", "a", "b2", "b3", "b4", "b5"].iter().flat_map(|text| sent(&mut wire, &faults, text, 1)).collect();
            assert_eq!(got, want, "{kind}");
        }
    }

    #[test]
    fn sockets_are_cut_while_it_lasts() {
        let at = |seconds: i64| Time(seconds * SECOND_NS);
        let faults = faults("[[fault]]\nat = \"5s\"\nkind = \"drop-socket\"\nfor = \"2s\"\n");
        assert!(!faults.is_cut(at(1), at(4)) && faults.is_cut(at(1), at(5)));
        assert!(faults.is_cut(at(6), at(6)) && !faults.is_cut(at(8), at(9)));
    }
}
