//! `live.toml`: where the market is, and how a run folder is kept.

use super::panel_file::{AlertFile, PanelFile};
use crate::limits::keys::{self, Limits};
use perpx_core::config::text::{Body, ConfigError, Entry, Node, Place, Source, parse_toml};
use perpx_core::config::{Num, Value};
use perpx_core::units::{MS, SECOND, TimeDelta};
use perpx_venues::registry::AccountNumbers;
use perpx_venues::venue::Venue;
use std::path::{Path, PathBuf};

/// What a new folder begins with: every key, at its default.
pub const TEMPLATE: &str = r#"# How this folder is run. Every key stands at its default.

# mainnet, testnet, emulated: a running `perpx-data emulate` at `host`; custom: the same, as if it were a venue
network = "mainnet"
# host = "127.0.0.1:8020"
# the name of a variable with an address that is asked for once a minute while the run is healthy
# heartbeat_url_env = "PERPX_HEARTBEAT_URL"
# what SIGTERM and Ctrl-C do to a run that trades: park (leaves a locked position, closes anything else), or close (everything)
on_stop = "park"
# what follows when a position is another one than believed, again and again, and nothing explains it: hold (nothing opens, exits go
# on, somebody looks), park or flatten
on_mismatch = "hold"

[account]
# numbers of the accounts that are traded on; paper needs none. Keys stand in the environment or in .env, never here
# lighter = { index = 1, api_key = 4, api_key_close = 5 }
# grvt = { sub_account = "1" }

[limits]
# what may leave at most, in quote money and coins; those that begin with # are unlimited as long as nothing real is at stake, and
# with money nothing opens without them. A change is taken while it runs, to the stricter side of where it stood at the start
# max_order_qty = 0.01
# max_order_notional = 1000
# max_position_notional = 1000
# max_net_notional = 1000
max_unhedged_sec = 30
collar_open_bp = 50
collar_close_bp = 200
max_opens_per_min = 10
max_orders_per_min = 30
same_order_ms = 250
max_reject_rate = 0.5
# max_loss_day = 50
# max_loss_total = 100
# stale_feed_ms = 5000
clock_drift_ms = 500
max_lane_ms = 1000
min_liq_distance_bp = 150
min_free_margin = 0.2
max_doubt_sec = 20
min_disk_gib = 2
# max_trades_day = 100

[truth]
# position, orders and balance are read at the venues at least so often, and compared with what is believed
poll_sec = 30

[park]
# a lock that is under way when a park is asked for may complete for so long before everything is closed
max_sec = 45

[closing]
# a start that can only close what an earlier one left, and cannot read its state, closes after so long; `ctl hold` stops it until then
grace_sec = 60

[paper]
# time is judged so long after it was, so that every row of it has come
lag_ms = 10000

[warm]
# folders whose hours warm the signals, seen from this one: recordings of `perpx-data record`, other runs, stores
from = []
# true: until a venue is quoted, averages of its mid take backfilled bars of these folders and of this one
bars = false
# whoever lacks more bars than these before a start waits until its signals are filled anew
max_gap_bars = 2

[record]
# levels of each side of the book that are kept, and decided on
depth_levels = 10
# days for which frames are kept as they came
raw_days = 14

[panel]
# where the page and /metrics are served; not written: on 127.0.0.1, the first free port from 9870. Elsewhere than on this machine it
# needs PERPX_PANEL_TOKEN, of 32 letters or more, in the environment or in .env
# bind = "127.0.0.1:9870"
# further names, with their ports, by which they may be asked for
hosts = []
# true: verbs may be given by the page; needs PERPX_PANEL_TOKEN too
control = false

# whom alerts go to; the address stands in the environment or in .env under the name given here
# [[alert]]
# url_env = "PERPX_ALERT_URL"
# json, slack, or telegram with chat_id
# format = "slack"
# info, warning or critical
# least = "warning"
"#;

/// Where the market is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Network {
    /// The venues themselves.
    Mainnet,
    /// The venues' test networks.
    Testnet,
    /// A running `perpx-data emulate`, by its first port.
    Emulated(String),
    /// The same, taken for a venue: for rehearsals of live orders.
    Custom(String),
}

impl Network {
    /// As people read it.
    pub fn words(&self) -> String {
        match self {
            Network::Mainnet => "mainnet".to_owned(),
            Network::Testnet => "testnet".to_owned(),
            Network::Emulated(host) => format!("emulated at {host}"),
            Network::Custom(host) => format!("custom at {host}"),
        }
    }
}

