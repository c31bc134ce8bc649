//! What is done to alerts, one or several. The board changes by the events that follow.

use leptos::prelude::*;
use leptos::task::spawn_local;
use sally_protocol::Id;
use sally_protocol::action::AlertAction;

use super::desk::Desk;
use crate::commands;
use crate::model::marks::summary;

impl Desk {
    /// Acts on an alert.
    pub(crate) fn act(self, alert: Id, action: AlertAction) {
        let Some(alerts) = self.begin(vec![alert]) else { return };
        spawn_local(async move {
            let answer = commands::alert_action(&alerts[0], &action).await;
            self.end(&alerts);
            if let Err(error) = answer {
                self.notify(error.message);
            }
        });
    }

    /// Acts on those of the marked alerts that allow it, with one request. What could not be done stays
    /// marked, with the reason in its row.
    pub(crate) fn act_on_marked(self, action: AlertAction) {
        let Some(alerts) = self.begin(untrack(|| self.ready_for(&action))) else { return };
        spawn_local(async move {
            let answer = commands::alert_actions(&alerts, &action).await;
            self.end(&alerts);
            match answer {
                Ok(outcomes) => {
                    self.marks.update(|marks| marks.answered(&outcomes));
                    summary(&action, &outcomes).into_iter().for_each(|text| self.notify(text));
                }
                Err(error) => self.notify(error.message),
            }
        });
    }

    /// The marked alerts that allow an action.
    pub(crate) fn ready_for(self, action: &AlertAction) -> Vec<Id> {
        self.board.with(|board| self.marks.with(|marks| marks.ready_for(action, board)))
    }

    /// Those of the alerts that nothing is being done to, which something now is; `None` for none.
    fn begin(self, alerts: Vec<Id>) -> Option<Vec<Id>> {
        let acting = self.acting.get_untracked();
        let free: Vec<Id> = alerts.into_iter().filter(|alert| !acting.contains(alert)).collect();
        if free.is_empty() {
            return None;
        }
        self.acting.update(|acting| acting.extend(free.iter().cloned()));
        Some(free)
    }

    fn end(self, alerts: &[Id]) {
        self.acting.update(|acting| acting.retain(|known| !alerts.contains(known)));
    }
}
