//! What a venue says of its clock, of a book and of an account, asked by who looks before it trades: nothing is sent that changes
//! anything.

use crate::asking::{AskError, Asking, Timed, asked};
use crate::client::{About, Body, Holding, Host, Request};
use crate::grvt::client::account as grvt;
use crate::grvt::rest::{OrderbookLevels, Reply};
use crate::grvt::trade::{Leverages, Order, SubAccount};
use crate::lighter::client::account as lighter;
use crate::lighter::rest::{Accounts, ApiKeys, OrderBookOrders, RestingOrder, Status};
use crate::lighter::sign::PrivateKey;
use crate::net::hosts::Network;
use crate::net::reach::{Reach, clock_path, time_told};
use crate::recorder::wall_state::Offset;
use crate::refresh::RefreshError;
use crate::refresh::ask::Questions;
use crate::refresh::said::{self, Said, log_in, post};
use crate::registry::AccountNumbers;
use crate::secret::{ENV_FILE, GRVT_API_KEY, LIGHTER_KEY, secret};
use crate::venue::Venue;
use crate::wire::{Level, WireError, parse};
use perpx_core::market::DepthLevel;
use perpx_core::units::{Cash, Qty, Rate};
use secrecy::SecretString;
use serde::de::DeserializeOwned;
use serde_json::json;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

/// A question is given up after so many tries.
const TRIES: u32 = 2;
/// Reads of a venue's clock, and how long after each other: a clock in whole seconds steps once meanwhile.
const CLOCK_READS: usize = 9;
const BETWEEN_READS: Duration = Duration::from_millis(120);
/// Levels of a book that are read.
const LEVELS: usize = 100;

/// What a venue says of its clock.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClockSaid {
    /// How far it is ahead of ours.
    pub offset: Offset,
    /// The chain that signatures are for, where the venue tells it.
    pub chain: Option<i64>,
}

/// What a venue says of an account.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AccountSaid {
    /// Everything booked; unrealised gains apart.
    pub cash: Cash,
    /// What may be taken as margin of more.
    pub free: Cash,
    /// Signed, of the market.
    pub position: Qty,
    /// Orders that are open, of all markets.
    pub open_orders: usize,
    /// Positions of other markets: name, signed size.
    pub others: Vec<(String, Qty)>,
    /// Times, of the market; `None`: not told.
    pub leverage: Option<Rate>,
    /// Margin of its own, of the market; `None`: not told.
    pub is_isolated: Option<bool>,
}

impl AccountSaid {
    fn of(held: Holding, free: Cash, open_orders: usize) -> AccountSaid {
        let Holding { cash, position, leverage, is_isolated, other_positions: others, .. } = held;
        AccountSaid { cash, free, position, open_orders, others, leverage, is_isolated }
    }
}

