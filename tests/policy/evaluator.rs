//! A second opinion: decides a request from the text of a bundle, slowly.
//!
//! Written from POLICY alone: JSON values, strings and maps, an own hash. Shares no code with what
//! it judges, so that a mistake would have to be made twice.
//!
//! Static splits of bundles that were applied once are all it knows of weights: variants by name,
//! lowest bucket first (POLICY "First layout").

use std::{
    cell::RefCell,
    collections::{BTreeMap, HashMap},
    net::IpAddr,
};

mod buckets;
mod chains;
mod devices;
mod expressions;
mod regions;
pub(crate) mod signatures;
pub(crate) mod tokens;

use buckets::{bucket_of, cookie_source};
pub(crate) use devices::{AGENTS, MOBILES, PLATFORMS};
use serde_json::Value;
use signatures::{Keys, verified};

/// A request as a person would write it down.
#[derive(Clone, Debug)]
pub(crate) struct Request {
    pub(crate) method: String,
    /// As received: any case, perhaps with a port.
    pub(crate) host: String,
    /// As received, without the query.
    pub(crate) path: String,
    pub(crate) query: String,
    pub(crate) headers: Vec<(String, String)>,
    /// `http` or `https`.
    pub(crate) scheme: &'static str,
    /// What the gateway verifies by.
    pub(crate) keys: Keys,
    /// The unit that it would mint.
    pub(crate) fresh: String,
    pub(crate) client_ip: String,
    pub(crate) trusted: bool,
    pub(crate) now_unix_s: u64,
    /// By id: what is known of a user beside the request.
    pub(crate) tags: BTreeMap<String, BTreeMap<String, String>>,
    /// By list: who is on it.
    pub(crate) lists: BTreeMap<String, Vec<String>>,
}

/// What was decided: names, not rows.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Answer {
    pub(crate) route: String,
    pub(crate) upstream: String,
    pub(crate) variant: String,
    pub(crate) reason: &'static str,
    pub(crate) target: Option<String>,
    pub(crate) bucket: Option<u32>,
    /// The unit that the caller is to remember.
    pub(crate) unit: Option<String>,
    /// Whether it is to be pinned.
    pub(crate) pin: bool,
    /// What the request said of its chain.
    pub(crate) chain: Option<&'static str>,
    /// The member of the baggage that goes on.
    pub(crate) member: Option<String>,
    /// How many members do not.
    pub(crate) stripped: usize,
}

