//! What bundles may ask a region database for.
//!
//! Owns the names of fields and languages, what each is read as, and the way to it in a record (MaxMind's own layout of
//! City, Country, Enterprise, ISP and ASN databases). Invariant: both are few and known, so that what a worker remembers
//! of an address is bounded whatever bundles ask for.

use maxminddb::PathElement::{self, Index, Key};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::policy::AttributeType;

/// A field of a region database.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum GeoField {
    /// The code of the continent, such as `AS`.
    Continent,
    /// Its name.
    ContinentName,
    /// The code of the country (ISO 3166-1), such as `CN`.
    Country,
    /// Its name.
    CountryName,
    /// The name of the province, state or other largest part of the country.
    Province,
    /// Its code (ISO 3166-2, without the country's), such as `GD`.
    ProvinceCode,
    /// The name of the city.
    City,
    /// The postal code.
    Postal,
    /// The time zone (IANA), such as `Asia/Shanghai`.
    TimeZone,
    /// Degrees to the north; a double.
    Latitude,
    /// Degrees to the east; a double.
    Longitude,
    /// The number of the autonomous system; an int.
    Asn,
    /// Who runs the network.
    Organization,
    /// The provider.
    Isp,
    /// How the network is connected, such as `Cable/DSL`.
    ConnectionType,
    /// Who uses it, such as `business`.
    UserType,
}

/// The language of a name, among those that databases are made in.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum GeoLang {
    /// German.
    #[serde(rename = "de")]
    De,
    /// English.
    #[default]
    #[serde(rename = "en")]
    En,
    /// Spanish.
    #[serde(rename = "es")]
    Es,
    /// Persian.
    #[serde(rename = "fa")]
    Fa,
    /// French.
    #[serde(rename = "fr")]
    Fr,
    /// Japanese.
    #[serde(rename = "ja")]
    Ja,
    /// Korean.
    #[serde(rename = "ko")]
    Ko,
    /// Brazilian Portuguese.
    #[serde(rename = "pt-BR")]
    PtBr,
    /// Russian.
    #[serde(rename = "ru")]
    Ru,
    /// Simplified Chinese.
    #[serde(rename = "zh-CN")]
    ZhCn,
    /// Traditional Chinese.
    #[serde(rename = "zh-TW")]
    ZhTw,
}

impl GeoField {
    /// Every field, by code.
    pub const ALL: [Self; 16] = [
        Self::Continent,
        Self::ContinentName,
        Self::Country,
        Self::CountryName,
        Self::Province,
        Self::ProvinceCode,
        Self::City,
        Self::Postal,
        Self::TimeZone,
        Self::Latitude,
        Self::Longitude,
        Self::Asn,
        Self::Organization,
        Self::Isp,
        Self::ConnectionType,
        Self::UserType,
    ];

    /// Returns what stands for it in archives: its place in [`Self::ALL`].
    #[must_use]
    pub fn code(self) -> u8 {
        self as u8
    }

