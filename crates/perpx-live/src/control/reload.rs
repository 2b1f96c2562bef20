//! live.toml read again while it runs. `[limits]` may change, and stand on the stricter side of what they were at the start alone;
//! everything else says that it needs a restart. Nothing of the trader's state is made anew.

use crate::limits::keys::{Key, Limits, ROWS, Stricter, row};
use crate::live_file::LiveFile;
use perpx_core::config::Num;
use perpx_core::config::text::{Body, ConfigError, Node, Source, parse_toml};
use serde::Serialize;
use std::collections::BTreeMap;

/// What takes whatever stands in the file.
const RESTART: &str = "end the run (`perpx-live ctl RUN park`) and start it again, which takes the file as it is";

/// A key that reads otherwise than before.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Change {
    /// With its table: `limits.max_order_qty`.
    pub key: String,
    /// Empty: it was not written.
    pub old: String,
    /// Empty: it is not written any more.
    pub new: String,
    /// Why it is not taken; empty: it is.
    pub refused: String,
}

/// A live.toml, key by key.
#[derive(Clone, Debug)]
pub struct Live {
    /// What stood there when the run began.
    start: Limits,
    keys: BTreeMap<String, String>,
    /// In force.
    limits: Limits,
}

impl Live {
    /// As the run began.
    ///
    /// # Errors
    /// A text that is no live.toml.
    pub fn begin(name: &str, text: &str) -> Result<Live, ConfigError> {
        let limits = LiveFile::parse(name, text)?.limits;
        Ok(Live { start: limits.clone(), keys: flat(name, text)?, limits })
    }

    /// The limits in force.
    pub fn limits(&self) -> &Limits {
        &self.limits
    }

    /// Takes what may be taken of another text; all that reads otherwise, in the order of keys. A text of which one key may not be
    /// taken changes nothing.
    ///
    /// # Errors
    /// A text that is no live.toml: everything stays.
    pub fn reload(&mut self, name: &str, text: &str) -> Result<Vec<Change>, ConfigError> {
        let limits = LiveFile::parse(name, text)?.limits;
        let keys = flat(name, text)?;
        let all: BTreeMap<&String, ()> = self.keys.keys().chain(keys.keys()).map(|key| (key, ())).collect();
        let mut changes = Vec::new();
        for key in all.into_keys() {
            let (old, new) = (self.keys.get(key), keys.get(key));
            if old != new {
                let said = |value: Option<&String>| value.cloned().unwrap_or_default();
                let refused = self.refuses(key, new, &limits);
                changes.push(Change { key: key.clone(), old: said(old), new: said(new), refused });
            }
        }
        if changes.iter().all(|change| change.refused.is_empty()) {
            (self.keys, self.limits) = (keys, limits);
        }
        Ok(changes)
    }

    /// Why a key may not read otherwise; empty: it may.
    fn refuses(&self, key: &str, new: Option<&String>, limits: &Limits) -> String {
        let Some(row) = key.strip_prefix("limits.").and_then(row) else { return RESTART.to_owned() };
        if new.is_none() {
            return format!(
                "it was written, and a limit is not taken away while the run lives: write it again, or {RESTART}"
            );
        }
        match is_within(row.stricter, self.start.get(row.key), limits.get(row.key)) {
            true => String::new(),
            false => {
                let side = if row.stricter == Stricter::Lower { "above" } else { "below" };
                let start = self.start.get(row.key).unwrap_or_default();
                format!("{side} {start}, where it stood at the start: {RESTART}")
            }
        }
    }
}

/// Not looser than at the start.
fn is_within(stricter: Stricter, start: Option<Num>, now: Option<Num>) -> bool {
    match (start, now) {
        (None, _) => true,
        (Some(_), None) => false,
        (Some(start), Some(now)) => match stricter {
            Stricter::Lower => now <= start,
            Stricter::Higher => now >= start,
        },
    }
}

/// No limit is looser in `other` than in `limits`.
pub fn is_stricter(limits: &Limits, other: &Limits) -> bool {
    ROWS.iter().all(|row| is_within(row.stricter, limits.get(row.key), other.get(row.key)))
}

/// Every limit in force by key, as text.
pub fn texts(limits: &Limits) -> BTreeMap<&'static str, Option<String>> {
    ROWS.iter().map(|row| (row.name, limits.get(row.key).map(|num| num.to_string()))).collect()
}

/// A limit on losses in quote money, as a page shows it.
pub fn money(limits: &Limits, key: Key) -> Option<f64> {
    limits.get(key).map(Num::as_f64)
}

