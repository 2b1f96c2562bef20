//! Sweep a grid of configurations over recorded markets.

use clap::Parser;
use std::process::ExitCode;

fn main() -> ExitCode {
    ExitCode::from(perpx::sweep::args::Cli::parse().run())
}
