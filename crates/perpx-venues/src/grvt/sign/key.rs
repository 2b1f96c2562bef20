//! Keys and addresses of Ethereum.

use super::encode::{Assets, EncodeError, Signed, Word, digest};
use crate::secret::{SecretError, hex_bytes, secret};
use k256::ecdsa::{SigningKey, VerifyingKey};
use secrecy::ExposeSecret;
use sha3::{Digest, Keccak256};
use std::fmt;
use std::path::Path;
use zeroize::Zeroizing;

/// The last 20 bytes of the hash of a public key. Written with the checksum of EIP-55, read in any case.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Address(pub [u8; 20]);

impl Address {
    /// 0x and 40 hex digits.
    pub fn read(text: &str) -> Option<Address> {
        text.starts_with("0x").then(|| hex_bytes(text).map(Address))?
    }

    pub(super) fn of(key: &VerifyingKey) -> Address {
        let point = key.to_sec1_point(false);
        let hash: Word = Keccak256::digest(point.as_bytes().get(1..).unwrap_or_default()).into();
        let mut address = [0; 20];
        address.copy_from_slice(&hash[12..]);
        Address(address)
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let plain = hex::encode(self.0);
        let hash: Word = Keccak256::digest(plain.as_bytes()).into();
        f.write_str("0x")?;
        for (at, digit) in plain.chars().enumerate() {
            let nibble = hash[at / 2] >> (4 * (1 - at % 2)) & 0xf;
            write!(f, "{}", if nibble >= 8 { digit.to_ascii_uppercase() } else { digit })?;
        }
        Ok(())
    }
}

impl fmt::Debug for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

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
