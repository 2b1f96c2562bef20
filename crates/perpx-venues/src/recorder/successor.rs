//! The socket that takes another one's place: opened beside it when the venue says that it will close that one.

use crate::net::dial::Dialer;
use crate::net::hosts::Hosts;
use crate::net::socket::{Socket, SocketError};
use crate::net::upkeep::public_stream;
use crate::venue::Venue;
use std::collections::VecDeque;
use std::time::Duration;
use tokio::task::JoinHandle;
use tokio::time::{Instant, sleep_until};
use tokio_tungstenite::tungstenite::Utf8Bytes;

/// After one that could not be opened, or has ended, another is tried.
const AGAIN: Duration = Duration::from_secs(1);

/// How far it is.
#[derive(Default)]
pub enum Successor {
    /// None is wanted.
    #[default]
    Unwanted,
    /// One is wanted from then on.
    Wanted(Instant),
    /// Under way.
    Opening(JoinHandle<Result<Box<Socket>, SocketError>>),
    /// Open; what is heard on it is recorded beside the first one.
    Open {
        /// The socket.
        socket: Box<Socket>,
        /// Its number.
        conn: u32,
        /// What is yet to be subscribed.
        texts: VecDeque<String>,
    },
}

/// What happened to it.
pub enum News {
    /// It may be opened now.
    Due,
    /// It is open, or could not be opened.
    Opened(Result<Box<Socket>, SocketError>),
    /// A text, or its end.
    Heard(Result<Utf8Bytes, SocketError>),
}

impl Successor {
    /// The venue has said that it closes the socket.
    pub fn want(&mut self) {
        if matches!(self, Successor::Unwanted) {
            *self = Successor::Wanted(Instant::now());
        }
    }

    /// It is tried again a little later.
    pub fn postpone(&mut self) {
        *self = Successor::Wanted(Instant::now() + AGAIN);
    }

    /// Opens it beside the other one.
    pub fn open(&mut self, venue: Venue, dialer: Dialer, hosts: &Hosts) {
        let (host, path, rules) = public_stream(venue);
        *self = match hosts.get(&host).cloned() {
            Some(address) => Successor::Opening(tokio::spawn(async move {
                Socket::open(&dialer, &address, path, &[], rules).await.map(Box::new)
            })),
            None => Successor::Unwanted,
        };
    }

    /// The next thing that happens; may be dropped and called again.
    pub async fn next(&mut self) -> News {
        match self {
            Successor::Unwanted => std::future::pending().await,
            Successor::Wanted(at) => {
                sleep_until(*at).await;
                News::Due
            }
            Successor::Opening(opening) => {
                let opened = opening.await;
                News::Opened(opened.unwrap_or_else(|_| Err(SocketError::Closed(": it broke off".to_owned()))))
            }
            Successor::Open { socket, .. } => News::Heard(socket.next().await),
        }
    }
}
