//! A stream of texts. It says something often enough that the venue does not let it go, and it ends when the venue has been silent
//! for too long: a line that is dead without a word is found here.

use super::dial::{Dialer, PATIENCE, Wire};
use super::hosts::Address;
use futures_util::{SinkExt, StreamExt};
use std::time::Duration;
use tokio::time::{Instant, sleep_until, timeout};
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::tungstenite::http::{HeaderName, HeaderValue};
use tokio_tungstenite::tungstenite::protocol::WebSocketConfig;
use tokio_tungstenite::tungstenite::{Bytes, Error, Message, Utf8Bytes};

/// A snapshot of a deep book is a few hundred kilobytes.
const MOST_TEXT: usize = 8 << 20;
/// Pings in a row that may stay without an answer.
const MOST_UNANSWERED: u32 = 2;
/// How long a goodbye may take.
const FAREWELL: Duration = Duration::from_millis(500);

/// What keeps a venue from letting us go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Keepalive {
    /// A text.
    Text(&'static str),
    /// The protocol's own ping, whose answers are counted.
    Ping,
}

/// How a stream is kept and watched.
#[derive(Clone, Copy, Debug)]
pub struct Rules {
    /// What is said.
    pub keepalive: Keepalive,
    /// How often.
    pub every: Duration,
    /// A stream from which nothing came for so long is dead.
    pub silent_after: Duration,
}

/// Why a stream is not there, or no more.
#[derive(Debug, thiserror::Error)]
// the texts say what the fields are
#[allow(missing_docs)]
pub enum SocketError {
    #[error("no connection: {0}")]
    NoConnection(std::io::Error),
    #[error("the handshake is refused: HTTP {0}")]
    Refused(u16),
    #[error("no connection: {0}")]
    Handshake(Box<Error>),
    #[error("silent for {} s", .0.as_secs())]
    Silent(Duration),
    #[error("{0} pings without an answer")]
    NoPong(u32),
    #[error("the venue closed it{0}")]
    Closed(String),
    #[error("{0}")]
    Broken(Box<Error>),
}

impl SocketError {
    /// A gateway stands before the venue and wants to see nobody for a while.
    pub fn is_turned_away(&self) -> bool {
        matches!(self, SocketError::Refused(_))
    }
}

/// An open stream.
pub struct Socket {
    stream: WebSocketStream<Box<dyn Wire>>,
    rules: Rules,
    heard: Instant,
    next_ping: Instant,
    unanswered: u32,
}

impl Socket {
    /// Opens one.
    ///
    /// # Errors
    /// No connection, a handshake that is refused or not answered within 10 s.
    pub async fn open(
        dialer: &Dialer,
        host: &Address,
        path: &str,
        headers: &[(&'static str, String)],
        rules: Rules,
    ) -> Result<Socket, SocketError> {
        let wire = dialer.dial(host).await.map_err(SocketError::NoConnection)?;
        let broken = |error: Error| SocketError::Handshake(Box::new(error));
        let mut request = format!("{}{path}", host.ws()).into_client_request().map_err(broken)?;
        request.headers_mut().insert("user-agent", HeaderValue::from_static("perpx"));
        for (name, value) in headers {
            let value = HeaderValue::from_str(value).map_err(|error| broken(Error::HttpFormat(error.into())))?;
            request.headers_mut().insert(HeaderName::from_static(name), value);
        }
        let config = WebSocketConfig::default().max_message_size(Some(MOST_TEXT)).max_frame_size(Some(MOST_TEXT));
        let shaken = tokio_tungstenite::client_async_with_config(request, wire, Some(config));
        let stream = match timeout(PATIENCE, shaken).await {
            Ok(Ok((stream, _))) => stream,
            Ok(Err(Error::Http(answer))) => return Err(SocketError::Refused(answer.status().as_u16())),
            Ok(Err(error)) => return Err(broken(error)),
            Err(_) => return Err(SocketError::Silent(PATIENCE)),
        };
        let now = Instant::now();
        Ok(Socket { stream, rules, heard: now, next_ping: now + rules.every, unanswered: 0 })
    }

    /// The next text. May be dropped and called again: nothing is lost.
    ///
    /// # Errors
    /// The end of the stream.
    pub async fn next(&mut self) -> Result<Utf8Bytes, SocketError> {
        loop {
            let silent = self.heard + self.rules.silent_after;
            let message = tokio::select! {
                biased;
                message = self.stream.next() => message,
                () = sleep_until(silent) => return Err(SocketError::Silent(self.rules.silent_after)),
                () = sleep_until(self.next_ping) => {
                    self.keep_alive().await?;
                    continue;
                }
            };
            self.heard = Instant::now();
            match message {
                Some(Ok(Message::Text(text))) => return Ok(text),
                Some(Ok(Message::Pong(_))) => self.unanswered = 0,
                Some(Ok(Message::Close(frame))) => {
                    let why = frame.map(|frame| format!(": {} {}", frame.code, frame.reason));
                    return Err(SocketError::Closed(why.unwrap_or_default()));
                }
                Some(Ok(_)) => {}
                Some(Err(error)) => return Err(SocketError::Broken(Box::new(error))),
                None => return Err(SocketError::Closed(String::new())),
            }
        }
    }

    async fn keep_alive(&mut self) -> Result<(), SocketError> {
        self.next_ping = Instant::now() + self.rules.every;
        match self.rules.keepalive {
            Keepalive::Text(text) => self.send(text).await,
            Keepalive::Ping if self.unanswered >= MOST_UNANSWERED => Err(SocketError::NoPong(self.unanswered)),
            Keepalive::Ping => {
                self.unanswered += 1;
                self.send_message(Message::Ping(Bytes::new())).await
            }
        }
    }

    /// Says a text.
    ///
    /// # Errors
    /// The end of the stream.
    pub async fn send(&mut self, text: &str) -> Result<(), SocketError> {
        self.send_message(Message::text(text)).await
    }

    async fn send_message(&mut self, message: Message) -> Result<(), SocketError> {
        // a peer that does not read must not hold us for ever
        match timeout(PATIENCE, self.stream.send(message)).await {
            Ok(sent) => sent.map_err(|error| SocketError::Broken(Box::new(error))),
            Err(_) => Err(SocketError::Silent(PATIENCE)),
        }
    }

    /// Says goodbye and does not wait for long.
    pub async fn close(mut self) {
        let _ = timeout(FAREWELL, self.stream.close(None)).await;
    }
}
