//! What is recorded, and where it goes: `record.toml`, or the options that say the same for one venue.

use crate::net::hosts::{Address, HostError, Network};
use crate::venue::Venue;
use perpx_core::config::Num;
use perpx_core::config::text::{Body, ConfigError, Entry, Node, Place, Source, parse_toml};
use std::path::{Path, PathBuf};

const TOP: [&str; 7] = ["out", "venue", "depth_levels", "raw_days", "min_disk_gib", "ca_file", "proxy"];
const OF_VENUE: [&str; 4] = ["name", "symbols", "network", "host"];
const SYMBOLS: &str = "a list of base coins, such as [\"BTC\", \"ETH\"]: capital letters and digits";
const HOST: &str = "the first port of a running `perpx-data emulate`, such as \"127.0.0.1:8020\"";
/// One socket carries no more.
const MOST_SYMBOLS: usize = 100;

/// What a recorder is to do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RecordConfig {
    /// The run's folder: `raw`, `store`, `LOCK`.
    pub out: PathBuf,
    /// Each venue once.
    pub venues: Vec<RecordedVenue>,
    /// Levels of a side that are kept with each quote.
    pub depth_levels: usize,
    /// Raw frames are kept for so many days after they were compacted.
    pub raw_days: i64,
    /// Below so much free disk things are dropped, and it is said.
    pub min_disk_gib: i64,
    /// Roots beside those of the web, for an emulator that speaks TLS.
    pub ca_file: Option<PathBuf>,
    /// Everything goes through it.
    pub proxy: Option<Address>,
}

/// A venue and what is recorded there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RecordedVenue {
    /// Which.
    pub venue: Venue,
    /// Base coins.
    pub symbols: Vec<String>,
    /// Where it is.
    pub network: Network,
}

impl RecordConfig {
    /// The defaults, with nothing to record yet.
    pub fn new(out: PathBuf) -> RecordConfig {
        let venues = Vec::new();
        RecordConfig { out, venues, depth_levels: 10, raw_days: 14, min_disk_gib: 2, ca_file: None, proxy: None }
    }

    /// Reads a file. `known`: a host elsewhere that the user named.
    ///
    /// # Errors
    /// A file that cannot be read, or that does not say what it should.
    pub fn read(path: &Path, known: Option<&str>) -> Result<RecordConfig, ConfigError> {
        let name = path.display().to_string();
        let text = std::fs::read_to_string(path).map_err(|error| {
            ConfigError::new(&name, "", format!("cannot be read: {error}"))
                .accepted("a TOML file with `out` and a list of [[venue]]")
                .remedy("correct the path; docs/recording.md shows one")
        })?;
        let config = RecordConfig::parse(&name, &text, known)?;
        let folder = path.parent().unwrap_or(Path::new(""));
        let ca_file = config.ca_file.map(|file| folder.join(file));
        Ok(RecordConfig { out: folder.join(config.out), ca_file, ..config })
    }

    /// Reads a text; paths as they stand in it.
    ///
    /// # Errors
    /// A text that does not say what it should.
    pub fn parse(name: &str, text: &str, known: Option<&str>) -> Result<RecordConfig, ConfigError> {
        let source = Source::new(name, text);
        let root = parse_toml(&source)?;
        let table = Table { source: &source, node: &root, within: "" };
        table.only(&TOP)?;
        let out = table.need("out", "a folder, such as \"live/rec\"")?;
        let mut config = RecordConfig::new(table.text(out, "a folder")?.into());
        config.depth_levels = table.whole("depth_levels", 5, 50, 10)? as usize;
        config.raw_days = table.whole("raw_days", 0, 3_650, 14)?;
        config.min_disk_gib = table.whole("min_disk_gib", 0, 1 << 20, 2)?;
        let file = root.entry("ca_file");
        config.ca_file =
            file.map(|entry| table.text(entry, "a file of certificates in PEM")).transpose()?.map(Into::into);
        let proxy = root.entry("proxy");
        config.proxy = proxy.map(|entry| table.proxy(entry)).transpose()?;
        let list = table.need("venue", "a list of tables that begin with [[venue]]")?;
        let Body::List(items) = &list.node.body else {
            return Err(table.bad(list, "a list of tables that begin with [[venue]]"));
        };
        for node in items {
            let table = Table { source: &source, node, within: "venue." };
            let venue = table.venue(config.ca_file.is_some(), known)?;
            if config.venues.iter().any(|other| other.venue == venue.venue) {
                let found = format!("{} stands there twice", venue.venue.name());
                let error =
                    ConfigError::new(name, "venue.name", found).accepted("each venue once, with all its symbols");
                return Err(error.at(&source, node.place));
            }
            config.venues.push(venue);
        }
        match config.venues.is_empty() {
            true => Err(table.bad(list, "at least one [[venue]]")),
            false => Ok(config),
        }
    }
}

