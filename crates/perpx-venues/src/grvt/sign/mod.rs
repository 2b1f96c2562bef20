//! GRVT's signatures: EIP-712 over four fixed messages, encoded by hand (each field one word of 32 bytes), secp256k1 with the
//! nonce of RFC 6979 and low s. What is signed are the decimals that are sent, so one function makes the digest for both sides.
//!
//! | module | what lives there |
//! | --- | --- |
//! | `encode` | words, hashes of the messages, the digest |
//! | `key` | keys, addresses, signing |
//! | `recover` | who signed a message, and all that a venue finds wrong with a signature |

mod encode;
mod key;
mod recover;
#[cfg(test)]
mod tests;

pub use crate::wallet::Address;
pub use encode::{Asset, Assets, EncodeError, Signed, digest};
pub use key::PrivateKey;
pub use recover::{MAX_EXPIRY, SignatureError, check_expiry, recover};
