//! Choosing the drivers who get a message.

use leptos::prelude::*;
use sally_protocol::Id;

use super::icon::{Icon, Symbol};
use crate::model::broadcast::{Driver, matching};
use crate::model::label;
use crate::state::Desk;

/// How many of the chosen are shown by name.
const CHIPS: usize = 24;

/// Who gets it: everybody, or those who are chosen.
#[component]
pub(super) fn Recipients(
    /// Everybody who can be written to.
    drivers: Memo<Vec<Driver>>,
    /// Those whom it goes to.
    to: Memo<Vec<Driver>>,
) -> impl IntoView {
    let choice = expect_context::<Desk>().inbox.broadcast.choice;
    let all = Memo::new(move |_| choice.read().all);
    view! {
        <section class="sheet-list" aria-label="Who gets it">
            <div class="sheet-list-head">
                <div class="segments" role="group" aria-label="Who gets it">
                    <button
                        type="button"
                        data-testid="broadcast-some"
                        aria-pressed=move || (!all.get()).to_string()
                        on:click=move |_| choice.update(|choice| choice.all = false)
                    >
                        "Chosen drivers"
                    </button>
                    <button
                        type="button"
                        data-testid="broadcast-all"
                        aria-pressed=move || all.get().to_string()
                        on:click=move |_| choice.update(|choice| choice.all = true)
                    >
                        "All drivers "
                        <span class="dim">{move || label::thousands(drivers.read().len() as u64)}</span>
                    </button>
                </div>
            </div>
            <Show
                when=move || all.get()
                fallback=move || view! { <Chooser drivers to /> }
            >
                <p class="dim sheet-said">
                    "Every driver gets it in their own thread, and answers there. Whoever joins before it is sent gets it, too."
                </p>
            </Show>
        </section>
    }
}

#[component]
fn Chooser(drivers: Memo<Vec<Driver>>, to: Memo<Vec<Driver>>) -> impl IntoView {
    let choice = expect_context::<Desk>().inbox.broadcast.choice;
    let words = RwSignal::new(String::new());
    let found = Memo::new(move |_| words.with(|words| matching(&drivers.read(), words)));
    let every = Memo::new(move |_| {
        let found = found.read();
        !found.is_empty() && choice.with(|choice| found.iter().all(|driver| choice.chosen.contains(&driver.id)))
    });
    let turn_all = move |_| {
        let (found, every) = (found.get_untracked(), every.get_untracked());
        choice.update(|choice| {
            for driver in found {
                match every {
                    true => choice.chosen.remove(&driver.id),
                    false => choice.chosen.insert(driver.id),
                };
            }
        });
    };
    // A name's beginning and Enter: the quickest way to one driver.
    let key = move |event: web_sys::KeyboardEvent| {
        if event.key() != "Enter" {
            return;
        }
        event.prevent_default();
        if let Some(driver) = found.with_untracked(|found| found.first().cloned()) {
            choice.update(|choice| {
                choice.chosen.insert(driver.id);
            });
            words.set(String::new());
        }
    };
    view! {
        <div class="sheet-list-head">
            <label class="search">
                <Icon symbol=Symbol::Search />
                <span class="unseen">"Find drivers"</span>
                <input
                    type="search"
                    autofocus
                    data-testid="broadcast-find"
                    placeholder="Find drivers"
                    spellcheck="false"
                    prop:value=words
                    on:input:target=move |event| words.set(event.target().value())
                    on:keydown=key
                />
            </label>
            <button type="button" class="button quiet" data-testid="broadcast-every" disabled=move || found.read().is_empty() on:click=turn_all>
                {move || if every.get() { "Clear" } else { "Select all" }}
            </button>
        </div>
        <Show when=move || !to.read().is_empty()>
            <Chips to />
        </Show>
        <div class="sheet-rows">
            <For each=move || found.get() key=|driver| (driver.id.clone(), driver.name.clone(), driver.online) let:driver>
                <DriverRow driver />
            </For>
            <Show when=move || found.read().is_empty()>
                <p class="dim sheet-said">
                    {move || if drivers.read().is_empty() { "There are no drivers yet." } else { "No driver has this name." }}
                </p>
            </Show>
        </div>
    }
}

#[component]
fn Chips(to: Memo<Vec<Driver>>) -> impl IntoView {
    let choice = expect_context::<Desk>().inbox.broadcast.choice;
    let shown = move || to.read().iter().take(CHIPS).cloned().collect::<Vec<_>>();
    let more = move || to.read().len().saturating_sub(CHIPS);
    view! {
        <ul class="chips" aria-label="Chosen">
            <For each=shown key=|driver| driver.id.clone() let:driver>
                {
                    let id = driver.id.clone();
                    view! {
                        <li class="chip" data-testid="broadcast-chip">
                            <bdi title=driver.id.to_string()>{driver.name.clone()}</bdi>
                            <button
                                type="button"
                                aria-label=format!("Not to {}", driver.name)
                                on:click=move |_| {
                                    choice.update(|choice| {
                                        choice.chosen.remove(&id);
                                    });
                                }
                            >
                                <Icon symbol=Symbol::Cross />
                            </button>
                        </li>
                    }
                }
            </For>
            <Show when=move || more().gt(&0)>
                <li class="dim">"and " {move || label::thousands(more() as u64)} " more"</li>
            </Show>
        </ul>
    }
}

#[component]
fn DriverRow(driver: Driver) -> impl IntoView {
    let choice = expect_context::<Desk>().inbox.broadcast.choice;
    let Driver { id, name, online } = driver;
    let id = StoredValue::new(id);
    let is_chosen = move || choice.with(|choice| id.with_value(|id| choice.chosen.contains(id)));
    let turn = move |_| {
        choice.update(|choice| {
            let id = id.get_value();
            if !choice.chosen.remove(&id) {
                choice.chosen.insert(id);
            }
        });
    };
    view! {
        <label class="driver-row" data-testid="broadcast-driver">
            <input type="checkbox" prop:checked=is_chosen on:change=turn />
            <bdi class="driver-name" title=id.with_value(Id::to_string)>{name}</bdi>
            <span class="presence" data-online=online.to_string()>{if online { "Online" } else { "Offline" }}</span>
        </label>
    }
}
