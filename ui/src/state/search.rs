//! Finding messages: what is looked for, and what was found.

use std::time::Duration;

use leptos::leptos_dom::helpers::TimeoutHandle;
use leptos::prelude::*;
use leptos::task::spawn_local;
use sally_protocol::message::Message;
use sally_protocol::search::{MAX_QUERY_CHARS, words};

use super::desk::Load;
use crate::commands;

/// So long after the last letter it is asked.
const PAUSE: Duration = Duration::from_millis(200);

/// A search in the messages of all conversations. A bundle of signals.
#[derive(Clone, Copy)]
pub(crate) struct Search {
    /// What is looked for.
    pub(crate) text: RwSignal<String>,
    /// What was found, newest first, and for which words.
    pub(crate) hits: RwSignal<Vec<Message>>,
    /// Whether there are older ones.
    pub(crate) more: RwSignal<bool>,
    /// How the search stands; idle while there is nothing to look for.
    pub(crate) load: RwSignal<Load>,
    /// How often something was looked for: of several searches in flight the last one counts.
    asked: StoredValue<u64>,
    waiting: StoredValue<Option<TimeoutHandle>>,
}

impl Search {
    /// Nothing is looked for.
    pub(super) fn new() -> Self {
        Self {
            text: RwSignal::default(),
            hits: RwSignal::default(),
            more: RwSignal::default(),
            load: RwSignal::default(),
            asked: StoredValue::default(),
            waiting: StoredValue::default(),
        }
    }

    /// Looks for other words, once nobody has typed for a moment.
    pub(crate) fn look_for(self, text: String) {
        let text: String = text.chars().take(MAX_QUERY_CHARS).collect();
        self.asked.update_value(|asked| *asked += 1);
        if let Some(waiting) = self.waiting.try_update_value(Option::take).flatten() {
            waiting.clear();
        }
        let looks = !words(&text).is_empty();
        self.text.set(text);
        self.more.set(false);
        self.load.set(if looks { Load::Loading } else { Load::Idle });
        if !looks {
            self.hits.set(Vec::new());
            return;
        }
        self.waiting.set_value(set_timeout_with_handle(move || self.ask(None), PAUSE).ok());
    }

    /// Looks for the same words in older messages.
    pub(crate) fn older(self) {
        if self.load.get_untracked() == Load::Loading {
            return;
        }
        self.load.set(Load::Loading);
        self.ask(self.hits.with_untracked(|hits| hits.last().map(|last| last.cursor.clone())));
    }

    /// Asks once more for what could not be fetched.
    pub(crate) fn again(self) {
        self.load.set(Load::Loading);
        self.ask(None);
    }

    fn ask(self, before: Option<String>) {
        let asked = self.asked.get_value();
        spawn_local(async move {
            let answer = commands::search(&self.text.get_untracked(), before.as_deref()).await;
            if self.asked.get_value() != asked {
                return;
            }
            match answer {
                Ok(found) => {
                    self.hits.update(|hits| {
                        if before.is_none() {
                            hits.clear();
                        }
                        hits.extend(found.results);
                    });
                    self.more.set(found.more);
                    self.load.set(Load::Ready);
                }
                Err(error) => self.load.set(Load::Failed(error)),
            }
        });
    }
}
