use std::collections::BTreeSet;

use jiff::Timestamp;
use sally_protocol::id::parse_channel;
use sally_protocol::stream::{CONTROL_TYPES, Frame};
use sally_protocol::{Event, Tenant};
use serde_json::Value;

use super::super::document::{SCHEMAS, asyncapi, schemas};
use super::source;
use crate::messaging::ask::Ask;

/// The messages that an action of the server is about, in a channel: name and message.
fn messages(document: &Value, channel: &str, action: &str) -> Vec<(String, Value)> {
    let operations = document["operations"].as_object().expect("operations").values();
    let pointer = format!("#/channels/{channel}/messages/");
    let of_action = operations.filter(|operation| operation["action"] == action);
    let references = of_action.flat_map(|operation| operation["messages"].as_array().expect("messages"));
    let keys = references.filter_map(|reference| reference["$ref"].as_str()?.strip_prefix(&pointer));
    keys.map(|key| {
        let message = &document["channels"][channel]["messages"][key];
        (message["name"].as_str().unwrap_or(key).to_owned(), message.clone())
    })
    .collect()
}

#[test]
fn every_type_on_the_stream_is_described() {
    let document = asyncapi();
    let all: BTreeSet<String> = messages(&document, "events", "send").into_iter().map(|(name, _)| name).collect();
    // What the board knows is what the protocol knows.
    let mut expected = source::arms(&source::read("protocol/src/board.rs"));
    expected.extend(source::arms(&source::read("protocol/src/entity.rs")));
    expected.extend(CONTROL_TYPES.map(str::to_owned));
    expected.insert("other".to_owned());
    assert_eq!(all, expected);
}

#[test]
fn a_control_frame_is_read_by_the_protocol() {
    let document = asyncapi();
    for (name, message) in messages(&document, "events", "send") {
        if CONTROL_TYPES.contains(&name.as_str()) {
            let data = &message["examples"][0]["payload"];
            assert_eq!(data["type"], *name);
            let frame = Frame::parse(&name, &data.to_string()).unwrap_or_else(|error| panic!("{name}: {error}"));
            assert!(!matches!(frame, Frame::Event { .. }), "{name}");
            let fields: BTreeSet<&String> = data.as_object().expect("an object").keys().collect();
            let described = message["payload"]["properties"].as_object().expect("fields").keys().collect();
            assert_eq!(fields, described, "{name}");
        }
    }
}

#[test]
fn an_example_of_an_event_can_be_published() {
    let all = schemas();
    let variants = all["Publication"]["anyOf"].as_array().expect("types");
    let tenant = Tenant::parse("acme").expect("a tenant");
    for variant in variants {
        let name = variant["$ref"].as_str().and_then(|name| name.strip_prefix(SCHEMAS)).expect("a type");
        let example = all[name]["examples"][0].to_string();
        let event = Event::check(example.as_bytes(), &tenant, Timestamp::UNIX_EPOCH, || "e-1".into());
        let event = event.unwrap_or_else(|error| panic!("{name}: {error}"));
        let is_own = name == "PublicationFields";
        assert_eq!(event.subject.slots.is_empty(), is_own, "{name} is in snapshots unless a publisher made it up");
    }
}

#[test]
fn a_redis_channel_is_read_by_the_protocol() {
    let document = asyncapi();
    let channel = &document["channels"]["publications"];
    let example = |name: &str, of: &Value| of["parameters"][name]["examples"][0].as_str().expect("one").to_owned();
    let address = channel["address"].as_str().expect("an address");
    let name =
        address.replace("{tenantId}", &example("tenantId", channel)).replace("{topic}", &example("topic", channel));
    assert!(parse_channel(&name).is_some(), "{name}");
}

#[test]
fn every_request_is_described_and_its_example_is_one() {
    let document = asyncapi();
    let requests = messages(&document, "messaging", "receive");
    let names: BTreeSet<String> = requests.iter().map(|(name, _)| name.clone()).collect();
    let ask = source::read("server/src/messaging/ask.rs");
    assert_eq!(names, source::arms(ask.split("#[cfg(test)]").next().expect("the code")));
    for (name, message) in requests {
        let schema = message["payload"]["$ref"].as_str().and_then(|name| name.strip_prefix(SCHEMAS)).expect("a type");
        let read = Ask::read(&name, schemas()[schema]["examples"][0].clone());
        assert!(read.is_ok(), "{name}: {read:?}");
    }
}

#[test]
fn every_event_of_the_namespace_is_described() {
    let document = asyncapi();
    let described: BTreeSet<String> =
        messages(&document, "messaging", "send").into_iter().map(|(name, _)| name).collect();
    let (mut named, mut emitted) = (BTreeSet::new(), BTreeSet::new());
    for text in source::files("server/src/messaging") {
        named.extend(source::words(&text));
        for sender in ["emit(", "tell(", "tell_dispatch("] {
            for (at, _) in text.match_indices(sender) {
                let statement = text[at..].split([';', '{']).next().unwrap_or_default();
                let event =
                    statement.split('"').nth(1).filter(|word| !source::words(&format!("\"{word}\"")).is_empty());
                emitted.extend(event.map(str::to_owned));
            }
        }
    }
    assert!(emitted.len() > 8, "{emitted:?}");
    assert!(emitted.is_subset(&described), "{emitted:?}");
    assert!(described.is_subset(&named), "{described:?}");
}

#[test]
fn every_code_of_messaging_is_described() {
    let document = asyncapi();
    let refusals = document["servers"]["socketio"]["description"].as_str().expect("a description");
    let failures = schemas()["RequestError"]["properties"]["code"]["enum"].clone();
    let message = source::read("protocol/src/message.rs");
    let codes = message.split("pub mod code {").nth(1).and_then(|rest| rest.split("\n}").next()).expect("the codes");
    let codes = source::words(codes);
    assert_eq!(codes.len(), 9, "{codes:?}");
    for code in codes {
        let is_told = failures.as_array().expect("words").contains(&Value::from(code.as_str()));
        assert!(is_told || refusals.contains(&format!("`{code}`")), "{code}");
    }
}
