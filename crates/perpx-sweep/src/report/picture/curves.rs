//! Equity over drawdown, with the embargo and the held-out part shaded.

use super::paper::{Anchor, INK, LABEL, Paper, QUIET, SMALL};
use crate::report::palette::CURVES;
use crate::report::scale::{Clock, Plot, Scale, drawdown, thin};
use crate::report::view::View;

pub fn draw(view: &View, paper: &Paper) -> Result<(), String> {
    let input = view.input;
    let spans = &input.spans;
    let curves = view.curves();
    let top = Plot { left: 130.0, right: 1560.0, top: 170.0, bottom: 560.0 };
    let lower = Plot { top: 620.0, bottom: 790.0, ..top };
    let clock = Clock { spans, left: top.left, right: top.right };
    let title = format!("{} · equity of the best {}, {}", input.symbol, curves.len(), input.quote);
    let grey = if view.benchmarks.iter().any(Option::is_some) { " · grey: holding the winner's exposure" } else { "" };
    paper.title(&title, &format!("{} · {}{grey}", input.name, clock.range()))?;
    clock.shade_on(paper, top.top, lower.bottom)?;
    let equity: Vec<_> = curves.iter().map(|c| thin(&c.samples, spans.from, spans.to, 360)).collect();
    let drawdowns: Vec<_> = curves.iter().map(|c| thin(&drawdown(c, spans), spans.from, spans.to, 360)).collect();
    let held = [0, 1].map(|run| view.holding(run));
    let money = Scale::over(equity.iter().chain(&held).flatten().map(|s| s.1), 6);
    let percent = Scale::over(drawdowns.iter().flatten().map(|s| s.1).chain([0.0]), 3);
    paper.rulers(&top, &money, SMALL)?;
    paper.rulers(&lower, &percent, SMALL)?;
    paper.text(&format!("Equity, {}", input.quote), (top.left, top.top - 20.0), SMALL, INK, Anchor::Left)?;
    paper.text("Drawdown, % of initial capital", (lower.left, lower.top - 20.0), SMALL, INK, Anchor::Left)?;
    for samples in &held {
        paper.line(samples.iter().map(|s| (clock.x(s.0), top.y(money.place(s.1)))), QUIET, 2)?;
    }
    for (i, (up, down)) in equity.iter().zip(&drawdowns).enumerate().rev() {
        let width = if i == 0 { 3 } else { 1 };
        // nothing runs in the embargo, so no line crosses it
        for part in [up, down].into_iter().flat_map(|samples| {
            let cut = if spans.has_held_out() { samples.partition_point(|s| s.0 < spans.held_out) } else { 0 };
            let place = if std::ptr::eq(samples, up) { (&top, &money) } else { (&lower, &percent) };
            [(&samples[..cut], place), (&samples[cut..], place)]
        }) {
            let (samples, (plot, scale)) = part;
            paper.line(samples.iter().map(|s| (clock.x(s.0), plot.y(scale.place(s.1)))), CURVES[i], width)?;
        }
    }
    clock.foot_on(paper, lower.bottom)?;
    legend(view, paper)
}

/// Rank and the first letters of the id, in columns of equal width.
fn legend(view: &View, paper: &Paper) -> Result<(), String> {
    for (i, curve) in view.curves().iter().enumerate() {
        let x = 130.0 + 180.0 * i as f64;
        let id: String = curve.id.chars().take(8).collect();
        paper.rect((x, 858.0), (x + 26.0, 863.0), CURVES[i])?;
        paper.text(&format!("#{} {id}", curve.rank), (x + 34.0, 860.0), LABEL * 0.75, INK, Anchor::Left)?;
    }
    Ok(())
}
