//! Keys of Ethereum.

use super::encode::{Assets, EncodeError, Signed, digest};
use crate::secret::{SecretError, hex_bytes, secret};
use crate::wallet::Address;
use k256::ecdsa::SigningKey;
use secrecy::ExposeSecret;
use std::fmt;
use std::path::Path;
use zeroize::Zeroizing;

/// The key that the venue's API key is tagged with. Wiped when dropped, never printed.
pub struct PrivateKey {
    key: SigningKey,
    address: Address,
}

impl PrivateKey {
    /// The key in the variable `name` of the environment or of `env_file`.
    pub fn load(name: &str, env_file: &Path) -> Result<PrivateKey, SecretError> {
        let text = secret(name, env_file)?;
        let why = "a GRVT key is 64 hex digits (32 bytes), neither zero nor above the order of secp256k1";
        PrivateKey::from_hex(text.expose_secret()).ok_or_else(|| SecretError::Refused { name: name.to_owned(), why })
    }

    /// 64 hex digits, with or without 0x; `None` for anything else, zero, and what is not below the order of the curve.
    pub fn from_hex(text: &str) -> Option<PrivateKey> {
        let bytes = Zeroizing::new(hex_bytes::<32>(text.trim())?);
        let key = SigningKey::from_slice(&*bytes).ok()?;
        let address = Address::of(key.verifying_key());
        Some(PrivateKey { key, address })
    }

    /// The address that its signatures recover to.
    pub fn address(&self) -> Address {
        self.address
    }

    /// Fills in signer, r, s and v. `expiration` and `nonce` of the signature are signed and stand there already.
    pub fn sign(&self, message: &mut impl Signed, chain_id: u64, assets: &Assets) -> Result<(), EncodeError> {
        let digest = digest(chain_id, message, assets)?;
        let (signature, recovery) = self.key.sign_prehash_recoverable(&digest);
        let (r, s) = signature.split_bytes();
        let out = message.signature_mut();
        out.signer = self.address.to_string();
        out.r = format!("0x{}", hex::encode(r));
        out.s = format!("0x{}", hex::encode(s));
        out.v = (27 + recovery.to_byte()).into();
        out.chain_id = Some(chain_id.into());
        Ok(())
    }
}

impl fmt::Debug for PrivateKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PrivateKey").field("address", &self.address).finish_non_exhaustive()
    }
}
