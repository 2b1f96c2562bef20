//! How many requests a venue takes, and for whom they are kept. A pure function of engine time: nothing waits in here, what cannot be
//! paid now is refused at once.

use crate::client::Answer;
use crate::venue::Venue;
use perpx_core::market::{Class, RateLimit};
use perpx_core::units::{MINUTE, SECOND, Time, TimeDelta};
use std::collections::VecDeque;

/// Of what the venue takes, a process that is alone at its address uses so much.
const SHARE_PCT: i64 = 90;
/// Of that, so much is for [`Priority::Exit`] alone.
const RESERVE_PCT: i64 = 30;
/// What covers leaves so much for closes and cancels.
const COVER_PCT: i64 = 10;
/// What compares while orders go out leaves so much: room for what opens, above the reserve.
const COMPARE_PCT: i64 = 45;
/// Units of GRVT's that an order costs.
const GRVT_ORDER: i64 = 5;
/// Of a bucket that nothing fills.
const LIFTED: i64 = i64::MAX / 1_000;
/// After a refusal for too many requests nothing opens for so long, twice as long each time in a row, up to the second.
const REST: [TimeDelta; 2] = [TimeDelta(SECOND.0 / 2), SECOND.times(8)];
/// After such a refusal everything is halved for so long.
const HALVED: TimeDelta = MINUTE.times(5);
/// One whose requests a gateway refuses stays away for so long.
const TURNED_AWAY: TimeDelta = MINUTE;

/// For whom requests are kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Priority {
    /// What makes risk smaller, or proves that an order is dead.
    Exit,
    /// What became of an order in doubt.
    Truth,
    /// What opens a position.
    Open,
    /// What can be asked later.
    Poll,
    /// What is asked again and again beside orders.
    Compare,
}

impl Priority {
    /// Percent of a bucket that it leaves to others.
    fn leaves(self) -> i64 {
        match self {
            Priority::Exit => 0,
            Priority::Truth | Priority::Open | Priority::Poll => RESERVE_PCT,
            Priority::Compare => COMPARE_PCT,
        }
    }
}

/// How many orders a venue takes at a moment, for all that are sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OrderRoom {
    /// That could leave now.
    pub left: i64,
    /// In a whole window.
    pub most: i64,
    /// The venue has just said that there were too many.
    pub is_over: bool,
}

impl OrderRoom {
    /// How many an order must leave behind it: a close takes the last one.
    pub fn kept_by(self, class: Class) -> i64 {
        let pct = match class {
            Class::Open => RESERVE_PCT,
            Class::Cover => COVER_PCT,
            Class::Close => return 0,
        };
        // a small window keeps one at least
        (self.most * pct / 100).max(1)
    }

    /// One of that class leaves enough behind it; a close always does.
    pub fn takes(self, class: Class) -> bool {
        class == Class::Close || (self.left > self.kept_by(class) && !(self.is_over && class == Class::Open))
    }
}

/// Requests that are counted together.
#[derive(Clone, Debug)]
struct Bucket {
    /// What the venue takes in a window.
    most: i64,
    window: TimeDelta,
    /// Those that count: until when, and how much.
    spent: VecDeque<(Time, i64)>,
}

/// The requests of one venue.
#[derive(Clone, Debug)]
pub struct Budget {
    venue: Venue,
    /// Percent of what the venue takes.
    share_pct: i64,
    buckets: Vec<Bucket>,
    halved_until: Time,
    shut_until: Time,
    /// Since the venue said that there were too many: until when nothing opens, and how long that is.
    rests: (Time, TimeDelta),
}

impl Budget {
    /// Of a venue, for an account of no tier: what anybody may ask from one address.
    pub fn of(venue: Venue) -> Budget {
        Budget::shared(venue, 1.0)
    }

    /// The same for a process that has only a share of it, above 0 and at most 1.
    pub fn shared(venue: Venue, share: f64) -> Budget {
        let (most, window, count) = match venue {
            // 60 requests a minute, whatever they are
            Venue::Lighter => (60, MINUTE, 1),
            // creates, cancels, all else, logins
            Venue::Grvt => (100, SECOND, 4),
        };
        let bucket = Bucket { most, window, spent: VecDeque::new() };
        let share_pct = ((SHARE_PCT as f64 * share) as i64).clamp(1, SHARE_PCT);
        Budget {
            venue,
            share_pct,
            buckets: vec![bucket; count],
            halved_until: Time(i64::MIN),
            shut_until: Time(i64::MIN),
            rests: (Time(i64::MIN), TimeDelta::ZERO),
        }
    }

