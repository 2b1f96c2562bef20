//! Every page that a source, a test, a config or another page names is there, and so is the section it names.

use crate::tree;
use std::collections::BTreeMap;
use std::path::Path;

/// Names that are no page of this repository: (file, name).
const NO_PAGES: [(&str, &str); 2] = [
    ("tests/it/folder.rs", "notes.md"),            // a user's own file in the way of a run
    ("tests/sdk/grvt_emulator.py", "self.api.md"), // market data of the venue's own client
];

/// The text files, by their path from the root.
fn texts() -> BTreeMap<String, String> {
    let text = |path: String| Some((path.clone(), std::fs::read_to_string(tree::root(&path)).ok()?));
    let extensions = ["", "rs", "md", "toml", "yml", "txt", "py", "js"];
    tree::files(&[""], &extensions).into_iter().filter_map(text).collect()
}

/// Each `name.md` of a text with what follows it.
fn mentions(text: &str) -> Vec<(&str, &str)> {
    let part = |c: char| c.is_ascii_alphanumeric() || "_./-".contains(c);
    let mut out = Vec::new();
    for (at, _) in text.match_indices(".md") {
        let end = at + 3;
        if text[end..].starts_with(|c: char| c.is_ascii_alphanumeric() || c == '_' || c == '/') {
            continue;
        }
        let start =
            text[..at].rfind(|c| !part(c)).map_or(0, |i| i + text[i..].chars().next().map_or(1, char::len_utf8));
        let name = &text[start..end];
        // an address elsewhere, and the ending spoken of by itself
        if !name.contains("//") && start < at {
            out.push((name, &text[end..]));
        }
    }
    out
}

/// The file that `name` in `from` means: beside it, from the root, a page of docs/ or of the contract.
fn resolve<'a>(files: &'a BTreeMap<String, String>, from: &str, name: &str) -> Option<&'a String> {
    let beside = Path::new(from).parent().unwrap_or(Path::new(""));
    [beside, Path::new(""), Path::new("docs"), Path::new("docs/contract")].iter().find_map(|dir| {
        let mut parts: Vec<&str> = Vec::new();
        let joined = dir.join(name);
        for part in joined.to_str()?.split('/') {
            match part {
                "." | "" => {}
                ".." => drop(parts.pop()?),
                _ => parts.push(part),
            }
        }
        files.get(&parts.join("/"))
    })
}

fn headings(page: &str) -> impl Iterator<Item = &str> {
    outside_of_code(page).filter(|line| line.starts_with('#')).map(|line| line.trim_start_matches('#').trim())
}

fn outside_of_code(page: &str) -> impl Iterator<Item = &str> {
    let mut code = false;
    page.lines().filter(move |line| {
        let fence = line.trim_start().starts_with("```");
        code ^= fence;
        !code && !fence
    })
}

/// What a mention says of a section: `strategy.md, 6`, `sweep.md "Metrics, exactly"`.
fn section(page: &str, after: &str) -> Result<(), String> {
    let Some(after) = after.trim_start_matches(['`', ',']).strip_prefix(' ') else { return Ok(()) };
    if let Some(title) = after.strip_prefix('"').and_then(|rest| rest.split_once('"')).map(|(title, _)| title) {
        let found = headings(page).any(|heading| heading.to_lowercase().contains(&title.to_lowercase()));
        return if found { Ok(()) } else { Err(format!("no section {title:?}")) };
    }
    let number: String = after.chars().take_while(char::is_ascii_digit).collect();
    let numbered = |heading: &str| heading.split([' ', '.']).next().is_some_and(|first| first.parse::<u32>().is_ok());
    if number.is_empty()
        || !headings(page).any(numbered)
        || headings(page).any(|h| h.split([' ', '.']).next() == Some(&number))
    {
        return Ok(());
    }
    Err(format!("no section {number}"))
}

/// A comment or a paragraph over several lines as one line.
fn joined(text: &str) -> String {
    text.lines().map(|line| line.trim_start().trim_start_matches(['/', '!', '#']).trim()).collect::<Vec<_>>().join(" ")
}

