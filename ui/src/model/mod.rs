//! The view logic that needs no browser: what is shown, in which order, in which words.
//!
//! Everything here is a function of the board, the messages and the time; it is tested natively.

pub(crate) mod acknowledgements;
pub(crate) mod alerts;
pub(crate) mod assignment;
pub(crate) mod broadcast;
pub(crate) mod bubble;
pub(crate) mod conversations;
pub(crate) mod hit;
pub(crate) mod hold;
pub(crate) mod keys;
pub(crate) mod label;
pub(crate) mod marks;
pub(crate) mod notebook;
pub(crate) mod pace;
pub(crate) mod routes;
pub(crate) mod syncs;
pub(crate) mod template_form;
pub(crate) mod templates;
pub(crate) mod thread;
pub(crate) mod time;
