//! Stamps, clocks, files and rows that are not what they seem.

use super::*;
use perpx_core::tape::rows::FundingRow;
use perpx_core::units::{MINUTE, SECOND, Time};

const T0: i64 = 1_767_614_400_000;

/// A map of quote files of two clocks, and what it says at its top.
fn quotes(top: &str, files: &[&str]) -> String {
    let columns = "[columns.quotes]\nexch_ts = 't'\nrecv_ts = 'r'\nbid_px = 'b'\nask_px = 'a'\n";
    let file = |path: &&str| {
        format!("[[file]]\npath = '{path}'\ntable = 'quotes'\nvenue = 'va'\nsymbol = 'BTC'\ntime_unit = 'ms'\n")
    };
    format!("{top}\n{columns}{}", files.iter().map(file).collect::<String>())
}

/// Quotes a second apart, received 2 ms after their stamp, `jump` ms added to the stamp of row `at`.
fn rows(from: usize, n: usize, at: usize, jump: i64) -> String {
    let row = |i: usize| {
        let t = T0 + 1000 * i as i64;
        format!("{},{},99.5,99.6\n", t + if i == at { jump } else { 0 }, t + 2)
    };
    "t,r,b,a\n".to_string() + &(from..from + n).map(row).collect::<String>()
}

fn bench(map: &str, files: &[(&str, String)]) -> Bench {
    let bench = Bench(tempfile::tempdir().expect("a folder"));
    bench.put("map.toml", map);
    files.iter().for_each(|(name, text)| bench.put(name, text));
    bench
}

#[test]
fn a_stamp_that_jumps_is_refused_or_dropped_and_moves_no_other() {
    for (jump, shown) in [(3_600_000, "2026-01-05T13:06:40Z"), (-3_600_000, "2026-01-05T11:06:40Z")] {
        let files = [("q.csv", rows(0, 900, 400, jump))];
        let text = bench(&quotes("", &["q.csv"]), &files).refusal();
        for want in [
            &format!("q.csv: line 402: exch_ts is {shown}; wanted a stamp within 60 s (max_jump_ms)"),
            "2026-01-05T12:06:39Z before and 2026-01-05T12:06:41Z after; 1 of 900 rows stand out",
            "on_jumps = \"drop\"",
        ] {
            assert!(text.contains(want), "{want} in {text}");
        }
        let dropped = bench(&quotes("on_jumps = 'drop'", &["q.csv"]), &files);
        let report = dropped.import().expect("an import");
        assert!(report.text().contains("; 0 recv_ts and 0 exch_ts raised; 1 rows with a stamp out of line dropped"));
        let kept: Vec<QuoteRow> = dropped.rows("va");
        assert_eq!(kept.len(), 899);
        assert!(kept.iter().all(|row| row.recv.since(row.exch) == 2 * MS));
    }
    // the last row of a file has no successor, but a receipt
    let last = bench(&quotes("", &["q.csv"]), &[("q.csv", rows(0, 900, 899, 3_600_000))]).refusal();
    assert!(last.contains("line 901") && last.contains("of its receipt, 2026-01-05T12:14:59.002Z; 1 of 900"), "{last}");
    let behind = rows(0, 9, 0, 0).replace(",1767614", ",1767604");
    let text = bench(&quotes("", &["q.csv"]), &[("q.csv", behind)]).refusal();
    assert!(text.contains("9 of 9 rows stand out") && text.contains("say clock_shift_ms"), "{text}");
    // less than the limit: raised, and the warning says by how much
    let near = bench(&quotes("", &["q.csv"]), &[("q.csv", rows(0, 900, 400, 17_000))]);
    let text = near.import().expect("an import").text();
    assert!(text.contains("16 exch_ts raised; by 17.0 s at most"), "{text}");
    let said = bench(&quotes("max_jump_ms = 5000", &["q.csv"]), &[("q.csv", rows(0, 900, 400, 17_000))]).refusal();
    assert!(said.contains("within 5 s (max_jump_ms)"), "{said}");
    // a clock that was set is no stray row
    let mut set = rows(0, 600, 0, 0);
    for i in 600..900 {
        let t = T0 + 1000 * i - 7_200_000;
        set += &format!("{t},{},99.5,99.6\n", t + 7_200_002);
    }
    let text = bench(&quotes("on_jumps = 'drop'", &["q.csv"]), &[("q.csv", set)]).refusal();
    assert!(text.contains("300 of 900 rows stand out: so many are no stray rows"), "{text}");
}

