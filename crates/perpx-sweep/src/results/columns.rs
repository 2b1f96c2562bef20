//! Every column of the tables that a sweep writes: name, type, unit, meaning. The files' schemas and their fields' metadata
//! are made of it, and docs/reference/results.md.

use crate::grid::{Axis, Grid};
use arrow::array::{
    ArrayRef, BooleanBuilder, Decimal128Builder, Float64Builder, Int64Builder, StringBuilder, StringDictionaryBuilder,
    TimestampNanosecondBuilder,
};
use arrow::datatypes::{DataType, Field, Int32Type, Schema, TimeUnit};
use arrow::error::ArrowError;
use perpx_core::config::Value;
use perpx_core::config::keys::Kind as KeyKind;
use perpx_core::stats::MetricInfo;
use std::collections::HashMap;
use std::sync::Arc;

/// Type of a column: one for each kind of value, the same in every file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Identifiers and hashes, hexadecimal: text.
    Id,
    /// One of few words: a dictionary of text.
    Word,
    /// 64 bits, signed.
    Whole,
    /// 64 bits, floating.
    Real,
    Flag,
    /// Nanoseconds, UTC.
    Time,
    /// 38 digits, so many of them behind the point.
    Exact(i8),
}

impl Kind {
    pub fn data_type(self) -> DataType {
        match self {
            Kind::Id => DataType::Utf8,
            Kind::Word => DataType::Dictionary(Box::new(DataType::Int32), Box::new(DataType::Utf8)),
            Kind::Whole => DataType::Int64,
            Kind::Real => DataType::Float64,
            Kind::Flag => DataType::Boolean,
            Kind::Time => DataType::Timestamp(TimeUnit::Nanosecond, Some("UTC".into())),
            Kind::Exact(scale) => DataType::Decimal128(38, scale),
        }
    }

    pub fn builder(self) -> Builder {
        match self {
            Kind::Id => Builder::Id(StringBuilder::new()),
            Kind::Word => Builder::Word(StringDictionaryBuilder::new()),
            Kind::Whole => Builder::Whole(Int64Builder::new()),
            Kind::Real => Builder::Real(Float64Builder::new()),
            Kind::Flag => Builder::Flag(BooleanBuilder::new()),
            Kind::Time => Builder::Time(TimestampNanosecondBuilder::new()),
            Kind::Exact(scale) => Builder::Exact(Decimal128Builder::new(), scale),
        }
    }
}

/// A column under construction.
pub enum Builder {
    Id(StringBuilder),
    Word(StringDictionaryBuilder<Int32Type>),
    Whole(Int64Builder),
    Real(Float64Builder),
    Flag(BooleanBuilder),
    Time(TimestampNanosecondBuilder),
    Exact(Decimal128Builder, i8),
}

impl Builder {
    pub fn text(&mut self, text: Option<&str>) {
        match self {
            Builder::Id(column) => column.append_option(text),
            Builder::Word(column) => column.append_option(text),
            _ => debug_assert!(false, "not a column of text"),
        }
    }

    /// A number from where all of them are floats; `None` = no value.
    pub fn number(&mut self, value: Option<f64>) {
        match self {
            Builder::Whole(column) => {
                debug_assert!(value.is_none_or(|value| value.fract() == 0.0), "{value:?} is no whole number");
                column.append_option(value.map(|value| value as i64));
            }
            Builder::Real(column) => column.append_option(value),
            _ => debug_assert!(false, "not a column of numbers"),
        }
    }

    /// A value of the strategy file.
    pub fn value(&mut self, value: Option<&Value>) {
        let value = value.filter(|value| !matches!(value, Value::Null));
        match (self, value) {
            (Builder::Flag(column), value) => column.append_option(match value {
                Some(Value::Bool(flag)) => Some(*flag),
                _ => None,
            }),
            (column @ (Builder::Whole(_) | Builder::Real(_)), value) => {
                column.number(value.and_then(Value::num).map(|num| num.as_f64()));
            }
            (column, value) => column.text(value.map(ToString::to_string).as_deref()),
        }
    }

