//! The winner interval by interval, and what that says: its error, the market in it, when it earned, what fees and size do
//! to it.

use perpx_core::market::Role;
use perpx_core::sim::chance::{hash64, unit53};
use perpx_core::units::{DAY, HOUR, NS, Time, TimeDelta};

/// One statistics interval of one run of the winner.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Interval {
    /// Its end; the first and the last of a run may be shorter.
    pub end: Time,
    pub is_held_out: bool,
    /// Change of equity, quote units.
    pub made: f64,
    /// The part of it made in the minutes around a settlement.
    pub near: f64,
    /// By role: average position, base units, a short negative.
    pub held: [f64; 2],
    /// By role: the same, but only while it is the leg that its trade opened first.
    pub first: [f64; 2],
    /// By role: mids at its beginning and its end; none before the first quote.
    pub mids: [Option<[f64; 2]>; 2],
    /// By role: lowest to highest mid over the lowest, bp.
    pub range_bp: f64,
    /// By role: the most of the venue's equity that margin took up, as a share; none without a position.
    pub margin: [Option<f64>; 2],
    /// By role: how near the venue's liquidation came, as a share of the price; none without a position.
    pub distance: [Option<f64>; 2],
}

/// One fill of the winner.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Fill {
    pub is_held_out: bool,
    /// Quote units.
    pub notional: f64,
    /// Fee booked; negative = paid.
    pub fee: f64,
    /// Fee by the venue's own tier; none where nothing is known of it.
    pub venue_fee: Option<f64>,
    /// Quantity over the average best size about then; none without sizes.
    pub depths: Option<f64>,
    /// What each further best size costs more, bp.
    pub impact_bp: f64,
}

/// Bar closes at which the winner held nothing, and what kept its gate shut.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Idle {
    pub bars: u64,
    /// Of all bar closes of the runs.
    pub all: u64,
    /// At which the gate was open.
    pub open: u64,
    /// By condition.
    pub missing: Vec<MissingCondition>,
}

/// A condition of the gate that did not hold while idle.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct MissingCondition {
    pub condition: String,
    pub bars: u64,
    /// Bars at which it was the only one that kept the gate shut.
    pub alone: u64,
}

/// A figure and one standard error of it.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct WithError {
    pub value: f64,
    pub error: f64,
}

/// The sum of `changes` with its error, neighbours taken as correlated as they are.
pub fn sum(changes: &[f64]) -> Option<WithError> {
    let n = changes.len() as f64;
    if changes.len() < 2 {
        return None;
    }
    let value: f64 = changes.iter().sum();
    let mean = value / n;
    let squares: f64 = changes.iter().map(|c| (c - mean) * (c - mean)).sum();
    let lagged: f64 = changes.windows(2).map(|pair| (pair[0] - mean) * (pair[1] - mean)).sum();
    let rho = if squares > 0.0 { (lagged / squares).clamp(-0.9, 0.9) } else { 0.0 };
    let error = (squares / (n - 1.0) * n * (1.0 + rho) / (1.0 - rho)).sqrt();
    Some(WithError { value, error })
}

/// Holding the first leg's average position all the time, and the winner beside it.
#[derive(Clone, Debug, PartialEq)]
pub struct Benchmark {
    /// By role: what is held, base units, a short negative.
    pub held: [f64; 2],
    pub net: f64,
    /// Money that the winner makes for each unit of money that holding makes.
    pub beta: WithError,
    /// What is left of the winner without that.
    pub rest: WithError,
    /// Its equity at the end of each interval, less what it began with.
    pub curve: Vec<(Time, f64)>,
}

