//! The way to the desktop's core: Tauri's `invoke` and one `Channel`.
//!
//! Values cross as JSON text and are read by serde_json, exactly as everywhere else on the wire.
//! Tauri's global object is reached by reflection, so that a page opened in a plain browser finds
//! out that it isn't there rather than failing to start.

use std::cell::Cell;

use js_sys::{Array, Function, JSON, Object, Promise, Reflect};
use sally_protocol::desktop::{CommandError, Push, Session};
use serde::de::DeserializeOwned;
use serde_json::Value;
use wasm_bindgen::prelude::{Closure, JsCast, JsValue};
use wasm_bindgen_futures::JsFuture;

/// Whether the page runs inside the desktop app.
pub(crate) fn is_there() -> bool {
    member("invoke").is_ok()
}

thread_local! {
    /// How often somebody has signed out.
    static SIGNED_OUT: Cell<u64> = const { Cell::new(0) };
}

/// Gives up every [`call`] that is under way: they were made for a user who has signed out, and what
/// they would answer isn't for the next one.
pub(crate) fn abandon_calls() {
    SIGNED_OUT.set(SIGNED_OUT.get() + 1);
}

/// Calls a command of the core with `args`, an object with camelCase keys.
///
/// # Errors
///
/// The core's own [`CommandError`], or one with code `interface` when the core can't be asked or its
/// answer can't be read. A call that is [given up](abandon_calls) never returns.
pub(crate) async fn call<T: DeserializeOwned>(command: &str, args: &Value) -> Result<T, CommandError> {
    let args = JSON::parse(&args.to_string()).map_err(|_| broken(command))?;
    unless_abandoned(invoke(command, args)).await
}

/// What `answer` becomes, unless somebody signs out before it does: then nothing, ever.
async fn unless_abandoned<T>(answer: impl Future<Output = T>) -> T {
    let signed_out = SIGNED_OUT.get();
    let answer = answer.await;
    if SIGNED_OUT.get() != signed_out {
        std::future::pending::<()>().await;
    }
    answer
}

/// Attaches the interface to the core: from now on `on_push` gets every [`Push`], in order. Returns
/// the session if somebody is signed in.
///
/// # Errors
///
/// As [`call`].
pub(crate) async fn open(mut on_push: impl FnMut(Push) + 'static) -> Result<Option<Session>, CommandError> {
    let command = "open";
    let channel = member("Channel").and_then(|channel| Reflect::construct(&channel, &Array::new()));
    let channel = channel.map_err(|_| broken(command))?;
    let handler = Closure::<dyn FnMut(JsValue)>::new(move |push| match read::<Push>(&push) {
        Some(push) => on_push(push),
        None => leptos::logging::warn!("a push of the core can't be read"),
    });
    let args = Object::new();
    // The channel lives as long as the page does, and so must its handler.
    Reflect::set(&channel, &"onmessage".into(), &handler.into_js_value()).map_err(|_| broken(command))?;
    Reflect::set(&args, &"channel".into(), &channel).map_err(|_| broken(command))?;
    invoke(command, args.into()).await
}

async fn invoke<T: DeserializeOwned>(command: &str, args: JsValue) -> Result<T, CommandError> {
    let promise: Promise = member("invoke")
        .and_then(|invoke| invoke.call2(&JsValue::UNDEFINED, &command.into(), &args))
        .and_then(|promise| promise.dyn_into())
        .map_err(|_| broken(command))?;
    match JsFuture::from(promise).await {
        Ok(answer) => read(&answer).ok_or_else(|| broken(command)),
        Err(refusal) => Err(read(&refusal).unwrap_or_else(|| broken(command))),
    }
}

/// A function of `window.__TAURI__.core`.
fn member(name: &str) -> Result<Function, JsValue> {
    let tauri = Reflect::get(&js_sys::global(), &"__TAURI__".into())?;
    let core = Reflect::get(&tauri, &"core".into())?;
    Reflect::get(&core, &name.into())?.dyn_into()
}

fn read<T: DeserializeOwned>(value: &JsValue) -> Option<T> {
    // A command without an answer gives `undefined`, which JSON has no word for.
    let value = if value.is_undefined() { &JsValue::NULL } else { value };
    let text = JSON::stringify(value).ok()?.as_string()?;
    serde_json::from_str(&text).ok()
}

fn broken(command: &str) -> CommandError {
    CommandError {
        code: "interface".to_owned(),
        message: format!(
            "The app did not answer as expected ({command}). Restart it; if that doesn't help, reinstall it."
        ),
        retryable: true,
    }
}

#[cfg(test)]
mod tests {
    use std::future::poll_fn;
    use std::pin::pin;
    use std::task::{Context, Poll, Waker};

    use super::*;

    #[test]
    fn an_answer_that_comes_after_signing_out_reaches_nobody() {
        let come = Cell::new(false);
        let answer = || poll_fn(|_| if come.get() { Poll::Ready(7) } else { Poll::Pending });
        let mut of_one_user = pin!(unless_abandoned(answer()));
        let mut waits = Context::from_waker(Waker::noop());
        assert_eq!(of_one_user.as_mut().poll(&mut waits), Poll::Pending);

        abandon_calls();
        let mut of_the_next = pin!(unless_abandoned(answer()));
        assert_eq!(of_the_next.as_mut().poll(&mut waits), Poll::Pending);
        come.set(true);
        assert_eq!(of_one_user.as_mut().poll(&mut waits), Poll::Pending);
        assert_eq!(of_the_next.as_mut().poll(&mut waits), Poll::Ready(7));
    }
}
