//! Writing to several drivers at once.

use leptos::html::Textarea;
use leptos::prelude::*;
use sally_protocol::message::{MAX_CONTENT_CHARS, check_content};
use sally_protocol::recipients::MAX_RECIPIENTS;
use sally_protocol::team::Template;
use sally_protocol::template::{Facts, fill, placeholders};

use super::icon::{Icon, Symbol};
use super::recipients::Recipients;
use super::rows;
use super::sheet::Sheet;
use super::template_offer::Offer;
use super::template_picker::{LIST, TemplatePicker, choice_id};
use crate::model::broadcast::{self, Driver, Gap};
use crate::model::label;
use crate::state::{Desk, Draft};

/// The sheet for a new broadcast.
#[component]
pub(super) fn BroadcastSheet() -> impl IntoView {
    let broadcast = expect_context::<Desk>().inbox.broadcast;
    Effect::new(move |_| {
        if broadcast.open.get() {
            broadcast.confirming.set(false);
        }
    });
    view! {
        <Sheet name="broadcast-sheet" title="New broadcast" key="b" open=broadcast.open>
            <Fields />
        </Sheet>
    }
}

#[component]
fn Fields() -> impl IntoView {
    let desk = expect_context::<Desk>();
    let broadcast = desk.inbox.broadcast;
    let draft = broadcast.draft;
    let inbox = desk.inbox;
    let drivers = Memo::new(move |_| inbox.conversations.with(|list| broadcast::drivers(list, &inbox.listed.read())));
    let to = Memo::new(move |_| broadcast.choice.with(|choice| broadcast::chosen(&drivers.read(), choice)));
    let text = Memo::new(move |_| draft.read().text.clone());
    let singly = Memo::new(move |_| text.with(|text| !placeholders(text).is_empty()));
    let gaps = Memo::new(move |_| text.with(|text| broadcast::gaps(text, &to.read(), |driver| desk.facts_of(driver))));
    let problem = Memo::new(move |_| problem(&text.read(), singly.get(), broadcast.choice.read().all, to.read().len()));
    let can_send = move || {
        problem.read().is_none() && gaps.read().is_empty() && !to.read().is_empty() && !text.read().trim().is_empty()
    };
    let review = move || {
        if can_send() {
            broadcast.confirming.set(true);
            rows::focus_on("[data-testid=broadcast-send]");
        }
    };
    view! {
        <form
            class="broadcast"
            on:submit=move |event| {
                event.prevent_default();
                review();
            }
        >
            <div class="sheet-columns">
                <Recipients drivers to />
                <section class="sheet-body broadcast-message">
                    <Text text on_review=Callback::new(move |()| review()) />
                    <div class="composer-tools">
                        <Switch testid="broadcast-urgent" name="Urgent" symbol=Symbol::High severity="high" title="Arrives with a sound and a banner"
                            on=Signal::derive(move || draft.read().urgent)
                            on_turn=move |()| draft.update(|draft| draft.urgent = !draft.urgent) />
                        <Switch testid="broadcast-ask" name="Ask to acknowledge" symbol=Symbol::Check severity="none" title="Each driver is asked to acknowledge the message"
                            on=Signal::derive(move || draft.read().requires_ack)
                            on_turn=move |()| draft.update(|draft| draft.requires_ack = !draft.requires_ack) />
                        <span class="composer-note">{move || count_left(&text.read())}</span>
                    </div>
                    {move || problem.get().map(|text| view! { <p class="template-problem" role="status">{text}</p> })}
                    <Gaps gaps />
                    <Show when=move || singly.get() && !to.read().is_empty() && gaps.read().is_empty()>
                        <Preview text to />
                    </Show>
                    {move || {
                        broadcast
                            .refused
                            .get()
                            .map(|reason| view! { <div class="inline-error" role="alert"><p>{reason}</p></div> })
                    }}
                </section>
            </div>
            <Foot to singly can_send=Signal::derive(can_send) />
        </form>
    }
}

/// What keeps it from being sent; that something hasn't been written or chosen yet is no word's worth.
fn problem(text: &str, singly: bool, all: bool, count: usize) -> Option<String> {
    let refusal = check_content(text.trim()).err().filter(|_| !text.trim().is_empty());
    if let Some(refusal) = refusal {
        return Some(label::sentence(&refusal.to_string()));
    }
    let most = label::thousands(MAX_RECIPIENTS as u64);
    match count > MAX_RECIPIENTS {
        true if singly => Some(format!("A message with placeholders can go to {most} drivers at once.")),
        true if !all => Some(format!("Choose at most {most} drivers, or all of them.")),
        _ => None,
    }
}

fn count_left(text: &str) -> Option<String> {
    let length = text.chars().count();
    let most = MAX_CONTENT_CHARS;
    (length + 300 >= most).then(|| format!("{} of {}", label::thousands(length as u64), label::thousands(most as u64)))
}

