//! A webhook. What it is told waits in a queue of its own, is tried five times, and holds up nobody; its address is a secret and is never
//! written anywhere.

use super::{Message, masked, stamp};
use crate::monitor::snapshot::Identity;
use crate::panel_file::{AlertFile, Format};
use perpx_venues::net::tls::client_config;
use perpx_venues::secret::secret;
use reqwest::{Client, redirect};
use secrecy::{ExposeSecret, SecretString};
use serde::Serialize;
use serde_json::{Value, json};
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::sync::mpsc;
use tokio::time::sleep;

/// Tries of one message.
const TRIES: u32 = 5;
/// After a failure, twice as long after each.
const PAUSE: Duration = Duration::from_secs(1);
/// Of one request.
const PATIENCE: Duration = Duration::from_secs(5);
/// Messages that wait; more are dropped, and counted.
const QUEUE: usize = 200;

/// How a channel does.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Delivery {
    /// The name of the variable that holds its address.
    pub name: String,
    /// Messages that it took.
    pub sent: u64,
    /// Messages that it did not take.
    pub failed: u64,
    /// Why not, the last time; empty: the last one was taken.
    pub why: String,
}

/// Where messages are put.
#[derive(Clone)]
pub struct Channel {
    file: AlertFile,
    queue: mpsc::Sender<Message>,
    delivery: Arc<Mutex<Delivery>>,
}

/// What carries them.
pub struct Carrier {
    file: AlertFile,
    url: SecretString,
    client: Client,
    waiting: mpsc::Receiver<Message>,
    delivery: Arc<Mutex<Delivery>>,
}

/// Why there is no channel; no part of its address is in it.
pub fn client() -> Result<Client, String> {
    let tls = client_config(None).map_err(|error| error.to_string())?;
    let client = Client::builder().tls_backend_preconfigured(tls).redirect(redirect::Policy::none()).timeout(PATIENCE);
    client.no_proxy().build().map_err(|error| error.without_url().to_string())
}

/// The address in a variable; it must be one that keeps what is sent to it.
pub fn address(name: &str, env_file: &Path) -> Result<SecretString, String> {
    let url = secret(name, env_file).map_err(|error| error.to_string())?;
    let text = url.expose_secret();
    let rest = text.strip_prefix("https://");
    let near = ["127.0.0.1", "localhost", "[::1]"];
    let is_near = text.strip_prefix("http://").is_some_and(|rest| {
        let host = rest.split('/').next().unwrap_or_default();
        near.iter().any(|near| host == *near || host.starts_with(&format!("{near}:")))
    });
    match rest.is_some_and(|rest| !rest.is_empty()) || is_near {
        true => Ok(url),
        false => Err(format!("{name}: no address of a webhook; accepted: https://..., or http:// on this machine")),
    }
}

impl Channel {
    /// With what carries its messages.
    ///
    /// # Errors
    /// No address, or no client.
    pub fn new(file: &AlertFile, env_file: &Path) -> Result<(Channel, Carrier), String> {
        let (url, client) = (address(&file.url_env, env_file)?, client()?);
        let (queue, waiting) = mpsc::channel(QUEUE);
        let delivery = Delivery { name: file.url_env.clone(), ..Delivery::default() };
        let delivery = Arc::new(Mutex::new(delivery));
        let channel = Channel { file: file.clone(), queue, delivery: delivery.clone() };
        Ok((channel, Carrier { file: file.clone(), url, client, waiting, delivery }))
    }

    /// Takes a message, if it is grave enough.
    pub fn put(&self, message: &Message) {
        if message.level >= self.file.least && self.queue.try_send(message.clone()).is_err() {
            note(&self.delivery, Err(format!("{QUEUE} messages wait")));
        }
    }

