//! Telling a key that is text from a key that is a command.

use leptos::prelude::*;
use wasm_bindgen::JsCast;
use web_sys::{Element, KeyboardEvent};

use crate::model::keys::{Action, Press, action};
use crate::state::View;

/// What a key press asks for in a view, if anything.
pub(crate) fn asked(event: &KeyboardEvent, view: View) -> Option<Action> {
    let target = event.target().and_then(|target| target.dyn_into::<Element>().ok());
    let writing =
        target.is_some_and(|element| element.matches("input:not([type=checkbox]), textarea").unwrap_or(false));
    let modified = event.ctrl_key() || event.alt_key() || event.meta_key();
    // What an input method is composing is its own affair, and so is every key while a dialog is open.
    if event.is_composing() || event.default_prevented() || is_dialog_open() {
        return None;
    }
    action(Press { key: &event.key(), modified, writing, view })
}

/// Whether the event comes from a text field.
pub(crate) fn is_writing() -> bool {
    let active = document().active_element();
    active.is_some_and(|element| element.matches("input:not([type=checkbox]), textarea").unwrap_or(false))
}

fn is_dialog_open() -> bool {
    document().query_selector("dialog[open]").ok().flatten().is_some()
}
