//! What a token says, ready to be read.
//!
//! Owns the way from a JSON object to texts, and how a claim is found by its name. Does not verify. Invariants: nothing is
//! allocated to read a claim; what is kept is as large as the token, whatever it nests.

use serde_json::{Map, Value};

/// The claims of a token.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Claims(Vec<(Box<str>, Node)>);

#[derive(Clone, Debug, PartialEq, Eq)]
enum Node {
    /// Text, a number or a truth value, as text.
    Text(Box<str>),
    /// Claims of its own.
    Object(Claims),
}

impl Claims {
    /// Keeps what attributes can be: texts, numbers and truth values, on their own or in objects. Lists and nulls have no
    /// text and are left out.
    #[must_use]
    pub fn of(object: Map<String, Value>) -> Self {
        // Sorted by name already, as serde_json's maps are; a name that comes twice was the last one's (RFC 7519 §4).
        let mut claims: Vec<_> = object
            .into_iter()
            .filter_map(|(name, value)| Some((name.into_boxed_str(), Node::of(value)?)))
            .collect();
        claims.sort_unstable_by(|(a, _), (b, _)| a.cmp(b));
        Self(claims)
    }

    /// Returns the text of a claim: one of this very name, else, where the name has a dot, what is found by the rest of the
    /// name in the object before the first dot.
    #[must_use]
    pub fn text(&self, name: &str) -> Option<&str> {
        let (mut claims, mut rest) = (self, name);
        loop {
            if let Some(Node::Text(text)) = claims.node(rest) {
                return Some(text);
            }
            let (outer, inner) = rest.split_once('.')?;
            let Some(Node::Object(object)) = claims.node(outer) else { return None };
            (claims, rest) = (object, inner);
        }
    }

    /// Returns about how many bytes it takes.
    #[must_use]
    pub fn bytes(&self) -> usize {
        let nodes = self.0.iter().map(|(name, node)| {
            let inner = match node {
                Node::Text(text) => text.len(),
                Node::Object(claims) => claims.bytes(),
            };
            size_of::<(Box<str>, Node)>() + name.len() + inner
        });
        nodes.sum()
    }

    fn node(&self, name: &str) -> Option<&Node> {
        let at = self.0.binary_search_by(|(own, _)| (**own).cmp(name)).ok()?;
        self.0.get(at).map(|(_, node)| node)
    }
}

impl Node {
    fn of(value: Value) -> Option<Self> {
        match value {
            Value::String(text) => Some(Self::Text(text.into_boxed_str())),
            Value::Number(number) => Some(Self::Text(number.to_string().into_boxed_str())),
            Value::Bool(value) => Some(Self::Text(value.to_string().into_boxed_str())),
            Value::Object(object) => Some(Self::Object(Claims::of(object))),
            Value::Array(_) | Value::Null => None,
        }
    }
}

#[cfg(test)]
mod tests;
