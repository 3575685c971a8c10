//! Devices: what a client says it is, in a few stable words.
//!
//! Owns the fields that are read ([`Client`]), the words they become ([`Device`]) and which field is believed where
//! several speak. [`agent`] reads User-Agent, [`hints`] the client hints; [`cache`] remembers.
//! Does not believe: all of it is the client's word (decision 0019).
//!
//! Invariants:
//! - recognising is a function of the fields alone, total, linear in their bounded length, without allocation;
//! - a value is a word of the lists here, a version of digits and dots, or a model as it was sent;
//! - what is not known is not there: no version that clients freeze, no brand that is guessed.

use std::{cell::OnceCell, fmt};

use crate::{
    http::{Header, is_field},
    limits::{DEVICE_AGENT_BYTES_MAX, DEVICE_HINT_BYTES_MAX},
};

mod agent;
pub mod cache;
mod hints;
mod models;
mod property;
mod text;
mod words;

use agent::Agent;
use hints::Hints;
pub use property::{ArchivedDeviceProperty, DeviceProperty};
use text::{Model, Version};

/// The fields that tell what a client is, in lower case; their lengths differ, and tell them apart.
pub const FIELDS: [&str; 6] = [
    "user-agent",
    "sec-ch-ua",
    "sec-ch-ua-mobile",
    "sec-ch-ua-platform",
    "sec-ch-ua-platform-version",
    "sec-ch-ua-model",
];

/// The values of [`FIELDS`] as far as they are read; one that is absent is empty.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Client<'a>([&'a [u8]; FIELDS.len()]);

