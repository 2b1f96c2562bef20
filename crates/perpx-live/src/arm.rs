//! `perpx-live arm RUN`: who deploys looks at what will trade, types the numbers of the accounts, and from then on, for thirty days, that
//! very file may trade by this very program. It is no order, and no order needs less.

use crate::LiveError;
use crate::gate::{Answers, admit};
use crate::live_file::{LiveFile, Network};
use crate::preflight::{left_elsewhere, of_evidence, promoted};
use crate::run_folder::RunFolder;
use crate::strategy_file::{Provenance, StrategyFile};
use clap::Args;
use perpx_core::config::{ConfigError, ConfigFile, Size};
use perpx_core::units::{DAY, Time, TimeDelta, format_scaled};
use perpx_data::atomic::write_atomic;
use perpx_data::path::state_folder;
use perpx_data::text;
use perpx_venues::registry::AccountNumbers;
use perpx_venues::venue::Venue;
use perpx_venues::wall::now;
use serde::{Deserialize, Serialize};
use std::fs;
use std::io::{self, BufRead, Write};
use std::path::{Path, PathBuf};

/// How long it holds.
const HOLDS: TimeDelta = DAY.times(30);
/// The file, in the folder of the run.
const FILE: &str = "armed.json";
/// At Lighter a number has room for so much of a tag.
const LIGHTER_TAGS: u16 = 0xff;
/// At GRVT for this.
const MOST_TAG: u16 = 0x7fff;

/// Say that the winner of a folder may trade, for thirty days
#[derive(Args, Clone, Debug)]
#[command(after_help = "It shows what will trade where, and asks for the number of each account;\n\
                  nothing is sent to a venue.\n\
                  Example: perpx-live arm live/quickstart-86855380-testnet\n\
                  Exit codes: 0 armed, 2 bad input, 4 another run has something open there")]
pub struct ArmArgs {
    /// The folder of the run
    #[arg(value_name = "RUN")]
    pub run: PathBuf,
}

/// What was armed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Armed {
    /// When, UTC.
    at: String,
    /// Until when it holds.
    until: String,
    /// mainnet, testnet or a host.
    network: String,
    /// By venue: the number that was typed.
    accounts: Vec<(String, String)>,
    /// Of best.yml and live.toml.
    best: String,
    live: String,
    /// The program.
    code: String,
    /// Marks the orders of the run at both venues.
    pub tag: u16,
}

impl ArmArgs {
    /// Asks over stdin; returns the exit code.
    pub fn run(&self, code: &str) -> u8 {
        let mut answers = io::stdin().lock().lines().map_while(Result::ok);
        match self.arm(code, &mut || answers.next()) {
            Ok(text) => text::print(&text, 0),
            Err(error) => text::fail(&error, false, error.exit_code()),
        }
    }

    fn arm(&self, code: &str, answer: &mut dyn FnMut() -> Option<String>) -> Result<String, LiveError> {
        let folder = RunFolder::existing(&self.run)?;
        let accounts = accounts(&folder)?;
        let file = StrategyFile::open(&folder.best)?;
        let venues = file.with(&[])?.account.venues;
        let (_, left) = left_elsewhere(&folder, venues.each_ref().map(|venue| venue.name.as_str()));
        if !left.is_empty() {
            return Err(LiveError::LeftElsewhere { path: folder.path, left: left.join("; ") });
        }
        print!("{}", shown(&folder, &file, &accounts)?);
        for (venue, number) in &accounts {
            print!("type the number of the account at {}: ", venue.name());
            let _ = io::stdout().flush();
            let typed = answer().unwrap_or_default();
            if typed.trim() != number {
                println!();
                return Err(LiveError::NotTyped { venue: venue.name(), typed: typed.trim().to_owned() });
            }
        }
        println!();
        let tag = draw(&folder.path, &accounts)?;
        let at = now();
        let armed = Armed {
            at: at.to_second(),
            until: at.plus(HOLDS).to_second(),
            network: network(&folder.file),
            accounts: accounts.iter().map(|(venue, number)| (venue.name().to_owned(), number.clone())).collect(),
            best: hash(&folder.best)?,
            live: hash(&folder.path.join("live.toml"))?,
            code: code.to_owned(),
            tag,
        };
        let path = folder.path.join(FILE);
        write_private(&path, &serde_json::to_string_pretty(&armed).unwrap_or_default())?;
        Ok(format!("armed until {}, tag {tag}: {}", armed.until, path.display()))
    }
}

