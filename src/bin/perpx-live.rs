//! Run the winner of a sweep as if live.

use clap::{CommandFactory, FromArgMatches};
use perpx::live::args::Cli;
use perpx::sweep::{VERSION, code_id};
use std::process::ExitCode;

fn main() -> ExitCode {
    let asked = Cli::command().version(VERSION).get_matches();
    let cli = Cli::from_arg_matches(&asked).unwrap_or_else(|error| error.exit());
    ExitCode::from(cli.run(code_id()))
}