/// What a stop does to a run that trades.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OnStop {
    /// It leaves a locked position and closes anything else.
    Park,
    /// It closes everything.
    Close,
}

/// What follows when a position differs from what is believed, and nothing explains it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OnMismatch {
    /// Nothing opens; what is believed to be held is still closed by its rules.
    Hold,
    /// It parks.
    Park,
    /// Everything is closed.
    Flatten,
}

/// The file as read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LiveFile {
    /// Where the market is.
    pub network: Network,
    /// The account at Lighter.
    lighter: Option<AccountNumbers>,
    /// The account at GRVT.
    grvt: Option<AccountNumbers>,
    /// What may leave at most.
    pub limits: Limits,
    /// What SIGTERM and Ctrl-C do to a run that trades.
    pub on_stop: OnStop,
    /// What follows when a position differs from what is believed.
    pub on_mismatch: OnMismatch,
    /// The accounts are read so often, at least.
    pub poll: TimeDelta,
    /// A lock may complete for so long before a park closes it.
    pub park: TimeDelta,
    /// What a start can only close, and by no state of its own, is closed after so long.
    pub grace: TimeDelta,
    /// Time is judged so long after it was.
    pub lag: TimeDelta,
    /// Folders whose hours warm the signals; the first named wins.
    pub warm_from: Vec<PathBuf>,
    /// Bars that may be missing before a start.
    pub max_gap_bars: i64,
    /// Averages take backfilled bars of before the first quote.
    pub warm_bars: bool,
    /// Levels of each side of the book.
    pub depth_levels: usize,
    /// Days for which raw frames are kept.
    pub raw_days: i64,
    /// Where the page is served.
    pub panel: PanelFile,
    /// Whom alerts go to.
    pub alerts: Vec<AlertFile>,
    /// The variable with the address that is asked for once a minute while the run is healthy.
    pub heartbeat: Option<String>,
}

const VARIABLE: &str = "the name of a variable of the environment, in capitals, such as PERPX_ALERT_URL";

/// What an account's numbers look like.
pub const ACCOUNT_LINES: &str =
    "lighter = { index = 1, api_key = 4 } and grvt = { sub_account = \"1\" }, with your numbers";

const KEYS: [(&str, &[&str]); 9] = [
    (
        "",
        &[
            "network",
            "host",
            "on_stop",
            "on_mismatch",
            "account",
            "limits",
            "truth",
            "park",
            "closing",
            "paper",
            "warm",
            "record",
            "panel",
            "alert",
            "heartbeat_url_env",
        ],
    ),
    ("truth", &["poll_sec"]),
    ("park", &["max_sec"]),
    ("closing", &["grace_sec"]),
    ("account", &["lighter", "grvt"]),
    ("paper", &["lag_ms"]),
    ("warm", &["from", "bars", "max_gap_bars"]),
    ("record", &["depth_levels", "raw_days"]),
    ("panel", &["bind", "hosts", "control"]),
];

impl LiveFile {
    /// The account at a venue, if it is written.
    pub fn account(&self, venue: Venue) -> Option<AccountNumbers> {
        match venue {
            Venue::Lighter => self.lighter,
            Venue::Grvt => self.grvt,
        }
    }

    /// # Errors
    /// A file that cannot be read, or that does not say what it should.
    pub fn read(path: &Path) -> Result<LiveFile, ConfigError> {
        let name = path.display().to_string();
        let text = std::fs::read_to_string(path).map_err(|error| {
            ConfigError::new(&name, "", format!("cannot be read: {error}"))
                .accepted("the live.toml of a run folder")
                .remedy("restore it, or name a new folder with --run")
        })?;
        LiveFile::parse(&name, &text)
    }

