//! Many runs of one tile at the price of their different moments: runs that stand alike are moved as one machine until they part.
//!
//! A *bundle* is a machine and the runs that it stands for. Its runs differ in what they have summed up and in their plans. While the
//! machine is of one [`Class`], it asks a part of the keys alone; so a bundle is parted by those keys, and each part lives on by a plan in
//! which every other key is odd. From rest, each part finds its own next moment and takes the first step there. Parts that stand alike
//! after it, to the byte, are one bundle again: what each has summed up since it was one is kept beside its runs, and booked at the tile's
//! end. Bundles are taken in the order of time, so whoever comes to a moment is there before anybody goes on from it.
//!
//! What a run has summed up decides nothing but for balances, limits on losses and windows of requests. Of these a bundle has the tightest
//! of its runs: where that refuses nothing, none would have. Where it does, the step is taken back, and each run takes it alone.

mod stretch;

use super::driver_slot::Shared;
use super::{Index, Job, Leap, Pass, RowsSeen, Seek, leap};
use crate::config::{Sizing, Strategy};
use crate::port::Trader;
use crate::signals::TileSignals;
use crate::stats::{Atoms, NoRecord};
use crate::strategy::Plan;
use crate::tape::Tile;
use crate::trader::{Class, Composite};
use crate::units::{Rate, Time};
use crate::watch::{Level, Series};
use std::cmp::Reverse;
use std::collections::{BTreeMap, BinaryHeap};
use std::sync::atomic::{AtomicBool, Ordering};
use stretch::{Begun, Room, Run, Sums};

/// Runs that stand alike, as one machine.
struct Bundle {
    machine: Box<Run>,
    /// The last tick.
    row: usize,
    /// Places of the runs.
    runs: Vec<u32>,
    /// Where the machine's sums began; `None`: it is the one run whole.
    begun: Option<Begun>,
    /// Its room is that of several runs.
    is_tightest: bool,
}

/// A bundle that was woken, its sums taken out and put beside its runs.
struct Bare {
    machine: Box<Run>,
    row: usize,
    runs: Vec<u32>,
    room: Room,
    is_tightest: bool,
}

/// How a bundle has come to a stop.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stop {
    /// It was at rest, and something was sent.
    Woken,
    /// It is of another class.
    Parted,
    /// The tile has ended.
    End,
}

/// What was shared, for a report; it depends on how runs are spread over threads.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct SharedCounts {
    /// Bundles that were looked at for others that stand alike.
    pub looked: u64,
    /// Of them: those that were one with another.
    pub joined: u64,
    /// Stretches that machines have lived.
    pub lived: u64,
    /// Stretches that runs have lived, each counted for itself.
    pub of_runs: u64,
    /// Steps that were taken back because a run's balance, limit or window might have refused something.
    pub taken_back: u64,
    /// Tiles in which, or in a part of which, each run was moved by itself because too little was shared.
    pub given_up: u64,
}

/// Stretches that are lived before it is judged whether sharing pays.
const TRIAL: u64 = 512;
/// Sharing pays where a machine's stretch stands for so many of a run: less does not make up for what it costs.
const LEAST: u64 = 2;
/// Tiles that are not tried after so little was shared, at most.
const LONGEST_BREAK: u32 = 16;

/// The runs of one world over one range that are moved together, and what their plans have in common.
pub struct Share {
    /// By class, then by run: the number of what the class asks of its plan.
    numbers: [Vec<u32>; Class::ALL.len()],
    /// By class, then by that number.
    plans: [Vec<Plan>; Class::ALL.len()],
    /// As numbers of [`Class::Idle`], before votes that no row of a tile gives are left out.
    gates: Vec<u32>,
    /// Of these: what they are without their edge votes, by number, and the levels of those.
    edges: Vec<(u32, Vec<f64>)>,
    seek: Seek<Leap>,
    counts: SharedCounts,
    /// Tiles that are still not tried, and how many that were the last time.
    rest: (u32, u32),
    is_tireless: bool,
}

