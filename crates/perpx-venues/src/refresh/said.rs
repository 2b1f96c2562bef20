//! What a venue said of a perpetual: read, held against what can be, and written as an overlay.

use super::RefreshError;
use super::ask::{Kept, Questions};
use crate::asking::{AskError, asked};
use crate::backfill::endpoint::{Endpoint, to_market};
use crate::client::{About, Body, FetchCall, Host, Request};
use crate::grvt;
use crate::grvt::rest::InstrumentStatus;
use crate::lighter;
use crate::lighter::sign::{AuthToken, PrivateKey};
use crate::listing::{find, listed, markets_call};
use crate::net::reach::Reach;
use crate::secret::{ENV_FILE, GRVT_API_KEY, Hidden, LIGHTER_KEY, SecretError, secret};
use crate::venue::Venue;
use crate::wall::now;
use crate::wire::{Dec, WireError, parse};
use perpx_core::market::{Bracket, Instrument};
use perpx_core::units::{HOUR, Notional, Price, Qty, Rate, SECOND, Time, format_scaled};
use rust_decimal::Decimal;
use secrecy::{ExposeSecret, SecretString};
use serde_json::json;
use std::path::Path;

/// A token lives so long.
const TOKEN_SEC: i64 = 600;
/// Settlements by which the interval is known.
const LAST_HOURS: i64 = 50;

/// What a venue said.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Said {
    /// By what the venue's requests name the perpetual.
    pub market: String,
    /// What may be sent there now.
    pub trading: Trading,
    /// The venue's own name of the perpetual.
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
    pub brackets: Vec<Bracket>,
    /// Hours between settlements; `None`: none is known.
    pub interval_hours: Option<u32>,
    /// The account's tier and its fees, maker and taker; or why they were not asked for.
    pub fees: Result<(String, Rate, Rate), String>,
}

impl Said {
    /// Its steps and least sizes, into what orders are made by.
    pub fn write_to(&self, instrument: &mut Instrument) {
        (instrument.tick, instrument.lot) = (self.tick, self.lot);
        (instrument.min_qty, instrument.min_notional) = (self.min_qty, self.min_notional);
    }
}

/// What a market takes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Trading {
    /// Everything.
    Open,
    /// What makes positions smaller.
    ReduceOnly,
    /// Nothing; the venue's word for it.
    Closed(String),
}

/// A request whose answer is public.
fn public(call: &FetchCall) -> Request {
    call.request()
}

fn wrong(asked: &str, field: &'static str, found: impl ToString, accepted: &'static str) -> RefreshError {
    RefreshError::Wrong { asked: asked.to_owned(), field, found: found.to_string(), accepted }
}

/// Asks a venue for all of it. `account`: Lighter's account and the number of its API key.
///
/// # Errors
/// A coin that the venue does not list, no answer, one that is wrong.
pub fn ask(
    asking: &mut Questions,
    reach: &Reach,
    symbol: &str,
    account: Option<(i64, i64)>,
) -> Result<Said, RefreshError> {
    read(asking, reach, (symbol, account), true)
}

/// As [`ask`], for one who has a session there that another login could end: fees that want one are not asked for.
///
/// # Errors
/// As there.
pub fn without_login(
    asking: &mut Questions,
    reach: &Reach,
    symbol: &str,
    account: Option<(i64, i64)>,
) -> Result<Said, RefreshError> {
    read(asking, reach, (symbol, account), false)
}

fn read(
    asking: &mut Questions,
    reach: &Reach,
    (symbol, account): (&str, Option<(i64, i64)>),
    logs_in: bool,
) -> Result<Said, RefreshError> {
    let request = public(&markets_call(reach.venue));
    let answer = asking.send(&request)?.body;
    let all = listed(reach.venue, &answer).map_err(|why| AskError::Unreadable { asked: asked(&request), why })?;
    let market = find(reach.venue, symbol, &all).map_err(AskError::Symbol)?;
    match reach.venue {
        Venue::Lighter => lighter(asking, reach, symbol, &market.name, account),
        Venue::Grvt => grvt(asking, &market.name, logs_in),
    }
}

