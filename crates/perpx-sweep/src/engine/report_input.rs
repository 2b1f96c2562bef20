//! What the report page is made from: one symbol's outcome as plain data.

use crate::engine::judgement::Judgement;
use crate::engine::plan::Plan;
use crate::engine::run::{Outcome, Sweep, each_point};
use crate::engine::walk_forward::window;
use crate::engine::winner_detail::winner_detail;
use crate::error::SweepError;
use crate::evidence::{Overfitting, RowFigure, STANDS, WalkFold, WalkForward, of_splits, sharpe_errors};
use crate::grid::RankBy;
use crate::report::{
    AxisKind, BoardColumn, Counts, Curve, ERROR, Fact, FrontRow, Gate, Input, Leader, Level, Metric, Money, PLATEAU,
    PageAxis, PageBoard, PageFold, PageFront, PageHalves, PageObjective, PagePoint, PageWalk, QualityTable, Spans,
    StateTime, Transition, Unit, Warning, Winner, WinnerDetail, WorldRow,
};
use crate::results::best::over_world_name;
use crate::results::columns::SHARES;
use crate::results::front::Front;
use crate::results::leaderboard::Ranked;
use crate::results::ledgers::Rerun;
use crate::results::spool::Row;
use crate::symbol_run::SymbolRun;
use perpx_core::config::Fills;
use perpx_core::stats::MetricInfo;
use perpx_core::strategy::STATES;
use perpx_core::units::{SECOND, TimeDelta};
use perpx_data::loader::{Gap, VenueQuality};
use perpx_data::store::RecordedGap;
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

/// Points that the page is made from; of a larger grid every n-th is taken, and the page says so.
pub const MOST_POINTS: u64 = 250_000;
/// Rows of the board at least, so that there is something to filter.
const BOARD_ROWS: usize = 200;
/// The order of `Verdict::spread`.
const WORLDS: [&str; 3] = ["worst", "median", "best"];
/// Columns of the board after the objective's.
const BOARD: &[&str] = &["net_pnl", "trades", "win_rate_pct", "max_drawdown_pct", "fees", "funding"];

/// What is read off all rows in one go.
#[derive(Default)]
struct Census {
    points: Vec<PagePoint>,
    /// By requirement: configurations that fail it.
    failed: Vec<u64>,
    /// By world: objective of every configuration.
    by_world: Vec<Vec<f64>>,
    /// Place in the grid and a hash of the point's ledgers, in the order of the grid.
    ledgers: Vec<(u64, u64)>,
    /// By world axis: some ledger changed with it.
    world_axis_lives: Vec<bool>,
    /// Configurations by the hash of their ledgers.
    alike: BTreeMap<u64, u64>,
    /// All rows of the winner.
    winner: Vec<Row>,
    /// By ledger one standard error of the objective in the base world, where that is the Sharpe ratio.
    errors: BTreeMap<String, f64>,
    /// By ledger of the base world, its p-value adjusted for all that rank below it; empty where it is too short to say.
    adjusted: BTreeMap<String, f64>,
}

pub fn input(sweep: &Sweep<'_>, plan: &Plan, symbol_run: &SymbolRun, outcome: &Outcome) -> Result<Input, SweepError> {
    let grid = &sweep.grid;
    let winner = outcome.ranked.first();
    let census = census(sweep, outcome, winner)?;
    let best = outcome.reruns.first();
    let detail = match best.zip(winner) {
        Some((best, winner)) => winner_detail(sweep, symbol_run, best, &winner.row)?,
        None => WinnerDetail::default(),
    };
    let dead = dead_axes(sweep, &census);
    let unit = sweep.table.get(sweep.ranker.metric()).map_or(Unit::Ratio, unit_of);
    let feed = symbol_run.data.feeds.first();
    let venues = feed.map(|feed| feed.tape.spec().venues.clone()).unwrap_or_default();
    let warnings = warnings(sweep, plan, symbol_run, outcome, &census, &dead);
    Ok(Input {
        name: grid.name.clone(),
        symbol: symbol_run.data.symbol.clone(),
        venues,
        quote: "USD".to_string(),
        capital: best.map_or(0.0, |best| (best.capital[0] + best.capital[1]).as_f64()),
        spans: Spans {
            from: symbol_run.spans.inside.0,
            embargo: symbol_run.spans.inside.1,
            held_out: symbol_run.spans.held_out.map_or(symbol_run.data.to, |span| span.0),
            to: symbol_run.data.to,
        },
        axes: axes(sweep, symbol_run, &dead),
        objective: PageObjective {
            metric: grid.objective.metric.clone(),
            unit,
            over_world: over_world_name(grid.objective.over_world).to_string(),
            require: grid.objective.require.iter().map(ToString::to_string).collect(),
            lower_is_better: !sweep.ranker.higher_is_better(),
            by_plateau: grid.objective.rank == RankBy::Plateau,
        },
        verdict: outcome.judgement.as_ref().map(|judgement| judgement.page()),
        luck: outcome.judgement.as_ref().and_then(Judgement::luck),
        front: outcome.front.as_ref().map(|found| front(sweep, outcome, found, &census)).transpose()?,
        halves: outcome.judgement.as_ref().and_then(|judgement| judgement.choices().0).map(halves),
        walks: walks(sweep, symbol_run, outcome)?,
        counts: Counts {
            configurations: outcome.top_k.points,
            worlds: grid.world_points(),
            eligible: outcome.top_k.meeting,
            skipped: skipped(sweep, outcome),
            failed: grid.objective.require.iter().map(ToString::to_string).zip(census.failed.iter().copied()).collect(),
        },
        winner: winner.map(|winner| winner_of(sweep, symbol_run, winner, &census)),
        board: board(sweep, outcome, &census, unit)?,
        worlds: worlds(sweep, winner, &census),
        curves: curves(outcome),
        money: best.zip(winner).map(|(best, winner)| Money {
            in_sample: best.lines.first().copied().unwrap_or_default(),
            held_out: best.lines.get(1).copied().unwrap_or_default(),
            decision_slippage_bps: value(&sweep.table, &winner.row, 0, "slippage_at_decision_bp"),
        }),
        states: winner.map(|winner| states(&sweep.table, &winner.row)).unwrap_or_default(),
        detail: WinnerDetail { transitions: priced(sweep, winner, detail.transitions), ..detail },
        gates: winner.map(|winner| gates(&winner.row)).unwrap_or_default(),
        warnings,
        quality: feed.map(|feed| quality(&feed.tape.quality().venues)).unwrap_or_default(),
        provenance: provenance(sweep, symbol_run, winner),
        notes: notes(symbol_run),
        points: census.points,
    })
}

