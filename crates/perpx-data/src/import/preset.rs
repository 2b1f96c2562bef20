//! Archives that are known: a preset is a shipped map whose files are patterns, for one instrument.

use super::factor::Factor;
use super::map::{Columns, FileMap, LeftOut, ReadMap, is_time, table_of};
use crate::TapeError;
use crate::store::Table;
use serde::Deserialize;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use toml::Spanned;

const SHIPPED: [(&str, &str); 7] = [
    ("tardis", include_str!("presets/tardis.toml")),
    ("binance-vision", include_str!("presets/binance-vision.toml")),
    ("bybit", include_str!("presets/bybit.toml")),
    ("hyperliquid-s3", include_str!("presets/hyperliquid-s3.toml")),
    ("lighter-export", include_str!("presets/lighter-export.toml")),
    ("hftbacktest", include_str!("presets/hftbacktest.toml")),
    ("lean", include_str!("presets/lean.toml")),
];

/// Where a preset's files have the archive's name of the instrument.
const INSTRUMENT: &str = "{instrument}";

/// Names of the presets.
pub fn names() -> [&'static str; SHIPPED.len()] {
    SHIPPED.map(|(name, _)| name)
}

/// Files of a known archive: `[[archive]]` of a map, or the command's arguments.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Archive {
    /// Name of the preset.
    pub preset: String,
    /// The archive's name of the perpetual: "BTCUSDT", at Tardis' Lighter "1".
    pub instrument: String,
    /// The store's name of it.
    pub symbol: String,
    /// The store's name of the venue; without it that of the preset.
    pub venue: Option<String>,
    /// Folder below the one given by `--from`.
    #[serde(default)]
    pub folder: PathBuf,
    /// For files with one clock.
    pub feed_latency_ms: Option<f64>,
    /// Sizes are contracts of so much quote money each.
    pub contract_face: Option<Factor>,
    /// Prices of the files times this are prices of the store; exact.
    #[serde(default)]
    pub price_factor: Factor,
    /// Sizes of the files times this are coins of the store; exact.
    #[serde(default)]
    pub qty_factor: Factor,
}

/// A preset's file.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Preset {
    venue: String,
    about: String,
    file: Vec<toml::Table>,
}

/// The name and text of a preset.
fn find(name: &str) -> Result<(&'static str, &'static str), String> {
    let found = SHIPPED.into_iter().find(|(known, _)| *known == name);
    found.ok_or_else(|| format!("preset is '{name}'; accepted: {}", names().join(", ")))
}

/// What a preset is, and lacks.
pub fn about(name: &str) -> Option<String> {
    let preset: Preset = toml::from_str(find(name).ok()?.1).ok()?;
    Some(preset.about)
}

/// The archives of a map become entries of their own, one a file that lies below `from`; gives what is left out.
pub fn expand(read: &mut ReadMap, map: &Path, from: &Path) -> Result<(), TapeError> {
    for archive in std::mem::take(&mut read.map.archive) {
        let span = archive.span();
        let line = read.text[..span.start].matches('\n').count() + 1;
        let refused = |what: String| TapeError::Map { path: map.to_path_buf(), what: format!("line {line}: {what}") };
        let (files, left_out) = entries(archive.get_ref(), from, &refused)?;
        read.map.file.extend(files.into_iter().map(|file| Spanned::new(span.clone(), file)));
        read.map.left_out.extend(left_out);
    }
    read.validate(map)
}

fn entries(
    archive: &Archive,
    from: &Path,
    refused: &dyn Fn(String) -> TapeError,
) -> Result<(Vec<FileMap>, Vec<LeftOut>), TapeError> {
    let (name, text) = find(&archive.preset).map_err(refused)?;
    let legal = |c: char| c.is_ascii_alphanumeric() || "._-:@".contains(c);
    if archive.instrument.is_empty() || !archive.instrument.chars().all(legal) {
        let found = &archive.instrument;
        return Err(refused(format!("instrument is '{found}'; accepted: letters, digits and . _ - : @")));
    }
    let broken = |e: toml::de::Error| refused(format!("the preset {name} is broken: {e}"));
    let preset: Preset = toml::from_str(&text.replace(INSTRUMENT, &archive.instrument)).map_err(broken)?;
    // without a slash at the end where there is no folder
    let root = from.components().chain(archive.folder.components()).collect::<PathBuf>();
    let lying = walk(&root).map_err(TapeError::io(&root, "list the folder"))?;
    let (mut files, mut left_out): (Vec<FileMap>, Vec<LeftOut>) = (Vec::new(), Vec::new());
    // of several forms of one table the first counts
    let mut chosen: BTreeMap<String, usize> = BTreeMap::new();
    let mut patterns = Vec::new();
    for (form, mut entry) in preset.file.into_iter().enumerate() {
        let paths = entry.remove("paths").and_then(|paths| paths.try_into::<Vec<String>>().ok()).unwrap_or_default();
        for (key, value) in [("path", ""), ("symbol", &archive.symbol), ("recorder", name)] {
            entry.insert(key.to_string(), value.into());
        }
        let venue = archive.venue.as_ref().unwrap_or(&preset.venue);
        entry.insert("venue".to_string(), venue.as_str().into());
        let file: FileMap = entry.try_into().map_err(broken)?;
        for path in lying.iter().filter(|path| paths.iter().any(|pattern| fits(pattern, path))) {
            let path = archive.folder.join(path).to_string_lossy().into_owned();
            if *chosen.entry(file.table.clone()).or_insert(form) != form {
                let why = format!("another form of {} is read: the preset {name} takes one", file.table);
                left_out.push(LeftOut { path, why });
                continue;
            }
            files.push(with_archive(FileMap { path, preset: Some(name), ..file.clone() }, archive).map_err(refused)?);
        }
        patterns.extend(paths);
    }
    if files.is_empty() {
        return Err(TapeError::ImportFile {
            path: root,
            what: format!(
                "no file below it is one of the preset {name} for the instrument {}; looked for: {} (anywhere below)",
                archive.instrument,
                patterns.join(", ")
            ),
        });
    }
    if archive.feed_latency_ms.is_some() && !files.iter().any(has_one_clock) {
        let what = "feed_latency_ms is for files with one clock, and no file that was found has one: leave it out";
        return Err(refused(what.to_string()));
    }
    Ok((files, left_out))
}

