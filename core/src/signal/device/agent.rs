//! User-Agent: products, versions and comments (RFC 9110 §10.1.5), and what has become of them.
//!
//! Owns the walk over its words, once. Nothing is looked for in it: a word is looked up, whatever the agent says.

use super::{
    text::{Model, Version},
    words,
};
use crate::limits::DEVICE_AGENT_BYTES_MAX;

/// A browser that somebody names.
#[derive(Clone, Copy, Debug)]
pub(super) struct Found {
    /// How telling it is.
    pub(super) rank: u8,
    /// Its name.
    pub(super) name: &'static str,
    /// Its version.
    pub(super) version: Option<Version>,
}

/// What a user agent says.
#[derive(Debug, Default)]
pub(super) struct Agent {
    /// The system.
    pub(super) os: Option<&'static str>,
    /// Whether it is built on another one, which hints may name instead.
    pub(super) os_is_special: bool,
    /// Its version, if it is not one that is always said.
    pub(super) os_version: Option<Version>,
    /// The browser, app, robot or library.
    pub(super) browser: Option<Found>,
    /// The class, where it does not follow from the system.
    pub(super) kind: Option<&'static str>,
    /// Whether it says that it is on a phone.
    pub(super) is_mobile: bool,
    /// Whether it says that it is on a tablet.
    pub(super) is_tablet: bool,
    /// Whether it says that it has a screen for windows, whatever the system.
    pub(super) is_desk: bool,
    /// Whether it has the form that browsers have.
    pub(super) is_browser: bool,
    /// The maker, where something else than the model tells.
    pub(super) brand: Option<&'static str>,
    /// The model.
    pub(super) model: Model,
}

impl Agent {
    /// Reads a user agent of [`DEVICE_AGENT_BYTES_MAX`] at most.
    pub(super) fn read(agent: &[u8]) -> Self {
        let mut lower = [0; DEVICE_AGENT_BYTES_MAX];
        let agent = &agent[..agent.len().min(lower.len())];
        let lower = &mut lower[..agent.len()];
        lower.copy_from_slice(agent);
        lower.make_ascii_lowercase();
        let mut walk = Walk::default();
        let mut before: &[u8] = b"";
        for word in lower.split(|byte| b" ;(),[]\"'\t".contains(byte)) {
            if !word.is_empty() {
                walk.word(before, word);
                before = word;
            }
        }
        walk.end(agent, lower)
    }
}

/// What the words up to here say.
#[derive(Default)]
struct Walk {
    os: Option<(u8, &'static str)>,
    os_version: Option<(u8, Version)>,
    browser: Option<Found>,
    /// Of `Version/`, which Safari and old Opera have theirs in, and `rv:`, which the last Internet Explorer has.
    version: Option<Version>,
    revision: Option<Version>,
    robot: Option<Found>,
    kind: Option<&'static str>,
    is_mobile: bool,
    is_tablet: bool,
    is_desk: bool,
    is_webkit: bool,
    brand: Option<&'static str>,
    apple: Option<&'static [u8]>,
}

impl Walk {
    fn word(&mut self, before: &[u8], word: &[u8]) {
        if word[0].is_ascii_digit() {
            self.number(before, word);
        }
        let split = word.iter().position(|byte| matches!(byte, b'/' | b':'));
        let (name, rest) = word.split_at(split.unwrap_or(word.len()));
        // "XiaoMi/MiuiBrowser/17" and "aweme_26.8" put names together.
        let (name, rest) = match (name, rest) {
            (b"xiaomi", [b'/', rest @ ..]) if rest.starts_with(b"miuibrowser") => {
                rest.split_at(b"miuibrowser".len())
            }
            (name, b"") if name.starts_with(b"aweme_") => name.split_at(b"aweme".len()),
            (name, b"") if name.starts_with(b"musical_ly_") => name.split_at(b"musical_ly".len()),
            (name, b"") if name.starts_with(b"trill_") => name.split_at(b"trill".len()),
            pair => pair,
        };
        let version = rest.get(1..).and_then(Version::read);
        self.product(name, version);
        if let Some(name) = words::robot(name) {
            let known = self.robot.is_some_and(|robot| robot.name != words::OTHER);
            if !known {
                let version = version.filter(|_| name != words::OTHER);
                self.robot = Some(Found { rank: words::ROBOT, name, version });
            }
        }
        if let Some(os) = words::os(name) {
            self.os = self.os.max(Some(os));
            self.named_version(name, version);
        }
        self.trait_of(before, name);
    }

