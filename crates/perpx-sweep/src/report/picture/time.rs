//! What pictures over time have in common: the shaded parts and the times below.

use super::paper::{Anchor, EMBARGO, HELD, INK, Paper, QUIET, SMALL};
use crate::report::scale::{Clock, time_ticks};
use crate::report::text;

impl Clock<'_> {
    /// "2026-01-05 to 2026-01-12 UTC"
    pub fn range(&self) -> String {
        format!("{} to {} UTC", text::moment(self.spans.from), text::moment(self.spans.to))
    }

    /// The embargo and the held-out part as grounds, with the names of all parts above `top`.
    pub fn shade_on(&self, paper: &Paper, top: f64, bottom: f64) -> Result<(), String> {
        if !self.spans.has_held_out() {
            return Ok(());
        }
        let (embargo, out) = (self.x(self.spans.embargo), self.x(self.spans.held_out));
        paper.rect((embargo, top), (out, bottom), EMBARGO)?;
        paper.rect((out, top), (self.right, bottom), HELD)?;
        paper.text("held out", (self.right, top - 20.0), SMALL, INK, Anchor::Right)?;
        // only where the other names leave room, the chart's unit at the left end among them
        if embargo > self.left + 500.0 {
            paper.text("in sample", ((self.left + embargo) / 2.0, top - 20.0), SMALL, INK, Anchor::Middle)?;
        }
        if embargo < out && embargo > self.left + 220.0 && out < self.right - 130.0 {
            paper.text("embargo", ((embargo + out) / 2.0, top - 20.0), SMALL, QUIET, Anchor::Middle)?;
        }
        Ok(())
    }

    pub fn foot_on(&self, paper: &Paper, bottom: f64) -> Result<(), String> {
        for (at, label) in time_ticks(self.spans.from, self.spans.to, 9) {
            let x = self.x(at);
            let anchor = if self.part(at) > 0.97 { Anchor::Right } else { Anchor::Middle };
            paper.line([(x, bottom), (x, bottom + 8.0)], QUIET, 1)?;
            paper.text(&label, (x, bottom + 26.0), SMALL, QUIET, anchor)?;
        }
        Ok(())
    }
}
