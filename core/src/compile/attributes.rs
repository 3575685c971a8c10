//! One tenant's attributes and segments become rows.
//!
//! Owns what expressions of the tenant mean by names; the regular expressions they search for join
//! those of conditions.

use std::collections::BTreeMap;

use super::{CompileError, row};
use crate::{
    expr::{self, Names as _, Problem, Scope, Segment, Size},
    policy::{
        Attribute, AttributeType, Bundle, CLIENT_IP, DEVICE_ID, GEO_LATITUDE, GEO_LONGITUDE,
        GrpcPart, RequestPart, Source, USER_ID,
    },
    table::{
        AttributeKind, AttributeRow, ExpressionRow, NONE, NodeRow, PartRow, PositionRow, RuleTable,
        SegmentRow, SourceRow,
    },
};

/// What the names in one tenant's expressions mean, kept for bundles that mean the same by them.
#[derive(Clone, Debug, Default)]
pub(super) struct KeptNames {
    attributes: Vec<(String, (u32, expr::Type))>,
    segments: Vec<(String, Segment)>,
}

impl KeptNames {
    pub(super) fn of(scope: &Scope<'_>) -> Self {
        let attributes = scope.known_attributes();
        let segments = scope.known_segments();
        Self {
            attributes: attributes.map(|(name, meaning)| (name.to_owned(), meaning)).collect(),
            segments: segments.map(|(name, segment)| (name.to_owned(), segment)).collect(),
        }
    }

    /// Returns their meaning; of attributes alone when `segments` says so.
    pub(super) fn scope(&self, segments: bool) -> Scope<'_> {
        let mut scope = Scope::default();
        for (name, (row, kind)) in &self.attributes {
            scope.add_attribute(name, *row, *kind);
        }
        for (name, segment) in self.segments.iter().filter(|_| segments) {
            scope.add_segment(name, *segment);
        }
        scope
    }
}

/// Adds the attributes and the segments of `bundle` to `table`; returns what its names mean.
pub(super) fn add_names<'a>(
    table: &mut RuleTable,
    bundle: &'a Bundle,
) -> Result<Scope<'a>, CompileError> {
    let mut scope = Scope::default();
    let client_ip = SourceRow { part: PartRow::ClientIp, trusted: false };
    scope.add_attribute(CLIENT_IP, row(table.attributes.len())?, expr::Type::String);
    table.attributes.push(AttributeRow {
        name: CLIENT_IP.to_owned(),
        kind: AttributeKind::String,
        sources: vec![client_ip],
        default: None,
    });
    let first = table.attributes.len();
    let named = |wanted| {
        let place = bundle.attributes.keys().position(|name| name == wanted);
        place.map_or(Ok(NONE), |place| row(first + place))
    };
    let known = Known {
        id: named(USER_ID)?,
        position: PositionRow { latitude: named(GEO_LATITUDE)?, longitude: named(GEO_LONGITUDE)? },
    };
    for (name, attribute) in &bundle.attributes {
        let at = row(table.attributes.len())?;
        let kind = attribute.kind.in_expressions();
        for name in [Some(name), attribute.alias.as_ref()].into_iter().flatten() {
            scope.add_attribute(name, at, kind);
        }
        table.attributes.push(attribute_row(name, attribute, &known));
    }
    if has_device_ids(bundle) {
        scope.add_attribute(DEVICE_ID, row(table.attributes.len())?, expr::Type::String);
        let source = SourceRow { part: PartRow::DeviceId, trusted: false };
        table.attributes.push(AttributeRow {
            name: DEVICE_ID.to_owned(),
            kind: AttributeKind::String,
            sources: vec![source],
            default: None,
        });
    }
    scope.regexes = std::mem::take(&mut table.regexes);
    let segments = segment_rows(bundle, table.segments.len(), &mut scope)?;
    table.segments.extend(segments);
    Ok(scope)
}

/// Returns whether releases of `bundle` have buckets for the ids that gateways give devices.
pub(super) fn has_device_ids(bundle: &Bundle) -> bool {
    let mut units = bundle.releases.values().flat_map(|release| &release.unit);
    !bundle.attributes.contains_key(DEVICE_ID) && units.any(|unit| unit == DEVICE_ID)
}

/// Compiles an expression of `tenant` at `path` of its bundle.
pub(super) fn expression_row(
    text: &str,
    scope: &mut Scope<'_>,
    place: impl FnOnce() -> (String, String),
) -> Result<(ExpressionRow, expr::Size), CompileError> {
    expr::compile(text, scope).map_err(|problems| {
        let (tenant, path) = place();
        let message = problems.first().map(Problem::to_string).unwrap_or_default();
        CompileError::Expression { tenant, path, message }
    })
}

