//! The page over several symbols: a row each, with a link to its own page.

use super::{document, sign};
use crate::report::{SymbolRow, Unit, text};
use maud::{Markup, html};

pub fn page(name: &str, metric: &str, rows: &[SymbolRow]) -> String {
    // money beside an objective that is none
    let with_money = metric != "net_pnl";
    let metric = text::words(metric);
    let body = html! {
        header { div {
            p.kicker { "perpx sweep" }
            h1 { (name) }
            p.lead { (text::counted(rows.len() as u64, "symbol")) ", each swept on its own with its own account: nothing is added up over them." }
        } }
        main {
            section id="symbols" aria-labelledby="h-symbols" {
                h2 id="h-symbols" { "Symbols" }
                div.scroll tabindex="0" role="region" aria-label="Symbols" { (table(&metric, with_money, rows)) }
            }
            section id="warnings" aria-labelledby="h-warnings" {
                h2 id="h-warnings" { "Not to be used as it stands" }
                @if rows.iter().all(|row| row.severe.is_empty()) { p { "Nothing speaks against a winner." } }
                @for row in rows.iter().filter(|row| !row.severe.is_empty()) {
                    div.warn.severe { strong { (row.symbol) } ul { @for text in &row.severe { li { (text) } } } }
                }
            }
        }
    };
    document(&[name, &text::counted(rows.len() as u64, "symbol")], body)
}

fn table(metric: &str, with_money: bool, rows: &[SymbolRow]) -> Markup {
    let figure = |value: Option<f64>, unit: Unit, quote: &str| html! { td class=(sign(value)) { (text::measured(value, unit, quote)) } };
    html! {
        table {
            thead { tr {
                th scope="col" { "Symbol" }
                th scope="col" { "Winner" }
                th.num scope="col" { (metric) }
                th.num scope="col" { (metric) small { "held out" } }
                th.num scope="col" { (metric) small { "median of neighbours" } }
                @if with_money {
                    th.num scope="col" { "Net PnL" }
                    th.num scope="col" { "Net PnL" small { "held out" } }
                }
                th.num scope="col" { "Configurations" }
            } }
            tbody { @for row in rows {
                tr {
                    th scope="row" { a href={ (row.symbol) "/report.html" } { (row.symbol) } }
                    td { @if row.wins { code { (row.id) } } @else { span.tag { "none" } } }
                    (figure(row.metric, row.unit, &row.quote))
                    (figure(row.oos_metric, row.unit, &row.quote))
                    (figure(row.neighbours, row.unit, &row.quote))
                    @if with_money {
                        (figure(row.net, Unit::Money, &row.quote))
                        (figure(row.oos_net, Unit::Money, &row.quote))
                    }
                    td.num { (text::count(row.configurations)) }
                }
            } }
        }
    }
}
