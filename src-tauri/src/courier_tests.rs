use std::sync::Mutex;
use std::time::Duration;

use sally_client::messaging::Failure::{NoAnswer, Offline};
use sally_protocol::message::RequestError;
use sally_protocol::outbox::{Unsent, UnsentState};
use sally_protocol::team::NoteDraft;
use serde_json::json;
use tempfile::TempDir;
use tokio::time::timeout;

use super::*;

/// How long a push may take that should take a moment.
const SOON: Duration = Duration::from_secs(20);

type Answers = Arc<Mutex<Vec<Result<(), Failure>>>>;

/// A courier with what it tells and what it sends.
struct Scene {
    courier: Courier,
    pushes: mpsc::UnboundedReceiver<Push>,
    road: watch::Sender<Option<Road>>,
    sent: mpsc::UnboundedReceiver<SendMessage>,
    way: Road,
}

fn account(user: &str) -> Account {
    Account { server: "https://sally.example".into(), tenant: "acme".into(), user: user.into() }
}

fn id(text: &str) -> Id {
    Id::parse(text).expect("an id")
}

/// A way to a server that gives these answers, and then stores everything.
fn way(answers: Vec<Result<(), Failure>>) -> (Road, mpsc::UnboundedReceiver<SendMessage>) {
    let (sent, received) = mpsc::unbounded_channel();
    let answers: Answers = Arc::new(Mutex::new(answers.into_iter().rev().collect()));
    let way: Road = Arc::new(move |message| {
        sent.send(message.clone()).expect("a listener");
        let answer = answers.lock().expect("a lock").pop().unwrap_or(Ok(()));
        Box::pin(async move { answer.map(|()| stored(&message)) })
    });
    (way, received)
}

fn stored(message: &SendMessage) -> Sent {
    serde_json::from_value(json!({ "duplicate": true, "messages": [{
        "messageId": "m1", "conversationId": "driver-7", "seq": 1, "cursor": "c1", "senderId": "ann",
        "senderRole": "dispatcher", "recipientId": "driver-7", "content": message.content, "priority": "normal",
        "requiresAck": false, "timestamp": "2026-11-24T10:00:00Z", "clientMessageId": message.client_message_id,
    }]}))
    .expect("an answer")
}

fn message(client: &str) -> SendMessage {
    SendMessage {
        recipient_id: Some(id("driver-7")),
        content: "hello".into(),
        client_message_id: client.into(),
        ..SendMessage::default()
    }
}

fn set(dir: &TempDir, user: &str, answers: Vec<Result<(), Failure>>) -> Scene {
    let (push, pushes) = mpsc::unbounded_channel();
    // Whoever no longer listens is no failure of the courier's.
    let interface: Interface = Arc::new(move |told| drop(push.send(told)));
    let (road, taken) = watch::channel(None);
    let (way, sent) = way(answers);
    let courier = Courier::start(dir.path().join("outbox"), account(user), id(user), interface, taken);
    Scene { courier, pushes, road, sent, way }
}

impl Scene {
    async fn push(&mut self) -> Push {
        timeout(SOON, self.pushes.recv()).await.expect("in time").expect("a push")
    }

    /// Waits for the list that is told at the start.
    async fn begins_with(&mut self) -> Vec<String> {
        loop {
            if let Push::Outbox(entries) = self.push().await {
                return entries.iter().map(|entry| entry.id().to_owned()).collect();
            }
        }
    }

    async fn state(&mut self) -> (String, UnsentState) {
        match self.push().await {
            Push::Unsent(Unsent { message, state, .. }) => (message.client_message_id, state),
            other => panic!("not a message in the outbox: {other:?}"),
        }
    }

    async fn left(&mut self) -> (String, usize) {
        loop {
            if let Push::Left { client_message_id, messages } = self.push().await {
                return (client_message_id, messages.len());
            }
        }
    }

    fn open_road(&self) {
        self.road.send_replace(Some(self.way.clone()));
    }
}

