//! EIP-712 by hand. A word is 32 bytes, big-endian; a number below zero is two's complement.
//! Source: EIP-712, "Definition of hashStruct" and "Definition of encodeData".

use crate::grvt::rest::{Instrument, WalletLogin};
use crate::grvt::trade::{
    AddPositionMargin, AuthorizeBuilder, Leg, MarginType, Order, SetDeriskRatio, SetPositionConfig, Signature,
    TimeInForce,
};
use crate::secret::hex_bytes;
use crate::wire::Dec;
use sha3::{Digest, Keccak256};
use std::collections::BTreeMap;
use thiserror::Error;

pub(super) const DOMAIN: &str = "EIP712Domain(string name,string version,uint256 chainId)";
pub(super) const LEG: &str = "OrderLeg(uint256 assetID,uint64 contractSize,uint64 limitPrice,bool isBuyingContract)";
pub(super) const ORDER: &str = "Order(uint64 subAccountID,bool isMarket,uint8 timeInForce,bool postOnly,bool reduceOnly,\
                     OrderLeg[] legs,uint32 nonce,int64 expiration)";
pub(super) const ORDER_WITH_FEE: &str = "OrderWithBuilderFee(uint64 subAccountID,bool isMarket,uint8 timeInForce,\
                              bool postOnly,bool reduceOnly,OrderLeg[] legs,address builder,uint32 builderFee,\
                              uint32 nonce,int64 expiration)";
pub(super) const POSITION_CONFIG: &str = "SetSubAccountPositionMarginConfig(uint64 subAccountID,uint256 asset,\
                               uint8 marginType,int32 leverage,uint32 nonce,int64 expiration)";
pub(super) const ADD_MARGIN: &str =
    "AddIsolatedPositionMargin(uint64 subAccountID,uint256 asset,int64 amount,uint32 nonce,int64 expiration)";
pub(super) const DERISK: &str = "SetDeriskToMaintenanceMarginRatio(uint64 subAccountID,\
                      uint32 deriskToMaintenanceMarginRatio,uint32 nonce,int64 expiration)";
pub(super) const WALLET_LOGIN: &str = "WalletLogin(address signer,uint32 nonce,int64 expiration)";
pub(super) const AUTHORIZE_BUILDER: &str = "AuthorizeBuilder(address mainAccountID,address builderAccountID,\
                                 uint32 maxFutureFeeRate,uint32 maxSpotFeeRate,uint32 nonce,int64 expiration)";

/// Decimals of a signed price; of a signed leverage, margin amount or ratio; of a signed builder fee.
const PRICE_DECIMALS: u32 = 9;
const MILLIONTHS: u32 = 6;
const FEE_DECIMALS: u32 = 4;

/// A word of EIP-712.
pub type Word = [u8; 32];

/// What is signed of an instrument in place of its name and size.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Asset {
    /// The hash that stands for the instrument.
    pub id: Word,
    /// Signed sizes are in 10^-base_decimals.
    pub base_decimals: u32,
}

/// Instruments by name.
#[derive(Clone, Debug, Default)]
pub struct Assets(BTreeMap<String, Asset>);

impl Assets {
    /// Takes an instrument in; one whose hash is no number of 256 bits cannot be traded.
    pub fn add(&mut self, instrument: &Instrument) -> Result<(), EncodeError> {
        let found = &instrument.instrument_hash;
        let bad = || EncodeError::Hash { instrument: instrument.instrument.clone(), found: found.clone() };
        let digits = found.strip_prefix("0x").unwrap_or(found);
        let id = hex_bytes::<32>(&format!("{digits:0>64}")).filter(|_| !digits.is_empty()).ok_or_else(bad)?;
        let asset = Asset { id, base_decimals: instrument.base_decimals.0 };
        self.0.insert(instrument.instrument.clone(), asset);
        Ok(())
    }

    fn get(&self, instrument: &str) -> Result<&Asset, EncodeError> {
        self.0.get(instrument).ok_or_else(|| EncodeError::Unknown { instrument: instrument.to_owned() })
    }
}

