//! What an account holds, and what a process must be told of the ones before it.

use super::RunNumber;
use perpx_core::market::{NewOrder, OrderId, Side};
use perpx_core::units::{Cash, Price, Qty, Rate, Time};
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;

/// What a venue says of the account.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Holding {
    /// Everything booked; unrealised gains apart.
    pub cash: Cash,
    /// Signed.
    pub position: Qty,
    /// Times, as the account is set for the market; `None` where the venue does not say it now.
    pub leverage: Option<Rate>,
    /// The position has margin of its own; `None` where the venue does not say it now.
    pub is_isolated: Option<bool>,
    /// Orders that are open in the market, whoever sent them.
    pub orders: Vec<OpenOrder>,
    /// What is held in other markets, by their names.
    pub other_positions: Vec<(String, Qty)>,
}

impl Holding {
    /// The market's position is zero, and none of its orders is open.
    pub fn is_flat(&self) -> bool {
        self.position.is_zero() && self.orders.is_empty()
    }
}

/// The account is read in several questions, one reading at a time. One that is asked for while another is under way begins when that one
/// has ended, and what that one found is not told: it may be older than what made somebody ask.
#[derive(Debug, Default)]
pub struct Reading {
    is_under_way: bool,
    is_asked_again: bool,
}

impl Reading {
    /// It is asked for; whether its first question is to be sent now.
    pub fn begins(&mut self) -> bool {
        self.is_asked_again = self.is_under_way;
        !std::mem::replace(&mut self.is_under_way, true)
    }

    /// Some of its answers have still to come.
    pub fn is_under_way(&self) -> bool {
        self.is_under_way
    }

    /// Its last answer has come; whether what it found is told. If not, the first question is to be sent anew.
    pub fn ends(&mut self) -> bool {
        let is_told = !std::mem::take(&mut self.is_asked_again);
        self.is_under_way = !is_told;
        is_told
    }
}

/// An order that is open.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OpenOrder {
    /// The venue's name of it.
    pub name: String,
    /// The number that its sender gave it; 0 where none was.
    pub client: u64,
    /// The process of this run that sent it, and its own number there; `None`: somebody else's.
    pub sent_by: Option<(RunNumber, OrderId)>,
    /// Buys or sells.
    pub side: Side,
    /// What is left of it.
    pub qty: Qty,
    /// Its limit.
    pub px: Price,
}

/// A fill of our account by an order that this process neither sent nor was told of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ForeignFill {
    /// The venue's name of it.
    pub name: String,
    /// The number that the order's sender gave it; 0 where none was.
    pub client: u64,
    /// The process of this run that sent the order, and its own number there; `None`: somebody else's.
    pub sent_by: Option<(RunNumber, OrderId)>,
    /// Bought or sold.
    pub side: Side,
    /// Of the fill.
    pub px: Price,
    /// Of this fill alone.
    pub qty: Qty,
}

/// Money that came to the account, or left it, beside trading: a deposit, a withdrawal, a transfer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Transfer {
    /// The venue's name of it.
    pub name: String,
    /// When, by the venue's clock.
    pub at: Time,
    /// What came; negative: what left, with its fee.
    pub amount: Cash,
}

/// What the processes before this one left: see [`super::VenueClient::resume`].
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Past {
    /// Orders without an end.
    pub orders: Vec<PastOrder>,
    /// The venue's names of the fills and payments that are booked; those from before `since` may be missing.
    pub booked: BTreeSet<String>,
    /// Fills and payments since then are asked for, by the wall clock; nothing older is reported.
    pub since: Time,
}

/// An order of an earlier process that has no end.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct PastOrder {
    /// As it was sent.
    pub order: NewOrder,
    /// The process that sent it.
    pub number: RunNumber,
    /// When, by the wall clock.
    pub sent_at: Time,
    /// What is booked of it.
    pub filled: Qty,
    /// That it rests is booked.
    pub is_accepted: bool,
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Whatever is told was asked for after the newest question.
    #[test]
    fn a_reading_that_was_asked_for_during_another_begins_when_that_one_has_ended() {
        let mut reading = Reading::default();
        assert!(reading.begins() && reading.ends());
        assert!(reading.begins() && !reading.begins() && !reading.begins());
        assert!(!reading.ends(), "what it found is older than the question");
        assert!(reading.ends() && reading.begins());
    }
}