    pub fn finish(&mut self) -> Result<ArrayRef, ArrowError> {
        Ok(match self {
            Builder::Id(column) => Arc::new(column.finish()),
            Builder::Word(column) => Arc::new(column.finish()),
            Builder::Whole(column) => Arc::new(column.finish()),
            Builder::Real(column) => Arc::new(column.finish()),
            Builder::Flag(column) => Arc::new(column.finish()),
            Builder::Time(column) => Arc::new(column.finish().with_timezone("UTC")),
            Builder::Exact(column, scale) => Arc::new(column.finish().with_precision_and_scale(38, *scale)?),
        })
    }
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Column {
    pub name: String,
    pub kind: Kind,
    pub unit: String,
    pub doc: String,
}

impl Column {
    fn new(name: &str, kind: Kind, unit: &str, doc: &str) -> Column {
        Column { name: name.to_string(), kind, unit: unit.to_string(), doc: doc.to_string() }
    }

    fn field(&self) -> Field {
        let mut metadata = HashMap::from([("doc".to_string(), self.doc.clone())]);
        if !self.unit.is_empty() {
            metadata.insert("unit".to_string(), self.unit.clone());
        }
        Field::new(&self.name, self.kind.data_type(), true).with_metadata(metadata)
    }
}

pub fn schema(columns: &[Column]) -> Arc<Schema> {
    Arc::new(Schema::new(columns.iter().map(Column::field).collect::<Vec<_>>()))
}

/// (name, type, unit, meaning).
pub type Layout = [(&'static str, Kind, &'static str, &'static str)];

/// Columns of a table of the best: whose a row is, then `layout`.
pub fn columns(layout: &Layout) -> Vec<Column> {
    OWNER.iter().chain(layout).map(|(name, kind, unit, doc)| Column::new(name, *kind, unit, doc)).collect()
}

const ID: &str = "Configuration: a hash of its strategy keys.";
const WORLD_ID: &str = "World: a hash of its `fills`, fees, tiers and seed.";
const SYMBOL: &str = "Symbol, as the store has it.";

/// Shares of bar closes at which a condition of the gate held, as columns of the results.
pub const SHARES: [&str; 4] = ["held_trend", "held_target", "held_funding", "held_volatility"];
const SHARE_DOCS: [&str; 4] = [
    "Share of bar closes at which the trend's condition held; 1 = all.",
    "Share of bar closes at which the target return's condition held; 1 = all.",
    "Share of bar closes at which the funding spread's condition held; 1 = all.",
    "Share of bar closes at which volatility lay within its band; 1 = all.",
];

/// Prefix of a column that says of the held-out part what the one without it says of the part that ranks.
pub const HELD_OUT: &str = "oos_";

/// An axis's column. Its type is its key's, whatever values this grid gives it.
fn axis_column(grid: &Grid, axis: &Axis, role: &str) -> Column {
    let kind = match grid.base.schema().key(axis.key).kind {
        kind if kind.is_whole() => Kind::Whole,
        KeyKind::Number { .. } => Kind::Real,
        KeyKind::Bool => Kind::Flag,
        _ => Kind::Word,
    };
    Column::new(&axis.path, kind, "", &format!("The {role} axis {}; none: null, switched off.", axis.path))
}

/// Columns of results.parquet, in its order.
pub fn results(grid: &Grid, table: &[MetricInfo]) -> Vec<Column> {
    let mut all = vec![
        Column::new("id", Kind::Id, "", ID),
        Column::new("world_id", Kind::Id, "", WORLD_ID),
        Column::new("symbol", Kind::Word, "", SYMBOL),
    ];
    all.extend(grid.strategy_axes().iter().map(|axis| axis_column(grid, axis, "strategy")));
    all.extend(grid.world_axes().iter().map(|axis| axis_column(grid, axis, "world")));
    all.extend(figures(table));
    all
}

/// What follows the axes.
fn figures(table: &[MetricInfo]) -> Vec<Column> {
    let metric = |prefix: &str, info: &MetricInfo| {
        let kind = if info.is_whole() { Kind::Whole } else { Kind::Real };
        let unit = if info.unit == "count" { "" } else { info.unit };
        let doc = match prefix {
            "" => info.doc.to_string(),
            _ => format!("`{}` of the held-out part, which never ranks.", info.name),
        };
        Column::new(&format!("{prefix}{}", info.name), kind, unit, &doc)
    };
    let mut all: Vec<Column> = table.iter().map(|info| metric("", info)).collect();
    all.extend(SHARES.iter().zip(SHARE_DOCS).map(|(name, doc)| Column::new(name, Kind::Real, "", doc)));
    all.extend(table.iter().map(|info| metric(HELD_OUT, info)));
    all.push(Column::new("ledger", Kind::Id, "", "Hash of the ledger; the same ledger, the same hash."));
    all.push(Column::new("oos_ledger", Kind::Id, "", "Hash of the ledger of the held-out part."));
    all
}

/// What leaderboard.csv has before `world_id`, beside the strategy axes; all else it shares with results.parquet.
/// `metric`: the objective's.
/// `beside`: of several objectives the further ones.
pub fn standing(metric: &str, beside: &[String]) -> Vec<Column> {
    let world = |which: &str| {
        let doc = format!("`{metric}` in its {which} world.");
        Column::new(&format!("{metric}_{which}_world"), Kind::Real, "", &doc)
    };
    let objective = |name: &str, doc: &str| Column::new(&format!("objective_{name}"), Kind::Real, "", doc);
    let mut several: Vec<Column> =
        beside.iter().map(|name| objective(name, "Of `metrics` a further one, over its worlds.")).collect();
    if !beside.is_empty() {
        let doc = "Of `metrics`: none is better in one without being worse in another.";
        several.push(Column::new("on_front", Kind::Flag, "", doc));
    }
    let mut all = vec![
        Column::new("symbol", Kind::Word, "", SYMBOL),
        Column::new("rank", Kind::Whole, "", "From 1."),
        Column::new("id", Kind::Id, "", ID),
        Column::new("meets_require", Kind::Flag, "", "Every line of `require` holds."),
        objective(metric, "What it is ranked by, over its worlds."),
        world("worst"),
        world("median"),
        world("best"),
        Column::new(
            &format!("{metric}_neighbours_median"),
            Kind::Real,
            "",
            "Median objective of its grid neighbours (one step along one axis of numbers); of the first `report.top`.",
        ),
        Column::new(
            &format!("{metric}_plateau"),
            Kind::Real,
            "",
            "Lower median of the objective over it and these neighbours, one that misses a requirement or has no value being the \
             worst; none with fewer than half of the neighbours that an axis of numbers allows. Of the first `report.top`, with \
             `rank = \"plateau\"` of all.",
        ),
        Column::new(
            &format!("oos_objective_{metric}"),
            Kind::Real,
            "",
            &format!("What `objective_{metric}` says, of the held-out part over its own worlds; it never ranks."),
        ),
    ];
    all.extend(several);
    all
}

/// Whose a row is, in each table of the best.
pub const OWNER: [(&str, Kind, &str, &str); 4] = [
    ("symbol", Kind::Word, "", SYMBOL),
    ("id", Kind::Id, "", ID),
    ("world_id", Kind::Id, "", WORLD_ID),
    ("run", Kind::Word, "", "`in sample` or `held out`."),
];

pub const TRADES: &Layout = &[
    ("seq", Kind::Whole, "", "Number of the entry within its run, from 1."),
    ("time", Kind::Time, "", "When we knew."),
    ("venue_time", Kind::Time, "", "When it happened at the venue."),
    ("trade", Kind::Whole, "", "Number of the trade, from 1; 0: outside all trades."),
    ("state", Kind::Word, "", "State before the entry."),
    (
        "kind",
        Kind::Word,
        "",
        "`capital`, `fill`, `funding`, `liquidation`, `transfer`, `transition`, or `money`: what a trade made on one venue.",
    ),
    ("venue", Kind::Word, "", "Name of the venue."),
    ("role", Kind::Word, "", "Leg: `long` or `short`."),
    ("order", Kind::Whole, "", "Number of the order, within its run."),
    ("side", Kind::Word, "", "`buy` or `sell`."),
    ("price", Kind::Exact(9), "quote a coin", "Price of the fill, settlement or liquidation."),
    ("qty", Kind::Exact(9), "coins", "Quantity."),
    ("maker", Kind::Flag, "", "Filled as maker."),
    ("fee", Kind::Exact(12), "quote", "Fee; ours when positive (a rebate)."),
    ("amount", Kind::Exact(12), "quote", "Capital, funding or transfer; ours when positive."),
    ("rate", Kind::Exact(12), "", "Funding rate, a fraction over its interval."),
    ("lost", Kind::Exact(12), "quote", "Margin that the liquidation forfeited."),
    ("mid", Kind::Exact(10), "quote a coin", "The venue's own mid when the entry reached us."),
    (
        "mid_at_match",
        Kind::Exact(10),
        "quote a coin",
        "Of fills: mid of the book that the fill met, which slippage is measured from.",
    ),
    ("equity", Kind::Exact(19), "quote", "Of both accounts, after the entry."),
    ("at_end", Kind::Flag, "", "Closed because the data ended."),
    ("to_state", Kind::Word, "", "State after the transition."),
    ("reason", Kind::Word, "", "Reason of the transition."),
    (
        "also",
        Kind::Whole,
        "",
        "A bit for each further reason that held, in the order of the columns `n_<reason>` of the results.",
    ),
    ("money_grid", Kind::Exact(12), "quote", "Grid to which the venue rounds money."),
    ("maker_rate", Kind::Exact(12), "", "Maker fee after the referral's part, a fraction; a cost is positive."),
    ("taker_rate", Kind::Exact(12), "", "Taker fee after the referral's part, a fraction; a cost is positive."),
    ("pnl_price", Kind::Exact(19), "quote", "Of `money` rows; as the results' `pnl_price`."),
    ("pnl_spread", Kind::Exact(19), "quote", "Of `money` rows; as the results' `pnl_spread`."),
    ("pnl_legging", Kind::Exact(19), "quote", "Of `money` rows; as the results' `pnl_legging`."),
    ("pnl_slippage", Kind::Exact(19), "quote", "Of `money` rows; as the results' `pnl_slippage`."),
    ("pnl_fees", Kind::Exact(19), "quote", "Of `money` rows; as the results' `fees`."),
    ("pnl_rebates", Kind::Exact(19), "quote", "Of `money` rows; as the results' `rebates`."),
    ("pnl_funding", Kind::Exact(19), "quote", "Of `money` rows; as the results' `funding`."),
    ("pnl_liquidation", Kind::Exact(19), "quote", "Of `money` rows; as the results' `pnl_liquidation`."),
    ("pnl_transfer", Kind::Exact(19), "quote", "Of `money` rows; as the results' `pnl_transfer`."),
    ("pnl_rounding", Kind::Exact(19), "quote", "Of `money` rows; as the results' `pnl_rounding`."),
    ("pnl", Kind::Exact(19), "quote", "Sum of the row's `pnl_*`; all of a run's add up to its `net_pnl`."),
];

pub const LEGGING: &Layout = &[
    ("trade", Kind::Whole, "", "Number of the trade, from 1; 0: outside all trades."),
    ("began", Kind::Time, "", "When the leg came to stand alone."),
    ("ended", Kind::Time, "", "When it no longer did."),
    ("state", Kind::Word, "", "State in which the episode began."),
    ("venue", Kind::Word, "", "Venue of the exposed leg."),
    ("role", Kind::Word, "", "The exposed leg: `long` or `short`."),
    ("ending", Kind::Word, "", "How it ended; the results count each as `legging_<ending>`."),
    ("qty", Kind::Exact(9), "coins", "Most that was exposed."),
    ("qty_sec", Kind::Exact(18), "coins x s", "Exposed coins times seconds."),
    ("mid", Kind::Exact(10), "quote a coin", "The venue's mid at the beginning."),
    ("worst_mid", Kind::Exact(10), "quote a coin", "Its mid furthest against us."),
    ("worst_bp", Kind::Real, "bp", "How far that is from `mid`."),
    ("worst", Kind::Exact(19), "quote", "Deepest loss meanwhile; positive."),
    ("cost_bp", Kind::Real, "bp", "`cost` over the most that was exposed at `mid`."),
    ("cost", Kind::Exact(19), "quote", "What the price cost; negative: a gain."),
];

pub const EQUITY: &Layout = &[
    ("time", Kind::Time, "", "End of the minute."),
    ("equity", Kind::Exact(19), "quote", "Of both accounts, positions at their venue's mid."),
];

#[cfg(test)]
mod tests {
    use super::*;
    use perpx_core::config::ConfigFile;
    use perpx_core::stats::metric_table;
    use perpx_core::trader::Composite;
    use std::collections::BTreeMap;
    use std::fmt::Write;

    const GRID: &str = r#"
name = "columns"
base = "example.yml"
[data]
store = "store"
symbol = "BTC"
from = 2026-01-05
to = 2026-01-06
[axes]
"thresholds.vol_bars" = [20, 30]
"locking.g_pct" = [0.002, 0.004]
"locking.on_lb" = ["close_long", "hold"]
"execution.emulate_fok" = [true, false]
[objective]
metric = "sharpe"
"#;

    fn grid() -> Grid {
        let open = |_: &std::path::Path| ConfigFile::parse("example.yml", crate::EXAMPLE);
        let table = metric_table::<Composite>();
        let names: Vec<&str> = table.iter().map(|info| info.name.as_ref()).collect();
        Grid::parse("grid.toml", GRID, &names, &[], &open).unwrap_or_else(|e| panic!("{e}"))
    }

    fn tables() -> [(&'static str, Vec<Column>); 5] {
        let (grid, table) = (grid(), metric_table::<Composite>());
        [
            ("results.parquet", results(&grid, &table)),
            ("leaderboard.csv", crate::results::leaderboard::columns(&grid, &table)),
            ("trades.parquet", columns(TRADES)),
            ("legging.parquet", columns(LEGGING)),
            ("equity.parquet", columns(EQUITY)),
        ]
    }

    #[test]
    fn no_table_has_a_name_twice() {
        for (table, all) in tables() {
            let mut seen: BTreeMap<String, usize> = BTreeMap::new();
            // SQL does not tell capitals apart
            all.iter().for_each(|column| *seen.entry(column.name.to_lowercase()).or_default() += 1);
            // any key may be an axis
            if table == "results.parquet" {
                let grid = grid();
                let schema = grid.base.schema();
                let mut keys: Vec<&str> =
                    schema.all().filter(|ix| schema.is_axis(*ix)).map(|ix| schema.path(ix)).collect();
                keys.retain(|path| grid.strategy_axes().iter().all(|axis| axis.path != *path));
                keys.iter().for_each(|path| *seen.entry(path.to_lowercase()).or_default() += 1);
            }
            let twice: Vec<_> = seen.iter().filter(|(_, n)| **n > 1).map(|(name, _)| name).collect();
            assert!(twice.is_empty(), "{table} would have two columns named {twice:?}: readers refuse it. Rename one");
        }
    }

    #[test]
    fn every_column_says_what_it_means() {
        for (table, all) in tables() {
            for Column { name, doc, .. } in &all {
                let ends = doc.trim_end().ends_with('.') && !doc.trim_end().ends_with(": .");
                let blank = doc.trim_end().ends_with(':');
                assert!(
                    ends && !blank && doc.len() > 6,
                    "{table}: column {name} has no meaning ({doc:?}). Write a sentence as a doc comment (/// ...) above \
                     its line in metrics! (stats/metrics.rs), counts! (execution/mod.rs) or reasons! (strategy/state.rs), \
                     or beside it in results/columns.rs; then PERPX_BLESS=1 cargo test --release --lib columns"
                );
            }
        }
    }

    #[test]
    fn a_kind_of_value_has_one_type() {
        let (grid, table) = (grid(), metric_table::<Composite>());
        let all = results(&grid, &table);
        let kind = |name: &str| all.iter().find(|column| column.name == name).map(|column| column.kind);
        for (name, wanted) in [
            ("id", Kind::Id),
            ("symbol", Kind::Word),
            ("thresholds.vol_bars", Kind::Whole),
            ("locking.g_pct", Kind::Real),
            ("locking.on_lb", Kind::Word),
            ("execution.emulate_fok", Kind::Flag),
            ("trades", Kind::Whole),
            ("oos_trades", Kind::Whole),
            ("hedged_ns", Kind::Whole),
            ("sharpe", Kind::Real),
            ("held_trend", Kind::Real),
            ("rejects", Kind::Whole),
            ("rejects_heard", Kind::Whole),
            ("ledger", Kind::Id),
        ] {
            assert_eq!(kind(name), Some(wanted), "{name}");
        }
        // names that files share have one type; what an entry made is exact, what a run made a float
        let mut kinds: BTreeMap<String, (Kind, &str)> = BTreeMap::new();
        for (file, all) in tables() {
            for column in all.into_iter().filter(|column| !column.name.starts_with("pnl")) {
                let known = *kinds.entry(column.name.clone()).or_insert((column.kind, file));
                assert_eq!(known.0, column.kind, "{} of {} and {file}", column.name, known.1);
            }
        }
    }

    const LEAD: &str = "# Columns of a run's tables

Made from `crates/perpx-sweep/src/results/columns.rs`, `stats/metrics.rs`, `execution/mod.rs` and `strategy/state.rs`; a test holds it against
them. The same sentences stand in the parquet files, in each field's metadata (`doc`, `unit`):
`pyarrow.parquet.read_schema(\"results.parquet\").field(\"sharpe\").metadata`.

The files open in pandas, polars, pyarrow and DuckDB. Integers are 64 bits; timestamps nanoseconds, UTC; words are
dictionaries of text (pandas: category, polars: Categorical), identifiers plain text, so that files join on them; decimals
are exact, 38 digits. No value is null (an empty cell in leaderboard.csv), never NaN. Money is in quote units, a gain positive unless
a line says otherwise.\n";

    fn section(out: &mut String, title: &str, lead: &str, all: &[Column]) {
        let _ = write!(out, "\n## {title}\n{lead}\n\n| column | type | unit | meaning |\n| --- | --- | --- | --- |\n");
        for Column { name, kind, unit, doc } in all {
            let kind = match kind {
                Kind::Id => "text".to_string(),
                Kind::Word => "word".to_string(),
                Kind::Whole => "integer".to_string(),
                Kind::Real => "float".to_string(),
                Kind::Flag => "boolean".to_string(),
                Kind::Time => "timestamp".to_string(),
                Kind::Exact(scale) => format!("decimal ({scale})"),
            };
            let _ = writeln!(out, "| `{name}` | {kind} | {unit} | {doc} |");
        }
    }

    fn page() -> String {
        let table = metric_table::<Composite>();
        let mut out = String::from(LEAD);
        let after = figures(&table);
        let held_out = after.iter().position(|column| column.name.starts_with(HELD_OUT)).unwrap_or(0);
        let [.., ledger, oos_ledger] = after.as_slice() else { panic!("columns") };
        let mut own: Vec<Column> = results(&grid(), &table).into_iter().take(3).collect();
        own.push(Column::new(
            "<axis>",
            Kind::Word,
            "",
            "A column each, named as the key: integer, float, boolean or word.",
        ));
        own.extend(after[..held_out].iter().cloned());
        own.push(Column::new(
            "oos_<metric>",
            Kind::Real,
            "",
            "Each metric of the held-out part, in the metric's type.",
        ));
        own.extend([ledger, oos_ledger].into_iter().cloned());
        section(&mut out, "results.parquet", "A row a configuration and world.", &own);
        let lead =
            "A row a configuration, best first: these, then the columns of results.parquet in its ranking world.";
        section(&mut out, "leaderboard.csv", lead, &standing("<metric>", &["<further metric>".to_string()]));
        section(&mut out, "trades.parquet", "A row a ledger entry or transition of the best.", &columns(TRADES));
        section(&mut out, "legging.parquet", "A row an episode of legging of the best.", &columns(LEGGING));
        section(&mut out, "equity.parquet", "A row a minute of the best.", &columns(EQUITY));
        out
    }

    #[test]
    fn the_manual_has_every_column() {
        let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/reference/results.md");
        let (wanted, found) = (page(), std::fs::read_to_string(&path).unwrap_or_default());
        if wanted != found && std::env::var_os("PERPX_BLESS").is_some() {
            std::fs::write(&path, &wanted).expect("writable");
        }
        let line = wanted.lines().zip(found.lines()).find(|(a, b)| a != b);
        assert!(
            wanted == found,
            "docs/reference/results.md is not what the code says, first at {line:?}: PERPX_BLESS=1 cargo test --release --lib columns"
        );
    }
}
