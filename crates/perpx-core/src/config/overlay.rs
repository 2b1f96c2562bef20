//! What a venue itself said of one coin, over the shipped profile: a file of its own, written by `perpx-data venue refresh`. It holds
//! for that coin alone, and its date is the date of what it says.

use super::profile::{FileInstrument, Origin, Profile, Worded, scaled_small};
use super::short_hash;
use crate::market::{Delays, SelfTrade};
use crate::units::{MS, Rate};
use serde::Deserialize;

/// An overlay that a profile was made with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Overlay {
    /// For which coin.
    pub coin: String,
    /// mainnet, testnet, or the host that was asked.
    pub network: String,
    /// By what it says; `None`: it says what the shipped profile says.
    pub hash: Option<String>,
}

/// The file.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    name: String,
    coin: String,
    network: String,
    funding: Option<Interval>,
    #[serde(default)]
    tier: Vec<Fees>,
    instrument: FileInstrument,
    /// Measured by `perpx-live probe`.
    #[serde(default)]
    delays: Vec<Measured>,
    price_band: Option<PriceBand>,
    self_trades: Option<SelfTrades>,
    /// The venue's answers as they came, for people.
    #[serde(default)]
    #[allow(dead_code)]
    answer: Vec<toml::Table>,
    /// Questions that no key of a profile answers, for people.
    #[serde(default)]
    #[allow(dead_code)]
    probed: Vec<toml::Table>,
}

