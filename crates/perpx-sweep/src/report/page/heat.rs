//! Heatmaps as tables: every cell can be read, by eye or by a screen reader. The script recolours them for another
//! statistic from figures that stand in the page as JSON.

use super::glossary::term;
use crate::report::heat::{Heatmap, Pick, Shades};
use crate::report::palette::{Ramp, STEPS};
use crate::report::view::View;
use crate::report::{Unit, text};
use maud::{Markup, html};
use serde_json::{Value, json};

/// More columns than this leave no room for figures in the cells.
const READABLE: usize = 10;

pub fn body(view: &View) -> Option<Markup> {
    if view.maps.is_empty() {
        return None;
    }
    let shades = Shades::over(&view.maps, Pick::Median);
    let folded = view.maps.iter().any(|m| m.x.width > 1 || m.y.width > 1);
    let marked = view.maps.iter().any(|m| m.plateau.contains(&true));
    Some(html! {
        p.note {
            (view.metric()) " for every pair of axes, over all values of the others. A ring marks the winner's cell"
            @if marked { ", a dot the cells of its " (term("plateau", "plateau")) }
            @if view.maps.iter().any(|m| m.peak.is_some() && m.peak != m.winner) { ", a broken line the best by plateau" }
            "; hatched cells have no configuration with a figure"
            @if view.maps.iter().any(|m| !m.stands.is_empty()) { "; " (term("mask", "pale")) " cells hold none that stands above luck on its own" }
            @else { "; what stands above luck is too short to say" }
            "."
            @if folded { " Neighbouring values share a row or a column where there are too many to show." }
        }
        div.heatbar {
            fieldset #picks hidden {
                legend { "In each cell" }
                @for pick in Pick::ALL {
                    label { input type="radio" name="pick" value=(pick.name()) checked[pick == Pick::Median]; " " (pick.name()) }
                }
            }
            noscript { p.note { "Each cell shows the median." } }
            @for pick in Pick::ALL {
                div.scale data-pick=(pick.name()) hidden[pick != Pick::Median] { (legend(view, &Shades::over(&view.maps, pick))) }
            }
        }
        @let (shown, folded) = telling(view);
        (maps(view, &shown, &shades))
        @if !folded.is_empty() {
            details.maps-more { summary { "The other " (text::counted(folded.len() as u64, "pair")) " of axes" } (maps(view, &folded, &shades)) }
        }
    })
}

/// Room for maps that are shown without being asked for; one that takes all the width takes as much as three.
const SHOWN: usize = 6;

/// Numbers of the maps whose cells differ most by their medians, and of the others, both in their order.
fn telling(view: &View) -> (Vec<usize>, Vec<usize>) {
    let reach = |map: &Heatmap| {
        let medians = || map.cells.iter().filter_map(|cell| cell.median);
        medians().fold(f64::NEG_INFINITY, f64::max) - medians().fold(f64::INFINITY, f64::min)
    };
    let mut order: Vec<usize> = (0..view.maps.len()).collect();
    order.sort_by(|a, b| reach(&view.maps[*b]).total_cmp(&reach(&view.maps[*a])).then(a.cmp(b)));
    let mut room = SHOWN;
    let fits = |map: &&usize| {
        let taken = if view.maps[**map].x.labels.len() > READABLE { 3 } else { 1 };
        let fits = taken <= room;
        room = room.saturating_sub(taken);
        fits
    };
    let count = order.iter().take_while(fits).count().max(1).min(order.len());
    let mut folded = order.split_off(count);
    order.sort_unstable();
    folded.sort_unstable();
    (order, folded)
}

fn maps(view: &View, which: &[usize], shades: &Shades) -> Markup {
    html! {
        div.maps.small[which.iter().all(|i| view.maps[*i].x.labels.len() <= 6)] {
            @for i in which { (table(view, Some(*i), &view.maps[*i], shades)) }
        }
    }
}

/// The winner over the worlds, a table a pair of world axes.
pub fn faults(view: &View) -> Option<Markup> {
    if view.faults.is_empty() {
        return None;
    }
    let shades = Shades::over(&view.faults, Pick::Worst);
    let others = view.world_names.len() > 2;
    Some(html! {
        p.note {
            "The winner's " (view.objective()) " in sample for every pair of world axes"
            @if others { ", the worst over the others" }
            ". A ring marks the world that ranks."
        }
        div.heatbar { div.scale { (legend(view, &shades)) } }
        div.maps.small[view.faults.iter().all(|m| m.x.labels.len() <= 6)] {
            @for map in &view.faults { (table(view, None, map, &shades)) }
        }
    })
}

