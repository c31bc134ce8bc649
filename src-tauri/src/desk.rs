//! The desk: who is signed in, and which connections are open.
//!
//! One task owns all of it and takes one order after the other, so that no two of them meet
//! half-way: an interface that is reloaded in the middle of a sign-in finds the outcome.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use sally_client::outbox::Account;
use sally_client::{Server, Session as Client};
use sally_protocol::Tenant;
use sally_protocol::auth::{LoginRequest, Me};
use sally_protocol::desktop::{CommandError, Link, Push, Session, SignIn};
use tauri::ipc::Channel;
use tokio::sync::{mpsc, oneshot, watch};
use tokio::time::timeout;

use crate::core::Current;
use crate::courier::{Courier, Interface, Road};
use crate::failure;
use crate::feed::{EventFeed, MessageFeed};
use crate::this_computer::ThisComputer;

/// How long a server is waited for that is told of a sign-out.
const LOGOUT_LIMIT: Duration = Duration::from_secs(3);

/// Where outboxes are kept, below the data directory.
const OUTBOX_DIR: &str = "outbox";

/// Where an order's outcome goes. Whoever gave it may be gone, which is theirs to decide.
pub(crate) type Reply<T> = oneshot::Sender<T>;

/// What can be ordered: each is the command of its name, with its arguments and where its answer
/// goes.
pub(crate) enum Order {
    Open { channel: Channel<Push>, reply: Reply<Option<Session>> },
    SignIn { request: SignIn, reply: Reply<Result<Session, CommandError>> },
    UseThisComputer { fleet: bool, reply: Reply<Result<Session, CommandError>> },
    SignOut { reply: Reply<()> },
    EnterMessaging { reply: Reply<Result<(), CommandError>> },
    LeaveMessaging { reply: Reply<()> },
    Quit { reply: Reply<()> },
}

/// The desk.
pub(crate) struct Desk {
    data_dir: PathBuf,
    published: watch::Sender<Current>,
    /// The interface, once one has attached itself.
    interface: Option<Channel<Push>>,
    seat: Option<Seat>,
}

/// Somebody who is signed in, and what is open for them.
struct Seat {
    shown: Session,
    client: Client,
    this_computer: Option<ThisComputer>,
    events: Option<EventFeed>,
    messages: Option<MessageFeed>,
    courier: Courier,
    /// The courier's way to the server, while the messaging connection is live.
    road: watch::Sender<Option<Road>>,
}

impl Desk {
    /// An empty desk that publishes what calls are made with.
    pub(crate) fn new(data_dir: PathBuf, published: watch::Sender<Current>) -> Self {
        Self { data_dir, published, interface: None, seat: None }
    }

    /// Takes orders until it is told to quit.
    pub(crate) async fn run(mut self, mut orders: mpsc::Receiver<Order>) {
        while let Some(order) = orders.recv().await {
            match order {
                Order::Open { channel, reply } => {
                    let _ = reply.send(self.open(channel).await);
                }
                Order::SignIn { request, reply } => {
                    let _ = reply.send(self.sign_in(request).await);
                }
                Order::UseThisComputer { fleet, reply } => {
                    let _ = reply.send(self.use_this_computer(fleet).await);
                }
                Order::SignOut { reply } => {
                    self.sign_out().await;
                    let _ = reply.send(());
                }
                Order::EnterMessaging { reply } => {
                    let _ = reply.send(self.enter_messaging());
                }
                Order::LeaveMessaging { reply } => {
                    self.leave_messaging().await;
                    let _ = reply.send(());
                }
                Order::Quit { reply } => {
                    self.sign_out().await;
                    let _ = reply.send(());
                    return;
                }
            }
        }
    }

    /// A new interface has an empty board and is in no view.
    async fn open(&mut self, channel: Channel<Push>) -> Option<Session> {
        self.leave_messaging().await;
        self.interface = Some(channel);
        self.push(Push::Messaging(Link::Closed));
        match &self.seat {
            Some(seat) => {
                seat.courier.attach(self.interface());
                self.follow_events();
            }
            None => self.push(Push::Events(Link::Closed)),
        }
        self.seat.as_ref().map(|seat| seat.shown.clone())
    }

    async fn sign_in(&mut self, request: SignIn) -> Result<Session, CommandError> {
        let tenant = request.tenant.as_deref().map(str::trim).filter(|tenant| !tenant.is_empty());
        let tenant = tenant.map(|name| Tenant::parse(name).map_err(|_| no_tenant(name))).transpose()?;
        let login = LoginRequest { email: request.email.trim().to_owned(), password: request.password, tenant };
        let server = Server::check(&request.server).await.map_err(|error| failure::of_call(&error))?;
        let (client, me) = Client::login(server, &login).await.map_err(|error| failure::of_call(&error))?;
        Ok(self.seat(client, me, None).await)
    }

