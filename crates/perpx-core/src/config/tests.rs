//! The shipped example, best.yml there and back, and the table's own laws.

use super::keys::{K, Kind, TOP};
use super::*;
use crate::market::{FundingPrice, LiquidationRule, Role};
use crate::units::{MS, Qty, Rate, SECOND, TimeDelta};

use crate::EXAMPLE;

fn example() -> ConfigFile {
    ConfigFile::parse("example.yml", EXAMPLE).unwrap_or_else(|error| panic!("{error}"))
}

fn rate(text: &str) -> Rate {
    Rate::parse(text).expect("a decimal")
}

#[test]
fn every_value_of_the_example_lands() {
    let config = example().with(&[]).unwrap_or_else(|error| panic!("{error}"));
    let s = &config.strategy;
    assert_eq!((s.leverage, s.size), (rate("10"), Size::Base(Qty(10_000_000))));
    assert_eq!((s.thresholds.ema_fast, s.thresholds.ema_slow, s.thresholds.min_diff), (21, 55, 0.0008));
    assert_eq!((s.thresholds.min_target_return, s.thresholds.funding_spread), (rate("0.0035"), rate("0.0001")));
    assert_eq!((s.thresholds.vmin, s.thresholds.vmax), (0.25, 2.5));
    assert_eq!((s.locking.g, s.locking.band), (rate("0.005"), Band::Sigma(0.8)));
    assert_eq!((s.locking.t_max, s.locking.epsilon), (14_400 * SECOND, rate("0.0002")));
    assert_eq!((s.risk.stop_loss_first_leg, s.risk.net_delta_max_ratio), (Some(rate("0.01")), rate("0.1")));
    assert_eq!((s.risk.isolated_margin, s.risk.funding_guard_apr), (true, Some(rate("0.3"))));
    for venue in &config.world.venues {
        let fees = venue.fees;
        assert_eq!((fees.taker, fees.maker, fees.referral), (rate("0.0002"), rate("-0.00005"), rate("0.00002")));
    }
    let names = config.account.venues.each_ref().map(|v| (v.name.as_str(), v.symbol.as_str(), v.endpoint.as_deref()));
    assert_eq!(names[0], ("lighter", "BTC", Some("https://api.lighter.xyz")));
    assert_eq!(names[1], ("grvt", "BTC_USDT_Perp", Some("https://api.grvt.io")));
    assert_eq!(config.account.venues[0].account.as_deref(), Some("default"));
}

#[test]
fn what_the_example_does_not_say_has_the_written_default() {
    let config = example().with(&[]).unwrap_or_else(|error| panic!("{error}"));
    let s = &config.strategy;
    assert_eq!((s.direction, s.bar_length, s.sizing), (Direction::Long, 60 * SECOND, Sizing::Fixed));
    let want = Taking { style: Style::MakerThenTaker, passive_timeout: 2_000 * MS, slip: rate("0.0002") };
    assert_eq!((s.entry.taking, s.entry.retry, s.entry.first_max), (want, 5 * SECOND, None));
    assert_eq!((s.locking.taking.style, s.locking.taking.passive_timeout), (Style::MakerThenTaker, 1_000 * MS));
    assert_eq!((s.locking.max_retries, s.locking.retry, s.locking.band_window_bars), (3, 250 * MS, 240));
    assert_eq!((s.unlock.style, s.unlock.slip), (Style::Taker, rate("0.0005")));
    assert_eq!((s.exit.stop_loss, s.exit.max, s.exit.take_profit), (Some(rate("0.01")), Some(3_600 * SECOND), None));
    assert_eq!((s.execution.urgent_slip, s.execution.venue_timeout), (rate("0.005"), 5_000 * MS));
    assert_eq!((s.risk.max_quote_age, s.funding_signal), (5_000 * MS, FundingSignal::Auto));
    assert_eq!((s.locking.on_ub, s.locking.on_lb, s.locking.arm), (Unlock::CloseShort, Unlock::CloseLong, Arm::Inside));
    let [lighter, grvt] = &config.world.venues;
    assert_eq!((lighter.delays.taker, lighter.delays.cancel, grvt.delays.taker), (300 * MS, 200 * MS, 25 * MS));
    assert_eq!(
        (lighter.instrument.funding_price, grvt.instrument.funding_price),
        (FundingPrice::Index, FundingPrice::Mark)
    );
    assert_eq!(
        (lighter.instrument.liquidation, grvt.instrument.has_fok),
        (LiquidationRule::ZeroPrice { max_fee: rate("0.01") }, true)
    );
    assert_eq!((lighter.instrument.lot, grvt.instrument.lot), (Qty(10_000), Qty(1_000_000)));
    let fills = &lighter.fills;
    assert_eq!(fills.order_latency, Latency::Lognormal { median: 50 * MS, sigma: 0.5 });
    assert_eq!((fills.queue, fills.queue_ahead, fills.impact), (Queue::RiskAverse, rate("1"), rate("0.0001")));
    assert_eq!((fills.max_book_age, fills.feed_latency, config.world.seed), (10_000 * MS, TimeDelta::ZERO, 0));
}

