//! What names the code, and what does not.

use std::fs;
use std::path::Path;
use std::process::Command;

/// A crate with a module, a program and an included file.
fn small() -> tempfile::TempDir {
    let root = tempfile::tempdir().expect("a folder");
    fs::create_dir_all(root.path().join("src/bin")).expect("folders");
    fs::create_dir_all(root.path().join("src/one")).expect("folders");
    for (path, text) in [
        ("Cargo.toml", "[package]\nname = \"small\"\n"),
        ("Cargo.lock", "version = 4\n"),
        ("src/lib.rs", "pub mod one;\npub fn two() -> i32 { 2 }\n"),
        (
            "src/one/mod.rs",
            "mod deep;\npub const TEXT: &str = include_str!(\"text.toml\");\npub struct S { a: u8, b: u8 }\n",
        ),
        ("src/one/deep.rs", "pub fn three(a: &i32) -> i32 { a + 1 }\n"),
        ("src/one/text.toml", "a = 1\n"),
        ("src/bin/run.rs", "fn main() {}\n"),
    ] {
        fs::write(root.path().join(path), text).expect("writes");
    }
    root
}

/// What the build script names the crate under `root`, and its tiles.
fn names(root: &Path) -> [String; 2] {
    let script = Command::new(env!("PERPX_BUILD_SCRIPT")).env("PERPX_NAMES_OF", root).output().expect("it starts");
    let text = String::from_utf8(script.stdout).expect("text");
    let lines: Vec<String> = text.lines().map(str::to_string).collect();
    lines.try_into().unwrap_or_else(|lines| panic!("{lines:?}"))
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
        ("src/lib.rs", "pub fn two", "// why\npub fn two"),
        ("src/lib.rs", "pub mod", "//! The crate.\n\npub mod"),
        ("src/lib.rs", "pub fn two", "/// Two.\n/* and */ pub fn two"),
        ("src/one/deep.rs", "{ a + 1 }", "{\n    // one more\n    a + 1\n}"),
        ("src/lib.rs", "pub fn two", "#[cfg(test)]\nmod tests {\n    #[test]\n    fn t() {}\n}\npub fn two"),
        (
            "src/lib.rs",
            "pub fn two",
            "#[cfg(test)]\n#[allow(unused)]\npub(crate) fn sample(a: (u8, u8)) -> u8 { a.0 }\npub fn two",
        ),
        ("src/lib.rs", "pub fn two", "#[cfg(test)]\nuse crate::one::{S, TEXT};\npub fn two"),
        ("src/lib.rs", "pub fn two", "#[cfg(test)]\nconst A: [u8; 2] = { [1, 2] };\npub fn two"),
        // the file of a test module need not even be there
        ("src/lib.rs", "pub fn two", "#[cfg(test)]\nmod tests;\npub fn two"),
        ("Cargo.toml", "name", "# the name\nname"),
    ] {
        assert_eq!(with(path, from, to), same, "{path}: {to}");
    }
    // nor does a file that no module names
    let root = small();
    fs::write(root.path().join("src/one/notes.rs"), "fn unused() {}").expect("writes");
    assert_eq!(id(root.path()), same);
}

#[test]
fn what_runs_does() {
    let same = id(small().path());
    for (path, from, to) in [
        ("src/lib.rs", "{ 2 }", "{ 3 }"),
        ("src/one/deep.rs", "a + 1", "a - 1"),
        ("src/one/deep.rs", "a + 1", "\"// a\".len() as i32 + 1"),
        ("src/one/text.toml", "a = 1", "a = 2"),
        ("src/bin/run.rs", "{}", "{ std::process::exit(1) }"),
        ("src/lib.rs", "pub fn two", "#[inline]\npub fn two"),
        ("src/lib.rs", "pub fn two", "#[cfg(not(test))]\npub fn four() {}\npub fn two"),
        // of a test's field nothing else is dropped
        ("src/one/mod.rs", "a: u8, b: u8", "a: u8, #[cfg(test)] c: u8, b: u16"),
        ("Cargo.lock", "version = 4", "version = 3"),
        ("Cargo.toml", "small", "large"),
    ] {
        assert_ne!(with(path, from, to), same, "{path}: {to}");
    }
}

#[test]
fn this_crate_has_a_name() {
    let [id, tiles] = names(Path::new(env!("CARGO_MANIFEST_DIR")));
    // the compiler's version is in the name that the crate was built with
    assert!(id.len() == 16 && perpx::sweep::code_id().len() == 16, "{id}");
    assert_eq!(tiles, env!("PERPX_TILE_ID"));
}

#[test]
fn tiles_are_named_by_the_code_that_makes_them() {
    let root = tempfile::tempdir().expect("a folder");
    for name in ["units", "market", "tape", "strategy"] {
        fs::create_dir_all(root.path().join("src").join(name)).expect("folders");
        fs::write(root.path().join("src").join(name).join("mod.rs"), "pub fn f() -> i32 { 1 }").expect("writes");
    }
    fs::write(root.path().join("Cargo.lock"), "version = 4").expect("writes");
    let id = || names(root.path())[1].clone();
    let first = id();
    let write =
        |name: &str, text: &str| fs::write(root.path().join("src").join(name).join("mod.rs"), text).expect("writes");
    write("strategy", "pub fn f() -> i32 { 2 }");
    write("tape", "/// One.\npub fn f() -> i32 { 1 }");
    assert_eq!(id(), first, "neither the strategy nor a comment makes tiles");
    write("market", "pub fn f() -> i32 { 2 }");
    assert_ne!(id(), first);
    write("market", "pub fn f() -> i32 { 1 }");
    write("tape", "pub fn f() -> i32 { 3 }");
    assert_ne!(id(), first);
}
