//! Walks at a venue of this file, which answers out of its memory and counts what it is asked.

use super::BackfillError;
use super::asker::Asker;
use super::endpoint::{Endpoint, PastRow, What};
use super::pages::Pages;
use super::series::Series;
use super::store::{Of, PastStore};
use super::walk::{Walk, Walked};
use crate::client::{Body, FetchCall};
use crate::venue::Venue;
use perpx_core::units::{DAY, HOUR, MS, SECOND, Time};
use perpx_data::store::{BarKind, Dataset, StoreWriter};
use serde_json::{Value, json};
use std::path::Path;

/// The venue's present.
const NOW: Time = Time(1_800_000_000_000_000_000);

/// Prints numbered from 1, one a minute up to now; settlements at every full hour.
struct Memory {
    prints: i64,
    asked: Vec<String>,
    /// It answers so often and then no more.
    patience: usize,
    now: Time,
}

impl Memory {
    fn new(prints: i64) -> Memory {
        Memory { prints, asked: Vec::new(), patience: usize::MAX, now: NOW }
    }

    fn print_at(&self, id: i64) -> Time {
        NOW.plus(-(300 - id) * 60 * SECOND)
    }

    fn answer(&self, call: &FetchCall) -> Value {
        let (route, query) = call.path.split_once('?').unwrap_or((&call.path, ""));
        let field = |name: &str| {
            let mut fields = query.split('&').filter_map(|pair| pair.split_once('='));
            fields.find(|(key, _)| *key == name).and_then(|(_, value)| value.parse::<i64>().ok())
        };
        match route.rsplit('/').next().unwrap_or_default() {
            "trades" => {
                let first = field("cursor").unwrap_or(self.prints + 1) - 1;
                let ids: Vec<i64> = (1..=first).rev().take(100).collect();
                let next = ids.last().filter(|id| **id > 1).map(i64::to_string);
                let print = |id: &i64| {
                    json!({ "trade_id": id, "market_id": 1, "size": "1", "price": "2", "is_maker_ask": true,
                            "timestamp": self.print_at(*id).steps(MS) })
                };
                json!({ "code": 200, "trades": ids.iter().map(print).collect::<Vec<_>>(), "next_cursor": next })
            }
            "fundings" => {
                let [from, to] = ["start_timestamp", "end_timestamp"].map(|name| field(name).unwrap_or(0));
                let hours = (from..=to.min(self.now.steps(SECOND))).filter(|second| second % 3_600 == 0);
                let row = |second: i64| json!({ "timestamp": second, "rate": "0.0012", "direction": "short" });
                json!({ "code": 200, "fundings": hours.map(row).collect::<Vec<_>>() })
            }
            other => panic!("{other}"),
        }
    }
}

impl Asker for Memory {
    fn ask(&mut self, call: &FetchCall) -> Result<(Time, String), BackfillError> {
        if self.asked.len() >= self.patience {
            return Err(crate::asking::AskError::Stopped.into());
        }
        self.asked.push(call.path.clone());
        Ok((self.now, self.answer(call).to_string()))
    }
}

fn walk(venue: &mut Memory, dir: &Path, endpoint: Endpoint, span: (Time, Time)) -> Result<Walked, BackfillError> {
    let pages = Pages::at(dir.join("pages"));
    Walk { asker: venue, pages: &pages, endpoint, market: "1", progress: &mut |_, _| {} }.walk(span)
}

fn ids(walked: Walked, span: (Time, Time)) -> Vec<i64> {
    let series = Series::of(Endpoint::LighterTrades, walked, span, None);
    let id = |row: &PastRow| match row {
        PastRow::Trade(trade) => trade.id.expect("a number"),
        other => panic!("{other:?}"),
    };
    series.rows.iter().map(id).collect()
}

/// Windows that are over are asked for once; the one of today each time. What was interrupted goes on.
#[test]
fn windows_are_kept_but_for_todays() {
    let dir = tempfile::tempdir().expect("a folder");
    let span = (NOW.plus(-10 * DAY).floor_to(HOUR), NOW);
    let mut venue = Memory { patience: 2, ..Memory::new(0) };
    assert!(walk(&mut venue, dir.path(), Endpoint::LighterFundings, span).is_err());
    let mut venue = Memory::new(0);
    let first = walk(&mut venue, dir.path(), Endpoint::LighterFundings, span).expect("all");
    let windows = first.pages;
    assert_eq!((windows, first.fresh, venue.asked.len()), (windows, windows - 2, windows as usize - 2));
    let again = walk(&mut venue, dir.path(), Endpoint::LighterFundings, span).expect("all");
    assert_eq!((again.pages, again.fresh), (windows, 1), "today's alone");
    let [one, other] = [first, again].map(|walked| Series::of(Endpoint::LighterFundings, walked, span, None));
    assert_eq!((one.rows.len(), &one.rows, one.holes.len()), (10 * 24, &other.rows, 0));
    // each window begins with the row that the one before it ended with
    assert_eq!(one.duplicates, windows - 1);
    assert_eq!((one.provenance(Endpoint::LighterFundings)["outside"].as_u64(), one.duplicates), (Some(0), windows - 1));
    // a file that is damaged is asked for again
    let folder = dir.path().join("pages/fundings");
    let file = std::fs::read_dir(folder).expect("lists").next().expect("a page").expect("a file").path();
    std::fs::write(file, "x").expect("writes");
    let mended = walk(&mut venue, dir.path(), Endpoint::LighterFundings, span).expect("all");
    assert_eq!(mended.fresh, 2);
}

