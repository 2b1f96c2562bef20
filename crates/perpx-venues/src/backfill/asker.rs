//! Who a backfill asks: the venue, or a test's memory of one.

use super::BackfillError;
use crate::asking::{AskError, Asking};
use crate::client::FetchCall;
use perpx_core::units::Time;

/// Who asks.
pub trait Asker {
    /// The body of an answer of status 200, and when it was asked for.
    fn ask(&mut self, call: &FetchCall) -> Result<(Time, String), BackfillError>;
}

/// Asks a venue.
pub struct VenueAsker {
    asking: Asking,
}

impl VenueAsker {
    /// One that has no answer yet.
    pub fn new(asking: Asking) -> VenueAsker {
        VenueAsker { asking }
    }
}

impl Asker for VenueAsker {
    fn ask(&mut self, call: &FetchCall) -> Result<(Time, String), BackfillError> {
        match self.asking.ask(&call.request()) {
            Ok((at, answer)) => Ok((at, answer.body)),
            Err(why @ (AskError::NoAnswer { .. } | AskError::Stopped)) => Err(BackfillError::Unfinished { why }),
            Err(error) => Err(error.into()),
        }
    }
}
