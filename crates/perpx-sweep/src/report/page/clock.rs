//! What charts over time have in common: one clock across all panels, the held-out part shaded, the states as a strip.

use super::svg::{Size, n};
use crate::report::scale::{Clock, Plot, time_ticks};
use crate::report::{Spans, StateSpan, text};
use maud::{Markup, html};
use perpx_core::units::Time;

impl Clock<'_> {
    /// The embargo (hatched) and the held-out part (tinted) behind all panels, named above. `pattern` names the hatching
    /// and is used once a page.
    pub fn shade(&self, top: f64, bottom: f64, pattern: &str) -> Markup {
        let (embargo, out) = (self.x(self.spans.embargo), self.x(self.spans.held_out));
        let height = n(bottom - top);
        html! {
            @if self.spans.has_held_out() {
                defs {
                    pattern id=(pattern) width="6" height="6" patternUnits="userSpaceOnUse" patternTransform="rotate(45)" {
                        line.hatch x1="0" y1="0" x2="0" y2="6" {}
                    }
                }
                rect.held x=(n(out)) y=(n(top)) width=(n(self.right - out)) height=(height) {}
                rect fill={ "url(#" (pattern) ")" } x=(n(embargo)) y=(n(top)) width=(n(out - embargo)) height=(height) {}
                text.part x=(n(self.right)) y=(n(top - 9.0)) text-anchor="end" { "held out" }
            }
        }
    }

    /// Ticks with their times under `bottom`.
    pub fn foot(&self, bottom: f64, want: usize) -> Markup {
        html! {
            g.ruler {
                @for (at, label) in time_ticks(self.spans.from, self.spans.to, want) {
                    @let x = n(self.x(at));
                    line x1=(x) x2=(x) y1=(n(bottom)) y2=(n(bottom + 5.0)) {}
                    // a label at the very edge would be cut
                    @let anchor = if self.part(at) > 0.97 { "end" } else if self.part(at) < 0.02 { "start" } else { "middle" };
                    text x=(x) y=(n(bottom + 19.0)) text-anchor=(anchor) { (label) }
                }
            }
        }
    }

    /// A thin band of states.
    pub fn strip(&self, timeline: &[StateSpan], top: f64, bottom: f64, size: Size) -> Markup {
        let columns = size.pick(500, 170);
        let plot = Plot { left: self.left, right: self.right, top, bottom };
        let x = |column: usize| plot.x(column as f64 / columns as f64);
        html! {
            @for (from, to, state) in runs(timeline, columns, |t| self.part(t)) {
                rect style={ "fill:var(--s" (state) ")" } x=(n(x(from))) y=(n(top)) width=(n(x(to) - x(from)))
                    height=(n(bottom - top)) {}
            }
            text.unit x=(n(self.left - 6.0)) y=(n(bottom - 4.0)) text-anchor="end" { "State" }
        }
    }
}

/// The longest state of each of `columns`, so that a year costs no more than a day; neighbouring columns of one state as
/// one: first, end, state.
pub fn runs(timeline: &[StateSpan], columns: usize, part: impl Fn(Time) -> f64) -> Vec<(usize, usize, usize)> {
    let mut weight = vec![[0.0f64; 6]; columns];
    for (i, span) in timeline.iter().enumerate() {
        let from = (part(span.from) * columns as f64).max(0.0);
        let to = (timeline.get(i + 1).map_or(1.0, |next| part(next.from)) * columns as f64).min(columns as f64);
        for (column, weight) in weight.iter_mut().enumerate().take(to.ceil() as usize).skip(from as usize) {
            let covered = to.min(column as f64 + 1.0) - from.max(column as f64);
            weight[usize::from(span.state).min(5)] += covered.max(0.0);
        }
    }
    let main = |w: &[f64; 6]| (0..6).max_by(|a, b| w[*a].total_cmp(&w[*b]).then(b.cmp(a))).unwrap_or(0);
    let main: Vec<usize> = weight.iter().map(main).collect();
    let mut out: Vec<(usize, usize, usize)> = Vec::new();
    for run in main.chunk_by(|a, b| a == b) {
        let start = out.last().map_or(0, |last| last.1);
        out.push((start, start + run.len(), run[0]));
    }
    out
}

/// What the shading means, in a sentence.
pub fn shading(spans: &Spans) -> String {
    if !spans.has_held_out() {
        return "The whole range chose the winner; nothing was held out.".to_owned();
    }
    let embargo = if spans.embargo < spans.held_out {
        format!(
            ", the hatched {} embargo belongs to neither",
            text::span(spans.embargo, spans.held_out).replace(' ', "\u{a0}")
        )
    } else {
        String::new()
    };
    format!(
        "Only the plain part (to {} UTC) chose; the tinted part was held out{embargo}.",
        text::moment(spans.embargo)
    )
}

/// Swatches of the states with what they mean.
pub fn state_legend() -> Markup {
    html! {
        @for (state, name) in STATE_NAMES.iter().enumerate() {
            li { span.swatch.block style={ "background:var(--s" (state) ")" } {} "S" (state) " " (name) }
        }
    }
}

/// What S0 to S5 mean.
pub const STATE_NAMES: [&str; 6] = ["idle", "first leg", "locking", "locked", "long leg left", "short leg left"];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_column_shows_its_longest_state() {
        let span = |from, state| StateSpan { from: Time(from), state };
        let timeline = [span(0, 0), span(23, 1), span(24, 3), span(80, 0)];
        let part = |t: Time| t.0 as f64 / 100.0;
        assert_eq!(runs(&timeline, 10, part), [(0, 2, 0), (2, 8, 3), (8, 10, 0)]);
    }
}
