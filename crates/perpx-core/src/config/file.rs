//! A strategy file, read once.

use super::keys::{Class, Default, K, Kind, Unit};
use super::text::{Body, Entry, Node, Place, Source, parse_toml, parse_yaml};
use super::{Config, ConfigError, KeyIx, Num, Profile, Schema, Value, VenueFees};
use crate::units::Time;
use std::collections::BTreeMap;
use std::sync::OnceLock;

/// One value laid over the file: by an axis, a grid's `[fills]`, or `--set`.
pub type Override = (KeyIx, Value);

/// A strategy file whose every value fits its key. Cheap to resolve again and again under overrides.
#[derive(Clone, Debug)]
pub struct ConfigFile {
    /// Name and text, for messages.
    pub(super) source: Source,
    /// The keys that the file may have.
    pub(super) schema: Schema,
    /// By key number: what is written.
    pub(super) written: Vec<Option<Value>>,
    /// By key number: where the value stands.
    places: Vec<Option<Place>>,
    /// By dotted path: where a section's name stands; "" is the file's beginning.
    sections: BTreeMap<String, Place>,
    /// The shipped ones, and those with the venues' own word on a coin.
    pub(super) profiles: Vec<Profile>,
    /// Where a file that a sweep wrote comes from.
    provenance: Option<Value>,
    /// Canonical lines without overrides, made at the first use.
    pub(super) plain: OnceLock<Vec<String>>,
}

impl ConfigFile {
    /// Reads a strategy file from text; `name` is used in messages.
    ///
    /// # Errors
    /// Broken YAML, unknown keys, values of the wrong kind or out of bounds. What depends on several keys is judged
    /// by [`ConfigFile::with`].
    pub fn parse(name: &str, text: &str) -> Result<ConfigFile, ConfigError> {
        let source = Source::new(name, text);
        let root = parse_yaml(&source)?;
        if !matches!(root.body, Body::Map(_)) {
            return Err(ConfigError::new(name, "", format!("found {}", root.value()))
                .accepted("`key: value` lines")
                .remedy("start from configs/example.yml"));
        }
        let venues = venue_names(&source, &root)?;
        let schema = Schema::new(venues, instrument_names(&source, &root)?);
        let mut file = ConfigFile {
            written: vec![None; schema.len()],
            places: vec![None; schema.len()],
            sections: BTreeMap::new(),
            profiles: Profile::shipped()?,
            provenance: None,
            plain: OnceLock::new(),
            schema,
            source,
        };
        for entry in root.entries() {
            if entry.key == "provenance" {
                file.provenance = Some(entry.node.value());
            } else {
                file.walk(entry, &entry.key)?;
            }
        }
        Ok(file)
    }

    /// The file under `overrides` (the last one of a key holds), with every default filled in and every check made.
    ///
    /// # Errors
    /// A missing key; a value that does not fit; values that contradict each other. [`ConfigError::overridden`] names
    /// the override that is to blame, if one is.
    pub fn with(&self, overrides: &[Override]) -> Result<Config, ConfigError> {
        for (ix, value) in overrides {
            self.check(*ix, value).map_err(|error| ConfigError { overridden: Some(*ix), ..error })?;
        }
        super::resolve::resolve(&super::values::Values { file: self, over: overrides })
    }

    /// What deserves a word though it is legal: fees that differ from the venue's, and the like.
    ///
    /// # Errors
    /// As [`ConfigFile::with`].
    pub fn warnings(&self, overrides: &[Override]) -> Result<Vec<String>, ConfigError> {
        let config = self.with(overrides)?;
        let mut list = super::resolve::warnings(&super::values::Values { file: self, over: overrides })?;
        list.extend(super::requests::warnings(&config));
        Ok(list)
    }

    /// By role: the fees of the venue's own tier, whatever the file says, with the tier's name and date; none where its
    /// profile has none.
    ///
    /// # Errors
    /// As [`ConfigFile::with`].
    pub fn venue_fees(&self, overrides: &[Override]) -> Result<[Option<VenueFees>; 2], ConfigError> {
        super::resolve::venue_fees(&super::values::Values { file: self, over: overrides })
    }

    /// Profiles of the two venues that are to be held against the venues again, by `today`'s date.
    ///
    /// # Errors
    /// As [`ConfigFile::with`].
    pub fn aged_profiles(&self, overrides: &[Override], today: Time) -> Result<Vec<String>, ConfigError> {
        super::resolve::aged(&super::values::Values { file: self, over: overrides }, today)
    }

    /// Adds profiles with the venues' own word on a coin ([`Profile::overlaid`]): for that coin they go before the shipped ones.
    pub fn know(&mut self, profiles: Vec<Profile>) {
        self.profiles.extend(profiles);
    }

    /// Profiles of the two venues that say something else than the shipped ones, with the hash of what they say.
    ///
    /// # Errors
    /// Venue roles that cannot be resolved.
    pub fn overlays(&self, overrides: &[Override]) -> Result<Vec<(String, String)>, ConfigError> {
        super::resolve::overlays(&super::values::Values { file: self, over: overrides })
    }

