//! How a run reaches its two venues: commands out, events in. The type says whether they are simulated here or are
//! somebody else's.

use super::{Index, Job, RowsSeen};
use crate::market::{Command, Event, Role};
use crate::port::{Mandate, Trader};
use crate::sim::OrderTrace;
use crate::tape::Tile;
use crate::units::{Cash, Time};
use serde::{Deserialize, Serialize};
use std::collections::VecDeque;

/// Both venues of a run.
pub trait VenuePort: Sized {
    /// It moves with the tape: nothing is heard of after its time, and a run can be ended at any moment.
    const IS_REPLAYED: bool;
    /// What surrounds the venues during one pass.
    type Surroundings<'p>;

    /// Those of one pass.
    fn surroundings<'p, T: Trader>(
        job: &'p Job<'_, T>,
        tile: &'p Tile,
        index: Option<&'p Index>,
        rows_seen: RowsSeen,
    ) -> Self::Surroundings<'p>;

    /// The tile begins. `follows`: from now on what requests meet is kept for [`VenuePort::take_log`].
    fn begin(&mut self, around: &Self::Surroundings<'_>, follows: bool);

    /// The pass ends before `until`.
    fn end(&mut self, around: &mut Self::Surroundings<'_>, until: Time);

    /// A command leaves the trader at `now`; `ordinal` is its place among those sent to its venue at that time.
    fn submit(&mut self, around: &mut Self::Surroundings<'_>, now: Time, ordinal: u32, command: Command);

    /// The earliest event at or before `limit`, the long venue's first at equal times. `undue`: nothing is scheduled
    /// before `limit`.
    fn next_event(&mut self, around: &mut Self::Surroundings<'_>, limit: Time, undue: bool) -> Option<Event>;

    /// Money moves to or from a venue.
    fn transfer(&mut self, around: &Self::Surroundings<'_>, event: &Event);

    /// What a venue would let go at most, where that is known beside what the trader believes.
    fn most_free(&self, role: Role) -> Option<Cash>;

    /// What requests have met since the last call.
    fn take_log(&mut self) -> Vec<OrderTrace>;

    /// What the trader may do at a moment.
    fn mandate(&self, _now: Time) -> Mandate {
        Mandate::FULL
    }
}

/// Venues that are not simulated: what they have said and the trader has not heard, and what it wants of them.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Remote {
    /// By the time of hearing.
    pub events: VecDeque<Event>,
    /// In the order of sending; no part of a state: what left is written down apart from it.
    #[serde(skip)]
    pub commands: Vec<Command>,
    /// When each of them was decided.
    #[serde(skip)]
    pub decided: Vec<Time>,
    /// What the trader may do; no part of a state: whoever runs it says it anew.
    #[serde(skip)]
    pub mandate: Mandate,
}

impl VenuePort for Remote {
    const IS_REPLAYED: bool = false;
    type Surroundings<'p> = ();

    fn surroundings<'p, T: Trader>(_: &'p Job<'_, T>, _: &'p Tile, _: Option<&'p Index>, _: RowsSeen) {}

    fn begin(&mut self, (): &(), _follows: bool) {}

    fn end(&mut self, (): &mut (), _until: Time) {}

    fn submit(&mut self, (): &mut (), now: Time, _ordinal: u32, command: Command) {
        self.commands.push(command);
        self.decided.push(now);
    }

    fn next_event(&mut self, (): &mut (), limit: Time, _undue: bool) -> Option<Event> {
        self.events.pop_front_if(|event| event.at <= limit)
    }

    fn transfer(&mut self, (): &(), _event: &Event) {}

    fn most_free(&self, _role: Role) -> Option<Cash> {
        None
    }

    fn take_log(&mut self) -> Vec<OrderTrace> {
        Vec::new()
    }

    fn mandate(&self, _now: Time) -> Mandate {
        self.mandate
    }
}
