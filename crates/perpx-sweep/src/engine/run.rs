//! The flow of a sweep: chunk by chunk through the tape, then the best once more with everything written down, then the
//! files.

use crate::engine::batches::{self, Batches};
use crate::engine::checkpoint::{self, Checkpoint, Key, Position};
use crate::engine::chunk::{Chunk, Edge};
use crate::engine::judgement::{Judgement, Trials, judgement};
use crate::engine::manifest::manifest;
use crate::engine::plan::Plan;
use crate::engine::plateaus::plateaus;
use crate::engine::points::{StrategyPoint, id_of, named, neighbours, shapes};
use crate::engine::progress::Progress;
use crate::engine::pruning::Pruner;
use crate::engine::rerun::rerun;
use crate::engine::scheduler::WorkerTime;
use crate::engine::trials::{self, DistinctLedgers};
use crate::error::SweepError;
use crate::evidence::{self, TrialMatrix};
use crate::grid::{Grid, Method, RankBy};
use crate::neighbours::plateau_score;
use crate::options::DriverChoice;
use crate::options::Options;
use crate::report::PageVerdict;
use crate::results::best::{Origin, write_winner};
use crate::results::folder::Folder;
use crate::results::front::Front;
use crate::results::leaderboard::{Board, LEADERBOARD_ROWS, Ranked, write_leaderboard};
use crate::results::ledgers::Ledgers;
use crate::results::ledgers::Rerun;
use crate::results::ranking::{Ranker, TopK, Verdict};
use crate::results::spool::{Row, Spool};
use crate::results::table::{Part, write_results};
use crate::results::trial_spool::{TrialRow, TrialSpool};
use crate::symbol_run::SymbolRun;
use crate::trial_log::{KEPT, LoggedRun, ids_text};
use perpx_core::stats::{MetricInfo, metric_table};
use perpx_core::trader::Composite;
use std::collections::{BTreeMap, BTreeSet};
use std::io::Write;
use std::path::PathBuf;
use std::time::Instant;

/// How a sweep ended.
#[derive(Clone, Debug, serde::Serialize)]
pub struct Summary {
    /// Of the grid.
    pub name: String,
    /// The run's folder.
    #[serde(serialize_with = "perpx_data::path::serialize")]
    pub dir: PathBuf,
    /// How configurations were chosen.
    pub search: &'static str,
    /// Strategy points.
    pub configurations: u64,
    /// World points each ran in.
    pub worlds: u64,
    /// Configurations in a world that were settled by another one and not run (`[search] prune`).
    pub pruned: u64,
    /// Ticks times configurations, all worlds and symbols together.
    pub config_ticks: u64,
    /// By the wall, from the reading of the grid on.
    pub seconds: f64,
    /// Configurations (in a world) run again by scan, all equal.
    pub verified: u64,
    /// The workers' time in the first pass, all of them together, and what part of it was idle at the ends of tiles and
    /// waiting for tiles.
    pub worker_seconds: f64,
    /// Of it without work at the ends of tiles.
    pub idle_at_ends_seconds: f64,
    /// Of it waiting for tiles.
    pub idle_for_tiles_seconds: f64,
    /// Nothing ran: the plan was printed.
    pub dry_run: bool,
    /// In the order of the grid.
    pub symbols: Vec<SymbolSummary>,
}

#[derive(Clone, Debug, serde::Serialize)]
pub struct SymbolSummary {
    pub symbol: String,
    pub configurations: u64,
    /// Those that meet every requirement.
    pub meeting: u64,
    /// The first of the ranking; the winner unless `no_winner` says why there is none.
    pub best: Option<String>,
    pub objective: Option<f64>,
    pub oos_objective: Option<f64>,
    pub neighbours: Option<f64>,
    pub meets: bool,
    /// Why no best.yml is written.
    pub no_winner: Option<String>,
    /// Whether to deploy the winner; none without one.
    pub verdict: Option<PageVerdict>,
}

impl Summary {
    /// 3 when a symbol has no winner, else 0.
    pub fn exit_code(&self) -> u8 {
        if self.dry_run || self.symbols.iter().all(|symbol| symbol.no_winner.is_none()) { 0 } else { 3 }
    }
}