/// The example with some lines changed: `("locking.g_pct", "0.004")`.
fn with(sets: &[&str]) -> Config {
    let file = example();
    let over: Vec<Override> = sets.iter().map(|set| file.set(set).unwrap_or_else(|error| panic!("{error}"))).collect();
    file.with(&over).unwrap_or_else(|error| panic!("{error}"))
}

#[test]
fn defaults_follow_the_keys_they_lean_on() {
    assert_eq!(with(&["locking.epsilon_bp=3"]).strategy.entry.taking.slip, rate("0.0003"));
    assert_eq!(with(&["locking.epsilon_bp=3", "entry.slip_bp=1"]).strategy.entry.taking.slip, rate("0.0001"));
    assert_eq!(with(&["risk.stop_loss_first_leg=null"]).strategy.exit.stop_loss, None);
    assert_eq!(with(&["exit.stop_loss_pct=null"]).strategy.exit.stop_loss, None);
    assert_eq!(with(&["exit.max_sec=null"]).strategy.exit.max, None);
    let quantile = Band::Quantile { lb: rate("0.2"), ub: rate("0.8") };
    assert_eq!(with(&["locking.band_sigma=null"]).strategy.locking.band, quantile);
    assert_eq!(with(&["locking.band=quantile"]).strategy.locking.band, quantile);
}

#[test]
fn a_venues_own_words_go_before_the_common_ones() {
    let config =
        with(&["exchanges.grvt.tier=1", "fills.latency.order.median_ms=20", "fills.grvt.latency.order.constant_ms=7"]);
    let [lighter, grvt] = &config.world.venues;
    assert_eq!((grvt.fees.taker, lighter.fees.taker), (rate("0.00045"), rate("0.0002")));
    assert_eq!(lighter.fills.order_latency, Latency::Lognormal { median: 20 * MS, sigma: 0.5 });
    assert_eq!(grvt.fills.order_latency, Latency::Constant(7 * MS));
    let measured = with(&["fills.latency.order.median_ms=20", "fills.lighter.latency.order.quantiles_ms=[1, 2.5, 40]"]);
    let quantiles = Latency::Quantiles(vec![MS, 5 * MS / 2, 40 * MS]);
    assert_eq!(measured.world.venues[0].fills.order_latency, quantiles);
    let quota = |sets: &[&str]| with(sets).world.venues[0].quota;
    let plus = "exchanges.lighter.tier=plus";
    assert_eq!(quota(&[plus]).map(|quota| (quota.start, quota.cap)), Some((1_000, 5_000_000)));
    assert_eq!(quota(&[plus, "exchanges.lighter.volume_quota.start=null"]), None);
    assert_eq!(quota(&["exchanges.lighter.volume_quota.start=3"]).map(|quota| quota.start), Some(3));
    let premium = with(&["exchanges.lighter.tier=premium"]);
    assert_eq!(premium.world.venues[0].delays.cancel, TimeDelta::ZERO);
    assert_eq!(premium.world.venues[0].fees.taker, rate("0.00028"));
    let power = with(&["fills.queue=power", "fills.queue.n=2.5"]);
    assert_eq!(power.world.venues[Role::Short.ix()].fills.queue, Queue::Power { n: 2.5 });
    let swapped = with(&["long_venue=grvt", "short_venue=lighter"]);
    assert_eq!(swapped.account.venues[0].name, "grvt");
}

