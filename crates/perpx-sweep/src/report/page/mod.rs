//! The page: one HTML file with its style, script and data inside.

mod behaviour;
mod board;
pub mod clock;
pub mod costs;
mod curves;
mod data;
mod heat;
pub mod market;
mod money;
mod pack;
pub mod parallel;
mod shape;
pub mod summary;
mod svg;
pub mod symbols;
mod trades;

use super::view::View;
use super::{palette, text};
pub use heat::short;
use maud::{DOCTYPE, Markup, PreEscaped, html};
pub use money::steps;

const STYLE: &str = include_str!("../assets/style.css");
const SCRIPT: &str = concat!(include_str!("../assets/page.js"), include_str!("../assets/charts.js"));

/// Nothing may be fetched: style, script and data stand in the page itself.
const POLICY: &str = "default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'; img-src data:";

/// A part of the page: its anchor, its heading, its content.
struct Section {
    anchor: &'static str,
    title: &'static str,
    body: Markup,
}

fn section(anchor: &'static str, title: &'static str, body: Markup) -> Section {
    Section { anchor, title, body }
}

/// The whole page. Parts without data are left out, but for those whose absence would be news.
pub fn page(view: &View) -> String {
    let input = view.input;
    let mut sections = vec![
        section("summary", "Summary", summary::body(view)),
        section("leaderboard", "Leaderboard", board::body(view)),
    ];
    let mut push = |anchor, title, body: Option<Markup>| sections.extend(body.map(|b| section(anchor, title, b)));
    push("equity", "Equity and drawdown", curves::body(view));
    push("market", "States over price and spread", market::body(view));
    push("trades", "Trades", trades::body(view));
    push("money", "Where the money came from", money::body(view));
    push("funding", "Funding by settlement", costs::funding(view));
    push("legging", "Legging", costs::legging(view));
    push("guard", "Funding guard", costs::guards(view));
    push("heatmaps", "Heatmaps", heat::body(view));
    push("axes", "Axis by axis", shape::slices(view));
    push("parallel", "Parallel coordinates of the top", parallel::body(view));
    push("distribution", "All configurations", shape::distribution(view));
    push("faults", "Fault matrix", heat::faults(view));
    push("worlds", "Worlds", data::worlds(view));
    push("behaviour", "States, transitions, gate", behaviour::body(view));
    push("data", "Data quality", data::quality(view));
    push("provenance", "Provenance", Some(data::provenance(view)));
    let body = html! {
        a.skip href="#summary" { "To the summary" }
        header { (summary::masthead(view)) }
        nav aria-label="Parts of this report" {
            @for part in &sections { a href={ "#" (part.anchor) } { (part.anchor) } }
        }
        main {
            @for part in &sections {
                section id=(part.anchor) aria-labelledby={ "h-" (part.anchor) } {
                    h2 id={ "h-" (part.anchor) } { (part.title) }
                    (part.body)
                }
            }
        }
        script type="application/json" id="page-data" { (PreEscaped(data(view))) }
        script { (PreEscaped(SCRIPT)) }
    };
    document(&[&input.name, &input.symbol], body)
}

/// A whole page: its head, which needs nothing from elsewhere, and its body.
fn document(title: &[&str], body: Markup) -> String {
    let markup = html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                meta name="color-scheme" content="light dark";
                meta http-equiv="Content-Security-Policy" content=(POLICY);
                title { @for part in title { (part) " · " } "perpx" }
                style { (PreEscaped(STYLE)) (PreEscaped(themes())) }
            }
            body { (body) }
        }
    };
    markup.into_string()
}

/// What the script needs to know beyond what stands in the page.
fn data(view: &View) -> String {
    let (market, trades) = market::data(view);
    script_json(&serde_json::json!({
        "heat": heat::data(view),
        "charts": { "equity": curves::data(view), "market": market, "funding": costs::data(view) },
        "trades": trades,
        "held_out": view.input.spans.has_held_out().then(|| market::millis(view.input.spans.held_out)),
        "reasons": perpx_core::strategy::REASONS.iter().map(|name| text::words(name)).collect::<Vec<_>>(),
        "states": clock::STATE_NAMES,
        "quote": view.input.quote,
    }))
}

/// The palette as style rules: by the system's wish, or by the reader's.
fn themes() -> String {
    let dark = palette::rules(":root:not([data-theme=light])", true);
    format!(
        "{}@media (prefers-color-scheme: dark){{{dark}}}\n{}",
        palette::rules(":root", false),
        palette::rules(":root[data-theme=dark]", true)
    )
}

/// JSON that may stand in a script element: no `<`, so nothing in it can end the element or start another.
fn script_json(value: &serde_json::Value) -> String {
    value.to_string().replace('<', "\\u003c")
}

/// A chart in a wide and a narrow drawing, of which the style shows one.
fn figure(caption: Markup, draw: impl Fn(svg::Size) -> Markup) -> Markup {
    html! {
        figure {
            div.wide { (draw(svg::Size::Wide)) }
            div.narrow { (draw(svg::Size::Narrow)) }
            figcaption { (caption) }
        }
    }
}

/// A cell of money with `places` decimals; nothing at all is a dash.
fn money_cell(value: f64, places: usize) -> Markup {
    let shown = if value == 0.0 { text::DASH.to_owned() } else { text::fixed(value, places) };
    let class = if shown.starts_with('−') { "num neg" } else { "num" };
    html! { td class=(class) data-v=(value) { (shown) } }
}

/// A class for figures that have a sign.
fn sign(value: Option<f64>) -> &'static str {
    match value {
        Some(v) if v < 0.0 => "num neg",
        _ => "num",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn json_cannot_leave_its_element() {
        let value = serde_json::json!({ "name": "</script><b>" });
        assert_eq!(script_json(&value), r#"{"name":"\u003c/script>\u003cb>"}"#);
    }
}
