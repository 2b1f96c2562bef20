//! Against servers of this machine that do what real ones may do.

use super::dial::{DialError, Dialer};
use super::hosts::{Address, HostError, Hosts};
use super::lane::{Lane, Warmed};
use super::socket::{Keepalive, Rules, Socket, SocketError};
use crate::client::{About, Body, Host, Request};
use futures_util::{SinkExt, StreamExt};
use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair};
use rustls::ServerConfig;
use rustls::crypto::ring;
use rustls::pki_types::PrivateKeyDer;
use std::io;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc;
use tokio_rustls::TlsAcceptor;
use tokio_tungstenite::tungstenite::Message;

/// A server that treats each connection so; where it is.
async fn server<F: Future<Output = ()> + Send + 'static>(treat: impl Fn(TcpStream) -> F + Send + 'static) -> Address {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let port = listener.local_addr().expect("an address").port();
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            tokio::spawn(treat(stream));
        }
    });
    Address { is_tls: false, host: "127.0.0.1".to_owned(), port }
}

fn at(address: &Address) -> Hosts {
    Hosts::from([(Host::Main, address.clone())])
}

fn dialer(address: &Address) -> Dialer {
    Dialer::new(&at(address), None, None).expect("a dialer")
}

/// A throw-away authority as a file, and a server's certificate for `name` that it signed.
fn authority(dir: &tempfile::TempDir, name: &str) -> (PathBuf, TlsAcceptor) {
    let key = KeyPair::generate().expect("a key");
    let mut params = CertificateParams::new(Vec::new()).expect("params");
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let root = params.self_signed(&key).expect("a root");
    let file = dir.path().join(format!("{name}.pem"));
    std::fs::write(&file, root.pem()).expect("writes");
    let issuer = Issuer::new(params, key);
    let leaf_key = KeyPair::generate().expect("a key");
    let leaf = CertificateParams::new(vec![name.to_owned()]).expect("params").signed_by(&leaf_key, &issuer);
    let leaf = leaf.expect("a certificate").der().clone();
    let key = PrivateKeyDer::try_from(leaf_key.serialize_der()).expect("a key");
    let config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .expect("versions")
        .with_no_client_auth()
        .with_single_cert(vec![leaf], key);
    (file, TlsAcceptor::from(Arc::new(config.expect("a server"))))
}

/// A server behind TLS that answers every request.
async fn secured(acceptor: TlsAcceptor) -> Address {
    let plain = server(move |stream| {
        let acceptor = acceptor.clone();
        async move {
            let Ok(mut stream) = acceptor.accept(stream).await else { return };
            let mut request = [0; 1024];
            while stream.read(&mut request).await.is_ok_and(|n| n > 0) {
                let _ = stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}").await;
            }
        }
    });
    Address { is_tls: true, ..plain.await }
}

fn get(path: &str) -> Request {
    Request {
        about: About::Markets,
        host: Host::Main,
        path: path.to_owned(),
        body: Body::None,
        headers: Vec::new(),
        is_exit: false,
    }
}

/// A certificate is believed when its authority is, and when it is for the host that was asked: by sockets and by lanes.
#[tokio::test]
async fn a_certificate_is_checked() {
    let dir = tempfile::tempdir().expect("a folder");
    let (file, acceptor) = authority(&dir, "localhost");
    let address = Address { host: "localhost".to_owned(), ..secured(acceptor).await };
    for (host, authority, is_right) in
        [("localhost", true, true), ("localhost", false, false), ("127.0.0.1", true, false)]
    {
        let address = Address { host: host.to_owned(), ..address.clone() };
        let file = authority.then_some(file.as_path());
        let dialer = Dialer::new(&at(&address), file, None).expect("a dialer");
        let dialed = dialer.dial(&address).await.map(|_| ());
        assert_eq!(dialed.is_ok(), is_right, "{host}, authority {authority}: {dialed:?}");
        let mut lane = Lane::new(dialer, at(&address), (Host::Main, "/")).expect("a lane");
        let reply = lane.send(&get("/")).await;
        assert_eq!(reply.is_ok(), is_right, "{host}, authority {authority}: {reply:?}");
        if let Err(why) = reply {
            assert!(why.contains("certificate") && !why.contains("localhost:"), "{why}");
        }
    }
    let abroad = Address { is_tls: true, host: "venue.test".to_owned(), port: 443 };
    let refused = Dialer::new(&at(&abroad), Some(&file), None).map(|_| ()).expect_err("an authority for the world");
    assert!(matches!(refused, DialError::Host(HostError::Authority(_))), "{refused}");
    let empty = dir.path().join("empty.pem");
    std::fs::write(&empty, "no certificate").expect("writes");
    for path in [empty, dir.path().join("absent.pem")] {
        let refused = Dialer::new(&at(&address), Some(&path), None).map(|_| ()).expect_err("no authority");
        assert!(refused.to_string().starts_with(&path.display().to_string()), "{refused}");
    }
}

