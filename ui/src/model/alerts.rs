//! Which alerts the board shows, in which groups and in which order.

use jiff::Timestamp;
use sally_protocol::alert::{Alert, AlertStatus, Priority};
use sally_protocol::{Board, Id};

/// The priorities, most urgent first.
pub(crate) const PRIORITIES: [Priority; 4] = [Priority::Critical, Priority::High, Priority::Medium, Priority::Low];

/// A section of the list.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum Group {
    /// Open alerts of one priority.
    Open(Priority),
    /// Alerts that have ended.
    Ended,
}

/// The sections, in the order of the list.
pub(crate) const GROUPS: [Group; 5] = [
    Group::Open(Priority::Critical),
    Group::Open(Priority::High),
    Group::Open(Priority::Medium),
    Group::Open(Priority::Low),
    Group::Ended,
];

/// A row of the list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Line {
    /// The alert.
    pub(crate) id: Id,
    /// The section it stands in.
    pub(crate) group: Group,
}

/// Which open alerts are wanted, by where they stand.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) enum Standing {
    /// All of them.
    #[default]
    Any,
    /// Those that nobody has taken up.
    Active,
    /// Those that somebody has.
    Acknowledged,
    /// Those that are out of the way for a while.
    Snoozed,
}

impl Standing {
    /// All of them, in the order of the filter bar.
    pub(crate) const ALL: [Self; 4] = [Self::Any, Self::Active, Self::Acknowledged, Self::Snoozed];

    /// The word on the filter's button.
    pub(crate) fn label(self) -> &'static str {
        match self {
            Self::Any => "All open",
            Self::Active => "Active",
            Self::Acknowledged => "Acknowledged",
            Self::Snoozed => "Snoozed",
        }
    }

    fn admits(self, status: AlertStatus) -> bool {
        match self {
            Self::Any => true,
            Self::Active => status == AlertStatus::Active,
            Self::Acknowledged => status == AlertStatus::Acknowledged,
            Self::Snoozed => status == AlertStatus::Snoozed,
        }
    }
}

/// What the list is narrowed to.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Filter {
    /// Words that must all occur somewhere in the alert.
    pub(crate) text: String,
    /// One priority, or any.
    pub(crate) priority: Option<Priority>,
    /// Where open alerts stand. Ended ones are a section of their own and not narrowed by it.
    pub(crate) standing: Standing,
}

impl Filter {
    /// Whether the list is narrowed at all.
    pub(crate) fn is_set(&self) -> bool {
        self.priority.is_some() || self.standing != Standing::Any || !self.text.trim().is_empty()
    }

    fn admits(&self, alert: &Alert, words: &[String]) -> bool {
        self.priority.is_none_or(|priority| priority == alert.priority)
            && (alert.status.is_resolved() || self.standing.admits(alert.status))
            && words.iter().all(|word| mentions(alert, word))
    }
}

/// The rows of the list: open alerts most urgent first, within a priority those that nobody has taken
/// up before the others, then the oldest first; after them the ended ones, the last to end first.
pub(crate) fn lines(board: &Board, filter: &Filter) -> Vec<Line> {
    let words: Vec<String> = filter.text.split_whitespace().map(str::to_lowercase).collect();
    let mut admitted: Vec<&Alert> = board.alerts.values().filter(|alert| filter.admits(alert, &words)).collect();
    admitted.sort_by(|a, b| order(a).cmp(&order(b)).then_with(|| a.id.cmp(&b.id)));
    admitted.into_iter().map(|alert| Line { id: alert.id.clone(), group: group(alert) }).collect()
}

/// The section in which an alert stands.
pub(crate) fn group(alert: &Alert) -> Group {
    if alert.status.is_resolved() { Group::Ended } else { Group::Open(alert.priority) }
}

