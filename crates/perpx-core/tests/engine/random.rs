//! Random tapes and random configurations of every key, from a seed.

use perpx_core::config::{Config, ConfigFile, Outage, OutageWhat, OutageWhen};
use perpx_core::market::{Bbo, DepthLevel, Side};
use perpx_core::tape::rows::{DepthRow, FundingKind, FundingRow, MarkRow, QuoteRow, TradeRow, VenueTables};
use perpx_core::tape::{Carry, Tile, align};
use perpx_core::units::{MS, NS, Price, Qty, Rate, SECOND, Time, TimeDelta};
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

pub const START: Time = Time::of_day(20_458); // 2026-01-05
const TICK: i64 = 100_000_000;

pub struct Dice(ChaCha8Rng);

impl Dice {
    pub fn new(seed: u64) -> Dice {
        Dice(ChaCha8Rng::seed_from_u64(seed))
    }

    /// Whole number in `[low, high)`.
    pub fn int(&mut self, low: i64, high: i64) -> i64 {
        self.0.random_range(low..high)
    }

    pub fn chance(&mut self, p: f64) -> bool {
        self.0.random_bool(p)
    }

    pub fn pick<'a>(&mut self, words: &[&'a str]) -> &'a str {
        words[self.int(0, words.len() as i64) as usize]
    }
}

/// Whole features that a seed may lack: with all of them always there, some would hide what others do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Feature {
    Trades,
    Depth,
    Funding,
    Stalls,
    Outages,
    Failures,
    Latency,
    Limits,
    Transfers,
}

impl Feature {
    pub const ALL: [Feature; 9] = [
        Feature::Trades,
        Feature::Depth,
        Feature::Funding,
        Feature::Stalls,
        Feature::Outages,
        Feature::Failures,
        Feature::Latency,
        Feature::Limits,
        Feature::Transfers,
    ];

    /// One seed in five lacks it.
    pub fn is_on(self, seed: u64) -> bool {
        !Dice::new(seed ^ 0xfea7 ^ ((self as u64) << 48)).chance(0.2)
    }
}

/// Two venues for `seconds`: bursts, gaps, ties in time, equal receive times, jumps, trades, marks, funding at odd times.
pub fn tables(seed: u64, seconds: i64) -> [VenueTables; 2] {
    let mut dice = Dice::new(seed);
    let mut tables: [VenueTables; 2] = Default::default();
    let mut mid = 1_000_000i64; // in ticks of 0.1: 100,000
    let mut basis = 0i64;
    let (mut t, end) = (TimeDelta::ZERO, seconds * SECOND);
    let mut newest = [TimeDelta::ZERO; 2];
    let calm = dice.int(1, 40);
    let both = dice.chance(0.3); // polled data: both venues at one time
    let kept = [Feature::Trades, Feature::Depth].map(|feature| feature.is_on(seed));
    let depth = dice.chance(0.4);
    while t < end {
        mid += dice.int(-calm, calm + 1);
        if dice.chance(0.01) {
            mid += dice.int(-900, 900);
        }
        if dice.chance(0.0012) {
            mid += dice.int(-40_000, 40_000); // a crash: liquidations
        }
        basis += dice.int(-6, 7) - basis / 20;
        let gap = match dice.int(0, 100) {
            0 => dice.int(2, 15) * SECOND,
            1..40 => dice.int(0, 3) * MS,
            _ => dice.int(50, 1500) * MS,
        };
        t += gap;
        let chosen = dice.int(0, 2) as usize;
        let recv_gap = dice.int(0, 40) * MS;
        for v in 0..2 {
            if v == chosen || both {
                let here = mid + if v == 0 { basis } else { 0 };
                row(&mut dice, &mut tables[v], v, here, t, &mut newest[v], recv_gap);
            }
        }
    }
    for table in &mut tables {
        funding(&mut dice, table, seconds);
        if !kept[0] {
            table.trades.clear();
        }
        if !depth || !kept[1] {
            table.depth.clear();
        }
        if !Feature::Funding.is_on(seed) {
            table.funding.clear();
        }
    }
    if dice.chance(0.3) && Feature::Stalls.is_on(seed) {
        let from = START.plus(dice.int(0, seconds) * SECOND);
        stall(&mut tables[dice.int(0, 2) as usize], from, from.plus(dice.int(1, 90) * SECOND));
    }
    tables
}

