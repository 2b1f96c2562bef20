//! The report as text: one table of everything that was read, then errors, warnings, holes, clocks.

use super::{CheckReport, StaleRun, TableCheck, Verdict};
use crate::text::{count, duration, table, wrap};
use perpx_core::units::{MS, SECOND, Time, TimeDelta};
use std::fmt::Write;

pub(super) fn report(r: &CheckReport, width: usize) -> String {
    let mut out = String::new();
    coverage(&mut out, r);
    clocks(&mut out, &r.made_by);
    left_out(&mut out, &r.made_by);
    holes(&mut out, &r.tables);
    section(&mut out, "Warnings", &r.warnings);
    let mut errors: Vec<String> = r.store_errors.iter().chain(&r.refused).cloned().collect();
    for table in &r.tables {
        let place = format!("{}/{} {}", table.venue, table.symbol, table.table);
        errors.extend(
            table.problems.iter().map(|p| format!("{place}: {} ({} rows), the first: {}", p.rule, p.rows, p.first)),
        );
    }
    section(&mut out, "Errors (a replay refuses them)", &errors);
    let verdict = match r.verdict() {
        Verdict::Fit if r.warnings.is_empty() => "fit for a replay",
        Verdict::Fit => "fit for a replay, with the warnings above",
        Verdict::Alone => {
            "every row is sound, but nothing can be swept: no two venues quote one symbol at the same time"
        }
        Verdict::Unfit => "NOT fit for a replay",
    };
    let _ = write!(out, "\nVerdict: {verdict}.");
    let legend = "holes: stretches above 60 s without a row (funding: settlements missing); stale: rows arrive while the \
                  venue's clock stands; delay: median of recv_ts - exch_ts; clock offset: its least as recorded (0.1 % \
                  quantile); shifted: what the import added to recv_ts; covered: share of the quotes at which the other venues' \
                  are fresh (more than one: in the order of their names)";
    format!("{}\n\n{}{}{}", r.store, table(&summary(r), width), wrap(legend, width.min(120)), wrap(&out, width))
}

/// A row a table; marks and funding of a venue stand beside its quotes.
fn summary(r: &CheckReport) -> Vec<Vec<String>> {
    let head = [
        "data",
        "rows",
        "from",
        "span",
        "holes",
        "stale",
        "crossed",
        "locked",
        "doubled",
        "refused",
        "delay",
        "clock offset",
        "shifted",
        "covered",
        "marks",
        "funding",
    ];
    let mut rows = vec![head.map(str::to_string).to_vec()];
    let none = || "-".to_string();
    let tally =
        |n: u64, time: TimeDelta| if n == 0 { "0".to_string() } else { format!("{} ({})", count(n), lasting(time)) };
    for t in &r.tables {
        let (quotes, funding) = (t.table == "quotes", t.table == "funding");
        let only = |shown: bool, text: String| if shown { text } else { none() };
        let refused = |rule: &str| t.problems.iter().filter(|p| p.rule == rule).map(|p| p.rows).sum::<u64>();
        let all: u64 = t.problems.iter().map(|p| p.rows).sum();
        let has = |name: &str| {
            let there = r.tables.iter().any(|o| (&o.venue, &o.symbol, o.table) == (&t.venue, &t.symbol, name));
            only(quotes, if there { "yes" } else { "no" }.to_string())
        };
        let (offset, shift) = clock(&r.made_by, t);
        rows.push(vec![
            format!("{} {} {}", t.venue, t.symbol, t.table),
            count(t.rows),
            t.first.map_or_else(none, seconds_of),
            t.first.zip(t.last).map_or_else(none, |(first, last)| lasting(last.since(first))),
            if funding { count(t.gaps) } else { tally(t.gaps, t.gaps_ns) },
            only(!funding, tally(t.stale_runs, t.stale_ns)),
            only(quotes, count(refused("crossed"))),
            only(quotes, count(t.locked)),
            count(t.doubled + refused("doubled settlement")),
            count(all),
            only(!funding, milliseconds(t.delays.median)),
            only(!funding, offset.map_or_else(none, milliseconds)),
            shift.filter(|shift| *shift > TimeDelta::ZERO).map_or_else(none, milliseconds),
            only(quotes, covered(r, t)),
            has("marks"),
            has("funding"),
        ]);
    }
    rows
}

/// "2026-04-29 00:04:00"
fn seconds_of(time: Time) -> String {
    let text = time.floor_to(SECOND).to_string();
    text.replace('T', " ").trim_end_matches('Z').to_string()
}

fn lasting(time: TimeDelta) -> String {
    duration(time.as_f64(SECOND))
}

fn milliseconds(time: TimeDelta) -> String {
    format!("{:.1} ms", time.as_f64(MS))
}

/// What the import measured of the clock of this table's recorder (a store that was not imported: its least delay), and
/// what it added to the receive times. A clock that was made up from the other one is no measure.
fn clock(made_by: &serde_json::Value, t: &TableCheck) -> (Option<TimeDelta>, Option<TimeDelta>) {
    let mut files = made_by["files"].as_array().into_iter().flatten();
    let file = files.find(|f| f["venue"] == t.venue && f["symbol"] == t.symbol && f["table"] == t.table);
    let Some(file) = file else { return (Some(t.delays.least), None) };
    let shift = file["recorder"].as_str().and_then(|name| made_by["clocks"][name]["shift_ns"].as_i64());
    let recorded = !file["clocks"].as_str().is_some_and(|text| text.starts_with("recv_ts ="));
    (file["offset_ns"].as_i64().map(TimeDelta), shift.filter(|_| recorded).map(TimeDelta))
}