fn census(sweep: &Sweep<'_>, outcome: &Outcome, winner: Option<&Ranked>) -> Result<Census, SweepError> {
    let grid = &sweep.grid;
    let every = outcome.top_k.points.div_ceil(MOST_POINTS).max(1);
    let mut census = Census {
        failed: vec![0; grid.objective.require.len()],
        by_world: vec![Vec::new(); grid.world_points() as usize],
        world_axis_lives: vec![false; grid.world_axes().len()],
        ..Census::default()
    };
    let judged = outcome.judgement.as_ref().zip(outcome.matrix.as_ref());
    if let Some(matrix) = outcome.matrix.as_ref().filter(|_| grid.objective.metric == "sharpe") {
        census.errors = sharpe_errors(matrix).into_iter().map(|(ledger, error)| (ledger.to_string(), error)).collect();
    }
    census.adjusted = judged.map(|(judgement, matrix)| judgement.adjusted(matrix)).unwrap_or_default();
    let mut order: Vec<(u64, PagePoint)> = Vec::new();
    let mut seen = 0u64;
    each_point(&outcome.spool, |rows| {
        let verdict = sweep.ranker.verdict(rows);
        for (failed, fails) in census.failed.iter_mut().zip(sweep.ranker.failed(rows)) {
            *failed += u64::from(fails);
        }
        if winner.is_some_and(|winner| winner.verdict.id == verdict.id) {
            census.winner = rows.to_vec();
        }
        let ledgers = ledger_hash(rows);
        *census.alike.entry(ledgers).or_insert(0) += 1;
        seen += 1;
        if !seen.is_multiple_of(every) {
            return Ok(());
        }
        for row in rows {
            census.by_world[row.world as usize].extend(row.runs[0].get(sweep.ranker.metric()));
        }
        world_axes_live(sweep, rows, &mut census.world_axis_lives);
        let at = grid.digits(verdict.point).into_iter().map(|digit| digit as u16).collect();
        let adjusted = |rows: &[Row]| census.adjusted.get(&rows[0].runs[0].hash.to_string()).copied();
        let stands = (!census.adjusted.is_empty()).then(|| adjusted(rows).is_some_and(|p| p <= STANDS));
        order.push((verdict.point, PagePoint { at, metric: verdict.objective, eligible: verdict.meets, stands }));
        census.ledgers.push((verdict.point, ledgers));
        Ok(())
    })?;
    order.sort_by_key(|(place, _)| *place);
    census.ledgers.sort_unstable();
    census.points = order.into_iter().map(|(_, point)| point).collect();
    Ok(census)
}

/// One standard error of the objective in the world of a row: in sample and in the base world the one that knows of skew, tails
/// and correlation.
fn error_of(sweep: &Sweep<'_>, census: &Census, row: &Row, run: usize) -> Option<f64> {
    let known =
        (run == 0 && row.world == 0).then(|| census.errors.get(&row.runs[0].hash.to_string()).copied()).flatten();
    known.or_else(|| value(&sweep.table, row, run, &format!("{}_error", sweep.grid.objective.metric)))
}

fn ledger_hash(rows: &[Row]) -> u64 {
    let mut hasher = blake3::Hasher::new();
    rows.iter().flat_map(|row| &row.runs).for_each(|run| {
        hasher.update(&run.hash.0);
    });
    u64::from_le_bytes(*hasher.finalize().as_bytes().first_chunk().unwrap_or(&[0; 8]))
}

