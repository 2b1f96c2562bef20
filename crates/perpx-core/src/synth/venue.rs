//! One synthetic venue: when it speaks and what it says.

use super::arrivals::Arrivals;
use super::basis::NOISE_HALF_LIFE;
use super::chance::Dice;
use super::edge::Layer;
use super::feed::Feed;
use super::funding::Funding;
use super::quote::Quote;
use super::spec::{STEP_MS, SynthSpec};
use super::taker::Taker;
use crate::market::Side;
use crate::tape::rows::VenueTables;
use crate::units::{MS, Time, TimeDelta};

/// Share of arrivals that are takers; the others change the quote.
const TAKER_SHARE: f64 = 0.08;
/// Share of quote changes that move a price; the others change a size (STYLISED-FACTS, 1: a sixth to a half).
const REPRICE_SHARE: f64 = 0.3;
/// Share of stale quotes that a taker hits before they are moved.
const PICKED_OFF: f64 = 0.2;
/// Share of the wanted rate that comes as arrivals; the rest are quotes moved because the price ran away, and heartbeats.
const ARRIVAL_SHARE: f64 = 0.83;
/// Makers tolerate this many standard deviations of the fair price's move in the mean time between updates.
const PATIENCE: f64 = 1.9;

/// What a venue does at an event.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Kind {
    /// The quote has run away from the fair price, or the venue was silent too long.
    Requote,
    Quote,
    Trade,
}

/// What happens at a venue within one step: (ms after the step's start, what), in time order.
pub(super) type Plan = Vec<(i64, Kind)>;

/// One venue of a synthetic market.
pub(super) struct Venue {
    /// Of this venue alone.
    dice: Dice,
    /// What it publishes.
    feed: Feed,
    /// Its book.
    quote: Quote,
    /// Who takes from it.
    taker: Taker,
    /// Its marks and rates.
    funding: Funding,
    /// When it acts.
    arrivals: Arrivals,
    trades: bool,
    always_reprice: bool,
    /// Distance of the fair price from the mid that calls for a new quote, at volatility 1, as a fraction.
    patience: f64,
    /// Silence after which the quote is published again.
    heartbeat: TimeDelta,
    /// Time of the newest quote.
    last_quote: Time,
    /// Newest exchange time: none is earlier.
    last_exch: Time,
    /// Steps by which its quotes trail the efficient price.
    pub(super) lag_steps: usize,
}

impl Venue {
    /// Of venue `v`, about the fair price, in ticks.
    pub(super) fn new(spec: &SynthSpec, v: usize, fair: f64) -> Venue {
        let manners = &spec.venues[v];
        let mut dice = Dice::new(spec.seed, 8 + v as u64);
        let rate = spec.updates_per_sec / 2.0;
        Venue {
            feed: Feed::new(Dice::new(spec.seed, 16 + v as u64), manners.latency_ms),
            quote: Quote::new(spec, v, fair, &mut dice),
            taker: Taker::new(manners.hidden_share, spec.martingale || spec.zero_spread),
            funding: Funding::new(spec, v),
            arrivals: Arrivals::new(rate * ARRIVAL_SHARE),
            trades: spec.trades,
            always_reprice: spec.martingale,
            patience: PATIENCE * fair_move(spec, v, 1.0 / rate),
            heartbeat: spec.heartbeat_ms * MS,
            last_quote: Time::MIN,
            last_exch: Time::MIN,
            lag_steps: if spec.martingale { 0 } else { (i64::from(manners.lag_ms) / STEP_MS) as usize },
            dice,
        }
    }

    /// Once a second, at its start.
    pub(super) fn second(&mut self, now: Time, index: f64) {
        self.funding.second(now, self.quote.mid(), index, &mut self.feed);
    }

