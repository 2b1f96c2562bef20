//! How many requests a venue takes: a rolling window, and a quota that trading earns.

use super::account::Account;
use super::venue::{Env, SimVenue};
use crate::market::{Command, EventBody, Reject, VolumeQuota};
use crate::units::{Notional, Qty, Rate, Time};
use serde::{Deserialize, Serialize};

/// What an account has used and earned of its [`VolumeQuota`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct QuotaUse {
    /// Units used.
    spent: u64,
    /// Units earned, without those lost to the cap.
    earned: u64,
    /// Traded value that has not made a whole unit yet.
    rest: Notional,
    /// When the newest free request was taken.
    free_at: Option<Time>,
}

impl QuotaUse {
    /// A unit is left.
    fn has_units(&self, quota: &VolumeQuota) -> bool {
        u64::from(quota.start) + self.earned > self.spent
    }

    /// A request would be taken: for a unit, or as the free one.
    pub fn is_open(&self, quota: &VolumeQuota, t: Time) -> bool {
        self.has_units(quota) || self.free_at.is_none_or(|at| t.since(at) >= quota.free_every)
    }

    /// Counts a request that was taken.
    pub fn spend(&mut self, quota: &VolumeQuota, t: Time) {
        if self.has_units(quota) {
            self.spent += 1;
        } else {
            self.free_at = Some(t);
        }
    }

    /// Units that are left.
    pub fn left(&self, quota: &VolumeQuota) -> u64 {
        (u64::from(quota.start) + self.earned).saturating_sub(self.spent)
    }

    /// Trading earns units, up to the cap.
    pub fn earn(&mut self, quota: &VolumeQuota, value: Notional) {
        let all = self.rest.0 + value.abs().0;
        let unit = quota.value_per_unit.0.max(1);
        let most = (u64::from(quota.cap) + self.spent).saturating_sub(u64::from(quota.start)).max(self.earned);
        self.earned = u64::try_from(i128::from(self.earned) + all / unit).unwrap_or(u64::MAX).min(most);
        self.rest = Notional(all % unit);
    }
}

impl<A: Account> SimVenue<A> {
    /// Counts a request against the venue's window as it leaves; false where the window has no room for it: part of it is
    /// kept for what makes risk smaller. Queries go by another door. Nothing waits, and what is turned away does not count.
    pub(super) fn admits(&mut self, cmd: &Command, at: Time, env: &Env) -> bool {
        let Some(limit) = env.world.rate_limit else { return true };
        let reserve = match cmd {
            Command::Query { .. } => return true,
            Command::Place(order) if !order.reduce_only && !order.covers => env.world.reserve,
            Command::Modify { .. } => env.world.reserve,
            Command::Place(_) | Command::Cancel { .. } => Rate::ZERO,
        };
        while self.requests.front().is_some_and(|&old| at.since(Time(old)) >= limit.window) {
            self.requests.pop_front();
        }
        let admitted = !limit.is_held(self.requests.len(), reserve);
        if admitted {
            self.requests.push_back(at.0);
        }
        admitted
    }

    /// A request that the window has no room for is refused before it leaves.
    pub(super) fn turn_away(&mut self, cmd: &Command, at: Time) {
        self.stats.rejects[Reject::RateLimit as usize] += 1;
        let body = match *cmd {
            Command::Place(order) => {
                self.stats.dead_qty += i128::from(order.qty.0);
                self.answers.remember(order.id, Qty::ZERO, false);
                EventBody::Rejected { id: order.id, reason: Reject::RateLimit }
            }
            Command::Cancel { id, .. } | Command::Modify { id, .. } | Command::Query { id, .. } => {
                EventBody::CancelRejected { id }
            }
        };
        self.answers.deliver_at_once(at, self.role, body);
    }

    /// Counts an order or a change that arrived against the quota; false when it is used up.
    pub(super) fn within_quota(&mut self, t: Time, env: &Env) -> bool {
        let Some(quota) = env.world.quota else { return true };
        let open = self.quota.is_open(&quota, t);
        if open {
            self.quota.spend(&quota, t);
        }
        open
    }

    /// Trading earns units.
    pub(super) fn earn(&mut self, value: Notional, env: &Env) {
        if let Some(quota) = env.world.quota {
            self.quota.earn(&quota, value);
        }
    }
}
