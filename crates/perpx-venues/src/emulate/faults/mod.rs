//! Scripted faults: what goes wrong between a venue and its clients, and when. They stand between the connections and the
//! venue, and are the same for every venue but for its words.
//!
//! | file | noun |
//! | --- | --- |
//! | `read` | the file that a user writes |
//! | `answers` | requests: refused, failed, unanswered, logged out, held up |
//! | `partition` | bytes of one connection: held up |
//! | `wire` | frames of one socket: lost, late, twice, out of turn |
//! | `dialect` | what they must know of a venue |

mod answers;
mod dialect;
mod partition;
mod read;
mod wire;

pub use answers::Outcome;
pub use dialect::{Dialect, Wrong};
pub use partition::Parted;
pub use read::FaultPlan;
pub use wire::Wire;

use crate::venue::Venue;
use answers::Logins;
use perpx_core::units::{Rate, Time, TimeDelta};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError, RwLock};

/// One fault as written; times after the start.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    /// `None`: at every venue.
    pub venue: Option<Venue>,
    pub at: TimeDelta,
    pub lasts: Option<TimeDelta>,
    /// Frames or answers that it hits at most.
    pub count: Option<u64>,
    /// What a frame, or the path of a request, contains that is hit; `None`: frames of the book, calls that send or cancel orders.
    pub containing: Option<String>,
    /// Its times are the market's, not the wall's.
    pub by_market: bool,
    pub kind: FaultKind,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FaultKind {
    /// Sockets are cut, and those that open while it lasts.
    DropSocket,
    /// Frames vanish.
    SkipSequence,
    Delay {
        by: TimeDelta,
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
    /// The account's keys are no longer good: logins of before end, new ones and whatever is signed are refused.
    RevokedKeys,
    /// Nothing is matched or published; what is asked waits for the end.
    Halt,
    /// No byte goes either way, and no connection ends; what was written before comes afterwards.
    Partition,
    /// A stream is closed whose client has said nothing for so long.
    IdleClose {
        after: TimeDelta,
    },
    /// The connection ends without an answer, and so much later what was asked is done.
    LateRequest {
        by: TimeDelta,
    },
    /// Not executed; HTML from what stands before the venue.
    GatewayPage {
        status: u16,
    },
    /// The book that is shown stands still; everything else goes on.
    StaleFeed,
    MarketStatus(MarketStatus),
    MarketRules(MarketRules),
    /// Limits may lie no further through the mark.
    PriceBand {
        band: Rate,
    },
    /// The venue's clock is ahead.
    ClockAhead {
        by: TimeDelta,
    },
    /// Open streams receive a notice that they will be closed, and are.
    Shutdown {
        close_in: TimeDelta,
    },
    /// Somebody else has used the account's next nonce.
    ForeignNonce,
    /// Somebody else has done something to the account.
    Intrude(Intrusion),
    /// The venue closes a part of the position by itself.
    Deleverage {
        percent: i64,
    },
}

impl FaultKind {
    /// Its durations, each as `scaled` says.
    fn timed(self, scaled: impl Fn(TimeDelta) -> TimeDelta) -> FaultKind {
        match self {
            FaultKind::Delay { by } => FaultKind::Delay { by: scaled(by) },
            FaultKind::IdleClose { after } => FaultKind::IdleClose { after: scaled(after) },
            FaultKind::LateRequest { by } => FaultKind::LateRequest { by: scaled(by) },
            FaultKind::ClockAhead { by } => FaultKind::ClockAhead { by: scaled(by) },
            FaultKind::Shutdown { close_in } => FaultKind::Shutdown { close_in: scaled(close_in) },
            other => other,
        }
    }
}

/// Which orders the market takes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum MarketStatus {
    #[default]
    Open,
    /// Those that only reduce.
    ReduceOnly,
    /// None.
    Paused,
}

/// What a venue takes and charges, beside what it did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MarketRules {
    /// The least size and value are so many times as large; at GRVT the price step as well, and the quantity step, which is the least size.
    pub times: i64,
    /// Every fill costs so much more of its value.
    pub dearer: Rate,
}

