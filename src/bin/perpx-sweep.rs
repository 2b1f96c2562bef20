//! Sweep a grid of configurations over recorded markets.

use perpx::sweep::args::Cli;
use std::process::ExitCode;

fn main() -> ExitCode {
    ExitCode::from(match Cli::read() {
        Ok(arguments) => arguments.run(),
        Err(code) => code,
    })
}
