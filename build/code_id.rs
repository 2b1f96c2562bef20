//! What names the code: the tokens of every module that the crates compile, without comments, doc comments and `#[cfg(test)]`
//! items; the files that they include; Cargo.toml, Cargo.lock and the compiler. So a comment or a test names no other code.

#[path = "sources.rs"]
mod sources;

use proc_macro2::{Delimiter, Spacing, TokenStream, TokenTree};
pub use sources::{CRATES, TILE_SOURCES};
use std::path::Path;

/// FNV-1a, 64 bits: no dependency, the same on every machine.
struct Fnv(u64);

impl Fnv {
    fn new() -> Fnv {
        Fnv(0xcbf2_9ce4_8422_2325)
    }

    /// With its length, so that two pieces are not one.
    fn piece(&mut self, bytes: &[u8]) {
        for byte in (bytes.len() as u64).to_le_bytes().iter().chain(bytes) {
            self.0 = (self.0 ^ u64::from(*byte)).wrapping_mul(0x0000_0100_0000_01b3);
        }
    }
}

/// The name of the code that makes tiles.
///
/// # Errors
/// As [`code_id`].
#[allow(dead_code, reason = "one build script asks for one name alone")]
pub fn tile_id(root: &Path) -> Result<String, String> {
    let mut hash = Fnv::new();
    for source in TILE_SOURCES {
        let path = root.join(source);
        let file = if path.is_dir() { path.join("mod.rs") } else { path.clone() };
        module(&file, &path, &mut hash)?;
    }
    hash.piece(read(&root.join("Cargo.lock"))?.as_bytes());
    Ok(format!("{:016x}", hash.0))
}

/// The name of the crates under `root` that decide what a result is, compiled by `rustc`.
///
/// # Errors
/// A source that cannot be read or parsed, with its path.
#[allow(dead_code, reason = "one build script asks for one name alone")]
pub fn code_id(root: &Path, rustc: &str) -> Result<String, String> {
    let mut hash = Fnv::new();
    let mut manifests = vec![root.join("Cargo.toml")];
    for name in CRATES {
        let own = root.join("crates").join(name);
        module(&own.join("src/lib.rs"), &own.join("src"), &mut hash)?;
        manifests.push(own.join("Cargo.toml"));
    }
    for manifest in manifests {
        let manifest = read(&manifest)?;
        let says = |line: &&str| !line.trim().is_empty() && !line.trim_start().starts_with('#');
        manifest.lines().filter(says).for_each(|line| hash.piece(line.trim().as_bytes()));
    }
    hash.piece(read(&root.join("Cargo.lock"))?.as_bytes());
    hash.piece(rustc.as_bytes());
    Ok(format!("{:016x}", hash.0))
}

/// In a build script: runs it again when one of `sources`, a manifest, the lock file or this file changes.
pub fn watch(root: &Path, sources: &[impl AsRef<str>]) {
    let manifests = CRATES.map(|name| format!("crates/{name}/Cargo.toml"));
    let always = ["Cargo.toml", "Cargo.lock", "build/code_id.rs", "build/sources.rs"].map(str::to_string);
    let sources = sources.iter().map(|source| source.as_ref().to_string());
    for path in sources.chain(manifests).chain(always) {
        println!("cargo::rerun-if-changed={}", root.join(path).display());
    }
}

/// In a build script: gives the crate the name as the variable `key`. Of a source that cannot be parsed the compiler says
/// more than could be said here.
pub fn hand_over(key: &str, name: Result<String, String>) {
    let name = name.unwrap_or_else(|error| {
        println!("cargo::warning=no {key}: {error}");
        "unnamed".to_string()
    });
    println!("cargo::rustc-env={key}={name}");
}

fn read(path: &Path) -> Result<String, String> {
    std::fs::read_to_string(path).map_err(|error| format!("{}: {error}", path.display()))
}

/// A module's file; its children lie in `children`.
fn module(path: &Path, children: &Path, hash: &mut Fnv) -> Result<(), String> {
    let tokens: TokenStream = read(path)?.parse().map_err(|error| format!("{}: {error}", path.display()))?;
    let folder = path.parent().unwrap_or(Path::new("."));
    tree(&tokens.into_iter().collect::<Vec<_>>(), folder, children, hash)
}

