//! When the winner earned, what kept it idle, its margin, and what it carries.

use super::chart;
use super::glossary::term;
use crate::report::course;
use crate::report::view::View;
use crate::report::{charts, text};
use maud::{Markup, html};

pub fn when(view: &View) -> Option<Markup> {
    let all = charts::when(view);
    (!all.is_empty()).then(|| {
        html! {
            p.note { "Change of the equity by the interval in which it came, in sample and held out together; lines are one " (term("error", "standard error")) ". Many bars: some stand out by chance." }
            div.charts {
                @for drawn in &all { (chart::figure(drawn, (620.0, 160.0), html! { (text::capital(&drawn.title)) })) }
            }
        }
    })
}

pub fn idle(view: &View) -> Option<Markup> {
    let idle = &view.input.detail.idle;
    let states = (!view.input.states.is_empty()).then(|| html! { div.scroll { (super::behaviour::states(view)) } });
    if idle.bars == 0 {
        return states;
    }
    let part = |bars: u64| 100.0 * bars as f64 / idle.bars as f64;
    let mut missing: Vec<_> = idle.missing.iter().filter(|missing| missing.bars > 0).collect();
    missing.sort_by_key(|missing| std::cmp::Reverse((missing.alone, missing.bars)));
    Some(html! {
        p {
            "The winner held nothing at " strong { (text::fixed(100.0 * idle.bars as f64 / idle.all.max(1) as f64, 1)) " %" }
            " of " (text::counted(idle.all, "bar close")) "."
            @if idle.open > 0 { " At " (text::fixed(part(idle.open), 2)) " % of those its gate was open: an order was under way, or a pause was kept." }
        }
        div.pair {
        div.scroll {
            table {
                caption { "What kept the gate shut while idle" }
                thead { tr {
                    th scope="col" { "Condition" } th.num scope="col" { "Missing" } th.num scope="col" { "Alone" small { "all else let it in" } }
                } }
                tbody {
                    @for missing in missing {
                        tr {
                            th scope="row" { (missing.condition) }
                            (super::behaviour::share(missing.bars as f64 / idle.bars as f64, "var(--c1)"))
                            (super::behaviour::share(missing.alone as f64 / idle.bars as f64, "var(--c2)"))
                        }
                    }
                }
            }
        }
        @if let Some(states) = states { (states) }
        }
    })
}

pub fn margin(view: &View) -> Option<Markup> {
    let drawn: Vec<_> = [charts::margin(view), charts::distance(view)].into_iter().flatten().collect();
    let (most, least) = course::tightest(&view.input.detail.intervals);
    let [long, short] = &view.input.venues;
    let percent = |share: Option<f64>| {
        share.map_or(text::DASH.to_owned(), |share| format!("{} %", text::fixed(100.0 * share, 1)))
    };
    (!drawn.is_empty()).then(|| {
        html! {
            p { "At most " strong { (percent(most)) } " of a venue's equity was " (term("margin", "margin")) "; the nearest " (term("distance", "liquidation")) " stood " strong { (percent(least)) } " of the price away." }
            div.charts { @for drawn in &drawn { (chart::figure(drawn, (620.0, 165.0), html! {})) } }
            ul.legend {
                li { span.swatch.block style="background:var(--c1)" {} "long leg, " (long) }
                li { span.swatch.block style="background:var(--c2)" {} "short leg, " (short) }
            }
        }
    })
}

pub fn capacity(view: &View) -> Option<Markup> {
    let drawn = charts::capacity(view)?;
    let best = view.capacity.iter().reduce(|a, b| if b.net > a.net { b } else { a })?;
    let now = view.capacity.iter().find(|sized| sized.times == 1.0)?;
    let money = |net: f64| text::measured(Some(net), crate::report::Unit::Money, &view.input.quote);
    let size = |depths: f64| perpx_data::text::significant(depths, 2);
    // the largest size at which a unit earns nine tenths of what it did
    let whole = view.capacity.iter().filter(|sized| sized.times >= 1.0 && now.net > 0.0);
    let whole = whole.take_while(|sized| sized.net >= 0.9 * sized.times * now.net).last();
    let is_bounded = best.times < view.capacity.last()?.times;
    Some(html! {
        div.pair.wider {
            (chart::figure(&drawn, (620.0, 175.0), html! {}))
            div {
                p {
                    "A fill takes " strong { (size(now.depths)) } " of the best size of about then, on average. "
                    @if let Some(whole) = whole {
                        "Up to " strong { (text::fixed(whole.times, 0)) " times" } " the size each unit earns at least nine tenths of what it did. "
                    }
                    @if is_bounded {
                        "It makes most, " strong { (money(best.net)) } ", at about " strong { (text::fixed(best.times, if best.times < 1.0 { 2 } else { 0 })) " times" }
                        " the size, " (size(best.depths)) " best sizes a fill; beyond that a larger size earns less."
                    } @else { "No size that was looked at is too large." }
                }
                p.note {
                    "An " (term("capacity", "assumption")) ", not a measurement: the same fills, each further best size fills.impact_bp dearer, nobody answers."
                }
            }
        }
    })
}
