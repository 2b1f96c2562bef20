//! Venue profiles: what is known of a venue, as data. Shipped for those of [`SHIPPED`]; any other venue is described in
//! the config, on top of the generic profile.

use super::words::LiquidationKind;
use super::{Choice, ConfigError, Overlay};
use crate::market::{
    Bracket, Delays, FeeSchedule, FundingPrice, LiquidationRule, MarginSchedule, RateLimit, SelfTrade, VolumeQuota,
};
use crate::units::{Cash, DAY, MS, Notional, Price, Qty, Rate, SECOND, Time, parse_scaled};
use serde::de::Error as _;
use serde::{Deserialize, Deserializer};

/// What is known of a venue, so that a strategy file need not say it.
#[derive(Clone, Debug, PartialEq)]
pub struct Profile {
    /// As `exchanges.*.profile` names it.
    pub name: String,
    /// Name of the tier that holds when the config names none; `None` for the generic profile, which has no tiers.
    pub default_tier: Option<String>,
    /// Fees and limits by tier of the account.
    pub tiers: Vec<Tier>,
    /// The perpetuals that are described, by base coin.
    pub instruments: Vec<ProfileInstrument>,
    /// The venue has fill-or-kill orders.
    pub has_fok: bool,
    /// Which of two orders of one account gives way when they would trade with each other.
    pub self_trade: SelfTrade,
    /// Least size and value bind orders that only take.
    pub min_binds_takers: bool,
    /// How far from the mark a limit may be, a fraction.
    pub price_band: Rate,
    /// The step of the venue's ledger.
    pub money_grid: Cash,
    /// The price on which funding is paid.
    pub funding_price: FundingPrice,
    /// Hours between settlements.
    pub funding_interval_hours: u32,
    /// What the venue does with a leg below maintenance.
    pub liquidation: LiquidationRule,
    /// Where each part of the profile comes from.
    pub origins: Vec<Origin>,
    /// What the venue itself said of one coin, if this is the profile with it.
    pub overlay: Option<Overlay>,
}

/// Where a part of a profile comes from, and when it was read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Origin {
    /// Which part.
    pub what: String,
    /// Where it was read.
    pub source: String,
    /// When it was read.
    pub date: String,
}

impl Origin {
    fn day(&self) -> Option<Time> {
        let mut parts = self.date.splitn(3, '-');
        let mut number = || parts.next()?.parse::<u32>().ok();
        Time::from_civil(i64::from(number()?), number()?, number()?)
    }

    /// Midnight of its date, which [`Profile::shipped`] has checked.
    fn read(&self) -> Time {
        self.day().unwrap_or(Time(0))
    }
}

/// An account tier of a venue.
#[derive(Clone, Debug, PartialEq)]
pub struct Tier {
    /// As the venue names it.
    pub name: String,
    /// Fractions of notional; positive = we pay.
    pub fees: FeeSchedule,
    /// The venue's own delays before matching.
    pub delays: Delays,
    /// Requests per window.
    pub rate_limit: RateLimit,
    /// `None`: requests need no volume quota.
    pub quota: Option<VolumeQuota>,
    /// When the venue's table was read.
    pub date: String,
}

/// A perpetual of a venue.
#[derive(Clone, Debug, PartialEq)]
pub struct ProfileInstrument {
    /// Base coin, the key: "BTC".
    pub base: String,
    /// The venue's own name of it.
    pub symbol: String,
    /// The smallest price step.
    pub tick: Price,
    /// The smallest quantity step.
    pub lot: Qty,
    /// The least order size.
    pub min_qty: Qty,
    /// The least order value.
    pub min_notional: Notional,
    /// Maintenance by size of the position.
    pub margin: MarginSchedule,
}

/// The venues of which a profile is shipped.
const SHIPPED: [(&str, &str); 4] = [
    ("lighter.toml", include_str!("profiles/lighter.toml")),
    ("grvt.toml", include_str!("profiles/grvt.toml")),
    ("hyperliquid.toml", include_str!("profiles/hyperliquid.toml")),
    ("binance.toml", include_str!("profiles/binance.toml")),
];

