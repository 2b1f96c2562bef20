//! `perpx-data venue refresh`: its options, its lines.

use super::RefreshError;
use super::ask::Questions;
use super::said::{Said, ask};
use crate::asking::Asking;
use crate::listing::coin;
use crate::net::args::NetworkArgs;
use crate::net::reach::Reach;
use crate::venue::Venue;
use crate::wall::now;
use perpx_core::config::{Profile, ProfileInstrument};
use perpx_core::units::{Rate, format_scaled};
use perpx_data::atomic::write_atomic;
use perpx_data::{profiles, text};
use serde_json::json;
use std::path::PathBuf;
use std::sync::Arc;

/// Of what may be asked from here: a recorder or a trader may ask too.
const SHARE: f64 = 0.5;

/// Options of `perpx-data venue`.
#[derive(Clone, Debug, clap::Args)]
#[command(after_help = "Example: perpx-data venue refresh --venue grvt --symbol BTC")]
pub struct VenueArgs {
    /// What is done.
    #[command(subcommand)]
    pub what: VenueCommand,
}

/// What can be done with a venue.
#[derive(Clone, Debug, clap::Subcommand)]
pub enum VenueCommand {
    /// Ask a venue for steps, minimums, fees, margin; keep them for sweeps
    Refresh(RefreshArgs),
}

impl VenueArgs {
    /// Does it; returns the exit code.
    pub fn run(&self) -> u8 {
        let VenueCommand::Refresh(args) = &self.what;
        args.run()
    }
}

/// Options of `perpx-data venue refresh`.
#[derive(Clone, Debug, clap::Args)]
#[command(after_help = "From then on it goes before the shipped profile, for that coin, in every\n\
                        command; to take it back remove the file that is named at the end.\n\
                        Example: perpx-data venue refresh --venue lighter --symbol BTC --account 7:5")]
pub struct RefreshArgs {
    /// lighter, grvt
    #[arg(long, value_name = "NAME", value_parser = Venue::parse)]
    pub venue: Venue,
    /// A base coin
    #[arg(long, value_name = "NAME")]
    pub symbol: String,
    /// Lighter: account and API key, for the fees
    #[arg(long, value_name = "NUMBER:KEY", value_parser = account)]
    pub account: Option<(i64, i64)>,
    /// Where it is.
    #[command(flatten)]
    pub at: NetworkArgs,
    /// Print what was said as one line of JSON
    #[arg(long)]
    pub json: bool,
}

fn account(text: &str) -> Result<(i64, i64), String> {
    let numbers = text.split_once(':').and_then(|(account, key)| Some((account.parse().ok()?, key.parse().ok()?)));
    numbers.filter(|(account, key)| *account >= 0 && (0..=254).contains(key)).ok_or_else(|| "such as 7:5".to_owned())
}

/// What was learnt, and where it stands.
struct Learnt {
    said: Said,
    path: PathBuf,
    /// What differs from what held before.
    changed: Vec<String>,
}

impl RefreshArgs {
    /// Asks and writes the overlay; returns the exit code.
    pub fn run(&self) -> u8 {
        match self.refresh() {
            Ok(learnt) => self.say(&learnt),
            Err(error) => text::fail(&error, self.json, error.exit_code()),
        }
    }

    fn refresh(&self) -> Result<Learnt, RefreshError> {
        let network = self.at.network()?;
        coin(&self.symbol)?;
        let path = profiles::path(self.venue.name(), &self.symbol).ok_or(RefreshError::NoFolder)?;
        // those that hold now: a file there that is broken is what is to be replaced
        let held = profiles::known().or_else(|_| Profile::shipped())?;
        let find = Reach::find(self.venue, &network, self.at.ca_file.as_deref(), None);
        let (asking, reach) = Asking::begin(SHARE, Arc::default(), find)?;
        let mut asking = Questions::new(asking);
        let said = ask(&mut asking, &reach, &self.symbol, self.account)?;
        let place = match (&self.at.host, self.at.network.as_str()) {
            (Some(host), _) => host.as_str(),
            (None, network) => network,
        };
        let overlay = said.overlay((self.venue, &self.symbol, place), now(), &asking.kept);
        let before = Profile::of(&held, self.venue.name(), &self.symbol);
        let shipped = Profile::shipped()?;
        let shipped = Profile::of(&shipped, self.venue.name(), &self.symbol);
        let after =
            shipped.ok_or_else(|| RefreshError::Overlay(format!("no profile of {} is shipped", self.venue.name())))?;
        let after = after.overlaid(&overlay).map_err(RefreshError::Overlay)?;
        let changed = before.map_or_else(Vec::new, |before| differences(before, &after, &self.symbol, &said));
        let disk = |source| RefreshError::Disk { path: path.clone(), source };
        if let Some(folder) = path.parent() {
            std::fs::create_dir_all(folder).map_err(disk)?;
        }
        write_atomic(&path, overlay).map_err(disk)?;
        Ok(Learnt { said, path, changed })
    }

