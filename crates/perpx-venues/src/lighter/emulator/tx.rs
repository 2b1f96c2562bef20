//! Signed transactions. Accepted means queued: what becomes of an order is on the account's channels.
//!
//! In this order: form (21501, 21505), account (21100), key (21109), what the venue's own signer refuses (the field's code),
//! signature (21120), expiry (21711), nonce (21104), then the checks of the kind. A refused transaction does not use up its
//! nonce; one that is queued does, whatever becomes of it.

use super::orders::Order;
use super::{LighterEmulator, MARKET, PRICE_DECIMALS, Refusal, SIZE_DECIMALS};
use crate::emulate::faults::MarketStatus;
use crate::emulate::habits::SecondSchedule;
use crate::emulate::views::keep;
use crate::lighter::rest::OrderStatus;
use crate::lighter::sign::{
    NewOrder, PublicKey, Refused, SignedTx, Tx, TxError, attribute, cancel_all, order_type, time_in_force,
};
use crate::wallet::signer_of;
use perpx_core::market::{Command, NewOrder as Place, OrderId, OrderKind, Role, Side};
use perpx_core::units::{Cash, MS, Notional, Price, Qty, Rate, Time, TimeDelta};
use serde_json::{Value, json};

const DAY_MS: i64 = 24 * 60 * 60_000;
const FIVE_MINUTES_MS: i64 = 300_000;

/// One unit of a price and of a size on the wire, in 1e-9.
pub(super) const PRICE_UNIT: i64 = 10i64.pow(9 - PRICE_DECIMALS);
pub(super) const SIZE_UNIT: i64 = 10i64.pow(9 - SIZE_DECIMALS);

fn price(wire: i64) -> Price {
    Price(wire.saturating_mul(PRICE_UNIT))
}

fn size(wire: i64) -> Option<Qty> {
    wire.checked_mul(SIZE_UNIT).filter(|size| *size < i64::MAX / 4).map(Qty)
}

/// The code of what is wrong with a field.
fn refused(refused: Refused) -> Refusal {
    let code = match refused.field {
        "MarketIndex" => 21602,
        "BaseAmount" => 21701,
        "Price" | "TriggerPrice" => 21702,
        "IsAsk" => 21703,
        "Type" => 21704,
        "TimeInForce" => 21705,
        "OrderExpiry" | "ExpiredAt" | "Time" => 21711,
        "ClientOrderIndex" => 21727,
        "Nonce" => 21104,
        _ => 21501,
    };
    Refusal::new(code, refused.to_string())
}

impl LighterEmulator {
    /// Takes a transaction; the answer of `sendTx`.
    pub(super) fn send(&mut self, kind: i64, info: &str, now: Time) -> Result<Value, Refusal> {
        let kind = u8::try_from(kind).map_err(|_| Refusal::new(21505, "unsupported tx type"))?;
        let signed = SignedTx::from_json(kind, info).map_err(|error| match error {
            TxError::Kind { .. } => Refusal::new(21505, "unsupported tx type"),
            _ => Refusal::new(21501, "invalid tx info"),
        })?;
        let SignedTx { head, tx, .. } = &signed;
        let hash = self.admit(&signed, now)?;
        // single cancels are free; what else is not counted is limited by the minute alone
        let quota = self.settings.quota.filter(|_| match tx {
            Tx::CancelAll { .. } => self.settings.habits.cancel_all_costs,
            tx => matches!(tx, Tx::CreateOrder(_) | Tx::ModifyOrder { .. }),
        });
        if quota.is_some_and(|quota| !self.quota.is_open(&quota, now)) {
            return Err(Refusal::new(23000, "Too Many Requests! not enough volume quota"));
        }
        let carried = self.carry_out(&signed, now);
        if carried.is_ok() || self.settings.habits.refused_uses_nonce {
            self.nonces.insert(head.api_key_index, head.nonce);
        }
        let delay = carried?;
        if let Some(quota) = &quota {
            self.quota.spend(quota, now);
        }
        let left = self.settings.quota.map_or(0, |quota| self.quota.left(&quota));
        self.sequence += 1;
        let ms = now.steps(MS);
        let record = json!({
            "code": 200, "hash": hash, "type": kind, "info": info, "event_info": "{\"ae\":\"\"}", "status": 2,
            "transaction_index": 0, "l1_address": "", "account_index": head.account_index, "nonce": head.nonce,
            "expire_at": head.expired_at, "block_height": self.sequence, "queued_at": ms, "executed_at": ms,
            "sequence_index": self.sequence, "parent_hash": "", "transaction_time": now.0 / 1_000,
        });
        self.publish_tx(&record);
        keep(&mut self.txs, record);
        let predicted = match self.settings.habits.predicts_time_of_day {
            true => self.clock.wall(self.core.now().plus(delay)).steps(MS),
            false => delay / MS,
        };
        Ok(json!({
            "code": 200, "tx_hash": hash, "predicted_execution_time_ms": predicted, "volume_quota_remaining": left,
        }))
    }

