//! Asks a venue, one request after the other, within what may be asked of it, until there is an answer or no hope of one: for commands
//! that read and wait for nothing else.

use crate::client::{Answer, Body, Reply, Request};
use crate::net::budget::{Budget, Priority};
use crate::net::lane::Lane;
use crate::net::reach::{Reach, ReachError};
use crate::wall::now;
use crate::wire::WireError;
use perpx_core::units::{Time, TimeDelta};
use perpx_data::text;
use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::time::Duration;
use tokio::runtime::{Builder, Runtime};
use tokio::time::sleep;

/// How soon an end is noticed, and room in the budget.
const BEAT: Duration = Duration::from_millis(50);
/// Between two tries: doubling, from the first to the last.
const RETRY: [Duration; 2] = [Duration::from_secs(1), Duration::from_secs(60)];
const MOST_TRIES: u32 = 8;
/// Waits from this one on are said.
const LONG: Duration = Duration::from_secs(4);
/// Of a refusal that is shown.
const SHOWN: usize = 200;

/// Why there is no answer, or none that can be used.
#[derive(Debug, thiserror::Error)]
// the texts say what the fields are
#[allow(missing_docs)]
pub enum AskError {
    #[error("{0}")]
    Reach(#[from] ReachError),
    #[error("{0}")]
    Symbol(String),
    #[error("{asked}: the venue refuses: {answer}")]
    Refused { asked: String, answer: String },
    #[error("{asked}: the venue's answer cannot be read: {why}")]
    Unreadable { asked: String, why: WireError },
    #[error("{asked}: no answer in {tries} tries, the last: {why}")]
    NoAnswer { asked: String, tries: u32, why: String },
    #[error("no threads: {0}")]
    Threads(io::Error),
    #[error("interrupted")]
    Stopped,
}

impl AskError {
    /// 2 bad input or a wrong answer, 130 interrupted, 1 anything else.
    pub fn exit_code(&self) -> u8 {
        match self {
            AskError::NoAnswer { .. } | AskError::Threads(_) | AskError::Reach(ReachError::Lane(_)) => 1,
            AskError::Stopped => 130,
            _ => 2,
        }
    }
}

/// What is asked, without what only the asker knows.
pub fn asked(request: &Request) -> String {
    match &request.body {
        Body::Json(_) if request.path.ends_with("/login") => format!("POST {}", request.path),
        Body::Json(text) => format!("POST {} {text}", request.path),
        Body::Form(_) | Body::None => format!("GET {}", request.path),
    }
}

/// Asks a venue over a lane.
pub struct Asking {
    runtime: Runtime,
    lane: Lane,
    budget: Budget,
    stop: Arc<AtomicBool>,
    /// What was begun is taken back, whoever wants an end.
    is_undoing: bool,
    most_tries: u32,
}

/// An answer, with the times of the wall round it.
pub struct Timed {
    /// The request left.
    pub asked: Time,
    /// The answer was there.
    pub came: Time,
    /// Of status 200.
    pub answer: Answer,
}

impl Asking {
    /// One that has asked nothing yet. `find`: finds the venue. `share`: of what may be asked of the venue, for a process that is
    /// not alone at its address. `stop`: raised by whoever wants an end.
    ///
    /// # Errors
    /// A venue that cannot be reached.
    pub fn begin<F>(share: f64, stop: Arc<AtomicBool>, find: F) -> Result<(Asking, Reach), AskError>
    where
        F: Future<Output = Result<Reach, ReachError>>,
    {
        let runtime = Builder::new_current_thread().enable_all().build().map_err(AskError::Threads)?;
        let reach = runtime.block_on(find)?;
        let (lane, budget) = (reach.lane()?, Budget::shared(reach.venue, share));
        Ok((Asking { runtime, lane, budget, stop, is_undoing: false, most_tries: MOST_TRIES }, reach))
    }

    /// One that gives up after so many tries.
    #[must_use]
    pub fn tries(self, most_tries: u32) -> Asking {
        Asking { most_tries, ..self }
    }

    /// One whose requests nobody counts but the other side: of an emulator the limits are options.
    #[must_use]
    pub fn lifted(self) -> Asking {
        Asking { budget: self.budget.lifted(), ..self }
    }

    /// Of each kind of request so many leave in a window at most.
    pub fn limit(&mut self, window: (i64, TimeDelta)) {
        self.budget.limit(window);
    }

    /// From now on nobody's wish for an end is heard, or it is again: what was placed at a venue is taken back first.
    pub fn undo(&mut self, is_undoing: bool) {
        self.is_undoing = is_undoing;
    }

    /// Somebody wants an end, and nothing is being taken back.
    pub fn is_stopped(&self) -> bool {
        !self.is_undoing && self.stop.load(Relaxed)
    }

