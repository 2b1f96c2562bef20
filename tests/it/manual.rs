//! The manual (docs/, README.md, README.zh-CN.md): its generated tables are current, its commands are ones that exist, those
//! marked `<!-- run -->` run on the sample, and the Chinese front page has the commands of the English one.

use crate::commands::COMMANDS;
use crate::tree::{ROOT, files, read, root};
use perpx::stats::{MetricInfo, metric_table};
use perpx::trader::Composite;
use perpx::units::{MS, SECOND};
use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::process::{Command, Output};
use std::sync::OnceLock;

fn pages() -> Vec<String> {
    let mut all = files(&["docs", "data"], &["md"]);
    all.extend(["README.md", "README.zh-CN.md"].map(str::to_string));
    all
}

/// A shell in `folder` that finds the built commands.
fn shell(folder: &Path, script: &str) -> Output {
    let built = Path::new(env!("CARGO_BIN_EXE_perpx-sweep")).parent().expect("a folder");
    let path = format!("{}:{}", built.display(), std::env::var("PATH").unwrap_or_default());
    let mut shell = Command::new("sh");
    shell.args(["-e", "-c", script]).current_dir(folder).env("PATH", path).env_remove("COLUMNS");
    // what is tried here is nobody's
    static STATE: OnceLock<tempfile::TempDir> = OnceLock::new();
    shell.env("PERPX_STATE", STATE.get_or_init(|| tempfile::tempdir().expect("a folder")).path());
    shell.output().expect("a shell")
}

