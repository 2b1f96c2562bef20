//! The auditor: adds up the money again, from `trades.parquet` and the store's funding files, in i128. It shares no code
//! with the ledger, the fees or the simulated venue, so that no payment can be wrong in both.
//!
//! For every configuration and run it checks that
//! - each fee is `notional x rate`, rounded against us to the venue's money grid;
//! - each funding amount is `-(position x price x rate)`, rounded the same way, its rate is the one that the store holds for
//!   that settlement, and no settlement of an open position is missing;
//! - positions never turn around and end flat, and what leaves one venue reaches the other;
//! - whenever both legs are flat, and at the end, the equity written down is the cash added up here;
//! - each trade's lines on each venue follow from its entries, and all of them add up to the run's lines and net pnl;
//! - each trade's legging line is what its episodes in `legging.parquet` cost;
//! - the end of `equity.parquet`, and `net_pnl` and the lines of `results.parquet`, say the same.

mod files;

use crate::error::SweepError;
use crate::results::manifest::RunManifest;
use files::RESULTS;
use perpx_core::audit::{Account, Entry, Kind, LINES, Money, Settled};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// What the auditor found wrong, or could not read.
// each variant's message says what it is
#[allow(missing_docs)]
#[derive(Debug, thiserror::Error)]
pub enum AuditError {
    #[error(transparent)]
    Run(#[from] SweepError),
    #[error("{}: {what}\n  an audit needs the folder of a finished run, such as reports/quickstart", path.display())]
    File { path: PathBuf, what: String },
    #[error("{} configuration {id}, run {run}, entry {seq}: {what}", path.display())]
    Wrong { path: PathBuf, id: String, run: String, seq: u32, what: String },
}

impl AuditError {
    /// 2 bad input, 1 money that does not add up.
    pub fn exit_code(&self) -> u8 {
        match self {
            AuditError::Run(error) => error.exit_code(),
            AuditError::File { .. } => 2,
            AuditError::Wrong { .. } => 1,
        }
    }
}

/// What was checked.
#[derive(Clone, Debug, Default, PartialEq, Eq, serde::Serialize)]
pub struct Audit {
    /// Configurations with entries.
    pub configurations: usize,
    /// Their runs: in sample, held out.
    pub runs: usize,
    /// Trades, each of two legs.
    pub trades: usize,
    /// Entries that move money.
    pub entries: usize,
    /// Of them fills.
    pub fills: usize,
    /// Of them funding payments.
    pub fundings: usize,
    /// Of them liquidations.
    pub liquidations: usize,
    /// False when the store that the run read is not there any more: funding was not held against it.
    pub store_found: bool,
}

impl std::fmt::Display for Audit {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Audit { configurations, runs, trades, entries, fills, fundings, liquidations, store_found } = self;
        write!(
            f,
            "audit: {configurations} configurations in {runs} runs, {trades} trades, {entries} entries ({fills} fills, \
             {fundings} funding payments, {liquidations} liquidations) add up to the last unit of money, line by line"
        )?;
        if !store_found {
            write!(f, "\n  the store is not there any more: funding rates were not held against it")?;
        }
        Ok(())
    }
}

/// One configuration in one run (in sample or held out).
type RunKey = (String, String, String);

/// Audits the run whose results lie in `dir`, or one symbol of it.
///
/// # Errors
/// A file that is missing or cannot be read, or the first entry that does not add up.
pub fn run(dir: &Path, symbol: Option<&str>) -> Result<Audit, AuditError> {
    let manifest = RunManifest::read(dir)?;
    manifest.known(dir, symbol)?;
    let trades = dir.join("trades.parquet");
    let entries = files::entries(&trades)?;
    let ends = files::last_equity(&dir.join("equity.parquet"))?;
    let legging = files::legging(&dir.join("legging.parquet"))?;
    let results = files::results(&dir.join("results.parquet"))?;
    let store = PathBuf::from(&manifest.store);
    let mut audit = Audit { store_found: store.is_dir(), ..Audit::default() };
    let mut rates = Rates { store, known: BTreeMap::new() };
    let mut owners: BTreeMap<RunKey, Vec<Entry>> = BTreeMap::new();
    for entry in entries.into_iter().filter(|entry| symbol.is_none_or(|symbol| symbol == entry.symbol)) {
        owners.entry((entry.symbol.clone(), entry.id.clone(), entry.run.clone())).or_default().push(entry);
    }
    let mut configurations = std::collections::BTreeSet::new();
    for ((symbol, id, run), list) in &owners {
        let wrong = |seq: u32, what: String| AuditError::Wrong {
            path: trades.clone(),
            id: id.clone(),
            run: run.clone(),
            seq,
            what,
        };
        let span = manifest.symbol(symbol).and_then(|symbol| symbol.runs.get(run));
        let span = span.map(|[from, to]| (from.0.0, to.0.0));
        let episodes = legging.get(&(symbol.clone(), id.clone(), run.clone())).cloned().unwrap_or_default();
        let gain = add_up(list, span, &episodes, &mut rates, &mut audit, &wrong)?;
        let last = list.last().map_or(0, |entry| entry.seq);
        match ends.get(&(symbol.clone(), id.clone(), run.clone())) {
            Some(end) if *end == gain.end => {}
            other => {
                return Err(wrong(
                    last,
                    format!("equity.parquet ends at {other:?}, the entries add up to {}", gain.end),
                ));
            }
        }
        let key = (symbol.clone(), id.clone(), list.first().map(|e| e.world.clone()).unwrap_or_default(), run.clone());
        let added = std::iter::once(gain.end - gain.start).chain(gain.lines);
        for ((name, said), added) in RESULTS.iter().zip(results.get(&key).into_iter().flatten()).zip(added) {
            let Some(said) = said else { continue };
            let added = added as f64 * 1e-19;
            if (said - added).abs() > 1e-9 * added.abs().max(1.0) {
                return Err(wrong(
                    last,
                    format!("results.parquet says that {name} is {said}, the entries add up to {added}"),
                ));
            }
        }
        configurations.insert((symbol, id));
        audit.runs += 1;
    }
    let of_symbol = |key: &&RunKey| symbol.is_none_or(|symbol| symbol == key.0);
    if let Some((_, id, run)) = ends.keys().filter(of_symbol).find(|key| !owners.contains_key(*key)) {
        let what = format!("equity.parquet has configuration {id}, run {run}, of which there is no entry");
        return Err(AuditError::File { path: trades, what });
    }
    audit.configurations = configurations.len();
    Ok(audit)
}

