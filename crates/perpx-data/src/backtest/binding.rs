//! Configurations bound to the data that they run on.

use super::dataset::{SymbolData, capital};
use perpx_core::config::{Config, Transfer, World};
use perpx_core::ledger::Mids;
use perpx_core::replay::Job;
use perpx_core::signals::SignalSet;
use perpx_core::sim::OutageTable;
use perpx_core::strategy::{FundingKinds, Plan};
use perpx_core::trader::Composite;
use perpx_core::units::{Cash, SECOND, Time, TimeDelta};
use std::collections::BTreeMap;
use std::sync::Arc;

/// A configuration bound to its feed: everything that a job borrows.
pub struct Bound {
    /// The configuration, bound to the feed's signals.
    pub plan: Plan,
    /// By role: when its venue takes no orders.
    pub outages: Arc<[OutageTable; 2]>,
    /// Initial balances by role.
    pub capital: [Cash; 2],
    /// How money is moved between the venues; `None`: never.
    pub transfer: Option<Transfer>,
    /// Step of the return series.
    pub stats_interval: TimeDelta,
}

impl Bound {
    /// `config` on a tape of such funding rows and first prices; its signals are registered.
    pub fn new(
        config: &Config,
        (world, outages): (Arc<World>, Arc<[OutageTable; 2]>),
        (kinds, first_mids): (FundingKinds, Mids),
        signals: &mut SignalSet,
    ) -> Bound {
        let mut plan = Plan::bind(config, world, kinds, signals);
        let capital = capital(config, first_mids);
        plan.capital = (capital[0] + capital[1]).into();
        let stats_interval = i64::from(config.account.stats_interval_sec) * SECOND;
        Bound { plan, outages, capital, transfer: config.account.transfer, stats_interval }
    }

    /// The run over `[from, to)`.
    pub fn job(&self, (from, to): (Time, Time)) -> Job<'_, Composite> {
        Job {
            plan: &self.plan,
            world: &self.plan.world,
            outages: [&self.outages[0], &self.outages[1]],
            from,
            to,
            capital: self.capital,
            leverage: self.plan.strategy.leverage,
            transfer: self.transfer,
            isolated: self.plan.strategy.risk.isolated_margin,
            stats_interval: self.stats_interval,
        }
    }
}

/// Binds configurations, sharing what their worlds have in common.
pub struct Binder<'a> {
    data: &'a SymbolData,
    /// By feed and world point.
    worlds: BTreeMap<(usize, u32), Shared>,
}

/// A world and its outages.
type Shared = (Arc<World>, Arc<[OutageTable; 2]>);

impl<'a> Binder<'a> {
    /// A binder over the data of one symbol, with no world drawn yet.
    pub fn new(data: &'a SymbolData) -> Binder<'a> {
        Binder { data, worlds: BTreeMap::new() }
    }

    /// `config` in world point `world` on `feed`; its signals are registered.
    pub fn bind(&mut self, config: &Config, feed: usize, world: u32, signals: &mut SignalSet) -> Bound {
        let data = self.data;
        let (shared, outages) = self
            .worlds
            .entry((feed, world))
            .or_insert_with(|| (Arc::new(config.world.clone()), data.outages(&config.world)))
            .clone();
        let feed = &data.feeds[feed];
        Bound::new(config, (shared, outages), (feed.kinds, feed.first_mids), signals)
    }
}
