//! perpx: which thresholds of a cross-exchange perpetual strategy are worth deploying.
//!
//! The three commands are thin; what they are made of lies in five crates, re-exported here:
//!
//! | crate | what lives there |
//! | --- | --- |
//! | [`perpx_core`] | the deterministic engine: units to drivers, strategy and simulated venues |
//! | [`perpx_data`] | stores, import, check, the loader that makes tiles, what a backtest needs of the data |
//! | [`perpx_venues`] | Lighter and GRVT as they speak, and emulators of them |
//! | [`perpx_sweep`] | grids, sweeps, results, reports, the audit of a finished run |
//! | [`perpx_live`] | the runner: the winner moved through time as it comes |

pub use perpx_core;
pub use perpx_data;
pub use perpx_live;
pub use perpx_sweep;
pub use perpx_venues;

pub use perpx_core::{
    config, execution, ledger, market, port, replay, signals, sim, stats, strategy, tape, trader, units, watch,
};
pub use perpx_data::{TapeError, check, import, info, loader, read_config, store, synth, text};
pub use perpx_live as live;
pub use perpx_sweep as sweep;
pub use perpx_sweep::audit;
pub use perpx_venues as venues;
