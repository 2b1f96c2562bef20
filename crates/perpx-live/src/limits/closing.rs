//! The limit of an order that closes. It is never refused: where its price goes too far it is cut, to the least aggressive of what the
//! strategy asks, what the venue's price band leaves, and the operator's collar.

use super::gate::Quote;
use perpx_core::market::{Instrument, NewOrder, OrderKind, Side};
use perpx_core::units::{Mid, Price, Qty, Rate, TimeDelta};

/// What is left free of a venue's price band, in basis points: the mark moves while an order is on its way.
const SPARE_BP: i64 = 20;
/// A venue without a row for so long is priced by the other one.
pub const SILENT: TimeDelta = perpx_core::units::SECOND.times(5);

/// What a close's limit is held against.
pub struct Bounds<'a> {
    /// Of its venue.
    pub instrument: &'a Instrument,
    /// What its venue showed last.
    pub quote: Quote,
    /// `collar_close_bp`.
    pub collar: Option<Rate>,
    /// Of a venue that is silent: by what the other one's mid has moved since, now and then.
    pub moved: Option<(i64, i64)>,
    /// Everything is to be closed: the price asked, of a book that is old, is moved too.
    pub is_told: bool,
}

/// The order in the steps that its venue takes now. Of less than a lot nothing is made: the venue says what it thinks of it.
pub fn in_steps(order: NewOrder, (tick, lot): (Price, Qty)) -> NewOrder {
    let limit = match order.side {
        Side::Buy => order.limit.ceil_to(tick),
        Side::Sell => order.limit.floor_to(tick),
    };
    let qty = order.qty.floor_to(lot);
    NewOrder { limit, qty: if qty.is_zero() { order.qty } else { qty }, ..order }
}

/// The order with a limit that goes no further than it may.
pub fn cut(order: NewOrder, bounds: &Bounds<'_>) -> NewOrder {
    let Bounds { instrument, quote, collar, moved, is_told } = bounds;
    let shift = |px: i64| match *moved {
        Some((now, then)) => (i128::from(px) * i128::from(now) / i128::from(then.max(1))) as i64,
        None => px,
    };
    let asked = if *is_told { Price(shift(order.limit.0)) } else { order.limit };
    let (mark, mid) = (Price(shift(quote.mark.0)), Mid::between(quote.bbo.bid, quote.bbo.ask));
    let mid = if quote.bbo.is_quoted() && mid.is_quoted() { Price(shift(mid.price().0)) } else { Price(0) };
    let band = instrument.price_band.map(|band| Rate((band.0 - Rate::from_bps(SPARE_BP).0).max(0)));
    let furthest = [(mark, band), (mark, *collar), (mid, *collar)].into_iter().filter_map(|(from, by)| {
        let by = by.filter(|_| from.0 > 0)?;
        Some(match order.side {
            Side::Buy => from.scaled_floor(by),
            Side::Sell => from.scaled_ceil(-by),
        })
    });
    let limit = match order.side {
        Side::Buy => furthest.chain([asked]).min().map(|px| px.floor_to(instrument.tick)),
        Side::Sell => furthest.chain([asked]).max().map(|px| px.ceil_to(instrument.tick)),
    };
    // one that rests keeps off the other side by itself
    match limit {
        Some(limit) if limit.0 > 0 && order.kind != OrderKind::PostOnly => NewOrder { limit, ..order },
        _ => order,
    }
}
