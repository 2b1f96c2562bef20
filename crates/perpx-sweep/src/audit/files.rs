//! The files of a run and of the store, read by their columns' names.

use super::{AuditError, RunKey};
use crate::error::SweepError;
use crate::results::reader::RunTable;
use perpx_core::audit::{Entry, Kind, LINES, Settled};
use perpx_core::tape::rows::{FundingKind, FundingRow};
use perpx_data::TapeError;
use perpx_data::store::{StoreFile, StorePath, Table};
use std::collections::BTreeMap;
use std::path::Path;

/// Columns of trades.parquet that an entry is made of.
const WORDS: [&str; 8] = ["symbol", "id", "world_id", "run", "kind", "venue", "role", "side"];
const NUMBERS: [&str; 17] = [
    "seq",
    "trade",
    "venue_time",
    "price",
    "qty",
    "maker",
    "fee",
    "amount",
    "rate",
    "lost",
    "money_grid",
    "maker_rate",
    "taker_rate",
    "mid",
    "mid_at_match",
    "equity",
    "pnl",
];

/// All rows of trades.parquet, in their order.
pub(super) fn entries(path: &Path) -> Result<Vec<Entry>, AuditError> {
    let lines = LINES.map(|name| format!("pnl_{name}"));
    let numbers = || NUMBERS.into_iter().chain(lines.iter().map(String::as_str));
    let table = RunTable::read(path, &WORDS.into_iter().chain(numbers()).collect::<Vec<_>>(), None)?;
    let words = WORDS.into_iter().map(|name| Ok((name, table.words(name)?)));
    let words = words.collect::<Result<BTreeMap<_, _>, SweepError>>()?;
    let numbers = numbers().map(|name| Ok((name, table.exact(name)?)));
    let numbers = numbers.collect::<Result<BTreeMap<_, _>, SweepError>>()?;
    let entry = |row: usize| {
        let word = |name: &str| words[name][row].clone().unwrap_or_default();
        let number = |name: &str| numbers[name][row].unwrap_or(0);
        let kind = match word("kind").as_str() {
            "capital" => Kind::Capital,
            "fill" => Kind::Fill,
            "funding" => Kind::Funding,
            "liquidation" => Kind::Liquidation,
            "transfer" => Kind::Transfer,
            "transition" => Kind::Transition,
            "money" => Kind::Money,
            other => {
                let what = format!("row {row}: no such kind of entry: '{other}'");
                return Err(AuditError::File { path: path.to_path_buf(), what });
            }
        };
        Ok(Entry {
            symbol: word("symbol"),
            id: word("id"),
            world: word("world_id"),
            run: word("run"),
            seq: number("seq") as u32,
            trade: number("trade") as u32,
            kind,
            venue: word("venue"),
            role: word("role"),
            venue_time: number("venue_time") as i64,
            side: word("side"),
            price: number("price"),
            qty: number("qty"),
            maker: number("maker") != 0,
            fee: number("fee"),
            amount: number("amount"),
            rate: number("rate"),
            lost: number("lost"),
            grid: number("money_grid"),
            maker_rate: number("maker_rate"),
            taker_rate: number("taker_rate"),
            mid: number("mid"),
            met: number("mid_at_match"),
            equity: numbers["equity"][row],
            lines: lines.each_ref().map(|name| number(name)),
            pnl: number("pnl"),
        })
    };
    (0..table.rows()).map(entry).collect()
}

/// Whose each row is, and the row's value in the column `name`.
fn owned(table: &RunTable, name: &str) -> Result<Vec<(RunKey, Option<i128>)>, SweepError> {
    let [symbols, ids, runs] = [table.words("symbol")?, table.words("id")?, table.words("run")?];
    let owners = symbols.into_iter().zip(ids).zip(runs).map(|((symbol, id), run)| {
        let [symbol, id, run] = [symbol, id, run].map(Option::unwrap_or_default);
        (symbol, id, run)
    });
    Ok(owners.zip(table.exact(name)?).collect())
}

