//! The grid file: what is swept, over what data, and what wins.
//!
//! A grid is a product of axes and is never written out: point `i` is computed from `i`. Strategy axes compete, world
//! axes are what every strategy point must live through (sweep.md).

mod axis;
#[cfg(test)]
mod bad_input;
mod canonical;
mod expr;
mod feeds;
mod range;
mod read;
mod search;
mod sections;
#[cfg(test)]
mod tests;
mod validate;

pub use axis::Axis;
pub use feeds::Feeds;
pub use search::{LEVELS, Method, Search};
pub use sections::{Compare, Data, EvidencePlan, Objective, OverWorld, RankBy, Report, Require, Warmup};
pub use sections::{MOST_ATOMS, MOST_DRAWS, WALK_KINDS};

use expr::{Atom, Expr};
use perpx_core::config::keys::{K, Unit};
use perpx_core::config::text::{Place, Source};
use perpx_core::config::{ConfigError, ConfigFile, Num, Override, Value, base_asset};
use perpx_core::units::TimeDelta;

/// A grid file, read and checked in itself; [`Grid::validate`] checks its configurations.
#[derive(Clone, Debug)]
pub struct Grid {
    pub name: String,
    /// The strategy file that the axes vary.
    pub base: ConfigFile,
    pub data: Data,
    /// Cap of the tape cache; `None` = the store's default.
    pub max_gib: Option<f64>,
    pub objective: Objective,
    /// Fraction of the range that never ranks; 0 = none.
    pub holdout: Num,
    pub evidence: EvidencePlan,
    pub report: Report,
    pub search: Search,
    source: Source,
    /// The grid's `seed`, its `[fills]`, and `--set`, in this order; laid over the base file, under the axes.
    fixed: Vec<Override>,
    /// Where the fixed ones stand in the grid file; `None` = `--set`.
    fixed_places: Vec<Option<Place>>,
    /// In the order of the file.
    strategy: Vec<Axis>,
    world: Vec<Axis>,
    skip: Vec<(String, Expr)>,
    /// By strategy axis: when it counts, as written and read; none: always.
    when: Vec<Option<(String, Expr)>>,
}

/// Points by which the share of skipped ones is judged.
const SHARE_POINTS: u64 = 1 << 12;

impl Grid {
    /// Strategy axes in the order of the file.
    pub fn strategy_axes(&self) -> &[Axis] {
        &self.strategy
    }

    /// World axes in the order of the file.
    pub fn world_axes(&self) -> &[Axis] {
        &self.world
    }

    /// Number of strategy points before `[where] skip`.
    pub fn strategy_points(&self) -> u64 {
        product(&self.strategy)
    }

    /// Strategy point `i` (the last axis runs fastest) as overrides; `None` when it is skipped or beyond the end.
    pub fn strategy_point(&self, i: u64) -> Option<Vec<Override>> {
        (i < self.strategy_points() && !self.is_skipped(i)).then(|| self.point(i))
    }

    /// Strategy point `i` as overrides, skipped or not; an axis that does not count lays nothing over the base file.
    fn point(&self, i: u64) -> Vec<Override> {
        let values = self.strategy.iter().zip(self.values(i));
        values.filter_map(|(axis, value)| Some((axis.key, value?.clone()))).collect()
    }

    /// Position of a strategy point on each strategy axis.
    pub fn digits(&self, i: u64) -> Vec<usize> {
        digits(&self.strategy, i)
    }

    /// The strategy point at a position on each axis: the inverse of [`Grid::digits`].
    pub fn point_at(&self, digits: &[usize]) -> u64 {
        self.strategy.iter().zip(digits).fold(0, |i, (axis, digit)| i * axis.values.len() as u64 + *digit as u64)
    }

    /// True when `[where] skip` names this strategy point, or when another one does the same.
    pub fn is_skipped(&self, i: u64) -> bool {
        let digits = digits(&self.strategy, i);
        self.effective(i) != i || self.skip.iter().any(|(_, expr)| expr.holds(&|axis| self.atom(axis, &digits)))
    }

    /// Up to `count` strategy points that lie apart, skipped ones among them.
    pub fn spread(&self, count: u64) -> impl Iterator<Item = u64> + use<> {
        let all = self.strategy_points();
        // by the golden ratio, so that no axis stands still
        (0..count.min(all)).map(move |n| if count >= all { n } else { n.wrapping_mul(0x9E37_79B9_7F4A_7C15) % all })
    }

