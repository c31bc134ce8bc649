//! Statements and transactions that end within a limit, answered or not.
//!
//! A database that is out of reach answers nothing, not even with an error: without a limit of our
//! own, whoever asks waits for as long as the operating system takes to give a connection up.

use std::time::Duration;

use futures_util::future::BoxFuture;
use futures_util::stream::{self, BoxStream};
use futures_util::{FutureExt as _, StreamExt as _, TryFutureExt as _, TryStreamExt as _};
use sqlx::any::{AnyQueryResult, AnyRow, AnyStatement, AnyTypeInfo};
use sqlx::{Any, Describe, Either, Error, Execute, Executor, SqlStr};

use super::connections::Connections;
use super::database::Kind;

/// How long a statement or a transaction may take, the wait for a connection included.
const LIMIT: Duration = Duration::from_secs(5);

/// `work`, or an error when it takes longer than the limit. Whether it was committed is unknown
/// then.
///
/// # Errors
///
/// As `work`; [`Error::PoolTimedOut`] when the time is over.
pub(crate) async fn within_limit<T, E: From<Error>>(work: impl Future<Output = Result<T, E>>) -> Result<T, E> {
    tokio::time::timeout(LIMIT, work).await.unwrap_or_else(|_| Err(Error::PoolTimedOut.into()))
}

/// Connections; every statement that they run ends within the limit. They run one at a time: a text with a second
/// statement in it is no statement.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Bounded<'c>(pub(super) &'c Connections);

impl Bounded<'_> {
    /// All that a statement comes to, in the next turn with a connection.
    async fn run<'q>(self, query: impl Execute<'q, Any> + 'q) -> Result<Vec<Either<AnyQueryResult, AnyRow>>, Error> {
        let mut turn = self.0.turn().await?;
        let kind = Kind::of(&turn);
        let results = collect(kind, turn.fetch_many(query)).await;
        results.inspect_err(|error| turn.doubt(error))
    }
}

/// All that one statement comes to. What it has done is the last that SQLite has to say, and is committed then:
/// that its thread has nothing more is not waited for, which would be another hand-over. A thread that says
/// nothing is gone. PostgreSQL may fail after that.
async fn collect(
    kind: Kind,
    mut results: BoxStream<'_, Result<Either<AnyQueryResult, AnyRow>, Error>>,
) -> Result<Vec<Either<AnyQueryResult, AnyRow>>, Error> {
    let mut collected = Vec::new();
    while let Some(result) = results.try_next().await? {
        let is_done = result.is_left();
        collected.push(result);
        if is_done && kind == Kind::Sqlite {
            return Ok(collected);
        }
    }
    match kind {
        Kind::Sqlite => Err(Error::WorkerCrashed),
        Kind::Postgres => Ok(collected),
    }
}

impl<'c> Executor<'c> for Bounded<'c> {
    type Database = Any;

    fn fetch_many<'e, 'q: 'e, E>(self, query: E) -> BoxStream<'e, Result<Either<AnyQueryResult, AnyRow>, Error>>
    where
        'c: 'e,
        E: 'q + Execute<'q, Any>,
    {
        stream::once(within_limit(self.run(query)))
            .map_ok(|results| stream::iter(results).map(Ok))
            .try_flatten()
            .boxed()
    }

    fn fetch_optional<'e, 'q: 'e, E>(self, query: E) -> BoxFuture<'e, Result<Option<AnyRow>, Error>>
    where
        'c: 'e,
        E: 'q + Execute<'q, Any>,
    {
        // To its end, past the row: SQLite commits a statement that writes only then, and may fail at it.
        self.fetch_all(query).map_ok(|rows| rows.into_iter().next()).boxed()
    }

    fn prepare_with<'e>(self, sql: SqlStr, parameters: &'e [AnyTypeInfo]) -> BoxFuture<'e, Result<AnyStatement, Error>>
    where
        'c: 'e,
    {
        within_limit(async move { self.0.turn().await?.prepare_with(sql, parameters).await }).boxed()
    }

    fn describe<'e>(self, sql: SqlStr) -> BoxFuture<'e, Result<Describe<Any>, Error>>
    where
        'c: 'e,
    {
        within_limit(async move { self.0.turn().await?.describe(sql).await }).boxed()
    }
}
