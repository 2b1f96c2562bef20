//! JSON as rows: a value a line, a time before it or not, or one array of values. Numbers stay as they are written.

use serde_json::value::RawValue;
use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Read};

/// The column of what stands before the value of a line: `1723161256207640365 {"b": "61804.7"}`.
pub const BEFORE: &str = "time";

/// The values of a file, one after another.
pub struct Values {
    reader: BufReader<Box<dyn Read>>,
    line: u64,
    /// Values of an array of rows that was read whole, the next one last.
    rest: Vec<String>,
}

impl Values {
    pub fn new(reader: Box<dyn Read>) -> Values {
        Values { reader: BufReader::new(reader), line: 0, rest: Vec::new() }
    }

    /// Its line, what stands before it, and the value; `None` at the end.
    pub fn next(&mut self) -> Result<Option<(u64, Option<String>, String)>, String> {
        loop {
            if let Some(value) = self.rest.pop() {
                return Ok(Some((self.line, None, value)));
            }
            let mut text = String::new();
            self.line += 1;
            let line = self.line;
            let read = self.reader.read_line(&mut text).map_err(|e| format!("line {line}: {e}"))?;
            if read == 0 {
                return Ok(None);
            }
            let text = text.trim().trim_start_matches('\u{feff}');
            if text.is_empty() {
                continue;
            }
            let is_value = text.starts_with(['{', '[']);
            if let Some((before, value)) = text.split_once(char::is_whitespace).filter(|_| !is_value) {
                return Ok(Some((line, Some(before.to_string()), value.trim_start().to_string())));
            }
            if !text.starts_with('[') {
                return Ok(Some((line, None, text.to_string())));
            }
            self.rows_of(text)?;
        }
    }

    /// An array is a row of cells, or a list of rows that may go on over the lines that follow.
    fn rows_of(&mut self, text: &str) -> Result<(), String> {
        let mut text = text.to_string();
        let whole: Result<Vec<Box<RawValue>>, _> = serde_json::from_str(&text);
        let values = match whole {
            Ok(values) => values,
            Err(e) if e.is_eof() && self.line == 1 => {
                self.reader.read_to_string(&mut text).map_err(|e| e.to_string())?;
                serde_json::from_str(&text).map_err(|e| format!("line {}: {e}", e.line()))?
            }
            Err(e) => return Err(format!("line {}: {e}", self.line)),
        };
        let are_rows = values.iter().all(|value| value.get().starts_with(['{', '[']));
        if !values.is_empty() && are_rows {
            self.rest.extend(values.iter().rev().map(|value| value.get().to_string()));
        } else {
            self.rest.push(text);
        }
        Ok(())
    }
}

