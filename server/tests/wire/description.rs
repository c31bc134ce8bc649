//! The OpenAPI and AsyncAPI documents, from the server and from the command line, and their page.

use std::process::{Command, Output};
use std::time::Duration;

use reqwest::Method;
use sally_protocol::Role;
use serde_json::{Value, json};

use crate::browser::{Browser, PAGE_PATIENCE};
use crate::support::{Server, problem, until_within};

async fn document(server: &Server, path: &str) -> Value {
    server.http.get(server.path(path)).send().await.unwrap().json().await.unwrap()
}

fn print(command: &str) -> Output {
    // A setting that doesn't hold has no say in what the server is.
    let mut print = Command::new(env!("CARGO_BIN_EXE_sally-server"));
    print.arg(command).env("SALLY_JWT_SECRET", "short").output().unwrap()
}

#[tokio::test]
async fn both_documents_are_open_to_all_and_the_command_line_prints_the_same() {
    let server = Server::start().await;
    for (path, command, version) in [("/openapi.json", "openapi", "3.1.0"), ("/asyncapi.json", "asyncapi", "3.0.0")] {
        let answer = server.http.get(server.path(path)).send().await.unwrap();
        assert_eq!(answer.status(), 200);
        assert_eq!(answer.headers()["content-type"], "application/json");
        let tag = answer.headers()["etag"].clone();
        let document: Value = answer.json().await.unwrap();
        assert_eq!(document[command], version);
        assert_eq!(document["info"]["version"], env!("CARGO_PKG_VERSION"));
        let again = server.http.get(server.path(path)).header("If-None-Match", tag).send().await.unwrap();
        assert_eq!(again.status(), 304);
        let printed = print(command);
        assert!(printed.status.success() && printed.stderr.is_empty(), "{printed:?}");
        let printed: Value = serde_json::from_slice(&printed.stdout).unwrap();
        assert!(printed == document, "{command} prints another document");
    }
}

/// A path with something in its parameters.
fn filled(path: &str) -> String {
    path.replace("{id}", "some-1").replace("{action}", "acknowledge").replace("{file}", "docs.css")
}

#[tokio::test]
async fn every_path_takes_the_methods_that_are_described_and_no_other() {
    let server = Server::start().await;
    let document = document(&server, "/openapi.json").await;
    for (path, item) in document["paths"].as_object().unwrap() {
        let mut described: Vec<String> = item.as_object().unwrap().keys().map(|method| method.to_uppercase()).collect();
        if described.contains(&"GET".to_owned()) {
            described.push("HEAD".into());
        }
        let answer = server.http.request(Method::PATCH, server.path(&filled(path))).send().await.unwrap();
        let allowed = answer.headers()["allow"].to_str().unwrap().to_owned();
        assert_eq!(problem(answer, 405).await, "method_not_allowed", "{path}");
        let mut allowed: Vec<String> = allowed.split(',').map(|method| method.trim().to_owned()).collect();
        described.sort();
        allowed.sort();
        assert_eq!(described, allowed, "{path}");
    }
}

/// Every operation of a server: path, method, and what is described.
async fn operations(server: &Server) -> Vec<(String, Method, Value)> {
    let document = document(server, "/openapi.json").await;
    let mut operations = Vec::new();
    for (path, item) in document["paths"].as_object().unwrap() {
        for (method, operation) in item.as_object().unwrap() {
            let mut operation = operation.clone();
            if operation.get("security").is_none() {
                operation["security"] = document["security"].clone();
            }
            operations.push((path.clone(), method.to_uppercase().parse().unwrap(), operation));
        }
    }
    operations
}

/// Asks without a body, checks that the answer is one of those that are described, and returns its status.
async fn ask(server: &Server, path: &str, method: &Method, operation: &Value, token: Option<&str>) -> u16 {
    let http = reqwest::Client::builder().redirect(reqwest::redirect::Policy::none()).build().unwrap();
    let mut request = http.request(method.clone(), server.path(&filled(path)));
    if let Some(token) = token {
        request = request.bearer_auth(token);
    }
    let answer = request.send().await.unwrap();
    let status = answer.status().as_u16();
    let said = &operation["responses"][status.to_string()];
    assert!(said.is_object(), "{method} {path} answers {status}: {:?}", answer.text().await);
    if status >= 400 {
        let code = problem(answer, status).await;
        let schema = &said["content"]["application/problem+json"]["schema"]["allOf"][1];
        let codes = schema["properties"]["code"]["enum"].as_array().unwrap();
        assert!(codes.contains(&Value::from(code.as_str())), "{method} {path} says {code}");
    }
    status
}

