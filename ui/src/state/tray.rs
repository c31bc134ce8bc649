//! What is written, on its way to the core, one after the other.

use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::rc::Rc;

use leptos::prelude::*;
use sally_protocol::Id;
use sally_protocol::message::SendMessage;

use super::inbox::Draft;

/// A message that the core hasn't taken yet.
pub(super) struct Written {
    /// Where it was written.
    pub(super) conversation: Id,
    /// As what, to be given back should it not be taken.
    pub(super) draft: Draft,
    /// What it has become.
    pub(super) message: SendMessage,
}

/// Two calls of the core may overtake each other. Through the tray they don't.
#[derive(Clone, Copy)]
pub(crate) struct Tray {
    state: StoredValue<Rc<State>, LocalStorage>,
}

#[derive(Default)]
struct State {
    written: RefCell<VecDeque<Written>>,
    moving: Cell<bool>,
}

impl Tray {
    /// An empty tray.
    pub(super) fn new() -> Self {
        Self { state: StoredValue::new_local(Rc::default()) }
    }

    /// Puts a message behind the others and, unless that is under way, has each of them passed on.
    pub(super) async fn pass_on(self, written: Written, take: impl AsyncFn(Written)) {
        let state = self.state.get_value();
        state.written.borrow_mut().push_back(written);
        if state.moving.replace(true) {
            return;
        }
        loop {
            let next = state.written.borrow_mut().pop_front();
            let Some(next) = next else { break };
            take(next).await;
        }
        state.moving.set(false);
    }
}
