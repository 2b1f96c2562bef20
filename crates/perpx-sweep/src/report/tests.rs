//! The whole report of made-up runs.

use super::*;
use perpx_core::units::Time;
use std::fs;
use std::time::Instant;

fn html(input: &Input) -> String {
    page::page(&View::new(input).unwrap())
}

#[test]
fn the_page_asks_the_network_for_nothing() {
    let page = html(&fake::input(500));
    for needle in ["http:", "https:", "//cdn", "src=", "<link", "@import", "url(http"] {
        assert!(!page.contains(needle), "{needle} in the page");
    }
    assert!(page.contains("default-src 'none'"));
}

#[test]
fn names_from_outside_are_escaped() {
    let mut input = fake::input(2);
    let evil = "<script>alert(1)</script>\"'&";
    input.name = evil.to_owned();
    input.symbol = evil.to_owned();
    input.quote = evil.to_owned();
    input.venues = [evil.to_owned(), evil.to_owned()];
    input.objective.metric = evil.to_owned();
    input.objective.require = vec![evil.to_owned()];
    input.axes[0].name = evil.to_owned();
    input.axes[0].values = vec![evil.to_owned(); 2];
    input.warnings = vec![Warning { level: Level::Severe, text: evil.to_owned() }];
    input.board.rows[0].id = evil.to_owned();
    input.provenance = vec![Fact { name: evil.to_owned(), value: evil.to_owned() }];
    input.gates[0].condition = evil.to_owned();
    let page = html(&input);
    assert!(!page.contains("<script>alert"), "an unescaped name");
    assert!(page.contains("&lt;script&gt;alert"));
    assert!(page.contains("\\u003cscript>alert"), "in the JSON too");
    assert_eq!(page.matches("<script").count(), 2, "the data and the script, no more");
}

/// HTML closes no SVG shape by itself: one left open would swallow the rest of its chart.
#[test]
fn every_shape_is_closed() {
    let page = html(&fake::input(500));
    for shape in ["line", "rect", "path", "circle", "text", "g", "svg", "figure", "table", "td", "th", "tr"] {
        let open = page.matches(&format!("<{shape} ")).count() + page.matches(&format!("<{shape}>")).count();
        assert_eq!(open, page.matches(&format!("</{shape}>")).count(), "<{shape}>");
    }
}

/// Paths in a folder, in order.
fn files(dir: &Path) -> Vec<PathBuf> {
    let mut paths: Vec<PathBuf> = fs::read_dir(dir).unwrap().map(|entry| entry.unwrap().path()).collect();
    paths.sort();
    paths
}

#[test]
fn the_same_input_gives_the_same_bytes() {
    let (a, b) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let input = fake::input(2);
    let [first, second] = [&a, &b].map(|dir| {
        write(&input, dir.path()).unwrap();
        files(dir.path())
    });
    assert!(first.len() > 5 && first.len() == second.len());
    for (one, two) in first.iter().zip(&second) {
        assert_eq!(one.file_name(), two.file_name());
        assert!(fs::read(one).unwrap() == fs::read(two).unwrap(), "{}", one.display());
    }
    let hidden = |path: &PathBuf| path.file_name().unwrap().to_string_lossy().starts_with('.');
    assert!(!first.iter().any(hidden), "nothing hidden is left behind: {first:?}");
}

#[test]
fn a_folder_that_is_not_there_is_named() {
    let dir = tempfile::tempdir().unwrap();
    let text = write(&fake::input(2), &dir.path().join("nowhere")).err().unwrap().to_string();
    assert!(text.contains("nowhere/report.html: cannot be written: No such file"), "{text}");
}

#[test]
fn a_missing_figure_is_a_dash() {
    let mut input = fake::input(2);
    let winner = input.winner.as_mut().unwrap();
    (winner.metric, winner.oos_metric, winner.neighbours) = (None, Some(f64::NAN), Some(f64::INFINITY));
    input.points.iter_mut().for_each(|p| p.metric = None);
    input.board.rows.iter_mut().flat_map(|r| &mut r.values).for_each(|v| *v = None);
    let page = html(&input);
    assert!(page.contains("<td class=\"num\">–</td>"));
    for word in ["NaN", "inf<", "None<", "null<"] {
        assert!(!page.contains(&format!(">{word}")), "{word}");
    }
}

