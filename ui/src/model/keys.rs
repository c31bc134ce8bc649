//! The keyboard: which key does what, and the list that `?` shows.

use crate::state::View;

/// What a key asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Action {
    /// Show a view.
    Show(View),
    /// Go to the next row.
    Down,
    /// Go to the row before.
    Up,
    /// Go to the first row.
    First,
    /// Go to the last row.
    Last,
    /// Go to the filter.
    Filter,
    /// Take one step back.
    Back,
    /// Acknowledge the selected alert.
    Acknowledge,
    /// Resolve the selected alert.
    Resolve,
    /// Choose for how long the selected alert is snoozed.
    Snooze,
    /// Take the acknowledgement of the selected alert back.
    Unacknowledge,
    /// Begin the selected alert anew.
    Reopen,
    /// Choose who is to deal with the selected alert.
    AssignAlert,
    /// Mark the selected alert, or take its mark away.
    Mark,
    /// Mark everything from the last mark to the selected alert.
    MarkTo,
    /// Write to the selected alert's driver, or in the open conversation.
    Message,
    /// Leave a note in the open conversation.
    Note,
    /// Choose who looks after the open conversation.
    Assign,
    /// List all conversations, the viewer's, or those that nobody has: the next of these.
    Whose,
    /// Let waiting rows in.
    ShowNew,
    /// Write to several drivers.
    Broadcast,
    /// Look at what is to be acknowledged.
    Awaited,
    /// Look after quick replies.
    Templates,
    /// Change the theme.
    Theme,
    /// Show the list of keys.
    Keys,
}

/// A key press, as far as it matters here.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Press<'a> {
    /// `KeyboardEvent.key`.
    pub(crate) key: &'a str,
    /// Whether Control, Alt or the system key is down: then the press belongs to the system.
    pub(crate) modified: bool,
    /// Whether somebody is writing: then letters are text.
    pub(crate) writing: bool,
    /// The view that is shown: some letters mean something else in each.
    pub(crate) view: View,
}

/// What a key press asks for, if anything.
pub(crate) fn action(press: Press<'_>) -> Option<Action> {
    if press.modified {
        return None;
    }
    if press.writing {
        return (press.key == "Escape").then_some(Action::Back);
    }
    let own = match press.view {
        View::Alerts => on_alerts(press.key),
        View::Messages => on_messages(press.key),
        View::Routes => (press.key == "m").then_some(Action::Message),
        View::Integrations => None,
    };
    own.or_else(|| everywhere(press.key))
}

fn everywhere(key: &str) -> Option<Action> {
    Some(match key {
        "1" => Action::Show(View::Alerts),
        "2" => Action::Show(View::Routes),
        "3" => Action::Show(View::Integrations),
        "4" => Action::Show(View::Messages),
        "j" | "ArrowDown" => Action::Down,
        "k" | "ArrowUp" => Action::Up,
        "Home" => Action::First,
        "End" => Action::Last,
        "/" => Action::Filter,
        "Escape" => Action::Back,
        "t" => Action::Theme,
        "?" => Action::Keys,
        _ => return None,
    })
}

fn on_alerts(key: &str) -> Option<Action> {
    Some(match key {
        "a" => Action::Acknowledge,
        // A capital on purpose: a slip of the finger must not end an alert.
        "R" => Action::Resolve,
        "z" => Action::Snooze,
        "A" => Action::Unacknowledge,
        "O" => Action::Reopen,
        "s" => Action::AssignAlert,
        "x" => Action::Mark,
        "X" => Action::MarkTo,
        "m" => Action::Message,
        "n" => Action::ShowNew,
        _ => return None,
    })
}

fn on_messages(key: &str) -> Option<Action> {
    Some(match key {
        "a" => Action::Assign,
        "m" => Action::Message,
        "n" => Action::Note,
        "b" => Action::Broadcast,
        "w" => Action::Awaited,
        "q" => Action::Templates,
        "f" => Action::Whose,
        _ => return None,
    })
}

/// Whether a key press switches between a message and a note while somebody writes.
pub(crate) fn switches_to_note(key: &str, command: bool) -> bool {
    command && key.eq_ignore_ascii_case("n")
}

/// One line of the list of keys.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Line {
    /// The keys, any of which does.
    pub(crate) keys: &'static [&'static str],
    /// What they do.
    pub(crate) does: &'static str,
}

