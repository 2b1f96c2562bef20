//! The leaderboard, sortable by any column.

use super::glossary::term;
use super::{chart, sign};
use crate::report::view::View;
use crate::report::{Leader, PageBoard, PageFront, Unit, Winner, charts, text};
use maud::{Markup, html};

/// More rows than this are not listed; leaderboard.csv has them.
const MOST: usize = 500;

pub fn body(view: &View) -> Markup {
    let board = &view.input.board;
    if board.rows.is_empty() {
        return html! { p { "Nothing ranked." } };
    }
    html! {
        p.note {
            "Configurations with " (term("alike", "equal ledgers")) " once"
            @if view.input.winner.as_ref().is_some_and(|w| w.neighbour_count > 0) { ", with the lower median of themselves and their neighbours (" (term("plateau", "plateau")) ")" }
            ". Errors are one standard error and know nothing of the choice."
        }
        (best(view))
        details { summary { "All " (text::counted(board.rows.len().min(MOST) as u64, "row")) " to sort and filter" } (whole(view)) }
    }
}

/// Of several objectives, what none beats.
pub fn front(view: &View) -> Option<Markup> {
    let front = view.input.front.as_ref()?;
    let winner = view.input.winner.as_ref().map(|winner| winner.id.as_str());
    let names = || front.objectives.iter().map(|(name, _)| name.as_str());
    let drawn = charts::front(view);
    Some(html! {
        div.pair {
            @if let Some(drawn) = &drawn { (chart::figure(drawn, (620.0, 200.0), html! {})) }
            div {
                p {
                    "No configuration is better in one of " (names().collect::<Vec<_>>().join(", ")) " without being worse in another. "
                    "The winner is the best in " (names().next().unwrap_or_default()) " of those near the " (term("knee", "knee")) ". "
                    (text::counted(front.configurations, "configuration")) " lie on this " (term("front", "front")) ", equal ones once."
                }
                @if drawn.is_some() { p.note { (moved(view, front)) } }
            }
        }
        @if drawn.is_some() {
            details {
                summary { (if front.rows.len() > MOST { "The first " } else { "All " }) (text::counted(front.rows.len().min(MOST) as u64, "place")) }
                (places(view, front, winner))
            }
        } @else { (places(view, front, winner)) }
    })
}

/// How far the places of the picture move.
fn moved(view: &View, front: &PageFront) -> Markup {
    html! {
        @if front.rows.iter().any(|row| row.moves.is_some()) {
            "Ellipses are one " (term("error", "standard error")) " of the winner and of those nearest to it, over histories drawn from their own time in
            the base world: so much the front itself moves."
        } @else if view.input.luck.is_none() { "How far the places move is too short to say." }
        @else { "How far the places move is not known of these metrics." }
        @if front.objectives.len() > 2 { " Drawn are the first two of the metrics." }
    }
}

fn places(view: &View, front: &PageFront, winner: Option<&str>) -> Markup {
    let p = |p: Option<f64>| p.map_or("–".to_string(), |p| text::figure(Some(100.0 * p), Unit::Ratio));
    html! {
        div.scroll tabindex="0" role="region" aria-label="The front" {
            table.listed {
                thead { tr {
                    @for (name, unit) in &front.objectives {
                        th.num scope="col" { (name) small { (text::unit_name(*unit, &view.input.quote)) } }
                    }
                    th.num scope="col" { "By luck" small { "of 100" } }
                    th.num scope="col" { "Alike" small { "configurations" } }
                    th scope="col" { "Values" small { (moving(view).map(|i| view.names[i].as_str()).collect::<Vec<_>>().join(" · ")) } }
                } }
                tbody { @for row in front.rows.iter().take(MOST) {
                    tr.winner[winner == Some(row.id.as_str())] {
                        @for (value, (_, unit)) in row.values.iter().zip(&front.objectives) {
                            td.num { (text::figure(*value, *unit)) }
                        }
                        td.num { (p(row.adjusted)) }
                        td.num { (text::count(row.alike)) }
                        td { code title=(row.id) { (moving(view).map(|i| view.value(&row.at, i)).collect::<Vec<_>>().join(" · ")) } }
                    }
                } }
            }
        }
    }
}

