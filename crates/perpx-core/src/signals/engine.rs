//! The signals of a feed, tile by tile.

use super::bars::{Bars, Close};
use super::{Band, Ema, SignalColumn, SignalKey, TileSignals, Volatility, bar_before, edge, spread_bp};
use crate::market::Role;
use crate::tape::{Local, Tile};
use crate::units::{MINUTE, Mid, Rate, Time, TimeDelta};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Computes the columns of a list of keys; carried over tiles, checkpointed whole. A key's values depend on the tape from
/// its own warm-up on, not on older rows and not on the other keys.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct SignalEngine {
    /// The last bar closed at `from`, per bar length, is the first whose values are asked for.
    from: Time,
    /// One per bar length.
    bars: Vec<Bars>,
    /// In the order of their columns.
    keys: Vec<SignalKey>,
    /// One per key.
    cells: Vec<Cell>,
    /// Those that bands share.
    windows: Vec<Window>,
    /// Per key, values of the last closed bar.
    values: Vec<[f64; 3]>,
    /// Bars of before the first tick.
    #[serde(skip)]
    past: Vec<PastBars>,
}

/// Closes of a venue's bars of before its first tick.
#[derive(Clone, Debug)]
struct PastBars {
    role: Role,
    bar_length: TimeDelta,
    /// By number of the bar.
    closes: BTreeMap<i64, f64>,
}

