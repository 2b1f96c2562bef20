//! Names the code that makes tiles, as `PERPX_TILE_ID`: only its own tiles are read back from the cache.

#[path = "../../build/code_id.rs"]
mod code_id;

use std::path::Path;

fn main() {
    let root = Path::new("../..");
    code_id::watch(root, code_id::TILE_SOURCES);
    code_id::hand_over("PERPX_TILE_ID", code_id::tile_id(root));
}
