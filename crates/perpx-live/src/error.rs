//! Everything that can stop a live run.

use perpx_core::config::ConfigError;
use perpx_data::TapeError;
use perpx_data::backtest::BacktestError;
use perpx_venues::net::hosts::HostError;
use perpx_venues::recorder::adopt::AdoptError;
use perpx_venues::recorder::folder::FolderError;
use perpx_venues::recorder::session::RecordError;
use std::path::PathBuf;
use thiserror::Error;

/// Why a live run does not begin, or does not end as it should. The text of each says what is accepted and what to do.
#[derive(Debug, Error)]
// the texts say what the fields are
#[allow(missing_docs)]
pub enum LiveError {
    /// The strategy file cannot be read.
    #[error(transparent)]
    Config(Box<ConfigError>),

    /// The store cannot be read.
    #[error(transparent)]
    Data(Box<BacktestError>),

    /// Live orders, and nobody said that they are meant.
    #[error(
        "--mode live: orders of it are real; accepted: --i-accept-real-orders beside it, at each start (no file says it); to do: say it. \
         No order was sent"
    )]
    NotAccepted,

    /// Promotion rows that refuse.
    #[error(
        "{path}: this winner may not trade with money: {against}; accepted: what perpx-live preflight {path} asks, or \
         --override NAME=\"why it is set aside\" for code, age, paper, questions, drill; to do: look there. No order was sent"
    )]
    Promotion { path: PathBuf, against: String },

    /// The folder's orders have another mark than was armed.
    #[error(
        "{path}: orders of its journal are marked with {own}, and {armed} was armed; accepted: a journal that begins with what was armed; \
         to do: name a new folder with --run DIR, and arm it. No order was sent"
    )]
    OtherTag { path: PathBuf, own: u16, armed: u16 },

    /// A winner that may not trade with money.
    #[error(
        "{config}: this winner may not trade with money: {against}; accepted: a strong winner of recorded data, a weak one with \
         --accept-weak, one that is refused with a reason for each check that refuses it (--override luck=\"why it is set \
         aside\"); to do: record and sweep more days, or answer each"
    )]
    Gate { config: PathBuf, against: String },

    /// The store of the sweep is not where the file says.
    #[error(
        "{config}: its data store is not there: looked for {store}; accepted: the store of the sweep; to do: name it with \
         --store DIR"
    )]
    NoStore { config: PathBuf, store: PathBuf },

    /// The store holds other data than those of the sweep.
    #[error(
        "{store}: the data of the range are not those of the sweep: their fingerprint was {was}, now it is {now}; accepted: \
         the same files; to do: name the sweep's store with --store DIR, or sweep again"
    )]
    OtherData { store: PathBuf, was: String, now: String },

    /// A venue ended the session.
    #[error("{venue}: {error}; the run has ended, and what is open there stays open: close it by hand")]
    Venue { venue: String, error: perpx_venues::client::VenueError },

    /// A venue did not let the run begin.
    #[error(
        "{venue}: {error}; accepted: an account of the venue, and keys that are registered for it; to do: look at the numbers in \
         live.toml and at the keys (`perpx-live keys` prints their public halves), or wait a minute where too much was asked. No \
         order was sent"
    )]
    NotBegun { venue: String, error: perpx_venues::client::VenueError },

    /// A venue did not answer in time.
    #[error(
        "{venue} {what} within {seconds} s{trouble}; what is open there stays open: look at the account, then start again"
    )]
    Silent { venue: String, what: &'static str, seconds: u64, trouble: String },

    /// Connections of a venue cannot be made at all.
    #[error("{venue}: no connection can be made: {why}; nothing was sent")]
    NoConnection { venue: String, why: String },

    /// The system gives no thread for the connections.
    #[error("no thread can be started for the connections: {0}; nothing was sent")]
    Threads(std::io::Error),

    /// An account that holds something before the run begins.
    #[error(
        "{venue}: the account holds {position} and has {open_orders} orders open; accepted: an account that holds nothing, \
         with no order open; to do: close and cancel by hand, then start again. No order was sent"
    )]
    NotFlat { venue: String, position: String, open_orders: usize },

    /// A venue cannot be reached at all.
    #[error(transparent)]
    Reach(Box<perpx_venues::net::reach::ReachError>),

    /// A key is missing, or is none.
    #[error(transparent)]
    Secret(#[from] perpx_venues::secret::SecretError),

    /// The journal of the folder cannot be read or opened.
    #[error(transparent)]
    Journal(Box<crate::journal::folder::JournalError>),

    /// The newest state of the journal cannot be read.
    #[error(
        "{path}: the state of the run cannot be read: {why}; accepted: a state that this program wrote, or one of the same layout; \
         to do: go on with the program that wrote it (`perpx-live journal RUN --kind start` names it), or close by hand and begin \
         a new folder with --run DIR"
    )]
    State { path: PathBuf, why: String },

    /// Another program than the one that traded, and it does not decide as that one did.
    #[error(
        "{path}: {was} traded here, and this program ({now}) would have commanded something else on the same rows and answers: \
         {fork} (here the run, there this program); accepted: a program that makes the run's commands of its last hour again; to do: go on \
         with {was}, or say --accept-decisions beside this start. No order was sent"
    )]
    Decisions { path: PathBuf, was: String, now: String, fork: String },

    /// The market's clock stands before what was written down.
    #[error(
        "the market's clock says {now}, and the journal of {path} was written up to {end}; accepted: a clock that has not gone \
         back; to do: wait, or set the clock; an emulator that was begun anew is another market: name a new folder with --run DIR"
    )]
    ClockBehind { path: PathBuf, now: perpx_core::units::Time, end: perpx_core::units::Time },

    /// A run that was begun as often as its orders can be told apart.
    #[error(
        "{path}: this run was begun {starts} times, and its orders have no numbers left; accepted: up to {}; to do: begin \
         a new folder with --run DIR",
        perpx_venues::client::RunNumber::MOST_EPOCHS
    )]
    Starts { path: PathBuf, starts: usize },

    /// A run that was killed.
    #[error(
        "{path} was killed ({why}); accepted: a run without the file KILL; to do: look at both accounts, then perpx-live ctl {path} \
         clear-kill --reason TEXT"
    )]
    Killed { path: PathBuf, why: String },

    /// Another process trades on an account.
    #[error(
        "{path}: process {by} trades on account {account} of {venue}; accepted: one run an account, since two would close each other's \
         legs; to do: end the other run first, or name another account in live.toml"
    )]
    AccountTaken { path: PathBuf, venue: String, account: String, by: String },

    /// Orders under a number of the run that this process did not give.
    #[error(
        "{path}: another process trades this run, from a copy of its folder or on another machine; what this one held is closed; \
         accepted: one process a run; to do: end the other, then begin a new folder with --run DIR"
    )]
    OtherInstance { path: PathBuf },

    /// The journal can be written no more.
    #[error("the journal can be written no more: {why}; make room, and look at both accounts before starting again")]
    JournalLost { why: String },

    /// Not everything could be closed after a stop.
    #[error("asked to stop, and not everything could be closed within {seconds} s: look at both accounts")]
    Open { seconds: u64 },

    /// A venue that has no emulator.
    #[error(
        "{config}: account.venues: found {found}, which cannot be played on this machine; accepted: lighter and grvt; to do: \
         sweep over these two"
    )]
    NoEmulator { config: PathBuf, found: String },

    /// The strategy moves money between the venues, which no client can.
    #[error(
        "{config}: account.transfer: money is moved between the venues, which an adapter cannot do; accepted: no transfer; to \
         do: sweep without it"
    )]
    Transfer { config: PathBuf },

    /// An option that is out of its range.
    #[error("--{name} {found}; accepted: {accepted}")]
    Range { name: &'static str, found: String, accepted: String },

    /// An emulated venue cannot begin, or has ended.
    #[error(transparent)]
    Emulate(Box<perpx_venues::emulate::EmulateError>),

    /// A file of the run folder.
    #[error("{path}: {what}: {error}; accepted: a folder that can be written; to do: name another with --run DIR")]
    Folder { path: PathBuf, what: &'static str, error: String },

    /// A folder whose run was spoken to.
    #[error("{path}: {what}: {error}; nothing was done")]
    NotDone { path: PathBuf, what: &'static str, error: String },

    /// Nothing can be recorded.
    #[error(transparent)]
    Record(Box<RecordError>),

    /// Nothing can be taken over from other recordings.
    #[error("{0}; nothing was changed there")]
    Adopt(Box<AdoptError>),

    /// A folder that a recorder keeps.
    #[error(
        "{path}: a recorder keeps this folder; accepted: a folder of its own for each run; to do: name another with --run DIR; its \
         signals are warm by the recording with `[warm] from` in live.toml, or --take-over"
    )]
    Recording { path: PathBuf },

    /// Nobody said that it may trade, or not of what is there now.
    #[error(
        "{path}: {why}; accepted: what `perpx-live arm` wrote within the last 30 days of this very best.yml, live.toml and program; to \
         do: perpx-live arm RUN. No order was sent"
    )]
    NotArmed { path: PathBuf, why: String },

    /// Another number than the account's was typed.
    #[error("the account at {venue}: {typed:?} was typed; accepted: the number that is shown; nothing is armed")]
    NotTyped { venue: &'static str, typed: String },

    /// Another run has left something on the accounts.
    #[error(
        "{path}: {left}; accepted: one run an account; to do: end that run flat, or take another account; nothing is armed"
    )]
    LeftElsewhere { path: PathBuf, left: String },

    /// Live orders are for venues.
    #[error(
        "{live}: network is emulated; accepted: mainnet, testnet, or custom with a host on this machine; to do: trade there with \
         --mode emulated --attach. No order was sent"
    )]
    Emulated { live: PathBuf },

    /// A venue that answers as an emulator does.
    #[error(
        "{venue} at {host}: an emulator answers there; accepted: the venue itself, or network = \"custom\" in live.toml; to do: look at \
         the machine's names of hosts. No order was sent"
    )]
    Played { venue: &'static str, host: String },

    /// A venue could not be asked what no document settles.
    #[error(transparent)]
    Probe(Box<perpx_venues::refresh::RefreshError>),

    /// A folder in which no run was made.
    #[error(
        "{path}: best.yml and live.toml are not both there; accepted: the folder of a run; to do: make it by \
         `perpx-live --config best.yml --mode paper`, or emulated with --attach, and name it"
    )]
    NoRun { path: PathBuf },

    /// The run folder is at another market.
    #[error(
        "{live}: host is {own}, you named {named}; accepted: the same; to do: change the file, or name another folder with --run"
    )]
    OtherHost { live: PathBuf, own: String, named: String },

    /// A folder whose process does more than record.
    #[error(
        "--take-over {path}: a run is kept there; accepted: the folder of a `perpx-data record`; to do: end that run, and name \
         its folder under [warm] from in live.toml"
    )]
    NoRecorder { path: PathBuf },

    /// Backfilled bars are of a minute.
    #[error(
        "warm.bars: the strategy's bars are of {seconds} s (bar_sec), and backfilled ones are of a minute; accepted: bar_sec that is a \
         multiple of 60; to do: run without it: averages fill as bars come"
    )]
    Bars { seconds: f64 },

    /// The recorder's tasks are gone.
    #[error("the recorder has ended by itself; what it recorded is kept; this is an error in perpx, please report it")]
    RecorderEnded,

    /// Asked to stop before the run could begin.
    #[error(
        "stopped before the run began (both venues quoted, their rates announced, signals warm): nothing was traded; what \
         was received is in the run folder"
    )]
    Unknown,

    /// Asked to stop before both venues were ready.
    #[error("stopped before both venues were ready: no order was sent")]
    Stopped,

    /// The run folder trades something else.
    #[error(
        "{path} trades {own}, you named {named}; accepted: the configuration that the folder was made for; to do: name a new \
         folder with --run DIR"
    )]
    OtherRun { path: PathBuf, own: String, named: String },

    /// Belief and simulated venues differ at the end: an error in this program.
    #[error(
        "{run}: at its end belief and venues do not agree; this is an error in perpx, please report it with the file"
    )]
    Books { run: &'static str },
}

