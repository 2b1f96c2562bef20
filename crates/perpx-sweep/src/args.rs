//! The command line of perpx-sweep: arguments in, one call, exit code out.

use crate::VERSION;
use crate::engine::placebo::{Placebo, placebo};
use crate::engine::run::{Summary, sweep};
use crate::error::SweepError;
use crate::evidence::{self, Evidence, Settings};
use crate::grid::{MOST_DRAWS, Method};
use crate::inspect::{compare, explain, luck, runs, show};
use crate::options::{DriverChoice, Options, TrialLog};
use clap::{Args, CommandFactory, Parser, Subcommand};
use perpx_core::config::Schema;
use perpx_core::config::keys::reference::{self, KeyRow};
use perpx_data::text;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

/// The whole help in a screen: no headings, the commands by name.
const HELP: &str = "{about}\n\n{usage-heading} {usage}\n\n  \
                    <GRID.toml>            The grid file, such as sweeps/quickstart.toml\n{options}{after-help}\n";

/// Run a grid of configurations over recorded markets, rank them, write the best
#[derive(Parser)]
#[command(name = "perpx-sweep", version = VERSION, args_conflicts_with_subcommands = true, arg_required_else_help = true)]
#[command(help_template = HELP)]
#[command(after_help = "Commands: show, compare, explain, audit, evidence, placebo,\n\
                        runs, keys, completions (see --help)\n\
                        Example: perpx-sweep sweeps/quickstart.toml --fresh")]
pub struct Cli {
    #[command(subcommand)]
    command: Option<Command>,
    #[command(flatten)]
    run: RunArgs,
}

#[derive(Subcommand)]
enum Command {
    /// Show a finished run: summary, winner, the best, warnings
    #[command(after_help = "Example: perpx-sweep show reports/quickstart --top 5")]
    Show {
        /// The run's folder, such as reports/quickstart
        run: PathBuf,
        /// Only this symbol, of a run over several
        #[arg(long)]
        symbol: Option<String>,
        /// Rows of the table of the best
        #[arg(long, value_name = "N", default_value_t = 10)]
        top: usize,
        /// Print it as one line of JSON
        #[arg(long)]
        json: bool,
    },
    /// Put two finished runs side by side: changes, ranks, each winner in the other
    #[command(after_help = "Example: perpx-sweep compare reports/quickstart reports/other")]
    Compare {
        /// Folder of the first run
        a: PathBuf,
        /// Folder of the second run
        b: PathBuf,
        /// How many of the best are looked for in the other
        #[arg(long, value_name = "N", default_value_t = 10, value_parser = clap::value_parser!(u64).range(1..))]
        top: u64,
        /// Print it as one line of JSON
        #[arg(long)]
        json: bool,
    },
    /// List the runs of a folder: finished, unfinished, running
    #[command(after_help = "Example: perpx-sweep runs reports")]
    Runs {
        /// The folder of the runs
        #[arg(default_value = "reports")]
        dir: PathBuf,
        /// Print them as one line of JSON
        #[arg(long)]
        json: bool,
    },
    /// Add up a run's money again from its trades, without the ledger's code
    #[command(after_help = "Example: perpx-sweep audit reports/quickstart")]
    Audit {
        /// The run's folder, such as reports/quickstart
        run: PathBuf,
        /// Only this symbol, of a run over several
        #[arg(long)]
        symbol: Option<String>,
        /// Print what was checked as one line of JSON
        #[arg(long)]
        json: bool,
    },
    /// Say whether the winner of a run, or of a table of trials, is luck
    #[command(after_help = "Example: perpx-sweep evidence reports/quickstart")]
    Evidence(EvidenceArgs),
    /// Run a grid again on markets without an edge: how good is their best?
    #[command(after_help = "Example: perpx-sweep placebo sweeps/quickstart.toml --runs 19")]
    Placebo(PlaceboArgs),
    /// List a configuration's trades, or print the life of one, order by order
    Explain(explain::ExplainArgs),
    /// List the keys of the strategy file: meaning, what is accepted, default
    #[command(after_help = "Example: perpx-sweep keys locking")]
    Keys {
        /// Only keys with this word in their path or meaning
        word: Option<String>,
        /// Print tables of Markdown
        #[arg(long, conflicts_with = "json")]
        markdown: bool,
        /// Print them as one line of JSON
        #[arg(long)]
        json: bool,
    },
    /// Write a script that completes these commands in a shell
    #[command(after_help = "Example: perpx-sweep completions zsh > ~/.zfunc/_perpx-sweep")]
    Completions { shell: clap_complete::Shell },
}