#[test]
fn any_venue_can_be_described() {
    let text = EXAMPLE.split("fees:").next().expect("a head").to_string()
        + r#"
long_venue: here
short_venue: there
exchanges:
  here:
    name: venue-a
    instrument: {tick: 0.5, lot: 0.1, min_qty: 0.2, min_notional: 5, has_fok: false, funding_price: index}
    fees: {taker_bps: 5, maker_rebate_bps: 2}
    margin: {brackets: [{floor: 0, maintenance: 0.01}, {floor: 50000, maintenance: 0.025}]}
    delays: {taker_ms: 3}
    rate_limit: {requests: 10, window_sec: 2}
  there:
    profile: lighter
    instrument: {symbol: XAU}
fills:
  there:
    outages: [{from: 2026-01-05T10:00:00Z, to: 2026-01-05T10:05:00Z, what: feed}, {per_day: 0.5, mean_sec: 60}]
"#;
    let file = ConfigFile::parse("own.yml", &text).unwrap_or_else(|error| panic!("{error}"));
    let config = file.with(&[]).unwrap_or_else(|error| panic!("{error}"));
    let [here, there] = &config.world.venues;
    assert_eq!((here.instrument.venue.as_str(), here.instrument.min_qty), ("venue-a", Qty(200_000_000)));
    assert_eq!((here.instrument.margin.brackets.len(), here.instrument.liquidation), (2, LiquidationRule::TakeOver));
    assert_eq!((here.delays.taker, here.rate_limit.map(|r| r.requests)), (3 * MS, Some(10)));
    assert_eq!((config.account.venues[1].symbol.as_str(), there.instrument.lot), ("XAU", Qty(10_000)));
    assert_eq!((there.fills.outages.len(), there.fills.outages[0].what), (2, OutageWhat::Feed));
    assert_eq!(there.fills.outages[1].when, OutageWhen::Drawn { per_day: 0.5, mean: 60 * SECOND });
}

#[test]
fn best_yml_resolves_to_the_same_configuration() {
    let sets: [&[&str]; 6] = [
        &[],
        &["locking.g_pct=0.0045", "locking.band_sigma=1.25", "thresholds.funding_basis=short_minus_long", "seed=7"],
        &["exit.max_sec=null", "risk.stop_loss_first_leg=null", "exchanges.grvt.tier=1", "capital.lighter=1000.5"],
        &["long_venue=grvt", "short_venue=lighter", "fills.grvt.latency.order.constant_ms=3", "locking.band=quantile"],
        &[
            "base_qty=null",
            "base_notional=500",
            "transfer.below_pct=0.2",
            "exchanges.lighter.account=yes",
            "symbol=ETHUSDT",
            "exchanges.grvt.instrument.tick=0.01",
            "exchanges.grvt.instrument.lot=0.01",
            "exchanges.grvt.margin.maintenance=0.02",
        ],
        &[
            "fills.queue=power",
            "fills.queue.n=0.3",
            "fills.reject_rate=0.01",
            "exchanges.lighter.endpoint=https://x: #y",
        ],
    ];
    let file = example();
    for set in sets {
        let over: Vec<Override> =
            set.iter().map(|set| file.set(set).unwrap_or_else(|error| panic!("{error}"))).collect();
        let want = file.with(&over).unwrap_or_else(|error| panic!("{error}"));
        let provenance = serde_json::json!({"strategy_version": 1, "worlds": [{"seed": 1}], "metrics": {"sharpe": 1.5, "return_pct": 0.0019449055326570574, "note": "a: b"}, "none": {}});
        let text = write_best(&file, &over, &provenance);
        let best = ConfigFile::parse("best.yml", &text).unwrap_or_else(|error| panic!("{error}\n{text}"));
        assert_eq!(best.with(&[]).unwrap_or_else(|error| panic!("{error}\n{text}")), want, "{text}");
        assert_eq!(best.id(&[]), file.id(&over), "{text}");
        assert_eq!(best.world_id(&[]), file.world_id(&over), "{text}");
        let said = best.provenance().map(Value::to_string).unwrap_or_default();
        // a metric may be finer or larger than any key
        assert!(said.contains("return_pct: 0.0019449055326570574"), "{said}");
        assert!(said.contains("sharpe: 1.5") && said.contains("note: a: b"), "{said}");
    }
}

