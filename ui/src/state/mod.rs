//! What the interface knows, as signals, and what it does with it.
//!
//! A [`Desk`] is made once and handed to every view by context.

mod assignment;
mod clock;
mod desk;
mod door;
mod inbox;
mod incoming;
mod link;
mod notes;
mod outgoing;
mod preference;
mod search;
mod sought;
mod stream;
mod tray;

pub(crate) use clock::{now, zone};
pub(crate) use desk::{Desk, Load, Phase, View};
pub(crate) use inbox::Draft;
pub(crate) use link::Link;
pub(crate) use preference::{Preference, Theme};
pub(crate) use sought::Sought;