    /// Until [`Asking::is_stopped`], looked at now and then.
    fn stopped(&self) -> impl Future<Output = ()> + use<> {
        let stop = if self.is_undoing { Arc::default() } else { self.stop.clone() };
        async move {
            while !stop.load(Relaxed) {
                sleep(BEAT).await;
            }
        }
    }

    /// One try as soon as it may be asked, whatever comes of it; and when it left.
    pub fn once(&mut self, request: &Request) -> (Time, Reply) {
        let (lane, budget) = (&mut self.lane, &mut self.budget);
        self.runtime.block_on(async {
            while !budget.take(&request.path, Priority::Exit, now()) {
                sleep(BEAT).await;
            }
            let at = now();
            (at, lane.send(request).await)
        })
    }

    /// Waits for something else beside requests; `None`: somebody wants an end first.
    pub fn block_on<T>(&self, what: impl Future<Output = T>) -> Option<T> {
        let stopped = self.stopped();
        self.runtime.block_on(async {
            tokio::select! {
                biased;
                () = stopped => None,
                done = what => Some(done),
            }
        })
    }

    /// An answer of status 200, and when it was asked for. A gateway that turns us away, too many requests and a venue that fails are
    /// waited out; the venue's own refusal is an end.
    ///
    /// # Errors
    /// A refusal; no answer after several tries; somebody wants an end.
    pub fn ask(&mut self, request: &Request) -> Result<(Time, Answer), AskError> {
        let Timed { asked, answer, .. } = self.timed(request)?;
        Ok((asked, answer))
    }

    /// The same with the time at which it came.
    ///
    /// # Errors
    /// As [`Asking::ask`].
    pub fn timed(&mut self, request: &Request) -> Result<Timed, AskError> {
        let mut wait = RETRY[0];
        for tries in 1.. {
            let stopped = self.stopped();
            let (lane, budget) = (&mut self.lane, &mut self.budget);
            let asking = async {
                while !budget.take(&request.path, Priority::Poll, now()) {
                    sleep(BEAT).await;
                }
                let at = now();
                let reply = lane.send(request).await;
                (at, now(), reply)
            };
            let replied = self.runtime.block_on(async {
                tokio::select! {
                    replied = asking => Some(replied),
                    () = stopped => None,
                }
            });
            let Some((asked_at, came, reply)) = replied else { break };
            if let Ok(answer) = &reply {
                self.budget.answered(answer, now());
            }
            let why = match judged(reply) {
                Judged::Answered(answer) => return Ok(Timed { asked: asked_at, came, answer }),
                Judged::Refused(answer) => return Err(AskError::Refused { asked: asked(request), answer }),
                Judged::Again(why) => why,
            };
            if tries >= self.most_tries {
                return Err(AskError::NoAnswer { asked: asked(request), tries, why });
            }
            if wait >= LONG {
                text::print_err(&format!("{why}: asked again in {} s", wait.as_secs()));
            }
            // an end is seen at the next try
            self.block_on(async { sleep(wait).await });
            wait = (wait * 2).min(RETRY[1]);
        }
        Err(AskError::Stopped)
    }
}

/// What a reply is worth.
#[derive(Debug, PartialEq)]
enum Judged {
    Answered(Answer),
    Refused(String),
    Again(String),
}

fn judged(reply: Result<Answer, String>) -> Judged {
    let answer = match reply {
        Ok(answer) => answer,
        Err(why) => return Judged::Again(why),
    };
    // a gateway forbids too; the venue's own word is structured
    let is_venues = || serde_json::from_str::<serde_json::Value>(&answer.body).is_ok_and(|body| body.is_object());
    match answer.status {
        _ if answer.is_page() => Judged::Again(answer.shown(SHOWN)),
        200 => Judged::Answered(answer),
        403 | 405 if is_venues() => Judged::Refused(answer.shown(SHOWN)),
        403 | 405 | 429 | 500.. => Judged::Again(answer.shown(SHOWN)),
        _ => Judged::Refused(answer.shown(SHOWN)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_gateway_is_waited_out_and_a_venues_refusal_is_an_end() {
        let of = |status: u16, body: &str| judged(Ok(Answer { status, body: body.to_owned(), ..Answer::default() }));
        assert!(matches!(of(200, "{}"), Judged::Answered(_)));
        let page = "<html>blocked</html>";
        for (status, body) in [(200, page), (403, page), (403, ""), (405, "no"), (404, page), (429, "{}"), (502, "{}")]
        {
            assert!(matches!(of(status, body), Judged::Again(_)), "{status} {body}");
        }
        for (status, body) in [(403, "{\"code\":1001}"), (400, "{\"code\":7}"), (401, ""), (404, "not found")] {
            assert!(matches!(of(status, body), Judged::Refused(_)), "{status} {body}");
        }
        assert_eq!(judged(Err("cut".to_owned())), Judged::Again("cut".to_owned()));
    }
}
