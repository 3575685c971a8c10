//! Lint: what a bundle may say but probably should not.
//!
//! Owns one rule of POLICY "Trust": a variant that is granted on something any client can write.
//! Path, method and host name say what is asked for, not by whom, and the address is the peer's or a
//! trusted peer's word: they are no such thing. Does not refuse ([`super::validate`] does).
//!
//! Invariants: total, also for what validation refuses; every warning has the path of what it is about.

use super::{Bundle, Diagnostic, Release, Requires, STABLE, Split, Target, TargetMatch};

/// Returns every warning about `bundle`.
#[must_use]
pub fn lint(bundle: &Bundle) -> Vec<Diagnostic> {
    let releases = bundle.releases.iter();
    releases
        .flat_map(|(name, release)| lint_release(&format!("releases.{name}"), release))
        .collect()
}

fn lint_release(path: &str, release: &Release) -> Vec<Diagnostic> {
    let open =
        release.overrides.iter().enumerate().filter(|(_, one)| one.requires == Requires::Any);
    let overrides = open.map(|(at, one)| {
        let path = format!("{path}.overrides[{at}].requires");
        let granted = format!("any client may take any variant by the header {:?}", one.header);
        Diagnostic::new(path, format!("{granted}; expected \"trusted\""))
    });
    let targets = release.targets.iter().enumerate();
    let targets =
        targets.filter_map(|(at, target)| lint_target(&format!("{path}.targets[{at}]"), target));
    overrides.chain(targets).collect()
}

fn lint_target(path: &str, target: &Target) -> Option<Diagnostic> {
    let matched = target.matched.as_ref().filter(|matched| matched.source_ranges.is_empty())?;
    let granted = granted(target)?;
    let (field, written) = client_written(matched)?;
    let message = format!(
        "any client may take {granted} by sending {written}; add sourceRanges, or accept it"
    );
    Some(Diagnostic::new(format!("{path}.match.{field}"), message))
}

/// Says what a target gives away; nothing when that is stable alone.
fn granted(target: &Target) -> Option<String> {
    if let Some(variant) = target.variant.as_ref().filter(|variant| *variant != STABLE) {
        return Some(format!("variant {variant:?}"));
    }
    match target.split.as_ref()? {
        Split::Named(_) => Some("a part of this target's variants".to_owned()),
        Split::Weights(weights) => {
            let given = weights.values().any(|weight| weight.ppm() > 0);
            given.then(|| "a part of this target's variants".to_owned())
        }
    }
}

/// Returns the first field whose conditions a client can meet at will, and what it has to send.
fn client_written(matched: &TargetMatch) -> Option<(&'static str, String)> {
    let kinds = [
        ("headers", "header", &matched.headers),
        ("cookies", "cookie", &matched.cookies),
        ("queryParams", "query parameter", &matched.query_params),
    ];
    let sent = kinds.iter().flat_map(|(_, kind, values)| {
        values.iter().map(move |value| format!("the {kind} {:?}", value.name))
    });
    let sent: Vec<String> = sent.collect();
    let (field, ..) = kinds.iter().find(|(_, _, values)| !values.is_empty())?;
    Some((field, sent.join(" and ")))
}

#[cfg(test)]
mod tests;
