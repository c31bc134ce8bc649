//! The list of keys.

use leptos::html::Dialog;
use leptos::prelude::*;

use super::icon::{Icon, Symbol};
use crate::model::keys::KEYS;
use crate::state::Desk;

/// The list of keys, in a dialog of its own.
#[component]
pub(crate) fn KeyList() -> impl IntoView {
    let desk = expect_context::<Desk>();
    let dialog = NodeRef::<Dialog>::new();
    Effect::new(move |_| {
        let (Some(dialog), shown) = (dialog.get(), desk.keys_shown.get()) else { return };
        if shown && !dialog.open() {
            // Only a dialog that is no longer in the document refuses, and that one needn't be shown.
            let _ = dialog.show_modal();
        } else if !shown && dialog.open() {
            dialog.close();
        }
    });
    let key = move |event: web_sys::KeyboardEvent| {
        if event.key() == "?" {
            event.prevent_default();
            desk.keys_shown.set(false);
        }
    };
    view! {
        <dialog
            class="key-list"
            node_ref=dialog
            aria-labelledby="key-list-title"
            on:close=move |_| desk.keys_shown.set(false)
            on:keydown=key
        >
            <header>
                <h2 id="key-list-title">"Keys"</h2>
                <button class="button quiet square" aria-label="Close" on:click=move |_| desk.keys_shown.set(false)>
                    <Icon symbol=Symbol::Cross />
                </button>
            </header>
            <div class="key-topics">
                {KEYS
                    .iter()
                    .map(|(topic, lines)| {
                        view! {
                            <section>
                                <h3>{*topic}</h3>
                                <dl>
                                    {lines
                                        .iter()
                                        .map(|line| {
                                            view! {
                                                <div>
                                                    <dt>{line.keys.iter().map(|key| view! { <kbd>{*key}</kbd> }).collect_view()}</dt>
                                                    <dd>{line.does}</dd>
                                                </div>
                                            }
                                        })
                                        .collect_view()}
                                </dl>
                            </section>
                        }
                    })
                    .collect_view()}
            </div>
        </dialog>
    }
}
