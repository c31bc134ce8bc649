//! Who looks after which conversation: heard, and said.

use leptos::prelude::*;
use leptos::task::spawn_local;
use sally_protocol::Id;
use sally_protocol::team::{Assignment, TeamMember};

use super::desk::{Desk, Load};
use super::inbox::Inbox;
use super::preference::Preference;
use crate::commands;
use crate::model::assignment::{Heard, Whose, apply, hear};

/// Who may look after conversations, and which are listed by who does. A bundle of signals.
#[derive(Clone, Copy)]
pub(crate) struct Assignments {
    /// The dispatch team, as it was fetched last.
    pub(crate) team: RwSignal<Vec<TeamMember>>,
    /// How the fetching of the team stands.
    pub(crate) load: RwSignal<Load>,
    /// Whose conversations are listed.
    pub(crate) whose: RwSignal<Whose>,
    /// Whether it is being chosen who looks after the open conversation.
    pub(crate) choosing: RwSignal<bool>,
    /// Conversations that are being given to somebody.
    pub(crate) giving: RwSignal<Vec<Id>>,
    /// What has been heard since the list of conversations was asked for last.
    pub(super) heard: StoredValue<Heard>,
}

impl Assignments {
    /// Nobody is known, and the list is as it was chosen last.
    pub(super) fn new() -> Self {
        Self {
            team: RwSignal::default(),
            load: RwSignal::default(),
            whose: RwSignal::new(Whose::parse(&Preference::Conversations.load())),
            choosing: RwSignal::default(),
            giving: RwSignal::default(),
            heard: StoredValue::default(),
        }
    }

    /// Forgets the team, for the next user.
    pub(super) fn forget(self) {
        self.team.set(Vec::new());
        self.load.set(Load::Idle);
        self.choosing.set(false);
        self.giving.set(Vec::new());
        self.heard.set_value(Heard::new());
    }

    /// Lists other conversations, also after the next start.
    pub(crate) fn list(self, whose: Whose) {
        self.whose.set(whose);
        Preference::Conversations.save(whose.word());
    }

    /// Lists the next of all, one's own, and those that nobody has.
    pub(crate) fn list_next(self) {
        self.list(self.whose.get_untracked().next());
    }

    /// Fetches who is of the team.
    pub(crate) fn fetch_team(self) {
        if self.load.get_untracked() == Load::Loading {
            return;
        }
        self.load.set(Load::Loading);
        spawn_local(async move {
            let answer = commands::team().await;
            match answer {
                Ok(answer) => {
                    self.team.set(answer.members);
                    self.load.set(Load::Ready);
                }
                Err(error) => self.load.set(Load::Failed(error)),
            }
        });
    }
}

impl Inbox {
    /// Takes in who looks after a conversation.
    pub(super) fn assigned(self, assignment: &Assignment) {
        let is_news = self.assignments.heard.try_update_value(|heard| hear(heard, assignment)).unwrap_or_default();
        if is_news {
            self.conversations.update(|list| {
                let known = list.iter_mut().find(|known| known.conversation_id == assignment.conversation_id);
                known.into_iter().for_each(|known| apply(known, assignment));
            });
        }
    }
}

impl Desk {
    /// Gives a conversation to one of the team, or to nobody.
    pub(crate) fn assign(self, conversation: Id, assignee: Option<Id>) {
        let giving = self.inbox.assignments.giving;
        if giving.with_untracked(|giving| giving.contains(&conversation)) {
            return;
        }
        giving.update(|giving| giving.push(conversation.clone()));
        spawn_local(async move {
            let answer = commands::assign(&conversation, assignee.as_ref()).await;
            giving.update(|giving| giving.retain(|known| *known != conversation));
            match answer {
                Ok(assignment) => self.inbox.assigned(&assignment),
                Err(error) => self.notify(error.message),
            }
        });
    }
}
