//! A published event, checked and completed.
//!
//! Publishers know nothing of the server, so what arrives is any JSON. [`Event::check`] is the
//! only way from there into the log: it refuses what can't be an event, gives an id and a time to
//! what has none, and passes every other field through byte for byte.

use std::fmt;

use jiff::Timestamp;
use serde::de::{Deserialize, Deserializer, MapAccess, Visitor};
use serde_json::value::RawValue;

use crate::entity::Subject;
use crate::{Tenant, stream};

/// The largest event, in bytes as published.
pub const MAX_EVENT_BYTES: usize = 64 * 1024;

/// The deepest nesting of arrays and objects. Common parsers stop at 128.
pub const MAX_DEPTH: usize = 100;

/// The longest `eventId`, in bytes.
pub const MAX_EVENT_ID_BYTES: usize = 128;

/// Why an event was refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, thiserror::Error)]
pub enum Rejection {
    /// Not JSON, not an object, or nested too deeply.
    #[error("an event must be one JSON object, nested at most {MAX_DEPTH} deep")]
    NotAnObject,
    /// `type` is missing, malformed, or a control frame's.
    #[error("an event needs a \"type\" of 1 to 64 characters a-z and '_' that isn't a control frame's")]
    BadType,
    /// `eventId` is not a usable string.
    #[error("\"eventId\" must be a string of 1 to {MAX_EVENT_ID_BYTES} bytes without control characters")]
    BadEventId,
    /// Larger than [`MAX_EVENT_BYTES`].
    #[error("an event may have at most {MAX_EVENT_BYTES} bytes")]
    TooLarge,
    /// `tenantId` contradicts the channel or the token.
    #[error("\"tenantId\" contradicts the channel or the token")]
    TenantMismatch,
}

impl Rejection {
    /// The stable code, also the `reason` label of `sally_events_rejected_total`.
    pub fn code(self) -> &'static str {
        match self {
            Self::NotAnObject => "not_an_object",
            Self::BadType => "bad_type",
            Self::BadEventId => "bad_event_id",
            Self::TooLarge => "too_large",
            Self::TenantMismatch => "tenant_mismatch",
        }
    }
}

/// An event as it enters the log.
#[derive(Debug, Clone, PartialEq)]
pub struct Event {
    /// Its type, `[a-z_]{1,64}`.
    pub kind: String,
    /// Its id: the publisher's, or a new one.
    pub event_id: String,
    /// Whether the publisher chose the id, so that a repeat of it counts once.
    pub id_given: bool,
    /// One JSON object on one line, with `type`, `eventId`, `tenantId` and `occurredAt`.
    pub json: String,
    /// What it is about, and which drivers may see it.
    pub subject: Subject,
}

impl Event {
    /// Checks what a publisher sent for `tenant` and completes it.
    ///
    /// `now` becomes `occurredAt` and `fresh_id` the `eventId` where they are missing or null.
    ///
    /// # Errors
    ///
    /// A [`Rejection`] that names what is wrong.
    pub fn check(
        payload: &[u8],
        tenant: &Tenant,
        now: Timestamp,
        fresh_id: impl FnOnce() -> String,
    ) -> Result<Self, Rejection> {
        if payload.len() > MAX_EVENT_BYTES {
            return Err(Rejection::TooLarge);
        }
        if depth(payload) > MAX_DEPTH {
            return Err(Rejection::NotAnObject);
        }
        let fields: Fields<'_> = serde_json::from_slice(payload).map_err(|_| Rejection::NotAnObject)?;
        let kind = fields.string("type").flatten().filter(|kind| is_event_type(kind)).ok_or(Rejection::BadType)?;
        match fields.string("tenantId") {
            None => {}
            Some(Some(named)) if named == tenant.as_str() => {}
            Some(_) => return Err(Rejection::TenantMismatch),
        }
        let given = match fields.string("eventId") {
            None => None,
            Some(Some(id)) if is_event_id(&id) => Some(id),
            Some(_) => return Err(Rejection::BadEventId),
        };
        let id_given = given.is_some();
        let event_id = given.unwrap_or_else(fresh_id);

        let mut json = String::with_capacity(payload.len() + 160);
        json.push('{');
        push_field(&mut json, "type", &quoted(&kind));
        push_field(&mut json, "eventId", &quoted(&event_id));
        push_field(&mut json, "tenantId", &quoted(tenant.as_str()));
        match fields.get("occurredAt") {
            Some(raw) => push_field(&mut json, "occurredAt", raw),
            None => push_field(&mut json, "occurredAt", &quoted(&now.to_string())),
        }
        for (name, raw) in fields.passed_through() {
            push_field(&mut json, name, raw);
        }
        json.push('}');

        let subject = Subject::of(&kind, &json);
        Ok(Self { kind, event_id, id_given, json, subject })
    }
}

