//! Numbers as the page writes them.

use perpx_core::units::{SECOND, Time};

/// Without zeros at its end.
fn short(text: &str) -> String {
    match text.contains('.') {
        true => text.trim_end_matches('0').trim_end_matches('.').to_owned(),
        false => text.to_owned(),
    }
}

/// Thousands apart.
fn grouped(text: &str) -> String {
    let (sign, rest) = text.strip_prefix('-').map_or(("", text), |rest| ("-", rest));
    let (whole, part) = rest.split_once('.').map_or((rest, None), |(whole, part)| (whole, Some(part)));
    let mut out = String::new();
    for (n, digit) in whole.chars().enumerate() {
        if n > 0 && (whole.len() - n).is_multiple_of(3) {
            out.push('\u{202f}');
        }
        out.push(digit);
    }
    let part = part.map_or(String::new(), |part| format!(".{part}"));
    // a rounded zero has no sign
    let sign =
        if out.chars().all(|c| c == '0') && !part.bytes().any(|c| (b'1'..=b'9').contains(&c)) { "" } else { sign };
    format!("{sign}{out}{part}")
}

/// Quote money.
pub fn money(value: f64) -> String {
    grouped(&format!("{value:.2}"))
}

/// A gain or a loss.
pub fn signed(value: f64) -> String {
    let text = grouped(&format!("{value:.4}"));
    if text.starts_with('-') { text } else { format!("+{text}") }
}

/// Base coins.
pub fn coins(value: f64) -> String {
    grouped(&short(&format!("{value:.9}")))
}

/// A price, seven digits of it.
pub fn price(value: f64) -> String {
    let whole = value.abs().max(1.0).log10().floor() as usize;
    let digits = 6usize.saturating_sub(whole);
    grouped(&short(&format!("{value:.digits$}")))
}

/// Any other number, four digits of it behind the point where it is small.
pub fn number(value: f64) -> String {
    let digits = if value.abs() >= 1_000.0 {
        1
    } else if value.abs() >= 10.0 {
        2
    } else {
        6
    };
    grouped(&short(&format!("{value:.digits$}")))
}

/// A fraction.
pub fn percent(value: f64) -> String {
    format!("{:.2} %", value * 100.0)
}

/// A span of time.
pub fn seconds(value: f64) -> String {
    match value {
        v if v < 0.0 => format!("-{}", seconds(-v)),
        v if v < 0.9995 => format!("{:.0} ms", v * 1e3),
        v if v < 59.95 => format!("{v:.1} s"),
        v if v < 3_600.0 => format!("{:.0} min {:02.0} s", (v / 60.0).floor(), (v % 60.0).floor()),
        v if v < 172_800.0 => format!("{:.0} h {:02.0} min", (v / 3_600.0).floor(), (v % 3_600.0 / 60.0).floor()),
        v => format!("{:.1} days", v / 86_400.0),
    }
}

/// From one moment to a later one.
pub fn ago(now: Time, then: Time) -> String {
    seconds(now.since(then).as_f64(SECOND).max(0.0))
}

/// A moment, to the second.
pub fn time(at: Time) -> String {
    at.to_second().replace('T', " ").trim_end_matches('Z').to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_short_and_whole() {
        assert_eq!(
            [money(1_234_567.891), money(-0.001), money(-12.5)],
            ["1\u{202f}234\u{202f}567.89", "0.00", "-12.50"]
        );
        assert_eq!([signed(0.0), signed(1.5), signed(-1.5)], ["+0.0000", "+1.5000", "-1.5000"]);
        assert_eq!(
            [coins(-0.0125), coins(0.0), price(91_234.5), price(100.0)],
            ["-0.0125", "0", "91\u{202f}234.5", "100"]
        );
        assert_eq!([number(1.000_123_4), number(0.25), number(61.234)], ["1.000123", "0.25", "61.23"]);
        assert_eq!([seconds(0.0123), seconds(7.26), seconds(61.0)], ["12 ms", "7.3 s", "1 min 01 s"]);
        assert_eq!([seconds(3_725.0), seconds(-3.0), seconds(400_000.0)], ["1 h 02 min", "-3.0 s", "4.6 days"]);
        assert_eq!(time(Time::of_day(20_000)), "2024-10-04 00:00:00");
    }
}
