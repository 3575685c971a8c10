//! Nested tables: shares by combination, such as region × device × level.
//!
//! Owns shape only, as its parent does. A cell is told from a row by its fields: `weight`, `variant` and
//! `split` cannot be values of an attribute here.

use std::{borrow::Cow, collections::BTreeMap, fmt};

use schemars::JsonSchema;
use serde::{Deserialize, Deserializer, Serialize, de};

use super::Split;
use crate::policy::Percent;

/// The value that stands for any other, and for none.
pub const ANY_VALUE: &str = "*";

/// What lies below a value of an attribute: values of the next one, or a cell.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
#[serde(untagged)]
pub enum NestedTable {
    /// Where requests of this combination go.
    Cell(Cell),
    /// By value; `*` is any other value, and none.
    Rows(BTreeMap<String, NestedTable>),
}

/// Where requests of one combination go: one of `weight`, `variant`, `split`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Cell {
    /// The share of the release's canary; the rest is stable's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub weight: Option<Percent>,
    /// One variant for everyone in it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub variant: Option<String>,
    /// Weights of its own; the rest is stable's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub split: Option<Split>,
}

impl Cell {
    /// Returns the weights of this cell in a release whose canary is `canary`.
    #[must_use]
    pub fn split(&self, canary: &str) -> Option<Cow<'_, Split>> {
        let weight = self.weight.map(|weight| {
            Cow::Owned(Split::Weights(BTreeMap::from([(canary.to_owned(), weight)])))
        });
        weight.or_else(|| self.split.as_ref().map(Cow::Borrowed))
    }
}

impl NestedTable {
    /// Returns every cell with the values that lead to it, in the order of the values.
    #[must_use]
    pub fn cells(&self) -> Vec<(Vec<&str>, &Cell)> {
        let mut cells = Vec::new();
        self.collect(&mut Vec::new(), &mut cells);
        cells
    }

    fn collect<'a>(&'a self, path: &mut Vec<&'a str>, cells: &mut Vec<(Vec<&'a str>, &'a Cell)>) {
        match self {
            Self::Cell(cell) => cells.push((path.clone(), cell)),
            Self::Rows(rows) => {
                for (value, below) in rows {
                    path.push(value);
                    below.collect(path, cells);
                    path.pop();
                }
            }
        }
    }
}

/// Names the combination of `values`: joined by `/`, with `/` and `~` in them written as RFC 6901 §3 does.
#[must_use]
pub fn cell_name(values: &[&str]) -> String {
    let escaped = values.iter().map(|value| value.replace('~', "~0").replace('/', "~1"));
    escaped.collect::<Vec<_>>().join("/")
}

impl<'de> Deserialize<'de> for NestedTable {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Visitor;
        impl<'de> de::Visitor<'de> for Visitor {
            type Value = NestedTable;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("values with what lies below them, or a cell such as { weight: 20% }")
            }

            fn visit_map<A: de::MapAccess<'de>>(self, mut map: A) -> Result<NestedTable, A::Error> {
                let (mut cell, mut rows) = (Cell::default(), BTreeMap::new());
                while let Some(key) = map.next_key::<String>()? {
                    match key.as_str() {
                        "weight" => cell.weight = Some(map.next_value()?),
                        "variant" => cell.variant = Some(map.next_value()?),
                        "split" => cell.split = Some(map.next_value()?),
                        _ => drop(rows.insert(key, map.next_value()?)),
                    }
                }
                match (cell == Cell::default(), rows.keys().next()) {
                    (true, _) => Ok(NestedTable::Rows(rows)),
                    (false, None) => Ok(NestedTable::Cell(cell)),
                    (false, Some(row)) => Err(de::Error::custom(format!(
                        "expected values or a cell, got a cell with {row:?} in it; a cell has weight, variant or split"
                    ))),
                }
            }
        }
        deserializer.deserialize_map(Visitor)
    }
}
