//! Which peers are believed, and the address of the caller behind them.
//!
//! Owns `--trusted` (POLICY "Trust"). Invariants: deny by default; an address that an untrusted peer
//! claims is never used; v4-mapped addresses count as their IPv4 address.

use std::{fmt, net::IpAddr, str::FromStr};

use thiserror::Error;

/// A range of addresses.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cidr {
    address: IpAddr,
    prefix: u8,
}

/// Why text is no range of addresses.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
#[error("expected an address range such as 10.0.0.0/8 or fd00::/8, got {0:?}")]
pub struct CidrError(String);

impl Cidr {
    /// Returns the range of the addresses that share their first `prefix` bits with `address`.
    #[must_use]
    pub fn new(address: IpAddr, prefix: u8) -> Self {
        Self { address, prefix }
    }

    /// Returns the address.
    #[must_use]
    pub fn address(&self) -> IpAddr {
        self.address
    }

    /// Returns the number of bits that count.
    #[must_use]
    pub fn prefix(&self) -> u8 {
        self.prefix
    }

    /// Returns whether `address` lies inside.
    #[must_use]
    pub fn contains(&self, address: IpAddr) -> bool {
        match (self.address, address.to_canonical()) {
            (IpAddr::V4(own), IpAddr::V4(other)) => {
                let differing = u32::from(own) ^ u32::from(other);
                differing.leading_zeros() >= u32::from(self.prefix)
            }
            (IpAddr::V6(own), IpAddr::V6(other)) => {
                let differing = u128::from(own) ^ u128::from(other);
                differing.leading_zeros() >= u32::from(self.prefix)
            }
            _ => false,
        }
    }
}

impl fmt::Display for Cidr {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}/{}", self.address, self.prefix)
    }
}

impl FromStr for Cidr {
    type Err = CidrError;

    fn from_str(text: &str) -> Result<Self, CidrError> {
        let error = || CidrError(text.to_owned());
        let (address, prefix) =
            text.split_once('/').map_or((text, None), |(address, prefix)| (address, Some(prefix)));
        let address: IpAddr = address.parse().map_err(|_| error())?;
        let bits = if address.is_ipv4() { 32 } else { 128 };
        let prefix = match prefix {
            None => bits,
            Some(prefix) => {
                prefix.parse::<u8>().ok().filter(|prefix| *prefix <= bits).ok_or_else(error)?
            }
        };
        Ok(Self { address, prefix })
    }
}

/// The peers that are believed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Trusted {
    ranges: Vec<Cidr>,
    unix: bool,
}

impl Default for Trusted {
    /// Loopback and Unix peers: whoever runs on this host.
    fn default() -> Self {
        let loopback = [IpAddr::from([127, 0, 0, 0]), IpAddr::from(std::net::Ipv6Addr::LOCALHOST)];
        let ranges = loopback
            .map(|address| Cidr { address, prefix: if address.is_ipv4() { 8 } else { 128 } });
        Self { ranges: ranges.to_vec(), unix: true }
    }
}

impl Trusted {
    /// Parses the values of `--trusted`: ranges, or `none`; without any, the default.
    ///
    /// # Errors
    /// [`CidrError`] for the first value that is neither.
    pub fn parse(values: &[String]) -> Result<Self, CidrError> {
        match values {
            [] => Ok(Self::default()),
            [none] if none == "none" => Ok(Self { ranges: Vec::new(), unix: false }),
            values => {
                let ranges = values.iter().map(|value| value.parse()).collect::<Result<_, _>>()?;
                Ok(Self { ranges, unix: true })
            }
        }
    }

    /// Returns whether a peer at `address` is believed; no address is a Unix peer.
    #[must_use]
    pub fn contains(&self, address: Option<IpAddr>) -> bool {
        address.map_or(self.unix, |address| self.ranges.iter().any(|range| range.contains(address)))
    }

    /// Returns the caller's address: of `forwarded` (X-Forwarded-For fields in order) the last
    /// address that is not itself trusted; the first when all are; `peer` when there is none.
    ///
    /// To be asked for trusted peers only. An entry that is no address ends the search: what lies
    /// before it was written by who knows whom.
    #[must_use]
    pub fn client_ip<'a>(
        &self,
        peer: IpAddr,
        forwarded: impl DoubleEndedIterator<Item = &'a [u8]>,
    ) -> IpAddr {
        let mut client = peer;
        for entry in forwarded.rev().flat_map(|field| field.rsplit(|byte| *byte == b',')) {
            let Some(address) = parse_entry(entry) else { break };
            client = address.to_canonical();
            if !self.contains(Some(client)) {
                break;
            }
        }
        client
    }
}

/// Parses `ip`, `ip:port`, `[ip6]` or `[ip6]:port`.
fn parse_entry(entry: &[u8]) -> Option<IpAddr> {
    let text = std::str::from_utf8(entry).ok()?.trim();
    if let Ok(address) = text.parse() {
        return Some(address);
    }
    if let Ok(socket) = text.parse::<std::net::SocketAddr>() {
        return Some(socket.ip());
    }
    text.strip_prefix('[')?.strip_suffix(']')?.parse().ok()
}

#[cfg(test)]
mod tests;
