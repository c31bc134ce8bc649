//! What the dispatch team shares: `/api/templates`, notes and assignments.

use reqwest::Method;
use sally_protocol::Role;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::messaging::Socket;
use crate::support::{Server, problem};

pub(crate) const NOTES: &str = "/api/conversations/drv-1/notes";
pub(crate) const ASSIGN: &str = "/api/conversations/drv-1/assign";

async fn call(server: &Server, method: Method, path: &str, token: &str, body: Value) -> reqwest::Response {
    server.http.request(method, server.path(path)).bearer_auth(token).json(&body).send().await.unwrap()
}

pub(crate) async fn post(server: &Server, path: &str, token: &str, body: Value, status: u16) -> Value {
    let answer = call(server, Method::POST, path, token, body).await;
    assert_eq!(answer.status(), status);
    answer.json().await.unwrap()
}

async fn get(server: &Server, path: &str, token: &str) -> Value {
    server.get(path, token).await.json().await.unwrap()
}

#[tokio::test]
async fn two_who_edit_a_template_do_not_overwrite_each_other() {
    let server = Server::start().await;
    let mut bob = Socket::dispatcher(&server, "bob").await;
    let ann = server.token("acme", "ann", Role::Dispatcher);
    let added = post(&server, "/api/templates", &ann, json!({ "title": "ETA", "text": "{driver}: {eta}?" }), 201).await;
    assert_eq!((&added["version"], &added["updatedBy"]), (&json!(1), &json!("ann")));
    assert_eq!(bob.event("templates_changed").await, json!({ "templateId": added["templateId"] }));
    let path = format!("/api/templates/{}", added["templateId"].as_str().unwrap());
    let edited = json!({ "title": "ETA", "text": "When at {stop}?", "version": 1 });
    let changed: Value = call(&server, Method::PUT, &path, &ann, edited.clone()).await.json().await.unwrap();
    assert_eq!((&changed["version"], &changed["text"]), (&json!(2), &json!("When at {stop}?")));
    assert_eq!(get(&server, "/api/templates", &ann).await, json!({ "templates": [changed] }));
    let owner = server.token("acme", "olga", Role::Owner);
    let late = call(&server, Method::PUT, &path, &owner, edited.clone()).await;
    assert_eq!(problem(late, 409).await, "version_conflict");
    let remove = async |version: u64, token: &str| {
        call(&server, Method::DELETE, &format!("{path}?version={version}"), token, json!({})).await
    };
    assert_eq!(problem(remove(1, &owner).await, 409).await, "version_conflict");
    let eve = server.token("globex", "eve", Role::Owner);
    assert_eq!(problem(remove(2, &eve).await, 404).await, "not_found");
    assert_eq!(problem(call(&server, Method::PUT, &path, &eve, edited).await, 404).await, "not_found");
    assert_eq!(get(&server, "/api/templates", &eve).await, json!({ "templates": [] }));
    assert_eq!(remove(2, &owner).await.status(), 204);
    assert_eq!(problem(remove(2, &owner).await, 404).await, "not_found");
}

#[tokio::test]
async fn a_bad_template_is_refused() {
    let server = Server::start().await;
    let ann = server.token("acme", "ann", Role::Dispatcher);
    let cases = [
        (json!({ "title": "", "text": "x" }), 422, "invalid_title"),
        (json!({ "title": "x".repeat(81), "text": "x" }), 422, "invalid_title"),
        (json!({ "title": "x", "text": "" }), 422, "invalid"),
        (json!({ "title": "x", "text": "\u{7}" }), 422, "invalid"),
        (json!({ "title": "x", "text": "x".repeat(2_501) }), 422, "too_long"),
        (json!({ "title": "x", "text": "{truck}" }), 422, "unknown_placeholder"),
        (json!({ "title": "x" }), 400, "invalid_json"),
        (json!("x"), 400, "invalid_json"),
    ];
    for (body, status, code) in cases {
        let answer = call(&server, Method::POST, "/api/templates", &ann, body.clone()).await;
        assert_eq!(problem(answer, status).await, code, "{body}");
    }
    let answer = call(&server, Method::PUT, "/api/templates/t", &ann, json!({ "title": "x", "text": "x" })).await;
    assert_eq!(problem(answer, 400).await, "version_required");
    let answer = call(&server, Method::DELETE, "/api/templates/t", &ann, json!({})).await;
    assert_eq!(problem(answer, 400).await, "invalid_query");
}

