//! The transactions of a trader, and the JSON of `tx_info` in the venue's own order of fields.
//!
//! Numbers are as on the wire: amounts in 10^-size_decimals, prices in 10^-price_decimals, times in milliseconds. They are kept
//! as i64, wider than legal, so that an illegal one can be read and refused by name. Withdrawals and transfers are left out on
//! purpose: no key of this program shall ever sign one.

use super::check::{Refused, check};
use super::hash::{TxHash, tx_hash};
use super::key::{KeyError, PrivateKey, PublicKey, Signature};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use thiserror::Error;

/// Numbers of the transactions, `tx_type` of the wire.
pub mod tx_type {
    /// Registers an API key.
    pub const CHANGE_PUB_KEY: u8 = 8;
    /// A new order.
    pub const CREATE_ORDER: u8 = 14;
    /// Cancels one order.
    pub const CANCEL_ORDER: u8 = 15;
    /// Cancels all, at once or later.
    pub const CANCEL_ALL: u8 = 16;
    /// Changes an order.
    pub const MODIFY_ORDER: u8 = 17;
    /// Sets leverage and margin mode.
    pub const UPDATE_LEVERAGE: u8 = 20;
    /// Several orders that belong together.
    pub const CREATE_GROUP: u8 = 28;
    /// Moves margin of an isolated position.
    pub const UPDATE_MARGIN: u8 = 29;
    /// Lets an integrator take fees.
    pub const APPROVE_INTEGRATOR: u8 = 45;
}

/// `Type` of an order.
pub mod order_type {
    /// Rests at its price.
    pub const LIMIT: i64 = 0;
    /// Its price bounds the average of the fills.
    pub const MARKET: i64 = 1;
    /// A market order behind a trigger.
    pub const STOP_LOSS: i64 = 2;
    /// A limit order behind a trigger.
    pub const STOP_LOSS_LIMIT: i64 = 3;
    /// A market order behind a trigger.
    pub const TAKE_PROFIT: i64 = 4;
    /// A limit order behind a trigger.
    pub const TAKE_PROFIT_LIMIT: i64 = 5;
    /// In slices over time.
    pub const TWAP: i64 = 6;
}

/// `TimeInForce` of an order. There is no fill-or-kill.
pub mod time_in_force {
    /// What does not fill at once is cancelled.
    pub const IMMEDIATE_OR_CANCEL: i64 = 0;
    /// Rests until its expiry.
    pub const GOOD_TILL_TIME: i64 = 1;
    /// Cancelled where it would take.
    pub const POST_ONLY: i64 = 2;
}

/// `TimeInForce` of a cancel-all.
pub mod cancel_all {
    /// At once.
    pub const NOW: i64 = 0;
    /// At `Time`, unless aborted: the dead man's switch.
    pub const SCHEDULED: i64 = 1;
    /// Takes a scheduled one back.
    pub const ABORT: i64 = 2;
}

/// Keys of `L2TxAttributes`.
pub mod attribute {
    /// Account of an integrator.
    pub const INTEGRATOR: u8 = 1;
    /// Its fee of takers.
    pub const INTEGRATOR_TAKER_FEE: u8 = 2;
    /// Its fee of makers.
    pub const INTEGRATOR_MAKER_FEE: u8 = 3;
    /// 1: the nonce need only grow.
    pub const SKIP_NONCE: u8 = 4;
    /// Limits a cancel-all to one market.
    pub const CANCEL_ALL_MARKET: u8 = 5;
    /// 0 cancels the resting order (default), 1 the taking one, 2 both, 3 reduces.
    pub const SELF_TRADE: u8 = 6;
    /// 0 the account (default), 1 all accounts of the owner.
    pub const SELF_TRADE_SCOPE: u8 = 7;
    /// A modify lands only when this is above the order's version.
    pub const ORDER_VERSION: u8 = 8;
}

/// Attributes by their key, ascending; at most four.
pub type Attributes = BTreeMap<u8, i64>;

/// What every transaction carries.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Head {
    /// Who sends it.
    pub account_index: i64,
    /// 4 to 254; 0 to 3 belong to the venue's own applications.
    pub api_key_index: i64,
    /// The venue drops the transaction after this time. Milliseconds.
    pub expired_at: i64,
    /// One above the last of this API key.
    pub nonce: i64,
    /// Beside the fields; sorted.
    pub attributes: Attributes,
}