/// Decides. The outer nothing is a path that is refused, the inner one that no route matches.
pub(crate) fn decide(bundle: &Value, request: &Request) -> Option<Option<Answer>> {
    let path = normal_path(&request.path)?;
    let keys = chains::keys(bundle);
    let baggage = if request.trusted { 0 } else { chains::reserved(request, &keys) };
    let host = normal_host(&request.host);
    let seen = Seen { request, path, host, reserved: reserved(bundle), baggage };
    let Some((route, rule)) = find_rule(bundle, &seen) else { return Some(None) };
    let answer = |upstream: &Value, variant: &str, reason| Answer {
        route: text(&route["name"]),
        upstream: text(upstream),
        variant: variant.to_owned(),
        reason,
        target: None,
        bucket: None,
        unit: None,
        pin: false,
        chain: None,
        member: None,
        stripped: baggage,
    };
    if rule["release"].is_null() {
        return Some(Some(answer(&rule["upstream"], "stable", "STATIC")));
    }
    let name = text(&rule["release"]);
    let release = &bundle["releases"][&name];
    let upstream = &release["upstream"];
    let key = &release["propagate"]["baggage"];
    let plain = answer;
    let answer = |upstream: &Value, variant: &str, reason| {
        let member = (!key.is_null()).then(|| chains::sent(key, variant));
        Answer { member, ..plain(upstream, variant, reason) }
    };
    if release["disabled"] == true || has_passed(&release["expiresAt"], request.now_unix_s) {
        return Some(Some(answer(upstream, "stable", "DISABLED")));
    }
    let variants = bundle["upstreams"][text(upstream)]["variants"].as_object().expect("a map");
    for rule in list(&release["overrides"]) {
        let anyone = rule["requires"] != "trusted";
        let header = rule["header"].as_str().expect("a name");
        let mut named = seen.header(header);
        if rule["requires"] == "signed" {
            let token = seen.any_header(header).unwrap_or_default();
            named = seen.verified("override", &name, &token).map(|(value, _)| value);
        }
        if let Some(variant) = named.filter(|_| anyone || request.trusted)
            && variants.contains_key(&variant)
        {
            return Some(Some(answer(upstream, &variant, "OVERRIDE")));
        }
    }
    let names: Vec<&String> = variants.keys().collect();
    let said = chains::key(release).map(|key| chains::said(request, &key, &names));
    let chain = said.as_ref().map(|(chain, _)| *chain);
    if let Some((_, Some((written, meant)))) = said {
        let variant = if variants.contains_key(&meant) { meant.as_str() } else { "stable" };
        let member = Some(chains::sent(key, &written));
        return Some(Some(Answer { chain, member, ..answer(upstream, variant, "CACHED") }));
    }
    let plain = answer;
    let answer = |upstream: &Value, variant: &str, reason| Answer {
        chain,
        ..plain(upstream, variant, reason)
    };
    let pinned = release["stickiness"] == "pinned";
    let can_remember = !request.keys.is_empty() && seen.is_kept();
    if let Some(token) = seen.cookie(&format!("__Host-halftone-pin-{name}")).filter(|_| pinned)
        && let Some((value, is_newest)) = seen.verified("pin", &name, &token)
        && let Some((generation, variant)) = value.split_once('~')
        && generation == release["generation"].as_u64().unwrap_or_default().to_string()
        && variants.contains_key(variant)
    {
        let pin = !is_newest && can_remember;
        return Some(Some(Answer { pin, ..answer(upstream, variant, "CACHED") }));
    }
    let pin = pinned && can_remember;
    let bucket = || bucket_of(bundle, release, &name, &seen);
    let go = |choice: &Value| match choice["variant"].as_str() {
        Some(variant) => (variant.to_owned(), None, None),
        None => match bucket() {
            None => ("stable".to_owned(), None, None),
            Some((bucket, unit)) => (lies_in(&choice["split"], bucket), Some(bucket), unit),
        },
    };
    for target in list(&release["targets"]) {
        let takes = || match target["when"].as_str() {
            Some(when) => expressions::holds(bundle, when, &seen) == Some(true),
            None => seen.matches(&target["match"]),
        };
        if has_passed(&target["expiresAt"], request.now_unix_s) {
            continue;
        }
        let id = text(&target["id"]);
        let chosen = match list(&target["nested"]) {
            [] => takes().then(|| (id, target.clone())),
            levels => cell(bundle, levels, &target["table"], &seen)
                .map(|(name, cell)| (format!("{id}{name}"), cell)),
        };
        if let Some((name, mut chosen)) = chosen {
            if let Some(weight) = chosen.get("weight") {
                chosen = serde_json::json!({ "split": { "canary": weight } });
            }
            let (variant, bucket, unit) = go(&chosen);
            let answer = answer(upstream, &variant, "TARGETING_MATCH");
            return Some(Some(Answer { target: Some(name), bucket, unit, pin, ..answer }));
        }
    }
    let (variant, bucket, unit) = go(&release["default"]);
    let reason = if bucket.is_some() { "SPLIT" } else { "DEFAULT" };
    Some(Some(Answer { bucket, unit, pin, ..answer(upstream, &variant, reason) }))
}

/// The cell of a combination, and the values that lead to it: the exact one, then any.
fn cell(
    bundle: &Value,
    levels: &[Value],
    table: &Value,
    seen: &Seen<'_>,
) -> Option<(String, Value)> {
    let [level, rest @ ..] = levels else { return Some((String::new(), table.clone())) };
    let value = expressions::attribute_text(bundle, &bundle["attributes"][text(level)], seen);
    let exact = value.filter(|value| value != "*");
    exact.into_iter().chain(["*".to_owned()]).find_map(|value| {
        let (name, cell) = cell(bundle, rest, table.get(&value)?, seen)?;
        Some((format!("/{value}{name}"), cell))
    })
}

