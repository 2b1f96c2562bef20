//! A chart as a slide.

use super::paper::{Anchor, HELD, INK, Paper, QUIET, SMALL};
use crate::report::chart::{Chart, ChartShape, fitting, is_right};
use crate::report::palette::{CURVES, GAIN, LOSS};
use crate::report::scale::Plot;
use crate::report::view::View;

pub fn draw(view: &View, chart: &Chart, paper: &Paper) -> Result<(), String> {
    let plot = Plot { left: 150.0, right: 1540.0, top: 170.0, bottom: 760.0 };
    paper.title(&format!("{} · {}", view.input.symbol, chart.title), &view.input.name)?;
    for shape in &chart.shapes {
        if let ChartShape::Shade { from, to } = shape {
            paper.rect((plot.x(*from), plot.top), (plot.x(*to), plot.bottom), HELD)?;
        }
    }
    paper.rulers(&plot, &chart.scale, SMALL)?;
    paper.text(&chart.unit, (plot.left - 90.0, plot.top - 30.0), SMALL, QUIET, Anchor::Left)?;
    let y = |value: f64| plot.y(chart.scale.place(value));
    // words are written over them
    for x in chart.marks().map(|at| plot.x(at)) {
        paper.line([(x, plot.top), (x, plot.bottom)], INK, 3)?;
    }
    for shape in &chart.shapes {
        match shape {
            ChartShape::Shade { .. } => {}
            ChartShape::Bar { from, to, value, .. } => {
                let fill = if *value < 0.0 { LOSS } else { GAIN };
                let (top, foot) = (y(value.max(0.0)), y(value.min(0.0)));
                paper.rect((plot.x(*from), top), (plot.x(*to).max(plot.x(*from) + 1.0), foot.max(top + 1.0)), fill)?;
            }
            ChartShape::Whisker { at, low, high } => {
                paper.line([(plot.x(*at), y(*low)), (plot.x(*at), y(*high))], INK, 2)?;
            }
            ChartShape::Line { points, tone } => {
                for part in points.split(|(_, value)| value.is_none()) {
                    let known = part.iter().map(|(x, value)| (plot.x(*x), y(value.unwrap_or(0.0))));
                    paper.line(known, CURVES[*tone], 3)?;
                }
            }
            ChartShape::Dot { at, value, word, .. } => {
                let (x, y) = (plot.x(*at), y(*value));
                match word.is_empty() {
                    true => paper.mark(2, (x, y), CURVES[0])?,
                    false => paper.ring((x, y), CURVES[0])?,
                }
                let is_right = x + 20.0 + 11.0 * word.chars().count() as f64 <= plot.right;
                let (x, anchor) = if is_right { (x + 18.0, Anchor::Left) } else { (x - 18.0, Anchor::Right) };
                paper.halo(word, (x, y), SMALL, INK, anchor)?;
            }
            ChartShape::Mark { at, word, line } => {
                let x = plot.x(*at);
                let width = 20.0 + 11.0 * word.chars().count() as f64;
                let right = is_right(x, width, chart.marks().map(|at| plot.x(at)), plot.right);
                let (x, anchor) = if right { (x + 10.0, Anchor::Left) } else { (x - 10.0, Anchor::Right) };
                paper.halo(word, (x, plot.top + 20.0 + 28.0 * *line as f64), SMALL, INK, anchor)?;
            }
        }
    }
    for (at, label) in fitting(&chart.ticks, plot.right - plot.left, 13.0) {
        paper.text(label, (plot.x(*at), plot.bottom + 24.0), SMALL, QUIET, Anchor::Middle)?;
    }
    let mut x = plot.left;
    for (tone, word) in chart.legend.iter().enumerate() {
        paper.line([(x, plot.bottom + 110.0), (x + 40.0, plot.bottom + 110.0)], CURVES[tone], 5)?;
        paper.text(word, (x + 52.0, plot.bottom + 110.0), SMALL, INK, Anchor::Left)?;
        x += 110.0 + 12.0 * word.chars().count() as f64;
    }
    paper.text(&chart.across, (plot.x(0.5), plot.bottom + 70.0), SMALL * 1.1, INK, Anchor::Middle)
}
