//! The courier: keeps what is written and carries it to the server.
//!
//! One task an account owns its outbox. A message is on the disk before whoever wrote it hears
//! that it is taken. It goes out while the messaging connection is live, which it is only while
//! somebody is in the messaging view; until then it waits. Notes are only kept: whoever leaves one
//! takes it to the server.

use std::path::PathBuf;
use std::sync::Arc;

use futures_util::future::{BoxFuture, OptionFuture};
use jiff::Timestamp;
use sally_client::messaging::Failure;
use sally_client::outbox::{Account, Answer, File, Opened, Outbox, Refusal};
use sally_protocol::Id;
use sally_protocol::desktop::{CommandError, Push};
use sally_protocol::message::{Message, SendMessage, Sent};
use sally_protocol::outbox::UnsentNote;
use tokio::sync::{mpsc, oneshot, watch};
use tokio::time::{Instant, sleep_until};
use tokio_util::sync::CancellationToken;
use tokio_util::task::AbortOnDropHandle;

use crate::failure;

/// Orders that wait for the disk.
const ORDERS: usize = 64;

/// Where pushes go.
pub(crate) type Interface = Arc<dyn Fn(Push) + Send + Sync>;

/// What carries a message while there is a live connection, and `None` while there is none.
pub(crate) type Road = Arc<dyn Fn(SendMessage) -> BoxFuture<'static, Result<Sent, Failure>> + Send + Sync>;

type Reply = oneshot::Sender<Result<(), CommandError>>;

enum Order {
    Take { messages: Vec<SendMessage>, reply: Reply },
    Retry { id: String, reply: Reply },
    Discard { id: String, reply: Reply },
    KeepNote { note: UnsentNote, reply: Reply },
    DropNote { id: String, reply: Reply },
}

/// What can be asked of a courier. A cheap clone.
#[derive(Debug, Clone)]
pub(crate) struct Counter {
    orders: mpsc::Sender<Order>,
}

impl Counter {
    /// Takes messages, all or none, to be sent in this order. They are on the disk when this returns.
    pub(crate) async fn take(&self, messages: Vec<SendMessage>) -> Result<(), CommandError> {
        self.order(|reply| Order::Take { messages, reply }).await
    }

    /// Tries again to send a message that failed.
    pub(crate) async fn retry(&self, id: String) -> Result<(), CommandError> {
        self.order(|reply| Order::Retry { id, reply }).await
    }

    /// Gives up a message that failed.
    pub(crate) async fn discard(&self, id: String) -> Result<(), CommandError> {
        self.order(|reply| Order::Discard { id, reply }).await
    }

    /// Keeps a note. It is on the disk when this returns.
    pub(crate) async fn keep_note(&self, note: UnsentNote) -> Result<(), CommandError> {
        self.order(|reply| Order::KeepNote { note, reply }).await
    }

    /// Lets go of a note that is stored or given up.
    pub(crate) async fn drop_note(&self, id: String) -> Result<(), CommandError> {
        self.order(|reply| Order::DropNote { id, reply }).await
    }

    async fn order(&self, order: impl FnOnce(Reply) -> Order) -> Result<(), CommandError> {
        let (reply, answer) = oneshot::channel();
        self.orders.send(order(reply)).await.map_err(|_| failure::signed_out())?;
        answer.await.map_err(|_| failure::signed_out())?
    }
}

/// A courier at work. Dropping it ends it at its next wait.
pub(crate) struct Courier {
    counter: Counter,
    interface: watch::Sender<Interface>,
    stop: CancellationToken,
    task: AbortOnDropHandle<()>,
}

impl Courier {
    /// Takes up what `account` has left in `dir`. `own` is the conversation of somebody who names
    /// no recipient.
    pub(crate) fn start(
        dir: PathBuf,
        account: Account,
        own: Id,
        interface: Interface,
        road: watch::Receiver<Option<Road>>,
    ) -> Self {
        let (orders, waiting) = mpsc::channel(ORDERS);
        let stop = CancellationToken::new();
        let (interface, attached) = watch::channel(interface);
        let round =
            Round { dir, account, own, interface: attached, file: None, outbox: Outbox::default(), carried: None };
        let task = tokio::spawn(round.run(waiting, road, stop.clone()));
        Self { counter: Counter { orders }, interface, stop, task: AbortOnDropHandle::new(task) }
    }

