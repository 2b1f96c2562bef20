//! The shape of the results: along each axis, and over all configurations.

use super::glossary::term;
use super::heat::short;
use super::svg::{Size, foot, gutter, n, path, rulers};
use crate::report::scale::{Plot, Scale};
use crate::report::text;
use crate::report::view::{Histogram, LIKELY, Slice, View};
use maud::{Markup, html};

pub fn slices(view: &View) -> Option<Markup> {
    if view.slices.is_empty() {
        return None;
    }
    // one scale for all, so that a flat axis looks flat
    let spreads = || view.slices.iter().flat_map(|s| &s.spreads);
    let scale = Scale::over(spreads().flat_map(|s| [s.worst, s.best]).flatten(), 6);
    Some(html! {
        p.note {
            (view.metric()) " by the value of one axis, over all the others. All on one scale: a flat line is an axis that "
            "hardly matters."
            @if let Some(why) = unsaid(view) { (why) }
        }
        (effects(view))
        ul.legend {
            li { span.swatch style="background:var(--c1)" {} "median" }
            li { span.swatch.block.middle {} "middle half" }
            li { span.swatch.block.extent {} "worst to best" }
            li { svg.symbol viewBox="-7 -7 14 14" aria-hidden="true" { circle.ring r="5" {} } "the winner's value" }
        }
        div.slices { @for slice in &view.slices { (slice_figure(view, slice, &scale)) } }
    })
}

fn slice_figure(view: &View, slice: &Slice, scale: &Scale) -> Markup {
    let axis = view.axes[slice.side.axis];
    let plot = Plot { left: gutter(Size::Narrow, &[scale]), right: 338.0, top: 10.0, bottom: 150.0 };
    let count = slice.side.labels.len();
    let x = |i: usize| (i as f64 + 0.5) / count as f64;
    let known = || slice.spreads.iter().enumerate();
    let up = known().filter_map(|(i, s)| Some((x(i), scale.place(s.middle?.1))));
    let down = known().rev().filter_map(|(i, s)| Some((x(i), scale.place(s.middle?.0))));
    let band = path(&plot, up.chain(down));
    let median = path(&plot, known().filter_map(|(i, s)| Some((x(i), scale.place(s.median?)))));
    let best = known().filter_map(|(i, s)| Some((x(i), scale.place(s.best?))));
    let worst = known().rev().filter_map(|(i, s)| Some((x(i), scale.place(s.worst?))));
    let extent = path(&plot, best.chain(worst));
    // as many labels as there is room for
    let longest = slice.side.labels.iter().map(|l| l.chars().count()).max().unwrap_or(1);
    let every = (count * (longest * 7 + 8)).div_ceil(300).max(1);
    html! {
        figure.slice {
            figcaption { (super::summary::breakable(&axis.name)) @if axis.dead { " " span.tag { "no effect" } } }
            svg viewBox="0 0 350 176" role="img" aria-label={ (view.metric()) " by " (axis.name) } {
                (rulers(&plot, scale))
                path.extent d={ (extent) "Z" } {}
                path.band d={ (band) "Z" } {}
                path.line.first style="stroke:var(--c1)" d=(median) {}
                @for (i, spread) in known() {
                    @if let Some(value) = spread.median {
                        circle.dot cx=(n(plot.x(x(i)))) cy=(n(plot.y(scale.place(value)))) r="2.5" {
                            title { (slice.side.labels[i]) ": median " (short(value, view.input.objective.unit, scale.reach())) ", " (text::counted(spread.count, "configuration")) }
                        }
                        @if slice.winner == Some(i) {
                            circle.ring cx=(n(plot.x(x(i)))) cy=(n(plot.y(scale.place(value)))) r="6" {}
                        }
                    }
                }
                g.ruler {
                    @for (i, label) in slice.side.labels.iter().enumerate() {
                        @if i % every == 0 {
                            text x=(n(plot.x(x(i)))) y="168" text-anchor="middle" { (label) }
                        }
                    }
                }
            }
        }
    }
}

/// Why no shares of the variance are shown, where more days or another winner would show them.
fn unsaid(view: &View) -> Option<&'static str> {
    match &view.input.luck {
        None => Some(" Which axis matters is too short to say."),
        Some(luck) if luck.share >= LIKELY => {
            Some(" No axis matters more than chance: the winner itself looks like luck.")
        }
        Some(_) => None,
    }
}

