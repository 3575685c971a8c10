//! The OpenAPI document: what the API says of itself, at `/openapi.json`.
//!
//! Owns the list of operations; the shapes they speak of are in `schemas`. Kept by hand: a golden file
//! shows every change of it, and a test calls every operation it names.

mod schemas;

use axum::Json;
use halftone_core::telemetry::page::MEDIA_TYPE;
use serde_json::{Value, json};

/// One operation, as its description grows.
struct Operation {
    path: &'static str,
    method: &'static str,
    described: Value,
}

/// Shows the document.
pub(crate) async fn show() -> Json<Value> {
    Json(document())
}

/// Returns the document; equal for equal builds.
fn document() -> Value {
    let mut paths = json!({});
    for operation in all() {
        paths[operation.path][operation.method] = operation.described;
    }
    json!({
        "openapi": "3.1.0",
        "info": {
            "title": "Halftone control plane",
            "version": env!("CARGO_PKG_VERSION"),
            "license": { "name": "Apache-2.0", "identifier": "Apache-2.0" },
            "description": "Registry, bundles and their history. It listens on loopback addresses \
                only while it has no authentication. A change is answered when it is durable; \
                `Halftone-Applied` then says whether every connected gateway serves it.",
        },
        "paths": paths,
        "components": { "schemas": schemas::all() },
    })
}

fn all() -> impl Iterator<Item = Operation> {
    let all = [instances(), tenants(), objects(), tags(), lists(), others()].into_iter().flatten();
    all.map(|one| if one.is_change() { one.refuses(&[500, 507]) } else { one })
}

fn objects() -> Vec<Operation> {
    let one = "/v1/tenants/{tenant}/bundle/{collection}/{name}";
    vec![
        operation("get", one, "showObject", "Shows an object of the bundle in its canonical form")
            .conditional()
            .answers(200, "Object")
            .answers(304, "")
            .refuses(&[400, 404, 412]),
        operation("put", one, "putObject", "Puts an object into the bundle, new or another one")
            .query("dryRun", "`true`: checks everything and stores nothing")
            .query("strict", "`true`: refuses what would be a warning")
            .conditional()
            .takes(&["application/yaml", "application/json"], "Object")
            .answers(200, "Stored")
            .refuses(&[400, 404, 408, 409, 412, 413, 415, 422]),
        operation("delete", one, "deleteObject", "Takes an object out of the bundle")
            .query("dryRun", "`true`: checks everything and stores nothing")
            .query("strict", "`true`: refuses what would be a warning")
            .conditional()
            .answers(200, "Stored")
            .refuses(&[400, 404, 409, 412, 422]),
    ]
}

fn instances() -> Vec<Operation> {
    let one = "/v1/instances/{id}";
    vec![
        operation("get", "/v1/instances", "listInstances", "Lists the registered instances")
            .query("service", "Only those of this service")
            .answers(200, "[Instance]")
            .refuses(&[400]),
        operation(
            "post",
            "/v1/instances",
            "registerInstance",
            "Registers an instance, or renews it",
        )
        .takes(&["application/json"], "Registration")
        .answers(200, "Instance")
        .answers(201, "Instance")
        .refuses(&[400, 408, 409, 413, 422]),
        operation("get", one, "showInstance", "Shows an instance")
            .answers(200, "Instance")
            .refuses(&[400, 404]),
        operation("delete", one, "deregisterInstance", "Forgets an instance")
            .answers(204, "")
            .refuses(&[400, 404]),
        operation(
            "put",
            "/v1/instances/{id}/heartbeat",
            "renewInstance",
            "Renews its time to live",
        )
        .answers(200, "Instance")
        .refuses(&[400, 404]),
        operation("post", "/v1/instances/{id}:drain", "drainInstance", "Sends it no new request")
            .answers(200, "Instance")
            .refuses(&[400, 404]),
        operation(
            "post",
            "/v1/instances/{id}:undrain",
            "undrainInstance",
            "Sends it requests again",
        )
        .answers(200, "Instance")
        .refuses(&[400, 404]),
    ]
}