/// Samples shared by all bands over the same window.
#[derive(Clone, Debug, Serialize, Deserialize)]
struct Window {
    /// Length of a bar.
    bar_length: TimeDelta,
    /// Bars of the window.
    window: u32,
    /// A bar whose quotes are older has no sample.
    max_age: TimeDelta,
    /// Its samples.
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

/// How long before `from` the tape must begin so that every key has its history: 4n bars for an EMA (and the
/// seed's own bar), n + 1 for volatility, the window for a band; one more where `from` lies inside a bar.
pub fn warmup(keys: &[SignalKey]) -> TimeDelta {
    keys.iter().map(|key| (history(key) + 1) * key.bar_length()).max().unwrap_or_default()
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
            past: Vec::new(),
        };
        for key in keys {
            if engine.bars.iter().all(|bars| bars.bar_length != key.bar_length()) {
                engine.bars.push(Bars::new(key.bar_length()));
            }
            let cell = engine.cell(key);
            engine.cells.push(cell);
        }
        engine
    }

    /// Closes of a venue's bars, by number: averages of its mid take them as long as it was not quoted, and nothing else does.
    pub fn warm(&mut self, role: Role, bar_length: TimeDelta, closes: BTreeMap<i64, f64>) {
        self.past.push(PastBars { role, bar_length, closes });
    }

    /// The state of a new key.
    fn cell(&mut self, key: &SignalKey) -> Cell {
        let first = bar_before(self.from, key.bar_length());
        match *key {
            SignalKey::Trend { role, fast, slow, .. } => {
                let ema = |n: u32| (Ema::new(n), first - 4 * i64::from(n));
                Cell::Trend { role, fast: ema(fast), slow: ema(slow) }
            }
            SignalKey::Volatility { bars, bar_length } => {
                Cell::Volatility { of: Volatility::new(bars, bar_length), since: first - i64::from(bars) }
            }
            SignalKey::Sigma { window, bar_length, max_age } => {
                Cell::Sigma { window: self.window(window, bar_length, max_age) }
            }
            SignalKey::Quantile { window, bar_length, max_age, lb, ub } => {
                Cell::Quantile { window: self.window(window, bar_length, max_age), lb, ub }
            }
        }
    }

    /// The window that such bands share, begun if it is new.
    fn window(&mut self, window: u32, bar_length: TimeDelta, max_age: TimeDelta) -> usize {
        let same = |w: &Window| (w.window, w.bar_length, w.max_age) == (window, bar_length, max_age);
        self.windows.iter().position(same).unwrap_or_else(|| {
            self.windows.push(Window { bar_length, window, max_age, band: Band::new(window) });
            self.windows.len() - 1
        })
    }

    /// The signals of the next tile. Tiles come in order, without gaps.
    pub fn tile(&mut self, tile: &Tile) -> TileSignals {
        let (first_minute, minute_mids) = minutes(tile);
        let mut out = TileSignals {
            spread: rows(&tile.local, |local, row| {
                spread_bp(&local.bbo(row, Role::Long), &local.bbo(row, Role::Short))
            }),
            edge: rows(&tile.local, |local, row| edge(&local.bbo(row, Role::Long), &local.bbo(row, Role::Short))),
            columns: self.keys.iter().map(|key| column(key, tile.start)).collect(),
            first_minute,
            minute_mids,
        };
        let mut all = std::mem::take(&mut self.bars);
        for bars in &mut all {
            let bar_length = bars.bar_length;
            let open = bar_before(tile.start, bar_length);
            let mut begun = false;
            bars.tile(tile, |close| {
                if close.bar > open && !begun {
                    self.fill(bar_length, &mut out);
                    begun = true;
                }
                self.closed(close, bar_length);
                if close.bar > open {
                    self.fill(bar_length, &mut out);
                }
            });
            if !begun {
                self.fill(bar_length, &mut out);
            }
        }
        self.bars = all;
        out
    }

    /// Moves every cell of this bar length over a close.
    fn closed(&mut self, close: &Close, bar_length: TimeDelta) {
        for window in self.windows.iter_mut().filter(|window| window.bar_length == bar_length) {
            window.band.push(close.sample(window.max_age));
        }
        self.past.retain(|past| past.bar_length != bar_length || close.mids[past.role.ix()].is_nan());
        let asked = close.bar >= bar_before(self.from, bar_length);
        for (place, cell) in
            self.cells.iter_mut().enumerate().filter(|(place, _)| self.keys[*place].bar_length() == bar_length)
        {
            let past = match self.keys[place] {
                SignalKey::Trend { role, .. } => {
                    self.past.iter().find(|past| (past.role, past.bar_length) == (role, bar_length))
                }
                _ => None,
            };
            let values = cell.closed(close, &self.windows, asked, past);
            self.values[place] = values;
        }
    }

    /// Appends the present values to the columns of this bar length.
    fn fill(&self, bar_length: TimeDelta, out: &mut TileSignals) {
        for (place, key) in self.keys.iter().enumerate().filter(|(_, key)| key.bar_length() == bar_length) {
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
    fn closed(&mut self, close: &Close, windows: &[Window], asked: bool, past: Option<&PastBars>) -> [f64; 3] {
        /// There is no such value.
        const NONE: f64 = f64::NAN;
        match self {
            Cell::Trend { role, fast, slow } => {
                let (mid, bar) = match past {
                    Some(past) => (past.closes.get(&close.bar).copied().unwrap_or(NONE), close.bar),
                    None => (close.mids[role.ix()], close.tick_bar),
                };
                for (ema, since) in [&mut *fast, &mut *slow] {
                    if bar >= *since && !(past.is_some() && mid.is_nan()) {
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

/// A column without values that begins at the last bar closed before `start`.
fn column(key: &SignalKey, start: Time) -> SignalColumn {
    let bar_length = key.bar_length();
    SignalColumn { bar_length, first_bar: bar_before(start, bar_length), ..SignalColumn::default() }
}

/// One value per local row.
fn rows(local: &Local, value: impl Fn(&Local, usize) -> f64) -> Vec<f64> {
    (0..local.len()).map(|row| value(local, row)).collect()
}

/// The mids at the whole minutes of a tile; zero = not quoted.
fn minutes(tile: &Tile) -> (i64, Vec<[Mid; 2]>) {
    let ceil = |time: Time| time.steps(MINUTE) + i64::from(time.into_step(MINUTE) > TimeDelta::ZERO);
    let (first, end) = (ceil(tile.start), ceil(tile.end));
    let times: &[i64] = &tile.local.time;
    let mut row = 0;
    let mids = (first..end).map(|minute| {
        row += times[row..].partition_point(|&time| time <= (minute * MINUTE).0).saturating_sub(1);
        Role::BOTH.map(|role| tile.local.bbo(row, role).mid_or_none())
    });
    (first, mids.collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::market::Bbo;
    use crate::tape::rows::{QuoteRow, VenueTables};
    use crate::tape::{Carry, align};
    use crate::units::{NS, Price, Qty, SECOND};

    const BAR: TimeDelta = SECOND.times(10);

    fn quotes(ticks: &[(i64, i64)]) -> VenueTables {
        let quote = |&(second, px): &(i64, i64)| {
            let (bid, ask) = (Price((px - 1) * 1_000_000_000), Price((px + 1) * 1_000_000_000));
            let at = Time::at(second * SECOND);
            QuoteRow { exch: at, recv: at, bbo: Bbo { bid, bid_qty: Qty(1), ask, ask_qty: Qty(1) } }
        };
        VenueTables { quotes: ticks.iter().map(quote).collect(), ..Default::default() }
    }

    fn run(long: &[(i64, i64)], keys: &[SignalKey], from: i64, cuts: &[i64]) -> Vec<TileSignals> {
        let (long, short) = (quotes(long), quotes(&[(0, 100)]));
        let mut carry = Carry::default();
        let mut engine = SignalEngine::new(keys, Time::at(from * SECOND));
        let tiles = cuts.windows(2).map(|cut| {
            let tile = align([&long, &short], Time::at(cut[0] * SECOND), Time::at(cut[1] * SECOND), &mut carry);
            engine.tile(&tile)
        });
        tiles.collect()
    }

    /// Bars of 10 s; closes: 0: 100, 1: 110 (its last tick), 2: none, so 110, 3: 120. EMA 1 (alpha 1) is the close; EMA 2
    /// (alpha 2/3) is seeded 8 bars before the last bar closed at 40 s, that is with the first bar that has a tick.
    #[test]
    fn bars_and_trend_by_hand() {
        let ticks = [(1, 100), (12, 105), (19, 110), (30, 130), (39, 120)];
        let key = SignalKey::Trend { role: Role::Long, fast: 1, slow: 2, bar_length: BAR };
        let tile = &run(&ticks, &[key], 40, &[0, 41])[0];
        let column = &tile.columns[0];
        assert_eq!(column.first_bar, -1);
        let slow = [100.0, 2.0 / 3.0 * 110.0 + (1.0 - 2.0 / 3.0) * 100.0];
        let third = 2.0 / 3.0 * 110.0 + (1.0 - 2.0 / 3.0) * slow[1];
        let fourth = 2.0 / 3.0 * 120.0 + (1.0 - 2.0 / 3.0) * third;
        assert!(column.a[0].is_nan());
        // EMA 1 is seeded 4 bars before bar 3: in bar -1, that is with the first tick too
        let want = [0.0, (110.0 - slow[1]) / 110.0, (110.0 - third) / 110.0, (120.0 - fourth) / 120.0];
        assert_eq!(column.a[1..], want);
        assert_eq!(tile.bar_value(crate::signals::SignalId(0), Time::at(40 * SECOND)), want[3]);
        assert_eq!(tile.bar_value(crate::signals::SignalId(0), Time::at(40 * SECOND - NS)), want[2]);
    }

    /// A venue's past bars stand for ticks before its first one, in averages alone.
    #[test]
    fn past_bars_warm_averages_and_nothing_else() {
        let keys = [
            SignalKey::Trend { role: Role::Long, fast: 2, slow: 5, bar_length: BAR },
            SignalKey::Volatility { bars: 6, bar_length: BAR },
        ];
        let ticks: Vec<(i64, i64)> = (0..60).map(|i| (i * 10 + 3, 100 + i * 13 % 17)).collect();
        let past =
            |until: i64| ticks.iter().filter(move |tick| tick.0 < until).map(|tick| (tick.0 / 10, tick.1 as f64));
        let received: Vec<(i64, i64)> = ticks.iter().filter(|tick| tick.0 >= 300).copied().collect();
        let run = |long: &[(i64, i64)], past: BTreeMap<i64, f64>, short: i64| {
            let (long, short) = (quotes(long), quotes(&[(short, 100)]));
            let (mut carry, mut engine) = (Carry::default(), SignalEngine::new(&keys, Time::at(400 * SECOND)));
            if !past.is_empty() {
                engine.warm(Role::Long, BAR, past);
            }
            let cuts = [0, 250, 305, 400, 600];
            let mut columns = [Vec::new(), Vec::new()];
            for cut in cuts.windows(2) {
                let span = (Time::at(cut[0] * SECOND), Time::at(cut[1] * SECOND));
                let out = engine.tile(&align([&long, &short], span.0, span.1, &mut carry));
                columns.iter_mut().zip(&out.columns).for_each(|(all, part)| all.extend_from_slice(&part.a[1..]));
            }
            columns.map(|column| column.iter().map(|value| value.to_bits()).collect::<Vec<_>>())
        };
        let whole = run(&ticks, BTreeMap::new(), 0);
        // the other venue is quoted first, or only then
        for short in [0, 300] {
            let warmed = run(&received, past(300).collect(), short);
            assert_eq!(warmed[0], whole[0], "as if it had been quoted");
            let cold = run(&received, BTreeMap::new(), short);
            assert_ne!(cold[0], whole[0]);
            assert_eq!(warmed[1], cold[1], "returns of ticks alone");
        }
        // the last bar before the first tick has no close: it is passed over
        let shorter = run(&received, past(290).collect(), 0);
        assert!(shorter[0] != whole[0] && shorter[0].iter().skip(30).all(|bits| !f64::from_bits(*bits).is_nan()));
    }

    #[test]
    fn a_seed_looks_at_no_older_tick() {
        let key = SignalKey::Trend { role: Role::Long, fast: 1, slow: 2, bar_length: BAR };
        let tail = [(101, 100), (112, 105), (125, 110), (133, 120), (145, 125), (199, 130)];
        let mut older = vec![(5, 900), (70, 800)];
        older.extend(tail);
        // last bar closed at 200 s: 19; slow is seeded with bar 11, fast with bar 15, which has no tick: with bar 19
        let want = &run(&tail, &[key], 200, &[100, 201])[0].columns[0].a;
        let got = &run(&older, &[key], 200, &[0, 100, 201])[1].columns[0].a;
        assert!(got[10].is_finite());
        assert_eq!(got[10], want[10]);
        assert!(got[9].is_nan(), "the fast average has no tick of its own yet");
    }

    /// Columns are the same however the tape is cut, each from the last bar closed before its tile.
    #[test]
    fn cuts_do_not_matter() {
        let ticks: Vec<(i64, i64)> = (0..400).map(|i| (i * 7 % 5 + i * 3, 100 + i * 13 % 17)).collect();
        let keys = [
            SignalKey::Trend { role: Role::Long, fast: 2, slow: 5, bar_length: BAR },
            SignalKey::Volatility { bars: 6, bar_length: BAR },
            SignalKey::Volatility { bars: 3, bar_length: 3 * BAR },
            SignalKey::Sigma { window: 12, bar_length: BAR, max_age: 1_300 * SECOND },
            SignalKey::Quantile {
                window: 12,
                bar_length: BAR,
                max_age: 900 * SECOND,
                lb: Rate(Rate::ONE / 5),
                ub: Rate(Rate::ONE / 5 * 4),
            },
        ];
        let whole = run(&ticks, &keys, 400, &[0, 1_200]);
        let cuts = [0, 1, 10, 11, 400, 409, 410, 700, 1_190, 1_200];
        for (part, cut) in run(&ticks, &keys, 400, &cuts).iter().zip(cuts.windows(2)) {
            for (id, key) in keys.iter().enumerate() {
                let (part, whole) = (&part.columns[id], &whole[0].columns[id]);
                let bars = bar_before(Time::at(cut[0] * SECOND), key.bar_length())
                    ..=bar_before(Time::at(cut[1] * SECOND - NS), key.bar_length());
                assert_eq!(part.first_bar, *bars.start());
                assert_eq!(part.a.len(), bars.clone().count());
                for bar in bars {
                    for (x, y) in [(&part.a, &whole.a), (&part.b, &whole.b), (&part.c, &whole.c)] {
                        let at = |v: &Vec<f64>, first: i64| v.get((bar - first) as usize).map(|x| x.to_bits());
                        assert_eq!(at(x, part.first_bar), at(y, whole.first_bar), "key {id}, bar {bar}");
                    }
                }
            }
            let minutes: Vec<i64> = (part.first_minute..).take(part.minute_mids.len()).collect();
            for minute in minutes {
                assert!(minute * 60 >= cut[0] && minute * 60 < cut[1]);
                let at = (minute - whole[0].first_minute) as usize;
                assert_eq!(part.minute_mids[(minute - part.first_minute) as usize], whole[0].minute_mids[at]);
            }
        }
        let last = whole[0].columns[1].a.last().copied().unwrap_or(f64::NAN);
        assert!(last > 0.0);
        assert!(whole[0].columns[3].b.last().is_some_and(|sigma| *sigma > 0.0));
    }

    /// Two returns of ln 1.1 over bars of 10 s: sqrt(2 ln(1.1)^2 / 2 * 3153600).
    #[test]
    fn volatility_by_hand() {
        let ticks = [(1, 100), (11, 110), (21, 121)];
        let tile = &run(&ticks, &[SignalKey::Volatility { bars: 2, bar_length: BAR }], 30, &[0, 31])[0];
        let want = 1.1f64.ln() * 3_153_600f64.sqrt();
        assert!((tile.columns[0].a[3] - want).abs() < 1e-9 * want);
        assert!(tile.columns[0].a[2].is_nan());
    }
}
