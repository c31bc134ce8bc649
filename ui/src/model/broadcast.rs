//! A message to several drivers: who they are, and what is sent to them.

use std::collections::BTreeSet;

use sally_protocol::Id;
use sally_protocol::desktop::CommandError;
use sally_protocol::message::{Conversation, SendMessage, code};
use sally_protocol::recipients::Recipients;
use sally_protocol::template::{Facts, fill, placeholders};

use super::conversations::name;
use super::label;

/// A driver who can be written to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Driver {
    /// The driver, whose conversation has the same id.
    pub(crate) id: Id,
    /// The driver's name.
    pub(crate) name: String,
    /// Whether the driver has a messaging connection.
    pub(crate) online: bool,
}

/// Whom it goes to.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Choice {
    /// Everybody, whoever is chosen beside.
    pub(crate) all: bool,
    /// Those who were chosen one by one.
    pub(crate) chosen: BTreeSet<Id>,
}

/// Placeholders that can't be filled in for some.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Gap {
    /// Which.
    pub(crate) placeholders: Vec<&'static str>,
    /// For whom.
    pub(crate) drivers: Vec<Driver>,
}

impl Gap {
    /// `{stop} isn't known of Maria Lopez and 2 others.`
    pub(crate) fn words(&self) -> String {
        let what: Vec<String> = self.placeholders.iter().map(|name| format!("{{{name}}}")).collect();
        let is = if what.len() == 1 { "isn't" } else { "aren't" };
        let first = self.drivers.first().map(|driver| driver.name.as_str()).unwrap_or_default();
        let others = match self.drivers.len().saturating_sub(1) {
            0 => String::new(),
            1 => format!(" and {}", self.drivers[1].name),
            more => format!(" and {} others", label::thousands(more as u64)),
        };
        format!("{} {is} known of {first}{others}.", what.join(" and "))
    }
}

/// The drivers to whom the server would take a message, by name: one unknown or disabled recipient, and nobody gets
/// a message to several.
pub(crate) fn drivers(conversations: &[Conversation], listed: &BTreeSet<Id>) -> Vec<Driver> {
    let is_known = |known: &&Conversation| listed.contains(&known.conversation_id) || known.last_message.is_some();
    let of =
        |known: &Conversation| Driver { id: known.conversation_id.clone(), name: name(known), online: known.online };
    let mut drivers: Vec<Driver> =
        conversations.iter().filter(is_known).filter(|known| !known.disabled).map(of).collect();
    drivers.sort_by_cached_key(|driver| (driver.name.to_lowercase(), driver.id.clone()));
    drivers
}

/// Those with every word in their name or id.
pub(crate) fn matching(drivers: &[Driver], text: &str) -> Vec<Driver> {
    let words: Vec<String> = text.split_whitespace().map(str::to_lowercase).collect();
    let has = |driver: &&Driver| {
        let text = format!("{}\n{}", driver.name, driver.id).to_lowercase();
        words.iter().all(|word| text.contains(word))
    };
    drivers.iter().filter(has).cloned().collect()
}

/// Those whom a message goes to, as far as they are known here.
pub(crate) fn chosen(drivers: &[Driver], choice: &Choice) -> Vec<Driver> {
    drivers.iter().filter(|driver| choice.all || choice.chosen.contains(&driver.id)).cloned().collect()
}

/// What can't be filled in, and for whom.
pub(crate) fn gaps(text: &str, to: &[Driver], facts: impl Fn(&Driver) -> Facts) -> Vec<Gap> {
    let placeholders = placeholders(text);
    if placeholders.is_empty() {
        return Vec::new();
    }
    let known: Vec<(&Driver, Facts)> = to.iter().map(|driver| (driver, facts(driver))).collect();
    let mut gaps = Vec::<Gap>::new();
    for placeholder in placeholders {
        let without = known.iter().filter(|(_, facts)| facts.get(placeholder).is_none());
        let drivers: Vec<Driver> = without.map(|(driver, _)| (*driver).clone()).collect();
        match gaps.iter_mut().find(|gap| gap.drivers == drivers) {
            Some(gap) => gap.placeholders.push(placeholder),
            None if drivers.is_empty() => {}
            None => gaps.push(Gap { placeholders: vec![placeholder], drivers }),
        }
    }
    gaps
}

