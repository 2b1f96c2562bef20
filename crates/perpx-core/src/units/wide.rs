//! Products that may pass i128 on their way to a quotient that does not.

/// `a * b / c`, rounded down, exact however large the product is; `c` > 0. A quotient beyond i128 is its nearest end.
#[inline]
pub fn mul_div(a: i128, b: i128, c: i128) -> i128 {
    match a.checked_mul(b) {
        // a division without signs is a fifth cheaper, and every fill makes a dozen
        Some(product) if product >= 0 => (product.unsigned_abs() / c.unsigned_abs()) as i128,
        Some(product) => (product.unsigned_abs().div_ceil(c.unsigned_abs()) as i128).wrapping_neg(),
        None => wide(a, b, c),
    }
}

/// As [`mul_div`], of a product that passes i128.
#[cold]
fn wide(a: i128, b: i128, c: i128) -> i128 {
    let (high, low) = product(a.unsigned_abs(), b.unsigned_abs());
    let Some((quotient, rest)) = quotient(high, low, c.unsigned_abs()) else {
        return if (a < 0) == (b < 0) { i128::MAX } else { i128::MIN };
    };
    match (i128::try_from(quotient), (a < 0) == (b < 0)) {
        (Ok(quotient), true) => quotient,
        // down: away from zero when something is left
        (Ok(quotient), false) => (-quotient).saturating_sub(i128::from(rest > 0)),
        (Err(_), true) => i128::MAX,
        (Err(_), false) => i128::MIN,
    }
}

/// The 256 bits of a product: the upper half, the lower half.
fn product(a: u128, b: u128) -> (u128, u128) {
    const HALF: u128 = u64::MAX as u128;
    let (a1, a0, b1, b0) = (a >> 64, a & HALF, b >> 64, b & HALF);
    let (low, cross, other) = (a0 * b0, a1 * b0, a0 * b1);
    let middle = (low >> 64) + (cross & HALF) + (other & HALF);
    let high = a1 * b1 + (cross >> 64) + (other >> 64) + (middle >> 64);
    (high, (middle << 64) | (low & HALF))
}

/// Long division, bit by bit; `None` when the quotient passes 128 bits. `by` is below 2^127, so that the rest can double.
fn quotient(high: u128, low: u128, by: u128) -> Option<(u128, u128)> {
    if high >= by {
        return None;
    }
    let (mut rest, mut quotient) = (high, 0u128);
    for bit in (0..128).rev() {
        rest = (rest << 1) | ((low >> bit) & 1);
        quotient <<= 1;
        if rest >= by {
            rest -= by;
            quotient |= 1;
        }
    }
    Some((quotient, rest))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_long_way_and_the_short_way_agree() {
        let values = [0, 1, -1, 7, -7, 1_000_003, -999_999_999_999, i128::from(i64::MAX), i128::from(i64::MIN)];
        for a in values {
            for b in values {
                for c in [1, 3, 1_000_000, i128::from(i64::MAX)] {
                    let floor = (a * b).div_euclid(c);
                    assert_eq!((wide(a, b, c), mul_div(a, b, c)), (floor, floor), "{a} * {b} / {c}");
                }
            }
        }
    }

    #[test]
    fn a_product_beyond_i128_is_exact() {
        // 10^36 * 10^15 / 10^24 = 10^27; one more leaves a rest, which goes down
        let ten = |n: u32| 10i128.pow(n);
        assert_eq!(mul_div(ten(36), ten(15), ten(24)), ten(27));
        assert_eq!(mul_div(ten(36) + 1, ten(15), ten(24)), ten(27));
        assert_eq!(mul_div(-ten(36) - 1, ten(15), ten(24)), -ten(27) - 1);
        assert_eq!(mul_div(i128::MAX, i128::MAX, i128::MAX), i128::MAX);
        assert_eq!((mul_div(i128::MIN, 1, 1), mul_div(i128::MIN, 1, 2)), (i128::MIN, i128::MIN / 2));
        assert_eq!((mul_div(i128::MAX, 2, 1), mul_div(i128::MAX, -2, 1)), (i128::MAX, i128::MIN));
    }
}
