//! What was lost, by two measures: the open legs once at the mids of the same moment, once at the venues' marks. A limit on it acts when
//! both have been beyond it for ten seconds with both venues fresh: a mark that is off for a moment, or a book that is empty for one,
//! closes nothing. Where a venue is blind its leg is valued by the other one's mid, and the limit acts at one and a half times.

use super::gate::{Quote, Refusal};
use super::keys::{Key, Limits, ROWS};
use crate::recovery::Lost;
use perpx_core::ledger::VenueBook;
use perpx_core::market::Role;
use perpx_core::units::{Cash, Mid, MidValue, Rate, SECOND, Time, TimeDelta};
use serde::Serialize;

/// For so long both measures are beyond a limit before it acts.
const BORNE: TimeDelta = SECOND.times(10);
/// Of a limit, where a venue is blind.
const BLIND: Rate = Rate(Rate::ONE + Rate::ONE / 2);

/// Equity at a moment, by two measures.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Measured {
    at_mids: MidValue,
    at_marks: MidValue,
    /// A venue is not fresh.
    is_blind: bool,
}

/// The losses of a run and of its day.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
pub struct Losses {
    /// Since 00:00 UTC, quote money, at mids. A gain is negative.
    pub day: f64,
    /// Since the run began.
    pub total: f64,
    /// At mids.
    pub equity: f64,
}

/// Watches what was lost.
#[derive(Clone, Debug)]
pub struct LossWatch {
    /// What the run began with, deposits and withdrawals since taken in.
    initial: MidValue,
    /// The day, and equity by both measures at its first look.
    base: Option<(i64, [MidValue; 2])>,
    /// By limit, day and total: since when both measures are beyond it.
    since: [Option<Time>; 2],
    /// `None`: nothing was quoted yet.
    losses: Option<Losses>,
    /// The day and what is lost, exactly, as of the last look.
    lost: Option<Lost>,
    /// The day's base is to be written down at the next look.
    is_new_base: bool,
}

/// What a look at the losses found.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Found {
    /// A day begins, with so much by both measures.
    pub base: Option<[Cash; 2]>,
    /// A limit is broken: everything is to be closed.
    pub broken: Option<Refusal>,
    /// By limit, day and total: what was lost is beyond it at this moment.
    pub beyond: [bool; 2],
}

impl LossWatch {
    /// Of a run that began with so much.
    pub fn new(initial: Cash) -> LossWatch {
        LossWatch {
            initial: initial.into(),
            base: None,
            since: [None; 2],
            losses: None,
            lost: None,
            is_new_base: false,
        }
    }

    /// What was lost before the run began with what it has now counts on: in all, and in a day of which no equity at its begin is known.
    pub fn carry(&mut self, lost: Lost, has_day: bool) {
        if !has_day {
            self.base = Some((lost.day, [self.initial + lost.of_day.into(); 2]));
            self.is_new_base = true;
        }
        self.initial += lost.in_all.into();
    }

    /// As of the last look: the day, and what is lost.
    pub fn lost(&self) -> Option<Lost> {
        self.lost
    }

    /// The day goes on with what it began with, in an earlier process.
    pub fn resume(&mut self, (day, base): (i64, [Cash; 2])) {
        self.base = Some((day, base.map(MidValue::from)));
    }

    /// As of the last look at which what is held was quoted.
    pub fn losses(&self) -> Option<Losses> {
        self.losses
    }

    /// Looks at both measures. `expected`: by role, the venue's mid as the other one's has it; `unexplained`: what the venues' balances are above what is believed, and nobody can say why.
    pub fn look(
        &mut self,
        limits: &Limits,
        (now, max_age): (Time, TimeDelta),
        (books, quotes): (&[VenueBook; 2], [Quote; 2]),
        (expected, unexplained): ([Option<Mid>; 2], Cash),
    ) -> Found {
        let measured = measure((now, max_age), (books, quotes), (expected, unexplained));
        let Some(measured) = measured else { return Found::default() };
        let equity = [measured.at_mids, measured.at_marks];
        let mut found = Found::default();
        if self.base.is_none_or(|(day, _)| day != now.day()) {
            (self.base, self.is_new_base) = (Some((now.day(), equity)), true);
        }
        let exact = |value: MidValue| value.to_notional().to_cash(Cash(1));
        found.base = self.base.filter(|_| std::mem::take(&mut self.is_new_base)).map(|(_, base)| base.map(exact));
        let base = self.base.map_or(equity, |(_, base)| base);
        let day = (base[0] - equity[0]).min(base[1] - equity[1]);
        let total = (self.initial - equity[0]).min(self.initial - equity[1]);
        self.lost = Some(Lost { day: now.day(), of_day: exact(day), in_all: exact(total) });
        // limits act by the smaller of both measures; whoever reads a loss beside an equity is shown that of the equity
        let (of_day, in_all) = ((base[0] - equity[0]).as_f64(), (self.initial - equity[0]).as_f64());
        self.losses = Some(Losses { day: of_day, total: in_all, equity: equity[0].as_f64() });
        for (n, (key, lost)) in [(Key::MaxLossDay, day), (Key::MaxLossTotal, total)].into_iter().enumerate() {
            let Some(most) = limits.cash(key) else { continue };
            let limit = MidValue::from(most);
            found.beyond[n] = lost >= limit;
            let acts_at = if measured.is_blind { limit.times(BLIND) } else { limit };
            if lost < acts_at {
                self.since[n] = None;
                continue;
            }
            let since = *self.since[n].get_or_insert(now);
            if now.since(since) >= BORNE {
                let refusal = Refusal {
                    key: ROWS[key as usize].name,
                    value: format!("{:.2}", lost.as_f64()),
                    limit: most.to_string(),
                };
                found.broken.get_or_insert(refusal);
            }
        }
        found
    }
}

/// `None`: nothing is quoted.
fn measure(
    (now, max_age): (Time, TimeDelta),
    (books, quotes): (&[VenueBook; 2], [Quote; 2]),
    (expected, unexplained): ([Option<Mid>; 2], Cash),
) -> Option<Measured> {
    let is_fresh = |role: Role| now.since(quotes[role.ix()].seen) <= max_age;
    let own = quotes.map(|quote| quote.bbo.mid_or_none());
    let mut px = [own, quotes.map(|quote| Mid::at(quote.mark))];
    let mut is_blind = false;
    for role in Role::BOTH {
        let r = role.ix();
        if books[r].leg.qty.is_zero() {
            continue;
        }
        let other = expected[r].filter(|_| !is_fresh(role) && is_fresh(role.other()));
        is_blind |= !is_fresh(role);
        if let Some(other) = other {
            px.iter_mut().for_each(|px| px[r] = other);
        }
        // a venue that has told no mark yet
        if !px[1][r].is_quoted() {
            px[1][r] = px[0][r];
        }
        if !px[0][r].is_quoted() {
            return None;
        }
    }
    let equity = |px: [Mid; 2]| {
        let books: MidValue = books.iter().zip(px).map(|(book, px)| book.equity(px)).sum();
        books + unexplained.into()
    };
    Some(Measured { at_mids: equity(px[0]), at_marks: equity(px[1]), is_blind })
}
