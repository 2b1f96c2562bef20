//! The token of private reads and channels: `deadline:account:api key:signature`.

use super::hash::text_hash;
use super::key::{KeyError, PrivateKey, PublicKey, Signature};
use std::fmt;
use thiserror::Error;

/// A signed token. It opens private reads, so `Debug` leaves the signature out; `Display` is what the venue is sent.
#[derive(Clone, PartialEq, Eq)]
pub struct AuthToken {
    /// Unix seconds; at most 8 hours ahead.
    pub deadline: i64,
    /// The account that it opens.
    pub account_index: i64,
    /// The key that signed it.
    pub api_key_index: i64,
    /// Of the three numbers as text.
    pub signature: Signature,
}

/// A text that is no token.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("a token is deadline:account:api_key:signature, three whole numbers in plain digits and 160 hex digits")]
pub struct TokenError;

impl AuthToken {
    /// A token until `deadline`, Unix seconds.
    pub fn sign(
        key: &PrivateKey,
        deadline: i64,
        account_index: i64,
        api_key_index: i64,
    ) -> Result<AuthToken, KeyError> {
        let signature = key.sign(&text_hash(&message(deadline, account_index, api_key_index)))?;
        Ok(AuthToken { deadline, account_index, api_key_index, signature })
    }

    /// Reads a token; whether it is a good one, `verify` and the deadline tell.
    pub fn parse(text: &str) -> Result<AuthToken, TokenError> {
        let mut parts = text.split(':');
        let mut number = || parts.next().and_then(|part| part.parse::<i64>().ok()).ok_or(TokenError);
        let (deadline, account_index, api_key_index) = (number()?, number()?, number()?);
        let signature = parts.next().and_then(Signature::from_hex).ok_or(TokenError)?;
        let token = AuthToken { deadline, account_index, api_key_index, signature };
        // what was signed are the digits: only one way to write a number is accepted
        if parts.next().is_none() && token.to_string().eq_ignore_ascii_case(text) { Ok(token) } else { Err(TokenError) }
    }

    /// It was signed by `key`.
    pub fn verify(&self, key: &PublicKey) -> bool {
        key.verify(&text_hash(&message(self.deadline, self.account_index, self.api_key_index)), &self.signature)
    }
}

fn message(deadline: i64, account_index: i64, api_key_index: i64) -> String {
    format!("{deadline}:{account_index}:{api_key_index}")
}

impl fmt::Display for AuthToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let message = message(self.deadline, self.account_index, self.api_key_index);
        write!(f, "{message}:{}", self.signature.to_hex())
    }
}

impl fmt::Debug for AuthToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "AuthToken({}, ...)", message(self.deadline, self.account_index, self.api_key_index))
    }
}
