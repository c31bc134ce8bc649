//! Hearing the other nodes, and whatever comes with time: the task behind presence and typing.

use std::time::Duration;

use sally_protocol::Id;
use sally_protocol::fleet::Side;
use sally_protocol::message::{DISPATCH, Typing};
use tokio::sync::mpsc;
use tokio::time::{Instant, MissedTickBehavior};
use tokio_util::sync::CancellationToken;

use super::audience::Audience;
use super::gateway::Gateway;
use super::peers::Notice;
use super::presence::REPEAT_PERIOD;
use super::socket::Socket;
use super::typing::Typist;
use crate::link::Heard;

/// How often it is looked at what time has changed: the other nodes learn so late who has come or
/// gone, and many who come at once are told of at once.
const BEAT: Duration = Duration::from_millis(250);

/// Attends to the other nodes and to time, until `stop`.
pub(super) async fn attend(gateway: Gateway, mut heard: mpsc::Receiver<Heard>, stop: CancellationToken) {
    let mut beat = tokio::time::interval(BEAT);
    let mut repeat = tokio::time::interval(REPEAT_PERIOD);
    for interval in [&mut beat, &mut repeat] {
        interval.set_missed_tick_behavior(MissedTickBehavior::Delay);
    }
    loop {
        tokio::select! {
            () = stop.cancelled() => break,
            Some(heard) = heard.recv() => gateway.hear(heard),
            _ = repeat.tick(), if !gateway.peers.are_none() => gateway.presences.repeat(),
            _ = beat.tick() => gateway.beat(),
        }
    }
    // The others learn at once that nobody is here any more.
    gateway.tell_who_is_here();
}

impl Gateway {
    fn hear(&self, heard: Heard) {
        let word = match heard {
            Heard::Connected => {
                self.presences.repeat();
                self.peers.tell(&Notice::Hello);
                return;
            }
            Heard::Word(word) => word,
        };
        let Some((node, notice)) = self.peers.read(&word) else { return };
        match notice {
            Notice::Grown { tenant, epoch, offset } => self.inbox.grown(tenant, Notice::head(epoch, offset)),
            Notice::Event { tenant, to, event, data } => self.emit(&tenant, &to, &event, &data, None),
            Notice::Online { tenant, people } => {
                let changes = self.presences.hear(node, &tenant, people, Instant::now());
                self.announce(&tenant, changes, None);
            }
            Notice::Typing { tenant, conversation, user, side, typing } => {
                let typist = Typist { tenant, conversation, user, side };
                if self.typists.hear(&typist, typing, Instant::now()) {
                    self.show_typing(&typist, typing, None);
                }
            }
            Notice::Hello => self.presences.repeat(),
        }
    }

    fn beat(&self) {
        self.tell_who_is_here();
        for (tenant, changes) in self.presences.forget(Instant::now()) {
            self.announce(&tenant, changes, None);
        }
        for typist in self.typists.fallen_silent(Instant::now()) {
            self.show_typing(&typist, false, None);
        }
    }

    /// Tells the other nodes what has changed, or is to be repeated, of who is connected here.
    fn tell_who_is_here(&self) {
        for (tenant, people) in self.presences.take_untold() {
            self.peers.tell(&Notice::Online { tenant, people });
        }
    }

    /// Takes note that somebody at this node types or has stopped, and tells whoever watches.
    pub(super) fn note_typing(&self, typist: Typist, typing: bool, from: Option<&Socket>) {
        if !self.typists.hear(&typist, typing, Instant::now()) {
            return;
        }
        self.show_typing(&typist, typing, from);
        let Typist { tenant, conversation, user, side } = typist;
        self.peers.tell(&Notice::Typing { tenant, conversation, user, side, typing });
    }

    fn show_typing(&self, typist: &Typist, typing: bool, except: Option<&Socket>) {
        let Typist { tenant, conversation, user, side } = typist;
        let notice = |user_id: Id| Typing { conversation_id: conversation.clone(), user_id, typing };
        self.emit(tenant, &Audience::Dispatch, "typing", &notice(user.clone()), except);
        if *side == Side::Dispatch
            && let Ok(team) = Id::parse(DISPATCH)
        {
            let driver = Audience::Driver(conversation.clone());
            self.emit(tenant, &driver, "typing", &notice(team), except);
        }
    }
}
