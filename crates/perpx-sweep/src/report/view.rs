//! What page and pictures have in common: the input checked, and everything summarised from its points, once.

use super::course::{self, Benchmark, Interval, Sized};
use super::frame::{Frame, Spread, quantile};
use super::heat::{Heatmap, Side, heatmaps};
use super::importance::{AxisShare, WholeGrid};
use super::{Curve, Input, Level, PageAxis, PagePoint, ReportError, SymbolRow, Warning, Winner};
use super::{palette, text};
use crate::neighbours::{AxisShape, Plateau};
use perpx_core::units::Time;

pub struct View<'a> {
    pub input: &'a Input,
    /// The strategy axes; `Point::at` counts along them.
    pub axes: Vec<&'a PageAxis>,
    /// Their short names.
    pub names: Vec<String>,
    pub maps: Vec<Heatmap>,
    /// The winner's metric over every pair of world axes: what reject rates, latencies, outages do to it.
    pub faults: Vec<Heatmap>,
    /// Short names of the world axes.
    pub world_names: Vec<String>,
    /// None where the winner has too few neighbours.
    pub plateau: Option<WinnerPlateau>,
    pub slices: Vec<Slice>,
    /// By strategy axis what it does to the objective; none where the grid is not whole, or the winner may be luck.
    pub importance: Option<Vec<AxisShare>>,
    pub histogram: Option<Histogram>,
    pub warnings: Vec<Warning>,
    /// By run: its intervals, and holding the first leg beside the winner.
    pub runs: [&'a [Interval]; 2],
    pub benchmarks: [Option<Benchmark>; 2],
    /// The money of both runs at other sizes.
    pub capacity: Vec<Sized>,
}

/// The metric along one axis, over all the others.
pub struct Slice {
    pub side: Side,
    pub spreads: Vec<Spread>,
    /// The group of the winner's value.
    pub winner: Option<usize>,
}

impl Slice {
    /// How far the medians of its values lie apart.
    pub fn effect(&self) -> f64 {
        let medians = || self.spreads.iter().filter_map(|spread| spread.median);
        (medians().fold(f64::NEG_INFINITY, f64::max) - medians().fold(f64::INFINITY, f64::min)).max(0.0)
    }
}

/// How the metric is distributed over all configurations.
#[derive(Debug, PartialEq)]
pub struct Histogram {
    /// Limits of the bins, one more than bins. The end bins also hold what lies beyond them.
    pub edges: Vec<f64>,
    pub counts: Vec<u64>,
    pub below: u64,
    pub above: u64,
    pub median: f64,
    /// Share of the configurations that are no better than the winner, 0 to 1.
    pub winner_rank: Option<f64>,
}

/// More values of an axis than this are put together in a slice.
const SLICE_GROUPS: usize = 40;
const BINS: usize = 40;
/// Fewer configurations than this are read off the leaderboard.
const FEW: usize = 10;

/// How far the winner stands on a plateau.
#[derive(Debug, PartialEq)]
pub struct WinnerPlateau {
    /// The lower median of the objective over it and its neighbours, by the worst first.
    pub score: f64,
    /// By that among all, the first 1.
    pub rank: u64,
    /// The first: which point, and its score.
    pub best: (usize, f64),
    /// Half of its score, where that is a gain.
    pub floor: Option<f64>,
    /// Points that single steps connect with it without a score below `floor`, itself first.
    pub around: Vec<usize>,
}

