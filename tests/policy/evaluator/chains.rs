//! The chain: members of W3C Baggage, read slowly and as text.

use serde_json::Value;

use super::{Request, text};

/// The keys of a bundle's chains.
pub(super) fn keys(bundle: &Value) -> Vec<String> {
    let releases = bundle["releases"].as_object().into_iter().flat_map(|all| all.values());
    releases.filter_map(key).collect()
}

/// The key of a release.
pub(super) fn key(release: &Value) -> Option<String> {
    release["propagate"]["baggage"].as_str().map(str::to_owned)
}

fn field<'a>(request: &'a Request, name: &str) -> Vec<&'a str> {
    let same = request.headers.iter().filter(|(field, _)| field.to_lowercase() == name);
    same.map(|(_, value)| value.as_str()).collect()
}

fn members(request: &Request) -> Vec<String> {
    let all = field(request, "baggage").join(",");
    all.split(',').map(str::trim).filter(|one| !one.is_empty()).map(str::to_owned).collect()
}

/// How many members could be taken for one of these keys: decoded until nothing is left to decode, and without what no
/// key has.
pub(super) fn reserved(request: &Request, keys: &[String]) -> usize {
    let keys: Vec<String> = keys.iter().map(|key| key.to_lowercase()).collect();
    let is_one = |member: &String| {
        let mut name = member.split(['=', ';']).next().unwrap_or_default().to_owned();
        loop {
            let decoded = decode(&name);
            if decoded == name {
                break;
            }
            name = decoded;
        }
        name.retain(|one| one.is_ascii_alphanumeric() || ".-_".contains(one));
        keys.contains(&name.to_lowercase())
    };
    members(request).iter().filter(|member| is_one(member)).count()
}

/// The first `%XX` decoded: no escape of the generator is other than ASCII.
fn decode(text: &str) -> String {
    let escape = text.match_indices('%').find_map(|(at, _)| {
        let digits = text.get(at + 1..at + 3)?;
        let is_number = digits.bytes().all(|digit| digit.is_ascii_hexdigit());
        is_number.then(|| (at, u8::from_str_radix(digits, 16).expect("two digits")))
    });
    match escape {
        Some((at, byte)) => format!("{}{}{}", &text[..at], char::from(byte), &text[at + 3..]),
        None => text.to_owned(),
    }
}

/// What the request says, and the value of its member as it is written and as it is meant.
pub(super) fn said(
    request: &Request,
    key: &str,
    variants: &[&String],
) -> (&'static str, Option<(String, String)>) {
    if !request.trusted {
        return ("untrusted", None);
    }
    let of_key = |member: &String| {
        let (name, rest) = member.split_once('=')?;
        (name.trim() == key).then(|| rest.split(';').next().unwrap_or_default().trim().to_owned())
    };
    let value = members(request).iter().find_map(of_key).filter(|value| !value.is_empty());
    match value {
        Some(written) => {
            let mut meant = String::new();
            let mut rest = written.clone();
            // Once, from the front.
            while let Some((before, after)) = rest.clone().split_once('%') {
                meant.push_str(before);
                let whole = decode(&format!("%{}", after.get(..2).unwrap_or(after)));
                let took = if whole.len() == 1 && after.len() >= 2 { 2 } else { 0 };
                meant.push_str(if took == 2 { &whole } else { "%" });
                rest = after[took..].to_owned();
            }
            meant.push_str(&rest);
            let is_known = variants.iter().any(|variant| **variant == meant);
            (if is_known { "kept" } else { "unknown_variant" }, Some((written, meant)))
        }
        None if is_traced(request) => ("lost", None),
        None => ("started", None),
    }
}

fn is_traced(request: &Request) -> bool {
    let fields = field(request, "traceparent");
    let [one] = fields.as_slice() else { return false };
    regex::Regex::new("^00-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}$").expect("good").is_match(one)
        && !one.contains("-00000000000000000000000000000000-")
        && !one.contains("-0000000000000000-")
}

/// The member that goes on.
pub(super) fn sent(key: &Value, value: &str) -> String {
    format!("{}={value}", text(key))
}
