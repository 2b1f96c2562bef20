//! Stores with every defect, checked at once.

use super::{MissingKeys, STALE, Verdict, check};
use crate::loader::TapeSpec;
use crate::store::NumberedTrade;
use crate::tests::{rewrite, venue_rows, write_store};
use perpx_core::config::Missing;
use perpx_core::tape::rows::*;
use perpx_core::units::{HOUR, NS, Price, SECOND};

#[test]
fn a_sound_store_is_fit_and_its_venues_cover_each_other() {
    let dir = tempfile::tempdir().expect("a folder");
    let root = dir.path().join("store");
    write_store(&root, &[("lighter", &venue_rows(2, 1)), ("grvt", &venue_rows(3, 2))]);
    let report = check(&root, None, STALE, MissingKeys::default()).expect("a report");
    assert_eq!(report.verdict(), Verdict::Fit, "{}", report.text(usize::MAX));
    assert_eq!(report.tables.len(), 10);
    let pair = &report.pairs[0];
    assert_eq!((pair.minutes, pair.minutes_both), (240, 240));
    assert!(pair.covered.iter().all(|share| *share > 0.95), "{pair:?}");
    assert!(report.text(usize::MAX).contains("Verdict: fit for a replay"));
    assert!(!report.text(usize::MAX).contains("the profile"), "no date is given");
    let today = perpx_core::units::Time::from_civil(2030, 1, 1).expect("a date");
    let aged_report = report.hold_profiles_against(today);
    let aged: Vec<&String> = aged_report.warnings.iter().filter(|text| text.starts_with("the profile ")).collect();
    assert_eq!(aged.len(), 2, "{aged:?}");
    assert!(aged[0].starts_with("the profile grvt: read more than 90 days ago: orders ("), "{aged:?}");
    assert_eq!(aged_report.verdict(), Verdict::Fit, "a warning, no error");
    let text = check(&root, Some("ETH"), STALE, MissingKeys::default()).expect_err("no such symbol").to_string();
    assert!(text.ends_with("holds nothing of ETH; it has: grvt/BTC, lighter/BTC"), "{text}");
    let empty = tempfile::tempdir().expect("a folder");
    let errors = [
        check(empty.path(), None, STALE, MissingKeys::default()).expect_err("nothing there"),
        crate::info::info(empty.path()).expect_err("nothing there"),
    ];
    for error in errors {
        assert!(error.to_string().contains("no series of any venue is in this folder; give the folder"), "{error}");
        assert_eq!(error.exit_code(), 2);
    }
}

