//! `[limits]` of live.toml.

use perpx_core::config::text::{ConfigError, Node, Source};
use perpx_core::config::{Num, Value};
use perpx_core::units::{Cash, Notional, Qty, Rate, TimeDelta};

/// On which side of a value a limit is stricter: a reload moves it to that side alone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stricter {
    /// It is a ceiling.
    Lower,
    /// It is a floor.
    Higher,
}

/// A row of the table of keys.
#[derive(Clone, Copy, Debug)]
pub struct Row {
    /// Which one.
    pub key: Key,
    /// As live.toml writes it.
    pub name: &'static str,
    /// What holds where it is not written; `None`: nothing does.
    pub default: Option<&'static str>,
    /// With money at stake nothing opens without it.
    pub is_needed: bool,
    /// Where it is stricter.
    pub stricter: Stricter,
    /// Largest value, as text.
    most: &'static str,
    /// What it limits, and what becomes of a breach.
    pub means: &'static str,
}

macro_rules! keys {
    ($($variant:ident $name:literal $default:tt $stricter:ident $most:literal, $means:literal;)*) => {
        /// The keys of `[limits]`.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
        #[allow(missing_docs)]
        #[repr(usize)]
        pub enum Key { $($variant,)* }

        /// In the order of [`Key`].
        pub const ROWS: &[Row] = &[$(Row {
            key: Key::$variant,
            name: $name,
            default: keys!(@default $default),
            is_needed: keys!(@needed $default),
            stricter: Stricter::$stricter,
            most: $most,
            means: $means,
        },)*];
    };
    (@default needed) => { None };
    (@default unset) => { None };
    (@default $default:literal) => { Some($default) };
    (@needed needed) => { true };
    (@needed $other:tt) => { false };
}

keys! {
    MaxOrderQty "max_order_qty" needed Lower "1000000000", "coins of one order that opens or covers";
    MaxOrderNotional "max_order_notional" needed Lower "1000000000000", "quote money of one order that opens or covers, at its limit";
    MaxPositionNotional "max_position_notional" needed Lower "1000000000000", "quote money of a leg, with all that may still fill of it";
    MaxNetNotional "max_net_notional" needed Lower "1000000000000", "quote money by which the legs differ, at mids; above it for `max_unhedged_sec` where the strategy does not mean it: everything is closed";
    MaxUnhedgedSec "max_unhedged_sec" "30" Lower "86400", "seconds for which a net above `max_net_notional` is borne";
    CollarOpenBp "collar_open_bp" "50" Lower "10000", "how far the limit of an order that opens or covers may be beyond the own mid, and beyond the other venue's with the usual difference of the last hour";
    CollarCloseBp "collar_close_bp" "200" Lower "10000", "how far the limit of a close goes beyond the own venue's mark and mid: it is cut to that, never refused";
    MaxOpensPerMin "max_opens_per_min" "10" Lower "100000", "orders a minute that open; three refusals by this key or the next two in ten minutes pause the run";
    MaxOrdersPerMin "max_orders_per_min" "30" Lower "100000", "orders a minute of any class; what opens is refused above it";
    SameOrderMs "same_order_ms" "250" Higher "60000", "milliseconds before the same order may open again";
    MaxRejectRate "max_reject_rate" "0.5" Lower "1", "share of the last 20 orders that venues refused (a post-only that would have taken is none of them); above it the run pauses; `resume` counts anew";
    MaxLossDay "max_loss_day" needed Lower "1000000000000", "quote money lost since 00:00 UTC, whatever starts there were, at mids and at marks for 10 s: everything is closed and stays so until `ctl resume`";
    MaxLossTotal "max_loss_total" needed Lower "1000000000000", "the same, since the run's folder was begun";
    StaleFeedMs "stale_feed_ms" unset Lower "3600000", "age of either venue above which nothing opens [as the strategy's `risk.max_quote_age_ms`]";
    ClockDriftMs "clock_drift_ms" "500" Lower "60000", "difference between our clock and a venue's above which nothing opens: by the last eight answers of what keeps lanes warm, less what the way may hide";
    MaxLaneMs "max_lane_ms" "1000" Lower "60000", "median of the last ten answers to orders and to what keeps their lanes warm (a cheap question every 15 s), above which nothing opens; what nobody answers counts as 2.5 s until the venue answers again";
    MinLiqDistanceBp "min_liq_distance_bp" "150" Higher "10000", "distance of a leg's mark from its liquidation below which nothing opens";
    MinFreeMargin "min_free_margin" "0.2" Higher "1", "share of a venue's cash that must be free after an order that opens";
    MaxDoubtSec "max_doubt_sec" "20" Lower "86400", "seconds in which an order may be in doubt before nothing opens";
    MinDiskGib "min_disk_gib" "2" Higher "1000000", "free space of the run folder's disk below which nothing opens";
    MaxTradesDay "max_trades_day" unset Lower "1000000", "trades that are begun in a day (UTC)";
}

