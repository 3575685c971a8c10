//! Region databases: files in MaxMind's format that somebody hands over.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use halftone_core::signal::geo::{Database, GeoField, GeoLang, difference::difference};
use halftone_mmdb::shared::{BUILT_UNIX_S, PLACES, asn, city};

/// Reads a database, and everything of a few addresses.
pub(crate) fn read(bytes: &[u8]) {
    let Ok(database) = Database::open(bytes.to_vec()) else { return };
    let known = PLACES.iter().filter_map(|place| place.address.parse().ok());
    let edges = [IpAddr::from(Ipv4Addr::UNSPECIFIED), IpAddr::from(Ipv6Addr::from([255; 16]))];
    for address in known.chain(edges) {
        for field in GeoField::ALL {
            let _ = database.field(address, field, GeoLang::ZhCn);
        }
        let _ = database.position(address);
    }
    let _ = difference(Some(&database), &database);
}

/// One database of places, and one of networks.
pub(crate) fn seeds() -> Vec<Vec<u8>> {
    vec![city(BUILT_UNIX_S).finish(), asn(BUILT_UNIX_S).finish()]
}
