//! Who may give verbs, and who may look where others can look too: whoever knows the token. It comes from the environment or a file like
//! every secret, it is never in an address, and who guesses is stopped after five tries a minute.

use axum::http::{HeaderMap, header};
use perpx_venues::secret::secret;
use secrecy::ExposeSecret;
use std::collections::VecDeque;
use std::fs::File;
use std::io::{self, Read};
use std::path::Path;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

/// The variable that holds the token.
pub const TOKEN: &str = "PERPX_PANEL_TOKEN";
/// Letters of a token, at least.
const LEAST: usize = 32;
/// A login holds for so long.
const HOLDS: Duration = Duration::from_secs(12 * 3_600);
/// Wrong tokens that are listened to within [`MINUTE`].
const GUESSES: usize = 5;
const MINUTE: Duration = Duration::from_secs(60);
/// Logins that hold at the same time; the oldest goes.
const MOST_LOGINS: usize = 20;
/// The name of the cookie.
const COOKIE: &str = "perpx";

/// What came of a login.
#[derive(Debug, PartialEq, Eq)]
pub enum Login {
    /// The header that sets the cookie.
    Taken(String),
    /// Another token.
    Wrong,
    /// Too many wrong ones lately.
    Stopped,
}

/// The token, and who has shown it. Hashes alone are kept: to compare them takes the same time wherever they differ.
pub struct Access {
    token: Option<blake3::Hash>,
    logins: Mutex<VecDeque<(blake3::Hash, Instant)>>,
    wrong: Mutex<VecDeque<Instant>>,
}

impl Access {
    /// With the token that is to be known; without one nobody is let in.
    ///
    /// # Errors
    /// `is_needed`, and none is there; one that is too short.
    pub fn new(is_needed: bool, env_file: &Path) -> Result<Access, String> {
        let token = if is_needed {
            let token = secret(TOKEN, env_file).map_err(|error| error.to_string())?;
            let token = token.expose_secret();
            if token.chars().count() < LEAST {
                return Err(format!(
                    "{TOKEN}: too short; accepted: {LEAST} letters or more, such as `openssl rand -hex 32` prints"
                ));
            }
            Some(blake3::hash(token.as_bytes()))
        } else {
            None
        };
        Ok(Access { token, logins: Mutex::default(), wrong: Mutex::default() })
    }

    /// Somebody shows a token.
    ///
    /// # Errors
    /// The system draws no chance.
    pub fn login(&self, token: &str, is_secure: bool, now: Instant) -> io::Result<Login> {
        match self.knows(token, now) {
            None => return Ok(Login::Stopped),
            Some(false) => return Ok(Login::Wrong),
            Some(true) => {}
        }
        let mut drawn = [0; 32];
        File::open("/dev/urandom")?.read_exact(&mut drawn)?;
        let value = blake3::hash(&drawn).to_hex();
        let mut logins = self.logins.lock().unwrap_or_else(PoisonError::into_inner);
        logins.truncate(MOST_LOGINS - 1);
        logins.push_front((blake3::hash(value.as_bytes()), now));
        let secure = if is_secure { "; Secure" } else { "" };
        let age = HOLDS.as_secs();
        Ok(Login::Taken(format!("{COOKIE}={value}; HttpOnly; SameSite=Strict; Path=/; Max-Age={age}{secure}")))
    }

    /// Whether it is the token; `None`: too many wrong ones were shown.
    fn knows(&self, token: &str, now: Instant) -> Option<bool> {
        let mut wrong = self.wrong.lock().unwrap_or_else(PoisonError::into_inner);
        wrong.retain(|at| now.duration_since(*at) < MINUTE);
        if wrong.len() >= GUESSES {
            return None;
        }
        let is_token = self.token.is_some_and(|own| own == blake3::hash(token.as_bytes()));
        if !is_token {
            wrong.push_back(now);
        }
        Some(is_token)
    }

    /// A request of somebody who is let in: by the cookie of a login, or with the token as a bearer's.
    pub fn is_let_in(&self, headers: &HeaderMap, now: Instant) -> bool {
        let text = |name| headers.get_all(name).iter().filter_map(|value| value.to_str().ok());
        if let Some(token) = text(header::AUTHORIZATION).find_map(|value| value.strip_prefix("Bearer ")) {
            return self.knows(token.trim(), now) == Some(true);
        }
        let cookies = text(header::COOKIE).flat_map(|all| all.split(';'));
        let shown = cookies.filter_map(|cookie| cookie.trim().split_once('=')).find(|(name, _)| *name == COOKIE);
        let Some((_, value)) = shown else { return false };
        let shown = blake3::hash(value.as_bytes());
        let logins = self.logins.lock().unwrap_or_else(PoisonError::into_inner);
        logins.iter().any(|(login, at)| *login == shown && now.duration_since(*at) < HOLDS)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::http::{HeaderName, HeaderValue};

    fn access(token: &str) -> Result<Access, String> {
        let dir = tempfile::tempdir().expect("a folder");
        let file = dir.path().join(".env");
        std::fs::write(&file, format!("{TOKEN}={token}\n")).expect("writes");
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt;
            std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o600)).expect("a mode");
        }
        Access::new(true, &file)
    }

    fn with(name: HeaderName, value: &str) -> HeaderMap {
        HeaderMap::from_iter([(name, HeaderValue::from_str(value).expect("a header"))])
    }

    const LONG: &str = "0123456789abcdef0123456789abcdef";

    #[test]
    fn a_token_opens_and_nothing_else_does() {
        let (access, now) = (access(LONG).expect("long enough"), Instant::now());
        let Ok(Login::Taken(cookie)) = access.login(LONG, false, now) else { panic!("it is the token") };
        assert!(cookie.contains("; HttpOnly; SameSite=Strict") && !cookie.contains(LONG), "{cookie}");
        let value = cookie.split(';').next().expect("a value");
        assert!(access.is_let_in(&with(header::COOKIE, &format!("a=b; {value}")), now));
        assert!(!access.is_let_in(&with(header::COOKIE, &format!("{value}0")), now));
        assert!(!access.is_let_in(&with(header::COOKIE, value), now + HOLDS));
        assert!(access.is_let_in(&with(header::AUTHORIZATION, &format!("Bearer {LONG}")), now));
        assert!(!access.is_let_in(&HeaderMap::new(), now));
        assert!(!access.is_let_in(&with(header::AUTHORIZATION, LONG), now));
    }

    /// Five wrong ones a minute; then the right one is not listened to either, until the minute is over.
    #[test]
    fn who_guesses_is_stopped() {
        let (access, now) = (access(LONG).expect("long enough"), Instant::now());
        for n in 0..GUESSES {
            assert_eq!(access.login(&format!("{LONG}{n}"), false, now).expect("chance"), Login::Wrong);
        }
        assert_eq!(access.login(LONG, false, now).expect("chance"), Login::Stopped);
        assert!(!access.is_let_in(&with(header::AUTHORIZATION, &format!("Bearer {LONG}")), now));
        assert!(matches!(access.login(LONG, false, now + MINUTE).expect("chance"), Login::Taken(_)));
    }

    #[test]
    fn a_short_token_is_none() {
        assert!(access("0123456789abcdef").is_err_and(|why| why.contains("32 letters") && !why.contains("0123")));
        assert!(access("").is_err_and(|why| why.contains("PERPX_PANEL_TOKEN is not set")));
        let nobody = Access::new(false, Path::new("nowhere")).expect("none is needed");
        assert!(!nobody.is_let_in(&with(header::AUTHORIZATION, "Bearer "), Instant::now()));
    }
}
