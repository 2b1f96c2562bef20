//! The edge: HTTP on axum, streams on tokio-tungstenite; a task a connection, and one that lets time pass. They share the venue
//! behind a lock, and nothing waits while it is held.

use super::EmulateError;
use super::faults::{Dialect, Faults, Outcome, Wire};
use super::http::{HttpReply, HttpRequest};
use super::stage::Stage;
use crate::wall::MarketClock;
use axum::Router;
use axum::body::{Body, Bytes, HttpBody, to_bytes};
use axum::extract::State;
use axum::http::{self, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::{any, get};
use futures_util::{SinkExt, StreamExt};
use hyper::server::conn::http1;
use hyper::service::{Service, service_fn};
use hyper::upgrade::Upgraded;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use perpx_core::units::Time;
use std::net::{Ipv4Addr, TcpListener};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::sync::mpsc::error::TrySendError;
use tokio::sync::mpsc::{Receiver, Sender, channel};
use tokio::sync::{Notify, OwnedSemaphorePermit, Semaphore};
use tokio::time::{MissedTickBehavior, interval, sleep, timeout};
use tokio_io_timeout::TimeoutStream;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::handshake::derive_accept_key;
use tokio_tungstenite::tungstenite::protocol::{Role, WebSocketConfig};
use tokio_tungstenite::tungstenite::{Error, Message};

/// The venue as connections see it. Times are those of the server's clock.
pub trait Emulated: Send {
    /// Lets the venue's time pass and sends what is due.
    fn pass(&mut self, now: Time) -> Result<(), EmulateError>;
    /// `host`: which of the venue's hosts was asked, from 0.
    fn request(&mut self, host: usize, request: &HttpRequest, now: Time) -> HttpReply;
    /// A socket is open; what the venue sends to it goes into `out`.
    fn open(&mut self, socket: u64, host: usize, handshake: &HttpRequest, out: Out, now: Time);
    /// A text came over a stream.
    fn text(&mut self, socket: u64, text: &str, now: Time);
    /// A stream has ended.
    fn closed(&mut self, socket: u64);
    /// At these times of the wall nothing is matched.
    fn halt(&mut self, spans: &[(Time, Time)]);
    /// What faults must know of the venue.
    fn dialect(&self) -> &'static dyn Dialect;
    /// When the market's time is what the wall's is.
    fn market_clock(&self) -> MarketClock;
    /// For the user: its account, and what is at the ports of its hosts. `s` ends the scheme: "s" over TLS.
    fn summary(&self, ports: &[u16], s: &str) -> String;
    /// By name; each has a port.
    fn hosts(&self) -> &'static [&'static str];
    /// Path of the stream at a host.
    fn stream_path(&self, host: usize) -> Option<&'static str>;
}

/// Texts for one stream. A peer that does not read is let go, so that it costs no memory.
pub struct Out {
    texts: Sender<Arc<str>>,
    let_go: Arc<Notify>,
}

impl Out {
    pub fn send(&self, text: &Arc<str>) {
        // a peer that has gone is forgotten by its own task
        if let Err(TrySendError::Full(_)) = self.texts.try_send(text.clone()) {
            self.let_go.notify_one();
        }
    }
}

/// How often time passes.
const BEAT: Duration = Duration::from_millis(5);
/// Beats that streams have to close at the end.
const FAREWELL: usize = 40;
/// How long a socket is listened to before it is seen whether something is due.
const LISTEN: Duration = Duration::from_millis(5);
/// A peer that does not go on for so long has gone: with its request, with taking an answer, with a stream's texts.
const IDLE: Duration = Duration::from_secs(60);
const MOST_CONNECTIONS: usize = 256;
const MOST_HEAD: usize = 16 << 10;
const MOST_BODY: usize = 1 << 20;
/// A frame of the venues is no larger.
const MOST_FRAME: usize = 64 << 10;
/// Texts that a peer may be behind.
const MOST_WAITING: usize = 16_384;
const THREADS: usize = 2;

/// What the tasks of a server share.
struct Shared {
    stage: Arc<Stage>,
    faults: Faults,
    /// Sockets so far.
    sockets: AtomicU64,
    /// Free connections.
    free: Arc<Semaphore>,
    idle: Duration,
    venue: Mutex<Box<dyn Emulated>>,
}

