//! The small language of `[where] skip`: comparisons, and / or / not, parentheses, + - * / on numbers, over dotted keys.

use super::Compare;
use perpx_core::config::{Num, Value};
use rust_decimal::Decimal;

/// A checked expression. Numbers are exact decimals.
#[derive(Clone, Debug, PartialEq)]
pub enum Expr {
    /// A number, word, bool or null written out, or the value of a key that no axis varies.
    Const(Atom),
    /// The value of the strategy axis of this number.
    Axis(usize),
    Not(Box<Expr>),
    Negate(Box<Expr>),
    Binary(Op, Box<Expr>, Box<Expr>),
}

#[derive(Clone, Debug, PartialEq)]
pub enum Atom {
    Null,
    Bool(bool),
    Num(Decimal),
    Text(String),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Op {
    Or,
    And,
    Compare(Compare),
    Plus,
    Minus,
    Times,
    Over,
}

/// What stands for a key.
pub enum Operand {
    Axis(usize),
    Const(Value),
}

/// What is wrong, and at which byte of the expression.
#[derive(Debug, PartialEq)]
pub struct ExprError {
    pub at: usize,
    pub length: usize,
    pub what: String,
    pub remedy: String,
}

impl From<&Value> for Atom {
    fn from(value: &Value) -> Atom {
        match value {
            Value::Bool(flag) => Atom::Bool(*flag),
            Value::Num(num) => decimal(*num).map_or(Atom::Null, Atom::Num),
            Value::Text(text) => Atom::Text(text.clone()),
            _ => Atom::Null,
        }
    }
}

fn decimal(num: Num) -> Option<Decimal> {
    let (mut value, mut scale) = (num.0, 18);
    while scale > 0 && value % 10 == 0 {
        (value, scale) = (value / 10, scale - 1);
    }
    Decimal::try_from_i128_with_scale(value, scale).ok()
}

impl Expr {
    /// True when the combination is to be skipped. `axis` gives the value of an axis.
    pub fn holds(&self, axis: &impl Fn(usize) -> Atom) -> bool {
        self.value(axis) == Atom::Bool(true)
    }

    /// Comparisons and sums with null, and divisions by zero, are null, which is not true; `== null` asks for it.
    fn value(&self, axis: &impl Fn(usize) -> Atom) -> Atom {
        match self {
            Expr::Const(atom) => atom.clone(),
            Expr::Axis(ix) => axis(*ix),
            Expr::Not(inner) => match inner.value(axis) {
                Atom::Bool(flag) => Atom::Bool(!flag),
                _ => Atom::Null,
            },
            Expr::Negate(inner) => match inner.value(axis) {
                Atom::Num(num) => Atom::Num(-num),
                _ => Atom::Null,
            },
            Expr::Binary(op, left, right) => op.apply(left.value(axis), || right.value(axis)),
        }
    }

    /// Adds the axes that it speaks of.
    pub fn axes(&self, into: &mut Vec<usize>) {
        match self {
            Expr::Const(_) => {}
            Expr::Axis(ix) => into.push(*ix),
            Expr::Not(inner) | Expr::Negate(inner) => inner.axes(into),
            Expr::Binary(_, left, right) => {
                left.axes(into);
                right.axes(into);
            }
        }
    }
}

impl Op {
    fn apply(self, left: Atom, right: impl FnOnce() -> Atom) -> Atom {
        match (self, &left) {
            (Op::Or, Atom::Bool(true)) => return Atom::Bool(true),
            (Op::And, Atom::Bool(false)) => return Atom::Bool(false),
            (Op::Or | Op::And, _) => return right(),
            _ => {}
        }
        let right = right();
        match self {
            Op::Compare(Compare::Equal) => return Atom::Bool(left == right),
            Op::Compare(Compare::Unequal) => return Atom::Bool(left != right),
            _ => {}
        }
        let (Atom::Num(a), Atom::Num(b)) = (left, right) else { return Atom::Null };
        let sum = match self {
            Op::Compare(compare) => return Atom::Bool(compare.holds(a, b)),
            Op::Plus => a.checked_add(b),
            Op::Minus => a.checked_sub(b),
            Op::Times => a.checked_mul(b),
            _ => a.checked_div(b),
        };
        sum.map_or(Atom::Null, Atom::Num)
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Type {
    Null,
    Bool,
    Number,
    Text,
}

impl Type {
    fn word(self) -> &'static str {
        match self {
            Type::Null => "null",
            Type::Bool => "a truth value",
            Type::Number => "a number",
            Type::Text => "a word",
        }
    }
}

/// Reads an expression; `key` says what a dotted path stands for, and its kind as a sample value.
///
/// # Errors
/// With the place: an unknown key, a word too many, a comparison of a number with a word, a sum that is no condition.
pub fn parse(text: &str, key: &impl Fn(&str) -> Result<(Operand, Value), String>) -> Result<Expr, ExprError> {
    let mut parser = Parser { text, at: 0, key };
    let (expr, kind) = parser.either()?;
    parser.blanks();
    if parser.at < text.len() {
        return Err(parser.error(
            parser.at,
            "this was not expected here",
            "join conditions with and / or, or delete it",
        ));
    }
    if kind != Type::Bool {
        let what = format!("the expression is {}, not a condition", kind.word());
        return Err(parser.error(0, &what, "compare it: ... >= ..."));
    }
    Ok(expr)
}

struct Parser<'a, F> {
    text: &'a str,
    at: usize,
    key: &'a F,
}

impl<F: Fn(&str) -> Result<(Operand, Value), String>> Parser<'_, F> {
    fn error(&self, at: usize, what: &str, remedy: &str) -> ExprError {
        let rest = self.text.get(at..).unwrap_or("");
        let length = rest.find(|c: char| c.is_whitespace()).unwrap_or(rest.len()).max(1);
        ExprError { at, length, what: what.to_string(), remedy: remedy.to_string() }
    }

