//! Blotters: a strategy's life as a script of quotes and answers, with what it must do written under each line.
//!
//! A script under `scenarios/` has lines
//! - `set key=value`: a key of the strategy file (before the first `at`);
//! - `signal trend|vol|mean|sigma X`: the bar signals (constant; default trend 0, vol 0.5, mean 0, sigma 5);
//! - `at T quote L1/L2 S1/S2`: a tick at T seconds: long bid/ask, short bid/ask (`-` leaves a venue's quote unchanged and
//!   unseen);
//! - `at T mark L S`, `at T funding long|short RATE HOURS`: received with the next tick;
//! - `at T depth long|short Q@P ...`: a snapshot of that venue's bids, a tick of its own;
//! - `at T long|short ok | fill Q @ P [maker] | done | reject REASON | cancel_failed | status unknown|in_doubt|open|done | funding A
//!   | transferred A | liquidated Q @ P lost A`: an answer of that venue, about its last order, or about order N of all
//!   (`long:N`);
//! - `at T mandate full|hold|keep|reduce|close|close long|close short`: from now on everything may be done; nothing opens; nothing
//!   opens and no leg of S3 is let go; nothing opens or covers and all is closed; all is closed; one leg is;
//! - `at T wait`: only timers;
//! - `# text`.
//!
//! Every line is followed by what the trader did, each behind `  > `. The whole text is compared, so a scenario cannot
//! pass by accident. Timers that are due before a line are run first and shown as `  > timer T`.

use perpx_core::config::ConfigFile;
use perpx_core::ledger::{Belief, VenueBook};
use perpx_core::market::{Command, DepthLevel, Event, EventBody, OrderId, OrderKind, OrderState, Reject, Role, Side};
use perpx_core::port::{Actions, Mandate, Moment, Trader, Transition, View};
use perpx_core::signals::{SignalColumn, SignalKey, SignalSet, TileSignals};
use perpx_core::strategy::{FundingKinds, Plan};
use perpx_core::tape::rows::{DepthRow, FundingKind, FundingRow, MarkRow, QuoteRow, VenueTables};
use perpx_core::tape::{Carry, Tile, align};
use perpx_core::trader::Composite;
use perpx_core::units::{Cash, Mid, Price, Qty, Rate, SECOND, Time, TimeDelta, parse_scaled};
use perpx_core::watch::{EvalCtx, TrailingExtreme, Watches, fires};
use std::fmt::Write;
use std::sync::Arc;

const START: Time = Time::of_day(20_458); // 2026-01-05

struct Scene {
    plan: Plan,
    keys: Vec<SignalKey>,
    signal: [f64; 4],
    trader: Composite,
    belief: Belief,
    tables: [VenueTables; 2],
    mandate: Mandate,
    last: [OrderId; 2],
    /// Of each order, by its number.
    sides: Vec<Side>,
    best: Option<Price>,
    out: String,
}

fn fixed(text: &str, scale: u32) -> i128 {
    parse_scaled(text, scale).unwrap_or_else(|| panic!("'{text}' is not a decimal"))
}

fn price(text: &str) -> Price {
    Price(fixed(text, 9) as i64)
}

fn role(text: &str) -> Role {
    match text {
        "long" => Role::Long,
        "short" => Role::Short,
        other => panic!("'{other}' is neither long nor short"),
    }
}

fn name(role: Role) -> &'static str {
    if role == Role::Long { "long" } else { "short" }
}

impl Scene {
    fn new(settings: &[&str]) -> Scene {
        let file = ConfigFile::parse("example.yml", include_str!("../../../../configs/example.yml"))
            .expect("the example loads");
        let base = ["entry.style=taker", "locking.style=taker", "capital.lighter=1000", "capital.grvt=1000"];
        let all = base.iter().chain(settings);
        let overrides: Vec<_> = all.map(|text| file.set(text).unwrap_or_else(|e| panic!("{text}: {e}"))).collect();
        let config = file.with(&overrides).unwrap_or_else(|e| panic!("{e}"));
        let mut signals = SignalSet::default();
        let world = Arc::new(config.world.clone());
        let mut plan = Plan::bind(&config, world, FundingKinds { predicted: false }, &mut signals);
        let capital = config.account.capital.map(|c| c.expect("set above"));
        plan.capital = (capital[0] + capital[1]).into();
        let s = &config.strategy;
        let books = Role::BOTH.map(|r| {
            let grid = config.world.venues[r.ix()].instrument.money_grid;
            VenueBook::new(r, grid, s.leverage, s.risk.isolated_margin, capital[r.ix()])
        });
        Scene {
            plan,
            keys: signals.keys().to_vec(),
            signal: [0.0, 0.5, 0.0, 5.0],
            trader: Composite::default(),
            belief: Belief::new(books),
            tables: Default::default(),
            mandate: Mandate::FULL,
            last: [OrderId(0); 2],
            sides: vec![Side::Buy],
            best: None,
            out: String::new(),
        }
    }

