//! GRVT's words for what goes wrong.

use crate::emulate::faults::{Dialect, Wrong};
use crate::emulate::http::{HttpReply, HttpRequest};
use crate::emulate::witness::{FrameKind, Named, after};
use crate::venue::Venue;
use perpx_core::units::TimeDelta;
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

    fn revoked(&self) -> Wrong {
        let message = "You are not authorized to access this functionality";
        Wrong { status: 403, code: 1001, message }
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

    fn is_signed(&self, name: &str) -> bool {
        self.is_order(name) || name.ends_with("/login")
    }

    fn ping(&self) -> Option<(TimeDelta, &'static str)> {
        None
    }

    fn patience(&self) -> Option<TimeDelta> {
        None
    }

    fn closing(&self, _in_ms: i64) -> Option<String> {
        None
    }

    fn named(&self, request: &HttpRequest) -> Vec<Named> {
        let body: Value = serde_json::from_str(&request.body).unwrap_or_default();
        orders(request.path.rsplit('/').next().unwrap_or_default(), &body)
    }

    fn spoken_names(&self, text: &str) -> (String, Vec<Named>) {
        let asked: Value = serde_json::from_str(text).unwrap_or_default();
        let (method, params) = (asked["method"].as_str().unwrap_or_default(), &asked["params"]);
        let stream = params["stream"].as_str().unwrap_or_default();
        let named = orders(method.rsplit('/').next().unwrap_or_default(), params);
        (format!("{method} {stream}").trim().to_owned(), named)
    }

    fn frame_kind(&self, frame: &str) -> FrameKind {
        let channel = after(frame, "\"stream\":\"").filter(|_| !self.is_answer(frame)).unwrap_or("other");
        let selector = after(frame, "\"selector\":\"").unwrap_or_default();
        let is_snapshot = frame.contains("\"sequence_number\":\"0\"");
        FrameKind { channel: channel.to_owned(), symbol: selector.to_owned(), is_snapshot }
    }

    fn credential<'a>(&self, request: &'a HttpRequest) -> Option<&'a str> {
        request.header("cookie")
    }

    fn spoken_credential(&self, _text: &str, handshake: Option<&str>) -> Option<String> {
        handshake.map(str::to_owned)
    }
}

/// What the body of a route names.
fn orders(route: &str, body: &Value) -> Vec<Named> {
    let number = |value: &Value| value.as_str().map(str::to_owned).or(value.as_u64().map(|number| number.to_string()));
    let created = |order: &Value| Named {
        what: "create_order".to_owned(),
        client: number(&order["metadata"]["client_order_id"]),
        nonce: order["signature"]["nonce"].as_i64(),
        key: None,
    };
    let other = |what: &str, body: &Value| {
        let id = ["client_order_id", "order_id"].into_iter().find_map(|name| number(&body[name]));
        Named { what: what.to_owned(), client: id, nonce: None, key: None }
    };
    let list = |name: &str| body[name].as_array().into_iter().flatten();
    match route {
        "create_order" => vec![created(&body["order"])],
        "cancel_order" | "cancel_all_orders" => vec![other(route, body)],
        "bulk_orders" => {
            let cancel = |id: &Value| Named { what: "cancel_order".to_owned(), client: number(id), ..Named::default() };
            let cancels = list("client_order_i_ds").chain(list("order_i_ds")).map(cancel);
            cancels.chain(list("orders").map(created)).collect()
        }
        _ => Vec::new(),
    }
}
