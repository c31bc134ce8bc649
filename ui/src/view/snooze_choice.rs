//! For how long alerts are snoozed.

use leptos::html::Div;
use leptos::prelude::*;
use wasm_bindgen::JsCast;

/// What is offered: minutes, and how they are called.
const CHOICES: [(u32, &str); 5] = [(15, "15 min"), (30, "30 min"), (60, "1 hour"), (240, "4 hours"), (480, "8 hours")];

/// Offers a few times. The keyboard goes to the first.
#[component]
pub(crate) fn SnoozeChoice(
    /// Takes the chosen one, in minutes.
    on_choose: Callback<u32>,
) -> impl IntoView {
    let choices = NodeRef::<Div>::new();
    choices.on_load(|choices| {
        let first = choices.query_selector("button").ok().flatten();
        if let Some(first) = first.and_then(|first| first.dyn_into::<web_sys::HtmlElement>().ok()) {
            request_animation_frame(move || drop(first.focus()));
        }
    });
    view! {
        <div class="snooze-choice" role="group" aria-label="Snooze for" node_ref=choices>
            {CHOICES
                .map(|(minutes, name)| {
                    view! {
                        <button
                            class="button quiet"
                            data-testid="snooze-for"
                            data-minutes=minutes
                            on:click=move |_| on_choose.run(minutes)
                        >
                            {name}
                        </button>
                    }
                })
                .collect_view()}
        </div>
    }
}
