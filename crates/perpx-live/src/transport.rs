//! The edge of a run: tasks that hold its sockets and lanes. What they receive goes into one channel, in the order of receipt;
//! nothing of a venue's language is known here, and the thread that decides never waits for any of them.

use super::{LiveError, engine_time};
use perpx_venues::client::{About, Answer, Host, Reply, Request, Stream};
use perpx_venues::net::backoff::{Backoff, chance};
use perpx_venues::net::hosts::Network;
use perpx_venues::net::lane::{Lane, Warmed};
use perpx_venues::net::reach::{Reach, ReachError};
use perpx_venues::net::socket::{Socket, SocketError};
use perpx_venues::net::upkeep::stream_rules;
use perpx_venues::venue::Venue;
use std::future::pending;
use std::io;
use std::path::Path;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::mpsc::Sender;
use std::time::{Duration, Instant};
use tokio::runtime::{Builder, Runtime};
use tokio::sync::{mpsc, oneshot, watch};
use tokio::time::sleep;

/// A read that failed is asked again after so long, twice as long each time, up to the second.
const AGAIN: Duration = Duration::from_millis(500);
const AGAIN_AT_MOST: Duration = Duration::from_secs(8);
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
    /// The stream's handshake was refused, by the venue or by what stands before it.
    TurnedAway {
        venue: usize,
    },
    /// `took`: in its lane, the wait for others before it left out.
    Reply {
        venue: usize,
        about: About,
        reply: Reply,
        took: Duration,
    },
    /// What came of a cheap GET that keeps a lane warm. `is_of_orders`: the lane carries orders.
    Warmed {
        venue: usize,
        is_of_orders: bool,
        warmed: Warmed,
    },
}

