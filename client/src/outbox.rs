//! The outbox: what has been written, until the server has stored it.
//!
//! Pure logic, which knows neither disk nor connection. Messages go out one at a time and in the
//! order in which they were written, so that none overtakes another of its conversation. One that
//! the server won't take stands aside and lets the later ones pass. Notes are kept beside them, in no
//! order: each is on its own.
//!
//! # Layout
//!
//! - here: which message is next, and what an answer means.
//! - `notes`: what is kept of notes.
//! - [`Account`]: whose outbox it is.
//! - [`File`]: where it is kept.

mod account;
mod file;
mod notes;
#[cfg(test)]
mod tests;

use std::time::Duration;

use jiff::Timestamp;
use sally_protocol::Id;
use sally_protocol::desktop::CommandError;
use sally_protocol::message::{ContentError, RequestError, SendMessage, check_content};
use sally_protocol::outbox::{Unsent, UnsentNote, UnsentState};
use sally_protocol::recipients::{Recipients, RecipientsError};
use tokio::time::Instant;

pub use account::Account;
pub use file::{File, OpenError, Opened};

use crate::backoff::Backoff;

/// The most messages and notes that an outbox keeps.
pub const CAPACITY: usize = 1_000;

/// What a sending came to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Answer {
    /// The server has stored it, now or at an earlier attempt.
    Stored,
    /// There was no connection, or it was lost before the answer came.
    Unheard,
    /// The server said no.
    Refused(RequestError),
}

/// Why a message or a note isn't taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// It could never be sent.
    #[error("This can't be sent: {0}.")]
    Content(ContentError),
    /// Nobody could tell whom it goes to.
    #[error("This can't be sent: {0}.")]
    Recipients(#[from] RecipientsError),
    /// [`CAPACITY`] is reached.
    #[error("{CAPACITY} messages and notes already wait to be sent. Send or discard some of them first.")]
    Full,
}

/// There is no such message, or it isn't one that failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("This message has been sent or discarded meanwhile.")]
pub struct NotFailed;

/// An outbox.
#[derive(Debug, Clone, Default)]
pub struct Outbox {
    /// Oldest first.
    entries: Vec<Unsent>,
    notes: Vec<UnsentNote>,
    backoff: Backoff,
    pause: Option<Pause>,
}

/// A time in which nothing is sent. It holds for all conversations: a refusal that passes is about
/// the sender's rate or about the server, never about one message.
#[derive(Debug, Clone, Copy)]
struct Pause {
    until: Instant,
    /// Whether the server asked for it.
    asked: bool,
}

impl Outbox {
    /// The outbox as it was kept. What was being sent then waits now: nobody knows whether it
    /// arrived, and sending it again is harmless.
    pub fn restore(mut entries: Vec<Unsent>, notes: Vec<UnsentNote>) -> Self {
        for entry in &mut entries {
            if !matches!(entry.state, UnsentState::Failed { .. }) {
                entry.state = UnsentState::Waiting { reason: None };
            }
        }
        Self { entries, notes, ..Self::default() }
    }

    /// What is in it, oldest first.
    pub fn entries(&self) -> &[Unsent] {
        &self.entries
    }

    /// The message of this `clientMessageId`, while it is in the outbox.
    pub fn find(&self, id: &str) -> Option<&Unsent> {
        self.entries.iter().find(|entry| entry.id() == id)
    }

    /// Takes a message, to be sent after all that are there. It is shown in the conversation with its
    /// recipient, that of somebody who names none being `own`; one to several drivers stands by itself.
    /// One whose `clientMessageId` is there already is the same message, and changes nothing.
    ///
    /// # Errors
    ///
    /// A [`Refusal`]; nothing has changed then.
    pub fn put(&mut self, message: SendMessage, own: &Id, at: Timestamp) -> Result<(), Refusal> {
        check_content(&message.content).map_err(Refusal::Content)?;
        let conversation = match message.recipients()? {
            Recipients::Unnamed => Some(own.clone()),
            Recipients::One(user) => Some(user.clone()),
            Recipients::Several(_) | Recipients::EveryDriver => None,
        };
        if self.find(&message.client_message_id).is_some() {
            return Ok(());
        }
        self.has_room()?;
        let state = UnsentState::Waiting { reason: None };
        self.entries.push(Unsent { conversation_id: conversation, message, created_at: at, state });
        Ok(())
    }