fn lighter(
    asking: &mut Questions,
    reach: &Reach,
    symbol: &str,
    market: &str,
    account: Option<(i64, i64)>,
) -> Result<Said, RefreshError> {
    let get = |path: String| Request {
        about: About::Markets,
        host: Host::Main,
        path,
        body: Body::None,
        headers: Vec::new(),
        is_exit: false,
    };
    let request = get(format!("/api/v1/orderBookDetails?market_id={market}"));
    let answer = asking.ask(&request)?;
    let asked = asked(&request);
    let unreadable = |why: WireError| AskError::Unreadable { asked: asked.clone(), why };
    let details: lighter::rest::OrderBookDetails = parse("orderBookDetails", &answer).map_err(unreadable)?;
    let found = details.order_book_details.into_iter().find(|one| one.market_id.0.to_string() == market);
    let found = found.ok_or_else(|| wrong(&asked, "market_id", "absent", "the market that was asked for"))?;
    let step = |field: &'static str, decimals: Option<crate::wire::Num<u32>>| {
        let decimals = decimals.map(|decimals| decimals.0).filter(|decimals| *decimals <= 9);
        decimals
            .map(|decimals| 10i64.pow(9 - decimals))
            .ok_or_else(|| wrong(&asked, field, "absent or above 9", "0 to 9"))
    };
    let tick = Price(step("supported_price_decimals", found.supported_price_decimals)?);
    let lot = Qty(step("supported_size_decimals", found.supported_size_decimals)?);
    let needed = |field: &'static str, value: Option<Dec>| {
        value.filter(|value| value.value().is_some()).ok_or_else(|| wrong(&asked, field, "absent", "a number"))
    };
    let min_qty = needed("min_base_amount", found.min_base_amount)?.qty().map_err(unreadable)?;
    let min_notional = needed("min_quote_amount", found.min_quote_amount)?.cash().map_err(unreadable)?.as_notional();
    // 1e-4 of the position
    let maintenance = needed("maintenance_margin_fraction", found.maintenance_margin_fraction)?;
    let fraction = maintenance.value().and_then(|value| value.checked_div(Decimal::from(10_000))).map(Dec::new);
    let maintenance = fraction.unwrap_or_default().fraction().map_err(unreadable)?;
    let brackets = vec![Bracket { floor: Notional(0), maintenance }];
    let interval_hours = interval(asking, reach, market)?;
    let fees = match account {
        None => Err("fees were not asked for: they are an account's; name it by --account NUMBER:KEY".to_owned()),
        Some((account, key)) => {
            let signer = PrivateKey::load(LIGHTER_KEY, Path::new(ENV_FILE))?;
            let token = AuthToken::sign(&signer, now().steps(SECOND) + TOKEN_SEC, account, key)?.to_string();
            let path = format!("/api/v1/accountLimits?account_index={account}");
            let request = Request { headers: vec![("authorization", token)], ..get(path) };
            let answer = asking.ask(&request)?;
            let asked = crate::asking::asked(&request);
            let limits: lighter::rest::AccountLimits =
                parse("accountLimits", &answer).map_err(|why| AskError::Unreadable { asked: asked.clone(), why })?;
            let fees = limits.fees().ok_or_else(|| wrong(&asked, "current_maker_fee_tick", "absent", "a number"))?;
            Ok((limits.user_tier, fees.0, fees.1))
        }
    };
    let only_reduces = found.market_config.as_ref().and_then(|config| config.force_reduce_only) == Some(true);
    let trading = match &found.status {
        lighter::rest::MarketStatus::Active if only_reduces => Trading::ReduceOnly,
        lighter::rest::MarketStatus::Active => Trading::Open,
        other => Trading::Closed(other.as_str().to_owned()),
    };
    let (market, symbol) = (market.to_owned(), symbol.to_owned());
    let said = Said { market, trading, symbol, tick, lot, min_qty, min_notional, brackets, interval_hours, fees };
    said.held(&asked)
}