/// Reads the grid, plans, runs and writes everything. What is printed goes to `out`.
///
/// # Errors
/// Bad input before anything runs; [`SweepError::Interrupted`] when asked to stop, with everything done so far kept.
pub fn sweep(options: &Options, out: &mut (dyn Write + Send)) -> Result<Summary, SweepError> {
    let threads = options.threads.unwrap_or(0);
    let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build();
    let pool = pool.map_err(|error| SweepError::Missing { path: "--threads".into(), what: error.to_string() })?;
    pool.install(|| Sweep::open(options)?.go(out))
}

/// A run in its folder.
pub struct Sweep<'o> {
    pub options: &'o Options,
    pub grid: Grid,
    pub grid_hash: String,
    pub table: Vec<MetricInfo>,
    pub ranker: Ranker,
    pub symbol_runs: Vec<SymbolRun>,
    pub dir: PathBuf,
    pub began: Instant,
    pub progress: Progress,
    /// Configurations run again by scan, and agreeing.
    pub verified: u64,
    /// Of the first pass.
    pub worker_time: WorkerTime,
    /// Of the symbol that is being ranked, by place in the grid: neighbours of the best that a search did not try. They never
    /// rank.
    beside: BTreeMap<u64, Verdict>,
}

/// What one symbol has finished.
struct Spools {
    rows: Spool,
    trials: TrialSpool,
}

/// One symbol, ranked.
pub struct Outcome {
    pub spool: Spool,
    /// None where the time in sample has no whole interval.
    pub matrix: Option<TrialMatrix>,
    /// None without a winner.
    pub judgement: Option<Judgement>,
    pub top_k: TopK,
    /// Of several objectives.
    pub front: Option<Front>,
    pub ranked: Vec<Ranked>,
    /// The best few in full, best first.
    pub reruns: Vec<Rerun>,
}

/// Details that are kept in memory for the report.
const KEPT_RERUNS: usize = 8;
/// Details at a time in the second pass.
const RERUN_BATCH: usize = 64;

