//! A configuration bound to a feed: what never changes during a run.

use crate::config::{Band, Config, Direction, FundingBasis, FundingSignal, Size, Strategy, World};
use crate::market::{Instrument, Role};
use crate::signals::{BandRule, SignalId, SignalKey, SignalSet};
use crate::tape::rows::FundingKind;
use crate::units::{MidValue, Price, Qty, Rate, TimeDelta};
use crate::watch::{Legs, Level, Op, Rule, Series};
use std::sync::Arc;

/// Which kinds of funding rows the tape has, for both venues.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct FundingKinds {
    /// Rates published for the next settlement.
    pub predicted: bool,
}

/// A configuration bound to the signals of a feed: what the trader reads at every step, computed once.
#[derive(Clone, Debug)]
pub struct Plan {
    /// What the trader chose.
    pub strategy: Strategy,
    /// What the venues and the market do to its orders.
    pub world: Arc<World>,
    /// Initial capital of both accounts, for equity sizing.
    pub capital: MidValue,
    /// The rates that the gate reads.
    pub funding: FundingKind,
    /// The coarser of both venues' lots.
    pub common_lot: Qty,
    /// Fees of opening and closing both legs, by the role of the first.
    pub cost: [Rate; 2],
    /// How the band's column becomes two levels.
    pub band: BandRule,
    /// By role of the first leg: the trend of its venue's mid.
    pub trend: [SignalId; 2],
    /// Of the long venue's mid.
    pub volatility: SignalId,
    /// The gate of each direction that is traded, in the order of judgement, without `after`.
    pub gates: Vec<(Role, Rule)>,
}

impl Plan {
    /// Registers the configuration's signals in `signals` and computes its levels.
    pub fn bind(config: &Config, world: Arc<World>, kinds: FundingKinds, signals: &mut SignalSet) -> Plan {
        let s = &config.strategy;
        let funding = match s.funding_signal {
            FundingSignal::Predicted => FundingKind::Predicted,
            FundingSignal::Settled => FundingKind::Settled,
            FundingSignal::Auto if kinds.predicted => FundingKind::Predicted,
            FundingSignal::Auto => FundingKind::Settled,
        };
        let (bar_length, max_age) = (s.bar_length, s.risk.max_quote_age);
        let t = &s.thresholds;
        let trend = Role::BOTH.map(|role| {
            let used = if s.direction == Direction::Short { Role::Short } else { Role::Long };
            let role = if s.direction == Direction::Both { role } else { used };
            signals.id(SignalKey::Trend { role, fast: t.ema_fast, slow: t.ema_slow, bar_length })
        });
        let volatility = signals.id(SignalKey::Volatility { bars: t.vol_bars, bar_length });
        let window = s.locking.band_window_bars;
        let (key, k) = match s.locking.band {
            Band::Sigma(k) => (SignalKey::Sigma { window, bar_length, max_age }, Some(k)),
            Band::Quantile { lb, ub } => (SignalKey::Quantile { window, bar_length, max_age, lb, ub }, None),
        };
        let band = BandRule { id: signals.id(key), bar_length, k, min_unlock_bp: s.locking.min_unlock_bp };
        let lots = [0, 1].map(|v: usize| world.venues[v].instrument.lot);
        let mut plan = Plan {
            strategy: s.clone(),
            world,
            capital: MidValue::ZERO,
            funding,
            common_lot: lots[0].max(lots[1]),
            cost: Role::BOTH.map(|first| crate::config::cost(config, first)),
            band,
            trend,
            volatility,
            gates: Vec::new(),
        };
        let directions: &[Role] = match s.direction {
            Direction::Long => &[Role::Long],
            Direction::Short => &[Role::Short],
            Direction::Both => &Role::BOTH,
        };
        plan.gates = directions.iter().map(|&first| (first, plan.gate(first))).collect();
        plan
    }

    /// The perpetual of a venue.
    pub fn instrument(&self, role: Role) -> &Instrument {
        &self.world.venues[role.ix()].instrument
    }

    /// The configured size at a price of the first leg, before flooring to the common lot.
    pub fn base_qty(&self, px: Price) -> Qty {
        match self.strategy.size {
            Size::Base(qty) => qty,
            // money (1e-12) over price (1e-9) is 1e-3; times 1e6 = 1e-9
            Size::Quote(money) if px.0 > 0 => {
                Qty(i64::try_from(money.0 * 1_000_000 / i128::from(px.0)).unwrap_or(i64::MAX))
            }
            Size::Quote(_) => Qty::ZERO,
        }
    }

    /// strategy.md 4. Cheap votes stand first: a bar's value costs a division. The order changes no verdict.
    fn gate(&self, first: Role) -> Rule {
        let (s, t) = (&self.strategy, &self.strategy.thresholds);
        let mut gate = Rule { needed: t.min_conditions, ..Rule::default() };
        let (trend_op, sign) = match first {
            Role::Long => (Op::Ge, 1.0),
            Role::Short => (Op::Le, -1.0),
        };
        gate.vote(Series::Edge, Op::Ge, Level::Real(self.edge_level(first)));
        let by = match t.funding_basis {
            FundingBasis::LongMinusShort => Role::Long,
            FundingBasis::ShortMinusLong => Role::Short,
        };
        let diff = Series::FundingDiff { kind: self.funding, first: by };
        gate.vote(diff, Op::Ge, Level::Wide(i128::from(t.funding_spread.0) * 24));
        gate.vote(Series::Bar(self.trend[first.ix()]), trend_op, Level::Real(sign * t.min_diff));
        gate.and(Series::Bar(self.volatility), Op::Ge, Level::Real(t.vmin));
        gate.and(Series::Bar(self.volatility), Op::Le, Level::Real(t.vmax));
        for role in Role::BOTH {
            gate.and(Series::Age(role), Op::Le, Level::Int(s.risk.max_quote_age.0));
        }
        if t.no_entry_before_funding > TimeDelta::ZERO {
            let to_funding = |role| Series::ToFunding { kind: self.funding, role };
            gate.and(to_funding(first), Op::Gt, Level::Int(t.no_entry_before_funding.0));
            if s.entry.mode == crate::config::EntryMode::Pair {
                gate.and(to_funding(first.other()), Op::Gt, Level::Int(t.no_entry_before_funding.0));
            }
        }
        gate
    }

    /// The position that the gate is about to open, for the funding guard.
    pub fn opened_legs(&self, first: Role) -> Legs {
        match self.strategy.entry.mode {
            crate::config::EntryMode::FirstLeg => Legs::one(first),
            crate::config::EntryMode::Pair => Legs { long: Qty(1), short: Qty(1) },
        }
    }

    /// strategy.md 4, condition 2, and 1 for the mirrored form.
    fn edge_level(&self, first: Role) -> f64 {
        let (s, t) = (&self.strategy, &self.strategy.thresholds);
        let one = Rate::ONE;
        let target = t.min_target_return.0 + self.cost[first.ix()].0;
        let pair = s.entry.mode == crate::config::EntryMode::Pair;
        match first {
            Role::Long => {
                let divisor = if pair { one } else { one + s.locking.g.0 };
                (one + target) as f64 / divisor as f64
            }
            Role::Short => {
                let numerator = if pair { one } else { one - s.locking.g.0 };
                numerator as f64 / (one - target) as f64
            }
        }
    }
}
