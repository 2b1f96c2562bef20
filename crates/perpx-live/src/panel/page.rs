//! The page: one document with everything in it, whose parts are made anew once a second and put in their places. All that came from
//! outside is escaped where it is written.

use super::shown::{ago, coins, money, number, percent, price, seconds, signed, time};
use crate::monitor::shared::{Alarm, Notice, Shared};
use crate::monitor::snapshot::{Condition, Identity, Latency, Leg, Level, OpenOrder, Phase, Snapshot, Stream};
use base64::prelude::{BASE64_STANDARD, Engine};
use maud::{DOCTYPE, Markup, PreEscaped, html};
use perpx_core::strategy::{STATE_DOCS, state_name};
use perpx_core::units::{SECOND, Time};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

const STYLE: &str = include_str!("page.css");
const SCRIPT: &str = include_str!("page.js");
/// Parts of the page, in their order, each with whether it takes the whole width.
const PARTS: [(&str, bool); 7] = [
    ("legs", false),
    ("gate", false),
    ("orders", true),
    ("feeds", false),
    ("machine", false),
    ("troubles", true),
    ("events", true),
];

/// What the page may do: run its own script, show its own style, ask its own origin.
pub fn policy() -> String {
    let hash = |text: &str| format!("'sha256-{}'", BASE64_STANDARD.encode(Sha256::digest(text.as_bytes())));
    format!(
        "default-src 'none'; img-src data:; script-src {}; style-src {}; connect-src 'self'; form-action 'self'; base-uri 'none'; \
         frame-ancestors 'none'",
        hash(SCRIPT),
        hash(STYLE)
    )
}

/// The document, its parts as they are now.
pub fn document(shared: &Shared, has_control: bool) -> String {
    let parts = parts(shared);
    let part = |id: &str| PreEscaped(parts[id].as_str().unwrap_or_default().to_owned());
    let Identity { run, symbol, .. } = &shared.identity;
    let page = html! {
        (DOCTYPE)
        html lang="en" {
            (head(&[symbol, run]))
            body {
                p id="link" role="alert" hidden {}
                header id="top" { (part("top")) }
                main {
                    @for (id, is_wide) in PARTS {
                        section id=(id) .wide[is_wide] { (part(id)) }
                    }
                    @if has_control { (hands(run)) }
                }
                script { (PreEscaped(SCRIPT)) }
            }
        }
    };
    page.into_string()
}

/// Where verbs are said; it stands still while the rest of the page is made anew.
fn hands(run: &str) -> Markup {
    let button = |verb: &str, is_loud: bool| html! { button .loud[is_loud] type="button" data-verb=(verb) { (verb) } };
    html! {
        section.wide id="hands" {
            h2 { "Verbs " small { "pause: nothing opens; park: ends when nothing but a locked position is left; flatten and kill close everything" } }
            div.hands {
                label { "Why " input id="reason" maxlength="200"; }
                (button("pause", false)) (button("resume", false)) (button("park", false))
                label { "Type " code { (run) } " to close everything " input id="name" autocomplete="off"; }
                (button("flatten", true)) (button("kill", true))
                a href="/login" { "Log in" }
            }
            p id="said" role="status" {}
        }
    }
}

/// Of either page; it needs nothing from elsewhere.
pub fn head(title: &[&str]) -> Markup {
    html! {
        head {
            meta charset="utf-8";
            meta name="viewport" content="width=device-width, initial-scale=1";
            title { @for part in title { (part) " · " } "perpx" }
            link rel="icon" href="data:,";
            style { (PreEscaped(STYLE)) }
        }
    }
}

/// Where a token is shown. `why`: the last one was not taken.
pub fn login(why: Option<&str>) -> String {
    let page = html! {
        (DOCTYPE)
        html lang="en" {
            (head(&[]))
            body {
                main {
                    section.wide {
                        h2 { "Who looks here needs the token" }
                        @if let Some(why) = why { p.severe role="alert" { (why) } }
                        form.hands method="post" action="/login" {
                            label { "Token " input type="password" name="token" autocomplete="current-password" required; }
                            button { "Log in" }
                        }
                    }
                }
            }
        }
    };
    page.into_string()
}

