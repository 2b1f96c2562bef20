//! Funding by settlement, by leg, and its running sum.

use super::paper::{Anchor, INK, LABEL, Paper, SMALL};
use crate::report::page::costs::{binned, running};
use crate::report::palette::CURVES;
use crate::report::scale::{Clock, Plot, Scale};
use crate::report::view::View;

const BINS: usize = 200;

pub fn draw(view: &View, paper: &Paper) -> Result<(), String> {
    let input = view.input;
    let spans = &input.spans;
    let top = Plot { left: 130.0, right: 1560.0, top: 170.0, bottom: 500.0 };
    let low = Plot { top: 560.0, bottom: 790.0, ..top };
    let clock = Clock { spans, left: top.left, right: top.right };
    let title = format!("{} · the winner's funding by settlement, {}", input.symbol, input.quote);
    paper.title(&title, &format!("{} · above zero was received · {}", input.name, clock.range()))?;
    clock.shade_on(paper, top.top, low.bottom)?;
    let (bins, sums) = (binned(view, BINS), running(view));
    let bars = Scale::over(bins.iter().flatten().copied().chain([0.0]), 5);
    let line = Scale::over(sums.iter().map(|s| s.1).chain([0.0]), 4);
    paper.rulers(&top, &bars, SMALL)?;
    paper.rulers(&low, &line, SMALL)?;
    paper.text(&format!("Funding, {}", input.quote), (top.left, top.top - 20.0), SMALL, INK, Anchor::Left)?;
    let held_out = if spans.has_held_out() { "; the held-out part has its own" } else { "" };
    paper.text(
        &format!("Sum so far, {}{held_out}", input.quote),
        (low.left, low.top - 20.0),
        SMALL,
        INK,
        Anchor::Left,
    )?;
    let width = (top.right - top.left) / BINS as f64;
    for (i, bin) in bins.iter().enumerate() {
        for leg in (0..2).filter(|leg| bin[*leg] != 0.0) {
            let x = top.left + width * (i as f64 + 0.5 * leg as f64);
            let (a, b) = (top.y(bars.place(0.0)), top.y(bars.place(bin[leg])));
            paper.rect((x, a.min(b)), (x + width / 2.0, a.max(b)), CURVES[leg])?;
        }
    }
    let cut = sums.partition_point(|s| s.0 < spans.held_out);
    for part in [&sums[..cut], &sums[cut..]] {
        paper.line(part.iter().map(|s| (clock.x(s.0), low.y(line.place(s.1)))), INK, 2)?;
    }
    clock.foot_on(paper, low.bottom)?;
    for (leg, name) in ["long leg", "short leg"].into_iter().enumerate() {
        let x = 130.0 + 320.0 * leg as f64;
        paper.rect((x, 852.0), (x + 22.0, 868.0), CURVES[leg])?;
        paper.text(&format!("{name}, {}", input.venues[leg]), (x + 32.0, 860.0), LABEL * 0.8, INK, Anchor::Left)?;
    }
    Ok(())
}
