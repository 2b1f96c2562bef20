//! What won, by how much, and whether to believe it.

use super::glossary::term;
use super::sign;
use crate::report::view::{View, WinnerPlateau};
use crate::report::{Metric, PageAxis, PageVerdict, Trade, Unit, Winner, charts, text};
use maud::{Markup, html};
use perpx_core::ledger::Line;
use perpx_core::units::MidValue;

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
        @if let Some(winner) = &view.input.winner {
            div.pair.why {
                div { (story(view, winner)) }
                @if let Some(found) = &view.input.verdict {
                    details.roomy open { summary { "The checks behind the verdict; the worst decides" } (checks(found)) }
                }
            }
            details { summary { (view.input.subject()) "'s values and figures" } (details(view, winner)) }
            @if let Some(drawn) = charts::tries(view) {
                details {
                    summary { "What luck alone shows, by number of tries" }
                    (super::chart::figure(&drawn, (820.0, 240.0), html! {
                        ul.legend {
                            @for (tone, word) in drawn.legend.iter().enumerate() {
                                li {
                                    span.swatch style={ "background:var(--c" (tone + 1) ")" } {}
                                    @if tone == 0 { (term("tries", word)) } @else { (word) }
                                }
                            }
                        }
                    }))
                }
            }
        }
        (counts(view))
    }
}

/// Every check behind the verdict.
fn checks(found: &PageVerdict) -> Markup {
    html! {
        table.checks {
            tbody {
                @for check in &found.checks {
                    tr {
                        th scope="row" { (check.name.replace('_', " ")) }
                        td { span class={ "grade " (check.grade) } { (check.grade) } }
                        td { (check.text) }
                    }
                }
            }
        }
    }
}

/// A sentence on each question that a desk asks.
fn story(view: &View, winner: &Winner) -> Markup {
    let input = view.input;
    let counts = &input.counts;
    let figure = |value| html! { strong { (view.measured(value)) } };
    let answers = [
        (if view.input.wins() { "What won" } else { "What ranks first" }, Some(what_won(view, winner))),
        ("By how much", Some(by_how_much(view, winner))),
        ("In which world", (counts.worlds > 1).then(|| which_world(view, winner))),
        ("What it earned", earned(view)),
        ("Held out", Some(html! {
            @if input.spans.has_held_out() { (held_out(view, winner)) }
            @else { strong { "Nothing was held out" } ", so nothing here is proven out of sample." }
        })),
        ("Neighbours", (winner.neighbour_count > 0).then(|| html! {
            "One step away on the grid, the median of " (text::counted(winner.neighbour_count, "configuration")) " is "
            (figure(winner.neighbours)) "."
            @if let Some(found) = &view.plateau { " " (plateau(view, found)) }
        })),
        ("Edge of the grid", at_the_edge(view, winner)),
    ];
    html! {
        dl.story {
            @for (question, answer) in &answers {
                @if let Some(answer) = answer { div { dt { (question) } dd { (answer) } } }
            }
        }
    }
}

/// How it ranks by its neighbourhood, and how wide its plateau is.
fn plateau(view: &View, found: &WinnerPlateau) -> Markup {
    let (best, score) = found.best;
    let at = &view.input.points[best].at;
    let moving = (0..view.axes.len()).filter(|i| view.axes[*i].values.len() > 1);
    html! {
        "By the lower median of itself and its neighbours, " (view.measured(Some(found.score))) ", it is number " (text::count(found.rank))
        " of " (text::count(view.input.points.len() as u64))
        @if found.rank > 1 {
            "; number 1 is " code { (moving.map(|i| view.value(at, i)).collect::<Vec<_>>().join(" · ")) } " with " (view.measured(Some(score)))
        }
        @if found.floor.is_some() {
            "; its " (term("plateau", "plateau")) ", down to half of it, has " (text::counted(found.around.len() as u64, "configuration"))
        }
        "."
    }
}

fn what_won(view: &View, winner: &Winner) -> Markup {
    let counts = &view.input.counts;
    let moving = || view.axes.iter().enumerate().filter(|(_, axis)| axis.values.len() > 1);
    html! {
        @for (n, (i, _)) in moving().enumerate() {
            @if n > 0 { ", " }
            (view.names[i]) "\u{a0}" strong { (view.value(&winner.at, i)) }
        }
        @if moving().next().is_some() { ": c" } @else { "C" }
        "onfiguration " code { (winner.id) } " ranks first of "
        @if !view.input.wins() {
            (text::count(counts.configurations)) " that ran and is no winner: "
            @if winner.metric.is_none() { "no configuration has a " (view.objective()) " in every world." }
            @else { "it does not meet every requirement." }
        } @else if counts.eligible == counts.configurations {
            (text::count(counts.eligible)) "."
        } @else {
            (text::count(counts.eligible)) " that meet every requirement (" (text::counted(counts.configurations, "configuration")) " ran)."
        }
    }
}

