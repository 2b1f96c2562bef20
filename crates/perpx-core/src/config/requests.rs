//! How many requests a configuration's styles take of a venue within its window, at worst.

use super::{Config, Direction, EntryMode, Style, Taking};
use crate::market::{RateLimit, Role};
use crate::units::{NS, Rate, SECOND, TimeDelta};

/// What a venue has to take from a configuration.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct WorstWindow {
    /// Orders and cancels.
    pub requests: u64,
    /// What the venue takes per window.
    pub limit: RateLimit,
    /// They leave no more than what is kept for closes, or not even that.
    pub is_too_many: bool,
}

/// By role; `None`: the venue has no limit. Every post rests its whole time and fills nothing, every taker fills: orders
/// that miss, rollbacks and urgent closes come on top. A trade may begin once a bar.
pub fn worst_window(config: &Config) -> [Option<WorstWindow>; 2] {
    let s = &config.strategy;
    Role::BOTH.map(|role| {
        let venue = &config.world.venues[role.ix()];
        let limit = venue.rate_limit?;
        let trades = (limit.window / s.bar_length.max(NS)) as u64 + 1;
        let may = |first: Role| match s.direction {
            Direction::Long => first == Role::Long,
            Direction::Short => first == Role::Short,
            Direction::Both => true,
        };
        let batches = u64::from(s.locking.batches);
        let lock = match (s.entry.mode, s.locking.taking.style) {
            (EntryMode::Pair, _) => batches,
            (_, Style::Maker) => batches * (1 + u64::from(s.locking.max_retries)) * once(Style::Maker),
            (_, style) => batches * once(style),
        };
        let entry = if may(role) { once(s.entry.taking.style) } else { 0 };
        let opening = entry.max(if may(role.other()) { lock } else { 0 });
        // makers alone are posted again until they fill
        let close = |taking: &Taking, within: TimeDelta| match taking.style {
            Style::Maker => {
                let each = (taking.passive_timeout + s.execution.close_retry).max(NS);
                once(Style::Maker) * (within.max(TimeDelta::ZERO) / each + 1) as u64
            }
            style => trades * once(style),
        };
        let unlock = close(&s.unlock, limit.window.min(s.execution.venue_timeout));
        let requests = trades * opening + unlock.max(close(&s.exit.taking, limit.window));
        let is_too_many = limit.is_held(requests as usize, venue.reserve);
        Some(WorstWindow { requests, limit, is_too_many })
    })
}

/// Venues whose tier such styles cannot live within.
pub(super) fn warnings(config: &Config) -> impl Iterator<Item = String> {
    let worst = worst_window(config).into_iter().zip(&config.world.venues);
    worst.filter_map(|(worst, venue)| {
        let WorstWindow { requests, limit, .. } = worst.filter(|worst| worst.is_too_many)?;
        let (name, kept) = (&venue.instrument.venue, venue.reserve.0 * 100 / Rate::ONE);
        let window = limit.window.as_f64(SECOND);
        Some(format!(
            "{name}: posts that do not fill take {requests} requests in {window} s of the {} that it allows, of which {kept} % \
             are kept for closes (execution.request_reserve): write style: taker, a longer passive_timeout_ms, or a tier \
             that allows more",
            limit.requests
        ))
    })
}

/// Requests of one order by a style: post, cancel, taker.
fn once(style: Style) -> u64 {
    match style {
        Style::Taker => 1,
        Style::Maker => 2,
        Style::MakerThenTaker => 3,
    }
}
