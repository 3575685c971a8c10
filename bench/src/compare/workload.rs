//! Workloads: the bytes of a request, and of the answer it must get.

use serde::Serialize;

use crate::generator::Expected;

const BODY_BYTES: usize = 128;

/// Names a workload.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, clap::ValueEnum)]
#[serde(rename_all = "lowercase")]
pub enum Workload {
    /// Keep-alive GET without cookies, answered with 128 bytes.
    Plain,
}

impl Workload {
    /// Returns the bytes of one request.
    #[must_use]
    pub fn request(self) -> Vec<u8> {
        match self {
            Self::Plain => format!(
                "GET {} HTTP/1.1\r\nHost: {}\r\nUser-Agent: halftone-bench (X11; Linux x86_64)\r\nAccept: */*\r\n\
                 Accept-Encoding: gzip, deflate\r\n\r\n",
                self.path(),
                self.host()
            )
            .into_bytes(),
        }
    }

    /// Returns the path that is asked for.
    #[must_use]
    pub fn path(self) -> &'static str {
        match self {
            Self::Plain => "/api/v1/items/1024",
        }
    }

    /// Returns the host that is asked for.
    #[must_use]
    pub fn host(self) -> &'static str {
        match self {
            Self::Plain => "shop.example",
        }
    }

    /// Returns the bytes of the backend's answer.
    #[must_use]
    pub fn answer(self) -> Vec<u8> {
        match self {
            Self::Plain => {
                let mut answer = format!(
                    "HTTP/1.1 200 OK\r\nDate: Thu, 01 Jan 2026 00:00:00 GMT\r\nContent-Type: text/plain\r\n\
                     Content-Length: {BODY_BYTES}\r\n\r\n"
                )
                .into_bytes();
                answer.resize(answer.len() + BODY_BYTES, b'x');
                answer
            }
        }
    }

    /// Returns what the answer is checked against.
    #[must_use]
    pub fn expected(self) -> Expected {
        match self {
            Self::Plain => Expected { status: 200, body_bytes: BODY_BYTES as u64 },
        }
    }
}