/// A venue with its ports, before and while it serves.
pub struct Server {
    /// One a host.
    listeners: Vec<TcpListener>,
    shared: Arc<Shared>,
}

impl Shared {
    fn new(venue: Box<dyn Emulated>, stage: Arc<Stage>, idle: Duration) -> Shared {
        let faults = Faults::new(&stage.faults, venue.dialect(), stage.begin);
        let (sockets, free) = (AtomicU64::new(0), Arc::new(Semaphore::new(MOST_CONNECTIONS)));
        Shared { stage, faults, sockets, free, idle, venue: Mutex::new(venue) }
    }

    fn now(&self) -> Time {
        self.stage.clock.now()
    }

    /// A task that panicked has left the venue as it was between two steps; the others go on.
    fn venue(&self) -> MutexGuard<'_, Box<dyn Emulated>> {
        self.venue.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Server {
    /// Listens on the loopback alone, at a port a host: `port` and those after it, or free ones for port 0.
    pub fn bind(port: u16, venue: Box<dyn Emulated>, stage: Arc<Stage>) -> Result<Server, EmulateError> {
        let one = |host: u16| {
            let port = if port == 0 { 0 } else { port.saturating_add(host) };
            let taken = |source| EmulateError::Port { port, source };
            let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, port)).map_err(taken)?;
            listener.set_nonblocking(true).map_err(taken)?;
            Ok(listener)
        };
        let (name, hosts) = (venue.dialect().venue(), venue.hosts());
        let listeners = (0..).zip(hosts).map(|(host, _)| one(host)).collect::<Result<_, EmulateError>>()?;
        let shared = Shared::new(venue, stage.clone(), IDLE);
        shared.venue().halt(&shared.faults.halts());
        let server = Server { listeners, shared: Arc::new(shared) };
        stage.serves(name, hosts.iter().copied().zip(server.ports()).collect());
        Ok(server)
    }

    /// Of each host.
    pub fn ports(&self) -> Vec<u16> {
        self.listeners.iter().map(|listener| listener.local_addr().map_or(0, |address| address.port())).collect()
    }

    /// For the user: its account and its addresses.
    pub fn summary(&self) -> String {
        let s = if self.shared.stage.tls.is_some() { "s" } else { "" };
        self.shared.venue().summary(&self.ports(), s)
    }

    /// Serves until asked to stop, or until the market ends.
    pub fn run(self) -> Result<(), EmulateError> {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(THREADS).enable_all().build();
        let runtime = runtime.map_err(EmulateError::Threads)?;
        let ended = runtime.block_on(self.serve());
        runtime.shutdown_background();
        ended
    }

    async fn serve(self) -> Result<(), EmulateError> {
        let shared = self.shared;
        for (host, listener) in self.listeners.into_iter().enumerate() {
            let listener = tokio::net::TcpListener::from_std(listener).map_err(EmulateError::Threads)?;
            tokio::spawn(accept(listener, host, shared.clone()));
        }
        let mut beat = interval(BEAT);
        beat.set_missed_tick_behavior(MissedTickBehavior::Delay);
        while !shared.stage.is_stopped() {
            beat.tick().await;
            let now = shared.now();
            let passed = if shared.faults.is_halted(now) { Ok(()) } else { shared.venue().pass(now) };
            if let Err(ended) = passed {
                // the others of this program end with it
                shared.stage.stop.store(true, Ordering::Relaxed);
                return Err(ended);
            }
        }
        // open streams say goodbye; a connection that is waiting for its next request is cut
        for _ in 0..FAREWELL {
            if shared.free.available_permits() == MOST_CONNECTIONS {
                break;
            }
            beat.tick().await;
        }
        Ok(())
    }
}

/// Serves several venues until asked to stop, or until one's market ends.
pub fn run(servers: Vec<Server>) -> Result<(), EmulateError> {
    let threads: Vec<_> = servers.into_iter().map(|server| std::thread::spawn(move || server.run())).collect();
    threads.into_iter().try_for_each(|thread| thread.join().unwrap_or(Ok(())))
}

