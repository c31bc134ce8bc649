//! What a message is about, as the way there.

use leptos::prelude::*;
use sally_protocol::Id;

use super::icon::{Icon, Symbol};
use crate::model::routes;
use crate::state::Desk;

/// The way to the alert that a message is about.
#[component]
pub(super) fn AboutAlert(
    /// The alert.
    id: Id,
) -> impl IntoView {
    let desk = expect_context::<Desk>();
    let id = StoredValue::new(id);
    let title = Memo::new(move |_| {
        desk.board.with(|board| id.with_value(|id| board.alerts.get(id).map(super::alert_row::title)))
    });
    let words = move || title.get().unwrap_or_else(|| format!("Alert {}", id.with_value(Id::to_string)));
    view! {
        <Chip
            symbol=Symbol::Bell
            testid="about-alert"
            words=Signal::derive(words)
            there=Signal::derive(move || title.read().is_some())
            title="Open the alert"
            on_open=move |()| desk.show_alert(id.get_value())
        />
    }
}

/// The way to the route that a message is about.
#[component]
pub(super) fn AboutRoute(
    /// The plan.
    plan: Id,
) -> impl IntoView {
    let desk = expect_context::<Desk>();
    let plan = StoredValue::new(plan);
    let there = Memo::new(move |_| desk.board.with(|board| plan.with_value(|plan| board.routes.contains_key(plan))));
    let words = move || desk.board.with(|board| plan.with_value(|plan| routes::title(board, plan)));
    view! {
        <Chip
            symbol=Symbol::Route
            testid="about-route"
            words=Signal::derive(words)
            there
            title="Open the route"
            on_open=move |()| desk.show_route(plan.get_value())
        />
    }
}

#[component]
fn Chip(
    symbol: Symbol,
    testid: &'static str,
    words: Signal<String>,
    /// Whether it is on the board, so that there is something to open.
    #[prop(into)]
    there: Signal<bool>,
    title: &'static str,
    #[prop(into)] on_open: Callback<()>,
) -> impl IntoView {
    view! {
        <button
            type="button"
            class="about-chip"
            data-testid=testid
            disabled=move || !there.get()
            title=move || if there.get() { title } else { "It is no longer on the board" }
            on:click=move |_| on_open.run(())
        >
            <Icon symbol />
            <bdi>{words}</bdi>
        </button>
    }
}