#[test]
fn every_anchor_of_the_menu_exists_and_ids_are_unique() {
    let page = html(&fake::input(500));
    for part in page.split("href=\"#").skip(1) {
        let anchor = part.split('"').next().unwrap();
        assert!(page.contains(&format!("id=\"{anchor}\"")), "#{anchor}");
    }
    let mut ids: Vec<&str> = page.split(" id=\"").skip(1).filter_map(|p| p.split('"').next()).collect();
    let all = ids.len();
    ids.sort_unstable();
    ids.dedup();
    assert_eq!(ids.len(), all);
}

#[test]
fn a_run_without_a_winner_or_with_nothing_at_all_still_has_a_page() {
    let mut input = fake::input(500);
    input.winner = None;
    input.points.iter_mut().for_each(|p| p.eligible = false);
    (input.board.rows, input.curves, input.money) = (Vec::new(), Vec::new(), None);
    let page = html(&input);
    assert!(page.contains("No configuration meets every requirement"));
    assert!(page.contains("id=\"heatmaps\""), "all of them are shown instead");
    let spans = Spans { to: Time(1), embargo: Time(1), held_out: Time(1), ..Spans::default() };
    assert!(html(&Input { spans, ..Input::default() }).contains("Provenance"));
}

#[test]
fn what_ranks_first_is_no_winner_without_a_value_or_a_requirement_met() {
    let mut input = fake::input(500);
    assert!(html(&input).contains("What won"));
    let won = input.winner.as_ref().expect("a winner").metric;
    input.winner.as_mut().expect("a winner").metric = None;
    let page = html(&input);
    assert!(
        page.contains("What ranks first") && page.contains("is no winner: no configuration has a Sharpe"),
        "no value"
    );
    input.winner.as_mut().expect("a winner").metric = won;
    input.counts.eligible = 0;
    let page = html(&input);
    assert!(page.contains("that ran and is no winner: it does not meet every requirement"), "none meets");
    assert!(!page.contains("ranks first of 0"));
}

#[test]
fn a_page_over_the_symbols_links_to_each_and_says_which_has_no_winner() {
    let mut input = fake::input(500);
    let view = View::new(&input).unwrap();
    let won = SymbolRow { symbol: "BTC".to_owned(), ..view.symbol_row() };
    input.counts.eligible = 0;
    let none = SymbolRow { symbol: "ETH".to_owned(), ..View::new(&input).unwrap().symbol_row() };
    assert!(won.wins && !none.wins && !none.severe.is_empty());
    let page = super::page::symbols::page("two", "sharpe", &[won.clone(), none]);
    for words in
        ["href=\"BTC/report.html\"", "href=\"ETH/report.html\"", &won.id, ">none<", "2 symbols", "Marks of grvt"]
    {
        assert!(page.contains(words), "{words}");
    }
    assert!(page.matches(&won.id).count() == 1, "a winner is named once, what is none is not");
}

#[test]
fn worlds_that_are_equal_are_said_to_be() {
    let mut input = fake::input(500);
    let worst = input.winner.as_ref().expect("a winner").metric;
    let count = input.worlds.len();
    input.worlds.iter_mut().for_each(|world| world.metric = worst.map(|worst| worst + 1.0));
    input.worlds[..3].iter_mut().for_each(|world| world.metric = worst);
    assert!(html(&input).contains(&format!("In its worst of {count} worlds, equal in 3 of them: ")));
    input.worlds.iter_mut().for_each(|world| world.metric = worst);
    assert!(html(&input).contains(&format!("It is equal in all {count} worlds.")));
}

#[test]
fn every_section_is_there() {
    let page = html(&fake::input(500));
    let sections = [
        "summary",
        "why",
        "when",
        "idle",
        "margin",
        "capacity",
        "glossary",
        "leaderboard",
        "equity",
        "market",
        "trades",
        "money",
        "funding",
        "legging",
        "guard",
        "heatmaps",
        "axes",
        "parallel",
        "distribution",
        "faults",
        "worlds",
        "behaviour",
        "data",
        "provenance",
    ];
    for section in sections {
        assert!(page.contains(&format!("<section id=\"{section}\"")), "{section}");
    }
    for control in ["theme", "filters", "filter", "filter-clear", "board", "zoom", "zoom-back", "zoom-on", "trade-list"]
    {
        assert!(page.contains(&format!(" id=\"{control}\"")), "{control}");
    }
}

