//! What both venues' messages are made of. A venue adds fields and words without notice, sends a number as text or text as a
//! number, `null` for an empty list: none of that may stop a message. What is missing and needed, or is no number, does.

use perpx_core::units::{Cash, Price, Qty, Rate, parse_scaled};
use rust_decimal::Decimal;
use serde::de::{self, DeserializeOwned, Visitor};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use std::fmt;
use std::marker::PhantomData;
use thiserror::Error;

/// Why a text from a venue is of no use.
#[derive(Debug, Error, PartialEq, Eq)]
// the texts say what the fields are
#[allow(missing_docs)]
pub enum WireError {
    /// Is no message of its kind: where, and why.
    #[error("{what}: byte {at}: {why}; the message begins {begins:?}")]
    Message { what: &'static str, at: usize, why: String, begins: String },
    /// Is no number, or is out of range.
    #[error("{found:?} is no {want}")]
    Number { found: String, want: &'static str },
}

/// Reads one message; an error says where it stands in `text`.
pub fn parse<'a, T: Deserialize<'a>>(what: &'static str, text: &'a str) -> Result<T, WireError> {
    serde_json::from_str(text).map_err(|error| WireError::message(what, text, &error))
}

/// The same for a value that is already a tree.
pub fn parse_value<T: DeserializeOwned>(what: &'static str, value: serde_json::Value) -> Result<T, WireError> {
    serde_json::from_value(value).map_err(|error| WireError::message(what, "", &error))
}

impl WireError {
    pub(crate) fn message(what: &'static str, text: &str, error: &serde_json::Error) -> WireError {
        let before: usize = text.lines().take(error.line().saturating_sub(1)).map(|line| line.len() + 1).sum();
        WireError::Message {
            what,
            at: before + error.column(),
            why: error.to_string(),
            begins: text.chars().take(60).collect(),
        }
    }
}

/// A decimal as a venue writes it, exact, with its trailing zeros. `""`, which both venues send for "no value", is kept apart
/// from a field that is missing (`Option<Dec>`). Read from text or number, written as text.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Dec(Option<Decimal>);

/// A price that may be missing or empty: zero then.
pub fn known(px: Option<Dec>) -> Result<Price, WireError> {
    px.filter(|px| px.value().is_some()).map_or(Ok(Price(0)), |px| px.price())
}

impl Dec {
    /// What `""` stands for.
    pub const EMPTY: Dec = Dec(None);

    /// Of a value.
    pub fn new(value: Decimal) -> Dec {
        Dec(Some(value))
    }

    /// Reads a decimal; `None` when it is none or has more than 28 digits.
    pub fn read(text: &str) -> Option<Dec> {
        if text.is_empty() {
            return Some(Dec::EMPTY);
        }
        let plain = Decimal::from_str_exact(text).ok();
        // the exponent of a number in JSON; longer ones than three digits do not fit anyway
        let scientific = || {
            let (_, exponent) = text.split_once(['e', 'E'])?;
            (exponent.len() <= 4).then(|| Decimal::from_scientific(text).ok())?
        };
        plain.or_else(scientific).map(|value| Dec(Some(value)))
    }

    /// `None` for `""`.
    pub fn value(&self) -> Option<Decimal> {
        self.0
    }

    /// The value as an integer of `10^-scale`. `want` names the unit in the error: empty, finer than the scale, too large.
    fn scaled(&self, scale: u32, want: &'static str) -> Result<i128, WireError> {
        let exact = self.0.and_then(|value| {
            let (mantissa, digits) = (value.mantissa(), value.scale());
            match digits.checked_sub(scale) {
                None | Some(0) => mantissa.checked_mul(10i128.checked_pow(scale - digits)?),
                Some(cut) => {
                    let unit = 10i128.checked_pow(cut)?;
                    (mantissa % unit == 0).then_some(mantissa / unit)
                }
            }
        });
        exact.ok_or_else(|| WireError::Number { found: self.to_string(), want })
    }

    fn narrow(&self, scale: u32, want: &'static str) -> Result<i64, WireError> {
        i64::try_from(self.scaled(scale, want)?).map_err(|_| WireError::Number { found: self.to_string(), want })
    }

    /// Quote money per base coin.
    pub fn price(&self) -> Result<Price, WireError> {
        self.narrow(9, "price of at most 9 decimals").map(Price)
    }

    /// Base coins.
    pub fn qty(&self) -> Result<Qty, WireError> {
        self.narrow(9, "quantity of at most 9 decimals").map(Qty)
    }

    /// Quote money.
    pub fn cash(&self) -> Result<Cash, WireError> {
        self.scaled(12, "amount of at most 12 decimals").map(Cash)
    }

    /// A fraction: 0.01 is one percent.
    pub fn fraction(&self) -> Result<Rate, WireError> {
        self.narrow(12, "fraction of at most 12 decimals").map(Rate)
    }

    /// Percentage points: 0.01 is one basis point.
    pub fn percent(&self) -> Result<Rate, WireError> {
        self.narrow(10, "percentage of at most 10 decimals").map(Rate)
    }
}

impl fmt::Display for Dec {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.map_or(Ok(()), |value| value.fmt(f))
    }
}

impl Serialize for Dec {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Dec {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Dec, D::Error> {
        struct Read;
        impl Visitor<'_> for Read {
            type Value = Dec;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a decimal, as text or number")
            }
            fn visit_str<E: de::Error>(self, text: &str) -> Result<Dec, E> {
                Dec::read(text).ok_or_else(|| E::invalid_value(de::Unexpected::Str(text), &self))
            }
            fn visit_u64<E: de::Error>(self, value: u64) -> Result<Dec, E> {
                Ok(Dec::new(Decimal::from(value)))
            }
            fn visit_i64<E: de::Error>(self, value: i64) -> Result<Dec, E> {
                Ok(Dec::new(Decimal::from(value)))
            }
            fn visit_f64<E: de::Error>(self, value: f64) -> Result<Dec, E> {
                // the shortest text that reads back as this number is what the venue wrote
                Dec::read(&value.to_string()).ok_or_else(|| E::invalid_value(de::Unexpected::Float(value), &self))
            }
        }
        deserializer.deserialize_any(Read)
    }
}

