//! What a request says that may be believed: in normal form (stage 0), without what will be stripped (stage 1).
//!
//! Owns the readings of headers, cookies, queries and signed values.

use serde_json::Value;

use super::{Request, list, signatures::verified, text};

/// A request in normal form (stage 0) without what will be stripped (stage 1).
pub(super) struct Seen<'a> {
    pub(super) request: &'a Request,
    pub(super) path: String,
    pub(super) host: String,
    pub(super) reserved: Vec<String>,
    /// How many members of the baggage will be stripped.
    pub(super) baggage: usize,
}

impl Seen<'_> {
    pub(super) fn header(&self, name: &str) -> Option<String> {
        let name = name.to_lowercase();
        if !self.request.trusted && self.reserved.contains(&name) {
            return None;
        }
        if name == "baggage" && self.baggage > 0 {
            return None;
        }
        self.any_header(&name)
    }

    /// A header that may be read by whoever sent it: it says something only when it is signed.
    pub(super) fn any_header(&self, name: &str) -> Option<String> {
        let name = name.to_lowercase();
        let same = |(field, _): &&(String, String)| field.to_lowercase() == name;
        let values: Vec<&str> =
            self.request.headers.iter().filter(same).map(|(_, value)| value.as_str()).collect();
        (!values.is_empty()).then(|| values.join(", "))
    }

    pub(super) fn cookie(&self, name: &str) -> Option<String> {
        let fields =
            self.request.headers.iter().filter(|(field, _)| field.to_lowercase() == "cookie");
        let pairs: Vec<&str> =
            fields.flat_map(|(_, value)| value.split(';')).map(str::trim).collect();
        let value = pairs.iter().find_map(|pair| {
            pair.split_once('=').filter(|(found, _)| *found == name).map(|(_, value)| value)
        })?;
        let bare = value.strip_prefix('"').and_then(|value| value.strip_suffix('"'));
        Some(bare.unwrap_or(value).to_owned())
    }

    pub(super) fn verified(&self, kind: &str, name: &str, token: &str) -> Option<(String, bool)> {
        let scope = format!("t/{name}");
        verified(&self.request.keys, (kind, &scope), token, self.request.now_unix_s)
    }

    /// Whether a browser keeps a cookie that is set `Secure`.
    pub(super) fn is_kept(&self) -> bool {
        let hosts = ["localhost", "127.0.0.1", "[::1]"];
        let here = hosts.contains(&self.host.as_str()) || self.host.ends_with(".localhost");
        self.request.scheme == "https" || here
    }

    pub(super) fn query(&self, name: &str) -> Option<String> {
        let mut pairs = self.request.query.split('&').filter_map(|pair| pair.split_once('='));
        pairs.find(|(found, _)| *found == name).map(|(_, value)| value.to_owned())
    }
}

/// Headers that name a variant for trusted peers only.
pub(super) fn reserved(bundle: &Value) -> Vec<String> {
    let releases = bundle["releases"].as_object().into_iter().flat_map(|all| all.values());
    let rules: Vec<&Value> = releases.flat_map(|release| list(&release["overrides"])).collect();
    let named = |any: bool| {
        let rules = rules.iter().filter(move |rule| (rule["requires"] == "any") == any);
        rules.map(|rule| text(&rule["header"]).to_lowercase()).collect::<Vec<String>>()
    };
    // The two that services know are stripped everywhere, unless a release takes them from anybody.
    let known = ["x-release-group", "x-release-stage"].map(str::to_owned);
    let open = named(true);
    named(false).into_iter().chain(known.into_iter().filter(|one| !open.contains(one))).collect()
}

pub(super) fn normal_host(host: &str) -> String {
    let name = host.split(':').next().unwrap_or_default().to_lowercase();
    name.strip_suffix('.').map(str::to_owned).unwrap_or(name)
}

/// Unreserved escapes decoded, the others in upper case; dot segments removed; `//` kept.
pub(super) fn normal_path(path: &str) -> Option<String> {
    let mut decoded = String::new();
    let mut rest = path;
    while let Some((before, after)) = rest.split_once('%') {
        decoded.push_str(before);
        let digits = after.get(..2)?;
        let byte = u8::from_str_radix(digits, 16).ok().filter(|_| !digits.starts_with('+'))?;
        let character = char::from(byte);
        if character.is_ascii_alphanumeric() || "-._~".contains(character) {
            decoded.push(character);
        } else {
            decoded.push_str(&format!("%{}", digits.to_uppercase()));
        }
        rest = &after[2..];
    }
    decoded.push_str(rest);
    let mut kept: Vec<&str> = Vec::new();
    let segments: Vec<&str> = decoded.split('/').skip(1).collect();
    for (at, segment) in segments.iter().enumerate() {
        let is_last = at + 1 == segments.len();
        match *segment {
            "." | ".." => {
                if *segment == ".." {
                    kept.pop();
                }
                if is_last {
                    kept.push("");
                }
            }
            other => kept.push(other),
        }
    }
    Some(format!("/{}", kept.join("/")))
}
