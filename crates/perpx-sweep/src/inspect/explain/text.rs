//! A blotter in words, at most 80 columns wide.

use super::blotter::{Episode, Item, Need, Reading, What};
use perpx_core::ledger::Line;
use perpx_core::market::{Bbo, Command, Event, EventBody, OrderId, OrderKind, OrderState, Role};
use perpx_core::sim::{OrderOutcome, OrderTrace};
use perpx_core::stats::LeggingRow;
use perpx_core::stats::TransitionRow;
use perpx_core::strategy::{also_names, reason_name, state_name};
use perpx_core::units::{MINUTE, MS, MidValue, SECOND, Time, TimeDelta, format_scaled};
use perpx_core::watch::{Op, Series};
use std::collections::BTreeMap;

const WIDTH: usize = 80;
/// Where the words begin, behind the time.
const INDENT: usize = 14;

pub fn kind_name(kind: OrderKind) -> &'static str {
    match kind {
        OrderKind::PostOnly => "post-only",
        OrderKind::Limit => "limit",
        OrderKind::Ioc => "IOC",
        OrderKind::Fok => "FOK",
        OrderKind::Market => "market",
    }
}

/// With one decimal, if it is not zero.
fn tenths(time: TimeDelta, unit: TimeDelta) -> String {
    format_scaled(i128::from((time + unit / 20) / (unit / 10)), 1)
}

/// "45.2 ms", "2.5 s", "3 min 20 s", "2 h 3 min".
pub fn lasted(time: TimeDelta) -> String {
    match time {
        _ if time < TimeDelta::ZERO => format!("-{}", lasted(-time)),
        _ if time < SECOND => format!("{} ms", tenths(time, MS)),
        _ if time < MINUTE => format!("{} s", tenths(time, SECOND)),
        _ => perpx_data::text::duration(time.0 as f64 * 1e-9),
    }
}

/// "104892.2 x 1.2 / 104892.3 x 0.8"
fn book(best: &Bbo) -> String {
    format!("{} x {} / {} x {}", best.bid, best.bid_qty, best.ask, best.ask_qty)
}

/// Who the words speak of.
pub struct Names<'a> {
    /// By role.
    pub venues: [&'a str; 2],
    /// When each order was decided.
    decided: BTreeMap<OrderId, Time>,
}