/// The feed of a venue stands still: what was sent meanwhile is received at once at the end.
fn stall(table: &mut VenueTables, from: Time, to: Time) {
    let late = |recv: &mut Time| {
        if *recv >= from && *recv < to {
            *recv = to;
        }
    };
    table.quotes.iter_mut().for_each(|row| late(&mut row.recv));
    table.trades.iter_mut().for_each(|row| late(&mut row.recv));
    table.depth.iter_mut().for_each(|row| late(&mut row.recv));
    table.marks.iter_mut().for_each(|row| late(&mut row.recv));
}

/// `seed`: twice the case's, plus the venue's number. Up to three outages in `[from, to)`, one after the other: deaf, refusing, or halted.
pub fn outages(seed: u64, from: Time, to: Time) -> Vec<Outage> {
    let mut dice = Dice::new(seed ^ 0x0fff);
    let mut out = Vec::new();
    let mut at = from;
    while Feature::Outages.is_on(seed / 2) && out.len() < 3 && dice.chance(0.3) {
        at = at.plus(dice.int(1, 200) * SECOND);
        let end = at.plus(dice.int(1, 40) * SECOND);
        if end >= to {
            break;
        }
        let what = match dice.int(0, 4) {
            0 => OutageWhat::Refuse,
            1 => OutageWhat::Halt,
            _ => OutageWhat::Orders,
        };
        out.push(Outage { when: OutageWhen::Fixed { from: at, to: end }, what });
        at = end.plus(NS);
    }
    out
}

fn row(
    dice: &mut Dice,
    table: &mut VenueTables,
    v: usize,
    mid: i64,
    t: TimeDelta,
    newest: &mut TimeDelta,
    gap: TimeDelta,
) {
    let exch = START.plus(t);
    *newest = (t + gap).max(*newest);
    let recv = START.plus(*newest);
    let lot = if v == 0 { 10_000 } else { 1_000_000 };
    let size = |dice: &mut Dice| Qty(dice.int(1, 40) * lot * if v == 0 { 100 } else { 2 });
    let half = dice.int(0, 8);
    let bbo = Bbo {
        bid: Price((mid - half) * TICK),
        bid_qty: size(dice),
        ask: Price((mid + half + dice.int(0, 3)) * TICK),
        ask_qty: size(dice),
    };
    if dice.chance(0.4) {
        let taker = if dice.chance(0.5) { Side::Buy } else { Side::Sell };
        let px = Price(if taker == Side::Buy { bbo.ask.0 } else { bbo.bid.0 } + dice.int(-2, 3) * TICK);
        let qty = size(dice);
        table.trades.push(TradeRow { exch, recv, px, qty, taker, consumed_book: dice.chance(0.9) });
    }
    if dice.chance(0.9) {
        table.quotes.push(QuoteRow { exch, recv, bbo });
    }
    if dice.chance(0.3) {
        let level =
            |dice: &mut Dice, px: Price, step: i64| DepthLevel { px: Price(px.0 + step * TICK), qty: size(dice) };
        let mut side = |best: DepthLevel, sign: i64| {
            let steps = [dice.int(1, 4), dice.int(1, 9)];
            let next = level(dice, best.px, sign * steps[0]);
            let last = level(dice, next.px, sign * steps[1]);
            vec![best, next, last]
        };
        let bids = side(DepthLevel { px: bbo.bid, qty: bbo.bid_qty }, -1);
        let asks = side(DepthLevel { px: bbo.ask, qty: bbo.ask_qty }, 1);
        table.depth.push(DepthRow { exch, recv, bids, asks });
    }
    if dice.chance(0.3) || table.marks.is_empty() {
        let mark = Price((mid + dice.int(-5, 6)) * TICK);
        table.marks.push(MarkRow { exch, recv, mark, index: Price(mark.0 + dice.int(-3, 4) * TICK) });
    }
}

