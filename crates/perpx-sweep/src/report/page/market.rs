//! The winner in its market: states, entries, locks and unlocks over both venues' prices and the spread with its bands.
//! The whole range is drawn here; one trade is drawn by the script, from figures that stand in the page.

use super::clock::{shading, state_legend};
use super::pack::pack;
use super::svg::{Size, gutter, n, rulers, unit_label};
use crate::report::scale::{Clock, Plot, Scale};
use crate::report::view::View;
use crate::report::{Bucket, Step, Stretch, shown, text};
use maud::{Markup, html};
use perpx_core::market::Role;
use perpx_core::strategy::REASONS;
use perpx_core::units::Time;
use serde_json::{Value, json};
use std::fmt::Write;

/// What a transition is to a trader, with its mark's class.
const MARKS: [(&str, &str); 4] = [("entry", "entry"), ("lock", "lock"), ("unlock", "unlock"), ("exit", "exit")];

/// Number in `MARKS`; nothing for steps in between.
pub fn mark(step: &Step) -> Option<usize> {
    match (step.from, step.to) {
        (3, to) if to != 3 => Some(2),
        (from, 3) if from != 3 => Some(1),
        (0, to) if to != 0 => Some(0),
        (from, 0) if from != 0 => Some(3),
        _ => None,
    }
}

pub fn body(view: &View) -> Option<Markup> {
    let market = view.input.detail.market.as_ref()?;
    let [long, short] = &view.input.venues;
    let trades = shown(&view.input.detail.trades);
    let caption = html! {
        ul.legend {
            li { span.swatch style="background:var(--c1)" {} (long) " mid" }
            li { span.swatch style="background:var(--c2)" {} (short) " mid" }
            li { span.swatch style="background:var(--spread)" {} "spread" }
            li { span.swatch.dash {} "its bands (upper, lower)" }
            @for (i, (name, class)) in MARKS.iter().enumerate() {
                li { svg.symbol viewBox="-7 -7 14 14" aria-hidden="true" { path class={ "mark " (class) } d=(symbol(i, 0.0, 0.0)) {} } (name) }
            }
            (state_legend())
        }
        p.note { (shading(&view.input.spans)) }
    };
    Some(html! {
        p.note {
            "Both mids and the spread (" (long) " over " (short) ", bp) as lowest to highest of each column. An unlock is "
            "marked on the spread, all else on the price. One trade is shown in more detail than all together."
        }
        div.zoombar #zoombar hidden {
            label for="zoom" { "Show " }
            select #zoom {
                option value="" { "the whole range" }
                @for trade in trades.iter().map(|i| &view.input.detail.trades[*i]).filter(|t| t.view.is_some()) {
                    option value=(trade.number) {
                        "trade " (trade.number) " · " (text::day(trade.opened)) " " (text::clock(trade.opened, false))
                        " · " (text::measured(Some(trade.net()), crate::report::Unit::Money, &view.input.quote))
                    }
                }
            }
            button #zoom-back type="button" aria-label="Previous trade" { "‹" }
            button #zoom-on type="button" aria-label="Next trade" { "›" }
        }
        figure.chart #market-chart data-hover="market" tabindex="0" role="group" aria-label="States over price and spread; arrow keys read it off" {
            div #zoomed hidden {}
            div.wide { (chart(view, market, Size::Wide)) }
            div.narrow { (chart(view, market, Size::Narrow)) }
            p.readout role="status" {}
            figcaption { (caption) }
        }
    })
}