    /// How it does.
    pub fn delivery(&self) -> Delivery {
        self.delivery.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

fn note(delivery: &Mutex<Delivery>, sent: Result<(), String>) {
    let mut delivery = delivery.lock().unwrap_or_else(PoisonError::into_inner);
    match sent {
        Ok(()) => {
            delivery.sent += 1;
            delivery.why.clear();
        }
        Err(why) => {
            delivery.failed += 1;
            delivery.why = why;
        }
    }
}

impl Carrier {
    /// Until nobody puts messages any more.
    pub async fn carry(mut self, identity: Identity) {
        while let Some(message) = self.waiting.recv().await {
            let body = body(&self.file, &message, &identity);
            let sent = self.send(&body).await;
            note(&self.delivery, sent);
        }
    }

    async fn send(&self, body: &Value) -> Result<(), String> {
        let mut why = String::new();
        for n in 0..TRIES {
            if n > 0 {
                sleep(PAUSE * 2u32.pow(n - 1)).await;
            }
            match self.client.post(self.url.expose_secret()).json(body).send().await {
                Ok(answer) if answer.status().is_success() => return Ok(()),
                Ok(answer) => why = format!("it answers {}", answer.status().as_u16()),
                Err(error) => why = error.without_url().to_string(),
            }
        }
        Err(why)
    }
}

/// What a channel is sent.
fn body(file: &AlertFile, message: &Message, identity: &Identity) -> Value {
    let Message { wall, rule, subject, level, words, is_resolved } = message;
    let (words, subject) = (masked(words, identity), masked(subject, identity));
    let Identity { run, mode, symbol, .. } = identity;
    let head = if *is_resolved { "resolved" } else { level.name() };
    let text = format!("[{head}] {mode} {run} {symbol} · {rule}, {subject}: {words}");
    match &file.format {
        Format::Json => json!({
            "at": stamp(*wall),
            "run": run,
            "mode": mode,
            "symbol": symbol,
            "rule": rule,
            "subject": subject,
            "level": level.name(),
            "resolved": is_resolved,
            "words": words,
        }),
        // the three that mean something to Slack
        Format::Slack => {
            json!({ "text": text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;") })
        }
        Format::Telegram { chat } => json!({ "chat_id": chat, "text": text }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::monitor::snapshot::Level;
    use perpx_core::units::Time;

    #[test]
    fn bodies_are_as_each_service_takes_them() {
        let message = Message {
            wall: Time(0),
            rule: "feed",
            subject: "grvt market".to_owned(),
            level: Level::Warning,
            words: "silent <11> & more".to_owned(),
            is_resolved: false,
        };
        let identity =
            Identity { run: "a".to_owned(), mode: "emulated", symbol: "BTC".to_owned(), ..Identity::default() };
        let of = |format| {
            let file = AlertFile { url_env: "U".to_owned(), format, least: Level::Info };
            body(&file, &message, &identity)
        };
        assert_eq!(
            of(Format::Slack),
            json!({ "text": "[warning] emulated a BTC · feed, grvt market: silent &lt;11&gt; &amp; more" })
        );
        let telegram = of(Format::Telegram { chat: "-100".to_owned() });
        assert_eq!(telegram["chat_id"], "-100");
        assert_eq!(telegram["text"], "[warning] emulated a BTC · feed, grvt market: silent <11> & more");
        let plain = of(Format::Json);
        assert_eq!(
            (&plain["level"], &plain["resolved"], &plain["at"]),
            (&json!("warning"), &json!(false), &json!("1970-01-01T00:00:00.000Z"))
        );
    }

    #[test]
    fn an_address_keeps_what_is_sent() {
        let dir = tempfile::tempdir().expect("a folder");
        let file = dir.path().join(".env");
        for (url, is_taken) in [
            ("https://hooks.example/T/B/secret", true),
            ("http://127.0.0.1:9000/x", true),
            ("http://localhost:9000", true),
            ("http://hooks.example/x", false),
            ("http://localhost.evil.example/x", false),
            ("ftp://127.0.0.1", false),
            ("https://", false),
        ] {
            std::fs::write(&file, format!("HOOK_URL={url}\n")).expect("writes");
            #[cfg(unix)]
            {
                use std::os::unix::fs::PermissionsExt;
                std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o600)).expect("a mode");
            }
            let found = address("HOOK_URL", &file);
            assert_eq!(found.is_ok(), is_taken, "{url}");
            if let Err(why) = found {
                assert!(!why.contains("example") && why.contains("HOOK_URL"), "{why}");
            }
        }
    }
}
