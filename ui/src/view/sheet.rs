//! A sheet over the view: a dialog with a title, closed by Escape or by the key that opened it.

use leptos::html::Dialog;
use leptos::prelude::*;
use wasm_bindgen::JsCast;
use web_sys::{Element, HtmlElement, KeyboardEvent};

use super::icon::{Icon, Symbol};
use super::{rows, writing};

/// Moves the keyboard through the list at the left of a sheet: its fields and its items.
fn walk(sheet: &Element, event: &KeyboardEvent, step: isize) {
    let Ok(list) = sheet.query_selector_all(".sheet-list :is(input, [data-item])") else { return };
    let all: Vec<HtmlElement> = (0..list.length()).filter_map(|at| list.item(at)?.dyn_into().ok()).collect();
    let active = document().active_element();
    let is_active = |item: &HtmlElement| active.as_ref().is_some_and(|active| item.is_same_node(Some(active)));
    let Some(here) = all.iter().position(is_active) else { return };
    event.prevent_default();
    if let Some(next) = here.checked_add_signed(step).and_then(|next| all.get(next)) {
        // An element that can't be focused stays as it is.
        let _ = next.focus();
    }
}

/// A sheet. What is on it exists while it is open.
#[component]
pub(super) fn Sheet(
    /// Its name, for its looks and in tests.
    name: &'static str,
    /// Its title.
    title: &'static str,
    /// The key that opens it.
    key: &'static str,
    /// Whether it is open. Closing it sets this.
    open: RwSignal<bool>,
    children: ChildrenFn,
) -> impl IntoView {
    let dialog = NodeRef::<Dialog>::new();
    let children = StoredValue::new(children);
    Effect::new(move |_| {
        let (Some(dialog), shown) = (dialog.get(), open.get()) else { return };
        if shown && !dialog.open() {
            // Only a dialog that is no longer in the document refuses, and that one needn't be shown.
            let _ = dialog.show_modal();
            // The browser has put the keyboard where the sheet asks for it, else on its first button.
            if dialog.query_selector("[autofocus]").ok().flatten().is_none() {
                rows::focus_on(".sheet[open] [data-item]");
            }
        } else if !shown && dialog.open() {
            dialog.close();
        }
    });
    let title_id = format!("{name}-title");
    let pressed = move |event: KeyboardEvent| {
        let modified = event.ctrl_key() || event.alt_key() || event.meta_key();
        if event.key() == key && !modified && !writing::is_writing() {
            event.prevent_default();
            // The view would open it again.
            event.stop_propagation();
            open.set(false);
        }
        let step = match event.key().as_str() {
            "ArrowDown" => 1,
            "ArrowUp" => -1,
            // WebKit's search fields keep this key to themselves.
            "Escape" if !event.is_composing() => {
                event.prevent_default();
                return open.set(false);
            }
            _ => return,
        };
        if let Some(sheet) = dialog.get_untracked() {
            walk(&sheet, &event, step);
        }
    };
    view! {
        <dialog
            class=format!("sheet {name}")
            data-testid=name
            node_ref=dialog
            aria-labelledby=title_id.clone()
            on:close=move |_| open.set(false)
            on:keydown=pressed
        >
            <header class="sheet-head">
                <h2 id=title_id.clone()>{title}</h2>
                <button type="button" class="button quiet square" aria-label="Close (Esc)" title="Close (Esc)" on:click=move |_| open.set(false)>
                    <Icon symbol=Symbol::Cross />
                </button>
            </header>
            <Show when=move || open.get()>{children.with_value(|children| children())}</Show>
        </dialog>
    }
}
