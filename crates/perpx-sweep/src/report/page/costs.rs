//! What it cost to hold: funding by settlement, legging, and what the funding guard saved and cost.

use super::clock::shading;
use super::glossary::term;
use super::market::millis;
use super::pack::pack;
use super::svg::{Size, gutter, n, path, rulers, unit_label};
use crate::report::frame::quantile;
use crate::report::legging::{self, ALL, Ended};
use crate::report::scale::{Clock, Plot, Scale};
use crate::report::view::View;
use crate::report::{Legging, Settled, Unit, text};
use maud::{Markup, html};
use perpx_core::stats::Ending;
use perpx_core::units::Time;
use serde_json::{Value, json};

/// Rows of the tables of the worst.
const WORST: usize = 5;

pub fn funding(view: &View) -> Option<Markup> {
    let input = view.input;
    if input.detail.funding.is_empty() {
        return None;
    }
    let [long, short] = &input.venues;
    let caption = html! {
        ul.legend {
            li { span.swatch.block style="background:var(--c1)" {} "long leg, " (long) }
            li { span.swatch.block style="background:var(--c2)" {} "short leg, " (short) }
            li { span.swatch style="background:var(--ink)" {} "sum so far" }
        }
        p.note { (shading(&input.spans)) @if input.spans.has_held_out() { " The sum begins anew in the held-out part." } }
    };
    Some(html! {
        p.note {
            "The winner's funding at each settlement in which it held a position; above zero was received, below was paid. "
            "Where settlements lie closer than the drawing can show, neighbours stand together in one bar."
        }
        figure.chart #funding-chart data-hover="funding" tabindex="0" role="group" aria-label="Funding by settlement; arrow keys read it off" {
            div.wide { (funding_chart(view, Size::Wide)) }
            div.narrow { (funding_chart(view, Size::Narrow)) }
            p.readout role="status" {}
            figcaption { (caption) }
        }
        (funding_table(view))
    })
}

/// Settlements in `bins` equal parts of the range: both legs' sums.
pub fn binned(view: &View, bins: usize) -> Vec<[f64; 2]> {
    let spans = &view.input.spans;
    let mut out = vec![[0.0; 2]; bins];
    for settled in &view.input.detail.funding {
        let part = settled.at.since(spans.from).as_f64(spans.to.since(spans.from));
        let bin = ((part * bins as f64).max(0.0) as usize).min(bins - 1);
        (0..2).for_each(|leg| out[bin][leg] += settled.amounts[leg]);
    }
    out
}

/// The running sum after each settlement; the held-out part has its own.
pub fn running(view: &View) -> Vec<(Time, f64)> {
    let mut sum = 0.0;
    let mut out: Vec<(Time, f64)> = Vec::with_capacity(view.input.detail.funding.len());
    let held_out = view.input.spans.held_out;
    for settled in &view.input.detail.funding {
        if settled.at >= held_out && out.last().is_some_and(|last| last.0 < held_out) {
            sum = 0.0;
        }
        sum += settled.amounts[0] + settled.amounts[1];
        out.push((settled.at, sum));
    }
    out
}

const BINS: usize = 240;

