//! The number of a store, by which gateways know whose tables they serve (decision 0031).
//!
//! Owns its table. Invariants: it is drawn once, is durable before anybody is told, and goes where the file goes: a copy or a
//! backup of the store is the same control plane, another file is another one.

use std::hash::{BuildHasher as _, RandomState};

use redb::{ReadableTable as _, TableDefinition};

use super::{Embedded, StoreError};

const IDENTITY: TableDefinition<'static, &'static str, u64> = TableDefinition::new("identity");
const KEY: &str = "id";

impl Embedded {
    /// Returns the number; the first time one is drawn.
    ///
    /// # Errors
    /// [`StoreError`].
    pub(crate) fn identity(&self) -> Result<u64, StoreError> {
        let transaction = self.file.begin_write()?;
        let known = {
            let table = transaction.open_table(IDENTITY).map_err(self.access("read a table"))?;
            let found = table.get(KEY).map_err(self.access("read a record"))?;
            found.map(|found| found.value())
        };
        if let Some(known) = known {
            return Ok(known);
        }
        // Its seed is the system's random number.
        let drawn = RandomState::new().hash_one(std::process::id());
        {
            let mut table =
                transaction.open_table(IDENTITY).map_err(self.access("write a table"))?;
            table.insert(KEY, drawn).map_err(self.access("write a record"))?;
        }
        transaction.commit().map_err(self.access("make a change durable"))?;
        Ok(drawn)
    }
}