fn by_how_much(view: &View, winner: &Winner) -> Markup {
    let median = view.histogram.as_ref().map(|h| h.median);
    html! {
        @if view.input.objective.by_plateau { "It ranks by its neighbourhood. " }
        "Its " (view.objective()) " is " strong { (view.measured(winner.metric)) }
        @if winner.error.is_some() { ", give or take " (view.measured(winner.error)) " (one standard error)" }
        @if let Some(second) = runner_up(view) { ", against " (view.measured(Some(second))) " for the next" }
        @if let Some(median) = median { " and " (view.measured(Some(median))) " for the median of all" }
        "."
        @if view.input.counts.configurations >= 100 {
            " The best of " (text::count(view.input.counts.configurations)) " tries is partly luck."
        }
    }
}

fn which_world(view: &View, winner: &Winner) -> Markup {
    let input = view.input;
    let count = text::count(input.counts.worlds);
    let ranking = input.worlds.iter().find(|world| world.ranking);
    let equal = input.worlds.iter().filter(|world| world.metric == winner.metric).count() as u64;
    html! {
        @match input.objective.over_world.as_str() {
            "mean" => { "On average over " (count) " worlds" }
            _ if equal == input.counts.worlds => { "It is equal in all " (count) " worlds" }
            other => {
                "In its " (other) " of " (count) " worlds"
                @if equal > 1 { ", equal in " (text::count(equal)) " of them" }
            }
        }
        @if let Some(world) = ranking.filter(|_| equal != input.counts.worlds) { ": " strong { (world_name(view, &world.values)) } }
        "."
    }
}

/// The largest lines of its money, in sample.
fn earned(view: &View) -> Option<Markup> {
    let lines = &view.input.money.as_ref()?.in_sample;
    let mut parts: Vec<(Line, MidValue)> =
        Line::ALL.iter().map(|line| (*line, lines.both(*line))).filter(|p| p.1 != MidValue::ZERO).collect();
    parts.sort_by_key(|part| -part.1.abs());
    parts.truncate(4);
    Some(html! {
        (money_of(view, lines.total())) " on " (text::measured(Some(view.input.capital), Unit::Money, &view.input.quote))
        " of capital" (in_trades(view, false)) ", in sample."
        @for (i, (line, amount)) in parts.iter().enumerate() {
            (if i == 0 { " Most of it: " } else { ", " })
            (line.name()) " " (text::fixed(text::money(*amount), 2))
        }
        @if !parts.is_empty() { "." }
    })
}

/// The objective over the worlds as it ranks, then the money in the world that ranks, unless that is the same.
fn held_out(view: &View, winner: &Winner) -> Markup {
    let input = view.input;
    let is_over_worlds = input.counts.worlds > 1;
    let says_more = is_over_worlds || input.objective.metric != "net_pnl";
    html! {
        "In the last " (text::span(input.spans.held_out, input.spans.to)) ", which chose nothing, its " (view.objective()) " is "
        strong { (view.measured(winner.oos_metric)) }
        @if let Some(error) = oos_error(view, winner) { ", give or take " (view.measured(Some(error))) }
        @if is_over_worlds {
            @match input.objective.over_world.as_str() {
                "mean" => { " on average over its worlds" }
                other => { " in the world that is its " (other) " there" }
            }
        }
        @if let Some(money) = input.money.as_ref().filter(|_| says_more) {
            (if is_over_worlds { "; in the world of the figures below it made " } else { " and it made " })
            (money_of(view, money.held_out.total()))
        }
        @if input.money.is_some() { (in_trades(view, true)) }
        "."
    }
}

/// One standard error of the held-out objective, where it is that of one world.
fn oos_error(view: &View, winner: &Winner) -> Option<f64> {
    view.input.worlds.iter().find(|world| world.oos_metric == winner.oos_metric)?.oos_error
}

/// " in 10 trades (1 was open at the end)": of one run.
fn in_trades(view: &View, held_out: bool) -> Markup {
    let spans = &view.input.spans;
    let is_of_run = |trade: &&Trade| (spans.has_held_out() && trade.opened >= spans.held_out) == held_out;
    let trades: Vec<Trade> = view.input.detail.trades.iter().filter(is_of_run).cloned().collect();
    html! {
        " in " (text::counted(trades.len() as u64, "trade"))
        @if let Some(open) = super::trades::open_at_end(&trades) { " (" (open) " at the end)" }
    }
}

