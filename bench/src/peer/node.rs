//! Event streams and messaging as they are commonly built on Node.js, in `bench/peers/node`.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, Result, bail};
use serde_json::Value;

use super::dialect::{self, Dialect, Seat};
use super::redis::Redis;
use super::{Running, Setting, home};
use crate::process::Program;

/// Starts the server in `file` with a Redis beside it.
pub(super) fn start(setting: &Setting, file: &str) -> Result<Running> {
    let redis = Redis::start()?;
    let url = format!("redis://{}", redis.address());
    run(setting, file, ("REDIS_URL", &url), Some(redis))
}

/// Starts the Socket.IO server, which takes tokens signed with `secret`.
pub(crate) fn start_messaging(setting: &Setting, secret: &str) -> Result<Running> {
    run(setting, "socketio.mjs", ("JWT_SECRET", secret), None)
}

fn run(setting: &Setting, file: &str, (key, value): (&str, &str), redis: Option<Redis>) -> Result<Running> {
    let folder = folder();
    if !folder.join("node_modules").is_dir() {
        bail!("its packages are missing: `cargo xtask bench` installs them, or `npm ci --prefix bench/peers/node`");
    }
    let mut command = Command::new("node");
    command.arg(file).current_dir(folder).env("NODE_ENV", "production").env(key, value);
    let mut program = Program::start(&mut command, setting.core)
        .context("Node.js is needed (Debian's package nodejs), or other --peers")?;
    let address = program.said("listening on http://")?.parse().context("the server's address can't be read")?;
    Ok(Running { address, dialect: Box::new(Node), program, redis, _home: home()? })
}

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("peers/node")
}

/// The version of an npm package that is installed for the servers.
pub(super) fn package_version(package: &str) -> String {
    let manifest = folder().join("node_modules").join(package).join("package.json");
    let manifest = fs::read(manifest).ok().and_then(|json| serde_json::from_slice::<Value>(&json).ok());
    let version = manifest.as_ref().and_then(|manifest| manifest["version"].as_str());
    version.unwrap_or("of an unknown version").to_owned()
}

struct Node;

impl Dialect for Node {
    fn ready(&self) -> &'static [u8] {
        b"event: ready"
    }

    fn open(&self, seat: Seat, _: &str, _: &[u8], out: &mut Vec<u8>) {
        dialect::get(&format!("/sse/t{}", seat.tenant), "", b"", out);
    }

    fn publish(&self, tenant: usize, event: &[u8], out: &mut Vec<u8>) {
        dialect::redis_publish(tenant, event, out);
    }
}