/// A file of a preset with what its archive says besides.
fn with_archive(mut file: FileMap, archive: &Archive) -> Result<FileMap, String> {
    let table = table_of(&file.table);
    if has_one_clock(&file) {
        let missing = || {
            format!(
                "{} has one clock ({}): say how long its rows took to arrive, with --feed-latency-ms or, in a map, \
                 feed_latency_ms",
                file.path, file.table
            )
        };
        file.feed_latency_ms = Some(archive.feed_latency_ms.ok_or_else(missing)?);
    }
    file.price_factor = archive.price_factor;
    if matches!(table, Some(Table::Quotes | Table::Trades | Table::Depth)) {
        (file.contract_face, file.qty_factor) = (archive.contract_face, archive.qty_factor);
    }
    Ok(file)
}

/// A second clock must be made up for it; settlements have a calendar.
fn has_one_clock(file: &FileMap) -> bool {
    let Columns::Named(columns) = &file.columns else { return false };
    columns.keys().filter(|name| is_time(name)).count() == 1 && table_of(&file.table) != Some(Table::Funding)
}

/// Paths of the files below a folder, relative to it, by name.
fn walk(root: &Path) -> std::io::Result<Vec<PathBuf>> {
    let (mut found, mut left) = (Vec::new(), vec![PathBuf::new()]);
    while let Some(folder) = left.pop() {
        for entry in std::fs::read_dir(root.join(&folder))? {
            let entry = entry?;
            let path = folder.join(entry.file_name());
            if std::fs::metadata(entry.path())?.is_dir() { left.push(path) } else { found.push(path) }
        }
    }
    found.sort();
    Ok(found)
}

/// True when the last parts of a path are those of a pattern, in which `*` stands for any text within a part.
fn fits(pattern: &str, path: &Path) -> bool {
    let parts: Vec<&str> = path.iter().map(|part| part.to_str().unwrap_or("")).collect();
    let wanted: Vec<&str> = pattern.split('/').collect();
    let Some(skipped) = parts.len().checked_sub(wanted.len()) else { return false };
    wanted.iter().zip(&parts[skipped..]).all(|(wanted, part)| part_fits(wanted, part))
}

fn part_fits(pattern: &str, part: &str) -> bool {
    let Some((head, rest)) = pattern.split_once('*') else { return pattern == part };
    let Some(left) = part.strip_prefix(head) else { return false };
    (0..=left.len()).filter(|at| left.is_char_boundary(*at)).any(|at| part_fits(rest, &left[at..]))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_match_the_end_of_a_path() {
        for (pattern, path, want) in [
            ("*_quotes_*_1.csv.gz", "lighter_quotes_2026-05-01_1.csv.gz", true),
            ("*_quotes_*_1.csv.gz", "lighter_quotes_2026-05-01_11.csv.gz", false),
            ("*_quotes_*_1.csv.gz", "a/b/lighter_quotes_2026-05-01_1.csv.gz", true),
            ("quotes/*/*/*/1.csv.gz", "lighter/quotes/2026/05/01/1.csv.gz", true),
            ("quotes/*/*/*/1.csv.gz", "quotes/2026/05/1.csv.gz", false),
            ("l2Book/BTC.lz4", "market_data/20260501/9/l2Book/BTC.lz4", true),
            ("BTCUSDT2*.csv.gz", "BTCUSDT2026-05-01.csv.gz", true),
            ("*.zip", "a.zip.CHECKSUM", false),
        ] {
            assert_eq!(fits(pattern, Path::new(path)), want, "{pattern} {path}");
        }
    }
}
