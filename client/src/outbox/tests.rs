use std::collections::BTreeMap;

use proptest::prelude::*;
use sally_protocol::message::code;

use super::*;

fn id(text: &str) -> Id {
    Id::parse(text).expect("an id")
}

fn message(client: &str, driver: &str) -> SendMessage {
    SendMessage {
        recipient_id: Some(id(driver)),
        content: format!("text of {client}"),
        client_message_id: client.into(),
        ..SendMessage::default()
    }
}

fn put(outbox: &mut Outbox, client: &str, driver: &str) -> Result<(), Refusal> {
    let at = "2026-11-24T10:00:00Z".parse().expect("a time");
    outbox.put(message(client, driver), &id("ann"), at)
}

fn filled(clients: &[&str]) -> Outbox {
    let mut outbox = Outbox::default();
    clients.iter().for_each(|client| put(&mut outbox, client, "driver").expect("room"));
    outbox
}

fn refused(code: &str, retryable: bool, retry_after_ms: Option<u64>) -> Answer {
    Answer::Refused(RequestError { code: code.into(), message: format!("No: {code}."), retryable, retry_after_ms })
}

fn taken(outbox: &mut Outbox, now: Instant) -> Option<String> {
    outbox.take(now).map(|message| message.client_message_id)
}

fn ids(outbox: &Outbox) -> Vec<&str> {
    outbox.entries().iter().map(Unsent::id).collect()
}

#[test]
fn messages_go_one_at_a_time_and_in_order() {
    let (mut outbox, now) = (filled(&["a", "b"]), Instant::now());
    assert_eq!(taken(&mut outbox, now).as_deref(), Some("a"));
    assert_eq!(taken(&mut outbox, now), None, "one is in flight");
    outbox.answered(Answer::Stored, now, 0.5);
    assert_eq!(ids(&outbox), ["b"]);
    assert_eq!(taken(&mut outbox, now).as_deref(), Some("b"));
    outbox.answered(Answer::Stored, now, 0.5);
    assert_eq!((taken(&mut outbox, now), outbox.wakes_at()), (None, None));
}

#[test]
fn what_the_server_puts_off_waits_as_long_as_it_asked_and_keeps_its_place() {
    let (mut outbox, now) = (filled(&["a", "b"]), Instant::now());
    taken(&mut outbox, now);
    outbox.answered(refused(code::RATE_LIMITED, true, Some(4_000)), now, 0.0);
    assert_eq!(outbox.entries()[0].state, UnsentState::Waiting { reason: Some("No: rate_limited.".into()) });
    let due = now + Duration::from_secs(4);
    outbox.connected();
    assert_eq!(outbox.wakes_at(), Some(due), "a new connection is the same sender");
    assert_eq!(taken(&mut outbox, due - Duration::from_millis(1)), None);
    assert_eq!(taken(&mut outbox, due).as_deref(), Some("a"));
}

#[test]
fn a_lost_connection_is_backed_off_from_until_there_is_another() {
    let (mut outbox, now) = (filled(&["a"]), Instant::now());
    let mut waits = Vec::new();
    let mut at = now;
    for _ in 0..3 {
        assert_eq!(taken(&mut outbox, at).as_deref(), Some("a"));
        outbox.answered(Answer::Unheard, at, 1.0);
        let due = outbox.wakes_at().expect("an end of the pause");
        waits.push((due - at).as_millis());
        at = due;
    }
    assert_eq!(waits, [250, 500, 1_000]);
    taken(&mut outbox, at);
    outbox.answered(Answer::Unheard, at, 1.0);
    outbox.connected();
    assert_eq!(taken(&mut outbox, at).as_deref(), Some("a"));
}

