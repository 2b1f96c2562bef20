//! What an import map says and what a store holds, for people: `perpx-data columns` and docs/reference/data-columns.md.

use super::map::required;
use crate::store::{BarRow, DepthLevelRow, NumberedTrade, StoredRow, Table};
use crate::text;
use arrow::datatypes::{DataType, Field};
use perpx_core::tape::rows::{FundingRow, MarkRow, QuoteRow};
use serde::Serialize;

/// A key of the map.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct MapKey {
    /// As it stands in the map.
    pub key: &'static str,
    /// "required", or what holds without it; empty: nothing.
    pub default: &'static str,
    /// What it says, with its unit.
    pub meaning: &'static str,
}

/// A column of the store.
#[derive(Clone, Debug, Serialize)]
pub struct StoreColumn {
    /// quotes, trades, depth, marks or funding.
    pub table: &'static str,
    /// Its name in the store.
    pub column: String,
    /// Its type in the store.
    pub kind: String,
    /// An import needs a source for it.
    pub required: bool,
    /// What it says, with its unit.
    pub meaning: &'static str,
}

const fn key(key: &'static str, default: &'static str, meaning: &'static str) -> MapKey {
    MapKey { key, default, meaning }
}

/// At the top of a map.
pub const TOP_KEYS: &[MapKey] = &[
    key("about", "", "free text, kept in dataset.json"),
    key(
        "columns",
        "",
        "`[columns.TABLE]`: column of the store = column of the files, for all files of that table; a file's own `columns` come first, an empty name takes one away",
    ),
    key("min_feed_ms", "1", "least believable delay from venue to recorder, in milliseconds, 0 to 60000"),
    key(
        "clock_shift_ms",
        "",
        "milliseconds added to every `recv_ts` instead of what the import finds: a number, or `{ recorder = number }`",
    ),
    key("max_jump_ms", "60000", "a stamp further out of its series than so many milliseconds is no stamp"),
    key("on_jumps", "refuse", "`drop` leaves rows with such stamps out, counted; `refuse` stops"),
    key("file", "", "`[[file]]`: a file, see below"),
    key(
        "archive",
        "",
        "`[[archive]]`: the files of a preset for one instrument, see below; a map has this or `[[file]]`, or both",
    ),
    key("left_out", "", "`[[left_out]]`: `path` and `why` of a file that is not imported; `check` repeats it"),
];

/// Of each `[[file]]`.
pub const FILE_KEYS: &[MapKey] = &[
    key("path", "required", "the file, below the folder given by `--from`"),
    key("table", "required", "whose rows it holds: quotes, trades, depth, marks, funding"),
    key("venue", "required", "name of the venue in the store"),
    key("symbol", "required", "name of the symbol in the store"),
    key(
        "columns",
        "as `[columns.TABLE]`",
        "`{ bid_px = \"b\" }` for this file alone, or `[\"t\", \"b\", \"a\"]`: the names of all columns, in order, of a file without a header",
    ),
    key(
        "header",
        "",
        "names of the columns of a CSV, in order: those of a file without a header; a file with one must have just these",
    ),
    key("format", "by the name", "`csv`, `json`, `parquet` or `npy`, where the file's name does not say it"),
    key(
        "rows",
        "",
        "JSON: paths of lists in a value, such as `[\"data.b\", \"data.a\"]`: each element is a row, of which `@.0` is a part, `@list` the list's path and `@n` the number",
    ),
    key(
        "changes",
        "",
        "quotes and depth: the rows are changes of a book, with `side`, `px`, `qty` (0: gone) and `change` as columns: `{ snapshot = [words], clear = [words], levels = 10 }`. A row is made where the best prices or sizes changed, and each second",
    ),
    key("member", "", "the file of a .zip that holds several"),
    key(
        "delimiter",
        "by the first line",
        "one character; without it, whichever of comma, semicolon, tab and bar the first line has most",
    ),
    key(
        "where",
        "",
        "`{ e = \"bookTicker\" }`: only rows with this word (or one of a list) in this column; the others are counted",
    ),
    key(
        "time_unit",
        "ns",
        "`s`, `ms`, `us`, `ns` since 1970, or `rfc3339`; or one for each time column. A typed column of parquet says it itself",
    ),
    key(
        "skip_empty",
        "",
        "rows of which one of these columns of the store is empty, or a price zero, are left out, counted",
    ),
    key("day_in_name", "false", "true: times count from midnight (UTC) of the date in the file's name, 20260105"),
    key("time_shift_ms", "0", "added to exchange and receive times as they are read: a bar is known at its end"),
    key("time_zone", "", "of times that say none: `UTC`, `+02:00`, `Europe/Berlin`. Without it they are refused"),
    key(
        "numbers",
        "decimal",
        "`float` takes the nearest number of 9 decimals (rates: 12), where that changes it by less than a part in a million",
    ),
    key("rate_unit", "fraction", "or `percent`"),
    key("buy", "buy, B, bid", "words for a taker that bought (depth: for a bid), as written"),
    key("sell", "sell, S, ask", "words for a taker that sold (depth: for an ask), as written"),
    key(
        "contract_face",
        "",
        "sizes are contracts of so much quote money each: coins = contracts x face / price, rounded down to 1e-9",
    ),
    key("price_factor", "1", "prices of the file times this are those of the store, exactly"),
    key("qty_factor", "1", "sizes of the file times this are those of the store, exactly"),
    key("interval_hours", "", "of funding without a column for it"),
    key("consumed_book", "true", "false for prints that never touched the visible book, where no column says it"),
    key("feed_latency_ms", "", "of a file with one clock: the other one is so many milliseconds away, 0 to 60000"),
    key("recorder", "recorder", "files of one recorder share one clock, and one correction"),
    key("sort", "false", "true for a file that is not in receive order"),
    key("note", "", "free text, kept in dataset.json"),
];

