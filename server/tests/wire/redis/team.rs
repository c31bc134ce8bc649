//! What the dispatch team shares, told to people at different nodes.

use sally_client::bare::Incoming;
use sally_protocol::Role;
use serde_json::{Value, json};
use uuid::Uuid;

use super::nodes::Pair;
use super::process::Redis;
use crate::messaging::Socket;
use crate::team::{ASSIGN, NOTES, post};

/// The names of the events up to the first of this name.
async fn names_until(socket: &mut Socket, last: &str) -> Vec<String> {
    let mut names = Vec::new();
    while names.last().is_none_or(|name| name != last) {
        if let Incoming::Event(event) = socket.connection.next().await.unwrap() {
            names.push(event.name);
        }
    }
    names
}

#[tokio::test]
async fn it_reaches_the_team_at_the_other_node_and_nobody_else() {
    let redis = Redis::start();
    let pair = Pair::start(&redis.url()).await;
    let mut drivers = [Socket::driver(&pair.one, "drv-1").await, Socket::driver(&pair.two, "drv-1").await];
    let mut bob = Socket::dispatcher(&pair.two, "bob").await;
    let mut strangers = Vec::new();
    for node in [&pair.one, &pair.two] {
        strangers.push(Socket::open(node.url(), &node.token("globex", "eve", Role::Owner)).await);
    }

    let ann = pair.one.token("acme", "ann", Role::Dispatcher);
    let note = json!({ "content": "wants to quit", "clientNoteId": Uuid::new_v4().to_string() });
    let note = post(&pair.one, NOTES, &ann, note, 201).await;
    assert_eq!(bob.event("note").await, note);
    let given = post(&pair.one, ASSIGN, &ann, json!({ "userId": "bob" }), 200).await;
    assert_eq!(bob.event("assignment").await, given);
    let template = async |tenant: &str, user: &str| -> Value {
        let token = pair.one.token(tenant, user, Role::Owner);
        post(&pair.one, "/api/templates", &token, json!({ "title": "ETA", "text": "{eta}?" }), 201).await
    };
    let added = template("acme", "ann").await;
    assert_eq!(bob.event("templates_changed").await, json!({ "templateId": added["templateId"] }));

    // By now the others would have heard it as well; this is the first that they hear.
    bob.send(json!({ "recipientId": "drv-1", "content": "hello" })).await;
    for driver in &mut drivers {
        let mut names = names_until(driver, "new_message").await;
        names.retain(|name| name != "presence");
        assert_eq!(names, ["new_message"]);
    }
    let theirs = template("globex", "gus").await;
    for stranger in &mut strangers {
        assert_eq!(names_until(stranger, "templates_changed").await, ["templates_changed"]);
    }
    assert_ne!(theirs["templateId"], added["templateId"]);
}
