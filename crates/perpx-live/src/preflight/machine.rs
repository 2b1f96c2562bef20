//! The machine and its folders.

use super::Subject;
use super::row::{Grade, Row};
use crate::journal::folder::Journal;
use crate::journal::open::left_open;
use crate::live_file::LiveFile;
use crate::run_folder::RunFolder;
use perpx_core::market::Role;
use perpx_venues::recorder::folder::free;
use perpx_venues::recorder::wall_state::wall_state;
use perpx_venues::registry::AccountNumbers;
use perpx_venues::secret::ENV_FILE;
use perpx_venues::venue::Venue;
use std::fs;
use std::path::{Path, PathBuf};

/// Least room on the disk of a run: GiB that refuse, and that warn.
const ROOM: [f64; 2] = [2.0, 10.0];

pub fn rows(subject: &Subject) -> Vec<Row> {
    let mut rows = vec![clock(subject), disk(&subject.folder.path), limits(subject)];
    rows.extend(env_file(subject));
    rows.push(others(subject));
    if subject.config.account.transfer.is_some() {
        let found = "account.transfer moves money between the venues";
        rows.push(Row::of(Grade::Refuse, "configuration", found, "no transfer", "sweep without it"));
    }
    rows
}

fn clock(subject: &Subject) -> Row {
    let state = wall_state();
    let most = format!("at most {:.1} ms wrong", state.most_error_us as f64 / 1e3);
    match state.is_synchronised {
        true => Row::ok("clock kept", format!("a time service keeps it, {most}")),
        false => {
            let found = "no time service keeps the machine's clock (adjtimex)";
            Row::of(
                subject.where_real(),
                "clock kept",
                found,
                "a synchronised clock",
                "start chrony or systemd-timesyncd",
            )
        }
    }
}

/// Without these nothing opens with money.
fn limits(subject: &Subject) -> Row {
    match subject.folder.file.limits.missing() {
        missing if missing.is_empty() => Row::ok("limits", "live.toml has all that money needs"),
        missing => {
            let found = format!("not written: {}", missing.join(", "));
            let to_do = "write them under [limits] of live.toml";
            Row::of(subject.where_real(), "limits", found, "a value for each", to_do)
        }
    }
}

fn disk(run: &Path) -> Row {
    let Some(bytes) = free(run) else {
        return Row::of(Grade::Warn, "disk", "its room cannot be read", format!("{} GiB", ROOM[0]), "look at it");
    };
    let gib = bytes as f64 / (1u64 << 30) as f64;
    let found = format!("{gib:.1} GiB free");
    match gib {
        gib if gib < ROOM[0] => Row::of(Grade::Refuse, "disk", found, format!("{} GiB", ROOM[0]), "make room"),
        gib if gib < ROOM[1] => {
            Row::of(Grade::Warn, "disk", found, format!("{} GiB", ROOM[1]), "make room before long")
        }
        _ => Row::ok("disk", found),
    }
}

/// A file of keys that others may read.
fn env_file(subject: &Subject) -> Option<Row> {
    use std::os::unix::fs::PermissionsExt;
    let mode = fs::metadata(ENV_FILE).ok()?.permissions().mode() & 0o777;
    let found = format!("{ENV_FILE} has mode {mode:04o}");
    Some(match mode & 0o077 {
        0 => Row::ok("file of keys", found),
        _ => Row::of(subject.where_real(), "file of keys", found, "0600", format!("chmod 600 {ENV_FILE}")),
    })
}

/// Journals beside a run's folder that were looked at, and what they have left on one of its accounts. `names`: of the venues, by role.
pub fn left_elsewhere(run: &RunFolder, names: [&str; 2]) -> (usize, Vec<String>) {
    let own = fs::canonicalize(&run.path).unwrap_or_else(|_| run.path.clone());
    let (mut looked_at, mut left) = (0, Vec::new());
    for folder in runs_beside(&own) {
        let Ok((journal, damage)) = Journal::whole(&folder.join("journal")) else { continue };
        looked_at += 1;
        let name = folder.file_name().unwrap_or_default().to_string_lossy().into_owned();
        if damage.is_some() {
            left.push(format!("{name} has a damaged journal"));
            continue;
        }
        let Some(open) = left_open(&journal) else { continue };
        let Ok(live) = LiveFile::parse("live.toml", &open.live) else { continue };
        for venue in Venue::ALL {
            // by whatever key
            let is_ours =
                number(live.account(venue)) == number(run.file.account(venue)) && live.network == run.file.network;
            if !is_ours || live.account(venue).is_none() {
                continue;
            }
            let Some(role) = open.role_of(venue.name()).or_else(|| role_of(names, venue)) else { continue };
            if !open.is_flat(role) {
                let (position, orders) = (open.positions[role.ix()], open.orders[role.ix()]);
                left.push(format!(
                    "{name} left {position} and {orders} orders at {} {}",
                    venue.name(),
                    number(live.account(venue))
                ));
            }
        }
    }
    (looked_at, left)
}

fn others(subject: &Subject) -> Row {
    let names = subject.config.account.venues.each_ref().map(|venue| venue.name.as_str());
    let (looked_at, left) = left_elsewhere(&subject.folder, names);
    match left.is_empty() {
        true => {
            Row::ok("other runs", format!("{looked_at} other journals beside this one, nothing open on these accounts"))
        }
        false => Row::of(
            Grade::Refuse,
            "other runs",
            left.join("; "),
            "one run an account",
            "end that run flat, or take another account",
        ),
    }
}

/// An account's number as a person writes it.
pub fn number(account: Option<AccountNumbers>) -> String {
    match account {
        Some(AccountNumbers::Lighter { index, .. }) => format!("account {index}"),
        Some(AccountNumbers::Grvt { sub_account }) => format!("sub-account {sub_account}"),
        None => "no account".to_owned(),
    }
}

fn role_of(names: [&str; 2], venue: Venue) -> Option<Role> {
    Role::BOTH.into_iter().find(|role| names[role.ix()] == venue.name())
}

/// Folders beside `own` that keep a journal.
pub fn runs_beside(own: &Path) -> Vec<PathBuf> {
    let entries = own.parent().map(fs::read_dir).into_iter().flatten().flatten().flatten();
    let mut found: Vec<PathBuf> = entries.map(|entry| entry.path()).filter(|path| path != own).collect();
    found.retain(|path| path.join("journal").is_dir());
    found.sort();
    found
}
