//! Integration syncs: what is being fetched from where, and how far it is.

use leptos::prelude::*;
use sally_protocol::Id;
use sally_protocol::fleet::{SyncProgress, SyncStatus};

use super::badge::SyncState;
use super::icon::Symbol;
use super::listing::{Listing, Words};
use super::moment::Moment;
use crate::model::label;
use crate::model::syncs::{fraction, integrations};
use crate::state::Desk;

const WORDS: Words = Words {
    name: "Integrations",
    filter: "Filter integrations",
    rows: "Integrations, failed ones first",
    nothing: (Symbol::Sync, "No syncs yet", "An integration shows up here when it syncs for the first time."),
    no_match: "No integration matches",
    columns: ("sync-columns", &["Integration", "Syncing", "Status", "Progress", "Started", "Ended"]),
};

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
        <Listing words=WORDS text count=move || syncs.read().len() fetched any>
            <For each=move || syncs.get() key=Id::clone let:integration>
                <SyncRow integration first />
            </For>
        </Listing>
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
                <strong><bdi>{with(|sync| Some(label::vendor(&sync.vendor)).filter(|vendor| !vendor.is_empty()))}</bdi></strong>
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
