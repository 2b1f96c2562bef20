//! What names the code, and what does not.

#[path = "../../../build/sources.rs"]
mod sources;

use sources::{CRATES, TILE_SOURCES};
use std::fs;
use std::path::Path;
use std::process::Command;

const ROOT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../..");

/// What the build script names the code under `root`, and its tiles.
fn names(root: &Path) -> [String; 2] {
    let script = Command::new(env!("PERPX_BUILD_SCRIPT")).env("PERPX_NAMES_OF", root).output().expect("it starts");
    let text = String::from_utf8(script.stdout).expect("text");
    let lines: Vec<String> = text.lines().map(str::to_string).collect();
    lines.try_into().unwrap_or_else(|lines| panic!("{lines:?}"))
}

/// The crates that decide results, the first of them with a module and an included file, and one that does not.
fn small() -> tempfile::TempDir {
    let root = tempfile::tempdir().expect("a folder");
    let first = CRATES[0];
    let files = [
        ("Cargo.toml".to_string(), "[workspace]\nmembers = [\"small\"]\n"),
        ("Cargo.lock".to_string(), "version = 4\n"),
        (format!("crates/{first}/src/lib.rs"), "pub mod one;\npub fn two() -> i32 { 2 }\n"),
        (
            format!("crates/{first}/src/one/mod.rs"),
            "mod deep;\npub const TEXT: &str = include_str!(\"text.toml\");\npub struct S { a: u8, b: u8 }\n",
        ),
        (format!("crates/{first}/src/one/deep.rs"), "pub fn three(a: &i32) -> i32 { a + 1 }\n"),
        (format!("crates/{first}/src/one/text.toml"), "a = 1\n"),
        ("crates/perpx-live/src/lib.rs".to_string(), "pub fn four() {}\n"),
    ];
    let others = CRATES.iter().skip(1).map(|name| (format!("crates/{name}/src/lib.rs"), "pub fn five() {}\n"));
    let manifests = CRATES.iter().map(|name| (format!("crates/{name}/Cargo.toml"), "[package]\n"));
    for (path, text) in files.into_iter().chain(others).chain(manifests) {
        let path = root.path().join(path);
        fs::create_dir_all(path.parent().expect("a folder")).expect("folders");
        fs::write(path, text).expect("writes");
    }
    root
}

fn id(root: &Path) -> String {
    let [id, _] = names(root);
    assert!(id.len() == 16 && id.chars().all(|digit| digit.is_ascii_hexdigit()), "{id}");
    id
}

/// The name after one text was put in place of another in one file.
fn with(path: &str, from: &str, to: &str) -> String {
    let root = small();
    let path = root.path().join(path);
    let text = fs::read_to_string(&path).unwrap_or_default();
    assert!(text.contains(from), "{from}");
    fs::write(&path, text.replacen(from, to, 1)).expect("writes");
    id(root.path())
}

#[test]
fn a_comment_or_a_test_names_no_other_code() {
    let same = id(small().path());
    for (path, from, to) in [
        ("crates/perpx-core/src/lib.rs", "pub fn two", "// why\npub fn two"),
        ("crates/perpx-core/src/lib.rs", "pub mod", "//! The crate.\n\npub mod"),
        ("crates/perpx-core/src/lib.rs", "pub fn two", "/// Two.\n/* and */ pub fn two"),
        ("crates/perpx-core/src/one/deep.rs", "{ a + 1 }", "{\n    // one more\n    a + 1\n}"),
        (
            "crates/perpx-core/src/lib.rs",
            "pub fn two",
            "#[cfg(test)]\nmod tests {\n    #[test]\n    fn t() {}\n}\npub fn two",
        ),
        (
            "crates/perpx-core/src/lib.rs",
            "pub fn two",
            "#[cfg(test)]\n#[allow(unused)]\npub(crate) fn sample(a: (u8, u8)) -> u8 { a.0 }\npub fn two",
        ),
        ("crates/perpx-core/src/lib.rs", "pub fn two", "#[cfg(test)]\nuse crate::one::{S, TEXT};\npub fn two"),
        ("crates/perpx-core/src/lib.rs", "pub fn two", "#[cfg(test)]\nconst A: [u8; 2] = { [1, 2] };\npub fn two"),
        // the file of a test module need not even be there
        ("crates/perpx-core/src/lib.rs", "pub fn two", "#[cfg(test)]\nmod tests;\npub fn two"),
        ("Cargo.toml", "members", "# the crates\nmembers"),
        // what comes after the results
        ("crates/perpx-live/src/lib.rs", "{}", "{ std::process::exit(1) }"),
    ] {
        assert_eq!(with(path, from, to), same, "{path}: {to}");
    }
    // nor does a file that no module names
    let root = small();
    fs::write(root.path().join("crates/perpx-core/src/one/notes.rs"), "fn unused() {}").expect("writes");
    assert_eq!(id(root.path()), same);
}