impl<'a> Client<'a> {
    /// Takes the values of [`FIELDS`]: a user agent as far as it is read, a hint if it is not too long to be one.
    #[must_use]
    pub fn new(values: [&'a [u8]; FIELDS.len()]) -> Self {
        let [agent, hints @ ..] = values;
        let agent = &agent[..agent.len().min(DEVICE_AGENT_BYTES_MAX)];
        let [a, b, c, d, e] =
            hints.map(|hint| if hint.len() <= DEVICE_HINT_BYTES_MAX { hint } else { b"" });
        Self([agent, a, b, c, d, e])
    }

    /// Returns the fields of a head that are `believed`; `joined` those that are repeated (POLICY stage 0), by name.
    #[must_use]
    pub fn of(
        headers: &[Header<'a>],
        believed: impl Fn(&'static str) -> bool,
        joined: impl Fn(&'static str) -> Option<&'a [u8]>,
    ) -> Self {
        let mut values: [Option<&'a [u8]>; FIELDS.len()] = [None; FIELDS.len()];
        for header in headers {
            let Some(at) = place(header.name).filter(|at| believed(FIELDS[*at])) else { continue };
            values[at] = match values[at] {
                None => Some(header.value),
                Some(_) => joined(FIELDS[at]),
            };
        }
        Self::new(values.map(Option::unwrap_or_default))
    }

    fn says_nothing(&self) -> bool {
        self.0.iter().all(|value| value.is_empty())
    }
}

/// Returns the place of a field in [`FIELDS`].
#[inline]
fn place(name: &str) -> Option<usize> {
    let at = match name.len() {
        10 => 0,
        9 => 1,
        16 => 2,
        18 => 3,
        26 => 4,
        15 => 5,
        _ => return None,
    };
    is_field(name, FIELDS[at]).then_some(at)
}

/// A device, as far as it is known.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Device {
    os: &'static str,
    os_version: Version,
    class: &'static str,
    browser: &'static str,
    browser_version: Version,
    brand: Option<&'static str>,
    model: Model,
}

impl Device {
    /// Recognises a client; nothing when it says nothing.
    #[must_use]
    pub fn recognise(client: &Client<'_>) -> Option<Self> {
        if client.says_nothing() {
            return None;
        }
        let [agent, hints @ ..] = client.0;
        let (agent, hints) = (Agent::read(agent), Hints::read(hints));
        let (os, os_version) = os(&agent, &hints);
        let (browser, browser_version) = browser(&agent, &hints);
        let model = hints.model.or(agent.model);
        Some(Self {
            os,
            os_version: os_version.unwrap_or_default(),
            class: class(&agent, &hints, os, &model),
            browser,
            browser_version: browser_version.unwrap_or_default(),
            brand: models::brand(&model, &agent),
            model,
        })
    }

    /// Returns a property; nothing when it is not known.
    #[must_use]
    pub fn get(&self, property: DeviceProperty) -> Option<&str> {
        let text = match property {
            DeviceProperty::Os => self.os,
            DeviceProperty::OsVersion => self.os_version.as_str(),
            DeviceProperty::OsMajor => self.os_version.major(),
            DeviceProperty::Class => self.class,
            DeviceProperty::Browser => self.browser,
            DeviceProperty::BrowserVersion => self.browser_version.as_str(),
            DeviceProperty::BrowserMajor => self.browser_version.major(),
            DeviceProperty::Brand => self.brand.unwrap_or_default(),
            DeviceProperty::Model => self.model.as_str(),
        };
        Some(text).filter(|text| !text.is_empty())
    }
}

impl fmt::Debug for Device {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let versions = (self.os_version.as_str(), self.browser_version.as_str());
        write!(f, "{} {} {} {}", self.os, versions.0, self.class, self.browser)?;
        write!(f, " {} {:?} {}", versions.1, self.brand, self.model.as_str())
    }
}

/// A hint wins, but over a system that is built on the one it names.
fn os(agent: &Agent, hints: &Hints) -> (&'static str, Option<Version>) {
    let (Some(os), false) = (hints.os, agent.os_is_special) else {
        return (agent.os.unwrap_or(words::OTHER), agent.os_version);
    };
    let version = hints.os_version(os);
    let same = agent.os == Some(os);
    (os, version.or(agent.os_version.filter(|_| same)))
}

/// A hint wins, but over an app or a robot, which the browser it is built on does not know of.
fn browser(agent: &Agent, hints: &Hints) -> (&'static str, Option<Version>) {
    let told = agent.browser;
    let hinted = hints.browser.filter(|hinted| told.is_none_or(|told| hinted.rank > told.rank));
    match (hinted, told) {
        (Some(hinted), _) => (hinted.name, hinted.version),
        (None, Some(told)) => (told.name, told.version),
        (None, None) => (words::OTHER, None),
    }
}

fn class(agent: &Agent, hints: &Hints, os: &str, model: &Model) -> &'static str {
    let is_tablet = agent.is_tablet || models::is_tablet(model);
    match (agent.kind, hints.is_mobile, os) {
        (Some(kind), ..) => kind,
        (None, _, "android" | "harmonyos") if is_tablet => words::TABLET,
        (None, Some(true), _) => words::PHONE,
        (None, Some(false), "android" | "harmonyos") => words::TABLET,
        (None, _, "ios") => {
            if is_tablet {
                words::TABLET
            } else {
                words::PHONE
            }
        }
        (None, _, "kaios") => words::PHONE,
        // Browsers say so where they are on a phone (Chromium, "User agent reduction"); other programs do not care.
        (None, None, "android") if agent.is_mobile || !agent.is_browser => words::PHONE,
        (None, None, "harmonyos") if agent.is_mobile => words::PHONE,
        (None, None, "android" | "harmonyos") => words::TABLET,
        (None, _, "tizen" | "webos") => {
            if agent.is_mobile {
                words::PHONE
            } else {
                words::TV
            }
        }
        (None, _, "windows") if agent.is_mobile => words::PHONE,
        (None, _, "windows" | "macos" | "linux" | "chromeos") => words::DESKTOP,
        _ if agent.is_mobile => words::PHONE,
        _ if agent.is_desk => words::DESKTOP,
        _ => words::OTHER,
    }
}

/// What a decision asks for the device of its request.
///
/// It serves one decision: whoever asks again is told the same.
pub trait DeviceReader: fmt::Debug {
    /// Returns what the client is, whose fields are asked for once at most; nothing when it says nothing.
    fn device<'c>(&self, client: &dyn Fn() -> Client<'c>) -> Option<&Device>;
}

/// Recognises the client anew for each decision.
#[derive(Debug, Default)]
pub struct Unremembered(OnceCell<Option<Device>>);

impl DeviceReader for Unremembered {
    fn device<'c>(&self, client: &dyn Fn() -> Client<'c>) -> Option<&Device> {
        self.0.get_or_init(|| Device::recognise(&client())).as_ref()
    }
}

#[cfg(test)]
mod tests;
