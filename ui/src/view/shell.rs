//! The frame around the views: the rail, the bar, and the keys that work everywhere.

use leptos::ev;
use leptos::prelude::*;

use super::alert_board::AlertBoard;
use super::icon::{Icon, Symbol};
use super::integrations::Integrations;
use super::key_list::KeyList;
use super::link_state::{LinkBanner, LinkState};
use super::messages::Messages;
use super::routes::Routes;
use super::{rows, writing};
use crate::model::alerts::tallies;
use crate::model::keys::Action;
use crate::model::label;
use crate::state::{Desk, Phase, Theme, View};

/// A dispatcher at work.
#[component]
pub(crate) fn Shell() -> impl IntoView {
    let desk = expect_context::<Desk>();
    let listener = window_event_listener(ev::keydown, move |event| {
        let Some(action) = writing::asked(&event, desk.view.get_untracked()) else { return };
        match action {
            Action::Show(view) => desk.view.set(view),
            Action::Down | Action::Up | Action::First | Action::Last => rows::go(action),
            Action::Filter => rows::focus_on("main [data-filter]"),
            Action::Theme => desk.change_theme(),
            Action::Keys => desk.keys_shown.set(true),
            Action::Back if writing::is_writing() => rows::back(),
            // The view that is shown knows what these mean.
            Action::Back
            | Action::Acknowledge
            | Action::Resolve
            | Action::Snooze
            | Action::Unacknowledge
            | Action::Reopen
            | Action::AssignAlert
            | Action::Mark
            | Action::MarkTo
            | Action::Message
            | Action::Note
            | Action::Assign
            | Action::Broadcast
            | Action::Awaited
            | Action::Templates
            | Action::Whose
            | Action::ShowNew => return,
        }
        event.prevent_default();
    });
    // A page that goes away must not leave the messaging connection behind.
    let leaving = window_event_listener(ev::pagehide, move |_| desk.inbox.door.close());
    on_cleanup(move || {
        listener.remove();
        leaving.remove();
    });
    view! {
        <div class="shell">
            <Rail />
            <TopBar />
            <div class="stage">
                <LinkBanner />
                {move || match desk.view.get() {
                    View::Alerts => view! { <AlertBoard /> }.into_any(),
                    View::Routes => view! { <Routes /> }.into_any(),
                    View::Integrations => view! { <Integrations /> }.into_any(),
                    View::Messages => view! { <Messages /> }.into_any(),
                }}
            </div>
            <div class="unseen" role="status" aria-live="polite">
                {desk.announced}
            </div>
            <KeyList />
        </div>
    }
}

/// The way to the views.
#[component]
fn Rail() -> impl IntoView {
    let desk = expect_context::<Desk>();
    let unread = Memo::new(move |_| desk.board.with(|board| board.unread()));
    let critical = Memo::new(move |_| desk.board.with(|board| tallies(board)[0].active));
    let unread_badge = move || {
        (unread.get() > 0).then(|| {
            view! {
                <span class="rail-badge" data-testid="nav-unread">
                    {move || label::thousands(unread.get())}
                    <span class="unseen">" unread"</span>
                </span>
            }
        })
    };
    let unsent = Memo::new(move |_| desk.inbox.unsent_count());
    let unsent_badge = move || {
        (unsent.get() > 0).then(|| {
            view! {
                <span class="rail-badge unsent" data-testid="nav-unsent" title="Not sent yet. Messages are sent while this view is open.">
                    <span aria-hidden="true">"↑"</span>
                    {move || label::thousands(unsent.get() as u64)}
                    <span class="unseen">" not sent yet"</span>
                </span>
            }
        })
    };
    let critical_badge = move || {
        (critical.get() > 0).then(|| {
            view! {
                <span class="rail-badge" data-severity="critical" title="Critical alerts that nobody has taken up">
                    {move || label::thousands(critical.get() as u64)}
                    <span class="unseen">" critical"</span>
                </span>
            }
        })
    };
    view! {
        <nav class="rail" aria-label="Views">
            <div class="rail-mark" aria-hidden="true">
                "S"
            </div>
            <RailItem view=View::Alerts symbol=Symbol::Bell name="Alerts" key="1" testid="nav-alerts">
                {critical_badge}
            </RailItem>
            <RailItem view=View::Routes symbol=Symbol::Route name="Routes" key="2" testid="nav-routes">
                ""
            </RailItem>
            <RailItem view=View::Integrations symbol=Symbol::Sync name="Integrations" key="3" testid="nav-integrations">
                ""
            </RailItem>
            <RailItem view=View::Messages symbol=Symbol::Message name="Messages" key="4" testid="nav-messages">
                {unread_badge}
                {unsent_badge}
            </RailItem>
        </nav>
    }
}

#[component]
fn RailItem(
    view: View,
    symbol: Symbol,
    name: &'static str,
    key: &'static str,
    testid: &'static str,
    children: Children,
) -> impl IntoView {
    let desk = expect_context::<Desk>();
    let current = move || (desk.view.get() == view).then_some("page");
    view! {
        <button
            class="rail-item"
            data-testid=testid
            aria-current=current
            aria-keyshortcuts=key
            title=format!("{name} ({key})")
            on:click=move |_| desk.view.set(view)
        >
            <Icon symbol />
            <span class="rail-name">{name}</span>
            {children()}
        </button>
    }
}

/// Who is at work, where, and how the connection stands.
#[component]
fn TopBar() -> impl IntoView {
    let desk = expect_context::<Desk>();
    let session = Memo::new(move |_| match desk.phase.get() {
        Phase::Work(session) => Some(session),
        _ => None,
    });
    let tenant = move || session.get().map(|session| session.me.tenant_id);
    let place = move || {
        session.get().map(|session| if session.this_computer { "This computer".to_owned() } else { session.server })
    };
    let name = move || session.get().map(|session| session.me.name.unwrap_or_else(|| session.me.user_id.to_string()));
    let role = move || session.get().map(|session| label::phrase(session.me.role.as_str()));
    let theme = desk.theme;
    let theme_symbol = move || match theme.get() {
        Theme::Dark => Symbol::Moon,
        Theme::Light => Symbol::Sun,
        Theme::System => Symbol::Screen,
    };
    let theme_label = move || format!("Theme: {}. Change it (t)", theme.get().word());
    view! {
        <header class="top-bar">
            <div class="top-tenant">
                <strong><bdi>{tenant}</bdi></strong>
                <span class="dim"><bdi>{place}</bdi></span>
            </div>
            <LinkState link=desk.events testid="link-state" purpose="Connection" />
            <div class="top-user">
                <bdi>{name}</bdi>
                <span class="dim">{role}</span>
            </div>
            <div class="top-tools">
                <button class="button quiet square" aria-label=theme_label title=theme_label on:click=move |_| desk.change_theme()>
                    <Icon symbol=Signal::derive(theme_symbol) />
                </button>
                <button class="button quiet square" aria-label="Keys (?)" title="Keys (?)" on:click=move |_| desk.keys_shown.set(true)>
                    <Icon symbol=Symbol::Keyboard />
                </button>
                <button class="button quiet" data-testid="sign-out" on:click=move |_| desk.sign_out(None)>
                    <Icon symbol=Symbol::Leave />
                    "Sign out"
                </button>
            </div>
        </header>
    }
}
