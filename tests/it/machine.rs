//! A machine that goes wrong around one program: its clock is set, its disk is slow, a thread stands still. The program under test knows
//! nothing of it: a library of a few lines stands between it and the system (`wrong.c`).

use std::fs::{self, File};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::process::Command;

/// The numbers that the library reads.
pub(crate) struct Machine {
    numbers: File,
    /// By name: what the program's environment is to have.
    pub(crate) environment: [(&'static str, PathBuf); 2],
}

impl Machine {
    /// With its library and numbers in `dir`.
    pub(crate) fn new(dir: &Path) -> Machine {
        let (library, numbers) = (dir.join("wrong.so"), dir.join("wrong"));
        let source = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/it/wrong.c");
        let mut command = Command::new("cc");
        command.args(["-O1", "-shared", "-fPIC", "-o"]).arg(&library).arg(source).arg("-ldl");
        // whoever builds Rust has it: it links
        assert!(command.status().expect("a C compiler").success());
        fs::write(&numbers, [0; 4_096]).expect("writes");
        let file = File::options().write(true).open(&numbers).expect("opens");
        Machine { numbers: file, environment: [("LD_PRELOAD", library), ("PERPX_WRONG", numbers)] }
    }

    fn put(&self, place: u64, number: i64) {
        self.numbers.write_all_at(&number.to_ne_bytes(), 8 * place).expect("writes");
    }

    /// Its clock is set by so much.
    pub(crate) fn set_clock(&self, seconds: i64) {
        self.put(0, seconds * 1_000_000_000);
    }

    /// Each sync of a file takes so long.
    pub(crate) fn slow_disk(&self, ms: i64) {
        self.put(1, ms);
    }

    /// The first thread stands still for so long, from now on.
    pub(crate) fn stall(&self, ms: i64) {
        self.put(2, ms);
    }
}
