//! `cargo xtask bundle`: the installable package of the desktop app.

use anyhow::{Result, bail};

use crate::setup::{self, Purpose};
use crate::steps::Steps;
use crate::{shell, workspace};

/// The Tauri CLI; npm has it prebuilt, cargo would compile it for many minutes.
const TAURI_CLI: &str = "@tauri-apps/cli@2.12.4";

/// Runs the command.
pub(crate) fn run() -> Result<()> {
    if !shell::has("npx") {
        bail!("bundling runs the Tauri CLI from npm. Please install Node.js 18 or newer with npm, then run this again");
    }
    let mut steps = Steps::new();
    setup::prepare(&mut steps, Purpose::Build)?;
    steps.run("package", || {
        println!("Fetching {TAURI_CLI} with npm into its cache, unless it is there: it makes the package.");
        let mut tauri = shell::command("npx");
        tauri.args(["--yes", TAURI_CLI, "build", "--bundles", "deb"]);
        // The CLI builds the user interface first, see `interface::build`.
        tauri.env("TRUNK_OFFLINE", "true").env_remove("NO_COLOR");
        shell::run(&mut tauri)
    })?;
    steps.print();
    println!("The package is in {}.", workspace::target().join("release/bundle/deb").display());
    Ok(())
}
