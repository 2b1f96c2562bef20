//! perpx-live as a user meets it: the sweep's best.yml in, the sweep's ledger out.

use crate::sweep::{Case, GRID, copied_store, run, store};
use parquet::file::reader::SerializedFileReader;
use perpx::live::paper::{self, Market, PaperOptions};
use perpx::live::stretch::{self, Stretch, StretchReport};
use perpx::live::{self, LiveError, Options, Report, Speed};
use perpx::market::Role;
use perpx::store::{Backfilled, BarKind, BarRow, StoreFile, StorePath, StoredRow, assemble_depth, copy_hour};
use perpx::tape::rows::QuoteRow;
use perpx::units::{MINUTE, Qty, SECOND, Time, TimeDelta};
use perpx::venues::record::feed::Row;
use perpx::venues::recorder::adopt::{Adopted, adopt};
use perpx::venues::venue::Venue;
use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

/// A small sweep and its best.yml.
pub(crate) fn swept() -> (Case, PathBuf) {
    swept_over(GRID)
}

fn swept_over(grid: &str) -> (Case, PathBuf) {
    let case = Case::new(grid);
    run(&case.options("run")).expect("sweeps");
    let best = case.out("run").join("best.yml");
    (case, best)
}

fn options(config: &Path) -> Options {
    let stop = Arc::new(AtomicBool::new(false));
    Options {
        config: config.to_path_buf(),
        store: None,
        speed: Speed::Max,
        quiet: false,
        code: perpx::sweep::code_id(),
        stop,
    }
}

fn run_text(options: &Options) -> Result<(Report, String), LiveError> {
    let mut out = Vec::new();
    let report = live::run(options, &mut out)?;
    Ok((report, String::from_utf8(out).expect("text")))
}

#[test]
fn the_mock_runner_ends_with_the_ledger_of_the_sweep() {
    let (case, best) = swept();
    let (report, text) = run_text(&options(&best)).unwrap_or_else(|e| panic!("{e}"));
    assert!(report.matches && report.exit_code() == 0, "{report}\n{text}");
    assert!(report.to_string().ends_with("matches: the ledger is the sweep's, byte for byte"), "{report}");
    // the ledgers are those of the winner's row in its ranking world
    let said = fs::read_to_string(&best).expect("reads");
    let world = said.lines().find_map(|line| line.trim().strip_prefix("ranking_world: ")).expect("a world");
    let results = SerializedFileReader::new(fs::File::open(case.out("run").join("results.parquet")).expect("opens"));
    let rows: Vec<String> = results.expect("parquet").into_iter().map(|row| row.expect("a row").to_string()).collect();
    let is_winner = |row: &&String| row.contains(&report.configuration) && row.contains(world.trim_matches('"'));
    let row = rows.iter().find(is_winner).expect("the winner's row");
    assert_eq!(report.runs.len(), 2, "in sample and held out");
    for run in &report.runs {
        assert!(row.contains(&run.ledger), "{row}\n{report}");
        assert!(run.trades > 0 && run.position == ["0", "0"], "{run:?}");
    }
    // each transition with reason, prices, spread and equity; each trade with its money
    for words in [
        "verdict   refused",
        "in sample: 2026-01-05 02:00:00",
        "S0 -> S1  gate ",
        " equity ",
        "lighter ",
        " bp\n",
        "trade 1: ",
    ] {
        assert!(text.contains(words), "{words}\n{text}");
    }
    assert!(text.lines().all(|line| line.chars().count() <= 80), "{text}");
    let (quiet, nothing) = run_text(&Options { quiet: true, ..options(&best) }).unwrap_or_else(|e| panic!("{e}"));
    assert!(quiet.matches && nothing.is_empty());
}

#[test]
fn a_changed_configuration_differs_and_says_so() {
    let (case, best) = swept();
    let said = fs::read_to_string(&best).expect("reads");
    let changed = case.out("run").join("changed.yml");
    fs::write(&changed, said.replace("g_pct: 0.00", "g_pct: 0.01")).expect("writes");
    let (report, _) = run_text(&options(&changed)).unwrap_or_else(|e| panic!("{e}"));
    let text = report.to_string();
    assert_eq!(report.exit_code(), 1, "{text}");
    assert!(text.contains("differs: the ledger is not the sweep's") && text.contains("the file was changed"), "{text}");
}

