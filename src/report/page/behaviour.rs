//! What the winner did: its states, its transitions, how often its gate stood open, its trades.

use super::sign;
use crate::ledger::Line;
use crate::report::view::View;
use crate::report::{Trade, Unit, text};
use maud::{Markup, html};

/// More trades than this are not listed; trades.parquet has them.
const MOST: usize = 200;

pub fn body(view: &View) -> Option<Markup> {
    let input = view.input;
    if input.states.is_empty() && input.transitions.is_empty() && input.gates.is_empty() {
        return None;
    }
    Some(html! {
        div.pair {
            @if !input.states.is_empty() { (states(view)) }
            @if !input.gates.is_empty() { (gates(view)) }
            @if !input.transitions.is_empty() { (transitions(view)) }
        }
    })
}

/// A share as a figure over a bar.
fn share(part: f64, colour: &str) -> Markup {
    let part = if part.is_finite() { part.clamp(0.0, 1.0) } else { 0.0 };
    let width = format!("width:{:.2}%;background:{colour}", part * 100.0);
    html! { td.num.share { span.gauge style=(width) {} (text::fixed(part * 100.0, 2)) "\u{a0}%" } }
}

fn states(view: &View) -> Markup {
    let all: f64 = view.input.states.iter().map(|s| s.seconds).sum();
    const NAMES: [&str; 6] = ["idle", "first leg", "locking", "locked", "long leg left", "short leg left"];
    html! {
        table {
            caption { "Time in each state" }
            thead { tr { th scope="col" { "State" } th.num scope="col" { "Time" } th.num scope="col" { "Share" } } }
            tbody {
                @for (i, state) in view.input.states.iter().enumerate() {
                    tr {
                        th scope="row" { (state.state) " " span.quiet { (NAMES.get(i).unwrap_or(&"")) } }
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
                            @if gate.share <= 0.0 { " " span.tag { "never" } } @else if gate.share >= 1.0 { " " span.tag { "always" } }
                        }
                        (share(gate.share, "var(--c1)"))
                    }
                }
            }
        }
    }
}

fn transitions(view: &View) -> Markup {
    let all = view.input.transitions.iter().map(|t| t.count).sum::<u64>().max(1);
    html! {
        table {
            caption { "Transitions by reason" }
            thead { tr {
                th scope="col" { "From → to" }
                th scope="col" { "Reason" }
                th.num scope="col" { "Times" }
                th.num scope="col" { "Share" }
                th.num scope="col" { "Pnl" small { (view.input.quote) } }
            } }
            tbody {
                @for t in &view.input.transitions {
                    tr {
                        th.path scope="row" { (t.from) " → " (t.to) }
                        td { (t.reason.replace('_', " ")) }
                        td.num { (text::count(t.count)) }
                        (share(t.count as f64 / all as f64, "var(--c1)"))
                        td class=(sign(t.pnl)) { (text::figure(t.pnl, Unit::Money)) }
                    }
                }
            }
        }
    }
}

pub fn trades(view: &View) -> Option<Markup> {
    let trades = &view.input.trades;
    if trades.is_empty() {
        return None;
    }
    let shown = &trades[trades.len().saturating_sub(MOST)..];
    let used = |line: &&Line| shown.iter().any(|t| (0..2).any(|leg| t.lines.0[leg][**line as usize] != 0));
    let lines: Vec<Line> = Line::ALL.iter().filter(used).copied().collect();
    Some(html! {
        p.note {
            "The winner's " (if shown.len() < trades.len() { "last " } else { "" })
            (text::counted(shown.len() as u64, "round trip"))
            @if shown.len() < trades.len() { " of " (text::count(trades.len() as u64)) "; the others are in trades.parquet" }
            ", each trade's money split as above, " (view.input.quote) ". Times are UTC."
        }
        div.scroll.high tabindex="0" role="region" aria-label="Trades" {
            table.sortable {
                thead { tr {
                    (heading("#", "num stick")) (heading("Opened", "")) (heading("Held", "num")) (heading("States", ""))
                    (heading("Closed by", "")) (heading("Net", "num"))
                    @for line in &lines { (heading(line.name(), "num")) }
                } }
                tbody { @for trade in shown { (row(view, trade, &lines)) } }
            }
        }
    })
}

fn heading(name: &str, class: &str) -> Markup {
    html! { th scope="col" class=[(!class.is_empty()).then_some(class)] { button type="button" { (name) } } }
}

fn row(view: &View, trade: &Trade, lines: &[Line]) -> Markup {
    let held_out = view.input.spans.has_held_out() && trade.opened >= view.input.spans.held_out;
    let held = trade.closed.since(trade.opened) as f64 * 1e-9;
    let net = trade.lines.total2() as f64 * 0.5e-18;
    html! {
        tr {
            th.num.stick scope="row" data-v=(trade.number) { (trade.number) }
            td data-v=(trade.opened.0) { (text::moment(trade.opened)) @if held_out { " " span.tag { "held out" } } }
            td.num data-v=(held) { (text::duration(held)) }
            td { (trade.path) }
            td { (trade.reason.replace('_', " ")) }
            td class=(sign(Some(net))) data-v=(net) { (text::figure(Some(net), Unit::Money)) }
            @for line in lines { (super::cents(trade.lines.as_f64(*line))) }
        }
    }
}
