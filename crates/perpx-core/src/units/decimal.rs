//! Scaled integers to and from decimal text, without a float in between.

/// Reads a plain decimal ("-12.345", "1e-4", "0.50") as its digits and how many of them are decimals: `digits *
/// 10^-decimals`. `None` when it is none, or has more digits than an `i128`.
pub fn parse_decimal(text: &str) -> Option<(i128, i32)> {
    let (mantissa, exponent) = match text.find(['e', 'E']) {
        Some(at) => (&text[..at], text[at + 1..].parse::<i32>().ok()?),
        None => (text, 0),
    };
    let (negative, digits) = match mantissa.as_bytes().first()? {
        b'-' => (true, &mantissa[1..]),
        b'+' => (false, &mantissa[1..]),
        _ => (false, mantissa),
    };
    let (whole, fraction) = digits.split_once('.').unwrap_or((digits, ""));
    if whole.is_empty() && fraction.is_empty() {
        return None;
    }
    let fraction = fraction.trim_end_matches('0');
    let mut value: i128 = 0;
    for byte in whole.bytes().chain(fraction.bytes()) {
        if !byte.is_ascii_digit() {
            return None;
        }
        value = value.checked_mul(10)?.checked_add(i128::from(byte - b'0'))?;
    }
    let decimals = i32::try_from(fraction.len()).ok()?.checked_sub(exponent)?;
    Some((if negative { -value } else { value }, decimals))
}

/// Reads a plain decimal as an integer of `10^-scale`. `None` when it is not a decimal, has more than `scale` decimals that are
/// not zero, or does not fit.
pub fn parse_scaled(text: &str, scale: u32) -> Option<i128> {
    let (value, decimals) = parse_decimal(text)?;
    let shift = i32::try_from(scale).ok()?.checked_sub(decimals)?;
    if value == 0 {
        return Some(0);
    }
    let power = 10i128.checked_pow(shift.unsigned_abs())?;
    match shift {
        0.. => value.checked_mul(power),
        _ if value % power == 0 => Some(value / power),
        _ => None,
    }
}

/// Writes an integer of `10^-scale` as a decimal without trailing zeros: `format_scaled(12500, 3)` is "12.5".
pub fn format_scaled(value: i128, scale: u32) -> String {
    let unit = 10i128.pow(scale);
    let (whole, part) = ((value / unit).unsigned_abs(), (value % unit).unsigned_abs());
    let sign = if value < 0 { "-" } else { "" };
    if part == 0 {
        return format!("{sign}{whole}");
    }
    let digits = format!("{part:0width$}", width = scale as usize);
    format!("{sign}{whole}.{}", digits.trim_end_matches('0'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_and_writes_decimals_exactly() {
        for (text, scale, want) in [
            ("0.1", 9, Some(100_000_000)),
            ("-12.345", 3, Some(-12_345)),
            ("1e-4", 9, Some(100_000)),
            ("1.25E2", 0, Some(125)),
            ("0.0000000001", 9, None),
            ("0.5000", 1, Some(5)),
            ("", 2, None),
            (".", 2, None),
            ("1.2.3", 2, None),
            ("abc", 2, None),
        ] {
            assert_eq!(parse_scaled(text, scale), want, "{text}");
        }
        assert_eq!(format_scaled(-12_345, 3), "-12.345");
        assert_eq!(format_scaled(12_500, 3), "12.5");
        assert_eq!(format_scaled(-5, 3), "-0.005");
        assert_eq!(format_scaled(7_000, 3), "7");
    }
}
