//! What a started process says first.

use std::io::{BufRead as _, BufReader};
use std::process::{Child, ChildStdout};
use std::sync::mpsc;
use std::time::Duration;

/// How long a server may take to say where it listens.
const START_LIMIT: Duration = Duration::from_secs(60);

/// The URL at which a server says that it listens. One that doesn't say so in time is stopped.
pub(crate) fn listening_at(server: &mut Child) -> String {
    let Some(line) = first_line(server.stdout.take().unwrap()) else {
        let _ = server.kill();
        panic!("a server said nothing for {START_LIMIT:?}: {:?}", server.wait());
    };
    line.trim().strip_prefix("listening on ").expect("the first line says where").to_owned()
}

fn first_line(stdout: ChildStdout) -> Option<String> {
    let (sender, said) = mpsc::channel();
    // A read can't be given a limit; this one ends with the process.
    std::thread::spawn(move || {
        let mut line = String::new();
        let _ = BufReader::new(stdout).read_line(&mut line);
        sender.send(line)
    });
    said.recv_timeout(START_LIMIT).ok()
}
