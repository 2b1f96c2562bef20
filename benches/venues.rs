//! Speed of what stands between a socket and a decision, and between a decision and a socket: a book message read and applied, an
//! order signed. Medians and 99th percentiles of single calls, with a hash of the final book. `cargo bench --bench venues`
//!
//! The messages are the recorded Lighter stream where it lies beside this folder, or else a synthetic one of its shape (the median
//! message there has 286 bytes and 4 levels); GRVT's are the same updates in its form.

use perpx::market::Side;
use perpx::units::{Price, Qty};
use perpx::venues::book::LevelBook;
use perpx::venues::grvt;
use perpx::venues::lighter;
use perpx::venues::lighter::sign::{AuthToken, Head, NewOrder, SignedTx, Tx, order_type, time_in_force};
use perpx::venues::wire::parse;
use serde_json::{Value, json};
use std::hint::black_box;
use std::io::Read;
use std::path::Path;
use std::time::Instant;

/// Texts of book messages: the first one is the snapshot.
fn recorded() -> Option<Vec<String>> {
    let path = "../shared/data-real/nautilus-lighter-ws/ws_mainnet_order_book_place_cancel_btc.json.gz";
    let bytes = std::fs::read(Path::new(env!("CARGO_MANIFEST_DIR")).join(path)).ok()?;
    let mut text = String::new();
    flate2::read::MultiGzDecoder::new(&bytes[..]).read_to_string(&mut text).ok()?;
    let rows: Vec<Value> = serde_json::from_str(&text).ok()?;
    let messages = rows.iter().filter_map(|row| row["msg"].as_str());
    Some(messages.filter(|text| text.contains("\"order_book\":{")).map(str::to_owned).collect())
}

/// A book of 1,500 levels a side around a price that walks; every update moves four levels near the touch.
fn synthetic() -> Vec<String> {
    let mut state = 7u64;
    let mut draw = |below: u64| {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 33) % below
    };
    let level =
        |tick: u64, size: u64| json!({"price": format!("{}.{}", tick / 10, tick % 10), "size": format!("0.{size:05}")});
    let frame = |kind: &str, asks: Vec<Value>, bids: Vec<Value>, nonce: u64| {
        json!({"channel": "order_book:1", "offset": nonce, "order_book": {"code": 0, "asks": asks, "bids": bids, "offset": nonce,
            "nonce": nonce, "begin_nonce": nonce - 1}, "timestamp": 1_765_394_039_003u64, "type": kind})
        .to_string()
    };
    let mut mid = 928_300u64;
    let asks = (1..1_500).map(|n| level(mid + n, 1 + n)).collect();
    let bids = (1..1_500).map(|n| level(mid - n, 1 + n)).collect();
    let mut frames = vec![frame("subscribed/order_book", asks, bids, 1)];
    for nonce in 2..2_551 {
        mid = mid + draw(3) - 1;
        let mut side = |sign: i64| {
            let tick = |n: u64| mid.wrapping_add_signed(sign * (1 + n as i64));
            (0..2).map(|_| level(tick(draw(40)), draw(2) * draw(99_999))).collect::<Vec<_>>()
        };
        let (asks, bids) = (side(1), side(-1));
        frames.push(frame("update/order_book", asks, bids, nonce));
    }
    frames
}

/// The same updates as frames of `v1.book.d`.
fn as_grvt(frames: &[String]) -> Vec<String> {
    let frame = |(number, text): (usize, &String)| {
        let book: Value = serde_json::from_str(text).expect("json");
        let side = |name: &str| {
            let levels = book["order_book"][name].as_array().cloned().unwrap_or_default();
            levels
                .into_iter()
                .map(|level| json!({"price": level["price"], "size": level["size"], "num_orders": 1}))
                .collect::<Value>()
        };
        // written by hand: the venue sends the stream's name first
        format!(
            "{{\"stream\":\"v1.book.d\",\"selector\":\"BTC_USDT_Perp@50\",\"sequence_number\":\"{number}\",\"prev_sequence_number\":\
             \"{}\",\"feed\":{{\"event_time\":\"1765394039003000000\",\"instrument\":\"BTC_USDT_Perp\",\"bids\":{},\"asks\":{}}}}}",
            number.saturating_sub(1),
            side("bids"),
            side("asks")
        )
    };
    frames.iter().enumerate().map(frame).collect()
}

fn hash(book: &LevelBook) -> String {
    let mut hash = blake3::Hasher::new();
    for side in [Side::Buy, Side::Sell] {
        for (Price(price), Qty(size)) in book.levels(side) {
            hash.update(&price.to_le_bytes());
            hash.update(&size.to_le_bytes());
        }
    }
    hash.finalize().to_hex()[..16].to_string()
}

/// Median and 99th percentile of `calls` in microseconds; `limit` is what the median should stay under.
fn line(what: &str, mut ns: Vec<u64>, limit_us: f64, note: &str) {
    ns.sort_unstable();
    let at = |share: usize| ns[(ns.len() * share / 100).min(ns.len() - 1)] as f64 / 1e3;
    let kept = if at(50) <= limit_us { "kept" } else { "MISSED" };
    println!(
        "{what:<34} {:>7} calls: median {:>7.2} us, 99 % {:>8.2} us; at most {limit_us} us: {kept}  {note}",
        ns.len(),
        at(50),
        at(99)
    );
}

