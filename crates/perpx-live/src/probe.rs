//! `perpx-live probe RUN`: a venue is asked what no document settles, and its answers are written beside the run.

use crate::LiveError;
use crate::account_lock;
use crate::args::stop_flag;
use crate::live_file::{ACCOUNT_LINES, Network as Where};
use crate::run_folder::RunFolder;
use crate::strategy_file::{Provenance, StrategyFile};
use clap::Args;
use perpx_core::config::ConfigError;
use perpx_data::atomic::write_atomic;
use perpx_data::text;
use perpx_venues::net::hosts::{Address, Network};
use perpx_venues::probe::{Finding, Probed, probe};
use perpx_venues::recorder::folder::lock;
use perpx_venues::venue::Venue;
use serde_json::json;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// What no script asks, and why.
const NOT_ASKED: [(&str, &str); 12] = [
    ("L3, G7", "a liquidation: the market decides when"),
    ("L6", "frames of two markets: it trades in one"),
    ("L10", "weights of reads, units for a volume: they end in refusals that last, and differ by tier"),
    ("L13, G16", "how marks and rates are made: an hour of records"),
    ("L14", "markets from 255 on, long histories: not there everywhere"),
    ("G2", "the sign of cumulative amounts: a position of the second bracket; brackets are read"),
    ("G6", "by tier and address; bans: ask the venue"),
    ("G9, G15", "funding: hours, until it is settled"),
    ("G11", "gaps of both numberings: ten minutes of records"),
    ("G12", "how many makers one taker meets: a size that moves the book"),
    ("G4", "after what silence the server closes: minutes, for each kind of silence"),
    ("R1 to R13", "perpx-data record and backfill find them out; R14 is read here"),
];

/// Ask a venue what no document settles, with orders of the least size
#[derive(Args, Clone, Debug)]
#[command(after_help = "It trades at a test network or an emulator alone, on accounts that hold\n\
                  nothing, and leaves nothing open; Ctrl-C takes back what was placed.\n\
                  Example: perpx-live probe live/quickstart-86855380-emulated\n\
                  Exit codes: 0 asked, 1 something is left open, 2 bad input, 4 another process\n\
                  trades on an account, 130 stopped")]
pub struct ProbeArgs {
    /// The folder of the run
    #[arg(value_name = "RUN")]
    pub run: PathBuf,
    /// testnet, in place of the folder's own network
    #[arg(long, value_name = "NAME")]
    pub network: Option<String>,
    /// lighter, grvt [both]
    #[arg(long, value_name = "NAME", value_parser = Venue::parse)]
    pub venue: Option<Venue>,
    /// A line of JSON with all answers
    #[arg(long)]
    pub json: bool,
    /// Roots (PEM) for an emulator that speaks TLS
    #[arg(long, value_name = "FILE", hide = true)]
    pub ca_file: Option<PathBuf>,
}

impl ProbeArgs {
    /// Asks, and writes an overlay a venue; returns the exit code.
    pub fn run(&self) -> u8 {
        let stop = stop_flag(false);
        match self.ask(&stop) {
            Ok(answers) => {
                let is_left = answers.iter().any(|(probed, _)| probed.left.is_some());
                let is_stopped = stop.load(Ordering::Relaxed);
                let code = if is_left { 1 } else { 130 * u8::from(is_stopped) };
                let mut text = if self.json { as_json(&answers, code) } else { as_page(&answers) };
                if is_stopped && !is_left && !self.json {
                    text += "\nstopped: every order that was placed is cancelled, and nothing is held";
                }
                text::print(&text, code)
            }
            Err(error) => text::fail(&error, self.json, error.exit_code()),
        }
    }

    fn network(&self, folder: &RunFolder) -> Result<(Network, String), LiveError> {
        let range = |found: &str| {
            let accepted = "a test network or an emulator: a probe trades; to do: --network testnet, with the numbers of accounts there";
            LiveError::Range { name: "network", found: found.to_owned(), accepted: accepted.to_owned() }
        };
        match (self.network.as_deref(), &folder.file.network) {
            (Some("testnet"), _) | (None, Where::Testnet) => Ok((Network::Testnet, "testnet".to_owned())),
            (Some(other), _) => Err(range(other)),
            (None, Where::Mainnet) => Err(range("mainnet")),
            (None, Where::Emulated(host) | Where::Custom(host)) => {
                Ok((Network::Custom(Address::read(host, self.ca_file.is_some(), None)?), host.clone()))
            }
        }
    }

