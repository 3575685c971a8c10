//! A bundle that was judged: found good, with its warnings and its canonical form.
//!
//! Owns the way from one judged bundle to the next, which costs what changed and not what there is.
//!
//! Invariants:
//! - a [`Judged`] exists only for a bundle in which [`validate`] finds nothing;
//! - it is the same however it came about: from the whole, or from another one by a change.

use std::{collections::BTreeMap, sync::Arc};

use super::{
    Bundle, Canonical, Diagnostic, Difference,
    lint::{lint_chains, lint_release, segments_read_alike},
    share, validate, validate_after,
};

/// Warnings by release.
type Warnings = BTreeMap<String, Vec<Diagnostic>>;

/// A bundle that may be served. A copy shares everything.
#[derive(Clone, Debug)]
pub struct Judged {
    bundle: Arc<Bundle>,
    warnings: Arc<Warnings>,
    canonical: Arc<Canonical>,
}

impl Judged {
    /// Judges a bundle.
    ///
    /// # Errors
    /// Every problem it has.
    pub fn new(bundle: Bundle) -> Result<Self, Vec<Diagnostic>> {
        let problems = validate(&bundle);
        if problems.is_empty() { Ok(Self::of_good(bundle)) } else { Err(problems) }
    }

    /// Takes a bundle that needs no judgement: what is written in nobody's name.
    #[must_use]
    pub fn of_good(bundle: Bundle) -> Self {
        let warnings = bundle.releases.keys().filter_map(|name| warnings_of(&bundle, name));
        let (warnings, canonical) = (Arc::new(warnings.collect()), Canonical::of(&bundle));
        Self { bundle: Arc::new(bundle), warnings, canonical: Arc::new(canonical) }
    }

    /// Judges the next bundle of the same tenant: what it has in common with this one is shared with it, and not
    /// judged again.
    ///
    /// # Errors
    /// Every problem `next` has.
    pub fn after(&self, mut next: Bundle) -> Result<Self, Vec<Diagnostic>> {
        share(&self.bundle, &mut next);
        let problems = validate_after(&self.bundle, &next);
        if !problems.is_empty() {
            return Err(problems);
        }
        let difference = Difference::between(&self.bundle, &next);
        if difference.is_nothing() && !difference.reordered {
            return Ok(self.clone());
        }
        let warnings = self.warnings_after(&difference, &next);
        let canonical = Arc::new(self.canonical.after(&self.bundle, &next));
        Ok(Self { bundle: Arc::new(next), warnings, canonical })
    }

    fn warnings_after(&self, difference: &Difference<'_>, next: &Bundle) -> Arc<Warnings> {
        let other_segments = difference.segments && !segments_read_alike(&self.bundle, next);
        if difference.others || other_segments {
            let warnings = next.releases.keys().filter_map(|name| warnings_of(next, name));
            return Arc::new(warnings.collect());
        }
        if difference.releases.is_empty() {
            return Arc::clone(&self.warnings);
        }
        let mut warnings = (*self.warnings).clone();
        for name in difference.releases.keys() {
            warnings.remove(*name);
            warnings.extend(warnings_of(next, name));
        }
        Arc::new(warnings)
    }

    /// Returns the bundle.
    #[must_use]
    pub fn bundle(&self) -> &Arc<Bundle> {
        &self.bundle
    }

    /// Returns every warning about it.
    #[must_use]
    pub fn warnings(&self) -> Vec<Diagnostic> {
        let of_releases = self.warnings.values().flatten().cloned();
        // A change of one release may be about another of its chain: these are told anew.
        of_releases.chain(lint_chains(&self.bundle)).collect()
    }

    /// Returns its canonical form.
    #[must_use]
    pub fn canonical(&self) -> &Arc<Canonical> {
        &self.canonical
    }

    /// Returns the digest that names it.
    #[must_use]
    pub fn digest(&self) -> &str {
        self.canonical.digest()
    }
}

fn warnings_of(bundle: &Bundle, name: &str) -> Option<(String, Vec<Diagnostic>)> {
    let release = bundle.releases.get(name)?;
    let found = lint_release(&format!("releases.{name}"), release, bundle);
    (!found.is_empty()).then(|| (name.to_owned(), found))
}

#[cfg(test)]
mod tests;
