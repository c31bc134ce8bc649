//! How a connection stands: an icon, a word, and for a lost one when it is tried again and why.

use leptos::prelude::*;
use sally_protocol::desktop;

use super::icon::{Icon, Symbol};
use crate::model::{label, time};
use crate::state::{Desk, Link, zone};

fn symbol(link: &desktop::Link) -> Symbol {
    match link {
        desktop::Link::Live => Symbol::Pulse,
        desktop::Link::Connecting => Symbol::Sync,
        desktop::Link::Retrying { .. } | desktop::Link::Closed => Symbol::Cut,
        desktop::Link::SignedOut { .. } => Symbol::Lock,
        desktop::Link::Incompatible { .. } => Symbol::Critical,
    }
}

fn severity(link: &desktop::Link) -> &'static str {
    match link {
        desktop::Link::Retrying { .. } => "medium",
        desktop::Link::SignedOut { .. } | desktop::Link::Incompatible { .. } => "critical",
        desktop::Link::Live | desktop::Link::Connecting | desktop::Link::Closed => "none",
    }
}

/// How a connection stands, in one line.
#[component]
pub(crate) fn LinkState(
    /// The connection.
    link: RwSignal<Link>,
    /// What to call it for tests, and for whoever can't see where it stands.
    testid: &'static str,
    /// What the connection is for.
    purpose: &'static str,
) -> impl IntoView {
    let desk = expect_context::<Desk>();
    let word = Memo::new(move |_| link.with(|link| label::link(&link.state)));
    let retry = Memo::new(move |_| link.with(|link| link.countdown(desk.now.get())));
    let title = move || {
        link.with(|link| {
            let why = label::link_reason(&link.state).unwrap_or_else(|| label::link(&link.state));
            format!("{purpose}: {why}")
        })
    };
    view! {
        <div
            class="link-state mark"
            data-testid=testid
            data-state=move || link.with(|link| label::link_state(&link.state))
            data-severity=move || link.with(|link| severity(&link.state))
            title=title
        >
            <Icon symbol=Signal::derive(move || link.with(|link| symbol(&link.state))) />
            <span role="status">
                <span class="unseen">{purpose}": "</span>
                {word}
            </span>
            // Outside of the live region: a countdown is not to be read out second by second.
            {move || retry.get().map(|retry| view! { <span class="link-retry">"in " {retry}</span> })}
        </div>
    }
}

/// What is said across the board while it isn't live.
#[component]
pub(crate) fn LinkBanner() -> impl IntoView {
    let desk = expect_context::<Desk>();
    let link = desk.events;
    let shown = Memo::new(move |_| {
        link.with(|link| !matches!(link.state, desktop::Link::Live)) || !desk.board.with(|board| board.current)
    });
    let sentence = Memo::new(move |_| {
        link.with(|link| match &link.state {
            desktop::Link::Live => "Catching up with the server.".to_owned(),
            desktop::Link::Connecting => "Connecting to the server.".to_owned(),
            desktop::Link::Closed => "Not connected to the server.".to_owned(),
            other => label::link_reason(other).unwrap_or("The connection was lost.").to_owned(),
        })
    });
    let known = Memo::new(move |_| {
        let empty = desk.board.with(|board| !board.current && board.alerts.is_empty() && board.routes.is_empty());
        if empty {
            return None;
        }
        Some(match link.with(|link| link.live_until) {
            Some(at) => format!("You see the last known state, of {}.", time::time_of_day(at, zone)),
            None => "You see the last known state.".to_owned(),
        })
    });
    let ended = Memo::new(move |_| link.with(|link| matches!(link.state, desktop::Link::SignedOut { .. })));
    let again = move |_| {
        let reason = link.with_untracked(|link| label::link_reason(&link.state).map(str::to_owned));
        desk.sign_out(reason);
    };
    view! {
        <Show when=move || shown.get()>
            <div class="banner" data-severity=move || link.with(|link| severity(&link.state))>
                <Icon symbol=Signal::derive(move || link.with(|link| symbol(&link.state))) />
                <p>
                    <strong>{known}</strong>
                    " "
                    <span>{sentence}</span>
                </p>
                <Show when=move || ended.get()>
                    <button class="button" on:click=again>
                        "Sign in again"
                    </button>
                </Show>
            </div>
        </Show>
    }
}