#[test]
fn what_the_server_will_not_take_stands_aside() {
    let (mut outbox, now) = (filled(&["a", "b"]), Instant::now());
    taken(&mut outbox, now);
    assert_eq!(outbox.discard("a"), Err(NotFailed), "it may arrive yet");
    outbox.answered(refused(code::NOT_FOUND, false, None), now, 0.5);
    assert_eq!(taken(&mut outbox, now).as_deref(), Some("b"));
    outbox.answered(Answer::Stored, now, 0.5);
    assert_eq!(taken(&mut outbox, now), None);
    assert_eq!(ids(&outbox), ["a"]);
    let UnsentState::Failed { error } = &outbox.entries()[0].state else { panic!("it has failed") };
    assert_eq!((error.code.as_str(), error.retryable), (code::NOT_FOUND, false));

    outbox.retry("a").expect("a failed message");
    assert_eq!(taken(&mut outbox, now).as_deref(), Some("a"));
    outbox.answered(refused(code::NOT_FOUND, false, None), now, 0.5);
    outbox.discard("a").expect("a failed message");
    assert_eq!(outbox.entries(), []);
    assert_eq!((outbox.retry("a"), outbox.discard("a")), (Err(NotFailed), Err(NotFailed)));
}

#[test]
fn the_same_message_is_there_once() {
    let mut outbox = filled(&["a", "a"]);
    assert_eq!(ids(&outbox), ["a"]);
    taken(&mut outbox, Instant::now());
    put(&mut outbox, "a", "driver").expect("the message that is there");
    assert_eq!(outbox.entries()[0].state, UnsentState::Sending);
}

#[test]
fn what_could_never_be_sent_and_what_is_too_much_is_not_taken() {
    let mut outbox = Outbox::default();
    let at = "2026-11-24T10:00:00Z".parse().expect("a time");
    let empty = SendMessage { content: String::new(), ..message("a", "driver") };
    assert_eq!(outbox.put(empty, &id("ann"), at), Err(Refusal::Content(ContentError::Empty)));
    let nobody = SendMessage { recipient_id: None, recipient_ids: Some(vec![]), ..message("a", "driver") };
    assert_eq!(outbox.put(nobody, &id("ann"), at), Err(Refusal::Recipients(RecipientsError::Number)));
    let both = SendMessage { broadcast: Some(true), ..message("a", "driver") };
    assert_eq!(outbox.put(both, &id("ann"), at), Err(Refusal::Recipients(RecipientsError::Contradiction)));
    assert_eq!(outbox.entries(), []);
    for n in 0..CAPACITY {
        put(&mut outbox, &n.to_string(), "driver").expect("room");
    }
    assert_eq!(put(&mut outbox, "one more", "driver"), Err(Refusal::Full));
    assert_eq!(outbox.entries().len(), CAPACITY);
}

#[test]
fn a_message_stands_in_its_recipients_conversation_and_one_to_several_by_itself() {
    let mut outbox = Outbox::default();
    let at = "2026-11-24T10:00:00Z".parse().expect("a time");
    let several = Some(vec![id("d1"), id("d2")]);
    for (n, message) in [
        message("a", "d1"),
        SendMessage { recipient_id: None, ..message("b", "d1") },
        SendMessage { recipient_id: None, recipient_ids: several, ..message("c", "d1") },
        SendMessage { recipient_id: None, broadcast: Some(true), ..message("d", "d1") },
    ]
    .into_iter()
    .enumerate()
    {
        outbox.put(message, &id("ann"), at).expect("room");
        let expected = [Some(id("d1")), Some(id("ann")), None, None];
        assert_eq!(outbox.entries()[n].conversation_id, expected[n]);
    }
}

