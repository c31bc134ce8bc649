//! The alert that is looked at: all that is known of it, and what can be done.

use leptos::prelude::*;
use sally_protocol::Id;
use sally_protocol::alert::{Alert, AlertStatus};
use serde_json::Value;

use super::alert_actions::AlertActions;
use super::alert_row::title;
use super::badge::{Severity, Standing};
use super::icon::{Icon, Symbol};
use super::moment::Moment;
use crate::model::alerts::{PRIORITIES, steps, tallies};
use crate::model::assignment::called;
use crate::model::{label, time};
use crate::state::{Desk, Load};

/// The pane beside the list.
#[component]
pub(crate) fn AlertDetail(
    /// Called when the pane is to be closed, where it covers the list.
    on_close: Callback<()>,
) -> impl IntoView {
    let desk = expect_context::<Desk>();
    let alert = Memo::new(move |_| {
        let selected = desk.selected.get()?;
        desk.board.with(|board| board.alerts.get(&selected).cloned())
    });
    // The pane is built anew for another alert, and only its words change for the same one.
    let id = Memo::new(move |_| alert.with(|alert| alert.as_ref().map(|alert| alert.id.clone())));
    view! {
        <aside class="detail" aria-label="Selected alert" data-detail tabindex="-1">
            {move || match id.get() {
                Some(id) => view! { <Pane id alert on_close /> }.into_any(),
                None => view! { <Overview /> }.into_any(),
            }}
        </aside>
    }
}

#[component]
fn Pane(id: Id, alert: Memo<Option<Alert>>, on_close: Callback<()>) -> impl IntoView {
    let priority = Signal::derive(move || {
        alert.read().as_ref().map_or(sally_protocol::alert::Priority::Medium, |alert| alert.priority)
    });
    let status = Signal::derive(move || alert.read().as_ref().map_or(AlertStatus::Active, |alert| alert.status));
    let created = Signal::derive(move || alert.read().as_ref().and_then(|alert| alert.created_at));
    let text =
        move |read: fn(&Alert) -> Option<String>| move || alert.read().as_ref().and_then(read).unwrap_or_default();
    let id = StoredValue::new(id);
    view! {
        <header class="detail-head">
            <div class="detail-marks">
                <Severity priority />
                <Standing status />
                <span class="dim"><Moment at=created suffix="ago" /></span>
            </div>
            <button class="button quiet square detail-close" aria-label="Close (Esc)" on:click=move |_| on_close.run(())>
                <Icon symbol=Symbol::Cross />
            </button>
        </header>
        <div class="detail-body">
            <h2 dir="auto">{text(|alert| Some(title(alert)))}</h2>
            <p class="detail-message" dir="auto">{text(|alert| Some(alert.message.clone()))}</p>
            <Show when=move || alert.read().as_ref().is_some_and(|alert| alert.recommended_action.is_some())>
                <section class="recommended">
                    <h3>"Recommended"</h3>
                    <p dir="auto">{text(|alert| alert.recommended_action.clone())}</p>
                </section>
            </Show>
            {move || alert.read().as_ref().map(|alert| view! { <Facts alert=alert.clone() /> })}
            {move || alert.read().as_ref().map(|alert| view! { <History alert=alert.clone() /> })}
        </div>
        <AlertActions id alert />
    }
}

