//! Percentages, exact to a millionth.
//!
//! Owns the text form (`20%`, `0.01%`) and nothing else. Invariant: no floating point, so what was
//! written is what is served.

use std::fmt;

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

use crate::limits::BUCKETS;

/// A share between 0 and 100 %, in parts per million.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Percent(u32);

impl Percent {
    /// Returns the share in parts per million.
    #[must_use]
    pub fn ppm(self) -> u32 {
        self.0
    }

    /// Returns the share of `ppm` parts per million, if that is at most the whole.
    #[must_use]
    pub fn from_ppm(ppm: u32) -> Option<Self> {
        (ppm <= BUCKETS).then_some(Self(ppm))
    }

    /// Parses `20%`, `0.5 %` or `20`: at most four decimals.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let number = text.trim().strip_suffix('%').unwrap_or(text.trim()).trim_end();
        let (whole, decimals) = number.split_once('.').unwrap_or((number, ""));
        let digits = |part: &str| part.bytes().all(|byte| byte.is_ascii_digit());
        if whole.is_empty()
            || whole.len() > 3
            || decimals.len() > 4
            || !digits(whole)
            || !digits(decimals)
        {
            return None;
        }
        let fraction: u32 = format!("{decimals:0<4}").parse().ok()?;
        Self::from_ppm(whole.parse::<u32>().ok()? * 10_000 + fraction)
    }
}

impl fmt::Display for Percent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        PercentText(self.0.into()).fmt(f)
    }
}

/// Shows parts per million as a percentage, also a sum beyond the whole.
#[derive(Clone, Copy, Debug)]
pub struct PercentText(pub u64);

impl fmt::Display for PercentText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let decimals = format!("{:04}", self.0 % 10_000);
        match decimals.trim_end_matches('0') {
            "" => write!(f, "{}%", self.0 / 10_000),
            some => write!(f, "{}.{some}%", self.0 / 10_000),
        }
    }
}

impl Serialize for Percent {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Percent {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Visitor;
        impl de::Visitor<'_> for Visitor {
            type Value = Percent;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a percentage from 0% to 100% with at most four decimals, such as 2.5%")
            }

            fn visit_str<E: de::Error>(self, text: &str) -> Result<Percent, E> {
                Percent::parse(text)
                    .ok_or_else(|| E::invalid_value(de::Unexpected::Str(text), &self))
            }

            fn visit_u64<E: de::Error>(self, number: u64) -> Result<Percent, E> {
                Percent::parse(&number.to_string())
                    .ok_or_else(|| E::invalid_value(de::Unexpected::Unsigned(number), &self))
            }
        }
        deserializer.deserialize_any(Visitor)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sums_beyond_the_whole_are_shown() {
        assert_eq!(PercentText(1_200_000).to_string(), "120%");
        assert_eq!(PercentText(1_000_001).to_string(), "100.0001%");
    }

    #[test]
    fn text_and_back() {
        for (text, expected) in [
            ("20%", Some("20%")),
            ("0.01%", Some("0.01%")),
            ("0.0001 %", Some("0.0001%")),
            ("100", Some("100%")),
            ("100.0001%", None),
            ("0.00001%", None),
            ("-1%", None),
            ("1e1%", None),
            ("", None),
            ("%", None),
            (".5%", None),
            ("+5%", None),
        ] {
            assert_eq!(
                Percent::parse(text).map(|p| p.to_string()).as_deref(),
                expected,
                "{text:?}"
            );
        }
    }
}
