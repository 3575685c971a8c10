//! The published schemas: as the golden files have them, met by every example, and of one mind with
//! the parser about every field.

use std::{env, fs, path::Path};

use halftone_controlplane::document::{Judgement, judge};
use halftone_core::policy::{bundle_schema, gateway_schema};
use jsonschema::Validator;
use serde_json::{Value, json};

/// Fields of POLICY that are refused, and where they would stand.
const NOT_SERVED: &[(&str, &[&str])] = &[
    ("/upstreams/web", &["balance", "health", "retry"]),
    ("/releases/web-v2", &["schedule", "analysis", "fuse", "abort", "drain", "capacity"]),
];

/// A bundle in which every field of the schema stands once.
fn bundle() -> Value {
    let values = json!([{ "type": "Exact", "name": "a", "value": "1" }]);
    let path = json!({ "type": "PathPrefix", "value": "/a" });
    json!({
        "apiVersion": "halftone/v1", "kind": "Bundle", "metadata": { "tenant": "shop" },
        "attributes": {
            "user.id": { "type": "string", "from": [
                { "header": "x-user", "trusted": true }, { "cookie": "uid", "signed": true },
                { "query": "uid" } ] },
            "user.age": { "type": "int", "alias": "age", "from": [
                { "tags": "age" }, { "pathSegment": 2 }, { "request": "host" }, { "grpc": "service" },
                { "client": "ip" }, { "device": "osMajor" } ], "default": 18 },
            "geo.city": { "type": "string", "from": [
                { "geoip": "city", "lang": "zh-CN" }, { "geohash": 5 } ] },
            "user.level": { "type": "int", "from": [{ "jwt": "realm.level", "issuer": "https://id" }] },
        },
        "segments": { "adults": { "when": "age > 18" }, "staff": { "members": "staff" } },
        "upstreams": { "web": {
            "variants": {
                "stable": { "select": { "service": "web", "zone": 1, "spare": true } },
                "canary": { "addresses": ["127.0.0.1:1"] },
            },
            "timeouts": { "connect": "1s", "firstByte": "15s", "idle": "1m30s" },
        } },
        "routes": [{ "name": "web", "hostnames": ["a.example"], "rules": [
            { "matches": [{ "path": path, "method": "GET", "headers": values, "queryParams": values }],
              "release": "web-v2", "timeouts": { "request": "30s" }, "limits": { "bodyBytes": "10MiB" } },
            { "upstream": "web" },
        ] }],
        "releases": { "web-v2": {
            "upstream": "web", "canary": "canary", "unit": ["user.id", "client.ip"],
            "unitMissing": "mint", "salt": "s", "stickiness": "pinned", "generation": 1,
            "overrides": [{ "header": "X-G", "requires": "signed" }],
            "targets": [
                { "id": "qa", "variant": "canary", "expiresAt": "2027-01-31T00:00:00Z", "match": {
                    "path": path, "method": "GET", "headers": values, "queryParams": values,
                    "cookies": values, "hostnames": ["a.example"], "sourceRanges": ["10.0.0.0/8"] } },
                { "id": "part", "split": { "canary": "0.5%" }, "match": { "method": "PUT" } },
                { "id": "grown", "split": { "canary": "0.5%" }, "when": "adults()" },
                { "id": "matrix", "nested": ["user.id"], "table": {
                    "a": { "weight": "1%" }, "b": { "variant": "canary" }, "*": { "split": "scheduled" } } },
            ],
            "default": { "split": "scheduled" },
            "onNoHealthy": { "canary": "fallback-stable" },
            "propagate": { "baggage": "release.web-v2" },
            "expiresAt": "2027-01-31T00:00:00+08:00", "disabled": false,
        }, "fixed": { "upstream": "web", "default": { "variant": "stable" } } },
    })
}