/// The plain fields.
#[component]
fn Facts(alert: Alert) -> impl IntoView {
    let desk = expect_context::<Desk>();
    let assigned = alert.state.assigned_to.as_deref().map(|to| {
        let assignments = desk.inbox.assignments;
        if assignments.load.get_untracked() == Load::Idle {
            assignments.fetch_team();
        }
        called(to, &assignments.team.read(), desk.me().as_ref().map(|me| &me.user_id))
    });
    let id = |id: &Option<Id>| id.as_ref().map(Id::to_string);
    let named = |name: &Option<String>, id: &Option<Id>| match (name, id) {
        (Some(name), Some(id)) if name != id.as_str() => Some(format!("{name} · {id}")),
        (Some(name), _) => Some(name.clone()),
        (None, id) => id.as_ref().map(Id::to_string),
    };
    let word = |word: &str| Some(label::phrase(word)).filter(|phrase| !phrase.is_empty());
    let escalated = (alert.escalation_level > 0).then(|| format!("Level {}", alert.escalation_level));
    let facts = [
        ("Driver", named(&alert.driver_name, &alert.driver_id)),
        ("Unit", named(&alert.vehicle_unit, &alert.vehicle_id)),
        ("Route", id(&alert.route_plan_id)),
        ("Type", word(&alert.kind)),
        ("Category", word(&alert.category)),
        ("Escalation", escalated),
        ("Assigned to", assigned),
        ("Note", alert.state.note.clone()),
        ("Resolution", alert.state.resolution.clone()),
        ("Group", alert.group_key.clone()),
        ("Follows from", id(&alert.parent_alert_id)),
        ("Alert", Some(alert.id.to_string())),
    ];
    let metadata = match alert.metadata {
        Some(Value::Object(fields)) => {
            fields.into_iter().map(|(key, value)| (label::phrase(&key), plain(&value))).collect()
        }
        Some(Value::Null) | None => Vec::new(),
        Some(other) => vec![("Details".to_owned(), plain(&other))],
    };
    let facts = facts.into_iter().filter_map(|(name, value)| Some((name.to_owned(), value?))).chain(metadata);
    view! {
        <dl class="facts">
            {facts
                .map(|(name, value)| {
                    view! {
                        <div>
                            <dt><bdi>{name}</bdi></dt>
                            <dd dir="auto">{value}</dd>
                        </div>
                    }
                })
                .collect_view()}
        </dl>
    }
}

/// A JSON value as text: strings as they are, the rest as JSON.
fn plain(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

/// What has happened to the alert.
#[component]
fn History(alert: Alert) -> impl IntoView {
    view! {
        <section class="history">
            <h3>"So far"</h3>
            <ol>
                {steps(&alert)
                    .into_iter()
                    .map(|step| {
                        let at = step.at;
                        view! {
                            <li>
                                <span>
                                    {step.what}
                                    {step.who.map(|who| view! { " · " <bdi>{who}</bdi> })}
                                </span>
                                {at.map(|at| view! { <span class="dim"><Moment at=Signal::stored(Some(at)) suffix="ago" /></span> })}
                            </li>
                        }
                    })
                    .collect_view()}
            </ol>
        </section>
    }
}

/// What stands in the pane while no alert is selected.
#[component]
fn Overview() -> impl IntoView {
    let desk = expect_context::<Desk>();
    let counts = Memo::new(move |_| desk.board.with(tallies));
    let line = move |index: usize| {
        let tally = counts.get()[index];
        let waits = tally.oldest.map(|oldest| time::span(desk.now.get().duration_since(oldest)));
        match (tally.open, tally.active, waits.filter(|span| !span.is_empty())) {
            (0, ..) => "None open".to_owned(),
            (_, 0, _) => "All taken up".to_owned(),
            (_, active, None) => format!("{active} not taken up"),
            (_, active, Some(waits)) => format!("{active} not taken up, the oldest for {waits}"),
        }
    };
    view! {
        <div class="overview">
            <h2>"Nothing selected"</h2>
            <p class="dim">"Choose an alert to see all of it and to act on it."</p>
            <ul>
                {PRIORITIES
                    .into_iter()
                    .enumerate()
                    .map(|(index, priority)| {
                        let line = Memo::new(move |_| line(index));
                        view! {
                            <li>
                                <Severity priority=Signal::stored(priority) />
                                <span>{line}</span>
                            </li>
                        }
                    })
                    .collect_view()}
            </ul>
            <p class="overview-keys dim">
                <kbd>"j"</kbd>
                <kbd>"k"</kbd>
                " to go through, "
                <kbd>"a"</kbd>
                " to acknowledge, "
                <kbd>"?"</kbd>
                " for all keys"
            </p>
        </div>
    }
}
