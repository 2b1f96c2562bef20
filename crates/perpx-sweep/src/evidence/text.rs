//! The evidence as a person reads it.

use super::judge::{Evidence, Finding, Judged, JudgedWinner, Luck, Missing, Overfitting, TooShort, WalkForward};
use crate::grid::MOST_DRAWS;
use perpx_core::stats::ATOM_STEP;
use perpx_data::text::{count, fixed, significant, table, wrap};

/// Columns of prose that the eye still follows.
const PROSE: usize = 110;

impl Evidence {
    /// As a person reads it, in so many columns.
    pub fn text(&self, width: usize) -> String {
        let prose = |text: &str| wrap(text, width.min(PROSE));
        let mut out = prose(&self.lead());
        match &self.outcome {
            Finding::NoWinner => out += "\n\nNo configuration may be chosen: none is eligible and ranked.",
            Finding::TooShort(short) => out += &format!("\n\n{}", prose(&too_short(short, self.days))),
            Finding::Judged(judged) => {
                for paragraph in judged.paragraphs() {
                    out += &format!("\n\n{}", prose(&paragraph));
                }
                out += &format!("\n\nWith so many tries luck alone shows, a year's Sharpe\n{}", judged.curve(width));
            }
        }
        out.trim_end().to_string()
    }

    fn lead(&self) -> String {
        let tried = if self.tried > self.configurations {
            format!(", {} on this data so far", count(self.tried))
        } else {
            String::new()
        };
        let too_few = self.tried_too_few.map(|said| {
            let said = count(said);
            format!(" Tried: {said} were said, which is fewer than this table has; all of the table count.")
        });
        format!(
            "{} different ledgers of {} configurations{tried}, over {} days: {} intervals of {} s in {} atoms, embargo {} \
             intervals.{}",
            count(self.distinct as u64),
            count(self.configurations),
            significant(self.days, 3),
            count(u64::from(self.intervals)),
            self.interval_sec,
            self.atoms,
            self.embargo,
            too_few.unwrap_or_default()
        )
    }
}

fn too_short(short: &TooShort, days_there: f64) -> String {
    let missing = |Missing { what, found, least }: &Missing| format!("{found} {what} of at least {least}");
    let missing: Vec<String> = short.missing.iter().map(missing).collect();
    let needed = match short.days_needed {
        Some(days) if days <= days_there => {
            format!("the span is long enough: cut it into atoms that are shorter, at least {ATOM_STEP} of them")
        }
        Some(days) => format!("about {} days would do", fixed(days.ceil(), 0)),
        None => "the winner does not trade, so no length would do".to_string(),
    };
    format!("Too short to say: {}; {needed}.", missing.join(", "))
}

/// A share as so many of a hundred, never none and never all.
fn of_hundred(share: f64) -> String {
    match 100.0 * share {
        low if low < 0.1 => "fewer than 0.1".to_string(),
        high if high > 99.9 => "more than 99.9".to_string(),
        other => significant(other, 2),
    }
}

fn percent(share: f64) -> String {
    format!("{} %", fixed(100.0 * share, 2))
}

fn sharpe(value: f64) -> String {
    fixed(value, 1)
}

impl Judged {
    fn paragraphs(&self) -> Vec<String> {
        let mut all = vec![self.winner.sentence(), self.luck.sentence(self.winner.tested_sharpe)];
        all.push(self.winner.alone(self.dsr_2014));
        all.push(match &self.overfitting {
            Some(found) => found.sentence(),
            None => "overfitting  Not judged: the atoms do not divide by so many blocks, or a block is no longer than the embargo.".to_string(),
        });
        all.extend(self.walk_forward.iter().map(WalkForward::sentence));
        if let Some(chance) = self.hope.chance {
            all.push(format!(
                "hope         At this length a strategy whose true Sharpe is {} a year shows itself above 0, at 95 %, in {} \
                 of 100 histories.",
                sharpe(self.hope.sharpe),
                of_hundred(chance)
            ));
        }
        all
    }

    fn curve(&self, width: usize) -> String {
        let target = format!("years until a Sharpe of {} is no luck", self.hope.sharpe);
        let head = ["tries", "expected", "95 % below", &target].map(str::to_string);
        let mut rows = vec![head.to_vec()];
        rows.extend(self.curve.iter().map(|point| {
            let years = significant(point.least_years, 2);
            vec![count(point.trials), sharpe(point.expected), sharpe(point.bar), years]
        }));
        table(&rows, width)
    }
}