/// A list from the newest down: what was told before is not asked for again though the list has grown since, and between what is
/// kept and what is new no print is missing.
#[test]
fn a_list_goes_on_where_it_was_kept() {
    let dir = tempfile::tempdir().expect("a folder");
    let mut venue = Memory::new(250);
    let span = (venue.print_at(20), venue.print_at(240));
    let first = walk(&mut venue, dir.path(), Endpoint::LighterTrades, span).expect("all");
    assert_eq!((first.pages, venue.asked.len()), (3, 3));
    assert_eq!(ids(first, span), (20..240).collect::<Vec<i64>>());
    let again = walk(&mut venue, dir.path(), Endpoint::LighterTrades, span).expect("all");
    assert_eq!((again.pages, again.fresh), (3, 1), "the newest page grows");
    // fifty prints later: the newest page, one between it and what is kept, and no more
    let mut later = Memory::new(300);
    let span = (venue.print_at(20), venue.print_at(290));
    let more = walk(&mut later, dir.path(), Endpoint::LighterTrades, span).expect("all");
    assert_eq!((more.fresh, later.asked.len()), (2, 2));
    assert_eq!(ids(more, span), (20..290).collect::<Vec<i64>>());
    // a span of which everything is kept: nothing is asked
    let mut silent = Memory { patience: 0, ..Memory::new(300) };
    let span = (venue.print_at(20), venue.print_at(140));
    let kept = walk(&mut silent, dir.path(), Endpoint::LighterTrades, span).expect("all of it is kept");
    assert_eq!(ids(kept, span), (20..140).collect::<Vec<i64>>());
}

/// A venue that answers with other times than it was asked for, or in no order, is counted, and what it says beside is left out.
#[test]
fn rows_that_were_not_asked_for_are_counted() {
    struct Odd;
    impl Asker for Odd {
        fn ask(&mut self, _call: &FetchCall) -> Result<(Time, String), BackfillError> {
            let row = |hours: i64| {
                let second = NOW.floor_to(4 * DAY).plus(-8 * DAY + hours * HOUR).steps(SECOND);
                json!({ "timestamp": second, "rate": "0.0012", "direction": "long" })
            };
            let rows = [5, 2, 3, -7].map(row);
            Ok((NOW, json!({ "code": 200, "fundings": rows }).to_string()))
        }
    }
    let dir = tempfile::tempdir().expect("a folder");
    let (pages, endpoint) = (Pages::at(dir.path().join("pages")), Endpoint::LighterFundings);
    let begin = NOW.floor_to(4 * DAY).plus(-8 * DAY);
    let span = (begin, begin.plus(DAY));
    let mut walk = Walk { asker: &mut Odd, pages: &pages, endpoint, market: "1", progress: &mut |_, _| {} };
    let walked = walk.walk(span).expect("an answer");
    assert_eq!((walked.pages, walked.outside, walked.disordered), (1, 1, 1));
    let series = Series::of(endpoint, walked, span, None);
    assert_eq!(
        (series.rows.len(), series.holes.len()),
        (3, 3),
        "three of the day; before, between and after is nothing"
    );
}

#[test]
fn an_answer_that_is_none_is_not_kept() {
    struct Wrong;
    impl Asker for Wrong {
        fn ask(&mut self, _call: &FetchCall) -> Result<(Time, String), BackfillError> {
            Ok((NOW, "{\"code\":200,\"fundings\":[{\"timestamp\":\"x\"}]}".to_owned()))
        }
    }
    let dir = tempfile::tempdir().expect("a folder");
    let pages = Pages::at(dir.path().join("pages"));
    let endpoint = Endpoint::LighterFundings;
    let mut walk = Walk { asker: &mut Wrong, pages: &pages, endpoint, market: "1", progress: &mut |_, _| {} };
    let error = walk.walk((NOW.plus(-9 * DAY), NOW.plus(-8 * DAY))).expect_err("no answer");
    assert!(error.exit_code() == 2 && error.to_string().contains("GET /api/v1/fundings"), "{error}");
    assert!(!dir.path().join("pages").exists());
}

