//! What keeps a run going: sessions and subscriptions that end, frames and answers that cannot be taken, what may have been missed.

use super::{ACCOUNT, GrvtClient, PUBLIC, TRADES_STREAM, session_of};
use crate::client::resync::{Remedy, Subscription};
use crate::client::{About, AccountUpdate, Answer, Host, Outbound, Output, Reply, VenueError};
use crate::grvt::book::Book;
use crate::grvt::rest::Login;
use crate::grvt::stream::{Request as Rpc, RpcReply, Sequence, Subscribe, Subscribed};
use crate::wire::WireError;
use perpx_core::market::OrderId;
use perpx_core::units::{MINUTE, SECOND, Time, TimeDelta};

/// A question that was refused is asked again so much later.
const AGAIN: TimeDelta = SECOND.times(5);
/// Between two logins in a row: the second waits so long, each after it twice as long up to the other.
const LOGIN_WAIT: [TimeDelta; 2] = [SECOND, MINUTE];
/// A session is renewed so long before its end.
const SESSION_MARGIN: TimeDelta = MINUTE.times(10);

impl GrvtClient {
    // ---- sessions

    /// The session of a request has ended: the request waits for a new one, or goes out again if there is one already.
    pub(super) fn session_ended(&mut self, about: About, wall: Time, out: &mut Output) {
        let request = self.unanswered.remove(&about);
        match (&mut self.held, request) {
            (None, Some(request)) if request.headers != self.session => out.requests.push(self.in_session(request)),
            (None, request) => {
                self.held = Some(request.into_iter().collect());
                self.log_in_again("the session has ended", wall, out);
            }
            (Some(held), request) => held.extend(request),
        }
    }

    /// A login, now or, if the ones before it came to nothing, later.
    pub(super) fn log_in_again(&mut self, why: &str, wall: Time, out: &mut Output) {
        let [first, most] = LOGIN_WAIT;
        let wait = match self.logins {
            0 => TimeDelta::ZERO,
            n => first.times(1 << (n - 1).min(6)).min(most),
        };
        if self.logins > 0 {
            out.account.push(AccountUpdate::Trouble(format!("{why}; the next login in {} s", wait / SECOND)));
        }
        self.logins = self.logins.saturating_add(1);
        self.log_in_at = Some(wall.plus(wait));
        self.log_in_if_due(wall, out);
    }

    fn log_in_if_due(&mut self, wall: Time, out: &mut Output) {
        if self.log_in_at.is_some_and(|at| at <= wall) {
            self.log_in_at = None;
            out.requests.push(self.log_in());
        }
    }

    pub(super) fn log_in(&self) -> Outbound {
        let login = Login { api_key: self.access.api_key.clone() };
        self.post(About::Login, Host::Login, "/auth/api_key/login", &login)
    }

    /// The reply to a login. That nobody answers says nothing of the key.
    pub(super) fn login_replied(&mut self, reply: Reply, wall: Time, out: &mut Output) -> Result<(), VenueError> {
        let answer = match reply {
            Ok(answer) if answer.status < 500 && answer.status != 429 => answer,
            Ok(answer) => {
                self.log_in_again(&format!("login: HTTP {}", answer.status), wall, out);
                return Ok(());
            }
            Err(why) => {
                self.log_in_again(&format!("login: {why}"), wall, out);
                return Ok(());
            }
        };
        match self.logged_in(&answer, wall, out) {
            Err(why) if self.is_ready => self.log_in_again(&why.to_string(), wall, out),
            done => done?,
        }
        Ok(())
    }

    /// What waited for the session goes out, and the trading socket, which knows its session from the handshake alone, opens anew.
    fn logged_in(&mut self, answer: &Answer, wall: Time, out: &mut Output) -> Result<(), VenueError> {
        let (session, lasts) = session_of(answer)?;
        self.session = session;
        self.renew_at = lasts.map(|lasts| wall.plus((lasts - SESSION_MARGIN).max(TimeDelta(lasts.0 / 2))));
        match self.held.take() {
            None => {
                let query = serde_json::json!({ "instrument": self.instrument });
                out.requests.push(self.post(About::Markets, Host::MarketData, "/full/v1/instrument", &query));
            }
            Some(held) => {
                out.requests.push(Outbound::Reopen);
                out.requests.extend(held.into_iter().map(|request| self.in_session(request)));
            }
        }
        Ok(())
    }

    // ---- streams

    pub(super) fn subscription(&mut self, stream: usize, method: &str, name: &str, selector: String) -> Outbound {
        self.rpc += 1;
        let subscribe = Subscribe { stream: name.to_owned(), selectors: vec![selector] };
        let text = serde_json::to_string(&Rpc::new(self.rpc, method, subscribe)).unwrap_or_default();
        Outbound::Text { stream, text }
    }

    /// A subscription was answered: what follows is numbered from here.
    pub(super) fn subscribed(&mut self, reply: &RpcReply, wall: Time, out: &mut Output) -> Result<(), WireError> {
        let subscribed = match reply.read::<Subscribed>()? {
            Ok(subscribed) => subscribed,
            Err(error) if error.code.0 == 1000 => {
                if self.held.is_none() {
                    self.held = Some(Vec::new());
                    self.log_in_again("the session has ended", wall, out);
                }
                return Ok(());
            }
            // the channel that was asked for stays away, and is asked for again when it is due
            Err(error) => {
                let (code, message) = (error.code.0, &error.message);
                let why = format!("the stream says {code}: {message} (to {})", reply.method);
                out.account.push(AccountUpdate::Trouble(why));
                return Ok(());
            }
        };
        if reply.method != "subscribe" {
            return Ok(());
        }
        let first = subscribed.first_sequence_number.and_then(|numbers| Some(numbers.first()?.0));
        match subscribed.stream.as_str() {
            "v1.book.d" => self.book = Some(Book::new("v1.book.d", first)),
            "v1.ticker.d" => self.tickers = Some(Sequence::new(first)),
            "v1.trade" => self.public.iter_mut().skip(1).take(1).for_each(Subscription::whole),
            name => {
                let place = ACCOUNT.iter().position(|known| *known == name);
                let channel = place.and_then(|place| self.account.get_mut(place));
                channel.into_iter().for_each(Subscription::whole);
                // both channels of the account are heard from here on: what happened before is asked for
                if name == "v1.fill" {
                    self.ask_truth(wall, out);
                }
            }
        }
        Ok(())
    }