/// Sockets and lanes go through it by CONNECT, TLS within; one that refuses is named.
#[tokio::test]
async fn a_proxy_is_passed() {
    let dir = tempfile::tempdir().expect("a folder");
    let (file, acceptor) = authority(&dir, "localhost");
    let address = Address { host: "localhost".to_owned(), ..secured(acceptor).await };
    let passed = Arc::new(AtomicUsize::new(0));
    let count = passed.clone();
    let to = address.port;
    let proxy = server(move |mut stream| {
        let count = count.clone();
        async move {
            let mut head = Vec::new();
            while !head.ends_with(b"\r\n\r\n") {
                head.push(stream.read_u8().await.expect("a head"));
            }
            if !head.starts_with(format!("CONNECT localhost:{to} ").as_bytes()) {
                let _ = stream.write_all(b"HTTP/1.1 403 Forbidden\r\n\r\n").await;
                return;
            }
            count.fetch_add(1, Ordering::Relaxed);
            let _ = stream.write_all(b"HTTP/1.1 200 OK\r\n\r\n").await;
            let mut onward = TcpStream::connect(("127.0.0.1", to)).await.expect("connects");
            let _ = tokio::io::copy_bidirectional(&mut stream, &mut onward).await;
        }
    });
    let dialer = Dialer::new(&at(&address), Some(&file), Some(proxy.await)).expect("a dialer");
    dialer.dial(&address).await.map(|_| ()).expect("a way");
    let mut lane = Lane::new(dialer.clone(), at(&address), (Host::Main, "/")).expect("a lane");
    assert_eq!(lane.send(&get("/")).await.map(|answer| answer.status), Ok(200));
    assert_eq!(passed.load(Ordering::Relaxed), 2);
    let refused = dialer.dial(&Address { port: 1, ..address }).await.map(|_| ()).expect_err("refused");
    assert!(refused.to_string().contains("403"), "{refused}");
}

const QUICK: Duration = Duration::from_millis(50);

fn rules(keepalive: Keepalive, silent_after: Duration) -> Rules {
    Rules { keepalive, every: QUICK, silent_after }
}

async fn open(address: &Address, rules: Rules) -> Result<Socket, SocketError> {
    Socket::open(&dialer(address), address, "/stream", &[], rules).await
}

/// A venue hears from us in time, by the text it wants or by pings of the protocol.
#[tokio::test]
async fn a_stream_is_kept_alive() {
    for keepalive in [Keepalive::Text("ping!"), Keepalive::Ping] {
        let (say, mut heard) = mpsc::unbounded_channel();
        let address = server(move |stream| {
            let say = say.clone();
            async move {
                let mut stream = tokio_tungstenite::accept_async(stream).await.expect("a handshake");
                while let Some(Ok(message)) = stream.next().await {
                    let is_right = matches!(message, Message::Ping(_)) || message == Message::text("ping!");
                    let _ = say.send(is_right);
                }
            }
        });
        let mut socket = open(&address.await, rules(keepalive, Duration::from_secs(20))).await.expect("open");
        let three = async {
            for _ in 0..3 {
                assert_eq!(heard.recv().await, Some(true));
            }
        };
        tokio::select! {
            ended = socket.next() => panic!("{ended:?}"),
            () = three => {}
        }
    }
}

/// A line that is dead without a word ends: by silence, and by pings that nobody answers.
#[tokio::test]
async fn a_silent_stream_ends() {
    let deaf = |stream| async move {
        let stream = tokio_tungstenite::accept_async(stream).await.expect("a handshake");
        tokio::time::sleep(Duration::from_secs(60)).await;
        drop(stream);
    };
    let address = server(deaf).await;
    let silent = open(&address, rules(Keepalive::Text("ping!"), 4 * QUICK)).await.expect("open").next().await;
    assert!(matches!(silent, Err(SocketError::Silent(_))), "{silent:?}");
    let unanswered = open(&address, rules(Keepalive::Ping, Duration::from_secs(20))).await.expect("open").next().await;
    assert!(matches!(unanswered, Err(SocketError::NoPong(2))), "{unanswered:?}");
}

