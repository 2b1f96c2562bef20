//! What a user sees, and what holds for the whole: one binary, a module a subject.

mod composite;
mod random;
mod scenario;
