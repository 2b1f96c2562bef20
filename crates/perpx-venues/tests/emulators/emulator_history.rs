//! What both emulators tell of the past, and routes that clients of others ask: pages that go on by a cursor, candles that are
//! the trades' own, settlements by window; who owns an account, logins by a wallet, orders as those clients send them.

use crate::emulator::{ACCOUNT, Venue, heard};
use crate::emulator_grvt::{self as grvt, INSTRUMENT, SUB_ACCOUNT, blank};
use perpx_core::units::{MINUTE, MS, SECOND, TimeDelta};
use perpx_venues::grvt::rest::WalletLogin;
use perpx_venues::grvt::trade::{AuthorizeBuilder, TimeInForce};
use perpx_venues::lighter::sign::{NewOrder, Tx, attribute, order_type, time_in_force};
use perpx_venues::wall::Clock;
use perpx_venues::wire::Dec;
use serde_json::{Value, json};
use std::collections::BTreeMap;

/// Two hours and a minute of a market are past when it begins.
const TWO_HOURS: &str = "--start-at 7260 --tier premium --weight 100000000";

fn number(value: &Value) -> f64 {
    value.as_f64().or_else(|| value.as_str()?.parse().ok()).unwrap_or_else(|| panic!("{value} is no number"))
}

fn list(value: &Value) -> &Vec<Value> {
    value.as_array().unwrap_or_else(|| panic!("{value} is no list"))
}

/// All pages of Lighter's trades.
fn lighter_trades(venue: &Venue, dir: &str) -> Vec<Value> {
    let (mut trades, mut cursor) = (Vec::new(), String::new());
    loop {
        let page: Value =
            venue.get(&format!("trades?market_id=1&sort_by=timestamp&sort_dir={dir}&limit=100&cursor={cursor}"));
        trades.extend(list(&page["trades"]).clone());
        match page["next_cursor"].as_str() {
            Some(next) => cursor = next.to_owned(),
            None => return trades,
        }
        assert!(trades.len() < 100_000, "it goes on for ever");
    }
}

/// Per minute: open, high, low, close, base coins.
fn minutes(trades: impl Iterator<Item = (i64, f64, f64)>) -> BTreeMap<i64, [f64; 5]> {
    let mut minutes = BTreeMap::new();
    for (ns, px, size) in trades {
        let bar = minutes.entry(ns.div_euclid(MINUTE.0)).or_insert([px, px, px, px, 0.0]);
        *bar = [bar[0], bar[1].max(px), bar[2].min(px), px, bar[4] + size];
    }
    minutes
}

