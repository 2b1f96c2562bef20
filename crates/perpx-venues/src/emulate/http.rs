//! A request and its reply over one connection: HTTP/1.1 with kept-alive connections, bodies by their length. Enough for the
//! venues' clients on this machine; nothing that a socket sends can end more than its own connection.

use std::collections::BTreeMap;
use std::io::{self, Read, Write};

const MOST_HEAD: usize = 16 << 10;
const MOST_BODY: usize = 1 << 20;
const MOST_HEADERS: usize = 64;

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Request {
    pub method: String,
    pub path: String,
    /// Of the query and, after it, of a form in the body; decoded.
    pub fields: BTreeMap<String, String>,
    /// Names in lower case.
    pub headers: BTreeMap<String, String>,
    pub body: String,
}

impl Request {
    pub fn field(&self, name: &str) -> Option<&str> {
        self.fields.get(name).map(String::as_str)
    }

    pub fn number(&self, name: &str) -> Option<i64> {
        self.field(name)?.parse().ok()
    }

    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).map(String::as_str)
    }

    pub fn is_upgrade(&self) -> bool {
        self.header("upgrade").is_some_and(|value| value.eq_ignore_ascii_case("websocket"))
    }
}

/// A reply's status and its JSON.
#[derive(Clone, Debug, PartialEq)]
pub struct Reply {
    pub status: u16,
    pub body: String,
    /// Beside those that every reply has.
    pub headers: Vec<(&'static str, String)>,
}

impl Reply {
    pub fn json(value: &impl serde::Serialize) -> Reply {
        Reply { status: 200, body: serde_json::to_string(value).unwrap_or_default(), headers: Vec::new() }
    }

    pub fn write(&self, to: &mut impl Write) -> io::Result<()> {
        let Reply { status, body, headers } = self;
        let word = match status {
            200 => "OK",
            400 => "Bad Request",
            401 => "Unauthorized",
            403 => "Forbidden",
            404 => "Not Found",
            429 => "Too Many Requests",
            _ => "Error",
        };
        let length = body.len();
        let more: String = headers.iter().map(|(name, value)| format!("{name}: {value}\r\n")).collect();
        let is_json = headers.iter().all(|(name, _)| *name != "Content-Type");
        let kind = if is_json { "Content-Type: application/json\r\n" } else { "" };
        let head = format!("HTTP/1.1 {status} {word}\r\n{kind}Content-Length: {length}\r\n{more}\r\n");
        to.write_all(&[head.as_bytes(), body.as_bytes()].concat())
    }
}

/// Reads the next request; what was read beyond it stays in `rest`. `None` at the end of the connection.
pub fn read(from: &mut impl Read, rest: &mut Vec<u8>) -> io::Result<Option<Request>> {
    let (mut request, head) = loop {
        if let Some(found) = parse_head(rest)? {
            break found;
        }
        if rest.len() > MOST_HEAD {
            return Err(bad("a request's head of more than 16 KB"));
        }
        if !more(from, rest)? {
            return Ok(None);
        }
    };
    let length: usize = match request.header("content-length") {
        Some(text) => text.parse().map_err(|_| bad("content-length is no number"))?,
        None => 0,
    };
    if length > MOST_BODY || request.header("transfer-encoding").is_some() {
        return Err(bad("a body of more than 1 MB, or one in chunks"));
    }
    while rest.len() < head + length {
        if !more(from, rest)? {
            return Ok(None);
        }
    }
    request.body = String::from_utf8_lossy(&rest[head..head + length]).into_owned();
    rest.drain(..head + length);
    if request.header("content-type").is_some_and(|kind| kind.starts_with("application/x-www-form-urlencoded")) {
        request.fields.extend(form(&request.body));
    }
    Ok(Some(request))
}

fn more(from: &mut impl Read, rest: &mut Vec<u8>) -> io::Result<bool> {
    let mut buffer = [0; 4096];
    let read = from.read(&mut buffer)?;
    rest.extend_from_slice(&buffer[..read]);
    Ok(read > 0)
}

fn bad(why: &str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, why)
}

fn parse_head(bytes: &[u8]) -> io::Result<Option<(Request, usize)>> {
    let mut headers = [httparse::EMPTY_HEADER; MOST_HEADERS];
    let mut parsed = httparse::Request::new(&mut headers);
    let status = parsed.parse(bytes).map_err(|error| bad(&error.to_string()))?;
    let httparse::Status::Complete(length) = status else { return Ok(None) };
    let target = parsed.path.unwrap_or_default();
    let (path, query) = target.split_once('?').unwrap_or((target, ""));
    let text = |value: &[u8]| String::from_utf8_lossy(value).trim().to_owned();
    let named = |header: &httparse::Header<'_>| (header.name.to_ascii_lowercase(), text(header.value));
    let request = Request {
        method: parsed.method.unwrap_or_default().to_owned(),
        path: decoded(path),
        fields: form(query).collect(),
        headers: parsed.headers.iter().map(named).collect(),
        body: String::new(),
    };
    Ok(Some((request, length)))
}

fn form(text: &str) -> impl Iterator<Item = (String, String)> + '_ {
    let pairs = text.split('&').filter(|pair| !pair.is_empty());
    pairs.map(|pair| {
        let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
        (decoded(&name.replace('+', " ")), decoded(&value.replace('+', " ")))
    })
}

/// Percent signs taken back; one that begins no byte stays.
fn decoded(text: &str) -> String {
    let (bytes, mut out, mut at) = (text.as_bytes(), Vec::with_capacity(text.len()), 0);
    while let Some(&byte) = bytes.get(at) {
        let hex = bytes.get(at + 1..at + 3).and_then(|two| std::str::from_utf8(two).ok());
        let code = hex.filter(|_| byte == b'%').and_then(|two| u8::from_str_radix(two, 16).ok());
        out.push(code.unwrap_or(byte));
        at += if code.is_some() { 3 } else { 1 };
    }
    String::from_utf8_lossy(&out).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn requests_follow_each_other_on_one_connection() {
        let text = "GET /api/v1/account?by=index&value=1%20a+b%zz HTTP/1.1\r\nHost: x\r\n\r\nPOST /t HTTP/1.1\r\n\
                    Content-Type: application/x-www-form-urlencoded\r\nContent-Length: 9\r\n\r\na=1&b=%7BGET";
        let (mut from, mut rest) = (text.as_bytes(), Vec::new());
        let first = read(&mut from, &mut rest).expect("legal").expect("one");
        assert_eq!((first.method.as_str(), first.path.as_str()), ("GET", "/api/v1/account"));
        assert_eq!((first.field("value"), first.number("by")), (Some("1 a b%zz"), None));
        let second = read(&mut from, &mut rest).expect("legal").expect("another");
        assert_eq!((second.number("a"), second.field("b")), (Some(1), Some("{")));
        assert_eq!(rest, b"GET");
        assert_eq!(read(&mut from, &mut rest).expect("an end"), None);
    }

    #[test]
    fn what_is_no_request_is_refused() {
        for text in [
            "GET / HTTP/1.1\r\nContent-Length: x\r\n\r\n".to_owned(),
            "GET / HTTP/1.1\r\nContent-Length: 99999999\r\n\r\n".to_owned(),
            "GET / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n".to_owned(),
            format!("GET /{} HTTP/1.1\r\n", "a".repeat(20_000)),
            "\u{1}\u{2}\r\n\r\n".to_owned(),
        ] {
            assert!(read(&mut text.as_bytes(), &mut Vec::new()).is_err(), "{text:.60}");
        }
    }
}