/// Who wants live orders, and what he says to what may stand against them.
pub struct Asked<'a> {
    /// The best.yml.
    pub config: &'a Path,
    /// The folder; unsaid, the one under `live`.
    pub run: Option<&'a Path>,
    /// Roots beside those of the web.
    pub ca_file: Option<&'a Path>,
    /// To the sweep's evidence, and to the rows of preflight.
    pub answers: &'a Answers,
    /// `--i-accept-real-orders`.
    pub is_accepted: bool,
    /// The program.
    pub code: &'a str,
}

/// What live orders ask of the folder of a run, which is made where it is not there: a winner that may be promoted, that it was armed, that
/// the flag is there, limits for money and a key of its own for closes. What was armed.
///
/// # Errors
/// What stands against it.
pub fn admitted(asked: &Asked<'_>) -> Result<Armed, LiveError> {
    // before a folder is made
    admit(asked.config, &of_evidence(asked.answers))?;
    let folder = RunFolder::open(asked.config, asked.run, None, "live")?;
    let live = folder.path.join("live.toml");
    if matches!(folder.file.network, Network::Emulated(_)) {
        return Err(LiveError::Emulated { live });
    }
    let armed = check(&folder, asked.code)?;
    promoted(&folder, (asked.answers, asked.code), asked.ca_file)?;
    if !asked.is_accepted {
        return Err(LiveError::NotAccepted);
    }
    let missing = |key: &str, accepted: &str, to_do: &str| {
        let error = ConfigError::new(&live.display().to_string(), key, "is not written");
        error.accepted(accepted).remedy(format!("{to_do}, then perpx-live arm again"))
    };
    if let Some(key) = folder.file.limits.missing().first() {
        let to_do = "write what may leave at most under [limits]";
        return Err(missing(&format!("limits.{key}"), "a number: with money nothing is unlimited", to_do).into());
    }
    if let Some(AccountNumbers::Lighter { api_key_close: None, .. }) = folder.file.account(Venue::Lighter) {
        let accepted = "api_key_close = N beside api_key: no close waits behind an opening that was not answered";
        return Err(missing("account.lighter", accepted, "register a second key at the venue and write it").into());
    }
    Ok(armed)
}

/// Whether what is in a folder was armed as it stands, by this program, not too long ago.
///
/// # Errors
/// [`LiveError::NotArmed`], with what is not so.
pub fn check(folder: &RunFolder, code: &str) -> Result<Armed, LiveError> {
    let path = folder.path.join(FILE);
    let refused = |why: &str| LiveError::NotArmed { path: path.clone(), why: why.to_owned() };
    let text = match fs::read_to_string(&path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Err(refused("it is not there")),
        other => other.map_err(|error| refused(&format!("cannot be read: {error}")))?,
    };
    let armed: Armed = serde_json::from_str(&text).map_err(|error| refused(&format!("it is none: {error}")))?;
    let until: Time = armed.until.parse().map_err(|_| refused("it has no end"))?;
    let at: Time = armed.at.parse().map_err(|_| refused("it has no beginning"))?;
    let accounts = accounts(folder)?;
    let numbers: Vec<_> = accounts.iter().map(|(venue, number)| (venue.name().to_owned(), number.clone())).collect();
    let checks = [
        (at <= now() && now() < until && until.since(at) <= HOLDS, "it is older than 30 days"),
        (armed.code == code, "another program was armed"),
        (armed.best == hash(&folder.best)?, "best.yml has changed since"),
        (armed.live == hash(&folder.path.join("live.toml"))?, "live.toml has changed since"),
        (armed.network == network(&folder.file) && armed.accounts == numbers, "it is of other accounts"),
    ];
    match checks.iter().find(|(holds, _)| !holds) {
        Some((_, why)) => Err(refused(why)),
        None => Ok(armed),
    }
}

