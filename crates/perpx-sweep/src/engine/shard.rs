//! Configurations of a chunk that are moved together: those of one world, parted among the threads.

use crate::engine::chunk::WorkUnit;
use perpx_core::replay::{Drive, Job, Share, Shared};
use perpx_core::stats::{AtomPlan, NoRecord};
use perpx_core::trader::Composite;
use perpx_data::backtest::Spans;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

/// Some configurations in one world.
pub struct Shard {
    /// Places of their units.
    places: Vec<usize>,
    share: Share,
}

/// What there is to do in a tile.
pub enum TileWork<'u> {
    /// One configuration.
    Alone(&'u mut WorkUnit),
    /// Configurations that stand alike while they do.
    Together(&'u mut Share, Vec<&'u mut WorkUnit>),
}

impl Shard {
    /// Those of `units` that may be moved together, in parts for so many threads.
    pub fn of(units: &[WorkUnit], threads: usize) -> Vec<Shard> {
        let mut worlds: BTreeMap<(u32, usize), Vec<usize>> = BTreeMap::new();
        for (place, unit) in units.iter().enumerate() {
            if Share::takes(&unit.bound.job(Default::default())) {
                let world = Arc::as_ptr(&unit.bound.plan.world) as usize;
                worlds.entry((unit.world, world)).or_default().push(place);
            }
        }
        let parts = threads.div_ceil(worlds.len().max(1));
        let mut shards = Vec::new();
        for mut places in worlds.into_values() {
            // neighbours of a grid share most
            places.sort_by_key(|&place| units[place].point);
            for places in places.chunks(places.len().div_ceil(parts)) {
                let share = Share::new(places.iter().map(|&place| &units[place].bound.plan));
                shards.push(Shard { places: places.to_vec(), share });
            }
        }
        shards
    }

    /// The work of a tile on `units`, of which those that are ahead have done it.
    pub fn work<'u>(shards: &'u mut [Shard], units: &'u mut [WorkUnit]) -> Vec<TileWork<'u>> {
        let mut all: Vec<Option<&mut WorkUnit>> = units.iter_mut().map(Some).collect();
        let mut work = Vec::new();
        for shard in shards {
            let is_fresh = |place: &usize| all[*place].as_ref().is_some_and(|unit| !unit.is_ahead());
            if shard.places.len() > 1 && shard.places.iter().all(is_fresh) && shard.share.is_due() {
                let units = shard.places.iter().filter_map(|&place| all[place].take()).collect();
                work.push(TileWork::Together(&mut shard.share, units));
            }
        }
        work.extend(all.into_iter().flatten().map(TileWork::Alone));
        work
    }
}

/// Moves the units through the tile, all of them or none.
pub fn pass_together(
    share: &mut Share,
    units: &mut [&mut WorkUnit],
    (spans, trial): (&Spans, Option<AtomPlan>),
    shared: Shared<'_>,
    stop: &AtomicBool,
) {
    let tile = shared.0;
    while let Some(span) = spans.run(units[0].runs_ended()) {
        if tile.end <= span.0 {
            break;
        }
        let (mut runs, mut jobs): (Vec<_>, Vec<Job<'_, Composite>>) = (Vec::new(), Vec::new());
        for unit in units.iter_mut() {
            let (run, job) = unit.run(span, trial.filter(|_| unit.world == 0));
            runs.push(run);
            jobs.push(job);
        }
        if !share.run_tile(&mut runs, &jobs, shared, stop) {
            return;
        }
        if tile.end < span.1 {
            break;
        }
        units.iter_mut().for_each(|unit| unit.end_run(span, &Drive::UNRECORDED, shared, &mut NoRecord));
    }
    units.iter_mut().for_each(|unit| unit.go_ahead());
}
