//! Requests: what they come to in place of an answer, and how long they wait for it.

use super::{Armed, FaultKind, Faults};
use crate::emulate::http::{HttpReply, HttpRequest};
use crate::wall::Clock;
use axum::http::StatusCode;
use perpx_core::units::{Time, TimeDelta};
use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;
use tokio::sync::MutexGuard;
use tokio::time::sleep;

/// Logins that are remembered, so that they can expire.
const MOST_LOGINS: usize = 10_000;
const BEAT: Duration = Duration::from_millis(1);

/// What becomes of a request; `T` is an answer.
#[derive(Clone, Debug, PartialEq)]
pub enum Outcome<T> {
    Served,
    /// Answered so, and not executed.
    Instead(T),
    /// Executed, and answered so.
    After(T),
    /// Executed; the connection ends.
    Lost,
    /// The connection ends; executed so much later.
    Late(TimeDelta),
}

/// Credentials seen, those of them that have expired, and how many faults have struck.
#[derive(Default)]
pub(super) struct Logins {
    seen: BTreeSet<String>,
    expired: BTreeSet<String>,
    struck: usize,
}

impl Faults {
    /// Waits for those who came before, and for the end of a halt; the next one's turn comes when this one is dropped. `None` when
    /// asked to stop.
    pub async fn turn(&self, clock: &dyn Clock, stop: &AtomicBool) -> Option<MutexGuard<'_, ()>> {
        let turn = self.backlog.lock().await;
        while self.is_halted(clock.now()) {
            if stop.load(Ordering::Relaxed) {
                return None;
            }
            sleep(BEAT).await;
        }
        Some(turn)
    }

    /// What becomes of a request over HTTP.
    pub fn request(&self, request: &HttpRequest, now: Time) -> Outcome<HttpReply> {
        let credential = self.dialect.credential(request);
        let is_expired = self.is_expired(credential, now);
        if self.is_revoked(now) && (credential.is_some() || self.dialect.is_signed(&request.path)) {
            return Outcome::Instead(self.dialect.reply(&self.dialect.revoked()));
        }
        if is_expired {
            return Outcome::Instead(self.dialect.reply(&self.dialect.logged_out()));
        }
        match self.struck(&request.path, now, true) {
            None => Outcome::Served,
            Some(FaultKind::TooMany) => Outcome::Instead(self.dialect.reply(&self.dialect.too_many())),
            Some(FaultKind::Failed { status, executed: true }) => Outcome::After(page(status)),
            Some(FaultKind::Failed { status, .. } | FaultKind::GatewayPage { status }) => {
                Outcome::Instead(page(status))
            }
            Some(FaultKind::LateRequest { by }) => Outcome::Late(by),
            Some(_) => Outcome::Lost,
        }
    }

    /// What answers the handshake of a stream at `path` in the venue's place.
    pub fn page(&self, path: &str, now: Time) -> Option<HttpReply> {
        let hit = self.armed().iter().find_map(|armed| match (armed.kind, &armed.containing) {
            (FaultKind::GatewayPage { status }, Some(part)) if path.contains(part.as_str()) => {
                armed.take(now).then_some(status)
            }
            _ => None,
        });
        hit.map(page)
    }

    /// The same over a socket that was opened with a login.
    pub fn text(&self, text: &str, handshake: Option<&str>, now: Time) -> Outcome<Arc<str>> {
        let answer = |wrong| Arc::from(self.dialect.spoken(&wrong, text));
        let (credential, call) = (self.dialect.spoken_credential(text, handshake), self.dialect.call(text));
        let is_expired = self.is_expired(credential.as_deref(), now);
        let is_signed = call.as_ref().is_some_and(|call| self.dialect.is_signed(call));
        if self.is_revoked(now) && (credential.is_some() || is_signed) {
            return Outcome::Instead(answer(self.dialect.revoked()));
        }
        if is_expired {
            return Outcome::Instead(answer(self.dialect.logged_out()));
        }
        match call.and_then(|name| self.struck(&name, now, false)) {
            None => Outcome::Served,
            Some(FaultKind::TooMany) => Outcome::Instead(answer(self.dialect.too_many())),
            Some(FaultKind::Failed { status, executed: true }) => Outcome::After(answer(self.dialect.failed(status))),
            Some(FaultKind::Failed { status, executed: false }) => {
                Outcome::Instead(answer(self.dialect.failed(status)))
            }
            Some(FaultKind::LateRequest { by }) => Outcome::Late(by),
            Some(_) => Outcome::Lost,
        }
    }

    /// The login of a handshake.
    pub fn login_of(&self, handshake: &HttpRequest) -> Option<String> {
        self.dialect.credential(handshake).map(str::to_owned)
    }

    /// The fault that hits a request of `name`. What stands before the venue answers over HTTP alone.
    fn struck(&self, name: &str, now: Time, over_http: bool) -> Option<FaultKind> {
        let all = self.armed();
        let hit = all.iter().find(|armed| {
            let is_answers = match armed.kind {
                FaultKind::TooMany | FaultKind::Failed { .. } | FaultKind::LostAnswer => true,
                FaultKind::LateRequest { .. } => true,
                FaultKind::GatewayPage { .. } => over_http,
                _ => false,
            };
            let named = match &armed.containing {
                Some(part) => name.contains(part.as_str()),
                None => self.dialect.is_order(name),
            };
            is_answers && named && armed.take(now)
        });
        hit.map(|armed| armed.kind)
    }

    fn is_expired(&self, credential: Option<&str>, now: Time) -> bool {
        let Some(credential) = credential else { return false };
        let ends_logins = |armed: &&Arc<Armed>| matches!(armed.kind, FaultKind::ExpiredLogin | FaultKind::RevokedKeys);
        let struck = self.armed().iter().filter(ends_logins).filter(|armed| armed.from <= now).count();
        let mut logins = self.logins.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
        if struck > logins.struck {
            logins.struck = struck;
            logins.expired = std::mem::take(&mut logins.seen);
        }
        if logins.expired.contains(credential) {
            return true;
        }
        if logins.seen.len() < MOST_LOGINS {
            logins.seen.insert(credential.to_owned());
        }
        false
    }
}

