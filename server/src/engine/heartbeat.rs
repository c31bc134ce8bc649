//! When a ping is due.

use tokio::time::Instant;

use super::Settings;
use super::connection::{Closed, Connection};
use super::frame::Frame;

/// What a heartbeat calls for.
#[derive(Debug, PartialEq, Eq)]
enum Beat {
    /// Nothing is due yet.
    None,
    /// A ping.
    Ping,
    /// The end: the last one wasn't answered.
    Lost,
}

/// The heartbeat of a session.
pub(super) struct Heartbeat {
    settings: Settings,
    due: Instant,
    has_pinged: bool,
}

impl Heartbeat {
    pub(super) fn new(settings: Settings, now: Instant) -> Self {
        Self { settings, due: now + settings.ping_interval, has_pinged: false }
    }

    /// When to call [`Heartbeat::keep`] next.
    pub(super) fn due(&self) -> Instant {
        self.due
    }

    /// Pings the session when that is due, and closes one that is lost.
    pub(super) fn keep(&mut self, connection: &Connection) {
        match self.beat(Instant::now()) {
            Beat::None => {}
            Beat::Ping => connection.send(&Frame::packet("2")),
            Beat::Lost => connection.close(Closed::ByClient),
        }
    }

    /// What is due.
    fn beat(&mut self, now: Instant) -> Beat {
        if now < self.due {
            return Beat::None;
        }
        if self.has_pinged {
            return Beat::Lost;
        }
        self.has_pinged = true;
        self.due = now + self.settings.ping_timeout;
        Beat::Ping
    }

    /// Takes note of an answer. One that nobody asked for changes nothing.
    pub(super) fn pong(&mut self, now: Instant) {
        if std::mem::take(&mut self.has_pinged) {
            self.due = now + self.settings.ping_interval;
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn who_answers_stays_and_who_does_not_is_lost() {
        let second = Duration::from_secs(1);
        let start = Instant::now();
        let settings = Settings { ping_interval: second * 25, ping_timeout: second * 20 };
        let mut heartbeat = Heartbeat::new(settings, start);
        assert_eq!(heartbeat.beat(start + second * 24), Beat::None);
        heartbeat.pong(start + second * 24);
        assert_eq!(heartbeat.due(), start + second * 25, "nobody asked");
        assert_eq!(heartbeat.beat(start + second * 25), Beat::Ping);
        heartbeat.pong(start + second * 30);
        assert_eq!(heartbeat.beat(start + second * 54), Beat::None);
        assert_eq!(heartbeat.beat(start + second * 55), Beat::Ping);
        assert_eq!(heartbeat.beat(start + second * 74), Beat::None);
        assert_eq!(heartbeat.beat(start + second * 75), Beat::Lost);
    }
}
