//! `perpx-data synth`: its options, its progress, its end.

use super::write::{DayWritten, SynthError, write};
use crate::store::replaced_text;
use crate::text;
use indicatif::{ProgressBar, ProgressStyle};
use perpx_core::synth::Edge;
use perpx_core::synth::{FundingMode, SynthSpec, VenueSpec};
use perpx_core::units::{Price, Time, parse_scaled};
use std::io::IsTerminal;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// Options of `perpx-data synth`.
#[derive(Clone, Debug, clap::Args)]
#[command(after_help = "Example: perpx-data synth --out data/a --start 2026-01-04 --days 8 --edge null")]
pub struct SynthArgs {
    /// The store's folder; one that is there is replaced
    #[arg(long, value_name = "DIR")]
    pub out: PathBuf,
    /// First day, UTC; leave one before what is swept
    #[arg(long, value_name = "DATE", value_parser = date)]
    pub start: Time,
    /// How many days
    #[arg(long, value_name = "N")]
    pub days: u32,
    /// Same seed and options, same bytes
    #[arg(long, value_name = "N", default_value_t = 1)]
    pub seed: u64,
    /// Quotes a second over both venues
    #[arg(long, value_name = "N", default_value_t = 1.0)]
    pub updates_per_sec: f64,
    /// none, calibrated, planted, null
    #[arg(long, value_enum, default_value_t = EdgeChoice::None, hide_possible_values = true)]
    pub edge: EdgeChoice,
    /// The perpetual's name
    #[arg(long, value_name = "NAME", default_value = "BTC")]
    pub symbol: String,
    /// Funding hourly, 8-hourly
    #[arg(long, num_args = 2, value_names = ["A", "B"], default_values = ["lighter", "grvt"])]
    pub venues: Vec<String>,
    /// Price at the start
    #[arg(long, default_value_t = 92_000.0)]
    pub price: f64,
    /// Smallest price step
    #[arg(long, default_value = "0.1", value_parser = price)]
    pub tick: Price,
    /// Median volatility a year
    #[arg(long, value_name = "VOL", default_value_t = 0.3)]
    pub annual_vol: f64,
    /// Seconds between marks; 0 is none
    #[arg(long, value_name = "SEC", default_value_t = 1)]
    pub marks_every_sec: u32,
    /// A silent venue repeats itself
    #[arg(long, value_name = "MS", default_value_t = 10_000)]
    pub heartbeat_ms: i64,
    /// premium, zero, off
    #[arg(long, value_enum, default_value_t = FundingChoice::Premium, hide_possible_values = true)]
    pub funding: FundingChoice,
    /// No trade rows
    #[arg(long)]
    pub no_trades: bool,
    /// Print what was written as one line of JSON
    #[arg(long)]
    pub json: bool,
}

/// `--edge`: what there is to be earned.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum EdgeChoice {
    /// Basis below half-spread and fees: no threshold earns on average
    None,
    /// Basis as measured on real venues, nothing promised
    Calibrated,
    /// Swings and a wide returning basis: known thresholds earn
    Planted,
    /// One martingale on both venues, no spread, no prints, no funding: nobody earns or loses but by luck
    Null,
}

/// `--funding`: where rates come from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum FundingChoice {
    /// From each venue's premium over the index
    Premium,
    /// Rows with rate zero
    Zero,
    /// No rows
    Off,
}

fn date(text: &str) -> Result<Time, String> {
    let time: Time = text.parse()?;
    if time == Time::of_day(time.day()) { Ok(time) } else { Err(format!("'{text}': a whole day such as 2026-01-05")) }
}

fn price(text: &str) -> Result<Price, String> {
    let scaled = parse_scaled(text, 9).and_then(|v| i64::try_from(v).ok()).filter(|v| *v > 0);
    scaled.map(Price).ok_or_else(|| format!("'{text}': a price above zero with at most nine decimals, such as 0.1"))
}

impl SynthArgs {
    /// The market that these options describe; not checked yet.
    pub fn spec(&self) -> SynthSpec {
        let base = match self.edge {
            EdgeChoice::Null => SynthSpec::null(self.seed, self.start, self.days),
            _ => SynthSpec::new(self.seed, self.start, self.days),
        };
        let edge = match self.edge {
            EdgeChoice::None | EdgeChoice::Null => Edge::None,
            EdgeChoice::Calibrated => Edge::Calibrated,
            EdgeChoice::Planted => Edge::Planted,
        };
        let funding = match self.funding {
            FundingChoice::Premium => base.funding,
            FundingChoice::Zero => FundingMode::Zero,
            FundingChoice::Off => FundingMode::Off,
        };
        let name = |i: usize| self.venues.get(i).map_or("", String::as_str);
        SynthSpec {
            symbol: self.symbol.clone(),
            updates_per_sec: self.updates_per_sec,
            start_price: self.price,
            tick: self.tick,
            annual_vol: self.annual_vol,
            edge,
            venues: [VenueSpec::like_lighter(name(0)), VenueSpec::like_grvt(name(1))],
            trades: base.trades && !self.no_trades,
            marks_every_sec: (self.marks_every_sec > 0).then_some(self.marks_every_sec),
            funding,
            heartbeat_ms: self.heartbeat_ms,
            ..base
        }
    }