/// The colours from lowest to highest with the figures at both ends, and zero where it is the middle.
fn legend(view: &View, shades: &Shades) -> Markup {
    let figure = |v: f64| short(v, view.input.objective.unit, shades.reach());
    html! {
        span { (figure(shades.lo)) }
        span.ramp aria-hidden="true" {
            @for step in 0..STEPS { i class=(class(shades.ramp, step)) {} }
        }
        span { (figure(shades.hi)) }
    }
}

/// `index`: among those that the script recolours, which begin with the median; without one it is the worst.
fn table(view: &View, index: Option<usize>, map: &Heatmap, shades: &Shades) -> Markup {
    let (names, pick) = if index.is_some() { (&view.names, Pick::Median) } else { (&view.world_names, Pick::Worst) };
    let (x, y) = (&names[map.x.axis], &names[map.y.axis]);
    let columns = map.x.labels.len();
    let size = if columns <= READABLE { "heat" } else { "heat dense" };
    let long = map.x.labels.iter().any(|l| l.chars().count() > 7) && columns > 3 || columns > READABLE;
    let snug = !long && columns > 5 && map.x.labels.iter().any(|l| l.chars().count() * columns > 30);
    html! {
        div.map.whole[columns > READABLE] {
            table class=(size) data-map=[index] {
                caption { span.down { (y) " ↓" } " against " span.across { (x) " →" } }
                thead { tr {
                    td.corner {}
                    @for value in &map.x.labels { th.tall[long].snug[snug] scope="col" { span { (label(value)) } } }
                } }
                tbody {
                    @for (row, cells) in map.cells.chunks(columns).enumerate() {
                        tr {
                            th scope="row" { (label(&map.y.labels[row])) }
                            @for (column, cell) in cells.iter().enumerate() {
                                @let at = row * columns + column;
                                @let value = pick.of(cell);
                                @let colour = value.map_or("none".to_owned(), |v| class(shades.ramp, shades.step(v)));
                                @let mark = if map.winner == Some(at) { " win" } else if map.plateau[at] { " flat" } else { "" };
                                @let peak = if map.peak == Some(at) && map.winner != Some(at) { " peak" } else { "" };
                                @let pale = if map.stands.get(at) == Some(&false) && map.winner != Some(at) { " pale" } else { "" };
                                td class={ (colour) (mark) (peak) (pale) } { span { (cell_text(value, view, shades)) } }
                            }
                        }
                    }
                }
            }
        }
    }
}

fn cell_text(value: Option<f64>, view: &View, shades: &Shades) -> String {
    value.map_or(text::DASH.to_owned(), |v| short(v, view.input.objective.unit, shades.reach()))
}

/// A figure that fits a cell: about three digits where figures reach `reach`.
pub fn short(value: f64, unit: Unit, reach: f64) -> String {
    match unit {
        Unit::Seconds | Unit::Millis | Unit::Count => text::figure(Some(value), unit),
        _ => {
            let magnitude = if reach > 0.0 { reach.log10().floor() as i32 } else { 0 };
            text::fixed(value, (2 - magnitude).clamp(0, 8) as usize)
        }
    }
}

/// A value of an axis, which may break after its underscores.
fn label(text: &str) -> Markup {
    html! {
        @for (i, part) in text.split('_').enumerate() {
            @if i > 0 { "_" wbr; }
            (part)
        }
    }
}

fn class(ramp: Ramp, step: usize) -> String {
    format!("{}{step}", if ramp == Ramp::Signed { 's' } else { 'p' })
}

/// For the script: by map and statistic the colour class and the figure of each cell, and how many configurations it has.
pub fn data(view: &View) -> Value {
    let picked = |map: &Heatmap, pick: Pick, shades: &Shades| -> Value {
        let cells = map.cells.iter().map(|c| pick.of(c));
        let classes: Vec<String> =
            cells.clone().map(|v| v.map_or("none".to_owned(), |v| class(shades.ramp, shades.step(v)))).collect();
        let texts: Vec<String> = cells.map(|v| cell_text(v, view, shades)).collect();
        json!({ "c": classes.join(" "), "t": texts.join("|") })
    };
    let shades = Pick::ALL.map(|pick| (pick, Shades::over(&view.maps, pick)));
    let one = |map: &Heatmap| {
        let mut out = serde_json::Map::new();
        for (pick, shades) in &shades {
            out.insert(pick.name().to_owned(), picked(map, *pick, shades));
        }
        let counts: Vec<u64> = map.cells.iter().map(|c| c.count).collect();
        out.insert("n".to_owned(), json!(counts));
        out.insert("x".to_owned(), json!([view.names[map.x.axis], map.x.labels]));
        out.insert("y".to_owned(), json!([view.names[map.y.axis], map.y.labels]));
        Value::Object(out)
    };
    json!({
        "metric": view.objective(),
        "maps": view.maps.iter().map(one).collect::<Vec<Value>>(),
    })
}
