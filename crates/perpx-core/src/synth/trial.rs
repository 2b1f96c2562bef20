//! A little trader, far simpler than the strategy, that shows what each edge earns: trend entry, lock at g, bands of the
//! spread. All fills are taker fills 250 ms after the decision; no funding, no margin, no sizes.

use super::*;
use crate::market::Bbo;
use crate::units::*;
use std::collections::VecDeque;

const LATE: TimeDelta = MS.times(250);
const FEE_BP: f64 = 2.0;
const LONGEST_LOCK: TimeDelta = HOUR.times(4);
const WINDOW: usize = 240;

struct Tick {
    time: Time,
    bid: [f64; 2],
    ask: [f64; 2],
}

#[derive(Clone, Copy)]
struct Rules {
    min_diff: f64,
    g: f64,
    band_sigma: f64,
    /// At the lower band: wait on, or close both.
    hold: bool,
}

fn ticks(spec: &SynthSpec) -> Vec<Tick> {
    let mut out = Vec::new();
    let mut last = [Bbo::default(); 2];
    for day in Market::new(spec).expect("a legal market") {
        let mut rows: Vec<_> =
            (0..2).flat_map(|v| day.venues[v].quotes.iter().map(move |q| (q.recv, v, q.bbo))).collect();
        rows.sort_by_key(|row| row.0);
        for (time, v, bbo) in rows {
            last[v] = bbo;
            if last.iter().all(Bbo::is_quoted) {
                out.push(Tick { time, bid: last.map(|b| b.bid.as_f64()), ask: last.map(|b| b.ask.as_f64()) });
            }
        }
    }
    out
}

/// Trend and band as of the last closed minute.
struct Bars {
    next: Time,
    closes: usize,
    ema: [f64; 2],
    trend: f64,
    window: VecDeque<f64>,
    band: Option<[f64; 2]>,
}

impl Bars {
    fn close(&mut self, mid: f64, spread: f64, band_sigma: f64) {
        self.next = self.next.plus(MINUTE);
        if self.closes == 0 {
            self.ema = [mid; 2];
        }
        self.closes += 1;
        for (ema, n) in self.ema.iter_mut().zip([21.0, 55.0]) {
            *ema += 2.0 / (n + 1.0) * (mid - *ema);
        }
        self.trend = (self.ema[0] - self.ema[1]) / mid;
        self.window.push_back(spread);
        if self.window.len() > WINDOW {
            self.window.pop_front();
            let n = WINDOW as f64;
            let mean = self.window.iter().sum::<f64>() / n;
            let sigma = (self.window.iter().map(|s| (s - mean) * (s - mean)).sum::<f64>() / n).sqrt();
            self.band = Some([mean - band_sigma * sigma, mean + band_sigma * sigma]);
        }
    }
}

enum State {
    Idle,
    Long { entry: f64 },
    Locked { entry: f64, short: f64, since: Time, armed: bool },
}

/// Gain of each round trip, bp of the entry, after fees.
fn trade(ticks: &[Tick], rules: Rules) -> Vec<f64> {
    let first = ticks[0].time.floor_to(MINUTE).plus(MINUTE);
    let mut bars = Bars { next: first, closes: 0, ema: [0.0; 2], trend: 0.0, window: VecDeque::new(), band: None };
    let (mut state, mut out, mut busy) = (State::Idle, Vec::new(), 0);
    let mut before = [0.0; 2];
    for (i, tick) in ticks.iter().enumerate() {
        while tick.time >= bars.next {
            bars.close(before[0], before[1], rules.band_sigma);
        }
        let mid = [0, 1].map(|v| (tick.bid[v] + tick.ask[v]) / 2.0);
        let spread = 2e4 * (mid[0] - mid[1]) / (mid[0] + mid[1]);
        before = [mid[0], spread];
        if i < busy {
            continue;
        }
        let late = i + ticks[i..].iter().take_while(|t| t.time <= tick.time.plus(LATE)).count() - 1;
        let (bid, ask) = (ticks[late].bid, ticks[late].ask);
        let from = tick.time;
        state = match state {
            State::Idle if bars.closes > 220 && bars.trend >= rules.min_diff => State::Long { entry: ask[0] },
            State::Long { entry } if tick.bid[0] >= entry * (1.0 + rules.g) => {
                State::Locked { entry, short: bid[1], since: from, armed: false }
            }
            State::Long { entry } if tick.bid[0] <= entry * 0.99 => {
                out.push(1e4 * (bid[0] / entry - 1.0) - 2.0 * FEE_BP);
                State::Idle
            }
            State::Locked { entry, short, since, armed } => {
                let [low, high] = bars.band.unwrap_or([f64::MIN, f64::MAX]);
                let over = from.since(since) > LONGEST_LOCK;
                if over || armed && (spread >= high || spread <= low && !rules.hold) {
                    out.push(1e4 * (bid[0] - entry + short - ask[1]) / entry - 4.0 * FEE_BP);
                    State::Idle
                } else {
                    State::Locked { entry, short, since, armed: armed || (spread > low && spread < high) }
                }
            }
            other => {
                state = other;
                continue;
            }
        };
        busy = late;
    }
    out
}

/// Mean gain of a round trip in bp, and its standard error, over `seeds` weeks.
fn gain(edge: Edge, seeds: std::ops::Range<u64>, rules: &[Rules]) -> Vec<(f64, f64)> {
    let start = Time::from_civil(2026, 1, 4).expect("a date");
    let mut all = vec![Vec::new(); rules.len()];
    for seed in seeds {
        let spec = SynthSpec { edge, trades: false, marks_every_sec: None, ..SynthSpec::new(seed, start, 8) };
        let ticks = ticks(&spec);
        for (trips, rules) in all.iter_mut().zip(rules) {
            trips.extend(trade(&ticks, *rules));
        }
    }
    let mean = |x: &[f64]| x.iter().sum::<f64>() / x.len() as f64;
    let figures = |trips: &Vec<f64>| {
        let (n, m) = (trips.len() as f64, mean(trips));
        (m, (trips.iter().map(|x| (x - m) * (x - m)).sum::<f64>() / n / n).sqrt())
    };
    all.iter().map(figures).collect()
}

const GOOD: [Rules; 3] = [
    Rules { min_diff: 0.0008, g: 0.005, band_sigma: 0.8, hold: true },
    Rules { min_diff: 0.0016, g: 0.005, band_sigma: 2.0, hold: true },
    Rules { min_diff: 0.0016, g: 0.01, band_sigma: 0.8, hold: false },
];
const BAD: Rules = Rules { min_diff: 0.0008, g: 0.0025, band_sigma: 2.0, hold: false };

#[test]
fn the_planted_region_earns_and_its_neighbour_does_not() {
    let rules = [GOOD[0], GOOD[1], GOOD[2], BAD];
    let found = gain(Edge::Planted, 1..3, &rules);
    for (mean, error) in &found[..3] {
        assert!(*mean > 3.0 && *mean > 2.0 * error, "{found:?}");
    }
    assert!(found[3].0 < 0.0, "{found:?}");
}

#[test]
fn without_an_edge_fees_are_lost() {
    let found = gain(Edge::None, 1..3, &GOOD);
    for (mean, error) in &found {
        assert!(*mean < 3.0 * error, "{found:?}");
    }
    let sum: f64 = found.iter().map(|f| f.0).sum();
    assert!(sum < 0.0, "{found:?}");
}
