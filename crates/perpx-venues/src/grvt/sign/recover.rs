//! Who signed a message, and what a venue finds wrong with a signature.

use super::encode::{Assets, EncodeError, Signed, digest};
use crate::grvt::trade::Signature;
use crate::secret::hex_bytes;
use crate::wallet::Address;
use k256::ecdsa::{RecoveryId, Signature as Ecdsa, VerifyingKey};
use perpx_core::units::{DAY, Time, TimeDelta};
use thiserror::Error;

/// A signature may end this much ahead.
pub const MAX_EXPIRY: TimeDelta = DAY.times(30);

/// Why a signature is not taken.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
// the texts say what the fields are
#[allow(missing_docs)]
pub enum SignatureError {
    /// A recovery number that is none.
    #[error("v is {found}; accepted: 27, 28")]
    V { found: u8 },
    /// `r` or `s` out of range.
    #[error("{field} is {found:?}; accepted: 0x and 64 hex digits, neither zero nor above the order of secp256k1")]
    Scalar { field: &'static str, found: String },
    /// The other one of two equal signatures.
    #[error("s is in the upper half of the order; the signature with the lower one is the only one accepted")]
    HighS,
    /// For another chain.
    #[error("the signature is for chain {found}, this is chain {chain_id}")]
    Chain { found: u64, chain_id: u64 },
    /// It is over.
    #[error("the signature expired at {expiration} ns")]
    Expired { expiration: i64 },
    /// It ends too late.
    #[error("the signature expires at {expiration} ns, more than 30 days ahead")]
    TooFar { expiration: i64 },
    /// The signer named is no address.
    #[error("signer {found:?} is no address")]
    Signer { found: String },
    /// Signed by another.
    #[error("signed by {recovered}, but signer is {claimed}: what was signed is not what was sent")]
    Mismatch { claimed: Address, recovered: Address },
    /// By no key at all.
    #[error("no key makes this signature of what was sent")]
    NoKey,
    /// The message has no digest.
    #[error(transparent)]
    Encode(#[from] EncodeError),
}

impl SignatureError {
    /// The venue's code.
    pub fn code(&self) -> u32 {
        match self {
            SignatureError::V { .. } => 2005,
            SignatureError::Scalar { .. } => 2006,
            SignatureError::HighS => 2007,
            SignatureError::Chain { .. } => 1012,
            SignatureError::Expired { .. } => 2001,
            SignatureError::TooFar { .. } => 2008,
            SignatureError::Mismatch { .. } | SignatureError::NoKey => 2002,
            SignatureError::Signer { .. } => 2000,
            SignatureError::Encode(EncodeError::Unknown { .. } | EncodeError::Hash { .. }) => 2061,
            SignatureError::Encode(_) => 1003,
        }
    }
}

/// The address that signed `message`, which is also the one it names.
pub fn recover(message: &impl Signed, chain_id: u64, assets: &Assets) -> Result<Address, SignatureError> {
    let signature = message.signature();
    let chain = signature.chain_id.map_or(0, |chain| chain.0);
    if chain != 0 && chain != chain_id {
        return Err(SignatureError::Chain { found: chain, chain_id });
    }
    let claimed =
        Address::read(&signature.signer).ok_or_else(|| SignatureError::Signer { found: signature.signer.clone() })?;
    let (ecdsa, recovery) = scalars(signature)?;
    let digest = digest(chain_id, message, assets)?;
    let key = VerifyingKey::recover_from_prehash(&digest, &ecdsa, recovery).map_err(|_| SignatureError::NoKey)?;
    let recovered = Address::of(&key);
    if recovered == claimed { Ok(recovered) } else { Err(SignatureError::Mismatch { claimed, recovered }) }
}

/// The end of a signature lies ahead of `now`, and not too far.
pub fn check_expiry(signature: &Signature, now: Time) -> Result<(), SignatureError> {
    let expiration = signature.expiration.0;
    match Time(expiration).since(now) {
        left if left <= TimeDelta::ZERO => Err(SignatureError::Expired { expiration }),
        left if left <= MAX_EXPIRY => Ok(()),
        _ => Err(SignatureError::TooFar { expiration }),
    }
}

fn scalars(signature: &Signature) -> Result<(Ecdsa, RecoveryId), SignatureError> {
    let recovery = signature.v.0.checked_sub(27).filter(|bit| *bit < 2).and_then(RecoveryId::from_byte);
    let recovery = recovery.ok_or(SignatureError::V { found: signature.v.0 })?;
    let bytes = |field: &'static str, text: &String| {
        let whole = text.starts_with("0x").then(|| hex_bytes::<32>(text)).flatten();
        whole.ok_or_else(|| SignatureError::Scalar { field, found: text.clone() })
    };
    let (r, s) = (bytes("r", &signature.r)?, bytes("s", &signature.s)?);
    let ecdsa = Ecdsa::from_scalars(r, s);
    let ecdsa = ecdsa.map_err(|_| SignatureError::Scalar { field: "r or s", found: signature.r.clone() })?;
    if ecdsa.normalize_s() == ecdsa { Ok((ecdsa, recovery)) } else { Err(SignatureError::HighS) }
}