impl<'o> Sweep<'o> {
    pub fn open(options: &'o Options) -> Result<Sweep<'o>, SweepError> {
        let began = Instant::now();
        let progress = Progress::new(options.quiet);
        progress.phase("checking the configurations");
        let table = metric_table::<Composite>();
        let names: Vec<&str> = table.iter().map(|info| info.name.as_ref()).collect();
        let mut grid = Grid::read(&options.grid, &names, &options.sets)?;
        grid.report.top = options.top.unwrap_or(grid.report.top);
        grid.validate()?;
        let ranker = Ranker::new(&grid.objective, &table).ok_or_else(|| SweepError::Missing {
            path: options.grid.clone(),
            what: "objective: a metric is unknown".to_string(),
        })?;
        let mut symbol_runs = Vec::with_capacity(grid.data.symbols.len());
        for symbol in &grid.data.symbols {
            progress.phase(&format!("reading the data of {symbol}"));
            symbol_runs.push(SymbolRun::open(&grid, symbol, options)?);
        }
        let dir = options.out.clone().unwrap_or_else(|| perpx_data::path::normalize(&grid.report.dir.join(&grid.name)));
        let grid_hash = grid.hash()?;
        Ok(Sweep {
            options,
            grid,
            grid_hash,
            table,
            ranker,
            symbol_runs,
            dir,
            began,
            progress,
            verified: 0,
            worker_time: WorkerTime::default(),
            beside: BTreeMap::new(),
        })
    }

    fn go(mut self, out: &mut (dyn Write + Send)) -> Result<Summary, SweepError> {
        // the output is a conversation then
        let mut beside = std::io::stderr();
        let out: &mut (dyn Write + Send) = if self.grid.search.method == Method::External { &mut beside } else { out };
        self.progress.phase("estimating the time");
        let plan = Plan::new(&self)?;
        if !self.options.quiet {
            let _ = writeln!(out, "{}", perpx_data::text::wrap(&plan.to_string(), perpx_data::text::width()));
        }
        if self.options.dry_run {
            return Ok(self.summary(&plan, &[]));
        }
        self.options.trials.check()?;
        let folder = Folder::take(&self.dir)?;
        if self.options.fresh {
            checkpoint::remove(&self.dir)?;
        }
        let key = self.key()?;
        let stored = checkpoint::load(&self.dir, &key)?;
        if stored.is_none() {
            // rows and journals without it are nobody's
            checkpoint::remove(&self.dir)?;
        }
        if stored.is_none() && !self.options.fresh {
            let data = self
                .symbol_runs
                .iter()
                .map(|symbol_run| (symbol_run.data.symbol.as_str(), symbol_run.data.fingerprint()))
                .collect();
            folder.refuse_other(&self.grid.parts()?, &data)?;
        }
        self.progress.begin(plan.rows(), plan.config_ticks());
        let (spools, worker_time) = Runner::new(&self, key, out).run(stored, &plan)?;
        self.worker_time = worker_time;
        let mut outcomes = Vec::with_capacity(spools.len());
        let mut ledgers = Ledgers::create(&self.dir)?;
        for (number, spools) in spools.into_iter().enumerate() {
            outcomes.push(self.rank(number, spools, &mut ledgers)?);
        }
        self.progress.phase("writing the results");
        folder.clear()?;
        ledgers.finish()?;
        self.write(&plan, &outcomes)?;
        let summary = self.summary(&plan, &outcomes);
        checkpoint::remove(&self.dir)?;
        Ok(summary)
    }

    /// What decides the bytes of the run, part by part.
    fn key(&self) -> Result<Key, SweepError> {
        let short = |text: String| match text.len() > 48 || text.contains('\n') {
            true => blake3::hash(text.as_bytes()).to_hex()[..12].to_string(),
            false => text,
        };
        let data: Vec<String> = self.symbol_runs.iter().map(|symbol_run| symbol_run.data.fingerprint()).collect();
        let mut key = vec![
            ("data".to_string(), data.join(" ")),
            ("seed".to_string(), self.seed().to_string()),
            ("code".to_string(), crate::code::code_id().to_string()),
        ];
        for (name, text) in self.grid.parts()? {
            let part = if name.starts_with("world") { name.to_string() } else { format!("grid ({name})") };
            key.push((part, short(text)));
        }
        let Options { chunk, tile_rows, band, barrier, .. } = self.options;
        let sizes = format!("{chunk} {tile_rows} {band} {barrier}");
        key.push(("chunk and tile size".to_string(), sizes));
        Ok(key)
    }

    pub fn seed(&self) -> u64 {
        self.symbol_runs.first().map_or(0, |symbol_run| symbol_run.home.world.seed)
    }

    /// Numbers of the worlds.
    pub fn all_worlds(&self) -> Vec<u32> {
        (0..self.grid.world_points() as u32).collect()
    }

    /// The seed, or that an axis varies it.
    pub fn seed_text(&self) -> String {
        match self.grid.world_axes().iter().find(|axis| axis.path == "seed") {
            Some(_) => "by its axis".to_string(),
            None => self.seed().to_string(),
        }
    }

    pub fn origin(&self) -> Origin<'_> {
        Origin { grid: &self.grid, table: &self.table, grid_hash: &self.grid_hash, seed: self.seed() }
    }

