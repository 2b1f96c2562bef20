//! The returns of a run as integers, summed over fixed slices of calendar time (atoms): one row of a trial matrix.
//!
//! A return is the change of equity over one statistics interval, in units of 1e-12 of C0. Sums of its powers are integers
//! too, so they merge exactly, in any cut and any order; sums of floats do not.

use serde::{Deserialize, Serialize};

/// Units of a return that is the whole of C0.
const ONE: i128 = 1_000_000_000_000;
/// A return beyond 1,000 C0 counts as 1,000 C0, so that no sum overflows.
const LARGEST: i128 = 1_000 * ONE;
/// Atoms come in multiples of this, so that 8 and 12 blocks of them are equal; fewer are too short to judge by.
pub const ATOM_STEP: u32 = 24;

/// `change` of equity over C0 in units of 1e-12, rounded half to even. Both are in the same unit; `initial` is positive and
/// below 1e31.
pub fn return_units(change: i128, initial: i128) -> i64 {
    let million = 1_000_000;
    let (whole, rest) = (change.div_euclid(initial), change.rem_euclid(initial));
    if !(-LARGEST / ONE..LARGEST / ONE).contains(&whole) {
        return if whole < 0 { -LARGEST as i64 } else { LARGEST as i64 };
    }
    // 1e12 = a million twice, so that the remainder never overflows
    let (high, rest) = (rest * million / initial, rest * million % initial);
    let (low, rest) = (rest * million / initial, rest * million % initial);
    let units = whole * ONE + high * million + low;
    let is_odd = units.rem_euclid(2) == 1;
    let rounds_up = 2 * rest > initial || 2 * rest == initial && is_odd;
    (units + i128::from(rounds_up)) as i64
}

/// How the intervals of a range are parted into atoms: the first `intervals % atoms` of them are one interval longer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AtomPlan {
    /// Statistics intervals of the range.
    pub intervals: u32,
    /// How many atoms; a multiple of [`ATOM_STEP`].
    pub atoms: u32,
}

impl AtomPlan {
    /// Of `intervals` with an embargo of so many intervals, in a sweep of so many points; none where that is too short.
    pub fn new(intervals: u32, embargo: u32, points: u64) -> Option<AtomPlan> {
        let most = if points > 100_000 { 48 } else { 168 };
        let length = embargo.div_ceil(8).max(intervals.div_ceil(240)).max(1);
        let atoms = (intervals / length).min(most) / ATOM_STEP * ATOM_STEP;
        (atoms > 0).then_some(AtomPlan { intervals, atoms })
    }

    /// The shortest range, in intervals, that has a plan under this embargo.
    pub fn shortest(embargo: u32) -> u32 {
        ATOM_STEP * embargo.div_ceil(8).max(1)
    }

    /// Intervals of each atom.
    pub fn lengths(self) -> Vec<u32> {
        let (length, longer) = (self.intervals / self.atoms, self.intervals % self.atoms);
        (0..self.atoms).map(|atom| length + u32::from(atom < longer)).collect()
    }

    /// The atom of the interval with this number, counted from 0.
    pub fn atom_of(self, interval: u32) -> u32 {
        let (length, longer) = (self.intervals / self.atoms, self.intervals % self.atoms);
        let in_longer = longer * (length + 1);
        match interval < in_longer {
            true => interval / (length + 1),
            false => longer + (interval - in_longer) / length,
        }
    }
}

/// A signed integer of 256 bits, for sums of third and fourth powers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Wide {
    high: i128,
    low: u128,
}

impl Wide {
    /// `a * b`.
    pub fn product(a: i128, b: i128) -> Wide {
        let half = u128::from(u64::MAX);
        let parts = |v: i128| (v.unsigned_abs() >> 64, v.unsigned_abs() & half);
        let ((a1, a0), (b1, b0)) = (parts(a), parts(b));
        let mut out = Wide { high: (a1 * b1) as i128, low: a0 * b0 };
        for middle in [a1 * b0, a0 * b1] {
            out = out.plus(Wide { high: (middle >> 64) as i128, low: middle << 64 });
        }
        if (a < 0) != (b < 0) { out.negated() } else { out }
    }