#[derive(Args)]
struct EvidenceArgs {
    /// A finished run, of several symbols the folder of one
    #[arg(value_name = "RUN", required_unless_present = "trials", conflicts_with = "trials")]
    run: Option<PathBuf>,
    /// A table of trials instead (columns: docs/evidence.md)
    #[arg(long, value_name = "FILE")]
    trials: Option<PathBuf>,
    /// Histories to draw [default: the run's, or 2000]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(100..=i64::from(MOST_DRAWS)))]
    draws: Option<u32>,
    /// Seed of the draws [default: the run's, or 0]
    #[arg(long, value_name = "N")]
    seed: Option<u64>,
    /// Blocks of time: 8, 12, 16 [default: the run's, or 8]
    #[arg(long, value_name = "N", value_parser = blocks)]
    blocks: Option<u32>,
    /// Configurations tried so far in all runs; else by the log
    #[arg(long, value_name = "N")]
    tried: Option<u64>,
    /// The log of what was tried, of a run; else the user's
    #[arg(long, value_name = "FILE", conflicts_with = "trials")]
    log: Option<PathBuf>,
    /// Symbols of which this is the best
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..))]
    symbols: u32,
    /// Print it as one line of JSON
    #[arg(long)]
    json: bool,
}

fn trial_log(named: &Option<PathBuf>) -> TrialLog {
    named.clone().map_or(TrialLog::User, TrialLog::File)
}

fn blocks(text: &str) -> Result<u32, String> {
    let known = [8, 12, 16].into_iter().find(|blocks| text == blocks.to_string());
    known.ok_or_else(|| "accepted: 8, 12 or 16".to_string())
}

impl EvidenceArgs {
    fn evidence(&self) -> Result<Evidence, SweepError> {
        let of_run = self.run.as_ref().map(|run| run.join("trials.parquet"));
        let matrix = evidence::file::read(&of_run.or(self.trials.clone()).unwrap_or_default())?;
        let own = match &self.run {
            Some(run) => luck::own_settings(run)?,
            None => Settings::default(),
        };
        let settings = Settings {
            draws: self.draws.map_or(own.draws, |draws| draws as usize),
            seed: self.seed.unwrap_or(own.seed),
            blocks: self.blocks.unwrap_or(own.blocks),
            tried: self.tried,
            symbols: self.symbols,
            ..own
        };
        let settings = match &self.run {
            Some(run) => luck::with_log(run, &trial_log(&self.log), settings)?,
            None => settings,
        };
        Ok(evidence::judge(&matrix, &settings))
    }
}

#[derive(Args)]
struct PlaceboArgs {
    /// The grid file, such as sweeps/quickstart.toml
    #[arg(value_name = "GRID.toml")]
    grid: PathBuf,
    /// Markets without an edge
    #[arg(long, value_name = "N", default_value_t = 19, value_parser = clap::value_parser!(u32).range(1..=999))]
    runs: u32,
    /// Threads; all cores by default
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=1024))]
    threads: Option<u16>,
    /// The run's own folder, not <report.dir>/<name>
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
    /// Lay a value over the grid or strategy file; repeatable
    #[arg(long = "set", value_name = "KEY=VALUE")]
    sets: Vec<String>,
    /// Count what was tried in this file, not in the user's
    #[arg(long, value_name = "FILE")]
    trials: Option<PathBuf>,
    /// Print it as one line of JSON
    #[arg(long)]
    json: bool,
}

