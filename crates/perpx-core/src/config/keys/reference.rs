//! The table of keys for people: `perpx-sweep keys` and docs/reference/keys.md.

use super::{Class, Default, FILLS, Key, Kind, TOP, VENUE};
use serde::Serialize;

/// A row of the table in words.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct KeyRow {
    /// `<venue>` stands for a key under `exchanges`, `[.<venue>]` for the same or nothing.
    pub path: String,
    /// Who chooses it: `strategy` and `world` can be axes, `account` cannot.
    pub class: &'static str,
    pub accepted: String,
    pub default: String,
    pub meaning: &'static str,
    /// What each word of a choice means.
    pub choices: Vec<(&'static str, &'static str)>,
}

/// Every key, in the order of the table.
pub fn rows() -> Vec<KeyRow> {
    let tables = [(TOP, ""), (VENUE, "<venue>"), (FILLS, "fills[.<venue>]")];
    tables.iter().flat_map(|(table, star)| table.iter().map(|key| row(key, key.path.replace('*', star)))).collect()
}

fn row(key: &Key, path: String) -> KeyRow {
    let class = match key.class {
        Class::Strategy => "strategy",
        Class::World => "world",
        Class::Account => "account",
    };
    let default = match key.default {
        Default::Required | Default::RequiredOrNull => "required".to_string(),
        Default::Unset => unset(key.path).to_string(),
        Default::Is(text) | Default::IsOrNull(text) => text.to_string(),
        Default::Like(other) => format!("as `{}`", TOP[other as usize].path),
    };
    let choices = match key.kind {
        Kind::Choice(words) => words.iter().map(|word| (*word, choice(key.path, word))).collect(),
        _ => Vec::new(),
    };
    KeyRow { path, class, accepted: key.kind.accepted(key.takes_null()), default, meaning: key.doc, choices }
}

/// What a word of a choice means; empty: nobody has said it.
fn choice(path: &str, word: &str) -> &'static str {
    match (path, word) {
        ("sizing", "fixed") => "as written",
        ("sizing", "equity") => "times equity over initial capital",
        ("direction", "long") => "bought on the long venue",
        ("direction", "short") => "sold on the short venue",
        ("direction", "both") => "whichever gate opens first",
        ("thresholds.funding_basis", "long_minus_short") => {
            "high when a long on the long venue pays more than the short receives"
        }
        ("thresholds.funding_basis", "short_minus_long") => "what the pair would earn",
        ("entry.mode", "first_leg") => "one leg; the other one locks it later",
        ("entry.mode", "pair") => "both legs at once: S0 to S2",
        (_, "maker") => "rest at the own best price until the timeout",
        (_, "taker") => "take within the slippage limit",
        (_, "maker_then_taker") => "rest, then take what is left",
        ("locking.band", "sigma") => "band_sigma standard deviations around the mean",
        ("locking.band", "quantile") => "two quantiles of the window",
        ("locking.on_lock_failure", "rollback") => "close everything",
        ("locking.on_lock_failure", "retry") => "buy back what filled and return to S1",
        ("locking.on_lock_failure", "keep") => "keep the matched quantity, locked",
        ("locking.arm", "inside") => "once the spread was strictly between the levels",
        ("locking.arm", "level") => "at once",
        ("locking.on_ub" | "locking.on_lb", "close_short") => "keep the long leg: S4",
        ("locking.on_ub" | "locking.on_lb", "close_long") => "keep the short leg: S5",
        ("locking.on_lb", "hold") => "nothing",
        ("locking.on_timeout", "keep_cheaper") => "keep the leg whose own funding costs less",
        (_, "close_both") => "close both legs: S0",
        ("execution.tif", "ioc") => "fill what can be filled at once, cancel the rest",
        ("execution.tif", "fok") => "fill all at once or nothing",
        ("risk.guard_action", "cut") => "close the leg whose own funding costs more",
        ("risk.guard_action", "reduce") => "halve each leg",
        ("risk.on_leg_lost", "flatten") => "close it",
        ("risk.on_leg_lost", "keep") => "go on with it in S4 or S5",
        ("funding.signal", "predicted") => "the newest published for the next settlement",
        ("funding.signal", "settled") => "the last one paid",
        (_, "refuse") => "no run without it",
        ("funding.missing", "zero") => "a known rate of 0",
        ("marks.missing", "zero") => "not known",
        (_, "carry_last") => "the last known value",
        (_, "mid") => "the mid of the venue's own quotes",
        (_, "lighter" | "grvt") => "what is known of that venue",
        (_, "generic") => "nothing: the block says all",
        (_, "cancel_maker") => "the resting one",
        (_, "cancel_taker") => "the arriving one",
        (_, "mark") => "mark price",
        (_, "index") => "index price",
        (_, "zero_price") => "sold within its margin, for a fee at most",
        (_, "take_over") => "its margin is lost",
        (_, "risk_averse") => "by trades alone: cancels are behind us",
        (_, "proportional") => "and by cancels, in proportion to what is ahead",
        (_, "power") => "and by cancels, the further back the more (exponent n)",
        (_, "trades_only") => "by trades alone, even where less is displayed",
        _ => "",
    }
}

/// What holds where a key without a default is not written.
fn unset(path: &str) -> &'static str {
    match path {
        "base_qty" | "base_notional" => "one of the two",
        "long_venue" => "lighter",
        "short_venue" => "grvt",
        "locking.band" => "sigma where band_sigma is written, else quantile",
        "locking.band_sigma" | "locking.quantile_band.lb" | "locking.quantile_band.ub" => "required by its band",
        "funding.signal" => "predicted where the tape has it of both venues, else settled",
        "fees.taker_bps" | "fees.maker_rebate_bps" => "the venue's",
        "capital.*" => "the size at the first mid",
        "exchanges.*.name" => "the venue's key",
        "exchanges.*.profile" => "the one of the venue's name",
        "exchanges.*.endpoint" | "exchanges.*.account" => "none",
        "exchanges.*.instrument.symbol" => "the profile's, else symbol",
        "*.queue.n" => "required by power",
        "*.assume_qty" => "nothing is filled there",
        "*.outages" => "none",
        _ if path.starts_with("exchanges.") => "the profile's",
        _ if path.starts_with("*.latency") => "not used",
        _ => "off",
    }
}

/// A table of Markdown for each block of the file.
pub fn markdown(rows: &[KeyRow]) -> String {
    let block = |row: &KeyRow| {
        let end = row.path.find(['.', '[']).unwrap_or(0);
        row.path[..end].to_string()
    };
    let mut out = String::new();
    for rows in rows.chunk_by(|a, b| block(a) == block(b)) {
        let title = rows.first().map(block).filter(|block| !block.is_empty());
        let title = title.map_or("At the top of the file".to_string(), |block| format!("`{block}`"));
        out += &format!("## {title}\n\n| key | accepted | default | chosen by | meaning |\n");
        out += "| --- | --- | --- | --- | --- |\n";
        for KeyRow { path, class, accepted, default, meaning, choices } in rows {
            let accepted = accepted.replace('|', "\\|");
            let choices: String = choices.iter().map(|(word, what)| format!("<br>`{word}`: {what}")).collect();
            out += &format!("| `{path}` | {accepted} | {default} | {class} | {meaning}{choices} |\n");
        }
        out.push('\n');
    }
    out.trim_end().to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_word_of_a_choice_has_a_meaning() {
        for row in rows() {
            for (word, meaning) in row.choices {
                assert!(!meaning.is_empty(), "{}: {word} has no meaning: write it in `choice`", row.path);
            }
        }
    }
}
