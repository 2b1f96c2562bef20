//! A check, and what came of it.

use perpx_data::text::{red, wrap};
use serde::Serialize;

/// What a check says.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Grade {
    /// As it should be.
    Ok,
    /// A run begins all the same.
    Warn,
    /// No run with money begins.
    Refuse,
}

/// One row of the table.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Row {
    /// Of which venue; `None`: of the machine, or of the winner.
    pub venue: Option<String>,
    /// What was looked at.
    pub check: &'static str,
    /// What came of it.
    pub grade: Grade,
    /// What was found.
    pub found: String,
    /// What is accepted; nothing where it is as it should be.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub accepted: String,
    /// What is to be done about it.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub to_do: String,
}

impl Row {
    /// As it should be.
    pub fn ok(check: &'static str, found: impl Into<String>) -> Row {
        Row::of(Grade::Ok, check, found, "", "")
    }

    /// As `grade` says.
    pub fn of(
        grade: Grade,
        check: &'static str,
        found: impl Into<String>,
        accepted: impl Into<String>,
        to_do: impl Into<String>,
    ) -> Row {
        Row { venue: None, check, grade, found: found.into(), accepted: accepted.into(), to_do: to_do.into() }
    }
}

/// A line a row; behind one that is not as it should be what is accepted and what is to be done.
pub fn table(rows: &[Row], width: usize) -> String {
    let mut out = String::new();
    for Row { venue, check, grade, found, accepted, to_do } in rows {
        let word = match grade {
            Grade::Ok => "ok    ".to_owned(),
            Grade::Warn => "warn  ".to_owned(),
            Grade::Refuse => red("REFUSE"),
        };
        let subject = format!("{:<8} {check:<16}", venue.as_deref().unwrap_or("-"));
        let mut text = found.clone();
        if !accepted.is_empty() {
            text += &format!("; accepted: {accepted}");
        }
        if !to_do.is_empty() {
            text += &format!("; to do: {to_do}");
        }
        // under the beginning of what was found
        let lead = 8 + 8 + 1 + 16 + 1;
        let wrapped = wrap(&text, width.saturating_sub(lead).max(40)).replace('\n', &format!("\n{}", " ".repeat(lead)));
        out += &format!("{word}  {subject} {wrapped}\n");
    }
    let count = |wanted: Grade| rows.iter().filter(|row| row.grade == wanted).count();
    let (warned, refused) = (count(Grade::Warn), count(Grade::Refuse));
    out += &match refused {
        0 => format!("nothing refuses; {warned} of {} checks warn", rows.len()),
        _ => format!("{refused} of {} checks refuse, {warned} warn: no run with money would begin", rows.len()),
    };
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_row_that_is_not_as_it_should_be_says_what_to_do() {
        let rows = [
            Row { venue: Some("grvt".to_owned()), ..Row::ok("clock", "0.2 ms ahead") },
            Row::of(Grade::Refuse, "disk", "1 GiB free", "2 GiB", "make room"),
        ];
        let text = table(&rows, 200);
        assert!(text.contains("ok      grvt     clock            0.2 ms ahead\n"), "{text}");
        assert!(text.contains("1 GiB free; accepted: 2 GiB; to do: make room"), "{text}");
        assert!(text.ends_with("1 of 2 checks refuse, 0 warn: no run with money would begin"), "{text}");
        let narrow = table(&rows, 60);
        assert!(narrow.lines().skip(2).any(|line| line.starts_with("                                  ")), "{narrow}");
    }
}
