//! Workloads: the bytes of requests, and of the answers they must get.
//!
//! Owns what is asked and answered, at which rate of the fixed-rate phase, and whether connections
//! are kept. Does not send. Invariant: every contender of a workload meets the same bytes.

use std::fmt;

use serde::Serialize;

use crate::contender::dimensions;
use crate::generator::Expected;

const SMALL_BODY_BYTES: usize = 128;
/// The path that is asked for.
pub(crate) const PATH: &str = "/api/v1/items/1024";
/// The host that is asked for.
pub(crate) const HOST: &str = "shop.example";
/// The field that carries the user.
pub(crate) const USER_FIELD: &str = "X-User-Id";
/// Different users of the canary workload, asked for in turn.
const USERS: usize = 10_000;
/// Share of users that meet the canary, percent.
const CANARY_PERCENT: u32 = 5;
/// Addresses that new connections come from in turn, so that no pair of addresses runs out of ports.
const SOURCES: u8 = 100;

/// Names a workload.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, clap::ValueEnum)]
#[serde(rename_all = "lowercase")]
pub enum Workload {
    /// Keep-alive GET without cookies, answered with 128 bytes.
    Plain,
    /// The same with a user in a header, 5 % of whom the gateway sends to a second upstream.
    Canary,
    /// GETs of users of four systems, eight cities and three levels, of whom the rules of a hundred services send different
    /// shares to a second upstream. nginx and Envoy are given the same rules; nobody else is.
    Dimensions,
    /// The same as plain, with a new connection for each request.
    Short,
    /// Keep-alive GET, answered with 16 KiB.
    B16k,
    /// Keep-alive GET, answered with 1 MiB.
    B1m,
}

impl fmt::Display for Workload {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::Plain => "plain",
            Self::Canary => "canary",
            Self::Dimensions => "dimensions",
            Self::Short => "short",
            Self::B16k => "b16k",
            Self::B1m => "b1m",
        })
    }
}

impl Workload {
    /// Returns the requests, sent in turn, each whole.
    #[must_use]
    pub fn requests(self) -> Vec<Vec<u8>> {
        match self {
            Self::Canary => {
                (0..USERS).map(|user| self.request(&format!("{USER_FIELD}: u{user}\r\n"))).collect()
            }
            Self::Dimensions => (0..USERS).map(|user| dimensions::request(user, HOST)).collect(),
            Self::Short => vec![self.request("Connection: close\r\n")],
            Self::Plain | Self::B16k | Self::B1m => vec![self.request("")],
        }
    }

    /// Returns a request with these further fields, each with its line's end.
    pub(crate) fn request(self, fields: &str) -> Vec<u8> {
        format!(
            "GET {PATH} HTTP/1.1\r\nHost: {HOST}\r\nUser-Agent: halftone-bench (X11; Linux x86_64)\r\nAccept: */*\r\n\
             Accept-Encoding: gzip, deflate\r\n{fields}\r\n"
        )
        .into_bytes()
    }

    /// Returns the bytes of the answer of each upstream: of stable and of the canary.
    #[must_use]
    pub fn answers(self) -> Vec<Vec<u8>> {
        vec![answer(self.body_bytes()); 2]
    }

    /// Returns what every answer is checked against.
    #[must_use]
    pub fn expected(self) -> Expected {
        Expected { status: 200, body_bytes: Some(self.body_bytes() as u64) }
    }

    /// Returns the share of users that a contender sends to the second upstream, percent.
    #[must_use]
    pub fn split_percent(self) -> Option<u32> {
        (self == Self::Canary).then_some(CANARY_PERCENT)
    }

    /// Returns whether some users are sent to the second upstream.
    #[must_use]
    pub fn is_split(self) -> bool {
        matches!(self, Self::Canary | Self::Dimensions)
    }

    /// Returns whether each request has a connection of its own.
    #[must_use]
    pub fn reconnects(self) -> bool {
        self == Self::Short
    }

    /// Returns how many addresses of this host the connections come from; one is the default address.
    #[must_use]
    pub fn sources(self) -> u8 {
        if self == Self::Short { SOURCES } else { 1 }
    }

    /// Returns the rate of the fixed-rate phase where plain requests have `plain_rate`: a part of it
    /// that every contender sustains, since these requests cost more.
    #[must_use]
    pub fn rate(self, plain_rate: u32) -> u32 {
        let part = match self {
            Self::Plain | Self::Canary | Self::Dimensions => 1,
            Self::Short | Self::B16k => 5,
            Self::B1m => 100,
        };
        u32::max(1, plain_rate / part)
    }

    fn body_bytes(self) -> usize {
        match self {
            Self::Plain | Self::Canary | Self::Dimensions | Self::Short => SMALL_BODY_BYTES,
            Self::B16k => 16 << 10,
            Self::B1m => 1 << 20,
        }
    }
}

/// Returns an answer with a body of this length.
#[must_use]
pub fn answer(body_bytes: usize) -> Vec<u8> {
    let mut answer = format!(
        "HTTP/1.1 200 OK\r\nDate: Thu, 01 Jan 2026 00:00:00 GMT\r\nContent-Type: text/plain\r\n\
         Content-Length: {body_bytes}\r\n\r\n"
    )
    .into_bytes();
    answer.resize(answer.len() + body_bytes, b'x');
    answer
}
