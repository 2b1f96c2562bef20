//! The thread that hears what an operator says: signals, the files PAUSE and KILL, live.toml, the socket. It decides nothing: what it
//! hears it passes on, with who said it.

use super::socket::{self, Answer, Question, Request};
use super::verbs::{Settling, Verb};
use std::fs;
use std::io;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread::JoinHandle;
use std::time::Duration;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::{UnixListener, UnixStream};
use tokio::runtime::Builder;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::{oneshot, watch};
use tokio::time::{interval, sleep, timeout};

/// Between two looks at the files.
const LOOK: Duration = Duration::from_millis(100);
/// Between two reads of live.toml that must be equal.
const READS: Duration = Duration::from_secs(1);
/// For the run to answer, and for a caller to say what it wants.
const PATIENCE: Duration = Duration::from_secs(5);
/// A request is far shorter.
const MOST: u64 = 64 << 10;
/// The files, by name.
pub const PAUSE: &str = "PAUSE";
/// A latch: nothing starts while it is there.
pub const KILL: &str = "KILL";

/// What was heard.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum What {
    /// A verb; of `flatten`: the venue of the one leg.
    Say(Verb, Option<String>),
    /// What a difference at a venue comes to.
    Settle(Settling, Option<String>),
    /// The file PAUSE is gone.
    Unpause,
    /// What `on_stop` says.
    Stop,
    /// What is in force.
    Status,
    /// live.toml reads like this now, twice a second apart.
    Live(String),
}

/// What was heard, from whom, and where an answer is awaited.
#[derive(Debug)]
pub struct Heard {
    /// What.
    pub what: What,
    /// From whom.
    pub who: String,
    /// Why; empty: not said.
    pub reason: String,
    /// Somebody waits for it.
    pub answer: Option<oneshot::Sender<Answer>>,
}

/// The thread, and what it has heard.
pub struct Ears {
    heard: Receiver<Heard>,
    /// For others who hear: a page.
    says: Sender<Heard>,
    end: watch::Sender<bool>,
    thread: Option<JoinHandle<()>>,
    socket: Option<PathBuf>,
}

impl Ears {
    /// Listens for the run in this folder, whose LOCK this process has. `stop` is set when a stop is asked for, for what cannot look
    /// here.
    ///
    /// # Errors
    /// No thread, no signals, or a socket that cannot be made.
    pub fn open(run: &Path, stop: Arc<AtomicBool>) -> io::Result<Ears> {
        let runtime = Builder::new_current_thread().enable_all().build()?;
        let (says, heard) = channel();
        let (end, ended) = watch::channel(false);
        let socket = socket::path(run, socket::runtime().as_deref());
        let listener = {
            let _inside = runtime.enter();
            socket.as_deref().map(listen).transpose()?
        };
        if listener.is_none() {
            say(&format!(
                "warning: {}: no socket for `perpx-live ctl`: the path is too long, and XDG_RUNTIME_DIR is not set; files and signals are heard",
                run.display()
            ));
        }
        let signals = {
            let _inside = runtime.enter();
            Signals::open()?
        };
        let (run, out) = (run.to_path_buf(), says.clone());
        let thread = std::thread::Builder::new().name("ears".to_owned()).spawn(move || {
            runtime.block_on(async move {
                let socket = async {
                    match listener {
                        Some(listener) => serve(listener, &run, &out).await,
                        None => std::future::pending().await,
                    }
                };
                let mut ended = ended;
                tokio::select! {
                    () = signals.hear(&out, &run, &stop) => {}
                    () = files(&run, &out) => {}
                    () = live(&run, &out) => {}
                    () = socket => {}
                    _ = ended.changed() => {}
                }
            });
        })?;
        Ok(Ears { heard, says, end, thread: Some(thread), socket })
    }

    /// What was heard since the last look.
    pub fn heard(&self) -> Option<Heard> {
        self.heard.try_recv().ok()
    }

    /// For another who hears.
    pub fn says(&self) -> Sender<Heard> {
        self.says.clone()
    }
}

impl Drop for Ears {
    fn drop(&mut self) {
        // a thread that has ended hears nothing
        let _ = self.end.send(true);
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
        if let Some(socket) = &self.socket {
            let _ = fs::remove_file(socket);
        }
    }
}

/// To whoever reads it; a closed window ends nothing.
pub fn say(text: &str) {
    use std::io::Write;
    let _ = writeln!(io::stderr(), "{text}");
}

/// A socket that only we can use; whoever left one here is gone, since the folder's LOCK is ours.
fn listen(path: &Path) -> io::Result<UnixListener> {
    gone(path)?;
    let listener = UnixListener::bind(path)?;
    fs::set_permissions(path, fs::Permissions::from_mode(0o600))?;
    Ok(listener)
}

fn pass_on(out: &Sender<Heard>, what: What, who: &str, reason: &str) {
    // a run that has ended hears nothing
    let _ = out.send(Heard { what, who: who.to_owned(), reason: reason.to_owned(), answer: None });
}

