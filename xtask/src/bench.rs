//! `cargo xtask bench`: the server beside its peers, under the same load.

use anyhow::{Context, Result};

use crate::steps::Steps;
use crate::{shell, system, workspace};

/// What to measure.
#[derive(clap::Args)]
pub(crate) struct Options {
    /// Options of the benchmark; `cargo xtask bench --help` lists them
    #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
    arguments: Vec<String>,
}

/// Runs the command.
pub(crate) fn run(options: &Options) -> Result<()> {
    let mut steps = Steps::new();
    steps.run("load generator", || build("sally-bench"))?;
    let bench = workspace::target().join("release/sally-bench");
    // The benchmark knows which peers its options name, this command how to get them. Without an
    // answer the options are wrong, and the benchmark says so itself.
    let mut list = shell::command(&bench);
    list.args(&options.arguments).arg("--list-peers");
    if let Some(peers) = shell::output(&mut list) {
        steps.run("peers", || install(&peers))?;
    }
    steps.run("benchmark", || shell::run(shell::command(&bench).args(&options.arguments)))
}

fn build(package: &str) -> Result<()> {
    shell::run(shell::cargo().args(["build", "--release", "--package", package]))
}

/// Builds or installs what `peers`, one a line, are made of.
fn install(peers: &str) -> Result<()> {
    let named = |names: &[&str]| peers.lines().any(|peer| names.contains(&peer));
    if named(&["sally", "sally-redis"]) {
        build("sally-server")?;
    }
    let streams_on_node = named(&["express", "nest"]);
    let on_node = streams_on_node || named(&["socket-io"]);
    let mut packages = Vec::new();
    if streams_on_node || named(&["sally-redis"]) {
        packages.push(system::REDIS);
    }
    if named(&["nchan"]) {
        packages.push(system::NCHAN);
    }
    if on_node {
        packages.push(system::NODE);
    }
    system::install(&packages).context("some --peers need what can't be installed; sally and floor need nothing")?;
    if on_node {
        println!(
            "Installing Express, NestJS, Socket.IO and what they need from npm into bench/peers/node: they are measured."
        );
        let mut npm = shell::command("npm");
        npm.args(["ci", "--no-audit", "--no-fund", "--prefix", "bench/peers/node"]);
        shell::run(&mut npm)?;
    }
    Ok(())
}
