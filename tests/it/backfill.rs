//! `perpx-data backfill` and `perpx-data venue refresh` as a user runs them, at emulators that another process plays.

use crate::record::{market_of, record_of, signal};
use perpx::config::Profile;
use perpx::store::{BarRow, Dataset, NumberedTrade, StoreFile, StorePath, StoredRow};
use perpx::tape::rows::{FundingKind, FundingRow};
use perpx::units::{SECOND, Time, TimeDelta};
use perpx::venues::lighter::sign::PrivateKey;
use std::fs;
use std::io::{Read, Write};
use std::net::TcpListener;
use std::path::Path;
use std::process::{Command, Output, Stdio};
use std::time::Duration;

const DATA: &str = env!("CARGO_BIN_EXE_perpx-data");
const VENUES: [&str; 2] = ["lighter", "grvt"];

/// A command in a folder of its own, its state there too.
fn data(dir: &Path, line: &str, keys: &[(&str, &str)]) -> (Option<i32>, String) {
    let mut command = Command::new(DATA);
    command.args(line.split_whitespace()).current_dir(dir).env("PERPX_STATE", dir.join("state"));
    let Output { status, stdout, stderr } = command.envs(keys.iter().copied()).output().expect("it runs");
    (status.code(), format!("{}{}", String::from_utf8_lossy(&stdout), String::from_utf8_lossy(&stderr)))
}

fn rows<R: StoredRow>(root: &Path, venue: &str) -> Vec<R> {
    let store = StorePath::open(root).expect("a store");
    let mut rows = Vec::new();
    for (_, path) in store.files(R::TABLE, venue, "BTC").expect("a listing") {
        let file = StoreFile::open::<R>(&path).expect("a file");
        for batch in file.read::<R>(0..file.groups().len()).expect("rows") {
            rows.extend(batch.expect("rows").rows);
        }
    }
    rows
}

/// Two hours of the sample are played; what the venues tell of the second one afterwards is what the sample has of it.
#[test]
fn a_backfill_is_what_was_played() {
    let sample = Path::new(env!("CARGO_MANIFEST_DIR")).join("data/sample");
    let tape = sample.display().to_string();
    let (begin, end) = ("2026-01-05T07:00", "2026-01-05T12:00");
    let options = ["--tape", &tape, "--from", begin, "--to", end, "--start-at", "7260", "--tier", "premium"];
    let (_market, port) = market_of(&options);
    let dir = tempfile::tempdir().expect("a folder");
    let store = dir.path().join("past");
    let span = "--from 2026-01-05T07:30 --to 2026-01-05T09:00";
    for venue in VENUES {
        let line = format!(
            "backfill --venue {venue} --symbol BTC --what funding,candles,trades {span} --store past --share 1"
        );
        let (code, text) = data(dir.path(), &format!("{line} --host 127.0.0.1:{port}"), &[]);
        assert_eq!(code, Some(0), "{text}");
    }
    let [from, to] = ["2026-01-05T07:30:00Z", "2026-01-05T09:00:00Z"].map(|text| text.parse::<Time>().expect("a time"));
    let inside = |at: Time| at >= from && at < to;
    let near = |a: Time, b: Time, most: TimeDelta| a.since(b).abs() <= most;
    for venue in VENUES {
        let told: Vec<NumberedTrade> = rows(&store, venue);
        let mut played: Vec<NumberedTrade> = rows(&sample, venue);
        played.retain(|trade| inside(trade.row.exch));
        assert!(told.len() == played.len() && told.len() > 20, "{venue}: {} of {}", told.len(), played.len());
        for (told, played) in told.iter().zip(&played) {
            let (one, other) = (&told.row, &played.row);
            assert_eq!((one.px, one.qty, one.taker), (other.px, other.qty, other.taker), "{venue}");
            // Lighter tells whole microseconds
            assert!(
                near(one.exch, other.exch, TimeDelta(1_000)) && one.recv == one.exch,
                "{venue}: {told:?} {played:?}"
            );
        }
        let told: Vec<FundingRow> = rows(&store, venue);
        let mut played: Vec<FundingRow> = rows(&sample, venue);
        played.retain(|row| row.kind == FundingKind::Settled && inside(row.ts));
        assert_eq!(
            told.iter().map(|row| row.ts).collect::<Vec<_>>(),
            played.iter().map(|row| row.ts).collect::<Vec<_>>()
        );
        // rates are told by the venue's grid
        assert!(
            told.iter().zip(&played).all(|(a, b)| (a.rate.0 - b.rate.0).abs() <= 1_000_000),
            "{venue}: {told:?} {played:?}"
        );
        let bars: Vec<BarRow> = rows(&store, venue);
        let minutes = to.since(from) / (60 * SECOND);
        let kinds = if venue == "grvt" { 4 } else { 2 };
        assert!(
            (bars.len() as i64 - kinds * minutes).abs() <= kinds,
            "{venue}: {} bars of {minutes} minutes",
            bars.len()
        );
    }
    let (code, text) = data(dir.path(), "check past", &[]);
    assert!(code == Some(3) && text.contains("told by the venue afterwards"), "{code:?} {text}");
    let (code, text) = data(dir.path(), "info past", &[]);
    assert!(
        code == Some(0) && text.contains("lighter BTC bars") && text.contains("\"endpoint\": \"kline-index\""),
        "{text}"
    );
    // another coin's or another venue's part changes nothing of these
    let before = Dataset::read(&store).expect("reads").expect("a store");
    let line = format!("backfill --venue grvt --symbol BTC --what funding {span} --store past --host 127.0.0.1:{port}");
    assert_eq!(data(dir.path(), &line, &[]).0, Some(0));
    let after = Dataset::read(&store).expect("reads").expect("a store");
    assert_eq!((before.files, before.rows), (after.files, after.rows));
}

