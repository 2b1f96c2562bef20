//! Which points of a grid are tried, where not all of them are.
//!
//! | file | noun |
//! | --- | --- |
//! | `sequence` | points of a scrambled Sobol sequence, or drawn |
//! | `probe` | steps from the best so far |
//! | `external` | points that another program asks for |
//!
//! A grid with `[search]` is still a lattice: an axis without a step has [`LEVELS`](crate::grid::LEVELS) values. A search names
//! points of it, a batch at a time; what it names depends on the seed and on what earlier batches came to, so that a run that is
//! resumed names the same.

pub mod external;
pub mod probe;
pub mod sequence;
