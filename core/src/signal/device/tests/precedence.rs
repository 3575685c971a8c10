//! Client hints, and which field is believed where two speak.

use super::check;

const CHROME: &str = "Mozilla/5.0 (Linux; Android 10; K) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/124.0.0.0 Mobile Safari/537.36";
const DESK: &str = "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/124.0.0.0 Safari/537.36";
const BRANDS: &str = r#""Chromium";v="124", "Google Chrome";v="124", "Not-A.Brand";v="99""#;

#[test]
fn hints_tell_what_the_agent_does_not() {
    let hints = [
        ("User-Agent", CHROME),
        ("Sec-CH-UA", BRANDS),
        ("Sec-CH-UA-Mobile", "?1"),
        ("Sec-CH-UA-Platform", "\"Android\""),
        ("Sec-CH-UA-Platform-Version", "\"14.0.0\""),
        ("Sec-CH-UA-Model", "\"SM-S918B\""),
    ];
    check(&hints, "android 14 phone chrome 124 samsung SM-S918B");
    // Without the agent they say nearly as much.
    check(&hints[1..], "android 14 phone chrome 124 samsung SM-S918B");
}

#[test]
fn hints_win_over_the_agent() {
    let platform = |text| [("User-Agent", CHROME), ("Sec-CH-UA-Platform", text)];
    check(&platform("\"Windows\""), "windows - phone chrome 124 - -");
    check(&platform("\"Unknown\""), "android - phone chrome 124 - -");
    check(
        &[("User-Agent", DESK), ("Sec-CH-UA", r#""Chromium";v="124", "Opera";v="109""#)],
        "windows - desktop opera 109 - -",
    );
    check(
        &[("User-Agent", DESK), ("Sec-CH-UA", r#""Chromium";v="124""#)],
        "windows - desktop chrome 124 - -",
    );
    // A tablet that is no phone to Chrome.
    check(
        &[("User-Agent", "App (Android 14)"), ("Sec-CH-UA-Mobile", "?0")],
        "android 14 tablet other - - -",
    );
}

#[test]
fn the_version_of_windows_is_that_of_an_interface() {
    let version = |text| {
        [
            ("User-Agent", DESK),
            ("Sec-CH-UA-Platform", "\"Windows\""),
            ("Sec-CH-UA-Platform-Version", text),
        ]
    };
    check(&version("\"15.0.0\""), "windows 11 desktop chrome 124 - -");
    check(&version("\"13.0.0\""), "windows 11 desktop chrome 124 - -");
    check(&version("\"10.0.0\""), "windows 10 desktop chrome 124 - -");
    check(&version("\"0.1.0\""), "windows - desktop chrome 124 - -");
    check(&version("\"\""), "windows - desktop chrome 124 - -");
    check(&version("15.0.0"), "windows - desktop chrome 124 - -");
}

#[test]
fn what_is_more_telling_wins_over_hints() {
    let brands = ("Sec-CH-UA", r#""Chromium";v="116", "Android WebView";v="116""#);
    let android = ("Sec-CH-UA-Platform", "\"Android\"");
    check(
        &[
            (
                "User-Agent",
                "Mozilla/5.0 (Linux; Android 14; V2241A; wv) AppleWebKit/537.36 Version/4.0 Chrome/116.0.0.0 Mobile Safari/537.36 MicroMessenger/8.0.47",
            ),
            brands,
            android,
        ],
        "android 14 phone wechat 8.0.47 vivo V2241A",
    );
    check(
        &[
            (
                "User-Agent",
                "Mozilla/5.0 (Linux; Android 10; HarmonyOS; NOH-AN00; HMSCore 6.13.0.302) AppleWebKit/537.36 Chrome/114.0.0.0 HuaweiBrowser/15.0.1.300 Mobile Safari/537.36",
            ),
            brands,
            android,
            ("Sec-CH-UA-Mobile", "?1"),
        ],
        "harmonyos - phone huawei 15.0.1.300 huawei NOH-AN00",
    );
    check(
        &[
            (
                "User-Agent",
                "Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)",
            ),
            ("Sec-CH-UA", BRANDS),
            ("Sec-CH-UA-Mobile", "?1"),
        ],
        "other - bot googlebot 2.1 - -",
    );
}

#[test]
fn a_hint_that_breaks_its_grammar_says_nothing() {
    for platform in [
        "Windows",
        "\"Windows",
        "\"Win\\dows\"",
        "\"Windows\" x",
        "\"Windows\";",
        "?1",
        "\"Windows\", \"macOS\"",
        "\"Wind\u{fc}ws\"",
    ] {
        check(
            &[("User-Agent", "x"), ("Sec-CH-UA-Platform", platform)],
            "other - other other - - -",
        );
    }
    for platform in
        ["\"Windows\"", "  \"Windows\" ", "\"Windows\";a", "\"Windows\";a=1;b=\"c\";d=?0"]
    {
        check(
            &[("User-Agent", "x"), ("Sec-CH-UA-Platform", platform)],
            "windows - desktop other - - -",
        );
    }
    for brands in [
        r#""Google Chrome";v="124","#,
        r#""Google Chrome";v="124" "Chromium""#,
        r#""Google Chrome";v"#.trim_end_matches('v'),
        r#"Google Chrome"#,
        r#""Google Chrome";V="124""#,
        r#","Google Chrome";v="124""#,
    ] {
        check(&[("User-Agent", "x"), ("Sec-CH-UA", brands)], "other - other other - - -");
    }
    for (brands, version) in [
        (r#""Google Chrome";v="124""#, "124"),
        (r#""Google Chrome";v=124"#, "-"),
        (r#""Google Chrome""#, "-"),
        (r#""\"Not\\A;Brand";v="8","Google Chrome";x;v="1";v="124""#, "124"),
    ] {
        let expected = format!("other - other chrome {version} - -");
        check(&[("User-Agent", "x"), ("Sec-CH-UA", brands)], &expected);
    }
    for mobile in ["?2", "1", "?1?", "true", "?1, ?1"] {
        check(&[("User-Agent", "x"), ("Sec-CH-UA-Mobile", mobile)], "other - other other - - -");
    }
    check(&[("User-Agent", "x"), ("Sec-CH-UA-Mobile", "?1")], "other - phone other - - -");
}