fn chart(view: &View, market: &Stretch, size: Size) -> Markup {
    let spans = &view.input.spans;
    let buckets = fold(&market.buckets, size.pick(1, 4));
    let x = |i: usize| (i as f64 + 0.5) / buckets.len() as f64;
    let price = price_scale(&buckets, size.pick(6, 4));
    let spread = spread_scale(&buckets, size.pick(5, 4));
    let left = gutter(size, &[&price, &spread]);
    let right = size.width() - size.pick(10.0, 6.0);
    let top = Plot { left, right, top: 34.0, bottom: size.pick(290.0, 210.0) };
    let low = Plot { left, right, top: top.bottom + 34.0, bottom: top.bottom + size.pick(214.0, 164.0) };
    let (strip_top, end) = (low.bottom + 10.0, low.bottom + 26.0);
    let clock = Clock { spans, left, right };
    let range = |plot: &Plot, scale: &Scale, pick: &dyn Fn(&Bucket) -> Option<[f64; 2]>| -> String {
        let known: Vec<(f64, [f64; 2])> =
            buckets.iter().enumerate().filter_map(|(i, b)| Some((x(i), pick(b)?))).collect();
        let up = known.iter().map(|(x, [_, hi])| (*x, scale.place(*hi)));
        let down = known.iter().rev().map(|(x, [lo, _])| (*x, scale.place(*lo)));
        super::svg::path(plot, up.chain(down))
    };
    let level =
        |side: usize| broken(&low, buckets.iter().enumerate().map(|(i, b)| Some((x(i), spread.place(b.band?[side])))));
    html! {
        svg viewBox={ "0 0 " (n(size.width())) " " (n(end + 26.0)) } role="img" data-left=(n(left)) data-right=(n(right))
            aria-label="Prices of both venues, spread with its bands, and the winner's states over time" {
            (clock.shade(top.top, end, size.pick("hatch-mw", "hatch-mn")))
            (rulers(&top, &price)) (rulers(&low, &spread))
            (unit_label(&top, &format!("Mid, {}", view.input.quote))) (unit_label(&low, "Spread, bp"))
            @for role in [Role::Short, Role::Long] {
                path.range style={ "--tone:var(--c" (role.ix() + 1) ")" } d=(range(&top, &price, &|b| b.mids[role.ix()])) {}
            }
            path.range style="--tone:var(--spread)" d=(range(&low, &spread, &|b| b.spread)) {}
            @for side in 0..2 { path.band-line d=(level(side)) {} }
            (marks(view, &clock, (&top, &price), (&low, &spread), &buckets, size.pick(4.0, 9.0)))
            (clock.strip(&view.input.detail.timeline, strip_top, end, size))
            (clock.foot(end, size.pick(9, 4)))
        }
    }
}

/// `every` neighbours as one.
pub fn fold(buckets: &[Bucket], every: usize) -> Vec<Bucket> {
    let join = |a: Option<[f64; 2]>, b: Option<[f64; 2]>| match (a, b) {
        (Some([lo, hi]), Some([lower, higher])) => Some([lo.min(lower), hi.max(higher)]),
        (a, b) => a.or(b),
    };
    let one = |part: &[Bucket]| {
        part.iter().fold(Bucket::default(), |all, b| Bucket {
            mids: [join(all.mids[0], b.mids[0]), join(all.mids[1], b.mids[1])],
            spread: join(all.spread, b.spread),
            band: b.band.or(all.band),
        })
    };
    buckets.chunks(every).map(one).collect()
}

pub fn price_scale(buckets: &[Bucket], want: usize) -> Scale {
    Scale::over(buckets.iter().flat_map(|b| b.mids).flatten().flatten(), want)
}

pub fn spread_scale(buckets: &[Bucket], want: usize) -> Scale {
    Scale::over(buckets.iter().flat_map(|b| [b.spread, b.band]).flatten().flatten(), want)
}

/// A path with holes where there is nothing.
fn broken(plot: &Plot, points: impl Iterator<Item = Option<(f64, f64)>>) -> String {
    let mut out = String::new();
    let mut pen = false;
    for point in points {
        if let Some((x, y)) = point {
            let _ = write!(out, "{}{} {}", if pen { 'L' } else { 'M' }, n(plot.x(x)), n(plot.y(y)));
        }
        pen = point.is_some();
    }
    out
}

