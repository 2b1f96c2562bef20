//! The client without a socket.

use super::*;
use crate::client::PastOrder;
use perpx_core::market::Role;
use perpx_core::units::{MINUTE, MS, Price};
use serde_json::{Value, json};

const WALL: Time = Time(1_790_000_000_000_000_000);

fn answer(status: u16, body: Value) -> Reply {
    let pair = |name: &str, value: &str| (name.to_owned(), value.to_owned());
    let session = vec![pair("set-cookie", "gravity=abc; Path=/"), pair("x-grvt-account-id", "ACC:1")];
    Ok(Answer { status, body: body.to_string(), session })
}

fn asked(out: &Output) -> Vec<About> {
    out.requests
        .iter()
        .filter_map(|sent| if let Outbound::Request(ask) = sent { Some(ask.about) } else { None })
        .collect()
}

fn events(out: &Output) -> Vec<EventBody> {
    let body = |update: &AccountUpdate| if let AccountUpdate::Event { body, .. } = update { Some(*body) } else { None };
    out.account.iter().filter_map(body).collect()
}

fn begun() -> GrvtClient {
    let key = PrivateKey::from_hex(&"5a".repeat(32)).expect("a key");
    let (api_key, coin, leverage) = (Hidden::new("k".to_owned()), "BTC".to_owned(), Rate(5 * Rate::ONE));
    GrvtClient::new(GrvtAccess {
        api_key,
        key,
        sub_account: 77,
        chain_id: 325,
        coin,
        leverage,
        fence: 9 * SECOND,
        rests: 2 * SECOND,
        since: WALL,
        number: RunNumber { tag: 3, epoch: 2 },
    })
}

fn ready() -> GrvtClient {
    let mut grvt = begun();
    let mut out = Output::default();
    grvt.begin(true, &mut out);
    let instrument = json!({ "instrument": "BTC_USDT_Perp", "instrument_hash": "0x030501", "base": "BTC", "quote": "USDT",
        "kind": "PERPETUAL", "base_decimals": 9, "quote_decimals": 6, "tick_size": "0.1", "min_size": "0.001" });
    for (about, body) in [
        (About::Login, json!({ "status": "success" })),
        (About::Markets, json!({ "result": instrument })),
        (
            About::Account,
            json!({ "result": { "sub_account_id": "77", "total_equity": "0", "initial_margin": "0", "maintenance_margin": "0",
            "available_balance": "0", "unrealized_pnl": "0", "positions": [], "spot_balances": [] } }),
        ),
        (About::OpenOrders, json!({ "result": [] })),
        (About::Settings, json!({ "results": [] })),
    ] {
        assert!(!grvt.is_ready);
        grvt.replied(about, answer(200, body), WALL, &mut out).expect("taken");
    }
    assert_eq!(out.account.last(), Some(&AccountUpdate::Ready));
    grvt.set_leverage(WALL, &mut out).expect("signed");
    let first = [About::Login, About::Markets, About::Account, About::OpenOrders, About::Settings, About::Leverage];
    assert_eq!(asked(&out), first);
    grvt.replied(About::Leverage, answer(200, json!({ "result": { "ack": true } })), WALL, &mut out).expect("taken");
    assert_eq!(out.account.last(), Some(&AccountUpdate::Leverage(None)));
    grvt
}

fn order(id: u32) -> Command {
    let (id, venue, side, kind) = (OrderId(id), Role::Short, Side::Sell, OrderKind::PostOnly);
    let (qty, limit) = (Qty(10_000_000), Price(90_000_100_000_000));
    Command::Place(NewOrder { id, venue, side, qty, limit, kind, reduce_only: false, covers: false })
}

#[test]
fn orders_carry_the_session_and_a_signature_of_what_is_sent() {
    let mut grvt = ready();
    let mut out = Output::default();
    grvt.command(&order(1), WALL, &mut out).expect("sent");
    let Outbound::Request(Request { host: Host::Main, path, body: Body::Json(body), headers, .. }) = &out.requests[0]
    else {
        panic!("{out:?}")
    };
    assert_eq!(path, "/full/v1/create_order");
    assert_eq!(headers[..], [("cookie", "gravity=abc".to_owned()), ("x-grvt-account-id", "ACC:1".to_owned())]);
    let sent: CreateOrder = serde_json::from_str(body).expect("an order");
    let leg = &sent.order.legs[0];
    assert_eq!(
        (leg.size.to_string(), leg.limit_price.map(|px| px.to_string())),
        ("0.01".into(), Some("90000.1".into()))
    );
    let signer = crate::grvt::sign::recover(&sent.order, 325, &grvt.assets);
    assert_eq!(signer, Ok(grvt.access.key.address()));
    assert!(sent.order.metadata.client_order_id.0 >= 1 << 63);
    assert_eq!(grvt.streams()[1].headers, *headers);
}

