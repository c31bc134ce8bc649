//! Sentences that stay on the screen for a while.

use leptos::prelude::*;

use super::icon::{Icon, Symbol};
use crate::state::Desk;

/// The notices, in a corner of the window.
#[component]
pub(crate) fn Notices() -> impl IntoView {
    let desk = expect_context::<Desk>();
    let notices = desk.notices;
    view! {
        <div class="notices" role="alert">
            <For each=move || notices.get() key=|notice| notice.number let:notice>
                <div class="notice">
                    <Icon symbol=Symbol::High />
                    <p>{notice.text}</p>
                    <button
                        class="button quiet square"
                        aria-label="Dismiss"
                        on:click=move |_| notices.update(|known| known.retain(|other| other.number != notice.number))
                    >
                        <Icon symbol=Symbol::Cross />
                    </button>
                </div>
            </For>
        </div>
    }
}
