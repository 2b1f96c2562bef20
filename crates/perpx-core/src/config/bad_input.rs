//! Ways to be wrong in a strategy file, each with its whole message.

use super::ConfigFile;

use crate::EXAMPLE;

/// The example with one piece of it written otherwise, and what is then said.
struct Case {
    wrong: &'static str,
    line: &'static str,
    written: &'static str,
    message: &'static str,
}

const CASES: &[Case] = &[
    Case {
        wrong: "broken YAML",
        line: "leverage: 10",
        written: "leverage: [10",
        message: r#"my.yml:3:9: this is not valid YAML: illegal placement of ':' indicator
  3 | base_qty: 0.01
    |         ^
  accepted: a YAML file of `key: value` lines, each key once
  to do: correct the marked place"#,
    },
    Case {
        wrong: "key twice",
        line: "base_qty: 0.01",
        written: "base_qty: 0.01\nleverage: 5",
        message: r#"my.yml:4:1: leverage: this key is written twice in one section
  4 | leverage: 5
    | ^^^^^^^^
  accepted: each key once
  to do: delete one of the two"#,
    },
    Case {
        wrong: "unknown key at the top",
        line: "leverage: 10",
        written: "leverge: 10",
        message: r#"my.yml:2:1: leverge: this key is unknown
  2 | leverge: 10
    | ^^^^^^^
  accepted: at the top: symbol, leverage, base_qty, base_notional, sizing, direction, long_venue, short_venue, bar_sec, seed, thresholds, entry, locking, unlock, exit, execution, risk, funding, marks, fees, transfer, stats, fills, capital, exchanges
  to do: did you mean leverage?"#,
    },
    Case {
        wrong: "unknown key in a section",
        line: "g_pct: 0.005",
        written: "gpct: 0.005",
        message: r#"my.yml:12:3: locking.gpct: this key is unknown
  12 |   gpct: 0.005
     |   ^^^^
  accepted: under locking: g_pct, band, band_sigma, quantile_band, band_window_bars, t_max_sec, epsilon_bp, style, passive_timeout_ms, batches, retry_ms, max_retries, min_lock_return, on_lock_failure, arm, min_lock_sec, min_unlock_bp, on_ub, on_lb, on_timeout
  to do: did you mean locking.g_pct?"#,
    },
    Case {
        wrong: "key in the wrong section",
        line: "base_qty: 0.01",
        written: "base_qty: 0.01\nband_sigma: 2",
        message: r#"my.yml:4:1: band_sigma: this key is unknown
  4 | band_sigma: 2
    | ^^^^^^^^^^
  accepted: at the top: symbol, leverage, base_qty, base_notional, sizing, direction, long_venue, short_venue, bar_sec, seed, thresholds, entry, locking, unlock, exit, execution, risk, funding, marks, fees, transfer, stats, fills, capital, exchanges
  to do: did you mean locking.band_sigma?"#,
    },
    Case {
        wrong: "word for a number",
        line: "leverage: 10",
        written: "leverage: ten",
        message: r#"my.yml:2:11: leverage: found ten
  2 | leverage: ten
    |           ^^^
  accepted: a number from 1 to 1000
  to do: write the leverage of each leg: margin = notional / leverage"#,
    },
    Case {
        wrong: "number for a flag",
        line: "isolated_margin: true",
        written: "isolated_margin: 1",
        message: r#"my.yml:21:20: risk.isolated_margin: found 1
  21 |   isolated_margin: 1
     |                    ^
  accepted: true or false
  to do: write whether each leg has a margin of its own"#,
    },
    Case {
        wrong: "word that is no choice",
        line: "base_qty: 0.01",
        written: "base_qty: 0.01\ndirection: up",
        message: r#"my.yml:4:12: direction: found up
  4 | direction: up
    |            ^^
  accepted: long, short, both
  to do: write the side of the first leg"#,
    },
    Case {
        wrong: "list for a number",
        line: "base_qty: 0.01",
        written: "base_qty: [0.01, 0.02]",
        message: r#"my.yml:3:11: base_qty: found [0.01, 0.02]
  3 | base_qty: [0.01, 0.02]
    |           ^
  accepted: base coins above 0 and at most 1000000000, or null
  to do: write the position's size in base coins (or write base_notional)"#,
    },
    Case {
        wrong: "section for a value",
        line: "g_pct: 0.005",
        written: "g_pct: {long: 0.005}",
        message: r#"my.yml:12:10: locking.g_pct: found {long: 0.005}
  12 |   g_pct: {long: 0.005}
     |          ^
  accepted: a fraction above 0 and at most 1
  to do: write the profit of the first leg at which the lock fires, as a fraction (0.005 = 0.5 %)"#,
    },
    Case {
        wrong: "value for a section",
        line: "risk:\n  stop_loss_first_leg: 0.01\n  net_delta_max_ratio: 0.10\n  isolated_margin: true\n  funding_guard_apr: 0.30",
        written: "risk: low",
        message: r#"my.yml:18:7: risk: found low
  18 | risk: low
     |       ^^^
  accepted: a section with the keys stop_loss_first_leg, net_delta_max_ratio, isolated_margin, funding_guard_apr, guard_action, max_quote_age_ms, delta_grace_ms, liq_buffer_pct, on_leg_lost, max_drawdown_pct, max_daily_loss_pct, max_consecutive_failures
  to do: write its keys, indented, under `risk:`"#,
    },
    Case {
        wrong: "leverage below one",
        line: "leverage: 10",
        written: "leverage: 0.5",
        message: r#"my.yml:2:11: leverage: found 0.5
  2 | leverage: 0.5
    |           ^^^
  accepted: a number from 1 to 1000
  to do: write the leverage of each leg: margin = notional / leverage"#,
    },
    Case {
        wrong: "negative where none may be",
        line: "g_pct: 0.005",
        written: "g_pct: -0.005",
        message: r#"my.yml:12:10: locking.g_pct: found -0.005
  12 |   g_pct: -0.005
     |          ^^^^^^
  accepted: a fraction above 0 and at most 1
  to do: write the profit of the first leg at which the lock fires, as a fraction (0.005 = 0.5 %)"#,
    },
    Case {
        wrong: "percent for a fraction",
        line: "g_pct: 0.005",
        written: "g_pct: 5",
        message: r#"my.yml:12:10: locking.g_pct: found 5
  12 |   g_pct: 5
     |          ^
  accepted: a fraction above 0 and at most 1
  to do: write 0.05 for 5 %: this key is a fraction"#,
    },
    Case {
        wrong: "half a bar",
        line: "ema_fast: 21",
        written: "ema_fast: 21.5",
        message: r#"my.yml:6:30: thresholds.trend_strength.ema_fast: found 21.5
  6 |   trend_strength: {ema_fast: 21.5, ema_slow: 55, min_diff: 0.0008}
    |                              ^^^^
  accepted: a whole number from 1 to 100000
  to do: write bars of the fast average, fewer than ema_slow"#,
    },
    Case {
        wrong: "finer than the unit",
        line: "base_qty: 0.01",
        written: "base_qty: 0.01000000001",
        message: r#"my.yml:3:11: base_qty: found 0.01000000001
  3 | base_qty: 0.01000000001
    |           ^^^^^^^^^^^^^
  accepted: base coins above 0 and at most 1000000000, or null, with fewer decimals
  to do: write the position's size in base coins (or write base_notional)"#,
    },
    Case {
        wrong: "number that is none",
        line: "base_qty: 0.01",
        written: "base_qty: .inf",
        message: r#"my.yml:3:11: found .inf
  3 | base_qty: .inf
    |           ^^^^
  accepted: a decimal number with at most 18 decimals and below 1e17
  to do: write it as 1234.5 or 1e-4; null switches off where that is allowed"#,
    },
    Case {
        wrong: "null where a value must be",
        line: "t_max_sec: 14400",
        written: "t_max_sec: null",
        message: r#"my.yml:15:14: locking.t_max_sec: found null
  15 |   t_max_sec: null
     |              ^^^^
  accepted: seconds above 0 and at most 31536000
  to do: write the longest life of a lock, in seconds"#,
    },
    Case {
        wrong: "missing key",
        line: "  t_max_sec: 14400\n",
        written: "",
        message: r#"my.yml:11:1: locking.t_max_sec: this key is not written
  11 | locking:
     | ^^^^^^^
  accepted: seconds above 0 and at most 31536000
  to do: write the longest life of a lock, in seconds"#,
    },
    Case {
        wrong: "no size",
        line: "base_qty: 0.01\n",
        written: "",
        message: r#"my.yml:1:1: base_qty: this key is not written
  1 | symbol: BTCUSDT
    | ^
  accepted: base coins above 0 and at most 1000000000
  to do: write the position's size in base coins (or write base_notional)"#,
    },
    Case {
        wrong: "two sizes",
        line: "base_qty: 0.01",
        written: "base_qty: 0.01\nbase_notional: 500",
        message: r#"my.yml:4:16: base_notional: found base_notional 500 beside base_qty 0.01
  4 | base_notional: 500
    |                ^^^
  accepted: one of base_qty and base_notional
  to do: delete one of the two, or write null for it"#,
    },
    Case {
        wrong: "fast average not faster",
        line: "ema_fast: 21",
        written: "ema_fast: 55",
        message: r#"my.yml:6:44: thresholds.trend_strength.ema_slow: the fast average is not faster: thresholds.trend_strength.ema_fast 55, thresholds.trend_strength.ema_slow 55
  6 |   trend_strength: {ema_fast: 55, ema_slow: 55, min_diff: 0.0008}
    |                                            ^^
  accepted: thresholds.trend_strength.ema_fast below thresholds.trend_strength.ema_slow
  to do: make ema_fast the smaller of the two; in a grid, add to [where] skip: "thresholds.trend_strength.ema_fast >= thresholds.trend_strength.ema_slow""#,
    },
    Case {
        wrong: "empty volatility band",
        line: "vmin: 0.25",
        written: "vmin: 3",
        message: r#"my.yml:9:29: thresholds.vol_band.vmax: the band is empty: thresholds.vol_band.vmin 3, thresholds.vol_band.vmax 2.5
  9 |   vol_band: {vmin: 3, vmax: 2.5}
    |                             ^^^
  accepted: vmin at most vmax
  to do: swap the two, or widen the band"#,
    },
    Case {
        wrong: "empty quantile band",
        line: "  band_sigma: 0.8\n  quantile_band: {lb: 0.2, ub: 0.8}",
        written: "  quantile_band: {lb: 0.8, ub: 0.8}",
        message: r#"my.yml:13:32: locking.quantile_band.ub: the band is empty: locking.quantile_band.lb 0.8, locking.quantile_band.ub 0.8
  13 |   quantile_band: {lb: 0.8, ub: 0.8}
     |                                ^^^
  accepted: locking.quantile_band.lb below locking.quantile_band.ub
  to do: write the lower quantile first, as lb: 0.2, ub: 0.8"#,
    },
    Case {
        wrong: "no band",
        line: "  band_sigma: 0.8\n  quantile_band: {lb: 0.2, ub: 0.8}\n",
        written: "",
        message: r#"my.yml:11:1: locking.band_sigma: this key is not written
  11 | locking:
     | ^^^^^^^
  accepted: a number above 0 and at most 100
  to do: write half the band's width in standard deviations"#,
    },
    Case {
        wrong: "passive order that never ends",
        line: "fees:",
        written: "entry: {passive_timeout_ms: 900000}\n\nfees:",
        message: r#"my.yml:24:29: entry.passive_timeout_ms: found 900000
  24 | entry: {passive_timeout_ms: 900000}
     |                             ^^^^^^
  accepted: milliseconds above 0 and at most 600000
  to do: write how long a passive entry rests, in milliseconds"#,
    },
    Case {
        wrong: "leverage beyond maintenance",
        line: "leverage: 10",
        written: "leverage: 90",
        message: r#"my.yml:2:11: leverage: found leverage 90: its margin is not above the maintenance 0.012 of lighter
  2 | leverage: 90
    |           ^^
  accepted: leverage below 83.33
  to do: lower the leverage: such a leg would be liquidated as it is opened"#,
    },
    Case {
        wrong: "FOK where there is none",
        line: "fees:",
        written: "execution: {tif: fok}\n\nfees:",
        message: r#"my.yml:24:18: execution.tif: found fok, but lighter has no fill-or-kill orders
  24 | execution: {tif: fok}
     |                  ^^^
  accepted: ioc, or fok with execution.emulate_fok: true
  to do: write tif: ioc, or emulate_fok: true (IOC, part fills closed again)"#,
    },
    Case {
        wrong: "half a fee block",
        line: "  maker_rebate_bps: -0.5\n",
        written: "",
        message: r#"my.yml:24:1: fees.maker_rebate_bps: this key is not written
  24 | fees:
     | ^^^^
  accepted: basis points from -1000 to 1000
  to do: write the maker's whole fee in basis points, negative = paid to us"#,
    },
    Case {
        wrong: "referral of the wrong sign",
        line: "referral_rebate_bps: -0.2",
        written: "referral_rebate_bps: 0.2",
        message: r#"my.yml:27:24: fees.referral_rebate_bps: found 0.2
  27 |   referral_rebate_bps: 0.2
     |                        ^^^
  accepted: basis points from -1000 to 0
  to do: write the referral's part in basis points, written negative: -0.2 takes 0.2 bp off a positive fee"#,
    },
    Case {
        wrong: "unknown venue",
        line: "  grvt:\n    name: grvt",
        written: "  grvt:\n    name: paradex",
        message: r#"my.yml:35:11: exchanges.grvt.name: nothing is known of the venue paradex
  35 |     name: paradex
     |           ^^^^^^^
  accepted: a venue with a shipped profile (lighter, grvt, hyperliquid, binance), or one that the file describes
  to do: write under exchanges.grvt `instrument: {tick: 0.1, lot: 0.001}`, `fees: {taker_bps: 5, maker_rebate_bps: 2}` and `margin: {maintenance: 0.01}`, or `profile: lighter`"#,
    },
    Case {
        wrong: "roles not named",
        line: "  grvt:\n    name: grvt",
        written: "  third:\n    name: grvt",
        message: r#"my.yml:1:1: long_venue: this key is not written
  1 | symbol: BTCUSDT
    | ^
  accepted: one of the keys under exchanges: lighter, third
  to do: write the key under `exchanges` of the venue where the long leg lives"#,
    },
    Case {
        wrong: "role of no venue",
        line: "fees:",
        written: "long_venue: binance\n\nfees:",
        message: r#"my.yml:24:13: long_venue: found binance
  24 | long_venue: binance
     |             ^^^^^^^
  accepted: one of the keys under exchanges: grvt, lighter
  to do: write the name of a venue's block, or add a block of that name under `exchanges`"#,
    },
    Case {
        wrong: "both legs on one venue",
        line: "fees:",
        written: "long_venue: grvt\n\nfees:",
        message: r#"my.yml:24:13: long_venue: both legs are on grvt
  24 | long_venue: grvt
     |             ^^^^
  accepted: two different venues
  to do: write long_venue and short_venue as two different keys of `exchanges`"#,
    },
    Case {
        wrong: "unknown tier",
        line: "  lighter:\n    name: lighter",
        written: "  lighter:\n    tier: gold\n    name: lighter",
        message: r#"my.yml:31:11: exchanges.lighter.tier: found gold
  31 |     tier: gold
     |           ^^^^
  accepted: a tier of the profile lighter: standard, plus, premium, premium1, premium2, premium3, premium4, premium5, premium6, premium7
  to do: write one of these tiers, or the fees themselves under `fees`"#,
    },
    Case {
        wrong: "instrument that the profile lacks",
        line: "symbol: BTCUSDT",
        written: "symbol: DOGEUSDT",
        message: r#"my.yml:30:3: exchanges.lighter.instrument.tick: this key is not written, and the profile lighter does not know DOGE
  30 |   lighter:
     |   ^^^^^^^
  accepted: a price above 0 and at most 1000000
  to do: write under exchanges.lighter `instrument: {tick: 0.1, lot: 0.001}` and `margin: {maintenance: 0.01}` with the venue's values, or correct the symbol"#,
    },
    Case {
        wrong: "constant and drawn latency",
        line: "fees:",
        written: "fills: {latency: {order: {median_ms: 20, constant_ms: 5}}}\n\nfees:",
        message: r#"my.yml:24:38: fills.latency.order.median_ms: found fills.latency.order.constant_ms 5 beside fills.latency.order.median_ms 20
  24 | fills: {latency: {order: {median_ms: 20, constant_ms: 5}}}
     |                                      ^^
  accepted: {median_ms, sigma}, {constant_ms}, {quantiles_ms} or {recorded: true}
  to do: write one of the four forms; an axis over one form needs a base file without the others"#,
    },
    Case {
        wrong: "unsupported latency model",
        line: "fees:",
        written: "fills: {latency: {order: {file: a.csv}}}\n\nfees:",
        message: r#"my.yml:24:27: fills.latency.order.file: this key is unknown
  24 | fills: {latency: {order: {file: a.csv}}}
     |                           ^^^^
  accepted: under fills.latency.order: median_ms, sigma, constant_ms, quantiles_ms, recorded
  to do: delete the line, or correct its spelling or indentation"#,
    },
    Case {
        wrong: "unsupported queue",
        line: "fees:",
        written: "fills: {queue: pro_rata}\n\nfees:",
        message: r#"my.yml:24:16: fills.queue.model: found pro_rata
  24 | fills: {queue: pro_rata}
     |                ^^^^^^^^
  accepted: risk_averse, proportional, power, trades_only
  to do: write how the queue ahead of a resting order shrinks"#,
    },
    Case {
        wrong: "power queue without exponent",
        line: "fees:",
        written: "fills: {queue: power}\n\nfees:",
        message: r#"my.yml:24:1: fills.queue.n: this key is not written
  24 | fills: {queue: power}
     | ^^^^^
  accepted: a number above 0 and at most 100
  to do: write the exponent of the power queue"#,
    },
    Case {
        wrong: "outage that ends before it begins",
        line: "fees:",
        written: "fills: {outages: [{from: 2026-01-06, to: 2026-01-05}]}\n\nfees:",
        message: r#"my.yml:24:18: fills.outages: found [{from: 2026-01-06, to: 2026-01-05}]
  24 | fills: {outages: [{from: 2026-01-06, to: 2026-01-05}]}
     |                  ^
  accepted: a list of {from: time, to: time} or {per_day: number, mean_sec: number}, each with `what: both`, `orders`, `feed`, `refuse`, `stale` or `halt`, or null
  to do: write outages, fixed or drawn from the seed"#,
    },
    Case {
        wrong: "brackets that do not rise",
        line: "    name: grvt\n",
        written: "    name: grvt\n    margin: {brackets: [{floor: 10, maintenance: 0.01}]}\n",
        message: r#"my.yml:36:24: exchanges.grvt.margin.brackets: found [{floor: 10, maintenance: 0.01}]
  36 |     margin: {brackets: [{floor: 10, maintenance: 0.01}]}
     |                        ^
  accepted: a list of {floor: quote money, maintenance: fraction}, floors rising from 0, or null
  to do: write maintenance by size of the position, marginal"#,
    },
];

#[test]
fn every_mistake_is_told_whole() {
    for case in CASES {
        assert!(EXAMPLE.contains(case.line), "{}", case.wrong);
        let text = EXAMPLE.replacen(case.line, case.written, 1);
        let error = ConfigFile::parse("my.yml", &text).and_then(|file| file.with(&[])).expect_err(case.wrong);
        assert_eq!(error.to_string(), case.message, "{}", case.wrong);
    }
    assert!(CASES.len() >= 40);
}