    fn say(&self, learnt: &Learnt) -> u8 {
        let Learnt { said, path, changed } = learnt;
        let fees = said.fees.as_ref().ok();
        let bps = |rate: Rate| format_scaled(rate.0.into(), 8);
        if self.json {
            let fees = fees.map(
                |(tier, maker, taker)| json!({ "tier": tier, "maker_bps": bps(*maker), "taker_bps": bps(*taker) }),
            );
            let line = json!({
                "exit": 0, "overlay": path.display().to_string(), "changed": changed, "symbol": said.symbol,
                "tick": said.tick.to_string(), "lot": said.lot.to_string(), "min_qty": said.min_qty.to_string(),
                "min_notional": format_scaled(said.min_notional.0, 18), "interval_hours": said.interval_hours, "fees": fees,
                "fees_not_asked": said.fees.as_ref().err(),
            });
            return text::print(&line.to_string(), 0);
        }
        let hours = said.interval_hours.map_or("not known".to_owned(), |hours| format!("each {hours} h"));
        let mut out = format!(
            "{} {}: tick {}, lot {}, least {} and {}, maintenance {} at first, funding {hours}\n",
            self.venue.name(),
            said.symbol,
            said.tick,
            said.lot,
            said.min_qty,
            format_scaled(said.min_notional.0, 18),
            said.brackets[0].maintenance,
        );
        match &said.fees {
            Ok((tier, maker, taker)) => {
                out += &format!("tier {tier}: maker {} bp, taker {} bp\n", bps(*maker), bps(*taker))
            }
            Err(why) => out += &format!("{why}; those of the profile stand\n"),
        }
        match changed.is_empty() {
            true => out += "nothing differs from what held before\n",
            false => changed.iter().for_each(|change| out += &format!("changed: {change}\n")),
        }
        let all = format!("{out}written to {}; every command takes it for {} from now on", path.display(), self.symbol);
        text::print(&text::wrap(&all, text::width()), 0)
    }
}

/// One value of an instrument, as text.
type Value<'a> = dyn Fn(&ProfileInstrument) -> String + 'a;

/// What differs, in words.
fn differences(before: &Profile, after: &Profile, coin: &str, said: &Said) -> Vec<String> {
    let mut out = Vec::new();
    let mut note = |what: &str, was: String, is: String| {
        if was != is {
            out.push(format!("{what} {is} (was {was})"));
        }
    };
    let of = |profile: &Profile, pick: &Value<'_>| profile.instrument(coin).map_or("not known".to_owned(), pick);
    let parts: [(&str, &Value<'_>); 5] = [
        ("tick", &|one| one.tick.to_string()),
        ("lot", &|one| one.lot.to_string()),
        ("least size", &|one| one.min_qty.to_string()),
        ("least value", &|one| format_scaled(one.min_notional.0, 18)),
        ("maintenance", &|one| {
            let text = |bracket: &perpx_core::market::Bracket| {
                format!("{} from {}", bracket.maintenance, format_scaled(bracket.floor.0, 18))
            };
            one.margin.brackets.iter().map(text).collect::<Vec<_>>().join(", ")
        }),
    ];
    for (what, pick) in parts {
        note(what, of(before, pick), of(after, pick));
    }
    let hours = |profile: &Profile| format!("each {} h", profile.funding_interval_hours);
    note("funding", hours(before), hours(after));
    if let Ok((tier, ..)) = &said.fees {
        let fees = |profile: &Profile| {
            profile.tier(tier).map_or("not known".to_owned(), |tier| {
                let bps = |rate: Rate| format_scaled(rate.0.into(), 8);
                format!("maker {} bp, taker {} bp", bps(tier.fees.maker), bps(tier.fees.taker))
            })
        };
        note(&format!("fees of tier {tier}:"), fees(before), fees(after));
    }
    out
}