impl Inbound {
    /// Whose it is.
    pub fn venue(&self) -> usize {
        match self {
            Inbound::Open { venue, .. } | Inbound::Text { venue, .. } | Inbound::TurnedAway { venue } => *venue,
            Inbound::Reply { venue, .. } | Inbound::Warmed { venue, .. } => *venue,
        }
    }
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

/// Finds a venue before a run begins, whose tasks are not there yet. `authority`: roots beside those of the web.
///
/// # Errors
/// No thread; whatever keeps a venue from being reached.
pub fn find(venue: Venue, network: &Network, authority: Option<&Path>) -> Result<Reach, LiveError> {
    let runtime = Builder::new_current_thread().enable_all().build().map_err(LiveError::Threads)?;
    runtime.block_on(Reach::find(venue, network, authority, None)).map_err(|error| LiveError::Reach(Box::new(error)))
}

/// Names and values of a handshake.
type Headers = Vec<(&'static str, String)>;

/// The lanes of a venue: requests of one wait for each other, and for those of no other.
#[derive(Clone, Copy)]
enum LaneKind {
    /// What may open.
    Place,
    /// Cancels and closes.
    Exit,
    /// What became of orders.
    Truth,
    /// All else that is read.
    Ask,
}

impl LaneKind {
    fn of(request: &Request) -> LaneKind {
        match request.about {
            _ if request.is_exit => LaneKind::Exit,
            About::Place(_) | About::Cancel(_) | About::Fence(_) => LaneKind::Place,
            About::Query(_) | About::Nonce(_) => LaneKind::Truth,
            _ => LaneKind::Ask,
        }
    }
}

/// A request, and how often it failed before.
type Asked = (Request, u32);

/// The connections of one venue.
pub struct Transport {
    number: usize,
    reach: Arc<Reach>,
    inbound: Sender<Inbound>,
    /// By [`LaneKind`].
    lanes: [mpsc::UnboundedSender<Asked>; 4],
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
        let lane = |kind: LaneKind| -> Result<mpsc::UnboundedSender<Asked>, ReachError> {
            let is_of_orders = !matches!(kind, LaneKind::Ask);
            let lane = if is_of_orders { reach.order_lane()? } else { reach.lane()? };
            let (send, requests) = mpsc::unbounded_channel();
            edge.runtime.spawn(carry((lane, is_of_orders), number, (send.downgrade(), requests), inbound.clone()));
            Ok(send)
        };
        let lanes = [lane(LaneKind::Place)?, lane(LaneKind::Exit)?, lane(LaneKind::Truth)?, lane(LaneKind::Ask)?];
        Ok(Transport { number, reach, inbound, lanes, streams: Vec::new() })
    }

    /// Sends a request over its lane.
    pub fn ask(&self, request: Request) {
        // a task that has ended is noticed by its silence
        let _ = self.lanes[LaneKind::of(&request) as usize].send((request, 0));
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

    /// Opens a stream anew.
    pub fn renew(&self, stream: usize) {
        if let Some((_, handshake)) = self.streams.get(stream) {
            handshake.send_modify(|_| {});
        }
    }

    /// Opens the next stream and keeps it open until the stop.
    pub fn open(&mut self, edge: &Edge, stream: Stream) {
        let Stream { host, path, is_private, headers } = stream;
        let (send, texts) = mpsc::unbounded_channel();
        let (handshake, changed) = watch::channel(headers);
        let stream = StreamTask {
            from: (self.number, self.streams.len()),
            reach: self.reach.clone(),
            host,
            path,
            is_private,
            texts,
            handshake: changed,
            inbound: self.inbound.clone(),
        };
        self.streams.push((send, handshake));
        edge.runtime.spawn(stream.keep(edge.stop.subscribe()));
    }
}

/// It is asked until it is answered: that nobody answers, or that too much was asked, says nothing about what was asked for. What became
/// of an order is asked again by the client, and so is a login.
fn is_asked_again(about: About, reply: &Reply) -> bool {
    let is_left_to_others =
        matches!(about, About::Place(_) | About::Cancel(_) | About::Fence(_) | About::Query(_) | About::Login);
    let is_answered = |answer: &Answer| !(answer.is_page() || answer.status == 429 || answer.status >= 500);
    !is_left_to_others && !reply.as_ref().is_ok_and(is_answered)
}

/// Requests of one lane, each with its reply. A read that failed is asked again later; those behind it do not wait for that.
async fn carry(
    (lane, is_of_orders): (Lane, bool),
    venue: usize,
    (again, mut requests): (mpsc::WeakUnboundedSender<Asked>, mpsc::UnboundedReceiver<Asked>),
    inbound: Sender<Inbound>,
) {
    let (send, asked) = mpsc::channel(1);
    let report = inbound.clone();
    let report = move |warmed| {
        // a run that has ended wants to know nothing
        let _ = report.send(Inbound::Warmed { venue, is_of_orders, warmed });
    };
    tokio::spawn(lane.serve(asked, Some(report)));
    while let Some((request, failed)) = requests.recv().await {
        let (about, (reply, replied), began) = (request.about, oneshot::channel(), Instant::now());
        if send.send((request.clone(), reply)).await.is_err() {
            return;
        }
        let reply = replied.await.unwrap_or_else(|_| Err("the lane has ended".to_owned()));
        if is_asked_again(about, &reply) {
            let again = again.clone();
            tokio::spawn(async move {
                sleep((AGAIN * 2u32.saturating_pow(failed)).min(AGAIN_AT_MOST)).await;
                // the run may have ended meanwhile
                if let Some(again) = again.upgrade() {
                    let _ = again.send((request, failed.saturating_add(1)));
                }
            });
            continue;
        }
        let took = began.elapsed();
        if inbound.send(Inbound::Reply { venue, about, reply, took }).is_err() {
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
    is_private: bool,
    texts: mpsc::UnboundedReceiver<String>,
    handshake: watch::Receiver<Headers>,
    inbound: Sender<Inbound>,
}

/// How a socket came to its end.
enum End {
    /// The venue closed it, or it broke.
    Lost,
    /// Another one is open in its place.
    Renewed(Box<Socket>),
}

/// A socket that is being opened.
type Opening = Pin<Box<dyn Future<Output = Result<Socket, SocketError>> + Send>>;

impl StreamTask {
    async fn keep(mut self, mut stop: watch::Receiver<bool>) {
        let (mut backoff, mut renewed) = (Backoff::default(), None);
        loop {
            let opened = match renewed.take() {
                Some(socket) => Ok(socket),
                None => {
                    backoff.connect(engine_time::now());
                    let Some(opening) = self.open() else { return };
                    tokio::select! {
                        opened = opening => opened,
                        _ = stop.changed() => return,
                    }
                }
            };
            let turned_away = match opened {
                Err(error) => {
                    let is_turned_away = error.is_turned_away();
                    if is_turned_away {
                        // a run that has ended hears no more
                        let _ = self.inbound.send(Inbound::TurnedAway { venue: self.from.0 });
                    }
                    is_turned_away
                }
                Ok(mut socket) => {
                    // what was to be said on a connection that has gone is not for this one
                    while self.texts.try_recv().is_ok() {}
                    let (venue, stream) = self.from;
                    if self.inbound.send(Inbound::Open { venue, stream }).is_err() {
                        return;
                    }
                    let end = tokio::select! {
                        end = self.exchange(&mut socket, &mut backoff) => end,
                        _ = stop.changed() => return socket.close().await,
                    };
                    if let End::Renewed(socket_now) = end {
                        tokio::spawn(socket.close());
                        renewed = Some(*socket_now);
                        continue;
                    }
                    false
                }
            };
            let now = engine_time::now();
            let until = backoff.lost(now, chance(), turned_away);
            let pause = Duration::from_nanos(until.since(now).0.max(0).unsigned_abs());
            tokio::select! {
                () = sleep(pause) => {}
                _ = stop.changed() => return,
            }
        }
    }

    /// A socket with the handshake as it is now; `None` at a venue that has no such host.
    fn open(&mut self) -> Option<Opening> {
        let headers = self.handshake.borrow_and_update().clone();
        let (reach, path, is_private) = (self.reach.clone(), self.path, self.is_private);
        let host = reach.hosts.get(&self.host)?.clone();
        Some(Box::pin(async move {
            Socket::open(&reach.dialer, &host, path, &headers, stream_rules(reach.venue, is_private)).await
        }))
    }

    /// Texts in both directions, until the socket ends. With another handshake it is heard until a second one is open.
    async fn exchange(&mut self, socket: &mut Socket, backoff: &mut Backoff) -> End {
        let (venue, stream) = self.from;
        let mut opening: Option<Opening> = None;
        loop {
            let opened = async {
                match &mut opening {
                    Some(opening) => opening.await,
                    None => pending().await,
                }
            };
            tokio::select! {
                biased;
                Some(text) = self.texts.recv() => {
                    if socket.send(&text).await.is_err() {
                        return End::Lost;
                    }
                }
                opened = opened => match opened {
                    Ok(socket) => return End::Renewed(Box::new(socket)),
                    // this one is still there
                    Err(_) => opening = None,
                },
                changed = self.handshake.changed() => {
                    if changed.is_err() {
                        return End::Lost;
                    }
                    opening = self.open();
                }
                text = socket.next() => {
                    let Ok(text) = text else { return End::Lost };
                    backoff.live(engine_time::now());
                    let text = text.as_str().to_owned();
                    if self.inbound.send(Inbound::Text { venue, stream, text }).is_err() {
                        return End::Lost;
                    }
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use perpx_core::market::OrderId;

    #[test]
    fn a_read_is_asked_until_it_is_answered_and_an_order_never_again() {
        let answer = |status, body: &str| Ok(Answer { status, body: body.to_owned(), ..Answer::default() });
        let failures = [
            Err("cut".to_owned()),
            answer(429, r#"{"code":1006}"#),
            answer(502, ""),
            answer(403, "<html>"),
            answer(200, "<html>"),
        ];
        let order = OrderId(1);
        for reply in &failures {
            assert!(is_asked_again(About::OpenOrders, reply) && is_asked_again(About::Account, reply), "{reply:?}");
            for about in [About::Place(order), About::Cancel(order), About::Query(order), About::Login] {
                assert!(!is_asked_again(about, reply), "{about:?}");
            }
        }
        // refused in the venue's own words, and answered
        for reply in [answer(400, r#"{"code":1003}"#), answer(401, "{}"), answer(200, "{}")] {
            assert!(!is_asked_again(About::Account, &reply), "{reply:?}");
        }
    }
}