#[test]
fn the_id_follows_the_strategy_and_nothing_else() {
    let file = example();
    let id = |sets: &[&str]| {
        let over: Vec<Override> =
            sets.iter().map(|set| file.set(set).unwrap_or_else(|error| panic!("{error}"))).collect();
        file.id(&over).unwrap_or_else(|error| panic!("{error}"))
    };
    let plain = id(&[]);
    assert_eq!(plain.len(), 16);
    for same in [
        "locking.g_pct=0.0050",
        "bar_sec=60",
        "entry.slip_bp=2",
        "seed=3",
        "fees.taker_bps=9",
        "locking.band=sigma",
        "entry.first_max_sec=null",
        "long_venue=lighter",
    ] {
        assert_eq!(id(&[same]), plain, "{same}");
    }
    for other in ["locking.g_pct=0.0051", "exit.max_sec=null", "long_venue=grvt", "bar_sec=61"] {
        let sets: &[&str] = if other == "long_venue=grvt" { &[other, "short_venue=lighter"] } else { &[other] };
        assert_ne!(id(sets), plain, "{other}");
    }
}

#[test]
fn every_default_of_the_table_fits_its_key() {
    let file = example();
    for ix in file.schema().all() {
        if let Some(value) = file.schema().default(ix) {
            assert!(file.check(ix, value).is_ok(), "{}", file.schema().path(ix));
        }
    }
    assert_eq!(TOP[K::StatsInterval as usize].path, "stats.interval_sec");
    assert!(matches!(TOP[K::EpsilonBp as usize].kind, Kind::Number { .. }));
    let reference = keys::reference::markdown(&keys::reference::rows());
    assert!(
        reference.contains("| `locking.g_pct` | a fraction above 0 and at most 1 | required | strategy |"),
        "{reference}"
    );
    assert!(reference.contains("| `fills[.<venue>].latency.order.median_ms` |"), "{reference}");
}

#[test]
fn warnings_name_fees_that_are_not_the_venues() {
    let list = example().warnings(&[]).unwrap_or_else(|error| panic!("{error}"));
    assert_eq!(list.len(), 2, "{list:?}");
    assert!(list[1].starts_with("grvt: fees of the config (taker 2 bp, maker -0.5 bp) differ"), "{list:?}");
}

/// Posts of an exit by makers alone, 500 + 500 ms each, with their cancels: 2 * 61 in a minute; two entries and, beside
/// them, nothing. Lighter's standard tier takes 60, of which 18 are kept for closes.
#[test]
fn styles_that_a_tier_cannot_carry_are_named() {
    let file = example();
    let worst = |texts: &[&str]| {
        let set: Vec<Override> = texts.iter().map(|text| file.set(text).unwrap_or_else(|e| panic!("{e}"))).collect();
        let [lighter, grvt] = worst_window(&file.with(&set).unwrap_or_else(|e| panic!("{e}")));
        let warnings = file.warnings(&set).unwrap_or_else(|e| panic!("{e}"));
        let warned = warnings.iter().filter(|text| text.contains("request_reserve")).count();
        ([lighter, grvt].map(|worst| worst.map(|worst| worst.requests)), warned)
    };
    // 2 trades a minute: post, cancel, taker each, and a taker to close; GRVT's window is a second: a lock and its close
    assert_eq!(worst(&[]), ([Some(8), Some(4)], 0));
    let makers = ["exit.style=maker", "exit.passive_timeout_ms=500"];
    assert_eq!(worst(&makers), ([Some(6 + 2 * 61), Some(3 + 2 * 2)], 1));
    assert_eq!(worst(&[makers[0], makers[1], "exchanges.lighter.tier=premium"]), ([Some(128), Some(7)], 0));
    assert_eq!(worst(&["bar_sec=5", "exchanges.lighter.rate_limit.requests=null"]), ([None, Some(4)], 0));
    // 13 trades of 4: beyond the 42 that may open
    assert_eq!(worst(&["bar_sec=5"]), ([Some(52), Some(4)], 1));
}

