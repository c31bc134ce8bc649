//! A request with its acknowledgement.

use sally_protocol::message::RequestError;
use serde::Deserialize;
use serde_json::Value;
use tokio::sync::oneshot;

/// Why a request came to nothing.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Failure {
    /// It wasn't sent: there is no live connection.
    #[error("There is no connection to the server right now.")]
    Offline,
    /// The connection was lost before the answer came.
    #[error("The server didn't answer.")]
    NoAnswer,
    /// The server said no.
    #[error("{}", .0.message)]
    Refused(RequestError),
}

impl Failure {
    /// A stable word for programs; a refusal's own code.
    pub fn code(&self) -> &str {
        match self {
            Self::Offline => "offline",
            Self::NoAnswer => "no_answer",
            Self::Refused(error) => &error.code,
        }
    }

    /// Whether the same request may succeed later.
    pub fn is_retryable(&self) -> bool {
        match self {
            Self::Offline | Self::NoAnswer => true,
            Self::Refused(error) => error.retryable,
        }
    }
}

/// A request on its way down to the socket.
#[derive(Debug)]
pub(super) struct Request {
    pub(super) event: &'static str,
    pub(super) body: Value,
    pub(super) answer: oneshot::Sender<Result<Value, Failure>>,
}

#[derive(Deserialize)]
struct Answer {
    ok: bool,
    error: Option<RequestError>,
}

/// Tells `{ok: true, …}` from `{ok: false, error}`.
pub(super) fn read_answer(answer: Value) -> Result<Value, Failure> {
    match Answer::deserialize(&answer) {
        Ok(Answer { ok: true, .. }) => Ok(answer),
        Ok(Answer { error: Some(error), .. }) => Err(Failure::Refused(error)),
        Ok(Answer { error: None, .. }) | Err(_) => Err(Failure::NoAnswer),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn an_answer_is_an_answer_or_a_refusal() {
        let ok = json!({"ok": true, "messages": [], "duplicate": false});
        assert_eq!(read_answer(ok.clone()), Ok(ok));
        let refused = json!({"ok": false, "error": {"code": "too_long", "message": "Too long.", "retryable": false}});
        assert_eq!(read_answer(refused).map_err(|failure| failure.code().to_owned()), Err("too_long".into()));
        for odd in [json!({"ok": false}), json!(null), json!([1]), json!("yes")] {
            assert_eq!(read_answer(odd), Err(Failure::NoAnswer));
        }
    }
}
