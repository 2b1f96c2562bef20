//! The edge of a run: tasks that hold its sockets and lanes. What they receive goes into one channel, in the order of receipt;
//! nothing of a venue's language is known here, and the thread that decides never waits for any of them.

use perpx_venues::client::{About, Host, Reply, Request, Stream};
use perpx_venues::net::backoff::{Backoff, chance};
use perpx_venues::net::lane::Lane;
use perpx_venues::net::reach::{Reach, ReachError};
use perpx_venues::net::socket::Socket;
use perpx_venues::net::upkeep::stream_rules;
use perpx_venues::wall;
use std::io;
use std::sync::Arc;
use std::sync::mpsc::Sender;
use std::time::Duration;
use tokio::runtime::{Builder, Runtime};
use tokio::sync::{mpsc, oneshot, watch};
use tokio::time::sleep;

/// How long tasks may take to say goodbye when the run ends.
const FAREWELL: Duration = Duration::from_secs(1);

/// What a task has received; `venue` as the transport was given it.
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

/// The threads that all tasks of a run share.
pub struct Edge {
    runtime: Runtime,
    stop: watch::Sender<bool>,
}

impl Edge {
    /// # Errors
    /// The system gives no thread.
    pub fn new() -> io::Result<Edge> {
        let runtime = Builder::new_multi_thread().worker_threads(2).enable_all().thread_name("edge").build()?;
        Ok(Edge { runtime, stop: watch::channel(false).0 })
    }

    /// Ends all connections.
    pub fn close(self) {
        // no task left: nobody to tell
        let _ = self.stop.send(true);
        self.runtime.shutdown_timeout(FAREWELL);
    }
}