async fn accept(listener: tokio::net::TcpListener, host: usize, shared: Arc<Shared>) {
    loop {
        let Ok((stream, _)) = listener.accept().await else {
            sleep(BEAT).await;
            continue;
        };
        let Ok(permit) = shared.free.clone().try_acquire_owned() else { continue };
        let _ = stream.set_nodelay(true);
        let line = Line { host, shared: shared.clone(), _open: Arc::new(permit) };
        tokio::spawn(async move {
            // whatever ends a connection ends it alone: the peer has gone, or did not speak the protocol
            match &line.shared.stage.tls {
                None => drop(connection(stream, line).await),
                Some(tls) => {
                    if let Ok(Ok(stream)) = timeout(line.shared.idle, tls.acceptor.accept(stream)).await {
                        drop(connection(stream, line).await);
                    }
                }
            }
        });
    }
}

/// What a connection knows of itself.
#[derive(Clone)]
struct Line {
    host: usize,
    shared: Arc<Shared>,
    /// Its place among the open ones, given back with the last line.
    _open: Arc<OwnedSemaphorePermit>,
}

/// The connection ends in place of an answer.
#[derive(Clone, Copy, Debug, thiserror::Error)]
#[error("no answer")]
struct NoAnswer;

impl IntoResponse for NoAnswer {
    fn into_response(self) -> Response {
        let mut response = Response::new(Body::empty());
        response.extensions_mut().insert(self);
        response
    }
}

async fn connection(stream: impl AsyncRead + AsyncWrite + Send + 'static, line: Line) -> hyper::Result<()> {
    let idle = line.shared.idle;
    // hyper waits for ever until a peer takes what is written; reading has a limit for the head, and one for the body
    let mut stream = TimeoutStream::new(stream);
    stream.set_write_timeout(Some(idle));
    let mut router = Router::new().route("/emulator", get(about)).fallback(answered);
    if let Some(path) = line.shared.venue().stream_path(line.host) {
        router = router.route(path, any(upgraded));
    }
    let router = TowerToHyperService::new(router.with_state(line));
    // what axum answers goes out, unless it is no answer: hyper then ends the connection without a byte
    let service = service_fn(move |request| {
        let answer = router.call(request);
        async move {
            let Ok(response) = answer.await;
            if response.extensions().get::<NoAnswer>().is_some() { Err(NoAnswer) } else { Ok(response) }
        }
    });
    let mut http = http1::Builder::new();
    http.timer(TokioTimer::new()).header_read_timeout(idle).max_buf_size(MOST_HEAD).title_case_headers(true);
    http.serve_connection(TokioIo::new(Box::pin(stream)), service).with_upgrades().await
}

/// The emulator itself, which no venue has.
async fn about(State(line): State<Line>) -> Response {
    let market = line.shared.venue().market_clock();
    HttpReply::json(&line.shared.stage.about(&market)).into_response()
}

/// REST, and handshakes where there is no stream.
async fn answered(State(line): State<Line>, request: http::Request<Body>) -> Response {
    let (parts, body) = request.into_parts();
    let too_large = || refused(400, 20001, "a body that breaks off, or of more than 1 MB".to_owned());
    if body.size_hint().lower() > MOST_BODY as u64 {
        return too_large();
    }
    let body = match timeout(line.shared.idle, to_bytes(body, MOST_BODY)).await {
        Ok(Ok(body)) => body,
        Ok(Err(_)) => return too_large(),
        Err(_) => return NoAnswer.into_response(),
    };
    let request = HttpRequest::new(&parts, &body);
    if request.is_upgrade() {
        let path = line.shared.venue().stream_path(line.host);
        let where_it_is = path.map_or("at another host".to_owned(), |path| format!("at {path}"));
        return refused(404, 29404, format!("the stream is {where_it_is}"));
    }
    // a task of its own: what was asked is done, also when the peer hangs up
    let answer = tokio::spawn(async move { answer(&line, &request).await });
    match answer.await {
        Ok(Some(reply)) => reply.into_response(),
        _ => NoAnswer.into_response(),
    }
}

fn refused(status: u16, code: i64, message: String) -> Response {
    HttpReply { status, ..HttpReply::json(&serde_json::json!({ "code": code, "message": message })) }.into_response()
}