    /// Of an account whose tier is known. Of a tier that takes more than anybody's sixty a minute at Lighter orders are counted by
    /// themselves, and reads are asked for far less than they may be.
    pub fn of_account(venue: Venue, limit: Option<RateLimit>) -> Budget {
        let budget = Budget::of(venue);
        let is_narrow = |limit: &RateLimit| i64::from(limit.requests) * MINUTE.0 <= 60 * limit.window.0;
        let Some(limit) = limit.filter(|limit| !is_narrow(limit)) else { return budget };
        let mut budget = budget.lifted();
        let (buckets, cost) = match venue {
            Venue::Lighter => (1, 1),
            Venue::Grvt => (2, GRVT_ORDER),
        };
        budget.buckets.resize(budget.buckets.len().max(2), Bucket { most: LIFTED, ..budget.buckets[0].clone() });
        for bucket in &mut budget.buckets[..buckets] {
            (bucket.most, bucket.window) = (i64::from(limit.requests) * cost, limit.window);
        }
        budget
    }

    /// One that holds nothing up.
    #[must_use]
    pub fn lifted(mut self) -> Budget {
        self.buckets.iter_mut().for_each(|bucket| bucket.most = LIFTED);
        self
    }

    /// One of another window.
    pub fn limit(&mut self, (most, window): (i64, TimeDelta)) {
        self.buckets.iter_mut().for_each(|bucket| (bucket.most, bucket.window) = (most, window));
    }

    /// What a request costs, by the last part of its path, and where it is counted.
    fn cost(&self, path: &str) -> (usize, i64) {
        let route = path.split('?').next().unwrap_or_default().rsplit('/').next().unwrap_or_default();
        match (self.venue, route) {
            // where orders are counted by themselves
            (Venue::Lighter, route) => (usize::from(self.buckets.len() > 1 && !route.starts_with("sendTx")), 1),
            (_, "create_order") => (0, GRVT_ORDER),
            (_, "bulk_orders") => (0, 50),
            (_, "cancel_order") => (1, 5),
            (_, "cancel_all_orders") => (1, 50),
            (_, "login") => (3, 100),
            (_, "cancel_on_disconnect") => (2, 100),
            (_, "order" | "open_orders" | "order_history" | "fill_history" | "positions") => (2, 20),
            (_, "instrument" | "instruments" | "all_instruments" | "mini" | "ticker" | "time") => (2, 4),
            (_, "book" | "trade" | "trade_history" | "kline" | "funding" | "margin_rules" | "currency") => (2, 12),
            _ => (2, 40),
        }
    }

    /// Counts a request that leaves now. False, and nothing is counted, where there is no room for it: part of each bucket is kept for
    /// exits. One that is dearer than all it may have goes when nothing else was, and is paid off afterwards.
    pub fn take(&mut self, path: &str, priority: Priority, now: Time) -> bool {
        let (fits, most) = self.room(path, priority, now);
        let (bucket, cost) = self.cost(path);
        if let Some(bucket) = self.buckets.get_mut(bucket).filter(|_| fits) {
            let counts = bucket
                .window
                .max(TimeDelta((i128::from(bucket.window.0) * i128::from(cost) / i128::from(most)) as i64));
            bucket.spent.push_back((now.plus(counts), cost));
        }
        fits
    }

    /// A request of this kind could leave now; nothing is counted.
    pub fn has_room(&mut self, path: &str, priority: Priority, now: Time) -> bool {
        self.room(path, priority, now).0
    }

    /// What orders find at this moment.
    pub fn order_room(&self, now: Time) -> OrderRoom {
        let path = match self.venue {
            Venue::Lighter => "sendTx",
            Venue::Grvt => "create_order",
        };
        let (bucket, cost) = self.cost(path);
        let most = self.most(bucket, now);
        let spent: i64 =
            self.buckets[bucket].spent.iter().filter(|(until, _)| *until > now).map(|(_, cost)| cost).sum();
        OrderRoom { left: (most - spent).max(0) / cost, most: most / cost, is_over: now < self.rests.0 }
    }

    /// What a bucket takes in its window.
    fn most(&self, bucket: usize, now: Time) -> i64 {
        let halved = if now < self.halved_until { 2 } else { 1 };
        self.buckets.get(bucket).map_or(1, |bucket| (bucket.most * self.share_pct / 100 / halved).max(1))
    }

