//! The bucket of a request, a second time: its unit, the hash, what is minted, and whose the bucket is.

use serde_json::Value;

use super::{Seen, list, text, tokens};

/// The bucket, and the unit that the caller is to remember.
pub(super) fn bucket_of(
    bundle: &Value,
    release: &Value,
    name: &str,
    seen: &Seen<'_>,
) -> Option<(u32, Option<String>)> {
    let default = [Value::from("client.ip")];
    let units = list(&release["unit"]);
    let units = if units.is_empty() { &default[..] } else { units };
    let salt = release["salt"].as_str().unwrap_or(name);
    for unit in units {
        let unit = text(unit);
        let mut values = Vec::new();
        if unit == "client.ip" {
            values.push(Some(seen.request.client_ip.clone()));
        }
        if unit == "device.id" && bundle["attributes"][&unit].is_null() {
            values.push(device_id(seen));
        }
        for source in list(&bundle["attributes"][&unit]["from"]) {
            let believed = source["trusted"] != true || seen.request.trusted;
            let value = match (&source["header"], &source["cookie"], &source["query"]) {
                (Value::String(name), _, _) => seen.header(name),
                (_, Value::String(name), _) => cookie_source(source, name, seen),
                (_, _, Value::String(name)) => seen.query(name),
                _ => source["jwt"].as_str().and_then(|name| tokens::claim(name, None, seen)),
            };
            values.push(value.filter(|_| believed));
        }
        let present = |value: &String| !value.is_empty() && value.len() <= 1024;
        if let Some(value) = values.into_iter().flatten().find(present) {
            return Some((project(salt, &value), None));
        }
    }
    if release["unitMissing"] != "mint" {
        return None;
    }
    const COOKIE: &str = "__Host-halftone-unit";
    let can_remember = !seen.request.keys.is_empty() && seen.is_kept();
    let known = seen.cookie(COOKIE).and_then(|token| seen.verified("cookie", COOKIE, &token));
    if let Some((unit, is_newest)) = known.filter(|(unit, _)| unit.len() <= 1024) {
        let again = !is_newest && can_remember && unit.len() == 22;
        return Some((project(salt, &unit), again.then_some(unit)));
    }
    let fresh = seen.request.fresh.clone();
    can_remember.then(|| (project(salt, &fresh), Some(fresh)))
}

/// The id of a device: 22 letters of base64url, and a tilde behind them.
fn device_id(seen: &Seen<'_>) -> Option<String> {
    const COOKIE: &str = "__Host-halftone-device";
    let token = seen.cookie(COOKIE)?;
    let (value, _) = seen.verified("cookie", COOKIE, &token)?;
    let (id, _) = value.split_once('~')?;
    let is_letter = |letter: char| letter.is_ascii_alphanumeric() || "-_".contains(letter);
    (id.len() == 22 && id.chars().all(is_letter)).then(|| id.to_owned())
}

/// A cookie, or what a signed one holds.
pub(super) fn cookie_source(source: &Value, name: &str, seen: &Seen<'_>) -> Option<String> {
    let value = seen.cookie(name)?;
    if source["signed"] != true {
        return Some(value);
    }
    seen.verified("cookie", name, &value).map(|(value, _)| value)
}

/// The first layout of a static split: variants by name, lowest bucket first.
pub(super) fn lies_in(split: &Value, bucket: u32) -> String {
    let mut end = 0;
    let mut weights: Vec<(&String, &Value)> =
        split.as_object().map(|split| split.iter().collect()).unwrap_or_default();
    weights.sort_by_key(|(name, _)| (*name).clone());
    for (name, weight) in weights {
        let weight = text(weight);
        // The generated weights have one decimal at most.
        let (whole, tenths) = weight
            .trim_end_matches('%')
            .split_once('.')
            .unwrap_or((weight.trim_end_matches('%'), "0"));
        let number = |digits: &str| digits.parse::<u32>().expect("a number");
        end += number(whole) * 10_000 + number(tenths) * 1_000;
        if bucket < end {
            return name.clone();
        }
    }
    "stable".to_owned()
}

fn project(salt: &str, unit: &str) -> u32 {
    let hash = murmur(format!("{salt}:{unit}").as_bytes());
    ((u64::from(hash) * 1_000_000) >> 32) as u32
}

/// MurmurHash3_x86_32 with seed 0, one block after the other.
fn murmur(bytes: &[u8]) -> u32 {
    let scramble = |k: u32| k.wrapping_mul(0xcc9e_2d51).rotate_left(15).wrapping_mul(0x1b87_3593);
    let mut hash = 0u32;
    for block in bytes.chunks(4) {
        let word = block.iter().rev().fold(0u32, |word, byte| (word << 8) | u32::from(*byte));
        hash ^= scramble(word);
        if block.len() == 4 {
            hash = hash.rotate_left(13).wrapping_mul(5).wrapping_add(0xe654_6b64);
        }
    }
    hash ^= u32::try_from(bytes.len()).expect("a short text");
    hash = (hash ^ (hash >> 16)).wrapping_mul(0x85eb_ca6b);
    hash = (hash ^ (hash >> 13)).wrapping_mul(0xc2b2_ae35);
    hash ^ (hash >> 16)
}

#[test]
fn the_published_vectors_hold() {
    for (text, hash) in [
        ("user-v2.1:u7", 0x265c_fd4a),
        ("user-v2.1:user-42", 0xba6a_0098),
        ("user-v2.1:北京-用户", 0x0059_ff36),
        ("hello", 0x248b_fa47),
    ] {
        assert_eq!(murmur(text.as_bytes()), hash, "{text}");
    }
}