/// The signals that say something.
struct Signals {
    stops: [(tokio::signal::unix::Signal, &'static str); 2],
    pause: tokio::signal::unix::Signal,
    flatten: tokio::signal::unix::Signal,
    hang_up: tokio::signal::unix::Signal,
}

impl Signals {
    fn open() -> io::Result<Signals> {
        Ok(Signals {
            stops: [(signal(SignalKind::terminate())?, "SIGTERM"), (signal(SignalKind::interrupt())?, "SIGINT")],
            pause: signal(SignalKind::user_defined1())?,
            flatten: signal(SignalKind::user_defined2())?,
            hang_up: signal(SignalKind::hangup())?,
        })
    }

    async fn hear(mut self, out: &Sender<Heard>, run: &Path, stop: &AtomicBool) {
        let [(term, by_term), (int, by_int)] = &mut self.stops;
        let has_terminal = fs::File::open("/dev/tty").is_ok();
        let mut is_warned = false;
        loop {
            let who = tokio::select! {
                _ = term.recv() => *by_term,
                _ = int.recv() => *by_int,
                _ = self.pause.recv() => {
                    pass_on(out, What::Say(Verb::Pause, None), "SIGUSR1", "");
                    continue;
                }
                _ = self.flatten.recv() => {
                    pass_on(out, What::Say(Verb::Flatten, None), "SIGUSR2", "");
                    continue;
                }
                _ = self.hang_up.recv() => {
                    if !has_terminal {
                        let (run, out) = (run.to_path_buf(), out.clone());
                        tokio::spawn(async move { reread(&run, &out, "SIGHUP", None).await });
                    } else if !std::mem::replace(&mut is_warned, true) {
                        say("SIGHUP: a window was closed; the run goes on. `perpx-live ctl RUN park` ends it, `ctl RUN reload` reads live.toml again");
                    }
                    continue;
                }
            };
            stop.store(true, Ordering::Relaxed);
            pass_on(out, What::Stop, who, "");
        }
    }
}

/// PAUSE and KILL, as they come and PAUSE as it goes.
async fn files(run: &Path, out: &Sender<Heard>) {
    // one that is taken away and comes again between two looks is another one
    let (mut was, mut look) = ([None; 2], interval(LOOK));
    loop {
        look.tick().await;
        for (n, (name, verb)) in [(PAUSE, Verb::Pause), (KILL, Verb::Kill)].into_iter().enumerate() {
            let is = fs::metadata(run.join(name)).and_then(|file| file.modified()).ok();
            if is == std::mem::replace(&mut was[n], is) {
                continue;
            }
            let who = file(name);
            match is.is_some() {
                true => pass_on(out, What::Say(verb, None), &who, &words(&run.join(name))),
                false if verb == Verb::Pause => pass_on(out, What::Unpause, &who, ""),
                false => {}
            }
        }
    }
}

/// Takes one of the files away; one that is not there is away.
pub fn gone(path: &Path) -> io::Result<()> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

/// As the files are named where they say something.
pub fn file(name: &str) -> String {
    format!("the file {name}")
}

/// What stands in a file, in one line.
fn words(path: &Path) -> String {
    let text = fs::read_to_string(path).unwrap_or_default();
    text.lines().next().unwrap_or_default().chars().filter(|c| !c.is_control()).take(200).collect()
}

/// live.toml, whenever it reads otherwise and keeps doing so.
async fn live(run: &Path, out: &Sender<Heard>) {
    let (path, mut look) = (run.join("live.toml"), interval(READS));
    let mut told_last = fs::read(&path).ok();
    let (mut before, mut misses) = (told_last.clone(), 0);
    loop {
        look.tick().await;
        // a file that is being replaced is looked at again
        let now = match fs::read(&path) {
            Ok(now) => now,
            Err(error) => {
                misses += 1;
                if misses == 2 {
                    say(&format!(
                        "{}: {error}; what was read before stays, and no start goes on without it",
                        path.display()
                    ));
                }
                continue;
            }
        };
        misses = 0;
        let is_steady = before.as_ref() == Some(&now);
        before = Some(now.clone());
        if is_steady && told_last.as_ref() != Some(&now) {
            pass_on(out, What::Live(String::from_utf8_lossy(&now).into_owned()), "live.toml", "");
            told_last = Some(now);
        }
    }
}

/// live.toml as two reads a second apart have it; said again until they agree.
async fn reread(run: &Path, out: &Sender<Heard>, who: &str, answer: Option<oneshot::Sender<Answer>>) {
    let path = run.join("live.toml");
    for _ in 0..3 {
        let first = fs::read(&path);
        sleep(READS).await;
        if let (Ok(first), Ok(second)) = (first, fs::read(&path))
            && first == second
        {
            let what = What::Live(String::from_utf8_lossy(&second).into_owned());
            let _ = out.send(Heard { what, who: who.to_owned(), reason: String::new(), answer });
            return;
        }
    }
    if let Some(answer) = answer {
        let _ = answer.send(Answer::no("live.toml cannot be read, or changes all the time; nothing was changed"));
    }
}

/// Whoever connects and is this user.
async fn serve(listener: UnixListener, run: &Path, out: &Sender<Heard>) {
    loop {
        // a connection that is gone before it is taken says nothing
        let Ok((stream, _)) = listener.accept().await else { continue };
        let (run, out) = (run.to_path_buf(), out.clone());
        tokio::spawn(async move {
            // whoever asked does not wait for it any more
            let _ = timeout(PATIENCE * 2, converse(stream, &run, &out)).await;
        });
    }
}

async fn converse(mut stream: UnixStream, run: &Path, out: &Sender<Heard>) -> io::Result<()> {
    let uid = stream.peer_cred()?.uid();
    let (read, mut write) = stream.split();
    let mut line = String::new();
    BufReader::new(read.take(MOST)).read_line(&mut line).await?;
    let answer = match serde_json::from_str::<Request>(&line) {
        _ if uid != rustix::process::getuid().as_raw() => {
            Answer::no(format!("uid {uid} is not the one that runs this"))
        }
        Err(error) => Answer::no(format!("that is no request: {error}")),
        Ok(request) => {
            let (who, (send, answer)) = (format!("ctl by uid {uid}"), oneshot::channel());
            let heard = |what| Heard { what, who: who.clone(), reason: request.reason.clone(), answer: None };
            match request.ask {
                Question::Reload => reread(run, out, &who, Some(send)).await,
                ask => {
                    let what = match ask {
                        Question::Say(verb) => What::Say(verb, request.leg.clone()),
                        Question::Settle(settling) => What::Settle(settling, request.leg.clone()),
                        _ => What::Status,
                    };
                    let _ = out.send(Heard { answer: Some(send), ..heard(what) });
                }
            }
            match timeout(PATIENCE, answer).await {
                Ok(Ok(answer)) => answer,
                _ => Answer::no("the run does not answer: it is just beginning, or just ending"),
            }
        }
    };
    let text = serde_json::to_string(&answer)?;
    write.write_all(format!("{text}\n").as_bytes()).await
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Instant;

    fn next(ears: &Ears, within: Duration) -> Option<Heard> {
        let began = Instant::now();
        while began.elapsed() < within {
            if let Some(heard) = ears.heard() {
                return Some(heard);
            }
            std::thread::sleep(Duration::from_millis(5));
        }
        None
    }

    /// Files within 100 ms and some, live.toml after two equal reads, the socket; a stale socket is replaced, and gone at the end.
    #[test]
    fn what_is_said_in_the_folder_is_heard() {
        let dir = tempfile::tempdir().expect("a folder");
        let run = dir.path();
        fs::write(run.join("live.toml"), "a = 1\n").expect("writes");
        fs::write(run.join("ctl.sock"), "").expect("writes");
        let ears = Ears::open(run, Arc::new(AtomicBool::new(false))).expect("a thread");
        let mode = fs::metadata(run.join("ctl.sock")).expect("a socket").permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
        fs::write(run.join(PAUSE), "lunch\nmore").expect("writes");
        let heard = next(&ears, Duration::from_secs(2)).expect("the file");
        assert_eq!(
            (heard.what, heard.who, heard.reason.as_str()),
            (What::Say(Verb::Pause, None), file(PAUSE), "lunch")
        );
        fs::remove_file(run.join(PAUSE)).expect("removes");
        assert_eq!(next(&ears, Duration::from_secs(2)).expect("its end").what, What::Unpause);
        fs::write(run.join("live.toml"), "a = 2\n").expect("writes");
        let heard = next(&ears, Duration::from_secs(5)).expect("the file");
        assert_eq!(heard.what, What::Live("a = 2\n".to_owned()));
        let asked = run.to_path_buf();
        let asker = std::thread::spawn(move || {
            let ask = |ask| {
                let request = Request { ask, reason: "why".to_owned(), leg: Some("grvt".to_owned()) };
                socket::ask(&asked, &request).expect("an answer")
            };
            (ask(Question::Say(Verb::Flatten)), ask(Question::Reload))
        });
        for want in [What::Say(Verb::Flatten, Some("grvt".to_owned())), What::Live("a = 2\n".to_owned())] {
            let heard = next(&ears, Duration::from_secs(5)).expect("a question");
            assert_eq!(heard.what, want);
            heard.answer.expect("somebody waits").send(Answer::done("well")).expect("he does");
        }
        let said = Some(Answer::done("well"));
        assert_eq!(asker.join().expect("asks"), (said.clone(), said));
        drop(ears);
        assert!(!run.join("ctl.sock").exists());
        let request = Request { ask: Question::Status, reason: String::new(), leg: None };
        assert_eq!(socket::ask(run, &request).expect("nobody"), None);
    }
}
