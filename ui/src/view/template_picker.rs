//! The quick replies that are offered above the place to write.

use leptos::prelude::*;
use sally_protocol::team::Template;
use sally_protocol::template::{Facts, fill};

use super::template_offer::Offer;
use crate::state::{Desk, Load};

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
    offer: Offer,
    /// What is known of whom it is written to, so that each is shown as it would be written.
    #[prop(into)]
    facts: Signal<Facts>,
    /// Called with the one that is taken.
    on_take: Callback<Template>,
) -> impl IntoView {
    let templates = expect_context::<Desk>().inbox.templates;
    let Offer { offered, choice, .. } = offer;
    let nothing = move || match templates.load.get() {
        Load::Idle | Load::Loading => Some("Fetching the quick replies…".to_owned()),
        Load::Failed(error) => Some(error.message),
        Load::Ready if templates.list.read().is_empty() => Some("Your team has no quick replies yet.".to_owned()),
        Load::Ready if offered.read().is_empty() => Some("No quick reply has these words.".to_owned()),
        Load::Ready => None,
    };
    view! {
        <div class="template-picker" data-testid="template-picker">
            <div class="template-choices" id=LIST role="listbox" aria-label="Quick replies">
                {move || nothing().map(|text| view! { <p class="dim" role="status">{text}</p> })}
                {move || {
                    offered
                        .get()
                        .into_iter()
                        .enumerate()
                        .map(|(place, template)| {
                            let (title, text) = (template.title.clone(), facts.with(|facts| fill(&template.text, facts)));
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
            <div class="template-picker-foot dim">
                <span><kbd>"↑"</kbd> <kbd>"↓"</kbd> " choose, " <kbd>"Enter"</kbd> " take, " <kbd>"Esc"</kbd> " keep the slash"</span>
                <button type="button" class="button quiet" data-testid="template-manage" on:click=move |_| templates.open.set(true)>
                    "Edit quick replies"
                </button>
            </div>
        </div>
    }
}
