//! Where a document and the code differ, a test fails.
//!
//! # Layout
//!
//! - here: what holds for the documents as a whole, and the routes.
//! - [`problems`]: the codes of errors.
//! - [`types`]: schemas and their examples, beside the types of the protocol.
//! - [`events`]: what is on the stream and in the namespace.
//! - [`source`]: what the source says, read as text.

mod events;
mod problems;
mod source;
mod types;

use std::collections::BTreeSet;

use serde_json::Value;

use super::document::{asyncapi, openapi, operations, references};

#[test]
fn every_reference_leads_somewhere() {
    for document in [openapi(), asyncapi()] {
        for reference in references(&document) {
            let pointer = reference.strip_prefix('#').expect("a reference into the document itself");
            assert!(document.pointer(pointer).is_some(), "{reference}");
        }
    }
}

#[test]
fn the_version_is_that_of_the_package() {
    for document in [openapi(), asyncapi()] {
        assert_eq!(document["info"]["version"], env!("CARGO_PKG_VERSION"));
    }
}

#[test]
fn every_route_is_described_and_nothing_else() {
    let described: BTreeSet<(String, String)> =
        operations(&mut openapi()).map(|(path, method, _)| (path, method)).collect();
    let mut routed = BTreeSet::new();
    let router = source::read("server/src/router.rs");
    let table = router.split(".fallback(").next().expect("the table of routes");
    for route in table.split(".route(\"").skip(1) {
        let (path, handlers) = route.split_once('"').expect("a path");
        for method in ["get", "post", "put", "patch", "delete"] {
            let is_handled = [" ", ").", ",\n"].iter().any(|before| handlers.contains(&format!("{before}{method}(")));
            if is_handled {
                routed.insert((path.to_owned(), method.to_owned()));
            }
        }
    }
    assert!(routed.len() > 30, "{routed:?}");
    assert_eq!(described, routed);
}

#[test]
fn every_operation_has_a_name_of_its_own_and_the_parameters_of_its_path() {
    let mut document = openapi();
    let tags: Vec<Value> = document["tags"].as_array().expect("tags").iter().map(|tag| tag["name"].clone()).collect();
    let mut names = BTreeSet::new();
    for (path, method, operation) in operations(&mut document) {
        let name = operation["operationId"].as_str().expect("a name").to_owned();
        assert!(names.insert(name.clone()), "{name} twice");
        assert!(tags.contains(&operation["tags"][0]), "{name}");
        let in_path: BTreeSet<&str> = path.split('{').skip(1).filter_map(|rest| rest.split('}').next()).collect();
        let parameters = operation["parameters"].as_array().into_iter().flatten();
        let told: BTreeSet<&str> =
            parameters.filter(|one| one["in"] == "path").filter_map(|one| one["name"].as_str()).collect();
        assert_eq!(told, in_path, "{method} {path}");
    }
}
