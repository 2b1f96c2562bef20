//! What a run leaves, and the order of its configurations.
//!
//! | file | noun |
//! | --- | --- |
//! | `folder` | a run's folder: who may write to it, what an earlier run left |
//! | `spool` | the finished rows, before they are ranked |
//! | `trial_spool` | the finished rows of the trial matrix, before equal ledgers are made one |
//! | `ranking` | which configuration is better |
//! | `front` | of several objectives, which configurations are beaten by none |
//! | `columns` | every column of the tables: name, type, unit, meaning |
//! | `reader` | the tables of a finished run as data frames |
//! | `table`, `leaderboard`, `best`, `manifest` | results.parquet, leaderboard.csv, best.yml, run.json |
//! | `ledgers` | the tables of the best |

pub mod best;
pub mod columns;
pub mod folder;
pub mod front;
pub mod leaderboard;
pub mod ledgers;
pub mod manifest;
pub mod ranking;
pub mod reader;
pub mod spool;
pub mod table;
pub mod trial_spool;