    /// Account, key, signature, expiry and nonce are right; the hash that was signed.
    fn admit(&self, signed: &SignedTx, now: Time) -> Result<String, Refusal> {
        let head = &signed.head;
        if !self.is_account(head.account_index) {
            return Err(Refusal::new(21100, "account not found"));
        }
        let new = match &signed.tx {
            // signed by the key that it registers
            Tx::ChangePubKey { public_key, .. } => PublicKey::from_bytes(public_key).ok(),
            _ => None,
        };
        let key = new.as_ref().or_else(|| self.settings.keys.get(&head.api_key_index));
        let key = key.ok_or_else(|| Refusal::new(21109, "api key not found"))?;
        let hash = signed.verify(key, self.settings.chain_id).map_err(refused)?;
        let hash = hash.ok_or_else(|| Refusal::new(21120, "invalid signature"))?.to_string();
        if head.expired_at <= now.steps(MS) {
            return Err(Refusal::new(21711, "invalid expiry"));
        }
        if let Some((text, signature)) = self.owner_signs(signed)
            && !signer_of(&text, signature).is_some_and(|owner| self.is_owner(Some(&owner.to_string())))
        {
            return Err(Refusal::new(21504, "fail to verify l1 signature"));
        }
        let last = self.last_nonce(head.api_key_index);
        let skips = head.attributes.contains_key(&attribute::SKIP_NONCE);
        let follows = if skips { head.nonce > last && head.nonce < 1 << 47 } else { head.nonce == last + 1 };
        // the reading under which two transactions of one nonce are both carried out
        let is_second = self.settings.nonces.one_serves_two && head.nonce == last;
        let is_second = is_second && self.txs.iter().all(|tx| tx["hash"] != hash);
        if !follows && !is_second {
            return Err(Refusal::new(21104, "invalid nonce"));
        }
        Ok(hash)
    }

    /// Of an API key, or of a place where none is yet.
    pub(super) fn last_nonce(&self, api_key: i64) -> i64 {
        self.nonces.get(&api_key).copied().unwrap_or(-1)
    }

