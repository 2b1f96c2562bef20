//! States, entries, locks and unlocks over both venues' prices and the spread with its bands.

use super::paper::{Anchor, INK, LABEL, Paper, QUIET, SMALL};
use crate::report::page::clock::runs;
use crate::report::page::market::{fold, mark, price_scale, spread_scale};
use crate::report::palette::{CURVES, Rgb, STATES};
use crate::report::scale::{Clock, Plot, Scale};
use crate::report::view::View;
use crate::report::{Bucket, Stretch, text};
use perpx_core::market::Role;

const SPREAD: Rgb = [107, 79, 160];
/// Entry, lock, unlock, exit.
const MARKS: [(&str, Rgb); 4] = [("entry", CURVES[2]), ("lock", CURVES[4]), ("unlock", CURVES[3]), ("exit", INK)];

pub fn draw(view: &View, market: &Stretch, paper: &Paper) -> Result<(), String> {
    let input = view.input;
    let top = Plot { left: 130.0, right: 1560.0, top: 170.0, bottom: 470.0 };
    let low = Plot { top: 530.0, bottom: 740.0, ..top };
    let clock = Clock { spans: &input.spans, left: top.left, right: top.right };
    let [long, short] = &input.venues;
    paper.title(
        &format!("{} · the winner's states over price and spread", input.symbol),
        &format!("{} · {long} and {short} · {}", input.name, clock.range()),
    )?;
    clock.shade_on(paper, top.top, 772.0)?;
    let buckets = fold(&market.buckets, 1);
    let x = |i: usize| top.x((i as f64 + 0.5) / buckets.len() as f64);
    let (price, spread) = (price_scale(&buckets, 6), spread_scale(&buckets, 5));
    paper.rulers(&top, &price, SMALL)?;
    paper.rulers(&low, &spread, SMALL)?;
    paper.text(&format!("Mid, {}", input.quote), (top.left, top.top - 20.0), SMALL, INK, Anchor::Left)?;
    paper.text("Spread, bp, and its bands", (low.left, low.top - 20.0), SMALL, INK, Anchor::Left)?;
    let range = |plot: &Plot, scale: &Scale, pick: &dyn Fn(&Bucket) -> Option<[f64; 2]>, ink: Rgb| {
        let known = buckets.iter().enumerate().filter_map(|(i, bucket)| Some((x(i), pick(bucket)?)));
        let both = known.flat_map(|(x, ends)| ends.map(|end| (x, plot.y(scale.place(end)))));
        paper.line(both, ink, 2)
    };
    // the long venue lies on top
    for role in [Role::Short, Role::Long] {
        range(&top, &price, &|bucket| bucket.mids[role.ix()], CURVES[role.ix()])?;
    }
    range(&low, &spread, &|bucket| bucket.spread, SPREAD)?;
    for side in 0..2 {
        let mut part: Vec<(f64, f64)> = Vec::new();
        for (i, bucket) in buckets.iter().enumerate() {
            match bucket.band {
                Some(band) => part.push((x(i), low.y(spread.place(band[side])))),
                None => paper.line(std::mem::take(&mut part), INK, 2)?,
            }
        }
        paper.line(part, INK, 2)?;
    }
    let strip = Plot { top: 750.0, bottom: 772.0, ..top };
    for (from, to, state) in runs(&input.detail.timeline, 700, |t| clock.part(t)) {
        let at = |column: usize| strip.x(column as f64 / 700.0);
        paper.rect((at(from), strip.top), (at(to), strip.bottom), STATES[state])?;
    }
    paper.text("State", (top.left - 10.0, 761.0), SMALL, QUIET, Anchor::Right)?;
    steps(view, &clock, (&top, &price), (&low, &spread), &buckets, paper)?;
    clock.foot_on(paper, 772.0)?;
    legend(view, paper)
}

fn steps(
    view: &View,
    clock: &Clock,
    (top, price): (&Plot, &Scale),
    (low, spread): (&Plot, &Scale),
    buckets: &[Bucket],
    paper: &Paper,
) -> Result<(), String> {
    let mut last = [f64::NEG_INFINITY; 4];
    for step in view.input.detail.trades.iter().flat_map(|trade| &trade.steps) {
        let Some(kind) = mark(step) else { continue };
        let x = clock.x(step.at);
        let bucket = buckets.get((clock.part(step.at) * buckets.len() as f64) as usize);
        let Some(bucket) = bucket.filter(|_| x >= last[kind] + 4.0) else { continue };
        last[kind] = x;
        let middle = |range: [f64; 2]| (range[0] + range[1]) / 2.0;
        let y = match kind {
            2 => bucket.spread.map(|range| low.y(spread.place(middle(range)))),
            _ => bucket.mids[0].or(bucket.mids[1]).map(|range| top.y(price.place(middle(range)))),
        };
        if let Some(y) = y {
            paper.mark(kind, (x, y), MARKS[kind].1)?;
        }
    }
    Ok(())
}

fn legend(view: &View, paper: &Paper) -> Result<(), String> {
    let [long, short] = &view.input.venues;
    let letters = LABEL * 0.75;
    for (i, (name, ink)) in [(long, CURVES[0]), (short, CURVES[1])].into_iter().enumerate() {
        let x = 130.0 + 160.0 * i as f64;
        paper.rect((x, 838.0), (x + 26.0, 843.0), ink)?;
        paper.text(&name.chars().take(12).collect::<String>(), (x + 34.0, 840.0), letters, INK, Anchor::Left)?;
    }
    for (kind, (name, ink)) in MARKS.into_iter().enumerate() {
        let x = 470.0 + 110.0 * kind as f64;
        paper.mark(kind, (x, 840.0), ink)?;
        paper.text(name, (x + 14.0, 840.0), letters, INK, Anchor::Left)?;
    }
    let names = crate::report::page::clock::STATE_NAMES;
    for (i, name) in names.into_iter().enumerate() {
        let x = 130.0 + 236.0 * i as f64;
        paper.rect((x, 866.0), (x + 20.0, 882.0), STATES[i])?;
        paper.text(&format!("S{i} {name}"), (x + 30.0, 874.0), letters, INK, Anchor::Left)?;
    }
    let trades = text::counted(view.input.detail.trades.len() as u64, "trade");
    paper.text(&trades, (1560.0, 840.0), letters, QUIET, Anchor::Right)
}