    fn tile(&self) -> Tile {
        align([&self.tables[0], &self.tables[1]], START, START.plus(1_000_000 * SECOND), &mut Carry::default())
    }

    fn signals(&self, tile: &Tile) -> TileSignals {
        let rows = 0..tile.local.len();
        let mid = |row: usize, r: Role| tile.local.bbo(row, r).mid().raw() as f64;
        let spread = |row: usize| {
            let (l, s) = (mid(row, Role::Long), mid(row, Role::Short));
            (l - s) / ((l + s) / 2.0) * 1e4
        };
        let edge = |row: usize| tile.local.bid[1][row] as f64 / tile.local.ask[0][row] as f64;
        let column = |key: &SignalKey| {
            let [trend, vol, mean, sigma] = self.signal;
            let (bar_length, a, b) = match *key {
                SignalKey::Trend { bar_length, .. } => (bar_length, trend, f64::NAN),
                SignalKey::Volatility { bar_length, .. } => (bar_length, vol, f64::NAN),
                SignalKey::Sigma { bar_length, .. } => (bar_length, mean, sigma),
                SignalKey::Quantile { bar_length, .. } => (bar_length, mean - sigma, mean + sigma),
            };
            let n = 20_000;
            SignalColumn {
                bar_length,
                first_bar: START.steps(bar_length) - 1,
                a: vec![a; n],
                b: vec![b; n],
                c: vec![mean; n],
            }
        };
        TileSignals {
            spread: rows.clone().map(spread).collect(),
            edge: rows.map(edge).collect(),
            columns: self.keys.iter().map(column).collect(),
            ..TileSignals::default()
        }
    }

    /// One call of `step`, its commands and transition written down; at quiet ticks nothing may have changed.
    fn step(&mut self, moment: Moment, now: Time) {
        let (tile, mut actions) = (self.tile(), Actions::default());
        let signals = self.signals(&tile);
        let row = tile.local.len() - 1;
        let mids = Role::BOTH.map(|r| tile.local.bbo(row, r).mid());
        let before = (self.trader.clone(), self.belief.is_flat());
        if let Moment::Answer(event) = &moment {
            self.belief.apply(event, mids, perpx_core::ledger::Line::Price);
        }
        let best = self.trader.extreme(&self.plan).map(|extreme| {
            let px = tile.local.bbo(row, extreme.role).opposite(extreme.role.closing()).0;
            let kept = self.best.unwrap_or(extreme.start);
            let px = if extreme.role == Role::Long { kept.max(px) } else { kept.min(px) };
            self.best = Some(px);
            TrailingExtreme { role: extreme.role, px }
        });
        let view = View {
            now,
            row,
            local: &tile.local,
            signals: &signals,
            belief: &self.belief,
            best,
            breach: None,
            mandate: self.mandate,
        };
        let mut watches = Watches::default();
        self.trader.watches(&self.plan, &mut watches);
        let ctx = EvalCtx { local: &tile.local, signals: &signals };
        let is_told = moment != Moment::Tick || self.mandate != Mandate::FULL;
        let awake = is_told || watches.rules().iter().any(|rule| fires(rule, ctx, row, best));
        self.trader.step(&self.plan, moment, &view, &mut actions);
        if !awake {
            assert_eq!(self.trader, before.0, "a tick that no watch asked for changed the trader");
        }
        if self.trader.extreme(&self.plan).is_none() {
            self.best = None;
        }
        self.note(&actions);
    }

