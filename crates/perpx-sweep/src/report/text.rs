//! Numbers, times and names as a reader sees them.

use super::{PageAxis, Unit};
use perpx_core::units::{DAY, HOUR, MINUTE, MidValue, SECOND, Time};
use perpx_data::text::significant;
pub use perpx_data::text::{capital, count, counted, duration, fixed};

pub const DASH: &str = "–";

/// Doubled units of 1e-18 as quote units.
pub fn money(amount: MidValue) -> f64 {
    amount.as_f64()
}

/// The figure in its unit, without the unit's name (durations carry theirs); a dash for nothing.
pub fn figure(value: Option<f64>, unit: Unit) -> String {
    let Some(value) = value.filter(|v| v.is_finite()) else { return DASH.to_owned() };
    match unit {
        Unit::Ratio if value.abs() >= 99.95 => fixed(value, 0),
        Unit::Ratio if value.abs() >= 9.995 => fixed(value, 1),
        Unit::Ratio if value.abs() >= 0.0995 => fixed(value, 2),
        Unit::Ratio => significant(value, 2),
        Unit::Money if value.abs() >= 100_000.0 => fixed(value, 0),
        Unit::Money | Unit::Percent | Unit::Bps if value.abs() >= 0.0995 || value == 0.0 => fixed(value, 2),
        Unit::Money | Unit::Percent | Unit::Bps => significant(value, 2),
        Unit::Seconds => duration(value),
        Unit::Millis => fixed(value, 0),
        Unit::Count => fixed(value, 0),
    }
}

/// Decimals for a column of money: two, or more where all its amounts are small, so that they stand under each other.
pub fn places(amounts: impl Iterator<Item = f64>) -> usize {
    let most = amounts.map(f64::abs).filter(|a| a.is_finite()).fold(0.0, f64::max);
    if most > 0.0 { (1 - most.log10().floor() as i32).clamp(2, 6) as usize } else { 2 }
}

/// A column of the results, or a reason, in words and without its unit: "net PnL", "max drawdown", "upper band".
pub fn words(name: &str) -> String {
    match name {
        "avg_trade_sec" => return "avg time in trade".to_owned(),
        "legging_qty_sec" => return "legging quantity times seconds".to_owned(),
        "legging_worst_bp" => return "legging worst move".to_owned(),
        "legging_worst_sec" => return "legging longest".to_owned(),
        _ => {}
    }
    let cut = ["_pct", "_bp", "_sec"].iter().find_map(|unit| name.strip_suffix(unit)).unwrap_or(name);
    let word = |part| match part {
        "pnl" => "PnL",
        "sharpe" => "Sharpe",
        "sortino" => "Sortino",
        "calmar" => "Calmar",
        "cagr" => "CAGR",
        "ub" => "upper band",
        "lb" => "lower band",
        other => other,
    };
    cut.split('_').map(word).collect::<Vec<&str>>().join(" ")
}

/// As `figure`, followed by the unit's name.
pub fn measured(value: Option<f64>, unit: Unit, quote: &str) -> String {
    let text = figure(value, unit);
    let name = unit_name(unit, quote);
    if text == DASH || name.is_empty() { text } else { format!("{text}\u{a0}{name}") }
}

/// What stands behind a figure or in a heading; empty when there is nothing to say.
pub fn unit_name(unit: Unit, quote: &str) -> &str {
    match unit {
        Unit::Money => quote,
        Unit::Percent => "%",
        Unit::Bps => "bp",
        Unit::Millis => "ms",
        Unit::Ratio | Unit::Seconds | Unit::Count => "",
    }
}

/// The length of a span of the tape.
pub fn span(from: Time, to: Time) -> String {
    duration(to.since(from).as_f64(SECOND))
}

/// "2026-01-05 10:30:15" UTC, without the clock at midnight.
pub fn moment(time: Time) -> String {
    let clock = clock(time, true);
    if time.floor_to(DAY) == time { time.date() } else { format!("{} {clock}", time.date()) }
}

/// "10:30" or "10:30:15"
pub fn clock(time: Time, seconds: bool) -> String {
    let clock = time.into_step(DAY);
    let (h, m, s) = (clock / HOUR, clock / MINUTE % 60, clock / SECOND % 60);
    if seconds { format!("{h:02}:{m:02}:{s:02}") } else { format!("{h:02}:{m:02}") }
}

/// "5 Jan"
pub fn day(time: Time) -> String {
    const MONTHS: [&str; 12] = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
    let (_, month, day) = time.civil();
    format!("{day} {}", MONTHS.get(month as usize - 1).unwrap_or(&"?"))
}

/// The axes' names, as short as they can be.
pub fn short_names(axes: &[&PageAxis]) -> Vec<String> {
    perpx_data::text::short_names(&axes.iter().map(|axis| axis.name.as_str()).collect::<Vec<_>>())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::AxisKind;

    #[test]
    fn figures_have_the_places_a_desk_expects() {
        let cases = [
            (Some(30.861), Unit::Ratio, "30.9"),
            (Some(-12_991.9), Unit::Ratio, "−12,992"),
            (Some(2.41349), Unit::Ratio, "2.41"),
            (Some(-0.031268), Unit::Ratio, "−0.031"),
            (Some(-0.09999), Unit::Money, "−0.10"),
            (Some(1234.5678), Unit::Money, "1,234.57"),
            (Some(-1_234_567.8), Unit::Money, "−1,234,568"),
            (Some(-0.0004), Unit::Money, "−0.00040"),
            (Some(12.0), Unit::Percent, "12.00"),
            (Some(1_000_000.0), Unit::Count, "1,000,000"),
            (Some(-0.2), Unit::Count, "0"),
            (Some(0.0), Unit::Ratio, "0"),
            (Some(2.5e-9), Unit::Ratio, "2.50e−9"),
            (None, Unit::Money, "–"),
            (Some(f64::NAN), Unit::Ratio, "–"),
        ];
        for (value, unit, text) in cases {
            assert_eq!(figure(value, unit), text, "{value:?} {unit:?}");
        }
        assert_eq!(measured(Some(3.0), Unit::Money, "USDT"), "3.00\u{a0}USDT");
        assert_eq!(measured(None, Unit::Percent, "USDT"), "–");
    }

    #[test]
    fn a_column_of_money_has_as_many_places_as_its_largest_needs() {
        assert_eq!(
            [vec![12.0, 0.001], vec![0.04, -0.002], vec![], vec![f64::NAN]].map(|v| places(v.into_iter())),
            [2, 3, 2, 2]
        );
    }

    #[test]
    fn columns_and_reasons_are_said_in_words() {
        let found = ["net_pnl", "max_drawdown_pct", "sharpe", "avg_trade_sec", "ub", "lock_filled"].map(words);
        assert_eq!(found, ["net PnL", "max drawdown", "Sharpe", "avg time in trade", "upper band", "lock filled"]);
    }

    #[test]
    fn names_are_cut_to_what_tells_them_apart() {
        let axis = |name: &str| PageAxis {
            name: name.to_owned(),
            kind: AxisKind::Strategy,
            values: Vec::new(),
            feeds: false,
            dead: false,
        };
        let axes = [axis("a.b.min"), axis("a.c.min"), axis("locking.g_pct"), axis("seed")];
        assert_eq!(short_names(&axes.iter().collect::<Vec<_>>()), ["b.min", "c.min", "g_pct", "seed"]);
    }
}
