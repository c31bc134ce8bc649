//! `SALLY_JWKS`: tokens of a foreign issuer.

use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use futures_util::future::join_all;
use jiff::Timestamp;
use jsonwebtoken::{Algorithm, EncodingKey, Header};
use sally_client::bare::Connection;
use sally_protocol::Role;
use sally_protocol::message::NAMESPACE;
use serde_json::{Value, json};
use tokio::net::TcpListener;

use crate::issuer::{ALGORITHMS, Key, Site, public_forms, set};
use crate::messaging::Socket;
use crate::support::{Server, problem, until_within};

/// The longest that a new key may take: one that asked before, and what reading takes.
const PICKED_UP: Duration = Duration::from_secs(15);

fn now() -> i64 {
    Timestamp::now().as_second()
}

fn claims() -> Value {
    json!({ "sub": "eve", "tenantId": "acme", "role": "dispatcher", "exp": now() + 600 })
}

fn with(changes: Value) -> Value {
    let mut claims = claims();
    claims.as_object_mut().unwrap().extend(changes.as_object().unwrap().clone());
    claims
}

async fn with_source(source: String) -> Server {
    Server::with(|config| config.jwks = Some(source)).await
}

/// A server that knows these keys from a file.
async fn with_file(body: &str) -> Server {
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), body).unwrap();
    with_source(file.path().display().to_string()).await
}

/// Why a server doesn't start with this file.
async fn refusal(path: &std::path::Path) -> String {
    let dir = tempfile::tempdir().unwrap();
    let config = sally_server::Config {
        listen: "127.0.0.1:0".into(),
        data_dir: dir.path().to_owned(),
        jwks: Some(path.display().to_string()),
        ..sally_server::Config::default()
    };
    sally_server::start(config).await.err().expect("a refusal").to_string()
}

async fn status(server: &Server, token: &str) -> u16 {
    server.get("/auth/me", token).await.status().as_u16()
}

/// Tries a token wherever one may be used, all of which must refuse it with this code.
async fn refused(server: &Server, what: &str, token: &str, code: &str) {
    for path in ["/auth/me", "/sse/events", "/api/snapshot"] {
        assert_eq!(problem(server.get(path, token).await, 401).await, code, "{what} at {path}");
    }
    let refusal = Connection::open(server.url(), NAMESPACE, &json!({ "token": token })).await.err();
    assert!(refusal.is_some_and(|refusal| refusal.to_string().contains(code)), "{what} over Socket.IO");
}

#[tokio::test]
async fn tokens_of_each_algorithm_are_good_everywhere() {
    let keys = ALGORITHMS.map(|algorithm| Key::new(&format!("{algorithm:?}"), algorithm));
    let server = with_file(&set(&keys.each_ref())).await;
    for key in &keys {
        let token = key.sign(&claims());
        let me: Value = server.get("/auth/me", &token).await.json().await.unwrap();
        assert_eq!((me["userId"].as_str(), me["tenantId"].as_str()), (Some("eve"), Some("acme")), "{me}");
        assert_eq!(server.stream("", &token).await.next().await.event, "ready");
        let mut socket = Socket::open(server.url(), &token).await;
        assert_eq!(socket.session["userId"], "eve");
        let renewed = key.sign(&with(json!({ "exp": now() + 900 })));
        assert_eq!(socket.call("refresh_auth", json!({ "token": renewed })).await["ok"], true);
    }
    assert_eq!(status(&server, &server.token("acme", "ann", Role::Dispatcher)).await, 200, "its own are still good");
}