#[tokio::test]
async fn who_brings_no_token_is_answered_as_described() {
    let server = Server::start().await;
    for (path, method, operation) in operations(&server).await {
        let status = ask(&server, &path, &method, &operation, None).await;
        // An empty alternative means that it can do without.
        let alternatives = operation["security"].as_array().unwrap();
        let is_open = alternatives.is_empty() || alternatives.contains(&json!({}));
        assert_eq!(status != 401, is_open, "{method} {path} answers {status}");
    }
}

#[tokio::test]
async fn whoever_asks_is_answered_as_described() {
    let server = Server::start().await;
    let tokens = [
        server.token("acme", "ann", Role::Dispatcher),
        server.token("acme", "olga", Role::Owner),
        server.token("acme", "drv-1", Role::Driver),
        server.token("acme", "svc", Role::Service),
        server.token("*", "svc", Role::Service),
        server.token_for("acme", "ann", Role::Dispatcher, None, Duration::ZERO),
        "nonsense".to_owned(),
    ];
    let operations = operations(&server).await;
    for token in tokens {
        for (path, method, operation) in &operations {
            ask(&server, path, method, operation, Some(&token)).await;
        }
    }
}

#[tokio::test]
async fn the_page_is_served_under_a_strict_policy() {
    let server = Server::start().await;
    let answer = server.http.get(server.path("/docs")).send().await.unwrap();
    assert_eq!(answer.status(), 200);
    assert_eq!(answer.headers()["content-type"], "text/html; charset=utf-8");
    let policy = answer.headers()["content-security-policy"].to_str().unwrap().to_owned();
    assert!(policy.starts_with("default-src 'none'; script-src 'self'; style-src 'self';"), "{policy}");
    let page = answer.text().await.unwrap();
    assert!(!page.contains("<style") && !page.contains("style="), "the policy forbids inline styles");
    assert!(page.split("<script").skip(1).all(|script| script.contains("src=\"/docs/")), "every script is a file");
    let nowhere = server.http.get(server.path("/docs/nothing.js")).send().await.unwrap();
    assert_eq!(problem(nowhere, 404).await, "not_found");
}

#[tokio::test]
async fn the_page_shows_every_operation_message_and_type() {
    let server = Server::start().await;
    let (openapi, asyncapi) = (document(&server, "/openapi.json").await, document(&server, "/asyncapi.json").await);
    let browser = Browser::open().await;
    browser.page.goto(&server.path("/docs#type-Alert")).await.unwrap();
    let is_read = "return document.querySelector('#state') === null";
    until_within(PAGE_PATIENCE, "read", async || browser.evaluate(is_read, &[]).await == true).await;
    let operations = openapi["paths"].as_object().unwrap().values();
    let mut ids: Vec<String> = operations
        .flat_map(|item| item.as_object().unwrap().values())
        .map(|operation| operation["operationId"].as_str().unwrap().to_owned())
        .collect();
    for (channel, told) in asyncapi["channels"].as_object().unwrap() {
        ids.extend(told["messages"].as_object().unwrap().keys().map(|key| format!("{channel}-{key}")));
    }
    for document in [&openapi, &asyncapi] {
        let types = document["components"]["schemas"].as_object().unwrap();
        ids.extend(types.keys().map(|name| format!("type-{name}")));
    }
    let exists = "return document.getElementById(arguments[0]) instanceof HTMLDetailsElement";
    for id in &ids {
        assert_eq!(browser.evaluate(exists, &[id]).await, true, "{id}");
    }
    let lost = "return [...document.querySelectorAll('a[href^=\"#\"]')].map((link) => link.hash.slice(1)).filter((id) => !document.getElementById(id))";
    assert_eq!(browser.evaluate(lost, &[]).await, json!([]));
    let unreadable = "return document.body.innerText.split('\\n').filter((line) => line === 'null' || /undefined|\\[object/.test(line))";
    assert_eq!(browser.evaluate(unreadable, &[]).await, json!([]));
    assert_eq!(browser.evaluate("return document.getElementById('type-Alert').open", &[]).await, true);
    assert_eq!(browser.complaints().await, Vec::<String>::new());
}