    /// The same, and what its bucket holds.
    fn room(&mut self, path: &str, priority: Priority, now: Time) -> (bool, i64) {
        let (bucket, cost) = self.cost(path);
        let most = self.most(bucket, now);
        let Some(bucket) = self.buckets.get_mut(bucket).filter(|_| now >= self.shut_until) else { return (false, 1) };
        let reserve = most * priority.leaves() / 100;
        bucket.spent.retain(|(until, _)| *until > now);
        let spent: i64 = bucket.spent.iter().map(|(_, cost)| cost).sum();
        (spent + cost <= most - reserve || spent == 0, most)
    }

    /// What an answer says of how much may be asked: that it was too much, or that a gateway stands before the venue. A page of one
    /// that could not reach the venue turns nobody away.
    pub fn answered(&mut self, answer: &Answer, now: Time) {
        match answer.status {
            429 => self.limited(now),
            403 | 405 => self.turned_away(now),
            ..500 if answer.is_page() => self.turned_away(now),
            _ => {}
        }
    }

    /// The venue says that there were too many.
    pub fn limited(&mut self, now: Time) {
        self.halved_until = self.halved_until.max(now.plus(HALVED));
        let (until, rest) = self.rests;
        // what was sent before the rest is answered in it
        if now >= until {
            let is_again = now < until.plus(rest);
            let rest = if is_again { TimeDelta(rest.0 * 2).min(REST[1]) } else { REST[0] };
            self.rests = (now.plus(rest), rest);
        }
    }

