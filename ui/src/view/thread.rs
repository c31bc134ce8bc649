//! The open conversation: its messages, who types, and the place to write.

use leptos::ev;
use leptos::html::Div;
use leptos::prelude::*;
use sally_protocol::Id;
use wasm_bindgen::JsCast;
use wasm_bindgen::prelude::Closure;
use web_sys::{ResizeObserver, ScrollIntoViewOptions, ScrollLogicalPosition};

use super::assign_box::AssignBox;
use super::composer::Composer;
use super::icon::{Icon, Symbol};
use super::message::MessageRow;
use super::note::NoteRow;
use super::placeholder::Placeholder;
use crate::model::bubble::Viewer;
use crate::model::conversations::{name, typists};
use crate::model::notebook::Notebook;
use crate::model::thread::{Entry, Thread};
use crate::model::time;
use crate::state::{Desk, Load, Sought, zone};

/// How close to the end, in pixels, still counts as being at the end.
const AT_END: i32 = 48;

/// How close to the start, in pixels, older messages are fetched.
const NEAR_START: i32 = 80;

/// The open conversation.
#[component]
pub(crate) fn ThreadPane(
    /// The conversation.
    conversation: Id,
) -> impl IntoView {
    let desk = expect_context::<Desk>();
    let inbox = desk.inbox;
    let id = StoredValue::new(conversation);
    let Some(viewer) = desk.me().map(|me| Viewer { user: me.user_id, role: me.role }) else { return ().into_any() };
    let viewer = StoredValue::new(viewer);
    let known = Memo::new(move |_| {
        inbox
            .conversations
            .with(|list| id.with_value(|id| list.iter().find(|known| known.conversation_id == *id).cloned()))
    });
    let called = Memo::new(move |_| known.read().as_ref().map_or_else(|| id.with_value(Id::to_string), name));
    let online = Memo::new(move |_| known.read().as_ref().is_some_and(|known| known.online));
    let entries = Memo::new(move |_| {
        let unread_from = inbox.unread_from.get();
        let no_notes = Notebook::default();
        let (threads, books) = (inbox.threads.read(), inbox.notes.books.read());
        let (thread, notes) = id.with_value(|id| (threads.get(id), books.get(id).unwrap_or(&no_notes)));
        viewer.with_value(|viewer| {
            thread.map(|thread| thread.entries(notes, viewer, unread_from, zone)).unwrap_or_default()
        })
    });
    let in_team = viewer.with_value(|viewer| viewer.role.is_dispatch());
    let of = move |read: fn(&Thread) -> bool| {
        Memo::new(move |_| inbox.threads.with(|threads| id.with_value(|id| threads.get(id).is_some_and(read))))
    };
    let (loaded, more_messages) = (of(Thread::is_loaded), of(Thread::has_more));
    let more_notes =
        move || inbox.notes.books.with(|books| id.with_value(|id| books.get(id).is_some_and(Notebook::has_more)));
    let more = Memo::new(move |_| more_messages.get() || more_notes());
    let notes_failed = Memo::new(move |_| match inbox.notes.loads.read().get(&id.get_value()) {
        Some(Load::Failed(error)) if in_team => Some(error.message.clone()),
        _ => None,
    });
    let newest =
        Memo::new(move |_| inbox.threads.with(|threads| id.with_value(|id| threads.get(id).and_then(Thread::newest))));
    let failed = Memo::new(move |_| match id.with_value(|id| inbox.pages.with(|pages| pages.get(id).cloned())) {
        Some(Load::Failed(error)) => Some(error.message),
        _ => None,
    });
    let types = Memo::new(move |_| {
        let typing = viewer.with_value(|viewer| {
            inbox.typists.with(|known| id.with_value(|id| typists(known, id, &viewer.user, desk.now.get())))
        });
        match typing.as_slice() {
            [] => None,
            [one] if id.with_value(|id| one == id) => Some(format!("{} is typing…", called.get())),
            [one] => Some(format!("{one} is typing…")),
            _ => Some("Several people are typing…".to_owned()),
        }
    });

    let scroller = NodeRef::<Div>::new();
    let content = NodeRef::<Div>::new();
    let at_end = RwSignal::new(true);
    let measured = StoredValue::new((0, 0));
    let scrolled = move |_| {
        let Some(scroller) = scroller.get_untracked() else { return };
        // An event that follows from a change of size says nothing of the reader: the place is restored
        // right after it.
        let size = (scroller.scroll_height(), scroller.client_height());
        if measured.get_value() == size {
            at_end.set(size.0 - scroller.scroll_top() - size.1 < AT_END);
        }
        // What failed once is tried again by hand, not by every turn of the wheel.
        let failed = inbox.older.with_untracked(|older| matches!(older, Load::Failed(_)));
        if scroller.scroll_top() < NEAR_START && loaded.get_untracked() && !failed {
            inbox.fetch_older();
        }
    };
    let to_end = move || {
        if let Some(scroller) = scroller.get_untracked() {
            scroller.set_scroll_top(scroller.scroll_height());
        }
    };
    keep_place(scroller, content, entries, at_end, measured);
    bring_into_view(desk, id, scroller, at_end);
    mark_read_when_seen(desk, id, newest, at_end);

    view! {
        <section class="thread-pane" aria-label="Conversation">
            <header class="thread-head">
                <button class="button quiet square thread-back" aria-label="Back to the list (Esc)" on:click=move |_| inbox.close()>
                    <Icon symbol=Symbol::Left />
                </button>
                <h2><bdi>{called}</bdi></h2>
                <span class="presence" data-online=move || online.get().to_string()>
                    {move || if online.get() { "Online" } else { "Offline" }}
                </span>
                {in_team.then(|| view! { <AssignBox id viewer /> })}
                <span class="dim thread-id"><bdi>{id.with_value(Id::to_string)}</bdi></span>
            </header>
            <div class="thread" node_ref=scroller on:scroll=scrolled tabindex="0" role="log" aria-label="Messages">
                <div class="thread-content" node_ref=content>
                <div class="thread-start">
                    <Show when=move || more.get()>
                        <button class="button quiet" disabled=move || inbox.older.get() == Load::Loading on:click=move |_| inbox.fetch_older()>
                            {move || match inbox.older.get() {
                                Load::Loading => "Fetching older messages…".to_owned(),
                                Load::Failed(error) => format!("{} Try again", error.message),
                                Load::Idle | Load::Ready => "Older messages".to_owned(),
                            }}
                        </button>
                    </Show>
                    <Show when=move || loaded.get() && !more.get() && !entries.read().is_empty()>
                        <span class="dim">"The beginning of this conversation"</span>
                    </Show>
                </div>
                {move || {
                    failed
                        .get()
                        .map(|message| {
                            view! {
                                <div class="inline-error" role="alert">
                                    <p>{message}</p>
                                    <button class="button" on:click=move |_| inbox.fetch_newest(id.get_value())>
                                        "Try again"
                                    </button>
                                </div>
                            }
                        })
                }}
                {move || {
                    notes_failed
                        .get()
                        .map(|message| {
                            view! {
                                <div class="inline-error" role="alert">
                                    <p>"The team's notes are missing here. " {message}</p>
                                    <button class="button" on:click=move |_| inbox.fetch_newest(id.get_value())>
                                        "Try again"
                                    </button>
                                </div>
                            }
                        })
                }}
                <Show when=move || entries.read().is_empty() && failed.get().is_none()>
                    <Show when=move || loaded.get() fallback=|| view! { <p class="dim thread-wait" role="status">"Fetching the messages…"</p> }>
                        <Placeholder symbol=Symbol::Message title="Nothing said yet" hint="What you write here goes to this driver and to your team.".to_owned() />
                    </Show>
                </Show>
                <For each=move || entries.get() key=Entry::clone let:entry>
                    {match entry {
                        Entry::Day(date) => {
                            let text = Memo::new(move |_| time::day_name(date, time::day(desk.now.get(), zone)));
                            view! { <div class="thread-day" role="separator"><span>{text}</span></div> }.into_any()
                        }
                        Entry::Unread => view! { <div class="thread-unread" role="separator"><span>"New"</span></div> }.into_any(),
                        Entry::Note(key) => view! { <NoteRow id key viewer /> }.into_any(),
                        Entry::Message(key) => view! { <MessageRow conversation=id.get_value() key viewer /> }.into_any(),
                    }}
                </For>
                </div>
            </div>
            <div class="thread-foot">
                <span class="typing" role="status">{types}</span>
                <button class="button to-end" class:vanished=move || at_end.get() on:click=move |_| to_end()>
                    <Icon symbol=Symbol::ArrowDown />
                    "To the newest"
                </button>
            </div>
            <Composer conversation=id.get_value() viewer on_sent=Callback::new(move |()| at_end.set(true)) />
        </section>
    }
    .into_any()
}

