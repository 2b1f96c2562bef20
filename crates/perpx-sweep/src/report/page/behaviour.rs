//! What the winner did: its transitions, its states, how often its gate stood open.

use super::clock::STATE_NAMES;
use super::sign;
use crate::report::view::View;
use crate::report::{Unit, text};
use maud::{Markup, html};

pub fn body(view: &View) -> Option<Markup> {
    let input = view.input;
    if input.detail.transitions.is_empty() && input.gates.is_empty() {
        return None;
    }
    Some(html! {
        div.pair {
            @if !input.gates.is_empty() { div.scroll { (gates(view)) } }
            @if !input.detail.transitions.is_empty() { div.scroll.row { (transitions(view)) } }
        }
    })
}

/// A share as a figure over a bar.
pub fn share(part: f64, colour: &str) -> Markup {
    let part = if part.is_finite() { part.clamp(0.0, 1.0) } else { 0.0 };
    let width = format!("width:{:.2}%;background:{colour}", part * 100.0);
    html! { td.num.share { span.gauge { i style=(width) {} } (text::fixed(part * 100.0, 2)) "\u{a0}%" } }
}

pub fn states(view: &View) -> Markup {
    let all: f64 = view.input.states.iter().map(|s| s.seconds).sum();
    html! {
        table {
            caption { "Time in each state" }
            thead { tr { th scope="col" { "State" } th.num scope="col" { "Time" } th.num scope="col" { "Share" } } }
            tbody {
                @for (i, state) in view.input.states.iter().enumerate() {
                    tr {
                        th scope="row" { (state.state) " " span.quiet { (STATE_NAMES.get(i).unwrap_or(&"")) } }
                        td.num { (text::duration(state.seconds)) }
                        (share(if all > 0.0 { state.seconds / all } else { 0.0 }, &format!("var(--s{i})")))
                    }
                }
            }
        }
    }
}

fn gates(view: &View) -> Markup {
    html! {
        table {
            caption { "Share of bars at which each gate condition held" }
            thead { tr { th scope="col" { "Condition" } th.num scope="col" { "Share" } } }
            tbody {
                @for gate in &view.input.gates {
                    tr {
                        th scope="row" {
                            (gate.condition)
                            @if gate.share < 0.01 { " " span.tag.dead { "dead: under 1 %" } } @else if gate.share > 0.99 { " " span.tag.dead { "dead: over 99 %" } }
                        }
                        (share(gate.share, "var(--c1)"))
                    }
                }
            }
        }
    }
}

fn transitions(view: &View) -> Markup {
    let all = view.input.detail.transitions.iter().map(|t| t.count).sum::<u64>().max(1);
    let priced = view.input.detail.transitions.iter().any(|t| t.pnl.is_some());
    html! {
        table.tight {
            caption {
                "Transitions by reason"
                @if priced { small { "From an unlock on: money made beyond the value frozen at the lock, to the trade's end." } }
            }
            thead { tr {
                th scope="col" { "From → to" }
                th scope="col" { "Reason" }
                th.num scope="col" { "Times" }
                th.num scope="col" { "Share" }
                @if priced { th.num scope="col" { "From there on" small { (view.input.quote) } } }
            } }
            tbody {
                @for t in &view.input.detail.transitions {
                    tr {
                        th.path scope="row" { (t.from) " → " (t.to) }
                        td { (text::words(&t.reason)) }
                        td.num { (text::count(t.count)) }
                        (share(t.count as f64 / all as f64, "var(--c1)"))
                        @if priced { td class=(sign(t.pnl)) { (text::figure(t.pnl, Unit::Money)) } }
                    }
                }
            }
        }
    }
}
