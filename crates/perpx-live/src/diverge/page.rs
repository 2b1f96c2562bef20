//! divergence.html: one document that needs nothing from elsewhere.

use super::chain::{Cause, command_words};
use super::picture::{bar, scatter};
use super::replay::{Decision, Trade};
use super::summary::{Row, Summary, signed};
use crate::panel::page::head;
use crate::panel::shown::{coins, number, time};
use maud::{DOCTYPE, Markup, PreEscaped, html};
use perpx_core::market::{Command, Role};
use perpx_core::strategy::{reason_name, state_name};
use perpx_core::units::Cash;

const STYLE: &str = include_str!("page.css");
/// Decisions that are the same on both sides and are not shown one by one.
const MOST_ROWS: usize = 2_000;

/// The document.
pub fn page(summary: &Summary) -> String {
    let day = summary.day.map_or("whole run".to_owned(), |day| day.date());
    let page = html! {
        (DOCTYPE)
        html lang="en" {
            (head(&["Divergence", &summary.run]))
            body {
                style { (PreEscaped(STYLE)) }
                main.report {
                    header {
                        h1 { "Divergence of " (summary.run) }
                        p.quiet {
                            (day) ", " (time(summary.span.0)) " to " (time(summary.span.1)) " UTC; " (summary.symbol) ", long "
                            (summary.venues[0]) ", short " (summary.venues[1]) "; configuration " (summary.configuration) "; code "
                            (summary.codes.join(", ")) "; " (summary.deaths) " deaths"
                        }
                    }
                    section { p.sentence { (summary.sentence()) } (verdict(summary)) }
                    @if summary.decision.is_none() {
                        (parts(summary))
                        (trades(summary))
                        (decisions(summary))
                        (fills(summary))
                    }
                    (latency(summary))
                    (commands(summary))
                }
            }
        }
    };
    page.into_string()
}

fn verdict(summary: &Summary) -> Markup {
    html! {
        @if let Some(fork) = &summary.decision {
            p.severe {
                "Made again from its rows and its answers the run does not decide as its journal says: rows were lost, another program ran, or this \
                 is a fault. Nothing is attributed. The first difference, here the journal, there the replay: " (fork.words(&summary.venues))
            }
        } @else {
            p { "Made again from its rows and its answers the run decides as its journal says: every command, its number, time and price." }
        }
        @for foreign in &summary.foreign {
            p.severe {
                (signed(foreign.amount)) " on " (summary.venues[foreign.role.ix()]) " at " (time(foreign.at)) ": " (foreign.what)
            }
        }
        @if let Some(why) = &summary.no_store {
            p.caution { "The store of the run could not be read as a sweep reads it, so that the last step is missing: " (why) }
        }
    }
}

/// What a part tells.
fn meaning(cause: Cause) -> &'static str {
    match cause {
        Cause::Unexplained => {
            "money that the trader did not make: entries that no order explains, balances that differ"
        }
        Cause::Funding => "settlements as booked, beside the rate and the price that the tape has",
        Cause::Fee => "fees as booked, beside the profile's",
        Cause::Fill => "fills as they were, beside simulated ones of orders that took as long: queue, depth, impact",
        Cause::Hands => "what limits, operators, deaths and the time until a restart changed",
        Cause::Latency => "messages as long as they took, beside the world that was ranked",
        Cause::Feed => "rows as they were seen, beside the store as a sweep reads it",
    }
}

/// From the replay to the run, one bar a part.
fn parts(summary: &Summary) -> Markup {
    let replay = summary.live - summary.parts.iter().map(|(_, amount)| *amount).sum::<Cash>();
    let mut at = replay.as_f64();
    let mut bars = Vec::new();
    for (cause, amount) in summary.parts.iter().rev() {
        bars.push((*cause, *amount, at, at + amount.as_f64()));
        at += amount.as_f64();
    }
    let ends = bars.iter().flat_map(|bar| [bar.2, bar.3]).chain([0.0, replay.as_f64(), summary.live.as_f64()]);
    let (low, high) = ends.fold((0.0f64, 0.0f64), |(low, high), end| (low.min(end), high.max(end)));
    let pad = (high - low).max(1e-9) * 0.02;
    let span = (low - pad, high + pad);
    let total = |name: &str, amount: Cash| {
        html! {
            tr { td { (name) } td { (signed(amount)) } td.bars { (bar(span, 0.0, amount.as_f64(), "total")) } td.words {} }
        }
    };
    html! {
        section {
            h2 { "From the sweep's replay to what happened " small { "quote money; the parts add up to the last digit" } }
            div.scroll { table.parts {
                thead { tr { th {} th { "amount" } th {} th.words { "what it is" } } }
                tbody {
                    (total(if summary.replay.is_some() { "replay" } else { "last replay" }, replay))
                    @for (cause, amount, from, to) in bars {
                        tr {
                            td { (cause.name()) }
                            td { span title=(amount.to_string()) { (signed(amount)) } }
                            td.bars { (bar(span, from, to, if amount.0 < 0 { "loss" } else { "gain" })) }
                            td.words {
                                (meaning(cause))
                                @if let Some((_, fork)) = summary.forks.iter().find(|(of, _)| *of == cause) {
                                    br; span.quiet { "decisions first differ at " (fork.words(&summary.venues)) }
                                }
                            }
                        }
                    }
                    (total("live", summary.live))
                }
            } }
        }
    }
}

