//! The table of keys: everything that a strategy file, `--set`, an axis or best.yml can say, in one place.
//!
//! A row = dotted path, class, kind with bounds, default, one line of meaning. It drives parsing, unknown-key errors,
//! overlays, the canonical form and the key reference. `*` in a path stands for a venue of the file.

mod kind;
pub mod reference;
mod schema;
mod strategy;
mod venue;

pub use kind::{Kind, Unit, number, time, what};
pub use schema::{KeyIx, Schema};
pub use strategy::{K, TOP};
pub use venue::{F, FILLS, V, VENUE};

/// Who chooses a key's value.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Class {
    /// A trader: a strategy axis.
    Strategy,
    /// The market: a world axis; configurations never compete on it.
    World,
    /// The account and the method; no axis.
    Account,
}

/// What holds when a key is not written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Default {
    /// It must be written.
    Required,
    /// It must be written; `null` switches off.
    RequiredOrNull,
    /// Nothing; `null` says the same.
    Unset,
    /// This value, as one would write it.
    Is(&'static str),
    /// This value; `null` switches off.
    IsOrNull(&'static str),
    /// The value of another key; `null` switches off where the other may be null.
    Like(K),
}

/// One row of the table.
#[derive(Clone, Copy, Debug)]
pub struct Key {
    /// Dotted, below its block.
    pub path: &'static str,
    /// Who chooses it.
    pub class: Class,
    /// Which values fit.
    pub kind: Kind,
    /// What holds without it.
    pub default: Default,
    /// A noun phrase with the unit.
    pub doc: &'static str,
}

impl Key {
    /// `null` may be written: it switches off, or says that nothing is set.
    pub fn takes_null(&self) -> bool {
        matches!(self.default, Default::RequiredOrNull | Default::Unset | Default::IsOrNull(_))
            || matches!(self.default, Default::Like(K::StopLossFirstLeg))
    }
}

/// Declares an enum of key names and the table in the same order.
macro_rules! keys {
    ($(#[$meta:meta])* $name:ident, $table:ident: $($id:ident $path:literal $class:ident $kind:expr, $default:expr, $doc:literal;)*) => {
        $(#[$meta])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        #[repr(u16)]
        pub enum $name { $(#[doc = $doc] $id),* }
        /// The rows of the table, in the order of the names.
        pub const $table: &[$crate::config::keys::Key] = &[$($crate::config::keys::Key {
            path: $path,
            class: $crate::config::keys::Class::$class,
            kind: $kind,
            default: $default,
            doc: $doc,
        }),*];
    };
}
pub(crate) use keys;