    /// A gateway before the venue says so: it wants to see nobody for a while.
    pub fn turned_away(&mut self, now: Time) {
        self.shut_until = self.shut_until.max(now.plus(TURNED_AWAY));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use perpx_core::units::MS;
    use proptest::prelude::*;

    fn at(seconds: i64) -> Time {
        Time::at(seconds * SECOND)
    }

    #[test]
    fn what_is_kept_for_exits_is_taken_by_nobody_else() {
        let mut lighter = Budget::of(Venue::Lighter);
        let mut taken = |priority, now| (0..100).filter(|_| lighter.take("/api/v1/account", priority, now)).count();
        // 90 % of 60, of which 30 % are kept
        assert_eq!(taken(Priority::Poll, at(0)), 38);
        assert_eq!(taken(Priority::Open, at(59)), 0);
        assert_eq!(taken(Priority::Exit, at(59)), 16);
        assert_eq!(taken(Priority::Truth, at(60)), 22);
        // half of 54 is 27, of which 8 are kept
        let mut half = Budget::shared(Venue::Lighter, 0.5);
        assert_eq!((0..100).filter(|_| half.take("/", Priority::Poll, at(0))).count(), 19);
    }

    /// What opens leaves 30 % to all else, what covers 10 %, and a close takes what is left and more; readings leave room for what opens.
    #[test]
    fn orders_that_open_leave_room_for_those_that_close() {
        let mut lighter = Budget::of_account(Venue::Lighter, None);
        let room = lighter.order_room(at(0));
        assert_eq!(room, OrderRoom { left: 54, most: 54, is_over: false });
        assert_eq!([Class::Open, Class::Cover, Class::Close].map(|class| room.kept_by(class)), [16, 5, 0]);
        assert_eq!(
            (0..100)
                .filter(|_| lighter.has_room("account", Priority::Compare, at(0))
                    && lighter.take("account", Priority::Exit, at(0)))
                .count(),
            30
        );
        let mut sent = |class| {
            (0..100)
                .filter(|_| lighter.order_room(at(1)).takes(class) && lighter.take("sendTx", Priority::Exit, at(1)))
                .count()
        };
        // 54 less 30 readings, less what each leaves
        assert_eq!([sent(Class::Open), sent(Class::Cover), sent(Class::Close)], [8, 11, 5]);
        assert!(lighter.order_room(at(1)).takes(Class::Close) && !lighter.order_room(at(59)).takes(Class::Cover));
        // the readings' minute is over
        assert_eq!(lighter.order_room(at(60)).left, 30);
        // of a tier orders have a bucket of their own; half of it after a refusal for too many
        let limit = |requests, window| Some(RateLimit { requests, window });
        let mut premium = Budget::of_account(Venue::Lighter, limit(4_000, MINUTE));
        assert!((0..10_000).all(|_| premium.take("account", Priority::Poll, at(0))));
        assert_eq!(premium.order_room(at(0)), OrderRoom { left: 3_600, most: 3_600, is_over: false });
        premium.limited(at(0));
        assert_eq!(premium.order_room(at(0)).most, 1_800);
        // and nothing opens for half a second, for a second after the next, ... for eight; then for half of one again
        let mut opens_after = |from: i64| {
            premium.limited(Time::at(from * MS));
            premium.limited(Time::at(from * MS));
            (from..)
                .step_by(250)
                .find(|&at| premium.order_room(Time::at(at * MS)).takes(Class::Open))
                .expect("it opens")
        };
        let mut opens = Vec::new();
        for _ in 0..6 {
            opens.push(opens_after(opens.last().copied().unwrap_or(500)));
        }
        assert_eq!(opens, [1_500, 3_500, 7_500, 15_500, 23_500, 31_500]);
        assert_eq!(opens_after(60_000), 60_500);
        assert!(premium.order_room(at(60)).takes(Class::Cover));
        let mut grvt = Budget::of_account(Venue::Grvt, limit(20, SECOND));
        assert!(grvt.take("create_order", Priority::Exit, at(0)) && grvt.take("cancel_order", Priority::Exit, at(0)));
        assert_eq!(grvt.order_room(at(0)), OrderRoom { left: 17, most: 18, is_over: false });
        assert_eq!(Budget::of_account(Venue::Grvt, None).order_room(at(0)).most, 18);
    }

    #[test]
    fn a_call_dearer_than_its_bucket_goes_alone_and_is_paid_off() {
        let mut grvt = Budget::of(Venue::Grvt);
        assert!(grvt.take("/auth/api_key/login", Priority::Poll, at(0)));
        assert!(!grvt.take("/auth/api_key/login", Priority::Exit, Time::at(1_111 * MS)));
        assert!(grvt.take("/auth/api_key/login", Priority::Exit, Time::at(1_112 * MS)));
        // counted elsewhere
        assert!(grvt.take("/full/v1/create_order", Priority::Open, at(0)));
    }

    #[test]
    fn a_refusal_halves_it_for_five_minutes_and_a_gateway_shuts_it_for_one() {
        let mut lighter = Budget::of(Venue::Lighter);
        lighter.limited(at(0));
        let mut taken = |now| (0..100).filter(|_| lighter.take("/", Priority::Exit, now)).count();
        assert_eq!([taken(at(0)), taken(at(299)), taken(at(360))], [27, 27, 54]);
        lighter.turned_away(at(1_000));
        assert!(!lighter.take("/", Priority::Exit, at(1_059)) && lighter.take("/", Priority::Exit, at(1_060)));
    }

    proptest! {
        /// In no window is more asked than we may, but for one request that is dearer than that; and what others ask leaves the reserve.
        #[test]
        fn no_window_holds_more_than_it_may(
            calls in proptest::collection::vec((0i64..400, 0usize..7, 0usize..4), 1..300),
            venue in 0usize..2,
        ) {
            let venue = Venue::ALL[venue];
            let routes = ["create_order", "cancel_order", "cancel_all_orders", "order", "funding", "login", "positions"];
            let priorities = [Priority::Exit, Priority::Truth, Priority::Open, Priority::Poll];
            let (mut budget, mut now, mut taken) = (Budget::of(venue), Time(0), Vec::new());
            for (wait_ms, route, priority) in calls {
                now = now.plus(wait_ms * MS);
                if budget.take(routes[route], priorities[priority], now) {
                    taken.push((now, budget.cost(routes[route]), priorities[priority]));
                }
            }
            let window = budget.buckets[0].window;
            let most = budget.buckets[0].most * SHARE_PCT / 100;
            for (i, (begin, (bucket, _), _)) in taken.iter().enumerate() {
                let within = taken[i..].iter().filter(|(at, (b, _), _)| b == bucket && at.since(*begin) < window);
                let costs: Vec<i64> = within.clone().map(|(_, (_, cost), _)| *cost).collect();
                prop_assert!(costs.iter().sum::<i64>() <= most || costs.len() == 1, "{costs:?}");
                let others = within.filter(|(_, _, priority)| *priority != Priority::Exit).map(|(_, (_, cost), _)| *cost);
                let others: Vec<i64> = others.collect();
                let least = most - most * RESERVE_PCT / 100;
                prop_assert!(others.iter().sum::<i64>() <= least || others.len() == 1, "{others:?}");
            }
        }
    }
}
