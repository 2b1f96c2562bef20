//! The charts about the winner's luck, time, margin and size.

use super::chart::{Chart, ChartShape, bars};
use super::course::{self, Interval, TimePart};
use super::scale::{Clock, Scale, time_ticks};
use super::text;
use super::view::View;
use super::{FrontRow, PageFold, PageWalk};
use perpx_core::units::{DAY, Time};

/// Columns of a chart over time, at most.
const COLUMNS: usize = 400;
/// Lengths at which it is said how wide an error is, in days.
const LENGTHS: [f64; 5] = [14.0, 30.0, 90.0, 180.0, 365.0];

/// All that there is data for.
pub fn all(view: &View) -> Vec<Chart> {
    let luck = luck(view).or_else(|| length(view));
    let when = when(view).into_iter();
    luck.into_iter()
        .chain(tries(view))
        .chain(when)
        .chain(margin(view))
        .chain(distance(view))
        .chain(capacity(view))
        .chain(front(view))
        .chain(halves(view))
        .chain(loss(view))
        .chain(walk(view))
        .collect()
}

/// What the luckiest of as many without an edge show, and where the winner stands.
pub fn luck(view: &View) -> Option<Chart> {
    let luck = view.input.luck.as_ref()?;
    let across = Scale::over([luck.from, luck.to, luck.winner, luck.bar, 0.0], 6);
    let width = (luck.to - luck.from) / luck.counts.len().max(1) as f64;
    let place = |value: f64| across.place(value);
    let drawn: u32 = luck.counts.iter().sum();
    let mut shapes = vec![ChartShape::Shade { from: place(luck.bar), to: 1.0 }];
    for (i, count) in luck.counts.iter().enumerate().filter(|(_, count)| **count > 0) {
        let (from, to) = (luck.from + width * i as f64, luck.from + width * (i + 1) as f64);
        let note = format!(
            "{} to {}: {} of {} histories",
            text::fixed(from, 1),
            text::fixed(to, 1),
            text::count(u64::from(*count)),
            text::count(u64::from(drawn))
        );
        shapes.push(ChartShape::Bar { from: place(from), to: place(to), value: f64::from(*count), note });
    }
    shapes.push(ChartShape::Mark {
        at: place(luck.bar),
        word: format!("95 of 100 below {}", text::fixed(luck.bar, 1)),
        line: 0,
    });
    shapes.push(ChartShape::Mark {
        at: place(luck.winner),
        word: format!("winner {}", text::fixed(luck.winner, 1)),
        line: 1,
    });
    let most = luck.counts.iter().copied().max().unwrap_or(0);
    Some(Chart {
        title: format!("the luckiest of {} without an edge, and the winner", text::count(luck.distinct)),
        file: "luck",
        unit: "Histories".to_owned(),
        across: "Sharpe a year of the luckiest".to_owned(),
        scale: Scale::over([0.0, f64::from(most.max(4))], 4),
        ticks: across.ticks.iter().map(|tick| (place(*tick), across.label(*tick))).collect(),
        shapes,
        legend: Vec::new(),
    })
}