#[tokio::test]
async fn a_note_is_told_to_the_team_and_never_to_the_driver() {
    let server = Server::start().await;
    let mut driver = Socket::driver(&server, "drv-1").await;
    let mut bob = Socket::dispatcher(&server, "bob").await;
    let ann = server.token("acme", "ann", Role::Dispatcher);
    let draft = json!({ "content": "wants to quit", "clientNoteId": Uuid::new_v4().to_string() });
    let note = post(&server, NOTES, &ann, draft.clone(), 201).await;
    assert_eq!((&note["authorName"], &note["conversationId"]), (&json!("ann of acme"), &json!("drv-1")));
    assert_eq!(bob.event("note").await, note);
    assert_eq!(post(&server, NOTES, &ann, draft, 200).await, note);
    let second = json!({ "content": "again", "clientNoteId": Uuid::new_v4().to_string() });
    let second = post(&server, NOTES, &ann, second, 201).await;
    assert_eq!(bob.event("note").await, second, "a repeat isn't told");
    assert_eq!(get(&server, &format!("{NOTES}?limit=1"), &ann).await, json!({ "notes": [second], "more": true }));
    let older = format!("{NOTES}?before={}", second["noteId"].as_str().unwrap());
    assert_eq!(get(&server, &older, &ann).await, json!({ "notes": [note], "more": false }));

    // The first that the driver hears is the message after the notes, and it is all there is.
    let message = bob.send(json!({ "recipientId": "drv-1", "content": "hello" })).await["messages"][0].clone();
    let heard = driver.connection.next().await.unwrap();
    let sally_client::bare::Incoming::Event(heard) = heard else { panic!("{heard:?}") };
    let own = server.token("acme", "drv-1", Role::Driver);
    if heard.name == "presence" {
        assert_eq!(driver.event("new_message").await, message);
    } else {
        assert_eq!((heard.name.as_str(), &heard.args[0]), ("new_message", &message));
    }
    assert_eq!(message["seq"], 1);
    for token in [&own, &ann] {
        assert_eq!(get(&server, "/api/search?q=quit", token).await["results"], json!([]));
    }
    let listed = get(&server, "/api/conversations", &own).await;
    assert_eq!(
        (&listed["conversations"][0]["unread"], &listed["conversations"][0]["lastMessage"]),
        (&json!(1), &message)
    );
}

#[tokio::test]
async fn a_bad_note_is_refused() {
    let server = Server::start().await;
    let _driver = Socket::driver(&server, "drv-1").await;
    let ann = server.token("acme", "ann", Role::Dispatcher);
    let id = Uuid::new_v4().to_string();
    let cases = [
        (json!({ "content": "", "clientNoteId": id }), 422, "invalid"),
        (json!({ "content": "a\u{0}", "clientNoteId": id }), 422, "invalid"),
        (json!({ "content": "x".repeat(2_501), "clientNoteId": id }), 422, "too_long"),
        (json!({ "content": "x", "clientNoteId": "1" }), 422, "invalid"),
        (json!({ "content": "x" }), 400, "invalid_json"),
    ];
    for (body, status, code) in cases {
        assert_eq!(problem(call(&server, Method::POST, NOTES, &ann, body.clone()).await, status).await, code, "{body}");
    }
    let answer = server.get(&format!("{NOTES}?before=a%20b"), &ann).await;
    assert_eq!(problem(answer, 400).await, "invalid_query");
}

