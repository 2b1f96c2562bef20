//! A made-up run for tests: the same for the same number of configurations.

use super::*;
use perpx_core::ledger::{Line, Lines};
use perpx_core::market::Role;
use perpx_core::stats::Ending;
use perpx_core::units::{DAY, HOUR, MINUTE, Notional, SECOND, Time, TimeDelta};
use rand::{Rng, RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

/// A run of `size` configurations: 2, 500, 10,000 or 100,000.
pub fn input(size: usize) -> Input {
    let mut rng = ChaCha8Rng::seed_from_u64(7);
    let axes = axes(size);
    let points = points(&axes, &mut rng);
    let mut order: Vec<usize> = (0..points.len()).filter(|i| points[*i].eligible).collect();
    order.sort_by(|a, b| points[*b].metric.unwrap().total_cmp(&points[*a].metric.unwrap()).then(a.cmp(b)));
    let from = Time::from_civil(2026, 1, 5).unwrap();
    let to = from.plus(7 * DAY);
    let spans = Spans { from, embargo: from.plus(114 * HOUR), held_out: from.plus(118 * HOUR), to };
    let board = board(&points, &order, &mut rng);
    let best = &points[order[0]];
    let eligible = order.len() as u64;
    Input {
        name: "btc-thresholds".to_owned(),
        symbol: "BTCUSDT".to_owned(),
        venues: ["lighter".to_owned(), "grvt".to_owned()],
        quote: "USDT".to_owned(),
        capital: 10_000.0,
        spans,
        objective: PageObjective {
            metric: "sharpe".to_owned(),
            unit: Unit::Ratio,
            over_world: "worst".to_owned(),
            require: vec!["trades >= 30".to_owned(), "max_drawdown_pct <= 10".to_owned()],
            ..PageObjective::default()
        },
        verdict: Some(PageVerdict {
            grade: "weak".to_string(),
            sentence: "Best of 12 different configurations (30 tried).".to_string(),
            hope: "A true Sharpe of 3 a year is rarely found.".to_string(),
            checks: vec![PageCheck {
                name: "held_out".to_string(),
                grade: "weak".to_string(),
                text: "Sharpe 1.0 ± 2.0 in 3 days".to_string(),
            }],
        }),
        luck: Some(luck()),
        front: Some(front(best, &board.rows[0].id)),
        halves: Some(halves()),
        walks: vec![walk(best, &spans)],
        counts: Counts {
            configurations: points.len() as u64,
            worlds: 9,
            eligible,
            skipped: vec![("ema_fast >= ema_slow".to_owned(), points.len() as u64 / 9)],
            failed: vec![("trades >= 30".to_owned(), points.len() as u64 - eligible)],
        },
        winner: Some(winner(best, &board.rows[0].id)),
        curves: (0..order.len().min(5)).map(|i| curve(i, &board.rows[i].id, &spans, &mut rng)).collect(),
        board,
        worlds: worlds(best.metric),
        money: Some(Money { in_sample: lines(1.0), held_out: lines(0.21), decision_slippage_bps: Some(0.37) }),
        states: states(),
        detail: WinnerDetail {
            transitions: transitions(),
            timeline: timeline(&spans, &mut rng),
            trades: trades(&spans),
            outside: [Lines::default(), lines(0.002)],
            market: Some(stretch(from, to, 1_200)),
            funding: funding(&spans, &mut rng),
            legging: legging(&spans, &mut rng),
            guards: guards(&spans),
            intervals: intervals(&spans, &mut rng),
            fills: fills(),
            net_at_venue_fees: None,
            tiers: [Some("standard of 2026-10-25".to_owned()), Some("1 of 2026-10-22".to_owned())],
            idle: idle(),
        },
        gates: gates(),
        warnings: vec![
            Warning {
                level: Level::Severe,
                text: "Marks of grvt are missing for 4 h 12 min: marks_missing = \"mid\" was used.".to_owned(),
            },
            Warning {
                level: Level::Caution,
                text: "The configuration's taker fee (2.0 bp) differs from lighter's published 0 bp.".to_owned(),
            },
            Warning { level: Level::Caution, text: "3 gaps longer than 30 s on grvt.".to_owned() },
        ],
        quality: quality(),
        provenance: provenance(),
        notes: vec![
            "Returns are taken every 3600 s; Sharpe and Sortino are annualised by √(31,536,000 / 3600) = 93.6."
                .to_owned(),
            "Drawdown is taken every 60 s, equity being cash plus positions at their venue's last mid.".to_owned(),
        ],
        axes,
        points,
    }
}

fn luck() -> PageLuck {
    PageLuck {
        winner: 4.0,
        error: Some(0.6),
        share: 0.059,
        of_hundred: "5.9".to_owned(),
        luckiest: 2.5,
        bar: 3.6,
        from: 1.0,
        to: 4.5,
        counts: (0..30).map(|i| if i < 12 { 10 * i } else { 200 - 6 * i }).collect(),
        distinct: 12,
        tried: 30,
        independent: 6.0,
        standing: 3,
        curve: vec![(1, 0.0, 3.3), (100, 5.0, 6.6), (10_000, 7.8, 8.9)],
    }
}

/// An hour each of both runs: the price waves, a quarter of its moves is made and something beside.
fn intervals(spans: &Spans, rng: &mut ChaCha8Rng) -> Vec<Interval> {
    let mid = |t: Time| 60_000.0 + 900.0 * libm::sin(t.since(Time(0)).as_f64(HOUR) / 20.0);
    let one = |(hour, is_held_out): (i64, bool)| {
        let (from, end) = (spans.from.plus(hour * HOUR), spans.from.plus((hour + 1) * HOUR));
        let made = 0.01 * (mid(end) - mid(from)) + 0.4 + 3.0 * normal(rng);
        Interval {
            end,
            is_held_out,
            made,
            near: made / 3.0,
            held: [0.04, -0.02],
            first: [0.04, 0.0],
            mids: [Some([mid(from), mid(end)]); 2],
            range_bp: 5.0 + 30.0 * rng.random::<f64>(),
            margin: [Some(0.3 + 0.1 * rng.random::<f64>()), (hour % 3 > 0).then_some(0.2)],
            distance: [Some(0.08), Some(0.11)],
        }
    };
    (0..114).map(|hour| (hour, false)).chain((118..168).map(|hour| (hour, true))).map(one).collect()
}

fn fills() -> Vec<Fill> {
    let fill = |i: usize| Fill {
        is_held_out: i >= 170,
        notional: 2_400.0,
        fee: -0.48,
        venue_fee: Some(-0.54),
        depths: Some(0.05 + 0.001 * i as f64),
        impact_bp: 1.0,
    };
    (0..244).map(fill).collect()
}

fn idle() -> Idle {
    let missing = |condition: &str, bars, alone| MissingCondition { condition: condition.to_owned(), bars, alone };
    Idle {
        bars: 5_023,
        all: 9_840,
        open: 112,
        missing: vec![missing("trend", 3_900, 1_200), missing("target return after fees", 2_200, 310)],
    }
}

const LATENCIES: [&str; 3] = ["20", "100", "300"];
const REJECTS: [&str; 3] = ["0", "0.03", "0.1"];

fn axes(size: usize) -> Vec<PageAxis> {
    let axis = |name: &str, kind: AxisKind, values: Vec<String>| PageAxis {
        name: name.to_owned(),
        kind,
        values,
        feeds: name.contains("latency"),
        dead: name == "execution.retries",
    };
    let range = |n: usize, from: f64, step: f64| -> Vec<String> {
        (0..n)
            .map(|i| format!("{:.4}", from + step * i as f64).trim_end_matches('0').trim_end_matches('.').to_owned())
            .collect()
    };
    let sizes: [usize; 5] = match size {
        2 => [2, 1, 1, 1, 1],
        500 => [5, 10, 5, 2, 1],
        10_000 => [10, 10, 10, 2, 5],
        _ => [10, 25, 20, 2, 10],
    };
    let seconds = |n: usize| (0..n).map(|i| (600 * (i + 1)).to_string()).collect();
    let basis = ["long_minus_short", "short_minus_long"].map(str::to_owned)[..sizes[3]].to_vec();
    use AxisKind::{Strategy, World};
    vec![
        axis("thresholds.trend_strength.min_diff", Strategy, range(sizes[0], 0.0004, 0.0002)),
        axis("locking.g_pct", Strategy, range(sizes[1], 0.002, 0.001)),
        axis("locking.band_sigma", Strategy, range(sizes[2], 0.4, 0.2)),
        axis("fills.latency.order.median_ms", World, LATENCIES.map(str::to_owned).to_vec()),
        axis("thresholds.funding_basis", Strategy, basis),
        axis("locking.t_max_sec", Strategy, seconds(sizes[4])),
        axis("fills.reject_rate", World, REJECTS.map(str::to_owned).to_vec()),
        axis("execution.retries", Strategy, vec!["2".to_owned()]),
    ]
}

fn points(axes: &[PageAxis], rng: &mut ChaCha8Rng) -> Vec<PagePoint> {
    let sizes: Vec<usize> = axes.iter().filter(|a| !a.is_world()).map(|a| a.values.len()).collect();
    let total: usize = sizes.iter().product();
    let mut out = Vec::with_capacity(total);
    for i in 0..total {
        let mut rest = i;
        let mut at = vec![0u16; sizes.len()];
        for (place, size) in at.iter_mut().zip(&sizes).rev() {
            *place = (rest % size) as u16;
            rest /= size;
        }
        let part = |k: usize| f64::from(at[k]) / sizes[k].max(2) as f64;
        let hill = 4.0 - 14.0 * (part(0) - 0.4).powi(2) - 9.0 * (part(1) - 0.6).powi(2) - 5.0 * (part(2) - 0.5).powi(2);
        let metric = hill - 2.2 * part(3) + 0.5 * part(4) - 1.0 + 0.5 * normal(rng);
        let none = rng.random::<f64>() < 0.02 && total > 10;
        out.push(PagePoint {
            eligible: !none && (total < 10 || part(0) < 0.85),
            metric: (!none).then_some(metric),
            stands: Some(metric > 2.5),
            at,
        });
    }
    out
}

fn normal(rng: &mut impl Rng) -> f64 {
    (0..12).map(|_| rng.random::<f64>()).sum::<f64>() - 6.0
}

fn winner(best: &PagePoint, id: &str) -> Winner {
    let metric = |title: &str, unit: Unit, in_sample: f64, held_out: Option<f64>| Metric {
        title: title.to_owned(),
        unit,
        in_sample: Some(in_sample),
        held_out,
    };
    Winner {
        id: id.to_owned(),
        at: best.at.clone(),
        metric: best.metric,
        error: Some(0.6),
        oos_metric: best.metric.map(|m| m * 0.42),
        neighbours: best.metric.map(|m| m * 0.71),
        neighbour_count: 8,
        metrics: vec![
            metric("Net pnl", Unit::Money, 412.37, Some(86.2)),
            metric("Return on capital", Unit::Percent, 4.12, Some(0.862)),
            metric("Sharpe", Unit::Ratio, 4.02, Some(1.71)),
            metric("Sortino", Unit::Ratio, 6.6, Some(2.2)),
            metric("Max drawdown", Unit::Percent, 1.23, Some(0.94)),
            metric("Trades", Unit::Count, 61.0, Some(24.0)),
            metric("Win rate", Unit::Percent, 63.9, Some(54.2)),
            metric("Profit factor", Unit::Ratio, 1.84, None),
            metric("Median trade", Unit::Money, 3.21, Some(1.05)),
            metric("Maker share", Unit::Percent, 12.0, Some(10.5)),
            metric("Legging time", Unit::Seconds, 312.0, Some(88.4)),
        ],
    }
}

fn front(best: &PagePoint, id: &str) -> PageFront {
    let place = |id: &str, values: [f64; 2], adjusted| FrontRow {
        id: id.to_owned(),
        at: best.at.clone(),
        values: values.map(Some).to_vec(),
        adjusted,
        alike: 1,
        moves: Some([0.8, -0.2, 0.1]),
    };
    PageFront {
        objectives: vec![("Sharpe".to_owned(), Unit::Ratio), ("max drawdown".to_owned(), Unit::Percent)],
        rows: vec![
            place("00000000000f", [4.4, 3.0], Some(0.04)),
            place(id, [4.02, 1.23], None),
            place("00000000001f", [2.1, 0.9], None),
        ],
        knee: Some(1),
        configurations: 3,
    }
}

fn halves() -> PageHalves {
    let split = |i: i32| [3.0 + f64::from(i % 7) / 3.0, f64::from(i % 5) - 1.0, f64::from(i % 11) / 2.0 - 1.5];
    PageHalves {
        splits: (0..70).map(split).collect(),
        fell: "27 of 100 splits".to_owned(),
        lost: "20 of 100 splits".to_owned(),
        null_band: [0.02, 0.98],
        means: [4.0, 1.0],
    }
}

fn walk(best: &PagePoint, spans: &Spans) -> PageWalk {
    let fold = |i: i64| PageFold {
        from: spans.from.plus((12 * HOUR).times(i)),
        to: spans.from.plus((12 * HOUR).times(i + 1)),
        id: format!("{:012x}", i / 2),
        at: best.at.clone(),
        net: 0.002,
        parts: vec![0.001; 4],
        winner: vec![0.002; 4],
    };
    let folds = (0..5).map(fold).collect();
    PageWalk {
        kind: "rolling".to_owned(),
        folds,
        net: 0.01,
        worst: -0.002,
        sharpe: 2.0,
        error: 3.0,
        changes: 2,
        run_again: true,
    }
}

fn board(points: &[PagePoint], order: &[usize], rng: &mut ChaCha8Rng) -> PageBoard {
    let column =
        |title: &str, unit: Unit| BoardColumn { title: title.to_owned(), unit, held_out: title.starts_with("Held") };
    let columns = vec![
        column("Sharpe, worst world", Unit::Ratio),
        column("Sharpe, median world", Unit::Ratio),
        column("Sharpe, best world", Unit::Ratio),
        column("Net pnl", Unit::Money),
        column("Return", Unit::Percent),
        column("Max drawdown", Unit::Percent),
        column("Trades", Unit::Count),
        column("Win rate", Unit::Percent),
        column("Held-out Sharpe", Unit::Ratio),
        column("Held-out pnl", Unit::Money),
    ];
    let leader = |(rank, i): (usize, &usize)| {
        let metric = points[*i].metric.unwrap();
        let pnl = metric * 100.0 + 15.0 * normal(rng);
        let values = [
            Some(metric),
            Some(metric + 0.3),
            Some(metric + 0.6),
            Some(pnl),
            Some(pnl / 100.0),
            Some(5.0 / metric.abs().max(0.5)),
            Some((30.0 + 40.0 * rng.random::<f64>()).floor()),
            (rank != 3).then_some(50.0 + 15.0 * rng.random::<f64>()),
            (rank != 7).then_some(metric * 0.4 + 0.4 * normal(rng)),
            Some(pnl * 0.2 + 20.0 * normal(rng)),
        ];
        Leader {
            rank: rank as u32 + 1,
            id: format!("{:012x}", rng.random::<u64>() >> 16),
            at: points[*i].at.clone(),
            meets: true,
            values: values.to_vec(),
            // the second and the third did the same
            ledger: if rank == 2 { 1 } else { rank as u64 },
            alike: if rank == 1 || rank == 2 { 2 } else { 1 },
        }
    };
    PageBoard { columns, rows: order.iter().take(20).enumerate().map(leader).collect() }
}

fn curve(rank: usize, id: &str, spans: &Spans, rng: &mut ChaCha8Rng) -> Curve {
    let mut equity = 10_000.0;
    let steps = spans.to.since(spans.from) / MINUTE;
    let drift = 0.052 - 0.004 * rank as f64;
    let mut samples = Vec::with_capacity(steps as usize);
    for i in 0..=steps {
        let held_out = spans.from.plus(i * MINUTE) > spans.held_out;
        equity += (if held_out { drift * 0.5 } else { drift }) + 1.1 * normal(rng);
        samples.push((spans.from.plus(i * MINUTE), equity));
    }
    Curve { rank: rank as u32 + 1, id: id.to_owned(), capital: 10_000.0, samples }
}

fn lines(part: f64) -> Lines {
    let mut lines = Lines::default();
    let mut add = |role: Role, line: Line, amount: f64| {
        lines.add(role, line, Notional((amount * part * 2e6) as i128 * 500_000_000_000).into())
    };
    for (line, long, short) in [
        (Line::Price, 96.2, 41.9),
        (Line::Spread, 260.4, 173.3),
        (Line::Legging, -12.7, -9.1),
        (Line::Slippage, -31.8, -40.2),
        (Line::Fees, 0.0, -88.4),
        (Line::Rebates, 0.0, 7.6),
        (Line::Funding, 22.1, -6.5),
        (Line::Transfer, 0.0, -0.5),
        (Line::Rounding, -0.000_004, -0.000_007),
    ] {
        add(Role::Long, line, long);
        add(Role::Short, line, short);
    }
    lines
}

fn worlds(best: Option<f64>) -> Vec<WorldRow> {
    let world = |i: usize| {
        let worse = (8 - i) as f64 / 3.0;
        WorldRow {
            values: vec![LATENCIES[i / 3].to_owned(), REJECTS[i % 3].to_owned()],
            metric: best.map(|m| m + 0.3 * worse),
            error: Some(0.6),
            oos_error: Some(1.4),
            net_pnl: Some(412.37 + 40.0 * worse),
            oos_metric: best.map(|m| m * 0.42 + 0.2 * worse),
            all_median: Some(0.01 + 0.3 * worse),
            ranking: i == 8,
        }
    };
    (0..9).map(world).collect()
}

fn states() -> Vec<StateTime> {
    let state = |(i, seconds): (usize, f64)| StateTime { state: format!("S{i}"), seconds };
    [301_400.0, 92_310.0, 312.5, 140_220.0, 41_000.0, 29_557.5].into_iter().enumerate().map(state).collect()
}

fn transitions() -> Vec<Transition> {
    let rows = [
        ("S0", "S1", "gate", 85, None),
        ("S1", "S0", "stop", 12, Some(-61.2)),
        ("S1", "S2", "lock", 73, None),
        ("S2", "S3", "lock_filled", 70, None),
        ("S2", "S0", "rollback", 3, Some(-8.4)),
        ("S3", "S4", "ub", 31, Some(212.9)),
        ("S3", "S5", "lb", 29, Some(188.3)),
        ("S3", "S0", "timeout", 10, Some(-14.2)),
        ("S4", "S0", "take_profit", 31, None),
        ("S5", "S0", "rebound", 29, None),
    ];
    let row = |(from, to, reason, count, pnl): (&str, &str, &str, u64, Option<f64>)| Transition {
        from: from.to_owned(),
        to: to.to_owned(),
        reason: reason.to_owned(),
        count,
        pnl,
    };
    rows.into_iter().map(row).collect()
}

fn timeline(spans: &Spans, rng: &mut ChaCha8Rng) -> Vec<StateSpan> {
    let mut out = Vec::new();
    let mut at = spans.from;
    let mut i = 0usize;
    while at < spans.to {
        let state = [0u8, 1, 2, 3, 4, 0, 1, 2, 3, 5][i % 10];
        out.push(StateSpan { from: at, state });
        let minutes = if state == 2 { 0.3 } else { 20.0 + 100.0 * rng.random::<f64>() };
        at = at.plus(TimeDelta((minutes * MINUTE.0 as f64) as i64));
        i += 1;
    }
    out
}

fn trades(spans: &Spans) -> Vec<Trade> {
    let trade = |i: u64| {
        let opened = spans.from.plus(i as i64 * 118 * MINUTE + 17 * SECOND);
        let closed = opened.plus((40 + i as i64 * 7 % 60) * MINUTE);
        let at = |part: i64| opened.plus(part * closed.since(opened) / 10);
        let reason = ["take_profit", "stop", "timeout"][i as usize % 3];
        let step =
            |(part, from, to, reason): (i64, u8, u8, &str)| Step { at: at(part), from, to, reason: reason.to_owned() };
        let steps =
            [(0, 0, 1, "gate"), (3, 1, 2, "lock"), (4, 2, 3, "lock_filled"), (8, 3, 4, "ub"), (10, 4, 0, reason)];
        Trade {
            number: i + 1,
            opened,
            closed,
            steps: steps.into_iter().map(step).collect(),
            lines: lines(((i * 37 % 50) as f64 - 20.0) / 1_000.0),
            open_at_end: i == 84,
            view: Some(stretch(opened.plus(-10 * MINUTE), closed.plus(10 * MINUTE), 160)),
        }
    };
    (0..85).map(trade).collect()
}

/// A wave with a wave on it; one bucket in ten has no tick, and the bands begin late.
fn stretch(from: Time, to: Time, count: usize) -> Stretch {
    let bucket = |i: usize| {
        let at = TimeDelta(from.plus(i as i64 * (to.since(from) / count as i64)).0).as_f64(HOUR);
        let mid = 60_000.0 + 900.0 * libm::sin(at / 20.0) + 80.0 * libm::sin(at * 3.0);
        let spread = 4.0 * libm::sin(at / 5.0) + 1.5 * libm::sin(at * 7.0);
        let quoted = i % 10 != 9;
        let range = |middle: f64, half: f64| quoted.then_some([middle - half, middle + half]);
        let mean = 3.0 * libm::sin(at / 9.0);
        Bucket {
            mids: [range(mid, 12.0), range(mid * (1.0 - spread * 1e-4), 12.0)],
            spread: range(spread, 0.6),
            band: (i > 40).then_some([mean - 3.0, mean + 3.0]),
        }
    };
    Stretch { from, to, buckets: (0..count).map(bucket).collect() }
}

fn funding(spans: &Spans, rng: &mut ChaCha8Rng) -> Vec<Settled> {
    let settled = |i: i64| {
        let short = if i % 8 == 0 { 0.9 * normal(rng) } else { 0.0 };
        Settled { at: spans.from.plus(i * HOUR), amounts: [0.25 * normal(rng) - 0.02, short] }
    };
    (1..168).filter(|i| i % 5 != 0).map(settled).collect()
}

fn legging(spans: &Spans, rng: &mut ChaCha8Rng) -> Vec<Legging> {
    let endings = [Ending::Matched, Ending::Unlocked, Ending::Unlocked, Ending::RolledBack, Ending::Hedged];
    let episode = |i: i64| {
        let (seconds, amount) = (0.2 + 3.0 * rng.random::<f64>(), 0.4 * normal(rng) - 0.15);
        Legging {
            from: spans.from.plus(i * 70 * MINUTE),
            ending: endings[i as usize % endings.len()],
            seconds,
            qty_sec: 0.01 * seconds,
            worst_bp: 2.0 * seconds,
            worst: 0.1 - amount.min(0.0),
            notional: 1_000.0,
            amount,
        }
    };
    (0..140).map(episode).collect()
}

fn guards(spans: &Spans) -> Vec<GuardAction> {
    let guard = |(trade, to, avoided, after): (u64, u8, f64, f64)| GuardAction {
        at: spans.from.plus(trade as i64 * 118 * MINUTE + 20 * MINUTE),
        trade,
        from: 3,
        to,
        avoided,
        after,
    };
    [(12, 4, 1.82, -3.4), (31, 5, 0.44, 2.1), (60, 0, 2.6, -0.8)].into_iter().map(guard).collect()
}

fn gates() -> Vec<Gate> {
    let gate = |(condition, share): (&str, f64)| Gate { condition: condition.to_owned(), share };
    let all =
        [("trend strength", 0.312), ("funding spread", 0.871), ("volatility band", 0.644), ("minimum return", 0.097)];
    all.into_iter().chain([("quotes fresh", 0.998), ("all together", 0.021)]).map(gate).collect()
}

fn quality() -> Vec<QualityTable> {
    let cells = |row: &[&str]| row.iter().map(|c| (*c).to_owned()).collect::<Vec<String>>();
    vec![QualityTable {
        title: "Quotes".to_owned(),
        columns: cells(&[
            "Venue",
            "Rows",
            "First",
            "Last",
            "Gaps over 30 s",
            "Stale",
            "Crossed",
            "Doubled",
            "Clock offset",
        ]),
        rows: vec![
            cells(&[
                "lighter",
                "302,411",
                "2026-01-05 00:00:00",
                "2026-01-11 23:59:59",
                "0",
                "0.1 %",
                "0",
                "12",
                "+94 ms",
            ]),
            cells(&[
                "grvt",
                "298,007",
                "2026-01-05 00:00:01",
                "2026-01-11 23:59:58",
                "3",
                "0.4 %",
                "2",
                "0",
                "−1,269 ms",
            ]),
        ],
    }]
}

fn provenance() -> Vec<Fact> {
    let fact = |(name, value): (&str, &str)| Fact { name: name.to_owned(), value: value.to_owned() };
    [
        ("perpx", "0.1.0"),
        ("Seed", "7"),
        ("Grid", "b3:5f0c2b7d9a41e6630c1f8d52a7b9e0144d2c83f65a90be17"),
        ("Data", "b3:91ac77e24c0d5b38f6a1029d3e4c58b7706f1ea92d84c355"),
        ("Driver", "walk, 32 configurations verified by scan"),
    ]
    .into_iter()
    .map(fact)
    .collect()
}