/// By id: what stands in each part.
pub fn parts(shared: &Shared) -> Value {
    let snapshot = shared.snapshot();
    let now = snapshot.as_deref();
    let who = &shared.identity;
    let mut parts = json!({
        "top": top(shared, now).into_string(),
        "events": events(&shared.notices()).into_string(),
    });
    for (id, _) in PARTS.into_iter().filter(|(id, _)| *id != "events") {
        let part = match (id, now) {
            (_, None) => html! { h2 { (title(id)) } p.quiet { "The run is starting." } },
            ("legs", Some(now)) => legs(who, now),
            ("gate", Some(now)) => gate(now),
            ("orders", Some(now)) => orders(who, &now.orders),
            ("feeds", Some(now)) => feeds(who, now),
            ("machine", Some(now)) => machine(who, now),
            (_, Some(now)) => troubles(&shared.alarm(), now.wall),
        };
        parts[id] = json!(part.into_string());
    }
    parts
}

fn title(id: &str) -> &'static str {
    match id {
        "legs" => "Both legs",
        "gate" => "What opens a position",
        "orders" => "Orders",
        "feeds" => "Feeds",
        "machine" => "Journal, and the venues' word",
        "troubles" => "What is wrong",
        _ => "Last events",
    }
}

fn top(shared: &Shared, now: Option<&Snapshot>) -> Markup {
    let who = &shared.identity;
    let is_hung = now.is_some() && !shared.is_alive() && now.is_none_or(|now| now.phase != Phase::Ended);
    html! {
        div.who {
            span.mode.(who.network) { (who.mode) @if who.mode == "live" { " " (who.network) } }
            h1 { (who.run) }
            span { (who.symbol) }
            @if who.mode != "live" { span.quiet { (who.network) } }
            @for (venue, account) in who.venues.iter().zip(&who.accounts) {
                span { (venue) " " span.quiet { "account " } (account) }
            }
            @if let Some(now) = now {
                span.quiet { (time(now.at)) " UTC" @if who.speed != 1.0 { ", " (number(who.speed)) " times real time" } }
            }
        }
        @if who.mode == "paper" { p.banner.caution { "PAPER: no order reaches a venue" } }
        @if is_hung { p.banner.severe role="alert" { "The engine gives no sign of life" } }
        @match now.map(|now| now.phase) {
            Some(Phase::Closing) => p.banner.caution { "CLOSING: nothing opens, everything is being closed" },
            Some(Phase::Ended) => p.banner.caution { "ENDED" },
            _ => {}
        }
        @if let Some(now) = now { (figures(now)) }
    }
}

fn figures(now: &Snapshot) -> Markup {
    let (state, m) = (usize::from(now.state), &now.money);
    let gain = m.equity - m.initial;
    html! {
        dl.figures {
            div {
                dt { "State" }
                dd { (state_name(now.state)) @if now.is_hedging { " hedging" } }
                dd {
                    (STATE_DOCS.get(state).copied().unwrap_or_default())
                    br;
                    "for " (seconds(now.at.since(now.since).as_f64(SECOND)))
                    @if !now.reason.is_empty() { ": " (now.reason) }
                }
            }
            div {
                dt { "May open" }
                @if now.shut_by.is_empty() { dd.good { "yes" } } @else { dd.severe { "no" } }
                dd {
                    @for (n, why) in now.shut_by.iter().enumerate() { @if n > 0 { "; " } (why) }
                    @for verb in &now.verbs { " " span.tag.caution { (verb) } }
                }
            }
            div { dt { "Net exposure" } dd { (money(m.net_exposure)) } dd { "both legs at mids" } }
            div { dt { "Equity" } dd { (money(m.equity)) } dd { (signed(gain)) " since the start" } }
            div {
                dt { "Today, UTC" }
                dd.severe[m.day < 0.0] { (signed(m.day)) }
                dd {
                    @match m.day_limit {
                        Some(limit) => { "of a loss of " (money(limit)) " allowed" },
                        None => "no limit is set",
                    }
                }
            }
            div { dt { "Trades" } dd { (now.trades) } dd { (now.counts.commands) " commands, " (now.counts.rejects) " refused" } }
        }
    }
}

