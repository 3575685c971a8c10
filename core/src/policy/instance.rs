//! Instances: what a service registers, and the address forms of POLICY.
//!
//! Owns the registration's shape and checks. Does not resolve names: the control plane does.

mod ttl;

use std::{collections::BTreeMap, fmt, net::SocketAddr};

use serde::{Deserialize, Deserializer, Serialize, de};
use thiserror::Error;

pub use ttl::{Ttl, TtlError};

use crate::limits::{LABELS_MAX, NAME_BYTES_MAX, WEIGHT_MAX};

/// The value of a label: text, a whole number or a truth value.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(untagged)]
pub enum Label {
    /// A truth value.
    Bool(bool),
    /// A whole number.
    Int(i64),
    /// Text.
    Text(String),
}

impl fmt::Display for Label {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Bool(value) => value.fmt(f),
            Self::Int(value) => value.fmt(f),
            Self::Text(value) => value.fmt(f),
        }
    }
}

impl<'de> Deserialize<'de> for Label {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Visitor;
        impl de::Visitor<'_> for Visitor {
            type Value = Label;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a label: text, a whole number, true or false")
            }

            fn visit_bool<E: de::Error>(self, value: bool) -> Result<Label, E> {
                Ok(Label::Bool(value))
            }

            fn visit_i64<E: de::Error>(self, value: i64) -> Result<Label, E> {
                Ok(Label::Int(value))
            }

            fn visit_u64<E: de::Error>(self, value: u64) -> Result<Label, E> {
                let number = i64::try_from(value);
                number
                    .map(Label::Int)
                    .map_err(|_| E::invalid_value(de::Unexpected::Unsigned(value), &self))
            }

            fn visit_str<E: de::Error>(self, value: &str) -> Result<Label, E> {
                Ok(Label::Text(value.to_owned()))
            }
        }
        deserializer.deserialize_any(Visitor)
    }
}

/// The body of `POST /v1/instances`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Registration {
    /// What the instance registers under.
    pub service: String,
    /// Where it listens: `ip:port`, `name:port` or `unix:/path`.
    pub addr: String,
    /// Labels: `version`, `group`, `weight`, `zone` and any other.
    #[serde(default)]
    pub metadata: BTreeMap<String, Label>,
    /// How long it stays without a heartbeat, such as `30s`; without it, it stays.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ttl: Option<String>,
}

/// A registered instance, checked.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Instance {
    /// What it registered under.
    pub service: String,
    /// Where it listens.
    pub addr: String,
    /// Every label it came with.
    pub metadata: BTreeMap<String, Label>,
}

/// Why a registration was refused.
#[derive(Debug, Error, PartialEq, Eq)]
pub enum InstanceError {
    /// The service name is empty, too long or has characters beyond `A-Za-z0-9._-`.
    #[error(
        "service: expected 1 to {NAME_BYTES_MAX} of letters, digits, '.', '_' and '-', got {0:?}"
    )]
    Service(String),
    /// The address has none of the known forms.
    #[error("addr: expected \"ip:port\", \"name:port\" or \"unix:/path\", got {0:?}")]
    Address(String),
    /// The weight is not a whole number within bounds.
    #[error("metadata.weight: expected a whole number from 0 to {WEIGHT_MAX}, got {0}")]
    Weight(String),
    /// The group cannot be a variant's name.
    #[error(
        "metadata.group: expected 1 to {NAME_BYTES_MAX} of letters, digits, '.', '_' and '-', got {0:?}"
    )]
    Group(String),
    /// Too many labels.
    #[error("metadata: at most {LABELS_MAX} labels, got {0}")]
    Labels(usize),
    /// A label's name or value is too long.
    #[error("metadata.{0}: names and values have at most {NAME_BYTES_MAX} bytes")]
    Label(String),
    /// The time to live has not its form, or is out of bounds.
    #[error("ttl: {0}")]
    Ttl(#[from] TtlError),
}

impl Registration {
    /// Checks a registration; returns the instance, and how long it stays when it falls silent.
    ///
    /// # Errors
    /// Every [`InstanceError`] found.
    pub fn check(self) -> Result<(Instance, Option<Ttl>), Vec<InstanceError>> {
        let Self { service, addr, metadata, ttl } = self;
        let mut errors = Vec::new();
        if !is_name(&service) {
            errors.push(InstanceError::Service(service.clone()));
        }
        if Address::parse(&addr).is_none() {
            errors.push(InstanceError::Address(addr.clone()));
        }
        match metadata.get("weight") {
            None => {}
            Some(Label::Int(weight)) if (0..=i64::from(WEIGHT_MAX)).contains(weight) => {}
            Some(Label::Text(text)) if text.parse::<i64>().is_ok() => {
                errors.push(InstanceError::Weight(format!("{text:?}: it is text in quotes")));
            }
            Some(Label::Text(text)) => errors.push(InstanceError::Weight(format!("{text:?}"))),
            Some(other) => errors.push(InstanceError::Weight(other.to_string())),
        }
        if let Some(group) =
            metadata.get(super::GROUP).map(Label::to_string).filter(|group| !is_name(group))
        {
            errors.push(InstanceError::Group(group));
        }
        if metadata.len() > LABELS_MAX {
            errors.push(InstanceError::Labels(metadata.len()));
        }
        for (name, value) in &metadata {
            if name.is_empty()
                || name.len() > NAME_BYTES_MAX
                || value.to_string().len() > NAME_BYTES_MAX
            {
                errors.push(InstanceError::Label(name.chars().take(64).collect()));
            }
        }
        let ttl = ttl.map(|text| text.parse::<Ttl>()).transpose();
        match ttl {
            Ok(ttl) if errors.is_empty() => Ok((Instance { service, addr, metadata }, ttl)),
            Ok(_) => Err(errors),
            Err(error) => {
                errors.push(error.into());
                Err(errors)
            }
        }
    }
}

