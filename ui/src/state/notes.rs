//! The dispatch team's notes: fetched beside the messages, and left by whoever looks.

use std::collections::BTreeMap;

use jiff::Timestamp;
use leptos::prelude::*;
use leptos::task::spawn_local;
use sally_protocol::Id;
use sally_protocol::desktop::CommandError;
use sally_protocol::team::{Note, NoteDraft};
use uuid::Uuid;

use super::clock::now;
use super::desk::Load;
use crate::commands;
use crate::model::bubble::Viewer;
use crate::model::notebook::Notebook;

/// How many pages are fetched at the most to get as far back as the messages.
const PAGES: usize = 40;

/// All conversations' notes. A bundle of signals.
#[derive(Clone, Copy)]
pub(crate) struct TeamNotes {
    /// The notes of conversations that have been opened or noted something in.
    pub(crate) books: RwSignal<BTreeMap<Id, Notebook>>,
    /// How the fetching of notes stands.
    pub(crate) loads: RwSignal<BTreeMap<Id, Load>>,
}

impl TeamNotes {
    /// No notes.
    pub(super) fn new() -> Self {
        Self { books: RwSignal::default(), loads: RwSignal::default() }
    }

    /// Forgets everything, for the next user.
    pub(super) fn forget(self) {
        self.books.set(BTreeMap::new());
        self.loads.set(BTreeMap::new());
    }

    /// Fetches the newest notes of a conversation.
    pub(super) async fn fetch_newest(self, conversation: &Id) {
        self.fetch(conversation, None).await;
    }

    /// Fetches older notes until all since `since` are here.
    pub(super) async fn fetch_since(self, conversation: &Id, since: Timestamp) {
        for _ in 0..PAGES {
            let lacks = |books: &BTreeMap<Id, Notebook>| books.get(conversation).and_then(|book| book.lacks(since));
            let Some(before) = self.books.with_untracked(lacks) else { return };
            if !self.fetch(conversation, Some(before)).await {
                return;
            }
        }
    }

    /// Fetches the page before the oldest note that is here.
    pub(super) async fn fetch_older(self, conversation: &Id) {
        let oldest = |books: &BTreeMap<Id, Notebook>| Some(books.get(conversation)?.oldest()?.note_id.clone());
        if let Some(before) = self.books.with_untracked(oldest) {
            self.fetch(conversation, Some(before)).await;
        }
    }

    async fn fetch(self, conversation: &Id, before: Option<Id>) -> bool {
        self.stands(conversation, Load::Loading);
        let state = match commands::notes(conversation, before.as_ref()).await {
            Ok(page) => {
                self.change(conversation, |book| book.page(page, before.as_ref()));
                Load::Ready
            }
            Err(error) => Load::Failed(error),
        };
        let there = state == Load::Ready;
        self.stands(conversation, state);
        there
    }

    /// Takes in a note that somebody has left.
    pub(super) fn receive(self, note: Note) {
        let conversation = note.conversation_id.clone();
        self.change(&conversation, |book| book.receive(note));
    }

    /// Leaves a note.
    pub(crate) fn add(self, conversation: Id, content: String) {
        let draft = NoteDraft { content, client_note_id: Uuid::new_v4().to_string() };
        self.change(&conversation, |book| book.sending(draft.clone(), now()));
        self.send(conversation, draft);
    }

    /// Tries again to leave a note. It is the same note to the server.
    pub(crate) fn retry(self, conversation: Id, key: &str, viewer: &Viewer) {
        if let Some(draft) = self.change(&conversation, |book| book.again(key, viewer)) {
            self.send(conversation, draft);
        }
    }

    /// Tries again to leave what could not be left, now that the server is back.
    pub(super) fn retry_all(self) {
        let mut again = Vec::new();
        self.books.update(|books| {
            for (conversation, book) in books {
                again.extend(book.again_all().into_iter().map(|draft| (conversation.clone(), draft)));
            }
        });
        again.into_iter().for_each(|(conversation, draft)| self.send(conversation, draft));
    }

    /// Takes in a note that an earlier run of the app could not have stored.
    pub(super) fn restore(self, conversation: &Id, draft: NoteDraft, written_at: Timestamp) {
        self.change(conversation, |book| book.restore(draft, written_at));
    }

