//! Which version of a peer was measured.

use std::path::Path;
use std::process::{Command, Stdio};

use super::{Peer, Setting, node};

/// What a peer and the Redis beside it say of themselves; empty for what is part of this program.
pub(super) fn of(peer: Peer, setting: &Setting) -> String {
    let redis = || format!("Redis {}", word(&said(Path::new("redis-server"), "--version"), 2).trim_start_matches("v="));
    let server = || of_sally(setting);
    let on_node = |package: &str| format!("{}, {}", on_node(package), redis());
    match peer {
        Peer::Sally => server(),
        Peer::SallyRedis => format!("{}, {}", server(), redis()),
        Peer::Floor | Peer::FloorMerge => String::new(),
        Peer::Nchan => said(Path::new("nginx"), "-v"),
        Peer::Express => on_node("express"),
        Peer::Nest => on_node("@nestjs/core"),
    }
}

/// That of `sally-server`.
pub(crate) fn of_sally(setting: &Setting) -> String {
    said(&setting.server, "--version")
}

/// That of an npm package, and of Node.js.
pub(crate) fn on_node(package: &str) -> String {
    format!("{package} {}, Node.js {}", node::package_version(package), said(Path::new("node"), "--version"))
}

/// The first line that a program prints when asked, wherever it prints it.
fn said(program: &Path, question: &str) -> String {
    let output = Command::new(program).arg(question).stdin(Stdio::null()).output();
    let text = output.map(|output| [output.stdout, output.stderr].concat()).unwrap_or_default();
    String::from_utf8_lossy(&text).lines().next().unwrap_or("of an unknown version").trim().to_owned()
}

fn word(text: &str, number: usize) -> &str {
    text.split_whitespace().nth(number).unwrap_or("of an unknown version")
}
