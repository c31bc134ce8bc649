//! Route plans: who drives, where they are in the plan, and when they arrive.

use leptos::ev;
use leptos::prelude::*;
use sally_protocol::Id;
use sally_protocol::board::Route;
use sally_protocol::fleet::EtaUpdate;

use super::badge::Punctuality;
use super::icon::{Icon, Symbol};
use super::listing::{Listing, Words};
use super::moment::{Clock, Moment};
use super::{rows, writing};
use crate::model::keys::Action;
use crate::model::label;
use crate::model::routes::{driver, driver_names, plans, shift, stops, worst};
use crate::state::{Desk, View};

const WORDS: Words = Words {
    name: "Routes",
    filter: "Filter routes",
    rows: "Routes, troubled ones first",
    nothing: (Symbol::Route, "No routes yet", "A plan shows up here when it is planned, driven or delayed."),
    no_match: "No route matches",
    columns: ("route-columns", &["Route", "Driver", "Now", "Stops", "Changed"]),
};

/// The route plans.
#[component]
pub(crate) fn Routes() -> impl IntoView {
    let desk = expect_context::<Desk>();
    let text = RwSignal::new(String::new());
    // Alerts have told some names, and the conversations the others where they have been fetched.
    let names = Memo::new(move |_| {
        let mut names = desk.board.with(driver_names);
        desk.inbox.conversations.with(|list| {
            for known in list {
                if let Some(name) = &known.name {
                    names.entry(known.conversation_id.clone()).or_insert_with(|| name.clone());
                }
            }
        });
        names
    });
    let plans = Memo::new(move |_| desk.board.with(|board| text.with(|text| plans(board, &names.read(), text))));
    let fetched = Memo::new(move |_| desk.board.with(|board| board.current || !board.routes.is_empty()));
    let any = Memo::new(move |_| desk.board.with(|board| !board.routes.is_empty()));
    let sought = desk.sought_route;
    // Whoever has asked for a plan finds the keyboard on it; then the first row is the way in again.
    let first = Memo::new(move |_| {
        let plans = plans.read();
        sought.get().filter(|sought| plans.contains(sought)).or_else(|| plans.first().cloned())
    });
    if sought.with_untracked(Option::is_some) {
        rows::focus_on("main [data-row][data-sought=true]");
    }
    let listener = window_event_listener(ev::keydown, move |event| {
        if writing::asked(&event, View::Routes) == Some(Action::Message)
            && let Some(plan) = rows::focused().and_then(|row| row.get_attribute("data-plan-id"))
            && let Ok(plan) = Id::parse(&plan)
        {
            event.prevent_default();
            write(desk, &plan);
        }
    });
    on_cleanup(move || {
        listener.remove();
        sought.set(None);
    });
    view! {
        <Listing words=WORDS text count=move || plans.read().len() fetched any>
            <For each=move || plans.get() key=Id::clone let:plan>
                <RouteRow plan names first />
            </For>
        </Listing>
    }
}

/// Goes to write to a route's driver about the route.
fn write(desk: Desk, plan: &Id) {
    desk.message_about_route(plan);
    rows::focus_on("[data-testid=composer-input]");
}