/// What luck alone shows by the number of tries, and where the winner stands.
pub fn tries(view: &View) -> Option<Chart> {
    let luck = view.input.luck.as_ref()?;
    let most = luck.curve.last()?.0.max(luck.tried).max(10) as f64;
    let place = |tries: f64| tries.max(1.0).log10() / most.log10();
    let line = |pick: fn(&(u64, f64, f64)) -> f64, tone: usize| ChartShape::Line {
        points: luck.curve.iter().map(|point| (place(point.0 as f64), Some(pick(point)))).collect(),
        tone,
    };
    let winner = ChartShape::Line { points: vec![(0.0, Some(luck.winner)), (1.0, Some(luck.winner))], tone: 2 };
    let mark = |tries: f64, word: &str, line: usize| ChartShape::Mark { at: place(tries), word: word.to_owned(), line };
    let ends = luck.curve.iter().flat_map(|point| [point.1, point.2]).chain([luck.winner, 0.0]);
    Some(Chart {
        title: "what luck alone shows, by number of tries".to_owned(),
        file: "tries",
        unit: "Sharpe a year".to_owned(),
        across: "independent tries".to_owned(),
        scale: Scale::over(ends, 5),
        ticks: (0..=most.log10() as u32)
            .map(|power| 10f64.powi(power as i32))
            .map(|n| (place(n), text::fixed(n, 0)))
            .collect(),
        shapes: vec![
            line(|point| point.1, 0),
            line(|point| point.2, 1),
            winner,
            mark(luck.independent, "as lucky as so many", 0),
            mark(luck.distinct as f64, "different ledgers", 1),
            mark(luck.tried as f64, "tried so far", 2),
        ],
        legend: ["expected of the best", "95 of 100 stay below", "the winner"].map(str::to_owned).to_vec(),
    })
}

/// Where it is too short to say: how wide one standard error of a year's Sharpe ratio is by length, by normal theory.
pub fn length(view: &View) -> Option<Chart> {
    let spans = &view.input.spans;
    view.input.winner.as_ref()?;
    let here = spans.embargo.since(spans.from).as_f64(DAY);
    let error = |days: f64| (365.0 / days).sqrt();
    let mut days: Vec<f64> = LENGTHS.into_iter().filter(|days| *days > here).collect();
    days.insert(0, here);
    let shown = |days: f64| {
        if days < 14.0 { format!("{} days", text::fixed(days, 1)) } else { format!("{} days", text::fixed(days, 0)) }
    };
    let note = |days: f64| format!("one standard error after {}: {}", shown(days), text::fixed(error(days), 1));
    let (scale, ticks, shapes) =
        bars(days.iter().map(|days| (shown(*days), error(*days), f64::NAN, note(*days))).collect());
    Some(Chart {
        title: "one standard error of a year's Sharpe, by length".to_owned(),
        file: "luck",
        unit: "± Sharpe a year".to_owned(),
        across: String::new(),
        scale,
        ticks,
        shapes,
        legend: Vec::new(),
    })
}

fn parts(view: &View, title: &str, across: &str, parts: Vec<TimePart>) -> Option<Chart> {
    let file = match across {
        "day" => "when-day",
        "hour, UTC" => "when-hour",
        "price range of an interval, bp" => "when-volatility",
        _ => "when-settlement",
    };
    let quote = &view.input.quote;
    let note = |part: &TimePart| {
        let error = if part.made.error.is_finite() {
            format!(" ± {}", text::fixed(part.made.error, 2))
        } else {
            String::new()
        };
        let counted = text::counted(part.intervals as u64, "interval");
        format!("{}: {}{error} {quote} in {counted}", part.label, text::fixed(part.made.value, 2))
    };
    let rows: Vec<_> =
        parts.iter().map(|part| (part.label.clone(), part.made.value, part.made.error, note(part))).collect();
    if rows.len() < 2 {
        return None;
    }
    let (scale, ticks, shapes) = bars(rows);
    let (title, across) = (title.to_owned(), across.to_owned());
    Some(Chart { title, file, unit: quote.clone(), across, scale, ticks, shapes, legend: Vec::new() })
}

/// When it earned: by day, hour, volatility and around settlements.
pub fn when(view: &View) -> Vec<Chart> {
    let all = &view.input.detail.intervals;
    let charts = [
        parts(view, "money by day", "day", course::by_day(all)),
        parts(view, "money by hour of the day", "hour, UTC", course::by_hour(all)),
        parts(view, "money by volatility", "price range of an interval, bp", course::by_volatility(all)),
        parts(
            view,
            "money around settlements",
            "within 10 minutes of a settlement, or not",
            course::around_settlements(all),
        ),
    ];
    charts.into_iter().flatten().collect()
}

