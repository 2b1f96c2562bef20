//! What a report shows, as plain data. The sweep fills it; nothing here is read from a file or a clock.
//!
//! Every `Option<f64>` is a figure that may not exist (Sharpe without variance, profit factor without a loss):
//! `None` is shown as a dash. A value that is not finite is treated as `None`.

use super::{Fill, Idle, Interval};
use crate::neighbours::AxisShape;
use perpx_core::ledger::Lines;
use perpx_core::market::Role;
use perpx_core::stats::Ending;
use perpx_core::units::Time;

/// One run of one symbol.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Input {
    /// The grid file's `name`, also the title.
    pub name: String,
    pub symbol: String,
    /// Venue names by `Role::ix`: long leg first.
    pub venues: [String; 2],
    /// What money is counted in, such as "USDT"; stands behind every amount.
    pub quote: String,
    /// C0, quote units.
    pub capital: f64,
    pub spans: Spans,
    /// In the order of the grid file, strategy and world axes mixed as written.
    pub axes: Vec<PageAxis>,
    pub objective: PageObjective,
    pub counts: Counts,
    /// Whether to deploy it; none without a winner.
    pub verdict: Option<PageVerdict>,
    /// None where it is too short to say, or without a winner.
    pub luck: Option<PageLuck>,
    /// Of several objectives.
    pub front: Option<PageFront>,
    /// None where it is too short to say.
    pub halves: Option<PageHalves>,
    /// The walk-forward that counts, then the other one; none where it is too short to say.
    pub walks: Vec<PageWalk>,
    /// A point a configuration, in grid order. May be 100,000 or more: only aggregates of it reach the page.
    pub points: Vec<PagePoint>,
    pub winner: Option<Winner>,
    pub board: PageBoard,
    /// The winner in each world point, in grid order; empty or one row when there is no world axis.
    pub worlds: Vec<WorldRow>,
    /// Equity of the best few, winner first. More than eight are not drawn.
    pub curves: Vec<Curve>,
    /// Where the winner's money came from.
    pub money: Option<Money>,
    /// The winner's time in each state, S0 to S5.
    pub states: Vec<StateTime>,
    pub detail: WinnerDetail,
    /// Share of bars at which each gate condition held, winner's configuration.
    pub gates: Vec<Gate>,
    /// Those of the run and its data. The page itself adds a red one for a winner that is negative in sample, loses money
    /// in the held-out part, or has neighbours with a negative median.
    pub warnings: Vec<Warning>,
    /// Which tape was read and in what state.
    pub quality: Vec<QualityTable>,
    /// Versions, hashes, seed, in the order to be shown.
    pub provenance: Vec<Fact>,
    /// How the metrics were taken ("returns at 3600 s, factor sqrt(8760)"...), a sentence each.
    pub notes: Vec<String>,
}

/// Whether the winner may be deployed, and why.
#[derive(Clone, Debug, Default, PartialEq, serde::Serialize, serde::Deserialize)]
pub struct PageVerdict {
    /// "strong", "weak" or "refused".
    pub grade: String,
    /// What that rests on.
    pub sentence: String,
    /// What can be hoped for at all.
    pub hope: String,
    /// Each check with its own grade and what was found, in the order of the gate.
    pub checks: Vec<PageCheck>,
}

/// The winner held against the luckiest of as many without an edge. Sharpe ratios are a year's.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct PageLuck {
    /// Of the winner: what is held against the others.
    pub winner: f64,
    /// One standard error of it, where it is known.
    pub error: Option<f64>,
    /// Share of the histories in which the luckiest look as good.
    pub share: f64,
    /// The same of 100, as it is said: "5.9".
    pub of_hundred: String,
    /// What the luckiest show on average, and what 95 of 100 of them stay below.
    pub luckiest: f64,
    pub bar: f64,
    /// Classes of equal width over the luckiest of the histories drawn.
    pub from: f64,
    pub to: f64,
    pub counts: Vec<u32>,
    /// Different ledgers, configurations tried on this data in all runs, the independent tries that would be as lucky, and how many
    /// stand on their own at 10 %.
    pub distinct: u64,
    pub tried: u64,
    pub independent: f64,
    pub standing: u64,
    /// What luck alone shows by number of tries: tries, expected, 95 of 100 below.
    pub curve: Vec<(u64, f64, f64)>,
}

