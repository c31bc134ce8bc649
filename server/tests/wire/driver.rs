//! The page for drivers, in a browser.

use jiff::Timestamp;
use sally_protocol::message::MessagePriority;
use sally_protocol::{Id, Role, Tenant};
use sally_server::auth::password;
use sally_server::store::messages::{Outgoing, Recipients};
use sally_server::store::users::User;
use serde_json::json;
use uuid::Uuid;

use crate::browser::{Browser, PAGE_PATIENCE};
use crate::messaging::Socket;
use crate::support::{Server, until_within};

const PASSWORD: &str = "correct horse";

/// A script that puts a list into the outbox of the driver whom these tests know.
const KEEP_IN_OUTBOX: &str = "localStorage.setItem('sally.driver.outbox.acme.drv-1', arguments[0])";

async fn add(server: &Server, id: &str, name: &str, role: Role) {
    let user = User {
        tenant: Tenant::parse("acme").unwrap(),
        id: Id::parse(id).unwrap(),
        email: Some(format!("{id}@acme.example")),
        name: Some(name.into()),
        role,
        driver: None,
        password_hash: Some(password::hash(PASSWORD).unwrap()),
        disabled: false,
    };
    assert!(server.running().app().database.add_user(&user).await.unwrap());
}

/// The page in a browser, somebody signed in.
async fn signed_in(server: &Server, id: &str) -> Browser {
    let browser = Browser::open().await;
    browser.page.goto(&server.path("/driver")).await.unwrap();
    browser.fill("[name=email]", &format!("{id}@acme.example")).await;
    browser.fill("[name=password]", PASSWORD).await;
    browser.press("Sign in").await;
    browser
}

/// A server that knows a driver, and the driver's page.
async fn dana() -> (Server, Browser) {
    let server = Server::start().await;
    add(&server, "drv-1", "Dana Ortiz", Role::Driver).await;
    let browser = signed_in(&server, "drv-1").await;
    browser.shows("#composer").await;
    let connected = "return document.querySelector('#presence').textContent !== 'Connecting…'";
    until_within(PAGE_PATIENCE, "connected", async || browser.evaluate(connected, &[]).await == true).await;
    (server, browser)
}

#[tokio::test]
async fn a_driver_reads_acknowledges_and_answers() {
    let (server, browser) = dana().await;
    let mut ann = Socket::dispatcher(&server, "ann").await;
    browser.says("Someone is at the desk").await;
    let sent = ann
        .send(json!({
            "recipientId": "drv-1",
            "content": "Check the doors <b>now</b>\u{202e}txt.exe",
            "priority": "urgent",
            "requiresAck": true,
        }))
        .await;
    let message_id = &sent["messages"][0]["messageId"];
    browser.says("Check the doors <b>now</b>txt.exe").await;
    browser.says("Urgent").await;
    for kind in ["delivered", "read"] {
        let receipt = ann.event("receipt").await;
        assert_eq!((&receipt["kind"], &receipt["seq"]), (&json!(kind), &json!(1)));
    }

    browser.press("Acknowledge").await;
    let receipt = ann.event("receipt").await;
    assert_eq!((&receipt["kind"], &receipt["messageId"]), (&json!("acknowledged"), message_id));
    browser.says("Acknowledged").await;

    browser.press("On my way").await;
    let answer = ann.event("new_message").await;
    assert_eq!((&answer["content"], &answer["senderName"]), (&json!("On my way"), &json!("Dana Ortiz")));
    browser.shows(".progress.sent").await;
    for (kind, request) in [("delivered", "mark_delivered"), ("read", "mark_read")] {
        ann.call(request, json!({ "conversationId": "drv-1", "seq": 2 })).await;
        browser.shows(&format!(".progress.{kind}")).await;
    }
    ann.call("typing", json!({ "conversationId": "drv-1", "typing": true })).await;
    browser.says("Dispatch is typing").await;
    assert_eq!(browser.complaints().await, Vec::<String>::new());
}

#[tokio::test]
async fn another_device_shows_the_same() {
    let server = Server::start().await;
    add(&server, "drv-1", "Dana Ortiz", Role::Driver).await;
    let mut ann = Socket::dispatcher(&server, "ann").await;
    let mut phone = Socket::driver(&server, "drv-1").await;
    let sent = ann.send(json!({ "recipientId": "drv-1", "content": "Confirm", "requiresAck": true })).await;
    phone.send(json!({ "content": "Confirmed" })).await;
    phone.call("acknowledge_message", json!({ "messageId": sent["messages"][0]["messageId"] })).await;
    ann.call("mark_read", json!({ "conversationId": "drv-1", "seq": 2 })).await;
    let browser = signed_in(&server, "drv-1").await;
    browser.shows(".progress.read").await;
    browser.says("Acknowledged").await;
    assert_eq!(browser.complaints().await, Vec::<String>::new());
}