    /// What can be asked of it.
    pub(crate) fn counter(&self) -> Counter {
        self.counter.clone()
    }

    /// Tells another interface all there is to know, and the old one nothing more.
    pub(crate) fn attach(&self, interface: Interface) {
        self.interface.send_replace(interface);
    }

    /// Ends it. When this returns its file is free.
    pub(crate) async fn close(self) {
        self.stop.cancel();
        if let Err(error) = self.task.await {
            tracing::error!(%error, "the courier didn't end in the ordinary way");
        }
    }
}

/// A message that has gone out and not been answered yet.
struct Carried {
    id: String,
    answer: AbortOnDropHandle<Result<Sent, Failure>>,
}

struct Round {
    dir: PathBuf,
    account: Account,
    own: Id,
    interface: watch::Receiver<Interface>,
    /// `None` until the disk allows it.
    file: Option<Arc<File>>,
    outbox: Outbox,
    carried: Option<Carried>,
}

impl Round {
    async fn run(
        mut self,
        mut orders: mpsc::Receiver<Order>,
        mut road: watch::Receiver<Option<Road>>,
        stop: CancellationToken,
    ) {
        if let Err(error) = self.open().await {
            self.push(Push::Notice(error.message));
        }
        loop {
            let is_new = road.has_changed().unwrap_or_default();
            let way = road.borrow_and_update().clone();
            if is_new && way.is_some() {
                self.outbox.connected();
            }
            if let Some(way) = &way
                && let Some(message) = self.outbox.take(Instant::now())
            {
                self.carry(message, way);
            }
            let wakes_at = self.outbox.wakes_at().filter(|_| way.is_some());
            let answer = OptionFuture::from(self.carried.as_mut().map(|carried| &mut carried.answer));
            tokio::select! {
                () = stop.cancelled() => return,
                Some(order) = orders.recv() => self.obey(order).await,
                Ok(()) = self.interface.changed() => self.push_all(),
                Some(answer) = answer => self.answered(answer.unwrap_or(Err(Failure::NoAnswer))).await,
                Ok(()) = road.changed() => road.mark_changed(),
                Some(()) = OptionFuture::from(wakes_at.map(sleep_until)) => {}
            }
        }
    }

    async fn obey(&mut self, order: Order) {
        // Whoever has asked may be gone, which is theirs to decide.
        match order {
            Order::Take { messages, reply } => {
                let ids: Vec<String> = messages.iter().map(|message| message.client_message_id.clone()).collect();
                let own = self.own.clone();
                let taken = self.change(|outbox| {
                    let put = messages.into_iter().try_for_each(|message| outbox.put(message, &own, Timestamp::now()));
                    put.map_err(not_taken)
                });
                let taken = taken.await;
                ids.iter().for_each(|id| self.push_one(id));
                let _ = reply.send(taken);
            }
            Order::Retry { id, reply } => {
                let retried = self.change(|outbox| outbox.retry(&id).map_err(|error| gone(&error)));
                let retried = retried.await;
                self.push_one(&id);
                let _ = reply.send(retried);
            }
            Order::Discard { id, reply } => {
                let discarded = self.change(|outbox| outbox.discard(&id).map_err(|error| gone(&error)));
                let discarded = discarded.await;
                if discarded.is_ok() {
                    self.push(Push::Left { client_message_id: id, messages: Vec::new() });
                }
                let _ = reply.send(discarded);
            }
            Order::KeepNote { note, reply } => {
                let kept = self.change(|outbox| outbox.put_note(note).map_err(not_taken)).await;
                let _ = reply.send(kept);
            }
            Order::DropNote { id, reply } => {
                let dropped = self.change(|outbox| {
                    outbox.remove_note(&id);
                    Ok(())
                });
                let _ = reply.send(dropped.await);
            }
        }
    }