fn tree(tokens: &[TokenTree], folder: &Path, children: &Path, hash: &mut Fnv) -> Result<(), String> {
    let mut at = 0;
    while at < tokens.len() {
        if let Some((name, tested, after)) = attribute(&tokens[at..]) {
            if let (true, Some(length)) = (tested, item(&tokens[at + after..])) {
                at += after + length;
                continue;
            }
            if name == "doc" {
                at += after;
                continue;
            }
        }
        match &tokens[at..] {
            [TokenTree::Ident(word), TokenTree::Ident(name), TokenTree::Punct(end), ..]
                if word == "mod" && end.as_char() == ';' =>
            {
                let (beside, within) = (children.join(format!("{name}.rs")), children.join(format!("{name}/mod.rs")));
                let path = if beside.is_file() { beside } else { within };
                hash.piece(format!("mod {name}").as_bytes());
                module(&path, &children.join(name.to_string()), hash)?;
                at += 3;
                continue;
            }
            [TokenTree::Ident(word), TokenTree::Ident(name), TokenTree::Group(body), ..]
                if word == "mod" && body.delimiter() == Delimiter::Brace =>
            {
                hash.piece(format!("mod {name}").as_bytes());
                let inner: Vec<TokenTree> = body.stream().into_iter().collect();
                tree(&inner, folder, &children.join(name.to_string()), hash)?;
                at += 3;
                continue;
            }
            [TokenTree::Ident(word), TokenTree::Punct(mark), TokenTree::Group(body), ..]
                if (word == "include_str" || word == "include_bytes") && mark.as_char() == '!' =>
            {
                let text = body.stream().to_string();
                let file = folder.join(text.trim().trim_matches('"'));
                let bytes = std::fs::read(&file).map_err(|error| format!("{}: {error}", file.display()))?;
                hash.piece(&bytes);
            }
            _ => {}
        }
        match &tokens[at] {
            TokenTree::Group(group) => {
                let (open, close) = match group.delimiter() {
                    Delimiter::Parenthesis => ("(", ")"),
                    Delimiter::Brace => ("{", "}"),
                    Delimiter::Bracket => ("[", "]"),
                    Delimiter::None => ("", ""),
                };
                hash.piece(open.as_bytes());
                tree(&group.stream().into_iter().collect::<Vec<_>>(), folder, children, hash)?;
                hash.piece(close.as_bytes());
            }
            TokenTree::Punct(punct) => {
                let joint = if punct.spacing() == Spacing::Joint { "+" } else { "" };
                hash.piece(format!("{}{joint}", punct.as_char()).as_bytes());
            }
            other => hash.piece(other.to_string().as_bytes()),
        }
        at += 1;
    }
    Ok(())
}

/// An attribute at the beginning: its name, whether it is `cfg(test)`, and how many tokens it takes.
fn attribute(tokens: &[TokenTree]) -> Option<(String, bool, usize)> {
    let is = |tree: Option<&TokenTree>, mark: char| matches!(tree, Some(TokenTree::Punct(p)) if p.as_char() == mark);
    if !is(tokens.first(), '#') {
        return None;
    }
    let after = if is(tokens.get(1), '!') { 2 } else { 1 };
    let Some(TokenTree::Group(group)) = tokens.get(after).filter(|_| after < tokens.len()) else { return None };
    let mut inner = group.stream().into_iter();
    let (Delimiter::Bracket, Some(TokenTree::Ident(name))) = (group.delimiter(), inner.next()) else { return None };
    let condition = inner.next().map(|tree| tree.to_string().replace(' ', ""));
    Some((name.to_string(), name == "cfg" && condition.as_deref() == Some("(test)"), after + 1))
}

/// Tokens of the item at the beginning, its further attributes with it; `None` where no item stands (a field, an arm).
fn item(tokens: &[TokenTree]) -> Option<usize> {
    let mut at = 0;
    while let Some((_, _, after)) = attribute(&tokens[at..]) {
        at += after;
    }
    let words = tokens[at..].iter().map_while(|tree| match tree {
        TokenTree::Ident(word) => Some(word.to_string()),
        // of pub(crate)
        TokenTree::Group(group) if group.delimiter() == Delimiter::Parenthesis => Some("pub".to_string()),
        _ => None,
    });
    let mut words = words.filter(|word| word != "pub");
    let (first, second) = (words.next()?, words.next());
    let is_function = |word: &str| matches!(word, "fn" | "unsafe" | "async" | "extern");
    // these end at their semicolon, whatever braces they hold; the others with their first braces too
    let plain = matches!(first.as_str(), "use" | "static" | "type" | "let")
        || first == "const" && !second.is_some_and(|word| is_function(&word));
    if !plain && !is_function(&first) && !["const", "mod", "impl", "struct", "enum", "trait"].contains(&first.as_str())
    {
        return None;
    }
    for (n, tree) in tokens[at..].iter().enumerate() {
        match tree {
            TokenTree::Punct(punct) if punct.as_char() == ';' => return Some(at + n + 1),
            TokenTree::Group(group) if group.delimiter() == Delimiter::Brace && !plain => return Some(at + n + 1),
            _ => {}
        }
    }
    None
}
