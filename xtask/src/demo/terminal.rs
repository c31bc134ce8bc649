//! The demo without a display: the headless server, a simulated fleet, and the live stream.

use std::fs::{self, File};
use std::io::{self, BufRead, BufReader};
use std::path::Path;
use std::process::{Command, Stdio};
use std::thread;
use std::time::Duration;

use anyhow::{Context, Result, bail};

use crate::background::Background;
use crate::steps::Steps;
use crate::{shell, workspace};

const TENANT: &str = "demo";

/// Shows it until Ctrl-C, or for as long as `limit`.
///
/// # Errors
///
/// When the server can't be built or started, or one of the three programs fails.
pub(super) fn show(limit: Option<Duration>) -> Result<()> {
    let mut steps = Steps::new();
    steps.run("headless server", || shell::run(shell::cargo().args(["build", "--package", "sally-server"])))?;
    let home = workspace::root().join("target").join("demo");
    // Every demo begins with an empty board.
    if home.exists() {
        fs::remove_dir_all(&home).with_context(|| format!("cannot empty {}", home.display()))?;
    }
    fs::create_dir_all(&home).with_context(|| format!("cannot create {}", home.display()))?;

    let mut serve = server(&home, "serve");
    serve.env("SALLY_LISTEN", "127.0.0.1:0").stdout(Stdio::piped()).stderr(log(&home, "server.log")?);
    let mut serve = Background::start(&mut serve)?;
    let url = address(&mut serve).with_context(|| format!("see {}", home.join("server.log").display()))?;
    println!("\nThe server listens on {url} with its data in {}.", home.display());

    let mut simulate = server(&home, "simulate");
    simulate.args(["--url", &url, "--tenant", TENANT]);
    let fleet_log = log(&home, "fleet.log")?;
    simulate.stdout(fleet_log.try_clone().context("cannot share the fleet's log")?).stderr(fleet_log);
    let mut simulate = Background::start(&mut simulate)?;
    println!(
        "A simulated fleet drives for the tenant `{TENANT}`. What follows is its stream; Ctrl-C ends everything.\n"
    );

    let mut tail = server(&home, "tail");
    tail.args(["--url", &url, "--tenant", TENANT]);
    let mut tail = Background::start(&mut tail)?;
    let outcome = tail.wait(limit);
    if let Some(status) = serve.ended()? {
        bail!("the server ended with {status}; see {}", home.join("server.log").display());
    }
    if let Some(status) = simulate.ended()? {
        bail!("the fleet ended with {status}; see {}", home.join("fleet.log").display());
    }
    outcome
}

/// One command of the server, with everything it keeps in `home`.
fn server(home: &Path, command: &str) -> Command {
    let mut server = shell::command(workspace::target().join("debug/sally-server"));
    server.arg(command).env("SALLY_DATA_DIR", home);
    server
}

fn log(home: &Path, name: &str) -> Result<File> {
    let path = home.join(name);
    File::create(&path).with_context(|| format!("cannot write {}", path.display()))
}

/// Reads the first line that the server prints, `listening on http://…`.
fn address(serve: &mut Background) -> Result<String> {
    let output = serve.child().stdout.take().context("the server has no output")?;
    let mut output = BufReader::new(output);
    let mut line = String::new();
    output.read_line(&mut line).context("cannot read what the server says")?;
    let url = line.trim().strip_prefix("listening on ").context("the server did not say where it listens")?.to_owned();
    // Whatever else it says must find a reader, or the server would wait for one.
    thread::spawn(move || io::copy(&mut output, &mut io::sink()));
    Ok(url)
}
