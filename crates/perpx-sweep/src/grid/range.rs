//! Ranges of an axis: `{from, to, step}` and `{from, to, count, scale}`.

use perpx_core::config::keys::Unit;
use perpx_core::config::text::{Node, Place, Source};
use perpx_core::config::{ConfigError, Num, Value};

/// Most values of one axis.
const MOST: i128 = 1_000_000;
const BOTH: &str = "{from, to, step} or {from, to, count, scale}";

pub(super) struct Range<'a> {
    pub source: &'a Source,
    /// The axis, for messages.
    pub path: &'a str,
    /// The map.
    pub node: &'a Node,
    pub unit: Unit,
    /// How many values it has without a step and a count; none: it must have one of them.
    pub levels: Option<i64>,
}

impl Range<'_> {
    /// The numbers of the range. Steps are exact; inner points of a count are rounded to 6 significant digits, to whole
    /// numbers where the key counts or is in seconds.
    pub fn numbers(&self) -> Result<Vec<Num>, ConfigError> {
        for entry in self.node.entries() {
            if !["from", "to", "step", "count", "scale", "when"].contains(&entry.key.as_str()) {
                return Err(self.wrong(entry.place, format!("the field {} is unknown", entry.key), BOTH, "delete it"));
            }
        }
        let whole = self.node.place;
        let found = || format!("found {}", self.node.value());
        let (Some(from), Some(to)) = (self.number("from")?, self.number("to")?) else {
            return Err(self.wrong(whole, found(), BOTH, "give both ends of the range"));
        };
        if from > to {
            let found = format!("the range is empty: from {from} to {to}");
            return Err(self.wrong(whole, found, "from at most to", "swap the two ends"));
        }
        match (self.number("step")?, self.number("count")?, self.levels) {
            (Some(step), None, _) => self.stepped(from, to, step),
            (None, Some(count), _) => self.counted(from, to, count),
            (None, None, Some(levels)) => self.counted(from, to, Num(i128::from(levels) * Num::ONE)),
            _ => Err(self.wrong(whole, found(), "one of step and count", "write either step or count")),
        }
    }

    fn wrong(&self, place: Place, found: String, accepted: &str, remedy: &str) -> ConfigError {
        ConfigError::new("", self.path, found).accepted(accepted).remedy(remedy).at(self.source, place)
    }

    fn number(&self, name: &str) -> Result<Option<Num>, ConfigError> {
        let Some(entry) = self.node.entry(name) else { return Ok(None) };
        let value = entry.node.value();
        value.num().map(Some).ok_or_else(|| {
            self.wrong(entry.node.place, format!("found {name} = {value}"), "a number", "write a plain decimal")
        })
    }

    fn stepped(&self, from: Num, to: Num, step: Num) -> Result<Vec<Num>, ConfigError> {
        if let Some(scale) = self.node.entry("scale") {
            let found = "found scale beside step".to_string();
            return Err(self.wrong(scale.place, found, "scale with count alone", "use count, or delete scale"));
        }
        if step.0 <= 0 || (to.0 - from.0) / step.0 >= MOST {
            let accepted = "a step above 0 that gives at most 1000000 values";
            return Err(self.wrong(self.node.place, format!("found step = {step}"), accepted, "write a larger step"));
        }
        Ok((0..=(to.0 - from.0) / step.0).map(|i| Num(from.0 + i * step.0)).collect())
    }

    fn counted(&self, from: Num, to: Num, count: Num) -> Result<Vec<Num>, ConfigError> {
        let Some(count) = count.as_i64().filter(|n| (1..=MOST as i64).contains(n)) else {
            let accepted = "a whole number from 1 to 1000000";
            return Err(self.wrong(self.node.place, format!("found count = {count}"), accepted, "say how many values"));
        };
        let log = match self.node.entry("scale").map(|entry| (entry, entry.node.value())) {
            None => false,
            Some((_, Value::Text(word))) if word == "linear" => false,
            Some((_, Value::Text(word))) if word == "log" => true,
            Some((entry, other)) => {
                let found = format!("found scale = {other}");
                return Err(self.wrong(entry.node.place, found, "linear, log", "choose one of the two"));
            }
        };
        if log && from.0 <= 0 {
            let found = format!("a log scale cannot begin at {from}");
            return Err(self.wrong(self.node.place, found, "from above 0", "write a positive from"));
        }
        Ok(points(from, to, count, log, matches!(self.unit, Unit::Count | Unit::Sec)))
    }
}

fn points(from: Num, to: Num, count: i64, log: bool, whole: bool) -> Vec<Num> {
    if count == 1 {
        return vec![from];
    }
    let inner = |i: i64| {
        let num = if log {
            let (a, b) = (libm::log(from.as_f64()), libm::log(to.as_f64()));
            let value = libm::exp(a + (b - a) * i as f64 / (count - 1) as f64);
            Num::parse(&format!("{value:.12e}")).unwrap_or(from)
        } else {
            Num(from.0
                + (to.0 - from.0) / i128::from(count - 1) * i128::from(i)
                + (to.0 - from.0) % i128::from(count - 1) * i128::from(i) / i128::from(count - 1))
        };
        if whole { round_to(num, Num::ONE) } else { six_digits(num) }
    };
    let mut list = Vec::with_capacity(count as usize);
    for i in 0..count {
        let num = if i == 0 {
            from
        } else if i == count - 1 {
            to
        } else {
            inner(i)
        };
        // monotone, so that a repeat can only be the one before
        if list.last() != Some(&num) {
            list.push(num);
        }
    }
    list
}

/// Half away from zero to a multiple of `unit`.
fn round_to(num: Num, unit: i128) -> Num {
    let half = if num.0 < 0 { -unit / 2 } else { unit / 2 };
    Num((num.0 + half) / unit * unit)
}

fn six_digits(num: Num) -> Num {
    let mut unit = 1i128;
    while num.0.abs() / unit >= 1_000_000 {
        unit *= 10;
    }
    round_to(num, unit)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn show(list: Vec<Num>) -> String {
        list.iter().map(Num::to_string).collect::<Vec<_>>().join(" ")
    }

    #[test]
    fn inner_points_have_six_digits_and_counts_are_whole() {
        let num = |text: &str| Num::parse(text).expect("a decimal");
        assert_eq!(show(points(num("0.4"), num("2.0"), 9, false, false)), "0.4 0.6 0.8 1 1.2 1.4 1.6 1.8 2");
        assert_eq!(show(points(num("1"), num("2"), 4, false, false)), "1 1.33333 1.66667 2");
        assert_eq!(show(points(num("600"), num("14400"), 5, true, true)), "600 1328 2939 6506 14400");
        assert_eq!(show(points(num("0.001"), num("1"), 4, true, false)), "0.001 0.01 0.1 1");
        assert_eq!(show(points(num("1"), num("3"), 9, false, true)), "1 2 3");
        assert_eq!(show(points(num("-1"), num("1"), 4, false, false)), "-1 -0.333333 0.333333 1");
        assert_eq!(show(points(num("5"), num("9"), 1, false, false)), "5");
    }
}