impl Share {
    /// Of runs with these plans.
    pub fn new<'p>(plans: impl Iterator<Item = &'p Plan> + Clone) -> Share {
        let mut share = Share {
            numbers: Default::default(),
            plans: Default::default(),
            gates: Vec::new(),
            edges: Vec::new(),
            seek: leap(),
            counts: SharedCounts::default(),
            rest: (0, 0),
            is_tireless: false,
        };
        for class in Class::ALL {
            let (numbers, projected) = (&mut share.numbers[class as usize], &mut share.plans[class as usize]);
            let mut known: BTreeMap<String, u32> = BTreeMap::new();
            for plan in plans.clone() {
                let plan = class.projected(plan);
                let text = format!("{:?} {:?} {:?} {:?}", plan.strategy, plan.gates, plan.band, plan.cost);
                let number = *known.entry(text).or_insert_with(|| {
                    projected.push(plan);
                    projected.len() as u32 - 1
                });
                numbers.push(number);
            }
        }
        share.gates = share.numbers[Class::Idle as usize].clone();
        let mut known: BTreeMap<String, u32> = BTreeMap::new();
        let one = |plan: &Plan| {
            let (rest, levels) = without_edge(plan);
            let next = known.len() as u32;
            (*known.entry(rest).or_insert(next), levels)
        };
        share.edges = share.plans[Class::Idle as usize].iter().map(one).collect();
        share
    }

    /// In S0 the edge vote asks `g` too; where no row of the tile gives it, plans are alike that differ in nothing else.
    fn leave_out_edge(&mut self, signals: &TileSignals) {
        let most = signals.edge.iter().fold(f64::NEG_INFINITY, |most, &edge| most.max(edge));
        let mut known: BTreeMap<(u32, Vec<u64>), u32> = BTreeMap::new();
        let one = |(number, (rest, levels)): (usize, &(u32, Vec<f64>))| {
            let asked = levels.iter().map(|&level| if level > most { u64::MAX } else { level.to_bits() });
            *known.entry((*rest, asked.collect())).or_insert(number as u32)
        };
        let alike: Vec<u32> = self.edges.iter().enumerate().map(one).collect();
        let gates = self.gates.iter().map(|&gate| alike[gate as usize]);
        self.numbers[Class::Idle as usize] = gates.collect();
    }

    /// Runs of this job may be moved together: what they have summed up decides nothing that a bundle does not know.
    pub fn takes(job: &Job<'_, Composite>) -> bool {
        let has_quota = job.world.venues.iter().any(|venue| venue.quota.is_some());
        job.transfer.is_none() && job.isolated && !has_quota && job.plan.strategy.sizing == Sizing::Fixed
    }

    /// Goes on however little is shared: for tests.
    pub fn tireless(self) -> Share {
        Share { is_tireless: true, ..self }
    }

    /// What was shared so far.
    pub fn counts(&self) -> SharedCounts {
        self.counts
    }

    /// The next tile is worth trying: too little was shared in those before where it is not. To be asked once a tile.
    pub fn is_due(&mut self) -> bool {
        let is_due = self.rest.0 == 0;
        self.rest.0 = self.rest.0.saturating_sub(1);
        is_due
    }

    /// Moves all runs through what their jobs have of the tile: as a leap of each. The jobs are those of one world and range, in the order of
    /// the plans that it was made of; only their plans differ. False: `stop` was raised, and no run has been moved.
    pub fn run_tile(
        &mut self,
        runs: &mut [&mut Run],
        jobs: &[Job<'_, Composite>],
        shared: Shared<'_>,
        stop: &AtomicBool,
    ) -> bool {
        let (tile, signals, _) = shared;
        let Some(job) = jobs.first() else { return true };
        if tile.end <= job.from || tile.start >= job.to {
            return true;
        }
        self.leave_out_edge(signals);
        let mut pass = TilePass::new(self, runs.len(), jobs, shared);
        let Some(moved) = pass.run(runs, stop) else { return false };
        let is_given_up = pass.is_given_up;
        for (run, moved) in runs.iter_mut().zip(moved) {
            **run = moved;
        }
        self.counts.given_up += u64::from(is_given_up);
        let next = if is_given_up { (2 * self.rest.1).clamp(1, LONGEST_BREAK) } else { 0 };
        self.rest = (next, next);
        true
    }
}

