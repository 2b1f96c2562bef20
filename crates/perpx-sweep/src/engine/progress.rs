//! What a run prints while it goes: a bar on a terminal, a plain line now and then where there is none, and in phases
//! that have no bar.

use crate::results::ranking::Verdict;
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use perpx_data::text::{count, duration, print_err};
use std::io::IsTerminal;
use std::sync::mpsc::{RecvTimeoutError, Sender, channel};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

/// Time between two lines.
const LINE_EVERY: Duration = Duration::from_secs(10);

/// The lines come from a thread of their own: no phase has to remember them.
pub struct Progress {
    state: Arc<Mutex<ProgressState>>,
    /// Dropped, it ends the thread.
    lines: Option<(Sender<()>, JoinHandle<()>)>,
}

struct ProgressState {
    terminal: bool,
    bar: Option<ProgressBar>,
    phase: String,
    began: Instant,
    /// Configurations (in a world) of the whole run, and finished ones.
    total: u64,
    done: u64,
    /// Config-ticks of the whole run, and passed ones; those passed by an earlier process are not counted as speed.
    ticks_total: u64,
    ticks: u64,
    ticks_before: u64,
    best: String,
}

fn lock(state: &Mutex<ProgressState>) -> MutexGuard<'_, ProgressState> {
    state.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Progress {
    pub fn new(quiet: bool) -> Progress {
        Progress::every(quiet, LINE_EVERY, print_err)
    }

    /// A line every so often, unless the bar shows it.
    fn every(quiet: bool, pause: Duration, line: impl Fn(&str) + Send + 'static) -> Progress {
        let state = Arc::new(Mutex::new(ProgressState {
            terminal: std::io::stderr().is_terminal() && !quiet,
            bar: None,
            phase: String::new(),
            began: Instant::now(),
            total: 0,
            done: 0,
            ticks_total: 0,
            ticks: 0,
            ticks_before: 0,
            best: String::new(),
        }));
        let lines = (!quiet).then(|| {
            let (stop, stopped) = channel::<()>();
            let state = state.clone();
            let thread = std::thread::spawn(move || {
                while stopped.recv_timeout(pause) == Err(RecvTimeoutError::Timeout) {
                    let text = Some(lock(&state)).filter(|state| state.bar.is_none()).map(|state| state.text());
                    text.iter().for_each(|text| line(text));
                }
            });
            (stop, thread)
        });
        Progress { state, lines }
    }

    /// What is being done from now on, beside what `advance` says.
    pub fn phase(&self, text: &str) {
        lock(&self.state).phase = text.to_string();
    }

    /// The configurations begin to run.
    pub fn begin(&self, total: u64, ticks_total: u64) {
        let mut state = lock(&self.state);
        (state.total, state.ticks_total, state.began) = (total, ticks_total, Instant::now());
        state.bar = state.terminal.then(|| {
            let bar = ProgressBar::with_draw_target(Some(ticks_total), ProgressDrawTarget::stderr());
            // a message that does not fit is cut, not broken
            let style = ProgressStyle::with_template("{bar:16} {percent:>3}% {wide_msg}");
            bar.set_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()));
            bar
        });
    }

    /// What an earlier process has done.
    pub fn resume(&self, done: u64, ticks: u64) {
        let mut state = lock(&self.state);
        (state.done, state.ticks, state.ticks_before) = (done, ticks, ticks);
    }

    pub fn advance(&self, finished: u64, ticks: u64) {
        let mut state = lock(&self.state);
        state.done += finished;
        state.ticks += ticks;
        state.phase.clear();
        if let Some(bar) = &state.bar {
            bar.set_position(state.ticks);
            bar.set_message(state.text());
        }
    }

    pub fn best(&self, metric: &str, verdict: &Verdict) {
        let value = verdict.objective.map_or("-".to_string(), |value| format!("{value:.4}"));
        let note = if verdict.meets || verdict.objective.is_none() { "" } else { " (does not meet require)" };
        lock(&self.state).best = format!(", best {metric} {value}{note}");
    }

    /// The configurations have run.
    pub fn finish(&self) {
        if let Some(bar) = lock(&self.state).bar.take() {
            bar.finish_and_clear();
        }
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        self.finish();
        if let Some((stop, thread)) = self.lines.take() {
            drop(stop);
            let _ = thread.join();
        }
    }
}

impl ProgressState {
    fn text(&self) -> String {
        let run = (self.ticks > self.ticks_before).then(|| {
            let speed = (self.ticks - self.ticks_before) as f64 / self.began.elapsed().as_secs_f64().max(1e-9);
            let left = self.ticks_total.saturating_sub(self.ticks) as f64 / speed.max(1.0);
            format!(
                "{} of {}, {} left{}, {:.1} M config-ticks/s",
                count(self.done),
                count(self.total),
                duration(left.ceil()),
                self.best,
                speed / 1e6
            )
        });
        match (run, self.phase.as_str()) {
            (Some(run), "") => run,
            (Some(run), phase) if self.ticks < self.ticks_total => format!("{run}; {phase}"),
            (_, "") => {
                format!("running the configurations, {} so far", duration(self.began.elapsed().as_secs_f64().ceil()))
            }
            (_, phase) => format!("{phase}, {} so far", duration(self.began.elapsed().as_secs_f64().ceil())),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_phase_is_told_where_no_bar_tells_it() {
        let (sender, lines) = channel();
        let line = move |text: &str| drop(sender.send(text.to_string()));
        let progress = Progress::every(false, Duration::from_millis(2), line);
        lock(&progress.state).terminal = false;
        let next = |words: &str| {
            let found = (0..5_000).map(|_| lines.recv().expect("a line")).find(|text| text.contains(words));
            assert!(found.is_some(), "{words}");
        };
        progress.phase("checking the configurations");
        next("checking the configurations, 1 s so far");
        progress.begin(20, 4_000);
        progress.phase("naming configurations, 5 of 10");
        next("naming configurations, 5 of 10");
        progress.advance(10, 2_000);
        next("10 of 20, ");
        progress.phase("naming configurations, 6 of 10");
        next("M config-ticks/s; naming configurations, 6 of 10");
        progress.advance(10, 2_000);
        progress.finish();
        progress.phase("writing the results");
        next("writing the results");
        // nothing is printed after the end
        drop(progress);
        assert!(lines.iter().count() < 5_000);
    }
}