impl<'a> View<'a> {
    pub fn new(input: &'a Input) -> Result<View<'a>, ReportError> {
        check(input)?;
        let axes: Vec<&PageAxis> = input.axes.iter().filter(|a| !a.is_world()).collect();
        let at = input.winner.as_ref().map(|w| w.at.as_slice());
        let plateau = at.and_then(|at| plateau(&axes, input, at));
        let flat =
            plateau.as_ref().map_or(Vec::new(), |found| found.around.iter().map(|i| &input.points[*i]).collect());
        let frame = Frame::new(&axes, &input.points);
        let mut slices = Vec::new();
        for (i, axis) in axes.iter().enumerate().filter(|(_, a)| a.values.len() > 1) {
            let side = Side::fold(i, axis, SLICE_GROUPS);
            let mut spreads = frame.by_axis(i, side.labels.len(), side.width)?;
            turn(input, &mut spreads);
            slices.push(Slice { winner: at.map(|at| side.group(at[i])), side, spreads });
        }
        let mut maps = heatmaps(&axes, &input.points, at, &flat)?;
        let (world_axes, worlds) = worlds(input);
        let cut = input.detail.intervals.partition_point(|interval| !interval.is_held_out);
        let runs: [&[Interval]; 2] = input.detail.intervals.split_at(cut).into();
        let made = input.money.as_ref().map_or(0.0, |m| text::money(m.in_sample.total() + m.held_out.total()));
        let ranking = input.worlds.iter().position(|world| world.ranking);
        let ranked = ranking.and_then(|i| worlds.get(i)).map(|world| world.at.as_slice());
        let mut faults = heatmaps(&world_axes, &worlds, ranked, &[])?;
        let peak = plateau.as_ref().map(|found| input.points[found.best.0].at.as_slice());
        maps.iter_mut().for_each(|map| map.peak = peak.map(|at| map.cell(at)));
        maps.iter_mut().chain(&mut faults).for_each(|map| turn(input, &mut map.cells));
        Ok(View {
            input,
            faults,
            world_names: text::short_names(&world_axes),
            names: text::short_names(&axes),
            maps,
            plateau,
            importance: importance(input, &axes),
            slices,
            histogram: histogram(
                &frame.sorted()?,
                input.winner.as_ref().and_then(|w| w.metric),
                input.objective.lower_is_better,
            ),
            warnings: warnings(input),
            benchmarks: runs.map(course::benchmark),
            capacity: course::capacity(made, &input.detail.fills),
            runs,
            axes,
        })
    }

    /// The winner's value on strategy axis `i`.
    pub fn value(&self, at: &[u16], i: usize) -> &'a str {
        self.axes[i].values.get(usize::from(at[i])).map_or("", String::as_str)
    }

    /// The objective as a heading: "sharpe (worst world)".
    pub fn metric(&self) -> String {
        let objective = &self.input.objective;
        let unit = text::unit_name(objective.unit, &self.input.quote);
        let unit = if unit.is_empty() { String::new() } else { format!(", {unit}") };
        let world = &objective.over_world;
        let many = self.input.counts.worlds > 1 && !world.is_empty();
        let over = if many { format!(" ({world} world)") } else { String::new() };
        format!("{}{unit}{over}", self.objective())
    }

    /// The objective in words: "Sharpe".
    pub fn objective(&self) -> String {
        text::words(&self.input.objective.metric)
    }

    /// The row of this rank meets every requirement. Where none does, none is set apart.
    pub fn meets(&self, rank: u32) -> bool {
        let mut rows = self.input.board.rows.iter();
        self.input.counts.eligible == 0 || rows.find(|row| row.rank == rank).is_some_and(|row| row.meets)
    }

    /// The curves to draw: of the best few that meet every requirement, the winner first.
    pub fn curves(&self) -> &'a [Curve] {
        let all = &self.input.curves;
        let count = all.iter().take(palette::CURVES.len()).take_while(|curve| self.meets(curve.rank)).count();
        &all[..count]
    }

    /// The equity of holding the same exposure in a run, at the ends of its intervals.
    pub fn holding(&self, run: usize) -> Vec<(Time, f64)> {
        let spans = &self.input.spans;
        let Some(found) = &self.benchmarks[run] else { return Vec::new() };
        let start = if run == 0 { spans.from } else { spans.held_out };
        let capital = self.input.capital;
        std::iter::once((start, capital)).chain(found.curve.iter().map(|(at, made)| (*at, capital + made))).collect()
    }

    /// What the page over several symbols says of this one.
    pub fn symbol_row(&self) -> SymbolRow {
        let input = self.input;
        let money = |lines: &perpx_core::ledger::Lines| text::money(lines.total());
        let winner = input.winner.clone().unwrap_or_default();
        let severe = self.warnings.iter().filter(|warning| warning.level == Level::Severe);
        SymbolRow {
            symbol: input.symbol.clone(),
            quote: input.quote.clone(),
            wins: input.wins(),
            unit: input.objective.unit,
            metric: winner.metric,
            oos_metric: winner.oos_metric,
            neighbours: winner.neighbours,
            net: input.money.as_ref().map(|m| money(&m.in_sample)),
            oos_net: input.money.as_ref().filter(|_| input.spans.has_held_out()).map(|m| money(&m.held_out)),
            configurations: input.counts.configurations,
            severe: severe.map(|warning| warning.text.clone()).collect(),
            id: winner.id,
        }
    }

    /// The objective with its unit, for a sentence.
    pub fn measured(&self, metric: Option<f64>) -> String {
        text::measured(metric, self.input.objective.unit, &self.input.quote)
    }

    /// The objective without its unit, for a table or chart that names it.
    pub fn figure(&self, metric: Option<f64>) -> String {
        text::figure(metric, self.input.objective.unit)
    }
}

