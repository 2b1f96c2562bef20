//! The two venues as they speak: signatures, messages, order books. No socket and no clock in here: text in, values out, and
//! back, so that the same types serve a client and a venue that is played on this machine.
//!
//! | module | what lives there |
//! | --- | --- |
//! | [`wire`] | decimals, numbers and words that survive what a venue may change |
//! | [`secret`] | keys: from the environment or `.env`, never from a configuration, never printed |
//! | [`book`] | price levels as scaled integers; what a broken sequence asks for |
//! | [`grvt`] | EIP-712 signatures, messages of the JSON-RPC interface, books of `v1.book` |
//! | [`lighter`] | transactions and their Schnorr signatures, REST and stream messages, books of `order_book` |

pub mod book;
#[cfg(test)]
mod fuzz;
pub mod grvt;
pub mod lighter;
#[cfg(test)]
mod recorded;
#[cfg(test)]
mod sample;
pub mod secret;
pub mod wire;
