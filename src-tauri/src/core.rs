//! The handle that the interface's commands go through.
//!
//! What changes who is signed in or what is connected is an order to the [`Desk`], which takes
//! them one after the other. Everything else is a call with the session that the desk has
//! published, and waits for nobody.

use std::path::PathBuf;

use jiff::Timestamp;
use sally_client::Session as Client;
use sally_client::messaging::Commands;
use sally_protocol::Id;
use sally_protocol::action::{ActionOutcome, AlertAction};
use sally_protocol::desktop::{CommandError, Push, Session, SignIn};
use sally_protocol::message::{Acknowledge, Conversations, History, MAX_PAGE, Mark, SendMessage, SetTyping};
use sally_protocol::outbox::UnsentNote;
use sally_protocol::search::SearchResults;
use sally_protocol::team::{
    Acknowledgements, Assignment, AwaitedAcknowledgements, Note, NoteDraft, Notes, Team, Template, TemplateDraft,
    Templates,
};
use tauri::ipc::Channel;
use tokio::sync::{mpsc, oneshot, watch};

use crate::courier::Counter;
use crate::desk::{Desk, Order, Reply};
use crate::failure;

/// Orders that wait for the one before them. The interface gives one at a time.
const ORDERS: usize = 16;

/// How many messages or notes a page of history holds.
const PAGE: usize = 50;

/// The core. A cheap clone.
#[derive(Debug, Clone)]
pub(crate) struct Core {
    orders: mpsc::Sender<Order>,
    current: watch::Receiver<Current>,
}

/// What calls are made with.
#[derive(Debug, Clone, Default)]
pub(crate) struct Current {
    /// Who is signed in.
    pub(crate) session: Option<Client>,
    /// The open messaging connection.
    pub(crate) messaging: Option<Commands>,
    /// Who takes what is written.
    pub(crate) outbox: Option<Counter>,
}

impl Core {
    /// Starts the desk, with nobody signed in.
    pub(crate) fn start(data_dir: PathBuf) -> Self {
        let (orders, waiting) = mpsc::channel(ORDERS);
        let (published, current) = watch::channel(Current::default());
        tauri::async_runtime::spawn(Desk::new(data_dir, published).run(waiting));
        Self { orders, current }
    }

    /// Attaches an interface in the place of the one before.
    pub(crate) async fn open(&self, channel: Channel<Push>) -> Result<Option<Session>, CommandError> {
        self.order(|reply| Order::Open { channel, reply }).await
    }

    pub(crate) async fn sign_in(&self, request: SignIn) -> Result<Session, CommandError> {
        self.order(|reply| Order::SignIn { request, reply }).await?
    }

    pub(crate) async fn use_this_computer(&self, fleet: bool) -> Result<Session, CommandError> {
        self.order(|reply| Order::UseThisComputer { fleet, reply }).await?
    }

    pub(crate) async fn sign_out(&self) -> Result<(), CommandError> {
        self.order(|reply| Order::SignOut { reply }).await
    }

    pub(crate) async fn enter_messaging(&self) -> Result<(), CommandError> {
        self.order(|reply| Order::EnterMessaging { reply }).await?
    }

    pub(crate) async fn leave_messaging(&self) -> Result<(), CommandError> {
        self.order(|reply| Order::LeaveMessaging { reply }).await
    }

    /// Ends everything that is connected or running. Later orders fail.
    pub(crate) async fn quit(&self) {
        let _ = self.order(|reply| Order::Quit { reply }).await;
    }

    pub(crate) async fn conversations(&self) -> Result<Conversations, CommandError> {
        self.session()?.conversations().await.map_err(|error| failure::of_call(&error))
    }

    pub(crate) async fn templates(&self) -> Result<Templates, CommandError> {
        self.session()?.templates().await.map_err(|error| failure::of_call(&error))
    }

    pub(crate) async fn team(&self) -> Result<Team, CommandError> {
        self.session()?.team().await.map_err(|error| failure::of_call(&error))
    }

    pub(crate) async fn assign(&self, conversation: &Id, assignee: Option<&Id>) -> Result<Assignment, CommandError> {
        self.session()?.assign(conversation, assignee).await.map_err(|error| failure::of_call(&error))
    }

    pub(crate) async fn notes(&self, conversation: &Id, before: Option<&Id>) -> Result<Notes, CommandError> {
        self.session()?.notes(conversation, before, PAGE).await.map_err(|error| failure::of_call(&error))
    }

