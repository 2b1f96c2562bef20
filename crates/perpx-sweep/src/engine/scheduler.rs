//! Workers over the configurations of a chunk: each takes the next block of them, dearest first, until none is left. Which
//! worker moves which is decided by chance; the results do not depend on it.

use crate::options::DriverChoice;
use perpx_core::replay::DriverSlot;
use std::ops::AddAssign;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// Configurations of a block at most.
const BLOCK: usize = 64;
/// Blocks for each worker at least, if there are so many configurations.
const BLOCKS_PER_WORKER: usize = 16;

/// How the workers spent their time, all of them together.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct WorkerTime {
    pub busy: Duration,
    /// Idle at the ends of tiles, while others were still busy.
    pub tail: Duration,
    /// Idle because the next tile was not ready.
    pub waited: Duration,
}

impl WorkerTime {
    pub fn all(&self) -> Duration {
        self.busy + self.tail + self.waited
    }
}

impl AddAssign for WorkerTime {
    fn add_assign(&mut self, other: WorkerTime) {
        self.busy += other.busy;
        self.tail += other.tail;
        self.waited += other.waited;
    }
}

/// The threads of the present pool, with what they keep from tile to tile.
pub struct Scheduler {
    /// One a thread, so that its buffers are made once.
    slots: Vec<Mutex<DriverSlot>>,
    /// What each block took in the tile before, ns.
    costs: Vec<u64>,
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Scheduler {
    pub fn new(driver: DriverChoice) -> Scheduler {
        let slots = (0..rayon::current_num_threads()).map(|_| Mutex::new(driver.slot())).collect();
        Scheduler { slots, costs: Vec::new() }
    }

    /// Calls `work` for each of `units`, and `once` a single time beside them; from `stop` on for no further one.
    pub fn work<U: Send>(
        &mut self,
        units: &mut [U],
        once: impl FnOnce() + Send,
        work: impl Fn(&mut DriverSlot, &mut U) + Sync,
        stop: &AtomicBool,
    ) -> WorkerTime {
        let size = (units.len() / (self.slots.len() * BLOCKS_PER_WORKER)).clamp(1, BLOCK);
        let blocks: Vec<Mutex<&mut [U]>> = units.chunks_mut(size).map(Mutex::new).collect();
        self.costs.resize(blocks.len(), 0);
        let mut order: Vec<usize> = (0..blocks.len()).collect();
        order.sort_by_key(|&block| std::cmp::Reverse(self.costs[block]));
        let (next, once) = (AtomicUsize::new(0), Mutex::new(Some(once)));
        let spent: Vec<AtomicU64> = blocks.iter().map(|_| AtomicU64::new(0)).collect();
        let began = Instant::now();
        let ends = rayon::broadcast(|worker| {
            let once = lock(&once).take();
            if let Some(once) = once {
                once();
            }
            let mut slot = lock(&self.slots[worker.index()]);
            while let Some(&block) = order.get(next.fetch_add(1, Ordering::Relaxed)) {
                let began = Instant::now();
                for unit in lock(&blocks[block]).iter_mut() {
                    if stop.load(Ordering::Relaxed) {
                        return began.elapsed();
                    }
                    work(&mut slot, unit);
                }
                spent[block].store(began.elapsed().as_nanos() as u64, Ordering::Relaxed);
            }
            began.elapsed()
        });
        self.costs = spent.into_iter().map(AtomicU64::into_inner).collect();
        let last = ends.iter().max().copied().unwrap_or_default();
        let tail = ends.iter().map(|&end| last - end).sum();
        WorkerTime { busy: ends.iter().sum(), tail, waited: Duration::ZERO }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_unit_is_worked_once_whatever_it_costs() {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(3).build().expect("a pool");
        pool.install(|| {
            let mut scheduler = Scheduler::new(DriverChoice::Scan);
            let mut asides = 0;
            for len in [0, 1, 5, 64, 1_000, 7_000] {
                let mut units: Vec<u64> = (0..len).collect();
                for _ in 0..2 {
                    let stop = AtomicBool::new(false);
                    let worker_time = scheduler.work(&mut units, || asides += 1, |_, unit| *unit += 10_000, &stop);
                    assert_eq!(worker_time.waited, Duration::ZERO);
                }
                assert!(units.iter().enumerate().all(|(i, &unit)| unit == 20_000 + i as u64));
            }
            assert_eq!(asides, 12);
        });
    }
}