/// A tier's delays as they were measured.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Measured {
    tier: String,
    taker_ms: i64,
    maker_ms: i64,
    cancel_ms: i64,
    source: String,
    date: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct PriceBand {
    price_band_bp: String,
    source: String,
    date: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct SelfTrades {
    self_trade: Worded<SelfTrade>,
    source: String,
    date: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Interval {
    interval_hours: u32,
    source: String,
    date: String,
}

/// Fees of a tier, basis points; positive = we pay.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Fees {
    name: String,
    maker_bps: String,
    taker_bps: String,
    source: String,
    date: String,
}

impl Profile {
    /// The venue that an overlay speaks of.
    ///
    /// # Errors
    /// A text that is no overlay.
    pub fn overlaid_venue(text: &str) -> Result<String, String> {
        toml::from_str(text).map(|file: File| file.name).map_err(|error| error.to_string())
    }

    /// This profile with what an overlay says in the place of its own values.
    ///
    /// # Errors
    /// A text that is no overlay, or one of another venue.
    pub fn overlaid(&self, text: &str) -> Result<Profile, String> {
        let file: File = toml::from_str(text).map_err(|error| error.to_string())?;
        if file.name != self.name {
            return Err(format!("it speaks of {}, not of {}", file.name, self.name));
        }
        let mut profile = self.clone();
        if let Some(Interval { interval_hours, source, date }) = file.funding {
            profile.funding_interval_hours = interval_hours;
            profile.originates("funding interval".to_owned(), source, date)?;
        }
        for Fees { name, maker_bps, taker_bps, source, date } in file.tier {
            let [maker, taker] = [maker_bps, taker_bps].map(|bps| scaled_small(&bps, 8).map(Rate));
            let (maker, taker) = (maker?, taker?);
            let usual = profile.tier(&name).or(profile.default_tier.as_deref().and_then(|name| profile.tier(name)));
            let mut tier = usual.cloned().ok_or("the profile has no tiers")?;
            // delays and limits of a tier that is new are the usual one's, and as old
            let copied = profile.origins.iter().find(|origin| origin.what == format!("tier {}", tier.name)).cloned();
            if let Some(Origin { source, date, .. }) = copied.filter(|_| tier.name != name) {
                profile.originates(format!("tier {name}"), source, date)?;
            }
            (tier.name, tier.fees.maker, tier.fees.taker, tier.date) = (name.clone(), maker, taker, date.clone());
            profile.tiers.retain(|known| known.name != name);
            profile.tiers.push(tier);
            profile.originates(format!("fees {name}"), source, date)?;
        }
        for Measured { tier: name, taker_ms, maker_ms, cancel_ms, source, date } in file.delays {
            let tier =
                profile.tiers.iter_mut().find(|tier| tier.name == name).ok_or("delays of a tier without fees")?;
            tier.delays = Delays { taker: taker_ms * MS, maker: maker_ms * MS, cancel: cancel_ms * MS };
            profile.originates(format!("delays {name}"), source, date)?;
        }
        if let Some(PriceBand { price_band_bp, source, date }) = file.price_band {
            profile.price_band = Rate(scaled_small(&price_band_bp, 8)?);
            profile.originates("price band".to_owned(), source, date)?;
        }
        if let Some(SelfTrades { self_trade, source, date }) = file.self_trades {
            profile.self_trade = self_trade.0;
            profile.originates("self-trades".to_owned(), source, date)?;
        }
        let (source, date) = (file.instrument.source.clone(), file.instrument.date.clone());
        let instrument = file.instrument.read()?;
        if instrument.base != file.coin {
            return Err(format!("it is of {}, and describes {}", file.coin, instrument.base));
        }
        profile.instruments.retain(|known| known.base != file.coin);
        profile.instruments.push(instrument);
        profile.originates(format!("instrument {}", file.coin), source, date)?;
        let (was, is) = (self.said(&file.coin), profile.said(&file.coin));
        let hash = (was != is).then(|| short_hash(&is));
        profile.overlay = Some(Overlay { coin: file.coin, network: file.network, hash });
        Ok(profile)
    }

    /// What overlays may change, in one spelling.
    fn said(&self, coin: &str) -> String {
        let tier = |tier: &super::profile::Tier| format!("{} {:?} {:?}", tier.name, tier.fees, tier.delays);
        let mut tiers: Vec<String> = self.tiers.iter().map(tier).collect();
        tiers.sort();
        let orders = (self.price_band, self.self_trade);
        format!("{} {tiers:?} {:?} {orders:?}", self.funding_interval_hours, self.instrument(coin))
    }

    /// A warning if what it says of a coin is not what the venue says where money is real.
    pub fn foreign(&self) -> Option<String> {
        let Overlay { coin, network, .. } = self.overlay.as_ref().filter(|overlay| overlay.network != "mainnet")?;
        Some(format!(
            "the profile {}: steps, minimums and margin of {coin} are those of {network}, not of the venue's mainnet: ask that one by \
             `perpx-data venue refresh`, or remove {}-{coin}.toml from the state folder's profiles",
            self.name, self.name
        ))
    }

    /// The profile of that name for a coin: with the venue's own word on it, else as shipped.
    pub fn of<'a>(profiles: &'a [Profile], name: &str, coin: &str) -> Option<&'a Profile> {
        let named = || profiles.iter().filter(|profile| profile.name == name);
        let said = |profile: &&Profile| profile.overlay.as_ref().is_some_and(|overlay| overlay.coin == coin);
        named().find(said).or_else(|| named().find(|profile| profile.overlay.is_none()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::ConfigFile;
    use crate::units::{Price, Time};

    /// What a venue said, its least value being `min_notional`.
    fn text(min_notional: &str) -> String {
        format!(
            "name = \"grvt\"\ncoin = \"BTC\"\nnetwork = \"mainnet\"\n[funding]\ninterval_hours = 8\nsource = \"asked\"\ndate = \"2027-02-01\"\n\
             [[tier]]\nname = \"1\"\nmaker_bps = \"-0.01\"\ntaker_bps = \"4.5\"\nsource = \"asked\"\ndate = \"2027-02-01\"\n\
             [instrument]\nbase = \"BTC\"\nsymbol = \"BTC_USDT_Perp\"\ntick = \"0.1\"\nlot = \"0.001\"\nmin_qty = \"0.001\"\n\
             min_notional = \"{min_notional}\"\nbrackets = [{{ floor = \"0\", maintenance = \"0.01\" }}]\nsource = \"asked\"\n\
             date = \"2027-02-01\"\n[[answer]]\nasked = \"POST /full/v1/instrument\"\ntext = \"{{}}\"\n"
        )
    }

    fn grvt() -> Profile {
        let profiles = Profile::shipped().expect("legal");
        profiles.into_iter().find(|profile| profile.name == "grvt").expect("shipped")
    }

    #[test]
    fn a_venues_own_word_goes_before_the_shipped_one() {
        let shipped = grvt();
        let said = shipped.overlaid(&text("50")).expect("an overlay");
        assert_eq!(
            said.instrument("BTC").map(|one| one.min_notional),
            Some(crate::units::Cash::units(50).as_notional())
        );
        assert_eq!(said.instrument("BTC").map(|one| one.tick), Some(Price(100_000_000)));
        assert!(said.overlay.as_ref().is_some_and(|overlay| overlay.hash.is_some()));
        let profiles = [shipped.clone(), said.clone()];
        assert_eq!(Profile::of(&profiles, "grvt", "BTC"), Some(&said));
        assert_eq!(Profile::of(&profiles, "grvt", "ETH"), Some(&shipped));
        assert_eq!(Profile::of(&profiles, "lighter", "BTC"), None);
        // what it says is as old as it is; the rest is as old as it was
        let day = |y, m, d| Time::from_civil(y, m, d).expect("a date");
        let dates: Vec<&Origin> = said.origins.iter().filter(|origin| origin.date == "2027-02-01").collect();
        assert_eq!(dates.len(), 3);
        // of the tier and of funding an answer has a value each; delays, limits and the price are as old as they were
        let warning = said.aged("BTC", None, day(2027, 4, 30)).expect("what no answer has");
        for words in
            ["orders (", "ledger (", "liquidation (", "tier 1 (delays, request limits) of 2026-", "funding (price) of"]
        {
            assert!(warning.contains(words), "{words}: {warning}");
        }
        assert!(!warning.contains("venue refresh") && !warning.contains("instrument"), "{warning}");
        let warning = said.aged("BTC", None, day(2027, 5, 3)).expect("all");
        assert!(warning.contains("instrument BTC (steps, minimums, margin) of 2027-02-01"), "{warning}");
        assert!(warning.contains("`perpx-data venue refresh --venue grvt --symbol BTC` asks"), "{warning}");
    }

    #[test]
    fn what_changes_nothing_has_no_name() {
        let same = grvt().overlaid(&text("100")).expect("an overlay");
        assert_eq!((same.foreign(), same.overlay.and_then(|overlay| overlay.hash)), (None, None));
        let played = grvt().overlaid(&text("100").replace("mainnet", "127.0.0.1:8020")).expect("an overlay");
        assert!(played.foreign().is_some_and(|text| text.contains("of BTC are those of 127.0.0.1:8020")));
        assert_eq!(grvt().foreign(), None);
    }

    #[test]
    fn a_world_is_named_by_what_the_venue_said() {
        let file = |profiles: Vec<Profile>| {
            let text = include_str!("../../../../configs/example.yml");
            let mut file = ConfigFile::parse("example.yml", text).expect("legal");
            file.know(profiles);
            file
        };
        let plain = file(Vec::new());
        let same = file(vec![grvt().overlaid(&text("100")).expect("an overlay")]);
        let other = file(vec![grvt().overlaid(&text("50")).expect("an overlay")]);
        let [plain_id, same_id, other_id] = [&plain, &same, &other].map(|file| file.world_id(&[]).expect("an id"));
        assert_eq!(plain_id, same_id);
        assert_ne!(plain_id, other_id);
        assert_eq!(plain.id(&[]), other.id(&[]), "the strategy is the same");
        let overlays = other.overlays(&[]).expect("roles");
        assert_eq!((overlays.len(), overlays[0].0.as_str()), (1, "grvt"));
        assert!(same.overlays(&[]).expect("roles").is_empty());
    }

    #[test]
    fn what_is_no_overlay_is_refused() {
        let shipped = grvt();
        for (from, to, says) in [
            ("\"grvt\"", "\"lighter\"", "it speaks of lighter"),
            ("coin = \"BTC\"", "coin = \"ETH\"", "describes BTC"),
            ("tick = \"0.1\"", "tick = \"x\"", "x is not a decimal"),
            ("date = \"2027-02-01\"\n[[answer]]", "date = \"soon\"\n[[answer]]", "a date such as"),
            ("[funding]", "[fnding]", "unknown field"),
        ] {
            let why = shipped.overlaid(&text("100").replacen(from, to, 1)).expect_err(to);
            assert!(why.contains(says), "{to}: {why}");
        }
        assert_eq!(Profile::overlaid_venue(&text("100")).as_deref(), Ok("grvt"));
    }
}