    /// How many notes could not be stored, all conversations together.
    pub(crate) fn failed_count(self) -> usize {
        self.books.with(|books| books.values().map(Notebook::failed_count).sum())
    }

    /// Gives up a note that could not be left. It goes once it is no longer kept on the disk.
    pub(crate) fn discard(self, conversation: Id, key: &str, viewer: &Viewer) {
        let draft = |books: &BTreeMap<Id, Notebook>| books.get(&conversation)?.failed_draft(key, viewer).cloned();
        let Some(NoteDraft { client_note_id, .. }) = self.books.with_untracked(draft) else { return };
        spawn_local(async move {
            let answer = commands::discard_note(&client_note_id).await;
            self.change(&conversation, |book| match answer {
                Ok(()) => book.discard(&client_note_id),
                Err(error) => book.failed(&client_note_id, error),
            });
        });
    }

    fn send(self, conversation: Id, draft: NoteDraft) {
        spawn_local(async move {
            let answer = commands::add_note(&conversation, &draft).await;
            self.answered(&conversation, &draft.client_note_id, answer);
        });
    }

    /// Takes in whether a note is stored. One that isn't stays where it was written, to be tried again
    /// or discarded, whatever is looked at meanwhile.
    fn answered(self, conversation: &Id, client_note_id: &str, answer: Result<Note, CommandError>) {
        match answer {
            Ok(note) => self.receive(note),
            Err(error) => self.change(conversation, |book| book.failed(client_note_id, error)),
        }
    }

    fn change<T: Default>(self, conversation: &Id, change: impl FnOnce(&mut Notebook) -> T) -> T {
        let changed = self.books.try_update(|books| change(books.entry(conversation.clone()).or_default()));
        // Signals of the desk live as long as the page does.
        changed.unwrap_or_default()
    }

    fn stands(self, conversation: &Id, load: Load) {
        self.loads.update(|loads| {
            loads.insert(conversation.clone(), load);
        });
    }
}

#[cfg(test)]
mod tests {
    use sally_protocol::Role;
    use sally_protocol::team::Notes;
    use serde_json::json;

    use super::*;
    use crate::model::notebook::Stand;

    fn id(text: &str) -> Id {
        Id::parse(text).expect("an id")
    }

    fn stored(n: u32, conversation: &str) -> Note {
        serde_json::from_value(json!({
            "noteId": format!("n{n}"), "conversationId": conversation, "authorId": "bob", "content": "remark",
            "at": format!("2026-11-24T10:{n:02}:00Z"), "clientNoteId": format!("u{n}"),
        }))
        .expect("a note")
    }

    #[test]
    fn a_note_that_could_not_be_stored_stays_with_its_conversation() {
        let viewer = Viewer { user: id("ann"), role: Role::Dispatcher };
        let (notes, drv_1, drv_2) = (TeamNotes::new(), id("drv-1"), id("drv-2"));
        let draft = NoteDraft { content: "Knows the dock".into(), client_note_id: "mine".into() };
        notes.change(&drv_1, |book| book.page(Notes { notes: vec![stored(1, "drv-1")], more: false }, None));
        notes.change(&drv_1, |book| book.sending(draft.clone(), Timestamp::UNIX_EPOCH));

        // Another conversation is looked at when the answer comes, and much has been noted on coming back.
        notes.change(&drv_2, |book| book.page(Notes { notes: vec![stored(2, "drv-2")], more: false }, None));
        let error = CommandError { code: "unreachable".into(), message: "No server.".into(), retryable: false };
        notes.answered(&drv_1, "mine", Err(error.clone()));
        notes.change(&drv_1, |book| book.page(Notes { notes: vec![stored(9, "drv-1")], more: true }, None));

        let key = "ann/mine";
        let shown = |of: &Id| notes.books.with_untracked(|books| books.get(of)?.shown(key, &viewer));
        let seen = shown(&drv_1).expect("the note");
        assert_eq!((seen.content.as_str(), seen.stand), ("Knows the dock", Stand::Failed(error)));
        assert_eq!(shown(&drv_2), None);
        assert_eq!(notes.change(&drv_1, |book| book.again(key, &viewer)), Some(draft), "the same note again");
    }
}
