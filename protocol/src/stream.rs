//! The frames of `GET /sse/events` as a client reads them.

use jiff::Timestamp;
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::Value;
use serde_json::value::RawValue;

use crate::Cursor;
use crate::text::words;

/// The types that only the server sends. A published event can't use one of them.
pub const CONTROL_TYPES: [&str; 6] = ["ready", "heartbeat", "resync", "snapshot", "auth_expiring", "reconnect"];

words!(
    /// Why what a client holds is void.
    ResyncReason {
        /// The server doesn't know the cursor: nonsense, another tenant's, or from the future.
        UnknownCursor = "unknown_cursor",
        /// The log no longer reaches back that far.
        TooOld = "too_old",
        /// The log began anew.
        EpochChanged = "epoch_changed",
        /// Events may have been missed by the server itself.
        Gap = "gap",
    } else Gap
);

/// A frame as it goes over the wire. `data` is one line.
pub fn frame(cursor: &Cursor, event: &str, data: &str) -> String {
    format!("id: {cursor}\nevent: {event}\ndata: {data}\n\n")
}

/// The data of a [`frame`].
pub fn data(frame: &[u8]) -> Option<&[u8]> {
    // Neither a cursor nor a type has a line break.
    let mut lines = frame.splitn(3, |byte| *byte == b'\n');
    lines.nth(2)?.strip_prefix(b"data: ")?.strip_suffix(b"\n\n")
}

/// One frame, its `data:` read by its `event:`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "frame", rename_all = "snake_case", rename_all_fields = "camelCase")]
pub enum Frame {
    /// A published event.
    Event {
        /// Its type.
        kind: String,
        /// Its whole object.
        data: Value,
    },
    /// A part of the snapshot.
    Snapshot {
        /// Published events, in log order.
        events: Vec<Value>,
        /// Whether the snapshot is complete with this frame.
        last: bool,
    },
    /// Catching up is done.
    Ready {
        /// Whether the cursor that was sent was continued without a loss.
        recovered: bool,
        /// Where the stream stands.
        cursor: String,
        /// A heartbeat comes this often.
        heartbeat_seconds: f64,
    },
    /// Nothing happened.
    Heartbeat,
    /// What the client holds is void.
    Resync {
        /// Why.
        reason: ResyncReason,
    },
    /// The token ends soon.
    AuthExpiring {
        /// When.
        expires_at: Timestamp,
    },
    /// The server drains and closes this stream.
    Reconnect {
        /// After this long.
        after_ms: u64,
    },
}

#[derive(Deserialize)]
struct SnapshotData {
    #[serde(deserialize_with = "readable")]
    events: Vec<Value>,
    last: bool,
}

/// Reads what can be read of a list of events. What publishers send passes through unchanged, also
/// a number or an escaped surrogate that is JSON by its grammar and no [`Value`]: as a live frame it
/// costs itself, and it must not cost more in a snapshot.
fn readable<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<Value>, D::Error> {
    let events: Vec<Box<RawValue>> = Deserialize::deserialize(deserializer)?;
    Ok(events.iter().filter_map(|event| serde_json::from_str(event.get()).ok()).collect())
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct ReadyData {
    recovered: bool,
    cursor: String,
    heartbeat_seconds: f64,
}

#[derive(Deserialize)]
struct ResyncData {
    reason: ResyncReason,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct AuthExpiringData {
    expires_at: Timestamp,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct ReconnectData {
    after_ms: u64,
}

impl Frame {
    /// Reads a frame's `event:` and `data:`.
    ///
    /// # Errors
    ///
    /// When the data isn't the JSON that the type asks for. An event in a snapshot that can't be
    /// read is left out.
    pub fn parse(event: &str, data: &str) -> Result<Self, serde_json::Error> {
        Ok(match event {
            "snapshot" => {
                let SnapshotData { events, last } = serde_json::from_str(data)?;
                Self::Snapshot { events, last }
            }
            "ready" => {
                let ReadyData { recovered, cursor, heartbeat_seconds } = serde_json::from_str(data)?;
                Self::Ready { recovered, cursor, heartbeat_seconds }
            }
            "heartbeat" => Self::Heartbeat,
            "resync" => {
                let ResyncData { reason } = serde_json::from_str(data)?;
                Self::Resync { reason }
            }
            "auth_expiring" => {
                let AuthExpiringData { expires_at } = serde_json::from_str(data)?;
                Self::AuthExpiring { expires_at }
            }
            "reconnect" => {
                let ReconnectData { after_ms } = serde_json::from_str(data)?;
                Self::Reconnect { after_ms }
            }
            kind => Self::Event { kind: kind.to_owned(), data: serde_json::from_str(data)? },
        })
    }
}

/// `GET /api/snapshot`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Snapshot {
    /// Live events continue from here.
    pub cursor: String,
    /// Published events, in log order.
    #[serde(deserialize_with = "readable")]
    pub events: Vec<Value>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn frames_are_read_by_their_event() {
        let ready = Frame::parse("ready", r#"{"type":"ready","recovered":true,"cursor":"c","heartbeatSeconds":20}"#);
        assert!(matches!(ready, Ok(Frame::Ready { recovered: true, .. })));
        let resync = Frame::parse("resync", r#"{"type":"resync","reason":"too_old"}"#);
        assert_eq!(resync.ok(), Some(Frame::Resync { reason: ResyncReason::TooOld }));
        assert!(matches!(Frame::parse("zz_top", "{}"), Ok(Frame::Event { .. })));
        assert!(Frame::parse("ready", "{}").is_err());
    }

    #[test]
    fn an_event_that_cannot_be_read_costs_a_snapshot_nothing_else() {
        let (surrogate, number) = (r#"{"type":"a","x":"\ud800"}"#, r#"{"type":"a","x":1e400}"#);
        let data = format!(r#"{{"events":[{surrogate},{{"type":"b"}},{number}],"last":true,"cursor":"c"}}"#);
        let events = vec![serde_json::json!({ "type": "b" })];
        let frame = Frame::parse("snapshot", &data).expect("a frame");
        assert_eq!(frame, Frame::Snapshot { events: events.clone(), last: true });
        let snapshot: Snapshot = serde_json::from_str(&data).expect("a snapshot");
        assert_eq!(snapshot, Snapshot { cursor: "c".into(), events });
    }
}