    /// `self + other`.
    pub fn plus(self, other: Wide) -> Wide {
        let (low, carry) = self.low.overflowing_add(other.low);
        Wide { high: self.high.wrapping_add(other.high).wrapping_add(i128::from(carry)), low }
    }

    fn negated(self) -> Wide {
        let (low, carry) = (!self.low).overflowing_add(1);
        Wide { high: (!self.high).wrapping_add(i128::from(carry)), low }
    }

    /// To the nearest float, but for one unit of its last place.
    pub fn as_f64(self) -> f64 {
        if self.high < 0 {
            return -self.negated().as_f64();
        }
        self.high as f64 * 2f64.powi(128) + self.low as f64
    }
}

/// The fall of an equity curve that begins at 0; money is added, not compounded.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Drawdown {
    /// Where it ends, in units of returns.
    pub total: i128,
    /// The highest point, at least 0.
    pub peak: i128,
    /// The lowest point, at most 0.
    pub trough: i128,
    /// The greatest fall from a peak before it.
    pub deepest: i128,
}

impl Drawdown {
    /// One interval with this return.
    pub fn of(change: i64) -> Drawdown {
        let change = i128::from(change);
        Drawdown { total: change, peak: change.max(0), trough: change.min(0), deepest: (-change).max(0) }
    }

    /// This stretch and the one after it.
    pub fn join(self, next: Drawdown) -> Drawdown {
        Drawdown {
            total: self.total + next.total,
            peak: self.peak.max(self.total + next.peak),
            trough: self.trough.min(self.total + next.trough),
            deepest: self.deepest.max(next.deepest).max(self.peak - (self.total + next.trough)),
        }
    }
}

/// Sums over a whole stretch of intervals.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct WholeSpan {
    /// Intervals.
    pub n: u32,
    /// Sum of returns.
    pub s1: i128,
    /// Sum of their squares.
    pub s2: i128,
    /// Sum of their cubes.
    pub s3: Wide,
    /// Sum of their fourth powers.
    pub s4: Wide,
    /// Sum of min(r, 0)^2.
    pub down_sq: i128,
    /// Sum of the products of neighbours, r_i * r_(i+1).
    pub lag_product: i128,
    /// The first return.
    pub first: i64,
    /// The last one.
    pub last: i64,
    /// Fall of the equity at the ends of intervals.
    pub drawdown: Drawdown,
}

impl WholeSpan {
    /// One interval with the return `r`.
    pub fn of(r: i64) -> WholeSpan {
        let (wide, square) = (i128::from(r), i128::from(r) * i128::from(r));
        WholeSpan {
            n: 1,
            s1: wide,
            s2: square,
            s3: Wide::product(square, wide),
            s4: Wide::product(square, square),
            down_sq: if r < 0 { square } else { 0 },
            lag_product: 0,
            first: r,
            last: r,
            drawdown: Drawdown::of(r),
        }
    }

    /// `n` intervals without a return.
    pub fn flat(n: u32) -> WholeSpan {
        WholeSpan { n, ..WholeSpan::default() }
    }

    /// This stretch and the one after it.
    pub fn join(self, next: WholeSpan) -> WholeSpan {
        if self.n == 0 || next.n == 0 {
            return if self.n == 0 { next } else { self };
        }
        WholeSpan {
            n: self.n + next.n,
            s1: self.s1 + next.s1,
            s2: self.s2 + next.s2,
            s3: self.s3.plus(next.s3),
            s4: self.s4.plus(next.s4),
            down_sq: self.down_sq + next.down_sq,
            lag_product: self.lag_product + next.lag_product + i128::from(self.last) * i128::from(next.first),
            first: self.first,
            last: next.last,
            drawdown: self.drawdown.join(next.drawdown),
        }
    }
}