    /// Ranks one symbol and runs its best again.
    fn rank(&mut self, number: usize, spools: Spools, ledgers: &mut Ledgers) -> Result<Outcome, SweepError> {
        let Spools { rows: spool, trials } = spools;
        self.progress.phase(&format!("ranking {}", self.symbol_runs[number].data.symbol));
        let front = self.front(&spool)?;
        if self.grid.objective.rank == RankBy::Plateau {
            let found = plateaus(self, &spool)?;
            self.ranker.rank_by_plateaus(found);
        }
        let symbol_run = &self.symbol_runs[number];
        let room = LEADERBOARD_ROWS.max(self.grid.report.top);
        let (mut top_k, mut distinct) = (TopK::new(room), DistinctLedgers::new(&self.table));
        let mut ids = Vec::new();
        each_point(&spool, |rows| {
            self.options.go_on()?;
            let verdict = self.ranker.verdict(rows);
            if ids.len() < KEPT {
                ids.push(verdict.id);
            }
            distinct.add(rows, &verdict);
            top_k.add(verdict);
            Ok(())
        })?;
        self.beside = self.run_beside(symbol_run, &spool, top_k.best())?;
        let symbol_run = &self.symbol_runs[number];
        let mut ranked = Vec::with_capacity(top_k.best().len());
        for (place, verdict) in top_k.best().iter().enumerate() {
            let (neighbours, plateau) = match place < self.grid.report.top {
                true => self.neighbourhood(symbol_run, &spool, verdict)?,
                false => (Vec::new(), verdict.plateau),
            };
            let plateau = plateau.and_then(|turned| self.ranker.as_metric(turned));
            let rows = spool.of(verdict.id)?;
            let row = rows.into_iter().nth(verdict.world);
            ranked.extend(row.map(|row| Ranked { verdict: verdict.clone(), row, neighbours, plateau }));
        }
        self.progress.phase(&format!("running the best of {} again", symbol_run.data.symbol));
        let reruns = self.second_pass(symbol_run, &ranked, ledgers)?;
        self.progress.phase(&format!("checking {} by scan", symbol_run.data.symbol));
        self.verified += self.by_scan(symbol_run, &spool, ranked.first())?;
        self.progress.phase(&format!("judging the winner of {}", symbol_run.data.symbol));
        let matrix = trials::matrix(self, symbol_run, &distinct, &trials)?;
        let tried = self.options.trials.add(&LoggedRun {
            ids: ids_text(ids),
            distinct: distinct.len() as u64,
            best: top_k.best().first().and_then(|verdict| verdict.objective),
            ..trials::logged(self, symbol_run, top_k.points)
        })?;
        let known = Trials { matrix: matrix.as_ref(), configurations: top_k.points, distinct: distinct.len(), tried };
        let judgement = judgement(self, symbol_run, (&spool, ranked.first()), known)?;
        Ok(Outcome { spool, matrix, judgement, top_k, front, ranked, reruns })
    }

    /// Of several objectives the front of all points, by which they are ranked from now on.
    fn front(&mut self, spool: &Spool) -> Result<Option<Front>, SweepError> {
        if self.grid.objective.beside.is_empty() {
            return Ok(None);
        }
        let mut front = Front::default();
        each_point(spool, |rows| {
            self.ranker.place(&mut front, rows);
            self.options.go_on()
        })?;
        self.ranker.rank_by(&mut front);
        Ok(Some(front))
    }

    /// Objectives of the grid neighbours that have one, and the plateau score, turned so that more is better.
    fn neighbourhood(
        &self,
        symbol_run: &SymbolRun,
        spool: &Spool,
        verdict: &Verdict,
    ) -> Result<(Vec<f64>, Option<f64>), SweepError> {
        let mut known: Vec<Verdict> = Vec::new();
        for at in neighbours(&self.grid, verdict.point) {
            let Some(id) = id_of(&self.grid, &symbol_run.data.symbol, at)? else { continue };
            let rows = spool.of(id)?;
            known.extend(match rows.is_empty() {
                true => self.beside.get(&at).cloned(),
                false => Some(self.ranker.verdict(&rows)),
            });
        }
        let around = known.iter().map(Verdict::worth_beside);
        let plateau = plateau_score(&shapes(&self.grid), verdict.worth_beside(), around);
        Ok((known.iter().filter_map(|verdict| verdict.objective).collect(), plateau))
    }

    /// Runs the neighbours of the best that a search did not try; of a grid all were.
    fn run_beside(
        &self,
        symbol_run: &SymbolRun,
        spool: &Spool,
        best: &[Verdict],
    ) -> Result<BTreeMap<u64, Verdict>, SweepError> {
        let (grid, mut found) = (&self.grid, BTreeMap::new());
        if grid.search.method == Method::Grid {
            return Ok(found);
        }
        let top = best.iter().take(grid.report.top);
        let places: BTreeSet<u64> = top.flat_map(|verdict| neighbours(grid, verdict.point)).collect();
        let mut missing = named(grid, &symbol_run.data.symbol, &places.into_iter().collect::<Vec<_>>())?;
        let mut unknown = Vec::new();
        for point in missing.drain(..) {
            let strategy = grid.strategy_point(point.at).unwrap_or_default();
            let mut worlds = symbol_run.worlds.iter();
            let is_legal = worlds.all(|world| grid.resolve(&symbol_run.data.symbol, &strategy, world).is_ok());
            if is_legal && spool.of(point.id)?.is_empty() {
                unknown.push(point);
            }
        }
        let size = (self.options.chunk as u64 / grid.world_points()).max(1) as usize;
        for points in unknown.chunks(size) {
            let mut chunk = Chunk::build(grid, symbol_run, points, &self.all_worlds(), self.options)?;
            chunk.run(|_, _| self.options.go_on())?;
            let (rows, _) = chunk.finished(self.table.len())?;
            found.extend(rows.chunk_by(|a, b| a.id == b.id).map(|rows| (rows[0].point, self.ranker.verdict(rows))));
        }
        Ok(found)
    }

