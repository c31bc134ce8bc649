//! `rediss://`, with a certificate of an authority of our own.

use std::path::Path;
use std::process::Command;

use super::process::{Redis, free_port};
use crate::shutdown::Process;
use crate::support::until;

/// Makes `ca.crt`, and `server.crt` and `server.key` for localhost.
fn certify(dir: &Path) {
    std::fs::write(dir.join("names"), "subjectAltName=DNS:localhost").unwrap();
    for arguments in [
        "req -x509 -newkey rsa:2048 -nodes -keyout ca.key -out ca.crt -days 1 -subj /CN=authority",
        "req -newkey rsa:2048 -nodes -keyout server.key -out server.csr -subj /CN=localhost",
        "x509 -req -in server.csr -CA ca.crt -CAkey ca.key -CAcreateserial -out server.crt -days 1 -extfile names",
    ] {
        let made = Command::new("openssl").args(arguments.split(' ')).current_dir(dir).output();
        assert!(made.expect("openssl is installed").status.success(), "{arguments}");
    }
}

#[tokio::test]
async fn a_server_behind_tls_is_believed_by_its_authority() {
    let dir = tempfile::tempdir().unwrap();
    certify(dir.path());
    let path = |name: &str| dir.path().join(name).display().to_string();
    let port = free_port();
    let settings = ["--tls-port", &port.to_string(), "--tls-auth-clients", "no"].map(str::to_owned);
    let files = ["--tls-cert-file", &path("server.crt"), "--tls-key-file", &path("server.key")].map(str::to_owned);
    let authority = ["--tls-ca-cert-file".to_owned(), path("ca.crt")];
    let settings: Vec<&str> = settings.iter().chain(&files).chain(&authority).map(String::as_str).collect();
    let _redis = Redis::start_on(free_port(), &settings);
    let url = format!("rediss://localhost:{port}");
    let data = tempfile::tempdir().unwrap();
    let trusting = Process::start_with(data.path(), &[("SALLY_REDIS_URL", &url), ("SSL_CERT_FILE", &path("ca.crt"))]);
    let data = tempfile::tempdir().unwrap();
    let doubting = Process::start_with(data.path(), &[("SALLY_REDIS_URL", &url)]);
    let http = reqwest::Client::new();
    let ready = async |node: &Process| http.get(format!("{}/readyz", node.url)).send().await.unwrap().status() == 200;
    until("the node that knows the authority is ready", async || ready(&trusting).await).await;
    assert!(!ready(&doubting).await);
}