    /// One that was stopped has no file: that of before stays.
    fn ask(&self, stop: &Arc<AtomicBool>) -> Result<Vec<(Probed, Option<PathBuf>)>, LiveError> {
        let folder = RunFolder::existing(&self.run)?;
        let (network, place) = self.network(&folder)?;
        let _lock = lock(&folder.path)?;
        let asked = Venue::ALL.into_iter().filter(|venue| self.venue.is_none_or(|wanted| wanted == *venue));
        let numbers: Vec<_> = asked.clone().filter_map(|venue| folder.file.account(venue)).collect();
        let of = if self.network.is_some() { &Where::Testnet } else { &folder.file.network };
        let _accounts = account_lock::lock(of, &numbers, &folder.path)?;
        let file = StrategyFile::open(&folder.best)?;
        let symbol = Provenance::of(&file)?.text("data.symbol")?;
        let mut answers = Vec::new();
        for venue in asked {
            let account = folder.file.account(venue).ok_or_else(|| {
                let live = folder.path.join("live.toml").display().to_string();
                let error = ConfigError::new(&live, &format!("account.{}", venue.name()), "is not written");
                error.accepted(ACCOUNT_LINES).remedy("write it under [account]")
            })?;
            let mut say = |what: &str| text::print_err(&format!("{}: {what}", venue.name()));
            let probed = probe(account, (&network, self.ca_file.as_deref()), &symbol, &mut say, stop)?;
            if stop.load(Ordering::Relaxed) {
                answers.push((probed, None));
                break;
            }
            let path = folder.path.join("probe").join(format!("{}-{symbol}.toml", venue.name()));
            let failed = |error: std::io::Error| LiveError::Folder {
                path: path.clone(),
                what: "cannot be written",
                error: error.to_string(),
            };
            std::fs::create_dir_all(folder.path.join("probe")).map_err(failed)?;
            write_atomic(&path, probed.overlay(&symbol, &place)).map_err(failed)?;
            answers.push((probed, Some(path)));
        }
        Ok(answers)
    }
}

fn as_json(answers: &[(Probed, Option<PathBuf>)], code: u8) -> String {
    let one = |(probed, path): &(Probed, Option<PathBuf>)| {
        json!({
            "venue": probed.venue.name(), "overlay": path, "answers": probed.findings,
            "left_open": probed.left,
        })
    };
    json!({ "exit": code, "venues": answers.iter().map(one).collect::<Vec<_>>() }).to_string()
}

fn as_page(answers: &[(Probed, Option<PathBuf>)]) -> String {
    let mut out = String::new();
    for (probed, path) in answers {
        out += &format!("{}\n", probed.venue.name());
        let heading = ["", "question", "what of it", "answer", "assumed", "key"].map(str::to_owned).to_vec();
        let row = |finding: &Finding| {
            let Finding { question, part, answer, assumed, key, .. } = finding;
            let mark = match answer {
                Some(answer) if answer == assumed => "",
                Some(_) => "*",
                None => "?",
            };
            let answer = answer.clone().unwrap_or_else(|| "not answered".to_owned());
            [mark, question, part, &answer, assumed, key].map(str::to_owned).to_vec()
        };
        let rows: Vec<Vec<String>> = std::iter::once(heading).chain(probed.findings.iter().map(row)).collect();
        out += &text::table(&rows, 200);
        for Finding { question, part, why_not, .. } in &probed.findings {
            if let Some(why) = why_not {
                out += &format!("? {question} {part}: {why}\n");
            }
        }
        if let Some(why) = &probed.left {
            out += &format!("LEFT OPEN: {why}\n");
        }
        out += &match path {
            Some(path) => format!("written to {}\n\n", path.display()),
            None => "nothing is written\n\n".to_owned(),
        };
    }
    out += "not asked by a script:\n";
    NOT_ASKED.iter().for_each(|(questions, why)| out += &format!("  {questions}: {why}\n"));
    out += "* differs from what is assumed; an overlay holds for every command once it lies in the state folder's profiles";
    out
}
