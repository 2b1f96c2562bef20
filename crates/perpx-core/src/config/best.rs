//! best.yml: a configuration written as a strategy file.

use super::keys::K;
use super::values::Values;
use super::{ConfigFile, Num, Override, Value};
use serde_json::Value as Json;

/// The file under `overrides` as YAML: every key that the file or an override gives, in table order, then the block
/// `provenance`. Read again it resolves to the identical configuration.
pub fn write_best(file: &ConfigFile, overrides: &[Override], provenance: &Json) -> String {
    let values = Values { file, over: overrides };
    let mut out = String::new();
    let mut open: Vec<&str> = Vec::new();
    // of several symbols' instruments its own
    let symbol = values.word(K::Symbol);
    let kept = |ix: &super::KeyIx| values.written(*ix).is_some() && !file.schema().is_foreign(*ix, symbol);
    let mut keys: Vec<_> = file.schema().all().filter(kept).collect();
    // sections of one name together: keys of several venues are apart in the table
    let venue =
        |path: &str| path.strip_prefix("exchanges.").and_then(|rest| rest.split('.').next()).map(str::to_string);
    // a section is written once, where its first key stands in the table, though others' keys may lie between its own
    let first = |section: &str| {
        file.schema().all().find(|ix| file.schema().path(*ix).strip_prefix(section).is_some_and(|p| p.starts_with('.')))
    };
    keys.sort_by_cached_key(|ix| {
        let path = file.schema().path(*ix);
        let mut order: Vec<_> = path.match_indices('.').filter_map(|(at, _)| first(&path[..at])).collect();
        order.push(*ix);
        (section_rank(file, path), venue(path), order)
    });
    for ix in keys {
        let Some(value) = values.written(ix) else { continue };
        let mut parts: Vec<&str> = file.schema().path(ix).split('.').collect();
        let Some(leaf) = parts.pop() else { continue };
        let common = open.iter().zip(&parts).take_while(|(a, b)| a == b).count();
        if common == 0 && !out.is_empty() && (!parts.is_empty() || !open.is_empty()) {
            out.push('\n');
        }
        for (depth, part) in parts.iter().enumerate().skip(common) {
            out.push_str(&format!("{}{part}:\n", "  ".repeat(depth)));
        }
        out.push_str(&format!("{}{leaf}: {}\n", "  ".repeat(parts.len()), inline(value)));
        open = parts;
    }
    // a venue that the file names without a key of its own must be there when it is read again
    for venue in &file.schema().venues {
        let start = format!("exchanges.{venue}.");
        let said = |ix: &super::KeyIx| file.schema().path(*ix).starts_with(&start) && values.written(*ix).is_some();
        if !file.schema().all().any(|ix| said(&ix)) && out.contains("\nexchanges:\n") {
            out = out.replacen("\nexchanges:\n", &format!("\nexchanges:\n  {venue}:\n"), 1);
        }
    }
    out.push_str("\nprovenance:");
    block(&mut out, provenance, 1);
    out
}

/// The hash of the block `provenance.evidence` in the text of a best.yml, its own line `hash` left out; none without such a block.
/// Whoever changes a figure of it by hand changes this.
pub fn evidence_hash(best: &str) -> Option<String> {
    let block =
        best.lines().skip_while(|line| *line != "provenance:").skip_while(|line| *line != "  evidence:").skip(1);
    let lines: Vec<&str> = block.take_while(|line| line.starts_with("    ")).collect();
    let kept: Vec<&str> = lines.iter().copied().filter(|line| !line.starts_with("    hash:")).collect();
    (!lines.is_empty()).then(|| super::short_hash(&kept.join("\n")))
}

/// Where a top-level name belongs: in the order in which its first key stands in the table.
fn section_rank(file: &ConfigFile, path: &str) -> (usize, usize) {
    let head = path.split('.').next().unwrap_or(path);
    let names = file.schema().names_under("");
    let rank = names.iter().position(|name| name == head).unwrap_or(names.len());
    // scalars first: YAML does not mind, a reader does
    (usize::from(path.contains('.')), rank)
}

/// A value as YAML takes it on one line.
fn inline(value: &Value) -> String {
    match value {
        Value::Text(text) => word(text),
        Value::List(items) => format!("[{}]", items.iter().map(inline).collect::<Vec<_>>().join(", ")),
        Value::Map(entries) => {
            let entries: Vec<String> =
                entries.iter().map(|(key, value)| format!("{}: {}", word(key), inline(value))).collect();
            format!("{{{}}}", entries.join(", "))
        }
        other => other.to_string(),
    }
}

/// A text that YAML reads as this text: bare if it is a plain word, else quoted.
fn word(text: &str) -> String {
    let plain = text.starts_with(|c: char| c.is_ascii_alphabetic())
        && text.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '/' | '.'))
        && Num::parse(text).is_none()
        && !["null", "true", "false", "yes", "no", "on", "off", "y", "n", "nan", "inf"]
            .contains(&text.to_ascii_lowercase().as_str());
    if plain { text.to_string() } else { Json::String(text.to_string()).to_string() }
}

/// A JSON value as block YAML after `key:`.
fn block(out: &mut String, json: &Json, depth: usize) {
    let indent = "  ".repeat(depth);
    match json {
        Json::Object(entries) if !entries.is_empty() => {
            out.push('\n');
            for (key, value) in entries {
                out.push_str(&format!("{indent}{}:", word(key)));
                block(out, value, depth + 1);
            }
        }
        Json::Array(items) if items.iter().any(|item| item.is_object() || item.is_array()) => {
            out.push('\n');
            for item in items {
                out.push_str(&format!("{indent}- {item}\n"));
            }
        }
        other => out.push_str(&format!(" {other}\n")),
    }
}
