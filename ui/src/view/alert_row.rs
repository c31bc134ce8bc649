//! One alert in the list.

use leptos::prelude::*;
use sally_protocol::Id;
use sally_protocol::alert::{Alert, AlertStatus, Priority};

use super::badge::{Severity, Standing};
use super::icon::{Icon, Symbol};
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
    /// Called when somebody marks the alert, or takes the mark away; with whether it is the end of a range.
    on_mark: Callback<(Id, bool)>,
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
    let marked = Memo::new(move |_| desk.marks.with(|marks| id.with_value(|id| marks.has(id))));
    let refusal = Memo::new(move |_| desk.marks.with(|marks| id.with_value(|id| marks.refusal(id).map(str::to_owned))));
    let busy = Memo::new(move |_| desk.acting.with(|acting| id.with_value(|id| acting.contains(id))));
    let mark = move |event: web_sys::MouseEvent| {
        // The row is neither selected nor opened by it.
        event.stop_propagation();
        on_mark.run((id.get_value(), event.shift_key()));
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
            data-marked=move || marked.get().to_string()
            aria-busy=move || busy.get().to_string()
            aria-selected=move || selected.get().to_string()
            tabindex=tab_index
            on:focus=move |_| select()
            on:click=move |_| {
                select();
                on_open.run(());
            }
        >
            // The whole cell can be hit: the box alone is smaller than a target may be.
            <div role="gridcell" class="col-mark" on:click=mark on:mousedown=|event| event.prevent_default()>
                <Show when=move || !status.get().is_resolved()>
                    <input
                        type="checkbox"
                        data-testid="alert-mark"
                        tabindex="-1"
                        aria-label="Marked (x)"
                        prop:checked=marked
                        // It is as it was until the mark is: the cell hears of the click.
                        on:click=|event| event.prevent_default()
                    />
                </Show>
            </div>
            <div role="gridcell" class="col-severity">
                <Severity priority />
            </div>
            <div role="gridcell" class="col-story">
                <span class="alert-title" dir="auto">{with(|alert| Some(title(alert)))}</span>
                {escalation}
                <Show
                    when=move || refusal.read().is_some()
                    fallback=move || view! { <span class="alert-message" dir="auto">{with(|alert| Some(alert.message.clone()))}</span> }
                >
                    <span class="alert-message alert-refusal" data-testid="alert-refusal">
                        <Icon symbol=Symbol::High />
                        "Not done: "
                        {move || refusal.get()}
                    </span>
                </Show>
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
