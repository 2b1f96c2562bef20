//! What the account holds, its fills and payments, page by page.

use super::LighterClient;
use crate::client::orders::Resuming;
use crate::client::walk::After;
use crate::client::{About, AccountUpdate, Holding, OpenOrder, Output, Transfer, VenueError};
use crate::lighter::rest::{
    Account, Accounts, Money, MoneyRow, Orders as OrderList, Position, PositionFundings, Trades, any_time,
};
use crate::wire::{Dec, Num, WireError, parse};
use perpx_core::market::{EventBody, Side};
use perpx_core::units::{Cash, MINUTE, Qty, Rate, Time};
use rust_decimal::Decimal;

/// Histories of money.
const MONEY: [&str; 3] = ["deposit", "transfer", "withdraw"];
/// The asset that accounts are kept in.
const USDC: i64 = 3;

impl LighterClient {
    /// Asks for the fills that a stream may have lost: since the last that was seen, or since the oldest order without an end.
    pub(super) fn ask_fills(&mut self, wall: Time, out: &mut Output) -> Result<(), VenueError> {
        let since = self.orders.unseen_since(self.last_fill).plus(-MINUTE).max(self.access.since);
        if self.fills.begin(since) { self.begin_fills(wall, out) } else { Ok(()) }
    }

    pub(super) fn ask_payments(&mut self, wall: Time, out: &mut Output) -> Result<(), VenueError> {
        if self.payments.begin(self.access.since) { self.begin_payments(wall, out) } else { Ok(()) }
    }

    /// The first page.
    pub(super) fn begin_fills(&mut self, wall: Time, out: &mut Output) -> Result<(), VenueError> {
        self.fills_at("", wall, out)
    }

    pub(super) fn begin_payments(&mut self, wall: Time, out: &mut Output) -> Result<(), VenueError> {
        self.payments_at("", wall, out)
    }

    fn fills_at(&mut self, cursor: &str, wall: Time, out: &mut Output) -> Result<(), VenueError> {
        let path = format!("trades?account_index={}&sort_by=timestamp&limit=100{cursor}", self.access.account);
        out.requests.push(self.private(About::Fills, path, wall)?);
        Ok(())
    }

    fn payments_at(&mut self, cursor: &str, wall: Time, out: &mut Output) -> Result<(), VenueError> {
        let path = format!("positionFunding?account_index={}&limit=100{cursor}", self.access.account);
        out.requests.push(self.private(About::Payments, path, wall)?);
        Ok(())
    }

    pub(super) fn fills_received(&mut self, page: &Trades, wall: Time, out: &mut Output) -> Result<(), VenueError> {
        let rows = page.trades.iter().flatten().map(|trade| (trade.time(), trade.clone()));
        match self.fills.page(rows, cursor(page.next_cursor.as_deref())) {
            After::Page(next) => self.fills_at(&format!("&cursor={next}"), wall, out),
            After::Whole(trades, again) => {
                for trade in &trades {
                    if let Err(error) = self.trade(trade, out) {
                        out.account.push(AccountUpdate::Trouble(format!("a fill that cannot be read: {error}")));
                    }
                }
                if again.is_some_and(|since| self.fills.begin(since)) { self.begin_fills(wall, out) } else { Ok(()) }
            }
        }
    }

    pub(super) fn payments_received(
        &mut self,
        page: &PositionFundings,
        wall: Time,
        out: &mut Output,
    ) -> Result<(), VenueError> {
        let rows = page.position_fundings.iter().flatten().map(|row| (any_time(row.timestamp.0), row.clone()));
        let (rows, again) = match self.payments.page(rows, cursor(page.next_cursor.as_deref())) {
            After::Page(next) => return self.payments_at(&format!("&cursor={next}"), wall, out),
            After::Whole(rows, again) => (rows, again),
        };
        let market = self.market()?.id;
        for row in rows.iter().filter(|row| row.market_id.0 == market) {
            let name = format!("funding {}", row.timestamp.0);
            if self.orders.is_news(&name) {
                let rate = row.rate.map_or(Ok(Rate(0)), |rate| rate.percent())?;
                let body = EventBody::Funding { amount: row.change.cash()?, rate, px: self.mark };
                out.account.push(AccountUpdate::Event { exch: any_time(row.timestamp.0), body, name: Some(name) });
            }
        }
        if again.is_some_and(|since| self.payments.begin(since)) { self.begin_payments(wall, out) } else { Ok(()) }
    }