/// Marks the world axes whose next value changes a ledger of this point.
fn world_axes_live(sweep: &Sweep<'_>, rows: &[Row], lives: &mut [bool]) {
    let axes = sweep.grid.world_axes();
    if rows.len() as u64 != sweep.grid.world_points() {
        return;
    }
    let mut stride = 1;
    for (axis, lives) in axes.iter().zip(lives).rev() {
        let n = axis.values.len();
        for (world, row) in rows.iter().enumerate() {
            if (world / stride) % n + 1 < n
                && rows.get(world + stride).is_some_and(|next| next.runs[0].hash != row.runs[0].hash)
            {
                *lives = true;
            }
        }
        stride *= n;
    }
}

/// Strategy axes, then world axes: no ledger changes with this axis alone.
fn dead_axes(sweep: &Sweep<'_>, census: &Census) -> Vec<bool> {
    let grid = &sweep.grid;
    let find =
        |point: u64| census.ledgers.binary_search_by_key(&point, |entry| entry.0).ok().map(|at| census.ledgers[at].1);
    let mut dead: Vec<bool> = grid.strategy_axes().iter().map(|axis| axis.values.len() > 1).collect();
    // what a search left out says nothing
    let mut is_known = vec![false; dead.len()];
    for &(point, hash) in &census.ledgers {
        let digits = grid.digits(point);
        for (axis, dead) in dead.iter_mut().enumerate().filter(|(_, dead)| **dead) {
            let mut next = digits.clone();
            next[axis] += 1;
            let within = next[axis] < grid.strategy_axes()[axis].values.len();
            let other = within.then(|| find(grid.point_at(&next))).flatten();
            is_known[axis] |= other.is_some();
            if other.is_some_and(|other| other != hash) {
                *dead = false;
            }
        }
    }
    dead.iter_mut().zip(is_known).for_each(|(dead, is_known)| *dead &= is_known);
    let worlds = grid.world_axes().iter().zip(&census.world_axis_lives);
    dead.extend(worlds.map(|(axis, lives)| axis.values.len() > 1 && !lives));
    dead
}

fn axes(sweep: &Sweep<'_>, symbol_run: &SymbolRun, dead: &[bool]) -> Vec<PageAxis> {
    let grid = &sweep.grid;
    let strategy = grid
        .strategy_axes()
        .iter()
        .enumerate()
        .map(|(i, axis)| (axis, AxisKind::Strategy, symbol_run.grid_feeds.strategy_axis(i)));
    let world = grid
        .world_axes()
        .iter()
        .enumerate()
        .map(|(i, axis)| (axis, AxisKind::World, symbol_run.grid_feeds.world_axis(i)));
    let all = strategy.chain(world).zip(dead).map(|((axis, kind, feeds), dead)| PageAxis {
        name: axis.path.clone(),
        kind,
        values: axis.values.iter().map(ToString::to_string).collect(),
        feeds,
        dead: *dead,
    });
    all.collect()
}

fn skipped(sweep: &Sweep<'_>, outcome: &Outcome) -> Vec<(String, u64)> {
    match sweep.grid.tried_points().saturating_sub(outcome.top_k.points) {
        0 => Vec::new(),
        n => vec![("[where] skip".to_string(), n)],
    }
}

fn value(table: &[MetricInfo], row: &Row, run: usize, name: &str) -> Option<f64> {
    table.iter().position(|info| info.name == name).and_then(|at| row.runs[run].get(at))
}

pub fn unit_of(info: &MetricInfo) -> Unit {
    match info.unit {
        "quote" => Unit::Money,
        "%" => Unit::Percent,
        "bp" => Unit::Bps,
        "s" => Unit::Seconds,
        "ms" => Unit::Millis,
        "count" => Unit::Count,
        _ => Unit::Ratio,
    }
}

/// A column's name for a reader; its unit stands beside it.
pub fn title(name: &str) -> String {
    let renamed = |prefix: &str, lead: &str| {
        name.strip_prefix(prefix).map(|rest| format!("{lead} {}", crate::report::words(rest)))
    };
    if let Some(state) = name.strip_prefix("sec_") {
        return format!("time in {}", state.to_uppercase());
    }
    let known = renamed("n_", "transitions by").or_else(|| renamed("unlock_", "money after unlock by"));
    known.unwrap_or_else(|| crate::report::words(name))
}

fn places(sweep: &Sweep<'_>, point: u64) -> Vec<u16> {
    sweep.grid.digits(point).into_iter().map(|digit| digit as u16).collect()
}

fn winner_of(sweep: &Sweep<'_>, symbol_run: &SymbolRun, winner: &Ranked, census: &Census) -> Winner {
    let at = places(sweep, winner.verdict.point);
    let metrics = sweep.table.iter().enumerate().map(|(i, info)| Metric {
        title: title(&info.name),
        unit: unit_of(info),
        in_sample: winner.row.runs[0].get(i),
        held_out: symbol_run.spans.held_out.and(winner.row.runs[1].get(i)),
    });
    Winner {
        id: format!("{:016x}", winner.verdict.id),
        metric: winner.verdict.objective,
        // of the world that ranks; an average over worlds has none
        error: error_of(sweep, census, &winner.row, 0)
            .filter(|_| winner.row.runs[0].get(sweep.ranker.metric()) == winner.verdict.objective),
        oos_metric: winner.verdict.held_out,
        neighbours: winner.neighbours_median(),
        neighbour_count: winner.neighbours.len() as u64,
        metrics: metrics
            .filter(|metric| metric.in_sample.is_some_and(|v| v != 0.0) || metric.held_out.is_some_and(|v| v != 0.0))
            .collect(),
        at,
    }
}

