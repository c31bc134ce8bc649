//! The desk: everything a dispatcher's screen is drawn from.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use leptos::prelude::*;
use leptos::task::spawn_local;
use sally_protocol::alert::Priority;
use sally_protocol::auth::Me;
use sally_protocol::desktop::{CommandError, Session, SignIn};
use sally_protocol::{Board, Id};

use super::clock::now;
use super::inbox::{Inbox, Subject};
use super::link::Link;
use super::preference::{Preference, Theme};
use crate::bridge;
use crate::commands;
use crate::model::alerts::{self, Filter};
use crate::model::marks::Marks;
use crate::model::pace::Pace;
use crate::model::routes;

/// How long a notice stays.
const NOTICE_STAYS: SignedDuration = SignedDuration::from_secs(10);

/// How often ended alerts and plans are looked through for what is to be forgotten.
const PRUNE_EVERY: SignedDuration = SignedDuration::from_mins(1);

/// What the window shows as a whole.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Phase {
    /// The page was opened outside the desktop app.
    Outside,
    /// The core is being asked who is signed in.
    Opening,
    /// The core could not be asked.
    Failed(CommandError),
    /// Nobody is signed in; with a sentence why, where there is something to say.
    SignIn(Option<String>),
    /// Somebody is at work.
    Work(Session),
}

/// The views of a dispatcher at work.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum View {
    /// The alert board.
    Alerts,
    /// Route plans and ETAs.
    Routes,
    /// Integration syncs.
    Integrations,
    /// Conversations with drivers.
    Messages,
}

/// How something that is fetched stands.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) enum Load {
    /// Not asked for yet.
    #[default]
    Idle,
    /// Being fetched.
    Loading,
    /// There.
    Ready,
    /// It could not be fetched.
    Failed(CommandError),
}

/// A sentence that stays on the screen for a while.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Notice {
    /// Tells notices apart.
    pub(crate) number: u64,
    /// The sentence.
    pub(crate) text: String,
    /// Until when it stays.
    pub(crate) until: Timestamp,
}

/// Everything the views are drawn from. A bundle of signals: copying it copies none of the data.
#[derive(Clone, Copy)]
pub(crate) struct Desk {
    /// What the window shows as a whole.
    pub(crate) phase: RwSignal<Phase>,
    /// What the event stream has told. Folded as frames arrive, announced a few times a second.
    pub(crate) board: RwSignal<Board>,
    /// The event stream's connection.
    pub(crate) events: RwSignal<Link>,
    /// The view that is shown.
    pub(crate) view: RwSignal<View>,
    /// The time, which moves on once a second.
    pub(crate) now: RwSignal<Timestamp>,
    /// What the list of alerts is narrowed to.
    pub(crate) filter: RwSignal<Filter>,
    /// The selected alert.
    pub(crate) selected: RwSignal<Option<Id>>,
    /// Whether the selected alert's pane is open, where it covers the list.
    pub(crate) detail_open: RwSignal<bool>,
    /// Whether it is being chosen for how long the selected alert is snoozed.
    pub(crate) snoozing: RwSignal<bool>,
    /// Whether it is being chosen who is to deal with the selected alert.
    pub(crate) assigning: RwSignal<bool>,
    /// Alerts that are marked, to be acted on together.
    pub(crate) marks: RwSignal<Marks>,
    /// Whether it is being chosen for how long the marked alerts are snoozed.
    pub(crate) snoozing_marked: RwSignal<bool>,
    /// The route plan that somebody has asked to see.
    pub(crate) sought_route: RwSignal<Option<Id>>,
    /// Messages and conversations.
    pub(crate) inbox: Inbox,
    /// How the app looks.
    pub(crate) theme: RwSignal<Theme>,
    /// Whether the list of keys is shown.
    pub(crate) keys_shown: RwSignal<bool>,
    /// Sentences that stay for a while.
    pub(crate) notices: RwSignal<Vec<Notice>>,
    /// The newest announcement for assistive technology.
    pub(crate) announced: RwSignal<String>,
    /// Alerts that are being acted on.
    pub(crate) acting: RwSignal<Vec<Id>>,
    pub(super) raised: StoredValue<Vec<(Priority, String)>>,
    pub(super) pace: StoredValue<Pace>,
}

impl Desk {
    /// A desk without a session, its clock running.
    pub(crate) fn new() -> Self {
        let theme = Theme::load();
        theme.apply();
        let desk = Self {
            phase: RwSignal::new(Phase::Opening),
            board: RwSignal::default(),
            events: RwSignal::new(Link::closed()),
            view: RwSignal::new(View::Alerts),
            now: RwSignal::new(now()),
            filter: RwSignal::default(),
            selected: RwSignal::new(None),
            detail_open: RwSignal::new(false),
            snoozing: RwSignal::new(false),
            assigning: RwSignal::new(false),
            marks: RwSignal::default(),
            snoozing_marked: RwSignal::new(false),
            sought_route: RwSignal::new(None),
            inbox: Inbox::new(),
            theme: RwSignal::new(theme),
            keys_shown: RwSignal::new(false),
            notices: RwSignal::default(),
            announced: RwSignal::default(),
            acting: RwSignal::default(),
            raised: StoredValue::default(),
            pace: StoredValue::default(),
        };
        let pruned = StoredValue::new(now());
        set_interval(move || desk.tick(pruned), Duration::from_secs(1));
        desk
    }