/// What is sent: one message to all of them, or where its text is another for each, one to each.
/// `message` has all but recipients and ids, `id` makes one each time.
pub(crate) fn messages(
    message: &SendMessage,
    choice: &Choice,
    to: &[Driver],
    facts: impl Fn(&Driver) -> Facts,
    mut id: impl FnMut() -> String,
) -> Vec<SendMessage> {
    let single = |driver: &Driver, client_message_id: String| SendMessage {
        recipient_id: Some(driver.id.clone()),
        content: fill(&message.content, &facts(driver)),
        client_message_id,
        ..message.clone()
    };
    if !placeholders(&message.content).is_empty() {
        return to.iter().map(|driver| single(driver, id())).collect();
    }
    let message = SendMessage { client_message_id: id(), ..message.clone() };
    match to {
        _ if choice.all => vec![SendMessage { broadcast: Some(true), ..message }],
        [] => Vec::new(),
        [driver] => vec![SendMessage { recipient_id: Some(driver.id.clone()), ..message }],
        several => {
            let ids = several.iter().map(|driver| driver.id.clone()).collect();
            vec![SendMessage { recipient_ids: Some(ids), ..message }]
        }
    }
}

/// Whom a message on its way goes to: `All drivers`, `Maria Lopez`, `3 drivers`.
pub(crate) fn whom(message: &SendMessage, conversations: &[Conversation]) -> String {
    let called =
        |id: &Id| conversations.iter().find(|known| known.conversation_id == *id).map_or_else(|| id.to_string(), name);
    match message.recipients() {
        Ok(Recipients::EveryDriver) => "All drivers".to_owned(),
        Ok(Recipients::One(user)) => called(user),
        Ok(Recipients::Several([one])) => called(one),
        Ok(Recipients::Several(several)) => label::count(several.len(), "driver", "drivers"),
        Ok(Recipients::Unnamed) | Err(_) => "Nobody".to_owned(),
    }
}

