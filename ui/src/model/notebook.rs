//! The dispatch team's notes in one conversation: what is stored, and what is on its way.

use std::collections::BTreeMap;

use jiff::Timestamp;
use sally_protocol::Id;
use sally_protocol::desktop::CommandError;
use sally_protocol::team::{Note, NoteDraft, Notes};

use super::bubble::Viewer;

/// Notes have no numbers: their order is that of the server's store.
type Place = (Timestamp, Id);

/// One conversation's notes.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Notebook {
    /// From the oldest one that has been fetched on.
    stored: BTreeMap<Place, Note>,
    /// Where a stored note stands, by [`key_of`].
    places: BTreeMap<String, Place>,
    /// What the server hasn't stored yet, oldest first.
    outgoing: Vec<Outgoing>,
    /// Whether the server has older ones than those here; `None` before the first page.
    more: Option<bool>,
}

/// A note that the server hasn't stored yet. Its `clientNoteId` is its name for as long as it exists.
#[derive(Debug, Clone, PartialEq)]
struct Outgoing {
    draft: NoteDraft,
    written_at: Timestamp,
    failure: Option<CommandError>,
}

/// How a note stands.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Stand {
    /// The team has it.
    Stored,
    /// It is on its way to the server.
    Sending,
    /// It could not be stored.
    Failed(CommandError),
}

/// What is said of a note that could not be stored.
pub(crate) fn failure_sentence(error: &CommandError) -> String {
    // What the disk didn't take is kept nowhere, and what the server refused isn't tried by itself.
    match error.retryable && !matches!(error.code.as_str(), "disk" | "outbox") {
        true => "Not saved yet. It is kept on this computer and saved when the server is back.".to_owned(),
        false => format!("Not saved. {}", error.message),
    }
}

/// A note as it is shown.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Shown {
    /// The server's id, once it is stored.
    pub(crate) note_id: Option<Id>,
    /// Who wrote it; `None` for the viewer.
    pub(crate) author: Option<String>,
    /// The text. It comes from people and is nothing but text.
    pub(crate) content: String,
    /// When it was stored, or written.
    pub(crate) at: Timestamp,
    /// How it stands.
    pub(crate) stand: Stand,
}

/// What identifies a note from the moment it is written: its author and the author's own id for it.
fn key_of(author: &Id, client_note_id: &str) -> String {
    format!("{author}/{client_note_id}")
}

impl Notebook {
    /// Takes in a page of notes: the newest one, or the one before the note `before`.
    pub(crate) fn page(&mut self, page: Notes, before: Option<&Id>) {
        if before.is_some() && before != self.oldest().map(|note| &note.note_id) {
            // What it continues is no longer the beginning of what is here.
            return;
        }
        let first = page.notes.first().map(place_of);
        let oldest = self.stored.keys().next();
        let begins_before = first.as_ref().is_none_or(|first| oldest.is_none_or(|oldest| first <= oldest));
        let touches =
            first.as_ref().is_none_or(|first| self.stored.keys().next_back().is_none_or(|last| first <= last));
        if before.is_none() && !touches {
            // What lies between is unknown: the newest page is the truth, the rest comes by scrolling up.
            self.stored.clear();
            self.places.clear();
            self.more = None;
        }
        if begins_before || self.more.is_none() || !page.more {
            self.more = Some(page.more);
        }
        page.notes.into_iter().for_each(|note| self.store(note));
    }

    /// Takes in a note that was pushed, or that a sending was answered with.
    pub(crate) fn receive(&mut self, note: Note) {
        self.settle(&note);
        let is_older = self.stored.keys().next().is_some_and(|oldest| place_of(&note) < *oldest);
        // It comes with its page, without a hole behind it.
        if !(is_older && self.has_more()) {
            self.store(note);
        }
    }

    fn store(&mut self, note: Note) {
        self.settle(&note);
        let place = place_of(&note);
        self.places.insert(key_of(&note.author_id, &note.client_note_id), place.clone());
        self.stored.insert(place, note);
    }

    /// A stored note is no longer on its way.
    fn settle(&mut self, note: &Note) {
        self.outgoing.retain(|outgoing| outgoing.draft.client_note_id != note.client_note_id);
    }

    /// Notes that a note is on its way, for the first time or again.
    pub(crate) fn sending(&mut self, draft: NoteDraft, written_at: Timestamp) {
        self.outgoing.push(Outgoing { draft, written_at, failure: None });
    }