impl Default for MarketRules {
    fn default() -> MarketRules {
        MarketRules { times: 1, dearer: Rate(0) }
    }
}

/// What somebody else does to the account.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Intrusion {
    /// Sends an order that rests.
    Order,
    /// Sends an order that fills.
    Fill,
    /// Has a position in it that no order explains.
    Position,
    /// Pays in; the venue's history of transfers has it.
    Deposit,
    /// Has the balance be more by as much, and no history says why.
    Balance,
    /// Changes the leverage.
    Leverage,
    /// Sends an order that rests, under a number of the run that traded here last, as its next process would give it.
    Instance,
}

/// What is wrong with a venue itself, at one time.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Condition {
    /// So far its clock is ahead.
    pub ahead: TimeDelta,
    /// The book that it shows stands still.
    pub is_stale: bool,
    pub market: MarketStatus,
    pub rules: MarketRules,
    /// Instead of the usual price band.
    pub band: Option<Rate>,
}

/// What happens at a venue once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Strike {
    ForeignNonce,
    /// Streams that were opened with a login or a token of before fall silent.
    LoggedOut,
    Intrude(Intrusion),
    /// So many percent of the position are closed.
    Deleverage(i64),
}

/// The faults of one venue of one run.
pub struct Faults {
    dialect: &'static dyn Dialect,
    /// Those of the plan, then those that were added.
    armed: RwLock<Arc<Vec<Arc<Armed>>>>,
    speed: f64,
    /// Halts were added of which the venue does not know.
    has_new_halts: AtomicBool,
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
    /// Those of `plan` that this venue has, counted from `wall`; `speed`: market seconds a second.
    pub fn new(plan: &FaultPlan, dialect: &'static dyn Dialect, (wall, speed): (Time, f64)) -> Faults {
        let (armed, has_new_halts) = (RwLock::default(), AtomicBool::new(false));
        let (backlog, logins) = (tokio::sync::Mutex::default(), Mutex::default());
        let faults = Faults { dialect, armed, speed, has_new_halts, backlog, logins };
        faults.add(plan, wall);
        faults
    }

    /// More of them, counted from `wall`.
    pub fn add(&self, plan: &FaultPlan, wall: Time) {
        let here = plan.0.iter().filter(|fault| fault.venue.is_none_or(|venue| venue == self.dialect.venue()));
        let added: Vec<_> = here.map(|fault| Arc::new(self.arm(fault, wall))).collect();
        let has_halts = added.iter().any(|armed| armed.kind == FaultKind::Halt);
        let mut armed = self.armed.write().unwrap_or_else(PoisonError::into_inner);
        *armed = Arc::new(armed.iter().cloned().chain(added).collect());
        self.has_new_halts.fetch_or(has_halts, Ordering::Relaxed);
    }

    fn arm(&self, fault: &Fault, wall: Time) -> Armed {
        let scaled = |length: TimeDelta| match fault.by_market {
            true => TimeDelta((length.0 as f64 / self.speed) as i64),
            false => length,
        };
        let from = wall.plus(scaled(fault.at));
        // counted faults last until the last one; of the others a moment is enough
        let open_ended =
            fault.lasts.is_none() && !matches!(fault.kind, FaultKind::DropSocket | FaultKind::ExpiredLogin);
        let is_of_a_moment = matches!(fault.kind, FaultKind::ExpiredLogin | FaultKind::RevokedKeys);
        let once = (open_ended || is_of_a_moment) && fault.count.is_none();
        Armed {
            from,
            to: if open_ended { Time::MAX } else { from.plus(scaled(fault.lasts.unwrap_or_default())) },
            left: AtomicU64::new(fault.count.unwrap_or(if once { 1 } else { u64::MAX })),
            containing: fault.containing.clone(),
            kind: fault.kind.timed(scaled),
        }
    }

