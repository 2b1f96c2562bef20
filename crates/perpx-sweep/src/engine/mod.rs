//! A sweep as it runs.
//!
//! | file | noun |
//! | --- | --- |
//! | `points`, `batches` | strategy points in the order of their ids; those of a run, a batch at a time |
//! | `pruning` | worlds that need not be run |
//! | `search` | which points are tried, where not all are |
//! | `chunk` | as many machines as move through the tape together |
//! | `shard` | those of them that are moved as one while they stand alike |
//! | `prefetch`, `scheduler` | tiles made ready while one is run; the workers that run it |
//! | `condition_stats` | how often each condition of the gate held |
//! | `checkpoint` | where a run stands |
//! | `rerun` | a configuration once more, with everything written down |
//! | `estimate` | how long a run is likely to take |
//! | `plan`, `progress` | what is printed before and meanwhile |
//! | `run` | the flow: chunks, then the best once more, then the files |
//! | `plateaus` | what each configuration and its neighbours are worth |
//! | `trials`, `judgement` | the trial matrix of a run; what it and the run say of the winner |
//! | `walk_forward` | the choices of a walk-forward, run again from flat |
//! | `placebo` | the search again on markets without an edge |
//! | `manifest` | what the run says of itself |
//! | `market_view`, `winner_detail`, `course` | the market that the winner saw; what it did; interval by interval |
//! | `report_input` | what the report page is made from |

mod batches;
mod checkpoint;
mod chunk;
mod condition_stats;
mod course;
mod estimate;
pub mod judgement;
mod manifest;
mod market_view;
pub mod placebo;
mod plan;
mod plateaus;
pub mod points;
mod prefetch;
mod progress;
mod pruning;
pub mod report_input;
pub mod rerun;
pub mod run;
mod scheduler;
mod search;
mod shard;
mod trials;
mod walk_forward;
mod winner_detail;
