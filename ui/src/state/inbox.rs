//! Conversations with drivers: what is known of them, and what is said in them.

use std::collections::{BTreeMap, BTreeSet};

use leptos::prelude::*;
use leptos::task::spawn_local;
use sally_protocol::Id;
use sally_protocol::desktop::CommandError;
use sally_protocol::message::Conversation;

use super::acknowledgements::Acknowledged;
use super::assignment::Assignments;
use super::broadcast::Broadcast;
use super::desk::Load;
use super::door::Door;
use super::link::Link;
use super::notes::TeamNotes;
use super::search::Search;
use super::sought::Sought;
use super::templates::Templates;
use super::tray::Tray;
use crate::commands;
use crate::model::assignment::Heard;
use crate::model::conversations::{self, Typists};
use crate::model::notebook::Notebook;
use crate::model::thread::Thread;

/// What is being written in a conversation.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Draft {
    /// The text so far.
    pub(crate) text: String,
    /// Whether it is urgent.
    pub(crate) urgent: bool,
    /// Whether the reader is to acknowledge it.
    pub(crate) requires_ack: bool,
    /// What it is about.
    pub(crate) subject: Option<Subject>,
    /// Whether it becomes a note, which the driver never sees, and no message.
    pub(crate) is_note: bool,
}

/// What a message is about.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Subject {
    /// An alert.
    Alert {
        /// The alert.
        id: Id,
        /// Its title.
        title: String,
    },
    /// A route.
    Route {
        /// The plan.
        plan: Id,
    },
}

impl Subject {
    /// The alert and the route that a message names.
    pub(super) fn ids(subject: Option<&Self>) -> (Option<Id>, Option<Id>) {
        match subject {
            Some(Self::Alert { id, .. }) => (Some(id.clone()), None),
            Some(Self::Route { plan }) => (None, Some(plan.clone())),
            None => (None, None),
        }
    }
}

/// Everything about messages. A bundle of signals, as the desk is.
#[derive(Clone, Copy)]
pub(crate) struct Inbox {
    /// The messaging connection.
    pub(crate) link: RwSignal<Link>,
    /// What opens and closes it.
    pub(crate) door: Door,
    /// The conversations, in no order.
    pub(crate) conversations: RwSignal<Vec<Conversation>>,
    /// Those of them that the server has listed. Another may be of somebody whom it doesn't know.
    pub(crate) listed: RwSignal<BTreeSet<Id>>,
    /// How the list of conversations stands.
    pub(crate) list: RwSignal<Load>,
    /// The conversation that is open.
    pub(crate) open: RwSignal<Option<Id>>,
    /// The message at which a conversation was opened.
    pub(crate) sought: RwSignal<Option<Sought>>,
    /// The search in all messages.
    pub(crate) search: Search,
    /// The first message that had not been read when it was opened.
    pub(crate) unread_from: RwSignal<Option<u64>>,
    /// The messages of conversations that have been opened or spoken in.
    pub(crate) threads: RwSignal<BTreeMap<Id, Thread>>,
    /// How the newest page of each thread stands.
    pub(crate) pages: RwSignal<BTreeMap<Id, Load>>,
    /// How the fetching of older messages stands in the open conversation.
    pub(crate) older: RwSignal<Load>,
    /// Who types where.
    pub(crate) typists: RwSignal<Typists>,
    /// What is being written where.
    pub(crate) drafts: RwSignal<BTreeMap<Id, Draft>>,
    /// What the core didn't take, and why: in which conversation, and a sentence.
    pub(crate) not_taken: RwSignal<Option<(Id, String)>>,
    /// The dispatch team's notes.
    pub(crate) notes: TeamNotes,
    /// Who of the team looks after which conversation.
    pub(crate) assignments: Assignments,
    /// What is written to several drivers.
    pub(crate) broadcast: Broadcast,
    /// Who has acknowledged what the team has sent.
    pub(crate) acknowledged: Acknowledged,
    /// The quick replies that the dispatch team shares.
    pub(crate) templates: Templates,
    /// What is written, on its way to the core.
    pub(super) tray: Tray,
    /// Up to where the server knows that conversations have been read.
    pub(super) marked: StoredValue<BTreeMap<Id, u64>>,
    /// How often the list of conversations was asked for.
    asked: StoredValue<u64>,
    /// Who has come or gone since it was asked for last.
    pub(super) heard: StoredValue<BTreeMap<Id, bool>>,
}