/// Names and values of a handshake.
type Headers = Vec<(&'static str, String)>;

/// The lanes of a venue: requests of one wait for each other, and for those of no other.
#[derive(Clone, Copy)]
enum LaneKind {
    /// Orders.
    Place,
    /// Cancels.
    Cancel,
    /// All that is read.
    Ask,
}

impl LaneKind {
    fn of(about: About) -> LaneKind {
        match about {
            About::Place(_) => LaneKind::Place,
            About::Cancel(_) => LaneKind::Cancel,
            _ => LaneKind::Ask,
        }
    }
}

/// The connections of one venue.
pub struct Transport {
    number: usize,
    reach: Arc<Reach>,
    inbound: Sender<Inbound>,
    /// By [`LaneKind`].
    lanes: [mpsc::UnboundedSender<Request>; 3],
    streams: Vec<(mpsc::UnboundedSender<String>, watch::Sender<Headers>)>,
}

impl Transport {
    /// Lanes without a connection yet; `number` comes back with what is received.
    ///
    /// # Errors
    /// A proxy or a TLS that the client does not take.
    pub fn new(
        edge: &Edge,
        number: usize,
        reach: Arc<Reach>,
        inbound: Sender<Inbound>,
    ) -> Result<Transport, ReachError> {
        let lane = || -> Result<mpsc::UnboundedSender<Request>, ReachError> {
            let lane = reach.lane()?;
            let (send, requests) = mpsc::unbounded_channel();
            edge.runtime.spawn(carry(lane, number, requests, inbound.clone()));
            Ok(send)
        };
        let lanes = [lane()?, lane()?, lane()?];
        Ok(Transport { number, reach, inbound, lanes, streams: Vec::new() })
    }

    /// Sends a request over its lane.
    pub fn ask(&self, request: Request) {
        // a task that has ended is noticed by its silence
        let _ = self.lanes[LaneKind::of(request.about) as usize].send(request);
    }

    /// Sends a text over a stream; one that is not open loses it.
    pub fn send(&self, stream: usize, text: String) {
        if let Some((stream, _)) = self.streams.get(stream) {
            let _ = stream.send(text);
        }
    }

    /// Opens a stream anew if its handshake has other headers than before.
    pub fn reopen(&self, stream: usize, headers: Headers) {
        if let Some((_, handshake)) = self.streams.get(stream) {
            handshake.send_if_modified(|old| std::mem::replace(old, headers) != *old);
        }
    }

    /// Opens the next stream and keeps it open until the stop.
    pub fn open(&mut self, edge: &Edge, stream: Stream) {
        let Stream { host, path, headers } = stream;
        let (send, texts) = mpsc::unbounded_channel();
        let (handshake, changed) = watch::channel(headers);
        let stream = StreamTask {
            from: (self.number, self.streams.len()),
            reach: self.reach.clone(),
            host,
            path,
            texts,
            handshake: changed,
            inbound: self.inbound.clone(),
        };
        self.streams.push((send, handshake));
        edge.runtime.spawn(stream.keep(edge.stop.subscribe()));
    }
}

/// Requests of one lane, each with its reply.
async fn carry(lane: Lane, venue: usize, mut requests: mpsc::UnboundedReceiver<Request>, inbound: Sender<Inbound>) {
    let (send, asked) = mpsc::channel(1);
    tokio::spawn(lane.serve(asked));
    while let Some(request) = requests.recv().await {
        let (about, (reply, replied)) = (request.about, oneshot::channel());
        if send.send((request, reply)).await.is_err() {
            return;
        }
        let reply = replied.await.unwrap_or_else(|_| Err("the lane has ended".to_owned()));
        if inbound.send(Inbound::Reply { venue, about, reply }).is_err() {
            return;
        }
    }
}

/// One stream, opened again whenever it ends.
struct StreamTask {
    from: (usize, usize),
    reach: Arc<Reach>,
    host: Host,
    path: &'static str,
    texts: mpsc::UnboundedReceiver<String>,
    handshake: watch::Receiver<Headers>,
    inbound: Sender<Inbound>,
}

impl StreamTask {
    async fn keep(mut self, mut stop: watch::Receiver<bool>) {
        let mut backoff = Backoff::default();
        loop {
            backoff.connect(wall::now());
            let headers = self.handshake.borrow_and_update().clone();
            let Reach { venue, hosts, dialer, .. } = &*self.reach;
            let Some(host) = hosts.get(&self.host) else { return };
            let opened = Socket::open(dialer, host, self.path, &headers, stream_rules(*venue, self.host));
            let opened = tokio::select! {
                opened = opened => opened,
                _ = stop.changed() => return,
            };
            let lost = match opened {
                Err(error) => Some(error.is_turned_away()),
                Ok(mut socket) => {
                    // what was to be said on a connection that has gone is not for this one
                    while self.texts.try_recv().is_ok() {}
                    let (venue, stream) = self.from;
                    if self.inbound.send(Inbound::Open { venue, stream }).is_err() {
                        return;
                    }
                    let lost = tokio::select! {
                        is_lost = self.exchange(&mut socket, &mut backoff) => is_lost,
                        _ = stop.changed() => return socket.close().await,
                    };
                    if !lost {
                        // another handshake: at once
                        socket.close().await;
                    }
                    lost.then_some(false)
                }
            };
            let Some(turned_away) = lost else { continue };
            let now = wall::now();
            let until = backoff.lost(now, chance(), turned_away);
            let pause = Duration::from_nanos(until.since(now).0.max(0).unsigned_abs());
            tokio::select! {
                () = sleep(pause) => {}
                _ = stop.changed() => return,
            }
        }
    }

    /// Texts in both directions, until the socket ends (`true`) or its handshake is another.
    async fn exchange(&mut self, socket: &mut Socket, backoff: &mut Backoff) -> bool {
        let (venue, stream) = self.from;
        loop {
            tokio::select! {
                biased;
                Some(text) = self.texts.recv() => {
                    if socket.send(&text).await.is_err() {
                        return true;
                    }
                }
                text = socket.next() => {
                    let Ok(text) = text else { return true };
                    backoff.live(wall::now());
                    let text = text.as_str().to_owned();
                    if self.inbound.send(Inbound::Text { venue, stream, text }).is_err() {
                        return true;
                    }
                }
                changed = self.handshake.changed() => return changed.is_err(),
            }
        }
    }
}