/// Said by what stands before the venue: no JSON.
fn page(status: u16) -> HttpReply {
    let words = StatusCode::from_u16(status).ok().and_then(|status| status.canonical_reason()).unwrap_or("Error");
    let title = format!("{status} {words}");
    let body = format!("<html><head><title>{title}</title></head><body><h1>{title}</h1></body></html>");
    HttpReply { status, body, headers: vec![("Content-Type", "text/html".to_owned())] }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::emulate::FaultPlan;
    use crate::wall::ManualClock;
    use perpx_core::units::SECOND;
    use std::pin::pin;
    use std::task::{Context, Waker};

    /// Whoever looks first when a halt is over: the first to come is the first to be served, and the next one waits for its end.
    #[tokio::test]
    async fn those_who_waited_go_in_the_order_in_which_they_came() {
        let plan =
            FaultPlan::parse("f.toml", "[[fault]]\nat = \"0s\"\nkind = \"halt\"\nfor = \"1s\"\n").expect("legal");
        let faults = Faults::new(&plan, &crate::lighter::emulator::LighterDialect, (Time(0), 1.0));
        let (clock, stop) = (ManualClock::new(Time(0)), AtomicBool::new(false));
        let turn = || faults.turn(&clock, &stop);
        let mut context = Context::from_waker(Waker::noop());
        let (mut first, mut second, mut third) = (pin!(turn()), pin!(turn()), pin!(turn()));
        assert!(first.as_mut().poll(&mut context).is_pending() && second.as_mut().poll(&mut context).is_pending());
        clock.advance(SECOND);
        sleep(5 * BEAT).await;
        assert!(third.as_mut().poll(&mut context).is_pending(), "it came after the halt, with two before it");
        assert!(second.as_mut().poll(&mut context).is_pending());
        let served = first.await.expect("its turn");
        assert!(second.as_mut().poll(&mut context).is_pending(), "the first is served");
        drop(served);
        assert!(third.as_mut().poll(&mut context).is_pending());
        drop(second.await.expect("its turn"));
        drop(third.await.expect("its turn"));
    }
}
