//! Verbs by the page: whoever has the token says what `perpx-live ctl` says, and is heard by the same ears.

use super::Served;
use crate::control::ears::{Heard, What};
use crate::control::verbs::Verb;
use crate::monitor::shared::Notice;
use crate::monitor::snapshot::Level;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use perpx_venues::wall;
use serde::Deserialize;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::sync::oneshot;
use tokio::time::timeout;

/// A page elsewhere cannot send it without being let to.
const HEADER: &str = "x-perpx-verb";
/// For the run to answer.
const PATIENCE: Duration = Duration::from_secs(5);
/// Verbs of the page; to leave positions is said on the machine alone.
const OFFERED: [Verb; 5] = [Verb::Pause, Verb::Resume, Verb::Park, Verb::Flatten, Verb::Kill];

/// What is said.
#[derive(Deserialize)]
struct Asked {
    verb: Verb,
    #[serde(default)]
    reason: String,
    /// Typed, where everything is to be closed.
    #[serde(default)]
    run: String,
}

/// Takes a verb.
pub async fn say(State(served): State<Arc<Served>>, headers: HeaderMap, body: Bytes) -> Response {
    let refused = |status: StatusCode, why: &str| (status, format!("{why}\n")).into_response();
    if !served.has_control {
        return refused(StatusCode::NOT_FOUND, "no verbs are taken here: panel.control is false");
    }
    if !headers.contains_key(HEADER) {
        return refused(StatusCode::FORBIDDEN, "the header x-perpx-verb is missing");
    }
    if !served.access.is_let_in(&headers, Instant::now()) {
        return refused(StatusCode::UNAUTHORIZED, "log in first");
    }
    let Some(asked) = serde_json::from_slice::<Asked>(&body).ok().filter(|asked| OFFERED.contains(&asked.verb)) else {
        return refused(StatusCode::BAD_REQUEST, "accepted: pause, resume, park, flatten, kill");
    };
    let closes = [Verb::Flatten, Verb::Kill].contains(&asked.verb);
    if closes && asked.run != served.shared.identity.run {
        return refused(StatusCode::BAD_REQUEST, "to close everything, type the name of the run");
    }
    let Some(control) = served.shared.control() else {
        return refused(StatusCode::SERVICE_UNAVAILABLE, "the run is starting: nobody hears verbs yet");
    };
    let (answer, answered) = oneshot::channel();
    let what = What::Say(asked.verb, None);
    let words = format!("{} by the page: {}", asked.verb.name(), asked.reason);
    let heard = Heard { what, who: "the page".to_owned(), reason: asked.reason, answer: Some(answer) };
    if control.says.send(heard).is_err() {
        return refused(StatusCode::SERVICE_UNAVAILABLE, "the run has ended");
    }
    match timeout(PATIENCE, answered).await {
        Ok(Ok(answer)) if answer.code == 0 => {
            let (subject, wall) = ("operator".to_owned(), wall::now());
            let at = served.shared.snapshot().map_or(wall, |snapshot| snapshot.at);
            served.shared.say(Notice { rule: "operator", subject, level: Level::Info, words, wall, at });
            (StatusCode::OK, format!("{}: {}\n", asked.verb.name(), answer.text)).into_response()
        }
        Ok(Ok(answer)) => refused(StatusCode::CONFLICT, &answer.text),
        _ => refused(
            StatusCode::GATEWAY_TIMEOUT,
            "the engine does not answer: say it on the machine (perpx-live ctl, or the file KILL)",
        ),
    }
}