#[test]
fn lighters_trades_are_paged_and_its_candles_are_made_of_them() {
    let venue = Venue::start(TWO_HOURS);
    let now = venue.now_ms();
    let (falling, mut rising) = (lighter_trades(&venue, "desc"), lighter_trades(&venue, "asc"));
    rising.reverse();
    assert!(falling == rising && falling.len() > 300, "{} and {}", falling.len(), rising.len());
    let follow = |pair: &[Value]| pair[0]["trade_id"].as_u64() == pair[1]["trade_id"].as_u64().map(|id| id + 1);
    assert!(falling.windows(2).all(follow), "one by one");
    let recent: Value = venue.get("recentTrades?market_id=1&limit=2");
    assert_eq!(list(&recent["trades"])[..], falling[..2]);
    let from = falling[50]["timestamp"].as_i64().expect("a time");
    let page: Value = venue.get(&format!("trades?market_id=1&sort_by=trade_id&limit=100&from={from}"));
    assert_eq!(list(&page["trades"])[..], falling[..list(&page["trades"]).len()]);
    assert!((51..100).contains(&list(&page["trades"]).len()));
    // candles
    let ask = |what: &str, resolution: &str, back: i64| -> Vec<Value> {
        let begin = now - 3 * 3_600_000;
        let window = format!("start_timestamp={begin}&end_timestamp={now}&count_back={back}");
        let answer: Value = venue.get(&format!("{what}?market_id=1&resolution={resolution}&{window}"));
        assert_eq!(answer["r"], resolution);
        list(&answer["c"]).clone()
    };
    let candles = ask("candles", "1m", 0);
    let of_trade = |trade: &Value| {
        (trade["transaction_time"].as_i64().expect("a time") * 1_000, number(&trade["price"]), number(&trade["size"]))
    };
    let wanted = minutes(falling.iter().rev().map(of_trade));
    let traded: Vec<&Value> = candles.iter().filter(|candle| number(&candle["v"]) > 0.0).collect();
    assert_eq!(traded.len(), wanted.len());
    for (candle, (minute, bar)) in traded.iter().zip(&wanted) {
        assert_eq!(candle["t"].as_i64(), Some(*minute * MINUTE / MS));
        let found = ["o", "h", "l", "c", "v"].map(|field| number(&candle[field]));
        assert!(found.iter().zip(bar).all(|(a, b)| (a - b).abs() < 1e-6), "{candle} {bar:?}");
    }
    assert!(candles.windows(2).all(|pair| pair[1]["t"].as_i64() == pair[0]["t"].as_i64().map(|t| t + 60_000)), "dense");
    assert_eq!(ask("candles", "1m", 5)[..], candles[candles.len() - 5..]);
    let hours = ask("candles", "1h", 0);
    let sum = |candles: &[Value]| candles.iter().map(|candle| number(&candle["v"])).sum::<f64>();
    assert!(hours.len() >= 2 && (sum(&hours) - sum(&candles)).abs() < 1e-6, "{hours:?}");
    let marks = ask("markPriceCandles", "5m", 0);
    assert!(marks.len() > 20 && marks.iter().all(|candle| number(&candle["l"]) <= number(&candle["h"])), "{marks:?}");
    let details: Value = venue.get("orderBookDetails");
    let details = &details["order_book_details"][0];
    assert!((number(&details["daily_base_token_volume"]) - sum(&candles)).abs() < 1e-6, "{details}");
    assert_eq!(details["daily_trades_count"], falling.len());
    // three settlements have been, on the venue's grid
    let ask = |start: i64, end: i64| -> Vec<Value> {
        let window = format!("start_timestamp={start}&end_timestamp={end}&count_back=100");
        let answer: Value = venue.get(&format!("fundings?market_id=1&resolution=1h&{window}"));
        list(&answer["fundings"]).clone()
    };
    let all = ask(now / 1_000 - 9_000, now / 1_000);
    let times: Vec<i64> = all.iter().map(|row| row["timestamp"].as_i64().expect("seconds")).collect();
    assert_eq!(times, [7_260, 3_660, 60].map(|ago| now / 1_000 - ago));
    assert!(all.iter().all(|row| row["rate"].as_str().is_some_and(|rate| rate.len() == 6)), "{all:?}");
    assert_eq!(ask(times[0] * 1_000, times[0] * 1_000 + 1), all[..1]);
    // what is refused
    for bad in [
        "trades?market_id=1&limit=5",
        "trades?market_id=1&sort_by=timestamp&limit=101",
        "trades?market_id=1&sort_by=timestamp&limit=5&cursor=x",
        "trades?sort_by=timestamp&limit=5",
        "recentTrades?market_id=1&limit=0",
        "candles?market_id=1&resolution=2m&start_timestamp=0&end_timestamp=1&count_back=1",
        "candles?market_id=1&resolution=1m&end_timestamp=1&count_back=1",
    ] {
        let (status, body) = venue.http("GET", &format!("/api/v1/{bad}"), "");
        assert!(status == 400 && body.contains("20001"), "{bad}: {status} {body}");
    }
}

