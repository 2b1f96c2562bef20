//! Parallel coordinates of the top: a line a configuration through its value on every axis and its objective.

use super::svg::n;
use crate::report::scale::Scale;
use crate::report::view::View;
use crate::report::{Leader, text};
use maud::{Markup, html};

/// Lines beyond these would be a smear.
const MOST: usize = 60;

/// What is drawn: axes with more than one value and the rows, best first.
pub struct Parallel<'a> {
    pub axes: Vec<usize>,
    pub rows: Vec<&'a Leader>,
    /// Of the objective, which is the board's first column.
    pub scale: Scale,
}

impl<'a> Parallel<'a> {
    pub fn of(view: &View<'a>) -> Option<Parallel<'a>> {
        let axes: Vec<usize> = (0..view.axes.len()).filter(|i| view.axes[*i].values.len() > 1).collect();
        let known = |row: &&Leader| objective(row).is_some() && view.meets(row.rank);
        let rows: Vec<&Leader> = view.input.board.rows.iter().filter(known).take(MOST).collect();
        let scale = Scale::over(rows.iter().filter_map(|row| objective(row)), 4);
        (axes.len() > 1 && rows.len() > 1).then_some(Parallel { axes, rows, scale })
    }

    /// Places 0 to 1 of a row: on each axis, then of its objective. Rows are set apart a little, so that those with the
    /// same values do not hide each other.
    pub fn places(&self, view: &View, number: usize) -> Vec<f64> {
        let row = self.rows[number];
        let apart = (number as f64 + 0.5) / self.rows.len() as f64 - 0.5;
        let on_axis = |&axis: &usize| {
            let values = view.axes[axis].values.len() as f64;
            (f64::from(row.at[axis]) + 0.5 - 0.55 * apart) / values
        };
        let objective = objective(row).map(|value| self.scale.place(value));
        self.axes.iter().map(on_axis).chain(objective).collect()
    }

    /// 0 for the best, 1 for the last.
    pub fn tone(&self, number: usize) -> f64 {
        number as f64 / (self.rows.len() - 1).max(1) as f64
    }
}

fn objective(row: &Leader) -> Option<f64> {
    row.values.first().copied().flatten().filter(|v| v.is_finite())
}

pub fn body(view: &View) -> Option<Markup> {
    let parallel = Parallel::of(view)?;
    let count = text::count(parallel.rows.len() as u64);
    Some(html! {
        p.note {
            "The best " (count) ": each line is a configuration and crosses every axis at its value; the last axis is "
            (view.metric()) ". The thick line is the winner, darker is better. Where all lines cross an axis at one value, that value "
            "carries the top; where they scatter, the axis hardly matters to it. Point at a line, or at a row of the leaderboard, to single it out."
        }
        figure #parallel-chart {
            div.wide { (across(view, &parallel)) }
            div.narrow { (down(view, &parallel)) }
            p.readout role="status" {}
        }
    })
}

/// Values of an axis that have room for `most` labels.
fn labels(values: &[String], most: usize) -> impl Iterator<Item = (f64, &String)> {
    let every = values.len().div_ceil(most).max(1);
    let place = |i: usize| (i as f64 + 0.5) / values.len() as f64;
    values.iter().enumerate().filter(move |(i, _)| i % every == 0).map(move |(i, value)| (place(i), value))
}