#[test]
fn what_runs_does() {
    let same = id(small().path());
    for (path, from, to) in [
        ("crates/perpx-core/src/lib.rs", "{ 2 }", "{ 3 }"),
        ("crates/perpx-core/src/one/deep.rs", "a + 1", "a - 1"),
        ("crates/perpx-core/src/one/deep.rs", "a + 1", "\"// a\".len() as i32 + 1"),
        ("crates/perpx-core/src/one/text.toml", "a = 1", "a = 2"),
        ("crates/perpx-sweep/src/lib.rs", "{}", "{ std::process::exit(1) }"),
        ("crates/perpx-data/Cargo.toml", "[package]", "[package]\nedition = \"2024\""),
        ("crates/perpx-core/src/lib.rs", "pub fn two", "#[inline]\npub fn two"),
        ("crates/perpx-core/src/lib.rs", "pub fn two", "#[cfg(not(test))]\npub fn four() {}\npub fn two"),
        // of a test's field nothing else is dropped
        ("crates/perpx-core/src/one/mod.rs", "a: u8, b: u8", "a: u8, #[cfg(test)] c: u8, b: u16"),
        ("Cargo.lock", "version = 4", "version = 3"),
        ("Cargo.toml", "small", "large"),
    ] {
        assert_ne!(with(path, from, to), same, "{path}: {to}");
    }
}

#[test]
fn this_code_has_a_name() {
    let [id, tiles] = names(Path::new(ROOT));
    // the compiler's version is in the name that the crate was built with
    assert!(id.len() == 16 && perpx_sweep::code_id().len() == 16, "{id}");
    assert_eq!(tiles, perpx_data::loader::cache::VERSION);
}

#[test]
fn tiles_are_named_by_the_code_that_makes_them() {
    let root = tempfile::tempdir().expect("a folder");
    let path = |source: &str| {
        let path = root.path().join(source);
        if source.ends_with(".rs") { path } else { path.join("mod.rs") }
    };
    let write = |source: &str, text: &str| {
        fs::create_dir_all(path(source).parent().expect("a folder")).expect("folders");
        fs::write(path(source), text).expect("writes");
    };
    TILE_SOURCES.iter().for_each(|source| write(source, "pub fn f() -> i32 { 1 }"));
    fs::write(root.path().join("Cargo.lock"), "version = 4").expect("writes");
    for name in CRATES {
        write(&format!("crates/{name}/src/lib.rs"), "");
        fs::write(root.path().join(format!("crates/{name}/Cargo.toml")), "").expect("writes");
    }
    fs::write(root.path().join("Cargo.toml"), "").expect("writes");
    let id = || names(root.path())[1].clone();
    let first = id();
    write("crates/perpx-core/src/strategy", "pub fn f() -> i32 { 2 }");
    write("crates/perpx-core/src/tape", "/// One.\npub fn f() -> i32 { 1 }");
    assert_eq!(id(), first, "neither the strategy nor a comment makes tiles");
    for source in TILE_SOURCES {
        write(source, "pub fn f() -> i32 { 2 }");
        assert_ne!(id(), first, "{source}");
        write(source, "pub fn f() -> i32 { 1 }");
    }
}
