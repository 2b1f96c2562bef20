//! Equity and drawdown of the best few, and the winner's states, on one clock.

use super::clock::{shading, state_legend};
use super::market::millis;
use super::pack::pack;
use super::svg::{Size, gutter, n, path, rulers, unit_label};
use crate::report::scale::{Clock, Plot, Scale, drawdown, sample, thin};
use crate::report::view::View;
use maud::{Markup, html};
use serde_json::{Value, json};

/// Moments that can be read off.
const READ: usize = 720;

pub fn body(view: &View) -> Option<Markup> {
    let input = view.input;
    if input.curves.is_empty() {
        return None;
    }
    let caption = html! {
        ul.legend {
            @for (i, curve) in view.curves().iter().enumerate() {
                li { span.swatch style={ "background:var(--c" (i + 1) ")" } {} "#" (curve.rank) " " code { (curve.id) } }
            }
        }
        @if !input.detail.timeline.is_empty() { ul.legend { (state_legend()) } }
        p.note { (shading(&input.spans)) @if input.spans.has_held_out() { " The held-out run starts with fresh capital, and so with a peak of its own." } }
    };
    Some(html! {
        figure.chart #equity-chart data-hover="equity" tabindex="0" role="group" aria-label="Equity and drawdown; arrow keys read them off" {
            div.wide { (chart(view, Size::Wide)) }
            div.narrow { (chart(view, Size::Narrow)) }
            p.readout role="status" {}
            figcaption { (caption) }
        }
    })
}

fn chart(view: &View, size: Size) -> Markup {
    let input = view.input;
    let spans = &input.spans;
    let curves = view.curves();
    let buckets = size.pick(360, 150);
    let equity: Vec<_> = curves.iter().map(|c| thin(&c.samples, spans.from, spans.to, buckets)).collect();
    let drawdowns: Vec<_> = curves.iter().map(|c| thin(&drawdown(c, spans), spans.from, spans.to, buckets)).collect();
    let money = Scale::over(equity.iter().flatten().map(|s| s.1), size.pick(6, 4));
    let percent = Scale::over(drawdowns.iter().flatten().map(|s| s.1).chain([0.0]), 3);
    let left = gutter(size, &[&money, &percent]);
    let right = size.width() - size.pick(10.0, 6.0);
    let top = Plot { left, right, top: 34.0, bottom: size.pick(310.0, 220.0) };
    let lower_top = top.bottom + 34.0;
    let lower = Plot { left, right, top: lower_top, bottom: lower_top + size.pick(110.0, 80.0) };
    let has_strip = !input.detail.timeline.is_empty();
    let end = if has_strip { lower.bottom + 28.0 } else { lower.bottom };
    let clock = Clock { spans, left, right };
    html! {
        svg viewBox={ "0 0 " (n(size.width())) " " (n(end + 26.0)) } role="img" data-left=(n(left)) data-right=(n(right))
            aria-label="Equity, drawdown and states over time" {
            (clock.shade(top.top, end, size.pick("hatch-w", "hatch-n")))
            (rulers(&top, &money)) (rulers(&lower, &percent))
            (unit_label(&top, &format!("Equity, {}", input.quote)))
            (unit_label(&lower, "Drawdown, % of initial capital"))
            @for (i, (up, down)) in equity.iter().zip(&drawdowns).enumerate().rev() {
                @let style = format!("stroke:var(--c{})", i + 1);
                // nothing runs in the embargo, so no line crosses it
                @for out in [false, true] {
                    @let mine = |s: &&(perpx_core::units::Time, f64)| (s.0 >= spans.held_out && spans.has_held_out()) == out;
                    path.line.first[i == 0] style=(style)
                        d=(path(&top, up.iter().filter(mine).map(|s| (clock.part(s.0), money.place(s.1))))) {}
                    path.line.first[i == 0] style=(style)
                        d=(path(&lower, down.iter().filter(mine).map(|s| (clock.part(s.0), percent.place(s.1))))) {}
                }
            }
            @if has_strip { (clock.strip(&input.detail.timeline, lower.bottom + 12.0, end, size)) }
            (clock.foot(end, size.pick(9, 4)))
        }
    }
}

/// For the script: each curve's equity, and the winner's drawdown.
pub fn data(view: &View) -> Value {
    let spans = &view.input.spans;
    if view.input.curves.is_empty() {
        return Value::Null;
    }
    let read = |samples: &[_]| pack(sample(samples, spans, READ).into_iter());
    let mut rows = Vec::new();
    for (i, curve) in view.curves().iter().enumerate() {
        rows.push(json!({ "name": format!("#{}", curve.rank), "unit": view.input.quote, "lo": read(&curve.samples) }));
        if i == 0 {
            rows.push(json!({ "name": "its drawdown", "unit": "%", "lo": read(&drawdown(curve, spans)) }));
        }
    }
    json!({ "from": millis(spans.from), "to": millis(spans.to), "n": READ, "rows": rows })
}
