//! `perpx-live journal RUN`: what a run wrote down, a line a record.

use super::folder::{Journal, JournalError};
use super::record::{Kind, Record};
use clap::Args;
use perpx_core::units::Time;
use serde_json::{Value, json};
use std::path::PathBuf;

/// Print what a run wrote down, a line a record
#[derive(Args, Clone, Debug)]
#[command(after_help = "Example: perpx-live journal live/quickstart-86855380-emulated --kind batch\n\
                  Exit codes: 0 printed, 2 no journal, or a damaged one")]
pub struct JournalArgs {
    /// The folder of the run
    #[arg(value_name = "RUN")]
    pub run: PathBuf,
    /// Records of this kind alone; may be given again
    #[arg(long, value_name = "KIND", value_parser = kind)]
    pub kind: Vec<Kind>,
    /// A line of JSON a record
    #[arg(long)]
    pub json: bool,
    /// Keep what is whole of a damaged one, set the rest aside
    #[arg(long, conflicts_with = "kind")]
    pub salvage: bool,
}

fn kind(text: &str) -> Result<Kind, String> {
    let names: Vec<&str> = Kind::ALL.iter().map(|kind| kind.name()).collect();
    let found = Kind::ALL.into_iter().find(|kind| kind.name() == text);
    found.ok_or_else(|| format!("accepted: {}", names.join(", ")))
}

/// The lines of a journal, as far as it is whole; and what is wrong behind them.
///
/// # Errors
/// No journal there.
pub fn lines(args: &JournalArgs) -> Result<(Vec<String>, Option<JournalError>), JournalError> {
    let folder = args.run.join("journal");
    if !folder.is_dir() {
        let error = std::io::Error::new(std::io::ErrorKind::NotFound, "there is no such folder; name that of a run");
        return Err(JournalError::Disk { path: folder, what: "cannot be read", error });
    }
    let (journal, damage) = Journal::whole(&folder)?;
    if journal.records.is_empty() && damage.is_none() {
        let error =
            std::io::Error::new(std::io::ErrorKind::NotFound, "no record is there: no run has begun in this folder");
        return Err(JournalError::Disk { path: folder, what: "holds no journal", error });
    }
    let wanted = |record: &&Record| args.kind.is_empty() || args.kind.contains(&record.kind);
    Ok((journal.records.iter().filter(wanted).map(|record| line(record, args.json)).collect(), damage))
}

fn line(record: &Record, as_json: bool) -> String {
    let Record { seq, stamp, kind, body } = record;
    let content: Option<Value> = serde_json::from_slice(body).ok().filter(|_| *kind != Kind::State);
    match (as_json, content) {
        (true, content) => {
            let (wall, mono, engine) = (stamp.wall_ns, stamp.mono_ns, stamp.engine.0);
            let body = content.unwrap_or_else(|| json!({ "bytes": body.len() }));
            json!({ "seq": seq, "wall_ns": wall, "mono_ns": mono, "engine_ns": engine, "kind": kind.name(), "body": body })
                .to_string()
        }
        (false, content) => {
            let text = content.map_or_else(|| format!("{} bytes", body.len()), |content| content.to_string());
            format!("{seq:>8} {} {:<10} {text}", Time(stamp.wall_ns), kind.name())
        }
    }
}
