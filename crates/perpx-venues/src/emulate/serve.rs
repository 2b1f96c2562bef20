//! Connections: a thread each, and one that lets time pass. They share the venue behind a lock.

use super::EmulateError;
use super::faults::{Dialect, Fate, FaultPlan, Faults, Wire};
use super::http::{self, Reply, Request};
use crate::wall::now;
use perpx_core::units::Time;
use std::io::{self, Write};
use std::net::{Ipv4Addr, Shutdown, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, TrySendError, sync_channel};
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;
use tungstenite::handshake::derive_accept_key;
use tungstenite::protocol::{Role, WebSocketConfig};
use tungstenite::{Error, Message, WebSocket};

/// The venue as connections see it. Times are those of the wall.
pub trait Emulated: Send {
    /// Lets the venue's time pass and sends what is due.
    fn pass(&mut self, now: Time) -> Result<(), EmulateError>;
    /// `host`: which of the venue's hosts was asked, from 0.
    fn request(&mut self, host: usize, request: &Request, now: Time) -> Reply;
    /// A socket is open; what the venue tells it goes into `out`.
    fn open(&mut self, socket: u64, host: usize, handshake: &Request, out: Out, now: Time);
    fn text(&mut self, socket: u64, text: &str, now: Time);
    fn closed(&mut self, socket: u64);
    /// At these times of the wall nothing is matched.
    fn halt(&mut self, spans: &[(Time, Time)]);
    fn dialect(&self) -> &'static dyn Dialect;
    /// What a user is told of it: its account, and what is at the ports of its hosts.
    fn told(&self, ports: &[u16]) -> String;
    /// Each has a port.
    fn hosts(&self) -> u16;
    /// Path of the stream at a host.
    fn stream_path(&self, host: usize) -> Option<&'static str>;
}

/// What a socket is told. A peer that does not read is let go, so that it costs no memory.
pub struct Out {
    texts: SyncSender<Arc<str>>,
    peer: TcpStream,
}

impl Out {
    pub fn say(&self, text: &Arc<str>) {
        // a peer that has gone is forgotten by its own thread
        if let Err(TrySendError::Full(_)) = self.texts.try_send(text.clone()) {
            // its own thread waits for it to read, and learns so
            let _ = self.peer.shutdown(Shutdown::Both);
        }
    }
}

/// How often time passes.
const BEAT: Duration = Duration::from_millis(5);
/// Beats that streams have to close at the end.
const FAREWELL: usize = 40;
/// How long a socket is listened to before what the venue has to say goes out.
const LISTEN: Duration = Duration::from_millis(5);
const IDLE: Duration = Duration::from_secs(60);
const MOST_CONNECTIONS: usize = 256;
/// A frame of the venues is no larger.
const MOST_FRAME: usize = 64 << 10;
/// Texts that a peer may be behind.
const MOST_WAITING: usize = 16_384;

/// What the threads of a server share.
struct Shared {
    stop: Arc<AtomicBool>,
    faults: Faults,
    /// Sockets so far.
    sockets: AtomicU64,
    venue: Mutex<Box<dyn Emulated>>,
}

pub struct Server {
    /// One a host.
    listeners: Vec<TcpListener>,
    shared: Arc<Shared>,
}

impl Shared {
    /// A thread that panicked has left the venue as it was between two steps; the others go on.
    fn venue(&self) -> MutexGuard<'_, Box<dyn Emulated>> {
        self.venue.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
    }

    fn is_stopped(&self) -> bool {
        self.stop.load(Ordering::Relaxed)
    }
}