    /// # Errors
    /// A text that does not say what it should.
    pub fn parse(name: &str, text: &str) -> Result<LiveFile, ConfigError> {
        let source = Source::new(name, text);
        let root = parse_toml(&source)?;
        let empty = Node { body: Body::Map(Vec::new()), place: Default::default() };
        let table = |name: &str| root.entry(name).map_or(&empty, |entry| &entry.node);
        let reader = Reader { source: &source };
        for (name, known) in KEYS {
            let node = if name.is_empty() { &root } else { table(name) };
            if let Some(other) = node.entries().iter().find(|entry| !known.contains(&entry.key.as_str())) {
                let key = [name, &other.key].join(".");
                return Err(reader.unknown(key.trim_start_matches('.'), other.place, known));
            }
        }
        let limits = table("limits");
        if let Some(other) = limits.entries().iter().find(|entry| keys::row(&entry.key).is_none()) {
            let known: Vec<&str> = keys::ROWS.iter().map(|row| row.name).collect();
            return Err(reader.unknown(&format!("limits.{}", other.key), other.place, &known));
        }
        let (paper, warm, record) = (table("paper"), table("warm"), table("record"));
        let folder = Path::new(name).parent().unwrap_or(Path::new(""));
        Ok(LiveFile {
            network: reader.network(&root)?,
            lighter: reader.lighter(table("account"))?,
            grvt: reader.grvt(table("account"))?,
            limits: Limits::parse(&source, limits)?,
            on_stop: reader.on_stop(&root)?,
            on_mismatch: reader.on_mismatch(&root)?,
            poll: reader.count(table("truth"), ("truth", "poll_sec"), 30, (1, 3_600))? * SECOND,
            park: reader.count(table("park"), ("park", "max_sec"), 45, (0, 3_600))? * SECOND,
            grace: reader.count(table("closing"), ("closing", "grace_sec"), 60, (0, 3_600))? * SECOND,
            lag: reader.count(paper, ("paper", "lag_ms"), 10_000, (100, 3_600_000))? * MS,
            warm_from: reader
                .texts(warm, ("warm", "from"), "a list of folders, such as [\"../rec\"]")?
                .iter()
                .map(|from| perpx_data::path::normalize(&folder.join(from)))
                .collect(),
            max_gap_bars: reader.count(warm, ("warm", "max_gap_bars"), 2, (0, 100_000))?,
            warm_bars: reader.flag(warm, ("warm", "bars"))?,
            depth_levels: reader.count(record, ("record", "depth_levels"), 10, (5, 50))? as usize,
            raw_days: reader.count(record, ("record", "raw_days"), 14, (0, 3_650))?,
            panel: PanelFile::read(&reader, table("panel"))?,
            alerts: AlertFile::read_all(&reader, &root)?,
            heartbeat: reader.variable(&root, "heartbeat_url_env")?,
        })
    }
}

/// Reads values, and says where they are wrong.
pub(super) struct Reader<'a> {
    source: &'a Source,
}