#[tokio::test]
async fn what_is_written_offline_outlives_the_app_and_goes_out_in_order() {
    let dir = tempfile::tempdir().expect("a directory");
    let mut scene = set(&dir, "ann", vec![]);
    assert_eq!(scene.begins_with().await, Vec::<String>::new());
    for client in ["u1", "u2"] {
        scene.courier.counter().take(vec![message(client)]).await.expect("a disk");
        assert_eq!(scene.state().await, (client.into(), UnsentState::Waiting { reason: None }));
    }
    assert!(scene.sent.try_recv().is_err(), "nothing goes out without a road");
    // Its end without a word is what a killed app leaves, but for the lock, which goes with the process.
    drop(scene.courier.counter());
    scene.courier.close().await;

    let mut scene = set(&dir, "ann", vec![]);
    assert_eq!(scene.begins_with().await, ["u1", "u2"]);
    scene.open_road();
    assert_eq!((scene.left().await, scene.left().await), (("u1".into(), 1), ("u2".into(), 1)));
    let sent = [scene.sent.recv().await.expect("a message"), scene.sent.recv().await.expect("a message")];
    assert_eq!(sent, [message("u1"), message("u2")]);
    scene.courier.close().await;

    let mut scene = set(&dir, "ann", vec![]);
    assert_eq!(scene.begins_with().await, Vec::<String>::new());
}

#[tokio::test]
async fn a_broadcast_outlives_the_app_in_its_place_among_the_others() {
    let dir = tempfile::tempdir().expect("a directory");
    let several = SendMessage {
        recipient_id: None,
        recipient_ids: Some(vec![id("driver-7"), id("driver-8")]),
        requires_ack: true,
        ..message("u2")
    };
    let everyone = SendMessage { recipient_id: None, broadcast: Some(true), ..message("u3") };
    let mut scene = set(&dir, "ann", vec![]);
    scene.begins_with().await;
    let counter = scene.courier.counter();
    counter.take(vec![message("u1")]).await.expect("a disk");
    counter.take(vec![several.clone()]).await.expect("a disk");
    counter.take(vec![everyone.clone()]).await.expect("a disk");
    drop(counter);
    scene.courier.close().await;

    let mut scene = set(&dir, "ann", vec![]);
    let Push::Outbox(entries) = scene.push().await else { panic!("no outbox") };
    let conversations: Vec<_> = entries.iter().map(|entry| entry.conversation_id.clone()).collect();
    assert_eq!(conversations, [Some(id("driver-7")), None, None], "one to several belongs to no one conversation");
    scene.open_road();
    for expected in [message("u1"), several, everyone] {
        assert_eq!(scene.left().await, (expected.client_message_id.clone(), 1));
        assert_eq!(scene.sent.recv().await, Some(expected));
    }
    scene.courier.close().await;
}

#[tokio::test]
async fn a_note_that_was_not_stored_outlives_the_app_until_it_is() {
    let dir = tempfile::tempdir().expect("a directory");
    let note = |client: &str| UnsentNote {
        conversation_id: id("driver-7"),
        note: NoteDraft { content: "Knows the dock".into(), client_note_id: client.into() },
        created_at: "2026-11-24T10:00:00Z".parse().expect("a time"),
    };
    let mut scene = set(&dir, "ann", vec![]);
    scene.begins_with().await;
    let counter = scene.courier.counter();
    for client in ["n1", "n2"] {
        counter.keep_note(note(client)).await.expect("a disk");
    }
    counter.drop_note("n1".into()).await.expect("a disk");
    let empty = UnsentNote { note: NoteDraft { content: String::new(), ..note("n3").note }, ..note("n3") };
    assert_eq!(counter.keep_note(empty).await.map_err(|error| error.code), Err("not_taken".into()));
    drop(counter);
    scene.courier.close().await;

    let mut scene = set(&dir, "ann", vec![]);
    scene.begins_with().await;
    assert_eq!(scene.push().await, Push::UnsentNotes(vec![note("n2")]));
    scene.courier.counter().take(vec![message("u1")]).await.expect("a disk");
    scene.courier.counter().drop_note("n2".into()).await.expect("a disk");
    scene.courier.close().await;

    let mut scene = set(&dir, "ann", vec![]);
    assert_eq!(scene.begins_with().await, ["u1"], "notes and messages are kept side by side");
    scene.open_road();
    assert!(matches!(scene.push().await, Push::Unsent(_)), "no note is left");
}

