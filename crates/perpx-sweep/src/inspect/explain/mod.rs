//! `explain`: one configuration of a finished run, run again with everything written down, and printed trade by trade.
//!
//! | file | noun |
//! | --- | --- |
//! | `blotter` | the recorder: each trade from the gate to the last answer |
//! | `rows` | the configuration's rows in results.parquet |
//! | `text`, `json` | a blotter for people, and for machines |

mod blotter;
mod json;
mod rows;
#[cfg(test)]
mod tests;
mod text;

use crate::engine::points::{band, bands};
use crate::engine::rerun::{agree, recorded};
use crate::engine::run::Sweep;
use crate::error::SweepError;
use crate::grid::Grid;
use crate::options::DriverChoice;
use crate::options::Options;
use crate::results::manifest::{RUN_JSON, RunManifest};
use crate::results::spool::Row;
use crate::symbol_run::SymbolRun;
use blotter::{Blotter, Episode};
use perpx_core::config::Override;
use perpx_core::replay::Drive;
use perpx_data::backtest::{Bound, RUNS};
use rows::Found;
use serde_json::{Value as Json, json};
use std::path::{Path, PathBuf};

/// What is to be explained.
#[derive(Clone, Debug, clap::Args)]
#[command(after_help = "Example: perpx-sweep explain reports/quickstart 8685 --trade 3 --world 2")]
pub struct ExplainArgs {
    /// The run's folder, such as reports/quickstart
    pub run: PathBuf,
    /// The configuration's id, or enough of its beginning
    pub id: String,
    /// The symbol, in a run over several
    #[arg(long)]
    pub symbol: Option<String>,
    /// Print the life of this trade, not the list of all
    #[arg(long, value_name = "N")]
    pub trade: Option<u32>,
    /// The trade is one of the held-out part
    #[arg(long)]
    pub held_out: bool,
    /// A world's number from 1, or order.median_ms=200
    #[arg(long, value_name = "WORLD")]
    pub world: Option<String>,
    /// The run's grid file, where it was moved
    #[arg(long, value_name = "GRID.toml")]
    pub grid: Option<PathBuf>,
    /// Print JSON
    #[arg(long)]
    pub json: bool,
}

/// One run of the configuration: in sample, or held out.
struct RunPart {
    name: &'static str,
    span: String,
    blotter: Blotter,
    ledger: String,
}

/// A configuration's trades.
pub struct Explained {
    run: PathBuf,
    id: String,
    symbol: String,
    venues: [String; 2],
    /// Number of its world, from 1, and its values.
    world: String,
    parts: Vec<RunPart>,
    /// Index of the run and number of the trade that was asked for.
    trade: Option<(usize, u32)>,
}

/// Runs the configuration again and holds its ledger against the run's.
///
/// # Errors
/// Files that are missing or are not those of the run; an id, world or trade that is not there; another ledger.
pub fn explain(args: &ExplainArgs) -> Result<Explained, SweepError> {
    let origin = ExplainedRun { dir: &args.run, manifest: RunManifest::read(&args.run)? };
    let sets = origin.manifest.set.clone();
    let options = Options { sets, quiet: true, ..Options::new(origin.grid_file(args.grid.as_deref())?) };
    let sweep = Sweep::open(&options)?;
    origin.check(&sweep)?;
    let symbol = origin.manifest.known(&args.run, args.symbol.as_deref())?;
    let found = rows::find(&args.run.join("results.parquet"), &args.id.to_lowercase(), symbol, &sweep.table)?;
    let other = |what: &str| origin.missing(what.to_string());
    let symbol_run = sweep.symbol_runs.iter().find(|symbol_run| symbol_run.data.symbol == found.symbol);
    let symbol_run = symbol_run.ok_or_else(|| other("results.parquet is of another run"))?;
    let rows = placed(&sweep.grid, symbol_run, found).ok_or_else(|| other("results.parquet is of another run"))?;
    let ranking = sweep.ranker.verdict(&rows).world;
    let world = match &args.world {
        None => ranking,
        Some(text) => chosen(&sweep.grid, &symbol_run.worlds, text)?,
    };
    let row = &rows[world];
    let reruns = recorded(
        &sweep.grid,
        symbol_run,
        std::slice::from_ref(row),
        (DriverChoice::Auto, &options.stop),
        (&Drive::OTHER, |bound: &Bound| Blotter::new(&bound.plan)),
        |_| {},
    )?;
    let Some(rerun) = reruns.into_iter().next() else { return Err(other("its configuration cannot be run")) };
    agree(symbol_run, row, &rerun, "explanation").map_err(|error| origin.blame(error))?;
    let parts: Vec<RunPart> = RUNS
        .into_iter()
        .zip(rerun.records)
        .zip(&rerun.runs)
        .enumerate()
        .map(|(number, ((name, blotter), run))| {
            let span = symbol_run.spans.run(number).unwrap_or(symbol_run.spans.inside);
            let span = format!("{} to {}", span.0.to_second(), span.1.to_second());
            RunPart { name, span, blotter, ledger: run.hash.to_string() }
        })
        .collect();
    let mut place = format!("{} of {}", world + 1, rows.len());
    for (key, value) in &symbol_run.worlds[world] {
        place.push_str(&format!(", {} = {value}", sweep.grid.base.schema().path(*key)));
    }
    if world == ranking {
        place.push_str(" (the one that ranks)");
    }
    let explained = Explained {
        run: args.run.clone(),
        id: format!("{:016x}", row.id),
        symbol: symbol_run.data.symbol.clone(),
        venues: symbol_run.data.feeds[0].tape.spec().venues.clone(),
        world: place,
        parts,
        trade: args.trade.map(|number| (usize::from(args.held_out), number)),
    };
    explained.check()?;
    Ok(explained)
}