    /// The file's name, for messages.
    pub fn name(&self) -> &str {
        &self.source.name
    }

    /// The keys that this file may have: they depend on the venues that it names.
    pub fn schema(&self) -> &Schema {
        &self.schema
    }

    /// The block `provenance` of a best.yml, as written.
    pub fn provenance(&self) -> Option<&Value> {
        self.provenance.as_ref()
    }

    /// What the file itself says for a key.
    pub fn written(&self, ix: KeyIx) -> Option<&Value> {
        self.written.get(usize::from(ix.0)).and_then(Option::as_ref)
    }

    /// The number of a key by its dotted path.
    ///
    /// # Errors
    /// An unknown key; the message names the nearest one.
    pub fn key(&self, path: &str) -> Result<KeyIx, ConfigError> {
        self.schema.find(path).ok_or_else(|| self.unknown(path, false))
    }

    /// Reads `key=value` of `--set`.
    ///
    /// # Errors
    /// No `=`, an unknown key, a value that does not fit.
    pub fn set(&self, text: &str) -> Result<Override, ConfigError> {
        let (path, word) = text.split_once('=').ok_or_else(|| {
            ConfigError::new("--set", "", format!("found {text}"))
                .accepted("key=value")
                .remedy("write, for instance, --set locking.g_pct=0.004")
        })?;
        let set = |error: ConfigError| ConfigError { file: "--set".into(), ..error };
        let ix = self.key(path.trim()).map_err(set)?;
        let value = match word.trim().starts_with(['[', '{']) {
            // lists, as outages are, in TOML's spelling
            true => {
                let source = Source::new("--set", &format!("value = {word}"));
                let node = parse_toml(&source).map_err(|error| error.remedy("write the list as in a grid file"))?;
                node.entry("value").map_or(Value::Null, |entry| entry.node.value())
            }
            false => Value::from_word(word),
        };
        let value = self.schema.normal(ix, value);
        self.check(ix, &value).map_err(set)?;
        Ok((ix, value))
    }

    /// Checks one value against its key, whatever it came from. The error has no place.
    ///
    /// # Errors
    /// The value does not fit.
    pub fn check(&self, ix: KeyIx, value: &Value) -> Result<(), ConfigError> {
        let key = self.schema.key(ix);
        if (*value == Value::Null && key.takes_null()) || key.kind.fits(value) {
            return Ok(());
        }
        let mut accepted = key.kind.accepted(key.takes_null());
        if key.kind.too_fine(value) {
            accepted.push_str(", with fewer decimals");
        }
        let error =
            ConfigError::new(&self.source.name, self.schema.path(ix), format!("found {value}")).accepted(accepted);
        Err(error.remedy(match self.as_percentage(ix, value) {
            Some(fraction) => {
                let metric =
                    if ix == K::MaxDrawdown.into() { "; the metric of the same name is a percentage" } else { "" };
                format!("write {fraction} for {value} %: this key is a fraction{metric}")
            }
            None => format!("write {}", key.doc),
        }))
    }

    /// What a percentage would be as the fraction that the key holds, if it would fit.
    fn as_percentage(&self, ix: KeyIx, value: &Value) -> Option<Num> {
        let kind = self.schema.key(ix).kind;
        let is_fraction = matches!(kind, Kind::Number { unit: Unit::Fraction, max, .. } if value.num()? > max);
        let fraction = Num(value.num()?.0 / 100);
        (is_fraction && self.schema.path(ix).ends_with("_pct") && kind.fits(&Value::Num(fraction))).then_some(fraction)
    }

    /// An error about a key, pointing at its value, else at the innermost section of it that the file has.
    pub(super) fn error(&self, ix: KeyIx, found: impl Into<Box<str>>) -> ConfigError {
        let error = ConfigError::new(&self.source.name, self.schema.path(ix), found);
        let mut path = self.schema.path(ix);
        let mut place = self.places.get(usize::from(ix.0)).copied().flatten();
        while place.is_none() && !path.is_empty() {
            path = path.rsplit_once('.').map_or("", |(section, _)| section);
            place = self.sections.get(path).copied();
        }
        error.at(&self.source, place.unwrap_or_default())
    }

