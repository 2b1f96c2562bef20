//! Ways to be wrong in a grid file, each with its whole message.

use super::tests::{GRID, parse};

/// The page's grid with one piece of it written otherwise, and what is then said.
struct Case {
    wrong: &'static str,
    line: &'static str,
    written: &'static str,
    message: &'static str,
}

const CASES: &[Case] = &[
    Case {
        wrong: "broken TOML",
        line: "seed   = 7",
        written: "seed = ",
        message: r#"sweeps/grid.toml:3:8: this is not valid TOML: string values must be quoted, expected literal string
  3 | seed = 
    |        ^
  accepted: a TOML file of `key = value` lines under [sections], each key once
  to do: correct the marked place"#,
    },
    Case {
        wrong: "key twice",
        line: "seed   = 7",
        written: "seed = 7\nseed = 8",
        message: r#"sweeps/grid.toml:4:1: seed: this key is written twice in one section
  4 | seed = 8
    | ^^^^
  accepted: each key once
  to do: delete one of the two"#,
    },
    Case {
        wrong: "unknown section",
        line: "[search]",
        written: "[serach]",
        message: r#"sweeps/grid.toml:22:2: serach: this key is unknown
  22 | [serach]
     |  ^^^^^^
  accepted: name, base, seed, data, cache, axes, where, search, fills, objective, validate, evidence, report
  to do: did you mean search?"#,
    },
    Case {
        wrong: "unknown key",
        line: "holdout = 0.3",
        written: "holduot = 0.3",
        message: r#"sweeps/grid.toml:31:1: validate.holduot: this key is unknown
  31 | holduot = 0.3
     | ^^^^^^^
  accepted: holdout
  to do: did you mean holdout?"#,
    },
    Case {
        wrong: "no base file named",
        line: "base   = \"../configs/example.yml\"\n",
        written: "",
        message: r#"sweeps/grid.toml:1:1: base: this key is not written
  1 | name   = "btc-thresholds"
    | ^
  accepted: text in quotes
  to do: write the path of the strategy file"#,
    },
    Case {
        wrong: "name that is no folder",
        line: "\"btc-thresholds\"",
        written: "\"btc/thresholds\"",
        message: r#"sweeps/grid.toml:1:10: name: found btc/thresholds
  1 | name   = "btc/thresholds"
    |          ^^^^^^^^^^^^^^^^
  accepted: letters, digits, - _ ., at most 100 of them
  to do: choose a name that can be a folder's"#,
    },
    Case {
        wrong: "range that ends before it begins",
        line: "to     = 2026-01-12",
        written: "to     = 2026-01-01",
        message: r#"sweeps/grid.toml:9:10: data.to: the range is empty: from 2026-01-05T00:00:00Z, to 2026-01-01T00:00:00Z
  9 | to     = 2026-01-01
    |          ^^^^^^^^^^
  accepted: a time after data.from; `to` itself is not included
  to do: write a later `to`"#,
    },
    Case {
        wrong: "date that is none",
        line: "from   = 2026-01-05",
        written: "from   = \"yesterday\"",
        message: r#"sweeps/grid.toml:8:10: data.from: found yesterday
  8 | from   = "yesterday"
    |          ^^^^^^^^^^^
  accepted: a UTC date or time such as 2026-01-05 or 2026-01-05T10:30:00Z
  to do: write a date"#,
    },
    Case {
        wrong: "symbol of another coin",
        line: "symbol = \"BTC\"",
        written: "symbol = \"ETH\"",
        message: r#"sweeps/grid.toml:7:10: data.symbol: found ETH, but the strategy file trades BTCUSDT
  7 | symbol = "ETH"
    |          ^^^^^
  accepted: a symbol of the coin BTC
  to do: correct one of the two, or write symbols = [...] to sweep others"#,
    },
    Case {
        wrong: "symbol and symbols",
        line: "symbol = \"BTC\"",
        written: "symbol = \"BTC\"\nsymbols = [\"ETH\"]",
        message: r#"sweeps/grid.toml:8:11: data.symbols: found symbols beside symbol
  8 | symbols = ["ETH"]
    |           ^^^^^^^
  accepted: one of the two
  to do: delete one of the two"#,
    },
    Case {
        wrong: "unknown axis",
        line: "\"locking.g_pct\"",
        written: "\"locking.g_pcnt\"",
        message: r#"sweeps/grid.toml:13:1: locking.g_pcnt: this key is unknown
  13 | "locking.g_pcnt"                      = { from = 0.002, to = 0.010, step = 0.001 }
     | ^^^^^^^^^^^^^^^^
  accepted: under locking: g_pct, band, band_sigma, quantile_band, band_window_bars, t_max_sec, epsilon_bp, style, passive_timeout_ms, batches, retry_ms, max_retries, min_lock_return, on_lock_failure, arm, min_lock_sec, min_unlock_bp, on_ub, on_lb, on_timeout
  to do: did you mean locking.g_pct?"#,
    },
    Case {
        wrong: "axis of the account",
        line: "\"locking.g_pct\"                      =",
        written: "\"stats.interval_sec\" =",
        message: r#"sweeps/grid.toml:13:1: stats.interval_sec: this key belongs to the account and cannot be an axis
  13 | "stats.interval_sec" = { from = 0.002, to = 0.010, step = 0.001 }
     | ^^^^^^^^^^^^^^^^^^^^
  accepted: keys of the strategy, and fills.*, fees, tiers and seed as world axes
  to do: set it in the strategy file"#,
    },
    Case {
        wrong: "axis without quotes",
        line: "\"locking.g_pct\"",
        written: "locking.g_pct",
        message: r#"sweeps/grid.toml:13:1: axes.locking: found a section
  13 | locking.g_pct                      = { from = 0.002, to = 0.010, step = 0.001 }
     | ^^^^^^^
  accepted: dotted keys in quotes
  to do: write "locking.g_pct" = [...] with the quotes"#,
    },
    Case {
        wrong: "axis value out of bounds",
        line: "[0.0004, 0.0008, 0.0016]",
        written: "[0.0004, 8, 0.0016]",
        message: r#"sweeps/grid.toml:12:49: thresholds.trend_strength.min_diff: found 8
  12 | "thresholds.trend_strength.min_diff" = [0.0004, 8, 0.0016]
     |                                                 ^
  accepted: a number from -1 to 1
  to do: write the least trend strength as a fraction of the close (0.0008 = 8 bp)"#,
    },
    Case {
        wrong: "axis of one bare value",
        line: "[0.0004, 0.0008, 0.0016]",
        written: "0.0004",
        message: r#"sweeps/grid.toml:12:40: thresholds.trend_strength.min_diff: found 0.0004
  12 | "thresholds.trend_strength.min_diff" = 0.0004
     |                                        ^^^^^^
  accepted: a list, {from, to, step}, or {from, to, count, scale}
  to do: write [0.0004] for one value, or set the key in the strategy file"#,
    },
    Case {
        wrong: "axis of no value",
        line: "[0.0004, 0.0008, 0.0016]",
        written: "[]",
        message: r#"sweeps/grid.toml:12:40: thresholds.trend_strength.min_diff: found no value
  12 | "thresholds.trend_strength.min_diff" = []
     |                                        ^^
  accepted: at least one value
  to do: write a value, or delete the axis"#,
    },
    Case {
        wrong: "range of words",
        line: "[\"long_minus_short\", \"short_minus_long\"]",
        written: "{ from = 1, to = 2, step = 1 }",
        message: r#"sweeps/grid.toml:16:40: thresholds.funding_basis: found the range {from: 1, to: 2, step: 1}
  16 | "thresholds.funding_basis"           = { from = 1, to = 2, step = 1 }
     |                                        ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^
  accepted: a list of values, each long_minus_short, short_minus_long
  to do: write the values out: ["a", "b"]"#,
    },
    Case {
        wrong: "range without step and count",
        line: "step = 0.001 }",
        written: "}",
        message: r#"sweeps/grid.toml:13:40: locking.g_pct: found {from: 0.002, to: 0.01}
  13 | "locking.g_pct"                      = { from = 0.002, to = 0.010, }
     |                                        ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^
  accepted: one of step and count
  to do: write either step or count"#,
    },
    Case {
        wrong: "range with a backward step",
        line: "step = 0.001 }",
        written: "step = -0.001 }",
        message: r#"sweeps/grid.toml:13:40: locking.g_pct: found step = -0.001
  13 | "locking.g_pct"                      = { from = 0.002, to = 0.010, step = -0.001 }
     |                                        ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^
  accepted: a step above 0 that gives at most 1000000 values
  to do: write a larger step"#,
    },
    Case {
        wrong: "empty range",
        line: "from = 0.002, to",
        written: "from = 0.02, to",
        message: r#"sweeps/grid.toml:13:40: locking.g_pct: the range is empty: from 0.02 to 0.01
  13 | "locking.g_pct"                      = { from = 0.02, to = 0.010, step = 0.001 }
     |                                        ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^
  accepted: from at most to
  to do: swap the two ends"#,
    },
    Case {
        wrong: "unknown scale",
        line: "scale = \"log\"",
        written: "scale = \"exp\"",
        message: r#"sweeps/grid.toml:15:85: locking.t_max_sec: found scale = exp
  15 | "locking.t_max_sec"                  = { from = 600, to = 14400, count = 5, scale = "exp" }
     |                                                                                     ^^^^^
  accepted: linear, log
  to do: choose one of the two"#,
    },
    Case {
        wrong: "log scale from nought",
        line: "from = 600",
        written: "from = 0",
        message: r#"sweeps/grid.toml:15:40: locking.t_max_sec: a log scale cannot begin at 0
  15 | "locking.t_max_sec"                  = { from = 0, to = 14400, count = 5, scale = "log" }
     |                                        ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^
  accepted: from above 0
  to do: write a positive from"#,
    },
    Case {
        wrong: "unknown key in skip",
        line: "ema_slow\"]",
        written: "ema_slo\"]",
        message: r#"sweeps/grid.toml:20:48: where.skip: the key thresholds.trend_strength.ema_slo is unknown here in: thresholds.trend_strength.ema_fast >= thresholds.trend_strength.ema_slo
  20 | skip = ["thresholds.trend_strength.ema_fast >= thresholds.trend_strength.ema_slo"]
     |                                                ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^
  accepted: conditions over strategy keys with < <= > >= == !=, and, or, not, ( ), + - * /
  to do: did you mean thresholds.trend_strength.ema_slow?"#,
    },
    Case {
        wrong: "skip that compares words with numbers",
        line: "ema_slow\"]",
        written: "ema_slow\", \"exit.style > 2\"]",
        message: r#"sweeps/grid.toml:20:97: where.skip: this compares a word with a number in: exit.style > 2
  20 | skip = ["thresholds.trend_strength.ema_fast >= thresholds.trend_strength.ema_slow", "exit.style > 2"]
     |                                                                                                 ^
  accepted: conditions over strategy keys with < <= > >= == !=, and, or, not, ( ), + - * /
  to do: compare numbers with numbers, words with words by == and !="#,
    },
    Case {
        wrong: "skip over a world",
        line: "ema_slow\"]",
        written: "ema_slow\", \"fills.reject_rate > 0\"]",
        message: r#"sweeps/grid.toml:20:86: where.skip: the key fills.reject_rate is unknown here in: fills.reject_rate > 0
  20 | skip = ["thresholds.trend_strength.ema_fast >= thresholds.trend_strength.ema_slow", "fills.reject_rate > 0"]
     |                                                                                      ^^^^^^^^^^^^^^^^^
  accepted: conditions over strategy keys with < <= > >= == !=, and, or, not, ( ), + - * /
  to do: use keys of the strategy: a world is not the trader's to skip"#,
    },
    Case {
        wrong: "search that is not there",
        line: "method  = \"grid\"",
        written: "method  = \"tpe\"",
        message: r#"sweeps/grid.toml:23:11: search.method: found tpe
  23 | method  = "tpe"
     |           ^^^^^
  accepted: grid, sobol, random, probe, external
  to do: choose one of these"#,
    },
    Case {
        wrong: "unknown metric",
        line: "metric     = \"sharpe\"",
        written: "metric     = \"sharp\"",
        message: r#"sweeps/grid.toml:27:14: objective.metric: found sharp
  27 | metric     = "sharp"
     |              ^^^^^^^
  accepted: a metric, the nearest names first: sharpe, trades, sortino, net_pnl, win_rate, max_drawdown_pct
  to do: did you mean sharpe?"#,
    },
    Case {
        wrong: "held-out metric",
        line: "metric     = \"sharpe\"",
        written: "metric     = \"oos_sharpe\"",
        message: r#"sweeps/grid.toml:27:14: objective.metric: found oos_sharpe
  27 | metric     = "oos_sharpe"
     |              ^^^^^^^^^^^^
  accepted: a metric of the selection: held-out metrics may not rank
  to do: write sharpe; the page shows both, and the held-out one is the judge"#,
    },
    Case {
        wrong: "requirement without a number",
        line: "\"trades >= 30\"",
        written: "\"trades many\"",
        message: r#"sweeps/grid.toml:28:14: objective.require: found trades many
  28 | require    = ["trades many", "max_drawdown_pct <= 10"]
     |              ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^
  accepted: conditions `metric operator number` in quotes; the operators are < <= > >= == !=, the number is in the metric's own unit (of a metric in _pct per cent: 10 = 10 %)
  to do: write require = ["trades >= 30", "max_drawdown_pct <= 10"]"#,
    },
    Case {
        wrong: "holdout of all",
        line: "holdout = 0.3",
        written: "holdout = 1.0",
        message: r#"sweeps/grid.toml:31:11: validate.holdout: found 1
  31 | holdout = 1.0
     |           ^^^
  accepted: a number from 0 to 0.9
  to do: write the share of the range that never ranks, as a fraction: 0.3"#,
    },
    Case {
        wrong: "half a ledger",
        line: "top     = 20",
        written: "top     = 2.5",
        message: r#"sweeps/grid.toml:34:11: report.top: found 2.5
  34 | top     = 2.5
     |           ^^^
  accepted: a whole number from 1 to 10000
  to do: write for how many configurations ledgers and charts are kept"#,
    },
    Case {
        wrong: "unknown fill key",
        line: "latency.response = { constant_ms = 30 }",
        written: "latency.respons = { constant_ms = 30 }",
        message: r#"sweeps/grid.toml:25:9: fills.latency.respons: this key is unknown
  25 | latency.respons = { constant_ms = 30 }
     |         ^^^^^^^
  accepted: under fills.latency: order, response, burst, feed
  to do: did you mean fills.latency.response?"#,
    },
    Case {
        wrong: "illegal combination",
        line: "[axes]",
        written: "[axes]\n\"thresholds.vol_band.vmin\" = [0.1, 3]",
        message: r#"sweeps/grid.toml:12:36: thresholds.vol_band.vmin: the band is empty: thresholds.vol_band.vmin 3, thresholds.vol_band.vmax 2.5
  12 | "thresholds.vol_band.vmin" = [0.1, 3]
     |                                    ^
  accepted: vmin at most vmax
  to do: swap the two, or widen the band"#,
    },
];

