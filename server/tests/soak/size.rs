//! How much of it there is.

use std::time::Duration;

/// The size of a run.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Size {
    /// Clients that come and go.
    pub clients: usize,
    /// How long one of them stays connected.
    pub stay: Duration,
    /// How long it is away then.
    pub away: Duration,
    /// How long events are published.
    pub lasts: Duration,
    /// How often a node is killed.
    pub killed_every: Duration,
    /// Clients that hop between nodes, or live through a fault.
    pub hopping: usize,
    /// Clients that read beside one that doesn't.
    pub reading: usize,
    /// Events of 60 kB that the one doesn't read.
    pub unread: usize,
    /// Time between two jumps of a clock.
    pub between_jumps: Duration,
    /// Messaging clients that come and go, and how many messages a second there are for them.
    pub listeners: usize,
    pub messages_per_second: u32,
    /// How often each fault comes.
    pub faults: usize,
}

impl Size {
    /// What `SALLY_SOAK` asks for: `full`, or without it what the ordinary tests have time for.
    pub(crate) fn asked() -> Self {
        match std::env::var("SALLY_SOAK").as_deref() {
            Ok("full") => Self {
                clients: 2_000,
                stay: Duration::from_secs(15),
                away: Duration::from_secs(2),
                lasts: Duration::from_secs(180),
                killed_every: Duration::from_secs(20),
                hopping: 200,
                reading: 200,
                unread: 1_000,
                // Old events go twice a minute.
                between_jumps: Duration::from_secs(40),
                listeners: 1_000,
                messages_per_second: 25,
                faults: 5,
            },
            Ok(word) => panic!("SALLY_SOAK is {word:?}, and only \"full\" is known"),
            Err(_) => Self {
                clients: 100,
                stay: Duration::from_secs(2),
                away: Duration::from_millis(500),
                lasts: Duration::from_secs(10),
                killed_every: Duration::from_secs(4),
                hopping: 20,
                reading: 10,
                unread: 1_000,
                between_jumps: Duration::from_secs(2),
                listeners: 60,
                messages_per_second: 25,
                faults: 1,
            },
        }
    }
}
