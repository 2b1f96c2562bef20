//! What is served: the page, metrics, health, for whoever asks from this machine or is let in.
//!
//! | file | noun |
//! | --- | --- |
//! | `page`, `shown` | the page, and how it writes numbers |
//! | `metrics` | what Prometheus reads |
//! | `visitor`, `access` | who may ask |
//! | `verb` | what may be said by it |

mod access;
pub mod metrics;
pub mod page;
pub mod shown;
mod verb;
mod visitor;

use crate::monitor::shared::Shared;
use crate::panel_file::PanelFile;
use access::{Access, Login};
use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, header};
use axum::middleware;
use axum::response::sse::{Event, Sse};
use axum::response::{Html, IntoResponse, Response};
use axum::routing::{get, post};
use perpx_venues::recorder::folder;
use perpx_venues::secret::ENV_FILE;
use serde_json::{Value, json};
use std::convert::Infallible;
use std::io;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::net::TcpListener;
use tokio::time::interval;

/// Where a page stands that nobody gave a place.
const FIRST_PORT: u16 = 9870;
/// Ports that are tried from there.
const PORTS: u16 = 100;
/// Between two of what the page shows.
const EVERY: Duration = Duration::from_secs(1);

/// What requests are answered from.
pub struct Served {
    shared: Arc<Shared>,
    folder: PathBuf,
    /// Names by which the page may be asked for.
    hosts: Vec<String>,
    access: Access,
    /// Nobody but this machine reaches it: looking needs no token.
    is_near: bool,
    /// Verbs are taken.
    has_control: bool,
}

/// Binds it.
///
/// # Errors
/// No port, or one that others reach and no token: in words.
pub async fn open(
    shared: Arc<Shared>,
    folder: &Path,
    file: &PanelFile,
) -> Result<(TcpListener, Arc<Served>, SocketAddr), String> {
    let is_near = file.bind.is_none_or(|at| at.ip().is_loopback());
    let access = Access::new(!is_near || file.control, Path::new(ENV_FILE))?;
    let (listener, at) = listen(file).await.map_err(|error| error.to_string())?;
    let own = ["127.0.0.1", "localhost", "[::1]"].map(|host| format!("{host}:{}", at.port()));
    let hosts = own.into_iter().chain([at.to_string()]).chain(file.hosts.iter().cloned()).collect();
    let served = Served { shared, folder: folder.to_path_buf(), hosts, access, is_near, has_control: file.control };
    Ok((listener, Arc::new(served), at))
}

/// A port that is free: the one that was asked for, or the first from [`FIRST_PORT`].
async fn listen(file: &PanelFile) -> io::Result<(TcpListener, SocketAddr)> {
    let listener = match file.bind {
        Some(at) => TcpListener::bind(at).await?,
        None => {
            let mut tried = TcpListener::bind(("127.0.0.1", FIRST_PORT)).await;
            for port in FIRST_PORT + 1..FIRST_PORT + PORTS {
                if tried.is_ok() {
                    break;
                }
                tried = TcpListener::bind(("127.0.0.1", port)).await;
            }
            tried?
        }
    };
    let at = listener.local_addr()?;
    Ok((listener, at))
}

/// Answers until the runtime ends.
pub async fn serve(listener: TcpListener, served: Arc<Served>) {
    let routes = Router::new()
        .route("/", get(document))
        .route("/events", get(events))
        .route("/metrics", get(metrics))
        .route("/health", get(health))
        .route("/ready", get(ready))
        .route("/snapshot", get(snapshot))
        .route("/verb", post(verb::say))
        .route("/login", get(login_form).post(login))
        .layer(middleware::from_fn_with_state(served.clone(), visitor::check))
        .with_state(served);
    // it ends with the runtime
    let _ = axum::serve(listener, routes).await;
}

async fn document(State(served): State<Arc<Served>>) -> Response {
    ([(header::CONTENT_SECURITY_POLICY, page::policy())], Html(page::document(&served.shared, served.has_control)))
        .into_response()
}

/// The parts of the page, once a second.
async fn events(State(served): State<Arc<Served>>) -> Response {
    let parts = futures_util::stream::unfold(interval(EVERY), move |mut ticks| {
        let shared = served.shared.clone();
        async move {
            ticks.tick().await;
            let parts = Event::default().data(page::parts(&shared).to_string());
            Some((Ok::<_, Infallible>(parts), ticks))
        }
    });
    Sse::new(parts).into_response()
}

async fn metrics(State(served): State<Arc<Served>>) -> Response {
    if let Some(snapshot) = served.shared.snapshot() {
        let sizes = (metrics::size_of(&served.folder.join("journal")), folder::free(&served.folder));
        served.shared.metrics.set(&served.shared.identity, &snapshot, sizes);
    }
    ([(header::CONTENT_TYPE, metrics::CONTENT_TYPE)], served.shared.metrics.text()).into_response()
}

async fn login_form() -> Response {
    ([(header::CONTENT_SECURITY_POLICY, page::policy())], Html(page::login(None))).into_response()
}

/// Takes a token, and gives a cookie for it.
async fn login(State(served): State<Arc<Served>>, headers: HeaderMap, body: Bytes) -> Response {
    let token = form_urlencoded::parse(&body).find(|(name, _)| name == "token").map(|(_, token)| token);
    // whoever came over TLS, which ends before us, asks from such an origin
    let origin = headers.get(header::ORIGIN).and_then(|origin| origin.to_str().ok());
    let is_secure = origin.is_some_and(|origin| origin.starts_with("https://"));
    let (status, why) = match served.access.login(&token.unwrap_or_default(), is_secure, Instant::now()) {
        Ok(Login::Taken(cookie)) => {
            let to_the_page = [(header::SET_COOKIE, cookie), (header::LOCATION, "/".to_owned())];
            return (StatusCode::SEE_OTHER, to_the_page).into_response();
        }
        Ok(Login::Wrong) => (StatusCode::UNAUTHORIZED, "This is not the token."),
        Ok(Login::Stopped) => (StatusCode::TOO_MANY_REQUESTS, "Too many wrong ones: wait a minute."),
        Err(_) => (StatusCode::INTERNAL_SERVER_ERROR, "The system draws no chance."),
    };
    (status, [(header::CONTENT_SECURITY_POLICY, page::policy())], Html(page::login(Some(why)))).into_response()
}

/// The thread that decides lives.
async fn health(State(served): State<Arc<Served>>) -> Response {
    if served.shared.is_alive() {
        return "ok\n".into_response();
    }
    let ago = served
        .shared
        .last_beat()
        .map_or("it is starting".to_owned(), |ago| format!("its last sign of life is {:.1} s old", ago.as_secs_f64()));
    (StatusCode::SERVICE_UNAVAILABLE, format!("the engine does not answer: {ago}\n")).into_response()
}

/// A position may be opened.
async fn ready(State(served): State<Arc<Served>>) -> Response {
    let why = served.shared.shut_by();
    let status = if why.is_empty() { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    (status, as_json(&json!({ "may_open": why.is_empty(), "shut_by": why }))).into_response()
}

/// All that the page shows, for scripts.
async fn snapshot(State(served): State<Arc<Served>>) -> Response {
    let Shared { identity, .. } = &*served.shared;
    let (snapshot, notices) = (served.shared.snapshot(), served.shared.notices());
    let alarm = served.shared.alarm();
    as_json(&json!({ "identity": identity, "snapshot": snapshot.as_deref(), "notices": notices, "alarm": alarm }))
}

fn as_json(value: &Value) -> Response {
    ([(header::CONTENT_TYPE, "application/json")], format!("{value}\n")).into_response()
}