/// The venues that `perpx-data venue refresh` asks.
const REFRESHED: [&str; 2] = ["lighter", "grvt"];

/// Days after which a value of a profile is to be held against the venue again.
pub const MOST_AGE_DAYS: i64 = 90;

impl Profile {
    /// The shipped profiles and the generic one.
    ///
    /// # Errors
    /// A shipped file is broken; its tests rule this out.
    pub fn shipped() -> Result<Vec<Profile>, ConfigError> {
        let mut profiles = vec![Profile::generic()];
        for (name, text) in SHIPPED {
            profiles.push(Profile::parse(text).map_err(|why| ConfigError::new(name, "", why))?);
        }
        Ok(profiles)
    }

    /// What holds for a venue of which nothing is known: mark funding, the leg's equity is lost on liquidation, money in
    /// 1e-6, FOK, limits within 2 % of the mark, no delays, no request limits, no tiers.
    pub fn generic() -> Profile {
        Profile {
            name: "generic".to_string(),
            default_tier: None,
            tiers: Vec::new(),
            instruments: Vec::new(),
            has_fok: true,
            self_trade: SelfTrade::CancelTaker,
            min_binds_takers: true,
            price_band: Rate::from_bps(200),
            money_grid: Cash(1_000_000),
            funding_price: FundingPrice::Mark,
            funding_interval_hours: 8,
            liquidation: LiquidationRule::TakeOver,
            origins: Vec::new(),
            overlay: None,
        }
    }

    /// A part of it comes from somewhere else now.
    pub(super) fn originates(&mut self, what: String, source: String, date: String) -> Result<(), String> {
        let origin = Origin { what, source, date };
        if origin.source.is_empty() || origin.day().is_none() {
            return Err(format!("{}: wanted a source, and a date such as 2026-11-23", origin.what));
        }
        self.origins.retain(|known| known.what != origin.what);
        self.origins.push(origin);
        Ok(())
    }

    /// The tier of that name.
    pub fn tier(&self, name: &str) -> Option<&Tier> {
        self.tiers.iter().find(|tier| tier.name == name)
    }

    /// The perpetual of that base coin.
    pub fn instrument(&self, base: &str) -> Option<&ProfileInstrument> {
        self.instruments.iter().find(|instrument| instrument.base == base)
    }

    /// A warning if what a trader of `base` at `tier` (none: the default one) uses of this profile was read more than
    /// [`MOST_AGE_DAYS`] before `today`: which values, of when, and how they are read anew.
    pub fn aged(&self, base: &str, tier: Option<&str>, today: Time) -> Option<String> {
        let tier = tier.or(self.default_tier.as_deref()).unwrap_or_default();
        let others = |what: &str| match what.split_once(' ') {
            Some(("tier" | "fees" | "delays", name)) => name != tier,
            Some(("instrument", name)) => name != base,
            _ => false,
        };
        let is_aged = |origin: &&Origin| !others(&origin.what) && today.since(origin.read()) / DAY > MOST_AGE_DAYS;
        let (mut parts, mut is_any_asked) = (Vec::new(), false);
        for origin in self.origins.iter().filter(is_aged) {
            let (values, is_asked) = self.values(origin);
            parts.push(format!("{} ({values}) of {}", origin.what, origin.date));
            is_any_asked |= is_asked;
        }
        if parts.is_empty() {
            return None;
        }
        let parts = parts.join(", ");
        let ask = match REFRESHED.contains(&self.name.as_str()) && is_any_asked {
            true => format!(
                "`perpx-data venue refresh --venue {} --symbol {base}` asks for fees, steps, minimums, margin and the funding \
                 interval; hold the rest",
                self.name
            ),
            false => "hold them".to_string(),
        };
        Some(format!(
            "the profile {}: read more than {MOST_AGE_DAYS} days ago: {parts}; {ask} against the venue's own pages, and write what \
             differs under exchanges",
            self.name
        ))
    }

