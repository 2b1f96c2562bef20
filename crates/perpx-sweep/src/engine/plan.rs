//! What is printed before anything runs.

use crate::engine::checkpoint::UnitState;
use crate::engine::chunk::WorkUnit;
use crate::engine::run::Sweep;
use crate::error::SweepError;
use crate::grid::{Grid, Method, Search};
use crate::results::columns::SHARES;
use crate::symbol_run::SymbolRun;
use perpx_core::config::{Config, WorstWindow, worst_window};
use perpx_core::replay::RunState;
use perpx_core::trader::Composite;
use perpx_core::units::{SECOND, Time};
use perpx_data::text::duration;
use std::fmt;
use std::path::Path;
use std::time::Instant;

/// More feeds than this deserve a warning.
const MANY_FEEDS: usize = 8;
/// Values of an axis that are listed; more are shown by their ends.
const LISTED: usize = 8;
/// Values of an axis whose warnings are looked for.
const LOOKED_AT: usize = 100;
/// Grids up to this size are counted exactly; of larger ones what `[where] skip` leaves out is not known before the run.
const COUNTED: u64 = 1 << 20;
/// Heap of a machine and its plan beside their own sizes: what the trader's, venues' and statistics' lists take.
const UNIT_HEAP: u64 = 3 << 10;
/// Bytes of a tile per tick: both timelines, row signals, and the rows around it that are being read.
const TILE_ROW: u64 = 320;
/// Tiles held at once: the one being run, one that waits, one being made with the rows it is made of, and what the tape
/// keeps at hand. (180 million ticks in 686 tiles took 546 MiB in all, mapped files included.)
const TILES: u64 = 7;
/// The program itself, its buffers and tables.
const PROGRAM: u64 = 64 << 20;

/// What the first configuration's styles take of the venues' request limits, at worst.
fn requests(config: &Config) -> Option<String> {
    let requests = worst_window(config).into_iter().zip(&config.world.venues).filter_map(|(worst, venue)| {
        let WorstWindow { requests, limit, .. } = worst?;
        let window = limit.window.as_f64(SECOND);
        Some(format!("{} {requests} of {} in {window} s", venue.instrument.venue, limit.requests))
    });
    let requests: Vec<String> = requests.collect();
    (!requests.is_empty())
        .then(|| format!("requests {} at worst, by the first configuration's styles", requests.join(", ")))
}

/// A count of everything.
#[derive(Clone, Debug)]
pub struct Plan {
    lines: Vec<String>,
    rows: u64,
    points: u64,
    config_ticks: u64,
    /// What the run is likely to take from here.
    pub seconds: f64,
    pub made: Instant,
    pub memory: u64,
    pub chunks: u64,
    pub warnings: Vec<String>,
}

impl Plan {
    /// # Errors
    /// Of the tape, where the run's time is tried on it.
    pub fn new(sweep: &Sweep<'_>) -> Result<Plan, SweepError> {
        let grid = &sweep.grid;
        let (all, worlds) = (grid.tried_points(), grid.world_points());
        let is_grid = grid.search.method == Method::Grid;
        let counted = !is_grid || all <= COUNTED || !grid.has_skips();
        let points = if is_grid && counted && grid.has_skips() {
            (0..all).filter(|at| !grid.is_skipped(*at)).count() as u64
        } else {
            all
        };
        let mut lines = vec![format!(
            "sweep    {} over {}",
            grid.name,
            perpx_data::path::normalize(Path::new(grid.base.name())).display()
        )];
        axis_lines(sweep, &mut lines);
        lines.push(format!("seed     {}", sweep.seed_text()));
        if !is_grid {
            let Search { method, points, seed, .. } = grid.search;
            lines.push(format!(
                "search   {}: at most {points} of {} configurations, seed {seed}",
                method.name(),
                grid.strategy_points()
            ));
        }
        let symbols = sweep.symbol_runs.len() as u64;
        let rows = points * worlds * symbols;
        let mut config_ticks = 0u64;
        let mut warnings = Vec::new();
        for symbol_run in &sweep.symbol_runs {
            let ticks: u64 = symbol_run.data.feeds.iter().map(|feed| feed.tape.ticks()).max().unwrap_or(0);
            let traded = traded_share(symbol_run);
            config_ticks = config_ticks.saturating_add(((points * worlds) as f64 * ticks as f64 * traded) as u64);
            data_lines(symbol_run, ticks, &mut lines);
            warnings.extend(data_warnings(symbol_run, grid.data.from));
        }
        let per_chunk = (sweep.options.chunk as u64 / worlds).max(1);
        let chunks = points.div_ceil(per_chunk) * symbols;
        let memory = memory(sweep, points, per_chunk);
        let skipped = match (all - points, counted) {
            (_, false) => " (before [where] skip)".to_string(),
            (0, _) => String::new(),
            (n, _) => format!(" ({n} skipped)"),
        };
        lines.push(format!(
            "runs     {points} configurations{skipped} x {worlds} world{} = {rows} rows, {:.3e} config-ticks, {chunks} \
             chunk{}",
            if worlds == 1 { "" } else { "s" },
            config_ticks as f64,
            if chunks == 1 { "" } else { "s" },
        ));
        let threads = rayon::current_num_threads();
        let likely = if counted { points } else { (all as f64 * grid.kept_share()) as u64 };
        let seconds = crate::engine::estimate::seconds(sweep, likely)?;
        lines.push(format!(
            "cost     at most {} MiB of memory; about {} with {threads} thread{} by {}",
            memory >> 20,
            duration(seconds.max(1.0).ceil()),
            if threads == 1 { "" } else { "s" },
            sweep.options.driver.name(),
        ));
        warnings.extend(require_warnings(grid));
        for symbol_run in &sweep.symbol_runs {
            let symbol = &symbol_run.data.symbol;
            config_warnings(grid, symbol, &mut warnings);
            let home = grid.overrides(symbol, &grid.strategy_point(0).unwrap_or_default(), &grid.world(0));
            lines.extend(grid.base.with(&home).ok().and_then(|config| requests(&config)));
        }
        lines.extend(warnings.iter().chain(&aged_profiles(sweep)).map(|warning| format!("warning  {warning}")));
        lines.push(format!("out      {}", sweep.dir.display()));
        Ok(Plan { lines, rows, points, config_ticks, seconds, made: Instant::now(), memory, chunks, warnings })
    }

