//! A published event of the simulation.

use jiff::Timestamp;
use serde::Serialize;
use serde_json::{Map, Value};

/// Marks what the simulation publishes, so that a later run can clear the board of it, and anybody
/// can filter it out. Unknown fields pass through the server unchanged.
const MARK: &str = "simulated";

/// An event of type `kind` with the fields of `body`, which is a payload of the protocol.
pub(super) fn event(kind: &str, now: Timestamp, body: &impl Serialize) -> Value {
    let mut fields = Map::new();
    fields.insert("type".into(), kind.into());
    fields.insert("occurredAt".into(), now.to_string().into());
    fields.insert(MARK.into(), true.into());
    if let Ok(Value::Object(body)) = serde_json::to_value(body) {
        fields.extend(body);
    }
    Value::Object(fields)
}

/// Whether an event came from a simulation.
pub(super) fn is_simulated(event: &Value) -> bool {
    event[MARK] == true
}
