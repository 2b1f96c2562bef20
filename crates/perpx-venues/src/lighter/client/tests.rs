//! The client without a socket.

use super::*;
use crate::client::{Answer, OpenOrder, PastOrder};
use perpx_core::market::{NewOrder, OrderKind, Role};
use perpx_core::units::{HOUR, MINUTE, NS, SECOND};
use serde_json::{Value, json};

const WALL: Time = Time(1_790_000_000_000_000_000);

fn answer(body: Value) -> Reply {
    Ok(Answer { status: if body["code"] == 200 { 200 } else { 400 }, body: body.to_string(), session: Vec::new() })
}

fn asked(out: &Output) -> Vec<(About, Option<i64>)> {
    let nonce = |request: &Request| match &request.body {
        Body::Form(fields) => serde_json::from_str::<Value>(&fields[1].1).expect("a transaction")["Nonce"].as_i64(),
        _ => None,
    };
    out.requests
        .iter()
        .filter_map(|sent| if let Outbound::Request(ask) = sent { Some((ask.about, nonce(ask))) } else { None })
        .collect()
}

fn events(out: &Output) -> Vec<EventBody> {
    let body = |update: &AccountUpdate| if let AccountUpdate::Event { body, .. } = update { Some(*body) } else { None };
    out.account.iter().filter_map(body).collect()
}

/// Ready, with the nonce 8 next.
fn ready() -> LighterClient {
    let key = PrivateKey::from_hex(&("09".to_owned() + &"11".repeat(38) + "00")).expect("a key");
    let (coin, leverage, grid) = ("BTC".to_owned(), Rate(5 * Rate::ONE), Cash(10_000));
    let mut lighter = LighterClient::new(LighterAccess {
        account: 7,
        api_key: 4,
        key,
        closes: None,
        chain_id: 304,
        coin,
        leverage,
        grid,
        fence: 9 * SECOND,
        since: WALL,
        number: RunNumber { tag: 3, epoch: 2 },
    });
    let mut out = Output::default();
    lighter.begin(true, &mut out);
    let market =
        json!({ "symbol": "BTC", "market_id": 1, "status": "active", "size_decimals": 5, "price_decimals": 1 });
    let details = json!({ "code": 200, "order_book_details": [market] });
    for (about, body) in [
        (About::Markets, details),
        (About::Nonce(0), json!({ "code": 200, "nonce": 7 })),
        (About::Account, json!({ "code": 200, "accounts": [{ "collateral": "100", "positions": [] }] })),
        (About::OpenOrders, json!({ "code": 200, "orders": [] })),
    ] {
        assert!(!lighter.is_ready);
        lighter.replied(about, answer(body), WALL, &mut out).expect("taken");
    }
    assert_eq!(out.account.last(), Some(&AccountUpdate::Ready));
    lighter.set_leverage(WALL, &mut out).expect("signed");
    let first = [About::Markets, About::Nonce(0), About::Markets, About::Account, About::OpenOrders];
    let first = first.map(|about| (about, None)).into_iter().chain([(About::Leverage, Some(7))]);
    assert_eq!(asked(&out), first.collect::<Vec<_>>());
    lighter.replied(About::Leverage, answer(json!({ "code": 200 })), WALL, &mut out).expect("taken");
    assert_eq!(out.account.last(), Some(&AccountUpdate::Leverage(None)));
    lighter
}

fn close(id: u32) -> Command {
    let Command::Place(order) = order(id, 20_000_000) else { unreachable!("an order") };
    Command::Place(NewOrder { side: Side::Sell, reduce_only: true, ..order })
}

fn order(id: u32, qty: i64) -> Command {
    let (id, venue, side, kind) = (OrderId(id), Role::Long, Side::Buy, OrderKind::Ioc);
    let (qty, limit) = (Qty(qty), Price(90_000_000_000_000));
    Command::Place(NewOrder { id, venue, side, qty, limit, kind, reduce_only: false, covers: false })
}

