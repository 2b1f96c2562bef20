//! What faults must know of a venue: how it says what goes wrong, and where in its requests and frames the things stand that
//! faults look for.

use crate::emulate::http::{HttpReply, HttpRequest};
use crate::emulate::witness::{FrameKind, Named};
use crate::venue::Venue;
use perpx_core::units::TimeDelta;

/// What is wrong, in the venue's words.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Wrong {
    pub status: u16,
    pub code: i64,
    pub message: &'static str,
}

pub trait Dialect: Send + Sync {
    fn venue(&self) -> Venue;
    fn too_many(&self) -> Wrong;
    fn logged_out(&self) -> Wrong;
    /// To a key that is no longer good.
    fn revoked(&self) -> Wrong;
    /// Over a socket; over HTTP it is not the venue that fails but what stands before it.
    fn failed(&self, status: u16) -> Wrong;
    fn reply(&self, wrong: &Wrong) -> HttpReply;
    /// The same over a socket, to what was `asked`.
    fn spoken(&self, wrong: &Wrong, asked: &str) -> String;
    /// A change of the book that is numbered.
    fn is_book(&self, frame: &str) -> bool;
    /// The answer to a call over a socket.
    fn is_answer(&self, frame: &str) -> bool;
    /// What a call over a socket asks for; `None` for what is not a call.
    fn call(&self, text: &str) -> Option<String>;
    /// A path or a call that sends, changes or cancels orders; its last word.
    fn is_order(&self, name: &str) -> bool;
    /// A path or a call that shows a key: an order, a login.
    fn is_signed(&self, name: &str) -> bool;
    /// How often a stream's client is pinged, and the text.
    fn ping(&self) -> Option<(TimeDelta, &'static str)>;
    /// How long a stream lives whose client says nothing.
    fn patience(&self) -> Option<TimeDelta>;
    /// What a stream receives that will be closed in so many milliseconds.
    fn closing(&self, in_ms: i64) -> Option<String>;
    /// The orders, cancels and other transactions in a request.
    fn named(&self, request: &HttpRequest) -> Vec<Named>;
    /// What a text of a socket asks for, without secrets, and what is named in it.
    fn spoken_names(&self, text: &str) -> (String, Vec<Named>);
    /// How a frame is counted.
    fn frame_kind(&self, frame: &str) -> FrameKind;
    /// The login or token that a request carries.
    fn credential<'a>(&self, request: &'a HttpRequest) -> Option<&'a str>;
    /// The token in a text of a socket that was opened with `handshake`'s.
    fn spoken_credential(&self, text: &str, handshake: Option<&str>) -> Option<String>;
}
