//! The dispatch team's notes: fetched beside the messages, and left by whoever looks.

use std::collections::BTreeMap;

use jiff::Timestamp;
use leptos::prelude::*;
use leptos::task::spawn_local;
use sally_protocol::Id;
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

    /// Gives up a note that could not be left.
    pub(crate) fn discard(self, conversation: &Id, key: &str, viewer: &Viewer) {
        self.change(conversation, |book| book.discard(key, viewer));
    }

    fn send(self, conversation: Id, draft: NoteDraft) {
        spawn_local(async move {
            match commands::add_note(&conversation, &draft).await {
                Ok(note) => self.receive(note),
                Err(error) => self.change(&conversation, |book| book.failed(&draft.client_note_id, error)),
            }
        });
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