#[tokio::test]
async fn a_conversation_is_given_to_one_of_the_team() {
    let server = Server::start().await;
    let _driver = Socket::driver(&server, "drv-1").await;
    let mut bob = Socket::dispatcher(&server, "bob").await;
    let ann = server.token("acme", "ann", Role::Dispatcher);
    let given = post(&server, ASSIGN, &ann, json!({ "userId": "bob" }), 200).await;
    assert_eq!(
        (&given["assigneeId"], &given["assigneeName"], &given["assignedBy"]),
        (&json!("bob"), &json!("bob of acme"), &json!("ann"))
    );
    assert_eq!(bob.event("assignment").await, given);
    let listed = get(&server, "/api/conversations", &ann).await["conversations"][0].clone();
    assert_eq!((&listed["assigneeId"], &listed["assigneeName"]), (&json!("bob"), &json!("bob of acme")));
    let own = server.token("acme", "drv-1", Role::Driver);
    let seen = get(&server, "/api/conversations", &own).await["conversations"][0].clone();
    assert_eq!((seen.get("assigneeId"), seen.get("assigneeName")), (None, None));
    let members = json!([{ "userId": "ann", "name": "ann of acme" }, { "userId": "bob", "name": "bob of acme" }]);
    assert_eq!(get(&server, "/api/team", &ann).await, json!({ "members": members }));

    for nobody in ["drv-1", "unknown"] {
        let answer = call(&server, Method::POST, ASSIGN, &ann, json!({ "userId": nobody })).await;
        assert_eq!(problem(answer, 422).await, "unknown_assignee");
    }
    let answer = call(&server, Method::POST, ASSIGN, &ann, json!({ "userId": 7 })).await;
    assert_eq!(problem(answer, 400).await, "invalid_json");
    post(&server, ASSIGN, &ann, json!({ "userId": null }), 200).await;
    assert_eq!(bob.event("assignment").await.get("assigneeId"), None);
    assert_eq!(get(&server, "/api/conversations", &ann).await["conversations"][0].get("assigneeId"), None);
}

#[tokio::test]
async fn it_is_the_dispatch_teams_alone() {
    let server = Server::start().await;
    let _driver = Socket::driver(&server, "drv-1").await;
    let note = json!({ "content": "x", "clientNoteId": Uuid::new_v4().to_string() });
    let template = json!({ "title": "x", "text": "x", "version": 1 });
    let requests = [
        (Method::GET, "/api/templates", json!({})),
        (Method::POST, "/api/templates", template.clone()),
        (Method::PUT, "/api/templates/t", template),
        (Method::DELETE, "/api/templates/t?version=1", json!({})),
        (Method::GET, NOTES, json!({})),
        (Method::POST, NOTES, note.clone()),
        (Method::POST, ASSIGN, json!({ "userId": null })),
        (Method::GET, "/api/team", json!({})),
    ];
    for (method, path, body) in requests {
        for role in [Role::Driver, Role::Service] {
            let token = server.token("acme", "drv-1", role);
            let answer = call(&server, method.clone(), path, &token, body.clone()).await;
            assert_eq!(problem(answer, 403).await, "forbidden", "{method} {path}");
        }
    }
    let (eve, ann) = (server.token("globex", "eve", Role::Owner), server.token("acme", "ann", Role::Dispatcher));
    for (token, conversation) in [(&eve, "drv-1"), (&ann, "ann"), (&ann, "unknown")] {
        let path = |what: &str| format!("/api/conversations/{conversation}/{what}");
        let assign = json!({ "userId": null });
        assert_eq!(problem(server.get(&path("notes"), token).await, 404).await, "not_found");
        let answer = call(&server, Method::POST, &path("notes"), token, note.clone()).await;
        assert_eq!(problem(answer, 404).await, "not_found");
        let answer = call(&server, Method::POST, &path("assign"), token, assign).await;
        assert_eq!(problem(answer, 404).await, "not_found");
    }
}
