//! What goes wrong in a run, as its newest snapshot shows it.

use crate::monitor::shared::Shared;
use crate::monitor::snapshot::{Identity, JournalHealth, Level, Phase, Snapshot, Trouble};
use crate::venue_clocks::MOST;
use perpx_core::units::SECOND;
use std::time::Duration;

/// An order of which nobody knows anything.
pub const DOUBT: Duration = Duration::from_secs(5);
/// A leg that stands alone where it should not: of the wall, since what closes it goes over the network, however fast a market is played.
pub const ALONE: Duration = Duration::from_secs(5);
/// From the mark to the liquidation, over the mark.
const NEAR: f64 = 0.015;
const NEARER: f64 = 0.0075;
/// Refused, of the last commands that placed.
const REFUSED: f64 = 0.5;
/// A venue's clock from ours, less what is not certain of it, seconds.
const AWAY: f64 = MOST.0 as f64 / SECOND.0 as f64;
/// Bytes.
const LITTLE_DISK: u64 = 2 << 30;

/// All of it. `free`: bytes on the disk.
pub fn troubles(shared: &Shared, free: Option<u64>) -> Vec<Trouble> {
    let mut found = Vec::new();
    let mut note = |rule, subject: &str, level, words: String| {
        found.push(Trouble { rule, subject: subject.to_owned(), level, words });
    };
    if let Some(free) = free.filter(|free| *free < LITTLE_DISK) {
        note("disk", "run folder", Level::Warning, format!("{:.2} GiB are free", free as f64 / f64::from(1 << 30)));
    }
    let Some(now) = shared.snapshot() else { return found };
    if let Some(ago) = shared.last_beat().filter(|ago| *ago > Duration::from_secs(2) && now.phase != Phase::Ended) {
        let words = format!("the engine has given no sign of life for {:.0} s", ago.as_secs_f64());
        note("stalled", "engine", Level::Critical, words);
    }
    if now.phase == Phase::Closing {
        note("closing", "run", Level::Warning, "nothing opens, everything is being closed".to_owned());
    }
    for verb in &now.verbs {
        let word = verb.split(' ').next().unwrap_or_default();
        let level = if ["flatten", "kill"].contains(&word) { Level::Critical } else { Level::Warning };
        note("verb", word, level, verb.clone());
    }
    market(&shared.identity, &now, &mut note);
    money(&shared.identity, &now, &mut note);
    if let Some(JournalHealth { lost: Some(why), .. }) = &now.journal {
        note("journal", "journal", Level::Critical, format!("it is lost: {why}"));
    }
    found.extend(now.troubles.iter().cloned());
    found
}

