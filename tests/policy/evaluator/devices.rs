//! Devices: what the few clients of the generator are, as a person would look it up.
//!
//! Owns a table of whole user agents, so that nothing is read out of them here, and of the few hints.

use super::Seen;

/// User agents, and what each is: system, version, class, browser, brand, model; `-` for what nobody can know.
pub(crate) const AGENTS: [(&str, [&str; 6]); 6] = [
    (
        "Mozilla/5.0 (Linux; Android 14; SM-S918B) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/124.0.0.0 Mobile Safari/537.36",
        ["android", "14", "phone", "chrome", "samsung", "SM-S918B"],
    ),
    (
        "Mozilla/5.0 (iPhone; CPU iPhone OS 17_0 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Mobile/15E148 MicroMessenger/8.0.48",
        ["ios", "17", "phone", "wechat", "apple", "iPhone"],
    ),
    (
        "Mozilla/5.0 (Linux; Android 10; HarmonyOS; NOH-AN00; HMSCore 6.13.0.302) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/99.0.4844.88 HuaweiBrowser/14.0.2.311 Mobile Safari/537.36",
        ["harmonyos", "-", "phone", "huawei", "huawei", "NOH-AN00"],
    ),
    (
        "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/124.0.0.0 Safari/537.36",
        ["windows", "-", "desktop", "chrome", "-", "-"],
    ),
    (
        "Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)",
        ["other", "-", "bot", "googlebot", "-", "-"],
    ),
    ("x", ["other", "-", "other", "other", "-", "-"]),
];

/// Values of `Sec-CH-UA-Platform`: the last two are no names of systems.
pub(crate) const PLATFORMS: [&str; 4] = ["\"Windows\"", "\"Android\"", "\"Unknown\"", "Windows"];

/// Values of `Sec-CH-UA-Mobile`: the last is none.
pub(crate) const MOBILES: [&str; 3] = ["?1", "?0", "yes"];

/// The value of a property.
pub(super) fn value(property: &str, seen: &Seen<'_>) -> Option<String> {
    let agent = seen.header("user-agent");
    let platform = seen.header("sec-ch-ua-platform");
    let mobile = seen.header("sec-ch-ua-mobile");
    if agent.is_none() && platform.is_none() && mobile.is_none() {
        return None;
    }
    let unknown = ["other", "-", "other", "other", "-", "-"];
    let known = |agent: &String| AGENTS.iter().find(|(text, _)| text == agent);
    // Two of the generator's agents in one head are not known together; it never sends two.
    let of_agent = agent.as_ref().and_then(known).map_or(unknown, |(_, facts)| *facts);
    let [mut os, mut version, mut class, browser, brand, model] = of_agent;
    let hinted = match platform.as_deref() {
        Some("\"Windows\"") => Some("windows"),
        Some("\"Android\"") => Some("android"),
        _ => None,
    };
    // HarmonyOS knows itself better than the engine it took from Android.
    if let Some(hinted) = hinted.filter(|_| os != "harmonyos") {
        if hinted != os {
            version = "-";
        }
        os = hinted;
    }
    if class != "bot" {
        class = match (mobile.as_deref(), os) {
            (Some("?1"), _) => "phone",
            (Some("?0"), "android" | "harmonyos") => "tablet",
            (_, "ios") => "phone",
            // Of the agents that say "Mobile" four are phones; "x" on Android is an app, and apps are on phones.
            (_, "android" | "harmonyos") if of_agent[2] == "phone" || of_agent == unknown => {
                "phone"
            }
            (_, "android") => "tablet",
            (_, "windows") if of_agent[2] == "phone" => "phone",
            (_, "windows") => "desktop",
            _ => class,
        };
    }
    let value = match property {
        "os" => os,
        "osMajor" => version,
        "class" => class,
        "browser" => browser,
        "brand" => brand,
        "model" => model,
        other => panic!("the generator does not ask for {other}"),
    };
    (value != "-").then(|| value.to_owned())
}
