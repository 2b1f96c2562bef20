//! Equity over drawdown, with the embargo and the held-out part shaded.

use super::paper::{Anchor, EMBARGO, HELD, INK, LABEL, Paper, QUIET, SMALL};
use crate::report::palette::CURVES;
use crate::report::scale::{Plot, Scale, drawdown, thin, time_ticks};
use crate::report::text;
use crate::report::view::View;
use crate::units::Time;

pub fn draw(view: &View, paper: &Paper) -> Result<(), String> {
    let input = view.input;
    let spans = &input.spans;
    let curves = &input.curves[..input.curves.len().min(CURVES.len())];
    let top = Plot { left: 130.0, right: 1560.0, top: 170.0, bottom: 560.0 };
    let fall = Plot { top: 620.0, bottom: 790.0, ..top };
    let part = |t: Time| t.since(spans.from) as f64 / spans.to.since(spans.from) as f64;
    let range = format!("{} to {} UTC", text::moment(spans.from), text::moment(spans.to));
    let title = format!("{} · equity of the best {}, {}", input.symbol, curves.len(), input.quote);
    paper.title(&title, &format!("{} · {range}", input.name))?;
    if spans.has_held_out() {
        let (embargo, out) = (top.x(part(spans.embargo)), top.x(part(spans.held_out)));
        paper.rect((embargo, top.top), (out, fall.bottom), EMBARGO)?;
        paper.rect((out, top.top), (top.right, fall.bottom), HELD)?;
        paper.text("in sample", (top.left, 150.0), SMALL, INK, Anchor::Left)?;
        paper.text("held out", (top.right, 150.0), SMALL, INK, Anchor::Right)?;
        if embargo < out {
            paper.text("embargo", (embargo, 150.0), SMALL, QUIET, Anchor::Middle)?;
        }
    }
    let equity: Vec<_> = curves.iter().map(|c| thin(&c.samples, spans.from, spans.to, 360)).collect();
    let falls: Vec<_> =
        curves.iter().map(|c| thin(&drawdown(&c.samples, spans.held_out), spans.from, spans.to, 360)).collect();
    let money = Scale::over(equity.iter().flatten().map(|s| s.1), 6);
    let percent = Scale::over(falls.iter().flatten().map(|s| s.1).chain([0.0]), 3);
    paper.rulers(&top, &money, SMALL)?;
    paper.rulers(&fall, &percent, SMALL)?;
    paper.text("Drawdown, % of the peak", (fall.left, fall.top - 20.0), SMALL, INK, Anchor::Left)?;
    for (i, (up, down)) in equity.iter().zip(&falls).enumerate().rev() {
        let width = if i == 0 { 3 } else { 1 };
        paper.line(up.iter().map(|s| (top.x(part(s.0)), top.y(money.place(s.1)))), CURVES[i], width)?;
        paper.line(down.iter().map(|s| (fall.x(part(s.0)), fall.y(percent.place(s.1)))), CURVES[i], width)?;
    }
    for (at, label) in time_ticks(spans.from, spans.to, 9) {
        let x = top.x(part(at));
        let anchor = if part(at) > 0.97 { Anchor::Right } else { Anchor::Middle };
        paper.line([(x, fall.bottom), (x, fall.bottom + 8.0)], QUIET, 1)?;
        paper.text(&label, (x, fall.bottom + 26.0), SMALL, QUIET, anchor)?;
    }
    legend(view, paper)
}

/// Rank and the first letters of the id, in columns of equal width.
fn legend(view: &View, paper: &Paper) -> Result<(), String> {
    for (i, curve) in view.input.curves.iter().take(CURVES.len()).enumerate() {
        let x = 130.0 + 180.0 * i as f64;
        let id: String = curve.id.chars().take(8).collect();
        paper.rect((x, 858.0), (x + 26.0, 863.0), CURVES[i])?;
        paper.text(&format!("#{} {id}", curve.rank), (x + 34.0, 860.0), LABEL * 0.75, INK, Anchor::Left)?;
    }
    Ok(())
}
