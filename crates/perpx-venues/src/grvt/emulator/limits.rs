//! Calls in a rolling second, by their cost: creates, cancels, logins and everything else each have a bucket of their own. The
//! venue's numbers are not published; the costs are those that client libraries assume.

use perpx_core::units::{SECOND, Time};
use std::collections::VecDeque;

pub struct Limits {
    most: i64,
    spent: [VecDeque<(Time, i64)>; 4],
}

impl Limits {
    /// `most`: units a second; each bucket has so many.
    pub fn new(most: i64) -> Limits {
        Limits { most, spent: Default::default() }
    }

    /// Counts a call; false when it is one too many. `times`: orders of a bulk.
    pub fn take(&mut self, route: &str, times: usize, now: Time) -> bool {
        let (bucket, cost) = match route {
            "create_order" => (0, 5),
            "cancel_order" => (1, 5),
            "cancel_all_orders" => (1, 50),
            "bulk_orders" => (0, 50),
            "login" => (3, 100),
            "cancel_on_disconnect" => (2, 100),
            "order" | "open_orders" | "order_history" | "fill_history" | "positions" => (2, 20),
            "instrument" | "instruments" | "all_instruments" | "mini" | "ticker" => (2, 4),
            "book" | "trade" | "trade_history" | "kline" | "funding" | "margin_rules" | "currency" => (2, 12),
            _ => (2, 40),
        };
        let cost = cost * times.max(1) as i64;
        let spent = &mut self.spent[bucket];
        while spent.front().is_some_and(|(at, _)| now.since(*at) >= SECOND) {
            spent.pop_front();
        }
        let sum: i64 = spent.iter().map(|(_, cost)| cost).sum();
        // a call that costs more than a whole second's units is taken when nothing else was
        let fits = sum + cost <= self.most || sum == 0;
        if fits {
            spent.push_back((now, cost));
        }
        fits
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_second_has_so_many_calls() {
        let at = |tenths: i64| Time::at(tenths * SECOND / 10);
        let mut limits = Limits::new(10);
        assert!(limits.take("create_order", 1, at(0)) && limits.take("create_order", 1, at(1)));
        assert!(!limits.take("create_order", 1, at(9)) && limits.take("create_order", 1, at(10)));
        // of their own
        assert!(limits.take("cancel_order", 1, at(10)) && limits.take("cancel_all_orders", 1, at(20)));
        assert!(!limits.take("cancel_order", 1, at(20)));
    }
}
