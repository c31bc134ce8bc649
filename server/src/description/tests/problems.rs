use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use super::super::document::{openapi, operations, problems};
use super::source;

/// From the functions that make an error of a code to the error's status.
const MAKERS: [(&str, u64); 4] = [("bad_request(", 400), ("invalid(", 422), ("conflict(", 409), ("too_many(", 429)];

/// The codes that the source names, with their status where it is plain.
fn named() -> BTreeMap<String, Option<u64>> {
    let words = |words: BTreeSet<String>| words.into_iter().map(|word| (word, None));
    let mut codes: BTreeMap<String, Option<u64>> = words(source::words(&source::read("server/src/error.rs"))).collect();
    codes.extend(words(source::outcomes(&source::read("protocol/src/event.rs"))));
    for text in source::files("server/src") {
        for (maker, status) in MAKERS {
            for (at, maker) in text.match_indices(&format!("::{maker}")) {
                let argument = text[at + maker.len()..].trim_start();
                match argument.strip_prefix('"') {
                    Some(literal) => {
                        codes.insert(literal.split('"').next().unwrap_or_default().to_owned(), Some(status));
                    }
                    // A variable: what it may be stands right before.
                    None => {
                        let before: Vec<&str> = text[..at].lines().rev().take(8).collect();
                        codes.extend(words(before.iter().flat_map(|line| source::words(line)).collect()));
                    }
                }
            }
        }
    }
    codes
}

#[test]
fn every_code_of_the_source_is_described_and_nothing_else() {
    let (named, described) = (named(), problems());
    let described = described.as_object().expect("an object");
    let known: BTreeSet<&String> = described.keys().collect();
    assert_eq!(known, named.keys().collect());
    for (code, status) in named {
        assert!(status.is_none_or(|status| described[&code]["status"] == status), "{code} has {status:?}");
    }
}

#[test]
fn every_code_is_an_answer_of_some_route() {
    let mut document = openapi();
    let mut answered: BTreeSet<String> = BTreeSet::new();
    for (path, method, operation) in operations(&mut document) {
        assert!(operation.get("x-problems").is_none());
        for (status, answer) in operation["responses"].as_object().expect("responses") {
            let codes = &answer["content"]["application/problem+json"]["schema"]["allOf"][1]["properties"]["code"];
            for code in codes["enum"].as_array().into_iter().flatten().filter_map(Value::as_str) {
                assert_eq!(problems()[code]["status"].to_string(), *status, "{method} {path}: {code}");
                answered.insert(code.to_owned());
            }
        }
    }
    let anywhere = document["components"]["responses"]["Problem"]["description"].as_str().expect("a description");
    for code in problems().as_object().expect("an object").keys() {
        assert!(answered.contains(code) || anywhere.contains(&format!("`{code}`")), "{code} is nobody's");
    }
}

#[test]
fn the_protocol_page_names_every_code() {
    let page = source::read("docs/PROTOCOL.md");
    for code in problems().as_object().expect("an object").keys() {
        assert!(page.contains(&format!("`{code}`")), "docs/PROTOCOL.md doesn't name {code}");
    }
}
