//! Going through rows by keyboard. A row is an element with `data-row`; one of them, the selected or
//! the first, is in the tab order.

use leptos::prelude::*;
use wasm_bindgen::JsCast;
use web_sys::{FocusOptions, HtmlElement, ScrollIntoViewOptions, ScrollLogicalPosition};

use crate::model::keys::Action;

/// Moves the focus to another row, as the action asks.
pub(crate) fn go(action: Action) {
    let rows = all("main [data-row]");
    let active = document().active_element();
    let here = rows.iter().position(|row| active.as_ref().is_some_and(|active| row.contains(Some(active))));
    let last = rows.len().saturating_sub(1);
    let target = match (action, here) {
        (Action::First, _) => 0,
        (Action::Last, _) => last,
        (Action::Down, Some(here)) => (here + 1).min(last),
        (Action::Up, Some(here)) => here.saturating_sub(1),
        // Whoever comes from elsewhere arrives at the row that was left.
        _ => rows.iter().position(|row| row.tab_index() == 0).unwrap_or(0),
    };
    if let Some(row) = rows.get(target) {
        focus(row);
    }
}

/// Moves the focus to the row that is in the tab order.
pub(crate) fn back() {
    if let Some(row) = all("main [data-row]").iter().find(|row| row.tab_index() == 0) {
        focus(row);
    }
}

/// The row that the focus is in.
pub(crate) fn focused() -> Option<web_sys::Element> {
    document().active_element()?.closest("main [data-row]").ok().flatten()
}

/// Moves the focus to the first element that matches, once the document has caught up.
pub(crate) fn focus_on(selector: &'static str) {
    request_animation_frame(move || {
        if let Some(element) = all(selector).first() {
            focus(element);
        }
    });
}

fn focus(element: &HtmlElement) {
    let calm = FocusOptions::new();
    calm.set_prevent_scroll(true);
    // An element that can't be focused stays as it is.
    let _ = element.focus_with_options(&calm);
    let nearest = ScrollIntoViewOptions::new();
    nearest.set_block(ScrollLogicalPosition::Nearest);
    element.scroll_into_view_with_scroll_into_view_options(&nearest);
}

fn all(selector: &str) -> Vec<HtmlElement> {
    let Ok(list) = document().query_selector_all(selector) else { return Vec::new() };
    (0..list.length()).filter_map(|index| list.item(index)?.dyn_into().ok()).collect()
}
