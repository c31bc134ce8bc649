//! One message of a conversation.

use leptos::prelude::*;
use sally_protocol::Id;

use super::about::{AboutAlert, AboutRoute};
use super::icon::{Icon, Symbol};
use crate::model::bubble::{Bubble, Progress, Viewer};
use crate::model::time;
use crate::state::{Desk, Looked, zone};

/// One message. It stays the same element from the moment it is sent until it has been read.
#[component]
pub(crate) fn MessageRow(
    /// The conversation.
    conversation: Id,
    /// What identifies the message.
    key: String,
    /// Who looks at it.
    viewer: StoredValue<Viewer>,
) -> impl IntoView {
    let desk = expect_context::<Desk>();
    let inbox = desk.inbox;
    let id = StoredValue::new(conversation);
    let key = StoredValue::new(key);
    let bubble = Memo::new(move |_| {
        inbox.threads.with(|threads| {
            let thread = id.with_value(|id| threads.get(id))?;
            key.with_value(|key| viewer.with_value(|viewer| thread.bubble(key, viewer, zone)))
        })
    });
    let with = move |read: fn(&Bubble) -> Option<String>| move || bubble.with(|bubble| bubble.as_ref().and_then(read));
    let is = move |read: fn(&Bubble) -> bool| move || bubble.with(|bubble| bubble.as_ref().is_some_and(read));
    let heading = Memo::new(move |_| bubble.with(|bubble| bubble.as_ref().and_then(|bubble| bubble.heading.clone())));
    let progress = Memo::new(move |_| bubble.with(|bubble| bubble.as_ref().and_then(|bubble| bubble.progress.clone())));
    let about = Memo::new(move |_| {
        bubble.with(|bubble| bubble.as_ref().map(|bubble| (bubble.alert_id.clone(), bubble.route_plan_id.clone())))
    });
    let answered = Memo::new(move |_| bubble.with(|bubble| bubble.as_ref().and_then(|bubble| bubble.answered)));
    let acknowledge = move |_| {
        if let Some(message) =
            bubble.with_untracked(|bubble| bubble.as_ref().and_then(|bubble| bubble.message_id.clone()))
        {
            inbox.acknowledge(id.get_value(), message);
        }
    };
    // Whether those who read it are asked to acknowledge it, and which message to look up for that.
    let asked = Memo::new(move |_| {
        bubble.with(|bubble| {
            let bubble = bubble.as_ref().filter(|bubble| bubble.requires_ack && bubble.ours)?;
            let looked = bubble.message_id.clone().map(|message_id| {
                let (key, content) = (key.get_value(), bubble.content.clone());
                Looked { key, message_id, content }
            });
            Some(looked)
        })
    });
    let failure = move || match progress.get() {
        Some(Progress::Failed(error)) => Some(error),
        _ => None,
    };
    let waits = Memo::new(move |_| {
        let why = inbox.link.with(|link| progress.read().as_ref()?.why(&link.state))?;
        let since = bubble.with(|bubble| bubble.as_ref().map(|bubble| bubble.at))?;
        Some(format!("Since {}. {why}", time::day_and_time(since, desk.now.get(), zone)))
    });
    let retry = move |_| key.with_value(|key| viewer.with_value(|viewer| inbox.retry(id.get_value(), key, viewer)));
    let discard = move |_| key.with_value(|key| viewer.with_value(|viewer| inbox.discard(id.get_value(), key, viewer)));
    let sought = Memo::new(move |_| {
        let Some(seq) = bubble.with(|bubble| bubble.as_ref().and_then(|bubble| bubble.seq)) else { return false };
        inbox.sought.with(|sought| sought.as_ref().is_some_and(|sought| id.with_value(|id| sought.is(id, seq))))
    });
    view! {
        <article
            class="message"
            data-sought=move || sought.get().to_string()
            data-testid="message"
            data-message-id=with(|bubble| bubble.message_id.clone())
            data-seq=with(|bubble| bubble.seq.map(|seq| seq.to_string()))
            data-mine=with(|bubble| Some(bubble.mine.to_string()))
            data-ours=with(|bubble| Some(bubble.ours.to_string()))
            data-head=with(|bubble| Some(bubble.heading.is_some().to_string()))
            data-progress=move || progress.get().map(|progress| progress.word())
            data-failed=move || failure().is_some().to_string()
        >
            {move || heading.get().map(|name| view! { <header class="message-author"><bdi>{name}</bdi></header> })}
            <div class="message-bubble">
                <Show when=is(|bubble| bubble.urgent)>
                    <span class="mark" data-severity="high">
                        <Icon symbol=Symbol::High />
                        "Urgent"
                    </span>
                </Show>
                {move || {
                    let (alert, route) = about.get().unwrap_or_default();
                    view! {
                        {alert.map(|id| view! { <AboutAlert id /> })}
                        {route.map(|plan| view! { <AboutRoute plan /> })}
                    }
                }}
                // Text from people: the document treats it as text, and keeps its direction to itself.
                <p class="message-text" dir="auto">{with(|bubble| Some(bubble.content.clone()))}</p>
            </div>
            <footer class="message-foot">
                {move || bubble.with(|bubble| bubble.as_ref().map(|bubble| bubble.at)).map(|at| {
                    view! { <time datetime=at.to_string() title=time::absolute(at, zone)>{time::time_of_day(at, zone)}</time> }
                })}
                {move || progress.get().map(|progress| view! { <ProgressMark progress /> })}
                {move || asked.get().map(|looked| view! { <AskedMark looked key=key.get_value() progress /> })}
                <Show when=move || answered.get() == Some(true)>
                    <ProgressMark progress=Progress::Acknowledged />
                </Show>
                {move || waits.get().map(|text| view! { <span data-testid="message-waits">{text}</span> })}
            </footer>
            <Show when=move || answered.get() == Some(false)>
                <button class="button message-acknowledge" data-testid="message-acknowledge" on:click=acknowledge>
                    <Icon symbol=Symbol::Check />
                    "Acknowledge"
                </button>
            </Show>
            {move || {
                failure()
                    .map(|error| {
                        view! {
                            <div class="message-failure" role="alert">
                                <p>{error.message}</p>
                                <button class="button" data-testid="message-retry" on:click=retry>
                                    <Icon symbol=Symbol::Sync />
                                    "Try again"
                                </button>
                                <button class="button quiet" data-testid="message-discard" on:click=discard>
                                    "Discard"
                                </button>
                            </div>
                        }
                    })
            }}
        </article>
    }
}