#[test]
fn a_refused_transaction_gives_its_nonce_to_the_next_and_so_does_a_lost_one_to_what_opens_nothing() {
    let mut lighter = ready();
    let mut out = Output::default();
    for id in 1..=3 {
        lighter.command(&order(id, 20_000_000), WALL, &mut out).expect("sent");
    }
    // one at a time
    assert_eq!(asked(&out), [(About::Place(OrderId(1)), Some(8))]);
    out = Output::default();
    let refused = json!({ "code": 21739, "message": "not enough margin" });
    lighter.replied(About::Place(OrderId(1)), answer(refused), WALL, &mut out).expect("goes on");
    let rejected = |id, reason| EventBody::Rejected { id: OrderId(id), reason };
    assert_eq!(events(&out), [rejected(1, Reject::NoMargin)]);
    assert_eq!(asked(&out), [(About::Place(OrderId(2)), Some(8))]);
    // nobody knows: nothing opens any more, and its nonce is used by a cancel of nothing
    out = Output::default();
    let page = Ok(Answer { status: 405, body: "<html>".to_owned(), session: Vec::new() });
    lighter.replied(About::Place(OrderId(2)), page, WALL, &mut out).expect("goes on");
    assert_eq!((asked(&out), events(&out)), (vec![(About::Fence(0), Some(8))], vec![rejected(3, Reject::Gate)]));
    out = Output::default();
    lighter.replied(About::Fence(0), answer(json!({ "code": 200 })), WALL, &mut out).expect("goes on");
    lighter.command(&order(4, 20_000_000), WALL, &mut out).expect("refused here");
    lighter.command(&close(5), WALL, &mut out).expect("sent");
    assert_eq!(
        (asked(&out), events(&out)),
        (vec![(About::Place(OrderId(5)), Some(9))], vec![rejected(4, Reject::Gate)])
    );
    // somebody else used the key: asked, then sent again; the third time in a row the key rests
    let stale = || answer(json!({ "code": 21104, "message": "invalid nonce" }));
    let mut wall = WALL;
    for (ms, nonce) in [(0, 12), (200, 13), (5_000, 14)] {
        out = Output::default();
        lighter.replied(About::Place(OrderId(5)), stale(), wall, &mut out).expect("goes on");
        for wait in [ms - 1, ms].map(|ms: i64| ms * MS) {
            lighter.pass(wall.plus(wait), &mut out).expect("passes");
        }
        wall = wall.plus(ms * MS);
        lighter
            .replied(About::Nonce(0), answer(json!({ "code": 200, "nonce": nonce })), wall, &mut out)
            .expect("goes on");
        assert_eq!(asked(&out), [(About::Nonce(0), None), (About::Place(OrderId(5)), Some(nonce))]);
    }
    // off the lot: refused here, nothing is sent
    out = Output::default();
    lighter.command(&order(9, 20_000_001), wall, &mut out).expect("sent");
    assert_eq!(events(&out), [rejected(9, Reject::Rules)]);
}

/// A close that waits is signed with the nonce of what was lost; a nonce that was used says that the lost one was carried out.
#[test]
fn a_close_takes_the_nonce_of_what_was_lost() {
    let (mut lighter, mut out) = (ready(), Output::default());
    lighter.command(&order(1, 20_000_000), WALL, &mut out).expect("sent");
    lighter.command(&close(2), WALL, &mut out).expect("waits");
    out = Output::default();
    lighter.replied(About::Place(OrderId(1)), Err("cut".to_owned()), WALL, &mut out).expect("goes on");
    assert_eq!(asked(&out), [(About::Place(OrderId(2)), Some(8))]);
    out = Output::default();
    let stale = answer(json!({ "code": 21104, "message": "invalid nonce" }));
    lighter.replied(About::Place(OrderId(2)), stale, WALL, &mut out).expect("goes on");
    assert_eq!(asked(&out), [(About::Nonce(0), None), (About::Query(OrderId(1)), None)]);
    out = Output::default();
    lighter.replied(About::Nonce(0), answer(json!({ "code": 200, "nonce": 9 })), WALL, &mut out).expect("goes on");
    assert_eq!(asked(&out), [(About::Place(OrderId(2)), Some(9))]);
}

/// Cancels and closes have a key and nonces of their own: none waits for an opening that was not answered.
#[test]
fn closes_do_not_wait_for_an_opening_where_they_have_a_key() {
    let key = |byte: &str| PrivateKey::from_hex(&("09".to_owned() + &byte.repeat(38) + "00")).expect("a key");
    let mut access = ready().access;
    access.closes = Some(ApiKey { number: 5, key: key("22") });
    let (mut lighter, mut out) = (LighterClient::new(access), Output::default());
    lighter.market = Some(Market { id: 1, size_unit: 10_000, price_unit: 100_000_000 });
    lighter.is_ready = true;
    for (lane, nonce) in [(0, 8), (1, 40)] {
        lighter
            .replied(About::Nonce(lane), answer(json!({ "code": 200, "nonce": nonce })), WALL, &mut out)
            .expect("read");
    }
    lighter.command(&order(1, 20_000_000), WALL, &mut out).expect("sent");
    // it may not have come yet: a cancel goes after it
    lighter.command(&Command::Cancel { venue: Role::Long, id: OrderId(1) }, WALL, &mut out).expect("waits");
    lighter.command(&close(2), WALL, &mut out).expect("sent");
    assert_eq!(asked(&out), [(About::Place(OrderId(1)), Some(8)), (About::Place(OrderId(2)), Some(40))]);
    out = Output::default();
    lighter.replied(About::Place(OrderId(1)), answer(json!({ "code": 200 })), WALL, &mut out).expect("goes on");
    assert_eq!(asked(&out), [(About::Cancel(OrderId(1)), Some(9))]);
}

