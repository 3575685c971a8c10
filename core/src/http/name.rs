//! Names of fields, compared.
//!
//! Owns the comparison that decisions spend most time on: most fields of a head are not the one that is asked for.

/// Returns whether the field `name` is the one called `lower`, which has no capitals (RFC 9110 §5.1: case does not count).
///
/// Cost: for most others, a look at their length and their last byte.
#[inline]
pub(crate) fn is_field(name: &str, lower: &str) -> bool {
    let (name, lower) = (name.as_bytes(), lower.as_bytes());
    name.len() == lower.len() && may_be(name.last(), lower.last()) && is_same(name, lower)
}

/// Whether two bytes differ by case at most; false also for none, so that the empty name is nobody's.
#[inline]
fn may_be(byte: Option<&u8>, lower: Option<&u8>) -> bool {
    byte.zip(lower).is_some_and(|(byte, lower)| byte | 0x20 == lower | 0x20)
}

/// Compares eight bytes at once.
fn is_same(name: &[u8], lower: &[u8]) -> bool {
    let (words, rest) = name.as_chunks::<8>();
    let (lower_words, lower_rest) = lower.as_chunks::<8>();
    let is_word = |(word, lower): (&[u8; 8], &[u8; 8])| {
        in_lower_case(u64::from_le_bytes(*word)) == u64::from_le_bytes(*lower)
    };
    words.iter().zip(lower_words).all(is_word) && rest.eq_ignore_ascii_case(lower_rest)
}

/// Brings the capitals among eight bytes into lower case: the upper bit of each byte tells whether it lies where, since
/// sums of seven bits do not reach the next byte.
#[inline]
fn in_lower_case(word: u64) -> u64 {
    const EACH: u64 = 0x0101_0101_0101_0101;
    let low = word & (0x7f * EACH);
    let from_a = low + (0x80 - b'A' as u64) * EACH;
    let beyond_z = low + (0x7f - b'Z' as u64) * EACH;
    let capitals = from_a & !beyond_z & !word & (0x80 * EACH);
    word | capitals >> 2
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_case_does_not_count() {
        for name in ["a", "host", "x-user-id", "sec-ch-ua-platform-version", "x_1^2~3"] {
            assert!(is_field(name, name), "{name}");
            assert!(is_field(&name.to_ascii_uppercase(), name), "{name}");
            assert!(!is_field(&format!("{name}x"), name), "{name}");
        }
        assert!(is_field("User-Agent", "user-agent") && !is_field("User-Agenu", "user-agent"));
        assert!(!is_field("x^", "x~") && !is_field("x_user_id", "x-user-id"));
        assert!(!is_field("", ""), "no field has this name");
    }

    #[test]
    fn every_byte_in_every_place_is_as_the_library_has_it() {
        let lower = "abc[{z`@-09~^_kl";
        for at in 0..lower.len() {
            for byte in 0..=0x7f_u8 {
                let mut name = lower.to_owned().into_bytes();
                name[at] = byte;
                let name = String::from_utf8(name).expect("ASCII");
                assert_eq!(is_field(&name, lower), name.eq_ignore_ascii_case(lower), "{name:?}");
            }
        }
        for other in ["é", "ł", "\u{80}a"] {
            assert!(!is_field(other, "ab") && !is_field(&format!("aaaaaa{other}"), "aaaaaaab"));
        }
    }
}
