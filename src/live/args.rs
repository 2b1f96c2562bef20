//! The command line of perpx-live: arguments in, one call, exit code out.

use super::{LiveError, Options, Speed, run};
use clap::{Parser, ValueEnum};
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// Move the winner of a sweep through the tape as if live
#[derive(Parser)]
#[command(
    name = "perpx-live",
    version,
    after_help = "Example: perpx-live --config reports/quickstart/best.yml --speed 3600\n\
                  Ctrl-C closes what is open and reports; a second one ends at once.\n\
                  Exit codes: 0 the ledger is the sweep's, 1 it differs, 2 bad input, 130 stopped."
)]
pub struct Cli {
    /// The best.yml of a sweep
    #[arg(long, value_name = "FILE")]
    config: PathBuf,
    /// mock: recorded data, simulated venues; paper and live are to come
    #[arg(long, value_enum, default_value_t = Mode::Mock, hide_possible_values = true, hide_default_value = true)]
    mode: Mode,
    /// The data store, if it is not where the file says
    #[arg(long, value_name = "DIR")]
    store: Option<PathBuf>,
    /// Times as fast as the recording, or max
    #[arg(long, value_name = "N", default_value = "max")]
    speed: Speed,
    /// Print nothing but errors
    #[arg(long)]
    quiet: bool,
    /// Print the result as one line of JSON at the end
    #[arg(long)]
    json: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Mode {
    Mock,
    Paper,
    Live,
}

impl Cli {
    /// Runs the command; returns the exit code.
    pub fn run(self) -> u8 {
        if self.mode != Mode::Mock {
            let mode = self.mode.to_possible_value().map(|value| value.get_name().to_string()).unwrap_or_default();
            eprintln!("error: {}", LiveError::Mode { mode });
            return 2;
        }
        let stop = Arc::new(AtomicBool::new(false));
        let asked = stop.clone();
        // a second Ctrl-C ends at once
        let handler = ctrlc::set_handler(move || {
            if asked.swap(true, Ordering::Relaxed) {
                std::process::exit(130);
            }
        });
        if let Err(error) = handler {
            eprintln!("warning: Ctrl-C will end at once, without closing anything: {error}");
        }
        let options = Options { config: self.config, store: self.store, speed: self.speed, quiet: self.quiet, stop };
        let result = run(&options, &mut std::io::stdout());
        let code = result.as_ref().map_or_else(LiveError::exit_code, super::Report::exit_code);
        let mut last = String::new();
        match &result {
            Ok(report) if !self.quiet => last.push_str(&format!("{report}\n")),
            Ok(_) => {}
            Err(error) => eprintln!("error: {error}"),
        }
        if self.json {
            let value = match &result {
                Ok(report) => serde_json::json!({ "exit": code, "report": report }),
                Err(error) => serde_json::json!({ "exit": code, "error": error.to_string() }),
            };
            last.push_str(&format!("{value}\n"));
        }
        // a reader that has gone away is no error
        let _ = std::io::Write::write_all(&mut std::io::stdout(), last.as_bytes());
        code
    }
}
