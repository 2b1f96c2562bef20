//! Bars of one length over the local timeline: when each closes and with what.

use super::{mid, spread_bp};
use crate::market::Role;
use crate::tape::{Local, Tile};
use crate::units::{Time, TimeDelta};
use serde::{Deserialize, Serialize};

/// What a bar closed with.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Close {
    /// Number of the bar, counted from 1970-01-01 UTC.
    pub bar: i64,
    /// Mids by role at the last tick at or before the close; NaN = not quoted.
    pub mids: [f64; 2],
    /// The bar of that tick: earlier than `bar` when the bar has none.
    pub tick_bar: i64,
    /// Spread at that tick, bp.
    pub spread: f64,
    /// The older of the two quotes' ages at that tick.
    pub age: TimeDelta,
}

impl Close {
    /// The sample of a spread band: the bar has a tick, and both quotes were fresh at its last one.
    pub fn sample(&self, max_age: TimeDelta) -> f64 {
        if self.tick_bar == self.bar && self.age <= max_age { self.spread } else { f64::NAN }
    }
}

/// Carried from tile to tile.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Bars {
    /// Length of a bar.
    pub bar_length: TimeDelta,
    /// The open bar, with its newest tick; `None` before the first tile.
    open: Option<Close>,
}

impl Bars {
    /// No bar has begun.
    pub fn new(bar_length: TimeDelta) -> Bars {
        Bars { bar_length, open: None }
    }

    /// Calls `closed` for each bar that closes before the tile's end and was not yet handed out, in order.
    pub fn tile(&mut self, tile: &Tile, mut closed: impl FnMut(&Close)) {
        let first = Close {
            bar: tile.start.steps(self.bar_length),
            mids: [f64::NAN; 2],
            tick_bar: i64::MIN,
            spread: f64::NAN,
            age: TimeDelta::MAX,
        };
        let mut open = self.open.unwrap_or(first);
        let times: &[i64] = &tile.local.time;
        let mut row = 1;
        loop {
            let end = Time::at((open.bar + 1) * self.bar_length);
            let next = row + times[row..].partition_point(|&time| time < end.0);
            if next > row {
                open = self.tick(&tile.local, next - 1, open.bar);
                row = next;
            }
            if end >= tile.end {
                break;
            }
            closed(&open);
            open.bar += 1;
        }
        self.open = Some(open);
    }

    /// What a bar would close with at this row.
    fn tick(&self, local: &Local, row: usize, bar: i64) -> Close {
        let bbo = Role::BOTH.map(|role| local.bbo(row, role));
        let age = local.seen.iter().map(|seen| TimeDelta(local.time[row] - seen[row])).max().unwrap_or(TimeDelta::MAX);
        Close { bar, mids: bbo.map(|bbo| mid(&bbo)), tick_bar: bar, spread: spread_bp(&bbo[0], &bbo[1]), age }
    }
}
