//! Dimensions: a hundred services whose canaries are met by level, region and device of a user.
//!
//! Owns who is asked as, and the rules in the words of each contender. Does not start anybody. Invariants:
//! - whoever asks for none of the services, as the first look at a contender does, is sent to stable;
//! - every contender is given the same audiences and the same shares, by a hash of the same header;
//! - each looks at the same four fields: level, user agent, forwarded address and user;
//! - what a contender cannot say in words of its own is said in the nearest it has: Envoy knows no regions, so it
//!   compares the first bytes of the forwarded address.

use std::fmt::Write as _;

use super::{Setting, USER_HEADER};

/// How many services there are, each with a route and a release.
pub(crate) const SERVICES: usize = 100;
/// Whose bundle it is.
pub(crate) const TENANT: &str = "bench";
/// The header that carries the level.
pub(crate) const LEVEL_HEADER: &str = "x-user-level";
/// The levels.
const LEVELS: [&str; 3] = ["vip", "gold", "plain"];
/// The cities; the one at `n` has the addresses `10.n.0.0/16`.
const CITIES: [&str; 8] = ["北京", "上海", "广州", "深圳", "杭州", "成都", "武汉", "西安"];
/// Who meets the canary whatever the split: VIPs of these cities on iOS.
const AUDIENCE: [usize; 2] = [3, 4];
/// Cells of the nested table: city, system, level (nothing for every other one), percent.
const CELLS: [(usize, &str, Option<&str>, u32); 9] = [
    (0, "ios", Some("vip"), 20),
    (0, "ios", None, 5),
    (0, "android", None, 2),
    (1, "ios", Some("vip"), 20),
    (1, "ios", None, 5),
    (1, "android", None, 2),
    (2, "ios", Some("vip"), 20),
    (2, "ios", None, 5),
    (2, "android", None, 2),
];
/// The share of everybody else, percent.
const REST: u32 = 5;
/// When the database was built, seconds since 1970.
const BUILT_UNIX_S: u64 = 1_767_225_600;

/// A system, what its user agent says, and the word others find it by.
const SYSTEMS: [(&str, &str, &str); 4] = [
    (
        "ios",
        "Mozilla/5.0 (iPhone; CPU iPhone OS 17_5 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/17.5 Mobile/15E148 Safari/604.1",
        "iPhone",
    ),
    (
        "android",
        "Mozilla/5.0 (Linux; Android 14; Pixel 8) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/126.0.0.0 Mobile Safari/537.36",
        "Android",
    ),
    (
        "windows",
        "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/126.0.0.0 Safari/537.36",
        "Windows",
    ),
    (
        "macos",
        "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/17.5 Safari/605.1.15",
        "Macintosh",
    ),
];

/// Who asks, and for what.
pub(crate) struct Asking {
    /// The path.
    pub(crate) path: String,
    /// The address it comes from.
    pub(crate) address: String,
    /// The city that address is in.
    pub(crate) city: &'static str,
    /// The system.
    pub(crate) system: &'static str,
    /// What its user agent says.
    pub(crate) agent: &'static str,
    /// The level.
    pub(crate) level: &'static str,
}

/// Returns what the user with this number asks for: every mixture of service, city, system and level comes up.
pub(crate) fn asking(user: usize) -> Asking {
    let (system, agent, _) = SYSTEMS[user / CITIES.len() % SYSTEMS.len()];
    Asking {
        path: format!("/s{}/items/1024", user * 7 % SERVICES),
        address: format!("10.{}.{}.{}", user % CITIES.len(), user / 250 % 250, 1 + user % 250),
        city: CITIES[user % CITIES.len()],
        system,
        agent,
        level: LEVELS[user / (CITIES.len() * SYSTEMS.len()) % LEVELS.len()],
    }
}

/// Returns the request of the user with this number.
pub(crate) fn request(user: usize, host: &str) -> Vec<u8> {
    let Asking { path, address, agent, level, .. } = asking(user);
    format!(
        "GET {path} HTTP/1.1\r\nHost: {host}\r\nUser-Agent: {agent}\r\nAccept: */*\r\n\
         Accept-Encoding: gzip, deflate\r\nX-Forwarded-For: {address}\r\n{USER_HEADER}: u{user}\r\n\
         {LEVEL_HEADER}: {level}\r\n\r\n"
    )
    .into_bytes()
}