fn funding(dice: &mut Dice, table: &mut VenueTables, seconds: i64) {
    let mut t = dice.int(0, 600);
    let predicted = dice.chance(0.5);
    while t < seconds {
        let (ts, interval_hours) = (START.plus(t * SECOND), *[1u32, 8].get(dice.int(0, 2) as usize).unwrap_or(&1));
        let rate = Rate(dice.int(-300_000_000, 300_000_000));
        let kind = FundingKind::Settled;
        table.funding.push(FundingRow { ts, recv: ts.plus(dice.int(0, 2) * SECOND), rate, interval_hours, kind });
        if predicted {
            let recv = ts.plus(3 * SECOND);
            table.funding.push(FundingRow {
                recv,
                kind: FundingKind::Predicted,
                ..table.funding[table.funding.len() - 1]
            });
        }
        t += dice.int(60, 900);
    }
    table.funding.sort_by_key(|row| row.recv);
}

/// Cuts the tape into tiles of about `rows` receive times (0: one tile).
pub fn tiles(tables: &[VenueTables; 2], to: Time, rows: usize) -> Vec<Tile> {
    let mut times: Vec<i64> = tables.iter().flat_map(|t| t.quotes.iter().map(|q| q.recv.0)).collect();
    times.sort_unstable();
    times.dedup();
    let mut cuts: Vec<Time> = match rows {
        0 => Vec::new(),
        n => times.iter().skip(n).step_by(n).map(|&t| Time(t)).filter(|&t| t < to).collect(),
    };
    cuts.push(to);
    let mut start = START;
    let mut carry = Carry::first([true; 2]);
    let mut out = Vec::new();
    for end in cuts {
        out.push(align([&tables[0], &tables[1]], start, end, &mut carry));
        start = end;
    }
    out
}

