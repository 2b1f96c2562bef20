//! The signals of a feed, tile by tile.

use super::bars::{Bars, Close};
use super::{Band, Ema, SignalColumn, SignalKey, TileSignals, Volatility, bar_before, edge, spread_bp};
use crate::market::Role;
use crate::tape::{Local, Tile};
use crate::units::{MINUTE_NS, Rate, Time};
use serde::{Deserialize, Serialize};

/// Computes the columns of a list of keys; carried over tiles, checkpointed whole. A key's values depend on the tape from
/// its own warm-up on, not on older rows and not on the other keys.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct SignalEngine {
    /// The last bar closed at `from`, per bar length, is the first whose values are asked for.
    from: Time,
    bars: Vec<Bars>,
    keys: Vec<SignalKey>,
    cells: Vec<Cell>,
    windows: Vec<Window>,
    /// Per key, values of the last closed bar.
    values: Vec<[f64; 3]>,
}

/// Samples shared by all bands over the same window.
#[derive(Clone, Debug, Serialize, Deserialize)]
struct Window {
    bar_ns: i64,
    window: u32,
    max_age_ns: i64,
    band: Band,
}

/// What a key is computed with. `since`: bars before it, and what they closed with, are not looked at.
#[derive(Clone, Debug, Serialize, Deserialize)]
enum Cell {
    Trend { role: Role, fast: (Ema, i64), slow: (Ema, i64) },
    Volatility { of: Volatility, since: i64 },
    Sigma { window: usize },
    Quantile { window: usize, lb: Rate, ub: Rate },
}

/// How many nanoseconds before `from` the tape must begin so that every key has its history: 4n bars for an EMA (and the
/// seed's own bar), n + 1 for volatility, the window for a band; one more where `from` lies inside a bar.
pub fn warmup_ns(keys: &[SignalKey]) -> i64 {
    keys.iter().map(|key| (history(key) + 1) * key.bar_ns()).max().unwrap_or(0)
}

/// Bars that a key reads before the bar whose value is asked for, that one included.
fn history(key: &SignalKey) -> i64 {
    match *key {
        SignalKey::Trend { slow, fast, .. } => 4 * i64::from(slow.max(fast)) + 1,
        SignalKey::Volatility { bars, .. } => i64::from(bars) + 1,
        SignalKey::Sigma { window, .. } | SignalKey::Quantile { window, .. } => i64::from(window),
    }
}

impl SignalEngine {
    /// For decisions from `from` on. Tiles are then given from the warm-up on.
    pub fn new(keys: &[SignalKey], from: Time) -> SignalEngine {
        let mut engine = SignalEngine {
            from,
            bars: Vec::new(),
            keys: keys.to_vec(),
            cells: Vec::new(),
            windows: Vec::new(),
            values: vec![[f64::NAN; 3]; keys.len()],
        };
        for key in keys {
            if engine.bars.iter().all(|bars| bars.bar_ns != key.bar_ns()) {
                engine.bars.push(Bars::new(key.bar_ns()));
            }
            let cell = engine.cell(key);
            engine.cells.push(cell);
        }
        engine
    }

    fn cell(&mut self, key: &SignalKey) -> Cell {
        let first = bar_before(self.from, key.bar_ns());
        match *key {
            SignalKey::Trend { role, fast, slow, .. } => {
                let ema = |n: u32| (Ema::new(n), first - 4 * i64::from(n));
                Cell::Trend { role, fast: ema(fast), slow: ema(slow) }
            }
            SignalKey::Volatility { bars, bar_ns } => {
                Cell::Volatility { of: Volatility::new(bars, bar_ns), since: first - i64::from(bars) }
            }
            SignalKey::Sigma { window, bar_ns, max_age_ns } => {
                Cell::Sigma { window: self.window(window, bar_ns, max_age_ns) }
            }
            SignalKey::Quantile { window, bar_ns, max_age_ns, lb, ub } => {
                Cell::Quantile { window: self.window(window, bar_ns, max_age_ns), lb, ub }
            }
        }
    }

    fn window(&mut self, window: u32, bar_ns: i64, max_age_ns: i64) -> usize {
        let same = |w: &Window| (w.window, w.bar_ns, w.max_age_ns) == (window, bar_ns, max_age_ns);
        self.windows.iter().position(same).unwrap_or_else(|| {
            self.windows.push(Window { bar_ns, window, max_age_ns, band: Band::new(window) });
            self.windows.len() - 1
        })
    }

