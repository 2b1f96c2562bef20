//! The port: commands out, events in. What the simulated venues, the emulators and the live adapters share with the
//! trader is this vocabulary; no call returns an answer.

use super::{NewOrder, OrderId, Role, Side};
use crate::units::{Cash, Mid, Price, Qty, Rate, Time};
use serde::{Deserialize, Serialize};

/// What the trader asks of a venue.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Command {
    /// Sends an order; answered by [`EventBody::Accepted`], [`EventBody::Rejected`], fills, [`EventBody::Done`].
    Place(NewOrder),
    /// Takes an open order back; answered by [`EventBody::Done`] or [`EventBody::CancelRejected`].
    Cancel {
        /// Where the order is.
        venue: Role,
        /// The trader's number of it.
        id: OrderId,
    },
    /// Changes an open order's whole quantity (what has filled included) and limit; it goes to the back of the queue and
    /// may take. Answered as a new order is; [`EventBody::CancelRejected`]: it stands as it was, or is over.
    Modify {
        /// Where the order is.
        venue: Role,
        /// The trader's number of it.
        id: OrderId,
        /// The new whole quantity, base coins, > 0.
        qty: Qty,
        /// The new limit.
        limit: Price,
    },
    /// Asks for an order's state by client id; answered by [`EventBody::Status`]. Also the probe of a silent venue.
    Query {
        /// Where the order is, or was.
        venue: Role,
        /// The trader's number of it.
        id: OrderId,
    },
}

impl Command {
    /// The venue that it goes to.
    pub fn venue(&self) -> Role {
        match self {
            Command::Place(order) => order.venue,
            Command::Cancel { venue, .. } | Command::Modify { venue, .. } | Command::Query { venue, .. } => *venue,
        }
    }

    /// What it may do to the position, at most.
    pub fn class(&self) -> Class {
        match self {
            Command::Place(order) if order.reduce_only => Class::Close,
            Command::Place(order) if order.covers => Class::Cover,
            Command::Place(_) | Command::Modify { .. } => Class::Open,
            Command::Cancel { .. } | Command::Query { .. } => Class::Close,
        }
    }

    /// The order that is sent, cancelled, changed or asked for.
    pub fn order(&self) -> OrderId {
        match self {
            Command::Place(order) => order.id,
            Command::Cancel { id, .. } | Command::Modify { id, .. } | Command::Query { id, .. } => *id,
        }
    }
}

/// What a command may do to the position: limits bind by it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Class {
    /// It makes the position larger: the first leg, either leg of a pair's entry.
    Open,
    /// It opens a leg to make a naked one smaller: lock, hedge.
    Cover,
    /// It makes nothing larger: reduce-only orders, cancels, queries.
    Close,
}

/// Why a venue refused an order. Every refusal has a name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Reject {
    /// A post-only order would have taken.
    PostOnlyCross,
    /// The free balance does not cover margin and fee.
    NoMargin,
    /// A reduce-only order without a position to reduce.
    ReduceOnly,
    /// Below the venue's minimum size or notional, off its tick or lot, or FOK where there is none.
    Rules,
    /// Over the venue's request limit.
    RateLimit,
    /// The venue takes no orders now (outage that is answered, halt).
    Unavailable,
    /// Drawn by `fills.reject_rate`: any other answer that says no.
    Drawn,
    /// It would have traded with an order of our own, on a venue that then refuses the taker.
    SelfTrade,
    /// Its limit is further from the mark than the venue's price band.
    PriceBand,
    /// Never sent: what was to be written down before it left was not on disk in time, or not when the process died (live
    /// alone).
    Journal,
    /// Never sent: a limit of the operator's, or one of his orders, forbids it (live alone).
    Gate,
}

impl Reject {
    /// How many reasons there are, for arrays by `Reject as usize`.
    pub const COUNT: usize = Reject::Gate as usize + 1;

    /// It was never sent: known at once, and nothing that its venue said or failed to do.
    pub fn is_local(self) -> bool {
        matches!(self, Reject::Journal | Reject::Gate)
    }
}

/// Where an order stands, as a venue tells when asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum OrderState {
    /// The venue does not know it, and it can land no more: it is over.
    Unknown,
    /// The venue does not know it, but it may still land.
    InDoubt,
    /// It rests, or waits for the book; `filled`: so far, base coins.
    Open {
        /// So far, base coins.
        filled: Qty,
    },
    /// It is over; `filled`: in all, base coins.
    Done {
        /// In all, base coins.
        filled: Qty,
    },
}

