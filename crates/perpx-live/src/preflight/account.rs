//! What a venue says, held against the configuration.

use super::Subject;
use super::machine::number;
use super::requests::{beyond_standard, worst_minute};
use super::row::{Grade, Row};
use crate::live_file::ACCOUNT_LINES;
use crate::recovery::Past;
use crate::rules_watch::{WORSE, is_coarser, is_dearer};
use perpx_core::config::{Profile, Size, Tier, VenueWorld};
use perpx_core::market::DepthLevel;
use perpx_core::units::{Cash, MINUTE, MS, Notional, Price, Qty, Rate, format_scaled};
use perpx_data::profiles;
use perpx_venues::examine::{AccountSaid, Examiner};
use perpx_venues::lighter::CHAINS;
use perpx_venues::net::hosts::Network;
use perpx_venues::probe::one_order;
use perpx_venues::recorder::wall_state::Offset;
use perpx_venues::refresh::RefreshError;
use perpx_venues::refresh::said::{Said, Trading};
use perpx_venues::registry;
use perpx_venues::secret::ENV_FILE;
use perpx_venues::venue::Venue;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

/// A venue's clock that is further away: nothing opens.
const FAR_MS: i64 = 500;

/// The checks of the venue of one leg. What cannot be read leaves out what depends on it.
pub fn rows(subject: &Subject, v: usize, (knows_tier, authority): (bool, Option<&Path>)) -> Vec<Row> {
    let name = &subject.config.account.venues[v].name;
    let mut rows = match Venue::named(name) {
        Some(venue) => Look { subject, venue, world: &subject.config.world.venues[v], v, rows: Vec::new() }
            .look(knows_tier, authority),
        None => vec![Row::of(
            Grade::Refuse,
            "venue",
            format!("{name} is no venue that this program speaks with"),
            Venue::ALL.map(Venue::name).join(", "),
            "sweep over these",
        )],
    };
    rows.iter_mut().for_each(|row| row.venue = Some(name.clone()));
    rows
}

/// An order of the least size that rests, and its cancel: that what is signed here is understood there.
pub fn order(subject: &Subject, v: usize, authority: Option<&Path>, stop: &Arc<AtomicBool>) -> Option<Row> {
    let name = &subject.config.account.venues[v].name;
    let account = subject.folder.file.account(Venue::named(name)?)?;
    let row = match subject.network {
        Network::Mainnet => {
            let found = "nothing was sent: --testnet-order is for test networks and emulators";
            Row::of(Grade::Refuse, "order", found, "a test network", "leave it out")
        }
        _ => match one_order(account, (&subject.network, authority), &subject.symbol, stop) {
            Ok(done) => Row::ok("order", done),
            Err(error) => Row::of(
                Grade::Refuse,
                "order",
                error.to_string(),
                "an order that rests, and its cancel",
                "look at the account: something may be open",
            ),
        },
    };
    Some(Row { venue: Some(name.clone()), ..row })
}

struct Look<'a> {
    subject: &'a Subject,
    venue: Venue,
    world: &'a VenueWorld,
    v: usize,
    rows: Vec<Row>,
}