/// Axes by how far their medians lie apart; those that change nothing are named dead.
fn effects(view: &View) -> Markup {
    let mut rows: Vec<(&Slice, f64)> = view.slices.iter().map(|slice| (slice, slice.effect())).collect();
    rows.sort_by(|a, b| b.1.total_cmp(&a.1));
    let most = rows.first().map_or(0.0, |row| row.1).max(f64::MIN_POSITIVE);
    let idle = |slice: &Slice, effect: f64| view.axes[slice.side.axis].dead || effect < most * 0.01;
    let share = |part: f64| html! { (text::fixed(100.0 * part, 1)) "\u{a0}%" };
    let any_idle = rows.iter().any(|(slice, effect)| idle(slice, *effect));
    html! {
        div.scroll {
            table.tight #effects {
                caption { "What each axis moves" }
                thead { tr {
                    th scope="col" { "Axis" } th.num scope="col" { "Values" } th.num scope="col" { "Winner's" }
                    th.num scope="col" { "Medians lie apart by" }
                    @if view.importance.is_some() {
                        th.num scope="col" { (term("variance", "Variance")) small { "alone" } } th.num scope="col" { "Variance" small { "with others" } }
                        th.num scope="col" { "By chance" small { "alone, 95 of 100 below" } }
                    }
                    @if any_idle { th scope="col" { "Verdict" } }
                } }
                tbody {
                    @for (slice, effect) in &rows {
                        @let axis = view.axes[slice.side.axis];
                        tr {
                            th.key scope="row" { (super::summary::breakable(&axis.name)) }
                            td.num { (text::count(axis.values.len() as u64)) }
                            td.num { (view.input.winner.as_ref().map_or(text::DASH, |w| view.value(&w.at, slice.side.axis))) }
                            td.num.share {
                                span.gauge { i style={ "width:" (n(effect / most * 100.0)) "%;background:var(--c1)" } {} }
                                (view.figure(Some(*effect)))
                            }
                            @if let Some(found) = view.importance.as_ref().and_then(|all| all.get(slice.side.axis)) {
                                td.num { (share(found.alone)) } td.num { (share(found.total)) } td.num { (share(found.chance)) }
                            }
                            @if any_idle { td {
                                @if axis.dead { span.tag.dead { "dead: changes no result" } }
                                @else if idle(slice, *effect) { span.tag { "hardly matters" } }
                            } }
                        }
                    }
                }
            }
        }
    }
}

pub fn distribution(view: &View) -> Option<Markup> {
    let histogram = view.histogram.as_ref()?;
    let caption = html! {
        p.note {
            (view.metric()) " of " (text::counted(histogram.counts.iter().sum(), "configuration"))
            " with a figure" @if view.input.counts.eligible > 0 { " that meet every requirement" }
            "; median " (view.figure(Some(histogram.median))) "."
            @if let Some(rank) = histogram.winner_rank.filter(|rank| *rank < 1.0) {
                " " (text::fixed(rank * 100.0, 2)) " % of them are no better than the winner."
            }
            @if histogram.below + histogram.above > 0 {
                " " (text::counted(histogram.below + histogram.above, "outlier")) " beyond the range drawn counted in its end bars."
            }
            " The best of many is partly luck: the more configurations, the further right it lands by chance."
        }
    };
    let chart = |size| bars(view, histogram, size);
    Some(super::figure(caption, chart))
}

fn bars(view: &View, histogram: &Histogram, size: Size) -> Markup {
    let (first, last) = (histogram.edges[0], histogram.edges[histogram.edges.len() - 1]);
    let ends = Scale::over([first, last], size.pick(9, 4));
    let most = histogram.counts.iter().copied().max().unwrap_or(1);
    let scale = Scale::over([0.0, most.max(4) as f64], 4);
    let right = size.width() - 14.0;
    let plot = Plot { left: gutter(size, &[&scale]), right, top: 26.0, bottom: size.pick(220.0, 180.0) };
    let winner = view.input.winner.as_ref().and_then(|w| w.metric);
    html! {
        svg viewBox={ "0 0 " (n(size.width())) " " (n(plot.bottom + 26.0)) } role="img" aria-label="Histogram of the objective with the winner's place" {
            (rulers(&plot, &scale)) (foot(&plot, &ends))
            text.unit x=(n(plot.left)) y="14" { "Configurations" }
            @for (i, count) in histogram.counts.iter().enumerate().filter(|(_, c)| **c > 0) {
                @let (a, b) = (histogram.edges[i], histogram.edges[i + 1]);
                @let (left, right) = (plot.x(ends.place(a)), plot.x(ends.place(b)));
                @let y = plot.y(scale.place(*count as f64)).min(plot.bottom - 1.0);
                @let class = if (a + b) / 2.0 < 0.0 { "bar loss" } else { "bar gain" };
                rect class=(class) x=(n(left)) y=(n(y)) width=(n((right - left - 1.0).max(1.0))) height=(n(plot.bottom - y)) {
                    title { (view.figure(Some(a))) " to " (view.figure(Some(b))) ": " (text::count(*count)) }
                }
            }
            @if let Some(winner) = winner {
                @let x = plot.x(ends.place(winner));
                line.winner x1=(n(x)) x2=(n(x)) y1="20" y2=(n(plot.bottom)) {}
                text.part x=(n(x)) y="14" text-anchor=(if ends.place(winner) > 0.5 { "end" } else { "start" }) {
                    "winner " (view.figure(Some(winner)))
                }
            }
        }
    }
}
