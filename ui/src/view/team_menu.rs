//! Choosing one of the dispatch team.

use leptos::html::Input;
use leptos::prelude::*;
use sally_protocol::Id;

use super::icon::{Icon, Symbol};
use crate::model::assignment::{Choice, choices};
use crate::state::{Desk, Load};

/// The id of the list, for the text field that it belongs to.
const LIST: &str = "assign-list";

/// The id of a choice.
fn choice_id(place: usize) -> String {
    format!("{LIST}-{place}")
}

/// The dispatch team to choose from, narrowed by what is typed. The keyboard stays in the text field, which moves the choice.
#[component]
pub(super) fn TeamMenu(
    /// What is done with who is chosen, for assistive technology.
    label: &'static str,
    /// Who has it now.
    #[prop(into)]
    current: Signal<Option<Id>>,
    /// Who looks.
    viewer: Id,
    /// Gives it to somebody else, or to nobody.
    on_choose: Callback<Option<Id>>,
    /// Takes the menu away.
    close: Callback<()>,
) -> impl IntoView {
    let desk = expect_context::<Desk>();
    let assignments = desk.inbox.assignments;
    assignments.fetch_team();
    let typed = RwSignal::new(String::new());
    let moved = RwSignal::new(0_usize);
    let offered = Memo::new(move |_| {
        let (team, typed) = (assignments.team.read(), typed.read());
        choices(&team, current.read().as_ref(), &viewer, &typed)
    });
    let choice = Memo::new(move |_| moved.get().min(offered.read().len().saturating_sub(1)));
    let choose = Callback::new(move |choice: Choice| {
        close.run(());
        if !choice.current {
            on_choose.run(choice.user);
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
        <div class="assign-menu" role="dialog" aria-label=label>
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
