//! The window as a whole.

use leptos::prelude::*;
use sally_protocol::desktop::CommandError;

use super::icon::{Icon, Symbol};
use super::notices::Notices;
use super::shell::Shell;
use super::sign_in::SignInPage;
use crate::state::{Desk, Phase};

/// The window: who is asked to sign in, and who is at work.
#[component]
pub(crate) fn App() -> impl IntoView {
    let desk = Desk::new();
    provide_context(desk);
    desk.open();
    // Signing in again and renewing a session must not tear down what is on the screen.
    let phase = desk.phase;
    let kind = Memo::new(move |_| phase.with(std::mem::discriminant));
    view! {
        {move || {
            kind.get();
            match phase.get_untracked() {
                Phase::Outside => view! { <Outside /> }.into_any(),
                Phase::Opening => view! { <Opening /> }.into_any(),
                Phase::Failed(error) => view! { <Failed error /> }.into_any(),
                Phase::SignIn(reason) => view! { <SignInPage reason /> }.into_any(),
                Phase::Work(_) => view! { <Shell /> }.into_any(),
            }
        }}
        <Notices />
    }
}

/// The page was opened in a browser.
#[component]
fn Outside() -> impl IntoView {
    view! {
        <main class="door">
            <h1>"SALLY Realtime"</h1>
            <p class="door-lead">"This page is the inside of the desktop app and does nothing in a browser."</p>
            <p>"Start SALLY Realtime from your applications instead. It holds the connection to your server and signs you in."</p>
        </main>
    }
}

#[component]
fn Opening() -> impl IntoView {
    view! {
        <main class="door" aria-busy="true">
            <h1>"SALLY Realtime"</h1>
            <p class="door-lead" role="status">"Opening your desk…"</p>
        </main>
    }
}

/// The core could not be asked who is signed in.
#[component]
fn Failed(error: CommandError) -> impl IntoView {
    let desk = expect_context::<Desk>();
    view! {
        <main class="door">
            <h1>"SALLY Realtime"</h1>
            <p class="door-lead trouble" role="alert">
                <Icon symbol=Symbol::High />
                <span>{error.message}</span>
            </p>
            <button class="button primary" on:click=move |_| desk.open()>
                "Try again"
            </button>
        </main>
    }
}
