//! Worlds, the tape's condition, and what the run can be repeated from.

use super::sign;
use super::summary::breakable;
use crate::report::view::View;
use crate::report::{Unit, text};
use maud::{Markup, html};

pub fn worlds(view: &View) -> Option<Markup> {
    let input = view.input;
    if input.worlds.len() < 2 {
        return None;
    }
    let axes: Vec<_> = input.axes.iter().filter(|a| a.is_world()).collect();
    let held_out = input.spans.has_held_out();
    let unit = text::unit_name(input.objective.unit, &input.quote);
    let unit = if unit.is_empty() { String::new() } else { format!("{unit}, ") };
    let money = input.objective.metric != "net_pnl";
    Some(html! {
        p.note { "The winner in each world. A world is not chosen by the trader, so none of them is picked for its result." }
        div.scroll tabindex="0" role="region" aria-label="Worlds" {
            table.tight {
                thead { tr {
                    @for axis in &axes { th.num scope="col" { (breakable(&axis.name)) } }
                    th.num scope="col" { (view.objective()) small { (unit) "in sample" } }
                    @if held_out { th.num scope="col" { (view.objective()) small { (unit) "held out" } } }
                    @if money { th.num scope="col" { "Net PnL" small { (input.quote) } } }
                    th.num scope="col" { (view.objective()) small { (unit) "median of all configurations" } }
                    td {}
                } }
                tbody {
                    @for world in &input.worlds {
                        tr.winner[world.ranking] {
                            @for value in &world.values { th.num scope="row" { (value) } }
                            (estimated(view, world.metric, world.error))
                            @if held_out { (estimated(view, world.oos_metric, world.oos_error)) }
                            @if money { td class=(sign(world.net_pnl)) { (text::figure(world.net_pnl, Unit::Money)) } }
                            td class=(sign(world.all_median)) { (view.figure(world.all_median)) }
                            td { @if world.ranking { span.tag { "ranked in" } } }
                        }
                    }
                }
            }
        }
    })
}

/// The objective with one standard error.
fn estimated(view: &View, value: Option<f64>, error: Option<f64>) -> Markup {
    html! {
        td class=(sign(value)) {
            (view.figure(value)) @if error.is_some() { span.error { " ± " (view.figure(error)) } }
        }
    }
}

pub fn quality(view: &View) -> Option<Markup> {
    let tables = &view.input.quality;
    if tables.is_empty() {
        return None;
    }
    Some(html! {
        @for table in tables {
            div.scroll tabindex="0" role="region" aria-label=(table.title) {
                table {
                    caption { (table.title) }
                    thead { tr { @for (i, name) in table.columns.iter().enumerate() { th.num[i > 0] scope="col" { (name) } } } }
                    tbody {
                        @for row in &table.rows {
                            tr { @for (i, cell) in row.iter().enumerate() {
                                @if i == 0 { th scope="row" { (cell) } } @else { td.num { (cell) } }
                            } }
                        }
                    }
                }
            }
        }
    })
}

pub fn provenance(view: &View) -> Markup {
    let input = view.input;
    html! {
        div.scroll {
            table.facts {
                tbody {
                    @for fact in &input.provenance {
                        tr { th scope="row" { (fact.name) } td { code { (fact.value) } } }
                    }
                    @for axis in &input.axes {
                        tr {
                            th.key scope="row" { (breakable(&axis.name)) }
                            td {
                                (if axis.is_world() { "world axis" } else { "axis" })
                                @if axis.feeds { ", makes feeds" }
                                @if axis.dead { ", no effect" }
                                ": " (values(&axis.values))
                            }
                        }
                    }
                }
            }
        }
        @if !input.notes.is_empty() {
            ul.plain.note { @for note in &input.notes { li { (note) } } }
        }
    }
}

/// All values of an axis, or its ends when there are many.
fn values(values: &[String]) -> String {
    match values {
        [first, second, .., last] if values.len() > 30 => {
            format!("{first}, {second}, … {last} ({} values)", text::count(values.len() as u64))
        }
        _ => values.join(", "),
    }
}