fn halves(found: &Overfitting) -> PageHalves {
    PageHalves {
        splits: found.points.clone(),
        fell: of_splits(found.pbo, found.splits),
        lost: of_splits(found.test_loss, found.splits),
        null_band: found.null_band,
        means: [found.mean_train, found.mean_test],
    }
}

fn walks(sweep: &Sweep<'_>, symbol_run: &SymbolRun, outcome: &Outcome) -> Result<Vec<PageWalk>, SweepError> {
    let (Some(judgement), Some(matrix)) = (&outcome.judgement, &outcome.matrix) else { return Ok(Vec::new()) };
    let winner: Vec<f64> =
        matrix.winner().map_or(Vec::new(), |row| matrix.s1(row).iter().map(|s1| 1e-12 * s1).collect());
    let fold = |fold: &WalkFold| {
        let ((from, to), _) = window(&matrix.frame, symbol_run.spans.inside.0, fold.test);
        let rows = outcome.spool.of(u64::from_str_radix(&fold.pick, 16).unwrap_or_default())?;
        Ok(PageFold {
            from,
            to,
            id: fold.pick.clone(),
            at: rows.first().map_or(Vec::new(), |row| places(sweep, row.point)),
            net: fold.net,
            parts: fold.parts.clone(),
            winner: winner.get(fold.test[0]..fold.test[1]).map_or(Vec::new(), <[f64]>::to_vec),
        })
    };
    let walk = |walk: &WalkForward| {
        Ok(PageWalk {
            kind: walk.kind.to_string(),
            folds: walk.folds.iter().map(fold).collect::<Result<_, SweepError>>()?,
            net: walk.net,
            worst: walk.worst,
            sharpe: walk.sharpe,
            error: walk.error,
            changes: walk.changes as u64,
            run_again: walk.run_again,
        })
    };
    judgement.choices().1.iter().map(walk).collect()
}

/// More places of a front are in leaderboard.csv alone.
const FRONT_ROWS: usize = 1_000;
/// How many of the winner and those nearest to it show how far they move.
const MOVING: usize = 3;

fn front(sweep: &Sweep<'_>, outcome: &Outcome, front: &Front, census: &Census) -> Result<PageFront, SweepError> {
    let (mut rows, mut ledgers) = (Vec::new(), Vec::new());
    for (verdict, alike) in front.places().take(FRONT_ROWS) {
        let first = outcome.spool.of(verdict.id)?.into_iter().next();
        let ledger = first.map(|row| row.runs[0].hash.to_string()).unwrap_or_default();
        rows.push(FrontRow {
            id: format!("{:016x}", verdict.id),
            at: places(sweep, verdict.point),
            values: std::iter::once(verdict.objective).chain(verdict.beside.iter().copied()).collect(),
            adjusted: census.adjusted.get(&ledger).copied(),
            alike: alike as u64,
            moves: None,
        });
        ledgers.push(ledger);
    }
    let capital = outcome.reruns.first().map_or(0.0, |best| (best.capital[0] + best.capital[1]).as_f64());
    let figures: Vec<Option<(RowFigure, f64)>> =
        sweep.ranker.objectives().take(2).map(|column| row_figure(&sweep.table[column].name, capital)).collect();
    if let (Some(judgement), Some(matrix), [a, b]) = (&outcome.judgement, &outcome.matrix, figures.as_slice()) {
        let scale = [a, b].map(|figure| figure.map_or(0.0, |(_, scale)| scale));
        for at in nearest(&rows, front.winner()) {
            let moves = judgement.moves(matrix, &ledgers[at], [a, b].map(|figure| figure.map(|(figure, _)| figure)));
            rows[at].moves = moves
                .map(|[xx, xy, yy]| [xx * scale[0] * scale[0], xy * scale[0] * scale[1], yy * scale[1] * scale[1]]);
        }
    }
    let named = |column: usize| (title(&sweep.table[column].name), unit_of(&sweep.table[column]));
    Ok(PageFront {
        objectives: sweep.ranker.objectives().map(named).collect(),
        rows,
        knee: front.knee().filter(|at| *at < FRONT_ROWS),
        configurations: front.places().map(|(_, alike)| alike as u64).sum(),
    })
}

/// A metric that the sums of atoms give, and what one of its units there is in the metric's.
fn row_figure(metric: &str, capital: f64) -> Option<(RowFigure, f64)> {
    const UNIT: f64 = 1e-12;
    match metric {
        "sharpe" => Some((RowFigure::Sharpe, 1.0)),
        "net_pnl" => Some((RowFigure::Net, UNIT * capital)),
        "return_pct" => Some((RowFigure::Net, 100.0 * UNIT)),
        "max_drawdown_pct" => Some((RowFigure::Fall, 100.0 * UNIT)),
        _ => None,
    }
}

