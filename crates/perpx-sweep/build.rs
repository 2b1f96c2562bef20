//! Names the code that makes results, as `PERPX_CODE_ID`: a sweep resumes only under the same name.

#[path = "../../build/code_id.rs"]
mod code_id;

use std::path::Path;
use std::process::Command;

fn main() {
    // the test of the names asks this program for those of other sources (tests/code_id.rs)
    if let Some(root) = std::env::var_os("PERPX_NAMES_OF") {
        let root = Path::new(&root);
        let names = [code_id::code_id(root, "rustc"), code_id::tile_id(root)];
        return names.into_iter().for_each(|name| println!("{}", name.unwrap_or_else(|error| error)));
    }
    if let Ok(program) = std::env::current_exe() {
        println!("cargo::rustc-env=PERPX_BUILD_SCRIPT={}", program.display());
    }
    let rustc = std::env::var("RUSTC").unwrap_or_else(|_| "rustc".to_string());
    let version = Command::new(rustc).arg("--version").output().map(|out| out.stdout).unwrap_or_default();
    let root = Path::new("../..");
    code_id::watch(root, &code_id::CRATES.map(|name| format!("crates/{name}/src")));
    code_id::hand_over("PERPX_CODE_ID", code_id::code_id(root, &String::from_utf8_lossy(&version)));
}
