//! What every synthetic market must keep, and how near it comes to the measured ones.

use super::*;
use crate::market::Side;
use crate::tape::rows::*;
use crate::units::*;

fn spec(seed: u64, days: u32) -> SynthSpec {
    SynthSpec { updates_per_sec: 2.0, ..SynthSpec::new(seed, start(), days) }
}

fn start() -> Time {
    Time::from_civil(2026, 1, 5).expect("a date")
}

fn days(spec: &SynthSpec) -> Vec<SynthDay> {
    Market::new(spec).expect("a legal market").collect()
}

#[test]
fn the_seed_decides_every_byte() {
    let one = days(&spec(1, 1));
    assert_eq!(one, days(&spec(1, 1)));
    assert_ne!(one[0].venues[0].quotes[..50], days(&spec(2, 1))[0].venues[0].quotes[..50]);
    // pinned: a change of the generator must be meant (raise GENERATOR_VERSION, make data/sample again)
    let mut hash = blake3::Hasher::new();
    for row in &one[0].venues[1].quotes {
        let b = row.bbo;
        for n in [row.exch.0, row.recv.0, b.bid.0, b.bid_qty.0, b.ask.0, b.ask_qty.0] {
            hash.update(&n.to_le_bytes());
        }
    }
    assert_eq!(&hash.finalize().to_hex()[..16], "57b62c91b67c8bfa");
}

#[test]
fn days_follow_each_other_without_a_seam() {
    let two = days(&spec(3, 2));
    assert_eq!(two[0], days(&spec(3, 1))[0]);
    for v in 0..2 {
        let (last, first) = (two[0].venues[v].quotes.last(), two[1].venues[v].quotes.first());
        let (last, first) = (last.expect("quotes"), first.expect("quotes"));
        assert!(last.recv.day() + 1 == first.recv.day() && first.recv.since(last.recv) < 11 * SECOND);
        assert!((first.bbo.mid().as_f64() / last.bbo.mid().as_f64() - 1.0).abs() < 0.005);
    }
}

fn times_are_lawful(times: impl Iterator<Item = (Time, Time)>, day: i64) {
    let mut before = (Time::MIN, Time::MIN);
    for (exch, recv) in times {
        assert!(exch <= recv && recv.day() == day, "{exch} {recv}");
        assert!(exch >= before.0 && recv >= before.1, "{exch} {recv} after {before:?}");
        before = (exch, recv);
    }
    assert!(before.0 > Time::MIN, "no rows");
}

#[test]
fn rows_are_lawful() {
    let spec = spec(4, 2);
    for day in days(&spec) {
        for (venue, t) in spec.venues.iter().zip(&day.venues) {
            times_are_lawful(t.quotes.iter().map(|r| (r.exch, r.recv)), day.day);
            times_are_lawful(t.trades.iter().map(|r| (r.exch, r.recv)), day.day);
            times_are_lawful(t.marks.iter().map(|r| (r.exch, r.recv)), day.day);
            for b in t.quotes.iter().map(|r| r.bbo) {
                assert!(b.bid.0 > 0 && b.bid < b.ask && b.bid.0 % spec.tick.0 == 0 && b.ask.0 % spec.tick.0 == 0);
                assert!(b.bid_qty.0 > 0 && b.bid_qty.0 % venue.lot.0 == 0 && b.ask_qty.0 % venue.lot.0 == 0);
                assert!(b.ask_qty.0 > 0);
            }
            for r in &t.trades {
                assert!(r.px.0 % spec.tick.0 == 0 && r.qty.0 > 0 && r.qty.0 % venue.lot.0 == 0);
            }
            assert!(t.marks.len() > 86_300 && t.marks.len() <= 86_401, "{}", t.marks.len());
            let settled = t.funding.iter().filter(|r| r.kind == FundingKind::Settled).count() as u32;
            assert_eq!(settled, 24 / venue.funding_hours);
            assert!(t.funding.iter().all(|r| (r.kind == FundingKind::Predicted) == (r.ts > r.recv)));
        }
    }
}