#[test]
fn refusals_are_told_and_doubt_is_not() {
    let mut grvt = ready();
    let mut out = Output::default();
    for id in 1..=5 {
        grvt.command(&order(id), WALL, &mut out).expect("sent");
    }
    out = Output::default();
    let refusal = |code: u32| answer(400, json!({ "code": code, "message": "no", "status": 400 }));
    for (id, reply) in [
        (1, refusal(2080)),
        (2, refusal(2064)),
        // the order may live: the stream or a query will tell
        (3, refusal(1002)),
        (4, Err("no answer".to_owned())),
        (5, Ok(Answer { status: 502, body: "<html>".to_owned(), session: Vec::new() })),
    ] {
        grvt.replied(About::Place(OrderId(id)), reply, WALL, &mut out).expect("goes on");
    }
    let rejected = |id, reason| EventBody::Rejected { id: OrderId(id), reason };
    assert_eq!(events(&out), [rejected(1, Reject::NoMargin), rejected(2, Reject::Rules)]);
    // while it is not known what became of the three nothing opens
    out = Output::default();
    grvt.command(&order(6), WALL, &mut out).expect("refused here");
    assert_eq!((asked(&out), events(&out)), (vec![], vec![rejected(6, Reject::Gate)]));
}

/// A signature ends by the venue's clock.
#[test]
fn an_expiry_is_of_the_venues_clock() {
    for ahead in [3, -2] {
        let (mut grvt, mut out) = (ready(), Output::default());
        grvt.venue_clock(ahead * SECOND);
        grvt.command(&order(1), WALL, &mut out).expect("sent");
        let Outbound::Request(Request { body: Body::Json(body), .. }) = &out.requests[0] else { panic!("{out:?}") };
        let sent: CreateOrder = serde_json::from_str(body).expect("an order");
        assert_eq!(sent.order.signature.expiration.0, WALL.plus(ahead * SECOND + 8 * SECOND).0);
    }
}

/// What the venue does not know may land as long as its signature lives; then two questions with a second between them prove that
/// it cannot.
#[test]
fn an_order_that_is_not_known_is_in_doubt_until_its_fence() {
    let (mut grvt, mut out) = (ready(), Output::default());
    let about = About::Query(OrderId(1));
    let not_known = || answer(404, json!({ "code": 1004, "message": "Data Not Found", "status": 404 }));
    let at = |ms: i64| WALL.plus(ms * MS);
    grvt.command(&order(1), WALL, &mut out).expect("sent");
    let Outbound::Request(Request { body: Body::Json(body), .. }) = &out.requests[0] else { panic!("{out:?}") };
    let sent: CreateOrder = serde_json::from_str(body).expect("an order");
    assert_eq!(sent.order.signature.expiration.0, at(8_000).0, "it rests for two seconds");
    grvt.replied(About::Place(OrderId(1)), Err("cut".to_owned()), at(100), &mut out).expect("goes on");
    let mut seen = Vec::new();
    for ms in [8_980, 9_000, 9_900, 10_000] {
        out = Output::default();
        grvt.pass(at(ms), &mut out).expect("passes");
        seen.push(asked(&out).len());
        if seen.last() == Some(&1) {
            grvt.replied(about, not_known(), at(ms + 10), &mut out).expect("goes on");
        }
    }
    assert_eq!(seen, [0, 1, 0, 1]);
    let unknown = EventBody::Status { id: OrderId(1), state: OrderState::Unknown };
    assert_eq!(events(&out), [unknown], "told without being asked for");
    out = Output::default();
    grvt.pass(at(60_000), &mut out).expect("passes");
    assert_eq!(out, Output::default());
    grvt.command(&order(2), at(60_000), &mut out).expect("sent");
    assert_eq!(asked(&out), [About::Place(OrderId(2))], "what opens may leave again");
}