/// Where the winner stands by the lower median of itself and its neighbours. None where it has too few of them.
fn plateau(axes: &[&PageAxis], input: &Input, winner: &[u16]) -> Option<WinnerPlateau> {
    let shapes: Vec<AxisShape> = axes.iter().map(|axis| axis.shape()).collect();
    let places = input.points.iter().map(|point| point.at.as_slice()).collect();
    let sign = if input.objective.lower_is_better { -1.0 } else { 1.0 };
    let worth = |point: &PagePoint| point.metric.filter(|_| point.eligible).map(|metric| metric * sign);
    let found = Plateau::new(&shapes, places, input.points.iter().map(worth).collect());
    let score = found.scores[found.at(winner)?].filter(|score| score.is_finite())?;
    let ranked = found.ranked();
    let rank = ranked.iter().position(|point| Some(*point) == found.at(winner))?;
    let best = ranked[0];
    // the same plateau: at least half of its score, where that is a gain
    let floor = (score > 0.0).then_some(score / 2.0);
    let around = floor.map_or(Vec::new(), |floor| found.around(winner, floor));
    let best = (best, found.scores[best]? * sign);
    Some(WinnerPlateau { score: score * sign, rank: rank as u64 + 1, best, floor, around })
}

/// As likely luck as not: what moves the objective then is noise.
pub const LIKELY: f64 = 0.5;

fn importance(input: &Input, axes: &[&PageAxis]) -> Option<Vec<AxisShare>> {
    input.luck.as_ref().filter(|luck| luck.share < LIKELY)?;
    let sizes: Vec<usize> = axes.iter().map(|axis| axis.values.len()).collect();
    let points = input.points.iter().map(|point| (point.at.as_slice(), point.metric));
    WholeGrid::new(&sizes, points).map(|grid| grid.shares())
}

/// Where lower is better, the best is the lowest.
fn turn(input: &Input, spreads: &mut [Spread]) {
    spreads.iter_mut().filter(|_| input.objective.lower_is_better).for_each(Spread::turn);
}

/// The world axes, and the winner in each world as a point on them.
fn worlds(input: &Input) -> (Vec<&PageAxis>, Vec<PagePoint>) {
    let axes: Vec<&PageAxis> = input.axes.iter().filter(|axis| axis.is_world()).collect();
    let place = |(axis, value): (&&PageAxis, &String)| axis.values.iter().position(|known| known == value);
    let points = input.worlds.iter().filter_map(|world| {
        let at: Option<Vec<u16>> = axes.iter().zip(&world.values).map(|pair| Some(place(pair)? as u16)).collect();
        let at = at.filter(|at| at.len() == axes.len())?;
        Some(PagePoint { at, metric: world.metric, eligible: true, stands: None })
    });
    let points = points.collect();
    (axes, points)
}