/// A new order.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct NewOrder {
    /// Number of the market.
    pub market_index: i64,
    /// Ours, 1 to 2^48 - 1; 0 for none.
    pub client_order_index: i64,
    /// In 10^-size_decimals.
    pub base_amount: i64,
    /// In 10^-price_decimals.
    pub price: i64,
    /// 0 bid, 1 ask.
    pub is_ask: i64,
    /// One of [`order_type`].
    #[serde(rename = "Type")]
    pub order_type: i64,
    /// One of [`time_in_force`].
    pub time_in_force: i64,
    /// 0 or 1.
    pub reduce_only: i64,
    /// In 10^-price_decimals; 0 for none.
    pub trigger_price: i64,
    /// Milliseconds; 0 for market orders and immediate-or-cancel limits.
    pub order_expiry: i64,
}

/// A transaction; amounts, prices and times as on the wire.
#[derive(Clone, Debug, PartialEq, Eq)]
// fields are named as in `tx_info`
#[allow(missing_docs)]
pub enum Tx {
    /// A new order.
    CreateOrder(NewOrder),
    /// `index`: the client's or the venue's.
    CancelOrder { market: i64, index: i64 },
    /// `time`: milliseconds, of a scheduled one alone.
    CancelAll { time_in_force: i64, time: i64 },
    /// `base_amount` is the new total, filled part included.
    ModifyOrder { market: i64, index: i64, base_amount: i64, price: i64, trigger_price: i64 },
    /// `initial_margin_fraction` in 1e-4: 10,000 / leverage, rounded down. `margin_mode` 0 cross, 1 isolated.
    UpdateLeverage { market: i64, initial_margin_fraction: i64, margin_mode: i64 },
    /// Moves `usdc_amount` (1e-6) into (`direction` 1) or out of (0) an isolated position.
    UpdateMargin { market: i64, usdc_amount: i64, direction: i64 },
    /// `grouping` 1 one-triggers-other, 2 one-cancels-other, 3 both.
    CreateGroup { grouping: i64, orders: Vec<NewOrder> },
    /// `l1_signature` is the owner's wallet's.
    ChangePubKey { public_key: [u8; 40], l1_signature: String },
    /// `fees` in 1e-6: of takers and makers of perpetuals, then of spot; `expiry` in milliseconds. Read, never made here.
    ApproveIntegrator { integrator: i64, fees: [i64; 4], expiry: i64, l1_signature: String },
}

impl Tx {
    /// Its `tx_type`.
    pub fn kind(&self) -> u8 {
        match self {
            Tx::ChangePubKey { .. } => tx_type::CHANGE_PUB_KEY,
            Tx::ApproveIntegrator { .. } => tx_type::APPROVE_INTEGRATOR,
            Tx::CreateOrder(_) => tx_type::CREATE_ORDER,
            Tx::CancelOrder { .. } => tx_type::CANCEL_ORDER,
            Tx::CancelAll { .. } => tx_type::CANCEL_ALL,
            Tx::ModifyOrder { .. } => tx_type::MODIFY_ORDER,
            Tx::UpdateLeverage { .. } => tx_type::UPDATE_LEVERAGE,
            Tx::CreateGroup { .. } => tx_type::CREATE_GROUP,
            Tx::UpdateMargin { .. } => tx_type::UPDATE_MARGIN,
        }
    }
}

