//! What can be done to the alert that is looked at.

use leptos::html::{Button, Footer};
use leptos::prelude::*;
use sally_protocol::Id;
use sally_protocol::action::AlertAction;
use sally_protocol::alert::{Alert, AlertStatus};
use wasm_bindgen::JsCast;

use super::icon::{Icon, Symbol};
use super::snooze_choice::SnoozeChoice;
use super::team_menu::TeamMenu;
use crate::state::Desk;

/// The buttons below an alert. One that the alert's state forbids is there and can't be pressed, so that
/// each keeps its place.
#[component]
pub(crate) fn AlertActions(
    /// The alert.
    id: StoredValue<Id>,
    /// What is known of it.
    alert: Memo<Option<Alert>>,
) -> impl IntoView {
    let desk = expect_context::<Desk>();
    let (snoozing, assigning) = (desk.snoozing, desk.assigning);
    // It was chosen for the alert before.
    snoozing.set(false);
    assigning.set(false);
    let status = Memo::new(move |_| alert.read().as_ref().map_or(AlertStatus::Active, |alert| alert.status));
    let busy = Memo::new(move |_| desk.acting.with(|acting| id.with_value(|id| acting.contains(id))));
    let cannot = move |action: AlertAction| busy.get() || !action.is_allowed(status.get());
    let act = move |action| desk.act(id.get_value(), action);
    let ended = Memo::new(move |_| status.get().is_resolved());
    let takes_back = move || if ended.get() { AlertAction::Reopen } else { AlertAction::Unacknowledge };
    let has_driver = move || alert.read().as_ref().is_some_and(|alert| alert.driver_id.is_some());
    let cannot_snooze = move || cannot(AlertAction::Snooze { minutes: 0 });
    let cannot_assign = move || cannot(AlertAction::Assign { assigned_to: None });
    let assigned =
        Memo::new(move |_| alert.read().as_ref().and_then(|alert| Id::parse(alert.state.assigned_to.as_deref()?).ok()));
    let opener = NodeRef::<Button>::new();
    let footer = NodeRef::<Footer>::new();
    let close = Callback::new(move |()| {
        assigning.set(false);
        // What is chosen goes away: the keyboard stays here.
        if let Some(opener) = opener.get_untracked() {
            let _ = opener.focus();
        }
    });
    let left = move |event: web_sys::FocusEvent| {
        let to = event.related_target().and_then(|to| to.dyn_into::<web_sys::Node>().ok());
        if footer.get_untracked().is_some_and(|footer| !footer.contains(to.as_ref())) {
            assigning.set(false);
        }
    };
    view! {
        <footer class="detail-actions" node_ref=footer on:focusout=left>
            <Show when=move || snoozing.get() && !cannot_snooze()>
                <SnoozeChoice on_choose=Callback::new(move |minutes| {
                    snoozing.set(false);
                    act(AlertAction::Snooze { minutes });
                }) />
            </Show>
            <Show when=move || assigning.get() && !cannot_assign()>
                {desk
                    .me()
                    .map(|me| {
                        view! {
                            <TeamMenu
                                label="Assign the alert"
                                current=assigned
                                viewer=me.user_id
                                on_choose=Callback::new(move |assigned_to| act(AlertAction::Assign { assigned_to }))
                                close
                            />
                        }
                    })}
            </Show>
            <button
                class="button primary"
                data-testid="alert-acknowledge"
                aria-keyshortcuts="a"
                title="Acknowledge (a)"
                disabled=move || cannot(AlertAction::Acknowledge)
                on:click=move |_| act(AlertAction::Acknowledge)
            >
                <Icon symbol=Symbol::Check />
                "Acknowledge"
            </button>
            <button
                class="button"
                data-testid="alert-resolve"
                aria-keyshortcuts="Shift+R"
                title="Resolve (Shift R)"
                disabled=move || cannot(AlertAction::Resolve)
                on:click=move |_| act(AlertAction::Resolve)
            >
                <Icon symbol=Symbol::CheckTwice />
                "Resolve"
            </button>
            <button
                class="button"
                data-testid="alert-snooze"
                aria-keyshortcuts="z"
                aria-expanded=move || snoozing.get().to_string()
                title="Snooze (z)"
                disabled=cannot_snooze
                on:click=move |_| {
                    assigning.set(false);
                    snoozing.update(|snoozing| *snoozing = !*snoozing);
                }
            >
                <Icon symbol=Symbol::Moon />
                "Snooze"
            </button>
            <button
                class="button"
                data-testid="alert-assign"
                node_ref=opener
                aria-keyshortcuts="s"
                aria-haspopup="dialog"
                aria-expanded=move || assigning.get().to_string()
                title="Assign to somebody of the team (s)"
                disabled=cannot_assign
                on:click=move |_| {
                    snoozing.set(false);
                    assigning.update(|assigning| *assigning = !*assigning);
                }
            >
                <Icon symbol=Symbol::Person />
                "Assign"
            </button>
            <button
                class="button"
                data-testid="alert-message"
                aria-keyshortcuts="m"
                title="Message the driver (m)"
                disabled=move || !has_driver()
                on:click=move |_| {
                    if let Some(alert) = alert.get_untracked() {
                        desk.message_driver(&alert);
                    }
                }
            >
                <Icon symbol=Symbol::Message />
                "Message driver"
            </button>
            // One takes the other's place, which neither Acknowledge nor Resolve does: a second click on those
            // must not undo the first.
            <button
                class="button"
                data-testid="alert-take-back"
                aria-keyshortcuts=move || if ended.get() { "Shift+O" } else { "Shift+A" }
                title=move || if ended.get() { "Reopen (Shift O)" } else { "Take the acknowledgement back (Shift A)" }
                disabled=move || cannot(takes_back())
                on:click=move |_| act(takes_back())
            >
                <Icon symbol=Symbol::Undo />
                {move || if ended.get() { "Reopen" } else { "Unacknowledge" }}
            </button>
        </footer>
    }
}
