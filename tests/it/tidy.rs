//! Rules of the house that a machine can check.

use std::path::{Path, PathBuf};

fn sources(dir: &Path, out: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(dir).expect("a folder") {
        let path = entry.expect("an entry").path();
        if path.is_dir() {
            sources(&path, out);
        } else if path.extension().is_some_and(|ext| ext == "rs") {
            out.push(path);
        }
    }
}

fn all() -> Vec<(PathBuf, String)> {
    let mut out = Vec::new();
    sources(&Path::new(env!("CARGO_MANIFEST_DIR")).join("src"), &mut out);
    out.sort();
    out.into_iter().map(|path| (path.clone(), std::fs::read_to_string(&path).expect("text"))).collect()
}

/// What the core may not do: it is given time, chance and data.
#[test]
fn the_core_reads_no_clock_and_does_no_input_or_output() {
    let core =
        ["units", "market", "ledger", "signals", "watch", "strategy", "execution", "trader", "sim", "replay", "stats"];
    let forbidden = [
        "std::fs",
        "std::io",
        "std::env",
        "std::thread",
        "std::net",
        "SystemTime",
        "Instant::now",
        "rand::",
        "rayon",
        "println!",
        "HashMap",
        "HashSet",
        ".mul_add(",
    ];
    let mut wrong = Vec::new();
    for (path, text) in all() {
        let inside = |name: &&str| path.components().any(|part| part.as_os_str().to_str() == Some(*name));
        if !core.iter().any(inside) || path.components().any(|part| part.as_os_str() == "tests") {
            continue;
        }
        // unit tests at the end of a file may print and time
        let code = text.split("#[cfg(test)]").next().unwrap_or_default();
        for word in forbidden.iter().filter(|word| code.contains(**word)) {
            wrong.push(format!("{}: {word}", path.display()));
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn no_file_is_long_and_nothing_is_left_behind() {
    let mut wrong = Vec::new();
    for (path, text) in all() {
        let lines = text.lines().count();
        if lines > 1000 {
            wrong.push(format!("{} has {lines} lines", path.display()));
        }
        for word in ["todo!(", "unimplemented!(", "dbg!(", "TODO", "FIXME"] {
            if text.contains(word) {
                wrong.push(format!("{}: {word}", path.display()));
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}