    /// What will happen in the step that begins at `now`; `heat` is volatility over its median.
    pub(super) fn plan(&mut self, now: Time, fair: f64, activity: f64, heat: f64, plan: &mut Plan) {
        plan.clear();
        for _ in 0..self.arrivals.step(activity, &mut self.dice) {
            let taker = self.trades && self.dice.chance(TAKER_SHARE);
            plan.push((self.offset(), if taker { Kind::Trade } else { Kind::Quote }));
        }
        // makers bear more in wild hours, so that the rate grows with volatility and not with its square
        let away = (fair / self.quote.mid() - 1.0).abs();
        let stale = away * away > self.patience * self.patience * heat;
        if stale || now.since(self.last_quote) >= self.heartbeat {
            plan.push((self.offset(), Kind::Requote));
        }
        plan.sort_unstable();
    }

    /// Where in the step an event happens, ms after its beginning.
    fn offset(&mut self) -> i64 {
        i64::from(self.dice.below(STEP_MS as u32))
    }

    /// Lets it happen around the fair price (ticks) of this step.
    pub(super) fn play(&mut self, now: Time, fair: f64, plan: &Plan) {
        for &(offset, kind) in plan {
            let mut at = self.clock(now.plus(offset * MS));
            match kind {
                Kind::Trade => {
                    if !self.taker.trade(at, None, &mut self.quote, &mut self.feed, &mut self.dice) {
                        continue;
                    }
                    at = self.clock(at.plus(MS));
                }
                Kind::Requote => {
                    if self.trades && !self.always_reprice && self.dice.chance(PICKED_OFF) {
                        at = self.pick_off(at, fair);
                    }
                    self.quote.place(fair, &mut self.dice);
                }
                Kind::Quote if self.always_reprice || self.dice.chance(REPRICE_SHARE) => {
                    self.quote.place(fair, &mut self.dice);
                }
                Kind::Quote => self.quote.resize(&mut self.dice),
            }
            self.feed.quote(at, self.quote.bbo());
            self.last_quote = at;
        }
    }

    /// A taker who knows the fair price hits the side that is too cheap or too dear; nobody comes if neither is.
    fn pick_off(&mut self, at: Time, fair: f64) -> Time {
        let bbo = self.quote.bbo();
        let tick = self.quote.tick().0 as f64;
        let side = if fair * tick > bbo.ask.0 as f64 {
            Side::Buy
        } else if fair * tick < bbo.bid.0 as f64 {
            Side::Sell
        } else {
            return at;
        };
        self.taker.trade(at, Some(side), &mut self.quote, &mut self.feed, &mut self.dice);
        self.clock(at.plus(MS))
    }

    /// The venue's clock never runs back.
    fn clock(&mut self, at: Time) -> Time {
        self.last_exch = self.last_exch.max(at);
        self.last_exch
    }

    /// Rows received before `end`.
    pub(super) fn take_before(&mut self, end: Time) -> VenueTables {
        self.feed.take_before(end)
    }
}

/// Standard deviation of the move of venue `v`'s fair price within `seconds`, fraction: volatility, basis and quote noise.
fn fair_move(spec: &SynthSpec, v: usize, seconds: f64) -> f64 {
    let mut variance = spec.annual_vol * spec.annual_vol * seconds / 31_536_000.0;
    if !spec.martingale {
        let shape = spec.edge.shape();
        let share = if v == 0 { shape.first_share } else { 1.0 - shape.first_share };
        let noise = Layer { std: shape.noise_bp, half_life_sec: NOISE_HALF_LIFE };
        for (layer, share) in [(noise, 1.0), (shape.fast, share), (shape.slow, share)] {
            let forgotten = 1.0 - libm::exp2(-seconds / layer.half_life_sec);
            variance += 2.0 * forgotten * (share * layer.std * 1e-4) * (share * layer.std * 1e-4);
        }
    }
    variance.sqrt()
}

/// Steps in a second.
pub(super) const STEPS_A_SECOND: i64 = 1_000 / STEP_MS;
