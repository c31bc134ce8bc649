//! What is written, on its way to the core, one after the other.

use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::pin::Pin;
use std::rc::Rc;

use leptos::prelude::*;

/// Two calls of the core may overtake each other. Through the tray they don't.
#[derive(Clone, Copy)]
pub(crate) struct Tray {
    state: StoredValue<Rc<State>, LocalStorage>,
}

type Call = Pin<Box<dyn Future<Output = ()>>>;

#[derive(Default)]
struct State {
    calls: RefCell<VecDeque<Call>>,
    moving: Cell<bool>,
}

impl Tray {
    /// An empty tray.
    pub(super) fn new() -> Self {
        Self { state: StoredValue::new_local(Rc::default()) }
    }

    /// Forgets what hasn't been passed on, for the next user.
    pub(super) fn forget(self) {
        self.state.set_value(Rc::default());
    }

    /// Puts a call behind the others and, unless that is under way, makes one after the other.
    pub(super) async fn pass_on(self, call: impl Future<Output = ()> + 'static) {
        let state = self.state.get_value();
        state.calls.borrow_mut().push_back(Box::pin(call));
        if state.moving.replace(true) {
            return;
        }
        loop {
            let next = state.calls.borrow_mut().pop_front();
            let Some(next) = next else { break };
            next.await;
        }
        state.moving.set(false);
    }
}
