//! The effective values of one configuration: overrides, then the file, then defaults.

use super::keys::{Default, F, K, Kind, V};
use super::{Choice, ConfigError, ConfigFile, KeyIx, Num, Override, Value};
use crate::units::{Cash, Price, Qty, Rate, TimeDelta};

/// The effective values of a file with some of its keys replaced.
pub(super) struct Values<'a> {
    /// What is written.
    pub file: &'a ConfigFile,
    /// What stands in its place; the last of a key counts.
    pub over: &'a [Override],
}

impl<'a> Values<'a> {
    /// What is written, `null` included.
    pub fn written(&self, ix: KeyIx) -> Option<&'a Value> {
        let over = self.over.iter().rev().find(|(key, _)| *key == ix);
        over.map_or_else(|| self.file.written(ix), |(_, value)| Some(value))
    }

    /// What is written and not `null`.
    pub fn given(&self, ix: KeyIx) -> Option<&'a Value> {
        self.written(ix).filter(|value| **value != Value::Null)
    }

    /// What holds; `None` = unset or switched off.
    pub fn get(&self, ix: KeyIx) -> Option<&'a Value> {
        match self.written(ix) {
            Some(Value::Null) => None,
            Some(value) => Some(value),
            None => match self.file.schema.key(ix).default {
                Default::Like(other) => self.get(other.into()),
                _ => self.file.schema.default(ix),
            },
        }
    }

    /// The value is not the file's own.
    pub fn is_over(&self, ix: KeyIx) -> bool {
        self.over.iter().any(|(key, _)| *key == ix)
    }

    /// The number in the integer steps of its unit.
    pub fn steps(&self, ix: KeyIx) -> Option<i128> {
        let num = self.get(ix)?.num()?;
        let Kind::Number { unit, .. } = self.file.schema.key(ix).kind else { return None };
        Some(num.0 / unit.grain())
    }

    /// As [`Values::steps`], zero when unset. Bounds of the table keep it within i64.
    pub fn int(&self, ix: impl Into<KeyIx>) -> i64 {
        self.steps(ix.into()).map_or(0, |steps| steps as i64)
    }

    /// Of a key that counts something.
    pub fn count(&self, ix: impl Into<KeyIx>) -> u32 {
        self.int(ix) as u32
    }

    /// Of a key of statistics.
    pub fn float(&self, ix: impl Into<KeyIx>) -> f64 {
        self.get(ix.into()).and_then(Value::num).map_or(0.0, Num::as_f64)
    }

    /// Of a key in fractions, ratios or basis points.
    pub fn rate(&self, ix: impl Into<KeyIx>) -> Rate {
        // a bp is 1e-4, and its grain is the rate's own 1e-12 as well
        Rate(self.int(ix))
    }

    /// As [`Values::rate`]; `None` where it is switched off or not set.
    pub fn some_rate(&self, ix: impl Into<KeyIx>) -> Option<Rate> {
        self.steps(ix.into()).map(|steps| Rate(steps as i64))
    }

    /// Of a key in seconds or milliseconds.
    pub fn time_delta(&self, ix: impl Into<KeyIx>) -> TimeDelta {
        // the grain of such a key is a nanosecond
        TimeDelta(self.int(ix))
    }

    /// As [`Values::time_delta`]; `None` where it is switched off or not set.
    pub fn some_time_delta(&self, ix: impl Into<KeyIx>) -> Option<TimeDelta> {
        self.steps(ix.into()).map(|steps| TimeDelta(steps as i64))
    }

    /// As [`Values::count`]; `None` where it is switched off or not set.
    pub fn some_count(&self, ix: impl Into<KeyIx>) -> Option<u32> {
        self.steps(ix.into()).map(|steps| steps as u32)
    }

    /// Of a key in quote money.
    pub fn some_cash(&self, ix: impl Into<KeyIx>) -> Option<Cash> {
        self.steps(ix.into()).map(Cash)
    }

    /// Of a key in base coins.
    pub fn some_qty(&self, ix: impl Into<KeyIx>) -> Option<Qty> {
        self.steps(ix.into()).map(|steps| Qty(steps as i64))
    }

    /// Of a key in quote money per base coin.
    pub fn some_price(&self, ix: impl Into<KeyIx>) -> Option<Price> {
        self.steps(ix.into()).map(|steps| Price(steps as i64))
    }

    /// Of a key that is true or false.
    pub fn flag(&self, ix: impl Into<KeyIx>) -> bool {
        matches!(self.get(ix.into()), Some(Value::Bool(true)))
    }

    /// Of a key of words or text.
    pub fn text(&self, ix: impl Into<KeyIx>) -> Option<&'a str> {
        self.get(ix.into()).and_then(Value::text)
    }

    /// What the word of a choice stands for; `None` when unset.
    pub fn some_choice<T: Choice>(&self, ix: impl Into<KeyIx>) -> Option<T> {
        let ix = ix.into();
        let word = self.text(ix)?;
        // the table's words are those of a type, and no other is let in
        Some(T::of_word(word).unwrap_or_else(|| panic!("{} {word}: no word of its type", self.file.schema.path(ix))))
    }

    /// As [`Values::some_choice`], of a key that has a default.
    pub fn choice<T: Choice>(&self, ix: impl Into<KeyIx>) -> T {
        let ix = ix.into();
        self.some_choice(ix).unwrap_or_else(|| panic!("{}: no default", self.file.schema.path(ix)))
    }

    /// A text; empty when unset.
    pub fn word(&self, ix: impl Into<KeyIx>) -> &'a str {
        self.text(ix).unwrap_or("")
    }

    /// The key in the block of a venue.
    pub fn venue(&self, venue: usize, key: V) -> KeyIx {
        self.file.schema.venue(venue, key)
    }

    /// The key that rules an instrument's property: of the symbol's own block, else of the venue's only one.
    pub fn instrument(&self, venue: usize, key: V) -> KeyIx {
        let own = self.file.schema.instrument(venue, self.word(K::Symbol), key);
        own.filter(|own| self.written(*own).is_some()).unwrap_or(self.venue(venue, key))
    }

    /// The key that rules a venue's fills: its own if given, else the common one.
    pub fn fill(&self, venue: usize, key: F) -> KeyIx {
        let own = self.file.schema.fills(Some(venue), key);
        if self.written(own).is_some() { own } else { self.file.schema.fills(None, key) }
    }

    /// An error about one key of several that contradict each other: it points at the overridden one, else at the last
    /// one that is written.
    pub fn conflict(&self, keys: &[KeyIx], found: String) -> ConfigError {
        let over = keys.iter().copied().find(|ix| self.is_over(*ix));
        let there = keys.iter().rev().copied().find(|ix| self.file.written(*ix).is_some());
        let first = keys.first().copied().unwrap_or(K::Symbol.into());
        let error = self.file.error(over.or(there).unwrap_or(first), found);
        ConfigError { overridden: over, ..error }
    }

    /// An error about a key that must be written.
    pub fn missing(&self, ix: KeyIx) -> ConfigError {
        let key = self.file.schema.key(ix);
        self.file
            .error(ix, "this key is not written")
            .accepted(key.kind.accepted(matches!(key.default, Default::RequiredOrNull)))
            .remedy(format!("write {}", key.doc))
    }

    /// `key value` for messages.
    pub fn describe(&self, ix: impl Into<KeyIx>) -> String {
        let ix = ix.into();
        let value = self.get(ix).map_or("unset".to_string(), Value::to_string);
        format!("{} {value}", self.file.schema.path(ix))
    }
}