/// Symbols of one venue, if they are such.
pub fn symbols(names: &[&str]) -> Option<Vec<String>> {
    let is_legal = |name: &&str| !name.is_empty() && name.bytes().all(|b| b.is_ascii_uppercase() || b.is_ascii_digit());
    let mut sorted = names.to_vec();
    sorted.sort_unstable();
    sorted.dedup();
    let all = names.iter().all(is_legal) && sorted.len() == names.len() && (1..=MOST_SYMBOLS).contains(&names.len());
    all.then(|| names.iter().map(|name| name.to_string()).collect())
}

struct Table<'a> {
    source: &'a Source,
    node: &'a Node,
    /// What stands before its keys in an error.
    within: &'static str,
}

impl Table<'_> {
    fn only(&self, known: &[&str]) -> Result<(), ConfigError> {
        match self.node.entries().iter().find(|entry| !known.contains(&entry.key.as_str())) {
            None => Ok(()),
            Some(other) => {
                let error = self.error(&other.key, "no such key", other.place);
                Err(error.accepted(known.join(", ")).remedy("docs/recording.md says what each one means"))
            }
        }
    }

    fn error(&self, key: &str, found: impl Into<Box<str>>, place: Place) -> ConfigError {
        ConfigError::new(&self.source.name, &format!("{}{key}", self.within), found).at(self.source, place)
    }

    fn bad(&self, entry: &Entry, accepted: &str) -> ConfigError {
        let found = format!("found {}", entry.node.place.of(self.source));
        self.error(&entry.key, found, entry.node.place).accepted(accepted)
    }

    fn need(&self, key: &str, accepted: &str) -> Result<&Entry, ConfigError> {
        self.node.entry(key).ok_or_else(|| {
            let error = self.error(key, "is missing", self.node.place).accepted(accepted);
            error.remedy(format!("write `{key} = ...`, or [[{key}]] for a list of tables"))
        })
    }

    fn text(&self, entry: &Entry, accepted: &str) -> Result<String, ConfigError> {
        let value = entry.node.value();
        let text = value.text().filter(|text| !text.is_empty());
        text.map(str::to_owned).ok_or_else(|| self.bad(entry, accepted))
    }

    fn whole(&self, key: &str, least: i64, most: i64, default: i64) -> Result<i64, ConfigError> {
        let Some(entry) = self.node.entry(key) else { return Ok(default) };
        let number = entry.node.value().num().and_then(Num::as_i64).filter(|number| (least..=most).contains(number));
        number.ok_or_else(|| self.bad(entry, &format!("a whole number from {least} to {most}")))
    }

    fn proxy(&self, entry: &Entry) -> Result<Address, ConfigError> {
        let accepted = "http://HOST:PORT of a proxy that takes CONNECT, without a name or password in it";
        let text = self.text(entry, accepted)?;
        let rest = text.strip_prefix("http://").ok_or_else(|| self.bad(entry, accepted))?;
        let host = rest.rsplit_once(':').map_or(rest, |(host, _)| host);
        let read = Address::read(rest, false, Some(host)).map_err(|_| self.bad(entry, accepted))?;
        Ok(Address { is_tls: false, ..read })
    }

    fn venue(&self, is_tls: bool, known: Option<&str>) -> Result<RecordedVenue, ConfigError> {
        self.only(&OF_VENUE)?;
        let names = Venue::ALL.map(|venue| format!("\"{}\"", venue.name())).join(", ");
        let entry = self.need("name", &names)?;
        let venue = entry.node.value().text().and_then(Venue::named).ok_or_else(|| self.bad(entry, &names))?;
        let entry = self.need("symbols", SYMBOLS)?;
        let Body::List(items) = &entry.node.body else { return Err(self.bad(entry, SYMBOLS)) };
        let values: Vec<_> = items.iter().map(Node::value).collect();
        let texts: Option<Vec<&str>> = values.iter().map(|value| value.text()).collect();
        let symbols = texts.and_then(|texts| symbols(&texts)).ok_or_else(|| self.bad(entry, SYMBOLS))?;
        let network = match (self.node.entry("network"), self.node.entry("host")) {
            (Some(_), Some(host)) => {
                let error = self.error("host", "stands beside `network`", host.place);
                return Err(error.accepted("one of them").remedy("take `host` away for the venue's own hosts"));
            }
            (Some(entry), None) => {
                let word = entry.node.value();
                let read = word.text().and_then(Network::named);
                read.ok_or_else(|| self.bad(entry, "\"mainnet\", \"testnet\"; or `host` in its place"))?
            }
            (None, Some(entry)) => {
                let text = self.text(entry, HOST)?;
                Network::Custom(Address::read(&text, is_tls, known).map_err(|error| self.host(entry, &error))?)
            }
            (None, None) => Network::Mainnet,
        };
        Ok(RecordedVenue { venue, symbols, network })
    }

    fn host(&self, entry: &Entry, error: &HostError) -> ConfigError {
        self.error(&entry.key, error.to_string(), entry.node.place).accepted(HOST)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const GOOD: &str = "out = \"rec\"\ndepth_levels = 20\nca_file = \"ca.pem\"\nproxy = \"http://127.0.0.1:3128\"\n\n[[venue]]\n\
                        name = \"lighter\"\nsymbols = [\"BTC\", \"ETH\"]\nhost = \"localhost:8020\"\n\n[[venue]]\nname = \"grvt\"\n\
                        symbols = [\"BTC\"]\nnetwork = \"testnet\"\n";

    #[test]
    fn a_file_says_what_is_recorded() {
        let config = RecordConfig::parse("r", GOOD, None).expect("legal");
        assert_eq!((config.out.as_path(), config.depth_levels, config.raw_days), (Path::new("rec"), 20, 14));
        assert_eq!(config.proxy.map(|proxy| proxy.http()).as_deref(), Some("http://127.0.0.1:3128"));
        let [lighter, grvt] = config.venues.as_slice() else { panic!("two venues") };
        assert_eq!(
            (lighter.venue, lighter.symbols.as_slice()),
            (Venue::Lighter, ["BTC".into(), "ETH".into()].as_slice())
        );
        let Network::Custom(host) = &lighter.network else { panic!("a host") };
        assert_eq!(host.http(), "https://localhost:8020", "a `ca_file` is for TLS");
        assert_eq!((grvt.venue, &grvt.network), (Venue::Grvt, &Network::Testnet));
        let plain = "out = \"rec\"\n[[venue]]\nname = \"grvt\"\nsymbols = [\"BTC\"]\n";
        assert_eq!(RecordConfig::parse("r", plain, None).expect("legal").venues[0].network, Network::Mainnet);
    }

    #[test]
    fn a_file_is_read_from_where_it_lies() {
        let dir = tempfile::tempdir().expect("a folder");
        let path = dir.path().join("record.toml");
        std::fs::write(&path, GOOD).expect("writes");
        let config = RecordConfig::read(&path, None).expect("legal");
        assert_eq!((config.out, config.ca_file), (dir.path().join("rec"), Some(dir.path().join("ca.pem"))));
        let absent = RecordConfig::read(&dir.path().join("no.toml"), None).expect_err("absent").to_string();
        assert!(absent.contains("cannot be read") && absent.contains("docs/recording.md"), "{absent}");
    }

    /// File, line, key, what was found, what is accepted.
    #[test]
    fn what_it_should_not_say_is_named() {
        for (from, to, line, says) in [
            ("out = ", "aut = ", 1, "no such key"),
            ("out = \"rec\"", "", 0, "out: is missing"),
            ("out = \"rec\"", "out = 5", 1, "found 5"),
            ("depth_levels = 20", "depth_levels = 4", 2, "from 5 to 50"),
            ("3128", "x", 4, "takes CONNECT"),
            ("http://127", "https://127", 4, "takes CONNECT"),
            ("\"lighter\"", "\"binance\"", 7, "\"lighter\", \"grvt\""),
            ("\"lighter\"", "\"grvt\"", 11, "stands there twice"),
            ("\"ETH\"", "\"BTC\"", 8, "base coins"),
            ("\"ETH\"", "\"eth\"", 8, "base coins"),
            ("[\"BTC\", \"ETH\"]", "\"BTC\"", 8, "base coins"),
            ("localhost:8020", "localhost", 9, "127.0.0.1:8020"),
            ("localhost:8020", "venue.test:443", 9, "--i-know-this-host venue.test"),
            ("network = \"testnet\"", "network = \"main\"", 14, "\"mainnet\", \"testnet\""),
            ("network = \"testnet\"", "network = \"testnet\"\nhost = \"localhost:1\"", 15, "one of them"),
            ("network", "net", 14, "name, symbols, network, host"),
        ] {
            let text = GOOD.replacen(from, to, 1);
            let error = RecordConfig::parse("record.toml", &text, None).expect_err(to).to_string();
            let place = if line == 0 { "record.toml".to_owned() } else { format!("record.toml:{line}") };
            assert!(error.contains(&place) && error.contains(says), "{to}: {error}");
        }
        let none = RecordConfig::parse("r", "out = \"rec\"\nvenue = []\n", None).expect_err("no venue").to_string();
        assert!(none.contains("at least one [[venue]]"), "{none}");
    }
}