    /// Asks for the first page of each history of money, unless that is under way.
    pub(super) fn begin_transfers(&mut self, since: Time, wall: Time, out: &mut Output) -> Result<(), VenueError> {
        if self.money.iter().any(|walk| walk.since().is_some()) {
            return Ok(());
        }
        self.moved.clear();
        for n in 0..self.money.len() {
            self.money[n].begin(since);
            self.transfers_at(n, "", wall, out)?;
        }
        Ok(())
    }

    pub(super) fn transfers_at(
        &mut self,
        n: usize,
        cursor: &str,
        wall: Time,
        out: &mut Output,
    ) -> Result<(), VenueError> {
        let path = format!("{}/history?account_index={}{cursor}", MONEY[n], self.access.account);
        out.requests.push(self.private(About::Transfers(n), path, wall)?);
        Ok(())
    }

    pub(super) fn transfers_received(
        &mut self,
        n: usize,
        page: &Money,
        wall: Time,
        out: &mut Output,
    ) -> Result<(), VenueError> {
        if self.money[n].since().is_none() {
            return Ok(());
        }
        let rows = [&page.deposits, &page.transfers, &page.withdraws][n].iter().flatten();
        let rows = rows.map(|row| self.moved_by(n, row)).collect::<Result<Vec<Transfer>, WireError>>()?;
        let rows = rows.into_iter().map(|transfer| (transfer.at, transfer));
        match self.money[n].page(rows, cursor(page.cursor.as_deref())) {
            After::Page(next) => return self.transfers_at(n, &format!("&cursor={next}"), wall, out),
            After::Whole(rows, _) => self.moved.extend(rows.into_iter().filter(|row| row.amount != Cash::ZERO)),
        }
        if self.money.iter().all(|walk| walk.since().is_none()) {
            out.account.push(AccountUpdate::Transfers(std::mem::take(&mut self.moved)));
        }
        Ok(())
    }

    /// What a row of a history did to the account: nothing where it has come to nothing yet, or is of another asset.
    fn moved_by(&self, n: usize, row: &MoneyRow) -> Result<Transfer, WireError> {
        let ours = |account: &Option<Num<i64>>| account.is_some_and(|account| account.0 == self.access.account);
        let has_moved = match row.status.as_deref() {
            Some("failed") => false,
            // what is paid in counts when it has come, what is paid out when it has left
            Some("pending") => n == 2,
            _ => true,
        };
        let fee = row.fee.map_or(Ok(Cash::ZERO), |fee| fee.cash())?;
        let amount = row.amount.cash()?;
        let amount = match (n, ours(&row.from_account_index), ours(&row.to_account_index)) {
            _ if !has_moved || row.asset_id.is_some_and(|asset| asset.0 != USDC) => Cash::ZERO,
            (0, ..) | (1, false, true) => amount,
            (2, ..) | (1, true, false) => -(amount + fee),
            _ => Cash::ZERO,
        };
        Ok(Transfer { name: format!("{} {}", MONEY[n], row.id), at: any_time(row.timestamp.0), amount })
    }

    /// Says that all of the past was answered, once.
    pub(super) fn is_resumed(&mut self, out: &mut Output) {
        let is_read = self.fills.since().is_none() && self.payments.since().is_none();
        if is_read && self.resuming.as_ref().is_some_and(Resuming::is_over) {
            self.resuming = None;
            out.account.push(AccountUpdate::Resumed);
        }
    }

