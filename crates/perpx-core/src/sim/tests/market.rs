//! A small market to trade in: prices in whole quote units, sizes in thousandths of a coin, times in milliseconds.

use crate::config::{Fills, Latency, VenueWorld};
use crate::ledger::VenueBook;
use crate::market::*;
use crate::sim::account::Account;
use crate::sim::{Dice, Env, OutageTable, SimVenue};
use crate::tape::rows::*;
use crate::tape::{Carry, Tile, align};
use crate::units::*;

pub fn px(units: i64) -> Price {
    Price(units * 1_000_000_000)
}

pub fn qty(milli: i64) -> Qty {
    Qty(milli * 1_000_000)
}

pub fn ms(t: i64) -> Time {
    Time::at(t * MS)
}

pub fn quote(t: i64, bid: i64, bid_qty: i64, ask: i64, ask_qty: i64) -> QuoteRow {
    let bbo = Bbo { bid: px(bid), bid_qty: qty(bid_qty), ask: px(ask), ask_qty: qty(ask_qty) };
    QuoteRow { exch: ms(t), recv: ms(t), bbo }
}

pub fn trade(t: i64, taker: Side, price: i64, size: i64) -> TradeRow {
    TradeRow { exch: ms(t), recv: ms(t), px: px(price), qty: qty(size), taker, consumed_book: true }
}

pub fn depth(t: i64, bids: &[(i64, i64)], asks: &[(i64, i64)]) -> DepthRow {
    let levels = |side: &[(i64, i64)]| side.iter().map(|&(p, q)| DepthLevel { px: px(p), qty: qty(q) }).collect();
    DepthRow { exch: ms(t), recv: ms(t), bids: levels(bids), asks: levels(asks) }
}

pub fn mark(t: i64, mark: i64, index: i64) -> MarkRow {
    MarkRow { exch: ms(t), recv: ms(t), mark: px(mark), index: px(index) }
}

pub fn settlement(t: i64, rate: i64) -> FundingRow {
    FundingRow { ts: ms(t), recv: ms(t), rate: Rate(rate), interval_hours: 8, kind: FundingKind::Settled }
}

/// Order latency 10 ms, response latency 5 ms, no fees, 5x leverage, tick 1, lot 0.001, nothing fails.
pub fn world() -> VenueWorld {
    VenueWorld {
        instrument: Instrument {
            venue: "test".to_string(),
            tick: px(1),
            lot: qty(1),
            min_qty: qty(1),
            min_notional: Notional::ZERO,
            money_grid: Cash(1_000_000),
            has_fok: true,
            self_trade: SelfTrade::CancelMaker,
            min_binds_takers: true,
            price_band: None,
            funding_price: FundingPrice::Mark,
            margin: MarginSchedule::flat(Rate(12_000_000_000)),
            liquidation: LiquidationRule::TakeOver,
        },
        fees: FeeSchedule::default(),
        delays: Delays::default(),
        rate_limit: None,
        quota: None,
        reserve: Rate::ZERO,
        fence: 9 * SECOND,
        fills: Fills {
            order_latency: Latency::Constant(10 * MS),
            response_latency: Latency::Constant(5 * MS),
            ..Fills::calm()
        },
    }
}

/// One venue, its tape and its world.
pub struct Scene<A: Account = VenueBook> {
    pub venue: SimVenue<A>,
    pub world: VenueWorld,
    pub tile: Tile,
    pub seed: u64,
    pub outages: OutageTable,
    role: Role,
}

impl Scene {
    /// A venue with 10,000 of capital and 5x leverage at the beginning of a tape of an hour.
    pub fn new(role: Role, world: VenueWorld, tables: VenueTables) -> Scene {
        let account = ledger(role, &world);
        Scene::with_account(role, world, tables, account)
    }

    pub fn long(world: VenueWorld, tables: VenueTables) -> Scene {
        Scene::new(Role::Long, world, tables)
    }

    pub fn finish(&mut self, t: i64) -> Vec<String> {
        self.with(|venue, env| venue.finish(ms(t), env)).iter().map(line).collect()
    }

    pub fn cash(&self) -> String {
        self.venue.truth().cash.to_string()
    }

    /// Size of the leg in thousandths.
    pub fn leg(&self) -> i64 {
        self.venue.truth().leg.qty.0 / 1_000_000
    }
}