/// Returns the region database that has the cities, in MaxMind's format.
pub(super) fn database() -> Vec<u8> {
    use halftone_mmdb::Value;
    let text = |text: &str| Value::Text(text.to_owned());
    let map = |fields: Vec<(&str, Value)>| {
        Value::Map(fields.into_iter().map(|(name, value)| (name.to_owned(), value)).collect())
    };
    let mut writer = halftone_mmdb::Writer::new("Bench-City", BUILT_UNIX_S);
    for (number, city) in CITIES.into_iter().enumerate() {
        let names = map(vec![("zh-CN", text(city))]);
        let record = map(vec![("city", map(vec![("names", names)]))]);
        writer = writer.network(&format!("10.{number}.0.0/16"), record);
    }
    writer.finish()
}

/// Returns halftone's bundle.
pub(super) fn bundle(setting: &Setting) -> String {
    written(&variants(setting), REST)
}

/// Returns the same with one percent more of everybody else.
pub(super) fn candidate(setting: &Setting) -> String {
    written(&variants(setting), REST + 1)
}

/// Returns both bundles, for instances that nobody asks.
pub(crate) fn bundles() -> [String; 2] {
    let variants =
        "stable: { addresses: [ '127.0.0.1:1' ] }, canary: { addresses: [ '127.0.0.1:2' ] }";
    [REST, REST + 1].map(|rest| written(variants, rest))
}

fn variants(setting: &Setting) -> String {
    let mut variants = format!("stable: {{ addresses: [ '{}' ] }}", setting.stable());
    for (name, address) in setting.named().take(1) {
        let _ = write!(variants, ", {name}: {{ addresses: [ '{address}' ] }}");
    }
    variants
}