    /// The message that is to be sent now, which is in flight from here on to [`Outbox::answered`].
    /// `None` while another one is, in a pause, and when nothing waits.
    pub fn take(&mut self, now: Instant) -> Option<SendMessage> {
        if self.is_sending() || self.pause.is_some_and(|pause| pause.until > now) {
            return None;
        }
        let next = self.entries.iter_mut().find(|entry| is_waiting(entry))?;
        next.state = UnsentState::Sending;
        Some(next.message.clone())
    }

    /// When to ask [`Outbox::take`] again though nothing has happened: at the end of a pause.
    pub fn wakes_at(&self) -> Option<Instant> {
        let waits = !self.is_sending() && self.entries.iter().any(is_waiting);
        self.pause.filter(|_| waits).map(|pause| pause.until)
    }

    /// Notes what the message in flight came to. `unit` from `0.0..1.0` spreads the wait before the
    /// next attempt, where one follows; it is no shorter than the server asked for.
    pub fn answered(&mut self, answer: Answer, now: Instant, unit: f64) {
        let Some(at) = self.entries.iter().position(|entry| entry.state == UnsentState::Sending) else { return };
        match answer {
            Answer::Stored => {
                self.entries.remove(at);
                self.resume();
            }
            Answer::Unheard => {
                self.entries[at].state = UnsentState::Waiting { reason: None };
                self.pause_from(now, None, unit);
            }
            Answer::Refused(error) if error.retryable => {
                self.entries[at].state = UnsentState::Waiting { reason: Some(error.message) };
                self.pause_from(now, error.retry_after_ms.map(Duration::from_millis), unit);
            }
            Answer::Refused(RequestError { code, message, retryable, .. }) => {
                let error = CommandError { code, message, retryable };
                self.entries[at].state = UnsentState::Failed { error };
                self.resume();
            }
        }
    }

    /// Notes that the connection is new: what the one before it came to says nothing of this one.
    /// A time that the server asked for is still heeded.
    pub fn connected(&mut self) {
        if self.pause.is_none_or(|pause| !pause.asked) {
            self.resume();
        }
    }

    /// Lets a failed message wait again, in its old place.
    ///
    /// # Errors
    ///
    /// [`NotFailed`].
    pub fn retry(&mut self, id: &str) -> Result<(), NotFailed> {
        let at = self.failed(id)?;
        self.entries[at].state = UnsentState::Waiting { reason: None };
        Ok(())
    }

    /// Gives a failed message up. One that waits may have reached the server in an attempt that
    /// wasn't answered, so that it can't be taken back.
    ///
    /// # Errors
    ///
    /// [`NotFailed`].
    pub fn discard(&mut self, id: &str) -> Result<(), NotFailed> {
        let at = self.failed(id)?;
        self.entries.remove(at);
        Ok(())
    }

    fn has_room(&self) -> Result<(), Refusal> {
        if self.entries.len() + self.notes.len() < CAPACITY { Ok(()) } else { Err(Refusal::Full) }
    }

    fn failed(&self, id: &str) -> Result<usize, NotFailed> {
        let is_it = |entry: &Unsent| entry.id() == id && matches!(entry.state, UnsentState::Failed { .. });
        self.entries.iter().position(is_it).ok_or(NotFailed)
    }

    fn is_sending(&self) -> bool {
        self.entries.iter().any(|entry| entry.state == UnsentState::Sending)
    }

    fn pause_from(&mut self, now: Instant, asked: Option<Duration>, unit: f64) {
        let until = now + self.backoff.next(asked, unit);
        self.pause = Some(Pause { until, asked: asked.is_some() });
    }

    fn resume(&mut self) {
        self.backoff = Backoff::default();
        self.pause = None;
    }
}

fn is_waiting(entry: &Unsent) -> bool {
    matches!(entry.state, UnsentState::Waiting { .. })
}
