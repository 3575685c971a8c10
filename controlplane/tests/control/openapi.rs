//! The document that describes the API: as the golden file has it, and true.

use std::{env, fs, path::Path};

use serde_json::Value;

use super::directory;
use crate::control::{Control, options};

const METHODS: [&str; 5] = ["get", "put", "post", "delete", "patch"];

fn document(control: &Control) -> Value {
    let answer = control.get("/openapi.json");
    assert_eq!((answer.status, answer.media_type.as_str()), (200, "application/json"));
    answer.json()
}

#[test]
fn the_document_is_the_golden_one() {
    let directory = directory();
    let control = Control::start(options(directory.path(), &[]));
    let text = format!("{:#}\n", document(&control));
    let golden = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/openapi.json");
    if env::var_os("UPDATE_GOLDEN").is_some() {
        fs::write(&golden, &text).expect("written");
    }
    let expected = fs::read_to_string(&golden).unwrap_or_default();
    assert!(text == expected, "docs/openapi.json differs; UPDATE_GOLDEN=1 writes it anew");
}

#[test]
fn every_operation_is_there_and_no_other() {
    let directory = directory();
    let control = Control::start(options(directory.path(), &[]));
    let document = document(&control);
    for (path, operations) in document["paths"].as_object().expect("paths") {
        let concrete = path
            .replace("{id}", "a@127.0.0.1:1")
            .replace("{tenant}", "shop")
            .replace("{revision}", "7")
            .replace("{collection}", "routes")
            .replace("{name}", "web")
            .replace("{list}", "staff")
            .replace("{release}", "r");
        for method in METHODS {
            let answer = control.call(&method.to_uppercase(), &concrete, None, b"");
            let described = &operations[method];
            let status = answer.status.to_string();
            if described.is_object() {
                let known = &described["responses"][&status];
                assert!(known.is_object(), "{method} {path}: {answer:?}");
                let content = known["content"].get(&answer.media_type);
                assert!(answer.text.is_empty() || content.is_some(), "{method} {path}: {answer:?}");
            } else {
                // Actions share their path with instances.
                assert!(matches!(answer.status, 404 | 405), "{method} {path}: {answer:?}");
            }
        }
    }
}

#[test]
fn every_reference_leads_somewhere() {
    let directory = directory();
    let control = Control::start(options(directory.path(), &[]));
    let document = document(&control);
    let text = document.to_string();
    let references = text.split("#/components/schemas/").skip(1);
    for name in references.filter_map(|rest| rest.split('"').next()) {
        assert!(document["components"]["schemas"][name].is_object(), "{name}");
    }
}
