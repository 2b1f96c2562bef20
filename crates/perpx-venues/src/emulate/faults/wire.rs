//! Frames on their way to one client.

use super::{Armed, FaultKind, Faults};
use perpx_core::units::{Time, TimeDelta};
use std::collections::VecDeque;
use std::sync::Arc;

type Text = Arc<str>;

#[derive(Default)]
pub struct Wire {
    /// When each goes out, and the fault that holds it; in the order of sending.
    late: VecDeque<(Time, Text, Arc<Armed>)>,
    /// What goes out after the next frame that its fault hits.
    kept: Option<(Text, Arc<Armed>)>,
    /// What the next answer to a call says in its place.
    instead: Option<Text>,
}

impl Faults {
    /// The fault is about frames like `text`.
    fn hits(&self, armed: &Armed, text: &str) -> bool {
        match &armed.containing {
            Some(part) => text.contains(part.as_str()),
            None => self.dialect.is_book(text),
        }
    }
}

impl Wire {
    /// Frames held back by now.
    pub fn held(&self) -> usize {
        self.late.len()
    }

    /// The next answer will be `text`.
    pub fn answer_with(&mut self, text: Text) {
        self.instead = Some(text);
    }

    /// Late frames whose time has come.
    pub fn due(&mut self, now: Time, out: &mut Vec<Text>) {
        while self.late.front().is_some_and(|(at, ..)| *at <= now) {
            out.extend(self.late.pop_front().map(|(_, text, _)| text));
        }
    }

    /// What goes out when the venue says `text`.
    pub fn pass(&mut self, faults: &Faults, text: Text, now: Time, out: &mut Vec<Text>) {
        if self.instead.is_some() && faults.dialect.is_answer(&text) {
            out.extend(self.instead.take());
            return;
        }
        if let Some((.., armed)) = self.late.back()
            && faults.hits(armed, &text)
        {
            let armed = armed.clone();
            let delay = match armed.kind {
                FaultKind::Delay { by } if armed.take(now) => by,
                _ => TimeDelta::ZERO,
            };
            // behind those that wait, whatever its own time
            self.late.push_back((now.plus(delay), text, armed));
            return;
        }
        if let Some((kept, armed)) = self.kept.take() {
            if faults.hits(&armed, &text) {
                out.extend([text, kept]);
                return;
            }
            self.kept = Some((kept, armed));
        }
        for armed in faults.armed().iter() {
            let is_frames = matches!(
                armed.kind,
                FaultKind::SkipSequence | FaultKind::Delay { .. } | FaultKind::Duplicate | FaultKind::Reorder
            );
            if !is_frames || !armed.is_on(now) || !faults.hits(armed, &text) || !armed.take(now) {
                continue;
            }
            match armed.kind {
                FaultKind::Delay { by } => self.late.push_back((now.plus(by), text, armed.clone())),
                FaultKind::Duplicate => out.extend([text.clone(), text]),
                FaultKind::Reorder => self.kept = Some((text, armed.clone())),
                _ => {}
            }
            return;
        }
        out.push(text);
    }
}