/// "98.2 %", a figure for each venue that quotes the same symbol.
fn covered(r: &CheckReport, t: &TableCheck) -> String {
    let pairs = r.pairs.iter().filter(|pair| pair.symbol == t.symbol);
    let shares: Vec<String> = pairs
        .filter_map(|pair| pair.venues.iter().position(|venue| *venue == t.venue).map(|at| pair.covered[at]))
        .map(|share| format!("{:.1}", 100.0 * share))
        .collect();
    if shares.is_empty() { "-".to_string() } else { format!("{} %", shares.join(" / ")) }
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
        let shift = TimeDelta(clock["shift_ns"].as_i64().unwrap_or(0));
        if clock["given"] == true {
            lines.push(format!("'{name}': every recv_ts was shifted by {}, as the map says", milliseconds(shift)));
            continue;
        }
        let Some(offset) = clock["offset_ns"].as_i64() else { continue };
        let number = |key: &str| clock[key].as_u64().unwrap_or(0);
        let by = match clock["file"].as_str() {
            Some(file) => format!("by {} of the {} rows of {file}", number("agreeing"), number("rows")),
            None => "0.1 % quantile of the worst file".to_string(),
        };
        let least = milliseconds(TimeDelta(offset));
        lines.push(match shift {
            TimeDelta::ZERO => format!("'{name}': least delay {least} ({by}), left as it is"),
            _ => format!(
                "'{name}' runs behind its venues: least delay {least} ({by}); every recv_ts was shifted by {}",
                milliseconds(shift)
            ),
        });
    }
    for file in made_by["files"].as_array().into_iter().flatten() {
        let number = |key: &str| file["repaired"][key].as_u64().unwrap_or(0);
        let (early, raised) = (number("recv_raised_to_exch"), number("exch_raised"));
        let path = file["path"].as_str().unwrap_or("");
        if let Some(made) = file["clocks"].as_str().filter(|c| *c != "both clocks" && file["table"] != "funding") {
            lines.push(format!("{path}: one clock, {made}"));
        }
        if early > 0 {
            lines.push(format!("{path}: {early} rows were still received before they were stamped; recv_ts = exch_ts"));
        }
        if raised > 0 {
            lines.push(format!("{path}: {raised} rows had their exch_ts raised to an earlier row's"));
        }
        let most = TimeDelta(number("most_raised_ns") as i64);
        if most > SECOND {
            lines.push(format!("{path}: the most that a time was raised by is {:.1} s", most.as_f64(SECOND)));
        }
        let number = |key: &str| file[key].as_u64().unwrap_or(0);
        for (key, what) in [
            ("repeated", "rows were there before (same trade_id or settlement) and were dropped"),
            ("jumped", "rows had a stamp out of line and were dropped"),
            ("passed_over", "rows were passed over by the map's where"),
        ] {
            if number(key) > 0 {
                lines.push(format!("{path}: {} {what}", number(key)));
            }
        }
        for key in ["corrected", "sizes", "note"] {
            if let Some(text) = file[key].as_str().filter(|t| !t.is_empty()) {
                lines.push(format!("{path}: {text}"));
            }
        }
    }
    section(out, "Clocks and sizes, as put right at import", &lines);
}

/// Files of the data set that the map does not import, and why.
fn left_out(out: &mut String, made_by: &serde_json::Value) {
    let text = |file: &serde_json::Value, key: &str| file[key].as_str().unwrap_or("").to_string();
    let files = made_by["left_out"].as_array().into_iter().flatten();
    let lines: Vec<String> = files.map(|file| format!("{}: {}", text(file, "path"), text(file, "why"))).collect();
    section(out, "Left out at import", &lines);
}

fn holes(out: &mut String, tables: &[TableCheck]) {
    let mut lines = Vec::new();
    for t in tables.iter().filter(|t| t.table == "quotes" || t.table == "funding") {
        let place = format!("{}/{} {}", t.venue, t.symbol, t.table);
        let mut spans: Vec<(Time, String)> = Vec::new();
        spans.extend(t.longest_gaps.iter().map(|gap| {
            let text = format!("nothing from {} for {}", seconds_of(gap.from), lasting(gap.length()));
            (gap.from, text)
        }));
        spans.extend(t.longest_stale.iter().map(|run| {
            let StaleRun { from, rows, .. } = *run;
            (from, format!("stale from {} for {} ({rows} rows)", seconds_of(from), lasting(run.length())))
        }));
        spans.sort_by_key(|(from, _)| *from);
        lines.extend(spans.into_iter().map(|(_, text)| format!("{place}: {text}")));
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
                "{}: {a} and {b} from {} for {}; {} of {} minutes have quotes of both; the other side is fresh ({} s) at \
                 {of_a:.1} % of {a}'s quotes and {of_b:.1} % of {b}'s",
                pair.symbol,
                seconds_of(from),
                lasting(to.since(from)),
                pair.minutes_both,
                pair.minutes,
                r.stale / SECOND,
            ));
        }
    }
    if !lines.is_empty() {
        out.push('\n');
    }
    section(out, "Coverage", &lines);
}