#[component]
fn Text(text: Memo<String>, on_review: Callback<()>) -> impl IntoView {
    let inbox = expect_context::<Desk>().inbox;
    let draft = inbox.broadcast.draft;
    let offer = Offer::new(inbox.templates, text);
    let field = NodeRef::<Textarea>::new();
    let write = move |text: String| draft.update(|draft| draft.text = text);
    let take = move |template: &Template| {
        // What its placeholders stand for is another thing for each driver.
        write(template.text.clone());
        if let Some(field) = field.get_untracked() {
            let _ = field.focus();
        }
    };
    let key = move |event: web_sys::KeyboardEvent| {
        if !offer.key(&event, take) && event.key() == "Enter" && (event.ctrl_key() || event.meta_key()) {
            event.prevent_default();
            on_review.run(());
        }
    };
    view! {
        <label class="field broadcast-text">
            <span>"Message"</span>
            <textarea
                node_ref=field
                rows="7"
                dir="auto"
                data-testid="broadcast-text"
                placeholder="Write to all of them, or / for a quick reply"
                role="combobox"
                aria-autocomplete="list"
                aria-expanded=move || offer.shown.get().to_string()
                aria-controls=LIST
                aria-activedescendant=move || offer.shown.get().then(|| choice_id(offer.choice.get()))
                prop:value=text
                on:input:target=move |event| write(event.target().value())
                on:keydown=key
            ></textarea>
        </label>
        <Show when=move || offer.shown.get()>
            <TemplatePicker offer facts=Signal::stored(Facts::default()) on_take=Callback::new(move |template: Template| take(&template)) />
        </Show>
    }
}

#[component]
fn Switch(
    testid: &'static str,
    name: &'static str,
    symbol: Symbol,
    severity: &'static str,
    title: &'static str,
    on: Signal<bool>,
    #[prop(into)] on_turn: Callback<()>,
) -> impl IntoView {
    view! {
        <button
            type="button"
            class="button toggle"
            data-testid=testid
            data-severity=severity
            aria-pressed=move || on.get().to_string()
            title=title
            on:click=move |_| on_turn.run(())
        >
            <Icon symbol />
            {name}
        </button>
    }
}

/// What can't be filled in, and the way out.
#[component]
fn Gaps(gaps: Memo<Vec<Gap>>) -> impl IntoView {
    let broadcast = expect_context::<Desk>().inbox.broadcast;
    let leave_out = move |_| {
        let without = gaps.get_untracked();
        broadcast.choice.update(|choice| {
            for driver in without.iter().flat_map(|gap| &gap.drivers) {
                choice.chosen.remove(&driver.id);
            }
        });
    };
    let can_leave_out = move || !broadcast.choice.read().all;
    view! {
        <Show when=move || !gaps.read().is_empty()>
            <div class="broadcast-gaps" role="alert">
                <Icon symbol=Symbol::Medium />
                <div>
                    {move || gaps.get().iter().map(|gap| view! { <p>{gap.words()}</p> }).collect_view()}
                    <Show when=can_leave_out fallback=|| view! { <p class="dim">"Write it out, or choose drivers one by one."</p> }>
                        <button type="button" class="button" data-testid="broadcast-leave-out" on:click=leave_out>
                            "Leave them out"
                        </button>
                    </Show>
                </div>
            </div>
        </Show>
    }
}

/// What the first of them will read.
#[component]
fn Preview(text: Memo<String>, to: Memo<Vec<Driver>>) -> impl IntoView {
    let desk = expect_context::<Desk>();
    let shown = move || {
        let to = to.read();
        let driver = to.first()?;
        let filled = text.with(|text| fill(text, &desk.facts_of(driver)));
        Some(view! { <span class="dim">"For " <bdi>{driver.name.clone()}</bdi> ": "</span> {filled} })
    };
    view! { <p class="template-example" dir="auto">{shown}</p> }
}

/// How many get it, and the way out to them: asked once more before it goes.
#[component]
fn Foot(to: Memo<Vec<Driver>>, singly: Memo<bool>, can_send: Signal<bool>) -> impl IntoView {
    let desk = expect_context::<Desk>();
    let broadcast = desk.inbox.broadcast;
    let count = move || label::count(to.read().len(), "driver", "drivers");
    let whom = move || {
        let all = broadcast.choice.read().all;
        if all { format!("all {}", count()) } else { count() }
    };
    let discard = move |_| {
        broadcast.draft.set(Draft::default());
        broadcast.choice.update(|choice| choice.chosen.clear());
        broadcast.open.set(false);
    };
    let is_empty = move || broadcast.draft.read().text.is_empty() && broadcast.choice.read().chosen.is_empty();
    let question = move || match singly.get() {
        true => format!("Send one message, filled in, to each of {}?", whom()),
        false => format!("Send this to {}?", whom()),
    };
    view! {
        <footer class="sheet-foot">
            <Show
                when=move || broadcast.confirming.get() && can_send.get()
                fallback=move || {
                    view! {
                        <button type="button" class="button quiet" on:click=discard>
                            {move || if is_empty() { "Cancel" } else { "Discard" }}
                        </button>
                        <span class="sheet-space dim" role="status">
                            {move || if to.read().is_empty() { "Choose who gets it".to_owned() } else { format!("Goes to {}", whom()) }}
                        </span>
                        <button type="submit" class="button primary" data-testid="broadcast-review" disabled=move || !can_send.get()>
                            "Send…"
                        </button>
                    }
                }
            >
                <strong class="sheet-space" role="alert" data-testid="broadcast-question">
                    {question}
                </strong>
                <button type="button" class="button quiet" on:click=move |_| broadcast.confirming.set(false)>
                    "Back"
                </button>
                <button
                    type="button"
                    class="button primary"
                    data-testid="broadcast-send"
                    disabled=broadcast.busy
                    on:click=move |_| desk.send_broadcast()
                >
                    <Icon symbol=Symbol::Send />
                    "Send to "
                    {count}
                </button>
            </Show>
        </footer>
    }
}
