//! Quick replies while somebody writes: a slash at the start of a text offers them, until one is
//! taken or they are waved off.

use leptos::prelude::*;
use sally_protocol::team::Template;
use web_sys::KeyboardEvent;

use crate::model::templates;
use crate::state::{Load, Templates};

/// What is offered for a text. A bundle of signals.
#[derive(Clone, Copy)]
pub(super) struct Offer {
    /// Whether anything is.
    pub(super) shown: Memo<bool>,
    /// What is offered.
    pub(super) offered: Memo<Vec<Template>>,
    /// Which of them is chosen, from 0.
    pub(super) choice: Memo<usize>,
    waved_off: RwSignal<bool>,
    moved: RwSignal<usize>,
    load: RwSignal<Load>,
}

impl Offer {
    /// The offer for `text`.
    pub(super) fn new(shared: Templates, text: Memo<String>) -> Self {
        let waved_off = RwSignal::new(false);
        let moved = RwSignal::new(0_usize);
        let asks = Memo::new(move |_| text.with(|text| templates::sought(text).is_some()));
        let shown = Memo::new(move |_| asks.get() && !waved_off.get());
        let offered = Memo::new(move |_| {
            let matching = |words: &str| shared.list.with(|list| templates::matching(list, words));
            text.with(|text| templates::sought(text).map(matching)).unwrap_or_default()
        });
        let choice = Memo::new(move |_| moved.get().min(offered.read().len().saturating_sub(1)));
        Effect::new(move |_| {
            if !asks.get() {
                waved_off.set(false);
                moved.set(0);
            } else if shared.load.get_untracked() != Load::Ready {
                // They are fetched on connecting; this is for whoever writes while that failed.
                shared.fetch();
            }
        });
        Self { shown, offered, choice, waved_off, moved, load: shared.load }
    }

    /// Takes no more than a look at a key that isn't the offer's; otherwise moves the choice, waves
    /// the offer off, or gives the chosen one to `take`. Returns whether the key was the offer's.
    pub(super) fn key(self, event: &KeyboardEvent, take: impl FnOnce(&Template)) -> bool {
        if !self.shown.get_untracked() || event.is_composing() {
            return false;
        }
        let last = self.offered.with_untracked(Vec::len).saturating_sub(1);
        let at = self.choice.get_untracked();
        match event.key().as_str() {
            "ArrowDown" => self.moved.set(if at < last { at + 1 } else { 0 }),
            "ArrowUp" => self.moved.set(at.checked_sub(1).unwrap_or(last)),
            "Escape" => self.waved_off.set(true),
            "Enter" | "Tab" if !event.shift_key() => {
                match self.offered.with_untracked(|offered| offered.get(at).cloned()) {
                    Some(template) => take(&template),
                    // What was meant as a question isn't sent while it is being answered.
                    None if self.load.with_untracked(|load| matches!(load, Load::Loading)) => {}
                    None => self.waved_off.set(true),
                }
            }
            _ => return false,
        }
        event.prevent_default();
        event.stop_propagation();
        true
    }
}
