//! One pair of axes: median, best and worst side by side.

use super::paper::{Anchor, INK, Paper, QUIET, SMALL};
use crate::report::heat::{Heatmap, Pick, Shades};
use crate::report::page::short;
use crate::report::palette::{STEPS, ink, shade};
use crate::report::scale::Plot;
use crate::report::view::View;

const LEFT: f64 = 190.0;
const GAP: f64 = 30.0;
const HEAD: f64 = 150.0;
const NONE: [u8; 3] = [238, 239, 242];

/// Room under the panels for the labels of the columns and the name of their axis.
fn under(map: &Heatmap, panels: usize) -> f64 {
    if are_upright(map, panels) { 30.0 + 11.0 * longest(&map.x.labels).min(18) as f64 + 30.0 } else { 80.0 }
}

/// What is drawn of a map.
#[derive(Clone, Copy)]
pub struct MapKind<'a> {
    /// Of the axes.
    pub names: &'a [String],
    /// All maps of this kind: they share their colours.
    pub maps: &'a [Heatmap],
    /// A panel each.
    pub picks: &'a [Pick],
    /// Of what: "Sharpe (worst world)".
    pub metric: &'a str,
    pub note: &'a str,
}

/// Width and height of a cell: all of the slide's height, but not much more than twice as high as wide.
fn cell(map: &Heatmap, panels: usize) -> (f64, f64) {
    let width = panel_width(panels) / map.x.labels.len() as f64;
    let room = f64::from(super::paper::HEIGHT) - HEAD - under(map, panels) - 60.0;
    (width, (room / map.y.labels.len() as f64).min(width * 2.5))
}

fn panel_width(panels: usize) -> f64 {
    (f64::from(super::paper::WIDTH) - LEFT - 40.0 - (panels - 1) as f64 * GAP) / panels as f64
}

fn longest(labels: &[String]) -> usize {
    labels.iter().map(|l| l.chars().count()).max().unwrap_or(0)
}

fn are_upright(map: &Heatmap, panels: usize) -> bool {
    longest(&map.x.labels) as f64 * 11.0 > panel_width(panels) / map.x.labels.len() as f64 - 4.0
}

pub fn draw(view: &View, kind: MapKind<'_>, map: &Heatmap, paper: &Paper) -> Result<(), String> {
    let (x, y) = (&kind.names[map.x.axis], &kind.names[map.y.axis]);
    let title = format!("{} · {}: {y} against {x}", view.input.symbol, kind.metric);
    paper.title(&title, kind.note)?;
    let panels = kind.picks.len();
    let size = cell(map, panels);
    for (i, &pick) in kind.picks.iter().enumerate() {
        let left = LEFT + (panel_width(panels) + GAP) * i as f64;
        let bottom = HEAD + size.1 * map.y.labels.len() as f64;
        let plot = Plot { left, right: left + panel_width(panels), top: HEAD, bottom };
        let shades = Shades::over(kind.maps, pick);
        panel(view, map, (pick, size), &shades, &plot, paper)?;
        columns(map, panels, &plot, paper)?;
        paper.text(x, (plot.x(0.5), bottom + under(map, panels) - 16.0), SMALL, INK, Anchor::Middle)?;
        bar(view, &shades, &plot, bottom + under(map, panels) + 30.0, paper)?;
    }
    let every = (18.0 / size.1).ceil() as usize;
    for (row, label) in map.y.labels.iter().enumerate().filter(|(i, _)| i % every == 0) {
        let shown: String = label.chars().take(22).collect();
        let letters = (280.0 / shown.chars().count() as f64).min(SMALL * 0.85);
        paper.text(&shown, (LEFT - 10.0, HEAD + size.1 * (row as f64 + 0.5)), letters, QUIET, Anchor::Right)?;
    }
    let letters = (360.0 / y.chars().count() as f64).min(SMALL);
    paper.text(y, (LEFT - 10.0, HEAD - 24.0), letters, INK, Anchor::Right)
}

fn panel(
    view: &View,
    map: &Heatmap,
    (pick, (width, height)): (Pick, (f64, f64)),
    shades: &Shades,
    plot: &Plot,
    paper: &Paper,
) -> Result<(), String> {
    let columns = map.x.labels.len();
    let corner = |i: usize| (plot.left + width * (i % columns) as f64, plot.top + height * (i / columns) as f64);
    // letters as large as four or five of them fit a cell
    let letters = (width / 3.4).min(height * 0.6).min(SMALL);
    paper.text(pick.name(), (plot.x(0.5), plot.top - 24.0), SMALL, INK, Anchor::Middle)?;
    for (i, spread) in map.cells.iter().enumerate() {
        let (left, top) = corner(i);
        let value = pick.of(spread);
        let ground = value.map_or(NONE, |v| shade(shades.ramp, shades.step(v), false));
        paper.rect((left, top), (left + width - 1.0, top + height - 1.0), ground)?;
        if let Some(value) = value.filter(|_| letters >= 11.0) {
            let text = short(value, view.input.objective.unit, shades.reach());
            let centre = (left + width / 2.0, top + height / 2.0);
            paper.text(&text, centre, letters, ink(ground), Anchor::Middle)?;
        }
        if map.plateau[i] && map.winner != Some(i) && height >= 12.0 {
            let (x, y) = (left + width / 2.0, top + height - (height * 0.14).max(4.0));
            paper.rect((x - 2.0, y - 2.0), (x + 2.0, y + 2.0), ink(ground))?;
        }
    }
    if let Some((left, top)) = map.peak.filter(|peak| map.winner != Some(*peak)).map(corner) {
        paper.frame((left + 2.0, top + 2.0), (left + width - 4.0, top + height - 4.0), QUIET, 2)?;
    }
    let Some((left, top)) = map.winner.map(corner) else { return Ok(()) };
    paper.frame((left - 2.0, top - 2.0), (left + width, top + height), INK, 4)
}

/// Labels of the columns, upright where they are too wide, not all where there are too many.
fn columns(map: &Heatmap, panels: usize, plot: &Plot, paper: &Paper) -> Result<(), String> {
    let width = cell(map, panels).0;
    let upright = are_upright(map, panels);
    let every = if upright { (20.0 / width).ceil() as usize } else { 1 };
    for (i, label) in map.x.labels.iter().enumerate().filter(|(i, _)| i % every == 0) {
        let x = plot.left + width * (i as f64 + 0.5);
        if upright {
            let shown: String = label.chars().take(18).collect();
            paper.upright(
                &shown,
                (x, plot.bottom + 12.0 + 10.5 * shown.chars().count() as f64),
                SMALL * 0.85,
                QUIET,
            )?;
        } else {
            paper.text(label, (x, plot.bottom + 22.0), SMALL * 0.85, QUIET, Anchor::Middle)?;
        }
    }
    Ok(())
}

/// The colours with the figures at both ends.
fn bar(view: &View, shades: &Shades, plot: &Plot, y: f64, paper: &Paper) -> Result<(), String> {
    let step = 12.0;
    let left = plot.x(0.5) - step * STEPS as f64 / 2.0;
    for i in 0..STEPS {
        let x = left + step * i as f64;
        paper.rect((x, y - 9.0), (x + step, y + 9.0), shade(shades.ramp, i, false))?;
    }
    let figure = |v: f64| short(v, view.input.objective.unit, shades.reach());
    paper.text(&figure(shades.lo), (left - 8.0, y), SMALL * 0.9, QUIET, Anchor::Right)?;
    paper.text(&figure(shades.hi), (left + step * STEPS as f64 + 8.0, y), SMALL * 0.9, QUIET, Anchor::Left)
}