fn money_of(view: &View, amount: MidValue) -> Markup {
    html! { strong { (text::measured(Some(text::money(amount)), Unit::Money, &view.input.quote)) } }
}

/// A winner at the end of an axis asks for a wider grid.
fn at_the_edge(view: &View, winner: &Winner) -> Option<Markup> {
    let ends: Vec<usize> = (0..view.axes.len()).filter(|i| view.axes[*i].shape().is_edge(winner.at[*i])).collect();
    (!ends.is_empty()).then(|| {
        html! {
            "The winner has the lowest or highest value tried of "
            @for (n, i) in ends.iter().enumerate() {
                @if n > 0 { ", " }
                code { (view.names[*i]) } " (" (view.value(&winner.at, *i)) ")"
            }
            ": a wider grid may hold a better one."
        }
    })
}

/// The objective of the second row.
fn runner_up(view: &View) -> Option<f64> {
    let at = &view.input.board.rows.get(1)?.at;
    view.input.points.iter().find(|p| p.at == *at)?.metric
}

/// "median_ms 300"
pub fn world_name(view: &View, values: &[String]) -> String {
    let axes: Vec<_> = view.input.axes.iter().filter(|a| a.is_world()).collect();
    let names = text::short_names(&axes);
    names.iter().zip(values).map(|(name, value)| format!("{name} {value}")).collect::<Vec<_>>().join(", ")
}

/// The winner's axis values beside its metrics.
fn details(view: &View, winner: &Winner) -> Markup {
    html! {
        div.pair {
            div.scroll {
                table {
                    caption { (view.input.subject()) "'s values" }
                    thead { tr { th scope="col" { "Key" } th.num scope="col" { "Value" } } }
                    tbody {
                        @for (i, axis) in view.axes.iter().enumerate() {
                            tr {
                                th.key scope="row" { (breakable(&axis.name)) }
                                td.num { (view.value(&winner.at, i)) (edge(axis, winner.at[i])) }
                            }
                        }
                    }
                }
            }
            @if !winner.metrics.is_empty() {
                @let few = winner.metrics.len().min(FIGURES);
                @let world = if view.input.counts.worlds > 1 { " in the world that ranks it" } else { "" };
                @let heading = format!("{}'s figures{world}", view.input.subject());
                div {
                    (figures(view, &winner.metrics[..few], &heading))
                    @if few < winner.metrics.len() {
                        details {
                            summary { "Its other " (text::count((winner.metrics.len() - few) as u64)) " figures" }
                            (figures(view, &winner.metrics[few..], "Other figures"))
                        }
                    }
                }
            }
        }
    }
}

/// Figures that are shown without being asked for.
const FIGURES: usize = 16;

fn figures(view: &View, metrics: &[Metric], caption: &str) -> Markup {
    let held_out = view.input.spans.has_held_out();
    let cell = |value, unit| html! { td class=(sign(value)) { (text::measured(value, unit, &view.input.quote)) } };
    html! {
        div.scroll {
            table.figures {
                caption { (caption) }
                thead { tr {
                    th scope="col" { "Figure" }
                    th.num scope="col" { "In sample" }
                    @if held_out { th.num scope="col" { "Held out" } }
                } }
                tbody {
                    @for metric in metrics {
                        tr {
                            th scope="row" { (metric.title) }
                            (cell(metric.in_sample, metric.unit))
                            @if held_out { (cell(metric.held_out, metric.unit)) }
                        }
                    }
                }
            }
        }
    }
}

fn edge(axis: &PageAxis, at: u16) -> Markup {
    html! { @if axis.shape().is_edge(at) { br; span.tag { (if at == 0 { "lowest tried" } else { "highest tried" }) } } }
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

pub fn nobody(view: &View) -> Markup {
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
        details {
            summary { "What was tried" }
            ul.plain {
                li {
                    (text::counted(counts.configurations, "configuration")) " in " (text::counted(counts.worlds, "world"))
                    ", ranked by "
                    @if let Some(front) = &view.input.front {
                        "the " (term("front", "front")) " of " (front.objectives.iter().map(|(name, _)| name.as_str()).collect::<Vec<_>>().join(", ")) ", then by "
                    }
                    @if objective.by_plateau { (term("plateau", "plateau")) ": the lower median of " }
                    strong { (view.objective()) } @if objective.by_plateau { " over each and its neighbours" }
                    (if objective.lower_is_better { ", lower is better" } else { ", higher is better" })
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
