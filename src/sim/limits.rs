//! How many requests a venue takes: a rolling window, and a quota that trading earns.

use super::venue::{Env, SimVenue};
use crate::units::{Notional, Time};
use serde::{Deserialize, Serialize};

/// What a run has used and earned of its [`VolumeQuota`](crate::market::VolumeQuota).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct QuotaUse {
    spent: u64,
    /// Units earned, without those lost to the cap.
    earned: u64,
    /// Traded value that has not made a whole unit yet.
    rest: Notional,
    /// When the newest free request was taken.
    free_at: Option<Time>,
}

impl SimVenue {
    /// Counts an order or a change against the quota and the window; false when either is used up. Refused requests do
    /// not count.
    pub(super) fn within_limits(&mut self, t: Time, env: &Env) -> bool {
        let Some(quota) = env.world.quota else { return self.within_rate(t, env) };
        let used = &self.quota;
        let has_units = u64::from(quota.start) + used.earned > used.spent;
        let is_free = used.free_at.is_none_or(|at| t.since(at) >= quota.free_every_ns);
        if !(has_units || is_free) || !self.within_rate(t, env) {
            return false;
        }
        if has_units {
            self.quota.spent += 1;
        } else {
            self.quota.free_at = Some(t);
        }
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

    /// Trading earns units, up to the cap.
    pub(super) fn earn(&mut self, value: Notional, env: &Env) {
        let Some(quota) = env.world.quota else { return };
        let used = &mut self.quota;
        let all = used.rest.0 + value.abs().0;
        let unit = quota.value_per_unit.0.max(1);
        let most = (u64::from(quota.cap) + used.spent).saturating_sub(u64::from(quota.start)).max(used.earned);
        used.earned = u64::try_from(i128::from(used.earned) + all / unit).unwrap_or(u64::MAX).min(most);
        used.rest = Notional(all % unit);
    }
}