/// The time between Lighter's last two settlements.
fn interval(asking: &mut Questions, reach: &Reach, market: &str) -> Result<Option<u32>, RefreshError> {
    let (clock, to) = (reach.clock(), now());
    // hours of the market that is played, however fast
    let from =
        clock.map_or(to.plus(-LAST_HOURS * HOUR), |clock| clock.first_wall(clock.market(to).plus(-LAST_HOURS * HOUR)));
    let endpoint = Endpoint::LighterFundings;
    let request = public(&endpoint.call(market, (from, to), None));
    let answer = asking.ask(&request)?;
    let page = endpoint.read(&answer).map_err(|why| AskError::Unreadable { asked: asked(&request), why })?;
    let mut times: Vec<Time> =
        page.rows.iter().map(|row| clock.map_or(*row, |clock| to_market(&clock, *row)).at()).collect();
    times.sort_unstable();
    let steps = times.windows(2).map(|pair| pair[1].since(pair[0]) / HOUR).filter(|hours| *hours > 0);
    Ok(steps.min().and_then(|hours| u32::try_from(hours).ok()))
}

/// A question to GRVT.
pub(crate) fn post(host: Host, route: &str, body: String) -> Request {
    let (path, body) = (format!("/full/v1/{route}"), Body::Json(body));
    Request { about: About::Markets, host, path, body, headers: Vec::new(), is_exit: false }
}

/// Opens a session at GRVT: the headers that carry it.
///
/// # Errors
/// A key that opens none.
pub(crate) fn log_in(asking: &mut Questions, key: &SecretString) -> Result<Vec<(&'static str, String)>, AskError> {
    let login = grvt::rest::Login { api_key: Hidden::new(key.expose_secret().to_owned()) };
    let (path, body) = ("/auth/api_key/login".to_owned(), json!(login).to_string());
    let request = Request { path, ..post(Host::Login, "", body) };
    let answer = asking.send(&request)?;
    let refused =
        |why: crate::client::VenueError| AskError::Refused { asked: asked(&request), answer: why.to_string() };
    Ok(grvt::client::session_of(&answer).map_err(refused)?.0)
}

fn grvt(asking: &mut Questions, instrument: &str, logs_in: bool) -> Result<Said, RefreshError> {
    let query = json!({ "instrument": instrument }).to_string();
    let request = post(Host::MarketData, "instrument", query.clone());
    let answer = asking.ask(&request)?;
    let asked_for = asked(&request);
    let unreadable = |why: WireError| AskError::Unreadable { asked: asked_for.clone(), why };
    let found = parse::<grvt::rest::Reply<grvt::rest::Instrument>>("instrument", &answer).map_err(unreadable)?.result;
    if found.instrument != instrument {
        return Err(wrong(&asked_for, "instrument", found.instrument, "the instrument that was asked for"));
    }
    let tick = found.tick_size.price().map_err(unreadable)?;
    let min_qty = found.min_size.qty().map_err(unreadable)?;
    let min_notional = found.min_notional.map_or(Ok(Notional(0)), |value| value.cash().map(|cash| cash.as_notional()));
    let min_notional = min_notional.map_err(unreadable)?;
    let request = post(Host::MarketData, "margin_rules", query);
    let answer = asking.ask(&request)?;
    let unreadable = |why: WireError| AskError::Unreadable { asked: asked(&request), why };
    let rules: grvt::rest::MarginRules = parse("margin_rules", &answer).map_err(unreadable)?;
    let bracket = |row: &grvt::rest::RiskBracket| {
        let floor = row.notional_floor.cash()?.as_notional();
        Ok(Bracket { floor, maintenance: row.maintenance_margin_rate.fraction()? })
    };
    let brackets =
        rules.risk_brackets.iter().map(bracket).collect::<Result<Vec<_>, WireError>>().map_err(unreadable)?;
    let key = logs_in.then(|| secret(GRVT_API_KEY, Path::new(ENV_FILE)));
    let fees = match key {
        None => Err("fees were not asked for: they want a login".to_owned()),
        Some(Err(SecretError::Missing { .. })) => {
            Err(format!("fees were not asked for: they are an account's, and {GRVT_API_KEY} is not set"))
        }
        Some(Err(error)) => return Err(error.into()),
        Some(Ok(key)) => {
            let headers = log_in(asking, &key)?;
            let request = Request { headers, ..post(Host::Main, "funding_account_summary", "{}".to_owned()) };
            // what the account holds is nobody's business: only the tier is kept
            let answer = asking.send(&request)?.body;
            let unreadable = |why: WireError| AskError::Unreadable { asked: asked(&request), why };
            let tier =
                parse::<grvt::trade::FundingAccount>("funding_account_summary", &answer).map_err(unreadable)?.tier;
            let text = json!({ "tier": tier }).to_string();
            asking.kept.push(Kept { asked: asked(&request), at: now(), text });
            let (maker, taker) = tier.fees();
            Ok((tier.tier.0.to_string(), maker, taker))
        }
    };
    let interval_hours = found.funding_interval_hours.map(|hours| hours.0);
    let trading = match found.status {
        None | Some(InstrumentStatus::Active) => Trading::Open,
        Some(InstrumentStatus::ReduceOnly) => Trading::ReduceOnly,
        Some(other) => Trading::Closed(other.as_str().to_owned()),
    };
    // the size step is the least size
    let (lot, market, symbol) = (min_qty, instrument.to_owned(), instrument.to_owned());
    Said { market, trading, symbol, tick, lot, min_qty, min_notional, brackets, interval_hours, fees }.held(&asked_for)
}

