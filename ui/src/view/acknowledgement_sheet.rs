//! What the team waits for to be acknowledged, and of one message who has and who is missing.

use jiff::Timestamp;
use leptos::prelude::*;
use sally_protocol::Id;
use sally_protocol::team::{AskedMessage, AwaitedAcknowledgement};

use super::icon::{Icon, Symbol};
use super::moment::{Clock, Moment};
use super::sheet::Sheet;
use crate::model::acknowledgements::{Tally, key};
use crate::model::{conversations, label};
use crate::state::{Acknowledged, Desk, Load, Looked};

/// The sheet of acknowledgements.
#[component]
pub(super) fn AcknowledgementSheet() -> impl IntoView {
    let acknowledged = expect_context::<Desk>().inbox.acknowledged;
    Effect::new(move |_| {
        if acknowledged.open.get() {
            acknowledged.fetch();
        }
    });
    let hint = move || match acknowledged.ledger.with(|ledger| ledger.awaited.is_empty()) {
        true => "A message that asks to be acknowledged stands here until all its drivers have done so.",
        false => "Choose a message to see who has acknowledged it and who is missing.",
    };
    view! {
        <Sheet name="acknowledgement-sheet" title="Awaiting acknowledgement" key="w" open=acknowledged.open>
            <div class="sheet-columns">
                <Awaited />
                <section class="sheet-body" aria-label="Who has acknowledged">
                    {move || match acknowledged.looked.get() {
                        Some(looked) => view! { <Detail looked /> }.into_any(),
                        None => view! { <p class="dim">{hint}</p> }.into_any(),
                    }}
                </section>
            </div>
        </Sheet>
    }
}

#[component]
fn Awaited() -> impl IntoView {
    let acknowledged = expect_context::<Desk>().inbox.acknowledged;
    let shown = Memo::new(move |_| acknowledged.ledger.with(|ledger| ledger.awaited.clone()));
    let said = move || match acknowledged.load.get() {
        Load::Failed(error) => Some(error.message),
        Load::Idle | Load::Loading => Some("Fetching what is awaited…".to_owned()),
        Load::Ready => shown.read().is_empty().then(|| "Everything has been acknowledged.".to_owned()),
    };
    let more = move || acknowledged.ledger.with(|ledger| ledger.more);
    view! {
        <section class="sheet-list" aria-label="Messages that somebody still has to acknowledge, newest first">
            <div class="sheet-rows">
                {move || said().map(|text| view! { <p class="dim sheet-said" role="status">{text}</p> })}
                <For
                    each=move || shown.get()
                    key=|awaited| (awaited.message.message_id.clone(), awaited.acknowledged, awaited.required)
                    let:awaited
                >
                    <AwaitedRow awaited />
                </For>
                <Show when=more>
                    <p class="dim sheet-said">"Older ones show when these are done."</p>
                </Show>
            </div>
        </section>
    }
}

#[component]
fn AwaitedRow(awaited: AwaitedAcknowledgement) -> impl IntoView {
    let desk = expect_context::<Desk>();
    let acknowledged = desk.inbox.acknowledged;
    let AwaitedAcknowledgement { message, required, acknowledged: given } = awaited;
    let looked =
        Looked { key: key(&message), message_id: message.message_id.clone(), content: message.content.clone() };
    let at = message.timestamp;
    let driver = StoredValue::new(message.conversation_id.clone());
    let whom = move || match required {
        1 => driver.with_value(|driver| called(desk, driver)),
        several => label::count(usize::try_from(several).unwrap_or(usize::MAX), "driver", "drivers"),
    };
    let is_looked = {
        let key = looked.key.clone();
        move || acknowledged.looked.with(|now| now.as_ref().is_some_and(|now| now.key == key))
    };
    view! {
        <button
            type="button"
            class="sheet-row awaited-row"
            data-item
            data-testid="awaited-row"
            aria-pressed=move || is_looked().to_string()
            on:click=move |_| acknowledged.look_at(Some(looked.clone()))
        >
            <strong><bdi>{whom}</bdi></strong>
            <span class="awaited-time dim"><Moment at=Signal::stored(Some(at)) suffix="ago" /></span>
            <span class="awaited-text" dir="auto">{message.content.clone()}</span>
            <span class="awaited-count">
                <Gauge tally=Tally { required, acknowledged: given } />
                {message.sender_name.clone().map(|name| view! { <span class="dim">"by " <bdi>{name}</bdi></span> })}
            </span>
        </button>
    }
}

/// How many have acknowledged, as a short bar with its words.
#[component]
fn Gauge(tally: Tally) -> impl IntoView {
    view! {
        <span class="gauge">
            <progress max=tally.required.to_string() value=tally.acknowledged.to_string() aria-hidden="true"></progress>
            {tally.words()}
        </span>
    }
}

#[component]
fn Detail(looked: Looked) -> impl IntoView {
    let acknowledged = expect_context::<Desk>().inbox.acknowledged;
    let tally = move || acknowledged.ledger.with(|ledger| ledger.tally(&looked.key));
    let rows = move || {
        let answer = acknowledged.answer.get()?;
        let missing = (!answer.missing.is_empty()).then(|| {
            view! {
                <h3>"Missing"</h3>
                <ul data-testid="acknowledgements-missing">
                    {answer.missing.into_iter().map(|asked| view! { <Person asked at=None /> }).collect_view()}
                </ul>
            }
        });
        let given = (!answer.acknowledged.is_empty()).then(|| {
            view! {
                <h3>"Acknowledged"</h3>
                <ul data-testid="acknowledgements-given">
                    {answer
                        .acknowledged
                        .into_iter()
                        .map(|given| view! { <Person asked=given.asked at=Some(given.at) /> })
                        .collect_view()}
                </ul>
            }
        });
        Some(view! { {missing} {given} })
    };
    view! {
        <div class="acknowledgements" data-testid="acknowledgements">
            <blockquote dir="auto">{looked.content.clone()}</blockquote>
            <p data-testid="acknowledgements-tally">{move || tally().map(|tally| view! { <Gauge tally /> })}</p>
            {move || acknowledged.failed.get().map(|text| view! { <p class="template-problem" role="alert">{text}</p> })}
            <Show when=move || acknowledged.answer.read().is_none() && acknowledged.failed.read().is_none()>
                <p class="dim" role="status">"Fetching who has…"</p>
            </Show>
            {rows}
        </div>
    }
}

/// One driver, with the way to the message in their thread.
#[component]
fn Person(asked: AskedMessage, at: Option<Timestamp>) -> impl IntoView {
    let desk = expect_context::<Desk>();
    let name = asked.name.clone().unwrap_or_else(|| called(desk, &asked.user_id));
    let Acknowledged { open, .. } = desk.inbox.acknowledged;
    let user = asked.user_id;
    view! {
        <li>
            <Icon symbol=if at.is_some() { Symbol::CheckTwice } else { Symbol::Clock } />
            <bdi class="person-name">{name}</bdi>
            <span class="dim">{at.map(|at| view! { <Clock at /> })}</span>
            <button
                type="button"
                class="button quiet"
                data-testid="acknowledgements-thread"
                on:click=move |_| {
                    open.set(false);
                    desk.inbox.show(user.clone());
                }
            >
                "Open thread"
            </button>
        </li>
    }
}

/// A driver's name, as the list of conversations knows it.
fn called(desk: Desk, driver: &Id) -> String {
    desk.inbox.conversations.with(|list| {
        list.iter()
            .find(|known| known.conversation_id == *driver)
            .map_or_else(|| driver.to_string(), conversations::name)
    })
}