/// The input's own warnings, and those that no report may lack: a loss in sample or held out, losing neighbours.
fn warnings(input: &Input) -> Vec<Warning> {
    let mut out: Vec<Warning> = Vec::new();
    let mut severe = |text: String| out.push(Warning { level: Level::Severe, text });
    let name = text::words(&input.objective.metric);
    let loses = input.winner.as_ref().and_then(|w| w.metric).is_some_and(|m| m < 0.0);
    if let Some(metric) = input.winner.as_ref().and_then(|w| w.metric).filter(|m| *m < 0.0) {
        let shown = text::measured(Some(metric), input.objective.unit, &input.quote);
        severe(format!("Even the best {name} is negative: {shown}."));
    }
    let who = input.subject();
    let made = match input.objective.metric.as_str() {
        // over the worlds, as it ranks
        "net_pnl" => input.winner.as_ref().and_then(|w| w.oos_metric),
        _ => input.money.as_ref().map(|m| text::money(m.held_out.total())),
    };
    if let Some(made) = made.filter(|made| *made < 0.0 && input.spans.has_held_out()) {
        let lost = text::fixed(-made, 2);
        severe(format!("{who} loses money out of sample: {lost} {} in the held-out part.", input.quote));
    } else if let Some(metric) = input.winner.as_ref().and_then(|w| w.oos_metric).filter(|m| *m < 0.0) {
        let shown = text::measured(Some(metric), input.objective.unit, &input.quote);
        severe(format!("{who}'s {name} is negative in the held-out part: {shown}."));
    }
    if let Some(median) = input.winner.as_ref().and_then(|w| w.neighbours).filter(|m| *m < 0.0 && !loses) {
        let shown = text::measured(Some(median), input.objective.unit, &input.quote);
        severe(format!("{who} stands alone: the median {name} of its neighbours is {shown}."));
    }
    let unproven = input.winner.as_ref().is_some_and(|w| !w.oos_metric.is_some_and(f64::is_finite));
    if unproven && input.spans.has_held_out() {
        let text = format!("{who} has no {name} in the held-out part: too little happened there.");
        out.push(Warning { level: Level::Caution, text });
    }
    let doubtful = |w: &&Winner| w.metric.zip(w.error).is_some_and(|(metric, error)| metric.abs() < 2.0 * error);
    if input.winner.as_ref().filter(doubtful).is_some() {
        let text = format!("{who}'s {name} is within two standard errors of zero: it may be chance.");
        out.push(Warning { level: Level::Caution, text });
    }
    out.extend(input.warnings.iter().cloned());
    out.sort_by_key(|w| w.level == Level::Caution);
    out
}

/// Without the last half percent at both ends, but with the winner; nothing of fewer than `FEW`.
fn histogram(sorted: &[f64], winner: Option<f64>, lower_is_better: bool) -> Option<Histogram> {
    if sorted.len() < FEW {
        return None;
    }
    let winner = winner.filter(|w| w.is_finite());
    let cut = sorted.len() / 200;
    let (lo, hi) = (sorted[cut], sorted[sorted.len() - 1 - cut]);
    let (lo, hi) = (winner.unwrap_or(lo).min(lo), winner.unwrap_or(hi).max(hi));
    let (lo, hi) = if hi > lo { (lo, hi) } else { (lo - 0.5, lo + 0.5) };
    let width = (hi - lo) / BINS as f64;
    // zero is an edge, so that a bar is all gain or all loss
    let first_edge = (lo / width).floor();
    let bins = ((hi / width).floor() - first_edge) as usize + 1;
    let edge = |i: usize| (first_edge + i as f64) * width;
    let mut counts = vec![0; bins];
    for value in sorted {
        counts[((value / width).floor() - first_edge).clamp(0.0, (bins - 1) as f64) as usize] += 1;
    }
    let (lo, hi) = (edge(0), edge(bins));
    let under = |limit: f64| sorted.partition_point(|v| *v <= limit);
    let no_better = |w: f64| if lower_is_better { sorted.len() - sorted.partition_point(|v| *v < w) } else { under(w) };
    Some(Histogram {
        edges: (0..=bins).map(edge).collect(),
        counts,
        below: sorted.partition_point(|v| *v < lo) as u64,
        above: (sorted.len() - under(hi)) as u64,
        median: quantile(sorted, 0.5),
        winner_rank: winner.map(|w| no_better(w) as f64 / sorted.len() as f64),
    })
}

