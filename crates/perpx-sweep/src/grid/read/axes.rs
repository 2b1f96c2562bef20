//! `seed`, `[fills]`, `[axes]` and `[where]`: what varies, and what holds for all.

use super::File;
use crate::grid::Axis;
use crate::grid::expr::{self, Operand};
use perpx_core::config::keys::{Class, Default, K, Kind};
use perpx_core::config::text::{Body, Node, Place};
use perpx_core::config::{ConfigError, ConfigFile, KeyIx, Num, Override, Value};

impl File<'_> {
    /// `seed` and `[fills]`.
    pub(super) fn fixed(&self, base: &ConfigFile) -> Result<(Vec<Override>, Vec<Option<Place>>), ConfigError> {
        let (mut list, mut places) = (Vec::new(), Vec::new());
        if let Some(node) = self.find("seed") {
            let ix: KeyIx = K::Seed.into();
            base.check(ix, &node.value())
                .map_err(|error| self.wrong("seed", error.found, &error.accepted, &error.remedy))?;
            let own = base.written(ix).filter(|own| **own != node.value() && node.place != Place::default());
            if let Some(own) = own {
                let found = format!("found {} beside {own} in the strategy file", node.value());
                let remedy =
                    "delete one of the two, write the same in both, or give --set seed=N, which goes over both";
                return Err(self.wrong("seed", found, "one seed", remedy));
            }
            list.push((ix, node.value()));
            places.push((node.place != Place::default()).then_some(node.place));
        }
        if let Some(entry) = self.root.entry("fills") {
            self.fills(base, &entry.node, "fills", &mut list, &mut places)?;
        }
        Ok((list, places))
    }

    fn fills(
        &self,
        base: &ConfigFile,
        node: &Node,
        path: &str,
        list: &mut Vec<Override>,
        places: &mut Vec<Option<Place>>,
    ) -> Result<(), ConfigError> {
        for entry in node.entries() {
            let path = format!("{path}.{}", entry.key);
            if base.schema().is_section(&path) && matches!(entry.node.body, Body::Map(_)) {
                self.fills(base, &entry.node, &path, list, places)?;
                continue;
            }
            let ix = base.key(&path).map_err(|error| error.at(self.source, entry.place))?;
            let value = base.schema().normal(ix, entry.node.value());
            base.check(ix, &value).map_err(|error| error.at(self.source, entry.node.place))?;
            list.push((ix, value));
            places.push(Some(entry.node.place));
        }
        Ok(())
    }

    pub(super) fn axes(&self, base: &ConfigFile, set: &[Override]) -> Result<(Vec<Axis>, Vec<Axis>), ConfigError> {
        let (mut strategy, mut world): (Vec<Axis>, Vec<Axis>) = (Vec::new(), Vec::new());
        for entry in self.root.entry("axes").map_or(&[][..], |entry| entry.node.entries()) {
            // an unquoted dotted key is a table to TOML
            if base.schema().find(&entry.key).is_none() && base.schema().is_section(&entry.key) {
                return Err(ConfigError::new("", &format!("axes.{}", entry.key), "found a section")
                    .accepted("dotted keys in quotes")
                    .remedy("write \"locking.g_pct\" = [...] with the quotes")
                    .at(self.source, entry.place));
            }
            let mut axis = Axis::read(self.source, base, entry)?;
            if strategy.iter().chain(&world).any(|known| known.key == axis.key) {
                return Err(ConfigError::new("", &axis.path, "this key is an axis already")
                    .accepted("each key once")
                    .remedy("delete one of the two")
                    .at(self.source, entry.place));
            }
            if let Some((_, value)) = set.iter().rev().find(|(ix, _)| *ix == axis.key) {
                axis.values = vec![value.clone()];
                axis.places = vec![entry.node.place];
            }
            if base.class(axis.key) == Class::Strategy { strategy.push(axis) } else { world.push(axis) }
        }
        Ok((strategy, world))
    }

    pub(super) fn skip(
        &self,
        base: &ConfigFile,
        fixed: &[Override],
        axes: &[Axis],
    ) -> Result<Vec<(String, expr::Expr)>, ConfigError> {
        let Some(node) = self.find("where.skip") else { return Ok(Vec::new()) };
        let one = [node.clone()];
        let items: &[Node] = match &node.body {
            Body::List(items) => items,
            Body::Scalar(Value::Text(_)) => &one,
            _ => {
                let found = format!("found {}", node.value());
                return Err(self.wrong(
                    "where.skip",
                    found,
                    "a list of conditions in quotes",
                    "write skip = [\"a >= b\"]",
                ));
            }
        };
        let key = |path: &str| operand(base, fixed, axes, path);
        let mut list = Vec::new();
        for item in items {
            let value = item.value();
            let Some(text) = value.text() else {
                let found = format!("found {value}");
                return Err(self.wrong(
                    "where.skip",
                    found,
                    "a list of conditions in quotes",
                    "write skip = [\"a >= b\"]",
                ));
            };
            let expr = expr::parse(text, &key).map_err(|error| {
                // one byte for the quote; escapes inside a condition are not expected
                let start = item.place.start + 1 + error.at;
                ConfigError::new("", "where.skip", format!("{} in: {text}", error.what))
                    .accepted("conditions over strategy keys with < <= > >= == !=, and, or, not, ( ), + - * /")
                    .remedy(error.remedy)
                    .at(self.source, Place { start, end: start + error.length })
            })?;
            list.push((text.to_string(), expr));
        }
        Ok(list)
    }
}

/// What a key of a skip condition stands for: an axis, else the one value that all points share.
fn operand(base: &ConfigFile, fixed: &[Override], axes: &[Axis], path: &str) -> Result<(Operand, Value), String> {
    let schema = base.schema();
    let Some(mut ix) = schema.find(path) else {
        return Err(schema
            .nearest(path)
            .map_or("use a dotted key of the strategy file".to_string(), |known| format!("did you mean {known}?")));
    };
    if base.class(ix) != Class::Strategy {
        return Err("use keys of the strategy: a world is not the trader's to skip".to_string());
    }
    let sample = match schema.key(ix).kind {
        Kind::Bool => Value::Bool(false),
        Kind::Number { .. } => Value::Num(Num(0)),
        _ => Value::Text(String::new()),
    };
    loop {
        if let Some(axis) = axes.iter().position(|axis| axis.key == ix) {
            return Ok((Operand::Axis(axis), sample));
        }
        let over = fixed.iter().rev().find(|(key, _)| *key == ix).map(|(_, value)| value);
        if let Some(value) = over.or(base.written(ix)) {
            return Ok((Operand::Const(value.clone()), sample));
        }
        match schema.key(ix).default {
            Default::Like(other) => ix = other.into(),
            _ => return Ok((Operand::Const(schema.default(ix).cloned().unwrap_or(Value::Null)), sample)),
        }
    }
}