/// Numbers of the winner's row and of those nearest to it, each of the first two objectives as a share of its range.
fn nearest(rows: &[FrontRow], winner: Option<u64>) -> Vec<usize> {
    let id = winner.map(|id| format!("{id:016x}"));
    let Some(home) = rows.iter().position(|row| Some(&row.id) == id.as_ref()) else { return Vec::new() };
    let value = |row: usize, axis: usize| rows[row].values.get(axis).copied().flatten().unwrap_or(0.0);
    let width = |axis: usize| {
        let all = || (0..rows.len()).map(|row| value(row, axis));
        all().fold(f64::NEG_INFINITY, f64::max) - all().fold(f64::INFINITY, f64::min)
    };
    let widths = [0, 1].map(|axis| width(axis).max(f64::MIN_POSITIVE));
    let far = |row: usize| -> f64 {
        (0..2).map(|axis| ((value(row, axis) - value(home, axis)) / widths[axis]).powi(2)).sum()
    };
    let mut order: Vec<usize> = (0..rows.len()).collect();
    order.sort_by(|a, b| far(*a).total_cmp(&far(*b)).then(a.cmp(b)));
    order.truncate(MOVING);
    order
}

fn board(sweep: &Sweep<'_>, outcome: &Outcome, census: &Census, unit: Unit) -> Result<PageBoard, SweepError> {
    let metric = &sweep.grid.objective.metric;
    let heading = title(metric);
    let column = |title: String, unit, held_out| BoardColumn { title, unit, held_out };
    let over = over_world_name(sweep.grid.objective.over_world);
    let worlds = sweep.grid.world_points() > 1;
    let objective = if worlds { format!("{heading}, {over} world") } else { heading.clone() };
    let mut columns = vec![column(objective.clone(), unit, false)];
    // of the world that ranks; an average over worlds has none
    let error = sweep.table.iter().position(|info| info.name == format!("{metric}_error"));
    columns.extend(error.map(|_| column(ERROR.to_string(), unit, false)));
    // the spread over the worlds, without the one that ranked
    let others: Vec<usize> = (0..3).filter(|i| worlds && WORLDS[*i] != over).collect();
    columns.extend(others.iter().map(|i| column(format!("{heading}, {} world", WORLDS[*i]), unit, false)));
    columns.push(column(format!("{heading}, median of neighbours"), unit, false));
    columns.push(column(PLATEAU.to_string(), unit, false));
    let mut picked: Vec<(usize, usize)> = Vec::new();
    for run in 0..2 {
        // the objective has its own columns
        for name in BOARD.iter().copied().filter(|name| *name != metric.as_str()) {
            if let Some(at) = sweep.table.iter().position(|info| info.name == name) {
                let heading = title(name);
                columns.push(column(heading, unit_of(&sweep.table[at]), run == 1));
                picked.push((run, at));
            }
        }
    }
    columns.push(column(objective, unit, true));
    columns.extend(error.map(|_| column(ERROR.to_string(), unit, true)));
    let rows = outcome.ranked.iter().take(BOARD_ROWS.max(sweep.grid.report.top)).zip(1..).map(|(ranked, rank)| {
        let point = outcome.spool.of(ranked.verdict.id)?;
        // of the world whose figure it is; held out that may be another one
        let of_world = |run: usize, objective: Option<f64>| {
            let is = |row: &&Row| row.runs[run].get(sweep.ranker.metric()) == objective;
            let row = std::iter::once(&ranked.row).chain(&point).find(is);
            error.map(|_| row.and_then(|row| error_of(sweep, census, row, run)))
        };
        let mut values = vec![ranked.verdict.objective];
        values.extend(of_world(0, ranked.verdict.objective));
        values.extend(others.iter().map(|i| ranked.verdict.spread[*i]));
        values.extend([ranked.neighbours_median(), ranked.plateau]);
        values.extend(picked.iter().map(|(run, at)| ranked.row.runs[*run].get(*at)));
        values.push(ranked.verdict.held_out);
        values.extend(of_world(1, ranked.verdict.held_out));
        let ledger = ledger_hash(&point);
        Ok(Leader {
            rank,
            id: format!("{:016x}", ranked.verdict.id),
            at: places(sweep, ranked.verdict.point),
            meets: ranked.verdict.meets,
            values,
            ledger,
            alike: census.alike.get(&ledger).copied().unwrap_or(1),
        })
    });
    Ok(PageBoard { rows: rows.collect::<Result<_, SweepError>>()?, columns })
}

