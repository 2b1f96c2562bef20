//! Requests over REST, one after the other over one connection that is kept warm. Nothing is sent twice, followed elsewhere or
//! tried again in here: what an answer means is for those who asked.

use super::dial::Dialer;
use super::hosts::{Address, Hosts};
use crate::client::{About, Answer, Body, Host, Reply, Request};
use reqwest::{Client, redirect, retry};
use std::time::Duration;
use tokio::sync::{mpsc, oneshot};
use tokio::time::{Instant, sleep_until};

/// After that nobody knows what became of a request.
pub const PATIENCE: Duration = Duration::from_millis(2_500);
/// A connection that was idle for longer may be dead without a word.
const WARM: Duration = Duration::from_secs(15);
const MOST_BODY: usize = 4 << 20;
/// Headers of an answer that open a session.
const SESSION: [&str; 2] = ["set-cookie", "x-grvt-account-id"];

/// A request, and where its reply is waited for.
pub type Asked = (Request, oneshot::Sender<Reply>);

/// One connection to each host that was asked.
pub struct Lane {
    /// [`WARM`], but in tests.
    warm: Duration,
    dialer: Dialer,
    hosts: Hosts,
    client: Client,
    /// A cheap GET.
    warm_up: (Host, &'static str),
    /// When the connection last carried an answer; `None` when it is not there or cannot be trusted.
    proven: Option<Instant>,
}

impl Lane {
    /// A lane without a connection. `warm_up`: a cheap GET.
    ///
    /// # Errors
    /// A proxy or a TLS that the client does not take.
    pub fn new(dialer: Dialer, hosts: Hosts, warm_up: (Host, &'static str)) -> Result<Lane, String> {
        let client = client(&dialer)?;
        Ok(Lane { warm: WARM, dialer, hosts, client, warm_up, proven: None })
    }

    #[cfg(test)]
    pub(super) fn set_warm(&mut self, warm: Duration) {
        self.warm = warm;
    }

    /// Sends a request and waits for its reply. It goes over a connection that was proven within the last 15 s, or over a new one.
    pub async fn send(&mut self, request: &Request) -> Reply {
        if self.proven.is_none_or(|at| at.elapsed() > self.warm) {
            // the old client's connections go with it
            self.client = client(&self.dialer)?;
        }
        self.proven = None;
        let host = self.hosts.get(&request.host).ok_or("the venue has no such host")?;
        let reply = ask(&self.client, host, request).await;
        if reply.is_ok() {
            self.proven = Some(Instant::now());
        }
        reply
    }

    /// Carries what is asked until nobody can ask any more. Between requests the connection is kept warm, once it is there.
    pub async fn serve(mut self, mut asked: mpsc::Receiver<Asked>) {
        let (host, path) = self.warm_up;
        loop {
            let stale = self.proven.map(|at| at + self.warm);
            let next = tokio::select! {
                biased;
                next = asked.recv() => next,
                () = sleep_until(stale.unwrap_or_else(Instant::now)), if stale.is_some() => {
                    let (path, headers) = (path.to_owned(), Vec::new());
                    let request = Request { about: About::Markets, host, path, body: Body::None, headers, is_exit: false };
                    // over the old connection: a failure here is how it is known that it is dead
                    self.proven = None;
                    if let Some(host) = self.hosts.get(&host) && ask(&self.client, host, &request).await.is_ok() {
                        self.proven = Some(Instant::now());
                    }
                    continue;
                }
            };
            let Some((request, reply)) = next else { return };
            // one who has gone does not want to know
            let _ = reply.send(self.send(&request).await);
        }
    }
}

fn client(dialer: &Dialer) -> Result<Client, String> {
    let mut builder = Client::builder()
        .tls_backend_preconfigured(dialer.tls())
        .http1_only()
        .redirect(redirect::Policy::none())
        .retry(retry::never())
        .no_proxy()
        .pool_max_idle_per_host(1)
        .tcp_nodelay(true)
        .connect_timeout(PATIENCE)
        .timeout(PATIENCE)
        .user_agent("perpx");
    if let Some(proxy) = dialer.proxy() {
        builder = builder.proxy(reqwest::Proxy::all(proxy.http()).map_err(|error| error.without_url().to_string())?);
    }
    builder.build().map_err(|error| error.without_url().to_string())
}

async fn ask(client: &Client, host: &Address, request: &Request) -> Reply {
    let url = format!("{}{}", host.http(), request.path);
    let mut asked = match &request.body {
        Body::None => client.get(&url),
        Body::Form(fields) => {
            let form = form_urlencoded::Serializer::new(String::new()).extend_pairs(fields).finish();
            client.post(&url).header("content-type", "application/x-www-form-urlencoded").body(form)
        }
        Body::Json(text) => client.post(&url).header("content-type", "application/json").body(text.clone()),
    };
    for (name, value) in &request.headers {
        asked = asked.header(*name, value);
    }
    let mut answer = asked.send().await.map_err(words)?;
    let status = answer.status().as_u16();
    let kept = answer.headers().iter().filter(|(name, _)| SESSION.contains(&name.as_str()));
    let session = kept.filter_map(|(name, value)| Some((name.to_string(), value.to_str().ok()?.to_owned()))).collect();
    let mut body = Vec::new();
    while let Some(part) = answer.chunk().await.map_err(words)? {
        body.extend_from_slice(&part);
        if body.len() > MOST_BODY {
            return Err("an answer of more than 4 MiB".to_owned());
        }
    }
    let body = String::from_utf8(body).map_err(|_| "an answer that is no text".to_owned())?;
    Ok(Answer { status, body, session })
}

/// The innermost reason, without the address that was asked.
fn words(error: reqwest::Error) -> String {
    use std::error::Error;
    if error.is_timeout() {
        return "no answer within 2.5 s".to_owned();
    }
    let error = error.without_url();
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(inner) = source {
        text = format!("{text}: {inner}");
        source = inner.source();
    }
    text
}
