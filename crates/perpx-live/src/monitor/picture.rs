//! Parts of a snapshot that follow from the run alone.

use super::snapshot::{Condition, Gate, Leg, Money};
use perpx_core::ledger::{Mids, VenueBook};
use perpx_core::market::Role;
use perpx_core::replay::{Job, RunState, VenuePort};
use perpx_core::signals::{TileSignals, bar_before};
use perpx_core::strategy::Plan;
use perpx_core::tape::Tile;
use perpx_core::tape::rows::FundingKind;
use perpx_core::trader::Composite;
use perpx_core::units::{Cash, Price, SECOND, Time};
use perpx_core::watch::{Cmp, EvalCtx, Op, Series, holds, sides};
use perpx_venues::client::Holding;

/// What is known at a moment: the last tick of a tile, and the time.
#[derive(Clone, Copy)]
pub struct Scene<'a> {
    /// With its signals.
    pub tile: (&'a Tile, &'a TileSignals),
    /// The last tick.
    pub row: usize,
    /// Of the market.
    pub now: Time,
}

impl<'a> Scene<'a> {
    /// The end of a tile.
    pub fn last(tile: &'a Tile, signals: &'a TileSignals, now: Time) -> Scene<'a> {
        Scene { tile: (tile, signals), row: tile.local.len().saturating_sub(1), now }
    }

    fn eval_ctx(&self) -> EvalCtx<'a> {
        EvalCtx { local: &self.tile.0.local, signals: self.tile.1 }
    }

    /// By role; zero: not quoted.
    pub fn mids(&self) -> Mids {
        Role::BOTH.map(|role| self.tile.0.local.bbo(self.row, role).mid_or_none())
    }

    /// Since a venue's newest row, market seconds; `None`: nothing came yet.
    pub fn age(&self, role: Role) -> Option<f64> {
        let seen = self.tile.0.local.seen[role.ix()][self.row];
        (seen > i64::MIN / 2).then(|| self.now.since(Time(seen)).as_f64(SECOND))
    }
}

/// What a gate asks, each with its value and its level.
pub fn gates(plan: &Plan, venues: &[String; 2], scene: &Scene<'_>) -> Vec<Gate> {
    let condition = |cmp: &Cmp, is_vote: bool| {
        let [value, level] = sides(cmp, scene.eval_ctx(), scene.row, scene.now, None).map(known);
        let (name, unit) = named(cmp.series, is_vote, venues);
        let op = match cmp.op {
            Op::Ge => "≥",
            Op::Gt => ">",
            Op::Le => "≤",
            Op::Lt => "<",
        };
        let holds = holds(cmp, scene.eval_ctx(), scene.row, scene.now, None);
        Condition { name, value, op, level, unit, is_vote, holds }
    };
    let gate = |(first, rule): &(Role, perpx_core::watch::Rule)| {
        let votes = rule.votes.iter().map(|cmp| condition(cmp, true));
        let first = if *first == Role::Long { "long" } else { "short" };
        let conditions = votes.chain(rule.all.iter().map(|cmp| condition(cmp, false))).collect();
        Gate { first, needed: rule.needed, conditions }
    };
    plan.gates.iter().map(gate).collect()
}

fn known(value: f64) -> Option<f64> {
    value.is_finite().then_some(value)
}

fn named(series: Series, is_vote: bool, venues: &[String; 2]) -> (String, &'static str) {
    let of = |what: &str, role: Role| format!("{what} {}", venues[role.ix()]);
    match series {
        Series::Bar(_) if is_vote => ("trend".to_owned(), ""),
        Series::Bar(_) => ("volatility, a year".to_owned(), ""),
        Series::Edge => ("target return: edge".to_owned(), ""),
        Series::FundingDiff { .. } => ("funding difference, 8 h".to_owned(), "bp"),
        Series::Apr { .. } => ("funding guard: APR".to_owned(), ""),
        Series::Age(role) => (of("age of quotes of", role), "s"),
        Series::ToFunding { role, .. } => (of("to a settlement to pay at", role), "s"),
        Series::Spread => ("spread".to_owned(), "bp"),
        Series::Bid(role) => (of("bid of", role), ""),
        Series::Ask(role) => (of("ask of", role), ""),
        Series::Mark(role) => (of("mark of", role), ""),
    }
}