    /// The best run again with everything written down, in the order of their ids.
    fn second_pass(
        &self,
        symbol_run: &SymbolRun,
        ranked: &[Ranked],
        ledgers: &mut Ledgers,
    ) -> Result<Vec<Rerun>, SweepError> {
        let top = &ranked[..ranked.len().min(self.grid.report.top)];
        let mut rows: Vec<Row> = top.iter().map(|ranked| ranked.row.clone()).collect();
        rows.sort_by_key(|row| (row.id, row.world));
        let rank = |rerun: &Rerun| top.iter().position(|ranked| ranked.row.id == rerun.id).unwrap_or(usize::MAX);
        let mut kept = Vec::new();
        for batch in rows.chunks(RERUN_BATCH) {
            self.options.go_on()?;
            let by = (self.options.driver, &*self.options.stop);
            for rerun in rerun(&self.grid, symbol_run, batch, by, "second pass")? {
                ledgers.write(symbol_run, &rerun)?;
                if rank(&rerun) < KEPT_RERUNS {
                    kept.push(rerun);
                }
            }
        }
        kept.sort_by_key(rank);
        Ok(kept)
    }

    /// The winner and some configurations drawn by the grid's hash, by the reference driver.
    fn by_scan(&self, symbol_run: &SymbolRun, spool: &Spool, winner: Option<&Ranked>) -> Result<u64, SweepError> {
        let mut rows: Vec<Row> = winner.map(|ranked| ranked.row.clone()).into_iter().collect();
        for n in 0..self.options.verify {
            let text = format!("{} {} {n}", self.grid_hash, symbol_run.data.symbol);
            let draw = u64::from_le_bytes(*blake3::hash(text.as_bytes()).as_bytes().first_chunk().unwrap_or(&[0; 8]));
            if spool.rows() > 0 {
                let row = spool.row(draw % spool.rows())?;
                if rows.iter().all(|other| (other.id, other.world) != (row.id, row.world)) {
                    rows.push(row);
                }
            }
        }
        for row in &rows {
            self.options.go_on()?;
            let by = (DriverChoice::Scan, &*self.options.stop);
            rerun(&self.grid, symbol_run, std::slice::from_ref(row), by, "check by scan")?;
        }
        Ok(rows.len() as u64)
    }

    fn write(&self, plan: &Plan, outcomes: &[Outcome]) -> Result<(), SweepError> {
        let parts: Vec<Part<'_>> = self
            .symbol_runs
            .iter()
            .zip(outcomes)
            .map(|(symbol_run, outcome)| Part {
                symbol: &symbol_run.data.symbol,
                spool: &outcome.spool,
                world_ids: &symbol_run.world_ids,
            })
            .collect();
        write_results(&self.dir.join("results.parquet"), &self.grid, &self.table, &parts, || self.options.go_on())?;
        let boards: Vec<Board<'_>> = self
            .symbol_runs
            .iter()
            .zip(outcomes)
            .map(|(symbol_run, outcome)| Board {
                symbol: &symbol_run.data.symbol,
                world_ids: &symbol_run.world_ids,
                ranked: &outcome.ranked,
            })
            .collect();
        write_leaderboard(&self.dir.join("leaderboard.csv"), &self.grid, &self.table, &boards)?;
        for (symbol_run, outcome) in self.symbol_runs.iter().zip(outcomes) {
            self.write_best(symbol_run, outcome)?;
        }
        let mut rows = Vec::with_capacity(outcomes.len());
        for (symbol_run, outcome) in self.symbol_runs.iter().zip(outcomes) {
            // with several symbols each has its page in a folder of its own
            let dir = if outcomes.len() == 1 { self.dir.clone() } else { self.dir.join(&symbol_run.data.symbol) };
            std::fs::create_dir_all(&dir).map_err(SweepError::io(&dir, "make the folder"))?;
            if let Some(matrix) = &outcome.matrix {
                evidence::file::write(&dir.join("trials.parquet"), matrix)?;
            }
            rows.push(crate::report::write(
                &crate::engine::report_input::input(self, plan, symbol_run, outcome)?,
                &dir,
            )?);
        }
        if outcomes.len() > 1 {
            crate::report::write_symbols(&self.grid.name, &self.grid.objective.metric, &rows, &self.dir)?;
        }
        manifest(self, plan, outcomes)?.write(&self.dir)
    }

