//! JSON with places.
//!
//! Owns the walk over a text that [`serde_json`] has found to be JSON, which therefore does not judge
//! syntax: it keeps where things are. Invariant: total; nesting is bounded.

use super::{
    TextProblem,
    tree::{Entry, Node, Place, Value},
};

/// Deepest nesting that is read: bundles have about ten levels.
pub(super) const DEPTH_MAX: usize = 64;

/// Reads a text that is JSON.
///
/// # Errors
/// [`TextProblem`] when it is nested too deep, or no JSON after all.
pub(super) fn read_tree(text: &str) -> Result<Node, TextProblem> {
    Walk { rest: text, place: Place { line: 1, column: 1 } }.node(0)
}

struct Walk<'a> {
    rest: &'a str,
    place: Place,
}

impl<'a> Walk<'a> {
    fn node(&mut self, depth: usize) -> Result<Node, TextProblem> {
        self.space();
        let place = self.place;
        if depth > DEPTH_MAX {
            return Err(self.problem(&format!("nested deeper than {DEPTH_MAX} levels")));
        }
        let value = match self.rest.as_bytes().first() {
            Some(b'{') => self.map(depth)?,
            Some(b'[') => self.list(depth)?,
            Some(b'"') => Value::Text(self.text()?),
            _ => self.word()?,
        };
        Ok(Node { value, place })
    }

    fn map(&mut self, depth: usize) -> Result<Value, TextProblem> {
        let mut entries = Vec::new();
        self.advance(1);
        while !self.ends(b'}') {
            let place = self.place;
            let key = self.text()?;
            self.space();
            self.advance(1);
            entries.push(Entry { key, place, node: self.node(depth + 1)? });
        }
        Ok(Value::Map(entries))
    }

    fn list(&mut self, depth: usize) -> Result<Value, TextProblem> {
        let mut items = Vec::new();
        self.advance(1);
        while !self.ends(b']') {
            items.push(self.node(depth + 1)?);
        }
        Ok(Value::List(items))
    }

    /// Passes space, a comma, and `close`; returns whether it closed or the text is over.
    fn ends(&mut self, close: u8) -> bool {
        self.space();
        if self.rest.starts_with(',') {
            self.advance(1);
            self.space();
        }
        let closed = self.rest.as_bytes().first() == Some(&close);
        if closed {
            self.advance(1);
        }
        closed || self.rest.is_empty()
    }

    fn text(&mut self) -> Result<String, TextProblem> {
        let mut escaped = false;
        let end = self.rest.bytes().skip(1).position(|byte| {
            let ends = byte == b'"' && !escaped;
            escaped = byte == b'\\' && !escaped;
            ends
        });
        let literal = end.and_then(|end| self.rest.get(..end + 2)).unwrap_or_default();
        let text =
            serde_json::from_str(literal).map_err(|error| self.problem(&error.to_string()))?;
        self.advance(literal.len());
        Ok(text)
    }

    fn word(&mut self) -> Result<Value, TextProblem> {
        let end = self.rest.find([',', ']', '}', ' ', '\t', '\r', '\n']);
        let word = &self.rest[..end.unwrap_or(self.rest.len())];
        let value = match word {
            "null" => Value::Null,
            "true" => Value::Bool(true),
            "false" => Value::Bool(false),
            number => match (number.parse(), number.parse(), number.parse()) {
                (Ok(unsigned), _, _) => Value::Unsigned(unsigned),
                (_, Ok(signed), _) => Value::Signed(signed),
                (_, _, Ok(float)) => Value::Float(float),
                _ => return Err(self.problem("expected a value")),
            },
        };
        self.advance(word.len());
        Ok(value)
    }

    fn space(&mut self) {
        let space = |byte: &u8| matches!(byte, b' ' | b'\t' | b'\r' | b'\n');
        let length = self.rest.as_bytes().iter().take_while(|byte| space(byte)).count();
        self.advance(length);
    }

    /// Passes bytes; callers pass whole characters.
    fn advance(&mut self, length: usize) {
        let (passed, rest): (&'a str, &'a str) =
            self.rest.split_at_checked(length).unwrap_or((self.rest, ""));
        for character in passed.chars() {
            if character == '\n' {
                self.place = Place { line: self.place.line + 1, column: 1 };
            } else {
                self.place.column += 1;
            }
        }
        self.rest = rest;
    }

    fn problem(&self, message: &str) -> TextProblem {
        let Place { line, column } = self.place;
        TextProblem { message: message.to_owned(), line: Some(line), column: Some(column) }
    }
}
