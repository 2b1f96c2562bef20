//! The canonical form: one spelling of a configuration, and the hash that names it.

use super::keys::{Class, Default, K, TOP};
use super::resolve::{band_kind, roles};
use super::values::Values;
use super::{Choice, ConfigError, ConfigFile, KeyIx, Override, Value};

impl ConfigFile {
    /// The coin that is traded, and every strategy key with its effective value, `path=value` a line, in table order; defaults filled in, numbers in
    /// one spelling. Two configurations with the same text trade alike in the same world.
    ///
    /// # Errors
    /// Venue roles that cannot be resolved.
    pub fn canonical(&self, overrides: &[Override]) -> Result<String, ConfigError> {
        // the coin, not the name: a strategy file may spell it otherwise than the store
        let coin = super::base_asset(Values { file: self, over: overrides }.word(K::Symbol));
        Ok(format!("coin={coin}\n{}", self.lines(overrides, |class| class == Class::Strategy)?))
    }

    /// As [`ConfigFile::canonical`] for the world and the account.
    ///
    /// # Errors
    /// Venue roles that cannot be resolved.
    pub fn canonical_world(&self, overrides: &[Override]) -> Result<String, ConfigError> {
        // the program's own profiles are named by its code; what a venue said beside them is not
        let said = self.overlays(overrides)?.into_iter().map(|(name, hash)| format!("overlay.{name}={hash}\n"));
        Ok(self.lines(overrides, |class| class != Class::Strategy)? + &said.collect::<String>())
    }

    /// The configuration's id: the first 16 hex digits of the BLAKE3 of [`ConfigFile::canonical`].
    ///
    /// # Errors
    /// Venue roles that cannot be resolved.
    pub fn id(&self, overrides: &[Override]) -> Result<String, ConfigError> {
        Ok(short_hash(&self.canonical(overrides)?))
    }

    /// The world's id, of [`ConfigFile::canonical_world`].
    ///
    /// # Errors
    /// Venue roles that cannot be resolved.
    pub fn world_id(&self, overrides: &[Override]) -> Result<String, ConfigError> {
        Ok(short_hash(&self.canonical_world(overrides)?))
    }

    /// The keys of some classes with their effective values.
    fn lines(&self, over: &[Override], wanted: impl Fn(Class) -> bool) -> Result<String, ConfigError> {
        let values = Values { file: self, over };
        let roles = roles(&values)?;
        let bare = Values { file: self, over: &[] };
        let plain = self.plain.get_or_init(|| self.schema.all().map(|ix| line(&bare, roles, ix)).collect());
        let mut out = String::with_capacity(4096);
        let symbol = values.word(K::Symbol);
        let counts = |ix: KeyIx| wanted(self.class(ix)) && !self.schema.is_foreign(ix, symbol);
        for (ix, text) in self.schema.all().zip(plain).filter(|(ix, _)| counts(*ix)) {
            match is_moved(&values, ix) {
                true => out.push_str(&line(&values, roles, ix)),
                false => out.push_str(text),
            }
        }
        Ok(out)
    }
}

/// `path=value` with the effective value; empty when unset, `null` when switched off.
fn line(values: &Values<'_>, roles: [usize; 2], ix: KeyIx) -> String {
    let path = values.file.schema.path(ix);
    match (computed(values, roles, ix), values.get(ix)) {
        (Some(word), _) => format!("{path}={word}\n"),
        (None, Some(value)) => format!("{path}={value}\n"),
        // a key without a default is the same unwritten and null; a venue's own null hides the common value
        (None, None) if values.written(ix) == Some(&Value::Null) && !is_plainly_unset(values, ix) => {
            format!("{path}=null\n")
        }
        (None, None) => format!("{path}=\n"),
    }
}

/// Nothing is written of the key and nothing holds without it.
fn is_plainly_unset(values: &Values<'_>, ix: KeyIx) -> bool {
    values.file.schema.key(ix).default == Default::Unset && usize::from(ix.0) < TOP.len()
}

/// True when overrides may change the key's effective value.
fn is_moved(values: &Values<'_>, ix: KeyIx) -> bool {
    if values.over.is_empty() {
        return false;
    }
    match values.file.schema.key(ix).default {
        Default::Like(other) => values.is_over(ix) || values.is_over(other.into()),
        _ => values.is_over(ix) || [K::Band, K::LongVenue, K::ShortVenue].iter().any(|key| KeyIx::from(*key) == ix),
    }
}

/// Values that follow from other keys by more than "the same as".
fn computed<'a>(values: &'a Values<'_>, roles: [usize; 2], ix: KeyIx) -> Option<&'a str> {
    let venues = &values.file.schema.venues;
    if ix == K::Band.into() {
        Some(band_kind(values).word())
    } else if ix == K::LongVenue.into() {
        Some(&venues[roles[0]])
    } else if ix == K::ShortVenue.into() {
        Some(&venues[roles[1]])
    } else {
        None
    }
}

/// First 16 hex digits of the BLAKE3 of a text.
pub fn short_hash(text: &str) -> String {
    blake3::hash(text.as_bytes()).to_hex()[..16].to_string()
}