fn trades(summary: &Summary) -> Markup {
    let of = |trade: &Option<Trade>| {
        html! {
            @match trade {
                Some(trade) => {
                    td { (time(trade.from)) } td { (trade.to.map_or("open".to_owned(), time)) }
                    td { (if trade.to.is_some() { reason_name(trade.reason) } else { "" }) } td { (format!("{:+.4}", trade.net.as_f64())) }
                }
                None => { td colspan="4" { "none" } }
            }
        }
    };
    html! {
        section {
            h2 { "Trades " small { (summary.trades.len()) ", the run's at the left" } }
            div.scroll { table {
                thead { tr { th { "from" } th { "to" } th { "ended by" } th { "net" } th { "from" } th { "to" } th { "ended by" } th { "net" } } }
                tbody {
                    @for (live, replay) in &summary.trades {
                        tr .alone[live.is_none() || replay.is_none()] { (of(live)) (of(replay)) }
                    }
                }
            } }
        }
    }
}

fn decisions(summary: &Summary) -> Markup {
    let differs = |row: &Row| row.differs().is_none_or(|(ms, px, qty)| ms != 0.0 || px != 0.0 || qty != 0.0);
    let shown: Vec<&Row> = summary.rows.iter().filter(|row| differs(row)).take(MOST_ROWS).collect();
    let same = summary.rows.iter().filter(|row| !differs(row)).count();
    let alone = summary.rows.iter().filter(|row| row.differs().is_none()).count();
    html! {
        section {
            h2 { "Decisions " small {
                (summary.rows.len()) " aligned: " (same) " the same to the nanosecond, " (alone) " on one side alone"
            } }
            details open[shown.len() <= 40] {
                summary { "Those that differ (" (shown.len()) ")" }
                div.scroll { table {
                    thead { tr { th { "run" } th { "replay" } th { "state" } th.words { "what" } th { "later by ms" } th { "price" } th { "coins" } } }
                    tbody { @for row in shown { (decision(summary, row)) } }
                } }
            }
        }
    }
}

fn decision(summary: &Summary, row: &Row) -> Markup {
    let at = |decision: &Option<Decision>| decision.map_or("none".to_owned(), |decision| decision.at.to_milli());
    let Some(shown) = row.live.or(row.replay) else { return html! {} };
    html! {
        tr .alone[row.differs().is_none()] {
            td { (at(&row.live)) } td { (at(&row.replay)) }
            td { (state_name(shown.state)) " " span.quiet { (reason_name(shown.reason)) } }
            td.words { (words(summary, shown.command)) }
            @match row.differs() {
                Some((ms, px, qty)) => { td { (number(ms)) } td { (coins(px)) } td { (coins(qty)) } }
                None => { td {} td {} td {} }
            }
        }
    }
}

fn words(summary: &Summary, command: Command) -> String {
    command_words(command, &summary.venues)
}

fn fills(summary: &Summary) -> Markup {
    let [live, replay] = summary.filled;
    let rate = |(sent, filled): (usize, usize)| format!("{filled} of {sent} orders filled");
    html! {
        section {
            h2 { "Fills " small { "the run: " (rate(live)) "; the replay: " (rate(replay)) } }
            @if summary.fills.is_empty() {
                p.quiet { "No order filled both in the run and in the simulation of the same times." }
            } @else {
                p { span.key.long { (summary.venues[0]) } " " span.key.short { (summary.venues[1]) } }
                (scatter(&summary.fills, &summary.venues))
                p.quiet { "Above the line the run paid more than the simulation, at the same times of arrival." }
            }
        }
    }
}

/// As a strategy file takes it.
fn latency(summary: &Summary) -> Markup {
    let text = |values: &[f64]| values.iter().map(f64::to_string).collect::<Vec<_>>().join(", ");
    let mut lines = vec!["fills:".to_owned()];
    for role in Role::BOTH {
        let ways =
            [("order", false), ("response", true)].map(|(name, is_back)| (name, summary.ways.quantiles(role, is_back)));
        if ways.iter().all(|(_, quantiles)| quantiles.is_none()) {
            continue;
        }
        lines.push(format!("  {}:", summary.venues[role.ix()]));
        lines.push("    latency:".to_owned());
        for (name, quantiles) in ways {
            lines.extend(quantiles.map(|values| format!("      {name}: {{ quantiles_ms: [{}] }}", text(&values))));
        }
    }
    html! {
        section {
            h2 { "How long messages took " small { "from the decision to the venue, its own delay aside, and back; to be pasted into a world" } }
            @if lines.len() > 1 { pre { (lines.join("\n")) } } @else { p.quiet { "Fewer than two orders were answered." } }
        }
    }
}

fn commands(summary: &Summary) -> Markup {
    let Summary { run, span, .. } = summary;
    html! {
        section {
            h2 { "To look closer" }
            pre {
                "perpx-live journal " (run) " --kind batch\n"
                "perpx-live --config " (run) "/best.yml --mode mock --store " (run) "/store --from " (span.0) " --to " (span.1) " --other-data\n"
                "perpx-data check " (run) "/store"
            }
        }
    }
}
