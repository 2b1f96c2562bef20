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
