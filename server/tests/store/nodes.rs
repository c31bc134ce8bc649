//! Several nodes that write at once. Here a node is a handle with connections of its own.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};

use futures_util::future::{join_all, try_join_all};
use jiff::Timestamp;
use sally_protocol::message::ReceiptKind;
use sally_protocol::{Id, Role};
use sally_server::store::Database;
use sally_server::store::messages::{Outgoing, Stored};
use sally_server::store::receipts::Marked;
use sally_server::store::users::User;

use crate::backend::{Backend, add_drivers, fresh, id, tenant, to_dispatch, to_drivers, user};
use crate::messages::{inbox, offset, send};
use crate::receipts::{mark, with_messages};
use crate::sessions::{rotates, signed_in};
use crate::users::bearer;

async fn nodes<B: Backend>(backend: &B, first: Database) -> Vec<Database> {
    vec![first, backend.open().await, backend.open().await]
}

pub(crate) async fn nodes_that_start_together_share_a_new_database<B: Backend>() {
    let backend = B::fresh().await;
    let nodes = join_all((0..6).map(|_| backend.open())).await;
    let identities = try_join_all(nodes.iter().map(Database::identity)).await.unwrap();
    assert!(identities.iter().all(|identity| *identity == identities[0]), "{identities:?}");
}

pub(crate) async fn sends_of_two_nodes_have_one_order_without_holes<B: Backend>() {
    const EACH: usize = 40;
    let (backend, first) = fresh::<B>().await;
    add_drivers(&first, &["d1", "d2"]).await;
    let nodes = nodes(&backend, first).await;
    let done = AtomicBool::new(false);
    let sends = async {
        let of_node = nodes.iter().map(async |node| {
            for n in 0..EACH {
                match n % 3 {
                    0 => send(node, &to_drivers(&["d1", "d2"], "to both")).await,
                    1 => send(node, &to_dispatch("d1", "from one")).await,
                    _ => send(node, &to_dispatch("d2", "from the other")).await,
                };
            }
        });
        join_all(of_node).await;
        done.store(true, Ordering::Relaxed);
    };
    // Whoever reads meanwhile finds no offset before the ones below it.
    let look = async {
        while !done.load(Ordering::Relaxed) {
            for node in &nodes {
                let head = node.inbox_head(&tenant("acme")).await.unwrap().offset;
                let seen: Vec<u64> = inbox(node, "acme").await.iter().map(offset).collect();
                assert_eq!(seen, (1..=seen.len() as u64).collect::<Vec<_>>());
                assert!(seen.len() as u64 >= head, "what the head counts can be read");
            }
        }
    };
    tokio::join!(sends, look);
    let mut by_conversation: BTreeMap<Id, Vec<u64>> = BTreeMap::new();
    for message in inbox(&nodes[0], "acme").await {
        by_conversation.entry(message.conversation_id).or_default().push(message.seq);
    }
    assert_eq!(by_conversation.len(), 2);
    for seqs in by_conversation.into_values() {
        assert_eq!(seqs, (1..=seqs.len() as u64).collect::<Vec<_>>());
    }
}

/// Each node knows where a conversation stood when it wrote last, and the other has written since.
pub(crate) async fn nodes_that_take_turns_take_no_place_twice<B: Backend>() {
    let (backend, first) = fresh::<B>().await;
    add_drivers(&first, &["d1", "d2"]).await;
    let nodes = nodes(&backend, first).await;
    let mut sent = Vec::new();
    for n in 0..12 {
        let outgoing = match n % 4 {
            3 => to_drivers(&["d1"], "to one"),
            2 => to_dispatch("d2", "from the other"),
            _ => to_dispatch("d1", "from one"),
        };
        sent.extend(send(&nodes[n % 3], &outgoing).await);
        // One that stays at a node finds its own place again.
        sent.extend(send(&nodes[n % 3], &to_drivers(&["d2"], "to the other")).await);
    }
    assert_eq!(inbox(&nodes[0], "acme").await, sent, "what was answered is what is stored");
    assert_eq!(sent.iter().map(offset).collect::<Vec<_>>(), (1..=24).collect::<Vec<_>>());
    for driver in ["d1", "d2"] {
        let seqs: Vec<u64> = sent.iter().filter(|of| of.conversation_id.as_str() == driver).map(|of| of.seq).collect();
        assert_eq!(seqs, (1..=seqs.len() as u64).collect::<Vec<_>>());
    }
}

