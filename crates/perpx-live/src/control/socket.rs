//! `ctl.sock`: where it is, and what is said over it. A line of JSON each way.

use super::verbs::{Settling, Verb};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::io::{self, BufRead, BufReader, Write};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// The system takes paths of sockets up to 107 bytes.
const LONGEST: usize = 100;
/// Between a question and its answer; a reload reads twice, a second apart.
const PATIENCE: Duration = Duration::from_secs(10);

/// What can be asked of a run.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Question {
    /// A verb.
    Say(Verb),
    /// What a difference at a venue comes to.
    Settle(Settling),
    /// What is in force, held and limited.
    Status,
    /// live.toml is to be read again.
    Reload,
}

/// What is asked, and why.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Request {
    /// What.
    pub ask: Question,
    /// Why; empty: not said.
    #[serde(default)]
    pub reason: String,
    /// Of `flatten`: the venue of the one leg; of `adopt` and `explain-balance`: the venue.
    #[serde(default)]
    pub leg: Option<String>,
}

/// What a run answers.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Answer {
    /// 0: done; 2: it cannot be, and the text says why.
    pub code: u8,
    /// In words.
    pub text: String,
    /// The same for programs.
    #[serde(default)]
    pub body: Value,
}

impl Answer {
    /// It is done.
    pub fn done(text: impl Into<String>) -> Answer {
        Answer { code: 0, text: text.into(), body: Value::Null }
    }

    /// It cannot be.
    pub fn no(text: impl Into<String>) -> Answer {
        Answer { code: 2, text: text.into(), body: Value::Null }
    }
}

/// Where the socket of a run is: in its folder, or, where that path is too long for a socket, in the user's runtime folder under a name
/// made of it. `None`: the path is too long and there is no such folder.
pub fn path(run: &Path, runtime: Option<&Path>) -> Option<PathBuf> {
    let run = std::path::absolute(run).unwrap_or_else(|_| run.to_path_buf());
    let inside = run.join("ctl.sock");
    if inside.as_os_str().len() <= LONGEST {
        return Some(inside);
    }
    let tag = blake3::hash(run.as_os_str().as_bytes()).to_hex();
    let outside = runtime?.join(format!("perpx-{}.sock", &tag[..8]));
    (outside.as_os_str().len() <= LONGEST).then_some(outside)
}

/// The user's runtime folder.
pub fn runtime() -> Option<PathBuf> {
    std::env::var_os("XDG_RUNTIME_DIR").map(PathBuf::from).filter(|path| path.is_absolute())
}

/// Asks the process that has the run; `None`: there is none, or it ended before it answered.
///
/// # Errors
/// A process that does not answer, or whose socket is not ours.
pub fn ask(run: &Path, request: &Request) -> io::Result<Option<Answer>> {
    let Some(path) = path(run, runtime().as_deref()) else { return Ok(None) };
    let mut stream = match UnixStream::connect(path) {
        Ok(stream) => stream,
        Err(error) if matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::ConnectionRefused) => {
            return Ok(None);
        }
        Err(error) => return Err(error),
    };
    stream.set_read_timeout(Some(PATIENCE))?;
    stream.write_all(format!("{}\n", serde_json::to_string(request)?).as_bytes())?;
    let mut line = String::new();
    match BufReader::new(stream).read_line(&mut line) {
        Ok(0) => Ok(None),
        Err(error) if error.kind() == io::ErrorKind::ConnectionReset => Ok(None),
        Err(error) => Err(error),
        Ok(_) => Ok(Some(serde_json::from_str(&line)?)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_path_has_its_socket_elsewhere() {
        let (short, long) = (Path::new("/live/run"), PathBuf::from(format!("/live/{}", "r".repeat(90))));
        let runtime = Path::new("/run/user/1000");
        assert_eq!(path(short, Some(runtime)), Some(PathBuf::from("/live/run/ctl.sock")));
        let outside = path(&long, Some(runtime)).expect("a runtime folder");
        let name = outside.file_name().expect("a name").to_string_lossy().into_owned();
        assert!(outside.starts_with(runtime) && name.starts_with("perpx-") && name.len() == 19, "{name}");
        assert_eq!(path(&long, Some(runtime)), Some(outside.clone()));
        assert_ne!(path(&long.join("x"), Some(runtime)), Some(outside));
        assert_eq!(path(&long, None), None);
        assert_eq!(path(&long, Some(Path::new(&format!("/{}", "r".repeat(90))))), None);
    }

    #[test]
    fn words_are_read_as_they_are_written() {
        let request =
            Request { ask: Question::Say(Verb::Flatten), reason: "a test".to_owned(), leg: Some("grvt".to_owned()) };
        let text = serde_json::to_string(&request).expect("JSON");
        assert_eq!(text, r#"{"ask":{"say":"flatten"},"reason":"a test","leg":"grvt"}"#);
        assert_eq!(serde_json::from_str::<Request>(&text).expect("a request"), request);
        assert_eq!(serde_json::from_str::<Request>(r#"{"ask":"status"}"#).expect("a request").ask, Question::Status);
    }
}
