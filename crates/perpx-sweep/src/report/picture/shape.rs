//! The objective along each axis, and its distribution over all configurations.

use super::paper::{Anchor, INK, Paper, QUIET, SMALL};
use crate::report::palette::{CURVES, GAIN, LOSS, Rgb};
use crate::report::scale::{Plot, Scale};
use crate::report::text;
use crate::report::view::{Histogram, Slice, View};

const BAND: Rgb = [178, 205, 226];
const WHOLE: Rgb = [228, 237, 244];
/// Panels beyond these would be too small for a slide.
const MOST: usize = 12;

/// The axes that move the most, in the order of the grid, all on one scale.
pub fn slices(view: &View, paper: &Paper) -> Result<(), String> {
    let spreads = || view.slices.iter().flat_map(|s| &s.spreads);
    let scale = Scale::over(spreads().flat_map(|s| [s.worst, s.best]).flatten(), 7);
    let mut shown: Vec<&Slice> = view.slices.iter().collect();
    shown.sort_by(|a, b| b.effect().total_cmp(&a.effect()));
    shown.truncate(MOST);
    shown.sort_by_key(|slice| slice.side.axis);
    let left_out = view.slices.len() - shown.len();
    let more = if left_out > 0 { format!("; {left_out} axes that move less are on the page") } else { String::new() };
    paper.title(
        &format!("{} · {} axis by axis", view.input.symbol, view.metric()),
        &format!("Over all other axes: median (line), middle half (dark), worst to best (light); the ring is the winner's value{more}"),
    )?;
    let rows = shown.len().div_ceil(4).max(1);
    let columns = shown.len().div_ceil(rows).max(1);
    let (width, height) = (1560.0 / columns as f64, 780.0 / rows as f64);
    for (i, slice) in shown.into_iter().enumerate() {
        let (column, row) = ((i % columns) as f64, (i / columns) as f64);
        let (left, top) = (100.0 + width * column, 110.0 + height * row + 56.0);
        let plot = Plot { left, right: left + width - 90.0, top, bottom: top + height - 106.0 };
        panel(view, slice, &scale, &plot, paper)?;
    }
    Ok(())
}

fn panel(view: &View, slice: &Slice, scale: &Scale, plot: &Plot, paper: &Paper) -> Result<(), String> {
    let name = &view.names[slice.side.axis];
    paper.text(name, (plot.left, plot.top - 26.0), SMALL * 1.1, INK, Anchor::Left)?;
    let count = slice.side.labels.len();
    let x = |i: usize| plot.x((i as f64 + 0.5) / count as f64);
    let y = |v: f64| plot.y(scale.place(v));
    let known = || slice.spreads.iter().enumerate();
    let up = known().filter_map(|(i, s)| Some((x(i), y(s.middle?.1))));
    let down = known().rev().filter_map(|(i, s)| Some((x(i), y(s.middle?.0))));
    let best = known().filter_map(|(i, s)| Some((x(i), y(s.best?))));
    let worst = known().rev().filter_map(|(i, s)| Some((x(i), y(s.worst?))));
    paper.area(best.chain(worst), WHOLE)?;
    paper.area(up.chain(down), BAND)?;
    paper.rulers(plot, scale, SMALL * 0.85)?;
    paper.line(known().filter_map(|(i, s)| Some((x(i), y(s.median?)))), CURVES[0], 3)?;
    if let Some((i, median)) = slice.winner.and_then(|i| Some((i, slice.spreads[i].median?))) {
        paper.ring((x(i), y(median)), CURVES[0])?;
    }
    let longest = slice.side.labels.iter().map(|l| l.chars().count()).max().unwrap_or(1);
    let every = (count * (longest * 11 + 14)).div_ceil((plot.right - plot.left) as usize).max(1);
    for (i, label) in slice.side.labels.iter().enumerate().filter(|(i, _)| i % every == 0) {
        paper.text(label, (x(i), plot.bottom + 22.0), SMALL * 0.85, QUIET, Anchor::Middle)?;
    }
    Ok(())
}

pub fn distribution(view: &View, histogram: &Histogram, paper: &Paper) -> Result<(), String> {
    let plot = Plot { left: 130.0, right: 1540.0, top: 170.0, bottom: 760.0 };
    let all = histogram.counts.iter().sum();
    let title = format!("{} · {} of {}", view.input.symbol, view.metric(), text::counted(all, "configuration"));
    let beyond = histogram.below + histogram.above;
    let ends = if beyond > 0 {
        format!(" · {} beyond the ends stand in the end bars", text::count(beyond))
    } else {
        String::new()
    };
    paper.title(&title, &format!("{}{ends}", view.input.name))?;
    let across = Scale::over([histogram.edges[0], histogram.edges[histogram.edges.len() - 1]], 9);
    let up = Scale::over([0.0, histogram.counts.iter().copied().max().unwrap_or(1).max(5) as f64], 5);
    paper.rulers(&plot, &up, SMALL)?;
    paper.text("Configurations", (plot.left - 90.0, plot.top - 30.0), SMALL, QUIET, Anchor::Left)?;
    for (i, count) in histogram.counts.iter().enumerate().filter(|(_, c)| **c > 0) {
        let (a, b) = (histogram.edges[i], histogram.edges[i + 1]);
        let (left, right) = (plot.x(across.place(a)), plot.x(across.place(b)));
        let y = plot.y(up.place(*count as f64)).min(plot.bottom - 2.0);
        let fill = if (a + b) / 2.0 < 0.0 { LOSS } else { GAIN };
        paper.rect((left, y), ((right - 2.0).max(left + 1.0), plot.bottom), fill)?;
    }
    paper.foot(&plot, &across, SMALL)?;
    paper.text(&view.metric(), (plot.x(0.5), plot.bottom + 70.0), SMALL * 1.1, INK, Anchor::Middle)?;
    let Some(winner) = view.input.winner.as_ref().and_then(|w| w.metric).filter(|w| w.is_finite()) else {
        return Ok(());
    };
    let x = plot.x(across.place(winner));
    paper.line([(x, plot.top - 20.0), (x, plot.bottom)], INK, 3)?;
    let anchor = if across.place(winner) > 0.5 { Anchor::Right } else { Anchor::Left };
    paper.text(&format!("winner {}", view.figure(Some(winner))), (x, plot.top - 34.0), SMALL, INK, anchor)
}