/// `None`: the connection ends without one.
async fn answer(line: &Line, request: &HttpRequest) -> Option<HttpReply> {
    let shared = &line.shared;
    let _turn = shared.faults.turn(&*shared.stage.clock, &shared.stage.stop).await?;
    let outcome = shared.faults.request(request, shared.now());
    if let Outcome::Instead(reply) = outcome {
        return Some(reply);
    }
    let reply = {
        let mut venue = shared.venue();
        let now = shared.now();
        // a market at its end is reported by the task that lets time pass
        let _ = venue.pass(now);
        venue.request(line.host, request, now)
    };
    match outcome {
        Outcome::After(instead) => Some(instead),
        Outcome::Lost => None,
        _ => Some(reply),
    }
}

/// The stream's path: a handshake, or a request as any other.
async fn upgraded(State(line): State<Line>, mut request: http::Request<Body>) -> Response {
    let upgrade = hyper::upgrade::on(&mut request);
    let (parts, body) = request.into_parts();
    let handshake = HttpRequest::new(&parts, &Bytes::new());
    let Some(key) = handshake.header("sec-websocket-key").filter(|_| handshake.is_upgrade()) else {
        return answered(State(line), http::Request::from_parts(parts, body)).await;
    };
    let opened = line.shared.now();
    if line.shared.faults.is_cut(opened, opened) {
        return NoAnswer.into_response();
    }
    let accept = derive_accept_key(key.as_bytes());
    tokio::spawn(async move {
        if let Ok(upgraded) = upgrade.await {
            talk(upgraded, &line, &handshake, opened).await;
        }
    });
    let headers = [
        (header::UPGRADE, "websocket".to_owned()),
        (header::CONNECTION, "Upgrade".to_owned()),
        (header::SEC_WEBSOCKET_ACCEPT, accept),
    ];
    (StatusCode::SWITCHING_PROTOCOLS, headers).into_response()
}

type Socket = WebSocketStream<TokioIo<Upgraded>>;

async fn talk(upgraded: Upgraded, line: &Line, handshake: &HttpRequest, opened: Time) {
    let shared = &line.shared;
    let config = WebSocketConfig::default().max_message_size(Some(MOST_FRAME)).max_frame_size(Some(MOST_FRAME));
    let mut socket = WebSocketStream::from_raw_socket(TokioIo::new(upgraded), Role::Server, Some(config)).await;
    let number = shared.sockets.fetch_add(1, Ordering::Relaxed);
    let (texts, queued) = channel(MOST_WAITING);
    let let_go = Arc::new(Notify::new());
    shared.venue().open(number, line.host, handshake, Out { texts, let_go: let_go.clone() }, opened);
    let stream = OpenStream { number, opened, login: shared.faults.login_of(handshake) };
    tokio::select! {
        _ = converse(&mut socket, &stream, queued, shared) => {}
        // in the midst of a frame, as it may be
        () = let_go.notified() => {}
    }
    shared.venue().closed(number);
}

/// One open stream.
struct OpenStream {
    number: u64,
    opened: Time,
    login: Option<String>,
}