/// A part of the page by its anchor.
fn part<'a>(page: &'a str, anchor: &str) -> &'a str {
    let part = &page[page.find(&format!("<section id=\"{anchor}\"")).unwrap()..];
    &part[..part.find("</section>").unwrap()]
}

/// Text without its tags.
fn words(part: &str) -> String {
    let text: Vec<&str> = part.split('<').map(|piece| piece.split_once('>').map_or(piece, |piece| piece.1)).collect();
    text.concat()
}

/// 10,000 traded in sample for a fee of 2, of 4 by the venues' tiers, and 5 made: 3 left there, and nothing at 7 bp.
#[test]
fn the_first_screen_says_what_fees_do() {
    let mut input = fake::input(2);
    let fill = Fill { notional: 10_000.0, fee: -2.0, venue_fee: Some(-4.0), ..input.detail.fills[0] };
    input.detail.fills = vec![fill, Fill { is_held_out: true, fee: -50.0, ..fill }];
    let money = input.money.as_mut().unwrap();
    money.in_sample = perpx_core::ledger::Lines::default();
    money.in_sample.add(
        perpx_core::market::Role::Long,
        perpx_core::ledger::Line::Price,
        perpx_core::units::Cash::units(5).into(),
    );
    let page = html(&input);
    let said = words(part(&page, "summary"));
    assert!(said.contains("At the venues' own fees3.00\u{a0}USDT ± "), "{said}");
    assert!(said.contains("4.00 bp a fill; the sweep's 2.00nothing left at 7.00 bp, same fills"), "{said}");
    input.detail.net_at_venue_fees = Some(2.5);
    let said = words(part(&html(&input), "summary"));
    assert!(said.contains("At the venues' own fees2.50\u{a0}USDT ± "), "{said}");
    assert!(said.contains("run again at 4.00 bp a fill; the sweep's 2.00; the same fills 3.00\u{a0}USDT"), "{said}");
    input.detail.fills[0].venue_fee = None;
    let said = words(part(&html(&input), "summary"));
    assert!(said.contains("At the fees of the file5.00\u{a0}USDT ± ") && said.contains("the sweep's 2.00"), "{said}");
}

#[test]
fn the_first_screen_holds_verdict_luck_and_errors() {
    let mut input = fake::input(500);
    let said = words(part(&html(&input), "summary"));
    assert!(said.starts_with("Shall I deploy this?Weak. Not proven: deploy it small, if at all. Best of 12"), "{said}");
    for words in
        ["look this good in 5.9 of 100 such histories", "winner 4.0", "95 of 100 below 3.6", "3 stand on their own"]
    {
        assert!(said.contains(words), "{words} in {said}");
    }
    // the held-out money of the lines, the error of the held-out intervals
    let held_out: Vec<f64> = input.detail.intervals.iter().filter(|i| i.is_held_out).map(|i| i.made).collect();
    let error = super::course::sum(&held_out).unwrap().error;
    let net = text::money(input.money.as_ref().unwrap().held_out.total());
    let shown = format!("Net, held out{}\u{a0}USDT ± {}", text::fixed(net, 2), text::fixed(error, 2));
    assert!(said.contains(&shown), "{shown} in {said}");
    assert!(said.contains("± 0.60") && said.contains("worst of 9 worlds"), "the worst world has its error: {said}");
    let verdict = input.verdict.as_mut().unwrap();
    verdict.grade = "refused".to_owned();
    verdict.checks[0] = PageCheck {
        name: "length".to_owned(),
        text: "4.9 days; about 14 would do".to_owned(),
        ..verdict.checks[0].clone()
    };
    input.luck = None;
    let said = words(part(&html(&input), "summary"));
    assert!(said.contains("Refused. Do not deploy it.") && !said.contains("of 100 such histories"), "{said}");
    assert!(said.contains("Is it luck? Too short to say. 4.9 days; about 14 would do."), "{said}");
}

