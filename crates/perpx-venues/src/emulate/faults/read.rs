//! The file of faults: a list of `[[fault]]` tables.

use super::{Fault, FaultKind, Intrusion, MarketRules, MarketStatus};
use crate::venue::Venue;
use perpx_core::config::text::{Body, ConfigError, Entry, Node, Source, parse_toml};
use perpx_core::config::{Num, Value};
use perpx_core::units::{DAY, HOUR, MINUTE, MS, Rate, SECOND, TimeDelta};
use std::path::Path;

const KINDS: [&str; 24] = [
    "drop-socket",
    "skip-sequence",
    "delay",
    "duplicate",
    "reorder",
    "answer-429",
    "answer-5xx",
    "lost-answer",
    "expired-login",
    "revoked-keys",
    "halt",
    "partition",
    "idle-close",
    "late-request",
    "gateway-page",
    "stale-feed",
    "market-status",
    "market-rules",
    "price-band",
    "clock-ahead",
    "shutdown",
    "foreign-nonce",
    "intrude",
    "deleverage",
];
const STATUSES: [(&str, MarketStatus); 2] =
    [("paused", MarketStatus::Paused), ("reduce-only", MarketStatus::ReduceOnly)];
const INTRUSIONS: [(&str, Intrusion); 7] = [
    ("order", Intrusion::Order),
    ("fill", Intrusion::Fill),
    ("position", Intrusion::Position),
    ("deposit", Intrusion::Deposit),
    ("balance", Intrusion::Balance),
    ("leverage", Intrusion::Leverage),
    ("instance", Intrusion::Instance),
];
const CLOCKS: [(&str, bool); 2] = [("wall", false), ("market", true)];
const DURATION: &str = "a duration of at most 7 days as text: \"250ms\", \"12.5s\", \"2m\", \"1h\"";
const LONGEST: TimeDelta = DAY.times(7);

/// All faults of a file, in its order.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct FaultPlan(pub(super) Vec<Fault>);

impl FaultPlan {
    /// # Errors
    /// A file that cannot be read, or that does not say what it should.
    pub fn read(path: &Path) -> Result<FaultPlan, ConfigError> {
        let name = path.display().to_string();
        let text = std::fs::read_to_string(path).map_err(|error| {
            ConfigError::new(&name, "", format!("cannot be read: {error}"))
                .accepted("a TOML file with a list of [[fault]]")
                .remedy("correct the path after --faults; configs/faults.toml is an example")
        })?;
        FaultPlan::parse(&name, &text)
    }

    /// # Errors
    /// A text that does not say what it should.
    pub fn parse(name: &str, text: &str) -> Result<FaultPlan, ConfigError> {
        let source = Source::new(name, text);
        let root = parse_toml(&source)?;
        let tables = || "a list of tables that begin with [[fault]]";
        if let Some(other) = root.entries().iter().find(|entry| entry.key != "fault") {
            return Err(ConfigError::new(name, &other.key, "no such key").accepted(tables()).at(&source, other.place));
        }
        let Some(list) = root.entry("fault") else {
            return Err(ConfigError::new(name, "", "no fault in it")
                .accepted(tables())
                .remedy("write one, or leave --faults out"));
        };
        let Body::List(items) = &list.node.body else {
            return Err(ConfigError::new(name, "fault", "one table").accepted(tables()).at(&source, list.place));
        };
        items.iter().map(|node| Table { source: &source, node }.fault()).collect::<Result<_, _>>().map(FaultPlan)
    }
}

struct Table<'a> {
    source: &'a Source,
    node: &'a Node,
}

