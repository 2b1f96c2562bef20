//! Keys. They come from files that a service manager or a container hands over, from the environment or from a file `.env`, and from
//! nowhere else: a configuration that holds one does not load. A file that others may read is refused. A key is wiped from memory when
//! it is dropped and never printed.

use super::wire::Absent;
use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use std::fmt;
use std::path::{Path, PathBuf};
use thiserror::Error;
use zeroize::Zeroizing;

/// Where keys are looked for beside the environment.
pub const ENV_FILE: &str = ".env";
/// Signs Lighter's transactions and tokens.
pub const LIGHTER_KEY: &str = "PERPX_LIGHTER_API_PRIVATE_KEY";
/// Signs cancels and closes at Lighter, where they have a key of their own.
pub const LIGHTER_CLOSE_KEY: &str = "PERPX_LIGHTER_CLOSE_PRIVATE_KEY";
/// Opens sessions at GRVT.
pub const GRVT_API_KEY: &str = "PERPX_GRVT_API_KEY";
/// Signs orders at GRVT.
pub const GRVT_SIGNER_KEY: &str = "PERPX_GRVT_SIGNER_KEY";

/// A text that goes over the wire and opens something: written, never printed, wiped when dropped.
#[derive(Clone, PartialEq, Eq)]
pub struct Hidden(Zeroizing<String>);

impl Hidden {
    /// Hides `text`.
    pub fn new(text: String) -> Hidden {
        Hidden(Zeroizing::new(text))
    }

    /// The text, to be sent and nothing else.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Hidden {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[hidden]")
    }
}

impl Serialize for Hidden {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.0)
    }
}

impl<'de> Deserialize<'de> for Hidden {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Hidden, D::Error> {
        String::deserialize(deserializer).map(Hidden::new)
    }
}

impl Absent for Hidden {}

/// Why a key cannot be had. No variant holds any part of a key.
#[derive(Debug, Error)]
// the texts say what the fields are
#[allow(missing_docs)]
pub enum SecretError {
    /// Neither in the environment nor in the file.
    #[error("{name} is not set; put it into the environment, or into {file} as a line {name}=...")]
    Missing { name: String, file: PathBuf },
    /// A line of the file that is no NAME=value.
    #[error("{file}: line {line}: no NAME=value; write one a line, comments begin with #")]
    Line { file: PathBuf, line: usize },
    /// The file cannot be read.
    #[error("{file}: cannot read: {source}")]
    File { file: PathBuf, source: std::io::Error },
    /// Others may read it.
    #[error("{file}: other users may read this file, which holds secrets; to do: chmod 600 {file}")]
    Open { file: PathBuf },
    /// The value is no key.
    #[error("{name}: {why}")]
    Refused { name: String, why: &'static str },
}

/// The folder into which a service manager puts secrets, a file each.
const CREDENTIALS: &str = "CREDENTIALS_DIRECTORY";
/// Where containers find theirs; who may read them is the container's affair.
const CONTAINER: &str = "/run/secrets/";

/// The secret `name`: of `$CREDENTIALS_DIRECTORY/NAME`, of the file that `NAME_FILE` names, of the environment, or of the file `env_file`
/// (which need not exist); the first that is there.
pub fn secret(name: &str, env_file: &Path) -> Result<SecretString, SecretError> {
    let variable = |name: &str| std::env::var(name).ok().filter(|value| !value.is_empty());
    let handed = variable(CREDENTIALS).map(|folder| Path::new(&folder).join(name)).filter(|file| file.is_file());
    // who may read a credential is for the service manager to say
    if let Some(file) = handed {
        return whole(name, file);
    }
    if let Some(file) = variable(&format!("{name}_FILE")).map(PathBuf::from) {
        if !file.starts_with(CONTAINER) {
            is_private(&file)?;
        }
        return whole(name, file);
    }
    if let Some(value) = variable(name) {
        return Ok(value.into());
    }
    let text: SecretString = match std::fs::read_to_string(env_file) {
        Ok(text) => text.into(),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => String::new().into(),
        Err(source) => return Err(SecretError::File { file: env_file.to_owned(), source }),
    };
    let found =
        find(text.expose_secret(), name).map_err(|line| SecretError::Line { file: env_file.to_owned(), line })?;
    match found {
        Some(found) => is_private(env_file).map(|()| found),
        None => Err(SecretError::Missing { name: name.to_owned(), file: env_file.to_owned() }),
    }
}

/// What a file holds, but for the line's end.
fn whole(name: &str, file: PathBuf) -> Result<SecretString, SecretError> {
    let text = match std::fs::read_to_string(&file) {
        Ok(text) => Zeroizing::new(text),
        Err(source) => return Err(SecretError::File { file, source }),
    };
    match text.trim() {
        "" => Err(SecretError::Refused { name: name.to_owned(), why: "the file that holds it is empty" }),
        value => Ok(value.to_owned().into()),
    }
}

/// Nobody but its owner may read the file.
fn is_private(file: &Path) -> Result<(), SecretError> {
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        let open = |data: std::fs::Metadata| data.permissions().mode() & 0o077 != 0;
        if std::fs::metadata(file).is_ok_and(open) {
            return Err(SecretError::Open { file: file.to_owned() });
        }
    }
    Ok(())
}

