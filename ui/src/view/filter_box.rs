//! The box that narrows a list, and what stands in a list that it has narrowed to nothing.

use leptos::prelude::*;

use super::icon::{Icon, Symbol};
use super::placeholder::Placeholder;

/// Words to find. The key `/` goes to it.
#[component]
pub(crate) fn FilterBox(
    /// What it filters, for who can't see the list.
    label: &'static str,
    /// The words.
    #[prop(into)]
    text: Signal<String>,
    /// Takes new words.
    #[prop(into)]
    on_text: Callback<String>,
    /// What stands in it while it is empty.
    #[prop(default = "Filter  /")]
    hint: &'static str,
    /// Where it stands, for its looks.
    #[prop(optional)]
    class: &'static str,
) -> impl IntoView {
    view! {
        <label class=format!("search {class}")>
            <Icon symbol=Symbol::Search />
            <span class="unseen">{label}</span>
            <input
                type="search"
                data-filter
                data-testid="filter"
                placeholder=hint
                spellcheck="false"
                prop:value=text
                on:input:target=move |event| on_text.run(event.target().value())
            />
        </label>
    }
}

/// What stands in a list whose filter leaves everything out.
#[component]
pub(crate) fn NoMatch(
    /// The sentence.
    title: &'static str,
    /// Clears the filter.
    #[prop(into)]
    on_clear: Callback<()>,
) -> impl IntoView {
    view! {
        <Placeholder symbol=Symbol::Search title hint="There are others that this filter leaves out.".to_owned()>
            <button class="button" on:click=move |_| on_clear.run(())>
                "Clear the filter"
            </button>
        </Placeholder>
    }
}
