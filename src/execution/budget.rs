//! The slippage budget of a lock: what walking the book as we see it would cost (strategy.md, 6).

use crate::market::{Bbo, Side};
use crate::units::{Qty, Rate};

/// True when taking `qty` by `side` from the best bid and ask as seen costs on average at most `epsilon` against the best.
/// The best size goes at the best price, each further best-size at `impact` worse (fill-model.md); a size that is not
/// known is taken as enough.
pub fn is_within(bbo: &Bbo, side: Side, qty: Qty, impact: Rate, epsilon: Rate) -> bool {
    let (px, size) = bbo.opposite(side);
    if px.0 <= 0 {
        return false;
    }
    if size.0 <= 0 || qty <= size {
        return true;
    }
    // average cost = impact * sum(n * chunk_n) / qty, chunk 0 at the best
    let (size, qty) = (i128::from(size.0), i128::from(qty.0));
    let full = qty / size;
    let rest = qty % size;
    let weighted = size * (full * (full - 1) / 2) + rest * full;
    weighted * i128::from(impact.0) <= i128::from(epsilon.0) * qty
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::units::Price;

    /// 25 against a best size of 10 at 1 bp impact: 10 at 0, 10 at 1 bp, 5 at 2 bp = 20/25 = 0.8 bp on average.
    #[test]
    fn average_cost_of_walking() {
        let bbo = Bbo { bid: Price(100), bid_qty: Qty(10), ask: Price(101), ask_qty: Qty(10) };
        let within = |epsilon| is_within(&bbo, Side::Sell, Qty(25), Rate::from_bps(1), Rate(epsilon));
        assert!(within(80_000_000));
        assert!(!within(79_999_999));
        assert!(is_within(&bbo, Side::Buy, Qty(10), Rate::from_bps(1), Rate::ZERO));
        assert!(!is_within(&Bbo::default(), Side::Buy, Qty(1), Rate::ZERO, Rate::ZERO));
    }
}
