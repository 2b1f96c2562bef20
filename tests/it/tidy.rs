//! Rules of the house that a machine can check.

use crate::tree::{files, read};
use std::collections::{BTreeMap, BTreeSet};

const CRATES: [&str; 5] = ["perpx-core", "perpx-data", "perpx-venues", "perpx-sweep", "perpx-live"];

/// Paths below the root, with what they hold.
fn below(folder: &str) -> Vec<(String, String)> {
    files(&[folder], &["rs"]).into_iter().map(|path| (path.clone(), read(&path))).collect()
}

fn all() -> Vec<(String, String)> {
    let crates = CRATES.iter().flat_map(|name| below(&format!("crates/{name}/src")));
    crates.chain(below("src")).chain(below("build")).collect()
}

/// Without unit tests, which stand at the end of a file or in files of their own, and without comments.
fn code<'a>(path: &str, text: &'a str) -> Vec<&'a str> {
    let tests = ["/tests", "/bad_input", "/fake.rs", "/trial.rs"];
    if tests.iter().any(|name| path.contains(name)) {
        return Vec::new();
    }
    let code = text.split("#[cfg(test)]\nmod").next().unwrap_or_default();
    code.lines().map(|line| line.split("//").next().unwrap_or_default()).collect()
}

/// What the core may not do: it is given time, chance and data.
#[test]
fn the_core_reads_no_clock_and_does_no_input_or_output() {
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
    for (path, text) in below("crates/perpx-core/src") {
        for line in code(&path, &text) {
            wrong.extend(forbidden.iter().filter(|word| line.contains(**word)).map(|word| format!("{path}: {word}")));
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

/// Crates in the order of the map of ARCHITECTURE.md, each with its modules in that order.
fn floors() -> Vec<(String, Vec<String>)> {
    let page = read("ARCHITECTURE.md");
    let mut out: Vec<(String, Vec<String>)> = Vec::new();
    let rows = page.lines().skip_while(|line| !line.starts_with("| crate | module |")).skip(2);
    for row in rows.take_while(|line| line.starts_with('|')) {
        let cells: Vec<&str> = row.split('|').map(str::trim).collect();
        if !cells[1].is_empty() {
            out.push((cells[1].to_string(), Vec::new()));
        }
        let modules = cells[2].split('`').skip(1).step_by(2).map(str::to_string);
        out.last_mut().expect("a crate first").1.extend(modules);
    }
    out
}

/// Modules of the crate that a line names.
fn imports(line: &str) -> Vec<String> {
    let names = line.split("crate::").skip(1).filter(|rest| !rest.starts_with('{'));
    let word = |rest: &str| rest.chars().take_while(|c| c.is_ascii_lowercase() || *c == '_').collect::<String>();
    names.map(word).filter(|word| !word.is_empty()).collect()
}

#[test]
fn a_module_imports_from_those_above_it_in_the_map() {
    let floors = floors();
    assert!(CRATES.iter().all(|name| floors.iter().any(|(known, _)| known == name)), "{floors:?}");
    let mut wrong = Vec::new();
    for (name, modules) in floors.iter().filter(|(name, modules)| name != "perpx" && !modules.is_empty()) {
        let place = |module: &str| modules.iter().position(|known| known == module);
        let root = format!("crates/{name}/src/");
        for (path, text) in below(&root) {
            let module = path[root.len()..].split('/').next().unwrap_or_default().trim_end_matches(".rs");
            if module == "lib" || module == "tests" {
                continue;
            }
            let Some(own) = place(module) else {
                wrong.push(format!("{path}: {module} is not on the map of ARCHITECTURE.md"));
                continue;
            };
            for line in code(&path, &text) {
                for other in imports(line) {
                    match place(&other) {
                        Some(at) if at <= own => {}
                        _ => wrong.push(format!("{path}: imports {other}, which is not above it: {}", line.trim())),
                    }
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn an_import_of_the_crate_is_seen() {
    assert_eq!(imports("use crate::units::{Cash, Time}; let a = crate::market::Role::Long;"), ["units", "market"]);
    assert_eq!(imports("pub(crate) use crate::TapeError;"), [""; 0]);
}

/// What the auditor shares with what it audits: units, and what orders and events are.
#[test]
fn the_auditor_is_independent() {
    for (path, text) in below("crates/perpx-core/src/audit") {
        let others = code(&path, &text).into_iter().flat_map(imports);
        let others: BTreeSet<String> = others.filter(|name| !["units", "market", "audit"].contains(&&**name)).collect();
        assert!(others.is_empty(), "{path} imports {others:?}");
    }
}

/// The packages that a crate's manifest names, dev-dependencies aside.
fn dependencies(name: &str) -> Vec<String> {
    let manifest = read(&format!("crates/{name}/Cargo.toml"));
    let lines = manifest.lines().skip_while(|line| *line != "[dependencies]").skip(1);
    let lines = lines.take_while(|line| !line.starts_with('['));
    lines.filter_map(|line| line.split(['.', ' ', '=']).next()).filter(|n| !n.is_empty()).map(str::to_string).collect()
}

#[test]
fn a_crate_depends_on_those_above_it() {
    let allowed = BTreeMap::from([
        ("perpx-core", vec![]),
        ("perpx-data", vec!["perpx-core"]),
        ("perpx-venues", vec!["perpx-core", "perpx-data"]),
        ("perpx-sweep", vec!["perpx-core", "perpx-data"]),
        ("perpx-live", vec!["perpx-core", "perpx-data", "perpx-venues"]),
    ]);
    for name in CRATES {
        let found = dependencies(name);
        assert!(!found.is_empty(), "{name}: no dependencies read");
        let own: Vec<&str> = found.iter().map(String::as_str).filter(|other| other.starts_with("perpx")).collect();
        assert_eq!(own, allowed[name], "{name}");
    }
    // tables above buffers, the network, the screen
    let core = dependencies("perpx-core");
    let absent = ["arrow", "parquet", "polars", "rayon", "rand", "clap", "indicatif", "tungstenite", "tokio", "ureq"];
    assert!(absent.iter().all(|other| !core.iter().any(|name| name == other)), "{core:?}");
    // tables and charts are for sweeps, pages for them and for those who watch a run
    for name in ["perpx-venues", "perpx-live"] {
        let found = dependencies(name);
        let charts = ["polars", "plotters", "parquet", "arrow"];
        assert!(charts.iter().all(|other| !found.iter().any(|name| name == other)), "{name}: {found:?}");
    }
    assert!(!dependencies("perpx-venues").contains(&"maud".to_string()));
    for (path, text) in below("crates/perpx-live/src") {
        let is_page = ["/panel/", "/diverge/"].iter().any(|folder| path.contains(folder));
        assert!(is_page || !code(&path, &text).iter().any(|line| line.contains("maud")), "{path}");
    }
}

#[test]
fn no_file_is_long_and_nothing_is_left_behind() {
    let mut wrong = Vec::new();
    for (path, text) in all() {
        let lines = text.lines().count();
        if lines > 1000 {
            wrong.push(format!("{path} has {lines} lines"));
        }
        for word in ["todo!(", "unimplemented!(", "dbg!(", "TODO", "FIXME"] {
            if text.contains(word) {
                wrong.push(format!("{path}: {word}"));
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

/// What is printed is printed, delivered or said, never told.
const PRINTED: &[(&str, &str)] = &[("told", "printed"), ("tell", "print"), ("tells", "prints"), ("teller", "printer")];

/// Functions as rustfmt leaves them, each with the lines of code in its body: what stands between the line that opens it and
/// the one that closes it, which is indented as its `fn` is.
fn functions<'a>(lines: &[&'a str]) -> Vec<(&'a str, usize)> {
    let mut out = Vec::new();
    for (at, line) in lines.iter().enumerate() {
        let head = line.trim_start();
        let before_name = |word: &str| word.starts_with("pub") || ["const", "unsafe", "async"].contains(&word);
        let mut words = head.split(' ').skip_while(|word| before_name(word));
        let (Some("fn"), Some(name)) = (words.next(), words.next()) else { continue };
        let close = format!("{}}}", &line[..line.len() - head.len()]);
        let rest = &lines[at..];
        let opens = rest.iter().position(|line| line.ends_with(['{', '}', ';'])).unwrap_or(0);
        let length = rest[opens..].iter().position(|line| *line == close);
        let Some(length) = length.filter(|_| rest[opens].ends_with('{')) else { continue };
        let body = &rest[opens + 1..opens + length];
        out.push((name, body.iter().filter(|line| !line.trim().is_empty()).count()));
    }
    out
}

#[test]
fn the_lines_of_a_function_are_counted() {
    let text = "impl A {\n    pub(super) const fn a(\n        b: u8,\n    ) -> u8 {\n        if b > 0 {\n            1\n        }\n\n    }\n\n    fn one(&self) {}\n    fn lacks(&self);\n    fn two() {\n        2\n    }\n}";
    let lines: Vec<&str> = text.lines().collect();
    assert_eq!(functions(&lines), [("a(", 3), ("two()", 1)]);
}

#[test]
fn no_function_is_long() {
    let mut wrong = Vec::new();
    for (path, text) in all() {
        for (name, length) in functions(&code(&path, &text)) {
            if length > 70 {
                wrong.push(format!("{path}: fn {name} has {length} lines of code; at most 70"));
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

/// The compiler finds a public item without a line that says what it is, and CI takes its warnings for errors.
#[test]
fn public_items_of_the_core_are_documented() {
    let root = read("crates/perpx-core/src/lib.rs");
    assert!(root.contains("\n#![warn(missing_docs)]\n"), "perpx-core lacks #![warn(missing_docs)]");
    for (path, text) in below("crates/perpx-core/src") {
        for attribute in ["allow(missing_docs", "expect(missing_docs"] {
            assert!(!text.contains(attribute), "{path}: {attribute})");
        }
    }
}

/// Names that were private to this house, by the folder in which they stood, each with the one that took its place.
const OLD_NAMES: &[(&str, &[(&str, &str)])] = &[
    (
        "crates/perpx-core/src/tape",
        &[
            ("Room", "Arena"),
            ("Kept", "PooledMap"),
            ("Cut", "Unfilled"),
            ("Cells", "Slots"),
            ("LocalCells", "LocalWriter"),
            ("Pace", "FeedLoad"),
        ],
    ),
    (
        "crates/perpx-core/src/replay",
        &[
            ("Fold", "CompiledRules"),
            ("Gate", "ColumnFilter"),
            ("Reach", "BandReach"),
            ("asleep", "idle"),
            ("stirs", "may_fire"),
            ("stirred", "fired"),
            ("told", "record"),
        ],
    ),
    (
        "crates/perpx-core/src/execution",
        &[("Floor", "ExecCtx"), ("floor", "ctx"), ("Desk", "OrderManager"), ("desk", "manager")],
    ),
    ("crates/perpx-core/src/strategy", &[("Sense", "StateView"), ("sense", "own"), ("Waiting", "WakeView")]),
    (
        "crates/perpx-core/src/trader",
        &[("Call", "StepCtx"), ("call", "step"), ("ask", "decision"), ("desk", "manager"), ("Floor", "ExecCtx")],
    ),
    (
        "crates/perpx-core/src/sim",
        &[
            ("Met", "OrderTrace"),
            ("Fate", "OrderOutcome"),
            ("hollow", "orphan"),
            ("stirs_at", "may_fire_at"),
            ("tell", "deliver"),
            ("tell_kept", "deliver_kept"),
            ("tell_money", "deliver_money"),
            ("untold", "undelivered"),
            ("told", "newest"),
        ],
    ),
    ("crates/perpx-core/src/config", &[("say", "describe")]),
    ("crates/perpx-sweep/src", PRINTED),
    (
        "crates/perpx-sweep/src",
        &[
            ("aside", "once"),
            ("Podium", "TopK"),
            ("Judge", "Ranker"),
            ("Grade", "Score"),
            ("Crew", "Scheduler"),
            ("Mover", "DriverSlot"),
            ("Effort", "WorkerTime"),
            ("Story", "WinnerDetail"),
            ("Scenery", "MarketView"),
        ],
    ),
    ("crates/perpx-data/src", PRINTED),
    (
        "crates/perpx-data/src",
        &[("heard", "received"), ("news", "fresh"), ("MissingPolicy", "Missing"), ("MarksPolicy", "Missing")],
    ),
    ("src", PRINTED),
    ("crates/perpx-data/src/loader", &[("aside", "partial"), ("Pace", "FeedLoad")]),
    ("crates/perpx-data/src/store", &[("aside", "partial")]),
    ("crates/perpx-data/src/text", &[("say", "print"), ("tell", "print_err")]),
    (
        "crates/perpx-venues",
        &[
            ("Fate", "Outcome"),
            ("Peer", "OpenStream"),
            ("seat", "venue"),
            ("told", "reported"),
            ("tell_account", "publish_account"),
            ("tell_order", "publish_order"),
        ],
    ),
    ("crates/perpx-venues/src/emulate/faults", &[("Kind", "FaultKind")]),
    ("crates/perpx-live", &[("told", "transition_text"), ("growing", "tile_builder")]),
    (
        "crates",
        &[("noted", "recording"), ("Machine", "RunState"), ("Ground", "EvalCtx"), ("needs_pace", "needs_feed_load")],
    ),
];

/// Identifiers of a line of code, what stands between quotes aside.
fn identifiers(line: &str) -> impl Iterator<Item = &str> {
    let unquoted = line.split('"').step_by(2);
    unquoted.flat_map(|part| part.split(|c: char| !c.is_ascii_alphanumeric() && c != '_'))
}

/// Names are the field's own.
#[test]
fn no_old_name_has_come_back() {
    let mut wrong = Vec::new();
    for (path, text) in all() {
        let names = OLD_NAMES.iter().filter(|(folder, _)| path.starts_with(&format!("{folder}/")));
        let names: BTreeMap<&str, &str> = names.flat_map(|(_, names)| names.iter().copied()).collect();
        for line in code(&path, &text) {
            let found = identifiers(line).filter_map(|name| names.get(name).map(|new| (name, new)));
            wrong.extend(found.map(|(old, new)| format!("{path}: {old} is called {new}: {}", line.trim())));
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

/// A reader who has met a type knows it by its name.
#[test]
fn the_name_of_a_type_is_one_thing_in_a_crate() {
    for name in ["perpx-sweep", "perpx-data"] {
        let mut places: BTreeMap<String, Vec<String>> = BTreeMap::new();
        for (path, text) in below(&format!("crates/{name}/src")) {
            for line in code(&path, &text).into_iter().filter(|line| !line.starts_with(' ')) {
                let mut words = identifiers(line).filter(|word| !["", "pub", "crate", "super"].contains(word));
                let defines = words.next().is_some_and(|word| ["struct", "enum", "trait", "type"].contains(&word));
                if let Some(name) = words.next().filter(|_| defines) {
                    places.entry(name.to_string()).or_default().push(path.clone());
                }
            }
        }
        assert!(places.len() > 50, "{name}: {} types read", places.len());
        places.retain(|_, paths| paths.len() > 1);
        assert!(places.is_empty(), "{name}: {places:#?}");
    }
}
