//! Integration syncs: what is being fetched from where, and how far it is.

use leptos::prelude::*;
use sally_protocol::Id;
use sally_protocol::fleet::{SyncProgress, SyncStatus};

use super::badge::SyncState;
use super::icon::{Icon, Symbol};
use super::moment::Moment;
use super::placeholder::{Placeholder, Waiting};
use crate::model::label;
use crate::model::syncs::{fraction, integrations};
use crate::state::Desk;

/// The integration syncs.
#[component]
pub(crate) fn Integrations() -> impl IntoView {
    let desk = expect_context::<Desk>();
    let text = RwSignal::new(String::new());
    let syncs = Memo::new(move |_| desk.board.with(|board| text.with(|text| integrations(board, text))));
    let fetched = Memo::new(move |_| desk.board.with(|board| board.current || !board.syncs.is_empty()));
    let any = Memo::new(move |_| desk.board.with(|board| !board.syncs.is_empty()));
    let first = Memo::new(move |_| syncs.read().first().cloned());
    view! {
        <main class="listing integrations">
            <div class="filters">
                <h1>"Integrations " <span class="section-count">{move || syncs.read().len()}</span></h1>
                <label class="search">
                    <Icon symbol=Symbol::Search />
                    <span class="unseen">"Filter integrations"</span>
                    <input
                        type="search"
                        data-filter
                        placeholder="Filter  /"
                        spellcheck="false"
                        prop:value=text
                        on:input:target=move |event| text.set(event.target().value())
                    />
                </label>
            </div>
            <div class="sync-columns" aria-hidden="true">
                <span>"Integration"</span>
                <span>"Syncing"</span>
                <span>"Status"</span>
                <span>"Progress"</span>
                <span>"Started"</span>
                <span>"Ended"</span>
            </div>
            <div class="listing-rows" role="grid" aria-label="Integrations, failed ones first">
                <Show when=move || fetched.get() fallback=Waiting>
                    <For each=move || syncs.get() key=Id::clone let:integration>
                        <SyncRow integration first />
                    </For>
                    <Show when=move || syncs.read().is_empty()>
                        <Show
                            when=move || any.get()
                            fallback=|| {
                                view! {
                                    <Placeholder
                                        symbol=Symbol::Sync
                                        title="No syncs yet"
                                        hint="An integration shows up here when it syncs for the first time.".to_owned()
                                    />
                                }
                            }
                        >
                            <Placeholder
                                symbol=Symbol::Search
                                title="No integration matches"
                                hint="There are others that this filter leaves out.".to_owned()
                            >
                                <button class="button" on:click=move |_| text.set(String::new())>
                                    "Clear the filter"
                                </button>
                            </Placeholder>
                        </Show>
                    </Show>
                </Show>
            </div>
        </main>
    }
}

#[component]
fn SyncRow(integration: Id, first: Memo<Option<Id>>) -> impl IntoView {
    let desk = expect_context::<Desk>();
    let id = StoredValue::new(integration);
    let sync = Memo::new(move |_| desk.board.with(|board| id.with_value(|id| board.syncs.get(id).cloned())));
    let with = move |read: fn(&SyncProgress) -> Option<String>| move || sync.with(|sync| sync.as_ref().and_then(read));
    let status = Memo::new(move |_| sync.with(|sync| sync.as_ref().map_or(SyncStatus::Running, |sync| sync.status)));
    let share = Memo::new(move |_| sync.with(|sync| sync.as_ref().and_then(fraction)));
    let started = Memo::new(move |_| sync.with(|sync| sync.as_ref().and_then(|sync| sync.started_at)));
    let ended = Memo::new(move |_| sync.with(|sync| sync.as_ref().and_then(|sync| sync.completed_at)));
    let tab_index = move || if first.with(|first| id.with_value(|id| first.as_ref() == Some(id))) { "0" } else { "-1" };
    // A bar without a width says that there is no telling how far it is.
    let width = move || share.get().map(|share| format!("scaleX({share:.3})"));
    let percent = move || share.get().map(|share| format!("{:.0}", share * 100.0));
    view! {
        <div
            class="sync-row"
            role="row"
            data-row
            data-testid="sync-row"
            data-integration-id=id.with_value(Id::to_string)
            data-status=move || status.get().as_str()
            tabindex=tab_index
        >
            <div role="gridcell" class="sync-vendor">
                <strong><bdi>{with(|sync| Some(label::phrase(&sync.vendor)).filter(|vendor| !vendor.is_empty()))}</bdi></strong>
                <span class="dim"><bdi>{id.with_value(Id::to_string)}</bdi></span>
            </div>
            <div role="gridcell">{with(|sync| sync.entity.as_deref().map(label::phrase))}</div>
            <div role="gridcell">{move || view! { <SyncState status=status.get() /> }}</div>
            <div role="gridcell" class="sync-progress">
                <div
                    class="bar"
                    role="progressbar"
                    aria-label="Progress"
                    aria-valuemin="0"
                    aria-valuemax="100"
                    aria-valuenow=percent
                    data-status=move || status.get().as_str()
                    data-unknown=move || share.get().is_none().to_string()
                >
                    <div style:transform=width></div>
                </div>
                <span class="sync-count">{with(|sync| Some(count(sync)))}</span>
                {move || {
                    with(|sync| sync.error.clone())()
                        .map(|error| view! { <p class="sync-error" dir="auto">{error}</p> })
                }}
            </div>
            <div role="gridcell" class="dim">
                <Moment at=started suffix="ago" />
            </div>
            <div role="gridcell" class="dim">
                <Moment at=ended suffix="ago" />
            </div>
        </div>
    }
}

/// How many records are done: `1,200 of 4,000`.
fn count(sync: &SyncProgress) -> String {
    let done = label::thousands(sync.records_processed);
    match sync.records_total {
        Some(total) => format!("{done} of {}", label::thousands(total)),
        None => format!("{done} records"),
    }
}