impl Instance {
    /// Checks a registration, leaving its time to live.
    ///
    /// # Errors
    /// Every [`InstanceError`] found.
    pub fn check(registration: Registration) -> Result<Self, Vec<InstanceError>> {
        registration.check().map(|(instance, _)| instance)
    }

    /// Returns the identity of the instance: registering it again replaces it.
    #[must_use]
    pub fn id(&self) -> String {
        format!("{}@{}", self.service, self.addr)
    }

    /// Returns the group: `stable` when none is given.
    #[must_use]
    pub fn group(&self) -> String {
        self.metadata.get(super::GROUP).map_or_else(|| super::STABLE.to_owned(), Label::to_string)
    }

    /// Returns its share inside its group: 1 when none is given.
    #[must_use]
    pub fn weight(&self) -> u32 {
        match self.metadata.get("weight") {
            Some(Label::Int(weight)) => u32::try_from(*weight).unwrap_or(0).min(WEIGHT_MAX),
            _ => 1,
        }
    }

    /// Returns every label with its value as text; `service` and `group` are always there.
    pub fn labels(&self) -> impl Iterator<Item = (&str, String)> {
        let own = [("service", self.service.clone()), (super::GROUP, self.group())];
        let others = self.metadata.iter().map(|(name, value)| (name.as_str(), value.to_string()));
        own.into_iter().chain(others.filter(|(name, _)| !["service", super::GROUP].contains(name)))
    }

    /// Returns whether the instance carries every label of `select`.
    #[must_use]
    pub fn is_selected(&self, select: &BTreeMap<String, Label>) -> bool {
        select.iter().all(|(name, wanted)| {
            let wanted = wanted.to_string();
            match name.as_str() {
                "service" => self.service == wanted,
                super::GROUP => self.group() == wanted,
                _ => self.metadata.get(name).is_some_and(|value| value.to_string() == wanted),
            }
        })
    }
}

/// A place a connection can be made to.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Address {
    /// A socket address.
    Socket(SocketAddr),
    /// A name to be resolved, and a port.
    Name(String, u16),
    /// The path of a Unix socket.
    Unix(String),
}

impl Address {
    /// Parses `ip:port`, `[ip6]:port`, `name:port` or `unix:/path`.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        if let Some(path) = text.strip_prefix("unix:") {
            // sun_path holds 108 bytes with its terminator (unix(7)).
            return (path.starts_with('/') && path.len() < 108 && !path.contains('\0'))
                .then(|| Self::Unix(path.to_owned()));
        }
        if let Ok(address) = text.parse::<SocketAddr>() {
            return (address.port() != 0).then_some(Self::Socket(address));
        }
        let (name, port) = text.rsplit_once(':')?;
        let port = port.parse::<u16>().ok().filter(|port| *port != 0)?;
        // A name of digits and dots alone is a mistyped address, not a name.
        let is_host =
            is_name(name) && name.bytes().any(|byte| !byte.is_ascii_digit() && byte != b'.');
        is_host.then(|| Self::Name(name.to_owned(), port))
    }

    /// Parses the value of `--upstream`: `http://host[:port]`, with no path.
    #[must_use]
    pub fn parse_url(text: &str) -> Option<Self> {
        let authority = text.strip_prefix("http://")?;
        let authority = authority.strip_suffix('/').unwrap_or(authority);
        if authority.contains(['/', '?', '#', '@']) {
            return None;
        }
        let has_port = authority.rsplit_once(':').is_some_and(|(_, port)| !port.contains(']'));
        if has_port { Self::parse(authority) } else { Self::parse(&format!("{authority}:80")) }
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Socket(address) => address.fmt(f),
            Self::Name(name, port) => write!(f, "{name}:{port}"),
            Self::Unix(path) => write!(f, "unix:{path}"),
        }
    }
}

/// Returns whether `text` can name something in a bundle, a URL path and a metric label.
#[must_use]
pub fn is_name(text: &str) -> bool {
    !text.is_empty()
        && text.len() <= NAME_BYTES_MAX
        && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"._-".contains(&byte))
}

#[cfg(test)]
mod tests;
