//! The page's own grid, enumeration, validation, feeds.

use super::*;
use perpx_core::config::{ConfigError, ConfigFile, Value};
use perpx_core::units::{MS, Time};
use std::path::Path;

pub(super) const METRICS: &[&str] = &["sharpe", "sortino", "net_pnl", "trades", "max_drawdown_pct", "win_rate"];

/// The grid of sweep.md.
pub(super) const GRID: &str = r#"name   = "btc-thresholds"
base   = "../configs/example.yml"
seed   = 7

[data]
store  = "../data/sample"
symbol = "BTC"
from   = 2026-01-05
to     = 2026-01-12

[axes]
"thresholds.trend_strength.min_diff" = [0.0004, 0.0008, 0.0016]
"locking.g_pct"                      = { from = 0.002, to = 0.010, step = 0.001 }
"locking.band_sigma"                 = { from = 0.4, to = 2.0, count = 9 }
"locking.t_max_sec"                  = { from = 600, to = 14400, count = 5, scale = "log" }
"thresholds.funding_basis"           = ["long_minus_short", "short_minus_long"]
"fills.latency.order.median_ms"      = [20, 100, 300]

[where]
skip = ["thresholds.trend_strength.ema_fast >= thresholds.trend_strength.ema_slow"]

[search]
method  = "grid"
[fills]
latency.response = { constant_ms = 30 }
[objective]
metric     = "sharpe"
require    = ["trades >= 30", "max_drawdown_pct <= 10"]
over_world = "worst"
[validate]
holdout = 0.3
[report]
dir     = "../reports"
top     = 20
"#;

pub(super) fn open(path: &Path) -> Result<ConfigFile, ConfigError> {
    let name = path.file_name().map_or(String::new(), |name| name.to_string_lossy().to_string());
    ConfigFile::parse(&name, crate::EXAMPLE)
}

pub(super) fn parse(text: &str, sets: &[&str]) -> Result<Grid, ConfigError> {
    let sets: Vec<String> = sets.iter().map(ToString::to_string).collect();
    Grid::parse("sweeps/grid.toml", text, METRICS, &sets, &open)
}

fn legal(text: &str, sets: &[&str]) -> Grid {
    parse(text, sets).unwrap_or_else(|error| panic!("{error}"))
}

#[test]
fn the_pages_grid_lands() {
    let grid = legal(GRID, &[]);
    assert_eq!((grid.name.as_str(), grid.holdout, grid.report.top), ("btc-thresholds", Num::micro(300_000), 20));
    assert_eq!(grid.data.store, "sweeps/../data/sample");
    assert_eq!((grid.data.symbols.as_slice(), grid.data.warmup), (&["BTC".to_string()][..], Warmup::Refuse));
    assert_eq!((grid.data.from, grid.data.to), (Time::of_day(20_458), Time::of_day(20_465)));
    assert_eq!(
        grid.objective.require[1],
        Require { metric: "max_drawdown_pct".into(), compare: Compare::LessEqual, value: 10.0 }
    );
    assert_eq!((grid.strategy_points(), grid.world_points()), (3 * 9 * 9 * 5 * 2, 3));
    let values =
        |axis: usize| grid.strategy_axes()[axis].values.iter().map(Value::to_string).collect::<Vec<_>>().join(" ");
    assert_eq!(values(1), "0.002 0.003 0.004 0.005 0.006 0.007 0.008 0.009 0.01");
    assert_eq!(values(2), "0.4 0.6 0.8 1 1.2 1.4 1.6 1.8 2");
    assert_eq!(values(3), "600 1328 2939 6506 14400");
    let config = grid
        .resolve("BTC", &grid.strategy_point(0).expect("the first point"), &grid.world(2))
        .unwrap_or_else(|e| panic!("{e}"));
    assert_eq!(config.world.seed, 7);
    assert_eq!(config.strategy.thresholds.min_diff, 0.0004);
    let fills = &config.world.venues[0].fills;
    assert_eq!(fills.order_latency, perpx_core::config::Latency::Lognormal { median: 300 * MS, sigma: 0.5 });
    assert_eq!(fills.response_latency, perpx_core::config::Latency::Constant(30 * MS));
    grid.validate().unwrap_or_else(|error| panic!("{error}"));
}

