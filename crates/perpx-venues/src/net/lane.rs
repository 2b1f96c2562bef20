//! Requests over REST, one after the other over one connection that is kept warm. Nothing is sent twice, followed elsewhere or
//! tried again in here: what an answer means is for those who asked.

use super::dial::Dialer;
use super::hosts::{Address, Hosts};
use crate::client::{About, Answer, Body, Host, Reply, Request};
use crate::wall::now;
use perpx_core::units::Time;
use reqwest::{Client, redirect, retry};
use std::time::Duration;
use tokio::sync::{mpsc, oneshot};
use tokio::time::{Instant, sleep_until, timeout};

/// After that nobody knows what became of a request.
pub const PATIENCE: Duration = Duration::from_millis(2_500);
/// A connection that was idle for longer may be dead without a word.
const WARM: Duration = Duration::from_secs(15);
const MOST_BODY: usize = 4 << 20;
/// Headers of an answer that open a session.
const SESSION: [&str; 2] = ["set-cookie", "x-grvt-account-id"];

/// An order waits so long for a cheap GET that is under way; then it takes a connection of its own.
const MOMENT: Duration = Duration::from_millis(250);

/// What came of a cheap GET, with the times of the wall round it.
#[derive(Debug)]
pub struct Warmed {
    /// It left.
    pub asked: Time,
    /// The answer was there, or it was clear that none comes.
    pub came: Time,
    /// The answer.
    pub reply: Reply,
}

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
    /// When it last was to carry one.
    tried: Option<Instant>,
}

impl Lane {
    /// A lane without a connection. `warm_up`: a cheap GET.
    ///
    /// # Errors
    /// A proxy or a TLS that the client does not take.
    pub fn new(dialer: Dialer, hosts: Hosts, warm_up: (Host, &'static str)) -> Result<Lane, String> {
        let client = client(&dialer)?;
        Ok(Lane { warm: WARM, dialer, hosts, client, warm_up, proven: None, tried: None })
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
        self.carry(request).await
    }

    async fn carry(&mut self, request: &Request) -> Reply {
        (self.proven, self.tried) = (None, Some(Instant::now()));
        let host = self.hosts.get(&request.host).ok_or("the venue has no such host")?;
        let reply = ask(&self.client, host, request).await;
        if reply.is_ok() {
            self.proven = Some(Instant::now());
        }
        reply
    }

    /// A cheap GET over the connection that is there: a failure is how it is known that it is dead. One that is known to be is made anew.
    async fn warm_up(&mut self) -> Warmed {
        let ((host, path), headers) = (self.warm_up, Vec::new());
        let path = path.to_owned();
        let request = Request { about: About::Markets, host, path, body: Body::None, headers, is_exit: false };
        let asked = now();
        let reply = match self.proven {
            Some(_) => self.carry(&request).await,
            None => self.send(&request).await,
        };
        Warmed { asked, came: now(), reply }
    }

    /// Carries what is asked until nobody can ask any more. Between requests the connection is kept warm, once it is there; where
    /// there is a `report` of what came of that it is made at once, and anew whenever it is dead.
    pub async fn serve(mut self, mut asked: mpsc::Receiver<Asked>, mut report: Option<impl FnMut(Warmed)>) {
        loop {
            let last = if report.is_some() { self.proven.or(self.tried) } else { self.proven };
            let is_warmed = last.is_some() || report.is_some();
            let due = last.map_or_else(Instant::now, |at| at + self.warm);
            let next = tokio::select! {
                biased;
                next = asked.recv() => next,
                () = sleep_until(due), if is_warmed => {
                    let warming = self.warm_up();
                    tokio::pin!(warming);
                    let (warmed, next) = tokio::select! {
                        biased;
                        warmed = &mut warming => (Some(warmed), None),
                        next = asked.recv() => (timeout(MOMENT, &mut warming).await.ok(), Some(next)),
                    };
                    if let (Some(warmed), Some(report)) = (warmed, &mut report) {
                        report(warmed);
                    }
                    let Some(next) = next else { continue };
                    next
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