#[tokio::test]
async fn messages_are_taken_together_or_not_at_all() {
    let dir = tempfile::tempdir().expect("a directory");
    let mut scene = set(&dir, "ann", vec![]);
    scene.begins_with().await;
    let counter = scene.courier.counter();
    let empty = SendMessage { content: String::new(), ..message("u2") };
    let refused = counter.take(vec![message("u1"), empty]).await;
    assert_eq!(refused.map_err(|error| error.code), Err("not_taken".into()));
    counter.take(vec![message("u3"), message("u4")]).await.expect("a disk");
    drop(counter);
    scene.courier.close().await;
    let mut scene = set(&dir, "ann", vec![]);
    assert_eq!(scene.begins_with().await, ["u3", "u4"]);
}

#[tokio::test]
async fn another_user_neither_sees_nor_sends_it() {
    let dir = tempfile::tempdir().expect("a directory");
    let mut ann = set(&dir, "ann", vec![]);
    ann.begins_with().await;
    ann.courier.counter().take(vec![message("u1")]).await.expect("a disk");
    ann.courier.close().await;

    let mut bob = set(&dir, "bob", vec![]);
    assert_eq!(bob.begins_with().await, Vec::<String>::new());
    bob.open_road();
    bob.courier.counter().take(vec![message("u2")]).await.expect("a disk");
    bob.left().await;
    assert_eq!(bob.sent.recv().await, Some(message("u2")));
    assert!(bob.sent.try_recv().is_err());
}

#[tokio::test]
async fn an_unanswered_message_is_the_same_one_the_next_time() {
    let dir = tempfile::tempdir().expect("a directory");
    let mut scene = set(&dir, "ann", vec![Err(NoAnswer), Err(Offline)]);
    scene.begins_with().await;
    scene.open_road();
    scene.courier.counter().take(vec![message("u1")]).await.expect("a disk");
    assert_eq!(scene.left().await, ("u1".into(), 1));
    for _ in 0..3 {
        assert_eq!(scene.sent.recv().await, Some(message("u1")));
    }
    assert!(scene.sent.try_recv().is_err());
}

#[tokio::test]
async fn a_refused_message_waits_for_a_decision_and_lets_others_pass() {
    let dir = tempfile::tempdir().expect("a directory");
    let refusal = RequestError {
        code: "not_found".into(),
        message: "There is no such driver.".into(),
        retryable: false,
        retry_after_ms: None,
    };
    let mut scene =
        set(&dir, "ann", vec![Err(Failure::Refused(refusal.clone())), Ok(()), Err(Failure::Refused(refusal))]);
    scene.begins_with().await;
    let counter = scene.courier.counter();
    counter.take(vec![message("u1")]).await.expect("a disk");
    counter.take(vec![message("u2")]).await.expect("a disk");
    scene.open_road();
    assert_eq!(scene.left().await, ("u2".into(), 1));
    counter.retry("u1".into()).await.expect("a failed message");
    loop {
        if let (_, UnsentState::Failed { error }) = scene.state().await {
            assert_eq!(error.message, "There is no such driver.");
            break;
        }
    }
    counter.discard("u1".into()).await.expect("a failed message");
    assert_eq!(scene.left().await, ("u1".into(), 0));
    assert_eq!(counter.discard("u1".into()).await.map_err(|error| error.code), Err("not_found".into()));
}

#[tokio::test]
async fn a_disk_that_fails_is_said_at_once_and_nothing_is_taken() {
    let dir = tempfile::tempdir().expect("a directory");
    // A file where the directory should be.
    std::fs::write(dir.path().join("outbox"), "").expect("a disk");
    let mut scene = set(&dir, "ann", vec![]);
    assert!(matches!(scene.push().await, Push::Notice(_)));
    let refused = scene.courier.counter().take(vec![message("u1")]).await;
    assert_eq!(refused.map_err(|error| (error.code, error.retryable)), Err(("outbox".into(), true)));
    std::fs::remove_file(dir.path().join("outbox")).expect("a disk");
    scene.courier.counter().take(vec![message("u1")]).await.expect("a disk that works again");
}

#[tokio::test]
async fn another_interface_is_told_everything() {
    let dir = tempfile::tempdir().expect("a directory");
    let mut scene = set(&dir, "ann", vec![]);
    scene.begins_with().await;
    scene.courier.counter().take(vec![message("u1")]).await.expect("a disk");
    let (push, mut pushes) = mpsc::unbounded_channel();
    scene.courier.attach(Arc::new(move |told| drop(push.send(told))));
    let Some(Push::Outbox(entries)) = pushes.recv().await else { panic!("no outbox") };
    assert_eq!((entries.len(), entries[0].conversation_id.clone()), (1, Some(id("driver-7"))));
}