fn network(file: &LiveFile) -> String {
    match &file.network {
        Network::Mainnet => "mainnet".to_owned(),
        Network::Testnet => "testnet".to_owned(),
        Network::Emulated(host) | Network::Custom(host) => host.clone(),
    }
}

/// Venue and number of each account.
fn accounts(folder: &RunFolder) -> Result<Vec<(Venue, String)>, LiveError> {
    let of = |venue: Venue| match folder.file.account(venue) {
        Some(AccountNumbers::Lighter { index, .. }) => Ok((venue, index.to_string())),
        Some(AccountNumbers::Grvt { sub_account }) => Ok((venue, sub_account.to_string())),
        None => {
            let live = folder.path.join("live.toml").display().to_string();
            let error = ConfigError::new(&live, &format!("account.{}", venue.name()), "is not written");
            Err(error.accepted(crate::live_file::ACCOUNT_LINES).remedy("write it under [account]").into())
        }
    };
    Venue::ALL.into_iter().map(of).collect()
}

/// What will trade, where, with which ceilings.
fn shown(folder: &RunFolder, file: &ConfigFile, accounts: &[(Venue, String)]) -> Result<String, LiveError> {
    let (config, provenance) = (file.with(&[])?, Provenance::of(file)?);
    let said = |key: &str| provenance.find(key).map_or("not told".to_owned(), ToString::to_string);
    let mut out = format!("network   {}\n", network(&folder.file));
    for (venue, number) in accounts {
        out += &format!("account   {number} at {}\n", venue.name());
    }
    let size = match config.strategy.size {
        Size::Base(qty) => format!("{qty} {}", said("data.symbol")),
        Size::Quote(cash) => format!("{cash} quote units"),
    };
    let leverage = format_scaled(config.strategy.leverage.0.into(), 12);
    out += &format!(
        "trades    {} of {}, {size} a leg, {leverage} times, configuration {}\n",
        said("data.symbol"),
        said("grid"),
        file.id(&[])?
    );
    out += &format!(
        "swept     {} to {}: net_pnl {}, {} trades, verdict {}\n",
        said("data.from"),
        said("data.to"),
        said("metrics.net_pnl"),
        said("metrics.trades"),
        said("evidence.verdict")
    );
    let live = folder.path.join("live.toml");
    let text = read(&live)?;
    let limits: Vec<&str> = text.lines().skip_while(|line| line.trim() != "[limits]").skip(1).collect();
    let own = limits.iter().map(|line| line.trim()).take_while(|line| !line.starts_with('['));
    let own: Vec<&str> = own.filter(|line| !line.is_empty() && !line.starts_with('#')).collect();
    match own.is_empty() {
        true => out += "limits    none in live.toml\n",
        false => own.iter().for_each(|line| out += &format!("limit     {line}\n")),
    }
    Ok(out)
}

fn read(path: &Path) -> Result<String, LiveError> {
    fs::read_to_string(path).map_err(|error| failed(path, "cannot be read", &error))
}

fn failed(path: &Path, what: &'static str, error: &io::Error) -> LiveError {
    LiveError::Folder { path: path.to_path_buf(), what, error: error.to_string() }
}

fn hash(path: &Path) -> Result<String, LiveError> {
    Ok(blake3::hash(read(path)?.as_bytes()).to_hex().to_string())
}

/// Readable by its owner alone.
fn write_private(path: &Path, text: &str) -> Result<(), LiveError> {
    use std::os::unix::fs::PermissionsExt;
    write_atomic(path, text).map_err(|error| failed(path, "cannot be written", &error))?;
    let private = fs::Permissions::from_mode(0o600);
    fs::set_permissions(path, private).map_err(|error| failed(path, "cannot be made private", &error))
}