/// A gateway in which every field of the schema stands once.
fn gateway() -> Value {
    let times = [
        "head",
        "idle",
        "stall",
        "request",
        "connect",
        "firstByte",
        "upstreamIdle",
        "poolIdle",
        "tunnelIdle",
        "linger",
        "tags",
        "drain",
    ];
    let times: serde_json::Map<String, Value> =
        times.iter().map(|name| ((*name).to_owned(), json!("10s"))).collect();
    json!({
        "apiVersion": "halftone/v1", "kind": "Gateway",
        "listeners": [{ "address": "0.0.0.0:80" }], "socket": "/run/g.sock", "data": "/var/lib/g",
        "cpus": "0", "engine": "auto", "trusted": ["none"], "keys": "/run/keys",
        "limits": { "headBytes": "16KiB", "uriBytes": 4096, "headers": 64, "bodyBytes": "10MiB", "connections": 1000, "poolConnections": 16 },
        "timeouts": times, "logs": { "access": "off", "values": true }, "fingerprint": true, "admin": { "address": "127.0.0.1:9090" },
    })
}

fn validator(schema: &Value) -> Validator {
    jsonschema::validator_for(schema).expect("a schema")
}

fn judged(document: &Value) -> Judgement {
    judge(document.to_string().as_bytes(), Path::new("a.json"), &|_| Vec::new())
}

#[test]
fn the_schemas_are_the_golden_ones() {
    for (name, schema) in [("bundle", bundle_schema()), ("gateway", gateway_schema())] {
        let text = format!("{schema:#}\n");
        let golden =
            Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("../docs/schema/{name}.json"));
        if env::var_os("UPDATE_GOLDEN").is_some() {
            fs::write(&golden, &text).expect("written");
        }
        let expected = fs::read_to_string(&golden).unwrap_or_default();
        assert!(
            text == expected,
            "docs/schema/{name}.json differs; UPDATE_GOLDEN=1 writes it anew"
        );
    }
}

#[test]
fn every_example_is_what_its_schema_says() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let mut texts: Vec<(String, String)> = fs::read_dir(root.join("docs/examples"))
        .expect("a folder")
        .map(|entry| entry.expect("an entry").path())
        .map(|path| (path.display().to_string(), fs::read_to_string(&path).expect("text")))
        .collect();
    let readme = fs::read_to_string(root.join("README.md")).expect("text");
    let blocks = readme.split("```yaml\n").skip(1).filter_map(|rest| rest.split("```").next());
    texts.extend(blocks.map(|block| ("README.md".to_owned(), block.to_owned())));
    assert!(texts.len() > 2, "{texts:?}");
    for (name, text) in texts {
        let document: Value = serde_saphyr::from_str(&text).expect("YAML");
        let schema = if document["kind"] == "Gateway" { gateway_schema() } else { bundle_schema() };
        let errors: Vec<String> =
            validator(&schema).iter_errors(&document).map(|error| error.to_string()).collect();
        assert!(errors.is_empty(), "{name}: {errors:?}");
        let judgement = judge(text.as_bytes(), Path::new("a.yaml"), &|_| Vec::new());
        assert!(judgement.problems.is_empty(), "{name}: {:?}", judgement.problems);
        assert!(judgement.warnings.is_empty(), "{name}: {:?}", judgement.warnings);
    }
}

