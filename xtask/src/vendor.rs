//! `cargo xtask vendor`: the files in `server/src/driver/vendor`, from npm.
//!
//! The server has them compiled in, so that building it needs no Node. A wire test compares them with what npm has.

use std::fs;

use anyhow::{Context, Result};

use crate::steps::Steps;
use crate::{system, test, workspace};

/// Where npm puts the package, where the server looks for it, and the files by their names there and here.
const PACKAGE: &str = "server/tests/foreign/node_modules/socket.io-client";
const VENDOR: &str = "server/src/driver/vendor";
const FILES: [(&str, &str); 2] =
    [("dist/socket.io.esm.min.js", "socket.io.esm.min.js"), ("LICENSE", "socket.io-client.LICENSE")];

/// Runs the command.
pub(crate) fn run() -> Result<()> {
    let mut steps = Steps::new();
    steps.run("system packages", || system::install(&[system::NODE]))?;
    steps.run("the official Socket.IO client, from npm", test::install_foreign_client)?;
    for (from, to) in FILES {
        let (from, to) = (workspace::root().join(PACKAGE).join(from), workspace::root().join(VENDOR).join(to));
        fs::copy(&from, &to).with_context(|| format!("cannot copy {} to {}", from.display(), to.display()))?;
        println!("{}", to.display());
    }
    Ok(())
}
