//! Who may use an API that has no authentication yet: this host, but not the pages it shows.
//!
//! Owns the check against requests that a browser makes for a foreign page: by `Origin` (a form or
//! script elsewhere) and by `Host` (a foreign name that was made to resolve to this host). Programs
//! such as curl send neither a foreign origin nor a foreign name.

use std::net::IpAddr;

use axum::{
    extract::Request,
    http::header::{HOST, ORIGIN},
    middleware::Next,
    response::{IntoResponse as _, Response},
};

use super::problem::Problem;

/// Refuses requests that a page of another origin made.
pub(crate) async fn same_origin(request: Request, next: Next) -> Response {
    let checked = {
        let text = |name| request.headers().get(name).map(|value| value.to_str().unwrap_or("?"));
        check(text(HOST), text(ORIGIN))
    };
    match checked {
        Ok(()) => next.run(request).await,
        Err(problem) => problem.into_response(),
    }
}

fn check(host: Option<&str>, origin: Option<&str>) -> Result<(), Problem> {
    let Some(host) = host else { return Ok(()) };
    if !is_loopback(host) {
        return Err(Problem::foreign(format!(
            "the API is served on this host only: use localhost or 127.0.0.1, not {host:?}"
        )));
    }
    match origin {
        Some(origin) if origin.strip_prefix("http://") != Some(host) => {
            Err(Problem::foreign(format!("the API cannot be used by pages of {origin:?}")))
        }
        _ => Ok(()),
    }
}

/// Returns whether the value of a `Host` header names this host.
fn is_loopback(host: &str) -> bool {
    let name = match host.rsplit_once(':') {
        Some((name, port)) if !port.contains(']') => name,
        _ => host,
    };
    let name = name.strip_prefix('[').and_then(|name| name.strip_suffix(']')).unwrap_or(name);
    match name.parse::<IpAddr>() {
        Ok(address) => address.is_loopback(),
        Err(_) => name.eq_ignore_ascii_case("localhost"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn programs_on_this_host_pass_and_foreign_pages_do_not() {
        let own = "localhost:8081";
        for (host, origin, passes) in [
            (None, None, true),
            (Some(own), None, true),
            (Some("LOCALHOST"), None, true),
            (Some("127.0.0.1:8081"), None, true),
            (Some("127.9.9.9"), None, true),
            (Some("[::1]:8081"), None, true),
            (Some("[::1]"), None, true),
            (Some(own), Some("http://localhost:8081"), true),
            (Some(own), Some("http://evil.example"), false),
            (Some(own), Some("http://localhost:9999"), false),
            (Some(own), Some("https://localhost:8081"), false),
            (Some(own), Some("null"), false),
            (Some("evil.example:8081"), None, false),
            (Some("10.0.0.1:8081"), None, false),
            (Some("localhost.evil.example"), None, false),
            (Some("?"), None, false),
            (Some(""), None, false),
        ] {
            assert_eq!(check(host, origin).is_ok(), passes, "{host:?} {origin:?}");
        }
    }
}
