//! Both halves together, as real processes: the headless server with Redis, and the desktop app
//! under an X server without a screen, driven through WebDriver.
//!
//! `cargo xtask test` installs and builds what these tests start. Every test has a server, a Redis
//! and an app of its own, so that they can run side by side.
//!
//! # Layout
//!
//! - [`sign_in`]: the form, and what it says when it can't let somebody in.
//! - [`board`]: alerts on their way from a publisher to a dispatcher's eyes.
//! - [`messaging`]: the connection that exists only while somebody is in the view, and what travels on it.
//! - [`team`]: notes, and who looks after which conversation.
//! - [`broadcast`]: one message to several drivers, who acknowledges it, and the quick replies of a team.
//! - [`outbox`]: what is written while the server is away.
//! - [`two_nodes`]: a conversation of two apps and a driver's phone, through every fault there is.
//! - [`recovery`]: the server dies and comes back.
//! - [`this_computer`]: the server inside the app.
//! - [`support`]: the processes; [`address`] and [`browser`] are those of the server's tests.

#[expect(clippy::unwrap_used, dead_code, reason = "shared with tests that use more of it and fail by panicking")]
#[path = "../../server/tests/support/address.rs"]
mod address;
mod board;
mod broadcast;
#[expect(
    clippy::unwrap_used,
    clippy::expect_used,
    dead_code,
    reason = "shared with tests that use more of it and fail by panicking"
)]
#[path = "../../server/tests/support/browser.rs"]
mod browser;
mod messaging;
mod outbox;
mod recovery;
mod sign_in;
mod support;
mod team;
mod this_computer;
mod two_nodes;