    /// Rows of the results, skipped points counted.
    pub fn rows(&self) -> u64 {
        self.rows
    }

    pub fn points(&self) -> u64 {
        self.points
    }

    pub fn config_ticks(&self) -> u64 {
        self.config_ticks
    }

    /// Config-ticks of so many rows, on average.
    pub fn ticks_of_rows(&self, rows: u64) -> u64 {
        (u128::from(self.config_ticks) * u128::from(rows) / u128::from(self.rows.max(1))) as u64
    }
}

impl fmt::Display for Plan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.lines.join("\n"))
    }
}

/// Profiles that were read long ago: printed and not kept, since what a run leaves is the same on any day.
fn aged_profiles(sweep: &Sweep<'_>) -> Vec<String> {
    let (grid, mut list) = (&sweep.grid, Vec::new());
    let Some(today) = sweep.options.today else { return list };
    for symbol_run in &sweep.symbol_runs {
        let home = grid.overrides(&symbol_run.data.symbol, &[], &grid.world(0));
        for text in grid.base.aged_profiles(&home, today).unwrap_or_default() {
            if !list.contains(&text) {
                list.push(text);
            }
        }
    }
    list
}

/// Share of the tape's time that some run looks at.
pub fn traded_share(symbol_run: &crate::symbol_run::SymbolRun) -> f64 {
    let length = |(from, to): (perpx_core::units::Time, perpx_core::units::Time)| to.since(from).0 as f64;
    let traded = length(symbol_run.spans.inside) + symbol_run.spans.held_out.map_or(0.0, length);
    traded / symbol_run.data.to.since(symbol_run.data.warm_from).0 as f64
}

/// What a symbol is replayed from, and how its range is parted.
fn data_lines(symbol_run: &SymbolRun, ticks: u64, lines: &mut Vec<String>) {
    lines.push(format!(
        "data     {} at {} and {}: {} ticks from {} to {}, {} feed{}, {} tiles",
        symbol_run.data.symbol,
        symbol_run.data.feeds.first().map_or("", |feed| &feed.tape.spec().venues[0]),
        symbol_run.data.feeds.first().map_or("", |feed| &feed.tape.spec().venues[1]),
        ticks,
        symbol_run.data.from,
        symbol_run.data.to,
        symbol_run.data.feeds.len(),
        if symbol_run.data.feeds.len() == 1 { "" } else { "s" },
        symbol_run.data.feeds.iter().map(|feed| feed.tape.tiles()).max().unwrap_or(0),
    ));
    lines.push(match symbol_run.spans.held_out {
        Some((from, to)) => format!(
            "spans    in sample {} to {}, embargo {} s, held out {from} to {to}",
            symbol_run.spans.inside.0,
            symbol_run.spans.inside.1,
            symbol_run.embargo / perpx_core::units::SECOND
        ),
        None => {
            format!(
                "spans    in sample {} to {}, nothing held out",
                symbol_run.spans.inside.0, symbol_run.spans.inside.1
            )
        }
    });
}