    async fn use_this_computer(&mut self, fleet: bool) -> Result<Session, CommandError> {
        if let Some(seat) = &self.seat
            && seat.this_computer.as_ref().is_some_and(|computer| computer.has_fleet() == fleet)
        {
            return Ok(seat.shown.clone());
        }
        // The server of the seat before uses the same files.
        self.sign_out().await;
        let (computer, client, me) = ThisComputer::start(&self.data_dir, fleet).await?;
        Ok(self.seat(client, me, Some(computer)).await)
    }

    async fn seat(&mut self, client: Client, me: Me, this_computer: Option<ThisComputer>) -> Session {
        self.sign_out().await;
        let server = client.server().address().to_string();
        let shown = Session { server, this_computer: this_computer.is_some(), me };
        tracing::info!(server = %shown.server, user = %shown.me.user_id, "signed in");
        let (road, way) = watch::channel(None);
        let account = account(&shown, this_computer.as_ref());
        let outbox = self.data_dir.join(OUTBOX_DIR);
        let courier = Courier::start(outbox, account, shown.me.user_id.clone(), self.interface(), way);
        self.seat =
            Some(Seat { shown: shown.clone(), client, this_computer, events: None, messages: None, courier, road });
        self.publish();
        self.follow_events();
        shown
    }

    /// Closes the connections first, so that nothing of the old session arrives in a new one.
    async fn sign_out(&mut self) {
        self.leave_messaging().await;
        let Some(seat) = self.seat.take() else { return };
        self.publish();
        drop(seat.events);
        self.push(Push::Events(Link::Closed));
        // What waits stays on the disk, for the same user's next time.
        seat.courier.close().await;
        self.push(Push::Outbox(Vec::new()));
        match seat.this_computer {
            Some(computer) => computer.stop().await,
            None => match timeout(LOGOUT_LIMIT, seat.client.logout()).await {
                Ok(Ok(())) => {}
                Ok(Err(error)) => tracing::info!(%error, "the server wasn't told of the sign-out"),
                Err(_) => tracing::info!("the server didn't answer to the sign-out"),
            },
        }
        tracing::info!("signed out");
    }

    fn follow_events(&mut self) {
        if let (Some(seat), Some(interface)) = (&mut self.seat, &self.interface) {
            seat.events = Some(EventFeed::start(seat.client.clone(), sender(interface)));
        }
    }

    fn enter_messaging(&mut self) -> Result<(), CommandError> {
        let seat = self.seat.as_mut().ok_or_else(failure::signed_out)?;
        let interface = self.interface.as_ref().ok_or_else(failure::offline)?;
        if seat.messages.as_ref().is_none_or(MessageFeed::has_ended) {
            seat.messages = Some(MessageFeed::start(seat.client.clone(), seat.road.clone(), sender(interface)));
        }
        self.publish();
        Ok(())
    }

    async fn leave_messaging(&mut self) {
        let Some(feed) = self.seat.as_mut().and_then(|seat| seat.messages.take()) else { return };
        self.publish();
        feed.close().await;
    }

    fn publish(&self) {
        let seat = self.seat.as_ref();
        self.published.send_replace(Current {
            session: seat.map(|seat| seat.client.clone()),
            messaging: seat.and_then(|seat| seat.messages.as_ref()).map(MessageFeed::commands),
            outbox: seat.map(|seat| seat.courier.counter()),
        });
    }

    fn interface(&self) -> Interface {
        match &self.interface {
            Some(interface) => Arc::new(sender(interface)),
            None => Arc::new(drop),
        }
    }

    fn push(&self, push: Push) {
        if let Some(interface) = &self.interface {
            sender(interface)(push);
        }
    }
}

/// Whose messages wait. The server inside the app has another address at every start, and keeps its
/// messages in its directory.
fn account(shown: &Session, this_computer: Option<&ThisComputer>) -> Account {
    Account {
        server: this_computer.map_or_else(|| shown.server.clone(), |computer| computer.name().to_owned()),
        tenant: shown.me.tenant_id.to_string(),
        user: shown.me.user_id.to_string(),
    }
}

/// How a connection reaches the interface. One that is gone hears nothing.
fn sender(interface: &Channel<Push>) -> impl Fn(Push) + Send + Sync + use<> {
    let interface = interface.clone();
    move |push| {
        if let Err(error) = interface.send(push) {
            tracing::debug!(%error, "the interface can't be reached");
        }
    }
}

fn no_tenant(name: &str) -> CommandError {
    failure::own(
        "invalid",
        &format!("“{name}” can't be a tenant. Ask whoever set up your account for its name."),
        false,
    )
}
