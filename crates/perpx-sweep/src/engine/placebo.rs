//! The whole search again on markets without an edge, which move, quote and trade as much as the tape: how often is the best of
//! those as good as the best of ours? Nothing is assumed of trials, of their correlation, or of how they were chosen.

use crate::engine::run::{Summary, Sweep, sweep};
use crate::error::SweepError;
use crate::options::{Options, TrialLog};
use crate::symbol_run::SymbolRun;
use perpx_core::market::Role;
use perpx_core::stats::median;
use perpx_core::units::{HOUR, MINUTE, NS, Price, SECOND, Time};
use perpx_data::synth::{SynthError, SynthSpec, VenueSpec, write};
use perpx_data::text::{count, fixed, significant};
use serde::Serialize;
use std::io::Write;
use std::path::{Path, PathBuf};

/// Minutes of an hour's volatility at least.
const LEAST_MINUTES: usize = 30;
/// Seconds of a year of 365 days.
const YEAR_SEC: f64 = 365.0 * 86_400.0;

/// What a tape is like, of what a market without an edge can copy.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct TapeManners {
    /// Median over hours, a year's.
    pub annual_vol: f64,
    /// Median width of the book by role, bp.
    pub spread_bp: [f64; 2],
    /// Quotes a second over both venues.
    pub updates_per_sec: f64,
    /// The first mid.
    pub price: f64,
}

/// A grid's best beside those of markets without an edge.
#[derive(Clone, Debug, Serialize)]
pub struct Placebo {
    /// Of the tape, and of the markets.
    pub tape: TapeManners,
    /// What ranks.
    pub metric: String,
    /// The best on the tape; none without a winner.
    pub best: Option<f64>,
    /// The best on each market, by its seed from 1 on; none where nobody could win.
    pub without_edge: Vec<Option<f64>>,
    /// Share of all, the tape's own counted, whose best is at least as good as ours.
    pub p: f64,
}

/// Sweeps the grid, then again on `runs` markets without an edge.
///
/// # Errors
/// As [`sweep`]; several symbols; a store that cannot be written.
pub fn placebo(options: &Options, runs: u32, out: &mut (dyn Write + Send)) -> Result<Placebo, SweepError> {
    let own = sweep(options, out)?;
    let opened = Sweep::open(options)?;
    let [symbol_run] = opened.symbol_runs.as_slice() else {
        let what = "a placebo is of one symbol; accepted: one; to do: give --set data.symbols=[BTC]".to_string();
        return Err(SweepError::Missing { path: options.grid.clone(), what });
    };
    let higher_is_better = opened.ranker.higher_is_better();
    let tape = manners(symbol_run)?;
    let place = scratch(&own.dir);
    let found = (1..=runs).map(|seed| {
        let best = one(options, symbol_run, &tape, seed, &place);
        if let (Ok(best), false) = (&best, options.quiet) {
            let best = best.map_or("no winner".to_string(), |best| significant(best, 4));
            let _ = writeln!(out, "placebo  {seed} of {runs}: {best}");
        }
        best
    });
    let found: Result<Vec<Option<f64>>, SweepError> = found.collect();
    let _ = std::fs::remove_dir_all(&place);
    let (without_edge, best) = (found?, won(&own));
    let reaches = |other: &Option<f64>| match (other, best) {
        (Some(other), Some(best)) if higher_is_better => *other >= best,
        (Some(other), Some(best)) => *other <= best,
        (Some(_), None) => true,
        (None, _) => false,
    };
    let reached = without_edge.iter().filter(|other| reaches(other)).count();
    let p = (1.0 + reached as f64) / (f64::from(runs) + 1.0);
    Ok(Placebo { tape, metric: opened.grid.objective.metric.clone(), best, without_edge, p })
}

/// The objective of a winner.
fn won(summary: &Summary) -> Option<f64> {
    summary.symbols.first().filter(|symbol| symbol.no_winner.is_none())?.objective
}

/// Beside the run's folder, hidden.
fn scratch(dir: &Path) -> PathBuf {
    let name = dir.file_name().unwrap_or_default().to_string_lossy();
    dir.with_file_name(format!(".placebo-{name}-{}", std::process::id()))
}

/// The best on one market.
fn one(
    options: &Options,
    symbol_run: &SymbolRun,
    tape: &TapeManners,
    seed: u32,
    place: &Path,
) -> Result<Option<f64>, SweepError> {
    options.go_on()?;
    let store = place.join("store");
    std::fs::create_dir_all(place).map_err(SweepError::io(place, "make the folder"))?;
    let written = write(&spec(symbol_run, tape, seed), &store, &options.stop, &mut |_| {});
    written.map_err(|error| match error {
        SynthError::Stopped { .. } => SweepError::Interrupted,
        other => SweepError::Missing { path: store.clone(), what: other.to_string() },
    })?;
    let store = std::path::absolute(&store).map_err(SweepError::io(place, "find the folder"))?;
    let mut sets = options.sets.clone();
    // a tape cache of markets that nobody sees again would push out what is needed
    sets.extend([format!("data.store={}", store.display()), "cache.max_gib=0".to_string()]);
    let there = Options {
        sets,
        out: Some(place.join("run")),
        trials: TrialLog::Unknown,
        fresh: true,
        quiet: true,
        verify: 0,
        top: Some(1),
        ..options.clone()
    };
    Ok(won(&sweep(&there, &mut std::io::sink())?))
}

