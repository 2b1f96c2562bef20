//! The recordings of real venues, where they lie beside this folder: every shipped map imports, with every row counted.

use crate::not_tested::not_tested;
use perpx::check::{CheckReport, MissingKeys, STALE, Verdict, check};
use perpx::config::Missing;
use perpx::import::import;
use perpx::loader::{Tape, TapeSpec};
use perpx::market::Role;
use perpx::units::{SECOND, TimeDelta};
use std::path::{Path, PathBuf};

/// Rows by "venue symbol table".
type Rows<'a> = &'a [(&'a str, u64)];

/// The folder of the recordings, where there is one.
pub fn recordings() -> Option<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/data-real/normalized");
    if !folder.is_dir() {
        not_tested(&format!("no recordings at {}", folder.display()));
    }
    folder.is_dir().then_some(folder)
}

/// Imports a set by its shipped map and checks its rows.
fn imported(map: &str, set: &str, store: &Path, stale: TimeDelta, rows: Rows<'_>) -> Option<CheckReport> {
    let map = Path::new(env!("CARGO_MANIFEST_DIR")).join("data/maps").join(map).with_extension("toml");
    import(&map, &recordings()?.join(set), store).expect("an import");
    // none of them has marks, some no funding: as their configs say
    let keys = MissingKeys { funding: Missing::Zero, marks: Missing::Mid };
    let report = check(store, None, stale, keys).expect("a report");
    let found: Vec<(String, u64)> =
        report.tables.iter().map(|t| (format!("{} {} {}", t.venue, t.symbol, t.table), t.rows)).collect();
    let want: Vec<(String, u64)> = rows.iter().map(|(name, rows)| (name.to_string(), *rows)).collect();
    assert_eq!(found, want, "{map:?}");
    assert!(report.tables.iter().all(|t| t.problems.is_empty()), "{}", report.text(usize::MAX));
    Some(report)
}

pub fn tape(store: &Path, symbol: &str, venues: [&str; 2], from: &str, to: &str) -> Tape {
    let time = |text: &str| text.parse().expect("a time");
    let spec = TapeSpec {
        funding_missing: Missing::Zero,
        marks_missing: Missing::Mid,
        needs_index: [true, true],
        ..TapeSpec::new(store, symbol, venues, time(from), time(to))
    };
    Tape::open(spec).expect("a tape")
}

#[test]
fn lighter_and_hyperliquid_gold_and_oil() {
    let store = tempfile::tempdir().expect("a folder");
    let rows = [
        ("hyperliquid GOLD quotes", 2_243),
        ("hyperliquid WTI quotes", 2_239),
        ("lighter GOLD quotes", 2_171),
        ("lighter WTI quotes", 2_020),
    ];
    let set = "lighter-hyperliquid-20260429";
    let Some(report) = imported(set, set, store.path(), STALE, &rows) else { return };
    assert_eq!(report.verdict(), Verdict::Fit);
    assert_eq!(report.pairs.len(), 2);
    assert!(report.pairs.iter().all(|pair| (pair.minutes, pair.minutes_both) == (48, 38)), "{:?}", report.pairs);
    let text = report.text(usize::MAX);
    for want in [
        "nothing from 2026-04-29 00:23:41 for 1 min 10 s",
        "for 10 min 9 s",
        "every recv_ts was shifted by 1122.9 ms",
        "hyperliquid_WTI_bbo.csv.gz: 2 rows were still received before they were stamped",
    ] {
        assert!(text.contains(want), "{want} in {text}");
    }
    for symbol in ["GOLD", "WTI"] {
        let tape = tape(store.path(), symbol, ["lighter", "hyperliquid"], "2026-04-29", "2026-04-29T00:48:00Z");
        assert!(tape.ticks() > 3000);
        assert_eq!(tape.quality().venue(Role::Long).gaps, 2);
        tape.tile(0).expect("a tile");
    }
}

#[test]
fn the_binance_perpetuals_and_their_spot() {
    let store = tempfile::tempdir().expect("a folder");
    let rows = [
        ("binance_coinm BTC quotes", 19_136),
        ("binance_coinm BTC trades", 2_286),
        ("binance_spot BTC quotes", 28_040),
        ("binance_spot BTC trades", 9_757),
        ("binance_usdm BTC quotes", 66_089),
        ("binance_usdm BTC trades", 21_313),
    ];
    let report = imported("binance-20240808", "binance-20240808-btc", store.path(), STALE, &rows);
    let Some(report) = report else { return };
    assert_eq!(report.verdict(), Verdict::Fit);
    assert_eq!(report.made_by["clocks"]["recorder"]["shift_ns"], 1_272_840_362);
    let venues = ["binance_usdm", "binance_coinm"];
    let tape = tape(store.path(), "BTC", venues, "2024-08-08T23:54:00Z", "2024-08-09T00:00:10Z");
    assert_eq!(tape.quality().venue(Role::Long).rows["quotes"], 66_089);
    assert_eq!(tape.quality().venue(Role::Short).rows["trades"], 2_286);
    tape.tile(0).expect("a tile");
}

#[test]
fn binance_and_bybit_by_the_minute_with_their_funding() {
    let store = tempfile::tempdir().expect("a folder");
    let rows = [
        ("binance_coinm BTC quotes", 1_104),
        ("binance_coinm BTC funding", 12),
        ("bybit_inverse BTC quotes", 464),
        ("bybit_inverse BTC funding", 3),
        ("bybit_linear BTC quotes", 460),
        ("bybit_linear BTC funding", 3),
    ];
    let Some(report) = imported("lean-20221213", "lean-20221213", store.path(), 90 * SECOND, &rows) else { return };
    assert_eq!(report.verdict(), Verdict::Fit);
    let both: Vec<u64> = report.pairs.iter().map(|pair| pair.minutes_both).collect();
    assert_eq!(both, [398, 402, 386]);
    assert!(report.pairs.iter().all(|pair| pair.covered.iter().all(|share| *share > 0.9)), "{:?}", report.pairs);
    let tape = tape(store.path(), "BTC", ["binance_coinm", "bybit_inverse"], "2022-12-13", "2022-12-13T12:01:01Z");
    let tile = tape.tile(0).expect("a tile");
    assert_eq!(tile.venues.each_ref().map(|venue| venue.settlements.len()), [2, 2]);
}

/// Sets of one venue are sound, and there is nothing to sweep.
#[test]
fn sets_of_one_venue_import_and_are_told_to_be_alone() {
    let sets: [(&str, Rows<'_>, &str); 7] = [
        (
            "hyperliquid-20250903",
            &[
                ("hyperliquid BTC quotes", 1_793),
                ("hyperliquid BTC trades", 1_467),
                ("hyperliquid BTC funding", 23_548),
                ("hyperliquid ETH quotes", 1_795),
                ("hyperliquid ETH trades", 781),
                ("hyperliquid SOL quotes", 1_807),
                ("hyperliquid SOL trades", 1_026),
            ],
            "hyperliquid/BTC funding: 3 settlements are missing",
        ),
        (
            "aster-20250924",
            &[
                ("aster ASTER quotes", 72_840),
                ("aster ASTER trades", 68_750),
                ("aster BTC quotes", 44_050),
                ("aster BTC trades", 62_032),
            ],
            "one clock, exch_ts = recv_ts - 100 ms",
        ),
        ("standx-btc-202601", &[("standx BTC quotes", 528_904)], "% of the quotes are locked"),
        (
            "lighter-btc-20251210",
            &[("lighter BTC quotes", 2_550), ("lighter BTC trades", 673), ("lighter BTC marks", 204)],
            "lighter/BTC: missing funding is filled by zero",
        ),
        (
            "lighter-20250915",
            &[
                ("lighter BTC quotes", 17_974),
                ("lighter BTC trades", 456),
                ("lighter PAXG quotes", 1_334),
                ("lighter PAXG trades", 147),
            ],
            "lighter/BTC quotes: 7 holes above 60 s",
        ),
        (
            "mark-20260618-20260731",
            &[
                ("binance_usdm BTC marks", 63_360),
                ("binance_usdm SOL marks", 63_360),
                ("hyperliquid BTC marks", 4_217),
                ("hyperliquid BTC funding", 4_752),
                ("hyperliquid SOL marks", 4_216),
                ("hyperliquid SOL funding", 4_752),
            ],
            "no quotes: this venue cannot be replayed",
        ),
        (
            "funding",
            &[
                ("binance_usdm BTC funding", 4_377),
                ("hyperliquid BTC funding", 23_548),
                ("hyperliquid SOL funding", 4_752),
            ],
            "hyperliquid_BTC_1h_2026.csv.gz: its first month stands in",
        ),
    ];
    for (set, rows, words) in sets {
        let store = tempfile::tempdir().expect("a folder");
        let Some(report) = imported(set, set, store.path(), STALE, rows) else { return };
        assert_eq!(report.verdict(), Verdict::Alone, "{set}");
        let text = report.text(usize::MAX);
        assert!(text.contains(words) && text.contains("nothing can be swept"), "{words} in {text}");
    }
}

/// No file of a set is forgotten: each is imported by some map, or left out by one that says why.
#[test]
fn every_recorded_file_is_named_by_a_map() {
    let Some(folder) = recordings() else { return };
    let maps = std::fs::read_dir(Path::new(env!("CARGO_MANIFEST_DIR")).join("data/maps")).expect("the maps");
    let maps: String = maps.map(|e| std::fs::read_to_string(e.expect("an entry").path()).expect("text")).collect();
    for set in std::fs::read_dir(folder).expect("the sets") {
        for file in std::fs::read_dir(set.expect("an entry").path()).expect("a set") {
            let name = file.expect("an entry").file_name().to_string_lossy().into_owned();
            assert!(maps.contains(&format!("{name}\"")), "{name}");
        }
    }
}
