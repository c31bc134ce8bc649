//! How to open a stream of a server and how to publish through it.

/// The client at one end of a stream.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Seat {
    /// The stream's number.
    pub(crate) stream: usize,
    /// Its tenant's number.
    pub(crate) tenant: usize,
}

/// What one server expects on the wire. Requests are appended to `out`.
pub(crate) trait Dialect {
    /// How the first line begins after which nothing that is published can be missed.
    fn ready(&self) -> &'static [u8];

    /// The header lines that let the client at `seat` in. They are made before a clock runs.
    fn pass(&self, _: Seat) -> String {
        String::new()
    }

    /// Asks for the stream of `seat`, after the event with the id `last_event_id` unless that is empty.
    fn open(&self, seat: Seat, pass: &str, last_event_id: &[u8], out: &mut Vec<u8>);

    /// Publishes the JSON object `event` to a tenant.
    fn publish(&self, tenant: usize, event: &[u8], out: &mut Vec<u8>);

    /// Publishes events that are due at the same time, in one request where the server takes
    /// several. Returns the number of requests.
    fn publish_all(&self, tenant: usize, events: &[Vec<u8>], out: &mut Vec<u8>) -> u64 {
        events.iter().for_each(|event| self.publish(tenant, event, out));
        events.len() as u64
    }
}

/// Appends a `GET` for a stream. `extra` are whole header lines.
pub(super) fn get(path: &str, extra: &str, last_event_id: &[u8], out: &mut Vec<u8>) {
    append(out, &["GET ", path, " HTTP/1.1\r\nHost: localhost\r\nAccept: text/event-stream\r\n", extra]);
    if !last_event_id.is_empty() {
        out.extend_from_slice(b"Last-Event-ID: ");
        out.extend_from_slice(last_event_id);
        out.extend_from_slice(b"\r\n");
    }
    out.extend_from_slice(b"\r\n");
}

/// Appends a `POST` of the parts of `body`. `extra` are whole header lines.
pub(super) fn post(path: &str, extra: &str, body: &[&[u8]], out: &mut Vec<u8>) {
    let length = body.iter().map(|part| part.len()).sum::<usize>().to_string();
    append(out, &["POST ", path, " HTTP/1.1\r\nHost: localhost\r\n", extra, "Content-Length: ", &length, "\r\n\r\n"]);
    for part in body {
        out.extend_from_slice(part);
    }
}

/// Appends a Redis `PUBLISH` to a tenant's channel.
pub(super) fn redis_publish(tenant: usize, event: &[u8], out: &mut Vec<u8>) {
    let channel = format!("tenant:t{tenant}:eta");
    let head = format!("*3\r\n$7\r\nPUBLISH\r\n${}\r\n{channel}\r\n${}\r\n", channel.len(), event.len());
    out.extend_from_slice(head.as_bytes());
    out.extend_from_slice(event);
    out.extend_from_slice(b"\r\n");
}

fn append(out: &mut Vec<u8>, parts: &[&str]) {
    for part in parts {
        out.extend_from_slice(part.as_bytes());
    }
}