#[test]
fn worlds_and_held_out_have_their_errors() {
    let mut input = fake::input(500);
    input.worlds[0].metric = Some(5.0);
    input.worlds[0].oos_metric = input.winner.as_ref().unwrap().oos_metric;
    let page = html(&input);
    assert!(words(part(&page, "worlds")).contains("5.00 ± 0.60"));
    assert!(words(part(&page, "why")).contains(", give or take 1.40 in the world that is its worst there"));
}

#[test]
fn equal_ledgers_stand_once_among_the_best() {
    let page = html(&fake::input(500));
    let best = &page[page.find("id=\"best\"").unwrap()..];
    let best = &best[..best.find("</table>").unwrap()];
    let ranks: Vec<&str> =
        best.split("<th class=\"num\" scope=\"row\">").skip(1).map(|row| row.split('<').next().unwrap()).collect();
    assert_eq!(ranks, ["1", "2", "4", "5", "6", "7", "8", "9", "10", "11"], "the third did what the second did");
    assert_eq!(best.matches("<td class=\"num\">2</td>").count(), 1, "two configurations did it");
}

#[test]
fn cells_that_do_not_stand_above_luck_are_pale() {
    let mut input = fake::input(500);
    let pale = |input: &Input| part(&html(input), "heatmaps").matches(" pale\"").count();
    assert!(pale(&input) > 0);
    assert!(words(part(&html(&input), "heatmaps")).contains("pale cells hold none"));
    input.points.iter_mut().for_each(|point| point.stands = Some(true));
    assert_eq!(pale(&input), 0);
    input.points.iter_mut().for_each(|point| point.stands = None);
    assert_eq!(pale(&input), 0);
    assert!(words(part(&html(&input), "heatmaps")).contains("what stands above luck is too short to say"));
}

#[test]
fn locks_let_go_on_purpose_are_no_legging() {
    let mut input = fake::input(500);
    let one = input.detail.legging[0];
    let row = |ending| Legging { ending, seconds: 2.0, ..one };
    use perpx_core::stats::Ending::{Matched, Unlocked};
    input.detail.legging = vec![row(Matched), row(Unlocked), row(Unlocked)];
    let said = words(part(&html(&input), "legging"));
    assert!(said.contains("Left out: 2 locks let go on purpose") && !said.contains("unlocked"), "{said}");
    input.detail.legging = vec![row(Unlocked)];
    assert!(html(&input).contains("never unmatched where they should not be"));
}

#[test]
fn every_term_is_in_the_glossary() {
    let page = html(&fake::input(500));
    let terms: Vec<&str> =
        page.split("aria-describedby=\"").skip(1).map(|rest| rest.split('"').next().unwrap()).collect();
    assert!(terms.len() > 10, "{terms:?}");
    for term in terms {
        assert!(page.contains(&format!("<dd id=\"{term}\">")), "{term}");
    }
}

/// A row a latency, a column a reject rate, or the other way round: each cell is the winner in that world.
#[test]
fn the_fault_matrix_shows_the_winner_in_every_world() {
    let mut input = fake::input(2);
    input.worlds.iter_mut().zip(1..).for_each(|(world, n)| world.metric = Some(f64::from(n) * 100.0));
    let view = super::view::View::new(&input).unwrap();
    let [map] = &view.faults[..] else { panic!("one pair of world axes") };
    let (x, y) = (&view.world_names[map.x.axis], &view.world_names[map.y.axis]);
    let cells: Vec<Option<f64>> = map.cells.iter().map(|cell| cell.worst).collect();
    let by = |figures: [i32; 9]| figures.map(|n| Some(f64::from(n) * 100.0)).to_vec();
    match (x.as_str(), y.as_str()) {
        ("median_ms", "reject_rate") => assert_eq!(cells, by([1, 4, 7, 2, 5, 8, 3, 6, 9])),
        other => panic!("{other:?}"),
    }
    assert_eq!(map.winner, Some(8));
    let page = html(&input);
    let start = page.find("<section id=\"faults\"").unwrap();
    let part = &page[start..start + page[start..].find("</section>").unwrap()];
    assert!(part.contains("<span>900</span>") && part.contains(" win"), "{part}");
}

#[test]
fn no_figure_is_not_a_number() {
    for size in [2, 500] {
        let page = html(&fake::input(size));
        let words = page[..page.find("<script").unwrap()].split(|c: char| !c.is_ascii_alphanumeric());
        let wrong: Vec<&str> = words.filter(|word| ["NaN", "inf"].contains(word)).collect();
        assert!(wrong.is_empty(), "{size}: {wrong:?}");
    }
}

