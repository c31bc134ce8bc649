//! From the files of this folder to the documents.

use std::collections::{BTreeMap, BTreeSet};

use sally_protocol::problem::PROBLEM_JSON;
use serde_json::{Map, Value, json};

/// Where a document keeps its types.
pub(super) const SCHEMAS: &str = "#/components/schemas/";

/// What everybody who must sign in may be answered.
const SIGNED_IN: [&str; 3] = ["unauthorized", "token_expired", "forbidden"];

/// The HTTP API.
pub(super) fn openapi() -> Value {
    let mut document = read(include_str!("openapi.json"));
    let problems = problems();
    for (path, method, operation) in operations(&mut document) {
        add_problems(&path, &method, operation, &problems);
    }
    complete(document)
}

/// Everything else.
pub(super) fn asyncapi() -> Value {
    complete(read(include_str!("asyncapi.json")))
}

/// The codes of problems: each an object with its `status`, and `when` it is said.
pub(super) fn problems() -> Value {
    read(include_str!("problems.json"))
}

/// The types of both documents.
pub(super) fn schemas() -> Map<String, Value> {
    match read(include_str!("schemas.json")) {
        Value::Object(schemas) => schemas,
        _ => Map::new(),
    }
}

#[expect(clippy::expect_used, reason = "the files are compiled in, and every test of this module reads them")]
fn read(json: &str) -> Value {
    serde_json::from_str(json).expect("a file of this folder is JSON")
}

/// Path, method and description of every operation.
pub(super) fn operations(document: &mut Value) -> impl Iterator<Item = (String, String, &mut Value)> {
    let paths = document["paths"].as_object_mut().into_iter().flatten();
    paths.flat_map(|(path, item)| {
        let methods = item.as_object_mut().into_iter().flatten();
        methods.map(move |(method, operation)| (path.clone(), method.clone(), operation))
    })
}

/// Replaces the codes of an operation by its error answers, and adds those that follow from who may
/// do it and how.
fn add_problems(path: &str, method: &str, operation: &mut Value, problems: &Value) {
    let own = operation.as_object_mut().and_then(|operation| operation.remove("x-problems"));
    let own = own.as_ref().and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_str);
    let mut codes: BTreeSet<&str> = own.collect();
    // Who doesn't say otherwise needs a token.
    if operation.get("security").is_none() {
        codes.extend(SIGNED_IN);
    }
    // The cookies of a sign-in are guarded like all others.
    if method != "get" {
        codes.insert("origin_not_allowed");
    }
    let mut by_status: BTreeMap<u64, Vec<&str>> = BTreeMap::new();
    for code in codes {
        by_status.entry(problems[code]["status"].as_u64().unwrap_or_default()).or_default().push(code);
    }
    for (status, codes) in by_status {
        let taken = operation["responses"].get(status.to_string()).is_some();
        debug_assert!(!taken && status > 0, "{method} {path}: {codes:?}");
        operation["responses"][status.to_string()] = answer(status, &codes, problems);
    }
    operation["responses"]["default"] = json!({ "$ref": "#/components/responses/Problem" });
}

/// An error answer that has one of these codes.
fn answer(status: u64, codes: &[&str], problems: &Value) -> Value {
    let line = |code: &&str| format!("- `{code}`: {}", problems[*code]["when"].as_str().unwrap_or_default());
    let lines: Vec<String> = codes.iter().map(line).collect();
    let own = json!({ "properties": { "status": { "const": status }, "code": { "enum": codes } } });
    let schema = json!({ "allOf": [{ "$ref": format!("{SCHEMAS}Problem") }, own] });
    let mut answer = json!({ "description": lines.join("\n"), "content": { PROBLEM_JSON: { "schema": schema } } });
    match status {
        401 => answer["headers"] = json!({ "WWW-Authenticate": { "schema": { "const": "Bearer" } } }),
        429 | 503 => {
            let after = json!({ "description": "In seconds.", "schema": { "type": "integer" } });
            answer["headers"] = json!({ "Retry-After": after });
        }
        _ => {}
    }
    answer
}

/// The document with this version's number and the types that it names.
fn complete(mut document: Value) -> Value {
    document["info"]["version"] = json!(env!("CARGO_PKG_VERSION"));
    let all = schemas();
    let mut used = BTreeSet::new();
    let mut wanted = references(&document);
    while let Some(reference) = wanted.pop() {
        let schema = reference.strip_prefix(SCHEMAS).and_then(|name| all.get_key_value(name));
        if let Some((name, schema)) = schema
            && used.insert(name.as_str())
        {
            wanted.extend(references(schema));
        }
    }
    let mut schemas: Map<String, Value> = all
        .iter()
        .filter(|(name, _)| used.contains(name.as_str()))
        .map(|(name, schema)| (name.clone(), schema.clone()))
        .collect();
    if let Some(problem) = schemas.get_mut("Problem") {
        let codes: Vec<String> = problems().as_object().into_iter().flatten().map(|(code, _)| code.clone()).collect();
        problem["properties"]["code"]["enum"] = json!(codes);
    }
    document["components"]["schemas"] = Value::Object(schemas);
    document
}

/// Every `$ref` in a value.
pub(super) fn references(value: &Value) -> Vec<String> {
    match value {
        Value::Array(values) => values.iter().flat_map(references).collect(),
        Value::Object(fields) => {
            let own = fields.get("$ref").and_then(Value::as_str).map(str::to_owned);
            own.into_iter().chain(fields.values().flat_map(references)).collect()
        }
        _ => Vec::new(),
    }
}
