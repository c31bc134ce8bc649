//! Checking a server, signing in, and keeping the tokens fresh.

use std::time::Duration;

use crate::unruly::{Answer, Unruly, jwt, signed_in};
use futures_util::future::join_all;
use sally_client::{Error, Server, Session};
use sally_protocol::auth::LoginRequest;
use serde_json::json;
use tokio::net::TcpListener;

async fn code_of(address: &str) -> String {
    match Server::check(address).await {
        Ok(_) => "fine".into(),
        Err(error) => {
            assert!(error.to_string().ends_with('.'), "a sentence: {error}");
            error.code().to_owned()
        }
    }
}

async fn login(server: &Unruly) -> Session {
    let request = LoginRequest { email: "ann@acme.example".into(), password: "secret".into(), tenant: None };
    let checked = Server::check(&server.url).await.expect("a server");
    Session::login(checked, &request).await.expect("a session").0
}

#[tokio::test]
async fn a_good_server_is_recognised() {
    let server = Unruly::start().await;
    assert_eq!(code_of(&server.url).await, "fine");
    assert_eq!(code_of(&format!("{}/", server.url)).await, "fine");
}

#[tokio::test]
async fn each_way_of_failing_has_its_own_word() {
    assert_eq!(code_of("not an address").await, "bad_address");
    assert_eq!(code_of("https://sally.invalid").await, "unreachable");

    let free = TcpListener::bind("127.0.0.1:0").await.expect("a port").local_addr().expect("an address");
    assert_eq!(code_of(&free.to_string()).await, "refused");

    let mute = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let address = mute.local_addr().expect("an address").to_string();
    let error = Server::check_within(Duration::from_millis(50), &address).await.expect_err("no answer");
    assert_eq!(error, Error::TimedOut { address: format!("http://{address}") });

    let server = Unruly::start().await;
    for (answer, expected) in [
        (Answer::new(200, "text/html", "<h1>Welcome to nginx</h1>"), "not_a_server"),
        (Answer::json(json!({"name": "other", "protocol": 1})), "not_a_server"),
        (Answer::new(404, "text/plain", ""), "not_a_server"),
        (Answer::new(301, "text/plain", "").header("location", "https://elsewhere.example/"), "not_a_server"),
        (Answer::json(json!({"name": "sally-realtime", "protocol": 2})), "incompatible"),
        (Answer::json(json!({})).header("sally-protocol", "2"), "incompatible"),
        (Answer::new(502, "text/html", "<h1>Bad gateway</h1>").header("sally-protocol", ""), "unavailable"),
    ] {
        server.script("/healthz", [answer.clone()]);
        assert_eq!(code_of(&server.url).await, expected, "{answer:?}");
    }
}

#[tokio::test]
async fn a_refused_sign_in_is_the_servers_problem_document() {
    let server = Unruly::start().await;
    server.script("/auth/login", [Answer::problem(401, "bad_credentials")]);
    let request = LoginRequest { email: "ann@acme.example".into(), password: "wrong".into(), tenant: None };
    let checked = Server::check(&server.url).await.expect("a server");
    let error = Session::login(checked, &request).await.map(drop).expect_err("a refusal");
    assert_eq!((error.code(), error.is_retryable()), ("bad_credentials", false));
}

#[tokio::test]
async fn the_token_travels_as_a_cookie_and_is_never_shown() {
    let server = Unruly::start().await;
    let token = jwt("first", 900);
    server.script("/auth/login", [signed_in(&token, "r1")]);
    server.script("/api/conversations", [Answer::json(json!({"conversations": []}))]);
    let session = login(&server).await;
    session.conversations().await.expect("conversations");
    let seen = server.seen("/api/conversations");
    assert_eq!(seen[0].header("cookie"), Some(format!("access_token={token}").as_str()));
    assert_eq!(seen[0].header("origin"), None);
    let shown = format!("{session:?}");
    assert!(!shown.contains("first") && !shown.contains("r1"), "{shown}");
}

