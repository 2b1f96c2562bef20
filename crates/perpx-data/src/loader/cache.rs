//! The tile cache: one folder of the user's, in it one a tape, in that one memory-mapped file a tile, all of it rebuilt from
//! parquet when in doubt.
//!
//! A tape's folder is named by a hash of everything that decides its tiles: contents of the files, spec, version of the
//! store, the code that makes tiles. A cache never makes an error: what it cannot write is not kept, what it cannot
//! read back whole is built again. Beyond the cap the tapes that were opened longest ago go first.

use crate::TapeError;
use crate::loader::scan::Plan;
use crate::loader::spec::{CacheSpec, TapeSpec};
use crate::loader::tile_file;
use crate::store::{SCHEMA_VERSION, entries};
use crate::text::{count, counted, table};
use perpx_core::tape::Tile;
use perpx_core::units::Time;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::time::SystemTime;

/// The code that makes tiles: made at build time from the sources of the tape and the lock file.
pub const VERSION: &str = env!("PERPX_TILE_ID");
/// Bytes of the cache when nothing else is said.
pub const MAX_BYTES: u64 = 8 << 30;
const MANIFEST: &str = "tape.json";
const PREFIX: &str = "tape-";

pub(crate) struct Cache {
    folder: PathBuf,
    max_bytes: u64,
    manifest: Manifest,
    state: Mutex<State>,
}

/// What happened to the folder so far.
struct State {
    /// Of the whole cache.
    bytes: u64,
    is_full: bool,
    /// Tiles that are there but were found damaged.
    damaged: BTreeSet<usize>,
}

#[derive(Serialize, Deserialize)]
struct Manifest {
    version: String,
    /// The store's folder, absolute.
    store: PathBuf,
    /// BLAKE3 of the files it was built from, by name below the store.
    files: BTreeMap<String, String>,
    plan: Option<Plan>,
}

/// Names a tape by everything that decides its tiles.
pub(crate) fn cache_key(spec: &TapeSpec, fingerprint: &[u8; 32]) -> String {
    let decides = (
        (SCHEMA_VERSION, VERSION, fingerprint, &spec.symbol, &spec.venues),
        (spec.warm_from, spec.to, spec.on_bad_rows, spec.funding_missing, spec.marks_missing, spec.needs_index),
        (spec.feed_latency, &spec.feed_outages, spec.tile_rows as u64),
        (&spec.feed_stale, spec.clock_ahead, spec.paced, spec.gap_trades),
    );
    let bytes = postcard::to_stdvec(&decides).unwrap_or_default();
    blake3::hash(&bytes).to_hex().as_str()[..24].to_string()
}

/// The user's cache: `$PERPX_CACHE`, else `$XDG_CACHE_HOME/perpx`, else `~/.cache/perpx`.
pub fn root() -> Option<PathBuf> {
    let set = |name: &str| std::env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
    root_of(set("PERPX_CACHE"), set("XDG_CACHE_HOME"), std::env::home_dir())
}

fn root_of(own: Option<PathBuf>, caches: Option<PathBuf>, home: Option<PathBuf>) -> Option<PathBuf> {
    // a relative XDG path counts as none
    let caches = caches.filter(|dir| dir.is_absolute()).or(home.map(|home| home.join(".cache")));
    own.or(caches.map(|dir| dir.join("perpx")))
}

impl Cache {
    /// Opens the folder of one tape; removes those that were built from other contents of the same files. `None` where
    /// no folder can be made.
    pub fn open(
        spec: &CacheSpec,
        symbol: &str,
        key: &str,
        store: &Path,
        hashes: &[(String, [u8; 32])],
    ) -> Option<Cache> {
        let folder = spec.dir.join(format!("{PREFIX}{symbol}-{key}"));
        let store = fs::canonicalize(store).ok()?;
        let files = hashes.iter().map(|(name, hash)| (name.clone(), blake3::Hash::from(*hash).to_hex().to_string()));
        let mut manifest = Manifest { version: VERSION.to_string(), store, files: files.collect(), plan: None };
        fs::create_dir_all(&folder).ok()?;
        remove_stale(&spec.dir, &manifest);
        match read_manifest(&folder) {
            Some(kept) if kept.version == VERSION => {
                manifest.plan = kept.plan;
                // used now
                let file = fs::File::options().append(true).open(folder.join(MANIFEST));
                let _ = file.and_then(|file| file.set_modified(SystemTime::now()));
            }
            _ => {
                // without its manifest nothing in it can be trusted
                let _ = fs::remove_dir_all(&folder);
                fs::create_dir_all(&folder).ok()?;
            }
        }
        let state = State { bytes: size_of(&spec.dir), is_full: false, damaged: BTreeSet::new() };
        Some(Cache { folder, max_bytes: spec.max_bytes, manifest, state: Mutex::new(state) })
    }

