//! Parts of a request that have a value: what attributes come from and expressions name.
//!
//! Owns the one reader of [`ArchivedPartRow`]. Invariants: a value
//! is a slice of the request, or of what is known beside it, unless a header is repeated or a geohash spelled; what is absent is nothing, never empty text.

use super::{Input, asked::Asked, values::query};
use crate::{
    policy::DEVICE_ID,
    signal::{
        device::DeviceProperty,
        geo::{GeoField, GeoLang, position::geohash},
    },
    table::ArchivedPartRow,
};

/// Returns the value of a part of `request`.
pub(super) fn part<'a>(request: &Asked<'a>, part: &ArchivedPartRow) -> Option<&'a [u8]> {
    if request.witness.is_none() || is_seen(part) {
        return value(request, part);
    }
    request.seen(Input::Other(&part_name(part)), || value(request, part))
}

/// Returns whether a witness is told of the part where it is read, or needs not be: a request's record has it.
fn is_seen(part: &ArchivedPartRow) -> bool {
    match part {
        ArchivedPartRow::ClientIp
        | ArchivedPartRow::Query(_)
        | ArchivedPartRow::Method
        | ArchivedPartRow::Host
        | ArchivedPartRow::Path
        | ArchivedPartRow::PathSegment(_)
        | ArchivedPartRow::Scheme
        | ArchivedPartRow::Protocol => true,
        ArchivedPartRow::Header(_)
        | ArchivedPartRow::Cookie(_)
        | ArchivedPartRow::SignedCookie(_)
        | ArchivedPartRow::DeviceId
        | ArchivedPartRow::GrpcService
        | ArchivedPartRow::GrpcMethod
        | ArchivedPartRow::Tag { .. }
        | ArchivedPartRow::Device(_)
        | ArchivedPartRow::Geo { .. }
        | ArchivedPartRow::Claim { .. }
        | ArchivedPartRow::Geohash { .. } => true,
        // What is new here is told by its name, whoever forgets to say more.
        #[expect(unreachable_patterns, reason = "every part there is has its place above")]
        _ => false,
    }
}

fn value<'a>(request: &Asked<'a>, part: &ArchivedPartRow) -> Option<&'a [u8]> {
    match part {
        ArchivedPartRow::ClientIp => Some(request.client_ip.as_bytes()),
        ArchivedPartRow::Header(name) => request.believed_header(name),
        ArchivedPartRow::Cookie(name) => request.cookie(name),
        ArchivedPartRow::SignedCookie(name) => request.signed_cookie(name).ok().flatten(),
        ArchivedPartRow::DeviceId => request.device_id().ok().flatten(),
        ArchivedPartRow::Query(name) => query(request.query, name),
        ArchivedPartRow::Method => Some(request.method.as_bytes()),
        ArchivedPartRow::Host => Some(request.host).filter(|host| !host.is_empty()),
        ArchivedPartRow::Path => Some(request.path),
        ArchivedPartRow::PathSegment(number) => segment(request.path, number.to_native()),
        ArchivedPartRow::Scheme => Some(request.scheme.as_bytes()),
        ArchivedPartRow::Protocol => Some(request.protocol.as_bytes()),
        ArchivedPartRow::GrpcService => grpc(request).map(|(service, _)| service),
        ArchivedPartRow::GrpcMethod => grpc(request).map(|(_, method)| method),
        ArchivedPartRow::Tag { id, name } => request.tag(*id, name),
        ArchivedPartRow::Claim { name, issuer } => {
            let issuer = issuer.as_ref().map(|issuer| issuer.as_str());
            request.claim(name, issuer)
        }
        ArchivedPartRow::Geo { field, lang } => {
            let (field, lang) = geo(*field, *lang)?;
            request.geo(field, lang)
        }
        ArchivedPartRow::Geohash { position, precision } => {
            let letters = geohash(request.position(position).ok()?);
            let letters = letters.get(..usize::from(*precision))?;
            Some(request.arena.alloc_slice_copy(letters))
        }
        ArchivedPartRow::Device(row) => request.device(row.into()),
    }
}

/// Returns what the part is called in explanations.
pub(super) fn part_name(part: &ArchivedPartRow) -> String {
    match part {
        ArchivedPartRow::ClientIp => "client.ip".to_owned(),
        ArchivedPartRow::Header(name) => format!("header {name}"),
        ArchivedPartRow::Cookie(name) => format!("cookie {name}"),
        ArchivedPartRow::SignedCookie(name) => format!("signed cookie {name}"),
        ArchivedPartRow::DeviceId => DEVICE_ID.to_owned(),
        ArchivedPartRow::Query(name) => format!("query {name}"),
        ArchivedPartRow::Method => "request.method".to_owned(),
        ArchivedPartRow::Host => "request.host".to_owned(),
        ArchivedPartRow::Path => "request.path".to_owned(),
        ArchivedPartRow::PathSegment(number) => format!("path segment {number}"),
        ArchivedPartRow::Scheme => "request.scheme".to_owned(),
        ArchivedPartRow::Protocol => "request.protocol".to_owned(),
        ArchivedPartRow::GrpcService => "gRPC service".to_owned(),
        ArchivedPartRow::GrpcMethod => "gRPC method".to_owned(),
        ArchivedPartRow::Tag { name, .. } => format!("tag {name}"),
        ArchivedPartRow::Claim { name, issuer } => match issuer.as_ref() {
            Some(issuer) => format!("claim {name} of {issuer}"),
            None => format!("claim {name}"),
        },
        ArchivedPartRow::Geo { field, lang } => match geo(*field, *lang) {
            Some((field, lang)) if field.has_languages() => {
                format!("geoip {} in {}", field.as_str(), lang.as_str())
            }
            Some((field, _)) => format!("geoip {}", field.as_str()),
            None => "geoip".to_owned(),
        },
        ArchivedPartRow::Geohash { .. } => "geohash".to_owned(),
        ArchivedPartRow::Device(row) => format!("device {}", DeviceProperty::from(row).as_str()),
    }
}

/// Returns what the codes of a field and a language stand for.
fn geo(field: u8, lang: u8) -> Option<(GeoField, GeoLang)> {
    let field = GeoField::ALL.get(usize::from(field))?;
    Some((*field, *GeoLang::ALL.get(usize::from(lang))?))
}

/// Returns a segment of a path, counted from 1.
fn segment(path: &[u8], number: u32) -> Option<&[u8]> {
    // The path starts with a slash, so what lies before it is the zeroth.
    path.split(|byte| *byte == b'/').nth(number as usize).filter(|segment| !segment.is_empty())
}

/// Returns service and method of a gRPC request (`/package.Service/Method`).
fn grpc<'a>(request: &Asked<'a>) -> Option<(&'a [u8], &'a [u8])> {
    let kind = request.header("content-type")?;
    let rest = kind.strip_prefix(b"application/grpc")?;
    if !matches!(rest.first(), None | Some(b'+' | b';')) {
        return None;
    }
    let path = request.path.strip_prefix(b"/")?;
    let slash = memchr::memchr(b'/', path)?;
    let (service, method) = (&path[..slash], &path[slash + 1..]);
    let whole = !service.is_empty() && !method.is_empty() && memchr::memchr(b'/', method).is_none();
    whole.then_some((service, method))
}
