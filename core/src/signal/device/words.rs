//! The words that devices are told in, and the words of clients they are told by.
//!
//! Owns both lists. Ranks order what one client says at once: an app has a browser in it, a browser claims to be the
//! ones it descends from. What ranks higher is more telling.

/// Anything else.
pub(super) const OTHER: &str = "other";
/// Classes of devices.
pub(super) const PHONE: &str = "phone";
/// See [`PHONE`].
pub(super) const TABLET: &str = "tablet";
/// See [`PHONE`].
pub(super) const DESKTOP: &str = "desktop";
/// See [`PHONE`].
pub(super) const TV: &str = "tv";
/// See [`PHONE`].
pub(super) const CONSOLE: &str = "console";
/// A program that reads the web for itself.
pub(super) const BOT: &str = "bot";

/// A robot.
pub(super) const ROBOT: u8 = 90;
/// An app inside an app.
const INNER: u8 = 80;
/// An app whose pages are shown by a browser inside.
const APP: u8 = 70;
/// A browser as a hint names it.
const HINTED: u8 = 60;
/// A browser by the name of its maker.
const OWN: u8 = 50;
/// An app's view of the web, as a hint names it.
const HINTED_VIEW: u8 = 45;
/// An app's view of the web.
pub(super) const VIEW: u8 = 40;
/// What others descend from, and claim to be.
const BASE: u8 = 30;
/// What nearly all claim to be.
pub(super) const SAFARI: u8 = 20;
/// A library for requests.
const LIBRARY: u8 = 10;

/// Returns the browser, app, robot or library that a product's name in lower case means, with its rank.
pub(super) fn browser(name: &[u8]) -> Option<(u8, &'static str)> {
    app(name).or_else(|| own(name)).or_else(|| library(name))
}

fn app(name: &[u8]) -> Option<(u8, &'static str)> {
    let found = match name {
        b"wxwork" => return Some((INNER, "wecom")),
        b"micromessenger" => "wechat",
        b"qq" => "qq",
        b"alipayclient" => "alipay",
        b"dingtalk" => "dingtalk",
        b"baiduboxapp" => "baidu",
        b"aweme" | b"awemelite" => "douyin",
        b"newsarticle" => "toutiao",
        b"musical_ly" | b"trill" => "tiktok",
        b"weibo" => "weibo",
        b"feishu" => "feishu",
        b"lark" => "lark",
        b"fban" | b"fbav" => "facebook",
        b"instagram" => "instagram",
        b"line" => "line",
        b"kakaotalk" => "kakaotalk",
        b"snapchat" => "snapchat",
        b"pinterest" => "pinterest",
        b"linkedinapp" => "linkedin",
        b"gsa" => "google-app",
        _ => return None,
    };
    Some((APP, found))
}

fn own(name: &[u8]) -> Option<(u8, &'static str)> {
    let own = |name| Some((OWN, name));
    match name {
        b"edg" | b"edga" | b"edgios" | b"edge" => own("edge"),
        b"opr" | b"opera" | b"opios" | b"opt" | b"opx" => own("opera"),
        b"samsungbrowser" => own("samsung"),
        b"huaweibrowser" => own("huawei"),
        b"honorbrowser" => own("honor"),
        b"miuibrowser" => own("miui"),
        b"heytapbrowser" | b"oppobrowser" => own("heytap"),
        b"vivobrowser" => own("vivo"),
        b"mqqbrowser" | b"qqbrowser" => own("qqbrowser"),
        b"ucbrowser" | b"ubrowser" => own("uc"),
        b"quark" => own("quark"),
        b"baidubrowser" | b"bidubrowser" => own("baidu"),
        b"sogoumobilebrowser" | b"metasr" => own("sogou"),
        b"360se" | b"360ee" | b"qihoobrowser" | b"qhbrowser" => own("360"),
        b"yabrowser" => own("yandex"),
        b"vivaldi" => own("vivaldi"),
        b"whale" => own("whale"),
        b"duckduckgo" | b"ddg" => own("duckduckgo"),
        b"brave" => own("brave"),
        b"silk" => own("silk"),
        b"oculusbrowser" => own("oculus"),
        b"headlesschrome" => own("headless-chrome"),
        b"firefox" | b"fxios" => Some((BASE, "firefox")),
        b"chrome" | b"chromium" | b"crios" => Some((BASE, "chrome")),
        b"msie" | b"trident" => Some((BASE, "ie")),
        b"safari" => Some((SAFARI, "safari")),
        _ => None,
    }
}

