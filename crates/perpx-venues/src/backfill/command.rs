//! `perpx-data backfill`: its options, its lines, its end.

use super::BackfillError;
use super::asker::{Asker, VenueAsker};
use super::endpoint::{Endpoint, What};
use super::pages::{Pages, asked};
use super::series::Series;
use super::store::{Of, PLAYED_PLACE, PastStore};
use super::walk::Walk;
use crate::asking::{AskError, Asking};
use crate::listing::{coin, find, listed, markets_call};
use crate::net::args::NetworkArgs;
use crate::net::hosts::Network;
use crate::net::reach::Reach;
use crate::venue::Venue;
use crate::wall::{MarketClock, now};
use perpx_core::config::text::ConfigError;
use perpx_core::units::{DAY, Time};
use perpx_data::atomic::write_atomic;
use perpx_data::store::store_of;
use perpx_data::text::{self, count, counted};
use serde_json::{Value, json};
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::time::{Duration, Instant};

/// Between two lines of how it goes.
const LINE: Duration = Duration::from_secs(10);
/// GRVT tells no older trades.
const GRVT_TRADES_DAYS: i64 = 92;

/// Options of `perpx-data backfill`.
#[derive(Clone, Debug, clap::Args)]
#[command(
    override_usage = "perpx-data backfill --venue <NAME> --symbol <NAME> --from <TIME>\n       --to <TIME> --store <DIR> [OPTIONS]",
    after_help = "Neither books nor quotes can be had of the past. Ctrl-C keeps what was answered.\n\
                        Example: perpx-data backfill --venue grvt --symbol BTC --what funding \\\n         \
                        --from 2026-01-01 --to 2026-02-01 --store data/grvt-past"
)]
pub struct BackfillArgs {
    /// lighter, grvt
    #[arg(long, value_name = "NAME", value_parser = Venue::parse)]
    pub venue: Venue,
    /// A base coin
    #[arg(long, value_name = "NAME")]
    pub symbol: String,
    /// funding, candles, trades
    #[arg(
        long,
        value_name = "LIST",
        value_enum,
        value_delimiter = ',',
        default_value = "funding,candles",
        hide_possible_values = true
    )]
    pub what: Vec<What>,
    /// Begin, UTC
    #[arg(long, value_name = "TIME")]
    pub from: Time,
    /// End, UTC
    #[arg(long, value_name = "TIME")]
    pub to: Time,
    /// A new folder, or the store of a backfill or a recorder
    #[arg(long, value_name = "DIR")]
    pub store: PathBuf,
    /// Where answers are kept; without it STORE.pages
    #[arg(long, value_name = "DIR")]
    pub pages: Option<PathBuf>,
    /// Of what may be asked from here
    #[arg(long, value_name = "SHARE", default_value_t = 0.5, value_parser = share)]
    pub share: f64,
    /// Where it is.
    #[command(flatten)]
    pub at: NetworkArgs,
    /// Print what was done as one line of JSON
    #[arg(long)]
    pub json: bool,
}

fn share(text: &str) -> Result<f64, String> {
    let legal = text.parse().ok().filter(|share: &f64| *share > 0.0 && *share <= 1.0);
    legal.ok_or_else(|| format!("'{text}': a number above 0 and at most 1"))
}

/// One endpoint's part of what was done.
struct Done {
    what: What,
    endpoint: Endpoint,
    series: Series,
}

impl BackfillArgs {
    /// Asks what is missing and writes the store; returns the exit code.
    pub fn run(&self) -> u8 {
        let stop = Arc::new(AtomicBool::new(false));
        let raised = stop.clone();
        // a second handler is refused; then Ctrl-C kills, and what was answered is kept all the same
        let _ = ctrlc::set_handler(move || raised.store(true, Relaxed));
        match self.backfill(stop) {
            Ok(done) => self.say(&done),
            Err(error) => text::fail(&error, self.json, error.exit_code()),
        }
    }

    fn backfill(&self, stop: Arc<AtomicBool>) -> Result<Vec<Done>, BackfillError> {
        let network = self.at.network()?;
        self.legal()?;
        let mut store = PastStore::open(&store_of(&self.store))?;
        let find = Reach::find(self.venue, &network, self.at.ca_file.as_deref(), None);
        let (asking, reach) = Asking::begin(self.share, stop, find)?;
        let mut asker = VenueAsker::new(asking);
        let place = place(&network, &reach);
        store.only(self.venue.name(), &place)?;
        let pages = Pages::at(self.pages_folder().join(format!("{}-{place}", self.venue.name())));
        let clock = clock(&pages, &reach);
        let present = clock.map_or(now(), |clock| clock.market(now()));
        if self.to > present {
            let error = ConfigError::new("the command line", "--to", format!("{} lies in the future", self.to));
            return Err(error.accepted(format!("a time before {present}")).into());
        }
        let market = market(&mut asker, self.venue, &self.symbol)?;
        keep(&pages, clock)?;
        self.warn(present);
        let span = (self.from, self.to);
        // the venue's clock is the wall's, whatever day its market lives in
        let venue_span = clock.map_or(span, |clock| (clock.first_wall(span.0), clock.first_wall(span.1)));
        let mut done = Vec::new();
        let mut wanted = self.what.clone();
        wanted.sort_unstable();
        wanted.dedup();
        for what in wanted {
            let first = done.len();
            for endpoint in Endpoint::of(self.venue, what) {
                let mut progress = progress(self.venue, endpoint);
                let mut walk =
                    Walk { asker: &mut asker, pages: &pages, endpoint, market: &market, progress: &mut progress };
                let walked = walk.walk(venue_span)?;
                done.push(Done { what, endpoint, series: Series::of(endpoint, walked, span, clock.as_ref()) });
            }
            let of = Of { venue: self.venue.name(), symbol: &self.symbol, what, span };
            let rows = done[first..].iter().flat_map(|done| done.series.rows.iter().copied());
            let provenance = done[first..].iter().map(|done| {
                let mut of = done.series.provenance(done.endpoint);
                of["network"] = json!(place);
                of
            });
            store.put(of, rows, provenance.collect());
        }
        store.write()?;
        Ok(done)
    }

