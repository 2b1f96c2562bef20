//! The waterfall of the money lines, both legs together.

use super::paper::{Anchor, INK, LABEL, Paper, QUIET, RULER, SMALL};
use crate::report::page::steps;
use crate::report::palette::{GAIN, LOSS};
use crate::report::scale::{Plot, Scale};
use crate::report::text;
use crate::report::view::View;
use perpx_core::ledger::Lines;
use perpx_core::market::Role;

pub fn draw(view: &View, lines: &Lines, paper: &Paper) -> Result<(), String> {
    let input = view.input;
    let steps = steps(lines, &Role::BOTH);
    let places = text::places(steps.iter().map(|step| step.to - step.from));
    let row = 680.0 / steps.len() as f64;
    let plot = Plot { left: 190.0, right: 1390.0, top: 130.0, bottom: 810.0 };
    let scale = Scale::over(steps.iter().flat_map(|s| [s.from, s.to]).chain([0.0]), 6);
    let title = format!("{} · where the winner's money came from, {}", input.symbol, input.quote);
    let [long, short] = &input.venues;
    paper.title(&title, &format!("{} · in sample · long {long} / short {short}", input.name))?;
    paper.text(&input.quote, (1560.0, plot.bottom + 26.0), SMALL, QUIET, Anchor::Right)?;
    for tick in &scale.ticks {
        let x = plot.x(scale.place(*tick));
        paper.line([(x, plot.top), (x, plot.bottom)], if *tick == 0.0 { QUIET } else { RULER }, 1)?;
        paper.text(&scale.label(*tick), (x, plot.bottom + 26.0), SMALL, QUIET, Anchor::Middle)?;
    }
    for (i, step) in steps.iter().enumerate() {
        let y = plot.top + row * i as f64;
        let (a, b) = (plot.x(scale.place(step.from)), plot.x(scale.place(step.to)));
        let fill = if step.to < step.from { LOSS } else { GAIN };
        let inset = (row * 0.18).min(12.0);
        paper.rect((a.min(b), y + inset), (a.max(b).max(a.min(b) + 2.0), y + row - inset), fill)?;
        if i + 1 < steps.len() {
            paper.line([(b, y + row - inset), (b, y + row + inset)], QUIET, 1)?;
        }
        paper.text(step.name, (plot.left - 20.0, y + row / 2.0), LABEL, INK, Anchor::Right)?;
        let figure = text::fixed(step.to - step.from, places);
        paper.text(&figure, (1560.0, y + row / 2.0), LABEL, INK, Anchor::Right)?;
    }
    Ok(())
}
