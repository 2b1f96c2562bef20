//! The command line of perpx-live: arguments in, one call, exit code out.

use super::arm::{self, ArmArgs, Asked};
use super::attached::{self, AttachArgs, Venues};
use super::control::command::{CtlArgs, said};
use super::diverge::DivergeArgs;
use super::gate::Answers;
use super::journal::command::{JournalArgs, lines};
use super::paper_market::{self, PaperArgs};
use super::preflight::PreflightArgs;
use super::probe::ProbeArgs;
use super::salvage::salvage;
use super::stretch::{self, Stretch};
use super::{LiveError, Options, Speed, emulated, run};
use clap::{CommandFactory, Parser, Subcommand, ValueEnum};
use perpx_core::units::Time;
use perpx_data::text;
use perpx_venues::recorder::folder;
use perpx_venues::registry;
use perpx_venues::secret::ENV_FILE;
use perpx_venues::venue::Venue;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

/// Move the winner of a sweep through the tape as if live
#[derive(Parser)]
#[command(
    name = "perpx-live",
    version,
    args_conflicts_with_subcommands = true,
    subcommand_negates_reqs = true,
    disable_help_subcommand = true,
    after_help = "Example: perpx-live --config reports/quickstart/best.yml --speed 3600\n\
                  Ctrl-C closes what is open and reports; a second one ends at once.\n\
                  Exit codes: 0 as swept, 1 not, 2 bad input, 130 stopped; live: going-live.md\n\
                  Also: ctl RUN VERB; journal, diverge, preflight, probe, arm RUN; keys"
)]
pub struct Cli {
    #[command(subcommand)]
    command: Option<Command>,
    /// The best.yml of a sweep
    #[arg(long, value_name = "FILE", required_unless_present = "completions")]
    config: Option<PathBuf>,
    /// mock, emulated (sockets), paper (live quotes), live
    #[arg(long, value_enum, default_value_t = Mode::Mock, hide_possible_values = true, hide_default_value = true)]
    mode: Mode,
    /// The data store, if it is not where the file says
    #[arg(long, value_name = "DIR")]
    store: Option<PathBuf>,
    /// Times as fast as recorded, or max (mock alone)
    #[arg(long, value_name = "N")]
    speed: Option<Speed>,
    /// Where it begins (emulated, or with --other-data)
    #[arg(long, value_name = "TIME")]
    from: Option<Time>,
    /// Where it ends
    #[arg(long, value_name = "TIME")]
    to: Option<Time>,
    /// With --other-data: everything is closed here
    #[arg(long, value_name = "TIME", requires = "other_data", hide = true)]
    stop_at: Option<Time>,
    /// mock: a stretch of any store, without a comparison
    #[arg(long, requires = "from", requires = "to")]
    other_data: bool,
    /// With --other-data: as warm.bars of a live.toml
    #[arg(long, requires = "other_data", hide = true)]
    warm_bars: bool,
    /// emulated: what goes wrong meanwhile (TOML)
    #[arg(long, value_name = "FILE")]
    faults: Option<PathBuf>,
    /// paper, --attach: its folder [under live/]
    #[arg(long, value_name = "DIR")]
    run: Option<PathBuf>,
    /// paper: go on in place of the recorder of this folder
    #[arg(long, value_name = "DIR", hide = true)]
    take_over: Option<PathBuf>,
    /// paper, emulated: port of a perpx-data emulate
    #[arg(long, value_name = "HOST:PORT")]
    attach: Option<String>,
    /// paper, emulated: roots (PEM) for an emulator that speaks TLS
    #[arg(long, value_name = "FILE", hide = true)]
    ca_file: Option<PathBuf>,
    /// live: trade a winner whose verdict is weak
    #[arg(long, hide = true)]
    accept_weak: bool,
    /// live: orders are real, and meant
    #[arg(long, hide = true)]
    i_accept_real_orders: bool,
    /// live: why a check that refuses the winner is set aside
    #[arg(long = "override", value_name = "CHECK=REASON", hide = true)]
    overrides: Vec<String>,
    /// live, --attach: go on with a program that decides otherwise than the one that traded
    #[arg(long, hide = true)]
    accept_decisions: bool,
    /// live, --attach: close what the venues show, whatever the journal says, and end
    #[arg(long, hide = true)]
    from_truth: bool,
    /// Print nothing but errors
    #[arg(long)]
    quiet: bool,
    /// Print the result as one line of JSON at the end
    #[arg(long)]
    json: bool,
    /// --attach: print the log's lines of JSON in place of transitions
    #[arg(long, hide = true)]
    log_json: bool,
    /// Write a shell script that completes these arguments
    #[arg(long, value_name = "SHELL", exclusive = true, hide = true)]
    completions: Option<clap_complete::Shell>,
}