    fn legal(&self) -> Result<(), ConfigError> {
        let bad = |option: &str, found: String| ConfigError::new("the command line", option, found);
        if self.from >= self.to || self.from.0 <= 0 {
            let found = format!("{} is not after {}", self.to, self.from);
            return Err(bad("--to", found).accepted("a span that begins after 1970 and ends after it begins"));
        }
        coin(&self.symbol)
    }

    fn pages_folder(&self) -> PathBuf {
        self.pages.clone().unwrap_or_else(|| {
            let mut name = store_of(&self.store).into_os_string();
            name.push(".pages");
            name.into()
        })
    }

    /// What can be known before: how much of it the venue will tell, and how long that takes.
    fn warn(&self, present: Time) {
        if !self.what.contains(&What::Trades) {
            return;
        }
        match self.venue {
            Venue::Lighter => text::print_err(
                "lighter tells 100 trades a request, from the newest down: days can be had, not months; Ctrl-C keeps what came",
            ),
            Venue::Grvt if present.since(self.from) > GRVT_TRADES_DAYS * DAY => {
                text::print_err("grvt tells trades of the last three months alone: older ones will be a hole");
            }
            Venue::Grvt => {}
        }
    }

    fn say(&self, done: &[Done]) -> u8 {
        let store = store_of(&self.store);
        let store = store.display();
        if self.json {
            let of = |done: &Done| {
                let mut of = done.series.provenance(done.endpoint);
                of["what"] = json!(done.what.word());
                of["asked_now"] = json!(done.series.pages().0);
                of
            };
            let all: Vec<Value> = done.iter().map(of).collect();
            let line = json!({ "exit": 0, "store": store.to_string(), "backfill": all });
            return text::print(&line.to_string(), 0);
        }
        let mut out = String::new();
        for Done { endpoint, series, .. } in done {
            let (fresh, pages) = series.pages();
            let rows = counted(series.rows.len() as u64, "row");
            let (venue, name) = (self.venue.name(), endpoint.name());
            out += &format!(
                "{venue} {} {name}: {rows} of {}, {} asked now",
                self.symbol,
                counted(pages, "page"),
                count(fresh)
            );
            if let Some((from, to)) = series.holes.first() {
                let holes = counted(series.holes.len() as u64, "hole");
                out += &format!("; {holes}, the first from {from} to {to}");
            }
            out.push('\n');
        }
        let all = format!("{out}written to {store}; see `perpx-data check {store}`");
        text::print(&text::wrap(&all, text::width()), 0)
    }
}

/// How a network is called in folders and dataset.json. An emulator is not the one that was there before.
fn place(network: &Network, reach: &Reach) -> String {
    match (network, &reach.played) {
        (Network::Mainnet, _) => "mainnet".to_owned(),
        (Network::Testnet, _) => "testnet".to_owned(),
        (Network::Custom(_), Some(played)) => format!("{PLAYED_PLACE}{}", played.begun_ns),
        (Network::Custom(at), None) => format!("{}-{}", at.host, at.port),
    }
}

fn clock_file(pages: &Pages) -> PathBuf {
    pages.root().join("clock.json")
}

/// The clock of a market that is played: the one by which its first rows were made.
fn clock(pages: &Pages, reach: &Reach) -> Option<MarketClock> {
    let clock = reach.clock()?;
    let known = std::fs::read_to_string(clock_file(pages)).ok();
    Some(known.and_then(|text| serde_json::from_str(&text).ok()).unwrap_or(clock))
}

fn keep(pages: &Pages, clock: Option<MarketClock>) -> Result<(), BackfillError> {
    let Some(clock) = clock else { return Ok(()) };
    let path = clock_file(pages);
    let written = std::fs::create_dir_all(pages.root()).and_then(|()| write_atomic(&path, json!(clock).to_string()));
    written.map_err(|source| BackfillError::Disk { path, source })
}

/// The venue's name of a coin.
fn market(asker: &mut VenueAsker, venue: Venue, symbol: &str) -> Result<String, BackfillError> {
    let call = markets_call(venue);
    let (_, body) = asker.ask(&call)?;
    let asked = asked(&call);
    let all = listed(venue, &body).map_err(|why| AskError::Unreadable { asked, why })?;
    Ok(find(venue, symbol, &all).map(|one| one.name.clone()).map_err(AskError::Symbol)?)
}

/// Says how it goes, now and then.
fn progress(venue: Venue, endpoint: Endpoint) -> impl FnMut(u64, u64) {
    let mut last = Instant::now();
    move |all, done| {
        if last.elapsed() < LINE {
            return;
        }
        last = Instant::now();
        let of = if all > 0 { format!(" of {}", count(all)) } else { String::new() };
        text::print_err(&format!("{} {}: {}{of}", venue.name(), endpoint.name(), count(done)));
    }
}