#[test]
fn one_clock_hides_no_jump_either() {
    let columns = "[columns.quotes]\nCLOCK = 't'\nbid_px = 'b'\nask_px = 'a'\n[[file]]\npath = 'q.csv'\ntable = 'quotes'\n\
                   venue = 'va'\nsymbol = 'BTC'\ntime_unit = 'ms'\nfeed_latency_ms = 5\n";
    for clock in ["exch_ts", "recv_ts"] {
        for sort in ["", "sort = true\n"] {
            let map = columns.replace("CLOCK", clock) + sort;
            let text = bench(&map, &[("q.csv", rows(0, 900, 400, 3_600_000))]).refusal();
            assert!(text.contains(&format!("line 402: {clock} is 2026-01-05T13:06:")), "{text}");
        }
        // however sparse: minutes with holes, hours, days
        let mut sparse = "t,b,a\n".to_string();
        for minutes in [0, 1, 2, 21, 22, 600, 6000, 6001] {
            sparse += &format!("{},99.5,99.6\n", T0 + minutes * 60_000);
        }
        let bench = bench(&columns.replace("CLOCK", clock), &[("q.csv", sparse)]);
        let report = bench.import().expect("an import");
        assert!(report.text().contains("8 quotes of va/BTC; 0 recv_ts and 0 exch_ts raised\n"), "{}", report.text());
        let (first, last) = (bench.rows::<QuoteRow>("va")[0], bench.rows::<QuoteRow>("va")[7]);
        assert_eq!(last.exch.since(first.exch), 6001 * MINUTE);
    }
}

#[test]
fn a_clock_is_corrected_by_many_rows_or_by_the_map() {
    // one stamp of 600 nearly a minute ahead, in the smallest file: no other row moves
    let files = [("a.csv", rows(0, 600, 300, 59_000)), ("b.csv", rows(600, 3000, 0, 0))];
    let map = quotes("", &["a.csv", "b.csv"]);
    let one = bench(&map, &files);
    let report = one.import().expect("an import");
    assert_eq!(report.clocks["recorder"].shift_ns, TimeDelta::ZERO);
    assert_eq!(one.rows::<QuoteRow>("va")[0].recv.since(Time(T0 * 1_000_000)), 2 * MS);
    // a recorder that is behind in every row
    let late = |n: usize| rows(0, n, 0, 0).replace("002,99.5", "000,99.5");
    let behind = bench(&quotes("min_feed_ms = 3", &["a.csv"]), &[("a.csv", late(600))]);
    let report = behind.import().expect("an import");
    let clock = &report.clocks["recorder"];
    assert_eq!((clock.shift_ns, clock.rows, clock.agreeing, clock.file.as_str()), (3 * MS, 600, 600, "a.csv"));
    let said =
        "clock of 'recorder': least delay 0.0 ms, by 600 of the 600 rows of a.csv; all its recv_ts shifted by 3.0 ms";
    assert!(report.text().contains(said), "{}", report.text());
    let few = bench(&quotes("min_feed_ms = 3", &["a.csv"]), &[("a.csv", late(19))]).import().expect("an import");
    assert!(few.text().contains("too few rows agree on its delay to judge it; nothing shifted"), "{}", few.text());
    for (shift, ms) in [("clock_shift_ms = 7.5", 7.5), ("clock_shift_ms = { recorder = -1 }", -1.0)] {
        let given = bench(&quotes(shift, &["a.csv"]), &[("a.csv", rows(0, 19, 0, 0))]);
        let text = given.import().expect("an import").text();
        assert!(text.contains(&format!("shifted by {ms:.1} ms, as the map says")), "{text}");
        let row = given.rows::<QuoteRow>("va")[0];
        assert_eq!(row.recv.since(row.exch), 2 * MS + TimeDelta((ms * 1e6) as i64));
    }
    // a correction by one file that would make another's rows late by a minute
    let ahead = rows(0, 600, 0, 0).lines().skip(1).fold("t,r,b,a\n".to_string(), |text, line| {
        let (t, rest) = line.split_once(',').expect("a stamp");
        text + &format!("{},{rest}\n", t.parse::<i64>().expect("a stamp") + 50_000)
    });
    let text = bench(&map, &[("a.csv", ahead), ("b.csv", rows(600, 3000, 0, 0))]).refusal();
    for want in
        ["b.csv: cannot be read: its recorder's clock would be moved by 49.999 s, as a.csv has it", "clock_shift_ms"]
    {
        assert!(text.contains(want), "{want} in {text}");
    }
    let text = bench(&quotes("clock_shift_ms = { other = 1 }", &["a.csv"]), &[]).refusal();
    assert!(text.contains("no file has recorder 'other'; there is: recorder"), "{text}");
}

