//! Keys and signatures: 40 bytes of a scalar, 40 bytes of a point, 80 bytes of a signature, little-endian all of them.

use super::hash::{TxHash, canonical, quintic};
use crate::secret::{SecretError, hex_bytes, secret};
use goldilocks_crypto::{Fp5Element, Goldilocks, Point, ScalarField, sign_with_nonce};
use secrecy::ExposeSecret;
use std::fmt;
use std::path::Path;
use thiserror::Error;
use zeroize::{Zeroize, Zeroizing};

/// Why a key is none, or did not sign.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum KeyError {
    /// No hex digits of a private key.
    #[error("a private key is 80 hex digits (40 bytes, little-endian)")]
    NotHex,
    /// No scalar of the curve.
    #[error("the private key is zero or not below the order of the curve less one; make a new API key")]
    Range,
    /// No public key.
    #[error("a public key is 80 hex digits (40 bytes) of a point of the curve")]
    NotAPoint,
    /// A signature that does not verify.
    #[error("the signature just made does not verify under its own key; nothing was sent")]
    SelfCheck,
}

/// An API key of Lighter. The scalar is wiped when the key is dropped and is never printed.
pub struct PrivateKey {
    bytes: Zeroizing<[u8; 40]>,
    public: PublicKey,
}

impl PrivateKey {
    /// The key in the variable `name` of the environment or of `env_file`.
    pub fn load(name: &str, env_file: &Path) -> Result<PrivateKey, SecretError> {
        let text = secret(name, env_file)?;
        PrivateKey::from_hex(text.expose_secret()).map_err(|error| SecretError::Refused {
            name: name.to_owned(),
            why: match error {
                KeyError::Range => "zero, or not below the order of the curve less one; make a new API key",
                _ => "a Lighter API key is 80 hex digits (40 bytes, little-endian)",
            },
        })
    }

    /// 80 hex digits, with or without 0x. The venue would reduce a larger number; here it is refused, for no honest key is
    /// one, and so is the order less one, which the curve's addition does not carry to its public key.
    pub fn from_hex(text: &str) -> Result<PrivateKey, KeyError> {
        let bytes = Zeroizing::new(hex_bytes::<40>(text.trim()).ok_or(KeyError::NotHex)?);
        let mut scalar = ScalarField::from_bytes_le(&*bytes).map_err(|_| KeyError::NotHex)?;
        let safe = scalar.is_canonical() && !scalar.is_zero() && scalar != ScalarField::NEG_ONE;
        let point = safe.then(|| Point::generator().mul(&scalar));
        scalar.zeroize();
        let encoded = canonical(&point.ok_or(KeyError::Range)?.encode());
        Ok(PrivateKey { public: PublicKey::from_bytes(&encoded)?, bytes })
    }

    /// What the venue knows it by.
    pub fn public(&self) -> &PublicKey {
        &self.public
    }

    /// Signs `hash` with a fresh random number of the whole range (a deterministic one of 256 bits would give the key away)
    /// and verifies the signature.
    pub fn sign(&self, hash: &TxHash) -> Result<Signature, KeyError> {
        let mut nonce = ScalarField::sample_crypto();
        let nonce_bytes = Zeroizing::new(nonce.to_bytes_le());
        nonce.zeroize();
        let made = sign_with_nonce(&*self.bytes, &hash.0, &*nonce_bytes).ok();
        let signature = made.and_then(|bytes| <[u8; 80]>::try_from(bytes).ok()).map(Signature);
        signature.filter(|signature| self.public.verify(hash, signature)).ok_or(KeyError::SelfCheck)
    }
}

impl fmt::Debug for PrivateKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PrivateKey").field("public", &self.public).finish_non_exhaustive()
    }
}

/// A point of the curve that is not the neutral one.
#[derive(Clone, Copy)]
pub struct PublicKey {
    bytes: [u8; 40],
    point: Point,
}

impl PublicKey {
    /// As `apikeys` shows it: 80 hex digits, with or without 0x. An empty slot (all zero) is no key.
    pub fn from_hex(text: &str) -> Result<PublicKey, KeyError> {
        PublicKey::from_bytes(&hex_bytes(text.trim()).ok_or(KeyError::NotAPoint)?)
    }

    /// # Errors
    /// Bytes that are no point of the curve.
    pub fn from_bytes(bytes: &[u8; 40]) -> Result<PublicKey, KeyError> {
        let point = element(bytes).and_then(|encoded| Point::decode(&encoded));
        let point = point.filter(|point| !point.is_neutral()).ok_or(KeyError::NotAPoint)?;
        Ok(PublicKey { bytes: *bytes, point })
    }

    /// Little-endian.
    pub fn bytes(&self) -> &[u8; 40] {
        &self.bytes
    }

    /// 80 hex digits.
    pub fn to_hex(&self) -> String {
        hex::encode(self.bytes)
    }

    /// True when the holder of this key signed `hash`: e = H(encode(s G + e P), hash), both scalars below the order. The crates'
    /// own check is not used: in a debug build it prints what it compares.
    pub fn verify(&self, hash: &TxHash, signature: &Signature) -> bool {
        let (Some(message), Some([s, e])) = (element(&hash.0), signature.scalars()) else { return false };
        let point = Point::generator().mul(&s).add(&self.point.mul(&e));
        let preimage: Vec<Goldilocks> = point.encode().0.into_iter().chain(message.0).collect();
        ScalarField::from_fp5_element(&quintic(&preimage)) == e
    }
}

impl fmt::Debug for PublicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "PublicKey({})", self.to_hex())
    }
}

impl PartialEq for PublicKey {
    fn eq(&self, other: &PublicKey) -> bool {
        self.bytes == other.bytes
    }
}
impl Eq for PublicKey {}

/// s, then e.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Signature(pub [u8; 80]);

impl Signature {
    /// 160 hex digits.
    pub fn to_hex(&self) -> String {
        hex::encode(self.0)
    }

    /// Of 160 hex digits.
    pub fn from_hex(text: &str) -> Option<Signature> {
        hex_bytes(text).map(Signature)
    }

    /// Both scalars, when they are below the order of the curve.
    fn scalars(&self) -> Option<[ScalarField; 2]> {
        let (s, e) = self.0.split_at(40);
        let scalar = |bytes| ScalarField::from_bytes_le(bytes).ok().filter(ScalarField::is_canonical);
        Some([scalar(s)?, scalar(e)?])
    }
}

impl fmt::Debug for Signature {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Signature({})", self.to_hex())
    }
}

/// Five limbs of the field, each below its order.
fn element(bytes: &[u8; 40]) -> Option<Fp5Element> {
    let element = Fp5Element::from_bytes_le(bytes).ok()?;
    element.0.iter().all(|limb| limb.0 < Goldilocks::MODULUS).then_some(element)
}