/// The rows with their places in the grid, in the order of the worlds.
fn placed(grid: &Grid, symbol_run: &SymbolRun, found: Found) -> Option<Vec<Row>> {
    let bands = bands(grid, Options::BAND);
    let k = (u128::from(found.id) * u128::from(bands)) >> 64;
    let points = band(grid, &symbol_run.data.symbol, (k as u64, bands), |_| Ok(())).ok()?;
    let point = points.iter().find(|point| point.id == found.id)?.at;
    let mut rows = found.rows;
    for (row, world) in rows.iter_mut().zip(&found.world_ids) {
        row.point = point;
        row.world = symbol_run.world_ids.iter().position(|id| id == world)? as u32;
    }
    rows.sort_by_key(|row| row.world);
    (rows.len() == symbol_run.worlds.len()).then_some(rows)
}

/// The world that `text` names.
fn chosen(grid: &Grid, worlds: &[Vec<Override>], text: &str) -> Result<usize, SweepError> {
    let path = |over: &Override| grid.base.schema().path(over.0).to_string();
    let wrong = |what: &str| {
        let all = worlds.iter().zip(1..).map(|(world, number)| {
            let values: Vec<String> = world.iter().map(|over| format!("{}={}", path(over), over.1)).collect();
            format!("\n  {number}: {}", if values.is_empty() { "the only one".to_string() } else { values.join(",") })
        });
        let what =
            format!("found {text}, {what}; accepted: a number or values of\n  the worlds{}", all.collect::<String>());
        SweepError::Missing { path: "--world".into(), what }
    };
    if let Ok(number) = text.parse::<usize>() {
        return (1..=worlds.len()).contains(&number).then(|| number - 1).ok_or_else(|| wrong("no world's number"));
    }
    let holds = |world: &[Override], pair: &str| {
        let Some((key, value)) = pair.split_once('=') else { return false };
        let value = perpx_core::config::Value::from_word(value);
        world.iter().any(|over| path(over).ends_with(key.trim()) && over.1 == value)
    };
    let fits = |world: &&Vec<Override>| text.split(',').all(|pair| holds(world, pair));
    let mut fitting = worlds.iter().enumerate().filter(|(_, world)| fits(world));
    match (fitting.next(), fitting.next()) {
        (Some((world, _)), None) => Ok(world),
        (None, _) => Err(wrong("which no world has")),
        (Some(_), Some(_)) => Err(wrong("which several worlds have")),
    }
}

/// The run that the configuration is of.
struct ExplainedRun<'a> {
    dir: &'a Path,
    manifest: RunManifest,
}

impl ExplainedRun<'_> {
    fn missing(&self, what: String) -> SweepError {
        SweepError::Missing { path: self.dir.join(RUN_JSON), what }
    }

    /// The grid file: as named, as seen from the run's folder, or as it was given to the sweep.
    fn grid_file(&self, named: Option<&Path>) -> Result<PathBuf, SweepError> {
        if let Some(grid) = named {
            return Ok(grid.to_path_buf());
        }
        let from_here = self.manifest.grid_file_from_here.as_deref().unwrap_or_default();
        let from_here = perpx_data::path::normalize(&self.dir.join(from_here));
        let there =
            [from_here.clone(), PathBuf::from(&self.manifest.grid_file)].into_iter().find(|path| path.is_file());
        there.ok_or_else(|| {
            let place = from_here.display();
            self.missing(format!("its grid file is not at {place} any more; to do: name it with --grid GRID.toml"))
        })
    }

    /// Grid and data are still those of the run.
    fn check(&self, sweep: &Sweep<'_>) -> Result<(), SweepError> {
        let changed = |part: &str, was: &str, now: &str| {
            let what = format!(
                "the {part} is not the run's any more: it was {was}, now it is {now}; accepted: the same {part}; to do: \
                 restore it, or sweep again"
            );
            Err(self.missing(what))
        };
        let was = &self.manifest.grid_hash;
        if *was != sweep.grid_hash {
            return changed("grid", was, &sweep.grid_hash);
        }
        for symbol_run in &sweep.symbol_runs {
            let was = self.manifest.symbol(&symbol_run.data.symbol).map_or("", |symbol| &symbol.fingerprint);
            if was != symbol_run.data.fingerprint() {
                return changed("data", was, &symbol_run.data.fingerprint());
            }
        }
        Ok(())
    }

    /// Another ledger is no fault of a run that other code made.
    fn blame(&self, error: SweepError) -> SweepError {
        let (was, now) = (self.manifest.code.as_str(), crate::code::code_id());
        if was == now {
            return error;
        }
        self.missing(format!(
            "the run was made by code {was}, this is {now}, and its ledger is another; to do: sweep again"
        ))
    }
}