#[test]
fn files_follow_each_other_by_their_content() {
    let parts = [("part-10.csv", rows(60, 60, 0, 0)), ("part-9.csv", rows(0, 60, 0, 0))];
    let bench_two = bench(&quotes("", &["part-10.csv", "part-9.csv"]), &parts);
    let report = bench_two.import().expect("an import");
    assert!(
        report.text().contains("part-9.csv: 60 quotes of va/BTC; 0 recv_ts and 0 exch_ts raised"),
        "{}",
        report.text()
    );
    let kept: Vec<QuoteRow> = bench_two.rows("va");
    assert_eq!((kept.len(), kept[119].exch.since(kept[0].exch)), (120, 119 * SECOND));
    let twice = bench(&quotes("", &["a.csv", "b.csv"]), &[("a.csv", rows(0, 60, 0, 0)), ("b.csv", rows(0, 60, 0, 0))]);
    assert!(
        twice.refusal().starts_with("<dir>/a.csv and <dir>/b.csv overlap: the first ends 2026-01-05T12:00:59.002Z")
    );
    let overlap =
        bench(&quotes("", &["a.csv", "b.csv"]), &[("a.csv", rows(50, 60, 0, 0)), ("b.csv", rows(0, 60, 0, 0))]);
    assert!(overlap.refusal().starts_with("<dir>/b.csv and <dir>/a.csv overlap"));
    let named_twice = bench(&quotes("", &["a.csv", "a.csv"]), &[("a.csv", rows(0, 60, 0, 0))]).refusal();
    assert!(named_twice.contains("[[file]] 'a.csv' stands twice for one series"), "{named_twice}");
}

const PRINTS: &str =
    "[columns.trades]\nexch_ts = 't'\nrecv_ts = 'r'\npx = 'p'\nqty = 'q'\ntaker_side = 's'\ntrade_id = 'id'\n";

fn prints(files: &[&str]) -> String {
    let file = |path: &&str| {
        format!("[[file]]\npath = '{path}'\ntable = 'trades'\nvenue = 'va'\nsymbol = 'BTC'\ntime_unit = 'ms'\n")
    };
    PRINTS.to_string() + &files.iter().map(file).collect::<String>()
}

/// A print `id` of second `id`, received `late` ms after.
fn print(id: i64, late: i64, px: &str) -> String {
    format!("{},{},{px},1,buy,{id}\n", T0 + 1000 * id, T0 + 1000 * id + late)
}

#[test]
fn a_print_that_is_sent_again_counts_once() {
    let head = "t,r,p,q,s,id\n".to_string();
    let first: String = (1..=5).map(|id| print(id, 2, "99.5")).collect();
    // sent again hours later, in the same file and in the next one
    let again: String = (1..=5).map(|id| print(id, 7_200_000 + 5 - id, "99.5")).collect();
    let next =
        head.clone() + &(3..=5).map(|id| print(id, 9_000_000, "99.5")).collect::<String>() + &print(9001, 2, "99.6");
    let files = [("a.csv", head.clone() + &first + &again), ("b.csv", next)];
    let bench_two = bench(&prints(&["b.csv", "a.csv"]), &files);
    let text = bench_two.import().expect("an import").text();
    assert!(
        text.contains("a.csv: 5 trades of va/BTC; 0 recv_ts and 0 exch_ts raised; 5 prints that were there before"),
        "{text}"
    );
    assert!(text.contains("b.csv: 1 trades of va/BTC; 0 recv_ts and 0 exch_ts raised; 3 prints"), "{text}");
    assert_eq!(
        bench_two.rows::<NumberedTrade>("va").iter().map(|p| p.id).collect::<Vec<_>>(),
        [1, 2, 3, 4, 5, 9001].map(Some)
    );
    // numbers that are texts
    let texts = |text: &str| text.replace(",buy,", ",buy,0x-");
    let named = bench(&prints(&["a.csv"]), &[("a.csv", texts(&(head.clone() + &first + &again)))]);
    assert!(named.import().expect("an import").text().contains("5 prints that were there before"));
    // a number with other content, said once
    let other: String = (2..=4).map(|id| print(id, 60_000, "99.4")).collect();
    let text = bench(&prints(&["a.csv"]), &[("a.csv", head + &first + &other)]).refusal();
    for want in [
        "a.csv: line 7: trade_id is 2; wanted one print for each number: a.csv, line 3, has it with another price",
        "(3 such rows in all; ",
    ] {
        assert!(text.contains(want), "{want} in {text}");
    }
}

