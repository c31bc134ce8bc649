//! The files of the page for drivers, and their headers.

use std::fs;
use std::path::Path;

use crate::support::{Server, problem};

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