/// Overrides of nearly every key, thresholds scaled to the tapes above so that things happen.
pub fn settings(seed: u64) -> Vec<String> {
    let mut d = Dice::new(seed ^ 0x5eed);
    let mut out: Vec<String> = Vec::new();
    let mut set = |key: &str, value: String| out.push(format!("{key}={value}"));
    let styles = ["maker", "taker", "maker_then_taker"];
    set("direction", d.pick(&["long", "long", "short", "both"]).into());
    set("bar_sec", d.pick(&["1", "5", "20"]).into());
    let size = d.pick(&["0.01", "0.02", "0.035"]);
    set("base_qty", size.into());
    set("sizing", d.pick(&["fixed", "fixed", "equity"]).into());
    let leverage = d.pick(&["2", "10", "40", "40"]);
    set("leverage", leverage.into());
    // what the size is worth at 100,000, where tapes begin; and money that covers its margin there, and little more
    let value = match size {
        "0.01" => 1000,
        "0.02" => 2000,
        _ => 3500,
    };
    let tight = format!("{:.3}", f64::from(value) / leverage.parse::<f64>().unwrap_or(1.0) * 1.01);
    set("capital.lighter", d.pick(&["2000", "5000", "150", "102"]).into());
    set("capital.grvt", d.pick(&["2000", "5000", &tight, "102"]).into());
    if d.chance(0.3) && Feature::Transfers.is_on(seed) {
        set("transfer.below_pct", d.pick(&["0.5", "0.95"]).into());
        set("transfer.delay_sec", d.pick(&["0", "30"]).into());
        set("transfer.fee", d.pick(&["0", "1"]).into());
    }
    set("thresholds.trend_strength.ema_fast", d.int(1, 5).to_string());
    set("thresholds.trend_strength.ema_slow", d.int(5, 12).to_string());
    set("thresholds.trend_strength.min_diff", format!("0.0000{}", d.int(1, 99)));
    set("thresholds.min_target_return", d.pick(&["-0.002", "-0.0005", "0.0003"]).into());
    set("thresholds.funding_spread_bps", d.pick(&["-1", "0.5", "1"]).into());
    set("thresholds.funding_basis", d.pick(&["long_minus_short", "short_minus_long"]).into());
    set("thresholds.vol_band.vmin", "0".into());
    set("thresholds.vol_band.vmax", "1000".into());
    set("thresholds.vol_bars", d.int(2, 8).to_string());
    set("thresholds.min_conditions", d.pick(&["1", "1", "2", "3"]).into());
    set("thresholds.cooldown_sec", d.pick(&["0", "0", "7"]).into());
    set("thresholds.no_entry_before_funding_sec", d.pick(&["0", "0", "30"]).into());
    set("entry.mode", d.pick(&["first_leg", "first_leg", "pair"]).into());
    set("entry.style", d.pick(&styles).into());
    set("entry.passive_timeout_ms", d.pick(&["300", "2000", "9000"]).into());
    set("entry.retry_sec", d.pick(&["0", "5"]).into());
    if d.chance(0.3) {
        set("entry.first_max_sec", d.int(5, 90).to_string());
    }
    set("locking.g_pct", format!("0.00{:02}", d.int(1, 20)));
    set("locking.band_sigma", d.pick(&["0.3", "0.8", "1.5"]).into());
    if d.chance(0.4) {
        set("locking.band", "quantile".into());
    }
    set("locking.band_window_bars", d.int(3, 12).to_string());
    set("locking.t_max_sec", d.pick(&["10", "60", "400"]).into());
    set("locking.epsilon_bp", d.pick(&["0", "2", "10"]).into());
    set("locking.style", d.pick(&styles).into());
    set("locking.passive_timeout_ms", d.pick(&["200", "1000", "5000"]).into());
    set("locking.batches", d.pick(&["1", "1", "2", "3"]).into());
    set("locking.retry_ms", d.pick(&["0", "250", "2000"]).into());
    set("locking.max_retries", d.int(0, 4).to_string());
    if d.chance(0.2) {
        set("locking.min_lock_return", d.pick(&["-0.001", "0.0005"]).into());
    }
    set("locking.on_lock_failure", d.pick(&["rollback", "retry", "keep"]).into());
    set("locking.arm", d.pick(&["inside", "level"]).into());
    set("locking.min_lock_sec", d.pick(&["0", "0", "10"]).into());
    set("locking.min_unlock_bp", d.pick(&["0", "0", "1.5"]).into());
    set("locking.on_ub", d.pick(&["close_short", "close_long", "close_both"]).into());
    set("locking.on_lb", d.pick(&["close_long", "close_short", "close_both", "hold"]).into());
    set("locking.on_timeout", d.pick(&["keep_cheaper", "close_both"]).into());
    set("unlock.style", d.pick(&styles).into());
    set("exit.style", d.pick(&styles).into());
    for (key, values) in [
        ("exit.take_profit_pct", ["0.0007", "0.006"]),
        ("exit.stop_loss_pct", ["0.0005", "0.004"]),
        ("exit.rebound_pct", ["0.0004", "0.002"]),
        ("exit.trail_pct", ["0.0004", "0.001"]),
    ] {
        if d.chance(0.5) {
            set(key, d.pick(&values).into());
        }
    }
    set("exit.max_sec", d.pick(&["20", "120", "null"]).into());
    set("exit.defer_for_funding_sec", d.pick(&["0", "0", "300"]).into());
    if d.chance(0.2) {
        set("execution.tif", "fok".into());
        set("execution.emulate_fok", "true".into());
    }
    set("execution.urgent_slip_bp", d.pick(&["5", "50"]).into());
    set("execution.close_retry_ms", d.pick(&["100", "500"]).into());
    set("execution.venue_timeout_ms", d.pick(&["700", "5000"]).into());
    set("execution.venue_probe_ms", d.pick(&["300", "1000"]).into());
    set("risk.stop_loss_first_leg", d.pick(&["0.0008", "0.004", "null"]).into());
    set("risk.net_delta_max_ratio", d.pick(&["0.01", "0.1"]).into());
    set("risk.isolated_margin", d.pick(&["true", "true", "false"]).into());
    set("risk.funding_guard_apr", d.pick(&["0.05", "0.3", "null"]).into());
    set("risk.guard_action", d.pick(&["cut", "close_both", "reduce"]).into());
    set("risk.max_quote_age_ms", d.pick(&["900", "3000", "60000"]).into());
    set("risk.delta_grace_ms", d.pick(&["0", "2000"]).into());
    if d.chance(0.3) {
        set("risk.liq_buffer_pct", d.pick(&["0.005", "0.02"]).into());
    }
    set("risk.on_leg_lost", d.pick(&["flatten", "keep"]).into());
    if d.chance(0.15) {
        set("risk.max_drawdown_pct", "0.01".into());
    }
    if d.chance(0.15) {
        set("risk.max_daily_loss_pct", "0.003".into());
    }
    if d.chance(0.15) {
        set("risk.max_consecutive_failures", d.int(1, 6).to_string());
    }
    if !Feature::Latency.is_on(seed) {
        set("fills.latency.order.constant_ms", "0".into());
        set("fills.latency.response.constant_ms", "0".into());
    } else if d.chance(0.2) {
        set("fills.latency.order.recorded", "true".into());
        set("fills.latency.burst.slope", d.pick(&["0", "1.5"]).into());
        set("fills.latency.burst.rows_per_sec", d.pick(&["1", "2"]).into());
    } else if d.chance(0.2) {
        set("fills.latency.order.quantiles_ms", d.pick(&["[0, 20, 40, 900]", "[3, 3, 3.5]"]).into());
        set("fills.lighter.latency.response.quantiles_ms", "[1, 2, 300]".into());
    } else {
        set("fills.latency.order.median_ms", d.pick(&["0.001", "20", "300"]).into());
        set("fills.latency.response.median_ms", d.pick(&["0.001", "20", "300"]).into());
    }
    if Feature::Failures.is_on(seed) {
        set("fills.reject_rate", d.pick(&["0", "0", "0.1"]).into());
        set("fills.timeout_rate", d.pick(&["0", "0", "0.1"]).into());
        set("fills.cancel_fail_rate", d.pick(&["0", "0", "0.3"]).into());
    }
    if Feature::Limits.is_on(seed) {
        if d.chance(0.2) {
            set("exchanges.lighter.volume_quota.start", d.pick(&["2", "30"]).into());
            set("exchanges.lighter.volume_quota.value_per_unit", d.pick(&["7", "90"]).into());
        }
    } else {
        set("exchanges.lighter.rate_limit.requests", "null".into());
        set("exchanges.grvt.rate_limit.requests", "null".into());
    }
    set("fills.queue", d.pick(&["risk_averse", "proportional", "trades_only", "power"]).into());
    set("fills.queue.n", d.pick(&["0.5", "2"]).into());
    set("fills.queue.ahead_ratio", d.pick(&["0", "0.3", "1"]).into());
    set("fills.impact_bp", d.pick(&["0", "1"]).into());
    set("fills.max_book_age_ms", d.pick(&["800", "10000"]).into());
    set("seed", d.int(0, 1000).to_string());
    set("execution.query_after_ms", d.pick(&["200", "1000"]).into());
    set("execution.fence_ms", d.pick(&["400", "900", "3000", "9000"]).into());
    set("execution.max_hedges", d.pick(&["0", "0", "1", "2"]).into());
    set("execution.request_reserve", d.pick(&["0", "0.3", "0.9"]).into());
    if d.chance(0.1) {
        set("exchanges.grvt.instrument.min_notional", value.to_string());
    } else if d.chance(0.2) {
        // locks that rest for a moment and leave what their venue does not take: a net delta
        for (key, value) in [
            ("direction", "long"),
            ("base_qty", "0.035"),
            ("leverage", "10"),
            ("capital.lighter", "5000"),
            ("capital.grvt", "5000"),
            ("thresholds.min_conditions", "1"),
            ("entry.mode", "first_leg"),
            ("entry.style", "taker"),
            ("locking.style", "maker"),
            ("locking.g_pct", "0.0001"),
            ("locking.passive_timeout_ms", "200"),
            ("fills.queue.ahead_ratio", "0"),
            ("risk.net_delta_max_ratio", "0.01"),
            ("risk.delta_grace_ms", "0"),
            ("exchanges.grvt.instrument.min_notional", "2500"),
        ] {
            set(key, value.into());
        }
    }
    out
}

/// The configuration of a seed; a draw that is not legal (such as a maker-only style that ...) is drawn again.
pub fn config(seed: u64) -> Config {
    config_with(seed, &[])
}

/// As [`config`], with these keys instead of the drawn ones.
pub fn config_with(seed: u64, fixed: &[&str]) -> Config {
    let file =
        ConfigFile::parse("example.yml", include_str!("../../../../configs/example.yml")).expect("the example loads");
    for attempt in 0..100u64 {
        let texts = settings(seed.wrapping_add(attempt << 40));
        let overrides = texts.iter().map(String::as_str).chain(fixed.iter().copied());
        let overrides: Vec<_> =
            overrides.map(|text| file.set(text).unwrap_or_else(|e| panic!("{text}: {e}"))).collect();
        if let Ok(config) = file.with(&overrides) {
            return config;
        }
    }
    panic!("seed {seed}: no legal configuration in 100 draws");
}
