//! The table laid out for one file: its venues put in the place of `*`, every key with a number.

use super::{Class, Default, F, FILLS, K, Key, TOP, V, VENUE};
use crate::config::{Num, Value, base_asset};
use std::collections::BTreeMap;

/// Number of a key within one file's schema.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct KeyIx(pub u16);

impl From<K> for KeyIx {
    fn from(key: K) -> KeyIx {
        KeyIx(key as u16)
    }
}

/// Order: [`TOP`], common fills, then per venue (by name) [`VENUE`] and its own fills, then per instrument that the file
/// describes for one symbol the keys of [`VENUE`] that describe it.
#[derive(Clone, Debug)]
pub struct Schema {
    /// The blocks under `exchanges`, by name.
    pub venues: Vec<String>,
    /// The blocks `exchanges.<venue>.instruments.<symbol>`: number of the venue, symbol.
    instruments: Vec<(usize, String)>,
    /// By [`KeyIx`]: whole path and row of the table.
    keys: Vec<(String, &'static Key)>,
    /// By [`KeyIx`]; `None`: nothing holds.
    defaults: Vec<Option<Value>>,
    /// Of the whole path.
    by_path: BTreeMap<String, KeyIx>,
}

/// What may differ from symbol to symbol of a venue: `instrument.*` and `margin.*`, one after the other in [`VENUE`].
const FIRST: usize = V::Symbol as usize;
/// The first key behind those of an instrument.
const AFTER: usize = V::MarginBrackets as usize + 1;

/// Shorter ways to write a key.
const SHORT: &[(&str, &str)] = &[("queue", "queue.model"), ("latency.feed", "latency.feed.constant_ms")];

impl Schema {
    /// `venues`: the keys under `exchanges`; `instruments`: (venue, symbol) of those described for one symbol.
    pub fn new(mut venues: Vec<String>, mut instruments: Vec<(String, String)>) -> Schema {
        venues.sort();
        venues.dedup();
        let mut schema = Schema {
            venues: Vec::new(),
            instruments: Vec::new(),
            keys: Vec::new(),
            defaults: Vec::new(),
            by_path: BTreeMap::new(),
        };
        schema.add(TOP, "");
        schema.add(FILLS, "fills");
        for venue in &venues {
            schema.add(VENUE, venue);
            schema.add(FILLS, &format!("fills.{venue}"));
        }
        instruments.sort();
        instruments.dedup();
        for (venue, symbol) in instruments {
            let start = format!("exchanges.{venue}");
            for key in &VENUE[FIRST..AFTER] {
                let own = key.path.replacen("exchanges.*.instrument.", "", 1).replacen("exchanges.*.", "", 1);
                schema.push(format!("{start}.instruments.{symbol}.{own}"), key);
            }
            schema.instruments.extend(venues.iter().position(|known| *known == venue).map(|at| (at, symbol)));
        }
        let prefixes = std::iter::once("fills".to_string()).chain(venues.iter().map(|venue| format!("fills.{venue}")));
        for prefix in prefixes {
            for (short, long) in SHORT {
                if let Some(ix) = schema.by_path.get(&format!("{prefix}.{long}")).copied() {
                    schema.by_path.insert(format!("{prefix}.{short}"), ix);
                }
            }
        }
        schema.venues = venues;
        schema
    }

    /// Adds the rows of a table, `star` in place of `*`.
    fn add(&mut self, table: &'static [Key], star: &str) {
        for key in table {
            self.push(key.path.replace('*', star), key);
        }
    }

    /// Adds a key under its whole path.
    fn push(&mut self, path: String, key: &'static Key) {
        let default = match key.default {
            Default::Is(text) | Default::IsOrNull(text) => Some(Value::from_word(text)),
            _ => None,
        };
        self.by_path.insert(path.clone(), KeyIx(self.keys.len() as u16));
        self.keys.push((path, key));
        self.defaults.push(default);
    }

    /// How many keys there are, those of every venue counted.
    pub fn len(&self) -> usize {
        self.keys.len()
    }

    /// There are none.
    pub fn is_empty(&self) -> bool {
        self.keys.is_empty()
    }

    /// In the order of the table.
    pub fn all(&self) -> impl Iterator<Item = KeyIx> + use<> {
        (0..self.keys.len() as u16).map(KeyIx)
    }

    /// The key's whole dotted path.
    pub fn path(&self, ix: KeyIx) -> &str {
        self.keys.get(usize::from(ix.0)).map_or("", |(path, _)| path)
    }

    /// The row of the table that it is made from.
    pub fn key(&self, ix: KeyIx) -> &'static Key {
        self.keys.get(usize::from(ix.0)).map_or(&TOP[0], |(_, key)| key)
    }

    /// The value that holds without it; `None`: none does.
    pub fn default(&self, ix: KeyIx) -> Option<&Value> {
        self.defaults.get(usize::from(ix.0)).and_then(Option::as_ref)
    }

    /// A key of one venue.
    pub fn venue(&self, venue: usize, key: V) -> KeyIx {
        KeyIx((self.block(venue) + key as usize) as u16)
    }

    /// A key of the common fills (`None`) or of one venue's.
    pub fn fills(&self, venue: Option<usize>, key: F) -> KeyIx {
        let start = venue.map_or(TOP.len(), |venue| self.block(venue) + VENUE.len());
        KeyIx((start + key as usize) as u16)
    }

    /// Number of the first key of a venue's block.
    fn block(&self, venue: usize) -> usize {
        TOP.len() + FILLS.len() + venue * (VENUE.len() + FILLS.len())
    }