impl From<ConfigError> for LiveError {
    fn from(error: ConfigError) -> LiveError {
        LiveError::Config(Box::new(error))
    }
}

impl From<BacktestError> for LiveError {
    fn from(error: BacktestError) -> LiveError {
        LiveError::Data(Box::new(error))
    }
}

impl From<RecordError> for LiveError {
    fn from(error: RecordError) -> LiveError {
        LiveError::Record(Box::new(error))
    }
}

impl From<AdoptError> for LiveError {
    fn from(error: AdoptError) -> LiveError {
        LiveError::Adopt(Box::new(error))
    }
}

impl From<FolderError> for LiveError {
    fn from(error: FolderError) -> LiveError {
        RecordError::from(error).into()
    }
}

impl From<HostError> for LiveError {
    fn from(error: HostError) -> LiveError {
        RecordError::from(error).into()
    }
}

impl From<perpx_venues::refresh::RefreshError> for LiveError {
    fn from(error: perpx_venues::refresh::RefreshError) -> LiveError {
        LiveError::Probe(Box::new(error))
    }
}

impl From<TapeError> for LiveError {
    fn from(error: TapeError) -> LiveError {
        BacktestError::from(error).into()
    }
}

impl From<perpx_venues::emulate::EmulateError> for LiveError {
    fn from(error: perpx_venues::emulate::EmulateError) -> LiveError {
        LiveError::Emulate(Box::new(error))
    }
}