/// Follows a schema into a document: calls `visit` with each object that has properties of its own,
/// and returns the properties that the document has not.
fn walk(
    schema: &Value,
    root: &Value,
    at: &str,
    document: &Value,
    seen: &mut Vec<(String, String)>,
    objects: &mut Vec<String>,
) {
    if let Some(reference) = schema["$ref"].as_str() {
        let target = root.pointer(reference.trim_start_matches('#')).expect("a definition");
        let name = reference.rsplit('/').next().unwrap_or_default();
        let mut inner = Vec::new();
        walk(target, root, at, document, &mut inner, objects);
        seen.extend(inner.into_iter().map(|(place, field)| (place.replace("self", name), field)));
    }
    // One of several shapes: the one whose properties the document has, else the one that is a map.
    if let (Some(shapes), Some(fields)) = (schema["anyOf"].as_array(), document.as_object()) {
        let resolved = |shape: &'_ Value| match shape["$ref"].as_str() {
            Some(reference) => root.pointer(reference.trim_start_matches('#')).cloned(),
            None => Some(shape.clone()),
        };
        let has = |shape: &&Value| {
            let properties = resolved(shape).map(|shape| shape["properties"].clone());
            fields
                .keys()
                .any(|name| properties.as_ref().is_some_and(|known| known.get(name).is_some()))
        };
        let map = shapes.iter().find(|shape| shape["additionalProperties"].is_object());
        let shape = shapes.iter().find(has).or(map).expect("a shape of an object");
        return walk(shape, root, at, document, seen, objects);
    }
    let escaped = |name: &str| name.replace('~', "~0").replace('/', "~1");
    if let (Some(properties), Some(fields)) =
        (schema["properties"].as_object(), document.as_object())
    {
        assert_eq!(schema["additionalProperties"], false, "{at}");
        objects.push(at.to_owned());
        for (name, property) in properties.iter().filter(|(name, _)| fields.contains_key(*name)) {
            seen.push(("self".to_owned(), name.clone()));
            walk(property, root, &format!("{at}/{}", escaped(name)), &fields[name], seen, objects);
        }
    } else if let (true, Some(fields)) =
        (schema["additionalProperties"].is_object(), document.as_object())
    {
        for (name, value) in fields {
            let at = format!("{at}/{}", escaped(name));
            walk(&schema["additionalProperties"], root, &at, value, seen, objects);
        }
    }
    for (index, item) in document.as_array().into_iter().flatten().enumerate() {
        walk(&schema["items"], root, &format!("{at}/{index}"), item, seen, objects);
    }
}

/// Lists every property of the schema, by the name of its definition.
fn declared(schema: &Value) -> Vec<(String, String)> {
    let definitions = schema["$defs"].as_object().into_iter().flatten();
    let named = definitions.map(|(name, definition)| (name.as_str(), definition));
    let all = named.chain([("self", schema)]);
    let fields = all.flat_map(|(name, definition)| {
        let properties = definition["properties"].as_object().into_iter().flatten();
        properties.map(move |(field, _)| (name.to_owned(), field.clone()))
    });
    fields.collect()
}

#[test]
fn schema_and_parser_know_the_same_fields() {
    for (schema, document) in [(bundle_schema(), bundle()), (gateway_schema(), gateway())] {
        let validator = validator(&schema);
        let errors: Vec<String> =
            validator.iter_errors(&document).map(|error| error.to_string()).collect();
        assert!(errors.is_empty(), "{errors:?}");
        let problems = judged(&document).problems;
        assert!(problems.is_empty(), "{problems:?}");
        let (mut seen, mut objects) = (Vec::new(), Vec::new());
        walk(&schema, &schema, "", &document, &mut seen, &mut objects);
        for field in declared(&schema) {
            assert!(seen.contains(&field), "{field:?} is in the schema, and in no document here");
        }
        assert!(objects.len() > 5, "{objects:?}");
        for place in objects {
            let mut strange = document.clone();
            strange.pointer_mut(&place).expect("an object")["zzz"] = json!(1);
            assert!(!validator.is_valid(&strange), "the schema takes zzz at {place}");
            let problems = judged(&strange).problems;
            let found = problems.iter().any(|one| one.path.ends_with("zzz"));
            assert!(found, "the parser takes zzz at {place}: {problems:?}");
        }
    }
}

#[test]
fn what_is_not_served_is_neither_in_the_schema_nor_taken() {
    let (schema, document) = (bundle_schema(), bundle());
    let (validator, known) = (validator(&schema), declared(&schema));
    for (place, fields) in NOT_SERVED {
        for field in *fields {
            assert!(!known.iter().any(|(_, name)| name == field), "{field} is in the schema");
            let mut asking = document.clone();
            asking.pointer_mut(place).expect("an object")[*field] = json!({});
            assert!(!validator.is_valid(&asking), "the schema takes {field} at {place}");
            let expected = format!("not supported in this build: {field}");
            let problems = judged(&asking).problems;
            assert!(problems.iter().any(|one| one.message == expected), "{field}: {problems:?}");
        }
    }
}