    /// The message goes out. On the disk it waits all the time: should nobody live to hear the
    /// answer, it is sent again.
    fn carry(&mut self, message: SendMessage, way: &Road) {
        let id = message.client_message_id.clone();
        self.push_one(&id);
        self.carried = Some(Carried { id, answer: AbortOnDropHandle::new(tokio::spawn(way(message))) });
    }

    async fn answered(&mut self, answer: Result<Sent, Failure>) {
        let Some(Carried { id, .. }) = self.carried.take() else { return };
        let (answer, messages) = read(answer);
        self.outbox.answered(answer, Instant::now(), rand::random());
        // An old file only means that the message is sent once more after a restart, which is harmless.
        if let Err(error) = self.keep(&self.outbox).await {
            tracing::warn!(%error, "the outbox can't be written");
        }
        match self.outbox.find(&id) {
            Some(_) => self.push_one(&id),
            None => self.push(Push::Left { client_message_id: id, messages }),
        }
    }

    /// Changes the outbox, once the change is on the disk.
    async fn change(
        &mut self,
        change: impl FnOnce(&mut Outbox) -> Result<(), CommandError>,
    ) -> Result<(), CommandError> {
        self.open().await?;
        let mut changed = self.outbox.clone();
        change(&mut changed)?;
        self.keep(&changed).await?;
        self.outbox = changed;
        Ok(())
    }

    async fn keep(&self, outbox: &Outbox) -> Result<(), CommandError> {
        let Some(file) = self.file.clone() else { return Ok(()) };
        let (entries, notes) = (outbox.entries().to_vec(), outbox.notes().to_vec());
        let written = tokio::task::spawn_blocking(move || file.write(&entries, &notes)).await;
        match written.map_err(std::io::Error::other).flatten() {
            Ok(()) => Ok(()),
            Err(error) => {
                let text = format!("This can't be kept on this computer: {error}. Check the disk and try again.");
                Err(failure::own("disk", &text, true))
            }
        }
    }

    /// Opens the file, unless it is open.
    async fn open(&mut self) -> Result<(), CommandError> {
        if self.file.is_some() {
            return Ok(());
        }
        let (dir, account) = (self.dir.clone(), self.account.clone());
        let opened = tokio::task::spawn_blocking(move || File::open(&dir, account)).await;
        let Opened { file, entries, notes, set_aside } = match opened {
            Ok(Ok(opened)) => opened,
            Ok(Err(error)) => return Err(failure::own("outbox", &error.to_string(), true)),
            Err(error) => return Err(failure::own("outbox", &error.to_string(), true)),
        };
        if let Some(path) = set_aside {
            tracing::warn!(path = %path.display(), "the outbox can't be read and was set aside");
            self.push(Push::Notice(format!(
                "Messages that waited to be sent can't be read. Their file was kept as {}.",
                path.display()
            )));
        }
        self.file = Some(Arc::new(file));
        self.outbox = Outbox::restore(entries, notes);
        self.push_all();
        Ok(())
    }

    fn push_one(&self, id: &str) {
        if let Some(entry) = self.outbox.find(id) {
            self.push(Push::Unsent(entry.clone()));
        }
    }

    fn push_all(&self) {
        self.push(Push::Outbox(self.outbox.entries().to_vec()));
        if !self.outbox.notes().is_empty() {
            self.push(Push::UnsentNotes(self.outbox.notes().to_vec()));
        }
    }

    fn push(&self, push: Push) {
        let interface = self.interface.borrow().clone();
        interface(push);
    }
}

/// What an answer means to the outbox, and what the server stored.
fn read(answer: Result<Sent, Failure>) -> (Answer, Vec<Message>) {
    match answer {
        Ok(sent) => (Answer::Stored, sent.messages),
        Err(Failure::Offline | Failure::NoAnswer) => (Answer::Unheard, Vec::new()),
        Err(Failure::Refused(error)) => (Answer::Refused(error), Vec::new()),
    }
}

fn not_taken(refusal: Refusal) -> CommandError {
    failure::own("not_taken", &refusal.to_string(), false)
}

fn gone(error: &sally_client::outbox::NotFailed) -> CommandError {
    failure::own("not_found", &error.to_string(), false)
}

#[cfg(test)]
#[path = "courier_tests.rs"]
mod tests;