fn tenants() -> Vec<Operation> {
    let bundle = "/v1/tenants/{tenant}/bundle";
    let revisions = "/v1/tenants/{tenant}/revisions";
    vec![
        operation("get", "/v1/tenants", "listTenants", "Lists tenants with a bundle, oldest first")
            .answers(200, "[Tenant]"),
        operation(
            "get",
            bundle,
            "showBundle",
            "Shows the canonical bundle; its digest is the ETag",
        )
        .conditional()
        .answers(200, "Bundle")
        .answers(304, "")
        .refuses(&[400, 404, 412]),
        operation("put", bundle, "putBundle", "Replaces the bundle wholly, or not at all")
            .query("dryRun", "`true`: checks everything and stores nothing")
            .query("strict", "`true`: refuses what would be a warning")
            .conditional()
            .takes(&["application/yaml", "application/json"], "Bundle")
            .answers(200, "Stored")
            .refuses(&[400, 408, 409, 412, 413, 415, 422]),
        operation("delete", bundle, "deleteBundle", "Forgets the bundle, not its history")
            .conditional()
            .answers(204, "")
            .refuses(&[400, 404, 409, 412]),
        operation("get", revisions, "listRevisions", "Lists the kept revisions, newest first")
            .answers(200, "[Revision]")
            .refuses(&[400, 404]),
        operation(
            "get",
            "/v1/tenants/{tenant}/revisions/{revision}",
            "showRevision",
            "Shows a revision with its bundle",
        )
        .answers(200, "Revision")
        .refuses(&[400, 404]),
        operation(
            "post",
            "/v1/tenants/{tenant}:rollback",
            "rollback",
            "Stores an earlier bundle as a new revision",
        )
        .conditional()
        .takes(&["application/json"], "Rollback")
        .answers(200, "Stored")
        .refuses(&[400, 404, 408, 409, 412, 413, 422]),
        operation(
            "get",
            "/v1/tenants/{tenant}/releases/{release}",
            "showRelease",
            "Shows every split of a release with its weights and who met what",
        )
        .answers(200, "Release")
        .refuses(&[400, 404]),
        operation(
            "post",
            "/v1/tenants/{tenant}/releases/{release}:setWeight",
            "setWeight",
            "Moves the canary's weight in scheduled splits",
        )
        .takes(&["application/json"], "SetWeight")
        .answers(200, "Applied")
        .refuses(&[400, 404, 408, 409, 413, 422]),
    ]
}

fn tags() -> Vec<Operation> {
    let one = "/v1/tenants/{tenant}/tags/{id}";
    let all = "/v1/tenants/{tenant}/tags";
    let load = "/v1/tenants/{tenant}/tags:load";
    vec![
        operation("get", all, "summariseTags", "Tells how many ids have tags")
            .answers(200, "TagSummary")
            .refuses(&[400, 500]),
        operation("post", load, "loadTags", "Loads rows as they come; each replaces its id's tags")
            .takes_text(&["application/x-ndjson", "text/csv"])
            .answers(200, "TagLoad")
            .refuses(&[400, 408, 409, 415, 500]),
        operation("get", one, "showTags", "Shows the tags of an id")
            .answers(200, "TaggedId")
            .refuses(&[400, 404, 422, 500]),
        operation("put", one, "putTags", "Replaces the tags of an id; none forgets it")
            .takes(&["application/json"], "Tags")
            .answers(200, "TaggedId")
            .refuses(&[400, 408, 409, 413, 422, 500]),
        operation("delete", one, "deleteTags", "Forgets the tags of an id")
            .answers(204, "")
            .refuses(&[400, 404, 422, 500]),
    ]
}

fn lists() -> Vec<Operation> {
    let one = "/v1/tenants/{tenant}/segments/{list}";
    vec![
        operation("get", "/v1/tenants/{tenant}/segments", "listLists", "Lists the lists of ids")
            .answers(200, "[IdList]")
            .refuses(&[400]),
        operation("get", one, "showList", "Shows how many ids a list has")
            .answers(200, "IdList")
            .refuses(&[400, 404]),
        operation("put", one, "putList", "Replaces a list of ids wholly, or not at all")
            .takes_text(&["text/plain", "text/csv", "application/x-ndjson"])
            .answers(200, "LoadedIdList")
            .refuses(&[400, 408, 409, 413, 415, 422, 500]),
        operation("delete", one, "deleteList", "Forgets a list of ids")
            .answers(204, "")
            .refuses(&[400, 404, 500]),
    ]
}

fn others() -> Vec<Operation> {
    vec![
        operation("get", "/v1/sources", "listSources", "Lists the files that own tenants")
            .answers(200, "[Source]"),
        operation("get", "/v1/gateways", "listGateways", "Lists gateways and what they serve")
            .query("histograms", "`true`: with the distributions behind the quantiles")
            .answers(200, "[Gateway]")
            .refuses(&[400]),
        operation("get", "/v1/geo", "listRegions", "Lists the sources of region databases")
            .answers(200, "[Region]"),
        operation("get", "/v1/issuers", "listIssuers", "Lists whose tokens are believed")
            .answers(200, "[Issuer]"),
        operation("post", "/v1/explain", "explain", "Explains what a worker decides for a request")
            .takes(&["application/json"], "ExplainRequest")
            .answers(200, "Explained")
            .refuses(&[400, 408, 413, 422, 503]),
        operation("get", "/healthz", "health", "Tells that the API answers, and what is wrong")
            .answers(200, "Health"),
        operation("get", "/readyz", "ready", "Tells whether changes can be kept")
            .answers(200, "Health")
            .refuses(&[503]),
        operation("get", "/metrics", "metrics", "Shows what is counted, as Prometheus reads it")
            .answers_text(200),
        operation("get", "/openapi.json", "describe", "Shows this document")
            .answers(200, "Document"),
    ]
}