/// A whole number that a venue may send as number or text.
pub trait Whole: Copy + fmt::Display + TryFrom<i128> {}
impl<T: Copy + fmt::Display + TryFrom<i128>> Whole for T {}

/// A float of statistics: number or text.
struct AnyWhole<T>(PhantomData<T>);

impl<T: Whole> Visitor<'_> for AnyWhole<T> {
    type Value = T;
    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "a whole number that fits {}, as text or number", std::any::type_name::<T>())
    }
    fn visit_str<E: de::Error>(self, text: &str) -> Result<T, E> {
        let value = text.parse::<i128>().ok().and_then(|value| T::try_from(value).ok());
        value.ok_or_else(|| E::invalid_value(de::Unexpected::Str(text), &self))
    }
    fn visit_u64<E: de::Error>(self, value: u64) -> Result<T, E> {
        T::try_from(value.into()).map_err(|_| E::invalid_value(de::Unexpected::Unsigned(value), &self))
    }
    fn visit_i64<E: de::Error>(self, value: i64) -> Result<T, E> {
        T::try_from(value.into()).map_err(|_| E::invalid_value(de::Unexpected::Signed(value), &self))
    }
}

macro_rules! whole {
    ($(#[$doc:meta])* $name:ident, $value:ident => $write:expr) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name<T>(pub T);
        impl<'de, T: Whole> Deserialize<'de> for $name<T> {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                deserializer.deserialize_any(AnyWhole(PhantomData)).map($name)
            }
        }
        impl<T: Whole + Serialize> Serialize for $name<T> {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                let $value = &self.0;
                $write(serializer)
            }
        }
        impl<T> From<T> for $name<T> {
            fn from(value: T) -> Self {
                $name(value)
            }
        }
    };
}
whole!(
    /// A whole number, read from number or text, written as a number.
    Num, value => |s| value.serialize(s)
);
whole!(
    /// A whole number, read from number or text, written as text.
    Quoted, value => |s: S| s.collect_str(value)
);