#[test]
fn points_are_counted_not_stored() {
    let text = GRID.replace("count = 9 }", "count = 100000 }").replace("step = 0.001", "step = 0.0000001");
    let grid = legal(&text, &[]);
    assert_eq!(grid.strategy_points(), 3 * 80_001 * 100_000 * 5 * 2);
    let i = 123_456_789_012;
    let digits = grid.digits(i);
    assert_eq!(grid.point_at(&digits), i);
    let point = grid.strategy_point(i).expect("a point");
    assert_eq!(point[4].1, grid.strategy_axes()[4].values[digits[4]]);
    assert_eq!(grid.strategy_point(grid.strategy_points()), None);
}

const EMAS: &str = r#""thresholds.trend_strength.ema_fast" = { from = 10, to = 60, step = 10 }
"thresholds.trend_strength.ema_slow" = [30, 60]
"locking.band_sigma"                 = { from = 0.4, to = 2.0, count = 9 }"#;

fn with_emas() -> String {
    GRID.replace(r#""locking.band_sigma"                 = { from = 0.4, to = 2.0, count = 9 }"#, EMAS)
}

#[test]
fn skipped_points_are_skipped_and_only_they() {
    let grid = legal(&with_emas(), &[]);
    grid.validate().unwrap_or_else(|error| panic!("{error}"));
    let kept = (0..grid.strategy_points()).filter(|i| grid.strategy_point(*i).is_some()).count() as u64;
    // slow 30 leaves 10 and 20; slow 60 leaves 10 to 50
    assert_eq!(kept, grid.strategy_points() / 12 * 7);
    for i in (0..grid.strategy_points()).step_by(17) {
        let legal = grid.strategy_point(i).is_none_or(|point| grid.resolve("BTC", &point, &[]).is_ok());
        assert!(legal, "strategy point {i}");
    }
}

#[test]
fn an_illegal_combination_is_found_without_running_through_the_grid() {
    let text = with_emas().replace("skip = [", "skip = [] #").replace("step = 0.001", "step = 0.0000001");
    let error = legal(&text, &[]).validate().expect_err("30 >= 30");
    assert_eq!(
        (&*error.file, error.line, &*error.key),
        ("sweeps/grid.toml", 14, "thresholds.trend_strength.ema_fast"),
        "{error}"
    );
    assert!(error.found.contains("ema_fast 30, thresholds.trend_strength.ema_slow 30"), "{error}");
}

#[test]
fn the_share_of_points_that_are_left_is_judged_by_some() {
    let skip = |condition: &str| legal(&GRID.replace("skip = [", &format!("skip = [\"{condition}\", ")), &[]);
    // exactly, of a small grid: 1,620 of 2,430
    assert_eq!(skip("thresholds.trend_strength.min_diff == 0.0008").kept_share(), 2.0 / 3.0);
    let vast = GRID.replace("step = 0.001", "step = 0.000001").replace("count = 9", "count = 900");
    let vast =
        legal(&vast.replace("skip = [", "skip = [\"locking.g_pct < 0.008 and locking.band_sigma < 1.2\", "), &[]);
    // three quarters of one axis and half of the other are skipped together
    assert!(vast.strategy_points() > 100_000_000);
    assert!((vast.kept_share() - 0.625).abs() < 0.03, "{}", vast.kept_share());
    let digits: Vec<Vec<usize>> = vast.spread(64).map(|at| vast.digits(at)).collect();
    for axis in 0..vast.strategy_axes().len() {
        assert!(digits.iter().any(|at| at[axis] != digits[0][axis]), "axis {axis} stands still");
    }
}

#[test]
fn a_skip_condition_that_spares_the_illegal_part_is_enough() {
    // quantile bands cross only where the other axis says so
    let axes = "\"locking.band\" = [\"sigma\", \"quantile\"]\n\"locking.quantile_band.lb\" = [0.2, 0.9]\n\"locking.batches\" = [1, 2]";
    let text = GRID.replace(r#""locking.band_sigma"                 = { from = 0.4, to = 2.0, count = 9 }"#, axes);
    assert!(legal(&text, &[]).validate().is_err());
    let skip = |condition: &str| text.replace("skip = [", &format!("skip = [\"{condition}\", "));
    assert!(
        legal(&skip("locking.band == 'quantile' and locking.quantile_band.lb >= locking.quantile_band.ub"), &[])
            .validate()
            .is_ok()
    );
    assert!(legal(&skip("locking.quantile_band.lb > 0.5 and locking.batches == 2"), &[]).validate().is_err());
    let every = legal(&skip("locking.batches >= 1"), &[]).validate().expect_err("nothing is left");
    assert!(every.to_string().contains("every combination is skipped"), "{every}");
}

#[test]
fn set_goes_over_the_file_and_narrows_an_axis() {
    let grid = legal(
        GRID,
        &[
            "data.from=2026-01-06",
            "report.dir=/elsewhere",
            "seed=9",
            "locking.g_pct=0.0055",
            "locking.epsilon_bp=3",
            "objective.metric=net_pnl",
        ],
    );
    assert_eq!((grid.data.from, grid.report.dir.as_path()), (Time::of_day(20_459), Path::new("/elsewhere")));
    assert_eq!((grid.objective.metric.as_str(), grid.strategy_points()), ("net_pnl", 3 * 9 * 5 * 2));
    let config = grid
        .resolve("BTC", &grid.strategy_point(0).expect("a point"), &grid.world(0))
        .unwrap_or_else(|e| panic!("{e}"));
    assert_eq!((config.world.seed, config.strategy.locking.g.to_string()), (9, "0.0055".to_string()));
    assert_eq!(config.strategy.locking.epsilon.to_string(), "0.0003");
}

#[test]
fn feeds_are_what_is_received_differently() {
    let grid = legal(GRID, &[]);
    assert_eq!(grid.feeds("BTC").map(|feeds| feeds.feeds.len()).unwrap_or(0), 1);
    let axes = "\"fills.latency.feed.constant_ms\" = [0, 5]\n\"fills.outages\" = [[], [{ per_day = 1, mean_sec = 60, what = \"feed\" }], \
                [{ per_day = 1, mean_sec = 60, what = \"orders\" }]]\n\"seed\" = [1, 2]\n\"fills.latency.order.median_ms\"";
    let grid = legal(&GRID.replace("\"fills.latency.order.median_ms\"     ", axes), &[]);
    let feeds = grid.feeds("BTC").unwrap_or_else(|error| panic!("{error}"));
    // two latencies x (no outage of the feed, or drawn by either seed)
    assert_eq!(feeds.feeds.len(), 2 * 3);
    assert_eq!(
        (grid.world_points(), feeds.world_axis(0), feeds.world_axis(3), feeds.strategy_axis(0)),
        (36, true, false, false)
    );
    for world in 0..grid.world_points() {
        let at = grid.feed_of(&feeds, 77, world).expect("a feed");
        let mut own = grid.world(world);
        own.retain(|(key, _)| feeds.feeds[at].1.iter().any(|(known, _)| known == key));
        let config = |world: &[perpx_core::config::Override]| {
            grid.resolve("BTC", &[], world).unwrap_or_else(|error| panic!("{error}"))
        };
        let (mine, its) = (config(&own), config(&feeds.feeds[at].1));
        assert_eq!(mine.world.venues[0].fills.feed_latency, its.world.venues[0].fills.feed_latency);
    }
}

#[test]
fn the_hash_follows_what_decides_the_results() {
    let hash = |text: &str, sets: &[&str]| legal(text, sets).hash().unwrap_or_else(|error| panic!("{error}"));
    let plain = hash(GRID, &[]);
    assert_eq!(hash(&GRID.replace("0.0016]", "0.00160]"), &["report.dir=elsewhere"]), plain);
    for (from, to) in [
        ("0.0016]", "0.0017]"),
        ("seed   = 7", "seed = 8"),
        ("holdout = 0.3", "holdout = 0.2"),
        ("constant_ms = 30", "constant_ms = 31"),
        ("2026-01-12", "2026-01-13"),
        ("top     = 20", "top = 21"),
        ("trades >= 30", "trades >= 31"),
    ] {
        assert_ne!(hash(&GRID.replace(from, to), &[]), plain, "{to}");
    }
}

#[test]
fn the_embargo_is_the_longest_life_of_the_grid() {
    let seconds =
        |text: &str| legal(text, &[]).embargo().unwrap_or_else(|error| panic!("{error}")) / perpx_core::units::SECOND;
    assert_eq!(seconds(GRID), 14_400 + 3_600);
    let exits = "\"exit.max_sec\" = [60, \"null\", 7200]\n[where]";
    assert_eq!(seconds(&GRID.replace("[where]", exits)), 14_400 + 7_200);
}

#[test]
fn two_seeds_that_differ_are_refused_and_one_is_used() {
    let with_seed = |own: &'static str, sets: &[&str]| {
        let open = move |_: &Path| {
            let text = crate::EXAMPLE.to_string() + "\nseed: " + own + "\n";
            ConfigFile::parse("example.yml", &text)
        };
        let sets: Vec<String> = sets.iter().map(ToString::to_string).collect();
        Grid::parse("sweeps/grid.toml", GRID, METRICS, &sets, &open)
    };
    let seed = |grid: Grid| grid.resolve("BTC", &[], &[]).expect("legal").world.seed;
    let error = with_seed("3", &[]).expect_err("two seeds").to_string();
    assert!(
        error.contains("seed: found 7 beside 3 in the strategy file") && error.contains("accepted: one seed"),
        "{error}"
    );
    assert_eq!(with_seed("7", &[]).map(seed), Ok(7));
    assert_eq!(with_seed("3", &["seed=9"]).map(seed), Ok(9));
}

#[test]
fn a_base_file_that_is_not_there_is_shown_in_the_grid() {
    let error = Grid::parse("nowhere/grid.toml", GRID, METRICS, &[], &perpx_data::read_config);
    let text = error.map(|_| ()).expect_err("there is no such folder").to_string();
    assert!(text.starts_with("nowhere/grid.toml:2:10: base: this file cannot be read"), "{text}");
    assert!(text.contains("relative to that grid file"), "{text}");
}

#[test]
fn a_name_longer_than_a_folders_is_refused_before_anything_is_made() {
    let named = |count: usize| GRID.replace("btc-thresholds", &"n".repeat(count));
    assert_eq!(legal(&named(100), &[]).name.len(), 100);
    let error = parse(&named(101), &[]).expect_err("too long").to_string();
    assert!(error.contains("grid.toml:1:10: name: found nnn") && error.contains("at most 100 of them"), "{error}");
}

/// The page's grid with a search: an axis without a step, and one that counts under a condition.
fn searched(section: &str, axes: &str) -> String {
    GRID.replace("method  = \"grid\"", &format!("{section}\n[search.axes]\n{axes}"))
}

#[test]
fn a_search_needs_no_step_and_knows_which_axes_count() {
    let axes = "\"locking.epsilon_bp\" = { from = 1, to = 5 }\n\
                \"exit.max_sec\" = { values = [300, 600], when = \"locking.g_pct >= 0.005\" }\n";
    let grid = legal(&searched("method = \"sobol\"\npoints = 64\nseed = 9", axes), &[]);
    assert_eq!(grid.search, Search { method: Method::Sobol, points: 64, seed: 9, prune: false });
    let free = &grid.strategy_axes()[5];
    assert_eq!((free.values.len(), free.is_continuous, grid.step(5), grid.step(1)), (257, true, 12, 1));
    assert_eq!((free.values[0].to_string(), free.values[256].to_string()), ("1".to_string(), "5".to_string()));
    // g_pct 0.002: what exit.max_sec says there does not count
    let mut digits = vec![0, 0, 0, 0, 0, 7, 1];
    let at = grid.point_at(&digits);
    assert!(grid.is_skipped(at) && grid.values(at)[6].is_none());
    digits[6] = 0;
    assert_eq!(grid.effective(at), grid.point_at(&digits));
    assert_eq!(grid.strategy_point(grid.effective(at)).map(|point| point.len()), Some(6));
    (digits[1], digits[6]) = (3, 1);
    assert_eq!(grid.strategy_point(grid.point_at(&digits)).map(|point| point.len()), Some(7));
    // the hash knows of the search, and a plain grid's is what it was
    let other = legal(&searched("method = \"sobol\"\npoints = 64\nseed = 8", axes), &[]);
    assert_ne!(grid.hash().expect("a hash"), other.hash().expect("a hash"));
    assert!(legal(GRID, &[]).parts().expect("parts").iter().all(|(name, _)| *name != "search"));
    assert_eq!(legal(&searched("method = \"random\"", axes), &[]).search.seed, 7, "the grid's own");
}

#[test]
fn a_search_that_cannot_be_is_refused() {
    let free = "\"locking.epsilon_bp\" = { from = 1, to = 5 }\n";
    for (section, axes, words) in [
        ("method = \"grid\"", free, "write either step or count"),
        ("method = \"grid\"\npoints = 9", "", "found beside method = \"grid\""),
        ("prune = 1", "", "accepted: true or false"),
        ("method = \"tpe\"", free, "accepted: grid, sobol, random, probe, external"),
        ("method = \"sobol\"\npoints = 0", free, "a whole number from 1 to 10000000"),
        ("method = \"sobol\"", "\"fills.reject_rate\" = { from = 0, to = 1 }\n", "write either step or count"),
        ("method = \"sobol\"", "\"exit.max_sec\" = { values = [1, 2], when = \"exit.max_sec > 1\" }\n", "no cycle"),
        ("method = \"sobol\"", "\"exit.max_sec\" = { values = [1, 2], when = 3 }\n", "over other axes in quotes"),
    ] {
        let error = parse(&searched(section, axes), &[]).expect_err(words).to_string();
        assert!(error.contains(words), "{words} in {error}");
    }
}

#[test]
fn pruning_is_exact_for_the_worst_world_alone() {
    let pruned = GRID.replace("method  = \"grid\"", "prune = true");
    assert!(legal(&pruned, &[]).search.prune && !legal(GRID, &[]).search.prune);
    let error = parse(&pruned.replace("over_world = \"worst\"", "over_world = \"mean\""), &[]).expect_err("refused");
    assert!(error.to_string().contains("over_world = \"worst\""), "{error}");
}

#[test]
fn several_objectives_are_two_or_three_of_the_metrics() {
    let with = |metrics: &str| parse(&GRID.replace("metric     = \"sharpe\"", metrics), &[]);
    let grid = with("metrics = [\"sharpe\", \"-max_drawdown_pct\"]").unwrap_or_else(|error| panic!("{error}"));
    assert_eq!(grid.objective.metrics().collect::<Vec<_>>(), ["sharpe", "max_drawdown_pct"]);
    let plain = legal(GRID, &[]);
    assert_ne!(grid.hash().expect("a hash"), plain.hash().expect("a hash"));
    assert!(plain.parts().expect("parts").iter().all(|(name, _)| !["metrics", "evidence"].contains(name)));
    for (metrics, words) in [
        ("metrics = [\"sharpe\"]", "two or three different metrics"),
        ("metrics = [\"sharpe\", \"-sharpe\"]", "two or three different metrics"),
        ("metrics = \"sharpe\"", "two or three different metrics"),
        ("metrics = [\"sharpe\", \"shape\"]", "did you mean sharpe?"),
        ("metrics = [\"sharpe\", \"oos_net_pnl\"]", "held-out metrics may not rank"),
        ("metric = \"sharpe\"\nmetrics = [\"sharpe\", \"trades\"]", "found beside objective.metric"),
    ] {
        let error = with(metrics).expect_err(words).to_string();
        assert!(error.contains(words), "{words} in {error}");
    }
    let pruned = GRID.replace("method  = \"grid\"", "prune = true");
    let several = pruned.replace("metric     = \"sharpe\"", "metrics = [\"sharpe\", \"trades\"]");
    let error = parse(&several, &[]).expect_err("refused").to_string();
    assert!(error.contains("found true beside objective.metrics"), "{error}");
}

#[test]
fn plateaus_rank_where_there_are_neighbours() {
    let metric = "metric     = \"sharpe\"\n";
    let plateaus = GRID.replace(metric, &format!("{metric}rank = \"plateau\"\n"));
    let (grid, plain) = (legal(&plateaus, &[]), legal(GRID, &[]));
    assert_eq!((grid.objective.rank, plain.objective.rank), (RankBy::Plateau, RankBy::Objective));
    assert_ne!(grid.hash().expect("a hash"), plain.hash().expect("a hash"));
    let unsaid = legal(&plateaus.replace("\"plateau\"", "\"objective\""), &[]);
    assert_eq!(unsaid.hash().expect("a hash"), plain.hash().expect("a hash"));
    let words = "[axes]\n\"locking.on_lb\" = [\"close_long\", \"hold\"]\n\"locking.g_pct\" = [0.002]\n";
    let (head, tail) = (plateaus.split("[axes]").next().expect("a head"), plateaus.split("[objective]").nth(1));
    let without = format!("{head}{words}[objective]{}", tail.expect("a tail"));
    for (text, words) in [
        (plateaus.replace("method  = \"grid\"", "method = \"sobol\""), "found plateau with the search sobol"),
        (plateaus.replace("method  = \"grid\"", "prune = true"), "found plateau beside search.prune"),
        (plateaus.replace(metric, "metrics = [\"sharpe\", \"trades\"]\n"), "found plateau beside objective.metrics"),
        (plateaus.replace("\"plateau\"", "\"hill\""), "accepted: objective, plateau"),
        (without, "no axis of the strategy has two numbers"),
    ] {
        let error = parse(&text, &[]).expect_err(words).to_string();
        assert!(error.contains(words), "{words} in {error}");
    }
}

#[test]
fn how_the_winner_is_judged_can_be_said() {
    let with = |section: &str| parse(&format!("{GRID}[evidence]\n{section}"), &[]);
    let said = |section: &str| with(section).unwrap_or_else(|error| panic!("{error}"));
    let own = EvidencePlan::default();
    let walk = "walk_forward = { folds = 5, kind = \"rolling\" }\ntarget_sharpe = 1.0\n";
    let written = said(&format!("atoms = \"auto\"\ndraws = 2000\nblocks = 8\n{walk}"));
    assert_eq!((written.evidence, written.hash()), (own, legal(GRID, &[]).hash()), "what holds unsaid");
    let other =
        said("atoms = 48\ndraws = 500\nblocks = 12\nwalk_forward = { kind = \"anchored\" }\ntarget_sharpe = 3\n");
    let wanted =
        EvidencePlan { atoms: Some(48), draws: 500, blocks: 12, folds: 5, is_anchored: true, target_sharpe: 3.0 };
    assert_eq!(other.evidence, wanted);
    assert_ne!(other.hash(), written.hash());
    assert_eq!(parse(GRID, &["evidence.draws=777"]).map(|grid| grid.evidence.draws), Ok(777));
    for (section, words) in [
        ("atoms = 25", "or a multiple of 24 from 24 to 168"),
        ("atoms = \"all\"", "or a multiple of 24 from 24 to 168"),
        ("draws = 99", "a whole number from 100 to 100000"),
        ("blocks = 10", "accepted: 8, 12, 16"),
        ("walk_forward = 5", "a table with folds and kind"),
        ("walk_forward = { folds = 1 }", "a whole number from 2 to 20"),
        ("walk_forward = { kind = \"nested\" }", "accepted: rolling, anchored"),
        ("walk_forward = { fold = 3 }", "accepted: folds, kind"),
        ("target_sharpe = 0", "a number from 0.1 to 100"),
        ("seed = 3", "this key is unknown"),
    ] {
        let error = with(section).expect_err(words).to_string();
        assert!(error.contains(words), "{words} in {error}");
    }
}
