//! How often somebody may try to sign in.

use std::net::{IpAddr, Ipv4Addr};
use std::time::{Duration, Instant};

use futures_util::future::join_all;
use reqwest::Response;
use sally_client::{Server as Checked, Session};
use sally_protocol::auth::LoginRequest;
use serde_json::{Value, json};

use crate::sign_in::{add, login};
use crate::support::{Server, problem, until};

const PASSWORD: &str = "correct horse";

/// Failures of an account, and of an address, that cost nothing.
const FREE: (usize, usize) = (5, 50);

/// A server that knows Ann and Bob.
async fn server() -> Server {
    behind_proxies(&[]).await
}

async fn behind_proxies(trusted: &[&str]) -> Server {
    let server = Server::with(|config| {
        config.trusted_proxies = trusted.iter().map(|network| network.parse().unwrap()).collect();
    })
    .await;
    for (id, email) in [("ann", "ann@acme.example"), ("bob", "bob@acme.example")] {
        add(&server, "acme", id, email, PASSWORD).await;
    }
    server
}

fn body(email: &str, password: &str) -> Value {
    json!({ "email": email, "password": password })
}

async fn attempt(server: &Server, email: &str, password: &str) -> u16 {
    login(server, body(email, password)).await.status().as_u16()
}

/// Signs in as if from this client of a proxy on this machine.
async fn forwarded(server: &Server, hops: &str, email: &str, password: &str) -> u16 {
    let request = server.http.post(server.path("/auth/login")).header("X-Forwarded-For", hops);
    request.json(&body(email, password)).send().await.unwrap().status().as_u16()
}

/// Fails for as long as that costs nothing.
async fn use_up(server: &Server, email: &str) {
    for _ in 0..FREE.0 {
        assert_eq!(attempt(server, email, "wrong horse").await, 401);
    }
}

/// How long a refusal says to wait, its shape checked.
async fn wait_of(answer: Response) -> Duration {
    let seconds: u64 = answer.headers()["retry-after"].to_str().unwrap().parse().unwrap();
    assert_eq!(problem(answer, 429).await, "too_many_attempts");
    assert!(seconds >= 1);
    Duration::from_secs(seconds)
}

#[tokio::test]
async fn who_guesses_waits_and_the_right_password_is_good_after_the_wait() {
    let server = server().await;
    use_up(&server, "ann@acme.example").await;
    let refused = Instant::now();
    let wait = wait_of(login(&server, body("ann@acme.example", "wrong horse")).await).await;
    assert_eq!(attempt(&server, "Ann@ACME.example", PASSWORD).await, 429, "however it is written");
    assert_eq!(attempt(&server, "bob@acme.example", PASSWORD).await, 200, "another account isn't disturbed");
    until("the wait is over", async || attempt(&server, "ann@acme.example", PASSWORD).await == 200).await;
    assert!(refused.elapsed() <= wait + Duration::from_secs(1), "no longer than it was said");
    use_up(&server, "ann@acme.example").await;
}

#[tokio::test]
async fn a_person_reads_how_long_to_wait() {
    let server = server().await;
    use_up(&server, "ann@acme.example").await;
    let checked = Checked::check(server.url()).await.unwrap();
    let request = LoginRequest { email: "ann@acme.example".into(), password: PASSWORD.into(), tenant: None };
    let error = Session::login(checked, &request).await.map(drop).unwrap_err();
    assert_eq!((error.code(), error.is_retryable()), ("too_many_attempts", true));
    assert_eq!(error.to_string(), "Too many attempts to sign in: try again in 1 s.");
}

#[tokio::test]
async fn guesses_at_the_same_time_count_one_by_one() {
    let server = server().await;
    let guesses = (0..60).map(|_| attempt(&server, "ann@acme.example", "wrong horse"));
    let statuses = join_all(guesses).await;
    let tried = statuses.iter().filter(|status| **status == 401).count();
    // While they run a second passes on a slow machine, which allows one more.
    assert!((FREE.0..=FREE.0 + 2).contains(&tried), "{statuses:?}");
    assert!(statuses.iter().all(|status| [401, 429].contains(status)), "{statuses:?}");
}