    /// Which values a part of the profile has, but for those that the venue itself said since; and whether `venue refresh` asks for
    /// one of them.
    fn values(&self, origin: &Origin) -> (&'static str, bool) {
        let is_said = |what: String| self.origins.iter().any(|origin| origin.what == what);
        match origin.what.split_once(' ') {
            Some(("tier", name)) if is_said(format!("fees {name}")) => ("delays, request limits", false),
            Some(("tier", _)) => ("delays, request limits, fees", true),
            Some(("fees", _)) => ("maker, taker", true),
            Some(("instrument", _)) => ("steps, minimums, margin", true),
            Some(("delays", _)) => ("as measured", false),
            Some(("price", _)) => ("as met", false),
            Some(_) => ("hours", true),
            None => match origin.what.as_str() {
                "orders" => ("fill or kill, self-trades, least sizes of takers, price band", false),
                "ledger" => ("money grid", false),
                "funding" if is_said("funding interval".to_string()) => ("price", false),
                "funding" => ("price, interval", true),
                _ => ("rule", false),
            },
        }
    }

    /// Reads the text of a profile.
    fn parse(text: &str) -> Result<Profile, String> {
        let file: File = toml::from_str(text).map_err(|error| error.to_string())?;
        let mut origins = vec![
            file.orders.origin("orders"),
            file.ledger.origin("ledger"),
            file.funding.origin("funding"),
            file.liquidation.origin("liquidation"),
        ];
        origins.extend(file.tier.iter().map(|tier| tier.origin(&format!("tier {}", tier.name))));
        origins.extend(file.instrument.iter().map(|one| one.origin(&format!("instrument {}", one.base))));
        if let Some(origin) = origins.iter().find(|origin| origin.source.is_empty() || origin.day().is_none()) {
            return Err(format!("{}: wanted a source, and a date such as 2026-11-23", origin.what));
        }
        Ok(Profile {
            origins,
            overlay: None,
            tiers: file.tier.into_iter().map(FileTier::read).collect::<Result<_, _>>()?,
            instruments: file.instrument.into_iter().map(FileInstrument::read).collect::<Result<_, _>>()?,
            name: file.name,
            default_tier: Some(file.default_tier),
            has_fok: file.orders.has_fok,
            self_trade: file.orders.self_trade.0,
            min_binds_takers: file.orders.min_binds_takers,
            // a basis point is 1e-4, a rate 1e-12
            price_band: Rate(scaled_small(&file.orders.price_band_bp, 8)?),
            money_grid: Cash(scaled(&file.ledger.money_grid, 12)?),
            funding_price: file.funding.price.0,
            funding_interval_hours: file.funding.interval_hours,
            liquidation: match (file.liquidation.rule.0, file.liquidation.max_fee) {
                (LiquidationKind::TakeOver, _) => LiquidationRule::TakeOver,
                (LiquidationKind::ZeroPrice, Some(fee)) => {
                    LiquidationRule::ZeroPrice { max_fee: Rate(scaled_small(&fee, 12)?) }
                }
                (LiquidationKind::ZeroPrice, None) => return Err("zero_price needs max_fee".to_string()),
            },
        })
    }
}

/// The coin of a perpetual's name: BTC of BTC, BTCUSDT, BTC-USD, BTC_USDT_Perp.
pub fn base_asset(symbol: &str) -> String {
    let head = symbol.split(['_', '-', '/', ':']).next().unwrap_or(symbol).to_ascii_uppercase();
    let cut = ["PERP", "USDT", "USDC", "USD"]
        .iter()
        .fold(head.as_str(), |word, tail| word.strip_suffix(tail).filter(|rest| !rest.is_empty()).unwrap_or(word));
    cut.to_string()
}