fn library(name: &[u8]) -> Option<(u8, &'static str)> {
    let found = match name {
        b"curl" => "curl",
        b"wget" => "wget",
        b"okhttp" => "okhttp",
        b"dalvik" => "dalvik",
        b"cfnetwork" => "cfnetwork",
        b"dart" => "dart",
        b"python-requests" => "python-requests",
        b"go-http-client" => "go-http-client",
        b"axios" => "axios",
        b"postmanruntime" => "postman",
        _ => return None,
    };
    Some((LIBRARY, found))
}

/// Returns the name of a robot that a product's name in lower case begins with; `other` for one nobody knows.
pub(super) fn robot(name: &[u8]) -> Option<&'static str> {
    const KNOWN: [&str; 22] = [
        "googlebot",
        "googleother",
        "google-inspectiontool",
        "mediapartners-google",
        "bingbot",
        "baiduspider",
        "bytespider",
        "360spider",
        "yisouspider",
        "petalbot",
        "applebot",
        "yandexbot",
        "duckduckbot",
        "gptbot",
        "claudebot",
        "amazonbot",
        "ahrefsbot",
        "semrushbot",
        "twitterbot",
        "facebookexternalhit",
        "slurp",
        "adsbot",
    ];
    let is_name = |part: &[u8]| memchr::memmem::find(name, part).is_some();
    let bot = (name.ends_with(b"bot") || is_name(b"bot-")) && name != b"cubot";
    let said = bot || is_name(b"spider") || is_name(b"crawl") || name.starts_with(b"+http");
    let known = KNOWN.iter().find(|known| name.starts_with(known.as_bytes()));
    known.copied().or(said.then_some(OTHER))
}

/// Returns the system that a word in lower case means, with its rank; from 8 on it is built on another.
pub(super) fn os(word: &[u8]) -> Option<(u8, &'static str)> {
    Some(match word {
        b"harmonyos" | b"openharmony" => (9, "harmonyos"),
        b"kaios" => (8, "kaios"),
        b"tizen" => (8, "tizen"),
        b"web0s" | b"webos" => (8, "webos"),
        b"android" | b"adr" => (7, "android"),
        b"ios" => (6, "ios"),
        b"cros" => (5, "chromeos"),
        b"windows" => (4, "windows"),
        b"macintosh" | b"macos" => (3, "macos"),
        b"linux" => (1, "linux"),
        word if [&b"iphone"[..], b"ipad", b"ipod"].iter().any(|start| word.starts_with(start)) => {
            (6, "ios")
        }
        _ => return None,
    })
}

/// Rank of systems from which on what they are built on does not speak for them.
pub(super) const OS_SPECIAL: u8 = 8;

/// Returns the system that the hint of a platform means.
pub(super) fn platform(text: &[u8]) -> Option<&'static str> {
    Some(match text {
        b"Android" => "android",
        b"iOS" => "ios",
        b"Windows" => "windows",
        b"macOS" => "macos",
        b"Linux" => "linux",
        b"Chrome OS" | b"Chromium OS" => "chromeos",
        b"HarmonyOS" | b"OpenHarmony" => "harmonyos",
        _ => return None,
    })
}

/// Returns the browser that a brand of a hint means, with its rank.
pub(super) fn hinted_browser(brand: &[u8]) -> Option<(u8, &'static str)> {
    Some(match brand {
        b"Google Chrome" => (HINTED, "chrome"),
        b"Microsoft Edge" => (HINTED, "edge"),
        b"Opera" => (HINTED, "opera"),
        b"Samsung Internet" => (HINTED, "samsung"),
        b"YaBrowser" | b"Yandex" => (HINTED, "yandex"),
        b"Brave" => (HINTED, "brave"),
        b"Vivaldi" => (HINTED, "vivaldi"),
        b"Whale" | b"Naver Whale" => (HINTED, "whale"),
        b"DuckDuckGo" => (HINTED, "duckduckgo"),
        b"HuaweiBrowser" | b"Huawei Browser" => (HINTED, "huawei"),
        b"HeadlessChrome" => (HINTED, "headless-chrome"),
        b"Android WebView" | b"Microsoft Edge WebView2" => (HINTED_VIEW, "webview"),
        _ => return None,
    })
}
