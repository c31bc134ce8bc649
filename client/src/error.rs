//! Every way a call can go wrong, as a sentence that says what to do.

use std::io;
use std::time::Duration;

use reqwest::header::RETRY_AFTER;
use sally_protocol::{PROTOCOL_HEADER, PROTOCOL_VERSION, Problem};

use crate::address::Address;

/// An error answer longer than this is cut; no problem document is.
const MAX_PROBLEM_BYTES: usize = 64 * 1024;

/// Why a call failed. Programs decide by the variant or by [`Error::code`]; the text is for people.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// What was typed isn't an address.
    #[error("“{0}” isn't a server address. One looks like https://sally.example or localhost:8787.")]
    BadAddress(String),
    /// No connection came about, or it broke off.
    #[error("{address} can't be reached ({cause}). Check the address and the network connection.")]
    Unreachable {
        /// The server.
        address: String,
        /// What the system said.
        cause: String,
    },
    /// The computer is there, and nothing listens at the port.
    #[error("Nothing is listening at {address}. Check the port, or ask whether the server is running.")]
    Refused {
        /// The server.
        address: String,
    },
    /// No answer within the limit.
    #[error("{address} didn't answer in time. Try again in a moment.")]
    TimedOut {
        /// The server.
        address: String,
    },
    /// Something answers, but not SALLY Realtime.
    #[error("{address} answers, but it isn't a SALLY Realtime server ({hint}). Check the address.")]
    NotAServer {
        /// The server.
        address: String,
        /// What was odd about the answer.
        hint: String,
    },
    /// The server speaks another generation of the protocol.
    #[error("{address} speaks protocol {theirs}, this program protocol {PROTOCOL_VERSION}. {}", advice(*theirs))]
    Incompatible {
        /// The server.
        address: String,
        /// The server's number.
        theirs: u32,
    },
    /// The server said no, and why.
    #[error("{}", sentence(problem))]
    Problem {
        /// Its words.
        problem: Box<Problem>,
        /// When to try again, where it said so.
        retry_after: Option<Duration>,
    },
    /// The session has ended; somebody must sign in.
    #[error("{reason}")]
    SignedOut {
        /// Why, as a sentence.
        reason: String,
    },
}

fn advice(theirs: u32) -> &'static str {
    match theirs > PROTOCOL_VERSION {
        true => "Update this program.",
        false => "Ask whoever runs the server to update it.",
    }
}

fn sentence(problem: &Problem) -> String {
    let text = problem.to_string();
    match text.ends_with(['.', '!', '?']) {
        true => text,
        false => format!("{text}."),
    }
}

impl Error {
    /// A stable word for programs; a problem's own code.
    pub fn code(&self) -> &str {
        match self {
            Self::BadAddress(_) => "bad_address",
            Self::Unreachable { .. } => "unreachable",
            Self::Refused { .. } => "refused",
            Self::TimedOut { .. } => "timed_out",
            Self::NotAServer { .. } => "not_a_server",
            Self::Incompatible { .. } => "incompatible",
            Self::Problem { problem, .. } => &problem.code,
            Self::SignedOut { .. } => "signed_out",
        }
    }

    /// Whether the same call may succeed later, with nothing else changed.
    pub fn is_retryable(&self) -> bool {
        match self {
            Self::Unreachable { .. } | Self::Refused { .. } | Self::TimedOut { .. } => true,
            Self::Problem { problem, .. } => matches!(problem.status, 408 | 429 | 500..=599),
            Self::BadAddress(_) | Self::NotAServer { .. } | Self::Incompatible { .. } | Self::SignedOut { .. } => false,
        }
    }

    /// Reads what reqwest has to say about a request that got no answer.
    pub(crate) fn from_transport(address: &Address, error: &reqwest::Error) -> Self {
        let address = address.to_string();
        if error.is_timeout() {
            return Self::TimedOut { address };
        }
        let mut cause: &dyn std::error::Error = error;
        while let Some(source) = cause.source() {
            cause = source;
        }
        match cause.downcast_ref::<io::Error>().map(io::Error::kind) {
            Some(io::ErrorKind::ConnectionRefused) => Self::Refused { address },
            _ => Self::Unreachable { address, cause: cause.to_string() },
        }
    }

    /// Reads an answer whose status isn't a success.
    pub(crate) async fn from_answer(address: &Address, answer: reqwest::Response) -> Self {
        if let Err(error) = check_protocol(address, &answer) {
            return error;
        }
        let status = answer.status();
        let retry_after = retry_after(&answer);
        let spoken = answer.headers().contains_key(PROTOCOL_HEADER);
        let body = read_limited(answer).await;
        let problem = match serde_json::from_slice::<Problem>(&body) {
            Ok(problem) => problem,
            // A proxy answers for a server that is away; that passes.
            Err(_) if status.is_server_error() => {
                let title = format!("{address} is unavailable right now (HTTP {})", status.as_u16());
                Problem::new(status.as_u16(), "unavailable", &title)
            }
            Err(_) if !spoken => {
                return Self::NotAServer { address: address.to_string(), hint: format!("HTTP {}", status.as_u16()) };
            }
            Err(_) => Problem::new(status.as_u16(), "refused", status.canonical_reason().unwrap_or("Refused")),
        };
        Self::Problem { problem: Box::new(problem), retry_after }
    }
}

/// Compares the answer's generation of the protocol with our own. A missing header says nothing:
/// an answer that comes from a proxy has none.
pub(crate) fn check_protocol(address: &Address, answer: &reqwest::Response) -> Result<(), Error> {
    let theirs = answer.headers().get(PROTOCOL_HEADER).and_then(|value| value.to_str().ok()?.parse::<u32>().ok());
    match theirs {
        Some(theirs) if theirs != PROTOCOL_VERSION => Err(Error::Incompatible { address: address.to_string(), theirs }),
        _ => Ok(()),
    }
}

/// `Retry-After` in seconds; the form with a date isn't used by the server.
fn retry_after(answer: &reqwest::Response) -> Option<Duration> {
    let seconds = answer.headers().get(RETRY_AFTER)?.to_str().ok()?.trim().parse().ok()?;
    Some(Duration::from_secs(seconds))
}

async fn read_limited(mut answer: reqwest::Response) -> Vec<u8> {
    let mut body = Vec::new();
    while let Ok(Some(chunk)) = answer.chunk().await {
        body.extend_from_slice(&chunk);
        if body.len() > MAX_PROBLEM_BYTES {
            break;
        }
    }
    body
}
