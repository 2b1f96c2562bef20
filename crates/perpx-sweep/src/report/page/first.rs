//! The first screen: shall I deploy this? The verdict, the equity beside the market, luck, and the figures that decide.

use super::glossary::term;
use super::pack::pack;
use super::svg::{Size, n, path, rulers, unit_label};
use super::{chart, market::millis};
use crate::report::course::{self, Benchmark, Interval, WithError};
use crate::report::scale::{Clock, Plot, Scale, sample, thin};
use crate::report::view::View;
use crate::report::{Level, PageVerdict, Unit, WorldRow, charts, text};
use maud::{Markup, html};
use perpx_core::units::Time;
use serde_json::{Value, json};

/// Moments that can be read off.
const READ: usize = 480;
/// Warnings that stand beside the verdict; the others fold.
const WARNINGS: usize = 3;

pub fn body(view: &View) -> Markup {
    html! {
        div.top {
            @if let Some(found) = &view.input.verdict { (verdict(found)) }
            (warnings(view))
        }
        @if view.input.winner.is_some() {
            div.first {
                (equity(view))
                (luck(view))
            }
            (tiles(view))
        } @else { (super::summary::nobody(view)) }
    }
}

/// What the grade asks of its reader.
fn advice(grade: &str) -> &'static str {
    match grade {
        "strong" => "Nothing found here speaks against deploying it.",
        "weak" => "Not proven: deploy it small, if at all.",
        _ => "Do not deploy it.",
    }
}

fn verdict(found: &PageVerdict) -> Markup {
    html! {
        div class={ "verdict " (found.grade) } role="status" {
            p { strong.grade { (text::capital(&found.grade)) "." } " " strong { (advice(&found.grade)) } " " (found.sentence) }
            p.hope { (found.hope) }
        }
    }
}

fn warnings(view: &View) -> Markup {
    let severe = view.warnings.iter().filter(|w| w.level == Level::Severe).count();
    let item = |at: usize| html! { li.red[view.warnings[at].level == Level::Severe] { (view.warnings[at].text) } };
    let all = view.warnings.len();
    html! {
        @if all > 0 {
            div.warn.severe[severe > 0] role="alert" {
                strong { @if severe > 0 { "Not to be used as it stands" } @else { "To be known before use" } }
                ul { @for at in 0..all.min(WARNINGS) { (item(at)) } }
                @if all > WARNINGS {
                    details {
                        summary { (text::count((all - WARNINGS) as u64)) " more" }
                        ul { @for at in WARNINGS..all { (item(at)) } }
                    }
                }
            }
        }
    }
}

fn equity(view: &View) -> Markup {
    let Some(curve) = view.curves().first() else { return html! {} };
    let compared = view.benchmarks.iter().any(Option::is_some);
    html! {
        figure.chart #first-chart data-hover="first" tabindex="0" role="group" aria-label="Equity of the winner beside the market; arrow keys read it off" {
            div.wide { (draw(view, (820.0, 360.0), Size::Wide)) }
            div.narrow { (draw(view, (350.0, 220.0), Size::Narrow)) }
            p.readout role="status" {}
            figcaption {
                ul.legend {
                    li { span.swatch style="background:var(--c1)" {} "#" (curve.rank) ", equity" }
                    @if compared { li { span.swatch.dash {} (term("benchmark", "holding the same exposure")) } }
                    @if view.input.spans.has_held_out() { li { span.swatch.block.heldout {} "held out: chose nothing" } }
                    @if !expected(view).is_empty() { li { span.swatch.block.wedge {} "as in sample, ± its error" } }
                }
            }
        }
    }
}

/// Points of the wedge.
const WEDGE: usize = 60;

/// Where the equity of the held-out time would stand if it went on as in sample: time, one standard error below and above.
fn expected(view: &View) -> Vec<(Time, f64, f64)> {
    let (inside, out) = (view.runs[0].len() as f64, view.runs[1]);
    let Some(found) = made(view, 0).filter(|_| out.len() > 1) else { return Vec::new() };
    let (mean, spread, capital) = (found.value / inside, found.error / inside.sqrt(), view.input.capital);
    let every = out.len().div_ceil(WEDGE);
    let point = |(i, interval): (usize, &Interval)| {
        let count = (i + 1) as f64;
        let (middle, reach) = (capital + mean * count, spread * count.sqrt());
        (interval.end, middle - reach, middle + reach)
    };
    let ends = out.iter().enumerate().filter(|(i, _)| i % every == 0 || i + 1 == out.len()).map(point);
    std::iter::once((view.input.spans.held_out, capital, capital)).chain(ends).collect()
}