/// What is said while a text is waited for is not lost when the waiting is given up.
#[tokio::test]
async fn waiting_for_a_text_may_be_given_up() {
    let address = server(|stream| async move {
        let mut stream = tokio_tungstenite::accept_async(stream).await.expect("a handshake");
        for i in 0..200 {
            let _ = stream.send(Message::text(i.to_string())).await;
            tokio::time::sleep(Duration::from_micros(300)).await;
        }
        let _ = stream.close(None).await;
        // what is not read when a server lets go takes away what it sent
        while stream.next().await.is_some_and(|message| message.is_ok()) {}
    });
    let quiet = Rules { every: Duration::from_secs(20), ..rules(Keepalive::Ping, Duration::from_secs(20)) };
    let mut socket = open(&address.await, quiet).await.expect("open");
    let mut texts = Vec::new();
    loop {
        tokio::select! {
            text = socket.next() => match text {
                Ok(text) => texts.push(text.parse::<u32>().expect("a number")),
                Err(SocketError::Closed(_)) => break,
                Err(other) => panic!("{other}"),
            },
            () = tokio::time::sleep(Duration::from_micros(100)) => {}
        }
    }
    assert_eq!(texts, (0..200).collect::<Vec<_>>());
}

#[tokio::test]
async fn a_handshake_that_a_gateway_refuses_is_told_from_no_connection() {
    let address = server(|mut stream| async move {
        let _ = stream.read(&mut [0; 1024]).await;
        let _ = stream.write_all(b"HTTP/1.1 403 Forbidden\r\nContent-Length: 6\r\n\r\n<html>").await;
    });
    let refused = open(&address.await, rules(Keepalive::Ping, QUICK)).await.map(|_| ()).expect_err("refused");
    assert!(matches!(refused, SocketError::Refused(403)) && refused.is_turned_away(), "{refused}");
    let nobody = Address { is_tls: false, host: "127.0.0.1".to_owned(), port: 1 };
    let refused = open(&nobody, rules(Keepalive::Ping, QUICK)).await.map(|_| ()).expect_err("nobody");
    assert!(matches!(refused, SocketError::NoConnection(_)) && !refused.is_turned_away(), "{refused}");
}

/// The head of a request, as a server of one connection reads it; `None` when the peer has gone.
async fn head(stream: &mut TcpStream) -> Option<String> {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(stream.read_u8().await.ok()?);
    }
    String::from_utf8(head).ok()
}

async fn answer(stream: &mut TcpStream, status: &str, body: &str) -> io::Result<()> {
    let length = body.len();
    stream.write_all(format!("HTTP/1.1 {status}\r\nContent-Length: {length}\r\n\r\n{body}").as_bytes()).await
}

/// A server that counts, as a venue's witness does: connections, and requests by path. `closes`: after each answer; one for
/// "/lost" has none.
async fn witness(closes: bool) -> (Address, Arc<AtomicUsize>, mpsc::UnboundedReceiver<String>) {
    let connections = Arc::new(AtomicUsize::new(0));
    let (say, heard) = mpsc::unbounded_channel();
    let count = connections.clone();
    let address = server(move |mut stream| {
        let say = say.clone();
        count.fetch_add(1, Ordering::Relaxed);
        async move {
            while let Some(head) = head(&mut stream).await {
                let path = head.split(' ').nth(1).unwrap_or_default().to_owned();
                let _ = say.send(path.clone());
                let answered = match path.as_str() {
                    "/lost" => return,
                    "/slow" => return tokio::time::sleep(Duration::from_secs(10)).await,
                    "/elsewhere" => {
                        stream.write_all(b"HTTP/1.1 302 Found\r\nLocation: /\r\nContent-Length: 0\r\n\r\n").await
                    }
                    "/long" => answer(&mut stream, "200 OK", &"x".repeat((4 << 20) + 1)).await,
                    _ => answer(&mut stream, "200 OK", "{}").await,
                };
                if closes || answered.is_err() {
                    return;
                }
            }
        }
    });
    (address.await, connections, heard)
}

fn all(heard: &mut mpsc::UnboundedReceiver<String>) -> Vec<String> {
    std::iter::from_fn(|| heard.try_recv().ok()).collect()
}

/// The connection dies between two requests, or under one: at the venue each is seen once at most, and one whose answer was lost is
/// unknown, not tried again.
#[tokio::test]
async fn a_request_is_never_sent_twice() {
    for closes in [true, false] {
        let (address, _, mut heard) = witness(closes).await;
        let mut lane = Lane::new(dialer(&address), at(&address), (Host::Main, "/")).expect("a lane");
        assert!(lane.send(&get("/1")).await.is_ok());
        tokio::time::sleep(QUICK).await;
        let second = lane.send(&get("/2")).await;
        let lost = lane.send(&get("/lost")).await;
        assert!(lost.is_err(), "{lost:?}");
        assert!(lane.send(&get("/3")).await.is_ok());
        let seen = all(&mut heard);
        let times = |path: &str| seen.iter().filter(|seen| *seen == path).count();
        assert_eq!(times("/2"), usize::from(second.is_ok()), "{seen:?}");
        assert_eq!([times("/1"), times("/lost"), times("/3")], [1, 1, 1], "{seen:?}");
    }
}