impl Said {
    /// Held against what can be: a venue's wrong answer is none.
    fn held(self, asked: &str) -> Result<Said, RefreshError> {
        if self.tick.0 <= 0 || self.lot.0 <= 0 {
            return Err(wrong(asked, "a step", format!("{} and {}", self.tick, self.lot), "above 0"));
        }
        if self.min_qty.0 < self.lot.0 || self.min_qty.0 % self.lot.0 != 0 {
            return Err(wrong(asked, "the least size", self.min_qty, "a multiple of the size step"));
        }
        if self.min_notional.0 < 0 {
            return Err(wrong(asked, "the least value", format_scaled(self.min_notional.0, 18), "0 or more"));
        }
        let legal = |rate: Rate| rate.0 >= Rate::ONE / 1_000 && rate.0 < Rate::ONE;
        if let Some(bracket) = self.brackets.iter().find(|bracket| !legal(bracket.maintenance)) {
            return Err(wrong(asked, "a maintenance margin", bracket.maintenance, "a fraction from 0.001 to 1"));
        }
        let rises = self.brackets.windows(2).all(|pair| pair[0].floor < pair[1].floor);
        if self.brackets.is_empty() || self.brackets[0].floor.0 != 0 || !rises {
            let found = format!("{} of them", self.brackets.len());
            return Err(wrong(asked, "the margin brackets", found, "one from 0 on, each above the one before it"));
        }
        match self.interval_hours {
            Some(hours) if !(1..=24).contains(&hours) || 24 % hours != 0 => {
                Err(wrong(asked, "the funding interval", hours, "1, 2, 3, 4, 6, 8, 12 or 24 hours"))
            }
            _ => Ok(self),
        }
    }

