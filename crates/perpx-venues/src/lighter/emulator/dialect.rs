//! Lighter's words for what goes wrong.

use crate::emulate::faults::{Dialect, Wrong};
use crate::emulate::http::{HttpReply, HttpRequest};
use crate::venue::Venue;
use serde_json::{Value, json};

/// The words of the venue, for faults.
pub struct LighterDialect;

impl Dialect for LighterDialect {
    fn venue(&self) -> Venue {
        Venue::Lighter
    }

    fn too_many(&self) -> Wrong {
        Wrong { status: 429, code: 23000, message: "Too Many Requests!" }
    }

    fn logged_out(&self) -> Wrong {
        Wrong { status: 400, code: 20001, message: "invalid param : auth: the deadline has passed" }
    }

    fn failed(&self, status: u16) -> Wrong {
        Wrong { status, code: status.into(), message: "Internal Server Error" }
    }

    fn reply(&self, wrong: &Wrong) -> HttpReply {
        let Wrong { status, code, message } = wrong;
        HttpReply { status: *status, ..HttpReply::json(&json!({ "code": code, "message": message })) }
    }

    fn spoken(&self, wrong: &Wrong, asked: &str) -> String {
        let asked: Value = serde_json::from_str(asked).unwrap_or_default();
        let mut said = json!({ "error": { "code": wrong.code, "message": wrong.message } });
        if !asked["data"]["id"].is_null() {
            said["id"] = asked["data"]["id"].clone();
        }
        said.to_string()
    }

    fn is_book(&self, frame: &str) -> bool {
        frame.contains("\"update/order_book\"")
    }

    fn is_answer(&self, frame: &str) -> bool {
        frame.contains("\"jsonapi/") || frame.starts_with("{\"error\"")
    }

    fn call(&self, text: &str) -> Option<String> {
        let asked: Value = serde_json::from_str(text).ok()?;
        let name = asked["type"].as_str()?;
        name.starts_with("jsonapi/").then(|| name.to_owned())
    }

    fn is_order(&self, name: &str) -> bool {
        let name = name.rsplit('/').next().unwrap_or_default();
        name.to_ascii_lowercase().starts_with("sendtx")
    }

    fn credential<'a>(&self, request: &'a HttpRequest) -> Option<&'a str> {
        request.header("authorization").or(request.field("auth"))
    }

    fn spoken_credential(&self, text: &str, _handshake: Option<&str>) -> Option<String> {
        let text: Value = serde_json::from_str(text).ok()?;
        text["auth"].as_str().map(str::to_owned)
    }
}
