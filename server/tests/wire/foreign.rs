//! The official Socket.IO client, from npm, on Node.

use std::path::Path;

use sally_protocol::Role;
use serde_json::Value;
use tokio::process::Command;

use crate::support::{PATIENCE, Server};

#[tokio::test]
async fn the_official_client_talks_over_every_transport() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/foreign");
    assert!(
        folder.join("node_modules").is_dir(),
        "`cargo xtask test` installs the client; by hand: npm ci in {folder:?}"
    );
    let server = Server::start().await;
    let client = Command::new("node")
        .arg(folder.join("client.mjs"))
        .arg(server.url())
        .arg(server.token("acme", "ann", Role::Dispatcher))
        .arg(server.token("acme", "drv-1", Role::Driver))
        .kill_on_drop(true)
        .output();
    let output = tokio::time::timeout(PATIENCE * 3, client).await.expect("the client ends").expect("node runs");
    let errors = String::from_utf8_lossy(&output.stderr);
    let seen: Value = serde_json::from_slice(&output.stdout).unwrap_or_else(|_| panic!("{errors}"));
    assert_eq!(seen["session"]["userId"], "ann");
    assert_eq!(seen["transport"], "websocket", "polling was upgraded");
    assert_eq!(seen["answer"]["ok"], true);
    for received in seen["received"].as_array().unwrap() {
        assert_eq!(received, &seen["answer"]["messages"][0]);
    }
    assert_eq!(seen["duplicate"], true);
    assert_eq!(seen["refused"], serde_json::json!(["invalid", "invalid"]));
    assert_eq!(seen["refusal"], "unauthorized");
}