/// The past of before a recording stands in its store, beside what was recorded: nothing of that is overwritten, and whoever records on
/// keeps both.
#[test]
fn a_recording_takes_the_past_beside_it() {
    let sample = Path::new(env!("CARGO_MANIFEST_DIR")).join("data/sample").display().to_string();
    let options = ["--tape", &sample, "--from", "2026-01-05T07:00", "--to", "2026-01-05T12:00", "--start-at", "7260"];
    let (_market, port) = market_of(&[&options[..], &["--tier", "premium", "--speed", "10"]].concat());
    let dir = tempfile::tempdir().expect("a folder");
    let store = dir.path().join("rec/store");
    let record = || {
        let recorder = record_of(dir.path(), port);
        std::thread::sleep(Duration::from_secs(6));
        recorder.signal("-TERM");
        assert_eq!(recorder.code(), Some(0));
    };
    record();
    let before = Dataset::read(&store).expect("reads").expect("a store");
    let span = "--from 2026-01-05T07:30 --to 2026-01-05T09:01:10";
    let backfill = || {
        for venue in VENUES {
            let line = format!(
                "backfill --venue {venue} --symbol BTC --what funding,candles,trades {span} --store rec --share 1"
            );
            let (code, text) = data(dir.path(), &format!("{line} --host 127.0.0.1:{port}"), &[]);
            assert_eq!(code, Some(0), "{text}");
        }
        Dataset::read(&store).expect("reads").expect("a store")
    };
    let after = backfill();
    assert!(before.files.iter().all(|file| after.files.contains(file)), "what was recorded is as it was");
    for venue in VENUES {
        let funding: Vec<FundingRow> = rows(&store, venue);
        let mut times: Vec<Time> =
            funding.iter().filter(|row| row.kind == FundingKind::Settled).map(|row| row.ts).collect();
        times.sort_unstable();
        // GRVT settles each eight hours
        let due = [&["08", "09"][..], &["08"]][usize::from(venue == "grvt")];
        let due = due.iter().map(|hour| format!("2026-01-05T{hour}:00:00Z").parse::<Time>().expect("a time"));
        assert!(due.clone().all(|due| times.contains(&due)), "{venue}: {times:?}");
        assert!(times.windows(2).all(|pair| pair[0] < pair[1]), "{venue}: {times:?}");
        // a bar is a minute of the wall: ten of this market
        assert!(rows::<BarRow>(&store, venue).len() > 15, "{venue}");
    }
    let trades = after.rows["trades_gap"].values().sum::<u64>();
    assert!(trades > 40, "{trades} trades of before");
    // the recording's folder will do
    let (code, text) = data(dir.path(), "check rec", &[]);
    assert!(code == Some(0) && text.contains("the venue told") && text.contains("the recorded ones count"), "{text}");
    // pages of today are asked for again, and say the same
    let more = backfill();
    assert_eq!((&more.files, &more.recorded), (&after.files, &after.recorded), "once more is nothing new");
    record();
    let (code, text) = data(dir.path(), "check rec/store", &[]);
    assert!(code == Some(0) && text.contains("the recorded ones count"), "{text}");
    let again = Dataset::read(&store).expect("reads").expect("a store");
    assert_eq!(again.made_by["backfill"], more.made_by["backfill"]);
}

