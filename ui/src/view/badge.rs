//! Words with an icon: how urgent something is, and where it stands. Colour comes third.

use leptos::prelude::*;
use sally_protocol::alert::{AlertStatus, Priority};
use sally_protocol::fleet::{EtaStatus, SyncStatus};

use super::icon::{Icon, Symbol};
use crate::model::label;

/// The icon of a priority: each has a shape of its own.
pub(crate) fn priority_symbol(priority: Priority) -> Symbol {
    match priority {
        Priority::Critical => Symbol::Critical,
        Priority::High => Symbol::High,
        Priority::Medium => Symbol::Medium,
        Priority::Low => Symbol::Low,
    }
}

/// How urgent an alert is.
#[component]
pub(crate) fn Severity(
    /// The priority.
    #[prop(into)]
    priority: Signal<Priority>,
) -> impl IntoView {
    view! {
        <span class="severity" data-severity=move || priority.get().as_str()>
            <Icon symbol=Signal::derive(move || priority_symbol(priority.get())) />
            {move || label::priority(priority.get())}
        </span>
    }
}

/// Where an alert stands.
#[component]
pub(crate) fn Standing(
    /// The status.
    #[prop(into)]
    status: Signal<AlertStatus>,
) -> impl IntoView {
    let symbol = move || match status.get() {
        AlertStatus::Active => Symbol::Bell,
        AlertStatus::Acknowledged => Symbol::Check,
        AlertStatus::Snoozed => Symbol::Moon,
        AlertStatus::Resolved | AlertStatus::AutoResolved => Symbol::CheckTwice,
    };
    view! {
        <span class="standing" data-standing=move || status.get().as_str()>
            <Icon symbol=Signal::derive(symbol) />
            {move || label::alert_status(status.get())}
        </span>
    }
}

/// How a stop's ETA stands to its appointment.
#[component]
pub(crate) fn Punctuality(
    /// The status.
    status: EtaStatus,
) -> impl IntoView {
    let (symbol, severity) = match status {
        EtaStatus::OnTime => (Symbol::Check, "none"),
        EtaStatus::AtRisk => (Symbol::Medium, "medium"),
        EtaStatus::Late => (Symbol::Critical, "critical"),
    };
    view! {
        <span class="mark" data-severity=severity>
            <Icon symbol />
            {label::eta_status(status)}
        </span>
    }
}

/// How a sync stands.
#[component]
pub(crate) fn SyncState(
    /// The status.
    status: SyncStatus,
) -> impl IntoView {
    let (symbol, severity) = match status {
        SyncStatus::Running => (Symbol::Sync, "none"),
        SyncStatus::Success => (Symbol::Check, "none"),
        SyncStatus::Failed => (Symbol::Critical, "critical"),
    };
    view! {
        <span class="mark" data-severity=severity>
            <Icon symbol />
            {label::sync_status(status)}
        </span>
    }
}
