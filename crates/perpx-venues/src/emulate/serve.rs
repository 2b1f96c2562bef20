//! The edge: HTTP on axum, streams on tokio-tungstenite; a task a connection, and one that lets time pass. They share the venue
//! behind a lock, and nothing waits while it is held.

use super::EmulateError;
use super::faults::{Condition, Dialect, FaultPlan, Faults, Outcome, Parted, Strike, Wire};
use super::http::{HttpReply, HttpRequest};
use super::stage::Stage;
use super::witness::{Named, Seen};
use crate::wall::MarketClock;
use axum::Router;
use axum::body::{Body, Bytes, HttpBody, to_bytes};
use axum::extract::State;
use axum::http::{self, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::{any, get, post};
use futures_util::{SinkExt, StreamExt};
use hyper::server::conn::http1;
use hyper::service::{Service, service_fn};
use hyper::upgrade::Upgraded;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use perpx_core::units::{MS, Time};
use serde_json::Value;
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
    /// A text came over a stream; the code of what is answered, 0 for what has none.
    fn text(&mut self, socket: u64, text: &str, now: Time) -> i64;
    /// A stream has ended.
    fn closed(&mut self, socket: u64);
    /// At these times of the wall nothing is matched.
    fn halt(&mut self, spans: &[(Time, Time)]);
    /// What is wrong with the venue from now on.
    fn suffer(&mut self, condition: Condition);
    /// Something that faults do to it once.
    fn strike(&mut self, strike: Strike, now: Time);
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
    /// For tests without sockets: what is sent comes out at the other end.
    #[cfg(test)]
    pub(crate) fn received() -> (Out, Receiver<Arc<str>>) {
        let (texts, received) = channel(MOST_WAITING);
        (Out { texts, let_go: Arc::new(Notify::new()) }, received)
    }

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
    dialect: &'static dyn Dialect,
    faults: Arc<Faults>,
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
        let (dialect, from) = (venue.dialect(), (stage.begin, venue.market_clock().speed));
        let faults = Arc::new(Faults::new(&stage.faults, dialect, from));
        let (sockets, free) = (AtomicU64::new(0), Arc::new(Semaphore::new(MOST_CONNECTIONS)));
        Shared { stage, dialect, faults, sockets, free, idle, venue: Mutex::new(venue) }
    }

    fn now(&self) -> Time {
        self.stage.clock.now()
    }

    /// A task that panicked has left the venue as it was between two steps; the others go on.
    fn venue(&self) -> MutexGuard<'_, Box<dyn Emulated>> {
        self.venue.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The venue with all that happened until now, and its time. In a halt nothing happens.
    fn present(&self) -> (MutexGuard<'_, Box<dyn Emulated>>, Time, Result<(), EmulateError>) {
        let mut venue = self.venue();
        let now = self.now();
        if let Some(halts) = self.faults.new_halts() {
            venue.halt(&halts);
        }
        let condition = self.faults.condition(now);
        venue.suffer(condition);
        let shown = now.plus(condition.ahead);
        if self.faults.is_halted(now) {
            return (venue, shown, Ok(()));
        }
        let passed = venue.pass(shown);
        for strike in self.faults.strikes(now) {
            venue.strike(strike, shown);
        }
        (venue, shown, passed)
    }

    /// The market's time by a clock that may be ahead.
    fn market(&self, clock: MarketClock, now: Time) -> Time {
        clock.market(now.plus(self.faults.condition(now).ahead))
    }

    /// Waits until a time of the wall; false when asked to stop before.
    async fn wait_until(&self, time: Time) -> bool {
        while self.now() < time && !self.stage.is_stopped() {
            sleep(BEAT).await;
        }
        !self.stage.is_stopped()
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
        let hosts = venue.hosts();
        let listeners = (0..).zip(hosts).map(|(host, _)| one(host)).collect::<Result<_, EmulateError>>()?;
        let shared = Shared::new(venue, stage.clone(), IDLE);
        let server = Server { listeners, shared: Arc::new(shared) };
        let (shared, ports) = (&server.shared, hosts.iter().copied().zip(server.ports()).collect());
        stage.serves(shared.dialect.venue(), ports, shared.faults.clone());
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
        let stage = self.shared.stage.clone();
        let ended = runtime.block_on(self.serve());
        runtime.shutdown_background();
        ended.and(stage.ends())
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
            let passed = shared.present().2;
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
        let parting = shared.clone();
        let stream = Parted::new(stream, Arc::new(move || parting.faults.is_parted(parting.now())));
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
    let mut router =
        Router::new().route("/emulator", get(about)).route("/emulator/fault", post(worse)).fallback(answered);
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
    let shared = &line.shared;
    let (now, clock) = (shared.now(), shared.venue().market_clock());
    HttpReply::json(&shared.stage.about(now, shared.market(clock, now), clock.speed)).into_response()
}

