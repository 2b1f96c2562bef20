//! A request and its reply as the venues see them: plain values, read whole, nothing that waits.

use axum::body::{Body, Bytes};
use axum::extract::{FromRequest, Multipart};
use axum::http::header::CONTENT_TYPE;
use axum::http::request::Parts;
use axum::http::{HeaderName, HeaderValue, Request, StatusCode};
use axum::response::{IntoResponse, Response};
use percent_encoding::percent_decode_str;
use std::collections::BTreeMap;

/// A request, read whole.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct HttpRequest {
    /// "GET", "POST".
    pub method: String,
    /// Without the query, decoded.
    pub path: String,
    /// Of the query and, after it, of a form in the body; decoded.
    pub fields: BTreeMap<String, String>,
    /// Names in lower case.
    pub headers: BTreeMap<String, String>,
    /// As text; what is no UTF-8 is replaced.
    pub body: String,
}

impl HttpRequest {
    /// Of what axum has read.
    pub fn new(parts: &Parts, body: &Bytes) -> HttpRequest {
        let text = |value: &HeaderValue| String::from_utf8_lossy(value.as_bytes()).trim().to_owned();
        let mut request = HttpRequest {
            method: parts.method.to_string(),
            path: percent_decode_str(parts.uri.path()).decode_utf8_lossy().into_owned(),
            fields: form(parts.uri.query().unwrap_or_default()).collect(),
            headers: parts.headers.iter().map(|(name, value)| (name.to_string(), text(value))).collect(),
            body: String::from_utf8_lossy(body).into_owned(),
        };
        if request.header("content-type").is_some_and(|kind| kind.starts_with("application/x-www-form-urlencoded")) {
            request.fields.extend(form(&request.body));
        }
        request
    }

    /// The same; a form of several parts is taken apart too.
    pub async fn read(parts: Parts, body: Bytes) -> HttpRequest {
        let mut request = HttpRequest::new(&parts, &body);
        if request.header("content-type").is_some_and(|kind| kind.starts_with("multipart/form-data"))
            && let Ok(mut form) = Multipart::from_request(Request::from_parts(parts, Body::from(body)), &()).await
        {
            // what breaks off ends there; the field that it had is missing
            while let Ok(Some(field)) = form.next_field().await {
                let name = field.name().unwrap_or_default().to_owned();
                let Ok(text) = field.text().await else { break };
                request.fields.insert(name, text);
            }
        }
        request
    }

    /// A field of the query or form.
    pub fn field(&self, name: &str) -> Option<&str> {
        self.fields.get(name).map(String::as_str)
    }

    /// A field that is a whole number.
    pub fn number(&self, name: &str) -> Option<i64> {
        self.field(name)?.parse().ok()
    }

    /// A header; `name` in lower case.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).map(String::as_str)
    }

    /// It asks for a stream.
    pub fn is_upgrade(&self) -> bool {
        self.header("upgrade").is_some_and(|value| value.eq_ignore_ascii_case("websocket"))
    }
}

fn form(text: &str) -> impl Iterator<Item = (String, String)> + '_ {
    form_urlencoded::parse(text.as_bytes()).into_owned()
}

/// A reply's status and its JSON.
#[derive(Clone, Debug, PartialEq)]
pub struct HttpReply {
    /// The status of HTTP.
    pub status: u16,
    /// JSON, but for faults.
    pub body: String,
    /// Beside those that every reply has.
    pub headers: Vec<(&'static str, String)>,
}

impl HttpReply {
    /// Status 200 and `value` as JSON.
    pub fn json(value: &impl serde::Serialize) -> HttpReply {
        HttpReply { status: 200, body: serde_json::to_string(value).unwrap_or_default(), headers: Vec::new() }
    }
}

impl IntoResponse for HttpReply {
    fn into_response(self) -> Response {
        let mut response = Response::new(Body::from(self.body));
        *response.status_mut() = StatusCode::from_u16(self.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        for (name, value) in self.headers {
            let name = HeaderName::from_bytes(name.as_bytes());
            if let (Ok(name), Ok(value)) = (name, HeaderValue::from_str(&value)) {
                response.headers_mut().insert(name, value);
            }
        }
        response
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_come_from_the_query_and_from_a_form() {
        let read = |request: axum::http::request::Builder, body: &'static str| {
            let (parts, body) = request.body(Bytes::from_static(body.as_bytes())).expect("legal").into_parts();
            HttpRequest::new(&parts, &body)
        };
        let request = axum::http::Request::get("/api/v1/account?by=index&value=1%20a+b%zz");
        let first = read(request.header("X-Name", " y "), "a=1");
        assert_eq!((first.method.as_str(), first.path.as_str()), ("GET", "/api/v1/account"));
        assert_eq!((first.field("value"), first.number("by")), (Some("1 a b%zz"), None));
        assert_eq!((first.header("x-name"), first.field("a")), (Some("y"), None));
        let request = axum::http::Request::post("/t").header("Content-Type", "application/x-www-form-urlencoded");
        let second = read(request, "a=1&b=%7B");
        assert_eq!((second.number("a"), second.field("b")), (Some(1), Some("{")));
    }

    #[tokio::test]
    async fn a_form_of_several_parts_is_a_form() {
        let body = "--x\r\nContent-Disposition: form-data; name=\"tx_type\"\r\n\r\n14\r\n\
                    --x\r\nContent-Disposition: form-data; name=\"tx_info\"\r\n\r\n{\"a\": 1}\r\n--x--\r\n";
        let read = async |body: &'static str| {
            let request = Request::post("/t").header("Content-Type", "multipart/form-data; boundary=x");
            let (parts, body) = request.body(Bytes::from_static(body.as_bytes())).expect("legal").into_parts();
            HttpRequest::read(parts, body).await
        };
        let whole = read(body).await;
        assert_eq!((whole.number("tx_type"), whole.field("tx_info")), (Some(14), Some("{\"a\": 1}")));
        let cut = read(&body[..100]).await;
        assert_eq!((cut.number("tx_type"), cut.field("tx_info")), (Some(14), None));
    }
}