/// Equity at the start and at the end, and the lines between, in 1e-19.
struct Gain {
    start: i128,
    end: i128,
    lines: [i128; LINES.len()],
}

/// Settled rates by venue and symbol, read when first asked for.
struct Rates {
    store: PathBuf,
    known: BTreeMap<(String, String), Vec<Settled>>,
}

impl Rates {
    fn of(&mut self, venue: &str, symbol: &str) -> Result<&[Settled], AuditError> {
        let key = (venue.to_string(), symbol.to_string());
        if !self.known.contains_key(&key) {
            self.known.insert(key.clone(), files::settled(&self.store, venue, symbol)?);
        }
        Ok(self.known.get(&key).map_or(&[], Vec::as_slice))
    }
}

fn add_up(
    list: &[Entry],
    span: Option<(i64, i64)>,
    legging: &BTreeMap<u32, i128>,
    rates: &mut Rates,
    audit: &mut Audit,
    wrong: &dyn Fn(u32, String) -> AuditError,
) -> Result<Gain, AuditError> {
    let mut accounts: BTreeMap<String, Account> = BTreeMap::new();
    for entry in list.iter().filter(|entry| entry.kind == Kind::Capital) {
        accounts.insert(entry.venue.clone(), Account::new(entry));
    }
    let cash = |accounts: &BTreeMap<String, Account>| accounts.values().map(|a| a.cash).sum::<i128>() * 10_000_000;
    let start = cash(&accounts);
    // what left one venue and has not reached the other
    let mut in_transit = 0;
    let mut money = Money::default();
    for entry in list.iter().filter(|entry| !matches!(entry.kind, Kind::Capital | Kind::Transition | Kind::Money)) {
        let no_account = || wrong(entry.seq, format!("venue {} has no capital entry", entry.venue));
        let account = accounts.get_mut(&entry.venue).ok_or_else(no_account)?;
        match entry.kind {
            Kind::Fill => audit.fills += 1,
            Kind::Funding => audit.fundings += 1,
            Kind::Transfer => in_transit -= entry.amount * 10_000_000,
            _ => audit.liquidations += 1,
        }
        let before = (account.qty, account.cash);
        account.book(entry).map_err(|what| wrong(entry.seq, what))?;
        money.book(entry, before, (account.qty, account.cash));
        audit.entries += 1;
        let flat = accounts.values().all(|account| account.qty == 0);
        let added = cash(&accounts) + in_transit;
        if flat && entry.equity != Some(added) {
            return Err(wrong(
                entry.seq,
                format!("both legs are flat, equity is {:?}, cash adds up to {added}", entry.equity),
            ));
        }
    }
    let last = list.last().map_or(0, |entry| entry.seq);
    if in_transit != 0 {
        return Err(wrong(last, format!("{in_transit} (1e-19) left one venue and never reached the other")));
    }
    for (venue, account) in &accounts {
        if account.qty != 0 {
            return Err(wrong(last, format!("a position of {} (1e-9) is open on {venue} at the end", account.qty)));
        }
        if audit.store_found
            && let Some(span) = span
        {
            let settled = rates.of(venue, &list[0].symbol)?;
            account.check_funding(settled, span).map_err(|what| wrong(last, format!("{venue}: {what}")))?;
        }
    }
    let rows: Vec<&Entry> = list.iter().filter(|entry| entry.kind == Kind::Money).collect();
    audit.trades += rows.iter().filter(|row| row.trade > 0 && row.role == "long").count();
    let lines = money.check(&rows, legging).map_err(|(seq, what)| wrong(seq, what))?;
    let end = cash(&accounts);
    let sum: i128 = lines.iter().sum();
    if sum != end - start {
        return Err(wrong(last, format!("the lines add up to {sum} (1e-19), the cash grew by {}", end - start)));
    }
    Ok(Gain { start, end, lines })
}
