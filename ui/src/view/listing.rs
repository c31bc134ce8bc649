//! A view that is one list with a filter over it.

use leptos::prelude::*;

use super::filter_box::{FilterBox, NoMatch};
use super::icon::Symbol;
use super::placeholder::{Placeholder, Waiting};

/// What a list says of itself.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Words {
    /// Its name.
    pub(crate) name: &'static str,
    /// What its filter filters.
    pub(crate) filter: &'static str,
    /// What it lists, in which order.
    pub(crate) rows: &'static str,
    /// What it says while there is nothing, and when that will change.
    pub(crate) nothing: (Symbol, &'static str, &'static str),
    /// What it says when the filter leaves everything out.
    pub(crate) no_match: &'static str,
    /// The heads of its columns, and the class that lays them out.
    pub(crate) columns: (&'static str, &'static [&'static str]),
}

/// A list with a filter over it. The children are its rows.
#[component]
pub(crate) fn Listing(
    /// What it says of itself.
    words: Words,
    /// The words to find.
    text: RwSignal<String>,
    /// How many rows are left by the filter.
    #[prop(into)]
    count: Signal<usize>,
    /// Whether the board has come, so that nothing means that there is nothing.
    #[prop(into)]
    fetched: Signal<bool>,
    /// Whether there are rows without the filter.
    #[prop(into)]
    any: Signal<bool>,
    children: ChildrenFn,
) -> impl IntoView {
    let children = StoredValue::new(children);
    let (symbol, title, hint) = words.nothing;
    let (layout, columns) = words.columns;
    view! {
        <main class="listing">
            <div class="filters">
                <h1>{words.name} " " <span class="section-count">{count}</span></h1>
                <FilterBox label=words.filter text on_text=move |words| text.set(words) />
            </div>
            <div class=layout aria-hidden="true">
                {columns.iter().map(|name| view! { <span>{*name}</span> }).collect_view()}
            </div>
            <div class="listing-rows" role="grid" aria-label=words.rows>
                <Show when=move || fetched.get() fallback=Waiting>
                    {children.with_value(|children| children())}
                    <Show when=move || count.get() == 0>
                        <Show
                            when=move || any.get()
                            fallback=move || view! { <Placeholder symbol title hint=hint.to_owned() /> }
                        >
                            <NoMatch title=words.no_match on_clear=move |()| text.set(String::new()) />
                        </Show>
                    </Show>
                </Show>
            </div>
        </main>
    }
}