impl Table<'_> {
    fn fault(&self) -> Result<Fault, ConfigError> {
        let kind = self.need("kind", &KINDS.join(", "))?;
        let word = kind.node.value();
        let word = word.text().filter(|word| KINDS.contains(word)).ok_or_else(|| self.bad(kind, &KINDS.join(", ")))?;
        let known = keys(word);
        if let Some(other) = self.node.entries().iter().find(|entry| !known.contains(&entry.key.as_str())) {
            let error =
                ConfigError::new(&self.source.name, &format!("fault.{}", other.key), format!("no key of {word}"));
            return Err(error.accepted(known.join(", ")).at(self.source, other.place));
        }
        Ok(Fault {
            venue: self.venue(word)?,
            at: self.duration(self.need("at", DURATION)?)?,
            lasts: self.node.entry("for").map(|entry| self.duration(entry)).transpose()?,
            count: self.whole("count", 1, 1_000_000)?.map(i64::unsigned_abs),
            containing: self.containing()?,
            by_market: self.word("clock", &CLOCKS)?.unwrap_or(false),
            kind: self.kind(word)?,
        })
    }

    fn kind(&self, word: &str) -> Result<FaultKind, ConfigError> {
        let by = |key: &str| self.duration(self.need(key, DURATION)?);
        Ok(match word {
            "drop-socket" => FaultKind::DropSocket,
            "skip-sequence" => FaultKind::SkipSequence,
            "delay" => FaultKind::Delay { by: by("by")? },
            "duplicate" => FaultKind::Duplicate,
            "reorder" => FaultKind::Reorder,
            "answer-429" => FaultKind::TooMany,
            "answer-5xx" => FaultKind::Failed { status: self.status()?, executed: self.executed()? },
            "lost-answer" => FaultKind::LostAnswer,
            "expired-login" => FaultKind::ExpiredLogin,
            "revoked-keys" => FaultKind::RevokedKeys,
            "partition" => FaultKind::Partition,
            "idle-close" => FaultKind::IdleClose { after: by("after")? },
            "late-request" => FaultKind::LateRequest { by: by("by")? },
            "gateway-page" => FaultKind::GatewayPage { status: self.gateway_status()? },
            "stale-feed" => FaultKind::StaleFeed,
            "market-status" => FaultKind::MarketStatus(self.needed_word("status", &STATUSES)?),
            "market-rules" => FaultKind::MarketRules(MarketRules {
                times: self.whole("times", 1, 1_000)?.unwrap_or(1),
                dearer: Rate::from_bps(self.whole("dearer_bp", 0, 100)?.unwrap_or(0)),
            }),
            "price-band" => FaultKind::PriceBand { band: Rate::from_bps(self.needed_whole("bp", 0, 10_000)?) },
            "deleverage" => FaultKind::Deleverage { percent: self.needed_whole("percent", 1, 100)? },
            "clock-ahead" => FaultKind::ClockAhead { by: by("by")? },
            "shutdown" => FaultKind::Shutdown { close_in: by("close_in")? },
            "foreign-nonce" => FaultKind::ForeignNonce,
            "intrude" => FaultKind::Intrude(self.needed_word("what", &INTRUSIONS)?),
            _ => {
                self.need("for", DURATION)?;
                FaultKind::Halt
            }
        })
    }

    /// One of `words`, where the key is there.
    fn word<T: Copy>(&self, key: &str, words: &[(&str, T)]) -> Result<Option<T>, ConfigError> {
        let Some(entry) = self.node.entry(key) else { return Ok(None) };
        let found = entry.node.value().text().and_then(|text| words.iter().find(|(word, _)| *word == text));
        found.map(|(_, meaning)| Some(*meaning)).ok_or_else(|| self.bad(entry, &listed(words)))
    }

    fn needed_word<T: Copy>(&self, key: &str, words: &[(&str, T)]) -> Result<T, ConfigError> {
        self.need(key, &listed(words))?;
        Ok(self.word(key, words)?.unwrap_or(words[0].1))
    }

    fn gateway_status(&self) -> Result<u16, ConfigError> {
        let Some(entry) = self.node.entry("status") else { return Ok(403) };
        let status = entry.node.value().num().and_then(Num::as_i64).and_then(|status| u16::try_from(status).ok());
        status.filter(|status| [403, 405, 502].contains(status)).ok_or_else(|| self.bad(entry, "403, 405, 502"))
    }

    fn need(&self, key: &str, accepted: &str) -> Result<&Entry, ConfigError> {
        self.node.entry(key).ok_or_else(|| {
            ConfigError::new(&self.source.name, &format!("fault.{key}"), "is missing")
                .accepted(accepted)
                .remedy(format!("write `{key} = ...` into this fault"))
                .at(self.source, self.node.place)
        })
    }

    fn bad(&self, entry: &Entry, accepted: &str) -> ConfigError {
        let found = format!("found {}", entry.node.place.of(self.source));
        ConfigError::new(&self.source.name, &format!("fault.{}", entry.key), found)
            .accepted(accepted)
            .at(self.source, entry.node.place)
    }

    fn duration(&self, entry: &Entry) -> Result<TimeDelta, ConfigError> {
        let value = entry.node.value();
        value.text().and_then(duration).ok_or_else(|| self.bad(entry, DURATION))
    }

    fn whole(&self, key: &str, least: i64, most: i64) -> Result<Option<i64>, ConfigError> {
        let Some(entry) = self.node.entry(key) else { return Ok(None) };
        let number = entry.node.value().num().and_then(Num::as_i64).filter(|number| (least..=most).contains(number));
        number.map(Some).ok_or_else(|| self.bad(entry, &format!("a whole number from {least} to {most}")))
    }

    fn needed_whole(&self, key: &str, least: i64, most: i64) -> Result<i64, ConfigError> {
        self.need(key, &format!("a whole number from {least} to {most}"))?;
        Ok(self.whole(key, least, most)?.unwrap_or(least))
    }

    fn status(&self) -> Result<u16, ConfigError> {
        Ok(self.whole("status", 500, 599)?.and_then(|status| u16::try_from(status).ok()).unwrap_or(502))
    }

    fn executed(&self) -> Result<bool, ConfigError> {
        match self.node.entry("executed").map(|entry| (entry, entry.node.value())) {
            None => Ok(false),
            Some((_, Value::Bool(executed))) => Ok(executed),
            Some((entry, _)) => Err(self.bad(entry, "true, false")),
        }
    }

    fn venue(&self, word: &str) -> Result<Option<Venue>, ConfigError> {
        // GRVT's orders carry no number that must follow another
        let only = (word == "foreign-nonce").then_some(Venue::Lighter);
        if let (Some(only), Some(entry)) = (only, self.node.entry("venue")) {
            let is_it = entry.node.value().text() == Some(only.name());
            return is_it
                .then_some(Some(only))
                .ok_or_else(|| self.bad(entry, &format!("\"{}\", or none", only.name())));
        }
        let Some(entry) = self.node.entry("venue") else { return Ok(only) };
        match entry.node.value().text() {
            Some("both") => Ok(None),
            name => name.and_then(Venue::named).map(Some).ok_or_else(|| {
                let names = Venue::ALL.map(|venue| format!("\"{}\"", venue.name())).join(", ");
                self.bad(entry, &format!("{names}, \"both\""))
            }),
        }
    }

    fn containing(&self) -> Result<Option<String>, ConfigError> {
        let Some(entry) = self.node.entry("containing") else { return Ok(None) };
        let value = entry.node.value();
        value.text().map(|text| Some(text.to_owned())).ok_or_else(|| self.bad(entry, "a text; \"\" is in every one"))
    }
}