/// Of the intervals of one run. None without prices or a position.
pub fn benchmark(intervals: &[Interval]) -> Option<Benchmark> {
    let n = intervals.len() as f64;
    let held = [0, 1].map(|r: usize| intervals.iter().map(|i| i.first[r]).sum::<f64>() / n);
    let moved = |i: &Interval| -> f64 {
        let of = |r: usize| i.mids[r].map_or(0.0, |[from, to]| to - from) * held[r];
        of(0) + of(1)
    };
    let x: Vec<f64> = intervals.iter().map(moved).collect();
    let net: f64 = x.iter().sum();
    let (mean_x, mean_y) = (net / n, intervals.iter().map(|i| i.made).sum::<f64>() / n);
    let of = |f: &dyn Fn(f64, f64) -> f64| -> f64 {
        x.iter().zip(intervals).map(|(x, i)| f(x - mean_x, i.made - mean_y)).sum()
    };
    let squares = of(&|x, _| x * x);
    if intervals.len() < 3 || squares <= 0.0 {
        return None;
    }
    let beta = of(&|x, y| x * y) / squares;
    let left = (of(&|x, y| (y - beta * x) * (y - beta * x)) / (n - 2.0)).sqrt();
    let mut so_far = 0.0;
    let curve = intervals.iter().zip(&x).map(|(i, x)| {
        so_far += x;
        (i.end, so_far)
    });
    Some(Benchmark {
        held,
        net,
        beta: WithError { value: beta, error: left / squares.sqrt() },
        rest: WithError {
            value: n * (mean_y - beta * mean_x),
            error: n * left * (1.0 / n + mean_x * mean_x / squares).sqrt(),
        },
        curve: curve.collect(),
    })
}

/// What fees make of the money of one run, with the same fills.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Fees {
    /// Average of what was paid, bp of turnover.
    pub paid_bp: f64,
    /// By the venues' own tiers.
    pub venue_bp: Option<f64>,
    /// What it makes at those.
    pub venue_net: Option<f64>,
    /// The average fee at which nothing is left, bp of turnover.
    pub dies_bp: f64,
}

/// `net`: of the run whose fills these are. None without a fill.
pub fn fees<'a>(net: f64, fills: impl Iterator<Item = &'a Fill> + Clone) -> Option<Fees> {
    let turnover: f64 = fills.clone().map(|fill| fill.notional).sum();
    let paid: f64 = -fills.clone().map(|fill| fill.fee).sum::<f64>();
    let venue = fills.map(|fill| fill.venue_fee).sum::<Option<f64>>().map(|fee| -fee);
    let bp = |money: f64| 1e4 * money / turnover;
    (turnover > 0.0).then(|| Fees {
        paid_bp: bp(paid),
        venue_bp: venue.map(bp),
        venue_net: venue.map(|venue| net + paid - venue),
        dies_bp: bp(net + paid),
    })
}

/// The money at another size.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Sized {
    /// Of the size that was traded.
    pub times: f64,
    /// Average fill over the best size about then.
    pub depths: f64,
    pub net: f64,
}

/// The same fills at other sizes, from a quarter on until most is lost: of each the first best size at its price, every further
/// one `impact_bp` dearer. Empty without sizes.
pub fn capacity(net: f64, fills: &[Fill]) -> Vec<Sized> {
    let known: Vec<(&Fill, f64)> = fills.iter().filter_map(|fill| Some((fill, fill.depths?))).collect();
    if known.is_empty() {
        return Vec::new();
    }
    // what a size of so many best sizes pays on average, in steps: none for the first best size, one for the second, and on
    let beyond = |depths: f64| {
        let whole = depths.floor();
        (whole * (whole - 1.0) / 2.0 + whole * (depths - whole)) / depths
    };
    let depths = known.iter().map(|(_, depths)| depths).sum::<f64>() / known.len() as f64;
    let at = |times: f64| {
        let dearer = |(fill, depths): &(&Fill, f64)| {
            1e-4 * fill.impact_bp * fill.notional * times * (beyond(times * depths) - beyond(*depths))
        };
        Sized { times, depths: times * depths, net: times * net - known.iter().map(dearer).sum::<f64>() }
    };
    let mut out = vec![at(0.25), at(0.5)];
    let mut times = 1.0;
    while times <= 65_536.0 {
        out.push(at(times));
        let best = out.iter().map(|sized| sized.net).fold(0.0, f64::max);
        if out.len() > 3 && out[out.len() - 1].net < 0.5 * best {
            break;
        }
        times *= 2.0;
    }
    out
}