impl Look<'_> {
    fn add(&mut self, row: Row) {
        self.rows.push(row);
    }

    fn refuse(&mut self, check: &'static str, found: impl Into<String>, accepted: &str, to_do: &str) {
        self.add(Row::of(Grade::Refuse, check, found, accepted, to_do));
    }

    /// What was said, or the row of why not.
    fn said<T>(&mut self, check: &'static str, said: Result<T, RefreshError>) -> Option<T> {
        match said {
            Ok(said) => Some(said),
            Err(error) => {
                self.refuse(
                    check,
                    error.to_string(),
                    "an answer",
                    "look at the numbers in live.toml, the keys and the host",
                );
                None
            }
        }
    }

    fn look(mut self, knows_tier: bool, authority: Option<&Path>) -> Vec<Row> {
        let Some(account) = self.subject.folder.file.account(self.venue) else {
            self.refuse("account", "no number in live.toml", ACCOUNT_LINES, "write it under [account]");
            return self.rows;
        };
        let public = match registry::public_keys(self.venue, Path::new(ENV_FILE)) {
            // the first signs what opens
            Ok(keys) => keys.into_iter().next().unwrap_or_default(),
            Err(error) => {
                self.refuse("key", error.to_string(), "a key in the environment or in .env", "put it there");
                return self.rows;
            }
        };
        let begun = Examiner::begin(account, &self.subject.network, authority);
        let Some(mut examiner) = self.said("hosts", begun) else { return self.rows };
        let played = examiner.reach.played.is_some();
        let hosts = examiner.reach.hosts.values().map(|host| host.http()).collect::<Vec<_>>().join(", ");
        if played == self.subject.is_real() {
            let found = format!("{hosts}: {}", if played { "an emulator answers" } else { "no emulator answers" });
            self.refuse("hosts", found, "what live.toml names", "look at network and host there");
            return self.rows;
        }
        let clock = examiner.clock();
        let Some(clock) = self.said("hosts", clock) else { return self.rows };
        let way =
            if examiner.reach.hosts.values().all(|host| host.is_tls) { "by TLS" } else { "plain, on this machine" };
        self.add(Row::ok("hosts", format!("{hosts}: answers, {way}")));
        self.clock(clock.offset);
        self.chain(clock.chain);
        self.key(&mut examiner, &public);
        let market = examiner.market(&self.subject.symbol);
        let Some(said) = self.said("market", market) else { return self.rows };
        self.market(&said);
        self.fees(&said);
        self.tier(&said, knows_tier);
        let book = examiner.book(&said.market);
        let mid = self.said("depth", book).and_then(|book| self.depth(&book));
        let holds = examiner.account(&said.market);
        if let Some(holds) = self.said("account", holds) {
            self.account(&holds, &number(Some(account)));
            self.margin(&holds, mid);
        }
        self.rows
    }

    fn clock(&mut self, Offset { offset_ns, bound_ns }: Offset) {
        let [offset, bound] = [offset_ns, bound_ns].map(|ns| ns as f64 / MS.0 as f64);
        let found = format!("the venue's is {offset:+.0} ms from ours, to within {bound:.0} ms");
        match offset_ns.abs() - bound_ns > FAR_MS * MS.0 {
            true => self.refuse("clock", found, &format!("{FAR_MS} ms"), "set the machine's clock by a time service"),
            false => self.add(Row::ok("clock", found)),
        }
    }

    fn chain(&mut self, chain: Option<i64>) {
        let Some(chain) = chain else { return };
        let wanted = match self.subject.network {
            Network::Mainnet => CHAINS[0].into(),
            Network::Testnet => CHAINS[1].into(),
            Network::Custom(_) => chain,
        };
        match chain == wanted {
            true => self.add(Row::ok("chain", format!("{chain}"))),
            false => self.refuse("chain", format!("{chain}"), &wanted.to_string(), "look at network in live.toml"),
        }
    }

    fn key(&mut self, examiner: &mut Examiner, public: &str) {
        let short = |key: &str| format!("{}...", key.get(..18).unwrap_or(key));
        let registered = examiner.registered_key();
        match self.said("key", registered) {
            Some(Some(theirs)) if theirs.trim_start_matches("0x").eq_ignore_ascii_case(public) => {
                self.add(Row::ok("key", format!("{}, as the venue has it", short(public))));
            }
            Some(Some(theirs)) => {
                let found = format!("the venue has {}, ours is {}", short(&theirs), short(public));
                self.refuse(
                    "key",
                    found,
                    "the same",
                    "register the key that `perpx-live keys` prints, or name its number",
                );
            }
            Some(None) => self.add(Row::of(
                Grade::Warn,
                "key",
                format!("signer {public}: the venue tells nobody which signers it takes"),
                "a signer that the venue knows",
                "look at the venue's page of API keys",
            )),
            None => {}
        }
    }

    fn market(&mut self, said: &Said) {
        match &said.trading {
            Trading::Open => self.add(Row::ok("market", format!("{} takes orders", said.symbol))),
            Trading::ReduceOnly => {
                self.refuse("market", format!("{} takes reducing orders alone", said.symbol), "an open one", "wait");
            }
            Trading::Closed(word) => self.refuse("market", format!("{} is {word}", said.symbol), "an open one", "wait"),
        }
        let rules = &self.world.instrument;
        let worse = is_coarser(said, rules);
        let differs = (said.tick, said.lot, said.min_qty, said.min_notional)
            != (rules.tick, rules.lot, rules.min_qty, rules.min_notional);
        let show = |tick: Price, lot: Qty, qty: Qty, value: Notional| {
            format!("tick {tick}, lot {lot}, least {qty} and {}", format_scaled(value.0, 18))
        };
        let found = show(said.tick, said.lot, said.min_qty, said.min_notional);
        let swept = show(rules.tick, rules.lot, rules.min_qty, rules.min_notional);
        self.add(match (worse, differs) {
            (true, _) => {
                Row::of(Grade::Refuse, "steps", found, format!("as swept, or finer: {swept}"), refreshed(self.venue))
            }
            (false, true) => {
                Row::of(Grade::Warn, "steps", format!("{found}: finer than swept"), swept, refreshed(self.venue))
            }
            (false, false) => Row::ok("steps", found),
        });
        let first = |brackets: &[perpx_core::market::Bracket]| brackets.first().map(|one| one.maintenance);
        let (theirs, ours) = (first(&said.brackets), first(&rules.margin.brackets));
        let text = |rate: Option<Rate>| rate.map_or("none".to_owned(), |rate| rate.to_string());
        if theirs > ours {
            let found = format!("maintenance of {} at first", text(theirs));
            self.add(Row::of(
                Grade::Refuse,
                "maintenance",
                found,
                format!("as swept: {}", text(ours)),
                refreshed(self.venue),
            ));
        }
        let hours = self.profile().map(|profile| profile.funding_interval_hours);
        self.add(match (said.interval_hours, hours) {
            (Some(said), Some(hours)) if said == hours => Row::ok("funding", format!("each {said} h")),
            (Some(said), hours) => {
                let accepted =
                    hours.map_or("an interval that is known".to_owned(), |hours| format!("as swept: each {hours} h"));
                Row::of(Grade::Refuse, "funding", format!("each {said} h"), accepted, refreshed(self.venue))
            }
            (None, _) => Row::of(
                Grade::Warn,
                "funding",
                "no two settlements are told",
                "an interval",
                "look at the venue's page",
            ),
        });
    }

    fn profile(&self) -> Option<Profile> {
        let profiles = profiles::known().or_else(|_| Profile::shipped()).ok()?;
        Profile::of(&profiles, self.venue.name(), &self.subject.symbol).cloned()
    }

    fn fees(&mut self, said: &Said) {
        let Ok((tier, maker, taker)) = &said.fees else {
            let why = said.fees.as_ref().err().cloned().unwrap_or_default();
            return self.refuse("fees", why, "the account's fees", "give the key");
        };
        let ours = &self.world.fees;
        let text = |maker: Rate, taker: Rate| format!("maker {} bp, taker {} bp", maker.bps(), taker.bps());
        let found = format!("tier {tier}: {}", text(*maker, *taker));
        let pairs = [(*maker, ours.maker), (*taker, ours.taker)];
        let swept = format!("as swept: {}", text(ours.maker, ours.taker));
        self.add(match pairs {
            pairs if pairs.iter().any(|(theirs, ours)| is_dearer(*theirs, *ours)) => Row::of(
                Grade::Refuse,
                "fees",
                found,
                format!("{swept}, or {} bp more", WORSE.bps()),
                "sweep with these fees",
            ),
            pairs if pairs.iter().any(|(theirs, ours)| theirs < ours) => {
                Row::of(Grade::Warn, "fees", format!("{found}: lower than swept"), swept, "sweep with these fees")
            }
            _ => Row::ok("fees", found),
        });
    }

    /// The tier, and how much may be asked by it.
    fn tier(&mut self, said: &Said, knows_tier: bool) {
        let Ok((tier, ..)) = &said.fees else { return };
        let strategy = &self.subject.config.strategy;
        let worst = worst_minute(strategy);
        let profile = self.profile();
        let known: Option<&Tier> = profile.as_ref().and_then(|profile| profile.tier(tier));
        let asks = format!("the busiest minute ({}) sends {} and reads {}", worst.part, worst.sends, worst.reads);
        let Some(known) = known else {
            let found = format!("tier {tier}, of which the profile knows no limits; {asks}");
            return self.add(Row::of(
                Grade::Warn,
                "requests",
                found,
                "a tier of the profile",
                "look at the venue's page of limits",
            ));
        };
        let limit = &known.rate_limit;
        let most = i64::from(limit.requests) * MINUTE.0 / limit.window.0.max(1);
        let is_standard = self.venue == Venue::Lighter && tier == "standard";
        let found = format!("tier {tier}: {most} a minute; {asks}");
        let beyond = beyond_standard(strategy).filter(|_| is_standard);
        self.add(match beyond {
            Some(what) if !knows_tier => Row::of(
                Grade::Refuse,
                "requests",
                format!("{found}; {what}"),
                "styles that take and entry.mode: first_leg, or another tier",
                "change the tier at the venue, or say --i-know-the-tier",
            ),
            // reads of the other tiers have a budget of their own
            _ if if is_standard { worst.all() } else { worst.sends } > most => Row::of(
                Grade::Warn,
                "requests",
                found,
                "a tier that bears it",
                "longer waits before the next attempt, or another tier",
            ),
            _ => Row::ok("requests", found),
        });
        let swept = self.subject.config.account.venues[self.v].tier.clone();
        let swept =
            swept.or_else(|| profile.as_ref().and_then(|profile| profile.default_tier.clone())).unwrap_or_default();
        let delays = self.world.delays;
        if swept != *tier && known.delays != delays {
            let slower = known.delays.taker > delays.taker
                || known.delays.maker > delays.maker
                || known.delays.cancel > delays.cancel;
            let grade = if slower { Grade::Refuse } else { Grade::Warn };
            let found = format!("the account's is {tier}, whose delays are others than those of the sweep");
            self.add(Row::of(grade, "tier", found, format!("as swept: {swept}"), "sweep with the account's tier"));
        }
    }

    /// Whether an order finds its size; the mid of the book.
    fn depth(&mut self, [bids, asks]: &[Vec<DepthLevel>; 2]) -> Option<Price> {
        let (Some(bid), Some(ask)) = (bids.first(), asks.first()) else {
            self.refuse("depth", "one side of the book is empty", "a book", "wait");
            return None;
        };
        let mid = Price((bid.px.0 + ask.px.0) / 2);
        let slip = self.subject.config.strategy.execution.urgent_slip;
        let (low, high) = (bid.px.scaled_floor(-slip), ask.px.scaled_ceil(slip));
        let sum = |levels: &[DepthLevel], within: &dyn Fn(Price) -> bool| -> Qty {
            Qty(levels.iter().filter(|level| within(level.px)).map(|level| level.qty.0).sum())
        };
        let (bought, sold) = (sum(asks, &|px| px <= high), sum(bids, &|px| px >= low));
        let wanted = self.quantity(mid);
        let found =
            format!("{sold} bid and {bought} offered within {} bp of the best; an order is {wanted}", slip.bps());
        match wanted > bought.min(sold) {
            true => self.refuse("depth", found, "an urgent close finds its size", "a smaller size"),
            false => self.add(Row::ok("depth", found)),
        }
        let rules = &self.world.instrument;
        let least = wanted.0 / i64::from(self.subject.config.strategy.locking.batches.max(1));
        if !rules.takes(Qty(least), mid) {
            let found = format!("an order of {} is below what the venue takes", Qty(least));
            self.refuse("size", found, "orders above the minimums", "a larger size, or fewer batches");
        }
        Some(mid)
    }

    fn quantity(&self, mid: Price) -> Qty {
        match self.subject.config.strategy.size {
            Size::Base(qty) => qty,
            Size::Quote(cash) => {
                let billionth = i128::from(mid.0.max(1));
                Qty(i64::try_from(cash.0 * 1_000_000 / billionth).unwrap_or(i64::MAX))
                    .floor_to(self.world.instrument.lot)
            }
        }
    }

    fn account(&mut self, said: &AccountSaid, number: &str) {
        let AccountSaid { position, open_orders, .. } = said;
        let journal = self.subject.folder.path.join("journal");
        // read after the account: what the run has sent by then is in it
        let past = if journal.is_dir() { Past::read(&journal).ok().map(|(past, _)| past) } else { None };
        let held = past.as_ref().map_or(Qty::ZERO, |past| past.held()[self.v]);
        let has_some = past.is_some_and(|past| past.is_open());
        let found = format!("{number} holds {position} and has {open_orders} orders open");
        self.add(match position.is_zero() && *open_orders == 0 {
            true => Row::ok("account", found),
            false if has_some && position.abs() == held && *open_orders == 0 => {
                Row::ok("account", format!("{found}, as this run's journal has it"))
            }
            false if has_some => Row::of(
                Grade::Warn,
                "account",
                found,
                "nothing, or what this run's own journal has",
                "compare it with `perpx-live journal RUN`",
            ),
            false => Row::of(
                Grade::Refuse,
                "account",
                format!("{found}, of which this folder's journal has nothing"),
                "an account that holds nothing, with no order open",
                "close and cancel by hand, or name the folder of the run",
            ),
        });
        let others: Vec<String> = said.others.iter().map(|(name, size)| format!("{size} {name}")).collect();
        match others.is_empty() {
            true => self.add(Row::ok("other markets", "none is held, the margin is this one's alone")),
            false => self.refuse(
                "other markets",
                others.join(", "),
                "none: the margin is shared",
                "close them, or take another account",
            ),
        }
        let wanted = self.subject.config.strategy.leverage;
        let times = |rate: Rate| format_scaled(rate.0.into(), 12);
        let mode = match said.is_isolated {
            Some(true) => "isolated",
            Some(false) => "cross",
            None => "not told",
        };
        let found = format!("{} times, margin {mode}", said.leverage.map_or("not told".to_owned(), times));
        let fits = said.leverage == Some(wanted) && said.is_isolated == Some(false);
        let accepted = format!("{} times, margin cross", times(wanted));
        self.add(match (fits, position.is_zero()) {
            (true, _) => Row::ok("leverage", found),
            (false, true) => {
                Row::of(Grade::Warn, "leverage", found, accepted, "nothing: a start sets it, the account being flat")
            }
            (false, false) => {
                Row::of(Grade::Refuse, "leverage", found, accepted, "close the position: it cannot be set before")
            }
        });
    }

    /// Whether what is free bears a leg, and is as much as was swept with.
    fn margin(&mut self, said: &AccountSaid, mid: Option<Price>) {
        let Some(mid) = mid else { return };
        let strategy = &self.subject.config.strategy;
        let value = mid.of(self.quantity(mid)).as_f64();
        let needed = value / strategy.leverage.as_f64();
        let (cash, free) = (said.cash.as_f64(), said.free.as_f64());
        let found = format!("{cash:.2} booked, {free:.2} free; a leg is worth {value:.2} and takes {needed:.2}");
        let capital = self.subject.config.account.capital[self.v].map(Cash::as_f64);
        self.add(match capital {
            _ if free < needed => {
                Row::of(Grade::Refuse, "balance", found, format!("{needed:.2} free"), "pay in, or a smaller size")
            }
            Some(capital) if cash < capital => Row::of(
                Grade::Warn,
                "balance",
                found,
                format!("as swept: {capital:.2}"),
                "pay in: returns and limits of the sweep are of that capital",
            ),
            _ => Row::ok("balance", found),
        });
    }
}

fn refreshed(venue: Venue) -> String {
    format!("`perpx-data venue refresh --venue {}`, and sweep again", venue.name())
}
