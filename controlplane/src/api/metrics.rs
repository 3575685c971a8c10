//! `/metrics`: the control plane in numbers, for Prometheus.
//!
//! Owns names and labels; the form is `halftone_core::telemetry::page`'s. What gateways count is on
//! their own pages. Invariants: names end in their unit, counters in `_total`; a bundle that is refused,
//! by whichever way it came, shows here.

use std::fmt;

use axum::{
    extract::State as Extract,
    http::{HeaderValue, header::CONTENT_TYPE},
    response::{IntoResponse as _, Response},
};
use halftone_core::telemetry::page::{MEDIA_TYPE, head, sample};

use super::Context;
use crate::{clock, counts::SOURCES};

/// Shows the page.
pub(crate) async fn show(Extract(context): Extract<Context>) -> Response {
    let mut page = String::with_capacity(4 * 1024);
    // Writing to a string cannot fail.
    let _ = write(&mut page, &context);
    ([(CONTENT_TYPE, HeaderValue::from_static(MEDIA_TYPE))], page).into_response()
}

fn write(page: &mut String, context: &Context) -> fmt::Result {
    let name = "halftone_control_build_info";
    head(page, name, "gauge", "The build of this control plane; always 1.")?;
    sample(page, name, &[("version", context.version)], 1)?;
    bundles(page, context)?;
    stores(page, context)?;
    published(page, context)?;
    let name = "halftone_tag_ids_asked_total";
    head(page, name, "counter", "Ids that gateways asked the tag store for.")?;
    sample(page, name, &[], context.tags.asked())?;
    regions(page, context)?;
    issuers(page, context)?;
    gateways(page, context)
}

fn regions(page: &mut String, context: &Context) -> fmt::Result {
    let sources = context.geo.borrow().clone();
    let name = "halftone_geo_source_refused";
    head(page, name, "gauge", "Whether what a source of regions has now is not used.")?;
    for source in sources.iter() {
        sample(page, name, &[("source", &source.source)], u8::from(source.error.is_some()))?;
    }
    let name = "halftone_geo_database_age_seconds";
    head(page, name, "gauge", "Time since a region database was built; new ones come every week.")?;
    for held in sources.iter().filter_map(|source| source.held.as_ref()) {
        let age_s = (clock::unix_ms() / 1000).saturating_sub(held.state.built_unix_s);
        sample(page, name, &[("kind", held.state.kind.as_str())], age_s)?;
    }
    Ok(())
}

fn issuers(page: &mut String, context: &Context) -> fmt::Result {
    let issuers = context.issuers.borrow().clone();
    let name = "halftone_jwks_source_refused";
    head(page, name, "gauge", "Whether what a source of an issuer's keys has now is not used.")?;
    for issuer in issuers.iter() {
        let labels = [("issuer", issuer.told.issuer.as_str())];
        sample(page, name, &labels, u8::from(issuer.error.is_some()))?;
    }
    let name = "halftone_jwks_keys";
    head(page, name, "gauge", "Keys of an issuer that verify.")?;
    for issuer in issuers.iter() {
        let labels = [("issuer", issuer.told.issuer.as_str())];
        sample(page, name, &labels, issuer.told.keys.len())?;
    }
    Ok(())
}

fn bundles(page: &mut String, context: &Context) -> fmt::Result {
    let name = "halftone_bundles_refused_total";
    head(page, name, "counter", "Bundles that were refused, by the kind of their source.")?;
    for (source, count) in SOURCES.iter().zip(context.counts.refused()) {
        sample(page, name, &[("source", source)], count)?;
    }
    let name = "halftone_source_refused";
    head(
        page,
        name,
        "gauge",
        "Whether what a file says now is refused; what it said last is kept.",
    )?;
    for (path, source) in context.files.sources() {
        let path = path.display().to_string();
        sample(page, name, &[("path", &path)], u8::from(source.error.is_some()))?;
    }
    let name = "halftone_tenant_revision";
    head(page, name, "gauge", "Revision of the bundle that a tenant has.")?;
    for tenant in context.state.tenants() {
        sample(page, name, &[("tenant", &tenant.tenant)], tenant.revision)?;
    }
    Ok(())
}

fn stores(page: &mut String, context: &Context) -> fmt::Result {
    let name = "halftone_store_failures_total";
    head(page, name, "counter", "Changes that were refused because a store could not be written.")?;
    for health in context.stores() {
        sample(page, name, &[("store", health.store())], health.failures())?;
    }
    let name = "halftone_store_failing";
    head(page, name, "gauge", "Whether a store cannot be written now.")?;
    for health in context.stores() {
        sample(page, name, &[("store", health.store())], u8::from(health.problem().is_some()))?;
    }
    Ok(())
}

fn published(page: &mut String, context: &Context) -> fmt::Result {
    let (count, is_failing) = {
        let newest = context.publications.borrow();
        (newest.count, newest.problem.is_some())
    };
    let name = "halftone_publications_total";
    head(page, name, "counter", "Tables that were made for gateways.")?;
    sample(page, name, &[], count)?;
    let name = "halftone_publication_failing";
    head(page, name, "gauge", "Whether the newest state cannot be published.")?;
    sample(page, name, &[], u8::from(is_failing))
}

fn gateways(page: &mut String, context: &Context) -> fmt::Result {
    let statuses = context.gateways.statuses();
    let sockets: Vec<String> =
        statuses.iter().map(|status| status.socket.display().to_string()).collect();
    let of_each: [(&str, &str, &str, Vec<u64>); 3] = [
        (
            "halftone_gateway_connected",
            "gauge",
            "Whether there is a connection to a gateway.",
            statuses.iter().map(|status| u64::from(status.connected)).collect(),
        ),
        (
            "halftone_gateway_rejecting",
            "gauge",
            "Whether a gateway rejects the newest tables and serves older ones.",
            statuses.iter().map(|status| u64::from(status.rejected.is_some())).collect(),
        ),
        (
            "halftone_gateway_rejections_total",
            "counter",
            "Tables that a gateway has rejected.",
            statuses.iter().map(|status| status.rejections).collect(),
        ),
    ];
    for (name, kind, help, values) in of_each {
        head(page, name, kind, help)?;
        for (socket, value) in sockets.iter().zip(values) {
            sample(page, name, &[("socket", socket)], value)?;
        }
    }
    Ok(())
}
