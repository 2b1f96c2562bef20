//! Price levels: exact entry cost and quantity, turned once into integers by ceil or floor.

use crate::ledger::Leg;
use crate::market::Role;
use crate::units::{Price, Rate, mul_div};
use serde::{Deserialize, Serialize};

/// The levels of the present state on the price at which a leg can be closed (the long venue's bid, the short venue's
/// ask). `None`: that condition is off.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Levels {
    /// S1: profit g.
    pub lock: Option<Price>,
    /// S1, S4, S5: the loss that closes the leg.
    pub stop: Option<Price>,
    /// S4, S5: the profit that closes the leg.
    pub take_profit: Option<Price>,
    /// S4, S5: the rise since the unlock that closes the leg.
    pub rebound: Option<Price>,
    /// By role: marks below (long) or above (short) it close everything.
    pub buffer: [Option<Price>; 2],
}

/// The price from which closing a leg pays at least `fraction` over its entry: long `>=` ceil(entry * (1 + f)), short
/// `<=` floor(entry * (1 - f)).
pub fn gain_level(role: Role, leg: &Leg, fraction: Rate) -> Price {
    match role {
        Role::Long => entry_times(leg, Rate::ONE + fraction.0, true),
        Role::Short => entry_times(leg, Rate::ONE - fraction.0, false),
    }
}

/// The price at which a leg has lost `fraction` of its entry: long `<=` floor(entry * (1 - f)), short `>=`
/// ceil(entry * (1 + f)).
pub fn loss_level(role: Role, leg: &Leg, fraction: Rate) -> Price {
    match role {
        Role::Long => entry_times(leg, Rate::ONE - fraction.0, false),
        Role::Short => entry_times(leg, Rate::ONE + fraction.0, true),
    }
}

/// As [`gain_level`], from a price.
pub fn gain_from(role: Role, px: Price, fraction: Rate) -> Price {
    match role {
        Role::Long => px.scaled_ceil(fraction),
        Role::Short => px.scaled_floor(-fraction),
    }
}

/// As [`loss_level`], from a price.
pub fn loss_from(role: Role, px: Price, fraction: Rate) -> Price {
    match role {
        Role::Long => px.scaled_floor(-fraction),
        Role::Short => px.scaled_ceil(fraction),
    }
}

/// Entry price times `factor` (1e-12), rounded up or down to 1e-9.
fn entry_times(leg: &Leg, factor: i64, up: bool) -> Price {
    let (cost, factor, unit) = (leg.cost.0, i128::from(factor), i128::from(leg.qty.0) * i128::from(Rate::ONE));
    let level = if up { -mul_div(-cost, factor, unit) } else { mul_div(cost, factor, unit) };
    Price(i64::try_from(level).unwrap_or(i64::MAX))
}

/// The closing price of a leg has reached a gain level.
pub fn gained(role: Role, px: Price, level: Price) -> bool {
    px.0 > 0
        && match role {
            Role::Long => px >= level,
            Role::Short => px <= level,
        }
}

/// The closing price of a leg has reached a loss level.
pub fn lost(role: Role, px: Price, level: Price) -> bool {
    px.0 > 0
        && match role {
            Role::Long => px <= level,
            Role::Short => px >= level,
        }
}

/// The mark level of `liq_buffer_pct`: long ceil(P / (1 - x)), short floor(P / (1 + x)).
pub fn buffer_level(role: Role, liquidation: Price, x: Rate) -> Price {
    let scaled = i128::from(liquidation.0) * i128::from(Rate::ONE);
    match role {
        Role::Long => Price(-(-scaled).div_euclid(i128::from(Rate::ONE - x.0)) as i64),
        Role::Short => Price(scaled.div_euclid(i128::from(Rate::ONE + x.0)) as i64),
    }
}

/// The mark has come too near to liquidation.
pub fn buffered(role: Role, mark: Price, level: Price) -> bool {
    mark.0 > 0
        && match role {
            Role::Long => mark < level,
            Role::Short => mark > level,
        }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::units::{Cash, Qty};

    #[test]
    fn levels_are_exact_at_the_edge() {
        // 3 coins for 100.000000001 in all: entry 33.333333333666...; +1 % = 33.66666666700333..
        let leg = Leg {
            qty: Qty(3_000_000_000),
            cost: Price(100_000_000_001).of(Qty(1_000_000_000)),
            margin: Cash::ZERO,
            funding_paid: Cash::ZERO,
        };
        let one_percent = Rate::from_bps(100);
        assert_eq!(gain_level(Role::Long, &leg, one_percent), Price(33_666_666_668));
        assert_eq!(loss_level(Role::Long, &leg, one_percent), Price(33_000_000_000));
        assert_eq!(gain_level(Role::Short, &leg, one_percent), Price(33_000_000_000));
        assert_eq!(loss_level(Role::Short, &leg, one_percent), Price(33_666_666_668));
        assert!(gained(Role::Long, Price(33_666_666_668), Price(33_666_666_668)));
        assert!(!gained(Role::Long, Price(33_666_666_667), Price(33_666_666_668)));
        assert_eq!(buffer_level(Role::Long, Price(90_000_000_000), Rate::from_bps(1000)), Price(100_000_000_000));
        assert!(!buffered(Role::Long, Price(100_000_000_000), Price(100_000_000_000)));
        assert!(buffered(Role::Long, Price(99_999_999_999), Price(100_000_000_000)));
    }
}
