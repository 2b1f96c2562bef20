//! One trade by script, its blotter compared whole.

use super::blotter::Blotter;
use super::text::life;
use perpx_core::config::ConfigFile;
use perpx_core::market::{Bbo, Role, Side};
use perpx_core::replay::{Job, RunState, Scan};
use perpx_core::signals::{SignalEngine, SignalSet};
use perpx_core::sim::OutageTable;
use perpx_core::strategy::{FundingKinds, Plan};
use perpx_core::tape::rows::{FundingKind, FundingRow, MarkRow, QuoteRow, TradeRow, VenueTables};
use perpx_core::tape::{Carry, align};
use perpx_core::trader::Composite;
use perpx_core::units::{Cash, HOUR, MS, Price, Qty, Rate, Time};
use std::sync::Arc;

/// Half a minute before midnight.
fn at(ms: i64) -> Time {
    Time::at(1_767_571_170_000 * MS).plus(ms * MS)
}

fn px(units: f64) -> Price {
    Price((units * 10.0).round() as i64 * 100_000_000)
}

/// A quote a second, known 5 ms after the venue had it. The price rises by 0.6 % at 26 s.
/// At 21 s 2.004 are sold at the bid, which shows 2.
fn tables() -> [VenueTables; 2] {
    let mut out = [VenueTables::default(), VenueTables::default()];
    for second in 0..50 {
        for (v, table) in out.iter_mut().enumerate() {
            let (exch, recv) = (at(second * 1_000), at(second * 1_000 + 5));
            let mid = 100_000.0 + 100.0 * v as f64 + if second >= 26 { 600.0 } else { 0.0 };
            let (bid_qty, ask_qty) = (Qty(2_000_000_000), Qty(3_000_000_000));
            let bbo = Bbo { bid: px(mid), bid_qty, ask: px(mid + 0.1), ask_qty };
            table.quotes.push(QuoteRow { exch, recv, bbo });
            table.marks.push(MarkRow { exch, recv, mark: px(mid), index: px(mid) });
        }
    }
    out[0].trades.push(TradeRow {
        exch: at(21_000),
        recv: at(21_005),
        px: px(100_000.0),
        qty: Qty(2_004_000_000),
        taker: Side::Sell,
        consumed_book: true,
    });
    for (v, table) in out.iter_mut().enumerate() {
        for (hour, rate) in [(-1, 100_000_000), (0, 125_000_000)] {
            let ts = at(30_000).plus(hour * HOUR);
            let (recv, rate) = (ts.plus(200 * MS), Rate(rate * (1 + v as i64)));
            table.funding.push(FundingRow { ts, recv, rate, interval_hours: 1, kind: FundingKind::Settled });
        }
    }
    out
}

const SETTINGS: [&str; 17] = [
    "bar_sec=1",
    "capital.lighter=1000",
    "capital.grvt=1000",
    "thresholds.trend_strength.ema_fast=1",
    "thresholds.trend_strength.ema_slow=2",
    "thresholds.trend_strength.min_diff=0",
    "thresholds.vol_band.vmin=0",
    "thresholds.vol_bars=2",
    "thresholds.min_conditions=1",
    "locking.band_window_bars=3",
    "locking.t_max_sec=6",
    "exit.max_sec=5",
    "risk.funding_guard_apr=5",
    "fills.latency.order.constant_ms=50",
    "fills.latency.response.constant_ms=20",
    "exchanges.lighter.tier=standard",
    "seed=1",
];

#[test]
fn the_life_of_a_trade_is_told_from_the_gate_to_the_last_answer() {
    let file = ConfigFile::parse("example.yml", crate::EXAMPLE).expect("loads");
    let overrides: Vec<_> = SETTINGS.iter().map(|set| file.set(set).unwrap_or_else(|e| panic!("{e}"))).collect();
    let config = file.with(&overrides).unwrap_or_else(|e| panic!("{e}"));
    let mut keys = SignalSet::default();
    let mut plan = Plan::bind(&config, Arc::new(config.world.clone()), FundingKinds::default(), &mut keys);
    plan.capital = Cash::units(2_000).into();
    let none = OutageTable::default();
    let job = Job {
        plan: &plan,
        world: &plan.world,
        outages: [&none, &none],
        from: at(20_000),
        to: at(50_000),
        capital: [Cash::units(1_000); 2],
        leverage: plan.strategy.leverage,
        transfer: None,
        isolated: true,
        stats_interval: HOUR,
    };
    let tables = tables();
    let tile = align([&tables[0], &tables[1]], at(0), at(50_000), &mut Carry::default());
    let signals = SignalEngine::new(keys.keys(), job.from).tile(&tile);
    let mut blotter = Blotter::new(&plan);
    let mut machine = RunState::new(Composite::default(), &job);
    machine.run_tile(&mut Scan::new(), &job, &tile, &signals, &mut blotter);
    let result = machine.finish(&job, &tile, &signals, &mut blotter);
    assert!(result.books_agree && machine.belief().is_flat());

    let trade = blotter.trade(1).expect("a trade");
    let text = life(trade, ["lighter", "grvt"]);
    assert!(text.lines().all(|line| line.chars().count() <= 80), "{text}");
    assert!(text == include_str!("trade.txt").trim_end(), "the blotter is\n{text}");
    // the blotter keeps what the full record keeps
    let kept = &blotter.record.trades[0];
    assert_eq!((kept.fills, kept.lines, Some(kept.closed)), (trade.fills, trade.lines, trade.closed));
    let [long, short] = Role::BOTH.map(|role| trade.lines.of(role));
    assert_eq!(long + short, kept.lines.total());
}