/// Keeps what is being read where it is: at the end new messages push up, further up nothing moves,
/// and older ones grow upwards out of sight. Engines differ in how they anchor a scrolled text, so
/// that theirs is switched off and this takes its place. `measured` is the height of the whole and of the
/// part on the screen, as of the last time.
fn keep_place(
    scroller: NodeRef<Div>,
    content: NodeRef<Div>,
    entries: Memo<Vec<Entry>>,
    at_end: RwSignal<bool>,
    measured: StoredValue<(i32, i32)>,
) {
    let watch = StoredValue::new_local(None::<(ResizeObserver, Closure<dyn FnMut()>)>);
    Effect::new(move |_| {
        let (Some(scroller), Some(content)) = (scroller.get(), content.get()) else { return };
        let watched = [web_sys::Element::clone(&scroller), web_sys::Element::clone(&content)];
        let mut first_before = None;
        let resized = Closure::<dyn FnMut()>::new(move || {
            let first = entries.with_untracked(|entries| {
                entries.iter().find(|entry| matches!(entry, Entry::Message(_) | Entry::Note(_))).cloned()
            });
            let height = scroller.scroll_height();
            let (height_before, _) = measured.get_value();
            if at_end.get_untracked() {
                scroller.set_scroll_top(height);
            } else if first_before != first {
                scroller.set_scroll_top(scroller.scroll_top() + height - height_before);
            }
            first_before = first;
            measured.set_value((height, scroller.client_height()));
        });
        let Ok(observer) = ResizeObserver::new(resized.as_ref().unchecked_ref()) else { return };
        watched.iter().for_each(|element| observer.observe(element));
        watch.set_value(Some((observer, resized)));
    });
    on_cleanup(move || {
        if let Some((observer, _)) = watch.try_update_value(Option::take).flatten() {
            observer.disconnect();
        }
    });
}