fn printed(script: &str) -> String {
    let output = shell(Path::new(ROOT), script);
    assert!(output.status.success(), "{script}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).expect("text").trim_end().to_string()
}

// generated tables

fn metric_rows(wanted: impl Fn(&str) -> bool) -> String {
    let mut out = String::from("| metric | unit | better | meaning |\n| --- | --- | --- | --- |\n");
    for MetricInfo { name, unit, higher_is_better, doc } in metric_table::<Composite>() {
        if wanted(&name) {
            let better = if higher_is_better { "higher" } else { "lower" };
            out += &format!("| `{name}` | {unit} | {better} | {doc} |\n");
        }
    }
    out.trim_end().to_string()
}

fn words(rows: impl Iterator<Item = (String, String)>) -> String {
    let mut out = String::from("| word | meaning |\n| --- | --- |\n");
    rows.for_each(|(word, meaning)| out += &format!("| `{word}` | {} |\n", meaning.trim()));
    out.trim_end().to_string()
}

fn named(names: &[&str], docs: &[&str]) -> String {
    words(names.iter().zip(docs).map(|(name, doc)| (name.to_string(), doc.to_string())))
}

fn helps() -> String {
    let mut out = String::new();
    for (program, names) in COMMANDS {
        let program = Path::new(program).file_stem().and_then(|name| name.to_str()).expect("a name");
        for name in names {
            let line = format!("{program} {name}").trim_end().to_string();
            out += &format!("## {line}\n\n```text\n{}\n```\n\n", printed(&format!("{line} --help")));
        }
    }
    out.trim_end().to_string()
}

/// What each shipped profile says, and since when.
fn profiles() -> String {
    use perpx::market::{LiquidationRule, SelfTrade};
    let units = |money: perpx::units::Notional| money.0 / 10i128.pow(18);
    let mut out = String::new();
    for profile in perpx::config::Profile::shipped().expect("legal").iter().filter(|one| !one.origins.is_empty()) {
        let fok = if profile.has_fok { "fill-or-kill" } else { "no fill-or-kill" };
        let gives_way = match profile.self_trade {
            SelfTrade::CancelMaker => "the resting order gives way",
            SelfTrade::CancelTaker => "the arriving order gives way",
        };
        let liquidation = match profile.liquidation {
            LiquidationRule::TakeOver => "a liquidated leg loses its margin".to_string(),
            LiquidationRule::ZeroPrice { max_fee } => {
                format!("a liquidated leg is sold within its margin for a fee of at most {} %", max_fee.bps() / 100.0)
            }
        };
        let minimums =
            if profile.min_binds_takers { "minimums bind every order" } else { "minimums bind resting orders" };
        out += &format!(
            "## {}\n\nFunding every {} h on the {} price; {fok}; {minimums}; limits within {} bp of the mark; in a self-trade \
             {}; {}; default tier {}.\n\n",
            profile.name,
            profile.funding_interval_hours,
            format!("{:?}", profile.funding_price).to_lowercase(),
            profile.price_band.bps(),
            gives_way,
            liquidation,
            profile.default_tier.as_deref().unwrap_or("none"),
        );
        out += "| tier | maker bp | taker bp | delay ms: taker, maker, cancel | requests |\n| --- | --- | --- | --- | --- |\n";
        for tier in &profile.tiers {
            let delays = [tier.delays.taker, tier.delays.maker, tier.delays.cancel].map(|delay| delay / MS);
            let [taker, maker, cancel] = delays;
            let (fees, limit) = (tier.fees, tier.rate_limit);
            let quota = tier.quota.as_ref().map_or(String::new(), |quota| {
                let every = quota.free_every / SECOND;
                format!(", and a quota of {}, one free in {every} s", quota.start)
            });
            out += &format!(
                "| {} | {} | {} | {taker}, {maker}, {cancel} | {} in {} s{quota} |\n",
                tier.name,
                fees.maker.bps(),
                fees.taker.bps(),
                limit.requests,
                limit.window / SECOND
            );
        }
        out += "\n| perpetual | tick | lot | least size | least value | maintenance |\n| --- | --- | --- | --- | --- | --- |\n";
        for one in &profile.instruments {
            let brackets = one.margin.brackets.iter().map(|bracket| {
                let percent = bracket.maintenance.bps() / 100.0;
                format!("{percent} % from {}", units(bracket.floor))
            });
            let brackets = brackets.collect::<Vec<_>>().join(", ");
            let (tick, lot) = (one.tick, one.lot);
            out += &format!(
                "| {} | {tick} | {lot} | {} | {} | {brackets} |\n",
                one.symbol,
                one.min_qty,
                units(one.min_notional)
            );
        }
        out += "\n| part | read on | source |\n| --- | --- | --- |\n";
        for origin in &profile.origins {
            out += &format!("| {} | {} | {} |\n", origin.what, origin.date, origin.source);
        }
        out.push('\n');
    }
    out.trim_end().to_string()
}

/// The text that belongs into a block `<!-- generated: NAME -->` ... `<!-- end -->` of a page.
fn generated(name: &str) -> String {
    use perpx::execution::{COUNTER_DOCS, COUNTERS};
    use perpx::strategy::{REASON_DOCS, REASONS, STATE_DOCS, STATES};
    let per_word = |name: &str| ["sec_", "n_", "unlock_"].iter().any(|prefix| name.starts_with(prefix));
    let states: Vec<&str> = STATES.iter().map(|state| state.name).collect();
    match name {
        "keys" => printed("perpx-sweep keys --markdown"),
        "data columns" => printed("perpx-data columns --markdown"),
        "commands" => helps(),
        "profiles" => profiles(),
        "trials columns" => perpx::sweep::evidence::file::markdown(),
        "metrics" => metric_rows(|name| !per_word(name) && !COUNTERS.contains(&name)),
        "metrics by word" => metric_rows(per_word),
        "states" => named(&states, STATE_DOCS),
        "reasons" => named(REASONS, REASON_DOCS),
        "counters" => named(COUNTERS, COUNTER_DOCS),
        _ => panic!("no generated block is named {name:?}"),
    }
}

#[test]
fn generated_tables_are_current() {
    let mut stale = Vec::new();
    for page in pages() {
        let text = read(&page);
        let mut fresh = String::new();
        for (at, part) in text.split("<!-- generated: ").enumerate() {
            if at == 0 {
                fresh += part;
                continue;
            }
            let (name, rest) = part.split_once(" -->\n").expect("<!-- generated: NAME -->");
            let (_, after) = rest.split_once("<!-- end -->").unwrap_or_else(|| panic!("{page}: {name} has no end"));
            fresh += &format!("<!-- generated: {name} -->\n{}\n<!-- end -->{after}", generated(name));
        }
        if fresh != text {
            if std::env::var_os("PERPX_BLESS").is_some() {
                fs::write(root(&page), &fresh).expect("writable");
            } else {
                let line = fresh.lines().zip(text.lines()).find(|(a, b)| a != b);
                stale.push(format!("{page}, first at {line:?}"));
            }
        }
    }
    assert!(stale.is_empty(), "{stale:#?}\nmake them again: PERPX_BLESS=1 cargo test --release --test it manual");
}

// keys of a grid

/// A grid with an unknown key in each section: the error names the keys that there are.
#[test]
fn every_key_of_a_grid_is_in_its_chapter() {
    let page = read("docs/grid.md");
    let place = tempfile::tempdir().expect("a folder");
    for section in ["", "data", "cache", "where", "search", "objective", "validate", "report"] {
        let head = if section.is_empty() { String::new() } else { format!("[{section}]\n") };
        let text = format!("name = \"x\"\nbase = \"{ROOT}/configs/example.yml\"\n{head}nonsense = 1\n");
        fs::write(place.path().join("grid.toml"), text).expect("written");
        let output = shell(place.path(), "perpx-sweep grid.toml --dry-run");
        let error = String::from_utf8_lossy(&output.stderr).into_owned();
        let accepted = error.lines().find_map(|line| line.trim().strip_prefix("accepted: ")).expect("what is accepted");
        for key in accepted.split(", ") {
            let named = page.contains(&format!("`{key}`")) || page.contains(&format!("`[{key}]"));
            assert!(named, "docs/grid.md says nothing of {section}.{key}");
        }
    }
}

// environment variables

/// Set by the build or by a script, never by a person.
const INTERNAL: [&str; 9] = [
    "PERPX_CODE_ID",
    "PERPX_TILE_ID",
    "PERPX_BUILD_SCRIPT",
    "PERPX_NAMES_OF",
    "PERPX_TEST_KEY_UNSET",
    "PERPX_PEER_ORDERS",
    "PERPX_PEER_FILLS",
    "PERPX_PEER_QUEUE",
    "PERPX_DATA",
];

/// Words of capitals that follow `before` in a text.
fn capitals<'a>(text: &'a str, before: &str) -> Vec<&'a str> {
    let word = |rest: &'a str| {
        let end =
            rest.find(|c: char| !(c.is_ascii_uppercase() || c.is_ascii_digit() || c == '_')).unwrap_or(rest.len());
        &rest[..end]
    };
    text.match_indices(before).map(|(at, _)| word(&text[at + before.trim_end_matches("PERPX_").len()..])).collect()
}

