//! Venues played in threads of this program, for one that trades there over sockets.

use crate::emulate::serve::{Emulated, Server};
use crate::emulate::{EmulateError, FaultPlan};
use crate::wall::SystemClock;
use perpx_core::units::Time;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;

/// Servers that run until they are ended.
pub struct RunningVenues {
    faults: FaultPlan,
    wall: Time,
    stop: Arc<AtomicBool>,
    threads: Vec<JoinHandle<Result<(), EmulateError>>>,
}

impl RunningVenues {
    /// The times of `faults` count from `wall`.
    pub fn new(faults: FaultPlan, wall: Time) -> RunningVenues {
        RunningVenues { faults, wall, stop: Arc::default(), threads: Vec::new() }
    }

    /// Starts `venue` on free ports of the loopback; the port of each host.
    pub fn start(&mut self, venue: Box<dyn Emulated>) -> Result<Vec<u16>, EmulateError> {
        let server = Server::bind(0, venue, self.stop.clone(), Arc::new(SystemClock), (&self.faults, self.wall))?;
        let ports = server.ports();
        self.threads.push(std::thread::spawn(move || server.run()));
        Ok(ports)
    }

    /// Ends all; what ended one before.
    pub fn end(self) -> Result<(), EmulateError> {
        self.stop.store(true, Ordering::Relaxed);
        for thread in self.threads {
            thread.join().unwrap_or(Ok(()))?;
        }
        Ok(())
    }
}
