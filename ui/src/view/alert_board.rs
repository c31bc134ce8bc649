//! The alert board: the list, most urgent first, and beside it the alert that is looked at.

use leptos::ev;
use leptos::prelude::*;
use wasm_bindgen::JsCast;
use web_sys::{Element, Node};

use super::alert_detail::AlertDetail;
use super::alert_detail::can_snooze;
use super::alert_filters::AlertFilters;
use super::alert_list::{Columns, NewAlerts, NoAlerts, Section, news};
use super::alert_row::AlertRow;
use super::icon::{Icon, Symbol};
use super::{rows, writing};
use crate::commands::AlertAction;
use crate::model::alerts::{GROUPS, Group, Line, lines};
use crate::model::hold::arrange;
use crate::model::keys::Action;
use crate::model::label;
use crate::state::{Desk, View};

/// How many rows are drawn at first, and how many more at a time. Nobody reads further down than
/// that, and the most urgent are at the top.
const PAGE: usize = 200;

/// The alert board.
#[component]
pub(crate) fn AlertBoard() -> impl IntoView {
    let desk = expect_context::<Desk>();
    let live = Memo::new(move |_| desk.board.with(|board| desk.filter.with(|filter| lines(board, filter))));
    let pointer_in = RwSignal::new(false);
    let keyboard_in = RwSignal::new(false);
    let held = RwSignal::new(None::<Vec<Line>>);
    let engaged = Memo::new(move |_| pointer_in.get() || keyboard_in.get());
    Effect::new(move |_| held.set(engaged.get().then(|| live.get_untracked())));
    // Whoever narrows the list wants to see the narrowed list, wherever the pointer is.
    Effect::new(move |before: Option<()>| {
        desk.filter.track();
        if before.is_some() {
            held.update(|held| *held = held.is_some().then(|| live.get_untracked()));
        }
    });
    let arranged = Memo::new(move |_| {
        let exists = |line: &Line| desk.board.with(|board| board.alerts.contains_key(&line.id));
        held.with(|held| arrange(held.as_deref(), live.get(), |line| line.id.clone(), exists))
    });
    let waiting = Memo::new(move |_| arranged.with(|arranged| news(&arranged.waiting)));
    let show_new = move || {
        if held.with_untracked(Option::is_some) {
            held.set(Some(live.get_untracked()));
        }
    };

    let limit = RwSignal::new(PAGE);
    let ended_open = RwSignal::new(false);
    let shown = Memo::new(move |_| {
        let limit = limit.get();
        arranged.with(|arranged| {
            arranged.shown.iter().filter(|line| is_open(line)).take(limit).cloned().collect::<Vec<_>>()
        })
    });
    let left_out = Memo::new(move |_| {
        arranged.with(|arranged| arranged.shown.iter().filter(|line| is_open(line)).count()).saturating_sub(limit.get())
    });
    let ended = Memo::new(move |_| {
        arranged.with(|arranged| arranged.shown.iter().filter(|line| !is_open(line)).cloned().collect::<Vec<_>>())
    });
    let reachable = Memo::new(move |_| {
        let selected = desk.selected.get();
        let has = |lines: &[Line]| lines.iter().any(|line| selected.as_ref() == Some(&line.id));
        if shown.with(|shown| has(shown)) || (ended_open.get() && ended.with(|ended| has(ended))) {
            return selected;
        }
        shown.with(|shown| shown.first().map(|line| line.id.clone()))
    });

    let detail_open = desk.detail_open;
    let selected_alert = move || {
        let id = desk.selected.get_untracked()?;
        desk.board.with_untracked(|board| board.alerts.get(&id).cloned())
    };
    let listener = window_event_listener(ev::keydown, move |event| {
        let Some(action) = writing::asked(&event, View::Alerts) else { return };
        match action {
            Action::Acknowledge => act(desk, AlertAction::Acknowledge),
            Action::Resolve => act(desk, AlertAction::Resolve),
            Action::Snooze => {
                if selected_alert().is_some_and(|alert| can_snooze(alert.status)) {
                    detail_open.set(true);
                    desk.snoozing.set(true);
                }
            }
            Action::Message => {
                if let Some(alert) = selected_alert() {
                    desk.message_driver(&alert);
                    rows::focus_on("[data-testid=composer-input]");
                }
            }
            Action::ShowNew => show_new(),
            Action::Back if writing::is_writing() => return,
            Action::Back if desk.snoozing.get_untracked() => {
                desk.snoozing.set(false);
                rows::focus_on("[data-testid=alert-snooze]");
            }
            Action::Back if detail_open.get_untracked() => {
                detail_open.set(false);
                rows::back();
            }
            Action::Back => desk.selected.set(None),
            _ => return,
        }
        event.prevent_default();
    });
    on_cleanup(move || listener.remove());
    let on_open = Callback::new(move |()| detail_open.set(true));
    let enter = move |event: web_sys::KeyboardEvent| {
        let on_row = event
            .target()
            .and_then(|target| target.dyn_into::<Element>().ok())
            .is_some_and(|at| at.has_attribute("data-row"));
        if on_row && matches!(event.key().as_str(), "Enter" | " ") {
            event.prevent_default();
            detail_open.set(true);
            rows::focus_on("[data-detail]");
        }
    };
    let nothing = Memo::new(move |_| shown.with(Vec::is_empty));

    view! {
        <main class="alert-board" data-detail-open=move || detail_open.get().to_string()>
            <AlertFilters />
            <div
                class="alert-list"
                on:pointerenter=move |_| pointer_in.set(true)
                on:pointerleave=move |_| pointer_in.set(false)
                on:focusin=move |event| keyboard_in.set(is_by_keyboard(&event))
                on:focusout=move |event| {
                    if !goes_within(&event) {
                        keyboard_in.set(false);
                    }
                }
                on:keydown=enter
            >
                <NewAlerts waiting on_show=Callback::new(move |()| show_new()) />
                <div role="grid" aria-label="Open alerts, most urgent first">
                    <Columns />
                    {GROUPS
                        .into_iter()
                        .map(|group| {
                            let lines = Memo::new(move |_| {
                                shown.read().iter().filter(|line| line.group == group).cloned().collect::<Vec<_>>()
                            });
                            view! { <Section group lines reachable on_open /> }
                        })
                        .collect_view()}
                </div>
                <Show when=move || left_out.get().gt(&0)>
                    <button class="button wide more" on:click=move |_| limit.update(|limit| *limit += PAGE)>
                        "Show more: "
                        {move || label::count(left_out.get(), "alert is", "alerts are")}
                        " further down"
                    </button>
                </Show>
                <Show when=move || nothing.get()>
                    <NoAlerts />
                </Show>
                <Show when=move || !ended.read().is_empty()>
                    <button
                        class="section-head ended-head"
                        aria-expanded=move || ended_open.get().to_string()
                        on:click=move |_| ended_open.update(|open| *open = !*open)
                    >
                        <Icon symbol=Signal::derive(move || if ended_open.get() { Symbol::Down } else { Symbol::Right }) />
                        <span>"Resolved in the last 24 hours"</span>
                        <span class="section-count">{move || ended.read().len()}</span>
                    </button>
                    <Show when=move || ended_open.get()>
                        <div role="grid" aria-label="Resolved alerts, newest first">
                            <For each=move || ended.get() key=|line| line.id.clone() let:line>
                                <AlertRow id=line.id reachable on_open />
                            </For>
                        </div>
                    </Show>
                </Show>
            </div>
            <AlertDetail on_close=Callback::new(move |()| {
                detail_open.set(false);
                rows::back();
            }) />
        </main>
    }
}

fn is_open(line: &Line) -> bool {
    line.group != Group::Ended
}

/// Acts on the selected alert, where that alert can still be acted on.
fn act(desk: Desk, action: AlertAction) {
    let Some(id) = desk.selected.get_untracked() else { return };
    let status = desk.board.with_untracked(|board| board.alerts.get(&id).map(|alert| alert.status));
    if status.is_some_and(|status| super::alert_detail::can(action, status)) {
        desk.act(id, action);
    }
}

/// Whether the focus came by keyboard. A click leaves it behind too, and the pointer is watched anyway.
fn is_by_keyboard(event: &web_sys::FocusEvent) -> bool {
    let target = event.target().and_then(|target| target.dyn_into::<Element>().ok());
    target.is_some_and(|target| target.matches(":focus-visible").unwrap_or(true))
}

/// Whether the focus only moves within the element that listens.
fn goes_within(event: &web_sys::FocusEvent) -> bool {
    let list = event.current_target().and_then(|list| list.dyn_into::<Node>().ok());
    let next = event.related_target().and_then(|next| next.dyn_into::<Node>().ok());
    list.zip(next).is_some_and(|(list, next)| list.contains(Some(&next)))
}