/// A float of daily statistics, read from number or text, written as a number. Never money of ours.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
pub struct Float(pub f64);

impl<'de> Deserialize<'de> for Float {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Float, D::Error> {
        struct Read;
        impl Visitor<'_> for Read {
            type Value = Float;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a number")
            }
            fn visit_str<E: de::Error>(self, text: &str) -> Result<Float, E> {
                let value = text.parse::<f64>().ok().filter(|value| value.is_finite());
                value.map(Float).ok_or_else(|| E::invalid_value(de::Unexpected::Str(text), &self))
            }
            fn visit_u64<E: de::Error>(self, value: u64) -> Result<Float, E> {
                Ok(Float(value as f64))
            }
            fn visit_i64<E: de::Error>(self, value: i64) -> Result<Float, E> {
                Ok(Float(value as f64))
            }
            fn visit_f64<E: de::Error>(self, value: f64) -> Result<Float, E> {
                Ok(Float(value))
            }
        }
        deserializer.deserialize_any(Read)
    }
}

/// One level of a book: price and absolute size, zero removes. Written without trailing zeros.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Level {
    /// Quote a base coin.
    pub price: Price,
    /// Base coins.
    pub size: Qty,
    /// GRVT alone counts the orders.
    pub orders: Option<u32>,
}

impl Serialize for Level {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        use serde::ser::SerializeStruct;
        let fields = 2 + usize::from(self.orders.is_some());
        let mut level = serializer.serialize_struct("Level", fields)?;
        level.serialize_field("price", &Shown(self.price))?;
        level.serialize_field("size", &Shown(self.size))?;
        if let Some(orders) = self.orders {
            level.serialize_field("num_orders", &orders)?;
        }
        level.end()
    }
}

struct Shown<T>(T);

impl<T: fmt::Display> Serialize for Shown<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(&self.0)
    }
}

impl<'de> Deserialize<'de> for Level {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Level, D::Error> {
        #[derive(Deserialize)]
        struct Raw {
            price: Scaled,
            size: Scaled,
            num_orders: Option<Num<u32>>,
        }
        let Raw { price, size, num_orders } = Raw::deserialize(deserializer)?;
        Ok(Level { price: Price(price.0), size: Qty(size.0), orders: num_orders.map(|n| n.0) })
    }
}

/// A decimal straight to 1e-9: books are read too often for a detour.
struct Scaled(i64);

impl<'de> Deserialize<'de> for Scaled {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Scaled, D::Error> {
        struct Read;
        impl Visitor<'_> for Read {
            type Value = Scaled;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a decimal of at most 9 decimals below 9.2 billion, as text")
            }
            fn visit_str<E: de::Error>(self, text: &str) -> Result<Scaled, E> {
                let value = parse_scaled(text, 9).and_then(|value| i64::try_from(value).ok());
                value.map(Scaled).ok_or_else(|| E::invalid_value(de::Unexpected::Str(text), &self))
            }
        }
        deserializer.deserialize_str(Read)
    }
}

/// Fields that are not written when they hold nothing.
pub trait Absent {
    /// It is left out when written.
    fn is_absent(&self) -> bool {
        false
    }
}

impl<T> Absent for Option<T> {
    fn is_absent(&self) -> bool {
        self.is_none()
    }
}

impl<T> Absent for Vec<T> {}
impl<T> Absent for Num<T> {}
impl<T> Absent for Quoted<T> {}
macro_rules! present { ($($type:ty),*) => { $(impl Absent for $type {})* } }
present!(Dec, Float, Level, String, bool);
impl<K, V> Absent for std::collections::BTreeMap<K, V> {}