/// A row of the gate.
#[derive(Clone, Debug, Default, PartialEq, serde::Serialize, serde::Deserialize)]
pub struct PageCheck {
    pub name: String,
    pub grade: String,
    pub text: String,
}

/// What the winner did. Empty without one.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct WinnerDetail {
    /// The winner's transitions by pair of states and reason.
    pub transitions: Vec<Transition>,
    /// The winner's states over time, without gaps, in order; drawn as a strip. May be empty.
    pub timeline: Vec<StateSpan>,
    /// The winner's trades in order. May be empty; the page lists those of `shown`.
    pub trades: Vec<Trade>,
    /// By run, in sample and held out: the winner's money outside every trade (transfers, dust, late fills).
    pub outside: [Lines; 2],
    /// Prices, spread and bands over the whole range, as the winner saw them.
    pub market: Option<Stretch>,
    /// The winner's funding, a row a settlement, in order.
    pub funding: Vec<Settled>,
    /// Stretches of unmatched quantity that the winner did not mean to hold, in order.
    pub legging: Vec<Legging>,
    /// What the winner's funding guard did, in order.
    pub guards: Vec<GuardAction>,
    /// Both runs interval by interval, in order.
    pub intervals: Vec<Interval>,
    /// Of both runs, in order.
    pub fills: Vec<Fill>,
    /// What it makes in sample when it is run again with the fees of the venues' own tiers, which its gate knows then.
    pub net_at_venue_fees: Option<f64>,
    /// By role: the tier of the venue whose fees stand in `fills`, with its date; none where nothing is known of it.
    pub tiers: [Option<String>; 2],
    /// What kept the winner idle.
    pub idle: Idle,
}

/// A symbol of a run over several, for the page over all of them.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct SymbolRow {
    pub symbol: String,
    pub quote: String,
    /// What ranks first, and whether it is a winner.
    pub id: String,
    pub wins: bool,
    pub unit: Unit,
    pub metric: Option<f64>,
    pub oos_metric: Option<f64>,
    pub neighbours: Option<f64>,
    pub net: Option<f64>,
    pub oos_net: Option<f64>,
    pub configurations: u64,
    /// The red warnings of its page.
    pub severe: Vec<String>,
}

/// Limits of the selection, the embargo and the held-out time.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Spans {
    pub from: Time,
    /// End of the selection, start of the embargo.
    pub embargo: Time,
    /// End of the embargo, start of the held-out part.
    pub held_out: Time,
    /// Exclusive. Without a held-out part, `embargo == held_out == to`.
    pub to: Time,
}

impl Input {
    /// What ranks first has a value and meets every requirement; else there is no winner.
    pub fn wins(&self) -> bool {
        let has_value = self.winner.as_ref().is_some_and(|winner| winner.metric.is_some());
        has_value && self.counts.eligible > 0 && self.board.rows.iter().any(|row| row.rank == 1 && row.meets)
    }

    /// What the warnings and headings speak of.
    pub fn subject(&self) -> &'static str {
        if self.wins() { "The winner" } else { "The first-ranked configuration" }
    }
}

