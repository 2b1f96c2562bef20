//! Venues played in threads of this program, for one that trades there over sockets.

use crate::emulate::serve::{Emulated, Server};
use crate::emulate::{EmulateError, FaultPlan, Stage, Tls};
use crate::wall::SystemClock;
use perpx_core::units::Time;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::thread::JoinHandle;

/// Servers that run until they are ended.
pub struct RunningVenues {
    stage: Arc<Stage>,
    threads: Vec<JoinHandle<Result<(), EmulateError>>>,
}

impl RunningVenues {
    /// The times of `faults` count from `wall`.
    pub fn new(faults: FaultPlan, wall: Time) -> RunningVenues {
        let mut stage = Stage::new(Arc::default(), Arc::new(SystemClock));
        (stage.faults, stage.begin) = (faults, wall);
        RunningVenues::on(stage)
    }

    /// On a stage of the caller's: over TLS, by another clock.
    pub fn on(stage: Stage) -> RunningVenues {
        RunningVenues { stage: Arc::new(stage), threads: Vec::new() }
    }

    /// How they speak TLS; `None`: in plain text.
    pub fn tls(&self) -> Option<&Tls> {
        self.stage.tls.as_ref()
    }

    /// Starts `venue` on free ports of the loopback; the port of each host.
    pub fn start(&mut self, venue: Box<dyn Emulated>) -> Result<Vec<u16>, EmulateError> {
        let server = Server::bind(0, venue, self.stage.clone())?;
        let ports = server.ports();
        self.threads.push(std::thread::spawn(move || server.run()));
        Ok(ports)
    }

    /// Ends all; what ended one before.
    pub fn end(self) -> Result<(), EmulateError> {
        self.stage.stop.store(true, Ordering::Relaxed);
        for thread in self.threads {
            thread.join().unwrap_or(Ok(()))?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::client::Host;
    use crate::emulate::Witness;
    use crate::emulate::tests::Talkative;
    use crate::net::dial::Dialer;
    use crate::net::hosts::{Address, Hosts};
    use std::path::Path;
    use tokio::io::{AsyncReadExt, AsyncWriteExt};

    /// What the emulator says of itself, to a client of ours that trusts the authority in a file.
    async fn asked(port: u16, authority: &Path) -> std::io::Result<String> {
        let address = Address::read(&format!("https://localhost:{port}"), true, None).expect("a host");
        let dialer = Dialer::new(&Hosts::from([(Host::Main, address.clone())]), Some(authority), None).expect("roots");
        let mut stream = dialer.dial(&address).await?;
        stream.write_all(b"GET /emulator HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n").await?;
        let mut answer = Vec::new();
        // whether TLS says goodbye is not asked here
        let _ = stream.read_to_end(&mut answer).await;
        Ok(String::from_utf8_lossy(&answer).into_owned())
    }

    /// Two programs' venues: each is trusted by its own authority alone; their witnesses end with them.
    #[tokio::test]
    async fn venues_in_threads_speak_tls() {
        let dir = tempfile::tempdir().expect("a folder");
        let mut started = Vec::new();
        for name in ["one", "two"] {
            let mut stage = Stage::new(Arc::default(), Arc::new(SystemClock));
            let authority = dir.path().join(name).with_extension("pem");
            stage.tls = Some(Tls::throw_away().expect("keys"));
            stage.witness = Some(Witness::create(&dir.path().join(name)).expect("a file"));
            let mut running = RunningVenues::on(stage);
            running.tls().expect("TLS").write(&authority).expect("it is written");
            let ports = running.start(Box::new(Talkative)).expect("it starts");
            started.push((running, ports[0], authority));
        }
        let [(one, port, authority), (two, _, foreign)] = <[_; 2]>::try_from(started).map_err(drop).expect("two");
        let answer = asked(port, &authority).await.expect("it is trusted");
        assert!(answer.contains(&format!("\"api\":{port}")) && answer.contains("\"tls\":true"), "{answer}");
        let refused = asked(port, &foreign).await.expect_err("it is not").to_string();
        assert!(refused.contains("invalid peer certificate"), "{refused}");
        for running in [one, two] {
            running.end().expect("it served");
        }
        assert!(dir.path().join("one").exists());
    }
}