/// The `tenantId` of a payload, for a publisher that may name any tenant.
///
/// `None` when it is missing, not a string, or the payload isn't an object.
pub fn named_tenant(payload: &[u8]) -> Option<Tenant> {
    let fields: Fields<'_> = serde_json::from_slice(payload).ok()?;
    Tenant::parse(&fields.string("tenantId").flatten()?).ok()
}

/// Whether a word can be a published event's type.
pub fn is_event_type(kind: &str) -> bool {
    (1..=64).contains(&kind.len())
        && kind.bytes().all(|b| b.is_ascii_lowercase() || b == b'_')
        && !stream::CONTROL_TYPES.contains(&kind)
}

fn is_event_id(id: &str) -> bool {
    (1..=MAX_EVENT_ID_BYTES).contains(&id.len()) && !id.chars().any(char::is_control)
}

fn quoted(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}

/// Appends `"name":raw`. Line breaks can stand only between the tokens of valid JSON, so a space
/// in their place changes nothing and keeps a frame's `data:` on one line.
fn push_field(json: &mut String, name: &str, raw: &str) {
    if !json.ends_with('{') {
        json.push(',');
    }
    json.push_str(&quoted(name));
    json.push(':');
    json.extend(raw.chars().map(|c| if c == '\n' || c == '\r' { ' ' } else { c }));
}

fn depth(json: &[u8]) -> usize {
    let (mut now, mut most, mut in_string, mut escaped) = (0_usize, 0, false, false);
    for byte in json {
        match byte {
            _ if escaped => escaped = false,
            b'\\' if in_string => escaped = true,
            b'"' => in_string = !in_string,
            _ if in_string => {}
            b'{' | b'[' => {
                now += 1;
                most = most.max(now);
            }
            b'}' | b']' => now = now.saturating_sub(1),
            _ => {}
        }
    }
    most
}

/// The fields of an object in their order, each value as its own text. Of two fields with one
/// name the last counts.
struct Fields<'a>(Vec<(String, &'a RawValue)>);

impl<'a> Fields<'a> {
    /// The text of a field that is present and not null.
    fn get(&self, name: &str) -> Option<&'a str> {
        let (_, raw) = self.0.iter().find(|(key, _)| key == name)?;
        (raw.get() != "null").then_some(raw.get())
    }

    /// A field as a string: `None` when absent or null, `Some(None)` when it is something else.
    fn string(&self, name: &str) -> Option<Option<String>> {
        self.get(name).map(|raw| serde_json::from_str(raw).ok())
    }

    fn passed_through(&self) -> impl Iterator<Item = (&str, &'a str)> {
        const COMPLETED: [&str; 4] = ["type", "eventId", "tenantId", "occurredAt"];
        self.0
            .iter()
            .filter(|(name, _)| !COMPLETED.contains(&name.as_str()))
            .map(|(name, raw)| (name.as_str(), raw.get()))
    }
}