/// Every endpoint reads what its venue writes, and asks for a day as it should.
#[test]
fn answers_are_read() {
    let day = (Time::of_day(20_000), Time::of_day(20_001));
    let text = r#"{"code":200,"c":[{"t":1728000000000,"o":60000.1,"h":60000.2,"l":59999,"c":60000,"v":0.30000000000000004},
                   {"t":1728000060000}]}"#;
    let page = Endpoint::LighterCandles.read(text).expect("bars");
    let [PastRow::Bar(bar)] = page.rows[..] else { panic!("{page:?}") };
    assert_eq!((bar.volume.0, bar.open.0, page.without_price), (300_000_000, 60_000_100_000_000, 1));
    assert_eq!(bar.close_ts.since(bar.open_ts), 60 * SECOND);
    let text = r#"{"result":[{"instrument":"X","funding_rate":"0.01","funding_time":"1728000000000000000","funding_interval_hours":8},
                   {"instrument":"X","funding_rate":"0.01","funding_time":"1","funding_interval_hours":0}],"next":"abc"}"#;
    let page = Endpoint::GrvtFunding.read(text).expect("settlements");
    assert_eq!((page.rows.len(), page.without_interval, page.next.as_deref()), (1, 1, Some("abc")));
    let text = r#"{"result":[{"open_time":"60000000000","close_time":"120000000000","open":"5","close":"6","high":"7","low":"4","volume_b":"3"}]}"#;
    let page = Endpoint::GrvtKline(BarKind::Index).read(text).expect("bars");
    let [PastRow::Bar(bar)] = page.rows[..] else { panic!("{page:?}") };
    assert_eq!((bar.kind, bar.volume.0, bar.high.0), (BarKind::Index, 0, 7_000_000_000), "an index is not traded");
    let call = Endpoint::GrvtKline(BarKind::Mark).call("BTC_USDT_Perp", day, Some("c"));
    let Body::Json(text) = call.body else { panic!("a query") };
    let query: Value = serde_json::from_str(&text).expect("json");
    assert_eq!((&query["type"], &query["cursor"], &query["limit"]), (&json!("MARK"), &json!("c"), &json!(1_000)));
    assert_eq!(query["end_time"], (day.1.0 - 1).to_string());
    for venue in Venue::ALL {
        for endpoint in [What::Funding, What::Candles, What::Trades].map(|what| Endpoint::of(venue, what)).concat() {
            // a day is a whole number of windows, or they of days: what is closed is whole days
            let parts = |window| {
                window % DAY == perpx_core::units::TimeDelta::ZERO || DAY % window == perpx_core::units::TimeDelta::ZERO
            };
            assert!(endpoint.window().is_none_or(parts), "{endpoint:?}");
        }
    }
}

/// Other series and other times stay; the same rows give the same bytes; a store of something else is left alone.
#[test]
fn a_store_grows_by_what_is_asked_for() {
    let dir = tempfile::tempdir().expect("a folder");
    let root = dir.path().join("store");
    let mut venue = Memory::new(300);
    let hour = |hours: i64| NOW.floor_to(DAY).plus(-30 * DAY + hours * HOUR);
    let mut add = |symbol: &str, span: (Time, Time)| {
        let walked = walk(&mut venue, dir.path(), Endpoint::LighterFundings, span).expect("all");
        let series = Series::of(Endpoint::LighterFundings, walked, span, None);
        let mut store = PastStore::open(&root).expect("opens");
        let mut about = series.provenance(Endpoint::LighterFundings);
        about["network"] = json!("mainnet");
        store.put(Of { venue: "lighter", symbol, what: What::Funding, span }, series.rows, vec![about]);
        store.write().expect("writes");
        Dataset::read(&root).expect("reads").expect("a store")
    };
    add("BTC", (hour(0), hour(10)));
    let first = add("ETH", (hour(0), hour(5)));
    assert_eq!(first.rows["funding"], [("lighter/BTC".to_owned(), 10), ("lighter/ETH".to_owned(), 5)].into());
    assert_eq!(add("ETH", (hour(0), hour(5))), first, "the same once more");
    let wider = add("BTC", (hour(5), hour(24)));
    assert_eq!(wider.rows["funding"]["lighter/BTC"], 24);
    assert_eq!(wider.made_by["backfill"].as_array().map(Vec::len), Some(3), "two spans of BTC, one of ETH");
    let whole = add("BTC", (hour(0), hour(24)));
    assert_eq!(whole.made_by["backfill"].as_array().map(Vec::len), Some(2), "one span holds both");
    let store = PastStore::open(&root).expect("opens");
    assert!(store.only("grvt", "testnet").is_ok() && store.only("lighter", "mainnet").is_ok());
    let other = store.only("lighter", "testnet").expect_err("of another network").to_string();
    assert!(other.contains("another place (mainnet)"), "{other}");
    let foreign = dir.path().join("foreign");
    StoreWriter::create(&foreign).and_then(|w| w.finish(json!({ "tool": "synth" }))).expect("a store");
    let refused = PastStore::open(&foreign).expect_err("not ours");
    assert!(refused.exit_code() == 2 && refused.to_string().contains("made by synth"), "{refused}");
}
