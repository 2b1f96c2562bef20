//! What a paper run came to, kept in its folder: whoever promotes the winner asks for it, and makes the run again from what was recorded.

use super::stretch::{self, Stretch, StretchReport};
use super::{LiveError, Options, Speed};
use perpx_core::units::{Time, TimeDelta};
use perpx_data::atomic::write_atomic;
use perpx_data::text;
use serde::{Deserialize, Serialize};
use std::io::sink;
use std::path::Path;
use std::sync::Arc;

/// Of a run's folder.
const FILE: &str = "paper.json";

/// As a paper run left it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct PaperRecord {
    /// The code that ran.
    pub code: String,
    /// The id of the configuration.
    pub configuration: String,
    /// The hash of its ledger.
    pub ledger: String,
    /// Rows that came after their time was judged.
    pub late_rows: u64,
    /// Why what is stored is not what was judged, beside late rows.
    pub not_stored: Vec<String>,
    /// Where it began, and what of the store it saw, ns.
    pub from: i64,
    /// Exclusive.
    pub to: i64,
    /// From here on everything was closed.
    pub stop_at: Option<i64>,
    /// Averages took backfilled bars.
    pub warm_bars: bool,
}

impl PaperRecord {
    /// Writes what a run over `stretch` came to.
    ///
    /// # Errors
    /// A folder that cannot be written.
    pub fn keep(run: &Path, report: &StretchReport, stretch: Stretch, code: &str) -> Result<(), LiveError> {
        let record = PaperRecord {
            code: code.to_owned(),
            configuration: report.configuration.clone(),
            ledger: report.run.ledger.clone(),
            late_rows: report.late_rows,
            not_stored: report.not_stored.clone(),
            from: stretch.from.0,
            to: stretch.to.0,
            stop_at: stretch.stop_at.map(|at| at.0),
            warm_bars: stretch.warm_bars,
        };
        let text = serde_json::to_string_pretty(&record).unwrap_or_default() + "\n";
        write_atomic(&run.join(FILE), text).map_err(|error| LiveError::Folder {
            path: run.join(FILE),
            what: "cannot be written",
            error: error.to_string(),
        })
    }

    /// Of a folder in which paper was traded to its end.
    pub fn read(run: &Path) -> Option<PaperRecord> {
        serde_json::from_str(&std::fs::read_to_string(run.join(FILE)).ok()?).ok()
    }

    /// Why what is stored is not what was judged.
    pub fn stored_otherwise(&self) -> Vec<String> {
        let late = (self.late_rows > 0).then(|| format!("{} came late", text::counted(self.late_rows, "row")));
        late.into_iter().chain(self.not_stored.iter().cloned()).collect()
    }

    /// How long it traded.
    pub fn length(&self) -> TimeDelta {
        Time(self.to).since(Time(self.from))
    }

    /// The ledger of the same run, made again from what was recorded in its folder.
    ///
    /// # Errors
    /// A store that cannot be read.
    pub fn made_again(&self, run: &Path) -> Result<String, LiveError> {
        let options = Options {
            config: run.join("best.yml"),
            store: Some(run.join("store")),
            speed: Speed::Max,
            quiet: true,
            code: "",
            stop: Arc::default(),
        };
        let stretch = Stretch {
            from: Time(self.from),
            to: Time(self.to),
            stop_at: self.stop_at.map(Time),
            warm_bars: self.warm_bars,
        };
        Ok(stretch::run(&options, stretch, &mut sink())?.run.ledger)
    }
}
