//! What the account holds, its fills and payments, page by page.

use super::{GrvtClient, result};
use crate::client::orders::Resuming;
use crate::client::walk::After;
use crate::client::{About, AccountUpdate, Holding, OpenOrder, Outbound, Output, Transfer, VenueError};
use crate::grvt::QUOTE;
use crate::grvt::rest::{Reply as Page, Ticker};
use crate::grvt::trade::{
    Fill as WireFill, FundingPayment, HistoryQuery, Leverages, MarginType, Order, Position, SubAccount, TransferQuery,
    TransferRow,
};
use crate::wire::WireError;
use perpx_core::market::{EventBody, Side};
use perpx_core::units::{Cash, MINUTE, Price, Qty, Rate, Time};

impl GrvtClient {
    /// Asks for the fills that a stream may have lost: since the last that was seen, or since the oldest order without an end.
    pub(super) fn ask_fills(&mut self, out: &mut Output) {
        let since = self.orders.unseen_since(self.last_fill).plus(-MINUTE).max(self.access.since);
        if self.fills.begin(since) {
            self.begin_fills(None, out);
        }
    }

    pub(super) fn ask_payments(&mut self, out: &mut Output) {
        if self.payments.begin(self.access.since) {
            self.begin_payments(None, out);
        }
    }

    pub(super) fn begin_fills(&mut self, cursor: Option<String>, out: &mut Output) {
        out.requests.push(self.history(About::Fills, "fill_history", self.fills.since(), cursor));
    }

    pub(super) fn begin_payments(&mut self, cursor: Option<String>, out: &mut Output) {
        out.requests.push(self.history(About::Payments, "funding_payment_history", self.payments.since(), cursor));
    }

    fn history(&mut self, about: About, route: &str, since: Option<Time>, cursor: Option<String>) -> Outbound {
        let query = HistoryQuery {
            sub_account_id: self.access.sub_account.into(),
            kind: None,
            base: None,
            quote: None,
            instrument: None,
            start_time: since.map(|since| since.0.into()),
            end_time: None,
            limit: Some(500.into()),
            cursor,
        };
        self.private(about, route, &query)
    }

    pub(super) fn fills_received(&mut self, page: &Page<Vec<WireFill>>, out: &mut Output) -> Result<(), WireError> {
        let rows = page.result.iter().map(|fill| (Time(fill.event_time.0), fill.clone()));
        match self.fills.page(rows, page.next_page()) {
            After::Page(next) => self.begin_fills(Some(next), out),
            After::Whole(fills, again) => {
                for fill in &fills {
                    if let Err(error) = self.fill(fill, out) {
                        out.account.push(AccountUpdate::Trouble(format!("a fill that cannot be read: {error}")));
                    }
                }
                if again.is_some_and(|since| self.fills.begin(since)) {
                    self.begin_fills(None, out);
                }
            }
        }
        Ok(())
    }

    pub(super) fn payments_received(
        &mut self,
        page: &Page<Vec<FundingPayment>>,
        out: &mut Output,
    ) -> Result<(), WireError> {
        let rows = page.result.iter().map(|payment| (Time(payment.event_time.0), payment.clone()));
        let (rows, again) = match self.payments.page(rows, page.next_page()) {
            After::Page(next) => {
                self.begin_payments(Some(next), out);
                return Ok(());
            }
            After::Whole(rows, again) => (rows, again),
        };
        for payment in rows.iter().filter(|payment| payment.instrument == self.instrument) {
            let name = format!("funding {} {}", payment.event_time.0, payment.tx_id.0);
            if self.orders.is_news(&name) {
                let ticker = self.ticker.as_ref();
                let px = ticker.and_then(|ticker| ticker.mark_price).map_or(Ok(Price(0)), |px| px.price())?;
                let rate = ticker.and_then(Ticker::rate).transpose()?.unwrap_or(Rate(0));
                let body = EventBody::Funding { amount: Cash(-payment.amount.cash()?.0), rate, px };
                let exch = Time(payment.event_time.0);
                out.account.push(AccountUpdate::Event { exch, body, name: Some(name) });
            }
        }
        if again.is_some_and(|since| self.payments.begin(since)) {
            self.begin_payments(None, out);
        }
        Ok(())
    }

    /// What came to the sub-account or left it; all else is trading.
    pub(super) fn transfers_at(&mut self, cursor: Option<String>, out: &mut Output) {
        let query = TransferQuery {
            currency: Some(vec![QUOTE.to_owned()]),
            start_time: self.money.since().map(|since| since.0.into()),
            end_time: None,
            limit: Some(500.into()),
            cursor,
        };
        out.requests.push(self.private(About::Transfers(0), "transfer_history", &query));
    }

