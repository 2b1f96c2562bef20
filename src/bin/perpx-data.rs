//! Market data for perpx: bring it in, look at it, judge it.

use clap::builder::{PossibleValuesParser, TypedValueParser};
use clap::{CommandFactory, Parser, Subcommand};
use perpx::config::{Choice, Missing};
use perpx::loader::cache;
use perpx::synth::SynthArgs;
use perpx::text;
use perpx::venues::backfill::command::BackfillArgs;
use perpx::venues::command::EmulateArgs;
use perpx::venues::recorder::command::{RecordArgs, compact_run};
use perpx::venues::refresh::command::VenueArgs;
use perpx::venues::wall;
use perpx::{TapeError, check, import, info};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

/// Bring market data into a store, look at it, judge it
#[derive(Parser)]
#[command(name = "perpx-data", version, after_help = "Example: perpx-data check data/sample")]
struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Bring foreign recordings into a store, by a column map or preset
    #[command(after_help = "Presets: tardis, binance-vision, bybit, hyperliquid-s3, lighter-export,\n         \
                            hftbacktest, lean\nExample: perpx-data import map.toml --from recordings \
                            --store data/real/gold\n         \
                            perpx-data import --preset tardis --instrument 1 --symbol BTC \\\n             \
                            --from datasets --store data/real/lighter")]
    Import {
        /// The column map (TOML); examples lie under data/maps
        #[arg(required_unless_present = "preset", conflicts_with = "preset")]
        map: Option<PathBuf>,
        #[command(flatten)]
        archive: ArchiveArgs,
        /// Folder of the files that the map names
        #[arg(long, value_name = "DIR")]
        from: PathBuf,
        /// The store to write; one that is there is replaced
        #[arg(long, value_name = "DIR")]
        store: PathBuf,
        /// Print what was done as one line of JSON
        #[arg(long)]
        json: bool,
    },
    /// Judge a store: what a replay refuses, what a user should know
    #[command(after_help = "Exit codes: 0 fit for a sweep; 2 not fit, or no store is there; 3 every row\n\
                            is sound, but no two venues quote one symbol at the same time; 1 disk failed\n\
                            Example: perpx-data check data/real/minute --max-age 90")]
    Check {
        /// The store's folder
        store: PathBuf,
        /// Only this symbol
        #[arg(long)]
        symbol: Option<String>,
        /// Seconds after which a quote is stale
        #[arg(long, value_name = "SEC", default_value_t = 5, value_parser = clap::value_parser!(i64).range(1..=86_400))]
        max_age: i64,
        /// As funding.missing: refuse, zero, carry_last
        #[arg(long, value_name = "HOW", value_parser = missing(3), hide_possible_values = true)]
        funding_missing: Option<Missing>,
        /// As marks.missing: refuse, zero, carry_last, mid
        #[arg(long, value_name = "HOW", value_parser = missing(4), hide_possible_values = true)]
        marks_missing: Option<Missing>,
        /// Print the report as one line of JSON
        #[arg(long)]
        json: bool,
    },
    /// Make a seeded two-venue market with known properties as a store
    Synth(SynthArgs),
    /// Record what venues publish, and make a store of it
    Record(Box<RecordArgs>),
    /// Ask a venue for its past: funding, candles, trades
    Backfill(Box<BackfillArgs>),
    /// Make rows of the raw frames of a recording whose process has died
    #[command(after_help = "Example: perpx-data compact live/rec")]
    Compact {
        /// The recording's folder
        run: PathBuf,
        /// Print what was done as one line of JSON
        #[arg(long)]
        json: bool,
    },
    /// What a venue says of itself
    Venue(VenueArgs),
    /// Play a venue on this machine: REST and stream on the loopback
    Emulate(Box<EmulateArgs>),
    /// Say what a store holds and how it was made
    #[command(after_help = "Example: perpx-data info data/sample")]
    Info {
        /// The store's folder
        store: PathBuf,
        /// Print it as one line of JSON
        #[arg(long)]
        json: bool,
    },
    /// List the keys of an import map and the columns of a store
    #[command(after_help = "Example: perpx-data columns")]
    Columns {
        /// Print tables of Markdown
        #[arg(long, conflicts_with = "json")]
        markdown: bool,
        /// Print them as one line of JSON
        #[arg(long)]
        json: bool,
    },
    /// Show what the tile cache holds, or clear it
    #[command(after_help = "The cache is $PERPX_CACHE, else $XDG_CACHE_HOME/perpx, else ~/.cache/perpx.\n\
                            Example: perpx-data cache --clear")]
    Cache {
        /// Remove every tape; the next sweep builds its own again
        #[arg(long)]
        clear: bool,
        /// Print it as one line of JSON
        #[arg(long)]
        json: bool,
    },
    /// Write a script that completes these commands in a shell
    #[command(after_help = "Example: perpx-data completions bash > ~/.local/share/bash-completion/perpx-data")]
    Completions { shell: clap_complete::Shell },
}

