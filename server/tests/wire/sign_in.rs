//! `/auth/*` and where tokens may come from.

use std::time::Duration;

use sally_protocol::{Id, Role, Tenant};
use sally_server::auth::password;
use sally_server::store::users::User;
use serde_json::{Value, json};

use crate::support::{Server, problem};

pub(crate) async fn add(server: &Server, tenant: &str, id: &str, email: &str, secret: &str) {
    let user = User {
        tenant: Tenant::parse(tenant).unwrap(),
        id: Id::parse(id).unwrap(),
        email: Some(email.into()),
        name: Some("Ann".into()),
        role: Role::Dispatcher,
        driver: None,
        password_hash: Some(password::hash(secret).unwrap()),
        disabled: false,
    };
    assert!(server.running().app().database.add_user(&user).await.unwrap());
}

pub(crate) async fn login(server: &Server, body: Value) -> reqwest::Response {
    server.http.post(server.path("/auth/login")).json(&body).send().await.unwrap()
}

/// The values of the cookies that an answer sets, and their attributes.
fn cookies(answer: &reqwest::Response) -> Vec<(String, String, String)> {
    answer
        .headers()
        .get_all("set-cookie")
        .iter()
        .map(|value| {
            let text = value.to_str().unwrap();
            let (pair, attributes) = text.split_once("; ").unwrap();
            let (name, value) = pair.split_once('=').unwrap();
            (name.to_owned(), value.to_owned(), attributes.to_owned())
        })
        .collect()
}

fn cookie(answer: &reqwest::Response, name: &str) -> String {
    cookies(answer).into_iter().find(|(known, ..)| known == name).unwrap().1
}

#[tokio::test]
async fn signing_in_sets_cookies_that_open_the_stream() {
    let server = Server::start().await;
    add(&server, "acme", "ann", "ann@acme.example", "correct horse").await;
    let answer = login(&server, json!({ "email": "Ann@Acme.example", "password": "correct horse" })).await;
    assert_eq!(answer.status(), 200);
    for (name, _, attributes) in cookies(&answer) {
        assert!(attributes.contains("HttpOnly") && attributes.contains("SameSite=Lax"), "{name}: {attributes}");
        assert!(!attributes.contains("Secure"), "on loopback: {attributes}");
    }
    let access = cookie(&answer, "access_token");
    let me: Value = answer.json().await.unwrap();
    assert_eq!(
        (me["userId"].as_str(), me["tenantId"].as_str(), me["role"].as_str()),
        (Some("ann"), Some("acme"), Some("dispatcher"))
    );
    let request = server.http.get(server.path("/auth/me")).header("Cookie", format!("access_token={access}"));
    assert_eq!(request.send().await.unwrap().json::<Value>().await.unwrap()["name"], "Ann");
}

#[tokio::test]
async fn a_wrong_password_and_an_unknown_address_look_alike() {
    let server = Server::start().await;
    add(&server, "acme", "ann", "ann@acme.example", "correct horse").await;
    for body in [
        json!({ "email": "ann@acme.example", "password": "wrong horse" }),
        json!({ "email": "bob@acme.example", "password": "correct horse" }),
        json!({ "email": "ann@acme.example", "password": "correct horse", "tenant": "globex" }),
    ] {
        assert_eq!(problem(login(&server, body).await, 401).await, "bad_credentials");
    }
    assert_eq!(problem(login(&server, json!({ "email": "x" })).await, 400).await, "invalid_json");
}

#[tokio::test]
async fn an_address_of_two_tenants_needs_one_named() {
    let server = Server::start().await;
    add(&server, "acme", "ann", "ann@example.org", "correct horse").await;
    add(&server, "globex", "ann", "ann@example.org", "correct horse").await;
    let body = json!({ "email": "ann@example.org", "password": "correct horse" });
    assert_eq!(problem(login(&server, body).await, 400).await, "tenant_required");
    let body = json!({ "email": "ann@example.org", "password": "correct horse", "tenant": "globex" });
    assert_eq!(login(&server, body).await.json::<Value>().await.unwrap()["tenantId"], "globex");
}

#[tokio::test]
async fn a_refresh_token_is_good_once_and_its_reuse_ends_the_family() {
    let server = Server::start().await;
    add(&server, "acme", "ann", "ann@acme.example", "correct horse").await;
    let answer = login(&server, json!({ "email": "ann@acme.example", "password": "correct horse" })).await;
    let first = cookie(&answer, "refresh_token");
    let refresh = async |token: &str| {
        let request = server.http.post(server.path("/auth/refresh")).header("Cookie", format!("refresh_token={token}"));
        request.send().await.unwrap()
    };
    let second = cookie(&refresh(&first).await, "refresh_token");
    assert_ne!(first, second);
    let third = cookie(&refresh(&second).await, "refresh_token");
    assert_eq!(problem(refresh(&first).await, 401).await, "unauthorized");
    assert_eq!(problem(refresh(&third).await, 401).await, "unauthorized", "the family has ended");
}

#[tokio::test]
async fn signing_out_ends_the_session() {
    let server = Server::start().await;
    add(&server, "acme", "ann", "ann@acme.example", "correct horse").await;
    let answer = login(&server, json!({ "email": "ann@acme.example", "password": "correct horse" })).await;
    let header = format!("refresh_token={}", cookie(&answer, "refresh_token"));
    let logout = server.http.post(server.path("/auth/logout")).header("Cookie", &header).send().await.unwrap();
    assert_eq!(logout.status(), 204);
    assert!(cookies(&logout).iter().all(|(_, value, attributes)| value.is_empty() && attributes.contains("Max-Age=0")));
    let refresh = server.http.post(server.path("/auth/refresh")).header("Cookie", &header).send().await.unwrap();
    assert_eq!(problem(refresh, 401).await, "unauthorized");
}

#[tokio::test]
async fn every_answer_names_its_protocol_and_unknown_paths_are_problems() {
    let server = Server::start().await;
    let answer = server.http.get(server.path("/nowhere")).send().await.unwrap();
    assert_eq!(answer.headers()["sally-protocol"], "1");
    assert_eq!(problem(answer, 404).await, "not_found");
    let answer = server.http.get(server.path("/auth/login")).send().await.unwrap();
    assert_eq!(problem(answer, 405).await, "method_not_allowed");
    let token = server.token_for("acme", "ann", Role::Dispatcher, None, Duration::ZERO);
    assert_eq!(problem(server.get("/auth/me", &token).await, 401).await, "token_expired");
}
