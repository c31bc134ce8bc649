//! Whose conversations are listed.

use leptos::prelude::*;

use crate::model::assignment::Whose;
use crate::model::conversations::unread;
use crate::state::Desk;

/// All, the viewer's, or those that nobody looks after; with how many of the latter two have something
/// unread.
#[component]
pub(crate) fn WhoseFilter() -> impl IntoView {
    let desk = expect_context::<Desk>();
    let inbox = desk.inbox;
    let chosen = inbox.assignments.whose;
    let me = StoredValue::new(desk.me().map(|me| me.user_id));
    let waiting = move |whose: Whose| {
        Memo::new(move |_| {
            let waits = |board: &sally_protocol::Board| {
                inbox.conversations.with(|list| {
                    let own = list.iter().filter(|known| me.with_value(|me| whose.admits(known, me.as_ref())));
                    own.filter(|known| unread(board, known) > 0).count()
                })
            };
            if whose == Whose::All { 0 } else { desk.board.with(waits) }
        })
    };
    view! {
        <div class="segments whose" role="group" aria-label="Whose conversations" aria-keyshortcuts="f">
            {Whose::ALL
                .into_iter()
                .map(|whose| {
                    let count = waiting(whose);
                    view! {
                        <button
                            data-testid="whose"
                            data-whose=whose.word()
                            aria-pressed=move || (chosen.get() == whose).to_string()
                            on:click=move |_| inbox.assignments.list(whose)
                        >
                            {whose.label()}
                            {move || {
                                let count = count.get();
                                (count > 0)
                                    .then(|| {
                                        view! {
                                            <span class="whose-count" title="Conversations with something unread">
                                                {count}
                                                <span class="unseen">" unread"</span>
                                            </span>
                                        }
                                    })
                            }}
                        </button>
                    }
                })
                .collect_view()}
        </div>
    }
}
