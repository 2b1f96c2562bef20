//! When the snapshot of a channel that is not whole is asked for again: not more often than a venue takes, and in the end on another
//! socket.

use perpx_core::units::{SECOND, Time, TimeDelta};

/// Least time between two resubscriptions of a channel.
const AGAIN: TimeDelta = SECOND.times(2);
/// Resubscriptions without a snapshot after which the socket is given up.
const MOST_TRIES: u32 = 3;
/// A socket that is to be replaced has this long.
const RECONNECT: TimeDelta = SECOND.times(30);

/// What is to be done for a channel that is not whole.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Remedy {
    /// Its snapshot is under way.
    Nothing,
    /// It is subscribed anew.
    Resubscribe,
    /// The socket is replaced.
    Reconnect,
}

/// The questions for one snapshot.
#[derive(Clone, Debug, Default)]
pub struct Resync {
    /// The last one.
    asked: Option<Time>,
    tries: u32,
}

impl Resync {
    /// It was asked for at `at`, on a fresh socket.
    pub fn begun(at: Time) -> Resync {
        Resync { asked: Some(at), tries: 0 }
    }

    /// Time goes on, and it has not come.
    pub fn due(&mut self, at: Time) -> Remedy {
        if self.asked.is_some_and(|asked| at.since(asked) < AGAIN) {
            return Remedy::Nothing;
        }
        if self.tries >= MOST_TRIES {
            // the new socket says when its own snapshots are due
            (self.asked, self.tries) = (Some(at.plus(RECONNECT)), 0);
            return Remedy::Reconnect;
        }
        (self.asked, self.tries) = (Some(at), self.tries + 1);
        Remedy::Resubscribe
    }
}

/// One channel of a client: whether its frames are taken.
#[derive(Clone, Debug, Default)]
pub struct Subscription {
    /// A snapshot came, and every update since.
    is_whole: bool,
    resync: Resync,
}

impl Subscription {
    /// It was asked for at `at`, on a fresh socket.
    pub fn begun(at: Time) -> Subscription {
        Subscription { is_whole: false, resync: Resync::begun(at) }
    }

    /// Its snapshot is here.
    pub fn whole(&mut self) {
        (self.is_whole, self.resync.tries) = (true, 0);
    }

    /// Something is missing.
    pub fn lost(&mut self) {
        self.is_whole = false;
    }

    /// Time goes on.
    pub fn due(&mut self, at: Time) -> Remedy {
        if self.is_whole { Remedy::Nothing } else { self.resync.due(at) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_snapshot_that_does_not_come_is_asked_for_three_times_and_then_on_another_socket() {
        let mut channel = Subscription::begun(Time(0));
        let due = |channel: &mut Subscription, seconds: i64| channel.due(Time::at(seconds * SECOND));
        let want = [Remedy::Nothing, Remedy::Resubscribe, Remedy::Nothing, Remedy::Resubscribe, Remedy::Resubscribe];
        assert_eq!([1, 2, 3, 4, 6].map(|at| due(&mut channel, at)), want);
        assert_eq!((due(&mut channel, 8), due(&mut channel, 37)), (Remedy::Reconnect, Remedy::Nothing));
        channel.whole();
        assert_eq!(due(&mut channel, 100), Remedy::Nothing);
        // a gap: at once
        channel.lost();
        assert_eq!(due(&mut channel, 100), Remedy::Resubscribe);
    }
}