fn funding(rows: &[(i64, &str, u32)]) -> Bench {
    let map = "[columns.funding]\nts = 't'\nrate = 'r'\ninterval_hours = 'h'\n[[file]]\npath = 'f.csv'\ntable = 'funding'\n\
               venue = 'va'\nsymbol = 'BTC'\ntime_unit = 'ms'\n";
    let rows: String = rows.iter().map(|(ms, rate, hours)| format!("{},{rate},{hours}\n", T0 + ms)).collect();
    bench(map, &[("f.csv", "t,r,h\n".to_string() + &rows)])
}

const HOUR: i64 = 3_600_000;

#[test]
fn a_settlement_is_one_whatever_its_milliseconds() {
    let jitter = funding(&[(0, "0.001", 1), (HOUR, "0.001", 1), (HOUR + 3, "0.001", 1), (2 * HOUR + 11, "0.001", 1)]);
    let text = jitter.import().expect("an import").text();
    assert!(
        text.contains("f.csv: 3 funding of va/BTC") && text.contains("1 settlements that were there before"),
        "{text}"
    );
    assert_eq!(jitter.rows::<FundingRow>("va").len(), 3);
    let text = funding(&[(0, "0.001", 1), (HOUR, "0.001", 1), (HOUR + 3, "0.002", 1)]).refusal();
    assert!(
        text.contains("line 4: rate is 0.002; wanted one rate for the settlement of 2026-01-05T13:00:00Z; f.csv, line 3, has 0.001"),
        "{text}"
    );
}

#[test]
fn an_interval_is_the_one_at_which_settlements_come() {
    let hours = |bench: &Bench| bench.rows::<FundingRow>("va").iter().map(|r| r.interval_hours).collect::<Vec<_>>();
    let hourly = funding(&[(0, "0", 8), (HOUR, "0", 8), (2 * HOUR + 7, "0", 8), (3 * HOUR, "0", 8)]);
    let text = hourly.import().expect("an import").text();
    assert!(text.contains("4 settlements say an interval of 8 h and come every 1 h: read as 1 h"), "{text}");
    assert_eq!(hours(&hourly), [1, 1, 1, 1]);
    // from 8 h to 4 h to 1 h, as stated and as not
    let change = [(0, 8), (8, 8), (16, 8), (20, 4), (24, 4), (25, 1)];
    let stated: Vec<_> = change.iter().map(|&(hour, hours)| (hour * HOUR, "0", hours)).collect();
    let right = funding(&stated);
    assert!(!right.import().expect("an import").text().contains("read as"));
    assert_eq!(hours(&right), [8, 8, 8, 4, 4, 1]);
    let unchanged: Vec<_> = change.iter().map(|&(hour, _)| (hour * HOUR, "0", 8)).collect();
    let followed = funding(&unchanged);
    let text = followed.import().expect("an import").text();
    assert!(
        text.contains("1 settlements say an interval of 8 h and come every 1 h: read as 1 h, 2 settlements say"),
        "{text}"
    );
    assert_eq!(hours(&followed), [8, 8, 8, 4, 4, 1]);
    // a hole in hourly settlements is a hole
    let hole: Vec<_> = [0, 1, 2, 4, 5].map(|hour| (hour * HOUR, "0", 8)).to_vec();
    let hole = funding(&hole);
    hole.import().expect("an import");
    assert_eq!(hours(&hole), [1, 1, 1, 1, 1]);
    // at no interval of any venue
    let text = funding(&[(0, "0", 8), (HOUR * 5, "0", 8)]).refusal();
    assert!(
        text.contains("interval_hours is 8; wanted no more than the 5.00 h since the settlement before it"),
        "{text}"
    );
    // less often than stated: settlements are missing, which a replay refuses
    let holes = funding(&[(0, "0", 1), (8 * HOUR, "0", 1)]);
    holes.import().expect("an import");
    assert_eq!(hours(&holes), [1, 1]);
    let rarer: Vec<_> = (0..5).map(|k| (8 * k * HOUR, "0", 1)).collect();
    let text = funding(&rarer).import().expect("an import").text();
    assert!(
        text.contains("say an interval of 1 h and come every 8 h: some are missing, or interval_hours is 8"),
        "{text}"
    );
}
