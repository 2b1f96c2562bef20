//! Whether the winner may trade with money, and with which evidence. Each row that refuses can be set aside by its name, with a reason:
//! `--override NAME=REASON`, as a check of the sweep's evidence.

use super::Subject;
use super::machine::runs_beside;
use super::row::{Grade, Row};
use crate::gate::{Answers, REASON, admit};
use crate::journal::folder::Journal;
use crate::journal::open::left_open;
use crate::journal::record::Kind;
use crate::live_file::{LiveFile, Network as Where};
use crate::paper_record::PaperRecord;
use crate::strategy_file::Provenance;
use perpx_core::market::Role;
use perpx_core::units::{DAY, HOUR, Time};
use perpx_venues::net::hosts::Network;
use perpx_venues::venue::Venue;
use perpx_venues::wall::now;
use serde_json::Value;
use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

/// Data that end earlier speak of another market.
const MOST_AGE_DAYS: i64 = 30;
/// Rows that a reason sets aside.
const NAMES: [&str; 6] = ["code", "age", "paper", "divergence", "questions", "drill"];
/// What docs/before-live.md wants answered before small money, of what `perpx-live probe` asks.
const QUESTIONS: [(&str, &[&str]); 2] = [
    ("lighter", &["L1", "L2", "L4", "L5", "L7", "L8", "L9", "L11"]),
    ("grvt", &["G1", "G3", "G4", "G5", "G6", "G8", "G10", "G13"]),
];

/// Answers to rows of these, and those to the sweep's evidence.
pub fn split(answers: &Answers) -> (Vec<String>, Answers) {
    let (own, overrides) =
        answers.overrides.iter().cloned().partition(|answer| NAMES.contains(&answer.split('=').next().unwrap_or("")));
    (own, Answers { accept_weak: answers.accept_weak, overrides })
}

pub fn rows(subject: &Subject, answers: &Answers, code: &str) -> Vec<Row> {
    let (own, answers) = split(answers);
    let look = Look { subject, grade: subject.where_real(), reasons: own };
    let mut rows = vec![look.evidence(&answers)];
    if let Ok(provenance) = Provenance::of(&subject.file) {
        rows.push(look.code(&provenance, code));
        rows.push(look.age(&provenance));
    }
    rows.push(look.paper(code));
    rows.push(look.divergence());
    rows.push(look.questions());
    rows.extend(look.drill());
    rows
}

struct Look<'a> {
    subject: &'a Subject,
    grade: Grade,
    /// `name=reason`.
    reasons: Vec<String>,
}