fn worlds(sweep: &Sweep<'_>, winner: Option<&Ranked>, census: &Census) -> Vec<WorldRow> {
    let metric = sweep.ranker.metric();
    let all = census.winner.iter().map(|row| {
        let mut all = census.by_world[row.world as usize].clone();
        all.sort_by(f64::total_cmp);
        WorldRow {
            values: sweep.grid.world(u64::from(row.world)).iter().map(|(_, value)| value.to_string()).collect(),
            metric: row.runs[0].get(metric),
            error: error_of(sweep, census, row, 0),
            net_pnl: value(&sweep.table, row, 0, "net_pnl"),
            oos_metric: row.runs[1].get(metric),
            oos_error: error_of(sweep, census, row, 1),
            all_median: all.get(all.len().saturating_sub(1) / 2).copied(),
            ranking: winner.is_some_and(|winner| winner.row.world == row.world),
        }
    });
    all.collect()
}

fn curves(outcome: &Outcome) -> Vec<Curve> {
    let rank = |rerun: &Rerun| outcome.ranked.iter().position(|ranked| ranked.verdict.id == rerun.id);
    let all = outcome.reruns.iter().map(|rerun| Curve {
        rank: rank(rerun).map_or(0, |at| at as u32 + 1),
        id: format!("{:016x}", rerun.id),
        capital: (rerun.capital[0] + rerun.capital[1]).as_f64(),
        samples: rerun
            .records
            .iter()
            .flat_map(|record| &record.equity)
            .map(|(t, e)| (*t, crate::report::money(*e)))
            .collect(),
    });
    all.collect()
}

fn states(table: &[MetricInfo], row: &Row) -> Vec<StateTime> {
    let all = STATES.iter().map(|state| {
        let name = format!("sec_{}", state.name.to_lowercase());
        let seconds = (0..2).filter_map(|run| value(table, row, run, &name)).sum();
        StateTime { state: state.name.to_string(), seconds }
    });
    all.collect()
}

/// Puts the money made after an unlock beside the transitions that unlocked, where only one pair of states has its reason.
fn priced(sweep: &Sweep<'_>, winner: Option<&Ranked>, mut transitions: Vec<Transition>) -> Vec<Transition> {
    let Some(winner) = winner else { return transitions };
    let unlocks: Vec<String> = transitions.iter().filter(|t| t.from == "S3").map(|t| t.reason.clone()).collect();
    for transition in transitions.iter_mut().filter(|t| t.from == "S3") {
        let alone = unlocks.iter().filter(|reason| **reason == transition.reason).count() == 1;
        let name = format!("unlock_{}", transition.reason);
        let made = (0..2).filter_map(|run| value(&sweep.table, &winner.row, run, &name)).sum();
        transition.pnl = alone.then_some(made);
    }
    transitions
}

/// The conditions whose shares a row holds, in words.
const GATES: [&str; SHARES.len()] = ["trend", "target return after fees", "funding difference", "volatility band"];

fn gates(row: &Row) -> Vec<Gate> {
    let known = GATES.iter().zip(row.shares).filter_map(|(name, share)| Some((name, share?)));
    known.map(|(name, share)| Gate { condition: name.to_string(), share }).collect()
}

/// What is said of a condition that nearly never or nearly always held.
fn gate_warning(Gate { condition, share }: &Gate) -> Option<String> {
    let so = match share {
        ..0.01 => "an entry that needs it hardly ever opens",
        0.99.. => "its threshold decides nothing",
        _ => return None,
    };
    let percent = 100.0 * share;
    Some(format!(
        "The gate's condition '{condition}' held at {percent:.1} % of the bar closes of what ranks first: {so}"
    ))
}

/// What is said of a winner that wins by doing nothing.
fn idle_warning(sweep: &Sweep<'_>, winner: &Row) -> Option<String> {
    let metric = crate::report::words(&sweep.grid.objective.metric);
    (value(&sweep.table, winner, 0, "trades") == Some(0.0)).then(|| {
        format!(
            "The winner completed no trade in sample, so its {metric} is that of standing still: require trades \
             ([objective] require = [\"trades >= 30\"])"
        )
    })
}