#[test]
fn a_gateway_that_refuses_the_client_is_no_wrong_key() {
    let login = |body: &str, status: u16| {
        let mut grvt = begun();
        let answer = Answer { status, body: body.to_owned(), session: Vec::new() };
        grvt.replied(About::Login, Ok(answer), WALL, &mut Output::default()).expect_err("refused").to_string()
    };
    assert_eq!(login("<html>", 403), "login: HTTP 403 without JSON: something in between refuses this client");
    assert_eq!(login(r#"{"status":"failure","error":"invalid api key"}"#, 200), "login: invalid api key");
    assert_eq!(login(r#"{"status":"success"}"#, 200), "login: the answer has no cookie 'gravity'");
}

#[test]
fn states_and_fills_become_events_in_the_traders_order() {
    let mut grvt = ready();
    let mut out = Output::default();
    grvt.command(&order(1), WALL, &mut out).expect("sent");
    let client = grvt.client_id(OrderId(1));
    out = Output::default();
    let mut say = |grvt: &mut GrvtClient, stream: &str, feed: Value| {
        let frame = json!({ "stream": stream, "selector": "77", "sequence_number": "5", "prev_sequence_number": "4", "feed": feed });
        grvt.on_frame(1, &frame.to_string(), WALL, &mut out).expect("read");
        std::mem::take(&mut out)
    };
    let state = |status: &str, reason: &str, traded: &str| {
        let state = json!({ "status": status, "reject_reason": reason, "traded_size": [traded], "update_time": "9" });
        json!({ "order_id": "0x01", "client_order_id": client.to_string(), "order_state": state })
    };
    let id = OrderId(1);
    let output = say(&mut grvt, "v1.state", state("OPEN", "UNSPECIFIED", "0.0"));
    assert_eq!(events(&output), [EventBody::Accepted { id }]);
    let output = say(&mut grvt, "v1.state", state("CANCELLED", "EXPIRED", "0.004"));
    assert!(output == Output::default(), "the end waits for its fill");
    let fill = json!({ "event_time": "8", "sub_account_id": "77", "instrument": "BTC_USDT_Perp", "is_buyer": false,
        "is_taker": false, "size": "0.004", "price": "90000.1", "fee": "-0.00036", "trade_id": "9-1", "order_id": "0x01",
        "client_order_id": client.to_string() });
    let output = say(&mut grvt, "v1.fill", fill.clone());
    let (side, px, qty) = (Side::Sell, Price(90_000_100_000_000), Qty(4_000_000));
    let fee = Cash(360_000_000);
    assert_eq!(
        events(&output),
        [EventBody::Fill { id, side, px, qty, maker: true, fee }, EventBody::Done { id, filled: qty }]
    );
    assert!(say(&mut grvt, "v1.fill", fill) == Output::default(), "reported twice");
}

/// What was refused because the session had ended was not carried out: after one login all of it goes out again, in its order,
/// and the trading socket opens anew.
#[test]
fn an_ended_session_is_renewed_and_what_it_refused_is_asked_again() {
    let mut grvt = ready();
    let mut out = Output::default();
    for id in 1..=2 {
        grvt.command(&order(id), WALL, &mut out).expect("sent");
    }
    out = Output::default();
    let refusal = || answer(401, json!({ "code": 1000, "message": "not authenticated", "status": 401 }));
    let login = |cookie: &str| {
        let pair = |name: &str, value: &str| (name.to_owned(), value.to_owned());
        let session =
            vec![pair("set-cookie", &format!("gravity={cookie}; Path=/")), pair("x-grvt-account-id", "ACC:1")];
        Ok(Answer { status: 200, body: json!({ "status": "success" }).to_string(), session })
    };
    for id in 1..=2 {
        grvt.replied(About::Place(OrderId(id)), refusal(), WALL, &mut out).expect("goes on");
    }
    assert_eq!(asked(&out), [About::Login], "one login for both");
    // a request of the old session that is still under way
    grvt.command(&Command::Query { venue: Role::Short, id: OrderId(1) }, WALL, &mut out).expect("sent");
    out = Output::default();
    grvt.replied(About::Login, login("new"), WALL, &mut out).expect("goes on");
    assert_eq!(asked(&out), [About::Place(OrderId(1)), About::Place(OrderId(2))]);
    assert_eq!(out.requests[0], Outbound::Reopen);
    assert_eq!(grvt.streams()[1].headers[0], ("cookie", "gravity=new".to_owned()));
    let Outbound::Request(request) = &out.requests[1] else { panic!("{out:?}") };
    assert_eq!(request.headers[0], ("cookie", "gravity=new".to_owned()));
    // it is refused after the login: it goes out in the new session, without another login
    out = Output::default();
    grvt.replied(About::Query(OrderId(1)), refusal(), WALL, &mut out).expect("goes on");
    assert_eq!(asked(&out), [About::Query(OrderId(1))]);
    // a venue that never takes the new session is asked less and less often
    let (mut wall, mut waits) = (WALL, Vec::new());
    for _ in 0..9 {
        out = Output::default();
        grvt.replied(About::Place(OrderId(1)), refusal(), wall, &mut out).expect("goes on");
        let asked_at = wall;
        while asked(&out).is_empty() {
            wall = wall.plus(SECOND);
            grvt.pass(wall, &mut out).expect("passes");
        }
        waits.push(wall.since(asked_at) / SECOND);
        grvt.replied(About::Login, login("again"), wall, &mut out).expect("goes on");
    }
    assert_eq!(waits, [1, 2, 4, 8, 16, 32, 60, 60, 60]);
    // one that says how long its session lasts gets a login before its end
    out = Output::default();
    grvt.replied(About::Query(OrderId(1)), answer(200, json!({ "result": {} })), wall, &mut out).expect("goes on");
    grvt.replied(About::Login, login("abc; Max-Age=3600"), wall, &mut out).expect("goes on");
    out = Output::default();
    for (minutes, logins) in [(49, 0), (50, 1), (51, 1)] {
        grvt.pass(wall.plus(minutes * MINUTE), &mut out).expect("passes");
        assert_eq!(asked(&out).len(), logins);
    }
}

/// The same as at Lighter: asked for by the number it was sent under, all pages, what is booked is not told again.
#[test]
fn what_an_earlier_process_left_is_taken_over() {
    let (mut grvt, mut out) = (ready(), Output::default());
    let number = RunNumber { tag: 3, epoch: 1 };
    let Command::Place(order) = order(5) else { unreachable!("an order") };
    let orders = vec![PastOrder { order, number, sent_at: WALL, filled: Qty::ZERO, is_accepted: false }];
    grvt.resume(Past { orders, booked: ["1 0xa".to_owned()].into(), since: WALL }, WALL, &mut out).expect("asks");
    let about = About::Query(OrderId(5));
    assert_eq!(asked(&out), [About::Fills, About::Payments, about]);
    let client = number.at_grvt(OrderId(5)).to_string();
    let fill = |id: &str, sender: &str| {
        json!({ "event_time": (WALL.0 + 1).to_string(), "sub_account_id": "77", "instrument": "BTC_USDT_Perp", "is_buyer": false,
            "is_taker": false, "size": "0.01", "price": "90000.1", "fee": "-0.09", "trade_id": id, "order_id": "0xa",
            "client_order_id": sender })
    };
    out = Output::default();
    let pages = [
        (About::Fills, 200, json!({ "result": [fill("3", "12")], "next": "c" })),
        (About::Fills, 200, json!({ "result": [fill("2", &client), fill("1", &client)] })),
        (About::Payments, 200, json!({ "result": [] })),
        (about, 400, json!({ "code": 1004, "message": "Data Not Found", "status": 404 })),
    ];
    for (about, status, body) in pages {
        assert!(!out.account.contains(&AccountUpdate::Resumed));
        grvt.replied(about, answer(status, body), WALL, &mut out).expect("read");
    }
    let [fill, AccountUpdate::ForeignFill { fill: foreign, .. }, doubt, AccountUpdate::Resumed] = &out.account[..]
    else {
        panic!("{out:?}")
    };
    assert!(
        matches!(fill, AccountUpdate::Event { body: EventBody::Fill { id: OrderId(5), .. }, name: Some(name), .. } if name == "2 0xa")
    );
    assert_eq!((foreign.client, foreign.sent_by), (12, None));
    let state = OrderState::InDoubt;
    assert_eq!(*doubt, AccountUpdate::event(WALL, EventBody::Status { id: OrderId(5), state }));
}

/// What came to the sub-account or left it in its own money, all pages.
#[test]
fn what_was_paid_in_or_out_is_told_when_all_of_it_is_known() {
    let (mut grvt, mut out) = (ready(), Output::default());
    let about = About::Transfers(0);
    let row = |id: u32, from: &str, to: &str, currency: &str| {
        json!({ "tx_id": id.to_string(), "from_account_id": "0x1", "from_sub_account_id": from,
        "to_account_id": "0x1", "to_sub_account_id": to, "currency": currency, "num_tokens": "12.5", "event_time": (WALL.0 + i64::from(id)).to_string() })
    };
    grvt.ask_transfers(WALL, WALL, &mut out).expect("asks");
    grvt.ask_transfers(WALL, WALL, &mut out).expect("once at a time");
    assert_eq!(asked(&out), [about]);
    let refused = answer(403, json!({ "code": 1001, "message": "You are not authorized", "status": 403 }));
    grvt.replied(about, refused, WALL, &mut out).expect("goes on");
    assert!(matches!(&out.account[..], [AccountUpdate::Trouble(_)]), "{out:?}");
    out = Output::default();
    grvt.pass(WALL.plus(SECOND.times(30)), &mut out).expect("passes");
    assert!(!asked(&out).contains(&about), "{out:?}");
    out = Output::default();
    grvt.ask_transfers(WALL, WALL, &mut out).expect("asks");
    let first = json!({ "result": [row(9, "0", "77", "USDT"), row(8, "77", "0", "USDT")], "next": "c" });
    let last = json!({ "result": [row(7, "0", "77", "ETH"), row(6, "0", "78", "USDT"), row(5, "77", "78", "USDT")], "next": "" });
    for page in [first, last] {
        grvt.replied(about, answer(200, page), WALL, &mut out).expect("read");
    }
    let [AccountUpdate::Transfers(all)] = &out.account[..] else { panic!("{out:?}") };
    let all: Vec<(&str, i128)> =
        all.iter().map(|transfer| (transfer.name.as_str(), transfer.amount.0 / 100_000_000_000)).collect();
    assert_eq!(all, [("transfer 5", -125), ("transfer 8", -125), ("transfer 9", 125)]);
}

/// The same as at Lighter, by tickers; and what they say of the instrument.
#[test]
fn a_book_that_is_not_that_of_the_ticker_is_subscribed_anew_and_a_market_that_is_halted_is_shut() {
    let (mut grvt, mut out) = (ready(), Output::default());
    grvt.greet(0, WALL, &mut out).expect("greets");
    let subscribed = |stream: &str| {
        let result = json!({ "stream": stream, "subs": ["BTC_USDT_Perp@50"], "first_sequence_number": ["1"] });
        json!({ "jsonrpc": "2.0", "id": 1, "method": "subscribe", "result": result }).to_string()
    };
    let frame = |stream: &str, number: u64, feed: Value| {
        let (number, previous) = (number.to_string(), number.saturating_sub(1).to_string());
        json!({ "stream": stream, "selector": "BTC_USDT_Perp@50", "sequence_number": number,
            "prev_sequence_number": previous, "feed": feed })
        .to_string()
    };
    let level = |px: &str| json!([{ "price": px, "size": "1", "num_orders": 1 }]);
    let levels = json!({ "event_time": "5", "bids": level("90000.0"), "asks": level("90000.1") });
    let book = frame("v1.book.d", 0, levels);
    let ticker = |number, bid: &str, ask: &str, status: &str| {
        let ticker = json!({ "event_time": "5", "best_bid_price": bid, "best_ask_price": ask, "status": status });
        frame("v1.ticker.d", number, ticker)
    };
    let quotes = |out: &Output| out.market.iter().filter(|row| matches!(row, MarketUpdate::Quote { .. })).count();
    for text in [subscribed("v1.book.d"), subscribed("v1.ticker.d"), book.clone()] {
        grvt.on_frame(0, &text, WALL, &mut out).expect("read");
    }
    assert_eq!(quotes(&out), 1);
    out = Output::default();
    for second in 0..=5 {
        assert_eq!(out.account, []);
        let text = ticker(second as u64, "90020.0", "90020.1", "ACTIVE");
        grvt.on_frame(0, &text, WALL.plus(SECOND.times(second)), &mut out).expect("read");
    }
    let is_book = |sent: &&Outbound| matches!(sent, Outbound::Text { text, .. } if text.contains("v1.book.d"));
    assert_eq!(out.requests.iter().filter(is_book).count(), 2, "{out:?}");
    let [AccountUpdate::Trouble(_), AccountUpdate::Shut(shut)] = &out.account[..] else { panic!("{out:?}") };
    assert!(shut.book.is_some() && shut.market.is_none());
    out = Output::default();
    for text in [subscribed("v1.book.d"), book, ticker(6, "90000.0", "90000.1", "HALTED")] {
        assert_eq!(quotes(&out), 0);
        grvt.on_frame(0, &text, WALL.plus(6 * SECOND), &mut out).expect("read");
    }
    let [AccountUpdate::Shut(shut)] = &out.account[..] else { panic!("{out:?}") };
    assert_eq!((quotes(&out), shut.words().collect::<Vec<_>>()), (1, vec!["the market is halted"]));
    for (number, status, word) in [(7, "REDUCE_ONLY", Some("the market takes what reduces alone")), (8, "ACTIVE", None)]
    {
        out = Output::default();
        grvt.on_frame(0, &ticker(number, "90000.0", "90000.1", status), WALL, &mut out).expect("read");
        let [AccountUpdate::Shut(shut)] = &out.account[..] else { panic!("{out:?}") };
        assert_eq!(shut.words().next(), word);
    }
}
