//! The process as a service: what the service manager is told, and what nobody may take out of its memory.

use rustix::process::{DumpableBehavior, Resource, Rlimit, set_dumpable_behavior, setrlimit};
use std::os::linux::net::SocketAddrExt;
use std::os::unix::net::{SocketAddr, UnixDatagram};
use std::time::{Duration, Instant};

/// No core file, and no other process of the user reads its memory or its environment: keys are in both.
pub fn keep_memory() {
    let no_core = setrlimit(Resource::Core, Rlimit { current: Some(0), maximum: Some(0) });
    let not_dumped = set_dumpable_behavior(DumpableBehavior::NotDumpable);
    if no_core.and(not_dumped).is_err() {
        eprintln!(
            "warning: the system does not keep core files of this process off the disk: they would hold its keys"
        );
    }
}

/// Whoever waits for signs of life, as systemd does (`NOTIFY_SOCKET`, `WATCHDOG_USEC`).
pub struct Manager {
    socket: UnixDatagram,
    at: SocketAddr,
    /// Between two signs of life; `None`: nobody waits for them.
    every: Option<Duration>,
    last: Option<Instant>,
}

impl Manager {
    /// The one that started this process, if there is one.
    pub fn of_environment() -> Option<Manager> {
        let name = std::env::var("NOTIFY_SOCKET").ok()?;
        let usec = std::env::var("WATCHDOG_USEC").ok().and_then(|usec| usec.parse().ok());
        Manager::at(&name, usec)
    }

    fn at(name: &str, usec: Option<u64>) -> Option<Manager> {
        let at = match name.strip_prefix('@') {
            Some(name) => SocketAddr::from_abstract_name(name).ok()?,
            None => SocketAddr::from_pathname(name).ok()?,
        };
        // half of what it waits for
        let every = usec.map(|usec| Duration::from_micros(usec / 2));
        Some(Manager { socket: UnixDatagram::unbound().ok()?, at, every, last: None })
    }

    /// Tells it something.
    pub fn say(&self, words: &str) {
        // one that has gone hears nothing
        let _ = self.socket.send_to_addr(words.as_bytes(), &self.at);
    }

    /// The engine lives.
    pub fn beat(&mut self) {
        let Some(every) = self.every else { return };
        if self.last.is_none_or(|last| last.elapsed() >= every) {
            self.last = Some(Instant::now());
            self.say("WATCHDOG=1");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn signs_of_life_come_in_half_the_time() {
        let dir = tempfile::tempdir().expect("a folder");
        let path = dir.path().join("notify");
        let heard = UnixDatagram::bind(&path).expect("a socket");
        heard.set_nonblocking(true).expect("a socket");
        let mut manager = Manager::at(path.to_str().expect("text"), Some(100_000)).expect("a manager");
        manager.say("READY=1");
        let (began, mut beats) = (Instant::now(), 0);
        while began.elapsed() < Duration::from_millis(480) {
            manager.beat();
            beats += 1;
            std::thread::sleep(Duration::from_millis(1));
        }
        let mut said = Vec::new();
        let mut bytes = [0; 64];
        while let Ok(n) = heard.recv(&mut bytes) {
            said.push(String::from_utf8_lossy(&bytes[..n]).into_owned());
        }
        assert_eq!(said[0], "READY=1");
        let lives = said[1..].iter().filter(|word| *word == "WATCHDOG=1").count();
        assert!(lives == said.len() - 1 && (4..=10).contains(&lives), "{lives} of {beats} beats");
        assert!(Manager::at("@perpx-nobody-listens", None).is_some_and(|mut manager| {
            manager.beat();
            manager.every.is_none()
        }));
    }
}