fn warnings(
    sweep: &Sweep<'_>,
    plan: &Plan,
    symbol_run: &SymbolRun,
    outcome: &Outcome,
    census: &Census,
    dead: &[bool],
) -> Vec<Warning> {
    let mut list = Vec::new();
    let mut say = |level, text: String| list.push(Warning { level, text });
    let no_winner = sweep.no_winner(outcome);
    let who = if no_winner.is_some() { "the first-ranked configuration" } else { "the winner" };
    if let Some(why) = &no_winner {
        say(Level::Severe, format!("There is no winner and no best.yml: {why}"));
    }
    if let Some(winner) = outcome.ranked.first() {
        let idle = idle_warning(sweep, &winner.row).filter(|_| no_winner.is_none());
        idle.into_iter().for_each(|text| say(Level::Severe, text));
        gates(&winner.row).iter().filter_map(gate_warning).for_each(|text| say(Level::Caution, text));
    }
    let winner = outcome.ranked.first().map(|winner| &winner.row);
    let past_depth = |run: usize| value(&sweep.table, winner?, run, "closed_past_depth");
    if (0..2).any(|run| past_depth(run).is_some_and(|n| n > 0.0)) {
        let text = format!(
            "At the end of the data {who} closed more than the recorded depth shows: the rest at prices that \
             fills.impact_bp makes up"
        );
        say(Level::Caution, text);
    }
    if let Some(winner) = outcome.ranked.first() {
        let count = |name: &str| {
            let runs = [0, 1].map(|run| value(&sweep.table, &winner.row, run, name).unwrap_or(0.0));
            runs.iter().sum::<f64>() as u64
        };
        let (exhausted, held) = (count("hedges_exhausted"), count("rate_held"));
        if exhausted > 0 {
            let text = format!(
                "In {exhausted} trades of {who} a venue stayed silent or refusing after the last hedge that a trade \
                 may have (execution.max_hedges): the leg stood alone"
            );
            say(Level::Severe, text);
        }
        if held > 0 {
            let text = format!(
                "In {held} bars {who} opened nothing because only the reserve of a venue's requests was left \
                 (execution.request_reserve)"
            );
            say(Level::Caution, text);
        }
    }
    for (axis, dead) in sweep.grid.strategy_axes().iter().chain(sweep.grid.world_axes()).zip(dead) {
        if *dead {
            say(Level::Caution, format!("{} changes no result", axis.path));
        }
    }
    filled(symbol_run).into_iter().for_each(|text| say(Level::Severe, text));
    let shown = census.points.len() as u64;
    if shown < plan.points() && sweep.grid.tried_points() > MOST_POINTS {
        say(Level::Caution, format!("the charts show {shown} configurations, evenly drawn from all of them"));
    }
    match sweep.pruned(outcome) {
        0 => {}
        n => say(
            Level::Caution,
            format!(
                "{} rows were not run: their configurations are settled by another world. What is said of all configurations in \
                 a world leaves them out",
                perpx_data::text::count(n)
            ),
        ),
    }
    plan.warnings.iter().for_each(|text| say(Level::Caution, text.clone()));
    list
}

/// What the data lacked and was filled in.
fn filled(symbol_run: &SymbolRun) -> Vec<String> {
    let mut list = Vec::new();
    for venue in symbol_run.data.feeds.iter().flat_map(|feed| feed.tape.quality().venues) {
        if !venue.funding_filled.is_empty() {
            let missing = match venue.funding_missing {
                0 => "no funding is recorded".to_string(),
                n => format!("{n} settlements are missing"),
            };
            list.push(format!("{}: {missing}, filled by {}", venue.venue, venue.funding_filled));
        }
        if !venue.marks_filled.is_empty() {
            list.push(format!("{}: marks were missing, filled by {}", venue.venue, venue.marks_filled));
        }
    }
    list
}

/// Both venues side by side.
fn quality(venues: &[VenueQuality; 2]) -> Vec<QualityTable> {
    let count = |n: u64| perpx_data::text::count(n);
    let moment = |at: Option<perpx_core::units::Time>| at.map_or("–".to_string(), crate::report::moment);
    let mut rows: Vec<Vec<String>> = Vec::new();
    let mut row = |name: String, cell: &dyn Fn(&VenueQuality) -> String| {
        rows.push(std::iter::once(name).chain(venues.iter().map(cell)).collect());
    };
    let keys = |pick: fn(&VenueQuality) -> &BTreeMap<String, u64>| -> BTreeSet<String> {
        venues.iter().flat_map(|venue| pick(venue).keys().cloned()).collect()
    };
    for table in keys(|venue| &venue.rows) {
        row(format!("{table}, rows"), &|venue| count(venue.rows.get(&table).copied().unwrap_or(0)));
    }
    for place in keys(|venue| &venue.dropped) {
        row(format!("left out: {place}"), &|venue| count(venue.dropped.get(&place).copied().unwrap_or(0)));
    }
    row("first quote, UTC".to_string(), &|venue| moment(venue.first_quote));
    row("last quote, UTC".to_string(), &|venue| moment(venue.last_quote));
    row("gaps above 60 s".to_string(), &|venue| count(venue.gaps));
    row("gaps in all, s".to_string(), &|venue| count((venue.gaps_ns / SECOND) as u64));
    if venues.iter().any(|venue| !venue.recorded_gaps.is_empty()) {
        let of_quotes = |venue: &VenueQuality| -> Vec<TimeDelta> {
            venue.recorded_gaps.iter().filter(|gap| gap.table == "quotes").map(RecordedGap::length).collect()
        };
        row("gaps of the recording".to_string(), &|venue| count(of_quotes(venue).len() as u64));
        row("gaps of the recording in all, s".to_string(), &|venue| {
            count((of_quotes(venue).into_iter().sum::<TimeDelta>() / SECOND) as u64)
        });
    }
    row("exchange times raised".to_string(), &|venue| count(venue.exch_raised));
    row("quotes with bid = ask".to_string(), &|venue| count(venue.locked));
    row("rows lost to feed outages".to_string(), &|venue| count(venue.never_received));
    row("missing settlements".to_string(), &|venue| count(venue.funding_missing));
    row("holes in the marks".to_string(), &|venue| count(venue.mark_holes));
    let columns = std::iter::once("What".to_string()).chain(venues.iter().map(|venue| venue.venue.clone()));
    let mut tables = vec![QualityTable { title: "The tape, by venue".to_string(), columns: columns.collect(), rows }];
    let gaps = venues.iter().flat_map(|venue| venue.longest_gaps.iter().map(|gap| (venue.venue.clone(), gap)));
    let gap = |(venue, gap): (String, &Gap)| {
        vec![
            venue,
            crate::report::moment(gap.from),
            crate::report::moment(gap.to),
            count((gap.length() / SECOND) as u64),
        ]
    };
    let rows: Vec<Vec<String>> = gaps.map(gap).collect();
    if !rows.is_empty() {
        let columns = ["Venue", "last row before, UTC", "first row after, UTC", "s"].map(str::to_string).to_vec();
        tables.push(QualityTable { title: "The longest gaps".to_string(), columns, rows });
    }
    tables
}

