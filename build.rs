//! Names the code (`build/code_id.rs`), handed to the crate as `PERPX_CODE_ID`: a sweep resumes only under the same name; and the
//! code that makes tiles, as `PERPX_TILE_ID`: only its own tiles are read back from the cache.

#[path = "build/code_id.rs"]
mod code_id;

use std::path::Path;
use std::process::Command;

fn main() {
    // the test of the names asks this program for those of another crate (tests/it/code_id.rs)
    if let Some(root) = std::env::var_os("PERPX_NAMES_OF") {
        let names = [code_id::code_id(Path::new(&root), "rustc"), code_id::tile_id(Path::new(&root))];
        names.into_iter().for_each(|name| println!("{}", name.unwrap_or_else(|error| error)));
        return;
    }
    let rustc = std::env::var("RUSTC").unwrap_or_else(|_| "rustc".to_string());
    let version = Command::new(rustc).arg("--version").output().map(|out| out.stdout).unwrap_or_default();
    for path in ["src", "Cargo.lock", "Cargo.toml", "build"] {
        println!("cargo::rerun-if-changed={path}");
    }
    let version = String::from_utf8_lossy(&version);
    let names = [
        ("PERPX_CODE_ID", code_id::code_id(Path::new("."), &version)),
        ("PERPX_TILE_ID", code_id::tile_id(Path::new("."))),
    ];
    if let Ok(program) = std::env::current_exe() {
        println!("cargo::rustc-env=PERPX_BUILD_SCRIPT={}", program.display());
    }
    for (name, id) in names {
        // of a source that cannot be parsed the compiler says more than could be said here
        let id = id.unwrap_or_else(|error| {
            println!("cargo::warning=no {name}: {error}");
            "unnamed".to_string()
        });
        println!("cargo::rustc-env={name}={id}");
    }
}