/// Ctrl-C keeps what was answered and leaves no half store; the next start asks for the rest alone.
#[test]
fn a_backfill_that_is_interrupted_goes_on() {
    let dir = tempfile::tempdir().expect("a folder");
    let witness = dir.path().join("witness").display().to_string();
    let (_market, port) =
        market_of(&["--venue", "lighter", "--start-at", "7260", "--tier", "premium", "--witness", &witness]);
    let line = format!(
        "backfill --venue lighter --symbol BTC --what trades --from 2026-01-05T00:10 --to 2026-01-05T02:00 --store past --host 127.0.0.1:{port}"
    );
    let slow = format!("{line} --share 0.1");
    let mut command = Command::new(DATA);
    command.args(slow.split_whitespace()).current_dir(dir.path()).stdout(Stdio::null()).stderr(Stdio::piped());
    let mut child = command.spawn().expect("it starts");
    std::thread::sleep(Duration::from_secs(3));
    signal(&child, "-INT");
    assert_eq!(child.wait().expect("it ends").code(), Some(130));
    let mut said = String::new();
    child.stderr.take().expect("a pipe").read_to_string(&mut said).expect("text");
    assert!(said.contains("the same command goes on"), "{said}");
    assert!(!dir.path().join("past").exists(), "no half store");
    let asked = || fs::read_to_string(&witness).expect("a log").matches("/api/v1/trades").count();
    let first = asked();
    assert!(first >= 2, "{first}");
    let (code, text) = data(dir.path(), &format!("{line} --share 1 --json"), &[]);
    assert_eq!(code, Some(0), "{text}");
    let second = asked() - first;
    // what both asked for is less than what one alone does: with other pages
    let (code, text) = data(dir.path(), &format!("{line} --share 1 --pages other --json"), &[]);
    assert_eq!(code, Some(0), "{text}");
    let alone = asked() - first - second;
    assert!(second < alone && alone >= 4, "{first}, then {second}; alone {alone}");
}

#[test]
fn what_cannot_be_backfilled_is_named() {
    let dir = tempfile::tempdir().expect("a folder");
    let (_market, port) = market_of(&["--venue", "lighter"]);
    fs::create_dir(dir.path().join("mine")).expect("a folder");
    fs::write(dir.path().join("mine/letter.txt"), "mine").expect("writes");
    let base = format!("--symbol BTC --from 2026-01-05 --to 2026-01-05T00:00:30 --host 127.0.0.1:{port}");
    for (line, says) in [
        (
            format!("--venue lighter {} --store past", base.replace("BTC", "BTCC")),
            "lighter lists no perpetual of BTCC; accepted: BTC",
        ),
        (format!("--venue grvt {base} --store past"), "plays lighter, and not grvt"),
        (format!("--venue lighter {} --store past", base.replace("T00:00:30", "T09:00")), "lies in the future"),
        (
            format!("--venue lighter {} --store past", base.replace("--to 2026-01-05", "--to 2025-01-05")),
            "is not after",
        ),
        (format!("--venue lighter {base} --store mine"), "holds no dataset.json"),
        (format!("--venue lighter {base} --store past --share 2"), "at most 1"),
        (format!("--venue lighter {base} --store past --what ticks"), "ticks"),
    ] {
        let (code, text) = data(dir.path(), &format!("backfill {line}"), &[]);
        assert!(code == Some(2) && text.contains(says), "{line}: {code:?} {text}");
    }
    assert!(!dir.path().join("past").exists() && !dir.path().join("past.pages").exists(), "nothing is left behind");
}

