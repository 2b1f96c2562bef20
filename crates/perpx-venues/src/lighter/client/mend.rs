//! What keeps a run going: tokens and subscriptions that end, frames and answers that cannot be taken, what may have been missed.

use super::{ACCOUNT_STREAM, LighterClient, PUBLIC, PUBLIC_STREAM, said};
use crate::client::resync::{Remedy, Subscription};
use crate::client::walk::Walk;
use crate::client::{About, AccountUpdate, Answer, Outbound, Output, Reply, VenueError};
use crate::lighter::rest::ApiError;
use crate::lighter::sign::AuthToken;
use crate::lighter::stream::Request as Ask;
use crate::secret::Hidden;
use crate::wire::parse;
use perpx_core::market::OrderId;
use perpx_core::units::{SECOND, Time, TimeDelta};
use std::collections::VecDeque;

const TOKEN_LIFE_SEC: i64 = 7 * 3_600;
/// A token is replaced so long before its end.
const TOKEN_MARGIN_SEC: i64 = 3_600;
/// Tokens refused in a row: the next one waits.
const MOST_TOKENS: u32 = 3;
/// A question that was refused is asked again so much later.
pub(super) const AGAIN: TimeDelta = SECOND.times(5);

impl LighterClient {
    /// One that is good, for a request or a subscription.
    pub(super) fn token(&mut self, wall: Time) -> Result<String, VenueError> {
        let now = wall.steps(SECOND);
        if let Some((until, token)) = &self.token
            && !token.is_empty()
            && *until > now + TOKEN_MARGIN_SEC
        {
            return Ok(token.clone());
        }
        // one that was refused is not signed again
        let refused = self.token.as_ref().map_or(0, |(until, _)| *until);
        let (until, access) = ((now + TOKEN_LIFE_SEC).max(refused + 1), &self.access);
        let cannot =
            |error: crate::lighter::sign::KeyError| VenueError::Cannot { what: "token", why: error.to_string() };
        let token = AuthToken::sign(&access.key, until, access.account, access.api_key).map_err(cannot)?.to_string();
        self.token = Some((until, token.clone()));
        Ok(token)
    }

    /// A token was refused, early or because its time is over: the next request signs another. Several requests may have borne
    /// it (`until` is its last second): it counts once. False: too many in a row were.
    fn token_refused(&mut self, until: Option<i64>, message: &str, out: &mut Output) -> bool {
        let present = self.token.as_ref().filter(|(_, token)| !token.is_empty()).map(|(until, _)| *until);
        if present.is_none() || until.is_some_and(|until| present != Some(until)) {
            return true;
        }
        if let Some((_, token)) = &mut self.token {
            token.clear();
        }
        self.refused_tokens += 1;
        let is_enough = self.refused_tokens > MOST_TOKENS;
        if is_enough {
            self.refused_tokens = 0;
            out.account.push(AccountUpdate::Trouble(format!("{MOST_TOKENS} tokens in a row were refused: {message}")));
        }
        !is_enough
    }

    /// `is_fresh`: the stream has just opened; otherwise what was subscribed before ends first.
    pub(super) fn subscribe_account(&mut self, is_fresh: bool, wall: Time, out: &mut Output) -> Result<(), VenueError> {
        let token = Hidden::new(self.token(wall)?);
        let until = self.token.as_ref().map_or(0, |(until, _)| *until);
        match &mut self.subscription {
            Some((_, bears)) if !is_fresh => *bears = until,
            subscription => *subscription = Some((Subscription::begun(wall), until)),
        }
        let channels =
            ["account_all_orders", "account_all_trades"].map(|name| format!("{name}/{}", self.access.account));
        self.subscribing = (channels.len(), false);
        for channel in channels {
            if !is_fresh {
                out.requests.push(said(ACCOUNT_STREAM, &Ask::Unsubscribe { channel: channel.clone() }));
            }
            out.requests.push(said(ACCOUNT_STREAM, &Ask::Subscribe { channel, auth: Some(token.clone()) }));
        }
        Ok(())
    }

    /// A private subscription was answered; when the last was, those that were refused are tried with another token.
    pub(super) fn subscribed(&mut self, refusal: Option<&str>, wall: Time, out: &mut Output) -> Result<(), VenueError> {
        let (left, refused) = self.subscribing;
        self.subscribing = (left.saturating_sub(1), refused || refusal.is_some());
        match self.subscribing {
            (0, true) => match self.token_refused(None, refusal.unwrap_or_default(), out) {
                true => self.subscribe_account(true, wall, out),
                // when it is due again
                false => Ok(()),
            },
            (0, false) => {
                if !self.is_question_refused {
                    self.refused_tokens = 0;
                }
                self.subscription.iter_mut().for_each(|(account, _)| account.whole());
                Ok(())
            }
            _ => Ok(()),
        }
    }

