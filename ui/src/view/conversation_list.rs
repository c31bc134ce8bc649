//! The list of conversations, and below it the messages that a search has found.

use leptos::prelude::*;
use sally_protocol::Id;
use sally_protocol::message::{Conversation, Message, MessagePriority};

use super::filter_box::{FilterBox, NoMatch};
use super::hit_list::HitList;
use super::icon::{Icon, Symbol};
use super::moment::Moment;
use super::placeholder::Placeholder;
use super::row::Row;
use super::rows;
use super::whose_filter::WhoseFilter;
use crate::model::assignment::{Whose, YOU, holder};
use crate::model::conversations::{Narrow, name, order, typists, unread};
use crate::model::hold::arrange;
use crate::model::label;
use crate::state::{Desk, Load};

/// The list of conversations, newest activity first. It keeps its order while the pointer is in it.
#[component]
pub(crate) fn ConversationList() -> impl IntoView {
    let desk = expect_context::<Desk>();
    let inbox = desk.inbox;
    let search = inbox.search;
    let text = search.text;
    let in_team = desk.me().is_some_and(|me| me.role.is_dispatch());
    let whose = inbox.assignments.whose;
    let viewer = desk.me().map(|me| me.user_id);
    let live = Memo::new(move |_| {
        let narrow = Narrow { text: text.get(), whose: whose.get(), viewer: viewer.clone(), open: inbox.open.get() };
        inbox.conversations.with(|list| order(list, &narrow))
    });
    let held = RwSignal::new(None::<Vec<Id>>);
    let shown = Memo::new(move |_| {
        let live = live.get();
        let there: std::collections::BTreeSet<Id> = live.iter().cloned().collect();
        let arranged = held.with(|held| arrange(held.as_deref(), live, Id::clone, |id| there.contains(id)));
        // New conversations are rare: they go to the end for the moment rather than behind a button.
        [arranged.shown, arranged.waiting].concat()
    });
    let reachable = Memo::new(move |_| {
        let open = inbox.open.get();
        shown.with(|shown| open.filter(|open| shown.contains(open)).or_else(|| shown.first().cloned()))
    });
    let loading = Memo::new(move |_| inbox.list.get() == Load::Loading && inbox.conversations.read().is_empty());
    let failed = Memo::new(move |_| match inbox.list.get() {
        Load::Failed(error) => Some(error.message),
        _ => None,
    });
    let nothing = Memo::new(move |_| !loading.get() && failed.get().is_none() && shown.read().is_empty());
    let found_nothing = Memo::new(move |_| search.hits.read().is_empty() && search.load.get() != Load::Loading);
    let narrowed = Memo::new(move |_| text.with(|text| !text.trim().is_empty()) || whose.get() != Whose::All);
    let clear = move |()| {
        search.look_for(String::new());
        inbox.assignments.list(Whose::All);
    };
    view! {
        <FilterBox
            label="Find conversations and messages"
            hint="Find  /"
            class="conversation-search"
            text
            on_text=move |words| search.look_for(words)
        />
        {in_team.then(|| view! { <WhoseFilter /> })}
        {move || {
            failed
                .get()
                .map(|message| {
                    view! {
                        <div class="inline-error" role="alert">
                            <p>{message}</p>
                            <button class="button" on:click=move |_| inbox.refresh()>
                                "Try again"
                            </button>
                        </div>
                    }
                })
        }}
        <div class="conversation-rows">
        <div
            role="listbox"
            aria-label="Conversations, newest first"
            on:pointerenter=move |_| held.set(Some(live.get_untracked()))
            on:pointerleave=move |_| held.set(None)
        >
            <Show when=move || loading.get()>
                <div class="skeleton" role="status">
                    <span class="unseen">"Fetching the conversations…"</span>
                    {(0..8).map(|_| view! { <div class="skeleton-row" aria-hidden="true"></div> }).collect_view()}
                </div>
            </Show>
            <For each=move || shown.get() key=Id::clone let:id>
                <ConversationRow id reachable />
            </For>
            <Show when=move || nothing.get()>
                <Show
                    when=move || narrowed.get()
                    fallback=|| {
                        view! {
                            <Placeholder
                                symbol=Symbol::Message
                                title="No conversations yet"
                                hint="Each driver has one; it begins with the first message.".to_owned()
                            />
                        }
                    }
                >
                    <Show when=move || found_nothing.get()>
                        <NoMatch title="Nothing matches" on_clear=clear />
                    </Show>
                </Show>
            </Show>
        </div>
        <HitList />
        </div>
    }
}

