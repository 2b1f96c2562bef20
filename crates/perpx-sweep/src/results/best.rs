//! best.yml: the winner as a strategy file, with its provenance. Nothing in it depends on time or threads, and of the
//! place only where the store lies from here.

use crate::error::SweepError;
use crate::grid::{Grid, OverWorld, RankBy};
use crate::results::leaderboard::Ranked;
use crate::results::spool::{Row, RunRow};
use crate::symbol_run::SymbolRun;
use perpx_core::config::{Override, evidence_hash, write_best};
use perpx_core::stats::MetricInfo;
use perpx_core::units::SECOND;
use perpx_data::atomic::write_atomic;
use perpx_data::loader::OnBadRows;
use serde_json::{Map, Value as Json, json};
use std::path::{Path, PathBuf};

/// What is the same for every winner of a run.
pub struct Origin<'a> {
    pub grid: &'a Grid,
    pub table: &'a [MetricInfo],
    pub grid_hash: &'a str,
    pub seed: u64,
}

pub fn over_world_name(over: OverWorld) -> &'static str {
    match over {
        OverWorld::Worst => "worst",
        OverWorld::Median => "median",
        OverWorld::Mean => "mean",
    }
}

/// Writes the winner's file; `rows`: the winner in each world; `evidence`: what speaks for and against it.
pub fn write_winner(
    path: &Path,
    origin: &Origin<'_>,
    symbol_run: &SymbolRun,
    ranked: &Ranked,
    rows: &[Row],
    evidence: Option<Json>,
) -> Result<(), SweepError> {
    let grid = origin.grid;
    let strategy = grid.strategy_point(ranked.verdict.point).unwrap_or_default();
    let world = &symbol_run.worlds[ranked.row.world as usize];
    // with one symbol named as the store names it, the file trades that name
    let mut overrides: Vec<Override> = vec![grid.base.symbol(&symbol_run.data.symbol)];
    overrides.extend(grid.overrides(&symbol_run.data.symbol, &strategy, world));
    let mut provenance = provenance(origin, symbol_run, ranked, rows, path.parent().unwrap_or(Path::new("")));
    if let Json::Object(provenance) = &mut provenance {
        let overlays =
            perpx_data::overlays(&grid.base).unwrap_or_default().map(|overlays| ("overlays", json!(overlays)));
        let added = evidence.map(|evidence| ("evidence", evidence)).into_iter().chain(overlays);
        provenance.extend(added.map(|(key, value)| (key.to_string(), value)));
    }
    let mut text = write_best(&grid.base, &overrides, &provenance);
    if let Some(hash) = evidence_hash(&text) {
        provenance["evidence"]["hash"] = json!(hash);
        text = write_best(&grid.base, &overrides, &provenance);
    }
    write_atomic(path, text).map_err(SweepError::io(path, "write the file"))
}

fn provenance(origin: &Origin<'_>, symbol_run: &SymbolRun, ranked: &Ranked, rows: &[Row], dir: &Path) -> Json {
    let grid = origin.grid;
    let spans = &symbol_run.spans;
    let worlds: Vec<Json> = rows
        .iter()
        .map(|row| {
            let world = &symbol_run.worlds[row.world as usize];
            let mut entry = Map::new();
            entry.insert("id".to_string(), json!(symbol_run.world_ids[row.world as usize]));
            for (key, value) in world {
                entry.insert(grid.base.schema().path(*key).to_string(), json!(value.to_string()));
            }
            let metric = |run: &RunRow| {
                origin.table.iter().position(|info| info.name == grid.objective.metric).and_then(|at| run.get(at))
            };
            entry.insert(grid.objective.metric.clone(), json!(metric(&row.runs[0])));
            entry.insert(format!("oos_{}", grid.objective.metric), json!(metric(&row.runs[1])));
            entry.insert("ranking".to_string(), json!(row.world == ranked.row.world));
            Json::Object(entry)
        })
        .collect();
    let span = |span: (perpx_core::units::Time, perpx_core::units::Time)| json!({ "from": span.0.to_string(), "to": span.1.to_string() });
    let mut out = json!({
        "strategy_version": perpx_core::strategy::VERSION,
        "code": crate::code::code_id(),
        "grid": grid.name,
        "grid_hash": origin.grid_hash,
        "seed": origin.seed,
        "configuration": format!("{:016x}", ranked.verdict.id),
        "data": {
            "store": store_seen_from(dir, &grid.data.store),
            "symbol": symbol_run.data.symbol,
            "fingerprint": symbol_run.data.fingerprint(),
            "feed": symbol_run.data.feeds[symbol_run.feed_of(grid, ranked.verdict.point, ranked.row.world)].fingerprint(),
            "on_bad_rows": match grid.data.on_bad_rows {
                OnBadRows::Fail => "fail",
                OnBadRows::Drop => "drop",
            },
            "warm_from": symbol_run.data.warm_from.to_string(),
            "from": symbol_run.data.from.to_string(),
            "to": symbol_run.data.to.to_string(),
        },
        "in_sample": span(spans.inside),
        "embargo_sec": symbol_run.embargo / SECOND,
        "objective": {
            "metric": grid.objective.metric,
            "over_world": over_world_name(grid.objective.over_world),
            "value": ranked.verdict.objective,
            "neighbours_median": ranked.neighbours_median(),
        },
        "ranking_world": symbol_run.world_ids[ranked.row.world as usize],
        "worlds": worlds,
        "ledger": ranked.row.runs[0].hash.to_string(),
        "metrics": metrics(origin.table, &ranked.row.runs[0]),
    });
    if grid.data.gap_trades {
        out["data"]["gap_trades"] = json!(true);
    }
    if grid.objective.rank == RankBy::Plateau {
        out["objective"]["rank"] = json!("plateau");
        out["objective"]["plateau"] = json!(ranked.plateau);
    }
    for (name, value) in grid.objective.beside.iter().zip(&ranked.verdict.beside) {
        out["objective"]["beside"][name] = json!(value);
    }
    if let (Some(held_out), Json::Object(out)) = (spans.held_out, &mut out) {
        out.insert("held_out".to_string(), span(held_out));
        out.insert("oos_ledger".to_string(), json!(ranked.row.runs[1].hash.to_string()));
        out.insert("oos_metrics".to_string(), metrics(origin.table, &ranked.row.runs[1]));
    }
    out
}

/// The store as a path from the folder of best.yml, so that both can be moved together; as given when it is not here.
fn store_seen_from(dir: &Path, store: &str) -> String {
    perpx_data::path::relative(dir, Path::new(store)).unwrap_or_else(|| PathBuf::from(store)).display().to_string()
}

/// Every metric that has a value, by name.
fn metrics(table: &[MetricInfo], run: &RunRow) -> Json {
    let known = table.iter().enumerate().map(|(at, info)| (info.name.to_string(), json!(run.get(at))));
    Json::Object(known.filter(|(_, value)| !value.is_null()).collect())
}
