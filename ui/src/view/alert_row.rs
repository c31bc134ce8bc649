//! One alert in the list.

use leptos::prelude::*;
use sally_protocol::Id;
use sally_protocol::alert::{Alert, AlertStatus, Priority};

use super::badge::{Severity, Standing};
use super::moment::Moment;
use crate::model::time;
use crate::state::{Desk, zone};

/// One alert in the list. It changes where it stands; the list decides where that is.
#[component]
pub(crate) fn AlertRow(
    /// The alert.
    id: Id,
    /// The row that the tab key reaches.
    reachable: Memo<Option<Id>>,
    /// Called when somebody opens the row.
    on_open: Callback<()>,
) -> impl IntoView {
    let desk = expect_context::<Desk>();
    let id = StoredValue::new(id);
    let alert = Memo::new(move |_| desk.board.with(|board| id.with_value(|id| board.alerts.get(id).cloned())));
    let with = move |read: fn(&Alert) -> Option<String>| move || alert.with(|alert| alert.as_ref().and_then(read));
    let priority =
        Memo::new(move |_| alert.with(|alert| alert.as_ref().map_or(Priority::Medium, |alert| alert.priority)));
    let status =
        Memo::new(move |_| alert.with(|alert| alert.as_ref().map_or(AlertStatus::Active, |alert| alert.status)));
    let created = Memo::new(move |_| alert.with(|alert| alert.as_ref().and_then(|alert| alert.created_at)));
    let is_me = move |other: &Option<Id>| id.with_value(|id| other.as_ref() == Some(id));
    let selected = Memo::new(move |_| desk.selected.with(is_me));
    let tab_index = move || if reachable.with(is_me) { "0" } else { "-1" };
    let select = move || {
        if !selected.get_untracked() {
            desk.selected.set(Some(id.get_value()));
        }
    };
    let escalation = move || {
        let level = alert.with(|alert| alert.as_ref().map_or(0, |alert| alert.escalation_level));
        (level > 0)
            .then(|| view! { <span class="escalated" title=format!("Escalated to level {level}")>"↑" {level}</span> })
    };
    let snoozed = move || {
        let until = alert.with(|alert| alert.as_ref().and_then(|alert| alert.state.snoozed_until));
        until.filter(|_| status.get() == AlertStatus::Snoozed).map(|until| {
            view! { <span class="dim">{time::day_and_time(until, desk.now.get_untracked(), zone)}</span> }
        })
    };
    view! {
        <div
            class="alert-row"
            role="row"
            data-row
            data-testid="alert-row"
            data-alert-id=id.with_value(Id::to_string)
            data-status=move || status.get().as_str()
            data-priority=move || priority.get().as_str()
            aria-selected=move || selected.get().to_string()
            tabindex=tab_index
            on:focus=move |_| select()
            on:click=move |_| {
                select();
                on_open.run(());
            }
        >
            <div role="gridcell" class="col-severity">
                <Severity priority />
            </div>
            <div role="gridcell" class="col-story">
                <span class="alert-title" dir="auto">{with(|alert| Some(title(alert)))}</span>
                {escalation}
                <span class="alert-message" dir="auto">{with(|alert| Some(alert.message.clone()))}</span>
            </div>
            <div role="gridcell" class="col-driver">
                <bdi>{with(|alert| alert.driver_name.clone().or_else(|| alert.driver_id.as_ref().map(Id::to_string)))}</bdi>
            </div>
            <div role="gridcell" class="col-unit">
                <bdi>{with(|alert| alert.vehicle_unit.clone().or_else(|| alert.vehicle_id.as_ref().map(Id::to_string)))}</bdi>
            </div>
            <div role="gridcell" class="col-route">
                <bdi>{with(|alert| alert.route_plan_id.as_ref().map(Id::to_string))}</bdi>
            </div>
            <div role="gridcell" class="col-age">
                <Moment at=created />
            </div>
            <div role="gridcell" class="col-status">
                <Standing status />
                {snoozed}
            </div>
        </div>
    }
}

/// What an alert is called; a publisher may have given it no title.
pub(crate) fn title(alert: &Alert) -> String {
    match (alert.title.trim(), alert.kind.as_str()) {
        ("", "") => "Untitled alert".to_owned(),
        ("", kind) => crate::model::label::phrase(kind),
        (title, _) => title.to_owned(),
    }
}