/// The list of keys, by topic.
pub(crate) const KEYS: &[(&str, &[Line])] = &[
    (
        "Everywhere",
        &[
            Line { keys: &["1", "2", "3", "4"], does: "Alerts, routes, integrations, messages" },
            Line { keys: &["j", "↓"], does: "Next row" },
            Line { keys: &["k", "↑"], does: "Row before" },
            Line { keys: &["Home", "End"], does: "First row, last row" },
            Line { keys: &["Enter"], does: "Open the row" },
            Line { keys: &["/"], does: "Filter" },
            Line { keys: &["Esc"], does: "One step back" },
            Line { keys: &["t"], does: "Change the theme" },
            Line { keys: &["?"], does: "This list" },
        ],
    ),
    (
        "Alerts",
        &[
            Line { keys: &["a"], does: "Acknowledge" },
            Line { keys: &["Shift R"], does: "Resolve" },
            Line { keys: &["z"], does: "Snooze" },
            Line { keys: &["s"], does: "Assign to somebody of the team" },
            Line { keys: &["Shift A"], does: "Take the acknowledgement back" },
            Line { keys: &["Shift O"], does: "Reopen" },
            Line { keys: &["x"], does: "Mark; a, Shift R and z then act on all marked" },
            Line { keys: &["Shift X"], does: "Mark from the last mark to here" },
            Line { keys: &["m"], does: "Message the driver" },
            Line { keys: &["n"], does: "Show new alerts" },
        ],
    ),
    ("Routes", &[Line { keys: &["m"], does: "Message the driver about the route" }]),
    (
        "Messages",
        &[
            Line { keys: &["/"], does: "Find conversations and messages" },
            Line { keys: &["m"], does: "Write a message" },
            Line { keys: &["n"], does: "Leave a note for the team" },
            Line { keys: &["a"], does: "Assign the conversation" },
            Line { keys: &["f"], does: "List all, mine, unassigned" },
            Line { keys: &["Ctrl N"], does: "Message or note, while writing" },
            Line { keys: &["b"], does: "New broadcast" },
            Line { keys: &["w"], does: "Awaiting acknowledgement" },
            Line { keys: &["q"], does: "Quick replies" },
            Line { keys: &["/"], does: "At the start of a message: use a quick reply" },
            Line { keys: &["Enter"], does: "Send" },
            Line { keys: &["Shift Enter"], does: "New line" },
            Line { keys: &["Esc"], does: "Leave the text, then the conversation" },
        ],
    ),
];

#[cfg(test)]
mod tests {
    use super::*;

    fn press(key: &str) -> Press<'_> {
        Press { key, modified: false, writing: false, view: View::Alerts }
    }

    #[test]
    fn letters_are_text_while_somebody_writes() {
        assert_eq!(action(press("a")), Some(Action::Acknowledge));
        assert_eq!(action(Press { writing: true, ..press("a") }), None);
        assert_eq!(action(Press { writing: true, ..press("Escape") }), Some(Action::Back));
    }

    #[test]
    fn the_systems_own_combinations_are_left_alone() {
        assert_eq!(action(Press { modified: true, ..press("a") }), None);
        assert_eq!(action(Press { modified: true, ..press("Escape") }), None);
    }

    #[test]
    fn resolving_takes_a_capital() {
        assert_eq!(action(press("r")), None);
        assert_eq!(action(press("R")), Some(Action::Resolve));
    }

    #[test]
    fn a_step_back_takes_a_capital_and_a_mark_does_not() {
        assert_eq!(action(press("A")), Some(Action::Unacknowledge));
        assert_eq!(action(press("O")), Some(Action::Reopen));
        assert_eq!(action(press("o")), None);
        assert_eq!((action(press("x")), action(press("X"))), (Some(Action::Mark), Some(Action::MarkTo)));
        assert_eq!(action(Press { view: View::Messages, ..press("x") }), None);
    }

    #[test]
    fn letters_mean_what_the_view_makes_of_them() {
        let pressed = |key, view| action(Press { view, ..press(key) });
        assert_eq!(pressed("a", View::Messages), Some(Action::Assign));
        assert_eq!(pressed("n", View::Messages), Some(Action::Note));
        assert_eq!(pressed("n", View::Alerts), Some(Action::ShowNew));
        assert_eq!(pressed("f", View::Messages), Some(Action::Whose));
        assert_eq!(pressed("R", View::Messages), None);
        assert_eq!(pressed("a", View::Routes), None);
        assert_eq!(pressed("t", View::Messages), Some(Action::Theme));
    }

    #[test]
    fn every_single_key_of_the_list_does_something() {
        let own = ["Enter", "Shift Enter", "Ctrl N"];
        for (topic, lines) in KEYS {
            let view = if *topic == "Messages" { View::Messages } else { View::Alerts };
            for key in lines.iter().flat_map(|line| line.keys).filter(|key| !own.contains(key)) {
                let key = match *key {
                    "↓" => "ArrowDown",
                    "↑" => "ArrowUp",
                    "Esc" => "Escape",
                    key => key.strip_prefix("Shift ").unwrap_or(key),
                };
                assert!(action(Press { view, ..press(key) }).is_some(), "{key}");
            }
        }
    }
}