#[test]
fn the_data_for_the_script_can_be_read() {
    let page = html(&fake::input(500));
    let start = page.find("id=\"page-data\">").unwrap() + "id=\"page-data\">".len();
    let end = start + page[start..].find("</script>").unwrap();
    let data: serde_json::Value = serde_json::from_str(&page[start..end]).unwrap();
    let trade = &data["trades"]["85"];
    assert_eq!(trade["n"], 160);
    assert_eq!(trade["rows"][2]["hi"]["d"].as_str().unwrap().len(), 3 * 160);
    assert_eq!(trade["steps"][2][2], 1, "the third step is the lock");
    assert_eq!(data["charts"]["equity"]["rows"].as_array().unwrap().len(), 6, "five curves and a drawdown");
}

#[test]
fn a_trade_that_the_data_cut_off_is_listed_and_marked_and_the_sums_are_the_runs() {
    let input = fake::input(500);
    let page = html(&input);
    let list = &page[page.find("id=\"trade-list\"").unwrap()..];
    let list = &list[..list.find("</table>").unwrap()];
    assert_eq!(list.matches("open at the end</span>").count(), 1);
    assert!(page.contains("1 was open at the end of the data and closed there"));
    let held_out = |trade: &&Trade| trade.opened >= input.spans.held_out;
    let net = |wanted: bool| input.detail.trades.iter().filter(|t| held_out(t) == wanted).map(Trade::net).sum::<f64>();
    let sum = |name: &str| {
        let row = &list[list.find(&format!(">{name}")).unwrap_or_else(|| panic!("{name}"))..];
        let value = &row[row.find("data-v=\"").unwrap() + 8..];
        value[..value.find('"').unwrap()].parse::<f64>().unwrap()
    };
    assert!((sum("In sample, ") - net(false)).abs() < 1e-9);
    assert!((sum("Held out, net") - net(true) - input.detail.outside[1].total().as_f64()).abs() < 1e-9);
    assert!(!list.contains("In sample, outside"), "there is nothing outside");
}

#[test]
fn of_many_trades_the_telling_ones_are_listed() {
    let mut input = fake::input(2);
    let one = input.detail.trades[0].clone();
    input.detail.trades = (1..=1_000).map(|number| Trade { number, view: None, ..one.clone() }).collect();
    input.detail.trades[700].lines = input.detail.trades[1].lines.minus(&input.detail.trades[2].lines);
    assert_eq!(input.detail.trades[700].net(), 0.0);
    let listed = shown(&input.detail.trades);
    assert_eq!((listed.len(), listed[0]), (200, 0));
    assert!(listed.windows(2).all(|pair| pair[0] < pair[1]) && !listed.contains(&700));
    assert!(html(&input).contains("The 200 trades of 1,000 that gained or lost most"));
}

#[test]
fn more_configurations_cost_no_more_elements() {
    let page = |size: usize| html(&fake::input(size));
    let elements = |page: &str| page.matches("</").count();
    let (small, large) = (page(500), page(100_000));
    let (few, many) = (elements(&small), elements(&large));
    assert!(many < 12_000, "{many} elements");
    assert!(many < few * 6, "{few} elements became {many}");
    assert!(large.len() < 2 << 20, "{} bytes", large.len());
}

/// For a look: `cargo test report::tests::to_look_at -- --ignored --nocapture` writes reports into the temporary folder.
#[test]
#[ignore = "writes into the temporary folder"]
fn to_look_at() {
    for size in [2, 500, 10_000, 100_000] {
        let dir = std::env::temp_dir().join(format!("perpx-report-{size}"));
        fs::create_dir_all(&dir).unwrap();
        let input = fake::input(size);
        let start = Instant::now();
        write(&input, &dir).unwrap();
        let time = start.elapsed();
        let files = files(&dir);
        let bytes: u64 = files.iter().map(|f| fs::metadata(f).unwrap().len()).sum();
        let page = fs::metadata(dir.join("report.html")).unwrap().len();
        println!("{size}: {time:.2?}, page {page} bytes, {} files of {bytes} bytes in {}", files.len(), dir.display());
    }
}
