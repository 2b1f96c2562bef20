//! What both venues show of a market and keep of an account, before either puts it into its words.

use super::venue_core::VenueCore;
use perpx_core::market::{Bbo, DepthLevel, Side};
use perpx_core::units::{Price, Qty};
use serde_json::Value;
use std::cmp::Ordering;
use std::collections::{BTreeMap, VecDeque};

/// Levels of a side that a book without snapshots is shown with.
pub const LEVELS: usize = 20;
/// Rows of a list (trades, fills, payments) that are kept to be asked for.
const KEPT: usize = 1_000;

/// Levels of one side, by price.
pub type Levels = BTreeMap<Price, Qty>;

/// Puts `row` first.
pub fn keep(list: &mut VecDeque<Value>, row: Value) {
    list.push_front(row);
    list.truncate(KEPT);
}

/// The market's levels of a side, and the account's own orders among them.
pub fn book(core: &VenueCore, side: Side, ours: impl Iterator<Item = (Price, Qty)>) -> Levels {
    let market = core.levels(side, LEVELS).into_iter().map(|DepthLevel { px, qty }| (px, qty));
    let mut levels = Levels::new();
    for (px, qty) in market.chain(ours).filter(|(_, qty)| qty.0 > 0) {
        *levels.entry(px).or_insert(Qty::ZERO) += qty;
    }
    levels
}

/// The best of that book: what a venue's own summary of its market shows.
pub fn best(core: &VenueCore, ours: [impl Iterator<Item = (Price, Qty)>; 2]) -> Bbo {
    let (mut best, [bids, asks]) = (core.book().best(), ours);
    for (px, qty) in bids.filter(|(_, qty)| qty.0 > 0) {
        match px.cmp(&best.bid) {
            Ordering::Greater => (best.bid, best.bid_qty) = (px, qty),
            Ordering::Equal => best.bid_qty += qty,
            Ordering::Less => {}
        }
    }
    for (px, qty) in asks.filter(|(_, qty)| qty.0 > 0) {
        match px.cmp(&best.ask) {
            Ordering::Equal => best.ask_qty += qty,
            Ordering::Greater if best.ask.0 > 0 => {}
            _ => (best.ask, best.ask_qty) = (px, qty),
        }
    }
    best
}

/// Levels that differ between two pictures of a side: those of the new one that are set, then those that are gone, at zero.
pub fn changed<'a>(new: &'a Levels, old: &'a Levels) -> impl Iterator<Item = (Price, Qty)> + 'a {
    let set = new.iter().filter(|(px, qty)| old.get(px) != Some(qty)).map(|(px, qty)| (*px, *qty));
    let gone = old.keys().filter(|px| !new.contains_key(px)).map(|px| (*px, Qty::ZERO));
    set.chain(gone)
}
