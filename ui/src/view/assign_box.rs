//! Who looks after the open conversation, and choosing somebody else.

use leptos::html::{Button, Input};
use leptos::prelude::*;
use sally_protocol::Id;
use wasm_bindgen::JsCast;

use super::icon::{Icon, Symbol};
use crate::model::assignment::{Choice, choices, holder};
use crate::model::bubble::Viewer;
use crate::state::{Desk, Load};

/// The id of the list, for the text field that it belongs to.
const LIST: &str = "assign-list";

/// The id of a choice.
fn choice_id(place: usize) -> String {
    format!("{LIST}-{place}")
}

/// Says who has a conversation, and gives it to somebody: to oneself with one touch while nobody has it.
#[component]
pub(crate) fn AssignBox(
    /// The conversation.
    id: StoredValue<Id>,
    /// Who looks at it.
    viewer: StoredValue<Viewer>,
) -> impl IntoView {
    let desk = expect_context::<Desk>();
    let assignments = desk.inbox.assignments;
    let choosing = assignments.choosing;
    let me = viewer.with_value(|viewer| viewer.user.clone());
    let shown = Memo::new({
        let me = me.clone();
        move |_| {
            desk.inbox.conversations.with(|list| {
                let known = list.iter().find(|known| id.with_value(|id| known.conversation_id == *id))?;
                holder(known, Some(&me))
            })
        }
    });
    let giving = Memo::new(move |_| assignments.giving.with(|giving| id.with_value(|id| giving.contains(id))));
    let opener = NodeRef::<Button>::new();
    // What is chosen goes away: the keyboard stays here.
    let stay = move || {
        if let Some(opener) = opener.get_untracked() {
            let _ = opener.focus();
        }
    };
    let take = move |_| {
        desk.assign(id.get_value(), Some(me.clone()));
        stay();
    };
    let close = Callback::new(move |()| {
        choosing.set(false);
        stay();
    });
    let left = move |event: web_sys::FocusEvent| {
        let to = event.related_target().and_then(|to| to.dyn_into::<web_sys::Node>().ok());
        let within = event.current_target().and_then(|within| within.dyn_into::<web_sys::Node>().ok());
        if within.is_some_and(|within| !within.contains(to.as_ref())) {
            choosing.set(false);
        }
    };
    view! {
        <div class="assign" on:focusout=left>
            <Show when=move || shown.read().is_none()>
                <button class="button" data-testid="assign-take" title="Take this conversation" disabled=giving on:click=take.clone()>
                    "Take"
                </button>
            </Show>
            <button
                class="button quiet assign-holder"
                data-testid="assign-holder"
                node_ref=opener
                aria-haspopup="dialog"
                aria-expanded=move || choosing.get().to_string()
                aria-keyshortcuts="a"
                title="Who has this conversation (a)"
                on:click=move |_| choosing.update(|choosing| *choosing = !*choosing)
            >
                <Icon symbol=Symbol::Person />
                <span class="unseen">"Assigned to: "</span>
                <bdi>{move || shown.get().unwrap_or_else(|| "Unassigned".to_owned())}</bdi>
                <Icon symbol=Symbol::Down />
            </button>
            <Show when=move || choosing.get()>
                <Menu id viewer close />
            </Show>
        </div>
    }
}

/// The team, narrowed by what is typed. The keyboard stays in the text field, which moves the choice.
#[component]
fn Menu(id: StoredValue<Id>, viewer: StoredValue<Viewer>, close: Callback<()>) -> impl IntoView {
    let desk = expect_context::<Desk>();
    let assignments = desk.inbox.assignments;
    assignments.fetch_team();
    let typed = RwSignal::new(String::new());
    let moved = RwSignal::new(0_usize);
    let current = Memo::new(move |_| {
        desk.inbox.conversations.with(|list| {
            list.iter().find(|known| id.with_value(|id| known.conversation_id == *id))?.assignee_id.clone()
        })
    });
    let offered = Memo::new(move |_| {
        let (team, typed) = (assignments.team.read(), typed.read());
        viewer.with_value(|viewer| choices(&team, current.read().as_ref(), &viewer.user, &typed))
    });
    let choice = Memo::new(move |_| moved.get().min(offered.read().len().saturating_sub(1)));
    let choose = Callback::new(move |choice: Choice| {
        close.run(());
        if !choice.current {
            desk.assign(id.get_value(), choice.user);
        }
    });
    let field = NodeRef::<Input>::new();
    field.on_load(|field| {
        request_animation_frame(move || drop(field.focus()));
    });
    let key = move |event: web_sys::KeyboardEvent| {
        let (at, last) = (choice.get_untracked(), offered.with_untracked(Vec::len).saturating_sub(1));
        match event.key().as_str() {
            _ if event.is_composing() => return,
            "ArrowDown" => moved.set(if at < last { at + 1 } else { 0 }),
            "ArrowUp" => moved.set(at.checked_sub(1).unwrap_or(last)),
            "Escape" => close.run(()),
            "Enter" => {
                if let Some(chosen) = offered.with_untracked(|offered| offered.get(at).cloned()) {
                    choose.run(chosen);
                }
            }
            _ => return,
        }
        event.prevent_default();
    };
    let wait = move || match assignments.load.get() {
        Load::Failed(error) => Some(error.message),
        _ if !assignments.team.read().is_empty() => None,
        Load::Idle | Load::Loading => Some("Fetching the team…".to_owned()),
        Load::Ready => None,
    };
    view! {
        <div class="assign-menu" role="dialog" aria-label="Assign the conversation">
            <label>
                <span class="unseen">"Find somebody of the team"</span>
                <input
                    type="text"
                    node_ref=field
                    data-testid="assign-field"
                    placeholder="Assign to…"
                    spellcheck="false"
                    autocomplete="off"
                    role="combobox"
                    aria-autocomplete="list"
                    aria-expanded="true"
                    aria-controls=LIST
                    aria-activedescendant=move || choice_id(choice.get())
                    prop:value=typed
                    on:input:target=move |event| {
                        typed.set(event.target().value());
                        moved.set(0);
                    }
                    on:keydown=key
                />
            </label>
            {move || wait().map(|text| view! { <p class="dim" role="status">{text}</p> })}
            <div id=LIST role="listbox" aria-label="The team">
                {move || {
                    offered
                        .get()
                        .into_iter()
                        .enumerate()
                        .map(|(place, offer)| {
                            let (name, current) = (offer.name.clone(), offer.current);
                            view! {
                                <div
                                    class="assign-choice"
                                    id=choice_id(place)
                                    role="option"
                                    data-testid="assign-choice"
                                    aria-selected=move || (choice.get() == place).to_string()
                                    // A press would take the keyboard away from the text field.
                                    on:mousedown=move |event| event.prevent_default()
                                    on:click=move |_| choose.run(offer.clone())
                                >
                                    <bdi>{name}</bdi>
                                    {current
                                        .then(|| view! { <span class="dim"><Icon symbol=Symbol::Check /> "now"</span> })}
                                </div>
                            }
                        })
                        .collect_view()
                }}
            </div>
            <Show when=move || offered.read().is_empty()>
                <p class="dim" role="status">"Nobody of the team is called that."</p>
            </Show>
        </div>
    }
}
