//! What the interface is told when something fails: a stable code, and a sentence.

use sally_client::messaging::Failure;
use sally_protocol::desktop::CommandError;

/// A failure of the app's own.
pub(crate) fn own(code: &str, message: &str, retryable: bool) -> CommandError {
    CommandError { code: code.into(), message: message.into(), retryable }
}

/// There is nobody signed in.
pub(crate) fn signed_out() -> CommandError {
    own("signed_out", "Nobody is signed in. Sign in first.", false)
}

/// The app is about to end.
pub(crate) fn ending() -> CommandError {
    own("ending", "The app is closing.", false)
}

/// There is no messaging connection.
pub(crate) fn offline() -> CommandError {
    of_request(&Failure::Offline)
}

/// A call over HTTP failed.
pub(crate) fn of_call(error: &sally_client::Error) -> CommandError {
    own(error.code(), &error.to_string(), error.is_retryable())
}

/// A request over the messaging connection failed.
pub(crate) fn of_request(failure: &Failure) -> CommandError {
    own(failure.code(), &failure.to_string(), failure.is_retryable())
}
