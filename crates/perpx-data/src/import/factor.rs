//! Numbers of a file as integers of the store, exactly: times a factor of the map, and no digit lost.

use super::map::Numbers;
use perpx_core::units::parse_decimal;
use serde::Deserialize;
use serde::de::{Deserializer, Error, Visitor};
use std::fmt;

/// An exact decimal above zero, written as text or as a number of TOML.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Factor {
    digits: i128,
    decimals: i32,
}

impl Default for Factor {
    fn default() -> Factor {
        Factor { digits: 1, decimals: 0 }
    }
}

impl std::str::FromStr for Factor {
    type Err = String;
    fn from_str(text: &str) -> Result<Factor, String> {
        let found = parse_decimal(text)
            .filter(|(digits, decimals)| (1..=1_000_000_000_000).contains(digits) && (-18..=18).contains(decimals));
        let (digits, decimals) =
            found.ok_or_else(|| format!("'{text}' is no decimal above 0 such as 0.001 or 1000"))?;
        Ok(Factor { digits, decimals })
    }
}

impl fmt::Display for Factor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (digits, decimals) = (self.digits, self.decimals);
        match u32::try_from(decimals) {
            Ok(decimals) => f.write_str(&perpx_core::units::format_scaled(digits, decimals)),
            Err(_) => write!(f, "{}", digits * 10i128.pow(decimals.unsigned_abs())),
        }
    }
}

impl<'de> Deserialize<'de> for Factor {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Factor, D::Error> {
        struct Any;
        impl Visitor<'_> for Any {
            type Value = Factor;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a decimal above 0 such as 0.001 or 1000")
            }
            fn visit_str<E: Error>(self, text: &str) -> Result<Factor, E> {
                text.parse().map_err(E::custom)
            }
            fn visit_i64<E: Error>(self, value: i64) -> Result<Factor, E> {
                self.visit_str(&value.to_string())
            }
            fn visit_f64<E: Error>(self, value: f64) -> Result<Factor, E> {
                self.visit_str(&value.to_string())
            }
        }
        deserializer.deserialize_any(Any)
    }
}

/// Why a text is no number of the store.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unfit {
    NotANumber,
    TooFine,
    TooLarge,
}

/// A rounding of `numbers = "float"` may change a price or a size by a part in so many.
const FLOAT_PARTS: i128 = 1_000_000;

/// `text` times `factor` as an integer of `10^-scale`. `is_fine` says that any rounding of floats is, as with rates, of
/// which the last decimal is no money.
pub fn scaled(text: &str, scale: u32, factor: Factor, numbers: Numbers, is_fine: bool) -> Result<i128, Unfit> {
    let (digits, decimals) = parse_decimal(text).ok_or(Unfit::NotANumber)?;
    let digits = digits.checked_mul(factor.digits).ok_or(Unfit::TooLarge)?;
    let shift = i64::from(scale) - i64::from(decimals) - i64::from(factor.decimals);
    let power = |by: u64| 10i128.checked_pow(u32::try_from(by).ok()?);
    if digits == 0 {
        Ok(0)
    } else if shift >= 0 {
        power(shift.unsigned_abs()).and_then(|power| digits.checked_mul(power)).ok_or(Unfit::TooLarge)
    } else {
        let cut = power(shift.unsigned_abs()).ok_or(Unfit::TooFine)?;
        let (whole, rest) = (digits.div_euclid(cut), digits.rem_euclid(cut));
        let near = whole + i128::from(rest >= cut - rest);
        let change = rest.min(cut - rest);
        let is_near = is_fine || change.checked_mul(FLOAT_PARTS).is_some_and(|c| c <= digits.abs());
        match (rest, numbers) {
            (0, _) => Ok(whole),
            (_, Numbers::Float) if is_near => Ok(near),
            _ => Err(Unfit::TooFine),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_factor_loses_no_digit() {
        let f = |text: &str| text.parse::<Factor>().expect("a factor");
        let exact = |text, factor| scaled(text, 9, f(factor), Numbers::Decimal, false);
        assert_eq!(exact("0.00000421345", "1000"), Ok(4_213_450));
        assert_eq!(exact("2500000001", "0.001"), Ok(2_500_000_001_000_000));
        assert_eq!(exact("7", "0.01"), Ok(70_000_000));
        assert_eq!(exact("1.00000000000000000000000000000000000000000000", "1"), Ok(1_000_000_000));
        assert_eq!(exact("0.00000421345", "1"), Err(Unfit::TooFine));
        assert_eq!(exact("1e30", "1"), Err(Unfit::TooLarge));
        assert_eq!(exact("1e-2147483647", "1"), Err(Unfit::TooFine));
        assert_eq!(exact("NaN", "1"), Err(Unfit::NotANumber));
        let float = |text| scaled(text, 9, f("1"), Numbers::Float, false);
        assert_eq!(float("99.60000000000001"), Ok(99_600_000_000));
        assert_eq!(float("-99.60000000000001"), Ok(-99_600_000_000));
        assert_eq!(float("0.00000421345"), Err(Unfit::TooFine), "a basis point is no rounding");
        assert_eq!(scaled("1.2345e-10", 12, f("1"), Numbers::Float, true), Ok(123));
        for (text, shown) in [("0.0010", "0.001"), ("1e3", "1000"), ("2.5", "2.5")] {
            assert_eq!(f(text).to_string(), shown);
        }
        for bad in ["0", "-1", "x", "1e-30"] {
            assert!(bad.parse::<Factor>().is_err(), "{bad}");
        }
    }
}