/// Expiries are told in the venue's clock: of the transaction, and of an order that rests.
#[test]
fn an_expiry_is_of_the_venues_clock() {
    for ahead in [3, -2] {
        let (mut lighter, mut out) = (ready(), Output::default());
        lighter.venue_clock(ahead * SECOND);
        let Command::Place(order) = order(1, 1_000_000) else { unreachable!("an order") };
        let order = Command::Place(NewOrder { kind: OrderKind::PostOnly, ..order });
        lighter.command(&order, WALL, &mut out).expect("sent");
        let Outbound::Request(Request { body: Body::Form(fields), .. }) = &out.requests[0] else { panic!("{out:?}") };
        let sent: Value = serde_json::from_str(&fields[1].1).expect("JSON");
        assert_eq!(sent["ExpiredAt"], WALL.steps(MS) + ahead * 1_000 + 8_000);
        assert_eq!(sent["OrderExpiry"], WALL.steps(MS) + ahead * 1_000 + 330_000);
    }
}

/// What the venue does not know may still land until its fence ends, and a second more; then two questions prove that it cannot.
#[test]
fn an_order_that_is_not_known_is_in_doubt_until_its_fence() {
    let (mut lighter, mut out) = (ready(), Output::default());
    lighter.command(&order(1, 1_000_000), WALL, &mut out).expect("sent");
    let form = out.requests.iter().find_map(|sent| match sent {
        Outbound::Request(Request { body: Body::Form(fields), .. }) => serde_json::from_str::<Value>(&fields[1].1).ok(),
        _ => None,
    });
    assert_eq!(form.expect("a transaction")["ExpiredAt"], (WALL.steps(MS)) + 8_000, "before the fence");
    let none = || answer(json!({ "code": 200, "orders": [] }));
    out = Output::default();
    for wall in [WALL.plus(9 * SECOND - NS), WALL.plus(9 * SECOND), WALL.plus(10 * SECOND - NS)] {
        lighter.command(&Command::Query { venue: Role::Long, id: OrderId(1) }, wall, &mut out).expect("asked");
        lighter.replied(About::Query(OrderId(1)), none(), wall, &mut out).expect("goes on");
    }
    let status = |state| EventBody::Status { id: OrderId(1), state };
    assert_eq!(events(&out), [status(OrderState::InDoubt); 3]);
    out = Output::default();
    lighter.pass(WALL.plus(10 * SECOND), &mut out).expect("asks by itself");
    lighter.replied(About::Query(OrderId(1)), none(), WALL.plus(11 * SECOND), &mut out).expect("goes on");
    assert_eq!(events(&out), [status(OrderState::Unknown)]);
}

