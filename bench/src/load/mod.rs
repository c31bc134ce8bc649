//! The load generator: one thread that publishes to a server and reads what its streams bring.
//!
//! # Layout
//!
//! - [`event`]: what is published, and the stamp by which it is recognised.
//! - [`reader`], [`sequence`]: one stream's bytes as lines, and what it lost.
//! - [`course`], [`tally`]: how far a tenant's events have come, and how late they were.
//! - [`swarm`]: all streams on one epoll.
//! - [`publisher`]: the connections that publish.
//! - [`mod@drive`]: the pace at which events go out, and the measured span.

mod course;
mod drive;
mod event;
mod publisher;
mod reader;
mod sequence;
mod swarm;
mod tally;

pub(crate) use course::Course;
pub(crate) use drive::{Pace, Rule, Span, Timing, drive, settle};
pub(crate) use event::Clock;
pub(crate) use publisher::{Protocol, Publishers};
pub(crate) use sequence::Faults;
pub(crate) use swarm::Swarm;
pub(crate) use tally::Tally;
