//! What a synthetic market is made of: every knob, its unit and its default.

use super::edge::Edge;
use crate::units::{MS, Price, Qty, Time, TimeDelta};
use serde::Serialize;

/// Everything that decides the bytes of a synthetic market.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct SynthSpec {
    /// Of every draw.
    pub seed: u64,
    /// The store's name of the coin.
    pub symbol: String,
    /// First day, days since 1970-01-01 UTC.
    pub first_day: i64,
    /// How many, at least 1.
    pub days: u32,
    /// Quote rows a second over both venues together, on average.
    pub updates_per_sec: f64,
    /// Price at the start, quote money.
    pub start_price: f64,
    /// Smallest price step of both venues.
    pub tick: Price,
    /// Median annualised volatility of an hour (log-normal; its 99 % point is about 3.3 times that).
    pub annual_vol: f64,
    /// What there is to be earned.
    pub edge: Edge,
    /// In the order of the store's names.
    pub venues: [VenueSpec; 2],
    /// Bid = ask = mid on both venues.
    pub zero_spread: bool,
    /// Both venues quote one and the same martingale, at the same exchange times; no basis, no trend, no lag.
    pub martingale: bool,
    /// Trades are printed too.
    pub trades: bool,
    /// Seconds between mark rows of a venue; `None`: no marks.
    pub marks_every_sec: Option<u32>,
    /// Where the rates come from.
    pub funding: FundingMode,
    /// A venue that was silent for so long publishes its quote again.
    pub heartbeat_ms: i64,
}

/// Where funding rates come from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum FundingMode {
    /// From each venue's premium over the index.
    Premium,
    /// Rows with rate zero, for markets in which nothing may be earned.
    Zero,
    /// No rows.
    Off,
}

/// One venue's manners.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct VenueSpec {
    /// In the store.
    pub name: String,
    /// Smallest quantity step.
    pub lot: Qty,
    /// How long this venue's quotes trail the efficient price, ms (a multiple of 100, at most 700).
    pub lag_ms: u32,
    /// Share of quotes that are one tick wide; the others are `wide_bp` wide.
    pub one_tick: f64,
    /// Least and greatest width of the wide hump, bp.
    pub wide_bp: [f64; 2],
    /// Median value at the best price, quote money.
    pub top_value: f64,
    /// Median receive latency, ms; drawn log-normal within 15 to 100 ms.
    pub latency_ms: f64,
    /// Share of prints that never touch the visible book.
    pub hidden_share: f64,
    /// Where this venue's mid stands over the index on average, bp.
    pub premium_bp: f64,
    /// Hours between settlements; a divisor of 24.
    pub funding_hours: u32,
}

impl VenueSpec {
    /// Manners of Lighter's BTC market: two-humped spread, hourly funding.
    pub fn like_lighter(name: &str) -> VenueSpec {
        VenueSpec {
            name: name.to_owned(),
            lot: Qty(10_000),
            lag_ms: 100,
            one_tick: 0.45,
            wide_bp: [0.4, 1.2],
            top_value: 30_000.0,
            latency_ms: 40.0,
            hidden_share: 0.0,
            premium_bp: -4.3,
            funding_hours: 1,
        }
    }

    /// Manners of GRVT's BTC market: one tick wide, prints beside the book (RPI), funding every eight hours.
    pub fn like_grvt(name: &str) -> VenueSpec {
        VenueSpec {
            name: name.to_owned(),
            lot: Qty(1_000_000),
            lag_ms: 300,
            one_tick: 0.92,
            wide_bp: [0.02, 0.3],
            top_value: 60_000.0,
            latency_ms: 30.0,
            hidden_share: 0.2,
            premium_bp: -3.0,
            funding_hours: 8,
        }
    }
}

impl SynthSpec {
    /// `days` of BTC on `lighter` and `grvt` from midnight `start` on, all defaults.
    pub fn new(seed: u64, start: Time, days: u32) -> SynthSpec {
        SynthSpec {
            seed,
            symbol: "BTC".to_owned(),
            first_day: start.day(),
            days,
            updates_per_sec: 1.0,
            start_price: 92_000.0,
            tick: Price(100_000_000),
            annual_vol: 0.3,
            edge: Edge::None,
            venues: [VenueSpec::like_lighter("lighter"), VenueSpec::like_grvt("grvt")],
            zero_spread: false,
            martingale: false,
            trades: true,
            marks_every_sec: Some(1),
            funding: FundingMode::Premium,
            heartbeat_ms: 10_000,
        }
    }

    /// A market in which no taker can earn or lose but by luck: one martingale, no spread, no funding, no prints.
    /// (A resting order still loses: whoever is passed by the price filled too well for the other side.)
    pub fn null(seed: u64, start: Time, days: u32) -> SynthSpec {
        SynthSpec {
            zero_spread: true,
            martingale: true,
            trades: false,
            funding: FundingMode::Zero,
            ..SynthSpec::new(seed, start, days)
        }
    }

