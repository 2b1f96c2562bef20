//! Whatever comes over a socket, a parser answers with a value or an error. Each one is fed its messages with bytes flipped,
//! cut out, doubled, spliced and overgrown, a few thousand times in the ordinary run; `PERPX_FUZZ_SECONDS=60 cargo test --release
//! fuzz_` gives each parser a minute. What is read must survive being written and read again.

use super::sample::{GRVT, LIGHTER, grvt, lighter, lines};
use crate::grvt::book::Book as GrvtBook;
use crate::grvt::stream::{Event, Frame as GrvtFrame};
use crate::lighter::book::Book as LighterBook;
use crate::lighter::sign::{AuthToken, PublicKey, SignedTx};
use crate::lighter::stream::Frame as LighterFrame;
use crate::record::{FeedConfig, FeedNews, RestRequest, Row, public_feed};
use crate::venue::Venue;
use crate::wire::WireError;
use perpx_core::units::{MS, SECOND, Time};
use rand::{Rng, RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use std::time::{Duration, Instant};

/// Texts that numbers, words and structures are replaced by.
const ODD: &[&str] = &[
    "",
    "0",
    "-1",
    "1e999",
    "1e-999",
    "-0.0",
    "18446744073709551616",
    "-9223372036854775809",
    "9223372036.854775808",
    "0.0000000001",
    "79228162514264337593543950336",
    "170141183460469231731687303715884105728",
    "NaN",
    "null",
    "true",
    "[]",
    "{}",
    "\"\"",
    "[[[[[[[[",
    "\\u0000",
    "\u{10ffff}",
    "99999999999999999999999999999999999999999999999999",
];

/// One mutation of `text`.
fn mutate(random: &mut impl Rng, text: &str, other: &str) -> String {
    let mut bytes = text.as_bytes().to_vec();
    for _ in 0..random.random_range(1..4) {
        let at = random.random_range(0..=bytes.len());
        let to = (at + random.random_range(0..40)).min(bytes.len());
        match random.random_range(0..7) {
            0 if at < bytes.len() => bytes[at] ^= 1 << random.random_range(0..8),
            1 => drop(bytes.drain(at..to)),
            2 => {
                let again = bytes[at..to].to_vec();
                bytes.splice(at..at, again);
            }
            3 => {
                let odd = ODD[random.random_range(0..ODD.len())];
                bytes.splice(at..at, odd.bytes());
            }
            4 => {
                // a whole number or text, from here to its end
                let end = bytes[at..].iter().position(|byte| b",\"}]".contains(byte)).map_or(bytes.len(), |n| at + n);
                let odd = ODD[random.random_range(0..ODD.len())];
                bytes.splice(at..end, odd.bytes());
            }
            5 => bytes.truncate(at),
            _ => {
                let from = random.random_range(0..=other.len());
                let piece = &other.as_bytes()[from..(from + 60).min(other.len())];
                bytes.splice(at..to, piece.iter().copied());
            }
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

/// Feeds `read` mutations of `seeds`; `read` panics when something is wrong and says whether the text was read.
fn run(name: &str, seeds: &[(&str, String)], read: impl Fn(&str, &str) -> bool) {
    let seconds = std::env::var("PERPX_FUZZ_SECONDS").ok().and_then(|text| text.parse::<u64>().ok());
    let seed = seconds.map_or(1, |_| std::time::SystemTime::UNIX_EPOCH.elapsed().map_or(1, |d| d.as_nanos() as u64));
    let mut random = ChaCha8Rng::seed_from_u64(seed);
    let began = Instant::now();
    let (mut tried, mut good) = (0u64, 0u64);
    while seconds.map_or(tried < 4_000, |seconds| began.elapsed() < Duration::from_secs(seconds)) {
        let (kind, text) = &seeds[random.random_range(0..seeds.len())];
        let (_, other) = &seeds[random.random_range(0..seeds.len())];
        let text = mutate(&mut random, text, other);
        let outcome = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| read(kind, &text)));
        good += u64::from(outcome.unwrap_or_else(|_| panic!("{name}: seed {seed}, input {tried}: {kind}: {text:?}")));
        tried += 1;
    }
    println!("{name}: {tried} inputs from seed {seed}, {good} of them read");
}

fn samples(file: &'static str, of: impl Fn(&str) -> bool) -> Vec<(&'static str, String)> {
    lines(file).filter(|(name, _)| of(name)).map(|(name, text)| (name, text.to_owned())).collect()
}

/// What was read is written, read again, and the same.
fn stable(read: fn(&str, &str) -> Result<String, WireError>) -> impl Fn(&str, &str) -> bool {
    move |name, text| {
        let Ok(written) = read(name, text) else { return false };
        assert_eq!(read(name, &written).as_ref(), Ok(&written), "{written}");
        true
    }
}

#[test]
fn fuzz_lighter_stream() {
    run("lighter stream", &samples(LIGHTER, |name| name.starts_with("frame ")), stable(lighter));
}

#[test]
fn fuzz_lighter_rest() {
    run("lighter rest", &samples(LIGHTER, |name| !name.starts_with("frame ")), stable(lighter));
}

#[test]
fn fuzz_grvt_stream() {
    run("grvt stream", &samples(GRVT, |name| name.starts_with("frame ")), stable(grvt));
}

#[test]
fn fuzz_grvt_rest() {
    run("grvt rest", &samples(GRVT, |name| !name.starts_with("frame ")), stable(grvt));
}

/// The emulator's side: signed transactions and tokens. Reading them must not panic, nor checking, hashing and verifying what was
/// read.
#[test]
fn fuzz_lighter_transactions() {
    type Rows = Vec<(String, u32, String, u8, String, String)>;
    let vectors: serde_json::Value =
        serde_json::from_str(include_str!("../../../../tests/fixtures/lighter_signatures.json")).expect("vectors");
    let rows: Rows = serde_json::from_value(vectors["transactions"].clone()).expect("transactions");
    let kinds: Vec<(String, String)> = rows.into_iter().map(|row| (row.3.to_string(), row.4)).collect();
    let seeds: Vec<(&str, String)> = kinds.iter().map(|(kind, text)| (kind.as_str(), text.clone())).collect();
    let key = PublicKey::from_hex(vectors["keys"]["alpha"][1].as_str().expect("a key")).expect("a point");
    run("lighter transactions", &seeds, |kind, text| {
        let Ok(tx) = SignedTx::from_json(kind.parse().expect("a type"), text) else { return false };
        let again = SignedTx::from_json(tx.tx.kind(), &tx.to_json()).expect("what was written");
        assert_eq!(again, tx);
        let _ = tx.verify(&key, 304);
        true
    });
    let tokens: Vec<(String, String)> = serde_json::from_value(vectors["tokens"].clone()).expect("tokens");
    let seeds: Vec<(&str, String)> = tokens.iter().map(|(key, token)| (key.as_str(), token.clone())).collect();
    run("lighter tokens", &seeds, |_, text| AuthToken::parse(text).is_ok_and(|token| !token.to_string().is_empty()));
}

/// Books fed with mutated frames stay books: best first, no level twice, none without a size.
#[test]
fn fuzz_books() {
    let check = |levels: &crate::book::LevelBook| {
        use perpx_core::market::Side;
        let [bids, asks] = [Side::Buy, Side::Sell].map(|side| levels.levels(side).collect::<Vec<_>>());
        assert!(bids.windows(2).all(|pair| pair[0].0 > pair[1].0) && asks.windows(2).all(|pair| pair[0].0 < pair[1].0));
        assert!(bids.iter().chain(&asks).all(|level| level.0.0 > 0 && level.1.0 > 0));
    };
    let lighter = std::cell::RefCell::new(LighterBook::default());
    run("lighter book", &samples(LIGHTER, |name| name.contains("book ")), |_, text| {
        let Ok(LighterFrame::Book(frame)) = LighterFrame::parse(text) else { return false };
        let applied = lighter.borrow_mut().apply(&frame);
        check(lighter.borrow().levels());
        applied.is_ok() || lighter.borrow().levels().is_empty() || panic!("an error leaves levels behind")
    });
    let grvt = std::cell::RefCell::new(GrvtBook::default());
    run("grvt book", &samples(GRVT, |name| name.contains("book ")), |_, text| {
        let Ok(GrvtFrame::Feed(feed)) = GrvtFrame::parse(text) else { return false };
        let Event::Book(levels) = &feed.feed else { return false };
        let applied = grvt.borrow_mut().apply(feed.sequence_number.0, feed.prev_sequence_number.0, levels);
        check(grvt.borrow().levels());
        applied.is_ok() || grvt.borrow().levels().is_empty() || panic!("an error leaves levels behind")
    });
}

/// Whatever a venue says, a recorder's feed goes on: its rows are received in order and are fit for a store, and what it knows
/// can be written down and taken over.
#[test]
fn fuzz_feeds() {
    let config = || FeedConfig::new(&["BTC"]);
    for (venue, file, markets) in [(Venue::Lighter, LIGHTER, "OrderBookDetails"), (Venue::Grvt, GRVT, "Instruments")] {
        let mut known = public_feed(venue, config());
        let reply = lines(file).find(|(name, _)| name.split(' ').next() == Some(markets)).expect("the markets").1;
        known.replied(&RestRequest::Markets, reply, Time(1), &mut Vec::new());
        assert!(!known.subscriptions().is_empty(), "{venue:?} knows its market");
        let seeds = samples(file, |name| {
            name.starts_with("frame ") || name.starts_with("Fundings") || name.starts_with("Trades")
        });
        let feed = std::cell::RefCell::new((known, Time::at(1_792_918_200 * SECOND), Time(0), 0));
        run(&format!("feed of {}", venue.name()), &seeds, |name, text| {
            let (feed, now, received, nth) = &mut *feed.borrow_mut();
            *now = now.plus(100 * MS);
            let mut out = Vec::new();
            // whole texts between the others, so that books stand and channels live
            *nth = (*nth + 1) % seeds.len();
            feed.frame(1, &seeds[*nth].1, *now, &mut out);
            match name.split(' ').next() {
                Some("Fundings") => feed.replied(&RestRequest::Fundings { symbol: "BTC".into() }, text, *now, &mut out),
                Some("Trades") => feed.replied(&RestRequest::Trades { symbol: "BTC".into() }, text, *now, &mut out),
                _ => feed.frame(1, text, *now, &mut out),
            }
            feed.due(*now, &mut out);
            for one in &out {
                let FeedNews::Row(0, row) = one else { continue };
                let (recv, is_fit) = match row {
                    Row::Quote(row) => (row.recv, row.bbo.bid <= row.bbo.ask && row.recv >= row.exch),
                    Row::Depth(row) => (row.recv, row.bids[0].px <= row.asks[0].px),
                    Row::Trade(row) | Row::GapTrade(row) => (row.row.recv, row.row.recv >= row.row.exch),
                    Row::Marks(row) => (row.recv, row.recv >= row.exch),
                    Row::Funding(row) => (row.recv, row.recv >= *now),
                };
                assert!(is_fit && recv >= *received, "{row:?} after {received}");
                *received = recv;
            }
            let state = feed.state();
            feed.restore(&state).expect("its own state");
            assert_eq!(feed.state(), state);
            out.iter().any(|one| matches!(one, FeedNews::Row(..)))
        });
    }
}
