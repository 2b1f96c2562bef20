//! The report page as a reader meets it: in headless Chromium, wide and narrow, light and dark.

use super::not_tested::{not_tested, note};
use super::sweep::{Case, GRID, run};
use perpx::sweep::Options;
use serde_json::Value;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

const WALK: &str = include_str!("browser.js");
/// A wide screen and a telephone, in CSS pixels.
const WIDTHS: [u32; 2] = [1440, 390];

/// `PERPX_CHROMIUM`, or a Chromium by one of its usual names on the path.
pub(crate) fn chromium() -> Option<PathBuf> {
    if let Some(named) = std::env::var_os("PERPX_CHROMIUM") {
        return Some(PathBuf::from(named));
    }
    let paths = std::env::var_os("PATH")?;
    let names = ["chromium", "chromium-browser", "google-chrome"];
    std::env::split_paths(&paths).flat_map(|dir| names.map(|name| dir.join(name))).find(|path| path.is_file())
}

/// A page that holds the report in a frame of each width, one after the other (a headless window is never narrower than
/// 500 px), walks through it as each is loaded, and leaves what it found in its own text. All of it happens before the
/// page's own load event, for which Chromium waits before it prints.
fn host(report: &str) -> String {
    format!(
        r#"<!DOCTYPE html><meta charset="utf-8"><title>walk</title><pre id="found"></pre><div id="place"></div>
<script>{WALK}
const found = [], widths = {WIDTHS:?};
function open(i) {{
  const frame = document.createElement("iframe");
  frame.style = "border:0;height:900px;width:" + widths[i] + "px";
  frame.onload = () => {{
    const times = frame.contentWindow.performance.getEntriesByType("navigation")[0];
    for (const dark of [false, true]) {{
      let result;
      try {{ result = walk(frame, dark); }} catch (error) {{ result = {{ faults: [String(error)], done: {{}} }}; }}
      found.push({{ width: widths[i], dark, interactive: times && times.domContentLoadedEventEnd, ...result }});
    }}
    document.getElementById("found").textContent = JSON.stringify(found);
    if (i + 1 < widths.length) open(i + 1);
    frame.remove();
  }};
  frame.src = "{report}";
  document.getElementById("place").append(frame);
}}
open(0);
</script>"#
    )
}

/// Walks through the page; what was found wrong, and what Chromium wrote to its console.
fn walk(chromium: &Path, page: &Path) -> (Value, Vec<String>) {
    let folder = tempfile::tempdir().expect("a folder");
    let copy = folder.path().join("report.html");
    fs::copy(page, &copy).expect("copies the page");
    let host_page = folder.path().join("host.html");
    fs::write(&host_page, host("report.html")).expect("writes");
    let out = Command::new(chromium)
        .args(["--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-sync"])
        .args(["--disable-background-networking", "--disable-component-update", "--disable-dev-shm-usage"])
        // the frame and the page around it are one origin; console messages go to the error output
        .args(["--allow-file-access-from-files", "--enable-logging=stderr", "--window-size=1600,1000"])
        .arg(format!("--user-data-dir={}", folder.path().join("profile").display()))
        .arg("--dump-dom")
        .arg(format!("file://{}", host_page.display()))
        .stdin(Stdio::null())
        .output()
        .unwrap_or_else(|error| panic!("{}: {error}", chromium.display()));
    let (text, log) = (String::from_utf8_lossy(&out.stdout), String::from_utf8_lossy(&out.stderr));
    let found =
        text.split("<pre id=\"found\">").nth(1).and_then(|rest| rest.split("</pre>").next()).unwrap_or_default();
    let found = found.replace("&lt;", "<").replace("&gt;", ">").replace("&nbsp;", "\u{a0}").replace("&amp;", "&");
    let found = serde_json::from_str(&found).unwrap_or_else(|error| panic!("no answer from the page: {error}\n{log}"));
    (found, log.lines().filter(|line| line.contains("CONSOLE")).map(str::to_owned).collect())
}

/// `PERPX_REPORT` names another page to walk through, a big one for instance.
#[test]
fn the_page_does_what_a_reader_asks_of_it_wide_and_narrow_light_and_dark() {
    let Some(chromium) = chromium() else {
        not_tested("no Chromium on the path, and PERPX_CHROMIUM is not set");
        return;
    };
    let grid = GRID.replace("top = 3", "top = 8");
    let case = Case::new(&grid);
    let page = match std::env::var_os("PERPX_REPORT") {
        Some(named) => PathBuf::from(named),
        None => {
            run(&Options { quiet: true, ..case.options("run") }).expect("runs");
            case.out("run").join("report.html")
        }
    };
    let (found, console) = walk(&chromium, &page);
    let found = found.as_array().expect("a list");
    assert_eq!(found.len(), 2 * WIDTHS.len(), "every width, light and dark");
    let mut wrong = console;
    for one in found {
        let place = format!("{} px, {}", one["width"], if one["dark"] == true { "dark" } else { "light" });
        let faults = one["faults"].as_array().expect("a list");
        wrong.extend(faults.iter().map(|fault| format!("{place}: {}", fault.as_str().unwrap_or_default())));
        let parts = ["theme", "sort", "filter", "charts", "trades", "waterfall", "heatmaps", "parallel", "keyboard"];
        let more = ["anchors", "columns", "fields", "hovers", "drawings", "screens", "terms", "folds", "when"];
        for part in parts.into_iter().chain(more) {
            assert!(one["done"][part].as_f64() > Some(0.0), "{place}: {part} was not tried: {wrong:#?}");
        }
        if one["dark"] == false {
            let ms = one["interactive"].as_f64().unwrap_or(f64::NAN);
            note(&format!("report page at {} px: interactive after {ms:.0} ms", one["width"]));
            if let Some(height) = one["done"]["height"].as_f64() {
                note(&format!("report page: {:.1} screens of 900 px", height / 900.0));
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}