    fn write_best(&self, symbol_run: &SymbolRun, outcome: &Outcome) -> Result<(), SweepError> {
        let name = match self.symbol_runs.len() {
            1 => "best.yml".to_string(),
            _ => format!("best.{}.yml", symbol_run.data.symbol),
        };
        let path = self.dir.join(name);
        let Some(winner) = outcome.ranked.first().filter(|ranked| ranked.verdict.can_win()) else {
            // none of an earlier run may stay
            return match std::fs::remove_file(&path) {
                Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                    Err(SweepError::io(&path, "remove the file")(error))
                }
                _ => Ok(()),
            };
        };
        let rows = outcome.spool.of(winner.verdict.id)?;
        let evidence = outcome.judgement.as_ref().map(Judgement::provenance);
        write_winner(&path, &self.origin(), symbol_run, winner, &rows, evidence)
    }

    /// Rows that were not run, their configurations being settled.
    pub fn pruned(&self, outcome: &Outcome) -> u64 {
        (outcome.top_k.points * self.grid.world_points()).saturating_sub(outcome.spool.rows())
    }

    /// Why a symbol has no winner, if it has none.
    pub fn no_winner(&self, outcome: &Outcome) -> Option<String> {
        outcome.top_k.no_winner(&self.grid.objective.metric, self.grid.world_points())
    }

    fn summary(&self, plan: &Plan, outcomes: &[Outcome]) -> Summary {
        let symbols = self.symbol_runs.iter().zip(outcomes).map(|(symbol_run, outcome)| {
            let winner = outcome.ranked.first();
            SymbolSummary {
                symbol: symbol_run.data.symbol.clone(),
                configurations: outcome.top_k.points,
                meeting: outcome.top_k.meeting,
                best: winner.map(|winner| format!("{:016x}", winner.verdict.id)),
                objective: winner.and_then(|winner| winner.verdict.objective),
                oos_objective: winner.and_then(|winner| winner.verdict.held_out),
                neighbours: winner.and_then(Ranked::neighbours_median),
                meets: winner.is_some_and(|winner| winner.verdict.meets),
                no_winner: self.no_winner(outcome),
                verdict: outcome.judgement.as_ref().map(Judgement::page),
            }
        });
        Summary {
            name: self.grid.name.clone(),
            dir: self.dir.clone(),
            search: self.grid.search.method.name(),
            configurations: outcomes.iter().map(|outcome| outcome.top_k.points).sum(),
            worlds: self.grid.world_points(),
            pruned: outcomes.iter().map(|outcome| self.pruned(outcome)).sum(),
            config_ticks: plan.config_ticks(),
            seconds: self.began.elapsed().as_secs_f64(),
            verified: self.verified,
            worker_seconds: self.worker_time.all().as_secs_f64(),
            idle_at_ends_seconds: self.worker_time.tail.as_secs_f64(),
            idle_for_tiles_seconds: self.worker_time.waited.as_secs_f64(),
            dry_run: self.options.dry_run,
            symbols: symbols.collect(),
        }
    }
}

/// Calls `each` with all rows of a strategy point at a time.
pub fn each_point(spool: &Spool, mut each: impl FnMut(&[Row]) -> Result<(), SweepError>) -> Result<(), SweepError> {
    let mut rows: Vec<Row> = Vec::new();
    spool.each(|row| {
        if rows.first().is_some_and(|first| first.id != row.id) {
            each(&rows)?;
            rows.clear();
        }
        rows.push(row.clone());
        Ok(())
    })?;
    if rows.is_empty() { Ok(()) } else { each(&rows) }
}

/// The first pass: every configuration through the tape.
struct Runner<'s, 'o> {
    sweep: &'s Sweep<'o>,
    key: Key,
    out: &'s mut (dyn Write + Send),
    saved: Instant,
    tiles: u64,
    worker_time: WorkerTime,
    best: Option<Verdict>,
}

