//! A best.yml read as what it is: a configuration, and the account of the sweep that chose it.

use super::LiveError;
use perpx_core::config::{Config, ConfigError, ConfigFile, Value};
use perpx_core::strategy::VERSION;
use perpx_core::units::Time;
use perpx_data::backtest::{DataRange, Spans};
use perpx_data::loader::{OnBadRows, TapeSpec};
use std::io::Write;
use std::path::Path;

pub struct StrategyFile {
    pub config: Config,
    /// Its id as it stands, and that of the sweep's winner.
    pub ids: [String; 2],
    pub data: DataRange,
    /// Fingerprint of the data.
    pub feed: String,
    /// The code that swept.
    pub code: String,
    pub spans: Spans,
    /// By run: the hash of the sweep's ledger.
    pub ledgers: Vec<String>,
    /// What the sweep said of its winner: strong, weak or refused; none where it did not judge.
    pub verdict: Option<String>,
}

/// Which configuration a best.yml is, and of which sweep.
pub struct Identity {
    /// The name of the sweep's grid.
    pub sweep: String,
    /// Of the configuration as the file stands.
    pub id: String,
}

impl StrategyFile {
    /// What a best.yml is called, without a look at its data.
    ///
    /// # Errors
    /// A bad strategy file, or one without provenance.
    pub fn identity(path: &Path) -> Result<Identity, LiveError> {
        let file = StrategyFile::open(path)?;
        let sweep = Provenance::of(&file)?.text("grid")?;
        Ok(Identity { sweep, id: file.id(&[])? })
    }

    pub(super) fn open(path: &Path) -> Result<ConfigFile, LiveError> {
        if !path.is_file() {
            let error = ConfigError::new(&path.display().to_string(), "", "there is no such file");
            let error = error.accepted("the best.yml of a finished sweep, such as reports/quickstart/best.yml");
            return Err(error.remedy("check the path, or sweep first").into());
        }
        Ok(perpx_data::read_config(path)?)
    }

    /// The first line of a run: whether to deploy what it trades.
    pub fn print_verdict(&self, out: &mut (dyn Write + Send)) {
        if let Some(verdict) = &self.verdict {
            let _ = writeln!(out, "verdict   {verdict}; the sweep's page and `perpx-sweep evidence RUN` say why");
        }
    }

    /// Reads the file. The store is `store`, else the one that the file names, seen from its own folder.
    ///
    /// # Errors
    /// A bad strategy file, a provenance that lacks something, a store that is not there.
    pub fn read(path: &Path, store: Option<&Path>) -> Result<StrategyFile, LiveError> {
        let file = StrategyFile::open(path)?;
        let provenance = Provenance::of(&file)?;
        let version = provenance.value("strategy_version")?.to_string();
        if version != VERSION.to_string() {
            let error = provenance.wrong("strategy_version", format!("found {version}"));
            return Err(error.accepted(VERSION.to_string()).remedy("sweep again with this version").into());
        }
        let held_out = provenance.find("held_out").is_some();
        let span = |name: &str| -> Result<(Time, Time), ConfigError> {
            Ok((provenance.time(&format!("{name}.from"))?, provenance.time(&format!("{name}.to"))?))
        };
        let spans =
            Spans { inside: span("in_sample")?, held_out: if held_out { Some(span("held_out")?) } else { None } };
        let mut ledgers = vec![provenance.text("ledger")?];
        if held_out {
            ledgers.push(provenance.text("oos_ledger")?);
        }
        let named = provenance.text("data.store")?;
        let folder = path.parent().unwrap_or(Path::new(""));
        let store = match store {
            Some(store) => store.to_path_buf(),
            None if named.contains("://") => named.into(),
            None => perpx_data::path::normalize(&folder.join(named)),
        };
        let remote = store.to_string_lossy().contains("://");
        if !remote && !store.is_dir() {
            return Err(LiveError::NoStore { config: path.to_path_buf(), store });
        }
        Ok(StrategyFile {
            config: file.with(&[])?,
            ids: [file.id(&[])?, provenance.text("configuration")?],
            data: DataRange {
                store: store.display().to_string(),
                symbol: provenance.text("data.symbol")?,
                from: provenance.time("data.from")?,
                to: provenance.time("data.to")?,
                on_bad_rows: if provenance.text("data.on_bad_rows")? == "drop" {
                    OnBadRows::Drop
                } else {
                    OnBadRows::Fail
                },
                gap_trades: matches!(provenance.find("data.gap_trades"), Some(Value::Bool(true))),
                warm_from: provenance.time("data.warm_from")?,
                max_gib: None,
                tile_rows: TapeSpec::TILE_ROWS,
            },
            feed: provenance.text("data.feed")?,
            code: provenance.text("code")?,
            spans,
            ledgers,
            verdict: provenance.find("evidence.verdict").map(Value::to_string),
        })
    }
}

/// The provenance as written.
pub(super) struct Provenance<'a> {
    file: &'a ConfigFile,
    root: &'a Value,
}

impl<'a> Provenance<'a> {
    pub(super) fn of(file: &'a ConfigFile) -> Result<Provenance<'a>, ConfigError> {
        match file.provenance() {
            Some(root @ Value::Map(_)) => Ok(Provenance { file, root }),
            _ => Err(ConfigError::new(file.name(), "provenance", "this block is not written")
                .accepted("a best.yml as perpx-sweep writes it")
                .remedy("sweep, and give the reports/<name>/best.yml that comes of it")),
        }
    }

    fn wrong(&self, key: &str, found: String) -> ConfigError {
        ConfigError::new(self.file.name(), &format!("provenance.{key}"), found)
    }

    pub(super) fn find(&self, key: &str) -> Option<&'a Value> {
        key.split('.').try_fold(self.root, |value, name| match value {
            Value::Map(entries) => entries.iter().find(|(key, _)| key == name).map(|(_, value)| value),
            _ => None,
        })
    }

    fn value(&self, key: &str) -> Result<&'a Value, ConfigError> {
        self.find(key).ok_or_else(|| {
            self.wrong(key, "this key is not written".to_string())
                .accepted("a best.yml as this version of perpx-sweep writes it")
                .remedy("sweep again, or restore the file")
        })
    }

    pub(super) fn text(&self, key: &str) -> Result<String, ConfigError> {
        Ok(self.value(key)?.to_string())
    }

    fn time(&self, key: &str) -> Result<Time, ConfigError> {
        let text = self.text(key)?;
        text.parse().map_err(|_| {
            self.wrong(key, format!("found {text}"))
                .accepted("a UTC time such as 2026-01-05T10:30:00Z")
                .remedy("sweep again, or restore the file")
        })
    }
}