fn draw(view: &View, (width, height): (f64, f64), size: Size) -> Markup {
    let spans = &view.input.spans;
    let Some(curve) = view.curves().first() else { return html! {} };
    let winner = thin(&curve.samples, spans.from, spans.to, size.pick(300, 150));
    let held = [0, 1].map(|run| view.holding(run));
    let wedge = expected(view);
    let ends = wedge.iter().flat_map(|(_, low, high)| [*low, *high]);
    let money = Scale::over(winner.iter().chain(held.iter().flatten()).map(|s| s.1).chain(ends), size.pick(6, 4));
    let letters = money.ticks.iter().map(|tick| money.label(*tick).chars().count()).max().unwrap_or(1);
    let plot = Plot { left: 12.0 + 7.7 * letters as f64, right: width - 8.0, top: 26.0, bottom: height - 26.0 };
    let clock = Clock { spans, left: plot.left, right: plot.right };
    let line = |samples: &[(Time, f64)]| path(&plot, samples.iter().map(|s| (clock.part(s.0), money.place(s.1))));
    let cut = winner.partition_point(|s| !spans.has_held_out() || s.0 < spans.held_out);
    html! {
        svg viewBox={ "0 0 " (n(width)) " " (n(height)) } role="img" data-left=(n(plot.left)) data-right=(n(plot.right))
            aria-label="Equity of the winner, and of holding the same exposure" {
            (clock.shade(plot.top, plot.bottom, size.pick("hatch-aw", "hatch-an")))
            (rulers(&plot, &money))
            (unit_label(&plot, &format!("Equity, {}", view.input.quote)))
            @if !wedge.is_empty() {
                @let up = wedge.iter().map(|(at, _, high)| (clock.part(*at), money.place(*high)));
                @let down = wedge.iter().rev().map(|(at, low, _)| (clock.part(*at), money.place(*low)));
                path.wedge d=(path(&plot, up.chain(down))) {}
            }
            @for held in &held { path.band-line d=(line(held)) {} }
            @for part in [&winner[..cut], &winner[cut..]] { path.line.first style="stroke:var(--c1)" d=(line(part)) {} }
            (clock.foot(plot.bottom, size.pick(7, 4)))
        }
    }
}

/// For the script.
pub fn data(view: &View) -> Value {
    let spans = &view.input.spans;
    let Some(curve) = view.curves().first() else { return Value::Null };
    let quote = &view.input.quote;
    let row = |name: &str, samples: &[(Time, f64)]| json!({ "name": name, "unit": quote, "lo": pack(sample(samples, spans, READ).into_iter()) });
    let held: Vec<(Time, f64)> = (0..2).flat_map(|run| view.holding(run)).collect();
    let mut rows = vec![row("equity", &curve.samples)];
    if !held.is_empty() {
        rows.push(row("holding", &held));
    }
    json!({ "from": millis(spans.from), "to": millis(spans.to), "n": READ, "rows": rows })
}

fn luck(view: &View) -> Markup {
    let size = (500.0, 310.0);
    html! {
        div.luck {
            @if let (Some(luck), Some(drawn)) = (&view.input.luck, charts::luck(view)) {
                (chart::figure(&drawn, size, html! {
                    p { strong { "Is it luck? " } "If none had an " (term("luck", "edge")) ", the best would look this good in "
                        strong { (luck.of_hundred) " of 100" } " such histories. The luckiest of these show about "
                        strong { (text::fixed(luck.luckiest, 1)) } "; the winner shows " strong { (text::fixed(luck.winner, 1)) }
                        @if let Some(error) = luck.error { " ± " (text::fixed(error, 1)) }
                        ". " (text::count(luck.distinct)) " different ledgers are worth about " (perpx_data::text::significant(luck.independent, 2))
                        " independent bets; " (text::count(luck.standing)) " stand on their own at 10 %." }
                }))
            } @else if let Some(drawn) = charts::length(view) {
                (chart::figure(&drawn, size, html! {
                    p { strong { "Is it luck? Too short to say. " } (length(view)) "A " (term("sharpe", "Sharpe ratio")) " taken over so little time has an error so wide that no figure of this page proves anything." }
                }))
            }
        }
    }
}