#[test]
fn defects_are_warnings_and_refusals_are_errors() {
    let dir = tempfile::tempdir().expect("a folder");
    let root = dir.path().join("store");
    let long = venue_rows(2, 1);
    let hole = |r: &perpx_core::units::Time| *r > long.quotes[1000].recv.plus(SECOND) && *r < long.quotes[1100].recv;
    let mut rows = long.clone();
    rows.quotes.retain(|q| !hole(&q.recv));
    rows.marks.clear();
    rows.funding.retain(|f| f.ts != long.funding[4].ts);
    // the venue's clock stands for 20 s while rows arrive
    let exch = rows.quotes[500].exch;
    rows.quotes[500..510].iter_mut().for_each(|q| q.exch = exch);
    rows.quotes[700].bbo.ask = rows.quotes[700].bbo.bid;
    rows.quotes[800] = rows.quotes[799];
    write_store(&root, &[("lighter", &rows)]);
    let report = check(&root, None, STALE, MissingKeys::default()).expect("a report");
    assert_eq!(report.verdict(), Verdict::Alone, "{}", report.text(usize::MAX));
    let quotes = report.tables.iter().find(|t| t.table == "quotes").expect("quotes");
    assert_eq!((quotes.gaps, quotes.stale_runs, quotes.locked, quotes.doubled), (1, 1, 1, 1));
    let text = report.text(usize::MAX);
    for want in [
        "lighter/BTC quotes: 1 holes above 60 s, 20",
        "lighter/BTC quotes: 1 stale runs (rows arrive, the venue's clock stands) of 5 s or more",
        "marks of lighter/BTC: there is none between",
        "funding of lighter/BTC: 1 settlements are missing between",
        "lighter/BTC funding: 1 settlements are missing, the first after 2026-01-05T23:00:00Z",
        "rows have an exchange time before an earlier row's",
    ] {
        assert!(text.contains(want), "{want} in {text}");
    }

    let path = root.join("quotes/venue=lighter/symbol=BTC/date=2026-01-05/part-0.parquet");
    rewrite(&path, |quotes: &mut Vec<QuoteRow>| {
        quotes[3].bbo.bid = Price(quotes[3].bbo.ask.0 + 1);
        quotes[4].bbo.bid = Price(quotes[4].bbo.ask.0 + 1);
        quotes[7].bbo.ask_qty.0 = -1;
        quotes[9].recv = quotes[9].exch.plus(-HOUR);
        quotes[20].bbo.bid = Price(0);
        quotes.swap(30, 40);
    });
    let report = check(&root, None, STALE, MissingKeys::default()).expect("a report");
    assert_eq!(report.verdict(), Verdict::Unfit);
    let text = report.text(usize::MAX);
    for want in [
        "its contents are not those that dataset.json lists",
        "lighter/BTC quotes: crossed (2 rows), the first: ",
        "part-0.parquet: row group 1, row 4: bid_px is 0.001",
        "negative size (1 rows)",
        "received before stamped (1 rows)",
        "zero price (1 rows)",
        "recv_ts goes backwards (",
        "Verdict: NOT fit for a replay.",
    ] {
        assert!(text.contains(want), "{want} in {text}");
    }
    std::fs::write(&path, b"PAR1 and no more").expect("written");
    let text = check(&root, None, STALE, MissingKeys::default()).expect("a report").text(usize::MAX);
    assert!(text.contains("not a whole parquet file"), "{text}");
}

/// The loader's own word on a store: what a sweep over all of it would say.
fn swept(root: &std::path::Path, keys: MissingKeys) -> Result<crate::loader::Tape, String> {
    let ends = venue_rows(2, 1);
    let span = (ends.quotes[0].recv, ends.quotes[ends.quotes.len() - 1].recv.plus(NS));
    let spec = TapeSpec {
        funding_missing: keys.funding,
        marks_missing: keys.marks,
        ..TapeSpec::new(root, "BTC", ["lighter", "grvt"], span.0, span.1)
    };
    crate::loader::Tape::open(spec).map_err(|error| error.to_string())
}

#[test]
fn check_and_a_sweep_refuse_the_same() {
    let sound = || [venue_rows(2, 1), venue_rows(3, 2)];
    let mid = MissingKeys { marks: Missing::Mid, ..MissingKeys::default() };
    let carry = MissingKeys { marks: Missing::CarryLast, ..MissingKeys::default() };
    let zero = MissingKeys { funding: Missing::Zero, ..MissingKeys::default() };
    type Spoil = fn(&mut VenueTables);
    let cases: [(&str, Spoil, MissingKeys, Option<&str>); 9] = [
        ("sound", |_| {}, MissingKeys::default(), None),
        ("no marks", |rows| rows.marks.clear(), MissingKeys::default(), Some("marks of lighter/BTC: there is none")),
        ("no marks, mid", |rows| rows.marks.clear(), mid, None),
        (
            "a hole in the marks",
            |rows| rows.marks.truncate(rows.marks.len() / 2),
            MissingKeys::default(),
            Some("marks of lighter/BTC: 1 holes above 5 minutes while quotes go on"),
        ),
        ("a hole in the marks, carried", |rows| rows.marks.truncate(rows.marks.len() / 2), carry, None),
        (
            "no funding",
            |rows| rows.funding.clear(),
            MissingKeys::default(),
            Some("funding of lighter/BTC: there is no"),
        ),
        (
            "a settlement too few",
            |rows| {
                rows.funding.remove(4);
            },
            MissingKeys::default(),
            Some("1 settlements are missing"),
        ),
        ("no funding, zero", |rows| rows.funding.clear(), zero, None),
        ("no trades", |rows| rows.trades.clear(), MissingKeys::default(), None),
    ];
    for (name, spoil, keys, wanted) in cases {
        let dir = tempfile::tempdir().expect("a folder");
        let root = dir.path().join("store");
        let [mut lighter, grvt] = sound();
        spoil(&mut lighter);
        write_store(&root, &[("lighter", &lighter), ("grvt", &grvt)]);
        let report = check(&root, None, STALE, keys).expect("a report");
        let said = report.text(usize::MAX);
        match (swept(&root, keys), wanted) {
            (Ok(_), None) => assert_eq!(report.verdict(), Verdict::Fit, "{name}: {said}"),
            (Err(error), Some(wanted)) => {
                assert!(error.contains(wanted) && said.contains(wanted), "{name}: {error}\n{said}");
                assert!(!said.contains("filled by"), "{name}: refused, and not filled: {said}");
                assert_eq!(report.verdict(), Verdict::Unfit, "{name}");
            }
            (Ok(_), Some(_)) => panic!("{name}: the sweep takes it"),
            (Err(error), None) => panic!("{name}: {error}"),
        }
    }
}

