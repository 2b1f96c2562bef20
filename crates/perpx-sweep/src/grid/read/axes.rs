//! `seed`, `[fills]`, `[axes]` and `[where]`: what varies, and what holds for all.

use super::File;
use crate::grid::Axis;
use crate::grid::expr::{self, Expr, Operand};
use perpx_core::config::keys::{Class, Default, K, Kind};
use perpx_core::config::text::{Body, Entry, Node, Place};
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

    /// Entries of `[axes]`, then of `[search.axes]`.
    fn axis_entries(&self) -> impl Iterator<Item = &Entry> {
        let own = self.root.entry("axes").map(|entry| &entry.node);
        own.into_iter().chain(self.find("search.axes")).flat_map(|node| node.entries())
    }

    pub(super) fn axes(
        &self,
        base: &ConfigFile,
        set: &[Override],
        is_search: bool,
    ) -> Result<(Vec<Axis>, Vec<Axis>), ConfigError> {
        let (mut strategy, mut world): (Vec<Axis>, Vec<Axis>) = (Vec::new(), Vec::new());
        for entry in self.axis_entries() {
            // an unquoted dotted key is a table to TOML
            if base.schema().find(&entry.key).is_none() && base.schema().is_section(&entry.key) {
                return Err(ConfigError::new("", &format!("axes.{}", entry.key), "found a section")
                    .accepted("dotted keys in quotes")
                    .remedy("write \"locking.g_pct\" = [...] with the quotes")
                    .at(self.source, entry.place));
            }
            let is_strategy = base.key(&entry.key).is_ok_and(|key| base.class(key) == Class::Strategy);
            let mut axis = Axis::read(self.source, base, entry, is_search && is_strategy)?;
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
    ) -> Result<Vec<(String, Expr)>, ConfigError> {
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
            let expr = self.condition(base, fixed, axes, ("where.skip", text, item.place))?;
            list.push((text.to_string(), expr));
        }
        Ok(list)
    }

    fn condition(
        &self,
        base: &ConfigFile,
        fixed: &[Override],
        axes: &[Axis],
        (path, text, place): (&str, &str, Place),
    ) -> Result<Expr, ConfigError> {
        let key = |path: &str| operand(base, fixed, axes, path);
        expr::parse(text, &key).map_err(|error| {
            // one byte for the quote; escapes inside a condition are not expected
            let start = place.start + 1 + error.at;
            ConfigError::new("", path, format!("{} in: {text}", error.what))
                .accepted("conditions over strategy keys with < <= > >= == !=, and, or, not, ( ), + - * /")
                .remedy(error.remedy)
                .at(self.source, Place { start, end: start + error.length })
        })
    }

    /// By strategy axis the condition under which it counts.
    pub(super) fn when(
        &self,
        base: &ConfigFile,
        fixed: &[Override],
        axes: &[Axis],
    ) -> Result<Vec<Option<(String, Expr)>>, ConfigError> {
        let mut list: Vec<Option<(String, Expr)>> = vec![None; axes.len()];
        for entry in self.axis_entries() {
            let Some(when) = entry.node.entry("when") else { continue };
            let (path, value) = (entry.key.as_str(), when.node.value());
            let wrong = |found: String, accepted: &str, remedy: &str| {
                ConfigError::new("", path, found).accepted(accepted).remedy(remedy).at(self.source, when.node.place)
            };
            let accepted = "a condition over other axes in quotes";
            let Some(number) = axes.iter().position(|axis| axis.path == path) else {
                return Err(wrong("found when at a world axis".to_string(), "it at axes of the strategy", "delete it"));
            };
            let Some(text) = value.text() else {
                return Err(wrong(
                    format!("found when = {value}"),
                    accepted,
                    "write when = \"entry.style == 'passive'\"",
                ));
            };
            let expr = self.condition(base, fixed, axes, (path, text, when.node.place))?;
            list[number] = Some((text.to_string(), expr));
            if let Some(other) = cycle(&list, number) {
                let found = format!("when speaks of {}, which depends on this axis", axes[other].path);
                return Err(wrong(found, "conditions that form no cycle", "delete one of them"));
            }
        }
        Ok(list)
    }
}

/// An axis that the condition of axis `of` speaks of, directly or not, and whose own condition leads back to `of`.
fn cycle(when: &[Option<(String, Expr)>], of: usize) -> Option<usize> {
    let named = |axis: usize| {
        let mut named = Vec::new();
        when[axis].iter().for_each(|(_, expr)| expr.axes(&mut named));
        named
    };
    let (mut open, mut seen) = (named(of), vec![false; when.len()]);
    while let Some(axis) = open.pop() {
        if axis == of || named(axis).contains(&of) {
            return Some(axis);
        }
        if !std::mem::replace(&mut seen[axis], true) {
            open.extend(named(axis));
        }
    }
    None
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