/// Refuses what would make a page lie or fail: places that are not on the grid, rows of the wrong length.
fn check(input: &Input) -> Result<(), ReportError> {
    let axes: Vec<&PageAxis> = input.axes.iter().filter(|a| !a.is_world()).collect();
    let bad = |place: String, found: String, expected: String| Err(ReportError::Input { place, found, expected });
    let on_grid = |place: String, at: &[u16]| {
        let fits = at.len() == axes.len() && at.iter().zip(&axes).all(|(v, a)| usize::from(*v) < a.values.len());
        let sizes: Vec<usize> = axes.iter().map(|a| a.values.len()).collect();
        if fits { Ok(()) } else { bad(place, format!("{at:?}"), format!("a place on the grid of {sizes:?} values")) }
    };
    for (i, point) in input.points.iter().enumerate() {
        on_grid(format!("points[{i}].at"), &point.at)?;
    }
    if let Some(winner) = &input.winner {
        on_grid("winner.at".to_owned(), &winner.at)?;
    }
    let columns = input.board.columns.len();
    for (i, row) in input.board.rows.iter().enumerate() {
        on_grid(format!("board.rows[{i}].at"), &row.at)?;
        if row.values.len() != columns {
            return bad(format!("board.rows[{i}].values"), row.values.len().to_string(), format!("{columns} values"));
        }
    }
    for table in &input.quality {
        if let Some((i, row)) = table.rows.iter().enumerate().find(|(_, r)| r.len() != table.columns.len()) {
            let place = format!("quality '{}' rows[{i}]", table.title);
            return bad(place, format!("{} cells", row.len()), format!("{} cells", table.columns.len()));
        }
    }
    let spans = &input.spans;
    if !(spans.from < spans.to && spans.from <= spans.embargo && spans.embargo <= spans.held_out)
        || spans.held_out > spans.to
    {
        return bad(
            "spans".to_owned(),
            format!("{spans:?}"),
            "from <= embargo <= held_out <= to, from < to".to_owned(),
        );
    }
    if let Some(i) = input.detail.timeline.iter().position(|s| s.state > 5) {
        return bad(format!("timeline[{i}].state"), input.detail.timeline[i].state.to_string(), "0 to 5".to_owned());
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::fake;

    #[test]
    fn the_histogram_counts_everything_and_shows_the_winner() {
        let mut sorted: Vec<f64> = (0..1_000).map(|i| f64::from(i) / 1_000.0).collect();
        sorted[999] = 50.0;
        sorted[0] = -70.0;
        assert_eq!(histogram(&sorted, Some(0.9), true).unwrap().winner_rank, Some(0.1), "lower is better");
        let h = histogram(&sorted, Some(0.9), false).unwrap();
        assert_eq!(h.counts.iter().sum::<u64>(), 1_000);
        assert!(h.edges[0] >= -0.1 && *h.edges.last().unwrap() < 1.1, "two outliers don't stretch it");
        assert_eq!(h.edges.len(), h.counts.len() + 1);
        assert!(h.below >= 1 && h.above >= 1);
        assert_eq!(h.winner_rank, Some(0.901));
        assert_eq!(histogram(&[], None, false), None);
        assert_eq!(histogram(&[2.0; 10], Some(2.0), false).unwrap().counts.iter().sum::<u64>(), 10);
        sorted[0] = -1.0;
        let far = histogram(&sorted, Some(90.0), false).unwrap();
        assert!(*far.edges.last().unwrap() >= 90.0, "never cuts the winner off");
        assert!(far.edges.contains(&0.0));
    }

    #[test]
    fn what_does_not_win_is_not_called_the_winner_and_money_is_that_of_the_ranking() {
        let mut input = fake::input(500);
        input.objective.metric = "net_pnl".to_owned();
        input.winner.as_mut().unwrap().oos_metric = Some(-36.75);
        assert!(warnings(&input)[0].text.starts_with("The winner loses money out of sample: 36.75 "));
        input.counts.eligible = 0;
        assert!(
            warnings(&input).iter().any(|said| said.text.starts_with("The first-ranked configuration loses money"))
        );
        assert!(warnings(&input).iter().all(|said| !said.text.starts_with("The winner ")));
    }

    #[test]
    fn a_losing_winner_is_marked_without_being_asked() {
        let mut input = fake::input(500);
        input.warnings.clear();
        assert!(warnings(&input).is_empty());
        let winner = input.winner.as_mut().unwrap();
        (winner.neighbours, winner.oos_metric) = (Some(-0.2), Some(-1.0));
        input.money = None;
        let levels: Vec<Level> = warnings(&input).iter().map(|w| w.level).collect();
        assert_eq!(levels, [Level::Severe, Level::Severe]);
        input.winner.as_mut().unwrap().oos_metric = None;
        assert_eq!(warnings(&input)[1].level, Level::Caution, "an empty held-out part proves nothing");
        let known = warnings(&input).len();
        let winner = input.winner.as_mut().unwrap();
        winner.error = winner.metric.map(|metric| metric / 1.9);
        assert_eq!(warnings(&input).len(), known + 1, "a figure within its error proves nothing");
    }

    #[test]
    fn a_place_off_the_grid_is_refused_by_name() {
        let mut input = fake::input(2);
        input.points[1].at[0] = 77;
        let text = View::new(&input).err().unwrap().to_string();
        assert!(text.starts_with("report: points[1].at: found [77"), "{text}");
        let mut input = fake::input(2);
        input.board.rows[0].values.pop();
        let text = View::new(&input).err().unwrap().to_string();
        assert!(text.contains("board.rows[0].values"), "{text}");
    }
}
