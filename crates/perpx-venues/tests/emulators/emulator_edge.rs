//! The edge of an emulator: certificates that a client checks, what it says of itself, and that its streams have no seams.

use crate::emulator::Venue;
use perpx_core::synth::{Market, SynthSpec};
use perpx_core::units::{DAY, MS, SECOND, Time};
use perpx_venues::wall::Clock;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, ClientConnection, RootCertStore, StreamOwned};
use serde_json::Value;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

type Secure = StreamOwned<ClientConnection, TcpStream>;

/// A connection whose certificate was checked against `authority` for `name`; the reason where it does not hold.
fn connected(venue: &Venue, authority: &str, name: &str) -> Result<Secure, String> {
    let mut roots = RootCertStore::empty();
    roots.add(CertificateDer::from_pem_slice(authority.as_bytes()).expect("a certificate")).expect("an authority");
    let config = ClientConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
        .with_safe_default_protocol_versions()
        .expect("versions")
        .with_root_certificates(roots)
        .with_no_client_auth();
    let name = ServerName::try_from(name.to_owned()).expect("a name");
    let mut tls = ClientConnection::new(Arc::new(config), name).expect("a client");
    let mut stream = TcpStream::connect(("127.0.0.1", venue.port)).expect("it listens");
    stream.set_read_timeout(Some(Duration::from_secs(20))).expect("a timeout");
    while tls.is_handshaking() {
        tls.complete_io(&mut stream).map_err(|error| error.to_string())?;
    }
    Ok(StreamOwned::new(tls, stream))
}

