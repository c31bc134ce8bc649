//! Signing in with an address and a password, and staying signed in.

use std::net::SocketAddr;
use std::time::Duration;

use axum::Json;
use axum::extract::rejection::JsonRejection;
use axum::extract::{ConnectInfo, State};
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use cookie::{Cookie, SameSite};
use jiff::Timestamp;
use sally_protocol::auth::LoginRequest;
use tokio::sync::OwnedSemaphorePermit;
use tokio::time::Instant;

use super::extract::{ACCESS_COOKIE, cookie as cookie_of};
use super::{Identity, Principal, password};
use crate::app::App;
use crate::error::ApiError;
use crate::store::sessions::Rotation;
use crate::store::users::User;

/// The cookie that carries the refresh token; it is sent to `/auth` alone.
pub(super) const REFRESH_COOKIE: &str = "refresh_token";

const REFRESH_PATH: &str = "/auth";

/// How long an access token holds.
const ACCESS_TTL: Duration = Duration::from_secs(15 * 60);

/// How long a refresh token holds.
const REFRESH_TTL: Duration = Duration::from_secs(7 * 24 * 60 * 60);

/// `POST /auth/login`: sets both cookies and answers who has signed in.
///
/// # Errors
///
/// 400 for another body, or where the address is known to several tenants and none is named; 401
/// `bad_credentials`, the same for an unknown address and a wrong password; 429
/// `too_many_attempts`, see [`super::attempts`]; 503 while too many sign in at once.
pub async fn login(
    State(app): State<App>,
    ConnectInfo(peer): ConnectInfo<SocketAddr>,
    headers: HeaderMap,
    request: Result<Json<LoginRequest>, JsonRejection>,
) -> Result<Response, ApiError> {
    let Json(request) = request?;
    let peer = app.proxies.client(peer.ip(), &headers);
    let (email, tenant) = (request.email.as_str(), request.tenant.as_ref());
    app.attempts.look(email, tenant, peer, Instant::now()).map_err(ApiError::too_many_attempts)?;
    // Entered with its turn alone: many who sign in at once with right passwords are no failures.
    let turn = app.attempts.turn().await.ok_or_else(ApiError::unavailable)?;
    let attempt = app.attempts.begin(email, tenant, peer, Instant::now()).map_err(ApiError::too_many_attempts)?;
    let fitting = match who_fits(&app, request, turn).await {
        Ok(fitting) => fitting,
        Err(error) => {
            attempt.not_tried();
            return Err(error);
        }
    };
    if !fitting.is_empty() {
        attempt.succeeded();
    }
    match fitting.as_slice() {
        [] => Err(ApiError::bad_credentials()),
        [user] => {
            let refresh = random_token()?;
            let expires_at = after(REFRESH_TTL);
            app.database.begin_session(&user.tenant, &user.id, &refresh, expires_at).await?;
            signed_in(&app, user, &refresh).await
        }
        _ => Err(ApiError::bad_request("tenant_required", "this address is known to several tenants: name one")),
    }
}

/// The users of this address who may sign in and whose password it is.
async fn who_fits(app: &App, request: LoginRequest, turn: OwnedSemaphorePermit) -> Result<Vec<User>, ApiError> {
    let users = app.database.users_by_email(&request.email, request.tenant.as_ref()).await?;
    let mut candidates: Vec<Option<User>> = users.into_iter().map(Some).collect();
    if candidates.is_empty() {
        // An address that nobody has takes as long to refuse: see `password::verify`.
        candidates.push(None);
    }
    let check = move || {
        // It ends with the work, also where nobody waits for that any more.
        let _turn = turn;
        let fits = |user: &Option<User>| {
            let hash = user.as_ref().and_then(|user| user.password_hash.as_deref());
            password::verify(&request.password, hash)
        };
        candidates.into_iter().filter(fits).flatten().filter(|user| !user.disabled).collect()
    };
    tokio::task::spawn_blocking(check).await.map_err(|error| ApiError::internal(&error))
}

