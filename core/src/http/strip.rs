//! Fields that no policy may have left out of a forwarded head.
//!
//! Owns the list: without one of these a message would be framed otherwise than it was read, reach
//! another host, or lose who sent it (RFC 9112 §6, RFC 9110 §7.2, §7.6.1, §11.6.2, RFC 6265 §5.4).

/// Names in lower case, in order.
const KEPT: [&str; 19] = [
    "authorization",
    "connection",
    "content-encoding",
    "content-length",
    "content-type",
    "cookie",
    "expect",
    "forwarded",
    "host",
    "http2-settings",
    "keep-alive",
    "proxy-authorization",
    "proxy-connection",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
    "via",
    "x-real-ip",
];

/// Returns whether a policy may have the field `name`, of any case, left out. `-` and `_` count as one,
/// as services that take heads for environment variables read them.
#[must_use]
pub fn is_strippable(name: &str) -> bool {
    let name = name.to_ascii_lowercase().replace('_', "-");
    !name.is_empty()
        && !name.starts_with("x-forwarded-")
        && KEPT.binary_search(&name.as_str()).is_err()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_list_is_in_order_and_any_spelling_counts() {
        assert!(KEPT.is_sorted());
        for name in ["Content-Length", "transfer_encoding", "COOKIE", "X-Forwarded-For", "host", ""]
        {
            assert!(!is_strippable(name), "{name}");
        }
        for name in ["X-Release-Group", "x-forward", "accept"] {
            assert!(is_strippable(name), "{name}");
        }
    }
}
