//! What came of the questions, as a table and as an overlay of the venue's profile.

use super::line::Why;
use crate::refresh::ask::Kept;
use crate::refresh::said::Said;
use crate::venue::Venue;
use crate::wall::now;
use perpx_core::market::{Delays, SelfTrade};
use perpx_core::units::{MS, Rate, Time, format_scaled};
use serde::Serialize;

/// A question and its answer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// As docs/before-live.md numbers it.
    pub question: &'static str,
    /// What of it.
    pub part: &'static str,
    /// What the venue does; `None`: not answered.
    pub answer: Option<String>,
    /// What is assumed without an answer.
    pub assumed: &'static str,
    /// Why there is no answer.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub why_not: Option<Why>,
    /// The key of the profile that it sets; nothing where none has it.
    #[serde(skip_serializing_if = "str::is_empty")]
    pub key: &'static str,
    /// When.
    #[serde(skip)]
    pub at: Time,
}

/// Everything that a venue was asked.
#[derive(Debug)]
pub struct Probed {
    /// Whose answers these are.
    pub venue: Venue,
    /// Steps, minimums, fees, as `perpx-data venue refresh` has them.
    pub said: Said,
    /// By question.
    pub findings: Vec<Finding>,
    /// The venue's own delays.
    pub delays: Option<Delays>,
    /// How far a price may lie from the mark.
    pub band: Option<Rate>,
    /// Which of two own orders gives way.
    pub self_trade: Option<SelfTrade>,
    /// What was left open because it could not be closed.
    pub left: Option<Why>,
    /// Answers as they came, of what is public.
    pub kept: Vec<Kept>,
}

/// What is collected while questions are asked.
#[derive(Default)]
pub struct Notes {
    pub findings: Vec<Finding>,
}

impl Notes {
    /// Takes an answer down, or why there is none.
    pub fn take(
        &mut self,
        (question, part): (&'static str, &'static str),
        (assumed, key): (&'static str, &'static str),
        answer: Result<String, Why>,
    ) {
        let (answer, why_not) = match answer {
            Ok(answer) => (Some(answer), None),
            Err(why) => (None, Some(why)),
        };
        self.findings.push(Finding { question, part, answer, assumed, why_not, key, at: now() });
    }
}

impl Probed {
    /// As an overlay of the venue's profile, in the form of `perpx-data venue refresh`.
    pub fn overlay(&self, coin: &str, network: &str) -> String {
        let at = now();
        let quoted = |text: &str| serde_json::Value::from(text).to_string();
        let mut out = self.said.overlay((self.venue, coin, network), at, &self.kept).replacen(
            "`perpx-data venue refresh`",
            "`perpx-live probe`",
            1,
        );
        let source = format!("source = {}\ndate = \"{}\"\n", quoted(&format!("probed at {network}")), at.date());
        if let (Some(delays), Ok((tier, ..))) = (self.delays, &self.said.fees) {
            let Delays { taker, maker, cancel } = delays;
            out += &format!(
                "\n[[delays]]\ntier = {}\ntaker_ms = {}\nmaker_ms = {}\ncancel_ms = {}\n{source}",
                quoted(tier),
                taker / MS,
                maker / MS,
                cancel / MS,
            );
        }
        if let Some(band) = self.band {
            out += &format!("\n[price_band]\nprice_band_bp = \"{}\"\n{source}", format_scaled(band.0.into(), 8));
        }
        if let Some(self_trade) = self.self_trade {
            let word = match self_trade {
                SelfTrade::CancelMaker => "cancel_maker",
                SelfTrade::CancelTaker => "cancel_taker",
            };
            out += &format!("\n[self_trades]\nself_trade = \"{word}\"\n{source}");
        }
        for Finding { question, part, answer, assumed, why_not, at, .. } in &self.findings {
            let (name, text) = match (answer, why_not) {
                (Some(answer), _) => ("answer", answer.as_str()),
                (None, why) => ("not_answered", why.as_deref().unwrap_or_default()),
            };
            out += &format!(
                "\n[[probed]]\nquestion = \"{question}\"\npart = \"{part}\"\n{name} = {}\nassumed = \"{assumed}\"\nat = \"{at}\"\n",
                quoted(text)
            );
        }
        out
    }
}