    fn note(&mut self, actions: &Actions) {
        if let Some(Transition { from, to, reason, also }) = actions.transition {
            let state = |s: u8| Composite::STATES[s as usize].name;
            let also: Vec<_> = (0..32).filter(|bit| also >> bit & 1 == 1).map(|bit| Composite::REASONS[bit]).collect();
            let also = if also.is_empty() { String::new() } else { format!(" (also {})", also.join(", ")) };
            let reason = Composite::REASONS[reason as usize];
            writeln!(self.out, "  > {} -> {} {reason}{also}", state(from), state(to)).expect("a string");
        }
        for command in &actions.commands {
            let text = match *command {
                Command::Place(order) => {
                    self.last[order.venue.ix()] = order.id;
                    self.sides.push(order.side);
                    let side = if order.side == Side::Buy { "buy" } else { "sell" };
                    let kind = match order.kind {
                        OrderKind::PostOnly => "post-only",
                        OrderKind::Limit => "limit",
                        OrderKind::Ioc => "ioc",
                        OrderKind::Fok => "fok",
                        OrderKind::Market => "market",
                    };
                    let reduce = if order.reduce_only { " reduce-only" } else { "" };
                    format!("{} {side} {} @ {} {kind}{reduce}", name(order.venue), order.qty, order.limit)
                }
                Command::Cancel { venue, .. } => format!("{} cancel", name(venue)),
                Command::Modify { venue, qty, limit, .. } => format!("{} change to {qty} @ {limit}", name(venue)),
                Command::Query { venue, .. } => format!("{} query", name(venue)),
            };
            writeln!(self.out, "  > {text}").expect("a string");
        }
    }

    fn run_timers(&mut self, until: Time) {
        while let Some(due) = self.trader.next_timer().filter(|&due| due <= until) {
            let seconds = due.since(START).as_f64(SECOND);
            let mark = self.out.len();
            writeln!(self.out, "  > timer {seconds}").expect("a string");
            let end = self.out.len();
            self.step(Moment::Timer, due);
            if self.out.len() == end {
                self.out.truncate(mark); // a timer that did nothing is not worth a line
            }
        }
    }

    fn line(&mut self, words: &[&str]) {
        let ["at", at, rest @ ..] = words else { panic!("'{}' is no line of a scenario", words.join(" ")) };
        let now = START.plus(TimeDelta(fixed(at, 9) as i64));
        match rest {
            ["wait"] => {}
            ["mandate", words @ ..] => {
                self.mandate = match words {
                    ["full"] => Mandate::FULL,
                    ["hold"] => Mandate { may_open: false, ..Mandate::FULL },
                    ["keep"] => Mandate { may_open: false, may_unlock: false, ..Mandate::FULL },
                    ["reduce"] => Mandate { may_open: false, may_cover: false, closes: [true; 2], ..Mandate::FULL },
                    ["close", "together"] => {
                        Mandate { may_open: false, may_unlock: false, closes: [true; 2], ..Mandate::FULL }
                    }
                    ["close"] => Mandate { may_open: false, closes: [true; 2], ..Mandate::FULL },
                    ["close", leg] => {
                        Mandate { may_open: false, closes: Role::BOTH.map(|r| r == role(leg)), ..Mandate::FULL }
                    }
                    other => panic!("'{}' is no mandate", other.join(" ")),
                };
            }
            ["quote", long, short] => self.tick(now, [long, short]),
            ["mark", long, short] => {
                for (table, px) in self.tables.iter_mut().zip([long, short]) {
                    table.marks.push(MarkRow { exch: now, recv: now, mark: price(px), index: price(px) });
                }
            }
            ["depth", who, levels @ ..] => {
                let level = |text: &&str| {
                    let (q, px) = text.split_once('@').expect("a quantity and a price");
                    DepthLevel { px: price(px), qty: Qty(fixed(q, 9) as i64) }
                };
                let bids = levels.iter().map(level).collect();
                self.tables[role(who).ix()].depth.push(DepthRow { exch: now, recv: now, bids, asks: Vec::new() });
                self.step(Moment::Tick, now);
                self.run_timers(now);
            }
            ["funding", who, rate, hours] => {
                let hours: u32 = hours.parse().expect("whole hours");
                let rate = Rate(fixed(rate, 12) as i64);
                let kind = FundingKind::Settled;
                let row = FundingRow { ts: now, recv: now, rate, interval_hours: hours, kind };
                self.tables[role(who).ix()].funding.push(row);
            }
            [who, answer @ ..] => {
                let (who, number) = who.split_once(':').map_or((*who, None), |(who, number)| (who, Some(number)));
                let number = number.map(|number| OrderId(number.parse().expect("an order's number")));
                self.answer(now, role(who), number, answer);
            }
            [] => panic!("at {at}: nothing is said"),
        }
    }

