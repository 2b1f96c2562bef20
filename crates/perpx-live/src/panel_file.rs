//! What live.toml says of those who watch: where the page is, whom alerts go to.

use super::live_file::Reader;
use super::monitor::snapshot::Level;
use perpx_core::config::Value;
use perpx_core::config::text::{Body, ConfigError, Node};
use std::net::SocketAddr;

/// Where the page is served, and to whom.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PanelFile {
    /// There and nowhere else.
    pub bind: Option<SocketAddr>,
    /// Further names by which it may be asked for.
    pub hosts: Vec<String>,
    /// Verbs may be given by it.
    pub control: bool,
}

/// A channel for alerts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AlertFile {
    /// The variable that holds its address.
    pub url_env: String,
    /// What it takes.
    pub format: Format,
    /// What is less grave is not sent.
    pub least: Level,
}

/// How a message is written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Format {
    /// All of it by name.
    Json,
    /// As Slack takes it, and what imitates it.
    Slack,
    /// As a bot of Telegram takes it.
    Telegram {
        /// Where it goes.
        chat: String,
    },
}

impl PanelFile {
    pub(super) fn read(reader: &Reader<'_>, table: &Node) -> Result<PanelFile, ConfigError> {
        let bind = table.entry("bind").map(|entry| {
            let at = entry.node.value().text().and_then(|at| at.parse().ok());
            at.ok_or_else(|| reader.wrong("panel.bind", entry, "an address and a port, such as \"127.0.0.1:9870\""))
        });
        let bind = bind.transpose()?;
        let hosts = reader.texts(table, ("panel", "hosts"), "a list of names with ports, such as [\"perpx:9870\"]")?;
        Ok(PanelFile { bind, hosts, control: reader.flag(table, ("panel", "control"))? })
    }
}

impl AlertFile {
    /// All channels.
    pub(super) fn read_all(reader: &Reader<'_>, root: &Node) -> Result<Vec<AlertFile>, ConfigError> {
        let Some(list) = root.entry("alert") else { return Ok(Vec::new()) };
        match &list.node.body {
            Body::List(items) => items.iter().map(|node| AlertFile::read(reader, node)).collect(),
            _ => Err(reader.wrong("alert", list, "tables that begin with [[alert]]")),
        }
    }

    fn read(reader: &Reader<'_>, node: &Node) -> Result<AlertFile, ConfigError> {
        const KEYS: [&str; 4] = ["url_env", "format", "least", "chat_id"];
        if let Some(other) = node.entries().iter().find(|entry| !KEYS.contains(&entry.key.as_str())) {
            let error = reader.unshown(&format!("alert.{}", other.key), other.place, "no such key");
            return Err(error.accepted(KEYS.join(", ")));
        }
        let word = |key: &str| node.entry(key).map(|entry| (entry, entry.node.value()));
        let url_env = reader.variable(node, "alert.url_env")?.ok_or_else(|| reader.missing("alert.url_env", node))?;
        let least = match word("least") {
            None => Level::Warning,
            Some((entry, value)) => match value.text() {
                Some("info") => Level::Info,
                Some("warning") => Level::Warning,
                Some("critical") => Level::Critical,
                _ => return Err(reader.wrong("alert.least", entry, "info, warning or critical")),
            },
        };
        let chat = word("chat_id").map(|(entry, value)| {
            let chat = match &value {
                Value::Text(text) if !text.is_empty() => Some(text.clone()),
                Value::Num(number) => number.as_i64().map(|number| number.to_string()),
                _ => None,
            };
            chat.ok_or_else(|| reader.wrong("alert.chat_id", entry, "the number or the name of a chat"))
        });
        let chat = chat.transpose()?;
        let format = match word("format") {
            None => Format::Json,
            Some((entry, value)) => match (value.text(), &chat) {
                (Some("json"), _) => Format::Json,
                (Some("slack"), _) => Format::Slack,
                (Some("telegram"), Some(chat)) => Format::Telegram { chat: chat.clone() },
                (Some("telegram"), None) => return Err(reader.wrong("alert.format", entry, "telegram with chat_id")),
                _ => return Err(reader.wrong("alert.format", entry, "json, slack or telegram")),
            },
        };
        if let (Some((entry, _)), Format::Json | Format::Slack) = (word("chat_id"), &format) {
            return Err(reader.wrong("alert.chat_id", entry, "with format = \"telegram\" alone"));
        }
        Ok(AlertFile { url_env, format, least })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::live_file::LiveFile;

    #[test]
    fn channels_are_read() {
        let text = "heartbeat_url_env = \"BEAT\"\n[panel]\nbind = \"0.0.0.0:9870\"\ncontrol = true\n[[alert]]\nurl_env = \"A\"\n\
                    [[alert]]\nurl_env = \"B\"\nformat = \"telegram\"\nchat_id = -100\nleast = \"critical\"";
        let file = LiveFile::parse("live.toml", text).unwrap_or_else(|e| panic!("{e}"));
        assert_eq!(file.heartbeat.as_deref(), Some("BEAT"));
        assert!(file.panel.control && file.panel.bind.is_some_and(|at| at.port() == 9870));
        let telegram = Format::Telegram { chat: "-100".to_owned() };
        assert_eq!(
            file.alerts,
            [
                AlertFile { url_env: "A".to_owned(), format: Format::Json, least: Level::Warning },
                AlertFile { url_env: "B".to_owned(), format: telegram, least: Level::Critical },
            ]
        );
        for (text, words) in [
            ("[panel]\nbind = 9870", ["live.toml:2", "panel.bind", "\"127.0.0.1:9870\""]),
            ("[panel]\nhosts = \"perpx\"", ["live.toml:2", "panel.hosts", "a list of names"]),
            ("[panel]\ncontrol = 1", ["live.toml:2", "panel.control", "true or false"]),
            ("[alert]\nurl_env = \"A\"", ["live.toml:1", "alert", "[[alert]]"]),
            ("[[alert]]\nformat = \"slack\"", ["live.toml", "alert.url_env", "the name of a variable"]),
            (
                "[[alert]]\nurl_env = \"https://x.example/T\"",
                ["live.toml:2", "alert.url_env", "the name of a variable"],
            ),
            (
                "[[alert]]\nurl_env = \"A\"\nformat = \"mail\"",
                ["live.toml:3", "alert.format", "json, slack or telegram"],
            ),
            ("[[alert]]\nurl_env = \"A\"\nformat = \"telegram\"", ["live.toml:3", "alert.format", "with chat_id"]),
            ("[[alert]]\nurl_env = \"A\"\nchat_id = 1", ["live.toml:3", "alert.chat_id", "telegram"]),
            (
                "[[alert]]\nurl_env = \"A\"\nleast = \"debug\"",
                ["live.toml:3", "alert.least", "info, warning or critical"],
            ),
            ("[[alert]]\nurl_env = \"A\"\nurl = \"x\"", ["live.toml:3", "alert.url", "url_env"]),
            ("heartbeat_url_env = 1", ["live.toml:1", "heartbeat_url_env", "the name of a variable"]),
        ] {
            let error = LiveFile::parse("live.toml", text).expect_err(text).to_string();
            for word in words {
                assert!(error.contains(word), "{word}\n{error}");
            }
            assert!(!error.contains("x.example"), "an address is a secret: {error}");
        }
    }
}