impl Spans {
    pub fn has_held_out(&self) -> bool {
        self.held_out < self.to
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AxisKind {
    Strategy,
    World,
}

#[derive(Clone, Debug, PartialEq)]
pub struct PageAxis {
    /// Dotted key of the strategy file.
    pub name: String,
    pub kind: AxisKind,
    /// As written in the grid or resolved from its range, in grid order.
    pub values: Vec<String>,
    /// Changes what is received, so it makes feeds.
    pub feeds: bool,
    /// No result changed when only this axis changed.
    pub dead: bool,
}

impl PageAxis {
    pub fn is_world(&self) -> bool {
        self.kind == AxisKind::World
    }

    /// Its order and its ends.
    pub fn shape(&self) -> AxisShape {
        AxisShape::of(&self.values)
    }
}

#[derive(Clone, Debug, Default, PartialEq)]
pub struct PageObjective {
    /// Column of the results, such as "sharpe".
    pub metric: String,
    pub unit: Unit,
    /// As in the grid file: "worst", "median" or "mean".
    pub over_world: String,
    /// As in the grid file: "trades >= 30".
    pub require: Vec<String>,
    pub lower_is_better: bool,
    /// It ranks by plateaus: the lower median of this over each configuration and its neighbours.
    pub by_plateau: bool,
}

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Strategy points that ran.
    pub configurations: u64,
    /// World points each of them ran in.
    pub worlds: u64,
    /// Those that met every `require`.
    pub eligible: u64,
    /// Grid combinations never run: why (the `skip` expression), how many.
    pub skipped: Vec<(String, u64)>,
    /// Configurations that failed a `require`: which, how many (one may fail several).
    pub failed: Vec<(String, u64)>,
}

/// One strategy point.
#[derive(Clone, Debug, PartialEq)]
pub struct PagePoint {
    /// Position on each *strategy* axis, in the order of `Input::axes` without the world axes.
    pub at: Vec<u16>,
    /// The objective, taken over the worlds.
    pub metric: Option<f64>,
    /// Met every `require`.
    pub eligible: bool,
    /// It stands above luck on its own, at 10 %, corrected for all that rank below it; none where it is too short to say.
    pub stands: Option<bool>,
}

/// What came of choosing by one half of the time, in the other.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct PageHalves {
    /// Of each split a year's Sharpe ratio of the chosen one in its half, in the other, and the logit of its rank there.
    pub splits: Vec<[f64; 3]>,
    /// In how many splits it fell to the middle or below, as it is said: "20 of 100 splits".
    pub fell: String,
    /// In how many it lost money.
    pub lost: String,
    /// The share that `fell` says, of a grid without any edge.
    pub null_band: [f64; 2],
    /// Mean of the first two of `splits`.
    pub means: [f64; 2],
}

/// What came of choosing by the time before, again and again. Money as a share of the capital.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct PageWalk {
    /// "rolling" or "anchored".
    pub kind: String,
    /// In the order of time.
    pub folds: Vec<PageFold>,
    pub net: f64,
    pub worst: f64,
    pub sharpe: f64,
    pub error: f64,
    /// How often the choice was another than before.
    pub changes: u64,
    /// Each choice was run again from flat; else its money is estimated.
    pub run_again: bool,
}

/// One choice and the time over which it was tested.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct PageFold {
    pub from: Time,
    pub to: Time,
    pub id: String,
    /// Position on each strategy axis, as in `Point::at`.
    pub at: Vec<u16>,
    pub net: f64,
    /// What it made in each of equal stretches.
    pub parts: Vec<f64>,
    /// What the winner made over the same time, which it was chosen by.
    pub winner: Vec<f64>,
}

/// Of several objectives, what none beats.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct PageFront {
    /// Of each objective title and unit, the first one naming the winner.
    pub objectives: Vec<(String, Unit)>,
    /// By the first objective, best first.
    pub rows: Vec<FrontRow>,
    /// Number of the row at the knee.
    pub knee: Option<usize>,
    /// Configurations on it, equal ones counted.
    pub configurations: u64,
}

/// A place on the front.
#[derive(Clone, Debug, PartialEq)]
pub struct FrontRow {
    pub id: String,
    pub at: Vec<u16>,
    /// By objective.
    pub values: Vec<Option<f64>>,
    /// The p-value of its Sharpe ratio, adjusted for all that rank below it; none where it is too short to say.
    pub adjusted: Option<f64>,
    /// Configurations equal in all objectives.
    pub alike: u64,
    /// Of the winner and the two nearest: the variance of the first objective over histories drawn from its atoms, the covariance
    /// with the second, the variance of the second; none where it is too short to say.
    pub moves: Option<[f64; 3]>,
}

/// The configuration that ranked first.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Winner {
    pub id: String,
    /// Position on each strategy axis, as in `Point::at`.
    pub at: Vec<u16>,
    /// The objective in sample, taken over the worlds.
    pub metric: Option<f64>,
    /// One standard error of `metric`, where it is known.
    pub error: Option<f64>,
    /// The objective in the held-out part, taken over the worlds.
    pub oos_metric: Option<f64>,
    /// Median objective of the configurations one step away on one axis.
    pub neighbours: Option<f64>,
    /// How many neighbours that median is over.
    pub neighbour_count: u64,
    /// Every figure worth showing, in and out of sample.
    pub metrics: Vec<Metric>,
}

#[derive(Clone, Debug, PartialEq)]
pub struct Metric {
    pub title: String,
    pub unit: Unit,
    pub in_sample: Option<f64>,
    pub held_out: Option<f64>,
}

