//! What the venues say of the accounts, asked for again and again, and what the desk makes of it: when the run is held, what is booked
//! because an operator says so, what is cancelled.

use super::ears::say;
use super::verbs::Settling;
use crate::engine_time;
use crate::journal::log::Log;
use crate::live_file::OnMismatch;
use crate::reconcile::{Believed, Watch};
use crate::recovery::Kept;
use perpx_core::ledger::VenueBook;
use perpx_core::market::{Event, EventBody, OrderId, Reject, Role};
use perpx_core::units::{Cash, Price, Qty, Rate, Time, TimeDelta};
use perpx_venues::client::{ForeignFill, Holding, RunNumber, Transfer};

/// The order of an entry that no order made. The trader counts from 1.
const NO_ORDER: OrderId = OrderId(0);

/// What a session has to do because of a comparison.
#[derive(Debug, Default, PartialEq)]
pub struct Due {
    /// Booked as if their venues had said so.
    pub events: Vec<(Role, EventBody)>,
    /// Orders of ours that are open and should not be.
    pub cancels: Vec<(Role, OrderId)>,
    /// By role: the account is to be read.
    pub reads: [bool; 2],
    /// By role: fills and payments are to be read.
    pub histories: [bool; 2],
    /// By role: a close was refused since nothing is there to be reduced. That is looked at whatever else is asked for: it would be sent
    /// again and again.
    pub in_vain: [bool; 2],
    /// By role: what was paid in or out is to be read, since the run began.
    pub transfers: [Option<Time>; 2],
}

/// Both accounts beside what is believed of them.
pub struct Truth {
    watches: [Watch; 2],
    /// By role: the venues.
    names: [String; 2],
    poll: TimeDelta,
    on_mismatch: OnMismatch,
    number: RunNumber,
    /// The highest number that this process gave an order.
    last: Option<OrderId>,
    /// Of the whole run.
    entries: u64,
    /// By role: answers that were not looked at.
    fresh: [Option<Holding>; 2],
    /// By role: something was heard that the trader has not booked.
    is_unbooked: [bool; 2],
    /// By role: coins that a run left whose machine cannot be used. They are booked as soon as prices are known.
    strays: [Qty; 2],
    /// When the run was begun for the first time, by the wall.
    begun: Time,
    due: Due,
}

/// What the desk has to do.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Found {
    /// A position has just been confirmed to differ.
    pub mismatch: Option<OnMismatch>,
    /// Another process trades the run.
    pub is_other_instance: bool,
}

impl Truth {
    /// Nothing was compared yet. `leverage`: both accounts are to have it.
    pub fn new(names: [String; 2], leverage: Rate, poll: TimeDelta, on_mismatch: OnMismatch) -> Truth {
        Truth {
            watches: [(); 2].map(|()| Watch::of(leverage)),
            names,
            poll,
            on_mismatch,
            number: RunNumber { tag: 0, epoch: 0 },
            last: None,
            entries: 0,
            fresh: [None, None],
            is_unbooked: [true; 2],
            strays: [Qty::ZERO; 2],
            begun: Time::MAX,
            due: Due::default(),
        }
    }

    /// Trading begins, or goes on: under which number, with so many ledger entries and what earlier processes found.
    pub fn begin(&mut self, number: RunNumber, entries: u64, (kept, begun): (Option<[Kept; 2]>, Time)) {
        (self.number, self.entries, self.begun) = (number, entries, begun);
        for (watch, Kept { explained, latched, transfers }) in self.watches.iter_mut().zip(kept.into_iter().flatten()) {
            watch.resume(explained, latched, transfers);
        }
    }

    /// All that was paid in or out of an account since the run began.
    pub fn transfers(&mut self, (now, venue): (Time, usize), all: &[Transfer], log: Option<&mut Log>) {
        if let Some(sum) = self.watches[venue].told_transfers(all, self.entries) {
            let (way, sum) = if sum.0 < 0 { ("out", -sum) } else { ("in", sum) };
            say(&format!("{}: {sum} was paid {way}, as its history says: no result of this run", self.names[venue]));
            self.write((now, venue), log, None);
        }
    }

    /// Coins of the legs that a run left whose machine cannot be used: they are booked as strays, and the trader closes them.
    pub fn left(&mut self, held: [Qty; 2]) {
        self.strays = held;
    }

    /// Something that was left is not booked yet.
    pub fn has_left(&self) -> bool {
        self.strays != [Qty::ZERO; 2]
    }

    /// Books what was left, as soon as both venues have a price.
    pub fn book_left(&mut self, prices: [Price; 2]) {
        if self.strays == [Qty::ZERO; 2] || prices.iter().any(|px| px.0 <= 0) {
            return;
        }
        for role in Role::BOTH {
            let qty = std::mem::take(&mut self.strays[role.ix()]);
            if !qty.is_zero() {
                self.due.events.push((role, come(role, prices[role.ix()], qty)));
            }
        }
    }