fn funding_chart(view: &View, size: Size) -> Markup {
    let spans = &view.input.spans;
    let count = size.pick(BINS, BINS / 4);
    let bins = binned(view, count);
    let sums = running(view);
    let bars = Scale::over(bins.iter().flatten().copied().chain([0.0]), 4);
    let line = Scale::over(sums.iter().map(|s| s.1).chain([0.0]), 3);
    let left = gutter(size, &[&bars, &line]);
    let right = size.width() - size.pick(10.0, 6.0);
    let top = Plot { left, right, top: 34.0, bottom: size.pick(190.0, 160.0) };
    let low = Plot { left, right, top: top.bottom + 34.0, bottom: top.bottom + size.pick(134.0, 114.0) };
    let clock = Clock { spans, left, right };
    let width = (right - left) / count as f64;
    let steps = |held_out: bool| {
        let known = sums.iter().filter(move |s| (s.0 >= spans.held_out) == held_out);
        known.map(|s| (clock.part(s.0), line.place(s.1)))
    };
    html! {
        svg viewBox={ "0 0 " (n(size.width())) " " (n(low.bottom + 26.0)) } role="img" data-left=(n(left)) data-right=(n(right))
            aria-label="Funding received and paid by settlement, by leg, and its running sum" {
            (clock.shade(top.top, low.bottom, size.pick("hatch-fw", "hatch-fn")))
            (rulers(&top, &bars)) (rulers(&low, &line))
            (unit_label(&top, &format!("Funding, {}", view.input.quote)))
            (unit_label(&low, &format!("Sum so far, {}", view.input.quote)))
            @for leg in 0..2 {
                path class={ "leg c" (leg + 1) } d=(bar_path(&bins, leg, &top, &bars, width)) {}
            }
            @for held_out in [false, true] { path.line.sum d=(path(&low, steps(held_out))) {} }
            (clock.foot(low.bottom, size.pick(9, 4)))
        }
    }
}

/// All bars of a leg as one path: the long leg in the left half of its bin, the short leg in the right one.
fn bar_path(bins: &[[f64; 2]], leg: usize, plot: &Plot, scale: &Scale, width: f64) -> String {
    let zero = plot.y(scale.place(0.0));
    let half = (width / 2.0).max(0.8);
    let mut out = String::new();
    for (i, bin) in bins.iter().enumerate().filter(|(_, bin)| bin[leg] != 0.0) {
        let x = plot.left + width * i as f64 + width / 2.0 * leg as f64;
        let y = plot.y(scale.place(bin[leg]));
        out.push_str(&format!("M{} {}h{}V{}h-{}z", n(x), n(zero), n(half), n(y), n(half)));
    }
    out
}

/// For the script.
pub fn data(view: &View) -> Value {
    if view.input.detail.funding.is_empty() {
        return Value::Null;
    }
    let bins = binned(view, BINS);
    let spans = &view.input.spans;
    let [long, short] = &view.input.venues;
    let row = |name: String, leg: usize| {
        let one = pack(bins.iter().map(|bin| Some(bin[leg])));
        json!({ "name": name, "unit": view.input.quote, "lo": one })
    };
    json!({
        "from": millis(spans.from), "to": millis(spans.to), "n": BINS,
        "rows": [row(format!("long leg, {long}"), 0), row(format!("short leg, {short}"), 1)],
    })
}

fn funding_table(view: &View) -> Markup {
    let input = view.input;
    let spans = &input.spans;
    let parts: Vec<(&str, Vec<&Settled>)> = [("In sample", false), ("Held out", true)]
        .into_iter()
        .filter(|(_, held_out)| !held_out || spans.has_held_out())
        .map(|(name, out)| (name, input.detail.funding.iter().filter(|s| (s.at >= spans.held_out) == out).collect()))
        .collect();
    let places = text::places(input.detail.funding.iter().flat_map(|s| s.amounts));
    let amount = |value: f64| super::money_cell(value, places);
    html! {
        div.scroll tabindex="0" role="region" aria-label="Funding received and paid" {
            table.tight {
                caption { "Received and paid, " (input.quote) }
                thead { tr {
                    th scope="col" { "Part" } th scope="col" { "Leg" } th.num scope="col" { "Settlements" }
                    th.num scope="col" { "Received" } th.num scope="col" { "Paid" } th.num scope="col" { "Net" }
                    th.num scope="col" { "Dearest" }
                } }
                tbody {
                    @for (name, rows) in &parts {
                        @for (leg, venue) in input.venues.iter().enumerate() {
                            @let all = || rows.iter().map(|s| s.amounts[leg]).filter(|a| *a != 0.0);
                            tr {
                                th scope="row" { (name) } td { (["long", "short"][leg]) ", " (venue) }
                                td.num { (text::count(all().count() as u64)) }
                                (amount(all().filter(|a| *a > 0.0).sum())) (amount(all().filter(|a| *a < 0.0).sum()))
                                (amount(all().sum())) (amount(all().fold(0.0, f64::min)))
                            }
                        }
                    }
                }
            }
        }
    }
}

