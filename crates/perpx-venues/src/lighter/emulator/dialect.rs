//! Lighter's words for what goes wrong.

use crate::emulate::faults::{Dialect, Wrong};
use crate::emulate::http::{HttpReply, HttpRequest};
use crate::emulate::witness::{FrameKind, Named, after};
use crate::venue::Venue;
use perpx_core::units::{SECOND, TimeDelta};
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

    fn revoked(&self) -> Wrong {
        Wrong { status: 400, code: 21109, message: "api key not found" }
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

    fn is_signed(&self, name: &str) -> bool {
        self.is_order(name)
    }

    fn ping(&self) -> Option<(TimeDelta, &'static str)> {
        Some((60 * SECOND, r#"{"type":"ping"}"#))
    }

    fn patience(&self) -> Option<TimeDelta> {
        Some(120 * SECOND)
    }

    fn closing(&self, in_ms: i64) -> Option<String> {
        Some(json!({ "type": "shutdown", "close_in_ms": in_ms }).to_string())
    }

    fn named(&self, request: &HttpRequest) -> Vec<Named> {
        let one = request.number("tx_type").zip(request.field("tx_info"));
        let batch = request.field("tx_types").zip(request.field("tx_infos"));
        match (one, batch) {
            (Some((kind, info)), _) => vec![transaction(kind, info)],
            (None, Some((kinds, infos))) => transactions(kinds, infos),
            _ => Vec::new(),
        }
    }

    fn spoken_names(&self, text: &str) -> (String, Vec<Named>) {
        let asked: Value = serde_json::from_str(text).unwrap_or_default();
        let data = &asked["data"];
        let part = |name: &str| data[name].as_str().map_or_else(|| data[name].to_string(), str::to_owned);
        let named = match asked["type"].as_str().unwrap_or_default() {
            "jsonapi/sendtx" => vec![transaction(data["tx_type"].as_i64().unwrap_or(-1), &part("tx_info"))],
            "jsonapi/sendtxbatch" => transactions(&part("tx_types"), &part("tx_infos")),
            _ => Vec::new(),
        };
        let words = ["type", "channel"].map(|word| asked[word].as_str().unwrap_or_default());
        (words.join(" ").trim().to_owned(), named)
    }

    fn frame_kind(&self, frame: &str) -> FrameKind {
        let channel = after(frame, "\"channel\":\"").unwrap_or("other");
        let (channel, symbol) = channel.split_once(':').unwrap_or((channel, ""));
        let is_snapshot = frame.contains("\"type\":\"subscribed/");
        FrameKind { channel: channel.to_owned(), symbol: symbol.to_owned(), is_snapshot }
    }

    fn credential<'a>(&self, request: &'a HttpRequest) -> Option<&'a str> {
        request.header("authorization").or(request.field("auth"))
    }

    fn spoken_credential(&self, text: &str, _handshake: Option<&str>) -> Option<String> {
        let text: Value = serde_json::from_str(text).ok()?;
        text["auth"].as_str().map(str::to_owned)
    }
}

fn transaction(kind: i64, info: &str) -> Named {
    let info: Value = serde_json::from_str(info).unwrap_or_default();
    let what = match kind {
        14 => "create_order",
        15 => "cancel_order",
        16 => "cancel_all",
        17 => "modify_order",
        20 => "update_leverage",
        29 => "update_margin",
        _ => "other",
    };
    let client = info["ClientOrderIndex"].as_i64().or(info["Index"].as_i64());
    let (nonce, key) = (info["Nonce"].as_i64(), info["ApiKeyIndex"].as_i64());
    Named { what: what.to_owned(), client: client.map(|client| client.to_string()), nonce, key }
}

fn transactions(kinds: &str, infos: &str) -> Vec<Named> {
    let kinds: Vec<i64> = serde_json::from_str(kinds).unwrap_or_default();
    let infos: Vec<String> = serde_json::from_str(infos).unwrap_or_default();
    kinds.into_iter().zip(&infos).map(|(kind, info)| transaction(kind, info)).collect()
}
