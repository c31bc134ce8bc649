//! A clock that jumps: the node's own, by libfaketime; the system's stays as it is.

use std::path::{Path, PathBuf};
use std::time::Duration;

use jiff::fmt::rfc2822;
use jiff::{SignedDuration, Timestamp};
use sally_protocol::Role;
use serde_json::json;
use tokio::time::Instant;

use crate::client::{Habits, Swarm};
use crate::node::{Node, token_for};
use crate::size::Size;
use crate::story::LAST;

/// How far it jumps.
const JUMP: SignedDuration = SignedDuration::from_hours(1);

/// A clock that the node reads.
struct Clock {
    file: PathBuf,
    library: String,
}

impl Clock {
    fn new(dir: &Path) -> Self {
        let library = glob("/usr/lib", "faketime/libfaketimeMT.so.1");
        let clock = Self { file: dir.join("clock"), library: library.to_str().unwrap().to_owned() };
        clock.set(SignedDuration::ZERO);
        clock
    }

    /// Sets it so far ahead of the system's.
    fn set(&self, ahead: SignedDuration) {
        // Whoever reads it must never see half of it.
        let new = self.file.with_extension("new");
        std::fs::write(&new, format!("{:+}\n", ahead.as_secs())).unwrap();
        std::fs::rename(new, &self.file).unwrap();
    }

    fn variables(&self) -> [(&str, &str); 4] {
        [
            ("LD_PRELOAD", &self.library),
            ("FAKETIME_TIMESTAMP_FILE", self.file.to_str().unwrap()),
            ("FAKETIME_NO_CACHE", "1"),
            // Waiting goes by the monotonic clock, which doesn't jump.
            ("FAKETIME_DONT_FAKE_MONOTONIC", "1"),
        ]
    }
}

/// A file in `dir` or in a directory of it, where distributions keep what belongs to an architecture.
fn glob(dir: &str, file: &str) -> PathBuf {
    let inside = std::fs::read_dir(dir).unwrap().map(|entry| entry.unwrap().path());
    let mut candidates = inside.chain([PathBuf::from(dir)]).map(|dir| dir.join(file));
    candidates.find(|path| path.exists()).expect("libfaketime is installed: `cargo xtask test` does that")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_clock_that_jumps_loses_and_repeats_nothing() {
    let (size, dir) = (Size::asked(), tempfile::tempdir().unwrap());
    let clock = Clock::new(dir.path());
    let mut variables = clock.variables().to_vec();
    // What is published now is half as old at most when the clock has jumped.
    variables.extend([("SALLY_LOG_RETENTION", "2h"), ("SALLY_HEARTBEAT", "500ms")]);
    let node = Node::start(dir.path(), &variables).await;
    let habits = |stay: Duration| Habits { addresses: vec![node.address], stay, ..Habits::default() };
    let staying = Swarm::start(5, &habits(Duration::from_secs(3_600))).await;
    let hopping = Swarm::start(5, &habits(Duration::from_millis(700))).await;
    let short = token_for("short", Role::Dispatcher, Duration::from_secs(30 * 60));
    let (mut n, mut first) = (0, String::new());
    for ahead in [SignedDuration::ZERO, JUMP, SignedDuration::ZERO] {
        clock.set(ahead);
        let end = Instant::now() + size.between_jumps;
        while Instant::now() < end {
            let cursor = node.publish(json!({ "type": "zz_top", "n": n, "eventId": format!("e-{n}") })).await;
            if n == 0 {
                first = cursor;
            }
            n += 1;
            tokio::time::sleep(Duration::from_millis(25)).await;
        }
        // The node's clock is where it was set, and a token ends by it.
        let answer = node.open(&short).await;
        let date = rfc2822::parse(answer.headers()["date"].to_str().unwrap()).unwrap().timestamp();
        let off = date.duration_since(Timestamp::now().saturating_add(ahead).unwrap());
        assert!(off.abs() < SignedDuration::from_secs(60), "the clock is off by {off}");
        assert_eq!(answer.status(), if ahead == JUMP { 401 } else { 200 });
    }
    // A repeat counts once, whatever the clock did in between.
    node.publish(json!({ "type": "zz_top", "n": n, "eventId": format!("e-{}", n - 1) })).await;
    node.publish(json!({ "type": LAST, "n": n })).await;
    for swarm in [staying, hopping] {
        for story in swarm.stories(Duration::from_secs(60)).await {
            story.assert_whole(n + 1);
        }
    }
    // Nothing has left the log, although the clock was an hour ahead.
    let late = Swarm::start(1, &Habits { after: first, ..habits(Duration::from_secs(60)) }).await;
    assert_eq!(late.stories(Duration::from_secs(60)).await[0].numbers, (1..=n).collect::<Vec<_>>());
}
