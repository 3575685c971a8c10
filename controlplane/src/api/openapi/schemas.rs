//! The shapes of the API, as JSON Schema.
//!
//! Owns what answers look like. What a bundle may say is POLICY's, and validated; here it is an object.

use serde_json::{Value, json};

/// Returns every shape by its name.
pub(super) fn all() -> Value {
    json!({
        "Bundle": { "type": "object", "description": "A tenant's whole policy", "properties": {
            "apiVersion": { "const": "halftone/v1" }, "kind": { "const": "Bundle" },
            "metadata": { "type": "object", "properties": { "tenant": text("Whose it is") } },
        }, "required": ["apiVersion", "kind", "metadata"] },
        "Document": { "type": "object" },
        "ExplainRequest": explain_request(),
        "Explained": explained(),
        "Gateway": gateway(),
        "Health": object(&["status"], json!({
            "status": { "enum": ["ok", "degraded"] },
            "problem": text("Why the newest state is not published, or changes cannot be kept"),
        })),
        "IdList": id_list(&[], json!({})),
        "Instance": instance(),
        "Labels": { "type": "object", "description": "Any label can be selected; `group` names the \
            variant and `weight` the share inside it when no bundle is stored",
            "additionalProperties": { "type": ["string", "integer", "boolean"] } },
        "Object": { "type": "object", "description": "One of `attributes`, `segments`, `upstreams`, \
            `releases` or `routes`, as it stands in a bundle; a route has its name in it" },
        "Problem": problem(),
        "GeoDatabase": object(&["kind", "databaseType", "builtUnixS", "bytes", "digest"], json!({
            "kind": { "enum": ["city", "country", "isp", "asn"] },
            "databaseType": text("The type in its metadata"),
            "builtUnixS": number("When it was built, in seconds since 1970"),
            "bytes": number("Its size"),
            "digest": text("The XXH3-128 of its bytes"),
        })),
        "Region": object(&["source"], json!({
            "source": text("The file or the URL"),
            "database": { "$ref": "#/components/schemas/GeoDatabase" },
            "ageSeconds": number("Time since the database was built"),
            "old": { "type": "boolean", "description": "Whether that is more than 30 days" },
            "difference": object(&["added", "removed", "changed", "same", "isPartial"], json!({
                "added": number("Networks that the one before it had not"),
                "removed": number("Networks that only the one before it had"),
                "changed": number("Networks of which something else is known"),
                "same": number("Networks that are as they were"),
                "isPartial": { "type": "boolean", "description": "Whether not all were compared" },
            })),
            "error": text("Why what the source has now is not used"),
        })),
        "Issuer": object(&["issuer", "audiences", "source", "keys", "leftOut"], json!({
            "issuer": text("What its tokens say in `iss`"),
            "audiences": { "type": "array", "items": { "type": "string" },
                "description": "Whom they have to be meant for; without any, that is not looked at" },
            "source": text("The file or the URL of its JWKS document"),
            "keys": { "type": "array", "items": object(&["material"], json!({
                "kid": text("The id of the key"),
                "alg": { "enum": ["RS256", "PS256", "ES256", "EdDSA"] },
                "material": { "type": "object", "description": "The public key" },
            })) },
            "leftOut": number("Keys of the document that are not served"),
            "error": text("Why what the source has now is not used"),
        })),
        "Registration": object(&["service", "addr"], json!({
            "service": text("What it registers under"),
            "addr": text("`ip:port`, `name:port` or `unix:/path`"),
            "metadata": labels(),
            "ttl": text("How long it stays without a heartbeat, 1s to 24h, such as `30s`, `5m`, \
                `1h`; without it, it stays"),
        })),
        "Revision": object(&["revision", "time", "source"], json!({
            "revision": number("Its number"),
            "digest": text("The digest of the bundle; absent for a deletion"),
            "deleted": { "const": true },
            "time": { "type": "string", "format": "date-time" },
            "source": text("`rest`, `file:<path>` or `rollback:<revision>`"),
            "bundle": { "$ref": "#/components/schemas/Bundle" },
        })),
        "Rollback": object(&["revision"], json!({ "revision": number("The revision to go back to") })),
        "Applied": object(&["applied"], json!({
            "applied": { "type": "boolean", "description": "Whether every connected gateway serves it" },
        })),
        "Release": object(&["tenant", "release", "disabled", "splits"], json!({
            "tenant": text("The tenant"),
            "release": text("Its release"),
            "disabled": { "type": "boolean", "description": "Whether its kill switch is pulled: whatever the splits say, everyone goes to stable" },
            "splits": { "type": "array", "items": object(&["split", "exposures"], json!({
                "split": text("`default`, a target's id, or for a cell that id, a slash and the combination"),
                "variant": text("The one variant it goes to"),
                "scheduled": { "type": "boolean", "description": "Whether `:setWeight` moves its weights" },
                "weights": { "type": "object", "additionalProperties": text("A share, such as `5%`"),
                    "description": "By variant; all of them are 100%" },
                "exposures": { "type": "object", "additionalProperties": number("Requests"),
                    "description": "By variant: requests that were sent to it for this split, since the gateways started" },
            })) },
        })),
        "SetWeight": object(&["weight"], json!({
            "weight": text("The canary's share, such as `5%`"),
            "targets": { "type": "array", "items": text("A split: `default`, a target's id, or a cell; none: all") },
        })),
        "Source": object(&["path"], json!({
            "path": text("The file"),
            "tenant": text("The tenant it owns"),
            "appliedDigest": text("The digest of what was applied last"),
            "appliedRevision": number("The revision that became"),
            "error": text("Why what it says now is not applied"),
        })),
        "Stored": object(&["digest"], json!({
            "digest": text("The digest of the bundle, also the ETag"),
            "revision": number("Its number; absent in a dry run"),
            "applied": { "type": "boolean", "description": "Whether every connected gateway serves it" },
            "dryRun": { "const": true },
            "changed": { "type": "boolean", "description": "Whether a dry run would change anything" },
            "currentDigest": text("The digest a dry run would replace"),
            "warnings": { "type": "array", "items": diagnostic(), "description":
                "What may be meant, and should be looked at; `strict` refuses it" },
        })),
        "LoadedIdList": id_list(&["warnings"], json!({ "warnings": load_warnings() })),
        "TagLoad": object(&["loaded", "refused", "errors", "revision", "ids", "warnings"], json!({
            "loaded": number("Rows that are durable now"),
            "refused": number("Lines that are not"),
            "errors": { "type": "array", "description": "Every line that was refused", "items":
                object(&["line", "message"], json!({
                    "line": number("Its number, from 1"), "message": text("What is wrong") })) },
            "endedAt": number("The line behind which nothing was read: too many were refused, or CSV \
                names no columns; else absent"),
            "revision": number("The number of the newest change"),
            "ids": number("Ids with tags there are now"),
            "warnings": load_warnings(),
        })),
        "TagSummary": object(&["tenant", "revision", "ids"], json!({
            "tenant": text("Whose they are"),
            "revision": number("The number of the newest change; 0 before the first"),
            "ids": number("How many ids have tags"),
        })),
        "TaggedId": object(&["id", "tags"], json!({
            "id": text("The id"),
            "tags": { "$ref": "#/components/schemas/Tags" },
            "revision": number("The number of the change, where it is one"),
        })),
        "Tags": { "type": "object", "description": "Values by name; numbers and truth values are kept as text",
            "additionalProperties": { "type": ["string", "integer", "boolean"] } },
        "Tenant": object(&["tenant", "revision", "digest", "disabled"], json!({
            "tenant": text("Its name"),
            "revision": number("The number of its bundle"),
            "digest": text("The digest of its bundle"),
            "disabled": { "type": "array", "items": { "type": "string" }, "description":
                "Its releases whose kill switch is pulled" },
            "time": { "type": "string", "format": "date-time" },
            "source": text("Where the bundle came from"),
            "owner": text("The file that owns the tenant"),
        })),
    })
}