impl Server {
    /// Listens on the loopback alone, at a port a host: `port` and those after it, or free ones for port 0. The times of faults
    /// count from a time of the wall.
    pub fn bind(
        port: u16,
        mut venue: Box<dyn Emulated>,
        stop: Arc<AtomicBool>,
        (plan, wall): (&FaultPlan, Time),
    ) -> Result<Server, EmulateError> {
        let one = |host: u16| {
            let port = if port == 0 { 0 } else { port.saturating_add(host) };
            let taken = |source| EmulateError::Port { port, source };
            let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, port)).map_err(taken)?;
            listener.set_nonblocking(true).map_err(taken)?;
            Ok(listener)
        };
        let listeners = (0..venue.hosts()).map(one).collect::<Result<_, EmulateError>>()?;
        let faults = Faults::new(plan, venue.dialect(), wall);
        venue.halt(&faults.halts());
        let shared = Arc::new(Shared { stop, faults, sockets: AtomicU64::new(0), venue: Mutex::new(venue) });
        Ok(Server { listeners, shared })
    }

    /// Of each host.
    pub fn ports(&self) -> Vec<u16> {
        self.listeners.iter().map(|listener| listener.local_addr().map_or(0, |address| address.port())).collect()
    }

    /// What a user is told of it.
    pub fn told(&self) -> String {
        self.shared.venue().told(&self.ports())
    }

    /// Serves until asked to stop, or until the market ends.
    pub fn run(self) -> Result<(), EmulateError> {
        let (open, shared) = (Arc::new(AtomicUsize::new(0)), self.shared);
        while !shared.is_stopped() {
            let waiting = self.listeners.iter().enumerate();
            let accepted = waiting.filter_map(|(host, listener)| Some((host, listener.accept().ok()?.0)));
            for (host, stream) in accepted {
                if open.fetch_add(1, Ordering::Relaxed) >= MOST_CONNECTIONS {
                    open.fetch_sub(1, Ordering::Relaxed);
                    continue;
                }
                let (shared, open) = (shared.clone(), open.clone());
                std::thread::spawn(move || {
                    // whatever ends a connection ends it alone: the peer has gone, or did not speak the protocol
                    let _ = connection(stream, host, &shared);
                    open.fetch_sub(1, Ordering::Relaxed);
                });
            }
            let now = now();
            let passed = if shared.faults.is_halted(now) { Ok(()) } else { shared.venue().pass(now) };
            if let Err(ended) = passed {
                // the others of this program end with it
                shared.stop.store(true, Ordering::Relaxed);
                return Err(ended);
            }
            std::thread::sleep(BEAT);
        }
        // open streams say goodbye; a connection that is waiting for its next request is cut
        for _ in 0..FAREWELL {
            if open.load(Ordering::Relaxed) == 0 {
                break;
            }
            std::thread::sleep(BEAT);
        }
        Ok(())
    }
}

/// Serves several venues until asked to stop, or until one's market ends.
pub fn run(servers: Vec<Server>) -> Result<(), EmulateError> {
    let threads: Vec<_> = servers.into_iter().map(|server| std::thread::spawn(move || server.run())).collect();
    threads.into_iter().try_for_each(|thread| thread.join().unwrap_or(Ok(())))
}

fn connection(mut stream: TcpStream, host: usize, shared: &Shared) -> io::Result<()> {
    stream.set_nonblocking(false)?;
    stream.set_nodelay(true)?;
    stream.set_read_timeout(Some(IDLE))?;
    stream.set_write_timeout(Some(IDLE))?;
    let mut rest = Vec::new();
    loop {
        let request = match http::read(&mut stream, &mut rest) {
            Ok(Some(request)) => request,
            Ok(None) => return Ok(()),
            Err(error) => {
                let body = serde_json::json!({ "code": 20001, "message": error.to_string() });
                return Reply { status: 400, ..Reply::json(&body) }.write(&mut stream);
            }
        };
        if request.is_upgrade() {
            return upgrade(stream, host, rest, &request, shared);
        }
        let Some(reply) = answer(host, &request, shared) else { return Ok(()) };
        reply.write(&mut stream)?;
        if request.header("connection").is_some_and(|value| value.eq_ignore_ascii_case("close")) {
            return Ok(());
        }
    }
}