/// Faults from now on, at all venues of this program: a body as a file of faults, its times after this moment.
async fn worse(State(line): State<Line>, body: String) -> Response {
    match FaultPlan::parse("fault", &body) {
        Ok(plan) => {
            line.shared.stage.add_faults(&plan);
            HttpReply::json(&serde_json::json!({})).into_response()
        }
        Err(error) => refused(400, 0, error.to_string()),
    }
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
    let request = HttpRequest::read(parts, body).await;
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

impl Line {
    fn served(&self, request: &HttpRequest) -> HttpReply {
        // a market at its end is reported by the task that lets time pass
        let (mut venue, now, _) = self.shared.present();
        venue.request(self.host, request, now)
    }

    /// `code`: of the venue's own answer.
    fn note(&self, request: &HttpRequest, served: Option<&HttpReply>, answered: Option<u16>) {
        if self.shared.stage.witness.is_none() {
            return;
        }
        let code = |reply: &HttpReply| {
            let body: Value = serde_json::from_str(&reply.body).unwrap_or_default();
            body.get("code").cloned().unwrap_or(reply.status.into())
        };
        let named = self.shared.dialect.named(request);
        let route = format!("{} {}", request.method, request.path);
        self.seen(&route, None, named, (served.map(code), answered));
    }

    fn seen(
        &self,
        route: &str,
        socket: Option<u64>,
        named: Vec<Named>,
        (code, answered): (Option<Value>, Option<u16>),
    ) {
        let shared = &self.shared;
        let Some(witness) = &shared.stage.witness else { return };
        let (now, venue) = (shared.now(), shared.dialect.venue());
        let (clock, hosts) = {
            let venue = shared.venue();
            (venue.market_clock(), venue.hosts())
        };
        let market = shared.market(clock, now);
        witness.request(now, Seen { market, venue, host: hosts[self.host], route, socket, named, code, answered });
    }
}

/// `None`: the connection ends without one.
async fn answer(line: &Line, request: &HttpRequest) -> Option<HttpReply> {
    let shared = &line.shared;
    let turn = shared.faults.turn(&*shared.stage.clock, &shared.stage.stop).await?;
    let outcome = shared.faults.request(request, shared.now());
    if let Outcome::Late(by) = outcome {
        drop(turn);
        let (line, request, due) = (line.clone(), request.clone(), shared.now().plus(by));
        tokio::spawn(async move {
            if line.shared.wait_until(due).await {
                line.note(&request, Some(&line.served(&request)), None);
            }
        });
        return None;
    }
    let served = (!matches!(outcome, Outcome::Instead(_))).then(|| line.served(request));
    let answered = match outcome {
        Outcome::Instead(instead) | Outcome::After(instead) => Some(instead),
        Outcome::Served => served.clone(),
        Outcome::Lost | Outcome::Late(_) => None,
    };
    line.note(request, served.as_ref(), answered.as_ref().map(|reply| reply.status));
    answered
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
    if let Some(page) = line.shared.faults.page(&handshake.path, opened) {
        line.note(&handshake, None, Some(page.status));
        return page.into_response();
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
    line.seen(&format!("GET {}", handshake.path), Some(number), Vec::new(), (None, Some(101)));
    let (texts, queued) = channel(MOST_WAITING);
    let let_go = Arc::new(Notify::new());
    {
        let (mut venue, now, _) = shared.present();
        venue.open(number, line.host, handshake, Out { texts, let_go: let_go.clone() }, now);
    }
    let stream = OpenStream { number, opened, login: shared.faults.login_of(handshake), line };
    let ended = tokio::select! {
        ended = stream.converse(&mut socket, queued) => ended.unwrap_or(Ended::Gone),
        // in the midst of a frame, as it may be
        () = let_go.notified() => Ended::Behind,
    };
    drop(socket);
    if let Ended::Late(due, text) = &ended
        && shared.wait_until(*due).await
    {
        stream.serve(text, None);
    }
    shared.venue().closed(number);
    if let Some(witness) = &shared.stage.witness {
        witness.closed(shared.now(), shared.dialect.venue(), number, ended.why());
    }
}

/// Why a stream has ended.
enum Ended {
    /// By its client, or with the connection.
    Gone,
    /// The client did not read.
    Behind,
    /// The client said nothing for too long.
    Idle,
    /// A fault has cut it.
    Cut,
    /// As it was announced.
    Planned,
    /// With the emulator.
    Stopped,
    /// A text is served only now.
    Late(Time, String),
}

impl Ended {
    fn why(&self) -> &'static str {
        match self {
            Ended::Gone => "gone",
            Ended::Behind => "behind",
            Ended::Idle => "idle",
            Ended::Cut | Ended::Late(..) => "cut",
            Ended::Planned => "planned",
            Ended::Stopped => "stopped",
        }
    }
}

/// One open stream.
struct OpenStream<'a> {
    number: u64,
    opened: Time,
    login: Option<String>,
    line: &'a Line,
}