#[test]
fn lighter_answers_what_clients_of_others_ask() {
    let owner = "0x87F6433eae757DF1f471bF9Ce03fe32d751Ff9a0";
    let mut venue = Venue::start(&format!("--tier premium --l1-address {owner}"));
    let account: Value = venue.get(&format!("account?by=l1_address&value={}", owner.to_lowercase()));
    assert_eq!(account["accounts"][0]["l1_address"], owner);
    let accounts: Value = venue.get(&format!("accountsByL1Address?l1_address={owner}"));
    assert_eq!(accounts["sub_accounts"][0]["index"], ACCOUNT);
    assert_eq!(venue.http("GET", "/api/v1/accountsByL1Address?l1_address=0x00", "").0, 400);
    let assets: Value = venue.get("assetDetails");
    assert_eq!(assets["asset_details"][0]["symbol"], "USDC");
    let stats: Value = venue.get("exchangeStats");
    assert_eq!((&stats["total"], &stats["order_book_stats"][0]["symbol"]), (&json!(1), &json!("BTC")));
    // every channel begins with a frame
    let mut socket = venue.socket();
    let token = venue.token();
    let mut first = |channel: &str| -> Value {
        socket.say(&json!({ "type": "subscribe", "channel": channel, "auth": token }).to_string());
        loop {
            let text = heard(&mut socket.socket, &venue.clock).expect("it lives");
            let frame: Value = serde_json::from_str(&text).expect("JSON");
            if frame["channel"] == channel.replace('/', ":")
                && frame["type"].as_str().is_some_and(|kind| kind.starts_with("sub"))
            {
                return frame;
            }
        }
    };
    let stats = first("market_stats/all")["market_stats"]["1"].clone();
    for field in ["open_interest_limit", "daily_base_token_volume", "daily_price_low", "daily_price_change", "premium"]
    {
        assert!(!stats[field].is_null(), "{field}: {stats}");
    }
    let assets = first(&format!("account_all_assets/{ACCOUNT}"));
    assert_eq!(assets["assets"]["3"]["margin_balance"], "10000.000000");
    assert_eq!(first(&format!("account_all_trades/{ACCOUNT}"))["total_volume"], 0.0);
    assert_eq!(first(&format!("account_tx/{ACCOUNT}"))["txs"], json!([]));
    assert_eq!(first(&format!("notification/{ACCOUNT}"))["notifs"], json!([]));
    assert!(first("ticker/1")["ticker"]["last_updated_at"].is_i64());
    assert!(first(&format!("user_stats/{ACCOUNT}"))["timestamp"].is_i64());
    // a form of several parts, which is what ccxt and Nautilus send
    let order = NewOrder {
        market_index: 1,
        client_order_index: 9,
        base_amount: 1_000,
        price: 300_000,
        order_type: order_type::LIMIT,
        time_in_force: time_in_force::POST_ONLY,
        order_expiry: venue.now_ms() + 3_600_000,
        ..NewOrder::default()
    };
    let skips = [(attribute::SKIP_NONCE, 1)].into();
    let (kind, info, hash) = venue.signed(&venue.key, venue.nonce + 41, skips, Tx::CreateOrder(order));
    venue.nonce += 42;
    let part =
        |name: &str, text: &str| format!("--b\r\nContent-Disposition: form-data; name=\"{name}\"\r\n\r\n{text}\r\n");
    let body = part("tx_type", &kind.to_string()) + &part("tx_info", &info) + "--b--\r\n";
    let (status, answer) = venue.sent("multipart/form-data; boundary=b", "POST", "/api/v1/sendTx", &body);
    assert!(status == 200 && answer.contains(&hash), "{status} {answer}");
    let page = loop {
        let text = heard(&mut socket.socket, &venue.clock).expect("it lives");
        if text.contains("update/account_tx") {
            break text;
        }
    };
    assert!(page.contains(&hash), "{page}");
}