impl Inbox {
    /// An empty inbox behind a closed door.
    pub(crate) fn new() -> Self {
        Self {
            link: RwSignal::new(Link::closed()),
            door: Door::new(),
            conversations: RwSignal::default(),
            listed: RwSignal::default(),
            list: RwSignal::default(),
            open: RwSignal::default(),
            sought: RwSignal::default(),
            search: Search::new(),
            unread_from: RwSignal::default(),
            threads: RwSignal::default(),
            pages: RwSignal::default(),
            older: RwSignal::default(),
            typists: RwSignal::default(),
            drafts: RwSignal::default(),
            not_taken: RwSignal::default(),
            notes: TeamNotes::new(),
            assignments: Assignments::new(),
            broadcast: Broadcast::new(),
            acknowledged: Acknowledged::new(),
            templates: Templates::new(),
            tray: Tray::new(),
            marked: StoredValue::default(),
            asked: StoredValue::default(),
            heard: StoredValue::default(),
        }
    }

    /// Forgets everything, for the next user.
    pub(crate) fn forget(self) {
        self.door.forget();
        self.tray.forget();
        self.conversations.set(Vec::new());
        self.listed.set(BTreeSet::new());
        self.list.set(Load::Idle);
        self.open.set(None);
        self.sought.set(None);
        self.search.look_for(String::new());
        self.threads.set(BTreeMap::new());
        self.pages.set(BTreeMap::new());
        self.typists.set(Typists::new());
        self.drafts.set(BTreeMap::new());
        self.not_taken.set(None);
        self.notes.forget();
        self.assignments.forget();
        self.broadcast.forget();
        self.acknowledged.forget();
        self.templates.forget();
        self.marked.set_value(BTreeMap::new());
    }

    /// Enters the messaging view.
    pub(crate) fn enter(self) {
        self.door.open();
        self.refresh();
    }

    /// Leaves the messaging view.
    pub(crate) fn leave(self) {
        self.stop_typing();
        self.search.look_for(String::new());
        self.assignments.choosing.set(false);
        self.door.close();
    }

    /// Fetches the list of conversations, and the newest messages of the open one.
    pub(crate) fn refresh(self) {
        self.fetch_conversations();
        if let Some(open) = self.open.get_untracked() {
            self.fetch_newest(open);
        }
    }

    /// Opens a conversation.
    pub(crate) fn show(self, conversation: Id) {
        if self.open.with_untracked(|open| open.as_ref() == Some(&conversation)) {
            return;
        }
        self.stop_typing();
        let unread_from = self.conversations.with_untracked(|list| {
            let known = list.iter().find(|known| known.conversation_id == conversation)?;
            let last = known.last_message.as_ref()?;
            (last.seq > known.read_seq && last.sender_id == conversation).then_some(known.read_seq + 1)
        });
        self.assignments.choosing.set(false);
        self.unread_from.set(unread_from);
        self.older.set(Load::Idle);
        self.sought.set(None);
        self.open.set(Some(conversation.clone()));
        self.fetch_newest(conversation);
    }

    /// How many messages and notes wait to be sent or for a decision, all conversations together.
    pub(crate) fn unsent_count(self) -> usize {
        let to_one: usize = self.threads.with(|threads| threads.values().map(Thread::outgoing_count).sum());
        to_one + self.broadcast.unsent.read().len() + self.notes.failed_count()
    }

    /// Closes the open conversation.
    pub(crate) fn close(self) {
        self.stop_typing();
        self.open.set(None);
        self.sought.set(None);
    }

    /// Opens the conversation with a driver, whose name may be known, to write about a subject.
    pub(crate) fn write_about(self, driver: &Id, name: Option<String>, subject: Subject) {
        self.conversations.update(|list| conversations::ensure(list, driver, name));
        self.drafts.update(|drafts| {
            let draft = drafts.entry(driver.clone()).or_default();
            draft.subject = Some(subject);
            // The text of a note becomes no message by itself.
            draft.is_note &= !draft.text.trim().is_empty();
        });
        self.show(driver.clone());
    }