    /// Channels whose snapshots are due are subscribed anew; so is the account, before the end of its token.
    pub(super) fn mend(&mut self, wall: Time, out: &mut Output) -> Result<(), VenueError> {
        let market = self.market()?.id;
        for (name, channel) in PUBLIC.iter().zip(&mut self.public) {
            let full = || format!("{name}/{market}");
            match channel.due(wall) {
                Remedy::Nothing => {}
                // a second subscription alone brings no snapshot
                Remedy::Resubscribe => {
                    let again = Ask::Subscribe { channel: full(), auth: None };
                    let asks = [Ask::Unsubscribe { channel: full() }, again];
                    out.requests.extend(asks.iter().map(|ask| said(PUBLIC_STREAM, ask)));
                }
                Remedy::Reconnect => {
                    out.account.push(AccountUpdate::Trouble(format!("no snapshot of {}", full())));
                    out.requests.push(Outbound::Renew(PUBLIC_STREAM));
                }
            }
        }
        let Some((account, until)) = &mut self.subscription else { return Ok(()) };
        let is_old = *until <= wall.steps(SECOND) + TOKEN_MARGIN_SEC;
        // an account that says nothing may have nothing to say: its socket stays
        if account.due(wall) == Remedy::Resubscribe || is_old {
            self.subscribe_account(false, wall, out)?;
        }
        Ok(())
    }

    /// What may have been missed of the orders without an end is asked for; those that are `seen` are not.
    pub(super) fn ask_truth(&mut self, seen: &[OrderId], wall: Time, out: &mut Output) -> Result<(), VenueError> {
        let alive: Vec<OrderId> = self.orders.alive().collect();
        if !alive.is_empty() {
            self.ask_fills(wall, out)?;
        }
        for id in alive.into_iter().filter(|id| !seen.contains(id)) {
            self.ask_orders(id, wall, out)?;
        }
        Ok(())
    }

    /// A text that cannot be read costs its channel a new snapshot; one of the account, questions.
    pub(super) fn unreadable(
        &mut self,
        stream: usize,
        text: &str,
        why: &VenueError,
        wall: Time,
        out: &mut Output,
    ) -> Result<(), VenueError> {
        out.account.push(AccountUpdate::Trouble(format!("a text of a stream cannot be taken: {why}")));
        if stream == ACCOUNT_STREAM {
            return self.ask_truth(&[], wall, out);
        }
        if text.contains("order_book") {
            self.book_lost();
        }
        Ok(())
    }

    /// A question was refused, or its answer cannot be read: it is asked again later. Of an order the trader asks again.
    pub(super) fn not_answered(&mut self, about: About, why: &str, wall: Time, out: &mut Output) {
        out.account.push(AccountUpdate::Trouble(format!("{about:?}: {why}")));
        // a history of money that is not told explains nothing; whoever needs it asks again
        if matches!(about, About::Transfers(_)) {
            self.money.iter_mut().for_each(Walk::give_up);
        } else if !matches!(about, About::Query(_)) {
            // orders wait for a nonce
            let wait = if matches!(about, About::Nonce(_)) { SECOND } else { AGAIN };
            self.later.insert(about, wall.plus(wait));
        }
    }

    pub(super) fn ask_again(&mut self, about: About, wall: Time, out: &mut Output) -> Result<(), VenueError> {
        match about {
            About::Query(id) => self.ask_orders(id, wall, out)?,
            About::Fills if self.fills.since().is_some() => self.begin_fills(wall, out)?,
            About::Fills => self.ask_fills(wall, out)?,
            About::Payments if self.payments.since().is_some() => self.begin_payments(wall, out)?,
            About::Payments => self.ask_payments(wall, out)?,
            About::Transfers(n) if self.money[n].since().is_some() => self.transfers_at(n, "", wall, out)?,
            About::Transfers(_) => {}
            About::OpenOrders => self.ask_open_orders(wall, out)?,
            About::Nonce(lane) => out.requests.push(self.ask_nonce(lane)),
            About::Markets => {
                self.market_asked = wall;
                self.ask_market(out);
            }
            _ => self.read_account(out),
        }
        Ok(())
    }

    /// What an answer says; `None` where the question is asked again, now or later or by the trader.
    pub(super) fn body_of(
        &mut self,
        about: About,
        reply: Reply,
        wall: Time,
        out: &mut Output,
    ) -> Result<Option<String>, VenueError> {
        let bore = self.bore.get_mut(&about).and_then(VecDeque::pop_front);
        let answer = match reply {
            Ok(Answer { status: 200, body, .. }) => return Ok(Some(body)),
            Ok(answer) => answer,
            Err(why) if self.is_ready => {
                self.not_answered(about, &why, wall, out);
                return Ok(None);
            }
            Err(why) => return Err(VenueError::Session(format!("{about:?}: {why}"))),
        };
        let error = parse::<ApiError>("refusal", &answer.body);
        if !self.is_ready {
            let ApiError { code, message } = error?;
            return Err(VenueError::Refused { about, code: code.0, message: message.unwrap_or_default() });
        }
        let message = error.as_ref().ok().and_then(|error| error.message.clone()).unwrap_or_default();
        let is_of_token = error.is_ok_and(|error| super::is_of_token(error.code.0, &message));
        if is_of_token && self.token_refused(bore, &message, out) {
            self.is_question_refused = true;
            if bore.is_some() && self.subscription.as_ref().map(|(_, until)| *until) == bore {
                // the frames that were asked for with it stay away, without a word
                self.subscribe_account(false, wall, out)?;
            }
            self.ask_again(about, wall, out)?;
        } else {
            self.not_answered(about, &answer.shown(200), wall, out);
        }
        Ok(None)
    }
}