/// Set by Ctrl-C or SIGTERM; with `is_hasty` a second one ends at once. What comes together with the first, to a process and to its
/// group, is the first.
pub(super) fn stop_flag(is_hasty: bool) -> Arc<AtomicBool> {
    let stop = Arc::new(AtomicBool::new(false));
    let (asked, mut first) = (stop.clone(), None::<Instant>);
    let handler = ctrlc::set_handler(move || {
        asked.store(true, Ordering::Relaxed);
        if first.get_or_insert_with(Instant::now).elapsed() > Duration::from_secs(1) && is_hasty {
            std::process::exit(130);
        }
    });
    if let Err(error) = handler {
        eprintln!("warning: Ctrl-C will end at once, without closing anything: {error}");
    }
    stop
}

#[derive(Subcommand)]
enum Command {
    #[command(hide = true)]
    Ctl(CtlArgs),
    #[command(hide = true)]
    Journal(JournalArgs),
    /// Print the public halves of the keys, as the venues register them
    #[command(
        hide = true,
        after_help = "Example: perpx-live keys\nExit codes: 0 printed, 2 a key is missing or is none"
    )]
    Keys,
    #[command(hide = true)]
    Preflight(PreflightArgs),
    #[command(hide = true)]
    Diverge(DivergeArgs),
    #[command(hide = true)]
    Probe(ProbeArgs),
    #[command(hide = true)]
    Arm(ArmArgs),
}

/// As `perpx-live journal RUN --salvage` does, under the LOCK of the run.
fn salvaged(run: &Path) -> Result<String, LiveError> {
    if !run.join("journal").is_dir() {
        return Err(LiveError::NoRun { path: run.to_path_buf() });
    }
    let _lock = folder::lock(run)?;
    let words = salvage(run, "perpx-live journal")?;
    Ok(words.unwrap_or_else(|| "the journal is whole: nothing was changed".to_owned()))
}