/// The last equity of equity.parquet, 1e-19.
pub(super) fn last_equity(path: &Path) -> Result<BTreeMap<RunKey, i128>, AuditError> {
    let table = RunTable::read(path, &["symbol", "id", "run", "equity"], None)?;
    let mut out = BTreeMap::new();
    for (owner, equity) in owned(&table, "equity")? {
        // a later row takes the place of those before it
        if let Some(equity) = equity {
            out.insert(owner, equity);
        }
    }
    Ok(out)
}

/// Trade -> what its episodes of legging cost, 1e-19.
pub(super) type LeggingCosts = BTreeMap<RunKey, BTreeMap<u32, i128>>;

/// What legging.parquet says.
pub(super) fn legging(path: &Path) -> Result<LeggingCosts, AuditError> {
    let table = RunTable::read(path, &["symbol", "id", "run", "trade", "cost"], None)?;
    let mut out = LeggingCosts::new();
    for ((owner, cost), trade) in owned(&table, "cost")?.into_iter().zip(table.exact("trade")?) {
        *out.entry(owner).or_default().entry(trade.unwrap_or(0) as u32).or_default() += cost.unwrap_or(0);
    }
    Ok(out)
}

/// What results.parquet says of a run: its net pnl, then its lines in the order of [`LINES`].
pub(super) const RESULTS: [&str; 1 + LINES.len()] = [
    "net_pnl",
    "pnl_price",
    "pnl_spread",
    "pnl_legging",
    "pnl_slippage",
    "fees",
    "rebates",
    "funding",
    "pnl_liquidation",
    "pnl_transfer",
    "pnl_rounding",
];

/// (symbol, id, world, run) -> values of [`RESULTS`].
pub(super) type RunLines = BTreeMap<(String, String, String, String), [Option<f64>; RESULTS.len()]>;

/// What results.parquet says.
pub(super) fn results(path: &Path) -> Result<RunLines, AuditError> {
    let runs = [("in sample", ""), ("held out", "oos_")]
        .map(|(run, prefix)| (run, RESULTS.map(|name| format!("{prefix}{name}"))));
    let mut names = vec!["symbol", "id", "world_id"];
    names.extend(runs.iter().flat_map(|(_, names)| names).map(String::as_str));
    let table = RunTable::read(path, &names, None)?;
    let [symbols, ids, worlds] = [table.words("symbol")?, table.words("id")?, table.words("world_id")?];
    let mut out = RunLines::new();
    for (run, names) in &runs {
        let columns = names.iter().map(|name| table.numbers(name)).collect::<Result<Vec<_>, _>>()?;
        for (row, ((symbol, id), world)) in symbols.iter().zip(&ids).zip(&worlds).enumerate() {
            let [symbol, id, world] = [symbol, id, world].map(|word| word.clone().unwrap_or_default());
            out.insert((symbol, id, world, run.to_string()), std::array::from_fn(|at| columns[at][row]));
        }
    }
    Ok(out)
}

/// The settled rates of a venue in the store, by time: of every file that the loader opens, read as it reads them.
pub(super) fn settled(store: &Path, venue: &str, symbol: &str) -> Result<Vec<Settled>, AuditError> {
    let wrong = |error: TapeError| AuditError::File { path: store.to_path_buf(), what: error.to_string() };
    let mut out = BTreeMap::new();
    for (_, path) in StorePath::open(store).and_then(|s| s.files(Table::Funding, venue, symbol)).map_err(wrong)? {
        let file = StoreFile::open::<FundingRow>(&path).map_err(wrong)?;
        for batch in file.read::<FundingRow>(0..file.groups().len()).map_err(wrong)? {
            let batch = batch.map_err(wrong)?;
            let unfit = |i: usize| batch.faults.iter().any(|fault| fault.0 == i);
            let rows = batch.rows.iter().enumerate().filter(|(i, row)| row.kind == FundingKind::Settled && !unfit(*i));
            for (_, row) in rows {
                out.entry(row.ts.0).or_insert(i128::from(row.rate.0));
            }
        }
    }
    Ok(out.into_iter().map(|(ts, rate)| Settled { ts, rate }).collect())
}