pub(crate) async fn a_resend_to_another_node_is_known<B: Backend>() {
    let (backend, first) = fresh::<B>().await;
    add_drivers(&first, &["d1", "d2"]).await;
    let nodes = nodes(&backend, first).await;
    for n in 0..20 {
        let outgoing = to_drivers(if n % 2 == 0 { &["d1"] } else { &["d1", "d2"] }, "once");
        let group = [&outgoing];
        let stored = try_join_all(nodes.iter().map(|node| node.send(&group, Timestamp::now()))).await.unwrap();
        let (mut new, mut ids) = (0, Vec::new());
        for stored in stored.into_iter().flatten() {
            let messages = match stored {
                Stored::New(messages) => {
                    new += 1;
                    messages
                }
                Stored::Duplicate(messages) => messages,
                Stored::UnknownRecipient => panic!("the drivers are known"),
            };
            ids.push(messages.into_iter().map(|message| message.message_id).collect::<Vec<_>>());
        }
        assert_eq!(new, 1);
        assert!(ids.iter().all(|of_node| *of_node == ids[0]), "all answer with the same messages");
    }
    assert_eq!(inbox(&nodes[0], "acme").await.len(), 30);
}

pub(crate) async fn nodes_that_write_for_the_same_tenants_do_not_block_each_other<B: Backend>() {
    let (backend, first) = fresh::<B>().await;
    let names = ["acme", "globex", "initech"];
    for name in names {
        first.add_user(&User { tenant: tenant(name), ..user("d1", Role::Driver) }).await.unwrap();
    }
    let nodes = nodes(&backend, first).await;
    let of_node = nodes.iter().enumerate().map(async |(place, node)| {
        for _ in 0..20 {
            let mut group = names.map(|name| Outgoing { tenant: tenant(name), ..to_drivers(&["d1"], "one") });
            group.rotate_left(place);
            let stored = node.send(&group.each_ref(), Timestamp::now()).await.unwrap();
            assert!(stored.iter().all(|stored| matches!(stored, Stored::New(_))));
        }
    });
    join_all(of_node).await;
    for name in names {
        assert_eq!(inbox(&nodes[0], name).await.len(), 60);
    }
}

pub(crate) async fn nodes_that_meet_the_same_users_do_not_block_each_other<B: Backend>() {
    let (backend, first) = fresh::<B>().await;
    let nodes = nodes(&backend, first).await;
    let names: Vec<String> = (0..60).map(|n| format!("u{n}")).collect();
    let of_node = nodes.iter().enumerate().map(async |(place, node)| {
        for _ in 0..10 {
            let mut users: Vec<_> = names.iter().map(|name| bearer(name, Role::Dispatcher)).collect();
            users.rotate_left(place * 20);
            node.remember_users(&users).await.unwrap();
        }
    });
    join_all(of_node).await;
    assert_eq!(nodes[0].users(&tenant("acme")).await.unwrap().len(), 60);
}

pub(crate) async fn a_mark_is_made_once<B: Backend>() {
    let (backend, first) = with_messages::<B>().await;
    let nodes = nodes(&backend, first).await;
    for seq in 1..=10 {
        for kind in [ReceiptKind::Delivered, ReceiptKind::Read] {
            let marked = join_all(nodes.iter().map(|node| mark(node, kind, seq))).await;
            let moved = marked.iter().filter(|marked| **marked == Marked::At(seq)).count();
            assert_eq!(moved, 1, "{kind:?} {seq}: {marked:?}");
        }
    }
}

pub(crate) async fn a_token_is_exchanged_by_one_node<B: Backend>() {
    let (backend, first) = signed_in::<B>("t0").await;
    let nodes = nodes(&backend, first).await;
    let of_node = nodes.iter().zip(["a", "b", "c"]).map(|(node, next)| rotates(node, "t0", next));
    assert_eq!(join_all(of_node).await.into_iter().filter(|rotated| *rotated).count(), 1);
    for next in ["a", "b", "c"] {
        assert!(!rotates(&nodes[0], next, "d").await, "it was used twice, so the family has ended");
    }
}

pub(crate) async fn a_family_that_ends_leaves_no_token<B: Backend>() {
    let (backend, first) = signed_in::<B>("t0").await;
    let nodes = nodes(&backend, first).await;
    for round in 0..20 {
        let first = format!("{round}-0");
        nodes[0].begin_session(&tenant("acme"), &id("ann"), &first, crate::sessions::later()).await.unwrap();
        assert!(rotates(&nodes[0], &first, &format!("{round}-1")).await);
        // One goes on exchanging while a copy of the first token comes back.
        let go_on = async {
            for n in 1..6 {
                rotates(&nodes[1], &format!("{round}-{n}"), &format!("{round}-{}", n + 1)).await;
            }
        };
        let (copied, ()) = tokio::join!(rotates(&nodes[2], &first, "stolen"), go_on);
        assert!(!copied);
        // The newest first, since one that was used would end what is left of the family.
        for n in (0..=6).rev() {
            assert!(!rotates(&nodes[0], &format!("{round}-{n}"), "next").await, "{round}-{n} is still good");
        }
    }
}

pub(crate) async fn whoever_asks_first_all_get_one_inbox<B: Backend>() {
    let (backend, first) = fresh::<B>().await;
    let nodes = nodes(&backend, first).await;
    let acme = tenant("acme");
    let heads = try_join_all(nodes.iter().map(|node| node.inbox_head(&acme))).await.unwrap();
    assert!(heads.iter().all(|head| *head == heads[0]), "{heads:?}");
}
