//! The page: one HTML file with its style, script and data inside.

mod behaviour;
mod board;
mod chart;
mod choices;
pub mod clock;
pub mod costs;
mod course;
mod curves;
mod data;
mod first;
mod glossary;
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
    folds: Folds,
}

/// Whether a part is shown without being asked for.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Folds {
    Never,
    /// On a telephone it is not.
    Narrow,
    Always,
}

impl Section {
    fn markup(&self) -> Markup {
        let heading = html! { h2 id={ "h-" (self.anchor) } { (self.title) } };
        html! {
            section id=(self.anchor) aria-labelledby={ "h-" (self.anchor) } {
                @match self.folds {
                    Folds::Never => { (heading) (self.body) }
                    Folds::Narrow => { details.part.roomy open { summary { (heading) } (self.body) } }
                    Folds::Always => { details.part { summary { (heading) } (self.body) } }
                }
            }
        }
    }
}

/// The whole page. Parts without data are left out, but for those whose absence would be news.
pub fn page(view: &View) -> String {
    let input = view.input;
    let mut sections = Vec::new();
    let mut push = |folds, anchor, title, body: Option<Markup>| {
        sections.extend(body.map(|body| Section { anchor, title, body, folds }));
    };
    push(Folds::Never, "summary", "Shall I deploy this?", Some(first::body(view)));
    push(Folds::Never, "why", "What won, and what speaks for it", Some(summary::body(view)));
    push(Folds::Never, "leaderboard", "The best ten", Some(board::body(view)));
    push(Folds::Never, "front", "Several objectives: the front", board::front(view));
    push(Folds::Never, "heatmaps", "Heatmaps", heat::body(view));
    push(Folds::Narrow, "choices", "Chosen by some of the time, held against the rest", choices::body(view));
    push(Folds::Never, "money", "Where the money came from", money::body(view));
    push(Folds::Never, "when", "When it earned", course::when(view));
    push(Folds::Narrow, "idle", "Idle, and which condition was missing", course::idle(view));
    push(Folds::Never, "margin", "Margin, and distance to liquidation", course::margin(view));
    push(Folds::Narrow, "capacity", "How much it carries", course::capacity(view));
    push(Folds::Narrow, "legging", "Legging", costs::legging(view));
    push(Folds::Narrow, "worlds", "Worlds", data::worlds(view));
    push(Folds::Always, "faults", "Fault matrix", heat::faults(view));
    push(Folds::Always, "equity", "Equity and drawdown of the best", curves::body(view));
    push(Folds::Always, "market", "States over price and spread", market::body(view));
    push(Folds::Always, "trades", "Trades", trades::body(view));
    push(Folds::Always, "funding", "Funding by settlement", costs::funding(view));
    push(Folds::Always, "guard", "Funding guard", costs::guards(view));
    push(Folds::Always, "axes", "Axis by axis", shape::slices(view));
    push(Folds::Always, "parallel", "Parallel coordinates of the top", parallel::body(view));
    push(Folds::Always, "distribution", "All configurations", shape::distribution(view));
    push(Folds::Always, "behaviour", "States, transitions, gate", behaviour::body(view));
    push(Folds::Always, "data", "Data quality", data::quality(view));
    push(Folds::Always, "provenance", "Provenance", Some(data::provenance(view)));
    push(Folds::Always, "glossary", "What the words mean", Some(glossary::body()));
    let body = html! {
        a.skip href="#summary" { "To the summary" }
        header { (summary::masthead(view)) }
        nav aria-label="Parts of this report" {
            @for part in sections.iter().filter(|part| named(part)) { a href={ "#" (part.anchor) } { (part.anchor) } }
        }
        main {
            @for part in &sections { (part.markup()) }
        }
        div #tip role="tooltip" hidden {}
        script type="application/json" id="page-data" { (PreEscaped(data(view))) }
        script { (PreEscaped(SCRIPT)) }
    };
    document(&[&input.name, &input.symbol], body)
}

/// The menu names what is shown, and of the rest what is looked for most.
fn named(part: &Section) -> bool {
    part.folds != Folds::Always || ["market", "trades", "data", "provenance", "glossary"].contains(&part.anchor)
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
        "charts": { "first": first::data(view), "equity": curves::data(view), "market": market, "funding": costs::data(view) },
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
