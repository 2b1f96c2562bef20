//! Requests and streams to one venue, one after the other.

use crate::asking::Timed;
use crate::client::{Answer, Host, Request};
use crate::net::reach::Reach;
use crate::net::socket::Socket;
use crate::net::upkeep::stream_rules;
use crate::refresh::ask::Questions;
use perpx_core::units::Time;
use std::time::Duration;
use tokio::time::{Instant, sleep, timeout};

/// Why a question has no answer.
pub type Why = String;

/// Somebody wants an end.
const STOPPED: &str = "asked to stop";
/// An order that was sent as an end was asked for may be seen so much later.
const LATE_MS: u64 = 2_000;

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

/// Whoever leaves orders and positions on an account, and can take them back.
pub trait Leaves {
    fn line(&mut self) -> &mut Line;

    /// Everything of the account goes; why not everything does.
    fn take_back(&mut self) -> Result<(), Why>;

    /// The same, although somebody wants an end: then once more, for what came late.
    fn clean(&mut self) -> Result<(), Why> {
        let is_stopped = self.line().go_on().is_err();
        self.line().questions.asking().undo(true);
        let mut cleaned = self.take_back();
        if is_stopped {
            self.line().sleep(LATE_MS);
            cleaned = self.take_back();
        }
        self.line().questions.asking().undo(false);
        cleaned
    }

    /// What of a question is asked, then what is open goes.
    fn then_clean<T>(&mut self, ask: impl FnOnce(&mut Self) -> Result<T, Why>) -> Result<T, Why>
    where
        Self: Sized,
    {
        self.line().go_on()?;
        let answer = ask(self);
        self.clean()?;
        answer
    }
}

/// An answer of whatever status.
pub struct Heard {
    pub asked: Time,
    pub answer: Answer,
}

impl Line {
    /// An error as soon as somebody wants an end.
    pub fn go_on(&mut self) -> Result<(), Why> {
        if self.questions.asking().is_stopped() { Err(STOPPED.to_owned()) } else { Ok(()) }
    }

    /// One request, once; no answer is an error. What was sent is waited for, since an order may have been placed by it.
    pub fn send(&mut self, request: &Request) -> Result<Heard, Why> {
        self.go_on()?;
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
            self.sleep(AGAIN.as_millis() as u64);
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
        let opened = self.questions.asking().block_on(opened).ok_or(STOPPED)?;
        opened.map_err(|error| error.to_string())
    }

    /// Says a text on a stream.
    pub fn say(&mut self, socket: &mut Socket, text: &str) -> Result<(), Why> {
        let sent = self.questions.asking().block_on(socket.send(text)).ok_or(STOPPED)?;
        sent.map_err(|error| error.to_string())
    }

    /// Texts of a stream until one is what was waited for; `None` when none was within `most`.
    pub fn wait<T>(
        &mut self,
        socket: &mut Socket,
        most: Duration,
        mut is_it: impl FnMut(&str) -> Option<T>,
    ) -> Result<Option<T>, Why> {
        let until = Instant::now() + most;
        let waited = self.questions.asking().block_on(async {
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
        });
        waited.ok_or(STOPPED)?
    }

    /// Waits; not when somebody wants an end.
    pub fn sleep(&mut self, ms: u64) {
        self.questions.asking().block_on(async { sleep(Duration::from_millis(ms)).await });
    }
}