/// What an emulator says of itself is what it was made of: steps, least sizes, margin, interval, and the fees of the account's tier.
#[test]
fn a_refreshed_profile_is_the_emulators_own() {
    let dir = tempfile::tempdir().expect("a folder");
    let private = format!("09{}", "11".repeat(38) + "00");
    let public = PrivateKey::from_hex(&private).expect("a key").public().to_hex();
    let (_market, port) = market_of(&["--tier", "premium", "--api-key", &format!("5={public}"), "--start-at", "14460"]);
    let keys = [("PERPX_LIGHTER_API_PRIVATE_KEY", private.as_str()), ("PERPX_GRVT_API_KEY", "emulated")];
    let profiles = Profile::shipped().expect("legal");
    for (venue, more, tier) in [("lighter", "--account 1:5", "premium"), ("grvt", "", "1")] {
        let line = format!("venue refresh --venue {venue} --symbol BTC --host 127.0.0.1:{port} {more}");
        let (code, text) = data(dir.path(), &line, &keys);
        assert!(code == Some(0) && text.contains("nothing differs"), "{code:?} {text}");
        let overlay =
            fs::read_to_string(dir.path().join(format!("state/profiles/{venue}-BTC.toml"))).expect("an overlay");
        let shipped = Profile::of(&profiles, venue, "BTC").expect("shipped");
        let said = shipped.overlaid(&overlay).unwrap_or_else(|why| panic!("{why}\n{overlay}"));
        assert_eq!(said.instrument("BTC"), shipped.instrument("BTC"), "{venue}");
        assert_eq!(said.tier(tier).map(|tier| tier.fees), shipped.tier(tier).map(|tier| tier.fees), "{venue}");
        assert_eq!(said.funding_interval_hours, shipped.funding_interval_hours);
        // the answers are there, keys and what the account holds are not
        assert!(overlay.contains("[[answer]]") && overlay.contains("maintenance"), "{overlay}");
        assert!(
            !overlay.contains(&private) && !overlay.contains("emulated") && !overlay.contains("equity"),
            "{overlay}"
        );
        // without keys the fees stay as they were
        let (code, text) = data(dir.path(), line.replace(more, "").trim(), &[]);
        assert!(code == Some(0) && text.contains("fees were not asked for"), "{code:?} {text}");
    }
    let (code, text) =
        data(dir.path(), &format!("venue refresh --venue grvt --symbol BTCC --host 127.0.0.1:{port}"), &[]);
    assert!(code == Some(2) && text.contains("accepted: BTC"), "{code:?} {text}");
    // what it says holds in every command: a profile that was read today is not old
    let overlay = dir.path().join("state/profiles/grvt-BTC.toml");
    let (_, text) = data(dir.path(), &format!("check {}/data/sample", env!("CARGO_MANIFEST_DIR")), &[]);
    assert!(!text.contains("(instrument BTC)") && !text.contains("cannot be read"), "{text}");
    assert!(text.contains("not of the venue's mainnet"), "{text}");
    fs::write(&overlay, "name = 5").expect("writes");
    let (_, text) = data(dir.path(), &format!("check {}/data/sample", env!("CARGO_MANIFEST_DIR")), &[]);
    assert!(text.contains("grvt-BTC.toml") && text.contains("venue refresh"), "{text}");
}

/// A venue that answers nonsense is one clear error, and nothing is written.
#[test]
fn a_wrong_answer_is_no_profile() {
    let market = |margin: &str| {
        format!(
            r#"{{"code":200,"order_book_details":[{{"symbol":"BTC","market_id":1,"status":"active","supported_size_decimals":5,
               "supported_price_decimals":1,"min_base_amount":"0.0002","min_quote_amount":"10"{margin}}}]}}"#
        )
    };
    for (body, says) in [
        (market(""), "maintenance_margin_fraction is absent"),
        (market(r#","maintenance_margin_fraction":"1.2""#), "a fraction from 0.001 to 1"),
        ("{\"code\":200}".to_owned(), "orderBookDetails"),
        ("blocked".to_owned(), "orderBookDetails"),
    ] {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let port = listener.local_addr().expect("a port").port();
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                let Ok(mut stream) = stream else { return };
                let mut head = [0; 4_096];
                let read = stream.read(&mut head).unwrap_or(0);
                let asked = String::from_utf8_lossy(&head[..read]).into_owned();
                let (status, text) = match asked.contains("/api/v1/") {
                    true if asked.contains("fundings") => ("200 OK", "{\"code\":200,\"fundings\":[]}"),
                    true => ("200 OK", body.as_str()),
                    false => ("404 Not Found", "{}"),
                };
                let _ = write!(
                    stream,
                    "HTTP/1.1 {status}\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{text}",
                    text.len()
                );
            }
        });
        let dir = tempfile::tempdir().expect("a folder");
        let (code, text) =
            data(dir.path(), &format!("venue refresh --venue lighter --symbol BTC --host 127.0.0.1:{port}"), &[]);
        assert!(code == Some(2) && text.contains(says), "{says}: {code:?} {text}");
        assert!(!dir.path().join("state").exists(), "nothing is written");
    }
}
