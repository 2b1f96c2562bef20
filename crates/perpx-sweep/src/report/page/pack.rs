//! Figures for the script, three letters each: small, and quick to read.

use serde_json::{Value, json};

/// No letter of it means anything to JSON or HTML.
const LETTERS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
const STEPS: f64 = 262_143.0;

/// `lo`, `hi` and a string of three letters a value: its place between them in base 64; "..." where there is none.
pub fn pack(values: impl Iterator<Item = Option<f64>> + Clone) -> Value {
    let known = values.clone().flatten().filter(|v| v.is_finite());
    let (lo, hi) = known.fold((f64::INFINITY, f64::NEG_INFINITY), |(lo, hi), v| (lo.min(v), hi.max(v)));
    if lo > hi {
        return json!({ "lo": 0, "hi": 0, "d": "...".repeat(values.count()) });
    }
    let mut out = String::new();
    for value in values {
        match value.filter(|v| v.is_finite()) {
            None => out.push_str("..."),
            Some(value) => {
                let place = if hi > lo { ((value - lo) / (hi - lo) * STEPS).round() as usize } else { 0 };
                [12, 6, 0].iter().for_each(|shift| out.push(char::from(LETTERS[place >> shift & 63])));
            }
        }
    }
    json!({ "lo": lo, "hi": hi, "d": out })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ends_and_holes() {
        let packed = pack([Some(-1.0), None, Some(3.0), Some(f64::NAN)].into_iter());
        assert_eq!(packed, json!({ "lo": -1.0, "hi": 3.0, "d": "AAA...___..." }));
        assert_eq!(pack([Some(2.0)].into_iter())["d"], "AAA");
        assert_eq!(pack([None, None].into_iter())["d"], "......");
    }
}
