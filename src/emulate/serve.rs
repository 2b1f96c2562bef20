//! Connections: a thread each, and one that lets time pass. They share the venue behind a lock.

use super::EmulateError;
use super::http::{self, Reply, Request};
use crate::units::Time;
use std::io::{self, Write};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::{Duration, SystemTime, UNIX_EPOCH};
use tungstenite::handshake::derive_accept_key;
use tungstenite::protocol::{Role, WebSocketConfig};
use tungstenite::{Error, Message, WebSocket};

/// The venue as connections see it. Times are those of the wall.
pub trait Emulated: Send {
    /// Lets the venue's time pass and sends what is due.
    fn pass(&mut self, now: Time) -> Result<(), EmulateError>;
    fn request(&mut self, request: &Request, now: Time) -> Reply;
    /// A socket is open; what the venue tells it goes into `out`.
    fn open(&mut self, socket: u64, out: Sender<String>, now: Time);
    fn text(&mut self, socket: u64, text: &str, now: Time);
    fn closed(&mut self, socket: u64);
    /// Path of the stream.
    fn stream_path(&self) -> &'static str;
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

type Shared = Arc<Mutex<dyn Emulated>>;

pub struct Server {
    listener: TcpListener,
    venue: Shared,
    stop: Arc<AtomicBool>,
}

fn now() -> Time {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    Time(i64::try_from(since.as_nanos()).unwrap_or(i64::MAX))
}

/// A thread that panicked has left the venue as it was between two steps; the others go on.
fn locked<'a>(venue: &'a Mutex<dyn Emulated + 'static>) -> MutexGuard<'a, dyn Emulated + 'static> {
    venue.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
}

impl Server {
    /// Listens on the loopback alone; port 0 takes a free one.
    pub fn bind(port: u16, venue: impl Emulated + 'static, stop: Arc<AtomicBool>) -> Result<Server, EmulateError> {
        let taken = |source| EmulateError::Port { port, source };
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, port)).map_err(taken)?;
        listener.set_nonblocking(true).map_err(taken)?;
        Ok(Server { listener, venue: Arc::new(Mutex::new(venue)), stop })
    }

    pub fn port(&self) -> u16 {
        self.listener.local_addr().map_or(0, |address| address.port())
    }

    /// Serves until asked to stop, or until the market ends.
    pub fn run(self) -> Result<(), EmulateError> {
        let (open, sockets) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicU64::new(0)));
        while !self.stop.load(Ordering::Relaxed) {
            while let Ok((stream, _)) = self.listener.accept() {
                if open.fetch_add(1, Ordering::Relaxed) >= MOST_CONNECTIONS {
                    open.fetch_sub(1, Ordering::Relaxed);
                    continue;
                }
                let (venue, stop, open, sockets) =
                    (self.venue.clone(), self.stop.clone(), open.clone(), sockets.clone());
                std::thread::spawn(move || {
                    // whatever ends a connection ends it alone: the peer has gone, or did not speak the protocol
                    let _ = connection(stream, &venue, &stop, &sockets);
                    open.fetch_sub(1, Ordering::Relaxed);
                });
            }
            locked(&self.venue).pass(now())?;
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

fn connection(mut stream: TcpStream, venue: &Shared, stop: &AtomicBool, sockets: &AtomicU64) -> io::Result<()> {
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
            return upgrade(stream, rest, &request, venue, stop, sockets);
        }
        let reply = {
            let mut venue = locked(venue);
            let now = now();
            // a market at its end is told by the thread that lets time pass
            let _ = venue.pass(now);
            venue.request(&request, now)
        };
        reply.write(&mut stream)?;
        if request.header("connection").is_some_and(|value| value.eq_ignore_ascii_case("close")) {
            return Ok(());
        }
    }
}

fn upgrade(
    mut stream: TcpStream,
    rest: Vec<u8>,
    request: &Request,
    venue: &Shared,
    stop: &AtomicBool,
    sockets: &AtomicU64,
) -> io::Result<()> {
    let path = locked(venue).stream_path();
    let key = request.header("sec-websocket-key").filter(|_| request.path == path);
    let Some(key) = key else {
        let body = serde_json::json!({ "code": 29404, "message": format!("the stream is at {path}") });
        return Reply { status: 404, ..Reply::json(&body) }.write(&mut stream);
    };
    let accept = derive_accept_key(key.as_bytes());
    write!(
        stream,
        "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: {accept}\r\n\r\n"
    )?;
    stream.set_read_timeout(Some(LISTEN))?;
    let config = WebSocketConfig::default().max_message_size(Some(MOST_FRAME)).max_frame_size(Some(MOST_FRAME));
    let mut socket = WebSocket::from_partially_read(stream, rest, Role::Server, Some(config));
    let number = sockets.fetch_add(1, Ordering::Relaxed);
    let (out, told) = channel();
    locked(venue).open(number, out, now());
    let _ = converse(&mut socket, number, &told, venue, stop);
    locked(venue).closed(number);
    Ok(())
}

fn converse(
    socket: &mut WebSocket<TcpStream>,
    number: u64,
    told: &Receiver<String>,
    venue: &Shared,
    stop: &AtomicBool,
) -> Result<(), Error> {
    while !stop.load(Ordering::Relaxed) {
        let mut any = false;
        for text in told.try_iter() {
            socket.write(Message::text(text))?;
            any = true;
        }
        if any {
            socket.flush()?;
        }
        match socket.read() {
            Ok(Message::Text(text)) => {
                let mut venue = locked(venue);
                let now = now();
                let _ = venue.pass(now);
                venue.text(number, text.as_str(), now);
            }
            Ok(_) => {}
            Err(Error::Io(error)) if matches!(error.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut) => {}
            Err(error) => return Err(error),
        }
    }
    socket.close(None)?;
    socket.flush()
}
