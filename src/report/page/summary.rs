//! What won, by how much, and whether to believe it.

use super::sign;
use crate::report::view::View;
use crate::report::{Level, Unit, Winner, text};
use maud::{Markup, html};

/// Name, market, range and the theme switch.
pub fn masthead(view: &View) -> Markup {
    html! {
        div {
            p.kicker { "perpx sweep" }
            h1 { (view.input.name) }
            (lead(view))
        }
        button #theme type="button" hidden { "Dark" }
    }
}

/// Market, range, capital.
pub fn lead(view: &View) -> Markup {
    let input = view.input;
    let [long, short] = &input.venues;
    html! {
        p.lead {
            strong { (input.symbol) } " · long " (long) " / short " (short) " · "
            (text::moment(input.spans.from)) " to " (text::moment(input.spans.to)) " UTC ("
            (text::span(input.spans.from, input.spans.to)) ") · capital "
            (text::measured(Some(input.capital), Unit::Money, &input.quote))
        }
    }
}

/// The summary's sentences without its tables, for summary.json.
pub fn words(view: &View) -> Markup {
    html! {
        @match &view.input.winner {
            Some(winner) => { (story(view, winner)) }
            None => { (nobody(view)) }
        }
        (counts(view))
    }
}

pub fn body(view: &View) -> Markup {
    html! {
        (warnings(view))
        @match &view.input.winner {
            Some(winner) => { (story(view, winner)) (tiles(view, winner)) (details(view, winner)) }
            None => { (nobody(view)) }
        }
        (counts(view))
    }
}

fn warnings(view: &View) -> Markup {
    let of = |level| view.warnings.iter().filter(move |w| w.level == level).map(|w| &w.text);
    let (severe, caution): (Vec<_>, Vec<_>) = (of(Level::Severe).collect(), of(Level::Caution).collect());
    html! {
        @if !severe.is_empty() {
            div.warn.severe role="alert" {
                strong { "Not to be used as it stands" }
                ul { @for text in &severe { li { (text) } } }
            }
        }
        @if !caution.is_empty() {
            div.warn {
                strong { "To be known before use" }
                ul { @for text in &caution { li { (text) } } }
            }
        }
    }
}

/// Two or three sentences.
fn story(view: &View, winner: &Winner) -> Markup {
    let input = view.input;
    let name = &input.objective.metric;
    let counts = &input.counts;
    let ranking = input.worlds.iter().find(|w| w.ranking).filter(|_| counts.worlds > 1);
    let second = runner_up(view);
    html! {
        p.story {
            "Configuration " code { (winner.id) } " ranks first of " (text::count(counts.eligible))
            @if counts.eligible != counts.configurations {
                " that meet every requirement (" (text::counted(counts.configurations, "configuration")) " ran)"
            } @else { " " (if counts.eligible == 1 { "configuration" } else { "configurations" }) }
            ": " (name) " " strong { (view.measured(winner.metric)) }
            @if counts.worlds > 1 {
                @match input.objective.over_world.as_str() {
                    "mean" => { " on average over " (text::count(counts.worlds)) " worlds" }
                    other => { " in its " (other) " of " (text::count(counts.worlds)) " worlds" }
                }
                @if let Some(world) = ranking { " (" (world_name(view, &world.values)) ")" }
            }
            @if let Some(second) = second { ", against " (view.measured(Some(second))) " for the next" }
            ". "
            @if input.spans.has_held_out() {
                "In the held-out " (text::span(input.spans.held_out, input.spans.to)) ", which chose nothing, it shows "
                strong { (view.measured(winner.oos_metric)) } ". "
            } @else { strong { "Nothing was held out" } ", so nothing here is proven out of sample. " }
            @if winner.neighbour_count > 0 {
                "The median of its " (text::counted(winner.neighbour_count, "grid neighbour")) " is "
                strong { (view.measured(winner.neighbours)) }
                @if let Some(plateau) = winner.plateau {
                    "; " (text::counted(plateau, "configuration")) " around it "
                    (if plateau == 1 { "holds" } else { "hold" }) " at least " (view.measured(winner.plateau_floor))
                }
                "."
            }
        }
    }
}

/// The objective of the second row.
fn runner_up(view: &View) -> Option<f64> {
    let at = &view.input.board.rows.get(1)?.at;
    view.input.points.iter().find(|p| p.at == *at)?.metric
}

/// "median_ms 300"
fn world_name(view: &View, values: &[String]) -> String {
    let axes: Vec<_> = view.input.axes.iter().filter(|a| a.is_world()).collect();
    let names = text::short_names(&axes);
    names.iter().zip(values).map(|(name, value)| format!("{name} {value}")).collect::<Vec<_>>().join(", ")
}

