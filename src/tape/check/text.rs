//! The report as text: a table of tables, then errors, warnings, holes, clocks.

use super::{CheckReport, TableCheck};
use crate::units::{SECOND_NS, Time};
use std::fmt::Write;

pub(super) fn report(r: &CheckReport) -> String {
    let mut out = format!("{}\n\n", r.store);
    out += &grid(&summary(r));
    out += "\nDelays are recv_ts - exch_ts; holes are stretches above 60 s without a row of the table.\n";
    clocks(&mut out, &r.made_by);
    holes(&mut out, &r.tables);
    coverage(&mut out, r);
    section(&mut out, "Warnings", &r.warnings);
    let mut errors = r.store_errors.clone();
    for table in &r.tables {
        let place = format!("{}/{} {}", table.venue, table.symbol, table.table);
        errors.extend(
            table.problems.iter().map(|p| format!("{place}: {} ({} rows), the first: {}", p.rule, p.rows, p.first)),
        );
    }
    section(&mut out, "Errors (a replay refuses them)", &errors);
    let verdict = match r.fit() {
        true if r.warnings.is_empty() => "fit for a replay",
        true => "fit for a replay, with the warnings above",
        false => "NOT fit for a replay",
    };
    let _ = writeln!(out, "\nVerdict: {verdict}.");
    out
}

fn summary(r: &CheckReport) -> Vec<Vec<String>> {
    let head = [
        "venue",
        "symbol",
        "table",
        "rows",
        "first",
        "last",
        "holes",
        "stale runs",
        "locked",
        "doubled",
        "least delay",
        "median",
        "99 %",
        "most",
        "late",
        "errors",
    ];
    let mut rows = vec![head.map(str::to_string).to_vec()];
    let time = |t: Option<Time>| t.map_or("-".to_string(), |t| Time(t.0 / SECOND_NS * SECOND_NS).to_string());
    for t in &r.tables {
        let errors: u64 = t.problems.iter().map(|p| p.rows).sum();
        let funding = t.table == "funding";
        let delay = |ns: i64| if funding { "-".to_string() } else { milliseconds(ns) };
        rows.push(vec![
            t.venue.clone(),
            t.symbol.clone(),
            t.table.to_string(),
            t.rows.to_string(),
            time(t.first),
            time(t.last),
            t.gaps.to_string(),
            t.stale_runs.to_string(),
            t.locked.to_string(),
            t.doubled.to_string(),
            delay(t.delays.least),
            delay(t.delays.median),
            delay(t.delays.p99),
            delay(t.delays.most),
            t.delays.late.to_string(),
            errors.to_string(),
        ]);
    }
    rows
}

fn milliseconds(ns: i64) -> String {
    format!("{:.1} ms", ns as f64 / 1e6)
}

/// Columns of equal width, numbers to the right.
pub(crate) fn grid(rows: &[Vec<String>]) -> String {
    let columns = rows.first().map_or(0, Vec::len);
    let width = |c: usize| rows.iter().map(|r| r[c].chars().count()).max().unwrap_or(0);
    let widths: Vec<usize> = (0..columns).map(width).collect();
    let mut out = String::new();
    for row in rows {
        let cell = |(c, text): (usize, &String)| {
            let number = text.starts_with(|ch: char| ch.is_ascii_digit() || ch == '-') && !text.contains('T');
            if number { format!("{text:>w$}", w = widths[c]) } else { format!("{text:<w$}", w = widths[c]) }
        };
        let line: Vec<String> = row.iter().enumerate().map(cell).collect();
        out += line.join("  ").trim_end();
        out.push('\n');
    }
    out
}

fn section(out: &mut String, title: &str, lines: &[String]) {
    if !lines.is_empty() {
        *out += &format!("\n{title}\n");
        lines.iter().for_each(|line| *out += &format!("- {line}\n"));
    }
}

/// What the import did to the clocks.
fn clocks(out: &mut String, made_by: &serde_json::Value) {
    let Some(recorders) = made_by["clocks"].as_object() else { return };
    let mut lines = Vec::new();
    for (name, clock) in recorders {
        let Some(offset) = clock["offset_ns"].as_i64() else { continue };
        let shift = clock["shift_ns"].as_i64().unwrap_or(0);
        let least = milliseconds(offset);
        lines.push(match shift {
            0 => format!("'{name}': least delay {least} (0.1 % quantile of the worst file), left as it is"),
            _ => format!(
                "'{name}' runs behind its venues: least delay {least} (0.1 % quantile of the worst file); every recv_ts \
                 was shifted by {}",
                milliseconds(shift)
            ),
        });
    }
    for file in made_by["files"].as_array().into_iter().flatten() {
        let number = |key: &str| file["repaired"][key].as_u64().unwrap_or(0);
        let (early, raised) = (number("recv_raised_to_exch"), number("exch_raised"));
        let path = file["path"].as_str().unwrap_or("");
        if early > 0 {
            lines.push(format!("{path}: {early} rows were still received before they were stamped; recv_ts = exch_ts"));
        }
        if raised > 0 {
            lines.push(format!("{path}: {raised} rows had their exch_ts raised to an earlier row's"));
        }
        for key in ["sizes", "note"] {
            if let Some(text) = file[key].as_str().filter(|t| !t.is_empty()) {
                lines.push(format!("{path}: {text}"));
            }
        }
    }
    section(out, "Clocks and sizes, as put right at import", &lines);
}

fn holes(out: &mut String, tables: &[TableCheck]) {
    let mut lines = Vec::new();
    for t in tables.iter().filter(|t| t.table == "quotes" || t.table == "funding") {
        let place = format!("{}/{} {}", t.venue, t.symbol, t.table);
        let seconds = |ns: i64| ns as f64 / SECOND_NS as f64;
        for gap in &t.longest_gaps {
            lines.push(format!("{place}: nothing from {} to {} ({:.1} s)", gap.from, gap.to, seconds(gap.ns())));
        }
        for run in &t.longest_stale {
            let (from, to, rows) = (run.from, run.to, run.rows);
            lines.push(format!("{place}: stale from {from} to {to} ({:.1} s, {rows} rows)", seconds(run.ns())));
        }
    }
    section(out, "Longest holes and stale runs", &lines);
}

fn coverage(out: &mut String, r: &CheckReport) {
    let mut lines = Vec::new();
    for pair in &r.pairs {
        let [a, b] = &pair.venues;
        if let Some((from, to)) = pair.span {
            let [of_a, of_b] = pair.covered.map(|share| 100.0 * share);
            lines.push(format!(
                "{}: {a} and {b} from {from} to {to}; {} of {} minutes have quotes of both; the other side is fresh (5 s) at \
                 {of_a:.1} % of {a}'s quotes and {of_b:.1} % of {b}'s",
                pair.symbol, pair.minutes_both, pair.minutes
            ));
        }
    }
    section(out, "Coverage", &lines);
}