/// `POST /auth/refresh`: exchanges the refresh token for new cookies.
///
/// # Errors
///
/// 401 when the token doesn't hold. One that was used before ends the whole family.
pub async fn refresh(State(app): State<App>, headers: HeaderMap) -> Result<Response, ApiError> {
    let token = cookie_of(&headers, REFRESH_COOKIE).ok_or(super::AuthError::Missing)?;
    let next = random_token()?;
    let rotation = app.database.rotate_session(&token, &next, Timestamp::now(), after(REFRESH_TTL)).await?;
    let Rotation::Rotated { tenant, user } = rotation else { return Err(super::AuthError::Invalid.into()) };
    match app.database.user(&tenant, &user).await? {
        Some(user) if !user.disabled => signed_in(&app, &user, &next).await,
        _ => Err(super::AuthError::Invalid.into()),
    }
}

/// `POST /auth/logout`: ends the family of the refresh token and removes both cookies. Also
/// answers 204 when nobody is signed in.
///
/// # Errors
///
/// 503 while the store can't be reached.
pub async fn logout(State(app): State<App>, headers: HeaderMap) -> Result<Response, ApiError> {
    if let Some(token) = cookie_of(&headers, REFRESH_COOKIE) {
        app.database.end_session(&token).await?;
    }
    let mut response = StatusCode::NO_CONTENT.into_response();
    set_cookie(&app, &mut response, ACCESS_COOKIE, "", "/", Duration::ZERO)?;
    set_cookie(&app, &mut response, REFRESH_COOKIE, "", REFRESH_PATH, Duration::ZERO)?;
    Ok(response)
}

/// `GET /auth/me`.
///
/// # Errors
///
/// 401 without a valid token, 403 without a role in a tenant.
pub async fn me(principal: Principal) -> Result<Response, ApiError> {
    Ok(Json(principal.me()?).into_response())
}

async fn signed_in(app: &App, user: &User, refresh: &str) -> Result<Response, ApiError> {
    let identity = Identity {
        tenant: user.tenant.to_string(),
        user: user.id.clone(),
        role: user.role,
        driver: user.driver.clone(),
        name: user.name.clone(),
    };
    let access = app.issuer.issue(&identity, ACCESS_TTL).map_err(|error| ApiError::internal(&error))?;
    let principal = app.verifier.verify(&access, Timestamp::now()).await?;
    let mut response = Json(principal.me()?).into_response();
    response.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    set_cookie(app, &mut response, ACCESS_COOKIE, &access, "/", ACCESS_TTL)?;
    set_cookie(app, &mut response, REFRESH_COOKIE, refresh, REFRESH_PATH, REFRESH_TTL)?;
    Ok(response)
}

fn set_cookie(
    app: &App,
    response: &mut Response,
    name: &str,
    value: &str,
    path: &str,
    max_age: Duration,
) -> Result<(), ApiError> {
    let max_age = cookie::time::Duration::try_from(max_age).map_err(|error| ApiError::internal(&error))?;
    let cookie = Cookie::build((name, value))
        .path(path)
        .http_only(true)
        .same_site(SameSite::Lax)
        .secure(app.cookie_secure)
        .max_age(max_age)
        .build();
    let value = HeaderValue::from_str(&cookie.to_string()).map_err(|error| ApiError::internal(&error))?;
    response.headers_mut().append(header::SET_COOKIE, value);
    Ok(())
}

fn random_token() -> Result<String, ApiError> {
    let mut bytes = [0_u8; 32];
    getrandom::fill(&mut bytes).map_err(|error| ApiError::internal(&error))?;
    Ok(URL_SAFE_NO_PAD.encode(bytes))
}

fn after(ttl: Duration) -> Timestamp {
    Timestamp::now().saturating_add(ttl).unwrap_or(Timestamp::MAX)
}
