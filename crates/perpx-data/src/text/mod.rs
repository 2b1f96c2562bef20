//! What people read: figures, tables and prose, and the terminal of the commands.

mod table;
mod terminal;

pub use table::{table, wrap};
pub use terminal::{completions, fail, print, print_err, red, width};

/// A whole number with its thousands set apart.
pub fn count(value: u64) -> String {
    grouped(&value.to_string())
}

/// "1 configuration", "12,000 configurations"
pub fn counted(value: u64, noun: &str) -> String {
    format!("{} {noun}{}", count(value), if value == 1 { "" } else { "s" })
}

/// Seconds as a trader would say them: "250 ms", "12.5 s", "3 min 5 s", "4 h 10 min", "2 d 3 h".
pub fn duration(seconds: f64) -> String {
    let sign = if seconds < 0.0 { "−" } else { "" };
    let abs = seconds.abs();
    let two = |whole: f64, big: &str, part: f64, small: &str| {
        let part = if part > 0.0 { format!(" {part:.0} {small}") } else { String::new() };
        format!("{sign}{} {big}{part}", count(whole as u64))
    };
    if abs == 0.0 {
        "0 s".to_owned()
    } else if abs < 1.0 {
        format!("{sign}{} ms", significant(abs * 1e3, 3))
    } else if abs < 59.95 {
        let digits = if abs.fract() == 0.0 { fixed(abs, 0) } else { significant(abs, 3) };
        format!("{sign}{digits} s")
    } else if abs < 3_599.5 {
        let whole = abs.round();
        two((whole / 60.0).floor(), "min", whole % 60.0, "s")
    } else if abs < 86_370.0 {
        let whole = (abs / 60.0).round();
        two((whole / 60.0).floor(), "h", whole % 60.0, "min")
    } else {
        let whole = (abs / 3_600.0).round();
        two((whole / 24.0).floor(), "d", whole % 24.0, "h")
    }
}

/// `value` with `decimals` places, thousands set apart, a real minus sign, and no minus before zero.
pub fn fixed(value: f64, decimals: usize) -> String {
    let text = format!("{:.decimals$}", value.abs());
    let zero = text.bytes().all(|b| matches!(b, b'0' | b'.'));
    let (whole, part) = text.split_once('.').unwrap_or((&text, ""));
    let sign = if value < 0.0 && !zero { "−" } else { "" };
    let dot = if part.is_empty() { "" } else { "." };
    format!("{sign}{}{dot}{part}", grouped(whole))
}

/// `value` with at least `digits` significant digits.
pub fn significant(value: f64, digits: i32) -> String {
    if value == 0.0 {
        return "0".to_owned();
    }
    let magnitude = value.abs().log10().floor() as i32;
    if !(-6..15).contains(&magnitude) {
        return format!("{value:.2e}").replace('-', "−");
    }
    fixed(value, (digits - 1 - magnitude).max(0) as usize)
}

fn grouped(digits: &str) -> String {
    let mut out = String::with_capacity(digits.len() + digits.len() / 3);
    for (i, digit) in digits.chars().enumerate() {
        if i > 0 && (digits.len() - i).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out
}

/// The shortest tails of the dotted names that still tell them apart: "min_diff", "order.median_ms".
pub fn short_names(names: &[&str]) -> Vec<String> {
    let tail = |name: &str, parts: usize| {
        let all: Vec<&str> = name.split('.').collect();
        all[all.len().saturating_sub(parts)..].join(".")
    };
    let shortest = |name: &&str| {
        let longest = name.split('.').count();
        let alone = |parts: &usize| names.iter().filter(|o| tail(o, *parts) == tail(name, *parts)).count() < 2;
        tail(name, (1..longest).find(alone).unwrap_or(longest))
    };
    names.iter().map(shortest).collect()
}

/// With a capital letter.
pub fn capital(word: &str) -> String {
    let mut letters = word.chars();
    letters.next().map_or(String::new(), |first| first.to_uppercase().chain(letters).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_carry_two_units() {
        let cases = [
            (0.25, "250 ms"),
            (8.0, "8 s"),
            (12.5, "12.5 s"),
            (59.99, "1 min"),
            (185.0, "3 min 5 s"),
            (3_599.9, "1 h"),
        ];
        for (seconds, text) in cases.into_iter().chain([(15_000.0, "4 h 10 min"), (183_600.0, "2 d 3 h")]) {
            assert_eq!(duration(seconds), text);
        }
    }
}