pub fn legging(view: &View) -> Option<Markup> {
    let all = &view.input.detail.legging;
    if all.is_empty() && view.input.detail.trades.is_empty() {
        return None;
    }
    // a lock let go closes one leg after the other on purpose
    let (meant, rows): (Vec<Legging>, Vec<Legging>) = all.iter().partition(|row| row.ending == Ending::Unlocked);
    let rows = &rows;
    if rows.is_empty() {
        return Some(html! { p { "Both legs were never unmatched where they should not be." } });
    }
    let mut worst: Vec<&Legging> = rows.iter().filter(|row| row.amount < 0.0).collect();
    worst.sort_by(|a, b| a.amount.total_cmp(&b.amount).then(b.seconds.total_cmp(&a.seconds)).then(a.from.cmp(&b.from)));
    worst.truncate(WORST);
    let meant_sec: f64 = meant.iter().map(|row| row.seconds).sum();
    Some(html! {
        p.note {
            (term("legging", "While one leg is filled")) " and the other not yet (locking, rollback, trims) the price works on what is "
            "unmatched. Fees and slippage stand elsewhere. The worst move is that of the exposed leg's mid against us; cost is "
            "what the price made of the exposed quantity, over the most that was exposed (negative would be a gain)."
            @if !meant.is_empty() { " Left out: " (text::counted(meant.len() as u64, "lock")) " let go on purpose, " (text::duration(meant_sec)) " in all." }
        }
        div.pair.legging { (legging_endings(view, rows)) @if !worst.is_empty() { (legging_worst(view, &worst)) } }
        details { summary { "How long, and what it cost in all" } (legging_sums(view, rows)) }
    })
}

fn legging_endings(view: &View, rows: &[Legging]) -> Markup {
    let ended = legging::by_ending(rows);
    let places = text::places(ended.iter().flat_map(|e| [e.cost, e.worst]));
    let figure = |value: Option<f64>, unit: Unit| html! { td.num { (text::figure(value, unit)) } };
    let row = |e: &Ended| {
        html! {
            th scope="row" { (text::words(&e.ending)) }
            td.num { (text::count(e.episodes)) }
            td.num { (text::duration(e.seconds)) }
            (figure(Some(e.qty_sec), Unit::Ratio))
            (figure(Some(e.worst_bp), Unit::Bps))
            (super::money_cell(e.worst, places))
            (figure(e.cost_bp, Unit::Bps))
            (super::money_cell(e.cost, places))
        }
    };
    html! {
        div.scroll tabindex="0" role="region" aria-label="Legging by how it ended" {
            table.tight {
                caption { "Legging by how it ended" }
                thead { tr {
                    th scope="col" { "Ended by" } th.num scope="col" { "Episodes" } th.num scope="col" { "Exposed" }
                    th.num scope="col" { "Quantity" small { "× seconds" } } th.num scope="col" { "Worst move" small { "bp" } }
                    th.num scope="col" { "Worst" small { (view.input.quote) } } th.num scope="col" { "Cost" small { "bp" } }
                    th.num scope="col" { "Cost" small { (view.input.quote) } }
                } }
                tbody { @for e in ended.iter().filter(|e| e.ending != ALL) { tr { (row(e)) } } }
                tfoot { @for e in ended.iter().filter(|e| e.ending == ALL) { tr { (row(e)) } } }
            }
        }
    }
}