fn legs(who: &Identity, now: &Snapshot) -> Markup {
    let row = |name: &str, cell: &dyn Fn(&Leg) -> Markup| {
        html! { tr { th scope="row" { (name) } @for leg in &now.legs { td { (cell(leg)) } } } }
    };
    let unknown = || html! { span.quiet { "–" } };
    let known =
        |value: Option<f64>, show: fn(f64) -> String| value.map_or_else(unknown, |value| html! { (show(value)) });
    html! {
        h2 { (title("legs")) }
        div.scroll { table {
            thead { tr {
                th {}
                @for (venue, role) in who.venues.iter().zip(["long", "short"]) { th scope="col" { (venue) ", " (role) } }
            } }
            tbody {
                (row("Position believed", &|leg| html! { (coins(leg.position)) }))
                (row("venue says", &|leg| known(leg.venue_position, coins)))
                tr {
                    th scope="row" { "difference" }
                    @for v in 0..2 { td { (difference(now.reconciled.as_ref().and_then(|last| last.differences[v]).map(|(coins, _)| coins), coins)) } }
                }
                (row("Entry", &|leg| known(leg.entry, price)))
                (row("Bid", &|leg| known(leg.bid, price)))
                (row("Ask", &|leg| known(leg.ask, price)))
                (row("Mark", &|leg| known(leg.mark, price)))
                (row("Liquidation", &|leg| match leg.liquidation {
                    Some((at, distance)) => html! {
                        (price(at)) " "
                        span.severe[distance < 0.015].caution[distance < 0.05] { (percent(distance)) }
                    },
                    None => unknown(),
                }))
                (row("Margin", &|leg| html! { (money(leg.margin)) }))
                (row("Cash believed", &|leg| html! { (money(leg.cash)) }))
                (row("venue says", &|leg| known(leg.venue_cash, money)))
                (row("Quote age", &|leg| known(leg.quote_age, seconds)))
                (row("Funding, 8 h", &|leg| known(leg.funding_8h, |bp| format!("{bp:+.3} bp"))))
                (row("Next settlement", &|leg| match leg.settles {
                    Some(at) => html! { "in " (seconds(at.since(now.at).as_f64(SECOND))) },
                    None => unknown(),
                }))
            }
        } }
        p.quiet {
            "What the venues say is as of the last time they were asked" (asked(now))
            ". A difference is not known (–) where something was booked since."
        }
    }
}

fn asked(now: &Snapshot) -> String {
    now.reconciled.as_ref().map_or(String::new(), |last| format!(", {} ago", ago(now.wall, last.wall)))
}

fn difference(value: Option<f64>, show: fn(f64) -> String) -> Markup {
    match value {
        None => html! { span.quiet { "–" } },
        Some(value) if value.abs() < 1e-9 => html! { span.good { "0" } },
        Some(value) => html! { span.severe { (show(value)) } },
    }
}

fn gate(now: &Snapshot) -> Markup {
    let row = |condition: &Condition| {
        let Condition { name, value, op, level, unit, holds, .. } = condition;
        let shown = |value: &Option<f64>| value.map_or("–".to_owned(), number);
        html! {
            tr {
                td { (name) }
                td { (shown(value)) } td { (op) } td { (shown(level)) " " (unit) }
                td { @if *holds { span.good { "holds" } } @else { span.caution { "not" } } }
            }
        }
    };
    html! {
        h2 { (title("gate")) }
        @for gate in &now.gates {
            @let votes = gate.conditions.iter().filter(|condition| condition.is_vote);
            @let held = votes.clone().filter(|condition| condition.holds).count();
            p { (gate.first) " leg first: " (held) " of " (votes.count()) " votes hold, " (gate.needed) " are needed" }
            div.scroll { table { tbody {
                @for condition in gate.conditions.iter().filter(|condition| condition.is_vote) { (row(condition)) }
                @for condition in gate.conditions.iter().filter(|condition| !condition.is_vote) { (row(condition)) }
            } } }
        }
        (spread(now.spread))
    }
}

/// The spread between the levels of its band.
fn spread([spread, lower, upper]: [Option<f64>; 3]) -> Markup {
    let known: Vec<f64> = [spread, lower, upper].into_iter().flatten().collect();
    let Some(spread) = spread else { return html! { p.quiet { "The spread is not known." } } };
    let (low, high) = known.iter().fold((0.0f64, 0.0f64), |(low, high), value| (low.min(*value), high.max(*value)));
    let room = ((high - low) * 0.1).max(0.5);
    // per cent of the width, whatever that is
    let at = |value: f64| 100.0 * (value - low + room) / (high - low + 2.0 * room);
    let x = |value: f64| format!("{:.2}%", at(value));
    let anchor = |value: f64| match at(value) {
        at if at > 85.0 => "end",
        at if at < 15.0 => "start",
        _ => "middle",
    };
    html! {
        h2 { "Spread " small { "bp between the mids; both legs are closed outside of the band" } }
        svg role="img" aria-label={ "spread " (format!("{spread:.2}")) " bp" } {
            @if let (Some(lower), Some(upper)) = (lower, upper) {
                rect.band x=(x(lower)) y="14" width=(format!("{:.2}%", (at(upper) - at(lower)).max(0.2))) height="18" {}
                text x=(x(lower)) y="44" text-anchor=(anchor(lower)) { (format!("{lower:.2}")) }
                text x=(x(upper)) y="44" text-anchor=(anchor(upper)) { (format!("{upper:.2}")) }
            }
            line.axis x1="0%" x2="100%" y1="23" y2="23" {}
            line.now x1=(x(spread)) x2=(x(spread)) y1="13" y2="33" {}
            text.now-word x=(x(spread)) y="10" text-anchor=(anchor(spread)) { (format!("{spread:.2}")) }
        }
    }
}