impl Look<'_> {
    /// A row that refuses, unless a reason sets it aside.
    fn against(&self, name: &'static str, found: String, accepted: &str, to_do: &str) -> Row {
        let reason = self.reasons.iter().filter_map(|answer| answer.split_once('=')).find(|(of, _)| *of == name);
        match reason.map(|(_, reason)| reason.trim()) {
            Some(reason) if reason.chars().count() >= REASON => {
                Row::of(Grade::Warn, name, format!("{found}; set aside: {reason}"), accepted, "")
            }
            Some(_) => {
                let to_do = format!("{to_do}; a reason of at least {REASON} letters is wanted");
                Row::of(self.grade, name, found, accepted, to_do)
            }
            None => {
                let to_do = format!("{to_do}, or --override {name}=REASON");
                Row::of(self.grade, name, found, accepted, to_do)
            }
        }
    }

    fn evidence(&self, answers: &Answers) -> Row {
        match admit(&self.subject.folder.best, answers) {
            Ok(verdict) => Row::ok("evidence", verdict.trim_start_matches("verdict").trim().to_owned()),
            Err(error) => {
                let text = error.to_string();
                let (found, accepted) = text.split_once("; accepted: ").unwrap_or((&text, ""));
                let (accepted, to_do) = accepted.split_once("; to do: ").unwrap_or((accepted, ""));
                Row::of(self.grade, "evidence", found, accepted, to_do)
            }
        }
    }

    fn code(&self, provenance: &Provenance<'_>, code: &str) -> Row {
        let swept_by = provenance.text("code").unwrap_or_default();
        match swept_by == code {
            true => Row::ok("code", format!("{code}, which swept")),
            false => self.against(
                "code",
                format!("{code}, and {swept_by} swept"),
                "the same",
                "sweep again with this program",
            ),
        }
    }

    fn age(&self, provenance: &Provenance<'_>) -> Row {
        let end = provenance.text("data.to").ok().and_then(|text| text.parse::<Time>().ok());
        match end.map(|end| now().since(end) / DAY) {
            Some(days) if days <= MOST_AGE_DAYS => Row::ok("age", format!("the data end {days} days ago")),
            Some(days) => {
                let found = format!("the data end {days} days ago");
                self.against("age", found, &format!("{MOST_AGE_DAYS} days"), "record on, and sweep again")
            }
            None => self.against("age", "where the data end is not known".to_owned(), "30 days", "sweep again"),
        }
    }

    /// The newest paper run of the same configuration beside this folder, made again from what it recorded.
    fn paper(&self, code: &str) -> Row {
        let accepted = "a day of paper by this program without a late row, whose ledger is its replay's";
        let to_do = "`perpx-live --config best.yml --mode paper` beside this folder, for a day";
        let own = self.subject.file.id(&[]).unwrap_or_default();
        let records =
            folders_beside(&self.subject.folder.path).filter_map(|path| Some((PaperRecord::read(&path)?, path)));
        let newest = records.filter(|(record, _)| record.configuration == own).max_by_key(|(record, _)| record.to);
        let Some((record, path)) = newest else {
            let found = "no paper run of this configuration beside this folder came to its end".to_owned();
            return self.against("paper", found, accepted, to_do);
        };
        let mut wrong = record.stored_otherwise();
        if wrong.is_empty() {
            match record.made_again(&path) {
                Ok(ledger) if ledger == record.ledger => {}
                Ok(ledger) => wrong.push(format!("its replay's ledger is {ledger}, its own {}", record.ledger)),
                Err(error) => wrong.push(format!("it cannot be made again: {error}")),
            }
        }
        if record.code != code {
            wrong.push(format!("{} ran, this is {code}", record.code));
        }
        if record.length() < DAY {
            wrong.push(format!("it lasted {:.1} h", record.length().as_f64(HOUR)));
        }
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        match wrong.is_empty() {
            true => {
                let hours = record.length().as_f64(HOUR);
                Row::ok("paper", format!("{name}: {hours:.1} h without a late row, its ledger is its replay's"))
            }
            false => self.against("paper", format!("{name}: {}", wrong.join("; ")), accepted, to_do),
        }
    }

    /// The newest page of `perpx-live diverge` about a run of the same configuration beside this folder.
    fn divergence(&self) -> Row {
        let accepted = "a run at emulators or a test network of whose result every part is explained";
        let to_do = "trade this configuration there, then `perpx-live diverge` that run's folder";
        let own = self.subject.file.id(&[]).unwrap_or_default();
        let page = folders_beside(&self.subject.folder.path).filter_map(|path| {
            let text = fs::read_to_string(path.join("divergence.json")).ok()?;
            Some((serde_json::from_str::<Value>(&text).ok()?, path))
        });
        let page = page.filter(|(page, _)| page["configuration"] == own.as_str());
        let newest = page.max_by_key(|(page, _)| page["to"].as_str().unwrap_or_default().to_owned());
        let Some((page, path)) = newest else {
            let found = "no run of this configuration beside this folder was held against its replay".to_owned();
            return self.against("divergence", found, accepted, to_do);
        };
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let part = |cause: &str| page["parts"][cause].as_str().unwrap_or("?").to_owned();
        match page["exit"] == 0 {
            true => Row::ok("divergence", format!("{name}: every part is explained, fill {}", part("fill"))),
            false => {
                let decision = if page["decision"].is_null() { "" } else { "; a decision is another one" };
                let found = format!("{name}: unexplained {}{decision}", part("unexplained"));
                self.against("divergence", found, accepted, "read divergence.html there")
            }
        }
    }

    /// Answers of the venues to what is only assumed.
    fn questions(&self) -> Row {
        let mut missing = Vec::new();
        for (venue, wanted) in QUESTIONS {
            let path = self.subject.folder.path.join("probe").join(format!("{venue}-{}.toml", self.subject.symbol));
            let overlay = fs::read_to_string(path).unwrap_or_default();
            let answered = answered(&overlay);
            missing.extend(wanted.iter().filter(|question| !answered.contains(**question)).copied());
        }
        match missing.is_empty() {
            true => Row::ok("questions", "all that small money wants are answered (perpx-live probe)"),
            false => {
                let found = format!("not answered for this folder: {}", missing.join(", "));
                let to_do = "perpx-live probe RUN --network testnet";
                self.against("questions", found, "answers of a test network to these of docs/before-live.md", to_do)
            }
        }
    }

    /// A run at a test network beside this one that was begun again and left nothing open. Asked before mainnet alone.
    fn drill(&self) -> Option<Row> {
        if self.subject.network != Network::Mainnet {
            return None;
        }
        let own = fs::canonicalize(&self.subject.folder.path).ok()?;
        let is_clean = |journal: &Journal| {
            let starts = journal.records.iter().filter(|record| record.kind == Kind::Start).count();
            let ended = journal.records.last().is_some_and(|record| record.kind == Kind::Stop);
            let open = left_open(journal).filter(|open| Role::BOTH.iter().all(|role| open.is_flat(*role)));
            let at_testnet = |live: &str| {
                LiveFile::parse("live.toml", live).is_ok_and(|live| live.network == Where::Testnet && trades(&live))
            };
            starts > 1 && ended && open.is_some_and(|open| at_testnet(&open.live))
        };
        let drilled = runs_beside(&own)
            .into_iter()
            .find(|folder| Journal::read(&folder.join("journal")).is_ok_and(|journal| is_clean(&journal)));
        Some(match drilled {
            Some(folder) => Row::ok("drill", format!("{} was begun again and ended flat", folder.display())),
            None => {
                let found = "no run at a test network beside this one was begun again and ended flat".to_owned();
                self.against("drill", found, "one that was killed, begun again, and stopped", "drill it there")
            }
        })
    }
}

