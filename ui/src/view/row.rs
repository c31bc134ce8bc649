//! A row of the lists beside the thread: an avatar, a name, a time, and what was said.

use leptos::prelude::*;

use crate::model::label;

/// A row that leads to a conversation. What tells it from others is given to it as attributes.
#[component]
pub(super) fn Row(
    /// Its name in tests.
    testid: &'static str,
    /// Its looks, where they differ.
    #[prop(optional)]
    class: &'static str,
    /// Whose conversation it is.
    #[prop(into)]
    called: Signal<String>,
    /// Whether it is the one that is open.
    #[prop(into)]
    selected: Signal<bool>,
    /// Whether it is the one of its list that is in the tab order.
    #[prop(into)]
    reachable: Signal<bool>,
    /// Opens it.
    #[prop(into)]
    on_show: Callback<()>,
    /// When.
    #[prop(into)]
    time: ViewFn,
    /// What was said.
    #[prop(into)]
    preview: ViewFn,
    /// What else there is to say of it, in a line of its own.
    #[prop(optional)]
    children: Option<Children>,
) -> impl IntoView {
    view! {
        <div
            class=format!("conversation-row {class}")
            role="option"
            data-row
            data-testid=testid
            aria-selected=move || selected.get().to_string()
            tabindex=move || if reachable.get() { "0" } else { "-1" }
            on:click=move |_| on_show.run(())
            on:keydown=move |event| {
                if matches!(event.key().as_str(), "Enter" | " ") {
                    event.prevent_default();
                    on_show.run(());
                }
            }
        >
            <span class="avatar" aria-hidden="true">{move || label::initials(&called.read())}</span>
            <span class="conversation-name"><bdi>{called}</bdi></span>
            <span class="conversation-time">{time.run()}</span>
            <span class="conversation-preview" dir="auto">{preview.run()}</span>
            {children.map(|children| view! { <span class="conversation-marks">{children()}</span> })}
        </div>
    }
}