impl JudgedWinner {
    fn sentence(&self) -> String {
        let error = self.error.map_or("unknown".to_string(), sharpe);
        let trades = self.trades.map(|trades| format!(", {} trades", count(u64::from(trades)))).unwrap_or_default();
        let fall = self.max_drawdown.map(|fall| format!(", deepest fall {}", percent(fall))).unwrap_or_default();
        let tested = match self.tested_sharpe < self.sharpe {
            true => format!("; {} in the world that ranked it, which is what is tested", sharpe(self.tested_sharpe)),
            false => String::new(),
        };
        format!(
            "winner       {}: Sharpe {} a year, one standard error {error}{tested}; net {} of the capital{fall}{trades}. \
             Not corrected for choosing, 95 % of drawn histories give a Sharpe of {} to {} and a net of {} to {}.",
            self.id,
            sharpe(self.sharpe),
            percent(self.net),
            sharpe(self.interval[0]),
            sharpe(self.interval[1]),
            percent(self.net_interval[0]),
            percent(self.net_interval[1])
        )
    }

    /// What it would be worth if nothing else had been tried.
    fn alone(&self, deflated: Option<f64>) -> String {
        let days =
            |days: Option<f64>| days.map_or("no length".to_string(), |days| format!("{} days", significant(days, 2)));
        let normal = if self.shape.is_none() { ", its returns taken as normal and independent" } else { "" };
        let (psr, dsr) = (self.psr.map(of_hundred), deflated.map(of_hundred));
        format!(
            "alone        If it were the only one tried{normal}: PSR {} of 100; above 0, at 95 %, from {} on; above what the \
             luckiest would show from {} on. DSR (2014) {} of 100: it takes the losers' spread for luck.",
            psr.as_deref().unwrap_or("-"),
            days(self.days_above_zero),
            days(self.days_above_luckiest),
            dsr.as_deref().unwrap_or("-")
        )
    }
}

impl Luck {
    /// Of a hundred histories, "at most" where no more is known.
    pub fn total_text(&self) -> String {
        match of_hundred(self.total) {
            _ if self.is_bound && self.total > 0.999 => "at most 100".to_string(),
            some if self.is_bound && self.total >= 0.001 => format!("at most {some}"),
            some => some,
        }
    }

    /// That the figure is a bound, and what would show less.
    fn bound(&self) -> String {
        let Some(needed) = self.draws_needed else { return String::new() };
        let drawn = count(self.draws as u64);
        let advice = match needed <= u64::from(MOST_DRAWS) {
            true => format!("from --draws {needed} on it could fall to 5"),
            false => format!("{} would be needed to see it fall to 5, and {MOST_DRAWS} are the most", count(needed)),
        };
        format!(" That is the least that {drawn} draws can show, as none of them looked this good: {advice}.")
    }

    fn sentence(&self, tested: f64) -> String {
        let side = if self.lower_bound < 0.0 { "below" } else { "above" };
        format!(
            "luck         If none of them had an edge, the best would look this good in {} of 100 such histories: {} as it \
             is, {} without its best atom.{} The luckiest would show about {} a year, 95 % of them less than {}; yours shows \
             {}, {} {side} that bar. They are as lucky as {} independent tries; {} stand on their own at 10 %. Small luck is \
             not profit: it is not explained by searching, on this tape with these fills. ({} draws, seed {}, blocks of {} \
             atoms)",
            self.total_text(),
            of_hundred(self.luck),
            of_hundred(self.robust),
            self.bound(),
            sharpe(self.luckiest),
            sharpe(self.bar),
            sharpe(tested),
            sharpe(self.lower_bound.abs()),
            significant(self.independent_trials, 2),
            count(self.standing as u64),
            count(self.draws as u64),
            self.seed,
            fixed(self.block_atoms, 1)
        )
    }
}

impl Overfitting {
    fn sentence(&self) -> String {
        format!(
            "overfitting  In {} half-and-half splits of the time ({} blocks, {} atoms dropped where halves touch) the best of \
             one half fell to the middle or below in the other in {} of 100 (a grid without any edge: {} to {}), and lost \
             money in {}. {} different ones were chosen; they made {} a year in their half, {} in the other.",
            count(self.splits as u64),
            self.blocks,
            self.embargo_atoms,
            of_hundred(self.pbo),
            fixed(100.0 * self.null_band[0], 0),
            fixed(100.0 * self.null_band[1], 0),
            of_hundred(self.test_loss),
            self.picks,
            sharpe(self.mean_train),
            sharpe(self.mean_test)
        )
    }
}

impl WalkForward {
    fn sentence(&self) -> String {
        let how = match self.run_again {
            true => "Each choice was run again, from flat, over the time after it.",
            false => "Estimated from atoms, not run again.",
        };
        format!(
            "forward      Chosen again {} times, {}, it would have made about {} of the capital (worst fold {}), Sharpe {} a \
             year, one standard error {}; the choice changed {} times. {how}",
            self.folds.len(),
            self.kind,
            percent(self.net),
            percent(self.worst),
            sharpe(self.sharpe),
            sharpe(self.error),
            self.changes
        )
    }
}