fn timed<T>(calls: usize, mut call: impl FnMut(usize) -> T) -> Vec<u64> {
    let one = |n| {
        let began = Instant::now();
        black_box(call(n));
        began.elapsed().as_nanos() as u64
    };
    (0..calls).map(one).collect()
}

fn books(frames: &[String]) {
    let (mut ns, mut best) = (Vec::new(), 0i64);
    let mut book = lighter::book::Book::default();
    for _ in 0..8 {
        book = lighter::book::Book::default();
        ns.extend(timed(frames.len(), |n| {
            let frame = lighter::stream::Frame::parse(&frames[n]).expect("a frame");
            let lighter::stream::Frame::Book(frame) = frame else { panic!("no book") };
            book.apply(&frame).expect("no gap");
            best ^= book.levels().top().bid.0;
        }));
    }
    let want = hash(book.levels());
    line("lighter: message to book", ns, 5.0, &want);
    let frames = as_grvt(frames);
    let mut ns = Vec::new();
    let mut book = grvt::book::Book::default();
    for _ in 0..8 {
        book = grvt::book::Book::new("v1.book.d", Some(1));
        ns.extend(timed(frames.len(), |n| {
            let grvt::stream::Frame::Feed(feed) = grvt::stream::Frame::parse(&frames[n]).expect("a frame") else {
                panic!("no feed")
            };
            let grvt::stream::Event::Book(levels) = &feed.feed else { panic!("no book") };
            book.apply(feed.sequence_number.0, feed.prev_sequence_number.0, levels).expect("no gap");
        }));
    }
    assert_eq!(hash(book.levels()), want, "both venues' books of the same updates are the same");
    line("grvt: message to book", ns, 5.0, &want);
}

fn signatures() {
    // throw-away keys
    let key = lighter::sign::PrivateKey::from_hex(&format!("{:0<80}", "5a17")).expect("a key");
    let head = Head { account_index: 10, api_key_index: 5, expired_at: 1_795_404_804_502, ..Head::default() };
    let order = NewOrder {
        market_index: 1,
        base_amount: 1_000,
        price: 804_417,
        order_type: order_type::LIMIT,
        time_in_force: time_in_force::POST_ONLY,
        order_expiry: 1_800_000_000_000,
        ..NewOrder::default()
    };
    let mut last = None;
    let ns = timed(400, |n| {
        let head = Head { nonce: n as i64, ..head.clone() };
        let (signed, hash) = SignedTx::sign(&key, 304, head, Tx::CreateOrder(order)).expect("a signature");
        let json = signed.to_json();
        last = Some((signed, hash));
        json
    });
    let (signed, hash) = last.expect("a signature");
    line("lighter: sign, verify, write", ns, 1_000.0, &hash.to_string()[..16]);
    let verified = timed(400, |_| assert_eq!(signed.verify(key.public(), 304), Ok(Some(hash))));
    line("lighter: verify", verified, 1_000.0, "");
    line("lighter: token", timed(100, |n| AuthToken::sign(&key, n as i64, 10, 5).expect("a token")), 1_000.0, "");

    let key = grvt::sign::PrivateKey::from_hex(&"5a".repeat(32)).expect("a key");
    let instrument = json!({"instrument": "BTC_USDT_Perp", "instrument_hash": "0x030501", "base": "BTC", "quote": "USDT",
        "kind": "PERPETUAL", "base_decimals": 9, "quote_decimals": 6, "tick_size": "0.1", "min_size": "0.001"});
    let mut assets = grvt::sign::Assets::default();
    assets.add(&parse("instrument", &instrument.to_string()).expect("an instrument")).expect("an asset");
    let order = json!({"sub_account_id": "8289849667772468", "time_in_force": "GOOD_TILL_TIME", "post_only": true, "legs": [{"instrument":
        "BTC_USDT_Perp", "size": "0.012", "limit_price": "68900.5", "is_buying_asset": true}], "signature": {"signer": "", "r": "", "s": "",
        "v": 0, "expiration": "1767225600000000000", "nonce": 1}, "metadata": {"client_order_id": "9223372036854775809"}});
    let mut order: grvt::trade::Order = parse("order", &order.to_string()).expect("an order");
    let ns = timed(1_000, |n| {
        order.signature.nonce = (n as u32).into();
        key.sign(&mut order, 325, &assets).expect("a signature");
        serde_json::to_string(&order).expect("text")
    });
    line("grvt: sign, write", ns, 200.0, &order.signature.r[2..18]);
    let ns = timed(1_000, |_| grvt::sign::recover(&order, 325, &assets).expect("a signer"));
    line("grvt: recover", ns, 1_000.0, "");
}

fn main() {
    let (frames, what) = recorded().map_or_else(|| (synthetic(), "synthetic"), |frames| (frames, "recorded"));
    let mut sizes: Vec<usize> = frames.iter().map(String::len).collect();
    sizes.sort_unstable();
    println!("{} {what} book messages, median {} bytes", frames.len(), sizes[sizes.len() / 2]);
    books(&frames);
    if what == "recorded" {
        books(&synthetic());
    }
    signatures();
}