/// Feeds, orders, legs.
fn market(identity: &Identity, now: &Snapshot, note: &mut impl FnMut(&'static str, &str, Level, String)) {
    for stream in now.streams.iter().filter(|stream| !stream.is_open && now.phase != Phase::Ended) {
        let subject = format!("{} {}", identity.venues[stream.venue], stream.name);
        let words = stream.age.map_or("nothing has come yet".to_owned(), |age| format!("silent for {age:.0} s"));
        // it may take a while to open
        if stream.age.is_some() {
            note("feed", &subject, Level::Warning, words);
        }
    }
    let clocks = identity.venues.iter().zip(now.clocks).filter_map(|(venue, clock)| Some((venue, clock?)));
    for (venue, (offset, bound)) in clocks.filter(|(_, (offset, bound))| offset.abs() - bound > AWAY) {
        let words = format!("the venue's is {offset:+.1} s from ours, to {bound:.1} s: nothing opens");
        note("clock", venue, Level::Critical, words);
    }
    for order in &now.orders {
        if let Some(doubt) = order.in_doubt.filter(|doubt| *doubt > DOUBT.as_secs_f64()) {
            let subject = format!("{} order {}", identity.venues[order.venue], order.id);
            let words = format!("in doubt for {doubt:.0} s: {} {} at {}", order.side, order.qty, order.limit);
            note("doubt", &subject, Level::Warning, words);
        }
    }
    if let Some(alone) = now.alone.filter(|alone| *alone > ALONE.as_secs_f64()) {
        let words = format!("a leg stands alone for {alone:.0} s: net exposure {:.2}", now.money.net_exposure);
        note("leg alone", "run", Level::Critical, words);
    }
    if now.is_hedging {
        note("hedge", "run", Level::Warning, "the leg of a venue that does not answer is hedged".to_owned());
    }
    if let Some(share) = now.counts.reject_rate.filter(|share| *share > REFUSED) {
        note("rejects", "run", Level::Warning, format!("{:.0} % of the last orders were refused", share * 100.0));
    }
}

/// Liquidation, the day's loss, what nothing explains.
fn money(identity: &Identity, now: &Snapshot, note: &mut impl FnMut(&'static str, &str, Level, String)) {
    for (venue, leg) in identity.venues.iter().zip(&now.legs) {
        if let Some((at, distance)) = leg.liquidation.filter(|(_, distance)| *distance < NEAR) {
            let level = if distance < NEARER { Level::Critical } else { Level::Warning };
            let words = format!("the leg is taken at {at}: the mark is {:.0} bp away", distance * 1e4);
            note("liquidation distance", venue, level, words);
        }
    }
    if let Some(limit) = now.money.day_limit.filter(|limit| *limit > 0.0) {
        let share = -now.money.day / limit;
        let level = match share {
            share if share >= 1.0 => Some(Level::Critical),
            share if share >= 0.8 => Some(Level::Warning),
            share if share >= 0.5 => Some(Level::Info),
            _ => None,
        };
        if let Some(level) = level {
            let words = format!("the day has lost {:.2}: {:.0} % of what is allowed", -now.money.day, share * 100.0);
            note("day loss", "run", level, words);
        }
    }
    if let Some(unexplained) = now.money.unexplained.filter(|amount| amount.abs() > 0.0) {
        note("unexplained", "balance", Level::Critical, format!("{unexplained:+.2} of the balances is not explained"));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::monitor::snapshot::{Leg, Money, OpenOrder, Stream};

    /// Each rule that a snapshot can break, once, and none by a run that is well.
    #[test]
    fn every_rule_is_said_once() {
        let identity = Identity { venues: ["lighter".to_owned(), "grvt".to_owned()], ..Identity::default() };
        let (shared, _notices) = Shared::new(identity);
        assert!(troubles(&shared, Some(LITTLE_DISK)).is_empty());
        shared.beat();
        shared.publish(Snapshot { phase: Phase::Running, ..Snapshot::default() });
        assert!(troubles(&shared, Some(LITTLE_DISK)).is_empty());
        let order = OpenOrder {
            id: 7,
            venue: 1,
            side: "buy",
            kind: "Ioc".to_owned(),
            qty: 1.0,
            filled: 0.0,
            limit: 9.0,
            reduce_only: false,
            is_resting: false,
            age: 9.0,
            in_doubt: Some(9.0),
        };
        let stream = Stream {
            venue: 0,
            name: "all".to_owned(),
            is_open: false,
            age: Some(11.0),
            rate: 0.0,
            frames: 1,
            reconnects: 0,
        };
        let mut snapshot = Snapshot {
            phase: Phase::Closing,
            alone: Some(10.0),
            is_hedging: true,
            money: Money { day: -90.0, day_limit: Some(100.0), unexplained: Some(-400.0), ..Money::default() },
            legs: [Leg { liquidation: Some((1.0, 0.01)), ..Leg::default() }, Leg::default()],
            orders: vec![order],
            streams: vec![stream],
            clocks: [Some((2.4, 0.5)), Some((-3.0, 0.5))],
            journal: Some(JournalHealth { lost: Some("full".to_owned()), ..JournalHealth::default() }),
            ..Snapshot::default()
        };
        snapshot.counts.reject_rate = Some(0.6);
        shared.publish(snapshot);
        let found = troubles(&shared, Some(0));
        let rules: Vec<&str> = found.iter().map(|trouble| trouble.rule).collect();
        assert_eq!(
            rules,
            [
                "disk",
                "closing",
                "feed",
                "clock",
                "doubt",
                "leg alone",
                "hedge",
                "rejects",
                "liquidation distance",
                "day loss",
                "unexplained",
                "journal"
            ]
        );
    }
}
