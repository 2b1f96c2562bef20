//! Lengths of time.

use serde::{Deserialize, Serialize};
use std::ops::{Div, Mul, Rem};

/// A length of time in nanoseconds: from an earlier moment to a later one where it is positive. (`std`'s `Duration` is the
/// machine's time, and has no sign.)
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[repr(transparent)]
pub struct TimeDelta(pub i64);

/// 1e-9 s: what times are counted in.
pub const NS: TimeDelta = TimeDelta(1);
/// 1e-3 s.
pub const MS: TimeDelta = TimeDelta(1_000_000);
/// A second.
pub const SECOND: TimeDelta = MS.times(1_000);
/// 60 seconds.
pub const MINUTE: TimeDelta = SECOND.times(60);
/// 60 minutes.
pub const HOUR: TimeDelta = MINUTE.times(60);
/// 24 hours: no day has a leap second.
pub const DAY: TimeDelta = HOUR.times(24);
/// 365 days everywhere (strategy.md, 1).
pub const YEAR: TimeDelta = DAY.times(365);

impl TimeDelta {
    /// No time.
    pub const ZERO: TimeDelta = TimeDelta(0);
    /// Longer than any two moments lie apart.
    pub const MAX: TimeDelta = TimeDelta(i64::MAX);

    /// `count` times as long; stays at the ends of the range.
    #[inline]
    pub const fn times(self, count: i64) -> TimeDelta {
        TimeDelta(self.0.saturating_mul(count))
    }

    /// Without its sign.
    #[inline]
    pub fn abs(self) -> TimeDelta {
        TimeDelta(self.0.abs())
    }

    /// In `unit`s, as a float: for statistics and for people.
    #[inline]
    pub fn as_f64(self, unit: TimeDelta) -> f64 {
        self.0 as f64 / unit.0 as f64
    }
}

super::sums!(TimeDelta);

/// So many of a unit: `90 * SECOND`.
impl Mul<TimeDelta> for i64 {
    type Output = TimeDelta;
    #[inline]
    fn mul(self, unit: TimeDelta) -> TimeDelta {
        unit.times(self)
    }
}

/// How often `other` fits whole, toward zero.
impl Div for TimeDelta {
    type Output = i64;
    #[inline]
    fn div(self, other: TimeDelta) -> i64 {
        self.0 / other.0
    }
}

/// An equal part, toward zero.
impl Div<i64> for TimeDelta {
    type Output = TimeDelta;
    #[inline]
    fn div(self, parts: i64) -> TimeDelta {
        TimeDelta(self.0 / parts)
    }
}

/// What is left when `other` is taken off as often as it fits.
impl Rem for TimeDelta {
    type Output = TimeDelta;
    #[inline]
    fn rem(self, other: TimeDelta) -> TimeDelta {
        TimeDelta(self.0 % other.0)
    }
}