/// Money of some of the time.
#[derive(Clone, Debug, PartialEq)]
pub struct TimePart {
    pub label: String,
    pub made: WithError,
    pub intervals: usize,
}

fn part(label: String, changes: &[f64]) -> Option<TimePart> {
    let made = sum(changes).or_else(|| Some(WithError { value: *changes.first()?, error: f64::NAN }))?;
    Some(TimePart { label, made, intervals: changes.len() })
}

/// The number of the part of time in which an interval that ends then lies.
fn begun(interval: &Interval, length: TimeDelta) -> i64 {
    interval.end.plus(-NS).steps(length)
}

fn grouped(intervals: &[Interval], key: impl Fn(&Interval) -> i64, label: impl Fn(i64) -> String) -> Vec<TimePart> {
    let mut groups: std::collections::BTreeMap<i64, Vec<f64>> = std::collections::BTreeMap::new();
    intervals.iter().for_each(|i| groups.entry(key(i)).or_default().push(i.made));
    groups.into_iter().filter_map(|(key, changes)| part(label(key), &changes)).collect()
}

/// Parts of this length, at most so many days in one.
const MOST_DAYS: i64 = 62;

pub fn by_day(intervals: &[Interval]) -> Vec<TimePart> {
    let (Some(first), Some(last)) = (intervals.first(), intervals.last()) else { return Vec::new() };
    let days = begun(last, DAY) - begun(first, DAY) + 1;
    let length = (days as u64).div_ceil(MOST_DAYS as u64) as i64 * DAY;
    let origin = Time::of_day(begun(first, DAY));
    let key = |i: &Interval| i.end.plus(-NS).since(origin) / length;
    grouped(intervals, key, |key| super::text::day(origin.plus(key * length)))
}

pub fn by_hour(intervals: &[Interval]) -> Vec<TimePart> {
    grouped(intervals, |i| begun(i, HOUR).rem_euclid(24), |hour| format!("{hour:02}"))
}

/// By how far the price moved within an interval: four parts of about as many.
pub fn by_volatility(intervals: &[Interval]) -> Vec<TimePart> {
    let mut ranges: Vec<f64> = intervals.iter().map(|i| i.range_bp).collect();
    ranges.sort_by(f64::total_cmp);
    if ranges.is_empty() {
        return Vec::new();
    }
    let limits = [1, 2, 3].map(|part| ranges[(ranges.len() * part / 4).min(ranges.len() - 1)]);
    let key = |i: &Interval| limits.iter().filter(|limit| i.range_bp >= **limit).count() as i64;
    let shown = |limit: f64| perpx_data::text::significant(limit, 2);
    grouped(intervals, key, |key| match key {
        0 => format!("< {}", shown(limits[0])),
        3 => format!("> {}", shown(limits[2])),
        key => format!("{}–{}", shown(limits[key as usize - 1]), shown(limits[key as usize])),
    })
}

pub fn around_settlements(intervals: &[Interval]) -> Vec<TimePart> {
    let of = |label: &str, pick: fn(&Interval) -> f64| {
        part(label.to_owned(), &intervals.iter().map(pick).collect::<Vec<_>>())
    };
    [of("around", |i| i.near), of("else", |i| i.made - i.near)].into_iter().flatten().collect()
}

/// Histories that are drawn for the error of a drawdown, and the intervals of a block of them.
const HISTORIES: u64 = 400;
const BLOCK: usize = 6;