fn written(variants: &str, rest: u32) -> String {
    let cities = AUDIENCE.map(|city| format!("'{}'", CITIES[city])).join(", ");
    let mut table = String::new();
    for (number, city) in CITIES.into_iter().enumerate() {
        let systems: Vec<String> = SYSTEMS
            .into_iter()
            .filter_map(|(system, ..)| {
                let cells = CELLS.into_iter().filter(|cell| (cell.0, cell.1) == (number, system));
                let cells: Vec<String> = cells
                    .map(|(.., level, percent)| {
                        format!("'{}': {{ weight: {percent}% }}", level.unwrap_or("*"))
                    })
                    .collect();
                (!cells.is_empty()).then(|| format!("{system}: {{ {} }}", cells.join(", ")))
            })
            .collect();
        if !systems.is_empty() {
            let _ = writeln!(table, "          {city}: {{ {} }}", systems.join(", "));
        }
    }
    let mut text = format!(
        "apiVersion: halftone/v1
kind: Bundle
metadata: {{ tenant: {TENANT} }}
attributes:
  user.id: {{ type: string, from: [ {{ header: {USER_HEADER}, trusted: true }} ] }}
  user.level: {{ type: string, from: [ {{ header: {LEVEL_HEADER}, trusted: true }} ] }}
  geo.city: {{ type: string, from: [ {{ geoip: city, lang: zh-CN }} ], alias: city }}
  device.os: {{ type: string, from: [ {{ device: os }} ] }}
upstreams: {{ items: {{ variants: {{ {variants} }} }} }}
routes:
"
    );
    for service in 0..SERVICES {
        let _ = writeln!(
            text,
            "  - {{ name: s{service}, rules: [ {{ matches: [ {{ path: {{ type: PathPrefix, value: /s{service} }} }} ], release: s{service} }} ] }}"
        );
    }
    text += "  - { name: rest, rules: [ { upstream: items } ] }\nreleases:\n";
    for service in 0..SERVICES {
        let _ = write!(
            text,
            "  s{service}:
    upstream: items
    unit: [ user.id ]
    targets:
      - {{ id: vips, when: \"user.level == 'vip' && city in [{cities}] && device.os == 'ios'\", variant: canary }}
      - id: matrix
        nested: [ geo.city, device.os, user.level ]
        table:
{table}    default: {{ split: {{ canary: {rest}% }} }}
"
        );
    }
    text
}

/// Returns what nginx is given beside its servers, and its locations with `proxy` in each.
pub(super) fn nginx(proxy: &str) -> (String, String) {
    let (user, level) = (USER_HEADER.replace('-', "_"), LEVEL_HEADER.replace('-', "_"));
    let mut maps =
        "variables_hash_max_size 8192;\n    geo $http_x_forwarded_for $city {\n".to_owned();
    for number in 0..CITIES.len() {
        let _ = writeln!(maps, "        10.{number}.0.0/16 c{number};");
    }
    maps += "        default other;\n    }\n    map $http_user_agent $os {\n";
    for (system, _, word) in SYSTEMS {
        let _ = writeln!(maps, "        ~{word} {system};");
    }
    let _ = writeln!(
        maps,
        "        default other;\n    }}\n    map \"$city:$os:$http_{level}\" $cell {{"
    );
    for city in AUDIENCE {
        let _ = writeln!(maps, "        c{city}:ios:vip all;");
    }
    for (city, system, wanted, percent) in CELLS {
        let named = |level: &str| {
            CELLS.iter().any(|cell| (cell.0, cell.1, cell.2) == (city, system, Some(level)))
        };
        let levels = LEVELS.into_iter().filter(|level| match wanted {
            Some(wanted) => wanted == *level,
            None => !named(level),
        });
        for level in levels {
            let _ = writeln!(maps, "        c{city}:{system}:{level} w{percent};");
        }
    }
    maps += "        default rest;\n    }\n";
    let mut locations = String::new();
    for service in 0..SERVICES {
        for percent in [2, 5, 20] {
            let _ = writeln!(
                maps,
                "    split_clients \"s{service}:$http_{user}\" $w{percent}_{service} {{ {percent}% canary; * stable; }}"
            );
        }
        let _ = writeln!(
            maps,
            "    map $cell $pool_{service} {{ all canary; w20 $w20_{service}; w5 $w5_{service}; w2 $w2_{service}; default $w{REST}_{service}; }}"
        );
        let _ = writeln!(
            locations,
            "        location /s{service}/ {{\n            proxy_pass http://$pool_{service};\n{proxy}        }}"
        );
    }
    let _ = writeln!(
        locations,
        "        location / {{\n            proxy_pass http://stable;\n{proxy}        }}"
    );
    (maps, locations)
}

/// Returns Envoy's routes, in one line each.
pub(super) fn envoy() -> String {
    let split = |percent: u32| {
        format!(
            "{{ timeout: 0s, weighted_clusters: {{ use_hash_policy: true, clusters: [{{ name: canary, weight: {percent} }}, \
             {{ name: stable, weight: {} }}] }}, hash_policy: [{{ header: {{ header_name: {USER_HEADER} }} }}] }}",
            100 - percent
        )
    };
    let audience = |city: usize, system: &str, level: Option<&str>| {
        let word = SYSTEMS.iter().find(|known| known.0 == system).map_or("", |known| known.2);
        let mut headers = format!(
            "{{ name: x-forwarded-for, string_match: {{ prefix: '10.{city}.' }} }}, \
             {{ name: user-agent, string_match: {{ contains: '{word}' }} }}"
        );
        if let Some(level) = level {
            let _ = write!(
                headers,
                ", {{ name: {LEVEL_HEADER}, string_match: {{ exact: '{level}' }} }}"
            );
        }
        headers
    };
    let mut routes = String::new();
    for service in 0..SERVICES {
        let mut route = |headers: &str, action: &str| {
            let _ = writeln!(
                routes,
                "              - {{ match: {{ prefix: '/s{service}/', headers: [{headers}] }}, route: {action} }}"
            );
        };
        for city in AUDIENCE {
            route(&audience(city, "ios", Some("vip")), "{ timeout: 0s, cluster: canary }");
        }
        for (city, system, level, percent) in CELLS {
            route(&audience(city, system, level), &split(percent));
        }
        route("", &split(REST));
    }
    routes + "              - { match: { prefix: '/' }, route: { timeout: 0s, cluster: stable } }\n"
}