#[test]
fn a_file_in_the_wrong_day_or_gone_is_refused_by_both() {
    let dir = tempfile::tempdir().expect("a folder");
    let root = dir.path().join("store");
    write_store(&root, &[("lighter", &venue_rows(2, 1)), ("grvt", &venue_rows(3, 2))]);
    let folder = root.join("trades/venue=grvt/symbol=BTC");
    let day = folder.join("date=2026-01-05/part-0.parquet");
    let refused = |wanted: &str| {
        let report = check(&root, None, STALE, MissingKeys::default()).expect("a report");
        assert_eq!(report.verdict(), Verdict::Unfit, "{wanted}");
        let (said, error) = (report.text(usize::MAX), swept(&root, MissingKeys::default()).err().expect("refused"));
        assert!(said.contains(wanted) && error.contains(wanted), "{wanted}\n{said}\n{error}");
    };
    // earlier and later than all that the sweep asks for: their rows would be missed in silence
    for wrong in ["date=2026-01-01", "date=2026-01-20"] {
        std::fs::create_dir_all(folder.join(wrong)).expect("a folder");
        std::fs::copy(&day, folder.join(wrong).join("part-0.parquet")).expect("copies");
        refused(&format!("do not belong to partition {wrong}"));
        std::fs::remove_dir_all(folder.join(wrong)).expect("removes");
    }
    let kept = std::fs::read(&day).expect("reads");
    std::fs::remove_file(&day).expect("removes");
    refused("dataset.json lists this file, and it is gone");
    std::fs::write(&day, kept).expect("writes");
    assert!(swept(&root, MissingKeys::default()).is_ok());
}

#[test]
fn quotes_without_sizes_and_files_without_rows_are_said() {
    let dir = tempfile::tempdir().expect("a folder");
    let root = dir.path().join("store");
    let mut rows = venue_rows(2, 1);
    rows.quotes.iter_mut().for_each(|quote| quote.bbo.bid_qty.0 = 0);
    write_store(&root, &[("lighter", &rows), ("grvt", &venue_rows(3, 2))]);
    for day in ["date=2026-01-05", "date=2026-01-06"] {
        let path = root.join("trades/venue=grvt/symbol=BTC").join(day).join("part-0.parquet");
        rewrite(&path, |trades: &mut Vec<NumberedTrade>| trades.clear());
    }
    std::fs::remove_file(root.join("dataset.json")).expect("removes");
    let report = check(&root, None, STALE, MissingKeys::default()).expect("a report");
    let said = report.text(usize::MAX);
    assert_eq!(report.verdict(), Verdict::Fit, "{said}");
    let unsized_quotes = "lighter: 100.0 % of the quotes have no size: an order takes nothing there";
    assert!(said.contains(unsized_quotes), "{said}");
    assert!(said.contains("grvt/BTC: no trades: passive orders fill by quotes alone"), "{said}");
    let quality = swept(&root, MissingKeys::default()).unwrap_or_else(|error| panic!("{error}")).quality();
    assert!(quality.venues[0].without_sizes().is_some_and(|text| text.starts_with(unsized_quotes)));
    assert_eq!(
        (quality.venues[1].without_sizes(), quality.venues[1].rows.get("trades").copied().unwrap_or(0)),
        (None, 0)
    );
}