impl PlaceboArgs {
    fn run(&self) -> Result<Placebo, SweepError> {
        let options = Options {
            sets: self.sets.clone(),
            threads: self.threads.map(usize::from),
            out: self.out.clone(),
            trials: trial_log(&self.trials),
            quiet: self.json,
            ..Options::new(self.grid.clone())
        };
        let stop = options.stop.clone();
        let handler = ctrlc::set_handler(move || {
            if stop.swap(true, Ordering::Relaxed) {
                std::process::exit(130);
            }
        });
        if let Err(error) = handler {
            text::print_err(&format!("warning: Ctrl-C will stop at once: {error}"));
        }
        placebo(&options, self.runs, &mut std::io::stdout())
    }
}

#[derive(Args)]
struct RunArgs {
    /// The grid file, such as sweeps/quickstart.toml
    #[arg(value_name = "GRID.toml", required = true)]
    grid: Option<PathBuf>,
    /// Threads; all cores by default
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=1024))]
    threads: Option<u16>,
    /// Go on with an unfinished run (the default)
    #[arg(long, conflicts_with = "fresh")]
    resume: bool,
    /// Discard an unfinished run, replace a finished one
    #[arg(long)]
    fresh: bool,
    /// Keep ledgers and charts of the best N, not report.top
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=10_000))]
    top: Option<u16>,
    /// The run's own folder, not <report.dir>/<name>
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
    /// Count what was tried in this file, not in the user's
    #[arg(long, value_name = "FILE")]
    trials: Option<PathBuf>,
    /// scan, walk, leap, share, auto; the results are the same
    #[arg(long, value_enum, default_value_t = DriverChoice::Auto, hide_possible_values = true, hide_default_value = true)]
    driver: DriverChoice,
    /// Run N configurations again by scan [default: 1]
    #[arg(long, value_name = "N", default_value_t = 1, hide_default_value = true)]
    verify: u16,
    /// Lay a value over the grid or strategy file; repeatable
    #[arg(long = "set", value_name = "KEY=VALUE")]
    sets: Vec<String>,
    /// Print the plan and stop
    #[arg(long)]
    dry_run: bool,
    /// Print nothing but errors
    #[arg(long)]
    quiet: bool,
    /// Print the result as one line of JSON at the end
    #[arg(long)]
    json: bool,
}

impl Cli {
    /// Reads the arguments of the process; a first word that looks like a command and is no file is said to be one.
    ///
    /// # Errors
    /// The exit code, when that has been said.
    pub fn read() -> Result<Cli, u8> {
        let first = std::env::args().nth(1).unwrap_or_default();
        let commands = Cli::command();
        let names: Vec<&str> = commands.get_subcommands().map(clap::Command::get_name).collect();
        let meant = names.iter().find(|name| Schema::alike(name, &first));
        match meant {
            Some(meant) if !names.contains(&first.as_str()) && !Path::new(&first).exists() => {
                let json = std::env::args().any(|word| word == "--json");
                let what = format!("'{first}' is no command, and there is no such grid file; did you mean {meant}?");
                Err(text::fail(&what, json, 2))
            }
            _ => Ok(Cli::parse()),
        }
    }

    /// Runs the command; returns the exit code.
    pub fn run(self) -> u8 {
        match self.command {
            Some(Command::Show { run, symbol, top, json }) => {
                deliver(json, show::read(&run, symbol.as_deref()), |shown| {
                    if json { shown.json(top) } else { shown.text(top, text::width()) }
                })
            }
            Some(Command::Compare { a, b, top, json }) => {
                deliver(json, compare::compare(&a, &b, top as usize), |comparison| {
                    if json { comparison.json() } else { comparison.text(text::width()) }
                })
            }
            Some(Command::Evidence(args)) => deliver(args.json, args.evidence(), |evidence| match args.json {
                true => serde_json::json!({ "exit": 0, "evidence": evidence }).to_string(),
                false => evidence.text(text::width()),
            }),
            Some(Command::Placebo(args)) => deliver(args.json, args.run(), |found| match args.json {
                true => serde_json::json!({ "exit": 0, "placebo": found }).to_string(),
                false => text::wrap(&found.text(), text::width()),
            }),
            Some(Command::Explain(args)) => deliver(args.json, explain::explain(&args), |explained| {
                if args.json { explained.json().to_string() } else { explained.text() }
            }),
            Some(Command::Runs { dir, json }) => deliver(json, runs::runs(&dir), |runs| match json {
                true => serde_json::json!({ "exit": 0, "runs": runs }).to_string(),
                false => runs::text(&dir, &runs, text::width()),
            }),
            Some(Command::Audit { run, symbol, json }) => audit(&run, symbol.as_deref(), json),
            Some(Command::Keys { word, markdown, json }) => keys(word.as_deref(), markdown, json),
            Some(Command::Completions { shell }) => text::completions(Cli::command(), shell),
            None => self.run.run(),
        }
    }
}