    fn blanks(&mut self) {
        let rest = &self.text[self.at..];
        self.at += rest.len() - rest.trim_start().len();
    }

    /// Takes a symbol if it is next.
    fn symbol(&mut self, symbol: &str) -> bool {
        self.blanks();
        let found = self.text[self.at..].starts_with(symbol);
        if found {
            self.at += symbol.len();
        }
        found
    }

    /// Takes a whole word if it is next.
    fn word(&mut self, word: &str) -> bool {
        self.blanks();
        let rest = &self.text[self.at..];
        let found = rest.starts_with(word) && !rest[word.len()..].starts_with(is_name);
        if found {
            self.at += word.len();
        }
        found
    }

    fn either(&mut self) -> Result<(Expr, Type), ExprError> {
        let mut left = self.both()?;
        while self.word("or") {
            let right = self.both()?;
            left = self.logic(Op::Or, left, right)?;
        }
        Ok(left)
    }

    fn both(&mut self) -> Result<(Expr, Type), ExprError> {
        let mut left = self.not()?;
        while self.word("and") {
            let right = self.not()?;
            left = self.logic(Op::And, left, right)?;
        }
        Ok(left)
    }

    fn logic(&self, op: Op, left: (Expr, Type), right: (Expr, Type)) -> Result<(Expr, Type), ExprError> {
        if left.1 != Type::Bool || right.1 != Type::Bool {
            return Err(self.error(
                0,
                "and / or join conditions, not numbers or words",
                "compare each side: a >= 1 and b < 2",
            ));
        }
        Ok((Expr::Binary(op, Box::new(left.0), Box::new(right.0)), Type::Bool))
    }

    fn not(&mut self) -> Result<(Expr, Type), ExprError> {
        if !self.word("not") {
            return self.comparison();
        }
        let at = self.at;
        let (inner, kind) = self.not()?;
        if kind != Type::Bool {
            return Err(self.error(at, "not stands before a condition", "write not (a >= b)"));
        }
        Ok((Expr::Not(Box::new(inner)), Type::Bool))
    }

    fn comparison(&mut self) -> Result<(Expr, Type), ExprError> {
        let (left, left_kind) = self.sum()?;
        self.blanks();
        let at = self.at;
        let Some((_, compare)) = Compare::SYMBOLS.into_iter().find(|(symbol, _)| self.symbol(symbol)) else {
            if self.text[self.at..].starts_with('=') {
                return Err(self.error(at, "found =", "write == to compare"));
            }
            return Ok((left, left_kind));
        };
        let (right, right_kind) = self.sum()?;
        let ordered = !matches!(compare, Compare::Equal | Compare::Unequal);
        let alike = left_kind == right_kind || left_kind == Type::Null || right_kind == Type::Null;
        if (ordered && (left_kind != Type::Number || right_kind != Type::Number)) || !alike {
            let what = format!("this compares {} with {}", left_kind.word(), right_kind.word());
            return Err(self.error(at, &what, "compare numbers with numbers, words with words by == and !="));
        }
        Ok((Expr::Binary(Op::Compare(compare), Box::new(left), Box::new(right)), Type::Bool))
    }

    fn sum(&mut self) -> Result<(Expr, Type), ExprError> {
        self.chain(&[("+", Op::Plus), ("-", Op::Minus)], Self::product)
    }

    fn product(&mut self) -> Result<(Expr, Type), ExprError> {
        self.chain(&[("*", Op::Times), ("/", Op::Over)], Self::unary)
    }

    fn chain(
        &mut self,
        ops: &[(&str, Op)],
        next: fn(&mut Self) -> Result<(Expr, Type), ExprError>,
    ) -> Result<(Expr, Type), ExprError> {
        let mut left = next(self)?;
        loop {
            self.blanks();
            let at = self.at;
            let Some(op) = ops.iter().find(|(symbol, _)| self.symbol(symbol)).map(|(_, op)| *op) else {
                return Ok(left);
            };
            let right = next(self)?;
            if left.1 != Type::Number || right.1 != Type::Number {
                return Err(self.error(at, "+ - * / need numbers on both sides", "use keys that hold numbers"));
            }
            left = (Expr::Binary(op, Box::new(left.0), Box::new(right.0)), Type::Number);
        }
    }

