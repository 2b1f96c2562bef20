//! Run the winner of a sweep as if live.

use clap::Parser;
use std::process::ExitCode;

fn main() -> ExitCode {
    ExitCode::from(perpx::live::args::Cli::parse().run(perpx::sweep::code_id()))
}
