//! What a user sees, and what holds for the whole: one binary, a module a subject.

mod backfill;
mod browser;
mod calibrate;
mod columns;
mod commands;
mod docs;
mod estimate;
mod evidence;
mod explain;
mod folder;
mod import;
mod interrupt;
mod ledger;
mod live;
mod live_emulated;
mod manual;
mod not_tested;
mod paper;
mod peer;
mod placebo;
mod real;
mod record;
mod search;
mod sweep;
mod tidy;
mod tree;