    fn armed(&self) -> Arc<Vec<Arc<Armed>>> {
        self.armed.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// One of `kind` is as `is_so` says.
    fn any(&self, kind: FaultKind, is_so: impl Fn(&Armed) -> bool) -> bool {
        self.armed().iter().any(|armed| armed.kind == kind && is_so(armed))
    }

    /// Times of the wall at which the venue matches nothing, where it does not know of all of them.
    pub fn new_halts(&self) -> Option<Vec<(Time, Time)>> {
        let halts = |armed: &Arc<Armed>| (armed.kind == FaultKind::Halt).then_some((armed.from, armed.to));
        let has_new = self.has_new_halts.swap(false, Ordering::Relaxed);
        has_new.then(|| self.armed().iter().filter_map(halts).collect())
    }

    pub fn is_halted(&self, now: Time) -> bool {
        self.any(FaultKind::Halt, |armed| armed.is_on(now))
    }

    /// The account's keys are no longer good.
    fn is_revoked(&self, now: Time) -> bool {
        self.any(FaultKind::RevokedKeys, |armed| armed.is_on(now))
    }

    /// What is wrong with the venue itself.
    pub fn condition(&self, now: Time) -> Condition {
        let mut condition = Condition::default();
        for armed in self.armed().iter().filter(|armed| armed.is_on(now)) {
            match armed.kind {
                FaultKind::ClockAhead { by } => condition.ahead = by,
                FaultKind::StaleFeed => condition.is_stale = true,
                FaultKind::MarketStatus(status) => condition.market = status,
                FaultKind::MarketRules(rules) => condition.rules = rules,
                FaultKind::PriceBand { band } => condition.band = Some(band),
                _ => {}
            }
        }
        condition
    }

    /// What happens at the venue by `now`, each once.
    pub fn strikes(&self, now: Time) -> Vec<Strike> {
        let strike = |armed: &Arc<Armed>| match armed.kind {
            FaultKind::ForeignNonce if armed.take(now) => Some(Strike::ForeignNonce),
            // of a moment
            FaultKind::ExpiredLogin | FaultKind::RevokedKeys
                if armed.from <= now && armed.left.swap(0, Ordering::Relaxed) > 0 =>
            {
                Some(Strike::LoggedOut)
            }
            FaultKind::Intrude(what) if armed.take(now) => Some(Strike::Intrude(what)),
            FaultKind::Deleverage { percent } if armed.take(now) => Some(Strike::Deleverage(percent)),
            _ => None,
        };
        self.armed().iter().filter_map(strike).collect()
    }

    /// No byte passes.
    pub fn is_parted(&self, now: Time) -> bool {
        self.any(FaultKind::Partition, |armed| armed.is_on(now))
    }

    /// How long a client may say nothing; `usual`: where no fault shortens it.
    pub fn patience(&self, usual: Option<TimeDelta>, now: Time) -> Option<TimeDelta> {
        let after = |armed: &Arc<Armed>| match armed.kind {
            FaultKind::IdleClose { after } if armed.is_on(now) => Some(after),
            _ => None,
        };
        self.armed().iter().filter_map(after).chain(usual).min()
    }

    /// When a stream that opened at `opened` is closed by plan, once that was announced; and how long before it was.
    pub fn closes_at(&self, opened: Time, now: Time) -> Option<(Time, TimeDelta)> {
        self.armed().iter().find_map(|armed| match armed.kind {
            FaultKind::Shutdown { close_in } if opened <= armed.from && armed.from <= now => {
                Some((armed.from.plus(close_in), close_in))
            }
            _ => None,
        })
    }

    /// A socket that opened at `opened` is cut by `now`.
    pub fn is_cut(&self, opened: Time, now: Time) -> bool {
        self.any(FaultKind::DropSocket, |armed| armed.from <= now && opened <= armed.to)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use perpx_core::units::{MS, SECOND};
    use std::sync::Arc;

    fn faults(text: &str) -> Faults {
        Faults::new(
            &FaultPlan::parse("f.toml", text).expect("legal"),
            &crate::lighter::emulator::LighterDialect,
            (Time(0), 1.0),
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
        let at = |seconds: i64| Time::at(seconds * SECOND);
        let faults = faults("[[fault]]\nat = \"5s\"\nkind = \"drop-socket\"\nfor = \"2s\"\n");
        assert!(!faults.is_cut(at(1), at(4)) && faults.is_cut(at(1), at(5)));
        assert!(faults.is_cut(at(6), at(6)) && !faults.is_cut(at(8), at(9)));
    }

    /// A time of the market comes by the wall as much sooner as the market is faster; the durations of a kind with it.
    #[test]
    fn times_are_the_walls_or_the_markets() {
        let at = |ms: i64| Time::at(ms * MS);
        let each = |clock: &str| {
            let text = format!("[[fault]]\nat = \"60s\"\nfor = \"60s\"\nkind = \"clock-ahead\"\nby = \"6s\"{clock}\n");
            let plan = FaultPlan::parse("f.toml", &text).expect("legal");
            let faults = Faults::new(&plan, &crate::lighter::emulator::LighterDialect, (Time(0), 60.0));
            let ahead_ms = move |ms: i64| faults.condition(at(ms)).ahead / MS;
            [999, 1_000, 1_999, 2_000, 60_000, 119_999, 120_000].map(ahead_ms)
        };
        assert_eq!(each("\nclock = \"market\""), [0, 100, 100, 0, 0, 0, 0]);
        assert_eq!(each("\nclock = \"wall\""), [0, 0, 0, 0, 6_000, 6_000, 0]);
        assert_eq!(each(""), each("\nclock = \"wall\""));
    }

    /// What happens once happens once; what lasts, lasts.
    #[test]
    fn a_venue_is_struck_once_for_each_count() {
        let faults = faults(
            "[[fault]]\nat = \"1s\"\nkind = \"foreign-nonce\"\ncount = 2\n[[fault]]\nat = \"1s\"\nkind = \"intrude\"\nwhat = \"deposit\"\n",
        );
        let at = |seconds: i64| Time::at(seconds * SECOND);
        assert_eq!(faults.strikes(at(0)), []);
        assert_eq!(faults.strikes(at(1)), [Strike::ForeignNonce, Strike::Intrude(Intrusion::Deposit)]);
        assert_eq!((faults.strikes(at(2)), faults.strikes(at(3))), (vec![Strike::ForeignNonce], vec![]));
        let faults = self::faults("[[fault]]\nat = \"1s\"\nkind = \"expired-login\"\n");
        assert_eq!([0, 2, 3].map(|now| faults.strikes(at(now)).len()), [0, 1, 0]);
    }

    /// What is added later counts from then, and stands behind what was there.
    #[test]
    fn faults_can_be_added() {
        let at = |seconds: i64| Time::at(seconds * SECOND);
        let faults = faults("[[fault]]\nat = \"0s\"\nkind = \"halt\"\nfor = \"1s\"\n");
        assert_eq!(faults.new_halts(), Some(vec![(at(0), at(1))]));
        assert_eq!(faults.new_halts(), None);
        let more =
            "[[fault]]\nat = \"1s\"\nkind = \"halt\"\nfor = \"2s\"\n[[fault]]\nat = \"0s\"\nkind = \"revoked-keys\"\n";
        faults.add(&FaultPlan::parse("f.toml", more).expect("legal"), at(10));
        assert_eq!(faults.new_halts(), Some(vec![(at(0), at(1)), (at(11), at(13))]));
        assert!(!faults.is_revoked(at(9)) && faults.is_revoked(at(99)) && faults.is_halted(at(12)));
        assert_eq!([9, 10, 11].map(|now| faults.strikes(at(now)).len()), [0, 1, 0]);
    }

    #[test]
    fn the_shortest_patience_counts() {
        let faults = faults("[[fault]]\nat = \"5s\"\nkind = \"idle-close\"\nafter = \"10s\"\nfor = \"2s\"\n");
        let at = |seconds: i64| Time::at(seconds * SECOND);
        let (usual, short) = (Some(120 * SECOND), Some(10 * SECOND));
        assert_eq!([4, 5, 7].map(|now| faults.patience(usual, at(now))), [usual, short, usual]);
        assert_eq!([4, 5, 7].map(|now| faults.patience(None, at(now))), [None, short, None]);
    }
}
