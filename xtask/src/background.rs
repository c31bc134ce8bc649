//! A program that runs beside this one and ends with it.

use std::path::PathBuf;
use std::process::{Child, Command, ExitStatus};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};

/// How often a running program is looked at.
const LOOK: Duration = Duration::from_millis(50);

/// A started program; dropping it ends the program.
///
/// Ctrl-C in a terminal reaches the program directly, since it is in the same process group.
pub(crate) struct Background {
    name: String,
    child: Child,
}

impl Background {
    /// Starts `command`.
    ///
    /// # Errors
    ///
    /// When it can't be started.
    pub(crate) fn start(command: &mut Command) -> Result<Self> {
        let name = PathBuf::from(command.get_program()).display().to_string();
        let child = command.spawn().with_context(|| format!("cannot start {name}"))?;
        Ok(Self { name, child })
    }

    /// The started program, for its pipes.
    pub(crate) fn child(&mut self) -> &mut Child {
        &mut self.child
    }

    /// How it ended, or `None` while it runs.
    pub(crate) fn ended(&mut self) -> Result<Option<ExitStatus>> {
        self.child.try_wait().with_context(|| format!("cannot look at {}", self.name))
    }

    /// Waits for its end, at most until `limit` has passed.
    ///
    /// # Errors
    ///
    /// When it ended by itself, and not well.
    pub(crate) fn wait(&mut self, limit: Option<Duration>) -> Result<()> {
        let started = Instant::now();
        while limit.is_none_or(|limit| started.elapsed() < limit) {
            match self.ended()? {
                Some(status) if status.success() => return Ok(()),
                Some(status) => bail!("{} ended with {status}", self.name),
                None => thread::sleep(LOOK),
            }
        }
        Ok(())
    }
}

impl Drop for Background {
    fn drop(&mut self) {
        // It may have ended already; then there is nothing to do.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
