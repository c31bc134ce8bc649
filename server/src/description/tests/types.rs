use std::collections::{BTreeMap, BTreeSet};

use sally_protocol::alert::{Alert, AlertResolution, AlertUpdate};
use sally_protocol::auth::{LoginRequest, Me};
use sally_protocol::fleet::{EtaUpdate, Location, MessageWaiting, RouteStatus, SyncProgress, Window};
use sally_protocol::message::{
    Acknowledge, AcknowledgedBy, Conversation, Conversations, Head, History, HistoryMessage, Mark, Presence, Receipt,
    RefreshAuth, RequestError, Resume, Resumed, SendMessage, Sent, SessionInfo, SetTyping, Typing,
};
use sally_protocol::search::SearchResults;
use sally_protocol::team::{
    AcknowledgedMessage, Acknowledgements, AskedMessage, Assign, Assignment, AwaitedAcknowledgement,
    AwaitedAcknowledgements, Note, NoteDraft, Notes, Team, TeamMember, Template, TemplateDraft, Templates,
    TemplatesChanged,
};
use sally_protocol::{Message, Problem};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

use super::super::document::{SCHEMAS, asyncapi, openapi, schemas};
use super::source;

/// The modules whose types are all on the wire.
const MODULES: [&str; 6] = ["alert", "fleet", "message", "team", "search", "problem"];

/// Types of [`MODULES`] that aren't described by themselves: a part of others, and a word of a text.
const ASIDE: [&str; 2] = ["AlertState", "Word"];

/// The names and schemas of an object's fields, also of those it takes over from others.
fn fields<'a>(schema: &'a Value, all: &'a Map<String, Value>) -> BTreeMap<&'a str, &'a Value> {
    let reference = schema["$ref"].as_str().and_then(|reference| reference.strip_prefix(SCHEMAS));
    let taken_over =
        reference.map(|name| &all[name]).into_iter().chain(schema["allOf"].as_array().into_iter().flatten());
    let own = schema["properties"].as_object().into_iter().flatten().map(|(name, field)| (name.as_str(), field));
    taken_over.flat_map(|schema| fields(schema, all)).chain(own).collect()
}

#[test]
fn a_type_has_the_fields_that_are_described() {
    let all = schemas();
    let mut types = BTreeMap::new();
    for module in MODULES {
        types.extend(source::structs(&source::read(&format!("protocol/src/{module}.rs"))));
    }
    let mut auth = source::structs(&source::read("protocol/src/auth.rs"));
    types.extend(["LoginRequest", "Me"].map(|name| auth.remove_entry(name).expect("a type")));
    assert!(types.len() > 40, "{types:?}");
    for (name, expected) in types {
        if !ASIDE.contains(&name.as_str()) {
            let schema = all.get(&name).unwrap_or_else(|| panic!("{name} isn't described"));
            let described: BTreeSet<String> = fields(schema, &all).into_keys().map(str::to_owned).collect();
            // An update may say how an alert ended, since it says all that changes.
            assert_eq!(described, expected, "{name}");
        }
    }
}

#[test]
fn what_must_be_there_is_a_field() {
    fn check(value: &Value, all: &Map<String, Value>) {
        let known = fields(value, all);
        for name in value["required"].as_array().into_iter().flatten().filter_map(Value::as_str) {
            let is_bare = value.get("properties").is_none();
            assert!(is_bare || known.contains_key(name), "{name} of {value}");
        }
        match value {
            Value::Array(values) => values.iter().for_each(|value| check(value, all)),
            Value::Object(values) => values.values().for_each(|value| check(value, all)),
            _ => {}
        }
    }
    let all = schemas();
    all.values().for_each(|schema| check(schema, &all));
}

/// Reads a value as a `T` and writes it again.
fn pass<T: DeserializeOwned + Serialize>(value: Value) -> serde_json::Result<Value> {
    serde_json::to_value(serde_json::from_value::<T>(value)?)
}

type Pass = fn(Value) -> serde_json::Result<Value>;

macro_rules! readers {
    ($($name:ident),+ $(,)?) => { [$((stringify!($name), pass::<$name> as Pass)),+] };
}

#[test]
fn an_example_is_read_by_its_type_and_lacks_nothing() {
    let all = schemas();
    let readers = readers!(
        Alert,
        AlertUpdate,
        AlertResolution,
        Location,
        Window,
        RouteStatus,
        EtaUpdate,
        SyncProgress,
        MessageWaiting,
        Message,
        AcknowledgedBy,
        HistoryMessage,
        Receipt,
        History,
        Conversation,
        Conversations,
        SearchResults,
        AskedMessage,
        AcknowledgedMessage,
        Acknowledgements,
        AwaitedAcknowledgement,
        AwaitedAcknowledgements,
        Template,
        Templates,
        TemplateDraft,
        TemplatesChanged,
        Note,
        Notes,
        NoteDraft,
        Assign,
        Assignment,
        TeamMember,
        Team,
        LoginRequest,
        Me,
        Problem,
        SendMessage,
        Sent,
        Resume,
        Resumed,
        Mark,
        Acknowledge,
        SetTyping,
        RefreshAuth,
        RequestError,
        SessionInfo,
        Typing,
        Presence,
        Head,
    );
    for (name, pass) in readers {
        let examples = all[name]["examples"].as_array().unwrap_or_else(|| panic!("{name} has no example"));
        let known = fields(&all[name], &all);
        for example in examples {
            let back = pass(example.clone()).unwrap_or_else(|error| panic!("{name}: {error} in {example}"));
            assert_eq!(back, *example, "{name}");
            let shown = example.as_object().expect("an object");
            for must in all[name]["required"].as_array().into_iter().flatten().filter_map(Value::as_str) {
                assert!(shown.contains_key(must), "{name} lacks {must}");
            }
            for (field, value) in shown {
                let words = known[field.as_str()]["enum"].as_array();
                assert!(words.is_none_or(|words| words.contains(value)), "{name}.{field}: {value}");
            }
        }
    }
}

#[test]
fn every_word_is_described() {
    let all = schemas();
    let described = |name: &str| -> Vec<String> {
        let words = all.get(name).and_then(|schema| schema["enum"].as_array());
        let words = words.unwrap_or_else(|| panic!("{name} isn't described"));
        words.iter().filter_map(Value::as_str).map(str::to_owned).collect()
    };
    let mut enums = BTreeMap::new();
    for module in MODULES.into_iter().chain(["stream"]) {
        enums.extend(source::enums(&source::read(&format!("protocol/src/{module}.rs"))));
    }
    assert_eq!(enums.len(), 9, "{enums:?}");
    for (name, words) in enums {
        assert_eq!(described(&name), words, "{name}");
    }
    let set = |words: Vec<String>| words.into_iter().collect::<BTreeSet<String>>();
    let roles = source::outcomes(&source::read("protocol/src/auth.rs"));
    assert_eq!(set(described("Role")), roles);
    let actions = source::arms(&source::read("server/src/alerts/step.rs"));
    assert_eq!(set(described("AlertAction")), actions);
}

#[test]
fn nothing_is_described_that_neither_document_names() {
    let (openapi, asyncapi) = (openapi(), asyncapi());
    for name in schemas().keys() {
        let is_named =
            [&openapi, &asyncapi].iter().any(|document| document["components"]["schemas"].get(name).is_some());
        assert!(is_named, "{name}");
    }
}