async fn converse(
    socket: &mut Socket,
    stream: &OpenStream,
    mut queued: Receiver<Arc<str>>,
    shared: &Shared,
) -> Result<(), Error> {
    let (mut wire, mut out) = (Wire::default(), Vec::new());
    while !shared.stage.is_stopped() && wire.held() < MOST_WAITING {
        let heard = shared.now();
        if shared.faults.is_cut(stream.opened, heard) {
            return Ok(());
        }
        wire.due(heard, &mut out);
        while let Ok(text) = queued.try_recv() {
            wire.pass(&shared.faults, text, heard, &mut out);
        }
        if !out.is_empty() {
            for text in out.drain(..) {
                socket.feed(Message::text(&*text)).await?;
            }
            socket.flush().await?;
        }
        let message = tokio::select! {
            message = socket.next() => message,
            Some(text) = queued.recv() => {
                wire.pass(&shared.faults, text, shared.now(), &mut out);
                continue;
            }
            () = sleep(LISTEN) => continue,
        };
        let Some(message) = message else { return Ok(()) };
        let Message::Text(text) = message? else { continue };
        let turn = shared.faults.turn(&*shared.stage.clock, &shared.stage.stop);
        let Some(_turn) = turn.await else { break };
        let outcome = shared.faults.text(text.as_str(), stream.login.as_deref(), shared.now());
        match &outcome {
            Outcome::Instead(answer) => {
                out.push(answer.clone());
                continue;
            }
            Outcome::After(answer) => wire.answer_with(answer.clone()),
            _ => {}
        }
        {
            let mut venue = shared.venue();
            let now = shared.now();
            let _ = venue.pass(now);
            venue.text(stream.number, text.as_str(), now);
        }
        if outcome == Outcome::Lost {
            return Ok(());
        }
    }
    socket.close(None).await
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wall::SystemClock;
    use std::time::Instant;
    use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream, duplex};

    /// Answers with a megabyte, and sends a thousand texts to whoever opens a stream.
    struct Talkative;

    impl Emulated for Talkative {
        fn pass(&mut self, _now: Time) -> Result<(), EmulateError> {
            Ok(())
        }

        fn request(&mut self, _host: usize, request: &HttpRequest, _now: Time) -> HttpReply {
            HttpReply::json(&"x".repeat(if request.path == "/short" { 1 } else { 1 << 20 }))
        }

        fn open(&mut self, _socket: u64, _host: usize, _handshake: &HttpRequest, out: Out, _now: Time) {
            (0..1_000).for_each(|_| out.send(&Arc::from("a text")));
        }

        fn text(&mut self, _socket: u64, _text: &str, _now: Time) {}

        fn closed(&mut self, _socket: u64) {}

        fn halt(&mut self, _spans: &[(Time, Time)]) {}

        fn dialect(&self) -> &'static dyn Dialect {
            &crate::lighter::emulator::LighterDialect
        }

        fn market_clock(&self) -> MarketClock {
            MarketClock { wall: Time(0), market: Time(0), speed: 1.0 }
        }

        fn summary(&self, _ports: &[u16], _s: &str) -> String {
            String::new()
        }

        fn hosts(&self) -> &'static [&'static str] {
            &["api"]
        }

        fn stream_path(&self, _host: usize) -> Option<&'static str> {
            Some("/stream")
        }
    }

    /// A peer that writes `said`, and what becomes of its connection, which holds 64 bytes of either way.
    async fn connected(said: &str) -> (DuplexStream, impl Future<Output = Duration>) {
        let stage = Arc::new(Stage::new(Arc::default(), Arc::new(SystemClock)));
        let shared = Arc::new(Shared::new(Box::new(Talkative), stage, Duration::from_millis(200)));
        let permit = shared.free.clone().try_acquire_owned().expect("a place");
        let (mut peer, stream) = duplex(64);
        let line = Line { host: 0, shared: shared.clone(), _open: Arc::new(permit) };
        let begun = Instant::now();
        let served = tokio::spawn(connection(stream, line));
        peer.write_all(said.as_bytes()).await.expect("it is read");
        let gone = async move {
            let _ = served.await.expect("no panic");
            // a stream goes on in a task of its own
            while shared.free.available_permits() < MOST_CONNECTIONS {
                sleep(BEAT).await;
            }
            begun.elapsed()
        };
        (peer, gone)
    }

    const HANDSHAKE: &str = "GET /stream HTTP/1.1\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
                             Sec-WebSocket-Key: MTIzNDU2Nzg5MDEyMzQ1Ng==\r\n\r\n";

    /// Whatever a peer has begun, its place is free again some time after it has stopped.
    #[tokio::test]
    async fn a_peer_that_does_not_go_on_is_let_go() {
        for said in [
            "",
            "GET /short HT",
            "GET /short HTTP/1.1\r\nHost: x\r\n",
            "POST /short HTTP/1.1\r\nContent-Length: 10\r\n\r\n123",
            "GET /long HTTP/1.1\r\n\r\n",
            HANDSHAKE,
        ] {
            let (_peer, gone) = connected(said).await;
            let took = timeout(Duration::from_secs(20), gone).await;
            let took = took.unwrap_or_else(|_| panic!("{said:?} keeps its connection"));
            assert!(took >= Duration::from_millis(200), "{said:?}: {took:?}");
        }
    }

    /// One that reads has its answer whole, in however many pieces.
    #[tokio::test]
    async fn a_peer_that_goes_on_is_served() {
        let (mut peer, gone) = connected("GET /long HTTP/1.1\r\nConnection: close\r\n\r\n").await;
        let mut answer = Vec::new();
        peer.read_to_end(&mut answer).await.expect("an answer");
        assert!(answer.starts_with(b"HTTP/1.1 200 OK\r\n") && answer.len() > 1 << 20, "{}", answer.len());
        gone.await;
    }
}
