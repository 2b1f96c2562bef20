//! The tree.

use crate::config::Value;
use std::sync::Arc;

/// A file's name and text, kept for error messages.
#[derive(Clone, Debug)]
pub struct Source {
    pub name: Arc<str>,
    pub text: Arc<str>,
}

impl Source {
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
    pub start: usize,
    pub end: usize,
}

impl Place {
    /// The text at this place.
    pub fn of(self, source: &Source) -> &str {
        source.text.get(self.start..self.end).unwrap_or("")
    }
}

#[derive(Clone, Debug)]
pub struct Node {
    pub place: Place,
    pub body: Body,
}

#[derive(Clone, Debug)]
pub enum Body {
    Scalar(Value),
    List(Vec<Node>),
    /// In the order of the file; keys are unique.
    Map(Vec<Entry>),
}

#[derive(Clone, Debug)]
pub struct Entry {
    pub key: String,
    pub place: Place,
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

    pub fn entries(&self) -> &[Entry] {
        match &self.body {
            Body::Map(entries) => entries,
            _ => &[],
        }
    }

    pub fn entry(&self, key: &str) -> Option<&Entry> {
        self.entries().iter().find(|entry| entry.key == key)
    }
}