/// By column of time the most or the least of a figure, by role, percent.
fn over_time(view: &View, pick: fn(&Interval) -> [Option<f64>; 2], worse: fn(f64, f64) -> f64) -> Vec<ChartShape> {
    let spans = &view.input.spans;
    let clock = Clock { spans, left: 0.0, right: 1.0 };
    let all = &view.input.detail.intervals;
    let count = COLUMNS.min(all.len());
    let mut shapes = Vec::new();
    if spans.has_held_out() {
        shapes.push(ChartShape::Shade { from: clock.part(spans.held_out), to: 1.0 });
    }
    for role in 0..2 {
        let mut columns: Vec<Option<f64>> = vec![None; count];
        for interval in all {
            let place = ((clock.part(interval.end) * count as f64) as usize).min(count - 1);
            if let Some(value) = pick(interval)[role] {
                columns[place] = Some(columns[place].map_or(100.0 * value, |known| worse(known, 100.0 * value)));
            }
        }
        // two points a column, so that one that stands alone is seen
        let place = |i: usize, part: f64| (i as f64 + part) / count as f64;
        let points =
            columns.iter().enumerate().flat_map(|(i, value)| [(place(i, 0.0), *value), (place(i, 1.0), *value)]);
        shapes.push(ChartShape::Line { points: points.collect(), tone: role });
    }
    shapes
}

fn of_time(view: &View, title: &str, file: &'static str, unit: &str, shapes: Vec<ChartShape>) -> Option<Chart> {
    let spans = &view.input.spans;
    let clock = Clock { spans, left: 0.0, right: 1.0 };
    let of = |shape: &ChartShape| match shape {
        ChartShape::Line { points, .. } => points.iter().filter_map(|(_, value)| *value).collect(),
        _ => Vec::new(),
    };
    let values: Vec<f64> = shapes.iter().flat_map(of).collect();
    (!values.is_empty()).then(|| Chart {
        title: title.to_owned(),
        file,
        unit: unit.to_owned(),
        across: String::new(),
        scale: Scale::over(values.into_iter().chain([0.0]), 4),
        ticks: time_ticks(spans.from, spans.to, 8).into_iter().map(|(at, label)| (clock.part(at), label)).collect(),
        shapes,
        legend: legs(view),
    })
}

/// Names of the legs.
pub fn legs(view: &View) -> Vec<String> {
    let [long, short] = &view.input.venues;
    vec![format!("long leg, {long}"), format!("short leg, {short}")]
}

pub fn margin(view: &View) -> Option<Chart> {
    let shapes = over_time(view, |interval| interval.margin, f64::max);
    of_time(view, "margin in use", "margin", "Margin, % of the venue's equity", shapes)
}

pub fn distance(view: &View) -> Option<Chart> {
    let shapes = over_time(view, |interval| interval.distance, f64::min);
    of_time(view, "distance to liquidation", "distance", "Liquidation is so far, % of the price", shapes)
}

/// Classes of ranks.
const RANKS: usize = 16;
/// More dots than this hide each other.
const MOST_DOTS: usize = 300;