    fn tick(&mut self, now: Time, quotes: [&str; 2]) {
        for (table, text) in self.tables.iter_mut().zip(quotes) {
            if let Some((bid, ask)) = text.split_once('/') {
                let ten = Qty(10_000_000_000);
                let bbo = perpx_core::market::Bbo { bid: price(bid), bid_qty: ten, ask: price(ask), ask_qty: ten };
                table.quotes.push(QuoteRow { exch: now, recv: now, bbo });
            }
        }
        self.step(Moment::Tick, now);
        self.run_timers(now);
    }

    fn answer(&mut self, now: Time, venue: Role, number: Option<OrderId>, words: &[&str]) {
        let id = number.unwrap_or(self.last[venue.ix()]);
        let side = self.sides[id.0 as usize];
        let cash = |text: &str| Cash(fixed(text, 12));
        let qty = |text: &str| Qty(fixed(text, 9) as i64);
        let body = match words {
            ["ok"] => EventBody::Accepted { id },
            ["fill", q, "@", px, maker @ ..] => {
                EventBody::Fill { id, side, px: price(px), qty: qty(q), maker: !maker.is_empty(), fee: Cash::ZERO }
            }
            ["done"] => EventBody::Done { id, filled: Qty::ZERO },
            ["reject", reason] => {
                let reason = match *reason {
                    "post_only" => Reject::PostOnlyCross,
                    "no_margin" => Reject::NoMargin,
                    "drawn" => Reject::Drawn,
                    "unavailable" => Reject::Unavailable,
                    "rate_limit" => Reject::RateLimit,
                    "price_band" => Reject::PriceBand,
                    "gate" => Reject::Gate,
                    other => panic!("no such reason: {other}"),
                };
                EventBody::Rejected { id, reason }
            }
            ["cancel_failed"] => EventBody::CancelRejected { id },
            ["status", "unknown"] => EventBody::Status { id, state: OrderState::Unknown },
            ["status", "in_doubt"] => EventBody::Status { id, state: OrderState::InDoubt },
            ["status", "open"] => EventBody::Status { id, state: OrderState::Open { filled: Qty::ZERO } },
            ["status", "done"] => EventBody::Status { id, state: OrderState::Done { filled: Qty::ZERO } },
            ["funding", amount] => EventBody::Funding { amount: cash(amount), rate: Rate::ZERO, px: Price(0) },
            ["transferred", amount] => EventBody::Transferred { amount: cash(amount), fee: Cash::ZERO },
            ["liquidated", q, "@", px, "lost", amount] => {
                EventBody::Liquidated { px: price(px), qty: qty(q), fee: Cash::ZERO, lost: cash(amount) }
            }
            other => panic!("'{}' is no answer", other.join(" ")),
        };
        self.step(Moment::Answer(Event { at: now, venue_time: now, venue, body, met: Mid::ZERO }), now);
    }
}

/// Plays a script and returns it with what the trader did.
fn play(script: &str) -> String {
    let settings: Vec<&str> = script.lines().filter_map(|line| line.strip_prefix("set ")).collect();
    let mut scene = Scene::new(&settings);
    for line in script.lines().filter(|line| !line.starts_with("  >")) {
        let code = line.split('#').next().unwrap_or_default();
        let words: Vec<&str> = code.split_whitespace().collect();
        if let ["at", at, ..] = words[..] {
            scene.run_timers(START.plus(TimeDelta(fixed(at, 9) as i64 - i64::from(words[2] != "wait"))));
        }
        writeln!(scene.out, "{line}").expect("a string");
        match words.as_slice() {
            [] | ["set", ..] => {}
            ["signal", which, value] => {
                let at = ["trend", "vol", "mean", "sigma"].iter().position(|name| name == which);
                scene.signal[at.expect("a signal's name")] = value.parse().expect("a number");
            }
            words => scene.line(words),
        }
    }
    scene.out
}

#[test]
fn scenarios_read_like_blotters() {
    let dir = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/engine/scenarios");
    let mut files: Vec<_> = std::fs::read_dir(&dir).expect("the folder").map(|e| e.expect("an entry").path()).collect();
    files.sort();
    assert!(!files.is_empty());
    let mut wrong = Vec::new();
    for file in files {
        let script = std::fs::read_to_string(&file).expect("a script");
        let played = play(&script);
        if played != script {
            if std::env::var_os("PERPX_BLESS").is_some() {
                std::fs::write(&file, &played).expect("writable");
            }
            wrong.push(format!("--- {}\n{played}", file.display()));
        }
    }
    assert!(wrong.is_empty(), "scenarios that ran otherwise than written:\n{}", wrong.join("\n"));
}
