//! Notes in an outbox: kept from before they are sent until the server has stored them.

use sally_protocol::message::check_content;
use sally_protocol::outbox::UnsentNote;

use super::{Outbox, Refusal};

impl Outbox {
    /// The notes that the server hasn't been heard to store, oldest first.
    pub fn notes(&self) -> &[UnsentNote] {
        &self.notes
    }

    /// Keeps a note. One whose `clientNoteId` is there already is the same note, and changes nothing.
    ///
    /// # Errors
    ///
    /// A [`Refusal`]; nothing has changed then.
    pub fn put_note(&mut self, note: UnsentNote) -> Result<(), Refusal> {
        check_content(&note.note.content).map_err(Refusal::Content)?;
        if self.notes.iter().any(|known| known.id() == note.id()) {
            return Ok(());
        }
        self.has_room()?;
        self.notes.push(note);
        Ok(())
    }

    /// Lets go of a note that is stored or given up, whether or not it is there.
    pub fn remove_note(&mut self, id: &str) {
        self.notes.retain(|known| known.id() != id);
    }
}

#[cfg(test)]
mod tests {
    use sally_protocol::Id;
    use sally_protocol::message::ContentError;
    use sally_protocol::team::NoteDraft;

    use super::*;
    use crate::outbox::CAPACITY;

    fn note(id: &str, content: &str) -> UnsentNote {
        UnsentNote {
            conversation_id: Id::parse("driver").expect("an id"),
            note: NoteDraft { content: content.into(), client_note_id: id.into() },
            created_at: "2026-11-24T10:00:00Z".parse().expect("a time"),
        }
    }

    fn ids(outbox: &Outbox) -> Vec<&str> {
        outbox.notes().iter().map(UnsentNote::id).collect()
    }

    #[test]
    fn a_note_is_there_once_until_it_is_let_go() {
        let mut outbox = Outbox::default();
        for id in ["n1", "n2", "n1"] {
            outbox.put_note(note(id, "Knows the dock")).expect("room");
        }
        assert_eq!(ids(&outbox), ["n1", "n2"]);
        let mut outbox = Outbox::restore(outbox.entries().to_vec(), outbox.notes().to_vec());
        outbox.remove_note("n1");
        outbox.remove_note("n1");
        assert_eq!(ids(&outbox), ["n2"]);
    }

    #[test]
    fn what_could_never_be_stored_and_what_is_too_much_is_not_kept() {
        let mut outbox = Outbox::default();
        assert_eq!(outbox.put_note(note("n", "")), Err(Refusal::Content(ContentError::Empty)));
        for n in 0..CAPACITY {
            outbox.put_note(note(&n.to_string(), "Knows the dock")).expect("room");
        }
        assert_eq!(outbox.put_note(note("n", "One more")), Err(Refusal::Full));
        outbox.put_note(note("0", "Knows the dock")).expect("the note that is there");
    }
}