    /// Writes the store and prints what it wrote; returns the exit code. Ctrl-C ends after the day at hand and leaves nothing
    /// behind.
    pub fn run(&self) -> u8 {
        let stop = Arc::new(AtomicBool::new(false));
        let raised = stop.clone();
        // a second handler is refused; then Ctrl-C kills, and the next run removes the hidden folder
        let _ = ctrlc::set_handler(move || raised.store(true, Ordering::Relaxed));
        let mut rows = 0;
        let replaced = match self.write(&stop, &mut rows) {
            Ok(replaced) => replaced,
            Err(error) => return text::fail(&error, self.json, error.exit_code()),
        };
        let (out, days) = (self.out.display(), text::counted(u64::from(self.days), "day"));
        let done = || {
            let rows = text::counted(rows, "row");
            let before = replaced_text(&replaced, &[]);
            format!("{before}{rows} in {days} written to {out}; see `perpx-data check {out}`")
        };
        let store = self.out.display().to_string();
        let all =
            || serde_json::json!({ "exit": 0, "store": store, "days": self.days, "rows": rows, "replaced": replaced });
        text::print(&if self.json { all().to_string() } else { text::wrap(&done(), text::width()) }, 0)
    }

    /// A bar on a terminal, a line a day in a log.
    fn write(&self, stop: &AtomicBool, rows: &mut u64) -> Result<Vec<String>, SynthError> {
        if std::io::stderr().is_terminal() {
            let bar = ProgressBar::new(u64::from(self.days));
            if let Ok(style) = ProgressStyle::with_template("{bar:20} {pos}/{len} days, {eta} left {wide_msg}") {
                bar.set_style(style);
            }
            let result = write(&self.spec(), &self.out, stop, &mut |day| {
                *rows += day.rows as u64;
                bar.set_message(Time::of_day(day.day).date());
                bar.inc(1);
            });
            bar.finish_and_clear();
            return result;
        }
        write(&self.spec(), &self.out, stop, &mut |day: &DayWritten| {
            *rows += day.rows as u64;
            let (date, done, days) = (Time::of_day(day.day).date(), day.done, self.days);
            text::print_err(&format!("{date}: {} rows ({done} of {days} days)", text::count(day.rows as u64)));
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::{Args, FromArgMatches};

    fn parse(line: &str) -> Result<SynthArgs, clap::Error> {
        let command = SynthArgs::augment_args(clap::Command::new("synth").no_binary_name(true));
        SynthArgs::from_arg_matches(&command.try_get_matches_from(line.split(' '))?)
    }

    #[test]
    fn options_become_a_market() {
        let spec = parse("--out x --start 2026-01-05 --days 2").expect("legal").spec();
        assert_eq!(spec, SynthSpec::new(1, Time::from_civil(2026, 1, 5).expect("a date"), 2));
        let null = parse("--out x --start 2026-01-05 --days 2 --edge null --marks-every-sec 0").expect("legal").spec();
        assert!(null.martingale && null.zero_spread && !null.trades && null.marks_every_sec.is_none());
        assert_eq!(null.funding, FundingMode::Zero);
        let other = parse("--out x --start 2026-01-05 --days 2 --venues a b --tick 0.01 --no-trades").expect("legal");
        assert_eq!((other.spec().venues[1].name.as_str(), other.spec().tick), ("b", Price(10_000_000)));
        for bad in ["--out x --start 2026-01-05T10:00:00Z --days 2", "--out x --start 2026-01-05 --days 2 --tick 0"] {
            assert!(parse(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn a_stopped_run_leaves_nothing_and_a_whole_one_leaves_a_store() {
        let folder = tempfile::tempdir().expect("a folder");
        let out = folder.path().join("set");
        let spec =
            SynthSpec { updates_per_sec: 0.05, ..SynthSpec::new(1, Time::from_civil(2026, 1, 5).expect("a date"), 2) };
        let stopped = write(&spec, &out, &AtomicBool::new(true), &mut |_| ());
        assert!(matches!(stopped, Err(SynthError::Stopped { days: 1, .. })), "{stopped:?}");
        assert_eq!(std::fs::read_dir(folder.path()).expect("a folder").count(), 0);
        let mut days = Vec::new();
        write(&spec, &out, &AtomicBool::new(false), &mut |day| days.push(day.done)).expect("a store");
        assert_eq!(days, [1, 2]);
        assert!(out.join("quotes/venue=grvt/symbol=BTC/date=2026-01-06/part-0.parquet").is_file());
        assert!(out.join("funding/venue=lighter/symbol=BTC/year=2026/part-0.parquet").is_file());
        let text = std::fs::read_to_string(out.join("dataset.json")).expect("dataset.json");
        assert!(text.contains("perpx-data synth") && text.contains("\"seed\""), "{text}");
    }
}