/// A request in normal form (stage 0) without what will be stripped (stage 1).
struct Seen<'a> {
    request: &'a Request,
    path: String,
    host: String,
    reserved: Vec<String>,
    /// How many members of the baggage will be stripped.
    baggage: usize,
}

impl Seen<'_> {
    fn header(&self, name: &str) -> Option<String> {
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
    fn any_header(&self, name: &str) -> Option<String> {
        let name = name.to_lowercase();
        let same = |(field, _): &&(String, String)| field.to_lowercase() == name;
        let values: Vec<&str> =
            self.request.headers.iter().filter(same).map(|(_, value)| value.as_str()).collect();
        (!values.is_empty()).then(|| values.join(", "))
    }

    fn cookie(&self, name: &str) -> Option<String> {
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

    fn verified(&self, kind: &str, name: &str, token: &str) -> Option<(String, bool)> {
        let scope = format!("t/{name}");
        verified(&self.request.keys, (kind, &scope), token, self.request.now_unix_s)
    }

    /// Whether a browser keeps a cookie that is set `Secure`.
    fn is_kept(&self) -> bool {
        let hosts = ["localhost", "127.0.0.1", "[::1]"];
        let here = hosts.contains(&self.host.as_str()) || self.host.ends_with(".localhost");
        self.request.scheme == "https" || here
    }

    fn query(&self, name: &str) -> Option<String> {
        let mut pairs = self.request.query.split('&').filter_map(|pair| pair.split_once('='));
        pairs.find(|(found, _)| *found == name).map(|(_, value)| value.to_owned())
    }

    fn matches(&self, matched: &Value) -> bool {
        let all = |field: &str, found: &dyn Fn(&str) -> Option<String>| {
            list(&matched[field]).iter().all(|one| {
                let found = found(one["name"].as_str().expect("a name"));
                if one["type"] == "RegularExpression" {
                    return found.is_some_and(|found| is_match(&text(&one["value"]), &found));
                }
                found.as_deref() == one["value"].as_str()
            })
        };
        let hosts = list(&matched["hostnames"]);
        let ranges = list(&matched["sourceRanges"]);
        (matched["method"].is_null() || matched["method"] == self.request.method.as_str())
            && (matched["path"].is_null() || self.path_matches(&matched["path"]))
            && all("headers", &|name| self.header(name))
            && all("queryParams", &|name| self.query(name))
            && all("cookies", &|name| self.cookie(name))
            && (hosts.is_empty() || hosts.iter().any(|name| host_matches(&text(name), &self.host)))
            && (ranges.is_empty() || ranges.iter().any(|range| self.is_from(&text(range))))
    }

    fn path_matches(&self, matched: &Value) -> bool {
        let value = text(&matched["value"]);
        if matched["type"] == "Exact" {
            return self.path == value;
        }
        if matched["type"] == "RegularExpression" {
            return is_match(&value, &self.path);
        }
        // Per segment: every segment of the prefix is the path's at the same place.
        let prefix = value.strip_suffix('/').unwrap_or(&value).to_owned();
        let wanted: Vec<&str> = prefix.split('/').collect();
        let found: Vec<&str> = self.path.split('/').collect();
        found.len() >= wanted.len() && found[..wanted.len()] == wanted[..]
    }

    fn is_from(&self, range: &str) -> bool {
        self.request.client_ip.parse().is_ok_and(|address| is_in(address, range))
    }
}

fn is_in(address: IpAddr, range: &str) -> bool {
    let (network, length) = range.split_once('/').expect("a length");
    let bits = |address: IpAddr| match address {
        IpAddr::V4(address) => format!("{:032b}", u32::from(address)),
        IpAddr::V6(address) => format!("{:0128b}", u128::from(address)),
    };
    let (network, address) = (bits(network.parse().expect("an address")), bits(address));
    let length: usize = length.parse().expect("a number");
    network.len() == address.len() && network[..length] == address[..length]
}

/// Whether the whole of `value` matches: by a library's own engine, not by an automaton of ours.
fn is_match(pattern: &str, value: &str) -> bool {
    thread_local! {
        static KNOWN: RefCell<HashMap<String, regex::Regex>> = RefCell::default();
    }
    KNOWN.with_borrow_mut(|known| {
        let regex = known.entry(pattern.to_owned()).or_insert_with(|| {
            regex::Regex::new(&format!("^(?:{pattern})$")).expect("a generated expression is good")
        });
        regex.is_match(value)
    })
}

fn host_matches(name: &str, host: &str) -> bool {
    match name.strip_prefix("*.") {
        Some(parent) => {
            host.strip_suffix(parent).is_some_and(|rest| rest.len() > 1 && rest.ends_with('.'))
        }
        None => name == host,
    }
}

/// Stage 2: of every rule that matches, the first in order of precedence.
fn find_rule<'a>(bundle: &'a Value, seen: &Seen<'_>) -> Option<(&'a Value, &'a Value)> {
    let mut candidates = Vec::new();
    for route in list(&bundle["routes"]) {
        let hosts = list(&route["hostnames"]);
        // A rank per way the host fits: an exact name, a wildcard by its length, any host.
        let fits = hosts.iter().map(text).filter(|name| host_matches(name, &seen.host));
        let host = if hosts.is_empty() {
            Some((0, 0))
        } else {
            fits.map(|name| (if name.starts_with('*') { 1 } else { 2 }, name.len())).max()
        };
        let Some(host) = host else { continue };
        for (index, rule) in list(&route["rules"]).iter().enumerate() {
            let everything = [Value::Object(serde_json::Map::new())];
            let matches = list(&rule["matches"]);
            let matches = if matches.is_empty() { &everything[..] } else { matches };
            for (at, matched) in matches.iter().enumerate().filter(|(_, one)| seen.matches(one)) {
                let value = matched["path"]["value"].as_str().unwrap_or("/");
                let (kind, length) = match matched["path"]["type"].as_str() {
                    Some("Exact") => (2, value.len()),
                    Some("RegularExpression") => (0, 0),
                    _ => (1, value.trim_end_matches('/').len()),
                };
                let counts = (list(&matched["headers"]).len(), list(&matched["queryParams"]).len());
                let method = !matched["method"].is_null();
                // The larger wins, then the smaller name and place.
                let strength = (host, kind, length, method, counts);
                let order = (text(&route["name"]), index, at);
                candidates.push((std::cmp::Reverse(strength), order, route, rule));
            }
        }
    }
    candidates.sort_by(|a, b| (&a.0, &a.1).cmp(&(&b.0, &b.1)));
    candidates.first().map(|(_, _, route, rule)| (*route, *rule))
}

/// Headers that name a variant for trusted peers only.
fn reserved(bundle: &Value) -> Vec<String> {
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

/// The first layout of a static split: variants by name, lowest bucket first.
fn lies_in(split: &Value, bucket: u32) -> String {
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

/// `1970-01-01T00:00:SSZ` is all the generated bundles use.
fn has_passed(moment: &Value, now_unix_s: u64) -> bool {
    let seconds = moment.as_str().map(|text| text[17..19].parse::<u64>().expect("seconds"));
    seconds.is_some_and(|seconds| now_unix_s >= seconds)
}

fn normal_host(host: &str) -> String {
    let name = host.split(':').next().unwrap_or_default().to_lowercase();
    name.strip_suffix('.').map(str::to_owned).unwrap_or(name)
}

/// Unreserved escapes decoded, the others in upper case; dot segments removed; `//` kept.
fn normal_path(path: &str) -> Option<String> {
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

fn list(value: &Value) -> &[Value] {
    value.as_array().map(Vec::as_slice).unwrap_or_default()
}

fn text(value: &Value) -> String {
    value.as_str().expect("a text").to_owned()
}