/// The first of each ledger.
const BEST: usize = 10;

fn best(view: &View) -> Markup {
    let board = &view.input.board;
    let mut rows: Vec<&Leader> = Vec::new();
    for row in &board.rows {
        if rows.len() < BEST && rows.iter().all(|known| known.ledger != row.ledger) {
            rows.push(row);
        }
    }
    html! {
        div.scroll tabindex="0" role="region" aria-label="The best ten" {
            table.listed #best {
                thead { tr {
                    th.num scope="col" { "Rank" }
                    @for column in board.columns.iter().enumerate().filter(|(i, _)| is_shown(board, *i)).map(|(_, column)| column) {
                        th.num.out[column.held_out] scope="col" {
                            (column.title) small { (text::unit_name(column.unit, &view.input.quote)) @if column.held_out { " held out" } }
                        }
                    }
                    th.num scope="col" { "Alike" small { "configurations" } }
                    th scope="col" { "Values" small { (moving(view).map(|i| view.names[i].as_str()).collect::<Vec<_>>().join(" · ")) } }
                } }
                tbody { @for row in rows { (best_line(view, row)) } }
            }
        }
    }
}

/// The objective and its plateau's beside the money, trades and drawdown; of the held-out part the first two.
fn is_shown(board: &PageBoard, i: usize) -> bool {
    let (column, objective) = (&board.columns[i], &board.columns[0]);
    let always = [objective.title.as_str(), "net PnL"].contains(&column.title.as_str());
    let in_sample = ["trades", "max drawdown", PLATEAU].contains(&column.title.as_str());
    always || in_sample && !column.held_out
}

fn best_line(view: &View, row: &Leader) -> Markup {
    let board = &view.input.board;
    let errors: Vec<Option<f64>> = board
        .columns
        .iter()
        .zip(&row.values)
        .map(|(column, value)| (column.title == ERROR).then_some(*value).flatten())
        .collect();
    html! {
        tr.winner[view.input.winner.as_ref().is_some_and(|w| w.id == row.id)].fails[!view.meets(row.rank)] {
            th.num scope="row" { (row.rank) }
            @for (i, (value, column)) in row.values.iter().zip(&board.columns).enumerate().filter(|(i, _)| is_shown(board, *i)) {
                @let class = if column.held_out { format!("{} out", sign(*value)) } else { sign(*value).to_owned() };
                td class=(class) {
                    (text::figure(*value, column.unit))
                    @if let Some(error) = errors.get(i + 1).copied().flatten() { span.error { " ± " (text::figure(Some(error), column.unit)) } }
                }
            }
            td.num { (text::count(row.alike)) }
            td { code title=(row.id) { (moving(view).map(|i| view.value(&row.at, i)).collect::<Vec<_>>().join(" · ")) } }
        }
    }
}

/// A column of this title holds the error of the one before it.
const ERROR: &str = crate::report::ERROR;
/// The column of what each stands on.
const PLATEAU: &str = crate::report::PLATEAU;

fn whole(view: &View) -> Markup {
    let board = &view.input.board;
    let left_out = board.rows.len().saturating_sub(MOST);
    html! {
        p.note {
            "The best " (text::count(board.rows.len() as u64)) " of " (text::counted(view.input.counts.configurations, "configuration")) ". "
            @if board.rows.iter().any(|row| !view.meets(row.rank)) {
                "Grey rows fail a requirement: they stand behind those of the " (text::count(view.input.counts.eligible))
                " that meet all and have a value. "
            }
            "A heading sorts"
            @if view.input.spans.has_held_out() { "; held-out columns (tinted) never ranked anything" }
            ". All rows are in results.parquet."
            @if left_out > 0 { " The last " (text::count(left_out as u64)) " are only in leaderboard.csv." }
        }
        (filters(view))
        div.scroll.high tabindex="0" role="region" aria-label="Leaderboard" {
            table.sortable #board {
                thead { tr {
                    (heading("", "Rank", "", "num stick", Some("ascending")))
                    @for i in moving(view) {
                        (heading(prefix(&view.axes[i].name, &view.names[i]), &view.names[i], "", "num axis", None))
                    }
                    @for column in &board.columns {
                        @let class = if column.held_out { "num out" } else { "num" };
                        (heading("", &column.title, text::unit_name(column.unit, &view.input.quote), class, None))
                    }
                    (heading("", "Id", "", "", None))
                } }
                tbody { @for row in board.rows.iter().take(MOST) { (line(view, row)) } }
            }
        }
    }
}

