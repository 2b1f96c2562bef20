//! Pictures of the page: bars of the parts, and what fills were expected to cost beside what they did.

use super::summary::Dot;
use maud::{Markup, html};

/// Of a scatter, in its own units.
const WIDTH: f64 = 420.0;
const HEIGHT: f64 = 300.0;
const MARGIN: f64 = 44.0;

/// A bar from `from` to `to` on an axis that both ends of `span` bound.
pub fn bar(span: (f64, f64), from: f64, to: f64, kind: &str) -> Markup {
    let place = |value: f64| 1000.0 * (value - span.0) / (span.1 - span.0).max(f64::MIN_POSITIVE);
    let (left, right) = (place(from.min(to)), place(from.max(to)));
    let zero = format!("{:.1}", place(0.0));
    html! {
        svg.bar viewBox="0 0 1000 20" preserveAspectRatio="none" aria-hidden="true" {
            line.axis x1=(zero) x2=(zero) y1="0" y2="20" {}
            rect class=(kind) x=(format!("{left:.1}")) y="4" width=(format!("{:.1}", if from == to { 0.0 } else { (right - left).max(2.0) })) height="12" {}
        }
    }
}

/// Expected to the right, real upwards; on the line both are the same.
pub fn scatter(dots: &[Dot], names: &[String; 2]) -> Markup {
    let all = dots.iter().flat_map(|dot| [dot.expected, dot.real]);
    let (low, high) = all.fold((0.0f64, 1.0f64), |(low, high), value| (low.min(value), high.max(value)));
    let pad = (high - low) * 0.05;
    let (low, high) = (low - pad, high + pad);
    let x = |value: f64| MARGIN + (WIDTH - MARGIN - 10.0) * (value - low) / (high - low);
    let y = |value: f64| HEIGHT - MARGIN + (20.0 - HEIGHT + MARGIN) * (value - low) / (high - low);
    let at = |value: f64| format!("{value:.1}");
    let step = step(high - low);
    let first = (low / step).ceil() as i64;
    let ticks: Vec<f64> = (first..).map(|n| n as f64 * step).take_while(|value| *value <= high).collect();
    html! {
        svg.scatter viewBox=(format!("0 0 {WIDTH} {HEIGHT}")) role="img"
            aria-label="Expected and real cost of fills, in basis points" {
            @for tick in &ticks {
                line.axis x1=(at(x(*tick))) x2=(at(x(*tick))) y1=(at(y(low))) y2=(at(y(high))) {}
                line.axis x1=(at(x(low))) x2=(at(x(high))) y1=(at(y(*tick))) y2=(at(y(*tick))) {}
                text x=(at(x(*tick))) y=(at(y(low) + 14.0)) text-anchor="middle" { (short(*tick)) }
                text x=(at(x(low) - 5.0)) y=(at(y(*tick) + 4.0)) text-anchor="end" { (short(*tick)) }
            }
            line.same x1=(at(x(low))) x2=(at(x(high))) y1=(at(y(low))) y2=(at(y(high))) {}
            @for dot in dots {
                circle class=(if dot.role.ix() == 0 { "long" } else { "short" }) cx=(at(x(dot.expected))) cy=(at(y(dot.real))) r="3.5" {
                    title { (format!("{}: expected {:.2} bp, real {:.2} bp", names[dot.role.ix()], dot.expected, dot.real)) }
                }
            }
            text x=(at(WIDTH / 2.0)) y=(at(HEIGHT - 8.0)) text-anchor="middle" { "expected, bp worse than the best price" }
            text x="12" y="12" { "real, bp" }
        }
    }
}

/// A round step that gives four to ten ticks.
fn step(span: f64) -> f64 {
    let rough = 10f64.powf((span / 5.0).log10().floor());
    [1.0, 2.0, 5.0].map(|times| times * rough).into_iter().find(|step| span / step <= 8.0).unwrap_or(10.0 * rough)
}

fn short(value: f64) -> String {
    let text = format!("{value:.3}");
    let text = text.trim_end_matches('0').trim_end_matches('.');
    if text == "-0" { "0".to_owned() } else { text.to_owned() }
}