/// Where the tags of an account stand: a line a run, its tag and its folder.
fn tag_file(venue: Venue, number: &str) -> Option<PathBuf> {
    state_folder().map(|folder| folder.join("accounts").join(format!("{}-{number}", venue.name())))
}

/// Tags and folders of the runs of an account.
fn tags(path: &Path) -> Result<Vec<(u16, String)>, LiveError> {
    let text = match fs::read_to_string(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        other => other.map_err(|error| failed(path, "cannot be read", &error))?,
    };
    let line = |line: &str| line.split_once(' ').and_then(|(tag, run)| Some((tag.parse().ok()?, run.to_owned())));
    let read: Option<Vec<(u16, String)>> = text.lines().map(line).collect();
    read.ok_or_else(|| failed(path, "is no file of tags", &io::Error::other("a line is no number and folder")))
}

/// A tag that no other run of either account has; the one of before where this folder had one.
fn draw(run: &Path, accounts: &[(Venue, String)]) -> Result<u16, LiveError> {
    let folder = fs::canonicalize(run).unwrap_or_else(|_| run.to_path_buf()).display().to_string();
    let none = || failed(Path::new("PERPX_STATE"), "names no folder for tags", &io::Error::other("it is not set"));
    let files: Vec<PathBuf> =
        accounts.iter().map(|(venue, number)| tag_file(*venue, number)).collect::<Option<_>>().ok_or_else(none)?;
    let all: Vec<Vec<(u16, String)>> = files.iter().map(|file| tags(file)).collect::<Result<_, _>>()?;
    let own = |tags: &Vec<(u16, String)>| tags.iter().find(|(_, run)| *run == folder).map(|(tag, _)| *tag);
    let had: Vec<Option<u16>> = all.iter().map(own).collect();
    let tag = match had.first().copied().flatten().filter(|tag| had.iter().all(|one| *one == Some(*tag))) {
        Some(tag) => return Ok(tag),
        None => unused(&folder, &all.concat()),
    };
    let full = || failed(&files[0], "has no tag left", &io::Error::other("remove the lines of runs that are over"));
    let tag = tag.ok_or_else(full)?;
    for (file, mut tags) in files.iter().zip(all) {
        tags.retain(|(_, run)| *run != folder);
        tags.push((tag, folder.clone()));
        let text: String = tags.iter().map(|(tag, run)| format!("{tag} {run}\n")).collect();
        if let Some(parent) = file.parent() {
            fs::create_dir_all(parent).map_err(|error| failed(parent, "cannot be made", &error))?;
        }
        write_private(file, &text)?;
    }
    Ok(tag)
}

/// One that differs from all of `taken` in the part that Lighter has room for.
fn unused(folder: &str, taken: &[(u16, String)]) -> Option<u16> {
    let drawn = |n: u16| {
        let hash = blake3::hash(format!("{folder} {n} {}", now()).as_bytes());
        u16::from_le_bytes([hash.as_bytes()[0], hash.as_bytes()[1]]) & MOST_TAG
    };
    let is_free = |tag: &u16| {
        let part = tag & LIGHTER_TAGS;
        part != 0 && taken.iter().all(|(other, _)| other & LIGHTER_TAGS != part)
    };
    // by chance, then the first that is free
    (0..1_000).map(drawn).find(is_free).or_else(|| (1..=LIGHTER_TAGS).find(is_free))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_two_runs_of_an_account_have_one_tag() {
        let mut taken = Vec::new();
        while let Some(tag) = unused("live/a", &taken) {
            assert!(taken.iter().all(|(other, _): &(u16, String)| (other ^ tag) & LIGHTER_TAGS != 0));
            assert!(tag <= MOST_TAG && tag & LIGHTER_TAGS != 0);
            taken.push((tag, String::new()));
        }
        assert_eq!(taken.len(), 255);
    }
}
