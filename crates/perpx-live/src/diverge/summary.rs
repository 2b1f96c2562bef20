//! What is told of a run and its replay: in the terminal, in divergence.json, and on the page.

use super::align::align;
use super::chain::{Cause, Chain, Fork};
use super::episode::{Episode, Foreign, Made};
use super::latency::Ways;
use super::replay::{Decision, Filled, Replayed, Trade};
use crate::strategy_file::StrategyFile;
use perpx_core::market::{Command, Role};
use perpx_core::strategy::{reason_name, state_name};
use perpx_core::units::{Cash, MS, Time};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::fmt;
use std::path::Path;

/// All of it.
pub struct Summary {
    pub run: String,
    /// `None`: the whole run.
    pub day: Option<Time>,
    pub span: (Time, Time),
    pub configuration: String,
    pub symbol: String,
    /// By role.
    pub venues: [String; 2],
    /// What ran it, in their order.
    pub codes: Vec<String>,
    pub deaths: usize,
    pub live: Cash,
    /// `None`: no replay was the sweep's.
    pub replay: Option<Cash>,
    /// In the order of the chain.
    pub parts: Vec<(Cause, Cash)>,
    /// Why the journal could not be made again.
    pub decision: Option<Fork>,
    /// Where the decisions of a step first differ.
    pub forks: Vec<(Cause, Fork)>,
    pub no_store: Option<String>,
    pub foreign: Vec<Foreign>,
    /// What was decided, beside what the last replay decided.
    pub rows: Vec<Row>,
    pub trades: Vec<(Option<Trade>, Option<Trade>)>,
    pub fills: Vec<Dot>,
    pub ways: Ways,
    /// How many orders each of both sides sent, and how many of them filled.
    pub filled: [(usize, usize); 2],
}

/// One decision, or one on either side.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Row {
    pub live: Option<Decision>,
    pub replay: Option<Decision>,
}

impl Row {
    /// Milliseconds by which it was made later, and how much its limit and its quantity are higher.
    pub fn differs(&self) -> Option<(f64, f64, f64)> {
        let (live, replay) = (self.live?, self.replay?);
        let of = |decision: &Decision| match decision.command {
            Command::Place(order) => (order.limit.0, order.qty.0),
            _ => (0, 0),
        };
        let ((px, qty), (other_px, other_qty)) = (of(&live), of(&replay));
        let [px, qty] = [px - other_px, qty - other_qty].map(|raw| raw as f64 * 1e-9);
        Some((live.at.since(replay.at).as_f64(MS), px, qty))
    }
}

/// An order that filled in the run and in the simulation: how much worse than the best price when it was decided, in bp.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Dot {
    pub role: Role,
    pub expected: f64,
    pub real: f64,
}

impl Summary {
    /// Of the episodes of a run, or of its day.
    pub fn new(run: &Path, strategy: &StrategyFile, day: Option<Time>, all: Vec<(Episode, Chain)>) -> Summary {
        let mut summary = Summary {
            run: run.display().to_string(),
            day,
            span: (Time::MAX, Time::MIN),
            configuration: strategy.ids[0].clone(),
            symbol: strategy.data.symbol.clone(),
            venues: strategy.config.account.venues.each_ref().map(|venue| venue.name.clone()),
            codes: Vec::new(),
            deaths: 0,
            live: Cash::ZERO,
            replay: None,
            parts: Vec::new(),
            decision: None,
            forks: Vec::new(),
            no_store: None,
            foreign: Vec::new(),
            rows: Vec::new(),
            trades: Vec::new(),
            fills: Vec::new(),
            ways: Ways::default(),
            filled: [(0, 0); 2],
        };
        summary.parts = added(&all);
        let is_whole = summary.parts.len() == Cause::ALL.len();
        let last = |chain: &Chain| chain.replays.last().map_or(Cash::ZERO, |replay| replay.result);
        summary.replay = is_whole.then(|| all.iter().map(|(_, chain)| last(chain)).sum());
        for (episode, chain) in all {
            summary.add(&episode, chain);
        }
        summary
    }

    fn add(&mut self, episode: &Episode, chain: Chain) {
        self.span = (self.span.0.min(episode.begin()), self.span.1.max(episode.end));
        for code in &episode.codes {
            if self.codes.last() != Some(code) {
                self.codes.push(code.clone());
            }
        }
        self.deaths += episode.downs.len();
        self.live += chain.booked;
        for cause in Cause::ALL {
            if let Some(fork) = chain.fork(cause).filter(|_| self.forks.iter().all(|(known, _)| *known != cause)) {
                self.forks.push((cause, fork));
            }
        }
        self.decision = self.decision.take().or(chain.decision);
        self.no_store = self.no_store.take().or(chain.no_store);
        self.foreign.extend(chain.foreign);
        for (all, new) in self.ways.0.iter_mut().flatten().zip(chain.ways.0.into_iter().flatten()) {
            all.extend(new);
        }
        let (Some(live), Some(replay)) = (chain.replays.first(), chain.replays.last()) else { return };
        if chain.replays.len() > 1 {
            self.beside(live, replay);
        }
        if let Some(simulated) = chain.replays.get(3) {
            self.fills.extend(dots(live, simulated));
        }
        for (all, replayed) in self.filled.iter_mut().zip([live, replay]) {
            let orders = replayed.decisions.iter().filter(|decision| matches!(decision.command, Command::Place(_)));
            *all = (all.0 + orders.count(), all.1 + replayed.filled.len());
        }
    }