impl<'s, 'o> Runner<'s, 'o> {
    fn new(sweep: &'s Sweep<'o>, key: Key, out: &'s mut (dyn Write + Send)) -> Runner<'s, 'o> {
        Runner { sweep, key, out, saved: Instant::now(), tiles: 0, worker_time: WorkerTime::default(), best: None }
    }

    fn run(mut self, stored: Option<Checkpoint>, plan: &Plan) -> Result<(Vec<Spools>, WorkerTime), SweepError> {
        let sweep = self.sweep;
        let (mut position, mut rows, mut trials, mut inside) = match stored {
            Some(stored) => (stored.position, stored.rows, stored.trials, stored.chunk),
            None => (Position::default(), Vec::new(), Vec::new(), None),
        };
        rows.resize(sweep.symbol_runs.len(), 0);
        trials.resize(sweep.symbol_runs.len(), 0);
        let done: u64 = rows.iter().sum();
        if done > 0 || inside.is_some() {
            let _ = writeln!(self.out, "going on with an unfinished run: {done} of {} rows are done", plan.rows());
            sweep.progress.resume(done, plan.ticks_of_rows(done));
        }
        let open = |(number, (rows, trials)): (usize, (&u64, &u64))| {
            let rows = Spool::open(&checkpoint::spool_path(&sweep.dir, number), sweep.table.len(), *rows)?;
            let trials = TrialSpool::open(&checkpoint::trials_path(&sweep.dir, number), *trials)?;
            Ok(Spools { rows, trials })
        };
        let each = rows.iter().zip(&trials).enumerate();
        let mut spools = each.map(open).collect::<Result<Vec<Spools>, SweepError>>()?;
        let size = match sweep.grid.search.prune {
            true => sweep.options.barrier,
            false => (sweep.options.chunk as u64 / sweep.grid.world_points()).max(1) as usize,
        };
        while let Some(symbol_run) = sweep.symbol_runs.get(position.symbol as usize) {
            let symbol = position.symbol as usize;
            let mut batches = Batches::new(sweep, symbol_run);
            let mut pruner = Pruner::new(sweep, &spools[symbol].rows)?;
            loop {
                let named = batches.batch(position.band, &spools[symbol].rows);
                let Some(points) = self.or_saved(named, &position, &spools, &inside)? else { break };
                while (position.point as usize) < points.len() {
                    let start = position.point as usize;
                    let end = points.len().min(start + size);
                    let (rows, trials) = match &mut pruner {
                        Some(pruner) => {
                            let done = self.barrier(symbol_run, &points[start..end], pruner);
                            self.or_saved(done, &position, &spools, &None)?
                        }
                        None => {
                            let built = self.bound(symbol_run, &points[start..end], &sweep.all_worlds());
                            let chunk = self.or_saved(built, &position, &spools, &inside)?;
                            self.chunk(chunk, &position, &spools, inside.take())?
                        }
                    };
                    self.notice(&rows);
                    spools[symbol].rows.append(&rows)?;
                    spools[symbol].trials.append(&trials)?;
                    position.point = end as u64;
                    self.save_if_due(&position, &spools)?;
                }
                position = Position { band: position.band + 1, point: 0, ..position };
            }
            position = Position { symbol: position.symbol + 1, ..Position::default() };
        }
        sweep.progress.finish();
        self.save(&position, &spools, None)?;
        let sorted = spools.into_iter().enumerate().map(|(symbol, spools)| {
            let path = checkpoint::sorted_path(&sweep.dir, symbol);
            Ok(Spools { rows: batches::in_order(sweep, spools.rows, &path)?, ..spools })
        });
        Ok((sorted.collect::<Result<Vec<Spools>, SweepError>>()?, self.worker_time))
    }

