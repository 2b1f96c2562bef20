//! How each venue says what goes wrong, and where in its requests and frames the things stand that faults look for.

use crate::emulate::http::{Reply, Request};
use serde_json::{Value, json};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Dialect {
    Lighter,
    Grvt,
}

/// What is wrong, in the venue's words.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Wrong {
    status: u16,
    code: i64,
    message: &'static str,
}

impl Dialect {
    pub(super) fn too_many(self) -> Wrong {
        let (code, message) = match self {
            Dialect::Lighter => (23000, "Too Many Requests!"),
            Dialect::Grvt => (1006, "You are surpassing the allowed rate limits for your tier"),
        };
        Wrong { status: 429, code, message }
    }

    pub(super) fn logged_out(self) -> Wrong {
        match self {
            Dialect::Lighter => {
                Wrong { status: 400, code: 20001, message: "invalid param : auth: the deadline has passed" }
            }
            Dialect::Grvt => {
                let message = "You need to authenticate prior to using this functionality";
                Wrong { status: 401, code: 1000, message }
            }
        }
    }

    /// Over a socket; over HTTP it is not the venue that fails but what stands before it.
    pub(super) fn failed(self, status: u16) -> Wrong {
        let code = if self == Dialect::Grvt { 1002 } else { status.into() };
        Wrong { status, code, message: "Internal Server Error" }
    }

    pub(super) fn reply(self, wrong: &Wrong) -> Reply {
        let Wrong { status, code, message } = wrong;
        let body = match self {
            Dialect::Lighter => json!({ "code": code, "message": message }),
            Dialect::Grvt => json!({ "code": code, "message": message, "status": status }),
        };
        Reply { status: *status, ..Reply::json(&body) }
    }

    /// The same over a socket, to what was `asked`.
    pub(super) fn spoken(self, wrong: &Wrong, asked: &str) -> String {
        let Wrong { code, message, .. } = wrong;
        let asked: Value = serde_json::from_str(asked).unwrap_or_default();
        let error = json!({ "code": code, "message": message });
        match self {
            Dialect::Lighter if asked["data"]["id"].is_null() => json!({ "error": error }),
            Dialect::Lighter => json!({ "error": error, "id": asked["data"]["id"] }),
            Dialect::Grvt => json!({ "jsonrpc": "2.0", "error": error, "id": asked["id"], "method": asked["method"] }),
        }
        .to_string()
    }

    /// A change of the book that is numbered.
    pub(super) fn is_book(self, frame: &str) -> bool {
        match self {
            Dialect::Lighter => frame.contains("\"update/order_book\""),
            Dialect::Grvt => frame.contains("\"stream\":\"v1.book.") && !frame.contains("\"sequence_number\":\"0\""),
        }
    }

    /// The answer to a call over a socket.
    pub(super) fn is_answer(self, frame: &str) -> bool {
        match self {
            Dialect::Lighter => frame.contains("\"jsonapi/") || frame.starts_with("{\"error\""),
            Dialect::Grvt => frame.contains("\"jsonrpc\""),
        }
    }

    /// What a call over a socket asks for; `None` for what is not a call.
    pub(super) fn call(self, text: &str) -> Option<String> {
        let asked: Value = serde_json::from_str(text).ok()?;
        let name = asked[if self == Dialect::Lighter { "type" } else { "method" }].as_str()?;
        let is_call = match self {
            Dialect::Lighter => name.starts_with("jsonapi/"),
            Dialect::Grvt => !matches!(name, "subscribe" | "unsubscribe"),
        };
        is_call.then(|| name.to_owned())
    }

    /// A path or a call that sends, changes or cancels orders.
    pub(super) fn is_order(self, name: &str) -> bool {
        let name = name.rsplit('/').next().unwrap_or_default();
        match self {
            Dialect::Lighter => name.to_ascii_lowercase().starts_with("sendtx"),
            Dialect::Grvt => matches!(name, "create_order" | "bulk_orders" | "cancel_order" | "cancel_all_orders"),
        }
    }

    /// The login or token that a request carries.
    pub(super) fn credential(self, request: &Request) -> Option<&str> {
        match self {
            Dialect::Lighter => request.header("authorization").or(request.field("auth")),
            Dialect::Grvt => request.header("cookie"),
        }
    }

    /// The token in a text of a socket that was opened with `handshake`'s.
    pub(super) fn spoken_credential(self, text: &str, handshake: Option<&str>) -> Option<String> {
        match self {
            Dialect::Lighter => {
                let text: Value = serde_json::from_str(text).ok()?;
                text["auth"].as_str().map(str::to_owned)
            }
            Dialect::Grvt => handshake.map(str::to_owned),
        }
    }
}
