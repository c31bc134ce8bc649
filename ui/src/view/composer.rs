//! The place to write a message.

use leptos::html::Textarea;
use leptos::prelude::*;
use sally_protocol::Id;
use sally_protocol::message::{MAX_CONTENT_CHARS, check_content};
use sally_protocol::team::Template;
use sally_protocol::template::{Facts, fill};

use super::icon::{Icon, Symbol};
use super::note_switch::NoteSwitch;
use super::template_offer::Offer;
use super::template_picker::{LIST, TemplatePicker, choice_id};
use crate::model::bubble::Viewer;
use crate::model::keys::switches_to_note;
use crate::model::{label, routes, templates};
use crate::state::{Desk, Draft, Subject, now, zone};

/// From how many characters on they are counted aloud.
const COUNT_FROM: usize = MAX_CONTENT_CHARS - 300;

/// How often it is said again that somebody types, in milliseconds.
const TYPING_AGAIN_MS: i64 = 4_000;

/// The tallest the text field grows by itself, in pixels.
const TALLEST: i32 = 160;

/// The place to write. What is written stays with its conversation until it is sent.
#[component]
pub(crate) fn Composer(
    /// The conversation.
    conversation: Id,
    /// Who writes.
    viewer: StoredValue<Viewer>,
    /// Called when a message goes out.
    on_sent: Callback<()>,
) -> impl IntoView {
    let desk = expect_context::<Desk>();
    let inbox = desk.inbox;
    let id = StoredValue::new(conversation);
    let draft =
        Memo::new(move |_| inbox.drafts.with(|drafts| id.with_value(|id| drafts.get(id).cloned())).unwrap_or_default());
    let change = move |change: &dyn Fn(&mut Draft)| {
        inbox.drafts.update(|drafts| change(drafts.entry(id.get_value()).or_default()));
    };
    let length = Memo::new(move |_| draft.read().text.chars().count());
    let refusal = Memo::new(move |_| check_content(draft.read().text.trim()).err());
    let problem =
        Memo::new(move |_| refusal.get().filter(|_| length.get() > 0 && !draft.read().text.trim().is_empty()));
    let field = NodeRef::<Textarea>::new();
    let said_typing = StoredValue::new(i64::MIN);

    let in_team = viewer.with_value(|viewer| viewer.role.is_dispatch());
    let is_note = Memo::new(move |_| in_team && draft.read().is_note);
    let stop_typing = move || {
        if said_typing.get_value() != i64::MIN {
            said_typing.set_value(i64::MIN);
            inbox.set_typing(id.get_value(), false);
        }
    };
    let write_note = move |note: bool| {
        // Nobody is to wait for a message that doesn't come.
        stop_typing();
        change(&|draft| draft.is_note = note);
        if let Some(field) = field.get_untracked() {
            let _ = field.focus();
        }
    };

    let typed = move |text: String| {
        let (writes, at) = (!text.is_empty(), now().as_millisecond());
        let said = said_typing.get_value();
        if is_note.get_untracked() {
            // What is noted concerns nobody who waits for a message.
        } else if writes && at.saturating_sub(said) > TYPING_AGAIN_MS {
            said_typing.set_value(at);
            inbox.set_typing(id.get_value(), true);
        } else if !writes {
            stop_typing();
        }
        change(&|draft| draft.text.clone_from(&text));
    };
    // Notes are the team's own words to each other.
    let text = Memo::new(move |_| if is_note.get() { String::new() } else { draft.read().text.clone() });
    let offer = Offer::new(inbox.templates, text);
    let known = move || {
        let name = inbox.conversations.with_untracked(|list| {
            let known = id.with_value(|id| list.iter().find(|known| known.conversation_id == *id).cloned());
            known.and_then(|known| known.name)
        });
        desk.board.with_untracked(|board| id.with_value(|id| templates::facts(board, id, name, now(), zone)))
    };
    // As they are when the choice is offered: nothing in it changes while somebody reads.
    let facts = Memo::new(move |_| if offer.shown.get() { known() } else { Facts::default() });
    let take = move |template: &Template| {
        typed(fill(&template.text, &known()));
        if let Some(field) = field.get_untracked() {
            let _ = field.focus();
        }
    };
    let send = move || {
        if refusal.get_untracked().is_some() {
            return;
        }
        stop_typing();
        on_sent.run(());
        if is_note.get_untracked() {
            let content = draft.with_untracked(|draft| draft.text.trim().to_owned());
            change(&|draft| draft.text.clear());
            inbox.notes.add(id.get_value(), content);
            return;
        }
        viewer.with_value(|viewer| inbox.send(id.get_value(), draft.get_untracked(), viewer));
    };
    let key = move |event: web_sys::KeyboardEvent| {
        if offer.key(&event, take) {
            return;
        }
        if in_team && switches_to_note(&event.key(), event.ctrl_key() || event.meta_key()) {
            event.prevent_default();
            write_note(!is_note.get_untracked());
            return;
        }
        if event.key() == "Enter" && !event.shift_key() && !event.is_composing() {
            event.prevent_default();
            send();
        }
    };
    // The field grows with the text. WebKit has no style for that.
    Effect::new(move |_| {
        length.track();
        let Some(field) = field.get() else { return };
        let style = web_sys::HtmlElement::style(&field);
        // Property and values are valid, which is all that could be refused.
        let _ = style.set_property("height", "auto");
        let _ = style.set_property("height", &format!("{}px", field.scroll_height().min(TALLEST)));
    });
    let counter = move || {
        (length.get() >= COUNT_FROM).then(|| {
            format!("{} of {}", label::thousands(length.get() as u64), label::thousands(MAX_CONTENT_CHARS as u64))
        })
    };
    let not_taken = move || {
        let (conversation, reason) = inbox.not_taken.get()?;
        id.with_value(|id| conversation == *id).then_some(reason)
    };
    view! {
        <form
            class="composer"
            data-note=move || is_note.get().to_string()
            on:submit=move |event| {
                event.prevent_default();
                send();
            }
        >
            {move || {
                draft
                    .read()
                    .subject
                    .clone()
                    .filter(|_| !is_note.get())
                    .map(|subject| {
                        let (symbol, about, not) = match subject {
                            Subject::Alert { title, .. } => (Symbol::Bell, title, "Not about this alert"),
                            Subject::Route { plan } => {
                                let title = desk.board.with_untracked(|board| routes::title(board, &plan));
                                (Symbol::Route, title, "Not about this route")
                            }
                        };
                        view! {
                            <div class="composer-subject" data-testid="composer-subject">
                                <Icon symbol />
                                <span dir="auto">"About: " {about}</span>
                                <button
                                    type="button"
                                    class="button quiet square"
                                    aria-label=not
                                    title=not
                                    on:click=move |_| change(&|draft| draft.subject = None)
                                >
                                    <Icon symbol=Symbol::Cross />
                                </button>
                            </div>
                        }
                    })
            }}
            {move || {
                not_taken()
                    .map(|reason| {
                        view! {
                            <div class="inline-error" role="alert" data-testid="composer-not-taken">
                                <p>{reason}</p>
                            </div>
                        }
                    })
            }}
            <Show when=move || offer.shown.get()>
                <TemplatePicker offer facts on_take=Callback::new(move |template: Template| take(&template)) />
            </Show>
            <label class="composer-field">
                <span class="unseen">{move || if is_note.get() { "Note for the team" } else { "Message" }}</span>
                <textarea
                    node_ref=field
                    rows="2"
                    dir="auto"
                    data-testid="composer-input"
                    placeholder=move || match is_note.get() {
                        true => "Write a note. Your team sees it here; the driver never does.",
                        false => "Write a message, or / for a quick reply",
                    }
                    role="combobox"
                    aria-autocomplete="list"
                    aria-expanded=move || offer.shown.get().to_string()
                    aria-controls=LIST
                    aria-activedescendant=move || offer.shown.get().then(|| choice_id(offer.choice.get()))
                    prop:value=move || draft.read().text.clone()
                    on:input:target=move |event| typed(event.target().value())
                    on:keydown=key
                ></textarea>
            </label>
            <div class="composer-tools">
                {in_team.then(|| view! { <NoteSwitch is_note on_switch=Callback::new(write_note) /> })}
                <Show when=move || !is_note.get()>
                <button
                    type="button"
                    class="button toggle"
                    data-severity="high"
                    aria-pressed=move || draft.read().urgent.to_string()
                    title="Arrives with a sound and a banner"
                    on:click=move |_| change(&|draft| draft.urgent = !draft.urgent)
                >
                    <Icon symbol=Symbol::High />
                    "Urgent"
                </button>
                <button
                    type="button"
                    class="button toggle"
                    aria-pressed=move || draft.read().requires_ack.to_string()
                    title="The driver is asked to acknowledge the message"
                    on:click=move |_| change(&|draft| draft.requires_ack = !draft.requires_ack)
                >
                    <Icon symbol=Symbol::Check />
                    "Ask to acknowledge"
                </button>
                </Show>
                <Show when=move || is_note.get()>
                    <span class="dim">"Only your team sees this."</span>
                </Show>
                <span class="composer-note" role="status" data-over=move || (length.get() > MAX_CONTENT_CHARS).to_string()>
                    {counter}
                    {move || problem.get().map(|problem| view! { <span class="composer-problem">{label::sentence(&problem.to_string())}</span> })}
                </span>
                <button class="button primary" type="submit" data-testid="composer-send" disabled=move || refusal.get().is_some()>
                    <Icon symbol=Signal::derive(move || if is_note.get() { Symbol::Note } else { Symbol::Send }) />
                    {move || if is_note.get() { "Save note" } else { "Send" }}
                </button>
            </div>
        </form>
    }
}