/// What may stand in a fault of a kind.
fn keys(word: &str) -> Vec<&'static str> {
    let mut known = vec!["kind", "at", "venue", "clock"];
    if !matches!(word, "expired-login" | "shutdown" | "foreign-nonce" | "intrude" | "deleverage") {
        known.push("for");
    }
    known.extend(match word {
        "skip-sequence" | "duplicate" | "reorder" | "answer-429" | "lost-answer" => &["count", "containing"][..],
        "delay" | "late-request" => &["count", "containing", "by"],
        "answer-5xx" => &["count", "containing", "status", "executed"],
        "gateway-page" => &["count", "containing", "status"],
        "foreign-nonce" => &["count"],
        "idle-close" => &["after"],
        "clock-ahead" => &["by"],
        "shutdown" => &["close_in"],
        "market-status" => &["status"],
        "market-rules" => &["times", "dearer_bp"],
        "intrude" => &["what"],
        "price-band" => &["bp"],
        "deleverage" => &["percent"],
        _ => &[],
    });
    known
}

fn listed<T>(words: &[(&str, T)]) -> String {
    words.iter().map(|(word, _)| format!("\"{word}\"")).collect::<Vec<_>>().join(", ")
}

/// Rounded down to a nanosecond.
fn duration(text: &str) -> Option<TimeDelta> {
    let digits = text.find(|c: char| c.is_ascii_alphabetic())?;
    let (number, unit) = text.split_at(digits);
    let unit = match unit {
        "ms" => MS,
        "s" => SECOND,
        "m" => MINUTE,
        "h" => HOUR,
        _ => return None,
    };
    let number = Num::parse(number).filter(|number| (0..=1_000_000_000 * Num::ONE).contains(&number.0))?;
    let ns = number.0 / 1_000_000_000 * i128::from(unit.0) / 1_000_000_000;
    i64::try_from(ns).ok().map(TimeDelta).filter(|length| *length <= LONGEST)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_shipped_sample_is_legal_and_shows_every_kind() {
        let text = include_str!("../../../../../configs/faults.toml");
        let plan = FaultPlan::parse("faults.toml", text).expect("legal");
        assert!(KINDS.iter().all(|kind| text.contains(&format!("kind = \"{kind}\""))));
        assert_eq!(plan.0.len(), text.matches("[[fault]]").count());
    }

    #[test]
    fn a_fault_says_what_it_says() {
        let text = "[[fault]]\nat = \"1.5s\"\nvenue = \"grvt\"\nkind = \"answer-5xx\"\nstatus = 503\nexecuted = true\ncount = 3\n";
        let fault = Fault {
            venue: Some(Venue::Grvt),
            at: 1_500 * MS,
            lasts: None,
            count: Some(3),
            containing: None,
            by_market: false,
            kind: FaultKind::Failed { status: 503, executed: true },
        };
        assert_eq!(FaultPlan::parse("f", text), Ok(FaultPlan(vec![fault])));
        assert_eq!((duration("250ms"), duration("2m"), duration("1h")), (Some(250 * MS), Some(2 * MINUTE), Some(HOUR)));
    }

    /// File, line, what was found, what is accepted.
    #[test]
    fn what_is_wrong_is_told_with_its_place() {
        for (text, place, words) in [
            ("", "f", "[[fault]]"),
            ("x = 1\n", "f:1:1: x", "[[fault]]"),
            ("[fault]\nat = \"1s\"\n", "f:1:2: fault", "[[fault]]"),
            ("[[fault]]\nat = \"1s\"\n", "f:1:1: fault.kind: is missing", "drop-socket"),
            ("[[fault]]\nkind = \"halt\"\nat = \"1s\"\n", "f:1:1: fault.for: is missing", "12.5s"),
            ("[[fault]]\nkind = \"dance\"\nat = \"1s\"\n", "f:2:8: fault.kind: found \"dance\"", "skip-sequence"),
            ("[[fault]]\nkind = \"reorder\"\nat = 1\n", "f:3:6: fault.at: found 1", "12.5s"),
            ("[[fault]]\nkind = \"reorder\"\nat = \"-1s\"\n", "f:3:6: fault.at", "12.5s"),
            (
                "[[fault]]\nkind = \"reorder\"\nat = \"1s\"\nby = \"1s\"\n",
                "f:4:1: fault.by: no key of reorder",
                "count",
            ),
            ("[[fault]]\nkind = \"reorder\"\nat = \"1s\"\ncount = 0\n", "f:4:9: fault.count: found 0", "from 1"),
            ("[[fault]]\nkind = \"answer-5xx\"\nat = \"1s\"\nstatus = 404\n", "f:4:10: fault.status", "500 to 599"),
            ("[[fault]]\nkind = \"answer-5xx\"\nat = \"1s\"\nexecuted = 1\n", "f:4:12: fault.executed", "true"),
            ("[[fault]]\nkind = \"halt\"\nat = \"1s\"\nfor = \"1s\"\nvenue = \"x\"\n", "f:5:9: fault.venue", "grvt"),
            ("[[fault]]\nkind = \"late-request\"\nat = \"1s\"\n", "f:1:1: fault.by: is missing", "12.5s"),
            ("[[fault]]\nkind = \"idle-close\"\nat = \"1s\"\n", "f:1:1: fault.after: is missing", "12.5s"),
            ("[[fault]]\nkind = \"intrude\"\nat = \"1s\"\n", "f:1:1: fault.what: is missing", "\"deposit\""),
            (
                "[[fault]]\nkind = \"market-status\"\nat = \"1s\"\nstatus = \"shut\"\n",
                "f:4:10: fault.status: found \"shut\"",
                "\"paused\", \"reduce-only\"",
            ),
            (
                "[[fault]]\nkind = \"gateway-page\"\nat = \"1s\"\nstatus = 500\n",
                "f:4:10: fault.status",
                "403, 405, 502",
            ),
            (
                "[[fault]]\nkind = \"halt\"\nat = \"1s\"\nfor = \"1s\"\nclock = \"sun\"\n",
                "f:5:9: fault.clock",
                "\"market\"",
            ),
            (
                "[[fault]]\nkind = \"foreign-nonce\"\nat = \"1s\"\nvenue = \"grvt\"\n",
                "f:4:9: fault.venue",
                "\"lighter\"",
            ),
            (
                "[[fault]]\nkind = \"shutdown\"\nat = \"1s\"\nfor = \"1s\"\n",
                "f:4:1: fault.for: no key of shutdown",
                "close_in",
            ),
        ] {
            let error = FaultPlan::parse("f", text).expect_err(text).to_string();
            assert!(error.starts_with(place) && error.contains(words), "{text}: {error}");
        }
    }
}