    pub fn plan(&self) -> Option<Plan> {
        self.manifest.plan.clone()
    }

    pub fn keep_plan(&mut self, plan: &Plan) {
        self.manifest.plan = Some(plan.clone());
        if let Ok(text) = serde_json::to_vec(&self.manifest) {
            self.write(MANIFEST, &text);
        }
    }

    /// The kept tile, when it is there and whole.
    pub fn tile(&self, k: usize) -> Option<Tile> {
        let path = self.folder.join(name_of(k));
        if !path.is_file() {
            return None;
        }
        let tile = tile_file::read(&path);
        if tile.is_none() && crate::loader::load::lock(&self.state).damaged.insert(k) {
            // out of the way, so that it is built and kept again
            let _ = fs::remove_file(&path);
        }
        tile
    }

    /// Keeps a tile unless the cap forbids it or it is there.
    pub fn keep(&self, k: usize, tile: &Tile) {
        let name = name_of(k);
        if self.folder.join(&name).is_file() || !self.has_room(tile_file::least_size(tile)) {
            return;
        }
        if let Some(bytes) = tile_file::encode(tile) {
            self.write(&name, &bytes);
        }
    }

    /// Something did not fit: no more tiles are kept.
    pub fn is_full(&self) -> bool {
        crate::loader::load::lock(&self.state).is_full
    }

    /// Removes what is kept of a tape that cannot be used.
    pub fn discard(&self) {
        let _ = fs::remove_dir_all(&self.folder);
    }

    /// Whether `size` bytes more stay below the cap, other tapes' folders removed if need be.
    fn has_room(&self, size: u64) -> bool {
        let mut state = crate::loader::load::lock(&self.state);
        if state.bytes.saturating_add(size) > self.max_bytes {
            self.make_room(&mut state, size);
        }
        state.is_full = state.bytes.saturating_add(size) > self.max_bytes;
        !state.is_full
    }

    /// Written under another name, then renamed. Failures are not errors: the next reader builds again.
    fn write(&self, name: &str, bytes: &[u8]) {
        let size = bytes.len() as u64;
        if !self.has_room(size) {
            return;
        }
        let mut state = crate::loader::load::lock(&self.state);
        let partial = self.folder.join(format!(".{name}.{}", std::process::id()));
        let written = fs::write(&partial, bytes).and_then(|()| fs::rename(&partial, self.folder.join(name)));
        match written {
            Ok(()) => state.bytes += size,
            Err(_) => drop(fs::remove_file(&partial)),
        }
    }

    /// Removes other tapes' folders, the least recently used first, until `size` bytes fit.
    fn make_room(&self, state: &mut State, size: u64) {
        let mut others: Vec<PathBuf> = folders(&self.folder).into_iter().filter(|f| *f != self.folder).collect();
        others.sort_by_key(|f| (used(f), f.clone()));
        for folder in others {
            if state.bytes.saturating_add(size) <= self.max_bytes {
                return;
            }
            let freed = size_of(&folder);
            if fs::remove_dir_all(&folder).is_ok() {
                state.bytes = state.bytes.saturating_sub(freed);
            }
        }
    }
}

/// When a tape's folder was last opened, or written to by who is still building it.
fn used(folder: &Path) -> Option<SystemTime> {
    let modified = |path: &Path| fs::metadata(path).and_then(|m| m.modified()).ok();
    modified(&folder.join(MANIFEST)).or_else(|| modified(folder))
}

/// What the cache holds.
#[derive(Clone, Debug, Serialize)]
pub struct CacheInfo {
    /// The cache's folder.
    #[serde(serialize_with = "crate::path::serialize")]
    pub dir: PathBuf,
    /// Of all tiles.
    pub bytes: u64,
    /// Most recently used first.
    pub tapes: Vec<CachedTape>,
}

/// The tiles of one tape.
#[derive(Clone, Debug, Serialize)]
pub struct CachedTape {
    /// The store's name of the coin.
    pub symbol: String,
    /// The store that it was built from; `None` while it is being built.
    pub store: Option<PathBuf>,
    /// How many are kept.
    pub tiles: u64,
    /// Of all of them.
    pub bytes: u64,
    /// When they were last used.
    pub used: Option<Time>,
}

