//! Whether the winner may trade with money, and with which evidence.

use super::Subject;
use super::row::{Grade, Row};
use crate::gate::{Answers, admit};
use crate::strategy_file::Provenance;
use perpx_core::units::{DAY, Time};
use perpx_venues::wall::now;

/// Data that end earlier speak of another market.
const MOST_AGE_DAYS: i64 = 30;

pub fn rows(subject: &Subject, answers: &Answers, code: &str) -> Vec<Row> {
    let grade = subject.where_real();
    let evidence = match admit(&subject.folder.best, answers) {
        Ok(verdict) => Row::ok("evidence", verdict.trim_start_matches("verdict").trim().to_owned()),
        Err(error) => {
            let text = error.to_string();
            let (found, accepted) = text.split_once("; accepted: ").unwrap_or((&text, ""));
            let (accepted, to_do) = accepted.split_once("; to do: ").unwrap_or((accepted, ""));
            Row::of(grade, "evidence", found, accepted, to_do)
        }
    };
    let mut rows = vec![evidence];
    let Ok(provenance) = Provenance::of(&subject.file) else { return rows };
    let swept_by = provenance.text("code").unwrap_or_default();
    rows.push(match swept_by == code {
        true => Row::ok("code", format!("{code}, which swept")),
        false => {
            Row::of(grade, "code", format!("{code}, and {swept_by} swept"), "the same", "sweep again with this program")
        }
    });
    let end = provenance.text("data.to").ok().and_then(|text| text.parse::<Time>().ok());
    let days = end.map(|end| now().since(end) / DAY);
    rows.push(match days {
        Some(days) if days <= MOST_AGE_DAYS => Row::ok("age of data", format!("they end {days} days ago")),
        Some(days) => {
            let found = format!("they end {days} days ago");
            Row::of(grade, "age of data", found, format!("{MOST_AGE_DAYS} days"), "record on, and sweep again")
        }
        None => Row::of(Grade::Warn, "age of data", "not known", format!("{MOST_AGE_DAYS} days"), "sweep again"),
    });
    rows
}