    /// A venue told of an order or the account.
    pub fn hear(&mut self, event: &Event) {
        let v = event.venue.ix();
        self.is_unbooked[v] |= event.body.is_entry();
        if matches!(event.body, EventBody::Rejected { reason: Reject::ReduceOnly, .. })
            && !self.watches[v].is_confirmed()
        {
            self.due.in_vain[v] = true;
            self.watches[v].reopened();
        }
        self.entries += u64::from(event.body.is_entry());
        if event.body.is_entry() {
            self.watches[v].booked(engine_time::now());
        } else if event.body.ended().is_some() {
            self.watches[v].ended(engine_time::now());
        }
    }

    /// An order leaves.
    pub fn sends(&mut self, id: OrderId) {
        self.last = self.last.max(Some(id));
    }

    /// What a venue says that the account holds; whether everything that is booked is in it.
    pub fn said(&mut self, venue: usize, holding: Holding) -> bool {
        self.fresh[venue] = Some(holding);
        !self.watches[venue].may_be_older(engine_time::now())
    }

    /// The stream of an account is open again.
    pub fn reopened(&mut self, venue: usize) {
        self.watches[venue].reopened();
    }

    /// Somebody else's order filled on the account.
    pub fn foreign_fill(&mut self, (now, venue): (Time, usize), fill: &ForeignFill, log: Option<&mut Log>) {
        let difference = self.watches[venue].foreign_fill(fill, self.number, self.last);
        say(&format!("{}: {difference}; nothing opens until `resume`", self.names[venue]));
        self.write((now, venue), log, Some(&fill.name));
    }

    fn write(&self, (now, venue): (Time, usize), log: Option<&mut Log>, fill: Option<&str>) {
        if let Some(log) = log {
            log.compared(now, (Role::BOTH[venue], &self.names[venue]), &self.watches[venue], fill);
        }
    }

    /// Compares what came with what is believed. `orders`: those under way and whether one of them is on its way, by role.
    pub fn look(
        &mut self,
        now: Time,
        books: &[VenueBook; 2],
        orders: [(Vec<OrderId>, bool); 2],
        mut log: Option<&mut Log>,
    ) -> Found {
        let mut found = Found::default();
        for (v, (orders, is_moving)) in orders.into_iter().enumerate() {
            let is_unbooked = std::mem::take(&mut self.is_unbooked[v]);
            if let Some(holding) = self.fresh[v].take() {
                let believed = Believed {
                    position: books[v].position(),
                    cash: books[v].cash,
                    entries: self.entries,
                    orders: &orders,
                    number: self.number,
                    last: self.last,
                    is_unbooked,
                    is_moving,
                };
                let outcome = self.watches[v].reading(engine_time::now(), &holding, &believed);
                self.due.cancels.extend(outcome.cancels.iter().map(|id| (Role::BOTH[v], *id)));
                self.due.histories[v] |= outcome.asks_history;
                self.due.transfers[v] = self.due.transfers[v].or(outcome.asks_transfers.then_some(self.begun));
                if outcome.is_news {
                    let holds = self.watches[v].holds();
                    let words = if holds.is_empty() { "agrees again".to_owned() } else { holds.join("; ") };
                    say(&format!("{}: {words}", self.names[v]));
                    self.write((now, v), log.as_deref_mut(), None);
                }
                found.mismatch = found.mismatch.or(outcome.is_confirmed.then_some(self.on_mismatch));
            }
            found.is_other_instance |= self.watches[v].is_other_instance();
            self.due.reads[v] |= self.watches[v].is_due(engine_time::now(), self.poll);
        }
        found
    }

    /// By role: what differs there is confirmed, and is not ours to close.
    pub fn confirmed(&self) -> [bool; 2] {
        self.watches.each_ref().map(Watch::is_confirmed)
    }

    /// What a session has to do, once.
    pub fn take_due(&mut self) -> Due {
        let due = std::mem::take(&mut self.due);
        for v in 0..2 {
            self.due.in_vain[v] = due.in_vain[v] && !due.reads[v];
        }
        due
    }

    /// Why nothing may open.
    pub fn holds(&self) -> Vec<String> {
        let mut all = Vec::new();
        for (watch, name) in self.watches.iter().zip(&self.names) {
            if !watch.is_known() {
                all.push(format!("{name}: not compared yet"));
            }
            all.extend(watch.holds().iter().map(|words| format!("{name}: {words}")));
        }
        all
    }

    /// What differs at each venue, in words.
    pub fn differs(&self) -> [Vec<String>; 2] {
        self.watches.each_ref().map(Watch::holds)
    }

