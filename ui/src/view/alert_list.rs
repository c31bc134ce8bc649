//! The parts of the list of alerts: heads, sections, what waits, and what stands where nothing is.

use leptos::prelude::*;
use sally_protocol::Id;
use sally_protocol::alert::Priority;

use super::alert_row::AlertRow;
use super::badge::priority_symbol;
use super::filter_box::NoMatch;
use super::icon::{Icon, Symbol};
use super::placeholder::{Placeholder, Waiting};
use crate::model::alerts::{Filter, Group, Line};
use crate::model::label;
use crate::state::Desk;

/// The heads of the columns.
#[component]
pub(crate) fn Columns() -> impl IntoView {
    let head = |class, name| view! { <span role="columnheader" class=class>{name}</span> };
    view! {
        <div class="alert-columns" role="row">
            <span role="columnheader" class="col-mark">
                <span class="unseen">"Marked"</span>
            </span>
            {head("col-severity", "Severity")}
            {head("col-story", "Alert")}
            {head("col-driver", "Driver")}
            {head("col-unit", "Unit")}
            {head("col-route", "Route")}
            {head("col-age", "Age")}
            {head("col-status", "Status")}
        </div>
    }
}

/// What stands in the list while no open alert is shown: none has come, none is there, none matches.
#[component]
pub(crate) fn NoAlerts() -> impl IntoView {
    let desk = expect_context::<Desk>();
    let fetched = Memo::new(move |_| desk.board.with(|board| board.current || !board.alerts.is_empty()));
    let narrowed = Memo::new(move |_| desk.filter.with(Filter::is_set));
    move || {
        match (fetched.get(), narrowed.get()) {
        (false, _) => view! { <Waiting /> }.into_any(),
        (true, false) => view! {
            <Placeholder symbol=Symbol::Check title="No open alerts" hint="Whatever needs you comes up here by itself.".to_owned() />
        }
        .into_any(),
        (true, true) => view! {
            <NoMatch title="No open alert matches" on_clear=move |()| desk.filter.set(Filter::default()) />
        }
        .into_any(),
    }
    }
}

/// The open alerts of one priority.
#[component]
pub(crate) fn Section(
    group: Group,
    lines: Memo<Vec<Line>>,
    reachable: Memo<Option<Id>>,
    on_open: Callback<()>,
    on_mark: Callback<(Id, bool)>,
) -> impl IntoView {
    // Alerts that have ended have a place of their own, which can be folded away.
    let Group::Open(priority) = group else { return ().into_any() };
    let name = label::priority(priority);
    view! {
        <Show when=move || !lines.read().is_empty()>
            <div role="rowgroup" aria-label=name>
                <div class="section-head" data-severity=priority.as_str() role="presentation">
                    <Icon symbol=priority_symbol(priority) />
                    <span>{name}</span>
                    <span class="section-count">{move || lines.read().len()}</span>
                </div>
                <For each=move || lines.get() key=|line| line.id.clone() let:line>
                    <AlertRow id=line.id reachable on_open on_mark />
                </For>
            </div>
        </Show>
    }
    .into_any()
}

/// The button that lets waiting alerts in, with the worst of them named.
#[component]
pub(crate) fn NewAlerts(waiting: Memo<Option<News>>, on_show: Callback<()>) -> impl IntoView {
    move || {
        waiting.get().map(|News { count, worst, of_worst }| {
            view! {
                <button class="new-alerts" data-severity=worst.as_str() on:click=move |_| on_show.run(())>
                    <Icon symbol=priority_symbol(worst) />
                    <strong>{count} " new"</strong>
                    <span>{of_worst} " " {label::priority(worst).to_lowercase()}</span>
                    <kbd>"n"</kbd>
                </button>
            }
        })
    }
}

/// What waits to come into the list.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct News {
    /// How many alerts.
    pub(crate) count: usize,
    /// The worst priority among them.
    pub(crate) worst: Priority,
    /// How many of them have it.
    pub(crate) of_worst: usize,
}

/// What waits to come into the list, if anything does.
pub(crate) fn news(waiting: &[Line]) -> Option<News> {
    let open = waiting.iter().filter_map(|line| match line.group {
        Group::Open(priority) => Some(priority),
        Group::Ended => None,
    });
    let worst = open.clone().min()?;
    Some(News { count: open.clone().count(), worst, of_worst: open.filter(|priority| *priority == worst).count() })
}