fn instance() -> Value {
    object(
        &["id", "service", "addr", "metadata", "group", "weight"],
        json!({
            "id": text("`service@addr`: registering it again replaces it"),
            "service": text("What it registered under"),
            "addr": text("Where it listens"),
            "metadata": labels(),
            "group": text("`stable` when none was given"),
            "weight": number("Its share inside its group; 1 when none was given"),
            "ttl": text("How long it stays without a heartbeat"),
            "expiresInMs": number("How long it may still be silent, milliseconds"),
            "draining": { "const": true, "description": "No new request goes there" },
            "applied": { "type": "boolean", "description": "Whether every connected gateway knows" },
            "warnings": { "type": "array", "items": diagnostic(), "description":
                "Why nothing is sent there although it is registered: its name does not resolve" },
        }),
    )
}

fn diagnostic() -> Value {
    object(
        &["path", "message"],
        json!({
            "path": text("The place in the body"),
            "message": text("What was expected and what was found"),
            "file": text("The file"),
            "line": number("The line, from 1"),
            "column": number("The column, from 1"),
        }),
    )
}

fn problem() -> Value {
    let mut problem = object(
        &["type", "title", "status", "detail"],
        json!({
            "type": text("`urn:halftone:problem:` and a word for programs"),
            "title": text("The kind of problem"),
            "status": number("The status code"),
            "detail": text("What is wrong here"),
            "line": number("The line of the body, from 1"),
            "column": number("The column of the body, from 1"),
            "currentDigest": text("The digest that is current, when a condition does not hold"),
            "errors": { "type": "array", "items": diagnostic() },
        }),
    );
    problem["description"] = "RFC 9457".into();
    problem
}