/// `None`: the connection ends without one.
fn answer(host: usize, request: &Request, shared: &Shared) -> Option<Reply> {
    let _turn = shared.faults.turn(now, &shared.stop)?;
    let fate = shared.faults.request(request, now());
    if let Fate::Instead(reply) = fate {
        return Some(reply);
    }
    let reply = {
        let mut venue = shared.venue();
        let now = now();
        // a market at its end is told by the thread that lets time pass
        let _ = venue.pass(now);
        venue.request(host, request, now)
    };
    match fate {
        Fate::After(instead) => Some(instead),
        Fate::Lost => None,
        _ => Some(reply),
    }
}

fn upgrade(mut stream: TcpStream, host: usize, rest: Vec<u8>, request: &Request, shared: &Shared) -> io::Result<()> {
    let path = shared.venue().stream_path(host);
    let key = request.header("sec-websocket-key").filter(|_| path == Some(request.path.as_str()));
    let Some(key) = key else {
        let where_it_is = path.map_or("at another host".to_owned(), |path| format!("at {path}"));
        let body = serde_json::json!({ "code": 29404, "message": format!("the stream is {where_it_is}") });
        return Reply { status: 404, ..Reply::json(&body) }.write(&mut stream);
    };
    let opened = now();
    if shared.faults.is_cut(opened, opened) {
        return Ok(());
    }
    let accept = derive_accept_key(key.as_bytes());
    write!(
        stream,
        "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: {accept}\r\n\r\n"
    )?;
    stream.set_read_timeout(Some(LISTEN))?;
    let peer = stream.try_clone()?;
    let config = WebSocketConfig::default().max_message_size(Some(MOST_FRAME)).max_frame_size(Some(MOST_FRAME));
    let mut socket = WebSocket::from_partially_read(stream, rest, Role::Server, Some(config));
    let number = shared.sockets.fetch_add(1, Ordering::Relaxed);
    let (texts, told) = sync_channel(MOST_WAITING);
    shared.venue().open(number, host, request, Out { texts, peer }, opened);
    let peer = Peer { number, opened, login: shared.faults.login_of(request), told };
    let _ = converse(&mut socket, &peer, shared);
    shared.venue().closed(number);
    Ok(())
}

/// One socket's other end.
struct Peer {
    number: u64,
    opened: Time,
    login: Option<String>,
    told: Receiver<Arc<str>>,
}

fn converse(socket: &mut WebSocket<TcpStream>, peer: &Peer, shared: &Shared) -> Result<(), Error> {
    let (mut wire, mut out) = (Wire::default(), Vec::new());
    while !shared.is_stopped() && wire.held() < MOST_WAITING {
        let heard = now();
        if shared.faults.is_cut(peer.opened, heard) {
            return Ok(());
        }
        wire.due(heard, &mut out);
        for text in peer.told.try_iter() {
            wire.pass(&shared.faults, text, heard, &mut out);
        }
        if !out.is_empty() {
            for text in out.drain(..) {
                socket.write(Message::text(&*text))?;
            }
            socket.flush()?;
        }
        match socket.read() {
            Ok(Message::Text(text)) => {
                let Some(_turn) = shared.faults.turn(now, &shared.stop) else { break };
                let fate = shared.faults.text(text.as_str(), peer.login.as_deref(), now());
                match &fate {
                    Fate::Instead(answer) => {
                        out.push(answer.clone());
                        continue;
                    }
                    Fate::After(answer) => wire.answer_with(answer.clone()),
                    _ => {}
                }
                let mut venue = shared.venue();
                let now = now();
                let _ = venue.pass(now);
                venue.text(peer.number, text.as_str(), now);
                if fate == Fate::Lost {
                    return Ok(());
                }
            }
            Ok(_) => {}
            Err(Error::Io(error)) if matches!(error.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut) => {}
            Err(error) => return Err(error),
        }
    }
    socket.close(None)?;
    socket.flush()
}