impl<A: Account> Scene<A> {
    pub fn with_account(role: Role, world: VenueWorld, tables: VenueTables, account: A) -> Scene<A> {
        let empty = VenueTables::default();
        let both = if role == Role::Long { [&tables, &empty] } else { [&empty, &tables] };
        let tile = align(both, ms(0), ms(3_600_000), &mut Carry::first([true; 2]));
        let outages = OutageTable::orders(&world.fills.outages, "test", 1, ms(0), ms(3_600_000));
        let venue = SimVenue::new(role, account);
        let mut scene = Scene { venue, world, tile, seed: 1, outages, role };
        let env = scene.env();
        let mut venue = scene.venue.clone();
        venue.enter_tile(&env);
        scene.venue = venue;
        scene
    }

    pub fn env(&self) -> Env<'_> {
        Env {
            rows: &self.tile.venues[self.role.ix()],
            world: &self.world,
            dice: Dice::new(self.seed, &self.world.instrument.venue),
            outages: &self.outages,
            index: None,
        }
    }

    pub fn next_due(&mut self) -> Time {
        self.with(|venue, env| venue.next_due(env))
    }

    fn with<T>(&mut self, act: impl FnOnce(&mut SimVenue<A>, &Env) -> T) -> T {
        let mut venue = self.venue.clone();
        let out = act(&mut venue, &self.env());
        self.venue = venue;
        out
    }

    pub fn send(&mut self, t: i64, cmd: Command) {
        self.with(|venue, env| {
            venue.advance(ms(t), env);
            venue.submit(ms(t), 0, cmd, env);
        });
    }

    pub fn place(&mut self, t: i64, id: u32, side: Side, kind: OrderKind, size: i64, limit: i64) {
        self.send(t, Command::Place(order(self.role, id, side, kind, size, limit)));
    }

    pub fn cancel(&mut self, t: i64, id: u32) {
        self.send(t, Command::Cancel { venue: self.role, id: OrderId(id) });
    }

    pub fn change(&mut self, t: i64, id: u32, size: i64, limit: i64) {
        self.send(t, Command::Modify { venue: self.role, id: OrderId(id), qty: qty(size), limit: px(limit) });
    }

    pub fn ask(&mut self, t: i64, id: u32) {
        self.send(t, Command::Query { venue: self.role, id: OrderId(id) });
    }

    /// Everything reported up to `t`, as lines "at venue_time what", times in ms.
    pub fn reported(&mut self, t: i64) -> Vec<String> {
        self.events(t).iter().map(line).collect()
    }

    pub fn events(&mut self, t: i64) -> Vec<Event> {
        let mut events = Vec::new();
        self.with(|venue, env| {
            while venue.advance(ms(t), env) {}
            while let Some(event) = venue.pop(ms(t)) {
                events.push(event);
            }
        });
        events
    }
}

pub fn ledger(role: Role, world: &VenueWorld) -> VenueBook {
    VenueBook::new(role, world.instrument.money_grid, Rate(5 * Rate::ONE), true, Cash::units(10_000))
}

pub fn order(venue: Role, id: u32, side: Side, kind: OrderKind, size: i64, limit: i64) -> NewOrder {
    NewOrder { id: OrderId(id), venue, side, qty: qty(size), limit: px(limit), kind, reduce_only: false, covers: false }
}

pub fn line(event: &Event) -> String {
    let milli = |q: Qty| q.0 / 1_000_000;
    let what = match event.body {
        EventBody::Accepted { id } => format!("accepted {}", id.0),
        EventBody::Rejected { id, reason } => format!("rejected {} {reason:?}", id.0),
        EventBody::Fill { id, side, px, qty, maker, fee } => {
            let how = if maker { "maker" } else { "taker" };
            format!("fill {} {side:?} {} @ {px} {how} fee {fee}", id.0, milli(qty))
        }
        EventBody::Done { id, filled } => format!("done {} {}", id.0, milli(filled)),
        EventBody::CancelRejected { id } => format!("cancel rejected {}", id.0),
        EventBody::Status { id, state } => match state {
            OrderState::Unknown => format!("status {} unknown", id.0),
            OrderState::InDoubt => format!("status {} in doubt", id.0),
            OrderState::Open { filled } => format!("status {} open {}", id.0, milli(filled)),
            OrderState::Done { filled } => format!("status {} done {}", id.0, milli(filled)),
        },
        EventBody::Funding { amount, px, .. } => format!("funding {amount} @ {px}"),
        EventBody::Liquidated { px, qty, fee, lost } => {
            format!("liquidated {} @ {px} fee {fee} lost {lost}", milli(qty))
        }
        EventBody::Transferred { amount, .. } => format!("transferred {amount}"),
    };
    format!("{} {} {what}", event.at.steps(MS), event.venue_time.steps(MS))
}