/// What the gate says of the length, as a sentence.
fn length(view: &View) -> String {
    let checks = view.input.verdict.iter().flat_map(|verdict| &verdict.checks);
    let found = checks.filter(|check| check.name == "length").map(|check| format!("{}. ", text::capital(&check.text)));
    found.collect()
}

/// A figure with what its error is, or what else bounds it.
struct Tile {
    what: Markup,
    value: String,
    is_loss: bool,
    error: Option<String>,
    notes: Vec<Markup>,
}

fn tiles(view: &View) -> Markup {
    let all = [held_out(view), drawdown(view), worst_world(view), fees(view), market(view)];
    html! {
        div.tiles.five {
            @for tile in all.iter().flatten() {
                div.tile {
                    span.what { (tile.what) }
                    span.value.neg[tile.is_loss] { (tile.value) @if let Some(error) = &tile.error { span.error { " ± " (error) } } }
                    @for note in &tile.notes { span.note { (note) } }
                }
            }
        }
    }
}

fn money(view: &View, value: f64) -> String {
    text::measured(Some(value), Unit::Money, &view.input.quote)
}

/// "169.77 ± 40.10"
fn with_error(value: f64, error: Option<WithError>) -> String {
    let error = error.map_or(String::new(), |found| format!(" ± {}", text::fixed(found.error, 2)));
    format!("{}{error}", text::fixed(value, 2))
}

/// Of a run: the sum of its intervals with its error.
fn made(view: &View, run: usize) -> Option<WithError> {
    course::sum(&view.runs[run].iter().map(|interval| interval.made).collect::<Vec<_>>())
}

fn trades(view: &View, is_held_out: bool) -> String {
    let spans = &view.input.spans;
    let mine = |at: Time| (spans.has_held_out() && at >= spans.held_out) == is_held_out;
    text::counted(view.input.detail.trades.iter().filter(|trade| mine(trade.opened)).count() as u64, "trade")
}

fn held_out(view: &View) -> Option<Tile> {
    let (money_of, spans) = (view.input.money.as_ref()?, &view.input.spans);
    let nets = [text::money(money_of.in_sample.total()), text::money(money_of.held_out.total())];
    let in_sample = html! { "in sample " (with_error(nets[0], made(view, 0))) " in " (trades(view, false)) };
    if !spans.has_held_out() {
        return Some(Tile {
            what: html! { "Net, nothing held out" },
            value: money(view, nets[0]),
            is_loss: nets[0] < 0.0,
            error: made(view, 0).map(|found| text::fixed(found.error, 2)),
            notes: vec![html! { "in " (trades(view, false)) ", all of which chose the winner" }],
        });
    }
    let found = made(view, 1);
    let unclear = found.is_some_and(|found| nets[1].abs() < 2.0 * found.error);
    Some(Tile {
        what: html! { "Net, " (term("held out", "held out")) },
        value: money(view, nets[1]),
        is_loss: nets[1] < 0.0,
        error: found.map(|found| text::fixed(found.error, 2)),
        notes: vec![
            html! { (trades(view, true)) " in " (text::span(spans.held_out, spans.to)) @if unclear { ": not to be told from nothing" } },
            in_sample,
        ],
    })
}

fn drawdown(view: &View) -> Option<Tile> {
    let found =
        view.input.winner.as_ref()?.metrics.iter().find(|metric| metric.title.eq_ignore_ascii_case("max drawdown"))?;
    let capital = view.input.capital;
    let shown = |value: Option<f64>| text::measured(value, Unit::Percent, "");
    let [range, out] = [0, 1].map(|run: usize| course::drawdowns(view.runs[run]));
    let percent = |[low, high]: [f64; 2]| {
        format!("{} to {} %", text::fixed(100.0 * low / capital, 2), text::fixed(100.0 * high / capital, 2))
    };
    Some(Tile {
        what: html! { (term("drawdown", "Deepest fall")) ", in sample" },
        value: shown(found.in_sample),
        is_loss: false,
        error: None,
        notes: [
            range.map(|range| html! { "histories drawn from its hours: " (percent(range)) }),
            view.input.spans.has_held_out().then(
                || html! { "held out " (shown(found.held_out)) @if let Some(out) = out { " (" (percent(out)) ")" } },
            ),
        ]
        .into_iter()
        .flatten()
        .collect(),
    })
}