#[test]
fn every_mistake_is_told_whole() {
    for case in CASES {
        assert!(GRID.contains(case.line), "{}", case.wrong);
        let text = GRID.replacen(case.line, case.written, 1);
        let error = parse(&text, &[]).and_then(|grid| grid.validate()).expect_err(case.wrong);
        assert_eq!(error.to_string(), case.message, "{}", case.wrong);
    }
}

#[test]
fn mistakes_of_set_are_told_as_such() {
    for (set, message) in [
        (
            "locking.g_pct",
            "--set: found locking.g_pct\n  accepted: key=value\n  to do: write, for instance, --set locking.g_pct=0.004",
        ),
        (
            "cache.max_gib=null",
            "--set: cache.max_gib: found null\n  accepted: a value: null switches off keys of the strategy file, and this is one \
             of the grid file\n  to do: leave the option away to keep what the grid file says, or write a value",
        ),
        (
            "locking.g_pct=5",
            "--set: locking.g_pct: found 5\n  accepted: a fraction above 0 and at most 1\n  to do: write 0.05 for 5 %: this \
             key is a fraction",
        ),
        (
            "data.to=2026-01-02",
            "--set: data.to: the range is empty: from 2026-01-05T00:00:00Z, to 2026-01-02T00:00:00Z\n  accepted: a time after \
             data.from; `to` itself is not included\n  to do: write a later `to`",
        ),
        (
            "thresholds.trend_strength.ema_fast=89",
            "--set: thresholds.trend_strength.ema_fast: the fast average is not faster: thresholds.trend_strength.ema_fast 89, \
             thresholds.trend_strength.ema_slow 55\n  accepted: thresholds.trend_strength.ema_fast below \
             thresholds.trend_strength.ema_slow\n  to do: make ema_fast the smaller of the two; in a grid, add to [where] skip: \
             \"thresholds.trend_strength.ema_fast >= thresholds.trend_strength.ema_slow\"",
        ),
    ] {
        let no_skip = GRID.replacen("skip = [", "skip = [] #", 1);
        let error = parse(&no_skip, &[set]).and_then(|grid| grid.validate()).expect_err(set);
        assert_eq!(error.to_string(), message, "{set}");
    }
}
