//! The bar above the alerts: how many there are, and what the list is narrowed to.

use leptos::prelude::*;

use super::badge::priority_symbol;
use super::filter_box::FilterBox;
use super::icon::Icon;
use crate::model::alerts::{Filter, PRIORITIES, Standing, tallies};
use crate::model::label;
use crate::state::Desk;

/// Counts per priority, which are filters too; where alerts stand; words to find.
#[component]
pub(crate) fn AlertFilters() -> impl IntoView {
    let desk = expect_context::<Desk>();
    let filter = desk.filter;
    let counts = Memo::new(move |_| desk.board.with(tallies));
    let priority = Memo::new(move |_| filter.with(|filter| filter.priority));
    let standing = Memo::new(move |_| filter.with(|filter| filter.standing));
    let text = Memo::new(move |_| filter.with(|filter| filter.text.clone()));
    view! {
        <div class="filters">
            <h1 class="unseen">"Alerts"</h1>
            <div class="tallies" role="group" aria-label="Priority">
                {PRIORITIES
                    .into_iter()
                    .map(|which| {
                        let chosen = move || priority.get() == Some(which);
                        let open = move || counts.get()[which as usize].open;
                        let name = label::priority(which);
                        view! {
                            <button
                                class="tally"
                                data-severity=which.as_str()
                                data-none=move || (open() == 0).to_string()
                                aria-pressed=move || chosen().to_string()
                                title=format!("Only {} alerts", name.to_lowercase())
                                on:click=move |_| filter.update(|filter| filter.priority = (!chosen()).then_some(which))
                            >
                                <Icon symbol=priority_symbol(which) />
                                <strong>{move || label::thousands(open() as u64)}</strong>
                                <span>{name}</span>
                            </button>
                        }
                    })
                    .collect_view()}
            </div>
            <div class="segments" role="group" aria-label="Status">
                {Standing::ALL
                    .into_iter()
                    .map(|which| {
                        view! {
                            <button
                                aria-pressed=move || (standing.get() == which).to_string()
                                on:click=move |_| filter.update(|filter| filter.standing = which)
                            >
                                {which.label()}
                            </button>
                        }
                    })
                    .collect_view()}
            </div>
            <FilterBox
                label="Filter alerts"
                text
                on_text=move |words| filter.update(|filter| filter.text = words)
            />
            <button
                class="button quiet"
                class:vanished=move || !filter.with(Filter::is_set)
                on:click=move |_| filter.set(Filter::default())
            >
                "Clear"
            </button>
        </div>
    }
}
