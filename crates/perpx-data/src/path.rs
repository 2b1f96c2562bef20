//! Paths as they are shown and written.

use serde::Serializer;
use std::path::{Component, Path, PathBuf};

/// A path in JSON as it is shown: a name that is not UTF-8 is no error.
pub fn serialize<S: Serializer>(path: &Path, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(&path.display())
}

/// `to` as a path from the folder `from`; both must exist.
pub fn relative(from: &Path, to: &Path) -> Option<PathBuf> {
    let from = if from.as_os_str().is_empty() { Path::new(".") } else { from };
    let (from, to) = (from.canonicalize().ok()?, to.canonicalize().ok()?);
    let common = from.components().zip(to.components()).take_while(|(a, b)| a == b).count();
    let up = from.components().skip(common).map(|_| Component::ParentDir);
    Some(up.chain(to.components().skip(common)).collect())
}

/// A path without the `folder/..` pairs that come of joining relative paths; for showing.
pub fn normalize(path: &Path) -> PathBuf {
    let mut out = PathBuf::new();
    for part in path.components() {
        match (part, out.components().next_back()) {
            (Component::ParentDir, Some(Component::Normal(_))) => {
                out.pop();
            }
            (Component::CurDir, _) => {}
            _ => out.push(part),
        }
    }
    out
}

/// The user's state: `$PERPX_STATE`, else `$XDG_STATE_HOME/perpx`, else `~/.local/state/perpx`.
pub fn state_folder() -> Option<PathBuf> {
    let set = |name: &str| std::env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
    // a relative XDG path counts as none
    let states = set("XDG_STATE_HOME").filter(|dir| dir.is_absolute());
    let states = states.or(std::env::home_dir().map(|home| home.join(".local/state")));
    set("PERPX_STATE").or(states.map(|dir| dir.join("perpx")))
}
