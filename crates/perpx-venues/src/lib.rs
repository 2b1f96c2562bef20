//! The two venues, one folder each: how they speak (signatures, messages, order books), a client that trades there, and an
//! emulator that plays the venue on this machine. Messages and clients know no socket and no clock: text in, values out, and
//! back, so that the same types serve a client and a venue that is played.
//!
//! | module | what lives there |
//! | --- | --- |
//! | [`venue`] | which venues there are |
//! | [`wire`] | decimals, numbers and words that survive what a venue may change |
//! | [`secret`] | keys: from the environment or `.env`, never from a configuration, never printed |
//! | [`book`] | price levels as scaled integers; what a broken sequence asks for |
//! | [`wall`] | the machine's clock, and a market's that runs beside it |
//! | [`client`] | what every venue's client is, and our orders at one venue |
//! | [`emulate`] | what every emulator is: matching, account, connections, faults |
//! | [`lighter`] | transactions and their Schnorr signatures, REST and stream messages, books of `order_book` |
//! | [`grvt`] | EIP-712 signatures, messages of the JSON-RPC interface, books of `v1.book` |
//! | [`listing`] | the perpetuals that a venue lists |
//! | [`net`] | connections to a venue: TLS, sockets, lanes, what may be asked of it |
//! | [`record`] | the recorder: raw frames, and the feeds that make rows of them |
//! | [`asking`] | one request after the other, until there is an answer or no hope of one |
//! | [`backfill`] | `perpx-data backfill`: a venue's past as a store |
//! | [`refresh`] | `perpx-data venue refresh`: what a venue says of a perpetual |
//! | [`registry`] | by name: an emulator and the client of its account |
//! | [`running`] | emulators in threads of this program |
//! | [`command`] | `perpx-data emulate` |
//! | [`recorder`] | `perpx-data record`: sockets, files, lines |
//! | [`probe`] | the questions that no document settles, put to a venue |
//! | [`examine`] | what a venue says of an account, before anything is traded |

#![warn(missing_docs)]

pub mod asking;
pub mod backfill;
pub mod book;
pub mod client;
pub mod command;
pub mod emulate;
pub mod examine;
pub mod grvt;
pub mod lighter;
pub mod listing;
pub mod net;
pub mod probe;
pub mod record;
pub mod recorder;
pub mod refresh;
pub mod registry;
pub mod running;
pub mod secret;
#[cfg(test)]
mod tests;
pub mod venue;
pub mod wall;
pub mod wallet;
pub mod wire;
