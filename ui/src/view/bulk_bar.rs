//! What can be done to all marked alerts at once.

use leptos::prelude::*;
use sally_protocol::action::AlertAction;

use super::icon::{Icon, Symbol};
use super::rows;
use super::snooze_choice::SnoozeChoice;
use crate::model::marks::Marks;
use crate::state::Desk;

/// The bar over the list while alerts are marked. Each button says how many of them it is for.
#[component]
pub(crate) fn BulkBar() -> impl IntoView {
    let desk = expect_context::<Desk>();
    let snoozing = desk.snoozing_marked;
    let marked = Memo::new(move |_| desk.marks.with(Marks::len));
    // What is marked next is not in the middle of being snoozed.
    Effect::new(move |_| {
        if marked.get() == 0 {
            snoozing.set(false);
        }
    });
    let snooze = |minutes| AlertAction::Snooze { minutes };
    let button = move |action: AlertAction, symbol, name: &'static str, testid: &'static str, title: &'static str| {
        let for_count = action.clone();
        let ready = Memo::new(move |_| desk.ready_for(&for_count).len());
        view! {
            <button
                class="button"
                data-testid=testid
                title=title
                disabled=move || ready.get() == 0
                on:click=move |_| {
                    match action {
                        AlertAction::Snooze { .. } => snoozing.update(|snoozing| *snoozing = !*snoozing),
                        _ => desk.act_on_marked(action.clone()),
                    }
                }
            >
                <Icon symbol />
                {name}
                <span class="bulk-count">{ready}</span>
            </button>
        }
    };
    let clear = move |_| {
        desk.marks.update(Marks::clear);
        rows::back();
    };
    view! {
        <Show when=move || marked.get().gt(&0)>
            <div class="bulk-bar" role="toolbar" aria-label="Marked alerts" data-testid="bulk-bar">
                <Show when=move || snoozing.get()>
                    <SnoozeChoice on_choose=Callback::new(move |minutes| {
                        snoozing.set(false);
                        desk.act_on_marked(snooze(minutes));
                        rows::back();
                    }) />
                </Show>
                <strong role="status">{marked} " marked"</strong>
                {button(AlertAction::Acknowledge, Symbol::Check, "Acknowledge", "bulk-acknowledge", "Acknowledge the marked alerts (a)")}
                {button(AlertAction::Resolve, Symbol::CheckTwice, "Resolve", "bulk-resolve", "Resolve the marked alerts (Shift R)")}
                {button(snooze(0), Symbol::Moon, "Snooze", "bulk-snooze", "Snooze the marked alerts (z)")}
                <button class="button quiet" data-testid="bulk-clear" title="Take the marks away (Esc)" on:click=clear>
                    <Icon symbol=Symbol::Cross />
                    "Clear"
                </button>
            </div>
        </Show>
    }
}