/// Reads what is printed and asks for a stop as soon as `word` is.
struct StopAt {
    word: &'static str,
    stop: Arc<AtomicBool>,
    text: String,
}

impl Write for StopAt {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.text.push_str(&String::from_utf8_lossy(bytes));
        if self.text.contains(self.word) {
            self.stop.store(true, Ordering::Relaxed);
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

#[test]
fn a_stop_in_any_state_closes_everything_over_the_venues() {
    // whichever wins goes through S5
    let (_case, best) = swept_over(&GRID.replace(r#"["close_long", "hold"]"#, r#"["close_long"]"#));
    for (word, from) in
        [("capital", "S0"), ("-> S1", "S1"), ("-> S2", "S2"), ("-> S3", "S3"), ("-> S4", "S4"), ("-> S5", "S5")]
    {
        let options = options(&best);
        let mut out = StopAt { word, stop: options.stop.clone(), text: String::new() };
        let report = live::run(&options, &mut out).unwrap_or_else(|e| panic!("{e}"));
        let text = report.to_string();
        assert_eq!(report.exit_code(), 130, "{text}");
        assert!(text.contains("everything is closed, no position, no order"), "{from}: {text}");
        let run = report.runs.last().expect("a run was begun");
        assert_eq!(run.position, ["0", "0"], "{from}");
        let last = out.text.lines().rfind(|line| line.contains(" -> ")).unwrap_or_default();
        assert!(from == "S0" || last.contains(&format!("{from} -> S0  halt")), "{from}: {last}\n{}", out.text);
    }
}

#[test]
fn ctrl_c_is_answered_with_a_report_and_130() {
    let (_case, best) = swept();
    let live = Command::new(env!("CARGO_BIN_EXE_perpx-live"))
        .args(["--config", &best.display().to_string(), "--speed", "2000", "--json"])
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn();
    let mut live = live.expect("starts");
    let mut out = BufReader::new(live.stdout.take().expect("a pipe"));
    let mut text = String::new();
    while !text.contains("-> S1") {
        assert!(out.read_line(&mut text).expect("reads") > 0, "it ended before it traded: {text}");
    }
    let kill = Command::new("kill").args(["-INT", &live.id().to_string()]).status().expect("kill is there");
    assert!(kill.success());
    out.read_to_string(&mut text).expect("reads");
    assert_eq!(live.wait().expect("ends").code(), Some(130), "{text}");
    assert!(text.contains("stopped   at ") && text.contains("no position, no order"), "{text}");
    let last = text.lines().last().unwrap_or_default();
    assert!(last.starts_with("{\"exit\":130,") && last.contains("\"stopped\":true"), "{last}");
}

#[test]
fn a_moved_file_needs_its_store_named() {
    let (_case, best) = swept();
    let elsewhere = tempfile::tempdir().expect("a folder");
    let moved = elsewhere.path().join("best.yml");
    fs::copy(&best, &moved).expect("copies");
    let text = run_text(&options(&moved)).expect_err("no store").to_string();
    assert!(text.contains("its data store is not there") && text.contains("--store DIR"), "{text}");
    let named = Options { store: Some(store().join("store")), ..options(&moved) };
    assert!(run_text(&named).unwrap_or_else(|e| panic!("{e}")).0.matches);
}

#[test]
fn bad_input_is_one_clear_error() {
    let (case, best) = swept();
    let said = fs::read_to_string(&best).expect("reads");
    let file = case.out("run").join("bad.yml");
    let (plain, _) = said.split_once("\nprovenance:").expect("a provenance");
    for (text, words) in [
        (plain.to_string(), "provenance: this block is not written"),
        (said.replace("    feed: ", "    food: "), "provenance.data.feed: this key is not written"),
        (said.replace("    to: \"2026-", "    to: \"2o26-"), "accepted: a UTC time such as"),
        (said.replace("strategy_version: 2", "strategy_version: 3"), "provenance.strategy_version: found 3"),
        (said.replace("    feed: \"", "    feed: \"x"), "the data of the range are not those of the sweep"),
        (said.replace("g_pct:", "g_pkt:"), "did you mean locking.g_pct?"),
    ] {
        fs::write(&file, text).expect("writes");
        let error = run_text(&options(&file)).expect_err(words);
        assert!(error.to_string().contains(words), "{words}: {error}");
        assert_eq!(error.exit_code(), 2, "{error}");
    }
    let live =
        Command::new(env!("CARGO_BIN_EXE_perpx-live")).arg("--config").arg(&best).args(["--speed", "0"]).output();
    let live = live.expect("runs");
    let text = String::from_utf8_lossy(&live.stderr);
    let words = "accepted: a number above 0 (1 = as fast as the recording), or max";
    assert!(text.contains(words) && live.status.code() == Some(2), "{words}: {text}");
}

/// With money at stake the verdict is obeyed: made up data never, what was changed by hand never, what a check refuses with a reason.
#[test]
fn a_winner_trades_with_money_only_past_the_gate() {
    let (case, best) = swept();
    let said = fs::read_to_string(&best).expect("reads");
    let hash = |text: &str| perpx::config::evidence_hash(text).expect("evidence");
    assert!(said.contains(&format!("    hash: \"{}\"", hash(&said))), "the sweep hashed what it wrote");
    let live = |text: &str, answers: &[&str]| {
        let file = case.out("run").join("asked.yml");
        fs::write(&file, text).expect("writes");
        let mut command = Command::new(env!("CARGO_BIN_EXE_perpx-live"));
        let out = command.arg("--config").arg(&file).args(["--mode", "live"]).args(answers).output().expect("runs");
        (String::from_utf8_lossy(&out.stderr).to_string(), out.status.code())
    };
    let (text, code) = live(&said, &["--override", "length=a day of it is all that there is"]);
    assert!(text.contains("its data is synthetic") && !text.contains("evidence.hash") && code == Some(4), "{text}");
    let recorded = said.replace("is_synthetic: true", "is_synthetic: false");
    let (text, _) = live(&recorded, &[]);
    assert!(text.contains("as a sweep of this program writes it (evidence.hash)"), "{text}");
    let recorded = recorded.replace(&hash(&said), &hash(&recorded));
    let (text, code) = live(&recorded, &["--accept-weak"]);
    assert!(text.contains("check length is refused") && !text.contains("synthetic") && code == Some(4), "{text}");
    let folder = case.out("armed").display().to_string();
    let answers = ["--override", "length=a day of it is all that there is", "--run", &folder];
    let (text, code) = live(&recorded, &answers);
    assert!(text.contains("armed/armed.json: it is not there") && code == Some(4), "{text}");
    let other = recorded.replace("g_pct: 0.00", "g_pct: 0.000");
    assert!(other != recorded && live(&other, &[]).0.contains("not those that were swept"), "{}", live(&other, &[]).0);
    let (head, _) = said.split_once("  evidence:").expect("evidence");
    let (text, code) = live(head, &[]);
    assert!(text.contains("no sweep judged it") && code == Some(4), "{text}");
}

/// A grid that asks for the trades of a recorder's gaps runs on other data, and so does its winner.
#[test]
fn trades_of_gaps_are_the_winners_where_they_were_the_sweeps() {
    let case = Case::new(GRID);
    let data = case.out("data");
    copied_store(&data);
    fs::rename(data.join("trades/venue=grvt/symbol=ETH"), data.join("missed")).expect("moves");
    fs::create_dir_all(data.join("trades_gap/venue=grvt")).expect("a folder");
    fs::rename(data.join("missed"), data.join("trades_gap/venue=grvt/symbol=BTC")).expect("moves");
    let swept = |out: &str, gap_trades: &str| {
        let sets = vec![format!("data.store={}", data.display()), format!("data.gap_trades={gap_trades}")];
        run(&perpx::sweep::Options { sets, ..case.options(out) })
    };
    let of = |out: &str, name: &str| {
        let said = fs::read_to_string(case.out(out).join("best.yml")).expect("reads");
        said.lines().find_map(|line| line.trim().strip_prefix(name).map(str::to_owned))
    };
    swept("without", "false").expect("sweeps");
    swept("with", "true").expect("sweeps");
    assert_eq!([of("without", "gap_trades: "), of("with", "gap_trades: ")], [None, Some("true".to_owned())]);
    assert!(of("with", "feed: ").is_some() && of("with", "feed: ") != of("without", "feed: "));
    let (report, text) = run_text(&options(&case.out("with").join("best.yml"))).unwrap_or_else(|e| panic!("{e}"));
    assert!(report.matches, "{report}\n{text}");
    let error = swept("wrong", "1").expect_err("a word").to_string();
    assert!(error.contains("data.gap_trades") && error.contains("accepted: true or false"), "{error}");
}

/// The rows of a store as they come in, on a clock of their own.
struct Recorded {
    rows: std::iter::Peekable<std::vec::IntoIter<(Role, Row)>>,
    now: Time,
    stop_at: Time,
}

fn recv(row: &Row) -> Time {
    match row {
        Row::Quote(row) => row.recv,
        Row::Trade(print) | Row::GapTrade(print) => print.row.recv,
        Row::Depth(row) => row.recv,
        Row::Marks(row) => row.recv,
        Row::Funding(row) => row.recv,
    }
}

impl Recorded {
    /// What a venue's tables of the store received from `from` on.
    fn new(store: &Path, venues: [&str; 2], from: Time, stop_at: Time) -> Recorded {
        fn all<R: StoredRow>(store: &Path, venue: &str) -> Vec<R> {
            let files = StorePath::new(store).expect("a store").files(R::TABLE, venue, "BTC").expect("files");
            let mut rows = Vec::new();
            for (_, path) in files {
                let file = StoreFile::open::<R>(&path).expect("opens");
                for batch in file.read::<R>(0..file.groups().len()).expect("reads") {
                    rows.extend(batch.expect("a batch").rows);
                }
            }
            rows
        }
        let mut rows: Vec<(Role, Row)> = Vec::new();
        for (role, venue) in Role::BOTH.into_iter().zip(venues) {
            let mut of = Vec::new();
            of.extend(all(store, venue).into_iter().map(Row::Quote));
            of.extend(all(store, venue).into_iter().map(Row::Trade));
            let mut depth = Vec::new();
            assemble_depth(&all(store, venue), &mut depth);
            of.extend(depth.into_iter().map(Row::Depth));
            of.extend(all(store, venue).into_iter().map(Row::Marks));
            of.extend(all(store, venue).into_iter().map(Row::Funding));
            rows.extend(of.into_iter().map(|row| (role, row)));
        }
        rows.retain(|(_, row)| recv(row) >= from);
        rows.sort_by_key(|(_, row)| recv(row));
        let now = recv(&rows[0].1);
        Recorded { rows: rows.into_iter().peekable(), now, stop_at }
    }
}

impl Market for Recorded {
    fn now(&mut self) -> Time {
        self.now
    }

    fn receive(&mut self, _patience: Duration, rows: &mut Vec<(Role, Row)>) -> Result<(), LiveError> {
        self.now = self.now.plus(1_700 * perpx::units::MS);
        rows.extend(std::iter::from_fn(|| self.rows.next_if(|(_, row)| recv(row) <= self.now)));
        Ok(())
    }

    fn is_stopping(&self) -> bool {
        self.now >= self.stop_at
    }
}

const VENUES: [&str; 2] = ["lighter", "grvt"];

/// A paper run over the synthetic day from `from` to `stop`, `lag` behind it, its signals warm by `store`.
fn paper(best: &Path, store_of_run: PathBuf, (from, stop): (&str, &str), lag: TimeDelta) -> StretchReport {
    paper_with(best, store_of_run, (from, stop), PaperOptions { lag, max_gap_bars: 2, warm_bars: false })
}

fn paper_with(best: &Path, store_of_run: PathBuf, (from, stop): (&str, &str), paper: PaperOptions) -> StretchReport {
    let time = |text: &str| text.parse().expect("a time");
    let mut market = Recorded::new(&store().join("store"), VENUES, time(from), time(stop));
    let own = Options { store: Some(store_of_run), quiet: true, ..options(best) };
    paper::run(&own, paper, &mut market, &mut Vec::new()).expect("runs").expect("a market")
}

/// What the report says to run again, over the whole synthetic day.
fn again(best: &Path, report: &StretchReport) -> StretchReport {
    again_in(&store().join("store"), best, report)
}

fn again_in(store: &Path, best: &Path, report: &StretchReport) -> StretchReport {
    let again = report.again.clone().expect("a command");
    let words: Vec<&str> = again.split(' ').collect();
    let of = |name: &str| words[words.iter().position(|word| *word == name).expect("an option") + 1];
    let time = |name: &str| of(name).parse().expect("a time");
    let own = Options { store: Some(store.to_path_buf()), quiet: true, ..options(best) };
    let warm_bars = words.contains(&"--warm-bars");
    let stretch = Stretch { from: time("--from"), to: time("--to"), stop_at: Some(time("--stop-at")), warm_bars };
    stretch::run(&own, stretch, &mut Vec::new()).unwrap_or_else(|e| panic!("{e}\n{again}"))
}

fn empty(case: &Case) -> PathBuf {
    let empty = case.out("empty");
    fs::create_dir_all(&empty).expect("a folder");
    empty
}

const LAG: TimeDelta = SECOND.times(10);

/// Over rows as they come paper trades what a replay of the recording trades, to the byte, the stop included.
#[test]
fn paper_is_a_replay_that_trails_the_wall() {
    let (case, best) = swept();
    for stop in ["2026-01-05T09:00:00Z", "2026-01-05T16:20:00Z", "2026-01-05T23:00:07Z"] {
        let report = paper(&best, empty(&case), ("2026-01-04", stop), LAG);
        assert_eq!((report.exit_code(), report.late_rows), (0, 0), "{report}");
        assert!(report.run.trades > 3 && report.run.position == ["0", "0"], "{report}");
        let mock = again(&best, &report);
        assert_eq!(mock.run.ledger, report.run.ledger, "{mock}\n{report}");
        assert_eq!((mock.run.to, mock.run.trades), (report.run.to, report.run.trades));
    }
}

/// Rows that come after their time was judged: the run says that it failed, in words and by its exit code.
#[test]
fn a_row_later_than_the_lag_is_a_failure() {
    let (case, best) = swept();
    let report = paper(&best, empty(&case), ("2026-01-05", "2026-01-05T03:00:00Z"), perpx::units::NS);
    assert!(report.late_rows > 0, "{report}");
    assert_eq!(report.exit_code(), 1);
    let failed = format!(
        "\nfailed    {} rows came later than paper.lag_ms: what was judged is not what was stored\n",
        report.late_rows
    );
    assert!(report.to_string().contains(&failed), "{report}");
    // so it is with what the disk did not take
    let mut report = StretchReport { late_rows: 0, ..report };
    assert_eq!(report.exit_code(), 0);
    report.not_stored.push("a full disk".to_owned());
    assert!(
        report.exit_code() == 1 && report.to_string().contains("\nfailed    a full disk: what was judged"),
        "{report}"
    );
}

/// A run whose folder took its first hours from another recording trades what a replay of the whole recording trades: its signals are
/// the same, to the bit.
#[test]
fn signals_are_warm_by_what_another_recorder_heard() {
    let (case, best) = swept();
    let whole = StorePath::open(&store().join("store")).expect("a store");
    let (rec, run) = (case.out("rec"), case.out("run-of-paper"));
    let span = ("2026-01-05T09:00:00Z", "2026-01-05T16:20:00Z");
    let first = span.0.parse::<Time>().expect("a time").steps(perpx::units::HOUR);
    let made_by = serde_json::json!({ "tool": "a test" });
    for hour in first - 9..first {
        for venue in VENUES {
            assert!(copy_hour(&whole, &rec.join("store"), (venue, "BTC", hour), &made_by).expect("copies"));
        }
    }
    fs::create_dir_all(run.join("store")).expect("a folder");
    let of = Adopted { venues: &Venue::ALL, symbol: "BTC", back: SECOND.times(4 * 3_600), now: Time::MAX };
    // all but the newest hour first; what is there is not taken twice
    let taken =
        [true, true, false].map(|is_whole| adopt(&run, std::slice::from_ref(&rec), &of, is_whole).expect("adopts"));
    assert_eq!(taken, [10, 0, 2]);
    let warm = paper(&best, run.join("store"), span, LAG);
    assert!(warm.exit_code() == 0 && warm.run.trades > 3, "{warm}");
    let mock = again(&best, &warm);
    assert_eq!((&mock.run.ledger, &mock.run.from), (&warm.run.ledger, &warm.run.from), "{mock}\n{warm}");
    let cold = paper(&best, empty(&case), span, LAG);
    assert!(cold.run.from == warm.run.from && cold.run.ledger != warm.run.ledger, "{cold}\n{warm}");
    // what cannot be taken is named
    for (symbol, from) in [("ETH", &rec), ("BTC", &case.out("nowhere"))] {
        let of = Adopted { symbol, venues: &Venue::ALL, back: SECOND, now: Time::MAX };
        let error = adopt(&run, std::slice::from_ref(from), &of, false).expect_err("nothing is there").to_string();
        let says = format!("{}: holds no recording of {symbol} at lighter", from.display());
        assert!(error.starts_with(&says) && error.contains("accepted: the folder of"), "{error}");
    }
}

/// Where too much is missing before a start nothing is traded until the signals were filled anew, and the replay is the same.
#[test]
fn a_hole_before_a_start_is_waited_out() {
    let (case, best) = swept();
    let whole = StorePath::open(&store().join("store")).expect("a store");
    let rec = case.out("rec");
    let hour = "2026-01-05T08:00:00Z".parse::<Time>().expect("a time").steps(perpx::units::HOUR);
    for venue in VENUES {
        assert!(copy_hour(&whole, &rec, (venue, "BTC", hour), &serde_json::Value::Null).expect("copies"));
    }
    let report = paper(&best, rec, ("2026-01-05T09:03:00Z", "2026-01-05T16:20:00Z"), LAG);
    let from: Time = report.run.from.parse().expect("a time");
    // 40 bars of 10 s, and one
    let waited = from.since("2026-01-05T09:03:00Z".parse().expect("a time"));
    assert!(waited >= SECOND.times(400) && waited < SECOND.times(900), "{report}");
    assert!(report.exit_code() == 0 && report.run.trades > 3, "{report}");
    assert_eq!(again(&best, &report).run.ledger, report.run.ledger, "{report}");
}

/// Bars of a minute as the synthetic day would have them, of both venues from `from` to `to`, in a store.
fn backfill_bars(root: &Path, (from, to): (&str, &str)) {
    let [from, to] = [from, to].map(|text| text.parse::<Time>().expect("a time"));
    let mut backfilled = Backfilled::begin(root).expect("a store");
    for venue in VENUES {
        let mut rows: Vec<BarRow> = Vec::new();
        let market = Recorded::new(&store().join("store"), [venue, venue], from, to);
        let mut quotes: Vec<QuoteRow> = market
            .rows
            .filter_map(|(role, row)| match row {
                Row::Quote(row) if role == Role::Long && row.recv < to => Some(row),
                _ => None,
            })
            .collect();
        quotes.sort_by_key(|row| row.recv);
        for quotes in quotes.chunk_by(|a, b| a.recv.steps(MINUTE) == b.recv.steps(MINUTE)) {
            let open_ts = quotes[0].recv.floor_to(MINUTE);
            let px = quotes[quotes.len() - 1].bbo.mid().price();
            let (close_ts, kind, volume) = (open_ts.plus(MINUTE), BarKind::Mid, Qty(0));
            rows.push(BarRow { open_ts, close_ts, kind, open: px, high: px, low: px, close: px, volume });
        }
        backfilled.bars(venue, "BTC", &rows).expect("rows");
    }
    backfilled.commit(serde_json::json!([])).expect("written");
}

/// A strategy of bars of a minute whose gate needs its trend.
fn swept_by_the_minute() -> (Case, PathBuf) {
    let case = Case::new(&GRID.replace("0.0001, 0.0003", "0.0006, 0.001").replace("== 0.0003", "== 0.001"));
    let changes = [
        ("bar_sec: 10", "bar_sec: 60"),
        ("ema_slow: 15", "ema_slow: 20"),
        ("min_target_return: -0.002", "min_target_return: -0.01"),
        ("funding_spread_bps: 1.0", "funding_spread_bps: -50.0"),
        ("vol_bars: 20", "vol_bars: 2\n  min_conditions: 3"),
    ];
    let base = changes.iter().fold(crate::sweep::BASE.to_owned(), |text, (was, is)| {
        assert!(text.contains(was), "{was}");
        text.replacen(was, is, 1)
    });
    fs::write(case.out("base.yml"), base).expect("writes");
    run(&case.options("run")).expect("sweeps");
    let best = case.out("run").join("best.yml");
    (case, best)
}

/// Backfilled bars warm averages of before the first quote; the replay takes the same ones. Bars that end long before are of no use: the
/// run waits until its signals are filled.
#[test]
fn averages_are_warm_by_backfilled_bars() {
    let (case, best) = swept_by_the_minute();
    let whole = StorePath::open(&store().join("store")).expect("a store");
    let options = PaperOptions { lag: LAG, max_gap_bars: 2, warm_bars: true };
    let (mut differ, mut trades) = (0, 0);
    // hours with a settlement of both venues
    for begin in [7, 15] {
        let at = |hour: i64, minute: i64| format!("2026-01-05T{hour:02}:{minute:02}:00Z");
        let (past, from, stop) = (at(begin - 3, 0), at(begin, 0), at(begin + 1, 50));
        let (bars, rec) = (case.out(&format!("bars{begin}")), case.out(&format!("rec{begin}")));
        backfill_bars(&bars, (&past, &from));
        let warm = paper_with(&best, bars, (&from, &stop), options);
        assert!(warm.exit_code() == 0, "{warm}");
        assert!(warm.warm_bars[0].contains("backfilled bars of the middle of the book, up to"), "{:?}", warm.warm_bars);
        let cold = paper_with(&best, empty(&case), (&from, &stop), PaperOptions { warm_bars: false, ..options });
        assert!(cold.warm_bars.is_empty(), "{cold}");
        // what the run would have recorded, with the bars that it had
        for venue in VENUES {
            for hour in [begin, begin + 1] {
                let hour = at(hour, 0).parse::<Time>().expect("a time").steps(perpx::units::HOUR);
                assert!(copy_hour(&whole, &rec, (venue, "BTC", hour), &serde_json::Value::Null).expect("copies"));
            }
        }
        backfill_bars(&rec, (&past, &from));
        let mock = again_in(&rec, &best, &warm);
        assert_eq!((&mock.run.ledger, &mock.warm_bars), (&warm.run.ledger, &warm.warm_bars), "{mock}\n{warm}");
        assert_eq!(again_in(&rec, &best, &cold).run.ledger, cold.run.ledger);
        differ += usize::from(cold.run.ledger != warm.run.ledger);
        trades += warm.run.trades;
    }
    assert!(differ > 0 && trades > 0, "{differ} differ, {trades} trades");
    // ten minutes are missing
    let late = case.out("late");
    backfill_bars(&late, ("2026-01-05T06:00:00Z", "2026-01-05T08:50:00Z"));
    let (from, stop) = ("2026-01-05T09:00:00Z", "2026-01-05T10:50:00Z");
    let waited = paper_with(&best, late.clone(), (from, stop), options);
    let begun: Time = waited.run.from.parse().expect("a time");
    assert!(begun.since(from.parse().expect("a time")) >= 80 * MINUTE && waited.warm_bars.is_empty(), "{waited}");
    // bars of the strategy that are no minutes
    let (_short, best) = swept();
    let own = Options { store: Some(late), quiet: true, ..self::options(&best) };
    let mut market = Recorded::new(&store().join("store"), VENUES, from.parse().expect("a time"), Time::MAX);
    let error = paper::run(&own, options, &mut market, &mut Vec::new()).expect_err("refused").to_string();
    assert!(error.contains("of 10 s") && error.contains("a multiple of 60"), "{error}");
}

/// A stretch of the sweep's own data is the sweep's run.
#[test]
fn a_stretch_of_the_data_is_a_run_of_its_own() {
    let (_case, best) = swept();
    let (report, _) = run_text(&options(&best)).unwrap_or_else(|e| panic!("{e}"));
    let run = &report.runs[0];
    let time = |text: &str| text.parse().expect("a time");
    let stretch = Stretch { from: time(&run.from), to: time(&run.to), stop_at: None, warm_bars: false };
    let mock = stretch::run(&options(&best), stretch, &mut Vec::new()).unwrap_or_else(|e| panic!("{e}"));
    assert_eq!((mock.exit_code(), &mock.run.ledger), (0, &run.ledger), "{mock}");
}
