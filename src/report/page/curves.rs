//! Equity and drawdown of the best few, and the winner's states, on one clock.

use super::svg::{Size, n, path, rulers, unit_label};
use crate::report::scale::{Plot, Scale, drawdown, thin, time_ticks};
use crate::report::view::View;
use crate::report::{Curve, Spans, palette, text};
use crate::units::Time;
use maud::{Markup, html};

/// Curves beyond these are not drawn.
const MOST: usize = palette::CURVES.len();

pub fn body(view: &View) -> Option<Markup> {
    let input = view.input;
    if input.curves.is_empty() {
        return None;
    }
    let curves = &input.curves[..input.curves.len().min(MOST)];
    let caption = html! {
        ul.legend {
            @for (i, curve) in curves.iter().enumerate() {
                li { span.swatch style={ "background:var(--c" (i + 1) ")" } {} "#" (curve.rank) " " code { (curve.id) } }
            }
            @if !input.timeline.is_empty() {
                @for state in 0..palette::STATES.len() {
                    li { span.swatch.block style={ "background:var(--s" (state) ")" } {} "S" (state) }
                }
            }
        }
        p.note { (shading(&input.spans)) }
    };
    Some(super::figure(caption, |size| chart(view, curves, size)))
}

fn shading(spans: &Spans) -> String {
    if !spans.has_held_out() {
        return "The whole range chose the winner; nothing was held out.".to_owned();
    }
    let embargo = if spans.embargo < spans.held_out {
        format!(", the hatched {} embargo belongs to neither", text::span(spans.embargo, spans.held_out))
    } else {
        String::new()
    };
    format!(
        "Only the plain part (to {} UTC) chose; the tinted part was held out{embargo}.",
        text::moment(spans.embargo)
    )
}

fn chart(view: &View, curves: &[Curve], size: Size) -> Markup {
    let input = view.input;
    let spans = &input.spans;
    let left = size.pick(64.0, 54.0);
    let right = size.width() - size.pick(10.0, 6.0);
    let top = Plot { left, right, top: 34.0, bottom: size.pick(310.0, 220.0) };
    let fall_top = top.bottom + 34.0;
    let fall = Plot { left, right, top: fall_top, bottom: fall_top + size.pick(110.0, 80.0) };
    let strip = Plot { left, right, top: fall.bottom + 12.0, bottom: fall.bottom + 28.0 };
    let has_strip = !input.timeline.is_empty();
    let end = if has_strip { strip.bottom } else { fall.bottom };
    let buckets = size.pick(360, 150);
    let part = |t: Time| t.since(spans.from) as f64 / spans.to.since(spans.from) as f64;
    let equity: Vec<_> = curves.iter().map(|c| thin(&c.samples, spans.from, spans.to, buckets)).collect();
    let falls: Vec<_> =
        curves.iter().map(|c| thin(&drawdown(&c.samples, spans.held_out), spans.from, spans.to, buckets)).collect();
    let money = Scale::over(equity.iter().flatten().map(|s| s.1), size.pick(6, 4));
    let percent = Scale::over(falls.iter().flatten().map(|s| s.1).chain([0.0]), 3);
    let ticks = time_ticks(spans.from, spans.to, size.pick(9, 4));
    let pattern = size.pick("hatch-w", "hatch-n");
    html! {
        svg viewBox={ "0 0 " (n(size.width())) " " (n(end + 26.0)) } role="img" aria-label="Equity, drawdown and states over time" {
            defs {
                pattern id=(pattern) width="6" height="6" patternUnits="userSpaceOnUse" patternTransform="rotate(45)" {
                    line.hatch x1="0" y1="0" x2="0" y2="6" {}
                }
            }
            (shade(spans, &top, end, pattern, part))
            (rulers(&top, &money)) (rulers(&fall, &percent))
            (unit_label(&top, &format!("Equity, {}", input.quote)))
            (unit_label(&fall, "Drawdown, % of the peak"))
            @for (i, (up, down)) in equity.iter().zip(&falls).enumerate().rev() {
                @let style = format!("stroke:var(--c{})", i + 1);
                path.line.first[i == 0] style=(style) d=(path(&top, up.iter().map(|s| (part(s.0), money.place(s.1))))) {}
                path.line.first[i == 0] style=(style) d=(path(&fall, down.iter().map(|s| (part(s.0), percent.place(s.1))))) {}
            }
            @if has_strip { (states(view, &strip, part, size)) }
            g.ruler {
                @for (at, label) in &ticks {
                    @let x = top.x(part(*at));
                    line x1=(n(x)) x2=(n(x)) y1=(n(end)) y2=(n(end + 5.0)) {}
                    // a label at the very edge would be cut
                    @let anchor = if part(*at) > 0.97 { "end" } else if part(*at) < 0.02 { "start" } else { "middle" };
                    text x=(n(x)) y=(n(end + 19.0)) text-anchor=(anchor) { (label) }
                }
            }
        }
    }
}

/// The embargo and the held-out part behind all panels, with their names above.
fn shade(spans: &Spans, top: &Plot, end: f64, pattern: &str, part: impl Fn(Time) -> f64) -> Markup {
    let (embargo, out) = (top.x(part(spans.embargo)), top.x(part(spans.held_out)));
    let height = n(end - top.top);
    html! {
        @if spans.has_held_out() {
            rect.held x=(n(out)) y=(n(top.top)) width=(n(top.right - out)) height=(height) {}
            rect fill={ "url(#" (pattern) ")" } x=(n(embargo)) y=(n(top.top)) width=(n(out - embargo)) height=(height) {}
            text.part x=(n(top.x(1.0))) y=(n(top.top - 9.0)) text-anchor="end" { "held out" }
        }
    }
}

/// A thin band of the winner's states; a column a pixel or two, so that a year costs no more than a day.
fn states(view: &View, strip: &Plot, part: impl Fn(Time) -> f64, size: Size) -> Markup {
    let columns = size.pick(500usize, 170);
    let spans = &view.input.timeline;
    // the longest state of each column; then neighbouring columns of one state become one rectangle
    let mut weight = vec![[0.0f64; 6]; columns];
    for (i, span) in spans.iter().enumerate() {
        let from = (part(span.from) * columns as f64).max(0.0);
        let to = (spans.get(i + 1).map_or(1.0, |next| part(next.from)) * columns as f64).min(columns as f64);
        for (column, weight) in weight.iter_mut().enumerate().take(to.ceil() as usize).skip(from as usize) {
            let covered = to.min(column as f64 + 1.0) - from.max(column as f64);
            weight[usize::from(span.state).min(5)] += covered.max(0.0);
        }
    }
    let main = |w: &[f64; 6]| (0..6).max_by(|a, b| w[*a].total_cmp(&w[*b]).then(b.cmp(a))).unwrap_or(0);
    let main: Vec<usize> = weight.iter().map(main).collect();
    let mut runs: Vec<(usize, usize, usize)> = Vec::new();
    for run in main.chunk_by(|a, b| a == b) {
        let start = runs.last().map_or(0, |last| last.1);
        runs.push((start, start + run.len(), run[0]));
    }
    let x = |column: usize| strip.x(column as f64 / columns as f64);
    html! {
        @for (from, to, state) in runs {
            rect style={ "fill:var(--s" (state) ")" } x=(n(x(from))) y=(n(strip.top)) width=(n(x(to) - x(from)))
                height=(n(strip.bottom - strip.top)) {}
        }
        text.unit x=(n(strip.left - 6.0)) y=(n(strip.bottom - 4.0)) text-anchor="end" { "State" }
    }
}
