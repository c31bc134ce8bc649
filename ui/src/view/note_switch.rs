//! Between a message and a note for the team.

use leptos::prelude::*;

/// What is being written: a message, which the driver gets, or a note, which only the team sees.
#[component]
pub(crate) fn NoteSwitch(
    /// Whether it is a note.
    is_note: Memo<bool>,
    /// Told what it is to be.
    on_switch: Callback<bool>,
) -> impl IntoView {
    let choice = move |note: bool, name: &'static str, testid: &'static str, title: &'static str| {
        view! {
            <button
                type="button"
                data-testid=testid
                aria-pressed=move || (is_note.get() == note).to_string()
                aria-keyshortcuts="Control+N"
                title=title
                on:click=move |_| on_switch.run(note)
            >
                {name}
            </button>
        }
    };
    view! {
        <div class="segments" role="group" aria-label="What you write">
            {choice(false, "Message", "write-message", "Goes to the driver (Ctrl N switches)")}
            {choice(true, "Note", "write-note", "Stays in the team (Ctrl N switches)")}
        </div>
    }
}