/// Returns the segments of `bundle`, each behind those it names, when the first of them is row `first`; adds them to
/// `scope`.
pub(super) fn segment_rows<'a>(
    bundle: &'a Bundle,
    first: usize,
    scope: &mut Scope<'a>,
) -> Result<Vec<SegmentRow>, CompileError> {
    let tenant = &bundle.metadata.tenant;
    let written = bundle.segments.iter();
    let texts: BTreeMap<&str, &str> = written
        .filter_map(|(name, segment)| Some((name.as_str(), segment.when.as_deref()?)))
        .collect();
    let ordered = expr::order(&texts).map_err(|circle| CompileError::Expression {
        tenant: tenant.clone(),
        path: "segments".to_owned(),
        message: format!("{} name each other", circle.join(", ")),
    })?;
    let mut rows = Vec::with_capacity(bundle.segments.len());
    for (name, segment) in &bundle.segments {
        let Some(list) = &segment.members else { continue };
        let when = members_row(list, attribute(scope, USER_ID).unwrap_or(NONE));
        scope.add_segment(name, Segment { row: row(first + rows.len())?, size: Size::ONE });
        rows.push(SegmentRow { tenant: tenant.clone(), name: name.clone(), when });
    }
    for name in ordered {
        let place = || (tenant.clone(), format!("segments.{name}.when"));
        let (when, size) = expression_row(texts[name], scope, place)?;
        scope.add_segment(name, Segment { row: row(first + rows.len())?, size });
        let (tenant, name) = (tenant.clone(), name.to_owned());
        rows.push(SegmentRow { tenant, name, when });
    }
    Ok(rows)
}

/// Returns what holds for those whose id, the attribute in row `id`, is on a list.
fn members_row(list: &str, id: u32) -> ExpressionRow {
    let node = NodeRow::Member { id, list: list.to_owned() };
    ExpressionRow { text: format!("members: {list}"), nodes: vec![node] }
}

/// Returns the row of an attribute by its name.
pub(super) fn attribute(scope: &Scope<'_>, name: &str) -> Option<u32> {
    scope.attribute(name).map(|(row, _)| row)
}

/// Rows of attributes by which others are looked up, or [`NONE`].
struct Known {
    /// Whose tags are read.
    id: u32,
    /// What says where the caller is.
    position: PositionRow,
}

fn attribute_row(name: &str, attribute: &Attribute, known: &Known) -> AttributeRow {
    let kind = match attribute.kind {
        AttributeType::String => AttributeKind::String,
        AttributeType::Int => AttributeKind::Int,
        AttributeType::Double => AttributeKind::Double,
        AttributeType::Bool => AttributeKind::Bool,
    };
    let sources = attribute.from.iter().filter_map(|source| {
        Some(SourceRow { part: part_row(source, known)?, trusted: source.trusted })
    });
    let default = attribute.default.as_ref().map(ToString::to_string);
    AttributeRow { name: name.to_owned(), kind, sources: sources.collect(), default }
}

fn part_row(source: &Source, known: &Known) -> Option<PartRow> {
    let header = source.header.as_ref().map(|name| PartRow::Header(name.to_ascii_lowercase()));
    let cookie = if source.signed { PartRow::SignedCookie } else { PartRow::Cookie };
    let cookie = source.cookie.clone().map(cookie);
    let query = source.query.clone().map(PartRow::Query);
    let segment = source.path_segment.map(PartRow::PathSegment);
    let request = source.request.map(|part| match part {
        RequestPart::Method => PartRow::Method,
        RequestPart::Host => PartRow::Host,
        RequestPart::Path => PartRow::Path,
        RequestPart::Scheme => PartRow::Scheme,
        RequestPart::Protocol => PartRow::Protocol,
    });
    let grpc = source.grpc.map(|part| match part {
        GrpcPart::Service => PartRow::GrpcService,
        GrpcPart::Method => PartRow::GrpcMethod,
    });
    let client = source.client.map(|_| PartRow::ClientIp);
    let tag = source.tags.clone().map(|name| PartRow::Tag { id: known.id, name });
    let lang = source.lang.unwrap_or_default().code();
    let geo = source.geoip.map(|field| PartRow::Geo { field: field.code(), lang });
    let geohash = source.geohash.and_then(|precision| {
        let precision = u8::try_from(precision).ok()?;
        Some(PartRow::Geohash { position: known.position, precision })
    });
    let device = source.device.map(PartRow::Device);
    let issuer = source.issuer.clone();
    let claim = source.jwt.clone().map(|name| PartRow::Claim { name, issuer });
    let sent = header.or(cookie).or(query).or(segment).or(request).or(grpc);
    sent.or(client).or(tag).or(geo).or(geohash).or(device).or(claim)
}