/// How many keys there are.
const COUNT: usize = ROWS.len();

/// What the operator lets happen at most. A key that is neither written nor has a default binds nothing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Limits([Option<Num>; COUNT]);

impl Default for Limits {
    /// The table's defaults.
    fn default() -> Limits {
        Limits(std::array::from_fn(|n| ROWS[n].default.and_then(Num::parse)))
    }
}

impl Limits {
    /// Nothing is limited.
    pub const NONE: Limits = Limits([None; COUNT]);

    /// Reads the table `[limits]`, whose keys are known ones.
    ///
    /// # Errors
    /// A value that is none.
    pub fn parse(source: &Source, table: &Node) -> Result<Limits, ConfigError> {
        let mut limits = Limits::default();
        for row in ROWS {
            let Some(entry) = table.entry(row.name) else { continue };
            let most = Num::parse(row.most).unwrap_or_default();
            let within = match entry.node.value() {
                Value::Num(num) if (Num(0)..=most).contains(&num) => Some(num),
                _ => None,
            };
            limits.0[row.key as usize] = Some(within.ok_or_else(|| {
                let found = format!("found {}", entry.node.place.of(source));
                ConfigError::new(&source.name, &format!("limits.{}", row.name), found)
                    .accepted(format!("a number from 0 to {}: {}", row.most, row.means))
                    .at(source, entry.node.place)
            })?);
        }
        Ok(limits)
    }

    /// With another value of one key.
    #[must_use]
    pub fn with(mut self, key: Key, value: Option<&str>) -> Limits {
        self.0[key as usize] = value.and_then(Num::parse);
        self
    }

    /// Keys that must be written where money is at stake, and are not.
    pub fn missing(&self) -> Vec<&'static str> {
        ROWS.iter().filter(|row| row.is_needed && self.get(row.key).is_none()).map(|row| row.name).collect()
    }

    /// As written, or the default.
    pub fn get(&self, key: Key) -> Option<Num> {
        self.0[key as usize]
    }

    /// Coins.
    pub fn qty(&self, key: Key) -> Option<Qty> {
        self.get(key).map(|num| Qty(clamped(num.0 / 1_000_000_000)))
    }

    /// Quote money, exact.
    pub fn notional(&self, key: Key) -> Option<Notional> {
        self.get(key).map(|num| Notional(num.0))
    }

    /// Quote money of the ledger.
    pub fn cash(&self, key: Key) -> Option<Cash> {
        self.get(key).map(|num| Cash(num.0 / 1_000_000))
    }

    /// A span of so many `unit`s.
    pub fn span(&self, key: Key, unit: TimeDelta) -> Option<TimeDelta> {
        self.get(key).map(|num| TimeDelta(clamped(num.0 / 1_000_000 * i128::from(unit.0) / 1_000_000_000_000)))
    }

    /// Basis points.
    pub fn bp(&self, key: Key) -> Option<Rate> {
        self.get(key).map(|num| Rate(clamped(num.0 / 10_000_000_000)))
    }

    /// A share of 1.
    pub fn share(&self, key: Key) -> Option<Rate> {
        self.get(key).map(|num| Rate(clamped(num.0 / 1_000_000)))
    }

    /// A count.
    pub fn count(&self, key: Key) -> Option<u64> {
        self.get(key).map(|num| u64::try_from(num.0 / Num::ONE).unwrap_or(u64::MAX))
    }
}