    /// Takes in a note that an earlier run of the app could not have stored.
    pub(crate) fn restore(&mut self, draft: NoteDraft, written_at: Timestamp) {
        if self.outgoing.iter().all(|known| known.draft.client_note_id != draft.client_note_id) {
            let message = "The app was closed before the server had it.".into();
            let failure = CommandError { code: "not_stored".into(), message, retryable: true };
            self.outgoing.push(Outgoing { draft, written_at, failure: Some(failure) });
        }
    }

    /// Notes that a note could not be stored. One that is stored by now is, whatever is heard of it late.
    pub(crate) fn failed(&mut self, client_note_id: &str, error: CommandError) {
        if let Some(outgoing) = self.outgoing.iter_mut().find(|known| known.draft.client_note_id == client_note_id) {
            outgoing.failure = Some(error);
        }
    }

    /// The note with this key is tried again: what is to be sent, unless it is on its way already.
    pub(crate) fn again(&mut self, key: &str, viewer: &Viewer) -> Option<NoteDraft> {
        let outgoing =
            self.outgoing.iter_mut().find(|known| key_of(&viewer.user, &known.draft.client_note_id) == key)?;
        outgoing.failure.take().map(|_| outgoing.draft.clone())
    }

    /// Everything that failed and may succeed now is tried again: what is to be sent.
    pub(crate) fn again_all(&mut self) -> Vec<NoteDraft> {
        let may = |outgoing: &&mut Outgoing| outgoing.failure.as_ref().is_some_and(|failure| failure.retryable);
        self.outgoing
            .iter_mut()
            .filter(may)
            .map(|outgoing| {
                outgoing.failure = None;
                outgoing.draft.clone()
            })
            .collect()
    }

    /// The note with this key, while it is one that could not be stored.
    pub(crate) fn failed_draft(&self, key: &str, viewer: &Viewer) -> Option<&NoteDraft> {
        let mut failed = self.outgoing.iter().filter(|known| known.failure.is_some()).map(|known| &known.draft);
        failed.find(|draft| key_of(&viewer.user, &draft.client_note_id) == key)
    }

    /// How many notes could not be stored.
    pub(crate) fn failed_count(&self) -> usize {
        self.outgoing.iter().filter(|known| known.failure.is_some()).count()
    }

    /// Gives up a note that could not be stored.
    pub(crate) fn discard(&mut self, client_note_id: &str) {
        self.outgoing.retain(|known| known.draft.client_note_id != client_note_id);
    }

    /// The note with this key, as it is shown now.
    pub(crate) fn shown(&self, key: &str, viewer: &Viewer) -> Option<Shown> {
        if let Some(note) = self.places.get(key).and_then(|place| self.stored.get(place)) {
            let name = || note.author_name.clone().unwrap_or_else(|| note.author_id.to_string());
            return Some(Shown {
                note_id: Some(note.note_id.clone()),
                author: (note.author_id != viewer.user).then(name),
                content: note.content.clone(),
                at: note.at,
                stand: Stand::Stored,
            });
        }
        let outgoing = self.outgoing.iter().find(|known| key_of(&viewer.user, &known.draft.client_note_id) == key)?;
        Some(Shown {
            note_id: None,
            author: None,
            content: outgoing.draft.content.clone(),
            at: outgoing.written_at,
            stand: outgoing.failure.clone().map_or(Stand::Sending, Stand::Failed),
        })
    }

    /// When each stored note was stored, and its key, in the order of time.
    pub(super) fn lines(&self) -> impl Iterator<Item = (Timestamp, String)> {
        self.stored.values().map(|note| (note.at, key_of(&note.author_id, &note.client_note_id)))
    }

    /// When each note was written that isn't stored yet, and its key, in the order of time.
    pub(super) fn outgoing_lines(&self, viewer: &Viewer) -> impl Iterator<Item = (Timestamp, String)> {
        self.outgoing.iter().map(|known| (known.written_at, key_of(&viewer.user, &known.draft.client_note_id)))
    }

    /// The oldest stored note.
    pub(crate) fn oldest(&self) -> Option<&Note> {
        self.stored.values().next()
    }

    /// The note before which a page is to be fetched so that all since `since` are here.
    pub(crate) fn lacks(&self, since: Timestamp) -> Option<Id> {
        let oldest = self.oldest().filter(|oldest| self.has_more() && oldest.at >= since)?;
        Some(oldest.note_id.clone())
    }

    /// Whether the server has older notes than those here.
    pub(crate) fn has_more(&self) -> bool {
        self.more == Some(true)
    }
}

fn place_of(note: &Note) -> Place {
    (note.at, note.note_id.clone())
}

#[cfg(test)]
#[path = "notebook_tests.rs"]
mod tests;