/// Folders beside a run's.
fn folders_beside(run: &Path) -> impl Iterator<Item = PathBuf> {
    let own = fs::canonicalize(run).unwrap_or_else(|_| run.to_path_buf());
    let entries = own.parent().map(fs::read_dir).into_iter().flatten().flatten().flatten();
    entries.map(|entry| entry.path()).filter(move |path| *path != own)
}

/// It names accounts.
fn trades(live: &LiveFile) -> bool {
    Venue::ALL.iter().all(|venue| live.account(*venue).is_some())
}

/// Questions of an overlay all parts of which have an answer.
fn answered(overlay: &str) -> BTreeSet<&str> {
    let (mut all, mut open) = (BTreeSet::new(), BTreeSet::new());
    for block in overlay.split("[[probed]]\n").skip(1) {
        let question = block.lines().find_map(|line| line.strip_prefix("question = \"")?.strip_suffix('"'));
        let is_answered = block.lines().any(|line| line.starts_with("answer = "));
        all.extend(question);
        open.extend(question.filter(|_| !is_answered));
    }
    &all - &open
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_question_is_answered_when_all_of_it_is() {
        let part =
            |question: &str, line: &str| format!("[[probed]]\nquestion = \"{question}\"\npart = \"x\"\n{line}\n\n");
        let text = [
            part("L1", "answer = \"refused\""),
            part("L2", "answer = \"200 bp\""),
            part("L2", "not_answered = \"no\""),
            part("G1", "answer = \"held\""),
        ];
        assert_eq!(answered(&text.concat()), BTreeSet::from(["L1", "G1"]));
        assert!(answered("").is_empty());
    }
}
