//! The door to messaging: opened on entering the view, closed on leaving it, one after the other.

use std::cell::Cell;
use std::rc::Rc;

use leptos::prelude::*;
use leptos::task::spawn_local;
use sally_protocol::desktop::CommandError;

use crate::commands;

/// Keeps the messaging connection as it is wanted. Somebody who leaves and comes back while the core
/// is still closing must end up with it open, so that the commands never overtake each other.
#[derive(Clone, Copy)]
pub(crate) struct Door {
    state: StoredValue<Rc<State>, LocalStorage>,
    /// Why the door could not be opened.
    pub(crate) failure: RwSignal<Option<CommandError>>,
}

#[derive(Default)]
struct State {
    wanted: Cell<bool>,
    open: Cell<bool>,
    moving: Cell<bool>,
}

impl Door {
    /// A closed door.
    pub(crate) fn new() -> Self {
        Self { state: StoredValue::new_local(Rc::default()), failure: RwSignal::new(None) }
    }

    /// A closed door again, for the next user: the core has closed the connection.
    pub(super) fn forget(self) {
        self.state.set_value(Rc::default());
        self.failure.set(None);
    }

    /// Opens the door, or tries again where that failed.
    pub(crate) fn open(self) {
        spawn_local(self.settle(true));
    }

    /// Closes the door.
    pub(crate) fn close(self) {
        spawn_local(self.settle(false));
    }

    /// Closes the door and returns when it is closed. Only a door that is moving at this moment is
    /// closed by whoever moves it, a little later.
    pub(crate) async fn shut(self) {
        self.settle(false).await;
    }

    /// Whether the connection is open or about to be.
    pub(crate) fn is_open(self) -> bool {
        self.state.with_value(|state| state.open.get() || state.moving.get())
    }

    async fn settle(self, open: bool) {
        let state = self.state.get_value();
        state.wanted.set(open);
        if state.moving.replace(true) {
            return;
        }
        while state.wanted.get() != state.open.get() {
            let opening = state.wanted.get();
            let answer = match opening {
                true => commands::enter_messaging().await,
                false => commands::leave_messaging().await,
            };
            // A door that fails to close is left for closed: there is nothing to be tried again by hand.
            state.open.set(opening && answer.is_ok());
            self.failure.set(answer.err().filter(|_| opening));
            if opening && !state.open.get() {
                break;
            }
        }
        state.moving.set(false);
    }
}