/// A print happens at the standing best price, the next ones of its sweep at it or behind it; a quote with less on that
/// side, or a worse price, follows within 2 ms. Prints beside the book change no quote.
#[test]
fn prints_agree_with_the_quotes() {
    let day = &days(&spec(5, 1))[0];
    let mut beside = 0;
    for (v, t) in day.venues.iter().enumerate() {
        let mut last = None;
        for r in &t.trades {
            let at = t.quotes.partition_point(|q| q.exch < r.exch || (q.exch == r.exch && q.recv <= r.recv));
            if at == 0 || t.quotes[at - 1].exch == r.exch {
                continue; // same millisecond: the order is not visible in the tables
            }
            let resting = r.taker.other();
            let (best, size) = t.quotes[at - 1].bbo.best(resting);
            let behind = r.taker.sign() * (r.px.0 - best.0);
            if !r.consumed_book {
                beside += 1;
                assert!(v == 1 && (-100_000_000..=0).contains(&behind));
                continue;
            }
            if last != Some(r.exch) {
                assert_eq!(behind, 0, "the first print at {}", r.exch);
                let after = t.quotes[at];
                assert!(after.exch.since(r.exch) <= 2 * MS, "a quote must follow {}", r.exch);
                let (px, left) = after.bbo.best(resting);
                assert!(px != best || left < size || r.qty >= size, "the quote after {} forgot the print", r.exch);
            }
            assert!((0..=2_000_000_000).contains(&behind));
            last = Some(r.exch);
        }
    }
    assert!(beside > 100, "{beside} prints beside the book");
}

/// Last mids of a venue on a grid of `step` seconds.
fn mids(days: &[SynthDay], v: usize, step: i64) -> Vec<f64> {
    let mut out = Vec::new();
    for day in days {
        let quotes = &day.venues[v].quotes;
        let first = Time::of_day(day.day);
        for k in 1..=86_400 / step {
            let at = quotes.partition_point(|q| q.recv < first.plus(k * step * SECOND));
            out.push(quotes[at.saturating_sub(1)].bbo.mid().as_f64());
        }
    }
    out
}

fn returns(prices: &[f64]) -> Vec<f64> {
    prices.windows(2).map(|w| w[1] / w[0] - 1.0).collect()
}

fn quantile(values: &mut [f64], q: f64) -> f64 {
    values.sort_by(f64::total_cmp);
    values[((values.len() - 1) as f64 * q) as usize]
}

fn variance(x: &[f64]) -> f64 {
    let mean = x.iter().sum::<f64>() / x.len() as f64;
    x.iter().map(|x| (x - mean) * (x - mean)).sum::<f64>() / x.len() as f64
}

fn acf(x: &[f64], lag: usize) -> f64 {
    let mean = x.iter().sum::<f64>() / x.len() as f64;
    let sum: f64 = x.windows(lag + 1).map(|w| (w[0] - mean) * (w[lag] - mean)).sum();
    sum / (x.len() - lag) as f64 / variance(x)
}

fn near(what: &str, found: f64, low: f64, high: f64) {
    assert!((low..=high).contains(&found), "{what} is {found}, not within {low} to {high}");
}

/// Bounds are wide: eight days are a short sample of volatility (STYLISED-FACTS 1 to 4).
#[test]
fn figures_are_near_the_measured_ones() {
    let all = days(&SynthSpec { edge: Edge::Calibrated, marks_every_sec: None, ..spec(7, 8) });
    let minute = returns(&mids(&all, 0, 60));
    let mut hours: Vec<f64> = minute.chunks(60).map(|c| (variance(c) * 525_600.0).sqrt()).collect();
    near("hourly volatility", quantile(&mut hours, 0.5), 0.18, 0.5);
    near("rough hours", quantile(&mut hours, 0.98), 0.5, 1.6);
    let kurtosis = minute.iter().map(|r| r.powi(4)).sum::<f64>() / minute.len() as f64 / variance(&minute).powi(2);
    near("kurtosis of minutes", kurtosis, 4.0, 60.0);
    let spread: Vec<f64> =
        mids(&all, 0, 5).iter().zip(mids(&all, 1, 5)).map(|(a, b)| 2e4 * (a - b) / (a + b)).collect();
    near("basis, bp", variance(&spread).sqrt(), 2.0, 4.5);
    let half_life = |from: usize, to: usize| {
        -std::f64::consts::LN_2 * 5.0 * (to - from) as f64 / (acf(&spread, to) / acf(&spread, from)).ln()
    };
    near("half-life of the basis over minutes, s", half_life(12, 60), 150.0, 1_800.0);
    near("share of the basis gone in 5 s", 1.0 - acf(&spread, 1), 0.02, 0.35);
    for (v, wide) in [(0, 0.55), (1, 0.08)] {
        let quotes = || all.iter().flat_map(|d| &d.venues[v].quotes);
        let n = quotes().count() as f64;
        near("quotes a second", n / 691_200.0, 0.75, 1.25);
        let many = quotes().filter(|q| q.bbo.ask.0 - q.bbo.bid.0 > 2 * 100_000_000).count() as f64 / n;
        near("share of wide quotes", many, wide * 0.8, wide * 1.25);
        let mut top: Vec<f64> = quotes().map(|q| q.bbo.bid.as_f64() * q.bbo.bid_qty.as_f64()).collect();
        near("value at the best bid", quantile(&mut top, 0.5), 1e4, 1e5);
        let mut counts = vec![0.0; 691_200];
        for q in quotes() {
            counts[(q.recv.since(start()) / SECOND) as usize] += 1.0;
        }
        near("variance over mean of quotes a second", variance(&counts) / (n / 691_200.0), 1.8, 20.0);
    }
    takers_are_near(&all);
    funding_is_near(&all);
}

