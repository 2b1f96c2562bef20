//! What was asked, and what was answered; answers are kept as they came, but for those that open a session.

use crate::asking::{AskError, Asking, Timed, asked};
use crate::client::{Answer, Request};
use perpx_core::units::Time;

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

/// Asks a venue, and keeps its answers.
pub struct Questions {
    asking: Asking,
    /// Everything that was answered.
    pub kept: Vec<Kept>,
}

impl Questions {
    /// None was asked yet.
    pub fn new(asking: Asking) -> Questions {
        Questions { asking, kept: Vec::new() }
    }

    /// Who asks.
    pub fn asking(&mut self) -> &mut Asking {
        &mut self.asking
    }

    /// An answer of status 200, whose text is kept.
    ///
    /// # Errors
    /// A refusal; no answer after several tries.
    pub fn ask(&mut self, request: &Request) -> Result<String, AskError> {
        let (at, answer) = self.asking.ask(request)?;
        self.kept.push(Kept { asked: asked(request), at, text: answer.body.clone() });
        Ok(answer.body)
    }

    /// An answer with the times of the wall round it; it is not kept.
    ///
    /// # Errors
    /// As [`Questions::ask`].
    pub fn timed(&mut self, request: &Request) -> Result<Timed, AskError> {
        self.asking.timed(request)
    }

    /// The same of an answer that nobody else may read.
    ///
    /// # Errors
    /// As [`Questions::ask`].
    pub fn send(&mut self, request: &Request) -> Result<Answer, AskError> {
        Ok(self.asking.ask(request)?.1)
    }
}