impl<'de> Deserialize<'de> for Fields<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Object;
        impl<'de> Visitor<'de> for Object {
            type Value = Fields<'de>;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }
            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
                let mut order: Vec<(String, &'de RawValue)> = Vec::new();
                let mut places = std::collections::HashMap::new();
                while let Some((name, raw)) = map.next_entry::<String, &'de RawValue>()? {
                    match places.get(&name) {
                        Some(&place) => order[place] = (name, raw),
                        None => {
                            places.insert(name.clone(), order.len());
                            order.push((name, raw));
                        }
                    }
                }
                Ok(Fields(order))
            }
        }
        deserializer.deserialize_map(Object)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn check(payload: &str) -> Result<Event, Rejection> {
        let tenant = Tenant::parse("acme").expect("a tenant");
        Event::check(payload.as_bytes(), &tenant, Timestamp::UNIX_EPOCH, || "fresh".into())
    }

    #[test]
    fn an_event_is_completed_and_otherwise_unchanged() {
        let event = check(r#"{"type":"new_alert","x":1.10,"y":{"b":2,"a":1e400}}"#).expect("an event");
        assert_eq!(
            event.json,
            r#"{"type":"new_alert","eventId":"fresh","tenantId":"acme","occurredAt":"1970-01-01T00:00:00Z","x":1.10,"y":{"b":2,"a":1e400}}"#
        );
        assert!(!event.id_given);
        let given =
            check(r#"{"occurredAt":"2026-01-01T00:00:00Z","eventId":"e-1","type":"zz_top"}"#).expect("an event");
        assert!(given.id_given);
        assert!(given.json.contains(r#""eventId":"e-1""#) && given.json.contains("2026-01-01"));
    }

    #[test]
    fn line_breaks_between_tokens_become_spaces() {
        let event = check("{\"type\":\"a\",\r\n \"x\": [1,\n2, \"l\\n\"]\n}").expect("an event");
        assert!(!event.json.contains('\n') && !event.json.contains('\r'));
        assert!(event.json.contains(r#"[1, 2, "l\n"]"#));
    }

    #[test]
    fn refusals_name_what_is_wrong() {
        assert_eq!(check("nope"), Err(Rejection::NotAnObject));
        assert_eq!(check("[1]"), Err(Rejection::NotAnObject));
        assert_eq!(check("{\"type\":\"a\",\"x\":\"\n\"}"), Err(Rejection::NotAnObject));
        assert_eq!(check("{}"), Err(Rejection::BadType));
        assert_eq!(check(r#"{"type":"New_Alert"}"#), Err(Rejection::BadType));
        assert_eq!(check(r#"{"type":"ready"}"#), Err(Rejection::BadType));
        assert_eq!(check(r#"{"type":7}"#), Err(Rejection::BadType));
        assert_eq!(check(r#"{"type":"a","eventId":7}"#), Err(Rejection::BadEventId));
        assert_eq!(check(r#"{"type":"a","tenantId":"globex"}"#), Err(Rejection::TenantMismatch));
        assert_eq!(
            check(&format!(r#"{{"type":"a","x":"{}"}}"#, "x".repeat(MAX_EVENT_BYTES))),
            Err(Rejection::TooLarge)
        );
        let deep = format!(r#"{{"type":"a","x":{}{}}}"#, "[".repeat(200), "]".repeat(200));
        assert_eq!(check(&deep), Err(Rejection::NotAnObject));
    }

    #[test]
    fn of_two_fields_with_one_name_the_last_counts() {
        let event = check(r#"{"type":"a","tenantId":"globex","tenantId":"acme"}"#).expect("an event");
        assert_eq!(event.json.matches("tenantId").count(), 1);
    }

    proptest! {
        #[test]
        fn no_payload_breaks_a_frame(payload: Vec<u8>) {
            let tenant = Tenant::parse("acme").expect("a tenant");
            if let Ok(event) = Event::check(&payload, &tenant, Timestamp::UNIX_EPOCH, || "f".into()) {
                prop_assert!(!event.json.contains(['\n', '\r', '\0']));
            }
        }

        #[test]
        fn whatever_a_string_holds_a_frame_is_one_line(text: String) {
            let payload = serde_json::json!({"type": "a", "x": text}).to_string();
            let event = check(&payload).expect("an event");
            prop_assert!(!event.json.contains(['\n', '\r', '\0']));
            let back: serde_json::Value = serde_json::from_str(&event.json).expect("JSON");
            prop_assert_eq!(back["x"].as_str(), Some(text.as_str()));
        }
    }
}