#[tokio::test]
async fn an_answer_is_followed_nowhere_and_not_waited_for_long() {
    let (address, _, mut heard) = witness(false).await;
    let mut lane = Lane::new(dialer(&address), at(&address), (Host::Main, "/")).expect("a lane");
    assert_eq!(lane.send(&get("/elsewhere")).await.map(|answer| answer.status), Ok(302));
    assert_eq!(lane.send(&get("/slow")).await, Err("no answer within 2.5 s".to_owned()));
    assert_eq!(lane.send(&get("/long")).await, Err("an answer of more than 4 MiB".to_owned()));
    let nobody = Address { port: 1, ..address.clone() };
    let mut nowhere = Lane::new(dialer(&nobody), at(&nobody), (Host::Main, "/")).expect("a lane");
    let why = nowhere.send(&get("/secret")).await.expect_err("nobody");
    assert!(!why.contains("secret"), "an error names no address: {why}");
    assert_eq!(all(&mut heard), ["/elsewhere", "/slow", "/long"]);
}

/// Whoever wants to know is told what each warm-up took, from the start on and after one that failed too; and an order that comes while
/// one hangs waits for a moment alone, and then has a connection of its own.
#[tokio::test]
async fn a_lane_tells_how_warm_it_is_and_an_order_waits_for_no_dead_line() {
    // answers the first connection's first request alone; any other connection all of them
    let (first, hung) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
    let (counted, hangs) = (first.clone(), hung.clone());
    let address = server(move |mut stream| {
        let (number, hangs) = (counted.fetch_add(1, Ordering::Relaxed), hangs.clone());
        async move {
            let (mut request, mut served) = ([0; 1024], 0);
            while stream.read(&mut request).await.is_ok_and(|n| n > 0) {
                if number == 0 && served == 1 {
                    hangs.fetch_add(1, Ordering::Relaxed);
                    tokio::time::sleep(Duration::from_secs(60)).await;
                }
                served += 1;
                let _ = stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}").await;
            }
        }
    })
    .await;
    let mut lane = Lane::new(dialer(&address), at(&address), (Host::Main, "/warm")).expect("a lane");
    lane.set_warm(QUICK);
    let (ask, asked) = mpsc::channel(1);
    let (tell, mut told) = mpsc::unbounded_channel();
    tokio::spawn(lane.serve(
        asked,
        Some(move |warmed: Warmed| {
            let _ = tell.send(warmed.reply.is_ok());
        }),
    ));
    assert_eq!(told.recv().await, Some(true), "before anything is asked");
    while hung.load(Ordering::Relaxed) == 0 {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    let (reply, replied) = tokio::sync::oneshot::channel();
    let began = std::time::Instant::now();
    ask.send((get("/order"), reply)).await.expect("it serves");
    assert!(replied.await.expect("a reply").is_ok());
    assert!(began.elapsed() < Duration::from_millis(1_500), "{:?}", began.elapsed());
    assert_eq!(first.load(Ordering::Relaxed), 2, "over a new connection");
    assert_eq!(told.recv().await, Some(true), "and it is kept warm again");
}

/// A connection is warmed; one that was idle for longer than that carries nothing, and neither does one whose warming failed.
#[tokio::test]
async fn an_idle_connection_is_warmed_or_replaced() {
    let (address, connections, mut heard) = witness(false).await;
    let mut lane = Lane::new(dialer(&address), at(&address), (Host::Main, "/warm")).expect("a lane");
    lane.set_warm(QUICK);
    assert!(lane.send(&get("/1")).await.is_ok());
    assert!(lane.send(&get("/2")).await.is_ok());
    assert_eq!(connections.load(Ordering::Relaxed), 1);
    tokio::time::sleep(2 * QUICK).await;
    assert!(lane.send(&get("/3")).await.is_ok());
    assert_eq!(connections.load(Ordering::Relaxed), 2, "a new one after a pause");
    let (ask, asked) = mpsc::channel(1);
    let served = tokio::spawn(lane.serve(asked, None::<fn(Warmed)>));
    tokio::time::sleep(5 * QUICK).await;
    let (reply, replied) = tokio::sync::oneshot::channel();
    ask.send((get("/4"), reply)).await.expect("it serves");
    assert!(replied.await.expect("a reply").is_ok());
    let seen = all(&mut heard);
    assert!(seen.iter().filter(|path| *path == "/warm").count() >= 2, "{seen:?}");
    assert_eq!(seen.last().map(String::as_str), Some("/4"));
    assert_eq!(connections.load(Ordering::Relaxed), 2, "the warm one is used");
    drop(ask);
    served.await.expect("it ends with those who ask");
}
