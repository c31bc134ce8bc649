//! Words of the wire as people read them.

use sally_protocol::alert::{AlertStatus, Priority};
use sally_protocol::desktop::Link;
use sally_protocol::fleet::{EtaStatus, PlanStatus, SyncStatus};

/// Abbreviations of the trade, which stay in capitals.
const ABBREVIATIONS: [&str; 14] =
    ["api", "def", "dot", "dvir", "eld", "eta", "fmcsa", "gps", "hos", "id", "pto", "tms", "vin", "wms"];

/// Vendors whose names are written in a way of their own.
const VENDORS: [(&str, &str); 7] = [
    ("dat", "DAT"),
    ("efs", "EFS"),
    ("mcleod", "McLeod"),
    ("pcs", "PCS"),
    ("project44", "project44"),
    ("tmw", "TMW"),
    ("wex", "WEX"),
];

/// A vendor's name: as it came, or what a word such as `relay_payments` stands for: `Relay Payments`.
pub(crate) fn vendor(word: &str) -> String {
    if word.contains(char::is_uppercase) || word.contains(' ') {
        return word.to_owned();
    }
    let name = |part: &str| match VENDORS.iter().find(|(known, _)| *known == part) {
        Some((_, name)) => (*name).to_owned(),
        None => phrase(part),
    };
    word.split(['_', '-', '.']).filter(|part| !part.is_empty()).map(name).collect::<Vec<_>>().join(" ")
}

/// An open word such as `hos_violation` or `driveMinutes` as a phrase: `HOS violation`, `Drive minutes`.
pub(crate) fn phrase(word: &str) -> String {
    let mut phrase = String::with_capacity(word.len());
    for part in apart(word).split(['_', '-', ' ', '.']).filter(|part| !part.is_empty()) {
        let first = phrase.is_empty();
        if !first {
            phrase.push(' ');
        }
        let lower = part.to_lowercase();
        if ABBREVIATIONS.contains(&lower.as_str()) {
            phrase.push_str(&lower.to_uppercase());
        } else if first {
            let mut letters = lower.chars();
            phrase.extend(letters.next().into_iter().flat_map(char::to_uppercase));
            phrase.push_str(letters.as_str());
        } else {
            phrase.push_str(&lower);
        }
    }
    phrase
}

/// A word in camel case with its parts apart: `driveMinutes` becomes `drive Minutes`.
fn apart(word: &str) -> String {
    let mut text = String::with_capacity(word.len() + 4);
    let mut before = ' ';
    for letter in word.chars() {
        if before.is_lowercase() && letter.is_uppercase() {
            text.push(' ');
        }
        text.push(letter);
        before = letter;
    }
    text
}

/// A priority's word.
pub(crate) fn priority(priority: Priority) -> &'static str {
    match priority {
        Priority::Critical => "Critical",
        Priority::High => "High",
        Priority::Medium => "Medium",
        Priority::Low => "Low",
    }
}

/// An alert status's word.
pub(crate) fn alert_status(status: AlertStatus) -> &'static str {
    match status {
        AlertStatus::Active => "Active",
        AlertStatus::Acknowledged => "Acknowledged",
        AlertStatus::Snoozed => "Snoozed",
        AlertStatus::Resolved => "Resolved",
        AlertStatus::AutoResolved => "Auto-resolved",
    }
}

/// A plan status's word.
pub(crate) fn plan_status(status: PlanStatus) -> &'static str {
    match status {
        PlanStatus::Draft => "Draft",
        PlanStatus::Active => "Active",
        PlanStatus::Completed => "Completed",
        PlanStatus::Cancelled => "Cancelled",
        PlanStatus::Superseded => "Superseded",
    }
}

/// An ETA status's word.
pub(crate) fn eta_status(status: EtaStatus) -> &'static str {
    match status {
        EtaStatus::OnTime => "On time",
        EtaStatus::AtRisk => "At risk",
        EtaStatus::Late => "Late",
    }
}

/// A sync status's word.
pub(crate) fn sync_status(status: SyncStatus) -> &'static str {
    match status {
        SyncStatus::Running => "Running",
        SyncStatus::Success => "Done",
        SyncStatus::Failed => "Failed",
    }
}