/// Whose account it is, and what opens it.
enum Voice {
    Lighter { index: i64, api_key: i64, key: Box<PrivateKey> },
    Grvt { sub_account: u64, key: SecretString, session: Vec<(&'static str, String)> },
}

/// Asks one venue about one account.
pub struct Examiner {
    questions: Questions,
    /// Where the venue is.
    pub reach: Reach,
    voice: Voice,
}

impl Examiner {
    /// One that has asked nothing yet but where the venue is. Keys come from the environment or `.env`.
    ///
    /// # Errors
    /// A key that is not there, or that is none; a venue that cannot be reached.
    pub fn begin(
        account: AccountNumbers,
        network: &Network,
        authority: Option<&Path>,
    ) -> Result<Examiner, RefreshError> {
        let env_file = Path::new(ENV_FILE);
        let voice = match account {
            AccountNumbers::Lighter { index, api_key, .. } => {
                let key = Box::new(PrivateKey::load(LIGHTER_KEY, env_file)?);
                Voice::Lighter { index, api_key, key }
            }
            AccountNumbers::Grvt { sub_account } => {
                Voice::Grvt { sub_account, key: secret(GRVT_API_KEY, env_file)?, session: Vec::new() }
            }
        };
        let find = Reach::find(account.venue(), network, authority, None);
        let (asking, reach) = Asking::begin(1.0, Arc::default(), find)?;
        Ok(Examiner { questions: Questions::new(asking.tries(TRIES)), reach, voice })
    }

    /// Steps, minimums, margin, fees and what the market takes, as `perpx-data venue refresh` asks for them.
    ///
    /// # Errors
    /// No answer, one that is wrong, a coin that the venue does not list.
    pub fn market(&mut self, symbol: &str) -> Result<Said, RefreshError> {
        let account = match &self.voice {
            Voice::Lighter { index, api_key, .. } => Some((*index, *api_key)),
            Voice::Grvt { .. } => None,
        };
        said::ask(&mut self.questions, &self.reach, symbol, account)
    }

    /// The venue's clock beside ours, by several answers.
    ///
    /// # Errors
    /// No answer, one that is wrong.
    pub fn clock(&mut self) -> Result<ClockSaid, RefreshError> {
        let (mut answers, mut chain) = (Vec::new(), None);
        for n in 0..CLOCK_READS {
            if n > 0 {
                std::thread::sleep(BETWEEN_READS);
            }
            let (host, path) = clock_path(self.reach.venue);
            let request = get(host, path.to_owned());
            let Timed { asked, came, answer } = self.questions.timed(&request)?;
            let (said, step) = time_told(self.reach.venue, &answer.body).map_err(unreadable(&request))?;
            if self.reach.venue == Venue::Lighter {
                let status: Status = read(&request, &answer.body)?;
                chain = Some(status.network_id.0);
            }
            answers.push((asked.0, came.0, said, step));
        }
        let offset = Offset::of_answers(&answers).unwrap_or(Offset { offset_ns: 0, bound_ns: i64::MAX });
        Ok(ClockSaid { offset, chain })
    }

    /// The public half that the venue has of the key that signs; `None` where no question tells it.
    ///
    /// # Errors
    /// No answer, one that is wrong, a key that the venue does not have.
    pub fn registered_key(&mut self) -> Result<Option<String>, RefreshError> {
        let Voice::Lighter { index, api_key, .. } = &self.voice else { return Ok(None) };
        let request = get(Host::Main, format!("/api/v1/apikeys?account_index={index}&api_key_index={api_key}"));
        let keys: ApiKeys = read(&request, &self.questions.send(&request)?.body)?;
        Ok(keys.api_keys.into_iter().find(|key| key.api_key_index.0 == *api_key).map(|key| key.public_key))
    }

    /// The public half of the key that signs; `None` where it is not asked for here.
    pub fn own_key(&self) -> Option<String> {
        match &self.voice {
            Voice::Lighter { key, .. } => Some(key.public().to_hex()),
            Voice::Grvt { .. } => None,
        }
    }

    /// The best levels of a market's book: bids, asks.
    ///
    /// # Errors
    /// No answer, one that is wrong.
    pub fn book(&mut self, market: &str) -> Result<[Vec<DepthLevel>; 2], RefreshError> {
        match self.voice {
            Voice::Lighter { .. } => {
                let path = format!("/api/v1/orderBookOrders?market_id={market}&limit={LEVELS}");
                let request = get(Host::Main, path);
                let book: OrderBookOrders = read(&request, &self.questions.send(&request)?.body)?;
                let side = |orders: Option<Vec<RestingOrder>>| {
                    let level = |one: &RestingOrder| {
                        Ok(DepthLevel { px: one.price.price()?, qty: one.remaining_base_amount.qty()? })
                    };
                    orders
                        .iter()
                        .flatten()
                        .map(level)
                        .collect::<Result<Vec<_>, WireError>>()
                        .map_err(unreadable(&request))
                };
                Ok([side(book.bids)?, side(book.asks)?])
            }
            Voice::Grvt { .. } => {
                let body = json!({ "instrument": market, "depth": LEVELS }).to_string();
                let request = post(Host::MarketData, "book", body);
                let book: Reply<OrderbookLevels> = read(&request, &self.questions.send(&request)?.body)?;
                let side = |levels: Option<Vec<Level>>| {
                    levels.into_iter().flatten().map(|one| DepthLevel { px: one.price, qty: one.size }).collect()
                };
                Ok([side(book.result.bids), side(book.result.asks)])
            }
        }
    }

    /// The account, as far as `market` and what shares its margin go.
    ///
    /// # Errors
    /// No answer, one that is wrong, an account that is not ours.
    pub fn account(&mut self, market: &str) -> Result<AccountSaid, RefreshError> {
        match self.voice {
            Voice::Lighter { index, .. } => {
                let request = get(Host::Main, format!("/api/v1/account?by=index&value={index}"));
                let accounts: Accounts = read(&request, &self.questions.send(&request)?.body)?;
                lighter_account(&accounts, market, &request)
            }
            Voice::Grvt { sub_account, .. } => self.grvt_account(sub_account, market),
        }
    }

    fn grvt_account(&mut self, sub_account: u64, market: &str) -> Result<AccountSaid, RefreshError> {
        let body = json!({ "sub_account_id": sub_account.to_string() }).to_string();
        let request = post(Host::Main, "account_summary", body.clone());
        let account = self.private::<Reply<SubAccount>>(&request)?.result;
        let failed = unreadable(&request);
        let held = grvt::holding(&account, market).map_err(&failed)?;
        let free = account.available_balance.map_or(Ok(Cash::ZERO), |free| free.cash()).map_err(&failed)?;
        let request = post(Host::Main, "open_orders", body.clone());
        let open_orders = self.private::<Reply<Vec<Order>>>(&request)?.result.len();
        let request = post(Host::Main, "get_all_initial_leverage", body);
        let leverages: Leverages = self.private(&request)?;
        let (leverage, is_isolated) = grvt::settings(&leverages, market).map_err(unreadable(&request))?;
        Ok(AccountSaid::of(Holding { leverage, is_isolated, ..held }, free, open_orders))
    }

    /// An answer that the session's holder alone may read.
    fn private<T: DeserializeOwned>(&mut self, request: &Request) -> Result<T, RefreshError> {
        let mut headers = Vec::new();
        if let Voice::Grvt { key, session, .. } = &mut self.voice {
            if session.is_empty() {
                *session = log_in(&mut self.questions, key)?;
            }
            headers.clone_from(session);
        }
        let request = Request { headers, ..request.clone() };
        Ok(read(&request, &self.questions.send(&request)?.body)?)
    }
}

fn lighter_account(accounts: &Accounts, market: &str, request: &Request) -> Result<AccountSaid, RefreshError> {
    let failed = unreadable(request);
    let none = || AskError::Refused { asked: asked(request), answer: "no such account".to_owned() };
    let account = accounts.accounts.first().ok_or_else(none)?;
    let free = account.available_balance.map_or(Ok(Cash::ZERO), |free| free.cash()).map_err(&failed)?;
    let held = lighter::holding(account, |one| one.market_id.0.to_string() == market).map_err(&failed)?;
    Ok(AccountSaid::of(held, free, account.total_order_count.map_or(0, |count| count.0.max(0) as usize)))
}

fn get(host: Host, path: String) -> Request {
    Request { about: About::Markets, host, path, body: Body::None, headers: Vec::new(), is_exit: false }
}

fn unreadable(request: &Request) -> impl Fn(WireError) -> RefreshError + use<> {
    let asked = asked(request);
    move |why| AskError::Unreadable { asked: asked.clone(), why }.into()
}

fn read<T: DeserializeOwned>(request: &Request, body: &str) -> Result<T, AskError> {
    parse("answer", body).map_err(|why| AskError::Unreadable { asked: asked(request), why })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What shares the account's margin is named, whatever its side; a leverage of 3 is told as 33.33 %.
    #[test]
    fn an_account_of_lighter_is_read_with_its_other_markets() {
        let text = r#"{"code":200,"accounts":[{"collateral":"1000.5","available_balance":"900","total_order_count":2,"positions":[
            {"market_id":1,"symbol":"BTC","initial_margin_fraction":"20.00","sign":-1,"position":"0.2","margin_mode":1},
            {"market_id":2,"symbol":"SOL","sign":-1,"position":"3"},{"market_id":3,"symbol":"ETH","sign":1,"position":"0"}]}]}"#;
        let accounts: Accounts = parse("accounts", text).expect("an answer");
        let said = lighter_account(&accounts, "1", &get(Host::Main, "/x".to_owned())).expect("an account");
        let wanted = AccountSaid {
            cash: Cash(1_000_500_000_000_000),
            free: Cash::units(900),
            position: Qty(-200_000_000),
            open_orders: 2,
            others: vec![("SOL".to_owned(), Qty(-3_000_000_000))],
            leverage: Some(Rate(5 * Rate::ONE)),
            is_isolated: Some(true),
        };
        assert_eq!(said, wanted);
        let error =
            lighter_account(&Accounts { accounts: Vec::new(), ..accounts }, "1", &get(Host::Main, "/x".to_owned()));
        assert!(error.expect_err("none").to_string().contains("no such account"));
    }
}
