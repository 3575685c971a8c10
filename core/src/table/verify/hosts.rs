//! Whether host names and the routes of each are in the order that lookups rely on.
//!
//! Owns these checks of a [`ArchivedRuleTable`]; what a route's row holds is checked beside ([`super`]). Cost: linear in routes,
//! however many hosts share them.

use super::{
    VerifyError,
    checks::{check, is_host_name, ordered, span},
    condition::path_key,
};
use crate::{
    limits::PREFIX_SLASHES_MAX,
    table::{ArchivedHostRow, ArchivedRuleTable, ArchivedSpan},
};

impl ArchivedRuleTable {
    pub(super) fn verify_hosts(&self) -> Result<(), VerifyError> {
        check("prefix slashes", 0, self.prefix_slashes.to_native() <= PREFIX_SLASHES_MAX)?;
        let order = RouteOrder::of(self);
        order.check("any host", 0, &self.any_host)?;
        for (row, host) in self.hosts.iter().enumerate() {
            check("host", row, is_host(host))?;
            order.check("host", row, &host.routes)?;
            let sorted = row == 0 || *self.hosts[row - 1].name < *host.name;
            ordered("host", row, sorted)?;
        }
        for (row, host) in self.wildcards.iter().enumerate() {
            check("wildcard", row, is_host(host) && host.name.starts_with('.'))?;
            order.check("wildcard", row, &host.routes)?;
            let sorted = row == 0 || *self.wildcards[row - 1].name < *host.name;
            ordered("wildcard", row, sorted)?;
        }
        Ok(())
    }
}

/// Where routes are out of the order they are looked up in. Spans of hosts may share rows, so order is
/// looked at once per row and not once per span.
struct RouteOrder {
    /// By row: how many rows up to it are to lie before the one before them.
    breaks: Vec<usize>,
}

impl RouteOrder {
    fn of(table: &ArchivedRuleTable) -> Self {
        let mut before = None;
        let breaks = table.routes.iter().scan(0, |breaks, route| {
            let key = path_key(&route.path);
            *breaks += usize::from(before.is_some_and(|before| before > key));
            before = Some(key);
            Some(*breaks)
        });
        Self { breaks: breaks.collect() }
    }

    fn check(
        &self,
        what: &'static str,
        row: usize,
        rows: &ArchivedSpan,
    ) -> Result<(), VerifyError> {
        span(what, row, rows, self.breaks.len())?;
        let (start, end) = (rows.start.to_native() as usize, rows.end.to_native() as usize);
        let sorted = start == end || self.breaks[start] == self.breaks[end - 1];
        ordered(what, row, sorted)
    }
}

fn is_host(host: &ArchivedHostRow) -> bool {
    is_host_name(&host.name)
}