/// The value of `name` in lines of NAME=value; the last one counts. `export ` before the name and quotes around the value are
/// taken off. The error is the number of a line (from 1) that is none.
fn find(text: &str, name: &str) -> Result<Option<SecretString>, usize> {
    let mut found = None;
    for (at, line) in text.lines().enumerate() {
        let line = line.trim();
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        let (key, value) = line.split_once('=').ok_or(at + 1)?;
        let key = key.trim();
        if key.strip_prefix("export ").unwrap_or(key).trim() == name {
            let value = value.trim();
            let bare = |quote| value.strip_prefix(quote)?.strip_suffix(quote);
            let value = bare('"').or_else(|| bare('\'')).unwrap_or(value);
            found = (!value.is_empty()).then(|| SecretString::from(value.to_owned()));
        }
    }
    Ok(found)
}

/// A key that lives as long as the run and that nobody else knows: 64 hex digits drawn from `seed` until `key` takes them.
pub fn throw_away<T>(seed: &[u8], key: impl Fn(&str) -> Option<T>) -> T {
    let mut hasher = blake3::Hasher::new();
    hasher.update(seed);
    loop {
        // one that is out of range is as rare as a collision
        if let Some(key) = key(hasher.finalize().to_hex().as_str()) {
            return key;
        }
        hasher.update(b"again");
    }
}

/// `text` as `N` bytes: hex digits, with or without 0x.
pub(crate) fn hex_bytes<const N: usize>(text: &str) -> Option<[u8; N]> {
    let mut bytes = [0; N];
    hex::decode_to_slice(text.strip_prefix("0x").unwrap_or(text), &mut bytes).ok()?;
    Some(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_file_is_read_as_lines_of_name_and_value() {
        let text = "# keys\n\nA=1\n export B = \"two = 2\" \nC='3'\nA=4\nD=\n";
        let value = |name| find(text, name).expect("lines").map(|value| value.expose_secret().to_owned());
        assert_eq!(value("A").as_deref(), Some("4"));
        assert_eq!(value("B").as_deref(), Some("two = 2"));
        assert_eq!(value("C").as_deref(), Some("3"));
        assert_eq!((value("D"), value("E")), (None, None));
        assert_eq!(find("A=1\nB", "A").map(drop), Err(2));
    }

    /// Writes a file that its owner alone may read.
    fn private(file: &Path, text: &str) {
        std::fs::write(file, text).expect("a file");
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt;
            std::fs::set_permissions(file, std::fs::Permissions::from_mode(0o600)).expect("a mode");
        }
    }

    #[test]
    #[cfg(unix)]
    fn what_others_may_read_is_refused() {
        use std::os::unix::fs::PermissionsExt;
        let folder = tempfile::tempdir().expect("a folder");
        let file = folder.path().join(".env");
        private(&file, "PERPX_TEST_KEY_UNSET=0xdeadbeef\n");
        for mode in [0o640, 0o604, 0o644] {
            std::fs::set_permissions(&file, std::fs::Permissions::from_mode(mode)).expect("a mode");
            let said = secret("PERPX_TEST_KEY_UNSET", &file).expect_err("others read it").to_string();
            assert!(said.contains("chmod 600") && !said.contains("dead"), "{said}");
        }
        assert!(matches!(secret("ANOTHER_KEY", &file), Err(SecretError::Missing { .. })));
    }

    #[test]
    fn a_file_of_one_secret_is_that_secret() {
        let folder = tempfile::tempdir().expect("a folder");
        let file = folder.path().join("KEY");
        private(&file, "0xdeadbeef\n");
        let key = whole("KEY", file.clone()).expect("a key");
        assert_eq!(key.expose_secret(), "0xdeadbeef");
        private(&file, "\n");
        assert!(whole("KEY", file).is_err_and(|said| said.to_string().contains("is empty")));
    }

    #[test]
    fn what_is_missing_names_the_file_and_nothing_secret_is_printed() {
        let folder = tempfile::tempdir().expect("a folder");
        let file = folder.path().join(".env");
        let said = secret("PERPX_TEST_KEY_UNSET", &file).expect_err("unset").to_string();
        assert!(said.starts_with("PERPX_TEST_KEY_UNSET is not set; put it into the environment, or into "), "{said}");
        private(&file, "PERPX_TEST_KEY_UNSET=0xdeadbeef\n");
        let key = secret("PERPX_TEST_KEY_UNSET", &file).expect("set");
        assert_eq!(key.expose_secret(), "0xdeadbeef");
        assert!(!format!("{key:?}").contains("dead"));
        std::fs::write(&file, "PERPX_TEST_KEY_UNSET 0xdeadbeef\n").expect("a file");
        let said = secret("PERPX_TEST_KEY_UNSET", &file).expect_err("no line").to_string();
        assert!(said.contains("line 1") && !said.contains("dead"), "{said}");
    }
}
