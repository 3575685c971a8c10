//! Parts of a request that have a value: what attributes come from and expressions name.
//!
//! Owns the one reader of [`ArchivedPartRow`]. Invariants: a value
//! is a slice of the request unless a header is repeated; what is absent is nothing, never empty text.

use super::{
    asked::Asked,
    values::{cookie, header, query},
};
use crate::{signal::device::DeviceProperty, table::ArchivedPartRow};

/// Returns the value of a part of `request`.
pub(super) fn part<'a>(request: &Asked<'a>, part: &ArchivedPartRow) -> Option<&'a [u8]> {
    match part {
        ArchivedPartRow::ClientIp => Some(request.client_ip.as_bytes()),
        ArchivedPartRow::Header(name) => request.believed_header(name),
        ArchivedPartRow::Cookie(name) => cookie(request.headers, name),
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
        ArchivedPartRow::Device(row) => request.device(row.into()),
    }
}

/// Returns what the part is called in explanations.
pub(super) fn part_name(part: &ArchivedPartRow) -> String {
    match part {
        ArchivedPartRow::ClientIp => "client.ip".to_owned(),
        ArchivedPartRow::Header(name) => format!("header {name}"),
        ArchivedPartRow::Cookie(name) => format!("cookie {name}"),
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
        ArchivedPartRow::Device(row) => format!("device {}", DeviceProperty::from(row).as_str()),
    }
}

/// Returns a segment of a path, counted from 1.
fn segment(path: &[u8], number: u32) -> Option<&[u8]> {
    // The path starts with a slash, so what lies before it is the zeroth.
    path.split(|byte| *byte == b'/').nth(number as usize).filter(|segment| !segment.is_empty())
}

/// Returns service and method of a gRPC request (`/package.Service/Method`).
fn grpc<'a>(request: &Asked<'a>) -> Option<(&'a [u8], &'a [u8])> {
    let kind = header(request.headers, "content-type", request.arena)?;
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
