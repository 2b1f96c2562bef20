//! What can stand to the right of a key.

use crate::units::{format_scaled, parse_scaled};
use std::fmt;

/// An exact decimal in 1e-18. Written numbers never pass through a float.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Num(pub i128);

/// Decimals kept.
const SCALE: u32 = 18;

impl Num {
    /// The integer that stands for 1.
    pub const ONE: i128 = 1_000_000_000_000_000_000;

    /// A whole number.
    pub const fn whole(value: i64) -> Num {
        Num(value as i128 * Num::ONE)
    }

    /// Millionths, for bounds in tables.
    pub const fn micro(value: i64) -> Num {
        Num(value as i128 * 1_000_000_000_000)
    }

    /// Reads a decimal; `_` between digits is allowed. `None`: no decimal, finer than 1e-18, or beyond 1e17.
    pub fn parse(text: &str) -> Option<Num> {
        let value = match text.contains('_') {
            true => parse_scaled(&text.replace('_', ""), SCALE),
            false => parse_scaled(text, SCALE),
        }?;
        // far below the range of i128, so that sums and products by small factors cannot overflow
        (value.unsigned_abs() <= 100_000_000_000_000_000_000 * Num::ONE as u128 / 1_000).then_some(Num(value))
    }

    /// The float nearest to the decimal: the same as any program reads from its text.
    pub fn as_f64(self) -> f64 {
        // an integer below 2^53 divided by a power of ten that a float holds exactly is rounded once, so correctly
        const EXACT: u128 = 1 << 53;
        let part = 1_000_000_000;
        if self.0.unsigned_abs() < EXACT {
            return self.0 as f64 / 1e18;
        }
        if self.0 % part == 0 && (self.0 / part).unsigned_abs() < EXACT {
            return (self.0 / part) as f64 / 1e9;
        }
        self.to_string().parse().unwrap_or(f64::NAN)
    }

    /// Nothing stands after the point.
    pub fn is_whole(self) -> bool {
        self.0 % Num::ONE == 0
    }

    /// The integer, when it is one that fits.
    pub fn as_i64(self) -> Option<i64> {
        if self.is_whole() { i64::try_from(self.0 / Num::ONE).ok() } else { None }
    }
}

impl fmt::Display for Num {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&format_scaled(self.0, SCALE))
    }
}

/// A value as written: scalars, and the few lists of small maps (outages, margin brackets).
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Value {
    /// `null`: switches off.
    Null,
    /// `true` or `false`.
    Bool(bool),
    /// A decimal, exact.
    Num(Num),
    /// Anything else that is one value.
    Text(String),
    /// In the order of the file.
    List(Vec<Value>),
    /// Keys and values, in the order of the file.
    Map(Vec<(String, Value)>),
}

impl Value {
    /// The number, if it is one.
    pub fn num(&self) -> Option<Num> {
        match self {
            Value::Num(num) => Some(*num),
            _ => None,
        }
    }

    /// The text, if it is one.
    pub fn text(&self) -> Option<&str> {
        match self {
            Value::Text(text) => Some(text),
            _ => None,
        }
    }

    /// Reads one scalar of `--set`: null, true, false, a decimal, else text.
    pub fn from_word(word: &str) -> Value {
        let word = word.trim();
        match word {
            "null" | "~" => Value::Null,
            "true" => Value::Bool(true),
            "false" => Value::Bool(false),
            _ => match Num::parse(word) {
                Some(num) => Value::Num(num),
                None => Value::Text(word.trim_matches(['"', '\'']).to_string()),
            },
        }
    }
}

/// JSON-like; numbers without trailing zeros, text bare.
impl fmt::Display for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Value::Null => f.write_str("null"),
            Value::Bool(value) => write!(f, "{value}"),
            Value::Num(num) => write!(f, "{num}"),
            Value::Text(text) => f.write_str(text),
            Value::List(items) => {
                f.write_str("[")?;
                for (i, item) in items.iter().enumerate() {
                    write!(f, "{}{item}", if i > 0 { ", " } else { "" })?;
                }
                f.write_str("]")
            }
            Value::Map(entries) => {
                f.write_str("{")?;
                for (i, (key, value)) in entries.iter().enumerate() {
                    write!(f, "{}{key}: {value}", if i > 0 { ", " } else { "" })?;
                }
                f.write_str("}")
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_exact_and_have_one_spelling() {
        for (text, want) in
            [("0.0050", "0.005"), ("1e-4", "0.0001"), ("14_400", "14400"), ("-0.5", "-0.5"), ("2.0", "2")]
        {
            assert_eq!(Num::parse(text).expect(text).to_string(), want);
        }
        for text in ["0.1", "0.0008", "2.5", "123456789.123456789", "0.123456789012345678", "-99999.3", "1e-18"] {
            assert_eq!(Num::parse(text).map(Num::as_f64), text.parse().ok(), "{text}");
        }
        assert_eq!(Num::parse("12").and_then(Num::as_i64), Some(12));
        assert_eq!(Num::parse("1.5").and_then(Num::as_i64), None);
        for bad in ["", "x", "1e40", "0x10", "1e-30"] {
            assert_eq!(Num::parse(bad), None, "{bad}");
        }
    }
}