    /// Fetches the messages before the oldest one of the open conversation.
    pub(crate) fn fetch_older(self) {
        let Some(open) = self.open.get_untracked().filter(|_| self.older.get_untracked() != Load::Loading) else {
            return;
        };
        let oldest = self
            .threads
            .with_untracked(|threads| threads.get(&open).filter(|thread| thread.has_more()).and_then(Thread::oldest));
        // Where there is no older message there may be older notes.
        let notes = || self.notes.books.with_untracked(|books| books.get(&open).is_some_and(Notebook::has_more));
        if oldest.is_none() && !notes() {
            return;
        }
        self.older.set(Load::Loading);
        spawn_local(async move {
            let state = match oldest {
                Some(oldest) => self.fetch_page(&open, Some(oldest)).await.map_or_else(Load::Failed, |()| Load::Ready),
                None => {
                    self.notes.fetch_older(&open).await;
                    Load::Ready
                }
            };
            if self.open.get_untracked() == Some(open) {
                self.older.set(state);
            }
        });
    }

    /// Fetches the list of conversations. Of several questions in flight the last one's answer counts.
    pub(super) fn fetch_conversations(self) {
        let asked = self.asked.get_value() + 1;
        self.asked.set_value(asked);
        self.heard.set_value(BTreeMap::new());
        self.assignments.heard.set_value(Heard::new());
        self.list.set(Load::Loading);
        spawn_local(async move {
            let answer = commands::conversations().await;
            if self.asked.get_value() != asked {
                return;
            }
            match answer {
                Ok(answer) => {
                    let listed = answer.conversations.iter().map(|known| known.conversation_id.clone());
                    self.listed.set(listed.collect());
                    self.conversations.update(|list| {
                        let before = list.clone();
                        let (online, assigned) = (self.heard.get_value(), self.assignments.heard.get_value());
                        conversations::renew(list, answer.conversations, &online, &assigned);
                        // Whoever is being written to for the first time isn't in the server's list yet.
                        for known in before.into_iter().filter(|known| self.is_written_to(&known.conversation_id)) {
                            conversations::ensure(list, &known.conversation_id, known.name);
                        }
                    });
                    self.list.set(Load::Ready);
                }
                Err(error) => self.list.set(Load::Failed(error)),
            }
        });
    }

    fn is_written_to(self, conversation: &Id) -> bool {
        self.open.with_untracked(|open| open.as_ref() == Some(conversation))
            || self.threads.with_untracked(|threads| threads.get(conversation).is_some_and(Thread::has_outgoing))
            || self
                .notes
                .books
                .with_untracked(|books| books.get(conversation).is_some_and(|book| book.failed_count() > 0))
    }

    /// Fetches the newest page of a conversation, which waits for no notes, or the one before a place in it,
    /// whose notes are fetched first, so that both are shown at once.
    ///
    /// # Errors
    ///
    /// The core's. Notes that could not be fetched are told of on their own.
    pub(super) async fn fetch_page(self, conversation: &Id, before: Option<u64>) -> Result<(), CommandError> {
        let page = commands::history(conversation, before).await?;
        let oldest = page.messages.first().map(|first| first.message.timestamp);
        let store = |page, newest| {
            self.threads.update(|threads| threads.entry(conversation.clone()).or_default().page(page, newest));
        };
        let fetch_notes = async || {
            if let Some(since) = oldest {
                self.notes.fetch_since(conversation, since).await;
            }
        };
        if before.is_some() {
            fetch_notes().await;
            store(page, false);
        } else {
            store(page, true);
            // The messages are there: whatever is missed from here on is fetched anew.
            self.pages.update(|pages| drop(pages.insert(conversation.clone(), Load::Ready)));
            self.notes.fetch_newest(conversation).await;
            fetch_notes().await;
        }
        Ok(())
    }

    /// Fetches the newest messages of a conversation.
    pub(crate) fn fetch_newest(self, conversation: Id) {
        self.pages.update(|pages| {
            pages.insert(conversation.clone(), Load::Loading);
        });
        spawn_local(async move {
            let state = self.fetch_page(&conversation, None).await.map_or_else(Load::Failed, |()| Load::Ready);
            self.pages.update(|pages| {
                pages.insert(conversation, state);
            });
        });
    }
}