impl Reader<'_> {
    pub(super) fn unknown(&self, key: &str, place: Place, known: &[&str]) -> ConfigError {
        let error = ConfigError::new(&self.source.name, key, "no such key");
        error.accepted(known.join(", ")).at(self.source, place)
    }

    pub(super) fn missing(&self, key: &str, node: &Node) -> ConfigError {
        let error = ConfigError::new(&self.source.name, key, "is not written").accepted(VARIABLE);
        error.remedy("write it").at(self.source, node.place)
    }

    /// The name of a variable of the environment; of what stands there instead nothing is said, since it may be a secret.
    pub(super) fn variable(&self, table: &Node, path: &str) -> Result<Option<String>, ConfigError> {
        let key = path.rsplit('.').next().unwrap_or(path);
        let Some(entry) = table.entry(key) else { return Ok(None) };
        let is_name = |name: &&str| {
            let is_legal = |c: char| c.is_ascii_uppercase() || c.is_ascii_digit() || c == '_';
            !name.is_empty() && name.chars().all(is_legal)
        };
        let name = entry.node.value().text().filter(is_name).map(str::to_owned);
        let wrong = || {
            let error = self.unshown(path, entry.place, "holds no name of a variable").accepted(VARIABLE);
            error.remedy("put the address into the environment or into .env, and its name here")
        };
        name.map(Some).ok_or_else(wrong)
    }

    /// An error at a line that may hold a secret: the line is named, and not shown.
    pub(super) fn unshown(&self, key: &str, place: Place, found: &str) -> ConfigError {
        let (line, _) = self.source.line_column(place.start);
        ConfigError::new(&format!("{}:{line}", self.source.name), key, found)
    }

    pub(super) fn wrong(&self, key: &str, entry: &Entry, accepted: &str) -> ConfigError {
        let found = format!("found {}", entry.node.place.of(self.source));
        ConfigError::new(&self.source.name, key, found).accepted(accepted).at(self.source, entry.node.place)
    }

    fn network(&self, root: &Node) -> Result<Network, ConfigError> {
        const WORDS: &str = "mainnet, testnet, or emulated (custom) with host = \"127.0.0.1:PORT\"";
        let word = |name: &str| root.entry(name).map(|entry| (entry, entry.node.value()));
        let host = word("host");
        let network = match word("network") {
            None if host.is_some() => "emulated".to_owned(),
            None => "mainnet".to_owned(),
            Some((entry, value)) => {
                let word = value.text().filter(|word| ["mainnet", "testnet", "emulated", "custom"].contains(word));
                word.ok_or_else(|| self.wrong("network", entry, WORDS))?.to_owned()
            }
        };
        match (network.as_str(), host) {
            (word @ ("emulated" | "custom"), Some((entry, value))) => {
                let host = value.text().ok_or_else(|| self.wrong("host", entry, "text such as \"127.0.0.1:8020\""))?;
                let host = host.to_owned();
                Ok(if word == "custom" { Network::Custom(host) } else { Network::Emulated(host) })
            }
            ("emulated" | "custom", None) => Err(ConfigError::new(&self.source.name, "host", "is not written")
                .accepted(WORDS)
                .remedy("write the address that `perpx-data emulate` prints")),
            (_, Some((entry, _))) => Err(self.wrong("host", entry, "with network = \"emulated\" alone")),
            ("testnet", None) => Ok(Network::Testnet),
            _ => Ok(Network::Mainnet),
        }
    }

    fn on_stop(&self, root: &Node) -> Result<OnStop, ConfigError> {
        let Some(entry) = root.entry("on_stop") else { return Ok(OnStop::Park) };
        match entry.node.value().text() {
            Some("park") => Ok(OnStop::Park),
            Some("close") => Ok(OnStop::Close),
            _ => Err(self.wrong("on_stop", entry, "park or close")),
        }
    }

    fn on_mismatch(&self, root: &Node) -> Result<OnMismatch, ConfigError> {
        let Some(entry) = root.entry("on_mismatch") else { return Ok(OnMismatch::Hold) };
        match entry.node.value().text() {
            Some("hold") => Ok(OnMismatch::Hold),
            Some("park") => Ok(OnMismatch::Park),
            Some("flatten") => Ok(OnMismatch::Flatten),
            _ => Err(self.wrong("on_mismatch", entry, "hold, park or flatten")),
        }
    }

    fn lighter(&self, account: &Node) -> Result<Option<AccountNumbers>, ConfigError> {
        let Some(entry) = account.entry("lighter") else { return Ok(None) };
        let number = |key: &str| entry.node.entry(key)?.node.value().num()?.as_i64().filter(|number| *number >= 0);
        let (keys, close) = (entry.node.entries().len(), number("api_key_close"));
        match (number("index"), number("api_key"), close) {
            (Some(index), Some(api_key), api_key_close)
                if keys == 2 + usize::from(close.is_some()) && close != Some(api_key) =>
            {
                Ok(Some(AccountNumbers::Lighter { index, api_key, api_key_close }))
            }
            _ => Err(self.wrong(
                "account.lighter",
                entry,
                "{ index = N, api_key = N, api_key_close = M }, M another key or unsaid",
            )),
        }
    }

    fn grvt(&self, account: &Node) -> Result<Option<AccountNumbers>, ConfigError> {
        let Some(entry) = account.entry("grvt") else { return Ok(None) };
        // longer than a whole number of the file may be
        let number = entry.node.entry("sub_account").and_then(|entry| entry.node.value().text()?.parse().ok());
        match (number, entry.node.entries().len()) {
            (Some(sub_account), 1) => Ok(Some(AccountNumbers::Grvt { sub_account })),
            _ => Err(self.wrong("account.grvt", entry, "{ sub_account = \"DIGITS\" }")),
        }
    }

    pub(super) fn texts(
        &self,
        table: &Node,
        (name, key): (&str, &str),
        accepted: &str,
    ) -> Result<Vec<String>, ConfigError> {
        let Some(entry) = table.entry(key) else { return Ok(Vec::new()) };
        let all = match entry.node.value() {
            Value::List(all) => all.iter().map(|text| text.text().map(str::to_owned)).collect(),
            _ => None,
        };
        all.ok_or_else(|| self.wrong(&format!("{name}.{key}"), entry, accepted))
    }

    pub(super) fn flag(&self, table: &Node, (name, key): (&str, &str)) -> Result<bool, ConfigError> {
        let Some(entry) = table.entry(key) else { return Ok(false) };
        match entry.node.value() {
            Value::Bool(flag) => Ok(flag),
            _ => Err(self.wrong(&format!("{name}.{key}"), entry, "true or false")),
        }
    }

    fn count(
        &self,
        table: &Node,
        (name, key): (&str, &str),
        default: i64,
        (least, most): (i64, i64),
    ) -> Result<i64, ConfigError> {
        let Some(entry) = table.entry(key) else { return Ok(default) };
        let within = entry.node.value().num().and_then(Num::as_i64).filter(|whole| (least..=most).contains(whole));
        within.ok_or_else(|| self.wrong(&format!("{name}.{key}"), entry, &format!("a whole number, {least} to {most}")))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_template_says_the_defaults() {
        let file = LiveFile::parse("live.toml", TEMPLATE).unwrap_or_else(|e| panic!("{e}"));
        assert_eq!(file, LiveFile::parse("live.toml", "").unwrap_or_else(|e| panic!("{e}")));
        assert_eq!((&file.network, file.lag, file.depth_levels), (&Network::Mainnet, 10_000 * MS, 10));
        let warm = LiveFile::parse("live/a/live.toml", "[warm]\nfrom = [\"../rec\", \"/data\"]\nmax_gap_bars = 5");
        let warm = warm.unwrap_or_else(|e| panic!("{e}"));
        assert_eq!((warm.warm_from, warm.max_gap_bars), (["live/rec", "/data"].map(PathBuf::from).to_vec(), 5));
        let text = "[account]\nlighter = { index = 7, api_key = 5 }\ngrvt = { sub_account = \"8289849667772468\" }";
        let file = LiveFile::parse("live.toml", text).unwrap_or_else(|e| panic!("{e}"));
        let lighter = AccountNumbers::Lighter { index: 7, api_key: 5, api_key_close: None };
        let grvt = AccountNumbers::Grvt { sub_account: 8_289_849_667_772_468 };
        assert_eq!(Venue::ALL.map(|venue| file.account(venue)), [Some(lighter), Some(grvt)]);
        let emulated = TEMPLATE.replace("network = \"mainnet\"", "network = \"emulated\"").replace("# host", "host");
        let file = LiveFile::parse("live.toml", &emulated).unwrap_or_else(|e| panic!("{e}"));
        assert_eq!(file.network, Network::Emulated("127.0.0.1:8020".to_owned()));
    }

    #[test]
    fn what_it_should_not_say_is_refused_by_place() {
        for (text, words) in [
            ("network = \"main\"", ["live.toml:1", "network", "mainnet, testnet"]),
            ("host = \"x:1\"\nnetwork = \"testnet\"", ["live.toml:1", "host", "emulated"]),
            ("network = \"emulated\"", ["live.toml", "host", "is not written"]),
            ("[warm]\nfrom = \"../rec\"", ["live.toml:2", "warm.from", "a list of folders"]),
            ("[warm]\nfrom = [3]", ["live.toml:2", "warm.from", "a list of folders"]),
            ("[account]\nlighter = { index = 1 }", ["live.toml:2", "account.lighter", "api_key = N"]),
            ("[account]\ngrvt = { sub_account = 1 }", ["live.toml:2", "account.grvt", "sub_account = \"DIGITS\""]),
            ("[account]\nbinance = 3", ["live.toml:2", "account.binance", "lighter, grvt"]),
            ("on_stop = \"stay\"", ["live.toml:1", "on_stop", "park or close"]),
            ("[limits]\nmax_qty = 1", ["live.toml:2", "limits.max_qty", "max_order_qty, max_order_notional"]),
            ("[limits]\nmin_free_margin = 20", ["live.toml:2", "limits.min_free_margin", "from 0 to 1"]),
            ("[park]\nmax_sec = -1", ["live.toml:2", "park.max_sec", "0 to 3600"]),
            ("[warm]\nbars = 1", ["live.toml:2", "warm.bars", "true or false"]),
            ("[paper]\nlag = 3", ["live.toml:2", "paper.lag", "lag_ms"]),
            ("[paper]\nlag_ms = 1.5", ["live.toml:2", "paper.lag_ms", "100 to 3600000"]),
        ] {
            let error = LiveFile::parse("live.toml", text).expect_err(text).to_string();
            for word in words {
                assert!(error.contains(word), "{word}\n{error}");
            }
        }
    }
}