fn operation(
    method: &'static str,
    path: &'static str,
    id: &'static str,
    summary: &'static str,
) -> Operation {
    let mut described =
        json!({ "operationId": id, "summary": summary, "parameters": [], "responses": {} });
    for part in path.split('{').skip(1) {
        let name = part.split('}').next().unwrap_or_default();
        let kind = if name == "revision" { "integer" } else { "string" };
        let parameter =
            json!({ "in": "path", "name": name, "required": true, "schema": { "type": kind } });
        push(&mut described["parameters"], parameter);
    }
    Operation { path, method, described }.refuses(&[403])
}

impl Operation {
    /// Returns whether it has something stored.
    fn is_change(&self) -> bool {
        self.method != "get" && self.path != "/v1/explain" && !self.path.ends_with("/heartbeat")
    }

    fn parameter(mut self, place: &str, name: &str, what: &str, kind: &str) -> Self {
        let schema = json!({ "type": kind });
        let parameter = json!({ "in": place, "name": name, "description": what, "schema": schema });
        push(&mut self.described["parameters"], parameter);
        self
    }

    fn query(self, name: &str, what: &str) -> Self {
        let kind = if what.starts_with("`true`") { "boolean" } else { "string" };
        self.parameter("query", name, what, kind)
    }

    /// Adds the fields of RFC 9110 §13.1.
    fn conditional(self) -> Self {
        let matches = "Only when the current bundle has one of these digests";
        let none = "Only when it has none of these; `*`: only when there is no bundle";
        self.parameter("header", "If-Match", matches, "string").parameter(
            "header",
            "If-None-Match",
            none,
            "string",
        )
    }

    fn takes(mut self, media_types: &[&str], schema: &str) -> Self {
        let mut content = json!({});
        for media_type in media_types {
            content[*media_type] = json!({ "schema": reference(schema) });
        }
        self.described["requestBody"] = json!({ "required": true, "content": content });
        self
    }

    /// Takes lines of text.
    fn takes_text(mut self, media_types: &[&str]) -> Self {
        let mut content = json!({});
        for media_type in media_types {
            content[*media_type] = json!({ "schema": { "type": "string" } });
        }
        self.described["requestBody"] = json!({ "required": true, "content": content });
        self
    }

    /// Adds an answer; a schema in brackets is a list of it, none is no body.
    fn answers(mut self, status: u16, schema: &str) -> Self {
        let mut answer = json!({ "description": meaning(status) });
        if !schema.is_empty() {
            answer["content"] = json!({ "application/json": { "schema": reference(schema) } });
        }
        self.described["responses"][status.to_string()] = answer;
        self
    }

    /// Adds an answer that is a page of metrics.
    fn answers_text(mut self, status: u16) -> Self {
        let mut content = json!({});
        content[MEDIA_TYPE] = json!({ "schema": { "type": "string" } });
        self.described["responses"][status.to_string()] =
            json!({ "description": meaning(status), "content": content });
        self
    }

    fn refuses(mut self, statuses: &[u16]) -> Self {
        for status in statuses {
            let content = json!({ "application/problem+json": { "schema": reference("Problem") } });
            self.described["responses"][status.to_string()] =
                json!({ "description": meaning(*status), "content": content });
        }
        self
    }
}

fn push(list: &mut Value, item: Value) {
    if let Some(list) = list.as_array_mut() {
        list.push(item);
    }
}

fn reference(schema: &str) -> Value {
    match schema.strip_prefix('[').and_then(|schema| schema.strip_suffix(']')) {
        Some(item) => json!({ "type": "array", "items": reference(item) }),
        None => json!({ "$ref": format!("#/components/schemas/{schema}") }),
    }
}

fn meaning(status: u16) -> &'static str {
    match status {
        200 => "Done",
        201 => "Created",
        204 => "Gone",
        304 => "The caller has it",
        400 => "The request cannot be read",
        403 => "Asked by a page of another origin",
        404 => "Not there",
        408 => "The body did not arrive in time",
        409 => "Another tenant, a file that owns it, or a bound is in the way",
        412 => "The condition does not hold",
        413 => "The body is too large",
        415 => "The body's media type is not read",
        422 => "The body says what cannot be meant; every problem is listed",
        500 => "The store fails: nothing was changed, or, as the type says, nobody knows",
        503 => "No gateway is connected, or changes cannot be kept",
        507 => "The disk of the control plane is full: nothing was changed, or nobody knows",
        _ => "Other",
    }
}