/// Words, a value of each axis, bounds of each figure; `data-col` counts the table's columns.
fn filters(view: &View) -> Markup {
    let axes: Vec<usize> = moving(view).collect();
    html! {
        details.filters #filters hidden {
            summary { "Filter " span #matches role="status" {} }
            div.fields {
                label.field { span { "A value or an id" } input #filter type="search" autocomplete="off"; }
                @for (i, &axis) in axes.iter().enumerate() {
                    label.field {
                        span { (view.names[axis]) }
                        select data-col=(i + 1) {
                            option value="" { "any" }
                            @for (place, value) in view.axes[axis].values.iter().enumerate() { option value=(place) { (value) } }
                        }
                    }
                }
                @for (i, column) in view.input.board.columns.iter().enumerate() {
                    @let unit = if column.unit == Unit::Seconds { "s" } else { text::unit_name(column.unit, &view.input.quote) };
                    fieldset.field {
                        legend { (column.title) @if column.held_out { ", held out" } @if !unit.is_empty() { ", " (unit) } }
                        @for (bound, name) in [("min", "at least"), ("max", "at most")] {
                            input type="number" step="any" placeholder=(name) aria-label={ (column.title) " " (name) }
                                data-col=(axes.len() + 1 + i) data-bound=(bound);
                        }
                    }
                }
                button #filter-clear type="button" { "Clear" }
            }
        }
    }
}

/// Axes that have more than one value: the others are the same in every row.
fn moving<'a>(view: &'a View) -> impl Iterator<Item = usize> + 'a {
    (0..view.axes.len()).filter(|i| view.axes[*i].values.len() > 1)
}

fn heading(prefix: &str, name: &str, unit: &str, class: &str, sorted: Option<&str>) -> Markup {
    let out = class.ends_with(" out");
    html! {
        th scope="col" class=[(!class.is_empty()).then_some(class)] aria-sort=[sorted] {
            button type="button" {
                @if !prefix.is_empty() { small { (super::summary::breakable(prefix)) } }
                (name)
                @if !unit.is_empty() { small { (unit) } }
                @if out { small { "held out" } }
            }
        }
    }
}

/// What a short name leaves out: "locking." of "locking.g_pct".
fn prefix<'a>(whole: &'a str, short: &str) -> &'a str {
    whole.strip_suffix(short).unwrap_or("")
}

fn line(view: &View, row: &Leader) -> Markup {
    let winner = view.input.winner.as_ref().is_some_and(|w: &Winner| w.id == row.id);
    html! {
        tr.winner[winner].fails[!view.meets(row.rank)] data-rank=(row.rank) {
            th.num.stick scope="row" data-v=(row.rank) { @if !view.meets(row.rank) { span.tag { "fails" } " " } (row.rank) }
            @for i in moving(view) {
                // a value sorts by its place on the axis, which is the order of the grid file
                td.num.axis data-v=(row.at[i]) { (view.value(&row.at, i)) }
            }
            @for (value, column) in row.values.iter().zip(&view.input.board.columns) {
                @let class = if column.held_out { format!("{} out", sign(*value)) } else { sign(*value).to_owned() };
                td class=(class) data-v=[value.filter(|v| v.is_finite())] { (text::figure(*value, column.unit)) }
            }
            td { code { (row.id) } }
        }
    }
}
