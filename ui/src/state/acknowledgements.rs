//! Who has acknowledged what the dispatch team has sent, and who still has to.

use std::time::Duration;

use leptos::leptos_dom::helpers::TimeoutHandle;
use leptos::prelude::*;
use leptos::task::spawn_local;
use sally_protocol::team::Acknowledgements;

use super::desk::Load;
use super::renew::renew;
use crate::commands;
use crate::model::acknowledgements::Ledger;

/// So long after a receipt it is asked again: those of a broadcast come many at a time.
const PAUSE: Duration = Duration::from_millis(300);

/// The message whose acknowledgements are looked at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Looked {
    /// What it and its likes in other threads have in common.
    pub(crate) key: String,
    /// One of them.
    pub(crate) message_id: String,
    /// Its text.
    pub(crate) content: String,
}

/// Acknowledgements. A bundle of signals.
#[derive(Clone, Copy)]
pub(crate) struct Acknowledged {
    /// What is known of them.
    pub(crate) ledger: RwSignal<Ledger>,
    /// How the list of what is awaited stands. What was fetched once stays ready.
    pub(crate) load: RwSignal<Load>,
    /// Whether the sheet is open.
    pub(crate) open: RwSignal<bool>,
    /// Which message is looked at on it.
    pub(crate) looked: RwSignal<Option<Looked>>,
    /// Who has acknowledged that one, and who is missing.
    pub(crate) answer: RwSignal<Option<Acknowledgements>>,
    /// Why that isn't known.
    pub(crate) failed: RwSignal<Option<String>>,
    asked: StoredValue<u64>,
    looks: StoredValue<u64>,
    waiting: StoredValue<Option<TimeoutHandle>>,
}

impl Acknowledged {
    /// Nothing is known.
    pub(super) fn new() -> Self {
        Self {
            ledger: RwSignal::default(),
            load: RwSignal::default(),
            open: RwSignal::new(false),
            looked: RwSignal::default(),
            answer: RwSignal::default(),
            failed: RwSignal::default(),
            asked: StoredValue::default(),
            looks: StoredValue::default(),
            waiting: StoredValue::default(),
        }
    }

    /// Forgets everything, for the next user.
    pub(super) fn forget(self) {
        if let Some(waiting) = self.waiting.try_update_value(Option::take).flatten() {
            waiting.clear();
        }
        self.ledger.set(Ledger::default());
        self.load.set(Load::Idle);
        self.open.set(false);
        self.look_at(None);
    }

    /// Fetches what is awaited: on connecting.
    pub(crate) fn fetch(self) {
        renew(self.load, self.asked, commands::awaited_acknowledgements(), move |answer| {
            self.ledger.update(|ledger| ledger.renew(answer));
        });
        if self.open.get_untracked() {
            self.look();
        }
    }

    /// Fetches it again in a moment: somebody has acknowledged, or has been asked to.
    pub(crate) fn fetch_soon(self) {
        // Whoever never fetched it doesn't show it.
        if self.load.get_untracked() == Load::Idle || self.waiting.with_value(Option::is_some) {
            return;
        }
        let fetch = move || {
            self.waiting.set_value(None);
            self.fetch();
        };
        self.waiting.set_value(set_timeout_with_handle(fetch, PAUSE).ok());
    }

    /// Opens the sheet at a message.
    pub(crate) fn show(self, looked: Looked) {
        self.look_at(Some(looked));
        self.open.set(true);
    }

    /// Looks at a message, or at none.
    pub(crate) fn look_at(self, looked: Option<Looked>) {
        if self.looked.with_untracked(|now| *now != looked) {
            self.answer.set(None);
            self.failed.set(None);
            self.looked.set(looked);
        }
        self.look();
    }

    fn look(self) {
        let this = self.looks.get_value() + 1;
        self.looks.set_value(this);
        let Some(looked) = self.looked.get_untracked() else { return };
        spawn_local(async move {
            let answer = commands::acknowledgements(&looked.message_id).await;
            // Another message is looked at, or the same one again: answers may overtake each other.
            if self.looks.get_value() != this {
                return;
            }
            match answer {
                Ok(answer) => {
                    self.ledger.update(|ledger| ledger.note(&looked.key, &answer));
                    self.answer.set(Some(answer));
                    self.failed.set(None);
                }
                Err(error) => self.failed.set(Some(error.message)),
            }
        });
    }
}
