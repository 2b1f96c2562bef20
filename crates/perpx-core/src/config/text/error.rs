//! One error type for everything that a user writes: where it stands, what was found, what is accepted, what to do.

use super::{Place, Source};
use crate::config::KeyIx;
use std::fmt;

/// Bad input, with its place.
///
/// Shown as
/// ```text
/// example.yml:13:10: locking.g_pct: found -0.005
///   13 |   g_pct: -0.005
///      |          ^^^^^^
///   accepted: a number above 0 and at most 1
///   to do: write the profit of the first leg as a fraction (0.005 = 0.5 %)
/// ```
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub struct ConfigError {
    /// File name, or `--set`.
    pub file: Box<str>,
    /// Counted from 1; 0 when there is no line to point at.
    pub line: u32,
    /// Counted from 1, in characters.
    pub column: u32,
    /// Dotted path.
    pub key: Box<str>,
    /// What stands there.
    pub found: Box<str>,
    /// What would fit; empty where that says itself.
    pub accepted: Box<str>,
    /// What to do about it; empty where `accepted` says it.
    pub remedy: Box<str>,
    /// Set when the value came from an axis or `--set`, so that their reader can point at its own text.
    pub overridden: Option<KeyIx>,
    /// The line of the file and the number of characters to underline.
    pub excerpt: Option<(Box<str>, u32)>,
}

impl ConfigError {
    /// An error without a place in the file yet.
    pub fn new(file: &str, key: &str, found: impl Into<Box<str>>) -> ConfigError {
        ConfigError {
            file: file.into(),
            line: 0,
            column: 0,
            key: key.into(),
            found: found.into(),
            accepted: "".into(),
            remedy: "".into(),
            overridden: None,
            excerpt: None,
        }
    }

    /// With what would fit.
    pub fn accepted(mut self, accepted: impl Into<Box<str>>) -> ConfigError {
        self.accepted = accepted.into();
        self
    }

    /// With what to do about it.
    pub fn remedy(mut self, remedy: impl Into<Box<str>>) -> ConfigError {
        self.remedy = remedy.into();
        self
    }

    /// Points at `place` of `source`.
    pub fn at(mut self, source: &Source, place: Place) -> ConfigError {
        let (line, column) = source.line_column(place.start);
        let text = source.line(line);
        let span = source.text.get(place.start..place.end.max(place.start)).unwrap_or("");
        let width = span.lines().next().unwrap_or("").trim_end().chars().count();
        let room = text.chars().count().max(column) - column + 1;
        self.excerpt = Some((text.into(), width.clamp(1, room) as u32));
        self.file = (&*source.name).into();
        (self.line, self.column) = (line as u32, column as u32);
        self
    }
}

impl fmt::Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.file)?;
        if self.line > 0 {
            write!(f, ":{}:{}", self.line, self.column)?;
        }
        if !self.key.is_empty() {
            write!(f, ": {}", self.key)?;
        }
        write!(f, ": {}", self.found)?;
        if let Some((text, width)) = &self.excerpt {
            let number = self.line.to_string();
            let blank = " ".repeat(number.len());
            let indent = " ".repeat(self.column as usize - 1);
            write!(f, "\n  {number} | {text}\n  {blank} | {indent}{}", "^".repeat(*width as usize))?;
        }
        if !self.accepted.is_empty() {
            write!(f, "\n  accepted: {}", self.accepted)?;
        }
        if !self.remedy.is_empty() {
            write!(f, "\n  to do: {}", self.remedy)?;
        }
        Ok(())
    }
}
