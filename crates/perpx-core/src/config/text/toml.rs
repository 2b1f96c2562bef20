//! TOML through the toml crate's spanned values.

use super::{Body, ConfigError, Entry, Node, Place, Source};
use crate::config::{Num, Value};
use std::ops::Range;
use toml::de::{DeTable, DeValue};

/// Reads a TOML document. Dates become text.
///
/// # Errors
/// Broken TOML, a key written twice, a number that is not a plain decimal.
pub fn parse_toml(source: &Source) -> Result<Node, ConfigError> {
    let table = DeTable::parse(&source.text).map_err(|error| {
        let place = error.span().map_or(Place::default(), place_of);
        if error.message().starts_with("duplicate key") {
            return ConfigError::new(
                &source.name,
                place.of(source).trim_matches('"'),
                "this key is written twice in one section",
            )
            .accepted("each key once")
            .remedy("delete one of the two")
            .at(source, place);
        }
        ConfigError::new(&source.name, "", format!("this is not valid TOML: {}", error.message().trim()))
            .accepted("a TOML file of `key = value` lines under [sections], each key once")
            .remedy("correct the marked place")
            .at(source, place)
    })?;
    table_node(source, table.get_ref(), place_of(table.span()), "")
}

/// As bytes of the source.
fn place_of(span: Range<usize>) -> Place {
    Place { start: span.start, end: span.end }
}

/// A table and all below it.
fn table_node(source: &Source, table: &DeTable<'_>, place: Place, path: &str) -> Result<Node, ConfigError> {
    let mut entries = Vec::with_capacity(table.len());
    for (key, value) in table.iter() {
        let name = key.get_ref().to_string();
        let path = if path.is_empty() { name.clone() } else { format!("{path}.{name}") };
        let node = value_node(source, value.get_ref(), place_of(value.span()), &path)?;
        entries.push(Entry { key: name, place: place_of(key.span()), node });
    }
    // the crate sorts by name; the order of the file is the one that the user means
    entries.sort_by_key(|entry| entry.place.start);
    Ok(Node { place, body: Body::Map(entries) })
}

/// A value and all below it.
fn value_node(source: &Source, value: &DeValue<'_>, place: Place, path: &str) -> Result<Node, ConfigError> {
    let number = |text: &str, decimal: bool| {
        Num::parse(text).filter(|_| decimal).map(|num| Body::Scalar(Value::Num(num))).ok_or_else(|| {
            ConfigError::new(&source.name, path, format!("found {text}"))
                .accepted("a decimal number with at most 18 decimals and below 1e17")
                .remedy("write it as 1234.5 or 1e-4")
                .at(source, place)
        })
    };
    let body = match value {
        DeValue::String(text) => Body::Scalar(Value::Text(text.to_string())),
        DeValue::Integer(integer) => number(integer.as_str(), integer.radix() == 10)?,
        DeValue::Float(float) => number(float.as_str(), true)?,
        DeValue::Boolean(value) => Body::Scalar(Value::Bool(*value)),
        DeValue::Datetime(time) => Body::Scalar(Value::Text(time.to_string())),
        DeValue::Array(items) => {
            let each =
                |item: &toml::Spanned<DeValue<'_>>| value_node(source, item.get_ref(), place_of(item.span()), path);
            Body::List(items.iter().map(each).collect::<Result<_, _>>()?)
        }
        DeValue::Table(table) => return table_node(source, table, place, path),
    };
    Ok(Node { place, body })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_stand_in_the_order_of_the_file_and_numbers_are_exact() {
        let source =
            Source::new("g.toml", "[axes]\n\"b.c\" = [0.10, 2]\na = { from = 1e-3, to = 1_000 }\nday = 2026-01-05\n");
        let root = parse_toml(&source).expect("legal TOML");
        assert_eq!(root.value().to_string(), "{axes: {b.c: [0.1, 2], a: {from: 0.001, to: 1000}, day: 2026-01-05}}");
        let axes = root.entry("axes").expect("axes");
        assert_eq!(source.line_column(axes.node.entries()[1].place.start), (3, 1));
    }

    #[test]
    fn a_key_twice_is_refused() {
        let error = parse_toml(&Source::new("g.toml", "x = 1\nx = 2\n")).expect_err("x is there twice");
        assert_eq!(error.line, 2, "{error}");
    }
}