fn orders(who: &Identity, orders: &[OpenOrder]) -> Markup {
    let stands = |order: &OpenOrder| match order {
        OpenOrder { in_doubt: Some(doubt), .. } => html! { span.severe { "in doubt " (seconds(*doubt)) } },
        OpenOrder { is_resting: true, .. } => html! { "rests" },
        _ => html! { "sent" },
    };
    html! {
        h2 { (title("orders")) " " small { (orders.len()) " open" } }
        @if !orders.is_empty() {
            div.scroll { table {
                thead { tr {
                    @for name in ["Order", "Venue", "Side", "Kind", "Quantity", "Filled", "Limit", "Age", "Stands"] {
                        th scope="col" { (name) }
                    }
                } }
                tbody { @for order in orders { tr {
                    td { (order.id) } td { (who.venues[order.venue]) }
                    td { (order.side) @if order.reduce_only { ", reduces" } }
                    td { (order.kind) } td { (coins(order.qty)) } td { (coins(order.filled)) } td { (price(order.limit)) }
                    td { (seconds(order.age)) } td { (stands(order)) }
                } } }
            } }
        }
    }
}

fn feeds(who: &Identity, now: &Snapshot) -> Markup {
    let row = |stream: &Stream| {
        html! { tr {
            td { (who.venues[stream.venue]) " " (stream.name) }
            td { @if stream.is_open { span.good { "live" } } @else { span.severe { "silent" } } }
            td { (stream.age.map_or("–".to_owned(), seconds)) }
            td { (format!("{:.1}", stream.rate)) } td { (stream.frames) } td { (stream.reconnects) }
        } }
    };
    let pair = |pair: Option<(f64, f64)>| match pair {
        Some((half, most)) => html! { (seconds(half)) " / " (seconds(most)) },
        None => html! { span.quiet { "–" } },
    };
    let latency = |(venue, latency): (&String, &Latency)| {
        html! { tr { td { (venue) } td { (pair(latency.feed)) } td { (pair(latency.ack)) } td { (pair(latency.fill)) } } }
    };
    let (unknown, commands) = (now.counts.unknown as f64, now.counts.commands.max(1) as f64);
    html! {
        h2 { (title("feeds")) }
        div.scroll { table {
            thead { tr { @for name in ["Stream", "", "Age", "A second", "Texts", "Reopened"] { th scope="col" { (name) } } } }
            tbody { @for stream in &now.streams { (row(stream)) } }
        } }
        div.scroll { table {
            thead { tr {
                @for name in ["Half / 99 of 100", "Feed delay", "Order to answer", "Order to fill"] { th scope="col" { (name) } }
            } }
            tbody { @for one in who.venues.iter().zip(&now.latency) { (latency(one)) } }
        } }
        p {
            @for (venue, clock) in who.venues.iter().zip(now.clocks) {
                @if let Some((offset, bound)) = clock {
                    "Clock of " (venue) ": " (format!("{offset:+.3}")) " s from ours, to " (format!("{bound:.3}")) " s. "
                }
            }
            @if let Some(lane) = now.lane { "Lanes of orders: " (seconds(lane)) ". " }
            @for (venue, left) in who.venues.iter().zip(now.orders_left) {
                @if let Some(left) = left { (venue) " takes " (left) " orders more now. " }
            }
        }
        p {
            (now.counts.unknown) " of " (now.counts.commands) " commands without a known outcome ("
            (percent(unknown / commands)) "); " (now.counts.limited) " answers said that too much was asked"
        }
    }
}

