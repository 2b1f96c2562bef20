//! Parallel coordinates of the top.

use super::paper::{Anchor, INK, Paper, QUIET, SMALL};
use crate::report::page::parallel::Parallel;
use crate::report::palette::{CURVES, Rgb};
use crate::report::scale::Plot;
use crate::report::text;
use crate::report::view::View;

/// The best but the winner, and the last.
const NEAR: Rgb = CURVES[0];
const FAR: Rgb = [198, 208, 219];

pub fn draw(view: &View, parallel: &Parallel, paper: &Paper) -> Result<(), String> {
    let plot = Plot { left: 170.0, right: 1470.0, top: 200.0, bottom: 830.0 };
    let count = text::count(parallel.rows.len() as u64);
    paper.title(
        &format!("{} · the best {count} by {}", view.input.symbol, view.metric()),
        "A line a configuration, through its value on every axis; the thick line is the winner, darker is better",
    )?;
    let axes = parallel.axes.len();
    let x = |i: usize| plot.x(i as f64 / axes as f64);
    for number in (0..parallel.rows.len()).rev() {
        let tone = parallel.tone(number);
        let mixed = [0, 1, 2].map(|c: usize| (f64::from(NEAR[c]) * (1.0 - tone) + f64::from(FAR[c]) * tone) as u8);
        let (ink, width) = if number == 0 { (CURVES[1], 5) } else { (mixed, 1) };
        let places = parallel.places(view, number);
        paper.line(places.iter().enumerate().map(|(i, place)| (x(i), plot.y(*place))), ink, width)?;
    }
    let room = ((plot.right - plot.left) / axes as f64 / 11.0) as usize;
    let cut = |name: &str| -> String { name.chars().take(room.max(4) * 2).collect() };
    for (i, &axis) in parallel.axes.iter().enumerate() {
        paper.line([(x(i), plot.top), (x(i), plot.bottom)], QUIET, 1)?;
        // names at two heights, so that neighbours do not touch
        let height = plot.top - if i.is_multiple_of(2) { 60.0 } else { 28.0 };
        paper.text(&cut(&view.names[axis]), (x(i), height), SMALL, INK, Anchor::Middle)?;
        let values = &view.axes[axis].values;
        let every = values.len().div_ceil(16).max(1);
        for (v, value) in values.iter().enumerate().filter(|(v, _)| v % every == 0) {
            let y = plot.y((v as f64 + 0.5) / values.len() as f64);
            let shown: String = value.chars().take(room.max(4)).collect();
            paper.halo(&shown, (x(i) - 10.0, y), SMALL * 0.85, INK, Anchor::Right)?;
        }
    }
    paper.line([(x(axes), plot.top), (x(axes), plot.bottom)], QUIET, 1)?;
    let height = plot.top - if axes.is_multiple_of(2) { 60.0 } else { 28.0 };
    paper.text(&cut(&view.objective()), (x(axes), height), SMALL, INK, Anchor::Middle)?;
    for tick in &parallel.scale.ticks {
        let y = plot.y(parallel.scale.place(*tick));
        paper.text(&parallel.scale.label(*tick), (x(axes) + 12.0, y), SMALL * 0.85, QUIET, Anchor::Left)?;
    }
    Ok(())
}