impl LiveError {
    /// 2 bad input, 4 an account that is not as it should be, 5 no journal, 6 killed, 75 what may be gone by itself, 1 anything else.
    pub fn exit_code(&self) -> u8 {
        match self {
            LiveError::Data(error) => error.exit_code(),
            LiveError::Emulate(error) => error.exit_code(),
            LiveError::Record(error) => error.exit_code(),
            LiveError::RecorderEnded => 1,
            LiveError::Probe(error) => error.exit_code(),
            LiveError::Gate { .. } | LiveError::NotArmed { .. } | LiveError::LeftElsewhere { .. } => 4,
            LiveError::Emulated { .. } | LiveError::Played { .. } | LiveError::OtherTag { .. } => 4,
            LiveError::NotAccepted | LiveError::Promotion { .. } | LiveError::Decisions { .. } => 4,
            LiveError::Unknown | LiveError::Stopped => 130,
            LiveError::Books { .. } | LiveError::Venue { .. } => 1,
            LiveError::NotFlat { .. } | LiveError::OtherInstance { .. } | LiveError::AccountTaken { .. } => 4,
            LiveError::JournalLost { .. } => 5,
            LiveError::Killed { .. } => 6,
            LiveError::ClockBehind { .. } | LiveError::Silent { .. } => 75,
            LiveError::Open { .. } => 1,
            _ => 2,
        }
    }
}
