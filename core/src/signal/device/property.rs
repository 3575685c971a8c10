//! Properties of a device: what bundles and tables call them.
//!
//! Owns their names. Invariant: the order of the variants is that of the archive; a new one goes to the end.

use rkyv::{Archive, Deserialize, Serialize};
use schemars::JsonSchema;

/// A property of the device that a request comes from.
#[derive(
    Archive,
    Serialize,
    Deserialize,
    serde::Serialize,
    serde::Deserialize,
    JsonSchema,
    Clone,
    Copy,
    Debug,
    PartialEq,
    Eq,
)]
#[serde(rename_all = "camelCase")]
pub enum DeviceProperty {
    /// `android`, `ios`, `harmonyos`, `windows`, `macos`, `linux`, `chromeos`, `tizen`, `webos`, `kaios` or `other`.
    Os,
    /// The version of the system, where clients still tell it: `17.4.1`.
    OsVersion,
    /// Its first number.
    OsMajor,
    /// `phone`, `tablet`, `desktop`, `tv`, `console`, `bot` or `other`.
    Class,
    /// The browser, app, robot or library: `chrome`, `safari`, `wechat`, `googlebot`, `okhttp` and so on, or `other`.
    Browser,
    /// Its version.
    BrowserVersion,
    /// Its first number.
    BrowserMajor,
    /// Who made the device, in lower case: `huawei`.
    Brand,
    /// The model, as it is sent: `SM-S918B`.
    Model,
}

impl DeviceProperty {
    /// Every property.
    pub const ALL: [Self; 9] = [
        Self::Os,
        Self::OsVersion,
        Self::OsMajor,
        Self::Class,
        Self::Browser,
        Self::BrowserVersion,
        Self::BrowserMajor,
        Self::Brand,
        Self::Model,
    ];

    /// Returns what the property is called.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Os => "os",
            Self::OsVersion => "osVersion",
            Self::OsMajor => "osMajor",
            Self::Class => "class",
            Self::Browser => "browser",
            Self::BrowserVersion => "browserVersion",
            Self::BrowserMajor => "browserMajor",
            Self::Brand => "brand",
            Self::Model => "model",
        }
    }

    /// Returns whether its values are whole numbers.
    #[must_use]
    pub fn is_number(self) -> bool {
        matches!(self, Self::OsMajor | Self::BrowserMajor)
    }
}

impl From<&ArchivedDeviceProperty> for DeviceProperty {
    fn from(archived: &ArchivedDeviceProperty) -> Self {
        match archived {
            ArchivedDeviceProperty::Os => Self::Os,
            ArchivedDeviceProperty::OsVersion => Self::OsVersion,
            ArchivedDeviceProperty::OsMajor => Self::OsMajor,
            ArchivedDeviceProperty::Class => Self::Class,
            ArchivedDeviceProperty::Browser => Self::Browser,
            ArchivedDeviceProperty::BrowserVersion => Self::BrowserVersion,
            ArchivedDeviceProperty::BrowserMajor => Self::BrowserMajor,
            ArchivedDeviceProperty::Brand => Self::Brand,
            ArchivedDeviceProperty::Model => Self::Model,
        }
    }
}
