//! Data sets: make, import, check, describe.

use clap::{Parser, Subcommand};
use perpx::synth::SynthArgs;
use std::process::ExitCode;

#[derive(Parser)]
#[command(name = "perpx-data", version, about = "Make, import, check and describe data sets")]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Make a seeded two-venue market with known properties
    Synth(SynthArgs),
}

fn main() -> ExitCode {
    let result = match Cli::parse().command {
        Command::Synth(args) => args.run(),
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::FAILURE
        }
    }
}
