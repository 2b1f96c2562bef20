//! The winner's trades, each with where its money came from.

use crate::ledger::Line;
use crate::report::view::View;
use crate::report::{Trade, shown, text};
use maud::{Markup, html};

pub fn body(view: &View) -> Option<Markup> {
    let all = &view.input.trades;
    if all.is_empty() {
        return None;
    }
    let shown: Vec<&Trade> = shown(all).into_iter().map(|i| &all[i]).collect();
    let used = |line: &&Line| shown.iter().any(|t| (0..2).any(|leg| t.lines.0[leg][**line as usize] != 0));
    let lines: Vec<Line> = Line::ALL.iter().filter(used).copied().collect();
    let places = text::places(shown.iter().map(|trade| trade.net()));
    Some(html! {
        p.note {
            @if shown.len() < all.len() {
                "The " (text::counted(shown.len() as u64, "round trip")) " of " (text::count(all.len() as u64))
                " that gained or lost most, in order of time; all are in trades.parquet. "
            } @else { "All " (text::counted(all.len() as u64, "round trip")) ". " }
            "Each trade's money is split by where it came from, " (view.input.quote) ". Times are UTC. A number shows its trade "
            "closely, over price and spread."
        }
        div.scroll.high tabindex="0" role="region" aria-label="Trades" {
            table.sortable #trade-list {
                thead { tr {
                    (heading("#", "num stick")) (heading("Opened", "")) (heading("Held", "num")) (heading("States", ""))
                    (heading("Closed by", "")) (heading("Net", "num"))
                    @for line in &lines { (heading(line.name(), "num")) }
                } }
                tbody { @for trade in &shown { (row(view, trade, &lines, places)) } }
            }
        }
    })
}

fn heading(name: &str, class: &str) -> Markup {
    html! { th scope="col" class=[(!class.is_empty()).then_some(class)] { button type="button" { (name) } } }
}

fn row(view: &View, trade: &Trade, lines: &[Line], places: usize) -> Markup {
    let held_out = view.input.spans.has_held_out() && trade.opened >= view.input.spans.held_out;
    let held = trade.closed.since(trade.opened) as f64 * 1e-9;
    let net = trade.net();
    html! {
        tr {
            th.num.stick scope="row" data-v=(trade.number) {
                @if trade.view.is_some() {
                    a.look href="#market" data-trade=(trade.number) aria-label={ "Show trade " (trade.number) " over price and spread" } { (trade.number) }
                } @else { (trade.number) }
            }
            td.when data-v=(trade.opened.0) { (text::moment(trade.opened)) @if held_out { " " span.tag { "held out" } } }
            td.num data-v=(held) { (text::duration(held)) }
            td.path { (trade.path()) }
            td { (text::words(trade.reason())) }
            (super::money_cell(net, places))
            @for line in lines { (super::money_cell(trade.lines.as_f64(*line), places)) }
        }
    }
}