/// A plan of [`Class::Idle`] without its edge votes, and the levels of those.
fn without_edge(plan: &Plan) -> (String, Vec<f64>) {
    let (mut gates, mut levels) = (plan.gates.clone(), Vec::new());
    for vote in gates.iter_mut().flat_map(|(_, gate)| &mut gate.votes) {
        if let (Series::Edge, Level::Real(level)) = (vote.series, &mut vote.level) {
            levels.push(std::mem::replace(level, 0.0));
        }
    }
    let mut thresholds = plan.strategy.thresholds.clone();
    // it is in the edge vote alone
    thresholds.min_target_return = Rate::ZERO;
    let strategy = Strategy { thresholds, ..plan.strategy.clone() };
    (format!("{strategy:?} {gates:?} {:?}", plan.cost), levels)
}

/// All runs on their way through one tile.
struct TilePass<'s, 'j> {
    share: &'s mut Share,
    /// By run: as it was when it was whole last.
    whole: Vec<Run>,
    jobs: &'j [Job<'j, Composite>],
    /// One of them, of which the plan is not asked.
    job: Job<'j, Composite>,
    tile: &'j Tile,
    signals: &'j TileSignals,
    index: Option<&'j Index>,
    /// By run: the stretches that it has lived since it was whole.
    lived: Vec<Vec<u32>>,
    sums: Vec<Sums>,
    /// To be moved on.
    moving: Vec<Bundle>,
    /// Woken from rest: by time, then by number.
    woken: BinaryHeap<Reverse<(Time, u32)>>,
    waiting: Vec<Option<Bundle>>,
    ended: Vec<Bundle>,
    /// Stretches lived in this tile, by machines and by runs.
    lived_here: [u64; 2],
    /// Too little is shared: each run is moved by itself to the end of the tile.
    is_given_up: bool,
}