#[test]
fn trades_and_orders_become_events_in_the_traders_order() {
    let mut lighter = ready();
    let mut out = Output::default();
    lighter.command(&order(1, 20_000_000), WALL, &mut out).expect("sent");
    let client = lighter.client_index(OrderId(1));
    out = Output::default();
    let row = json!({ "order_index": 5, "client_order_index": client, "market_index": 1, "initial_base_amount": "0.02000",
        "price": "90000.0", "remaining_base_amount": "0.00000", "filled_base_amount": "0.02000", "is_ask": false,
        "status": "filled", "transaction_time": 1_790_000_000_000_500i64 });
    let frame =
        json!({ "type": "update/account_all_orders", "channel": "account_all_orders:7", "orders": { "1": [row] } });
    lighter.on_frame(0, &frame.to_string(), WALL, &mut out).expect("read");
    assert!(events(&out).is_empty(), "the end waits for its fill");
    let trade = json!({ "trade_id": 3, "type": "trade", "market_id": 1, "size": "0.02000", "price": "89999.9",
        "is_maker_ask": true, "bid_account_id": 7, "ask_account_id": 0, "bid_client_id": client, "taker_fee": 280,
        "timestamp": 1_790_000_000_000i64, "transaction_time": 1_790_000_000_000_400i64 });
    let frame =
        json!({ "type": "update/account_all_trades", "channel": "account_all_trades:7", "trades": { "1": [trade] } });
    lighter.on_frame(0, &frame.to_string(), WALL, &mut out).expect("read");
    lighter.on_frame(0, &frame.to_string(), WALL, &mut out).expect("twice is once");
    // 1799.998 x 280e-6 = 0.50399944, to 1e-8 against us
    let (id, side, px, qty) = (OrderId(1), Side::Buy, Price(89_999_900_000_000), Qty(20_000_000));
    let fill = EventBody::Fill { id, side, px, qty, maker: false, fee: Cash(-503_999_440_000) };
    assert_eq!(events(&out), [fill, EventBody::Done { id, filled: qty }]);
    // a stranger's order, and a venue that refuses the stream
    out = Output::default();
    let mut strange = frame.clone();
    strange["trades"]["1"][0]["bid_client_id"] = json!(client + (1i64 << 40));
    strange["trades"]["1"][0]["trade_id"] = json!(4);
    lighter.on_frame(0, &strange.to_string(), WALL, &mut out).expect("read");
    assert!(matches!(&out.account[..], [AccountUpdate::ForeignFill { fill, .. }] if fill.sent_by.is_none()), "{out:?}");
    out = Output::default();
    lighter.on_frame(0, r#"{"error":{"code":30005,"message":"Invalid Channel"}}"#, WALL, &mut out).expect("goes on");
    assert_eq!(out.account, [AccountUpdate::Trouble("the stream says 30005: Invalid Channel".to_owned())]);
    // a text that cannot be read: what is missing of an order is asked for
    lighter.command(&order(2, 20_000_000), WALL, &mut out).expect("sent");
    out = Output::default();
    lighter.on_frame(ACCOUNT_STREAM, "{", WALL, &mut out).expect("goes on");
    assert_eq!(asked(&out), [(About::Fills, None), (About::Query(OrderId(2)), None)]);
}

#[test]
fn a_book_with_a_gap_is_asked_for_anew() {
    let mut lighter = ready();
    let frame = |kind: &str, begin: u64, nonce: u64| {
        let level = |price: &str| json!([{ "price": price, "size": "1.00000" }]);
        let book = json!({ "asks": level("90001.0"), "bids": level("90000.0"), "nonce": nonce, "begin_nonce": begin });
        json!({ "type": format!("{kind}/order_book"), "channel": "order_book:1", "order_book": book }).to_string()
    };
    let mut out = Output::default();
    lighter.greet(PUBLIC_STREAM, WALL, &mut out).expect("greets");
    lighter.on_frame(0, &frame("subscribed", 0, 10), WALL, &mut out).expect("read");
    assert!(
        matches!(&out.market[..], [MarketUpdate::Quote { bbo, .. }] if bbo.bid == Price(90_000_000_000_000)),
        "{out:?}"
    );
    out = Output::default();
    for name in ["trade", "market_stats"] {
        lighter.whole(PUBLIC.iter().position(|known| *known == name).expect("a channel"));
    }
    lighter.on_frame(0, &frame("update", 11, 12), WALL.plus(2 * SECOND), &mut out).expect("read");
    let text = |sent: &Outbound| if let Outbound::Text { text, .. } = sent { text.clone() } else { String::new() };
    let said: Vec<String> = out.requests.iter().map(text).collect();
    assert_eq!(
        said,
        [r#"{"type":"unsubscribe","channel":"order_book/1"}"#, r#"{"type":"subscribe","channel":"order_book/1"}"#]
    );
}

fn said(requests: &[Outbound]) -> Vec<Value> {
    let text =
        |sent: &Outbound| if let Outbound::Text { text, .. } = sent { serde_json::from_str(text).ok() } else { None };
    requests.iter().filter_map(text).collect()
}

fn token_of(requests: &[Outbound]) -> String {
    let header = |sent: &Outbound| match sent {
        Outbound::Request(Request { headers, .. }) => {
            headers.iter().find(|(name, _)| *name == "authorization").cloned()
        }
        _ => None,
    };
    requests.iter().find_map(header).expect("a token").1
}

/// A venue that refuses a token before its time: the question is asked again with another one, three times in all.
#[test]
fn a_refused_token_is_signed_anew_and_the_question_asked_again() {
    let mut lighter = ready();
    let mut out = Output::default();
    let query = Command::Query { venue: Role::Long, id: OrderId(1) };
    lighter.command(&query, WALL, &mut out).expect("asked");
    let about = About::Query(OrderId(1));
    let mut tokens = vec![token_of(&out.requests)];
    let refusal = || answer(json!({ "code": 20001, "message": "invalid param : auth: the deadline has passed" }));
    for _ in 0..3 {
        out = Output::default();
        lighter.replied(about, refusal(), WALL, &mut out).expect("goes on");
        assert_eq!(asked(&out), [(about, None)]);
        tokens.push(token_of(&out.requests));
    }
    tokens.sort();
    tokens.dedup();
    assert_eq!(tokens.len(), 4, "no token is sent twice");
    out = Output::default();
    lighter.replied(about, refusal(), WALL, &mut out).expect("goes on");
    let [AccountUpdate::Trouble(first), ..] = &out.account[..] else { panic!("{out:?}") };
    assert!(first.starts_with("3 tokens in a row were refused") && asked(&out).is_empty(), "{out:?}");
    // a parameter that is wrong is not a token's fault: the question is asked again later
    let mut lighter = ready();
    lighter.ask_payments(WALL, &mut out).expect("asks");
    for (seconds, asks) in [(4, vec![]), (5, vec![(About::Payments, None)])] {
        let wrong = answer(json!({ "code": 20001, "message": "invalid param : limit" }));
        lighter.replied(About::Payments, wrong, WALL, &mut out).expect("goes on");
        out = Output::default();
        lighter.pass(WALL.plus(seconds * SECOND), &mut out).expect("asks");
        assert_eq!(asked(&out), asks);
    }
}

/// The login ends while many questions are under way, of one order too: all bore one token, which is refused once.
#[test]
fn a_token_that_many_requests_bore_is_refused_once() {
    let mut lighter = ready();
    let abouts: Vec<About> = [1, 1, 2, 2, 3, 4].map(|id| About::Query(OrderId(id))).to_vec();
    let mut out = Output::default();
    for about in &abouts {
        let About::Query(id) = *about else { continue };
        lighter.command(&Command::Query { venue: Role::Long, id }, WALL, &mut out).expect("asked");
    }
    let before = token_of(&out.requests);
    let refusal = || answer(json!({ "code": 20001, "message": "invalid param : auth: the deadline has passed" }));
    out = Output::default();
    for about in &abouts {
        lighter.replied(*about, refusal(), WALL, &mut out).expect("goes on");
    }
    assert_eq!((asked(&out).len(), lighter.refused_tokens), (6, 1));
    assert_ne!(token_of(&out.requests), before);
    let last = out.requests.split_off(out.requests.len() - 1);
    assert_ne!(token_of(&last), before, "all are asked again with the new one");
}

/// Both private channels are refused: both are asked for again, once, with another token; one that had been taken says so.
#[test]
fn a_token_refused_by_the_stream_subscribes_the_account_again() {
    let mut lighter = ready();
    let mut out = Output::default();
    lighter.greet(ACCOUNT_STREAM, WALL, &mut out).expect("greets");
    let private = |out: &Output| -> Vec<Value> {
        said(&out.requests).into_iter().filter(|ask| ask["auth"].is_string()).collect()
    };
    let before = private(&out);
    let refusal = r#"{"error":{"code":20001,"message":"invalid param : auth: the deadline has passed"}}"#;
    out = Output::default();
    lighter.on_frame(ACCOUNT_STREAM, refusal, WALL, &mut out).expect("goes on");
    assert_eq!(out, Output::default());
    lighter.on_frame(ACCOUNT_STREAM, refusal, WALL, &mut out).expect("goes on");
    let again = private(&out);
    let channels = |asks: &[Value]| asks.iter().map(|ask| ask["channel"].clone()).collect::<Vec<_>>();
    assert_eq!((again.len(), channels(&again)), (2, channels(&before)));
    assert_ne!(again[0]["auth"], before[0]["auth"]);
    out = Output::default();
    let taken = r#"{"error":{"code":30003,"message":"Already Subscribed to : account_all_orders:7"}}"#;
    lighter.on_frame(ACCOUNT_STREAM, taken, WALL, &mut out).expect("goes on");
    let trades = r#"{"type":"subscribed/account_all_trades","channel":"account_all_trades:7","trades":{}}"#;
    lighter.on_frame(ACCOUNT_STREAM, trades, WALL, &mut out).expect("goes on");
    assert_eq!((out, lighter.refused_tokens), (Output::default(), 0));
}

/// What an earlier process sent is asked for by the number that it sent it under; of its fills and payments what is not booked is
/// told, all pages, oldest first.
#[test]
fn what_an_earlier_process_left_is_taken_over() {
    let (mut lighter, mut out) = (ready(), Output::default());
    let number = RunNumber { tag: 3, epoch: 1 };
    let Command::Place(order) = order(5, 30_000_000) else { unreachable!("an order") };
    let (sent_at, filled) = (WALL.plus(-MINUTE), Qty(10_000_000));
    let orders = vec![PastOrder { order, number, sent_at, filled, is_accepted: true }];
    let booked = ["1".to_owned(), "funding 1789999950000".to_owned()].into();
    lighter.resume(Past { orders, booked, since: sent_at }, WALL, &mut out).expect("asks");
    let about = About::Query(OrderId(5));
    assert_eq!(asked(&out), [(About::Fills, None), (About::Payments, None), (about, None)]);
    let client = number.at_lighter(OrderId(5));
    assert!(matches!(&out.requests[2], Outbound::Request(ask) if ask.path.ends_with(&format!("={client}"))), "{out:?}");
    // unanswered: asked again a second later
    lighter.replied(about, Err("cut".to_owned()), WALL, &mut out).expect("goes on");
    out = Output::default();
    lighter.pass(WALL.plus(SECOND), &mut out).expect("asks");
    assert_eq!(asked(&out), [(about, None)]);
    let trade = |id: i64, size: &str| {
        json!({ "trade_id": id, "market_id": 1, "size": size, "price": "89999.9", "is_maker_ask": true, "bid_account_id": 7,
            "ask_account_id": 0, "bid_client_id": client, "timestamp": 1_789_999_950_000i64 + id })
    };
    let order = json!({ "order_index": 5, "client_order_index": client, "market_index": 1, "initial_base_amount": "0.03",
        "price": "90000.0", "remaining_base_amount": "0", "filled_base_amount": "0.03", "is_ask": false, "status": "filled" });
    let payment = |ms: i64, id: i64| json!({ "timestamp": ms, "market_id": 1, "funding_id": id, "change": "-0.5" });
    let pages = [
        (about, json!({ "code": 200, "orders": [order] })),
        (About::Fills, json!({ "code": 200, "trades": [trade(3, "0.01")], "next_cursor": "c" })),
        (About::Fills, json!({ "code": 200, "trades": [trade(2, "0.01"), trade(1, "0.01")] })),
        (About::Fills, json!({ "code": 200, "trades": [trade(3, "0.01"), trade(2, "0.01")] })),
        (
            About::Payments,
            json!({ "code": 200, "position_fundings": [payment(1_789_999_960_000, 2), payment(1_789_999_950_000, 1)] }),
        ),
    ];
    out = Output::default();
    for (about, body) in pages {
        assert!(!out.account.contains(&AccountUpdate::Resumed));
        lighter.replied(about, answer(body), WALL, &mut out).expect("read");
    }
    let names: Vec<Option<&str>> = out
        .account
        .iter()
        .filter_map(|update| if let AccountUpdate::Event { name, .. } = update { Some(name.as_deref()) } else { None })
        .collect();
    assert_eq!(names, [Some("2"), Some("3"), None, Some("funding 1789999960000")], "{out:?}");
    let done = EventBody::Status { id: OrderId(5), state: OrderState::Done { filled: Qty(30_000_000) } };
    assert_eq!(events(&out)[2], done);
    assert_eq!(out.account.last(), Some(&AccountUpdate::Resumed));
}

/// Deposits, transfers and withdrawals are told together, all pages, as far as they have moved money of ours; one that is not answered
/// tells nothing, and whoever needs it asks again.
#[test]
fn what_was_paid_in_or_out_is_told_when_all_of_it_is_known() {
    let (mut lighter, mut out) = (ready(), Output::default());
    let since = WALL.plus(-MINUTE);
    let row = |id: &str, amount: &str, status: &str| json!({ "id": id, "asset_id": 3, "amount": amount, "timestamp": 1_789_999_960_000i64, "status": status });
    let moved = |from: i64, to: i64| json!({ "id": "t", "amount": "5", "fee": "0.5", "timestamp": 1_789_999_970_000i64, "type": "L2TransferOutflow", "from_account_index": from, "to_account_index": to });
    let about = About::Transfers;
    lighter.ask_transfers(since, WALL, &mut out).expect("asks");
    lighter.ask_transfers(since, WALL, &mut out).expect("once at a time");
    assert_eq!(asked(&out), [(about(0), None), (about(1), None), (about(2), None)]);
    lighter.replied(about(0), Err("cut".to_owned()), WALL, &mut out).expect("goes on");
    for n in [1, 2] {
        lighter.replied(about(n), answer(json!({ "code": 200, "cursor": "" })), WALL, &mut out).expect("read");
    }
    assert!(!out.account.iter().any(|update| matches!(update, AccountUpdate::Transfers(_))), "{out:?}");
    out = Output::default();
    lighter.pass(WALL.plus(MINUTE), &mut out).expect("passes");
    assert!(!asked(&out).iter().any(|(of, _)| matches!(of, About::Transfers(_))), "{out:?}");
    lighter.ask_transfers(since, WALL, &mut out).expect("asks");
    let pages = [
        (
            about(2),
            json!({ "code": 200, "withdraws": [row("w", "7.25", "pending"), row("x", "1", "failed")], "cursor": "" }),
        ),
        (about(0), json!({ "code": 200, "deposits": [row("a", "100", "completed")], "cursor": "next" })),
        (about(1), json!({ "code": 200, "transfers": [moved(7, 9), moved(8, 7), moved(7, 7)], "cursor": "" })),
        (
            about(0),
            json!({ "code": 200, "deposits": [row("b", "1", "pending"), row("c", "2", "completed")], "cursor": "" }),
        ),
    ];
    out = Output::default();
    for (about, body) in pages {
        lighter.replied(about, answer(body), WALL, &mut out).expect("read");
    }
    let [.., AccountUpdate::Transfers(all)] = &out.account[..] else { panic!("{out:?}") };
    let mut all: Vec<(&str, f64)> =
        all.iter().map(|transfer| (transfer.name.as_str(), transfer.amount.0 as f64 * 1e-12)).collect();
    all.sort_by(|one, two| one.partial_cmp(two).expect("numbers"));
    let wanted =
        [("deposit a", 100.0), ("deposit c", 2.0), ("transfer t", -5.5), ("transfer t", 5.0), ("withdraw w", -7.25)];
    assert_eq!(all, wanted);
}

/// Who sent what is open is said, so far as its number tells.
#[test]
fn an_account_says_its_settings_and_what_is_open() {
    let (mut lighter, mut out) = (ready(), Output::default());
    let position = |market: i64, sign: i64| json!({ "market_id": market, "symbol": "X", "initial_margin_fraction": "20.00", "sign": sign, "position": "0.5", "margin_mode": 1 });
    let account = json!({ "collateral": "100.5", "positions": [position(1, -1), position(2, 1)] });
    lighter
        .replied(About::Account, answer(json!({ "code": 200, "accounts": [account] })), WALL, &mut out)
        .expect("read");
    let open = |client: u64| {
        json!({ "order_index": 9, "client_order_index": client, "market_index": 1, "initial_base_amount": "0.03", "is_ask": true,
            "price": "90000.0", "remaining_base_amount": "0.02", "status": "open" })
    };
    let earlier = RunNumber { tag: 3, epoch: 1 };
    let ours = earlier.at_lighter(OrderId(5)).unsigned_abs();
    let orders = json!({ "code": 200, "orders": [open(ours), open(77)] });
    lighter.replied(About::OpenOrders, answer(orders), WALL, &mut out).expect("read");
    let order = |client, sent_by| {
        let (name, side, qty, px) = ("9".to_owned(), Side::Sell, Qty(20_000_000), Price(90_000_000_000_000));
        OpenOrder { name, client, sent_by, side, qty, px }
    };
    let holding = Holding {
        cash: Cash(100_500_000_000_000),
        position: Qty(-500_000_000),
        leverage: Some(Rate(5 * Rate::ONE)),
        is_isolated: Some(true),
        orders: vec![order(ours, Some((earlier, OrderId(5)))), order(77, None)],
        other_positions: vec![("X".to_owned(), Qty(500_000_000))],
    };
    assert_eq!(out.account, [AccountUpdate::Holding(holding)]);
}

/// A token is replaced an hour before its end: the channels of the account end and begin again with the next.
#[test]
fn the_account_is_subscribed_anew_before_its_token_ends() {
    let (mut lighter, mut out) = (ready(), Output::default());
    lighter.greet(ACCOUNT_STREAM, WALL, &mut out).expect("greets");
    for name in ["account_all_orders", "account_all_trades"] {
        let frame = json!({ "type": format!("subscribed/{name}"), "channel": format!("{name}:7") });
        lighter.on_frame(ACCOUNT_STREAM, &frame.to_string(), WALL, &mut out).expect("read");
    }
    out = Output::default();
    lighter.pass(WALL.plus(6 * HOUR - SECOND), &mut out).expect("passes");
    assert_eq!(out, Output::default());
    lighter.pass(WALL.plus(6 * HOUR), &mut out).expect("passes");
    let kinds: Vec<Value> = said(&out.requests).iter().map(|ask| ask["type"].clone()).collect();
    assert_eq!(kinds, ["unsubscribe", "subscribe", "unsubscribe", "subscribe"]);
    lighter.pass(WALL.plus(6 * HOUR), &mut out).expect("passes");
    assert_eq!(out.requests.len(), 4, "once");
}

/// A book that stands still while the market's statistics move is given up, and quoted again when they show the same.
#[test]
fn a_book_that_is_not_that_of_the_statistics_is_subscribed_anew_and_not_quoted() {
    let mut lighter = ready();
    let level = |px: &str| json!([{ "price": px, "size": "1.00000" }]);
    let book =
        json!({ "bids": level("90000.0"), "asks": level("90000.1"), "begin_nonce": 0, "nonce": 10, "offset": 1 });
    let book = json!({ "type": "subscribed/order_book", "channel": "order_book:1", "order_book": book }).to_string();
    let stats = |bid: &str, ask: &str| {
        let stats = json!({ "market_id": 1, "index_price": "90000.0", "mark_price": "90000.0", "best_bid_price": bid,
            "best_ask_price": ask });
        json!({ "type": "update/market_stats", "channel": "market_stats:1", "market_stats": stats }).to_string()
    };
    let quotes = |out: &Output| out.market.iter().filter(|row| matches!(row, MarketUpdate::Quote { .. })).count();
    let mut out = Output::default();
    lighter.greet(PUBLIC_STREAM, WALL, &mut out).expect("greets");
    lighter.on_frame(0, &book, WALL, &mut out).expect("read");
    assert_eq!(quotes(&out), 1);
    let trades = r#"{"type":"subscribed/trade","channel":"trade:1","trades":[]}"#;
    lighter.on_frame(0, trades, WALL, &mut out).expect("read");
    out = Output::default();
    let books = |out: &Output| said(&out.requests).iter().filter(|ask| ask["channel"] == "order_book/1").count();
    for second in 0..=5 {
        assert_eq!((books(&out), &out.account[..]), (0, &[][..]));
        lighter.on_frame(0, &stats("90020.0", "90020.1"), WALL.plus(SECOND.times(second)), &mut out).expect("read");
    }
    assert_eq!(books(&out), 2, "the end of the old one, and another");
    let [AccountUpdate::Trouble(why), AccountUpdate::Shut(shut)] = &out.account[..] else { panic!("{out:?}") };
    assert!(shut.words().eq([why.as_str()]), "{shut:?} {why}");
    // the same book again is not believed; that the statistics come to it makes it one
    out = Output::default();
    lighter.on_frame(0, &book, WALL.plus(6 * SECOND), &mut out).expect("read");
    assert_eq!((quotes(&out), &out.account[..]), (0, &[][..]));
    lighter.on_frame(0, &stats("", ""), WALL.plus(7 * SECOND), &mut out).expect("read");
    assert_eq!((quotes(&out), &out.account[..]), (0, &[][..]));
    lighter.on_frame(0, &stats("90000.1", "90000.2"), WALL.plus(8 * SECOND), &mut out).expect("read");
    assert_eq!((quotes(&out), &out.account[..]), (1, &[AccountUpdate::Shut(Default::default())][..]));
}

/// A market whose sizes become ten times as coarse: what is read again tells it, and the next order is written in its steps.
#[test]
fn orders_are_written_in_the_newest_steps() {
    for (id, decimals, units) in [(1, None, 2_000), (2, Some(4), 200)] {
        let mut lighter = ready();
        if let Some(decimals) = decimals {
            let market = json!({ "symbol": "BTC", "market_id": 1, "status": "active", "size_decimals": decimals, "price_decimals": 1 });
            let reply = answer(json!({ "code": 200, "order_book_details": [market] }));
            lighter.replied(About::Markets, reply, WALL, &mut Output::default()).expect("read");
        }
        let mut out = Output::default();
        lighter.command(&order(id, 20_000_000), WALL, &mut out).expect("sent");
        let text = format!("{:?}", out.requests);
        assert!(text.contains(&format!("BaseAmount\\\":{units},")), "{text}");
    }
}

/// The market's own words are asked for with the account, and when an order was refused for them.
#[test]
fn a_market_that_takes_nothing_is_shut() {
    let mut lighter = ready();
    let mut out = Output::default();
    lighter.ask_account(&mut out);
    lighter.command(&order(1, 20_000_000), WALL, &mut out).expect("sent");
    let refusal = json!({ "code": 21605, "message": "invalid market status" });
    lighter.replied(About::Place(OrderId(1)), answer(refusal), WALL, &mut out).expect("goes on");
    let markets = |out: &Output| asked(out).iter().filter(|(about, _)| *about == About::Markets).count();
    assert_eq!(markets(&out), 2, "{out:?}");
    // however many are refused, it is asked for each few seconds
    let mut more = Output::default();
    for n in 2..22 {
        let wall = WALL.plus(SECOND.times(i64::from(n)) / 2);
        lighter.pass(wall, &mut more).expect("goes on");
        lighter.command(&order(n, 20_000_000), wall, &mut more).expect("sent");
        let refusal = json!({ "code": 21605, "message": "invalid market status" });
        lighter.replied(About::Place(OrderId(n)), answer(refusal), wall, &mut more).expect("goes on");
    }
    assert_eq!(markets(&more), 2, "in ten seconds and a half");
    assert_eq!(events(&out), [EventBody::Rejected { id: OrderId(1), reason: Reject::Unavailable }]);
    let markets = [("inactive", false), ("inactive", false), ("active", true), ("active", false)];
    let told = markets.map(|(status, only)| {
        let market = json!({ "symbol": "BTC", "market_id": 1, "status": status, "market_config": { "force_reduce_only": only } });
        let mut out = Output::default();
        let reply = answer(json!({ "code": 200, "order_book_details": [market] }));
        lighter.replied(About::Markets, reply, WALL, &mut out).expect("read");
        let word = |update: &AccountUpdate| match update {
            AccountUpdate::Shut(shut) => shut.words().next().unwrap_or_default().to_owned(),
            other => panic!("{other:?}"),
        };
        out.account.iter().map(word).collect::<Vec<_>>()
    });
    let want: [&[&str]; 4] = [&["the market is inactive"], &[], &["the market takes what reduces alone"], &[""]];
    assert_eq!(told.each_ref().map(Vec::as_slice), want);
}