    /// Channels whose snapshots are due are subscribed anew.
    fn mend(&mut self, wall: Time, out: &mut Output) {
        for (n, (name, rate)) in PUBLIC.into_iter().enumerate() {
            match self.public.get_mut(n).map_or(Remedy::Nothing, |channel| channel.due(wall)) {
                Remedy::Nothing => {}
                Remedy::Resubscribe => {
                    // until the answer nothing of it is taken
                    match n {
                        0 => self.book = None,
                        2 => self.tickers = None,
                        _ => {}
                    }
                    for method in ["unsubscribe", "subscribe"] {
                        let selector = format!("{}@{rate}", self.instrument);
                        out.requests.push(self.subscription(0, method, name, selector));
                    }
                }
                Remedy::Reconnect => {
                    out.account.push(AccountUpdate::Trouble(format!("no snapshot of {name}")));
                    out.requests.push(Outbound::Renew(0));
                }
            }
        }
        for (n, name) in ACCOUNT.into_iter().enumerate() {
            // an account that says nothing may have nothing to say: its socket stays
            if self.account.get_mut(n).is_some_and(|channel| channel.due(wall) == Remedy::Resubscribe) {
                for method in ["unsubscribe", "subscribe"] {
                    let selector = self.access.sub_account.to_string();
                    out.requests.push(self.subscription(TRADES_STREAM, method, name, selector));
                }
            }
        }
    }

    /// The number of a frame of the account: false where one before it is missing.
    pub(super) fn follows(&mut self, name: &str, number: u64, previous: u64) -> bool {
        let last = self.numbers.insert(name.to_owned(), number);
        number == 0 || last.is_none_or(|last| last == previous || last == number)
    }

    /// What may have been missed of the orders without an end is asked for.
    pub(super) fn ask_truth(&mut self, wall: Time, out: &mut Output) {
        let alive: Vec<OrderId> = self.orders.alive().collect();
        if !alive.is_empty() {
            self.ask_fills(out);
        }
        out.requests.extend(alive.into_iter().filter_map(|id| self.ask_order(id, wall)));
    }

    /// A text that cannot be read costs its channel a new snapshot; one of the account, questions.
    pub(super) fn unreadable(&mut self, stream: usize, text: &str, why: &VenueError, wall: Time, out: &mut Output) {
        out.account.push(AccountUpdate::Trouble(format!("a text of a stream cannot be taken: {why}")));
        if stream == TRADES_STREAM {
            self.ask_truth(wall, out);
        }
        for (channel, (name, _)) in self.public.iter_mut().zip(PUBLIC).filter(|_| stream != TRADES_STREAM) {
            if text.contains(name) {
                channel.lost();
            }
        }
    }

    // ---- questions

    /// A question was refused, or its answer cannot be read: it is asked again later. Of an order the trader asks again.
    pub(super) fn not_answered(&mut self, about: About, why: &str, wall: Time, out: &mut Output) {
        self.unanswered.remove(&about);
        if let About::Place(id) = about {
            self.orders.in_doubt(id);
        }
        out.account.push(AccountUpdate::Trouble(format!("{about:?}: {why}")));
        // a history of money that is not told explains nothing; whoever needs it asks again
        if matches!(about, About::Transfers(_)) {
            self.money.give_up();
        } else if !matches!(about, About::Place(_) | About::Cancel(_) | About::Query(_)) {
            self.later.insert(about, wall.plus(AGAIN));
        }
    }

    fn ask_again(&mut self, about: About, wall: Time, out: &mut Output) {
        match about {
            // what cannot be signed never was
            About::Leverage => out.requests.extend(self.leverage_wanted(wall).ok()),
            About::Fills if self.fills.since().is_some() => self.begin_fills(None, out),
            About::Fills => self.ask_fills(out),
            About::Payments if self.payments.since().is_some() => self.begin_payments(None, out),
            About::Payments => self.ask_payments(out),
            About::Settlements => out.requests.push(self.ask_settlements()),
            _ => self.read_account(out),
        }
    }

    /// What is due by now.
    pub(super) fn due(&mut self, wall: Time, out: &mut Output) {
        self.log_in_if_due(wall, out);
        if self.renew_at.is_some_and(|at| at <= wall) && self.held.is_none() {
            self.renew_at = None;
            self.held = Some(Vec::new());
            self.log_in_again("the session ends soon", wall, out);
        }
        self.mend(wall, out);
        let due: Vec<About> = self.later.iter().filter(|(_, at)| **at <= wall).map(|(about, _)| *about).collect();
        for about in due {
            self.later.remove(&about);
            self.ask_again(about, wall, out);
        }
        for id in self.orders.due(wall) {
            out.requests.extend(self.ask_order(id, wall));
        }
        let again = self.resuming.as_mut().map_or(Vec::new(), |resuming| resuming.due(wall));
        out.requests.extend(again.into_iter().filter_map(|id| self.ask_order(id, wall)));
    }
}