/// Declares messages. A field of type `Option` may be missing or `null` and is not written when it is `None`; every other field
/// is needed; fields that are not named are skipped.
macro_rules! message {
    ($($(#[$doc:meta])* $name:ident { $($(#[$attr:meta])* $field:ident: $type:ty,)* })*) => { $(
        $(#[$doc])*
        // names of fields and words are the venue's: its own documentation says what they mean
        #[allow(missing_docs)]
        #[derive(Clone, Debug, PartialEq, serde::Serialize, serde::Deserialize)]
        pub struct $name {
            $($(#[$attr])* #[serde(skip_serializing_if = "crate::wire::Absent::is_absent")] pub $field: $type,)*
        }
        impl crate::wire::Absent for $name {}
    )* };
}
pub(crate) use message;

/// Declares the words of a field. A word that is not listed is kept as it came, in `Other`.
macro_rules! words {
    ($($(#[$doc:meta])* $name:ident { $($(#[$note:meta])* $word:ident = $text:literal,)* })*) => { $(
        $(#[$doc])*
        #[allow(missing_docs)]
        #[derive(Clone, Debug, PartialEq, Eq, Hash)]
        pub enum $name {
            $($(#[$note])* $word,)*
            /// A word that this version does not know.
            Other(Box<str>),
        }
        impl $name {
            /// As the venue writes it.
            pub fn as_str(&self) -> &str {
                match self {
                    $($name::$word => $text,)*
                    $name::Other(text) => text,
                }
            }
        }
        impl From<&str> for $name {
            fn from(text: &str) -> $name {
                match text {
                    $($text => $name::$word,)*
                    other => $name::Other(other.into()),
                }
            }
        }
        impl serde::Serialize for $name {
            fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.serialize_str(self.as_str())
            }
        }
        impl<'de> serde::Deserialize<'de> for $name {
            fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<$name, D::Error> {
                let text = std::borrow::Cow::<'de, str>::deserialize(deserializer)?;
                Ok($name::from(&*text))
            }
        }
        impl crate::wire::Absent for $name {}
    )* };
}
pub(crate) use words;

#[cfg(test)]
mod tests {
    use super::*;

    words! { Colour { Red = "red", } }
    message! { Sample { id: Quoted<u64>, at: Num<i64>, price: Dec, colour: Colour, size: Option<Dec>, list: Option<Vec<Num<u8>>>, } }

    #[test]
    fn numbers_come_as_text_or_number_and_leave_in_one_form() {
        let text = r#"{"id":18446744073709551615,"at":"-5","price":1e-4,"colour":"blue","new":[{}],"list":null}"#;
        let sample: Sample = parse("sample", text).expect("tolerant");
        assert_eq!((sample.id, sample.at), (Quoted(u64::MAX), Num(-5)));
        assert_eq!(sample.price.fraction(), Ok(Rate::from_bps(1)));
        assert_eq!(sample.colour, Colour::Other("blue".into()));
        let back = serde_json::to_string(&sample).expect("text");
        assert_eq!(back, r#"{"id":"18446744073709551615","at":-5,"price":"0.0001","colour":"blue"}"#);
        assert_eq!(parse::<Sample>("sample", &back), Ok(sample));
    }

    #[test]
    fn what_is_missing_or_no_number_is_said_with_its_place() {
        let said = |text: &str| parse::<Sample>("sample", text).expect_err("no sample").to_string();
        assert!(said(r#"{"id":1,"at":2,"colour":"red"}"#).contains("missing field `price`"));
        let text = r#"{"id":1,"at":2,"price":"x","colour":"red"}"#;
        assert!(said(text).starts_with("sample: byte 26: "), "{}", said(text));
        assert!(said(r#"{"id":-1"#).contains("a whole number that fits u64"));
    }

    #[test]
    fn units_are_exact_or_refused() {
        let dec = |text| Dec::read(text).expect("a decimal");
        assert_eq!(dec("76747.199999999").price(), Ok(Price(76_747_199_999_999)));
        assert_eq!(dec("-0.0034").percent(), Ok(Rate(-34_000_000)));
        assert_eq!(dec("28.50").qty(), Ok(Qty(28_500_000_000)));
        assert_eq!(dec("72057594037927936.000000").cash().map(|cash| cash.0 / 1_000_000_000_000), Ok(1 << 56));
        for text in ["", "0.0000000001", "10000000000"] {
            assert!(dec(text).price().is_err(), "{text}");
        }
        for text in ["1.2.3", "abc", "1e99999", "1e9999999999", "79228162514264337593543950336", "."] {
            assert_eq!(Dec::read(text), None, "{text}");
        }
    }
}
