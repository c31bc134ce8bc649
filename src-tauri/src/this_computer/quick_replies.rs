//! The quick replies that the demo's dispatcher finds: a few, so that the list isn't empty, and one
//! of each kind that a dispatcher writes many times a day.

use sally_client::{Error, Session};
use sally_protocol::team::TemplateDraft;

/// Title and text. Titles begin with what is wanted of the driver, since they are listed by title.
const REPLIES: [(&str, &str); 6] = [
    ("Appointment confirmed", "{driver}, your appointment at {stop} is confirmed. Dispatch has you there at {eta}."),
    ("Ask for an ETA", "{driver}, what is your ETA to {stop}? We have you there at {eta}."),
    ("Ask for the reason of a delay", "{driver}, you are running late for {stop}. What is holding you up?"),
    ("Call dispatch", "{driver}, please call dispatch when you are safely parked."),
    ("Detention", "{driver}, please send your check-in and check-out times at {stop} so we can bill the detention."),
    ("Send the paperwork", "{driver}, please send a photo of the signed bill of lading before you leave {stop}."),
];

/// Adds them for a team that has no quick replies at all, so that what a dispatcher changes or
/// removes stays as they left it.
///
/// # Errors
///
/// What the server refuses, or whatever kept its answer away.
pub(super) async fn provide(dispatcher: &Session) -> Result<(), Error> {
    if !dispatcher.templates().await?.templates.is_empty() {
        return Ok(());
    }
    for (title, text) in REPLIES {
        let draft = TemplateDraft { title: title.into(), text: text.into(), version: None };
        dispatcher.add_template(&draft).await?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use sally_protocol::template::{PLACEHOLDERS, placeholders};

    use super::super::ThisComputer;
    use super::*;

    #[test]
    fn each_placeholder_is_shown_by_some_reply() {
        let used: Vec<_> = REPLIES.iter().flat_map(|(_, text)| placeholders(text)).collect();
        assert!(PLACEHOLDERS.iter().all(|name| used.contains(name)), "{used:?}");
    }

    #[tokio::test]
    async fn they_are_there_once_and_what_is_removed_stays_away() {
        let data = tempfile::tempdir().expect("a directory");
        let (computer, session, _) = ThisComputer::start(data.path(), true).await.expect("a server");
        let first = session.templates().await.expect("an answer").templates;
        assert_eq!(first.iter().map(|reply| reply.title.as_str()).collect::<Vec<_>>(), REPLIES.map(|(title, _)| title));
        session.remove_template(&first[0].template_id, first[0].version).await.expect("a removal");
        computer.stop().await;

        let (computer, session, _) = ThisComputer::start(data.path(), true).await.expect("a server");
        assert_eq!(session.templates().await.expect("an answer").templates, first[1..]);
        computer.stop().await;
    }

    #[tokio::test]
    async fn a_server_without_the_fleet_has_none() {
        let data = tempfile::tempdir().expect("a directory");
        let (computer, session, _) = ThisComputer::start(data.path(), false).await.expect("a server");
        assert_eq!(session.templates().await.expect("an answer").templates, []);
        computer.stop().await;
    }
}