/// Brings the message at which the conversation was opened into the middle, once it has been fetched.
fn bring_into_view(desk: Desk, id: StoredValue<Id>, scroller: NodeRef<Div>, at_end: RwSignal<bool>) {
    let sought =
        Memo::new(move |_| desk.inbox.sought.get().filter(|sought| id.with_value(|id| sought.conversation == *id)));
    let there = Memo::new(move |_| {
        let sought = sought.get()?;
        let has = |thread: &Thread| thread.has(sought.seq);
        desk.inbox.threads.with(|threads| threads.get(&sought.conversation).is_some_and(has)).then_some(sought)
    });
    // Whoever looks for an old message isn't at the end any more, however much comes in until it is here.
    Effect::new(move |_| {
        if sought.get().is_some() {
            at_end.set(false);
        }
    });
    Effect::new(move |_| {
        let Some(Sought { seq, .. }) = there.get() else { return };
        // The first frame lays out what was fetched and restores the place; the second leaves it.
        request_animation_frame(move || {
            request_animation_frame(move || {
                let selector = format!("[data-testid=message][data-seq=\"{seq}\"]");
                let Some(scroller) = scroller.try_get_untracked().flatten() else { return };
                if let Ok(Some(message)) = scroller.query_selector(&selector) {
                    let middle = ScrollIntoViewOptions::new();
                    middle.set_block(ScrollLogicalPosition::Center);
                    message.scroll_into_view_with_scroll_into_view_options(&middle);
                }
            });
        });
    });
}

/// Says that the newest message has been read once it has been on the screen.
fn mark_read_when_seen(desk: Desk, id: StoredValue<Id>, newest: Memo<Option<u64>>, at_end: RwSignal<bool>) {
    let visible = RwSignal::new(!document().hidden());
    let listener = window_event_listener(ev::Custom::<web_sys::Event>::new("visibilitychange"), move |_| {
        visible.set(!document().hidden());
    });
    on_cleanup(move || listener.remove());
    Effect::new(move |_| {
        let live = desk.inbox.link.with(|link| link.state.is_live());
        if let (Some(newest), true) = (newest.get(), live && visible.get() && at_end.get()) {
            desk.inbox.mark_read(id.get_value(), newest);
        }
    });
}
