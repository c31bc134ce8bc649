//! From a connection to the interface.

use std::sync::Arc;
use std::time::Duration;

use futures_util::{Stream, StreamExt};
use sally_client::Session;
use sally_client::events::{self, Events, Options};
use sally_client::messaging::{self, Commands, Messaging};
use sally_protocol::desktop::Push;
use sally_protocol::stream::Frame;
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio::time::{Instant, sleep_until, timeout};
use tokio_util::task::AbortOnDropHandle;

use crate::courier::Road;

/// Frames reach the interface no more often than this: it draws no faster.
const BEAT: Duration = Duration::from_millis(30);

/// Frames in one push at most; beyond them the connection waits.
const BATCH: usize = 512;

/// How long the last words of a closed connection are waited for.
const LAST_WORDS: Duration = Duration::from_secs(1);

/// The event stream on its way to the interface. Dropping it closes the stream.
pub(crate) struct EventFeed {
    _task: AbortOnDropHandle<()>,
}

impl EventFeed {
    /// Follows the stream from a fresh snapshot.
    pub(crate) fn start(session: Session, push: impl Fn(Push) + Send + Sync + 'static) -> Self {
        let events = Events::follow(session, Options { snapshot: true, ..Options::default() });
        Self { _task: AbortOnDropHandle::new(tokio::spawn(pass_on_events(events, push))) }
    }
}

/// The messaging connection on its way to the interface. Dropping it closes the connection.
pub(crate) struct MessageFeed {
    commands: Commands,
    task: JoinHandle<()>,
}

impl MessageFeed {
    /// Opens the connection, and the road to the server while it is live.
    pub(crate) fn start(
        session: Session,
        road: watch::Sender<Option<Road>>,
        push: impl Fn(Push) + Send + Sync + 'static,
    ) -> Self {
        let mut messaging = Messaging::open(session);
        let commands = messaging.commands();
        let way = send_over(messaging.commands());
        let task = tokio::spawn(async move {
            while let Some(update) = messaging.next().await {
                if let messaging::Update::Link(link) = &update {
                    road.send_replace(link.is_live().then(|| way.clone()));
                }
                push(match update {
                    messaging::Update::Link(link) => Push::Messaging(link),
                    messaging::Update::Message(message) => Push::Message(message),
                    messaging::Update::Receipt(receipt) => Push::Receipt(receipt),
                    messaging::Update::Typing(typing) => Push::Typing(typing),
                    messaging::Update::Presence(presence) => Push::Presence(presence),
                    messaging::Update::Note(note) => Push::Note(note),
                    messaging::Update::Assignment(assignment) => Push::Assignment(assignment),
                    messaging::Update::TemplatesChanged => Push::TemplatesChanged,
                });
            }
        });
        Self { commands, task }
    }

    /// What can be asked of the connection.
    pub(crate) fn commands(&self) -> Commands {
        self.commands.clone()
    }

    /// Whether the connection is over for good.
    pub(crate) fn has_ended(&self) -> bool {
        self.task.is_finished()
    }

    /// Closes the connection. When this returns its socket is closed, and the interface knows.
    pub(crate) async fn close(mut self) {
        self.commands.close().await;
        if timeout(LAST_WORDS, &mut self.task).await.is_err() {
            tracing::warn!("the interface didn't take the end of the messaging connection");
        }
    }
}

impl Drop for MessageFeed {
    fn drop(&mut self) {
        self.task.abort();
    }
}

fn send_over(commands: Commands) -> Road {
    Arc::new(move |message| {
        let commands = commands.clone();
        Box::pin(async move { commands.send(&message).await })
    })
}

/// Passes on what comes, frames in batches: what is there at once goes at once, and a stream that
/// runs faster than the interface draws is collected.
async fn pass_on_events(events: impl Stream<Item = events::Update>, push: impl Fn(Push)) {
    tokio::pin!(events);
    let mut batch = Vec::new();
    let mut due = Instant::now();
    loop {
        let update = tokio::select! {
            biased;
            update = events.next(), if batch.len() < BATCH => update,
            () = sleep_until(due), if !batch.is_empty() => {
                push(Push::Frames(std::mem::take(&mut batch)));
                due = Instant::now() + BEAT;
                continue;
            }
        };
        match update {
            // These concern the connection alone.
            Some(events::Update::Frame {
                frame: Frame::Heartbeat | Frame::AuthExpiring { .. } | Frame::Reconnect { .. },
                ..
            }) => {}
            Some(events::Update::Frame { frame, .. }) => batch.push(frame),
            Some(events::Update::Link(link)) => {
                // The board must be there before it is said to be live.
                if !batch.is_empty() {
                    push(Push::Frames(std::mem::take(&mut batch)));
                    due = Instant::now() + BEAT;
                }
                push(Push::Events(link));
            }
            None => {
                if !batch.is_empty() {
                    push(Push::Frames(batch));
                }
                return;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use sally_protocol::desktop::Link;
    use std::sync::Mutex;
    use tokio::sync::mpsc;
    use tokio_stream::wrappers::ReceiverStream;

    fn frame(n: usize) -> events::Update {
        let data = serde_json::json!({ "n": n });
        events::Update::Frame { cursor: n.to_string(), frame: Frame::Event { kind: "new_alert".into(), data } }
    }

    fn sizes(pushes: &[Push]) -> Vec<usize> {
        pushes.iter().map(|push| if let Push::Frames(frames) = push { frames.len() } else { 0 }).collect()
    }

    #[tokio::test(start_paused = true)]
    async fn what_is_there_goes_in_one_push_and_in_order() {
        let pushes = Mutex::new(Vec::new());
        let heartbeat = events::Update::Frame { cursor: "2".into(), frame: Frame::Heartbeat };
        let updates = [frame(0), frame(1), heartbeat, frame(2), events::Update::Link(Link::Live), frame(3)];
        pass_on_events(futures_util::stream::iter(updates), |push| pushes.lock().expect("a lock").push(push)).await;
        let pushes = pushes.into_inner().expect("pushes");
        assert_eq!(sizes(&pushes), [3, 0, 1], "{pushes:?}");
        assert_eq!(pushes[1], Push::Events(Link::Live));
        let Push::Frames(first) = &pushes[0] else { panic!("frames first") };
        assert!(matches!(&first[2], Frame::Event { data, .. } if data["n"] == 2));
    }

    #[tokio::test(start_paused = true)]
    async fn a_lone_frame_waits_for_nobody_and_a_burst_for_the_beat() {
        let (sender, receiver) = mpsc::channel(4_000);
        let (push_sender, mut pushed) = mpsc::unbounded_channel();
        let start = Instant::now();
        let feed = tokio::spawn(pass_on_events(ReceiverStream::new(receiver), move |push| {
            push_sender.send((start.elapsed(), push)).expect("a listener");
        }));
        sender.send(frame(0)).await.expect("room");
        let (at, push) = pushed.recv().await.expect("a push");
        assert_eq!((at, sizes(&[push])), (Duration::ZERO, vec![1]));
        for n in 0..1_100 {
            sender.send(frame(n)).await.expect("room");
        }
        drop(sender);
        feed.await.expect("a feed");
        let mut rest = Vec::new();
        while let Some((at, push)) = pushed.recv().await {
            rest.push((at.as_millis() / 30, sizes(&[push])[0]));
        }
        assert_eq!(rest, [(1, 512), (2, 512), (2, 76)], "what is left at the end waits no longer");
    }
}
