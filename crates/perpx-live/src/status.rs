//! What is printed meanwhile: a status line on a terminal, a plain line now and then in a log.

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use perpx_core::units::Time;
use std::cell::RefCell;
use std::io::{IsTerminal, Write};
use std::rc::Rc;
use std::time::{Duration, Instant};

/// Time between two lines of a log.
const LINE_EVERY: Duration = Duration::from_secs(10);
/// Time between two looks of the status line.
const DRAW_EVERY: Duration = Duration::from_millis(100);

/// Shared by the clock, which knows the time, and the recorder, which knows the state.
#[derive(Clone)]
pub struct Status(Rc<RefCell<Inner>>);

struct Inner {
    bar: Option<ProgressBar>,
    lines: bool,
    last: Instant,
    from: Time,
    state: String,
}

impl Status {
    /// `span`: from the first moment to the last.
    pub fn new(quiet: bool, span: (Time, Time)) -> Status {
        let length = span.1.since(span.0).0.max(0) as u64;
        Status::drawn(quiet, span.0, Some(length), "{bar:12} {percent:>3}%  {prefix}  {msg}")
    }

    /// Of a run that ends when it is asked to.
    pub fn open_ended(quiet: bool, from: Time) -> Status {
        Status::drawn(quiet, from, None, "{prefix}  {msg}")
    }

    fn drawn(quiet: bool, from: Time, length: Option<u64>, template: &str) -> Status {
        let terminal = std::io::stderr().is_terminal() && !quiet;
        let bar = terminal.then(|| {
            let bar = ProgressBar::with_draw_target(length, ProgressDrawTarget::stderr());
            bar.set_style(ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_bar()));
            bar
        });
        let (lines, last) = (!terminal && !quiet, Instant::now());
        Status(Rc::new(RefCell::new(Inner { bar, lines, last, from, state: String::new() })))
    }

    #[cfg(test)]
    pub fn silent() -> Status {
        Status::new(true, (Time(0), Time(0)))
    }

    /// The tape stands at `at`.
    pub fn moment(&self, at: Time) {
        let mut inner = self.0.borrow_mut();
        let every = if inner.bar.is_some() { DRAW_EVERY } else { LINE_EVERY };
        if (inner.bar.is_none() && !inner.lines) || inner.last.elapsed() < every {
            return;
        }
        inner.last = Instant::now();
        match &inner.bar {
            Some(bar) => {
                bar.set_position(at.since(inner.from).0.max(0) as u64);
                bar.set_prefix(at.to_second());
            }
            // nobody may read it any more: a run goes on
            None => drop(writeln!(std::io::stderr(), "{}  {}", at.to_second(), inner.state)),
        }
    }

    /// What holds from now on.
    pub fn state(&self, text: String) {
        let mut inner = self.0.borrow_mut();
        if let Some(bar) = &inner.bar {
            bar.set_message(text.clone());
        }
        inner.state = text;
    }

    /// Prints without tearing the status line.
    pub fn aside(&self, print: impl FnOnce()) {
        let bar = self.0.borrow().bar.clone();
        match bar {
            Some(bar) => bar.suspend(print),
            None => print(),
        }
    }

    pub fn finish(&self) {
        if let Some(bar) = &self.0.borrow().bar {
            bar.finish_and_clear();
        }
    }
}
