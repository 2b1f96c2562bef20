//! The requests, one after the other; answers are kept as they came, but for those that open a session.

use super::RefreshError;
use crate::client::{Answer, Body, Request};
use crate::net::lane::Lane;
use crate::net::reach::Reach;
use crate::wall::now;
use perpx_core::units::Time;
use std::time::Duration;
use tokio::runtime::{Builder, Runtime};

/// A venue that does not answer is asked so often, and so long after each other.
const TRIES: u32 = 4;
const AGAIN: Duration = Duration::from_secs(1);
/// Of a refusal that is shown.
const SHOWN: usize = 200;

/// An answer as it came.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Kept {
    /// What was asked.
    pub asked: String,
    /// When.
    pub at: Time,
    /// What was answered.
    pub text: String,
}

/// Asks a venue.
pub struct Asking {
    runtime: Runtime,
    lane: Lane,
    /// Everything that was answered.
    pub kept: Vec<Kept>,
}

/// What is asked, without what only the asker knows.
pub fn asked(request: &Request) -> String {
    match &request.body {
        Body::Json(_) if request.path.ends_with("/login") => format!("POST {}", request.path),
        Body::Json(text) => format!("POST {} {text}", request.path),
        Body::Form(_) | Body::None => format!("GET {}", request.path),
    }
}

impl Asking {
    /// Finds the venue.
    ///
    /// # Errors
    /// A venue that cannot be reached.
    pub fn begin<F>(find: F) -> Result<(Asking, Reach), RefreshError>
    where
        F: Future<Output = Result<Reach, crate::net::reach::ReachError>>,
    {
        let runtime = Builder::new_current_thread().enable_all().build().map_err(RefreshError::Threads)?;
        let reach = runtime.block_on(find)?;
        let lane = reach.lane()?;
        Ok((Asking { runtime, lane, kept: Vec::new() }, reach))
    }

    /// An answer of status 200, whose text is kept.
    ///
    /// # Errors
    /// A refusal; no answer after several tries.
    pub fn ask(&mut self, request: &Request) -> Result<String, RefreshError> {
        let at = now();
        let answer = self.send(request)?;
        self.kept.push(Kept { asked: asked(request), at, text: answer.body.clone() });
        Ok(answer.body)
    }

    /// The same of an answer that nobody else may read.
    ///
    /// # Errors
    /// As [`Asking::ask`].
    pub fn send(&mut self, request: &Request) -> Result<Answer, RefreshError> {
        let mut why = String::new();
        for attempt in 0..TRIES {
            if attempt > 0 {
                std::thread::sleep(AGAIN);
            }
            let answer = match self.runtime.block_on(self.lane.send(request)) {
                Ok(answer) => answer,
                Err(error) => {
                    why = error;
                    continue;
                }
            };
            match answer.status {
                200 => return Ok(answer),
                429 | 500.. => why = answer.shown(SHOWN),
                _ => return Err(RefreshError::Refused { asked: asked(request), answer: answer.shown(SHOWN) }),
            }
        }
        Err(RefreshError::NoAnswer { asked: asked(request), why })
    }
}
