//! GRVT: EIP-712 signatures, the messages of its JSON-RPC interface (REST and stream), its order books; a client and an emulator.
//! Full names only, never the lite ones, which mean different things at different depths.

pub mod book;
pub mod client;
pub mod emulated;
pub mod emulator;
pub mod rest;
pub mod sign;
pub mod stream;
pub mod trade;

/// What prices and money are in.
pub const QUOTE: &str = "USDT";

/// What signatures are for: on mainnet, and on the test network.
pub const CHAINS: [u64; 2] = [325, 326];