impl<'s, 'j> TilePass<'s, 'j> {
    fn new(
        share: &'s mut Share,
        runs: usize,
        jobs: &'j [Job<'j, Composite>],
        (tile, signals, index): Shared<'j>,
    ) -> Self {
        let lived = vec![Vec::new(); runs];
        let (sums, moving, waiting, ended) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
        let woken = BinaryHeap::new();
        TilePass {
            share,
            whole: Vec::with_capacity(runs),
            jobs,
            job: jobs[0],
            tile,
            signals,
            index,
            lived,
            sums,
            moving,
            woken,
            waiting,
            ended,
            lived_here: [0; 2],
            is_given_up: false,
        }
    }

    /// All runs at the tile's end; `None`: `stop` was raised before.
    fn run(&mut self, runs: &[&mut Run], stop: &AtomicBool) -> Option<Vec<Run>> {
        for (place, run) in runs.iter().enumerate() {
            self.enter(place as u32, run);
        }
        loop {
            while let Some(bundle) = self.moving.pop() {
                if stop.load(Ordering::Relaxed) {
                    return None;
                }
                self.part(bundle);
            }
            if !self.join_next() {
                break;
            }
        }
        for bundle in std::mem::take(&mut self.ended) {
            self.dissolve(bundle);
        }
        Some(std::mem::take(&mut self.whole))
    }

    /// A run begins the tile. Those at rest are looked at for others that stand alike.
    fn enter(&mut self, place: u32, run: &Run) {
        let mut machine = Box::new(run.clone());
        self.whole.push(run.clone());
        let (shared, mut rec) = ((self.tile, self.signals, self.index), NoRecord);
        let mut pass = Pass::new(&mut *machine, &self.job, shared, &mut rec, RowsSeen::Needed);
        pass.begin();
        let row = pass.row;
        let start = self.tile.start.max(self.job.from);
        let is_quiet = pass.m.trader.is_quiet();
        if is_quiet {
            pass.m.now = pass.m.now.max(start);
            pass.catch_up(start);
            stretch::rest(pass.m);
        }
        let bundle = Bundle { machine, row, runs: vec![place], begun: None, is_tightest: false };
        match is_quiet {
            true => self.wait(bundle),
            false => self.moving.push(bundle),
        }
    }

    /// Others may come to stand as this bundle does.
    fn wait(&mut self, mut bundle: Bundle) {
        if !stretch::is_plain(&bundle.machine) {
            return self.moving.push(bundle);
        }
        stretch::cut(&mut bundle.machine, self.tile, bundle.row);
        bundle.machine.trader.forget(bundle.machine.now);
        self.woken.push(Reverse((bundle.machine.now, self.waiting.len() as u32)));
        self.waiting.push(Some(bundle));
    }

    /// The bundles of the earliest moment: those that stand alike are one from here on. False: none is left.
    fn join_next(&mut self) -> bool {
        let Some(&Reverse((now, _))) = self.woken.peek() else { return false };
        let mut found = Vec::new();
        while let Some(&Reverse((_, number))) = self.woken.peek().filter(|Reverse((at, _))| *at == now) {
            self.woken.pop();
            found.extend(self.waiting[number as usize].take());
        }
        self.share.counts.looked += found.len() as u64;
        if found.len() == 1 || self.is_given_up {
            self.moving.append(&mut found);
            return true;
        }
        // in the order of coming
        let (mut alike, mut order): (BTreeMap<u64, Vec<usize>>, Vec<Vec<Bare>>) = (BTreeMap::new(), Vec::new());
        for bundle in found {
            let bare = self.lay_down(bundle);
            let places = alike.entry(stretch::mark(&bare.machine)).or_default();
            match places.iter().find(|&&place| stretch::stand_alike(&order[place][0].machine, &bare.machine)) {
                Some(&place) => order[place].push(bare),
                None => {
                    places.push(order.len());
                    order.push(vec![bare]);
                }
            }
        }
        for same in order {
            self.share.counts.joined += if same.len() > 1 { same.len() as u64 } else { 0 };
            let one = join(same);
            self.moving.push(one);
        }
        true
    }

    /// What a bundle has summed up is put beside its runs.
    fn lay_down(&mut self, bundle: Bundle) -> Bare {
        let Bundle { mut machine, row, runs, begun, is_tightest } = bundle;
        if begun.is_none() {
            self.whole[runs[0] as usize].clone_from(&machine);
            machine.atoms = machine.atoms.map(|_| Box::new(Atoms::of_stretch()));
        }
        let (room, sums) = stretch::strip(&mut machine, begun.as_ref());
        if begun.is_some() {
            for run in &runs {
                self.lived[*run as usize].push(self.sums.len() as u32);
            }
            self.sums.push(sums);
        }
        Bare { machine, row, runs, room, is_tightest }
    }

    /// A bundle lives on in parts, one for each way in which the keys that its class asks are set.
    fn part(&mut self, bundle: Bundle) {
        if self.is_given_up {
            return self.give_up(bundle);
        }
        let class = bundle.machine.trader.class();
        let numbers = &self.share.numbers[class as usize];
        let Bundle { machine, row, mut runs, begun, is_tightest } = bundle;
        let first = numbers[runs[0] as usize];
        if runs.iter().all(|run| numbers[*run as usize] == first) {
            let before = is_tightest.then(|| machine.clone());
            return self.live(Bundle { machine, row, runs, begun, is_tightest }, class, before.as_deref());
        }
        runs.sort_unstable_by_key(|run| (numbers[*run as usize], *run));
        let parts: Vec<Vec<u32>> =
            runs.chunk_by(|a, b| numbers[*a as usize] == numbers[*b as usize]).map(<[u32]>::to_vec).collect();
        for runs in parts {
            let part = Bundle { machine: machine.clone(), row, runs, begun, is_tightest };
            self.live(part, class, Some(&machine));
        }
    }

    /// A part lives on to its next stop. `before`: as it stands, where its room is that of several runs.
    fn live(&mut self, mut bundle: Bundle, class: Class, before: Option<&Run>) {
        let number = self.share.numbers[class as usize][bundle.runs[0] as usize] as usize;
        let lived = [1, bundle.runs.len() as u64];
        self.share.counts.lived += lived[0];
        self.share.counts.of_runs += lived[1];
        self.lived_here.iter_mut().zip(lived).for_each(|(sum, lived)| *sum += lived);
        let [own, of_runs] = self.lived_here;
        self.is_given_up |= own >= TRIAL && of_runs < LEAST * own && !self.share.is_tireless;
        let plan = &self.share.plans[class as usize][number];
        let machine = &mut *bundle.machine;
        machine.trader.bind(plan, &machine.belief);
        let job = Job { plan, ..self.job };
        let (shared, mut rec) = ((self.tile, self.signals, self.index), NoRecord);
        let pass = Pass::new(machine, &job, shared, &mut rec, RowsSeen::Needed);
        let (stop, row) = move_on(&mut self.share.seek, pass.going_on(bundle.row), class);
        if let Some(before) = before.filter(|_| bundle.is_tightest)
            && stretch::was_short(&mut bundle.machine)
        {
            self.share.counts.taken_back += 1;
            return self.live_alone(Bundle { machine: Box::new(before.clone()), ..bundle }, class);
        }
        bundle.row = row;
        match stop {
            Stop::Woken => self.wait(bundle),
            Stop::Parted => self.moving.push(bundle),
            Stop::End => self.ended.push(bundle),
        }
    }

    /// Each run of a bundle goes to the end of the tile by itself.
    fn give_up(&mut self, bundle: Bundle) {
        let row = bundle.row;
        let runs = self.dissolve(bundle);
        for run in runs {
            let (machine, job) = (&mut self.whole[run as usize], &self.jobs[run as usize]);
            machine.trader.bind(job.plan, &machine.belief);
            let (shared, mut rec) = ((self.tile, self.signals, self.index), NoRecord);
            let mut pass = Pass::new(machine, job, shared, &mut rec, RowsSeen::Needed).going_on(row);
            while self.share.seek.next_call(&mut pass) {}
            pass.end();
        }
    }

    /// Each run of a bundle is whole again.
    fn dissolve(&mut self, bundle: Bundle) -> Vec<u32> {
        if bundle.begun.is_none() {
            self.whole[bundle.runs[0] as usize] = *bundle.machine;
            return bundle.runs;
        }
        let Bare { machine, runs, .. } = self.lay_down(bundle);
        runs.iter().for_each(|run| self.make_whole(*run, &machine));
        runs
    }

    /// Each run of a bundle lives on by itself.
    fn live_alone(&mut self, bundle: Bundle, class: Class) {
        let row = bundle.row;
        for run in self.dissolve(bundle) {
            let machine = Box::new(self.whole[run as usize].clone());
            self.live(Bundle { machine, row, runs: vec![run], begun: None, is_tightest: false }, class, None);
        }
    }

    /// A run with all that it has lived, standing as a machine without sums does.
    fn make_whole(&mut self, run: u32, machine: &Run) {
        let place = run as usize;
        for sums in std::mem::take(&mut self.lived[place]) {
            stretch::book(&mut self.whole[place], &self.sums[sums as usize]);
        }
        stretch::join(&mut self.whole[place], machine);
    }
}

/// Those that stand alike, as one.
fn join(mut same: Vec<Bare>) -> Bundle {
    let Bare { mut machine, row, mut runs, mut room, mut is_tightest } = same.swap_remove(0);
    for other in same {
        runs.extend(other.runs);
        room = room.tightest(other.room);
        is_tightest = true;
    }
    let begun = room.put(&mut machine);
    Bundle { machine, row, runs, begun: Some(begun), is_tightest }
}

/// To the next stop; the last tick there.
fn move_on(seek: &mut Seek<Leap>, mut pass: Pass<'_, '_, Composite, NoRecord>, class: Class) -> (Stop, usize) {
    loop {
        let is_quiet = pass.m.trader.is_quiet();
        if is_quiet {
            stretch::rest(pass.m);
        }
        if !seek.next_call(&mut pass) {
            pass.end();
            return (Stop::End, pass.row);
        }
        if is_quiet && !pass.is_silent() {
            return (Stop::Woken, pass.pause());
        }
        if pass.m.trader.class() != class {
            return (Stop::Parted, pass.pause());
        }
    }
}
