//! The quick replies that are offered above the place to write.

use leptos::prelude::*;
use sally_protocol::team::Template;

use crate::state::Load;

/// The id of the list, for the text field that it belongs to.
pub(super) const LIST: &str = "template-list";

/// The id of a choice.
pub(super) fn choice_id(place: usize) -> String {
    format!("{LIST}-{place}")
}

/// The quick replies that match. The keyboard stays in the text field, which moves the choice.
#[component]
pub(super) fn TemplatePicker(
    /// What is offered.
    offered: Memo<Vec<Template>>,
    /// Whether they are there.
    load: RwSignal<Load>,
    /// Which is chosen, from 0.
    choice: Memo<usize>,
    /// Called with the one that is taken.
    on_take: Callback<Template>,
) -> impl IntoView {
    let nothing = move || match load.get() {
        Load::Idle | Load::Loading => Some("Fetching the quick replies…".to_owned()),
        Load::Failed(error) => Some(error.message),
        Load::Ready if offered.read().is_empty() => Some("No quick reply has these words.".to_owned()),
        Load::Ready => None,
    };
    view! {
        <div class="template-picker" id=LIST role="listbox" aria-label="Quick replies" data-testid="template-picker">
            {move || nothing().map(|text| view! { <p class="dim" role="status">{text}</p> })}
            {move || {
                offered
                    .get()
                    .into_iter()
                    .enumerate()
                    .map(|(place, template)| {
                        let (title, text) = (template.title.clone(), template.text.clone());
                        view! {
                            <div
                                class="template-choice"
                                id=choice_id(place)
                                role="option"
                                data-testid="template-choice"
                                aria-selected=move || (choice.get() == place).to_string()
                                // A press would take the keyboard away from the text field.
                                on:mousedown=move |event| event.prevent_default()
                                on:click=move |_| on_take.run(template.clone())
                            >
                                <strong dir="auto">{title}</strong>
                                <span class="dim" dir="auto">{text}</span>
                            </div>
                        }
                    })
                    .collect_view()
            }}
        </div>
    }
}