    /// Returns its name in bundles.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Continent => "continent",
            Self::ContinentName => "continentName",
            Self::Country => "country",
            Self::CountryName => "countryName",
            Self::Province => "province",
            Self::ProvinceCode => "provinceCode",
            Self::City => "city",
            Self::Postal => "postal",
            Self::TimeZone => "timeZone",
            Self::Latitude => "latitude",
            Self::Longitude => "longitude",
            Self::Asn => "asn",
            Self::Organization => "organization",
            Self::Isp => "isp",
            Self::ConnectionType => "connectionType",
            Self::UserType => "userType",
        }
    }

    /// Returns the type of an attribute that comes from it.
    #[must_use]
    pub fn kind(self) -> AttributeType {
        match self {
            Self::Latitude | Self::Longitude => AttributeType::Double,
            Self::Asn => AttributeType::Int,
            _ => AttributeType::String,
        }
    }

    /// Returns whether it has a name in every language.
    #[must_use]
    pub fn has_languages(self) -> bool {
        matches!(self, Self::ContinentName | Self::CountryName | Self::Province | Self::City)
    }

    /// Returns the ways to it in a record, the first that leads somewhere counts.
    pub(super) fn paths(self, lang: GeoLang) -> [&'static [PathElement<'static>]; 2] {
        const NONE: &[PathElement<'static>] = &[];
        let names = lang.place();
        match self {
            Self::Continent => [&[Key("continent"), Key("code")], NONE],
            Self::ContinentName => [&CONTINENT_NAMES[names], NONE],
            Self::Country => [&[Key("country"), Key("iso_code")], NONE],
            Self::CountryName => [&COUNTRY_NAMES[names], NONE],
            Self::Province => [&PROVINCE_NAMES[names], NONE],
            Self::ProvinceCode => [&[Key("subdivisions"), Index(0), Key("iso_code")], NONE],
            Self::City => [&CITY_NAMES[names], NONE],
            Self::Postal => [&[Key("postal"), Key("code")], NONE],
            Self::TimeZone => [&[Key("location"), Key("time_zone")], NONE],
            Self::Latitude => [&[Key("location"), Key("latitude")], NONE],
            Self::Longitude => [&[Key("location"), Key("longitude")], NONE],
            Self::Asn => [
                &[Key("autonomous_system_number")],
                &[Key("traits"), Key("autonomous_system_number")],
            ],
            Self::Organization => {
                [&[Key("organization")], &[Key("autonomous_system_organization")]]
            }
            Self::Isp => [&[Key("isp")], &[Key("traits"), Key("isp")]],
            Self::ConnectionType => {
                [&[Key("connection_type")], &[Key("traits"), Key("connection_type")]]
            }
            Self::UserType => [&[Key("user_type")], &[Key("traits"), Key("user_type")]],
        }
    }
}

impl GeoLang {
    /// Every language, by code.
    pub const ALL: [Self; 11] = [
        Self::De,
        Self::En,
        Self::Es,
        Self::Fa,
        Self::Fr,
        Self::Ja,
        Self::Ko,
        Self::PtBr,
        Self::Ru,
        Self::ZhCn,
        Self::ZhTw,
    ];

    /// Returns what stands for it in archives: its place in [`Self::ALL`].
    #[must_use]
    pub fn code(self) -> u8 {
        self as u8
    }

    /// Returns its tag (BCP 47), in bundles as in databases.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        LANGUAGES[self.place()]
    }

    fn place(self) -> usize {
        self as usize
    }
}

const LANGUAGES: [&str; GeoLang::ALL.len()] =
    ["de", "en", "es", "fa", "fr", "ja", "ko", "pt-BR", "ru", "zh-CN", "zh-TW"];

/// By language: the way to a name.
type Names<const N: usize> = [[PathElement<'static>; N]; LANGUAGES.len()];

const CONTINENT_NAMES: &Names<3> = &names_of("continent");
const COUNTRY_NAMES: &Names<3> = &names_of("country");
const CITY_NAMES: &Names<3> = &names_of("city");
const PROVINCE_NAMES: &Names<4> = &province_names();

const fn names_of(what: &'static str) -> Names<3> {
    let mut names = [const { [Key(""), Key(""), Key("")] }; LANGUAGES.len()];
    let mut at = 0;
    while at < LANGUAGES.len() {
        names[at] = [Key(what), Key("names"), Key(LANGUAGES[at])];
        at += 1;
    }
    names
}

const fn province_names() -> Names<4> {
    let mut names = [const { [Key(""), Key(""), Key(""), Key("")] }; LANGUAGES.len()];
    let mut at = 0;
    while at < LANGUAGES.len() {
        names[at] = [Key("subdivisions"), Index(0), Key("names"), Key(LANGUAGES[at])];
        at += 1;
    }
    names
}
