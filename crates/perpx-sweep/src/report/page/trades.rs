//! The winner's trades, each with where its money came from.

use crate::report::view::View;
use crate::report::{Trade, shown, text};
use maud::{Markup, html};
use perpx_core::ledger::{Line, Lines};
use perpx_core::market::Role;
use perpx_core::units::MidValue;

pub fn body(view: &View) -> Option<Markup> {
    let all = &view.input.detail.trades;
    if all.is_empty() {
        return None;
    }
    let shown: Vec<&Trade> = shown(all).into_iter().map(|i| &all[i]).collect();
    let lists = all.iter().map(|trade| &trade.lines).chain(&view.input.detail.outside);
    let used = |line: &&Line| {
        lists.clone().any(|lines| Role::BOTH.iter().any(|role| lines.get(*role, **line) != MidValue::ZERO))
    };
    let lines: Vec<Line> = Line::ALL.iter().filter(used).copied().collect();
    let places = text::places(shown.iter().map(|trade| trade.net()));
    Some(html! {
        p.note {
            @if shown.len() < all.len() {
                "The " (text::counted(shown.len() as u64, "trade")) " of " (text::count(all.len() as u64))
                " that gained or lost most, in order of time; all are in trades.parquet. "
            } @else { "All " (text::counted(all.len() as u64, "trade")) ". " }
            @if let Some(open) = open_at_end(all) { (open) " at the end of the data and closed there: the money counts, the statistics of trades leave it out. " }
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
                tfoot { @for (name, sum) in sums(view) { (sum_row(&name, &sum, &lines, places)) } }
            }
        }
    })
}

/// "2 were open"; `None` without one.
pub fn open_at_end(trades: &[Trade]) -> Option<String> {
    match trades.iter().filter(|trade| trade.open_at_end).count() {
        0 => None,
        1 => Some("1 was open".to_owned()),
        n => Some(format!("{n} were open")),
    }
}

/// By run: its trades, listed or not, what lies outside them, and both, which is the run's money.
fn sums(view: &View) -> Vec<(String, Lines)> {
    let input = view.input;
    let is_held_out = |trade: &Trade| input.spans.has_held_out() && trade.opened >= input.spans.held_out;
    let runs: &[&str] = if input.spans.has_held_out() { &["In sample", "Held out"] } else { &["In sample"] };
    let mut out = Vec::new();
    for (run, name) in runs.iter().enumerate() {
        let of_run: Vec<&Trade> = input.detail.trades.iter().filter(|trade| is_held_out(trade) == (run == 1)).collect();
        let sum = of_run.iter().fold(Lines::default(), |sum, trade| sum.plus(&trade.lines));
        let outside = &input.detail.outside[run];
        let counted = text::counted(of_run.len() as u64, "trade");
        if *outside == Lines::default() {
            out.push((format!("{name}, {counted}"), sum));
            continue;
        }
        out.push((format!("{name}, {counted}"), sum));
        out.push((format!("{name}, outside trades"), *outside));
        out.push((format!("{name}, net"), sum.plus(outside)));
    }
    out
}

fn sum_row(name: &str, sum: &Lines, lines: &[Line], places: usize) -> Markup {
    html! {
        tr {
            th colspan="5" scope="row" { (name) }
            (super::money_cell(text::money(sum.total()), places))
            @for line in lines { (super::money_cell(sum.as_f64(*line), places)) }
        }
    }
}

fn heading(name: &str, class: &str) -> Markup {
    html! { th scope="col" class=[(!class.is_empty()).then_some(class)] { button type="button" { (name) } } }
}

fn row(view: &View, trade: &Trade, lines: &[Line], places: usize) -> Markup {
    let held_out = view.input.spans.has_held_out() && trade.opened >= view.input.spans.held_out;
    let held = trade.closed.since(trade.opened).0 as f64 * 1e-9;
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
            td { (text::words(trade.reason())) @if trade.open_at_end { " " span.tag { "open at the end" } } }
            (super::money_cell(net, places))
            @for line in lines { (super::money_cell(trade.lines.as_f64(*line), places)) }
        }
    }
}