#[tokio::test]
async fn what_the_issuer_did_not_sign_is_refused() {
    let [rsa, ec, ed] = ALGORITHMS.map(|algorithm| Key::new(&format!("{algorithm:?}"), algorithm));
    let server = with_file(&set(&[&rsa, &ec, &ed])).await;
    for key in [&rsa, &ec, &ed] {
        refused(&server, "another key", &key.twin().sign(&claims()), "unauthorized").await;
        refused(&server, "an unknown kid", &key.sign_as(Some("unknown"), &claims()), "unauthorized").await;
        let [mine, others] = [key.sign(&claims()), key.sign(&with(json!({ "role": "owner" })))];
        let signature = mine.rsplit('.').next().unwrap();
        let forged = format!("{}.{signature}", others.rsplit_once('.').unwrap().0);
        refused(&server, "other claims", &forged, "unauthorized").await;
    }
    for (signer, named) in [(&ec, &rsa), (&rsa, &ec), (&ed, &ec), (&ec, &ed)] {
        let token = signer.sign_as(Some(&named.kid), &claims());
        refused(&server, "a key of another algorithm", &token, "unauthorized").await;
    }
}

#[tokio::test]
async fn a_token_that_names_no_key_means_the_only_one_of_its_algorithm() {
    let [one, other] = ["1", "2"].map(|kid| Key::new(kid, Algorithm::ES256));
    let ed = Key::new("3", Algorithm::EdDSA);
    let server = with_file(&set(&[&one, &ed])).await;
    for key in [&one, &ed] {
        assert_eq!(status(&server, &key.sign_as(None, &claims())).await, 200);
        refused(&server, "another key", &key.twin().sign_as(None, &claims()), "unauthorized").await;
    }
    let server = with_file(&set(&[&one, &other, &ed])).await;
    assert_eq!(status(&server, &ed.sign_as(None, &claims())).await, 200);
    refused(&server, "two that it could mean", &one.sign_as(None, &claims()), "unauthorized").await;
}

#[tokio::test]
async fn a_header_does_not_choose_how_it_is_believed() {
    let [rsa, ec, _] = ALGORITHMS.map(|algorithm| Key::new(&format!("{algorithm:?}"), algorithm));
    let server = with_file(&set(&[&rsa, &ec])).await;
    for (form, secret) in public_forms(&rsa.jwk()).iter().enumerate() {
        let header = Header { kid: Some(rsa.kid.clone()), ..Header::new(Algorithm::HS256) };
        let token = jsonwebtoken::encode(&header, &claims(), &EncodingKey::from_secret(secret)).unwrap();
        refused(&server, &format!("HS256 with the public key, form {form}"), &token, "unauthorized").await;
    }
    let body = URL_SAFE_NO_PAD.encode(claims().to_string());
    let good = ec.sign(&claims());
    let signature = good.rsplit('.').next().unwrap();
    for header in [
        json!({ "alg": "none" }),
        json!({ "alg": "none", "kid": ec.kid }),
        json!({ "alg": "None", "kid": ec.kid }),
        json!({ "alg": "RS256", "kid": ec.kid }),
        json!({ "alg": "ES256", "kid": rsa.kid }),
        json!({ "alg": "RS512", "kid": rsa.kid }),
        json!({ "kid": ec.kid }),
    ] {
        let head = URL_SAFE_NO_PAD.encode(header.to_string());
        for token in [format!("{head}.{body}."), format!("{head}.{body}.{signature}")] {
            refused(&server, &header.to_string(), &token, "unauthorized").await;
        }
    }
    // A key that the token brings along is nobody's.
    let own = Key::new("own", Algorithm::ES256);
    let jwk = serde_json::from_value(own.jwk()).unwrap();
    let header = Header { jwk: Some(jwk), kid: Some(own.kid.clone()), ..Header::new(Algorithm::ES256) };
    refused(&server, "its own key", &own.sign_with(&header, &claims()), "unauthorized").await;
}

#[tokio::test]
async fn times_hold_for_foreign_tokens_too() {
    let key = Key::new("a", Algorithm::EdDSA);
    let server = with_file(&set(&[&key])).await;
    let token = |claim: &str, at: i64| key.sign(&with(json!({ claim: at })));
    refused(&server, "expired", &token("exp", now()), "token_expired").await;
    refused(&server, "expired long ago", &token("exp", now() - 600), "token_expired").await;
    for claim in ["nbf", "iat"] {
        // A second for the test itself on either side of the five.
        assert_eq!(status(&server, &token(claim, now() + 4)).await, 200, "{claim}");
        refused(&server, claim, &token(claim, now() + 10), "unauthorized").await;
    }
    let mut endless = claims();
    endless.as_object_mut().unwrap().remove("exp");
    refused(&server, "without an end", &key.sign(&endless), "unauthorized").await;
}

