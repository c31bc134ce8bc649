//! Alerts that are marked, to be acted on together.

use std::collections::{BTreeMap, BTreeSet};

use sally_protocol::action::{ActionOutcome, AlertAction, MAX_BULK};
use sally_protocol::{Board, Id};

/// The marked alerts, and what was refused for which of them.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Marks {
    marked: BTreeSet<Id>,
    /// The alert that was marked or unmarked last, from which a range extends.
    anchor: Option<Id>,
    refused: BTreeMap<Id, String>,
}

impl Marks {
    /// Marks an alert, or takes its mark away.
    pub(crate) fn toggle(&mut self, id: Id) {
        self.refused.remove(&id);
        if !self.marked.remove(&id) {
            self.marked.insert(id.clone());
        }
        self.anchor = Some(id);
    }

    /// Marks all from the last one that was touched to `to`, in the order of `rows`.
    pub(crate) fn extend(&mut self, rows: &[Id], to: &Id) {
        let place = |id: &Id| rows.iter().position(|row| row == id);
        let Some(end) = place(to) else { return };
        let begin = self.anchor.as_ref().and_then(place).unwrap_or(end);
        self.marked.extend(rows[begin.min(end)..=begin.max(end)].iter().cloned());
        self.anchor = Some(to.clone());
    }

    /// Takes all marks away.
    pub(crate) fn clear(&mut self) {
        *self = Self::default();
    }

    /// Whether an alert is marked.
    pub(crate) fn has(&self, id: &Id) -> bool {
        self.marked.contains(id)
    }

    /// Whether none is.
    pub(crate) fn is_empty(&self) -> bool {
        self.marked.is_empty()
    }

    /// How many are.
    pub(crate) fn len(&self) -> usize {
        self.marked.len()
    }

    /// The marked alerts that an action can be done to, as they stand now: as many as one request takes.
    pub(crate) fn ready_for(&self, action: &AlertAction, board: &Board) -> Vec<Id> {
        let is_ready = |id: &&Id| board.alerts.get(*id).is_some_and(|alert| action.is_allowed(alert.status));
        self.marked.iter().filter(is_ready).take(MAX_BULK).cloned().collect()
    }

    /// Forgets alerts that have ended or are no longer known: they are in the list no more.
    pub(crate) fn keep_open(&mut self, board: &Board) {
        let is_open = |id: &Id| board.alerts.get(id).is_some_and(|alert| !alert.status.is_resolved());
        self.marked.retain(is_open);
        self.refused.retain(|id, _| is_open(id));
    }

    /// Takes in what became of them: done ones lose their mark, the others keep it with the reason.
    pub(crate) fn answered(&mut self, outcomes: &[ActionOutcome]) {
        for ActionOutcome { id, error } in outcomes {
            match error {
                None => {
                    self.marked.remove(id);
                    self.refused.remove(id);
                }
                Some(problem) => {
                    let reason = problem.detail.clone().unwrap_or_else(|| problem.title.clone());
                    self.refused.insert(id.clone(), reason);
                }
            }
        }
    }

    /// Why nothing could be done to an alert that is still marked.
    pub(crate) fn refusal(&self, id: &Id) -> Option<&str> {
        self.refused.get(id).filter(|_| self.has(id)).map(String::as_str)
    }
}

/// A sentence on those that it couldn't be done to, if there are any.
pub(crate) fn summary(action: &AlertAction, outcomes: &[ActionOutcome]) -> Option<String> {
    let done = match action {
        AlertAction::Acknowledge => "acknowledged",
        AlertAction::Unacknowledge => "given back",
        AlertAction::Snooze { .. } => "snoozed",
        AlertAction::Assign { .. } => "assigned",
        AlertAction::Resolve => "resolved",
        AlertAction::Reopen => "reopened",
    };
    let refused: Vec<_> = outcomes.iter().filter_map(|outcome| outcome.error.as_ref()).collect();
    let first = refused.first()?;
    Some(match (refused.len(), outcomes.len()) {
        (1, 1) => format!("The alert couldn't be {done}. {first}."),
        (failed, all) if failed == all => format!("None of the {all} alerts could be {done}. {first}."),
        (failed, all) => {
            format!("{failed} of {all} alerts couldn't be {done}. They are still marked, each with the reason.")
        }
    })
}

#[cfg(test)]
mod tests {
    use sally_protocol::Problem;
    use sally_protocol::stream::Frame;
    use serde_json::json;

    use super::*;

    fn id(text: &str) -> Id {
        Id::parse(text).expect("an id")
    }

