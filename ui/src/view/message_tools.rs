//! The tools over the list of conversations: what isn't about one driver alone.

use leptos::prelude::*;

use super::icon::{Icon, Symbol};
use crate::model::label;
use crate::state::Desk;

/// The tools of the dispatch team.
#[component]
pub(super) fn MessageTools() -> impl IntoView {
    let inbox = expect_context::<Desk>().inbox;
    let awaited = Memo::new(move |_| inbox.acknowledged.ledger.with(|ledger| (ledger.awaited.len(), ledger.more)));
    let count = move || match awaited.get() {
        (0, _) => None,
        (count, more) => Some(format!("{}{}", label::thousands(count as u64), if more { "+" } else { "" })),
    };
    let awaited_label = move || match count() {
        None => "Awaiting acknowledgement: nothing (w)".to_owned(),
        Some(count) => format!("Awaiting acknowledgement: {count} (w)"),
    };
    view! {
        <div class="message-tools">
            <button
                class="button quiet tool"
                data-testid="open-broadcast"
                aria-keyshortcuts="b"
                aria-label="New broadcast (b)"
                title="New broadcast (b)"
                on:click=move |_| inbox.broadcast.open.set(true)
            >
                <Icon symbol=Symbol::Megaphone />
                <span class="tool-name">"Broadcast"</span>
            </button>
            <button
                class="button quiet tool"
                data-testid="open-awaited"
                aria-keyshortcuts="w"
                aria-label=awaited_label
                title=awaited_label
                on:click=move |_| inbox.acknowledged.open.set(true)
            >
                <Icon symbol=Symbol::CheckTwice />
                <span class="tool-name">"Awaiting"</span>
                {move || count().map(|count| view! { <span class="tool-count">{count}</span> })}
            </button>
            <button
                class="button quiet tool"
                data-testid="open-templates"
                aria-keyshortcuts="q"
                aria-label="Quick replies (q)"
                title="Quick replies (q)"
                on:click=move |_| inbox.templates.open.set(true)
            >
                <Icon symbol=Symbol::Reply />
                <span class="tool-name">"Quick replies"</span>
            </button>
        </div>
    }
}
