//! Who is signed in at which server, and the tokens that prove it.

use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use cookie::Cookie;
use futures_util::FutureExt;
use futures_util::future::{BoxFuture, Shared};
use jiff::{SignedDuration, Timestamp};
use reqwest::header::{COOKIE, HeaderMap, SET_COOKIE};
use reqwest::{Method, Response, StatusCode};
use sally_protocol::Problem;
use sally_protocol::auth::{LoginRequest, Me};

use crate::Error;
use crate::error::check_protocol;
use crate::server::Server;
use crate::token::{AccessToken, Secret};

/// A token with less life than this is renewed before it is used.
const MARGIN: SignedDuration = SignedDuration::from_secs(30);

/// A session at a server. A cheap clone; all clones share the tokens.
///
/// The tokens are kept here and sent explicitly as `Cookie`, since neither a webview nor an HTTP
/// library's cookie store sends `HttpOnly` cookies where and when this client needs them.
#[derive(Clone)]
pub struct Session {
    inner: Arc<Inner>,
}

struct Inner {
    server: Server,
    source: Source,
    tokens: Mutex<Tokens>,
}

/// Where the next access token comes from.
enum Source {
    /// `POST /auth/refresh`.
    Refresh,
    /// Whoever made the session.
    Issue(Box<dyn Fn() -> String + Send + Sync>),
}

struct Tokens {
    access: AccessToken,
    /// Only of a session that signed in.
    refresh: Option<Secret>,
    /// The renewal under way, which everybody who needs one waits for.
    renewal: Option<Renewal>,
}

type Renewal = Shared<BoxFuture<'static, Result<AccessToken, Error>>>;

impl Session {
    /// Signs in.
    ///
    /// # Errors
    ///
    /// [`Error::Problem`] when the server refuses, `bad_credentials` above all; else whatever kept
    /// the answer away.
    pub async fn login(server: Server, request: &LoginRequest) -> Result<(Self, Me), Error> {
        let answer = server.send(server.request(Method::POST, "auth/login").json(request)).await?;
        let (tokens, me) = read_tokens(&server, answer).await?;
        let session = Self { inner: Arc::new(Inner { server, source: Source::Refresh, tokens: Mutex::new(tokens) }) };
        Ok((session, me))
    }

    /// A session on tokens that `issue` makes, one at a time, whenever one is needed. One that
    /// always returns the same ends with it.
    pub fn issued(server: Server, issue: impl Fn() -> String + Send + Sync + 'static) -> Self {
        let access = AccessToken::new(&issue());
        let tokens = Tokens { access, refresh: None, renewal: None };
        Self { inner: Arc::new(Inner { server, source: Source::Issue(Box::new(issue)), tokens: Mutex::new(tokens) }) }
    }

    /// The server.
    pub fn server(&self) -> &Server {
        &self.inner.server
    }

    /// `GET /auth/me`.
    ///
    /// # Errors
    ///
    /// As any ordinary call.
    pub async fn me(&self) -> Result<Me, Error> {
        self.read(self.call(Method::GET, "auth/me", |request| request).await?).await
    }

    /// `POST /auth/logout`. The tokens are forgotten whatever the server says.
    ///
    /// # Errors
    ///
    /// When the server couldn't be told, so that the session lives on there until it expires.
    pub async fn logout(&self) -> Result<(), Error> {
        // A renewal that finishes after the logout would leave a live refresh token behind.
        let renewal = self.tokens().renewal.clone();
        if let Some(renewal) = renewal {
            let _ = renewal.await;
        }
        let cookies = {
            let mut tokens = self.tokens();
            let refresh = tokens.refresh.take();
            let access = std::mem::replace(&mut tokens.access, AccessToken::new(""));
            cookie_header(Some(&access), refresh.as_ref())
        };
        let request = self.server().request(Method::POST, "auth/logout").header(COOKIE, cookies);
        let answer = self.server().send(request).await?;
        match answer.status().is_success() {
            true => Ok(()),
            false => Err(Error::from_answer(self.server().address(), answer).await),
        }
    }

    /// A token that holds for a while yet, renewed if need be.
    ///
    /// # Errors
    ///
    /// As [`Session::renew`].
    pub(crate) async fn token(&self) -> Result<AccessToken, Error> {
        let access = self.tokens().access.clone();
        match access.ends_within(MARGIN, Timestamp::now()) {
            true => self.renew(&access).await,
            false => Ok(access),
        }
    }

    /// A token newer than `used`. Any number of callers make one request at most.
    ///
    /// # Errors
    ///
    /// [`Error::SignedOut`] when there can be none, else whatever kept the answer away.
    pub(crate) async fn renew(&self, used: &AccessToken) -> Result<AccessToken, Error> {
        let renewal = {
            let mut tokens = self.tokens();
            if tokens.access != *used {
                return Ok(tokens.access.clone());
            }
            tokens.renewal.get_or_insert_with(|| self.start_renewal(used)).clone()
        };
        renewal.await
    }

    /// The renewal runs in a task of its own: were it dropped with the caller that began it, the
    /// server's rotated refresh token would be lost, and the session with it.
    fn start_renewal(&self, used: &AccessToken) -> Renewal {
        let (session, used) = (self.clone(), used.clone());
        let task = tokio::spawn(async move {
            let result = session.request_renewal(&used).await;
            let mut tokens = session.tokens();
            tokens.renewal = None;
            let (access, refresh) = result?;
            tokens.access = access.clone();
            tokens.refresh = refresh;
            Ok(access)
        });
        async move { task.await.unwrap_or_else(|_| Err(session_ended())) }.boxed().shared()
    }

