//! The table of keys for people: `perpx-sweep keys` and docs/reference/keys.md.

use super::{Class, Default, FILLS, Key, Kind, TOP, VENUE};
use serde::Serialize;

/// A row of the table in words.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct KeyRow {
    /// `<venue>` stands for a key under `exchanges`, `[.<venue>]` for the same or nothing.
    pub path: String,
    /// Who chooses it: `strategy` and `world` can be axes, `account` cannot.
    pub class: &'static str,
    /// The values that fit, in words.
    pub accepted: String,
    /// What holds without it, in words.
    pub default: String,
    /// A noun phrase with the unit.
    pub meaning: &'static str,
    /// What each word of a choice means.
    pub choices: Vec<(&'static str, &'static str)>,
}

/// Every key, in the order of the table.
pub fn rows() -> Vec<KeyRow> {
    let tables = [(TOP, ""), (VENUE, "<venue>"), (FILLS, "fills[.<venue>]")];
    tables.iter().flat_map(|(table, star)| table.iter().map(|key| row(key, key.path.replace('*', star)))).collect()
}

/// A row of the table under the path that users read.
fn row(key: &Key, path: String) -> KeyRow {
    let class = match key.class {
        Class::Strategy => "strategy",
        Class::World => "world",
        Class::Account => "account",
    };
    let default = match key.default {
        Default::Required | Default::RequiredOrNull => "required".to_string(),
        Default::Unset => unset(key.path).to_string(),
        Default::Is(text) | Default::IsOrNull(text) => text.to_string(),
        Default::Like(other) => format!("as `{}`", TOP[other as usize].path),
    };
    let choices = match key.kind {
        Kind::Choice(words) => words.iter().map(|word| (word.word, word.meaning)).collect(),
        _ => Vec::new(),
    };
    KeyRow { path, class, accepted: key.kind.accepted(key.takes_null()), default, meaning: key.doc, choices }
}

/// What holds where a key without a default is not written.
fn unset(path: &str) -> &'static str {
    match path {
        "base_qty" | "base_notional" => "one of the two",
        "long_venue" => "lighter",
        "short_venue" => "grvt",
        "locking.band" => "sigma where band_sigma is written, else quantile",
        "locking.band_sigma" | "locking.quantile_band.lb" | "locking.quantile_band.ub" => "required by its band",
        "funding.signal" => "predicted where the tape has it of both venues, else settled",
        "fees.taker_bps" | "fees.maker_rebate_bps" => "the venue's",
        "capital.*" => "the size at the first mid",
        "exchanges.*.name" => "the venue's key",
        "exchanges.*.profile" => "the one of the venue's name",
        "exchanges.*.endpoint" | "exchanges.*.account" => "none",
        "exchanges.*.instrument.symbol" => "the profile's, else symbol",
        "*.queue.n" => "required by power",
        "*.assume_qty" => "nothing is filled there",
        "*.outages" => "none",
        _ if path.starts_with("exchanges.") => "the profile's",
        _ if path.starts_with("*.latency") => "not used",
        _ => "off",
    }
}

/// A table of Markdown for each block of the file.
pub fn markdown(rows: &[KeyRow]) -> String {
    let block = |row: &KeyRow| {
        let end = row.path.find(['.', '[']).unwrap_or(0);
        row.path[..end].to_string()
    };
    let mut out = String::new();
    for rows in rows.chunk_by(|a, b| block(a) == block(b)) {
        let title = rows.first().map(block).filter(|block| !block.is_empty());
        let title = title.map_or("At the top of the file".to_string(), |block| format!("`{block}`"));
        out += &format!("## {title}\n\n| key | accepted | default | chosen by | meaning |\n");
        out += "| --- | --- | --- | --- | --- |\n";
        for KeyRow { path, class, accepted, default, meaning, choices } in rows {
            let accepted = accepted.replace('|', "\\|");
            let choices: String = choices.iter().map(|(word, what)| format!("<br>`{word}`: {what}")).collect();
            out += &format!("| `{path}` | {accepted} | {default} | {class} | {meaning}{choices} |\n");
        }
        out.push('\n');
    }
    out.trim_end().to_string()
}