#[tokio::test]
async fn issuer_and_audience_are_required_when_set() {
    let key = Key::new("a", Algorithm::ES256);
    let site = Site::start(set(&[&key])).await;
    let server = Server::with(|config| {
        config.jwks = Some(site.url());
        config.jwt_issuer = Some("https://id.example".into());
        config.jwt_audience = Some("dispatch".into());
    })
    .await;
    let good = json!({ "iss": "https://id.example", "aud": ["other", "dispatch"] });
    assert_eq!(status(&server, &key.sign(&with(good))).await, 200);
    for bad in [
        json!({}),
        json!({ "iss": "https://id.example" }),
        json!({ "aud": "dispatch" }),
        json!({ "iss": "https://id.example.evil.example", "aud": "dispatch" }),
        json!({ "iss": "https://id.example", "aud": "other" }),
    ] {
        refused(&server, &bad.to_string(), &key.sign(&with(bad.clone())), "unauthorized").await;
    }
    assert_eq!(status(&server, &server.token("acme", "ann", Role::Dispatcher)).await, 200);
}

#[tokio::test]
async fn a_new_key_is_found_and_a_withdrawn_one_is_gone() {
    let [first, second, third] = ["1", "2", "3"].map(|kid| Key::new(kid, Algorithm::ES256));
    let site = Site::start(set(&[&first])).await;
    let server = with_source(site.url()).await;
    assert_eq!(status(&server, &first.sign(&claims())).await, 200);
    site.put(set(&[&second]));
    assert_eq!(status(&server, &second.sign(&claims())).await, 200, "found by the first token that names it");
    refused(&server, "a withdrawn key", &first.sign(&claims()), "unauthorized").await;
    site.put(set(&[&third]));
    let token = third.sign(&claims());
    until_within(PICKED_UP, "the next key is found", async || status(&server, &token).await == 200).await;
    assert_eq!(status(&server, &second.sign(&claims())).await, 401);
}

#[tokio::test]
async fn unknown_keys_do_not_make_the_server_fetch_without_limit() {
    let key = Key::new("a", Algorithm::ES256);
    let site = Site::start(set(&[&key])).await;
    let server = with_source(site.url()).await;
    for _ in 0..4 {
        let tokens = (0..50).map(|n| key.sign_as(Some(&format!("unknown-{n}")), &claims())).collect::<Vec<_>>();
        let answers = join_all(tokens.iter().map(|token| status(&server, token))).await;
        assert!(answers.iter().all(|status| *status == 401));
    }
    assert!(site.fetches() <= 3, "{} times", site.fetches());
    assert_eq!(status(&server, &key.sign(&claims())).await, 200);
}

#[tokio::test]
async fn a_server_starts_without_the_issuer_and_goes_on_without_it() {
    join_all(["", "<html>busy</html>", "{}"].map(outage)).await;
}

/// An issuer that isn't there at first, then is, and then has this to say instead of its set.
async fn outage(nonsense: &str) {
    let [first, second] = ["1", "2"].map(|kid| Key::new(kid, Algorithm::EdDSA));
    let mut site = Site::closed(set(&[&first])).await;
    let server = with_source(site.url()).await;
    let own = server.token("acme", "ann", Role::Dispatcher);
    assert_eq!(status(&server, &own).await, 200);
    assert_eq!(status(&server, &first.sign(&claims())).await, 401);
    site.open().await;
    let token = first.sign(&claims());
    until_within(PICKED_UP, "the issuer is found", async || status(&server, &token).await == 200).await;
    site.put(nonsense.into());
    let seen = site.fetches();
    until_within(PICKED_UP, "the set is read anew", async || {
        assert_eq!(status(&server, &second.sign(&claims())).await, 401);
        site.fetches() > seen
    })
    .await;
    assert_eq!(status(&server, &token).await, 200, "known keys are used while it says {nonsense:?}");
    assert_eq!(status(&server, &own).await, 200);
}