    fn product(&mut self, name: &[u8], version: Option<Version>) {
        match name {
            b"version" => self.version = version,
            b"rv" => self.revision = version,
            b"applewebkit" => self.is_webkit = true,
            _ => {
                let Some((rank, name)) = words::browser(name) else { return };
                if self.browser.is_none_or(|best| rank > best.rank) {
                    self.browser = Some(Found { rank, name, version });
                }
            }
        }
    }

    /// A number behind a word is a version of what the word means.
    fn number(&mut self, before: &[u8], word: &[u8]) {
        let version = Version::read(word);
        match before {
            b"nt" => self.os_version((4, "windows"), windows(word)),
            b"os" => self.os_version((6, "ios"), version),
            b"x" => self.os_version((3, "macos"), version),
            b"msie" | b"instagram" => {
                if let Some(best) = &mut self.browser {
                    best.version = best.version.or(version);
                }
            }
            _ => self.named_version(before, version),
        }
    }

    /// Takes a version of the system that is called `name`, if it is one that is called so with its version.
    fn named_version(&mut self, name: &[u8], version: Option<Version>) {
        let known: [&[u8]; 8] = [
            b"android",
            b"adr",
            b"ios",
            b"macos",
            b"harmonyos",
            b"openharmony",
            b"tizen",
            b"kaios",
        ];
        if let Some(os) = words::os(name).filter(|_| known.contains(&name)) {
            self.os_version(os, version);
        }
    }