/// That a message asks to be acknowledged, and by how many it has been: the way to who and when.
#[component]
fn AskedMark(
    /// What to look up; nothing for a message that isn't the team's, or not stored yet.
    looked: Option<Looked>,
    key: String,
    progress: Memo<Option<Progress>>,
) -> impl IntoView {
    let acknowledged = expect_context::<Desk>().inbox.acknowledged;
    let tally = Memo::new(move |_| acknowledged.ledger.with(|ledger| ledger.tally(&key)));
    let words = move || match tally.get() {
        Some(tally) if tally.required > 1 => tally.words(),
        _ if progress.read().as_ref() == Some(&Progress::Acknowledged) => "Who and when".to_owned(),
        _ => "Acknowledgement asked".to_owned(),
    };
    match looked {
        None => view! { <span>{words}</span> }.into_any(),
        Some(looked) => view! {
            <button
                type="button"
                class="asked-mark"
                data-testid="message-asked"
                title="Who has acknowledged it, and who is missing"
                on:click=move |_| acknowledged.show(looked.clone())
            >
                {words}
            </button>
        }
        .into_any(),
    }
}

/// How far a message has come.
#[component]
fn ProgressMark(progress: Progress) -> impl IntoView {
    let symbol = match &progress {
        Progress::Waiting(_) | Progress::Sending => Symbol::Clock,
        Progress::Failed(_) => Symbol::Critical,
        Progress::Sent => Symbol::Check,
        Progress::Delivered | Progress::Read | Progress::Acknowledged => Symbol::CheckTwice,
    };
    let severity = if matches!(progress, Progress::Failed(_)) { "critical" } else { "none" };
    view! {
        <span class="mark progress-mark" data-severity=severity>
            <Icon symbol />
            {progress.word()}
        </span>
    }
}
