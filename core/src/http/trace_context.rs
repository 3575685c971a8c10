//! W3C Trace Context: whether a request is part of a trace.
//!
//! Owns the form of `traceparent` (W3C Trace Context §3.2). Does not make or change one: what callers send of it goes on
//! as it is (decision 0024).

use super::Header;

/// Bytes of a `traceparent` of version 00.
const BYTES: usize = 55;

/// Returns whether a request says, well formed and once, which trace it is part of.
pub(crate) fn is_traced(headers: &[Header<'_>]) -> bool {
    let mut fields =
        headers.iter().filter(|header| header.name.eq_ignore_ascii_case("traceparent"));
    match (fields.next(), fields.next()) {
        (Some(field), None) => is_traceparent(field.value),
        _ => false,
    }
}

/// Returns whether `value` is well formed: version, trace, parent and flags in lower-case hexadecimal, neither trace nor
/// parent all zero. Later versions may have more behind another dash (§3.2.4).
fn is_traceparent(value: &[u8]) -> bool {
    let Some(([v0, v1, b'-', trace_and_on @ ..], more)) = value.split_first_chunk::<BYTES>() else {
        return false;
    };
    let (trace, parent_and_on) = trace_and_on.split_at(32);
    let [b'-', parent_and_flags @ ..] = parent_and_on else { return false };
    let (parent, flags) = parent_and_flags.split_at(16);
    let [b'-', flags @ ..] = flags else { return false };
    let is_hexadecimal =
        |part: &[u8]| part.iter().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
    let is_set = |part: &[u8]| part.iter().any(|byte| *byte != b'0');
    let goes_on = match (&[*v0, *v1], more) {
        (b"ff", _) => false,
        (_, []) => true,
        (b"00", _) => false,
        (_, more) => more.starts_with(b"-"),
    };
    goes_on
        && [&[*v0, *v1][..], trace, parent, flags].into_iter().all(is_hexadecimal)
        && is_set(trace)
        && is_set(parent)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_trace_is_told_by_one_good_field() {
        let good = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
        let check = |values: &[&str], expected: bool| {
            let headers: Vec<Header<'_>> = values
                .iter()
                .map(|value| Header { name: "Traceparent", value: value.as_bytes() })
                .collect();
            assert_eq!(is_traced(&headers), expected, "{values:?}");
        };
        check(&[good], true);
        check(&[], false);
        check(&[good, good], false);
        for (from, to, expected) in [
            ("00-0", "cc-0", true),
            ("00-0", "ff-0", false),
            ("00-0", "0x-0", false),
            ("af7", "AF7", false),
            ("-01", "-0", false),
            ("-01", "-01-more", false),
            ("-01", "-zz", false),
            ("-b7", "_b7", false),
            ("0af7651916cd43dd8448eb211c80319c", "00000000000000000000000000000000", false),
            ("b7ad6b7169203331", "0000000000000000", false),
        ] {
            check(&[&good.replace(from, to)], expected);
        }
        let later = good.replace("00-0", "01-0");
        check(&[&format!("{later}-more")], true);
        check(&[&format!("{later}.more")], false);
    }
}