    /// The signals of the next tile. Tiles come in order, without gaps.
    pub fn tile(&mut self, tile: &Tile) -> TileSignals {
        let (first_minute, minute_mid2) = minutes(tile);
        let mut out = TileSignals {
            spread: rows(&tile.local, |local, row| {
                spread_bp(&local.bbo(row, Role::Long), &local.bbo(row, Role::Short))
            }),
            edge: rows(&tile.local, |local, row| edge(&local.bbo(row, Role::Long), &local.bbo(row, Role::Short))),
            columns: self.keys.iter().map(|key| column(key, tile.start)).collect(),
            first_minute,
            minute_mid2,
        };
        let mut all = std::mem::take(&mut self.bars);
        for bars in &mut all {
            let bar_ns = bars.bar_ns;
            let open = bar_before(tile.start, bar_ns);
            let mut begun = false;
            bars.tile(tile, |close| {
                if close.bar > open && !begun {
                    self.fill(bar_ns, &mut out);
                    begun = true;
                }
                self.closed(close, bar_ns);
                if close.bar > open {
                    self.fill(bar_ns, &mut out);
                }
            });
            if !begun {
                self.fill(bar_ns, &mut out);
            }
        }
        self.bars = all;
        out
    }

    /// Moves every cell of this bar length over a close.
    fn closed(&mut self, close: &Close, bar_ns: i64) {
        for window in self.windows.iter_mut().filter(|window| window.bar_ns == bar_ns) {
            window.band.push(close.sample(window.max_age_ns));
        }
        let asked = close.bar >= bar_before(self.from, bar_ns);
        for (place, cell) in self.cells.iter_mut().enumerate().filter(|(place, _)| self.keys[*place].bar_ns() == bar_ns)
        {
            let values = cell.closed(close, &self.windows, asked);
            self.values[place] = values;
        }
    }

    /// Appends the present values to the columns of this bar length.
    fn fill(&self, bar_ns: i64, out: &mut TileSignals) {
        for (place, key) in self.keys.iter().enumerate().filter(|(_, key)| key.bar_ns() == bar_ns) {
            let [a, b, c] = self.values[place];
            let column = &mut out.columns[place];
            column.a.push(a);
            if key.values() > 1 {
                column.b.push(b);
            }
            if key.values() > 2 {
                column.c.push(c);
            }
        }
    }
}

impl Cell {
    /// The values after `close`; NaN while nobody asks, or before they exist.
    fn closed(&mut self, close: &Close, windows: &[Window], asked: bool) -> [f64; 3] {
        const NONE: f64 = f64::NAN;
        match self {
            Cell::Trend { role, fast, slow } => {
                let mid = close.mids[role.ix()];
                for (ema, since) in [&mut *fast, &mut *slow] {
                    if close.tick_bar >= *since {
                        ema.push(mid);
                    }
                }
                [(fast.0.value() - slow.0.value()) / mid, NONE, NONE]
            }
            Cell::Volatility { of, since } => {
                if close.bar >= *since {
                    of.push(if close.tick_bar >= *since { close.mids[Role::Long.ix()] } else { NONE });
                }
                [of.value(), NONE, NONE]
            }
            _ if !asked => [NONE; 3],
            Cell::Sigma { window } => {
                let (mean, sigma) = windows[*window].band.sigma();
                [mean, sigma, NONE]
            }
            Cell::Quantile { window, lb, ub } => {
                let band = &windows[*window].band;
                let (lower, upper) = band.quantiles(*lb, *ub);
                [lower, upper, band.mean()]
            }
        }
    }
}

fn column(key: &SignalKey, start: Time) -> SignalColumn {
    let bar_ns = key.bar_ns();
    SignalColumn { bar_ns, first_bar: bar_before(start, bar_ns), ..SignalColumn::default() }
}

fn rows(local: &Local, value: impl Fn(&Local, usize) -> f64) -> Vec<f64> {
    (0..local.len()).map(|row| value(local, row)).collect()
}

/// Twice the mids at the whole minutes of a tile; zero = not quoted.
fn minutes(tile: &Tile) -> (i64, Vec<[i64; 2]>) {
    let ceil = |time: Time| time.0.div_euclid(MINUTE_NS) + i64::from(time.0.rem_euclid(MINUTE_NS) > 0);
    let (first, end) = (ceil(tile.start), ceil(tile.end));
    let times: &[i64] = &tile.local.time;
    let mut row = 0;
    let mids = (first..end).map(|minute| {
        row += times[row..].partition_point(|&time| time <= minute * MINUTE_NS).saturating_sub(1);
        Role::BOTH.map(|role| {
            let bbo = tile.local.bbo(row, role);
            if bbo.is_quoted() { bbo.mid2() } else { 0 }
        })
    });
    (first, mids.collect())
}