#[tokio::test]
async fn what_is_typed_without_a_server_arrives_once() {
    let (mut server, browser) = dana().await;
    let mut ann = Socket::dispatcher(&server, "ann").await;
    ann.send(json!({ "recipientId": "drv-1", "content": "Where are you?" })).await;
    browser.says("Where are you?").await;
    drop(ann);

    server.stop().await;
    browser.says("No connection").await;
    browser.fill("#text", "Typed in a tunnel").await;
    browser.click("#composer button").await;
    browser.press("Arrived").await;
    browser.says("Waiting").await;

    // The access token ends meanwhile: the page exchanges the refresh token for another.
    browser.page.delete_cookie("access_token").await.unwrap();
    server.come_back().await;
    let token = server.token("acme", "ann", Role::Dispatcher);
    let texts = async || {
        let answer = server.get("/api/conversations/drv-1/messages", &token).await;
        let history: serde_json::Value = answer.json().await.unwrap();
        let messages = history["messages"].as_array().unwrap().iter();
        messages.map(|message| message["content"].as_str().unwrap().to_owned()).collect::<Vec<_>>()
    };
    until_within(PAGE_PATIENCE, "both have arrived", async || texts().await.len() == 3).await;
    let mut ann = Socket::dispatcher(&server, "ann").await;
    ann.send(json!({ "recipientId": "drv-1", "content": "Thank you" })).await;
    browser.says("Thank you").await;
    let wanted = ["Where are you?", "Typed in a tunnel", "Arrived", "Thank you"];
    assert_eq!(texts().await, wanted, "in order, and once");

    // As if the server's answer had been lost on the way: the page sends what is stored already.
    let answer = server.get("/api/conversations/drv-1/messages", &token).await;
    let history: serde_json::Value = answer.json().await.unwrap();
    let id = &history["messages"][2]["clientMessageId"];
    let again = json!([{ "clientMessageId": id, "content": "Arrived", "at": "2026-01-02T03:04:05Z" }]).to_string();
    browser.evaluate(KEEP_IN_OUTBOX, &[&again]).await;
    browser.page.refresh().await.unwrap();
    browser.says("Thank you").await;
    let left = "return JSON.parse(localStorage.getItem('sally.driver.outbox.acme.drv-1')).length";
    until_within(PAGE_PATIENCE, "the outbox is empty", async || browser.evaluate(left, &[]).await == 0).await;
    assert_eq!(texts().await, wanted);
    let shown = browser.evaluate("return [...document.querySelectorAll('.text')].map((text) => text.textContent)", &[]);
    assert_eq!(shown.await, json!(wanted), "and so on the page");
    assert!(!browser.text().await.contains("Waiting"));
}

#[tokio::test]
async fn what_another_server_has_stored_comes_too() {
    let (server, browser) = dana().await;
    let mut ann = Socket::dispatcher(&server, "ann").await;
    ann.send(json!({ "recipientId": "drv-1", "content": "The first" })).await;
    browser.says("The first").await;
    // More than one page of them.
    let missed: Vec<Outgoing> = (0..205).map(|number| from_ann(&format!("Missed {number}"))).collect();
    let group: Vec<&Outgoing> = missed.iter().collect();
    server.running().app().database.send(&group, Timestamp::now()).await.unwrap();
    ann.send(json!({ "recipientId": "drv-1", "content": "The last" })).await;
    browser.says("The last").await;
    let shown = browser.evaluate("return [...document.querySelectorAll('.text')].map((text) => text.textContent)", &[]);
    let mut wanted = vec!["The first".to_owned()];
    wanted.extend(missed.into_iter().map(|message| message.content));
    wanted.push("The last".into());
    assert_eq!(shown.await, json!(wanted));
}

fn from_ann(content: &str) -> Outgoing {
    Outgoing {
        tenant: Tenant::parse("acme").unwrap(),
        sender: Id::parse("ann").unwrap(),
        role: Role::Dispatcher,
        name: None,
        to: Recipients::Drivers(vec![Id::parse("drv-1").unwrap()]),
        content: content.into(),
        client_message_id: Uuid::new_v4().to_string(),
        priority: MessagePriority::Normal,
        requires_ack: false,
        alert_id: None,
        route_plan_id: None,
    }
}

#[tokio::test]
async fn what_was_typed_outlives_the_page() {
    let (mut server, browser) = dana().await;
    server.stop().await;
    browser.fill("#text", "Battery is at 1 %").await;
    browser.click("#composer button").await;
    browser.says("Waiting").await;
    browser.page.goto("about:blank").await.unwrap();
    server.come_back().await;
    browser.page.goto(&server.path("/driver")).await.unwrap();
    browser.shows(".progress.sent").await;
    browser.says("Battery is at 1 %").await;
}

#[tokio::test]
async fn what_the_server_refuses_can_be_tried_again_or_discarded() {
    let (_server, browser) = dana().await;
    // The page itself sends nothing that the server would refuse.
    let refused = json!([{ "clientMessageId": "no UUID", "content": "Nobody takes me", "at": "2026-01-02T03:04:05Z" }]);
    browser.evaluate(KEEP_IN_OUTBOX, &[&refused.to_string()]).await;
    browser.page.refresh().await.unwrap();
    browser.says("Not sent").await;
    browser.press("Try again").await;
    browser.says("Not sent").await;
    browser.press("Discard").await;
    until_within(PAGE_PATIENCE, "it is gone", async || !browser.text().await.contains("Nobody takes me")).await;
    browser.press("Loaded").await;
    browser.shows(".progress.sent").await;
}

#[tokio::test]
async fn a_dispatcher_is_told_whom_the_page_is_for() {
    let server = Server::start().await;
    add(&server, "ann", "Ann Lee", Role::Dispatcher).await;
    let browser = signed_in(&server, "ann").await;
    browser.says("This page is for drivers").await;
    browser.says("You are signed in as Ann Lee (dispatcher).").await;
    browser.press("Sign in as a driver").await;
    browser.shows("[name=email]").await;
    assert_eq!(browser.evaluate("return document.cookie + Object.keys(localStorage)", &[]).await, "");
    assert_eq!(browser.complaints().await, Vec::<String>::new());
}
