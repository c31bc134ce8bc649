//! One note of the dispatch team, among the messages and unlike them.

use leptos::prelude::*;
use sally_protocol::Id;

use super::icon::{Icon, Symbol};
use crate::model::bubble::Viewer;
use crate::model::notebook::{Shown, Stand, failure_sentence};
use crate::model::time;
use crate::state::{Desk, zone};

/// One note. It stays the same element from the moment it is written.
#[component]
pub(crate) fn NoteRow(
    /// The conversation.
    id: StoredValue<Id>,
    /// What identifies the note.
    key: String,
    /// Who looks at it.
    viewer: StoredValue<Viewer>,
) -> impl IntoView {
    let desk = expect_context::<Desk>();
    let notes = desk.inbox.notes;
    let key = StoredValue::new(key);
    let shown = Memo::new(move |_| {
        notes.books.with(|books| {
            let book = id.with_value(|id| books.get(id))?;
            key.with_value(|key| viewer.with_value(|viewer| book.shown(key, viewer)))
        })
    });
    let with = move |read: fn(&Shown) -> Option<String>| move || shown.with(|shown| shown.as_ref().and_then(read));
    let stand = Memo::new(move |_| shown.with(|shown| shown.as_ref().map(|shown| shown.stand.clone())));
    let author = move || shown.with(|shown| shown.as_ref()?.author.clone()).unwrap_or_else(|| "You".to_owned());
    let failure = move || match stand.get() {
        Some(Stand::Failed(error)) => Some(error),
        _ => None,
    };
    let word = move || match stand.get() {
        Some(Stand::Stored) | None => "stored",
        Some(Stand::Sending) => "sending",
        Some(Stand::Failed(_)) => "failed",
    };
    let retry = move |_| key.with_value(|key| viewer.with_value(|viewer| notes.retry(id.get_value(), key, viewer)));
    let discard = move |_| {
        key.with_value(|key| viewer.with_value(|viewer| notes.discard(id.get_value(), key, viewer)));
    };
    view! {
        <article class="note" data-testid="note" data-note-id=with(|shown| shown.note_id.as_ref().map(Id::to_string)) data-stand=word>
            <header class="note-head">
                <Icon symbol=Symbol::Note />
                <strong>"Team note"</strong>
                <bdi>{author}</bdi>
                {move || shown.with(|shown| shown.as_ref().map(|shown| shown.at)).map(|at| {
                    view! { <time datetime=at.to_string() title=time::absolute(at, zone)>{time::time_of_day(at, zone)}</time> }
                })}
                <Show when=move || stand.get() == Some(Stand::Sending)>
                    <span role="status">"Saving…"</span>
                </Show>
                <span class="note-reach">"Drivers don't see this"</span>
            </header>
            // Text from people: the document treats it as text, and keeps its direction to itself.
            <p class="message-text" dir="auto">{with(|shown| Some(shown.content.clone()))}</p>
            {move || {
                failure()
                    .map(|error| {
                        view! {
                            <div class="message-failure" role="alert">
                                <p>{failure_sentence(&error)}</p>
                                <button class="button" data-testid="note-retry" on:click=retry>
                                    <Icon symbol=Symbol::Sync />
                                    "Try again"
                                </button>
                                <button class="button quiet" data-testid="note-discard" on:click=discard>
                                    "Discard"
                                </button>
                            </div>
                        }
                    })
            }}
        </article>
    }
}