/// The spread, the lower and the upper level of its band, bp.
pub fn spread(plan: &Plan, scene: &Scene<'_>) -> [Option<f64>; 3] {
    let signals = scene.tile.1;
    let spread = signals.spread.get(scene.row).copied().unwrap_or(f64::NAN);
    let (lower, upper) = signals.band(&plan.band, bar_before(scene.now, plan.band.bar_length));
    [spread, lower, upper].map(known)
}

/// One account beside what its venue said of it.
pub fn leg(book: &VenueBook, plan: &Plan, scene: &Scene<'_>, said: Option<&Holding>) -> Leg {
    let (role, local) = (book.role, &scene.tile.0.local);
    let bbo = local.bbo(scene.row, role);
    let price = |px: Price| (px.0 > 0).then(|| px.as_f64());
    let mark = price(local.mark(scene.row).mark[role.ix()]);
    let qty = book.leg.qty.as_f64();
    let level = book.leg_margin().and_then(|margin| margin.liquidation_level(&plan.instrument(role).margin));
    let liquidation = level.zip(mark).map(|(level, mark)| {
        let away = (mark - level.as_f64()) / mark;
        (level.as_f64(), if role == Role::Long { away } else { -away })
    });
    let rates = local.funding(scene.row);
    let rate = rates.get(role, FundingKind::Predicted).or_else(|| rates.get(role, FundingKind::Settled));
    Leg {
        position: book.position().as_f64(),
        venue_position: said.map(|said| said.position.as_f64()),
        cash: book.cash.as_f64(),
        venue_cash: said.map(|said| said.cash.as_f64()),
        entry: (qty > 0.0).then(|| book.leg.cost.as_f64() / qty),
        bid: price(bbo.bid),
        ask: price(bbo.ask),
        mark,
        margin: book.leg.margin.as_f64(),
        liquidation,
        quote_age: scene.age(role),
        // 1e-12 x 24 as bp
        funding_8h: rate.map(|rate| rate.per_8h_x24() as f64 * 1e-8 / 24.0),
        settles: rate.map(|rate| rate.next_settlement(scene.now)),
    }
}

/// What both accounts are worth. `day`: the equity that the day began with.
pub fn money<P: VenuePort>(
    run: &RunState<Composite, P>,
    job: &Job<'_, Composite>,
    scene: &Scene<'_>,
    day: impl FnOnce(f64) -> f64,
) -> Money {
    let (belief, mids) = (run.belief(), scene.mids());
    let equity = belief.equity(mids).as_f64();
    let value = |role: Role| mids[role.ix()].as_f64() * belief.books[role.ix()].position().as_f64();
    Money {
        equity,
        initial: job.capital.into_iter().sum::<Cash>().as_f64(),
        day: equity - day(equity),
        day_limit: None,
        net_exposure: value(Role::Long) + value(Role::Short),
        unexplained: None,
    }
}

/// Why nothing may be opened, as far as the market and the connections tell it.
pub fn shut_by(plan: &Plan, venues: &[String; 2], scene: &Scene<'_>) -> Vec<String> {
    let most = plan.strategy.risk.max_quote_age.as_f64(SECOND);
    let mut why = Vec::new();
    for role in Role::BOTH {
        let name = &venues[role.ix()];
        match scene.age(role) {
            _ if !scene.mids()[role.ix()].is_quoted() => why.push(format!("{name} is not quoted")),
            Some(age) if age > most => why.push(format!("quotes of {name} are {age:.1} s old")),
            _ => {}
        }
    }
    let is_unknown = |cmp: &Cmp| {
        matches!(cmp.series, Series::Bar(_)) && !sides(cmp, scene.eval_ctx(), scene.row, scene.now, None)[0].is_finite()
    };
    if plan.gates.iter().any(|(_, rule)| rule.all.iter().any(is_unknown)) {
        why.push("signals are not filled yet".to_owned());
    }
    why
}
