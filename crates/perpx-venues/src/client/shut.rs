//! Why nothing is to be opened at a venue, as the venue itself lets it be seen: its book is not to be believed, its market takes nothing.

use super::book_check::BookCheck;
use super::{AccountUpdate, Output};
use perpx_core::market::Bbo;
use perpx_core::units::{Price, Time};

/// What speaks against an opening; nothing: neither does.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Shut {
    /// The book cannot be right, in words: nothing of it is quoted until a summary shows the same.
    pub book: Option<&'static str>,
    /// The market is not open.
    pub market: Option<Closed>,
}

/// What a market does not take.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Closed {
    /// What reduces goes.
    ToOpenings,
    /// Nothing goes, in words.
    ToAll(String),
}

impl Closed {
    /// In words.
    pub fn words(&self) -> &str {
        match self {
            Closed::ToOpenings => "the market takes what reduces alone",
            Closed::ToAll(words) => words,
        }
    }
}

impl Shut {
    /// All of it.
    pub fn words(&self) -> impl Iterator<Item = &str> {
        self.book.into_iter().chain(self.market.as_ref().map(Closed::words))
    }

    /// Why nothing can be closed there, in words.
    pub fn to_closes(&self) -> Option<&str> {
        self.market.as_ref().filter(|closed| matches!(closed, Closed::ToAll(_))).map(Closed::words)
    }
}

/// A client's book and market, looked at from outside.
#[derive(Debug, Default)]
pub struct MarketWatch {
    check: BookCheck,
    shut: Shut,
    reported: Shut,
}

impl MarketWatch {
    /// The book's best prices; whether they may be quoted.
    pub fn see(&mut self, top: &Bbo, wall: Time) -> bool {
        self.check.see(top, wall) && self.shut.book.is_none()
    }

    /// The venue's summary: zero where a price is not known. Whether a book that was not to be believed is again.
    pub fn summary(&mut self, bid: Price, ask: Price, wall: Time) -> bool {
        let is_told = bid.0 > 0 && ask.0 > 0 && self.check.has_seen();
        self.check.summary(bid, ask, wall) && is_told && self.shut.book.take().is_some()
    }

    /// The book is gone, or another stream will bring it.
    pub fn lost(&mut self) {
        self.check.lost();
    }

    /// Whether the book is wrong: its channel is to be subscribed anew.
    pub fn is_wrong(&mut self, wall: Time, out: &mut Output) -> bool {
        let Some((_, why)) = self.check.wrong(wall) else { return false };
        self.check.lost();
        self.shut.book = Some(why);
        out.account.push(AccountUpdate::Trouble(why.to_owned()));
        true
    }

    /// What the venue says of the market; `None`: it is open.
    pub fn market(&mut self, closed: Option<Closed>) {
        self.shut.market = closed;
    }

    /// Says what is another thing than before.
    pub fn tell(&mut self, out: &mut Output) {
        if self.shut != self.reported {
            self.reported = self.shut.clone();
            out.account.push(AccountUpdate::Shut(self.shut.clone()));
        }
    }
}
