//! Wallets of Ethereum: addresses, and who signed a text (EIP-191, "personal_sign").

use crate::secret::hex_bytes;
use k256::ecdsa::{RecoveryId, Signature, VerifyingKey};
use sha3::{Digest, Keccak256};
use std::fmt;

/// The last 20 bytes of the hash of a public key. Written with the checksum of EIP-55, read in any case.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Address(pub [u8; 20]);

impl Address {
    /// 0x and 40 hex digits.
    pub fn read(text: &str) -> Option<Address> {
        text.starts_with("0x").then(|| hex_bytes(text).map(Address))?
    }

    pub(crate) fn of(key: &VerifyingKey) -> Address {
        let point = key.to_sec1_point(false);
        let hash: [u8; 32] = Keccak256::digest(point.as_bytes().get(1..).unwrap_or_default()).into();
        let mut address = [0; 20];
        address.copy_from_slice(&hash[12..]);
        Address(address)
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let plain = hex::encode(self.0);
        let hash: [u8; 32] = Keccak256::digest(plain.as_bytes()).into();
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

/// Who signed `text`; `signature`: 0x and the 65 bytes of r, s, v in hex. `None`: nobody.
pub fn signer_of(text: &str, signature: &str) -> Option<Address> {
    let bytes = hex_bytes::<65>(signature)?;
    let recovery = RecoveryId::from_byte(bytes[64].checked_sub(27)?)?;
    let ecdsa = Signature::from_slice(&bytes[..64]).ok()?;
    let digest = Keccak256::digest(format!("\x19Ethereum Signed Message:\n{}{text}", text.len()).as_bytes());
    VerifyingKey::recover_from_prehash(&digest, &ecdsa, recovery).ok().map(|key| Address::of(&key))
}

#[cfg(test)]
mod tests {
    use super::*;
    use k256::ecdsa::SigningKey;

    #[test]
    fn a_text_tells_who_signed_it() {
        let key = SigningKey::from_slice(&[7; 32]).expect("a key");
        let prefixed = b"\x19Ethereum Signed Message:\n5hello";
        let (made, recovery) = key.sign_prehash_recoverable(&Keccak256::digest(prefixed));
        let text = format!("0x{}{:02x}", hex::encode(made.to_bytes()), 27 + recovery.to_byte());
        assert_eq!(signer_of("hello", &text), Some(Address::of(key.verifying_key())));
        assert_ne!(signer_of("hullo", &text), Some(Address::of(key.verifying_key())));
        assert_eq!(signer_of("hello", "0x12"), None);
    }
}
