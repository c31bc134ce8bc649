//! Waiting for a condition, never for a time.

use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};

/// How long anything may take that should take a moment. Two busy cores must not fail a test.
pub(crate) const SOON: Duration = Duration::from_secs(30);

/// How often a condition is looked at.
const LOOK: Duration = Duration::from_millis(25);

/// Looks until there is something to see, at most for [`SOON`], and returns it.
///
/// # Errors
///
/// When time is up: that `what` did not happen, and the last error of looking if there was one.
pub(crate) async fn until<T>(what: &str, look: impl AsyncFnMut() -> Result<Option<T>>) -> Result<T> {
    within(SOON, what, look).await
}

/// [`until`] with a limit of its own.
///
/// # Errors
///
/// As for [`until`].
pub(crate) async fn within<T>(
    limit: Duration,
    what: &str,
    mut look: impl AsyncFnMut() -> Result<Option<T>>,
) -> Result<T> {
    let started = Instant::now();
    loop {
        let seen = look().await;
        let late = started.elapsed() > limit;
        match seen {
            Ok(Some(found)) => return Ok(found),
            Ok(None) if late => bail!("this did not happen within {limit:?}: {what}"),
            Err(error) if late => return Err(error).with_context(|| format!("this did not happen in time: {what}")),
            _ => tokio::time::sleep(LOOK).await,
        }
    }
}

/// Waits until `condition` holds, for the tests' parts that fail by panicking.
///
/// # Panics
///
/// When it doesn't hold within `limit`.
pub(crate) async fn until_within<F: Future<Output = bool>>(
    limit: Duration,
    what: &str,
    mut condition: impl FnMut() -> F,
) {
    let outcome = within(limit, what, async || Ok(condition().await.then_some(()))).await;
    outcome.unwrap_or_else(|error| panic!("{error:#}"));
}
