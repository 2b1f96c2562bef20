//! The best bid and ask of one venue, in ticks and lots, and how market makers place them.

use super::chance::Dice;
use super::spec::SynthSpec;
use crate::market::{Bbo, Side};
use crate::units::{Price, Qty};

/// A market maker keeps his manner (one tick, or wide and how wide) from quote to quote with this probability.
const SAME_WIDTH: f64 = 0.8;
/// Standard deviation of the logarithm of the size at the best price.
const SIZE_SPREAD: f64 = 1.3;
/// A level behind the best is this many ticks away at most.
const NEXT_LEVEL_TICKS: u32 = 5;

/// The quote of a venue, in ticks and lots.
pub(super) struct Quote {
    /// Best bid and best ask, ticks.
    px: [i64; 2],
    /// Their sizes, lots.
    size: [i64; 2],
    /// Width now, bp; `None`: one tick.
    wide: Option<f64>,
    /// Share of quotes that are one tick wide.
    one_tick: f64,
    /// Least and greatest width of the others.
    wide_bp: [f64; 2],
    zero: bool,
    /// Median value at the best price, quote money.
    top_value: f64,
    /// The price step.
    tick: Price,
    /// The quantity step.
    lot: Qty,
}

/// Index into the pairs above of the side that rests when `taker` takes.
fn resting(taker: Side) -> usize {
    match taker {
        Side::Sell => 0,
        Side::Buy => 1,
    }
}

impl Quote {
    /// About the fair price, in ticks.
    pub(super) fn new(spec: &SynthSpec, v: usize, fair: f64, dice: &mut Dice) -> Quote {
        let venue = &spec.venues[v];
        let mut quote = Quote {
            px: [0; 2],
            size: [1; 2],
            wide: None,
            one_tick: venue.one_tick,
            wide_bp: venue.wide_bp,
            zero: spec.zero_spread,
            top_value: venue.top_value,
            tick: spec.tick,
            lot: venue.lot,
        };
        quote.place(fair, dice);
        quote
    }

    /// Quotes anew around `fair` (ticks). A side whose price stays keeps its size.
    pub(super) fn place(&mut self, fair: f64, dice: &mut Dice) {
        if !dice.chance(SAME_WIDTH) {
            let one = dice.chance(self.one_tick);
            let [low, high] = self.wide_bp;
            self.wide = (!one).then(|| low + (high - low) * dice.unit());
        }
        let ticks = self.wide.map_or(1.0, |bp| (fair * bp * 1e-4).round().max(1.0));
        let ticks = if self.zero { 0.0 } else { ticks };
        let bid = ((fair - ticks / 2.0).round() as i64).max(1);
        for (side, px) in [bid, bid + ticks as i64].into_iter().enumerate() {
            if self.px[side] != px {
                self.px[side] = px;
                self.size[side] = self.draw_size(dice);
            }
        }
    }

    /// One side's size changes, no price.
    pub(super) fn resize(&mut self, dice: &mut Dice) {
        let side = dice.below(2) as usize;
        self.size[side] = self.draw_size(dice);
    }

    /// Log-normal by value, kept to two digits as people do, at least a lot.
    fn draw_size(&self, dice: &mut Dice) -> i64 {
        let lots = self.lots(dice.log_normal(self.top_value, SIZE_SPREAD));
        let mut unit = 1;
        while lots / unit >= 100 {
            unit *= 10;
        }
        lots / unit * unit
    }

    /// Quote money as whole lots at the bid, at least one.
    pub(super) fn lots(&self, value: f64) -> i64 {
        let lot_value = self.px[0].max(1) as f64 * self.tick.as_f64() * self.lot.as_f64();
        ((value / lot_value) as i64).clamp(1, i64::MAX / self.lot.0.max(1))
    }

    /// An order of `taker` for `lots` walks at most `levels` levels; what it took is appended to `taken` as (price, size).
    /// The side it took from is left with the rest of the level, or with the next level. With `hold` no price changes: it
    /// takes at most the best level, which then stands again.
    pub(super) fn take(&mut self, taker: Side, lots: i64, hold: bool, dice: &mut Dice, taken: &mut Vec<(Price, Qty)>) {
        let side = resting(taker);
        let mut left = lots;
        for _ in 0..MOST_LEVELS {
            let part = left.min(self.size[side]);
            taken.push((self.price(side), Qty(part * self.lot.0)));
            left -= part;
            self.size[side] -= part;
            if self.size[side] > 0 {
                return;
            }
            if !hold {
                let away = i64::from(1 + dice.below(NEXT_LEVEL_TICKS));
                self.px[side] = (self.px[side] + taker.sign() * away).max(1);
            }
            self.size[side] = self.draw_size(dice);
            if left == 0 || hold {
                return;
            }
        }
    }

    /// Where a print beside the book happens: the best price, or one tick better where there is room.
    pub(super) fn beside(&self, taker: Side) -> Price {
        let side = resting(taker);
        let better = if self.px[1] - self.px[0] > 1 { taker.sign() } else { 0 };
        Price((self.px[side] - better) * self.tick.0)
    }

    /// The price step.
    pub(super) fn tick(&self) -> Price {
        self.tick
    }

    /// The quantity step.
    pub(super) fn lot(&self) -> Qty {
        self.lot
    }

    /// The best price of a side.
    fn price(&self, side: usize) -> Price {
        Price(self.px[side] * self.tick.0)
    }

    /// Ticks.
    pub(super) fn mid(&self) -> f64 {
        (self.px[0] + self.px[1]) as f64 / 2.0
    }

    /// As it is published.
    pub(super) fn bbo(&self) -> Bbo {
        let size = self.size.map(|lots| Qty(lots * self.lot.0));
        Bbo { bid: self.price(0), bid_qty: size[0], ask: self.price(1), ask_qty: size[1] }
    }
}

/// Levels that one order may eat.
const MOST_LEVELS: usize = 4;