    fn os_version(&mut self, (rank, _): (u8, &'static str), version: Option<Version>) {
        if let Some(version) = version
            && self.os_version.is_none_or(|(best, _)| rank > best)
        {
            self.os_version = Some((rank, version));
        }
    }

    /// Words about the device.
    fn trait_of(&mut self, before: &[u8], name: &[u8]) {
        match name {
            b"mobile" | b"mobi" => self.is_mobile = true,
            b"phone" => {
                self.is_mobile = true;
                if before == b"windows" {
                    self.os = Some((words::OS_SPECIAL, "windows"));
                }
            }
            b"tablet" => self.is_tablet = true,
            _ if name.starts_with(b"ipad") => {
                self.is_tablet = true;
                self.apple = self.apple.or(Some(b"iPad"));
            }
            _ if name.starts_with(b"iphone") => self.apple = self.apple.or(Some(b"iPhone")),
            _ if name.starts_with(b"ipod") => self.apple = self.apple.or(Some(b"iPod")),
            b"x11" => self.is_desk = true,
            // What is worn is none of the classes.
            b"oculusbrowser" => self.kind = Some(words::OTHER),
            b"wv" | b"arkweb" => {
                let rank = words::VIEW;
                if self.browser.is_none_or(|best| rank > best.rank) {
                    self.browser = Some(Found { rank, name: "webview", version: None });
                }
            }
            b"tv" | b"smarttv" | b"smart-tv" | b"appletv" | b"googletv" | b"hbbtv" | b"crkey"
            | b"roku" | b"bravia" | b"web0s" => self.kind = self.kind.or(Some(words::TV)),
            b"xbox" | b"playstation" | b"nintendo" => self.kind = Some(words::CONSOLE),
            b"huaweibrowser" | b"hmscore" | b"harmonyos" => self.brand = Some("huawei"),
            b"macintosh" => self.brand = Some("apple"),
            _ => {}
        }
    }

    fn end(self, agent: &[u8], lower: &[u8]) -> Agent {
        let (rank, os) = self.os.unzip();
        let is_special = rank.is_some_and(|rank| rank >= words::OS_SPECIAL);
        let version =
            self.os_version.filter(|(of, _)| rank == Some(*of)).map(|(_, version)| version);
        let name = self.apple.unwrap_or_else(|| model(agent, lower));
        let is_browser = lower.starts_with(b"mozilla/") || lower.starts_with(b"opera/");
        let is_frozen = match os {
            // What is said by all of them since their makers chose so says nothing.
            Some("android") => name == b"K",
            Some("macos") => version.is_some_and(|version| {
                is_browser && matches!(version.as_str(), "10.15.7" | "10.15")
            }),
            _ => false,
        };
        let model = if name == b"K" { Model::default() } else { Model::read(name) };
        let is_tv = os == Some("android") && model.as_str().starts_with("AFT");
        let found = self.browser();
        Agent {
            os,
            os_is_special: is_special,
            os_version: version.filter(|_| !is_frozen),
            browser: self.robot.or(found),
            kind: self.robot.map(|_| words::BOT).or(self.kind).or(is_tv.then_some(words::TV)),
            is_mobile: self.is_mobile,
            is_tablet: self.is_tablet,
            is_desk: self.is_desk,
            is_browser,
            brand: self.brand.or((os == Some("ios")).then_some("apple")),
            model,
        }
    }

    /// Returns the browser with its version, wherever it has it.
    fn browser(&self) -> Option<Found> {
        let Some(found) = self.browser else {
            // An app's view on an iPhone names the engine and nothing else.
            let is_view = self.is_webkit && self.os.is_some_and(|(_, os)| os == "ios");
            return is_view.then_some(Found { rank: words::VIEW, name: "webview", version: None });
        };
        let is_android = self.os.is_some_and(|(_, os)| os == "android");
        Some(match found.name {
            // What Android had before it had Chrome.
            "safari" if is_android => Found { name: "android", version: self.version, ..found },
            "safari" => Found { version: self.version, ..found },
            // Since its tenth it says it is the ninth.
            "opera" if found.version.is_some_and(|version| version.major() == "9") => {
                Found { version: self.version.or(found.version), ..found }
            }
            "ie" => Found { version: self.revision.or(found.version), ..found },
            _ => found,
        })
    }
}

/// Returns the version of Windows that a version of its kernel means; 10.0 is Windows 10, 11 and whatever follows.
fn windows(kernel: &[u8]) -> Option<Version> {
    let name: &[u8] = match kernel {
        b"6.3" => b"8.1",
        b"6.2" => b"8",
        b"6.1" => b"7",
        _ => return None,
    };
    Version::read(name)
}

/// Returns the model: behind the version and the language in the comment of an Android, or of a HarmonyOS that says it
/// is one.
fn model<'a>(agent: &'a [u8], lower: &[u8]) -> &'a [u8] {
    let Some(start) = memchr::memmem::find(lower, b"android") else { return b"" };
    let end = lower[start..].iter().position(|byte| *byte == b')');
    let comment = &agent[start..end.map_or(lower.len(), |at| start + at)];
    let fields = comment.split(|byte| *byte == b';').skip(1).map(<[u8]>::trim_ascii);
    let mut fields = fields.filter(|field| !is_language(field) && !is_known(field));
    let field = fields.next().unwrap_or_default();
    let end = memchr::memmem::find(field, b" Build").unwrap_or(field.len());
    &field[..end]
}

/// Returns whether a field of a comment is a language, such as `zh-CN`.
fn is_language(field: &[u8]) -> bool {
    let is_letter = |byte: &u8| byte.is_ascii_alphabetic();
    match field {
        [a, b] => is_letter(a) && is_letter(b) && field.iter().all(u8::is_ascii_lowercase),
        [a, b, b'-' | b'_', rest @ ..] => {
            rest.len() == 2
                && [a, b].into_iter().all(u8::is_ascii_lowercase)
                && rest.iter().all(is_letter)
        }
        _ => false,
    }
}

/// Returns whether a field of a comment is something else than a model.
fn is_known(field: &[u8]) -> bool {
    let known: [&[u8]; 9] =
        [b"wv", b"Mobile", b"Tablet", b"HarmonyOS", b"U", b"Linux", b"TV", b"arm_64", b""];
    let first = field.split(|byte| matches!(byte, b' ' | b'/' | b':')).next().unwrap_or_default();
    known.contains(&field) || matches!(first, b"HMSCore" | b"rv" | b"Scale" | b"GMSCore")
}