/// What a stream has heard and said by itself.
struct Keeping {
    /// The client's last frame of any kind.
    heard: Time,
    /// The venue's next ping.
    ping: Time,
    is_announced: bool,
}

impl OpenStream<'_> {
    async fn converse(&self, socket: &mut Socket, mut queued: Receiver<Arc<str>>) -> Result<Ended, Error> {
        let shared = &self.line.shared;
        let (mut wire, mut out) = (Wire::default(), Vec::new());
        let mut keeping = Keeping { heard: self.opened, ping: self.opened, is_announced: false };
        while !shared.stage.is_stopped() && wire.held() < MOST_WAITING {
            let now = shared.now();
            if shared.faults.is_cut(self.opened, now) {
                return Ok(Ended::Cut);
            }
            wire.due(now, &mut out);
            while let Ok(text) = queued.try_recv() {
                wire.pass(&shared.faults, text, now, &mut out);
            }
            let ended = self.keep(&mut keeping, now, &mut out);
            self.write(socket, &mut out).await?;
            if let Some(ended) = ended {
                socket.close(None).await?;
                return Ok(ended);
            }
            let message = tokio::select! {
                message = socket.next() => message,
                Some(text) = queued.recv() => {
                    wire.pass(&shared.faults, text, shared.now(), &mut out);
                    continue;
                }
                () = sleep(LISTEN) => continue,
            };
            let Some(message) = message else { return Ok(Ended::Gone) };
            keeping.heard = shared.now();
            let Message::Text(text) = message? else { continue };
            let turn = shared.faults.turn(&*shared.stage.clock, &shared.stage.stop);
            let Some(_turn) = turn.await else { break };
            let outcome = shared.faults.text(text.as_str(), self.login.as_deref(), shared.now());
            match &outcome {
                Outcome::Instead(answer) => {
                    self.note(text.as_str(), None, Some(200));
                    out.push(answer.clone());
                    continue;
                }
                Outcome::Late(by) => return Ok(Ended::Late(shared.now().plus(*by), text.as_str().to_owned())),
                Outcome::After(answer) => wire.answer_with(answer.clone()),
                Outcome::Lost | Outcome::Served => {}
            }
            let is_lost = outcome == Outcome::Lost;
            self.serve(text.as_str(), (!is_lost).then_some(200));
            if is_lost {
                return Ok(Ended::Cut);
            }
        }
        socket.close(None).await?;
        Ok(if wire.held() < MOST_WAITING { Ended::Stopped } else { Ended::Behind })
    }

    async fn write(&self, socket: &mut Socket, out: &mut Vec<Arc<str>>) -> Result<(), Error> {
        if out.is_empty() {
            return Ok(());
        }
        let shared = &self.line.shared;
        for text in out.drain(..) {
            socket.feed(Message::text(&*text)).await?;
            if let Some(witness) = &shared.stage.witness {
                witness.frame(shared.now(), shared.dialect, &text);
            }
        }
        socket.flush().await
    }

    /// What the venue says by itself to keep a stream or to end it; whether it ends now.
    fn keep(&self, keeping: &mut Keeping, now: Time, out: &mut Vec<Arc<str>>) -> Option<Ended> {
        let shared = &self.line.shared;
        if shared.faults.is_halted(now) {
            // the venue does not hear now
            keeping.heard = now;
            return None;
        }
        if let Some((every, text)) = shared.dialect.ping()
            && now.since(keeping.ping) >= every
        {
            keeping.ping = now;
            out.push(text.into());
        }
        if let Some((at, left)) = shared.faults.closes_at(self.opened, now) {
            if !std::mem::replace(&mut keeping.is_announced, true) {
                out.extend(shared.dialect.closing(left / MS).map(Arc::from));
            }
            if now >= at {
                return Some(Ended::Planned);
            }
        }
        let patience = shared.faults.patience(shared.dialect.patience(), now);
        patience.is_some_and(|most| now.since(keeping.heard) >= most).then_some(Ended::Idle)
    }

    fn serve(&self, text: &str, answered: Option<u16>) {
        let (mut venue, now, _) = self.line.shared.present();
        let code = venue.text(self.number, text, now);
        drop(venue);
        self.note(text, Some(code), answered);
    }

    fn note(&self, text: &str, code: Option<i64>, answered: Option<u16>) {
        if self.line.shared.stage.witness.is_some() {
            let (route, named) = self.line.shared.dialect.spoken_names(text);
            self.line.seen(&route, Some(self.number), named, (code.map(Value::from), answered));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::emulate::tests::Talkative;
    use crate::wall::SystemClock;
    use std::time::Instant;
    use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream, duplex};

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