fn explain_request() -> Value {
    let field = object(&["name", "value"], json!({ "name": text(""), "value": text("") }));
    object(
        &["url"],
        json!({
            "method": text("GET when not given"),
            "url": text("`http://host/path?query`, or a path with a Host among the fields"),
            "headers": { "type": "array", "items": field, "description": "The fields, in order" },
            "ip": text("The address the connection comes from; loopback when not given"),
            "trusted": { "type": "boolean", "description": "Whether that peer is believed; \
                the gateway's `--trusted` decides when not given" },
        }),
    )
}

fn explained() -> Value {
    let step = json!({ "type": "object", "required": ["step"], "properties": {
        "step": text("Which stage; the other members are what it looked at") } });
    object(
        &["worker", "rulesEpoch", "instancesEpoch", "revision", "steps"],
        json!({
            "worker": number("The worker that decided"),
            "rulesEpoch": number("The epoch of its rules"),
            "instancesEpoch": number("The epoch of its instances"),
            "revision": number("The revision of its rules"),
            "status": number("The status, when the gateway answers by itself"),
            "error": text("The label of that answer"),
            "route": text("The route"),
            "tenant": text("The tenant of the release"),
            "release": text("The release"),
            "variant": text("The variant that serves"),
            "fallbackFrom": text("The variant that was decided and has no instance"),
            "reason": text("Why: STATIC, DISABLED, OVERRIDE, CACHED (a pin, or an earlier hop of the chain), TARGETING_MATCH, DEFAULT or SPLIT"),
            "targetId": text("The target that took it"),
            "bucket": number("The bucket, where one was looked at"),
            "random": { "type": "boolean", "description": "Whether the bucket was drawn" },
            "steps": { "type": "array", "items": step, "description": "Every stage, in order" },
            "notShown": number("Routes and targets that did not match and are not shown"),
        }),
    )
}

fn gateway() -> Value {
    object(
        &["socket", "connected"],
        json!({
            "socket": text("Its control socket"),
            "connected": { "type": "boolean" },
            "revision": { "type": ["integer", "null"], "description": "The revision it serves" },
            "rulesEpoch": { "type": ["integer", "null"] },
            "instancesEpoch": { "type": ["integer", "null"] },
            "workers": { "type": "array", "items": object(&["worker", "rulesEpoch", "instancesEpoch"], json!({
                "worker": number("Its number"),
                "rulesEpoch": number("The rules it decides with"),
                "instancesEpoch": number("The instances it decides with"),
                "appliedNs": number("The time it took to apply the last commit, nanoseconds"),
            })) },
            "controlPlanes": number("Control planes that are connected to it"),
            "geo": { "type": "array", "items": { "$ref": "#/components/schemas/GeoDatabase" } },
            "lists": { "type": "array", "items": { "$ref": "#/components/schemas/IdList" } },
            "keys": { "type": "array", "items": text("An id"), "description": "The ids of its keys; the first signs" },
            "keysMissing": { "type": "boolean", "description": "Whether its rules need a key and it has none" },
            "issuers": { "type": "array", "items": object(&["issuer", "keys"], json!({
                "issuer": text("Whose tokens it believes"),
                "audiences": { "type": "array", "items": { "type": "string" } },
                "keys": { "type": "array", "items": { "type": "string" }, "description": "Ids of keys" },
            })) },
            "workersMissing": number("Workers that did not apply the newest tables in time"),
            "error": text("Why it is not connected"),
            "rejected": text("Why it refused the newest tables"),
            "version": text("Its version"),
            "pid": number("Its process"),
            "stats": { "type": "object", "description": "What it counted, by variant" },
        }),
    )
}

fn id_list(required: &[&str], mut more: Value) -> Value {
    for (name, schema) in [
        ("tenant", text("Whose it is")),
        ("list", text("Its name, as `members` of a segment has it")),
        ("revision", number("The number of its newest change")),
        ("ids", number("How many ids it has")),
    ] {
        more[name] = schema;
    }
    object(&[&["tenant", "list", "revision", "ids"], required].concat(), more)
}

/// What is said of a load that nothing of the tenant's bundle asks for.
fn load_warnings() -> Value {
    json!({ "type": "array", "items": diagnostic(), "description":
        "That the tenant has no bundle, or one that does not ask for what was loaded" })
}

fn object(required: &[&str], properties: Value) -> Value {
    let mut object = json!({ "type": "object", "required": required });
    object["properties"] = properties;
    object
}

fn text(what: &str) -> Value {
    json!({ "type": "string", "description": what })
}

fn number(what: &str) -> Value {
    json!({ "type": "integer", "minimum": 0, "description": what })
}

fn labels() -> Value {
    json!({ "$ref": "#/components/schemas/Labels" })
}