/// The deepest fall of equity that histories drawn from these intervals show: what 5 and 95 of 100 stay below, quote units.
pub fn drawdowns(intervals: &[Interval]) -> Option<[f64; 2]> {
    if intervals.len() < 4 * BLOCK {
        return None;
    }
    let deepest = |history: u64| {
        let (mut equity, mut peak, mut deepest) = (0.0f64, 0.0f64, 0.0f64);
        for block in 0..intervals.len().div_ceil(BLOCK) {
            let draw = unit53(hash64(&[history, block as u64]));
            let start = (draw * intervals.len() as f64) as usize;
            for i in 0..BLOCK.min(intervals.len() - block * BLOCK) {
                equity += intervals[(start + i) % intervals.len()].made;
                peak = peak.max(equity);
                deepest = deepest.max(peak - equity);
            }
        }
        deepest
    };
    let mut all: Vec<f64> = (0..HISTORIES).map(deepest).collect();
    all.sort_by(f64::total_cmp);
    Some([0.05, 0.95].map(|part| super::frame::quantile(&all, part)))
}

/// Over all intervals and legs: the most margin used, and the least distance to liquidation.
pub fn tightest(intervals: &[Interval]) -> (Option<f64>, Option<f64>) {
    let all = |pick: fn(&Interval) -> [Option<f64>; 2]| intervals.iter().flat_map(pick).flatten();
    (all(|i| i.margin).reduce(f64::max), all(|i| i.distance).reduce(f64::min))
}