    fn rows() -> Vec<Id> {
        ["a", "b", "c", "d"].map(id).to_vec()
    }

    fn marked(marks: &Marks) -> Vec<&str> {
        marks.marked.iter().map(Id::as_str).collect()
    }

    fn board(alerts: &[(&str, &str)]) -> Board {
        let mut board = Board::default();
        for (id, status) in alerts {
            let data = json!({ "alert": { "id": id, "priority": "high", "status": status } });
            board.apply(&Frame::Event { kind: "new_alert".into(), data });
        }
        board
    }

    fn refused(name: &str) -> ActionOutcome {
        let problem =
            Problem { detail: Some("the alert is snoozed".into()), ..Problem::new(409, "wrong_state", "Conflict") };
        ActionOutcome { id: id(name), error: Some(problem) }
    }

    fn done(name: &str) -> ActionOutcome {
        ActionOutcome { id: id(name), error: None }
    }

    #[test]
    fn a_range_extends_from_the_last_one_touched_either_way() {
        let mut marks = Marks::default();
        marks.toggle(id("c"));
        marks.extend(&rows(), &id("a"));
        assert_eq!(marked(&marks), ["a", "b", "c"]);
        marks.toggle(id("b"));
        marks.extend(&rows(), &id("d"));
        assert_eq!(marked(&marks), ["a", "b", "c", "d"]);
        marks.clear();
        marks.extend(&rows(), &id("d"));
        assert_eq!(marked(&marks), ["d"], "without a beginning it is one");
        marks.extend(&rows(), &id("gone"));
        assert_eq!(marked(&marks), ["d"]);
    }

    #[test]
    fn an_action_is_for_those_that_allow_it_as_they_stand_now() {
        let board = board(&[("a", "active"), ("b", "acknowledged"), ("c", "snoozed"), ("d", "resolved")]);
        let mut marks = Marks::default();
        rows().into_iter().chain([id("gone")]).for_each(|row| marks.toggle(row));
        let ready = |action| marks.ready_for(&action, &board).iter().map(ToString::to_string).collect::<Vec<_>>();
        assert_eq!(ready(AlertAction::Acknowledge), ["a"]);
        assert_eq!(ready(AlertAction::Snooze { minutes: 15 }), ["a", "b"]);
        assert_eq!(ready(AlertAction::Resolve), ["a", "b", "c"]);
        marks.keep_open(&board);
        assert_eq!(marked(&marks), ["a", "b", "c"]);
    }

    #[test]
    fn one_request_takes_a_bounded_number_of_them() {
        let names: Vec<String> = (0..=MAX_BULK).map(|n| format!("a{n}")).collect();
        let board = board(&names.iter().map(|name| (name.as_str(), "active")).collect::<Vec<_>>());
        let mut marks = Marks::default();
        names.iter().for_each(|name| marks.toggle(id(name)));
        assert_eq!((marks.len(), marks.ready_for(&AlertAction::Resolve, &board).len()), (MAX_BULK + 1, MAX_BULK));
    }

    #[test]
    fn what_was_refused_stays_marked_with_the_reason() {
        let mut marks = Marks::default();
        ["a", "b"].map(id).into_iter().for_each(|row| marks.toggle(row));
        marks.answered(&[done("a"), refused("b")]);
        assert_eq!((marked(&marks), marks.refusal(&id("b"))), (vec!["b"], Some("the alert is snoozed")));
        marks.answered(&[done("b")]);
        assert_eq!((marks.is_empty(), marks.refusal(&id("b"))), (true, None));
        marks.toggle(id("b"));
        marks.answered(&[refused("b")]);
        marks.toggle(id("b"));
        assert_eq!(marks.refusal(&id("b")), None, "whoever takes the mark away has read it");
    }

    #[test]
    fn only_what_failed_is_worth_a_sentence() {
        let told = |outcomes: &[ActionOutcome]| summary(&AlertAction::Resolve, outcomes);
        assert_eq!(told(&[done("a"), done("b")]), None);
        assert_eq!(
            told(&[done("a"), refused("b")]).as_deref(),
            Some("1 of 2 alerts couldn't be resolved. They are still marked, each with the reason.")
        );
        assert_eq!(
            told(&[refused("a"), refused("b")]).as_deref(),
            Some("None of the 2 alerts could be resolved. Conflict: the alert is snoozed.")
        );
        assert_eq!(
            told(&[refused("a")]).as_deref(),
            Some("The alert couldn't be resolved. Conflict: the alert is snoozed.")
        );
    }
}
