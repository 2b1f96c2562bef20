//! What came of choosing by some of the time, on the rest of it: by halves, and by the time before.

use super::chart;
use super::glossary::term;
use crate::report::view::View;
use crate::report::{PageHalves, PageWalk, charts, text};
use maud::{Markup, html};
use perpx_core::units::DAY;
use perpx_data::text::significant;

pub fn body(view: &View) -> Option<Markup> {
    let (halves, walk) = (view.input.halves.as_ref(), view.input.walks.first());
    if halves.is_none() && walk.is_none() {
        return None;
    }
    let by_halves = [charts::halves(view), charts::loss(view)];
    Some(html! {
        @if let Some(found) = halves { (of_halves(found)) }
        div.charts.three {
            @for drawn in by_halves.iter().flatten() { (chart::figure(drawn, (420.0, 200.0), html! { (text::capital(&drawn.title)) })) }
            @if let Some(drawn) = charts::walk(view) {
                (chart::figure(&drawn, (420.0, 200.0), html! { (text::capital(&drawn.title)) }))
            }
        }
        @if let Some(found) = walk {
            ul.legend {
                li { span.swatch.block style="background:var(--c1)" {} "chosen again and again" }
                li { span.swatch.block style="background:var(--c2)" {} "the winner, which all of this time chose: no test" }
            }
            (of_walk(view, found))
        }
    })
}

fn percent(share: f64) -> String {
    let sign = if share > 0.0 { "+" } else { "" };
    format!("{sign}{} %", text::fixed(100.0 * share, 2))
}

fn of_halves(found: &PageHalves) -> Markup {
    let [low, high] = found.null_band.map(|end| text::fixed(100.0 * end.clamp(0.0, 1.0), 0));
    let [train, test] = found.means.map(|mean| text::fixed(mean, 1));
    html! {
        p {
            "In " (term("halves", "half-and-half splits")) " of the time the best of one half fell to the middle or below in the other in "
            strong { (found.fell) } " (a grid without any edge: " (low) " to " (high) " of 100), and lost money in "
            strong { (found.lost) } ". In their own half they made " strong { (train) } " a year; the same ones then made "
            strong { (test) } "."
        }
    }
}

fn of_walk(view: &View, found: &PageWalk) -> Markup {
    let count = found.folds.len() as u64;
    let days = found.folds.first().map_or(0.0, |fold| fold.to.since(fold.from).as_f64(DAY));
    let moving = |at: &[u16]| {
        let axes = (0..view.axes.len()).filter(|i| view.axes[*i].values.len() > 1 && at.len() == view.axes.len());
        axes.map(|i| view.value(at, i)).collect::<Vec<_>>().join(" · ")
    };
    let mut named: Vec<(char, &str, String)> = Vec::new();
    for (letter, fold) in charts::picks(found).into_iter().zip(&found.folds) {
        if named.iter().all(|(known, _, _)| *known != letter) {
            named.push((letter, &fold.id, moving(&fold.at)));
        }
    }
    html! {
        p {
            (term("walk", "Chosen again")) " every " (significant(days, 2)) " days by the time before, it would have made "
            strong { (percent(found.net)) } " of the capital (worst of " (text::count(count)) " " (percent(found.worst)) "), a Sharpe of "
            (text::fixed(found.sharpe, 1)) " ± " (text::fixed(found.error, 1)) "; the choice changed " (text::count(found.changes)) " of "
            (text::count(count.saturating_sub(1))) " times. "
            @if found.run_again { "Each choice was run again, from flat." } @else { "Estimated, not run again." }
            @for other in view.input.walks.iter().skip(1) {
                " " (text::capital(&other.kind)) " instead: " (percent(other.net)) " (worst " (percent(other.worst)) ")."
            }
        }
        details {
            summary { "What was chosen" }
            ul.plain {
                @for (letter, id, values) in &named {
                    li { (letter) " " code title=(id) { (if values.is_empty() { id } else { values.as_str() }) } }
                }
            }
        }
    }
}