#[test]
fn best_yml_has_each_section_once() {
    let file = example();
    let set = |text: &str| file.set(text).unwrap_or_else(|error| panic!("{error}"));
    // of a venue's latencies those of its feed come after its clock in the table
    let over = ["order.constant_ms=20", "feed.constant_ms=5"].map(|key| set(&format!("fills.grvt.latency.{key}")));
    let over = [over.to_vec(), vec![set("fills.grvt.clock_ahead_ms=7")]].concat();
    let text = write_best(&file, &over, &serde_json::json!({}));
    let best = ConfigFile::parse("best.yml", &text).unwrap_or_else(|error| panic!("{error}\n{text}"));
    assert_eq!(best.world_id(&[]), file.world_id(&over));
}

proptest::proptest! {
    #![proptest_config(proptest::test_runner::Config { cases: 48, failure_persistence: None, ..Default::default() })]
    /// Any legal configuration, written as best.yml and read again, is itself.
    #[test]
    fn best_yml_there_and_back(picks in proptest::collection::vec((0usize..10_000, 0u8..5), 0..12)) {
        let file = example();
        let count = file.schema().len();
        let mut over: Vec<Override> = Vec::new();
        for (pick, way) in picks {
            let ix = KeyIx((pick % count) as u16);
            let value = sample(file.schema().key(ix).kind, way);
            if file.check(ix, &value).is_ok() {
                over.push((ix, value));
            }
            // keep what contradicts nothing
            if file.with(&over).is_err() {
                over.pop();
            }
        }
        let want = file.with(&over).unwrap_or_else(|error| panic!("{error}"));
        let text = write_best(&file, &over, &serde_json::json!({"n": 1}));
        let best = ConfigFile::parse("best.yml", &text).unwrap_or_else(|error| panic!("{error}\n{text}"));
        proptest::prop_assert_eq!(best.with(&[]).unwrap_or_else(|error| panic!("{error}\n{text}")), want);
        proptest::prop_assert_eq!(best.id(&[]), file.id(&over));
        proptest::prop_assert_eq!(best.world_id(&[]), file.world_id(&over));
    }
}

/// One of five legal values of a kind.
fn sample(kind: Kind, way: u8) -> Value {
    let outage = |fields: &[(&str, &str)]| {
        Value::Map(fields.iter().map(|(key, word)| (key.to_string(), Value::from_word(word))).collect())
    };
    match kind {
        _ if way == 4 => Value::Null,
        Kind::Number { min, max, unit, .. } => {
            let step = max.0 - min.0;
            let num = [min.0, max.0, min.0 + step / 7, min.0 + step / 3_000_000][usize::from(way)];
            Value::Num(Num(num / unit.grain() * unit.grain()))
        }
        Kind::Bool => Value::Bool(way < 2),
        Kind::Choice(words) => Value::Text(words[usize::from(way) % words.len()].word.to_string()),
        Kind::Text => Value::Text(["grvt", "a: #b", "1", "null", ""][usize::from(way)].to_string()),
        Kind::Outages => Value::List(vec![
            outage(&[("from", "2026-01-05"), ("to", "2026-01-06"), ("what", "feed")]),
            outage(&[("per_day", "0.25"), ("mean_sec", "30")]),
        ]),
        Kind::Brackets => Value::List(vec![outage(&[("floor", "0"), ("maintenance", "0.015")])]),
        Kind::Quantiles => Value::List([1, 20, 20, 35].map(|ms| Value::Num(Num::whole(ms))).to_vec()),
    }
}

const TWO_SYMBOLS: &str = "
symbol: BTC
leverage: 10
base_qty: 0.01
thresholds:
  trend_strength: {ema_fast: 5, ema_slow: 15, min_diff: 0.0002}
  min_target_return: 0
  funding_spread_bps: 1.0
  vol_band: {vmin: 0.0, vmax: 50}
