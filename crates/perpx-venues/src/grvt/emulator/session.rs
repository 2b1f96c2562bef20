//! Login and sessions: an API key or the account's wallet opens one, a cookie carries it, and it ends by itself.

use super::{GrvtEmulator, Refusal};
use crate::emulate::http::{HttpReply, HttpRequest};
use crate::grvt::rest::{Login, WalletLogin};
use crate::grvt::sign::Address;
use crate::wire::parse;
use perpx_core::units::{MINUTE, SECOND, Time, TimeDelta};
use serde_json::json;
use std::collections::BTreeMap;

/// So far ahead may a wallet's login end.
const LOGIN: TimeDelta = MINUTE.times(5);

pub(super) const ACCOUNT_HEADER: &str = "x-grvt-account-id";

/// The cookie and the account that a request carries.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Cookie {
    token: String,
    account: String,
}

pub(super) fn cookie(request: &HttpRequest) -> Cookie {
    let cookies = request.header("cookie").unwrap_or_default();
    let token = cookies.split(';').find_map(|pair| pair.trim().strip_prefix("gravity=")).unwrap_or_default();
    let account = request.header(ACCOUNT_HEADER).unwrap_or_default();
    Cookie { token: token.to_owned(), account: account.to_owned() }
}

#[derive(Default)]
pub(super) struct Sessions {
    /// When each ends, by its token.
    open: BTreeMap<String, Time>,
    count: u64,
}

impl Sessions {
    /// Of the session that a cookie carries.
    pub fn end(&self, cookie: &Cookie) -> Option<Time> {
        self.open.get(&cookie.token).copied()
    }
}

impl GrvtEmulator {
    fn account_name(&self) -> String {
        format!("ACC:{}", self.settings.sub_account)
    }

    /// The holder of the cookie is logged in.
    pub(super) fn authorize(&self, cookie: &Cookie, now: Time) -> Result<(), Refusal> {
        let is_open = self.sessions.end(cookie).is_some_and(|end| end > now);
        if is_open && cookie.account == self.account_name() {
            return Ok(());
        }
        Err(Refusal::new(1000, "You need to authenticate prior to using this functionality"))
    }

    pub(super) fn login(&mut self, request: &HttpRequest, now: Time) -> HttpReply {
        let by_wallet = request.path == "/auth/wallet/login";
        if request.method != "POST" || !(by_wallet || request.path == "/auth/api_key/login") {
            let body = json!({ "code": "err_not_found", "message": "no such endpoint" });
            return HttpReply { status: 404, ..HttpReply::json(&body) };
        }
        if !self.limits.take("login", 1, now) {
            let refusal = Refusal::new(1006, "You are surpassing the allowed rate limits for your tier");
            return super::rpc::refused(&refusal);
        }
        let known = if by_wallet { self.by_wallet(&request.body, now) } else { self.by_key(&request.body) };
        match known {
            Ok(()) => self.open_session(now),
            Err(why) => HttpReply::json(&json!({ "status": "failure", "error": why })),
        }
    }

    fn by_key(&self, body: &str) -> Result<(), String> {
        let login = parse::<Login>("login", body).map_err(|_| "malformed request")?;
        let is_ours = login.api_key.expose() == self.settings.api_key.expose();
        if is_ours { Ok(()) } else { Err("invalid api key".to_owned()) }
    }

    /// The wallet of the account has signed that it wants in, and not for longer than five minutes.
    fn by_wallet(&self, body: &str, now: Time) -> Result<(), String> {
        let login = parse::<WalletLogin>("login", body).map_err(|_| "malformed request")?;
        if login.signature.expiration.0 > now.plus(LOGIN).0 {
            return Err("the signature ends more than five minutes ahead".to_owned());
        }
        let claimed = Address::read(&login.address);
        self.check_signature(&login, now).map_err(|refusal| refusal.message)?;
        if claimed == Some(self.settings.signer) { Ok(()) } else { Err("the address is not the signer's".to_owned()) }
    }

    fn open_session(&mut self, now: Time) -> HttpReply {
        let is_one = self.settings.habits.one_session;
        self.sessions.open.retain(|_, end| *end > now && !is_one);
        self.sessions.count += 1;
        // a cookie of the loopback: to know sessions by, no secret
        let mut name = blake3::Hasher::new();
        name.update(&now.0.to_le_bytes()).update(&self.sessions.count.to_le_bytes());
        let token = name.finalize().to_hex().to_string();
        let end = now.plus(self.settings.session);
        self.sessions.open.insert(token.clone(), end);
        let (age, date) = (self.settings.session / SECOND, http_date(end));
        let set = format!("gravity={token}; Path=/; Expires={date}; Max-Age={age}; HttpOnly; SameSite=None");
        let body = json!({
            "status": "success", "funding_account_address": self.settings.signer.to_string(),
            "sub_account_id": self.settings.sub_account.to_string(),
        });
        let headers = vec![("Set-Cookie", set), ("X-Grvt-Account-Id", self.account_name())];
        HttpReply { headers, ..HttpReply::json(&body) }
    }
}

/// "Thu, 26 Nov 2026 01:02:03 GMT".
fn http_date(at: Time) -> String {
    const DAYS: [&str; 7] = ["Thu", "Fri", "Sat", "Sun", "Mon", "Tue", "Wed"];
    const MONTHS: [&str; 12] = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
    let (year, month, day) = at.civil();
    let of_day = at.steps(SECOND).rem_euclid(86_400);
    let (weekday, month) = (DAYS[at.day().rem_euclid(7) as usize], MONTHS[(month as usize + 11) % 12]);
    let (hour, minute, second) = (of_day / 3_600, of_day / 60 % 60, of_day % 60);
    format!("{weekday}, {day:02} {month} {year} {hour:02}:{minute:02}:{second:02} GMT")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_are_those_of_http() {
        assert_eq!(http_date(Time(0)), "Thu, 01 Jan 1970 00:00:00 GMT");
        assert_eq!(http_date(Time::at(784_111_777 * SECOND)), "Sun, 06 Nov 1994 08:49:37 GMT");
    }

    #[test]
    fn a_cookie_is_found_among_others() {
        let headers = [("cookie", "rm=true; gravity=abc"), (ACCOUNT_HEADER, "ACC:1")];
        let headers = headers.map(|(name, value)| (name.to_owned(), value.to_owned())).into();
        let request = HttpRequest { headers, ..HttpRequest::default() };
        assert_eq!(cookie(&request), Cookie { token: "abc".to_owned(), account: "ACC:1".to_owned() });
        assert_eq!(cookie(&HttpRequest::default()), Cookie::default());
    }
}