#[tokio::test]
async fn an_issuer_that_never_answers_holds_nobody_up_for_long() {
    let silent = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let server = with_source(format!("http://{}/", silent.local_addr().unwrap())).await;
    assert_eq!(status(&server, &server.token("acme", "ann", Role::Dispatcher)).await, 200);
    let token = Key::new("a", Algorithm::EdDSA).sign(&claims());
    let answers = tokio::time::timeout(Duration::from_secs(8), join_all((0..9).map(|_| status(&server, &token)))).await;
    assert_eq!(answers.unwrap(), [401; 9]);
}

#[tokio::test]
async fn what_is_wrong_with_one_key_does_not_disturb_the_others() {
    let good = Key::new("good", Algorithm::ES256);
    let twin = good.twin();
    let secret = b"a secret that everybody can read";
    let weak = json!({ "kty": "RSA", "kid": "weak", "n": URL_SAFE_NO_PAD.encode([0xff; 128]), "e": "AQAB" });
    let keys = json!({ "keys": [
        7,
        {},
        { "kty": "RSA", "kid": 7 },
        { "kty": "oct", "kid": "secret", "alg": "HS256", "k": URL_SAFE_NO_PAD.encode(secret) },
        weak,
        good.jwk(),
        twin.jwk(),
        { "kty": "EC", "crv": "P-256", "kid": "off", "x": "AQAB", "y": "AQAB" },
        { "kty": "EC", "crv": "secp256k1", "kid": "coin", "x": "AQAB", "y": "AQAB" },
        { "kty": "OKP", "crv": "Ed25519", "kid": "short", "x": "AQAB" },
        Value::Null,
    ]});
    let server = with_file(&keys.to_string()).await;
    assert_eq!(status(&server, &good.sign(&claims())).await, 200);
    refused(&server, "a second key of a name", &twin.sign(&claims()), "unauthorized").await;
    let header = Header { kid: Some("secret".into()), ..Header::new(Algorithm::HS256) };
    let token = jsonwebtoken::encode(&header, &claims(), &EncodingKey::from_secret(secret)).unwrap();
    refused(&server, "a secret in the set", &token, "unauthorized").await;
}

#[tokio::test]
async fn a_file_without_a_key_of_use_is_refused_and_an_address_is_not() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("keys.json");
    assert!(refusal(&path).await.contains("keys.json"));
    let huge = format!(r#"{{"keys":[],"pad":"{}"}}"#, "x".repeat(512 * 1024));
    for (body, words) in [
        ("nonsense", "what should be a JWKS is none"),
        (r#"{"keys":[]}"#, "no key of use"),
        (r#"{"keys":[{"kty":"oct","k":"c2VjcmV0"}]}"#, "it is symmetric"),
        (&huge, "more than 262144 bytes"),
    ] {
        std::fs::write(&path, body).unwrap();
        let refusal = refusal(&path).await;
        assert!(refusal.starts_with("SALLY_JWKS: ") && refusal.contains(words), "{refusal}");
        let site = Site::start(body.into()).await;
        let server = with_source(site.url()).await;
        assert_eq!(status(&server, &server.token("acme", "ann", Role::Dispatcher)).await, 200);
    }
}

#[tokio::test]
async fn an_empty_set_withdraws_every_key() {
    let key = Key::new("a", Algorithm::ES256);
    let site = Site::start(set(&[&key])).await;
    let server = with_source(site.url()).await;
    assert_eq!(status(&server, &key.sign(&claims())).await, 200);
    site.put(set(&[]));
    assert_eq!(status(&server, &key.sign_as(Some("b"), &claims())).await, 401);
    refused(&server, "a withdrawn key", &key.sign(&claims()), "unauthorized").await;
}
