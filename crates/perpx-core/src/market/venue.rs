//! What a venue is to the engine: data, not an enum. Shipped profiles and the config's venue blocks resolve to these.

use super::{LiquidationRule, MarginSchedule, OrderKind};
use crate::units::{Cash, Notional, Price, Qty, Rate, TimeDelta};
use serde::{Deserialize, Serialize};

/// One perpetual on one venue.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Instrument {
    /// The store's name of the venue: "lighter".
    pub venue: String,
    /// Smallest price step, > 0.
    pub tick: Price,
    /// Smallest quantity step, > 0.
    pub lot: Qty,
    /// Least order size.
    pub min_qty: Qty,
    /// Least order value, quote money.
    pub min_notional: Notional,
    /// Ledger entries are multiples of this.
    pub money_grid: Cash,
    /// False where the venue has no fill-or-kill.
    pub has_fok: bool,
    /// What happens when an order would trade with another one of ours.
    pub self_trade: SelfTrade,
    /// False where `min_qty` and `min_notional` bind orders that may rest, not those that only take.
    pub min_binds_takers: bool,
    /// How far from the mark a limit may be; `None`: as far as it likes.
    pub price_band: Option<Rate>,
    /// Which price funding is paid on.
    pub funding_price: FundingPrice,
    /// Maintenance by size of the position.
    pub margin: MarginSchedule,
    /// What is done with a leg below maintenance.
    pub liquidation: LiquidationRule,
}

impl Instrument {
    /// True when an order of `qty` at `px` is not below the venue's minimum size or value.
    pub fn takes(&self, qty: Qty, px: Price) -> bool {
        qty >= self.min_qty && qty.0 > 0 && px.of(qty) >= self.min_notional
    }

    /// As [`Instrument::takes`], for an order of a kind that the minimum may not bind.
    pub fn takes_as(&self, kind: OrderKind, qty: Qty, px: Price) -> bool {
        let bound = self.min_binds_takers || !kind.only_takes();
        if bound { self.takes(qty, px) } else { qty.0 > 0 }
    }
}

impl Instrument {
    /// True when a limit is not further from the mark than the price band; a mark of zero is not known and binds nothing.
    pub fn is_in_band(&self, limit: Price, mark: Price) -> bool {
        self.price_band.is_none_or(|band| {
            let far = i128::from(limit.0 - mark.0).abs() * i128::from(Rate::ONE);
            mark.0 <= 0 || far <= i128::from(mark.0) * i128::from(band.0)
        })
    }
}

/// Which of two orders of one account gives way.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum SelfTrade {
    /// The resting one is cancelled, and the other goes on (Lighter's default).
    CancelMaker,
    /// The one that comes is refused.
    CancelTaker,
}

/// The price that funding is a fraction of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum FundingPrice {
    /// The venue's mark price.
    Mark,
    /// The venue's index price.
    Index,
}

/// The venue's own delay, added to the order latency by the kind of request.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Delays {
    /// Orders that may take (IOC, FOK, limit).
    pub taker: TimeDelta,
    /// Post-only orders.
    pub maker: TimeDelta,
    /// Cancels.
    pub cancel: TimeDelta,
}

impl Delays {
    /// Of an order of this kind.
    pub fn of(&self, kind: OrderKind) -> TimeDelta {
        if kind == OrderKind::PostOnly { self.maker } else { self.taker }
    }
}

/// At most `requests` in any rolling `window`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RateLimit {
    /// In one window.
    pub requests: u32,
    /// Its length.
    pub window: TimeDelta,
}

impl RateLimit {
    /// With `used` requests in the window only the reserve is left.
    pub fn is_held(&self, used: usize, reserve: Rate) -> bool {
        used as i128 * i128::from(Rate::ONE) >= i128::from(self.requests) * i128::from(Rate::ONE - reserve.0)
    }
}

/// Orders and changes cost a unit each; units are earned by trading (Lighter's volume quota; cancels are free).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct VolumeQuota {
    /// Units at the beginning of a run.
    pub start: u32,
    /// Most units that are kept.
    pub cap: u32,
    /// Traded value that earns a unit.
    pub value_per_unit: Notional,
    /// Without units, one request is taken when this long has gone by since the last such one.
    pub free_every: TimeDelta,
}
