//! The command line of perpx-sweep: arguments in, one call, exit code out.

use super::{DriverChoice, Options, Summary, SweepError, sweep};
use clap::{Args, Parser, Subcommand};
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// Run every configuration of a grid over recorded markets, rank them, report, and write the best as best.yml
#[derive(Parser)]
#[command(name = "perpx-sweep", version, args_conflicts_with_subcommands = true, arg_required_else_help = true)]
pub struct Cli {
    #[command(subcommand)]
    command: Option<Command>,
    #[command(flatten)]
    run: RunArgs,
}

#[derive(Subcommand)]
enum Command {
    /// Rebuild the final equity of a run from its trades and the tape, without the ledger's code
    Audit {
        /// The run's folder, such as reports/quickstart
        run: PathBuf,
    },
}

#[derive(Args)]
struct RunArgs {
    /// The grid file, such as sweeps/quickstart.toml
    #[arg(value_name = "GRID.toml", required = true)]
    grid: Option<PathBuf>,
    /// Threads; all cores by default
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=1024))]
    threads: Option<u16>,
    /// Go on with an unfinished run (the default when one matches)
    #[arg(long, conflicts_with = "fresh")]
    resume: bool,
    /// Discard an unfinished run
    #[arg(long)]
    fresh: bool,
    /// Keep ledgers and charts for the best N, in place of the grid's report.top
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=10_000))]
    top: Option<u16>,
    /// The run's own folder, in place of <report.dir>/<name>
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
    /// How configurations are moved through the tape; the results are the same
    #[arg(long, value_enum, default_value_t = DriverChoice::Auto)]
    driver: DriverChoice,
    /// Run N configurations, drawn at random, again by scan
    #[arg(long, value_name = "N", default_value_t = 1)]
    verify: u16,
    /// Lay a value over the grid or strategy file; may be given again
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
    /// Runs the command; returns the exit code.
    pub fn run(self) -> u8 {
        match self.command {
            Some(Command::Audit { run }) => audit(&run),
            None => self.run.run(),
        }
    }
}

fn audit(run: &std::path::Path) -> u8 {
    match crate::audit::run(run) {
        Ok(audit) => {
            println!("{audit}");
            0
        }
        Err(error) => {
            eprintln!("error: {error}");
            if matches!(error, crate::audit::AuditError::File { .. }) { 2 } else { 1 }
        }
    }
}

impl RunArgs {
    fn options(&self, stop: Arc<AtomicBool>) -> Options {
        Options {
            sets: self.sets.clone(),
            threads: self.threads.map(usize::from),
            top: self.top.map(usize::from),
            out: self.out.clone(),
            fresh: self.fresh,
            driver: self.driver,
            verify: usize::from(self.verify),
            dry_run: self.dry_run,
            quiet: self.quiet,
            stop,
            ..Options::new(self.grid.clone().unwrap_or_default())
        }
    }

    fn run(self) -> u8 {
        let stop = Arc::new(AtomicBool::new(false));
        let asked = stop.clone();
        // a second Ctrl-C ends at once: the last checkpoint stays
        let handler = ctrlc::set_handler(move || {
            if asked.swap(true, Ordering::Relaxed) {
                std::process::exit(130);
            }
            eprintln!("stopping at the next tile edge; again to stop at once");
        });
        if let Err(error) = handler {
            eprintln!("warning: Ctrl-C will stop at once: {error}");
        }
        let result = sweep(&self.options(stop), &mut std::io::stdout());
        let code = result.as_ref().map_or_else(SweepError::exit_code, Summary::exit_code);
        match &result {
            Ok(summary) if !self.quiet && !summary.dry_run => println!("{}", told(summary)),
            Ok(_) => {}
            Err(error) => eprintln!("error: {error}"),
        }
        if self.json {
            println!("{}", json(&result, code));
        }
        code
    }
}

/// What a person wants to know at the end.
fn told(summary: &Summary) -> String {
    let mut text = format!(
        "done     {} configurations x {} worlds in {:.1} s ({:.0} configurations/s)",
        summary.configurations,
        summary.worlds,
        summary.seconds,
        summary.configurations as f64 * summary.worlds as f64 / summary.seconds.max(1e-9)
    );
    let number = |value: Option<f64>| value.map_or("-".to_string(), |value| format!("{value:.4}"));
    for symbol in &summary.symbols {
        let best = symbol.best.as_deref().unwrap_or("-");
        text.push_str(&match symbol.meets {
            true => format!(
                "\nbest     {} {best}: {} in sample, {} held out, {} its neighbours' median ({} of {} meet require)",
                symbol.symbol,
                number(symbol.objective),
                number(symbol.oos_objective),
                number(symbol.neighbours),
                symbol.meeting,
                symbol.configurations
            ),
            false => format!(
                "\nbest     {}: no configuration meets [objective] require; no best.yml is written. Loosen `require` or \
                 widen the axes",
                symbol.symbol
            ),
        });
    }
    text.push_str(&format!("\nchecked  {} runs again by scan: the same bytes", summary.verified));
    text.push_str(&format!("\nwritten  {}", summary.dir.display()));
    text
}

fn json(result: &Result<Summary, SweepError>, code: u8) -> String {
    let value = match result {
        Ok(summary) => serde_json::json!({ "exit": code, "summary": summary }),
        Err(error) => serde_json::json!({ "exit": code, "error": error.to_string() }),
    };
    value.to_string()
}