/// Of each `[[archive]]`; the options of `perpx-data import --preset` are the same.
pub const ARCHIVE_KEYS: &[MapKey] = &[
    key(
        "preset",
        "required",
        "`tardis`, `binance-vision`, `bybit`, `hyperliquid-s3`, `lighter-export`, `hftbacktest` or `lean`",
    ),
    key("instrument", "required", "the archive's own name of the perpetual"),
    key("symbol", "required", "name of the symbol in the store"),
    key("venue", "the preset's", "name of the venue in the store"),
    key("folder", "", "where its files lie below the folder given by `--from`"),
    key("feed_latency_ms", "", "for archives with one clock: how long their rows took to arrive"),
    key("contract_face", "", "as of `[[file]]`, of quotes, trades and depth"),
    key("price_factor", "1", "as of `[[file]]`"),
    key("qty_factor", "1", "as of `[[file]]`, of quotes, trades and depth"),
];

fn fields(table: Table) -> Vec<Field> {
    match table {
        Table::Quotes => QuoteRow::fields(),
        Table::Trades | Table::GapTrades => NumberedTrade::fields(),
        Table::Depth => DepthLevelRow::fields(),
        Table::Marks => MarkRow::fields(),
        Table::Funding => FundingRow::fields(),
        Table::Bars => BarRow::fields(),
    }
}

fn meaning(table: Table, column: &str) -> &'static str {
    match (table, column) {
        (Table::Funding, "recv_ts") => "when we learnt of the rate",
        (Table::Bars, "recv_ts") => {
            "where the bar ends: nobody knew it before; rows lie in the day of it, sorted by it"
        }
        (Table::Bars, "kind") => "what it is made of: `trade`, `mark`, `index` or `mid` prices",
        (_, "open_ts") => "where the bar begins",
        (_, "open_px") => "first price",
        (_, "high_px") => "highest price",
        (_, "low_px") => "lowest price",
        (_, "close_px") => "last price",
        (_, "volume") => "coins that were traded; 0 but for trades",
        (_, "exch_ts") => "when it happened, by the venue's clock",
        (_, "recv_ts") => "when this machine received it; rows lie in the day of it, sorted by it",
        (_, "ts") => "time of the settlement, by the venue's clock; rows lie in the year of it",
        (_, "bid_px") => "best bid",
        (_, "bid_qty") => "size at the best bid in coins; 0: not known",
        (_, "ask_px") => "best ask",
        (_, "ask_qty") => "size at the best ask in coins; 0: not known",
        (Table::Trades, "px") => "price of the print",
        (Table::Trades, "qty") => "size of the print in coins",
        (_, "taker_side") => "`buy` or `sell`: side of the taker",
        (_, "trade_id") => "the venue's number of the print; null: none",
        (_, "consumed_book") => "false: the print never touched the visible book, and moves no queue",
        (_, "side") => "`bid` or `ask`",
        (_, "level") => "number of the level of its side, best first, from 0",
        (_, "px") => "price of the level",
        (_, "qty") => "size of the level in coins",
        (_, "mark_px") => "mark price; null: not known",
        (_, "index_px") => "index price; null: not known",
        (_, "rate") => "funding rate, a fraction of notional over its interval; positive: the long pays",
        (_, "interval_hours") => "hours from settlement to settlement",
        (_, "kind") => "`settled`, or `predicted` before its settlement",
        _ => "",
    }
}