/// What can happen to an outbox.
#[derive(Debug, Clone)]
enum Step {
    Put(u8),
    Take,
    Answer(Answer),
    Connect,
    Wait,
    Crash,
    Retry(usize),
    Discard(usize),
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        4 => (0..3_u8).prop_map(Step::Put),
        6 => Just(Step::Take),
        3 => Just(Step::Answer(Answer::Stored)),
        1 => Just(Step::Answer(Answer::Unheard)),
        1 => Just(Step::Answer(refused(code::RATE_LIMITED, true, Some(300)))),
        1 => Just(Step::Answer(refused(code::UNAVAILABLE, true, None))),
        1 => Just(Step::Answer(refused(code::NOT_FOUND, false, None))),
        1 => Just(Step::Connect),
        2 => Just(Step::Wait),
        1 => Just(Step::Crash),
        1 => any::<usize>().prop_map(Step::Retry),
        1 => any::<usize>().prop_map(Step::Discard),
    ]
}

proptest! {
    #[test]
    fn nothing_is_lost_reordered_or_sent_beside_another(steps in prop::collection::vec(step(), 1..120)) {
        let mut outbox = Outbox::default();
        let mut now = Instant::now();
        let mut written = Vec::new();
        let mut ended = Vec::new();
        let mut in_flight = None::<String>;
        // The newest message of each conversation that the server has stored, those that failed once excepted.
        let mut stored = BTreeMap::<u8, usize>::new();
        let mut failed_once = Vec::<String>::new();
        for step in steps {
            match step {
                Step::Put(driver) => {
                    let client = format!("{}-{driver}", written.len());
                    put(&mut outbox, &client, &format!("driver-{driver}")).expect("room");
                    written.push(client);
                }
                Step::Take => {
                    let next = outbox.take(now).map(|message| message.client_message_id);
                    prop_assert!(next.is_none() || in_flight.is_none(), "two in flight");
                    in_flight = next.or(in_flight);
                }
                Step::Answer(answer) => {
                    outbox.answered(answer.clone(), now, 0.5);
                    let Some(client) = in_flight.take() else { continue };
                    match answer {
                        Answer::Stored => {
                            let (number, driver) = client.split_once('-').expect("a number and a driver");
                            let number: usize = number.parse().expect("a number");
                            if !failed_once.contains(&client) {
                                let before = stored.insert(driver.parse().expect("a driver"), number);
                                prop_assert!(before.is_none_or(|before| before < number), "reordered");
                            }
                            ended.push(client);
                        }
                        Answer::Refused(error) if !error.retryable => failed_once.push(client),
                        Answer::Refused(_) | Answer::Unheard => {}
                    }
                }
                Step::Connect => outbox.connected(),
                Step::Wait => now += Duration::from_millis(400),
                Step::Crash => {
                    outbox = Outbox::restore(outbox.entries().to_vec(), Vec::new());
                    in_flight = None;
                }
                Step::Retry(_) | Step::Discard(_) if outbox.entries().is_empty() => {}
                Step::Retry(which) => {
                    let client = outbox.entries()[which % outbox.entries().len()].id().to_owned();
                    let _ = outbox.retry(&client);
                }
                Step::Discard(which) => {
                    let client = outbox.entries()[which % outbox.entries().len()].id().to_owned();
                    if outbox.discard(&client).is_ok() {
                        prop_assert!(failed_once.contains(&client));
                        ended.push(client);
                    }
                }
            }
            let sending: Vec<&str> = outbox
                .entries()
                .iter()
                .filter(|entry| entry.state == UnsentState::Sending)
                .map(Unsent::id)
                .collect();
            prop_assert_eq!(sending, in_flight.as_deref().into_iter().collect::<Vec<_>>());
            let rest: Vec<&String> = written.iter().filter(|client| !ended.contains(client)).collect();
            prop_assert_eq!(ids(&outbox), rest, "lost, or out of place");
        }
        // Left alone with a server that works, it empties itself of all that hasn't failed.
        for _ in 0..2 * written.len() + 1 {
            outbox.answered(Answer::Stored, now, 0.5);
            now += Duration::from_secs(60);
            outbox.take(now);
        }
        prop_assert!(!outbox.entries().iter().any(is_waiting), "never sent");
    }
}