#[test]
fn every_environment_variable_is_in_the_manual() {
    let mut used = BTreeSet::new();
    for path in files(&["src", "crates", "benches", "tests"], &["rs", "py", ""]) {
        if path.ends_with("tests/it/manual.rs") {
            continue;
        }
        let Ok(text) = fs::read_to_string(root(&path)) else { continue };
        let read = ["PERPX_", "env::var(\"", "env::var_os(\"", "set(\""];
        used.extend(read.iter().flat_map(|before| capitals(&text, before)).map(str::to_string));
    }
    // read by the build and by every program
    used.retain(|name| name.len() > 3 && !["PERPX_", "PATH", "RUSTC"].contains(&name.as_str()));
    used.retain(|name| !INTERNAL.contains(&name.as_str()));
    let page = read("docs/reference/environment.md");
    let rows = page.lines().filter_map(|line| line.strip_prefix("| `"));
    let listed: BTreeSet<String> =
        rows.flat_map(|row| capitals(row, "").into_iter().next()).map(str::to_string).collect();
    let listed: BTreeSet<String> = listed.into_iter().filter(|name| name.len() > 3).collect();
    assert_eq!(used, listed, "left: read by the sources; right: listed in docs/reference/environment.md");
}

// commands

/// The commands of a page's sh blocks, with the line of each: continued lines joined, comments taken off. With `marked` those
/// of blocks behind `<!-- run -->` alone.
fn commands(text: &str, marked: bool) -> Vec<(usize, String)> {
    let (mut found, mut inside, mut joined) = (Vec::new(), false, String::new());
    let mut before = "";
    for (at, line) in text.lines().enumerate() {
        if line.starts_with("```") {
            inside = !inside && line == "```sh" && (!marked || before == "<!-- run -->");
            before = "";
            continue;
        }
        before = line;
        if !inside {
            continue;
        }
        joined += line.split(" #").next().unwrap_or_default().trim();
        if joined.ends_with('\\') {
            joined.pop();
            continue;
        }
        let command = std::mem::take(&mut joined);
        let command =
            command.replace("cargo run --release --bin ", "").replace("cargo run --release -- ", "perpx-sweep ");
        let command = command.replace("perpx-data -- ", "perpx-data ").replace("perpx-live -- ", "perpx-live ");
        if !command.is_empty() && !command.starts_with('#') {
            found.push((at + 1, command.split_whitespace().collect::<Vec<_>>().join(" ")));
        }
    }
    found
}

