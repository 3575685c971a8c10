//! Why a fingerprint is refused.
//!
//! Owns the statuses and what a person is told. Does not repeat anything that was sent.

use halftone_core::signal::fingerprint::FeaturesError;

/// Why a fingerprint is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// A page of another origin asks, or none.
    OtherOrigin,
    /// Nobody said yes, or somebody said no.
    NoConsent,
    /// The browser would not keep the cookie.
    NotKept,
    /// No route is for the host.
    NoHost,
    /// The body is not JSON.
    Type,
    /// Its length is not told.
    Length,
    /// It is larger than any.
    TooLarge,
    /// It tells no features.
    Features(FeaturesError),
    /// More of them came than are taken.
    Busy,
    /// There is no key to sign with.
    NoKeys,
}

impl Refusal {
    /// Returns the status that answers it.
    #[must_use]
    pub fn status(self) -> u16 {
        match self {
            Self::OtherOrigin | Self::NoConsent | Self::NotKept => 403,
            Self::Features(FeaturesError::NoConsent) => 403,
            Self::NoHost => 404,
            Self::Length => 411,
            Self::TooLarge | Self::Features(FeaturesError::Size) => 413,
            Self::Type => 415,
            Self::Features(_) => 400,
            Self::Busy => 429,
            Self::NoKeys => 503,
        }
    }

    /// Returns the word for logs, metrics and Proxy-Status (RFC 9209 §2.3).
    #[must_use]
    pub fn label(self) -> &'static str {
        match self.status() {
            403 | 429 => "http_request_denied",
            404 => "destination_not_found",
            503 => "proxy_configuration_error",
            _ => "http_request_error",
        }
    }

    /// Returns what a person is told.
    #[must_use]
    pub fn detail(self) -> &'static str {
        match self {
            Self::OtherOrigin => "a fingerprint is taken from a page of this very origin alone",
            Self::NoConsent | Self::Features(FeaturesError::NoConsent) => {
                "there is no consent to a fingerprint"
            }
            Self::NotKept => "a browser keeps the cookie over https or on localhost alone",
            Self::NoHost => "no route matches this host",
            Self::Type => "expected a body of application/json",
            Self::Length => "expected a Content-Length",
            Self::TooLarge | Self::Features(FeaturesError::Size) => {
                "the body is larger than any that the script sends"
            }
            Self::Features(_) => "the body is not one that the script sends",
            Self::Busy => "more fingerprints were sent than are taken in a second",
            Self::NoKeys => "the gateway has no key to sign with",
        }
    }
}
