//! Positions, dense offsets, one order.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};

use sally_protocol::Event;
use sally_server::log::Position;
use serde_json::json;

use crate::backend::Backend;
use crate::node::{event, expected, fresh, offsets, plain, tenant};

pub(crate) async fn a_log_begins_when_it_is_asked_for<B: Backend>() {
    let (_backend, node) = fresh::<B>().await;
    let acme = tenant("acme");
    let begun = node.log.position(&acme).await.unwrap();
    assert_eq!(begun.offset, 0);
    assert_eq!(node.log.position(&acme).await.unwrap(), begun);
    let first = node.append(&acme, &event(&json!({ "type": "zz_top" }))).await;
    assert_eq!(first.position, Position { offset: 1, ..begun });
    assert_eq!(node.log.position(&acme).await.unwrap(), first.position);
    let snapshot = node.log.compacted(&tenant("globex")).await.unwrap();
    assert_eq!((snapshot.position.offset, snapshot.events.len()), (0, 0));
    assert_ne!(snapshot.position.epoch, begun.epoch, "every log lives a life of its own");
}

pub(crate) async fn whoever_asks_first_all_get_one_epoch<B: Backend>() {
    let (_backend, node) = fresh::<B>().await;
    let acme = tenant("acme");
    let asked = (0..8).map(|_| node.log.position(&acme));
    let positions = futures_util::future::try_join_all(asked).await.unwrap();
    assert!(positions.iter().all(|position| *position == positions[0]), "{positions:?}");
}

pub(crate) async fn offsets_are_dense_from_one<B: Backend>() {
    let (_backend, node) = fresh::<B>().await;
    let acme = tenant("acme");
    let begun = node.log.position(&acme).await.unwrap();
    let mut listener = node.listen(&acme).await;
    let events: Vec<Event> = (1..=10).map(|n| event(&json!({ "type": "zz_top", "n": n }))).collect();
    node.append_each(&acme, &events[..4]).await;
    let batch = events[4..].iter().map(|event| (acme.clone(), event.clone())).collect();
    let appended = node.log.append(batch).await.unwrap();
    assert_eq!(appended.iter().map(|appended| appended.position.offset).collect::<Vec<_>>(), [5, 6, 7, 8, 9, 10]);
    for (appended, event) in appended.iter().zip(&events[4..]) {
        assert_eq!((&appended.event_id, appended.duplicate), (&event.event_id, false));
        assert_eq!(appended.position.epoch, begun.epoch);
    }
    let expected: Vec<_> =
        (1..).zip(&events).map(|(offset, event)| expected(&acme, Position { offset, ..begun }, event)).collect();
    assert_eq!(plain(&node.read_all(&acme, begun).await), plain(&expected));
    assert_eq!(plain(&listener.next(10).await), plain(&expected));
    assert!(listener.is_at_end().await);
}

pub(crate) async fn tenants_are_counted_apart<B: Backend>() {
    let (_backend, node) = fresh::<B>().await;
    let (acme, globex) = (tenant("acme"), tenant("globex"));
    let mut listener = node.listen(&globex).await;
    let begun = node.log.position(&globex).await.unwrap();
    for n in 1..=3 {
        let of_acme = event(&json!({ "type": "new_alert", "alert": { "id": "a1" }, "n": n }));
        assert_eq!(node.append(&acme, &of_acme).await.position.offset, n);
    }
    let of_globex = event(&json!({ "type": "new_alert", "tenantId": "globex", "alert": { "id": "a1" } }));
    assert_eq!(node.append(&globex, &of_globex).await.position.offset, 1);
    let heard = listener.next(1).await;
    assert_eq!(plain(&heard), plain(&node.read_all(&globex, begun).await));
    assert!(listener.is_at_end().await);
    assert_eq!(node.snapshot(&globex).await, [of_globex.json]);
    assert_eq!(node.snapshot(&acme).await.len(), 1);
    assert_eq!(node.log.entity(&globex, "alert:a1").await.unwrap().len(), 1);
}

pub(crate) async fn concurrent_appends_have_one_order<B: Backend>() {
    const WRITERS: usize = 8;
    const EACH: usize = 25;
    let (_backend, node) = fresh::<B>().await;
    let acme = tenant("acme");
    let begun = node.log.position(&acme).await.unwrap();
    let mut listener = node.listen(&acme).await;
    let writers = (0..WRITERS).map(|writer| {
        let (log, acme) = (node.log.clone(), acme.clone());
        tokio::spawn(async move {
            let mut written = Vec::new();
            for n in 0..EACH {
                let event = event(&json!({ "type": "zz_top", "writer": writer, "n": n }));
                let appended = log.append(vec![(acme.clone(), event.clone())]).await.unwrap().remove(0);
                written.push((appended.position, event));
            }
            written
        })
    });
    let written = futures_util::future::try_join_all(writers).await.unwrap();
    let mut by_offset = BTreeMap::new();
    for of_writer in written {
        let order: Vec<u64> = of_writer.iter().map(|(position, _)| position.offset).collect();
        assert!(order.is_sorted(), "what a writer appended first stands first: {order:?}");
        for (position, event) in of_writer {
            assert!(by_offset.insert(position.offset, expected(&acme, position, &event)).is_none(), "{position:?}");
        }
    }
    let expected: Vec<_> = by_offset.into_values().collect();
    assert_eq!(offsets(&expected), (1..=(WRITERS * EACH) as u64).collect::<Vec<_>>());
    assert_eq!(plain(&node.read_all(&acme, begun).await), plain(&expected));
    assert_eq!(plain(&listener.next(WRITERS * EACH).await), plain(&expected));
    assert!(listener.is_at_end().await);
}

pub(crate) async fn a_batch_may_name_several_tenants<B: Backend>() {
    let (_backend, node) = fresh::<B>().await;
    let names = ["acme", "globex", "acme", "globex", "globex"];
    let batch = names.map(|name| (tenant(name), event(&json!({ "type": "zz_top", "tenantId": name })))).to_vec();
    let ids: Vec<String> = batch.iter().map(|(_, event)| event.event_id.clone()).collect();
    let appended = node.log.append(batch).await.unwrap();
    assert_eq!(appended.iter().map(|appended| appended.position.offset).collect::<Vec<_>>(), [1, 1, 2, 2, 3]);
    assert_eq!(appended.iter().map(|appended| appended.event_id.clone()).collect::<Vec<_>>(), ids);
    assert_eq!(node.log.append(Vec::new()).await.unwrap(), []);
}

pub(crate) async fn a_batch_is_seen_whole_or_not_at_all<B: Backend>() {
    const BATCH: usize = 7;
    let (_backend, node) = fresh::<B>().await;
    let acme = tenant("acme");
    let done = AtomicBool::new(false);
    let write = async {
        for _ in 0..30 {
            let event = || event(&json!({ "type": "zz_top" }));
            node.log.append((0..BATCH).map(|_| (acme.clone(), event())).collect()).await.unwrap();
        }
        done.store(true, Ordering::Relaxed);
    };
    let look = async {
        while !done.load(Ordering::Relaxed) {
            let seen = node.log.position(&acme).await.unwrap().offset;
            assert_eq!(seen % BATCH as u64, 0, "part of a batch was seen");
            tokio::task::yield_now().await;
        }
    };
    tokio::join!(write, look);
}