#[tokio::test]
async fn many_callers_of_an_ending_token_make_one_renewal() {
    let server = Unruly::start().await;
    let (old, new) = (jwt("old", 5), jwt("new", 900));
    server.script("/auth/login", [signed_in(&old, "r1")]);
    server.script("/auth/refresh", [signed_in(&new, "r2"), Answer::problem(401, "unauthorized")]);
    server.script("/api/conversations", [Answer::json(json!({"conversations": []}))]);
    let session = login(&server).await;
    for result in join_all((0..20).map(|_| session.conversations())).await {
        result.expect("conversations");
    }
    let renewals = server.seen("/auth/refresh");
    assert_eq!(renewals.len(), 1);
    assert_eq!(renewals[0].header("cookie"), Some("refresh_token=r1"));
    let expected = format!("access_token={new}");
    assert!(server.seen("/api/conversations").iter().all(|seen| seen.header("cookie") == Some(&expected)));
}

#[tokio::test]
async fn a_401_is_answered_once_with_a_rotated_token() {
    let server = Unruly::start().await;
    server.script("/auth/login", [signed_in(&jwt("a1", 900), "r1")]);
    server.script("/auth/refresh", [signed_in(&jwt("a2", 900), "r2"), signed_in(&jwt("a3", 900), "r3")]);
    let fine = Answer::json(json!({"conversations": []}));
    let refused = Answer::problem(401, "unauthorized");
    server.script("/api/conversations", [refused.clone(), fine, refused.clone(), refused]);
    let session = login(&server).await;
    session.conversations().await.expect("the second answer");
    let error = session.conversations().await.expect_err("two refusals");
    assert_eq!(error.code(), "signed_out");
    let cookies: Vec<_> =
        server.seen("/auth/refresh").iter().map(|seen| seen.header("cookie").map(str::to_owned)).collect();
    assert_eq!(cookies, [Some("refresh_token=r1".into()), Some("refresh_token=r2".into())], "the rotated one is used");
}

#[tokio::test]
async fn an_ended_session_says_so() {
    let server = Unruly::start().await;
    server.script("/auth/login", [signed_in(&jwt("a1", 5), "r1")]);
    server.script("/auth/refresh", [Answer::problem(401, "unauthorized")]);
    let error = login(&server).await.conversations().await.expect_err("no session");
    assert_eq!(error.code(), "signed_out");
    assert_eq!(server.seen("/api/conversations").len(), 0, "nothing is asked with a dead token");
}

#[tokio::test]
async fn issued_tokens_are_made_when_they_are_needed() {
    let server = Unruly::start().await;
    server.script("/api/conversations", [Answer::json(json!({"conversations": []}))]);
    let made = std::sync::atomic::AtomicUsize::new(0);
    let session = Session::issued(Server::check(&server.url).await.expect("a server"), move || {
        let n = made.fetch_add(1, std::sync::atomic::Ordering::SeqCst);
        jwt(&format!("t{n}"), if n == 0 { 5 } else { 900 })
    });
    session.conversations().await.expect("conversations");
    session.conversations().await.expect("conversations");
    let cookies: Vec<_> =
        server.seen("/api/conversations").iter().map(|seen| seen.header("cookie").map(str::to_owned)).collect();
    assert!(cookies.iter().all(|cookie| cookie.as_ref().is_some_and(|cookie| cookie.ends_with(".t1"))), "{cookies:?}");
}

#[tokio::test]
async fn logout_tells_the_server_and_forgets() {
    let server = Unruly::start().await;
    server.script("/auth/login", [signed_in(&jwt("a1", 900), "r1")]);
    server.script("/auth/logout", [Answer::new(204, "text/plain", "")]);
    server.script("/api/conversations", [Answer::problem(401, "unauthorized")]);
    let session = login(&server).await;
    session.logout().await.expect("a logout");
    let cookies = server.seen("/auth/logout")[0].header("cookie").map(str::to_owned).expect("cookies");
    assert!(cookies.contains("refresh_token=r1") && cookies.contains("access_token="), "{cookies}");
    assert_eq!(session.conversations().await.expect_err("no session").code(), "signed_out");
    assert_eq!(server.seen("/auth/refresh").len(), 0, "the refresh token is forgotten");
}