/// Every key with its tables, and its value as text.
fn flat(name: &str, text: &str) -> Result<BTreeMap<String, String>, ConfigError> {
    fn walk(prefix: &str, node: &Node, out: &mut BTreeMap<String, String>) {
        match &node.body {
            Body::Map(entries) => entries.iter().for_each(|entry| {
                let key = if prefix.is_empty() { entry.key.clone() } else { format!("{prefix}.{}", entry.key) };
                walk(&key, &entry.node, out);
            }),
            _ => drop(out.insert(prefix.to_owned(), node.value().to_string())),
        }
    }
    let mut out = BTreeMap::new();
    walk("", &parse_toml(&Source::new(name, text))?, &mut out);
    Ok(out)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const BEGUN: &str = "network = \"testnet\"\n[limits]\nmax_order_qty = 0.5\nmin_liq_distance_bp = 150\n";

    fn live() -> Live {
        Live::begin("live.toml", BEGUN).unwrap_or_else(|e| panic!("{e}"))
    }

    /// Each change as `key old -> new`, with a mark where it is not taken.
    fn told(live: &mut Live, text: &str) -> Vec<String> {
        let changes = live.reload("live.toml", text).unwrap_or_else(|e| panic!("{e}"));
        let told = changes.iter().map(|change| {
            let mark = if change.refused.is_empty() { "" } else { " !" };
            format!("{} {} -> {}{mark}", change.key, change.old, change.new)
        });
        told.collect()
    }

    #[test]
    fn a_reload_goes_to_the_stricter_side_and_back_to_the_start() {
        let mut live = live();
        let text = BEGUN.replace("0.5", "0.25").replace("150", "300");
        let both = ["limits.max_order_qty 0.5 -> 0.25", "limits.min_liq_distance_bp 150 -> 300"];
        assert_eq!(told(&mut live, &text), both);
        assert_eq!(live.limits().get(Key::MaxOrderQty), Num::parse("0.25"));
        assert_eq!(told(&mut live, BEGUN).len(), 2, "where it stood at the start it may stand again");
        assert_eq!(told(&mut live, &BEGUN.replace("0.5", "0.51")), ["limits.max_order_qty 0.5 -> 0.51 !"]);
        assert_eq!(told(&mut live, &BEGUN.replace("150", "149")), ["limits.min_liq_distance_bp 150 -> 149 !"]);
        assert_eq!(live.limits().get(Key::MaxOrderQty), Num::parse("0.5"));
        // what was unlimited may be limited, and then no less than that
        assert_eq!(told(&mut live, &format!("{BEGUN}max_loss_day = 5\n")), ["limits.max_loss_day  -> 5"]);
        assert_eq!(told(&mut live, BEGUN), ["limits.max_loss_day 5 ->  !"]);
        let changes = live.reload("live.toml", BEGUN).unwrap_or_else(|e| panic!("{e}"));
        assert!(changes[0].refused.contains("write it again, or end the run") && changes[0].refused.ends_with(RESTART));
        // and a start takes what the file says, be it looser
        let again = Live::begin("live.toml", BEGUN).unwrap_or_else(|e| panic!("{e}"));
        assert_eq!(again.limits().get(Key::MaxLossDay), None);
        assert_eq!(told(&mut live, &format!("{BEGUN}max_loss_day = 5\n# the same\n")), [""; 0]);
    }

    #[test]
    fn anything_else_needs_a_restart_by_key() {
        let mut live = live();
        let text = BEGUN.replace("testnet", "mainnet").replace("0.5", "0.25") + "[paper]\nlag_ms = 500\n";
        let changes = live.reload("live.toml", &text).unwrap_or_else(|e| panic!("{e}"));
        let refused: Vec<(&str, &str)> =
            changes.iter().map(|change| (change.key.as_str(), change.refused.as_str())).collect();
        let want = [("limits.max_order_qty", ""), ("network", RESTART), ("paper.lag_ms", RESTART)];
        assert_eq!(refused, want);
        assert_eq!(live.limits().get(Key::MaxOrderQty), Num::parse("0.5"), "nothing of it is taken");
        for bad in ["[limits]\nmax_order_qty = -1", "[limits]\nmax = 1", "network = 3", "x"] {
            live.reload("live.toml", bad).expect_err(bad);
        }
        assert_eq!(live.limits().get(Key::MaxOrderQty), Num::parse("0.5"));
    }

    proptest! {
        /// However often it is read again, with whatever it says: no limit is ever looser than at the start.
        #[test]
        fn a_reload_never_loosens(texts in proptest::collection::vec(proptest::collection::vec(0u32..1_000, ROWS.len()), 1..12)) {
            let text = |values: &[u32]| {
                let line = |(row, value): (&crate::limits::keys::Row, &u32)| match value {
                    0..100 => String::new(),
                    value if row.name == "max_reject_rate" || row.name == "min_free_margin" => {
                        format!("{} = {}\n", row.name, f64::from(*value) / 1_000.0)
                    }
                    value => format!("{} = {value}\n", row.name),
                };
                format!("[limits]\n{}", ROWS.iter().zip(values).map(line).collect::<String>())
            };
            let mut live = Live::begin("live.toml", &text(&texts[0])).expect("a file");
            let start = live.limits().clone();
            for values in &texts {
                let before = live.limits().clone();
                let changes = live.reload("live.toml", &text(values)).expect("a file");
                prop_assert!(is_stricter(&start, live.limits()));
                let is_taken = changes.iter().all(|change| change.refused.is_empty());
                prop_assert!(is_taken || *live.limits() == before);
            }
        }
    }
}
