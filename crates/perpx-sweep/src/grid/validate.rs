//! Every configuration of the grid is legal, without running through all of them.
//!
//! What is judged on several keys at once (config's checks) falls into groups of keys that meet in no check. Axes of one
//! group, and axes that a skip condition ties to them, make a *component*. Every point of each component that is not
//! skipped is resolved, the other axes standing at a point that is not skipped either. A configuration that would fail
//! therefore shows in its component; the cost is the sum of the components, not their product.

use super::{Axis, Grid, Method};
use perpx_core::config::keys::{K, TOP};
use perpx_core::config::{Config, ConfigError, KeyIx, Override};

impl Grid {
    /// Checks every configuration.
    ///
    /// # Errors
    /// The first configuration that is illegal, pointing at the axis value to blame; or that all points are skipped.
    pub fn validate(&self) -> Result<(), ConfigError> {
        self.refuse_shared_instrument()?;
        self.data.symbols.iter().try_for_each(|symbol| self.validate_symbol(symbol))
    }

    /// `--set` and axes speak to all symbols; an instrument is one symbol's.
    fn refuse_shared_instrument(&self) -> Result<(), ConfigError> {
        let schema = self.base.schema();
        let is_one =
            |key: &KeyIx| (0..schema.venues.len()).any(|venue| schema.only_instrument(venue).any(|ix| ix == *key));
        let mut keys = self.fixed.iter().map(|(key, _)| key).chain(self.world.iter().map(|axis| &axis.key));
        let Some(key) = keys.find(|key| is_one(key)).filter(|_| self.data.symbols.len() > 1) else { return Ok(()) };
        let symbols = self.data.symbols.join(", ");
        let error = ConfigError::new(
            &self.source.name,
            schema.path(*key),
            format!("found one `instrument` for the symbols {symbols}"),
        )
        .accepted("a key of the instrument of one symbol, exchanges.<venue>.instruments.<symbol>.tick")
        .remedy("describe each symbol's instrument in the strategy file, and name one of them here");
        Err(self.relocate(ConfigError { overridden: Some(*key), ..error }, &self.fixed))
    }

    /// One configuration, resolved; its errors point into the grid file.
    ///
    /// # Errors
    /// As [`perpx_core::config::ConfigFile::with`].
    pub fn resolve(&self, symbol: &str, strategy: &[Override], world: &[Override]) -> Result<Config, ConfigError> {
        let overrides = self.overrides(symbol, strategy, world);
        self.base.with(&overrides).map_err(|error| self.relocate(error, &overrides))
    }

    fn validate_symbol(&self, symbol: &str) -> Result<(), ConfigError> {
        let components = self.components();
        let mut home = vec![0usize; self.strategy.len() + self.world.len()];
        for component in &components {
            let first = self.walk(component, &home, &mut |point| {
                if self.skips(component, point) { Ok(None) } else { Ok(Some(point.to_vec())) }
            })?;
            let Some(first) = first else {
                return Err(ConfigError::new(&self.source.name, "where.skip", "every combination is skipped")
                    .accepted("conditions that leave at least one configuration")
                    .remedy("loosen a condition, or widen the axes"));
            };
            home = first;
        }
        for component in components.iter().filter(|component| self.is_walked(component)) {
            self.walk(component, &home, &mut |point| {
                if !self.skips(component, point) {
                    let (strategy, world) = self.split(point);
                    self.resolve(symbol, &strategy, &world)?;
                }
                Ok(None::<()>)
            })?;
        }
        if components.is_empty() {
            self.resolve(symbol, &[], &[])?;
        }
        Ok(())
    }

    /// Of a search a component that is too large is not walked: the points that are tried are resolved before they run.
    fn is_walked(&self, component: &[usize]) -> bool {
        let points = component.iter().map(|axis| self.axis(*axis).values.len() as f64).product::<f64>();
        self.search.method == Method::Grid || points <= MOST_WALKED
    }

    fn axis(&self, ix: usize) -> &Axis {
        self.strategy.get(ix).unwrap_or_else(|| &self.world[ix - self.strategy.len()])
    }

