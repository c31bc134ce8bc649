//! The OpenAPI and AsyncAPI documents, from the server and from the command line, and their page.

use std::process::{Command, Output};

use reqwest::Method;
use serde_json::Value;

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

#[tokio::test]
async fn who_brings_no_token_is_answered_as_described() {
    let server = Server::start().await;
    let document = document(&server, "/openapi.json").await;
    let http = reqwest::Client::builder().redirect(reqwest::redirect::Policy::none()).build().unwrap();
    for (path, item) in document["paths"].as_object().unwrap() {
        for (method, operation) in item.as_object().unwrap() {
            let method_name = Method::from_bytes(method.to_uppercase().as_bytes()).unwrap();
            let answer = http.request(method_name, server.path(&filled(path))).send().await.unwrap();
            let status = answer.status().as_u16();
            let said = &operation["responses"][status.to_string()];
            assert!(said.is_object(), "{method} {path} answers {status}");
            // An empty alternative means that it can do without.
            let security = operation.get("security").unwrap_or(&document["security"]).as_array().unwrap();
            let is_open =
                security.iter().all(|one| one.as_object().unwrap().is_empty()) || security[0] == serde_json::json!({});
            assert_eq!(status != 401, is_open, "{method} {path} answers {status}");
            if status >= 400 {
                let code = problem(answer, status).await;
                let codes =
                    &said["content"]["application/problem+json"]["schema"]["allOf"][1]["properties"]["code"]["enum"];
                assert!(codes.as_array().unwrap().contains(&Value::from(code.as_str())), "{method} {path} says {code}");
            }
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
    assert_eq!(browser.evaluate(lost, &[]).await, serde_json::json!([]));
    let unreadable =
        "return document.body.innerText.includes('undefined') || document.body.innerText.includes('[object')";
    assert_eq!(browser.evaluate(unreadable, &[]).await, false);
    assert_eq!(browser.evaluate("return document.getElementById('type-Alert').open", &[]).await, true);
    assert_eq!(browser.complaints().await, Vec::<String>::new());
}
