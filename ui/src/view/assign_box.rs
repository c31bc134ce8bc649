//! Who looks after the open conversation, and choosing somebody else.

use leptos::html::Button;
use leptos::prelude::*;
use sally_protocol::Id;
use wasm_bindgen::JsCast;

use super::icon::{Icon, Symbol};
use super::team_menu::TeamMenu;
use crate::model::assignment::holder;
use crate::model::bubble::Viewer;
use crate::state::Desk;

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
    let current = Memo::new(move |_| {
        desk.inbox.conversations.with(|list| {
            list.iter().find(|known| id.with_value(|id| known.conversation_id == *id))?.assignee_id.clone()
        })
    });
    let give = Callback::new(move |user| desk.assign(id.get_value(), user));
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
                <TeamMenu
                    label="Assign the conversation"
                    current
                    viewer=viewer.with_value(|viewer| viewer.user.clone())
                    on_choose=give
                    close
                />
            </Show>
        </div>
    }
}