fn legging_sums(view: &View, rows: &[Legging]) -> Markup {
    let quote = &view.input.quote;
    let mut seconds: Vec<f64> = rows.iter().map(|r| r.seconds).collect();
    seconds.sort_by(f64::total_cmp);
    let sum: f64 = rows.iter().map(|r| r.amount).sum();
    let lost: f64 = rows.iter().map(|r| r.amount.min(0.0)).sum();
    let fact = |name: &str, shown: String| html! { tr { th scope="row" { (name) } td.num { (shown) } } };
    let places = text::places([sum, lost].into_iter());
    let money = |value| format!("{}\u{a0}{quote}", text::fixed(value, places));
    html! {
        div.scroll {
            table.tight[lost == 0.0] {
                caption { "Legging" }
                tbody {
                    (fact("Episodes", text::count(rows.len() as u64)))
                    (fact("Exposed in all", text::duration(seconds.iter().sum())))
                    (fact("Median episode", text::duration(quantile(&seconds, 0.5))))
                    (fact("95 % are shorter than", text::duration(quantile(&seconds, 0.95))))
                    (fact("Longest", text::duration(quantile(&seconds, 1.0))))
                    (fact("Money, all episodes", money(sum)))
                    (fact("Of that lost", money(lost)))
                    (fact("Gained", money(sum - lost)))
                }
            }
        }
    }
}

fn legging_worst(view: &View, worst: &[&Legging]) -> Markup {
    let places = text::places(worst.iter().map(|row| row.amount));
    html! {
        div.scroll {
            table {
                caption { "The costliest" }
                thead { tr {
                    th scope="col" { "Began" small { "UTC" } } th scope="col" { "Ended by" } th.num scope="col" { "Exposed" }
                    th.num scope="col" { "Worst move" small { "bp" } }
                    th.num scope="col" { "Money" small { (view.input.quote) } }
                } }
                tbody {
                    @for row in worst {
                        tr {
                            td { (text::moment(row.from)) } td { (text::words(row.ending.name())) }
                            td.num { (text::duration(row.seconds)) }
                            td.num { (text::figure(Some(row.worst_bp), Unit::Bps)) }
                            (super::money_cell(row.amount, places))
                        }
                    }
                }
            }
        }
    }
}

pub fn guards(view: &View) -> Option<Markup> {
    let input = view.input;
    if input.detail.trades.is_empty() {
        return None;
    }
    if input.detail.guards.is_empty() {
        return Some(html! { p { "The funding guard never acted: it saved nothing and cost nothing." } });
    }
    let places = text::places(input.detail.guards.iter().map(|g| g.avoided));
    let (avoided, after) = input.detail.guards.iter().fold((0.0, 0.0), |s, g| (s.0 + g.avoided, s.1 + g.after));
    Some(html! {
        p.note {
            "Saved: the funding that the quantity let go would have paid until its trade ended, at least at its next "
            "settlement. Then: what the trade went on to make, closing included. Neither proves what would have happened "
            "without the guard."
        }
        div.scroll.high tabindex="0" role="region" aria-label="Guard actions" {
            table.tight {
                caption { "The guard acted " (text::counted(input.detail.guards.len() as u64, "time")) ", " (input.quote) }
                thead { tr {
                    th scope="col" { "When" small { "UTC" } } th.num scope="col" { "Trade" } th scope="col" { "From → to" }
                    th.num scope="col" { "Saved" } th.num scope="col" { "Then" }
                } }
                tbody {
                    @for guard in input.detail.guards.iter().take(200) {
                        tr {
                            td { (text::moment(guard.at)) } td.num { (guard.trade) }
                            td.path { "S" (guard.from) " → S" (guard.to) }
                            (super::money_cell(guard.avoided, places)) (super::money_cell(guard.after, places))
                        }
                    }
                }
                tfoot { tr {
                    th scope="row" colspan="3" { "all" }
                    (super::money_cell(avoided, places)) (super::money_cell(after, places))
                } }
            }
        }
    })
}
