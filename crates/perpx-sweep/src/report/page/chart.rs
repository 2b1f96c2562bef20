//! A chart as inline SVG.

use super::svg::{n, path, rulers};
use crate::report::chart::{Chart, ChartShape, fitting, is_right};
use crate::report::scale::Plot;
use maud::{Markup, html};

/// Letters of a drawing are about as wide.
const LETTER: f64 = 7.0;

/// A chart in a wide and a narrow drawing, with its caption.
pub fn figure(chart: &Chart, wide: (f64, f64), caption: Markup) -> Markup {
    html! {
        figure {
            div.wide { (draw(chart, wide)) }
            div.narrow { (draw(chart, (350.0, wide.1.min(200.0)))) }
            figcaption { (caption) }
        }
    }
}

/// In a drawing of so many units, which are about a pixel.
pub fn draw(chart: &Chart, (width, height): (f64, f64)) -> Markup {
    let letters = chart.scale.ticks.iter().map(|tick| chart.scale.label(*tick).chars().count()).max().unwrap_or(1);
    let foot = if chart.across.is_empty() { 24.0 } else { 40.0 };
    let left = 12.0 + 7.7 * letters as f64;
    let plot = Plot { left, right: width - 10.0, top: 24.0, bottom: height - foot };
    let y = |value: f64| plot.y(chart.scale.place(value));
    html! {
        svg viewBox={ "0 0 " (n(width)) " " (n(height)) } role="img" aria-label=(chart.title) {
            @for shape in &chart.shapes {
                @if let ChartShape::Shade { from, to } = shape {
                    rect.held x=(n(plot.x(*from))) y=(n(plot.top)) width=(n(plot.x(*to) - plot.x(*from))) height=(n(plot.bottom - plot.top)) {}
                }
            }
            (rulers(&plot, &chart.scale))
            text.unit x="2" y="12" { (chart.unit) }
            @for shape in &chart.shapes { (one(shape, &plot, &y)) }
            // words over all lines
            @for shape in &chart.shapes { (word(chart, shape, &plot, &y)) }
            g.ruler {
                @for (at, label) in fitting(&chart.ticks, plot.right - plot.left, LETTER) {
                    // a label at the very edge would be cut
                    @let half = LETTER * label.chars().count() as f64 / 2.0;
                    @let x = plot.x(*at).clamp(half + 1.0, (width - half - 1.0).max(half + 1.0));
                    text x=(n(x)) y=(n(plot.bottom + 16.0)) text-anchor="middle" { (label) }
                }
                @if !chart.across.is_empty() {
                    text x=(n((plot.left + plot.right) / 2.0)) y=(n(plot.bottom + 34.0)) text-anchor="middle" { (chart.across) }
                }
            }
        }
    }
}

fn one(shape: &ChartShape, plot: &Plot, y: &dyn Fn(f64) -> f64) -> Markup {
    html! {
        @match shape {
            ChartShape::Shade { .. } => {}
            ChartShape::Bar { from, to, value, note } => {
                @let (top, foot) = (y(value.max(0.0)), y(value.min(0.0)));
                rect class=(if *value < 0.0 { "bar loss" } else { "bar gain" }) x=(n(plot.x(*from))) y=(n(top))
                    width=(n((plot.x(*to) - plot.x(*from)).max(1.0))) height=(n((foot - top).max(0.5))) { title { (note) } }
            }
            ChartShape::Whisker { at, low, high } => {
                path.whisker d={ "M" (n(plot.x(*at))) " " (n(y(*low))) "V" (n(y(*high))) } {}
            }
            ChartShape::Line { points, tone } => {
                @for part in points.split(|(_, value)| value.is_none()).filter(|part| !part.is_empty()) {
                    @let known = part.iter().map(|(x, value)| (*x, (plot.bottom - y(value.unwrap_or(0.0))) / (plot.bottom - plot.top)));
                    path.line.first style={ "stroke:var(--c" (tone + 1) ")" } d=(path(plot, known)) {}
                }
            }
            ChartShape::Dot { at, value, word, note } => {
                @let (cx, cy) = (n(plot.x(*at)), n(y(*value)));
                @if !word.is_empty() { circle.ring cx=(cx) cy=(cy) r="7" {} }
                circle.dot cx=(cx) cy=(cy) r="3.5" { title { (note) } }
            }
            ChartShape::Mark { at, .. } => {
                @let x = plot.x(*at);
                line.winner x1=(n(x)) x2=(n(x)) y1=(n(plot.top)) y2=(n(plot.bottom)) {}
            }
        }
    }
}

/// What stands beside an upright line or a dot.
fn word(chart: &Chart, shape: &ChartShape, plot: &Plot, y: &dyn Fn(f64) -> f64) -> Markup {
    if let ChartShape::Dot { at, value, word, .. } = shape {
        let is_right = plot.x(*at) + 12.0 + LETTER * 1.2 * word.chars().count() as f64 <= plot.right;
        let (x, anchor) = if is_right { (plot.x(*at) + 11.0, "start") } else { (plot.x(*at) - 11.0, "end") };
        return html! { text.part.said x=(n(x)) y=(n(y(*value) + 4.0)) text-anchor=(anchor) { (word) } };
    }
    let ChartShape::Mark { at, word, line } = shape else { return html! {} };
    let (x, top) = (plot.x(*at), plot.top + 14.0 * *line as f64);
    let width = 10.0 + LETTER * 1.2 * word.chars().count() as f64;
    let right = is_right(x, width, chart.marks().map(|at| plot.x(at)), plot.right);
    let (x, anchor) = if right { (x + 5.0, "start") } else { (x - 5.0, "end") };
    html! { text.part.said x=(n(x)) y=(n(top + 10.0)) text-anchor=(anchor) { (word) } }
}
