//! YAML through serde-saphyr.

use super::{Body, ConfigError, Entry, Node, Place, Source};
use crate::config::{Num, Value};
use serde::de::{Deserialize, Deserializer, MapAccess, SeqAccess, Visitor};
use serde_saphyr::{Location, Spanned};
use std::fmt;

/// Reads a YAML document.
///
/// # Errors
/// Broken YAML, a key written twice, a number that is not a decimal.
pub fn parse_yaml(source: &Source) -> Result<Node, ConfigError> {
    let options = serde_saphyr::options! { strict_booleans: true };
    let raw: Spanned<Raw> = serde_saphyr::from_str_with_options(&source.text, options).map_err(|error| {
        let error = error.without_snippet();
        let place = error.location().map_or(Place::default(), |at| place_of(source, at));
        let message = error.to_string();
        let message = message.split(" at line ").next().unwrap_or("").trim_end_matches([',', ';', ':', ' ']);
        if let Some(key) = message.strip_prefix("duplicate mapping key: ").and_then(|rest| rest.split(',').next()) {
            return ConfigError::new(&source.name, key, "this key is written twice in one section")
                .accepted("each key once")
                .remedy("delete one of the two")
                .at(source, place);
        }
        if message.starts_with("non-finite float") {
            return ConfigError::new(&source.name, "", format!("found {}", place.of(source)))
                .accepted("a decimal number with at most 18 decimals and below 1e17")
                .remedy("write it as 1234.5 or 1e-4; null switches off where that is allowed")
                .at(source, place);
        }
        ConfigError::new(&source.name, "", format!("this is not valid YAML: {message}"))
            .accepted("a YAML file of `key: value` lines, each key once")
            .remedy("correct the marked place")
            .at(source, place)
    })?;
    node(source, &raw, "")
}

/// What serde hands over; numbers are read again from the text, so that they stay exact.
enum Raw {
    Null,
    Bool(bool),
    Number,
    Text(String),
    List(Vec<Spanned<Raw>>),
    Map(Vec<(Spanned<String>, Spanned<Raw>)>),
}

/// Reads any value; of numbers the text, which is exact.
struct RawVisitor;

impl<'de> Visitor<'de> for RawVisitor {
    type Value = Raw;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a value")
    }
    fn visit_unit<E>(self) -> Result<Raw, E> {
        Ok(Raw::Null)
    }
    fn visit_none<E>(self) -> Result<Raw, E> {
        Ok(Raw::Null)
    }
    fn visit_bool<E>(self, value: bool) -> Result<Raw, E> {
        Ok(Raw::Bool(value))
    }
    fn visit_i64<E>(self, _: i64) -> Result<Raw, E> {
        Ok(Raw::Number)
    }
    fn visit_u64<E>(self, _: u64) -> Result<Raw, E> {
        Ok(Raw::Number)
    }
    fn visit_i128<E>(self, _: i128) -> Result<Raw, E> {
        Ok(Raw::Number)
    }
    fn visit_u128<E>(self, _: u128) -> Result<Raw, E> {
        Ok(Raw::Number)
    }
    fn visit_f64<E>(self, _: f64) -> Result<Raw, E> {
        Ok(Raw::Number)
    }
    fn visit_str<E>(self, value: &str) -> Result<Raw, E> {
        Ok(Raw::Text(value.to_string()))
    }
    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Raw, A::Error> {
        let mut items = Vec::new();
        while let Some(item) = seq.next_element()? {
            items.push(item);
        }
        Ok(Raw::List(items))
    }
    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Raw, A::Error> {
        let mut entries = Vec::new();
        while let Some(entry) = map.next_entry()? {
            entries.push(entry);
        }
        Ok(Raw::Map(entries))
    }
}

impl<'de> Deserialize<'de> for Raw {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Raw, D::Error> {
        deserializer.deserialize_any(RawVisitor)
    }
}

/// As bytes of the source.
fn place_of(source: &Source, at: Location) -> Place {
    let start = source.byte(at.line() as usize, at.column() as usize);
    let length = at.span().byte_len().map_or(1, |length| length as usize);
    Place { start, end: (start + length).min(source.text.len()) }
}

/// A value and all below it.
fn node(source: &Source, raw: &Spanned<Raw>, path: &str) -> Result<Node, ConfigError> {
    let place = place_of(source, raw.referenced);
    let body = match &raw.value {
        Raw::Null => Body::Scalar(Value::Null),
        Raw::Bool(value) => Body::Scalar(Value::Bool(*value)),
        Raw::Text(text) => Body::Scalar(Value::Text(text.clone())),
        Raw::Number => {
            let defined = place_of(source, raw.defined);
            let text = defined.of(source).trim();
            match Num::parse(text) {
                Some(num) => Body::Scalar(Value::Num(num)),
                // what a sweep measured may have any number of decimals; it sets nothing
                None if path.starts_with("provenance.") => Body::Scalar(Value::Text(text.to_string())),
                None => {
                    return Err(ConfigError::new(&source.name, path, format!("found {text}"))
                        .accepted("a decimal number with at most 18 decimals and below 1e17")
                        .remedy("write it as 1234.5 or 1e-4")
                        .at(source, place));
                }
            }
        }
        Raw::List(items) => Body::List(items.iter().map(|item| node(source, item, path)).collect::<Result<_, _>>()?),
        Raw::Map(entries) => {
            let mut list: Vec<Entry> = Vec::with_capacity(entries.len());
            for (key, value) in entries {
                let path = if path.is_empty() { key.value.clone() } else { format!("{path}.{}", key.value) };
                let place = place_of(source, key.referenced);
                list.push(Entry { key: key.value.clone(), place, node: node(source, value, &path)? });
            }
            Body::Map(list)
        }
    };
    Ok(Node { place, body })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_key_and_value_knows_its_place() {
        let source = Source::new("a.yml", "top:\n  deep: {x: 0.10, y: no}\n  list: [1, -2.5e-1]\nnothing: null\n");
        let root = parse_yaml(&source).expect("legal YAML");
        let deep = root.entry("top").and_then(|e| e.node.entry("deep")).expect("top.deep");
        let x = deep.node.entry("x").expect("x");
        assert_eq!(source.line_column(x.place.start), (2, 10));
        assert_eq!(&source.text[x.node.place.start..x.node.place.end], "0.10");
        assert_eq!(root.value().to_string(), "{top: {deep: {x: 0.1, y: no}, list: [1, -0.25]}, nothing: null}");
    }

    #[test]
    fn a_key_twice_is_refused_where_it_stands_again() {
        let error = parse_yaml(&Source::new("a.yml", "x: 1\ny: 2\nx: 3\n")).expect_err("x is there twice");
        assert_eq!((error.line, error.column), (3, 1), "{error}");
        assert!(error.to_string().contains("twice"), "{error}");
    }
}
