//! The threads that hold sockets. Each has one connection; what it hears goes into one channel, in the order of hearing, and
//! nothing of a venue is known here.

use perpx_venues::client::{About, Answer, Body, Host, Reply, Request};
use std::collections::BTreeMap;
use std::io;
use std::net::{TcpStream, ToSocketAddrs};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;
use tungstenite::client::IntoClientRequest;
use tungstenite::http::{HeaderName, HeaderValue};
use tungstenite::{Error, HandshakeError, Message, WebSocket};

/// How long a stream listens before it says what waits to be said.
const LISTEN: Duration = Duration::from_millis(5);
const PATIENCE: Duration = Duration::from_secs(10);
/// Between two attempts at a stream: doubling, from the first to the last.
const RETRY: [Duration; 2] = [Duration::from_millis(250), Duration::from_secs(10)];

/// What a thread has received; `venue` as the transport was given it.
#[derive(Debug)]
pub enum Inbound {
    /// The stream is open, for the first time or again.
    Open {
        venue: usize,
        stream: usize,
    },
    Text {
        venue: usize,
        stream: usize,
        text: String,
    },
    Reply {
        venue: usize,
        about: About,
        reply: Reply,
    },
}

/// Headers of a stream's next handshake.
#[derive(Clone)]
struct Handshake(Arc<Mutex<Vec<(&'static str, String)>>>);

impl Handshake {
    fn headers(&self) -> MutexGuard<'_, Vec<(&'static str, String)>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The connections of one venue.
pub struct Transport {
    venue: usize,
    inbound: Sender<Inbound>,
    stop: Arc<AtomicBool>,
    requests: Sender<Request>,
    streams: Vec<(Sender<String>, Handshake)>,
    threads: Vec<JoinHandle<()>>,
}

/// Where a venue's hosts are: "127.0.0.1:8020".
pub type Hosts = BTreeMap<Host, String>;

impl Transport {
    /// Requests go out one after the other, each awaited.
    pub fn new(venue: usize, hosts: &Hosts, inbound: Sender<Inbound>, stop: Arc<AtomicBool>) -> Transport {
        let (requests, asked) = channel::<Request>();
        let (hosts, out) = (hosts.clone(), inbound.clone());
        let requester = std::thread::spawn(move || {
            let agent: ureq::Agent = ureq::Agent::config_builder()
                .http_status_as_error(false)
                .timeout_global(Some(PATIENCE))
                .user_agent("perpx")
                .build()
                .into();
            for request in asked {
                let about = request.about;
                let reply = ask(&agent, &hosts, request);
                if out.send(Inbound::Reply { venue, about, reply }).is_err() {
                    return;
                }
            }
        });
        Transport { venue, inbound, stop, requests, streams: Vec::new(), threads: vec![requester] }
    }

    pub fn ask(&self, request: Request) {
        // a thread that has ended is noticed by its silence
        let _ = self.requests.send(request);
    }

    pub fn send(&self, stream: usize, text: String) {
        if let Some((stream, _)) = self.streams.get(stream) {
            let _ = stream.send(text);
        }
    }

    /// Opens a stream anew if its handshake has other headers than before.
    pub fn reopen(&self, stream: usize, headers: Vec<(&'static str, String)>) {
        if let Some((_, handshake)) = self.streams.get(stream) {
            *handshake.headers() = headers;
        }
    }

    /// Opens the next stream and keeps it open until the stop.
    pub fn open(&mut self, host: String, path: &'static str, headers: Vec<(&'static str, String)>) {
        let (say, said) = channel();
        let (venue, stream, stop, inbound) = (self.venue, self.streams.len(), self.stop.clone(), self.inbound.clone());
        let handshake = Handshake(Arc::new(Mutex::new(headers)));
        self.streams.push((say, handshake.clone()));
        self.threads.push(std::thread::spawn(move || {
            let mut pause = RETRY[0];
            while !stop.load(Ordering::Relaxed) {
                let headers = handshake.headers().clone();
                let opened = connect(&host, path, &headers);
                if let Ok(mut socket) = opened {
                    // what was to be said on a connection that has gone is not for this one
                    said.try_iter().for_each(drop);
                    pause = RETRY[0];
                    let open = inbound.send(Inbound::Open { venue, stream });
                    if open.is_err() {
                        return;
                    }
                    let ends = || stop.load(Ordering::Relaxed) || *handshake.headers() != headers;
                    if listen(&mut socket, (venue, stream), &said, &inbound, ends).is_ok() {
                        if stop.load(Ordering::Relaxed) {
                            return;
                        }
                        continue;
                    }
                }
                std::thread::sleep(pause);
                pause = (pause * 2).min(RETRY[1]);
            }
        }));
    }

    /// Waits for the threads; the stop must have been asked for.
    pub fn join(self) {
        drop((self.requests, self.streams));
        for thread in self.threads {
            let _ = thread.join();
        }
    }
}

fn ask(agent: &ureq::Agent, hosts: &Hosts, request: Request) -> Reply {
    let host = hosts.get(&request.host).ok_or("the venue has no such host")?;
    let url = format!("http://{host}{}", request.path);
    let answer = match request.body {
        Body::None => {
            let asked = request.headers.iter().fold(agent.get(&url), |asked, (name, value)| asked.header(*name, value));
            asked.call()
        }
        body => {
            let post = agent.post(&url);
            let asked = request.headers.iter().fold(post, |asked, (name, value)| asked.header(*name, value));
            match body {
                Body::Form(fields) => asked.send_form(fields),
                Body::Json(text) => asked.content_type("application/json").send(text),
                Body::None => asked.send_empty(),
            }
        }
    };
    let mut answer = answer.map_err(|error| error.to_string())?;
    let kept = ["set-cookie", "x-grvt-account-id"];
    let headers = answer.headers().iter().filter(|(name, _)| kept.contains(&name.as_str()));
    let session = headers.filter_map(|(name, value)| Some((name.to_string(), value.to_str().ok()?.to_owned())));
    let (status, session) = (answer.status().as_u16(), session.collect());
    let body = answer.body_mut().read_to_string().map_err(|error| error.to_string())?;
    Ok(Answer { status, body, session })
}

fn connect(
    host: &str,
    path: &str,
    headers: &[(&'static str, String)],
) -> Result<WebSocket<TcpStream>, Box<dyn std::error::Error>> {
    let address = host.to_socket_addrs()?.next().ok_or("no address")?;
    let stream = TcpStream::connect_timeout(&address, PATIENCE)?;
    stream.set_nodelay(true)?;
    stream.set_read_timeout(Some(PATIENCE))?;
    stream.set_write_timeout(Some(PATIENCE))?;
    let mut request = format!("ws://{host}{path}").into_client_request()?;
    for (name, value) in headers {
        request.headers_mut().insert(HeaderName::from_static(name), HeaderValue::from_str(value)?);
    }
    let socket = match tungstenite::client(request, stream) {
        Ok((socket, _)) => socket,
        Err(HandshakeError::Failure(error)) => return Err(error.into()),
        Err(HandshakeError::Interrupted(_)) => return Err("the venue does not answer the handshake".into()),
    };
    socket.get_ref().set_read_timeout(Some(LISTEN))?;
    Ok(socket)
}

/// Until `ends` (`Ok`) or the end of the connection.
fn listen(
    socket: &mut WebSocket<TcpStream>,
    (venue, stream): (usize, usize),
    said: &Receiver<String>,
    inbound: &Sender<Inbound>,
    ends: impl Fn() -> bool,
) -> Result<(), Error> {
    while !ends() {
        for text in said.try_iter() {
            socket.send(Message::text(text))?;
        }
        match socket.read() {
            Ok(Message::Text(text)) => {
                let text = text.as_str().to_owned();
                if inbound.send(Inbound::Text { venue, stream, text }).is_err() {
                    return Ok(());
                }
            }
            Ok(_) => {}
            Err(Error::Io(error)) if matches!(error.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut) => {}
            Err(error) => return Err(error),
        }
    }
    let _ = socket.close(None);
    let _ = socket.flush();
    Ok(())
}