/// A known archive in place of a map.
#[derive(clap::Args)]
struct ArchiveArgs {
    /// A known archive, in place of a map
    #[arg(long, value_name = "NAME", value_parser = import::preset::names(), hide_possible_values = true, requires = "instrument", requires = "symbol")]
    preset: Option<String>,
    /// The archive's own name of the perpetual
    #[arg(long, value_name = "NAME", requires = "preset")]
    instrument: Option<String>,
    /// Its name in the store
    #[arg(long, value_name = "NAME", requires = "preset")]
    symbol: Option<String>,
    /// The venue's name in the store
    #[arg(long, value_name = "NAME", requires = "preset")]
    venue: Option<String>,
    /// How long rows of one clock took to arrive
    #[arg(long, value_name = "MS", requires = "preset")]
    feed_latency_ms: Option<f64>,
    /// Money of each contract, where sizes count them
    #[arg(long, value_name = "MONEY", requires = "preset")]
    contract_face: Option<String>,
}

impl ArchiveArgs {
    /// The map that says the same.
    fn map(&self) -> String {
        let mut text = format!(
            "about = {}\n[[archive]]\n",
            quoted(&import::preset::about(self.preset.as_deref().unwrap_or("")).unwrap_or_default())
        );
        let texts = [
            ("preset", &self.preset),
            ("instrument", &self.instrument),
            ("symbol", &self.symbol),
            ("venue", &self.venue),
            ("contract_face", &self.contract_face),
        ];
        for (key, value) in texts {
            value.iter().for_each(|value| text += &format!("{key} = {}\n", quoted(value)));
        }
        self.feed_latency_ms.iter().for_each(|ms| text += &format!("feed_latency_ms = {ms:?}\n"));
        text
    }
}

/// A text of TOML, whose basic strings are those of JSON.
fn quoted(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}

fn main() -> ExitCode {
    ExitCode::from(match Args::parse().command {
        Command::Import { map, archive, from, store, json } => {
            let report = match map {
                Some(map) => import::import(&map, &from, &store),
                None => import::import_archive(archive.map(), &from, &store),
            };
            imported(report, &store, json)
        }
        Command::Check { store, symbol, max_age, funding_missing, marks_missing, json } => {
            let [funding, marks] = [funding_missing, marks_missing].map(|how| how.unwrap_or(Missing::Refuse));
            let keys = check::MissingKeys { funding, marks };
            let checked = check::check(&store, symbol.as_deref(), max_age * perpx::units::SECOND, keys);
            deliver(json, checked.map(|report| report.hold_profiles_against(wall::now())), |report| {
                let verdict = report.verdict();
                let code = verdict.exit_code();
                let all = || serde_json::json!({ "exit": code, "verdict": verdict, "report": report });
                text::print(&if json { all().to_string() } else { report.text(text::width()) }, code)
            })
        }
        Command::Synth(args) => args.run(),
        Command::Record(args) => args.run(),
        Command::Backfill(args) => args.run(),
        Command::Compact { run, json } => compact_run(&run, json),
        Command::Venue(args) => args.run(),
        Command::Emulate(args) => args.run(),
        Command::Info { store, json } => deliver(json, info::info(&store), |found| {
            let all = || serde_json::json!({ "exit": 0, "info": found });
            text::print(&if json { all().to_string() } else { found.text(text::width()) }, 0)
        }),
        Command::Columns { markdown, json } => columns(markdown, json),
        Command::Cache { clear, json } => cached(clear, json),
        Command::Completions { shell } => text::completions(Args::command(), shell),
    })
}

/// The first `count` words for rows that the tape lacks: the last of them stands for marks alone.
fn missing(count: usize) -> impl TypedValueParser<Value = Missing> {
    let words = Missing::WORDS.iter().take(count).map(|known| known.word);
    PossibleValuesParser::new(words).map(|word| Missing::of_word(&word).unwrap_or(Missing::Refuse))
}

fn imported(report: Result<import::ImportReport, TapeError>, store: &Path, json: bool) -> u8 {
    deliver(json, report, |report| {
        let place = store.display();
        let done = format!("{}written to {place}; see `perpx-data check {place}`", report.text());
        let all = || serde_json::json!({ "exit": 0, "store": store.display().to_string(), "import": report, "replaced": report.replaced });
        text::print(&if json { all().to_string() } else { text::wrap(&done, text::width()) }, 0)
    })
}

fn columns(markdown: bool, json: bool) -> u8 {
    use import::reference::{ARCHIVE_KEYS, FILE_KEYS, TOP_KEYS, columns, markdown as tables, plain};
    text::print(
        &match (markdown, json) {
            (true, _) => tables(),
            (_, true) => {
                let (map, file, archive) = (TOP_KEYS, FILE_KEYS, ARCHIVE_KEYS);
                let all = serde_json::json!({
                    "exit": 0, "map": map, "file": file, "archive": archive, "columns": columns()
                });
                all.to_string()
            }
            _ => plain(text::width()),
        },
        0,
    )
}

fn cached(clear: bool, json: bool) -> u8 {
    let Some(dir) = cache::root() else {
        return text::fail(&"there is no folder for a cache: set PERPX_CACHE", json, 2);
    };
    let found = if clear { cache::clear(&dir) } else { Ok(cache::info(&dir)) };
    deliver(json, found, |found| {
        let all = || serde_json::json!({ "exit": 0, "cleared": clear, "cache": found });
        let shown = || format!("{}{}", if clear { "removed\n" } else { "" }, found.text(text::width()));
        text::print(&if json { all().to_string() } else { shown() }, 0)
    })
}

/// Prints a result or an error; returns the exit code.
fn deliver<T>(json: bool, result: Result<T, TapeError>, print: impl FnOnce(T) -> u8) -> u8 {
    match result {
        Ok(found) => print(found),
        Err(error) => text::fail(&error, json, error.exit_code()),
    }
}
