//! The HTTP API.
//!
//! Owns the resources, their forms and the words of refusals ([`problem`]). Does not own what a
//! change means ([`crate::state`]) or its way to gateways.
//!
//! Invariants:
//! - every error is `application/problem+json` (RFC 9457), also for unknown paths and methods;
//! - connections are bounded in number, heads and bodies in size and time, before they are looked at;
//! - a mutating call is answered only when it is durable; it then waits, for a while, for the
//!   gateways, and says whether they serve it (`applied`, `Halftone-Applied`);
//! - while there is no authentication, a page in a browser on this host cannot use the API: foreign
//!   origins and host names are refused.

mod body;
mod bundles;
mod explain;
mod gateways;
mod geo;
mod guard;
mod health;
mod instances;
mod issuers;
mod linger;
mod lists;
mod metrics;
mod objects;
mod openapi;
mod problem;
mod releases;
mod serve;
mod sources;
mod tags;
mod tenants;

use std::sync::Arc;

use axum::{
    Router,
    extract::DefaultBodyLimit,
    http::{HeaderName, HeaderValue, Method, Uri},
    middleware,
    routing::{get, post, put},
};
use halftone_core::limits::{BUNDLE_BYTES_MAX, REGISTRATION_BYTES_MAX};

use crate::{
    counts::Counts,
    files::Files,
    geo::Geo,
    issuers::Believed,
    link::Gateways,
    lists::ListStore,
    publish::Publications,
    resolve::Resolver,
    state::{Origin, State},
    tags::TagStore,
};
use problem::Problem;
pub(crate) use serve::serve;

/// Says on every answer to a change whether the gateways serve it.
const APPLIED: HeaderName = HeaderName::from_static("halftone-applied");

/// What the handlers work with.
#[derive(Clone)]
pub(crate) struct Context {
    /// What is changed and read.
    pub(crate) state: Arc<State>,
    /// What is known of users.
    pub(crate) tags: Arc<TagStore>,
    /// Who is a member of what.
    pub(crate) lists: Arc<ListStore>,
    /// Where addresses are.
    pub(crate) geo: Geo,
    /// Whose tokens are believed.
    pub(crate) issuers: Believed,
    /// The files that own tenants.
    pub(crate) files: Arc<Files>,
    /// Where names are.
    pub(crate) resolver: Arc<Resolver>,
    /// What is published.
    pub(crate) publications: Publications,
    /// Who it is published to.
    pub(crate) gateways: Gateways,
    /// What is counted.
    pub(crate) counts: Arc<Counts>,
    /// The version of the build.
    pub(crate) version: &'static str,
}

/// Returns the routes of the API.
pub(crate) fn router(context: Context) -> Router {
    let instance = get(instances::show)
        .put(instances::heartbeat)
        .post(instances::act)
        .delete(instances::deregister);
    let instances = Router::new()
        .route("/v1/instances", get(instances::list).post(instances::register))
        .route("/v1/instances/{*id}", instance)
        .layer(DefaultBodyLimit::max(REGISTRATION_BYTES_MAX));
    let bundle = get(bundles::show).merge(put(bundles::replace)).delete(bundles::delete);
    let object = get(objects::show).merge(put(objects::replace)).delete(objects::delete);
    let bundles = Router::new()
        .route("/v1/tenants/{tenant}/bundle", bundle)
        .route("/v1/tenants/{tenant}/bundle/{collection}/{name}", object)
        .layer(DefaultBodyLimit::max(BUNDLE_BYTES_MAX));
    let tenants = Router::new()
        .route("/v1/tenants", get(tenants::list))
        .route("/v1/tenants/{tenant}", post(tenants::act))
        .route("/v1/tenants/{tenant}/releases/{release}", get(releases::show).post(releases::act))
        .route("/v1/tenants/{tenant}/revisions", get(tenants::revisions))
        .route("/v1/tenants/{tenant}/revisions/{revision}", get(tenants::revision))
        .layer(DefaultBodyLimit::max(REGISTRATION_BYTES_MAX));
    let tags_of_one = get(tags::show).put(tags::replace).delete(tags::delete);
    let tags = Router::new()
        .route("/v1/tenants/{tenant}/tags", get(tags::summary))
        .route("/v1/tenants/{tenant}/tags:load", post(tags::load))
        .route("/v1/tenants/{tenant}/tags/{*id}", tags_of_one)
        .layer(DefaultBodyLimit::max(REGISTRATION_BYTES_MAX));
    let list = get(lists::show).put(lists::replace).delete(lists::delete);
    let lists = Router::new()
        .route("/v1/tenants/{tenant}/segments", get(lists::list))
        .route("/v1/tenants/{tenant}/segments/{list}", list);
    let questions = Router::new()
        .route("/v1/explain", post(explain::explain))
        .layer(DefaultBodyLimit::max(REGISTRATION_BYTES_MAX));
    Router::new()
        .merge(questions)
        .merge(instances)
        .merge(bundles)
        .merge(tenants)
        .merge(tags)
        .merge(lists)
        .route("/v1/gateways", get(gateways::list))
        .route("/v1/geo", get(geo::list))
        .route("/v1/issuers", get(issuers::list))
        .route("/v1/sources", get(sources::list))
        .route("/openapi.json", get(openapi::show))
        .route("/metrics", get(metrics::show))
        .route("/healthz", get(health::live))
        .route("/readyz", get(health::ready))
        .method_not_allowed_fallback(wrong_method)
        .fallback(unknown_path)
        .layer(middleware::from_fn(guard::same_origin))
        .with_state(context)
}

impl Context {
    /// Runs `work`, which blocks on the disk, where that holds up nobody.
    async fn blocking<T: Send + 'static>(
        &self,
        work: impl FnOnce(&State) -> T + Send + 'static,
    ) -> Result<T, Problem> {
        let state = Arc::clone(&self.state);
        tokio::task::spawn_blocking(move || work(&state)).await.map_err(|error| {
            tracing::error!(%error, "a call ended unexpectedly");
            Problem::internal("the call ended unexpectedly; see the log")
        })
    }

    /// Counts a bundle of `origin` that was refused for what it says, or for what is there.
    fn counted<T>(&self, origin: &Origin, put: Result<T, Problem>) -> Result<T, Problem> {
        put.inspect_err(|problem| {
            if problem.is_refusal() {
                self.counts.refuse(origin);
            }
        })
    }

    /// Waits, for a while, until `change` is served; says so as a header, too.
    async fn applied(&self, change: u64) -> (bool, [(HeaderName, HeaderValue); 1]) {
        let applied = self.gateways.applied(change, self.publications.clone()).await;
        let text = if applied { "true" } else { "false" };
        (applied, [(APPLIED, HeaderValue::from_static(text))])
    }
}

async fn unknown_path(uri: Uri) -> Problem {
    Problem::not_found(&format!("there is nothing at {}", uri.path()))
}

async fn wrong_method(method: Method, uri: Uri) -> Problem {
    Problem::method_not_allowed(&format!("{} cannot be used with {method}", uri.path()))
}
