//! Who a backfill asks: the venue, or a test's memory of one.

use super::BackfillError;
use crate::asking::{AskError, Asking};
use crate::client::FetchCall;
use perpx_core::units::Time;
use perpx_data::text::counted;

/// Who asks.
pub trait Asker {
    /// The body of an answer of status 200, and when it was asked for.
    fn ask(&mut self, call: &FetchCall) -> Result<(Time, String), BackfillError>;
}

/// Asks a venue, and counts its answers.
pub struct VenueAsker {
    asking: Asking,
    answers: u64,
}

impl VenueAsker {
    /// One that has no answer yet.
    pub fn new(asking: Asking) -> VenueAsker {
        VenueAsker { asking, answers: 0 }
    }
}

impl Asker for VenueAsker {
    fn ask(&mut self, call: &FetchCall) -> Result<(Time, String), BackfillError> {
        match self.asking.ask(&call.request()) {
            Ok((at, answer)) => {
                self.answers += 1;
                Ok((at, answer.body))
            }
            Err(why @ (AskError::NoAnswer { .. } | AskError::Stopped)) => {
                Err(BackfillError::Unfinished { why, kept: counted(self.answers, "page") })
            }
            Err(error) => Err(error.into()),
        }
    }
}