/// What is odd about a symbol's data.
fn data_warnings(symbol_run: &SymbolRun, from: Time) -> Vec<String> {
    let mut warnings = Vec::new();
    if symbol_run.data.from > from {
        let text = format!(
            "{}: starts late, at {}: the signals are not warm before",
            symbol_run.data.symbol, symbol_run.data.from
        );
        warnings.push(text);
    }
    for (venue, world) in symbol_run.data.feeds[0].tape.quality().venues.iter().zip(&symbol_run.home.world.venues) {
        let unknown = venue.without_sizes().filter(|_| world.fills.assume_qty.is_none());
        warnings.extend(unknown.map(|text| format!("{}, {text}", symbol_run.data.symbol)));
    }
    if symbol_run.data.feeds.len() > MANY_FEEDS {
        let text = format!("{} feeds: each is aligned and computed on its own", symbol_run.data.feeds.len());
        warnings.push(text);
    }
    warnings
}

/// Requirements that say another number than they seem to.
fn require_warnings(grid: &Grid) -> impl Iterator<Item = String> + '_ {
    grid.objective.require.iter().filter(|r| r.metric.ends_with("_pct")).filter_map(|r| {
        let text = r.to_string();
        let small = r.value.abs() < 1.0 && r.value != 0.0;
        small.then(|| {
            format!(
                "require {text} means {} %: the metric is a percentage (10 = 10 %), a key in _pct a fraction",
                r.value
            )
        })
    })
}

/// What the files' own checks say of the base, and of each value of each axis by itself.
fn config_warnings(grid: &Grid, symbol: &str, warnings: &mut Vec<String>) {
    let own = std::iter::once(Vec::new()).chain(
        grid.strategy_axes()
            .iter()
            .flat_map(|axis| axis.values.iter().take(LOOKED_AT).map(|value| vec![(axis.key, value.clone())])),
    );
    for strategy in own {
        let overrides = grid.overrides(symbol, &strategy, &grid.world(0));
        for text in grid.base.warnings(&overrides).unwrap_or_default() {
            if !warnings.contains(&text) {
                warnings.push(text);
            }
        }
    }
}

fn axis_lines(sweep: &Sweep<'_>, lines: &mut Vec<String>) {
    let grid = &sweep.grid;
    let feeds = sweep.symbol_runs.first().map(|symbol_run| &symbol_run.grid_feeds);
    let strategy = grid
        .strategy_axes()
        .iter()
        .enumerate()
        .map(|(i, axis)| (axis, "strategy", feeds.is_some_and(|feeds| feeds.strategy_axis(i))));
    let world = grid
        .world_axes()
        .iter()
        .enumerate()
        .map(|(i, axis)| (axis, "world", feeds.is_some_and(|feeds| feeds.world_axis(i))));
    for (axis, kind, feeds) in strategy.chain(world) {
        let n = axis.values.len();
        let shown: Vec<String> = match n <= LISTED {
            true => axis.values.iter().map(ToString::to_string).collect(),
            false => {
                let ends = [&axis.values[0], &axis.values[1], &axis.values[n - 1]].map(|value| value.to_string());
                vec![ends[0].clone(), ends[1].clone(), "..".to_string(), ends[2].clone()]
            }
        };
        let mark = if feeds { ", makes feeds" } else { "" };
        lines.push(format!("axis     {} = {} ({n} values, {kind}{mark})", axis.path, shown.join(" ")));
    }
}

/// An upper bound of what the run holds at once, bytes: chunk, tiles, ids of a band, finished rows of a chunk.
fn memory(sweep: &Sweep<'_>, points: u64, per_chunk: u64) -> u64 {
    let worlds = sweep.grid.world_points();
    let units = per_chunk.min(points) * worlds;
    let row = (2 * sweep.table.len() + SHARES.len() + 10) as u64 * 8;
    let unit = (size_of::<WorkUnit>() + size_of::<UnitState>() + size_of::<RunState<Composite>>()) as u64;
    let ticks = sweep
        .symbol_runs
        .iter()
        .flat_map(|symbol_run| &symbol_run.data.feeds)
        .map(|feed| feed.tape.ticks())
        .max()
        .unwrap_or(0);
    let tile = ticks.min(sweep.options.tile_rows as u64) * TILE_ROW;
    let ids = points.min(2 * sweep.options.band) * 16;
    // a checkpoint copies the units once and encodes the copy
    let state = units * (2 * unit + 2 * UNIT_HEAP + 2 * row);
    // the report looks at so many points at most, and keeps their ledgers beside them
    let page = points.min(crate::engine::report_input::MOST_POINTS) * 160;
    PROGRAM + state + TILES * tile + ids + (crate::results::table::GROUP_ROWS as u64).min(points * worlds) * row + page
}
