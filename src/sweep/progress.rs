//! What a run tells while it goes: a bar on a terminal, a plain line now and then in a log.

use super::rank::Verdict;
use crate::text::{count, duration, tell};
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use std::io::IsTerminal;
use std::time::{Duration, Instant};

/// Time between two lines of a log.
const LINE_EVERY: Duration = Duration::from_secs(10);

pub struct Progress {
    bar: Option<ProgressBar>,
    quiet: bool,
    began: Instant,
    last_line: Instant,
    /// Configurations (in a world) of the whole run, and finished ones.
    total: u64,
    done: u64,
    /// Config-ticks of the whole run, and passed ones; those passed by an earlier process are not counted as speed.
    ticks_total: u64,
    ticks: u64,
    ticks_before: u64,
    best: String,
}

impl Progress {
    pub fn new(quiet: bool, total: u64, ticks_total: u64) -> Progress {
        let terminal = std::io::stderr().is_terminal() && !quiet;
        let bar = terminal.then(|| {
            let bar = ProgressBar::with_draw_target(Some(ticks_total), ProgressDrawTarget::stderr());
            // a message that does not fit is cut, not broken
            let style = ProgressStyle::with_template("{bar:16} {percent:>3}% {wide_msg}");
            bar.set_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()));
            bar
        });
        let now = Instant::now();
        Progress {
            bar,
            quiet,
            began: now,
            last_line: now,
            total,
            done: 0,
            ticks_total,
            ticks: 0,
            ticks_before: 0,
            best: String::new(),
        }
    }

    /// What an earlier process has done.
    pub fn resume(&mut self, done: u64, ticks: u64) {
        (self.done, self.ticks, self.ticks_before) = (done, ticks, ticks);
    }

    pub fn advance(&mut self, finished: u64, ticks: u64) {
        self.done += finished;
        self.ticks += ticks;
        let text = self.text();
        match &self.bar {
            Some(bar) => {
                bar.set_position(self.ticks);
                bar.set_message(text);
            }
            None if !self.quiet && self.last_line.elapsed() >= LINE_EVERY => {
                tell(&text);
                self.last_line = Instant::now();
            }
            None => {}
        }
    }

    pub fn best(&mut self, metric: &str, verdict: &Verdict) {
        let value = verdict.objective.map_or("-".to_string(), |value| format!("{value:.4}"));
        let note = if verdict.meets { "" } else { " (does not meet require)" };
        self.best = format!(", best {metric} {value}{note}");
    }

    /// Config-ticks a second of this process.
    pub fn speed(&self) -> f64 {
        (self.ticks - self.ticks_before) as f64 / self.began.elapsed().as_secs_f64().max(1e-9)
    }

    fn text(&self) -> String {
        let speed = self.speed();
        let left = self.ticks_total.saturating_sub(self.ticks) as f64 / speed.max(1.0);
        format!(
            "{} of {}, {} left{}, {:.1} M config-ticks/s",
            count(self.done),
            count(self.total),
            duration(left.ceil()),
            self.best,
            speed / 1e6
        )
    }

    pub fn finish(&self) {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
    }
}
