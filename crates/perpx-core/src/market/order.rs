//! Orders as the trader sends them.

use crate::units::{Price, Qty};
use serde::{Deserialize, Serialize};

/// Which leg lives on a venue: `Long` is the venue named `long_venue`, `Short` the one named `short_venue`.
/// Long positions live on the long venue alone, short positions on the short venue alone.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Role {
    /// Of the venue where longs live.
    Long = 0,
    /// Of the venue where shorts live.
    Short = 1,
}

impl Role {
    /// In the order of arrays by role.
    pub const BOTH: [Role; 2] = [Role::Long, Role::Short];

    /// Index into `[T; 2]` arrays.
    #[inline]
    pub const fn ix(self) -> usize {
        self as usize
    }

    /// The role of the other venue.
    #[inline]
    pub const fn other(self) -> Role {
        match self {
            Role::Long => Role::Short,
            Role::Short => Role::Long,
        }
    }

    /// The side that opens this leg.
    #[inline]
    pub const fn opening(self) -> Side {
        match self {
            Role::Long => Side::Buy,
            Role::Short => Side::Sell,
        }
    }

    /// The side that closes this leg.
    #[inline]
    pub const fn closing(self) -> Side {
        self.opening().other()
    }
}

/// What an order does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Side {
    /// Takes from the asks, rests among the bids.
    Buy,
    /// Takes from the bids, rests among the asks.
    Sell,
}

impl Side {
    /// The side of whoever trades with it.
    #[inline]
    pub const fn other(self) -> Side {
        match self {
            Side::Buy => Side::Sell,
            Side::Sell => Side::Buy,
        }
    }

    /// `buy` or `sell`, as results write it.
    pub const fn name(self) -> &'static str {
        match self {
            Side::Buy => "buy",
            Side::Sell => "sell",
        }
    }

    /// +1 for a buy, -1 for a sale.
    #[inline]
    pub const fn sign(self) -> i64 {
        match self {
            Side::Buy => 1,
            Side::Sell => -1,
        }
    }

    /// `qty` (not negative) signed by this side.
    #[inline]
    pub fn signed(self, qty: Qty) -> Qty {
        Qty(self.sign() * qty.0)
    }
}

/// The client's order number: unique within one run, counted from 1, in the order of sending.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct OrderId(pub u32);

/// How an order may trade.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum OrderKind {
    /// Rests at its limit or is rejected; never takes.
    PostOnly,
    /// Takes up to its limit, the rest rests.
    Limit,
    /// Takes up to its limit, the rest is cancelled.
    Ioc,
    /// Takes all of it within its limit, or nothing.
    Fok,
    /// Takes while the *average* price of its fills stays within its limit; the rest is cancelled (Lighter's market
    /// order; elsewhere a market order is an IOC with a far limit).
    Market,
}

impl OrderKind {
    /// It never rests.
    pub fn only_takes(self) -> bool {
        matches!(self, OrderKind::Ioc | OrderKind::Fok | OrderKind::Market)
    }
}

/// An order as it leaves the trader.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct NewOrder {
    /// Given by the trader; answers name it.
    pub id: OrderId,
    /// The venue that it goes to.
    pub venue: Role,
    /// Together with `venue` it says whether it opens or closes.
    pub side: Side,
    /// Positive, a multiple of the venue's lot (but for a reduce-only close of a residue).
    pub qty: Qty,
    /// Worst price per fill, a multiple of the venue's tick.
    pub limit: Price,
    /// How it may trade.
    pub kind: OrderKind,
    /// May only shrink the position.
    pub reduce_only: bool,
    /// Opens to make a naked leg smaller (lock, hedge): it may use what of the venue's requests is kept for closes.
    pub covers: bool,
}
