//! The alert board: the list, most urgent first, and beside it the alert that is looked at.

use leptos::ev;
use leptos::prelude::*;
use sally_protocol::Id;
use sally_protocol::action::AlertAction;
use wasm_bindgen::JsCast;
use web_sys::{Element, Node};

use super::alert_detail::AlertDetail;
use super::alert_filters::AlertFilters;
use super::alert_list::{Columns, NewAlerts, NoAlerts, Section, news};
use super::alert_row::AlertRow;
use super::bulk_bar::BulkBar;
use super::icon::{Icon, Symbol};
use super::{rows, writing};
use crate::model::alerts::{GROUPS, Group, Line, lines};
use crate::model::hold::arrange;
use crate::model::keys::Action;
use crate::model::label;
use crate::model::marks::Marks;
use crate::state::{Desk, View};

/// How many rows are drawn at first, and how many more at a time. Nobody reads further down than
/// that, and the most urgent are at the top.
const PAGE: usize = 200;

/// Any snooze: how long it lasts doesn't decide whether it is allowed.
const SNOOZE: AlertAction = AlertAction::Snooze { minutes: 0 };

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
            // Nothing is to be done to what isn't seen.
            desk.marks.update(Marks::clear);
            held.update(|held| *held = held.is_some().then(|| live.get_untracked()));
        }
    });
    Effect::new(move |_| {
        let mut kept = desk.marks.get_untracked();
        desk.board.with(|board| kept.keep_open(board));
        if desk.marks.with_untracked(|marks| *marks != kept) {
            desk.marks.set(kept);
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
    let mark = Callback::new(move |(id, to_here): (Id, bool)| {
        let is_open = |board: &sally_protocol::Board| board.alerts.get(&id).is_some_and(|a| !a.status.is_resolved());
        if !desk.board.with_untracked(is_open) {
            return;
        }
        let rows: Vec<Id> = shown.with_untracked(|shown| shown.iter().map(|line| line.id.clone()).collect());
        desk.marks.update(|marks| if to_here { marks.extend(&rows, &id) } else { marks.toggle(id) });
    });
    let listener = window_event_listener(ev::keydown, move |event| {
        let Some(action) = writing::asked(&event, View::Alerts) else { return };
        match action {
            Action::Acknowledge => act_on_all(desk, AlertAction::Acknowledge),
            Action::Resolve => act_on_all(desk, AlertAction::Resolve),
            Action::Snooze if !desk.marks.with_untracked(Marks::is_empty) => {
                desk.snoozing_marked.set(untrack(|| !desk.ready_for(&SNOOZE).is_empty()));
            }
            Action::Snooze => {
                if selected_alert().is_some_and(|alert| SNOOZE.is_allowed(alert.status)) {
                    detail_open.set(true);
                    desk.assigning.set(false);
                    desk.snoozing.set(true);
                }
            }
            Action::Unacknowledge => act(desk, AlertAction::Unacknowledge),
            Action::Reopen => act(desk, AlertAction::Reopen),
            Action::AssignAlert => {
                if selected_alert().is_some_and(|alert| !alert.status.is_resolved()) {
                    detail_open.set(true);
                    desk.snoozing.set(false);
                    desk.assigning.set(true);
                }
            }
            Action::Mark | Action::MarkTo => {
                if let Some(alert) = desk.selected.get_untracked() {
                    mark.run((alert, action == Action::MarkTo));
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
            Action::Back if desk.snoozing_marked.get_untracked() => {
                desk.snoozing_marked.set(false);
                rows::back();
            }
            Action::Back if desk.snoozing.get_untracked() => {
                desk.snoozing.set(false);
                rows::focus_on("[data-testid=alert-snooze]");
            }
            Action::Back if !desk.marks.with_untracked(Marks::is_empty) => desk.marks.update(Marks::clear),
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
                            view! { <Section group lines reachable on_open on_mark=mark /> }
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
                                <AlertRow id=line.id reachable on_open on_mark=mark />
                            </For>
                        </div>
                    </Show>
                </Show>
                <BulkBar />
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
    if status.is_some_and(|status| action.is_allowed(status)) {
        desk.act(id, action);
    }
}

/// Acts on the marked alerts, and on the selected one while none is marked.
fn act_on_all(desk: Desk, action: AlertAction) {
    match desk.marks.with_untracked(Marks::is_empty) {
        true => act(desk, action),
        false => desk.act_on_marked(action),
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