    /// What the market takes.
    pub(super) fn ask_market(&self, out: &mut Output) {
        let market = self.market.iter();
        let path = |id| format!("orderBookDetails?market_id={id}");
        out.requests.extend(market.map(|market| self.get(About::Markets, path(market.id), Vec::new())));
    }

    /// An order was refused for what the market takes: that is asked for, once in a while however many are refused.
    pub(super) fn market_refused(&mut self, wall: Time, out: &mut Output) {
        let due = self.market_asked.plus(super::mend::AGAIN);
        if wall >= due {
            self.market_asked = wall;
            self.ask_market(out);
        } else {
            self.later.entry(About::Markets).or_insert(due);
        }
    }

    /// The first question of a reading.
    pub(super) fn read_account(&mut self, out: &mut Output) {
        self.ask_market(out);
        out.requests.push(self.get(
            About::Account,
            format!("account?by=index&value={}", self.access.account),
            Vec::new(),
        ));
    }

    pub(super) fn account_received(&mut self, body: &str, wall: Time, out: &mut Output) -> Result<(), VenueError> {
        let accounts: Accounts = parse("account", body)?;
        let market = self.market()?.id;
        let account = accounts.accounts.first();
        let account = account.ok_or_else(|| VenueError::Session("the venue knows no such account".to_owned()))?;
        self.holding = Some(holding(account, |position| position.market_id.0 == market)?);
        self.ask_open_orders(wall, out)
    }

    pub(super) fn ask_open_orders(&mut self, wall: Time, out: &mut Output) -> Result<(), VenueError> {
        let (account, market) = (self.access.account, self.market()?.id);
        let path = format!("accountActiveOrders?account_index={account}&market_id={market}");
        out.requests.push(self.private(About::OpenOrders, path, wall)?);
        Ok(())
    }

    pub(super) fn open_orders_received(&mut self, list: &OrderList, out: &mut Output) -> Result<(), VenueError> {
        let Some(mut holding) = self.holding.take() else { return Ok(()) };
        for order in list.orders.iter().flatten() {
            let client = order.client_order_index.map_or(0, |index| index.0);
            let sent_by = self.access.number.read_lighter(client);
            // it can be cancelled, and is, by the number that it was sent under
            self.orders.own(sent_by);
            holding.orders.push(OpenOrder {
                name: order.order_index.0.to_string(),
                client,
                sent_by,
                side: if order.is_ask { Side::Sell } else { Side::Buy },
                qty: order.remaining_base_amount.qty()?,
                px: order.price.price()?,
            });
        }
        if self.reading.ends() {
            out.account.push(AccountUpdate::Holding(holding));
            self.ready(out);
        } else {
            self.read_account(out);
        }
        Ok(())
    }
}

fn cursor(next: Option<&str>) -> Option<&str> {
    next.filter(|next| !next.is_empty())
}

/// What an account holds, without its orders; `is_own`: the position is of the market.
pub(crate) fn holding(account: &Account, is_own: impl Fn(&Position) -> bool) -> Result<Holding, WireError> {
    let (mut own, mut other_positions) = (None, Vec::new());
    for position in account.positions.iter().flatten() {
        if is_own(position) {
            own = own.or(Some(position));
            continue;
        }
        let qty = position.signed()?;
        if !qty.is_zero() {
            let name = position.symbol.clone().unwrap_or_else(|| format!("market {}", position.market_id.0));
            other_positions.push((name, qty));
        }
    }
    // percent of the notional that a position takes at least
    let fraction = own.and_then(|own| own.initial_margin_fraction).and_then(|fraction| fraction.value());
    let times = fraction.and_then(|fraction| Decimal::from(100).checked_div(fraction)).map(|times| times.round_dp(6));
    Ok(Holding {
        cash: account.collateral.cash()?,
        position: own.map_or(Ok(Qty::ZERO), Position::signed)?,
        leverage: times.map(|times| Dec::new(times).fraction()).transpose()?,
        is_isolated: own.and_then(|own| own.margin_mode).map(|mode| mode.0 == 1),
        orders: Vec::new(),
        other_positions,
    })
}