#[component]
fn ConversationRow(id: Id, reachable: Memo<Option<Id>>) -> impl IntoView {
    let desk = expect_context::<Desk>();
    let inbox = desk.inbox;
    let id = StoredValue::new(id);
    let me = desk.me().map(|me| me.user_id);
    let conversation = Memo::new(move |_| {
        inbox
            .conversations
            .with(|list| list.iter().find(|known| id.with_value(|id| known.conversation_id == *id)).cloned())
    });
    let called = Memo::new(move |_| conversation.read().as_ref().map(name).unwrap_or_default());
    let waits = Memo::new(move |_| {
        desk.board.with(|board| conversation.read().as_ref().map_or(0, |conversation| unread(board, conversation)))
    });
    let urgent = Memo::new(move |_| {
        desk.board.with(|board| {
            id.with_value(|id| board.waiting.get(id).is_some_and(|waiting| waiting.priority == MessagePriority::Urgent))
        })
    });
    let online = Memo::new(move |_| conversation.read().as_ref().is_some_and(|conversation| conversation.online));
    let held_by = Memo::new({
        let me = me.clone();
        move |_| conversation.read().as_ref().and_then(|conversation| holder(conversation, me.as_ref()))
    });
    let at = Memo::new(move |_| last(&conversation.read()).map(|message| message.timestamp));
    let types = Memo::new({
        let me = me.clone();
        move |_| {
            let Some(me) = me.as_ref() else { return false };
            inbox.typists.with(|known| id.with_value(|id| !typists(known, id, me, desk.now.get()).is_empty()))
        }
    });
    let preview = Memo::new(move |_| {
        let conversation = conversation.read();
        let Some(message) = last(&conversation) else { return "No messages yet".to_owned() };
        let own = me.as_ref() == Some(&message.sender_id);
        let ours = message.sender_role.is_dispatch();
        let author = if own { Some("You".to_owned()) } else { ours.then(|| message.sender_name.clone()).flatten() };
        let line = message.content.split_whitespace().collect::<Vec<_>>().join(" ");
        author.map_or(line.clone(), |author| format!("{author}: {line}"))
    });
    let open = Memo::new(move |_| inbox.open.with(|open| id.with_value(|id| open.as_ref() == Some(id))));
    let is_reachable = Signal::derive(move || reachable.with(|at| id.with_value(|id| at.as_ref() == Some(id))));
    let show = move |()| {
        inbox.show(id.get_value());
        rows::focus_on("[data-testid=composer-input]");
    };
    view! {
        <Row
            testid="conversation-row"
            called
            selected=open
            reachable=is_reachable
            on_show=show
            time=move || view! { <Moment at /> }
            preview=move || (move || if types.get() { "Typing…".to_owned() } else { preview.get() }).into_any()
            attr:data-conversation-id=id.with_value(Id::to_string)
            attr:data-unread=move || (waits.get() > 0).to_string()
        >
            {move || {
                urgent
                    .get()
                    .then(|| {
                        view! {
                            <span class="mark" data-severity="high">
                                <Icon symbol=Symbol::High />
                                "Urgent"
                            </span>
                        }
                    })
            }}
            {move || {
                (waits.get() > 0)
                    .then(|| view! { <span class="unread">{move || label::thousands(waits.get())} <span class="unseen">" unread"</span></span> })
            }}
            <span class="presence" data-online=move || online.get().to_string()>
                {move || if online.get() { "Online" } else { "Offline" }}
            </span>
            {move || {
                held_by
                    .get()
                    .map(|name| {
                        let own = (name == YOU).to_string();
                        view! {
                            <span class="conversation-holder" data-testid="conversation-holder" data-own=own>
                                <Icon symbol=Symbol::Person />
                                <span class="unseen">"Assigned to: "</span>
                                <bdi>{name}</bdi>
                            </span>
                        }
                    })
            }}
        </Row>
    }
}

fn last(conversation: &Option<Conversation>) -> Option<&Message> {
    conversation.as_ref().and_then(|conversation| conversation.last_message.as_ref())
}
