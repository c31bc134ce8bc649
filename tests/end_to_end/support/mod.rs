//! Real processes, each of which ends with the value that stands for it.
//!
//! - [`scene`]: what one test needs, and the evidence it leaves when it fails.
//! - [`server`], [`redis`], [`app`], [`display`]: one kind of process each.
//! - [`driver`]: a driver's messaging client, the other end of what a dispatcher types.
//! - [`impostor`]: something that answers HTTP and is no usable server.
//! - [`process`]: a started program with its log, and its descendants' end.
//! - [`wait`]: waiting for a condition, never for a time.

pub(crate) mod app;
pub(crate) mod display;
pub(crate) mod driver;
pub(crate) mod impostor;
pub(crate) mod process;
pub(crate) mod redis;
pub(crate) mod scene;
pub(crate) mod server;
pub(crate) mod wait;

pub(crate) use wait::until_within;