/// One run's row of the trial matrix, filled interval by interval.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Atoms {
    plan: AtomPlan,
    /// By atom: sum of returns.
    pub s1: Vec<i64>,
    /// By atom: sum of squared returns.
    pub s2: Vec<i128>,
    /// By atom: trades closed; more than 65,535 count as that many.
    pub trades: Vec<u16>,
    /// Over the intervals so far.
    pub whole: WholeSpan,
    /// Where a stretch of a run is kept, to be put behind others: what would be added, in its order.
    #[serde(skip)]
    log: Option<Vec<Added>>,
}

/// What is added to a row.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Added {
    /// The first return step of the stretch: its return is known with what was before.
    First,
    Return(i64),
    Flat(u32),
    Trade,
}

impl Atoms {
    /// Of a run that has not begun.
    pub fn new(plan: AtomPlan) -> Atoms {
        let atoms = plan.atoms as usize;
        Atoms {
            plan,
            s1: vec![0; atoms],
            s2: vec![0; atoms],
            trades: vec![0; atoms],
            whole: WholeSpan::default(),
            log: None,
        }
    }

    /// Keeps what is added, and adds it to nothing: for a stretch of a run that [`Atoms::book`] puts behind others.
    pub(crate) fn of_stretch() -> Atoms {
        Atoms { log: Some(Vec::new()), ..Atoms::new(AtomPlan { intervals: 0, atoms: 0 }) }
    }

    /// What was kept since the last call.
    pub(crate) fn take_stretch(&mut self) -> Atoms {
        std::mem::replace(self, Atoms::of_stretch())
    }

    /// A stretch follows; `ended`: the return of the interval that it has ended first.
    pub(crate) fn book(&mut self, stretch: &Atoms, ended: Option<i64>) {
        for added in stretch.log.iter().flatten() {
            match *added {
                Added::First => ended.into_iter().for_each(|r| self.add(r)),
                Added::Return(r) => self.add(r),
                Added::Flat(n) => self.add_flat(n),
                Added::Trade => self.add_trade(self.whole.n),
            }
        }
    }

    fn keeps(&mut self, added: Added) -> bool {
        self.log.iter_mut().for_each(|log| log.push(added));
        self.log.is_some()
    }

    /// The first return step of a stretch.
    pub(super) fn begin_interval(&mut self) {
        self.keeps(Added::First);
    }

    /// The return of the next interval, by [`return_units`].
    pub fn add(&mut self, r: i64) {
        if self.keeps(Added::Return(r)) {
            return;
        }
        let atom = self.plan.atom_of(self.whole.n) as usize;
        self.s1[atom] += r;
        self.s2[atom] += i128::from(r) * i128::from(r);
        self.whole = self.whole.join(WholeSpan::of(r));
    }

    /// The next `n` intervals have no return.
    pub fn add_flat(&mut self, n: u32) {
        if self.keeps(Added::Flat(n)) {
            return;
        }
        self.whole = self.whole.join(WholeSpan::flat(n));
    }