    /// A key of the block that describes `symbol` on a venue, if the file has one: of this name, else of this coin.
    pub fn instrument(&self, venue: usize, symbol: &str, key: V) -> Option<KeyIx> {
        let own = |same: &dyn Fn(&str) -> bool| self.instruments.iter().position(|(at, s)| *at == venue && same(s));
        let coin = base_asset(symbol);
        let block = own(&|s| s == symbol).or_else(|| own(&|s| base_asset(s) == coin))?;
        let start = self.block(self.venues.len()) + block * (AFTER - FIRST);
        Some(KeyIx((start + key as usize - FIRST) as u16))
    }

    /// This key describes the instrument of another symbol.
    pub fn is_foreign(&self, ix: KeyIx, symbol: &str) -> bool {
        let Some(at) = usize::from(ix.0).checked_sub(self.block(self.venues.len())) else { return false };
        let (block, key) = (at / (AFTER - FIRST), at % (AFTER - FIRST));
        let first = self.instruments.get(block).and_then(|(venue, _)| self.instrument(*venue, symbol, V::Symbol));
        first.is_none_or(|first| usize::from(first.0) + key != usize::from(ix.0))
    }

    /// Keys of `instrument` of a venue: of whatever symbol the file trades.
    pub fn only_instrument(&self, venue: usize) -> impl Iterator<Item = KeyIx> + use<> {
        let start = self.block(venue);
        (FIRST..V::Maintenance as usize).map(move |key| KeyIx((start + key) as u16))
    }

    /// The key of a whole dotted path.
    pub fn find(&self, path: &str) -> Option<KeyIx> {
        self.by_path.get(path).copied()
    }

    /// True when keys begin with `path.`.
    pub fn is_section(&self, path: &str) -> bool {
        let start = format!("{path}.");
        self.by_path.range(start.clone()..).next().is_some_and(|(key, _)| key.starts_with(&start))
    }

    /// Names that may stand directly under `section` ("" = top level), in table order.
    pub fn names_under(&self, section: &str) -> Vec<String> {
        let start = if section.is_empty() { String::new() } else { format!("{section}.") };
        let mut names: Vec<String> = Vec::new();
        for (path, _) in &self.keys {
            let name = path.strip_prefix(&start).and_then(|rest| rest.split('.').next());
            if let Some(name) = name.filter(|name| !names.iter().any(|known| known == name)) {
                names.push(name.to_string());
            }
        }
        // a block a symbol, whatever their names
        let is_venue = section.strip_prefix("exchanges.").is_some_and(|venue| !venue.contains('.'));
        if is_venue && !names.is_empty() && !names.iter().any(|name| name == "instruments") {
            names.push("instruments".to_string());
        }
        names
    }

    /// The known path that looks most like `path`, if any looks alike at all.
    pub fn nearest(&self, path: &str) -> Option<&str> {
        /// A path without its last part, and that part.
        fn parts(path: &str) -> (&str, &str) {
            path.rsplit_once('.').unwrap_or(("", path))
        }
        let (section, leaf) = parts(path);
        let allowed = (leaf.chars().count() / 3).max(1);
        // a slip in the right section goes before the right name in another section
        let score = |known: &str| {
            let (known_section, known_leaf) = parts(known);
            let slip = distance(leaf, known_leaf);
            match section == known_section {
                true if slip <= allowed => Some((slip, 0)),
                false if slip <= 1 && slip < allowed => Some((slip, distance(section, known_section))),
                _ if distance(path, known) <= allowed => Some((distance(path, known), 1)),
                _ => None,
            }
        };
        let best = self.by_path.keys().filter_map(|known| Some((score(known)?, known))).min_by_key(|(score, _)| *score);
        best.map(|(_, known)| known.as_str())
    }

    /// True when a word may be a slip for a known name.
    pub fn alike(known: &str, word: &str) -> bool {
        distance(known, word) <= (word.chars().count() / 3).max(1)
    }

    /// How far two names are from each other, in slips of the pen.
    pub fn distance(known: &str, word: &str) -> usize {
        distance(known, word)
    }

    /// May this key be an axis?
    pub fn is_axis(&self, ix: KeyIx) -> bool {
        self.key(ix).class != Class::Account
    }

    /// The value in the form in which it is kept: text for text keys written as numbers, short forms spelled out.
    pub fn normal(&self, ix: KeyIx, value: Value) -> Value {
        let key = self.key(ix);
        match (&key.kind, &value) {
            (super::Kind::Text, Value::Num(num)) => Value::Text(num.to_string()),
            (_, Value::Text(text)) if text == "recorded" && key.path == "*.latency.feed.constant_ms" => {
                Value::Num(Num(0))
            }
            _ => value,
        }
    }
}

/// Edits (insert, delete, replace, swap of neighbours) between two words.
fn distance(a: &str, b: &str) -> usize {
    let (a, b): (Vec<char>, Vec<char>) = (a.chars().collect(), b.chars().collect());
    let mut rows: Vec<Vec<usize>> = vec![(0..=b.len()).collect()];
    for i in 1..=a.len() {
        let mut row = vec![i];
        for j in 1..=b.len() {
            let change = rows[i - 1][j - 1] + usize::from(a[i - 1] != b[j - 1]);
            let mut best = change.min(row[j - 1] + 1).min(rows[i - 1][j] + 1);
            if i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] {
                best = best.min(rows[i - 2][j - 2] + 1);
            }
            row.push(best);
        }
        rows.push(row);
    }
    rows[a.len()][b.len()]
}