#[test]
fn grvts_history_is_paged_and_its_candles_are_made_of_it() {
    let venue = grvt::Venue::start("--start-at 28860 --updates-per-sec 1");
    let now = venue.clock.now().0;
    let pages = |route: &str, mut query: Value| -> Vec<Value> {
        let mut rows = Vec::new();
        loop {
            let page: Value = venue.read(1, route, query.clone());
            rows.extend(list(&page["result"]).clone());
            if page["next"] == "" {
                return rows;
            }
            query["cursor"] = page["next"].clone();
            assert!(rows.len() < 100_000, "it goes on for ever");
        }
    };
    let ask = json!({ "instrument": INSTRUMENT, "limit": 100 });
    let at = |row: &Value, field: &str| row[field].as_str().and_then(|ns| ns.parse::<i64>().ok()).expect("a time");
    let trades = pages("v1/trade_history", ask.clone());
    let id = |trade: &Value| trade["trade_id"].as_str().and_then(|id| id.split('-').next()?.parse::<u64>().ok());
    assert!(trades.len() > 300 && trades.windows(2).all(|pair| id(&pair[0]) == id(&pair[1]).map(|id| id + 1)));
    let (from, to) = (at(&trades[250], "event_time"), at(&trades[120], "event_time"));
    let inside =
        json!({ "instrument": INSTRUMENT, "limit": 7, "start_time": from.to_string(), "end_time": to.to_string() });
    let wanted = trades.iter().filter(|trade| (from..=to).contains(&at(trade, "event_time")));
    assert!(wanted.eq(pages("v1/trade_history", inside).iter()), "both bounds are inside");
    let newest: Value = venue.read(1, "v1/trade", json!({ "instrument": INSTRUMENT, "limit": 3 }));
    assert_eq!(list(&newest["result"])[..], trades[..3]);
    // candles
    let candles = |kind: &str, interval: &str| {
        let query = json!({ "instrument": INSTRUMENT, "interval": interval, "type": kind, "limit": 50 });
        pages("v1/kline", query)
    };
    let of_trade = |trade: &Value| (at(trade, "event_time"), number(&trade["price"]), number(&trade["size"]));
    let wanted = minutes(trades.iter().rev().map(of_trade));
    let found = candles("TRADE", "CI_1_M");
    let traded: Vec<&Value> = found.iter().rev().filter(|candle| candle["trades"] != 0).collect();
    assert_eq!(traded.len(), wanted.len());
    for (candle, (minute, bar)) in traded.iter().zip(&wanted) {
        assert_eq!(candle["open_time"], (*minute * MINUTE).0.to_string());
        let found = ["open", "high", "low", "close", "volume_b"].map(|field| number(&candle[field]));
        assert!(found.iter().zip(bar).all(|(a, b)| (a - b).abs() < 1e-6), "{candle} {bar:?}");
    }
    for kind in ["MARK", "INDEX", "MID"] {
        let rows = candles(kind, "CI_5_M");
        assert!(rows.len() > 90 && rows.iter().all(|row| row["volume_b"] == "0.0"), "{kind}: {}", rows.len());
    }
    assert_eq!(
        venue.code(1, "v1/kline", &json!({ "instrument": INSTRUMENT, "interval": "CI_7_M", "type": "MID" })),
        1003
    );
    // the settlement of eight hours, on the grid, with its mark
    let rows = pages("v1/funding", ask);
    let times: Vec<i64> = rows.iter().map(|row| now - at(row, "funding_time")).collect();
    assert_eq!(times, [(60 * SECOND).0, (28_860 * SECOND).0]);
    let rate = rows[0]["funding_rate"].as_str().expect("a text");
    assert!(rate.split('.').nth(1).is_some_and(|digits| digits.len() <= 4), "{rate}");
    let ticker: Value = venue.read(1, "v1/ticker", json!({ "instrument": INSTRUMENT }));
    let ticker = &ticker["result"];
    let sum: f64 = trades.iter().map(|trade| number(&trade["size"])).sum();
    let volume = number(&ticker["buy_volume_24h_b"]) + number(&ticker["sell_volume_24h_b"]);
    assert!((sum - volume).abs() < 1e-6 && ticker["last_price"] == trades[0]["price"], "{sum} {ticker}");
}

