//! `perpx-live preflight RUN`: everything that a run with money would meet, looked at beforehand. Nothing is sent that changes
//! anything.
//!
//! | file | noun |
//! | --- | --- |
//! | `row` | a check and what came of it |
//! | `machine` | the machine and the folders: clock, disk, keys, other runs |
//! | `account` | what a venue says, held against the configuration |
//! | `requests` | the busiest minute of a configuration |
//! | `promotion` | whether the winner may trade with money |

mod account;
mod machine;
mod promotion;
mod requests;
mod row;

use crate::LiveError;
use crate::account_lock::{self, AccountLocks};
use crate::args::stop_flag;
use crate::gate::{Answers, admit};
use crate::live_file::Network as Where;
use crate::run_folder::RunFolder;
use crate::strategy_file::{Provenance, StrategyFile};
use clap::Args;
pub use machine::left_elsewhere;
use perpx_core::config::{Config, ConfigFile};
use perpx_data::text;
use perpx_venues::net::hosts::{Address, Network};
use perpx_venues::recorder::folder::{Lock, lock};
use perpx_venues::venue::Venue;
pub use row::Grade;
use row::Row;
use serde_json::json;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Look at everything that a run with money would meet, and send nothing
#[derive(Args, Clone, Debug)]
#[command(after_help = "Example: perpx-live preflight live/quickstart-86855380-emulated\n\
                  Exit codes: 0 nothing refuses, 2 bad input, 4 something refuses")]
pub struct PreflightArgs {
    /// The folder of the run
    #[arg(value_name = "RUN")]
    pub run: PathBuf,
    /// A line of JSON with all rows
    #[arg(long)]
    pub json: bool,
    /// Lighter's standard tier will do
    #[arg(long)]
    pub i_know_the_tier: bool,
    /// A winner whose verdict is weak will do
    #[arg(long)]
    pub accept_weak: bool,
    /// Why a row on the winner is set aside
    #[arg(long = "override", value_name = "CHECK=REASON")]
    pub overrides: Vec<String>,
    /// A post-only far from the market, cancelled
    #[arg(long)]
    pub testnet_order: bool,
    /// Roots (PEM) for an emulator that speaks TLS
    #[arg(long, value_name = "FILE", hide = true)]
    pub ca_file: Option<PathBuf>,
}

/// What is looked at.
struct Subject {
    folder: RunFolder,
    file: ConfigFile,
    config: Config,
    symbol: String,
    network: Network,
}

impl Subject {
    /// A folder whose files can be read.
    fn open(run: &Path, authority: Option<&Path>) -> Result<Subject, LiveError> {
        let folder = RunFolder::existing(run)?;
        let network = match &folder.file.network {
            Where::Mainnet => Network::Mainnet,
            Where::Testnet => Network::Testnet,
            Where::Emulated(host) | Where::Custom(host) => {
                Network::Custom(Address::read(host, authority.is_some(), None)?)
            }
        };
        let file = StrategyFile::open(&folder.best)?;
        let symbol = Provenance::of(&file)?.text("data.symbol")?;
        let config = file.with(&[])?;
        Ok(Subject { folder, file, config, symbol, network })
    }

    /// The folder and its accounts, which nobody else of this machine trades on.
    fn locks(&self) -> Result<(Lock, AccountLocks), LiveError> {
        let RunFolder { path, file, .. } = &self.folder;
        let numbers: Vec<_> = Venue::ALL.into_iter().filter_map(|venue| file.account(venue)).collect();
        Ok((lock(path)?, account_lock::lock(&file.network, &numbers, path)?))
    }

    /// At stake is money, or what stands for it at a test network.
    fn is_real(&self) -> bool {
        !matches!(self.network, Network::Custom(_))
    }

    /// A row that refuses where the market is not played on this machine, and warns where it is.
    fn where_real(&self) -> Grade {
        if self.is_real() { Grade::Refuse } else { Grade::Warn }
    }
}

/// Answers to the sweep's evidence, without those to rows of a preflight.
pub fn of_evidence(answers: &Answers) -> Answers {
    promotion::split(answers).1
}

/// Whether the winner in a folder may trade with money there. At a host of this machine, where nothing is at
/// stake, its evidence alone is asked.
///
/// # Errors
/// All that stands against it.
pub fn promoted(
    folder: &RunFolder,
    (answers, code): (&Answers, &str),
    authority: Option<&Path>,
) -> Result<(), LiveError> {
    admit(&folder.best, &of_evidence(answers))?;
    let rows = promotion::rows(&Subject::open(&folder.path, authority)?, answers, code);
    let refused = rows.iter().filter(|row| row.grade == Grade::Refuse);
    let against: Vec<String> = refused.map(|row| format!("{} ({})", row.check, row.found)).collect();
    match against.is_empty() {
        true => Ok(()),
        false => Err(LiveError::Promotion { path: folder.path.clone(), against: against.join("; ") }),
    }
}

impl PreflightArgs {
    /// Looks, and prints a row a check; returns the exit code. `code` names the code that runs.
    pub fn run(&self, code: &str) -> u8 {
        match self.rows(code) {
            Ok(rows) => {
                let exit = if rows.iter().any(|row| row.grade == Grade::Refuse) { 4 } else { 0 };
                let text = match self.json {
                    true => json!({ "exit": exit, "rows": rows }).to_string(),
                    false => row::table(&rows, text::width()),
                };
                text::print(&text, exit)
            }
            Err(error) => text::fail(&error, self.json, error.exit_code()),
        }
    }

    fn rows(&self, code: &str) -> Result<Vec<Row>, LiveError> {
        let subject = Subject::open(&self.run, self.ca_file.as_deref())?;
        // what is open on the account is cancelled with that order: nobody else may have any there
        let _locks = self.testnet_order.then(|| subject.locks()).transpose()?;
        let stop = if self.testnet_order { stop_flag(false) } else { Arc::default() };
        let answers = Answers { accept_weak: self.accept_weak, overrides: self.overrides.clone() };
        let mut rows = machine::rows(&subject);
        for v in 0..2 {
            rows.extend(account::rows(&subject, v, (self.i_know_the_tier, self.ca_file.as_deref())));
            if self.testnet_order {
                rows.extend(account::order(&subject, v, self.ca_file.as_deref(), &stop));
            }
        }
        rows.extend(promotion::rows(&subject, &answers, code));
        Ok(rows)
    }
}
