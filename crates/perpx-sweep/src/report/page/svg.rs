//! Charts as inline SVG: plain shapes with classes, coloured by the page's style.

use crate::report::scale::{Plot, Scale};
use maud::{Markup, html};
use std::fmt::Write;

/// Charts are drawn twice, so that their letters keep their size on a phone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Size {
    Wide,
    Narrow,
}

impl Size {
    /// Width of the drawing in its own units, which are about a pixel.
    pub fn width(self) -> f64 {
        match self {
            Size::Wide => 1240.0,
            Size::Narrow => 350.0,
        }
    }

    pub fn pick<T>(self, wide: T, narrow: T) -> T {
        match self {
            Size::Wide => wide,
            Size::Narrow => narrow,
        }
    }
}

/// A number as SVG writes it: one decimal, none if whole.
pub fn n(value: f64) -> String {
    let text = format!("{value:.1}");
    text.strip_suffix(".0").map_or(text.clone(), str::to_owned)
}

/// Horizontal lines with figures on the left.
pub fn rulers(plot: &Plot, scale: &Scale) -> Markup {
    html! {
        g.ruler {
            @for tick in &scale.ticks {
                @let y = plot.y(scale.place(*tick));
                line.zero[*tick == 0.0] x1=(n(plot.left)) x2=(n(plot.right)) y1=(n(y)) y2=(n(y)) {}
                text x=(n(plot.left - 6.0)) y=(n(y + 4.0)) text-anchor="end" { (scale.label(*tick)) }
            }
        }
    }
}

/// Room on the left for the figures of all panels that share a clock.
pub fn gutter(size: Size, scales: &[&Scale]) -> f64 {
    let letters = scales.iter().flat_map(|s| s.ticks.iter().map(|tick| s.label(*tick).chars().count())).max();
    size.pick(64.0f64, 54.0).max(10.0 + 7.7 * letters.unwrap_or(0) as f64)
}

/// Figures under the plot with short ticks, from a scale that runs across.
pub fn foot(plot: &Plot, scale: &Scale) -> Markup {
    html! {
        g.ruler {
            @for tick in &scale.ticks {
                @let x = plot.x(scale.place(*tick));
                line x1=(n(x)) x2=(n(x)) y1=(n(plot.bottom)) y2=(n(plot.bottom + 4.0)) {}
                text x=(n(x)) y=(n(plot.bottom + 17.0)) text-anchor="middle" { (scale.label(*tick)) }
            }
        }
    }
}

/// The path through points given as parts of the plot.
pub fn path(plot: &Plot, points: impl Iterator<Item = (f64, f64)>) -> String {
    let mut out = String::new();
    for (i, (x, y)) in points.enumerate() {
        let _ = write!(out, "{}{} {}", if i == 0 { "M" } else { "L" }, n(plot.x(x)), n(plot.y(y)));
    }
    out
}

/// A label in the axis' unit at the top left corner of a plot.
pub fn unit_label(plot: &Plot, text: &str) -> Markup {
    html! { text.unit x=(n(plot.left)) y=(n(plot.top - 9.0)) { (text) } }
}
