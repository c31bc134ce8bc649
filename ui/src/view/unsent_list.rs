//! Messages to several drivers that haven't left yet: none of the threads shows them.

use leptos::prelude::*;
use sally_protocol::outbox::Unsent;

use super::icon::{Icon, Symbol};
use crate::model::broadcast::{reason, whom};
use crate::model::bubble::Progress;
use crate::state::Desk;

/// What waits to be sent to several drivers, or for a decision, oldest first.
#[component]
pub(super) fn UnsentList() -> impl IntoView {
    let broadcast = expect_context::<Desk>().inbox.broadcast;
    view! {
        <Show when=move || !broadcast.unsent.read().is_empty()>
            <section class="unsent-list" aria-label="Broadcasts that haven't left yet">
                <For each=move || broadcast.unsent.get() key=|unsent| format!("{} {:?}", unsent.id(), unsent.state) let:unsent>
                    <UnsentRow unsent />
                </For>
                {move || broadcast.not_done.get().map(|text| view! { <p class="template-problem" role="alert">{text}</p> })}
            </section>
        </Show>
    }
}

#[component]
fn UnsentRow(unsent: Unsent) -> impl IntoView {
    let inbox = expect_context::<Desk>().inbox;
    let id = StoredValue::new(unsent.id().to_owned());
    let Unsent { message, state, .. } = unsent;
    let content = message.content.clone();
    let to = move || inbox.conversations.with(|list| whom(&message, list));
    let progress = Progress::of(state);
    let word = progress.word();
    let failure = if let Progress::Failed(error) = &progress { Some(reason(error)) } else { None };
    let why = move || inbox.link.with(|link| progress.why(&link.state));
    view! {
        <article class="unsent-row" data-testid="unsent-broadcast" data-progress=word>
            <header>
                <Icon symbol=Symbol::Megaphone />
                <strong><bdi>{to}</bdi></strong>
                <span class="mark" data-severity=if failure.is_some() { "critical" } else { "none" }>
                    <Icon symbol=if failure.is_some() { Symbol::Critical } else { Symbol::Clock } />
                    {word}
                </span>
            </header>
            <p class="unsent-text" dir="auto">{content}</p>
            {move || why().map(|why| view! { <p class="dim">{why}</p> })}
            {failure
                .map(|reason| {
                    view! {
                        <p class="template-problem" role="alert">{reason}</p>
                        <div class="unsent-buttons">
                            <button class="button" on:click=move |_| inbox.broadcast.retry(id.get_value())>
                                <Icon symbol=Symbol::Sync />
                                "Try again"
                            </button>
                            <button class="button quiet" on:click=move |_| inbox.broadcast.discard(id.get_value())>
                                "Discard"
                            </button>
                        </div>
                    }
                })}
        </article>
    }
}
