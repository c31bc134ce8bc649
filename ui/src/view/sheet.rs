//! A sheet over the view: a dialog with a title, closed by Escape or by the key that opened it.

use leptos::html::Dialog;
use leptos::prelude::*;

use super::icon::{Icon, Symbol};
use super::writing;

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
        } else if !shown && dialog.open() {
            dialog.close();
        }
    });
    let title_id = format!("{name}-title");
    let pressed = move |event: web_sys::KeyboardEvent| {
        let modified = event.ctrl_key() || event.alt_key() || event.meta_key();
        if event.key() == key && !modified && !writing::is_writing() {
            event.prevent_default();
            // The view would open it again.
            event.stop_propagation();
            open.set(false);
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