#[tokio::test]
async fn an_unknown_account_is_answered_like_a_known_one() {
    let server = server().await;
    let mut seen = Vec::new();
    for email in ["ann@acme.example", "nobody@acme.example"] {
        let mut answers = Vec::new();
        let mut fastest = Duration::MAX;
        for _ in 0..=FREE.0 {
            let asked = Instant::now();
            let answer = login(&server, body(email, "wrong horse")).await;
            if answer.status() == 401 {
                fastest = fastest.min(asked.elapsed());
            }
            let mut names: Vec<String> = answer.headers().keys().map(ToString::to_string).collect();
            names.sort();
            answers.push((answer.status().as_u16(), names, answer.text().await.unwrap()));
        }
        seen.push((answers, fastest));
    }
    let [(known, known_time), (unknown, unknown_time)] = seen.try_into().unwrap();
    assert_eq!(known, unknown);
    assert_eq!(known.last().unwrap().0, 429);
    assert!(known_time < unknown_time * 3 && unknown_time < known_time * 3, "{known_time:?} and {unknown_time:?}");
}

#[tokio::test]
async fn an_address_that_tries_many_accounts_waits() {
    let server = server().await;
    for n in 0..FREE.1 {
        assert_eq!(attempt(&server, &format!("user-{n}@acme.example"), "wrong horse").await, 401);
    }
    wait_of(login(&server, body("ann@acme.example", PASSWORD)).await).await;
    assert_eq!(forwarded(&server, "192.0.2.1", "ann@acme.example", PASSWORD).await, 429, "anybody may say that");
    let elsewhere = reqwest::Client::builder().local_address(IpAddr::V4(Ipv4Addr::new(127, 0, 0, 2))).build().unwrap();
    let request = elsewhere.post(server.path("/auth/login")).json(&body("ann@acme.example", PASSWORD));
    assert_eq!(request.send().await.unwrap().status(), 200, "another address isn't disturbed");
    until("the wait is over", async || attempt(&server, "bob@acme.example", PASSWORD).await == 200).await;
}

#[tokio::test]
async fn behind_a_trusted_proxy_each_client_is_an_address() {
    let server = behind_proxies(&["127.0.0.0/8"]).await;
    for n in 0..FREE.1 {
        // What the client itself sends stands first, and helps nobody.
        let hops = format!("203.0.113.{n}, 192.0.2.1, 127.0.0.9");
        assert_eq!(forwarded(&server, &hops, &format!("user-{n}@acme.example"), "wrong horse").await, 401);
    }
    assert_eq!(forwarded(&server, "203.0.113.99, 192.0.2.1", "ann@acme.example", PASSWORD).await, 429);
    assert_eq!(forwarded(&server, "192.0.2.2", "ann@acme.example", PASSWORD).await, 200);
}

#[tokio::test]
async fn a_flood_is_turned_away_and_the_server_goes_on() {
    let server = behind_proxies(&["127.0.0.1/32"]).await;
    let flood = (0..200_u16).map(|n| {
        let (server, email) = (&server, format!("user-{n}@acme.example"));
        async move { forwarded(server, &format!("198.51.100.{n}"), &email, "wrong horse").await }
    });
    let alive = async {
        // Everything else is answered meanwhile.
        let answer = server.http.get(server.path("/healthz")).timeout(Duration::from_secs(5)).send().await;
        answer.unwrap().status()
    };
    let (statuses, alive) = tokio::join!(join_all(flood), alive);
    assert_eq!(alive, 200);
    let count = |status: u16| statuses.iter().filter(|seen| **seen == status).count();
    assert_eq!(count(401) + count(503), statuses.len(), "{statuses:?}");
    assert!(count(503) > 0 && count(401) > 0, "{statuses:?}");
    assert_eq!(forwarded(&server, "198.51.100.1", "ann@acme.example", PASSWORD).await, 200);
}

#[tokio::test]
async fn many_who_sign_in_at_once_with_the_right_password_are_all_let_in() {
    let server = server().await;
    let all = join_all((0..60).map(|_| attempt(&server, "ann@acme.example", PASSWORD))).await;
    assert_eq!(all, [200; 60]);
}
