//! The tree.

use crate::config::Value;
use std::sync::Arc;

/// A file's name and text, kept for error messages.
#[derive(Clone, Debug)]
pub struct Source {
    /// As messages show it.
    pub name: Arc<str>,
    /// The whole text.
    pub text: Arc<str>,
}

impl Source {
    /// A file that was read already.
    pub fn new(name: &str, text: &str) -> Source {
        Source { name: name.into(), text: text.into() }
    }

    /// Line and column of a byte, both counted from 1; columns in characters.
    pub fn line_column(&self, byte: usize) -> (usize, usize) {
        let head = self.text.get(..byte.min(self.text.len())).unwrap_or(&self.text);
        let line = head.bytes().filter(|b| *b == b'\n').count() + 1;
        let column = head.rsplit('\n').next().unwrap_or("").chars().count() + 1;
        (line, column)
    }

    /// Text of a line counted from 1.
    pub fn line(&self, line: usize) -> &str {
        self.text.lines().nth(line.saturating_sub(1)).unwrap_or("")
    }

    /// Byte at which a place given as line and column (from 1, in characters) begins.
    pub fn byte(&self, line: usize, column: usize) -> usize {
        let start: usize = self.text.split_inclusive('\n').take(line.saturating_sub(1)).map(str::len).sum();
        let rest = self.text.get(start..).unwrap_or("");
        start + rest.chars().take(column.saturating_sub(1)).map(char::len_utf8).sum::<usize>()
    }
}

/// Bytes `[start, end)` of a source.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Place {
    /// The first byte.
    pub start: usize,
    /// The byte after the last.
    pub end: usize,
}

impl Place {
    /// The text at this place.
    pub fn of(self, source: &Source) -> &str {
        source.text.get(self.start..self.end).unwrap_or("")
    }
}

/// A value of a file, with its place.
#[derive(Clone, Debug)]
pub struct Node {
    /// Where it stands.
    pub place: Place,
    /// What it is.
    pub body: Body,
}

/// What a node holds.
#[derive(Clone, Debug)]
pub enum Body {
    /// A single value.
    Scalar(Value),
    /// In the order of the file.
    List(Vec<Node>),
    /// In the order of the file; keys are unique.
    Map(Vec<Entry>),
}

/// A key of a map and what it stands for.
#[derive(Clone, Debug)]
pub struct Entry {
    /// As written, without its parents.
    pub key: String,
    /// Of the key alone.
    pub place: Place,
    /// What follows it.
    pub node: Node,
}

impl Node {
    /// The node without places.
    pub fn value(&self) -> Value {
        match &self.body {
            Body::Scalar(value) => value.clone(),
            Body::List(items) => Value::List(items.iter().map(Node::value).collect()),
            Body::Map(entries) => Value::Map(entries.iter().map(|e| (e.key.clone(), e.node.value())).collect()),
        }
    }

    /// Those of a map; none of anything else.
    pub fn entries(&self) -> &[Entry] {
        match &self.body {
            Body::Map(entries) => entries,
            _ => &[],
        }
    }

    /// The one of that key.
    pub fn entry(&self, key: &str) -> Option<&Entry> {
        self.entries().iter().find(|entry| entry.key == key)
    }
}
