//! What the core pushes, taken in.

use std::time::Duration;

use js_sys::Date;
use leptos::prelude::*;
use sally_protocol::board::Change;
use sally_protocol::desktop::Push;
use sally_protocol::stream::Frame;

use super::clock::now;
use super::desk::Desk;

impl Desk {
    /// Takes in a push.
    pub(super) fn receive(self, push: Push) {
        match push {
            Push::Events(link) => self.events.update(|known| known.set(link, now())),
            Push::Frames(frames) => self.fold(&frames),
            Push::Messaging(link) => self.inbox.link_changed(link),
            Push::Message(message) => self.inbox.receive(message),
            Push::Receipt(receipt) => self.inbox.receipt(&receipt),
            Push::Typing(typing) => self.inbox.typing(&typing),
            Push::Presence(presence) => self.inbox.presence(&presence),
            Push::Note(note) => self.inbox.notes.receive(note),
            Push::Assignment(assignment) => self.inbox.assigned(&assignment),
            Push::TemplatesChanged => self.inbox.templates.fetch(),
            Push::Outbox(unsent) => self.inbox.outbox(unsent),
            Push::Unsent(unsent) => self.inbox.unsent(unsent),
            Push::Left { client_message_id, messages } => self.inbox.left(&client_message_id, messages),
            Push::UnsentNotes(notes) => self.inbox.unsent_notes(notes),
            Push::Notice(text) => self.notify(text),
        }
    }

    /// Folds frames into the board at once, and has the screen follow as fast as eyes do.
    fn fold(self, frames: &[Frame]) {
        self.board.update_untracked(|board| {
            for frame in frames {
                let Change::AlertRaised(id) = board.apply(frame) else { continue };
                if let Some(alert) = board.alerts.get(&id).filter(|alert| board.current && !alert.status.is_resolved())
                {
                    let raised = (alert.priority, alert.title.clone());
                    self.raised.update_value(|known| known.push(raised));
                }
            }
        });
        let Some(wait_ms) = self.pace.try_update_value(|pace| pace.changed(Date::now())).flatten() else { return };
        let redraw = move || {
            request_animation_frame(move || {
                self.pace.update_value(|pace| pace.redrawn(Date::now()));
                self.board.notify();
            });
        };
        if wait_ms < 1.0 { redraw() } else { set_timeout(redraw, Duration::from_millis(wait_ms as u64)) }
    }
}
