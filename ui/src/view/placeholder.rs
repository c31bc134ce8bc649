//! What stands where nothing else can: nothing there, not there yet, not to be had.

use leptos::prelude::*;
use sally_protocol::desktop::Link;

use super::icon::{Icon, Symbol};
use crate::model::label;
use crate::state::Desk;

/// A calm sentence in an empty place.
#[component]
pub(crate) fn Placeholder(
    /// What it is about.
    symbol: Symbol,
    /// The sentence.
    title: &'static str,
    /// What to expect, or what to do.
    #[prop(into)]
    hint: Signal<String>,
    /// Buttons, where something can be done.
    #[prop(optional)]
    children: Option<Children>,
) -> impl IntoView {
    view! {
        <div class="placeholder">
            <Icon symbol />
            <p class="placeholder-title">{title}</p>
            <p>{hint}</p>
            {children.map(|children| children())}
        </div>
    }
}

/// What stands in a view until the board has come for the first time.
#[component]
pub(crate) fn Waiting() -> impl IntoView {
    let desk = expect_context::<Desk>();
    let trouble = Memo::new(move |_| {
        desk.events.with(|link| !matches!(link.state, Link::Live | Link::Connecting | Link::Closed))
    });
    let hint = move || {
        desk.events.with(|link| {
            let reason = label::link_reason(&link.state).unwrap_or_default();
            match link.countdown(desk.now.get()) {
                Some(rest) => format!("{reason} Next attempt in {rest}."),
                None => reason.to_owned(),
            }
        })
    };
    view! {
        <Show
            when=move || trouble.get()
            fallback=|| {
                view! {
                    <div class="skeleton" role="status">
                        <span class="unseen">"Fetching the board…"</span>
                        {(0..12).map(|_| view! { <div class="skeleton-row" aria-hidden="true"></div> }).collect_view()}
                    </div>
                }
            }
        >
            <Placeholder symbol=Symbol::Cut title="The board can't be fetched yet" hint=Signal::derive(hint) />
        </Show>
    }
}
