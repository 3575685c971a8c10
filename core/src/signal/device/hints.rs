//! Client hints (WICG "User-Agent Client Hints"), which are structured fields (RFC 8941).
//!
//! Owns their strict reading: a field that breaks a rule of its grammar says nothing.

use super::{
    agent::Found,
    text::{Model, Version},
    words,
};

/// What the hints say.
#[derive(Debug, Default)]
pub(super) struct Hints {
    /// The browser, if it is one that is known.
    pub(super) browser: Option<Found>,
    /// Whether the client would have the page of a phone.
    pub(super) is_mobile: Option<bool>,
    /// The system.
    pub(super) os: Option<&'static str>,
    /// The model; often empty.
    pub(super) model: Model,
    platform_version: Option<Version>,
}

impl Hints {
    /// Reads the fields in the order of [`super::FIELDS`].
    pub(super) fn read([brands, mobile, platform, version, model]: [&[u8]; 5]) -> Self {
        Self {
            browser: browser(brands),
            is_mobile: Field(mobile).only(Field::boolean),
            os: Field(platform)
                .only(Field::string)
                .and_then(|text| words::platform(text.as_bytes())),
            model: Field(model)
                .only(Field::string)
                .map(|text| Model::read(text.as_bytes()))
                .unwrap_or_default(),
            platform_version: Field(version)
                .only(Field::string)
                .and_then(|text| Version::read(text.as_bytes())),
        }
    }

    /// Returns the version of the system. Windows tells that of an interface: from 13 on it is Windows 11, below it
    /// is Windows 10 (Microsoft, "Detect Windows 11 using User-Agent Client Hints").
    pub(super) fn os_version(&self, os: &str) -> Option<Version> {
        let told = self.platform_version?;
        if os != "windows" {
            return Some(told);
        }
        match told.major().parse::<u32>().ok()? {
            0 => None,
            1..13 => Version::read(b"10"),
            _ => Version::read(b"11"),
        }
    }
}

/// Returns the most telling browser of a list of brands.
fn browser(brands: &[u8]) -> Option<Found> {
    let mut field = Field(brands);
    let mut best: Option<Found> = None;
    loop {
        field.spaces();
        let name = field.string()?;
        let version = field.parameters(b"v")?;
        if let Some((rank, name)) = words::hinted_browser(name.as_bytes()) {
            let version = version.and_then(|text| Version::read(text.as_bytes()));
            if best.is_none_or(|best| rank > best.rank) {
                best = Some(Found { rank, name, version });
            }
        }
        field.spaces();
        match field.0 {
            [] => return best,
            [b',', rest @ ..] => field.0 = rest,
            _ => return None,
        }
    }
}

/// What is left to read of a structured field.
#[derive(Clone, Copy)]
struct Field<'a>(&'a [u8]);

impl<'a> Field<'a> {
    /// Reads a field that is one item; its parameters mean nothing here.
    fn only<T>(mut self, item: fn(&mut Self) -> Option<T>) -> Option<T> {
        self.spaces();
        let value = item(&mut self)?;
        self.parameters(b"")?;
        self.spaces();
        self.0.is_empty().then_some(value)
    }

    fn spaces(&mut self) {
        let end = self.0.iter().position(|byte| !matches!(byte, b' ' | b'\t'));
        self.0 = &self.0[end.unwrap_or(self.0.len())..];
    }

    /// RFC 8941 §4.2.8.
    fn boolean(&mut self) -> Option<bool> {
        let (value, rest) = match self.0 {
            [b'?', b'0', rest @ ..] => (false, rest),
            [b'?', b'1', rest @ ..] => (true, rest),
            _ => return None,
        };
        self.0 = rest;
        Some(value)
    }

    /// RFC 8941 §4.2.5. What is escaped belongs to no name that is known: such a text is read over, and empty.
    fn string(&mut self) -> Option<&'a str> {
        let text = self.0.strip_prefix(b"\"")?;
        let (mut at, mut is_plain) = (0, true);
        loop {
            match text.get(at)? {
                b'"' => break,
                b'\\' => {
                    text.get(at + 1).filter(|byte| matches!(byte, b'"' | b'\\'))?;
                    (at, is_plain) = (at + 2, false);
                }
                b' '..=b'~' => at += 1,
                _ => return None,
            }
        }
        self.0 = &text[at + 1..];
        if is_plain { std::str::from_utf8(&text[..at]).ok() } else { Some("") }
    }

    /// Reads parameters (RFC 8941 §4.2.3.2) and returns the text of the one called `wanted`, the last one's.
    fn parameters(&mut self, wanted: &[u8]) -> Option<Option<&'a str>> {
        let mut found = None;
        while let [b';', rest @ ..] = self.0 {
            self.0 = rest;
            self.spaces();
            let key = self.while_is(|byte| {
                byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"_-.*".contains(&byte)
            });
            if !matches!(key, [b'a'..=b'z' | b'*', ..]) {
                return None;
            }
            let Some(rest) = self.0.strip_prefix(b"=") else { continue };
            self.0 = rest;
            let text = match self.0.first()? {
                b'"' => Some(self.string()?),
                b'?' => self.boolean().map(|_| None)?,
                _ => {
                    let token = self.while_is(|byte| {
                        byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~:/".contains(&byte)
                    });
                    if token.is_empty() {
                        return None;
                    }
                    None
                }
            };
            if key == wanted {
                found = text;
            }
        }
        Some(found)
    }

    fn while_is(&mut self, holds: impl Fn(u8) -> bool) -> &'a [u8] {
        let end = self.0.iter().position(|byte| !holds(*byte)).unwrap_or(self.0.len());
        let (read, rest) = self.0.split_at(end);
        self.0 = rest;
        read
    }
}