/// A market without an edge that has the tape's manners: one martingale at both venues, with their spreads.
fn spec(symbol_run: &SymbolRun, tape: &TapeManners, seed: u32) -> SynthSpec {
    let (data, world) = (&symbol_run.data, &symbol_run.home.world);
    let last = data.to.plus(-NS).day();
    let from = Time::of_day(data.warm_from.day() - 1);
    let names = data.feeds[0].tape.spec().venues.clone();
    let venue = |role: usize| {
        let like = if role == 0 { VenueSpec::like_lighter(&names[role]) } else { VenueSpec::like_grvt(&names[role]) };
        let lot = world.venues[role].instrument.lot;
        VenueSpec { lot, one_tick: 0.0, wide_bp: [tape.spread_bp[role]; 2], ..like }
    };
    SynthSpec {
        symbol: data.symbol.clone(),
        updates_per_sec: tape.updates_per_sec.clamp(0.02, 400.0),
        start_price: tape.price,
        tick: finest(world.venues.iter().map(|venue| venue.instrument.tick), tape.price),
        annual_vol: tape.annual_vol.clamp(0.001, 5.0),
        venues: [venue(0), venue(1)],
        martingale: true,
        ..SynthSpec::new(u64::from(seed), from, (last - from.day() + 1).max(1) as u32)
    }
}

/// The finer tick, and one that the generator can walk on.
fn finest(ticks: impl Iterator<Item = Price>, price: f64) -> Price {
    let finest = ticks.min().unwrap_or(Price(1));
    Price(finest.0.min((price * 1e9 / 2e4) as i64).max(1))
}

/// Read off the first feed.
fn manners(symbol_run: &SymbolRun) -> Result<TapeManners, SweepError> {
    let tape = &symbol_run.data.feeds[0].tape;
    let (mut spreads, mut mids) = ([Vec::new(), Vec::new()], Vec::new());
    let mut minute = symbol_run.data.from.steps(MINUTE) + 1;
    for k in 0..tape.tiles() {
        let tile = tape.tile(k)?;
        let time: &[i64] = &tile.local.time;
        while time.last().is_some_and(|last| *last >= (minute * MINUTE).0) {
            let row = time.partition_point(|t| *t <= (minute * MINUTE).0);
            if let Some(row) = row.checked_sub(1) {
                for role in Role::BOTH {
                    let bbo = tile.local.bbo(row, role);
                    if bbo.is_quoted() {
                        let (bid, ask) = (bbo.bid.as_f64(), bbo.ask.as_f64());
                        spreads[role.ix()].push(1e4 * (ask - bid) / bid);
                    }
                }
                mids.push((minute, tile.local.bbo(row, Role::BOTH[0]).mid_or_none().as_f64()));
            }
            minute += 1;
        }
    }
    let mut hours = Vec::new();
    for hour in mids.chunk_by(|a, b| a.0 / (HOUR / MINUTE) == b.0 / (HOUR / MINUTE)) {
        let moves: Vec<f64> = hour
            .windows(2)
            .filter(|pair| pair[0].1 > 0.0 && pair[1].1 > 0.0)
            .map(|pair| libm::log(pair[1].1 / pair[0].1))
            .collect();
        if moves.len() >= LEAST_MINUTES {
            let square: f64 = moves.iter().map(|change| change * change).sum();
            hours.push((square / moves.len() as f64 * YEAR_SEC / 60.0).sqrt());
        }
    }
    let quotes: u64 = tape.quality().venues.iter().filter_map(|venue| venue.rows.get("quotes")).sum();
    let seconds = symbol_run.data.to.since(symbol_run.data.warm_from).as_f64(SECOND);
    Ok(TapeManners {
        annual_vol: median(&hours).unwrap_or(0.3),
        spread_bp: spreads.map(|spreads| median(&spreads).unwrap_or(0.0)),
        updates_per_sec: quotes as f64 / seconds,
        price: symbol_run.data.feeds[0].first_mids[0].as_f64(),
    })
}

impl Placebo {
    /// As a person reads it.
    pub fn text(&self) -> String {
        let value = |value: Option<f64>| value.map_or("no winner".to_string(), |value| significant(value, 4));
        let mut known: Vec<f64> = self.without_edge.iter().flatten().copied().collect();
        known.sort_unstable_by(f64::total_cmp);
        let range = match known.as_slice() {
            [] => "none had a winner".to_string(),
            all => format!(
                "theirs {} to {}, half of them below {}",
                significant(all[0], 4),
                significant(all[all.len() - 1], 4),
                significant(all[all.len() / 2], 4)
            ),
        };
        let TapeManners { annual_vol, spread_bp: [long, short], updates_per_sec, .. } = self.tape;
        format!(
            "placebo  The same search on {} markets without an edge (volatility {} % a year, books {} and {} bp wide, {} quotes a \
             second, as on the tape): the best of {} is at least as good as ours by {}. Ours {}; {range}. The least that {} \
             markets can show is {} of 100.",
            count(self.without_edge.len() as u64),
            fixed(100.0 * annual_vol, 0),
            significant(long, 2),
            significant(short, 2),
            significant(updates_per_sec, 2),
            format_args!("{} of 100 of them, ours counted,", significant(100.0 * self.p, 2)),
            self.metric,
            value(self.best),
            self.without_edge.len(),
            significant(100.0 / (self.without_edge.len() as f64 + 1.0), 2)
        )
    }
}