/// How a figure is written. The value is in the unit named: `Percent` holds 12.5 for 12.5 %.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Unit {
    /// About three digits, two when it is small; no unit.
    #[default]
    Ratio,
    /// Quote money, two decimals.
    Money,
    Percent,
    Bps,
    Seconds,
    Millis,
    /// A whole number.
    Count,
}

/// The leaderboard: `columns` describe `Leader::values`.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct PageBoard {
    pub columns: Vec<BoardColumn>,
    pub rows: Vec<Leader>,
}

/// Title of a column that holds one standard error of the column before it.
pub const ERROR: &str = "standard error";
/// Title of the column of what a configuration and its neighbours are worth.
pub const PLATEAU: &str = "plateau";

#[derive(Clone, Debug, PartialEq)]
pub struct BoardColumn {
    /// Heading: "Sharpe, worst world".
    pub title: String,
    pub unit: Unit,
    /// Taken from the held-out part, so it never ranked anything.
    pub held_out: bool,
}

#[derive(Clone, Debug, PartialEq)]
pub struct Leader {
    /// From 1.
    pub rank: u32,
    pub id: String,
    /// Position on each strategy axis, as in `Point::at`.
    pub at: Vec<u16>,
    /// Met every `require`.
    pub meets: bool,
    /// By column.
    pub values: Vec<Option<f64>>,
    /// Of its ledgers, in all worlds, in sample and held out: rows with the same one did the same.
    pub ledger: u64,
    /// Configurations that did the same, this one included.
    pub alike: u64,
}

/// The winner in one world.
#[derive(Clone, Debug, PartialEq)]
pub struct WorldRow {
    /// Value of each world axis, in order.
    pub values: Vec<String>,
    pub metric: Option<f64>,
    /// One standard error of `metric`, where it is known; then of `oos_metric`.
    pub error: Option<f64>,
    pub net_pnl: Option<f64>,
    pub oos_metric: Option<f64>,
    pub oos_error: Option<f64>,
    /// Median objective of all configurations in this world.
    pub all_median: Option<f64>,
    /// The world in which the winner was ranked.
    pub ranking: bool,
}

/// Equity over time, quote units. Any number of samples in time order; drawn with at most about 1,000.
#[derive(Clone, Debug, PartialEq)]
pub struct Curve {
    /// Rank in the leaderboard, from 1.
    pub rank: u32,
    pub id: String,
    /// What each of its runs began with.
    pub capital: f64,
    pub samples: Vec<(Time, f64)>,
}

/// The winner's money over the whole range in its ranking world.
#[derive(Clone, Debug, PartialEq)]
pub struct Money {
    pub in_sample: Lines,
    pub held_out: Lines,
    /// Slippage against the opposite best at decision, basis points, positive = cost; not part of the sum.
    pub decision_slippage_bps: Option<f64>,
}

#[derive(Clone, Debug, PartialEq)]
pub struct StateTime {
    /// "S0"
    pub state: String,
    pub seconds: f64,
}

#[derive(Clone, Debug, PartialEq)]
pub struct Transition {
    pub from: String,
    pub to: String,
    /// As in `strategy::REASONS`.
    pub reason: String,
    pub count: u64,
    /// Money made between the two, where the ledger measures it (unlocks: from the value frozen at lock).
    pub pnl: Option<f64>,
}

#[derive(Clone, Debug, PartialEq)]
pub struct StateSpan {
    pub from: Time,
    /// Position in S0..S5.
    pub state: u8,
}

#[derive(Clone, Debug, PartialEq)]
pub struct Trade {
    pub number: u64,
    pub opened: Time,
    pub closed: Time,
    /// Its transitions, in order; the first leaves S0.
    pub steps: Vec<Step>,
    pub lines: Lines,
    /// The end of the data closed it: its money counts, the statistics of trades leave it out.
    pub open_at_end: bool,
    /// The market around it, for a closer look; of the trades of `shown` only.
    pub view: Option<Stretch>,
}

/// A transition.
#[derive(Clone, Debug, PartialEq)]
pub struct Step {
    pub at: Time,
    /// Positions in S0..S5.
    pub from: u8,
    pub to: u8,
    /// As in `strategy::REASONS`.
    pub reason: String,
}

