//! The perpetuals that a venue lists.

use crate::client::{Body, FetchCall, Host};
use crate::grvt::QUOTE;
use crate::grvt::rest::{Instrument, Kind, Reply};
use crate::lighter::rest::OrderBookDetails;
use crate::venue::Venue;
use crate::wire::{WireError, parse};
use perpx_core::config::text::ConfigError;
use perpx_core::config::{Schema, base_asset};

/// Names that are shown of those that a venue lists.
const SHOWN: usize = 8;

/// A perpetual of a venue.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Listed {
    /// The base coin, as stores name it.
    pub base: String,
    /// By what the venue's requests name it: a number, or a name.
    pub name: String,
}

/// How a venue is asked for its markets.
pub fn markets_call(venue: Venue) -> FetchCall {
    let (host, path, body) = match venue {
        Venue::Lighter => (Host::Main, "/api/v1/orderBookDetails", Body::None),
        Venue::Grvt => {
            let body = serde_json::json!({ "is_active": true }).to_string();
            (Host::MarketData, "/full/v1/all_instruments", Body::Json(body))
        }
    };
    FetchCall { host, path: path.to_owned(), body }
}

/// What a venue answered when it was asked for its markets.
///
/// # Errors
/// An answer that is none.
pub fn listed(venue: Venue, body: &str) -> Result<Vec<Listed>, WireError> {
    Ok(match venue {
        Venue::Lighter => {
            let details: OrderBookDetails = parse("orderBookDetails", body)?;
            let all = details.order_book_details.into_iter();
            all.map(|market| Listed { base: market.symbol, name: market.market_id.0.to_string() }).collect()
        }
        Venue::Grvt => {
            let all = parse::<Reply<Vec<Instrument>>>("all_instruments", body)?.result.into_iter();
            let perpetuals = all.filter(|one| one.kind == Kind::Perpetual && one.quote == QUOTE);
            perpetuals.map(|one| Listed { base: one.base, name: one.instrument }).collect()
        }
    })
}

/// A base coin as `--symbol` names it.
///
/// # Errors
/// The name of a market in place of it.
pub fn coin(symbol: &str) -> Result<(), ConfigError> {
    let is_name = !symbol.is_empty() && symbol.bytes().all(|b| b.is_ascii_alphanumeric());
    match is_name && symbol == base_asset(symbol) {
        true => Ok(()),
        false => Err(ConfigError::new("the command line", "--symbol", format!("found {symbol}"))
            .accepted("a base coin in capital letters, such as BTC")),
    }
}

/// A coin among those that a venue lists.
///
/// # Errors
/// What is said where it is not among them.
pub fn find<'a>(venue: Venue, symbol: &str, listed: &'a [Listed]) -> Result<&'a Listed, String> {
    listed.iter().find(|one| one.base == symbol).ok_or_else(|| not_listed(venue, symbol, listed))
}

fn not_listed(venue: Venue, symbol: &str, listed: &[Listed]) -> String {
    let mut names: Vec<&str> = listed.iter().map(|one| one.base.as_str()).collect();
    names.sort_unstable();
    names.dedup();
    let upper = symbol.to_ascii_uppercase();
    let is_near = |name: &&&str| {
        let known = name.to_ascii_uppercase();
        Schema::alike(&known, &upper) || known.contains(&upper) || (known.len() > 2 && upper.contains(&known))
    };
    let mut near: Vec<&str> = names.iter().filter(is_near).copied().collect();
    near.sort_by_key(|name| Schema::distance(&name.to_ascii_uppercase(), &upper));
    let accepted = match near.is_empty() {
        false => near[..near.len().min(SHOWN)].join(", "),
        true if names.len() <= SHOWN => names.join(", "),
        true => format!("{}, and {} more", names[..SHOWN].join(", "), names.len() - SHOWN),
    };
    format!("{} lists no perpetual of {symbol}; accepted: {accepted}", venue.name())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn near_names_come_first() {
        let of = |names: &[&str]| -> Vec<Listed> {
            names.iter().map(|name| Listed { base: (*name).to_owned(), name: String::new() }).collect()
        };
        let all = of(&["ETH", "BTC", "1000PEPE", "SOL", "XRP", "HYPE", "BNB", "DOGE", "ADA", "AVAX"]);
        let says = |symbol: &str| not_listed(Venue::Grvt, symbol, &all);
        assert_eq!(says("BTCC"), "grvt lists no perpetual of BTCC; accepted: BTC");
        assert!(says("PEPE").contains("accepted: 1000PEPE"), "{}", says("PEPE"));
        assert!(says("QQQQQQ").ends_with("ADA, AVAX, BNB, BTC, DOGE, ETH, HYPE, and 2 more"), "{}", says("QQQQQQ"));
    }
}