/// A value with its parts at hand.
pub enum Tree<'a> {
    Leaf(&'a str),
    List(Vec<Tree<'a>>),
    Fields(BTreeMap<String, Tree<'a>>),
}

impl<'a> Tree<'a> {
    pub fn read(text: &'a str) -> Result<Tree<'a>, String> {
        let error = |e: serde_json::Error| e.to_string();
        Ok(match text.as_bytes().first() {
            Some(b'{') => {
                let fields: BTreeMap<String, &'a RawValue> = serde_json::from_str(text).map_err(error)?;
                let tree = |(name, value): (String, &'a RawValue)| Ok((name, Tree::read(value.get())?));
                Tree::Fields(fields.into_iter().map(tree).collect::<Result<_, String>>()?)
            }
            Some(b'[') => {
                let list: Vec<&'a RawValue> = serde_json::from_str(text).map_err(error)?;
                Tree::List(list.into_iter().map(|value| Tree::read(value.get())).collect::<Result<_, _>>()?)
            }
            _ => {
                serde_json::from_str::<&RawValue>(text).map_err(error)?;
                Tree::Leaf(text)
            }
        })
    }

    /// The elements of the list at a path; none where it is no list.
    pub fn elements(&self, path: &str) -> &[Tree<'a>] {
        match self.at(path) {
            Some(Tree::List(elements)) => elements,
            _ => &[],
        }
    }

    /// The text at a path such as "data.bids.0.1"; empty when there is none. `names` are those of the places of a list. Of
    /// "cts|ts" the first that is there.
    pub fn text(&self, path: &str, names: &[String]) -> Result<String, String> {
        if let (Tree::List(cells), Some(i)) = (self, names.iter().position(|name| name == path)) {
            return cells.get(i).map_or(Ok(String::new()), |cell| cell.leaf(path));
        }
        for path in path.split('|') {
            let text = self.at(path).map_or(Ok(String::new()), |found| found.leaf(path))?;
            if !text.is_empty() {
                return Ok(text);
            }
        }
        Ok(String::new())
    }

    /// What lies at a path.
    fn at(&self, path: &str) -> Option<&Tree<'a>> {
        let mut at = self;
        let mut left = Some(path);
        while let Some(path) = left {
            // a field whose name has dots itself comes first
            let (step, rest) = match at {
                Tree::Fields(fields) if fields.contains_key(path) => (path, None),
                _ => path.split_once('.').map_or((path, None), |(step, rest)| (step, Some(rest))),
            };
            let next = match at {
                Tree::Fields(fields) => fields.get(step),
                Tree::List(list) => step.parse::<usize>().ok().and_then(|i| list.get(i)),
                Tree::Leaf(_) => None,
            };
            (at, left) = (next?, rest);
        }
        Some(at)
    }

    fn leaf(&self, path: &str) -> Result<String, String> {
        match self {
            Tree::Leaf("null") => Ok(String::new()),
            Tree::Leaf(text) if text.starts_with('"') => serde_json::from_str(text).map_err(|e| e.to_string()),
            Tree::Leaf(text) => Ok(text.to_string()),
            _ => Err(format!("'{path}' is no single value; name its parts: {path}.0, {path}.name")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn values(text: &'static str) -> Vec<(u64, Option<String>, String)> {
        let mut values = Values::new(Box::new(text.as_bytes()));
        std::iter::from_fn(|| values.next().expect("legal")).collect()
    }

    #[test]
    fn a_row_is_a_line_an_array_or_one_of_an_array() {
        let row = |line, value: &str| (line, None, value.to_string());
        assert_eq!(values("{\"a\":1}\n\n{\"a\":2}\n"), [row(1, "{\"a\":1}"), row(3, "{\"a\":2}")]);
        assert_eq!(values("[1,\"x\"]\n[2,\"y\"]"), [row(1, "[1,\"x\"]"), row(2, "[2,\"y\"]")]);
        assert_eq!(values("[{\"a\":1},{\"a\":2}]\n"), [row(1, "{\"a\":1}"), row(1, "{\"a\":2}")]);
        assert_eq!(values("[\n {\"a\":1},\n {\"a\":2}\n]\n").len(), 2);
        assert_eq!(values("17 {\"a\":1}"), [(1, Some("17".to_string()), "{\"a\":1}".to_string())]);
    }

    #[test]
    fn a_path_leads_to_the_text_as_it_is_written() {
        let either = Tree::read(r#"{"ts":1,"cts":null,"b":[["1","2"],["3","4"]]}"#).expect("legal");
        assert_eq!(either.text("cts|ts", &[]), Ok("1".to_string()));
        let firsts: Vec<_> = either.elements("b").iter().map(|one| one.text("0", &[])).collect();
        assert_eq!(firsts, [Ok("1".to_string()), Ok("3".to_string())]);
        assert!(either.elements("ts").is_empty() && either.elements("none").is_empty());
        let tree = Tree::read(r#"{"d":{"b":[["0.10","5"],[1.00000000000000001,null]]},"a.b":"A"}"#).expect("legal");
        let text = |path: &str| tree.text(path, &[]).expect("a text");
        assert_eq!(
            (text("d.b.0.0"), text("d.b.1.0"), text("a.b")),
            ("0.10".into(), "1.00000000000000001".into(), "A".into())
        );
        assert_eq!((text("d.b.1.1"), text("d.b.2.0"), text("none")), (String::new(), String::new(), String::new()));
        assert!(tree.text("d.b", &[]).expect_err("a list").contains("d.b.0"));
        let row = Tree::read("[7,\"x\"]").expect("legal");
        assert_eq!(row.text("side", &["t".to_string(), "side".to_string()]), Ok("x".to_string()));
    }
}
