//! Messaging: the conversations, and the one that is open. The connection lasts as long as this view.

use leptos::ev;
use leptos::prelude::*;
use sally_protocol::Id;

use super::acknowledgement_sheet::AcknowledgementSheet;
use super::broadcast_sheet::BroadcastSheet;
use super::conversation_list::ConversationList;
use super::icon::Symbol;
use super::link_state::LinkState;
use super::message_tools::MessageTools;
use super::placeholder::Placeholder;
use super::template_sheet::TemplateSheet;
use super::thread::ThreadPane;
use super::unsent_list::UnsentList;
use super::{rows, writing};
use crate::model::keys::Action;
use crate::state::{Desk, View};

/// The messaging view. Entering it opens the messaging connection, leaving it closes it.
#[component]
pub(crate) fn Messages() -> impl IntoView {
    let desk = expect_context::<Desk>();
    let inbox = desk.inbox;
    let in_team = desk.me().is_some_and(|me| me.role.is_dispatch());
    inbox.enter();
    let live = Memo::new(move |_| inbox.link.with(|link| link.state.is_live()));
    Effect::new(move |_| {
        if in_team && live.get() {
            inbox.templates.fetch();
            inbox.acknowledged.fetch();
        }
    });
    let listener = window_event_listener(ev::keydown, move |event| {
        let open = inbox.open.get_untracked();
        let write = |open: Id, is_note| {
            inbox.drafts.update(|drafts| drafts.entry(open).or_default().is_note = is_note);
            rows::focus_on("[data-testid=composer-input]");
        };
        match (writing::asked(&event, View::Messages), open) {
            (Some(Action::Back), Some(_)) if !writing::is_writing() => {
                inbox.close();
                rows::back();
            }
            (Some(Action::Message), Some(open)) => write(open, false),
            (Some(Action::Note), Some(open)) if in_team => write(open, true),
            (Some(Action::Assign), Some(_)) if in_team => inbox.assignments.choosing.set(true),
            (Some(Action::Broadcast), _) if in_team => inbox.broadcast.open.set(true),
            (Some(Action::Awaited), _) if in_team => inbox.acknowledged.open.set(true),
            (Some(Action::Templates), _) if in_team => inbox.templates.open.set(true),
            (Some(Action::Whose), _) if in_team => inbox.assignments.list_next(),
            _ => return,
        }
        event.prevent_default();
    });
    on_cleanup(move || {
        listener.remove();
        inbox.leave();
    });
    let failure = inbox.door.failure;
    view! {
        <main class="messages" data-open=move || inbox.open.get().is_some().to_string()>
            <section class="conversations" aria-label="Conversations">
                <div class="filters">
                    <h1>"Messages"</h1>
                    <LinkState link=inbox.link testid="messaging-state" purpose="Messaging" />
                </div>
                <Show when=move || in_team>
                    <MessageTools />
                </Show>
                {move || {
                    failure
                        .get()
                        .map(|error| {
                            view! {
                                <div class="inline-error" role="alert">
                                    <p>{error.message}</p>
                                    <button class="button" on:click=move |_| inbox.enter()>
                                        "Try again"
                                    </button>
                                </div>
                            }
                        })
                }}
                <UnsentList />
                <ConversationList />
            </section>
            {move || match inbox.open.get() {
                Some(conversation) => view! { <ThreadPane conversation /> }.into_any(),
                None => {
                    view! {
                        <section class="thread-pane" aria-label="Conversation">
                            <Placeholder
                                symbol=Symbol::Message
                                title="No conversation is open"
                                hint="Choose one from the list. On an alert or a route, m writes to its driver.".to_owned()
                            />
                        </section>
                    }
                        .into_any()
                }
            }}
        </main>
        <Show when=move || in_team>
            <BroadcastSheet />
            <AcknowledgementSheet />
            <TemplateSheet />
        </Show>
    }
}