    fn unary(&mut self) -> Result<(Expr, Type), ExprError> {
        if !self.symbol("-") {
            return self.atom();
        }
        let at = self.at;
        let (inner, kind) = self.unary()?;
        if kind != Type::Number {
            return Err(self.error(at, "- stands before a number", "use a key that holds a number"));
        }
        Ok((Expr::Negate(Box::new(inner)), Type::Number))
    }

    fn atom(&mut self) -> Result<(Expr, Type), ExprError> {
        if self.symbol("(") {
            let inner = self.either()?;
            if !self.symbol(")") {
                return Err(self.error(self.at, "a ) is missing", "close the parenthesis"));
            }
            return Ok(inner);
        }
        self.blanks();
        let (start, rest) = (self.at, &self.text[self.at..]);
        if let Some(quote) = rest.chars().next().filter(|c| matches!(c, '"' | '\'')) {
            let Some(length) = rest[1..].find(quote) else {
                return Err(self.error(start, "the quote is not closed", "close it"));
            };
            self.at += length + 2;
            return Ok((Expr::Const(Atom::Text(rest[1..=length].to_string())), Type::Text));
        }
        let length = rest.find(|c: char| !is_name(c)).unwrap_or(rest.len());
        let word = &rest[..length];
        if word.is_empty() {
            let what =
                if rest.is_empty() { "the expression ends too early" } else { "a key or a number was expected here" };
            return Err(self.error(start, what, "write a dotted key, a number, or a quoted word"));
        }
        self.at += length;
        match word {
            "true" | "false" => return Ok((Expr::Const(Atom::Bool(word == "true")), Type::Bool)),
            "null" => return Ok((Expr::Const(Atom::Null), Type::Null)),
            _ => {}
        }
        if let Some(num) = Num::parse(word).and_then(decimal) {
            return Ok((Expr::Const(Atom::Num(num)), Type::Number));
        }
        match (self.key)(word) {
            Ok((operand, sample)) => {
                let kind = match sample {
                    Value::Bool(_) => Type::Bool,
                    Value::Num(_) => Type::Number,
                    _ => Type::Text,
                };
                let expr = match operand {
                    Operand::Axis(ix) => Expr::Axis(ix),
                    Operand::Const(value) => Expr::Const(Atom::from(&value)),
                };
                Ok((expr, kind))
            }
            Err(remedy) => {
                Err(ExprError { at: start, length, what: format!("the key {word} is unknown here"), remedy })
            }
        }
    }
}

fn is_name(c: char) -> bool {
    c.is_ascii_alphanumeric() || c == '_' || c == '.'
}

#[cfg(test)]
mod tests {
    use super::*;

    fn keys(path: &str) -> Result<(Operand, Value), String> {
        let num = |n| Value::Num(Num::whole(n));
        match path {
            "a" => Ok((Operand::Axis(0), num(0))),
            "b.c" => Ok((Operand::Axis(1), num(0))),
            "style" => Ok((Operand::Const(Value::Text("maker".into())), Value::Text(String::new()))),
            "unset" => Ok((Operand::Const(Value::Null), num(0))),
            _ => Err(format!("no {path}")),
        }
    }

    fn holds(text: &str) -> bool {
        let expr = parse(text, &keys).unwrap_or_else(|error| panic!("{text}: {error:?}"));
        expr.holds(&|axis| Atom::from(&Value::Num([Num::whole(3), Num::micro(300_000)][axis])))
    }

    #[test]
    fn conditions_are_judged_exactly_and_in_the_usual_order() {
        for (text, want) in [
            ("a >= 3", true),
            ("a > 3", false),
            ("b.c == 0.1 + 0.2", true),
            ("a - 1 - 1 == 1", true),
            ("a + 2 * 3 == 9", true),
            ("(a + 2) * 3 == 15", true),
            ("a / 4 == 0.75", true),
            ("a < 1 or a > 2 and b.c > 1", false),
            ("(a < 1 or a > 2) and b.c < 1", true),
            ("not a < 1", true),
            ("not (a > 1)", false),
            ("style == 'maker' and a != 4", true),
            ("style != \"taker\"", true),
            ("unset >= 1", false),
            ("unset == null", true),
            ("not unset >= 1", false),
            ("-a < -2", true),
            ("a / 0 > 1", false),
        ] {
            assert_eq!(holds(text), want, "{text}");
        }
    }

    #[test]
    fn mistakes_are_shown_where_they_stand() {
        for (text, at, part) in [
            ("a >= zz", 5, "zz is unknown"),
            ("a = 3", 2, "found ="),
            ("a", 0, "not a condition"),
            ("a > 'x'", 2, "a number with a word"),
            ("(a > 1", 6, ") is missing"),
            ("a > 1 b.c", 6, "not expected"),
            ("a > ", 4, "ends too early"),
            ("a > 1 and 3", 0, "join conditions"),
            ("style + 1 > 2", 6, "need numbers"),
            ("style == 'x", 9, "quote"),
        ] {
            let error = parse(text, &keys).expect_err(text);
            assert_eq!(error.at, at, "{text}: {error:?}");
            assert!(error.what.contains(part), "{text}: {error:?}");
        }
    }
}
