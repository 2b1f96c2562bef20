//! The charts as PNG files at the size of a slide, drawn with plotters in an embedded font.

mod chart;
mod curves;
mod funding;
mod heat;
mod market;
mod money;
mod paper;
mod parallel;
mod shape;
mod time;

use super::ReportError;
use super::heat::Pick;
use super::page::parallel::Parallel;
use super::view::View;
use paper::Paper;
use perpx_data::atomic::AtomicFile;
use rayon::prelude::*;
use std::path::Path;

/// More pairs of axes than this get no picture of their own; the page has all.
const MOST_MAPS: usize = 15;

type Draw<'a> = Box<dyn Fn(&Paper) -> Result<(), String> + Send + Sync + 'a>;

/// A picture: its file's name, how it is drawn.
struct Picture<'a> {
    name: String,
    draw: Draw<'a>,
}

fn picture<'a>(name: &str, draw: Draw<'a>) -> Picture<'a> {
    Picture { name: format!("{name}.png"), draw }
}

/// Draws every chart for which there is data into `dir`.
pub fn pictures(view: &View, dir: &Path) -> Result<(), ReportError> {
    paper::register_font().map_err(|what| ReportError::Chart { path: dir.to_owned(), what })?;
    let input = view.input;
    let parallel = Parallel::of(view);
    let (metric, winner) = (view.metric(), format!("the winner's {}", view.objective()));
    let mut all: Vec<Picture> = Vec::new();
    if !input.curves.is_empty() {
        all.push(picture("equity", Box::new(|paper| curves::draw(view, paper))));
    }
    if let Some(market) = &input.detail.market {
        all.push(picture("market", Box::new(|paper| market::draw(view, market, paper))));
    }
    if let Some(money) = &input.money {
        all.push(picture("money", Box::new(|paper| money::draw(view, &money.in_sample, paper))));
    }
    if !input.detail.funding.is_empty() {
        all.push(picture("funding", Box::new(|paper| funding::draw(view, paper))));
    }
    if !view.slices.is_empty() {
        all.push(picture("axes", Box::new(|paper| shape::slices(view, paper))));
    }
    if let Some(parallel) = &parallel {
        all.push(picture("parallel", Box::new(|paper| parallel::draw(view, parallel, paper))));
    }
    if let Some(histogram) = &view.histogram {
        all.push(picture("distribution", Box::new(|paper| shape::distribution(view, histogram, paper))));
    }
    for chart in super::charts::all(view) {
        all.push(picture(chart.file, Box::new(move |paper| chart::draw(view, &chart, paper))));
    }
    let maps = heat::MapKind {
        metric: &metric,
        names: &view.names,
        maps: &view.maps,
        picks: &Pick::ALL,
        note: "Over all values of the other axes; the frame marks the winner's cell, a dot its plateau, a thin frame the best by plateau; grey cells have no configuration with a figure",
    };
    let faults = heat::MapKind {
        metric: &winner,
        names: &view.world_names,
        maps: &view.faults,
        picks: &[Pick::Worst],
        note: "The winner in sample, the worst over the other world axes; the frame marks the world that ranks",
    };
    for (what, kind) in [("heatmap", maps), ("faults", faults)] {
        for (i, map) in kind.maps.iter().take(MOST_MAPS).enumerate() {
            let (y, x) = (plain(&kind.names[map.y.axis]), plain(&kind.names[map.x.axis]));
            let name = format!("{what}-{:02}-{y}-{x}", i + 1);
            all.push(picture(&name, Box::new(move |paper| heat::draw(view, kind, map, paper))));
        }
    }
    all.par_iter().try_for_each(|picture| write(picture, &dir.join(&picture.name)))
}

fn write(picture: &Picture, path: &Path) -> Result<(), ReportError> {
    let failed = |what| ReportError::Chart { path: path.to_owned(), what };
    let file = AtomicFile::create(path).map_err(super::failed(path))?;
    let paper = Paper::new(file.unfinished()).map_err(failed)?;
    (picture.draw)(&paper).and_then(|()| paper.save()).map_err(failed)?;
    drop(paper);
    file.commit().map_err(super::failed(path))
}

/// A name that any file system takes.
fn plain(name: &str) -> String {
    let keep = |c: char| if c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '.') { c } else { '_' };
    name.chars().map(keep).collect()
}