/// Why a transaction was not made or not read.
#[derive(Debug, Error)]
// the texts say what the fields are
#[allow(missing_docs)]
pub enum TxError {
    /// A field that is out of its range.
    #[error(transparent)]
    Refused(#[from] Refused),
    /// It was not signed.
    #[error(transparent)]
    Key(#[from] KeyError),
    /// No JSON of a transaction.
    #[error("tx_info: {0}")]
    Json(#[from] serde_json::Error),
    /// A type that this program does not know.
    #[error("tx_type {found} is none of 8, 14, 15, 16, 17, 20, 28, 29, 45")]
    Kind { found: u8 },
    /// A field is missing.
    #[error("tx_info of tx_type {kind} has no {field}")]
    Missing { kind: u8, field: &'static str },
    /// A field that is no base64 of its length.
    #[error("{field} is not base64 of {bytes} bytes")]
    Base64 { field: &'static str, bytes: usize },
}

/// A transaction with its signature, as it goes over the wire.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SignedTx {
    /// What every transaction carries.
    pub head: Head,
    /// What it does.
    pub tx: Tx,
    /// Of its hash.
    pub signature: Signature,
}

impl SignedTx {
    /// Checks, hashes and signs; the hash is the name by which the venue will answer.
    pub fn sign(key: &PrivateKey, chain_id: u32, head: Head, tx: Tx) -> Result<(SignedTx, TxHash), TxError> {
        check(&head, &tx)?;
        let hash = tx_hash(chain_id, &head, &tx);
        let signature = key.sign(&hash)?;
        Ok((SignedTx { head, tx, signature }, hash))
    }

    /// Checks and hashes; the hash when the holder of `key` signed it. Anything else is an error or `None`.
    pub fn verify(&self, key: &PublicKey, chain_id: u32) -> Result<Option<TxHash>, Refused> {
        check(&self.head, &self.tx)?;
        let hash = tx_hash(chain_id, &self.head, &self.tx);
        Ok(key.verify(&hash, &self.signature).then_some(hash))
    }

    /// The JSON of `tx_info`, byte for byte as the venue's signer writes it.
    pub fn to_json(&self) -> String {
        serde_json::to_string(&Flat::from(self)).unwrap_or_default()
    }

    /// Reads `tx_info` of a transaction of type `kind`. Nothing is checked but the form.
    pub fn from_json(kind: u8, text: &str) -> Result<SignedTx, TxError> {
        serde_json::from_str::<Flat>(text)?.split(kind)
    }
}

/// Every field of every transaction, in the order of the wire.
#[derive(Default, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Flat {
    account_index: i64,
    api_key_index: i64,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub_key: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    l1_sig: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    grouping_type: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    orders: Option<Vec<NewOrder>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    market_index: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    index: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    client_order_index: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    base_amount: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    price: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    is_ask: Option<i64>,
    #[serde(rename = "Type", skip_serializing_if = "Option::is_none")]
    order_type: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    time_in_force: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    reduce_only: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    trigger_price: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    order_expiry: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    time: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    initial_margin_fraction: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    margin_mode: Option<i64>,
    #[serde(rename = "USDCAmount", skip_serializing_if = "Option::is_none")]
    usdc_amount: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    direction: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    integrator_account_index: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    max_perps_taker_fee: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    max_perps_maker_fee: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    max_spot_taker_fee: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    max_spot_maker_fee: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    approval_expiry: Option<i64>,
    expired_at: i64,
    nonce: i64,
    sig: String,
    #[serde(default)]
    l2_tx_attributes: Option<Attributes>,
}

impl From<&SignedTx> for Flat {
    fn from(SignedTx { head, tx, signature }: &SignedTx) -> Flat {
        let mut flat = Flat {
            account_index: head.account_index,
            api_key_index: head.api_key_index,
            expired_at: head.expired_at,
            nonce: head.nonce,
            sig: STANDARD.encode(signature.0),
            l2_tx_attributes: (!head.attributes.is_empty()).then(|| head.attributes.clone()),
            ..Flat::default()
        };
        match tx.clone() {
            Tx::CreateOrder(order) => {
                flat.market_index = Some(order.market_index);
                flat.client_order_index = Some(order.client_order_index);
                flat.base_amount = Some(order.base_amount);
                flat.price = Some(order.price);
                flat.is_ask = Some(order.is_ask);
                flat.order_type = Some(order.order_type);
                flat.time_in_force = Some(order.time_in_force);
                flat.reduce_only = Some(order.reduce_only);
                flat.trigger_price = Some(order.trigger_price);
                flat.order_expiry = Some(order.order_expiry);
            }
            Tx::CancelOrder { market, index } => {
                flat.market_index = Some(market);
                flat.index = Some(index);
            }
            Tx::CancelAll { time_in_force, time } => {
                flat.time_in_force = Some(time_in_force);
                flat.time = Some(time);
            }
            Tx::ModifyOrder { market, index, base_amount, price, trigger_price } => {
                flat.market_index = Some(market);
                flat.index = Some(index);
                flat.base_amount = Some(base_amount);
                flat.price = Some(price);
                flat.trigger_price = Some(trigger_price);
            }
            Tx::UpdateLeverage { market, initial_margin_fraction, margin_mode } => {
                flat.market_index = Some(market);
                flat.initial_margin_fraction = Some(initial_margin_fraction);
                flat.margin_mode = Some(margin_mode);
            }
            Tx::UpdateMargin { market, usdc_amount, direction } => {
                flat.market_index = Some(market);
                flat.usdc_amount = Some(usdc_amount);
                flat.direction = Some(direction);
            }
            Tx::CreateGroup { grouping, orders } => {
                flat.grouping_type = Some(grouping);
                flat.orders = Some(orders);
            }
            Tx::ChangePubKey { public_key, l1_signature } => {
                flat.pub_key = Some(STANDARD.encode(public_key));
                flat.l1_sig = Some(l1_signature);
            }
            Tx::ApproveIntegrator { integrator, fees, expiry, l1_signature } => {
                flat.integrator_account_index = Some(integrator);
                [
                    flat.max_perps_taker_fee,
                    flat.max_perps_maker_fee,
                    flat.max_spot_taker_fee,
                    flat.max_spot_maker_fee,
                ] = fees.map(Some);
                (flat.approval_expiry, flat.l1_sig) = (Some(expiry), Some(l1_signature));
            }
        }
        flat
    }
}

fn bytes<const N: usize>(field: &'static str, text: &str) -> Result<[u8; N], TxError> {
    let bytes = STANDARD.decode(text).ok().and_then(|bytes| <[u8; N]>::try_from(bytes).ok());
    bytes.ok_or(TxError::Base64 { field, bytes: N })
}

impl Flat {
    fn split(self, kind: u8) -> Result<SignedTx, TxError> {
        let need = |field: &'static str, value: Option<i64>| value.ok_or(TxError::Missing { kind, field });
        let market = || need("MarketIndex", self.market_index);
        let index = || need("Index", self.index);
        let base_amount = || need("BaseAmount", self.base_amount);
        let price = || need("Price", self.price);
        let trigger_price = || need("TriggerPrice", self.trigger_price);
        let time_in_force = || need("TimeInForce", self.time_in_force);
        let tx = match kind {
            tx_type::CREATE_ORDER => Tx::CreateOrder(NewOrder {
                market_index: market()?,
                client_order_index: need("ClientOrderIndex", self.client_order_index)?,
                base_amount: base_amount()?,
                price: price()?,
                is_ask: need("IsAsk", self.is_ask)?,
                order_type: need("Type", self.order_type)?,
                time_in_force: time_in_force()?,
                reduce_only: need("ReduceOnly", self.reduce_only)?,
                trigger_price: trigger_price()?,
                order_expiry: need("OrderExpiry", self.order_expiry)?,
            }),
            tx_type::CANCEL_ORDER => Tx::CancelOrder { market: market()?, index: index()? },
            tx_type::CANCEL_ALL => Tx::CancelAll { time_in_force: time_in_force()?, time: need("Time", self.time)? },
            tx_type::MODIFY_ORDER => Tx::ModifyOrder {
                market: market()?,
                index: index()?,
                base_amount: base_amount()?,
                price: price()?,
                trigger_price: trigger_price()?,
            },
            tx_type::UPDATE_LEVERAGE => Tx::UpdateLeverage {
                market: market()?,
                initial_margin_fraction: need("InitialMarginFraction", self.initial_margin_fraction)?,
                margin_mode: need("MarginMode", self.margin_mode)?,
            },
            tx_type::UPDATE_MARGIN => Tx::UpdateMargin {
                market: market()?,
                usdc_amount: need("USDCAmount", self.usdc_amount)?,
                direction: need("Direction", self.direction)?,
            },
            tx_type::CREATE_GROUP => Tx::CreateGroup {
                grouping: need("GroupingType", self.grouping_type)?,
                orders: self.orders.ok_or(TxError::Missing { kind, field: "Orders" })?,
            },
            tx_type::CHANGE_PUB_KEY => Tx::ChangePubKey {
                public_key: bytes("PubKey", &self.pub_key.ok_or(TxError::Missing { kind, field: "PubKey" })?)?,
                l1_signature: self.l1_sig.unwrap_or_default(),
            },
            tx_type::APPROVE_INTEGRATOR => Tx::ApproveIntegrator {
                integrator: need("IntegratorAccountIndex", self.integrator_account_index)?,
                fees: [
                    need("MaxPerpsTakerFee", self.max_perps_taker_fee)?,
                    need("MaxPerpsMakerFee", self.max_perps_maker_fee)?,
                    need("MaxSpotTakerFee", self.max_spot_taker_fee)?,
                    need("MaxSpotMakerFee", self.max_spot_maker_fee)?,
                ],
                expiry: need("ApprovalExpiry", self.approval_expiry)?,
                l1_signature: self.l1_sig.unwrap_or_default(),
            },
            found => return Err(TxError::Kind { found }),
        };
        let head = Head {
            account_index: self.account_index,
            api_key_index: self.api_key_index,
            expired_at: self.expired_at,
            nonce: self.nonce,
            attributes: self.l2_tx_attributes.unwrap_or_default(),
        };
        Ok(SignedTx { head, tx, signature: Signature(bytes("Sig", &self.sig)?) })
    }
}