#[component]
fn RouteRow(plan: Id, names: Memo<std::collections::BTreeMap<Id, String>>, first: Memo<Option<Id>>) -> impl IntoView {
    let desk = expect_context::<Desk>();
    let plan = StoredValue::new(plan);
    let route = Memo::new(move |_| {
        desk.board.with(|board| plan.with_value(|plan| board.routes.get(plan).cloned())).unwrap_or_default()
    });
    let changed = Memo::new(move |_| route.read().changed_at);
    let who = move || {
        let route = route.read();
        let driver = driver(&route)?;
        Some(names.read().get(driver).cloned().unwrap_or_else(|| driver.to_string()))
    };
    let has_driver = move || driver(&route.read()).is_some();
    let vehicle = move || route.read().status.as_ref().and_then(|status| status.vehicle_id.as_ref()).map(Id::to_string);
    let tab_index =
        move || if first.with(|first| plan.with_value(|plan| first.as_ref() == Some(plan))) { "0" } else { "-1" };
    view! {
        <div
            class="route-row"
            role="row"
            data-row
            data-testid="route-row"
            data-plan-id=plan.with_value(Id::to_string)
            data-ended=move || route.read().is_ended().to_string()
            data-sought=move || desk.sought_route.with(|sought| plan.with_value(|plan| sought.as_ref() == Some(plan))).to_string()
            tabindex=tab_index
        >
            <div role="gridcell" class="route-plan">
                <strong><bdi>{plan.with_value(Id::to_string)}</bdi></strong>
                {move || worst(&route.read()).map(|status| view! { <Punctuality status /> })}
            </div>
            <div role="gridcell" class="route-driver">
                <bdi>{who}</bdi>
                <span class="dim"><bdi>{vehicle}</bdi></span>
                <Show when=has_driver>
                    <button
                        class="button quiet route-message"
                        tabindex="-1"
                        data-testid="route-message"
                        aria-keyshortcuts="m"
                        title="Message the driver about this route (m)"
                        on:click=move |_| plan.with_value(|plan| write(desk, plan))
                    >
                        <Icon symbol=Symbol::Message />
                        "Message driver"
                    </button>
                </Show>
            </div>
            <div role="gridcell" class="route-now">{move || now(&route.read())}</div>
            <ol role="gridcell" class="route-stops">
                {move || stops(&route.read()).into_iter().map(|eta| view! { <Stop eta=eta.clone() /> }).collect_view()}
            </ol>
            <div role="gridcell" class="route-changed">
                <Moment at=changed />
            </div>
        </div>
    }
}

/// Where the plan stands, and the segment it is in.
fn now(route: &Route) -> impl IntoView + use<> {
    let Some(status) = route.status.clone() else {
        return view! { <span class="dim">"No status yet"</span> }.into_any();
    };
    let segment = [status.segment_type.as_deref(), status.segment_status.as_deref()];
    let segment: Vec<String> = segment.into_iter().flatten().map(label::phrase).collect();
    let segment = (!segment.is_empty()).then(|| segment.join(", ").to_owned());
    let replan = status.replan_recommended == Some(true);
    let reason = status.replan_reason.clone().unwrap_or_else(|| "A new plan would be better.".to_owned());
    let place = status.location.map(|at| format!("{:.3}, {:.3}", at.lat, at.lon));
    let source = (!status.source.is_empty()).then(|| format!("by {}", label::phrase(&status.source)));
    view! {
        <span>
            {label::plan_status(status.status)}
            {segment.map(|segment| format!(" · {segment}"))}
        </span>
        {status.stop_name.map(|stop| view! { <span dir="auto">{stop}</span> })}
        <span class="dim">{[place, source].into_iter().flatten().collect::<Vec<_>>().join(" · ")}</span>
        {replan
            .then(|| {
                view! {
                    <span class="mark replan" data-severity="medium">
                        <Icon symbol=Symbol::Medium />
                        <span>"Replan: " <bdi>{reason}</bdi></span>
                    </span>
                }
            })}
    }
    .into_any()
}

#[component]
fn Stop(eta: EtaUpdate) -> impl IntoView {
    let name = eta
        .stop_name
        .clone()
        .or_else(|| eta.stop_id.as_ref().map(Id::to_string))
        .unwrap_or_else(|| "Next stop".to_owned());
    let window = eta.appointment_window.as_ref().and_then(|window| Some((window.start?, window.end?)));
    let at = eta.eta;
    view! {
        <li>
            <span class="stop-name" dir="auto">{name}</span>
            <span class="stop-eta">
                {at.map(|at| view! { <Clock at /> " " <span class="dim"><Moment at=Signal::stored(Some(at)) suffix="ago" /></span> })}
            </span>
            <Punctuality status=eta.eta_status />
            <span class="stop-shift" title=eta.reason.clone()>{shift(eta.eta_shift_minutes)}</span>
            <span class="stop-window dim">
                {window.map(|(start, end)| view! { "due " <Clock at=start /> "–" <Clock at=end since=start /> })}
            </span>
        </li>
    }
}