/// Where the best of one half of the time ranks in the other.
pub fn halves(view: &View) -> Option<Chart> {
    let halves = view.input.halves.as_ref().filter(|halves| !halves.splits.is_empty())?;
    let most = halves.splits.iter().map(|split| split[2].abs()).fold(0.1, f64::max);
    let class = |logit: f64| (((logit + most) / (2.0 * most) * RANKS as f64) as usize).min(RANKS - 1);
    let mut counts = [0u64; RANKS];
    halves.splits.iter().for_each(|split| counts[class(split[2])] += 1);
    let all = halves.splits.len() as u64;
    let edge = |i: usize| i as f64 / RANKS as f64;
    // the logit of a rank, back to the share of configurations that are beaten
    let beaten = |part: f64| 100.0 / (1.0 + (-(2.0 * part - 1.0) * most).exp());
    let mut shapes = vec![ChartShape::Shade { from: 0.0, to: 0.5 }];
    shapes.extend(counts.iter().enumerate().filter(|(_, count)| **count > 0).map(|(i, count)| ChartShape::Bar {
        from: edge(i),
        to: edge(i + 1),
        value: *count as f64,
        note: format!("{} of {} splits", text::count(*count), text::count(all)),
    }));
    shapes.push(ChartShape::Mark { at: 0.5, word: "the middle".to_owned(), line: 0 });
    Some(Chart {
        title: "where the best of one half ranks in the other".to_owned(),
        file: "halves",
        unit: "Splits".to_owned(),
        across: "per cent of the configurations that it beats there".to_owned(),
        scale: Scale::over([0.0, counts.iter().copied().max().unwrap_or(1).max(4) as f64], 4),
        ticks: [0.05, 0.25, 0.5, 0.75, 0.95].map(|part| (part, text::fixed(beaten(part), 1))).to_vec(),
        shapes,
        legend: Vec::new(),
    })
}

/// What the best of one half of the time showed there, and in the other half.
pub fn loss(view: &View) -> Option<Chart> {
    let halves = view.input.halves.as_ref()?;
    let known: Vec<&[f64; 3]> =
        halves.splits.iter().filter(|split| split[0].is_finite() && split[1].is_finite()).collect();
    if known.len() < 2 {
        return None;
    }
    let scale = Scale::over(known.iter().map(|split| split[0]).chain([0.0]), 5);
    let place = |value: f64| scale.place(value);
    let ends = [scale.lo, scale.hi];
    let diagonal = ends.map(|end| (place(end), Some(end))).to_vec();
    let every = known.len().div_ceil(MOST_DOTS);
    let mut shapes = vec![ChartShape::Line { points: diagonal, tone: 1 }];
    shapes.extend(known.iter().step_by(every).map(|split| ChartShape::Dot {
        at: place(split[0]),
        value: split[1],
        word: String::new(),
        note: format!("{} in the half that chose, {} in the other", text::fixed(split[0], 1), text::fixed(split[1], 1)),
    }));
    Some(Chart {
        title: "what the best of one half shows in the other".to_owned(),
        file: "halves-sharpe",
        unit: "Sharpe a year in the other half".to_owned(),
        across: "Sharpe a year in the half that chose".to_owned(),
        scale: Scale::over(known.iter().map(|split| split[1]).chain([0.0, scale.hi]), 5),
        ticks: scale.ticks.iter().map(|tick| (place(*tick), scale.label(*tick))).collect(),
        shapes,
        legend: Vec::new(),
    })
}

/// What choosing by the time before made on the time after, joined, beside the winner.
pub fn walk(view: &View) -> Option<Chart> {
    let walk = view.input.walks.first()?;
    let (from, to) = (walk.folds.first()?.from, walk.folds.last()?.to);
    let place = |at: Time| at.since(from).as_f64(to.since(from));
    let mut shapes: Vec<ChartShape> = walk
        .folds
        .iter()
        .skip(1)
        .step_by(2)
        .map(|fold| ChartShape::Shade { from: place(fold.from), to: place(fold.to) })
        .collect();
    let line = |parts: fn(&PageFold) -> &[f64], tone: usize| {
        let (mut points, mut sum) = (vec![(0.0, Some(0.0))], 0.0);
        for fold in &walk.folds {
            let (begin, count) = (place(fold.from), parts(fold).len() as f64);
            for (part, i) in parts(fold).iter().zip(1..) {
                sum += 100.0 * part;
                points.push((begin + (place(fold.to) - begin) * f64::from(i) / count, Some(sum)));
            }
        }
        ChartShape::Line { points, tone }
    };
    shapes.extend([line(|fold| &fold.winner, 1), line(|fold| &fold.parts, 0)]);
    let values = |shape: &ChartShape| match shape {
        ChartShape::Line { points, .. } => points.iter().filter_map(|point| point.1).collect(),
        _ => Vec::new(),
    };
    let all: Vec<f64> = shapes.iter().flat_map(values).collect();
    Some(Chart {
        title: "chosen by the time before, on the time after".to_owned(),
        file: "walk-forward",
        unit: "% of the capital".to_owned(),
        across: String::new(),
        scale: Scale::over(all.into_iter().chain([0.0]), 5),
        ticks: walk
            .folds
            .iter()
            .zip(picks(walk))
            .map(|(fold, pick)| ((place(fold.from) + place(fold.to)) / 2.0, format!("{pick} {}", text::day(fold.from))))
            .collect(),
        shapes,
        legend: vec!["chosen again and again".to_owned(), "the winner, which all of this time chose".to_owned()],
    })
}