locking: {g_pct: 0.001, band_sigma: 0.8, t_max_sec: 600, epsilon_bp: 2.0}
risk: {stop_loss_first_leg: 0.002, net_delta_max_ratio: 0.1, funding_guard_apr: null}
fees: {taker_bps: 1.0, maker_rebate_bps: -0.2}
long_venue: va
short_venue: lighter
exchanges:
  va:
    profile: generic
    margin: {maintenance: 0.02}
    instruments:
      BTC: {symbol: BTC-P, tick: 0.1, lot: 0.001, min_notional: 5}
      SILVER: {symbol: XAG, tick: 0.005, lot: 1, margin: {brackets: [{floor: 0, maintenance: 0.05}]}}
  lighter:
    name: lighter
    instruments:
      SILVER: {tick: 0.001, lot: 0.1, margin: {maintenance: 0.04}}
";

#[test]
fn each_symbol_has_its_own_instrument() {
    let file = ConfigFile::parse("two.yml", TWO_SYMBOLS).unwrap_or_else(|error| panic!("{error}"));
    let of = |symbol: &str| file.with(&[file.symbol(symbol)]).unwrap_or_else(|error| panic!("{error}"));
    let rules = |config: &Config| {
        config.world.venues.each_ref().map(|v| {
            let i = &v.instrument;
            (i.tick.to_string(), i.lot.to_string(), i.margin.brackets[0].maintenance.to_string())
        })
    };
    let row = |tick: &str, lot: &str, maintenance: &str| (tick.to_string(), lot.to_string(), maintenance.to_string());
    let (btc, silver) = (of("BTCUSDT"), of("SILVER"));
    // what a symbol's block leaves open is the venue's (margin), the profile's (Lighter's BTC), or the default
    assert_eq!(rules(&btc), [row("0.1", "0.001", "0.02"), row("0.1", "0.00001", "0.012")]);
    assert_eq!(rules(&silver), [row("0.005", "1", "0.05"), row("0.001", "0.1", "0.04")]);
    assert_eq!(btc.account.venues.each_ref().map(|v| v.symbol.as_str()), ["BTC-P", "BTC"]);
    assert_eq!(silver.account.venues.each_ref().map(|v| v.symbol.as_str()), ["XAG", "SILVER"]);
    // best.yml of a symbol names its own instrument and is the same configuration
    let over = [file.symbol("SILVER")];
    let text = write_best(&file, &over, &serde_json::json!({"n": 1}));
    assert!(text.contains("SILVER:\n        symbol: XAG") && !text.contains("BTC"), "{text}");
    let best = ConfigFile::parse("best.yml", &text).unwrap_or_else(|error| panic!("{error}\n{text}"));
    assert_eq!(best.with(&[]).unwrap_or_else(|error| panic!("{error}")), silver);
    assert_eq!((best.id(&[]), best.world_id(&[])), (file.id(&over), file.world_id(&over)));
    // the coin, however it is spelt, is part of the id; another symbol's instrument is no part of a world
    assert_eq!(file.id(&[file.symbol("BTCUSDT")]), file.id(&[]));
    assert_ne!(file.id(&over), file.id(&[]));
    let set = file.set("exchanges.va.instruments.SILVER.tick=0.01").unwrap_or_else(|error| panic!("{error}"));
    assert_eq!(file.world_id(std::slice::from_ref(&set)), file.world_id(&[]));
    assert_ne!(file.world_id(&[file.symbol("SILVER"), set]), file.world_id(&over));
}

