//! Control frames and snapshots as bytes.

use std::time::Duration;

use bytes::Bytes;
use jiff::Timestamp;
use sally_protocol::entity::View;
use sally_protocol::stream::ResyncReason;
use sally_protocol::{Cursor, Tenant};

use crate::log::{Compacted, Entry};

/// About how many bytes of events one `snapshot` frame carries.
const SNAPSHOT_BYTES: usize = 128 * 1024;

/// A `retry:` between one and three seconds, so that clients that lost one node don't all come to
/// the next at once. It is the first line of the first frame: some clients drop a block without data
/// and what it says with it.
pub(super) fn retry() -> Bytes {
    format!("retry: {}\n", rand::random_range(1_000..3_000)).into()
}

/// Ends a block that holds nothing but a [`retry`].
pub(super) const END: Bytes = Bytes::from_static(b"\n");

pub(super) fn ready(cursor: &Cursor, recovered: bool, heartbeat: Duration) -> Bytes {
    control(
        cursor,
        "ready",
        &format!(
            r#"{{"type":"ready","recovered":{recovered},"cursor":"{cursor}","heartbeatSeconds":{}}}"#,
            heartbeat.as_secs_f64()
        ),
    )
}

pub(super) fn heartbeat(cursor: &Cursor) -> Bytes {
    control(cursor, "heartbeat", r#"{"type":"heartbeat"}"#)
}

pub(super) fn resync(cursor: &Cursor, reason: ResyncReason) -> Bytes {
    control(cursor, "resync", &format!(r#"{{"type":"resync","reason":"{}"}}"#, reason.as_str()))
}

pub(super) fn auth_expiring(cursor: &Cursor, expires_at: Timestamp) -> Bytes {
    control(cursor, "auth_expiring", &format!(r#"{{"type":"auth_expiring","expiresAt":"{expires_at}"}}"#))
}

pub(super) fn reconnect(cursor: &Cursor, after: Duration) -> Bytes {
    control(cursor, "reconnect", &format!(r#"{{"type":"reconnect","afterMs":{}}}"#, after.as_millis()))
}

/// The frames of a snapshot. Until the last, their id makes a resume start it over.
pub(super) fn snapshot(tenant: &Tenant, compacted: &Compacted, view: &View) -> Vec<Bytes> {
    let mut parts = vec![String::new()];
    for event in compacted.events.iter().filter(|event| view.sees(&event.readers)) {
        let full = parts.last().is_some_and(|part| part.len() > SNAPSHOT_BYTES);
        if full {
            parts.push(String::new());
        }
        if let Some(part) = parts.last_mut() {
            if !part.is_empty() {
                part.push(',');
            }
            part.push_str(&event.json);
        }
    }
    let position = compacted.position;
    let count = parts.len();
    parts
        .into_iter()
        .enumerate()
        .map(|(index, events)| {
            let last = index + 1 == count;
            let cursor =
                if last { position.cursor(tenant) } else { Cursor::partial(tenant, position.epoch, position.offset) };
            control(&cursor, "snapshot", &format!(r#"{{"type":"snapshot","events":[{events}],"last":{last}}}"#))
        })
        .collect()
}

fn control(cursor: &Cursor, kind: &str, json: &str) -> Bytes {
    Entry::frame(cursor, kind, json)
}
