//! What a simulated venue counted.

use crate::market::Reject;
use crate::units::Notional;
use serde::{Deserialize, Serialize};

/// Counts of one venue over a run.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct SimStats {
    /// Requests sent.
    pub orders: u32,
    /// Cancels sent.
    pub cancels: u32,
    /// Changes of open orders sent.
    pub changes: u32,
    /// Questions sent.
    pub queries: u32,
    /// Fills, each at one price.
    pub fills_maker: u32,
    /// Fills of orders that came to the book.
    pub fills_taker: u32,
    /// Refusals by reason, in the order of [`Reject`].
    pub rejects: [u32; Reject::COUNT],
    /// Orders never answered that did not reach the venue, by draw.
    pub timeouts_lost: u32,
    /// Orders never answered that did reach it, by draw.
    pub timeouts_reached: u32,
    /// Orders that arrived after their end of life (`execution.fence_ms`).
    pub expired: u32,
    /// Requests that met an outage.
    pub vanished: u32,
    /// Orders that waited for a row, the book being too old, and then filled.
    pub filled_after_gap: u32,
    /// What they paid beyond the frozen quote; negative = gained.
    pub gap_cost: Notional,
    /// Closings at the end of the data that took more than the recorded depth shows.
    pub closed_past_depth: u32,
    /// Cancels and changes that found no open order: the race was lost.
    pub cancels_lost: u32,
    /// Resting orders that the venue cancelled because another of ours would have met them.
    pub self_trades: u32,
    /// Cancels refused by draw.
    pub cancels_failed: u32,
    /// Legs that the venue took.
    pub liquidations: u32,
    /// Settlements that met an open leg.
    pub settlements: u32,
    /// Settlements for which the venue's own price was unknown and another one stood in.
    pub settlements_other_price: u32,
    /// Requests that arrived before a moment that this venue had already passed: a fault of the driver.
    pub late_arrivals: u32,
    /// Quantities of 1e-9 coins: sent = filled + dead (refused, trimmed, cancelled, lost) + open or under way.
    pub sent_qty: i128,
    /// Filled, the closing at the end of the data aside.
    pub filled_qty: i128,
    /// Will not fill any more.
    pub dead_qty: i128,
}

impl SimStats {
    /// Adds what was counted in another stretch of the run.
    pub(crate) fn add(&mut self, other: &SimStats) {
        let counts = [
            (&mut self.orders, other.orders),
            (&mut self.cancels, other.cancels),
            (&mut self.changes, other.changes),
            (&mut self.queries, other.queries),
            (&mut self.fills_maker, other.fills_maker),
            (&mut self.fills_taker, other.fills_taker),
            (&mut self.timeouts_lost, other.timeouts_lost),
            (&mut self.timeouts_reached, other.timeouts_reached),
            (&mut self.expired, other.expired),
            (&mut self.vanished, other.vanished),
            (&mut self.filled_after_gap, other.filled_after_gap),
            (&mut self.closed_past_depth, other.closed_past_depth),
            (&mut self.cancels_lost, other.cancels_lost),
            (&mut self.self_trades, other.self_trades),
            (&mut self.cancels_failed, other.cancels_failed),
            (&mut self.liquidations, other.liquidations),
            (&mut self.settlements, other.settlements),
            (&mut self.settlements_other_price, other.settlements_other_price),
            (&mut self.late_arrivals, other.late_arrivals),
        ];
        counts.into_iter().for_each(|(count, more)| *count += more);
        self.rejects.iter_mut().zip(other.rejects).for_each(|(count, more)| *count += more);
        self.gap_cost += other.gap_cost;
        self.sent_qty += other.sent_qty;
        self.filled_qty += other.filled_qty;
        self.dead_qty += other.dead_qty;
    }

    /// Refusals for this reason.
    pub fn rejected(&self, reason: Reject) -> u32 {
        self.rejects[reason as usize]
    }
}