/// A letter for each fold's choice: the same letter, the same configuration.
pub fn picks(walk: &PageWalk) -> Vec<char> {
    let mut known: Vec<&str> = Vec::new();
    let mut letters = Vec::new();
    for fold in &walk.folds {
        let at = known.iter().position(|id| *id == fold.id).unwrap_or(known.len());
        if at == known.len() {
            known.push(&fold.id);
        }
        letters.push(char::from(b'A' + (at as u8).min(25)));
    }
    letters
}

/// Points of an ellipse.
const ELLIPSE: usize = 60;

/// Of several objectives the first two: what none beats, the winner, the knee, and how far the winner and its nearest move.
pub fn front(view: &View) -> Option<Chart> {
    let front = view.input.front.as_ref()?;
    let [(up, up_unit), (across, across_unit), ..] = front.objectives.as_slice() else { return None };
    let winner = view.input.winner.as_ref().map(|winner| winner.id.as_str());
    let known = |row: &FrontRow| Some((row.values.first().copied()??, row.values.get(1).copied()??));
    let places: Vec<(&FrontRow, f64, f64)> =
        front.rows.iter().filter_map(|row| known(row).map(|(up, across)| (row, across, up))).collect();
    if places.len() < 2 {
        return None;
    }
    let rings: Vec<Vec<(f64, f64)>> =
        places.iter().filter_map(|(row, x, y)| Some(ellipse((*x, *y), row.moves?))).collect();
    let all = || places.iter().map(|(_, x, y)| (*x, *y)).chain(rings.iter().flatten().copied());
    let scale = Scale::over(all().map(|(x, _)| x), 6);
    let place = |value: f64| scale.place(value);
    let mut shapes: Vec<ChartShape> = rings
        .iter()
        .map(|ring| ChartShape::Line { points: ring.iter().map(|(x, y)| (place(*x), Some(*y))).collect(), tone: 1 })
        .collect();
    let knee = front.knee.and_then(|at| front.rows.get(at)).map(|row| row.id.as_str());
    let of = |value: f64, unit| text::measured(Some(value), unit, &view.input.quote);
    shapes.extend(places.iter().map(|(row, x, y)| ChartShape::Dot {
        at: place(*x),
        value: *y,
        word: match (winner == Some(row.id.as_str()), knee == Some(row.id.as_str())) {
            (true, true) => "winner, at the knee".to_owned(),
            (true, false) => "winner".to_owned(),
            (false, true) => "knee".to_owned(),
            (false, false) => String::new(),
        },
        note: format!("{}: {up} {}, {across} {}", row.id, of(*y, *up_unit), of(*x, *across_unit)),
    }));
    let titled = |title: &str, unit| match text::unit_name(unit, &view.input.quote) {
        "" => text::capital(title),
        unit => format!("{}, {unit}", text::capital(title)),
    };
    Some(Chart {
        title: format!("the front of {up} and {across}"),
        file: "front",
        unit: titled(up, *up_unit),
        across: titled(across, *across_unit),
        scale: Scale::over(all().map(|(_, y)| y), 5),
        ticks: scale.ticks.iter().map(|tick| (place(*tick), scale.label(*tick))).collect(),
        shapes,
        legend: Vec::new(),
    })
}

