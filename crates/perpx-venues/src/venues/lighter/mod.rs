//! Lighter: signed transactions, the messages of its REST interface and stream, its order books.

pub mod book;
pub mod rest;
pub mod sign;
pub mod stream;
