//! Lighter: signed transactions, the messages of its REST interface and stream, its order books; a client and an emulator.

pub mod book;
pub mod client;
pub mod emulated;
pub mod emulator;
pub mod rest;
pub mod sign;
pub mod stream;

/// What signatures are for: on mainnet, and on the test network.
pub const CHAINS: [u32; 2] = [304, 300];