/// What sorts an alert within the list: section, then attention, then time in milliseconds.
fn order(alert: &Alert) -> (Group, u8, i64) {
    let millis = |at: Option<Timestamp>| at.map_or(i64::MAX, Timestamp::as_millisecond);
    match group(alert) {
        Group::Ended => (Group::Ended, 0, -alert.state.resolved_at.map_or(0, Timestamp::as_millisecond)),
        open @ Group::Open(_) => {
            let attention = match alert.status {
                AlertStatus::Active => 0,
                AlertStatus::Acknowledged => 1,
                _ => 2,
            };
            (open, attention, millis(alert.created_at))
        }
    }
}

/// Whether a lowercase word occurs in anything that a dispatcher can see of the alert.
fn mentions(alert: &Alert, word: &str) -> bool {
    let ids = [&alert.driver_id, &alert.vehicle_id, &alert.route_plan_id].into_iter().flatten().map(Id::as_str);
    let texts = [&alert.driver_name, &alert.vehicle_unit].into_iter().flatten().map(String::as_str);
    [alert.title.as_str(), alert.message.as_str(), alert.kind.as_str(), alert.category.as_str(), alert.id.as_str()]
        .into_iter()
        .chain(texts)
        .chain(ids)
        .any(|text| text.to_lowercase().contains(word))
}

/// How one priority stands.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Tally {
    /// Alerts that have not ended.
    pub(crate) open: usize,
    /// Those of them that nobody has taken up.
    pub(crate) active: usize,
    /// When the oldest of those came up.
    pub(crate) oldest: Option<Timestamp>,
}

/// How each priority stands, most urgent first, over the whole board.
pub(crate) fn tallies(board: &Board) -> [Tally; 4] {
    let mut tallies = [Tally::default(); 4];
    for alert in board.alerts.values().filter(|alert| !alert.status.is_resolved()) {
        let tally = &mut tallies[alert.priority as usize];
        tally.open += 1;
        if alert.status == AlertStatus::Active {
            tally.active += 1;
            tally.oldest = match (tally.oldest, alert.created_at) {
                (Some(oldest), Some(at)) => Some(oldest.min(at)),
                (oldest, at) => oldest.or(at),
            };
        }
    }
    tallies
}

/// Something that happened to an alert.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Step {
    /// What happened.
    pub(crate) what: String,
    /// Who did it.
    pub(crate) who: Option<String>,
    /// When, where that is known.
    pub(crate) at: Option<Timestamp>,
}

/// What is known of an alert's life so far, in the order in which it goes through it.
pub(crate) fn steps(alert: &Alert) -> Vec<Step> {
    let state = &alert.state;
    let step = |what: &str, who: Option<&String>, at| Step { what: what.to_owned(), who: who.cloned(), at };
    let mut steps = vec![step("Raised", None, alert.created_at)];
    if alert.escalation_level > 0 {
        steps.push(step(&format!("Escalated to level {}", alert.escalation_level), None, None));
    }
    if state.acknowledged_at.is_some() || state.acknowledged_by.is_some() {
        steps.push(step("Acknowledged", state.acknowledged_by.as_ref(), state.acknowledged_at));
    }
    if state.assigned_to.is_some() {
        steps.push(step("Assigned", state.assigned_to.as_ref(), None));
    }
    if alert.status == AlertStatus::Snoozed {
        steps.push(step("Snoozed until", None, state.snoozed_until));
    }
    if alert.status.is_resolved() {
        let what = if alert.status == AlertStatus::AutoResolved { "Resolved by itself" } else { "Resolved" };
        steps.push(step(what, state.resolved_by.as_ref(), state.resolved_at));
    }
    steps
}

/// The sentence that announces alerts raised since the last announcement, for assistive technology.
pub(crate) fn announcement(raised: &[(Priority, String)]) -> Option<String> {
    match raised {
        [] => None,
        [(priority, title)] => Some(format!("New {} alert: {title}", priority.as_str())),
        many => {
            let critical = many.iter().filter(|(priority, _)| *priority == Priority::Critical).count();
            Some(match critical {
                0 => format!("{} new alerts", many.len()),
                critical => format!("{} new alerts, {critical} of them critical", many.len()),
            })
        }
    }
}

#[cfg(test)]
#[path = "alerts_tests.rs"]
mod tests;