fn machine(who: &Identity, now: &Snapshot) -> Markup {
    html! {
        h2 { (title("machine")) }
        div.scroll { table { tbody {
            @if let Some(journal) = &now.journal {
                tr { td { "Journal" } td {
                    @match &journal.lost {
                        Some(why) => span.severe { "lost: " (why) },
                        None => { "oldest record waits " (seconds(journal.waits)) },
                    }
                } }
                tr { td { "Left before it was written" } td { (journal.unwritten) " closes and cancels" } }
                tr { td { "Refused, the disk was late" } td { (journal.refused) " openings" } }
            }
            @match &now.reconciled {
                None => tr { td { "Compared with the venues" } td.quiet { "not yet" } },
                Some(last) => {
                    tr { td { "Compared with the venues" } td { (ago(now.wall, last.wall)) " ago" } }
                    @for (v, venue) in who.venues.iter().enumerate() {
                        tr {
                            td { (venue) ", less ours" }
                            td {
                                (difference(last.differences[v].map(|(coins, _)| coins), coins)) " coins, "
                                (difference(last.differences[v].map(|(_, cash)| if cash.abs() < 0.005 { 0.0 } else { cash }), money))
                                " cash, " (last.open_orders[v]) " orders open"
                            }
                        }
                    }
                }
            }
            tr { td { "Configuration" } td { (who.configuration.get(..12).unwrap_or(&who.configuration)) } }
            tr { td { "Code" } td { (who.code) } }
        } } }
    }
}

fn tag(level: Level) -> Markup {
    match level {
        Level::Debug | Level::Info => html! { span.tag { (level.name()) } },
        Level::Warning => html! { span.tag.caution { (level.name()) } },
        Level::Critical => html! { span.tag.severe { (level.name()) } },
    }
}

fn troubles(alarm: &Alarm, wall: Time) -> Markup {
    html! {
        h2 { (title("troubles")) }
        @if alarm.standing.is_empty() { p.good { "Nothing that is known." } }
        @else {
            div.scroll { table { tbody { @for (since, trouble) in &alarm.standing { tr {
                td { (tag(trouble.level)) } td { (trouble.subject) } td.words { (trouble.words) } td.quiet { "for " (ago(wall, *since)) }
            } } } } }
        }
        @for channel in &alarm.channels {
            p.quiet {
                "Alerts to " (channel.name) ": " (channel.sent) " sent"
                @if channel.failed > 0 { ", " span.severe { (channel.failed) " not taken" } }
            }
        }
    }
}

fn events(notices: &[Notice]) -> Markup {
    let newest = notices.first().map_or(0, |notice| notice.at.day());
    // the day, where it is another one
    let clock = |at: Time| if at.day() == newest { time(at).split_off(11) } else { time(at).split_off(5) };
    html! {
        h2 { (title("events")) " " small { "times of the market, UTC" } }
        @if notices.is_empty() { p.quiet { "None yet." } }
        div.scroll { table { tbody { @for notice in notices { tr {
            td { (clock(notice.at)) } td { (tag(notice.level)) } td.words { (notice.words) }
        } } } } }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What came from outside stands on the page as text, wherever it stands.
    #[test]
    fn what_is_foreign_is_escaped() {
        let evil = "<img src=x onerror=alert(1)>\"'&";
        let identity = Identity {
            run: evil.to_owned(),
            mode: "emulated",
            network: evil.to_owned(),
            symbol: evil.to_owned(),
            venues: [evil.to_owned(), evil.to_owned()],
            accounts: [evil.to_owned(), evil.to_owned()],
            ..Identity::default()
        };
        let (shared, _notices) = Shared::new(identity);
        let at = Time(0);
        let notice = |words: &str| Notice {
            wall: at,
            at,
            rule: "x",
            subject: evil.to_owned(),
            level: Level::Critical,
            words: words.to_owned(),
        };
        shared.say(notice(evil));
        let trouble = crate::monitor::snapshot::Trouble {
            rule: "x",
            subject: evil.to_owned(),
            level: Level::Warning,
            words: evil.to_owned(),
        };
        shared.set_alarm(Alarm { standing: vec![(at, trouble)], channels: Vec::new() });
        shared.publish(Snapshot { shut_by: vec![evil.to_owned()], ..Snapshot::default() });
        let page = document(&shared, true);
        assert!(!page.contains("<img") && page.matches("&lt;img").count() > 8, "{page}");
        assert!(!page.contains("style=\"") && !page.contains(" onclick"), "the policy lets neither pass");
    }
}
