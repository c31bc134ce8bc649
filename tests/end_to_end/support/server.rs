//! The headless server, as its binary.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context, Result, bail, ensure};
use serde_json::Value;

use super::process::Process;
use super::redis::Redis;
use super::wait;

/// The password of everyone.
pub(crate) const PASSWORD: &str = "correct horse battery staple";

/// A running server that can be killed and started again where it was.
pub(crate) struct Server {
    name: &'static str,
    process: Option<Process>,
    url: String,
    folder: PathBuf,
    redis: String,
    http: reqwest::Client,
}

impl Server {
    /// Starts one on a free port, with everything it keeps below `folder` and its log in `redis`.
    pub(crate) async fn start(folder: &Path, redis: &Redis) -> Result<Self> {
        Self::start_as("server", folder, redis).await
    }

    /// Another one of the same data and the same Redis.
    pub(crate) async fn start_as(name: &'static str, folder: &Path, redis: &Redis) -> Result<Self> {
        let mut server = Self {
            name,
            process: None,
            url: "http://127.0.0.1:0".into(),
            folder: folder.to_owned(),
            redis: redis.url().to_owned(),
            http: reqwest::Client::new(),
        };
        server.restart().await?;
        Ok(server)
    }

    /// Its address.
    pub(crate) fn url(&self) -> &str {
        &self.url
    }

    /// Ends it as a power cut would, by SIGKILL.
    pub(crate) fn kill(&mut self) {
        self.process = None;
    }

    /// Starts it again, on the port it had before.
    pub(crate) async fn restart(&mut self) -> Result<()> {
        let listen = self.url.trim_start_matches("http://").to_owned();
        let already = self.log().len();
        let mut process = Process::start(self.command("serve").env("SALLY_LISTEN", listen), self.name, &self.folder)?;
        self.url = process.line(already, |line| line.strip_prefix("listening on ").map(str::to_owned)).await?;
        self.process = Some(process);
        Ok(())
    }

    /// Its port.
    pub(crate) fn port(&self) -> Result<u16> {
        self.url.rsplit(':').next().context("no port")?.parse().context("not a port")
    }

    /// Makes a dispatcher of `tenant`, who signs in by `email` and [`PASSWORD`].
    pub(crate) fn add_dispatcher(&self, tenant: &str, email: &str) -> Result<()> {
        self.add_user(&["--tenant", tenant, "--email", email, "--name", "Dana Dispatch", "--role", "dispatcher"])
    }

    /// Makes a driver of `tenant`, who signs in by `email` and [`PASSWORD`].
    pub(crate) fn add_driver_who_signs_in(&self, tenant: &str, user: &str, email: &str) -> Result<()> {
        let name = ["--name", "Maria Lopez"];
        self.add_user(
            &[&["--tenant", tenant, "--driver", user, "--email", email, "--role", "driver"][..], &name].concat(),
        )
    }

    /// Makes a driver of `tenant` and returns a token of theirs.
    pub(crate) fn add_driver(&self, tenant: &str, user: &str, name: &str) -> Result<String> {
        self.output(&["token", "--tenant", tenant, "--user", user, "--name", name, "--role", "driver"])
    }

    /// A token of another dispatcher of `tenant`, who is known from the first request on.
    pub(crate) fn add_colleague(&self, tenant: &str, user: &str, name: &str) -> Result<String> {
        self.output(&["token", "--tenant", tenant, "--user", user, "--name", name, "--role", "dispatcher"])
    }

    /// A token of somebody who sees everything of `tenant`.
    pub(crate) fn service_token(&self, tenant: &str) -> Result<String> {
        self.output(&["token", "--tenant", tenant, "--user", "test-service", "--role", "service"])
    }

    fn add_user(&self, arguments: &[&str]) -> Result<()> {
        let mut command = self.command("user");
        command.arg("add").args(arguments).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut running = command.spawn().context("cannot start the server's binary")?;
        running.stdin.take().context("no input")?.write_all(PASSWORD.as_bytes())?;
        let output = running.wait_with_output()?;
        ensure!(output.status.success(), "user add: {}", String::from_utf8_lossy(&output.stderr));
        Ok(())
    }

    /// How many messaging connections it counts.
    pub(crate) async fn messaging_connections(&self) -> Result<u64> {
        let metrics = self.http.get(format!("{}/metrics", self.url)).send().await?.error_for_status()?.text().await?;
        let value = metrics.lines().find_map(|line| line.strip_prefix("sally_messaging_connections "));
        value.context("no metric sally_messaging_connections")?.trim().parse().context("not a count")
    }

    /// Waits until what is published in Redis reaches its log.
    pub(crate) async fn ready(&self) -> Result<()> {
        wait::until("the server is ready", async || {
            let answer = self.http.get(format!("{}/readyz", self.url)).send().await?;
            Ok(answer.status().is_success().then_some(()))
        })
        .await
    }

    /// Whether the snapshot that `token` may read mentions `text`.
    pub(crate) async fn snapshot_mentions(&self, token: &str, text: &str) -> Result<bool> {
        let request = self.http.get(format!("{}/api/snapshot", self.url)).bearer_auth(token);
        let snapshot: Value = request.send().await?.error_for_status()?.json().await?;
        Ok(snapshot.to_string().contains(text))
    }

    /// All that it has printed, over restarts.
    pub(crate) fn log(&self) -> String {
        std::fs::read_to_string(self.folder.join(format!("{}.log", self.name))).unwrap_or_default()
    }

    fn output(&self, arguments: &[&str]) -> Result<String> {
        let [command, arguments @ ..] = arguments else { bail!("no command") };
        let output = self.command(command).args(arguments).output().context("cannot start the server's binary")?;
        ensure!(output.status.success(), "{command}: {}", String::from_utf8_lossy(&output.stderr));
        Ok(String::from_utf8(output.stdout)?.trim().to_owned())
    }

    /// The binary, which cargo puts beside the desktop app's.
    fn command(&self, command: &str) -> Command {
        let mut server = Command::new(Path::new(env!("CARGO_BIN_EXE_sally-desktop")).with_file_name("sally-server"));
        server.arg(command);
        server.env("SALLY_DATA_DIR", self.folder.join("data")).env("SALLY_REDIS_URL", &self.redis);
        server
    }
}
