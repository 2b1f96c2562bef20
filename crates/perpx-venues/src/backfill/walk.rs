//! Page after page of one endpoint. What is kept is not asked for again; what can still grow is never kept: a window of time that ends
//! today, the newest page of a list.

use super::BackfillError;
use super::asker::Asker;
use super::endpoint::{Endpoint, Page, PastRow};
use super::pages::{Head, Kept, Pages, asked};
use crate::asking::AskError;
use perpx_core::units::{DAY, NS, Time};

/// What a walk came to.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Walked {
    /// Rows of all pages, in the venue's order.
    pub rows: Vec<PastRow>,
    /// How many pages there are: of a list those that have rows of the span.
    pub pages: u64,
    /// Those of them that were asked for now.
    pub fresh: u64,
    /// When the first and the last of them were asked for.
    pub asked: Option<(Time, Time)>,
    /// Settlements without an interval.
    pub without_interval: u64,
    /// Bars without a price.
    pub without_price: u64,
    /// Rows that are not of the window that was asked for.
    pub outside: u64,
    /// Pages whose rows neither rise nor fall in time.
    pub disordered: u64,
}

/// One walk.
pub struct Walk<'a> {
    /// Who asks.
    pub asker: &'a mut dyn Asker,
    /// What is kept.
    pub pages: &'a Pages,
    /// Which rows.
    pub endpoint: Endpoint,
    /// The market as the venue names it.
    pub market: &'a str,
    /// Called after each page: how many windows there are, and how many of them are done.
    pub progress: &'a mut dyn FnMut(u64, u64),
}

/// A page, and whether it was asked for now.
struct Taken {
    page: Page,
    at: Time,
    is_fresh: bool,
}

impl Walk<'_> {
    /// All pages of a span of the venue's time.
    ///
    /// # Errors
    /// No answer, one that cannot be read, a disk that takes none.
    pub fn walk(&mut self, (from, to): (Time, Time)) -> Result<Walked, BackfillError> {
        let mut all = Walked::default();
        let Some(window) = self.endpoint.window() else {
            self.list(&mut all, (from, to))?;
            return Ok(all);
        };
        let mut begins = from.floor_to(window);
        let count = ((to.plus(-NS).floor_to(window).since(begins)) / window + 1).max(1) as u64;
        for done in 0..count {
            (self.progress)(count, done);
            self.window(&mut all, (begins, begins.plus(window)))?;
            begins = begins.plus(window);
        }
        Ok(all)
    }

    /// All pages of one window.
    fn window(&mut self, all: &mut Walked, span: (Time, Time)) -> Result<(), BackfillError> {
        let mut cursor: Option<String> = None;
        loop {
            let is_closed = |at: Time| span.1 <= at.floor_to(DAY);
            let taken = self.page(span, cursor.as_deref(), is_closed)?;
            let next = all.take(taken, span, true);
            if next.is_none() || next == cursor {
                return Ok(());
            }
            cursor = next;
        }
    }

    /// A list from the newest down to `from`. A page after a cursor holds what is older than it, and grows no more: it is kept. Where
    /// a kept page goes on from the last one, it is taken, whatever it was asked by.
    fn list(&mut self, all: &mut Walked, (from, to): (Time, Time)) -> Result<(), BackfillError> {
        let heads = self.pages.heads(&self.endpoint.name());
        let ours = asked(&self.endpoint.call(self.market, (from, to), None));
        let heads: Vec<Head> = heads.into_iter().filter(|head| head.asked.starts_with(&ours)).collect();
        // the page that begins nearest behind the span, if one is there
        let behind = heads.iter().filter(|head| head.newest_ns.is_some_and(|ns| Time(ns) >= to));
        let nearest = behind.min_by_key(|head| head.newest_ns);
        let mut taken = match nearest.and_then(|head| self.kept(&head.asked)) {
            Some(taken) => taken,
            None => self.page((from, to), None, |_| false)?,
        };
        let mut before = None;
        loop {
            (self.progress)(0, all.pages + 1);
            let oldest = taken.page.rows.last().map(|row| (row.at(), number(row)));
            let next = all.take(taken, (from, to), false);
            let Some(((at, id), cursor)) = oldest.zip(next) else { return Ok(()) };
            if at < from {
                return Ok(());
            }
            if before.replace(id).is_some_and(|before| id >= before) {
                let asked = format!("{ours}&cursor={cursor}");
                return Err(AskError::Refused { asked, answer: "the list goes on by no older print".to_owned() }.into());
            }
            let overlaps = |head: &&Head| head.ids.is_some_and(|(low, high)| low < id && id <= high);
            let further = heads.iter().filter(overlaps).min_by_key(|head| head.ids);
            taken = match further.and_then(|head| self.kept(&head.asked)) {
                Some(taken) => taken,
                None => self.page((from, to), Some(&cursor), |_| true)?,
            };
        }
    }

    /// A page that is kept, if it can still be read.
    fn kept(&self, asked: &str) -> Option<Taken> {
        let kept = self.pages.get(&self.endpoint.name(), asked)?;
        let page = self.endpoint.read(&kept.body).ok()?;
        Some(Taken { page, at: kept.at(), is_fresh: false })
    }

    /// The kept page, or the venue's answer, which is kept if it grows no more.
    fn page(
        &mut self,
        span: (Time, Time),
        cursor: Option<&str>,
        is_closed: impl Fn(Time) -> bool,
    ) -> Result<Taken, BackfillError> {
        let call = self.endpoint.call(self.market, span, cursor);
        let asked = asked(&call);
        if let Some(taken) = self.kept(&asked) {
            return Ok(taken);
        }
        let (at, body) = self.asker.ask(&call)?;
        let read = self.endpoint.read(&body);
        let page = read.map_err(|why| AskError::Unreadable { asked: asked.clone(), why })?;
        if is_closed(at) {
            let ids = match self.endpoint.window() {
                None => page.rows.last().zip(page.rows.first()).map(|(last, first)| (number(last), number(first))),
                Some(_) => None,
            };
            let newest_ns = ids.and(page.rows.first()).map(|row| row.at().0);
            let head = Head { asked, at_ns: at.0, status: 200, ids, newest_ns };
            self.pages.put(&self.endpoint.name(), &Kept { head, body })?;
        }
        Ok(Taken { page, at, is_fresh: true })
    }
}

impl Walked {
    /// Adds a page of a window, or of a list; where it goes on. A page of a list on the way to the span is none of it: another time the
    /// way is another one.
    fn take(&mut self, taken: Taken, (from, to): (Time, Time), is_window: bool) -> Option<String> {
        let Taken { page, at, is_fresh } = taken;
        self.fresh += u64::from(is_fresh);
        let outside = page.rows.iter().filter(|row| row.at() < from || row.at() > to).count();
        match is_window {
            true => self.outside += outside as u64,
            false if outside == page.rows.len() => return page.next,
            false => {}
        }
        let rises = page.rows.is_sorted_by_key(PastRow::at);
        self.disordered += u64::from(!rises && !page.rows.iter().rev().is_sorted_by_key(|row| row.at()));
        self.pages += 1;
        self.asked = Some(self.asked.map_or((at, at), |(first, last)| (first.min(at), last.max(at))));
        self.without_interval += page.without_interval;
        self.without_price += page.without_price;
        self.rows.extend(page.rows);
        page.next
    }
}

/// The venue's number of a print.
fn number(row: &PastRow) -> i64 {
    match row {
        PastRow::Trade(trade) => trade.id.unwrap_or(0),
        PastRow::Funding(_) | PastRow::Bar(_) => 0,
    }
}