/// Prints a result or an error; returns the exit code.
fn deliver<T>(json: bool, result: Result<T, SweepError>, shown: impl FnOnce(T) -> String) -> u8 {
    match result {
        Ok(found) => text::print(&shown(found), 0),
        Err(error) => text::fail(&error, json, error.exit_code()),
    }
}

fn audit(run: &Path, symbol: Option<&str>, json: bool) -> u8 {
    match crate::audit::run(run, symbol) {
        Ok(audit) if json => text::print(&serde_json::json!({ "exit": 0, "audit": audit }).to_string(), 0),
        Ok(audit) => text::print(&text::wrap(&audit.to_string(), text::width()), 0),
        Err(error) => text::fail(&error, json, error.exit_code()),
    }
}

/// A paragraph a key; without a terminal a line a key.
fn plain(rows: &[KeyRow], width: usize) -> String {
    let line = |row: &KeyRow| {
        let KeyRow { path, class, accepted, default, meaning, choices } = row;
        let words: Vec<String> = choices.iter().map(|(word, what)| format!("{word} = {what}")).collect();
        let accepted = if words.is_empty() { accepted } else { &words.join("; ") };
        text::wrap(&format!("{path}  {meaning}; {accepted}; default: {default}; chosen by: {class}"), width)
    };
    rows.iter().map(line).collect::<Vec<_>>().join("\n")
}

fn keys(word: Option<&str>, markdown: bool, json: bool) -> u8 {
    let mut rows = reference::rows();
    if let Some(word) = word {
        rows.retain(|row| row.path.contains(word) || row.meaning.contains(word));
        if rows.is_empty() {
            return text::fail(
                &format!("no key has '{word}' in its path or meaning; without a word all are listed"),
                json,
                2,
            );
        }
    }
    text::print(
        &match (markdown, json) {
            (true, _) => reference::markdown(&rows),
            (_, true) => serde_json::json!({ "exit": 0, "keys": rows }).to_string(),
            _ => plain(&rows, text::width()),
        },
        0,
    )
}

impl RunArgs {
    fn options(&self) -> Options {
        Options {
            sets: self.sets.clone(),
            threads: self.threads.map(usize::from),
            top: self.top.map(usize::from),
            out: self.out.clone(),
            trials: trial_log(&self.trials),
            fresh: self.fresh,
            driver: self.driver,
            verify: usize::from(self.verify),
            dry_run: self.dry_run,
            quiet: self.quiet,
            today: Some(perpx_data::wall::now()),
            ..Options::new(self.grid.clone().unwrap_or_default())
        }
    }

