//! Lists of ids, as decisions ask for them.
//!
//! Owns the set of lists that is served, by tenant and name. Does not make lists ([`crate::table::IdList`] is one) and does
//! not move them.
//!
//! Invariants:
//! - what a list says of an id is one answer of three: a member, none, or that there is no such list;
//! - a set is never changed: another one takes its place, and shares the lists that stayed.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::table::{IdList, archive::Archive};

/// A list by whose it is and its name.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ListName {
    /// The tenant.
    pub tenant: String,
    /// The name.
    pub list: String,
}

/// A list as it is told of.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ListState {
    /// Which list.
    #[serde(flatten)]
    pub name: ListName,
    /// The number of its newest change.
    pub revision: u64,
    /// How many ids it has.
    pub ids: u64,
}

impl ListState {
    /// Returns what is told of `list`.
    #[must_use]
    pub fn of(list: &Archive<IdList>) -> Self {
        let table = list.table();
        let name = ListName { tenant: table.tenant.to_string(), list: table.name.to_string() };
        Self { name, revision: list.revision(), ids: table.prints.len() as u64 }
    }
}

/// Who is a member of what.
pub trait ListReader: std::fmt::Debug {
    /// Returns whether `id`, a user of `tenant`, is on `list`; nothing when there is no such list.
    fn contains(&self, tenant: &str, list: &str, id: &str) -> Option<bool>;
}

/// Knows no list.
#[derive(Clone, Copy, Debug)]
pub struct NoLists;

impl ListReader for NoLists {
    fn contains(&self, _: &str, _: &str, _: &str) -> Option<bool> {
        None
    }
}

/// The lists that are served.
#[derive(Clone, Debug, Default)]
pub struct IdLists {
    /// Sorted by tenant and name, each once.
    lists: Vec<Arc<Archive<IdList>>>,
}

impl IdLists {
    /// Returns these and `list`, in place of the one of its name.
    #[must_use]
    pub fn with(&self, list: Arc<Archive<IdList>>) -> Self {
        let mut lists = self.lists.clone();
        let table = list.table();
        match self.place(&table.tenant, &table.name) {
            Ok(at) => lists[at] = list,
            Err(at) => lists.insert(at, list),
        }
        Self { lists }
    }

    /// Returns those of these names.
    #[must_use]
    pub fn only(&self, names: &[ListName]) -> Self {
        let is_named = |list: &&Arc<Archive<IdList>>| names.contains(&ListState::of(list).name);
        Self { lists: self.lists.iter().filter(is_named).cloned().collect() }
    }

    /// Returns a list by its name.
    #[must_use]
    pub fn find(&self, tenant: &str, name: &str) -> Option<&Arc<Archive<IdList>>> {
        self.place(tenant, name).ok().map(|at| &self.lists[at])
    }

    /// Returns every list.
    pub fn iter(&self) -> impl Iterator<Item = &Arc<Archive<IdList>>> {
        self.lists.iter()
    }

    /// Returns how many ids they have.
    #[must_use]
    pub fn ids(&self) -> usize {
        self.lists.iter().map(|list| list.table().prints.len()).sum()
    }

    fn place(&self, tenant: &str, name: &str) -> Result<usize, usize> {
        self.lists.binary_search_by(|list| {
            let list = list.table();
            (list.tenant.as_str(), list.name.as_str()).cmp(&(tenant, name))
        })
    }
}

impl ListReader for IdLists {
    fn contains(&self, tenant: &str, list: &str, id: &str) -> Option<bool> {
        self.find(tenant, list).map(|list| list.has(id))
    }
}

#[cfg(test)]
mod tests;