    fn beside(&mut self, live: &Replayed, replay: &Replayed) {
        let (here, there) = (kept(live), kept(replay));
        let keys = |all: &[(usize, Decision)]| all.iter().map(|(_, decision)| key(decision)).collect::<Vec<_>>();
        let pairs = align(&keys(&here), &keys(&there), &|h, t| here[h].1.at <= there[t].1.at);
        let of = |all: &[(usize, Decision)], place: Option<usize>| place.map(|place| all[place].1);
        self.rows.extend(pairs.iter().map(|(h, t)| Row { live: of(&here, *h), replay: of(&there, *t) }));
        let twins: BTreeMap<usize, usize> =
            pairs.iter().filter_map(|(h, t)| Some((here[(*h)?].0, there[(*t)?].0))).collect();
        let mut left: Vec<Option<Trade>> = replay.trades.iter().copied().map(Some).collect();
        let mut trades = Vec::new();
        for trade in &live.trades {
            let twin = twins.get(&trade.first).and_then(|first| {
                left.iter_mut().find(|other| other.is_some_and(|other| other.first == *first)).and_then(Option::take)
            });
            trades.push((Some(*trade), twin));
        }
        trades.extend(left.into_iter().flatten().map(|trade| (None, Some(trade))));
        trades.sort_by_key(|(live, replay)| live.or(*replay).map(|trade| trade.from));
        self.trades.extend(trades);
    }

    /// Of money that the trader did not make.
    pub fn unexplained(&self) -> Cash {
        self.parts.iter().find(|(cause, _)| *cause == Cause::Unexplained).map_or(Cash::ZERO, |(_, amount)| *amount)
    }

    /// 0 every part is explained, 1 the journal could not be made again, or money is there that nothing explains.
    pub fn exit_code(&self) -> u8 {
        u8::from(self.decision.is_some() || self.unexplained() != Cash::ZERO || !self.foreign.is_empty())
    }

    /// In one sentence.
    pub fn sentence(&self) -> String {
        let live = format!("live {}", signed(self.live));
        if let Some(fork) = &self.decision {
            return format!("{live}; the journal could not be made again from its rows: {}", fork.words(&self.venues));
        }
        let parts: Vec<String> =
            self.parts.iter().rev().map(|(cause, amount)| format!("{} {}", cause.name(), signed(*amount))).collect();
        match self.replay {
            Some(replay) => format!("{live}, replay {}: {}", signed(replay), parts.join(", ")),
            None => format!("{live}; no sweep reads its store: {}", parts.join(", ")),
        }
    }

    /// divergence.json.
    pub fn json(&self) -> Value {
        let exact: serde_json::Map<String, Value> =
            self.parts.iter().map(|(cause, amount)| (cause.name().to_owned(), json!(amount.to_string()))).collect();
        let fork = |fork: &Fork| json!({ "place": fork.place, "here": fork.here.map(made_json), "there": fork.there.map(made_json) });
        let forks: serde_json::Map<String, Value> =
            self.forks.iter().map(|(cause, at)| (cause.name().to_owned(), fork(at))).collect();
        let foreign = self.foreign.iter().map(|foreign| {
            let venue = &self.venues[foreign.role.ix()];
            json!({ "at": foreign.at, "venue": venue, "amount": foreign.amount.to_string(), "what": foreign.what })
        });
        let quantiles = Role::BOTH.map(|role| {
            let [order, response] = [false, true].map(|is_back| self.ways.quantiles(role, is_back));
            (self.venues[role.ix()].clone(), json!({ "order": order, "response": response }))
        });
        json!({
            "run": self.run,
            "day": self.day.map(Time::date),
            "from": self.span.0.to_string(),
            "to": self.span.1.to_string(),
            "configuration": self.configuration,
            "codes": self.codes,
            "deaths": self.deaths,
            "live": self.live.to_string(),
            "replay": self.replay.map(|replay| replay.to_string()),
            "parts": exact,
            "decision": self.decision.as_ref().map(fork),
            "forks": forks,
            "no_store": self.no_store,
            "foreign": foreign.collect::<Vec<_>>(),
            "decisions": self.rows.iter().map(row).collect::<Vec<_>>(),
            "trades": self.trades.iter().map(|(live, replay)| json!([live.map(trade), replay.map(trade)])).collect::<Vec<_>>(),
            "fills": self.fills.iter().map(|dot| json!([self.venues[dot.role.ix()], dot.expected, dot.real])).collect::<Vec<_>>(),
            "quantiles_ms": quantiles.into_iter().collect::<serde_json::Map<String, Value>>(),
            "exit": self.exit_code(),
        })
    }
}