    /// Of both balances, what nothing explains.
    pub fn unexplained(&self) -> Cash {
        self.watches.iter().map(Watch::unexplained).sum()
    }

    /// By role: of the balance, what an operator has named.
    pub fn explained(&self) -> [Cash; 2] {
        self.watches.each_ref().map(Watch::explained)
    }

    /// By role: coins of the leg that its venue is confirmed to hold less than is believed; more cannot be closed.
    pub fn held_there(&self, books: &[VenueBook; 2]) -> [Option<Qty>; 2] {
        Role::BOTH.map(|role| {
            let (believed, said) = self.of_leg(role, books)?;
            (said < believed).then_some(said.max(Qty::ZERO))
        })
    }

    /// A confirmed difference of a position, as coins of the leg: what is believed, what is there (negative: on the other side).
    fn of_leg(&self, role: Role, books: &[VenueBook; 2]) -> Option<(Qty, Qty)> {
        let (believed, said) = self.watches[role.ix()].confirmed()?;
        let sign = role.opening().sign();
        // one that has moved since is looked at anew
        (books[role.ix()].position() == believed).then_some((Qty(believed.0 * sign), Qty(said.0 * sign)))
    }

    /// Whether there is what an operator has named before there was a process: `None` as long as nobody knows.
    pub fn is_there(&self, settling: Settling, role: Role, books: &[VenueBook; 2]) -> Option<bool> {
        let watch = &self.watches[role.ix()];
        let is_there = match settling {
            Settling::Adopt => self.of_leg(role, books).is_some(),
            Settling::ExplainBalance => watch.unexplained() != Cash::ZERO,
        };
        (is_there || watch.is_clean()).then_some(is_there)
    }

    /// An operator has looked at what differs.
    pub fn resume(&mut self, now: Time, mut log: Option<&mut Log>) {
        for v in 0..2 {
            if self.watches[v].looked_at() {
                self.write((now, v), log.as_deref_mut(), None);
            }
        }
    }

    /// The belief is made to agree with a position that is confirmed to differ, by one entry at `px`, or at the price of the foreign fill.
    ///
    /// # Errors
    /// Why not.
    pub fn adopt(
        &mut self,
        (now, role): (Time, Role),
        books: &[VenueBook; 2],
        px: Price,
        log: Option<&mut Log>,
    ) -> Result<String, String> {
        let name = self.names[role.ix()].clone();
        let Some((believed, said)) = self.of_leg(role, books) else {
            return Err(format!(
                "{name}: no difference of the position is confirmed; one is after five equal readings"
            ));
        };
        if said.0 < 0 {
            return Err(format!(
                "{name}: what is held there is on the side on which this run holds nothing; close it at the venue, then `resume`"
            ));
        }
        let px = self.watches[role.ix()].adopted(engine_time::now()).unwrap_or(px);
        if px.0 <= 0 {
            return Err(format!("{name}: no price is known; say it again when the venue is quoted"));
        }
        let (body, words) = if said < believed {
            let qty = believed - said;
            (
                EventBody::Liquidated { px, qty, fee: Cash::ZERO, lost: Cash::ZERO },
                format!("{qty} booked as gone at {px}"),
            )
        } else {
            let qty = said - believed;
            (
                come(role, px, qty),
                format!("{qty} booked as come at {px}; the strategy closes what it does not mean to hold"),
            )
        };
        self.due.events.push((role, body));
        self.write((now, role.ix()), log, None);
        Ok(format!("{name}: {words}"))
    }

    /// Of legs that are to be closed: what is confirmed to be gone cannot be, and is booked as gone.
    pub fn adopt_gone(&mut self, now: Time, books: &[VenueBook; 2], prices: [Price; 2], mut log: Option<&mut Log>) {
        for role in Role::BOTH {
            let is_less = self.of_leg(role, books).is_some_and(|(believed, said)| said < believed && said.0 >= 0);
            if is_less && let Ok(words) = self.adopt((now, role), books, prices[role.ix()], log.as_deref_mut()) {
                say(&words);
            }
        }
    }

    /// The balance's difference is named: it is no result of the run.
    ///
    /// # Errors
    /// Why not.
    pub fn explain(&mut self, (now, role): (Time, Role), log: Option<&mut Log>) -> Result<String, String> {
        let name = self.names[role.ix()].clone();
        let Some(amount) = self.watches[role.ix()].explain() else {
            return Err(format!("{name}: nothing of its balance is unexplained"));
        };
        self.write((now, role.ix()), log, None);
        Ok(format!("{name}: {amount} is no result of this run from here on"))
    }
}

/// An entry for coins that are there, and that no order brought.
fn come(role: Role, px: Price, qty: Qty) -> EventBody {
    EventBody::Fill { id: NO_ORDER, side: role.opening(), px, qty, maker: false, fee: Cash::ZERO }
}