fn takers_are_near(all: &[SynthDay]) {
    let trades = || all.iter().flat_map(|d| &d.venues[0].trades);
    let mut value: Vec<f64> = trades().map(|r| r.px.as_f64() * r.qty.as_f64()).collect();
    let (p50, p90) = (quantile(&mut value, 0.5), quantile(&mut value, 0.9));
    near("median print", p50, 300.0, 2_000.0);
    near("p90 over p50 of prints", p90 / p50, 8.0, 40.0);
    let mut orders: Vec<(Time, Side)> = trades().map(|r| (r.exch, r.taker)).collect();
    near(
        "orders a second",
        {
            orders.dedup();
            orders.len() as f64
        } / 691_200.0,
        0.02,
        1.0,
    );
    let same = orders.windows(2).filter(|w| w[0].1 == w[1].1).count() as f64 / orders.len() as f64;
    near("orders that keep the side", same, 0.55, 0.85);
}

fn funding_is_near(all: &[SynthDay]) {
    for (v, base, low, high) in [(0, 12_500_000, 0.15, 0.8), (1, 100_000_000, 0.2, 1.0)] {
        let rates = || {
            let rows = all.iter().flat_map(move |d| &d.venues[v].funding);
            rows.filter(|r| r.kind == FundingKind::Settled).map(|r| r.rate)
        };
        let n = rates().count() as f64;
        near("share of settlements at the base", rates().filter(|r| r.0 == base).count() as f64 / n, low, high);
        assert!(rates().all(|r| r.0.abs() <= 30 * base));
    }
}

/// Both venues show one price at the same exchange times, with no spread; its returns have neither mean nor memory.
#[test]
fn the_null_market_is_one_martingale() {
    let (mut sum, mut squares, mut product, mut products) = (0.0, 0.0, 0.0, 0.0);
    for seed in 0..8 {
        let day = days(&SynthSpec { marks_every_sec: None, ..SynthSpec::null(seed, start(), 1) });
        let [a, b] = day[0].venues.each_ref().map(|t| &t.quotes);
        assert!(a.iter().zip(b).all(|(a, b)| (a.exch, a.bbo.bid, a.bbo.ask) == (b.exch, b.bbo.bid, b.bbo.bid)));
        assert!(day[0].venues.iter().all(|t| t.trades.is_empty() && t.funding.iter().all(|r| r.rate == Rate::ZERO)));
        let prices: Vec<f64> = a.iter().map(|q| q.bbo.mid().as_f64()).collect();
        let r = returns(&prices);
        sum += r.iter().sum::<f64>();
        squares += r.iter().map(|r| r * r).sum::<f64>();
        for w in r.windows(2) {
            product += w[0] * w[1];
            products += w[0] * w[1] * w[0] * w[1];
        }
    }
    assert!(squares > 0.0 && products > 0.0);
    near("mean return in standard errors", sum / squares.sqrt(), -4.0, 4.0);
    near("memory of returns in standard errors", product / products.sqrt(), -4.0, 4.0);
}

#[test]
fn bad_knobs_are_named() {
    let base = || spec(1, 1);
    for (bad, want) in [
        (SynthSpec { days: 0, ..base() }, "days is 0; it must lie between 1 and 36525"),
        (SynthSpec { updates_per_sec: f64::NAN, ..base() }, "updates-per-sec is NaN; it must lie between 0.02 and 400"),
        (SynthSpec { symbol: "B/C".into(), ..base() }, "'B/C' cannot name a venue or a symbol"),
        (
            SynthSpec { venues: [VenueSpec::like_grvt("x"), VenueSpec::like_lighter("x")], ..base() },
            "both venues are named 'x'",
        ),
    ] {
        let error = Market::new(&bad).err().expect("refused").to_string();
        assert!(error.starts_with(want), "{error}");
    }
}