/// A connection state's word on the wire, as in `data-state`.
pub(crate) fn link_state(link: &Link) -> &'static str {
    match link {
        Link::Closed => "closed",
        Link::Connecting => "connecting",
        Link::Live => "live",
        Link::Retrying { .. } => "retrying",
        Link::SignedOut { .. } => "signed_out",
        Link::Incompatible { .. } => "incompatible",
    }
}

/// A connection state's word for people.
pub(crate) fn link(link: &Link) -> &'static str {
    match link {
        Link::Closed => "Closed",
        Link::Connecting => "Connecting",
        Link::Live => "Live",
        Link::Retrying { .. } => "Reconnecting",
        Link::SignedOut { .. } => "Signed out",
        Link::Incompatible { .. } => "Incompatible",
    }
}

/// Why a connection is where it is, as far as there is a reason.
pub(crate) fn link_reason(link: &Link) -> Option<&str> {
    match link {
        Link::Retrying { reason, .. } | Link::SignedOut { reason } | Link::Incompatible { reason } => {
            Some(reason.as_str()).filter(|reason| !reason.is_empty())
        }
        Link::Closed | Link::Connecting | Link::Live => None,
    }
}

/// `1 alert`, `2 alerts`.
pub(crate) fn count(number: usize, one: &str, many: &str) -> String {
    format!("{} {}", thousands(number as u64), if number == 1 { one } else { many })
}

/// A number with its thousands apart: `12,480`.
pub(crate) fn thousands(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::with_capacity(digits.len() + digits.len() / 3);
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// An error's words as a sentence of their own.
pub(crate) fn sentence(words: &str) -> String {
    let mut letters = words.chars();
    letters.next().into_iter().flat_map(char::to_uppercase).chain(letters).chain(std::iter::once('.')).collect()
}

/// Up to two initials of a name, or the first letter of an id.
pub(crate) fn initials(name: &str) -> String {
    let mut words = name.split(|c: char| c.is_whitespace() || matches!(c, '.' | '_' | '-' | '@'));
    let first = words.find(|word| !word.is_empty()).and_then(|word| word.chars().next());
    let last = words.rfind(|word| !word.is_empty()).and_then(|word| word.chars().next());
    first.into_iter().chain(last).flat_map(char::to_uppercase).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn open_words_become_phrases() {
        for (word, text) in [
            ("hos_violation", "HOS violation"),
            ("vehicle-breakdown", "Vehicle breakdown"),
            ("late_ETA", "Late ETA"),
            ("in_progress", "In progress"),
            ("speedMph", "Speed mph"),
            ("HOS", "HOS"),
            ("", ""),
            ("_", ""),
            ("ärger", "Ärger"),
        ] {
            assert_eq!(phrase(word), text, "{word:?}");
        }
    }

    #[test]
    fn vendors_have_their_own_names() {
        for (word, name) in [
            ("samsara", "Samsara"),
            ("mcleod", "McLeod"),
            ("project44", "project44"),
            ("relay_payments", "Relay Payments"),
            ("dat-one", "DAT One"),
            ("McLeod Software", "McLeod Software"),
            ("KeepTruckin", "KeepTruckin"),
            ("", ""),
        ] {
            assert_eq!(vendor(word), name, "{word:?}");
        }
    }

    #[test]
    fn thousands_are_apart() {
        for (number, text) in [(0, "0"), (999, "999"), (1000, "1,000"), (1_234_567, "1,234,567")] {
            assert_eq!(thousands(number), text);
        }
        assert_eq!(count(1, "alert", "alerts"), "1 alert");
        assert_eq!(count(0, "alert", "alerts"), "0 alerts");
    }

    #[test]
    fn initials_are_the_first_and_the_last_words() {
        assert_eq!(initials("Maria del Carmen Ortiz"), "MO");
        assert_eq!(initials("driver-12"), "D1");
        assert_eq!(initials("émile"), "É");
        assert_eq!(initials("  "), "");
    }

    #[test]
    fn only_troubled_connections_have_a_reason() {
        assert_eq!(link_reason(&Link::Live), None);
        let retrying = Link::Retrying { in_ms: 10, reason: "The server is away.".into() };
        assert_eq!(link_reason(&retrying), Some("The server is away."));
        assert_eq!(link_reason(&Link::SignedOut { reason: String::new() }), None);
    }
}
