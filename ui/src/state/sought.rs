//! Opening a conversation at a message in it.

use leptos::prelude::*;
use leptos::task::spawn_local;
use sally_protocol::Id;

use super::desk::Load;
use super::inbox::Inbox;
use crate::model::thread::Step;

/// How many pages are fetched at the most for one message; whoever asks again goes on from there.
const PAGES: usize = 40;

/// The message at which a conversation was opened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Sought {
    /// The conversation.
    pub(crate) conversation: Id,
    /// The message's place in it.
    pub(crate) seq: u64,
    /// Which of all times that one was asked for, so that the same can be asked for again.
    time: u64,
}

impl Sought {
    /// Whether it is this message.
    pub(crate) fn is(&self, conversation: &Id, seq: u64) -> bool {
        self.conversation == *conversation && self.seq == seq
    }
}

impl Inbox {
    /// Opens a conversation at a message: what lies between it and the newest is fetched, so that the
    /// thread stays one without holes.
    pub(crate) fn show_at(self, conversation: Id, seq: u64) {
        self.show(conversation.clone());
        let time = self.sought.with_untracked(|sought| sought.as_ref().map_or(0, |sought| sought.time + 1));
        let sought = Sought { conversation, seq, time };
        self.sought.set(Some(sought.clone()));
        spawn_local(async move { self.fetch_up_to(&sought).await });
    }

    async fn fetch_up_to(self, sought: &Sought) {
        let Sought { conversation, seq, .. } = sought;
        for _ in 0..PAGES {
            let step = self.threads.with_untracked(|threads| {
                threads.get(conversation).map_or(Step::Newest, |thread| thread.step_to(*seq))
            });
            let before = match step {
                Step::There => break,
                Step::Newest => None,
                Step::Older(oldest) => Some(oldest),
            };
            self.older.set(Load::Loading);
            let answer = self.fetch_page(conversation, before).await;
            // Whoever has gone elsewhere meanwhile has taken the state of the fetching along.
            if self.sought.with_untracked(|now| now.as_ref() != Some(sought)) {
                return;
            }
            if let Err(error) = answer {
                return self.older.set(Load::Failed(error));
            }
        }
        self.older.set(Load::Ready);
    }
}