/// The four figures that decide.
fn tiles(view: &View, winner: &Winner) -> Markup {
    let metric = view.metric();
    let held_out = view.input.spans.has_held_out();
    html! {
        div.tiles {
            (tile(&metric, winner.metric, view.figure(winner.metric), "in sample"))
            @if held_out { (tile(&metric, winner.oos_metric, view.figure(winner.oos_metric), "held out")) }
            (tile(&metric, winner.neighbours, view.figure(winner.neighbours), "median of neighbours"))
            @for metric in winner.metrics.iter().filter(|m| m.unit == Unit::Money).take(1) {
                @let shown = text::measured(metric.in_sample, metric.unit, &view.input.quote);
                (tile(&metric.title, metric.in_sample, shown, "in sample"))
            }
        }
    }
}

fn tile(title: &str, value: Option<f64>, shown: String, note: &str) -> Markup {
    html! {
        div.tile {
            span.what { (title) }
            span class={ "value " (if value.is_some_and(|v| v < 0.0) { "neg" } else { "" }) } { (shown) }
            span.note { (note) }
        }
    }
}

/// The winner's axis values beside its metrics.
fn details(view: &View, winner: &Winner) -> Markup {
    let held_out = view.input.spans.has_held_out();
    html! {
        div.pair {
            div.scroll {
                table {
                    caption { "The winner's values" }
                    thead { tr { th scope="col" { "Key" } th.num scope="col" { "Value" } } }
                    tbody {
                        @for (i, axis) in view.axes.iter().enumerate() {
                            tr {
                                th.key scope="row" { (breakable(&axis.name)) }
                                td.num { (view.value(&winner.at, i)) (edge(axis.values.len(), winner.at[i])) }
                            }
                        }
                    }
                }
            }
            @if !winner.metrics.is_empty() {
                div.scroll {
                    table {
                        caption { "The winner's figures" }
                        thead {
                            tr {
                                th scope="col" { "Figure" }
                                th.num scope="col" { "In sample" }
                                @if held_out { th.num scope="col" { "Held out" } }
                            }
                        }
                        tbody {
                            @for metric in &winner.metrics {
                                tr {
                                    th scope="row" { (metric.title) }
                                    td class=(sign(metric.in_sample)) {
                                        (text::measured(metric.in_sample, metric.unit, &view.input.quote))
                                    }
                                    @if held_out {
                                        td class=(sign(metric.held_out)) {
                                            (text::measured(metric.held_out, metric.unit, &view.input.quote))
                                        }
                                    }
                                }
                            }
                        }
                    }
                }
            }
        }
    }
}

/// A winner at the end of an axis asks for a wider grid.
fn edge(values: usize, at: u16) -> Markup {
    let end = values > 2 && (at == 0 || usize::from(at) + 1 == values);
    html! { @if end { br; span.tag { (if at == 0 { "lowest tried" } else { "highest tried" }) } } }
}

/// A dotted key that may break after its dots.
pub fn breakable(name: &str) -> Markup {
    html! {
        @for (i, part) in name.split('.').enumerate() {
            @if i > 0 { "." wbr; }
            (part)
        }
    }
}

fn nobody(view: &View) -> Markup {
    html! {
        div.warn.severe role="alert" {
            strong { "No configuration meets every requirement, so nothing is ranked and there is no best.yml." }
            @if !view.input.counts.failed.is_empty() {
                ul {
                    @for (require, failed) in &view.input.counts.failed {
                        li { code { (require) } ": " (text::counted(*failed, "configuration")) " failed it" }
                    }
                }
            }
        }
    }
}

fn counts(view: &View) -> Markup {
    let counts = &view.input.counts;
    let objective = &view.input.objective;
    let dead: Vec<&str> = view.input.axes.iter().filter(|a| a.dead).map(|a| a.name.as_str()).collect();
    html! {
        details open {
            summary { "What was tried" }
            ul.plain {
                li {
                    (text::counted(counts.configurations, "configuration")) " in " (text::counted(counts.worlds, "world"))
                    ", ranked by " strong { (objective.metric) } ", higher is better"
                    @if counts.worlds > 1 { "; of its worlds the " strong { (objective.over_world) } " counts" }
                    "; " (text::count(counts.eligible)) " met every requirement."
                }
                @for (require, failed) in counts.failed.iter().filter(|f| f.1 > 0) {
                    li { (text::counted(*failed, "configuration")) " failed " code { (require) } "." }
                }
                @for require in objective.require.iter().filter(|r| counts.failed.iter().all(|f| f.0 != **r || f.1 == 0)) {
                    li { "None failed " code { (require) } "." }
                }
                @for (why, skipped) in counts.skipped.iter().filter(|s| s.1 > 0) {
                    li { (text::counted(*skipped, "combination")) " never ran: " code { (why) } "." }
                }
                @if !dead.is_empty() {
                    li {
                        "No result changed along " @for (i, name) in dead.iter().enumerate() {
                            @if i > 0 { ", " } code { (breakable(name)) }
                        } ": the axis can be dropped."
                    }
                }
            }
        }
    }
}