    pub(super) fn transfers_received(
        &mut self,
        page: &Page<Vec<TransferRow>>,
        out: &mut Output,
    ) -> Result<(), WireError> {
        if self.money.since().is_none() {
            return Ok(());
        }
        let own = self.access.sub_account;
        let row = |row: &TransferRow| -> Result<(Time, Transfer), WireError> {
            let (at, amount) = (Time(row.event_time.0), row.num_tokens.cash()?);
            let amount = match (row.from_sub_account_id.0 == own, row.to_sub_account_id.0 == own) {
                (false, true) if row.currency == QUOTE => amount,
                (true, false) if row.currency == QUOTE => -amount,
                _ => Cash::ZERO,
            };
            Ok((at, Transfer { name: format!("transfer {}", row.tx_id.0), at, amount }))
        };
        let rows = page.result.iter().map(row).collect::<Result<Vec<_>, WireError>>()?;
        match self.money.page(rows, page.next_page()) {
            After::Page(next) => self.transfers_at(Some(next), out),
            After::Whole(mut rows, _) => {
                rows.retain(|row| row.amount != Cash::ZERO);
                out.account.push(AccountUpdate::Transfers(rows));
            }
        }
        Ok(())
    }

    /// Says that all of the past was answered, once.
    pub(super) fn is_resumed(&mut self, out: &mut Output) {
        let is_read = self.fills.since().is_none() && self.payments.since().is_none();
        if is_read && self.resuming.as_ref().is_some_and(Resuming::is_over) {
            self.resuming = None;
            out.account.push(AccountUpdate::Resumed);
        }
    }

    /// The first question of a reading.
    pub(super) fn read_account(&mut self, out: &mut Output) {
        out.requests.push(self.private(About::Account, "account_summary", &self.query()));
    }

    pub(super) fn account_received(&mut self, body: &str, out: &mut Output) -> Result<(), VenueError> {
        let account: SubAccount = result("account_summary", body)?;
        self.holding = Some(holding(&account, &self.instrument)?);
        out.requests.push(self.private(About::OpenOrders, "open_orders", &self.query()));
        Ok(())
    }

    pub(super) fn open_orders_received(&mut self, orders: &[Order], out: &mut Output) -> Result<(), VenueError> {
        let Some(holding) = &mut self.holding else { return Ok(()) };
        for order in orders {
            let Some(leg) = order.legs.first().filter(|leg| leg.instrument == self.instrument) else { continue };
            let left = order.state.as_ref().and_then(|state| state.book_size.as_ref()?.first());
            let client = order.metadata.client_order_id.0;
            let sent_by = self.access.number.read_grvt(client);
            // it can be cancelled, and is, by the number that it was sent under
            self.orders.own(sent_by);
            holding.orders.push(OpenOrder {
                name: order.order_id.clone().unwrap_or_default(),
                client,
                sent_by,
                side: if leg.is_buying_asset { Side::Buy } else { Side::Sell },
                qty: left.unwrap_or(&leg.size).qty()?,
                px: leg.limit_price.map_or(Ok(Price(0)), |px| px.price())?,
            });
        }
        out.requests.push(self.private(About::Settings, "get_all_initial_leverage", &self.query()));
        Ok(())
    }

    pub(super) fn settings_received(&mut self, all: &Leverages, out: &mut Output) -> Result<(), VenueError> {
        let Some(mut holding) = self.holding.take() else { return Ok(()) };
        (holding.leverage, holding.is_isolated) = settings(all, &self.instrument)?;
        if self.reading.ends() {
            out.account.push(AccountUpdate::Holding(holding));
            self.ready(out);
        } else {
            self.read_account(out);
        }
        Ok(())
    }
}

/// What an account holds, without its settings and orders.
pub(crate) fn holding(account: &SubAccount, instrument: &str) -> Result<Holding, WireError> {
    let balances = account.spot_balances.iter().flatten().filter(|balance| balance.currency == QUOTE);
    let cash = balances.map(|balance| balance.balance.cash()).sum::<Result<Cash, WireError>>()?;
    let sized = |position: &Position| Ok((position.instrument.clone(), position.size.qty()?));
    let positions = account.positions.iter().flatten().map(sized);
    let mut other_positions = positions.collect::<Result<Vec<(String, Qty)>, WireError>>()?;
    other_positions.retain(|(_, qty)| !qty.is_zero());
    let own = other_positions.iter().position(|(name, _)| name == instrument);
    let position = own.map_or(Qty::ZERO, |own| other_positions.remove(own).1);
    Ok(Holding { cash, position, leverage: None, is_isolated: None, orders: Vec::new(), other_positions })
}

/// Leverage, and whether the margin is isolated, where the venue tells them.
pub(crate) fn settings(all: &Leverages, instrument: &str) -> Result<(Option<Rate>, Option<bool>), WireError> {
    let own = all.results.iter().find(|row| row.instrument == instrument);
    let leverage = own.map(|own| own.leverage.fraction()).transpose()?;
    let is_isolated = own.and_then(|own| own.margin_type.as_ref()).map(|margin| *margin == MarginType::Isolated);
    Ok((leverage, is_isolated))
}
