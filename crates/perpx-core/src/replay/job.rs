//! What a run is given: everything about it that is not state.

use super::Index;
use crate::config::{Transfer, World};
use crate::ledger::{Belief, VenueBook};
use crate::market::Role;
use crate::port::Trader;
use crate::sim::{Dice, Env, OutageTable};
use crate::tape::Tile;
use crate::units::{Cash, Rate, Time, TimeDelta};

/// One run of one trader in one world over `[from, to)`.
#[derive(Debug)]
pub struct Job<'a, T: Trader> {
    /// What the trader trades by.
    pub plan: &'a T::Plan,
    /// What the venues and the market do to its orders.
    pub world: &'a World,
    /// Outages of orders, by role.
    pub outages: [&'a OutageTable; 2],
    /// Inclusive: earlier ticks warm the signals and are never shown to the trader.
    pub from: Time,
    /// Exclusive: positions are closed here.
    pub to: Time,
    /// Initial balances by role; their sum is C0.
    pub capital: [Cash; 2],
    /// Of each leg, at least 1.
    pub leverage: Rate,
    /// How money is moved between the venues; `None`: never.
    pub transfer: Option<Transfer>,
    /// Each leg has a margin of its own; else the venue's whole balance backs it.
    pub isolated: bool,
    /// Step of the return series, a multiple of 60 s.
    pub stats_interval: TimeDelta,
}

impl<T: Trader> Clone for Job<'_, T> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<T: Trader> Copy for Job<'_, T> {}

impl<'a, T: Trader> Job<'a, T> {
    /// A fresh account of one venue.
    pub fn book(&self, role: Role) -> VenueBook {
        let grid = self.world.venues[role.ix()].instrument.money_grid;
        VenueBook::new(role, grid, self.leverage, self.isolated, self.capital[role.ix()])
    }

    /// Both accounts as they begin.
    pub fn belief(&self) -> Belief {
        Belief::new(Role::BOTH.map(|role| self.book(role)))
    }

    /// C0.
    pub fn initial(&self) -> Cash {
        self.capital.into_iter().sum()
    }

    /// What surrounds a simulated venue inside a tile.
    pub fn env<'t>(&self, tile: &'t Tile, index: Option<&'t Index>, role: Role) -> Env<'t>
    where
        'a: 't,
    {
        let world = &self.world.venues[role.ix()];
        Env {
            rows: &tile.venues[role.ix()],
            world,
            dice: Dice::new(self.world.seed, &world.instrument.venue),
            outages: self.outages[role.ix()],
            index: index.map(|index| index.venue(role)),
        }
    }
}