    fn bound(
        &self,
        symbol_run: &'s SymbolRun,
        points: &[StrategyPoint],
        worlds: &[u32],
    ) -> Result<Chunk<'s>, SweepError> {
        self.sweep.progress.phase("binding configurations");
        Chunk::build(&self.sweep.grid, symbol_run, points, worlds, self.sweep.options)
    }

    /// Runs these points world by world, each until it is settled. Of one that is interrupted nothing is kept.
    fn barrier(
        &mut self,
        symbol_run: &'s SymbolRun,
        points: &[StrategyPoint],
        pruner: &mut Pruner<'_, '_>,
    ) -> Result<(Vec<Row>, Vec<TrialRow>), SweepError> {
        let (sweep, mut left) = (self.sweep, points.to_vec());
        let (mut rows, mut trials) = (Vec::new(), Vec::new());
        for world in pruner.order() {
            let mut chunk = self.bound(symbol_run, &left, &[world])?;
            sweep.progress.phase("");
            chunk.run(|_, edge: Edge| {
                sweep.progress.advance(edge.finished, edge.config_ticks);
                self.tiles += 1;
                self.worker_time += edge.worker_time;
                let stop =
                    sweep.options.is_stopped() || sweep.options.stop_after.is_some_and(|most| self.tiles >= most);
                if stop { Err(SweepError::Interrupted) } else { Ok(()) }
            })?;
            let (of_world, of_trials) = chunk.finished(sweep.table.len())?;
            // both in the order of ids
            left = left
                .into_iter()
                .zip(&of_world)
                .filter(|(_, row)| !pruner.is_settled(row))
                .map(|(point, _)| point)
                .collect();
            rows.extend(of_world);
            trials.extend(of_trials);
        }
        rows.sort_by_key(|row| (row.id, row.world));
        rows.chunk_by(|a, b| a.id == b.id).for_each(|point| pruner.learn(point));
        Ok((rows, trials))
    }

    /// What an interruption between two chunks has done so far is kept; the inside of a chunk that was not gone on with yet
    /// lies in the checkpoint already.
    fn or_saved<T>(
        &mut self,
        result: Result<T, SweepError>,
        position: &Position,
        spools: &[Spools],
        inside: &Option<checkpoint::ChunkState>,
    ) -> Result<T, SweepError> {
        if matches!(result, Err(SweepError::Interrupted | SweepError::Asked { .. })) && inside.is_none() {
            self.save(position, spools, None)?;
        }
        result
    }

    fn chunk(
        &mut self,
        mut chunk: Chunk<'_>,
        position: &Position,
        spools: &[Spools],
        inside: Option<checkpoint::ChunkState>,
    ) -> Result<(Vec<Row>, Vec<TrialRow>), SweepError> {
        let sweep = self.sweep;
        sweep.progress.phase("");
        if let Some(state) = inside {
            chunk.restore(state);
        }
        chunk.run(|chunk, edge: Edge| {
            sweep.progress.advance(edge.finished, edge.config_ticks);
            self.tiles += 1;
            self.worker_time += edge.worker_time;
            let stop = sweep.options.is_stopped() || sweep.options.stop_after.is_some_and(|most| self.tiles >= most);
            if stop || self.saved.elapsed() >= sweep.options.checkpoint_every {
                self.save(position, spools, Some(chunk))?;
            }
            if stop { Err(SweepError::Interrupted) } else { Ok(()) }
        })?;
        chunk.finished(sweep.table.len())
    }

    /// Best so far, for the bar.
    fn notice(&mut self, rows: &[Row]) {
        for point in rows.chunk_by(|a, b| a.id == b.id) {
            let verdict = self.sweep.ranker.verdict(point);
            if self.best.as_ref().is_none_or(|best| verdict.order(best).is_lt()) {
                self.sweep.progress.best(&self.sweep.grid.objective.metric, &verdict);
                self.best = Some(verdict);
            }
        }
    }

    fn save_if_due(&mut self, position: &Position, spools: &[Spools]) -> Result<(), SweepError> {
        match self.saved.elapsed() >= self.sweep.options.checkpoint_every {
            true => self.save(position, spools, None),
            false => Ok(()),
        }
    }

    fn save(&mut self, position: &Position, spools: &[Spools], chunk: Option<&Chunk<'_>>) -> Result<(), SweepError> {
        let checkpoint = Checkpoint {
            key: self.key.clone(),
            position: *position,
            rows: spools.iter().map(|spools| spools.rows.rows()).collect(),
            trials: spools.iter().map(|spools| spools.trials.bytes()).collect(),
            chunk: chunk.map(Chunk::state),
        };
        let _saving = self.sweep.options.saving.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        checkpoint::save(&self.sweep.dir, &checkpoint)?;
        self.saved = Instant::now();
        Ok(())
    }
}