fn worst_world(view: &View) -> Option<Tile> {
    let sign = if view.input.objective.lower_is_better { -1.0 } else { 1.0 };
    let worst_by = |of: fn(&WorldRow) -> Option<f64>| {
        let known = view.input.worlds.iter().filter_map(|world| Some((world, of(world).filter(|v| v.is_finite())?)));
        known.min_by(|a, b| (sign * a.1).total_cmp(&(sign * b.1))).map(|(world, _)| world)
    };
    let worst = worst_by(|world| world.metric)?;
    let out = worst_by(|world| world.oos_metric);
    let count = view.input.worlds.len() as u64;
    let error = |error: Option<f64>| error.map(|error| view.figure(Some(error)));
    let name = super::summary::world_name(view, &worst.values);
    Some(Tile {
        what: html! { (text::capital(&view.objective())) ", " @if count > 1 { (term("world", "worst")) " of " (text::count(count)) " worlds" } @else { "in the one " (term("world", "world")) } },
        value: view.measured(worst.metric),
        is_loss: worst.metric.is_some_and(|metric| metric < 0.0),
        error: error(worst.error),
        notes: [
            (!name.is_empty()).then(|| html! { "in " (name) }),
            out.map(|out| html! { "held out " (view.measured(out.oos_metric)) @if let Some(error) = error(out.oos_error) { " ± " (error) } }),
        ]
        .into_iter()
        .flatten()
        .collect(),
    })
}

fn fees(view: &View) -> Option<Tile> {
    let net = text::money(view.input.money.as_ref()?.in_sample.total());
    let found = course::fees(net, view.input.detail.fills.iter().filter(|fill| !fill.is_held_out))?;
    let bp = |value: f64| text::fixed(value, 2);
    let tiers: Vec<String> = view
        .input
        .venues
        .iter()
        .zip(&view.input.detail.tiers)
        .filter_map(|(venue, tier)| Some(format!("{venue} {}", tier.as_ref()?)))
        .collect();
    // run again it trades otherwise: that is what it would have made
    let again = view.input.detail.net_at_venue_fees.filter(|_| found.venue_net.is_some());
    let shown = again.or(found.venue_net).unwrap_or(net);
    Some(Tile {
        what: html! { @if found.venue_net.is_some() { "At the venues' " (term("fees", "own fees")) } @else { "At the " (term("fees", "fees")) " of the file" } },
        value: money(view, shown),
        is_loss: shown < 0.0,
        error: made(view, 0).map(|found| text::fixed(found.error, 2)),
        notes: vec![
            html! {
                @if again.is_some() { "run again at " }
                span title=(tiers.join("; ")) { @if let Some(venue) = found.venue_bp { (bp(venue)) " bp a fill; " } "the sweep's " (bp(found.paid_bp)) }
                @if let (Some(_), Some(same)) = (again, found.venue_net) { "; the same fills " (money(view, same)) }
            },
            html! { @if found.dies_bp > 0.0 { strong { "nothing left at " (bp(found.dies_bp)) " bp" } } @else { strong { "loses even without fees" } } ", same fills" },
        ],
    })
}

fn market(view: &View) -> Option<Tile> {
    let found = view.benchmarks[0].as_ref()?;
    let held = found.held[course::market_role(found).ix()];
    Some(Tile {
        what: html! { "Left without the " (term("beta", "market")) },
        value: money(view, found.rest.value),
        is_loss: found.rest.value < 0.0,
        error: Some(text::fixed(found.rest.error, 2)),
        notes: vec![
            html! { (term("beta", "beta")) " " (text::fixed(found.beta.value, 2)) " ± " (text::fixed(found.beta.error, 2)) " to holding " (perpx_data::text::significant(held, 2)) " " (view.input.symbol) },
            html! { "which made " (text::fixed(found.net, 2)) (out_of_sample(view.benchmarks[1].as_ref())) },
        ],
    })
}

fn out_of_sample(found: Option<&Benchmark>) -> String {
    found.map_or(String::new(), |found| {
        format!("; left held out {} ± {}", text::fixed(found.rest.value, 2), text::fixed(found.rest.error, 2))
    })
}
