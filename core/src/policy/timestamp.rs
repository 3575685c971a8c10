//! Moments as RFC 3339 text.
//!
//! Owns the text form of `expiresAt`. Invariant: whole seconds since 1970 in UTC; equal moments are
//! equal however they were spelt.

use std::fmt;

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

/// A moment, in whole seconds since 1970-01-01T00:00:00Z.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Timestamp(u64);

const SECONDS_OF_DAY: i64 = 86_400;

impl Timestamp {
    /// Returns the seconds since 1970.
    #[must_use]
    pub fn unix_s(self) -> u64 {
        self.0
    }

    /// Parses `2027-01-31T00:00:00Z` or with an offset such as `+08:00`; from 1970 on, fractions of a
    /// second are dropped, a leap second counts as the second before it.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let (date, time) = (text.get(..10)?, text.get(11..19)?);
        let (year, month, day) = three(date, 4, b'-')?;
        let (hour, minute, second) = three(time, 2, b':')?;
        let separated = matches!(text.as_bytes()[10], b'T' | b't');
        let in_range = (1970..=9999).contains(&year)
            && (1..=12).contains(&month)
            && (1..=days_of_month(year, month)).contains(&day)
            && hour < 24
            && minute < 60
            && second <= 60;
        if !separated || !in_range {
            return None;
        }
        let offset = offset_s(fraction_end(&text[19..])?)?;
        let of_day = hour * 3600 + minute * 60 + second.min(59);
        let unix_s = days_since_1970(year, month, day) * SECONDS_OF_DAY + of_day - offset;
        u64::try_from(unix_s).ok().map(Self)
    }
}

/// Splits `YYYY-MM-DD` or `HH:MM:SS` into its numbers; the first has `width` digits.
fn three(text: &str, width: usize, separator: u8) -> Option<(i64, i64, i64)> {
    let bytes = text.as_bytes();
    let separated =
        bytes.get(width) == Some(&separator) && bytes.get(width + 3) == Some(&separator);
    let number = |text: &str| {
        let digits = text.bytes().all(|byte| byte.is_ascii_digit());
        digits.then(|| text.parse::<i64>().ok()).flatten()
    };
    let (first, second) = (text.get(..width)?, text.get(width + 1..width + 3)?);
    let third = text.get(width + 4..)?;
    if !separated {
        return None;
    }
    Some((number(first)?, number(second)?, number(third)?))
}

/// Returns what is left behind an optional fraction of a second.
fn fraction_end(text: &str) -> Option<&str> {
    let Some(fraction) = text.strip_prefix('.') else { return Some(text) };
    let rest = fraction.trim_start_matches(|c: char| c.is_ascii_digit());
    (rest.len() < fraction.len()).then_some(rest)
}

fn offset_s(text: &str) -> Option<i64> {
    if text.eq_ignore_ascii_case("z") {
        return Some(0);
    }
    let sign = match text.as_bytes().first()? {
        b'+' => 1,
        b'-' => -1,
        _ => return None,
    };
    let (hour, minute, _) = three(&format!("{}:00", text.get(1..)?), 2, b':')?;
    (hour < 24 && minute < 60 && text.len() == 6).then_some(sign * (hour * 3600 + minute * 60))
}

fn days_of_month(year: i64, month: i64) -> i64 {
    let leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    match month {
        2 => 28 + i64::from(leap),
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    }
}

/// Counts days of the Gregorian calendar by eras of 400 years that start in March (Howard Hinnant,
/// "chrono-Compatible Low-Level Date Algorithms").
fn days_since_1970(year: i64, month: i64, day: i64) -> i64 {
    let year = if month <= 2 { year - 1 } else { year };
    let (era, of_era) = (year / 400, year % 400);
    let of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    era * 146_097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719_468
}

/// The inverse of [`days_since_1970`].
fn date_of(days: i64) -> (i64, i64, i64) {
    let days = days + 719_468;
    let (era, of_era) = (days / 146_097, days % 146_097);
    let year = (of_era - of_era / 1460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year + year / 4 - year / 100);
    let march_month = (5 * of_year + 2) / 153;
    let day = of_year - (153 * march_month + 2) / 5 + 1;
    let month = if march_month < 10 { march_month + 3 } else { march_month - 9 };
    (year + era * 400 + i64::from(month <= 2), month, day)
}

impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let seconds = i64::try_from(self.0).unwrap_or(i64::MAX);
        let (year, month, day) = date_of(seconds / SECONDS_OF_DAY);
        let of_day = seconds % SECONDS_OF_DAY;
        let (hour, minute, second) = (of_day / 3600, of_day / 60 % 60, of_day % 60);
        write!(f, "{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}Z")
    }
}

impl Serialize for Timestamp {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Timestamp {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Visitor;
        impl de::Visitor<'_> for Visitor {
            type Value = Timestamp;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a moment as in RFC 3339, such as 2027-01-31T00:00:00Z")
            }

            fn visit_str<E: de::Error>(self, text: &str) -> Result<Timestamp, E> {
                Timestamp::parse(text)
                    .ok_or_else(|| E::invalid_value(de::Unexpected::Str(text), &self))
            }
        }
        deserializer.deserialize_str(Visitor)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_and_back() {
        for (text, expected) in [
            ("1970-01-01T00:00:00Z", Some((0, "1970-01-01T00:00:00Z"))),
            ("2027-01-31T00:00:00Z", Some((1_801_353_600, "2027-01-31T00:00:00Z"))),
            ("2027-01-31t08:30:00.5+08:30", Some((1_801_353_600, "2027-01-31T00:00:00Z"))),
            ("2024-02-29T23:59:60-00:30", Some((1_709_252_999, "2024-03-01T00:29:59Z"))),
            ("9999-12-31T23:59:59Z", Some((253_402_300_799, "9999-12-31T23:59:59Z"))),
            ("1970-01-01T00:00:00+01:00", None),
            ("2023-02-29T00:00:00Z", None),
            ("2027-01-31 00:00:00Z", None),
            ("2027-01-31T00:00:00", None),
            ("2027-01-31T00:00Z", None),
            ("2027-01-31T24:00:00Z", None),
            ("2027-01-31T00:00:00.Z", None),
            ("2027-01-31T00:00:00+8:00", None),
            ("2027-01-31T00:00:00+08:00x", None),
            ("2027-1-031T00:00:00Z", None),
            ("+027-01-31T00:00:00Z", None),
            ("2027-01-3\u{e9}T00:00:00Z", None),
            ("", None),
        ] {
            let found = Timestamp::parse(text);
            assert_eq!(found.map(|at| at.0), expected.map(|(unix_s, _)| unix_s), "{text:?}");
            assert_eq!(found.map(|at| at.to_string()).as_deref(), expected.map(|(_, text)| text));
        }
        for day in (0..2_932_896).step_by(17) {
            let (year, month, of_month) = date_of(day);
            assert_eq!(days_since_1970(year, month, of_month), day);
        }
    }
}
