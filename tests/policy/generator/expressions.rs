//! Expressions of targets and segments.
//!
//! Owns the questions they are put together of.

use super::Seeded;

/// Expressions that are true, false, or neither, and which others are put together of.
const QUESTIONS: [&str; 45] = [
    "token.level >= 2.5",
    "tester || token.level == 2.0",
    "has(token.word) && token.word == 'canary'",
    "!has(user.id) || has(token.roles)",
    "user.id in ['北京', '1'] && !tester",
    "os == 'android'",
    "device.major >= 14 && kind == 'phone'",
    "kind in ['phone', 'tablet'] || os == 'windows'",
    "has(device.model) && device.brand == 'samsung'",
    "device.browser == 'wechat' || device.browser.startsWith('goo')",
    "age > 18",
    "user.age <= 18",
    "-age + 20 == 1",
    "age / (age - 19) > 0",
    "score < 1.5",
    "score * 2.0 >= 1",
    "vip",
    "!vip",
    "city in ['北京', '上海']",
    "user.city == \"u7\"",
    "city.startsWith('can') && size(city) > 3",
    "city.matches('^u[0-9]$|北')",
    "first == 'user' ? vip : city != '1'",
    "request.method == 'GET'",
    "request.path.endsWith('/deep')",
    "request.host.contains('example')",
    "'x-a' in request.headers && request.headers['x-a'] == '1'",
    "request.query['q'] in ['1', 'canary']",
    "client.ip.inCidr('192.0.2.0/25')",
    "has(user.city) && has(user.age)",
    "level == 'vip'",
    "user.rank > 1 && level in ['vip', 'new']",
    "has(user.rank) || level != 'new'",
    "request.headers['baggage'].contains('canary')",
    "place in ['北京', '上海', 'Porto']",
    "geo.province == '广东' || country == 'PT'",
    "asn == 4134 && degrees > 25.0",
    "cell in ['wtw3', 'wx4g', 's000', 'zzzz']",
    "geohash.startsWith('wtw3')",
    "size(geohash) == 12 && !geohash.endsWith('0')",
    "geo.within(31.2, 121.5, 900.0)",
    "!geo.within(39.9, 116.4, 1500.0)",
    "geo.within(-90.0, 0.0, 12000.0)",
    "has(geo.place) && !has(geo.lat)",
    "geo.lat > 30.0 || geo.lon < 0.0",
];

impl Seeded {
    /// An expression.
    pub(super) fn when(&mut self, depth: usize) -> String {
        if depth == 0 || self.one_in(3) {
            return format!("({})", self.pick(&QUESTIONS));
        }
        match self.below(if depth > 1 { 5 } else { 4 }) {
            0 => format!("({} && {})", self.when(depth - 1), self.when(depth - 1)),
            1 => format!("({} || {})", self.when(depth - 1), self.when(depth - 1)),
            2 => format!("!{}", self.when(depth - 1)),
            3 => format!("({0} ? {1} : {0})", self.when(depth - 1), self.when(depth - 1)),
            _ => {
                let segment = self.pick(&["some", "others", "staff", "staff", "gone"]);
                format!("({} && {segment}())", self.when(depth - 1))
            }
        }
    }
}
