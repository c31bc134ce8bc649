//! The messages in which the words of the search were found.

use leptos::prelude::*;
use sally_protocol::message::Message;

use super::moment::Clock;
use super::row::Row;
use crate::model::conversations::name;
use crate::model::hit::excerpt;
use crate::state::{Desk, Load, Sought};

/// The messages that match, newest first. Choosing one opens its conversation there.
#[component]
pub(crate) fn HitList() -> impl IntoView {
    let desk = expect_context::<Desk>();
    let search = desk.inbox.search;
    let failed = Memo::new(move |_| match search.load.get() {
        Load::Failed(error) => Some(error.message),
        _ => None,
    });
    let said = move || match search.load.get() {
        Load::Loading => "Searching…".to_owned(),
        Load::Failed(_) => String::new(),
        Load::Idle | Load::Ready => match (search.hits.read().len(), search.more.get()) {
            (0, _) => "None matches".to_owned(),
            (count, true) => format!("{count} or more"),
            (count, false) => count.to_string(),
        },
    };
    let first = Memo::new(move |_| search.hits.with(|hits| hits.first().map(|first| first.message_id.clone())));
    view! {
        <Show when=move || search.load.get() != Load::Idle>
            <section class="hits" data-testid="search-hits">
                <h2 class="hits-head">"Messages " <span class="dim" role="status">{said}</span></h2>
                <div role="listbox" aria-label="Messages that match, newest first">
                    <For each=move || search.hits.get() key=|hit| hit.message_id.clone() let:hit>
                        <HitRow hit first />
                    </For>
                </div>
                {move || {
                    failed
                        .get()
                        .map(|message| {
                            view! {
                                <div class="inline-error" role="alert">
                                    <p>{message}</p>
                                    <button class="button" on:click=move |_| search.again()>
                                        "Try again"
                                    </button>
                                </div>
                            }
                        })
                }}
                <Show when=move || search.more.get() && search.load.get() == Load::Ready>
                    <button class="button quiet hits-more" on:click=move |_| search.older()>
                        "Older matches"
                    </button>
                </Show>
            </section>
        </Show>
    }
}

#[component]
fn HitRow(hit: Message, first: Memo<Option<String>>) -> impl IntoView {
    let desk = expect_context::<Desk>();
    let inbox = desk.inbox;
    let me = desk.me().map(|me| me.user_id);
    let (at, seq, message_id) = (hit.timestamp, hit.seq, hit.message_id.clone());
    let conversation = StoredValue::new(hit.conversation_id.clone());
    let called = Memo::new(move |_| {
        inbox.conversations.with(|list| {
            conversation.with_value(|id| {
                list.iter().find(|known| known.conversation_id == *id).map_or_else(|| id.to_string(), name)
            })
        })
    });
    let author = if me.as_ref() == Some(&hit.sender_id) {
        Some("You".to_owned())
    } else {
        hit.sender_role.is_dispatch().then(|| hit.sender_name.clone().unwrap_or_else(|| hit.sender_id.to_string()))
    };
    let parts = Memo::new(move |_| inbox.search.text.with(|text| excerpt(&hit.content, text)));
    let is_open = Memo::new(move |_| {
        let is_this = |sought: &Sought| conversation.with_value(|id| sought.is(id, seq));
        inbox.sought.with(|sought| sought.as_ref().is_some_and(is_this))
    });
    let id = message_id.clone();
    let reachable = Signal::derive(move || first.with(|first| first.as_ref() == Some(&id)));
    let preview = move || {
        view! {
            {author.clone().map(|author| view! { <bdi>{author}</bdi>": " })}
            // Text from people keeps its direction, and what overrides it, to itself.
            <bdi>
                {move || {
                    parts
                        .get()
                        .into_iter()
                        .map(|part| {
                            if part.marked { view! { <mark>{part.text}</mark> }.into_any() } else { part.text.into_any() }
                        })
                        .collect_view()
                }}
            </bdi>
        }
    };
    view! {
        <Row
            testid="search-hit"
            class="hit"
            called
            selected=is_open
            reachable
            on_show=move |()| inbox.show_at(conversation.get_value(), seq)
            time=move || view! { <Clock at /> }
            preview
            attr:data-message-id=message_id
        />
    }
}
