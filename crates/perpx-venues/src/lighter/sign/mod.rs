//! Lighter's signatures. A transaction is a list of numbers; its Poseidon2 hash is what the venue calls `tx_hash` and what an
//! API key signs (Schnorr over the curve ECgFp5). Field, curve and hash come from `goldilocks-crypto` and `poseidon-hash`; which
//! numbers in which order, what is legal and the JSON are here, and held by vectors of the venue's own signer.
//!
//! | module | what lives there |
//! | --- | --- |
//! | `key` | private and public keys, signing (every signature is verified before it is handed out), verifying |
//! | `tx` | the transactions of a trader, to and from the JSON of `tx_info` |
//! | `check` | what the venue's signer refuses |
//! | `hash` | the numbers that are hashed |
//! | `token` | the token of private reads and channels |

mod check;
mod hash;
mod key;
#[cfg(test)]
mod tests;
mod token;
mod tx;

pub use check::Refused;
pub use hash::{TxHash, tx_hash};
pub use key::{KeyError, PrivateKey, PublicKey, Signature};
pub use token::{AuthToken, TokenError};
pub use tx::{
    Attributes, Head, NewOrder, SignedTx, Tx, TxError, attribute, cancel_all, order_type, time_in_force, tx_type,
};