impl Command {
    fn run(self, code: &str) -> u8 {
        match self {
            Command::Preflight(args) => args.run(code),
            Command::Ctl(args) => match said(&args) {
                Ok(answer) if args.json => text::print(&serde_json::json!(answer).to_string(), answer.code),
                Ok(answer) if answer.code == 0 => text::print(&answer.text, 0),
                Ok(answer) => text::fail(&answer.text, false, answer.code),
                Err(error) => text::fail(&error, args.json, error.exit_code()),
            },
            Command::Diverge(args) => args.run(),
            Command::Probe(args) => args.run(),
            Command::Arm(args) => args.run(code),
            Command::Journal(args) if args.salvage => match salvaged(&args.run) {
                Ok(words) => text::print(&words, 0),
                Err(error) => text::fail(&error, args.json, error.exit_code()),
            },
            Command::Journal(args) => match lines(&args).map_err(LiveError::from) {
                Ok((lines, damage)) => {
                    let code = text::print(&lines.join("\n"), 0);
                    damage.map(LiveError::from).map_or(code, |error| text::fail(&error, args.json, error.exit_code()))
                }
                Err(error) => text::fail(&error, args.json, error.exit_code()),
            },
            Command::Keys => {
                let keys = |venue: Venue| -> Result<Vec<String>, LiveError> {
                    let keys = registry::public_keys(venue, Path::new(ENV_FILE))?;
                    Ok(keys.iter().map(|key| format!("{:<9} {key}", venue.name())).collect())
                };
                let keys: Result<Vec<Vec<String>>, LiveError> = Venue::ALL.into_iter().map(keys).collect();
                match keys {
                    Ok(keys) => text::print(&keys.concat().join("\n"), 0),
                    Err(error) => text::fail(&error, false, error.exit_code()),
                }
            }
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Mode {
    Mock,
    Emulated,
    Paper,
    Live,
}

impl Cli {
    /// With money at stake. What stands against that is said before anything else; a run that holds something closes it first.
    fn live(&self, options: &Options, range: &emulated::TimeRange) -> Result<emulated::Account, LiveError> {
        if !range.is_unsaid() || self.speed.is_some() || self.attach.is_some() {
            let accepted = "without --attach, --speed, --from, --to and --faults: it is the venues' own place and time";
            let found = self.attach.clone().unwrap_or_default();
            return Err(LiveError::Range { name: "mode live", found, accepted: accepted.to_owned() });
        }
        let answers = Answers { accept_weak: self.accept_weak, overrides: self.overrides.clone() };
        let asked = Asked {
            config: &options.config,
            run: self.run.as_deref(),
            ca_file: self.ca_file.as_deref(),
            answers: &answers,
            is_accepted: self.i_accept_real_orders,
            code: options.code,
        };
        self.traded(options, Venues::Armed(arm::admitted(&asked)))
    }

    /// At venues of other processes.
    fn traded(&self, options: &Options, venues: Venues) -> Result<emulated::Account, LiveError> {
        let (run, ca_file) = (self.run.clone(), self.ca_file.clone());
        let (log_json, accept_decisions, from_truth) = (self.log_json, self.accept_decisions, self.from_truth);
        let args = AttachArgs { venues, run, ca_file, log_json, accept_decisions, from_truth };
        attached::run(options, args, &mut std::io::stdout())
    }

    /// Runs the command; returns the exit code. `code` names the code that runs.
    pub fn run(self, code: &'static str) -> u8 {
        if let Some(shell) = self.completions {
            return text::completions(Cli::command(), shell);
        }
        if let Some(command) = self.command {
            return command.run(code);
        }
        // lines of two kinds are read by no machine
        let quiet = self.quiet || self.log_json;
        // a run that hears an operator hears signals by itself
        let is_spoken_to = self.mode == Mode::Live || self.mode == Mode::Emulated && self.attach.is_some();
        let stop = if is_spoken_to { Arc::default() } else { stop_flag(true) };
        let options = Options {
            config: self.config.clone().unwrap_or_default(),
            store: self.store.clone(),
            speed: self.speed.unwrap_or(if self.mode == Mode::Mock { Speed::Max } else { Speed::Times(1.0) }),
            quiet,
            code,
            stop,
        };
        let is_paced = self.speed.is_some();
        let out = &mut std::io::stdout();
        let range = emulated::TimeRange { from: self.from, to: self.to, faults: self.faults.clone() };
        let ended = match self.mode {
            Mode::Emulated if self.attach.is_some() && range.is_unsaid() && !is_paced => self
                .traded(&options, Venues::Played(self.attach.clone().unwrap_or_default()))
                .map(|account| (account.exit_code(), account.to_string(), serde_json::json!(account))),
            Mode::Live => self
                .live(&options, &range)
                .map(|account| (account.exit_code(), account.to_string(), serde_json::json!(account))),
            Mode::Emulated | Mode::Mock if self.attach.is_some() => Err(attached::refused(self.attach)),
            Mode::Emulated => emulated::run(&options, &range, out)
                .map(|account| (account.exit_code(), account.to_string(), serde_json::json!(account))),
            Mode::Paper if range.is_unsaid() => {
                let args =
                    PaperArgs { run: self.run, take_over: self.take_over, attach: self.attach, ca_file: self.ca_file };
                paper_market::run(&options, &args, out)
                    .map(|report| (report.exit_code(), report.to_string(), serde_json::json!(report)))
            }
            Mode::Mock if self.other_data && range.faults.is_none() => {
                let stretch = Stretch {
                    from: self.from.unwrap_or(Time::MIN),
                    to: self.to.unwrap_or(Time::MAX),
                    stop_at: self.stop_at,
                    warm_bars: self.warm_bars,
                };
                stretch::run(&options, stretch, out)
                    .map(|report| (report.exit_code(), report.to_string(), serde_json::json!(report)))
            }
            _ if !range.is_unsaid() => Err(range.refused()),
            _ => run(&options, out).map(|report| (report.exit_code(), report.to_string(), serde_json::json!(report))),
        };
        match ended {
            Ok((code, text, report)) => {
                let mut last = if quiet { Vec::new() } else { vec![text] };
                if self.json {
                    last.push(serde_json::json!({ "exit": code, "report": report }).to_string());
                }
                if last.is_empty() { code } else { text::print(&last.join("\n"), code) }
            }
            Err(error) => text::fail(&error, self.json, error.exit_code()),
        }
    }
}