#[test]
fn grvt_takes_what_clients_of_others_send() {
    let venue = grvt::Venue::start("");
    let (_, ask) = venue.touch();
    // the account's wallet opens a session; another's, or one for too long, opens none
    let login = |address: String, ahead: TimeDelta| {
        let mut login = WalletLogin { address, signature: blank(7) };
        login.signature.expiration = venue.clock.now().plus(ahead).0.into();
        venue.key.sign(&mut login, 325, &venue.assets).expect("a signature");
        let answer = venue.send(0, "/auth/wallet/login", &json!(login).to_string());
        (answer.headers().contains_key("set-cookie"), answer.status().as_u16())
    };
    let ours = venue.key.address().to_string();
    assert_eq!(login(ours.clone(), 30 * SECOND), (true, 200));
    assert_eq!(login(format!("0x{}", "22".repeat(20)), 30 * SECOND), (false, 200));
    assert_eq!(login(ours.clone(), 301 * SECOND), (false, 200));
    // a builder that may take fees
    let builder = "0x21d2a053495994b1132a38cd1171acec40c6741e".to_owned();
    let rate = Dec::read("0.01").expect("a rate");
    let authorize = venue.sign(AuthorizeBuilder {
        main_account_id: ours,
        builder_account_id: builder.clone(),
        max_futures_fee_rate: rate,
        max_spot_fee_rate: rate,
        signature: blank(8),
    });
    assert_eq!(venue.code(2, "v1/authorize_builder", &json!(authorize)), 0);
    let mut other = authorize;
    other.max_spot_fee_rate = Dec::read("0.02").expect("a rate");
    assert_eq!(venue.code(2, "v1/authorize_builder", &json!(other)), 2002);
    let builders: Value = venue.read(2, "v1/get_authorized_builders", json!({}));
    assert_eq!(builders["results"][0]["builder_account_id"], builder);
    // a market order that is good till a time, with a builder: it takes
    let mut order = venue.order(1, "0.01", ask, true, TimeInForce::GoodTillTime);
    (order.is_market, order.legs[0].limit_price) = (Some(true), None);
    (order.builder, order.builder_fee) = (Some(builder), Some(rate));
    venue.create(order).expect("it is taken");
    let mut state = Value::Null;
    for _ in 0..50 {
        venue.clock.advance(50 * MS);
        let ask = json!({ "sub_account_id": SUB_ACCOUNT.to_string(), "client_order_id": "1" });
        state = venue.read::<Value>(2, "v1/order", ask)["result"]["state"].clone();
        if state["status"] == "FILLED" {
            break;
        }
    }
    assert_eq!(state["status"], "FILLED", "{state}");
    // fills by pages
    let query =
        json!({ "sub_account_id": SUB_ACCOUNT.to_string(), "kind": ["PERPETUAL"], "base": ["BTC"], "limit": 1 });
    let fills: Value = venue.read(2, "v1/fill_history", query.clone());
    assert_eq!(list(&fills["result"]).len(), 1, "{fills}");
    let other: Value =
        venue.read(2, "v1/fill_history", json!({ "sub_account_id": SUB_ACCOUNT.to_string(), "base": ["ETH"] }));
    assert_eq!(list(&other["result"]).len(), 0);
}

/// The wallet that owns the account registers a key for it, which then trades; another's wallet does not.
#[test]
fn lighters_owner_registers_a_key() {
    let wallet = grvt::wallet(3);
    let venue = Venue::start(&format!("--tier premium --l1-address {}", wallet.address()));
    let key = crate::emulator::private(11);
    let register = |wallet: &grvt::Wallet| {
        let public_key = key.public().to_hex();
        let text = format!(
            "Register Lighter Account\n\npubkey: 0x{public_key}\nnonce: 0x{:016x}\naccount index: 0x{ACCOUNT:016x}\n\
             api key index: 0x{:016x}\nOnly sign this message for a trusted client!",
            0, 254
        );
        let mut bytes = [0; 40];
        bytes.copy_from_slice(&hex::decode(public_key).expect("hex"));
        let tx = Tx::ChangePubKey { public_key: bytes, l1_signature: wallet.sign(&text) };
        venue.post(venue.signed_at(&key, 254, 0, tx))
    };
    let next: Value = venue.get(&format!("nextNonce?account_index={ACCOUNT}&api_key_index=254"));
    assert_eq!(next["nonce"], 0, "of a place where no key is yet");
    assert_eq!(register(&grvt::wallet(4)).err(), Some(21504));
    register(&wallet).expect("it is registered");
    let cancel = Tx::CancelAll { time_in_force: 0, time: 0 };
    assert_eq!(venue.post(venue.signed_at(&venue.key, 254, 1, cancel.clone())).err(), Some(21120));
    venue.post(venue.signed_at(&key, 254, 1, cancel)).expect("the new key signs");
}
