//! `cargo xtask setup`: everything that the desktop app and its tests need, and nothing else.

use anyhow::Result;

use crate::steps::Steps;
use crate::{system, tool};

/// What a command is about to do, and so what it needs.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Purpose {
    /// Build the desktop app.
    Build,
    /// Build it and drive it in tests.
    Test,
}

/// Runs the command.
pub(crate) fn run() -> Result<()> {
    let mut steps = Steps::new();
    prepare(&mut steps, Purpose::Test)?;
    steps.print();
    Ok(())
}

/// Sets up what `purpose` needs.
///
/// # Errors
///
/// A sentence that says what is missing and how to get it.
pub(crate) fn prepare(steps: &mut Steps, purpose: Purpose) -> Result<()> {
    steps.run("system packages", || match purpose {
        Purpose::Build => system::install(&[system::DESKTOP]),
        Purpose::Test => system::install(&[system::DESKTOP, system::TESTS, system::NODE, system::REDIS, system::CLOCK]),
    })?;
    steps.run("wasm target", tool::install_wasm_target)?;
    steps.run("tools", || {
        let mut tools = vec![tool::trunk(), tool::wasm_bindgen()?];
        if purpose == Purpose::Test {
            tools.push(tool::tauri_driver());
        }
        tool::install(&tools)
    })
}