    fn run(self) -> u8 {
        let options = self.options();
        // whoever prints the end first; the other one prints nothing more
        let ended = Arc::new(AtomicBool::new(false));
        let (stop, saving, over, json) = (options.stop.clone(), options.saving.clone(), ended.clone(), self.json);
        let handler = ctrlc::set_handler(move || {
            if stop.swap(true, Ordering::Relaxed) {
                // asked again: the last checkpoint stays
                std::process::exit(130);
            }
            text::print_err("stopping; again to stop at once");
            let (saving, over) = (saving.clone(), over.clone());
            std::thread::spawn(move || {
                // what does not look at the flag has nothing to keep: files are written whole and renamed, the checkpoint too
                std::thread::sleep(GRACE);
                let _whole = saving.lock();
                if !over.swap(true, Ordering::Relaxed) {
                    std::process::exit(text::fail(&SweepError::Interrupted, json, 130).into());
                }
            });
        });
        if let Err(error) = handler {
            text::print_err(&format!("warning: Ctrl-C will stop at once: {error}"));
        }
        let result = sweep(&options, &mut std::io::stdout());
        while ended.swap(true, Ordering::Relaxed) {
            // the process is about to end
            std::thread::park();
        }
        match result {
            Ok(summary) => {
                let code = summary.exit_code();
                if summary.search == Method::External.name() && !summary.dry_run {
                    text::print_err(&text::wrap(&done(&summary), text::width()));
                    let report = serde_json::json!({ "report": summary.dir.display().to_string(), "exit": code });
                    return text::print(&report.to_string(), code);
                }
                if !self.quiet && !summary.dry_run {
                    text::print(&text::wrap(&done(&summary), text::width()), code);
                }
                let all = || serde_json::json!({ "exit": code, "summary": summary }).to_string();
                if self.json { text::print(&all(), code) } else { code }
            }
            Err(error) => {
                // who converses hears of it where he listens
                let json = self.json || matches!(error, SweepError::Asked { .. });
                text::fail(&error, json, error.exit_code())
            }
        }
    }
}

/// From Ctrl-C on the run may end by itself for so long.
const GRACE: Duration = Duration::from_millis(700);
/// Idle time from which on it is printed.
const NOTABLE_SECONDS: f64 = 5.0;
const NOTABLE_SHARE: f64 = 0.1;

/// What a person wants to know at the end.
fn done(summary: &Summary) -> String {
    let mut text = format!(
        "done     {} configurations x {} worlds in {:.1} s ({:.0} configurations/s)",
        summary.configurations,
        summary.worlds,
        summary.seconds,
        summary.configurations as f64 * summary.worlds as f64 / summary.seconds.max(1e-9)
    );
    let number = |value: Option<f64>| value.map_or("-".to_string(), |value| format!("{value:.4}"));
    if summary.pruned > 0 {
        text.push_str(&format!("\npruned   {} rows: settled by another world", summary.pruned));
    }
    for symbol in &summary.symbols {
        let best = symbol.best.as_deref().unwrap_or("-");
        text.push_str(&match &symbol.no_winner {
            None => format!(
                "\nbest     {} {best}: {} in sample, {} held out, {} its neighbours' median ({} of {} meet require)",
                symbol.symbol,
                number(symbol.objective),
                number(symbol.oos_objective),
                number(symbol.neighbours),
                symbol.meeting,
                symbol.configurations
            ),
            Some(why) => format!(
                "\nbest     {}: {why}; no best.yml is written. Loosen [objective] require, choose another metric or widen \
                 the axes",
                symbol.symbol
            ),
        });
    }
    for symbol in &summary.symbols {
        if let Some(found) = &symbol.verdict {
            text.push_str(&format!(
                "\nverdict  {} {}. {}",
                symbol.symbol,
                crate::report::capital(&found.grade),
                found.sentence
            ));
        }
    }
    text.push_str(&format!("\nchecked  {} runs again by scan: the same bytes", summary.verified));
    let (ends, tiles) = (summary.idle_at_ends_seconds, summary.idle_for_tiles_seconds);
    if ends + tiles >= NOTABLE_SECONDS && ends + tiles >= NOTABLE_SHARE * summary.worker_seconds {
        let percent = |seconds: f64| 100.0 * seconds / summary.worker_seconds;
        text.push_str(&format!(
            "\nidle     {:.0} % of the workers' time: {:.0} % waiting for tiles, {:.0} % at the ends of tiles",
            percent(ends + tiles),
            percent(tiles),
            percent(ends)
        ));
    }
    text.push_str(&format!("\nwritten  {}", summary.dir.display()));
    text
}