#[test]
fn an_instrument_of_no_symbol_or_of_any_is_refused() {
    let refused = |text: &str, symbol: &str| {
        let file = ConfigFile::parse("two.yml", text)?;
        file.with(&[file.symbol(symbol)])
    };
    let gold = refused(TWO_SYMBOLS, "GOLD").expect_err("no such block").to_string();
    assert!(gold.contains("instruments.GOLD: {tick: 0.1, lot: 0.001}"), "{gold}");
    let both =
        TWO_SYMBOLS.replace("    instruments:\n      BTC", "    instrument: {tick: 1}\n    instruments:\n      BTC");
    let error = refused(&both, "BTC").expect_err("which of the two").to_string();
    assert!(error.contains("found `instrument` beside `instruments`"), "{error}");
    let flat = TWO_SYMBOLS
        .replace("      BTC: {symbol: BTC-P, tick: 0.1, lot: 0.001, min_notional: 5}\n", "      tick: 0.1\n");
    let error = refused(&flat, "BTC").expect_err("no block").to_string();
    assert!(
        error.contains("exchanges.va.instruments: found tick: 0.1") && error.contains("accepted: a block a symbol"),
        "{error}"
    );
    let typo = TWO_SYMBOLS.replace("{symbol: XAG, tick", "{symbol: XAG, tikc");
    assert!(
        refused(&typo, "BTC")
            .expect_err("a typo")
            .to_string()
            .contains("did you mean exchanges.va.instruments.SILVER.tick?")
    );
}

#[test]
fn a_percentage_for_a_fraction_is_told_the_fraction() {
    let error = example().set("risk.max_drawdown_pct=20").expect_err("a percentage").to_string();
    assert!(error.contains("accepted: a fraction above 0 and at most 1"), "{error}");
    assert!(
        error.contains("write 0.2 for 20 %: this key is a fraction; the metric of the same name is a percentage"),
        "{error}"
    );
    let error = example().set("locking.g_pct=1.5").expect_err("a percentage").to_string();
    assert!(error.contains("write 0.015 for 1.5 %: this key is a fraction"), "{error}");
}

/// Values that nobody should write, and somebody will.
const STRANGE: &[&str] = &[
    "null",
    "~",
    "-1",
    "0",
    "1e17",
    "-1e17",
    "1e-18",
    "99999999999999999",
    "9223372036854775808",
    "1e40",
    "nan",
    ".inf",
    "true",
    "[]",
    "{}",
    "\"\"",
    "[1, 2]",
    "{a: 1}",
    "2026-01-05",
    "9999-12-31",
    "1677-01-01",
    "0000-00-00",
    "[[[[[[]]]]]]",
    "&a [*a]",
    "!!binary x",
    "\u{e9}\u{1f600}",
    "|",
    "'",
    "\u{2028}",
];

#[test]
fn no_strategy_file_panics() {
    let lines: Vec<&str> = EXAMPLE.lines().collect();
    let mut state = 7u64;
    let mut dice = |n: usize| {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        (state >> 33) as usize % n
    };
    let (mut legal, mut refused) = (0, 0);
    for _ in 0..1_500 {
        let mut text: Vec<String> = lines.iter().map(|line| line.to_string()).collect();
        for _ in 0..1 + dice(2) {
            let at = dice(text.len());
            let strange = STRANGE[dice(STRANGE.len())];
            match (dice(10), text[at].split_once(':').map(|(key, _)| key.to_string())) {
                (0, _) => drop(text.remove(at)),
                (1, _) => {
                    let place = text[at].char_indices().nth(dice(4)).map_or(0, |(i, _)| i);
                    text[at].insert_str(place, strange);
                }
                (_, Some(key)) => text[at] = format!("{key}: {strange}"),
                (_, None) => text[at] = strange.to_string(),
            }
        }
        let text = text.join("\n");
        // what is wrong is an error that names the file, and showing it is no trouble either
        match ConfigFile::parse("strange.yml", &text).and_then(|file| file.with(&[])) {
            Ok(_) => legal += 1,
            Err(error) => {
                assert!(error.to_string().starts_with("strange.yml"), "{error}\n{text}");
                refused += 1;
            }
        }
    }
    assert!(legal > 50 && refused > 500, "{legal} {refused}");
}

#[test]
fn lists_can_be_set() {
    let config = with(&["fills.grvt.outages=[{per_day = 2, mean_sec = 30, what = \"orders\"}]"]);
    assert_eq!(config.world.venues[1].fills.outages.len(), 1);
    assert_eq!(config.world.venues[0].fills.outages.len(), 0);
}