    /// A trade closed in the interval with this number; after the last whole one it counts there.
    pub fn add_trade(&mut self, interval: u32) {
        if self.keeps(Added::Trade) {
            return;
        }
        let trades = &mut self.trades[self.plan.atom_of(interval.min(self.plan.intervals - 1)) as usize];
        *trades = trades.saturating_add(1);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_return_is_rounded_half_to_even() {
        // in units of 1e-12 of 2e12: every second step is a half
        let initial = 2 * ONE;
        for (change, units) in [(0, 0), (1, 0), (2, 1), (3, 2), (4, 2), (5, 2), (7, 4), (-1, 0), (-3, -2), (-5, -2)] {
            assert_eq!(return_units(change, initial), units, "{change}");
        }
        assert_eq!(return_units(-10, 3), -3_333_333_333_333);
        assert_eq!(return_units(20, 3), 6_666_666_666_667);
        let much = 10i128.pow(30);
        assert_eq!(return_units(much / 8, much), 125_000_000_000);
        assert_eq!(return_units(-5_000 * much, much), -1_000_000_000_000_000);
        assert_eq!(return_units(5_000 * much, much), 1_000_000_000_000_000);
    }

    #[test]
    fn atoms_by_the_rule() {
        let atoms = |n, h, points| AtomPlan::new(n, h, points).map(|plan| plan.atoms);
        assert_eq!([118, 352, 521].map(|n| atoms(n, 5, 2_048)), [Some(96), Some(168), Some(168)]);
        assert_eq!(atoms(8_760, 5, 100_000), Some(168));
        assert_eq!(atoms(8_760, 5, 100_001), Some(48));
        for embargo in 0..200 {
            let least = AtomPlan::shortest(embargo);
            assert_eq!((atoms(least, embargo, 1), atoms(least - 1, embargo, 1)), (Some(24), None), "{embargo}");
        }
    }

    #[test]
    fn every_interval_has_one_atom() {
        for n in [24, 25, 118, 352, 521, 1_000] {
            let plan = AtomPlan::new(n, 5, 10).expect("long enough");
            let mut counted = vec![0; plan.atoms as usize];
            (0..n).for_each(|interval| counted[plan.atom_of(interval) as usize] += 1);
            assert_eq!(counted, plan.lengths());
        }
    }

    #[test]
    fn wide_products_and_sums() {
        let big = 3i128.pow(75);
        assert_eq!(Wide::product(big, 0), Wide::default());
        assert_eq!(Wide::product(-7, 6), Wide { high: -1, low: 42u128.wrapping_neg() });
        let square = Wide::product(big, big);
        assert!((square.as_f64() / (big as f64 * big as f64) - 1.0).abs() < 1e-15);
        assert_eq!(square.plus(Wide::product(-big, big)), Wide::default());
        // (a + 1) (a - 1) = a a - 1
        assert_eq!(Wide::product(big + 1, big - 1).plus(Wide::product(1, 1)), square);
        assert_eq!(Wide::product(-big, big).as_f64(), -square.as_f64());
    }

    /// Returns that are zero half of the time, of every size up to 8 C0.
    fn returns(n: u64) -> Vec<i64> {
        let mixed = |i: u64| (i + 1).wrapping_mul(0x9E37_79B9_7F4A_7C15);
        (0..n).map(|i| if mixed(i) >> 63 == 0 { 0 } else { (mixed(i) as i64) >> (20 + i % 40) }).collect()
    }

    #[test]
    fn stretches_join_exactly_at_any_cut() {
        let returns = returns(200);
        let whole = |part: &[i64]| part.iter().fold(WholeSpan::default(), |sum, r| sum.join(WholeSpan::of(*r)));
        let all = whole(&returns);
        for cut in 0..=200 {
            let (a, b) = returns.split_at(cut);
            let (b, c) = b.split_at(b.len() / 3);
            assert_eq!(whole(a).join(whole(b)).join(whole(c)), all);
            assert_eq!(whole(a).join(whole(b).join(whole(c))), all);
        }
        let mut equity = 0i128;
        let (mut peak, mut fall) = (0, 0);
        for r in returns {
            equity += i128::from(r);
            peak = peak.max(equity);
            fall = fall.max(peak - equity);
        }
        assert_eq!((all.drawdown.total, all.drawdown.peak, all.drawdown.deepest), (equity, peak, fall));
    }

    #[test]
    fn flat_intervals_at_once_are_those_one_by_one() {
        let plan = AtomPlan::new(200, 5, 10).expect("long enough");
        let (mut once, mut singly) = (Atoms::new(plan), Atoms::new(plan));
        let mut flat = 0;
        for r in returns(200) {
            singly.add(r);
            if r == 0 {
                flat += 1;
                continue;
            }
            once.add_flat(std::mem::take(&mut flat));
            once.add(r);
        }
        once.add_flat(flat);
        assert_eq!(once, singly);
        assert_eq!(singly.s1.iter().map(|s1| i128::from(*s1)).sum::<i128>(), singly.whole.s1);
        assert_eq!(singly.s2.iter().sum::<i128>(), singly.whole.s2);
        once.add_trade(0);
        once.add_trade(199);
        once.add_trade(200);
        assert_eq!((once.trades[0], once.trades[plan.atoms as usize - 1]), (1, 2));
    }
}