    /// Leaves a note, which is kept on the disk until the server has stored it.
    pub(crate) async fn add_note(&self, conversation_id: Id, note: NoteDraft) -> Result<Note, CommandError> {
        let (session, outbox) = (self.session()?, self.outbox()?);
        let unsent = UnsentNote { conversation_id, note, created_at: Timestamp::now() };
        outbox.keep_note(unsent.clone()).await?;
        let stored = session.add_note(&unsent.conversation_id, &unsent.note).await;
        let stored = stored.map_err(|error| failure::of_call(&error))?;
        // One that stays on the disk is only tried once more after a restart, which is harmless.
        if let Err(error) = outbox.drop_note(unsent.note.client_note_id).await {
            tracing::warn!(code = error.code, "a stored note is still kept");
        }
        Ok(stored)
    }

    pub(crate) async fn discard_note(&self, id: String) -> Result<(), CommandError> {
        self.outbox()?.drop_note(id).await
    }

    pub(crate) async fn add_template(&self, draft: &TemplateDraft) -> Result<Template, CommandError> {
        self.session()?.add_template(draft).await.map_err(|error| failure::of_call(&error))
    }

    pub(crate) async fn change_template(&self, id: &Id, draft: &TemplateDraft) -> Result<Template, CommandError> {
        self.session()?.change_template(id, draft).await.map_err(|error| failure::of_call(&error))
    }

    pub(crate) async fn remove_template(&self, id: &Id, version: u64) -> Result<(), CommandError> {
        self.session()?.remove_template(id, version).await.map_err(|error| failure::of_call(&error))
    }

    pub(crate) async fn acknowledgements(&self, message: &str) -> Result<Acknowledgements, CommandError> {
        self.session()?.acknowledgements(message).await.map_err(|error| failure::of_call(&error))
    }

    pub(crate) async fn awaited_acknowledgements(&self) -> Result<AwaitedAcknowledgements, CommandError> {
        self.session()?.awaited_acknowledgements(MAX_PAGE).await.map_err(|error| failure::of_call(&error))
    }

    pub(crate) async fn history(&self, conversation: &Id, before: Option<u64>) -> Result<History, CommandError> {
        self.session()?.history(conversation, before, PAGE).await.map_err(|error| failure::of_call(&error))
    }

    pub(crate) async fn search(&self, query: &str, before: Option<&str>) -> Result<SearchResults, CommandError> {
        self.session()?.search(query, before, PAGE).await.map_err(|error| failure::of_call(&error))
    }

    pub(crate) async fn alert_actions(
        &self,
        alerts: &[Id],
        action: &AlertAction,
    ) -> Result<Vec<ActionOutcome>, CommandError> {
        self.session()?.alert_actions(alerts, action).await.map_err(|error| failure::of_call(&error))
    }

    pub(crate) async fn alert_action(&self, alert: &Id, action: &AlertAction) -> Result<(), CommandError> {
        self.session()?.alert_action(alert, action).await.map_err(|error| failure::of_call(&error))
    }

    /// Takes messages to be sent, all or none. They are kept on the disk when this returns.
    pub(crate) async fn send_messages(&self, messages: Vec<SendMessage>) -> Result<(), CommandError> {
        self.outbox()?.take(messages).await
    }

    pub(crate) async fn retry_message(&self, id: String) -> Result<(), CommandError> {
        self.outbox()?.retry(id).await
    }

    pub(crate) async fn discard_message(&self, id: String) -> Result<(), CommandError> {
        self.outbox()?.discard(id).await
    }

    pub(crate) async fn mark_read(&self, mark: &Mark) -> Result<(), CommandError> {
        self.messaging()?.mark_read(mark).await.map_err(|failure| failure::of_request(&failure))
    }

    pub(crate) async fn acknowledge_message(&self, request: &Acknowledge) -> Result<(), CommandError> {
        self.messaging()?.acknowledge(request).await.map_err(|failure| failure::of_request(&failure))
    }

    pub(crate) async fn set_typing(&self, typing: &SetTyping) -> Result<(), CommandError> {
        self.messaging()?.set_typing(typing).await.map_err(|failure| failure::of_request(&failure))
    }

    fn session(&self) -> Result<Client, CommandError> {
        self.current.borrow().session.clone().ok_or_else(failure::signed_out)
    }

    fn messaging(&self) -> Result<Commands, CommandError> {
        self.current.borrow().messaging.clone().ok_or_else(failure::offline)
    }

    fn outbox(&self) -> Result<Counter, CommandError> {
        self.current.borrow().outbox.clone().ok_or_else(failure::signed_out)
    }

    async fn order<T>(&self, order: impl FnOnce(Reply<T>) -> Order) -> Result<T, CommandError> {
        let (reply, answer) = oneshot::channel();
        self.orders.send(order(reply)).await.map_err(|_| failure::ending())?;
        answer.await.map_err(|_| failure::ending())
    }
}
