//! What the interface knows, as signals, and what it does with it.
//!
//! A [`Desk`] is made once and handed to every view by context.

mod acknowledgements;
mod alerts;
mod assignment;
mod broadcast;
mod clock;
mod desk;
mod door;
mod inbox;
mod incoming;
mod link;
mod notes;
mod outgoing;
mod preference;
mod renew;
mod search;
mod sought;
mod stream;
mod template_form;
mod templates;
mod tray;

pub(crate) use acknowledgements::{Acknowledged, Looked};
pub(crate) use clock::{now, zone};
pub(crate) use desk::{Desk, Load, Phase, View};
pub(crate) use inbox::{Draft, Subject};
pub(crate) use link::Link;
pub(crate) use preference::{Preference, Theme};
pub(crate) use sought::Sought;
pub(crate) use templates::Templates;
