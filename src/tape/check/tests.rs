//! Stores with every defect, checked at once.

use super::{STALE_NS, Verdict, check};
use crate::tape::rows::*;
use crate::tape::tests::{rewrite, venue_rows, write_store};
use crate::units::{HOUR_NS, Price, SECOND_NS};

#[test]
fn a_sound_store_is_fit_and_its_venues_cover_each_other() {
    let dir = tempfile::tempdir().expect("a folder");
    let root = dir.path().join("store");
    write_store(&root, &[("lighter", &venue_rows(2, 1)), ("grvt", &venue_rows(3, 2))]);
    let report = check(&root, None, STALE_NS).expect("a report");
    assert_eq!(report.verdict(), Verdict::Fit, "{}", report.text(usize::MAX));
    assert_eq!(report.tables.len(), 10);
    let pair = &report.pairs[0];
    assert_eq!((pair.minutes, pair.minutes_both), (240, 240));
    assert!(pair.covered.iter().all(|share| *share > 0.95), "{pair:?}");
    assert!(report.text(usize::MAX).contains("Verdict: fit for a replay"));
    let text = check(&root, Some("ETH"), STALE_NS).expect_err("no such symbol").to_string();
    assert!(text.ends_with("holds nothing of ETH; it has: grvt/BTC, lighter/BTC"), "{text}");
}

#[test]
fn defects_are_warnings_and_refusals_are_errors() {
    let dir = tempfile::tempdir().expect("a folder");
    let root = dir.path().join("store");
    let long = venue_rows(2, 1);
    let hole = |r: &crate::units::Time| *r > long.quotes[1000].recv.plus(SECOND_NS) && *r < long.quotes[1100].recv;
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
    let report = check(&root, None, STALE_NS).expect("a report");
    assert_eq!(report.verdict(), Verdict::Alone, "{}", report.text(usize::MAX));
    let quotes = report.tables.iter().find(|t| t.table == "quotes").expect("quotes");
    assert_eq!((quotes.gaps, quotes.stale_runs, quotes.locked, quotes.doubled), (1, 1, 1, 1));
    let text = report.text(usize::MAX);
    for want in [
        "lighter/BTC quotes: 1 holes above 60 s, 20",
        "lighter/BTC quotes: 1 stale runs (rows arrive, the venue's clock stands) of 5 s or more",
        "lighter/BTC: no marks: a replay needs marks.missing = zero or mid",
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
        quotes[9].recv = quotes[9].exch.plus(-HOUR_NS);
        quotes[20].bbo.bid = Price(0);
        quotes.swap(30, 40);
    });
    let report = check(&root, None, STALE_NS).expect("a report");
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
    let text = check(&root, None, STALE_NS).expect("a report").text(usize::MAX);
    assert!(text.contains("not a whole parquet file"), "{text}");
}
