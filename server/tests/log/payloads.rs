//! Events come out as they went in.

use sally_protocol::Event;
use sally_protocol::event::MAX_EVENT_BYTES;
use sally_server::log::Position;
use serde_json::json;

use crate::backend::Backend;
use crate::node::{event, expected, fresh, plain, published, tenant};

pub(crate) async fn events_come_out_as_they_went_in<B: Backend>() {
    let (backend, node) = fresh::<B>().await;
    let acme = tenant("acme");
    let begun = node.log.position(&acme).await.unwrap();
    let mut listener = node.listen(&acme).await;
    let head = r#"{"type":"new_alert","alert":{"id":"a1"},"x":""#;
    let largest = format!("{head}{}\"}}", "x".repeat(MAX_EVENT_BYTES - head.len() - 2));
    assert_eq!(largest.len(), MAX_EVENT_BYTES);
    let payloads = [
        r#"{"type":"zz_top","x":1.10,"y":1e400,"z":-0.0,"w":100000000000000000000000000}"#,
        "{\"type\":\"zz_top\",\"x\":\"\u{202e}\u{feff}\u{1f69a}\u{fffd}\u{10ffff}e\u{301}\u{2028}\u{85}\u{7f}\"}",
        r#"{"type":"zz_top","x":"\u0000\ud83d\ude9a\n\r\t\"\\\/","\u0000":"name"}"#,
        r#"{"type":"zz_top", "b" : 1 , "a":[ ] ,"x":null}"#,
        r#"{"type":"zz_top","x":"data: one\\nid: two","y":"'; DROP TABLE log_event; --","z":"$1 %s {} ?"}"#,
        r#"{"type":"zz_top","eventId":"\u00e9 \"quoted\" 🚚","occurredAt":"whenever"}"#,
        largest.as_str(),
    ];
    let events: Vec<Event> = payloads.iter().map(|payload| published(&acme, payload)).collect();
    node.append_each(&acme, &events).await;
    let expected: Vec<_> =
        (1..).zip(&events).map(|(offset, event)| expected(&acme, Position { offset, ..begun }, event)).collect();
    assert_eq!(plain(&listener.next(events.len()).await), plain(&expected), "as the hub was told");
    assert_eq!(plain(&node.read_all(&acme, begun).await), plain(&expected), "as it was read");
    assert_eq!(node.snapshot(&acme).await, [events[6].json.clone()], "as it is in the snapshot");
    assert!(node.append(&acme, &events[5]).await.duplicate, "an odd id is an id");
    drop(listener);
    node.stop().await;
    let node = backend.open(crate::node::KEEP).await;
    assert_eq!(plain(&node.read_all(&acme, begun).await), plain(&expected), "as a new process reads it");
}

pub(crate) async fn readers_are_kept<B: Backend>() {
    let (_backend, node) = fresh::<B>().await;
    let acme = tenant("acme");
    let begun = node.log.position(&acme).await.unwrap();
    let mut listener = node.listen(&acme).await;
    let events = [
        event(&json!({ "type": "new_alert", "driverId": "d1", "alert": { "id": "a1", "driverId": "d2" } })),
        event(&json!({ "type": "new_alert", "alert": { "id": "a2" } })),
        event(&json!({ "type": "message_waiting", "conversationId": "u:1@x", "unread": 1 })),
    ];
    node.append_each(&acme, &events).await;
    let expected = [vec!["d:d1".to_owned(), "d:d2".into()], Vec::new(), vec!["u:u:1@x".into()]];
    let readers = |entries: &[sally_server::log::Entry]| -> Vec<Vec<String>> {
        plain(entries).into_iter().map(|(_, readers, _)| readers).collect()
    };
    assert_eq!(readers(&listener.next(3).await), expected);
    assert_eq!(readers(&node.read_all(&acme, begun).await), expected);
    let compacted = node.log.compacted(&acme).await.unwrap().events;
    let readers: Vec<_> = compacted.iter().map(|event| event.readers.clone()).collect();
    assert_eq!(readers, events.map(|event| event.subject.readers));
    assert_eq!(node.log.entity(&acme, "alert:a1").await.unwrap()[0].readers.len(), 2);
}
