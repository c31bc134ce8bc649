//! Asking the server again for what was fetched before.

use leptos::prelude::*;
use leptos::task::spawn_local;
use sally_protocol::desktop::CommandError;

use super::desk::Load;

/// Calls the core and takes in its answer, unless it was `asked` again meanwhile. What was fetched once
/// stays ready while it is fetched again, also where that fails: what was true a moment ago is better
/// than nothing.
pub(super) fn renew<T: 'static>(
    load: RwSignal<Load>,
    asked: StoredValue<u64>,
    call: impl Future<Output = Result<T, CommandError>> + 'static,
    take: impl FnOnce(T) + 'static,
) {
    let this = asked.get_value() + 1;
    asked.set_value(this);
    if load.get_untracked() != Load::Ready {
        load.set(Load::Loading);
    }
    spawn_local(async move {
        let answer = call.await;
        if asked.get_value() != this {
            return;
        }
        match answer {
            Ok(answer) => {
                take(answer);
                load.set(Load::Ready);
            }
            Err(_) if load.get_untracked() == Load::Ready => {}
            Err(error) => load.set(Load::Failed(error)),
        }
    });
}
