//! Fees: the one place where a fee is computed.

use crate::units::{Cash, Notional, Price, Qty, Rate};
use serde::{Deserialize, Serialize};

/// Fee rates of one account on one venue; negative = the venue pays us.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct FeeSchedule {
    /// Rate of fills that took from the book.
    pub taker: Rate,
    /// The maker's whole rate; negative is a rebate.
    pub maker: Rate,
    /// Taken off a positive rate, never below zero. Written negative in the config (`-0.2` bp), kept positive here.
    pub referral: Rate,
}

impl FeeSchedule {
    /// The rate that a fill pays after the referral rebate.
    pub fn rate(&self, maker: bool) -> Rate {
        let rate = if maker { self.maker } else { self.taker };
        if rate.0 > 0 { Rate((rate.0 - self.referral.0).max(0)) } else { rate }
    }

    /// Money booked for the fee of a fill of value `notional` (its sign does not matter): negative = we pay.
    /// Rounded once, against us, to the venue's money grid.
    pub fn fee(&self, notional: Notional, maker: bool, grid: Cash) -> Cash {
        (-notional.abs()).times(self.rate(maker), grid)
    }
}

/// What a fill of a liquidation pays: all that it got beyond the zero price, at most `max_fee` of its value.
pub fn liquidation_fee(px: Price, qty: Qty, zero: Price, max_fee: Rate, grid: Cash) -> Cash {
    let beyond = Price((px.0 - zero.0).abs()).of(qty);
    (-beyond).to_cash(grid).max((-px.of(qty)).times(max_fee, grid))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn referral_rebate_never_turns_a_fee_into_income() {
        let fees = FeeSchedule { taker: Rate::from_bps(2), maker: Rate(-50_000_000), referral: Rate(20_000_000) };
        let value = Price(50_000_000_000_000).of(Qty(10_000_000)); // 50,000 x 0.01 = 500
        let grid = Cash(1_000_000);
        // 500 x 1.8 bp = 0.09 paid; 500 x 0.5 bp = 0.025 received, no referral on a rebate
        assert_eq!(fees.fee(value, false, grid).to_string(), "-0.09");
        assert_eq!(fees.fee(value, true, grid).to_string(), "0.025");
        let tiny = FeeSchedule { taker: Rate(10_000_000), ..fees };
        assert_eq!(tiny.fee(value, false, grid), Cash::ZERO);
    }
}