/// Why a message has no digest.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
// the texts say what the fields are
#[allow(missing_docs)]
pub enum EncodeError {
    /// An instrument that the venue did not list.
    #[error("{instrument}: not among the instruments that the venue listed")]
    Unknown { instrument: String },
    /// A hash that is no number.
    #[error("{instrument}: the instrument hash {found:?} is no number of 256 bits")]
    Hash { instrument: String, found: String },
    /// A number that does not fit its field.
    #[error("{field} {found:?} does not fit {kind}")]
    Range { field: &'static str, found: String, kind: &'static str },
    /// A word that has no number.
    #[error("{field} {found:?} has no number to be signed by")]
    Word { field: &'static str, found: String },
}

/// A message that carries a signature.
pub trait Signed {
    /// EIP-712 `hashStruct`, with the expiration and the nonce of the signature.
    fn struct_hash(&self, assets: &Assets) -> Result<Word, EncodeError>;
    /// As it stands in the message.
    fn signature(&self) -> &Signature;
    /// To be filled in.
    fn signature_mut(&mut self) -> &mut Signature;
}

macro_rules! signed {
    ($($type:ty: $hash:ident),*) => { $(
        impl Signed for $type {
            fn struct_hash(&self, assets: &Assets) -> Result<Word, EncodeError> {
                $hash(self, assets)
            }
            fn signature(&self) -> &Signature {
                &self.signature
            }
            fn signature_mut(&mut self) -> &mut Signature {
                &mut self.signature
            }
        }
    )* };
}
signed!(Order: order, SetPositionConfig: position_config, AddPositionMargin: add_margin, SetDeriskRatio: derisk);
signed!(WalletLogin: wallet_login, AuthorizeBuilder: authorize_builder);

/// The 32 bytes that are signed on the chain `chain_id`.
pub fn digest(chain_id: u64, message: &impl Signed, assets: &Assets) -> Result<Word, EncodeError> {
    let head = [&[0x19, 0x01][..], &domain(chain_id)].concat();
    Ok(keccak(&[&head, &message.struct_hash(assets)?]))
}

pub(super) fn domain(chain_id: u64) -> Word {
    keccak(&[&text(DOMAIN), &text("GRVT Exchange"), &text("0"), &unsigned(chain_id)])
}

fn keccak(parts: &[&[u8]]) -> Word {
    let mut hash = Keccak256::new();
    parts.iter().for_each(|part| hash.update(part));
    hash.finalize().into()
}

pub(super) fn text(text: &str) -> Word {
    keccak(&[text.as_bytes()])
}

fn unsigned(value: u64) -> Word {
    let mut word = [0; 32];
    word[24..].copy_from_slice(&value.to_be_bytes());
    word
}

fn signed(value: i64) -> Word {
    let mut word = [if value < 0 { 0xff } else { 0 }; 32];
    word[24..].copy_from_slice(&value.to_be_bytes());
    word
}

fn flag(value: Option<bool>) -> Word {
    unsigned(u64::from(value == Some(true)))
}

/// `value` in 10^-scale, cut off toward zero, as the venue cuts it.
fn cut<T: TryFrom<i128>>(field: &'static str, value: &Dec, scale: u32) -> Result<T, EncodeError> {
    let cut = value.value().and_then(|value| {
        let (mantissa, digits) = (value.mantissa(), value.scale());
        if digits <= scale {
            mantissa.checked_mul(10i128.checked_pow(scale - digits)?)
        } else {
            Some(mantissa / 10i128.checked_pow(digits - scale)?)
        }
    });
    let kind = std::any::type_name::<T>();
    cut.and_then(|cut| T::try_from(cut).ok()).ok_or_else(|| EncodeError::Range {
        field,
        found: value.to_string(),
        kind,
    })
}

/// Nonce and expiration, the end of every message.
fn tail(signature: &Signature) -> [Word; 2] {
    [unsigned(signature.nonce.0.into()), signed(signature.expiration.0)]
}

fn order(order: &Order, assets: &Assets) -> Result<Word, EncodeError> {
    let mut legs = Keccak256::new();
    for leg in &order.legs {
        legs.update(leg_hash(leg, assets, order.is_market == Some(true))?);
    }
    let legs: Word = legs.finalize().into();
    let time_in_force = match &order.time_in_force {
        TimeInForce::GoodTillTime => 1,
        TimeInForce::AllOrNone => 2,
        TimeInForce::ImmediateOrCancel => 3,
        TimeInForce::FillOrKill => 4,
        TimeInForce::RetailPriceImprovement => 5,
        TimeInForce::Other(found) => {
            return Err(EncodeError::Word { field: "time_in_force", found: found.to_string() });
        }
    };
    let words = [
        unsigned(order.sub_account_id.0),
        flag(order.is_market),
        unsigned(time_in_force),
        flag(order.post_only),
        flag(order.reduce_only),
        legs,
    ];
    let [nonce, expiration] = tail(&order.signature);
    let (fields, end) = (words.concat(), [nonce, expiration].concat());
    match builder(order)? {
        None => Ok(keccak(&[&text(&[ORDER, LEG].concat()), &fields, &end])),
        Some(fee) => Ok(keccak(&[&text(&[ORDER_WITH_FEE, LEG].concat()), &fields, &fee.concat(), &end])),
    }
}

/// Address and fee of a builder. A venue's echo writes "0x00" or "" for none.
fn builder(order: &Order) -> Result<Option<[Word; 2]>, EncodeError> {
    let found = order.builder.as_deref().unwrap_or_default();
    if matches!(found, "" | "0x00") {
        return Ok(None);
    }
    let address = address("builder", found)?;
    let fee = order.builder_fee.unwrap_or(Dec::EMPTY);
    Ok(Some([address, unsigned(cut::<u32>("builder_fee", &fee, FEE_DECIMALS)?.into())]))
}

fn address(field: &'static str, found: &str) -> Result<Word, EncodeError> {
    let bytes = hex_bytes::<20>(found).ok_or_else(|| EncodeError::Word { field, found: found.to_owned() })?;
    let mut word = [0; 32];
    word[12..].copy_from_slice(&bytes);
    Ok(word)
}

fn leg_hash(leg: &Leg, assets: &Assets, market: bool) -> Result<Word, EncodeError> {
    let asset = assets.get(&leg.instrument)?;
    // a market order has no price, or one of 0
    let price = match &leg.limit_price {
        None => 0,
        Some(price) if market && price.value().is_none() => 0,
        Some(price) => cut("limit_price", price, PRICE_DECIMALS)?,
    };
    let size = unsigned(cut("size", &leg.size, asset.base_decimals)?);
    Ok(keccak(&[&text(LEG), &asset.id, &size, &unsigned(price), &flag(Some(leg.is_buying_asset))]))
}

fn position_config(config: &SetPositionConfig, assets: &Assets) -> Result<Word, EncodeError> {
    let margin_type = match &config.margin_type {
        MarginType::Isolated => 1,
        MarginType::Cross => 2,
        MarginType::Other(found) => {
            return Err(EncodeError::Word { field: "margin_type", found: found.to_string() });
        }
    };
    let leverage: i32 = cut("leverage", &config.leverage, MILLIONTHS)?;
    let words = [
        text(POSITION_CONFIG),
        unsigned(config.sub_account_id.0),
        assets.get(&config.instrument)?.id,
        unsigned(margin_type),
        signed(leverage.into()),
    ];
    Ok(keccak(&[&words.concat(), &tail(&config.signature).concat()]))
}

fn add_margin(add: &AddPositionMargin, assets: &Assets) -> Result<Word, EncodeError> {
    let words = [
        text(ADD_MARGIN),
        unsigned(add.sub_account_id.0),
        assets.get(&add.instrument)?.id,
        signed(cut("amount", &add.amount, MILLIONTHS)?),
    ];
    Ok(keccak(&[&words.concat(), &tail(&add.signature).concat()]))
}

fn derisk(derisk: &SetDeriskRatio, _assets: &Assets) -> Result<Word, EncodeError> {
    let ratio: u32 = cut("ratio", &derisk.ratio, MILLIONTHS)?;
    let words = [text(DERISK), unsigned(derisk.sub_account_id.0), unsigned(ratio.into())];
    Ok(keccak(&[&words.concat(), &tail(&derisk.signature).concat()]))
}

fn wallet_login(login: &WalletLogin, _assets: &Assets) -> Result<Word, EncodeError> {
    let words = [text(WALLET_LOGIN), address("address", &login.address)?];
    Ok(keccak(&[&words.concat(), &tail(&login.signature).concat()]))
}

fn authorize_builder(authorize: &AuthorizeBuilder, _assets: &Assets) -> Result<Word, EncodeError> {
    let fee = |field, rate| cut::<u32>(field, rate, FEE_DECIMALS).map(|fee| unsigned(fee.into()));
    let words = [
        text(AUTHORIZE_BUILDER),
        address("main_account_id", &authorize.main_account_id)?,
        address("builder_account_id", &authorize.builder_account_id)?,
        fee("max_futures_fee_rate", &authorize.max_futures_fee_rate)?,
        fee("max_spot_fee_rate", &authorize.max_spot_fee_rate)?,
    ];
    Ok(keccak(&[&words.concat(), &tail(&authorize.signature).concat()]))
}

#[cfg(test)]
pub(super) fn type_hash(name: &str) -> Option<Word> {
    let with_leg = |order: &str| text(&[order, LEG].concat());
    Some(match name {
        "EIP712Domain" => text(DOMAIN),
        "Order" => with_leg(ORDER),
        "OrderLeg" => text(LEG),
        "OrderWithBuilderFee" => with_leg(ORDER_WITH_FEE),
        "SetSubAccountPositionMarginConfig" => text(POSITION_CONFIG),
        "AddIsolatedPositionMargin" => text(ADD_MARGIN),
        _ => return None,
    })
}
