//! Requests and streams to one venue, one after the other.

use crate::asking::Timed;
use crate::client::{Answer, Host, Request};
use crate::net::reach::Reach;
use crate::net::socket::Socket;
use crate::net::upkeep::stream_rules;
use crate::refresh::ask::Questions;
use perpx_core::units::Time;
use std::time::Duration;
use tokio::time::{Instant, timeout};

/// Why a question has no answer.
pub type Why = String;

/// Tries of a request that was limited, and how long after each other.
const TRIES: u32 = 20;
const AGAIN: Duration = Duration::from_millis(300);

/// GRVT's code for too many open orders, which is no word on how often is asked.
const TOO_MANY_OPEN: i64 = 2090;

/// Asked later it would be answered.
fn is_limited(answer: &Answer) -> bool {
    let code = serde_json::from_str::<serde_json::Value>(&answer.body).ok().and_then(|body| body["code"].as_i64());
    answer.status == 429 && code != Some(TOO_MANY_OPEN)
}

/// A venue as it is reached.
pub struct Line {
    /// Answers that are kept go into the overlay.
    pub questions: Questions,
    pub reach: Reach,
}

/// An answer of whatever status.
pub struct Heard {
    pub asked: Time,
    pub answer: Answer,
}

impl Line {
    /// One request, once; no answer is an error.
    pub fn send(&mut self, request: &Request) -> Result<Heard, Why> {
        let (asked, reply) = self.questions.asking().once(request);
        reply.map(|answer| Heard { asked, answer }).map_err(|why| format!("no answer: {why}"))
    }

    /// The same, again as long as too much was asked.
    pub fn send_in_time(&mut self, request: &Request) -> Result<Heard, Why> {
        for _ in 0..TRIES {
            let heard = self.send(request)?;
            if !is_limited(&heard.answer) {
                return Ok(heard);
            }
            std::thread::sleep(AGAIN);
        }
        Err("the venue says all the time that too much is asked".to_owned())
    }

    /// The body of an answer of status 200, asked for until there is one.
    pub fn ask(&mut self, request: &Request) -> Result<String, Why> {
        let Timed { answer, .. } = self.questions.timed(request).map_err(|error| error.to_string())?;
        Ok(answer.body)
    }

    /// Opens a stream.
    pub fn open(&mut self, host: Host, path: &str, headers: &[(&'static str, String)]) -> Result<Socket, Why> {
        let Reach { venue, hosts, dialer, .. } = &self.reach;
        let address = hosts.get(&host).ok_or("the venue has no such host")?;
        let opened = Socket::open(dialer, address, path, headers, stream_rules(*venue, true));
        self.questions.asking().block_on(opened).map_err(|error| error.to_string())
    }

    /// Says a text on a stream.
    pub fn say(&mut self, socket: &mut Socket, text: &str) -> Result<(), Why> {
        self.questions.asking().block_on(socket.send(text)).map_err(|error| error.to_string())
    }

    /// Texts of a stream until one is what was waited for; `None` when none was within `most`.
    pub fn wait<T>(
        &mut self,
        socket: &mut Socket,
        most: Duration,
        mut is_it: impl FnMut(&str) -> Option<T>,
    ) -> Result<Option<T>, Why> {
        let until = Instant::now() + most;
        self.questions.asking().block_on(async {
            loop {
                let left = until.saturating_duration_since(Instant::now());
                match timeout(left, socket.next()).await {
                    Err(_) => return Ok(None),
                    Ok(Err(error)) => return Err(error.to_string()),
                    Ok(Ok(text)) => {
                        if let Some(found) = is_it(text.as_str()) {
                            return Ok(Some(found));
                        }
                    }
                }
            }
        })
    }

    /// Waits.
    pub fn sleep(&self, ms: u64) {
        std::thread::sleep(Duration::from_millis(ms));
    }
}
