//! The running extreme that a trailing stop asks for, kept lazily: brought up to a row when somebody looks.

use super::index::Index;
use crate::market::Role;
use crate::port::Extreme;
use crate::units::Price;
use crate::watch::{EvalCtx, TrailingExtreme};
use serde::{Deserialize, Serialize};

/// More rows than this are asked of the index.
const FAR: usize = 128;

/// The extreme asked for, and its value over all ticks before row `next` of the present tile.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Kept {
    /// Of which price, from where on.
    asked: Extreme,
    /// The greatest bid or the least ask so far.
    px: Price,
    /// First row that is not looked at.
    next: u32,
}

impl Kept {
    /// Asked for at a call whose last tick is `row`: counting begins with the tick after it.
    pub fn new(asked: Extreme, row: usize) -> Kept {
        Kept { asked, px: asked.start, next: row as u32 + 1 }
    }

    /// It is the extreme that is asked for.
    pub fn is_for(&self, asked: &Extreme) -> bool {
        self.asked == *asked
    }

    /// A new tile begins; its row 0 is counted already.
    pub fn enter_tile(&mut self) {
        self.next = 1;
    }

    /// The extreme with every tick up to `row` included.
    pub fn at(&mut self, ctx: EvalCtx<'_>, index: Option<&Index>, row: usize) -> TrailingExtreme {
        let role = self.asked.role;
        let local = ctx.local;
        let rows = self.next as usize..(row + 1).max(self.next as usize);
        let index = index.filter(|_| rows.len() > FAR);
        let px = match role {
            Role::Long if let Some(index) = index => self.px.0.max(index.best(role, rows, ctx).high),
            Role::Short if let Some(index) = index => self.px.0.min(index.best(role, rows, ctx).low),
            Role::Long => local.bid[role.ix()][rows].iter().fold(self.px.0, |best, &px| best.max(px)),
            Role::Short => {
                let asks = &local.ask[role.ix()][rows];
                asks.iter().filter(|&&px| px > 0).fold(self.px.0, |best, &px| best.min(px))
            }
        };
        self.px = Price(px);
        self.next = self.next.max(row as u32 + 1);
        TrailingExtreme { role, px: self.px }
    }
}
