//! A damaged journal: what is whole before the damage is kept, the rest is set aside, and no number of an order that stands in it is given
//! again.

use super::LiveError;
use super::journal::folder::{Journal, JournalError, cut_at};
use super::journal::log::Log;
use super::recovery::SALVAGE;
use perpx_data::text;
use std::fs;
use std::io;
use std::path::Path;

/// Cuts the journal of a run whose LOCK the caller has at its damage; what was done, in words. `None`: it is whole.
///
/// # Errors
/// A disk that fails.
pub fn salvage(run: &Path, who: &str) -> Result<Option<String>, LiveError> {
    let folder = run.join("journal");
    let (journal, Some(damage)) = Journal::whole(&folder)? else { return Ok(None) };
    let JournalError::Damaged { kept, dropped, what, .. } = &damage else { return Err(damage.into()) };
    let aside = cut_at(&folder, &damage)?;
    let names: Vec<String> = aside.iter().map(|path| path.display().to_string()).collect();
    let mut words = format!(
        "{what}: {} are kept, {dropped} bytes from there on are set aside: {}",
        text::counted(*kept, "record"),
        names.join(", ")
    );
    if journal.run.is_some() {
        Log::note(run, SALVAGE, who, &words)?;
    } else {
        // its numbers are lost with it, and those of another tag are other numbers
        match fs::remove_file(run.join("armed.json")) {
            Ok(()) => words
                .push_str("; nothing is left of it, so that armed.json is gone: `perpx-live arm` draws another tag"),
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => {
                let path = run.join("armed.json");
                return Err(LiveError::Folder { path, what: "cannot be removed", error: error.to_string() });
            }
        }
    }
    Ok(Some(words))
}
