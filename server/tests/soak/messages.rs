//! Messages through bad lines and kills: everybody sees every message once and in order, and a
//! message sent again, because nobody heard that it was stored, is the same message.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use sally_client::bare::{Connection, Incoming};
use sally_protocol::message::{NAMESPACE, SendMessage, Sent};
use sally_protocol::{Id, Message, Role};
use serde_json::json;
use tokio::task::JoinSet;
use tokio::time::{Instant, interval, timeout};
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use crate::listener::Listener;
use crate::node::{Node, token};
use crate::size::Size;
use crate::support::until;

/// How long the last of them may take to see the end.
const AFTERWARDS: Duration = Duration::from_secs(60);

/// One listener in so many is a dispatcher, the others are drivers.
const DISPATCHERS: usize = 20;

fn driver(n: usize) -> Id {
    Id::parse(&format!("drv-{n}")).unwrap()
}

fn message(to: &Id, content: String) -> SendMessage {
    let client_message_id = Uuid::new_v4().to_string();
    SendMessage { recipient_id: Some(to.clone()), content, client_message_id, ..SendMessage::default() }
}

/// A dispatcher that only sends.
async fn sender(node: &Node, user: &str) -> Connection {
    let auth = json!({ "token": token(user, Role::Dispatcher) });
    Connection::open(&node.url(""), NAMESPACE, &auth).await.unwrap()
}

/// Lets go of what has come to a sender so far, which are others' messages and who comes and goes.
async fn drain(sender: &mut Connection) {
    while let Ok(come) = timeout(Duration::ZERO, sender.next()).await {
        come.expect("a sender stays connected");
    }
}

/// What a listener must have seen: all of it, in the order of the inbox.
fn assert_saw<'a>(listener: &Listener, sent: impl Iterator<Item = &'a Message>) {
    let (sent, seen): (Vec<&Message>, Vec<&Message>) = (sent.collect(), listener.seen.iter().collect());
    assert_eq!(sent.len(), seen.len());
    assert_eq!(sent, seen);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_drops_every_few_seconds_gets_all_of_it_once_and_in_order() {
    let (size, dir) = (Size::asked(), tempfile::tempdir().unwrap());
    let node = Node::start(dir.path(), &[]).await;
    let (begun, over) = (Arc::new(AtomicUsize::new(0)), CancellationToken::new());
    let mut listening = JoinSet::new();
    let drivers = size.listeners - size.listeners / DISPATCHERS;
    for n in 0..size.listeners {
        let token = match n < drivers {
            true => token(driver(n).as_str(), Role::Driver),
            false => token(&format!("dsp-{n}"), Role::Dispatcher),
        };
        // Each leaves at a time of its own, as clients do.
        let first = size.stay.mul_f64((n + 1) as f64 / size.listeners as f64);
        let listener = Listener::new(node.url(""), token);
        let (begun, over) = (Arc::clone(&begun), over.clone());
        listening.spawn(async move { (n, listener.listen(first, size.stay, size.away, begun, over).await) });
    }
    until("all have been connected", async || begun.load(Ordering::Relaxed) == size.listeners).await;

    // Five senders, since each may send ten a second.
    let mut senders = Vec::new();
    for n in 0..5 {
        senders.push(sender(&node, &format!("snd-{n}")).await);
    }
    let mut pace = interval(Duration::from_secs(1) / size.messages_per_second);
    let (end, mut sent) = (Instant::now() + size.lasts, Vec::<Message>::new());
    while Instant::now() < end {
        pace.tick().await;
        let n = sent.len();
        // Some drivers get many, so that what one misses is more than one message.
        let to = driver(if n % 2 == 0 { n / 2 % drivers } else { n % 7 });
        let at = n % senders.len();
        drain(&mut senders[at]).await;
        let answer: Sent = senders[at].request("send_message", &message(&to, n.to_string())).await.unwrap();
        assert!(!answer.duplicate);
        sent.extend(answer.messages);
    }
    over.cancel();
    let mut resumed = 0;
    let mut repeats = 0;
    while let Some(listener) = timeout(AFTERWARDS, listening.join_next()).await.expect("the end in time") {
        let (n, listener) = listener.unwrap();
        match n < drivers {
            true => assert_saw(&listener, sent.iter().filter(|message| message.conversation_id == driver(n))),
            false => assert_saw(&listener, sent.iter()),
        }
        resumed += listener.resumed;
        repeats += listener.repeats;
    }
    println!("{} clients, {} messages, {resumed} connections, {repeats} repeats", size.listeners, sent.len());
    assert!(resumed >= size.listeners * 2, "only {resumed} connections");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_stored_and_not_acknowledged_is_the_same_message_when_it_is_sent_again() {
    let (rounds, dir) = (Size::asked().faults * 3, tempfile::tempdir().unwrap());
    let mut node = Node::start(dir.path(), &[]).await;
    let to = driver(1);
    let mut other = Listener::new(node.url(""), token("bob", Role::Dispatcher));
    drop(Listener::new(node.url(""), token(to.as_str(), Role::Driver)).connect().await.unwrap());
    let (mut stored, mut again) = (Vec::new(), 0);
    for round in 0..rounds {
        let mut watching = other.connect().await.unwrap();
        let mut sending = sender(&node, "ann").await;
        let batch: Vec<SendMessage> = (0..20).map(|n| message(&to, format!("{round}/{n}"))).collect();
        // Nothing that the node answers is read, so that to the sender nothing is stored; while the
        // other sees the first ones stored, some of the rest are and some aren't.
        for message in &batch {
            sending.emit("send_message", message).await.unwrap();
        }
        let kill_at = other.seen.len() + 1 + round % 5;
        while other.seen.len() < kill_at {
            if let Incoming::Event(event) = watching.next().await.unwrap()
                && event.name == "new_message"
            {
                other.take(event.read().expect("a message"), true);
            }
        }
        node.kill();
        drop((sending, watching));
        node.restart().await;

        let mut sending = sender(&node, "ann").await;
        for (n, message) in batch.iter().enumerate() {
            let answer: Sent = sending.request("send_message", message).await.unwrap();
            let known = other.seen.get(stored.len());
            assert_eq!(answer.messages.len(), 1);
            assert!(
                known.is_none_or(|known| answer.duplicate && *known == answer.messages[0]),
                "{round}/{n}: {answer:?}"
            );
            again += usize::from(answer.duplicate);
            stored.extend(answer.messages);
        }
        other.connect().await.unwrap();
        assert_saw(&other, stored.iter());
    }
    let seqs: Vec<u64> = stored.iter().map(|message| message.seq).collect();
    assert_eq!(seqs, (1..=stored.len() as u64).collect::<Vec<_>>());
    println!("{rounds} kills, {} messages, {again} of them stored and not acknowledged", stored.len());
    assert!(again >= rounds, "only {again} were sent again");
}