/// Axes stand upright, side by side.
fn across(view: &View, parallel: &Parallel) -> Markup {
    let (left, right, top, bottom) = (90.0, 1150.0, 46.0, 340.0);
    let step = (right - left) / parallel.axes.len() as f64;
    let x = |i: usize| left + step * i as f64;
    let y = |place: f64| bottom - (bottom - top) * place;
    let room = (step / 7.2) as usize;
    html! {
        svg viewBox="0 0 1240 360" role="img" aria-label="Parallel coordinates of the best; the leaderboard has the figures" {
            (lines(view, parallel, |i, place| (x(i), y(place))))
            g.ruler {
                @for (i, &axis) in parallel.axes.iter().enumerate() {
                    line.axis x1=(n(x(i))) x2=(n(x(i))) y1=(n(top)) y2=(n(bottom)) {}
                    // names at two heights, so that neighbours do not touch
                    text.name x=(n(x(i))) y=(n(top - if i.is_multiple_of(2) { 28.0 } else { 12.0 })) text-anchor="middle" { (view.names[axis]) }
                    @for (place, value) in labels(&view.axes[axis].values, 12) {
                        text.value x=(n(x(i) - 7.0)) y=(n(y(place) + 4.0)) text-anchor="end" { (short(value, room)) }
                    }
                }
                @let last = x(parallel.axes.len());
                line.axis x1=(n(last)) x2=(n(last)) y1=(n(top)) y2=(n(bottom)) {}
                text.name x=(n(last)) y=(n(top - if parallel.axes.len().is_multiple_of(2) { 28.0 } else { 12.0 })) text-anchor="middle" { (view.objective()) }
                @for tick in &parallel.scale.ticks {
                    text.value x=(n(last + 8.0)) y=(n(y(parallel.scale.place(*tick)) + 4.0)) { (parallel.scale.label(*tick)) }
                }
            }
        }
    }
}

/// For a phone: axes lie, one under the other.
fn down(view: &View, parallel: &Parallel) -> Markup {
    let (left, right, top, step) = (14.0, 336.0, 30.0, 62.0);
    let x = |place: f64| left + (right - left) * place;
    let y = |i: usize| top + step * i as f64;
    let last = parallel.axes.len();
    html! {
        svg viewBox={ "0 0 350 " (n(y(last) + 26.0)) } role="img" aria-label="Parallel coordinates of the best; the leaderboard has the figures" {
            (lines(view, parallel, |i, place| (x(place), y(i))))
            g.ruler {
                @for (i, &axis) in parallel.axes.iter().enumerate() {
                    line.axis x1=(n(left)) x2=(n(right)) y1=(n(y(i))) y2=(n(y(i))) {}
                    text.name x=(n(left)) y=(n(y(i) - 10.0)) { (view.names[axis]) }
                    @for (place, value) in labels(&view.axes[axis].values, 5) {
                        text.value x=(n(x(place))) y=(n(y(i) + 14.0)) text-anchor="middle" { (short(value, 11)) }
                    }
                }
                line.axis x1=(n(left)) x2=(n(right)) y1=(n(y(last))) y2=(n(y(last))) {}
                text.name x=(n(left)) y=(n(y(last) - 10.0)) { (view.objective()) }
                @for (i, tick) in parallel.scale.ticks.iter().enumerate() {
                    @let anchor = if i == 0 { "start" } else if i + 1 == parallel.scale.ticks.len() { "end" } else { "middle" };
                    text.value x=(n(x(parallel.scale.place(*tick)))) y=(n(y(last) + 14.0)) text-anchor=(anchor) { (parallel.scale.label(*tick)) }
                }
            }
        }
    }
}

/// The last first, so that the winner lies on top.
fn lines(view: &View, parallel: &Parallel, at: impl Fn(usize, f64) -> (f64, f64)) -> Markup {
    html! {
        @for (number, row) in parallel.rows.iter().enumerate().rev() {
            @let points: Vec<String> = parallel.places(view, number).into_iter().enumerate()
                .map(|(i, place)| { let (x, y) = at(i, place); format!("{} {}", n(x), n(y)) }).collect();
            path.thread.first[number == 0] data-rank=(row.rank) d={ "M" (points.join("L")) }
                style={ "--far:" (n(parallel.tone(number) * 100.0)) "%" } {}
        }
    }
}

/// A value cut to `most` letters.
fn short(value: &str, most: usize) -> String {
    let most = most.max(4);
    if value.chars().count() <= most { value.to_owned() } else { value.chars().take(most - 1).chain(['…']).collect() }
}