    async fn request_renewal(&self, used: &AccessToken) -> Result<(AccessToken, Option<Secret>), Error> {
        match &self.inner.source {
            Source::Issue(issue) => match AccessToken::new(&issue()) {
                same if same == *used => Err(session_ended()),
                access => Ok((access, None)),
            },
            Source::Refresh => {
                let Some(refresh) = self.tokens().refresh.clone() else { return Err(session_ended()) };
                let cookies = cookie_header(None, Some(&refresh));
                let request = self.server().request(Method::POST, "auth/refresh").header(COOKIE, cookies);
                let answer = self.server().send(request).await?;
                if matches!(answer.status(), StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN) {
                    return Err(session_ended());
                }
                let (tokens, _) = read_tokens(self.server(), answer).await?;
                Ok((tokens.access, tokens.refresh))
            }
        }
    }

    /// An ordinary call with the session's token; a 401 is answered once with a renewed one.
    ///
    /// # Errors
    ///
    /// [`Error::Problem`] for any status but a success, [`Error::SignedOut`] when the session has
    /// ended, else whatever kept the answer away.
    pub(crate) async fn call(
        &self,
        method: Method,
        path: &str,
        complete: impl Fn(reqwest::RequestBuilder) -> reqwest::RequestBuilder,
    ) -> Result<Response, Error> {
        let mut token = self.token().await?;
        let mut renewed = false;
        loop {
            let request = self.server().request(method.clone(), path);
            let request = complete(request).header(COOKIE, cookie_header(Some(&token), None));
            let answer = self.server().send(request).await?;
            match answer.status() {
                StatusCode::UNAUTHORIZED if !renewed => {
                    token = self.renew(&token).await?;
                    renewed = true;
                }
                StatusCode::UNAUTHORIZED => return Err(session_ended()),
                status if status.is_success() => return Ok(answer),
                _ => return Err(Error::from_answer(self.server().address(), answer).await),
            }
        }
    }

    /// Reads a successful answer's JSON.
    pub(crate) async fn read<T: serde::de::DeserializeOwned>(&self, answer: Response) -> Result<T, Error> {
        read_json(self.server(), answer).await
    }

    fn tokens(&self) -> MutexGuard<'_, Tokens> {
        self.inner.tokens.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for Session {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Session").field("server", self.server().address()).finish_non_exhaustive()
    }
}

fn session_ended() -> Error {
    Error::SignedOut { reason: "The session has ended. Sign in again.".into() }
}

/// The `Cookie` header that carries the tokens.
pub(crate) fn cookie_header(access: Option<&AccessToken>, refresh: Option<&Secret>) -> String {
    let access = access.map(|token| format!("access_token={}", token.reveal()));
    let refresh = refresh.map(|secret| format!("refresh_token={}", secret.reveal()));
    access.into_iter().chain(refresh).collect::<Vec<_>>().join("; ")
}

/// Reads the answer of a login or a refresh: the tokens from its cookies, and who they are for.
async fn read_tokens(server: &Server, answer: Response) -> Result<(Tokens, Me), Error> {
    if !answer.status().is_success() {
        return Err(Error::from_answer(server.address(), answer).await);
    }
    let access = cookie_value(answer.headers(), "access_token");
    let refresh = cookie_value(answer.headers(), "refresh_token");
    let me = read_json(server, answer).await?;
    let access = access.ok_or_else(|| Error::NotAServer {
        address: server.address().to_string(),
        hint: "its sign-in sets no cookie".into(),
    })?;
    let refresh = refresh.as_deref().map(Secret::new);
    Ok((Tokens { access: AccessToken::new(&access), refresh, renewal: None }, me))
}

async fn read_json<T: serde::de::DeserializeOwned>(server: &Server, answer: Response) -> Result<T, Error> {
    check_protocol(server.address(), &answer)?;
    let status = answer.status().as_u16();
    answer.json().await.map_err(|error| match error.is_decode() {
        true => {
            tracing::warn!(%error, "an answer can't be read");
            let problem = Problem::new(status, "unreadable", "The server's answer can't be read");
            Error::Problem { problem: Box::new(problem), retry_after: None }
        }
        false => Error::from_transport(server.address(), &error),
    })
}

fn cookie_value(headers: &HeaderMap, name: &str) -> Option<String> {
    headers
        .get_all(SET_COOKIE)
        .into_iter()
        .filter_map(|value| Cookie::parse(value.to_str().ok()?.to_owned()).ok())
        .find(|cookie| cookie.name() == name)
        .map(|cookie| cookie.value().to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Address;
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::time::Duration;

    #[tokio::test]
    async fn whoever_comes_late_with_the_old_token_gets_the_one_that_is_there() {
        let address = Address::parse("127.0.0.1:1").expect("an address");
        let server = Server::unchecked(Duration::from_secs(1), address).expect("a client");
        let made = AtomicUsize::new(0);
        let session = Session::issued(server, move || format!("t{}", made.fetch_add(1, Ordering::SeqCst)));
        let old = session.token().await.expect("a token");
        let new = session.renew(&old).await.expect("a token");
        assert_eq!(session.renew(&old).await, Ok(new.clone()));
        assert_ne!(session.renew(&new).await, Ok(new));
    }
}
