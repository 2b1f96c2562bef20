//! Who may ask. Whatever is asked for, the name by which the page was found must be one of its own: a page elsewhere that made its
//! own name point to this machine (DNS rebinding) is not answered, and neither is one that asks from another origin.

use super::Served;
use axum::extract::{Request, State};
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Redirect, Response};
use std::sync::Arc;
use std::time::Instant;

/// Said with every answer.
const ALWAYS: [(HeaderName, &str); 4] = [
    (header::CACHE_CONTROL, "no-store"),
    // without it a form of the page itself comes from no origin
    (header::REFERRER_POLICY, "same-origin"),
    (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
    (header::X_FRAME_OPTIONS, "DENY"),
];

/// Lets a request pass, or answers it.
pub async fn check(State(served): State<Arc<Served>>, request: Request, next: Next) -> Response {
    let is_login = request.uri().path() == "/login";
    let is_open = served.is_near || is_login;
    let mut response = match turned_away(&served.hosts, request.headers()) {
        Some((status, why)) => (status, why).into_response(),
        None if is_open || served.access.is_let_in(request.headers(), Instant::now()) => next.run(request).await,
        None if request.uri().path() == "/" => Redirect::to("/login").into_response(),
        None => (StatusCode::UNAUTHORIZED, "log in at /login, or show the token as a bearer's\n").into_response(),
    };
    for (name, value) in ALWAYS {
        response.headers_mut().entry(name).or_insert(HeaderValue::from_static(value));
    }
    response
}

/// Why a request is not answered.
fn turned_away(hosts: &[String], headers: &HeaderMap) -> Option<(StatusCode, &'static str)> {
    let mut named = headers.get_all(header::HOST).iter();
    let host = match (named.next().and_then(|host| host.to_str().ok()), named.next()) {
        (Some(host), None) if hosts.iter().any(|own| own.eq_ignore_ascii_case(host)) => host,
        _ => return Some((StatusCode::MISDIRECTED_REQUEST, "this is not the host that was asked for\n")),
    };
    let is_own = |origin: &HeaderValue| {
        let origin = origin.to_str().unwrap_or_default();
        let named = origin.strip_prefix("http://").or_else(|| origin.strip_prefix("https://"));
        named.is_some_and(|named| named.eq_ignore_ascii_case(host))
    };
    match headers.get_all(header::ORIGIN).iter().all(is_own) {
        true => None,
        false => Some((StatusCode::FORBIDDEN, "asked from another origin\n")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_that_is_not_its_own_is_not_answered() {
        let hosts = ["127.0.0.1:9870".to_owned(), "localhost:9870".to_owned()];
        let asked = |headers: &[(HeaderName, &'static str)]| {
            let mut map = HeaderMap::new();
            for (name, value) in headers {
                map.append(name, HeaderValue::from_static(value));
            }
            turned_away(&hosts, &map).map(|(status, _)| status.as_u16())
        };
        let host = |value| (header::HOST, value);
        let origin = |value| (header::ORIGIN, value);
        assert_eq!(asked(&[host("127.0.0.1:9870")]), None);
        assert_eq!(asked(&[host("LOCALHOST:9870"), origin("http://localhost:9870")]), None);
        for wrong in ["evil.example:9870", "127.0.0.1", "127.0.0.1:9871", "", "127.0.0.1:9870.evil.example"] {
            assert_eq!(asked(&[host(wrong)]), Some(421), "{wrong}");
        }
        assert_eq!(asked(&[]), Some(421));
        assert_eq!(asked(&[host("127.0.0.1:9870"), host("127.0.0.1:9870")]), Some(421));
        for wrong in ["http://evil.example", "null", "http://localhost:9870", "127.0.0.1:9870", "ftp://127.0.0.1:9870"]
        {
            assert_eq!(asked(&[host("127.0.0.1:9870"), origin(wrong)]), Some(403), "{wrong}");
        }
    }
}