/// Why a message to several can't be sent, as a sentence.
pub(crate) fn reason(error: &CommandError) -> String {
    match error.code.as_str() {
        code::NOT_FOUND => "One of these drivers is no longer there, so that nobody has got it.".to_owned(),
        _ if error.message.ends_with('.') => error.message.clone(),
        _ => label::sentence(&error.message),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn id(text: &str) -> Id {
        Id::parse(text).expect("an id")
    }

    fn driver(id: &str, name: &str) -> Driver {
        Driver { id: self::id(id), name: name.into(), online: false }
    }

    fn conversation(id: &str, name: &str) -> Conversation {
        let conversation = json!({ "conversationId": id, "name": name, "unread": 0, "readSeq": 0, "online": false });
        serde_json::from_value(conversation).expect("a conversation")
    }

    fn fleet() -> Vec<Driver> {
        vec![driver("d1", "Ana Diaz"), driver("d2", "Ben Otto"), driver("d3", "Maria Lopez")]
    }

    fn some(ids: &[&str]) -> Choice {
        Choice { all: false, chosen: ids.iter().map(|text| id(text)).collect() }
    }

    /// Only the first driver's stop is known.
    fn facts(driver: &Driver) -> Facts {
        Facts {
            driver: Some(driver.name.clone()),
            stop: (driver.id.as_str() == "d1").then(|| "Dallas".into()),
            eta: None,
        }
    }

    fn sent(content: &str, choice: &Choice) -> Vec<SendMessage> {
        let message = SendMessage { content: content.into(), requires_ack: true, ..SendMessage::default() };
        let mut count = 0;
        messages(&message, choice, &chosen(&fleet(), choice), facts, || {
            count += 1;
            format!("u{count}")
        })
    }

    #[test]
    fn a_plain_text_is_one_message_however_many_it_goes_to() {
        let all = Choice { all: true, chosen: BTreeSet::new() };
        for (choice, expected) in [
            (all, Ok(Recipients::EveryDriver)),
            (some(&["d3", "d1"]), Ok(Recipients::Several(&[id("d1"), id("d3")]))),
            (some(&["d2"]), Ok(Recipients::One(&id("d2")))),
        ] {
            let sent = sent("Snow on I-40", &choice);
            assert_eq!(sent.len(), 1, "{choice:?}");
            assert_eq!(sent[0].recipients(), expected);
            assert_eq!((sent[0].client_message_id.as_str(), sent[0].requires_ack), ("u1", true));
        }
        assert_eq!(sent("Snow", &some(&[])), []);
        assert_eq!(sent("Snow", &some(&["gone"])), [], "who is no longer there isn't written to");
    }

    #[test]
    fn a_text_with_placeholders_is_one_message_for_each() {
        let all = Choice { all: true, chosen: BTreeSet::new() };
        let sent = sent("Hi {driver}, call in", &all);
        let texts: Vec<&str> = sent.iter().map(|message| message.content.as_str()).collect();
        assert_eq!(texts, ["Hi Ana Diaz, call in", "Hi Ben Otto, call in", "Hi Maria Lopez, call in"]);
        let ids: Vec<&str> = sent.iter().map(|message| message.client_message_id.as_str()).collect();
        assert_eq!(ids, ["u1", "u2", "u3"]);
        assert_eq!(sent[1].recipients(), Ok(Recipients::One(&id("d2"))));
    }

    #[test]
    fn what_cannot_be_filled_in_is_named_with_those_it_concerns() {
        assert_eq!(gaps("plain", &fleet(), facts), []);
        assert_eq!(gaps("{driver}", &fleet(), facts), []);
        let words: Vec<String> = gaps("{stop} {eta}", &fleet(), facts).iter().map(Gap::words).collect();
        let expected =
            ["{stop} isn't known of Ben Otto and Maria Lopez.", "{eta} isn't known of Ana Diaz and 2 others."];
        assert_eq!(words, expected);
        assert_eq!(gaps("{stop}", &chosen(&fleet(), &some(&["d1"])), facts), []);
        let both = gaps("{stop} {eta}", &chosen(&fleet(), &some(&["d2"])), facts);
        assert_eq!(both.iter().map(Gap::words).collect::<Vec<_>>(), ["{stop} and {eta} aren't known of Ben Otto."]);
        let one = gaps("{stop}", &chosen(&fleet(), &some(&["d2"])), facts);
        assert_eq!(one[0].words(), "{stop} isn't known of Ben Otto.");
    }

    #[test]
    fn only_whom_the_server_knows_can_be_chosen() {
        let all = [conversation("d2", "ben"), conversation("d1", "Ana"), conversation("d9", "Nobody")];
        let listed = BTreeSet::from([id("d1"), id("d2")]);
        let names: Vec<String> = drivers(&all, &listed).into_iter().map(|driver| driver.name).collect();
        assert_eq!(names, ["Ana", "ben"]);
    }

    #[test]
    fn a_refusal_is_a_sentence() {
        let error =
            |code: &str, message: &str| CommandError { code: code.into(), message: message.into(), retryable: false };
        assert_eq!(reason(&error("forbidden", "no such right")), "No such right.");
        assert_eq!(reason(&error("forbidden", "No.")), "No.");
        assert!(reason(&error("not_found", "no such recipient")).contains("nobody has got it"));
    }

    #[test]
    fn nothing_is_written_to_a_driver_whose_account_is_disabled() {
        let listed = BTreeSet::from([id("d1"), id("d2")]);
        let left = Conversation { disabled: true, ..conversation("d1", "Ana Diaz") };
        let both = [left, conversation("d2", "Ben Otto")];
        assert_eq!(drivers(&both, &listed), [driver("d2", "Ben Otto")]);
    }

    #[test]
    fn drivers_are_found_by_name_and_id() {
        let found = |text: &str| matching(&fleet(), text).into_iter().map(|driver| driver.name).collect::<Vec<_>>();
        assert_eq!(found("OTTO be"), ["Ben Otto"]);
        assert_eq!(found("d3"), ["Maria Lopez"]);
        assert_eq!(found("").len(), 3);
        assert!(found("zoe").is_empty());
    }

    #[test]
    fn whom_it_goes_to_is_said_in_few_words() {
        let to = |ids: &[&str]| SendMessage {
            recipient_ids: Some(ids.iter().map(|text| id(text)).collect()),
            ..SendMessage::default()
        };
        let known = [conversation("d2", "Ben Otto")];
        assert_eq!(whom(&to(&["d1", "d2"]), &known), "2 drivers");
        assert_eq!(whom(&to(&["d2"]), &known), "Ben Otto");
        assert_eq!(whom(&to(&["d9"]), &known), "d9");
        assert_eq!(whom(&SendMessage { broadcast: Some(true), ..SendMessage::default() }, &known), "All drivers");
    }
}