    /// Asks the core who is signed in, and listens to it from now on.
    pub(crate) fn open(self) {
        if !bridge::is_there() {
            self.phase.set(Phase::Outside);
            return;
        }
        self.phase.set(Phase::Opening);
        spawn_local(async move {
            let session = match bridge::open(move |push| self.receive(push)).await {
                Ok(Some(session)) => Ok(Some(session)),
                Ok(None) => self.demo().await,
                Err(error) => Err(error),
            };
            self.phase.set(match session {
                Ok(Some(session)) => Phase::Work(session),
                Ok(None) => Phase::SignIn(None),
                Err(error) => Phase::Failed(error),
            });
        });
    }

    /// The demo's session, where the app was started as one.
    async fn demo(self) -> Result<Option<Session>, CommandError> {
        match commands::demo().await? {
            true => commands::use_this_computer(true).await.map(Some),
            false => Ok(None),
        }
    }

    /// Signs in at a server and remembers where and as whom.
    ///
    /// # Errors
    ///
    /// The core's, whose message says what to do.
    pub(crate) async fn sign_in(self, request: SignIn) -> Result<(), CommandError> {
        let session = commands::sign_in(&request).await?;
        Preference::Server.save(&request.server);
        Preference::Email.save(&request.email);
        Preference::Tenant.save(request.tenant.as_deref().unwrap_or_default());
        self.work(session);
        Ok(())
    }

    /// Starts the server inside the app.
    ///
    /// # Errors
    ///
    /// The core's, whose message says what to do.
    pub(crate) async fn use_this_computer(self, fleet: bool) -> Result<(), CommandError> {
        let session = commands::use_this_computer(fleet).await?;
        self.work(session);
        Ok(())
    }

    fn work(self, session: Session) {
        self.view.set(View::Alerts);
        self.phase.set(Phase::Work(session));
    }

    /// Ends the session. What it has shown is forgotten, whatever the server answers.
    pub(crate) fn sign_out(self, reason: Option<String>) {
        spawn_local(async move {
            self.inbox.door.shut().await;
            if let Err(error) = commands::sign_out().await {
                self.notify(error.message);
            }
            bridge::abandon_calls();
            self.phase.set(Phase::SignIn(reason));
            self.acting.set(Vec::new());
            self.view.set(View::Alerts);
            self.board.set(Board::default());
            self.selected.set(None);
            self.marks.set(Marks::default());
            self.detail_open.set(false);
            self.sought_route.set(None);
            self.filter.set(Filter::default());
            self.raised.set_value(Vec::new());
            self.announced.set(String::new());
            self.inbox.forget();
        });
    }

    /// The signed-in user.
    pub(crate) fn me(self) -> Option<Me> {
        self.phase.with_untracked(|phase| match phase {
            Phase::Work(session) => Some(session.me.clone()),
            _ => None,
        })
    }

    /// Shows a sentence for a while.
    pub(crate) fn notify(self, text: String) {
        let until = now() + NOTICE_STAYS;
        self.notices.update(|notices| {
            let number = notices.last().map_or(0, |last| last.number + 1);
            // The same sentence twice says no more than once.
            notices.retain(|known| known.text != text);
            notices.push(Notice { number, text, until });
        });
    }

    /// Changes to the next theme.
    pub(crate) fn change_theme(self) {
        let theme = self.theme.get_untracked().next();
        theme.apply();
        self.theme.set(theme);
    }

    /// Goes to the conversation with an alert's driver, to write about the alert.
    pub(crate) fn message_driver(self, alert: &sally_protocol::alert::Alert) {
        if let Some(driver) = &alert.driver_id {
            let subject = Subject::Alert { id: alert.id.clone(), title: alert.title.clone() };
            self.inbox.write_about(driver, alert.driver_name.clone(), subject);
            self.view.set(View::Messages);
        }
    }

    /// Goes to the conversation with a route's driver, to write about the route.
    pub(crate) fn message_about_route(self, plan: &Id) {
        let known = self.board.with_untracked(|board| {
            let driver = routes::driver(board.routes.get(plan)?)?.clone();
            let name = routes::driver_names(board).remove(&driver);
            Some((driver, name))
        });
        if let Some((driver, name)) = known {
            self.inbox.write_about(&driver, name, Subject::Route { plan: plan.clone() });
            self.view.set(View::Messages);
        }
    }

    /// Goes to an alert on the board.
    pub(crate) fn show_alert(self, alert: Id) {
        self.selected.set(Some(alert));
        self.detail_open.set(true);
        self.view.set(View::Alerts);
    }

    /// Goes to a route plan.
    pub(crate) fn show_route(self, plan: Id) {
        self.sought_route.set(Some(plan));
        self.view.set(View::Routes);
    }

    fn tick(self, pruned: StoredValue<Timestamp>) {
        let now = now();
        self.now.set(now);
        if self.notices.with_untracked(|notices| notices.iter().any(|notice| notice.until <= now)) {
            self.notices.update(|notices| notices.retain(|notice| notice.until > now));
        }
        if now.duration_since(pruned.get_value()) >= PRUNE_EVERY {
            pruned.set_value(now);
            self.board.update(|board| board.prune(now));
        }
        let raised = self.raised.try_update_value(std::mem::take).unwrap_or_default();
        if let Some(announcement) = alerts::announcement(&raised) {
            self.announced.set(announcement);
        }
    }
}
