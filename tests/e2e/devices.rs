//! Devices: from what a client says it is to the variant it meets, and why.

use crate::{
    on_each_engine, shop,
    stack::{Engine, Stack, halftone},
    upstream::Upstream,
};

/// The bundle that the documentation shows.
const DEVICES: &str = include_str!("../../docs/examples/devices.yaml");

const IPHONE: &str = "Mozilla/5.0 (iPhone; CPU iPhone OS 17_4_1 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/17.4.1 Mobile/15E148 Safari/604.1";
const OLD_IPHONE: &str = "Mozilla/5.0 (iPhone; CPU iPhone OS 15_6 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/15.6 Mobile/15E148 Safari/604.1";
const CHROME: &str = "Mozilla/5.0 (Linux; Android 10; K) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/124.0.0.0 Mobile Safari/537.36";
const WECHAT_ON_HUAWEI: &str = "Mozilla/5.0 (Linux; Android 10; HarmonyOS; NOH-AN00; HMSCore 6.13.0.302; wv) AppleWebKit/537.36 (KHTML, like Gecko) Version/4.0 Chrome/99.0.4844.88 Mobile Safari/537.36 MicroMessenger/8.0.47.2560(0x28002F30) NetType/5G Language/zh_CN";
const ROBOT: &str = "Mozilla/5.0 (iPhone; CPU iPhone OS 17_0 like Mac OS X) AppleWebKit/605.1.15 Mobile/15E148 Safari/604.1 (compatible; bingbot/2.0; +http://www.bing.com/bingbot.htm)";

/// Fields of a request, the variant it meets, and the target that takes it.
type Case<'a> = (&'a [(&'a str, &'a str)], &'a str, Option<&'a str>);

fn shop(engine: Engine) -> (Stack, [Upstream; 2]) {
    // The share of Android is no part of these tests.
    shop::start(engine, &[], &DEVICES.replace("split: { canary: 2% }", "variant: stable"))
}

on_each_engine! {
    fn the_device_decides(engine: Engine) {
        let (stack, _services) = shop(engine);
        let new = ("Sec-CH-UA-Platform-Version", "\"14.0.0\"");
        let (platform, mobile) = (("Sec-CH-UA-Platform", "\"Android\""), ("Sec-CH-UA-Mobile", "?1"));
        let cases: &[Case<'_>] = &[
            (&[("User-Agent", IPHONE)], "canary", Some("new-phones")),
            (&[("User-Agent", OLD_IPHONE)], "stable", None),
            (&[("User-Agent", WECHAT_ON_HUAWEI)], "canary", Some("huawei-apps")),
            (&[("User-Agent", ROBOT)], "stable", Some("robots")),
            // The agent of Chrome freezes the version of Android; only its hints tell it.
            (&[("User-Agent", CHROME), platform, mobile], "stable", Some("android")),
            (&[("User-Agent", CHROME), platform, mobile, new], "canary", Some("new-phones")),
            // A hint that breaks its grammar says nothing.
            (&[("User-Agent", CHROME), platform, ("Sec-CH-UA-Platform-Version", "14.0.0")], "stable", Some("android")),
            (&[("User-Agent", "curl/8.5.0")], "stable", None),
            (&[], "stable", None),
        ];
        // Once unknown, and then remembered.
        for _ in 0..3 {
            for (fields, variant, _) in cases {
                assert_eq!(stack.get(fields).text(), *variant, "{fields:?}");
            }
        }
        let lines = stack.log(3 * cases.len());
        let mut targets: Vec<Option<&str>> = lines.iter().map(|line| line["target_id"].as_str()).collect();
        let mut expected = cases.iter().map(|(_, _, target)| *target).collect::<Vec<_>>().repeat(3);
        targets.sort_unstable();
        expected.sort_unstable();
        assert_eq!(targets, expected);
    }

    /// Whoever sends ever new agents costs a recognition each, and nobody a wrong answer.
    fn a_flood_of_agents_changes_no_answer(engine: Engine) {
        let (stack, _services) = shop(engine);
        let mut connection = stack.connect();
        for at in 0..6_000 {
            let agent = match at % 3 {
                0 => IPHONE.to_owned(),
                1 => format!("Shop/{at} (Android 13; Pixel {at})"),
                _ => format!("{at:x}bot{}", "\u{5317}(;/".repeat(at % 200)),
            };
            let answer = connection.send(crate::stack::get("/", &[("User-Agent", &agent)])).answer();
            let expected = if at % 3 == 0 { "canary" } else { "stable" };
            assert_eq!(answer.text(), expected, "{agent}");
        }
    }

    fn explain_shows_what_the_device_said(engine: Engine) {
        let (stack, _services) = shop(engine);
        let api = format!("http://{}", stack.api.address);
        let agent = format!("User-Agent: {CHROME}");
        let mut explain = halftone(&["explain", "--api", &api, "-H", &agent, "-H", "Sec-CH-UA-Platform: \"Android\"", "/"]);
        let output = explain.output().expect("it runs");
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        assert!(output.status.success(), "{text}{}", String::from_utf8_lossy(&output.stderr));
        for expected in [
            "device.class is \"phone\"",
            "device.browser is \"chrome\"",
            "device.os is \"android\"",
            "device.major is missing",
            "new-phones does not match",
            "cannot be told: a value is missing",
        ] {
            assert!(text.contains(expected), "{expected:?} is not in\n{text}");
        }
    }
}
