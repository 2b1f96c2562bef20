//! results.parquet read back: the rows of one configuration.

use crate::error::SweepError;
use crate::results::columns::{HELD_OUT, SHARES};
use crate::results::reader::{Of, RunTable};
use crate::results::spool::{Row, RunRow};
use perpx_core::replay::LedgerHash;
use perpx_core::stats::MetricInfo;
use std::collections::BTreeSet;
use std::path::Path;

/// A configuration as results.parquet has it.
pub struct Found {
    pub id: u64,
    pub symbol: String,
    /// Ids of its worlds, beside `rows`.
    pub world_ids: Vec<String>,
    /// One a world, in the file's order; `point` and `world` are not known here.
    pub rows: Vec<Row>,
}

/// The configuration whose id begins with `prefix`, of `symbol` if one is named.
///
/// # Errors
/// No results, no such configuration, or several.
pub fn find(path: &Path, prefix: &str, symbol: Option<&str>, metrics: &[MetricInfo]) -> Result<Found, SweepError> {
    let id = one_id(path, prefix, symbol)?;
    let runs = ["", HELD_OUT].map(|prefix| {
        let metrics: Vec<String> = metrics.iter().map(|info| format!("{prefix}{}", info.name)).collect();
        (metrics, format!("{prefix}ledger"))
    });
    let mut names = vec!["id", "world_id", "symbol"];
    names.extend(SHARES);
    names.extend(runs.iter().flat_map(|(metrics, ledger)| metrics.iter().chain([ledger])).map(String::as_str));
    let table = RunTable::read(path, &names, Some(Of { id: &id, symbol }))?;
    let of_run = |(metrics, ledger): &(Vec<String>, String)| -> Result<Vec<RunRow>, SweepError> {
        let values = metrics.iter().map(|name| table.numbers(name)).collect::<Result<Vec<_>, _>>()?;
        let hashes = table.words(ledger)?;
        let row = |(row, hash): (usize, &Option<String>)| {
            RunRow::new(ledger_hash(hash.as_deref()), values.iter().map(|column| column[row]))
        };
        Ok(hashes.iter().enumerate().map(row).collect())
    };
    let [inside, outside] = [of_run(&runs[0])?, of_run(&runs[1])?];
    let shares = SHARES.map(|name| table.numbers(name));
    let [a, b, c, d] = shares;
    let shares = [a?, b?, c?, d?];
    let id = u64::from_str_radix(&id, 16).unwrap_or_default();
    let rows = inside.into_iter().zip(outside).enumerate().map(|(at, (inside, outside))| Row {
        id,
        point: 0,
        world: 0,
        shares: shares.each_ref().map(|column| column[at]),
        runs: [inside, outside],
    });
    let symbol = table.words("symbol")?.into_iter().flatten().next().unwrap_or_default();
    let world_ids = table.words("world_id")?.into_iter().flatten().collect();
    Ok(Found { id, symbol, world_ids, rows: rows.collect() })
}

/// The one id that begins with `prefix`.
fn one_id(path: &Path, prefix: &str, symbol: Option<&str>) -> Result<String, SweepError> {
    let wrong = |what: String| SweepError::Missing { path: path.to_path_buf(), what };
    let found = RunTable::read(path, &["id", "symbol"], Some(Of { id: prefix, symbol }))?;
    let ids: BTreeSet<String> = found.words("id")?.into_iter().flatten().collect();
    let some: Vec<&str> = ids.iter().map(String::as_str).take(4).collect();
    match ids.len() {
        1 => Ok(some[0].to_string()),
        0 => Err(wrong(format!("no configuration's id begins with {prefix}; leaderboard.csv lists the best"))),
        n => {
            let dots = if n > some.len() { ", ..." } else { "" };
            Err(wrong(format!("{n} ids begin with {prefix}: {}{dots}; to do: give more of the id", some.join(", "))))
        }
    }
}

fn ledger_hash(text: Option<&str>) -> LedgerHash {
    let mut hash = LedgerHash::default();
    for (byte, pair) in hash.0.iter_mut().zip(text.unwrap_or_default().as_bytes().chunks(2)) {
        *byte = std::str::from_utf8(pair).ok().and_then(|pair| u8::from_str_radix(pair, 16).ok()).unwrap_or(0);
    }
    hash
}