fn provenance(sweep: &Sweep<'_>, symbol_run: &SymbolRun, winner: Option<&Ranked>) -> Vec<Fact> {
    let mut facts = Vec::new();
    let mut fact = |name: &str, value: String| facts.push(Fact { name: name.to_string(), value });
    fact("grid", sweep.options.grid.display().to_string());
    fact("strategy file", perpx_data::path::normalize(Path::new(sweep.grid.base.name())).display().to_string());
    fact("grid hash", sweep.grid_hash.clone());
    fact("data", perpx_data::path::normalize(Path::new(&sweep.grid.data.store)).display().to_string());
    fact("data fingerprint", symbol_run.data.fingerprint());
    fact("seed", sweep.seed().to_string());
    fact("code", crate::code::code_id().to_string());
    fact("strategy version", perpx_core::strategy::VERSION.to_string());
    if let Some(winner) = winner {
        fact("winner's ledger", winner.row.runs[0].hash.to_string());
        fact("checked by scan", format!("{} configurations, all equal", sweep.verified));
    }
    facts
}

/// How one venue's fills came about: what its data say of the book, and what had to be assumed.
fn fill_note(quality: &VenueQuality, fills: &Fills) -> String {
    let has = |table: &str| quality.rows.get(table).is_some_and(|rows| *rows > 0);
    let taking = match has("depth") {
        true => "orders that take walk the recorded depth".to_string(),
        false => format!(
            "no depth is recorded: beyond the best size an order is assumed to pay {} bp more for each further best size \
             (fills.impact_bp)",
            fills.impact.bps()
        ),
    };
    let resting = match has("trades") {
        true => "orders that rest are moved by recorded trades and sizes",
        false => "no trades are recorded: orders that rest fill only when the other side's best reaches them",
    };
    format!("{}: {taking}; {resting}.", quality.venue)
}

fn notes(symbol_run: &SymbolRun) -> Vec<String> {
    let interval = f64::from(symbol_run.home.account.stats_interval_sec);
    let fills = symbol_run.home.world.venues.iter().map(|venue| &venue.fills);
    let venues = symbol_run.data.feeds[0].tape.quality().venues;
    let all = venues.iter().zip(fills).map(|(quality, fills)| fill_note(quality, fills));
    let mut notes: Vec<String> = all.collect();
    notes.extend([
        format!(
            "Returns are changes of equity over initial capital at every {interval} s (flat intervals included); Sharpe is \
             their mean over their standard deviation times the root of {:.0}, risk-free rate 0.",
            31_536_000.0 / interval
        ),
        "Drawdown is taken at whole minutes, in percent of initial capital.".to_string(),
        "A trade is everything between leaving S0 and the next S0 with at least one fill, net of fees and funding."
            .to_string(),
        "Quote currencies are taken 1:1.".to_string(),
    ]);
    notes
}

#[cfg(test)]
mod tests {
    use super::*;
    use perpx_core::config::ConfigFile;

    #[test]
    fn a_condition_that_never_holds_blocks_and_one_that_always_holds_decides_nothing() {
        let said = |share| gate_warning(&Gate { condition: "trend".to_string(), share });
        assert!(said(0.0).is_some_and(|text| text.contains("0.0 %") && text.ends_with("hardly ever opens")));
        assert!(said(1.0).is_some_and(|text| text.contains("100.0 %") && text.ends_with("decides nothing")));
        assert_eq!(said(0.5), None);
    }

    #[test]
    fn a_report_says_what_fills_were_assumed() {
        let file = ConfigFile::parse("example.yml", crate::EXAMPLE).expect("legal");
        let fills = &file.with(&[]).expect("legal").world.venues[0].fills;
        let mut quality = VenueQuality { venue: "lighter".to_string(), ..VenueQuality::default() };
        let bare = fill_note(&quality, fills);
        assert!(bare.contains("pay 1 bp more") && bare.contains("no trades are recorded"), "{bare}");
        quality.rows = [("depth".to_string(), 5), ("trades".to_string(), 9)].into();
        let rich = fill_note(&quality, fills);
        assert_eq!(
            rich,
            "lighter: orders that take walk the recorded depth; orders that rest are moved by recorded trades and sizes."
        );
    }
}