fn got(mut stream: impl Read + Write, path: &str) -> String {
    let request = format!("GET {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
    let mut text = String::new();
    // who is not understood may be gone already, and whether TLS says goodbye is not asked here
    let _ = stream.write_all(request.as_bytes()).and_then(|()| stream.read_to_string(&mut text));
    text
}

fn secure(dir: &Path, options: &str) -> (Venue, String) {
    let file = dir.join("trust.pem");
    let venue = Venue::start(&format!("--tier plus --tls {} {options}", file.display()));
    (venue, std::fs::read_to_string(&file).expect("the certificate"))
}

#[test]
fn over_tls_the_name_and_the_authority_are_checked() {
    let dirs = [(); 2].map(|()| tempfile::tempdir().expect("a folder"));
    let [(venue, authority), (_other, foreign)] = [0, 1].map(|at: usize| secure(dirs[at].path(), ""));
    for name in ["localhost", "127.0.0.1", "::1"] {
        let stream = connected(&venue, &authority, name).unwrap_or_else(|why| panic!("{name}: {why}"));
        let answer = got(stream, "/api/v1/orderBooks");
        assert!(answer.starts_with("HTTP/1.1 200") && answer.contains("\"BTC\""), "{name}: {answer}");
    }
    let wrong = connected(&venue, &authority, "mainnet.zklighter.elliot.ai").expect_err("another name");
    assert!(wrong.contains("not valid for name"), "{wrong}");
    let strange = connected(&venue, &foreign, "localhost").expect_err("another authority");
    assert!(strange.contains("UnknownIssuer") || strange.contains("BadSignature"), "{strange}");
    // the port speaks nothing but TLS
    let plain = TcpStream::connect(("127.0.0.1", venue.port)).expect("it listens");
    assert!(!got(plain, "/api/v1/orderBooks").contains("HTTP"));
    // what lies on the disk is a certificate, and nothing that is secret
    assert!(authority.starts_with("-----BEGIN CERTIFICATE-----") && !authority.contains("PRIVATE"), "{authority}");
    let files: Vec<_> = std::fs::read_dir(dirs[0].path()).expect("the folder").flatten().collect();
    assert_eq!(files.len(), 1, "{files:?}");
}

#[test]
fn a_stream_goes_over_tls_too() {
    let dir = tempfile::tempdir().expect("a folder");
    let (venue, authority) = secure(dir.path(), "");
    let stream = connected(&venue, &authority, "localhost").expect("it is trusted");
    let (mut socket, _) =
        tungstenite::client(format!("wss://localhost:{}/stream", venue.port), stream).expect("a stream");
    assert!(socket.read().expect("a text").to_text().expect("text").contains("\"connected\""));
}

#[test]
fn the_emulator_says_what_it_plays() {
    let venue = Venue::start("--tier plus --speed 60");
    let playing = || -> Value {
        let (status, body) = venue.http("GET", "/emulator", "");
        assert_eq!(status, 200, "{body}");
        serde_json::from_str(&body).expect("JSON")
    };
    let before = playing();
    venue.clock.advance(2 * SECOND);
    let after = playing();
    let moved = |name: &str| after[name].as_i64().expect("ns") - before[name].as_i64().expect("ns");
    assert_eq!((moved("wall_ns"), moved("market_ns")), ((2 * SECOND).0, (120 * SECOND).0));
    assert_eq!(after["wall_ns"].as_i64(), Some(venue.clock.now().0));
    assert_eq!((&after["speed"], &after["tls"]), (&Value::from(60.0), &Value::from(false)));
    let served = &after["venues"][0];
    assert_eq!((&served["venue"], &served["ports"]["api"]), (&Value::from("lighter"), &Value::from(venue.port)));
}

/// The market is made ten minutes at a time. Over the full hour, in one leap of the clock, each change of the book and each print is
/// shown once and at its time.
#[test]
fn no_frame_and_no_print_is_lost_where_stretches_meet() {
    const START_SEC: i64 = 3_590;
    let start = Time::from_civil(2026, 1, 5).expect("a date").plus(START_SEC * SECOND);
    let venue = Venue::start(&format!("--tier plus --speed 60 --frame-ms 0 --start-at {START_SEC}"));
    let mut socket = venue.socket();
    for channel in ["order_book/1", "trade/1"] {
        let ask = format!(r#"{{"type":"subscribe","channel":"{channel}"}}"#);
        socket.socket.send(tungstenite::Message::text(ask)).expect("it is sent");
    }
    let (mut books, mut prints, mut subscribed, mut last_ms) = (Vec::new(), Vec::new(), 0, 0);
    // microseconds of the wall as milliseconds of the market
    let begin = venue.clock.now().0;
    let market_ms = |micros: i64| start.steps(MS) + ((micros * 1_000 - begin) * 60 + MS.0 / 2) / MS.0;
    let (from, to) = (start.steps(MS) + 2_000, start.steps(MS) + 100_000);
    while last_ms < to {
        let text = crate::emulator::heard(&mut socket.socket, &venue.clock).expect("the socket lives");
        let frame: Value = serde_json::from_str(&text).expect("JSON");
        match frame["type"].as_str().expect("a type") {
            "update/order_book" => {
                last_ms = market_ms(frame["last_updated_at"].as_i64().expect("a time"));
                books.push(last_ms);
            }
            "update/trade" => {
                let times = frame["trades"].as_array().expect("trades").iter();
                prints.extend(times.map(|trade| market_ms(trade["transaction_time"].as_i64().expect("a time"))));
            }
            _ => {
                subscribed += 1;
                if subscribed == 2 {
                    venue.clock.advance(SECOND);
                }
            }
        }
    }
    let mut day = Market::new(&SynthSpec { updates_per_sec: 4.0, ..SynthSpec::new(1, start.floor_to(DAY), 1) })
        .expect("a market");
    let [rows, _] = day.next().expect("a day").venues;
    let inside = |list: Vec<i64>| list.into_iter().filter(|at| (from..to).contains(at)).collect::<Vec<i64>>();
    let mut changes: Vec<(i64, perpx_core::market::Bbo)> = Vec::new();
    for row in &rows.quotes {
        let at = row.exch.steps(MS);
        match changes.last_mut() {
            Some(last) if last.0 == at => last.1 = row.bbo,
            _ => changes.push((at, row.bbo)),
        }
    }
    changes.dedup_by(|later, before| later.1 == before.1);
    let wanted = inside(changes.iter().map(|(at, _)| *at).collect());
    let books = inside(books);
    assert!(wanted.iter().any(|at| *at < start.steps(MS) + 10_000) && wanted.len() > 100, "{}", wanted.len());
    assert_eq!(books, wanted);
    assert_eq!(inside(prints), inside(rows.trades.iter().map(|row| row.exch.steps(MS)).collect()));
}
