//! The audit of a run that was never written to files.

use super::account::Account;
use super::entry::{Entry, Kind, Settled};
use crate::market::{Event, EventBody, Side};
use crate::units::{Cash, Rate, Time};

/// What one venue's account began with, and by what terms it is charged.
#[derive(Clone, Copy, Debug)]
pub struct Terms {
    /// The opening balance.
    pub capital: Cash,
    /// The step of its money.
    pub grid: Cash,
    /// Fractions of notional.
    pub maker: Rate,
    /// The taker's, as the maker's: positive = we pay.
    pub taker: Rate,
}

/// Adds up the ledger entries of one run as [`run`](super::run) does; the cash of both venues (by role) at its end.
/// `settled`: by role, every settlement of the tape; those inside `span` that met a position must have been paid.
///
/// # Errors
/// What does not add up.
pub fn entries(
    terms: [Terms; 2],
    events: impl Iterator<Item = Event>,
    settled: [&[(Time, Rate)]; 2],
    span: (Time, Time),
) -> Result<[Cash; 2], String> {
    let mut accounts = [("long", terms[0]), ("short", terms[1])].map(|(role, terms)| {
        Account::new(&Entry {
            amount: terms.capital.0,
            grid: terms.grid.0,
            role: role.to_string(),
            maker_rate: i128::from(terms.maker.0),
            taker_rate: i128::from(terms.taker.0),
            ..Entry::default()
        })
    });
    let mut in_transit = 0;
    for (number, event) in events.enumerate() {
        let Some(entry) = entry(&event) else { continue };
        if entry.kind == Kind::Transfer {
            in_transit -= entry.amount;
        }
        accounts[event.venue.ix()].book(&entry).map_err(|what| format!("entry {}: {what}", number + 1))?;
    }
    if in_transit != 0 {
        return Err(format!("{in_transit} (1e-12) left one venue and never reached the other"));
    }
    for (account, rows) in accounts.iter().zip(settled) {
        if account.qty != 0 {
            return Err(format!("a position of {} (1e-9) is open at the end", account.qty));
        }
        let row = |&(ts, rate): &(Time, Rate)| Settled { ts: ts.0, rate: i128::from(rate.0) };
        account.check_funding(&rows.iter().map(row).collect::<Vec<_>>(), (span.0.0, span.1.0))?;
    }
    Ok(accounts.map(|account| Cash(account.cash)))
}

/// The row that the event would be in trades.parquet; `None`: it is no ledger entry.
fn entry(event: &Event) -> Option<Entry> {
    let base = Entry { venue_time: event.venue_time.0, ..Entry::default() };
    Some(match event.body {
        EventBody::Fill { side, px, qty, maker, fee, .. } => Entry {
            kind: Kind::Fill,
            side: if side == Side::Buy { "buy" } else { "sell" }.to_string(),
            price: i128::from(px.0),
            qty: i128::from(qty.0),
            maker,
            fee: fee.0,
            ..base
        },
        EventBody::Funding { amount, rate, px } => {
            Entry { kind: Kind::Funding, amount: amount.0, rate: i128::from(rate.0), price: i128::from(px.0), ..base }
        }
        EventBody::Liquidated { px, qty, fee, lost } => Entry {
            kind: Kind::Liquidation,
            price: i128::from(px.0),
            qty: i128::from(qty.0),
            fee: fee.0,
            lost: lost.0,
            ..base
        },
        EventBody::Transferred { amount, fee } => Entry { kind: Kind::Transfer, amount: amount.0, fee: fee.0, ..base },
        _ => return None,
    })
}
