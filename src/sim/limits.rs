//! How many requests a venue takes: a rolling window, and a quota that trading earns.

use super::venue::{Env, SimVenue};
use crate::market::VolumeQuota;
use crate::units::{Notional, Time};
use serde::{Deserialize, Serialize};

/// What an account has used and earned of its [`VolumeQuota`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct QuotaUse {
    spent: u64,
    /// Units earned, without those lost to the cap.
    earned: u64,
    /// Traded value that has not made a whole unit yet.
    rest: Notional,
    /// When the newest free request was taken.
    free_at: Option<Time>,
}

impl QuotaUse {
    fn has_units(&self, quota: &VolumeQuota) -> bool {
        u64::from(quota.start) + self.earned > self.spent
    }

    /// A request would be taken: for a unit, or as the free one.
    pub fn is_open(&self, quota: &VolumeQuota, t: Time) -> bool {
        self.has_units(quota) || self.free_at.is_none_or(|at| t.since(at) >= quota.free_every_ns)
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

impl SimVenue {
    /// Counts an order or a change against the quota and the window; false when either is used up. Refused requests do
    /// not count.
    pub(super) fn within_limits(&mut self, t: Time, env: &Env) -> bool {
        let Some(quota) = env.world.quota else { return self.within_rate(t, env) };
        if !self.quota.is_open(&quota, t) || !self.within_rate(t, env) {
            return false;
        }
        self.quota.spend(&quota, t);
        true
    }

    /// Counts a request against the venue's window; false when it is full. Queries go by another door and are not limited.
    pub(super) fn within_rate(&mut self, t: Time, env: &Env) -> bool {
        let Some(limit) = env.world.rate_limit else { return true };
        while self.requests.front().is_some_and(|&old| t.since(Time(old)) >= limit.window_ns) {
            self.requests.pop_front();
        }
        let free = self.requests.len() < limit.requests as usize;
        if free {
            self.requests.push_back(t.0);
        }
        free
    }

    /// Trading earns units.
    pub(super) fn earn(&mut self, value: Notional, env: &Env) {
        if let Some(quota) = env.world.quota {
            self.quota.earn(&quota, value);
        }
    }
}
