//! The contract over real sockets: a server on a free port, and clients that know nothing of it.
//!
//! With `SALLY_TEST_DATABASE=postgres` the servers keep their data in PostgreSQL.
//!
//! # Layout
//!
//! - [`support`]: the server under test, and a client that reads event streams byte by byte.
//! - [`stream`]: `GET /sse/events`: order, resume, snapshot, resync, roles, limits, expiry.
//! - [`stalled`]: a client that asks for one and does not read it, or that stops in the middle of a request.
//! - [`publish`]: `POST /api/events`.
//! - [`alerts`]: `POST /api/alerts/{id}/{action}`.
//! - [`sign_in`]: `/auth/*` and where tokens may come from.
//! - [`attempts`]: how often somebody may try to sign in.
//! - [`jwks`]: tokens of a foreign issuer, which is an [`issuer`] of the tests' own.
//! - [`messaging`]: the `/messaging` namespace over WebSocket.
//! - [`unread`]: who takes too little of it.
//! - [`search`]: `GET /api/search`.
//! - [`receipts`]: who has received, read and acknowledged, live and beside the history.
//! - [`acknowledgements`]: who still has to acknowledge.
//! - [`team`]: templates, notes and assignments.
//! - [`retention`]: messages that are too old go.
//! - [`polling`]: the same over HTTP long-polling.
//! - [`engine`] and [`namespace`]: Engine.IO and Socket.IO by their letter; [`packets`]: packet by packet.
//! - [`bad_requests`]: what clients send that they should not.
//! - [`foreign`]: the official Socket.IO client, from npm.
//! - [`driver`]: the page for drivers, in a [`browser`] the size of a phone; [`driver_files`]: its files and headers.
//! - [`description`]: the OpenAPI and AsyncAPI documents, beside what the server does, and their page.
//! - [`redis`]: the log in Redis, and raw `PUBLISH`es, with real redis-servers; [`cluster`]: a cluster of them.
//! - [`lost_database`]: a PostgreSQL that is out of reach for a while.
//! - [`shutdown`]: draining, and a restart by SIGKILL; [`listening`]: where such a process listens.
//! - [`postgres`], [`redis_server`]: servers of the tests' own; [`address`]: where one that moves is found.

#![expect(clippy::expect_used, clippy::unwrap_used, reason = "a test that can't go on fails")]

mod acknowledgements;
#[path = "../support/address.rs"]
mod address;
mod alerts;
mod attempts;
mod bad_requests;
#[path = "../support/browser.rs"]
mod browser;
#[path = "../support/cluster.rs"]
mod cluster;
mod connection;
mod description;
mod driver;
mod driver_files;
mod engine;
mod foreign;
#[path = "../support/issuer.rs"]
mod issuer;
mod jwks;
#[path = "../support/listening.rs"]
mod listening;
mod lost_database;
mod messaging;
mod namespace;
mod packets;
mod polling;
#[path = "../support/postgres.rs"]
mod postgres;
mod publish;
mod receipts;
mod redis;
#[path = "../support/redis.rs"]
mod redis_server;
mod retention;
mod search;
mod shutdown;
mod sign_in;
mod stalled;
mod stream;
mod support;
mod team;
mod unread;
