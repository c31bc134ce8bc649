//! What the dispatch team shares, over HTTP.

use crate::unruly::{Answer, Unruly, jwt, signed_in};
use sally_client::{Server, Session};
use sally_protocol::Id;
use sally_protocol::auth::LoginRequest;
use sally_protocol::team::TemplateDraft;
use serde_json::json;

pub(crate) async fn session(server: &Unruly) -> Session {
    server.script("/auth/login", [signed_in(&jwt("a1", 900), "r1")]);
    let request = LoginRequest { email: "ann@acme.example".into(), password: "secret".into(), tenant: None };
    Session::login(Server::check(&server.url).await.expect("a server"), &request).await.expect("a session").0
}

#[tokio::test]
async fn a_template_is_changed_and_removed_as_it_was_seen() {
    let server = Unruly::start().await;
    let session = session(&server).await;
    let id = Id::parse("t1").expect("an id");
    let stored = json!({ "templateId": "t1", "title": "Gate", "text": "Use gate 4", "version": 3, "updatedBy": "ann",
                         "updatedAt": "2026-11-24T10:00:00Z" });
    let conflict = Answer::problem(409, "version_conflict");
    server.script("/api/templates/t1", [conflict, Answer::json(stored), Answer::new(204, "text/plain", "")]);
    let draft = TemplateDraft { title: "Gate".into(), text: "Use gate 4".into(), version: Some(2) };
    let refused = session.change_template(&id, &draft).await.expect_err("a conflict");
    assert_eq!((refused.code(), refused.is_retryable()), ("version_conflict", false));
    assert_eq!(session.change_template(&id, &draft).await.expect("a template").version, 3);
    session.remove_template(&id, 3).await.expect("nothing in the way");
    let seen = server.seen("/api/templates/t1");
    assert_eq!(seen.last().map(|seen| seen.query.as_str()), Some("version=3"));
}

#[tokio::test]
async fn who_has_acknowledged_and_what_is_awaited_is_read() {
    let server = Unruly::start().await;
    let session = session(&server).await;
    let given = json!({ "userId": "d1", "name": "Maria", "messageId": "m1", "at": "2026-11-24T10:00:00Z" });
    let answer = json!({ "required": 2, "acknowledged": [given], "missing": [{ "userId": "d2", "messageId": "m2" }] });
    server.script("/api/messages/m1/acknowledgements", [Answer::json(answer)]);
    server.script("/api/acknowledgements", [Answer::json(json!({ "awaited": [], "more": true }))]);
    let answer = session.acknowledgements("m1").await.expect("an answer");
    assert_eq!((answer.required, answer.acknowledged.len(), answer.missing.len()), (2, 1, 1));
    assert_eq!(answer.acknowledged[0].asked.name.as_deref(), Some("Maria"));
    assert!(session.awaited_acknowledgements(200).await.expect("an answer").more);
    assert_eq!(server.seen("/api/acknowledgements")[0].query, "limit=200");
}
