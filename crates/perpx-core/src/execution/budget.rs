//! The slippage budget of a lock: what walking the book as we see it would cost (strategy.md, 6).

use crate::market::{Bbo, DepthLevel, DepthView, Side};
use crate::units::{Price, Qty, Rate, mul_div};

/// What we see of a venue's book: the best of both sides, the depth in force (empty = none), and what each further
/// best-size costs where there is none. Each size gives whole lots.
#[derive(Clone, Copy, Debug)]
pub struct Seen<'a> {
    /// The best of both sides.
    pub bbo: Bbo,
    /// The snapshot in force; empty: none.
    pub depth: DepthView<'a>,
    /// What each further best-size costs, a fraction of the price.
    pub impact: Rate,
    /// The step of quantities.
    pub lot: Qty,
}

/// True when taking `qty` by `side` costs on average at most `epsilon` against the best price.
pub fn is_within(seen: &Seen<'_>, side: Side, qty: Qty, epsilon: Rate) -> bool {
    assert!(qty.0 > 0 && seen.lot.0 > 0, "a walk for {qty} in lots of {}", seen.lot);
    let (best, size) = seen.bbo.opposite(side);
    if best.0 <= 0 {
        return false;
    }
    let levels = seen.depth.opposite(side);
    match levels.is_empty() {
        true => is_best_within(size, qty, seen, epsilon),
        false => are_levels_within(levels, best, (side, qty), seen.lot, epsilon),
    }
}

/// The best size goes at the best price, each further best-size at `impact` worse (fills.md); a size that is not
/// known is taken as enough.
fn is_best_within(size: Qty, qty: Qty, seen: &Seen<'_>, epsilon: Rate) -> bool {
    let lots = size.floor_to(seen.lot);
    if size.0 <= 0 || qty <= lots {
        return true;
    }
    if lots.is_zero() {
        return false;
    }
    // average cost = impact * sum(n * chunk_n) / qty, chunk 0 at the best
    let (size, qty) = (i128::from(lots.0), i128::from(qty.0));
    let full = qty / size;
    let rest = qty % size;
    let weighted = size * (full * (full - 1) / 2) + rest * full;
    weighted * i128::from(seen.impact.0) <= i128::from(epsilon.0) * qty
}

/// Level by level, as the simulated venue takes them. What lies behind the last recorded level is not counted on: a book
/// that does not show the whole quantity is not within any budget.
fn are_levels_within(levels: &[DepthLevel], best: Price, (side, qty): (Side, Qty), lot: Qty, epsilon: Rate) -> bool {
    let (mut left, mut cost) = (qty.0, 0i128);
    for level in levels {
        let taken = if level.qty.0 > 0 { left.min(level.qty.floor_to(lot).0) } else { left };
        let worse = match side {
            Side::Buy => level.px.0 - best.0,
            Side::Sell => best.0 - level.px.0,
        };
        cost += i128::from(worse) * i128::from(taken);
        left -= taken;
        if left == 0 {
            break;
        }
    }
    // cost <= epsilon * value; both are whole, so the value may be rounded down
    left == 0 && cost <= mul_div(best.of(qty).0, i128::from(epsilon.0), i128::from(Rate::ONE))
}

#[cfg(test)]
mod tests {
    use super::*;
    /// 25 against a best size of 10 at 1 bp impact: 10 at 0, 10 at 1 bp, 5 at 2 bp = 20/25 = 0.8 bp on average.
    #[test]
    fn average_cost_of_walking() {
        let bbo = Bbo { bid: Price(100), bid_qty: Qty(10), ask: Price(101), ask_qty: Qty(10) };
        let seen = Seen { bbo, depth: DepthView::default(), impact: Rate::from_bps(1), lot: Qty(1) };
        let within = |epsilon| is_within(&seen, Side::Sell, Qty(25), Rate(epsilon));
        assert!(within(80_000_000));
        assert!(!within(79_999_999));
        assert!(is_within(&seen, Side::Buy, Qty(10), Rate::ZERO));
        assert!(!is_within(&Seen { bbo: Bbo::default(), ..seen }, Side::Buy, Qty(1), Rate::ZERO));
        // in lots of 4 the size gives 8: 8 at 0, 8 at 1 bp, 4 at 2 bp = 16/20 = 0.8 bp; in lots of 20 nothing
        let lots = |lot, qty, epsilon| is_within(&Seen { lot: Qty(lot), ..seen }, Side::Sell, Qty(qty), Rate(epsilon));
        assert!(lots(4, 20, 80_000_000) && !lots(4, 20, 79_999_999));
        assert!(lots(4, 8, 0) && !lots(20, 20, Rate::ONE));
    }

    /// Bids 10 at 10,000, 10 at 9,999, 30 at 9,997, asks mirrored around 10,001. Selling 25 costs (10 * 1 + 5 * 3) / 25 =
    /// 1 on average, 1 bp of 10,000; buying 25 also costs 1, less than 1 bp of 10,001.
    #[test]
    fn depth_is_walked_level_by_level() {
        let level = |px: i64, qty: i64| DepthLevel { px: Price(px), qty: Qty(qty) };
        let bids = [level(10_000, 10), level(9_999, 10), level(9_997, 30)];
        let asks = [level(10_001, 10), level(10_002, 10), level(10_004, 30)];
        let bbo = Bbo { bid: Price(10_000), bid_qty: Qty(10), ask: Price(10_001), ask_qty: Qty(10) };
        let seen = Seen { bbo, depth: DepthView { bids: &bids, asks: &asks }, impact: Rate::ZERO, lot: Qty(1) };
        let within = |side, qty, epsilon| is_within(&seen, side, Qty(qty), Rate(epsilon));
        let bp = Rate::from_bps(1).0;
        assert!(within(Side::Sell, 25, bp));
        assert!(!within(Side::Sell, 25, bp - 1));
        assert!(within(Side::Buy, 25, bp));
        assert!(!within(Side::Buy, 25, bp - 10_000));
        assert!(within(Side::Sell, 10, 0));
        // the book shows 50
        assert!(within(Side::Sell, 50, 3 * bp));
        assert!(!within(Side::Sell, 51, 9_999 * bp));
        // in lots of 4: 8 at 10,000 and 8 at 9,999 cost half on average
        let lots = |epsilon| is_within(&Seen { lot: Qty(4), ..seen }, Side::Sell, Qty(16), Rate(epsilon));
        assert!(lots(bp / 2) && !lots(bp / 2 - 1));
        // an unknown size is enough
        let open = [level(10_000, 10), level(9_999, 0)];
        let seen = Seen { depth: DepthView { bids: &open, asks: &[] }, ..seen };
        assert!(is_within(&seen, Side::Sell, Qty(1_000), Rate(bp)));
        assert!(!is_within(&seen, Side::Sell, Qty(1_000), Rate(bp * 98 / 100)));
    }
}
