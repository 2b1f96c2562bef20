//! What a page, or `ctl status`, is shown of an operator's words, the limits and what is held.

use super::verbs::{By, Verb};
use crate::limits::loss::Losses;
use perpx_core::units::{SECOND, TimeDelta};
use perpx_venues::recorder::wall_state::Offset;
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
    /// Seconds since it said so.
    pub venue_said_sec: Option<f64>,
    /// Something was booked since: both may differ by that.
    pub is_older: bool,
    /// Distance of the mark from the leg's liquidation, basis points.
    pub liquidation_bp: Option<f64>,
    /// What differs from what is believed, or did and was not looked at.
    pub differs: Vec<String>,
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
    /// Quote money; `null`: nothing is quoted yet.
    pub losses: Option<Losses>,
    /// Of both balances, what nothing explains; quote money.
    pub unexplained: f64,
    /// `max_loss_day`, `max_loss_total`.
    pub loss_limits: [Option<f64>; 2],
    /// Refusals by key.
    pub refusals: BTreeMap<&'static str, u64>,
    /// Every limit in force by key; `null`: unlimited.
    pub limits: BTreeMap<&'static str, Option<String>>,
    /// By role: the venue's clock less ours; `null`: it was not told yet.
    pub clocks: [Option<Offset>; 2],
    /// Milliseconds that the slower venue's lanes of orders take: the median of the last ten answers.
    pub lane_ms: Option<f64>,
    /// By role: how many orders the venue takes now, all that was asked of it counted; `null`: it is not known yet.
    pub orders_left: [Option<i64>; 2],
}

impl fmt::Display for Held {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:<9} {} believed", self.venue, self.position)?;
        if let (Some(position), Some(open)) = (&self.venue_position, self.venue_open_orders) {
            write!(f, "; it said {position}, {open} orders open")?;
        }
        if let Some(ago) = self.venue_said_sec {
            write!(f, ", {ago:.0} s ago")?;
        }
        if self.is_older {
            f.write_str(", before something that was booked since")?;
        }
        match self.liquidation_bp {
            Some(bp) => writeln!(f, "; {bp:.0} bp from liquidation")?,
            None => writeln!(f)?,
        }
        self.differs.iter().try_for_each(|words| writeln!(f, "differs   {}: {words}", self.venue))
    }
}

/// What a run that no process has was like when it was written down last.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Last {
    /// S0 to S5.
    pub state: &'static str,
    /// The moment, UTC, on the clock that the trader went by.
    pub at: String,
    /// When that was written, by the machine's clock.
    pub written: String,
    /// By role; with everything that was heard since the state.
    pub held: Vec<Held>,
    /// Orders that are not known to be over.
    pub orders_under_way: usize,
    /// Trades that were closed.
    pub trades: usize,
}

impl fmt::Display for Last {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "state     {} as of {}, written {}", self.state, self.at, self.written)?;
        self.held.iter().try_for_each(|held| write!(f, "{held}"))?;
        write!(f, "orders    {} under way; {} trades closed", self.orders_under_way, self.trades)
    }
}

impl fmt::Display for Snapshot {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "state     {} at {}", self.state, self.at)?;
        self.held.iter().try_for_each(|held| write!(f, "{held}"))?;
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
        let result = |lost: f64, n: usize| match self.loss_limits[n] {
            Some(limit) => format!("{:+.2} (at most {limit} may be lost)", -lost + 0.0),
            None => format!("{:+.2} (no limit)", -lost + 0.0),
        };
        match self.losses {
            Some(Losses { day, total, equity }) => {
                writeln!(f, "result    {} today, {} in all; equity {equity:.2}", result(day, 0), result(total, 1))?;
            }
            None => writeln!(f, "result    not known yet: no book was heard")?,
        }
        for (held, clock) in self.held.iter().zip(self.clocks) {
            if let Some(Offset { offset_ns, bound_ns }) = clock {
                let [offset, bound] = [offset_ns, bound_ns].map(|ns| TimeDelta(ns).as_f64(SECOND));
                writeln!(f, "clock     {}'s is {offset:+.3} s from ours, to {bound:.3} s", held.venue)?;
            }
        }
        if let Some(lane) = self.lane_ms {
            writeln!(f, "lanes     {lane:.0} ms")?;
        }
        for (held, left) in self.held.iter().zip(self.orders_left) {
            if let Some(left) = left {
                writeln!(f, "requests  {left} orders may go to {} now", held.venue)?;
            }
        }
        if !self.refusals.is_empty() {
            let all: Vec<String> = self.refusals.iter().map(|(key, count)| format!("{key} {count}")).collect();
            writeln!(f, "refused   {}", all.join(", "))?;
        }
        let set = self.limits.iter().filter_map(|(key, value)| Some(format!("{key} {}", value.as_ref()?)));
        write!(f, "limits    {}", set.collect::<Vec<_>>().join(", "))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A loss counts from above in the limits, and is negative where people read it; a gain is positive.
    #[test]
    fn a_gain_is_no_loss_and_what_a_venue_said_has_an_age() {
        let held = Held {
            venue: "grvt".to_owned(),
            position: "-0.01".to_owned(),
            venue_position: Some("0".to_owned()),
            venue_open_orders: Some(1),
            venue_said_sec: Some(61.4),
            is_older: true,
            liquidation_bp: None,
            differs: Vec::new(),
        };
        let losses = Some(Losses { day: -3.5, total: 12.25, equity: 987.75 });
        let snapshot = Snapshot { held: vec![held], losses, loss_limits: [Some(40.0), None], ..Snapshot::default() };
        let text = snapshot.to_string();
        let lines: Vec<&str> = text.lines().collect();
        assert_eq!(
            lines[1],
            "grvt      -0.01 believed; it said 0, 1 orders open, 61 s ago, before something that was booked since"
        );
        assert_eq!(lines[4], "result    +3.50 (at most 40 may be lost) today, -12.25 (no limit) in all; equity 987.75");
        let even = Snapshot { losses: Some(Losses::default()), ..Snapshot::default() }.to_string();
        assert!(even.contains("result    +0.00 (no limit) today"), "{even}");
        assert!(Snapshot::default().to_string().contains("result    not known yet"));
    }
}
