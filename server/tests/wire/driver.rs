//! The page for drivers: its files and their headers, and the page itself in a browser.

use std::fs;
use std::path::Path;

use sally_protocol::{Id, Role, Tenant};
use sally_server::auth::password;
use sally_server::store::users::User;
use serde_json::json;

use crate::browser::Browser;
use crate::messaging::Socket;
use crate::support::{Server, problem, until};

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
    (server, browser)
}

#[tokio::test]
async fn the_page_is_served_under_a_strict_policy() {
    let server = Server::start().await;
    let host = server.url().trim_start_matches("http://").to_owned();
    let answer = server.http.get(server.path("/driver")).send().await.unwrap();
    assert_eq!(answer.status(), 200);
    let headers = answer.headers();
    assert_eq!(headers["content-type"], "text/html; charset=utf-8");
    assert_eq!(headers["cache-control"], "no-cache");
    assert_eq!(headers["x-content-type-options"], "nosniff");
    assert_eq!(headers["referrer-policy"], "same-origin");
    let policy = format!(
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; manifest-src 'self'; \
         connect-src 'self' ws://{host} wss://{host}; base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
    );
    assert_eq!(headers["content-security-policy"], policy);
    let page = answer.text().await.unwrap();
    assert!(!page.contains("<style") && !page.contains("style="), "the policy forbids inline styles");
    assert!(page.split("<script").skip(1).all(|script| script.contains("src=\"/driver/")), "every script is a file");
}

#[tokio::test]
async fn everything_that_the_page_names_is_there() {
    let server = Server::start().await;
    let page = server.http.get(server.path("/driver")).send().await.unwrap().text().await.unwrap();
    let mut wanted: Vec<String> =
        page.split('"').filter(|word| word.starts_with("/driver/")).map(str::to_owned).collect();
    let mut seen = Vec::new();
    while let Some(path) = wanted.pop() {
        if seen.contains(&path) {
            continue;
        }
        let answer = server.http.get(server.path(&path)).send().await.unwrap();
        assert_eq!(answer.status(), 200, "{path}");
        let media_type = answer.headers()["content-type"].to_str().unwrap().to_owned();
        let expected = match path.rsplit('.').next().unwrap() {
            "js" => "text/javascript; charset=utf-8",
            "css" => "text/css; charset=utf-8",
            "svg" => "image/svg+xml",
            _ => "application/manifest+json",
        };
        assert_eq!(media_type, expected, "{path}");
        let text = answer.text().await.unwrap();
        wanted
            .extend(text.split("from \"./").skip(1).map(|rest| format!("/driver/{}", rest.split('"').next().unwrap())));
        seen.push(path);
    }
    assert!(seen.iter().any(|path| path == "/driver/socket.io.esm.min.js"), "{seen:?}");
    let slash = server.http.get(server.path("/driver/")).send().await.unwrap();
    assert_eq!(slash.url().path(), "/driver");
    let nowhere = server.http.get(server.path("/driver/nothing.js")).send().await.unwrap();
    assert_eq!(problem(nowhere, 404).await, "not_found");
}

#[tokio::test]
async fn what_the_browser_holds_is_not_sent_again() {
    let server = Server::start().await;
    let get = async |tag: &str| {
        let request = server.http.get(server.path("/driver/app.js")).header("If-None-Match", tag);
        request.send().await.unwrap()
    };
    let first = get("\"other\"").await;
    assert_eq!(first.status(), 200);
    let tag = first.headers()["etag"].to_str().unwrap().to_owned();
    let second = get(&tag).await;
    assert_eq!((second.status().as_u16(), second.headers()["etag"].to_str().unwrap()), (304, tag.as_str()));
    assert!(second.headers().contains_key("content-security-policy"));
    assert!(second.bytes().await.unwrap().is_empty());
}

#[test]
fn the_vendored_client_is_that_of_npm() {
    let server = Path::new(env!("CARGO_MANIFEST_DIR"));
    let (vendor, package) =
        (server.join("src/driver/vendor"), server.join("tests/foreign/node_modules/socket.io-client"));
    for (ours, theirs) in
        [("socket.io.esm.min.js", "dist/socket.io.esm.min.js"), ("socket.io-client.LICENSE", "LICENSE")]
    {
        let theirs = fs::read(package.join(theirs)).expect("`cargo xtask test` installs the package");
        assert!(fs::read(vendor.join(ours)).unwrap() == theirs, "{ours} is another: `cargo xtask vendor`");
    }
    let about: serde_json::Value = serde_json::from_slice(&fs::read(package.join("package.json")).unwrap()).unwrap();
    let version = format!("`socket.io-client` {}", about["version"].as_str().unwrap());
    assert!(fs::read_to_string(vendor.join("README.md")).unwrap().contains(&version), "the README names {version}");
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
    until("both have arrived", async || texts().await.len() == 3).await;
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
    until("the outbox is empty", async || browser.evaluate(left, &[]).await == 0).await;
    assert_eq!(texts().await, wanted);
    let shown = browser.evaluate("return [...document.querySelectorAll('.text')].map((text) => text.textContent)", &[]);
    assert_eq!(shown.await, json!(wanted), "and so on the page");
    assert!(!browser.text().await.contains("Waiting"));
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
    until("it is gone", async || !browser.text().await.contains("Nobody takes me")).await;
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