fn clamped(value: i128) -> i64 {
    i64::try_from(value).unwrap_or(i64::MAX)
}

/// The row of a key by its name.
pub fn row(name: &str) -> Option<&'static Row> {
    ROWS.iter().find(|row| row.name == name)
}

#[cfg(test)]
mod tests {
    use super::*;
    use perpx_core::config::text::parse_toml;
    use perpx_core::units::{MS, SECOND};

    fn parsed(text: &str) -> Result<Limits, ConfigError> {
        let source = Source::new("live.toml", text);
        let root = parse_toml(&source)?;
        Limits::parse(&source, &root.entry("limits").expect("a table").node)
    }

    #[test]
    fn every_key_has_its_place_and_a_default_that_it_takes() {
        for (n, row) in ROWS.iter().enumerate() {
            assert_eq!(row.key as usize, n, "{}", row.name);
            let most = Num::parse(row.most).expect(row.name);
            assert!(row.default.is_none_or(|text| Num::parse(text).is_some_and(|num| num <= most)), "{}", row.name);
            assert_eq!(super::row(row.name).map(|row| row.key), Some(row.key));
        }
        let needed = Limits::default().missing();
        let all = [
            "max_order_qty",
            "max_order_notional",
            "max_position_notional",
            "max_net_notional",
            "max_loss_day",
            "max_loss_total",
        ];
        assert_eq!(needed, all);
    }

    /// The manual has the table, row by row.
    #[test]
    fn the_manual_says_the_same() {
        let page = include_str!("../../../../docs/limits.md");
        for row in ROWS {
            let default = match (row.default, row.is_needed) {
                (Some(text), _) => text,
                (None, true) => "none; needed with money",
                (None, false) => "none",
            };
            let line = format!("| `{}` | {default} | {} |\n", row.name, row.means);
            assert!(page.contains(&line), "docs/limits.md lacks\n{line}");
        }
    }

    #[test]
    fn values_are_exact_in_their_units() {
        let text = "[limits]\nmax_order_qty = 0.015\nmax_loss_day = 12.5\ncollar_open_bp = 7.5\nsame_order_ms = 100\nmax_reject_rate = 0.25\nmax_trades_day = 3\nmax_net_notional = 1500.5";
        let limits = parsed(text).unwrap_or_else(|e| panic!("{e}"));
        assert_eq!(limits.qty(Key::MaxOrderQty), Some(Qty(15_000_000)));
        assert_eq!(limits.cash(Key::MaxLossDay), Some(Cash(12_500_000_000_000)));
        assert_eq!(limits.notional(Key::MaxNetNotional), Some(Notional(1_500_500_000_000_000_000_000)));
        assert_eq!(limits.bp(Key::CollarOpenBp), Some(Rate(750_000_000)));
        assert_eq!(limits.span(Key::SameOrderMs, MS), Some(100 * MS));
        assert_eq!(limits.span(Key::MaxUnhedgedSec, SECOND), Some(SECOND.times(30)));
        assert_eq!(limits.share(Key::MaxRejectRate), Some(Rate(Rate::ONE / 4)));
        assert_eq!((limits.count(Key::MaxTradesDay), limits.count(Key::MaxOpensPerMin)), (Some(3), Some(10)));
        assert_eq!(limits.missing(), ["max_order_notional", "max_position_notional", "max_loss_total"]);
        assert_eq!(Limits::NONE.missing().len(), 6);
    }

    #[test]
    fn what_is_no_limit_is_refused_by_place() {
        for (text, words) in [
            ("max_order_qty = -1", ["live.toml:2", "limits.max_order_qty", "a number from 0", "coins of one order"]),
            ("max_reject_rate = 2", ["live.toml:2", "limits.max_reject_rate", "from 0 to 1:", "share"]),
            ("max_loss_day = \"all\"", ["live.toml:2", "limits.max_loss_day", "a number", "lost since 00:00"]),
        ] {
            let error = parsed(&format!("[limits]\n{text}")).expect_err(text).to_string();
            words.iter().for_each(|word| assert!(error.contains(word), "{word}\n{error}"));
        }
    }
}