/// A profile as it is written; amounts are text, so that they stay exact.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    name: String,
    default_tier: String,
    orders: Orders,
    ledger: Ledger,
    funding: Funding,
    liquidation: Liquidation,
    tier: Vec<FileTier>,
    instrument: Vec<FileInstrument>,
}

/// `source` and `date` are asked for so that no value stands without them.
macro_rules! sourced {
    ($name:ident { $($(#[$doc:meta])* $field:ident: $type:ty),* $(,)? }) => {
        /// A part of a profile with where it comes from.
        #[derive(Deserialize)]
        #[serde(deny_unknown_fields)]
        pub(super) struct $name {
            $($(#[$doc])* $field: $type,)*
            pub(super) source: String,
            pub(super) date: String,
        }

        impl $name {
            /// Where it comes from.
            fn origin(&self, what: &str) -> Origin {
                Origin { what: what.to_string(), source: self.source.clone(), date: self.date.clone() }
            }
        }
    };
}

sourced!(Orders { has_fok: bool, self_trade: Worded<SelfTrade>, min_binds_takers: bool, price_band_bp: String });
sourced!(Ledger { money_grid: String });
sourced!(Funding { interval_hours: u32, price: Worded<FundingPrice> });
sourced!(Liquidation { rule: Worded<LiquidationKind>, max_fee: Option<String> });
sourced!(FileTier {
    name: String,
    /// Basis points; positive = we pay.
    maker_bps: String,
    /// Basis points; positive = we pay.
    taker_bps: String,
    /// Milliseconds.
    taker_ms: i64,
    /// Milliseconds.
    maker_ms: i64,
    /// Milliseconds.
    cancel_ms: i64,
    /// Per window.
    requests: u32,
    /// Seconds.
    window_sec: i64,
    quota: Option<FileQuota>,
});
sourced!(FileInstrument {
    /// Base coin.
    base: String,
    symbol: String,
    /// Quote money per base coin.
    tick: String,
    /// Base coins.
    lot: String,
    /// Base coins.
    min_qty: String,
    /// Quote money.
    min_notional: String,
    /// Rising floors.
    brackets: Vec<FileBracket>,
});

/// A volume quota as it is written.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct FileQuota {
    /// Units at the beginning.
    start: u32,
    /// The most units that are kept.
    cap: u32,
    /// Quote money.
    value_per_unit: String,
    /// Seconds.
    free_every_sec: i64,
}

/// A margin bracket as it is written.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct FileBracket {
    /// Quote money.
    floor: String,
    /// A fraction of notional.
    maintenance: String,
}

/// What a word of a profile stands for.
pub(super) struct Worded<T>(pub(super) T);

impl<'de, T: Choice> Deserialize<'de> for Worded<T> {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Worded<T>, D::Error> {
        let word = String::deserialize(from)?;
        T::of_word(&word).map(Worded).ok_or_else(|| D::Error::custom(format!("{word}: no such word here")))
    }
}

/// A decimal as an integer of `10^-scale`.
fn scaled(text: &str, scale: u32) -> Result<i128, String> {
    parse_scaled(text, scale).ok_or_else(|| format!("{text} is not a decimal of {scale} places"))
}

/// As [`scaled`], of what fits an i64.
pub(super) fn scaled_small(text: &str, scale: u32) -> Result<i64, String> {
    i64::try_from(scaled(text, scale)?).map_err(|_| format!("{text} is too large"))
}

impl FileTier {
    /// In the units of the house.
    fn read(self) -> Result<Tier, String> {
        // a basis point is 1e-4, a rate 1e-12
        let fees = FeeSchedule {
            taker: Rate(scaled_small(&self.taker_bps, 8)?),
            maker: Rate(scaled_small(&self.maker_bps, 8)?),
            referral: Rate::ZERO,
        };
        let ms = |ms: i64| ms * MS;
        let quota = |quota: FileQuota| -> Result<VolumeQuota, String> {
            Ok(VolumeQuota {
                start: quota.start,
                cap: quota.cap,
                value_per_unit: Notional(scaled(&quota.value_per_unit, 18)?),
                free_every: quota.free_every_sec * SECOND,
            })
        };
        Ok(Tier {
            quota: self.quota.map(quota).transpose()?,
            name: self.name,
            fees,
            delays: Delays { taker: ms(self.taker_ms), maker: ms(self.maker_ms), cancel: ms(self.cancel_ms) },
            rate_limit: RateLimit { requests: self.requests, window: self.window_sec * SECOND },
            date: self.date,
        })
    }
}

impl FileInstrument {
    /// In the units of the house.
    pub(super) fn read(self) -> Result<ProfileInstrument, String> {
        let bracket = |bracket: &FileBracket| -> Result<Bracket, String> {
            Ok(Bracket {
                floor: Notional(scaled(&bracket.floor, 18)?),
                maintenance: Rate(scaled_small(&bracket.maintenance, 12)?),
            })
        };
        Ok(ProfileInstrument {
            base: self.base,
            symbol: self.symbol,
            tick: Price(scaled_small(&self.tick, 9)?),
            lot: Qty(scaled_small(&self.lot, 9)?),
            min_qty: Qty(scaled_small(&self.min_qty, 9)?),
            min_notional: Notional(scaled(&self.min_notional, 18)?),
            margin: MarginSchedule { brackets: self.brackets.iter().map(bracket).collect::<Result<_, _>>()? },
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shipped_profiles_say_what_the_venues_say() {
        let profiles = Profile::shipped().expect("shipped profiles are legal");
        let find = |name: &str| profiles.iter().find(|p| p.name == name).expect("a shipped profile");
        let (lighter, grvt) = (find("lighter"), find("grvt"));
        assert_eq!(lighter.tiers.len(), 10);
        let premium = lighter.tier("premium").expect("premium");
        assert_eq!((premium.fees.maker, premium.fees.taker), (Rate(40_000_000), Rate(280_000_000)));
        assert_eq!(premium.delays, Delays { taker: 200 * MS, ..Delays::default() });
        assert_eq!(lighter.liquidation, LiquidationRule::ZeroPrice { max_fee: Rate(10_000_000_000) });
        assert!(!lighter.has_fok && grvt.has_fok);
        assert_eq!([lighter.price_band, grvt.price_band], [Rate::from_bps(200); 2]);
        let tier = grvt.tier("1").expect("tier 1");
        assert_eq!((tier.fees.maker, tier.fees.taker), (Rate(-1_000_000), Rate(450_000_000)));
        assert_eq!(grvt.instrument("BTC").expect("BTC").min_notional, Cash::units(100).as_notional());
        let (hyperliquid, binance) = (find("hyperliquid"), find("binance"));
        let fees = |profile: &Profile, tier: &str| {
            profile.tier(tier).map(|tier| (tier.fees.maker.bps(), tier.fees.taker.bps()))
        };
        assert_eq!(fees(hyperliquid, "0").map(|(maker, taker)| format!("{maker} {taker}")).as_deref(), Some("1.5 4.5"));
        assert_eq!(fees(binance, "vip1").map(|(maker, taker)| format!("{maker} {taker}")).as_deref(), Some("1.6 4"));
        assert_eq!([hyperliquid.price_band, binance.price_band], [Rate::from_bps(9_500), Rate::from_bps(500)]);
        assert_eq!([hyperliquid.funding_interval_hours, binance.funding_interval_hours], [1, 8]);
        assert_eq!([hyperliquid.funding_price, binance.funding_price], [FundingPrice::Index, FundingPrice::Mark]);
        assert_eq!(hyperliquid.instrument("ETH").expect("ETH").margin.brackets[1].maintenance, Rate(33_333_333_333));
    }

    /// The text of a profile without one line; the rest of it is legal.
    fn without(text: &str, key: &str) -> String {
        let line = text.lines().find(|line| line.starts_with(key)).expect("a line");
        text.replacen(&format!("{line}\n"), "", 1)
    }

    #[test]
    fn every_value_of_a_profile_has_a_source_and_a_date() {
        for (name, text) in SHIPPED {
            let profile = Profile::parse(text).unwrap_or_else(|why| panic!("{name}: {why}"));
            assert_eq!(format!("{}.toml", profile.name), name);
            // each table has both, and there are no values outside of the tables but the two names
            let tables = text.lines().filter(|line| line.starts_with('[')).count();
            assert_eq!(
                (profile.origins.len(), profile.origins.len()),
                (tables, 4 + profile.tiers.len() + profile.instruments.len())
            );
            assert!(profile.origins.iter().all(|origin| origin.day().is_some() && origin.source.len() > 20), "{name}");
            let head = text.split("\n[").next().expect("a head");
            let keys: Vec<&str> = head.lines().filter_map(|line| Some(line.split_once(" = ")?.0)).collect();
            assert_eq!(keys, ["name", "default_tier"], "{name}");
            for key in ["source", "date"] {
                let why = Profile::parse(&without(text, key)).expect_err("a table without it");
                assert!(why.contains(&format!("missing field `{key}`")), "{name}: {why}");
            }
            let why = Profile::parse(&text.replacen("date = \"2026-", "date = \"2026-13-", 1)).err();
            assert!(name == "grvt.toml" || why.is_some_and(|why| why.contains("a date such as")), "{name}");
            assert!(profile.tier(profile.default_tier.as_deref().expect("a default tier")).is_some());
            for one in &profile.instruments {
                assert!(one.tick.0 > 0 && one.lot.0 > 0 && one.min_qty.0 % one.lot.0 == 0, "{name} {}", one.base);
                assert!(one.margin.brackets.windows(2).all(|w| w[0].floor < w[1].floor), "{name} {}", one.base);
            }
        }
    }

    #[test]
    fn a_profile_that_was_read_long_ago_is_told() {
        let profiles = Profile::shipped().expect("legal");
        let find = |name: &str| profiles.iter().find(|p| p.name == name).expect("a shipped profile");
        let on = |y, m, d| Time::from_civil(y, m, d).expect("a date");
        let binance = find("binance");
        // BTC's table is of 2026-08-02, everything else of 2026-09-15
        assert_eq!(binance.aged("BTC", None, on(2026, 10, 31)), None);
        let text = binance.aged("BTC", None, on(2026, 11, 1)).expect("91 days");
        let words = "the profile binance: read more than 90 days ago: instrument BTC (steps, minimums, margin) of 2026-08-02; hold them";
        assert!(text.starts_with(words), "{text}");
        assert_eq!(
            binance.aged("ETH", Some("vip1"), on(2026, 12, 14)),
            None,
            "neither BTC's table nor the other tiers"
        );
        let text = binance.aged("ETH", Some("vip1"), on(2026, 12, 15)).expect("all but the coin");
        for part in [
            "orders (",
            "ledger (",
            "funding (price, interval)",
            "liquidation (",
            "tier vip1 (delays, request limits, fees)",
        ] {
            assert!(text.contains(part), "{part}: {text}");
        }
        assert_eq!(Profile::generic().aged("BTC", None, on(2200, 1, 1)), None);
    }

    #[test]
    fn a_coin_is_found_in_every_spelling() {
        for (symbol, want) in [
            ("BTCUSDT", "BTC"),
            ("BTC", "BTC"),
            ("BTC_USDT_Perp", "BTC"),
            ("eth-usd", "ETH"),
            ("SOLUSDC", "SOL"),
            ("BTCUSD_PERP", "BTC"),
            ("BTCPERP", "BTC"),
            ("USDT", "USDT"),
        ] {
            assert_eq!(base_asset(symbol), want, "{symbol}");
        }
    }
}