/// Each part of all episodes, as far as all of them have it.
fn added(all: &[(Episode, Chain)]) -> Vec<(Cause, Cash)> {
    let parts: Vec<Vec<(Cause, Cash)>> = all.iter().map(|(_, chain)| chain.parts()).collect();
    let known = parts.iter().map(Vec::len).min().unwrap_or(0);
    let of = |(step, cause): (usize, Cause)| (cause, parts.iter().map(|parts| parts[step].1).sum());
    Cause::ALL.into_iter().take(known).enumerate().map(of).collect()
}

/// Orders and cancels, with their places: a question opens and closes nothing.
fn kept(replayed: &Replayed) -> Vec<(usize, Decision)> {
    let is_kept = |decision: &Decision| !matches!(decision.command, Command::Query { .. });
    replayed.decisions.iter().copied().enumerate().filter(|(_, decision)| is_kept(decision)).collect()
}

/// By what two decisions are the same.
fn key(decision: &Decision) -> (Role, u8, u8, i64, u8) {
    let (side, kind) = match decision.command {
        Command::Place(order) => (order.side.sign(), order.kind as u8),
        _ => (0, u8::MAX),
    };
    (decision.command.venue(), decision.state, decision.reason, side, kind)
}

/// What filled on both sides of the same decision.
fn dots(live: &Replayed, simulated: &Replayed) -> Vec<Dot> {
    let fills = |replayed: &Replayed| -> BTreeMap<(Time, Role, i64, i64), (Decision, Filled)> {
        let of = replayed.decisions.iter().filter_map(|decision| match decision.command {
            Command::Place(order) => {
                let filled = replayed.filled.get(&order.id)?;
                Some(((decision.at, order.venue, order.qty.0, order.limit.0), (*decision, *filled)))
            }
            _ => None,
        });
        of.collect()
    };
    let simulated = fills(simulated);
    let of = fills(live).into_iter().filter_map(|(key, (decision, real))| {
        let Command::Place(order) = decision.command else { return None };
        let (_, expected) = simulated.get(&key)?;
        let touch = decision.touch.0 as f64 * 1e-9;
        let worse = |filled: &Filled| 1e4 * order.side.sign() as f64 * (filled.price() / touch - 1.0);
        (touch > 0.0).then(|| Dot { role: order.venue, expected: worse(expected), real: worse(&real) })
    });
    of.collect()
}

fn made_json((at, command): Made) -> Value {
    json!({ "at": at.to_string(), "command": command })
}

fn row(row: &Row) -> Value {
    let of = |decision: Decision| {
        json!({
            "at": decision.at.to_string(),
            "state": state_name(decision.state),
            "reason": reason_name(decision.reason),
            "command": decision.command,
        })
    };
    json!({ "live": row.live.map(of), "replay": row.replay.map(of) })
}

fn trade(trade: Trade) -> Value {
    json!({
        "from": trade.from.to_string(),
        "to": trade.to.map(|to| to.to_string()),
        "reason": reason_name(trade.reason),
        "net": trade.net.to_string(),
    })
}

/// A gain or a loss, in hundredths.
pub fn signed(amount: Cash) -> String {
    let text = format!("{:+.2}", amount.as_f64());
    if text == "-0.00" { "+0.00".to_owned() } else { text }
}

impl fmt::Display for Summary {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{}", self.sentence())?;
        for (cause, amount) in &self.parts {
            writeln!(f, "{:<12} {amount}", cause.name())?;
            if let Some((_, fork)) = self.forks.iter().find(|(of, _)| of == cause) {
                writeln!(f, "             first at {}", fork.words(&self.venues))?;
            }
        }
        for foreign in &self.foreign {
            let venue = &self.venues[foreign.role.ix()];
            writeln!(f, "unexplained  {} on {venue} at {}: {}", foreign.amount, foreign.at.to_second(), foreign.what)?;
        }
        if let Some(why) = &self.no_store {
            writeln!(f, "no replay    {why}")?;
        }
        write!(f, "page         {}/divergence.html", self.run)
    }
}

/// days.csv with one more day; a day that is there is replaced.
pub fn with_day(old: &str, day: Time, summary: &Summary) -> String {
    let names: Vec<&str> = Cause::ALL.iter().map(|cause| cause.name()).collect();
    let head = format!("day,live,replay,{},exit", names.join(","));
    let part = |cause: &Cause| {
        summary.parts.iter().find(|(of, _)| of == cause).map_or(String::new(), |(_, amount)| amount.to_string())
    };
    let parts: Vec<String> = Cause::ALL.iter().map(part).collect();
    let replay = summary.replay.map_or(String::new(), |replay| replay.to_string());
    let (date, exit) = (day.date(), summary.exit_code());
    let line = format!("{date},{},{replay},{},{exit}", summary.live, parts.join(","));
    let mut days: BTreeMap<String, String> =
        old.lines().skip(1).filter_map(|line| Some((line.split(',').next()?.to_owned(), line.to_owned()))).collect();
    days.insert(date, line);
    let lines: Vec<String> = days.into_values().collect();
    format!("{head}\n{}\n", lines.join("\n"))
}