    /// Share of the strategy points that `[where] skip` leaves, by some of them.
    pub fn kept_share(&self) -> f64 {
        let (mut seen, mut kept) = (0u32, 0u32);
        for at in self.spread(SHARE_POINTS) {
            seen += 1;
            kept += u32::from(!self.is_skipped(at));
        }
        f64::from(kept) / f64::from(seen.max(1))
    }

    pub fn has_skips(&self) -> bool {
        !self.skip.is_empty() || self.when.iter().any(Option::is_some)
    }

    /// The value of an axis; null where it does not count.
    fn atom(&self, axis: usize, digits: &[usize]) -> Atom {
        if !self.is_active(axis, digits) {
            return Atom::Null;
        }
        let value = self.strategy.get(axis).zip(digits.get(axis)).and_then(|(axis, digit)| axis.values.get(*digit));
        value.map_or(Atom::Null, Atom::from)
    }

    /// Number of world points; at least 1.
    pub fn world_points(&self) -> u64 {
        product(&self.world)
    }

    /// World point `j` (the last axis runs fastest) as overrides.
    pub fn world(&self, j: u64) -> Vec<Override> {
        point(&self.world, j)
    }

    /// Every world point.
    pub fn worlds(&self) -> Vec<Vec<Override>> {
        (0..self.world_points()).map(|j| self.world(j)).collect()
    }

    /// The longest that a position may live after its lock, over the grid: the greatest `t_max_sec` plus the greatest
    /// `exit.max_sec` (zero where it is switched off). The embargo before held-out time.
    ///
    /// # Errors
    /// The grid's first configuration is illegal.
    pub fn embargo(&self) -> Result<TimeDelta, ConfigError> {
        let home = (0..self.strategy_points()).find(|i| !self.is_skipped(*i)).unwrap_or(0);
        let config = self.resolve(&self.data.symbols[0], &self.point(home), &self.world(0))?;
        let longest = |key: K, own: TimeDelta| -> TimeDelta {
            let axis = self.strategy.iter().find(|axis| axis.key == key.into());
            let values = axis.map_or(&[][..], |axis| &axis.values);
            let values = values.iter().filter_map(Value::num);
            values.map(|num| TimeDelta((num.0 / Unit::Sec.grain()) as i64)).max().unwrap_or(own)
        };
        let locked = longest(K::TMaxSec, config.strategy.locking.t_max);
        Ok(locked + longest(K::ExitMaxSec, config.strategy.exit.max.unwrap_or_default()))
    }

    /// Everything that is laid over the base file for one configuration. `symbol`: one of [`Data::symbols`].
    pub fn overrides(&self, symbol: &str, strategy: &[Override], world: &[Override]) -> Vec<Override> {
        let mut list = Vec::with_capacity(1 + self.fixed.len() + strategy.len() + world.len());
        list.extend(self.fixed.iter().cloned());
        if self.data.symbols.len() > 1 || self.trades_another(symbol) {
            list.push(self.base.symbol(symbol));
        }
        list.extend(strategy.iter().chain(world).cloned());
        list
    }
}

impl Grid {
    /// The strategy file is of another coin than `symbol`, which `symbols = [...]` allows.
    fn trades_another(&self, symbol: &str) -> bool {
        let own = self.base.written(K::Symbol.into()).and_then(Value::text);
        own.is_some_and(|own| base_asset(own) != base_asset(symbol))
    }
}

fn product(axes: &[Axis]) -> u64 {
    axes.iter().map(|axis| axis.values.len() as u64).product()
}

fn digits(axes: &[Axis], mut i: u64) -> Vec<usize> {
    let mut digits = vec![0; axes.len()];
    for (digit, axis) in digits.iter_mut().zip(axes).rev() {
        *digit = (i % axis.values.len() as u64) as usize;
        i /= axis.values.len() as u64;
    }
    digits
}

fn point(axes: &[Axis], i: u64) -> Vec<Override> {
    axes.iter().zip(digits(axes, i)).map(|(axis, digit)| (axis.key, axis.values[digit].clone())).collect()
}