/// What a venue tells. `at` is when it reaches us (decision clock), `venue_time` when it happened there.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Event {
    /// When it reaches us, on the decision clock; stamped by the driver of the port. Never before `venue_time` in a
    /// simulation.
    pub at: Time,
    /// When it happened, on the venue's clock; stamped by the venue.
    pub venue_time: Time,
    /// Whose account it is about.
    pub venue: Role,
    /// What happened.
    pub body: EventBody,
    /// Of a fill: the mid of the book that it met there, before it; zero: not known. It tells slippage from drift, moves no
    /// money, and is no part of the ledger's hash.
    pub met: Mid,
}

/// What happened at a venue. Money is in quote units and positive where we receive it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum EventBody {
    /// The order rests on the book.
    Accepted {
        /// The trader's number.
        id: OrderId,
    },
    /// The order is refused whole; it is final.
    Rejected {
        /// The trader's number.
        id: OrderId,
        /// What the venue said of it.
        reason: Reject,
    },
    /// One fill at one price; `fee` as the venue books it (negative = we pay). `Done` follows when it was the last.
    Fill {
        /// The trader's number.
        id: OrderId,
        /// Which way.
        side: Side,
        /// Of this fill.
        px: Price,
        /// Of this fill, base coins, > 0.
        qty: Qty,
        /// The order was resting.
        maker: bool,
        /// As booked; negative = we pay.
        fee: Cash,
    },
    /// The order is over: filled, cancelled, expired. `filled` is its whole filled quantity.
    Done {
        /// The trader's number.
        id: OrderId,
        /// In all, base coins.
        filled: Qty,
    },
    /// A cancel or a change that found no open order, or failed; the order's own end is reported by `Done`.
    CancelRejected {
        /// The trader's number.
        id: OrderId,
    },
    /// Answer to [`Command::Query`]. Fills not yet reported precede it.
    Status {
        /// The trader's number.
        id: OrderId,
        /// Where it stands.
        state: OrderState,
    },
    /// A funding settlement: `amount` as booked (negative = we paid), at `rate` on the price `px`.
    Funding {
        /// As booked; negative = we paid.
        amount: Cash,
        /// Of the interval; positive = longs pay.
        rate: Rate,
        /// On which it was paid.
        px: Price,
    },
    /// The venue closed `qty` (positive) of our leg at `px`; `fee` and `lost` (margin forfeited beyond price) as booked.
    Liquidated {
        /// At which the leg was closed.
        px: Price,
        /// Base coins, > 0.
        qty: Qty,
        /// As booked; negative = we pay.
        fee: Cash,
        /// Margin forfeited beyond the price; not negative.
        lost: Cash,
    },
    /// Money left for the other venue (`amount` < 0) or arrived from it (`amount` > 0, `fee` <= 0 its cost).
    Transferred {
        /// Negative = it left this account.
        amount: Cash,
        /// Not positive.
        fee: Cash,
    },
}

impl EventBody {
    /// It moves money.
    #[inline]
    pub fn is_entry(&self) -> bool {
        matches!(
            self,
            EventBody::Fill { .. }
                | EventBody::Funding { .. }
                | EventBody::Liquidated { .. }
                | EventBody::Transferred { .. }
        )
    }

    /// The order that the event speaks of.
    pub fn order(&self) -> Option<OrderId> {
        match *self {
            EventBody::Accepted { id }
            | EventBody::Rejected { id, .. }
            | EventBody::Fill { id, .. }
            | EventBody::Done { id, .. }
            | EventBody::CancelRejected { id }
            | EventBody::Status { id, .. } => Some(id),
            EventBody::Funding { .. } | EventBody::Liquidated { .. } | EventBody::Transferred { .. } => None,
        }
    }

    /// The order that is over by this.
    pub fn ended(&self) -> Option<OrderId> {
        match *self {
            EventBody::Rejected { id, .. }
            | EventBody::Done { id, .. }
            | EventBody::Status { id, state: OrderState::Done { .. } | OrderState::Unknown } => Some(id),
            _ => None,
        }
    }
}
