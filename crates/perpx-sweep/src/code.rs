//! The code that results are made with.

/// Names the code that a result was made with: a hash of the sources, the lock file and the compiler, made at build time.
pub fn code_id() -> &'static str {
    env!("PERPX_CODE_ID")
}

/// The version, and that name: run.json has the same word.
pub const VERSION: &str = concat!(env!("CARGO_PKG_VERSION"), " (code ", env!("PERPX_CODE_ID"), ")");