impl Trade {
    /// Quote units.
    pub fn net(&self) -> f64 {
        super::money(self.lines.total())
    }

    /// States passed: "S0 S1 S2 S3 S4 S0".
    pub fn path(&self) -> String {
        self.steps.iter().fold("S0".to_owned(), |path, step| format!("{path} S{}", step.to))
    }

    /// Why it was closed.
    pub fn reason(&self) -> &str {
        match self.open_at_end {
            true => "end of the data",
            false => self.steps.last().map_or("", |step| &step.reason),
        }
    }
}

/// Trades that the page lists, at most.
const MOST_TRADES: usize = 200;

/// The trades of the page: all, or those that gained or lost most, in order of time.
pub fn shown(trades: &[Trade]) -> Vec<usize> {
    let mut all: Vec<usize> = (0..trades.len()).collect();
    all.sort_by(|a, b| trades[*b].net().abs().total_cmp(&trades[*a].net().abs()).then(a.cmp(b)));
    all.truncate(MOST_TRADES);
    all.sort_unstable();
    all
}

/// Prices and spread between two moments, folded into buckets of equal length; as many as a screen can show.
#[derive(Clone, Debug, PartialEq)]
pub struct Stretch {
    pub from: Time,
    /// Exclusive.
    pub to: Time,
    pub buckets: Vec<Bucket>,
}

impl Stretch {
    /// Where a moment lies among the buckets.
    pub fn bucket(&self, at: Time) -> Option<usize> {
        let length = i128::from(self.to.since(self.from).0.max(1));
        let place = i128::from(at.since(self.from).0) * self.buckets.len() as i128 / length;
        usize::try_from(place).ok().filter(|place| *place < self.buckets.len())
    }

    /// A venue's mid about then, quote units: the middle of the bucket, or of the nearest before it that has one.
    pub fn mid_at(&self, role: Role, at: Time) -> Option<f64> {
        let known = |bucket: &Bucket| bucket.mids[role.ix()].map(|[lo, hi]| (lo + hi) / 2.0);
        self.buckets[..=self.bucket(at)?].iter().rev().find_map(known)
    }
}

/// What lies in one bucket: lowest and highest; `None` without a tick.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Bucket {
    /// Mids by role, quote units.
    pub mids: [Option<[f64; 2]>; 2],
    /// bp
    pub spread: Option<[f64; 2]>,
    /// Lower and upper level at its last tick, bp.
    pub band: Option<[f64; 2]>,
}

/// A funding settlement.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Settled {
    pub at: Time,
    /// By role, quote units; positive was received.
    pub amounts: [f64; 2],
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Legging {
    pub from: Time,
    pub ending: Ending,
    pub seconds: f64,
    /// Exposed quantity times its time, base units times seconds.
    pub qty_sec: f64,
    /// How far the exposed leg's mid moved against us at worst.
    pub worst_bp: f64,
    /// The deepest loss meanwhile, quote units, not negative.
    pub worst: f64,
    /// The most that was exposed, quote units.
    pub notional: f64,
    /// What the price made of the unmatched quantity, quote units.
    pub amount: f64,
}

/// A leg, or both, let go because funding cost too much.
#[derive(Clone, Debug, PartialEq)]
pub struct GuardAction {
    pub at: Time,
    /// Number of the trade.
    pub trade: u64,
    /// Positions in S0..S5.
    pub from: u8,
    pub to: u8,
    /// What the closed quantity would have paid until the trade's end, at least at its next settlement; quote units,
    /// positive was saved.
    pub avoided: f64,
    /// What the trade made from here on, closing included; quote units.
    pub after: f64,
}

#[derive(Clone, Debug, PartialEq)]
pub struct Gate {
    pub condition: String,
    /// 0 to 1.
    pub share: f64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Level {
    /// Red: the result should not be used as it stands.
    Severe,
    /// To be known before use.
    Caution,
}

#[derive(Clone, Debug, PartialEq)]
pub struct Warning {
    pub level: Level,
    pub text: String,
}

/// A table of the tape's condition, such as one a venue: `rows` have as many cells as `columns`.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct QualityTable {
    pub title: String,
    pub columns: Vec<String>,
    pub rows: Vec<Vec<String>>,
}

#[derive(Clone, Debug, PartialEq)]
pub struct Fact {
    pub name: String,
    pub value: String,
}