impl Explained {
    fn check(&self) -> Result<(), SweepError> {
        let Some((run, number)) = self.trade else { return Ok(()) };
        let wrong = |what: String| Err(SweepError::Missing { path: "--trade".into(), what });
        let Some(part) = self.parts.get(run) else { return wrong("the run has no held-out part".to_string()) };
        match part.blotter.trade(number) {
            Some(_) => Ok(()),
            None if part.blotter.trades().next().is_none() => wrong(format!(
                "found {number}, and {} has no trade; to do: leave --trade away, or choose another configuration or --world",
                part.name
            )),
            None => {
                let n = part.blotter.trades().count();
                wrong(format!("found {number}, and {} has {n} trades; accepted: 1 to {n}", part.name))
            }
        }
    }

    fn asked(&self) -> Option<(&RunPart, &Episode)> {
        let (run, number) = self.trade?;
        let part = self.parts.get(run)?;
        Some((part, part.blotter.trade(number)?))
    }

    fn venues(&self) -> [&str; 2] {
        [&self.venues[0], &self.venues[1]]
    }

    /// For a terminal of 80 columns.
    pub fn text(&self) -> String {
        let Explained { id, symbol, world, .. } = self;
        let mut out = format!("{id}  {symbol} on {} and {}\nworld {world}\n", self.venues[0], self.venues[1]);
        if let Some((part, trade)) = self.asked() {
            let how = match trade.closed {
                Some(closed) => format!("{}, {:+.4}", text::lasted(closed.since(trade.opened)), trade.pnl()),
                None => format!("open as the data end, {:+.4}", trade.pnl()),
            };
            out.push_str(&format!("{}, trade {}: {how}\n", part.name, trade.trade));
            out.push_str("times are ours, where an order meets a venue the venue's; (+20 ms): how long\nan answer took to us\n\n");
            out.push_str(&text::life(trade, self.venues()));
            return out;
        }
        for part in &self.parts {
            out.push_str(&format!("\n{}: {}\nledger {}, as the run's\n", part.name, part.span, part.ledger));
            let unfilled = part.blotter.episodes.iter().filter(|episode| episode.trade == 0).count();
            out.push_str(&text::table(part.blotter.trades()));
            let open = part.blotter.trades().filter(|trade| trade.closed.is_none()).count();
            if open > 0 {
                let closed = part.blotter.trades().count() - open;
                out.push_str(&format!("\nthe figure trades counts the {closed} that ended before the data"));
            }
            out.push_str(&match unfilled {
                0 => "\n".to_string(),
                1 => "\nand once the gate opened and nothing filled\n".to_string(),
                n => format!("\nand {n} times the gate opened and nothing filled\n"),
            });
        }
        let Some(first) = self.parts.iter().find(|part| part.blotter.trades().next().is_some()) else { return out };
        let run = self.run.display();
        out.push_str(&format!("\none of them: perpx-sweep explain {run} {} --trade 1", &id[..6]));
        out.push_str(match first.name == RUNS[0] {
            true if self.parts.len() > 1 => " [--held-out]",
            true => "",
            false => " --held-out",
        });
        out
    }

    /// As a line for machines.
    pub fn json(&self) -> Json {
        let head = json!({
            "exit": 0, "configuration": self.id, "symbol": self.symbol, "venues": self.venues, "world": self.world,
        });
        let Json::Object(mut out) = head else { return head };
        match self.asked() {
            Some((part, trade)) => {
                out.insert("run".to_string(), json!(part.name));
                out.insert("trade".to_string(), json::life(trade, self.venues()));
            }
            None => {
                let run = |part: &RunPart| {
                    let trades: Vec<Json> =
                        part.blotter.trades().map(|trade| json::summary(trade, self.venues())).collect();
                    json!({ "run": part.name, "ledger": part.ledger, "trades": trades })
                };
                out.insert("runs".to_string(), self.parts.iter().map(run).collect());
            }
        }
        Json::Object(out)
    }
}
