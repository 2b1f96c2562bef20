//! What a finished run says of where it belongs among all that was tried on its market.

use crate::error::SweepError;
use crate::evidence::Settings;
use crate::options::TrialLog;
use crate::results::manifest::{RunManifest, SymbolManifest, TimeText};
use crate::results::reader::RunTable;
use crate::trial_log::{LoggedRun, ids_text};
use perpx_core::units::Time;
use std::collections::BTreeSet;
use std::path::Path;

/// How the run in `dir` judged its winner.
///
/// # Errors
/// A run.json that cannot be read.
pub fn own_settings(dir: &Path) -> Result<Settings, SweepError> {
    let Some((_, manifest)) = manifest_of(dir)? else { return Ok(Settings::default()) };
    Ok(Settings { seed: manifest.seed, ..Settings::from(manifest.evidence) })
}

/// The run to which `dir` belongs: it, or of several symbols the folder above.
fn manifest_of(dir: &Path) -> Result<Option<(&Path, RunManifest)>, SweepError> {
    if let Some(manifest) = RunManifest::find(dir)? {
        return Ok(Some((dir, manifest)));
    }
    let above = dir.parent().unwrap_or(dir);
    Ok(RunManifest::find(above)?.map(|manifest| (above, manifest)))
}

/// `settings` with what the log says of the run in `dir`, of several symbols the folder of one: configurations tried so far,
/// and of how many symbols this is one.
///
/// # Errors
/// A run that cannot be read; a log that was named and cannot.
pub fn with_log(dir: &Path, log: &TrialLog, settings: Settings) -> Result<Settings, SweepError> {
    let Some((run, manifest)) = manifest_of(dir)? else { return Ok(settings) };
    let name = dir.file_name().map(|name| name.to_string_lossy().into_owned());
    let of = match manifest.symbols.as_slice() {
        [one] => Some(one),
        _ => manifest.symbol(&name.unwrap_or_default()),
    };
    let symbols = settings.symbols.max(manifest.symbols.len() as u32);
    let own = of.map(|of| logged(run, &manifest, of)).transpose()?.flatten();
    let tried = own.map(|own| log.count(&own)).transpose()?.flatten();
    Ok(Settings { symbols, tried: settings.tried.or(tried.map(|tried| tried.configurations)), ..settings })
}

/// The run as the log has it; none where its run.json lacks what tells.
fn logged(dir: &Path, manifest: &RunManifest, of: &SymbolManifest) -> Result<Option<LoggedRun>, SweepError> {
    let (Some(feed), Some(in_sample)) = (of.feeds.first(), of.runs.get("in sample")) else { return Ok(None) };
    let mut venues = feed.venues.each_ref().map(|venue| venue.venue.clone());
    venues.sort();
    let table = RunTable::read(&dir.join("results.parquet"), &["id", "symbol"], None)?;
    let (ids, symbols) = (table.words("id")?, table.words("symbol")?);
    let own = ids.iter().zip(&symbols).filter(|(_, symbol)| symbol.as_deref() == Some(of.symbol.as_str()));
    let ids: BTreeSet<u64> = own.filter_map(|(id, _)| u64::from_str_radix(id.as_deref()?, 16).ok()).collect();
    Ok(Some(LoggedRun {
        venues,
        symbol: of.symbol.clone(),
        data: of.fingerprint.clone(),
        in_sample: *in_sample,
        held_out: of.runs.get("held out").copied(),
        grid: manifest.grid_hash.clone(),
        seed: manifest.seed,
        code: manifest.code.clone(),
        method: String::new(),
        configurations: of.configurations,
        distinct: 0,
        ids: ids_text(ids),
        metric: manifest.objective.metric.clone(),
        best: None,
        time: TimeText(Time(0)),
    }))
}