#[test]
fn every_command_of_the_manual_is_one_with_its_flags() {
    let (mut wrong, mut seen) = (Vec::new(), 0);
    for page in pages() {
        for (line, command) in commands(&read(&page), false) {
            if !command.starts_with("perpx-") {
                continue;
            }
            seen += 1;
            // flags and their values are read up to --help, which ends the command
            let output = shell(Path::new(ROOT), &format!("{command} --help"));
            if !output.status.success() {
                wrong.push(format!("{page}:{line}: {command}: {}", String::from_utf8_lossy(&output.stderr)));
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
    assert!(seen > 30, "the manual has {seen} commands");
}

/// The quickstart's grid, cut to the winner of the whole one (8685...) and a neighbour: what the manual shows of it is there.
const AXES: &str = r#"[axes]
"thresholds.trend_strength.min_diff" = [0.0012]
"locking.g_pct" = [0.0025]
"locking.band_sigma" = [0.8]
"locking.on_ub" = ["close_short"]
"locking.on_lb" = ["hold"]
"locking.t_max_sec" = [3600, 14400]
"thresholds.min_target_return" = [0.0035]
"fills.latency.order.median_ms" = [20, 200]
"#;

#[test]
fn the_commands_that_are_marked_run() {
    let place = tempfile::tempdir().expect("a folder");
    for folder in ["configs", "sweeps"] {
        fs::create_dir(place.path().join(folder)).expect("made");
        for entry in fs::read_dir(root(folder)).expect("a folder") {
            let path = entry.expect("an entry").path();
            fs::copy(&path, place.path().join(folder).join(path.file_name().expect("a name"))).expect("copied");
        }
    }
    std::os::unix::fs::symlink(root("data"), place.path().join("data")).expect("a link");
    let grid = read("sweeps/quickstart.toml");
    let (head, rest) = grid.split_once("[axes]").expect("axes");
    let (_, tail) = rest.split_once("\n[").expect("a section behind the axes");
    fs::write(place.path().join("sweeps/quickstart.toml"), format!("{head}{AXES}\n[{tail}")).expect("written");
    let summary = read("docs/SUMMARY.md");
    let mut seen = 0;
    for page in summary.split("](").skip(1).filter_map(|rest| rest.split(')').next()) {
        for (line, command) in commands(&read(&format!("docs/{page}")), true) {
            seen += 1;
            let output = shell(place.path(), &command);
            let error = String::from_utf8_lossy(&output.stderr);
            assert!(output.status.success(), "docs/{page}:{line}: {command}: {:?} {error}", output.status);
        }
    }
    assert!(seen > 5, "{seen} commands are marked");
}

#[test]
fn the_chinese_front_page_has_the_commands_of_the_english_one() {
    let all = |page: &str| commands(&read(page), false).into_iter().map(|(_, command)| command).collect::<Vec<_>>();
    let english: Vec<String> = [all("README.md"), all("docs/first-sweep.md")].concat();
    assert_eq!(all("README.zh-CN.md"), english, "left: README.zh-CN.md; right: README.md, then docs/first-sweep.md");
}