/// The role whose prices stand for the market: that of the greater average first leg.
pub fn market_role(benchmark: &Benchmark) -> Role {
    if benchmark.held[1].abs() > benchmark.held[0].abs() { Role::Short } else { Role::Long }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn interval(hour: i64, made: f64, from: f64, to: f64) -> Interval {
        Interval {
            end: Time::at((hour + 1) * HOUR),
            made,
            first: [2.0, 0.0],
            mids: [Some([from, to]), None],
            ..Interval::default()
        }
    }

    /// Holds 2; the price goes 100, 101, 99, 102, 103. Made: half of what holding makes, and 1 an interval.
    #[test]
    fn the_market_is_taken_out_of_the_winner() {
        let prices = [100.0, 101.0, 99.0, 102.0, 103.0];
        let all: Vec<Interval> = prices
            .windows(2)
            .enumerate()
            .map(|(i, p)| interval(i as i64, 0.5 * 2.0 * (p[1] - p[0]) + 1.0, p[0], p[1]))
            .collect();
        let found = benchmark(&all).expect("a benchmark");
        assert_eq!((found.held, found.net), ([2.0, 0.0], 6.0));
        assert!((found.beta.value - 0.5).abs() < 1e-12 && found.beta.error < 1e-6);
        assert!((found.rest.value - 4.0).abs() < 1e-12, "{:?}", found.rest);
        assert_eq!(found.curve.iter().map(|c| c.1).collect::<Vec<_>>(), [2.0, -2.0, 4.0, 6.0]);
        assert_eq!(market_role(&found), Role::Long);
        assert_eq!(benchmark(&[]), None);
        let flat: Vec<Interval> = all.iter().map(|i| Interval { first: [0.0; 2], ..*i }).collect();
        assert_eq!(benchmark(&flat), None, "nothing is held, nothing is compared");
    }

    /// 1, 3, 1, 3: mean 2, deviation 2 / sqrt(3), neighbours correlated -3/4: 4 x 4/3 x (1/4) / (7/4).
    #[test]
    fn a_sum_has_its_error() {
        let found = sum(&[1.0, 3.0, 1.0, 3.0]).expect("two or more");
        assert_eq!(found.value, 8.0);
        assert!((found.error - (16.0f64 / 3.0 / 7.0).sqrt()).abs() < 1e-12, "{}", found.error);
        assert_eq!(sum(&[1.0]), None);
        assert_eq!(sum(&[0.0; 5]).map(|found| found.error), Some(0.0));
    }

    fn fill(notional: f64, fee: f64, venue_fee: Option<f64>) -> Fill {
        Fill { is_held_out: false, notional, fee, venue_fee, depths: Some(0.5), impact_bp: 10.0 }
    }

    /// 10,000 traded for a fee of 2, of 4 by the venues, and 5 made: 3 are left there, and 7 before fees.
    #[test]
    fn fees_are_taken_off_and_put_on_again() {
        let fills = [fill(6_000.0, -2.0, Some(-3.0)), fill(4_000.0, 0.0, Some(-1.0))];
        let found = fees(5.0, fills.iter()).expect("fills");
        assert!((found.paid_bp - 2.0).abs() < 1e-12 && (found.dies_bp - 7.0).abs() < 1e-12, "{found:?}");
        assert_eq!((found.venue_net, found.venue_bp), (Some(3.0), Some(4.0)));
        let unknown = fees(5.0, [fill(6_000.0, -2.0, None)].iter()).expect("fills");
        assert_eq!(unknown.venue_net, None);
        assert_eq!(fees(5.0, [].iter()), None);
    }

    /// Half a best size each: twice the size still pays nothing more. Four times is two best sizes, of which the second is
    /// 10 bp dearer: 5 bp of 40,000 = 20 off 20.
    #[test]
    fn size_costs_what_lies_beyond_the_best() {
        let found = capacity(5.0, &[fill(10_000.0, 0.0, None)]);
        let at = |times: f64| found.iter().find(|sized| sized.times == times).map(|sized| sized.net);
        assert_eq!((at(0.25), at(1.0), at(2.0)), (Some(1.25), Some(5.0), Some(10.0)));
        assert!(at(4.0).is_some_and(|net| net.abs() < 1e-9), "{found:?}");
        assert!(found.last().is_some_and(|last| last.times == 4.0), "until most is lost");
        assert_eq!(capacity(5.0, &[Fill { depths: None, ..fill(1.0, 0.0, None) }]), []);
    }

    #[test]
    fn parts_of_time_add_up() {
        let all: Vec<Interval> = (0..96)
            .map(|hour| Interval { range_bp: (hour % 8) as f64, near: 0.25, ..interval(hour, hour as f64, 1.0, 1.0) })
            .collect();
        let total: f64 = (0..96).map(f64::from).sum();
        for parts in [by_day(&all), by_hour(&all), by_volatility(&all), around_settlements(&all)] {
            assert!((parts.iter().map(|part| part.made.value).sum::<f64>() - total).abs() < 1e-9, "{parts:?}");
        }
        let days = by_day(&all);
        assert_eq!((days.len(), days[0].label.as_str(), days[0].made.value), (4, "1 Jan", 276.0));
        assert_eq!((by_hour(&all).len(), by_hour(&all)[23].made.value), (24, 23.0 + 47.0 + 71.0 + 95.0));
        assert_eq!(by_volatility(&all).iter().map(|part| part.intervals).collect::<Vec<_>>(), [24; 4]);
        assert_eq!(around_settlements(&all)[0].made.value, 24.0);
        let year: Vec<Interval> = (0..365 * 24).map(|hour| interval(hour, 1.0, 1.0, 1.0)).collect();
        assert!(by_day(&year).len() as i64 <= MOST_DAYS && by_day(&year)[0].intervals == 144);
    }

    #[test]
    fn a_drawdown_has_a_range() {
        let all: Vec<Interval> = (0..240).map(|hour| interval(hour, (hour * 37 % 11) as f64 - 5.0, 1.0, 1.0)).collect();
        let [low, high] = drawdowns(&all).expect("long enough");
        assert!(low > 0.0 && high > low, "{low} {high}");
        assert_eq!(drawdowns(&all), Some([low, high]), "drawn the same again");
        assert_eq!(drawdowns(&all[..20]), None);
        let margin = Interval { margin: [Some(0.2), Some(0.4)], distance: [Some(0.1), None], ..all[0] };
        assert_eq!(tightest(&[margin, all[1]]), (Some(0.4), Some(0.1)));
    }
}