/// Looks at the cache in `dir`.
pub fn info(dir: &Path) -> CacheInfo {
    let mut all: Vec<(Option<SystemTime>, PathBuf)> =
        folders(dir).into_iter().map(|folder| (used(&folder), folder)).collect();
    all.sort();
    let tape = |(used, folder): &(Option<SystemTime>, PathBuf)| {
        let name = folder.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let symbol = name.trim_start_matches(PREFIX).rsplit_once('-').map_or("", |(symbol, _)| symbol);
        let is_tile = |path: &PathBuf| path.extension().is_some_and(|ext| ext == "arrow");
        let since = used.and_then(|used| used.duration_since(SystemTime::UNIX_EPOCH).ok());
        CachedTape {
            symbol: symbol.to_string(),
            store: read_manifest(folder).map(|manifest| manifest.store),
            tiles: entries(folder).unwrap_or_default().iter().filter(|path| is_tile(path)).count() as u64,
            bytes: size_of(folder),
            used: since.map(|since| Time(since.as_nanos() as i64)),
        }
    };
    let tapes: Vec<CachedTape> = all.iter().rev().map(tape).collect();
    CacheInfo { dir: dir.to_path_buf(), bytes: tapes.iter().map(|tape| tape.bytes).sum(), tapes }
}

/// Removes every tape from the cache in `dir`, and nothing else.
///
/// # Errors
/// A folder that cannot be removed.
pub fn clear(dir: &Path) -> Result<CacheInfo, TapeError> {
    let before = info(dir);
    for folder in folders(dir) {
        fs::remove_dir_all(&folder).map_err(TapeError::io(&folder, "remove the folder"))?;
    }
    Ok(before)
}

impl CacheInfo {
    /// As a person reads it.
    pub fn text(&self, width: usize) -> String {
        let mib = |bytes: u64| format!("{:.1} MiB", bytes as f64 / f64::from(1 << 20));
        let mut rows = vec![["symbol", "tiles", "size", "last used", "store"].map(str::to_string).to_vec()];
        rows.extend(self.tapes.iter().map(|tape| {
            vec![
                tape.symbol.clone(),
                count(tape.tiles),
                mib(tape.bytes),
                tape.used.map(Time::to_second).unwrap_or_default(),
                tape.store.as_ref().map_or("being built".to_string(), |store| store.display().to_string()),
            ]
        }));
        let kept = if self.tapes.is_empty() { String::new() } else { table(&rows, width) + "\n" };
        let cap = MAX_BYTES >> 30;
        format!(
            "{}: {} of {cap} GiB at most ([cache] max_gib of a grid), in {}\n{kept}",
            self.dir.display(),
            mib(self.bytes),
            counted(self.tapes.len() as u64, "tape"),
        )
        .trim_end()
        .to_string()
    }
}

fn name_of(k: usize) -> String {
    format!("tile-{k:06}.arrow")
}

fn read_manifest(folder: &Path) -> Option<Manifest> {
    serde_json::from_slice(&fs::read(folder.join(MANIFEST)).ok()?).ok()
}

/// Tapes' folders beside `one` (or within, when `one` is the cache itself).
fn folders(one: &Path) -> Vec<PathBuf> {
    let is_tape = |p: &Path| p.file_name().and_then(|n| n.to_str()).is_some_and(|n| n.starts_with(PREFIX));
    let dir = if is_tape(one) { one.parent().unwrap_or(one) } else { one };
    let entries = entries(dir).unwrap_or_default();
    entries.into_iter().filter(|p| p.is_dir() && is_tape(p)).collect()
}

/// A folder is stale when a file that it was built from is gone or has other contents. What other versions made stays
/// until the cap needs the room: they may run beside this one.
fn remove_stale(dir: &Path, now: &Manifest) {
    for folder in folders(dir) {
        let Some(kept) = read_manifest(&folder) else { continue };
        let changed = |(name, hash): (&String, &String)| match now.files.get(name) {
            Some(present) => present != hash,
            None => !now.store.join(name).is_file(),
        };
        if kept.store == now.store && kept.files.iter().any(changed) {
            let _ = fs::remove_dir_all(&folder);
        }
    }
}

/// Bytes below a folder.
fn size_of(folder: &Path) -> u64 {
    let Ok(entries) = fs::read_dir(folder) else { return 0 };
    let size = |path: PathBuf| match fs::symlink_metadata(&path) {
        Ok(m) if m.is_dir() => size_of(&path),
        Ok(m) => m.len(),
        Err(_) => 0,
    };
    entries.flatten().map(|e| size(e.path())).sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_folder_is_perpx_s_own_else_the_user_s() {
        let path = |text: &str| Some(PathBuf::from(text));
        assert_eq!(root_of(path("/tmp/here"), path("/caches"), path("/home/me")), path("/tmp/here"));
        assert_eq!(root_of(None, path("/caches"), path("/home/me")), path("/caches/perpx"));
        assert_eq!(root_of(None, path("caches"), path("/home/me")), path("/home/me/.cache/perpx"));
        assert_eq!(root_of(None, None, path("/home/me")), path("/home/me/.cache/perpx"));
        assert_eq!(root_of(None, None, None), None);
    }
}