    /// Refuses what the generator cannot make, naming the knob, the value and what is accepted.
    pub fn check(&self) -> Result<(), SpecError> {
        let shape = self.edge.shape();
        within("days", f64::from(self.days), 1.0, 36_525.0)?;
        within("first day (days since 1970)", self.first_day as f64, 0.0, 90_000.0)?;
        within("updates-per-sec", self.updates_per_sec, 0.02, 400.0)?;
        within("start price in ticks", self.start_ticks(), 1e4, 1e10)?;
        within("annual volatility", self.annual_vol, 0.001, 5.0)?;
        within("marks-every-sec", f64::from(self.marks_every_sec.unwrap_or(1)), 1.0, 3600.0)?;
        within("heartbeat (ms)", self.heartbeat_ms as f64, 500.0, 1e9)?;
        within("noise (bp)", shape.noise_bp, 0.0, 20.0)?;
        for (what, layer) in [("basis", shape.fast), ("slow basis", shape.slow)] {
            within(&format!("{what}: standard deviation (bp)"), layer.std, 0.0, 200.0)?;
            within(&format!("{what}: half-life (s)"), layer.half_life_sec, 1.0, 1e7)?;
        }
        within("swing: standard deviation (bp)", shape.swing.std_bp, 0.0, 1000.0)?;
        within("swing: period (s)", shape.swing.period_sec, 600.0, 1e7)?;
        within("share of the basis on the first venue", shape.first_share, 0.0, 1.0)?;
        for v in &self.venues {
            let name = |what: &str| format!("venue {}: {what}", v.name);
            within(&name("lag (ms)"), f64::from(v.lag_ms), 0.0, 700.0)?;
            within(&name("one-tick share"), v.one_tick, 0.0, 1.0)?;
            within(&name("narrowest wide spread (bp)"), v.wide_bp[0], 0.0, 1000.0)?;
            within(&name("widest spread (bp)"), v.wide_bp[1], v.wide_bp[0], 1000.0)?;
            within(&name("value at the best price"), v.top_value, 1.0, 1e9)?;
            within(&name("latency (ms)"), v.latency_ms, 15.0, 100.0)?;
            within(&name("hidden share"), v.hidden_share, 0.0, 1.0)?;
            within(&name("lot"), v.lot.0 as f64, 1.0, 1e18)?;
            if v.funding_hours == 0 || 24 % v.funding_hours != 0 {
                return Err(SpecError::FundingHours { venue: v.name.clone(), found: v.funding_hours });
            }
        }
        let names = [&self.symbol, &self.venues[0].name, &self.venues[1].name];
        for name in names {
            let legal = |c: char| c.is_ascii_alphanumeric() || "-_.".contains(c);
            if name.is_empty() || !name.chars().all(legal) {
                return Err(SpecError::Name { found: name.clone() });
            }
        }
        if self.venues[0].name == self.venues[1].name {
            return Err(SpecError::SameVenue { name: self.venues[0].name.clone() });
        }
        Ok(())
    }

    /// The price at the start, in ticks.
    pub(super) fn start_ticks(&self) -> f64 {
        (self.start_price * 1e9 / self.tick.0 as f64).round()
    }
}

/// A number within bounds, both accepted.
fn within(knob: &str, found: f64, least: f64, most: f64) -> Result<(), SpecError> {
    if found >= least && found <= most {
        return Ok(());
    }
    Err(SpecError::Range { knob: knob.to_owned(), found, least, most })
}

/// A synthetic market that cannot be made.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum SpecError {
    /// A number beyond what the generator can do.
    #[error("{knob} is {found}; it must lie between {least} and {most}")]
    Range {
        /// Which field.
        knob: String,
        /// What it is.
        found: f64,
        /// The least that is accepted.
        least: f64,
        /// The greatest that is accepted.
        most: f64,
    },
    /// A name that is no part of a path.
    #[error("'{found}' cannot name a venue or a symbol; use letters, digits, '-', '_' and '.'")]
    Name {
        /// What it is.
        found: String,
    },
    /// Both venues would be one folder.
    #[error("both venues are named '{name}'; give two different names")]
    SameVenue {
        /// Of both.
        name: String,
    },
    /// Settlements that do not meet midnight.
    #[error("venue {venue}: funding every {found} h; the hours must divide 24")]
    FundingHours {
        /// Whose.
        venue: String,
        /// What they are.
        found: u32,
    },
}

/// The generator's clock: latent prices move every 100 ms.
pub(super) const STEP_MS: i64 = 100;
/// Its length.
pub(super) const STEP: TimeDelta = MS.times(STEP_MS);