impl<'a> Names<'a> {
    pub fn new(venues: [&'a str; 2], episode: &Episode) -> Names<'a> {
        let decided = episode.items.iter().filter_map(|item| match item.what {
            What::Command { command: Command::Place(order), .. } => Some((order.id, item.at)),
            _ => None,
        });
        Names { venues, decided: decided.collect() }
    }

    fn venue(&self, role: Role) -> &'a str {
        self.venues[role.ix()]
    }

    /// The words of an item; a line each, the first behind its time.
    fn item(&self, item: &Item) -> Vec<String> {
        match &item.what {
            What::Gate { first, needed, readings } => self.gate(*first, *needed, readings),
            What::Transition(row) => self.transition(row),
            What::Command { command, best } => self.command(command, best),
            What::Trace(trace) => self.trace(trace),
            What::Answer { event, end } => self.answer(event, *end),
            What::Legging(row) => self.legging(row),
        }
    }

    fn gate(&self, first: Role, needed: u8, readings: &[Reading]) -> Vec<String> {
        let votes = readings.iter().filter(|reading| reading.need == Need::Vote);
        let (held, of) = (votes.clone().filter(|reading| reading.holds).count(), votes.count());
        let role = if first == Role::Long { "long" } else { "short" };
        let mut lines = vec![format!("the gate opens, {role} leg first: {held} of {of} votes held, {needed} needed")];
        for reading in readings {
            let sign = match reading.cmp.op {
                Op::Ge => ">=",
                Op::Gt => ">",
                Op::Le => "<=",
                Op::Lt => "<",
            };
            let verdict = match (reading.holds, reading.need) {
                (true, _) => "held",
                (false, Need::MustNot) => "not held, good",
                (false, _) => "not held",
            };
            let (name, unit) = self.series(reading);
            let [value, level] = [reading.value, reading.level].map(number);
            lines.push(format!("  {name:<21} {value:>10} {sign:<2} {level:>9} {unit:<2}  {verdict}"));
        }
        lines
    }

    fn series(&self, reading: &Reading) -> (String, &'static str) {
        let of = |what: &str, role: Role| format!("{what} {}", self.venue(role));
        match reading.cmp.series {
            Series::Bar(_) if reading.need == Need::Vote => ("trend".to_string(), ""),
            Series::Bar(_) => ("volatility".to_string(), ""),
            Series::Edge => ("target return: edge".to_string(), ""),
            Series::FundingDiff { .. } => ("funding, 8 h".to_string(), "bp"),
            Series::Apr { .. } => ("funding guard: APR".to_string(), ""),
            Series::Age(role) => (of("age of", role), "s"),
            Series::ToFunding { role, .. } => (of("to funding of", role), "s"),
            Series::Spread => ("spread".to_string(), "bp"),
            Series::Bid(role) => (of("bid of", role), ""),
            Series::Ask(role) => (of("ask of", role), ""),
            Series::Mark(role) => (of("mark of", role), ""),
        }
    }

    fn transition(&self, row: &TransitionRow) -> Vec<String> {
        let t = &row.transition;
        let equity = crate::report::money(row.equity);
        let head =
            format!("{} -> {}  {:<13} equity {equity:.4}", state_name(t.from), state_name(t.to), reason_name(t.reason));
        let quote = |role: Role| {
            let bbo = &row.bbo[role.ix()];
            format!("{} {}/{}", self.venue(role), bbo.bid, bbo.ask)
        };
        let mut lines = vec![head, format!("{}  {}", quote(Role::Long), quote(Role::Short))];
        lines.push(format!("spread {:.2} bp, edge {:.6}", row.spread, row.edge));
        if t.also != 0 {
            lines.push(format!("also held: {}", also_names(t.also).join(", ")));
        }
        lines
    }

    fn command(&self, command: &Command, best: &Bbo) -> Vec<String> {
        let venue = self.venue(command.venue());
        match command {
            Command::Place(order) => {
                let (side, kind) = (order.side.name(), kind_name(order.kind));
                let only = if order.reduce_only { ", reduce-only" } else { "" };
                let head =
                    format!("order {}  {venue}: {side} {} {kind} at {}{only}", order.id.0, order.qty, order.limit);
                vec![head, format!("decided on {}", book(best))]
            }
            Command::Cancel { id, .. } => vec![format!("cancel {}  {venue}", id.0)],
            Command::Modify { id, qty, limit, .. } => vec![format!("change {}  {venue}: to {qty} at {limit}", id.0)],
            Command::Query { id, .. } => vec![format!("query {}  {venue}: where does it stand?", id.0)],
        }
    }

    fn legging(&self, row: &LeggingRow) -> Vec<String> {
        let [worst, cost] = [row.worst, row.amount].map(|amount| (-amount).to_string());
        let (how, long) = (row.ending.name(), lasted(row.lasted()));
        vec![
            format!("legging ends  {how}: {} of {} alone for {long}", row.peak, self.venue(row.role)),
            format!("worst {:.2} bp, {worst}; cost {:.2} bp, {cost}", row.worst_bp(), row.cost_bp()),
        ]
    }

    fn trace(&self, trace: &OrderTrace) -> Vec<String> {
        let (id, venue) = (trace.id.0, self.venue(trace.venue));
        let age = |seen: Time| lasted(trace.at.since(seen));
        vec![match trace.outcome {
            OrderOutcome::Lost => format!("order {id}  never reaches {venue}"),
            OrderOutcome::Waits { seen } => {
                format!("order {id}  at {venue}: waits for a row, the book is {} old", age(seen))
            }
            OrderOutcome::Silent => format!("order {id}  is served at {venue}, its answers are lost"),
            OrderOutcome::Book { best, seen, delay } => {
                let way = self.decided.get(&trace.id).map(|&at| lasted(trace.at.since(at)));
                let way = way.map_or(String::new(), |way| format!(", {way} after its decision"));
                let own = if delay > TimeDelta::ZERO { format!(" ({} its own)", lasted(delay)) } else { String::new() };
                return vec![
                    format!("order {id}  at {venue}{way}{own}"),
                    format!("meets {}, {} old", book(&best), age(seen)),
                ];
            }
            OrderOutcome::Rests { ahead: Some(ahead) } => format!("order {id}  rests, {ahead} ahead of it"),
            OrderOutcome::Rests { ahead: None } => format!("order {id}  rests, who is ahead is not known"),
            OrderOutcome::Cancel { open: true } => format!("cancel {id}  at {venue}: finds its order"),
            OrderOutcome::Cancel { open: false } => format!("cancel {id}  at {venue}: finds nothing"),
        }]
    }

    fn answer(&self, event: &Event, end: bool) -> Vec<String> {
        let venue = self.venue(event.venue);
        let mut text = match event.body {
            EventBody::Accepted { id } => format!("order {}  accepted", id.0),
            EventBody::Rejected { id, reason } => format!("order {}  rejected: {reason:?}", id.0),
            EventBody::Fill { id, side, px, qty, maker, fee } => {
                let (side, how) = (side.name(), if maker { "maker" } else { "taker" });
                let order = if id.0 == 0 { venue.to_string() } else { format!("order {}", id.0) };
                format!("{order}  fills: {side} {qty} at {px}, {how}, fee {}", format_scaled(fee.0, 12))
            }
            EventBody::Done { id, filled } => format!("order {}  done, {filled} filled", id.0),
            EventBody::CancelRejected { id } => format!("cancel {}  failed", id.0),
            EventBody::Status { id, state } => match state {
                OrderState::Unknown => format!("order {}  is unknown to {venue}", id.0),
                OrderState::InDoubt => format!("order {}  is not known to {venue} yet", id.0),
                OrderState::Open { filled } => format!("order {}  is open, {filled} filled", id.0),
                OrderState::Done { filled } => format!("order {}  is done, {filled} filled", id.0),
            },
            EventBody::Funding { amount, rate, px } => {
                let (amount, rate) = (format_scaled(amount.0, 12), format_scaled(i128::from(rate.0) * 100, 12));
                format!("funding  {venue}: {amount} at {rate} % on {px}")
            }
            EventBody::Liquidated { px, qty, fee, lost } => {
                let [fee, lost] = [fee, lost].map(|cash| format_scaled(cash.0, 12));
                format!("liquidation  {venue} closes {qty} at {px}, fee {fee}, lost {lost}")
            }
            EventBody::Transferred { amount, fee } => {
                format!("transfer  {venue}: {}, fee {}", format_scaled(amount.0, 12), format_scaled(fee.0, 12))
            }
        };
        if end {
            text.push_str(", as the data end");
        }
        let way = event.at.since(event.venue_time);
        if way > TimeDelta::ZERO {
            text.push_str(&format!(" (+{})", lasted(way)));
        }
        vec![text]
    }
}

/// A reading with as many decimals as help.
fn number(value: f64) -> String {
    match value {
        _ if value.is_nan() => "unknown".to_string(),
        _ if value.is_infinite() => "never".to_string(),
        _ if value == value.trunc() && value.abs() < 1e6 => format!("{value}"),
        _ if value.abs() >= 10.0 => format!("{value:.2}"),
        _ => format!("{value:.6}"),
    }
}

/// Breaks a line at spaces, further lines behind `indent` blanks.
fn wrapped(out: &mut Vec<String>, head: &str, text: &str, indent: usize) {
    let mut line = head.to_string();
    let mut empty = true;
    // what is aligned by blanks stays so
    for word in text.split(' ') {
        if !empty && line.chars().count() + 1 + word.chars().count() > WIDTH {
            out.push(std::mem::replace(&mut line, " ".repeat(indent + 2)).trim_end().to_string());
            empty = true;
        }
        if !empty {
            line.push(' ');
        }
        line.push_str(word);
        empty = false;
    }
    out.push(line.trim_end().to_string());
}

/// The life of one trade.
pub fn life(episode: &Episode, venues: [&str; 2]) -> String {
    let names = Names::new(venues, episode);
    let mut out = Vec::new();
    let mut day = i64::MIN;
    for item in &episode.items {
        if item.at.day() != day {
            day = item.at.day();
            out.push(item.at.date());
        }
        let time = item.at.to_milli();
        let clock = time.split(' ').next_back().unwrap_or_default();
        for (number, line) in names.item(item).iter().enumerate() {
            let head = if number == 0 { format!("{clock:<INDENT$}") } else { " ".repeat(INDENT) };
            wrapped(&mut out, &head, line, INDENT);
        }
    }
    out.push(String::new());
    out.extend(money(episode, venues));
    out.join("\n")
}

/// Where the money came from, by leg and line, exact.
fn money(episode: &Episode, venues: [&str; 2]) -> Vec<String> {
    let lines = &episode.lines;
    let cell = |amount: MidValue| match amount {
        MidValue::ZERO => String::new(),
        _ => format!("{}{amount}", if amount > MidValue::ZERO { "+" } else { "" }),
    };
    let row = |name: &str, [a, b]: [MidValue; 2]| [name.to_string(), cell(a), cell(b), cell(a + b)];
    let mut rows = vec![["money", venues[0], venues[1], "both"].map(str::to_string)];
    for line in Line::ALL {
        let amounts = Role::BOTH.map(|role| lines.get(role, line));
        rows.extend((amounts != [MidValue::ZERO; 2]).then(|| row(line.name(), amounts)));
    }
    rows.push(row("total", Role::BOTH.map(|role| lines.of(role))));
    let width = rows.iter().flat_map(|row| &row[1..]).map(|cell| cell.chars().count() + 2).max().unwrap_or(0).max(14);
    let out = rows.iter().map(|[name, a, b, all]| format!("{name:<14}{a:>width$}{b:>width$}{all:>width$}"));
    out.collect()
}

/// One line a trade.
pub fn table<'e>(trades: impl Iterator<Item = &'e Episode>) -> String {
    let mut out = vec![format!(
        "{:>5}  {:<19}  {:>13}  {:>5}  {:<20}  {:>9}",
        "trade", "opened", "lasted", "fills", "ended by", "pnl"
    )];
    for trade in trades {
        let (how_long, why) = match trade.closed {
            Some(closed) => (lasted(closed.since(trade.opened)), reason_name(trade.reasons[1])),
            None => ("open".to_string(), "end of the data"),
        };
        out.push(format!(
            "{:>5}  {}  {how_long:>13}  {:>5}  {why:<20}  {:>+9.4}",
            trade.trade,
            trade.opened.to_second(),
            trade.fills,
            trade.pnl()
        ));
    }
    out.join("\n")
}
