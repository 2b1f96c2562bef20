//! What of the repository names the code that makes results, and the code that makes tiles.

/// The crates that decide what a result is, lowest first. Venues and the live runner come after the results.
pub const CRATES: [&str; 3] = ["perpx-core", "perpx-data", "perpx-sweep"];

/// Modules (a folder with `mod.rs`) and files that decide what a tile is.
pub const TILE_SOURCES: &[&str] = &[
    "crates/perpx-core/src/units",
    "crates/perpx-core/src/market",
    "crates/perpx-core/src/tape",
    "crates/perpx-data/src/loader",
    "crates/perpx-data/src/store",
    "crates/perpx-data/src/identity.rs",
];