    /// Axis numbers (strategy, then world), joined where a check or a skip condition joins them.
    fn components(&self) -> Vec<Vec<usize>> {
        let count = self.strategy.len() + self.world.len();
        let mut label: Vec<usize> = (0..count).collect();
        let mut join = |a: usize, b: usize| {
            let (from, to) = (label[a].max(label[b]), label[a].min(label[b]));
            label.iter_mut().filter(|l| **l == from).for_each(|l| *l = to);
        };
        for a in 0..count {
            for b in 0..a {
                let groups = (group(self.axis(a).key), group(self.axis(b).key));
                if groups.0.is_some() && groups.0 == groups.1 {
                    join(a, b);
                }
            }
        }
        for (_, expr) in &self.skip {
            let mut axes = Vec::new();
            expr.axes(&mut axes);
            axes.windows(2).for_each(|pair| join(pair[0], pair[1]));
        }
        for (axis, when) in self.when.iter().enumerate() {
            let mut axes = vec![axis];
            when.iter().for_each(|(_, expr)| expr.axes(&mut axes));
            axes.windows(2).for_each(|pair| join(pair[0], pair[1]));
        }
        let mut components: Vec<Vec<usize>> = Vec::new();
        for axis in 0..count {
            match components.iter_mut().find(|component| label[component[0]] == label[axis]) {
                Some(component) => component.push(axis),
                None => components.push(vec![axis]),
            }
        }
        components
    }

    /// Calls `visit` with every point of a component, the other axes at `home`, until it returns something.
    fn walk<T>(
        &self,
        component: &[usize],
        home: &[usize],
        visit: &mut impl FnMut(&[usize]) -> Result<Option<T>, ConfigError>,
    ) -> Result<Option<T>, ConfigError> {
        let mut point = home.to_vec();
        component.iter().for_each(|axis| point[*axis] = 0);
        loop {
            if let Some(found) = visit(&point)? {
                return Ok(Some(found));
            }
            let mut moved = false;
            for axis in component.iter().rev() {
                point[*axis] += 1;
                if point[*axis] < self.axis(*axis).values.len() {
                    moved = true;
                    break;
                }
                point[*axis] = 0;
            }
            if !moved {
                return Ok(None);
            }
        }
    }

    /// Judged by the conditions that speak of this component's axes alone; conditions of no axis count for all.
    fn skips(&self, component: &[usize], point: &[usize]) -> bool {
        self.skip.iter().any(|(_, expr)| {
            let mut axes = Vec::new();
            expr.axes(&mut axes);
            axes.first().is_none_or(|axis| component.contains(axis)) && expr.holds(&|axis| self.atom(axis, point))
        })
    }

    fn split(&self, point: &[usize]) -> (Vec<Override>, Vec<Override>) {
        let (head, tail) = point.split_at(self.strategy.len());
        let world = self.world.iter().zip(tail).map(|(axis, digit)| (axis.key, axis.values[*digit].clone()));
        (self.point(self.point_at(head)), world.collect())
    }

    /// Points an error about an override at the place in the grid file where the value stands.
    fn relocate(&self, error: ConfigError, overrides: &[Override]) -> ConfigError {
        let Some(key) = error.overridden else { return error };
        let value = overrides.iter().rev().find(|(ix, _)| *ix == key).map(|(_, value)| value);
        let at = |place| {
            let plain = ConfigError { line: 0, column: 0, excerpt: None, ..error.clone() };
            plain.at(&self.source, place)
        };
        if let Some(axis) = self.strategy.iter().chain(&self.world).find(|axis| axis.key == key) {
            let digit = axis.values.iter().position(|known| Some(known) == value).unwrap_or(0);
            return at(axis.place(digit));
        }
        match self.fixed.iter().rposition(|(ix, _)| *ix == key).map(|at| self.fixed_places[at]) {
            Some(Some(place)) => at(place),
            Some(None) => ConfigError { file: "--set".into(), line: 0, column: 0, excerpt: None, ..error },
            None => error,
        }
    }
}

/// Combinations of axes that meet in a check, of a search, up to which all are checked.
const MOST_WALKED: f64 = 65_536.0;

/// Keys that meet in a check of several keys have one group. Everything that is not named here is judged alone.
fn group(key: KeyIx) -> Option<u8> {
    const VENUE: u8 = 4;
    if usize::from(key.0) >= TOP.len() {
        // fills, tiers, fees, instruments: judged per venue, together with roles, leverage and the kind of order
        return Some(VENUE);
    }
    let is = |keys: &[K]| keys.iter().any(|known| KeyIx::from(*known) == key);
    if is(&[K::EmaFast, K::EmaSlow]) {
        Some(0)
    } else if is(&[K::Vmin, K::Vmax]) {
        Some(1)
    } else if is(&[K::Band, K::BandSigma, K::QuantileLb, K::QuantileUb]) {
        Some(2)
    } else if is(&[K::BaseQty, K::BaseNotional]) {
        Some(3)
    } else if is(&[K::Symbol, K::Leverage, K::LongVenue, K::ShortVenue, K::Tif, K::EmulateFok])
        || is(&[K::TakerBps, K::MakerBps, K::ReferralBps])
    {
        Some(VENUE)
    } else {
        None
    }
}
