//! `cargo xtask demo`: the product with a simulated fleet, in a window or in a terminal.

mod terminal;

use std::env;
use std::time::Duration;

use anyhow::Result;

use crate::background::Background;
use crate::setup::{self, Purpose};
use crate::steps::Steps;
use crate::{interface, shell, workspace};

/// How to show it.
#[derive(clap::Args)]
pub(crate) struct Options {
    /// Stay in the terminal even where there is a display; needs nothing but Rust.
    #[arg(long)]
    headless: bool,
    /// End by itself after so many seconds.
    #[arg(long, value_name = "N")]
    seconds: Option<u64>,
}

/// Runs the command.
pub(crate) fn run(options: &Options) -> Result<()> {
    let limit = options.seconds.map(Duration::from_secs);
    if options.headless {
        return terminal::show(limit);
    }
    if !has_display() {
        println!("There is no display here, so the demo stays in the terminal: the headless server, and its stream.");
        return terminal::show(limit);
    }
    window(limit)
}

/// The desktop app, which runs the server and the fleet inside itself.
fn window(limit: Option<Duration>) -> Result<()> {
    let mut steps = Steps::new();
    setup::prepare(&mut steps, Purpose::Build)?;
    steps.run("user interface", interface::build)?;
    steps.run("desktop app", || shell::run(shell::cargo().args(["build", "--package", "sally-desktop"])))?;
    steps.print();
    let mut app = shell::command(workspace::target().join("debug/sally-desktop"));
    app.env("SALLY_DESKTOP_DEMO", "1");
    println!("\nThe app is opening; closing its window or Ctrl-C ends it.");
    let mut app = Background::start(&mut app)?;
    app.wait(limit)
}

fn has_display() -> bool {
    ["WAYLAND_DISPLAY", "DISPLAY"].iter().any(|name| env::var_os(name).is_some_and(|value| !value.is_empty()))
}
