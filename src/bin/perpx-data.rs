//! Market data for perpx: bring it in, look at it, judge it.

use clap::{Parser, Subcommand};
use perpx::synth::SynthArgs;
use perpx::tape::{TapeError, check, import, info};
use std::path::PathBuf;
use std::process::ExitCode;

#[derive(Parser)]
#[command(name = "perpx-data", version, about)]
struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Bring foreign recordings into a store, by a column map
    Import {
        /// The column map (TOML); examples lie under data/maps
        map: PathBuf,
        /// Folder of the files that the map names
        #[arg(long)]
        from: PathBuf,
        /// The store to write: a new or empty folder, or a store to replace
        #[arg(long)]
        store: PathBuf,
    },
    /// Read a whole store and list what a replay would refuse or a user should know; exit code 2 when it is not fit
    Check {
        store: PathBuf,
        /// Only this symbol
        #[arg(long)]
        symbol: Option<String>,
    },
    /// Make a seeded two-venue market with known properties and write it as a store
    Synth(SynthArgs),
    /// Say what a store holds and how it was made
    Info { store: PathBuf },
}

fn main() -> ExitCode {
    match run(Args::parse().command) {
        Ok(code) => code,
        Err(e) => {
            eprintln!("error: {e}");
            ExitCode::from(e.exit_code())
        }
    }
}

fn run(command: Command) -> Result<ExitCode, TapeError> {
    match command {
        Command::Import { map, from, store } => {
            print!("{}", import::import(&map, &from, &store)?.text());
            println!("written to {}; see `perpx-data check {0}`", store.display());
        }
        Command::Check { store, symbol } => {
            let report = check::check(&store, symbol.as_deref())?;
            print!("{}", report.text());
            return Ok(if report.fit() { ExitCode::SUCCESS } else { ExitCode::from(2) });
        }
        Command::Synth(args) => {
            if let Err(e) = args.run() {
                eprintln!("error: {e}");
                return Ok(ExitCode::from(e.exit_code()));
            }
        }
        Command::Info { store } => print!("{}", info::info(&store)?),
    }
    Ok(ExitCode::SUCCESS)
}