/// One standard error around a place (across, up), from the variance upwards, the covariance, the variance across.
fn ellipse((x, y): (f64, f64), [up, both, across]: [f64; 3]) -> Vec<(f64, f64)> {
    let reach = across.max(0.0).sqrt();
    let lean = if reach > 0.0 { both / reach } else { 0.0 };
    let rest = (up - lean * lean).max(0.0).sqrt();
    let point = |i: usize| {
        let (sin, cos) = (std::f64::consts::TAU * i as f64 / ELLIPSE as f64).sin_cos();
        (x + reach * cos, y + lean * cos + rest * sin)
    };
    (0..=ELLIPSE).map(point).collect()
}

/// The money of both runs at other sizes.
pub fn capacity(view: &View) -> Option<Chart> {
    let sized = &view.capacity;
    let (first, last) = (sized.first()?, sized.last()?);
    let place = |times: f64| (times / first.times).log2() / (last.times / first.times).log2();
    let best = sized.iter().map(|s| s.net).fold(0.0, f64::max);
    let label = |times: f64| format!("×{}", if times < 1.0 { text::fixed(times, 2) } else { text::fixed(times, 0) });
    let zero = ChartShape::Mark { at: place(1.0), word: "as traded".to_owned(), line: 0 };
    let line = ChartShape::Line { points: sized.iter().map(|s| (place(s.times), Some(s.net))).collect(), tone: 0 };
    Some(Chart {
        title: "money by size".to_owned(),
        file: "capacity",
        unit: view.input.quote.clone(),
        across: "times the size that was traded".to_owned(),
        // what is lost beyond is not worth the room
        scale: Scale::over(sized.iter().map(|s| s.net.max(-0.25 * best)).chain([0.0]), 4),
        ticks: sized.iter().map(|s| (place(s.times), label(s.times))).collect(),
        shapes: vec![zero, line],
        legend: Vec::new(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::fake;

    #[test]
    fn an_ellipse_reaches_one_standard_error_each_way() {
        for moves in [[4.0, -1.2, 0.49], [4.0, 0.0, 0.0], [0.0, 0.0, 0.25]] {
            let [up, _, across] = moves;
            let ring = ellipse((1.0, 10.0), moves);
            let reach = |of: fn(&(f64, f64)) -> f64| ring.iter().map(of).fold(f64::NEG_INFINITY, f64::max);
            assert!((reach(|p| p.0) - 1.0 - across.sqrt()).abs() < 1e-9, "{moves:?}");
            assert!((reach(|p| p.1) - 10.0 - up.sqrt()).abs() < 0.01, "{moves:?}");
        }
    }

    #[test]
    fn what_was_chosen_has_a_chart_each_and_equal_choices_equal_letters() {
        let input = fake::input(5);
        let view = View::new(&input).expect("a view");
        let files: Vec<&str> = all(&view).iter().map(|chart| chart.file).collect();
        for file in ["front", "halves", "halves-sharpe", "walk-forward"] {
            assert!(files.contains(&file), "{file} in {files:?}");
        }
        assert_eq!(picks(&input.walks[0]), ['A', 'A', 'B', 'B', 'C']);
        let drawn = halves(&view).expect("a chart");
        let bars = drawn.shapes.iter().filter_map(|shape| match shape {
            ChartShape::Bar { value, .. } => Some(*value),
            _ => None,
        });
        assert_eq!(bars.sum::<f64>(), 70.0, "every split counts once");
        let without = crate::report::Input { halves: None, walks: Vec::new(), front: None, ..input.clone() };
        let view = View::new(&without).expect("a view");
        assert!([front, halves, loss, walk].iter().all(|chart| chart(&view).is_none()));
    }
}