    /// Reads a key of the file and what stands below it.
    fn walk(&mut self, entry: &Entry, path: &str) -> Result<(), ConfigError> {
        let node = &entry.node;
        let leaf = self.schema.find(path);
        let is_section = self.schema.is_section(path);
        match (&node.body, leaf) {
            (Body::Map(entries), _) if is_section => {
                self.sections.insert(path.to_string(), entry.place);
                entries.iter().try_for_each(|entry| self.walk(entry, &format!("{path}.{}", entry.key)))
            }
            (_, Some(ix)) => {
                let value = self.schema.normal(ix, node.value());
                self.check(ix, &value).map_err(|error| error.at(&self.source, node.place))?;
                self.written[usize::from(ix.0)] = Some(value);
                self.places[usize::from(ix.0)] = Some(node.place);
                Ok(())
            }
            (Body::Scalar(Value::Null), None) if is_section => Ok(()),
            (_, None) if is_section => Err(ConfigError::new("", path, format!("found {}", node.value()))
                .accepted(format!("a section with the keys {}", self.schema.names_under(path).join(", ")))
                .remedy(format!("write its keys, indented, under `{}:`", entry.key))
                .at(&self.source, node.place)),
            (_, None) => Err(self.unknown(path, true).at(&self.source, entry.place)),
        }
    }

    /// An error about a key that there is not, with the nearest that there is.
    fn unknown(&self, path: &str, in_file: bool) -> ConfigError {
        if self.schema.is_section(path) {
            let names = self.schema.names_under(path);
            let error =
                ConfigError::new(&self.source.name, path, "this is a section, and a value belongs to one of its keys");
            let remedy = format!("name the key, such as {path}.{}", names.first().map_or("", String::as_str));
            return error.accepted(format!("under {path}: {}", names.join(", "))).remedy(remedy);
        }
        let section = path.rsplit_once('.').map_or("", |(section, _)| section);
        let mut names = self.schema.names_under(section);
        if names.is_empty() {
            names = self.schema.names_under("");
        }
        let section = if section.is_empty() || !self.schema.is_section(section) { "at the top" } else { section };
        let error = ConfigError::new(&self.source.name, path, "this key is unknown").accepted(
            format!("{} {section}: {}", if section == "at the top" { "" } else { "under" }, names.join(", ")).trim(),
        );
        let leaf = path.rsplit('.').next().unwrap_or(path);
        let sibling = names.iter().find(|name| Schema::alike(name, leaf)).map(|name| match section {
            "at the top" => name.clone(),
            _ => format!("{section}.{name}"),
        });
        match self.schema.nearest(path).map(str::to_string).or(sibling) {
            Some(known) => error.remedy(format!("did you mean {known}?")),
            None if in_file => error.remedy("delete the line, or correct its spelling or indentation"),
            None => error.remedy("write the key's dotted path, such as locking.g_pct"),
        }
    }

    /// True when the key must be written and `null` is no way out.
    pub(super) fn is_required(&self, ix: KeyIx) -> bool {
        matches!(self.schema.key(ix).default, Default::Required | Default::RequiredOrNull)
    }

    /// The override that gives the file another perpetual; for sweeps over several symbols.
    pub fn symbol(&self, symbol: &str) -> Override {
        (K::Symbol.into(), Value::Text(symbol.to_string()))
    }

    /// The class of a key.
    pub fn class(&self, ix: KeyIx) -> Class {
        self.schema.key(ix).class
    }
}

/// (venue, symbol) of the blocks `exchanges.<venue>.instruments.<symbol>`.
fn instrument_names(source: &Source, root: &Node) -> Result<Vec<(String, String)>, ConfigError> {
    let mut names = Vec::new();
    for venue in root.entry("exchanges").map_or(&[][..], |entry| entry.node.entries()) {
        let blocks = venue.node.entry("instruments").map_or(&[][..], |entry| entry.node.entries());
        for block in blocks {
            let legal = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '/' | ':');
            if block.key.is_empty() || !block.key.chars().all(legal) || !matches!(block.node.body, Body::Map(_)) {
                let path = format!("exchanges.{}.instruments", venue.key);
                return Err(ConfigError::new("", &path, format!("found {}: {}", block.key, block.node.value()))
                    .accepted("a block a symbol; a symbol has letters, digits, _ - / and :")
                    .remedy("write, for instance, `BTC: {tick: 0.1, lot: 0.001}` under `instruments:`")
                    .at(source, block.place));
            }
            names.push((venue.key.clone(), block.key.clone()));
        }
    }
    Ok(names)
}

/// The keys under `exchanges`; lighter and grvt when there are none.
fn venue_names(source: &Source, root: &Node) -> Result<Vec<String>, ConfigError> {
    let entries = root.entry("exchanges").map_or(&[][..], |entry| entry.node.entries());
    if entries.is_empty() {
        return Ok(vec!["grvt".to_string(), "lighter".to_string()]);
    }
    for entry in entries {
        let legal = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == '-';
        let taken = ["latency", "queue", "outages"].contains(&entry.key.as_str());
        if entry.key.is_empty() || taken || !entry.key.chars().all(legal) {
            return Err(ConfigError::new(
                "",
                &format!("exchanges.{}", entry.key),
                format!("found the venue name {}", entry.key),
            )
            .accepted("letters, digits, _ and -")
            .remedy("choose a short name; the data store's own name of the venue goes into its `name:`")
            .at(source, entry.place));
        }
    }
    Ok(entries.iter().map(|entry| entry.key.clone()).collect())
}
