//! All sessions of a node.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use axum::http::HeaderMap;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::Settings;
use super::connection::{Closed, Connection};
use super::sid::Sid;

/// A session that has begun.
pub struct Opened {
    /// The session.
    pub connection: Arc<Connection>,
    /// What its first request said of itself.
    pub headers: HeaderMap,
}

/// All sessions; a cheap clone.
#[derive(Clone)]
pub struct Engine(Arc<Inner>);

#[derive(Default)]
struct Sessions {
    open: HashMap<Sid, Arc<Connection>>,
    /// Whether the server stops.
    closing: bool,
}

/// Begins to serve a session.
type Serve = Box<dyn Fn(&Engine, Opened) + Send + Sync>;

struct Inner {
    settings: Settings,
    sessions: Mutex<Sessions>,
    serve: Serve,
    stop: CancellationToken,
    tasks: TaskTracker,
}

impl Engine {
    /// No sessions yet. Each that begins is served by `serve`; its tasks run on `tasks`, and end with it or
    /// at `stop`.
    pub fn new<F>(
        settings: Settings,
        stop: CancellationToken,
        tasks: TaskTracker,
        serve: impl Fn(Opened) -> F + Send + Sync + 'static,
    ) -> Self
    where
        F: Future<Output = ()> + Send + 'static,
    {
        let serve = Box::new(move |engine: &Self, opened| engine.spawn(serve(opened)));
        Self(Arc::new(Inner { settings, sessions: Mutex::default(), serve, stop, tasks }))
    }

    /// Closes every session, and those that are still opening as soon as they are open.
    pub fn close(&self) {
        let sessions: Vec<Arc<Connection>> = {
            let mut sessions = self.sessions();
            sessions.closing = true;
            sessions.open.values().cloned().collect()
        };
        for session in sessions {
            session.close(Closed::ByServer);
        }
    }

    pub(super) fn settings(&self) -> Settings {
        self.0.settings
    }

    /// The session of an id.
    pub(super) fn session(&self, sid: Sid) -> Option<Arc<Connection>> {
        self.sessions().open.get(&sid).cloned()
    }

    /// Has a session served, and kept by `keep` until it is over.
    pub(super) fn open<F>(&self, connection: Arc<Connection>, headers: HeaderMap, keep: F)
    where
        F: Future<Output = ()> + Send + 'static,
    {
        let closing = {
            let mut sessions = self.sessions();
            sessions.open.insert(connection.sid(), Arc::clone(&connection));
            sessions.closing
        };
        if closing {
            connection.close(Closed::ByServer);
        }
        (self.0.serve)(self, Opened { connection, headers });
        self.spawn(keep);
    }

    /// Runs a task of a session's.
    pub(super) fn spawn(&self, task: impl Future<Output = ()> + Send + 'static) {
        let stopped = self.0.stop.clone().cancelled_owned();
        self.0.tasks.spawn(async move {
            tokio::select! {
                () = task => {}
                () = stopped => {}
            }
        });
    }

    /// Forgets a session that is over.
    pub(super) fn forget(&self, connection: &Connection) {
        self.sessions().open.remove(&connection.sid());
    }

    fn sessions(&self) -> MutexGuard<'_, Sessions> {
        self.0.sessions.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::engine::polling;

    #[tokio::test]
    async fn a_session_that_opens_while_the_server_stops_is_closed() {
        let settings = Settings { ping_interval: Duration::from_secs(25), ping_timeout: Duration::from_secs(20) };
        let tasks = TaskTracker::new();
        let engine = Engine::new(settings, CancellationToken::new(), tasks.clone(), |opened| async move {
            while opened.connection.next().await.is_some() {}
        });
        let open = || {
            let connection = Arc::new(Connection::polling(Sid::random()));
            let keep = polling::keep(engine.clone(), Arc::clone(&connection));
            engine.open(Arc::clone(&connection), HeaderMap::new(), keep);
            connection
        };
        let early = open();
        assert!(!early.is_closed());
        engine.close();
        let late = open();
        assert!(early.is_closed() && late.is_closed());
        tasks.close();
        tokio::time::timeout(Duration::from_secs(10), tasks.wait()).await.expect("no task is left in time");
        assert!(engine.session(early.sid()).is_none() && engine.session(late.sid()).is_none());
    }
}
