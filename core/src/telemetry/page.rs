//! A page of metrics: Prometheus text format 0.0.4.
//!
//! Owns the form of metrics and samples. Does not know which there are: each process names its own.
//! Invariant: label values are escaped, so no name of a bundle breaks the page.

use std::fmt::{self, Write as _};

/// The media type of a page.
pub const MEDIA_TYPE: &str = "text/plain; version=0.0.4; charset=utf-8";

/// Says what a metric is: once, before its samples.
///
/// # Errors
/// None: writing to a string does not fail.
pub fn head(page: &mut String, name: &str, kind: &str, help: &str) -> fmt::Result {
    writeln!(page, "# HELP {name} {help}\n# TYPE {name} {kind}")
}

/// Writes one sample.
///
/// # Errors
/// None: writing to a string does not fail.
pub fn sample(
    page: &mut String,
    name: &str,
    labels: &[(&str, &str)],
    value: impl fmt::Display,
) -> fmt::Result {
    page.push_str(name);
    for (index, (label, text)) in labels.iter().enumerate() {
        page.push(if index == 0 { '{' } else { ',' });
        page.push_str(label);
        page.push_str("=\"");
        for character in text.chars() {
            match character {
                '\\' => page.push_str("\\\\"),
                '"' => page.push_str("\\\""),
                '\n' => page.push_str("\\n"),
                other => page.push(other),
            }
        }
        page.push('"');
    }
    if !labels.is_empty() {
        page.push('}');
    }
    writeln!(page, " {value}")
}
