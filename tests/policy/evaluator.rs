//! A second opinion: decides a request from the text of a bundle, slowly.
//!
//! Written from POLICY alone: JSON values, strings and maps, an own hash. Shares no code with what
//! it judges, so that a mistake would have to be made twice.
//!
//! Static splits of bundles that were applied once are all it knows of weights: variants by name,
//! lowest bucket first (POLICY "First layout").

use std::collections::BTreeMap;

use serde_json::Value;

mod buckets;
mod chains;
mod devices;
mod expressions;
mod matches;
mod regions;
mod routes;
mod seen;
pub(crate) mod signatures;
pub(crate) mod tokens;

use buckets::{bucket_of, lies_in};
pub(crate) use devices::{AGENTS, MOBILES, PLATFORMS};
use routes::find_rule;
use seen::{Seen, normal_host, normal_path, reserved};
use signatures::Keys;

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

/// `1970-01-01T00:00:SSZ` is all the generated bundles use.
fn has_passed(moment: &Value, now_unix_s: u64) -> bool {
    let seconds = moment.as_str().map(|text| text[17..19].parse::<u64>().expect("seconds"));
    seconds.is_some_and(|seconds| now_unix_s >= seconds)
}

fn list(value: &Value) -> &[Value] {
    value.as_array().map(Vec::as_slice).unwrap_or_default()
}

fn text(value: &Value) -> String {
    value.as_str().expect("a text").to_owned()
}
