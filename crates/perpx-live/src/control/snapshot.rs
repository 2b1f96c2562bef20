//! What a page, or `ctl status`, is shown of an operator's words, the limits and what is held.

use super::verbs::{By, Verb};
use crate::limits::loss::Losses;
use serde::Serialize;
use std::collections::BTreeMap;
use std::fmt;

/// A verb in force.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct InForce {
    /// Which one.
    pub verb: Verb,
    /// Who said it, when and why.
    #[serde(flatten)]
    pub by: By,
}

/// What is held at a venue.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Held {
    /// The venue's name.
    pub venue: String,
    /// As believed, base coins; short is negative.
    pub position: String,
    /// As the venue said last, if it did.
    pub venue_position: Option<String>,
    /// Orders that the venue had open then.
    pub venue_open_orders: Option<usize>,
    /// Distance of the mark from the leg's liquidation, basis points.
    pub liquidation_bp: Option<f64>,
}

/// A run at a moment.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Snapshot {
    /// The moment, UTC, on the clock that the trader goes by.
    pub at: String,
    /// S0 to S5.
    pub state: &'static str,
    /// The strictest first.
    pub verbs: Vec<InForce>,
    /// Something may open.
    pub may_open: bool,
    /// Why not.
    pub why_not: Vec<String>,
    /// By role: the long one, the short one.
    pub held: Vec<Held>,
    /// Orders that are not known to be over.
    pub orders_under_way: usize,
    /// Market seconds since the oldest order has been in doubt.
    pub doubt_sec: Option<f64>,
    /// Quote money.
    pub losses: Losses,
    /// `max_loss_day`, `max_loss_total`.
    pub loss_limits: [Option<f64>; 2],
    /// Refusals by key.
    pub refusals: BTreeMap<&'static str, u64>,
    /// Every limit in force by key; `null`: unlimited.
    pub limits: BTreeMap<&'static str, Option<String>>,
}

impl fmt::Display for Snapshot {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "state     {} at {}", self.state, self.at)?;
        for held in &self.held {
            write!(f, "{:<9} {} believed", held.venue, held.position)?;
            if let (Some(position), Some(open)) = (&held.venue_position, held.venue_open_orders) {
                write!(f, "; it said {position}, {open} orders open")?;
            }
            match held.liquidation_bp {
                Some(bp) => writeln!(f, "; {bp:.0} bp from liquidation")?,
                None => writeln!(f)?,
            }
        }
        write!(f, "orders    {} under way", self.orders_under_way)?;
        match self.doubt_sec {
            Some(seconds) => writeln!(f, ", in doubt for {seconds:.1} s")?,
            None => writeln!(f)?,
        }
        for InForce { verb, by } in &self.verbs {
            let reason = if by.reason.is_empty() { String::new() } else { format!(": {}", by.reason) };
            writeln!(f, "{:<9} since {} by {}{reason}", verb.name(), by.since.to_second(), by.who)?;
        }
        match self.may_open {
            true => writeln!(f, "may open  yes")?,
            false => writeln!(f, "may open  no: {}", self.why_not.join("; "))?,
        }
        let limit = |n: usize| self.loss_limits[n].map_or("no limit".to_owned(), |limit| format!("of {limit}"));
        let Losses { day, total, equity } = self.losses;
        writeln!(f, "loss      {day:.2} today ({}), {total:.2} in all ({}); equity {equity:.2}", limit(0), limit(1))?;
        if !self.refusals.is_empty() {
            let all: Vec<String> = self.refusals.iter().map(|(key, count)| format!("{key} {count}")).collect();
            writeln!(f, "refused   {}", all.join(", "))?;
        }
        let set = self.limits.iter().filter_map(|(key, value)| Some(format!("{key} {}", value.as_ref()?)));
        write!(f, "limits    {}", set.collect::<Vec<_>>().join(", "))
    }
}
