//! Asks a venue, one request after the other, within what may be asked of it, until there is an answer or no hope of one.

use super::BackfillError;
use super::pages::asked;
use crate::client::{Answer, FetchCall};
use crate::net::budget::{Budget, Priority};
use crate::net::lane::Lane;
use crate::net::reach::Reach;
use crate::wall::now;
use perpx_core::units::Time;
use perpx_data::text::counted;
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
/// Of a refusal that is shown.
const SHOWN: usize = 200;

/// Who asks.
pub trait Asker {
    /// The body of an answer of status 200, and when it was asked for.
    fn ask(&mut self, call: &FetchCall) -> Result<(Time, String), BackfillError>;
}

/// Asks over a lane.
pub struct VenueAsker {
    runtime: Runtime,
    lane: Lane,
    budget: Budget,
    stop: Arc<AtomicBool>,
    answers: u64,
}

impl VenueAsker {
    /// One that has asked nothing yet. `network`: finds the venue. `share`: of what may be asked of the venue, for a process that is
    /// not alone at its address. `stop`: raised by whoever wants an end.
    ///
    /// # Errors
    /// A venue that cannot be reached.
    pub fn begin<F>(share: f64, stop: Arc<AtomicBool>, find: F) -> Result<(VenueAsker, Reach), BackfillError>
    where
        F: Future<Output = Result<Reach, crate::net::reach::ReachError>>,
    {
        let runtime = Builder::new_current_thread().enable_all().build().map_err(BackfillError::Threads)?;
        let reach = runtime.block_on(find)?;
        let (lane, budget) = (reach.lane()?, Budget::shared(reach.venue, share));
        Ok((VenueAsker { runtime, lane, budget, stop, answers: 0 }, reach))
    }

    fn kept(&self) -> String {
        counted(self.answers, "page")
    }
}

/// Until somebody wants an end.
async fn stopped(stop: &AtomicBool) {
    while !stop.load(Relaxed) {
        sleep(BEAT).await;
    }
}

/// What an answer is worth.
enum AnswerKind {
    Answered(String),
    Refused(String),
    Again(String),
}

fn kind_of(budget: &mut Budget, reply: Result<Answer, String>) -> AnswerKind {
    let answer = match reply {
        Ok(answer) => answer,
        Err(why) => return AnswerKind::Again(why),
    };
    budget.answered(&answer, now());
    match answer.status {
        200 if !answer.is_page() => AnswerKind::Answered(answer.body),
        ..500 if !matches!(answer.status, 403 | 405 | 429) && !answer.is_page() => {
            AnswerKind::Refused(answer.shown(SHOWN))
        }
        _ => AnswerKind::Again(answer.shown(SHOWN)),
    }
}

impl Asker for VenueAsker {
    fn ask(&mut self, call: &FetchCall) -> Result<(Time, String), BackfillError> {
        let request = call.request();
        let (mut wait, mut tries) = (RETRY[0], 0);
        loop {
            let (lane, budget, stop) = (&mut self.lane, &mut self.budget, &*self.stop);
            let asking = async {
                while !budget.take(&request.path, Priority::Poll, now()) {
                    sleep(BEAT).await;
                }
                let at = now();
                (at, lane.send(&request).await)
            };
            let replied = self.runtime.block_on(async {
                tokio::select! {
                    replied = asking => Some(replied),
                    () = stopped(stop) => None,
                }
            });
            let Some((at, reply)) = replied else { return Err(BackfillError::Stopped { kept: self.kept() }) };
            tries += 1;
            match kind_of(&mut self.budget, reply) {
                AnswerKind::Answered(body) => {
                    self.answers += 1;
                    return Ok((at, body));
                }
                AnswerKind::Refused(answer) => return Err(BackfillError::Refused { asked: asked(call), answer }),
                AnswerKind::Again(why) if tries >= MOST_TRIES => {
                    return Err(BackfillError::NoAnswer { asked: asked(call), why, kept: self.kept() });
                }
                AnswerKind::Again(_) => {}
            }
            let stop = &*self.stop;
            self.runtime.block_on(async {
                tokio::select! { () = sleep(wait) => {}, () = stopped(stop) => {} }
            });
            wait = (wait * 2).min(RETRY[1]);
        }
    }
}