fn kind(field: &Field) -> String {
    let kind = match field.data_type() {
        DataType::Timestamp(..) => "timestamp (ns, UTC)".to_string(),
        DataType::Decimal64(digits, scale) => format!("decimal ({digits}, {scale})"),
        DataType::Utf8 => "text".to_string(),
        other => other.to_string().to_lowercase(),
    };
    if field.is_nullable() { kind + ", or null" } else { kind }
}

/// Every column of every table of a store.
pub fn columns() -> Vec<StoreColumn> {
    let of = |table: Table| {
        fields(table).into_iter().map(move |field| StoreColumn {
            table: table.name(),
            column: field.name().clone(),
            kind: kind(&field),
            required: required(table).contains(&field.name().as_str()),
            meaning: meaning(table, field.name()),
        })
    };
    Table::ALL.into_iter().chain([Table::Bars]).flat_map(of).collect()
}

/// Tables of Markdown.
pub fn markdown() -> String {
    let mut out = String::new();
    let parts = [
        ("At the top of the map", TOP_KEYS),
        ("Of each `[[file]]`", FILE_KEYS),
        ("Of each `[[archive]]`", ARCHIVE_KEYS),
    ];
    for (title, keys) in parts {
        out += &format!("## {title}\n\n| key | default | what it says |\n| --- | --- | --- |\n");
        for MapKey { key, default, meaning } in keys {
            out += &format!("| `{key}` | {default} | {meaning} |\n");
        }
        out.push('\n');
    }
    for rows in columns().chunk_by(|a, b| a.table == b.table) {
        let table = rows.first().map_or("", |row| row.table);
        out += &format!("## Table `{table}`\n\n| column | type | in a map | meaning |\n| --- | --- | --- | --- |\n");
        for StoreColumn { column, kind, required, meaning, .. } in rows {
            out += &format!("| `{column}` | {kind} | {} | {meaning} |\n", if *required { "required" } else { "" });
        }
        out.push('\n');
    }
    out.trim_end().to_string()
}

/// A paragraph a key or column; without a terminal a line each.
pub fn plain(width: usize) -> String {
    let mut lines = Vec::new();
    for (place, keys) in [("", TOP_KEYS), ("file.", FILE_KEYS), ("archive.", ARCHIVE_KEYS)] {
        let default = |text: &str| if text.is_empty() { String::new() } else { format!("; default: {text}") };
        lines.extend(keys.iter().map(|key| format!("{place}{}  {}{}", key.key, key.meaning, default(key.default))));
    }
    lines.extend(columns().iter().map(|row| format!("{}.{}  {}; {}", row.table, row.column, row.meaning, row.kind)));
    lines.iter().map(|line| text::wrap(line, width)).collect::<Vec<_>>().join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::import::map::{FileMap, ImportMap};
    use crate::import::preset::{self, Archive};

    /// The keys that serde takes, from its error about one that it does not.
    fn taken<T: serde::de::DeserializeOwned>() -> Vec<String> {
        let error = toml::from_str::<T>("nonsense = 1").err().expect("an unknown key").to_string();
        error.split('`').skip(1).step_by(2).map(str::to_string).filter(|key| key.as_str() != "nonsense").collect()
    }

    #[test]
    fn every_key_of_a_map_is_in_the_reference() {
        let listed = |keys: &[MapKey]| {
            let mut names: Vec<String> = keys.iter().map(|key| key.key.to_string()).collect();
            names.sort();
            names
        };
        let all =
            [(taken::<ImportMap>(), TOP_KEYS), (taken::<FileMap>(), FILE_KEYS), (taken::<Archive>(), ARCHIVE_KEYS)];
        for (mut taken, keys) in all {
            taken.sort();
            assert_eq!(taken, listed(keys), "left: the map's fields (map.rs); right: their meanings (reference.rs)");
        }
    }

    #[test]
    fn every_preset_is_in_the_reference() {
        let listed = ARCHIVE_KEYS[0].meaning;
        assert!(preset::names().iter().all(|name| listed.contains(&format!("`{name}`"))), "{listed}");
    }

    #[test]
    fn every_column_of_a_store_is_in_the_reference() {
        for table in Table::ALL.into_iter().chain([Table::Bars]) {
            let names: Vec<String> = fields(table).iter().map(|field| field.name().clone()).collect();
            assert_eq!(names, table.columns(), "{}", table.name());
            assert!(names.iter().all(|name| !meaning(table, name).is_empty()), "{names:?}: one has no meaning");
        }
    }
}