    /// As an overlay of the venue's profile.
    pub fn overlay(&self, (venue, coin, network): (Venue, &str, &str), at: Time, kept: &[Kept]) -> String {
        let quoted = |text: &str| serde_json::Value::from(text).to_string();
        let (name, date) = (venue.name(), at.date());
        let source =
            |what: &str| format!("source = {}\ndate = \"{date}\"\n", quoted(&format!("{what}, asked at {network}")));
        let mut out = format!(
            "# What {name} said of {coin} on {date}, written by `perpx-data venue refresh`. It goes before the shipped profile.\n\
             name = \"{name}\"\ncoin = \"{coin}\"\nnetwork = {}\n",
            quoted(network)
        );
        if let Some(hours) = self.interval_hours {
            out += &format!(
                "\n[funding]\ninterval_hours = {hours}\n{}",
                source("the instrument, or the times of settlements")
            );
        }
        if let Ok((tier, maker, taker)) = &self.fees {
            let [maker, taker] = [maker, taker].map(|rate| format_scaled(rate.0.into(), 8));
            out += &format!(
                "\n[[tier]]\nname = {}\nmaker_bps = \"{maker}\"\ntaker_bps = \"{taker}\"\n{}",
                quoted(tier),
                source("the account's tier; delays and limits as shipped")
            );
        }
        let bracket = |bracket: &Bracket| {
            let (floor, maintenance) = (format_scaled(bracket.floor.0, 18), bracket.maintenance);
            format!("{{ floor = \"{floor}\", maintenance = \"{maintenance}\" }}")
        };
        let brackets: Vec<String> = self.brackets.iter().map(bracket).collect();
        out += &format!(
            "\n[instrument]\nbase = \"{coin}\"\nsymbol = {}\ntick = \"{}\"\nlot = \"{}\"\nmin_qty = \"{}\"\nmin_notional = \"{}\"\n\
             brackets = [{}]\n{}",
            quoted(&self.symbol),
            self.tick,
            self.lot,
            self.min_qty,
            format_scaled(self.min_notional.0, 18),
            brackets.join(", "),
            source("the venue's list of markets")
        );
        for Kept { asked, at, text } in kept {
            out += &format!("\n[[answer]]\nasked = {}\nat = \"{at}\"\ntext = {}\n", quoted(asked), quoted(text));
        }
        out
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use perpx_core::config::Profile;

    fn said() -> Said {
        Said {
            market: "BTC_USDT_Perp".to_owned(),
            trading: Trading::Open,
            symbol: "BTC_USDT_Perp".to_owned(),
            tick: Price(100_000_000),
            lot: Qty(1_000_000),
            min_qty: Qty(1_000_000),
            min_notional: perpx_core::units::Cash::units(100).as_notional(),
            brackets: vec![Bracket { floor: Notional(0), maintenance: Rate(10_000_000_000) }],
            interval_hours: Some(8),
            fees: Ok(("1".to_owned(), Rate(-1_000_000), Rate(450_000_000))),
        }
    }

    /// What is written reads as what was said, whatever stands in the answers.
    #[test]
    fn an_overlay_is_what_was_said() {
        let profiles = Profile::shipped().expect("legal");
        let shipped = Profile::of(&profiles, "grvt", "BTC").expect("shipped");
        let kept = [Kept { asked: "POST /x".into(), at: Time(5), text: "{\"a\":\"\\u00e9 '''\\n\"}".into() }];
        let at = Time::from_civil(2027, 2, 1).expect("a date");
        let text = said().overlay((Venue::Grvt, "BTC", "mainnet"), at, &kept);
        let read = shipped.overlaid(&text).unwrap_or_else(|why| panic!("{why}\n{text}"));
        assert_eq!(read.instrument("BTC"), shipped.instrument("BTC"));
        assert_eq!(read.tier("1").map(|tier| tier.fees), shipped.tier("1").map(|tier| tier.fees));
        assert_eq!(read.origins.iter().filter(|origin| origin.date == "2027-02-01").count(), 3);
    }

    #[test]
    fn what_cannot_be_is_named() {
        let one = said().brackets[0];
        let wrongs: [(Said, &str); 7] = [
            (Said { tick: Price(0), ..said() }, "a step"),
            (Said { min_qty: Qty(1_500_000), ..said() }, "the least size"),
            (Said { brackets: Vec::new(), ..said() }, "the margin brackets"),
            (Said { brackets: vec![one, one], ..said() }, "the margin brackets"),
            (
                Said { brackets: vec![Bracket { maintenance: Rate(120_000_000), ..one }], ..said() },
                "a maintenance margin",
            ),
            (Said { interval_hours: Some(5), ..said() }, "the funding interval"),
            (Said { min_notional: Notional(-1), ..said() }, "the least value"),
        ];
        for (wrong, field) in wrongs {
            let error = wrong.held("GET /x").expect_err(field);
            assert!(error.exit_code() == 2 && error.to_string().contains(field), "{error}");
        }
    }
}