    /// What the wallet of the account has to sign too, and what it made of it. An approval without fees costs nothing, and
    /// clients send it without.
    fn owner_signs<'a>(&self, signed: &'a SignedTx) -> Option<(String, &'a str)> {
        let SignedTx { head, tx, .. } = signed;
        let who = format!(
            "nonce: 0x{:016x}\naccount index: 0x{:016x}\napi key index: 0x{:016x}\n",
            head.nonce, head.account_index, head.api_key_index
        );
        let end = "Only sign this message for a trusted client!";
        match tx {
            Tx::ChangePubKey { public_key, l1_signature } => {
                let key = hex::encode(public_key);
                Some((format!("Register Lighter Account\n\npubkey: 0x{key}\n{who}{end}"), l1_signature))
            }
            Tx::ApproveIntegrator { integrator, fees, expiry, l1_signature } if fees.iter().any(|fee| *fee > 0) => {
                let [perps_taker, perps_maker, spot_taker, spot_maker] = fees;
                let chain = self.settings.chain_id;
                let text = format!(
                    "Approve Integrator\n\n{who}integrator account index: 0x{integrator:016x}\n\
                     max perps taker fee: 0x{perps_taker:016x}\nmax perps maker fee: 0x{perps_maker:016x}\n\
                     max spot taker fee: 0x{spot_taker:016x}\nmax spot maker fee: 0x{spot_maker:016x}\n\
                     approval expiry: 0x{expiry:016x}\nchainId: 0x{chain:016x}\n{end}"
                );
                Some((text, l1_signature))
            }
            _ => None,
        }
    }

    /// What the transaction asks for; the venue's delay on it, in nanoseconds.
    fn carry_out(&mut self, signed: &SignedTx, now: Time) -> Result<TimeDelta, Refusal> {
        let SignedTx { head, tx, .. } = signed;
        match tx {
            Tx::CreateOrder(order) => self.create(order, head.nonce, now),
            Tx::CancelOrder { market, index } => {
                is_market(*market)?;
                match self.find(*index) {
                    Some(id) => self.cancel(id, OrderStatus::Canceled, false),
                    // queued like any other: that there is no such order is found out later
                    None if self.settings.nonces.cancels_of_nothing => {}
                    None => return Err(Refusal::new(21600, "inactive order")),
                }
                Ok(self.core.world.delays.cancel)
            }
            Tx::CancelAll { time_in_force, time } => {
                let market = head.attributes.get(&attribute::CANCEL_ALL_MARKET);
                let is_ours = market.is_none_or(|&market| market == MARKET);
                self.cancel_all(*time_in_force, *time, is_ours, now.steps(MS))
            }
            Tx::ModifyOrder { market, index, base_amount, price, trigger_price } => {
                is_market(*market)?;
                let version = head.attributes.get(&attribute::ORDER_VERSION).copied();
                self.modify(*index, (*base_amount, *price, *trigger_price), version)
            }
            Tx::UpdateLeverage { market, initial_margin_fraction, margin_mode } => {
                is_market(*market)?;
                self.leverage(*initial_margin_fraction, *margin_mode)
            }
            Tx::UpdateMargin { market, usdc_amount, direction } => {
                is_market(*market)?;
                self.move_margin(*usdc_amount, *direction)
            }
            Tx::ChangePubKey { public_key, .. } => {
                let key = PublicKey::from_bytes(public_key).map_err(|_| Refusal::new(21501, "invalid tx info"))?;
                self.settings.keys.insert(head.api_key_index, key);
                Ok(TimeDelta::ZERO)
            }
            // its fees are not taken here
            Tx::ApproveIntegrator { .. } => Ok(TimeDelta::ZERO),
            Tx::CreateGroup { .. } => {
                Err(Refusal::new(21505, "unsupported tx type: the emulator serves 8, 14 to 17, 20, 29 and 45"))
            }
        }
    }

    fn create(&mut self, order: &NewOrder, nonce: i64, now: Time) -> Result<TimeDelta, Refusal> {
        is_market(order.market_index)?;
        self.is_open_for(order.reduce_only == 1)?;
        let kind = match (order.order_type, order.time_in_force) {
            (order_type::LIMIT, time_in_force::IMMEDIATE_OR_CANCEL) => OrderKind::Ioc,
            (order_type::LIMIT, time_in_force::GOOD_TILL_TIME) => OrderKind::Limit,
            (order_type::LIMIT, _) => OrderKind::PostOnly,
            (order_type::MARKET, _) => OrderKind::Market,
            _ => return Err(Refusal::new(21704, "invalid order type: the emulator serves limit and market orders")),
        };
        let (ms, expiry) = (now.steps(MS), order.order_expiry);
        if !kind.only_takes() && !(ms + FIVE_MINUTES_MS..=ms + 30 * DAY_MS).contains(&expiry) {
            return Err(Refusal::new(21711, "invalid expiry: 5 minutes to 30 days ahead"));
        }
        let client = order.client_order_index;
        if client > 0 && self.find(client).is_some() {
            return Err(Refusal::new(21728, "client order index already exists"));
        }
        let side = if order.is_ask == 1 { Side::Sell } else { Side::Buy };
        let reduce_only = order.reduce_only == 1;
        let position = self.core.account().position;
        if reduce_only && side.signed(position).0 >= 0 {
            return Err(Refusal::new(21740, "reduce only order is in the wrong direction, or there is no position"));
        }
        let qty = if order.base_amount == 0 { Some(position.abs()) } else { size(order.base_amount) };
        let qty = qty.ok_or_else(|| Refusal::new(21701, "invalid base amount"))?;
        let limit = price(order.price);
        self.is_sound(side, qty, limit, kind.only_takes() || (reduce_only && qty >= position.abs()))?;
        let opens = qty - Qty((-side.signed(position).0).max(0));
        let room = self.core.account().room(self.core.mark())[side as usize] - self.reserved(side);
        if !reduce_only && opens > room {
            return Err(Refusal::new(21739, "not enough margin to create the order"));
        }
        if !self.is_beyond(side, limit) {
            self.enter(*order, nonce, (side, qty, limit, kind), now);
        } else {
            // arrives, and ends without a fill
            let tick = self.core.world.instrument.tick;
            let nobodys = if side == Side::Buy { tick } else { Price(i64::MAX / 4).floor_to(tick) };
            let id = self.enter(*order, nonce, (side, qty, nobodys, OrderKind::Ioc), now);
            if let Some(order) = self.orders.get_mut(&id) {
                (order.limit, order.ending) = (limit, Some(OrderStatus::CanceledTooMuchSlippage));
            }
        }
        Ok(self.core.world.delays.of(kind))
    }

    /// Takes an order that is sound.
    pub(super) fn enter(
        &mut self,
        asked: NewOrder,
        nonce: i64,
        (side, qty, limit, kind): (Side, Qty, Price, OrderKind),
        now: Time,
    ) -> OrderId {
        let id = self.core.next_id();
        let counter = &mut self.counters[side as usize];
        *counter += 1;
        // asks count up, bids down
        let number = if side == Side::Sell { *counter } else { (1 << 48) - *counter };
        self.orders.insert(
            id,
            Order {
                id,
                index: ((MARKET as u64 + 1) << 48) | number,
                asked,
                nonce,
                qty,
                limit,
                filled: Qty::ZERO,
                quote: Notional::ZERO,
                status: OrderStatus::InProgress,
                created: now,
                updated: now,
                version: 0,
                ending: None,
                doomed: false,
                change: None,
                was_changed: false,
            },
        );
        let (venue, covers, reduce_only) = (Role::Long, false, asked.reduce_only == 1);
        self.core.submit(Command::Place(Place { id, venue, side, qty, limit, kind, reduce_only, covers }));
        id
    }

    /// The market takes such orders now.
    fn is_open_for(&self, reduces: bool) -> Result<(), Refusal> {
        match self.condition.market {
            MarketStatus::Open => Ok(()),
            MarketStatus::ReduceOnly if reduces => Ok(()),
            MarketStatus::ReduceOnly => Err(Refusal::new(21605, "invalid market status: reduce only")),
            MarketStatus::Paused => Err(Refusal::new(21605, "invalid market status: inactive")),
        }
    }

    /// Minimums, which bind what may rest; the value's most; how far through the mark.
    fn is_sound(&self, side: Side, qty: Qty, limit: Price, is_free: bool) -> Result<(), Refusal> {
        let rules = &self.core.world.instrument;
        if !is_free && !rules.takes(qty, limit) {
            return Err(Refusal::new(21706, "invalid order base or quote amount: below the minimum"));
        }
        // 2^48 - 1 micro-USDC
        if limit.of(qty).0 > ((1i128 << 48) - 1) * 1_000_000_000_000 {
            return Err(Refusal::new(21706, "invalid order base or quote amount: above the maximum"));
        }
        if self.is_beyond(side, limit) && !self.settings.band_is_late {
            return Err(Refusal::new(21733, "order price flagged as an accidental price"));
        }
        Ok(())
    }

    /// Further from the mark than may be.
    fn is_beyond(&self, side: Side, limit: Price) -> bool {
        let band = self.condition.band.unwrap_or(self.settings.price_band);
        let is_both = self.settings.habits.band_binds_both;
        let beyond = |side| self.core.is_beyond(side, limit, band);
        !self.is_unprotected && (beyond(side) || is_both && beyond(side.other()))
    }

    /// What orders that are alive have of the margin, where they have any.
    fn reserved(&self, side: Side) -> Qty {
        let is_ask = i64::from(side == Side::Sell);
        let counts = |order: &&Order| order.is_alive() && order.asked.is_ask == is_ask && order.asked.reduce_only == 0;
        let takes = self.settings.habits.resting_takes_margin;
        Qty(self.orders.values().filter(counts).filter(|_| takes).map(|order| order.left().0).sum())
    }

    fn cancel_all(&mut self, kind: i64, time: i64, here: bool, ms: i64) -> Result<TimeDelta, Refusal> {
        match kind {
            cancel_all::NOW => {
                let alive = |order: &&Order| here && order.is_alive();
                let alive: Vec<_> = self.orders.values().filter(alive).map(|order| order.id).collect();
                for id in alive {
                    self.cancel(id, OrderStatus::Canceled, false);
                }
            }
            cancel_all::SCHEDULED => {
                if !(ms + FIVE_MINUTES_MS..=ms + 15 * DAY_MS).contains(&time) {
                    return Err(Refusal::new(21711, "invalid expiry: 5 minutes to 15 days ahead"));
                }
                // whether a second one overwrites the first is not known: the answer that asks for more is given
                match (self.cancel_all_at, self.settings.habits.second_schedule) {
                    (Some(_), SecondSchedule::Refused) => {
                        return Err(Refusal::new(21712, "queued cancel-all exists: abort it first"));
                    }
                    (Some(_), SecondSchedule::Ignored) => {}
                    (None, _) | (_, SecondSchedule::Replaces) => self.cancel_all_at = Some(time),
                }
            }
            _ => self.cancel_all_at = None,
        }
        Ok(self.core.world.delays.cancel)
    }

    fn modify(&mut self, index: i64, to: (i64, i64, i64), version: Option<i64>) -> Result<TimeDelta, Refusal> {
        let inactive = || Refusal::new(21600, "inactive order");
        let id = self.find(index).ok_or_else(inactive)?;
        let (base, wire_price, trigger) = to;
        if trigger != 0 || base == 0 {
            return Err(Refusal::new(21701, "invalid base amount or trigger price"));
        }
        let limit = price(wire_price);
        let qty = size(base).ok_or_else(|| Refusal::new(21701, "invalid base amount"))?;
        let order = self.orders.get(&id).filter(|order| order.is_alive()).ok_or_else(inactive)?;
        let side = if order.asked.is_ask == 1 { Side::Sell } else { Side::Buy };
        let (reduces, stored) = (order.asked.reduce_only == 1, order.version);
        self.is_open_for(reduces)?;
        self.is_sound(side, qty, limit, reduces)?;
        let delay = self.core.world.delays.maker;
        let lands = self.core.now().plus(delay);
        // a version that is not above the stored one is taken and does nothing
        if version.is_some_and(|version| version <= stored) {
            return Ok(delay);
        }
        if let Some(order) = self.orders.get_mut(&id) {
            order.version = version.unwrap_or(stored);
            order.change = Some((lands, qty, limit));
        }
        self.core.submit(Command::Modify { venue: Role::Long, id, qty, limit });
        Ok(delay)
    }

    fn leverage(&mut self, fraction: i64, mode: i64) -> Result<TimeDelta, Refusal> {
        if self.settings.habits.isolated_alone && mode == 0 {
            return Err(Refusal::new(21501, "invalid tx info: the market takes isolated margin alone"));
        }
        // 1e-4 to 1e-12
        let initial = Rate(fraction * 100_000_000);
        let isolated = mode == 1;
        let busy = !self.core.account().position.is_zero() || self.orders.values().any(Order::is_alive);
        if isolated != self.core.account().isolated && busy {
            return Err(Refusal::new(21132, "margin mode cannot be changed with a position or an open order"));
        }
        if fraction < super::show::LEAST_INITIAL {
            return Err(Refusal::new(21501, "invalid tx info: below the market's least initial margin fraction"));
        }
        let mark = self.core.mark();
        if !self.core.account_mut().set_initial(initial, mark) {
            return Err(Refusal::new(21508, "account is below initial margin"));
        }
        self.core.account_mut().isolated = isolated;
        (self.reported.initial, self.reported.isolated) = (initial, isolated);
        Ok(TimeDelta::ZERO)
    }

    /// Into (1) or out of an isolated position, 1e-6 USDC.
    fn move_margin(&mut self, micro: i64, direction: i64) -> Result<TimeDelta, Refusal> {
        let amount = Cash(i128::from(micro) * 1_000_000 * if direction == 1 { 1 } else { -1 });
        let mark = self.core.mark();
        if !self.core.account_mut().move_margin(amount, mark) {
            return Err(Refusal::new(21508, "margin cannot be moved: no isolated position, or below initial margin"));
        }
        self.reported.allocated += amount;
        Ok(TimeDelta::ZERO)
    }
}

fn is_market(index: i64) -> Result<(), Refusal> {
    if index == MARKET { Ok(()) } else { Err(Refusal::new(21602, format!("invalid market index: {index}"))) }
}
