//! A display without a screen.

use std::path::Path;
use std::process::Command;

use anyhow::{Context, Result, bail};

use super::process::Process;

/// An X server of its own for one app.
pub(crate) struct Display {
    number: u32,
    _server: Process,
}

impl Display {
    /// Starts one on a number that the X server finds free.
    pub(crate) async fn start(folder: &Path) -> Result<Self> {
        let mut command = Command::new("Xvfb");
        command.args(["-displayfd", "1", "-screen", "0", "1440x900x24", "-nolisten", "tcp"]);
        let mut server = Process::start(&mut command, "display", folder)?;
        let number = server.line(0, |line| line.trim().parse().ok()).await.context("no display")?;
        Ok(Self { number, _server: server })
    }

    /// Its name, as `DISPLAY` has it.
    pub(crate) fn name(&self) -> String {
        format!(":{}", self.number)
    }

    /// Writes what is on it to `picture`, a PNG.
    pub(crate) fn capture(&self, picture: &Path) -> Result<()> {
        let mut import = Command::new("import");
        let status = import.args(["-display", &self.name(), "-window", "root"]).arg(picture).status();
        if !status.context("import could not be started")?.success() {
            bail!("import took no picture");
        }
        Ok(())
    }
}
