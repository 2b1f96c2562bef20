//! GRVT's words for what goes wrong.

use crate::emulate::faults::{Dialect, Wrong};
use crate::emulate::http::{HttpReply, HttpRequest};
use crate::venue::Venue;
use serde_json::{Value, json};

/// The words of the venue, for faults.
pub struct GrvtDialect;

impl Dialect for GrvtDialect {
    fn venue(&self) -> Venue {
        Venue::Grvt
    }

    fn too_many(&self) -> Wrong {
        let message = "You are surpassing the allowed rate limits for your tier";
        Wrong { status: 429, code: 1006, message }
    }

    fn logged_out(&self) -> Wrong {
        let message = "You need to authenticate prior to using this functionality";
        Wrong { status: 401, code: 1000, message }
    }

    fn failed(&self, status: u16) -> Wrong {
        Wrong { status, code: 1002, message: "Internal Server Error" }
    }

    fn reply(&self, wrong: &Wrong) -> HttpReply {
        let Wrong { status, code, message } = wrong;
        let body = json!({ "code": code, "message": message, "status": status });
        HttpReply { status: *status, ..HttpReply::json(&body) }
    }

    fn spoken(&self, wrong: &Wrong, asked: &str) -> String {
        let asked: Value = serde_json::from_str(asked).unwrap_or_default();
        let error = json!({ "code": wrong.code, "message": wrong.message });
        json!({ "jsonrpc": "2.0", "error": error, "id": asked["id"], "method": asked["method"] }).to_string()
    }

    fn is_book(&self, frame: &str) -> bool {
        frame.contains("\"stream\":\"v1.book.") && !frame.contains("\"sequence_number\":\"0\"")
    }

    fn is_answer(&self, frame: &str) -> bool {
        frame.contains("\"jsonrpc\"")
    }

    fn call(&self, text: &str) -> Option<String> {
        let asked: Value = serde_json::from_str(text).ok()?;
        let name = asked["method"].as_str()?;
        (!matches!(name, "subscribe" | "unsubscribe")).then(|| name.to_owned())
    }

    fn is_order(&self, name: &str) -> bool {
        let name = name.rsplit('/').next().unwrap_or_default();
        matches!(name, "create_order" | "bulk_orders" | "cancel_order" | "cancel_all_orders")
    }

    fn credential<'a>(&self, request: &'a HttpRequest) -> Option<&'a str> {
        request.header("cookie")
    }

    fn spoken_credential(&self, _text: &str, handshake: Option<&str>) -> Option<String> {
        handshake.map(str::to_owned)
    }
}
