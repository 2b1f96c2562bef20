//! Requests in a rolling minute. The standard tier has one bucket for everything, by number; the others one for sends, by
//! number, and one for reads, by weight. Not modelled: that the venue counts by address and by account, both.

use perpx_core::units::{MINUTE, Time};
use std::collections::{BTreeMap, VecDeque};

pub struct Limits {
    /// One bucket for all.
    shared: bool,
    sends: i64,
    reads: i64,
    spent: [VecDeque<(Time, i64)>; 2],
    /// Frames of a client a minute, transactions apart.
    frames: usize,
    /// By socket: when each came.
    received: BTreeMap<u64, VecDeque<Time>>,
}

impl Limits {
    pub fn new(shared: bool, sends: u32, reads: i64, frames: usize) -> Limits {
        Limits { shared, sends: sends.into(), reads, spent: Default::default(), frames, received: BTreeMap::new() }
    }

    /// Counts a frame of a client; false when it is one too many.
    pub fn hear(&mut self, socket: u64, now: Time) -> bool {
        let received = self.received.entry(socket).or_default();
        while received.front().is_some_and(|at| now.since(*at) >= MINUTE) {
            received.pop_front();
        }
        let fits = received.len() < self.frames;
        if fits {
            received.push_back(now);
        }
        fits
    }

    pub fn forget(&mut self, socket: u64) {
        self.received.remove(&socket);
    }

    /// Counts a request; false when it is one too many.
    pub fn take(&mut self, endpoint: &str, now: Time) -> bool {
        let send = endpoint.starts_with("sendTx");
        let weight = match endpoint {
            _ if self.shared || send => 1,
            "nextNonce" => 6,
            "accountInactiveOrders" => 100,
            "apikeys" => 150,
            "recentTrades" | "trades" => 600,
            _ => 300,
        };
        let (bucket, most) = if self.shared || send { (0, self.sends) } else { (1, self.reads) };
        let spent = &mut self.spent[bucket];
        while spent.front().is_some_and(|(at, _)| now.since(*at) >= MINUTE) {
            spent.pop_front();
        }
        let sum: i64 = spent.iter().map(|(_, weight)| weight).sum();
        let fits = sum + weight <= most;
        if fits {
            spent.push_back((now, weight));
        }
        fits
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_minute_has_so_many_requests() {
        let at = |seconds: i64| Time::at(seconds * perpx_core::units::SECOND);
        let mut standard = Limits::new(true, 2, 0, 0);
        assert!(standard.take("account", at(0)) && standard.take("sendTx", at(30)));
        assert!(!standard.take("nextNonce", at(59)) && standard.take("nextNonce", at(60)));
        let mut premium = Limits::new(false, 1, 606, 2);
        assert!(premium.take("sendTx", at(0)) && !premium.take("sendTxBatch", at(1)));
        assert!(
            premium.take("recentTrades", at(1)) && !premium.take("apikeys", at(1)) && premium.take("nextNonce", at(1))
        );
        assert!(
            premium.hear(7, at(0)) && premium.hear(7, at(1)) && !premium.hear(7, at(59)) && premium.hear(8, at(59))
        );
        assert!(premium.hear(7, at(60)) && !premium.hear(7, at(60)));
    }
}
