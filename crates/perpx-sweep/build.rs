//! Names the code that makes results, as `PERPX_CODE_ID`: a sweep resumes only under the same name.

#[path = "../../build/code_id.rs"]
mod code_id;

use std::path::Path;
use std::process::Command;

fn main() {
    let rustc = std::env::var("RUSTC").unwrap_or_else(|_| "rustc".to_string());
    let version = Command::new(rustc).arg("--version").output().map(|out| out.stdout).unwrap_or_default();
    let root = Path::new("../..");
    code_id::watch(root, &code_id::CRATES.map(|name| format!("crates/{name}/src")));
    code_id::hand_over("PERPX_CODE_ID", code_id::code_id(root, &String::from_utf8_lossy(&version)));
}
