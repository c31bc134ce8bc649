//! Long runs under faults: what was promised holds for everybody, all the time.
//!
//! Among the ordinary tests they take seconds. `cargo xtask soak` runs them in full, which is
//! `SALLY_SOAK=full` and takes a quarter of an hour. The nodes are real processes; everything is on loopback.
//!
//! # Layout
//!
//! The runs:
//!
//! - [`jitter`]: clients on a bad line.
//! - [`hops`]: clients that hop between two nodes, one of which is killed again and again.
//! - [`idle`]: somebody who never reads, beside many who do.
//! - [`clock`]: a clock that jumps.
//! - [`faults`]: Redis fails.
//! - [`messages`]: messaging clients on a bad line, and a node killed before it could acknowledge.
//!
//! What they stand on:
//!
//! - [`size`]: how much of it there is.
//! - [`listener`]: messaging clients that come and go.
//! - [`client`]: clients that come and go; [`story`]: what one was told, held to the promise.
//! - [`publisher`]: events at a steady rate.
//! - [`node`]: the real binary, and where it is [`listening`]; [`redis_server`]: a Redis of the test's own; [`mod@address`]: where one that moves
//!   is found.

#![expect(clippy::expect_used, clippy::unwrap_used, reason = "a test that can't go on fails")]

#[expect(dead_code, reason = "other tests count its connections")]
#[path = "../support/address.rs"]
mod address;
mod client;
mod clock;
mod faults;
mod hops;
mod idle;
mod jitter;
mod listener;
#[path = "../support/listening.rs"]
mod listening;
mod messages;
mod node;
mod publisher;
#[expect(dead_code, reason = "other tests publish a single event")]
#[path = "../support/redis.rs"]
mod redis_server;
mod size;
mod story;
mod support;