/// One path a kind of mark; no more than one mark of a kind every `apart` pixels.
fn marks(
    view: &View,
    clock: &Clock,
    (top, price): (&Plot, &Scale),
    (low, spread): (&Plot, &Scale),
    buckets: &[Bucket],
    apart: f64,
) -> Markup {
    let mut paths = [const { String::new() }; 4];
    let mut last = [f64::NEG_INFINITY; 4];
    for step in view.input.detail.trades.iter().flat_map(|trade| &trade.steps) {
        let Some(kind) = mark(step) else { continue };
        let x = clock.x(step.at);
        if x < last[kind] + apart {
            continue;
        }
        last[kind] = x;
        let bucket = (clock.part(step.at) * buckets.len() as f64) as usize;
        let Some(bucket) = buckets.get(bucket) else { continue };
        let middle = |range: [f64; 2]| (range[0] + range[1]) / 2.0;
        let y = match kind {
            2 => bucket.spread.map(|range| low.y(spread.place(middle(range)))),
            _ => bucket.mids[0].or(bucket.mids[1]).map(|range| top.y(price.place(middle(range)))),
        };
        if let Some(y) = y {
            paths[kind].push_str(&symbol(kind, x, y));
        }
    }
    html! { @for (path, (_, class)) in paths.iter().zip(MARKS) { @if !path.is_empty() { path class={ "mark " (class) } d=(path) {} } } }
}

/// The outline of a mark: triangle, diamond, circle, cross.
fn symbol(kind: usize, x: f64, y: f64) -> String {
    match kind {
        0 => format!("M{} {}l5 9h-10z", n(x), n(y - 5.0)),
        1 => format!("M{} {}l5 5l-5 5l-5 -5z", n(x), n(y - 5.0)),
        2 => format!("M{} {}a4 4 0 1 0 8 0a4 4 0 1 0 -8 0z", n(x - 4.0), n(y)),
        _ => format!("M{} {}l8 8m0 -8l-8 8", n(x - 4.0), n(y - 4.0)),
    }
}

/// For the script: the whole range, and each trade that can be looked at closely.
pub fn data(view: &View) -> (Value, Value) {
    let whole = view.input.detail.market.as_ref().map_or(Value::Null, |market| stretch(view, market));
    let mut trades = serde_json::Map::new();
    for trade in shown(&view.input.detail.trades).into_iter().map(|i| &view.input.detail.trades[i]) {
        let Some(close) = &trade.view else { continue };
        let mut entry = stretch(view, close);
        let steps = trade.steps.iter().map(|step| {
            let kind = mark(step).map_or(json!(null), |kind| json!(kind));
            json!([millis(step.at), step.to, kind, REASONS.iter().position(|name| *name == step.reason)])
        });
        entry["steps"] = steps.collect();
        trades.insert(trade.number.to_string(), entry);
    }
    (whole, Value::Object(trades))
}

/// Milliseconds of the usual epoch.
pub fn millis(at: Time) -> i64 {
    at.0.div_euclid(1_000_000)
}

fn stretch(view: &View, stretch: &Stretch) -> Value {
    let series = |name: &str, unit: &str, pick: &dyn Fn(&Bucket) -> Option<[f64; 2]>| {
        let side = |i: usize| pack(stretch.buckets.iter().map(|b| Some(pick(b)?[i])));
        json!({ "name": name, "unit": unit, "lo": side(0), "hi": side(1) })
    };
    let [long, short] = &view.input.venues;
    let quote = &view.input.quote;
    json!({
        "from": millis(stretch.from), "to": millis(stretch.to), "n": stretch.buckets.len(),
        "rows": [
            series(&format!("{long} mid"), quote, &|b| b.mids[0]),
            series(&format!("{short} mid"), quote, &|b| b.mids[1]),
            series("spread", "bp", &|b| b.spread),
            series("band", "bp", &|b| b.band),
        ],
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_step_has_the_mark_that_a_trader_expects() {
        let step = |from, to| mark(&Step { at: Time(0), from, to, reason: String::new() });
        let marks = [step(0, 1), step(1, 2), step(2, 3), step(3, 4), step(4, 0), step(3, 0), step(3, 3), step(0, 2)];
        assert_eq!(marks, [Some(0), None, Some(1), Some(2), Some(3), Some(2), None, Some(0)]);
    }
}