#[test]
fn every_page_and_section_that_is_named_is_there() {
    let files = texts();
    let (mut wrong, mut seen) = (Vec::new(), 0);
    for (file, text) in files.iter().filter(|(file, _)| *file != "tests/it/docs.rs") {
        for (name, after) in mentions(&joined(text)) {
            if NO_PAGES.contains(&(file, name)) {
                continue;
            }
            seen += 1;
            match resolve(&files, file, name) {
                None => wrong.push(format!("{file} names {name}, which is not there")),
                Some(page) => wrong.extend(section(page, after).err().map(|e| format!("{file} names {name}: {e}"))),
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
    assert!(seen > 40, "only {seen} mentions of pages: the test reads too little");
}

/// The anchor that a heading has on a page.
fn anchor(heading: &str) -> String {
    heading
        .to_lowercase()
        .chars()
        .filter_map(|c| if c == ' ' { Some('-') } else { (c.is_alphanumeric() || c == '-' || c == '_').then_some(c) })
        .collect()
}

#[test]
fn every_link_of_a_page_leads_to_a_file() {
    let files = texts();
    let mut wrong = Vec::new();
    for (file, text) in files.iter().filter(|(file, _)| file.ends_with(".md")) {
        for line in outside_of_code(text) {
            for (at, _) in line.match_indices("](") {
                let target = line[at + 2..].split(')').next().unwrap_or_default();
                if target.is_empty() || target.contains("://") || target.starts_with("mailto:") {
                    continue;
                }
                let (path, section) = target.split_once('#').unwrap_or((target, ""));
                let beside = tree::root("").join(file);
                let path = if path.is_empty() { beside } else { beside.parent().expect("a folder").join(path) };
                if !path.exists() {
                    wrong.push(format!("{file} links to {target}, which is not there"));
                } else if !section.is_empty() {
                    let page = std::fs::read_to_string(&path).unwrap_or_default();
                    if !headings(&page).any(|heading| anchor(heading) == section) {
                        wrong.push(format!("{file} links to {target}: no such section"));
                    }
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

/// The source whose path ends with `end`.
fn source<'a>(files: &'a BTreeMap<String, String>, end: &str) -> &'a str {
    let ends = |file: &&String| file.ends_with(&format!("/{end}")) && !file.starts_with("tests/");
    let found: Vec<&String> = files.keys().filter(ends).collect();
    assert_eq!(found.len(), 1, "ARCHITECTURE.md changes {end}: {found:?}");
    &files[found[0]]
}

/// Of each example of ARCHITECTURE.md that is a change: what it leaves and what it takes away stands in the sources, once.
#[test]
fn the_examples_of_changes_fit_the_sources() {
    let files = texts();
    let (mut file, mut old, mut inside, mut seen, mut wrong) = ("", String::new(), false, 0, Vec::new());
    for line in files["ARCHITECTURE.md"].lines() {
        let (begins, ends) = (line == "```diff", line == "```");
        if inside && (ends || line.starts_with("--- ") || line.starts_with("@@")) && !old.is_empty() {
            seen += 1;
            if source(&files, file).matches(&old).count() != 1 {
                wrong.push(format!("does not stand once in {file}:\n{old}"));
            }
            old.clear();
        }
        inside = (inside || begins) && !ends;
        match line.split_at_checked(1) {
            _ if !inside || begins => {}
            _ if line.starts_with("--- ") => file = &line[4..],
            Some((" " | "-", text)) => old += &format!("{text}\n"),
            _ => {}
        }
    }
    assert!(wrong.is_empty(), "ARCHITECTURE.md is out of date:\n{}", wrong.join("\n"));
    assert!(seen >= 15, "only {seen} examples: the test reads too little");
}

/// The table of fill rules names tests and mutants that are there.
#[test]
fn what_holds_a_fill_rule_is_there() {
    let files = texts();
    let page = &files["docs/contract/fills.md"];
    let rows =
        page.lines().skip_while(|line| *line != "## Rule by rule").skip(1).take_while(|line| !line.starts_with('#'));
    let tests: Vec<&String> = files.iter().filter(|(file, _)| file.ends_with(".rs")).map(|(_, text)| text).collect();
    let (mut wrong, mut seen) = (Vec::new(), 0);
    for held in rows.filter_map(|line| line.split(" | ").nth(2)) {
        let names = held.split('`').skip(1).step_by(2).filter(|name| name.contains('_') && !name.contains('/'));
        let missing = |name: &&str| !tests.iter().any(|text| text.contains(&format!("fn {name}(")));
        let mutants =
            held.split(&[',', ';'][..]).filter_map(|part| part.trim().split_once("mutant")).map(|(_, name)| name);
        let mutants = mutants.map(|name| name.trim_start_matches('s').trim());
        let list = &files["tests/mutants/list"];
        seen += names.clone().count();
        wrong.extend(names.filter(missing).map(str::to_string));
        wrong.extend(mutants.filter(|name| !list.contains(&format!("\n{name} "))).map(str::to_string));
    }
    assert!(wrong.is_empty(), "docs/contract/fills.md names what is not there: {wrong:#?}");
    assert!(seen > 30, "only {seen} tests are named: the test reads too little");
}

#[test]
fn a_name_that_leads_nowhere_is_seen() {
    let page = "# A page\n\n## 6 The lock\n\n### Metrics, exactly\n".to_string();
    let files = BTreeMap::from([("docs/contract/strategy.md".to_string(), page.clone())]);
    assert!(resolve(&files, "crates/perpx-core/src/sim/mod.rs", "strategy.md").is_some());
    assert!(resolve(&files, "docs/contract/fills.md", "./strategy.md").is_some());
    assert!(resolve(&files, "crates/perpx-core/src/sim/mod.rs", "fill-model.md").is_none());
    assert_eq!(
        mentions("(see docs/a.md, 6; https://x.org/b.md, c.mdx, *.md)"),
        vec![("docs/a.md", ", 6; https://x.org/b.md, c.mdx, *.md)")]
    );
    assert!(
        section(&page, ", 6).").is_ok()
            && section(&page, " 6").is_ok()
            && section(&page, " \"Metrics, exactly\"").is_ok()
    );
    assert_eq!(section(&page, ", 7)"), Err("no section 7".to_string()));
    assert_eq!(section(&page, " \"Clocks\""), Err("no section \"Clocks\"".to_string()));
}
